/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: pipelined requests, limits, slow clients, streams; and the sockets it listens on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"
#include "obs/http.h"
#include "obs/listen.h"

static char folder[64], path[96];
static uv_loop_t loop;
static uv_async_t wake;
static sl_http *http;
static pthread_t thread;
static int stopping;
static uint64_t gone_id;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Echoes the body; /stream sends without end; /never never answers. */
static void handle(void *user, const sl_http_request *req) {
  (void)user;
  if (sl_http_is(req->path, "/stream")) {
    static char block[65536];
    memset(block, 'x', sizeof block);
    sl_http_stream(http, req->id, "text/plain");
    while (sl_http_stream_add(http, req->id, block, sizeof block) < 8 * sizeof block) {
    }
    return;
  }
  if (sl_http_is(req->path, "/two")) {
    sl_http_stream(http, req->id, "text/plain");
    (void)sl_http_stream_add(http, req->id, "one\n", 4);
    (void)sl_http_stream_add(http, req->id, "two\n", 4);
    sl_http_stream_end(http, req->id);
    return;
  }
  if (sl_http_is(req->path, "/never")) return;
  if (req->path.len > 2) {
    sl_http_answer(http, req->id, 404, "text/plain", NULL, "", 0);
    return;
  }
  sl_http_answer(http, req->id, 200, "text/plain", NULL, req->body.data, req->body.len);
}

static int admit(void *user, int local, const sl_http_head *head) {
  (void)user;
  (void)local;
  return sl_http_is(head->target, "/secret") ? 401 : 0;
}

static void gone(void *user, uint64_t id) {
  (void)user;
  pthread_mutex_lock(&lock);
  gone_id = id;
  pthread_mutex_unlock(&lock);
}

static void on_wake(uv_async_t *h) {
  (void)h;
  if (!stopping) return;
  sl_http_close(http);
  uv_close((uv_handle_t *)&wake, NULL);
}

static void *serve(void *arg) {
  (void)arg;
  (void)uv_run(&loop, UV_RUN_DEFAULT);
  return NULL;
}

static int start(void **state) {
  sl_err err;
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/sluice-http-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  (void)snprintf(path, sizeof path, "%s/s.sock", folder);
  sl_http_opts opts = {.connections = 8,
                       .body = 100000,
                       .head_ns = 400 * SL_TIME_MS,
                       .body_ns = 400 * SL_TIME_MS,
                       .idle_ns = 60 * SL_TIME_S,
                       .send_ns = 400 * SL_TIME_MS,
                       .admit = admit,
                       .handle = handle,
                       .gone = gone};
  stopping = 0;
  if (uv_loop_init(&loop) || uv_async_init(&loop, &wake, on_wake)) return -1;
  if (sl_http_new(&loop, &opts, &http, &err) || sl_http_listen_unix(http, path, &err)) return -1;
  return pthread_create(&thread, NULL, serve, NULL);
}

static int stop(void **state) {
  (void)state;
  stopping = 1;
  uv_async_send(&wake);
  pthread_join(thread, NULL);
  int rc = uv_loop_close(&loop); /* a handle that was left open fails here */
  sl_listen_unlink(path);
  (void)rmdir(folder);
  return rc;
}

static int dial(void) {
  int fd = -1;
  sl_err err;
  if (sl_connect_unix(path, &fd, &err) != 0) fail_msg("%s", err.message);
  return fd;
}

static void send_text(int fd, const char *text) {
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Everything until the other side hangs up. [own] */
static char *receive_all(int fd) {
  sl_buf buf = {0};
  for (;;) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 30000), 1);
    assert_int_equal(sl_buf_reserve(&buf, 65536), 0);
    ssize_t n = recv(fd, buf.data + buf.len, 65536, 0);
    if (n <= 0) break;
    buf.len += (size_t)n;
  }
  (void)sl_buf_addc(&buf, 0);
  close(fd);
  return sl_buf_take(&buf, NULL);
}

static char *ask(const char *request) {
  int fd = dial();
  send_text(fd, request);
  return receive_all(fd);
}

static void expect(const char *request, const char *status, const char *part) {
  char *answer = ask(request);
  if (strncmp(answer, status, strlen(status)) != 0 || !strstr(answer, part)) fail_msg("found: %s", answer);
  sl_mem_free(answer);
}

static size_t count(const char *text, const char *word) {
  size_t n = 0;
  for (const char *p = text; (p = strstr(p, word)); p++) n++;
  return n;
}

/* ---- tests ---- */

static void requests_in_one_packet_are_answered_in_order(void **state) {
  (void)state;
  char *answer = ask("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
                     "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
                     "GET /two HTTP/1.1\r\nHost: x\r\n\r\n"
                     "HEAD /c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthree");
  assert_int_equal(count(answer, "HTTP/1.1 200 OK\r\n"), 4);
  assert_non_null(strstr(answer, "\r\n\r\noneHTTP/1.1"));
  assert_non_null(strstr(answer, "\r\n\r\ntwoHTTP/1.1"));
  assert_non_null(strstr(answer, "\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\nHTTP/1.1"));
  assert_non_null(strstr(answer, "Content-Length: 5\r\n"));
  assert_null(strstr(answer, "three"));
  sl_mem_free(answer);
}

static void a_request_byte_by_byte(void **state) {
  (void)state;
  static const char text[] = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
  int fd = dial();
  for (const char *p = text; *p; p++) assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
  char *answer = receive_all(fd);
  assert_non_null(strstr(answer, "\r\n\r\nhello"));
  sl_mem_free(answer);
}

static void a_large_body_in_pieces(void **state) {
  (void)state;
  char piece[1001];
  memset(piece, 'x', sizeof piece - 1);
  piece[1000] = 0;
  int fd = dial();
  send_text(fd, "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 90000\r\n\r\n");
  for (int i = 0; i < 90; i++) send_text(fd, piece);
  char *answer = receive_all(fd);
  assert_true(strncmp(answer, "HTTP/1.1 200 ", 13) == 0);
  assert_int_equal(strlen(strstr(answer, "\r\n\r\n")), 90004);
  sl_mem_free(answer);
}

static void who_hangs_up_half_is_answered(void **state) {
  (void)state;
  int fd = dial();
  send_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  char *answer = receive_all(fd);
  assert_non_null(strstr(answer, "\r\n\r\nhello"));
  sl_mem_free(answer);
}

static void an_expectation_is_met(void **state) {
  (void)state;
  int fd = dial();
  char first[64] = "";
  send_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n");
  assert_int_equal(recv(fd, first, 25, MSG_WAITALL), 25);
  assert_string_equal(first, "HTTP/1.1 100 Continue\r\n\r\n");
  send_text(fd, "ok");
  char *answer = receive_all(fd);
  assert_non_null(strstr(answer, "\r\n\r\nok"));
  sl_mem_free(answer);
}

static void bad_and_large_requests_are_refused(void **state) {
  (void)state;
  expect("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "there is no Host");
  expect("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n", "HTTP/1.1 413 ", "too large");
  expect("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 ", "not well-formed");
  expect("POST /secret HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 401 ", "WWW-Authenticate: Bearer");
  sl_buf big = {0};
  (void)sl_buf_addstr(&big, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 100; i++) (void)sl_buf_addf(&big, "800\r\n%02048d\r\n", i);
  expect(big.data, "HTTP/1.1 413 ", "too large");
  sl_buf_done(&big);
  (void)sl_buf_addstr(&big, "GET / HTTP/1.1\r\nX: ");
  for (int i = 0; i < 20000; i++) (void)sl_buf_addc(&big, 'x');
  expect(big.data, "HTTP/1.1 431 ", "too long");
  sl_buf_done(&big);
}

static void slow_clients_are_cut_off(void **state) {
  (void)state;
  expect("GET / HTTP/1.1\r\nHost", "HTTP/1.1 408 ", "too long");
  expect("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 408 ", "too long");
  /* One that says nothing is let go without a word. */
  char *answer = receive_all(dial());
  assert_string_equal(answer, "");
  sl_mem_free(answer);
}

static uint64_t last_gone(void) {
  pthread_mutex_lock(&lock);
  uint64_t id = gone_id;
  pthread_mutex_unlock(&lock);
  return id;
}

static void wait_gone(uint64_t not_this) {
  int64_t end = sl_time_mono() + 30 * SL_TIME_S;
  while (last_gone() == not_this && sl_time_mono() < end) (void)poll(NULL, 0, 5);
  assert_int_not_equal(last_gone(), not_this);
}

static void who_does_not_take_a_stream_is_cut_off(void **state) {
  (void)state;
  uint64_t before = last_gone();
  int fd = dial();
  send_text(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  wait_gone(before);
  close(fd);
  before = last_gone();
  fd = dial();
  send_text(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  close(fd);
  expect("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ", "");
}

static void connections_are_limited(void **state) {
  (void)state;
  int fds[8];
  for (int i = 0; i < 8; i++) {
    fds[i] = dial();
    send_text(fds[i], "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  expect("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503 ", "too many connections");
  for (int i = 0; i < 8; i++) close(fds[i]);
}

static void sockets_are_private_and_replaced(void **state) {
  (void)state;
  struct stat st;
  sl_err err;
  int fd = -1;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(sl_listen_unix(path, &fd, &err), SL_EEXIST);
  assert_non_null(strstr(err.message, "another process answers"));
  char old[128];
  (void)snprintf(old, sizeof old, "%s/old", folder);
  assert_int_equal(sl_listen_unix(old, &fd, &err), 0);
  close(fd); /* nobody answers any more; the file stays */
  assert_int_equal(stat(old, &st), 0);
  assert_int_equal(sl_listen_unix(old, &fd, &err), 0);
  close(fd);
  sl_listen_unlink(old);
  close(open(old, O_CREAT | O_WRONLY, 0600));
  assert_int_equal(sl_listen_unix(old, &fd, &err), SL_EEXIST);
  assert_non_null(strstr(err.message, "is no socket"));
  sl_listen_unlink(old);
  assert_int_equal(stat(old, &st), 0);
  unlink(old);
}

static void long_paths_work(void **state) {
  (void)state;
  char deep[300], sock[320];
  sl_err err;
  int fd = -1, client = -1;
  (void)snprintf(deep, sizeof deep, "%s/%0150d", folder, 0);
  assert_int_equal(mkdir(deep, 0700), 0);
  (void)snprintf(sock, sizeof sock, "%s/admin.sock", deep);
  if (sl_listen_unix(sock, &fd, &err) != 0) fail_msg("%s", err.message);
  assert_int_equal(listen(fd, 1), 0);
  assert_int_equal(sl_connect_unix(sock, &client, &err), 0);
  close(client);
  close(fd);
  sl_listen_unlink(sock);
  assert_int_equal(rmdir(deep), 0);
}

static void addresses_are_read(void **state) {
  (void)state;
  static const char *const bad[] = {"", "x", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "1:2:3", "127.0.0.1:-1"};
  char buf[160];
  sl_err err;
  int fd = -1;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int rc = sl_listen_tcp(bad[i], &fd, buf, sizeof buf, &err);
    if (rc != SL_EINVAL) printf("%s: %d\n", bad[i], rc);
    assert_int_equal(rc, SL_EINVAL);
  }
  static const char *const good[] = {"127.0.0.1:0", ":0", "0", "localhost:0"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    if (sl_listen_tcp(good[i], &fd, buf, sizeof buf, &err) != 0) fail_msg("%s", err.message);
    assert_true(strncmp(buf, "127.0.0.1:", 10) == 0 || strncmp(buf, "[::1]:", 6) == 0);
    assert_int_not_equal(atoi(strrchr(buf, ':') + 1), 0);
    close(fd);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_in_one_packet_are_answered_in_order),
      cmocka_unit_test(a_request_byte_by_byte),
      cmocka_unit_test(a_large_body_in_pieces),
      cmocka_unit_test(who_hangs_up_half_is_answered),
      cmocka_unit_test(an_expectation_is_met),
      cmocka_unit_test(bad_and_large_requests_are_refused),
      cmocka_unit_test(slow_clients_are_cut_off),
      cmocka_unit_test(who_does_not_take_a_stream_is_cut_off),
      cmocka_unit_test(connections_are_limited),
      cmocka_unit_test(sockets_are_private_and_replaced),
      cmocka_unit_test(long_paths_work),
      cmocka_unit_test(addresses_are_read),
  };
  (void)signal(SIGPIPE, SIG_IGN); /* as it is blocked on threads of the core */
  return cmocka_run_group_tests(tests, start, stop);
}
