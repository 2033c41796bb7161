/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_http without a network: dates, records, lists, and both stage types over recorded exchanges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/harness.h>

#include "../common/sha256.h"
#include "../common/web/impl.h"
#include "fetch.h"
#include "lines.h"

#define SECOND INT64_C(1000000000)

static char dir[64];
static sl_harness *h;

static int make(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/sluice-http-XXXXXX");
  h = NULL;
  return mkdtemp(dir) ? 0 : -1;
}

static int drop(void **state) {
  (void)state;
  char path[400];
  if (h) sl_harness_free(h);
  DIR *d = opendir(dir);
  for (struct dirent *e; d && (e = readdir(d));) {
    snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
    if (e->d_name[0] != '.') unlink(path);
  }
  if (d) closedir(d);
  return rmdir(dir);
}

static void put_file(const char *name, const void *data, size_t len) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, len, f), len);
  assert_int_equal(fclose(f), 0);
}

/* An exchange as `record` writes it. */
static void put_exchange(const char *url, int status, const char *headers, const char *body) {
  char hex[65], name[100], text[4000];
  sha256_hex(url, strlen(url), hex);
  snprintf(name, sizeof name, "%.40s.exchange", hex);
  int n = snprintf(text, sizeof text, "sluice-exchange 1\nurl: %s\nstatus: %d\nheaders: %zu\nbody: %zu\n\n%s%s", url,
                   status, strlen(headers), strlen(body), headers, body);
  put_file(name, text, (size_t)n);
}

/* ---- Retry-After ------------------------------------------------------------------------------------------------- */

static void reads_retry_after(void **state) {
  (void)state;
  const int64_t at = INT64_C(784111777) * SECOND; /* 1994-11-06T08:49:37Z */
  static const struct {
    const char *text;
    int64_t seconds;
  } cases[] = {{"120", 120},
               {" 7 \r\n", 7},
               {"0", 0},
               {"99999999999999999999", INT64_C(366) * 86400},
               {"Sun, 06 Nov 1994 08:49:47 GMT", 10},
               {"Sunday, 06-Nov-94 08:50:37 GMT", 60},
               {"Sun Nov  6 09:49:37 1994", 3600},
               {"Mon, 07 Nov 1994 08:49:37 GMT", 86400},
               {"Sun, 06 Nov 1994 08:49:07 GMT", 0},
               {"Wed, 06 Nov 2094 08:49:37 GMT", INT64_C(366) * 86400}};
  static const char *const none[] = {"",
                                     "-1",
                                     "1.5",
                                     "soon",
                                     "12 s",
                                     "Sun, 06 Nov",
                                     "Sun, 32 Nov 1994 08:49:37 GMT",
                                     "Sun, 06 Nov 1994 24:00:00 GMT",
                                     "Sun, 06 Nov 1994 08:49:37 GMT+2",
                                     "06 Nov 1994 08:49:37 GMT",
                                     "Sun Nov  6 1994",
                                     "Sun, 06 Nov 1994 08:49:37 GMT                                        x"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t found = web_retry_after(cases[i].text, at);
    if (found != cases[i].seconds * SECOND) print_error("%s: %lld\n", cases[i].text, (long long)found);
    assert_int_equal(found, cases[i].seconds * SECOND);
  }
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    if (web_retry_after(none[i], at) != -1) print_error("accepted: %s\n", none[i]);
    assert_int_equal(web_retry_after(none[i], at), -1);
  }
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static void reads_exchanges(void **state) {
  (void)state;
  static const char good[] = "sluice-exchange 1\nurl: http://a/\nstatus: 200\nheaders: 3\nbody: 4\n\nabcdefg";
  static const char *const bad[] = {
      "",
      "sluice-exchange 1\n",
      "sluice-exchange 2\nurl: x\nstatus: 200\nheaders: 0\nbody: 0\n\n",
      "sluice-exchange 1\nurl: x\nstatus: 1000\nheaders: 0\nbody: 0\n\n",
      "sluice-exchange 1\nurl: x\nstatus: -1\nheaders: 0\nbody: 0\n\n",
      "sluice-exchange 1\nurl: x\nstatus: 200\nheaders: 1\nbody: 0\n\n",
      "sluice-exchange 1\nurl: x\nstatus: 200\nheaders: 0\nbody: 0\n\nx",
      "sluice-exchange 1\nurl: x\nstatus: 200\nheaders: 0\nbody: 99999999999999999999\n\n",
      "sluice-exchange 1\nurl: x\nstatus: 200\nheaders: 0\nbody: 0\n"};
  web_recorded r;
  const char *why = NULL;
  assert_int_equal(web_record_parse(good, sizeof good - 1, &r, &why), 0);
  assert_int_equal(r.status, 200);
  assert_memory_equal(r.headers, "abc", 3);
  assert_int_equal(r.body_len, 4);
  assert_memory_equal(r.body, "defg", 4);
  for (size_t n = 0; n < sizeof good - 1; n++) assert_int_equal(web_record_parse(good, n, &r, &why), SL_EPARSE);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int rc = web_record_parse(bad[i], strlen(bad[i]), &r, &why);
    if (rc != SL_EPARSE) print_error("accepted: %s\n", bad[i]);
    assert_int_equal(rc, SL_EPARSE);
  }
}

static void keeps_what_is_known_of_a_url(void **state) {
  (void)state;
  const fetch_record r = {5, 7, "\"e\"", "Sun, 06 Nov 1994 08:49:37 GMT", "abc", "http://a/"};
  fetch_record back;
  char *data = NULL, *hold = NULL;
  size_t len = 0;
  assert_int_equal(fetch_record_write(&r, &data, &len), 0);
  for (size_t n = 0; n < len; n++) {
    assert_int_equal(fetch_record_read(data, n, &back, &hold), SL_EPARSE);
    free(hold);
  }
  assert_int_equal(fetch_record_read(data, len, &back, &hold), 0);
  assert_int_equal(back.at, 5);
  assert_int_equal(back.cursor, 7);
  assert_string_equal(back.etag, "\"e\"");
  assert_string_equal(back.final_url, "http://a/");
  free(hold);
  free(data);
  fetch_memory *m = fetch_memory_new();
  char key[20];
  for (int i = 1; i <= 1000; i++) {
    snprintf(key, sizeof key, "u:%d", i);
    fetch_memory_put(m, key, i);
  }
  assert_int_equal(fetch_memory_get(m, "u:77"), 77);
  fetch_memory_put(m, "u:77", 0);
  assert_int_equal(fetch_memory_get(m, "u:77"), 0);
  assert_int_equal(fetch_memory_get(m, "u:1001"), 0);
  fetch_memory_free(m);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void reads_lists(void **state) {
  (void)state;
  const char *const items[] = {"http://a/", "", "http://b/"};
  const sl_list urls = {items, 3, sizeof(char *)};
  char path[200], mark[128], grown[128], other[128];
  static const char text[] = "\xEF\xBB\xBFhttp://c/ \r\n\n# no\n  http://d/\nhttp://e/";
  static const char *const expected[] = {"http://a/", "http://b/", "http://c/", "http://d/", "http://e/"};
  snprintf(path, sizeof path, "%s/urls", dir);
  put_file("urls", text, sizeof text - 1);
  fetch_lines l;
  const char *url;
  uint64_t place = 0, before = 0, places[5];
  assert_int_equal(fetch_lines_open(&l, &urls, path, 0), 0);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(fetch_lines_next(&l, &url, &place), 1);
    assert_string_equal(url, expected[i]);
    assert_true(place > before);
    before = places[i] = place;
  }
  assert_int_equal(fetch_lines_next(&l, &url, &place), 0);
  fetch_lines_close(&l);
  for (int i = 0; i < 4; i++) { /* going on behind each */
    assert_int_equal(fetch_lines_open(&l, &urls, path, places[i]), 0);
    assert_int_equal(fetch_lines_next(&l, &url, &place), 1);
    assert_string_equal(url, expected[i + 1]);
    assert_int_equal(place, places[i + 1]);
    fetch_lines_close(&l);
  }
  fetch_lines_mark(&urls, path, NULL, mark);
  FILE *f = fopen(path, "ab");
  assert_non_null(f);
  fputs("\nhttp://f/\n", f);
  fclose(f);
  fetch_lines_mark(&urls, path, mark, grown);
  assert_string_equal(grown, mark);
  const sl_list fewer = {items, 1, sizeof(char *)};
  fetch_lines_mark(&fewer, path, mark, other);
  assert_string_not_equal(other, mark);
  assert_int_equal(fetch_lines_open(&l, &urls, "/no/such/file", 0), SL_EIO);
}

/* ---- the page of a document -------------------------------------------------------------------------------------- */

static const sl_stage_type *type_of(const char *name) {
  const sl_plugin *p = sluice_plugin();
  for (uint32_t i = 0; i < p->n_types; i++)
    if (strcmp(p->types[i]->name, name) == 0) return p->types[i];
  return NULL;
}

#define HTML "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=windows-1258\r\nETag: \"x\"\r\n\r\n"

static void put_site(void) {
  put_exchange("http://a.example/robots.txt", 200, "HTTP/1.1 200 OK\r\n\r\n", "User-agent: *\nDisallow: /no\n");
  put_exchange("http://a.example/1", 200, HTML, "<p>Xin ch\xE0o</p>");
  put_exchange("http://a.example/2", 302, "HTTP/1.1 302 Found\r\nLocation: /1\r\n\r\n", "");
  put_exchange("http://a.example/3", 200, "HTTP/1.1 200 OK\r\n\r\n", "\n <html>");
  put_exchange("http://a.example/4", 410, "HTTP/1.1 410 Gone\r\n\r\n", "");
  put_exchange("http://a.example/5", 503, "HTTP/1.1 503 No\r\n\r\n", "");
  put_exchange("http://a.example/no", 200, HTML, "secret");
}

static void begin(const char *type, const char *params, sl_harness_state *kept) {
  char text[1000];
  snprintf(text, sizeof text, "{ replay: \"%s\"%s }", dir, params);
  h = sl_harness_new(type_of(type), text);
  if (kept) sl_harness_use_state(h, kept);
  assert_int_equal(sl_harness_start(h), 0);
}

/* The verdict about a document with this link. */
static int32_t push(const char *link) {
  char body[300];
  snprintf(body, sizeof body, "{\"id\":\"x\",\"link\":\"%s\"}", link);
  sl_doc *doc = sl_harness_set_origin(h, sl_harness_doc(h, body), "file:///rows", link, NULL);
  int32_t verdict = sl_harness_push(h, doc);
  return verdict == SL_V_PENDING ? sl_harness_wait(h, doc, 5000) : verdict;
}

static void gets_pages(void **state) {
  (void)state;
  const char *type = NULL;
  put_site();
  begin("page", ", url: /link", NULL);
  assert_int_equal(push("http://a.example/2#x"), SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_non_null(doc);
  sl_bytes page = sl_harness_payload(h, doc, &type);
  assert_string_equal(type, "text/html; charset=windows-1258");
  assert_int_equal(page.len, 15);
  assert_memory_equal(page.data, "<p>Xin ch\xE0o</p>", 15);
  assert_string_equal(sl_harness_string(h, doc, "/id"), "x");
  assert_string_equal(sl_harness_string(h, doc, "/http/url"), "http://a.example/2#x");
  assert_string_equal(sl_harness_string(h, doc, "/http/final_url"), "http://a.example/1");
  assert_string_equal(sl_harness_string(h, doc, "/http/redirects"), "[\"http://a.example/2#x\"]");
  assert_string_equal(sl_harness_string(h, doc, "/http/etag"), "\"x\"");
  assert_string_equal(sl_harness_string(h, doc, "/http/fetched_at"), "2025-08-21T00:00:00Z");
  assert_string_equal(sl_harness_origin(h, doc).uri, "http://a.example/2");
  assert_int_equal(strlen(sl_harness_origin(h, doc).revision), 64);
  assert_int_equal(push("http://a.example/3"), SL_V_OK);
  sl_harness_payload(h, sl_harness_pull(h), &type);
  assert_string_equal(type, "text/html");
  /* Seen within the window, whatever its parameters say of where the reader came from. */
  assert_int_equal(push("http://a.example/3?utm_source=x"), SL_V_DROP);
  assert_int_equal((int)sl_harness_metric(h, "seen"), 1);
  assert_int_equal((int)sl_harness_metric(h, "fetched"), 2);
}

static void says_why_there_is_no_page(void **state) {
  (void)state;
  static const struct {
    const char *url;
    int32_t verdict, code;
    const char *message;
  } cases[] = {{"http://a.example/4", SL_V_REJECT, SL_ENOTFOUND, "http_status: the server answered 410"},
               {"http://a.example/5", SL_V_RETRY, SL_EIO, "http_status: the server answered 503"},
               {"http://a.example/no", SL_V_REJECT, SL_EPERM, "robots: robots.txt of the host forbids this URL"},
               {"http://a.example/6", SL_V_REJECT, SL_ENOTFOUND, "not_recorded: "},
               {"ftp://a.example/", SL_V_REJECT, SL_EPERM, "scheme: only http and https can be fetched"},
               {"a b", SL_V_REJECT, SL_EINVAL, "bad_url: the URL "}};
  put_site();
  begin("page", ", url: /link", NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int32_t verdict = push(cases[i].url);
    sl_harness_error why = sl_harness_last(h);
    if (verdict != cases[i].verdict || strncmp(why.message, cases[i].message, strlen(cases[i].message)) != 0)
      print_error("%s: %d, %s\n", cases[i].url, (int)verdict, why.message);
    assert_int_equal(verdict, cases[i].verdict);
    assert_int_equal(why.code, cases[i].code);
    assert_memory_equal(why.message, cases[i].message, strlen(cases[i].message));
    assert_non_null(strstr(why.detail, cases[i].url));
  }
  /* A page that failed in passing is nobody's: another document may try. */
  assert_int_equal(push("http://a.example/5"), SL_V_RETRY);
  assert_int_equal(sl_harness_push_json(h, "{\"link\":1}"), SL_V_REJECT);
  assert_int_equal(sl_harness_push_json(h, "{}"), SL_V_REJECT);
  sl_harness_free(h);
  begin("page", ", url: /link, missing: drop", NULL);
  assert_int_equal(push("http://a.example/4"), SL_V_DROP);
  assert_int_equal(push("http://a.example/5"), SL_V_RETRY);
}

static void gives_up_what_is_cancelled(void **state) {
  (void)state;
  put_site();
  begin("page", ", url: /link", NULL);
  sl_doc *doc =
      sl_harness_set_origin(h, sl_harness_doc(h, "{\"link\":\"http://a.example/1\"}"), "file:///rows", "1", NULL);
  assert_int_equal(sl_harness_push(h, doc), SL_V_PENDING);
  sl_harness_cancel(h, doc);
  assert_int_equal(sl_harness_pending(h), 0);
  sl_harness_advance(h, SECOND);
  assert_int_equal(sl_harness_count(h), 0);
  doc = sl_harness_set_origin(h, sl_harness_doc(h, "{\"link\":\"http://a.example/3\"}"), "file:///rows", "1", NULL);
  assert_int_equal(sl_harness_push(h, doc), SL_V_PENDING);
  sl_harness_stop(h);
  assert_int_equal(sl_harness_timers(h), 0);
  assert_int_equal(sl_harness_watches(h), 0);
}

static sl_doc *row(const char *link, const char *name) {
  char body[300];
  snprintf(body, sizeof body, "{\"link\":\"%s\"}", link);
  return sl_harness_set_origin(h, sl_harness_doc(h, body), "file:///rows", name, NULL);
}

static int32_t settle(sl_doc *doc) {
  int32_t verdict = sl_harness_verdict(h, doc);
  return verdict == SL_V_PENDING ? sl_harness_wait(h, doc, 5000) : verdict;
}

/* A URL counts as fetched when its document has ended, and not when it was lost. */
static void marks_belong_to_documents(void **state) {
  (void)state;
  sl_harness_state *kept = sl_harness_state_new();
  put_site();
  begin("page", ", url: /link", kept);
  sl_doc *one = row("http://a.example/1", "one"), *two = row("http://a.example/1#x", "two");
  assert_int_equal(sl_harness_push(h, one), SL_V_PENDING);
  assert_int_equal(sl_harness_push(h, two), SL_V_DROP); /* while the first is on its way */
  assert_int_equal(settle(one), SL_V_OK);
  sl_harness_crash(h); /* before its document has ended */
  sl_harness_free(h);
  begin("page", ", url: /link", kept);
  one = row("http://a.example/1", "one");
  assert_int_equal(sl_harness_push(h, one), SL_V_PENDING);
  assert_int_equal(settle(one), SL_V_OK);
  sl_harness_acknowledge(h, one);
  sl_harness_crash(h);
  sl_harness_free(h);
  begin("page", ", url: /link", kept);
  assert_int_equal(sl_harness_push(h, row("http://a.example/1", "three")), SL_V_DROP);
  sl_harness_set_now(h, (INT64_C(1755734400) + 8 * 86400) * SECOND);
  two = row("http://a.example/1", "two"); /* the window has passed, the page is the same */
  assert_int_equal(sl_harness_push(h, two), SL_V_PENDING);
  assert_int_equal(settle(two), SL_V_DROP);
  assert_int_equal((int)sl_harness_metric(h, "unchanged"), 1);
  sl_harness_free(h);
  begin("page", ", url: /link, window: 0, unchanged: pass", kept);
  two = row("http://a.example/1", "two");
  assert_int_equal(sl_harness_push(h, two), SL_V_PENDING);
  assert_int_equal(settle(two), SL_V_OK);
  sl_doc *out = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, out, "/http/url"), "http://a.example/1");
  assert_null(sl_harness_payload(h, out, NULL).data);
  sl_harness_free(h);
  h = NULL;
  sl_harness_state_free(kept);
}

/* What fails in passing is fetched by whoever comes next; a document's own attempt is no reason to drop it. */
static void a_failure_leaves_no_mark(void **state) {
  (void)state;
  sl_harness_state *kept = sl_harness_state_new();
  put_site();
  begin("page", ", url: /link", kept);
  sl_doc *one = row("http://a.example/5", "one"), *two = row("http://a.example/5", "two");
  assert_int_equal(sl_harness_push(h, one), SL_V_PENDING);
  assert_int_equal(settle(one), SL_V_RETRY);
  assert_int_equal(sl_harness_push(h, two), SL_V_PENDING);
  assert_int_equal(settle(two), SL_V_RETRY);
  put_exchange("http://a.example/5", 200, HTML, "at last");
  one = sl_harness_set_attempt(h, row("http://a.example/5", "one"), 2);
  assert_int_equal(sl_harness_push(h, one), SL_V_PENDING);
  assert_int_equal(settle(one), SL_V_OK);
  sl_harness_free(h);
  h = NULL;
  sl_harness_state_free(kept);
}

/* Want of memory is a retry, never a loss and never a leak. */
static void memory_may_run_out_anywhere(void **state) {
  (void)state;
  int done = 0;
  put_site();
  begin("page", ", url: /link, window: 0", NULL);
  for (uint64_t n = 1; n < 300 && !done; n++) {
    sl_doc *doc =
        sl_harness_set_origin(h, sl_harness_doc(h, "{\"link\":\"http://a.example/2\"}"), "file:///rows", "1", NULL);
    sl_harness_fail_alloc(h, n);
    int32_t verdict = sl_harness_push(h, doc);
    if (verdict == SL_V_PENDING) verdict = sl_harness_wait(h, doc, 5000);
    int failed = sl_harness_alloc_failed(h);
    if (failed && verdict != SL_V_RETRY && verdict != SL_V_OK)
      print_error("allocation %d: %d, %s\n", (int)n, (int)verdict, sl_harness_last(h).message);
    assert_true(verdict == SL_V_RETRY || verdict == SL_V_OK);
    if (verdict == SL_V_RETRY) assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
    done = !failed;
    sl_harness_advance(h, 61 * SECOND); /* a robots.txt that could not be had is asked for again */
    sl_harness_clear(h);
  }
  assert_true(done);
}

/* ---- the pages of a list ----------------------------------------------------------------------------------------- */

static uint32_t produce(sl_harness_state *kept, uint32_t *ret_rejected) {
  uint32_t n = 0, rejected = 0;
  (void)kept;
  for (int i = 0; i < 200; i++) {
    int32_t answer = sl_harness_produce(h, 1 << 20);
    if (answer == SL_P_END) break;
    assert_int_not_equal(answer, SL_V_FATAL);
    if (answer == SL_P_WAIT) sl_harness_advance(h, SECOND / 10);
  }
  n = sl_harness_count(h);
  while (sl_harness_pull_rejected(h)) rejected++;
  if (ret_rejected) *ret_rejected = rejected;
  return n;
}

#define URLS ", urls: [\"http://a.example/1\", \"http://a.example/4\", \"http://a.example/2\", \"http://a.example/3\"]"

static void reads_a_list(void **state) {
  (void)state;
  uint32_t rejected;
  put_site();
  begin("fetch_http", URLS, NULL);
  assert_int_equal(produce(NULL, &rejected), 3);
  assert_int_equal(rejected, 1);
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/id"), "http://a.example/1");
  assert_string_equal(sl_harness_string(h, doc, "/source/type"), "text/html; charset=windows-1258");
  assert_int_equal((int)sl_harness_number(h, doc, "/source/bytes", 0), 15);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/id"), "http://a.example/2");
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/id"), "http://a.example/3");
}

static void fetches_a_url_of_the_list_once(void **state) {
  (void)state;
  put_site();
  begin("fetch_http",
        ", urls: [\"http://a.example/1\", \"http://a.example/1#x\", \"HTTP://A.example:80/1?utm_source=y\"]", NULL);
  assert_int_equal(produce(NULL, NULL), 1);
  assert_int_equal((int)sl_harness_metric(h, "seen"), 2);
  sl_harness_free(h);
  begin("fetch_http", ", window: 0, urls: [\"http://a.example/1\", \"http://a.example/1#x\"]", NULL);
  assert_int_equal(produce(NULL, NULL), 2);
}

/* No URL is passed over for want of memory. */
static void a_list_without_memory(void **state) {
  (void)state;
  uint32_t rejected;
  int done = 0;
  put_site();
  for (uint64_t n = 1; n < 400 && !done; n++) {
    begin("fetch_http", URLS, NULL);
    sl_harness_fail_alloc(h, n);
    int32_t answer = SL_P_MORE;
    for (int i = 0; i < 300 && answer != SL_P_END && answer != SL_V_FATAL; i++) {
      answer = sl_harness_produce(h, 1 << 20);
      if (answer == SL_P_WAIT) sl_harness_advance(h, SECOND / 10);
    }
    done = !sl_harness_alloc_failed(h);
    if (answer == SL_V_FATAL)
      assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
    else {
      uint32_t given = sl_harness_count(h);
      for (rejected = 0; sl_harness_pull_rejected(h); rejected++) continue;
      if (given + rejected != 4) print_error("allocation %d: %d and %d\n", (int)n, (int)given, (int)rejected);
      assert_int_equal(given + rejected, 4);
    }
    sl_harness_free(h);
    h = NULL;
  }
  assert_true(done);
}

static void goes_on_after_a_crash(void **state) {
  (void)state;
  uint32_t rejected;
  sl_harness_state *kept = sl_harness_state_new();
  put_site();
  begin("fetch_http", URLS, kept);
  assert_int_equal(produce(kept, &rejected), 3);
  sl_harness_acknowledge(h, sl_harness_pull(h)); /* the first alone has come to its end */
  sl_harness_crash(h);
  sl_harness_free(h);
  begin("fetch_http", URLS, kept);
  assert_int_equal(produce(kept, &rejected), 2);
  assert_int_equal(rejected, 1);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/id"), "http://a.example/2");
  sl_harness_acknowledge_all(h);
  sl_harness_free(h);
  begin("fetch_http", URLS, kept); /* within the window: only what had no page is tried again */
  assert_int_equal(produce(kept, &rejected), 0);
  assert_int_equal(rejected, 1);
  sl_harness_acknowledge_all(h);
  sl_harness_free(h);
  begin("fetch_http", URLS ", window: 0", kept); /* the same pages */
  assert_int_equal(produce(kept, &rejected), 0);
  assert_int_equal((int)sl_harness_metric(h, "unchanged"), 3);
  sl_harness_acknowledge_all(h);
  sl_harness_free(h);
  put_exchange("http://a.example/3", 200, "HTTP/1.1 200 OK\r\n\r\n", "<html>new");
  begin("fetch_http", URLS ", window: 0", kept);
  assert_int_equal(produce(kept, &rejected), 1);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/id"), "http://a.example/3");
  sl_harness_free(h);
  h = NULL;
  sl_harness_state_free(kept);
}

static void refuses_what_cannot_be(void **state) {
  (void)state;
  static const struct {
    const char *type, *params;
  } bad[] = {{"fetch_http", "{}"},
             {"fetch_http", "{ urls: [\"http://a/\"], allow_private: [nowhere] }"},
             {"fetch_http", "{ urls: [\"http://a/\"], resolve: [\"a:b\"] }"},
             {"fetch_http", "{ urls: [\"http://a/\"], headers: { \"a b\": c } }"},
             {"fetch_http", "{ urls: [\"http://a/\"], headers: { a: \"b\\nc: d\" } }"},
             {"fetch_http", "{ urls: [\"http://a/\"], user_agent: \"/1\" }"},
             {"fetch_http", "{ urls: [\"http://a/\"], record: /tmp/a, replay: /tmp/a }"},
             {"fetch_http", "{ urls: [\"http://a/\"], proxy: \"http://a b\" }"},
             {"page", "{}"},
             {"page", "{ url: link }"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sl_harness *one = sl_harness_new(type_of(bad[i].type), bad[i].params);
    int32_t rc = sl_harness_create(one);
    if (rc == 0) print_error("accepted: %s\n", bad[i].params);
    assert_int_not_equal(rc, 0);
    assert_true(strlen(sl_harness_last(one).message) > 10);
    sl_harness_free(one);
  }
  h = sl_harness_new(type_of("fetch_http"), "{ urls: [\"http://a/\"], replay: /no/such/folder }");
  assert_int_equal(sl_harness_start(h), SL_EIO);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(reads_retry_after),
      TEST(reads_exchanges),
      TEST(keeps_what_is_known_of_a_url),
      TEST(reads_lists),
      TEST(gets_pages),
      TEST(says_why_there_is_no_page),
      TEST(gives_up_what_is_cancelled),
      TEST(marks_belong_to_documents),
      TEST(a_failure_leaves_no_mark),
      TEST(memory_may_run_out_anywhere),
      TEST(reads_a_list),
      TEST(fetches_a_url_of_the_list_once),
      TEST(a_list_without_memory),
      TEST(goes_on_after_a_crash),
      TEST(refuses_what_cannot_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
