/* SPDX-License-Identifier: Apache-2.0 */
/* Reads documents into items. */
#include "item.h"

#include <stdlib.h>

#include "vi_text.h"

static uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= UINT64_C(0xFF51AFD7ED558CCD);
  x ^= x >> 33;
  x *= UINT64_C(0xC4CEB9FE1A85EC53);
  return x ^ x >> 33;
}

/* One shingle into the signature: DG_SIGNATURE hash functions, made of one. */
static void sign(uint32_t *signature, uint64_t shingle) {
  uint64_t h = mix(shingle);
  uint32_t a = (uint32_t)h, b = (uint32_t)(h >> 32) | 1;
  for (uint32_t i = 0; i < DG_SIGNATURE; i++) {
    uint32_t x = a + i * b;
    x ^= x >> 16;
    x *= 0x85EBCA6Bu;
    x ^= x >> 13;
    if (x < signature[i]) signature[i] = x;
  }
}

static void read_shingles(dg_item *item, const char *text, size_t len) {
  uint64_t last[DG_SHINGLE] = {0};
  uint32_t words = 0;
  vi_word w;
  memset(item->signature, 0xFF, sizeof(item->signature));
  item->n_shingles = 0;
  for (size_t i = 0; vi_next_word(text, len, &i, &w);) {
    memmove(last, last + 1, (DG_SHINGLE - 1) * sizeof(last[0]));
    last[DG_SHINGLE - 1] = vi_key_i(w.key);
    if (++words < DG_SHINGLE) continue;
    uint64_t shingle = 0;
    for (uint32_t k = 0; k < DG_SHINGLE; k++) shingle = mix(shingle ^ last[k]) + k;
    sign(item->signature, shingle);
    if (item->n_shingles < UINT32_MAX) item->n_shingles++;
  }
}

double dg_alike(const dg_item *a, const dg_item *b) {
  uint32_t same = 0;
  if (a->n_shingles == 0 || b->n_shingles == 0) return 0;
  for (uint32_t i = 0; i < DG_SIGNATURE; i++) same += a->signature[i] == b->signature[i];
  return (double)same / DG_SIGNATURE;
}

/* ---- words ---------------------------------------------------------------------------------------------------------
 */

typedef struct ranked {
  double weight;
  uint32_t id;
} ranked;

static int by_weight(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
  return (x->id > y->id) - (x->id < y->id);
}

static int by_key(const void *a, const void *b) {
  const dg_term *x = a, *y = b;
  return (x->key > y->key) - (x->key < y->key);
}

static int by_value(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* Names and words of several syllables tell more. */
static double weight_of(const sum_term *t) {
  if (t->flags & SUM_TERM_STOP) return 0;
  return t->count * (t->syllables > 1 ? 1.0 : 0.5) * (sum_term_is_name(t) ? 1.3 : 1.0);
}

/* The word with spaces between its syllables; what does not fit is left out. */
static void write_form(dg_form *f, const sum_term *t) {
  uint32_t n = 0;
  f->key = t->key;
  if (t->form_len < DG_FORM)
    for (; n < t->form_len; n++) f->text[n] = t->form[n] == '_' ? ' ' : t->form[n];
  f->text[n] = '\0';
}

static int read_terms(dg_item *item, summarizer *s) {
  const sum_term *t = s->terms.terms.items;
  size_t n = s->terms.terms.n, count = 0;
  if (lane_vec_reserve(&s->mem, &s->order, sizeof(ranked), n + 1) != 0) return -1;
  ranked *r = s->order.items;
  for (size_t i = 0; i < n; i++) {
    double weight = weight_of(&t[i]);
    if (weight > 0) r[count++] = (ranked){weight, (uint32_t)i};
  }
  if (count) qsort(r, count, sizeof(*r), by_weight);
  item->n_terms = count < DG_TERMS ? (uint32_t)count : DG_TERMS;
  item->n_forms = item->n_terms < DG_FORMS ? item->n_terms : DG_FORMS;
  for (uint32_t i = 0; i < item->n_forms; i++) write_form(&item->forms[i], &t[r[i].id]);
  for (uint32_t i = 0; i < item->n_terms; i++) item->terms[i] = (dg_term){t[r[i].id].key, r[i].weight};
  if (item->n_terms) qsort(item->terms, item->n_terms, sizeof(dg_term), by_key);
  return 0;
}

/* The words of a sentence, each once. */
static void read_keys(dg_pick *p, const sum_terms *terms, const sum_sentence *q) {
  p->n_keys = 0;
  for (size_t at = 0, start; p->n_keys < DG_KEYS && at < q->words_len;) {
    while (at < q->words_len && q->words[at] == ' ') at++;
    for (start = at; at < q->words_len && q->words[at] != ' ';) at++;
    uint32_t syllables;
    uint64_t key = sum_word_key(q->words + start, at - start, &syllables);
    if (key == 0 || syllables == 0 || sum_terms_is_stop(terms, key)) continue;
    p->keys[p->n_keys++] = key;
  }
  if (p->n_keys == 0) return;
  qsort(p->keys, p->n_keys, sizeof(p->keys[0]), by_value);
  uint32_t kept = 1;
  for (uint32_t i = 1; i < p->n_keys; i++)
    if (p->keys[i] != p->keys[kept - 1]) p->keys[kept++] = p->keys[i];
  p->n_keys = kept;
}

int dg_item_read(dg_item *item, summarizer *s, const dg_range *ranges, const char *text, size_t len,
                 const char *title) {
  sum_options o = {SUM_CENTROID, DG_PICKS, 0, 0, 0};
  if (sum_choose(s, title, title ? strlen(title) : 0, &o) != 0 || read_terms(item, s) != 0) return -1;
  const sum_sentence *q = s->sentences.items;
  item->n_picks = 0;
  for (size_t i = 0; i < s->sentences.n && item->n_picks < DG_PICKS; i++) {
    if (!q[i].chosen) continue;
    dg_pick *p = &item->picks[item->n_picks++];
    *p = (dg_pick){.start = ranges[i].start, .end = ranges[i].end, .score = q[i].score};
    read_keys(p, &s->terms, &q[i]);
  }
  read_shingles(item, text, len);
  return 0;
}
