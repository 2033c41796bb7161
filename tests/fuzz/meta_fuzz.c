/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON-LD, as a date, as names and as a page with metadata: bounds hold, strings are UTF-8 and end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meta.h"

#define CHECK(condition)                           \
  do {                                             \
    if (!(condition)) {                            \
      fprintf(stderr, "broken: %s\n", #condition); \
      abort();                                     \
    }                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const clean_mem heap = {malloc, free};

static void check_json(const char *s, size_t n) {
  clean_ld ld;
  clean_ld_init(&ld, &heap);
  clean_ld_read(&ld, s, n / 2);
  clean_ld_read(&ld, s + n / 2, n - n / 2);
  CHECK(!ld.oom && ld.n <= CLEAN_LD_VALUES + 1);
  size_t seen = 0;
  for (uint32_t i = 0; i < ld.n; i++) {
    const clean_ld_value *v = &ld.values[i];
    CHECK(i == 0 ? v->parent == CLEAN_LD_NONE : v->parent < i);
    CHECK(v->type >= CLEAN_LD_STRING ? v->child == CLEAN_LD_NONE : v->text_len == 0);
    if (v->type >= CLEAN_LD_STRING) {
      CHECK((size_t)v->text + v->text_len < ld.n_chars && ld.chars[v->text + v->text_len] == '\0');
    }
    if (v->key != CLEAN_LD_NONE) CHECK(v->key < ld.n_chars);
    for (uint32_t k = v->child; k != CLEAN_LD_NONE; k = ld.values[k].next, seen++) {
      CHECK(k > i && ld.values[k].parent == i);
      CHECK(ld.values[k].next == CLEAN_LD_NONE || ld.values[k].next > k);
    }
  }
  CHECK(ld.n == 0 || seen == ld.n - 1);
  clean_ld_done(&ld);
}

static void check_date(const char *s, size_t n) {
  clean_when w;
  char out[CLEAN_WHEN_MAX];
  for (int first = 0; first < 2; first++) {
    size_t end = clean_when_find(s, n, first, &w);
    CHECK(end <= n);
    if (!end && !clean_when_value(s, n, first, &w)) continue;
    CHECK(clean_when_real(w.year, w.month, w.day));
    CHECK(w.hour < 24 && (w.hour < 0 || (w.minute >= 0 && w.minute < 60 && w.second >= 0 && w.second < 60)));
    clean_when_print(&w, CLEAN_NO_ZONE, out);
    CHECK(strlen(out) >= 10);
  }
}

static void check_names(const char *s, size_t n) {
  static char items[8][CLEAN_NAME_MAX];
  for (int loose = 0; loose < 2; loose++) {
    clean_names names = {items, 0, 8};
    CHECK(clean_names_add(&names, s, n, loose) == names.n && names.n <= 8);
    for (size_t i = 0; i < names.n; i++) CHECK(strlen(items[i]) >= 2 && strlen(items[i]) < CLEAN_NAME_MAX);
  }
}

static void check_page(const char *s, size_t n) {
  clean_dom dom;
  clean_meta meta;
  clean_dom_init(&dom, &heap);
  clean_meta_init(&meta, &heap);
  for (int round = 0; round < 2; round++) {
    CHECK(clean_dom_parse(&dom, s, n, 0) == 0);
    CHECK(clean_meta_read(&meta, &dom, round ? "https://paper.example/2025/08/21/x" : NULL) == 0);
    for (int f = 0; f < CLEAN_M_COUNT; f++) {
      if (!meta.text[f]) continue;
      CHECK(meta.source[f] && strlen(meta.text[f]) <= 3 * CLEAN_M_TEXT);
    }
    CHECK(meta.authors.n <= CLEAN_M_AUTHORS_MAX && meta.n_tags <= CLEAN_M_TAGS_MAX);
    CHECK(!meta.authors.n || meta.source[CLEAN_M_AUTHORS]);
    CHECK(!meta.has_published || meta.source[CLEAN_M_PUBLISHED]);
  }
  clean_meta_done(&meta);
  clean_dom_done(&dom);
}

/* Bytes that are not UTF-8 become question marks: the parsers are given valid text. */
static char *valid(const uint8_t *data, size_t size) {
  char *s = malloc(size + 1);
  CHECK(s);
  memcpy(s, data, size);
  for (size_t i = 0; i < size;) {
    size_t ok = clean_utf8_valid(s + i, size - i);
    i += ok;
    if (i < size) s[i++] = '?';
  }
  return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0 || size > 1 << 16) return 0;
  char *s = valid(data + 1, size - 1);
  switch (data[0] & 3) {
  case 0:
    check_json(s, size - 1);
    break;
  case 1:
    check_date(s, size - 1);
    break;
  case 2:
    check_names(s, size - 1);
    break;
  default:
    check_page(s, size - 1);
  }
  free(s);
  return 0;
}
