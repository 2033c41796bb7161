/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface on the loop of the host.
 *
 * curl tells which descriptors it waits for and until when; the host's watches and timers call back, and curl is called
 * from there. Rules: no function of curl_multi is called from a callback of curl; a descriptor is given back to the
 * host before it is closed, also when curl closes it without a word (CURLOPT_CLOSESOCKETFUNCTION); a timer of 0 goes
 * through the loop.
 */
#include "impl.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPARE_MAX 64
#define TICK (100 * WEB_MS)
#define HEADERS_MAX ((size_t)256 << 10)
#define RAW_MAX ((size_t)512 << 10)
#define BODY_FIRST ((size_t)16 << 10)
#define RATIO_FROM ((size_t)1 << 20)
/* What curl may have read before it counted it. */
#define WIRE_SLACK ((size_t)16 << 10)

static void drain(web_client *c);

/* ---- descriptors and time ---------------------------------------------------------------------------------------- */

static void on_socket(sl_ctx *ctx, void *stage, void *user, uint32_t events, int32_t error) {
  web_sock *s = user;
  web_client *c = s->c;
  int running = 0, mask = 0;
  (void)ctx;
  (void)stage;
  if (events & SL_WATCH_READ) mask |= CURL_CSELECT_IN;
  if (events & SL_WATCH_WRITE) mask |= CURL_CSELECT_OUT;
  if (error) mask = CURL_CSELECT_IN | CURL_CSELECT_OUT; /* what is wrong, reading and writing will tell */
  curl_multi_socket_action(c->multi, s->fd, mask, &running);
  drain(c);
}

static web_sock *sock_of(web_client *c, curl_socket_t fd) {
  uint32_t at = (uint32_t)fd;
  if (at >= c->n_socks) {
    uint32_t n = c->n_socks ? c->n_socks : 64;
    while (n <= at) n *= 2;
    web_sock **socks = web_alloc0(c, n * sizeof(web_sock *));
    if (!socks) return NULL;
    if (c->socks) {
      memcpy(socks, c->socks, c->n_socks * sizeof(web_sock *));
      c->mem.free(c->socks);
    }
    c->socks = socks;
    c->n_socks = n;
  }
  if (!c->socks[at] && (c->socks[at] = web_alloc0(c, sizeof(web_sock)))) *c->socks[at] = (web_sock){c, fd};
  return c->socks[at];
}

static int socket_cb(CURL *easy, curl_socket_t fd, int what, void *user, void *per_socket) {
  web_client *c = user;
  (void)easy;
  (void)per_socket;
  if (what == CURL_POLL_REMOVE) {
    sl_watch(c->ctx, fd, 0, NULL, NULL);
    return 0;
  }
  uint32_t events = (what & CURL_POLL_IN ? SL_WATCH_READ : 0) | (what & CURL_POLL_OUT ? SL_WATCH_WRITE : 0);
  web_sock *s = sock_of(c, fd);
  if (!s || !events) return s ? 0 : -1;
  return sl_watch(c->ctx, fd, events, on_socket, s) == SL_OK ? 0 : -1;
}

static void on_curl_time(sl_ctx *ctx, void *stage, void *user) {
  web_client *c = user;
  int running = 0;
  (void)ctx;
  (void)stage;
  c->curl_timer = 0;
  curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  drain(c);
}

static int timer_cb(CURLM *multi, long ms, void *user) {
  web_client *c = user;
  (void)multi;
  if (c->curl_timer) sl_timer_stop(c->ctx, c->curl_timer);
  c->curl_timer = ms < 0 ? 0 : sl_timer_start(c->ctx, (int64_t)ms * WEB_MS, 0, on_curl_time, c);
  return ms < 0 || c->curl_timer ? 0 : -1;
}

static curl_socket_t open_cb(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
  web_transfer *t = user;
  web_client *c = t->c;
  const char *why = "";
  /* Behind a proxy this is the address of the proxy, which the operator has named. */
  if (purpose == CURLSOCKTYPE_IPCXN && !t->proxied && !webaddr_allowed(&c->allowed, &address->addr, &why)) {
    t->refused = true;
    snprintf(t->why, sizeof t->why, "the host resolves to %s", why);
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int close_cb(void *user, curl_socket_t fd) {
  web_client *c = user;
  if (c->ctx) sl_watch(c->ctx, fd, 0, NULL, NULL);
  return close(fd);
}

/* ---- what comes in ----------------------------------------------------------------------------------------------- */

static void keep_raw(web_transfer *t, const char *data, size_t n) {
  const web_client *c = t->c;
  if (!c->p->record || t->raw_len + n > RAW_MAX) return;
  if (t->raw_len + n > t->raw_cap) {
    size_t cap = t->raw_cap ? t->raw_cap * 2 : 2048;
    while (cap < t->raw_len + n) cap *= 2;
    char *raw = c->mem.alloc(cap);
    if (!raw) return;
    if (t->raw) {
      memcpy(raw, t->raw, t->raw_len);
      c->mem.free(t->raw);
    }
    t->raw = raw;
    t->raw_cap = cap;
  }
  memcpy(t->raw + t->raw_len, data, n);
  t->raw_len += n;
}

static int debug_cb(CURL *easy, curl_infotype type, char *data, size_t n, void *user) {
  (void)easy;
  if (type == CURLINFO_HEADER_OUT) keep_raw(user, data, n);
  return 0;
}

static size_t cut(web_transfer *t, web_cut why) {
  t->cut = why;
  return 0;
}

/* One encoding is enough for every honest server. */
static bool stacked(const char *encoding) { return encoding && strchr(encoding, ','); }

static size_t header_cb(char *data, size_t size, size_t count, void *user) {
  web_transfer *t = user;
  size_t n = size * count, len = n;
  t->heard = web_now(t->c);
  t->header_bytes += n;
  if (t->header_bytes > HEADERS_MAX) return cut(t, WEB_CUT_HEADERS);
  keep_raw(t, data, n);
  while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r')) len--;
  if (len > 0) {
    web_header_line(t->c, &t->headers, data, len);
    return n;
  }
  const web_headers *h = &t->headers;
  if (h->status < 200) return n;
  if (stacked(h->encoding)) return cut(t, WEB_CUT_ENCODING);
  if (h->length > t->limit && h->status < 300 && !t->job->robots_of) return cut(t, WEB_CUT_SIZE);
  return n;
}

/* 0 when there is no more memory for the pages that are coming in. */
static int grow(web_transfer *t, size_t need) {
  web_client *c = t->c;
  if (need <= t->cap) return 1;
  size_t cap = t->cap ? t->cap * 2 : BODY_FIRST;
  if (!t->cap && t->headers.length > 0 && !t->headers.encoding) cap = (size_t)t->headers.length;
  if (cap < need) cap = need;
  if (c->buffered - t->cap + cap > 2 * (size_t)c->p->max_buffer) {
    t->cut = WEB_CUT_BUSY;
    return 0;
  }
  unsigned char *body = c->mem.alloc(cap);
  if (!body) {
    t->cut = WEB_CUT_MEMORY;
    return 0;
  }
  if (t->len) memcpy(body, t->body, t->len);
  if (t->body) c->mem.free(t->body);
  c->buffered += cap - t->cap;
  t->body = body;
  t->cap = cap;
  return 1;
}

static size_t wire_bytes(const web_transfer *t) {
  curl_off_t n = 0;
  curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &n);
  return n > 0 ? (size_t)n : 0;
}

static size_t write_cb(char *data, size_t size, size_t count, void *user) {
  web_transfer *t = user;
  size_t n = size * count, room = (size_t)t->limit - t->len;
  t->heard = web_now(t->c);
  if (t->headers.encoding && t->len + n > RATIO_FROM &&
      (t->len + n) / (size_t)t->c->p->max_ratio > wire_bytes(t) + WIRE_SLACK)
    return cut(t, WEB_CUT_BOMB);
  size_t take = n < room ? n : room;
  if (take && !grow(t, t->len + take)) return 0;
  if (take) memcpy(t->body + t->len, data, take);
  t->len += take;
  if (take == n) return n;
  if (t->job->robots_of) return cut(t, WEB_CUT_ENOUGH);
  return cut(t,
             t->headers.encoding && t->len / (size_t)t->c->p->max_ratio > wire_bytes(t) ? WEB_CUT_BOMB : WEB_CUT_SIZE);
}

/* ---- transfers --------------------------------------------------------------------------------------------------- */

static web_transfer *transfer_new(web_client *c) {
  web_transfer *t = c->spare;
  if (t) {
    c->spare = t->next;
    c->n_spare--;
    t->next = NULL;
    return t;
  }
  t = web_alloc0(c, sizeof *t);
  if (!t) return NULL;
  t->c = c;
  t->headers.length = -1;
  t->easy = curl_easy_init();
  if (t->easy) return t;
  c->mem.free(t);
  return NULL;
}

static void transfer_free(web_transfer *t) {
  curl_easy_cleanup(t->easy);
  t->c->mem.free(t);
}

static void on_tick(sl_ctx *ctx, void *stage, void *user);

static int set_callbacks(web_transfer *t) {
  web_client *c = t->c;
  CURL *e = t->easy;
  int bad = curl_easy_setopt(e, CURLOPT_PRIVATE, t) || curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, write_cb) ||
            curl_easy_setopt(e, CURLOPT_WRITEDATA, t) || curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, header_cb) ||
            curl_easy_setopt(e, CURLOPT_HEADERDATA, t) || curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_cb) ||
            curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t) ||
            curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_cb) ||
            curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, c) || curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
  if (!bad && c->p->record)
    bad = curl_easy_setopt(e, CURLOPT_VERBOSE, 1L) || curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, debug_cb) ||
          curl_easy_setopt(e, CURLOPT_DEBUGDATA, t);
  return bad ? -1 : 0;
}

int web_transfer_begin(web_job *j) {
  web_client *c = j->c;
  if (c->p->replay) {
    web_replay(j);
    return 0;
  }
  const char *why = "no address";
  if (!web_target_allowed(c, &j->url, &why)) {
    web_answer a = {.code = CURLE_COULDNT_CONNECT, .refused = true, .headers = {.length = -1}};
    snprintf(a.why, sizeof a.why, "the address is %s", why);
    web_exchange_over(j, &a);
    return 0;
  }
  web_transfer *t = transfer_new(c);
  if (!t) return -1;
  t->job = j;
  t->limit = j->max_bytes;
  t->begun = web_now(c);
  t->error[0] = '\0';
  t->prev = NULL;
  t->next = c->active;
  if (c->active) c->active->prev = t;
  c->active = t;
  c->n_active++;
  j->on = t;
  j->place = WEB_ACTIVE;
  if (set_callbacks(t) || web_request_set(t) || curl_multi_add_handle(c->multi, t->easy)) {
    web_transfer_end(t);
    return -1;
  }
  if (!c->tick_timer) c->tick_timer = sl_timer_start(c->ctx, TICK, TICK, on_tick, c);
  return 0;
}

void web_transfer_end(web_transfer *t) {
  web_client *c = t->c;
  if (t->job) {
    t->job->on = NULL;
    t->job->place = WEB_NOWHERE;
  }
  curl_multi_remove_handle(c->multi, t->easy);
  if (c->share) curl_easy_setopt(t->easy, CURLOPT_COOKIEFILE, NULL); /* curl_easy_reset forgets to free its list */
  curl_easy_reset(t->easy);
  curl_slist_free_all(t->sent);
  *(t->prev ? &t->prev->next : &c->active) = t->next;
  if (t->next) t->next->prev = t->prev;
  c->n_active--;
  c->buffered -= t->cap;
  if (t->body) c->mem.free(t->body);
  if (t->raw) c->mem.free(t->raw);
  web_headers_free(c, &t->headers);
  CURL *easy = t->easy;
  *t = (web_transfer){.c = c, .easy = easy, .headers = {.length = -1}};
  if (c->n_spare >= SPARE_MAX) {
    transfer_free(t);
    return;
  }
  t->next = c->spare;
  c->spare = t;
  c->n_spare++;
}

/* ---- the end of an exchange -------------------------------------------------------------------------------------- */

static int64_t time_of(const web_transfer *t, CURLINFO what) {
  curl_off_t us = 0;
  curl_easy_getinfo(t->easy, what, &us);
  return (int64_t)us * 1000;
}

/* The body in a block of its size. */
static void take_body(web_transfer *t, web_answer *a) {
  web_client *c = t->c;
  a->body = t->body;
  a->len = t->len;
  c->buffered -= t->cap;
  if (t->body && t->cap > t->len + t->len / 4) {
    void *fit = c->mem.alloc(t->len ? t->len : 1);
    if (fit) {
      memcpy(fit, t->body, t->len);
      c->mem.free(t->body);
      a->body = fit;
    }
  }
  t->body = NULL;
  t->cap = t->len = 0;
}

void web_exchange_over(web_job *j, web_answer *a) {
  if (j->host && !j->robots_of) web_host_done(j->c, j->host);
  web_judge(j, a);
}

/* What curl has in hand: bytes that decompression makes nothing of are seen here alone. */
static bool over_wire(const web_transfer *t) {
  return !t->job->robots_of && wire_bytes(t) > (size_t)t->limit + WIRE_SLACK;
}

static void complete(web_transfer *t, CURLcode code) {
  web_job *j = t->job;
  if (!t->cut && over_wire(t)) t->cut = WEB_CUT_SIZE;
  web_answer a = {.code = code, .cut = t->cut, .refused = t->refused, .headers = t->headers};
  t->headers = (web_headers){.length = -1};
  a.wire = wire_bytes(t);
  a.connected = time_of(t, CURLINFO_PRETRANSFER_TIME_T) > 0;
  a.first_byte_ns = time_of(t, CURLINFO_STARTTRANSFER_TIME_T);
  a.total_ns = time_of(t, CURLINFO_TOTAL_TIME_T);
  snprintf(a.why, sizeof a.why, "%s", t->refused ? t->why : t->error[0] ? t->error : curl_easy_strerror(code));
  if (t->c->p->record && code == CURLE_OK) {
    t->headers.status = a.headers.status;
    web_record(t->c, t);
    t->headers.status = 0;
  }
  take_body(t, &a);
  web_transfer_end(t);
  web_exchange_over(j, &a);
}

static void drain(web_client *c) {
  CURLMsg *m;
  int left;
  while ((m = curl_multi_info_read(c->multi, &left))) {
    web_transfer *t = NULL;
    CURLcode code = m->data.result;
    if (m->msg != CURLMSG_DONE) continue;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
    complete(t, code);
  }
  web_work(c);
}

/* 1 if the transfer is to be cut. */
static int too_slow(web_transfer *t, int64_t now) {
  const web_params *p = t->c->p;
  int64_t sent = t->begun + time_of(t, CURLINFO_PRETRANSFER_TIME_T);
  size_t wire = wire_bytes(t);
  if (wire > t->wire) t->heard = now;
  t->wire = wire;
  if (over_wire(t))
    t->cut = WEB_CUT_SIZE;
  else if (t->heard && now - t->heard > p->stall_timeout)
    t->cut = WEB_CUT_STALL;
  else if (!t->heard && sent > t->begun && now - sent > p->first_byte_timeout)
    t->cut = WEB_CUT_FIRST_BYTE;
  else
    return 0;
  return 1;
}

/* Who is too slow? */
static void on_tick(sl_ctx *ctx, void *stage, void *user) {
  web_client *c = user;
  (void)stage;
  sl_gauge(ctx, "requests", (double)c->n_active);
  sl_gauge(ctx, "hosts", (double)c->n_hosts);
  if (!c->n_active) {
    sl_timer_stop(ctx, c->tick_timer);
    c->tick_timer = 0;
    return;
  }
  int64_t now = web_now(c);
  for (web_transfer *t = c->active, *next; t; t = next) {
    next = t->next;
    if (too_slow(t, now)) complete(t, CURLE_OPERATION_TIMEDOUT);
  }
  web_work(c);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static int32_t fail_start(web_client *c) {
  sl_fail(c->ctx, SL_ENOMEM, "libcurl cannot be started: memory is out", NULL, NULL);
  return SL_ENOMEM;
}

int32_t web_curl_start(web_client *c) {
  if (c->p->replay) return SL_OK;
  if (curl_global_init(CURL_GLOBAL_DEFAULT)) return fail_start(c);
  c->multi = curl_multi_init();
  if (!c->multi) return fail_start(c);
  long most = (long)c->p->max_connections;
  if (curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, socket_cb) ||
      curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c) ||
      curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, timer_cb) ||
      curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c) || curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, most) ||
      curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX))
    return fail_start(c);
  if (!c->p->cookies) return SL_OK;
  c->share = curl_share_init();
  if (!c->share || curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE)) return fail_start(c);
  return SL_OK;
}

void web_curl_stop(web_client *c) {
  while (c->active) web_transfer_end(c->active);
  while (c->spare) {
    web_transfer *t = c->spare;
    c->spare = t->next;
    transfer_free(t);
  }
  c->n_spare = 0;
  if (c->multi) curl_multi_cleanup(c->multi);
  c->multi = NULL;
  if (c->share) curl_share_cleanup(c->share);
  c->share = NULL;
  if (c->curl_timer) sl_timer_stop(c->ctx, c->curl_timer);
  c->curl_timer = 0;
  for (uint32_t i = 0; i < c->n_socks; i++)
    if (c->socks[i]) c->mem.free(c->socks[i]);
  if (c->socks) c->mem.free(c->socks);
  c->socks = NULL;
  c->n_socks = 0;
}
