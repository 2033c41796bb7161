/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sink_null. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sluice/harness.h>

static void takes_everything(void **state) {
  (void)state;
  const char *const params[] = {"{}", "{ read: none }", "{ read: body }", "{ read: text }"};
  for (int i = 0; i < 4; i++) {
    sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params[i]);
    int32_t verdicts[3];
    assert_int_equal(sl_harness_start(h), 0);
    sl_doc *docs[] = {sl_harness_doc(h, "{}"), sl_harness_doc(h, "{\"a\":[1,2]}"),
                      sl_harness_doc(h, "{\"text\":\"một\"}")};
    assert_int_equal(sl_harness_write(h, docs, 3, verdicts), 0);
    for (int k = 0; k < 3; k++) assert_int_equal(verdicts[k], SL_V_OK);
    sl_harness_free(h);
  }
}

static void retries_while_memory_is_out(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ read: text }");
  assert_int_equal(sl_harness_start(h), 0);
  sl_doc *doc = sl_harness_doc(h, "{\"a\":1}");
  assert_non_null(sl_body_edit(sl_harness_ctx(h), doc)); /* the printed text is gone: it must be printed again */
  sl_harness_fail_alloc(h, 1);
  int32_t verdict = sl_harness_push(h, doc);
  assert_int_equal(sl_harness_alloc_failed(h), 1);
  assert_int_equal(verdict, SL_V_RETRY);
  sl_harness_free(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_everything),
      cmocka_unit_test(retries_while_memory_is_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
