/* SPDX-License-Identifier: Apache-2.0 */
/* The queue's way out of the engine and back, and the breakers of sinks. */
#include "run/requeue.h"

#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "run/pack.h"
#include "run/runtime.h"

/* Rows that are given out, landed ones included until the next commit. */
#define MAX_FLYING 4096
#define TURN_ROWS 64
#define LOOK_NS (SL_TIME_S)

/* ---- out ---- */

static int from_queue(const sl_doc *doc) { return doc->token && doc->token->unit->source == SL_SOURCE_QUEUE; }

static void committed(void *user, int rc) {
  sl_engine *e = user;
  (void)rc;
  atomic_fetch_sub(&e->requeue.committing, 1);
  atomic_store(&e->requeue.poked, 1);
  sl_loop_poke(e);
}

/* A spooled document that did not get past its sink: its row stays as and where it is. */
static int give_back(sl_actor *a, const sl_stage_rt *st, sl_doc *doc) {
  sl_keep *k = a->e->keep;
  sl_token *t = doc->token;
  if (!from_queue(doc) || doc->more || t->cursor != st->index + 1 || atomic_load(&t->refs) != 1) return 0;
  pthread_mutex_lock(&k->lock);
  sl_track_return(k->queue, t->slot);
  t->slot = NULL;
  pthread_mutex_unlock(&k->lock);
  sl_actor_end(a, doc, SL_OUT_WAITS);
  return 1;
}

int sl_requeue_put(sl_actor *a, sl_stage_rt *st, sl_doc *doc, int32_t kind, int64_t due, const sl_err *why) {
  sl_engine *e = a->e;
  sl_queue_entry entry = {.kind = kind, .stage = st->conf->id, .attempts = doc->attempt - 1, .due = due};
  sl_packed hold;
  sl_err err;
  if (!e->keep || !atomic_load(&e->requeue.put_open)) return SL_ESTATE;
  if (kind == SL_QUEUE_SPILL && give_back(a, st, doc)) return 0;
  entry.why = why ? why->message : "";
  int rc = sl_pack(doc, &hold, &entry, &err);
  atomic_fetch_add(&e->requeue.committing, 1);
  if (!rc) rc = sl_state_queue_put(e->opts.state, &entry, 1, committed, e, &err);
  sl_packed_done(&hold);
  if (rc) {
    atomic_fetch_sub(&e->requeue.committing, 1);
    return rc;
  }
  sl_actor_end(a, doc, SL_OUT_WAITS);
  return 0;
}

void sl_requeue_save_retries(sl_engine *e) {
  sl_actor *a = e->actors[0];
  for (;;) {
    pthread_mutex_lock(&e->delay_lock);
    sl_doc *doc = sl_delay_pop(&e->delay, INT64_MAX);
    pthread_mutex_unlock(&e->delay_lock);
    if (!doc) return;
    int64_t left = doc->due - sl_time_mono();
    uint32_t zone = doc->zone;
    sl_unit *unit = doc->unit;
    sl_stage_rt *st = &e->stages[doc->stage];
    if (sl_requeue_put(a, st, doc, SL_QUEUE_RETRY, sl_time_wall() + (left > 0 ? left : 0), NULL)) {
      sl_loop_retry_now(e, doc);
      continue;
    }
    sl_flow_leave(&e->flow, zone, unit, 1);
    if (st->station != SL_NO_STATION) sl_flow_poke(&e->flow, st->station);
  }
}

/* ---- rows that leave ---- */

void sl_requeue_leaves(sl_requeue *q, uint64_t id, uint64_t commits) {
  if (q->n_leaving == q->cap_leaving) {
    uint32_t cap = q->cap_leaving ? q->cap_leaving * 2 : 64;
    void *all = sl_mem_realloc(q->leaving, cap * sizeof(*q->leaving));
    if (!all) return; /* it may come again, and its sinks know it */
    q->leaving = all;
    q->cap_leaving = cap;
  }
  q->leaving[q->n_leaving++] = (struct sl_leaving){id, commits};
}

void sl_requeue_forget(sl_requeue *q, uint64_t commits) {
  uint32_t n = 0;
  /* A read that goes on may still see what was removed since it began. */
  if (q->reading) return;
  for (uint32_t i = 0; i < q->n_leaving; i++)
    if (q->leaving[i].commits >= commits) q->leaving[n++] = q->leaving[i];
  q->n_leaving = n;
}

void sl_requeue_done(sl_requeue *q) {
  sl_mem_free(q->leaving);
  q->leaving = NULL;
}

static int leaves(const sl_requeue *q, uint64_t id) {
  for (uint32_t i = 0; i < q->n_leaving; i++)
    if (q->leaving[i].id == id) return 1;
  return 0;
}

/* ---- breakers ---- */

static int can_spill(const sl_engine *e, const sl_stage_rt *st) {
  return e->keep && sl_state_durable(e->opts.state) && st->conf->on_error.breaker > 0 &&
         st->conf->order != SL_ORDER_STRICT && atomic_load(&e->requeue.put_open);
}

int sl_breaker_spills(sl_engine *e, sl_stage_rt *st, const sl_doc *doc) {
  if (!atomic_load(&st->spilling) || !can_spill(e, st)) return 0;
  if (atomic_load(&st->breaker_open)) return sl_time_mono() < atomic_load(&st->probe_at);
  /* What is newer waits behind what is on the spool, so that no older revision overtakes it. */
  if (from_queue(doc)) return 0;
  if (sl_state_queue_count(e->opts.state, st->conf->id, SL_QUEUE_SPILL)) return 1;
  atomic_store(&st->spilling, 0);
  sl_run_log(e, SL_LOG_INFO, st->conf->id, "the spool is empty; documents come straight again");
  return 0;
}

/* The flag goes down with the next document that comes straight; the last row of the spool may be long gone by then. */
int sl_breaker_now(sl_engine *e, sl_stage_rt *st) {
  if (atomic_load(&st->breaker_open)) return 1;
  if (!atomic_load(&st->spilling) || !sl_state_durable(e->opts.state)) return 0;
  return sl_state_queue_count(e->opts.state, st->conf->id, SL_QUEUE_SPILL) ? 2 : 0;
}

static void say_why(sl_engine *e, const sl_stage_rt *st, const char *what, const sl_err *why) {
  sl_run_log(e, SL_LOG_WARN, st->conf->id, "%s: %s%s%s%s%s", what, why->message, *why->detail ? ": " : "", why->detail,
             *why->hint ? "; " : "", why->hint);
}

void sl_breaker_note(sl_engine *e, sl_stage_rt *st, const sl_err *why) {
  const sl_on_error *o = &st->conf->on_error;
  if (!why) {
    if (atomic_load_explicit(&st->fails, memory_order_relaxed)) atomic_store(&st->fails, 0);
    if (!atomic_exchange(&st->breaker_open, 0)) return;
    sl_run_log(e, SL_LOG_INFO, st->conf->id, "it works again: the breaker is closed, the spool is written first");
    atomic_store(&e->requeue.poked, 1);
    sl_loop_poke(e);
    return;
  }
  /* A sink may have several threads. */
  uint32_t fails = atomic_fetch_add(&st->fails, 1) + 1;
  if (fails == 1) say_why(e, st, "a write failed, and is tried again", why);
  if (!can_spill(e, st) || (int64_t)fails < o->breaker) return;
  int64_t wait = o->backoff > SL_TIME_MS ? o->backoff : SL_TIME_MS;
  for (uint32_t i = 0; i < fails - (uint32_t)o->breaker && wait < o->backoff_max; i++) wait *= 2;
  if (wait > o->backoff_max) wait = o->backoff_max;
  atomic_store(&st->probed_at, sl_time_mono());
  atomic_store(&st->probe_at, sl_time_mono() + wait);
  atomic_store(&st->spilling, 1);
  if (atomic_exchange(&st->breaker_open, 1)) return;
  say_why(e, st, "the breaker is open: documents go to the spool until a write succeeds", why);
}

/* ---- back ---- */

struct pass {
  sl_engine *e;
  uint32_t given;
  int full;
  uint64_t last;
};

static sl_stage_rt *stage_by_id(sl_engine *e, const char *id) {
  for (uint32_t i = 0; i < e->n_stages; i++)
    if (!strcmp(e->stages[i].conf->id, id)) return &e->stages[i];
  return NULL;
}

static void count_in(sl_actor *a, sl_stage_rt *st, const sl_queue_entry *entry, const sl_doc *doc) {
  if (entry->kind != SL_QUEUE_SPOOL) {
    atomic_fetch_add(&a->e->again, 1);
    return;
  }
  sl_tally(a, st->index, SL_COUNT_IN, 1);
  sl_tally(a, st->index, SL_COUNT_BYTES, sl_doc_size(doc));
}

/* A row whose stage is gone waits for `dlq retry --at` as a dead letter would: it becomes one. */
static void bury_stray(sl_engine *e, const sl_queue_entry *q, const sl_err *why) {
  const sl_stage_rt *st = stage_by_id(e, q->stage);
  char key[2048];
  int bad = why->code == SL_EPARSE; /* bytes that are no body, as they came */
  snprintf(key, sizeof(key), "%s%s%s", q->uri, *q->locator ? "#" : "", q->locator);
  sl_dead_entry d = sl_dead_begin(e, q->stage, st, why);
  d.attempts = q->attempts + 1;
  d.uri = q->uri;
  d.locator = q->locator;
  d.revision = q->revision;
  d.key = key;
  d.payload = q->payload;
  d.media_type = q->media_type;
  d.map = q->map;
  d.splits = q->splits;
  *(bad ? &d.raw : &d.body) = q->body;
  sl_err err;
  sl_run_log(e, SL_LOG_WARN, q->stage, "dead letter: %s: %s", key, why->message);
  if (sl_state_dead_put(e->opts.state, &d, &err)) return;
  sl_actor *a = e->actors[0];
  atomic_store_explicit(&a->dead, atomic_load_explicit(&a->dead, memory_order_relaxed) + 1, memory_order_relaxed);
  if (st) sl_tally(a, st->index, SL_COUNT_DEAD, 1);
  pthread_mutex_lock(&e->keep->lock);
  sl_slot *slot = sl_track_emit_loose(e->keep->queue, q->id);
  pthread_mutex_unlock(&e->keep->lock);
  if (slot) sl_slot_end(slot);
  sl_state_touch(e->opts.state);
}

/* Lets doc [take] in at st. */
static int enter(sl_engine *e, sl_stage_rt *st, sl_doc *doc, const sl_queue_entry *q) {
  sl_actor *a = e->actors[0];
  sl_unit *unit = sl_unit_new(SL_SOURCE_QUEUE, 1, e->flow.n_zones, e->flow.n_ordered);
  if (!unit) return SL_ENOMEM;
  sl_token *t = sl_unit_token(unit, st->index + 1, sl_doc_size(doc));
  pthread_mutex_lock(&e->keep->lock);
  t->slot = sl_track_emit_loose(e->keep->queue, q->id);
  pthread_mutex_unlock(&e->keep->lock);
  if (!t->slot) {
    sl_unit_unref(unit);
    return SL_ENOMEM;
  }
  doc->token = t;
  if (e->notes) sl_notes_emitted(e->notes, SL_SOURCE_QUEUE, q->id);
  sl_credit_take(&e->credit, t);
  count_in(a, st, q, doc);
  a->zone = sl_zone_l(st->mode == SL_MODE_INLINE ? st->upstream : st->station);
  if (st->type->kind == SL_SOURCE) {
    doc->stage = st->index;
    sl_docs_push(&a->inlined, doc);
  } else {
    sl_actor_deliver(a, st->index, doc);
  }
  sl_actor_flush(a);
  return 0;
}

/* What a source could not read has neither body nor payload: let in, it would be stored as a document without anything.
 */
static int is_empty(const sl_queue_entry *q) {
  return q->kind == SL_QUEUE_AGAIN && !q->payload.len && q->body.len == 2 && !memcmp(q->body.data, "{}", 2);
}

static int nothing_read(sl_doc **doc, sl_err *err) {
  sl_doc_free(*doc);
  *doc = NULL;
  sl_err_set(err, SL_EUNSUP, "the source could not read it, so there is no document to try again");
  sl_err_hint(
      err, "let the source read it again: touch the file if it watches or has a schedule, else run with --reprocess; "
           "`sluice dlq drop` takes this entry away");
  return err->code;
}

static int on_row(void *user, const sl_queue_entry *q) {
  struct pass *p = user;
  sl_engine *e = p->e;
  sl_err err;
  sl_doc *doc = NULL;
  pthread_mutex_lock(&e->keep->lock);
  int flies = sl_track_flies(e->keep->queue, q->id) || leaves(&e->requeue, q->id);
  int full = sl_track_loose(e->keep->queue) >= MAX_FLYING || (p->given && atomic_load(&e->alone));
  pthread_mutex_unlock(&e->keep->lock);
  p->full |= full;
  if (full) return 1;
  p->last = q->id;
  if (flies) return 0;
  p->given++;
  sl_stage_rt *st = stage_by_id(e, q->stage);
  int rc = 0;
  if (!st) {
    rc = sl_err_set(&err, SL_ENOTFOUND, "stage '%s' is not in the pipeline any more", q->stage);
    sl_err_hint(&err, "`sluice dlq retry --at STAGE` sends it to another stage; `was:` names a stage's former id");
  } else {
    rc = sl_unpack(q, &doc, &err);
    if (!rc && st->type->kind == SL_SOURCE && is_empty(q)) rc = nothing_read(&doc, &err);
  }
  if (rc == SL_ENOMEM) return 1;
  if (rc) {
    bury_stray(e, q, &err);
    return 0;
  }
  if (enter(e, st, doc, q)) {
    sl_doc_free(doc);
    return 1;
  }
  return 0;
}

static int all_sources_ended(sl_engine *e) {
  for (uint32_t i = 0; i < e->n_stages; i++)
    if (e->stages[i].type->kind == SL_SOURCE && !atomic_load(&e->stages[i].produced_end)) return 0;
  return 1;
}

/* Stages whose spooled rows stay where they are: open breakers, until the next trial; one row then. */
static uint32_t closed_sinks(sl_engine *e, const char **ids, uint64_t *ret_rows) {
  uint32_t n = 0;
  *ret_rows = 0;
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    if (!atomic_load(&st->breaker_open)) continue;
    if (sl_time_mono() >= atomic_load(&st->probe_at)) continue;
    ids[n++] = st->conf->id;
    *ret_rows += sl_state_queue_count(e->opts.state, st->conf->id, SL_QUEUE_SPILL);
  }
  return n;
}

static void release_holds(sl_engine *e) {
  if (!e->requeue.open) return;
  e->requeue.open = 0;
  atomic_store(&e->requeue.put_open, 0);
  for (uint32_t t = 0; t < e->n_stations; t++)
    if (e->stages[e->station_stage[t]].type->kind == SL_SOURCE) sl_flow_leave(&e->flow, sl_zone_l(t), NULL, 1);
}

/* Documents that are somewhere in the zones, besides the places that stations and the queue hold: while it holds its
 * places no station gives up its own. */
static int documents_move(sl_engine *e) {
  long long live = 0;
  for (uint32_t z = 0; z < e->flow.n_zones; z++) live += atomic_load(&e->flow.zones[z].live);
  return live > (long long)e->places;
}

/* After the sources have ended breakers are tried until a trial fails later than `grace`; 1 while one is to come. */
static int last_trials(sl_engine *e) {
  int64_t enough = e->requeue.sources_ended + e->p->grace;
  int more = 0;
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    if (!atomic_load(&st->breaker_open) || atomic_load(&st->probed_at) >= enough) continue;
    if (!sl_state_queue_count(e->opts.state, st->conf->id, SL_QUEUE_SPILL)) continue;
    /* Nothing else is left to do: the next trial need not wait long. */
    int64_t soon = atomic_load(&st->probed_at) + SL_TIME_S;
    if (atomic_load(&st->probe_at) > soon) atomic_store(&st->probe_at, soon);
    more = 1;
  }
  return more;
}

/* The end: sources have ended, nothing moves, and no row can. */
static int over(sl_engine *e) {
  uint64_t stay;
  sl_state_stats now;
  const char *ids[SL_TRACK_SINKS];
  if (!all_sources_ended(e)) return 0;
  if (!e->requeue.sources_ended) e->requeue.sources_ended = sl_time_mono();
  atomic_store(&e->requeue.ending, 1); /* before the look at what moves */
  if (documents_move(e) || atomic_load(&e->requeue.committing)) return 0;
  if (atomic_load(&e->stop)) return 1;
  if (last_trials(e)) return 0;
  closed_sinks(e, ids, &stay);
  uint64_t rows = sl_state_queue_count(e->opts.state, NULL, 0);
  pthread_mutex_lock(&e->keep->lock);
  uint64_t flying = sl_track_loose(e->keep->queue);
  /* Counted after the rows: what a commit removes in between then looks like a row too many, not one too few. */
  sl_state_get_stats(e->opts.state, &now);
  for (uint32_t i = 0; i < e->requeue.n_leaving; i++) flying += e->requeue.leaving[i].commits >= now.commits;
  pthread_mutex_unlock(&e->keep->lock);
  if (rows > stay + flying) return 0;
  if (stay)
    sl_run_log(e, SL_LOG_WARN, NULL,
               "%llu documents wait on the spool of sinks that fail; the next run goes on with them",
               (unsigned long long)stay);
  return 1;
}

void sl_requeue_start(sl_engine *e) {
  e->requeue.open = 1;
  atomic_store(&e->requeue.put_open, 1);
  atomic_store(&e->requeue.poked, 1);
  for (uint32_t t = 0; t < e->n_stations; t++)
    if (e->stages[e->station_stage[t]].type->kind == SL_SOURCE) sl_flow_enter(&e->flow, sl_zone_l(t), NULL, 1);
  for (uint32_t i = 0; i < e->n_stages; i++)
    if (e->stages[i].type->kind == SL_SINK &&
        sl_state_queue_count(e->opts.state, e->stages[i].conf->id, SL_QUEUE_SPILL))
      atomic_store(&e->stages[i].spilling, 1);
}

/* A probe takes a turn of its own: its rows may lie behind the place where this pass is. */
static int probe_due(sl_engine *e) {
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    if (atomic_load(&st->breaker_open) && sl_time_mono() >= atomic_load(&st->probe_at)) return 1;
  }
  return 0;
}

static void set_reading(sl_engine *e, int on) {
  pthread_mutex_lock(&e->keep->lock);
  e->requeue.reading = on;
  pthread_mutex_unlock(&e->keep->lock);
}

static void look(sl_engine *e) {
  const char *skip[SL_TRACK_SINKS];
  uint64_t stay;
  int64_t now = sl_time_wall();
  int poked = atomic_exchange(&e->requeue.poked, 0) != 0;
  if (!poked && now < e->requeue.next_pass && !probe_due(e)) return;
  if (!sl_credit_now(&e->credit) && !sl_credit_quiet(&e->credit)) {
    if (poked) atomic_store(&e->requeue.poked, 1);
    return;
  }
  sl_queue_filter f = {.after = e->requeue.after, .now = now, .max = TURN_ROWS, .skip = skip};
  f.n_skip = closed_sinks(e, skip, &stay);
  struct pass p = {.e = e};
  sl_err err;
  set_reading(e, 1);
  int rc = sl_state_queue_read(e->opts.state, &f, on_row, &p, &err);
  set_reading(e, 0);
  if (rc) {
    sl_run_log(e, SL_LOG_ERROR, NULL, "the queue of the state cannot be read: %s", err.message);
    e->requeue.next_pass = now + LOOK_NS;
    return;
  }
  if (p.last) e->requeue.after = p.last;
  /* When it is full the next commit pokes. */
  if (p.full) return;
  if (p.last) {
    atomic_store(&e->requeue.poked, 1);
    if (p.given) sl_loop_poke(e);
    return;
  }
  if (atomic_load(&e->alone)) sl_notes_emitted(e->notes, SL_SOURCE_QUEUE, UINT64_MAX);
  /* The end of a pass: the next begins at the first row, when there is something again. */
  if (e->requeue.after && poked) atomic_store(&e->requeue.poked, 1);
  e->requeue.after = 0;
  int64_t due = sl_state_queue_next_due(e->opts.state, now);
  e->requeue.next_pass = due < now + LOOK_NS ? due : now + LOOK_NS;
}

void sl_requeue_turn(sl_engine *e) {
  if (!e->keep || !e->requeue.open) return;
  if (atomic_load(&e->stop) > 1) {
    release_holds(e);
    return;
  }
  if (!atomic_load(&e->stop)) look(e);
  if (over(e)) release_holds(e);
}
