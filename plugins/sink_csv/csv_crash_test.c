/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sink_csv's ledger: killed at each step it holds its headings and every row once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../common/testcrash.h"

static void kill_everywhere(const char *more, int commit_every) {
  char params[1024], expected[4096];
  size_t used = (size_t)snprintf(expected, sizeof expected, "\xEF\xBB\xBFn\r\n");
  for (int n = 0; n < CRASH_DOCS; n++) used += (size_t)snprintf(expected + used, sizeof expected - used, "%d\r\n", n);
  crash_plan plan = {sluice_plugin()->types[0], params, commit_every, 0, 0};
  for (int at = 1, died = 1; died; at += CRASH_STRIDE)
    for (int again = 0; again < 6; again += 1 + at % 5) {
      testdir dir = testdir_new();
      snprintf(params, sizeof params, "{ path: \"%s\", columns: { n: /n }%s }", testdir_path(&dir, "t.csv"), more);
      died = crash_twice(&plan, at, again);
      if (died < 0) print_message("%s, killed at step %d and %d\n", more, at, again);
      assert_int_not_equal(died, -1);
      char *found = testdir_read(&dir, "t.csv", NULL);
      assert_non_null(found);
      if (strcmp(found, expected) != 0) print_message("%s, killed at step %d and %d:\n%s", more, at, again, found);
      assert_string_equal(found, expected);
      free(found);
      testdir_free(&dir);
    }
}

static void appending(void **state) {
  (void)state;
  kill_everywhere("", 2);
  kill_everywhere("", 100);
}

static void replacing(void **state) {
  (void)state;
  kill_everywhere(", mode: replace", 2);
  kill_everywhere(", mode: replace", 100);
}

static void refuses_foreign_rows(void **state) {
  (void)state;
  testdir dir = testdir_new();
  sl_harness_ledger *ledger = sl_harness_ledger_new();
  const char *params = testdir_text("{ path: \"%s\", columns: { n: /n } }", testdir_path(&dir, "t.csv"));
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params);
  sl_harness_use_ledger(h, ledger);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  sl_harness_free(h);
  sl_harness_ledger_commit(ledger);
  FILE *f = fopen(testdir_path(&dir, "t.csv"), "a");
  assert_non_null(f);
  fputs("2\r\n", f);
  fclose(f);
  h = sl_harness_new(sluice_plugin()->types[0], params);
  sl_harness_use_ledger(h, ledger);
  assert_int_equal(sl_harness_start(h), SL_ESTATE);
  assert_non_null(strstr(sl_harness_last(h).message, "did not write"));
  sl_harness_free(h);
  sl_harness_ledger_free(ledger);
  testdir_free(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appending),
      cmocka_unit_test(replacing),
      cmocka_unit_test(refuses_foreign_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
