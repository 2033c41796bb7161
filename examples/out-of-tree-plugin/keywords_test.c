/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keywords, with the harness that Sluice installs: one stage, no pipeline. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sluice/harness.h>

#define ARTICLE \
  "{\"sentences\": [{\"words\": \"Hà_Nội mưa , hà_nội nắng .\"}, {\"words\": \"Mưa ở Huế , mưa ở ĐÀ_NẴNG 2 2 2\"}]}"

static sl_harness *started(const char *params) {
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params);
  assert_int_equal(sl_harness_start(h), 0);
  return h;
}

static void counts_whatever_the_case(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  assert_int_equal(sl_harness_push_json(h, ARTICLE), SL_V_OK);
  sl_doc *out = sl_harness_pull(h);
  assert_string_equal(
      sl_harness_string(h, out, "/keywords"),
      "[{\"text\":\"mưa\",\"count\":3},{\"text\":\"Hà Nội\",\"count\":2},{\"text\":\"ở\",\"count\":2}]");
  sl_harness_free(h);
}

static void leaves_out_stop_words_and_the_rest(void **state) {
  (void)state;
  sl_harness *h = started("{ top: 2, min_count: 1, stop: [Ở, mưa] }");
  for (int i = 0; i < 2; i++) { /* the second document does not see the first one's words */
    assert_int_equal(sl_harness_push_json(h, ARTICLE), SL_V_OK);
    assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/keywords"),
                        "[{\"text\":\"Hà Nội\",\"count\":2},{\"text\":\"nắng\",\"count\":1}]");
  }
  sl_harness_free(h);
}

static void an_empty_text_has_no_keywords(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  assert_int_equal(sl_harness_push_json(h, "{\"sentences\": []}"), SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/keywords"), "[]");
  sl_harness_free(h);
}

static void rejects_what_was_not_segmented(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  assert_int_equal(sl_harness_push_json(h, "{\"text\": \"a\"}"), SL_V_REJECT);
  assert_string_equal(sl_harness_last(h).message, "expected a list at /sentences, found none");
  assert_int_equal(sl_harness_push_json(h, "{\"sentences\": [1]}"), SL_V_REJECT);
  sl_harness_free(h);
}

static void survives_every_failing_allocation(void **state) {
  (void)state;
  for (uint64_t n = 1, over = 0; !over; n++) {
    sl_harness *h = started(NULL);
    sl_doc *doc = sl_harness_doc(h, ARTICLE);
    sl_harness_fail_alloc(h, n);
    int32_t verdict = sl_harness_push(h, doc);
    over = !sl_harness_alloc_failed(h);
    assert_int_equal(verdict, over ? SL_V_OK : SL_V_RETRY);
    sl_harness_free(h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_whatever_the_case),          cmocka_unit_test(leaves_out_stop_words_and_the_rest),
      cmocka_unit_test(an_empty_text_has_no_keywords),     cmocka_unit_test(rejects_what_was_not_segmented),
      cmocka_unit_test(survives_every_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
