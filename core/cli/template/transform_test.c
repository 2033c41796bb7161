/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of @NAME@, with the harness that Sluice installs: one stage, no pipeline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sluice/harness.h>

static void counts_words(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], NULL);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"text\": \"một hai  ba\"}"), SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/@NAME@"), "3");
  sl_harness_free(h);
}

static void drops_short_texts(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ min: 3 }");
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"text\": \"một hai\"}"), SL_V_DROP);
  assert_int_equal(sl_harness_count(h), 0);
  sl_harness_free(h);
}

static void rejects_a_document_without_text(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], NULL);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"text\": 5}"), SL_V_REJECT);
  assert_string_equal(sl_harness_last(h).message, "expected a string at /text, found none");
  sl_harness_free(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_words),
      cmocka_unit_test(drops_short_texts),
      cmocka_unit_test(rejects_a_document_without_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
