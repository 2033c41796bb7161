/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets that outlive generations, and those of systemd. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/listeners.h"

static int open_one(sl_listeners *l, const char *address, char *ret_address, size_t cap) {
  sl_err err = {0};
  int fd = -1;
  if (sl_listeners_open(l, address, 16, &fd, ret_address, cap, &err)) fail_msg("%s: %s", address, err.message);
  assert_true(fd >= 0);
  return fd;
}

/* Connects to "127.0.0.1:PORT"; a descriptor or -1. */
static int dial(const char *address) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  if (!connect(fd, (struct sockaddr *)&to, sizeof to)) return fd;
  close(fd);
  return -1;
}

static void a_socket_outlives_a_generation(void **state) {
  (void)state;
  char first[64], again[64], other[64];
  sl_listeners *l = sl_listeners_new();
  sl_listeners_begin(l);
  int fd = open_one(l, "127.0.0.1:0", first, sizeof first);
  int two = open_one(l, "[::1]:0", other, sizeof other);
  sl_listeners_end(l);
  assert_int_equal(sl_listeners_count(l), 2);
  assert_true(strncmp(other, "[::1]:", 6) == 0);
  assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
  /* The next generation asks for one of them; a connection made in between is there. */
  int client = dial(first);
  assert_true(client >= 0);
  sl_listeners_begin(l);
  assert_int_equal(open_one(l, "127.0.0.1:0", again, sizeof again), fd);
  assert_string_equal(again, first);
  sl_err err = {0};
  int third = -1;
  assert_int_equal(sl_listeners_open(l, "127.0.0.1:0", 0, &third, NULL, 0, &err), SL_EINVAL);
  assert_non_null(strstr(err.message, "two stages listen on 127.0.0.1:0"));
  sl_listeners_end(l);
  assert_int_equal(sl_listeners_count(l), 1);
  assert_int_equal(fcntl(two, F_GETFD), -1);
  int served = accept(fd, NULL, NULL);
  assert_true(served >= 0);
  close(served);
  close(client);
  sl_listeners_begin(l);
  sl_listeners_end(l);
  assert_int_equal(sl_listeners_count(l), 0);
  assert_int_equal(dial(first), -1);
  sl_listeners_free(l);
}

static void unix_sockets(void **state) {
  (void)state;
  char dir[] = "/tmp/sluice-listen-XXXXXX", address[128], where[128];
  assert_non_null(mkdtemp(dir));
  snprintf(address, sizeof address, "unix:%s/s", dir);
  sl_listeners *l = sl_listeners_new();
  open_one(l, address, where, sizeof where);
  assert_string_equal(where, address);
  /* Another process of ours would be refused: somebody listens. */
  sl_listeners *second = sl_listeners_new();
  sl_err err = {0};
  int fd = -1;
  assert_int_not_equal(sl_listeners_open(second, address, 0, &fd, NULL, 0, &err), 0);
  assert_non_null(strstr(err.message, "cannot listen on unix:"));
  sl_listeners_free(l);
  assert_int_equal(access(address + 5, F_OK), -1);
  /* A file that a dead process left is replaced. */
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  snprintf(un.sun_path, sizeof un.sun_path, "%s/s", dir);
  int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(dead, (struct sockaddr *)&un, sizeof un), 0);
  close(dead);
  open_one(second, address, NULL, 0);
  sl_listeners_free(second);
  assert_int_equal(rmdir(dir), 0);
}

static void wrong_addresses(void **state) {
  (void)state;
  static const char *const wrong[] = {"",       "8080",      "127.0.0.1",     "127.0.0.1:", "127.0.0.1:65536",
                                      "::1:80", "unix:here", "127.0.0.1:http"};
  sl_listeners *l = sl_listeners_new();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    sl_err err = {0};
    int fd = -1;
    int rc = sl_listeners_open(l, wrong[i], 0, &fd, NULL, 0, &err);
    if (rc != SL_EINVAL) fail_msg("\"%s\": expected %d, found %d %s", wrong[i], SL_EINVAL, rc, err.message);
    assert_string_equal(err.hint, "write 127.0.0.1:8080, [::1]:8080 or unix:/run/sluice/in.sock");
  }
  char taken[64];
  open_one(l, "127.0.0.1:0", taken, sizeof taken);
  sl_listeners *other = sl_listeners_new();
  sl_err err = {0};
  int fd = -1;
  assert_int_not_equal(sl_listeners_open(other, taken, 0, &fd, NULL, 0, &err), 0);
  assert_string_equal(err.hint, "another process has it: stop that one, or give another address");
  sl_listeners_free(other);
  sl_listeners_free(l);
}

/* In a child: descriptor 3 and the environment are as systemd leaves them. Exit code 0 if it was taken. */
static int child(int fd, const char *address) {
  char pid[16], where[64];
  sl_err err;
  int found = -1;
  if (dup2(fd, 3) != 3) return 10;
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  setenv("LISTEN_PID", pid, 1);
  setenv("LISTEN_FDS", "1", 1);
  sl_listeners *l = sl_listeners_new();
  if (sl_listeners_adopt(l) != 1) return 11;
  if (getenv("LISTEN_FDS") || getenv("LISTEN_PID")) return 12;
  if (sl_listeners_open(l, address, 0, &found, where, sizeof where, &err)) return 13;
  if (found != 3 || strcmp(where, address) != 0) return 14;
  /* Nobody asks for it any more: systemd's stay. */
  sl_listeners_begin(l);
  sl_listeners_end(l);
  if (sl_listeners_count(l) != 1 || fcntl(3, F_GETFD) != FD_CLOEXEC) return 15;
  /* Passed to another process: not ours. */
  setenv("LISTEN_PID", "1", 1);
  setenv("LISTEN_FDS", "1", 1);
  return sl_listeners_adopt(l) == 0 ? 0 : 16;
}

static void sockets_of_systemd(void **state) {
  (void)state;
  char address[64];
  sl_listeners *l = sl_listeners_new();
  int fd = open_one(l, "127.0.0.1:0", address, sizeof address);
  fflush(NULL);
  pid_t pid = fork();
  if (!pid) _exit(child(fd, address));
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  sl_listeners_free(l);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_socket_outlives_a_generation),
      cmocka_unit_test(unix_sockets),
      cmocka_unit_test(wrong_addresses),
      cmocka_unit_test(sockets_of_systemd),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
