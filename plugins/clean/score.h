/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How likely each block of a page is a part of its article: boosted trees over the figures of figures.h, and a second
 * set of trees that also sees what the first said about the blocks around (context.h).
 *
 * The trees were trained by tools/clean_train.c on pages of many publishers whose articles were marked by hand; only
 * their numbers are here (score_model.inc). They judge layout, length, punctuation and names, no site and no language.
 */
#ifndef CLEAN_SCORE_H
#define CLEAN_SCORE_H

#include "context.h"

#define CLEAN_TREE_DEPTH 5
#define CLEAN_TREES_MAX 400
#define CLEAN_SCORE_UNIT 1024 /* one unit of log odds */

/* Inner nodes by level: the children of m are 2m + 1 (figure <= limit) and 2m + 2. */
typedef struct clean_tree {
  uint8_t figure[(1 << CLEAN_TREE_DEPTH) - 1], limit[(1 << CLEAN_TREE_DEPTH) - 1];
  int16_t leaf[1 << CLEAN_TREE_DEPTH];
} clean_tree;

typedef struct clean_score {
  const clean_mem *mem;
  clean_figures figures;
  clean_context context;
  int32_t *odds; /* of each block, in units of CLEAN_SCORE_UNIT: above 0 it is rather of the article */
  uint8_t *rows;
  size_t cap_odds, cap_rows;
} clean_score;

void clean_score_init(clean_score *s, const clean_mem *mem);
void clean_score_done(clean_score *s);
void clean_score_clear(clean_score *s, size_t keep);

/* Fills in odds for the blocks of w. 0 or SL_ENOMEM. */
int clean_score_blocks(clean_score *s, const clean_dom *d, const clean_weights *w, const clean_meta *meta);

/* Adds what the trees say about each of n rows of `size` bytes to odds. */
void clean_trees_score(const clean_tree *trees, size_t n_trees, const uint8_t *rows, size_t n, size_t size,
                       int32_t *odds);

#endif
