/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: requests in, answers out, and the clock against those who are slow. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

#define SECOND INT64_C(1000000000)
#define SEND_TIME (10 * SECOND)
#define LINGER_TIME (2 * SECOND)
#define LINGER_BYTES ((uint64_t)1 << 20)
#define RATE_FROM (5 * SECOND) /* before that the rate says nothing */
#define BODY_FIRST ((size_t)16 << 10)
#define OUT_MAX 2048

typedef enum conn_state {
  IN_HEAD, /* a head is read, or nothing comes */
  IN_BODY,
  IN_SPOOL, /* the documents are on their way to the disk */
  IN_SEND,  /* the answer is sent */
  IN_LINGER /* the answer was sent and the rest of the request is thrown away */
} conn_state;

/* Documents that were put; conn is NULL when it was closed meanwhile. */
typedef struct listen_pending {
  struct listen_pending *prev, *next;
  listen_stage *stage;
  listen_conn *conn;
  uint64_t n;
  int32_t early; /* done was called before put returned */
} listen_pending;

struct listen_conn {
  listen_conn *prev, *next;
  listen_stage *stage;
  int fd;
  conn_state state;
  uint32_t events; /* that are watched for */
  int keep_alive, eof, last;
  listen_request *request; /* while a body comes */
  sl_http_body body;
  listen_body *data;
  listen_pending *pending;
  int64_t since, heard;          /* begin of the state, last byte from the client */
  uint64_t received;             /* bytes of the body or of what is thrown away */
  size_t in_at, in_len, in_seen; /* in_seen: bytes in which no head ends */
  char *in;
  size_t out_at, out_len;
  char out[OUT_MAX];
};

static int64_t clock_of(const listen_stage *s) { return sl_monotonic(s->ctx); }

static void on_ready(sl_ctx *ctx, void *stage, void *user, uint32_t events, int32_t error);

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void drop_body(listen_conn *c) {
  if (c->data) {
    c->stage->buffered -= c->data->cap;
    listen_body_release(NULL, c->data);
  }
  c->data = NULL;
  free(c->request);
  c->request = NULL;
}

static void close_conn(listen_conn *c) {
  listen_stage *s = c->stage;
  if (c->events) sl_watch(s->ctx, c->fd, 0, NULL, NULL);
  if (c->pending) c->pending->conn = NULL;
  drop_body(c);
  close(c->fd);
  if (c->prev)
    c->prev->next = c->next;
  else
    s->conns = c->next;
  if (c->next) c->next->prev = c->prev;
  s->n_conns--;
  sl_gauge(s->ctx, "connections", (double)s->n_conns);
  free(c->in);
  free(c);
}

static void enter(listen_conn *c, conn_state state) {
  c->state = state;
  c->since = clock_of(c->stage);
}

/* Watches for what the state needs. 0, or -1 when the connection was closed. */
static int watch(listen_conn *c) {
  uint32_t want = c->state == IN_SEND ? SL_WATCH_WRITE : c->state == IN_SPOOL ? 0 : SL_WATCH_READ;
  if (want == c->events) return 0;
  if (sl_watch(c->stage->ctx, c->fd, want, want ? on_ready : NULL, c) == SL_OK) {
    c->events = want;
    return 0;
  }
  close_conn(c);
  return -1;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void answer(listen_conn *c, int status, const char *headers, const char *json, int without_body) {
  size_t n = strlen(json);
  int len = snprintf(c->out, sizeof c->out,
                     "HTTP/1.1 %d %s\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                     sl_http_reason(status), headers ? headers : "", n, c->keep_alive ? "" : "Connection: close\r\n",
                     without_body ? "" : json);
  c->out_at = 0;
  c->out_len = len > 0 && (size_t)len < sizeof c->out ? (size_t)len : 0;
  enter(c, IN_SEND);
}

/* As the inside of a JSON string: our own texts, in which only these two need an escape. */
static void put_text(char *out, size_t cap, const char *text) {
  size_t n = 0;
  for (; *text && n + 2 < cap; text++) {
    if (*text == '"' || *text == '\\') out[n++] = '\\';
    out[n++] = *text;
  }
  out[n] = '\0';
}

/* rest: the request has not come to its end, so that nothing can follow it. */
static void refuse(listen_conn *c, int status, const char *why, const char *detail, int rest) {
  char json[512], text[360];
  const char *headers = status == 429 ? "Retry-After: 1\r\n" : status == 503 ? "Retry-After: 5\r\n" : NULL;
  if (rest) c->keep_alive = 0;
  if (c->request && c->request->headers && !headers) headers = c->request->headers;
  put_text(text, sizeof text, why);
  snprintf(json, sizeof json, "{\"error\":\"%s\"%s}\n", text, detail ? detail : "");
  sl_count(c->stage->ctx, status >= 500 || status == 429 ? "deferred" : "refused", 1);
  int without_body = c->request && c->request->without_body;
  answer(c, status, headers, json, without_body);
  drop_body(c);
}

/* Sends what it can. 1: all is sent; 0: not yet; -1: the connection is broken. */
static int send_some(listen_conn *c) {
  while (c->out_at < c->out_len) {
    ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
      c->out_at += (size_t)n;
    else if (n < 0 && errno == EINTR)
      continue;
    else
      return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
  }
  return 1;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static void free_pending(listen_pending *w) {
  if (w->prev)
    w->prev->next = w->next;
  else if (w->stage)
    w->stage->pending = w->next;
  if (w->next) w->next->prev = w->prev;
  free(w);
}

static void accepted(listen_conn *c, uint64_t n) {
  char json[64];
  snprintf(json, sizeof json, "{\"accepted\":%llu}\n", (unsigned long long)n);
  sl_count(c->stage->ctx, "accepted", (double)n);
  answer(c, 202, NULL, json, 0);
  drop_body(c);
}

static void run(listen_conn *c);

/* The spool's answer. */
static void on_spooled(void *user, int32_t rc) {
  listen_pending *w = user;
  listen_conn *c = w->conn;
  if (c && c->state != IN_SPOOL) { /* from inside put */
    w->early = rc == SL_OK ? 1 : rc;
    return;
  }
  uint64_t n = w->n;
  free_pending(w);
  if (!c) return;
  c->pending = NULL;
  if (rc == SL_OK)
    accepted(c, n);
  else
    refuse(c, 503, "the documents could not be kept: try again", NULL, 0);
  run(c);
}

/* The body is whole. */
static void submit(listen_conn *c) {
  listen_stage *s = c->stage;
  listen_result result;
  listen_pending *w = calloc(1, sizeof *w);
  if (!w) {
    refuse(c, 503, "memory is out: try again", NULL, 0);
    return;
  }
  w->stage = s;
  w->conn = c;
  w->next = s->pending;
  if (w->next) w->next->prev = w;
  s->pending = w;
  sl_count(s->ctx, "requests", 1);
  listen_submit(s, c->request, c->data, on_spooled, w, &result);
  w->n = result.n;
  if (result.status != 0) {
    free_pending(w);
    refuse(c, result.status, result.why, result.detail, 0);
  } else if (w->early) {
    int32_t rc = w->early;
    free_pending(w);
    if (rc == 1)
      accepted(c, result.n);
    else
      refuse(c, 503, "the documents could not be kept: try again", NULL, 0);
  } else {
    c->pending = w;
    drop_body(c);
    enter(c, IN_SPOOL);
  }
}

/* Room for n more bytes of the body. 0, or the status to refuse with. */
static int make_room(listen_conn *c, size_t n, const char **why) {
  listen_stage *s = c->stage;
  size_t have = c->data ? c->data->len : 0, cap = c->data ? c->data->cap : 0, want = have + n;
  if (want > (uint64_t)s->p->max_bytes) {
    *why = s->rules.too_large;
    return 413;
  }
  if (want <= cap && c->data) return 0;
  size_t grown = cap ? cap * 2 : BODY_FIRST;
  if (grown > (uint64_t)s->p->max_bytes) grown = (size_t)s->p->max_bytes;
  if (grown < want) grown = want;
  if (s->buffered - cap + grown > (uint64_t)s->p->max_buffer) {
    *why = "too many bodies are coming in at once: try again";
    return 503;
  }
  listen_body *fresh = listen_body_new(s, grown);
  if (!fresh) {
    *why = "memory is out: try again";
    return 503;
  }
  if (have) memcpy(fresh->data, c->data->data, have);
  fresh->len = have;
  if (c->data) listen_body_release(NULL, c->data);
  c->data = fresh;
  s->buffered = s->buffered - cap + grown;
  return 0;
}

static void consume(listen_conn *c, size_t n) {
  c->in_at += n;
  c->in_len -= n;
  c->in_seen = 0;
  if (c->in_len == 0) c->in_at = 0;
}

/* A head is there. */
static void begin_request(listen_conn *c, const sl_http_head *head) {
  listen_stage *s = c->stage;
  const char *why = NULL;
  c->keep_alive = head->keep_alive && !c->last;
  c->request = malloc(sizeof *c->request);
  if (!c->request) {
    refuse(c, 503, "memory is out: try again", NULL, 1);
    return;
  }
  listen_judge(head, &s->rules, c->request);
  sl_http_body_init(&c->body, head);
  int rest = head->chunked || head->length > 0;
  if (c->request->healthz) {
    if (rest) c->keep_alive = 0;
    answer(c, 200, NULL, "{\"status\":\"ok\"}\n", c->request->without_body);
    drop_body(c);
    return;
  }
  int status = c->request->status ? c->request->status : make_room(c, 0, &why);
  if (status) {
    refuse(c, status, c->request->status ? c->request->why : why, NULL, rest);
    return;
  }
  c->received = 0;
  enter(c, IN_BODY);
  if (head->expects && rest) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    /* The buffer of a connection that was idle has room; if not, the client sends without it. */
    (void)!send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

/* 1: something was done; 0: more bytes are needed. */
static int read_head(listen_conn *c) {
  sl_http_head head;
  const char *why = "";
  const char *at = c->in + c->in_at;
  if (c->in_len == 0) return 0;
  /* A head that comes byte by byte is not read from its start each time. */
  size_t from = c->in_seen > 3 ? c->in_seen - 3 : 0;
  if (c->in_seen >= 256 && c->in_len < LISTEN_HEAD_MAX && !memmem(at + from, c->in_len - from, "\r\n\r\n", 4)) {
    c->in_seen = c->in_len;
    return 0;
  }
  c->in_seen = c->in_len;
  int64_t n = sl_http_head_parse(at, c->in_len, LISTEN_HEAD_MAX, &head, &why);
  if (n == 0) return 0;
  if (n < 0) {
    c->keep_alive = 0;
    refuse(c, (int)-n, why, NULL, 1);
    return 1;
  }
  begin_request(c, &head);
  consume(c, (size_t)n);
  return 1;
}

static int read_body(listen_conn *c) {
  sl_http_text piece = {NULL, 0};
  const char *why = NULL;
  size_t used = 0;
  int rc = sl_http_body_next(&c->body, c->in + c->in_at, c->in_len, &used, &piece);
  int status = rc < 0 ? 400 : piece.len ? make_room(c, piece.len, &why) : 0;
  if (status) {
    refuse(c, status, rc < 0 ? "the chunks of the body are not well-formed" : why, NULL, 1);
    return 1;
  }
  if (piece.len) memcpy(c->data->data + c->data->len, piece.data, piece.len);
  c->data->len += piece.len;
  c->received += piece.len;
  consume(c, used);
  if (rc == 1) {
    submit(c);
    return 1;
  }
  return used > 0 && c->in_len > 0;
}

/* The answer is out. 0: the connection goes on; -1: it was closed. */
static int after_answer(listen_conn *c) {
  c->out_len = c->out_at = 0;
  if (c->keep_alive) {
    enter(c, IN_HEAD);
    c->heard = c->since;
    return 0;
  }
  if (c->eof || c->last) {
    close_conn(c);
    return -1;
  }
  shutdown(c->fd, SHUT_WR); /* closed at once, the answer could be lost with what is not read yet */
  c->received = 0;
  enter(c, IN_LINGER);
  return 0;
}

/* Goes on until bytes, room or the spool are waited for. The connection may be closed in it. */
static void run(listen_conn *c) {
  for (;;) {
    int more = 0;
    if (c->state == IN_SEND) {
      int sent = send_some(c);
      if (sent < 0) {
        close_conn(c);
        return;
      }
      if (sent == 0) break;
      if (after_answer(c) < 0) return;
      more = c->state == IN_HEAD && c->in_len > 0;
    } else if (c->state == IN_HEAD) {
      more = read_head(c);
    } else if (c->state == IN_BODY) {
      more = read_body(c);
    }
    if (c->state == IN_LINGER) c->in_len = c->in_at = 0;
    if (!more) break;
  }
  if (c->eof && (c->state == IN_HEAD || c->state == IN_BODY || c->state == IN_LINGER)) {
    close_conn(c);
    return;
  }
  watch(c);
}

static int receive(listen_conn *c) {
  if (!c->in && !(c->in = malloc(LISTEN_IN_MAX))) return -1;
  if (c->in_at > 0) memmove(c->in, c->in + c->in_at, c->in_len);
  c->in_at = 0;
  if (c->in_len == LISTEN_IN_MAX) return 0;
  ssize_t n = recv(c->fd, c->in + c->in_len, LISTEN_IN_MAX - c->in_len, MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
  int64_t now = clock_of(c->stage);
  if (n == 0) c->eof = 1;
  if (n > 0 && c->state == IN_HEAD && c->in_len == 0) c->since = now; /* the time of a head runs from its first byte */
  if (n > 0) c->heard = now;
  c->in_len += (size_t)n;
  if (c->state == IN_LINGER) c->received += (uint64_t)n;
  return 0;
}

static void on_ready(sl_ctx *ctx, void *stage, void *user, uint32_t events, int32_t error) {
  listen_conn *c = user;
  (void)ctx;
  (void)stage;
  if (error || (events & SL_WATCH_READ && receive(c) < 0) || (c->state == IN_LINGER && c->received > LINGER_BYTES)) {
    close_conn(c);
    return;
  }
  run(c);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static void check(listen_conn *c, int64_t now) {
  const listen_params *p = c->stage->p;
  int64_t age = now - c->since;
  switch (c->state) {
  case IN_HEAD:
    if (c->in_len == 0) {
      if (now - c->heard >= p->idle_time) close_conn(c);
      return;
    }
    if (age < p->head_time) return;
    refuse(c, 408, "the head of the request did not come in time", NULL, 1);
    break;
  case IN_BODY:
    if (now - c->heard < p->head_time &&
        (age < RATE_FROM || (double)c->received * (double)SECOND >= (double)p->min_rate * (double)age))
      return;
    refuse(c, 408, "the body comes too slowly", NULL, 1);
    break;
  case IN_SEND:
    if (age >= SEND_TIME) close_conn(c);
    return;
  case IN_LINGER:
    if (age >= LINGER_TIME) close_conn(c);
    return;
  default:
    return;
  }
  run(c);
}

void listen_tick(sl_ctx *ctx, void *stage, void *user) {
  listen_stage *s = stage;
  int64_t now = sl_monotonic(ctx);
  (void)user;
  for (listen_conn *c = s->conns, *next; c; c = next) {
    next = c->next;
    check(c, now);
  }
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

/* 1 if a request lies unread in the kernel. */
static int has_bytes(const listen_conn *c) {
  char byte;
  return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* The connection that has been idle for longest; NULL if all are busy. */
static listen_conn *oldest_idle(const listen_stage *s) {
  listen_conn *oldest = NULL;
  for (listen_conn *c = s->conns; c; c = c->next)
    if (c->state == IN_HEAD && c->in_len == 0 && (!oldest || c->heard <= oldest->heard) && !has_bytes(c)) oldest = c;
  return oldest;
}

void listen_accept(listen_stage *s, int fd) {
  int full = s->n_conns >= (uint64_t)s->p->max_connections;
  if (full) {
    listen_conn *idle = oldest_idle(s);
    if (idle) close_conn(idle);
    full = !idle;
  }
  listen_conn *c = calloc(1, sizeof *c);
  if (!c) {
    close(fd);
    return;
  }
  c->stage = s;
  c->fd = fd;
  c->next = s->conns;
  if (c->next) c->next->prev = c;
  s->conns = c;
  s->n_conns++;
  sl_gauge(s->ctx, "connections", (double)s->n_conns);
  enter(c, IN_HEAD);
  c->heard = c->since;
  if (full) {
    c->last = 1;
    refuse(c, 503, "there are too many connections: try again", NULL, 1);
  }
  run(c);
}

void listen_stop_all(listen_stage *s) {
  while (s->conns) {
    listen_conn *c = s->conns;
    c->last = 1;
    if (c->state == IN_BODY || c->state == IN_SPOOL || (c->state == IN_HEAD && c->in_len > 0))
      refuse(c, 503, "the pipeline is stopping: try again", NULL, 1);
    if (c->state == IN_SEND) send_some(c);
    close_conn(c);
  }
  while (s->pending) { /* answers that come later find nobody */
    listen_pending *w = s->pending;
    s->pending = w->next;
    w->prev = w->next = NULL;
    w->stage = NULL;
    w->conn = NULL;
  }
}
