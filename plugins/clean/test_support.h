/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of clean share: one work space, and looks at its result. Included once, by clean_test.c. */
#ifndef CLEAN_TEST_SUPPORT_H
#define CLEAN_TEST_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "article.h"

#define NEWS TESTDATA "/../../../examples/news"
#define MIB ((size_t)1 << 20)

static const clean_mem heap = {malloc, free};
static clean_lexicon *lexicon;
static clean_work work;
static clean_why why;

static const clean_options usual = {.charset = "auto",
                                    .rules = {.dates = 1,
                                              .images = 1,
                                              .captions = 1,
                                              .bare_captions = 1,
                                              .related = 1,
                                              .bylines = 1,
                                              .site = 1,
                                              .duplicates = 1,
                                              .prefixes = 1,
                                              .title = 1,
                                              .lead = 1}};

static int setup(void **state) {
  (void)state;
  lexicon = clean_lexicon_new(&heap);
  clean_work_init(&work, &heap);
  return lexicon == NULL;
}

static int teardown(void **state) {
  (void)state;
  clean_work_done(&work);
  clean_lexicon_free(lexicon, &heap);
  return 0;
}

static int run_bytes(const char *s, size_t n, const char *type, const clean_options *opt) {
  clean_input in = {.s = s, .n = n, .media_type = type};
  return clean_article(&work, &in, lexicon, opt, &why);
}

static inline int run(const char *s) { return run_bytes(s, strlen(s), NULL, &usual); }

static const char *text(void) {
  static char z[1 << 16];
  assert_true(work.out.n < sizeof z);
  memcpy(z, work.out.s ? work.out.s : "", work.out.n);
  z[work.out.n] = '\0';
  return z;
}

static inline char *read_file(const char *path, size_t *ret_n) {
  FILE *f = fopen(path, "rb");
  if (!f) print_message("cannot open %s\n", path);
  assert_non_null(f);
  fseek(f, 0, SEEK_END);
  size_t n = (size_t)ftell(f);
  rewind(f);
  char *s = malloc(n + 1);
  assert_int_equal(fread(s, 1, n, f), n);
  fclose(f);
  s[n] = '\0';
  *ret_n = n;
  return s;
}

/* kind and text of the i-th piece taken out, as "kind: text". */
static inline const char *removed(size_t i) {
  static char z[4][1024];
  static unsigned turn;
  char *out = z[turn++ % 4];
  assert_true(i < work.n_removed);
  const clean_removed *r = &work.removed[i];
  snprintf(out, sizeof z[0], "%s: %.*s", clean_kind_name(r->kind), (int)r->n, r->text);
  return out;
}

static inline const char *published(void) {
  static char z[CLEAN_WHEN_MAX];
  z[0] = '\0';
  if (work.has_when) clean_when_print(&work.when, 420, z);
  return z;
}

#endif
