/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests: what is taken, what is refused, and that cutting them anywhere changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/http_parse.h"

#define LIMIT 16384

static int64_t parse(const char *text, sl_http_head *ret) {
  const char *why = NULL;
  int64_t n = sl_http_head_parse(text, strlen(text), LIMIT, ret, &why);
  if (n < 0) assert_non_null(why);
  return n;
}

static void a_request_is_read(void **state) {
  (void)state;
  static const char text[] =
      "POST /api/dlq/retry?id=7&at=x HTTP/1.1\r\nHost: a\r\nCONTENT-length:  12 \r\nX-Y: \tz y\t\r\n\r\nrest";
  sl_http_head h;
  assert_int_equal(parse(text, &h), (int64_t)strlen(text) - 4);
  assert_true(sl_http_is(h.method, "POST"));
  assert_true(sl_http_is(h.target, "/api/dlq/retry?id=7&at=x"));
  assert_int_equal(h.minor, 1);
  assert_int_equal(h.keep_alive, 1);
  assert_int_equal(h.length, 12);
  assert_int_equal(h.n_headers, 3);
  sl_http_text value = sl_http_header(&h, "x-y");
  assert_true(sl_http_is(value, "z y"));
  assert_null(sl_http_header(&h, "x").data);
}

static void what_a_connection_does_next(void **state) {
  (void)state;
  sl_http_head h;
  assert_true(parse("GET / HTTP/1.0\r\n\r\n", &h) > 0);
  assert_int_equal(h.keep_alive, 0);
  assert_true(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: te, Close\r\n\r\n", &h) > 0);
  assert_int_equal(h.keep_alive, 0);
  assert_true(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", &h) > 0);
  assert_int_equal(h.keep_alive, 1);
  assert_true(parse("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n", &h) > 0);
  assert_int_equal(h.expects, 1);
}

static void bad_requests_are_refused(void **state) {
  (void)state;
  static const struct {
    int status;
    const char *text;
  } cases[] = {
      {400, "GET / HTTP/1.1\nHost: a\n\n"},
      {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {501, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\n\r\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sl_http_head h;
    int64_t n = parse(cases[i].text, &h);
    if (n != -cases[i].status) printf("case %zu: %s\n", i, cases[i].text);
    assert_int_equal(n, -cases[i].status);
  }
}

static void a_head_has_a_limit(void **state) {
  (void)state;
  static char text[40000];
  sl_http_head h;
  int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
  memset(text + n, 'x', 20000);
  memcpy(text + n + 20000, "\r\n\r\n", 5);
  assert_int_equal(parse(text, &h), -431);
  n = snprintf(text, sizeof text, "GET /");
  memset(text + n, 'x', 9000);
  memcpy(text + n + 9000, " HTTP/1.1\r\n\r\n", 14);
  assert_int_equal(parse(text, &h), -414);
  n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; i < 100; i++) n += snprintf(text + n, sizeof text - (size_t)n, "a: b\r\n");
  (void)snprintf(text + n, sizeof text - (size_t)n, "\r\n");
  assert_int_equal(parse(text, &h), -431);
}

static void every_beginning_is_incomplete(void **state) {
  (void)state;
  static const char text[] = "GET /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const char *why = NULL;
  sl_http_head h;
  for (size_t n = 0; n < strlen(text); n++) assert_int_equal(sl_http_head_parse(text, n, LIMIT, &h, &why), 0);
  assert_int_equal(sl_http_head_parse(text, strlen(text), LIMIT, &h, &why), (int64_t)strlen(text));
}

/* The body that comes out when the bytes come in pieces of `step`. Length, or the error. */
static int64_t read_body(const char *text, size_t step, const sl_http_head *h, char *out, size_t *ret_used) {
  sl_http_body b;
  size_t len = strlen(text), from = 0, n = 0;
  sl_http_body_init(&b, h);
  for (size_t have = step < len ? step : len;;) {
    size_t used = 0;
    sl_http_text piece;
    int rc = sl_http_body_next(&b, text + from, have - from, &used, &piece);
    if (rc < 0) return rc;
    memcpy(out + n, piece.data, piece.len);
    n += piece.len;
    from += used;
    *ret_used = from;
    out[n] = 0;
    if (rc == 1) return (int64_t)n;
    if (from < have && used) continue;
    if (have == len) return -1;
    have = have + step < len ? have + step : len;
  }
}

static void bodies_in_any_pieces(void **state) {
  (void)state;
  static const char text[] = "3;x=y\r\nabc\r\nA\r\n0123456789\r\n000\r\nTrailer: t\r\n\r\nGET";
  sl_http_head h = {.chunked = 1, .length = -1};
  char out[64];
  size_t used = 0;
  for (size_t step = 1; step < sizeof text; step++) {
    assert_int_equal(read_body(text, step, &h, out, &used), 13);
    assert_string_equal(out, "abc0123456789");
    assert_int_equal(used, strlen(text) - 3);
  }
  h = (sl_http_head){.length = 4};
  assert_int_equal(read_body("abcdefg", 2, &h, out, &used), 4);
  assert_string_equal(out, "abcd");
  assert_int_equal(used, 4);
  h.length = -1;
  assert_int_equal(read_body("abc", 3, &h, out, &used), 0);
}

static void bad_chunks_are_refused(void **state) {
  (void)state;
  static const char *const cases[] = {"x\r\n",
                                      "\r\n",
                                      "3\nabc\r\n0\r\n\r\n",
                                      "3\r\nabcd\r\n0\r\n\r\n",
                                      "3\r\nabc\n0\r\n\r\n",
                                      "3 \r\nabc\r\n",
                                      "1234567890abcdef0\r\n",
                                      "0\r\nA\x01: b\r\n\r\n",
                                      "-1\r\n"};
  sl_http_head h = {.chunked = 1, .length = -1};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char out[64];
    size_t used = 0;
    int64_t n = read_body(cases[i], 64, &h, out, &used);
    if (n != -400) printf("case %zu\n", i);
    assert_int_equal(n, -400);
  }
}

static void queries_are_decoded(void **state) {
  (void)state;
  static const char text[] = "stage=l%E1%BB%8Dc&x=a+b%2Bc&e=&flag&bad=%4&nul=%00&x=second";
  sl_http_text query = {text, strlen(text)};
  char buf[32];
  assert_int_equal(sl_http_query(query, "stage", buf, sizeof buf), 5);
  assert_string_equal(buf, "lọc");
  assert_int_equal(sl_http_query(query, "x", buf, sizeof buf), 5);
  assert_string_equal(buf, "a b+c");
  assert_int_equal(sl_http_query(query, "e", buf, sizeof buf), 0);
  assert_int_equal(sl_http_query(query, "flag", buf, sizeof buf), 0);
  assert_int_equal(sl_http_query(query, "sta", buf, sizeof buf), -1);
  assert_int_equal(sl_http_query(query, "bad", buf, sizeof buf), -2);
  assert_int_equal(sl_http_query(query, "nul", buf, sizeof buf), -2);
  assert_int_equal(sl_http_query(query, "x", buf, 5), -2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_is_read),
      cmocka_unit_test(what_a_connection_does_next),
      cmocka_unit_test(bad_requests_are_refused),
      cmocka_unit_test(a_head_has_a_limit),
      cmocka_unit_test(every_beginning_is_incomplete),
      cmocka_unit_test(bodies_in_any_pieces),
      cmocka_unit_test(bad_chunks_are_refused),
      cmocka_unit_test(queries_are_decoded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
