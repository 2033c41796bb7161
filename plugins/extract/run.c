/* SPDX-License-Identifier: Apache-2.0 */
/* What a run of capitals is that no lexicon explains: learned weights over its syllables, its letters and the words
 * beside it. extract-train makes them, see tools/. */
#include "run.h"

#define FEATURE(kind, value) (((uint32_t)(kind)*UINT32_C(0x9E3779B1) ^ (value)) * UINT32_C(0x85EBCA6B))

struct features {
  uint16_t *out;
  unsigned n;
};

static void feature(struct features *f, unsigned kind, uint32_t value) {
  uint32_t h = FEATURE(kind, value);
  if (f->n < EX_RUN_FEATURES) f->out[f->n++] = (uint16_t)((h ^ h >> 15) % EX_RUN_BUCKETS);
}

/* The word at t as a number; marks by their code point, 1 where the line has none. */
static uint32_t word_at(const ex_doc *doc, uint32_t from, uint32_t t) {
  if (t >= doc->n_tok || (t > from && !ex_same_line(doc, t))) return 1;
  return doc->tok[t].flags & TK_UPPER ? 2 : doc->tok[t].key_low;
}

/* The first and last three letters of a foreign word. */
static void letters(const ex_doc *doc, struct features *f, uint32_t t, unsigned place) {
  uint32_t start = doc->tok[t].start, len = doc->tok[t].end - start, head = 0, tail = 0;
  for (uint32_t k = 0; k < len; k++) {
    unsigned char c = (unsigned char)doc->s[start + k];
    uint32_t low = c >= 'A' && c <= 'Z' ? (uint32_t)(c | 0x20) : c;
    if (k < 3) head = head << 8 | low;
    tail = (tail << 8 | low) & 0xFFFFFFu;
    if (k == 1) feature(f, 8, head);
  }
  feature(f, 10 + place, head);
  feature(f, 14 + place, tail);
  feature(f, 18, tail & 0xFFFFu);
}

unsigned ex_run_features(const ex_doc *doc, uint32_t t, uint32_t end, uint16_t *out) {
  struct features f = {out, 0};
  uint32_t foreign = 0;
  for (uint32_t k = t; k < end; k++) {
    unsigned place = k == t ? 0 : k + 1 == end ? 1 : 2;
    feature(&f, 1 + place, doc->tok[k].key_low);
    if (!(doc->tok[k].flags & TK_FOREIGN)) continue;
    foreign++;
    letters(doc, &f, k, place);
  }
  uint32_t first = t > 0 && ex_same_line(doc, t) ? word_at(doc, 0, t - 1) : 1;
  uint32_t second = t > 1 && ex_same_line(doc, t) && ex_same_line(doc, t - 1) ? word_at(doc, 0, t - 2) : 1;
  feature(&f, 30, end - t);
  feature(&f, 31, foreign * 8 + (end - t));
  feature(&f, 32, first);
  feature(&f, 33, second ^ first << 1);
  feature(&f, 34, word_at(doc, t, end));
  feature(&f, 35, word_at(doc, t, end + 1) ^ word_at(doc, t, end) << 1);
  feature(&f, 36,
          (ex_len(doc, t, C_FAMILY) ? 1u : 0u) | (ex_len(doc, end - 1, C_GIVEN) ? 2u : 0u) |
              (ex_len(doc, t, C_GAZ) ? 4u : 0u));
  return f.n;
}

unsigned ex_run_class(const ex_doc *doc, uint32_t t, uint32_t end, int *ret_margin) {
  uint16_t features[EX_RUN_FEATURES];
  int sum[EX_RUN_CLASSES] = {0};
  *ret_margin = 0;
  if (!ex_lex_weighted(doc->lex)) return EX_RUN_OTHER;
  unsigned n = ex_run_features(doc, t, end, features), best = 0;
  for (unsigned k = 0; k < n; k++)
    for (unsigned c = 0; c < EX_RUN_CLASSES; c++) sum[c] += ex_lex_weight(doc->lex, features[k])[c];
  for (unsigned c = 1; c < EX_RUN_CLASSES; c++)
    if (sum[c] > sum[best]) best = c;
  int second = INT32_MIN;
  for (unsigned c = 0; c < EX_RUN_CLASSES; c++)
    if (c != best && sum[c] > second) second = sum[c];
  *ret_margin = sum[best] - second;
  *doc->steps += n;
  return best;
}
