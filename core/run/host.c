/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's half of the host table: results, reasons, waiting. */
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/time.h"
#include "plugin/host_doc.h"
#include "run/ext.h"
#include "run/runtime.h"

static sl_call *call_of(sl_ctx *ctx) { return (sl_call *)(void *)ctx; }

static void copy_text(char *to, size_t cap, const char *text) {
  if (!text) text = "";
  size_t n = strlen(text);
  if (n >= cap) {
    n = cap - 1;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
  }
  memcpy(to, text, n);
  to[n] = 0;
}

static void fill_err(sl_err *err, int32_t code, const char *message, const char *detail, const char *hint) {
  *err = (sl_err){.code = code < 0 ? code : SL_EPLUGIN};
  copy_text(err->message, sizeof(err->message), message ? message : sl_err_name(err->code));
  copy_text(err->detail, sizeof(err->detail), detail);
  copy_text(err->hint, sizeof(err->hint), hint);
}

static void host_fail(sl_ctx *ctx, sl_doc *doc, int32_t code, const char *message, const char *detail,
                      const char *hint) {
  sl_call *c = call_of(ctx);
  if (doc && doc != c->cur) {
    if (!doc->why) doc->why = sl_mem_calloc(1, sizeof(sl_err));
    if (doc->why) fill_err(doc->why, code, message, detail, hint);
    if (c->st->type->kind == SL_SINK || c->st->type->kind == SL_SOURCE) return;
  }
  fill_err(&c->why, code, message, detail, hint);
  c->failed = 1;
}

static void host_log(sl_ctx *ctx, int32_t level, const char *text) {
  sl_call *c = call_of(ctx);
  sl_run_log_doc(c->actor->e, level, c->st->conf->id, c->cur, "%s", text ? text : "");
}

static void host_metric(sl_ctx *ctx, int32_t kind, const char *name, double value) {
  sl_call *c = call_of(ctx);
  if (c->actor->e->opts.metric)
    c->actor->e->opts.metric(c->actor->e->opts.metric_user, c->st->conf->id, kind, name, value);
}

static int64_t host_now(sl_ctx *ctx) {
  (void)ctx;
  return sl_time_wall();
}
static int64_t host_monotonic(sl_ctx *ctx) {
  (void)ctx;
  return sl_time_mono();
}
static uint64_t host_random(sl_ctx *ctx) { return sl_rng_next(&call_of(ctx)->actor->rng); }

/* ---- documents ---- */

static sl_doc *host_doc_new(sl_ctx *ctx, sl_doc *parent) {
  sl_doc *d = sl_host_doc_new(ctx, parent);
  if (!d) return NULL;
  d->flags = SL_DOC_FRESH;
  if (!parent) return d;
  d->unit = parent->unit;
  d->slot = parent->slot;
  d->sub = parent->sub;
  d->token = parent->token;
  d->more = parent->more; /* borrowed while FRESH */
  d->cursor = parent->cursor;
  return d;
}

static void host_doc_free(sl_ctx *ctx, sl_doc *doc) {
  (void)ctx;
  if (doc && (doc->flags & SL_DOC_FRESH)) {
    doc->token = NULL;
    doc->more = NULL;
    sl_doc_free(doc);
  }
}

/* A fresh document gets references of its own. 0, or SL_ENOMEM after fail: doc is gone. */
static int32_t anchor(sl_call *c, sl_doc *doc) {
  if (!(doc->flags & SL_DOC_FRESH)) return 0;
  const sl_tokens *more = doc->more;
  if (more) {
    doc->more = sl_mem_memdup(more, sizeof(*more) + more->n * sizeof(sl_token *));
    if (!doc->more) {
      host_fail(&c->pub, NULL, SL_ENOMEM, "no memory for a document with many parents", NULL, NULL);
      doc->token = NULL;
      sl_doc_free(doc);
      return SL_ENOMEM;
    }
  }
  sl_doc_hold_tokens(doc);
  doc->flags &= ~(uint32_t)SL_DOC_FRESH;
  return 0;
}

/* A document that a stage made must be sound before anyone else sees it. */
static int32_t sound(sl_call *c, sl_doc *doc) {
  sl_err err;
  if (sl_doc_check(doc, &err) == 0) return 0;
  host_fail(&c->pub, NULL, err.code, err.message, err.detail, err.hint);
  return err.code;
}

static int32_t host_emit(sl_ctx *ctx, sl_doc *doc) {
  sl_call *c = call_of(ctx);
  if (c->st->type->kind == SL_SOURCE) return sl_source_emit(c, doc);
  if (c->st->type->kind == SL_SINK || doc->flags & (SL_DOC_OUT | SL_DOC_HELD)) {
    host_fail(ctx, NULL, SL_EPLUGIN, "emit: this document is not the stage's to emit", NULL,
              "sinks emit nothing; a held document is released with settle; a document is emitted once");
    return SL_EPLUGIN;
  }
  if (doc != c->cur) {
    int32_t rc = sound(c, doc);
    if (rc) {
      host_doc_free(ctx, doc);
      return rc;
    }
    rc = anchor(c, doc);
    if (rc) return rc;
  }
  if (c->st->type->flags & SL_F_STREAMING && doc != c->cur) {
    sl_tally(c->actor, c->st->index, SL_COUNT_OUT, 1);
    sl_actor_route(c->actor, c->st, doc);
    return 0;
  }
  doc->flags |= SL_DOC_OUT;
  sl_docs_push(&c->out, doc);
  return 0;
}

static void unhold(sl_call *c, sl_doc *doc) {
  if (doc->prev)
    doc->prev->next = doc->next;
  else
    c->held.head = doc->next;
  if (doc->next)
    doc->next->prev = doc->prev;
  else
    c->held.tail = doc->prev;
  c->held.n--;
  doc->prev = doc->next = NULL;
  doc->flags &= ~(uint32_t)SL_DOC_HELD;
  atomic_fetch_sub(&c->st->held_bytes, (long long)doc->due);
  atomic_fetch_sub(&c->st->held, 1);
}

static void place(sl_call *c, sl_doc *doc) {
  doc->unit = c->cur ? c->cur->unit : c->at_unit;
  doc->slot = c->cur ? c->cur->slot : c->at_slot;
  doc->sub = ++c->subs;
}

static int32_t host_emit_many(sl_ctx *ctx, sl_doc *doc, sl_doc *const *parents, uint32_t n) {
  sl_call *c = call_of(ctx);
  int32_t rc = sound(c, doc);
  if (!rc && !(doc->flags & SL_DOC_FRESH)) rc = SL_EPLUGIN;
  for (uint32_t i = 0; !rc && i < n; i++)
    if (!(parents[i]->flags & SL_DOC_HELD)) rc = SL_EPLUGIN;
  if (rc == SL_EPLUGIN)
    host_fail(ctx, NULL, rc, "emit_many: the document must be new and its parents must be held", NULL, NULL);
  if (rc) {
    host_doc_free(ctx, doc);
    return rc;
  }
  doc->token = NULL;
  doc->more = NULL;
  if (sl_doc_adopt(doc, parents, n)) {
    sl_doc_free(doc);
    host_fail(ctx, NULL, SL_ENOMEM, "no memory for a document with many parents", NULL, NULL);
    return SL_ENOMEM;
  }
  doc->flags &= ~(uint32_t)SL_DOC_FRESH;
  for (uint32_t i = 0; i < n; i++) {
    unhold(c, parents[i]);
    sl_doc_free(parents[i]);
  }
  place(c, doc);
  sl_docs_push(&c->final, doc);
  return 0;
}

static int32_t host_settle(sl_ctx *ctx, sl_doc *doc, int32_t verdict) {
  sl_call *c = call_of(ctx);
  if (!(doc->flags & SL_DOC_HELD)) {
    host_fail(ctx, NULL, SL_EPLUGIN, "settle: the document is not held", NULL, NULL);
    return SL_EPLUGIN;
  }
  unhold(c, doc);
  place(c, doc);
  if (verdict == SL_V_OK) {
    sl_docs_push(&c->final, doc);
  } else if (verdict == SL_V_DROP) {
    sl_tally(c->actor, c->st->index, SL_COUNT_DROPPED, 1);
    sl_actor_end(c->actor, doc, SL_OUT_DROPPED);
  } else {
    sl_err why = c->why;
    if (!c->failed) sl_err_set(&why, SL_EPLUGIN, "stage '%s' gave no reason", c->st->conf->id);
    sl_give_up(c->actor, c->st, doc, &why);
  }
  return 0;
}

static int32_t host_reject(sl_ctx *ctx, sl_doc *doc) {
  sl_call *c = call_of(ctx);
  if (c->st->type->kind != SL_SOURCE) {
    host_fail(ctx, NULL, SL_EPLUGIN, "reject: only a source may call it; return SL_V_REJECT instead", NULL, NULL);
    return SL_EPLUGIN;
  }
  if (!doc->why && (doc->why = sl_mem_alloc(sizeof(sl_err)))) {
    if (c->failed)
      *doc->why = c->why;
    else
      sl_err_set(doc->why, SL_EPLUGIN, "stage '%s' gave no reason", c->st->conf->id);
  }
  doc->flags |= SL_DOC_REJECTED;
  return sl_source_emit(c, doc);
}

static void host_set_cursor(sl_ctx *ctx, sl_doc *doc, uint64_t cursor) {
  (void)ctx;
  doc->cursor = cursor;
}

/* ---- waiting ---- */

static void host_wake(sl_ctx *ctx) {
  sl_call *c = call_of(ctx);
  if (c->st->station == SL_NO_STATION) return;
  sl_station *s = &c->actor->e->flow.stations[c->st->station];
  pthread_mutex_lock(&s->lock);
  s->woken = 1;
  if (s->notify)
    s->notify(s->notify_user);
  else
    pthread_cond_broadcast(&s->cond);
  pthread_mutex_unlock(&s->lock);
}

static uint64_t host_ticket(sl_ctx *ctx) { return call_of(ctx)->ticket; }

static int32_t host_emit_for(sl_ctx *ctx, uint64_t ticket, sl_doc *doc) {
  sl_call *c = call_of(ctx);
  if (c->cur && c->ticket == ticket) return host_emit(ctx, doc);
  uint32_t slot = (uint32_t)(ticket & 0xFFFFFFFF), generation = (uint32_t)(ticket >> 32);
  int32_t rc = 0;
  if (slot >= c->pending_cap || !c->pending[slot].used || c->pending[slot].generation != generation) rc = SL_ENOTFOUND;
  if (!rc && doc != c->pending[slot].doc) rc = sound(c, doc);
  if (rc) {
    host_doc_free(ctx, doc);
    return rc;
  }
  rc = anchor(c, doc);
  if (rc) return rc;
  doc->flags |= SL_DOC_OUT;
  sl_docs_push(&c->pending[slot].out, doc);
  return 0;
}

static void host_complete(sl_ctx *ctx, uint64_t ticket, int32_t verdict) {
  SL_ASSERT_LOOP();
  sl_loop_complete(call_of(ctx), ticket, verdict);
}

static uint64_t host_timer_start(sl_ctx *ctx, int64_t delay, int64_t repeat, sl_timer_cb cb, void *user) {
  sl_call *c = call_of(ctx);
  if (c->st->mode == SL_MODE_INLINE) return 0;
  if (c->st->mode == SL_MODE_ASYNC || c->st->mode == SL_MODE_ASYNC_SOURCE)
    return sl_loop_timer(c, delay, repeat, cb, user);
  return sl_timer_add(c, delay, repeat, cb, user);
}

static void host_timer_stop(sl_ctx *ctx, uint64_t timer) {
  sl_call *c = call_of(ctx);
  if (c->st->mode == SL_MODE_ASYNC || c->st->mode == SL_MODE_ASYNC_SOURCE)
    sl_loop_timer_stop(c, timer);
  else
    sl_timer_remove(c, timer);
}

static int32_t host_watch(sl_ctx *ctx, int32_t fd, uint32_t events, sl_watch_cb cb, void *user) {
  sl_call *c = call_of(ctx);
  if (c->st->mode != SL_MODE_ASYNC && c->st->mode != SL_MODE_ASYNC_SOURCE) {
    host_fail(ctx, NULL, SL_EPLUGIN, "watch: only an ASYNC stage may watch a descriptor", NULL, NULL);
    return SL_EPLUGIN;
  }
  return sl_loop_watch(c, fd, events, cb, user);
}

static sl_host table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void) {
  sl_host_doc_fill(&table);
  table.log = host_log;
  table.fail = host_fail;
  table.metric = host_metric;
  table.now = host_now;
  table.monotonic = host_monotonic;
  table.random = host_random;
  table.doc_new = host_doc_new;
  table.doc_free = host_doc_free;
  table.emit = host_emit;
  table.emit_many = host_emit_many;
  table.settle = host_settle;
  table.reject = host_reject;
  table.set_cursor = host_set_cursor;
  table.wake = host_wake;
  table.ticket = host_ticket;
  table.emit_for = host_emit_for;
  table.complete = host_complete;
  table.timer_start = host_timer_start;
  table.timer_stop = host_timer_stop;
  table.watch = host_watch;
  table.extension = sl_run_extension;
}

const sl_host *sl_run_host(void) {
  pthread_once(&once, fill);
  return &table;
}
