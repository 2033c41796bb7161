/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of what stands around a block: see context.h. */
#include "context.h"

#include <string.h>

#include "score.h"

#define NONE CLEAN_DOM_NONE
#define ONE 4096
#define WEIGHT_MAX 400u /* characters of a block that count */
#define LIKELY_CHARS 50u
#define LOCAL 5u

typedef struct clean_kin {
  uint64_t names, likely, weight;
} clean_kin;

typedef struct reader {
  clean_context *c;
  const clean_dom *d;
  const clean_block *blocks;
  const clean_figures *f;
  const int32_t *odds;
  size_t n, mask;
  uint32_t center;
  uint64_t all;
} reader;

void clean_context_init(clean_context *c, const clean_mem *mem) {
  memset(c, 0, sizeof *c);
  c->mem = mem;
}

void clean_context_done(clean_context *c) {
  c->mem->free(c->likely);
  c->mem->free(c->weight);
  c->mem->free(c->before);
  c->mem->free(c->kin);
  clean_context_init(c, c->mem);
}

void clean_context_clear(clean_context *c, size_t keep) {
  if ((c->cap_likely + c->cap_weight + c->cap_before) * 8 + c->cap_kin * sizeof *c->kin > keep) clean_context_done(c);
}

/* The logistic curve in steps of a quarter, by straight lines; ONE is certain. */
static uint32_t chance(int32_t odds) {
  static const uint16_t curve[33] = {74,   94,   120,  153,  194,  246,  311,  391,  488,  606,  747,
                                     912,  1102, 1314, 1546, 1793, 2048, 2303, 2550, 2782, 2994, 3184,
                                     3349, 3490, 3608, 3705, 3785, 3850, 3902, 3943, 3976, 4002, 4022};
  int32_t x = odds + 4 * CLEAN_SCORE_UNIT;
  if (x < 0) x = 0;
  if (x > 8 * CLEAN_SCORE_UNIT - 1) x = 8 * CLEAN_SCORE_UNIT - 1;
  int32_t k = x * 4 / CLEAN_SCORE_UNIT, rest = x * 4 % CLEAN_SCORE_UNIT;
  return (uint32_t)(curve[k] + (curve[k + 1] - curve[k]) * rest / CLEAN_SCORE_UNIT);
}

static uint8_t odds_byte(int32_t odds) {
  int32_t v = 128 + odds * 16 / CLEAN_SCORE_UNIT;
  return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static uint64_t weight_of(const clean_block *b) { return b->chars < WEIGHT_MAX ? b->chars : WEIGHT_MAX; }

static clean_kin *kin_of(const reader *r, uint64_t names) {
  size_t i = (names ^ names >> 29) & r->mask;
  while (r->c->kin[i].names && r->c->kin[i].names != names) i = (i + 1) & r->mask;
  r->c->kin[i].names = names;
  return &r->c->kin[i];
}

static int make_room(reader *r) {
  clean_context *c = r->c;
  size_t size = 64;
  while (size < r->n * 2) size *= 2;
  void *likely = c->likely, *weight = c->weight, *before = c->before, *kin = c->kin;
  int rc = clean_grow(c->mem, &likely, &c->cap_likely, 0, r->d->n_nodes, 8);
  c->likely = likely;
  if (!rc) rc = clean_grow(c->mem, &weight, &c->cap_weight, 0, r->d->n_nodes, 8);
  c->weight = weight;
  if (!rc) rc = clean_grow(c->mem, &before, &c->cap_before, 0, r->n + 1, 8);
  c->before = before;
  if (!rc) rc = clean_grow(c->mem, &kin, &c->cap_kin, 0, size, sizeof *c->kin);
  c->kin = kin;
  if (rc) return rc;
  r->mask = size - 1;
  memset(c->likely, 0, r->d->n_nodes * 8);
  memset(c->weight, 0, r->d->n_nodes * 8);
  memset(c->kin, 0, size * sizeof *c->kin);
  return SL_OK;
}

static void sum_up(reader *r) {
  clean_context *c = r->c;
  const clean_node *nodes = r->d->nodes;
  c->before[0] = 0;
  for (size_t i = 0; i < r->n; i++) {
    uint64_t weight = weight_of(&r->blocks[i]), likely = weight * chance(r->odds[i]);
    clean_kin *kin = kin_of(r, r->f->like[i].names);
    c->likely[r->blocks[i].node] += likely;
    c->weight[r->blocks[i].node] += weight;
    kin->likely += likely;
    kin->weight += weight;
    c->before[i + 1] = c->before[i] + likely;
  }
  for (size_t i = r->d->n_nodes; i-- > 1;) {
    c->likely[nodes[i].parent] += c->likely[i];
    c->weight[nodes[i].parent] += c->weight[i];
  }
  r->all = c->before[r->n];
  r->center = 0;
  for (uint32_t i = 1; i < r->d->n_nodes; i++) {
    if (c->likely[i] * 10 >= r->all * 6 && nodes[i].depth > nodes[r->center].depth) r->center = i;
  }
}

static uint32_t parent_of(const reader *r, uint32_t node) {
  uint32_t up = r->d->nodes[node].parent;
  return up == NONE ? 0 : up;
}

static int under(const reader *r, uint32_t node, uint32_t top) { return node >= top && node <= r->d->nodes[top].last; }

/* How likely the rest of something is. */
static uint8_t rest_byte(uint64_t likely, uint64_t weight, uint64_t own_likely, uint64_t own_weight) {
  if (weight <= own_weight) return 255;
  return clean_share_byte(likely - own_likely, (weight - own_weight) * ONE);
}

static void elements(const reader *r, size_t i, uint8_t *g) {
  const clean_context *c = r->c;
  uint64_t weight = weight_of(&r->blocks[i]), likely = c->before[i + 1] - c->before[i];
  uint32_t node = r->blocks[i].node;
  for (int k = 0; k < 4; k++) {
    node = parent_of(r, node);
    g[CLEAN_G_UP + 2 * k] = rest_byte(c->likely[node], c->weight[node], likely, weight);
    g[CLEAN_G_UP + 2 * k + 1] = clean_share_byte(c->likely[node], r->all);
  }
  const clean_kin *kin = kin_of(r, r->f->like[i].names);
  g[CLEAN_G_NAMES] = rest_byte(kin->likely, kin->weight, likely, weight);
  uint32_t common = r->blocks[i].node, up = 0;
  while (common != 0 && !under(r, r->center, common)) {
    if (under(r, common, r->center)) break;
    common = parent_of(r, common);
    up++;
  }
  int inside = under(r, r->blocks[i].node, r->center);
  const clean_node *center = &r->d->nodes[r->center], *own = &r->d->nodes[r->blocks[i].node];
  unsigned down = inside ? 100u + own->depth - center->depth : (unsigned)(center->depth - r->d->nodes[common].depth);
  g[CLEAN_G_CENTER_UP] = (uint8_t)(inside ? 0 : up > 250 ? 250 : up + 1);
  g[CLEAN_G_CENTER_DOWN] = (uint8_t)(down > 250 ? 250 : down);
}

static int likely_block(const reader *r, size_t i) { return r->odds[i] > 0 && r->blocks[i].chars > LIKELY_CHARS; }

static void line(const reader *r, size_t i, uint8_t *g) {
  static const int where[6] = {-3, -2, -1, 1, 2, 3};
  const clean_context *c = r->c;
  g[CLEAN_G_OWN] = odds_byte(r->odds[i]);
  for (int k = 0; k < 6; k++) {
    int64_t at = (int64_t)i + where[k];
    g[CLEAN_G_NEAR + k] = at < 0 || at >= (int64_t)r->n ? 0 : odds_byte(r->odds[at]);
  }
  g[CLEAN_G_BEFORE] = clean_share_byte(c->before[i], r->all);
  g[CLEAN_G_AFTER] = clean_share_byte(r->all - c->before[i + 1], r->all);
  size_t from = i > LOCAL ? i - LOCAL : 0, to = i + LOCAL + 1 < r->n ? i + LOCAL + 1 : r->n;
  g[CLEAN_G_LOCAL] = clean_size_byte((c->before[to] - c->before[from]) / ONE);
  g[CLEAN_G_ALL] = clean_size_byte(r->all / ONE);
}

/* Blocks and characters to the next likely block, for all blocks in one direction. */
static void distances(const reader *r, int back, uint8_t *rows) {
  uint64_t chars = 0, count = 0;
  int seen = 0;
  for (size_t k = 0; k < r->n; k++) {
    size_t i = back ? r->n - 1 - k : k;
    uint8_t *g = rows + i * CLEAN_ROW + CLEAN_F_COUNT;
    g[back ? CLEAN_G_BLOCKS_AFTER : CLEAN_G_BLOCKS_BEFORE] = (uint8_t)(!seen || count > 250 ? 255 : count);
    g[back ? CLEAN_G_CHARS_AFTER : CLEAN_G_CHARS_BEFORE] = seen ? clean_size_byte(chars) : 255;
    chars += r->blocks[i].chars;
    count++;
    if (likely_block(r, i)) {
      seen = 1;
      chars = count = 0;
    }
  }
}

int clean_context_read(clean_context *c, const clean_dom *d, const clean_block *blocks, const clean_figures *f,
                       const int32_t *odds, uint8_t *rows) {
  reader r = {.c = c, .d = d, .blocks = blocks, .f = f, .odds = odds, .n = f->n};
  int rc = make_room(&r);
  if (rc) return rc;
  sum_up(&r);
  for (size_t i = 0; i < r.n; i++) {
    uint8_t *row = rows + i * CLEAN_ROW;
    memcpy(row, f->f + i * CLEAN_F_COUNT, CLEAN_F_COUNT);
    elements(&r, i, row + CLEAN_F_COUNT);
    line(&r, i, row + CLEAN_F_COUNT);
  }
  distances(&r, 0, rows);
  distances(&r, 1, rows);
  return SL_OK;
}
