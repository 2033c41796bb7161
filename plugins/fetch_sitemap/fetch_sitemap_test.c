/* SPDX-License-Identifier: Apache-2.0 */
/* The sitemap reader, on sitemaps of each kind and with each fault that they have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <sluice/harness.h>

#include "sitemap.h"

static const lane_mem memory = {malloc, free};

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">"

typedef struct outcome {
  int rc, stop_after;
  sitemap_kind kind;
  const char *why;
  bool truncated;
  uint32_t count;
  size_t steps, n;
  char text[3000]; /* "loc|lastmod|title|date|language|publication|keywords\n" */
} outcome;

static int take(void *user, const sitemap_entry *e) {
  outcome *o = user;
  const char *all[] = {e->loc, e->lastmod, e->title, e->date, e->language, e->publication, e->keywords};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (o->n + 200 < sizeof o->text)
      o->n += (size_t)snprintf(o->text + o->n, 150, "%s%s", i ? "|" : e->is_index ? "+" : "", all[i] ? all[i] : "");
  if (o->n + 2 < sizeof o->text) o->text[o->n++] = '\n';
  o->text[o->n] = '\0';
  return 0;
}

static outcome read_as(const lane_mem *mem, const char *bytes, size_t n, sitemap_limits limits) {
  outcome o = {.why = ""};
  sitemap *s = sitemap_new(mem, &limits, take, &o);
  if (!s) {
    o.rc = SL_ENOMEM;
    return o;
  }
  sitemap_open(s, bytes, n, NULL);
  do o.steps++;
  while ((o.rc = sitemap_step(s)) == 1);
  o.kind = sitemap_kind_of(s);
  o.why = sitemap_why(s);
  o.truncated = sitemap_truncated(s);
  o.count = sitemap_count(s);
  sitemap_free(s);
  return o;
}

static outcome read_text(const char *text) {
  return read_as(&memory, text, strlen(text), (sitemap_limits){50000, 50u << 20});
}

static void is(const outcome *o, const char *text) {
  assert_int_equal(o->rc, 0);
  assert_string_equal(o->text, text);
}

/* Compresses; *ret_n its length. [own: free] */
static char *zip(const char *text, size_t n, size_t *ret_n) {
  z_stream z = {0};
  size_t cap = n + 1000;
  char *out = malloc(cap);
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = (Bytef *)(uintptr_t)text;
  z.avail_in = (uInt)n;
  z.next_out = (Bytef *)out;
  z.avail_out = (uInt)cap;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  *ret_n = z.total_out;
  deflateEnd(&z);
  return out;
}

static void test_kinds(void **state) {
  (void)state;
  outcome o = read_text(
      HEAD "<url><loc> https://a.example/x?a=1&amp;b=2 "
           "</loc><lastmod>2025-08-20</lastmod><changefreq>daily</changefreq></url>"
           "<url><lastmod>2025</lastmod></url><url><loc><![CDATA[https://a.example/y]]></loc></url></urlset>");
  is(&o, "https://a.example/x?a=1&b=2|2025-08-20|||||\nhttps://a.example/y||||||\n");
  assert_int_equal(o.kind, SITEMAP_URLS);
  o = read_text("<sitemapindex><sitemap><loc>https://a.example/1.xml</loc><lastmod>2025-08-20T01:02:03Z</lastmod></"
                "sitemap></sitemapindex>");
  is(&o, "+https://a.example/1.xml|2025-08-20T01:02:03Z|||||\n");
  assert_int_equal(o.kind, SITEMAP_INDEX);
  o = read_text("\xef\xbb\xbfhttps://a.example/1\r\n\r\n  https://a.example/2  \nnot a URL\nhttps://a.example/3");
  is(&o, "https://a.example/1||||||\nhttps://a.example/2||||||\nhttps://a.example/3||||||\n");
  assert_int_equal(o.kind, SITEMAP_TEXT);
}

static void test_news(void **state) {
  (void)state;
  outcome o = read_text(
      "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" "
      "xmlns:n=\"http://www.google.com/schemas/sitemap-news/0.9\" "
      "xmlns:image=\"http://www.google.com/schemas/sitemap-image/1.1\"><url><image:image><image:loc>https://"
      "a.example/i.jpg"
      "</image:loc><image:title>Ảnh</image:title></image:image><loc>https://a.example/1</"
      "loc><n:news><n:publication><n:name>Báo"
      "</n:name><n:language>vi</n:language></n:publication><n:publication_date>2025-08-20</n:publication_date>"
      "<n:title>Giá &amp; lượng</n:title><n:keywords>a, b</n:keywords></n:news></url></urlset>");
  is(&o, "https://a.example/1||Giá & lượng|2025-08-20|vi|Báo|a, b\n");
  /* The prefix is not declared. */
  o = read_text(
      "<urlset><url><loc>https://a.example/1</loc><news:news><news:title>T</news:title></news:news></url></urlset>");
  is(&o, "https://a.example/1||T||||\n");
}

static void test_faults(void **state) {
  static const struct {
    const char *text, *why;
  } none[] = {{"", "it is empty"},
              {"<html><body>404</body></html>", "it is XML or HTML, but no sitemap"},
              {"<rss><channel/></rss>", "it is XML or HTML, but no sitemap"},
              {"Not found", "it is no list of URLs"},
              {"   ", "it is no list of URLs"}};
  (void)state;
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    outcome o = read_text(none[i].text);
    assert_int_equal(o.rc, SL_EPARSE);
    assert_string_equal(o.why, none[i].why);
  }
  /* Output before the declaration, bare ampersands, a second loc, an entity bomb, elements that are not closed. */
  outcome o =
      read_text("\n" HEAD "<url><loc>https://a.example/?a=1&b=2</loc><loc>https://a.example/no</loc></url></urlset>");
  is(&o, "https://a.example/?a=1&b=2||||||\n");
  o = read_text("<!DOCTYPE urlset [<!ENTITY x \"aaaa\">]><urlset><url><loc>https://a.example/&x;</loc></url></urlset>");
  is(&o, "https://a.example/&x;||||||\n");
  o = read_text(HEAD "<url><loc>https://a.example/1</loc></url><url><loc>https://a.exa");
  is(&o, "https://a.example/1||||||\n");
  assert_true(o.truncated);
  /* UTF-16, and Latin-1 by its declaration. */
  char wide[600];
  size_t n = 0;
  for (const char *c = "<urlset><url><loc>https://a.example/1</loc></url></urlset>"; *c; c++) {
    wide[n++] = *c;
    wide[n++] = '\0';
  }
  o = read_as(&memory, wide, n, (sitemap_limits){10, 1000});
  is(&o, "https://a.example/1||||||\n");
  o = read_text(
      "<?xml version='1.0' encoding='iso-8859-1'?><urlset><url><loc>https://a.example/caf\xe9</loc></url></urlset>");
  is(&o, "https://a.example/café||||||\n");
}

static char *large(size_t count, size_t *ret_n) {
  char *text = malloc(count * 64 + 200);
  size_t n = (size_t)sprintf(text, HEAD);
  for (size_t i = 0; i < count; i++)
    n += (size_t)sprintf(text + n, "<url><loc>https://a.example/page/%zu</loc></url>", i);
  n += (size_t)sprintf(text + n, "</urlset>");
  *ret_n = n;
  return text;
}

static void test_gzip(void **state) {
  (void)state;
  size_t n, n_zip, n_two;
  char *text = large(10000, &n), *zipped = zip(text, n, &n_zip), *two = malloc(2 * n);
  outcome o = read_as(&memory, zipped, n_zip, (sitemap_limits){50000, 50u << 20});
  assert_int_equal(o.rc, 0);
  assert_int_equal(o.count, 10000);
  assert_true(o.steps > n / 16384); /* a few KiB at a time */
  /* Two members, and something behind them. */
  char *a = zip(text, n / 2, &n_two);
  size_t at = n_two;
  memcpy(two, a, n_two);
  free(a);
  a = zip(text + n / 2, n - n / 2, &n_two);
  memcpy(two + at, a, n_two);
  at += n_two;
  free(a);
  memcpy(two + at, "tail", 4);
  o = read_as(&memory, two, at + 4, (sitemap_limits){50000, 50u << 20});
  assert_int_equal(o.rc, 0);
  assert_int_equal(o.count, 10000);
  /* Cut, broken, too large. */
  o = read_as(&memory, zipped, n_zip / 2, (sitemap_limits){50000, 50u << 20});
  assert_int_equal(o.rc, 0);
  assert_true(o.truncated);
  assert_string_equal(o.why, "its compression is cut off");
  assert_in_range(o.count, 1000, 9999);
  zipped[n_zip - 6] ^= 1; /* of the checksum */
  o = read_as(&memory, zipped, n_zip, (sitemap_limits){50000, 50u << 20});
  assert_int_equal(o.rc, 0);
  assert_true(o.truncated);
  assert_string_equal(o.why, "its compression is broken");
  free(zipped);
  zipped = zip(text, n, &n_zip);
  o = read_as(&memory, zipped, n_zip, (sitemap_limits){50000, 100000});
  assert_int_equal(o.rc, SL_ELIMIT);
  assert_string_equal(o.why, "it is larger than is read");
  assert_in_range(o.count, 1500, 3000);
  o = read_as(&memory, zipped, n_zip, (sitemap_limits){77, 50u << 20});
  assert_int_equal(o.rc, SL_ELIMIT);
  assert_string_equal(o.why, "it has more entries than are read");
  assert_int_equal(o.count, 77);
  free(zipped);
  free(two);
  free(text);
}

/* Counts what is allocated at a time. */
static size_t live, most;

static void *counted(size_t n) {
  size_t *p = malloc(n + 16);
  if (!p) return NULL;
  *p = n;
  live += n;
  if (live > most) most = live;
  return p + 2;
}

static void counted_free(void *p) {
  size_t *at = p;
  live -= at[-2];
  free(at - 2);
}

static void test_flat(void **state) {
  static const lane_mem mem = {counted, counted_free};
  (void)state;
  size_t n, peaks[2];
  for (int i = 0; i < 2; i++) {
    char *text = large(i ? 200000 : 2000, &n);
    live = most = 0;
    outcome o = read_as(&mem, text, n, (sitemap_limits){1000000, 100u << 20});
    assert_int_equal(o.rc, 0);
    assert_int_equal(live, 0);
    peaks[i] = most;
    free(text);
  }
  assert_int_equal(peaks[0], peaks[1]);
}

static void test_long_fields(void **state) {
  (void)state;
  char *text = malloc(40000);
  strcpy(text, "<urlset><url><loc>https://a.example/");
  size_t n = strlen(text);
  memset(text + n, 'x', 20000);
  strcpy(text + n + 20000, "</loc></url><url><loc>https://a.example/b</loc></url></urlset>");
  outcome o = read_text(text);
  is(&o, "https://a.example/b||||||\n");
  free(text);
}

static void test_match(void **state) {
  static const struct {
    const char *pattern, *url;
    bool is;
  } cases[] = {{"*", "", true},          {"", "", true},
               {"", "a", false},         {"a*c", "abbc", true},
               {"a*c", "abbcd", false},  {"*/thoi-su/*", "https://a.example/thoi-su/1", true},
               {"*.pdf", "a.pdf", true}, {"*.pdf", "a.pdf?x", false},
               {"a?c", "abc", true},     {"a?c", "ac", false},
               {"**a**b", "xaxb", true}, {"*a*b", "ba", false}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (sitemap_match(cases[i].pattern, cases[i].url) != cases[i].is)
      fail_msg("%s on %s", cases[i].pattern, cases[i].url);
}

static const sl_stage_type *type_of(void) { return sluice_plugin()->types[0]; }

static void test_allocation(void **state) {
  (void)state;
  size_t n, n_zip;
  char *text = large(500, &n), *zipped = zip(text, n, &n_zip);
  sl_harness *h = sl_harness_new(type_of(), "{ urls: \"https://a.example/\" }");
  assert_int_equal(sl_harness_create(h), 0);
  const sl_ctx *ctx = sl_harness_ctx(h);
  const lane_mem mem = {ctx->host->alloc, ctx->host->free};
  int failed = 1;
  for (uint64_t nth = 1; failed; nth++) {
    sl_harness_fail_alloc(h, nth);
    outcome o = read_as(&mem, zipped, n_zip, (sitemap_limits){50000, 50u << 20});
    failed = sl_harness_alloc_failed(h);
    assert_int_equal(o.rc, failed ? SL_ENOMEM : 0);
  }
  sl_harness_free(h);
  free(zipped);
  free(text);
}

static void test_parameters(void **state) {
  static const struct {
    const char *params, *message;
  } bad[] = {{"{ urls: \"a.example\" }", "expected http:// or https:// URLs of sitemaps or sites"},
             {"{ urls: \"https://a.example/\", since: yesterday }", "expected a date in since"},
             {"{ urls: \"https://a.example/\", zone: Hanoi }", "expected a zone"}};
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sl_harness *h = sl_harness_new(type_of(), bad[i].params);
    assert_int_equal(sl_harness_create(h), SL_EINVAL);
    assert_string_equal(sl_harness_last(h).message, bad[i].message);
    sl_harness_free(h);
  }
  int failed = 1;
  for (uint64_t nth = 1; failed; nth++) {
    sl_harness *h = sl_harness_new(
        type_of(), "{ urls: [\"https://a.example/\", \"https://b.example/s.xml\"], include: \"*/x/*\" }");
    sl_harness_fail_alloc(h, nth);
    int32_t rc = sl_harness_create(h);
    failed = sl_harness_alloc_failed(h);
    assert_int_equal(rc, failed ? SL_ENOMEM : 0);
    sl_harness_free(h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kinds),       cmocka_unit_test(test_news),       cmocka_unit_test(test_faults),
      cmocka_unit_test(test_gzip),        cmocka_unit_test(test_flat),       cmocka_unit_test(test_match),
      cmocka_unit_test(test_long_fields), cmocka_unit_test(test_allocation), cmocka_unit_test(test_parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
