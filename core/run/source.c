/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources: asked to produce while there is credit. What they emit is grouped into units, sized so that a unit is about
 * 300 us of a lane's work: one document while nothing is known, up to 256 of small ones.
 */
#include "base/mem.h"
#include "base/time.h"
#include "run/runtime.h"

#define UNIT_NS (300 * SL_TIME_US)
#define UNIT_DOCS 256
#define UNIT_BYTES ((size_t)128 << 10)
/* One call of produce: short, so that a stop and the window are seen soon. */
#define TURN_BYTES ((int64_t)1 << 20)

static uint32_t unit_size(const sl_engine *e) {
  int64_t one = atomic_load_explicit(&e->lane_ns, memory_order_relaxed);
  if (!one) return 1;
  int64_t n = UNIT_NS / one;
  return n < 1 ? 1 : n > UNIT_DOCS ? UNIT_DOCS : (uint32_t)n;
}

void sl_source_dispatch(sl_call *c) {
  sl_engine *e = c->actor->e;
  sl_unit *u = c->unit;
  if (!u) return;
  sl_docs docs = c->unit_docs;
  c->unit = NULL;
  c->unit_docs = (sl_docs){0};
  uint32_t zone = sl_zone_l(c->st->station);
  sl_work *w = sl_mem_alloc(sizeof(*w));
  /* Out of memory: nothing has been promised for these documents yet, so waiting for some to be freed loses nothing. */
  if (c->st->unordered || !e->flow.zones[zone].n_ordered) u = NULL;
  for (sl_doc *d = docs.head; d; d = d->next) {
    d->zone = zone;
    d->unit = u;
  }
  sl_flow_enter(&e->flow, zone, u, docs.n);
  while (!w || (u && sl_flow_register(&e->flow, u, c->st->station))) {
    sl_credit_pause(&e->credit, 10 * SL_TIME_MS);
    if (!w) w = sl_mem_alloc(sizeof(*w));
  }
  *w = (sl_work){.unit = u, .zone = zone, .depth = c->st->station, .docs = docs};
  sl_workq_push(e->work, w);
}

/* What the document is as input: its text and its payload; a tree that came without text is what it takes. */
static size_t content_of(const sl_doc *doc, size_t size) {
  sl_bytes text = {0}, payload = {0};
  const char *type = NULL;
  sl_doc_given(doc, &text);
  sl_doc_payload(doc, &payload, &type);
  return text.len + payload.len ? text.len + payload.len : size;
}

int sl_source_emit(sl_call *c, sl_doc *doc) {
  sl_engine *e = c->actor->e;
  size_t bytes = sl_doc_size(doc);
  sl_slot *slot = NULL;
  int known = e->keep && doc->cursor ? sl_keep_known(e->keep, c->st, doc->cursor) : 0;
  if (known) {
    if (e->alone) sl_notes_emitted(e->notes, c->st->index, doc->cursor);
    sl_doc_free(doc);
    return 0;
  }
  uint64_t taken = atomic_fetch_add_explicit(&e->taken, 1, memory_order_relaxed) + 1;
  if (e->opts.limit && taken > e->opts.limit) {
    sl_doc_free(doc);
    return 0;
  }
  if (!c->unit) {
    c->unit = sl_unit_new(c->st->index, unit_size(e), e->flow.n_zones, e->flow.n_ordered);
    if (!c->unit) {
      sl_doc_free(doc);
      c->failed = 1;
      return sl_err_set(&c->why, SL_ENOMEM, "no memory for a document of source '%s'", c->st->conf->id);
    }
  }
  if (e->keep && doc->cursor && sl_keep_emit(e->keep, c->st, doc->cursor, &slot, &c->why)) {
    sl_doc_free(doc);
    c->failed = 1;
    return c->why.code;
  }
  sl_token *t = sl_unit_token(c->unit, doc->cursor, bytes);
  t->slot = slot;
  if (e->notes && slot) sl_notes_emitted(e->notes, c->st->index, slot->cursor);
  doc->flags &= ~(uint32_t)SL_DOC_FRESH;
  doc->unit = c->unit;
  doc->slot = c->unit->n - 1;
  doc->token = t;
  doc->stage = c->st->index;
  doc->cursor = 0;
  sl_docs_push(&c->unit_docs, doc);
  sl_credit_take(&e->credit, t);
  if (sl_schedule_has(c->st)) atomic_fetch_add(&c->st->times.open, 1);
  sl_tally(c->actor, c->st->index, SL_COUNT_IN, 1);
  sl_tally(c->actor, c->st->index, SL_COUNT_BYTES, content_of(doc, bytes));
  if (e->alone || c->unit->n == c->unit->cap || c->unit->bytes >= UNIT_BYTES ||
      (e->opts.limit && taken >= e->opts.limit))
    sl_source_dispatch(c);
  return 0;
}

int32_t sl_source_turn(sl_call *c, int64_t credit) {
  sl_engine *e = c->actor->e;
  sl_stage_rt *st = c->st;
  if (credit > TURN_BYTES) credit = TURN_BYTES;
  if (e->alone) credit = 1;
  sl_call_begin(c, NULL);
  uint32_t weight = sl_call_timed(c);
  int64_t cpu = e->opts.profile ? sl_time_cpu() : 0, wall = weight || e->opts.profile ? sl_time_mono() : 0;
  int32_t rc = st->type->produce(&c->pub, st->stage, c->lane, (uint64_t)credit);
  if (weight) sl_metrics_chosen(c, weight, sl_time_mono() - wall);
  if (e->opts.profile) {
    sl_tally(c->actor, st->index, SL_COUNT_CPU, (uint64_t)(sl_time_cpu() - cpu));
    sl_tally(c->actor, st->index, SL_COUNT_WALL, (uint64_t)(sl_time_mono() - wall));
  }
  if (rc == SL_P_MORE || rc == SL_P_WAIT || rc == SL_P_END) {
    sl_source_dispatch(c);
    if (rc != SL_P_MORE && e->alone) sl_notes_emitted(e->notes, st->index, UINT64_MAX);
    return rc;
  }
  if (!c->failed) sl_err_set(&c->why, SL_EPLUGIN, "source '%s' answered %d and gave no reason", st->conf->id, rc);
  sl_source_dispatch(c);
  sl_engine_fatal(e, st, &c->why);
  return SL_P_END;
}

void sl_source_end(sl_actor *a, sl_stage_rt *st) {
  atomic_store(&st->produced_end, 1);
  sl_flow_leave(&a->e->flow, sl_zone_l(st->station), NULL, 1);
}

static int may_go_on(sl_engine *e) {
  if (atomic_load(&e->stop)) return 0;
  return !e->opts.limit || atomic_load(&e->taken) < e->opts.limit;
}

static uint64_t held(sl_engine *e) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < e->n_stages; i++) n += (uint64_t)atomic_load(&e->stages[i].held);
  return n;
}

/* Nothing moves and stages hold: they are asked to let go. */
static void starve(sl_engine *e) {
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    if (!atomic_load(&st->held)) continue;
    sl_station *s = &e->flow.stations[st->station];
    pthread_mutex_lock(&s->lock);
    s->flush = SL_FLUSH_CREDIT;
    pthread_cond_broadcast(&s->cond);
    pthread_mutex_unlock(&s->lock);
  }
}

/* Bytes that this source may bring in, 0 if it must stop. */
static int64_t admit(sl_engine *e) {
  int starved = 0;
  while (may_go_on(e)) {
    /* Nothing new comes in while what happens to it cannot be written down. */
    if (e->keep && sl_state_stuck(e->opts.state, NULL)) {
      sl_credit_pause(&e->credit, 100 * SL_TIME_MS);
      continue;
    }
    int64_t credit = sl_credit_now(&e->credit);
    if (credit > 0) return credit;
    if (sl_credit_quiet(&e->credit)) {
      /* What is held fills the budget. A stage that lets nothing go when asked gets one document more. */
      if (!held(e) || starved++ > 2) return 1;
      starve(e);
      sl_credit_pause(&e->credit, 5 * SL_TIME_MS);
      continue;
    }
    sl_credit_wait(&e->credit, 20 * SL_TIME_MS);
  }
  return 0;
}

static void wait_for_wake(sl_actor *a, sl_call *c) {
  sl_engine *e = a->e;
  sl_station *s = &e->flow.stations[c->st->station];
  pthread_mutex_lock(&s->lock);
  while (!s->woken && may_go_on(e) && sl_timer_next(c) > sl_time_mono()) sl_station_wait(s, sl_timer_next(c));
  s->woken = 0;
  pthread_mutex_unlock(&s->lock);
}

/* Waits for the next run of a schedule. 0: it must stop. */
static int wait_for_run(sl_actor *a, sl_call *c) {
  sl_engine *e = a->e;
  sl_station *s = &e->flow.stations[c->st->station];
  for (;;) {
    if (!may_go_on(e)) return 0;
    int64_t wait = sl_schedule_look(c);
    if (!wait) return 1;
    int64_t until = sl_time_mono() + wait;
    pthread_mutex_lock(&s->lock);
    while (may_go_on(e) && sl_time_mono() < until) sl_station_wait(s, until);
    s->woken = 0;
    pthread_mutex_unlock(&s->lock);
  }
}

void sl_source_main(void *arg) {
  sl_actor *a = arg;
  sl_engine *e = a->e;
  sl_call *c = &a->calls[a->st->index];
  int again = sl_schedule_has(a->st);
  if (again) sl_schedule_begin(c);
  for (;;) {
    if (a->st->times.waits && !wait_for_run(a, c)) break;
    int64_t credit = admit(e);
    if (!credit) break;
    if (sl_timer_run(c)) sl_source_dispatch(c);
    int32_t rc = sl_source_turn(c, credit);
    if (rc == SL_P_END && (!again || !may_go_on(e))) break;
    if (rc == SL_P_END) sl_schedule_ended(c);
    if (rc == SL_P_WAIT) wait_for_wake(a, c);
  }
  sl_source_end(a, a->st);
  atomic_fetch_sub(&e->running, 1);
  sl_loop_poke(e);
}
