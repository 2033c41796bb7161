/* SPDX-License-Identifier: Apache-2.0 */
/* Edit maps, and changing /text with its annotations. */
#include "torture.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "base/rng.h"
#include "doc/codec.h"
#include "doc/editmap.h"

static sl_editmap *map_of(const sl_span *spans, size_t n, uint64_t text_len) {
  sl_editmap *map = NULL;
  sl_err err = {0};
  if (sl_editmap_new(spans, n, text_len, &map, &err) != 0) fail_msg("%s", err.message);
  return map;
}

static void expect_source(const sl_editmap *map, uint64_t start, uint64_t end, uint64_t from, uint64_t to) {
  uint64_t a = 0;
  uint64_t b = 0;
  if (sl_editmap_lookup(map, start, end, &a, &b) != 0) fail_msg("text %d-%d has no source", (int)start, (int)end);
  if (a != from || b != to) {
    fail_msg("text %d-%d: expected source %d-%d, found %d-%d", (int)start, (int)end, (int)from, (int)to, (int)a,
             (int)b);
  }
}

static void expect_none(const sl_editmap *map, uint64_t start, uint64_t end) {
  uint64_t a;
  uint64_t b;
  assert_int_equal(sl_editmap_lookup(map, start, end, &a, &b), SL_ENOTFOUND);
}

static void joins_and_refuses(void **state) {
  (void)state;
  const sl_span touching[] = {{0, 5, 10, 5}, {5, 3, 15, 3}, {8, 2, 30, 2}, {10, 3, 32, 1}};
  sl_editmap *map = map_of(touching, 4, 20);
  assert_int_equal(sl_editmap_count(map), 3);
  assert_int_equal(sl_editmap_spans(map)[0].text_len, 8);
  assert_true(sl_editmap_size(map) >= 3 * sizeof(sl_span));
  sl_editmap_unref(sl_editmap_ref(map));
  sl_editmap_unref(map);
  sl_editmap_unref(NULL);
  const sl_span bad[][2] = {{{5, 5, 0, 5}, {0, 5, 5, 5}},
                            {{0, 5, 0, 5}, {4, 5, 5, 5}},
                            {{0, 5, 0, 5}, {8, 5, 5, 5}},
                            {{0, UINT64_MAX, 0, 5}, {8, 5, 5, 5}},
                            {{0, 1, UINT64_MAX, 1}, {1, 1, 5, 1}}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sl_err err = {0};
    assert_int_equal(sl_editmap_new(bad[i], 2, 10, &map, &err), SL_EINVAL);
  }
}

static void looks_up(void **state) {
  (void)state;
  /* text: AAAAA..UUUBB; A from 100, U is one unit of one source byte, B from 50 (moved to the back). */
  const sl_span spans[] = {{0, 5, 100, 5}, {7, 3, 110, 1}, {10, 2, 50, 2}};
  sl_editmap *map = map_of(spans, 3, 12);
  expect_source(map, 0, 5, 100, 105);
  expect_source(map, 1, 3, 101, 103);
  expect_source(map, 3, 8, 103, 111);
  expect_source(map, 7, 10, 110, 111);
  expect_source(map, 8, 9, 110, 111);
  expect_source(map, 9, 11, 50, 111);
  expect_none(map, 5, 7);
  expect_none(map, 12, 20);
  expect_none(map, 3, 2);
  expect_source(map, 2, 2, 102, 102);
  expect_source(map, 5, 5, 105, 105);
  expect_source(map, 12, 12, 52, 52);
  expect_none(map, 6, 6);
  sl_editmap_unref(map);
}

static void composes(void **state) {
  (void)state;
  /* Old text: "abcdef" from source 10.., with "d" made of two source bytes. */
  const sl_span first[] = {{0, 3, 10, 3}, {3, 1, 13, 2}, {4, 2, 15, 2}};
  /* New text: "bcdX" + "f" + unit from "abc". */
  const sl_span second[] = {{0, 3, 1, 3}, {4, 1, 5, 1}, {5, 1, 0, 3}};
  sl_editmap *earlier = map_of(first, 3, 6);
  sl_editmap *later = map_of(second, 3, 6);
  sl_editmap *both = NULL;
  assert_int_equal(sl_editmap_compose(later, earlier, &both, NULL), 0);
  expect_source(both, 0, 2, 11, 13);
  expect_source(both, 2, 3, 13, 15);
  expect_none(both, 3, 4);
  expect_source(both, 4, 5, 16, 17);
  expect_source(both, 5, 6, 10, 13);
  sl_editmap_unref(earlier);
  sl_editmap_unref(later);
  sl_editmap_unref(both);
}

static void splices(void **state) {
  (void)state;
  const sl_span spans[] = {{0, 10, 100, 10}, {10, 3, 110, 1}, {13, 7, 111, 7}};
  sl_editmap *map = map_of(spans, 3, 20);
  sl_editmap *out = NULL;
  assert_int_equal(sl_editmap_splice(map, 4, 6, 5, &out, NULL), 0); /* [4,6) becomes 5 bytes */
  expect_source(out, 0, 4, 100, 104);
  expect_none(out, 4, 9);
  expect_source(out, 9, 13, 106, 110);
  expect_source(out, 13, 16, 110, 111);
  expect_source(out, 16, 23, 111, 118);
  expect_none(out, 23, 30);
  sl_editmap_unref(out);
  assert_int_equal(sl_editmap_splice(map, 5, 12, 0, &out, NULL), 0); /* into the middle of the unit */
  expect_source(out, 0, 5, 100, 105);
  expect_source(out, 5, 6, 110, 111);
  expect_source(out, 6, 13, 111, 118);
  sl_editmap_unref(out);
  assert_int_equal(sl_editmap_splice(map, 3, 3, 2, &out, NULL), 0); /* an insertion */
  expect_source(out, 0, 3, 100, 103);
  expect_none(out, 3, 5);
  expect_source(out, 5, 6, 103, 104);
  sl_editmap_unref(out);
  assert_int_equal(sl_editmap_splice(map, 5, 4, 0, &out, NULL), SL_EINVAL);
  sl_editmap_unref(map);
}

/* Against a plain model: for each byte of text the byte of the source, or none. */
static void splices_like_a_model(void **state) {
  (void)state;
  sl_rng rng;
  sl_rng_init(&rng, 3);
  enum { N = 60 };
  for (int round = 0; round < 300; round++) {
    int model[400];
    int len = N;
    const sl_span whole[] = {{0, N, 0, N}};
    sl_editmap *map = map_of(whole, 1, N);
    for (int i = 0; i < N; i++) model[i] = i;
    for (int step = 0; step < 12; step++) {
      int start = (int)sl_rng_below(&rng, (uint64_t)len + 1);
      int end = start + (int)sl_rng_below(&rng, (uint64_t)(len - start) / 2 + 1);
      int with = (int)sl_rng_below(&rng, 6);
      sl_editmap *next = NULL;
      assert_int_equal(sl_editmap_splice(map, (uint64_t)start, (uint64_t)end, (uint64_t)with, &next, NULL), 0);
      sl_editmap_unref(map);
      map = next;
      memmove(model + start + with, model + end, (size_t)(len - end) * sizeof model[0]);
      for (int i = 0; i < with; i++) model[start + i] = -1;
      len += with - (end - start);
    }
    for (int i = 0; i < len; i++) {
      if (model[i] < 0) {
        expect_none(map, (uint64_t)i, (uint64_t)i + 1);
      } else {
        expect_source(map, (uint64_t)i, (uint64_t)i + 1, (uint64_t)model[i], (uint64_t)model[i] + 1);
      }
    }
    sl_editmap_unref(map);
  }
}

/* ---- documents ---- */

static void set(sl_doc *doc, const char *json) {
  assert_int_equal(sl_doc_set_text(doc, json, strlen(json), NULL, NULL, NULL), 0);
}

static void expect_body(sl_doc *doc, const char *text) {
  sl_bytes bytes = {0};
  assert_int_equal(sl_doc_text(doc, &bytes, NULL), 0);
  char *copy = sl_mem_strndup(bytes.data, bytes.len);
  assert_string_equal(copy, text);
  sl_mem_free(copy);
}

static void text_is_set_and_joined(void **state) {
  (void)state;
  sl_doc *doc = sl_doc_new();
  uint64_t a = 0;
  uint64_t b = 0;
  sl_err err = {0};
  assert_int_equal(sl_doc_edit_source_of(doc, 0, 1, &a, &b, &err), SL_ENOTFOUND);
  set(doc, "{\"id\":1}");
  const sl_span first[] = {{0, 6, 20, 6}};
  assert_int_equal(sl_doc_edit_text_set(doc, "abcdef", 6, first, 1, NULL), 0);
  expect_body(doc, "{\"id\":1,\"text\":\"abcdef\"}");
  assert_int_equal(sl_doc_edit_source_of(doc, 2, 4, &a, &b, NULL), 0);
  assert_int_equal(a, 22);
  assert_int_equal(b, 24);
  /* A second time the runs lead to the old text. */
  const sl_span second[] = {{0, 2, 4, 2}};
  assert_int_equal(sl_doc_edit_text_set(doc, "ef!", 3, second, 1, NULL), 0);
  assert_int_equal(sl_doc_edit_source_of(doc, 0, 2, &a, &b, NULL), 0);
  assert_int_equal(a, 24);
  assert_int_equal(b, 26);
  assert_int_equal(sl_doc_edit_source_of(doc, 2, 3, &a, &b, &err), SL_ENOTFOUND);
  expect_body(doc, "{\"id\":1,\"text\":\"ef!\"}");
  /* A text of another type is replaced. */
  set(doc, "{\"text\":5,\"x\":1}");
  assert_int_equal(sl_doc_edit_text_set(doc, "ef", 2, NULL, 0, NULL), 0);
  expect_body(doc, "{\"text\":\"ef\",\"x\":1}");
  assert_int_equal(sl_doc_edit_text_set(doc, "a\xff", 2, NULL, 0, &err), SL_EENCODING);
  assert_int_equal(sl_doc_edit_text_set(doc, "a\0b", 3, NULL, 0, &err), SL_EINVAL);
  assert_int_equal(sl_doc_edit_text_set(doc, "ab", 2, first, 1, &err), SL_EINVAL);
  expect_body(doc, "{\"text\":\"ef\",\"x\":1}");
  sl_doc_free(doc);
}

static void annotations_move(void **state) {
  (void)state;
  sl_doc *doc = sl_doc_new();
  set(doc,
      "{\"text\":\"0123456789\",\"paragraphs\":[[0,3],[5,10]],"
      "\"sentences\":[{\"start\":0,\"end\":10,\"tokens\":[0,4,5,6,7,10]}],"
      "\"entities\":[{\"start\":1,\"end\":4},{\"start\":4,\"end\":6},{\"start\":5,\"end\":6},{\"start\":3,\"end\":5},"
      "{\"start\":5,\"end\":9},{\"start\":7,\"end\":9},{\"start\":6,\"end\":6}],"
      "\"directives\":[{\"content\":{\"start\":6,\"end\":8,\"start2\":6}}],\"other\":{\"start\":\"6\",\"end\":9}}");
  sl_doc *shared = sl_doc_share(doc);
  assert_int_equal(sl_doc_edit_replace(doc, 4, 6, "ABCDE", 5, NULL), 0); /* three bytes longer */
  expect_body(
      doc,
      "{\"text\":\"0123ABCDE6789\",\"paragraphs\":[[0,3],[4,13]],"
      "\"sentences\":[{\"start\":0,\"end\":13,\"tokens\":[0,4,4,9,10,13]}],"
      "\"entities\":[{\"start\":1,\"end\":4},{\"start\":4,\"end\":9},{\"start\":4,\"end\":9},{\"start\":3,\"end\":9},"
      "{\"start\":4,\"end\":12},{\"start\":10,\"end\":12},{\"start\":9,\"end\":9}],"
      "\"directives\":[{\"content\":{\"start\":9,\"end\":11,\"start2\":6}}],\"other\":{\"start\":\"6\",\"end\":9}}");
  sl_bytes bytes;
  assert_int_equal(sl_doc_text(shared, &bytes, NULL), 0);
  assert_non_null(memmem(bytes.data, bytes.len, "0123456789", 10)); /* the other holder sees the old text */
  sl_doc_free(shared);
  sl_doc_free(doc);
}

static void replacing_keeps_the_map(void **state) {
  (void)state;
  sl_doc *doc = sl_doc_new();
  sl_err err = {0};
  const sl_span spans[] = {{0, 12, 0, 12}};
  uint64_t a;
  uint64_t b;
  assert_int_equal(sl_doc_edit_replace(doc, 0, 0, "x", 1, &err), SL_ENOTFOUND);
  assert_int_equal(sl_doc_edit_text_set(doc, "Việt Nam!", 12 - 1, spans, 0, &err), 0);
  assert_int_equal(sl_doc_edit_replace(doc, 0, 0, "\xff", 1, &err), SL_EENCODING);
  assert_int_equal(sl_doc_edit_replace(doc, 3, 4, "", 0, &err), SL_EINVAL); /* inside a character */
  assert_int_equal(sl_doc_edit_replace(doc, 5, 4, "", 0, &err), SL_EINVAL);
  assert_int_equal(sl_doc_edit_replace(doc, 0, 99, "", 0, &err), SL_EINVAL);
  sl_doc_free(doc);

  doc = sl_doc_new();
  assert_int_equal(sl_doc_edit_text_set(doc, "Việt Nam!!!!", 12 + 2, (const sl_span[]){{0, 14, 100, 14}}, 1, &err), 0);
  assert_int_equal(sl_doc_edit_replace(doc, 2, 5, "e", 1, &err), 0);
  expect_body(doc, "{\"text\":\"Viet Nam!!!!\"}");
  assert_int_equal(sl_doc_edit_source_of(doc, 0, 4, &a, &b, NULL), 0);
  assert_int_equal(a, 100);
  assert_int_equal(b, 106);
  assert_int_equal(sl_doc_edit_source_of(doc, 2, 3, &a, &b, NULL), SL_ENOTFOUND);
  assert_int_equal(sl_doc_edit_source_of(doc, 5, 8, &a, &b, NULL), 0);
  assert_int_equal(a, 107);
  assert_int_equal(b, 110);
  sl_doc_free(doc);
}

static int edit(void *arg) {
  (void)arg;
  sl_err err = {0};
  int rc = SL_ENOMEM;
  const sl_span spans[] = {{0, 3, 5, 3}, {4, 2, 20, 2}};
  sl_doc *other = NULL;
  sl_doc *doc = sl_doc_new();
  if (doc == NULL) goto out;
  if ((rc = sl_doc_edit_text_set(doc, "abcdef", 6, spans, 2, &err)) != 0) goto out;
  if ((rc = sl_doc_edit_text_set(doc, "bcd", 3, (const sl_span[]){{0, 3, 1, 3}}, 1, &err)) != 0) goto out;
  rc = SL_ENOMEM;
  if ((other = sl_doc_share(doc)) == NULL) goto out;
  rc = sl_doc_edit_replace(other, 1, 2, "xyz", 3, &err);
out:
  sl_doc_free(doc);
  sl_doc_free(other);
  return rc;
}

static void survives_memory_out(void **state) {
  (void)state;
  assert_true(torture(edit, NULL) > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(joins_and_refuses),
      cmocka_unit_test(looks_up),
      cmocka_unit_test(composes),
      cmocka_unit_test(splices),
      cmocka_unit_test(splices_like_a_model),
      cmocka_unit_test(text_is_set_and_joined),
      cmocka_unit_test(annotations_move),
      cmocka_unit_test(replacing_keeps_the_map),
      cmocka_unit_test(survives_memory_out),
  };
  sl_mem_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
