/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a failure: retries, `on_error`, dead letters, the end of the run. */
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "run/pack.h"
#include "run/runtime.h"

/* Whether a retry so far off may wait on disk: it gives up its place and its memory. */
static int to_disk(const sl_engine *e, const sl_stage_rt *st, int64_t delay) {
  return e->keep && delay > SL_PARK_NS && !st->keeps_place && st->type->kind != SL_SOURCE;
}

int64_t sl_retry_delay(sl_actor *a, sl_stage_rt *st, sl_doc *doc) {
  const sl_on_error *o = &st->conf->on_error;
  if (o->retry >= 0 && (int64_t)doc->attempt > o->retry) return -1;
  if (a->e->trace || atomic_load(&a->e->stop) > 1) return -1;
  uint32_t doublings = doc->attempt > 40 ? 40 : doc->attempt - 1;
  doc->attempt++;
  sl_tally(a, st->index, SL_COUNT_RETRIED, 1);
  int64_t limit = o->backoff;
  for (uint32_t i = 0; i < doublings && limit < o->backoff_max; i++) limit *= 2;
  if (limit > o->backoff_max) limit = o->backoff_max;
  /* Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): anything up to the limit. */
  return limit > 0 ? (int64_t)sl_rng_below(&a->rng, (uint64_t)limit) : 0;
}

void sl_retry_later(sl_actor *a, sl_stage_rt *st, sl_doc *doc, int64_t delay, uint32_t zone) {
  sl_engine *e = a->e;
  if (to_disk(e, st, delay) && !sl_requeue_put(a, st, doc, SL_QUEUE_RETRY, sl_time_wall() + delay, NULL)) return;
  sl_flow_enter(&e->flow, zone, doc->unit, 1);
  doc->zone = zone;
  doc->stage = st->index;
  doc->due = sl_time_mono() + delay;
  if (doc->unit) atomic_store(&doc->unit->unsorted, 1);
  int crowded = 0;
  for (uint32_t i = 0; doc->unit && !crowded && i < e->n_stations; i++)
    crowded = e->flow.reach[(zone / 2) * e->n_stations + i] && sl_flow_window(&e->flow, i) > SL_PARK_WINDOW;
  if (doc->unit && (delay > SL_PARK_NS || crowded) && !st->keeps_place) {
    sl_flow_park(&e->flow, doc);
    sl_credit_give_doc(&e->credit, doc);
  }
  pthread_mutex_lock(&e->delay_lock);
  int rc = sl_delay_push(&e->delay, doc);
  pthread_mutex_unlock(&e->delay_lock);
  if (rc) {
    sl_err err;
    sl_unit *unit = doc->unit;
    sl_err_set(&err, SL_ENOMEM, "no memory to keep the document for a retry");
    sl_give_up(a, st, doc, &err);
    sl_flow_leave(&e->flow, zone, unit, 1);
    return;
  }
  sl_loop_poke(e);
}

sl_dead_entry sl_dead_begin(const sl_engine *e, const char *stage, const sl_stage_rt *st, const sl_err *why) {
  return (sl_dead_entry){.pipeline = e->p->name,
                         .stage = stage,
                         .uses = st ? st->conf->uses : "",
                         .build = st && st->conf->plugin_build ? st->conf->plugin_build : "",
                         .code = sl_err_name(why->code),
                         .message = why->message,
                         .detail = why->detail,
                         .hint = why->hint,
                         .time = sl_time_wall(),
                         .generation = e->opts.generation ? e->opts.generation : 1};
}

static void fill_entry(const sl_engine *e, const sl_stage_rt *st, sl_doc *doc, const sl_err *why, sl_packed *hold,
                       sl_dead_entry *d) {
  sl_origin origin;
  const char *media_type = NULL;
  sl_doc_origin(doc, &origin);
  *d = sl_dead_begin(e, st->conf->id, st, why);
  d->attempts = doc->attempt;
  d->uri = origin.uri ? origin.uri : "";
  d->locator = origin.locator ? origin.locator : "";
  d->revision = origin.revision ? origin.revision : "";
  d->key = sl_doc_key(doc);
  sl_err err;
  if (sl_doc_check(doc, &err))
    sl_doc_given(doc, &d->raw);
  else if (sl_doc_text(doc, &d->body, &err))
    d->body = (sl_bytes){0};
  sl_doc_payload(doc, &d->payload, &media_type);
  d->media_type = media_type ? media_type : "";
  sl_queue_entry parts = {0};
  if (d->body.len && !sl_pack(doc, hold, &parts, &err)) {
    d->map = parts.map;
    d->splits = parts.splits;
  }
}

static int put_dead(sl_engine *e, const sl_dead_entry *entry, sl_err *err) {
  if (!e->keep || !sl_state_durable(e->opts.state)) return sl_dead_put(e->dead, entry, err);
  if (sl_state_dead_room(e->opts.state)) return sl_state_dead_put(e->opts.state, entry, err);
  sl_err_set(err, SL_ELIMIT, "the dead letters are full, and one more is to be written");
  sl_err_hint(err, "`sluice dlq` looks at them, tries them again or drops them; `dead_letters: { max: …, when_full: "
                   "drop_oldest }` changes the bound");
  return SL_ELIMIT;
}

/* 0 when it was written. */
static int bury(sl_actor *a, sl_stage_rt *st, sl_doc *doc, const sl_err *why) {
  sl_engine *e = a->e;
  sl_dead_entry entry;
  sl_packed hold = {0};
  sl_err err;
  sl_run_log_doc(e, SL_LOG_WARN, st->conf->id, doc, "dead letter: %s: %s", sl_doc_key(doc), why->message);
  if (!e->opts.dry_run) {
    fill_entry(e, st, doc, why, &hold, &entry);
    int rc = put_dead(e, &entry, &err);
    sl_packed_done(&hold);
    if (rc) {
      sl_engine_fatal(e, st, &err);
      return -1;
    }
    if (e->keep && st->type->kind == SL_SINK) sl_keep_done(e->keep, st, doc);
  }
  atomic_store_explicit(&a->dead, atomic_load_explicit(&a->dead, memory_order_relaxed) + 1, memory_order_relaxed);
  sl_tally(a, st->index, SL_COUNT_DEAD, 1);
  return 0;
}

void sl_give_up(sl_actor *a, sl_stage_rt *st, sl_doc *doc, const sl_err *why) {
  const sl_on_error *o = &st->conf->on_error;
  if (a->e->trace) {
    sl_actor_end(a, doc, SL_OUT_DEAD);
    return;
  }
  /* A retry that was cut short by the stop is not the document's fault: it comes again in the next run. */
  if (atomic_load(&a->e->stop) > 1) {
    sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    return;
  }
  switch (o->then) {
  case SL_THEN_DROP:
    sl_tally(a, st->index, SL_COUNT_DROPPED, 1);
    sl_run_log_doc(a->e, SL_LOG_INFO, st->conf->id, doc, "dropped: %s: %s", sl_doc_key(doc), why->message);
    sl_actor_end(a, doc, SL_OUT_DROPPED);
    break;
  case SL_THEN_STOP:
    sl_engine_fatal(a->e, st, why);
    sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    break;
  case SL_THEN_ROUTE: {
    sl_stage_rt *to = &a->e->stages[o->route];
    doc->attempt = 1;
    sl_run_log_doc(a->e, SL_LOG_INFO, st->conf->id, doc, "to '%s': %s: %s", to->conf->id, sl_doc_key(doc),
                   why->message);
    sl_actor_deliver(a, to->index, doc);
    break;
  }
  default: {
    int rc = bury(a, st, doc, why);
    sl_actor_end(a, doc, rc ? SL_OUT_UNFINISHED : SL_OUT_DEAD);
    break;
  }
  }
}

void sl_engine_fatal(sl_engine *e, const sl_stage_rt *st, const sl_err *why) {
  pthread_mutex_lock(&e->err_lock);
  if (!e->has_error) {
    e->error = *why;
    sl_err_prefix(&e->error, "stage '%s'", st->conf->id);
    e->has_error = 1;
  }
  pthread_mutex_unlock(&e->err_lock);
  atomic_store(&e->stages[st->index].broken, 1);
  int none = 0;
  atomic_compare_exchange_strong(&e->stop, &none, 1);
  sl_loop_poke(e);
}
