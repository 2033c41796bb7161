/* SPDX-License-Identifier: Apache-2.0 */
/* What the patterns of the lexicon files find: dates, documents and quantities become entities at once; names wait
 * until the rules come to their first token. */
#include <stdio.h>
#include <string.h>

#include "annot.h"
#include "number.h"

static ex_pat_match *match_at(const ex_doc *doc, uint32_t k) { return (ex_pat_match *)doc->matches.items + k; }

/* Keeps a name in the order of its first token. */
static void keep_name(ex_doc *doc, const ex_pat_match *m) {
  if (!ex_push(doc, &doc->matches, sizeof(*m))) return;
  uint32_t k = doc->matches.n - 1;
  /* An extent in brackets may begin behind that of the next match, but not far behind. */
  for (; k > 0 && match_at(doc, k - 1)->e0 > m->e0; k--) *match_at(doc, k) = *match_at(doc, k - 1);
  *match_at(doc, k) = *m;
  ((uint64_t *)doc->masks.items)[m->e0] |= EX_BIT(C_PATTERN);
}

uint32_t ex_pattern_end(const ex_doc *doc, uint32_t t, ex_type type) {
  if (!ex_any(doc, t, EX_BIT(C_PATTERN))) return 0;
  uint32_t low = 0, high = doc->matches.n, end = 0;
  while (low < high) {
    ++*doc->steps;
    uint32_t middle = low + (high - low) / 2;
    if (match_at(doc, middle)->e0 < t) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (; low < doc->matches.n && match_at(doc, low)->e0 == t; low++)
    if (ex_pattern_type(ex_lex_patterns(doc->lex), match_at(doc, low)) == (unsigned)type) end = match_at(doc, low)->e1;
  return end;
}

/* The letter of ex_ent.precision for precision=day. */
static char precision_of(const char *attr) {
  static const char *const names[] = {"day", "month", "quarter", "year", "period", "interval"};
  for (size_t k = 0; attr && k < sizeof(names) / sizeof(names[0]); k++)
    if (strncmp(attr, names[k], strlen(names[k])) == 0) return names[k][0];
  return attr && strncmp(attr, "duration", 8) == 0 ? 'u' : 'd';
}

static uint32_t kept_capture(ex_doc *doc, const ex_pat_match *m, char name) {
  unsigned c = ex_pattern_capture(ex_lex_patterns(doc->lex), m, name);
  if (c == EX_PAT_CAPTURES) return 0;
  uint32_t start = doc->tok[m->cap0[c]].start;
  return ex_keep(doc, doc->s + start, doc->tok[m->cap1[c] - 1].end - start);
}

/* The value of a quantity: the number that the capture v holds, or value= of the pattern. */
static uint32_t value_of(ex_doc *doc, const ex_pat_match *m) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  const char *attr = ex_pattern_attr(ps, m, "value");
  unsigned c = ex_pattern_capture(ps, m, 'v');
  ex_number x;
  char text[96] = "1";
  if (c != EX_PAT_CAPTURES && ex_number_at(doc, m->cap0[c], &x)) {
    ex_number_print(&x, text);
  } else if (attr) {
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(attr, "; "), attr);
  }
  return ex_keepf(doc, "%s", text);
}

static void add_found(ex_doc *doc, const ex_pat_match *m, unsigned type) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  char norm[200];
  uint32_t i = ex_add(doc, type == EX_PAT_NONE ? E_NOTHING : (ex_type)type, m->e0, m->e1);
  if (i == EX_NONE) return;
  uint32_t kept = ex_pattern_norm(doc, m, norm, sizeof(norm)) ? ex_keepf(doc, "%s", norm) : 0;
  uint32_t kind = type == E_LEGAL ? kept_capture(doc, m, 'k') : type == E_QUANTITY ? value_of(doc, m) : 0;
  uint32_t unit = kept_capture(doc, m, type == E_LEGAL ? 'n' : 'u'), extra = kept_capture(doc, m, 's');
  ex_ent *e = ex_ent_at(doc, i);
  e->norm = kept;
  if (type == EX_PAT_NONE) e->flags |= EF_HIDDEN;
  if (type == E_DATE) {
    const char *attr = ex_pattern_attr(ps, m, "norm");
    e->precision = precision_of(ex_pattern_attr(ps, m, "precision"));
    e->flags |= ex_pattern_capture(ps, m, 'y') != EX_PAT_CAPTURES ? EF_TEXT_YEAR
                : doc->year && attr && strstr(attr, "$Y") != NULL ? EF_HEADER_YEAR
                                                                  : 0;
    if (ex_pattern_attr(ps, m, "calendar")) e->flags |= EF_WEAK;
  }
  if (type != E_LEGAL && type != E_QUANTITY) return;
  e->kind = kind;
  e->unit = unit;
  e->extra = type == E_LEGAL ? extra : 0;
}

void ex_find_patterns(ex_doc *doc) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  for (uint32_t t = 0, anchor = 0; t < doc->n_tok && !doc->oom;) {
    ex_pat_match m;
    doc->work++;
    if (anchor < t) anchor = t;
    while (anchor < doc->n_tok && !(ex_pat_word(ps, doc->tok[anchor].id) & EX_PAT_ANCHOR)) anchor++;
    if (!ex_pattern_may(doc, ps, t, EX_PAT_NAMES) || !ex_pattern_at(doc, t, anchor, &m)) {
      t++;
      continue;
    }
    unsigned type = ex_pattern_type(ps, &m);
    if (type == E_DATE || type == E_LEGAL || type == E_QUANTITY || type == EX_PAT_NONE) {
      if (ex_free(doc, m.e0)) add_found(doc, &m, type);
      t = m.t1;
    } else {
      keep_name(doc, &m);
      t++;
    }
  }
}
