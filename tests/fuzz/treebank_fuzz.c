/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a treebank and a list of words: refused, or trained on, and the model that comes of it opens. */
#include <stdio.h>
#include <stdlib.h>

#include "train.h"

#define CHECK(condition)                           \
  do {                                             \
    if (!(condition)) {                            \
      fprintf(stderr, "broken: %s\n", #condition); \
      abort();                                     \
    }                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const lane_mem heap = {malloc, free};
  static const seg_train_options options = {.seed = 1, .passes = 1, .runs = 1, .bits = 8, .blocks = 2};
  seg_treebank tb;
  const char *why;
  size_t cut = size ? data[0] * size / 256 : 0; /* before it the words, behind it the treebank */
  seg_word_list list = {(const char *)data, cut};
  seg_train_data train = {&tb, NULL, &list, 1};
  seg_treebank_init(&tb, &heap);
  if (seg_treebank_add(&tb, (const char *)data + cut, size - cut, &why) == 0) {
    void *block;
    size_t n;
    if (!seg_train(&heap, &train, &options, &block, &n)) {
      seg_model m;
      seg_score s = {0, 0, 0};
      CHECK(seg_model_open(&m, block, n) == NULL);
      CHECK(seg_score_words(&heap, &m, &tb, NULL, &s) == 0);
      CHECK(s.right <= s.gold && s.right <= s.found);
      free(block);
    }
  }
  seg_treebank_done(&tb);
  return 0;
}
