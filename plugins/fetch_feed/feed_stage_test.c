/* SPDX-License-Identifier: Apache-2.0 */
/* The stage fetch_feed over recorded exchanges: answers of all kinds, restarts, credit, memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sluice/harness.h>

#include "testreplay.h"

#define RSS(items) "<rss><channel><title>T</title>" items "</channel></rss>"
#define ITEM(n) "<item><title>B" n "</title><link>/" n "</link></item>"
#define URLS                                                                                                      \
  "urls: [\"http://a.example/1\", \"http://a.example/2\", \"http://a.example/page\", \"http://a.example/gone\", " \
  "\"http://a.example/busy\", \"http://a.example/no\"]"

static testdir dir;

static int make(void **state) {
  (void)state;
  dir = testdir_new();
  replay_put(&dir, "http://a.example/robots.txt", 404, "HTTP/1.1 404 No\r\n\r\n", "");
  replay_put(&dir, "http://a.example/1", 200, REPLAY_OK, RSS(ITEM("1") ITEM("2") "<item><title>X</title></item>"));
  replay_put(&dir, "http://a.example/2", 200, REPLAY_OK, RSS(ITEM("2") ITEM("3")));
  replay_put(&dir, "http://a.example/page", 200, REPLAY_OK,
             "<html><link rel=alternate type=application/rss+xml href=/hidden></html>");
  replay_put(&dir, "http://a.example/hidden", 200, REPLAY_OK, RSS(ITEM("4")));
  replay_put(&dir, "http://a.example/gone", 410, REPLAY_GONE, "");
  replay_put(&dir, "http://a.example/busy", 503, REPLAY_BUSY, "");
  replay_put(&dir, "http://a.example/no", 200, REPLAY_OK, "<html><body>x</body></html>");
  return 0;
}

static int drop(void **state) {
  (void)state;
  testdir_free(&dir);
  return 0;
}

static sl_harness *begin_all(sl_harness_state *kept) { return replay_source(&dir, URLS, kept); }

static void test_answers(void **state) {
  (void)state;
  sl_harness_state *kept = sl_harness_state_new();
  for (int run = 0; run < 2; run++) {
    sl_harness *h = begin_all(kept);
    assert_int_equal(sl_harness_start(h), 0);
    assert_int_equal(replay_run(h, 1 << 20), SL_P_END);
    assert_int_equal(sl_harness_count(h), run == 0 ? 4 : 0);
    assert_int_equal(replay_rejected(h), 2); /* what is gone, and what is no feed */
    assert_non_null(
        strstr(sl_harness_log(h), "http://a.example/busy cannot be fetched now and is left to the next run"));
    if (run == 0) assert_non_null(strstr(sl_harness_log(h), "1 item is without a page of its own"));
    assert_int_equal((int)sl_harness_metric(h, "feeds_failed"), 2);
    sl_harness_acknowledge_all(h);
    sl_harness_free(h);
  }
  sl_harness_state_free(kept);
}

static void test_credit(void **state) {
  (void)state;
  replay_credit(replay_source(&dir, "urls: \"http://a.example/1\"", NULL), 2);
}

static void test_stops(void **state) {
  (void)state;
  replay_stops(begin_all, 4);
}

static void test_allocation(void **state) {
  (void)state;
  replay_allocation(begin_all, 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_answers, make, drop),
      cmocka_unit_test_setup_teardown(test_credit, make, drop),
      cmocka_unit_test_setup_teardown(test_stops, make, drop),
      cmocka_unit_test_setup_teardown(test_allocation, make, drop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
