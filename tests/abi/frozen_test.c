/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin built against a frozen plugin.h runs on this host. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sluice/harness.h>

static sl_harness *started(const char *params) {
  sl_harness *h = sl_harness_open(FROZEN, "frozen", params);
  if (sl_harness_start(h)) fail_msg("%s: %s", sl_harness_last(h).message, sl_harness_last(h).hint);
  return h;
}

static void it_runs(void **state) {
  (void)state;
  sl_harness *h = started("{ word: chào, times: 3, tags: [a, b] }");
  sl_doc *in = sl_harness_set_origin(h, sl_harness_doc(h, "{\"x\": 1}"), "file:///a", NULL, NULL);
  assert_int_equal(sl_harness_push(h, in), SL_V_OK);
  assert_true(sl_harness_equals(h, sl_harness_pull(h), "{\"x\": 1, \"greeting\": \"chàochàochào\", \"tags\": 2}"));
  assert_string_equal(sl_harness_log(h), "info: file:///a\n");
  assert_true(sl_harness_metric(h, "greeted") == 1.0);
  sl_harness_free(h);
}

static void it_reads_its_parameters(void **state) {
  (void)state;
  sl_harness *h = sl_harness_open(FROZEN, NULL, "{ times: 10 }");
  assert_int_equal(sl_harness_start(h), SL_EINVAL);
  sl_harness_free(h);
  h = sl_harness_open(FROZEN, "melted", NULL);
  assert_int_equal(sl_harness_start(h), SL_ENOTFOUND);
  sl_harness_free(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(it_runs), cmocka_unit_test(it_reads_its_parameters)};
  return cmocka_run_group_tests_name("frozen", tests, NULL, NULL);
}
