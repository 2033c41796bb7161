/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors: see select.h. */
#include "select.h"

#include <string.h>
#include <strings.h>

#define TESTS_MAX 96u /* of a selector with all its alternatives */

/* One test of an element; `op` is '.', '#', 't' for a tag, '*', '[' for an attribute that is there, or what stands
 * before '='. */
typedef struct test {
  char op;
  char joint; /* before a compound's first test: 0 at the start of an alternative, ' ' or '>' */
  uint16_t first;
  const char *name, *value;
  uint16_t name_len, value_len;
  unsigned tag, attr;
} test;

struct clean_select {
  test tests[TESTS_MAX];
  size_t n;
  char text[];
};

typedef struct reader {
  clean_select *s;
  const char *p;
  clean_why *why;
} reader;

static int bad(reader *r, const char *what) {
  return clean_refuse(r->why, SL_EINVAL, r->s->text,
                      "write it like: article.body > p, div#content, [data-role=content]",
                      "%s at character %zu of the selector", what, (size_t)(r->p - r->s->text) + 1);
}

static int is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == ':' || (unsigned char)c >= 0x80;
}

static void skip_space(reader *r) {
  while (*r->p == ' ' || *r->p == '\t' || *r->p == '\n') r->p++;
}

static uint16_t read_name(reader *r, const char **ret) {
  *ret = r->p;
  while (is_name(*r->p)) r->p++;
  size_t n = (size_t)(r->p - *ret);
  return (uint16_t)(n > UINT16_MAX ? UINT16_MAX : n);
}

static test *add_test(reader *r, char op) {
  if (r->s->n == TESTS_MAX) return NULL;
  test *t = &r->s->tests[r->s->n++];
  *t = (test){.op = op};
  return t;
}

/* "[name]", "[name=value]", behind '['. */
static int read_bracket(reader *r, test *t) {
  skip_space(r);
  t->name_len = read_name(r, &t->name);
  if (!t->name_len) return bad(r, "expected the name of an attribute");
  t->attr = clean_attr_find(t->name, t->name_len);
  skip_space(r);
  if (*r->p == ']') return r->p++, SL_OK;
  t->op = '=';
  if (strchr("~^$*", *r->p) && *r->p) t->op = *r->p++ == '*' ? 'c' : r->p[-1];
  if (*r->p != '=') return bad(r, "expected '=' or ']'");
  r->p++;
  skip_space(r);
  char quote = *r->p == '"' || *r->p == '\'' ? *r->p++ : 0;
  const char *from = r->p;
  while (*r->p && (quote ? *r->p != quote : *r->p != ']' && *r->p != ' ')) r->p++;
  t->value = from;
  t->value_len = (uint16_t)(r->p - from > UINT16_MAX ? UINT16_MAX : r->p - from);
  if (quote && *r->p++ != quote) return r->p--, bad(r, "expected the closing quote");
  skip_space(r);
  if (*r->p++ != ']') return r->p--, bad(r, "expected ']'");
  return SL_OK;
}

static int read_test(reader *r) {
  char c = *r->p;
  test *t = add_test(r, c);
  if (!t) return bad(r, "expected fewer parts");
  if (c == '*') return r->p++, SL_OK;
  if (c == '[') return r->p++, read_bracket(r, t);
  if (c == '.' || c == '#') {
    r->p++;
    t->value_len = read_name(r, &t->value);
    return t->value_len ? SL_OK : bad(r, "expected a name");
  }
  t->op = 't';
  t->name_len = read_name(r, &t->name);
  t->tag = clean_tag_find(t->name, t->name_len);
  return t->name_len ? SL_OK : bad(r, "expected a tag, '.', '#', '[' or '*'");
}

/* One compound: tests without a space between them. */
static int read_compound(reader *r, char joint) {
  size_t at = r->s->n;
  do {
    int rc = read_test(r);
    if (rc) return rc;
  } while (*r->p && strchr(".#[", *r->p));
  r->s->tests[at].first = 1;
  r->s->tests[at].joint = joint;
  return SL_OK;
}

static int read_selector(reader *r) {
  char joint = 0;
  skip_space(r);
  for (;;) {
    int rc = read_compound(r, joint);
    if (rc) return rc;
    int space = *r->p == ' ' || *r->p == '\t' || *r->p == '\n';
    skip_space(r);
    if (!*r->p) return SL_OK;
    joint = *r->p == ',' ? 0 : *r->p == '>' ? '>' : ' ';
    if (joint == ' ' && !space) return bad(r, "expected a space, '>' or ','");
    if (joint != ' ') r->p++;
    skip_space(r);
  }
}

int clean_select_new(const clean_mem *mem, const char *text, clean_select **ret, clean_why *why) {
  size_t n = strlen(text);
  clean_select *s = mem->alloc(sizeof *s + n + 1);
  if (!s) return clean_refuse(why, SL_ENOMEM, NULL, NULL, "memory is out");
  memset(s, 0, sizeof *s);
  memcpy(s->text, text, n + 1);
  reader r = {s, s->text, why};
  int rc = read_selector(&r);
  if (rc) {
    mem->free(s);
    return rc;
  }
  *ret = s;
  return SL_OK;
}

void clean_select_free(const clean_mem *mem, clean_select *s) { mem->free(s); }

/* ---- matching -------------------------------------------------------------------------------------------------------
 */

static int has_word(const char *v, size_t n, const char *word, size_t m) {
  for (size_t i = 0; i < n;) {
    while (i < n && (v[i] == ' ' || (v[i] >= '\t' && v[i] <= '\r'))) i++;
    size_t from = i;
    while (i < n && v[i] != ' ' && !(v[i] >= '\t' && v[i] <= '\r')) i++;
    if (i - from == m && memcmp(v + from, word, m) == 0) return 1;
  }
  return 0;
}

static const clean_attribute *attribute_of(const test *t, const clean_dom *d, uint32_t node) {
  if (t->op == '.') return clean_dom_attr(d, node, CLEAN_A_CLASS);
  if (t->op == '#') return clean_dom_attr(d, node, CLEAN_A_ID);
  if (t->attr) return clean_dom_attr(d, node, t->attr);
  const clean_node *e = &d->nodes[node];
  for (unsigned k = 0; k < e->n_attrs; k++) {
    const clean_attribute *a = &d->attrs[e->attr + k];
    if (a->name_len == t->name_len && strncasecmp(d->s + a->name, t->name, t->name_len) == 0) return a;
  }
  return NULL;
}

static int same_tag(const test *t, const clean_dom *d, const clean_node *e) {
  if (t->tag || e->tag) return t->tag == e->tag;
  size_t n = t->name_len;
  return e->inner - e->start > n + 1 && strncasecmp(d->s + e->start + 1, t->name, n) == 0 &&
         !is_name(d->s[e->start + 1 + n]);
}

static int holds(const test *t, const clean_dom *d, uint32_t node) {
  if (t->op == '*') return 1;
  if (t->op == 't') return same_tag(t, d, &d->nodes[node]);
  const clean_attribute *a = attribute_of(t, d, node);
  if (!a) return 0;
  const char *v = d->s + a->value;
  size_t n = a->value_len, m = t->value_len;
  switch (t->op) {
  case '[':
    return 1;
  case '.':
  case '~':
    return has_word(v, n, t->value, m);
  case '^':
    return m && n >= m && memcmp(v, t->value, m) == 0;
  case '$':
    return m && n >= m && memcmp(v + n - m, t->value, m) == 0;
  case 'c':
    return m && memmem(v, n, t->value, m) != NULL;
  default:
    return n == m && memcmp(v, t->value, m) == 0;
  }
}

/* Where the compound that ends at test k begins. */
static size_t compound_start(const clean_select *s, size_t k) {
  while (!s->tests[k].first) k--;
  return k;
}

static int compound_holds(const clean_select *s, size_t from, size_t to, const clean_dom *d, uint32_t node) {
  if (d->nodes[node].kind != CLEAN_N_ELEMENT) return 0;
  for (size_t k = from; k <= to; k++) {
    if (!holds(&s->tests[k], d, node)) return 0;
  }
  return 1;
}

/* Compounds joined by '>' that end at test k, from the node upwards. Returns where the chain begins, SIZE_MAX if it
 * does not match; *node moves to the element of its first compound. */
static size_t chain_holds(const clean_select *s, size_t k, const clean_dom *d, uint32_t *node) {
  for (uint32_t i = *node;; i = d->nodes[i].parent) {
    size_t from = compound_start(s, k);
    if (i == CLEAN_DOM_NONE || !compound_holds(s, from, k, d, i)) return SIZE_MAX;
    if (s->tests[from].joint != '>') {
      *node = i;
      return from;
    }
    k = from - 1;
  }
}

/* The alternative that ends at test k. The nearest place of each chain is the best: it leaves most room above. */
static int alternative_holds(const clean_select *s, size_t k, const clean_dom *d, uint32_t node) {
  size_t from = chain_holds(s, k, d, &node);
  while (from != SIZE_MAX && s->tests[from].joint == ' ') {
    size_t next = SIZE_MAX;
    for (node = d->nodes[node].parent; node != CLEAN_DOM_NONE; node = d->nodes[node].parent) {
      uint32_t top = node;
      next = chain_holds(s, from - 1, d, &top);
      if (next == SIZE_MAX) continue;
      node = top;
      break;
    }
    from = next;
  }
  return from != SIZE_MAX;
}

int clean_select_match(const clean_select *s, const clean_dom *d, uint32_t node) {
  for (size_t k = 0; k < s->n; k++) {
    int last = k + 1 == s->n || (s->tests[k + 1].first && !s->tests[k + 1].joint);
    if (last && alternative_holds(s, k, d, node)) return 1;
  }
  return 0;
}

/* ---- sites ----------------------------------------------------------------------------------------------------------
 */

const clean_site *clean_site_find(const clean_site *sites, size_t n, const char *url) {
  const char *host = url ? strstr(url, "://") : NULL, *at;
  const clean_site *best = NULL;
  if (!host) return NULL;
  host += 3;
  size_t len = strcspn(host, "/?#");
  if ((at = memchr(host, '@', len))) {
    len -= (size_t)(at + 1 - host);
    host = at + 1;
  }
  const char *port = memchr(host, ':', len);
  if (port) len = (size_t)(port - host);
  for (size_t i = 0; i < n; i++) {
    size_t m = strlen(sites[i].host);
    if (m > len || strncasecmp(host + len - m, sites[i].host, m) != 0 || (len > m && host[len - m - 1] != '.'))
      continue;
    if (!best || m > strlen(best->host)) best = &sites[i];
  }
  return best;
}
