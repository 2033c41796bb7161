/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of @NAME@, with the harness that Sluice installs: one stage, no pipeline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sluice/harness.h>

static void makes_as_many_as_asked(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ count: 3 }");
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_produce_all(h, 10), SL_P_END);
  assert_int_equal(sl_harness_count(h), 3);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/id"), "0");
  sl_harness_free(h);
}

static void stops_when_the_credit_is_used(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ count: 3 }");
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_produce(h, 1), SL_P_MORE);
  assert_int_equal(sl_harness_count(h), 1);
  sl_harness_free(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(makes_as_many_as_asked),
      cmocka_unit_test(stops_when_the_credit_is_used),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
