/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets to listen on and to connect to. */
#include "obs/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

/* How long a client waits for the other side. */
#define CLIENT_SECONDS 120

/* The address of a path. A long one is named by its folder's descriptor: sun_path holds 107 bytes. *ret_dir must be
 * closed after use if it is not -1. */
static int unix_address(const char *path, struct sockaddr_un *ret, int *ret_dir, sl_err *err) {
  *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
  *ret_dir = -1;
  if (strlen(path) < sizeof ret->sun_path) {
    (void)sl_str_copy(ret->sun_path, sizeof ret->sun_path, path);
    return 0;
  }
  const char *slash = strrchr(path, '/');
  char folder[4096];
  if (!slash || (size_t)(slash - path) >= sizeof folder)
    return sl_err_set(err, SL_ELIMIT, "the path of the socket is too long: %s", path);
  (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
  *ret_dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (*ret_dir < 0) return sl_err_errno(err, errno, "cannot open %s", folder);
  (void)snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%.80s", *ret_dir, slash + 1);
  return 0;
}

static int new_socket(int family, int *ret_fd, sl_err *err) {
  *ret_fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return *ret_fd < 0 ? sl_err_errno(err, errno, "cannot make a socket") : 0;
}

/* 1 if somebody answers on the socket. */
static int answers(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  int rc = connect(fd, (const struct sockaddr *)address, sizeof *address);
  (void)close(fd);
  return rc == 0;
}

static int make_way(const char *path, const struct sockaddr_un *address, sl_err *err) {
  struct stat st;
  if (lstat(path, &st) != 0) return errno == ENOENT ? 0 : sl_err_errno(err, errno, "cannot look at %s", path);
  if (!S_ISSOCK(st.st_mode)) {
    sl_err_set(err, SL_EEXIST, "%s is there and is no socket", path);
    sl_err_hint(err, "move it away");
    return SL_EEXIST;
  }
  if (answers(address)) {
    sl_err_set(err, SL_EEXIST, "another process answers on %s", path);
    sl_err_hint(err, "one pipeline has one state folder; see sluice top %s", path);
    return SL_EEXIST;
  }
  return unlink(path) == 0 ? 0 : sl_err_errno(err, errno, "cannot replace the old socket %s", path);
}

int sl_listen_unix(const char *path, int *ret_fd, sl_err *err) {
  struct sockaddr_un address;
  int dir = -1, fd = -1;
  int rc = unix_address(path, &address, &dir, err);
  if (rc == 0) rc = make_way(path, &address, err);
  if (rc == 0) rc = new_socket(AF_UNIX, &fd, err);
  if (rc == 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
    rc = sl_err_errno(err, errno, "cannot make the socket %s", path);
  /* Nobody can connect before listen: there is no moment in which others may. */
  if (rc == 0 && chmod(path, 0600) != 0) rc = sl_err_errno(err, errno, "cannot protect the socket %s", path);
  /* At once, so that who finds the socket is not refused; the server takes its clients as soon as it runs. */
  if (rc == 0 && (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || listen(fd, 64) != 0))
    rc = sl_err_errno(err, errno, "cannot set up a socket");
  if (dir >= 0) (void)close(dir);
  if (rc == 0)
    *ret_fd = fd;
  else if (fd >= 0)
    (void)close(fd);
  return rc;
}

void sl_listen_unlink(const char *path) {
  struct stat st;
  if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) (void)unlink(path);
}

/* ---- TCP ---- */

/* Splits "HOST:PORT". 0, or SL_EINVAL. */
static int split(const char *address, char *host, size_t host_cap, char *port, size_t port_cap, sl_err *err) {
  const char *colon = strrchr(address, ':'), *digits = colon ? colon + 1 : address;
  size_t n = colon ? (size_t)(colon - address) : 0;
  const char *from = address;
  int64_t number = 0;
  if (n >= 2 && from[0] == '[' && from[n - 1] == ']') {
    from++;
    n -= 2;
  } else if (memchr(address, ':', n)) {
    n = host_cap; /* an IPv6 address without brackets: its last part is no port */
  }
  if (n >= host_cap || strlen(digits) >= port_cap || sl_str_int(digits, &number, NULL) != 0 || number < 0 ||
      number > 65535) {
    sl_err_set(err, SL_EINVAL, "expected HOST:PORT with a port from 0 to 65535, found '%s'", address);
    sl_err_hint(err, "for example 127.0.0.1:9600 or [::1]:9600");
    return SL_EINVAL;
  }
  (void)snprintf(host, host_cap, "%.*s", (int)n, from);
  if (!n) (void)snprintf(host, host_cap, "127.0.0.1");
  (void)snprintf(port, port_cap, "%s", digits);
  return 0;
}

static int resolve(const char *host, const char *port, int passive, struct addrinfo **ret, sl_err *err) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0};
  int rc = getaddrinfo(host, port, &hints, ret);
  return rc ? sl_err_set(err, SL_ENOTFOUND, "cannot find the address '%s': %s", host, gai_strerror(rc)) : 0;
}

static void show_address(int fd, char *buf, size_t cap) {
  struct sockaddr_storage at;
  socklen_t len = sizeof at;
  char host[128] = "", port[16] = "";
  if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
    (void)getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
  (void)snprintf(buf, cap, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

int sl_listen_tcp(const char *address, int *ret_fd, char *buf, size_t cap, sl_err *err) {
  char host[256], port[16];
  struct addrinfo *list = NULL;
  int fd = -1, on = 1;
  int rc = split(address, host, sizeof host, port, sizeof port, err);
  if (rc == 0) rc = resolve(host, port, 1, &list, err);
  if (rc == 0) rc = new_socket(list->ai_family, &fd, err);
  if (rc == 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, list->ai_addr, list->ai_addrlen) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
      rc = sl_err_errno(err, errno, "cannot listen on %s", address);
  }
  if (list) freeaddrinfo(list);
  if (rc == 0) {
    show_address(fd, buf, cap);
    *ret_fd = fd;
  } else if (fd >= 0) {
    (void)close(fd);
  }
  return rc;
}

/* ---- clients ---- */

static void set_limits(int fd) {
  struct timeval limit = {.tv_sec = CLIENT_SECONDS};
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int sl_connect_unix(const char *path, int *ret_fd, sl_err *err) {
  struct sockaddr_un address;
  int dir = -1, fd = -1;
  int rc = unix_address(path, &address, &dir, err);
  if (rc == 0) rc = new_socket(AF_UNIX, &fd, err);
  if (rc == 0) set_limits(fd);
  if (rc == 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
    rc = sl_err_errno(err, errno, "cannot connect to %s", path);
  if (dir >= 0) (void)close(dir);
  if (rc == 0)
    *ret_fd = fd;
  else if (fd >= 0)
    (void)close(fd);
  return rc;
}

int sl_connect_tcp(const char *host, const char *port, int *ret_fd, sl_err *err) {
  struct addrinfo *list = NULL;
  int fd = -1;
  int rc = resolve(host, port, 0, &list, err);
  if (rc == 0) rc = new_socket(list->ai_family, &fd, err);
  if (rc == 0) set_limits(fd);
  if (rc == 0 && connect(fd, list->ai_addr, list->ai_addrlen) != 0)
    rc = sl_err_errno(err, errno, "cannot connect to %s:%s", host, port);
  if (list) freeaddrinfo(list);
  if (rc == 0)
    *ret_fd = fd;
  else if (fd >= 0)
    (void)close(fd);
  return rc;
}
