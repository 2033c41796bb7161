/* SPDX-License-Identifier: Apache-2.0 */
/* "sluice.spool/1" and "sluice.listen/1" for a stage under test: a spool in memory, real sockets. */
#include "harness/impl.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- spool ---- */

static int32_t spool_put(sl_ctx *ctx, sl_doc *const *docs, uint32_t n, void (*done)(void *user, int32_t rc),
                         void *user) {
  sl_harness *h = (sl_harness *)(void *)ctx;
  reclist list = {0};
  if (h->type->kind != SL_SOURCE || !(h->type->flags & SL_F_ASYNC))
    sl_harness_problem(h, "the spool is for ASYNC sources");
  for (uint32_t i = 0; i < n; i++) {
    rec *r = docs[i] ? docs[i]->more : NULL;
    if (!r || r->state != REC_MADE) {
      sl_harness_problem(h, "the spool was given a document that the stage did not make, or twice");
      continue;
    }
    if (!r->doc->orig) sl_harness_problem(h, "the spool was given a document without an origin");
    r->state = REC_STAGED;
    sl_harness_list_add(&list, r);
  }
  if (h->spool_mode < 0) {
    while (list.count) sl_harness_rec_drop(h, list.items[--list.count]);
    free(list.items);
    return h->spool_mode;
  }
  spooled **end = &h->spool, *s = sl_harness_mem(1, sizeof *s);
  while (*end) end = &(*end)->next;
  *s = (spooled){NULL, list, done, user};
  *end = s;
  return 0;
}

static int32_t spool_durable(sl_ctx *ctx) { return !((sl_harness *)(void *)ctx)->spool_volatile; }

static uint32_t finish(sl_harness *h, int32_t rc) {
  uint32_t called = 0;
  spooled *list = h->spool; /* what is put from a callback waits for the next commit */
  h->spool = NULL;
  while (list) {
    spooled *s = list;
    list = s->next;
    for (uint32_t i = 0; i < s->docs.count; i++) {
      if (rc)
        sl_harness_rec_drop(h, s->docs.items[i]);
      else
        sl_harness_commit(h, NULL, s->docs.items[i]);
    }
    free(s->docs.items);
    if (s->done) {
      sl_harness_enter(h);
      s->done(s->user, rc);
      sl_harness_leave(h);
      called++;
    }
    free(s);
  }
  return called;
}

uint32_t sl_harness_spool_commit(sl_harness *h) { return h->spool_mode == SL_HARNESS_SPOOL_HOLD ? 0 : finish(h, 0); }

void sl_harness_spool_fail(sl_harness *h, int32_t rc) { finish(h, rc); }
void sl_harness_spool_mode(sl_harness *h, int32_t rc) { h->spool_mode = rc; }
void sl_harness_spool_durable(sl_harness *h, int32_t durable) { h->spool_volatile = !durable; }

uint32_t sl_harness_spooled(sl_harness *h) {
  uint32_t n = 0;
  for (const spooled *s = h->spool; s; s = s->next) n += s->docs.count;
  return n;
}

/* ---- listen ---- */

static int bind_unix(const char *path, int backlog) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
  unlink(path);
  if (fd >= 0 && (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, backlog) < 0)) {
    close(fd);
    fd = -1;
  }
  return fd;
}

static int bind_inet(const char *address, int backlog, listener *l) {
  char host[128];
  struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
  snprintf(host, sizeof host, "%s", address[0] == '[' ? address + 1 : address);
  char *colon = strrchr(host, ':');
  if (!colon) return -1;
  *colon = '\0';
  if (colon > host && colon[-1] == ']') colon[-1] = '\0';
  if (getaddrinfo(host, colon + 1, &hints, &list) != 0) return -1;
  int one = 1, fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, list->ai_addr, list->ai_addrlen) < 0 || listen(fd, backlog) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) < 0) {
      close(fd);
      fd = -1;
    } else {
      char name[64], port[16];
      getnameinfo((struct sockaddr *)&bound, len, name, sizeof name, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV);
      snprintf(l->bound, sizeof l->bound, strchr(name, ':') ? "[%s]:%s" : "%s:%s", name, port);
    }
  }
  freeaddrinfo(list);
  return fd;
}

static int32_t listen_open(sl_ctx *ctx, const char *address, int32_t backlog, int32_t *ret_fd, char *ret_address,
                           size_t cap) {
  sl_harness *h = (sl_harness *)(void *)ctx;
  listener *l = h->listeners;
  while (l && strcmp(l->address, address) != 0) l = l->next;
  if (!l) {
    l = sl_harness_mem(1, sizeof *l + strlen(address) + 1);
    memcpy(l->address, address, strlen(address) + 1);
    snprintf(l->bound, sizeof l->bound, "%s", address);
    l->fd = strncmp(address, "unix:", 5) == 0 ? bind_unix(address + 5, backlog) : bind_inet(address, backlog, l);
    if (l->fd < 0) {
      free(l);
      (ctx->host->fail)(ctx, NULL, SL_EIO, "cannot listen", address, NULL);
      return SL_EIO;
    }
    l->next = h->listeners;
    h->listeners = l;
  }
  *ret_fd = l->fd;
  if (ret_address && cap) snprintf(ret_address, cap, "%s", l->bound);
  return 0;
}

const void *sl_harness_push_extension(const char *id) {
  static const sl_spool spool = {sizeof(sl_spool), 0, spool_put, spool_durable};
  static const sl_listen listen_table = {sizeof(sl_listen), 0, listen_open};
  if (strcmp(id, SL_EXT_SPOOL) == 0) return &spool;
  if (strcmp(id, SL_EXT_LISTEN) == 0) return &listen_table;
  return NULL;
}

void sl_harness_push_drop(sl_harness *h) {
  while (h->spool) {
    spooled *s = h->spool;
    h->spool = s->next;
    for (uint32_t i = 0; i < s->docs.count; i++) sl_harness_rec_drop(h, s->docs.items[i]);
    free(s->docs.items);
    free(s);
  }
  while (h->listeners) {
    listener *l = h->listeners;
    h->listeners = l->next;
    close(l->fd);
    if (strncmp(l->address, "unix:", 5) == 0) unlink(l->address + 5);
    free(l);
  }
}
