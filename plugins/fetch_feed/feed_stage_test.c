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

static sl_harness *begin(const char *params, sl_harness_state *kept) {
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0],
                                 testdir_text("{ replay: \"%s\", delay: 0s, retries: 0, %s }", dir.path, params));
  if (kept) sl_harness_use_state(h, kept);
  return h;
}

static int rejected(sl_harness *h) {
  int n = 0;
  while (sl_harness_pull_rejected(h)) n++;
  return n;
}

static void test_answers(void **state) {
  (void)state;
  sl_harness_state *kept = sl_harness_state_new();
  for (int run = 0; run < 2; run++) {
    sl_harness *h = begin(URLS, kept);
    assert_int_equal(sl_harness_start(h), 0);
    assert_int_equal(replay_run(h, 1 << 20), SL_P_END);
    assert_int_equal(sl_harness_count(h), run == 0 ? 4 : 0);
    assert_int_equal(rejected(h), 2); /* what is gone, and what is no feed */
    assert_non_null(
        strstr(sl_harness_log(h), "http://a.example/busy cannot be fetched now and is left to the next run"));
    if (run == 0) assert_non_null(strstr(sl_harness_log(h), "1 item is without a page of its own"));
    assert_int_equal((int)sl_harness_metric(h, "feeds_failed"), 2);
    sl_harness_acknowledge_all(h);
    sl_harness_free(h);
  }
  sl_harness_state_free(kept);
}

/* With little credit one document is given at a time. */
static void test_credit(void **state) {
  (void)state;
  sl_harness *h = begin("urls: \"http://a.example/1\"", NULL);
  uint32_t most = 0;
  assert_int_equal(sl_harness_start(h), 0);
  int32_t answer = SL_P_MORE;
  for (int i = 0; i < 1000 && answer != SL_P_END; i++) {
    uint32_t before = sl_harness_count(h);
    answer = sl_harness_produce(h, 1);
    if (answer == SL_P_WAIT) sl_harness_advance(h, INT64_C(100000000));
    if (sl_harness_count(h) - before > most) most = sl_harness_count(h) - before;
  }
  assert_int_equal(answer, SL_P_END);
  assert_int_equal(sl_harness_count(h), 2);
  assert_int_equal(most, 1);
  sl_harness_free(h);
}

static sl_harness *begin_all(sl_harness_state *kept) { return begin(URLS, kept); }

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
