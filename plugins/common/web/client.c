/* SPDX-License-Identifier: Apache-2.0 */
/* The client as stages see it: parameters, requests, their ends. */
#include "impl.h"

#include <stdio.h>
#include <string.h>

int64_t web_now(const web_client *c) { return sl_monotonic(c->ctx); }

void *web_alloc0(const web_client *c, size_t n) {
  void *p = c->mem.alloc(n);
  if (p) memset(p, 0, n);
  return p;
}

char *web_dup_n(const web_client *c, const char *text, size_t n) {
  char *copy = c->mem.alloc(n + 1);
  if (!copy) return NULL;
  if (n) memcpy(copy, text, n);
  copy[n] = '\0';
  return copy;
}

char *web_dup(const web_client *c, const char *text) { return text ? web_dup_n(c, text, strlen(text)) : NULL; }

static void drop(const web_client *c, char **text) {
  if (*text) c->mem.free(*text);
  *text = NULL;
}

void web_headers_free(const web_client *c, web_headers *h) {
  drop(c, &h->content_type);
  drop(c, &h->etag);
  drop(c, &h->last_modified);
  drop(c, &h->link);
  drop(c, &h->location);
  drop(c, &h->retry_after);
  drop(c, &h->encoding);
  *h = (web_headers){.length = -1};
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static int32_t refuse(sl_ctx *ctx, const char *message, const char *detail, const char *hint) {
  sl_fail(ctx, SL_EINVAL, message, detail, hint);
  return SL_EINVAL;
}

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

/* What may stand in a header: no control characters. */
static bool is_line(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 ? *text != '\t' : *text == 0x7F) return false;
  return true;
}

static bool is_token(const char *text) {
  return *text &&
         text[strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == 0;
}

/* A secret out of a file ends in a line break. */
static size_t trimmed(const char *text) {
  size_t n = strlen(text);
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')) n--;
  return n;
}

static int32_t check_headers(sl_ctx *ctx, const web_client *c) {
  const sl_entry *e = c->p->headers.items;
  for (uint32_t i = 0; i < c->p->headers.count; i++) {
    char *text = e[i].text ? web_dup_n(c, e[i].text, trimmed(e[i].text)) : NULL;
    bool good = text && is_line(text) && is_token(e[i].key);
    if (text) c->mem.free(text);
    if (!good)
      return refuse(ctx, "expected a header name and a text of one line under `headers`", e[i].key,
                    "write e.g. headers: { Accept-Language: vi }");
  }
  return SL_OK;
}

static int32_t set_agent(sl_ctx *ctx, web_client *c) {
  const char *name = c->p->user_agent, *contact = c->p->contact;
  if (!is_line(name) || (contact && !is_line(contact)))
    return refuse(ctx, "the user agent and the contact may not hold control characters", name, NULL);
  size_t n = strcspn(name, "/ ("), cap = strlen(name) + (contact ? strlen(contact) : 0) + 8;
  if (n == 0) return refuse(ctx, "expected a user agent that begins with a name", name, "write e.g. NewsReader/1.0");
  c->product = web_dup_n(c, name, n);
  c->agent = c->mem.alloc(cap);
  if (!c->product || !c->agent) return no_memory(ctx);
  if (contact)
    snprintf(c->agent, cap, "%s (+%s)", name, contact);
  else
    snprintf(c->agent, cap, "%s", name);
  return SL_OK;
}

static int32_t set_allowed(sl_ctx *ctx, web_client *c) {
  const char *const *items = c->p->allow_private.items;
  for (uint32_t i = 0; i < c->p->allow_private.count; i++) {
    const char *why = NULL;
    int rc = webaddr_allow(&c->allowed, &c->mem, items[i], &why);
    if (rc == SL_ENOMEM) return no_memory(ctx);
    if (!rc) continue;
    char text[200];
    snprintf(text, sizeof text, "allow_private: the range %s", why ? why : "cannot be read");
    return refuse(ctx, text, items[i], "write e.g. allow_private: [loopback, 10.1.0.0/16]");
  }
  return SL_OK;
}

static int32_t set_resolve(sl_ctx *ctx, web_client *c) {
  const char *const *items = c->p->resolve.items;
  for (uint32_t i = 0; i < c->p->resolve.count; i++) {
    const char *colon = strchr(items[i], ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
    if (!second || colon == items[i] || !second[1] || strspn(colon + 1, "0123456789") != (size_t)(second - colon - 1))
      return refuse(ctx, "expected HOST:PORT:ADDRESS under `resolve`", items[i],
                    "write e.g. resolve: [\"news.example:80:192.0.2.1\"]");
    struct curl_slist *more = curl_slist_append(c->resolve, items[i]);
    if (!more) return no_memory(ctx);
    c->resolve = more;
  }
  return SL_OK;
}

static int32_t set_proxy(sl_ctx *ctx, web_client *c) {
  size_t n = c->p->proxy ? trimmed(c->p->proxy) : 0;
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)c->p->proxy[i] <= ' ')
      return refuse(ctx, "expected the URL of a proxy on one line", NULL,
                    "write e.g. proxy: http://proxy.example:3128");
  if (c->p->record && c->p->replay)
    return refuse(ctx, "`record` and `replay` exclude each other", NULL, "give one of them");
  return SL_OK;
}

int32_t web_client_new(sl_ctx *ctx, const web_params *params, web_client **ret) {
  *ret = NULL;
  web_client *c = ctx->host->alloc(sizeof *c);
  if (!c) return no_memory(ctx);
  memset(c, 0, sizeof *c);
  c->mem = (lane_mem){ctx->host->alloc, ctx->host->free};
  c->p = params;
  int32_t rc = set_agent(ctx, c);
  if (!rc) rc = check_headers(ctx, c);
  if (!rc) rc = set_allowed(ctx, c);
  if (!rc) rc = set_resolve(ctx, c);
  if (!rc) rc = set_proxy(ctx, c);
  if (rc) {
    web_client_free(c);
    return rc;
  }
  *ret = c;
  return SL_OK;
}

void web_client_free(web_client *c) {
  if (!c) return;
  if (c->ctx) web_client_stop(c);
  web_hosts_free(c);
  curl_slist_free_all(c->resolve);
  webaddr_list_free(&c->allowed);
  drop(c, &c->agent);
  drop(c, &c->product);
  if (c->heap) c->mem.free(c->heap);
  void (*release)(void *) = c->mem.free;
  release(c);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

int32_t web_client_start(web_client *c, sl_ctx *ctx) {
  c->ctx = ctx;
  c->kv = sl_extension(ctx, SL_EXT_KV);
  c->notes = sl_extension(ctx, SL_EXT_RESUME);
  c->written = 0;
  c->record_full = false;
  int32_t rc = web_record_check(c, ctx);
  if (!rc) rc = web_curl_start(c);
  if (!rc) web_purge_robots(c);
  if (rc) web_client_stop(c);
  return rc;
}

void web_client_stop(web_client *c) {
  if (!c->ctx) return;
  c->working = 1; /* nothing is begun any more */
  for (uint32_t i = 0; i < WEB_BUCKETS; i++)
    while (c->jobs[i]) web_job_free(c->jobs[i]);
  web_hosts_rest(c);
  web_curl_stop(c);
  c->working = 0;
  if (c->wake_timer) sl_timer_stop(c->ctx, c->wake_timer);
  if (c->tick_timer) sl_timer_stop(c->ctx, c->tick_timer);
  c->wake_timer = c->tick_timer = 0;
  c->kv = NULL;
  c->notes = NULL;
  c->ctx = NULL;
}

uint32_t web_pending(const web_client *c) { return c->n_jobs; }

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

static void unlink_done(web_job *j) {
  web_client *c = j->c;
  *(j->prev ? &j->prev->next : &c->done_head) = j->next;
  *(j->next ? &j->next->prev : &c->done_tail) = j->prev;
  j->prev = j->next = NULL;
  j->place = WEB_NOWHERE;
}

/* Takes the job from where it is. */
static void take_off(web_job *j) {
  switch (j->place) {
  case WEB_QUEUED:
    web_unqueue(j);
    break;
  case WEB_TIMED:
    web_heap_remove(j->c, &j->timed);
    break;
  case WEB_ACTIVE:
    web_transfer_end(j->on);
    break;
  case WEB_DONE:
    unlink_done(j);
    break;
  default:
    break;
  }
  j->place = WEB_NOWHERE;
}

static void forget(web_job *j) {
  web_job **at = &j->c->jobs[j->id % WEB_BUCKETS];
  while (*at && *at != j) at = &(*at)->older;
  if (!*at) return;
  *at = j->older;
  j->c->n_jobs--;
}

void web_job_free(web_job *j) {
  web_client *c = j->c;
  take_off(j);
  forget(j);
  if (j->result.body) c->mem.free((void *)(uintptr_t)j->result.body);
  for (uint32_t i = 0; i < j->redirects; i++) drop(c, &j->chain[i]);
  web_headers_free(c, &j->headers);
  weburl_free(&j->first);
  weburl_free(&j->url);
  drop(c, &j->bad_url);
  drop(c, &j->accept);
  drop(c, &j->etag);
  drop(c, &j->last_modified);
  drop(c, &j->validated);
  c->mem.free(j);
}

void web_end(web_job *j, int32_t outcome, const char *reason, bool temporary, const char *why, const char *hint) {
  web_client *c = j->c;
  take_off(j);
  j->result.outcome = outcome;
  j->result.reason = reason;
  j->result.temporary = temporary;
  j->result.hint = hint;
  if (why && why != j->message) snprintf(j->message, sizeof j->message, "%s", why);
  j->place = WEB_DONE;
  j->prev = c->done_tail;
  j->next = NULL;
  *(c->done_tail ? &c->done_tail->next : &c->done_head) = j;
  c->done_tail = j;
  web_wake(c, 0);
}

static void set_result(web_job *j) {
  web_result *r = &j->result;
  r->status = j->headers.status;
  r->redirects = j->redirects;
  r->chain = (const char *const *)j->chain;
  r->message = j->message;
  r->url = j->first.href ? j->first.href : j->bad_url ? j->bad_url : "";
  r->final_url = j->url.href ? j->url.href : r->url;
  r->content_type = j->headers.content_type;
  r->etag = j->headers.etag;
  r->last_modified = j->headers.last_modified;
  r->link = j->headers.link;
  r->sha256 = j->sha;
  if (!r->reason) r->reason = "";
  r->fetched_at = sl_now(j->c->ctx);
}

static void run_done(web_client *c) {
  while (c->done_head) {
    web_job *j = c->done_head;
    unlink_done(j);
    if (j->robots_of) {
      web_robots_done(j);
      continue;
    }
    forget(j);
    set_result(j);
    j->done(c->ctx, j->user, &j->result);
    web_job_free(j);
  }
}

static web_job *find(const web_client *c, uint64_t id) {
  web_job *j = c->jobs[id % WEB_BUCKETS];
  while (j && j->id != id) j = j->older;
  return j;
}

void web_cancel(web_client *c, uint64_t id) {
  web_job *j = find(c, id);
  if (!j || j->robots_of) return;
  web_host *h = j->place == WEB_ACTIVE ? j->host : NULL;
  web_job_free(j);
  if (h) web_host_done(c, h);
  web_wake(c, 0);
}

static int copy_texts(web_client *c, web_job *j, const web_request *r) {
  const char *from[] = {r->accept, r->etag, r->last_modified, r->validated_url};
  char **to[] = {&j->accept, &j->etag, &j->last_modified, &j->validated};
  for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
    if (!from[i] || !from[i][0] || !is_line(from[i])) continue;
    if (!(*to[i] = web_dup(c, from[i]))) return -1;
  }
  if (r->sha256) snprintf(j->sha_before, sizeof j->sha_before, "%s", r->sha256);
  return 0;
}

/* The URL of a new job. 0, or -1 when memory is out; a URL that is none ends the job. */
static int set_url(web_client *c, web_job *j, const char *text) {
  const char *why = NULL;
  int rc = weburl_parse(&j->first, &c->mem, text, strlen(text), NULL, &why);
  if (rc == SL_ENOMEM) return -1;
  if (!rc && weburl_is_web(&j->first)) {
    if (weburl_copy(&j->url, &j->first)) return -1;
    web_enqueue(j);
    return 0;
  }
  if (!(j->bad_url = web_dup_n(c, text, strnlen(text, 2048)))) return -1;
  if (!rc) {
    web_end(j, WEB_FAILED, "scheme", false, "only http and https can be fetched", NULL);
    return 0;
  }
  snprintf(j->message, sizeof j->message, "the URL %s", rc == SL_ELIMIT ? "is too long" : why ? why : "cannot be read");
  web_end(j, WEB_FAILED, "bad_url", false, j->message, NULL);
  return 0;
}

uint64_t web_fetch(web_client *c, const web_request *request) {
  web_job *j = web_alloc0(c, sizeof *j);
  if (!j) return 0;
  j->c = c;
  j->id = ++c->last_id;
  j->doc = request->doc;
  j->max_bytes = request->max_bytes > 0 ? request->max_bytes : c->p->max_bytes;
  j->no_robots = request->no_robots || !c->p->robots;
  j->done = request->done;
  j->user = request->user;
  j->headers.length = -1;
  uint64_t id = j->id;
  j->older = c->jobs[id % WEB_BUCKETS];
  c->jobs[id % WEB_BUCKETS] = j;
  c->n_jobs++;
  if (copy_texts(c, j, request) || set_url(c, j, request->url)) {
    web_job_free(j);
    return 0;
  }
  web_wake(c, 0);
  return id;
}

void *web_take_body(web_result *result) {
  void *body = (void *)(uintptr_t)result->body;
  result->body = NULL;
  return body;
}

void web_release_body(void *data, void *user) {
  const sl_host *host = user;
  if (data) (host->free)(data);
}

void *web_release_user(web_client *c) { return (void *)(uintptr_t)c->ctx->host; }

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static void on_wake(sl_ctx *ctx, void *stage, void *user) {
  web_client *c = user;
  (void)ctx;
  (void)stage;
  c->wake_timer = 0;
  web_work(c);
}

void web_wake(web_client *c, int64_t due) {
  if (c->working || (c->wake_timer && c->wake_due <= due)) return;
  if (c->wake_timer) sl_timer_stop(c->ctx, c->wake_timer);
  int64_t wait = due - web_now(c);
  c->wake_due = due;
  c->wake_timer = sl_timer_start(c->ctx, wait > 0 ? wait : 0, 0, on_wake, c);
}

/* What waited until now goes on. */
static void run_due(web_client *c) {
  int64_t now = web_now(c);
  while (c->n_heap && c->heap[1]->due <= now) {
    web_timed *t = c->heap[1];
    web_heap_remove(c, t);
    if (t->is_host) {
      web_host *h = (web_host *)t;
      h->turn = WEB_BUSY;
      web_host_settle(c, h);
      continue;
    }
    web_job *j = (web_job *)t;
    j->place = WEB_NOWHERE;
    if (!j->robots_of)
      web_enqueue(j);
    else if (web_transfer_begin(j))
      web_end(j, WEB_FAILED, "memory", true, "memory is out", NULL);
  }
}

void web_work(web_client *c) {
  if (c->working) return;
  c->working = 1;
  do {
    run_due(c);
    web_hosts_run(c);
    run_done(c);
  } while (c->done_head || (c->n_heap && c->heap[1]->due <= web_now(c)));
  web_hosts_run(c);
  c->working = 0;
  if (c->done_head)
    web_wake(c, 0);
  else if (c->n_heap)
    web_wake(c, c->heap[1]->due);
}
