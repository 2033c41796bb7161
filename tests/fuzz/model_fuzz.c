/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a model file, with checksums that fit: it is refused, or it segments text without leaving its block. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "dict_build.h"
#include "segment.h"

#define CHECK(condition)                           \
  do {                                             \
    if (!(condition)) {                            \
      fprintf(stderr, "broken: %s\n", #condition); \
      abort();                                     \
    }                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const lane_mem heap = {malloc, free};

/* The checksums are put right, so that what is behind them is reached. */
static void repair(char *block, size_t size) {
  seg_model_head h;
  if (size < sizeof(h)) return;
  memcpy(&h, block, sizeof(h));
  uint64_t end = (uint64_t)h.dict_at + h.dict_size;
  if (h.dict_size >= sizeof(seg_dict_head) && h.dict_at >= sizeof(h) && end <= size) {
    uint64_t sum = seg_dict_checksum(block + h.dict_at + sizeof(seg_dict_head), h.dict_size - sizeof(seg_dict_head));
    memcpy(block + h.dict_at + offsetof(seg_dict_head, checksum), &sum, sizeof(sum));
  }
  h.size = size;
  memcpy(block, &h, sizeof(h));
  h.checksum = seg_model_checksum(block, size);
  memcpy(block, &h, sizeof(h));
}

static void use(const seg_model *m, const char *words) {
  static const char text[] = "Hà Nội mưa to. Sinh viên học công nghệ thông tin tại Đà Nẵng, ông Nguyễn Văn An nói.";
  seg_lexicon lex;
  segmenter sg;
  size_t skipped;
  int rc = seg_lexicon_init(&lex, &heap, m, words, words ? strlen(words) : 0, &skipped);
  CHECK(rc == 0 || rc == -2);
  segmenter_init(&sg, &lex, SEG_BREAK_AUTO);
  CHECK(rc != 0 || segmenter_run(&sg, text, sizeof(text) - 1, SEG_LANG_VI) == 0);
  segmenter_done(&sg);
  seg_lexicon_done(&lex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  /* A block of its own, so that reading one byte too far is seen. */
  char *block = malloc(size ? size : 1);
  seg_model m;
  CHECK(block);
  memcpy(block, data, size);
  if (size && data[size - 1] % 4 != 0) repair(block, size);
  if (!seg_model_open(&m, block, size)) {
    use(&m, NULL);
    use(&m, "mưa to\n!sinh viên\nĐà Nẵng");
  }
  free(block);
  return 0;
}
