/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 server on a loop. */
#include "obs/http.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"
#include "obs/listen.h"

#define HEAD_LIMIT ((size_t)16 << 10)
#define LINGER_NS (2 * SL_TIME_S)
#define NEVER INT64_MAX
#define READ_BYTES ((size_t)16 << 10)
#define LISTENERS 4

/* What a connection is doing. */
enum { HEAD, BODY, ANSWER, STREAM, LAST };

typedef struct conn {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
  } uv;
  struct sl_http *h;
  struct conn *next;
  uint64_t id; /* of its request */
  int state, local, keep, chunked, closing;
  int bodiless;    /* a HEAD: the answer has no body */
  int running;     /* in go_on */
  int half;        /* the other side has ended its side */
  uint32_t writes; /* under way */
  int64_t due;     /* monotonic: when it is cut off */
  sl_buf in;       /* bytes that were not dealt with */
  size_t head_len;
  sl_http_head head; /* points into `in` */
  sl_http_body decoder;
  sl_buf body;
} conn;

struct sl_http {
  uv_loop_t *loop;
  sl_http_opts o;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
  } listeners[LISTENERS];
  uint32_t n_listeners, n_conns, open; /* open: handles that are not closed yet */
  uv_timer_t timer;
  conn *conns;
  uint64_t last_id;
  int closed;
};

typedef struct outgoing {
  uv_write_t req;
  conn *c;
  char data[];
} outgoing;

static void closed_one(sl_http *h) {
  if (--h->open == 0 && h->closed) sl_mem_free(h);
}

/* ---- connections ---- */

static void conn_closed(uv_handle_t *handle) {
  conn *c = handle->data;
  sl_http *h = c->h;
  for (conn **at = &h->conns; *at; at = &(*at)->next) {
    if (*at != c) continue;
    *at = c->next;
    break;
  }
  h->n_conns--;
  sl_buf_done(&c->in);
  sl_buf_done(&c->body);
  sl_mem_free(c);
  closed_one(h);
}

static void conn_close(conn *c) {
  if (c->closing) return;
  c->closing = 1;
  if ((c->state == ANSWER || c->state == STREAM) && c->h->o.gone) c->h->o.gone(c->h->o.user, c->id);
  uv_close(&c->uv.handle, conn_closed);
}

static conn *find(const sl_http *h, uint64_t id) {
  for (conn *c = h->conns; c; c = c->next)
    if (c->id == id && !c->closing) return c;
  return NULL;
}

static void go_on(conn *c);

static void hung_up(uv_shutdown_t *req, int status) {
  (void)status;
  sl_mem_free(req);
}

/* Closing while the other side still sends would reset the connection, and the answer might be lost with it: it is told
 * that nothing comes any more, and has a moment to hang up, too. */
static void hang_up(conn *c) {
  if (c->half) {
    conn_close(c);
    return;
  }
  uv_shutdown_t *req = sl_mem_alloc(sizeof *req);
  c->due = sl_time_mono() + LINGER_NS;
  if (req && uv_shutdown(req, &c->uv.stream, hung_up) == 0) return;
  sl_mem_free(req);
  conn_close(c);
}

static void sent(uv_write_t *req, int status) {
  outgoing *o = (outgoing *)(void *)req;
  conn *c = o->c;
  sl_mem_free(o);
  c->writes--;
  if (c->closing) return;
  if (status < 0) {
    conn_close(c);
    return;
  }
  if (c->writes)
    c->due = sl_time_mono() + c->h->o.send_ns;
  else if (c->state == STREAM)
    c->due = NEVER;
  else if (c->state == HEAD)
    c->due = sl_time_mono() + c->h->o.idle_ns;
  else if (c->state == LAST)
    hang_up(c);
}

static void send_bytes(conn *c, const char *head, size_t head_len, const void *data, size_t len) {
  outgoing *o = sl_mem_alloc(sizeof *o + head_len + len);
  if (!o) {
    conn_close(c);
    return;
  }
  o->c = c;
  memcpy(o->data, head, head_len);
  if (len) memcpy(o->data + head_len, data, len);
  uv_buf_t buf = uv_buf_init(o->data, (unsigned)(head_len + len));
  if (!c->writes) c->due = sl_time_mono() + c->h->o.send_ns;
  if (uv_write(&o->req, &c->uv.stream, &buf, 1, sent) != 0) {
    sl_mem_free(o);
    conn_close(c);
    return;
  }
  c->writes++;
}

/* The answer was handed over: the next request of the connection, or its end. */
static void answered(conn *c) {
  if (c->closing) return;
  if (!c->keep) {
    c->state = LAST;
    if (!c->writes) hang_up(c);
    return;
  }
  c->state = HEAD;
  c->id = ++c->h->last_id;
  sl_buf_done(&c->body);
  go_on(c);
}

static void answer(conn *c, int status, const char *type, const char *headers, const void *body, size_t len) {
  sl_buf head = {0};
  (void)sl_buf_addf(&head, "HTTP/1.1 %d %s\r\n", status, sl_http_reason(status));
  if (len || type) (void)sl_buf_addf(&head, "Content-Type: %s\r\n", type);
  (void)sl_buf_addf(&head, "Content-Length: %zu\r\nCache-Control: no-store\r\n%s%s\r\n", len, headers ? headers : "",
                    c->keep ? "" : "Connection: close\r\n");
  if (head.failed)
    conn_close(c);
  else
    send_bytes(c, head.data, head.len, body, c->bodiless ? 0 : len);
  sl_buf_done(&head);
}

/* An error that ends the connection: what follows in it cannot be told apart. */
static void refuse(conn *c, int status, const char *why) {
  char text[256];
  int n = snprintf(text, sizeof text, "{\"error\":\"%s\"}\n", why);
  c->keep = c->bodiless = 0;
  answer(c, status, "application/json", status == 401 ? "WWW-Authenticate: Bearer\r\n" : NULL, text, (size_t)n);
  c->state = LAST;
}

/* ---- requests ---- */

static void dispatch(conn *c) {
  sl_http_text target = c->head.target;
  const char *mark = memchr(target.data, '?', target.len);
  size_t path = mark ? (size_t)(mark - target.data) : target.len;
  sl_http_request req = {.id = c->id,
                         .local = c->local,
                         .head = &c->head,
                         .path = {target.data, path},
                         .query = {mark ? mark + 1 : "", mark ? target.len - path - 1 : 0},
                         .body = {c->body.data ? c->body.data : "", c->body.len}};
  c->state = ANSWER;
  c->keep = c->head.keep_alive && !c->half;
  c->bodiless = sl_http_is(c->head.method, "HEAD");
  c->due = NEVER; /* an answer may take as long as it takes */
  c->h->o.handle(c->h->o.user, &req);
}

/* 1 when there is a whole head. */
static int read_head(conn *c) {
  const char *why = "";
  if (!c->in.len) return 0;
  int64_t n = sl_http_head_parse(c->in.data, c->in.len, HEAD_LIMIT, &c->head, &why);
  if (n < 0) {
    refuse(c, (int)-n, why);
    return 0;
  }
  if (n == 0) return 0;
  int status = c->h->o.admit ? c->h->o.admit(c->h->o.user, c->local, &c->head) : 0;
  if (status) {
    refuse(c, status, status == 401 ? "a token is needed: Authorization: Bearer TOKEN" : sl_http_reason(status));
    return 0;
  }
  if (c->head.length > (int64_t)c->h->o.body) {
    refuse(c, 413, "the body is too large");
    return 0;
  }
  c->head_len = (size_t)n;
  c->state = BODY;
  c->due = sl_time_mono() + c->h->o.body_ns;
  sl_http_body_init(&c->decoder, &c->head);
  if (c->head.expects && (c->head.chunked || c->head.length > 0))
    send_bytes(c, "HTTP/1.1 100 Continue\r\n\r\n", 25, "", 0);
  return !c->closing;
}

/* 1 when the body is there. The head stays where it is until the answer: its texts are needed. */
static int read_body(conn *c) {
  for (;;) {
    size_t used = 0;
    sl_http_text piece;
    int rc = sl_http_body_next(&c->decoder, c->in.data + c->head_len, c->in.len - c->head_len, &used, &piece);
    if (rc >= 0 && c->body.len + piece.len > c->h->o.body) {
      refuse(c, 413, "the body is too large");
      return 0;
    }
    if (rc < 0 || sl_buf_add(&c->body, piece.data, piece.len) != 0) {
      refuse(c, rc < 0 ? 400 : 503, rc < 0 ? "the chunks of the body are not well-formed" : "memory is out");
      return 0;
    }
    if (used) {
      memmove(c->in.data + c->head_len, c->in.data + c->head_len + used, c->in.len - c->head_len - used);
      c->in.len -= used;
    }
    if (rc == 1) return 1;
    if (c->in.len == c->head_len || !used) return 0;
  }
}

/* One request; 1 if the next one can be looked for. */
static int step(conn *c) {
  if (c->closing) return 0;
  if (c->state == HEAD && !read_head(c)) return 0;
  if (c->state != BODY || !read_body(c)) return 0;
  /* What follows belongs to the next request; the head stays as long as the handler looks at it. */
  sl_buf rest = {0}, head = c->in;
  if (head.len > c->head_len && sl_buf_add(&rest, head.data + c->head_len, head.len - c->head_len) != 0) {
    conn_close(c);
    return 0;
  }
  c->in = rest;
  /* The buffer may have moved while the body came in. */
  const char *why = NULL;
  (void)sl_http_head_parse(head.data, c->head_len, HEAD_LIMIT, &c->head, &why);
  dispatch(c);
  sl_buf_done(&head);
  return c->state == HEAD;
}

static void go_on(conn *c) {
  if (c->running) return;
  c->running = 1;
  while (step(c)) {
  }
  c->running = 0;
}

static void room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  conn *c = handle->data;
  (void)suggested;
  *buf = sl_buf_reserve(&c->in, READ_BYTES) == 0 ? uv_buf_init(c->in.data + c->in.len, (unsigned)READ_BYTES)
                                                 : uv_buf_init(NULL, 0);
}

/* The other side has ended: what is under way may still be answered, nothing else. */
static void ended(conn *c) {
  if (c->state == STREAM || c->state == BODY || (c->state == HEAD && !c->writes) || (c->state == LAST && !c->writes)) {
    conn_close(c);
    return;
  }
  c->half = 1;
  c->keep = 0;
  (void)uv_read_stop(&c->uv.stream);
  if (c->state == HEAD) c->state = LAST;
}

static void got(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  conn *c = stream->data;
  (void)buf;
  if (n == UV_EOF) {
    ended(c);
    return;
  }
  if (n < 0) {
    conn_close(c);
    return;
  }
  if (n == 0 || c->state == LAST) return;
  if (c->state == HEAD && !c->in.len) c->due = sl_time_mono() + c->h->o.head_ns;
  c->in.len += (size_t)n;
  /* Who sends on and on while a request is answered is not listened to. */
  if ((c->state == ANSWER || c->state == STREAM) && c->in.len > HEAD_LIMIT) {
    conn_close(c);
    return;
  }
  go_on(c);
}

static void on_connection(uv_stream_t *listener, int status) {
  sl_http *h = listener->data;
  if (status < 0 || h->closed) return;
  conn *c = sl_mem_calloc(1, sizeof *c);
  if (!c) return;
  int local = listener->type == UV_NAMED_PIPE;
  int rc = local ? uv_pipe_init(h->loop, &c->uv.pipe, 0) : uv_tcp_init(h->loop, &c->uv.tcp);
  if (rc != 0) {
    sl_mem_free(c);
    return;
  }
  *c = (conn){.uv = c->uv, .h = h, .local = local, .id = ++h->last_id, .state = HEAD, .next = h->conns};
  c->uv.handle.data = c;
  c->due = sl_time_mono() + c->h->o.head_ns;
  h->conns = c;
  h->n_conns++;
  h->open++;
  if (uv_accept(listener, &c->uv.stream) != 0) {
    conn_close(c);
    return;
  }
  if (h->n_conns > h->o.connections)
    refuse(c, 503, "there are too many connections");
  else if (uv_read_start(&c->uv.stream, room, got) != 0)
    conn_close(c);
}

static void on_timer(uv_timer_t *timer) {
  sl_http *h = timer->data;
  int64_t now = sl_time_mono();
  for (conn *c = h->conns, *next; c; c = next) {
    next = c->next;
    if (c->closing || now < c->due) continue;
    if ((c->state == HEAD && c->in.len) || c->state == BODY)
      refuse(c, 408, "the request took too long");
    else
      conn_close(c);
  }
}

/* ---- the server ---- */

int sl_http_new(uv_loop_t *loop, const sl_http_opts *opts, sl_http **ret, sl_err *err) {
  sl_http *h = sl_mem_calloc(1, sizeof *h);
  if (!h) return sl_err_set(err, SL_ENOMEM, "no memory for the admin server");
  h->loop = loop;
  h->o = *opts;
  if (!h->o.connections) h->o.connections = 64;
  if (!h->o.head_ns) h->o.head_ns = 10 * SL_TIME_S;
  if (!h->o.body_ns) h->o.body_ns = 60 * SL_TIME_S;
  if (!h->o.idle_ns) h->o.idle_ns = 30 * SL_TIME_S;
  if (!h->o.send_ns) h->o.send_ns = 30 * SL_TIME_S;
  (void)uv_timer_init(loop, &h->timer);
  h->timer.data = h;
  h->open = 1;
  (void)uv_timer_start(&h->timer, on_timer, 250, 250);
  *ret = h;
  return 0;
}

static void handle_closed(uv_handle_t *handle) { closed_one(handle->data); }

/* Ends the making of a listener: listens, or closes what was opened. */
static int listen_on(sl_http *h, int rc, const char *what, sl_err *err) {
  uv_stream_t *stream = &h->listeners[h->n_listeners].stream;
  stream->data = h;
  h->open++;
  if (rc == 0) rc = uv_listen(stream, 64, on_connection);
  if (rc == 0) {
    h->n_listeners++;
    return 0;
  }
  h->n_listeners++; /* its place stays taken until it is closed */
  uv_close((uv_handle_t *)stream, handle_closed);
  return sl_err_set(err, SL_EIO, "cannot listen on %s: %s", what, uv_strerror(rc));
}

int sl_http_listen_unix(sl_http *h, const char *path, sl_err *err) {
  int fd = -1;
  if (h->n_listeners == LISTENERS) return sl_err_set(err, SL_ELIMIT, "too many addresses to listen on");
  int rc = sl_listen_unix(path, &fd, err);
  if (rc != 0) return rc;
  rc = uv_pipe_init(h->loop, &h->listeners[h->n_listeners].pipe, 0);
  if (rc == 0) rc = uv_pipe_open(&h->listeners[h->n_listeners].pipe, fd);
  if (rc != 0) (void)close(fd);
  return listen_on(h, rc, path, err);
}

int sl_http_listen_tcp(sl_http *h, const char *address, char *buf, size_t cap, sl_err *err) {
  int fd = -1;
  if (h->n_listeners == LISTENERS) return sl_err_set(err, SL_ELIMIT, "too many addresses to listen on");
  int rc = sl_listen_tcp(address, &fd, buf, cap, err);
  if (rc != 0) return rc;
  rc = uv_tcp_init(h->loop, &h->listeners[h->n_listeners].tcp);
  if (rc == 0) rc = uv_tcp_open(&h->listeners[h->n_listeners].tcp, fd);
  if (rc != 0) (void)close(fd);
  return listen_on(h, rc, address, err);
}

void sl_http_close(sl_http *h) {
  if (!h || h->closed) return;
  h->closed = 1;
  for (conn *c = h->conns, *next; c; c = next) {
    next = c->next;
    conn_close(c);
  }
  for (uint32_t i = 0; i < h->n_listeners; i++)
    if (!uv_is_closing(&h->listeners[i].handle)) uv_close(&h->listeners[i].handle, handle_closed);
  uv_close((uv_handle_t *)&h->timer, handle_closed);
}

/* ---- answers ---- */

void sl_http_answer(sl_http *h, uint64_t id, int status, const char *type, const char *headers, const void *body,
                    size_t len) {
  conn *c = find(h, id);
  if (!c || c->state != ANSWER) return;
  answer(c, status, type, headers, body, len);
  answered(c);
}

void sl_http_stream(sl_http *h, uint64_t id, const char *type) {
  conn *c = find(h, id);
  sl_buf head = {0};
  if (!c || c->state != ANSWER) return;
  c->chunked = c->head.minor == 1;
  if (!c->chunked) c->keep = 0;
  (void)sl_buf_addf(&head, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-store\r\n%s%s\r\n", type,
                    c->chunked ? "Transfer-Encoding: chunked\r\n" : "", c->keep ? "" : "Connection: close\r\n");
  c->state = STREAM;
  if (head.failed)
    conn_close(c);
  else
    send_bytes(c, head.data, head.len, "", 0);
  sl_buf_done(&head);
}

size_t sl_http_stream_add(sl_http *h, uint64_t id, const void *data, size_t len) {
  conn *c = find(h, id);
  char size[24];
  if (!c || c->state != STREAM || !len) return 0;
  if (c->chunked) {
    int n = snprintf(size, sizeof size, "%zx\r\n", len);
    send_bytes(c, size, (size_t)n, data, len);
    if (!c->closing) send_bytes(c, "\r\n", 2, "", 0);
  } else {
    send_bytes(c, data, len, "", 0);
  }
  return c->closing ? 0 : uv_stream_get_write_queue_size(&c->uv.stream);
}

void sl_http_stream_end(sl_http *h, uint64_t id) {
  conn *c = find(h, id);
  if (!c || c->state != STREAM) return;
  if (c->chunked) send_bytes(c, "0\r\n\r\n", 5, "", 0);
  if (!c->closing) answered(c);
}
