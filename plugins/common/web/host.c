/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts: queues, whose turn it is, and the heap of what waits for a time. */
#include "impl.h"

#include <stdio.h>
#include <string.h>

#include "fnv.h"

/* Hosts without work whose robots.txt is remembered. */
#define IDLE_MAX 4096

/* ---- the heap ---------------------------------------------------------------------------------------------------- */

static void put(web_client *c, uint32_t at, web_timed *t) {
  c->heap[at] = t;
  t->at = at;
}

static void sift_up(web_client *c, uint32_t at, web_timed *t) {
  for (; at > 1 && c->heap[at / 2]->due > t->due; at /= 2) put(c, at, c->heap[at / 2]);
  put(c, at, t);
}

static void sift_down(web_client *c, uint32_t at, web_timed *t) {
  for (;;) {
    uint32_t child = at * 2;
    if (child > c->n_heap) break;
    if (child < c->n_heap && c->heap[child + 1]->due < c->heap[child]->due) child++;
    if (c->heap[child]->due >= t->due) break;
    put(c, at, c->heap[child]);
    at = child;
  }
  put(c, at, t);
}

int web_heap_add(web_client *c, web_timed *t, int64_t due) {
  if (c->n_heap + 2 > c->cap_heap) {
    uint32_t cap = c->cap_heap ? c->cap_heap * 2 : 64;
    web_timed **heap = c->mem.alloc(cap * sizeof(web_timed *));
    if (!heap) return -1;
    if (c->heap) {
      memcpy(heap, c->heap, (c->n_heap + 1) * sizeof(web_timed *));
      c->mem.free(c->heap);
    } else {
      heap[0] = NULL;
    }
    c->heap = heap;
    c->cap_heap = cap;
  }
  t->due = due;
  sift_up(c, ++c->n_heap, t);
  web_wake(c, due);
  return 0;
}

void web_heap_remove(web_client *c, web_timed *t) {
  uint32_t at = t->at;
  if (!at) return;
  t->at = 0;
  web_timed *last = c->heap[c->n_heap--];
  if (last == t) return;
  if (at > 1 && c->heap[at / 2]->due > last->due)
    sift_up(c, at, last);
  else
    sift_down(c, at, last);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static uint32_t bucket_of(const char *key) { return (uint32_t)(fnv_text(key) % WEB_BUCKETS); }

static void unlink_list(web_host **head, web_host **tail, web_host *h) {
  *(h->prev ? &h->prev->next : head) = h->next;
  *(h->next ? &h->next->prev : tail) = h->prev;
  h->prev = h->next = NULL;
}

static void append(web_host **head, web_host **tail, web_host *h) {
  h->prev = *tail;
  h->next = NULL;
  *(*tail ? &(*tail)->next : head) = h;
  *tail = h;
}

/* Out of whatever the host is in. */
static void leave(web_client *c, web_host *h) {
  if (h->turn == WEB_READY) unlink_list(&c->ready_head, &c->ready_tail, h);
  if (h->turn == WEB_IDLE) {
    unlink_list(&c->idle_head, &c->idle_tail, h);
    c->n_idle--;
  }
  if (h->turn == WEB_WAITS) web_heap_remove(c, &h->timed);
  h->turn = WEB_BUSY;
}

static void host_free(web_client *c, web_host *h) {
  leave(c, h);
  web_host **at = &c->hosts[bucket_of(h->key)];
  while (*at != h) at = &(*at)->bucket;
  *at = h->bucket;
  c->n_hosts--;
  robots_free(h->rules);
  c->mem.free(h);
}

void web_hosts_free(web_client *c) {
  for (uint32_t i = 0; i < WEB_BUCKETS; i++)
    while (c->hosts[i]) host_free(c, c->hosts[i]);
}

void web_hosts_rest(web_client *c) {
  for (uint32_t i = 0; i < WEB_BUCKETS; i++)
    for (web_host *h = c->hosts[i]; h; h = h->bucket) {
      h->active = 0;
      if (h->robots == WEB_ROBOTS_COMING) h->robots = WEB_ROBOTS_UNKNOWN;
      leave(c, h);
      h->turn = WEB_IDLE;
      append(&c->idle_head, &c->idle_tail, h);
      c->n_idle++;
    }
}

/* Those that have been idle for longest are forgotten, unless their pause is not over. */
static void forget_idle(web_client *c) {
  int64_t now = web_now(c);
  for (web_host *h = c->idle_head, *next; h && c->n_idle > IDLE_MAX; h = next) {
    next = h->next;
    if (h->next_at <= now && h->blocked_until <= now) host_free(c, h);
  }
}

static web_host *host_of(web_client *c, const weburl *u) {
  char key[512];
  int n = snprintf(key, sizeof key, "%s://%.*s:%d", u->scheme_id == WEBURL_HTTPS ? "https" : "http", (int)u->host.len,
                   weburl_at(u, u->host), (int)weburl_port(u));
  if (n < 0 || (size_t)n >= sizeof key) return NULL;
  web_host **bucket = &c->hosts[bucket_of(key)];
  for (web_host *h = *bucket; h; h = h->bucket)
    if (strcmp(h->key, key) == 0) return h;
  web_host *h = web_alloc0(c, sizeof *h + (size_t)n + 1);
  if (!h) return NULL;
  memcpy(h->key, key, (size_t)n + 1);
  h->timed.is_host = true;
  h->turn = WEB_BUSY;
  h->bucket = *bucket;
  *bucket = h;
  c->n_hosts++;
  return h;
}

/* ---- queues ------------------------------------------------------------------------------------------------------ */

void web_enqueue(web_job *j) {
  web_client *c = j->c;
  web_host *h = host_of(c, &j->url);
  if (!h) {
    bool room = j->url.host.len < 400;
    web_end(j, WEB_FAILED, room ? "memory" : "bad_url", room, room ? "memory is out" : "the URL has too long a host",
            NULL);
    return;
  }
  j->host = h;
  j->place = WEB_QUEUED;
  if (j->redirects || j->tries) { /* what was begun is finished first */
    j->prev = NULL;
    j->next = h->head;
    *(h->head ? &h->head->prev : &h->tail) = j;
    h->head = j;
  } else {
    j->prev = h->tail;
    j->next = NULL;
    *(h->tail ? &h->tail->next : &h->head) = j;
    h->tail = j;
  }
  h->n_queued++;
  web_host_settle(c, h);
}

void web_unqueue(web_job *j) {
  web_host *h = j->host;
  *(j->prev ? &j->prev->next : &h->head) = j->next;
  *(j->next ? &j->next->prev : &h->tail) = j->prev;
  j->prev = j->next = NULL;
  j->place = WEB_NOWHERE;
  h->n_queued--;
  web_host_settle(j->c, h);
}

static int64_t pause_of(const web_client *c, const web_host *h) {
  if (c->p->replay) return 0;
  return h->crawl_delay > c->p->delay ? h->crawl_delay : c->p->delay;
}

/* Puts the host where it belongs. */
void web_host_settle(web_client *c, web_host *h) {
  leave(c, h);
  if (!h->head) {
    if (h->active || h->robots == WEB_ROBOTS_COMING) return;
    h->turn = WEB_IDLE;
    append(&c->idle_head, &c->idle_tail, h);
    c->n_idle++;
    forget_idle(c);
    return;
  }
  int64_t now = web_now(c), at = h->next_at;
  if (h->robots == WEB_ROBOTS_COMING) return;
  if (h->active >= (pause_of(c, h) > 0 ? 1 : (uint32_t)c->p->per_host)) return;
  /* A wait that is too long ends the requests at once. */
  if (h->blocked_until > at && h->blocked_until - now <= c->p->max_wait) at = h->blocked_until;
  if (at > now && !web_heap_add(c, &h->timed, at)) {
    h->turn = WEB_WAITS;
    return;
  }
  h->turn = WEB_READY;
  append(&c->ready_head, &c->ready_tail, h);
  web_wake(c, 0);
}

void web_host_done(web_client *c, web_host *h) {
  h->active--;
  h->next_at = web_now(c) + pause_of(c, h);
  web_host_settle(c, h);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static void wait_is_too_long(web_job *j, const web_host *h, int64_t now) {
  j->result.retry_after_ns = h->blocked_until - now;
  snprintf(j->message, sizeof j->message, "the host asked for a pause, of which %.0f s are left",
           (double)(h->blocked_until - now) / 1e9);
  web_end(j, WEB_FAILED, "busy", true, j->message, "it is longer than max_wait");
}

/* The first of the queue goes on its way, or ends. */
static void begin_one(web_client *c, web_host *h) {
  web_job *j = h->head;
  int64_t now = web_now(c);
  if (!j->no_robots && !web_robots_ready(c, h, j)) return;
  if (!j->no_robots && !web_robots_allow(c, h, &j->url)) {
    if (h->unreachable) {
      j->result.retry_after_ns = h->rules_until - now;
      web_end(j, WEB_FAILED, h->reason, h->passing, h->why, h->passing ? "the host is asked again in a minute" : NULL);
    } else {
      web_end(j, WEB_FAILED, "robots", false, "robots.txt of the host forbids this URL",
              "ask the site, or set robots: false for sites of your own");
    }
    return;
  }
  if (h->blocked_until - now > c->p->max_wait) {
    wait_is_too_long(j, h, now);
    return;
  }
  web_unqueue(j);
  h->active++;
  if (!web_transfer_begin(j)) return;
  web_host_done(c, h);
  web_end(j, WEB_FAILED, "memory", true, "memory is out", NULL);
}

void web_hosts_run(web_client *c) {
  while (c->ready_head && c->n_active < (uint32_t)c->p->max_connections &&
         (!c->n_active || c->buffered < (size_t)c->p->max_buffer)) {
    web_host *h = c->ready_head;
    leave(c, h);
    begin_one(c, h);
    web_host_settle(c, h);
  }
}
