/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gradient boosted trees over figures that are bytes: logistic loss, trees of one depth, whole-number histograms, so
 * that the same rows give the same trees with every compiler.
 */
#ifndef CLEAN_BOOST_H
#define CLEAN_BOOST_H

#include <stddef.h>
#include <stdint.h>

#include "score.h"

typedef struct boost_rows {
  const uint8_t *columns; /* n bytes for each figure */
  size_t n, n_figures;
  const uint8_t *label;
  const uint16_t *weight; /* 0: not used */
} boost_rows;

typedef struct boost_options {
  unsigned trees;     /* at most CLEAN_TREES_MAX */
  double rate;        /* of learning */
  double keep;        /* weight that a leaf must have */
  double smooth;      /* pulls leaves to nothing */
  unsigned per_mille; /* of the rows for each tree */
  uint64_t seed;
} boost_options;

typedef struct clean_forest {
  size_t n;
  clean_tree trees[CLEAN_TREES_MAX];
} clean_forest;

/* 0, or -1 when memory is out. */
int boost_train(const boost_rows *rows, const boost_options *opt, clean_forest *ret);

#endif
