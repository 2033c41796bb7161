/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains the word tagger: an averaged structured perceptron, in whole numbers only, so that the same data give the same
 * model on every machine. Part of the training tool, not of the plugin.
 */
#ifndef SEGMENT_TRAIN_H
#define SEGMENT_TRAIN_H

#include <stdbool.h>

#include "conllu.h"
#include "model.h"

typedef struct seg_train_options {
  uint32_t seed;
  uint32_t passes; /* over the data, in each run */
  uint32_t runs;   /* in different orders; their weights are summed */
  uint32_t bits;   /* 2^bits weights */
  uint32_t blocks; /* the treebank's own words are seen in as many parts as if they came from the others */
} seg_train_options;

#define SEG_TRAIN_DEFAULTS \
  { 1, 5, 15, 16, 10 }

typedef struct seg_word_list {
  const char *text;
  size_t n;
} seg_word_list;

typedef struct seg_train_data {
  const seg_treebank *treebank;
  const bool *use; /* by sentence: it is trained on; NULL: all are */
  const seg_word_list *lists;
  size_t n_lists;
} seg_train_data;

/* The block of a model [own, from mem] and its size. NULL, or what went wrong. */
const char *seg_train(const lane_mem *mem, const seg_train_data *data, const seg_train_options *o, void **ret_block,
                      size_t *ret_size);

/* Counts of a comparison: spans right, spans there are, spans found. */
typedef struct seg_score {
  size_t right, gold, found;
} seg_score;

double seg_score_precision(const seg_score *s);
double seg_score_recall(const seg_score *s);
double seg_score_f1(const seg_score *s);

/* Words of the sentences that `use` names (NULL: all), each a text of its own. Adds to *s. 0 or -1. */
int seg_score_words(const lane_mem *mem, const seg_model *m, const seg_treebank *tb, const bool *use, seg_score *s);

/* Ends of sentences in paragraphs of `per` sentences joined by spaces (0: all in one). Adds to *s. 0 or -1. */
int seg_score_sentences(const lane_mem *mem, const seg_model *m, const seg_treebank *tb, size_t per, seg_score *s);

#endif
