/* SPDX-License-Identifier: Apache-2.0 */
/* robots.txt: RFC 9309, the tolerances of the reference matcher, its 145 decisions, memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "robots.h"

#include "testmem.h"

static void expect(const char *file, const char *agent, const char *path, bool want) {
  robots *r = robots_parse(&testmem, file, strlen(file));
  assert_non_null(r);
  bool got = robots_allows(r, agent, path, strlen(path));
  robots_free(r);
  if (got != want) fail_msg("%s for %s under <%s>: got %d, wanted %d", path, agent, file, got, want);
}

static void longest_match(void **state) {
  (void)state;
  const char *file = "User-agent: *\nDisallow: /kho/\nAllow: /kho/cong-khai/\nDisallow: /*.pdf$\nAllow: /bao-cao.pdf\n";
  expect(file, "Sluice", "/", true);
  expect(file, "Sluice", "/kho/a", false);
  expect(file, "Sluice", "/kho/cong-khai/a", true);
  expect(file, "Sluice", "/x.pdf", false);
  expect(file, "Sluice", "/x.pdf?in=1", true);
  expect(file, "Sluice", "/bao-cao.pdf", true);
  expect("User-agent: *\nDisallow: /a\nAllow: /a\n", "Sluice", "/a", true);
  expect("User-agent: *\nDisallow:\n", "Sluice", "/a", true);
  expect("User-agent: *\nDisallow: /\n", "Sluice", "", false);
  expect("", "Sluice", "/a", true);
}

static void stars(void **state) {
  (void)state;
  const char *file = "User-agent: *\nDisallow: /a*b*c$\n";
  expect(file, "x", "/abc", false);
  expect(file, "x", "/a1b2c3c", false);
  expect(file, "x", "/a1b2c3", true);
  expect(file, "x", "/acb", true);
  expect("User-agent: *\nDisallow: *.gif\n", "x", "/p/q.gif?x", false);
  expect("User-agent: *\nDisallow: /a**$\n", "x", "/a", false);
  expect("User-agent: *\nDisallow: /a$b\n", "x", "/a$bc", false);
  expect("User-agent: *\nDisallow: /a$b\n", "x", "/a", true);
  expect("User-agent: *\nDisallow: /$\n", "x", "/", false);
  expect("User-agent: *\nDisallow: /$\n", "x", "/a", true);
  expect("User-agent: *\nDisallow: /x*ab$\n", "x", "/xab", false);
  expect("User-agent: *\nDisallow: /xa*ab$\n", "x", "/xab", true);
}

static void groups(void **state) {
  (void)state;
  const char *file =
      "Disallow: /ngoai\nUser-agent: a\nUser-agent: B-ot\nDisallow: /1\nUser-agent: *\nDisallow: /2\nUser-agent: A\n"
      "Disallow: /3\n";
  expect(file, "a", "/1", false);
  expect(file, "A", "/3", false);
  expect(file, "a", "/2", true);
  expect(file, "b-OT", "/1", false);
  expect(file, "b-ot", "/3", true);
  expect(file, "c", "/2", false);
  expect(file, "c", "/1", true);
  expect(file, "c", "/ngoai", true);
  /* An agent that is named and has no rules is free; a sitemap line does not end the agents. */
  expect("User-agent: *\nDisallow: /\nUser-agent: a\nAllow:\n", "a", "/x", true);
  expect("User-agent: a\nSitemap: http://x.vn/s\nUser-agent: b\nDisallow: /\n", "a", "/x", false);
  expect("User-agent: Sluice/2.0 (x)\nDisallow: /\n", "sluice", "/x", false);
  expect("User-agent: * tất cả\nDisallow: /\n", "sluice", "/x", false);
}

static void tolerances(void **state) {
  (void)state;
  expect("\xEF\xBB\xBFUser-agent: *\nDisallow: /x\n", "a", "/x", false);
  expect("\xEF\xBBUser-agent: *\nDisallow: /x\n", "a", "/x", false);
  expect("user agent: *\r\rdissallow: /x\r\nDISALOW :/y\rdisallow /z\n", "a", "/x", false);
  expect("user agent: *\r\rdissallow: /x\r\nDISALOW :/y\rdisallow /z\n", "a", "/y", false);
  expect("user agent: *\r\rdissallow: /x\r\nDISALOW :/y\rdisallow /z\n", "a", "/z", false);
  expect("useragent: *\ndisallow /x # /y\n", "a", "/x", false);
  expect("useragent: *\ndisallow /x y\n", "a", "/x", true);
  expect("useragent: *\nDisallow: /x#y\n", "a", "/x", false);
  expect("User-agent: *\nDisallow: /đường\n", "a", "/%C4%91%C6%B0%E1%BB%9Dng/1", false);
  expect("User-agent: *\nDisallow: /%c4%91\n", "a", "/%C4%91", false);
  expect("User-agent: *\nAllow: /m/index.html\nDisallow: /\n", "a", "/m/", true);
  expect("User-agent: *\nAllow: /m/index.html\nDisallow: /\n", "a", "/m/x", false);
}

static void limits(void **state) {
  (void)state;
  size_t n = ROBOTS_MAX + 100;
  char *big = malloc(n);
  assert_non_null(big);
  memset(big, '\n', n);
  memcpy(big, "User-agent: *\n", 14);
  memcpy(big + ROBOTS_MAX - 13, "Disallow: /in\n", 13);
  memcpy(big + ROBOTS_MAX + 1, "Disallow: /out\n", 15);
  robots *r = robots_parse(&testmem, big, n);
  assert_non_null(r);
  assert_false(robots_allows(r, "a", "/in", 3));
  assert_true(robots_allows(r, "a", "/out", 4));
  robots_free(r);
  /* A long line counts up to its limit. */
  memset(big, 'a', n);
  memcpy(big, "User-agent: *\nDisallow: /", 25);
  big[14 + ROBOTS_LINE + 5] = '\n';
  r = robots_parse(&testmem, big, 14 + ROBOTS_LINE + 6);
  assert_non_null(r);
  char *path = malloc(ROBOTS_LINE);
  assert_non_null(path);
  memset(path, 'a', ROBOTS_LINE);
  path[0] = '/';
  assert_false(robots_allows(r, "a", path, ROBOTS_LINE - 10));
  assert_true(robots_allows(r, "a", path, ROBOTS_LINE - 11));
  free(path);
  robots_free(r);
  free(big);
}

static void delays_and_sitemaps(void **state) {
  (void)state;
  const char *file = "Sitemap: https://a.vn/s1.xml\nUser-agent: a\nCrawl-delay: 2.5\nDisallow: /x\nSite-map: "
                     "https://a.vn/s2.xml # zwei\n"
                     "User-agent: *\nCrawl-delay: 7\nUser-agent: b\nDisallow:\nUser-agent: c\nDisallow: /\nUser-agent: "
                     "d\ncrawl-delay: x\n"
                     "Disallow: /\nUser-agent: e\nCrawl-delay: 99999999999999\nDisallow: /\nsitemap:\n";
  robots *r = robots_parse(&testmem, file, strlen(file));
  assert_non_null(r);
  assert_int_equal(robots_delay_ms(r, "A"), 2500);
  assert_int_equal(robots_delay_ms(r, "b"), 7000);
  assert_int_equal(robots_delay_ms(r, "c"), -1);
  assert_int_equal(robots_delay_ms(r, "d"), -1);
  assert_int_equal(robots_delay_ms(r, "e"), 86400000);
  assert_int_equal(robots_delay_ms(r, "other"), 7000);
  assert_true(robots_names(r, "C"));
  assert_false(robots_names(r, "other"));
  assert_int_equal(robots_sitemaps(r), 2);
  assert_string_equal(robots_sitemap(r, 0), "https://a.vn/s1.xml");
  assert_string_equal(robots_sitemap(r, 1), "https://a.vn/s2.xml");
  assert_null(robots_sitemap(r, 2));
  robots_free(r);
  r = robots_fixed(&testmem, false);
  assert_false(robots_allows(r, "a", "/", 1));
  robots_free(r);
  r = robots_fixed(&testmem, true);
  assert_true(robots_allows(r, "a", "/", 1));
  robots_free(r);
  robots_free(NULL);
}

/* Each request for memory fails in turn; in the end nothing does. */
static void memory_out(void **state) {
  (void)state;
  const char *file = "User-agent: a\nAllow: /index.html\nDisallow: /\nSitemap: x\nUser-agent: b\nDisallow: /\n";
  for (long n = 0;; n++) {
    assert_true(n < 100);
    testmem_left = n;
    robots *r = robots_parse(&testmem, file, strlen(file));
    testmem_left = -1;
    robots_free(r);
    if (r) break;
  }
}

/* ---- the reference's decisions ---- */

/* Code points up to U+00FF stand for bytes. */
static void to_bytes(char *s) {
  char *out = s;
  for (; *s; s++) {
    if ((unsigned char)*s >= 0xC2 && (unsigned char)*s <= 0xC3) {
      *out++ = (char)(((unsigned char)s[0] & 3) << 6 | ((unsigned char)s[1] & 63));
      s++;
    } else {
      *out++ = *s;
    }
  }
  *out = '\0';
}

/* What the reference compares of a URL: from the first of / ? ; behind the scheme up to the fragment. */
static void path_of(char *url, char *ret, size_t cap) {
  char *from = strstr(url, "//");
  from = from ? from + 2 : url;
  from[strcspn(from, "#")] = '\0';
  from += strcspn(from, "/?;");
  snprintf(ret, cap, "%s%s", *from == '/' ? "" : "/", from);
}

static bool decided(const cJSON *c, char *path, size_t cap) {
  char *file = cJSON_GetObjectItem(c, "robots")->valuestring, *url = cJSON_GetObjectItem(c, "url")->valuestring;
  const char *agent = cJSON_GetObjectItem(c, "agent")->valuestring;
  bool want = cJSON_IsTrue(cJSON_GetObjectItem(c, "allowed"));
  to_bytes(file);
  to_bytes(url);
  path_of(url, path, cap);
  robots *r = robots_parse(&testmem, file, strlen(file));
  assert_non_null(r);
  bool got = robots_allows(r, agent, path, strlen(path));
  robots_free(r);
  if (got != want) printf("%.200s\nfor %s, %.100s: got %d, wanted %d\n", file, agent, path, got, want);
  return got == want;
}

static void reference(void **state) {
  (void)state;
  static char line[256 * 1024], path[64 * 1024];
  const char *folder = getenv("SLUICE_TEST_DATA");
  unsigned all = 0, ok = 0;
  if (!folder) {
    printf("skipped: SLUICE_TEST_DATA is not set\n");
    return;
  }
  snprintf(path, sizeof path, "%s/data/robots/google.jsonl", folder);
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  while (fgets(line, sizeof line, f)) {
    cJSON *c = cJSON_Parse(line);
    assert_non_null(c);
    all++;
    ok += decided(c, path, sizeof path);
    cJSON_Delete(c);
  }
  (void)fclose(f);
  printf("robots.txt: %u of %u decisions of the reference\n", ok, all);
  assert_int_equal(all, 145);
  assert_int_equal(ok, all);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(longest_match), cmocka_unit_test(stars),     cmocka_unit_test(groups),
      cmocka_unit_test(tolerances),    cmocka_unit_test(limits),    cmocka_unit_test(delays_and_sitemaps),
      cmocka_unit_test(memory_out),    cmocka_unit_test(reference),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
