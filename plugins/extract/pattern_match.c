/* SPDX-License-Identifier: Apache-2.0 */
/* The matcher of patterns. */
#include <stdio.h>
#include <string.h>

#include "annot.h"
#include "lexicon.h"
#include "pattern_impl.h"
#include "token.h"

struct matcher {
  const ex_doc *doc;
  const struct code *code;
  uint32_t start, steps;
  uint32_t save[2 * EX_PAT_CAPTURES];
};

/* Tokens that an instruction reads at t, 0 if it does not fit. */
static uint32_t reads(const struct matcher *m, const struct code *i, uint32_t t) {
  const ex_doc *doc = m->doc;
  if (t >= doc->n_tok || (t > m->start && !ex_same_line(doc, t))) return 0;
  uint32_t f = doc->tok[t].flags, e;
  switch (i->op) {
  case OP_WORD:
    return doc->tok[t].id == i->a && (!i->flag || (f & TK_UPPER));
  case OP_MARK:
    return (f & TK_PUNCT) && doc->tok[t].value == i->a;
  case OP_SHAPE:
    return (f & i->a) == i->a && !(f & i->b);
  case OP_NUMBER:
    return (f & TK_NUM) && doc->tok[t].value >= i->a && doc->tok[t].value <= i->b;
  case OP_CLASS:
    return ex_len(doc, t, (ex_class)i->a);
  default:
    e = ex_owner(doc, t);
    if (e == EX_NONE || ex_ent_at(doc, e)->t0 != t || !(i->a >> ex_ent_at(doc, e)->type & 1u)) return 0;
    return ex_ent_at(doc, e)->t1 - t;
  }
}

/* The end of a match from instruction pc at t; 0 if there is none. */
static uint32_t match(struct matcher *m, unsigned pc, uint32_t t) {
  for (;;) {
    const struct code *i = &m->code[pc++];
    if (++m->steps > PATTERN_STEPS || t - m->start > MATCH_MAX) return 0;
    uint32_t end;
    switch (i->op) {
    case OP_END:
      return t;
    case OP_JUMP:
      pc = i->to;
      break;
    case OP_SAVE: {
      uint32_t old = m->save[i->flag];
      m->save[i->flag] = t;
      end = match(m, pc, t);
      if (!end) m->save[i->flag] = old;
      return end;
    }
    case OP_SPLIT:
      if ((end = match(m, pc, t)) != 0) return end;
      pc = i->to;
      break;
    case OP_GLUED:
      if (!ex_glued(m->doc, t)) return 0;
      break;
    case OP_START:
      if (!(ex_flags(m->doc, t) & TK_BOS)) return 0;
      break;
    default:
      if ((end = reads(m, i, t)) == 0) return 0;
      t += end;
    }
  }
}

/* May the second element of the pattern be what stands behind the first at t? */
static int second_fits(const ex_doc *doc, const struct entry *e, uint32_t t) {
  const struct second *s = &e->second;
  if (s->any) return 1;
  uint32_t owner = ex_owner(doc, t), at = e->entity && owner != EX_NONE ? ex_ent_at(doc, owner)->t1 : t + 1;
  if (at >= doc->n_tok) return 0;
  if ((doc->tok[at].flags & s->flags) || (doc->classes[at] & s->classes)) return 1;
  if (doc->tok[at].id && (s->words & ex_lex_bit(doc->tok[at].id))) return 1;
  owner = s->types ? ex_owner(doc, at) : EX_NONE;
  return owner != EX_NONE && (s->types >> ex_ent_at(doc, owner)->type & 1u);
}

static void keep_match(const struct matcher *m, uint32_t t, uint32_t end, uint32_t pattern, ex_pat_match *ret) {
  *ret = (ex_pat_match){.t0 = t, .t1 = end, .e0 = t, .e1 = end, .pattern = pattern};
  for (unsigned c = 1; c < EX_PAT_CAPTURES; c++) {
    ret->cap0[c] = m->save[2 * c];
    ret->cap1[c] = m->save[2 * c + 1];
  }
  if (m->save[1] > m->save[0]) {
    ret->e0 = m->save[0];
    ret->e1 = m->save[1];
  }
}

/* Tries the patterns of a list at t. */
static void try_list(const ex_doc *doc, uint32_t t, uint32_t list, ex_pat_match *ret) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  for (; list; list = ps->entries[list - 1].next) {
    const struct entry *e = &ps->entries[list - 1];
    const struct pattern *p = &ps->items[e->pattern];
    ++*doc->steps;
    if (p->off || !second_fits(doc, e, t)) continue;
    struct matcher m = {.doc = doc, .code = ps->code + p->code, .start = t};
    uint32_t end = match(&m, 0, t);
    *doc->steps += m.steps;
    if (end > t && (end > ret->t1 || (end == ret->t1 && e->pattern >= ret->pattern)))
      keep_match(&m, t, end, e->pattern, ret);
  }
}

static int longest(const ex_doc *doc, uint32_t t, unsigned kind, int anchor, ex_pat_match *ret) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  const struct lists *l = &ps->lists[kind];
  uint32_t id = doc->tok[t].id, f = doc->tok[t].flags;
  ret->t1 = t;
  ret->pattern = 0;
  if (ex_pat_word(ps, id) >> kind & 1u) try_list(doc, t, ps->by_word[id][kind], ret);
  for (uint64_t set = doc->classes[t] & ps->open.classes[kind]; set; set &= set - 1)
    try_list(doc, t, l->by_class[__builtin_ctzll(set)], ret);
  if (anchor && (f & TK_UPPER)) try_list(doc, t, l->by[BY_CAPITAL], ret);
  if (anchor && (f & TK_WORD)) try_list(doc, t, l->by[BY_LETTERS], ret);
  if (f & TK_NUM) try_list(doc, t, l->by[BY_NUMBER], ret);
  if (l->by[BY_ENTITY] && doc->own[t] && ex_ent_at(doc, ex_owner(doc, t))->t0 == t)
    try_list(doc, t, l->by[BY_ENTITY], ret);
  if (l->by[BY_ANY]) try_list(doc, t, l->by[BY_ANY], ret);
  return ret->t1 > t;
}

int ex_pattern_at(const ex_doc *doc, uint32_t t, uint32_t anchor, ex_pat_match *ret) {
  return longest(doc, t, EX_PAT_NAMES, anchor - t < ANCHOR_REACH, ret);
}

int ex_order_pattern_at(const ex_doc *doc, uint32_t t, ex_pat_match *ret) {
  return longest(doc, t, EX_PAT_ORDERS, 1, ret);
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
