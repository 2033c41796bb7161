/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of fetch_listen: what a request means, and the server over real sockets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <sluice/harness.h>

#include "intake.h"

#define SECOND INT64_C(1000000000)
#define PATIENCE 20 /* seconds of real time for what must come */

static sl_harness *h;
static int port;

static int clear(void **state) {
  (void)state;
  h = NULL;
  return 0;
}

static int drop(void **state) {
  (void)state;
  sl_harness_free(h);
  return 0;
}

/* ---- plain functions ---- */

static void json_case(const char *text, int valid) {
  listen_error error = {0};
  size_t end = listen_json_value(text, strlen(text), 0, &error);
  int found = end && listen_json_space(text, strlen(text), end) == strlen(text);
  if (found != valid) print_message("%s: %s at %zu\n", text, error.why ? error.why : "", error.at);
  assert_int_equal(found, valid);
}

static void checks_json(void **state) {
  (void)state;
  static const char *const good[] = {"{}",
                                     "[]",
                                     " [1, -0, 0.5, 1e5, 1E-5, 12345678901234567890] ",
                                     "{\"a\":{\"b\":[{},[],null,true,false,\"x\"]}}",
                                     "\"\\u00e0\\ud83d\\ude00\\n\\/\"",
                                     "\"chữ\"",
                                     "{\"a\":1,\"a\":2}"};
  static const char *const bad[] = {"",
                                    "{",
                                    "[1,]",
                                    "{\"a\":}",
                                    "{\"a\" 1}",
                                    "{a:1}",
                                    "[01]",
                                    "[1.]",
                                    "[1e]",
                                    "[-]",
                                    "[+1]",
                                    "1e400",
                                    "\"\x01\"",
                                    "\"a\nb\"",
                                    "\"\\x\"",
                                    "\"\\u12\"",
                                    "\"\\u0000\"",
                                    "\"\\ud800\"",
                                    "\"\\udc00\"",
                                    "\"\\ud800\\u0041\"",
                                    "\"\xFF\"",
                                    "\"\xC0\x80\"",
                                    "\"\xED\xA0\x80\"",
                                    "\"\xF5\x80\x80\x80\"",
                                    "nul",
                                    "truE",
                                    "[1 2]",
                                    "{\"a\":1 \"b\":2}",
                                    "\"open",
                                    "{} x"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) json_case(good[i], 1);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) json_case(bad[i], 0);
  char deep[1100];
  memset(deep, '[', 513);
  memset(deep + 513, ']', 513);
  deep[1026] = '\0';
  json_case(deep, 0);
  memmove(deep, deep + 1, 1024);
  deep[1024] = '\0';
  json_case(deep, 1);
}

static void records_case(int kind, const char *text, int rc, size_t n, uint64_t line, size_t byte) {
  listen_records r;
  listen_error error = {0};
  int found = listen_find_records(kind, text, strlen(text), 3, &r, &error);
  if (found != rc || r.n != n || (rc == -400 && (r.line != line || error.at != byte)))
    print_message("%s: %d, %zu records, line %d, byte %zu, %s\n", text, found, r.n, (int)r.line, error.at,
                  error.why ? error.why : "");
  assert_int_equal(found, rc);
  if (rc == 0) assert_int_equal(r.n, n);
  if (rc == -400) {
    assert_int_equal(r.line, line);
    assert_int_equal(error.at, byte);
  }
  free(r.items);
}

static void finds_records(void **state) {
  (void)state;
  records_case(LISTEN_JSON, "{\"a\":1}", 0, 1, 0, 0);
  records_case(LISTEN_JSON, "\xEF\xBB\xBF {\"a\":1}\r\n", 0, 1, 0, 0);
  records_case(LISTEN_JSON, "[]", 0, 0, 0, 0);
  records_case(LISTEN_JSON, "[{},{\"a\":[]} , {}]", 0, 3, 0, 0);
  records_case(LISTEN_JSON, "[{},{},{},{}]", -413, 3, 0, 0);
  records_case(LISTEN_JSON, "", -400, 0, 1, 0);
  records_case(LISTEN_JSON, "7", -400, 0, 1, 0);
  records_case(LISTEN_JSON, "{}\n{}", -400, 0, 2, 3);
  records_case(LISTEN_JSON, "[{},\n7]", -400, 1, 2, 5);
  records_case(LISTEN_JSON, "[{},]", -400, 1, 1, 4);
  records_case(LISTEN_JSON, "[{}", -400, 1, 1, 3);
  records_case(LISTEN_JSON, "[{},", -400, 1, 1, 4);
  records_case(LISTEN_JSON, "[{}]x", -400, 1, 1, 4);
  records_case(LISTEN_JSON, "{\"a\":\n\n oops}", -400, 0, 3, 8);
  records_case(LISTEN_LINES, "{\"a\":1}\n\r\n {\"b\":2} \r\n{}", 0, 3, 0, 0);
  records_case(LISTEN_LINES, "{}\n[1]\n", -400, 1, 2, 3);
  records_case(LISTEN_LINES, "{}\n{\"a\":\n1}", -400, 1, 2, 8);
  records_case(LISTEN_LINES, "{} {}", -400, 0, 1, 3);
  records_case(LISTEN_LINES, "\n \n", -400, 0, 0, 0);
}

static void knows_addresses(void **state) {
  (void)state;
  assert_int_equal(listen_is_local("127.0.0.1:8080"), 1);
  assert_int_equal(listen_is_local("127.1.2.3:0"), 1);
  assert_int_equal(listen_is_local("localhost:80"), 1);
  assert_int_equal(listen_is_local("[::1]:80"), 1);
  assert_int_equal(listen_is_local("unix:/run/x"), 1);
  assert_int_equal(listen_is_local("0.0.0.0:80"), 0);
  assert_int_equal(listen_is_local("[::]:80"), 0);
  assert_int_equal(listen_is_local("127.0.0.1.example.org:80"), 0);
  assert_int_equal(listen_is_local("host:80"), 0);
  assert_int_equal(listen_is_local("host"), -1);
  assert_int_equal(listen_is_local(":80"), -1);
  assert_int_equal(listen_is_local("host:"), -1);
  assert_int_equal(listen_is_local("host:99999"), -1);
  assert_int_equal(listen_is_local("::1:80"), -1);
  assert_int_equal(listen_is_local("unix:x"), -1);
}

/* ---- a client ---- */

static void begin(const char *more) {
  char params[600];
  snprintf(params, sizeof params, "{ listen: \"127.0.0.1:0\"%s }", more);
  h = sl_harness_new(sluice_plugin()->types[0], params);
  int32_t rc = sl_harness_start(h);
  if (rc) print_message("%s: %s\n", params, sl_harness_last(h).message);
  assert_int_equal(rc, 0);
  const char *at = strstr(sl_harness_log(h), "listening on 127.0.0.1:");
  assert_non_null(at);
  port = atoi(at + strlen("listening on 127.0.0.1:"));
  assert_int_equal(sl_harness_produce(h, 1000), SL_P_WAIT);
}

static int dial(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static int64_t real_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* Sends everything, turning the loop. 0, or -1 when the server closed. */
static int say_bytes(int fd, const char *data, size_t len) {
  int64_t until = real_now() + PATIENCE * SECOND;
  while (len > 0) {
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
    if (n > 0) {
      data += n;
      len -= (size_t)n;
    } else if (errno != EAGAIN) {
      return -1;
    }
    sl_harness_pump(h, 1);
    assert_true(real_now() < until);
  }
  return 0;
}

static int say(int fd, const char *text) { return say_bytes(fd, text, strlen(text)); }

static char got[65536]; /* the last answer with its head */

/* Reads one answer into got. Its status; 0 when the server closed without one. */
static int hear(int fd) {
  int64_t until = real_now() + PATIENCE * SECOND;
  size_t n = 0;
  for (;;) {
    ssize_t r = recv(fd, got + n, 1, 0); /* byte by byte, so that nothing of a next answer is taken */
    if (r == 0 || (r < 0 && errno != EAGAIN)) return 0;
    if (r < 0) {
      sl_harness_pump(h, 5);
      if (real_now() >= until) print_message("no answer; log:\n%s", sl_harness_log(h));
      assert_true(real_now() < until);
      continue;
    }
    got[++n] = '\0';
    char *end = strstr(got, "\r\n\r\n");
    if (!end) continue;
    int status = atoi(got + 9);
    char *length = strstr(got, "Content-Length: ");
    size_t want = (size_t)(end + 4 - got) + (length ? (size_t)atoi(length + 16) : 0);
    if (n == want || status == 100) return status;
  }
}

/* 1 if the server closes the connection (what still comes is thrown away). */
static int closes(int fd) {
  int64_t until = real_now() + PATIENCE * SECOND;
  char scrap[4096];
  for (;;) {
    ssize_t r = recv(fd, scrap, sizeof scrap, 0);
    if (r == 0 || (r < 0 && errno != EAGAIN)) return 1;
    if (r < 0) sl_harness_pump(h, 5);
    if (real_now() >= until) return 0;
  }
}

static const char *request(const char *headers, const char *body) {
  static char out[8192];
  snprintf(out, sizeof out, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n%s", strlen(body),
           headers, body);
  return out;
}

#define JSON "Content-Type: application/json\r\n"
#define LINES "Content-Type: application/x-ndjson\r\n"

/* One request on a connection of its own. */
static void expect(const char *text, int status, const char *part) {
  int fd = dial();
  say(fd, text);
  int found = hear(fd);
  if (found != status || (part && !strstr(got, part))) print_message("%.200s\n-> %s\n", text, got);
  assert_int_equal(found, status);
  if (part) assert_non_null(strstr(got, part));
  close(fd);
  sl_harness_pump(h, 0);
}

static void settle(void) {
  for (int i = 0; i < 5; i++) sl_harness_pump(h, 2);
}

/* ---- the stage ---- */

static void takes_documents(void **state) {
  (void)state;
  begin("");
  int fd = dial();
  say(fd, request(JSON "X-Document-Id: bài-1\r\n", "{\"id\":\"1\",\"n\":9007199254740993}"));
  assert_int_equal(hear(fd), 202);
  assert_non_null(strstr(got, "{\"accepted\":1}"));
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_text(h, doc), "{\"id\":\"1\",\"n\":9007199254740993}");
  assert_string_equal(sl_harness_origin(h, doc).uri, "push:bài-1");
  assert_null(sl_harness_origin(h, doc).locator);
  say(fd, request(JSON "Idempotency-Key: \"k\"\r\n", "[{\"id\":\"a\"},{\"id\":\"b\"}]")); /* the connection goes on */
  assert_int_equal(hear(fd), 202);
  assert_non_null(strstr(got, "{\"accepted\":2}"));
  doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_origin(h, doc).uri, "push:k");
  assert_string_equal(sl_harness_origin(h, doc).locator, "0");
  doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_origin(h, doc).locator, "1");
  say(fd,
      request(LINES "Content-Location: https://x.vn/a\r\nX-Document-Id: d\r\n", "{\"id\":\"c\"}\r\n\n{\"id\":\"d\"}"));
  assert_int_equal(hear(fd), 202);
  doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_origin(h, doc).uri, "https://x.vn/a");
  assert_string_equal(sl_harness_origin(h, doc).locator, "id=d/line=1");
  doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_origin(h, doc).locator, "id=d/line=3");
  say(fd, request(JSON, "[]"));
  assert_int_equal(hear(fd), 202);
  assert_non_null(strstr(got, "{\"accepted\":0}"));
  assert_null(sl_harness_pull(h));
  close(fd);
}

static void takes_pages(void **state) {
  (void)state;
  begin(", accept: pages");
  int fd = dial();
  say(fd, "POST /documents?uri=https%3A%2F%2Fx.vn%2Fb%C3%A0i HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nContent-Type: "
          "Text/HTML; charset=Windows-1258\r\n\r\n<p>x</p>");
  assert_int_equal(hear(fd), 202);
  sl_doc *doc = sl_harness_pull(h);
  const char *type;
  sl_bytes payload = sl_harness_payload(h, doc, &type);
  assert_int_equal(payload.len, 8);
  assert_memory_equal(payload.data, "<p>x</p>", 8);
  assert_string_equal(type, "text/html; charset=windows-1258");
  assert_string_equal(sl_harness_origin(h, doc).uri, "https://x.vn/bài");
  assert_string_equal(sl_harness_string(h, doc, "/source/type"), "text/html");
  assert_string_equal(sl_harness_string(h, doc, "/source/fetched"), "2025-08-21T00:00:00Z");
  assert_string_equal(sl_harness_string(h, doc, "/source/bytes"), "8");
  assert_int_equal(strlen(sl_harness_string(h, doc, "/id")), 32);
  close(fd);
  expect(request(JSON, "{}"), 415, "text/plain or text/html");
  expect(request("Content-Type: text/plain\r\n", ""), 400, "empty");
}

/* The same name is the same record, whatever came in between. */
static void one_name_is_one_record(void **state) {
  (void)state;
  begin("");
  expect(request(JSON "X-Document-Id: a\r\n", "{\"v\":1}"), 202, NULL);
  expect(request(JSON "X-Document-Id: a\r\n", "{\"v\":2}"), 202, NULL);
  expect(request(JSON "X-Document-Id: b\r\n", "{\"v\":2}"), 202, NULL);
  expect(request(JSON, "{\"v\":2}"), 202, NULL);
  expect(request(JSON, "{\"v\":2}"), 202, NULL);
  sl_doc *a1 = sl_harness_pull(h), *a2 = sl_harness_pull(h), *b = sl_harness_pull(h), *x = sl_harness_pull(h),
         *y = sl_harness_pull(h);
  assert_string_equal(sl_harness_key(h, a1), sl_harness_key(h, a2));
  assert_string_not_equal(sl_harness_origin(h, a1).revision, sl_harness_origin(h, a2).revision);
  assert_string_equal(sl_harness_origin(h, a2).revision, sl_harness_origin(h, b).revision);
  assert_string_not_equal(sl_harness_key(h, a1), sl_harness_key(h, b));
  assert_string_not_equal(sl_harness_key(h, x), sl_harness_key(h, y));
}

static void refuses_with_a_reason(void **state) {
  (void)state;
  begin(", max_bytes: 100, max_documents: 2");
  expect(request(LINES, "{\"a\":1}\n{\"a\":\n"), 400, "\"line\":2,\"byte\":13");
  expect(request(JSON, "[{},oops]"), 400, "\"byte\":4");
  expect(request(JSON, "{\"a\":\"\\u0000\"}"), 400, "\\\\u0000 is not accepted");
  expect(request(JSON, ""), 400, "empty");
  expect(request(JSON, "[{},{},{}]"), 413, "max_documents");
  expect(request(JSON "X-Document-Id: a\r\nX-Document-Id: b\r\n", "{}"), 400, "X-Document-Id");
  expect(request(JSON "X-Document-Id: \xFF\r\n", "{}"), 400, "UTF-8");
  expect(request("Content-Type: image/png\r\n", "x"), 415, "expected Content-Type");
  expect(request("", "{}"), 415, NULL);
  expect(request("Content-Type: application/json; charset=windows-1258\r\n", "{}"), 415, "UTF-8");
  expect(request("Content-Type: application/json; charset=\"UTF-8\"\r\n", "{}"), 202, NULL);
  expect(request(JSON "Content-Encoding: gzip\r\n", "{}"), 415, "Content-Encoding");
  expect(request(JSON "Origin: https://evil.example\r\n", "{}"), 403, "token");
  expect("POST /documents HTTP/1.1\r\nHost: x\r\n" JSON "\r\n", 411, NULL);
  expect("POST /documents HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n" JSON "\r\n", 413, "max_bytes");
  expect("GET /documents HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: POST");
  expect("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "Allow: GET");
  expect("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404, NULL);
  expect("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200, "{\"status\":\"ok\"}");
  expect("GET / HTTP/1.1\r\n\r\n", 400, "Host");
  expect("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, NULL);
  expect("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, NULL);
  expect("\x16\x03\x01\x02\r\n\r\n", 400, NULL); /* TLS */
  expect("GET / HTTP/1.1\nHost: x\n\n", 400, NULL);
  assert_int_equal(sl_harness_count(h), 1);
  int fd = dial();
  say(fd, "HEAD /healthz HTTP/1.0\r\n\r\n");
  assert_true(closes(fd));
  close(fd);
}

static void heads_have_a_limit(void **state) {
  (void)state;
  begin("");
  char *big = malloc(70000);
  memset(big, 'x', 70000);
  memcpy(big, "GET /healthz HTTP/1.1\r\nHost: x\r\nA: ", 35);
  memcpy(big + 69990, "\r\n\r\n", 5);
  int fd = dial();
  say(fd, big);
  assert_int_equal(hear(fd), 431);
  assert_true(closes(fd));
  close(fd);
  memset(big, 'x', 70000);
  memcpy(big, "GET /", 5);
  memcpy(big + 9000, " HTTP/1.1\r\nHost: x\r\n\r\n", 23);
  expect(big, 414, NULL);
  free(big);
  char many[8192] = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 100; i++) strcat(many, "A: b\r\n");
  strcat(many, "\r\n");
  expect(many, 431, "too many headers");
}

static void chunks_and_pieces(void **state) {
  (void)state;
  begin(", max_bytes: 200000");
  static const char chunked[] = "POST /documents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" JSON
                                "\r\n4;x=y\r\n{\"a\"\r\n7\r\n:\"xin\"}\r\n0\r\nTrailer: 1\r\n\r\n";
  /* Cut at every byte. */
  for (size_t cut = 1; cut < sizeof chunked - 1; cut++) {
    int fd = dial();
    say_bytes(fd, chunked, cut);
    settle();
    say_bytes(fd, chunked + cut, sizeof chunked - 1 - cut);
    assert_int_equal(hear(fd), 202);
    sl_doc *doc = sl_harness_pull(h);
    assert_non_null(doc);
    assert_string_equal(sl_harness_text(h, doc), "{\"a\":\"xin\"}");
    close(fd);
  }
  expect("POST /documents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" JSON "\r\nzz\r\n", 400, "chunks");
  expect("POST /documents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n" JSON "\r\n{}",
         400, NULL);
  char *big = malloc(300000);
  int n =
      snprintf(big, 300, "POST /documents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" JSON "\r\n493e0\r\n");
  memset(big + n, ' ', 299000);
  int fd = dial();
  say_bytes(fd, big, 299000); /* a chunk of 300000 bytes, more than max_bytes: found out while it comes */
  assert_int_equal(hear(fd), 413);
  close(fd);
  free(big);
}

static void requests_behind_each_other(void **state) {
  (void)state;
  begin("");
  char two[4096];
  size_t n = (size_t)snprintf(two, sizeof two, "%s", request(JSON, "{\"id\":\"1\"}"));
  snprintf(two + n, sizeof two - n, "%sGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", request(JSON, "{\"id\":\"2\"}"));
  int fd = dial();
  say(fd, two);
  assert_int_equal(hear(fd), 202);
  assert_int_equal(hear(fd), 202);
  assert_int_equal(hear(fd), 200);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/id"), "1");
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/id"), "2");
  say(fd, "POST /documents HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" JSON "\r\n");
  assert_int_equal(hear(fd), 100);
  say(fd, "{}");
  assert_int_equal(hear(fd), 202);
  say(fd, "POST /documents HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n" JSON "\r\n");
  assert_int_equal(hear(fd), 413); /* before the body is sent */
  assert_true(closes(fd));
  close(fd);
  fd = dial();
  say(fd, request(JSON "Connection: close\r\n", "{}"));
  shutdown(fd, SHUT_WR); /* a client that is done speaking still hears the answer */
  assert_int_equal(hear(fd), 202);
  assert_true(closes(fd));
  close(fd);
}

static void answers_when_it_is_on_disk(void **state) {
  (void)state;
  begin("");
  sl_harness_spool_mode(h, SL_HARNESS_SPOOL_HOLD);
  int fd = dial(), gone = dial();
  say(fd, request(JSON, "{\"id\":\"1\"}"));
  say(gone, request(JSON, "{\"id\":\"2\"}"));
  settle();
  assert_int_equal(sl_harness_spooled(h), 2);
  char c;
  assert_int_equal(recv(fd, &c, 1, 0), -1); /* no answer yet */
  close(gone);                              /* its document is kept all the same */
  settle();
  sl_harness_spool_mode(h, 0);
  assert_int_equal(hear(fd), 202);
  assert_int_equal(sl_harness_count(h), 2);
  sl_harness_spool_mode(h, SL_HARNESS_SPOOL_HOLD);
  say(fd, request(JSON, "{\"id\":\"3\"}"));
  settle();
  sl_harness_spool_fail(h, SL_EIO);
  assert_int_equal(hear(fd), 503);
  assert_non_null(strstr(got, "Retry-After: "));
  sl_harness_spool_mode(h, SL_ELIMIT);
  say(fd, request(JSON, "{\"id\":\"4\"}"));
  assert_int_equal(hear(fd), 429);
  assert_non_null(strstr(got, "Retry-After: 1"));
  sl_harness_spool_mode(h, SL_ESTATE);
  say(fd, request(JSON, "{\"id\":\"5\"}"));
  assert_int_equal(hear(fd), 503);
  sl_harness_spool_mode(h, 0);
  say(fd, request(JSON, "{\"id\":\"6\"}"));
  assert_int_equal(hear(fd), 202);
  assert_int_equal(sl_harness_count(h), 3);
  close(fd);
}

static void tokens(void **state) {
  (void)state;
  begin(", token: s3cret");
  expect(request(JSON, "{}"), 401, "WWW-Authenticate: Bearer");
  expect(request(JSON "Authorization: Bearer s3cre\r\n", "{}"), 401, NULL);
  expect(request(JSON "Authorization: Bearer s3crets\r\n", "{}"), 401, NULL);
  expect(request(JSON "Authorization: Bearer \r\n", "{}"), 401, NULL);
  expect(request(JSON "Authorization: Basic s3cret\r\n", "{}"), 401, NULL);
  expect(request(JSON "Authorization: Bearer s3cret\r\nAuthorization: Bearer x\r\n", "{}"), 401, NULL);
  expect("GET /what HTTP/1.1\r\nHost: x\r\n\r\n", 401, NULL);
  expect("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200, NULL);
  assert_int_equal(sl_harness_count(h), 0);
  expect(request(JSON "Authorization: bearer s3cret\r\nOrigin: https://x\r\n", "{}"), 202, NULL);
}

static void refuses_what_cannot_be(void **state) {
  (void)state;
  const char *const bad[] = {"{ listen: \"0.0.0.0:80\" }", "{ listen: \"[::]:80\" }", "{ listen: \"80\" }",
                             "{ path: documents }",        "{ path: /healthz }",      "{ token: \"a b\" }",
                             "{ token: \"\\n\" }"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sl_harness *one = sl_harness_new(sluice_plugin()->types[0], bad[i]);
    int32_t rc = sl_harness_create(one);
    if (!rc) print_message("%s was accepted\n", bad[i]);
    assert_int_not_equal(rc, 0);
    assert_true(strlen(sl_harness_last(one).message) > 10);
    sl_harness_free(one);
  }
  h = sl_harness_new(sluice_plugin()->types[0], "{ listen: \"0.0.0.0:0\", token: \"x\\n\" }");
  assert_int_equal(sl_harness_create(h), 0);
}

static void slow_clients_are_cut_off(void **state) {
  (void)state;
  begin(", head_time: 10s, idle_time: 30s, min_rate: 100");
  int idle = dial(), head = dial(), body = dial(), slow = dial();
  settle();
  say(head, "POST /doc");
  say(body, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n" JSON "\r\n{");
  say(slow, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n" JSON "\r\n{");
  settle();
  for (int i = 0; i < 4; i++) { /* a byte now and then is not enough */
    sl_harness_advance(h, 2 * SECOND);
    say(slow, " ");
    say(head, "u");
    settle();
  }
  assert_int_equal(hear(slow), 408);
  assert_true(closes(slow));
  sl_harness_advance(h, 3 * SECOND);
  assert_int_equal(hear(head), 408);
  assert_int_equal(hear(body), 408);
  char c;
  assert_int_equal(recv(idle, &c, 1, 0), -1);
  assert_int_equal(errno, EAGAIN);
  sl_harness_advance(h, 30 * SECOND);
  assert_true(closes(idle));
  assert_int_equal(sl_harness_count(h), 0);
  close(idle);
  close(head);
  close(body);
  close(slow);
}

/* Byte by byte, from many at once. */
static void a_crowd(void **state) {
  (void)state;
  begin(", max_connections: 50");
  int fds[60];
  for (int i = 0; i < 60; i++) {
    fds[i] = dial();
    sl_harness_pump(h, 1);
  }
  settle();
  assert_int_equal((int)sl_harness_metric(h, "connections"), 50); /* the ten that were idle for longest gave way */
  for (int i = 0; i < 10; i++) assert_true(closes(fds[i]));
  const char *text = request(JSON, "{\"id\":\"x\"}");
  size_t n = strlen(text);
  for (size_t at = 0; at < n; at++)
    for (int i = 10; i < 60; i++) assert_int_equal(send(fds[i], text + at, 1, MSG_NOSIGNAL), 1);
  int busy = dial(); /* all have a request now */
  for (int i = 10; i < 60; i++) assert_int_equal(hear(fds[i]), 202);
  assert_int_equal(sl_harness_count(h), 50);
  for (int i = 10; i < 60; i++) say(fds[i], "POST /documents HTTP/1.1\r\n");
  settle();
  assert_true(closes(busy));
  expect("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 503, "too many connections");
  for (int i = 0; i < 60; i++) close(fds[i]);
  close(busy);
  settle();
  expect("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200, NULL);
}

static void bodies_have_a_bound_together(void **state) {
  (void)state;
  begin(", max_buffer: 100000");
  int a = dial(), b = dial();
  char *big = malloc(70000);
  memset(big, ' ', 70000);
  say(a, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Length: 70002\r\n" JSON "\r\n");
  say_bytes(a, big, 60000);
  settle();
  say(b, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Length: 70002\r\n" JSON "\r\n");
  say_bytes(b, big, 60000);
  assert_int_equal(hear(b), 503);
  close(b);
  free(big);
  close(a);
  settle();
  expect(request(JSON, "{}"), 202, NULL);
}

/* The port stays, and those who were half-way are told. */
static void stops_and_starts_on_its_port(void **state) {
  (void)state;
  begin("");
  int idle = dial(), half = dial(), whole = dial();
  settle();
  say(half, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n" JSON "\r\n{\"a\"");
  settle();
  const char *text = request(JSON, "{\"id\":\"w\"}");
  say(whole, text);
  sl_harness_stop(h);
  assert_int_equal(hear(half), 503);
  assert_int_equal(hear(whole), 202); /* its body had come */
  assert_int_equal(sl_harness_count(h), 1);
  assert_true(closes(idle));
  assert_true(closes(half));
  assert_int_equal(sl_harness_watches(h), 0);
  assert_int_equal(sl_harness_timers(h), 0);
  int waiting = dial(); /* in the backlog while nobody listens */
  send(waiting, text, strlen(text), MSG_NOSIGNAL);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(hear(waiting), 202);
  close(idle);
  close(half);
  close(whole);
  close(waiting);
}

static void warns_without_a_state(void **state) {
  (void)state;
  h = sl_harness_new(sluice_plugin()->types[0], "{ listen: \"127.0.0.1:0\" }");
  sl_harness_spool_durable(h, 0);
  assert_int_equal(sl_harness_start(h), 0);
  assert_non_null(strstr(sl_harness_log(h), "without state"));
}

static void listens_on_a_socket_file(void **state) {
  (void)state;
  char dir[] = "/tmp/sluice-listen-XXXXXX", params[200];
  assert_non_null(mkdtemp(dir));
  snprintf(params, sizeof params, "{ listen: \"unix:%s/s\" }", dir);
  h = sl_harness_new(sluice_plugin()->types[0], params);
  assert_int_equal(sl_harness_start(h), 0);
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  snprintf(a.sun_path, sizeof a.sun_path, "%s/s", dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  say(fd, request(JSON, "{}"));
  assert_int_equal(hear(fd), 202);
  close(fd);
  sl_harness_free(h);
  h = NULL;
  assert_int_equal(rmdir(dir), 0);
}

static unsigned descriptors(void) {
  unsigned n = 0;
  DIR *d = opendir("/proc/self/fd");
  while (d && readdir(d)) n++;
  if (d) closedir(d);
  return n;
}

/* Want of memory is an answer, never a loss and never a leak. */
static void memory_may_run_out_anywhere(void **state) {
  (void)state;
  begin("");
  unsigned before = descriptors();
  for (uint64_t nth = 1; nth < 60; nth++) {
    int fd = dial();
    settle();
    sl_harness_fail_alloc(h, nth);
    uint32_t had = sl_harness_count(h);
    say(fd, request(nth % 2 ? JSON : "Content-Type: text/plain\r\n", "{\"id\":\"1\"}"));
    int status = hear(fd);
    int failed = sl_harness_alloc_failed(h);
    const char *problem = sl_harness_take_problem(h);
    if (problem) assert_non_null(strstr(problem, "memory"));
    if (status != 202 && status != 503) print_message("allocation %d: %d\n", (int)nth, status);
    assert_true(status == 202 || status == 503);
    if (!problem) assert_int_equal(sl_harness_count(h) - had, status == 202);
    close(fd);
    settle();
    if (!failed && nth > 4) break;
  }
  assert_int_equal(descriptors(), before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clear, drop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(checks_json),
      TEST(finds_records),
      TEST(knows_addresses),
      TEST(takes_documents),
      TEST(takes_pages),
      TEST(one_name_is_one_record),
      TEST(refuses_with_a_reason),
      TEST(heads_have_a_limit),
      TEST(chunks_and_pieces),
      TEST(requests_behind_each_other),
      TEST(answers_when_it_is_on_disk),
      TEST(tokens),
      TEST(refuses_what_cannot_be),
      TEST(slow_clients_are_cut_off),
      TEST(a_crowd),
      TEST(bodies_have_a_bound_together),
      TEST(stops_and_starts_on_its_port),
      TEST(warns_without_a_state),
      TEST(listens_on_a_socket_file),
      TEST(memory_may_run_out_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
