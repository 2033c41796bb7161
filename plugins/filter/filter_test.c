/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of filter. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sluice/harness.h>

static void check(const char *params, const char *body, int32_t expected) {
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params);
  assert_int_equal(sl_harness_start(h), 0);
  int32_t verdict = sl_harness_push_json(h, body);
  if (verdict != expected) print_message("%s on %s\n", params, body);
  assert_int_equal(verdict, expected);
  assert_int_equal(sl_harness_count(h), expected == SL_V_OK);
  sl_harness_free(h);
}

static void keeps_what_matches(void **state) {
  (void)state;
  check("{ keep: { path: /lang, equals: vi } }", "{\"lang\":\"vi\"}", SL_V_OK);
  check("{ keep: { path: /lang, equals: vi } }", "{\"lang\":\"en\"}", SL_V_DROP);
  check("{ keep: { path: /lang, equals: vi } }", "{}", SL_V_DROP);
  check("{ keep: { path: /title, matches: \"^Thủ tướng\" } }", "{\"title\":\"Thủ tướng phát biểu\"}", SL_V_OK);
}

static void drops_what_matches(void **state) {
  (void)state;
  check("{ drop: { path: /n, gt: 3 } }", "{\"n\":4}", SL_V_DROP);
  check("{ drop: { path: /n, gt: 3 } }", "{\"n\":3}", SL_V_OK);
  check("{ drop: { path: /n, gt: 3 } }", "{}", SL_V_OK);
  check("{ drop: { any: [ { path: /title, exists: false }, { path: /n, lt: 2 } ] } }", "{\"n\":5}", SL_V_DROP);
  check("{ drop: { any: [ { path: /title, exists: false }, { path: /n, lt: 2 } ] } }", "{\"n\":5,\"title\":\"\"}",
        SL_V_OK);
}

static void wants_exactly_one_condition(void **state) {
  (void)state;
  const char *const bad[] = {"{}", "{ keep: { path: /a, equals: 1 }, drop: { path: /a, equals: 1 } }"};
  const char *const words[] = {"no condition", "both"};
  for (int i = 0; i < 2; i++) {
    sl_harness *h = sl_harness_new(sluice_plugin()->types[0], bad[i]);
    assert_int_equal(sl_harness_create(h), SL_EINVAL);
    assert_non_null(strstr(sl_harness_last(h).message, words[i]));
    sl_harness_free(h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_what_matches),
      cmocka_unit_test(drops_what_matches),
      cmocka_unit_test(wants_exactly_one_condition),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
