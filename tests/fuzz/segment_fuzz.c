/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through segment: results lie inside the text, in order, and the words hold every byte but white space. */
#include <stdio.h>
#include <stdlib.h>

#include "segment.h"
#include "vi_text.h"

#define CHECK(condition)                           \
  do {                                             \
    if (!(condition)) {                            \
      fprintf(stderr, "broken: %s\n", #condition); \
      abort();                                     \
    }                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only white space and invisible characters stand outside words. */
static void check_gap(const char *s, size_t n, size_t from, size_t to) {
  for (size_t i = from; i < to;) {
    uint32_t cp = vi_next(s, n, &i);
    CHECK(vi_is_space(cp) || vi_is_ignorable(cp));
  }
}

static void check(const segmenter *sg, const char *s, size_t n) {
  const seg_result_sentence *q = sg->sentences.items;
  const seg_range *w = sg->words.items;
  size_t at = 0;
  for (size_t i = 0; i < sg->sentences.n; i++) {
    CHECK(q[i].first_word < q[i].last_word && q[i].last_word <= sg->words.n);
    CHECK(w[q[i].first_word].start == q[i].start && w[q[i].last_word - 1].end == q[i].end);
  }
  for (size_t i = 0; i < sg->words.n; i++) {
    CHECK(w[i].start >= at && w[i].start < w[i].end && w[i].end <= n);
    check_gap(s, n, at, w[i].start);
    at = w[i].end;
  }
  check_gap(s, n, at, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const lane_mem heap = {malloc, free};
  static seg_model model;
  static seg_lexicon lexicon;
  static segmenter sg;
  static lane_vec words;
  if (!lexicon.dict.head) {
    size_t skipped;
    CHECK(seg_model_shipped(&model) == NULL);
    CHECK(seg_lexicon_init(&lexicon, &heap, &model, NULL, 0, &skipped) == 0);
    segmenter_init(&sg, &lexicon, SEG_BREAK_AUTO);
  }
  if (size < 1) return 0;
  /* A block of its own, so that reading one byte too far is seen. */
  size_t n = size - 1;
  char *text = malloc(n ? n : 1);
  CHECK(text);
  memcpy(text, data + 1, n);
  sg.breaks = data[0] % 3;
  CHECK(segmenter_run(&sg, text, n, (data[0] >> 2) % 4 - 1) == 0);
  check(&sg, text, n);
  for (size_t i = 0; i < sg.sentences.n; i++) {
    words.n = 0;
    CHECK(segmenter_words_text(&sg, text, i, &words) == 0 && words.n > 0);
  }
  free(text);
  return 0;
}
