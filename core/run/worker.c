/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads of stages with a queue before them: SERIAL and BLOCKING transforms, and sinks.
 *
 * Both follow one pattern: take what is ready, hand it over, settle it, and when nothing can come any more, flush and
 * leave. A retry in an ordered stage goes back to the front of the queue, and the stage waits for it.
 */
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "run/runtime.h"

#define TAKE_DOCS 32

/* A turn of a stage's thread: what it took, and what it has to do besides. */
struct turn {
  sl_docs docs;
  uint32_t flush; /* SL_FLUSH_… asked for */
  int end;        /* nothing can come any more */
  int aborted;
};

/* Nothing can come any more, from above or from the retries. */
static int finished(sl_engine *e, const sl_stage_rt *st) {
  return sl_flow_ended(&e->flow, st->station) && atomic_load(&e->flow.zones[sl_zone_q(st->station)].live) == 1;
}

/* When the thread must wake up by itself. */
static int64_t next_alarm(const sl_stage_rt *st, const sl_call *c) {
  int64_t until = sl_timer_next(c);
  if (st->type->kind != SL_SINK && st->conf->batch.age > 0 && atomic_load(&st->held)) {
    int64_t oldest = st->held_since + st->conf->batch.age;
    if (oldest < until) until = oldest;
  }
  return until;
}

/* A sink with an age waits for a fuller batch; *until is when it has waited enough. */
static int batch_full(sl_engine *e, const sl_stage_rt *st, const sl_station *s, int64_t *full_at) {
  int64_t age = st->conf->batch.age;
  if (st->type->kind != SL_SINK || age <= 0) return 1;
  if (s->ready.n >= st->conf->batch.documents || sl_flow_ended(&e->flow, st->station) || atomic_load(&e->stop))
    return 1;
  int64_t now = sl_time_mono();
  if (!*full_at) *full_at = now + age;
  return now >= *full_at;
}

static void cut(sl_station *s, sl_docs *out, int64_t max_docs, int64_t max_bytes) {
  int64_t bytes = 0;
  while (s->ready.n && out->n < max_docs && (!out->n || bytes < max_bytes)) {
    sl_doc *d = sl_docs_pop(&s->ready);
    bytes += (int64_t)sl_doc_size(d);
    sl_docs_push(out, d);
  }
}

static void take(sl_actor *a, sl_stage_rt *st, int64_t pause_until, struct turn *t) {
  sl_engine *e = a->e;
  sl_station *s = &e->flow.stations[st->station];
  sl_call *c = &a->calls[st->index];
  int64_t full_at = 0;
  *t = (struct turn){0};
  pthread_mutex_lock(&s->lock);
  for (;;) {
    int64_t now = sl_time_mono(), until = next_alarm(st, c);
    t->aborted = atomic_load(&e->stop) > 1;
    if (t->aborted) pause_until = 0;
    if (pause_until > now) {
      if (pause_until < until) until = pause_until;
    } else if (s->ready.n && (t->aborted || batch_full(e, st, s, &full_at))) {
      uint32_t share = s->ready.n / (st->n_actors ? st->n_actors : 1) + 1;
      if (st->type->kind == SL_SINK)
        cut(s, &t->docs, st->conf->batch.documents, st->conf->batch.bytes);
      else
        cut(s, &t->docs, share < TAKE_DOCS ? share : TAKE_DOCS, INT64_MAX);
      break;
    } else if (!s->ready.n && finished(e, st)) {
      t->end = 1;
      break;
    }
    if (s->flush) {
      t->flush = s->flush;
      s->flush = 0;
      break;
    }
    if (until <= now) break;
    if (full_at && full_at < until) until = full_at;
    sl_station_wait(s, until);
  }
  s->woken = 0;
  pthread_mutex_unlock(&s->lock);
}

/* The documents of a turn leave the station's zone, a run of one unit at a time. */
struct runs {
  struct {
    sl_unit *unit;
    uint32_t n;
  } run[TAKE_DOCS];
  uint32_t n;
};

static void leave_one(sl_engine *e, uint32_t zone, struct runs *r, sl_unit *unit) {
  if (r->n && r->run[r->n - 1].unit == unit) {
    r->run[r->n - 1].n++;
    return;
  }
  if (r->n == TAKE_DOCS) {
    for (uint32_t i = 0; i < r->n; i++) sl_flow_leave(&e->flow, zone, r->run[i].unit, r->run[i].n);
    r->n = 0;
  }
  r->run[r->n].unit = unit;
  r->run[r->n++].n = 1;
}

static void leave_all(sl_engine *e, sl_stage_rt *st, struct runs *r) {
  uint32_t zone = sl_zone_q(st->station);
  for (uint32_t i = 0; i < r->n; i++) sl_flow_leave(&e->flow, zone, r->run[i].unit, r->run[i].n);
  r->n = 0;
  /* Another thread of this stage may wait for the last one to be done. */
  if (atomic_load(&e->flow.zones[zone].live) == 1) sl_flow_poke(&e->flow, st->station);
  if (atomic_load(&e->requeue.ending)) sl_loop_poke(e);
}

static int call_flush(sl_actor *a, sl_call *c, uint32_t why) {
  sl_stage_rt *st = c->st;
  if (!st->type->flush || atomic_load(&st->broken)) return 0;
  sl_call_begin(c, NULL);
  int32_t rc = st->type->flush(&c->pub, st->stage, c->lane, why);
  if (rc && !c->failed) sl_err_set(&c->why, SL_EPLUGIN, "stage '%s' could not flush and gave no reason", st->conf->id);
  if (st->type->kind == SL_TRANSFORM) sl_actor_release(a, c);
  return rc;
}

/* The last flush. A stage that keeps documents even now has lost them: they come again in the next run. */
static void leave_station(sl_actor *a, sl_stage_rt *st, int aborted) {
  sl_engine *e = a->e;
  sl_call *c = &a->calls[st->index];
  int stopped = aborted && st->type->kind == SL_TRANSFORM;
  uint32_t why = atomic_load(&e->stop) ? SL_FLUSH_DRAIN : SL_FLUSH_END;
  if (!stopped && call_flush(a, c, why)) sl_engine_fatal(e, st, &c->why);
  if (e->keep && c->saved) sl_keep_publish(e->keep, c, NULL, 0, NULL);
  if (c->held.n && !stopped)
    sl_run_log(e, SL_LOG_ERROR, st->conf->id, "%u documents are still held after the last flush", c->held.n);
  if (atomic_fetch_sub(&st->threads, 1) == 1) sl_flow_leave(&e->flow, sl_zone_q(st->station), NULL, 1);
  atomic_fetch_sub(&e->running, 1);
  sl_loop_poke(e);
}

/* ---- transforms ---- */

/* An ordered stage waits for a retry: the document and those behind it go back. Returns when, or 0. */
static int64_t back_to_front(sl_actor *a, sl_stage_rt *st, sl_docs *failed, sl_docs *rest) {
  int64_t until = 0;
  for (sl_doc *d = failed->head; d; d = d->next)
    if (d->due > until) until = d->due;
  sl_docs_append(failed, rest);
  sl_flow_again(&a->e->flow, st->station, failed);
  return until;
}

static int waits_for_retry(const sl_engine *e, const sl_stage_rt *st, int64_t delay) {
  if (e->flow.stations[st->station].order == SL_NO_ORDER) return 0;
  return st->conf->order == SL_ORDER_STRICT || delay <= SL_PARK_NS;
}

/* 1 when the document stays in the queue for a retry and the stage waits for it. */
static int retry_in_place(sl_actor *a, sl_stage_rt *st, sl_doc *doc, int64_t delay, sl_docs *failed) {
  if (!waits_for_retry(a->e, st, delay)) return 0;
  doc->due = sl_time_mono() + delay;
  sl_docs_push(failed, doc);
  return 1;
}

/* Bounds on what is held: documents, bytes, age. */
static void check_bounds(sl_actor *a, sl_call *c) {
  sl_stage_rt *st = c->st;
  long long n = atomic_load(&st->held);
  if (!n) return;
  const sl_batch_opts *b = &st->conf->batch;
  int old = b->age > 0 && sl_time_mono() - st->held_since >= b->age;
  if (n < b->documents && atomic_load(&st->held_bytes) < b->bytes && !old) return;
  if (call_flush(a, c, SL_FLUSH_BOUND)) sl_engine_fatal(a->e, st, &c->why);
  st->held_since = sl_time_mono();
}

static int64_t run_transform(sl_actor *a, sl_stage_rt *st, struct turn *t) {
  sl_engine *e = a->e;
  sl_call *c = &a->calls[st->index];
  struct runs runs = {.n = 0};
  sl_doc *doc;
  sl_docs failed = {0};
  a->retried = NULL;
  while ((doc = sl_docs_pop(&t->docs))) {
    sl_unit *unit = doc->unit;
    c->at_slot = doc->slot;
    sl_actor_process(a, st, doc);
    if (a->retried) {
      sl_docs_push(&failed, a->retried);
      a->retried = NULL;
      break;
    }
    c->at_unit = unit;
    check_bounds(a, c);
    c->at_unit = NULL;
    leave_one(e, sl_zone_q(st->station), &runs, unit);
  }
  sl_actor_flush(a);
  int64_t until = failed.n ? back_to_front(a, st, &failed, &t->docs) : 0;
  leave_all(e, st, &runs);
  return until;
}

int sl_worker_keeps(sl_actor *a, sl_stage_rt *st, sl_doc *doc, int64_t delay) {
  if (!a->st || st->mode != SL_MODE_WORKER || !waits_for_retry(a->e, st, delay)) return 0;
  doc->due = sl_time_mono() + delay;
  a->retried = doc;
  return 1;
}

void sl_worker_main(void *arg) {
  sl_actor *a = arg;
  sl_actor_begin(a);
  sl_stage_rt *st = a->st;
  sl_call *c = &a->calls[st->index];
  int64_t pause_until = 0;
  struct turn t;
  a->zone = sl_zone_l(st->station);
  for (;;) {
    take(a, st, pause_until, &t);
    if (t.end) break;
    if (sl_timer_run(c)) sl_actor_release(a, c);
    if (t.docs.n) pause_until = run_transform(a, st, &t);
    if (t.flush && call_flush(a, c, t.flush)) sl_engine_fatal(a->e, st, &c->why);
    check_bounds(a, c);
    if (t.flush) sl_credit_wake(&a->e->credit);
  }
  leave_station(a, st, t.aborted);
}

/* ---- sinks ---- */

/* What a sink's thread keeps between batches. */
struct batch {
  sl_doc **docs;
  sl_unit **units; /* of each document */
  int32_t *verdicts;
  uint32_t cap;
};

static int batch_room(struct batch *b, uint32_t n) {
  if (n <= b->cap) return 0;
  sl_doc **docs = sl_mem_realloc(b->docs, n * sizeof(*docs));
  if (docs) b->docs = docs;
  sl_unit **units = sl_mem_realloc(b->units, n * sizeof(*units));
  if (units) b->units = units;
  int32_t *verdicts = sl_mem_realloc(b->verdicts, n * sizeof(*verdicts));
  if (verdicts) b->verdicts = verdicts;
  if (!docs || !units || !verdicts) return SL_ENOMEM;
  b->cap = n;
  return 0;
}

static int32_t call_write(sl_actor *a, sl_call *c, struct batch *b, uint32_t n) {
  sl_stage_rt *st = c->st;
  sl_engine *e = a->e;
  sl_call_begin(c, NULL);
  memset(b->verdicts, 0, n * sizeof(*b->verdicts));
  int64_t wall = sl_time_mono(), cpu = e->opts.profile ? sl_time_cpu() : 0;
  sl_actor_busy(a, st, b->docs[0]);
  atomic_store_explicit(&a->busy_since, st->conf->timeout ? wall : 0, memory_order_release);
  sl_actor_note(a, st, b->docs[0], n);
  int32_t rc = st->type->write(&c->pub, st->stage, c->lane, b->docs, n, b->verdicts);
  if (a->note) sl_note_end(a->note);
  atomic_store_explicit(&a->busy_since, 0, memory_order_release);
  int64_t ns = sl_time_mono() - wall;
  sl_tally(a, st->index, SL_COUNT_WALL, (uint64_t)ns);
  sl_metrics_call(a, st, ns);
  if (e->opts.profile) sl_tally(a, st->index, SL_COUNT_CPU, (uint64_t)(sl_time_cpu() - cpu));
  return rc;
}

/* The reason for one document: its own, else the call's. */
static sl_err reason(sl_call *c, const sl_doc *doc, int32_t verdict) {
  sl_err err;
  if (doc->why) return *doc->why;
  if (c->failed) return c->why;
  sl_err_set(&err, SL_EPLUGIN, "sink '%s' answered %d and gave no reason", c->st->conf->id, verdict);
  return err;
}

/* A write that failed as a whole is the sink's trouble and not this document's: while the breaker is open, or when no
 * attempt is left, the document waits on disk; when there is no room, it waits here and the sources stop. 1: it is
 * gone. */
static int spill(sl_actor *a, sl_stage_rt *st, sl_doc *doc, const sl_err *why, int64_t *delay) {
  sl_engine *e = a->e;
  if (!e->keep || !sl_state_durable(e->opts.state) || st->conf->on_error.breaker <= 0) return 0;
  if (atomic_load(&e->stop) > 1 || e->trace) return 0;
  int open = atomic_load(&st->breaker_open);
  if ((open || *delay < 0) && st->conf->order != SL_ORDER_STRICT) {
    doc->attempt = 1; /* the next trial is a new one */
    if (!sl_requeue_put(a, st, doc, SL_QUEUE_SPILL, 0, why)) return 1;
  }
  if (*delay < 0 || open) *delay = SL_TIME_S;
  return 0;
}

/* Settles one document of a batch. 1 if it stays: it waits in `failed` for a retry. */
static int settle_written(sl_actor *a, sl_call *c, sl_doc *doc, int32_t verdict, sl_docs *failed) {
  sl_stage_rt *st = c->st;
  sl_err why;
  if (verdict == SL_V_OK) {
    sl_tally(a, st->index, SL_COUNT_OUT, 1);
    sl_tap_pass(a->e->opts.taps, st->conf->id, doc);
    sl_actor_end(a, doc, SL_OUT_STORED);
    return 0;
  }
  if (verdict == SL_V_DROP) {
    sl_tally(a, st->index, SL_COUNT_DROPPED, 1);
    sl_actor_end(a, doc, SL_OUT_DROPPED);
    return 0;
  }
  why = reason(c, doc, verdict);
  sl_mem_free(doc->why);
  doc->why = NULL;
  if (verdict == SL_V_FATAL) {
    sl_engine_fatal(a->e, st, &why);
    sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    return 0;
  }
  int64_t delay = verdict == SL_V_RETRY ? sl_retry_delay(a, st, doc) : -1;
  if (verdict == SL_V_RETRY && st->fails && spill(a, st, doc, &why, &delay)) return 0;
  if (delay < 0)
    sl_give_up(a, st, doc, &why);
  else if (retry_in_place(a, st, doc, delay, failed))
    return 1;
  else
    sl_retry_later(a, st, doc, delay, sl_zone_q(st->station));
  return 0;
}

/* What was stored is published before any of it ends. */
static void after_write(sl_actor *a, sl_call *c, struct batch *b, uint32_t n, int32_t rc) {
  uint32_t retries = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (rc) b->verdicts[i] = SL_V_RETRY;
    retries += b->verdicts[i] == SL_V_RETRY;
  }
  if (a->e->keep) sl_keep_publish(a->e->keep, c, b->docs, n, b->verdicts);
  sl_err why;
  if (retries == n) why = reason(c, b->docs[0], SL_V_RETRY);
  sl_breaker_note(a->e, c->st, retries == n ? &why : NULL);
}

/* Documents that the breaker keeps from the sink go to the spool, and those that crash it to the dead letters. */
static void keep_back(sl_actor *a, sl_stage_rt *st, sl_docs *docs) {
  sl_engine *e = a->e;
  struct runs runs = {.n = 0};
  sl_docs rest = {0};
  sl_doc *d;
  int spills = atomic_load(&st->spilling);
  if (atomic_load(&e->stop) > 1 || (!spills && !e->condemned)) return;
  while ((d = sl_docs_pop(docs))) {
    sl_unit *unit = d->unit;
    if ((e->condemned && sl_actor_condemned(a, st, d)) ||
        (spills && sl_breaker_spills(e, st, d) && !sl_requeue_put(a, st, d, SL_QUEUE_SPILL, 0, NULL)))
      leave_one(e, sl_zone_q(st->station), &runs, unit);
    else
      sl_docs_push(&rest, d);
  }
  *docs = rest;
  sl_actor_flush(a);
  leave_all(e, st, &runs);
}

static int64_t run_sink(sl_actor *a, sl_stage_rt *st, struct batch *b, struct turn *t) {
  sl_engine *e = a->e;
  sl_call *c = &a->calls[st->index];
  uint32_t n = t->docs.n;
  struct runs runs = {.n = 0};
  sl_docs failed = {0}, none = {0};
  if (batch_room(b, n)) {
    sl_docs_append(&failed, &t->docs);
    sl_flow_again(&e->flow, st->station, &failed);
    return sl_time_mono() + 10 * SL_TIME_MS;
  }
  for (uint32_t i = 0; i < n; i++) {
    b->docs[i] = sl_docs_pop(&t->docs);
    b->units[i] = b->docs[i]->unit;
    if (b->docs[i]->attempt == 1) sl_tally(a, st->index, SL_COUNT_IN, 1);
  }
  int skip = t->aborted || atomic_load(&st->broken);
  int32_t rc = skip ? 0 : call_write(a, c, b, n);
  if (!skip) after_write(a, c, b, n, rc);
  for (uint32_t i = 0; i < n; i++) {
    sl_doc *doc = b->docs[i];
    b->verdicts[i] = rc ? SL_V_RETRY : b->verdicts[i];
    if (skip) sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    b->docs[i] = !skip && settle_written(a, c, doc, b->verdicts[i], &failed) ? doc : NULL;
  }
  sl_actor_flush(a);
  for (uint32_t i = 0; i < n; i++)
    if (!b->docs[i]) leave_one(e, sl_zone_q(st->station), &runs, b->units[i]);
  int64_t until = failed.n ? back_to_front(a, st, &failed, &none) : 0;
  leave_all(e, st, &runs);
  return until;
}

void sl_sink_main(void *arg) {
  sl_actor *a = arg;
  sl_actor_begin(a);
  sl_stage_rt *st = a->st;
  sl_call *c = &a->calls[st->index];
  struct batch batch = {0};
  int64_t pause_until = 0;
  struct turn t;
  a->zone = sl_zone_l(st->station);
  for (;;) {
    take(a, st, pause_until, &t);
    if (t.end) break;
    sl_timer_run(c);
    keep_back(a, st, &t.docs);
    if (t.docs.n) pause_until = run_sink(a, st, &batch, &t);
    if (t.flush) call_flush(a, c, t.flush);
  }
  sl_mem_free(batch.docs);
  sl_mem_free(batch.units);
  sl_mem_free(batch.verdicts);
  leave_station(a, st, t.aborted);
}
