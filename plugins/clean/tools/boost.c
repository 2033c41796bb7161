/* SPDX-License-Identifier: Apache-2.0 */
/* Training of trees: see boost.h. */
#include "boost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAVES (1u << CLEAN_TREE_DEPTH)
#define ONE 4096 /* a gradient of one */

typedef struct cell {
  int64_t g, h;
} cell;

typedef struct booster {
  const boost_rows *rows;
  const boost_options *opt;
  int32_t *margin, *g, *h; /* of each row; margin in units of CLEAN_SCORE_UNIT */
  uint32_t *at;            /* rows of this tree */
  uint8_t *node;           /* of each row: where it stands in its level */
  size_t n_at;
  cell *cells; /* LEAVES × 256 */
  int32_t chance[8193];
} booster;

static uint64_t next_random(uint64_t *x) {
  *x ^= *x << 13;
  *x ^= *x >> 7;
  *x ^= *x << 17;
  return *x;
}

static int32_t chance_of(const booster *b, int32_t margin) {
  int32_t x = margin / 2 + 4096; /* -8192 to 8192 */
  return b->chance[x < 0 ? 0 : x > 8192 ? 8192 : x];
}

static void gradients(booster *b, uint64_t *random) {
  b->n_at = 0;
  for (size_t i = 0; i < b->rows->n; i++) {
    if (!b->rows->weight[i] || next_random(random) % 1000 >= b->opt->per_mille) continue;
    int32_t p = chance_of(b, b->margin[i]), w = b->rows->weight[i];
    b->g[i] = (p - (b->rows->label[i] ? ONE : 0)) * w;
    b->h[i] = (int32_t)((int64_t)p * (ONE - p) / ONE) * w + 1;
    b->at[b->n_at++] = (uint32_t)i;
    b->node[i] = 0;
  }
}

typedef struct split {
  double gain;
  uint16_t figure;
  uint8_t limit;
} split;

static double worth(const booster *b, int64_t g, int64_t h) {
  return (double)g * (double)g / ((double)h + b->opt->smooth * ONE);
}

/* The best limit of one figure for each node of the level. */
static void try_figure(booster *b, unsigned figure, unsigned nodes, split *best) {
  const uint8_t *column = b->rows->columns + (size_t)figure * b->rows->n;
  memset(b->cells, 0, (size_t)nodes * 256 * sizeof(cell));
  for (size_t k = 0; k < b->n_at; k++) {
    uint32_t i = b->at[k];
    cell *c = &b->cells[(size_t)b->node[i] * 256 + column[i]];
    c->g += b->g[i];
    c->h += b->h[i];
  }
  for (unsigned m = 0; m < nodes; m++) {
    const cell *c = &b->cells[(size_t)m * 256];
    int64_t g = 0, h = 0, lg = 0, lh = 0;
    for (unsigned v = 0; v < 256; v++) {
      g += c[v].g;
      h += c[v].h;
    }
    double base = worth(b, g, h);
    for (unsigned v = 0; v < 255; v++) {
      lg += c[v].g;
      lh += c[v].h;
      if (c[v].h == 0 || (double)lh < b->opt->keep * ONE || (double)(h - lh) < b->opt->keep * ONE) continue;
      double gain = worth(b, lg, lh) + worth(b, g - lg, h - lh) - base;
      if (gain > best[m].gain * 1.0000001) best[m] = (split){gain, (uint16_t)figure, (uint8_t)v};
    }
  }
}

static void set_leaves(booster *b, clean_tree *tree) {
  cell leaf[LEAVES];
  memset(leaf, 0, sizeof leaf);
  for (size_t k = 0; k < b->n_at; k++) {
    cell *c = &leaf[b->node[b->at[k]]];
    c->g += b->g[b->at[k]];
    c->h += b->h[b->at[k]];
  }
  for (unsigned m = 0; m < LEAVES; m++) {
    double step = -b->opt->rate * (double)leaf[m].g / ((double)leaf[m].h + b->opt->smooth * ONE);
    if (step > 8) step = 8;
    if (step < -8) step = -8;
    tree->leaf[m] = (int16_t)lround(step * CLEAN_SCORE_UNIT);
  }
}

static void grow(booster *b, clean_tree *tree, uint64_t *random) {
  gradients(b, random);
  memset(tree, 0, sizeof *tree);
  for (unsigned depth = 0; depth < CLEAN_TREE_DEPTH; depth++) {
    split best[LEAVES];
    unsigned nodes = 1u << depth, first = nodes - 1;
    for (unsigned m = 0; m < nodes; m++) best[m] = (split){1e-3, 0, 255};
    for (unsigned f = 0; f < b->rows->n_figures; f++) {
      if (next_random(random) % 1000 < 500) try_figure(b, f, nodes, best);
    }
    for (unsigned m = 0; m < nodes; m++) {
      tree->figure[first + m] = (uint8_t)best[m].figure;
      tree->limit[first + m] = best[m].limit;
    }
    for (size_t k = 0; k < b->n_at; k++) {
      uint32_t i = b->at[k];
      const split *s = &best[b->node[i]];
      b->node[i] = (uint8_t)(b->node[i] * 2 + (b->rows->columns[(size_t)s->figure * b->rows->n + i] > s->limit));
    }
  }
  set_leaves(b, tree);
}

static void apply(booster *b, const clean_tree *tree) {
  for (size_t i = 0; i < b->rows->n; i++) {
    unsigned m = 0;
    for (unsigned depth = 0; depth < CLEAN_TREE_DEPTH; depth++) {
      m = m * 2 + 1 + (b->rows->columns[(size_t)tree->figure[m] * b->rows->n + i] > tree->limit[m]);
    }
    b->margin[i] += tree->leaf[m - (LEAVES - 1)];
  }
}

int boost_train(const boost_rows *rows, const boost_options *opt, clean_forest *ret) {
  booster *b = calloc(1, sizeof *b);
  uint64_t random = opt->seed * 0x9E3779B97F4A7C15u + 1;
  size_t n = rows->n + 1;
  if (!b) return -1;
  *b = (booster){.rows = rows, .opt = opt};
  b->margin = calloc(n, sizeof *b->margin);
  b->g = calloc(n, sizeof *b->g);
  b->h = calloc(n, sizeof *b->h);
  b->at = calloc(n, sizeof *b->at);
  b->node = calloc(n, 1);
  b->cells = calloc((size_t)LEAVES * 256, sizeof *b->cells);
  int ok = b->margin && b->g && b->h && b->at && b->node && b->cells;
  for (int k = 0; k <= 8192; k++) {
    b->chance[k] = (int32_t)lround(ONE / (1 + exp(-(double)(k - 4096) * 2 / CLEAN_SCORE_UNIT)));
  }
  ret->n = 0;
  for (unsigned t = 0; ok && t < opt->trees && t < CLEAN_TREES_MAX; t++) {
    grow(b, &ret->trees[ret->n++], &random);
    apply(b, &ret->trees[ret->n - 1]);
  }
  free(b->margin);
  free(b->g);
  free(b->h);
  free(b->at);
  free(b->node);
  free(b->cells);
  free(b);
  return ok ? 0 : -1;
}
