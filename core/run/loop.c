/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop thread: signals, retries that are due, ASYNC stages with their timers and watches, progress, the end of the
 * run.
 *
 * Other threads reach it by sl_loop_poke alone; each turn looks at everything, so that no poke can be lost. Handles are
 * freed in their close callbacks only.
 */
#include <assert.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "run/runtime.h"

#define TICK_MS 100
#define BRISK_MS 5
#define BRISK_NS (2 * SL_TIME_S)
/* How long a stop at once waits for calls to return. */
#define ABORT_NS (2 * SL_TIME_S)

void sl_loop_poke(sl_engine *e) { uv_async_send(&e->poke); }

static void poke_station(void *user) { sl_loop_poke(user); }

/* ---- retries ---- */

static void again(sl_engine *e, sl_doc *doc) {
  sl_stage_rt *st = &e->stages[doc->stage];
  sl_docs one = {0};
  sl_docs_push(&one, doc);
  if (st->mode != SL_MODE_INLINE) {
    sl_flow_again(&e->flow, st->station, &one);
    return;
  }
  sl_work *w;
  while (!(w = sl_mem_alloc(sizeof(*w)))) sl_credit_pause(&e->credit, 10 * SL_TIME_MS);
  *w = (sl_work){.unit = doc->unit, .zone = doc->zone, .depth = doc->zone / 2, .docs = one};
  sl_workq_push(e->work, w);
}

void sl_loop_retry_now(sl_engine *e, sl_doc *doc) { again(e, doc); }

static void due_retries(sl_engine *e) {
  int64_t now = atomic_load(&e->stop) > 1 ? INT64_MAX : sl_time_mono();
  for (;;) {
    pthread_mutex_lock(&e->delay_lock);
    sl_doc *doc = sl_delay_pop(&e->delay, now);
    int64_t next = sl_delay_next(&e->delay);
    pthread_mutex_unlock(&e->delay_lock);
    if (doc) {
      again(e, doc);
      continue;
    }
    if (next == INT64_MAX) return;
    int64_t ms = (next - sl_time_mono() + SL_TIME_MS - 1) / SL_TIME_MS;
    uv_timer_start(&e->retry, e->on_retry, ms > 0 ? (uint64_t)ms : 0, 0);
    return;
  }
}

/* ---- ASYNC stages
 * ----------------------------------------------------------------------------------------------------- */

static uint64_t ticket_of(const sl_call *c, uint32_t slot) {
  return (uint64_t)c->pending[slot].generation << 32 | slot;
}

/* A free slot, or UINT32_MAX. */
static uint32_t free_slot(sl_call *c) {
  for (uint32_t i = 0; i < c->pending_cap; i++)
    if (!c->pending[i].used) return i;
  return UINT32_MAX;
}

static void finish(sl_call *c, sl_doc *doc, sl_unit *unit, int32_t verdict) {
  sl_actor *a = c->actor;
  a->zone = sl_zone_l(c->st->station);
  if (verdict < SL_V_OK || verdict > SL_V_FATAL || verdict == SL_V_HELD || verdict == SL_V_PENDING) {
    sl_err_set(&c->why, SL_EPLUGIN, "stage '%s' completed with %d, which is no verdict it may give", c->st->conf->id,
               verdict);
    verdict = SL_V_REJECT;
  } else if (!c->failed) {
    sl_err_set(&c->why, SL_EPLUGIN, "stage '%s' gave no reason", c->st->conf->id);
  }
  sl_actor_verdict(a, c, doc, verdict);
  sl_actor_flush(a);
  sl_flow_leave(&a->e->flow, sl_zone_q(c->st->station), unit, 1);
}

void sl_loop_complete(sl_call *c, uint64_t ticket, int32_t verdict) {
  uint32_t slot = (uint32_t)(ticket & UINT32_MAX);
  if (c->cur && c->ticket == ticket) {
    c->early = verdict + 1;
    return;
  }
  if (slot >= c->pending_cap || !c->pending[slot].used || ticket_of(c, slot) != ticket) return;
  sl_pending *p = &c->pending[slot];
  /* Completing from inside another document's call: that call's state is kept aside. */
  sl_doc *cur = c->cur;
  sl_docs out = c->out;
  sl_doc *doc = p->doc;
  c->out = p->out;
  p->used = 0;
  p->generation++;
  c->pending_n--;
  int64_t ns = sl_time_mono() - p->begin;
  sl_metrics_call(c->actor, c->st, ns);
  if (c->actor->e->trace) sl_trace_after(c, doc, p->before, verdict, ns);
  finish(c, doc, doc->unit, verdict);
  c->cur = cur;
  c->out = out;
  c->failed = 0;
  sl_loop_poke(c->actor->e);
}

static void async_one(sl_call *c, sl_doc *doc) {
  sl_actor *a = c->actor;
  sl_stage_rt *st = c->st;
  sl_unit *unit = doc->unit;
  uint32_t slot = free_slot(c);
  assert(slot != UINT32_MAX);
  c->ticket = ticket_of(c, slot);
  c->early = 0;
  sl_tally(a, st->index, SL_COUNT_IN, 1);
  if (unit) atomic_store(&unit->unsorted, 1);
  if (atomic_load(&st->broken) || atomic_load(&a->e->stop) > 1) {
    sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    sl_flow_leave(&a->e->flow, sl_zone_q(st->station), unit, 1);
    return;
  }
  sl_call_begin(c, doc);
  struct cJSON *before = a->e->trace ? sl_trace_before(doc) : NULL;
  int64_t begin = sl_time_mono();
  sl_actor_note(a, st, doc, 1);
  int32_t verdict = st->type->process(&c->pub, st->stage, c->lane, doc);
  if (a->note) sl_note_end(a->note);
  c->pending[slot].before = before;
  c->pending[slot].begin = begin;
  if (verdict == SL_V_PENDING && c->early) {
    verdict = c->early - 1;
  } else if (verdict == SL_V_PENDING) {
    c->pending[slot].used = 1;
    c->pending[slot].doc = doc;
    c->pending[slot].out = c->out;
    c->pending_n++;
    c->out = (sl_docs){0};
    c->cur = NULL;
    return;
  } else {
    c->pending[slot].generation++;
  }
  int64_t ns = sl_time_mono() - begin;
  sl_metrics_call(a, st, ns);
  if (a->e->trace) sl_trace_after(c, doc, before, verdict, ns);
  finish(c, doc, unit, verdict);
}

static void cancel_all(sl_call *c) {
  sl_actor *a = c->actor;
  for (uint32_t i = 0; i < c->pending_cap; i++) {
    sl_pending *p = &c->pending[i];
    if (!p->used) continue;
    uint64_t ticket = ticket_of(c, i);
    p->used = 0;
    p->generation++;
    c->pending_n--;
    sl_call_begin(c, NULL);
    if (c->st->type->cancel) c->st->type->cancel(&c->pub, c->st->stage, c->lane, ticket);
    sl_doc *d, *doc = p->doc;
    while ((d = sl_docs_pop(&p->out)))
      if (d != doc) sl_actor_end(a, d, SL_OUT_UNFINISHED);
    sl_unit *unit = doc->unit;
    sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    sl_flow_leave(&a->e->flow, sl_zone_q(c->st->station), unit, 1);
  }
}

static void pump(sl_call *c) {
  sl_engine *e = c->actor->e;
  sl_stage_rt *st = c->st;
  sl_station *s = &e->flow.stations[st->station];
  uint32_t room = c->pending_cap;
  if (atomic_load(&e->stop) > 1) cancel_all(c);
  while (c->pending_n < room) {
    pthread_mutex_lock(&s->lock);
    sl_doc *doc = sl_docs_pop(&s->ready);
    pthread_mutex_unlock(&s->lock);
    if (!doc) break;
    async_one(c, doc);
  }
  if (st->produced_end || c->pending_n) return;
  if (!sl_flow_ended(&e->flow, st->station) || atomic_load(&e->flow.zones[sl_zone_q(st->station)].live) != 1) return;
  atomic_store(&st->produced_end, 1);
  if (st->type->flush && atomic_load(&e->stop) < 2) {
    sl_call_begin(c, NULL);
    uint32_t why = atomic_load(&e->stop) ? SL_FLUSH_DRAIN : SL_FLUSH_END;
    if (st->type->flush(&c->pub, st->stage, c->lane, why)) sl_engine_fatal(e, st, &c->why);
    if (e->keep && c->saved) sl_keep_publish(e->keep, c, NULL, 0, NULL);
    c->actor->zone = sl_zone_l(st->station);
    sl_actor_release(c->actor, c);
  }
  sl_flow_leave(&e->flow, sl_zone_q(st->station), NULL, 1);
  atomic_fetch_sub(&e->running, 1);
}

static int must_end(const sl_engine *e) {
  return atomic_load(&e->stop) || (e->opts.limit && atomic_load(&e->taken) >= e->opts.limit);
}

static int take_wake(sl_station *s) {
  pthread_mutex_lock(&s->lock);
  int woken = s->woken;
  s->woken = 0;
  pthread_mutex_unlock(&s->lock);
  return woken;
}

/* One turn of an ASYNC source, as far as there is credit; what `produce` answered, or SL_P_WAIT. */
static int32_t pull_once(sl_call *c) {
  sl_engine *e = c->actor->e;
  int woken = take_wake(&e->flow.stations[c->st->station]);
  if (!woken && c->waiting) return SL_P_WAIT;
  int stuck = e->keep && sl_state_stuck(e->opts.state, NULL);
  int64_t credit = stuck ? 0 : sl_credit_now(&e->credit);
  if (!credit && !stuck && sl_credit_quiet(&e->credit)) credit = 1;
  c->waiting = 0;
  if (!credit) {
    /* Looked at again at the next tick; a turn for each freed document would starve the rest. */
    e->async_hungry = 1;
    return SL_P_WAIT;
  }
  int32_t rc = sl_source_turn(c, credit);
  if (rc == SL_P_WAIT) c->waiting = 1;
  if (rc == SL_P_MORE) sl_loop_poke(e);
  return rc;
}

static void pull(sl_call *c) {
  sl_engine *e = c->actor->e;
  sl_stage_rt *st = c->st;
  if (atomic_load(&st->produced_end)) return;
  int stop = must_end(e);
  int again = sl_schedule_has(st) && !stop;
  if (again && !st->times.began && !st->times.waits) sl_schedule_begin(c);
  if (again && sl_schedule_look(c) > 0) {
    e->async_hungry = 1; /* looked at again at the next tick */
    return;
  }
  int32_t rc = stop ? SL_P_END : pull_once(c);
  if (rc != SL_P_END) return;
  if (again && !must_end(e)) {
    sl_schedule_ended(c);
    c->waiting = 0;
    e->async_hungry = 1;
    return;
  }
  sl_source_end(c->actor, st);
  atomic_fetch_sub(&e->running, 1);
}

/* ---- timers and watches of ASYNC stages
 * --------------------------------------------------------------------------------- */

static void after_callback(sl_call *c) {
  if (c->st->type->kind == SL_SOURCE)
    sl_source_dispatch(c);
  else {
    c->actor->zone = sl_zone_l(c->st->station);
    sl_actor_release(c->actor, c);
  }
  sl_loop_poke(c->actor->e);
}

static void timer_closed(uv_handle_t *h) { sl_mem_free(h->data); }

static void timer_fired(uv_timer_t *h) {
  sl_timer *t = h->data;
  sl_call *c = t->call;
  sl_timer_cb cb = t->cb;
  void *user = t->user;
  if (!t->repeat) sl_loop_timer_stop(c, t->id);
  sl_call_begin(c, NULL);
  cb(&c->pub, c->st->stage, user);
  after_callback(c);
}

uint64_t sl_loop_timer(sl_call *c, int64_t delay, int64_t repeat, sl_timer_cb cb, void *user) {
  static uint64_t ids; /* the loop thread alone */
  SL_ASSERT_LOOP();
  sl_timer *t = sl_mem_calloc(1, sizeof(*t));
  if (!t) return 0;
  *t = (sl_timer){.id = ++ids, .repeat = repeat, .cb = cb, .user = user, .call = c, .next = c->timers};
  c->timers = t;
  uv_timer_init(&c->actor->e->loop, &t->uv);
  t->uv.data = t;
  uint64_t ms = (uint64_t)((delay + SL_TIME_MS - 1) / SL_TIME_MS),
           again_ms = (uint64_t)((repeat + SL_TIME_MS - 1) / SL_TIME_MS);
  uv_timer_start(&t->uv, timer_fired, ms, again_ms);
  return t->id;
}

void sl_loop_timer_stop(sl_call *c, uint64_t id) {
  for (sl_timer **at = &c->timers; *at; at = &(*at)->next) {
    if ((*at)->id != id) continue;
    sl_timer *t = *at;
    *at = t->next;
    uv_timer_stop(&t->uv);
    uv_close((uv_handle_t *)&t->uv, timer_closed);
    return;
  }
}

static void watch_closed(uv_handle_t *h) { sl_mem_free(h->data); }

static void watch_fired(uv_poll_t *h, int status, int events) {
  sl_watch_rt *w = h->data;
  sl_call *c = w->call;
  uint32_t ev = (events & UV_READABLE ? SL_WATCH_READ : 0) | (events & UV_WRITABLE ? SL_WATCH_WRITE : 0);
  sl_call_begin(c, NULL);
  w->cb(&c->pub, c->st->stage, w->user, ev, status < 0 ? SL_EIO : 0);
  after_callback(c);
}

static void unwatch(sl_watch_rt **at) {
  sl_watch_rt *w = *at;
  *at = w->next;
  uv_poll_stop(&w->uv);
  uv_close((uv_handle_t *)&w->uv, watch_closed);
}

int32_t sl_loop_watch(sl_call *c, int32_t fd, uint32_t events, sl_watch_cb cb, void *user) {
  SL_ASSERT_LOOP();
  sl_watch_rt **at = &c->watches;
  while (*at && (*at)->fd != fd) at = &(*at)->next;
  if (!events) {
    if (*at) unwatch(at);
    return 0;
  }
  if (!*at) {
    sl_watch_rt *w = sl_mem_calloc(1, sizeof(*w));
    if (!w) return SL_ENOMEM;
    int rc = uv_poll_init(&c->actor->e->loop, &w->uv, fd);
    if (rc < 0) {
      sl_mem_free(w);
      return SL_EINVAL;
    }
    w->uv.data = w;
    w->fd = fd;
    w->call = c;
    *at = w;
  }
  (*at)->cb = cb;
  (*at)->user = user;
  int ev = (events & SL_WATCH_READ ? UV_READABLE : 0) | (events & SL_WATCH_WRITE ? UV_WRITABLE : 0);
  return uv_poll_start(&(*at)->uv, ev, watch_fired) < 0 ? SL_EINVAL : 0;
}

/* ---- turns
 * --------------------------------------------------------------------------------------------------------------- */

static void everyone(sl_engine *e) {
  for (uint32_t t = 0; t < e->n_stations; t++) {
    sl_station *s = &e->flow.stations[t];
    if (!s->notify) sl_flow_poke(&e->flow, t);
  }
  sl_credit_wake(&e->credit);
}

/* Where the documents are that the end of grace finds. */
static void name_unfinished(sl_engine *e) {
  for (uint32_t t = 0; t < e->n_stations; t++) {
    const sl_stage_rt *st = &e->stages[e->station_stage[t]];
    int source = st->type->kind == SL_SOURCE;
    long long in = atomic_load(&e->flow.zones[sl_zone_q(t)].live) - !source;
    long long out = atomic_load(&e->flow.zones[sl_zone_l(t)].live);
    if (source) out -= !atomic_load(&st->produced_end) + (atomic_load(&e->requeue.put_open) != 0);
    if (in > 0)
      sl_run_log(e, SL_LOG_WARN, st->conf->id, "given up before or in this stage: %lld document%s", in,
                 in == 1 ? "" : "s");
    if (out > 0)
      sl_run_log(e, SL_LOG_WARN, st->conf->id, "given up on the way from this stage: %lld document%s", out,
                 out == 1 ? "" : "s");
  }
}

static void check_stop(sl_engine *e) {
  int stop = atomic_load(&e->stop), seen = atomic_load(&e->stop_seen);
  if (stop == 1 && e->stop_at && sl_time_mono() >= e->stop_at) {
    sl_run_log(e, SL_LOG_WARN, NULL, "the grace period is over: what is still in flight is given up");
    name_unfinished(e);
    atomic_store(&e->stop, 2);
    stop = 2;
  }
  if (stop == seen) return;
  atomic_store(&e->stop_seen, stop);
  if (stop == 1) {
    e->stop_at = sl_time_mono() + e->p->grace;
    if (!e->draining) sl_run_log(e, SL_LOG_INFO, NULL, "stopping: no new documents; finishing what is in flight");
    if (e->keep) sl_requeue_save_retries(e);
  }
  if (stop == 2) e->abort_at = sl_time_mono() + ABORT_NS;
  everyone(e);
}

/* A stage that does not return cannot be stopped from inside the process: after an order to stop at once, the process
 * ends without it. Nothing that it had in hand was acknowledged. */
static void check_stuck(sl_engine *e, int64_t now) {
  if (!e->abort_at || now < e->abort_at || !(e->opts.handle_signals || e->opts.exit_when_stuck)) return;
  for (uint32_t i = 0; i < e->n_stages; i++)
    if (atomic_load(&e->stages[i].threads))
      sl_run_log(e, SL_LOG_ERROR, e->stages[i].conf->id, "a call does not return; the process ends without it");
  _exit(128 + (e->signal ? e->signal : SIGTERM));
}

/* Without sinks (dry run, trace) the last documents end in lanes, after the last stage thread. */
static int empty(sl_engine *e) {
  for (uint32_t z = 0; z < e->flow.n_zones; z++)
    if (atomic_load(&e->flow.zones[z].live)) return 0;
  return 1;
}

/* Suspects of a crash run alone until all are past. */
static void check_alone(sl_engine *e) {
  if (!e->notes || !atomic_load(&e->alone) || sl_notes_alone(e->notes)) return;
  atomic_store(&e->alone, 0);
  atomic_store(&e->credit.max_docs, e->window);
  sl_credit_wake(&e->credit);
}

static void on_tick(uv_timer_t *h);

/* Nobody pokes the loop when the last document has ended: it looks often for a while, so that neither a run nor a
 * reload waits for a tick. */
static void be_brisk(sl_engine *e) {
  if (e->brisk_until || !(e->requeue.sources_ended || atomic_load(&e->stop))) return;
  e->brisk_until = sl_time_mono() + BRISK_NS;
  uv_timer_start(&e->tick, on_tick, BRISK_MS, BRISK_MS);
}

static void turn(sl_engine *e) {
  sl_actor *a = e->actors[0];
  check_alone(e);
  check_stop(e);
  due_retries(e);
  sl_spool_tell(e);
  sl_requeue_turn(e);
  be_brisk(e);
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    if (st->mode == SL_MODE_ASYNC && a->calls[i].open) pump(&a->calls[i]);
    if (st->mode == SL_MODE_ASYNC_SOURCE && a->calls[i].open) pull(&a->calls[i]);
  }
  if (!atomic_load(&e->running) && empty(e)) uv_stop(&e->loop);
}

static void on_poke(uv_async_t *h) { turn(h->data); }
static void on_retry(uv_timer_t *h) { turn(h->data); }

static void check_slow(sl_engine *e, int64_t now) {
  for (uint32_t i = 0; i < e->n_actors; i++) {
    sl_actor *a = e->actors[i];
    int64_t since = atomic_load_explicit(&a->busy_since, memory_order_acquire);
    sl_stage_rt *st = &e->stages[atomic_load(&a->busy_stage)];
    if (!since || !st->conf->timeout || now - since < st->conf->timeout || since == a->reported) continue;
    a->reported = since;
    pthread_mutex_lock(&a->busy_lock);
    sl_run_log(e, SL_LOG_WARN, st->conf->id,
               "one call has been running for %.3g s, longer than its timeout of %.3g s: %s",
               (double)(now - since) / 1e9, (double)st->conf->timeout / 1e9, a->busy_key);
    pthread_mutex_unlock(&a->busy_lock);
  }
}

static void on_tick(uv_timer_t *h) {
  sl_engine *e = h->data;
  int64_t now = sl_time_mono();
  atomic_fetch_add_explicit(&e->ticks, 1, memory_order_relaxed);
  if (e->brisk_until && now > e->brisk_until) uv_timer_set_repeat(h, TICK_MS);
  check_slow(e, now);
  sl_metrics_tick(e);
  check_stuck(e, now);
  if (e->opts.progress && now >= e->next_progress) {
    sl_run_stats stats;
    sl_engine_stats(e, &stats);
    e->opts.progress(e->opts.progress_user, &stats);
    e->next_progress = now + e->opts.progress_every;
  }
  if (e->async_hungry || atomic_load(&e->alone) || e->requeue.open || atomic_load(&e->stop)) turn(e);
}

static void on_signal(uv_signal_t *h, int signum) { sl_engine_signal(h->data, signum); }

int sl_loop_open(sl_engine *e, sl_err *err) {
  int rc = uv_loop_init(&e->loop);
  if (rc) return sl_err_set(err, SL_EIO, "cannot make the event loop: %s", uv_strerror(rc));
  e->loop_open = 1;
  uv_async_init(&e->loop, &e->poke, on_poke);
  uv_timer_init(&e->loop, &e->retry);
  uv_timer_init(&e->loop, &e->tick);
  e->on_retry = on_retry;
  e->poke.data = e->retry.data = e->tick.data = e;
  for (uint32_t t = 0; t < e->n_stations; t++) {
    uint32_t mode = e->stages[e->station_stage[t]].mode;
    if (mode != SL_MODE_ASYNC && mode != SL_MODE_ASYNC_SOURCE) continue;
    e->flow.stations[t].notify = poke_station;
    e->flow.stations[t].notify_user = e;
  }
  if (e->opts.handle_signals) {
    uv_signal_init(&e->loop, &e->sigint);
    uv_signal_init(&e->loop, &e->sigterm);
    e->sigint.data = e->sigterm.data = e;
    uv_signal_start(&e->sigint, on_signal, SIGINT);
    uv_signal_start(&e->sigterm, on_signal, SIGTERM);
  }
  return 0;
}

void sl_loop_run(sl_engine *e) {
  uv_timer_start(&e->tick, on_tick, TICK_MS, TICK_MS);
  turn(e);
  uv_run(&e->loop, UV_RUN_DEFAULT);
}

static void close_rest(uv_handle_t *h, void *arg) {
  (void)arg;
  if (!uv_is_closing(h)) uv_close(h, NULL);
}

void sl_loop_close(sl_engine *e) {
  if (!e->loop_open) return;
  sl_actor *a = e->n_actors ? e->actors[0] : NULL;
  for (uint32_t i = 0; a && i < e->n_stages; i++) {
    sl_call *c = &a->calls[i];
    while (c->timers) sl_loop_timer_stop(c, c->timers->id);
    while (c->watches) unwatch(&c->watches);
  }
  uv_walk(&e->loop, close_rest, NULL);
  uv_run(&e->loop, UV_RUN_DEFAULT);
  int rc = uv_loop_close(&e->loop);
  assert(rc == 0);
  e->loop_open = 0;
}
