/* SPDX-License-Identifier: Apache-2.0 */
/* The process's listening sockets. */
#include "run/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* The first descriptor that systemd passes. */
#define FIRST_PASSED 3
#define MOST_PASSED 64

typedef struct listener {
  struct listener *next;
  char *address; /* as asked for; NULL: passed, and not asked for yet */
  int fd;
  int passed, used;
} listener;

struct sl_listeners {
  pthread_mutex_t lock;
  listener *first;
};

/* One address of a socket. */
typedef union where {
  struct sockaddr any;
  struct sockaddr_storage room;
  struct sockaddr_un un;
} where;

sl_listeners *sl_listeners_new(void) {
  sl_listeners *l = sl_mem_calloc(1, sizeof *l);
  if (l) pthread_mutex_init(&l->lock, NULL);
  return l;
}

static void drop(listener *one) {
  where w;
  socklen_t len = sizeof w;
  if (!one->passed && one->address && sl_str_starts(one->address, "unix:") && getsockname(one->fd, &w.any, &len) == 0 &&
      w.any.sa_family == AF_UNIX)
    (void)unlink(w.un.sun_path);
  close(one->fd);
  sl_mem_free(one->address);
  sl_mem_free(one);
}

void sl_listeners_free(sl_listeners *l) {
  if (!l) return;
  while (l->first) {
    listener *one = l->first;
    l->first = one->next;
    drop(one);
  }
  pthread_mutex_destroy(&l->lock);
  sl_mem_free(l);
}

static int set_flags(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -1;
  return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static listener *add(sl_listeners *l, const char *address, int fd, int passed) {
  listener *one = sl_mem_calloc(1, sizeof *one);
  char *copy = address ? sl_mem_strdup(address) : NULL;
  if (!one || (address && !copy)) {
    sl_mem_free(one);
    sl_mem_free(copy);
    return NULL;
  }
  *one = (listener){.next = l->first, .address = copy, .fd = fd, .passed = passed};
  l->first = one;
  return one;
}

int sl_listeners_adopt(sl_listeners *l) {
  const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
  int64_t n = 0, whose = 0;
  int taken = 0;
  if (pid && count && !sl_str_int(pid, &whose, NULL) && whose == getpid() && !sl_str_int(count, &n, NULL)) {
    for (int fd = FIRST_PASSED; fd < FIRST_PASSED + n && fd < FIRST_PASSED + MOST_PASSED; fd++) {
      int listens = 0;
      socklen_t len = sizeof listens;
      if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens || set_flags(fd) < 0) continue;
      taken += add(l, NULL, fd, 1) != NULL;
    }
  }
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  return taken;
}

/* ---- addresses ---- */

static int wrong(const char *address, sl_err *err) {
  sl_err_set(err, SL_EINVAL, "cannot listen on \"%.100s\": expected HOST:PORT or unix:/path", address);
  sl_err_hint(err, "write 127.0.0.1:8080, [::1]:8080 or unix:/run/sluice/in.sock");
  return SL_EINVAL;
}

static int resolve(const char *address, struct addrinfo **ret, sl_err *err) {
  char host[256];
  const char *colon = strrchr(address, ':');
  size_t len = colon ? (size_t)(colon - address) : 0;
  int64_t port = 0;
  if (!colon || len >= sizeof host || sl_str_int(colon + 1, &port, NULL) || port < 0 || port > 65535)
    return wrong(address, err);
  int v6 = len > 2 && address[0] == '[' && address[len - 1] == ']';
  if (!v6 && memchr(address, ':', len)) return wrong(address, err);
  snprintf(host, sizeof host, "%.*s", (int)(v6 ? len - 2 : len), v6 ? address + 1 : address);
  struct addrinfo hints = {
      .ai_family = v6 ? AF_INET6 : AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  int rc = getaddrinfo(*host ? host : "127.0.0.1", colon + 1, &hints, ret);
  if (!rc) return 0;
  sl_err_set(err, SL_ENOTFOUND, "cannot listen on %.100s: %s", address, gai_strerror(rc));
  return SL_ENOTFOUND;
}

static const char *show(int fd, char *buf, size_t cap) {
  where w;
  char host[128] = "", port[16] = "";
  socklen_t len = sizeof w;
  *buf = 0;
  if (getsockname(fd, &w.any, &len)) return buf;
  if (w.any.sa_family == AF_UNIX)
    snprintf(buf, cap, "unix:%s", w.un.sun_path);
  else if (!getnameinfo(&w.any, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
    snprintf(buf, cap, w.any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
  return buf;
}

/* 1 if a socket is bound to that address. */
static int is_bound_to(int fd, const struct sockaddr *to, socklen_t to_len) {
  char ours[256], host[128] = "", port[16] = "", theirs[256];
  if (getnameinfo(to, to_len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)) return 0;
  snprintf(theirs, sizeof theirs, to->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
  return strcmp(show(fd, ours, sizeof ours), theirs) == 0;
}

static listener *find_passed(sl_listeners *l, const char *address, const struct addrinfo *list) {
  char text[256];
  for (listener *one = l->first; one; one = one->next) {
    if (!one->passed || one->address) continue;
    if (strcmp(show(one->fd, text, sizeof text), address) == 0) return one;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
      if (is_bound_to(one->fd, a->ai_addr, a->ai_addrlen)) return one;
  }
  return NULL;
}

/* ---- opening ---- */

static int fail(int fd, int errnum, const char *address, sl_err *err) {
  if (fd >= 0) close(fd);
  int rc = sl_err_errno(err, errnum, "cannot listen on %.100s", address);
  if (errnum == EADDRINUSE) sl_err_hint(err, "another process has it: stop that one, or give another address");
  return rc;
}

static int open_inet(const char *address, const struct addrinfo *list, int backlog, int *ret, sl_err *err) {
  int errnum = EADDRNOTAVAIL, on = 1;
  for (const struct addrinfo *a = list; a; a = a->ai_next) {
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) {
      errnum = errno;
      continue;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, backlog)) {
      *ret = fd;
      return 0;
    }
    errnum = errno;
    close(fd);
  }
  return fail(-1, errnum, address, err);
}

/* A socket file that nobody listens on is left from a process that died. */
static void remove_stale(const where *w) {
  struct stat st;
  if (lstat(w->un.sun_path, &st) || !S_ISSOCK(st.st_mode)) return;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, &w->any, sizeof w->un) < 0 && errno == ECONNREFUSED) (void)unlink(w->un.sun_path);
  if (fd >= 0) close(fd);
}

static int open_unix(const char *address, int backlog, int *ret, sl_err *err) {
  where w = {.un = {.sun_family = AF_UNIX}};
  const char *path = address + strlen("unix:");
  if (*path != '/' || strlen(path) >= sizeof w.un.sun_path) return wrong(address, err);
  memcpy(w.un.sun_path, path, strlen(path) + 1);
  remove_stale(&w);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, &w.any, sizeof w.un) || listen(fd, backlog)) return fail(fd, errno, address, err);
  *ret = fd;
  return 0;
}

static int open_new(sl_listeners *l, const char *address, int backlog, listener **ret, sl_err *err) {
  struct addrinfo *list = NULL;
  int fd = -1, is_unix = sl_str_starts(address, "unix:");
  int rc = is_unix ? 0 : resolve(address, &list, err);
  listener *one = rc ? NULL : find_passed(l, address, list);
  if (!rc && one) {
    one->address = sl_mem_strdup(address);
    if (!one->address) rc = sl_err_set(err, SL_ENOMEM, "memory is out");
  } else if (!rc) {
    rc = is_unix ? open_unix(address, backlog, &fd, err) : open_inet(address, list, backlog, &fd, err);
    if (!rc && !(one = add(l, address, fd, 0))) {
      close(fd);
      rc = sl_err_set(err, SL_ENOMEM, "memory is out");
    }
  }
  if (list) freeaddrinfo(list);
  *ret = one;
  return rc;
}

int sl_listeners_open(void *user, const char *address, int backlog, int *ret_fd, char *ret_address, size_t cap,
                      sl_err *err) {
  sl_listeners *l = user;
  int rc = 0;
  pthread_mutex_lock(&l->lock);
  listener *one = l->first;
  while (one && (!one->address || strcmp(one->address, address) != 0)) one = one->next;
  if (!one) rc = open_new(l, address, backlog > 0 ? backlog : SOMAXCONN, &one, err);
  if (!rc && one->used) {
    rc = sl_err_set(err, SL_EINVAL, "two stages listen on %.100s: expected an address for each", address);
    sl_err_hint(err, "give one of them another port");
  }
  if (!rc) {
    one->used = 1;
    *ret_fd = one->fd;
    if (ret_address && cap) show(one->fd, ret_address, cap);
  }
  pthread_mutex_unlock(&l->lock);
  return rc;
}

void sl_listeners_begin(sl_listeners *l) {
  pthread_mutex_lock(&l->lock);
  for (listener *one = l->first; one; one = one->next) one->used = 0;
  pthread_mutex_unlock(&l->lock);
}

void sl_listeners_end(sl_listeners *l) {
  pthread_mutex_lock(&l->lock);
  for (listener **at = &l->first; *at;) {
    listener *one = *at;
    if (one->used || one->passed) {
      at = &one->next;
      continue;
    }
    *at = one->next;
    drop(one);
  }
  pthread_mutex_unlock(&l->lock);
}

uint32_t sl_listeners_count(sl_listeners *l) {
  uint32_t n = 0;
  pthread_mutex_lock(&l->lock);
  for (const listener *one = l->first; one; one = one->next) n++;
  pthread_mutex_unlock(&l->lock);
  return n;
}
