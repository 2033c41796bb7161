/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler of patterns. */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <sluice/plugin.h>

#include "annot.h"
#include "lexicon.h"
#include "pattern_impl.h"
#include "token.h"

/* What is known while a line is compiled. */
struct compiler {
  ex_patterns *ps;
  ex_lex *lex;
  const char *s, *end;
  struct pattern *p;
  struct code code[PROGRAM_MAX];
  unsigned n, n_captures, depth;
  char *msg;
  size_t cap;
  bool failed;
};

/* Captures 0 is the entity, [ ]. */
#define EXTENT 0u

ex_patterns *ex_patterns_new(void) {
  ex_patterns *ps = cJSON_malloc(sizeof(*ps));
  return ps ? memset(ps, 0, sizeof(*ps)) : NULL;
}

void ex_patterns_free(ex_patterns *ps) {
  if (!ps) return;
  cJSON_free(ps->items);
  cJSON_free(ps->code);
  cJSON_free(ps->strings);
  cJSON_free(ps->open.words);
  cJSON_free(ps->by_word);
  cJSON_free(ps->entries);
  cJSON_free(ps);
}

static void fail(struct compiler *c, const char *what, const char *at) {
  if (c->failed) return;
  c->failed = true;
  size_t n = at < c->end ? (size_t)(c->end - at) : 0;
  snprintf(c->msg, c->cap, "%s, found \"%.*s\"", what, (int)(n > 40 ? 40 : n), at);
}

static void emit(struct compiler *c, struct code code) {
  if (c->n == PROGRAM_MAX) {
    fail(c, "a pattern has too many elements; split it", c->s);
  } else {
    c->code[c->n++] = code;
  }
}

static void blanks(struct compiler *c) {
  while (c->s < c->end && (*c->s == ' ' || *c->s == '\t')) c->s++;
}

static bool is_delimiter(char ch) { return strchr(" \t()|?*+{}[]<>:\"~^", ch) != NULL; }

/* -- the elements -- */

/* <class> */
static void read_class(struct compiler *c) {
  const char *from = ++c->s;
  while (c->s < c->end && *c->s != '>') c->s++;
  size_t n = c->s < c->end ? (size_t)(c->s - from) : 0;
  for (unsigned k = C_NONE + 1; k < C_COUNT; k++) {
    const char *name = ex_class_name((ex_class)k);
    if (strlen(name) != n || memcmp(name, from, n) != 0) continue;
    c->s++;
    emit(c, (struct code){.op = OP_CLASS, .a = k});
    return;
  }
  fail(c, "expected a class of the lexicon between < and >", from);
}

static unsigned type_named(const char *s, size_t n) {
  static const char *const names[] = {"PERSON", "ROLE", "ORG", "LOC", "DATE", "LEGAL_REF", "QUANTITY"};
  for (unsigned k = 0; k < E_TYPES; k++)
    if (strlen(names[k]) == n && memcmp(names[k], s, n) == 0) return k;
  if (n == 4 && memcmp(s, "NONE", 4) == 0) return EX_PAT_NONE;
  return n == 5 && memcmp(s, "ORDER", 5) == 0 ? EX_PAT_ORDER : EX_PAT_ORDER + 1;
}

/* {PERSON} or {PERSON,ORG}: an entity that is found already. */
static void read_entity(struct compiler *c) {
  const char *from = ++c->s;
  uint32_t types = 0;
  if (c->p->type != EX_PAT_ORDER) fail(c, "entities can be asked for in patterns of ORDER only", from - 1);
  while (c->s <= c->end && !c->failed) {
    size_t n = 0;
    while (c->s + n < c->end && c->s[n] != ',' && c->s[n] != '}') n++;
    unsigned type = type_named(c->s, n);
    if (type >= E_TYPES) fail(c, "expected a type of entities between { and }", from);
    types |= type < E_TYPES ? 1u << type : 0;
    c->s += n;
    if (c->s < c->end && *c->s++ == ',') continue;
    break;
  }
  emit(c, (struct code){.op = OP_ENTITY, .a = types});
}

/* Digits at c->s, at most nine of them. */
static uint32_t read_digits(struct compiler *c) {
  uint32_t value = 0;
  for (int k = 0; k < 9 && c->s < c->end && *c->s >= '0' && *c->s <= '9'; k++)
    value = value * 10 + (uint32_t)(*c->s++ - '0');
  return value;
}

static bool take_char(struct compiler *c, char ch) {
  if (c->s == c->end || *c->s != ch) return false;
  c->s++;
  return true;
}

/* N or N(1-31) */
static void read_number(struct compiler *c) {
  uint32_t low = 0, high = UINT32_MAX;
  if (take_char(c, '(')) {
    low = high = read_digits(c);
    if (take_char(c, '-')) high = read_digits(c);
    if (!take_char(c, ')') || low > high) fail(c, "expected a range like N(1-31)", c->s);
  }
  emit(c, (struct code){.op = OP_NUMBER, .a = low, .b = high});
}

/* Words and marks as they stand: each token becomes one element. */
static void read_literal(struct compiler *c, const char *s, size_t n) {
  ex_tok tok;
  uint64_t key;
  for (size_t i = 0; ex_tok_next(s, n, &i, &tok, &key) && !c->failed;) {
    if (tok.flags & TK_PUNCT) {
      emit(c, (struct code){.op = OP_MARK, .a = tok.value});
      continue;
    }
    uint32_t id = ex_lex_intern(c->lex, key);
    if (!id) c->failed = true;
    emit(c, (struct code){.op = OP_WORD, .flag = (tok.flags & TK_UPPER) != 0, .a = id});
  }
}

static void read_word(struct compiler *c) {
  static const struct {
    const char *name;
    uint32_t wanted, unwanted;
  } shapes[] = {{"Aa", TK_WORD | TK_UPPER, 0},
                {"AA", TK_WORD | TK_CAPS, 0},
                {"aa", TK_WORD, TK_UPPER},
                {"A", TK_WORD | TK_UPPER | TK_ONE, 0},
                {"Xx", TK_WORD | TK_UPPER | TK_FOREIGN, 0},
                {"xx", TK_WORD | TK_FOREIGN, TK_UPPER},
                {"_", 0, 0}};
  const char *from = c->s;
  while (c->s < c->end && !is_delimiter(*c->s)) c->s++;
  size_t n = (size_t)(c->s - from);
  if (n == 0) {
    fail(c, "expected a word, a class in < > or a shape (Aa AA aa A Xx xx N _)", from);
    return;
  }
  if (n == 1 && *from == 'N') {
    read_number(c);
    return;
  }
  for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++)
    if (strlen(shapes[k].name) == n && memcmp(shapes[k].name, from, n) == 0) {
      emit(c, (struct code){.op = OP_SHAPE, .a = shapes[k].wanted, .b = shapes[k].unwanted});
      return;
    }
  read_literal(c, from, n);
}

static void read_quoted(struct compiler *c) {
  const char *from = ++c->s;
  while (c->s < c->end && *c->s != '"') c->s++;
  if (c->s == c->end) fail(c, "the closing \" is missing", from - 1);
  read_literal(c, from, (size_t)(c->s - from));
  c->s += c->s < c->end;
}

static void read_choice(struct compiler *c);

static void expect(struct compiler *c, char ch, const char *what) {
  blanks(c);
  if (c->s < c->end && *c->s == ch) {
    c->s++;
  } else {
    fail(c, what, c->s);
  }
}

static void read_bracket(struct compiler *c, char close, const char *what) {
  c->s++;
  if (++c->depth > NEST_MAX) fail(c, "too many brackets in brackets", c->s);
  if (!c->failed) read_choice(c);
  c->depth--;
  expect(c, close, what);
}

/* One element without what repeats it. */
static void read_atom(struct compiler *c) {
  switch (*c->s) {
  case '(':
    read_bracket(c, ')', "expected a closing )");
    return;
  case '[':
    emit(c, (struct code){.op = OP_SAVE, .flag = 2 * EXTENT});
    read_bracket(c, ']', "expected a closing ]");
    emit(c, (struct code){.op = OP_SAVE, .flag = 2 * EXTENT + 1});
    return;
  case '<':
    read_class(c);
    return;
  case '{':
    read_entity(c);
    return;
  case '"':
    read_quoted(c);
    return;
  case '~':
    c->s++;
    emit(c, (struct code){.op = OP_GLUED});
    return;
  case '^':
    c->s++;
    emit(c, (struct code){.op = OP_START});
    return;
  default:
    read_word(c);
  }
}

/* x: before an element names what it captures. */
static unsigned read_capture(struct compiler *c) {
  if (c->end - c->s < 3 || c->s[1] != ':' || *c->s < 'a' || *c->s > 'z') return 0;
  if (c->n_captures + 1 >= EX_PAT_CAPTURES) {
    fail(c, "a pattern captures at most seven things", c->s);
    return 0;
  }
  c->p->captures[++c->n_captures] = *c->s;
  c->s += 2;
  return c->n_captures;
}

/* Copies the element [from, n) once more; jumps inside it move along. */
static void again(struct compiler *c, unsigned from, unsigned n) {
  unsigned by = c->n - from;
  for (unsigned k = 0; k < n; k++) {
    struct code copy = c->code[from + k];
    if (copy.op == OP_SPLIT || copy.op == OP_JUMP) copy.to = (uint16_t)(copy.to + by);
    emit(c, copy);
  }
}

/* Makes [from, c->n) optional. */
static void optional(struct compiler *c, unsigned from) {
  if (c->n == PROGRAM_MAX) {
    fail(c, "a pattern has too many elements; split it", c->s);
    return;
  }
  for (unsigned k = c->n; k > from; k--) {
    c->code[k] = c->code[k - 1];
    if (c->code[k].op == OP_SPLIT || c->code[k].op == OP_JUMP) c->code[k].to++;
  }
  c->n++;
  c->code[from] = (struct code){.op = OP_SPLIT, .to = (uint16_t)c->n};
}

/* ? * + or {m,n} behind an element: how often it stands at least and at most. */
static void read_bounds(struct compiler *c, uint32_t *ret_low, uint32_t *ret_high) {
  char ch = c->s < c->end ? *c->s : ' ';
  *ret_low = *ret_high = 1;
  if (ch == '?' || ch == '*' || ch == '+') {
    *ret_low = ch == '+';
    *ret_high = ch == '?' ? 1 : REPEAT_MAX;
    c->s++;
    return;
  }
  if (ch != '{' || c->end - c->s < 2 || c->s[1] < '0' || c->s[1] > '9') return;
  c->s++;
  *ret_low = *ret_high = read_digits(c);
  if (take_char(c, ',')) *ret_high = read_digits(c);
  if (!take_char(c, '}') || *ret_low > *ret_high || *ret_high > REPEAT_MAX || *ret_high == 0)
    fail(c, "expected {m,n} with at most 8", c->s);
}

/* Repeats the element [from, c->n) as what stands behind it says. */
static void read_repeat(struct compiler *c, unsigned from) {
  uint32_t low, high;
  unsigned n = c->n - from;
  read_bounds(c, &low, &high);
  for (uint32_t k = 1; k < low && !c->failed; k++) again(c, from, n);
  /* Copied before the first is made optional, which moves it. */
  for (uint32_t k = low ? low : 1; k < high && !c->failed; k++) {
    unsigned at = c->n;
    again(c, from, n);
    if (!c->failed) optional(c, at);
  }
  if (low == 0 && !c->failed) optional(c, from);
}

static void read_sequence(struct compiler *c) {
  for (blanks(c); c->s < c->end && !strchr("|)]", *c->s) && !c->failed; blanks(c)) {
    unsigned capture = read_capture(c), from = c->n;
    if (capture) emit(c, (struct code){.op = OP_SAVE, .flag = (uint8_t)(2 * capture)});
    unsigned atom = c->n;
    bool zero_width = c->s < c->end && (*c->s == '~' || *c->s == '^');
    if (c->s < c->end) read_atom(c);
    if (!zero_width && !c->failed) read_repeat(c, capture ? atom : from);
    if (capture) emit(c, (struct code){.op = OP_SAVE, .flag = (uint8_t)(2 * capture + 1)});
  }
}

/* x y | z: alternatives in the order in which they stand. */
static void read_choice(struct compiler *c) {
  unsigned from = c->n, jumps[16], n_jumps = 0;
  read_sequence(c);
  while (c->s < c->end && *c->s == '|' && !c->failed && c->depth > 0) {
    c->s++;
    if (n_jumps == 16) fail(c, "a choice has at most 16 ways", c->s);
    emit(c, (struct code){.op = OP_JUMP});
    if (c->failed) return;
    optional(c, from);
    jumps[n_jumps++] = c->n - 1;
    from = c->n;
    read_sequence(c);
  }
  for (unsigned k = 0; k < n_jumps; k++) c->code[jumps[k]].to = (uint16_t)c->n;
}

/* -- lines -- */

int ex_patterns_room(void **items, uint32_t need, uint32_t *cap, size_t size) {
  if (need <= *cap) return 0;
  uint32_t more = *cap ? *cap : 64;
  while (more < need) more *= 2;
  void *p = cJSON_malloc((size_t)more * size);
  if (!p) return SL_ENOMEM;
  if (*cap) memcpy(p, *items, (size_t)*cap * size);
  cJSON_free(*items);
  *items = p;
  *cap = more;
  return 0;
}

static int keep_pattern(struct compiler *c, const char *attrs, size_t n_attrs) {
  ex_patterns *ps = c->ps;
  struct pattern *p = c->p;
  for (uint32_t k = 0; k < ps->n; k++)
    if (strcmp(ps->items[k].name, p->name) == 0) ps->items[k].off = true;
  if (ex_patterns_room((void **)&ps->items, ps->n + 1, &ps->cap, sizeof(*p)) != 0 ||
      ex_patterns_room((void **)&ps->code, ps->n_code + c->n, &ps->cap_code, sizeof(struct code)) != 0 ||
      ex_patterns_room((void **)&ps->strings, ps->n_strings + (uint32_t)n_attrs + 1, &ps->cap_strings, 1) != 0)
    return SL_ENOMEM;
  p->code = ps->n_code;
  p->n = (uint16_t)c->n;
  memcpy(ps->code + ps->n_code, c->code, c->n * sizeof(struct code));
  ps->n_code += c->n;
  if (n_attrs) {
    p->attrs = ps->n_strings + 1;
    memcpy(ps->strings + ps->n_strings, attrs, n_attrs);
    ps->strings[ps->n_strings + n_attrs] = '\0';
    ps->n_strings += (uint32_t)n_attrs + 1;
  }
  ps->items[ps->n] = *p;
  return ex_patterns_index(ps, c->code, c->n, ps->n++);
}

/* "name: TYPE =" */
static void read_head(struct compiler *c) {
  blanks(c);
  const char *from = c->s;
  while (c->s < c->end && *c->s != ':') c->s++;
  size_t n = (size_t)(c->s - from);
  if (n == 0 || n >= NAME_BYTES || c->s == c->end) {
    fail(c, "expected \"name: TYPE = elements\" with a name of less than 48 bytes", from);
    return;
  }
  memcpy(c->p->name, from, n);
  c->s++;
  blanks(c);
  from = c->s;
  while (c->s < c->end && !is_delimiter(*c->s) && *c->s != '=') c->s++;
  unsigned type = type_named(from, (size_t)(c->s - from));
  if (type > EX_PAT_ORDER) fail(c, "expected PERSON, ROLE, ORG, LOC, DATE, LEGAL_REF, QUANTITY, NONE or ORDER", from);
  c->p->type = (uint8_t)type;
  expect(c, '=', "expected = behind the type");
}

/* Where the attributes begin: the last | outside of brackets and quotes. */
static const char *attrs_of(const char *s, const char *end) {
  const char *bar = NULL;
  int depth = 0, quoted = 0;
  for (; s < end; s++) {
    if (*s == '"') quoted = !quoted;
    if (quoted) continue;
    depth += (*s == '(' || *s == '[') - (*s == ')' || *s == ']');
    if (*s == '|' && depth == 0) bar = s;
  }
  return bar;
}

int ex_pattern_read(ex_patterns *ps, ex_lex *lex, const char *line, size_t n, char *msg, size_t cap) {
  struct pattern p = {.name = ""};
  struct compiler c = {.ps = ps, .lex = lex, .s = line, .end = line + n, .p = &p, .msg = msg, .cap = cap};
  msg[0] = '\0';
  if (n > 1 && *line == '!') {
    for (uint32_t k = 0; k < ps->n; k++)
      if (strlen(ps->items[k].name) == n - 1 && memcmp(ps->items[k].name, line + 1, n - 1) == 0)
        ps->items[k].off = true;
    return 0;
  }
  read_head(&c);
  const char *bar = attrs_of(c.s, c.end);
  const char *attrs = bar ? bar + 1 : c.end;
  while (attrs < c.end && *attrs == ' ') attrs++;
  size_t n_attrs = (size_t)(c.end - attrs);
  if (bar) c.end = bar;
  if (!c.failed) read_choice(&c);
  if (!c.failed && c.s < c.end) fail(&c, "expected the end of the pattern", c.s);
  if (!c.failed && c.n == 0) fail(&c, "expected elements behind =", line);
  emit(&c, (struct code){.op = OP_END});
  if (c.failed) return msg[0] ? SL_EPARSE : SL_ENOMEM;
  return keep_pattern(&c, attrs, n_attrs);
}

void ex_patterns_clear(ex_patterns *ps) {
  for (uint32_t k = 0; k < ps->n; k++) ps->items[k].off = true;
}
