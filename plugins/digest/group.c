/* SPDX-License-Identifier: Apache-2.0 */
/* Near-duplicates, and groups by subject. */
#include "group.h"

#include <math.h>
#include <stdlib.h>

#define BAND 4u /* rows of a band: items that share 70 % of their shingles meet in one of 32 with 99.99 % */
#define BANDS (DG_SIGNATURE / BAND)
#define MAX_POSTINGS 64u /* groups that one word leads to; words that lead to more say little */
#define MAX_SHARE 0.5    /* words in more than this share of the items say nothing */
#define SMALL_WINDOW 8u  /* in so small a window no word is common */

/* ---- tables by 64-bit keys ----------------------------------------------------------------------------------------
 */

typedef struct cell {
  uint64_t key; /* 0: free */
  uint32_t value, count;
} cell;

typedef struct table {
  cell *cells;
  size_t mask;
} table;

static int table_init(const lane_mem *mem, table *t, size_t most) {
  size_t want = 64;
  while (want < most * 2) want *= 2;
  t->cells = mem->alloc(want * sizeof(cell));
  if (!t->cells) return -1;
  memset(t->cells, 0, want * sizeof(cell));
  t->mask = want - 1;
  return 0;
}

/* The cell of a key, made if it is new: its count is then 0. The table is never full: it was made for all keys. */
static cell *table_at(table *t, uint64_t key) {
  key |= 1;
  size_t i = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & t->mask;
  while (t->cells[i].key != 0 && t->cells[i].key != key) i = (i + 1) & t->mask;
  t->cells[i].key = key;
  return &t->cells[i];
}

static void table_done(const lane_mem *mem, table *t) {
  if (t->cells) mem->free(t->cells);
  t->cells = NULL;
}

/* ---- near-duplicates ----------------------------------------------------------------------------------------------
 */

static uint64_t band_key(const dg_item *item, uint32_t band) {
  uint64_t key = band + 1;
  for (uint32_t i = 0; i < BAND; i++)
    key = (key ^ item->signature[band * BAND + i]) * UINT64_C(0x9E3779B97F4A7C15) ^ key >> 29;
  return key;
}

/* Finds for item i an earlier one that it repeats, and enters it in the bands if there is none. */
static void find_twin(table *bands, dg_item *const *items, uint32_t i, double limit, dg_groups *g) {
  g->twin[i] = i;
  g->likeness[i] = 1;
  if (items[i]->n_shingles == 0) return;
  double best = 0;
  for (uint32_t b = 0; b < BANDS; b++) {
    const cell *c = table_at(bands, band_key(items[i], b));
    if (c->count == 0 || c->value == g->twin[i]) continue;
    double alike = dg_alike(items[i], items[c->value]);
    if (alike < limit || alike <= best) continue;
    best = alike;
    g->twin[i] = c->value;
  }
  if (g->twin[i] != i) {
    g->likeness[i] = best;
    return;
  }
  for (uint32_t b = 0; b < BANDS; b++) {
    cell *c = table_at(bands, band_key(items[i], b));
    if (c->count++ == 0) c->value = i;
  }
}

static int find_twins(const lane_mem *mem, dg_item *const *items, size_t n, double limit, dg_groups *g) {
  table bands;
  if (table_init(mem, &bands, n * BANDS) != 0) return -1;
  for (size_t i = 0; i < n; i++) find_twin(&bands, items, (uint32_t)i, limit, g);
  table_done(mem, &bands);
  return 0;
}

/* ---- subjects -----------------------------------------------------------------------------------------------------
 */

typedef struct posting {
  uint32_t cluster, next;
} posting;

typedef struct grouper {
  table df;     /* word: count of items; value is its last posting, from 1 */
  table posted; /* word: number of postings */
  lane_vec postings;
  double *shared;    /* for each group: squared weight of the words in common with the item in work */
  uint32_t *touched; /* groups with such words */
  uint32_t n_touched;
} grouper;

static int by_weight(const void *a, const void *b) {
  const dg_term *x = a, *y = b;
  if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
  return (x->key > y->key) - (x->key < y->key);
}

static int by_key(const void *a, const void *b) {
  const dg_term *x = a, *y = b;
  return (x->key > y->key) - (x->key < y->key);
}

/* The heaviest `most` of terms[0, n), by key; returns how many. */
static uint32_t heaviest(dg_term *terms, uint32_t n, uint32_t most) {
  if (n > most) {
    qsort(terms, n, sizeof(*terms), by_weight);
    n = most;
  }
  if (n) qsort(terms, n, sizeof(*terms), by_key);
  return n;
}

static double length_of(const dg_term *terms, uint32_t n) {
  double sum = 0;
  for (uint32_t i = 0; i < n; i++) sum += terms[i].weight * terms[i].weight;
  return sqrt(sum);
}

/* The item's words weighed by how few other items have them; of length 1. Returns how many. */
static uint32_t weigh(grouper *r, const dg_item *item, size_t n_items, dg_term *out) {
  dg_term all[DG_TERMS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < item->n_terms; i++) {
    double df = table_at(&r->df, item->terms[i].key)->count;
    if (n_items > SMALL_WINDOW && df > MAX_SHARE * (double)n_items) continue;
    double weight = (1 + log(item->terms[i].weight + 1)) * log(1.0 + (double)n_items / df);
    all[n++] = (dg_term){item->terms[i].key, weight};
  }
  n = heaviest(all, n, DG_VECTOR);
  double length = length_of(all, n);
  for (uint32_t i = 0; i < n; i++) out[i] = (dg_term){all[i].key, length > 0 ? all[i].weight / length : 0};
  return n;
}

/* Product of two vectors; *ret_words: how many words they share. */
static double dot(const dg_term *a, uint32_t n, const dg_term *b, uint32_t m, uint32_t *ret_words) {
  double sum = 0;
  uint32_t words = 0;
  for (uint32_t i = 0, k = 0; i < n && k < m;) {
    if (a[i].key == b[k].key) {
      sum += a[i++].weight * b[k++].weight;
      words++;
    } else if (a[i].key < b[k].key) {
      i++;
    } else {
      k++;
    }
  }
  *ret_words = words;
  return sum;
}

/* Notes the groups that have words of the item. */
static void touch(grouper *r, const dg_term *v, uint32_t n) {
  const posting *p = r->postings.items;
  r->n_touched = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (!(v[i].weight > 0)) continue;
    for (uint32_t at = table_at(&r->df, v[i].key)->value; at; at = p[at - 1].next) {
      uint32_t c = p[at - 1].cluster;
      if (r->shared[c] == 0) r->touched[r->n_touched++] = c;
      r->shared[c] += v[i].weight * v[i].weight;
    }
  }
}

/* The group that v is most like, UINT32_MAX if none is like enough. By the inequality of Cauchy and Schwarz the cosine
 * is not more than the root of what is shared, so most groups are passed over. */
static uint32_t nearest(grouper *r, const dg_groups *g, const dg_term *v, uint32_t n, double limit) {
  uint32_t best = UINT32_MAX, least = n > 3 ? 2 : 1, words;
  double best_value = limit;
  for (uint32_t i = 0; i < r->n_touched; i++) {
    uint32_t c = r->touched[i];
    double most = sqrt(r->shared[c]);
    const dg_cluster *k = &g->clusters[c];
    r->shared[c] = 0;
    if (most < best_value || k->norm == 0) continue;
    double value = dot(v, n, k->vector, k->n_terms, &words) / k->norm;
    if (words < least || value < best_value || (value == best_value && best != UINT32_MAX && c > best)) continue;
    best = c;
    best_value = value;
  }
  return best;
}

/* Lets a word lead to a group. */
static int post(const lane_mem *mem, grouper *r, uint64_t key, uint32_t cluster) {
  cell *many = table_at(&r->posted, key), *last = table_at(&r->df, key);
  const posting *p = r->postings.items;
  if (many->count >= MAX_POSTINGS || (last->value && p[last->value - 1].cluster == cluster)) return 0;
  if (lane_vec_reserve(mem, &r->postings, sizeof(posting), r->postings.n + 1) != 0) return -1;
  ((posting *)r->postings.items)[r->postings.n++] = (posting){cluster, last->value};
  last->value = (uint32_t)r->postings.n;
  many->count++;
  return 0;
}

static int join(const lane_mem *mem, grouper *r, dg_groups *g, uint32_t c, const dg_term *v, uint32_t n) {
  dg_cluster *k = &g->clusters[c];
  dg_term all[DG_GROUP_VECTOR + DG_VECTOR];
  uint32_t count = 0;
  for (uint32_t i = 0, m = 0; i < n || m < k->n_terms;) {
    if (m == k->n_terms || (i < n && v[i].key < k->vector[m].key)) {
      if (post(mem, r, v[i].key, c) != 0) return -1;
      all[count++] = v[i++];
    } else if (i == n || v[i].key > k->vector[m].key) {
      all[count++] = k->vector[m++];
    } else {
      all[count++] = (dg_term){v[i].key, v[i].weight + k->vector[m].weight};
      i++;
      m++;
    }
  }
  k->n_terms = heaviest(all, count, DG_GROUP_VECTOR);
  memcpy(k->vector, all, k->n_terms * sizeof(dg_term));
  k->norm = length_of(k->vector, k->n_terms);
  return 0;
}

static int group_item(const lane_mem *mem, grouper *r, dg_item *const *items, size_t n, uint32_t i, double limit,
                      dg_groups *g) {
  dg_term v[DG_VECTOR];
  uint32_t count = weigh(r, items[i], n, v);
  touch(r, v, count);
  uint32_t c = nearest(r, g, v, count, limit);
  if (c == UINT32_MAX) {
    c = g->n_clusters++;
    memset(&g->clusters[c], 0, sizeof(g->clusters[c]));
  }
  g->cluster[i] = c;
  return join(mem, r, g, c, v, count);
}

static int find_groups(const lane_mem *mem, grouper *r, dg_item *const *items, size_t n, double limit, dg_groups *g) {
  size_t words = 0, reps = 0;
  for (size_t i = 0; i < n; i++) words += items[i]->n_terms;
  r->shared = mem->alloc(n * sizeof(double));
  r->touched = mem->alloc(n * sizeof(uint32_t));
  if (table_init(mem, &r->df, words) != 0 || table_init(mem, &r->posted, words) != 0 || !r->shared || !r->touched)
    return -1;
  memset(r->shared, 0, n * sizeof(double));
  for (size_t i = 0; i < n; i++) {
    if (g->twin[i] != i) continue;
    reps++;
    for (uint32_t k = 0; k < items[i]->n_terms; k++) table_at(&r->df, items[i]->terms[k].key)->count++;
  }
  for (size_t i = 0; i < n; i++) {
    if (g->twin[i] == i && group_item(mem, r, items, reps, (uint32_t)i, limit, g) != 0) return -1;
  }
  for (size_t i = 0; i < n; i++) {
    g->cluster[i] = g->cluster[g->twin[i]];
    g->clusters[g->cluster[i]].members++;
  }
  return 0;
}

void dg_groups_done(const lane_mem *mem, dg_groups *g) {
  void *all[] = {g->twin, g->likeness, g->cluster, g->clusters};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
    if (all[i]) mem->free(all[i]);
  memset(g, 0, sizeof(*g));
}

int dg_group(const lane_mem *mem, dg_item *const *items, size_t n, const dg_limits *limits, dg_groups *ret) {
  memset(ret, 0, sizeof(*ret));
  if (n == 0) return 0;
  if (n > UINT32_MAX / BANDS) return -1;
  grouper r = {0};
  ret->twin = mem->alloc(n * sizeof(uint32_t));
  ret->likeness = mem->alloc(n * sizeof(double));
  ret->cluster = mem->alloc(n * sizeof(uint32_t));
  ret->clusters = mem->alloc(n * sizeof(dg_cluster));
  int rc = ret->twin && ret->likeness && ret->cluster && ret->clusters ? 0 : -1;
  if (rc == 0) rc = find_twins(mem, items, n, limits->duplicate, ret);
  if (rc == 0) rc = find_groups(mem, &r, items, n, limits->similarity, ret);
  table_done(mem, &r.df);
  table_done(mem, &r.posted);
  lane_vec_done(mem, &r.postings);
  if (r.shared) mem->free(r.shared);
  if (r.touched) mem->free(r.touched);
  if (rc != 0) dg_groups_done(mem, ret);
  return rc;
}
