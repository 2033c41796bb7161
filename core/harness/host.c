/* SPDX-License-Identifier: Apache-2.0 */
/* The harness's side of the host table: results, messages, clocks. Documents are plugin/host_doc's. */
#include "harness/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/host_doc.h"

static sl_harness *self(sl_ctx *ctx) { return (sl_harness *)(void *)ctx; }

/* The record of a document that the stage passes in, or NULL after noting the problem. */
static rec *known(sl_harness *h, sl_doc *doc, const char *what) {
  rec *r = doc ? doc->more : NULL;
  if (!r) sl_harness_problem(h, "%s was given %s", what, doc ? "a document that is not its own any more" : "NULL");
  return r;
}

/* ---- messages ---- */

static void host_log(sl_ctx *ctx, int32_t level, const char *line) {
  static const char *const names[] = {"?", "error", "warn", "info", "debug"};
  sl_harness *h = self(ctx);
  const char *name = names[level >= SL_LOG_ERROR && level <= SL_LOG_DEBUG ? level : 0];
  pthread_mutex_lock(&h->lock);
  size_t need = strlen(name) + strlen(line) + 4;
  if (h->log_len + need > h->log_cap) {
    size_t cap = (h->log_len + need) * 2;
    char *grown = realloc(h->log, cap);
    if (!grown) sl_harness_misuse("memory is out");
    h->log = grown;
    h->log_cap = cap;
  }
  h->log_len += (size_t)snprintf(h->log + h->log_len, h->log_cap - h->log_len, "%s: %s\n", name, line);
  pthread_mutex_unlock(&h->lock);
}

static void host_fail(sl_ctx *ctx, sl_doc *doc, int32_t code, const char *message, const char *detail,
                      const char *hint) {
  sl_harness *h = self(ctx);
  sl_err err = {0};
  if (code >= 0) sl_harness_problem(h, "sl_fail was given the code %d: error codes are negative", code);
  sl_err_set(&err, code, "%s", message ? message : "");
  if (detail) sl_err_detail(&err, "%s", detail);
  if (hint) sl_err_hint(&err, "%s", hint);
  rec *r = doc ? doc->more : NULL;
  if (r) r->why = err;
  h->last = err;
}

static void host_metric(sl_ctx *ctx, int32_t kind, const char *name, double value) {
  sl_harness *h = self(ctx);
  pthread_mutex_lock(&h->lock);
  metric *m = h->metrics;
  while (m && strcmp(m->name, name) != 0) m = m->next;
  if (!m) {
    m = sl_harness_mem(1, sizeof *m + strlen(name) + 1);
    memcpy(m->name, name, strlen(name) + 1);
    m->next = h->metrics;
    h->metrics = m;
  }
  m->value = kind == SL_METRIC_COUNTER ? m->value + value : value;
  pthread_mutex_unlock(&h->lock);
}

static int64_t host_now(sl_ctx *ctx) { return self(ctx)->wall; }
static int64_t host_monotonic(sl_ctx *ctx) { return self(ctx)->mono; }
static uint64_t host_random(sl_ctx *ctx) { return sl_rng_next(&self(ctx)->rng); }
static void host_wake(sl_ctx *ctx) { atomic_store(&self(ctx)->woken, 1); }

/* ---- documents: plugin/host_doc's, with a record beside each ----------------------------------------------------- */

static sl_doc *host_doc_new(sl_ctx *ctx, sl_doc *parent) {
  sl_harness *h = self(ctx);
  rec *from = parent ? known(h, parent, "sl_new") : NULL;
  if (parent && !from) return NULL;
  sl_doc *doc = sl_host_doc_new(ctx, parent);
  if (!doc) return NULL;
  rec *r = sl_harness_rec_add(h, doc, REC_MADE);
  if (from) sl_harness_list_add(&r->parents, from);
  return doc;
}

static void host_doc_free(sl_ctx *ctx, sl_doc *doc) {
  sl_harness *h = self(ctx);
  if (!doc) return;
  rec *r = known(h, doc, "sl_discard");
  if (!r) return;
  if (r->state != REC_MADE)
    sl_harness_problem(h, "sl_discard was given a document that it did not make, or that was emitted");
  else
    sl_harness_rec_drop(h, r);
}

static int32_t misuse(sl_harness *h, const char *what) {
  sl_harness_problem(h, "%s", what);
  return SL_EINVAL;
}

static int32_t host_emit(sl_ctx *ctx, sl_doc *doc) {
  sl_harness *h = self(ctx);
  rec *r = known(h, doc, "sl_emit");
  if (!r) return SL_EINVAL;
  rec *current = h->current;
  if (h->type->kind == SL_SINK) return misuse(h, "sl_emit was called by a sink");
  if (r == current) {
    for (uint32_t i = 0; i < current->staged.count; i++)
      if (current->staged.items[i] == r) return misuse(h, "sl_emit was given the same document twice");
  } else if (r->state != REC_MADE) {
    return misuse(h, "sl_emit was given a document that it did not make, or twice");
  }
  if (h->type->kind == SL_SOURCE && sl_harness_given(h, r)) {
    sl_harness_rec_drop(h, r);
    return 0;
  }
  int streaming = h->type->kind == SL_SOURCE || h->type->flags & SL_F_STREAMING || !current;
  if (!streaming || r == current) {
    if (r != current) r->state = REC_STAGED;
    sl_harness_list_add(&current->staged, r);
    return 0;
  }
  sl_harness_commit(h, current, r);
  return 0;
}

/* A held document, or the one in the call: it may be ended. */
static rec *holdable(sl_harness *h, sl_doc *doc, const char *what) {
  rec *r = known(h, doc, what);
  if (!r) return NULL;
  if (r->state == REC_HELD || (r->state == REC_CALL && r == h->current && h->type->flags & SL_F_SERIAL)) return r;
  sl_harness_problem(h, "%s was given a document that is not held", what);
  return NULL;
}

static int32_t host_emit_many(sl_ctx *ctx, sl_doc *doc, sl_doc *const *parents, uint32_t n) {
  sl_harness *h = self(ctx);
  rec *r = known(h, doc, "sl_emit_many");
  if (!r) return SL_EINVAL;
  if (r->state != REC_MADE) return misuse(h, "sl_emit_many was given a document that it did not make, or twice");
  if (!n) return misuse(h, "sl_emit_many was given no parent");
  for (uint32_t i = 0; i < n; i++) {
    rec *p = holdable(h, parents[i], "sl_emit_many");
    if (!p) return SL_EINVAL;
    sl_harness_list_remove(&r->parents, p); /* it may stand there already, as the parent that sl_new was given */
    sl_harness_list_add(&r->parents, p);
    p->state = REC_DONE;
    p->verdict = SL_V_OK;
  }
  sl_harness_commit(h, NULL, r);
  return 0;
}

static int32_t host_settle(sl_ctx *ctx, sl_doc *doc, int32_t verdict) {
  sl_harness *h = self(ctx);
  rec *r = holdable(h, doc, "sl_settle");
  if (!r) return SL_EINVAL;
  if (verdict != SL_V_OK && verdict != SL_V_DROP && verdict != SL_V_REJECT)
    return misuse(h, "sl_settle was given a verdict other than OK, DROP and REJECT");
  sl_harness_finish(h, r, verdict);
  return 0;
}

static int32_t host_reject(sl_ctx *ctx, sl_doc *doc) {
  sl_harness *h = self(ctx);
  rec *r = known(h, doc, "sl_reject");
  if (!r) return SL_EINVAL;
  if (h->type->kind != SL_SOURCE || r->state != REC_MADE)
    return misuse(h, "sl_reject is for sources and documents that they made");
  if (!r->why.code) r->why = h->last;
  if (!r->why.code) sl_harness_problem(h, "sl_reject without a reason (sl_fail)");
  if (sl_harness_given(h, r)) {
    sl_harness_rec_drop(h, r);
    return 0;
  }
  if (!r->doc->orig) sl_harness_problem(h, "sl_reject without an origin: the dead letter could not say what it was");
  r->state = REC_REJECTED;
  sl_harness_list_add(&h->rejected, r);
  return 0;
}

static void host_set_cursor(sl_ctx *ctx, sl_doc *doc, uint64_t cursor) {
  sl_harness *h = self(ctx);
  rec *r = known(h, doc, "sl_set_cursor");
  if (!r) return;
  if (r->state != REC_MADE)
    sl_harness_problem(h, "sl_set_cursor was called after emit");
  else
    doc->cursor = cursor;
}

/* ---- tickets ---- */

static uint64_t host_ticket(sl_ctx *ctx) {
  sl_harness *h = self(ctx);
  if (!h->current || !(h->type->flags & SL_F_ASYNC)) {
    sl_harness_problem(h, "sl_ticket is for ASYNC stages, in process");
    return 0;
  }
  if (!h->current->ticket) h->current->ticket = ++h->next_ticket;
  return h->current->ticket;
}

static rec *by_ticket(sl_harness *h, uint64_t ticket) {
  for (rec *r = h->first; r && ticket; r = r->next)
    if (r->ticket == ticket && (r->state == REC_PENDING || r->state == REC_CALL)) return r;
  return NULL;
}

static int32_t host_emit_for(sl_ctx *ctx, uint64_t ticket, sl_doc *doc) {
  sl_harness *h = self(ctx);
  rec *r = known(h, doc, "sl_emit_for");
  if (!r) return SL_EINVAL;
  rec *parent = by_ticket(h, ticket);
  if (r != parent && r->state != REC_MADE)
    return misuse(h, "sl_emit_for was given a document that it did not make, or twice");
  if (!parent) { /* late: taken all the same */
    sl_harness_rec_drop(h, r);
    return SL_ENOTFOUND;
  }
  if (r != parent) r->state = REC_STAGED;
  sl_harness_list_add(&parent->staged, r);
  return 0;
}

static void host_complete(sl_ctx *ctx, uint64_t ticket, int32_t verdict) {
  sl_harness *h = self(ctx);
  rec *r = by_ticket(h, ticket);
  if (!r) return;
  if (verdict < SL_V_OK || verdict > SL_V_FATAL || verdict == SL_V_HELD || verdict == SL_V_PENDING)
    sl_harness_problem(h, "sl_complete was given %d: OK, DROP, RETRY, REJECT or FATAL is due", verdict);
  else
    sl_harness_finish(h, r, verdict);
}

static const void *host_extension(sl_ctx *ctx, const char *id) {
  const void *table = strcmp(id, SL_EXT_RESUME) == 0 ? sl_harness_resume(self(ctx)) : sl_harness_push_extension(id);
  if (strcmp(id, SL_EXT_LEDGER) == 0) table = sl_harness_ledger_table(self(ctx));
  if (strcmp(id, SL_EXT_KV) == 0) table = sl_harness_kv_table(self(ctx));
  return table ? table : sl_host_doc_extension(ctx, id);
}

void sl_harness_fill_host(sl_harness *h) {
  sl_host *host = &h->host;
  sl_host_doc_fill(host);
  host->log = host_log;
  host->fail = host_fail;
  host->metric = host_metric;
  host->now = host_now;
  host->monotonic = host_monotonic;
  host->random = host_random;
  host->doc_new = host_doc_new;
  host->doc_free = host_doc_free;
  host->emit = host_emit;
  host->emit_many = host_emit_many;
  host->settle = host_settle;
  host->reject = host_reject;
  host->set_cursor = host_set_cursor;
  host->wake = host_wake;
  host->ticket = host_ticket;
  host->emit_for = host_emit_for;
  host->complete = host_complete;
  host->extension = host_extension;
  sl_harness_fill_clock(host);
}
