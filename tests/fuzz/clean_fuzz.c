/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through clean: the text is UTF-8 in normal form, the map is sorted and lies inside, pieces lie inside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "article.h"
#include "normal.h"

#define CHECK(condition)                           \
  do {                                             \
    if (!(condition)) {                            \
      fprintf(stderr, "broken: %s\n", #condition); \
      abort();                                     \
    }                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const clean_mem heap = {malloc, free};

/* What came out goes in again unchanged. */
static void check_normal(const char *s, size_t n) {
  clean_buf again;
  clean_view v = {s, n, NULL, 0, 0, 0};
  clean_buf_init(&again, &heap);
  clean_normal(&v, &again);
  CHECK(again.n == n && (n == 0 || memcmp(again.s, s, n) == 0));
  clean_buf_done(&again);
}

static void check(const clean_work *w, size_t n) {
  CHECK(clean_utf8_valid(w->out.s ? w->out.s : "", w->out.n) == w->out.n);
  check_normal(w->out.s ? w->out.s : "", w->out.n);
  uint64_t at = 0;
  for (size_t i = 0; i < w->out.n_runs; i++) {
    const sl_span *r = &w->out.runs[i];
    CHECK(r->text >= at && r->text_len > 0 && r->text + r->text_len <= w->out.n && r->src + r->src_len <= n);
    at = r->text + r->text_len;
  }
  for (size_t i = 0; i < w->n_removed; i++) {
    const clean_removed *r = &w->removed[i];
    CHECK(r->start <= r->end && r->end <= n && clean_utf8_valid(r->text, r->n) == r->n);
  }
  CHECK(w->title_start <= w->title_end && w->title_end <= w->out.n);
  CHECK(w->lead_start <= w->lead_end && w->lead_end <= w->out.n);
  for (size_t i = 0; i < w->lines.n_authors; i++) CHECK(w->lines.authors[i].end <= w->normal.n);
}

/* The first byte chooses: bits 0-1 the format, bit 2 what happens to broken bytes, bit 3 a text in place of a payload.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static clean_lexicon *lexicon;
  static clean_work work;
  if (!lexicon) {
    lexicon = clean_lexicon_new(&heap);
    CHECK(lexicon);
    clean_work_init(&work, &heap);
  }
  if (size < 1) return 0;
  size_t n = size - 1;
  char *s = malloc(n ? n : 1);
  CHECK(s);
  memcpy(s, data + 1, n);
  clean_options opt = {.format = (data[0] & 3) % 3,
                       .replace = (data[0] >> 2) & 1,
                       .blank_line = (data[0] >> 4) & 1,
                       .charset = "auto",
                       .rules = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
  clean_why why = {0};
  int utf8 = (data[0] & 8) && clean_utf8_valid(s, n) == n;
  clean_input in = {s, n, (data[0] & 32) ? "text/html; charset=windows-1258" : NULL, utf8, NULL};
  if (clean_article(&work, &in, lexicon, &opt, &why) == SL_OK) {
    check(&work, n);
  } else {
    CHECK(why.message[0] != '\0');
  }
  free(s);
  return 0;
}
