/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one fetch_listen stage and its connections. Everything runs on the loop.
 *
 * A connection has one request at a time: what comes behind it waits in its buffer, or in the kernel. A request whose
 * body was handed to the spool outlives its connection; its answer is then dropped.
 */
#ifndef SLUICE_LISTEN_LISTEN_H
#define SLUICE_LISTEN_LISTEN_H

#include <sluice/plugin.h>

#include "intake.h"

#define LISTEN_HEAD_MAX ((size_t)16 << 10)
#define LISTEN_IN_MAX ((size_t)32 << 10) /* read ahead */

typedef struct listen_params {
  const char *address, *path, *token;
  int32_t accept;
  int64_t max_bytes, max_documents, max_buffer, max_connections;
  int64_t head_time, idle_time, min_rate;
} listen_params;

/* The bytes of a body; the documents made of it keep it alive. */
typedef struct listen_body {
  void (*release)(void *p);
  uint32_t refs; /* the loop's alone until it is handed over, see listen_body_release */
  size_t len, cap;
  char data[];
} listen_body;

typedef struct listen_conn listen_conn;

typedef struct listen_stage {
  const listen_params *p;
  listen_rules rules;
  char *token;
  sl_ctx *ctx; /* between start and stop */
  const sl_spool *spool;
  int32_t fd; /* -1: not started */
  uint64_t tick, paused;
  listen_conn *conns;
  uint32_t n_conns;
  uint64_t buffered; /* bytes of bodies that are coming in */
  struct listen_pending *pending;
} listen_stage;

/* conn.c */

/* Takes a connected socket [take]. */
void listen_accept(listen_stage *s, int fd);
/* Cuts off who is too slow. */
void listen_tick(sl_ctx *ctx, void *stage, void *user);
/* Ends all connections: 503 for those with half a request. */
void listen_stop_all(listen_stage *s);

/* submit.c */

typedef struct listen_result {
  int status; /* 0: done will be called; else what to answer */
  const char *why;
  char detail[80]; /* members of the answer, or "" */
  uint64_t n;      /* documents */
} listen_result;

/* Makes documents of a whole body [borrow] and hands them to the spool. */
void listen_submit(listen_stage *s, const listen_request *r, listen_body *body, void (*done)(void *user, int32_t rc),
                   void *user, listen_result *ret);
listen_body *listen_body_new(listen_stage *s, size_t cap);
/* Gives up one reference; sl_release_cb. [any] */
void listen_body_release(void *data, void *user);

#endif
