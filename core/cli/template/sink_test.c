/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of @NAME@, with the harness that Sluice installs: one stage, no pipeline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sluice/harness.h>

static void writes_a_line_each(void **state) {
  (void)state;
  char text[64] = "";
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ path: ./@NAME@_test.out }");
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"a\":1}"), SL_V_OK);
  assert_int_equal(sl_harness_push_json(h, "{\"b\":2}"), SL_V_OK);
  sl_harness_free(h);
  FILE *file = fopen("./@NAME@_test.out", "rb");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  remove("./@NAME@_test.out");
  assert_string_equal(text, "{\"a\":1}\n{\"b\":2}\n");
}

static void says_that_it_cannot_open_its_file(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ path: /proc/nowhere/x }");
  assert_int_equal(sl_harness_start(h), SL_EIO);
  assert_string_equal(sl_harness_last(h).message, "cannot open the file for writing");
  sl_harness_free(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_a_line_each),
      cmocka_unit_test(says_that_it_cannot_open_its_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
