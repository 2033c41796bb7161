/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler and the matcher of patterns. */
#include "pattern.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <sluice/plugin.h>

#include "annot.h"
#include "lexicon.h"
#include "token.h"

#define PROGRAM_MAX 160u   /* instructions of a pattern */
#define MATCH_MAX 40u      /* tokens of a match */
#define PATTERN_STEPS 300u /* steps of the matcher at one token */
#define ANCHOR_REACH 12u   /* tokens before a word of a pattern that begins with a shape */
#define REPEAT_MAX 8u      /* what + and * mean at most */
#define NEST_MAX 8u        /* brackets in brackets */
#define NAME_BYTES 48u

enum op {
  OP_WORD,
  OP_CLASS,
  OP_SHAPE,
  OP_NUMBER,
  OP_ENTITY,
  OP_MARK,
  OP_SPLIT,
  OP_JUMP,
  OP_SAVE,
  OP_GLUED,
  OP_START,
  OP_END
};

/* One instruction. SPLIT goes on at the next one first, at `to` if that fails. */
struct code {
  uint8_t op;
  uint8_t flag; /* WORD: a capital is asked for; SAVE: 2 * capture, + 1: its end */
  uint16_t to;  /* SPLIT, JUMP */
  uint32_t a,
      b; /* WORD: syllable; CLASS; SHAPE: flags wanted and unwanted; NUMBER: range; ENTITY: types; MARK: code point */
};

/* Lists of patterns besides those of words and classes: by the token with which a match may begin. */
enum { BY_CAPITAL, BY_LETTERS, BY_NUMBER, BY_ENTITY, BY_ANY, BY_KINDS };

/* Patterns that begin with a syllable: first entry + 1, as in the other lists. */
struct by_word {
  uint32_t list;
  bool anchor; /* a pattern that begins with any capital has this word in it */
};

/* A pattern in a list; next is the number of an entry + 1. */
struct entry {
  uint32_t pattern, next;
};

struct pattern {
  char name[NAME_BYTES];
  char captures[EX_PAT_CAPTURES]; /* their letters */
  uint8_t type;
  bool off;
  uint16_t n;
  uint32_t code;  /* first instruction */
  uint32_t attrs; /* offset + 1 of what stands behind |, 0: nothing */
};

struct ex_patterns {
  struct pattern *items;
  struct code *code;
  char *strings;
  struct entry *entries;
  struct by_word *words; /* by syllable */
  uint32_t by_class[64], by[BY_KINDS];
  uint64_t classes; /* that have a list */
  uint32_t n, n_code, n_strings, n_words, n_entries, cap, cap_code, cap_strings, cap_words, cap_entries;
};

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
  cJSON_free(ps->words);
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

static int room(void **items, uint32_t need, uint32_t *cap, size_t size) {
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

static struct by_word *word_of(ex_patterns *ps, uint32_t syllable) {
  if (room((void **)&ps->words, syllable + 1, &ps->cap_words, sizeof(struct by_word)) != 0) return NULL;
  while (ps->n_words <= syllable) ps->words[ps->n_words++] = (struct by_word){0, false};
  return &ps->words[syllable];
}

/* Is there a way through the program on which no word is read? */
static bool wordless(const struct code *code, unsigned n) {
  bool reach[PROGRAM_MAX + 1] = {true};
  /* Jumps lead forwards only. */
  for (unsigned pc = 0; pc < n; pc++) {
    if (!reach[pc]) continue;
    if (code[pc].op == OP_END) return true;
    if (code[pc].op == OP_SPLIT || code[pc].op == OP_JUMP) reach[code[pc].to] = true;
    if (code[pc].op != OP_JUMP && code[pc].op != OP_WORD) reach[pc + 1] = true;
  }
  return false;
}

/* Patterns that begin with a shape are tried only before one of their words. */
static int note_anchors(ex_patterns *ps, const struct code *code, unsigned n) {
  for (unsigned pc = 0; pc < n; pc++) {
    if (code[pc].op != OP_WORD) continue;
    struct by_word *word = word_of(ps, code[pc].a);
    if (!word) return SL_ENOMEM;
    word->anchor = true;
  }
  return 0;
}

/* The list of the patterns that begin with this instruction; NULL when memory is out. */
static uint32_t *list_of(ex_patterns *ps, const struct code *code, bool anchored) {
  switch (code->op) {
  case OP_CLASS:
    ps->classes |= EX_BIT(code->a);
    return &ps->by_class[code->a];
  case OP_SHAPE:
    return &ps->by[!anchored ? BY_ANY : code->a & TK_UPPER ? BY_CAPITAL : BY_LETTERS];
  case OP_NUMBER:
    return &ps->by[BY_NUMBER];
  case OP_ENTITY:
    return &ps->by[BY_ENTITY];
  case OP_WORD: {
    struct by_word *word = word_of(ps, code->a);
    return word ? &word->list : NULL;
  }
  default:
    return &ps->by[BY_ANY];
  }
}

/* Enters pattern number `pattern` into the lists of all that may begin it. */
static int index_pattern(ex_patterns *ps, const struct code *code, unsigned n, uint32_t pattern) {
  bool seen[PROGRAM_MAX] = {false};
  uint16_t open[PROGRAM_MAX];
  unsigned n_open = 1;
  bool anchored = !wordless(code, n);
  open[0] = 0;
  while (n_open > 0) {
    unsigned pc = open[--n_open];
    if (pc >= n || seen[pc]) continue;
    seen[pc] = true;
    const struct code *i = &code[pc];
    if ((i->op == OP_SPLIT || i->op == OP_JUMP) && n_open < PROGRAM_MAX) open[n_open++] = i->to;
    if (i->op == OP_SPLIT || i->op == OP_SAVE || i->op == OP_START) {
      if (n_open < PROGRAM_MAX) open[n_open++] = (uint16_t)(pc + 1);
      continue;
    }
    if (i->op == OP_JUMP) continue;
    if (i->op == OP_SHAPE && anchored && note_anchors(ps, code, n) != 0) return SL_ENOMEM;
    uint32_t *list = list_of(ps, i, anchored);
    if (!list) return SL_ENOMEM;
    if (*list && ps->entries[*list - 1].pattern == pattern) continue;
    if (room((void **)&ps->entries, ps->n_entries + 1, &ps->cap_entries, sizeof(struct entry)) != 0) return SL_ENOMEM;
    ps->entries[ps->n_entries] = (struct entry){pattern, *list};
    *list = ++ps->n_entries;
  }
  return 0;
}

static int keep_pattern(struct compiler *c, const char *attrs, size_t n_attrs) {
  ex_patterns *ps = c->ps;
  struct pattern *p = c->p;
  for (uint32_t k = 0; k < ps->n; k++)
    if (strcmp(ps->items[k].name, p->name) == 0) ps->items[k].off = true;
  if (room((void **)&ps->items, ps->n + 1, &ps->cap, sizeof(*p)) != 0 ||
      room((void **)&ps->code, ps->n_code + c->n, &ps->cap_code, sizeof(struct code)) != 0 ||
      room((void **)&ps->strings, ps->n_strings + (uint32_t)n_attrs + 1, &ps->cap_strings, 1) != 0)
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
  return index_pattern(ps, c->code, c->n, ps->n++);
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

/* -- the matcher -- */

struct matcher {
  const ex_doc *doc;
  const struct code *code;
  uint32_t start, steps;
  uint32_t save[2 * EX_PAT_CAPTURES];
};

/* Tokens of the hit or entity that an instruction asks for at t; EX_NONE if there is none. */
static uint32_t reads_many(const ex_doc *doc, const struct code *i, uint32_t t) {
  if (i->op == OP_CLASS) {
    uint32_t len = ex_len(doc, t, (ex_class)i->a);
    return len ? len : EX_NONE;
  }
  uint32_t e = ex_owner(doc, t);
  if (e == EX_NONE || ex_ent_at(doc, e)->t0 != t || !(i->a >> ex_ent_at(doc, e)->type & 1u)) return EX_NONE;
  return ex_ent_at(doc, e)->t1 - t;
}

/* Does the token t fit an instruction that reads one? */
static int fits(const ex_doc *doc, const struct code *i, uint32_t t) {
  uint32_t f = doc->tok[t].flags;
  switch (i->op) {
  case OP_WORD:
    return doc->tok[t].id == i->a && (!i->flag || (f & TK_UPPER));
  case OP_MARK:
    return ex_is(doc, t, i->a);
  case OP_SHAPE:
    return (f & i->a) == i->a && !(f & i->b);
  default:
    return (f & TK_NUM) && doc->tok[t].value >= i->a && doc->tok[t].value <= i->b;
  }
}

/* Tokens that an instruction reads at t; EX_NONE if it does not fit. */
static uint32_t reads(const struct matcher *m, const struct code *i, uint32_t t) {
  const ex_doc *doc = m->doc;
  if (i->op == OP_GLUED) return ex_glued(doc, t) ? 0 : EX_NONE;
  if (i->op == OP_START) return ex_flags(doc, t) & TK_BOS ? 0 : EX_NONE;
  if (t >= doc->n_tok || (t > m->start && !ex_same_line(doc, t))) return EX_NONE;
  if (i->op == OP_CLASS || i->op == OP_ENTITY) return reads_many(doc, i, t);
  return fits(doc, i, t) ? 1 : EX_NONE;
}

/* The end of a match from instruction pc at t; 0 if there is none. */
static uint32_t match(struct matcher *m, unsigned pc, uint32_t t) {
  for (;;) {
    const struct code *i = &m->code[pc];
    if (++m->steps > PATTERN_STEPS || t - m->start > MATCH_MAX) return 0;
    if (i->op == OP_END) return t;
    if (i->op == OP_JUMP) {
      pc = i->to;
    } else if (i->op == OP_SAVE) {
      uint32_t old = m->save[i->flag];
      m->save[i->flag] = t;
      uint32_t end = match(m, pc + 1, t);
      if (!end) m->save[i->flag] = old;
      return end;
    } else if (i->op == OP_SPLIT) {
      uint32_t end = match(m, pc + 1, t);
      if (end) return end;
      pc = i->to;
    } else {
      uint32_t n = reads(m, i, t);
      if (n == EX_NONE) return 0;
      t += n;
      pc++;
    }
  }
}

/* Tries the patterns of a list at t. */
static void try_list(const ex_doc *doc, uint32_t t, uint32_t list, int orders, ex_pat_match *ret) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  for (; list; list = ps->entries[list - 1].next) {
    uint32_t k = ps->entries[list - 1].pattern;
    const struct pattern *p = &ps->items[k];
    if (p->off || (p->type == EX_PAT_ORDER) != orders) continue;
    struct matcher m = {.doc = doc, .code = ps->code + p->code, .start = t};
    uint32_t end = match(&m, 0, t);
    *doc->steps += m.steps;
    if (end <= t || end < ret->t1 || (end == ret->t1 && k < ret->pattern)) continue;
    *ret = (ex_pat_match){.t0 = t, .t1 = end, .e0 = t, .e1 = end, .pattern = k};
    for (unsigned c = 1; c < EX_PAT_CAPTURES; c++) {
      ret->cap0[c] = m.save[2 * c];
      ret->cap1[c] = m.save[2 * c + 1];
    }
    if (m.save[1] > m.save[0]) {
      ret->e0 = m.save[0];
      ret->e1 = m.save[1];
    }
  }
}

static int longest(const ex_doc *doc, uint32_t t, int orders, int anchor, ex_pat_match *ret) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  uint32_t id = doc->tok[t].id;
  ret->t1 = t;
  ret->pattern = 0;
  if (id && id < ps->n_words && ps->words[id].list) try_list(doc, t, ps->words[id].list, orders, ret);
  for (uint64_t set = doc->classes[t] & ps->classes; set; set &= set - 1)
    try_list(doc, t, ps->by_class[__builtin_ctzll(set)], orders, ret);
  uint32_t f = doc->tok[t].flags;
  if (anchor && (f & TK_UPPER)) try_list(doc, t, ps->by[BY_CAPITAL], orders, ret);
  if (anchor && (f & TK_WORD)) try_list(doc, t, ps->by[BY_LETTERS], orders, ret);
  if (f & TK_NUM) try_list(doc, t, ps->by[BY_NUMBER], orders, ret);
  if (orders && ps->by[BY_ENTITY] && doc->own[t] && ex_ent_at(doc, ex_owner(doc, t))->t0 == t)
    try_list(doc, t, ps->by[BY_ENTITY], orders, ret);
  if (ps->by[BY_ANY]) try_list(doc, t, ps->by[BY_ANY], orders, ret);
  return ret->t1 > t;
}

int ex_pattern_at(const ex_doc *doc, uint32_t t, uint32_t anchor, ex_pat_match *ret) {
  return longest(doc, t, 0, anchor - t < ANCHOR_REACH, ret);
}

int ex_order_pattern_at(const ex_doc *doc, uint32_t t, ex_pat_match *ret) { return longest(doc, t, 1, 1, ret); }

int ex_pattern_anchor(const ex_doc *doc, uint32_t t) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  uint32_t id = doc->tok[t].id;
  return id && id < ps->n_words && ps->words[id].anchor;
}

unsigned ex_pattern_type(const ex_patterns *ps, const ex_pat_match *m) { return ps->items[m->pattern].type; }

unsigned ex_pattern_capture(const ex_patterns *ps, const ex_pat_match *m, char name) {
  for (unsigned c = 1; c < EX_PAT_CAPTURES; c++)
    if (ps->items[m->pattern].captures[c] == name && m->cap1[c] > m->cap0[c]) return c;
  return EX_PAT_CAPTURES;
}

const char *ex_pattern_attr(const ex_patterns *ps, const ex_pat_match *m, const char *key) {
  uint32_t at = ps->items[m->pattern].attrs;
  size_t n = strlen(key);
  for (const char *s = at ? ps->strings + at - 1 : NULL; s; s = strchr(s, ';')) {
    while (*s == ';' || *s == ' ') s++;
    if (strncmp(s, key, n) == 0 && s[n] == '=') return s + n + 1;
    if (!*s) break;
  }
  return NULL;
}

/* The text of a capture; numbers of one digit get a zero before them. */
static void put_capture(const ex_doc *doc, const ex_pat_match *m, char name, char *out, size_t cap) {
  if (name == 'Y') {
    snprintf(out, cap, doc->year ? "%04d" : "XXXX", doc->year);
    return;
  }
  unsigned c = ex_pattern_capture(ex_lex_patterns(doc->lex), m, name);
  out[0] = '\0';
  if (c == EX_PAT_CAPTURES) return;
  const ex_tok *a = &doc->tok[m->cap0[c]], *b = &doc->tok[m->cap1[c] - 1];
  int digit = m->cap1[c] - m->cap0[c] == 1 && (a->flags & TK_NUM) && b->end - a->start == 1;
  snprintf(out, cap, "%s%.*s", digit ? "0" : "", (int)(b->end - a->start), doc->s + a->start);
}

int ex_pattern_norm(const ex_doc *doc, const ex_pat_match *m, char *out, size_t cap) {
  const char *s = ex_pattern_attr(ex_lex_patterns(doc->lex), m, "norm");
  size_t n = 0;
  if (!s) return 0;
  out[0] = '\0';
  while (*s && *s != ';' && n + 1 < cap) {
    if (*s == '$' && s[1]) {
      put_capture(doc, m, s[1], out + n, cap - n);
      n += strlen(out + n);
      s += 2;
    } else {
      out[n++] = *s++;
      out[n] = '\0';
    }
  }
  while (n > 0 && out[n - 1] == ' ') out[--n] = '\0';
  return 1;
}
