/* SPDX-License-Identifier: Apache-2.0 */
/* The stage fetch_sitemap over recorded exchanges: answers of all kinds, restarts, credit, memory that runs out. */
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

#define HOST "http://a.example"
#define MAP(entries) "<urlset>" entries "</urlset>"
#define INDEX(entries) "<sitemapindex>" entries "</sitemapindex>"
#define PAGE(n) "<url><loc>/" n "</loc><lastmod>2025-08-20</lastmod></url>"
#define SUB(name) "<sitemap><loc>/" name "</loc></sitemap>"
#define URLS "urls: [\"http://a.example/\", \"http://b.example\", \"http://a.example/gone\", \"http://a.example/busy\"]"

static testdir dir;

static int make(void **state) {
  (void)state;
  dir = testdir_new();
  replay_put(&dir, HOST "/robots.txt", 200, "HTTP/1.1 200 OK\r\n\r\n",
             "User-agent: *\nSitemap: /index.xml\nSitemap: mailto:x\n");
  replay_put(&dir, HOST "/index.xml", 200, REPLAY_OK,
             INDEX(SUB("one.xml") SUB("two.txt") SUB("no.xml") SUB("index.xml") SUB("one.xml")));
  replay_put(&dir, HOST "/one.xml", 200, REPLAY_OK,
             MAP(PAGE("1") PAGE("2") PAGE("1") "<url><loc>mailto:x</loc></url>"));
  replay_put(&dir, HOST "/two.txt", 200, REPLAY_OK, "http://a.example/2\nhttp://a.example/3\n");
  replay_put(&dir, HOST "/no.xml", 200, REPLAY_OK, "<html></html>");
  replay_put(&dir, HOST "/gone", 410, REPLAY_GONE, "");
  replay_put(&dir, HOST "/busy", 503, REPLAY_BUSY, "");
  replay_put(&dir, "http://b.example/robots.txt", 404, "HTTP/1.1 404 No\r\n\r\n", "");
  replay_put(&dir, "http://b.example/sitemap.xml", 200, REPLAY_OK, MAP(PAGE("4")));
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
    assert_int_equal(replay_rejected(h), 2); /* what is gone, and what is no sitemap */
    assert_non_null(
        strstr(sl_harness_log(h), "http://a.example/busy cannot be fetched now and is left to the next run"));
    assert_int_equal((int)sl_harness_metric(h, "sitemaps_failed"), 2);
    sl_harness_acknowledge_all(h);
    sl_harness_free(h);
  }
  sl_harness_state_free(kept);
}

static void test_credit(void **state) {
  (void)state;
  /* Without a state nothing is known. */
  replay_credit(replay_source(&dir, "urls: \"http://a.example/one.xml\"", NULL), 3);
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
