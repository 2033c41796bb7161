/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 server on a loop: listeners, connections with limits, answers in one piece or as a stream.
 *
 * A connection has one request at a time. The handler answers it at once, or notes its id and answers later; what
 * comes for a connection that is gone is ignored. Limits: 16 KiB of head, a body of the size given here, and a time for
 * each step: who is slower is cut off. Connections beyond the limit are answered 503.
 *
 * Safety: everything on the loop's thread. Connections are freed in their close callbacks.
 */
#ifndef SLUICE_OBS_HTTP_H
#define SLUICE_OBS_HTTP_H

#include <uv.h>

#include "base/err.h"
#include "base/http_parse.h"

typedef struct sl_http sl_http;

typedef struct sl_http_request {
  uint64_t id;
  int local; /* 1: came by the socket in the folder */
  const sl_http_head *head;
  sl_http_text path, query; /* query: behind the "?" */
  sl_http_text body;
} sl_http_request;

typedef struct sl_http_opts {
  uint32_t connections; /* at most; 0: 64 */
  size_t body;          /* bytes at most */
  /* Nanoseconds; 0: 10 s for a head, 60 s for a body, 30 s without a request, 30 s without taking an answer. */
  int64_t head_ns, body_ns, idle_ns, send_ns;
  /* Called when the head is there, before the body is read: 0, or the status to refuse with. */
  int (*admit)(void *user, int local, const sl_http_head *head);
  /* req [borrow during the call]. */
  void (*handle)(void *user, const sl_http_request *req);
  /* The connection of a stream, or one whose answer is still due, was closed. */
  void (*gone)(void *user, uint64_t id);
  void *user;
} sl_http_opts;

/* *ret [own: sl_http_close]. */
int sl_http_new(uv_loop_t *loop, const sl_http_opts *opts, sl_http **ret, sl_err *err);
/* A socket file, mode 0600; one on which nobody answers is replaced. */
int sl_http_listen_unix(sl_http *h, const char *path, sl_err *err);
/* address as in sl_admin_opts.listen. buf gets where it listens. */
int sl_http_listen_tcp(sl_http *h, const char *address, char *buf, size_t cap, sl_err *err);
/* Stops listening and closes all connections; frees itself when the last handle is closed: run the loop on. */
void sl_http_close(sl_http *h);

/* Answers the request of this id: body [copied]. type: media type. headers: further lines, each with CR LF, or NULL. */
void sl_http_answer(sl_http *h, uint64_t id, int status, const char *type, const char *headers, const void *body,
                    size_t len);
/* Begins an answer of unknown length. */
void sl_http_stream(sl_http *h, uint64_t id, const char *type);
/* More of it [copied]. Returns the bytes that wait to be sent. */
size_t sl_http_stream_add(sl_http *h, uint64_t id, const void *data, size_t len);
void sl_http_stream_end(sl_http *h, uint64_t id);

#endif
