/* SPDX-License-Identifier: Apache-2.0 */
/* dedupe: copies and what is none, documents that come again, the window, the state over restarts and kills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/harness.h>

#include "index.h"

static const char bridge[] = "Sáng 5/3, tỉnh Hằng Giang khởi công cây cầu dài hơn hai nghìn mét qua sông, nối hai bờ "
                             "nơi người dân vẫn phải đi phà "
                             "mỗi ngày. Chủ đầu tư cho biết công trình có bốn làn xe, hoàn thành sau ba mươi sáu "
                             "tháng. Bà Lan, sống ở đầu bến phà, nói "
                             "cả xóm mong cây cầu từ thời ông bà.";

static sl_harness *started(const char *params, sl_harness_state *state) {
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params);
  if (state) sl_harness_use_state(h, state);
  if (sl_harness_start(h)) fail_msg("start: %s", sl_harness_last(h).message);
  return h;
}

/* Pushes a document with that text and record key. */
static int32_t push(sl_harness *h, const char *uri, const char *text, sl_doc **ret) {
  char body[8192];
  size_t n = (size_t)snprintf(body, sizeof body, "{\"text\": \"");
  for (; *text && n < sizeof body - 8; text++) n += (size_t)snprintf(body + n, 3, *text == '\n' ? "\\n" : "%c", *text);
  snprintf(body + n, sizeof body - n, "\"}");
  sl_doc *doc = sl_harness_set_origin(h, sl_harness_doc(h, body), uri, NULL, NULL);
  if (ret) *ret = doc;
  return sl_harness_push(h, doc);
}

static void expect(sl_harness *h, const char *uri, const char *text, int32_t want) {
  int32_t got = push(h, uri, text, NULL);
  if (got != want) fail_msg("%s: got %d, wanted %d (%s)", uri, got, want, sl_harness_last(h).message);
}

/* The sample with another end. */
static const char *varied(const char *end) {
  static char text[4096];
  snprintf(text, sizeof text, "%s %s", bridge, end);
  return text;
}

static void exact_copies(void **state) {
  (void)state;
  sl_harness *h = started("{ method: exact }", NULL);
  expect(h, "http://a/1", "Hòa bình, hợp tác và phát triển", SL_V_OK);
  expect(h, "http://a/2", "  HOÀ BÌNH: hợp tác\n\nvà phát triển!", SL_V_DROP);
  expect(h, "http://a/3",
         "Ho\xCC\x80"
         "a bi\xCC\x80nh h\xC6\xA1\xCC\xA3p ta\xCC\x81"
         "c va\xCC\x80 pha\xCC\x81t tri\xE1\xBB\x83n",
         SL_V_DROP);
  expect(h, "http://a/4", "hợp tác, hòa bình và phát triển", SL_V_OK);
  expect(h, "http://a/5", "Hoa bình, hợp tác và phát triển", SL_V_OK);
  expect(h, "http://a/6", "Hòa bình, hợp tác và phát triển 2025", SL_V_OK);
  expect(h, "http://a/7", bridge, SL_V_OK);
  expect(h, "http://a/8", varied("Thêm."), SL_V_OK);
  assert_int_equal((int)sl_harness_metric(h, "exact copies"), 2);
  assert_int_equal((int)sl_harness_metric(h, "window"), 6);
  sl_harness_free(h);
}

static void near_copies(void **state) {
  (void)state;
  sl_harness *h = started(NULL, NULL);
  expect(h, "http://a/1", bridge, SL_V_OK);
  expect(h, "http://b/1", varied("Theo báo địa phương, lễ khởi công có nhiều người dự."), SL_V_DROP);
  assert_int_equal((int)sl_harness_metric(h, "near copies"), 1);
  /* The same subject in other words. */
  expect(h, "http://c/1",
         "Cây cầu qua sông ở Hằng Giang vừa được động thổ. Với bốn làn xe và chiều dài hai ki-lô-mét, nó sẽ thay những "
         "chuyến phà mà dân hai "
         "bờ đi hằng ngày. Theo kế hoạch, xe sẽ chạy trên cầu sau ba năm nữa. Người bán nước ở bến nói bà sẽ nhớ tiếng "
         "còi phà.",
         SL_V_OK);
  /* Short texts are copies only word for word. */
  expect(h, "http://d/1", "Mời quý độc giả đón đọc số báo ngày mai", SL_V_OK);
  expect(h, "http://d/2", "Mời quý độc giả đón đọc số báo ngày kia", SL_V_OK);
  expect(h, "http://d/3", "Mời quý độc giả đón đọc số báo ngày mai.", SL_V_DROP);
  /* Nothing to compare. */
  expect(h, "http://e/1", "", SL_V_OK);
  expect(h, "http://e/2", " … ", SL_V_OK);
  sl_harness_free(h);
}

static void other_scripts(void **state) {
  (void)state;
  sl_harness *h = started("{ min_words: 10 }", NULL);
  expect(h, "http://a/1", "今天上午市政府宣布新的大桥将于明年春天正式通车，预计每天有三万辆汽车经过这里。", SL_V_OK);
  expect(h, "http://a/2", "今天上午，市政府宣布新的大桥将于明年春天正式通车；预计每天有五万辆汽车经过这里。",
         SL_V_DROP);
  expect(h, "http://a/3", "วันนี้รัฐบาลประกาศว่าสะพานใหม่จะเปิดใช้ในฤดูใบไม้ผลิปีหน้า", SL_V_OK);
  expect(h, "http://a/4", "วันนี้รัฐบาลประกาศว่าสะพานใหม่จะเปิดใช้ในฤดูใบไม้ผลิปีนี้", SL_V_DROP);
  sl_harness_free(h);
}

static void links(void **state) {
  (void)state;
  sl_harness *h = started("{ action: link }", NULL);
  sl_doc *first, *doc;
  assert_int_equal(push(h, "http://a/1", bridge, &first), SL_V_OK);
  assert_null(sl_harness_at(h, first, "/duplicate_of"));
  assert_int_equal(push(h, "http://b/1", bridge, &doc), SL_V_OK);
  assert_string_equal(sl_harness_string(h, doc, "/duplicate_of/key"), sl_harness_key(h, first));
  assert_string_equal(sl_harness_string(h, doc, "/duplicate_of/uri"), "http://a/1");
  assert_string_equal(sl_harness_string(h, doc, "/duplicate_of/similarity"), "1");
  assert_string_equal(sl_harness_string(h, doc, "/duplicate_of/exact"), "true");
  assert_int_equal(push(h, "http://c/1", varied("Và thêm vài chữ nữa."), &doc), SL_V_OK);
  assert_string_equal(sl_harness_string(h, doc, "/duplicate_of/uri"), "http://a/1");
  assert_string_equal(sl_harness_string(h, doc, "/duplicate_of/exact"), "false");
  double similarity = sl_harness_number(h, doc, "/duplicate_of/similarity", -1);
  if (similarity < 0.8 || similarity >= 1) fail_msg("similarity %g", similarity);
  assert_int_equal(sl_harness_count(h), 3);
  sl_harness_free(h);
}

static void fields(void **state) {
  (void)state;
  sl_harness *h = started("{ fields: [/title, /body/text] }", NULL);
  assert_int_equal(sl_harness_push_json(h, "{\"title\": \"A\", \"body\": {\"text\": \"b c\"}}"), SL_V_OK);
  assert_int_equal(sl_harness_push_json(h, "{\"title\": \"A\", \"body\": {\"text\": 3}}"), SL_V_REJECT);
  assert_string_equal(sl_harness_last(h).message, "expected a string at /body/text, found another type");
  assert_int_equal(sl_harness_push_json(h, "{\"body\": {\"text\": \"b\"}}"), SL_V_REJECT);
  assert_string_equal(sl_harness_last(h).message, "expected a string at /title, found none");
  sl_harness_free(h);
  h = sl_harness_new(sluice_plugin()->types[0], "{ similarity: 0.1 }");
  assert_int_equal(sl_harness_create(h), SL_EINVAL);
  sl_harness_free(h);
}

static void the_window(void **state) {
  (void)state;
  char uri[32], text[32];
  sl_harness *h = started("{ window: 300, age: 1h }", NULL);
  for (int i = 0; i < 301; i++) {
    snprintf(uri, sizeof uri, "http://a/%d", i);
    snprintf(text, sizeof text, "tin số %d", i);
    expect(h, uri, text, SL_V_OK);
  }
  assert_int_equal((int)sl_harness_metric(h, "window"), 300);
  assert_int_equal((int)sl_harness_metric(h, "forgotten"), 1);
  expect(h, "http://b/1", "tin số 1", SL_V_DROP);
  expect(h, "http://b/0", "tin số 0", SL_V_OK);
  expect(h, "http://b/1", "tin số 1", SL_V_OK); /* the place of number 1 was taken by number 0 */
  expect(h, "http://c/300", "tin số 300", SL_V_DROP);
  sl_harness_advance(h, 3600 * INT64_C(1000000000) + 1);
  expect(h, "http://c/300", "tin số 300", SL_V_OK);
  expect(h, "http://d/300", "tin số 300", SL_V_DROP);
  sl_harness_free(h);
}

/* A document is no copy of itself: it comes again, or in a new version. */
static void comes_again(void **state) {
  (void)state;
  sl_harness_state *s = sl_harness_state_new();
  sl_harness *h = started(NULL, s);
  expect(h, "http://a/1", bridge, SL_V_OK);
  expect(h, "http://a/1", bridge, SL_V_OK);
  expect(h, "http://b/1", bridge, SL_V_DROP);
  expect(h, "http://b/1", bridge, SL_V_DROP);
  expect(h, "http://a/1", varied("Bản cập nhật."), SL_V_OK);
  expect(h, "http://c/1", varied("Bản cập nhật."), SL_V_DROP);
  /* One that was let go on stays so, whatever came after it. */
  expect(h, "http://d/1", "một hai ba", SL_V_OK);
  expect(h, "http://d/2", "bốn năm sáu", SL_V_OK);
  expect(h, "http://d/1", "bốn năm sáu", SL_V_OK);
  assert_int_equal((int)sl_harness_metric(h, "window"), 3);
  sl_harness_free(h);
  sl_harness_state_free(s);
}

static void restarts_and_kills(void **state) {
  (void)state;
  sl_harness_state *s = sl_harness_state_new();
  sl_harness *h = started(NULL, s);
  sl_doc *kept;
  assert_int_equal(push(h, "http://a/1", bridge, &kept), SL_V_OK);
  sl_harness_acknowledge(h, kept);
  expect(h, "http://a/2", "một tin ngắn khác", SL_V_OK);
  expect(h, "http://b/2", "một tin ngắn khác", SL_V_DROP);
  sl_harness_crash(h);
  sl_harness_free(h);
  /* Number 2 had not ended: it comes again and is the first. The copy of number 1 is still one. */
  h = started("{ action: link }", s);
  sl_doc *copy;
  assert_int_equal(push(h, "http://b/1", bridge, &copy), SL_V_OK);
  assert_string_equal(sl_harness_string(h, copy, "/duplicate_of/uri"), "http://a/1");
  assert_int_equal(push(h, "http://a/2", "một tin ngắn khác", &copy), SL_V_OK);
  assert_null(sl_harness_at(h, copy, "/duplicate_of"));
  assert_int_equal(push(h, "http://b/2", "một tin ngắn khác", &copy), SL_V_OK);
  assert_string_equal(sl_harness_string(h, copy, "/duplicate_of/uri"), "http://a/2");
  sl_harness_free(h);
  /* What ended is not a copy of itself in the next run. */
  h = started(NULL, s);
  expect(h, "http://a/1", bridge, SL_V_OK);
  expect(h, "http://a/2", "một tin ngắn khác", SL_V_OK);
  expect(h, "http://b/2", "một tin ngắn khác", SL_V_DROP);
  sl_harness_free(h);
  sl_harness_state_free(s);
}

static void the_window_changes(void **state) {
  (void)state;
  char uri[32], text[32];
  sl_harness_state *s = sl_harness_state_new();
  sl_harness *h = started("{ window: 20 }", s);
  for (int i = 0; i < 20; i++) {
    snprintf(uri, sizeof uri, "http://a/%d", i);
    snprintf(text, sizeof text, "tin số %d", i);
    expect(h, uri, text, SL_V_OK);
  }
  sl_harness_free(h);
  h = started("{ window: 5 }", s);
  expect(h, "http://b/3", "tin số 3", SL_V_DROP);
  expect(h, "http://b/15", "tin số 15", SL_V_OK); /* beyond the window, and given up */
  sl_harness_free(h);
  h = started("{ window: 20 }", s);
  expect(h, "http://b/16", "tin số 16", SL_V_OK);
  expect(h, "http://c/15", "tin số 15", SL_V_DROP);
  assert_int_equal((int)sl_harness_metric(h, "window"), 6);
  sl_harness_free(h);
  sl_harness_state_free(s);
}

/* Values expire in the state, too, also those that the stage still knows of. */
static void the_state_forgets(void **state) {
  (void)state;
  sl_harness_state *s = sl_harness_state_new();
  sl_harness *h = started("{ age: 1h }", s);
  expect(h, "http://a/1", bridge, SL_V_OK);
  sl_harness_advance(h,
                     3600 * INT64_C(1000000000)); /* to the nanosecond: still in the window, no longer in the state */
  expect(h, "http://b/1", bridge, SL_V_OK);
  expect(h, "http://c/1", bridge, SL_V_DROP);
  sl_harness_free(h);
  sl_harness_state_free(s);
}

/* Every request for memory of three documents fails in turn: RETRY, and the second try is right. */
static void memory_out(void **state) {
  (void)state;
  for (uint64_t n = 1;; n++) {
    sl_harness_state *s = sl_harness_state_new();
    sl_harness *h = started("{ action: link }", s);
    static const char *const uris[] = {"http://a/1", "http://b/1", "http://a/2"};
    assert_true(n < 300);
    sl_harness_fail_alloc(h, n);
    for (int i = 0; i < 3; i++) {
      sl_doc *doc;
      int32_t v = push(h, uris[i], i < 2 ? bridge : "một tin ngắn", &doc);
      if (v == SL_V_RETRY) v = push(h, uris[i], i < 2 ? bridge : "một tin ngắn", &doc);
      if (v != SL_V_OK)
        fail_msg("allocation %llu, document %d: %d %s", (unsigned long long)n, i, v, sl_harness_last(h).message);
      const char *of = sl_harness_string(h, doc, "/duplicate_of/uri");
      if (i == 1 ? !of || strcmp(of, "http://a/1") != 0 : of != NULL)
        fail_msg("allocation %llu, document %d: copy of %s", (unsigned long long)n, i, of ? of : "nothing");
    }
    int failed = sl_harness_alloc_failed(h);
    sl_harness_free(h);
    sl_harness_state_free(s);
    if (!failed) break;
  }
}

/* ---- the index alone ---- */

static unsigned char some_byte(uint64_t *seed) {
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned char)(*seed >> 56);
}

/* 20,000 entries and 500 that push out the first: one that shares half of its signature is found, and nothing else. */
static void found_among_many(void **state) {
  (void)state;
  const uint32_t many = 20000;
  lane_mem mem = {malloc, free};
  dd_index x;
  uint64_t seed = 7;
  unsigned char sig[DD_SIG];
  unsigned found = 0, wrong = 0;
  dd_index_init(&x, &mem, many);
  for (uint32_t i = 0; i < many + 500; i++) {
    dd_entry e = {.time = 1, .seq = i, .has_sig = true};
    for (unsigned k = 0; k < DD_SIG; k++) sig[k] = some_byte(&seed);
    memcpy(e.hash, sig, DD_HASH);
    memcpy(e.who, sig + DD_HASH, DD_HASH);
    assert_int_equal(dd_index_put(&x, i % many, &e, sig), 0);
  }
  assert_int_equal(x.used, many);
  for (uint32_t slot = 0; slot < many; slot += 20) {
    double similarity;
    memcpy(sig, x.sigs + (size_t)slot * DD_SIG, DD_SIG);
    for (unsigned k = 0; k < DD_SIG; k++)
      if (some_byte(&seed) & 1) sig[k] = some_byte(&seed);
    dd_search q = {sig, 0.3, 0, UINT64_MAX};
    uint32_t got = dd_index_like(&x, &q, &similarity);
    found += got == slot;
    wrong += got != slot && got != DD_NONE;
    q.below = x.entries[slot].seq;
    assert_int_equal(dd_index_like(&x, &q, &similarity), DD_NONE);
    assert_int_equal(dd_index_who(&x, x.entries[slot].who), slot);
    assert_int_equal(dd_index_hash(&x, x.entries[slot].hash), slot);
  }
  printf("%u of %u found by half of their signature\n", found, many / 20);
  assert_int_equal(wrong, 0);
  assert_true(found * 100 >= many / 20 * 97);
  dd_index_done(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_copies),
      cmocka_unit_test(near_copies),
      cmocka_unit_test(other_scripts),
      cmocka_unit_test(links),
      cmocka_unit_test(fields),
      cmocka_unit_test(the_window),
      cmocka_unit_test(comes_again),
      cmocka_unit_test(restarts_and_kills),
      cmocka_unit_test(the_window_changes),
      cmocka_unit_test(the_state_forgets),
      cmocka_unit_test(memory_out),
      cmocka_unit_test(found_among_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
