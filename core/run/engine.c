/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a run: from the pipeline's graph to threads, and back. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "plugin/written.h"
#include "run/runtime.h"

#define WINDOW_DOCS 16384

/* ---- the graph
 * --------------------------------------------------------------------------------------------------------- */

static uint32_t mode_of(const sl_stage_type *t) {
  if (t->kind == SL_SOURCE) return t->flags & SL_F_ASYNC ? SL_MODE_ASYNC_SOURCE : SL_MODE_SOURCE;
  if (t->flags & SL_F_ASYNC) return SL_MODE_ASYNC;
  if (t->kind == SL_SINK) return SL_MODE_SINK;
  return t->flags & (SL_F_SERIAL | SL_F_BLOCKING) ? SL_MODE_WORKER : SL_MODE_INLINE;
}

static int is_ordered(const sl_stage_rt *st) {
  if (st->conf->order == SL_ORDER_NONE) return 0;
  if (st->mode == SL_MODE_SINK) return st->conf->threads <= 1;
  return st->mode == SL_MODE_WORKER && st->type->flags & SL_F_SERIAL;
}

static int copy_edges(sl_engine *e, sl_stage_rt *st, sl_err *err) {
  const sl_pipeline *p = e->p;
  st->edges = sl_mem_calloc(p->n_edges + 1, sizeof(sl_edge));
  if (!st->edges) return sl_err_set(err, SL_ENOMEM, "no memory for the pipeline's edges");
  for (uint32_t i = 0; i < p->n_edges; i++)
    if (p->edges[i].from == st->index && !p->edges[i].is_error) st->edges[st->n_edges++] = p->edges[i];
  if (st->n_edges > SL_MAX_EDGES)
    return sl_err_set(err, SL_ELIMIT, "stage '%s' has %u readers; at most %d are possible", st->conf->id, st->n_edges,
                      SL_MAX_EDGES);
  return 0;
}

static int compile_needs(sl_stage_rt *st) {
  uint32_t n = st->conf->n_needs;
  st->needs = sl_mem_calloc(n + 1, sizeof(*st->needs));
  if (!st->needs) return SL_ENOMEM;
  for (uint32_t i = 0; i < n; i++) {
    const char *text = st->conf->needs[i];
    if (text[0] != '@' && sl_pointer_new(text, &st->needs[i], NULL)) return SL_ENOMEM;
  }
  return 0;
}

static int setup_stages(sl_engine *e, sl_err *err) {
  e->stages = sl_mem_calloc(e->n_stages, sizeof(*e->stages));
  e->station_stage = sl_mem_calloc(e->n_stages, sizeof(uint32_t));
  e->stats = sl_mem_calloc(e->n_stages, sizeof(*e->stats));
  if (!e->stages || !e->station_stage || !e->stats) return sl_err_set(err, SL_ENOMEM, "no memory for the stages");
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    st->index = i;
    st->conf = &e->p->stages[i];
    st->type = st->conf->type;
    st->mode = mode_of(st->type);
    st->station = SL_NO_STATION;
    st->unordered =
        st->conf->order == SL_ORDER_NONE || (st->mode == SL_MODE_ASYNC_SOURCE && st->conf->order != SL_ORDER_STRICT);
    st->sink_no = SL_NO_SINK;
    st->upstream = SL_NO_STATION;
    pthread_mutex_init(&st->ack_lock, NULL);
    if (compile_needs(st)) return sl_err_set(err, SL_ENOMEM, "no memory for the stages");
    if (st->mode != SL_MODE_INLINE) {
      e->station_stage[e->n_stations] = i;
      st->station = e->n_stations++;
    }
    int rc = copy_edges(e, st, err);
    if (rc) return rc;
  }
  return 0;
}

/* Marks the stations that documents leaving stage `from` can reach by lanes alone, error edges included. */
static void mark_next(const sl_engine *e, uint32_t from, uint8_t *row, uint8_t *seen) {
  const sl_pipeline *p = e->p;
  for (uint32_t i = 0; i <= p->n_edges; i++) {
    uint32_t to;
    if (i < p->n_edges) {
      if (p->edges[i].from != from) continue;
      to = p->edges[i].to;
    } else {
      const sl_on_error *o = &p->stages[from].on_error;
      if (o->then != SL_THEN_ROUTE || o->route < 0) continue;
      to = (uint32_t)o->route;
    }
    const sl_stage_rt *st = &e->stages[to];
    if (st->station != SL_NO_STATION) {
      row[st->station] = 1;
    } else if (!seen[to]) {
      seen[to] = 1;
      mark_next(e, to, row, seen);
    }
  }
}

static int setup_flow(sl_engine *e, sl_err *err) {
  uint32_t n = e->n_stations;
  uint8_t *next = sl_mem_calloc((size_t)n * n + n, 1), *seen = sl_mem_calloc(e->n_stages, 1);
  int rc = SL_ENOMEM;
  if (!next || !seen) {
    sl_err_set(err, SL_ENOMEM, "no memory for the graph");
    goto out;
  }
  uint8_t *ordered = next + (size_t)n * n;
  for (uint32_t k = 0; k < n; k++) {
    memset(seen, 0, e->n_stages);
    mark_next(e, e->station_stage[k], next + (size_t)k * n, seen);
    for (uint32_t i = 0; i < e->n_stages; i++)
      if (seen[i] && e->stages[i].upstream == SL_NO_STATION) e->stages[i].upstream = k;
    ordered[k] = (uint8_t)is_ordered(&e->stages[e->station_stage[k]]);
  }
  rc = sl_flow_init(&e->flow, n, next, ordered, err);
  if (rc) goto out;
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    memset(seen, 0, e->n_stages);
    memset(next, 0, n);
    mark_next(e, i, next, seen);
    for (uint32_t t = 0; t < n; t++) {
      if (e->stages[e->station_stage[t]].conf->order != SL_ORDER_STRICT) continue;
      int below = next[t];
      for (uint32_t k = 0; k < n && !below; k++) below = next[k] && e->flow.reach[k * n + t];
      st->keeps_place |= below;
    }
  }
out:
  sl_mem_free(next);
  sl_mem_free(seen);
  return rc;
}

/* ---- creating stages
 * --------------------------------------------------------------------------------------------------- */

static int in_use(const sl_engine *e, const sl_stage_rt *st) {
  if (e->trace && st->type->kind == SL_SOURCE) return 0;
  return !(e->opts.dry_run && st->type->kind == SL_SINK);
}

static int failed_call(sl_call *c, int32_t rc, const char *what, sl_err *err) {
  if (!c->failed) sl_err_set(&c->why, rc < 0 ? rc : SL_EPLUGIN, "it gave no reason");
  if (err) {
    *err = c->why;
    err->pos = c->st->conf->pos;
    sl_err_prefix(err, "stage '%s' (%s): cannot %s", c->st->conf->id, c->st->conf->uses, what);
  }
  return c->why.code;
}

static int create(sl_engine *e, sl_err *err) {
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    sl_call *c = &e->actors[0]->calls[i];
    if (!in_use(e, st)) continue;
    int32_t rc = 0;
    st->created = 1;
    st->made = sl_made_find(e->opts.kept, st->conf);
    st->kept = st->made != NULL;
    if (!st->kept) {
      st->made = sl_made_new(st->conf, e->opts.hold, e->opts.release, e->opts.owner);
      if (!st->made) return sl_err_set(err, SL_ENOMEM, "no memory for stage '%s'", st->conf->id);
      sl_call_begin(c, NULL);
      if (st->type->create) rc = st->type->create(&c->pub, st->conf->params, &st->made->stage);
    }
    st->stage = st->made->stage;
    if (rc) return failed_call(c, rc, "be created", err);
#ifdef SLUICE_CHECKS
    if (st->type->kind == SL_TRANSFORM && (rc = sl_written_new(st->type, st->conf->params, &st->written, err)))
      return rc;
#endif
  }
  return 0;
}

static sl_actor *add_actor(sl_engine *e, sl_stage_rt *st, sl_err *err) {
  sl_actor *a = sl_actor_new(e, st, err);
  sl_actor **all = a ? sl_mem_realloc(e->actors, (e->n_actors + 1) * sizeof(sl_actor *)) : NULL;
  if (!all) {
    sl_actor_free(a);
    sl_err_set(err, SL_ENOMEM, "no memory for a thread");
    return NULL;
  }
  e->actors = all;
  e->actors[e->n_actors++] = a;
  return a;
}

static int open_lane(sl_actor *a, sl_stage_rt *st, sl_err *err) {
  sl_call *c = &a->calls[st->index];
  if (st->kept == 1) return 0;
  sl_call_begin(c, NULL);
  int32_t rc = st->type->lane_open ? st->type->lane_open(&c->pub, st->stage, &c->lane) : 0;
  if (rc) return failed_call(c, rc, "open a lane", err);
  c->open = 1;
  if (st->mode != SL_MODE_ASYNC) return 0;
  c->pending_cap = (uint32_t)(st->conf->in_flight > 0 ? st->conf->in_flight : 1);
  c->pending = sl_mem_calloc(c->pending_cap, sizeof(*c->pending));
  return c->pending ? 0 : sl_err_set(err, SL_ENOMEM, "no memory for %u documents in flight", c->pending_cap);
}

/* The lanes on what an earlier generation made, which has closed its own by now. */
static int open_kept(sl_engine *e, sl_err *err) {
  for (uint32_t k = 0; k < e->n_stages; k++) {
    sl_stage_rt *st = &e->stages[k];
    if (st->kept != 1) continue;
    st->kept = 2;
    int async = st->mode == SL_MODE_ASYNC || st->mode == SL_MODE_ASYNC_SOURCE;
    for (uint32_t i = 0; i < e->n_actors; i++) {
      sl_actor *a = e->actors[i];
      int serves = a->walks ? st->mode == SL_MODE_INLINE : a->st ? a->st == st : async;
      int rc = serves ? open_lane(a, st, err) : 0;
      if (rc) return rc;
    }
  }
  return 0;
}

static uint32_t threads_of(const sl_stage_rt *st) {
  if (st->mode == SL_MODE_SOURCE || st->type->flags & SL_F_SERIAL) return 1;
  return st->conf->threads > 0 ? (uint32_t)st->conf->threads : 1;
}

static int setup_actors(sl_engine *e, sl_err *err) {
  int rc;
  for (uint32_t i = 0; i < e->n_lanes; i++) {
    sl_actor *a = add_actor(e, NULL, err);
    if (!a) return SL_ENOMEM;
    a->walks = 1;
    for (uint32_t k = 0; k < e->n_stages; k++)
      if (e->stages[k].mode == SL_MODE_INLINE && (rc = open_lane(a, &e->stages[k], err))) return rc;
  }
  for (uint32_t k = 0; k < e->n_stages; k++) {
    sl_stage_rt *st = &e->stages[k];
    if (st->mode == SL_MODE_INLINE || !in_use(e, st)) continue;
    if (st->mode == SL_MODE_ASYNC || st->mode == SL_MODE_ASYNC_SOURCE) {
      if ((rc = open_lane(e->actors[0], st, err))) return rc;
      continue;
    }
    for (uint32_t i = 0; i < threads_of(st); i++) {
      sl_actor *a = add_actor(e, st, err);
      if (!a) return SL_ENOMEM;
      st->n_actors++;
      if ((rc = open_lane(a, st, err))) return rc;
    }
  }
  return 0;
}

int sl_engine_new_traced(const sl_pipeline *p, const sl_run_opts *opts, sl_trace_hook *hook, sl_engine **ret,
                         sl_err *err) {
  sl_engine *e = sl_mem_calloc(1, sizeof(*e));
  int rc = SL_ENOMEM;
  if (!e) return sl_err_set(err, SL_ENOMEM, "no memory for the engine");
  e->p = p;
  if (opts) e->opts = *opts;
  if (!e->opts.seed) e->opts.seed = sl_rng_seed();
  if (e->opts.progress_every <= 0) e->opts.progress_every = SL_TIME_S;
  e->trace = hook;
  e->log_level = p->log_level;
  e->n_stages = p->n_stages;
  e->n_lanes = hook ? 1 : (uint32_t)p->lanes;
  pthread_mutex_init(&e->delay_lock, NULL);
  pthread_mutex_init(&e->spool_lock, NULL);
  pthread_mutex_init(&e->err_lock, NULL);
  int64_t window = WINDOW_DOCS;
  for (uint32_t i = 0; i < p->n_stages; i++)
    if (p->stages[i].type->flags & SL_F_ASYNC) window += 2 * p->stages[i].in_flight;
  sl_credit_init(&e->credit, p->budget, window);
  e->window = window;
  if ((rc = setup_stages(e, err)) || (rc = setup_flow(e, err))) goto fail;
  if ((rc = sl_workq_new(e->n_stations, &e->work, err))) goto fail;
  if ((rc = sl_dead_new(p->state, p->dead_path, &e->dead, err))) goto fail;
  if (!hook && !e->opts.dry_run && (rc = sl_dead_check(e->dead, err))) goto fail;
  if ((rc = sl_loop_open(e, err))) goto fail;
  rc = SL_ENOMEM;
  if (!add_actor(e, NULL, err)) goto fail;
  if ((rc = create(e, err)) || (rc = setup_actors(e, err))) goto fail;
  *ret = e;
  return 0;
fail:
  sl_engine_free(e);
  return rc;
}

int sl_engine_new(const sl_pipeline *p, const sl_run_opts *opts, sl_engine **ret, sl_err *err) {
  return sl_engine_new_traced(p, opts, NULL, ret, err);
}

/* ---- running
 * ------------------------------------------------------------------------------------------------------------ */

static int start_stages(sl_engine *e, sl_err *err) {
  for (uint32_t i = e->n_stages; i-- > 0;) {
    sl_stage_rt *st = &e->stages[i];
    sl_call *c = &e->actors[0]->calls[i];
    if (!st->created || sl_schedule_later(st)) continue;
    sl_call_begin(c, NULL);
    int32_t rc = st->type->start ? st->type->start(&c->pub, st->stage) : 0;
    if (rc) return failed_call(c, rc, "start", err);
    st->started = 1;
    /* A sink's record names its output before the first byte is written there. */
    if (e->keep && c->saved) sl_keep_publish(e->keep, c, NULL, 0, NULL);
  }
  return 0;
}

static void stop_stages(sl_engine *e) {
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    if (!st->started) continue;
    st->started = 0;
    sl_call_begin(&e->actors[0]->calls[i], NULL);
    if (st->type->stop) st->type->stop(&e->actors[0]->calls[i].pub, st->stage);
  }
}

/* Every station counts as one document until it has ended; see flow.h. */
static void enter_stations(sl_engine *e) {
  for (uint32_t t = 0; t < e->n_stations; t++) {
    sl_stage_rt *st = &e->stages[e->station_stage[t]];
    if (!in_use(e, st) && st->type->kind == SL_SINK) continue;
    e->places++; /* of a source: the queue's own, which outlives it */
    sl_flow_enter(&e->flow, st->type->kind == SL_SOURCE ? sl_zone_l(t) : sl_zone_q(t), NULL, 1);
    if (st->mode == SL_MODE_ASYNC || (st->mode == SL_MODE_ASYNC_SOURCE && in_use(e, st)))
      atomic_fetch_add(&e->running, 1);
  }
}

static void inject(sl_engine *e) {
  int given = 0;
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_call *c = &e->actors[0]->calls[i];
    if (e->stages[i].type->kind != SL_SOURCE) continue;
    if (!given++) {
      sl_doc *doc = e->trace->doc;
      e->trace->doc = NULL;
      if (sl_source_emit(c, doc) == 0) sl_source_dispatch(c);
    }
    sl_source_end(e->actors[0], &e->stages[i]);
  }
}

/* Lanes stay until all stage threads have ended, and a run without stations below its sources (all sinks dry) until the
 * lanes have emptied the zones. */
static int start_threads(sl_engine *e, sl_err *err) {
  static void (*const mains[])(void *) = {
      [SL_MODE_SOURCE] = sl_source_main, [SL_MODE_WORKER] = sl_worker_main, [SL_MODE_SINK] = sl_sink_main};
  for (uint32_t i = 1; i < e->n_actors; i++) {
    sl_actor *a = e->actors[i];
    if (!a->st) continue;
    atomic_fetch_add(&a->st->threads, 1);
    atomic_fetch_add(&e->running, 1);
  }
  for (uint32_t i = 1; i < e->n_actors; i++) {
    sl_actor *a = e->actors[i];
    int rc = sl_thread_start(a->st ? a->st->conf->id : "lane", a->st ? SL_ROLE_STAGE : SL_ROLE_LANE,
                             a->st ? mains[a->st->mode] : sl_lane_main, a, &a->thread);
    if (!rc) continue;
    /* Threads that run already wait for those that never will: nothing can be undone here but the process. */
    sl_err_set(err, rc, "cannot start a thread for '%s'", a->st ? a->st->conf->id : "a lane");
    return rc;
  }
  return 0;
}

static void settle_held(sl_engine *e) {
  for (uint32_t i = 0; i < e->n_actors; i++)
    for (uint32_t k = 0; k < e->n_stages; k++)
      for (sl_doc *d = e->actors[i]->calls[k].held.head; d; d = d->next) sl_actor_forget(e->actors[i], d);
}

static void join_all(sl_engine *e) {
  for (uint32_t i = 1; i < e->n_actors; i++)
    if (e->actors[i]->st) {
      sl_thread_join(e->actors[i]->thread);
      e->actors[i]->thread = NULL;
    }
  sl_workq_close(e->work);
  for (uint32_t i = 1; i < e->n_actors; i++) {
    sl_thread_join(e->actors[i]->thread);
    e->actors[i]->thread = NULL;
  }
}

static void warn_unrouted(sl_engine *e) {
  sl_run_stats s;
  sl_engine_stats(e, &s);
  if (e->p->unrouted == SL_UNROUTED_WARN && s.unrouted)
    sl_run_log(e, SL_LOG_WARN, NULL,
               "%llu document%s took no edge: no `when` matched (add `when: else`, or `unrouted: ignore`)",
               (unsigned long long)s.unrouted, s.unrouted == 1 ? "" : "s");
}

static int open_state(sl_engine *e, sl_err *err) {
  if (!e->opts.state || e->opts.dry_run || e->trace) return 0;
  int rc = sl_kv_new(e->opts.state, &e->kv, err);
  if (!rc) rc = sl_keep_open(e, &e->keep, err);
  if (!rc && sl_state_folder(e->opts.state)) rc = sl_notes_open(e, &e->notes, err);
  if (rc || !e->notes || !sl_notes_alone(e->notes)) return rc;
  atomic_store(&e->alone, 1);
  atomic_store(&e->credit.max_docs, 1);
  return 0;
}

/* What is committed now needs no second time; what a commit has to say to stages it says while they run. */
static void commit_rest(sl_engine *e) {
  sl_err err;
  if (!e->keep) return;
  (void)sl_keep_commit(e->keep, &err);
  sl_spool_tell(e);
}

static void stop_all(sl_engine *e) {
  stop_stages(e);
  sl_notes_close(e->notes);
  e->notes = NULL;
  if (!e->keep) return;
  for (uint32_t i = 0; i < e->n_stages; i++)
    if (e->actors[0]->calls[i].saved) sl_keep_publish(e->keep, &e->actors[0]->calls[i], NULL, 0, NULL);
  sl_keep_stop(e->keep);
}

int sl_engine_run(sl_engine *e, sl_err *err) {
  sl_thread_set_role(SL_ROLE_LOOP);
  e->started = sl_time_mono();
  int rc = open_kept(e, err);
  if (!rc) rc = open_state(e, err);
  if (rc) return rc;
  if (e->keep) sl_keep_start(e->keep);
  sl_actor_begin(e->actors[0]);
  rc = start_stages(e, err);
  if (rc) {
    stop_all(e);
    return rc;
  }
  /* What the sinks said of their outputs is on the disk before anything is written there. */
  if (e->keep && sl_state_durable(e->opts.state)) (void)sl_keep_commit(e->keep, NULL);
  enter_stations(e);
  if (e->keep) sl_requeue_start(e);
  rc = start_threads(e, err);
  if (rc) {
    sl_run_log(e, SL_LOG_ERROR, NULL, "cannot start the pipeline's threads");
    _exit(1);
  }
  if (e->trace) inject(e);
  if (e->opts.ready) e->opts.ready(e->opts.ready_user);
  sl_loop_run(e);
  join_all(e);
  commit_rest(e);
  stop_all(e);
  settle_held(e);
  e->ended = sl_time_mono();
  warn_unrouted(e);
  if (e->opts.progress) {
    sl_run_stats stats;
    sl_engine_stats(e, &stats);
    e->opts.progress(e->opts.progress_user, &stats);
  }
  sl_thread_set_role(SL_ROLE_NONE);
  if (!e->has_error) return 0;
  if (err) *err = e->error;
  return e->error.code;
}

void sl_engine_stop(sl_engine *e) {
  int now = atomic_load(&e->stop);
  while (now < 2 && !atomic_compare_exchange_weak(&e->stop, &now, now + 1)) {
  }
  sl_loop_poke(e);
}

void sl_engine_signal(sl_engine *e, int signum) {
  e->signal = signum;
  sl_engine_stop(e);
}

void sl_engine_drain(sl_engine *e) {
  int none = 0;
  e->draining = 1;
  atomic_compare_exchange_strong(&e->stop, &none, 1);
  sl_loop_poke(e);
}

void sl_engine_look_at_queue(sl_engine *e) {
  atomic_store(&e->requeue.poked, 1);
  sl_loop_poke(e);
}

int sl_engine_reprocess(sl_state *state, const sl_pipeline *pipeline, sl_err *err) {
  return sl_keep_forget(state, pipeline, err);
}

/* ---- figures
 * -------------------------------------------------------------------------------------------------------------- */

static uint64_t sum(const sl_engine *e, uint32_t stage, int what) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < e->n_actors; i++)
    n += atomic_load_explicit(&e->actors[i]->counts[stage][what], memory_order_relaxed);
  return n;
}

static void stage_stats(sl_engine *e, uint32_t i, sl_stage_stats *s) {
  sl_stage_rt *st = &e->stages[i];
  *s = (sl_stage_stats){.id = st->conf->id,
                        .uses = st->conf->uses,
                        .kind = st->type->kind,
                        .in = sum(e, i, SL_COUNT_IN),
                        .out = sum(e, i, SL_COUNT_OUT),
                        .dropped = sum(e, i, SL_COUNT_DROPPED),
                        .filtered = sum(e, i, SL_COUNT_FILTERED),
                        .unrouted = sum(e, i, SL_COUNT_UNROUTED),
                        .retried = sum(e, i, SL_COUNT_RETRIED),
                        .dead = sum(e, i, SL_COUNT_DEAD),
                        .held = (uint64_t)atomic_load(&st->held),
                        .bytes_in = sum(e, i, SL_COUNT_BYTES),
                        .queued_bytes = sl_metrics_queued_bytes(e, st),
                        .last_out = atomic_load_explicit(&st->last_out, memory_order_relaxed),
                        .breaker = sl_breaker_now(e, st),
                        .slow_calls = sl_metrics_slow_calls(e, st),
                        .cpu_ns = (int64_t)sum(e, i, SL_COUNT_CPU),
                        .wall_ns = (int64_t)sum(e, i, SL_COUNT_WALL)};
  /* Attempts after the first are no new documents. */
  if (st->mode != SL_MODE_SINK) s->in -= s->retried < s->in ? s->retried : s->in;
  if (st->station != SL_NO_STATION) {
    long long live = atomic_load(&e->flow.zones[sl_zone_q(st->station)].live);
    s->queued = live > 1 ? (uint64_t)live - 1 : 0;
  }
  sl_metrics_latency(e, i, &s->latency);
}

void sl_engine_stats(sl_engine *e, sl_run_stats *ret) { sl_engine_stats_into(e, ret, e->stats); }

void sl_engine_log_level(sl_engine *e, int32_t level) { atomic_store(&e->log_level, level); }

void sl_engine_stats_into(sl_engine *e, sl_run_stats *ret, sl_stage_stats *stages) {
  *ret = (sl_run_stats){.n_stages = e->n_stages, .stages = stages};
  for (uint32_t i = 0; i < e->n_actors; i++) {
    sl_actor *a = e->actors[i];
    ret->stored += a->stored;
    ret->dropped += a->dropped;
    ret->unrouted += a->unrouted;
    ret->failed += a->failed;
    ret->waiting += a->waiting;
    ret->unfinished += a->unfinished;
    ret->dead += a->dead;
  }
  for (uint32_t i = 0; i < e->n_stages; i++) {
    stage_stats(e, i, &stages[i]);
    if (e->stages[i].type->kind == SL_SOURCE) ret->in += stages[i].in;
  }
  ret->again = atomic_load(&e->again);
  uint64_t done = ret->stored + ret->dropped + ret->unrouted + ret->waiting + ret->failed + ret->unfinished;
  uint64_t all = ret->in + ret->again;
  ret->in_flight = all > done ? all - done : 0;
  ret->live_bytes = (uint64_t)sl_mem_live();
  ret->peak_bytes = (uint64_t)atomic_load(&e->credit.peak);
  if (ret->peak_bytes < ret->live_bytes) ret->peak_bytes = ret->live_bytes;
  ret->seconds_ns = e->started ? (e->ended ? e->ended : sl_time_mono()) - e->started : 0;
  ret->stopped = e->has_error ? 0 : atomic_load(&e->stop);
  ret->signal = e->signal;
  ret->last_success = atomic_load_explicit(&e->last_success, memory_order_relaxed);
}

/* ---- the end
 * ---------------------------------------------------------------------------------------------------------------- */

static void close_lanes(sl_engine *e) {
  for (uint32_t i = 0; i < e->n_actors; i++) {
    for (uint32_t k = 0; k < e->n_stages; k++) {
      sl_call *c = &e->actors[i]->calls[k];
      if (!c->open) continue;
      sl_call_begin(c, NULL);
      if (c->st->type->lane_close) c->st->type->lane_close(&c->pub, c->st->stage, c->lane);
      c->open = 0;
    }
  }
}

void sl_engine_free(sl_engine *e) {
  if (!e) return;
  close_lanes(e);
  for (uint32_t i = 0; e->stages && i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    sl_made_unref(st->made);
  }
  sl_loop_close(e);
  for (uint32_t i = 0; i < e->n_actors; i++) {
    for (uint32_t k = 0; k < e->n_stages; k++) {
      sl_doc *d;
      while ((d = sl_docs_pop(&e->actors[i]->calls[k].held))) sl_doc_free(d);
    }
    sl_actor_free(e->actors[i]);
  }
  for (uint32_t i = 0; e->stages && i < e->n_stages; i++) {
    for (uint32_t k = 0; e->stages[i].needs && k < e->stages[i].conf->n_needs; k++)
      sl_pointer_free(e->stages[i].needs[k]);
    sl_mem_free(e->stages[i].needs);
    sl_mem_free(e->stages[i].edges);
    sl_written_free(e->stages[i].written);
    pthread_mutex_destroy(&e->stages[i].ack_lock);
  }
  sl_flow_done(&e->flow);
  sl_workq_free(e->work);
  sl_credit_done(&e->credit);
  sl_delay_done(&e->delay);
  sl_keep_close(e->keep);
  sl_requeue_done(&e->requeue);
  sl_kv_free(e->kv);
  sl_dead_free(e->dead);
  pthread_mutex_destroy(&e->spool_lock);
  pthread_mutex_destroy(&e->delay_lock);
  pthread_mutex_destroy(&e->err_lock);
  sl_mem_free(e->actors);
  sl_mem_free(e->stages);
  sl_mem_free(e->station_stage);
  sl_mem_free(e->stats);
  sl_mem_free(e);
}
