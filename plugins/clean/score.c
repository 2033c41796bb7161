/* SPDX-License-Identifier: Apache-2.0 */
/* Trees over figures: see score.h. */
#include "score.h"

#include <string.h>

#include "score_model.inc"

void clean_score_init(clean_score *s, const clean_mem *mem) {
  memset(s, 0, sizeof *s);
  s->mem = mem;
  clean_figures_init(&s->figures, mem);
  clean_context_init(&s->context, mem);
}

void clean_score_done(clean_score *s) {
  clean_figures_done(&s->figures);
  clean_context_done(&s->context);
  s->mem->free(s->odds);
  s->mem->free(s->rows);
  clean_score_init(s, s->mem);
}

void clean_score_clear(clean_score *s, size_t keep) {
  clean_figures_clear(&s->figures, keep);
  clean_context_clear(&s->context, keep);
  if (s->cap_odds * sizeof *s->odds + s->cap_rows > keep) {
    s->mem->free(s->odds);
    s->mem->free(s->rows);
    s->odds = NULL;
    s->rows = NULL;
    s->cap_odds = s->cap_rows = 0;
  }
}

void clean_trees_score(const clean_tree *trees, size_t n_trees, const uint8_t *rows, size_t n, size_t size,
                       int32_t *odds) {
  for (size_t t = 0; t < n_trees; t++) { /* one tree at a time stays in the cache */
    const clean_tree *tree = &trees[t];
    for (size_t i = 0; i < n; i++) {
      const uint8_t *row = rows + i * size;
      unsigned m = 0;
      for (int depth = 0; depth < CLEAN_TREE_DEPTH; depth++) m = 2 * m + 1 + (row[tree->figure[m]] > tree->limit[m]);
      odds[i] += tree->leaf[m - ((1u << CLEAN_TREE_DEPTH) - 1)];
    }
  }
}

int clean_score_blocks(clean_score *s, const clean_dom *d, const clean_weights *w, const clean_meta *meta) {
  size_t n = w->n_blocks;
  void *odds = s->odds, *rows = s->rows;
  int rc = clean_figures_read(&s->figures, d, w, meta);
  if (!rc) rc = clean_grow(s->mem, &odds, &s->cap_odds, 0, n + 1, sizeof *s->odds);
  s->odds = odds;
  if (!rc) rc = clean_grow(s->mem, &rows, &s->cap_rows, 0, (n + 1) * CLEAN_ROW, 1);
  s->rows = rows;
  if (rc) return rc;
  memset(s->odds, 0, (n + 1) * sizeof *s->odds);
  clean_trees_score(first_trees, sizeof first_trees / sizeof *first_trees, s->figures.f, n, CLEAN_F_COUNT, s->odds);
  rc = clean_context_read(&s->context, d, w->blocks, &s->figures, s->odds, s->rows);
  if (rc) return rc;
  memset(s->odds, 0, (n + 1) * sizeof *s->odds);
  clean_trees_score(second_trees, sizeof second_trees / sizeof *second_trees, s->rows, n, CLEAN_ROW, s->odds);
  return SL_OK;
}
