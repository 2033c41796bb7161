/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every thread that calls stages does: calling, routing, handing over.
 *
 * Counting rule: a document in work is counted in one zone. Whoever moves it on counts it in the new zone first
 * (arrive, enter) and takes it out of the old one last (leave), so that no zone looks empty too early.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/time.h"
#include "doc/cond.h"
#include "plugin/written.h"
#include "run/runtime.h"

void sl_tally(sl_actor *a, uint32_t stage, int what, uint64_t n) {
  /* One writer: no read-modify-write needed. */
  atomic_ullong *c = &a->counts[stage][what];
  atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static void add(atomic_ullong *c) {
  atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* ---- making ---- */

sl_actor *sl_actor_new(sl_engine *e, sl_stage_rt *st, sl_err *err) {
  sl_actor *a = sl_mem_calloc(1, sizeof(*a));
  if (!a) goto nomem;
  a->e = e;
  a->st = st;
  a->calls = sl_mem_calloc(e->n_stages, sizeof(*a->calls));
  a->to = sl_mem_calloc(e->n_stations, sizeof(*a->to));
  a->touched = sl_mem_calloc(e->n_stations, sizeof(*a->touched));
  a->counts = sl_mem_calloc(e->n_stages, sizeof(*a->counts));
  a->latency = sl_mem_calloc(e->n_stages, sizeof(*a->latency));
  if (!a->calls || !a->to || !a->touched || !a->counts || !a->latency) goto nomem;
  pthread_mutex_init(&a->busy_lock, NULL);
  sl_rng_init(&a->rng, e->opts.seed + e->n_actors);
  for (uint32_t i = 0; i < e->n_stages; i++)
    a->calls[i] = (sl_call){.pub = {sl_run_host()}, .actor = a, .st = &e->stages[i]};
  return a;
nomem:
  sl_actor_free(a);
  sl_err_set(err, SL_ENOMEM, "no memory for a thread of the pipeline");
  return NULL;
}

void sl_actor_free(sl_actor *a) {
  if (!a) return;
  for (uint32_t i = 0; a->calls && i < a->e->n_stages; i++) {
    sl_timer_done(&a->calls[i]);
    sl_unit_unref(a->calls[i].last);
    sl_mem_free(a->calls[i].pending);
    sl_mem_free(a->calls[i].lent);
    if (a->calls[i].saved) sl_saved_drop(a->calls[i].saved);
    sl_mem_free(a->calls[i].saved);
  }
  if (a->latency) pthread_mutex_destroy(&a->busy_lock);
  sl_mem_free(a->calls);
  sl_mem_free(a->to);
  sl_mem_free(a->touched);
  sl_mem_free(a->counts);
  sl_mem_free(a->latency);
  sl_mem_free(a);
}

/* ---- ending ---- */

static void token_ended(void *user, sl_token *t, int outcome) {
  sl_actor *a = user;
  sl_engine *e = a->e;
  atomic_ullong *by_outcome[] = {&a->dropped, &a->stored, &a->unrouted, &a->waiting, &a->failed, &a->unfinished};
  add(by_outcome[outcome]);
  if (t->kv) sl_kv_settle(e->kv, t, outcome != SL_OUT_UNFINISHED);
  if (t->slot && outcome != SL_OUT_UNFINISHED) {
    sl_slot_end(t->slot);
    a->ended_any = 1;
  }
  if (t->unit->source == SL_SOURCE_QUEUE) {
    sl_credit_give(&e->credit, t);
    return;
  }
  sl_stage_rt *src = &e->stages[t->unit->source];
  if (src->type->acknowledged && outcome != SL_OUT_UNFINISHED && !e->trace) {
    pthread_mutex_lock(&src->ack_lock);
    if (src->started) src->type->acknowledged(&a->calls[src->index].pub, src->stage, t->cursor);
    pthread_mutex_unlock(&src->ack_lock);
  }
  if (sl_schedule_has(src)) atomic_fetch_sub(&src->times.open, 1);
  sl_credit_give(&e->credit, t);
}

void sl_actor_end(sl_actor *a, sl_doc *doc, int outcome) {
  sl_doc_settle(doc, outcome, token_ended, a);
  sl_doc_free(doc);
}

void sl_actor_forget(sl_actor *a, sl_doc *doc) { sl_doc_settle(doc, SL_OUT_UNFINISHED, token_ended, a); }

void sl_actor_touch(sl_actor *a) {
  if (!a->ended_any) return;
  a->ended_any = 0;
  sl_state_touch(a->e->opts.state);
}

void sl_actor_begin(sl_actor *a) {
  uint32_t nth = 0;
  if (!a->e->notes) return;
  while (a->e->actors[nth] != a) nth++;
  a->note = sl_notes_slot(a->e->notes, nth);
}

void sl_actor_note(sl_actor *a, const sl_stage_rt *st, const sl_doc *doc, uint32_t many) {
  const sl_token *t = doc->token;
  if (!a->note || !t || !t->slot) return;
  a->note->many = many;
  sl_note_begin(a->note, t->unit->source, t->slot->cursor, st->index);
}

int sl_actor_condemned(sl_actor *a, sl_stage_rt *st, sl_doc *doc) {
  const sl_token *t = doc->token;
  uint32_t crashes = 0;
  if (!t || !t->slot) return 0;
  int sig = sl_notes_condemned(a->e->notes, t->unit->source, t->slot->cursor, st->index, &crashes);
  if (!sig) return 0;
  sl_err err;
  sl_err_set(&err, SL_EPLUGIN, "the document crashed the process %u times in stage '%s': %s", crashes, st->conf->id,
             sig > 0 ? strsignal(sig) : "killed, without a signal of its own");
  if (sig > 0) sl_err_detail(&err, "signal %d", sig);
  sl_err_hint(&err, "mend the plugin or the document, then `sluice dlq retry`");
  sl_give_up(a, st, doc, &err);
  return 1;
}

/* ---- moving on ---- */

/* Fields that only an open source could bring. Returns the first that is missing, or NULL. */
static const char *missing(const sl_stage_rt *st, sl_doc *doc) {
  for (uint32_t i = 0; i < st->conf->n_needs; i++) {
    if (!st->needs[i]) {
      sl_bytes payload;
      const char *media_type;
      sl_doc_payload(doc, &payload, &media_type);
      if (!media_type) return st->conf->needs[i];
      continue;
    }
    const cJSON *body = sl_doc_body(doc, NULL);
    if (!body || !sl_pointer_get(st->needs[i], body)) return st->conf->needs[i];
  }
  return NULL;
}

static void reject_missing(sl_actor *a, sl_stage_rt *st, sl_doc *doc, const char *field) {
  sl_err err;
  sl_err_set(&err, SL_ENOTFOUND, "stage '%s' needs %s, and the document has none", st->conf->id, field);
  sl_err_hint(
      &err, "%s must come with the input; `when: { path: %s, exists: true }` on the stage lets only such documents in",
      field, field);
  sl_tally(a, st->index, SL_COUNT_IN, 1);
  if (a->e->trace) sl_trace_refused(a->e, st, doc, &err);
  sl_give_up(a, st, doc, &err);
}

void sl_actor_deliver(sl_actor *a, uint32_t to, sl_doc *doc) {
  sl_stage_rt *st = &a->e->stages[to];
  if (st->conf->n_needs) {
    const char *field = missing(st, doc);
    if (field) {
      reject_missing(a, st, doc, field);
      return;
    }
  }
  if (st->mode == SL_MODE_INLINE) {
    if (a->walks) {
      sl_actor_process(a, st, doc);
    } else {
      doc->stage = to;
      sl_docs_push(&a->inlined, doc);
    }
    return;
  }
  if (a->e->keep && st->type->kind == SL_SINK && sl_keep_has(a->e->keep, st, doc)) {
    sl_actor_end(a, doc, SL_OUT_STORED);
    return;
  }
  if (st->mode == SL_MODE_SINK && a->e->opts.dry_run) {
    sl_tally(a, to, SL_COUNT_IN, 1);
    sl_tally(a, to, SL_COUNT_OUT, 1);
    sl_actor_end(a, doc, SL_OUT_STORED);
    return;
  }
  if (st->type->flags & SL_F_TEXT) {
    sl_bytes text;
    sl_err err;
    if (sl_doc_text(doc, &text, &err)) {
      sl_tally(a, to, SL_COUNT_IN, 1);
      sl_give_up(a, st, doc, &err);
      return;
    }
    sl_doc_drop_tree(doc);
  }
  if (!a->to[st->station].n) a->touched[a->n_touched++] = st->station;
  sl_docs_push(&a->to[st->station], doc);
}

static void unrouted(sl_actor *a, sl_stage_rt *st, sl_doc *doc) {
  sl_tally(a, st->index, SL_COUNT_UNROUTED, 1);
  if (a->e->p->unrouted == SL_UNROUTED_ERROR) {
    sl_err err;
    sl_err_set(&err, SL_ESTATE, "the document takes no edge after stage '%s': no `when` below it matches",
               st->conf->id);
    sl_err_hint(&err, "add a stage with `when: else`, or set `unrouted: warn`");
    sl_give_up(a, st, doc, &err);
    return;
  }
  sl_actor_end(a, doc, SL_OUT_UNROUTED);
}

/* Which edges the document takes, as a bit set. Returns their number, or -1 when the body cannot be read. */
static int match_edges(sl_actor *a, sl_stage_rt *st, sl_doc *doc, uint64_t *take, sl_err *err) {
  const cJSON *body = NULL;
  int taken = 0;
  for (uint32_t i = 0; i < st->n_edges; i++) {
    const sl_edge *edge = &st->edges[i];
    if (edge->is_else) continue;
    if (edge->when && !body && !(body = sl_doc_body(doc, err))) return -1;
    if (!sl_cond_match(edge->when, body)) {
      sl_tally(a, edge->to, SL_COUNT_FILTERED, 1);
      continue;
    }
    take[i / 64] |= (uint64_t)1 << i % 64;
    taken++;
  }
  int plain = taken;
  for (uint32_t i = 0; i < st->n_edges; i++) {
    if (!st->edges[i].is_else) continue;
    if (plain) {
      sl_tally(a, st->edges[i].to, SL_COUNT_FILTERED, 1);
      continue;
    }
    take[i / 64] |= (uint64_t)1 << i % 64;
    taken++;
  }
  return taken;
}

void sl_actor_route(sl_actor *a, sl_stage_rt *st, sl_doc *doc) {
  sl_tap_pass(a->e->opts.taps, st->conf->id, doc);
  if (st->n_edges == 1 && !st->edges[0].when && !st->edges[0].is_else) {
    sl_actor_deliver(a, st->edges[0].to, doc);
    return;
  }
  uint64_t take[SL_MAX_EDGES / 64] = {0};
  sl_err err;
  int left = match_edges(a, st, doc, take, &err);
  if (left < 0) {
    sl_give_up(a, st, doc, &err);
    return;
  }
  if (left == 0) {
    unrouted(a, st, doc);
    return;
  }
  for (uint32_t i = 0; left > 0; i++) {
    if (!(take[i / 64] >> i % 64 & 1)) continue;
    sl_doc *copy = doc;
    if (--left > 0) {
      copy = sl_doc_share(doc);
      if (!copy) {
        sl_err_set(&err, SL_ENOMEM, "no memory to hand the document to stage '%s'",
                   a->e->stages[st->edges[i].to].conf->id);
        sl_give_up(a, st, doc, &err);
        return;
      }
      copy->unit = doc->unit;
      copy->slot = doc->slot;
      copy->sub = doc->sub;
      copy->zone = doc->zone;
      copy->token = doc->token;
      copy->cursor = doc->cursor;
      const sl_tokens *more = doc->more;
      if (more) {
        copy->more = sl_mem_memdup(more, sizeof(*more) + more->n * sizeof(sl_token *));
        if (!copy->more) {
          copy->token = NULL;
          sl_doc_free(copy);
          sl_err_set(&err, SL_ENOMEM, "no memory for a document with many parents");
          sl_give_up(a, st, doc, &err);
          return;
        }
      }
      sl_doc_hold_tokens(copy);
    }
    sl_actor_deliver(a, st->edges[i].to, copy);
  }
}

/* Takes the longest run of documents of one unit off the list. */
static sl_unit *cut_run(sl_docs *from, sl_docs *run) {
  *run = (sl_docs){0};
  sl_unit *unit = from->head->unit;
  if (from->tail->unit == unit) {
    sl_doc *d = from->head;
    while (d && d->unit == unit) d = d->next;
    if (!d) {
      sl_docs_append(run, from);
      return unit;
    }
  }
  while (from->head && from->head->unit == unit) sl_docs_push(run, sl_docs_pop(from));
  return unit;
}

static void push_work(sl_actor *a, sl_unit *unit, sl_docs *run) {
  sl_engine *e = a->e;
  sl_work *w;
  /* Without memory for a work item nothing can move: waiting for the lanes to free some is all that is left. */
  while (!(w = sl_mem_alloc(sizeof(*w)))) sl_credit_pause(&e->credit, 10 * SL_TIME_MS);
  /* The lanes may carry parts of one unit side by side. */
  if (unit) atomic_store(&unit->unsorted, 1);
  sl_flow_enter(&e->flow, a->zone, unit, run->n);
  for (sl_doc *d = run->head; d; d = d->next) d->zone = a->zone;
  *w = (sl_work){.unit = unit, .zone = a->zone, .depth = a->zone / 2, .docs = *run};
  sl_workq_push(e->work, w);
}

void sl_actor_flush(sl_actor *a) {
  sl_docs run;
  sl_actor_touch(a);
  while (a->inlined.n) {
    sl_unit *unit = cut_run(&a->inlined, &run);
    push_work(a, unit, &run);
  }
  for (uint32_t i = 0; i < a->n_touched; i++) {
    sl_docs *box = &a->to[a->touched[i]];
    while (box->n) {
      sl_unit *unit = cut_run(box, &run);
      if (unit && !a->walks) atomic_store(&unit->unsorted, 1);
      sl_flow_arrive(&a->e->flow, a->touched[i], unit, &run);
    }
  }
  a->n_touched = 0;
}

/* ---- calling ---- */

void sl_call_begin(sl_call *c, sl_doc *doc) {
  c->cur = doc;
  c->failed = 0;
}

/* What a call emitted is not wanted. */
static void discard(sl_actor *a, sl_call *c, const sl_doc *cur) {
  sl_doc *d;
  while ((d = sl_docs_pop(&c->out)))
    if (d != cur) sl_actor_end(a, d, SL_OUT_DROPPED);
}

static int split(sl_docs *docs) {
  uint32_t i = 0;
  for (sl_doc *d = docs->head; d; d = d->next) {
    sl_err err;
    if (sl_doc_add_split(d, i++, &err)) return SL_ENOMEM;
  }
  return 0;
}

static void all_on(sl_actor *a, sl_stage_rt *st, sl_docs *docs) {
  sl_docs mine = *docs;
  *docs = (sl_docs){0};
  sl_doc *d;
  while ((d = sl_docs_pop(&mine))) {
    d->flags &= ~(uint32_t)(SL_DOC_OUT | SL_DOC_HELD);
    sl_tally(a, st->index, SL_COUNT_OUT, 1);
    sl_actor_route(a, st, d);
  }
}

static void went_well(sl_actor *a, sl_call *c, sl_doc *doc) {
  sl_stage_rt *st = c->st;
  if (st->mode == SL_MODE_ASYNC && st->type->kind == SL_SINK) {
    discard(a, c, doc);
    sl_tally(a, st->index, SL_COUNT_OUT, 1);
    sl_tap_pass(a->e->opts.taps, st->conf->id, doc);
    if (a->e->keep) sl_keep_publish(a->e->keep, c, &doc, 1, &(int32_t){SL_V_OK});
    sl_actor_end(a, doc, SL_OUT_STORED);
    return;
  }
  doc->attempt = 1; /* the next stage counts its own */
  if (!c->out.n) {
    sl_tally(a, st->index, SL_COUNT_OUT, 1);
    sl_actor_route(a, st, doc);
    return;
  }
  if (c->out.n > 1 && split(&c->out)) {
    sl_err err;
    discard(a, c, doc);
    sl_err_set(&err, SL_ENOMEM, "no memory for what stage '%s' emitted", st->conf->id);
    sl_give_up(a, st, doc, &err);
    return;
  }
  int itself = (doc->flags & SL_DOC_OUT) != 0;
  sl_docs out = c->out;
  c->out = (sl_docs){0};
  if (!itself) sl_actor_end(a, doc, SL_OUT_DROPPED);
  all_on(a, st, &out);
}

void sl_actor_verdict(sl_actor *a, sl_call *c, sl_doc *doc, int32_t verdict) {
  sl_stage_rt *st = c->st;
  c->cur = NULL;
  switch (verdict) {
  case SL_V_OK:
    went_well(a, c, doc);
    break;
  case SL_V_DROP:
    discard(a, c, doc);
    sl_tally(a, st->index, SL_COUNT_DROPPED, 1);
    sl_actor_end(a, doc, SL_OUT_DROPPED);
    break;
  case SL_V_RETRY: {
    discard(a, c, doc);
    doc->flags &= ~(uint32_t)SL_DOC_OUT;
    int64_t delay = sl_retry_delay(a, st, doc);
    if (delay < 0)
      sl_give_up(a, st, doc, &c->why);
    else if (!sl_worker_keeps(a, st, doc, delay))
      sl_retry_later(a, st, doc, delay, st->mode == SL_MODE_INLINE ? a->zone : sl_zone_q(st->station));
    break;
  }
  case SL_V_FATAL:
    discard(a, c, doc);
    sl_engine_fatal(a->e, st, &c->why);
    sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    break;
  default:
    discard(a, c, doc);
    doc->flags &= ~(uint32_t)SL_DOC_OUT;
    sl_give_up(a, st, doc, &c->why);
    break;
  }
  if (c->final.n) all_on(a, st, &c->final);
}

void sl_actor_release(sl_actor *a, sl_call *c) {
  sl_engine *e = a->e;
  c->cur = NULL;
  sl_docs_append(&c->final, &c->out);
  if (!c->final.n) return;
  if (e->trace)
    for (sl_doc *d = c->final.head; d; d = d->next) sl_trace_after(c, d, NULL, SL_V_OK, 0);
  if (c->at_unit) {
    all_on(a, c->st, &c->final);
    return;
  }
  /* Between documents: they get a unit of their own, behind that of the last document that was held. */
  sl_unit *unit = NULL;
  if (e->flow.zones[a->zone].n_ordered) unit = sl_unit_new(c->st->index, 0, e->flow.n_zones, e->flow.n_ordered);
  if (unit) sl_flow_enter(&e->flow, a->zone, unit, 1);
  if (unit && sl_flow_register_after(&e->flow, unit, c->st->station, c->last)) {
    sl_flow_leave(&e->flow, a->zone, unit, 1);
    sl_unit_unref(unit);
    unit = NULL;
  }
  uint32_t slot = 0;
  for (sl_doc *d = c->final.head; d; d = d->next) {
    d->unit = unit;
    d->slot = slot++;
  }
  all_on(a, c->st, &c->final);
  sl_actor_flush(a);
  if (unit) {
    sl_unit_unref(c->last);
    c->last = unit;
    atomic_fetch_add(&unit->refs, 1);
    sl_flow_leave(&e->flow, a->zone, unit, 1);
    sl_unit_unref(unit);
  }
}

void sl_actor_busy(sl_actor *a, const sl_stage_rt *st, const sl_doc *doc) {
  atomic_store_explicit(&a->busy_stage, st->index, memory_order_relaxed);
  if (!st->conf->timeout) return;
  pthread_mutex_lock(&a->busy_lock);
  snprintf(a->busy_key, sizeof(a->busy_key), "%s", sl_doc_key(doc));
  pthread_mutex_unlock(&a->busy_lock);
}

static int32_t call_process(sl_actor *a, sl_call *c, sl_doc *doc) {
  sl_stage_rt *st = c->st;
  sl_engine *e = a->e;
  sl_call_begin(c, doc);
  if (!e->opts.profile && !st->conf->timeout && !e->trace) {
    if (a->note) sl_actor_note(a, st, doc, 1);
    uint32_t weight = sl_call_timed(c);
    int64_t begin = weight ? sl_time_mono() : 0;
    int32_t verdict = st->type->process(&c->pub, st->stage, c->lane, doc);
    if (weight) sl_metrics_chosen(c, weight, sl_time_mono() - begin);
    if (a->note) sl_note_end(a->note);
    return verdict;
  }
  cJSON *before = e->trace ? sl_trace_before(doc) : NULL;
  int64_t wall = sl_time_mono(), cpu = e->opts.profile ? sl_time_cpu() : 0;
  sl_actor_busy(a, st, doc);
  sl_actor_note(a, st, doc, 1);
  atomic_store_explicit(&a->busy_since, wall, memory_order_release);
  int32_t verdict = st->type->process(&c->pub, st->stage, c->lane, doc);
  atomic_store_explicit(&a->busy_since, 0, memory_order_release);
  if (a->note) sl_note_end(a->note);
  int64_t ns = sl_time_mono() - wall;
  sl_tally(a, st->index, SL_COUNT_WALL, (uint64_t)ns);
  sl_metrics_call(a, st, ns);
  if (e->opts.profile) sl_tally(a, st->index, SL_COUNT_CPU, (uint64_t)(sl_time_cpu() - cpu));
  if (e->trace) sl_trace_after(c, doc, before, verdict, ns);
  return verdict;
}

/* COPY_FIRST: the document as it was comes back after a failure. */
static void restore(sl_doc *doc, sl_doc *was) {
  sl_doc now = *doc;
  doc->body = was->body;
  doc->payload = was->payload;
  doc->orig = was->orig;
  doc->map = was->map;
  doc->splits = was->splits;
  was->body = now.body;
  was->payload = now.payload;
  was->orig = now.orig;
  was->map = now.map;
  was->splits = now.splits;
}

static void missing_reason(sl_call *c, int32_t verdict) {
  if (c->failed) return;
  if (verdict == SL_V_RETRY || verdict == SL_V_REJECT || verdict == SL_V_FATAL)
    sl_err_set(&c->why, SL_EPLUGIN, "stage '%s' gave no reason", c->st->conf->id);
  else if (verdict != SL_V_OK && verdict != SL_V_DROP)
    sl_err_set(&c->why, SL_EPLUGIN, "stage '%s' answered %d, which is no verdict it may give here", c->st->conf->id,
               verdict);
}

/* The core lets a SERIAL stage hold; returns 1 if the document is held now. */
static int hold(sl_actor *a, sl_call *c, sl_doc *doc) {
  sl_stage_rt *st = c->st;
  if (!(st->type->flags & SL_F_SERIAL)) return 0;
  if (c->out.n) discard(a, c, doc);
  if (doc->unit && doc->unit != c->last) {
    sl_unit_unref(c->last);
    c->last = doc->unit;
    atomic_fetch_add(&c->last->refs, 1);
  }
  doc->flags |= SL_DOC_HELD;
  doc->prev = c->held.tail;
  sl_docs_push(&c->held, doc);
  doc->unit = NULL;
  if (atomic_fetch_add(&st->held, 1) == 0) st->held_since = sl_time_mono();
  doc->due = (int64_t)sl_doc_size(doc); /* remembered: it may change while it is held */
  atomic_fetch_add(&st->held_bytes, doc->due);
  c->cur = NULL;
  if (c->final.n) all_on(a, st, &c->final);
  return 1;
}

/* Debug builds: a stage that writes what it has not declared has a contract that proves nothing. */
static int32_t check_written(sl_call *c, sl_doc *was, sl_doc *doc) {
  int bad = c->out.n ? 0 : sl_written_check(c->st->written, was, doc, &c->why);
  for (sl_doc *d = c->out.head; d && !bad; d = d->next) bad = sl_written_check(c->st->written, was, d, &c->why);
  c->failed |= bad != 0;
  return bad ? SL_V_FATAL : SL_V_OK;
}

void sl_actor_process(sl_actor *a, sl_stage_rt *st, sl_doc *doc) {
  sl_call *c = &a->calls[st->index];
  sl_tally(a, st->index, SL_COUNT_IN, 1);
  if (atomic_load_explicit(&st->broken, memory_order_relaxed) ||
      atomic_load_explicit(&a->e->stop, memory_order_relaxed) > 1) {
    sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    return;
  }
  if (a->e->condemned && sl_actor_condemned(a, st, doc)) return;
  sl_doc *was = NULL;
  if (st->type->flags & SL_F_COPY_FIRST || st->written) {
    was = sl_doc_share(doc);
    if (!was) {
      sl_err_set(&c->why, SL_ENOMEM, "no memory to keep the document");
      c->failed = 1;
      sl_actor_verdict(a, c, doc, SL_V_RETRY);
      return;
    }
  }
  /* A stage may be in use further up this stack only for another document: the graph has no cycles. */
  assert(!c->cur);
  int32_t verdict = call_process(a, c, doc);
  if (was) {
    if (st->written && verdict == SL_V_OK) verdict = check_written(c, was, doc);
    if (verdict == SL_V_RETRY || verdict == SL_V_REJECT || verdict == SL_V_FATAL) restore(doc, was);
    sl_doc_free(was);
  }
  if (verdict == SL_V_HELD && hold(a, c, doc)) {
    sl_credit_give_doc(&a->e->credit, doc);
    return;
  }
  if (verdict != SL_V_OK) missing_reason(c, verdict);
  sl_actor_verdict(a, c, doc, verdict);
}
