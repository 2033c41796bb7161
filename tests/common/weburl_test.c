/* SPDX-License-Identifier: Apache-2.0 */
/* The URL parser and the canonical form, on cases of our own; memory that runs out; input of any length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/plugin.h>

#include "weburl.h"

#include "testmem.h"

/* want NULL: it must be refused. */
static void expect_url(const char *input, const char *base_text, const char *want) {
  weburl base = {0}, u = {0};
  const char *why = NULL;
  if (base_text) assert_int_equal(weburl_parse(&base, &testmem, base_text, strlen(base_text), NULL, NULL), 0);
  int rc = weburl_parse(&u, &testmem, input, strlen(input), base_text ? &base : NULL, &why);
  if (want ? rc != 0 || strcmp(u.href, want) != 0 : rc != SL_EPARSE || !why || !*why)
    fail_msg("<%s> on <%s>: got <%s> (%d, %s), wanted <%s>", input, base_text ? base_text : "", u.href ? u.href : "",
             rc, why ? why : "", want ? want : "a failure");
  weburl_free(&u);
  weburl_free(&base);
}

static void hosts(void **state) {
  (void)state;
  expect_url("HTTP://BÁO.example:80/", NULL, "http://xn--bo-mia.example/");
  expect_url("https://Việt-Nam.vn/tin", NULL, "https://xn--vit-nam-zv4c.vn/tin");
  expect_url("http://%61.vn", NULL, "http://a.vn/");
  expect_url("http://a%20b.vn", NULL, NULL);
  expect_url("http://a\xFF.vn", NULL, NULL);
  expect_url("http://a b.vn", NULL, NULL);
  expect_url("http://", NULL, NULL);
  expect_url("http://user@/x", NULL, NULL);
  expect_url("http://:80/", NULL, NULL);
  expect_url("http:///a.vn/x", NULL, "http://a.vn/x");
  expect_url("http:\\\\a.vn\\x\\..\\y", NULL, "http://a.vn/y");
  expect_url("http://a..vn./", NULL, "http://a..vn./");
  expect_url("http://r3---sn_x.vn/", NULL, "http://r3---sn_x.vn/");
  expect_url("http://2130706433/", NULL, "http://127.0.0.1/");
  expect_url("http://0x7f.1/", NULL, "http://127.0.0.1/");
  expect_url("http://0177.0.0.01./", NULL, "http://127.0.0.1/");
  expect_url("http://１２７。0.0.1/", NULL, "http://127.0.0.1/");
  expect_url("http://1.2.3.256/", NULL, NULL);
  expect_url("http://1.2.3.4.5/", NULL, NULL);
  expect_url("http://4294967296/", NULL, NULL);
  expect_url("http://1.2.0x/", NULL, "http://1.2.0.0/");
  expect_url("http://a.0x1g/", NULL, "http://a.0x1g/");
  expect_url("http://[::1]:8080/", NULL, "http://[::1]:8080/");
  expect_url("http://[2001:DB8:0:0:1:0:0:1]/", NULL, "http://[2001:db8::1:0:0:1]/");
  expect_url("http://[::FFFF:192.0.2.1]/", NULL, "http://[::ffff:c000:201]/");
  expect_url("http://[1:0:0:2::]/", NULL, "http://[1:0:0:2::]/");
  expect_url("http://[1::2::3]/", NULL, NULL);
  expect_url("http://[1:2:3:4:5:6:7:8:9]/", NULL, NULL);
  expect_url("http://[::1.2.3]/", NULL, NULL);
  expect_url("http://[::1%25eth0]/", NULL, NULL);
  expect_url("http://[::1/", NULL, NULL);
}

static void parts_and_relatives(void **state) {
  (void)state;
  const char *base = "https://bao.example/muc/tin.html?trang=2#cuoi";
  expect_url("bai-1.html", base, "https://bao.example/muc/bai-1.html");
  expect_url("../anh.png", base, "https://bao.example/anh.png");
  expect_url("/x/%2E%2e/./y//z/.", base, "https://bao.example/y//z/");
  expect_url("?trang=3", base, "https://bao.example/muc/tin.html?trang=3");
  expect_url("#dau", base, "https://bao.example/muc/tin.html?trang=2#dau");
  expect_url("", base, "https://bao.example/muc/tin.html?trang=2");
  expect_url("//khac.example/x", base, "https://khac.example/x");
  expect_url("https:x", base, "https://bao.example/muc/x");
  expect_url("http:x", base, "http://x/");
  expect_url("mailto:a@b.vn", base, "mailto:a@b.vn");
  expect_url("javascript:alert(1)", base, "javascript:alert(1)");
  expect_url("x", NULL, NULL);
  expect_url("x", "mailto:a@b.vn", NULL);
  expect_url("#x", "mailto:a@b.vn", "mailto:a@b.vn#x");
  expect_url(" \t http://a.\nvn/ \x01", NULL, "http://a.vn/");
  expect_url("http://a.vn:443/", NULL, "http://a.vn:443/");
  expect_url("https://a.vn:00443/", NULL, "https://a.vn/");
  expect_url("http://a.vn:65536/", NULL, NULL);
  expect_url("http://a.vn:8a/", NULL, NULL);
  expect_url("http://a@b:c@d.vn/", NULL, "http://a%40b:c@d.vn/");
  expect_url("http://a.vn/tin tức?q=phở bò'&x#\"đầu\"", NULL,
             "http://a.vn/tin%20t%E1%BB%A9c?q=ph%E1%BB%9F%20b%C3%B2%27&x#%22%C4%91%E1%BA%A7u%22");
  expect_url("http://a.vn/\xE1\xBB?\xC0", NULL, "http://a.vn/%EF%BF%BD%EF%BF%BD?%EF%BF%BD");
  expect_url("file:///C|/a/../..", NULL, "file:///C:/");
  expect_url("web+x:/.//y", NULL, "web+x:/.//y");
}

static void members(void **state) {
  (void)state;
  const char *text = "https://nam:mk@báo.vn:8443/a?b=c#d";
  weburl u, copy;
  char origin[64];
  assert_int_equal(weburl_parse(&u, &testmem, text, strlen(text), NULL, NULL), 0);
  assert_true(weburl_is_web(&u));
  assert_int_equal(u.host_kind, WEBURL_HOST_DOMAIN);
  assert_int_equal(weburl_port(&u), 8443);
  assert_memory_equal(weburl_at(&u, u.username), "nam", 3);
  assert_memory_equal(weburl_at(&u, u.password), "mk", 2);
  weburl_part request = weburl_request(&u);
  assert_int_equal(request.len, 6);
  assert_memory_equal(weburl_at(&u, request), "/a?b=c", 6);
  assert_int_equal(weburl_origin(&u, origin, sizeof origin), strlen("https://xn--bo-mia.vn:8443"));
  assert_string_equal(origin, "https://xn--bo-mia.vn:8443");
  assert_int_equal(weburl_origin(&u, origin, 8), 0);
  assert_int_equal(weburl_copy(&copy, &u), 0);
  weburl_free(&u);
  weburl_free(&u);
  assert_memory_equal(weburl_at(&copy, copy.fragment), "d", 1);
  weburl_free(&copy);
  assert_int_equal(weburl_parse(&u, &testmem, "data:x", 6, NULL, NULL), 0);
  assert_false(weburl_is_web(&u));
  assert_int_equal(weburl_port(&u), -1);
  weburl_free(&u);
}

static void expect_key(const char *input, const weburl_rules *rules, const char *want) {
  weburl u, again;
  char *key = NULL, *twice = NULL;
  size_t len = 0;
  assert_int_equal(weburl_parse(&u, &testmem, input, strlen(input), NULL, NULL), 0);
  assert_int_equal(weburl_canonical(&u, rules, &key, &len), 0);
  if (strcmp(key, want) != 0 || len != strlen(want)) fail_msg("<%s>: got <%s>, wanted <%s>", input, key, want);
  assert_int_equal(weburl_parse(&again, &testmem, key, len, NULL, NULL), 0);
  assert_int_equal(weburl_canonical(&again, rules, &twice, NULL), 0);
  assert_string_equal(twice, key);
  weburl_free(&u);
  weburl_free(&again);
  free(key);
  free(twice);
}

static void keys(void **state) {
  (void)state;
  expect_key("http://a:b@BAO.vn.:80/#x", NULL, "http://bao.vn/");
  expect_key("http://bao.vn/%7ea%c4%91%2f%", NULL, "http://bao.vn/~a%C4%91%2F%25");
  expect_key("http://bao.vn/%%361", NULL, "http://bao.vn/%2561");
  expect_key("http://bao.vn//x/", NULL, "http://bao.vn//x/");
  expect_key("http://bao.vn/?", NULL, "http://bao.vn/");
  expect_key("http://bao.vn/?b=2&a=3&&a=1&c", NULL, "http://bao.vn/?a=3&a=1&b=2&c");
  expect_key("http://bao.vn/?utm_source=x&id=7&FBCLID=q&Utm_Medium=y&gclid=&_ga=1", NULL, "http://bao.vn/?id=7");
  expect_key("http://bao.vn/?%75tm_source=x", NULL, "http://bao.vn/");
  expect_key("http://bao.vn/?utm_source=x#y", NULL, "http://bao.vn/");
  expect_key("http://bao.vn/?utm=1&gclidx=2", NULL, "http://bao.vn/?gclidx=2&utm=1");
  expect_key("http://bao.vn/a;jsessionid=0A1B;v=1/b;JSESSIONID=2?x", NULL, "http://bao.vn/a;v=1/b?x");
  expect_key("http://bao.vn/?PHPSESSID=1&sid=12&a=1", NULL, "http://bao.vn/?a=1&sid=12");
  expect_key("http://bao.vn/?sid=0a1b2c3d4e5f60718293&a=1", NULL, "http://bao.vn/?a=1");
  expect_key("http://bao.vn/?sid=tin-trong-nuoc-va-the-gioi", NULL, "http://bao.vn/?sid=tin-trong-nuoc-va-the-gioi");
  expect_key("http://bao.vn/?a=b+c&a=b%20c", NULL, "http://bao.vn/?a=b+c&a=b%20c");
  expect_key("https://bao.vn/?a=1", NULL, "https://bao.vn/?a=1");
  expect_key("http://[::1]:81/?x", NULL, "http://[::1]:81/?x");
}

static void key_rules(void **state) {
  (void)state;
  static const char *const strip[] = {"ref", "src_*"}, *const keep[] = {"utm_id"};
  weburl_rules r = {.strip = strip, .n_strip = 2, .keep = keep, .n_keep = 1};
  expect_key("http://bao.vn/?utm_id=1&utm_x=2&REF=3&src_a=4&reference=5", &r, "http://bao.vn/?reference=5&utm_id=1");
  r = (weburl_rules){.keep_trackers = true, .keep_sessions = true, .keep_order = true};
  expect_key("http://bao.vn/;jsessionid=1?utm_x=2&PHPSESSID=1&a=2", &r,
             "http://bao.vn/;jsessionid=1?utm_x=2&PHPSESSID=1&a=2");
  weburl u;
  char *key = NULL;
  assert_int_equal(weburl_parse(&u, &testmem, "ftp://a.vn/", 11, NULL, NULL), 0);
  assert_int_equal(weburl_canonical(&u, NULL, &key, NULL), SL_EINVAL);
  assert_null(key);
  weburl_free(&u);
}

/* Every request for memory of parse, copy and canonical fails in turn. */
static void memory_out(void **state) {
  (void)state;
  const char *text = "https://u:p@bao.vn/a\tb/../\xFF;jsessionid=1?b=1&a=2&c=3#x", *rel = "../q?z&y\n#w";
  for (long n = 0;; n++) {
    weburl base = {0}, u = {0}, copy = {0};
    char *key = NULL;
    assert_true(n < 100);
    testmem_left = n;
    int rc = weburl_parse(&base, &testmem, text, strlen(text), NULL, NULL);
    if (rc == 0) rc = weburl_parse(&u, &testmem, rel, strlen(rel), &base, NULL);
    if (rc == 0) rc = weburl_copy(&copy, &u);
    if (rc == 0) rc = weburl_canonical(&copy, NULL, &key, NULL);
    testmem_left = -1;
    weburl_free(&base);
    weburl_free(&u);
    weburl_free(&copy);
    free(key);
    if (rc == 0) break;
    assert_int_equal(rc, SL_ENOMEM);
    assert_null(key);
  }
}

static void lengths(void **state) {
  (void)state;
  weburl u;
  char *key = NULL;
  char *s = malloc(WEBURL_MAX + 1);
  assert_non_null(s);
  memset(s, 'a', WEBURL_MAX + 1);
  memcpy(s, "http://a/", 9);
  assert_int_equal(weburl_parse(&u, &testmem, s, WEBURL_MAX + 1, NULL, NULL), SL_ELIMIT);
  for (size_t i = 9; i + 3 <= WEBURL_MAX; i += 3) memcpy(s + i, "/..", 3);
  assert_int_equal(weburl_parse(&u, &testmem, s, WEBURL_MAX, NULL, NULL), 0);
  weburl_free(&u);
  /* The worst growth: a broken byte is nine bytes of query. */
  memset(s + 9, 0xFF, WEBURL_MAX - 9);
  s[9] = '?';
  assert_int_equal(weburl_parse(&u, &testmem, s, WEBURL_MAX, NULL, NULL), 0);
  assert_int_equal(u.len, 10 + 9 * (WEBURL_MAX - 10));
  weburl_free(&u);
  for (size_t i = 10; i + 2 <= WEBURL_MAX; i += 2) memcpy(s + i, i % 4 ? "b&" : "a&", 2);
  assert_int_equal(weburl_parse(&u, &testmem, s, WEBURL_MAX, NULL, NULL), 0);
  assert_int_equal(weburl_canonical(&u, NULL, &key, NULL), 0);
  free(key);
  weburl_free(&u);
  /* A name that is not ASCII has a limit of its own. */
  const char *why = NULL;
  for (size_t i = 7; i + 2 <= WEBURL_MAX; i += 2) memcpy(s + i, "\xC4\x91", 2);
  assert_int_equal(weburl_parse(&u, &testmem, s, WEBURL_MAX - 1, NULL, &why), SL_EPARSE);
  assert_string_equal(why, "has a host name that is too long");
  free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hosts),   cmocka_unit_test(parts_and_relatives), cmocka_unit_test(members),
      cmocka_unit_test(keys),    cmocka_unit_test(key_rules),           cmocka_unit_test(memory_out),
      cmocka_unit_test(lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
