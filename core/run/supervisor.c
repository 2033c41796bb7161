/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline over its generations.
 *
 * Safety: one lock; held while the engine that runs is named to another thread (stopped, drained, looked at), never
 * while one is made, run or freed, and never while calling out.
 */
#include "run/supervisor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "base/thread.h"
#include "base/time.h"
#include "platform/notify.h"
#include "run/filewatch.h"
#include "run/made.h"
#include "run/pulse.h"
#include "run/totals.h"
#include "store/state.h"

#define LOOK_MS 1000
/* Between two generations there is no engine whose pulse could be felt; longer than this is not normal. */
#define PAUSE_NS (120 * SL_TIME_S)
/* Between two attempts to start again what ran before a reload: at first, and at most. */
#define AGAIN_NS (200 * SL_TIME_MS)
#define AGAIN_MAX_NS (5 * SL_TIME_S)

/* A loaded pipeline, while an engine or a stage object needs it. */
typedef struct generation {
  sl_pipeline *p;
  uint64_t number;
  atomic_uint refs;
} generation;

typedef struct request {
  struct request *next;
  void (*done)(void *user, uint64_t ticket, int rc, const char *text);
  void *user;
  uint64_t ticket;
} request;

struct sl_supervisor {
  sl_supervisor_opts opts;
  pthread_mutex_t lock;
  /* Under the lock. */
  sl_engine *engine; /* that runs, or is about to */
  generation *now;
  struct {
    sl_engine *engine;
    generation *gen;
  } next;           /* drained for */
  request *asked;   /* not looked at yet */
  request *active;  /* of the reload that is under way */
  int wanted, busy; /* a reload is asked for; is under way */
  int stops, over;  /* signals to stop; the run is over */
  int signal;
  int32_t log_level; /* 0: as the pipeline says */
  int64_t since;     /* monotonic: without an engine since; 0: there is one */
  sl_filewatch watch;
  /* The loop thread's. */
  int made, ready;
  generation *fallback; /* what ran before, until the next one runs */
  sl_kept *kept;        /* its stage objects */
  char *failure;        /* why the next one could not start */
  sl_buf report;        /* of the reload: warnings */
  sl_totals totals;
  sl_stage_stats *shown;
  uint32_t n_shown;
  sl_listeners *listeners;
  /* The supervising thread's. */
  sl_thread *thread, *loader;
  uv_loop_t loop;
  uv_async_t poke;
  uv_signal_t signals[3];
  uv_timer_t tick, dog;
  sl_pulse pulse;
  int tty, is_open;
  uint64_t ticks;
};

static void say(sl_supervisor *s, int32_t level, const char *fmt, ...) SL_PRINTF(3, 4);
static void say(sl_supervisor *s, int32_t level, const char *fmt, ...) {
  char text[1200];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (s->opts.run.log) s->opts.run.log(s->opts.run.log_user, level, NULL, text);
}

/* ---- generations ---- */

static generation *generation_new(sl_pipeline *p, uint64_t number) {
  generation *g = sl_mem_calloc(1, sizeof *g);
  if (!g) return NULL;
  *g = (generation){.p = p, .number = number};
  atomic_init(&g->refs, 1);
  return g;
}

static void hold(void *owner) { atomic_fetch_add(&((generation *)owner)->refs, 1); }

static void release(void *owner) {
  generation *g = owner;
  if (!g || atomic_fetch_sub(&g->refs, 1) != 1) return;
  sl_pipeline_free(g->p);
  sl_mem_free(g);
}

static void on_ready(void *user);
static void on_progress(void *user, const sl_run_stats *now);

static int make_engine(sl_supervisor *s, generation *g, const sl_kept *kept, sl_engine **ret, sl_err *err) {
  sl_run_opts o = s->opts.run;
  o.generation = g->number;
  o.kept = kept;
  o.hold = hold;
  o.release = release;
  o.owner = g;
  o.ready = on_ready;
  o.ready_user = s;
  if (o.progress) {
    o.progress = on_progress;
    o.progress_user = s;
  }
  if (o.limit) o.limit = o.limit > s->totals.sum.in ? o.limit - s->totals.sum.in : 1;
  return sl_engine_new(g->p, &o, ret, err);
}

/* ---- the end of a reload ---- */

static void answer(sl_supervisor *s, int rc, const char *text) {
  pthread_mutex_lock(&s->lock);
  request *list = s->active;
  s->active = NULL;
  s->busy = 0;
  pthread_mutex_unlock(&s->lock);
  if (rc)
    say(s, SL_LOG_ERROR, "the reload failed, what ran goes on: %s", text);
  else
    say(s, SL_LOG_INFO, "%s", text);
  if (s->opts.reloaded) s->opts.reloaded(s->opts.user, rc, text);
  if (s->opts.phase) s->opts.phase(s->opts.user, SL_SUPER_RUNNING, NULL);
  sl_notify("READY=1\nSTATUS=%.200s%.200s", rc ? "the reload failed: " : "", text);
  while (list) {
    request *r = list;
    list = r->next;
    if (r->done) r->done(r->user, r->ticket, rc, text);
    sl_mem_free(r);
  }
  uv_async_send(&s->poke);
}

/* ---- the thread of a reload ---- */

static int changes_too_much(const sl_pipeline *now, const sl_pipeline *next, sl_buf *text) {
  const char *a = now->state ? now->state : "none", *b = next->state ? next->state : "none";
  if (strcmp(a, b) == 0) return 0;
  sl_buf_addf(text, "%s: `state` cannot change while the pipeline runs: it is %s, and would be %s; stop and start it",
              next->file, a, b);
  return SL_ESTATE;
}

/* Loads and makes N+1 beside N. */
static int prepare(sl_supervisor *s, generation **ret_gen, sl_engine **ret_engine, sl_strlist *files, sl_buf *text) {
  sl_pipeline *p = NULL;
  sl_err err = {0};
  int rc = s->opts.load(s->opts.load_user, &p, text, files);
  if (rc) return rc;
  pthread_mutex_lock(&s->lock);
  rc = s->now ? changes_too_much(s->now->p, p, text) : 0;
  uint64_t number = s->now ? s->now->number + 1 : 1;
  sl_kept *kept = s->engine ? sl_kept_of(s->engine) : NULL;
  pthread_mutex_unlock(&s->lock);
  generation *g = rc ? NULL : generation_new(p, number);
  if (!g) sl_pipeline_free(p);
  if (!g && !rc) rc = sl_err_set(&err, SL_ENOMEM, "memory is out");
  if (!rc) rc = make_engine(s, g, kept, ret_engine, &err);
  if (rc && err.code) {
    if (err.pos.file) sl_buf_addf(text, "%s:%u:%u: ", err.pos.file, err.pos.line, err.pos.col);
    sl_buf_addf(text, "error: %s%s%s\n", err.message, err.hint[0] ? "\n  hint: " : "", err.hint);
  }
  sl_kept_free(kept);
  if (rc)
    release(g);
  else
    *ret_gen = g;
  return rc;
}

static void watch_files(sl_supervisor *s, const sl_pipeline *p, const sl_strlist *files) {
  if (!s->opts.watch) return;
  pthread_mutex_lock(&s->lock);
  sl_filewatch_begin(&s->watch);
  int rc = sl_filewatch_add(&s->watch, p->file);
  for (uint32_t i = 0; i < p->n_stages && !rc; i++)
    if (p->stages[i].plugin_path && *p->stages[i].plugin_path)
      rc = sl_filewatch_add(&s->watch, p->stages[i].plugin_path);
  for (size_t i = 0; files && i < files->count && !rc; i++) rc = sl_filewatch_add(&s->watch, files->items[i]);
  sl_filewatch_end(&s->watch);
  pthread_mutex_unlock(&s->lock);
}

/* Hands N+1 to the loop thread by draining N. 0: the run is over or stops. */
static int hand_over(sl_supervisor *s, generation *g, sl_engine *engine, sl_buf *text) {
  int taken = 0;
  pthread_mutex_lock(&s->lock);
  if (s->engine && !s->stops) {
    s->next.engine = engine;
    s->next.gen = g;
    sl_buf_done(&s->report);
    s->report = *text;
    *text = (sl_buf){0};
    taken = 1;
    sl_engine_drain(s->engine);
  }
  pthread_mutex_unlock(&s->lock);
  return taken;
}

static void reload_main(void *arg) {
  sl_supervisor *s = arg;
  generation *g = NULL;
  sl_engine *engine = NULL;
  sl_buf text = {0};
  sl_strlist files = {0};
  int rc = prepare(s, &g, &engine, &files, &text);
  if (!rc) {
    watch_files(s, g->p, &files);
    if (!hand_over(s, g, engine, &text)) {
      sl_engine_free(engine);
      release(g);
      answer(s, SL_ECANCELED, "the pipeline stops");
    }
  } else {
    answer(s, rc, text.data ? text.data : sl_err_name(rc));
  }
  sl_strlist_done(&files);
  sl_buf_done(&text);
}

/* ---- the supervising thread ---- */

static void begin_reload(sl_supervisor *s) {
  pthread_mutex_lock(&s->lock);
  int go = s->wanted && !s->busy && !s->stops && !s->over && !s->since;
  if (go) {
    s->wanted = 0;
    s->busy = 1;
    s->active = s->asked;
    s->asked = NULL;
  }
  pthread_mutex_unlock(&s->lock);
  if (!go) return;
  sl_thread_join(s->loader); /* the one before has answered */
  s->loader = NULL;
  say(s, SL_LOG_INFO, "reloading");
  sl_notify_reloading();
  if (s->opts.phase) s->opts.phase(s->opts.user, SL_SUPER_RELOADING, NULL);
  if (sl_thread_start("reload", SL_ROLE_NONE, reload_main, s, &s->loader))
    answer(s, SL_ENOMEM, "no memory for a thread");
}

static void on_poke(uv_async_t *h) {
  sl_supervisor *s = h->data;
  pthread_mutex_lock(&s->lock);
  int over = s->over;
  pthread_mutex_unlock(&s->lock);
  if (over)
    uv_stop(&s->loop);
  else
    begin_reload(s);
}

static void on_signal(uv_signal_t *h, int signum) {
  sl_supervisor *s = h->data;
  /* A terminal that went away sends the same signal. */
  int reload = signum == SIGHUP && s->opts.load && !(s->tty && !isatty(STDERR_FILENO));
  if (reload)
    sl_supervisor_reload(s, NULL, NULL, 0);
  else
    sl_supervisor_stop(s, signum);
}

static void show_status(sl_supervisor *s) {
  sl_stage_stats stages[64];
  sl_run_stats stats = {0};
  pthread_mutex_lock(&s->lock);
  uint64_t number = s->now ? s->now->number : 0;
  int can = s->engine && s->now && s->now->p->n_stages <= sizeof stages / sizeof *stages;
  if (can) sl_engine_stats_into(s->engine, &stats, stages);
  pthread_mutex_unlock(&s->lock);
  if (can)
    sl_notify("STATUS=generation %llu: %llu in, %llu stored, %llu dead, %llu in flight", (unsigned long long)number,
              (unsigned long long)stats.in, (unsigned long long)stats.stored, (unsigned long long)stats.dead,
              (unsigned long long)stats.in_flight);
}

static void on_tick(uv_timer_t *h) {
  sl_supervisor *s = h->data;
  pthread_mutex_lock(&s->lock);
  int changed = s->opts.watch && sl_filewatch_look(&s->watch);
  pthread_mutex_unlock(&s->lock);
  if (changed) sl_supervisor_reload(s, NULL, NULL, 0);
  if (++s->ticks % 10 == 0 && sl_notify_wanted()) show_status(s);
}

static void on_dog(uv_timer_t *h) {
  sl_supervisor *s = h->data;
  pthread_mutex_lock(&s->lock);
  int alive = s->engine && !s->since ? sl_engine_alive(s->engine, &s->pulse) : sl_time_mono() - s->since < PAUSE_NS;
  pthread_mutex_unlock(&s->lock);
  if (alive) sl_notify("WATCHDOG=1");
}

static void supervise(void *arg) {
  sl_supervisor *s = arg;
  uv_run(&s->loop, UV_RUN_DEFAULT);
}

static int open_loop(sl_supervisor *s, sl_err *err) {
  static const int nums[] = {SIGINT, SIGTERM, SIGHUP};
  int rc = uv_loop_init(&s->loop);
  if (rc) return sl_err_set(err, SL_EIO, "cannot make the event loop: %s", uv_strerror(rc));
  s->is_open = 1;
  rc = uv_async_init(&s->loop, &s->poke, on_poke);
  if (rc) return sl_err_set(err, SL_EIO, "cannot make the event loop: %s", uv_strerror(rc));
  uv_timer_init(&s->loop, &s->tick);
  uv_timer_init(&s->loop, &s->dog);
  s->poke.data = s->tick.data = s->dog.data = s;
  for (int i = 0; i < 3 && s->opts.run.handle_signals; i++) {
    if (nums[i] == SIGHUP && !s->opts.load) continue;
    uv_signal_init(&s->loop, &s->signals[i]);
    s->signals[i].data = s;
    uv_signal_start(&s->signals[i], on_signal, nums[i]);
  }
  uv_timer_start(&s->tick, on_tick, LOOK_MS, LOOK_MS);
  int64_t dog = sl_notify_watchdog();
  if (dog) uv_timer_start(&s->dog, on_dog, (uint64_t)(dog / SL_TIME_MS / 2), (uint64_t)(dog / SL_TIME_MS / 2));
  return 0;
}

static void close_handle(uv_handle_t *h, void *arg) {
  (void)arg;
  if (!uv_is_closing(h)) uv_close(h, NULL);
}

/* ---- the loop thread ---- */

static void forget_fallback(sl_supervisor *s) {
  sl_kept_free(s->kept);
  s->kept = NULL;
  release(s->fallback);
  s->fallback = NULL;
}

/* An engine runs: the first, the next, or once more the one before. */
static void on_ready(void *user) {
  sl_supervisor *s = user;
  pthread_mutex_lock(&s->lock);
  s->since = 0;
  s->pulse = (sl_pulse){0};
  int reload = s->busy && (s->fallback || s->failure);
  uint64_t number = s->now->number;
  pthread_mutex_unlock(&s->lock);
  s->ready = 1;
  sl_listeners_end(s->listeners);
  if (reload && s->failure) {
    answer(s, SL_EPLUGIN, s->failure);
  } else if (reload) {
    char text[160];
    snprintf(text, sizeof text, "reloaded: generation %llu runs", (unsigned long long)number);
    if (s->report.len && !s->report.failed) say(s, SL_LOG_WARN, "%s", s->report.data);
    answer(s, 0, text);
  } else {
    if (s->opts.phase) s->opts.phase(s->opts.user, SL_SUPER_RUNNING, NULL);
    sl_notify("READY=1");
  }
  sl_buf_done(&s->report);
  sl_mem_free(s->failure);
  s->failure = NULL;
  forget_fallback(s);
  uv_async_send(&s->poke);
}

static int has_stage(const sl_pipeline *p, const char *id) {
  for (uint32_t i = 0; i < p->n_stages; i++)
    if (strcmp(p->stages[i].id, id) == 0) return 1;
  return 0;
}

/* What the state keeps for former ids goes to the stages of p that have taken them over; back: to the former ids again.
 * before: the pipeline that ran, whose ids count; NULL: any former id does. */
static void rename_stages(sl_supervisor *s, const sl_pipeline *p, const sl_pipeline *before, int back) {
  sl_err err;
  for (uint32_t i = 0; s->opts.run.state && i < p->n_stages; i++) {
    const sl_stage_conf *c = &p->stages[i];
    for (uint32_t k = 0; k < c->n_was; k++) {
      if (before && !has_stage(before, c->was[k])) continue;
      if (sl_state_rename(s->opts.run.state, back ? c->id : c->was[k], back ? c->was[k] : c->id, &err))
        say(s, SL_LOG_ERROR, "what is kept for '%s' cannot go to '%s': %s", c->was[k], c->id, err.message);
    }
  }
}

/* One engine from start to end [take both]. *ret_started 0: it could not start. */
static int run_one(sl_supervisor *s, generation *g, sl_engine *engine, int *ret_started, sl_err *err) {
  sl_run_stats stats;
  pthread_mutex_lock(&s->lock);
  s->engine = engine;
  generation *before = s->now;
  s->now = g;
  if (s->log_level) sl_engine_log_level(engine, s->log_level);
  int stopped = s->stops;
  pthread_mutex_unlock(&s->lock);
  if (before != g) release(before);
  for (int i = 0; i < stopped; i++) sl_engine_signal(engine, s->signal);
  s->ready = 0;
  sl_listeners_begin(s->listeners);
  if (s->opts.attach) s->opts.attach(s->opts.user, engine, g->p, g->number);
  int rc = sl_engine_run(engine, err);
  if (s->opts.detach) s->opts.detach(s->opts.user);
  pthread_mutex_lock(&s->lock);
  s->engine = NULL;
  s->since = sl_time_mono();
  pthread_mutex_unlock(&s->lock);
  if (s->ready) {
    sl_engine_stats(engine, &stats);
    sl_totals_add(&s->totals, &stats);
    s->totals.sum.stopped = stats.stopped;
  }
  *ret_started = s->ready;
  return rc;
}

/* N+1 could not start: N again. */
static int go_back(sl_supervisor *s, const sl_pipeline *failed, generation **ret_gen, sl_engine **ret, sl_err *err) {
  sl_err why = *err;
  generation *old = s->fallback;
  s->failure = sl_mem_strdup(why.message);
  rename_stages(s, failed, old->p, 1);
  s->fallback = NULL;
  int rc = make_engine(s, old, s->kept, ret, err);
  if (rc) {
    release(old);
    return rc;
  }
  *ret_gen = old;
  return 0;
}

static int stopping(sl_supervisor *s) {
  pthread_mutex_lock(&s->lock);
  int stops = s->stops;
  pthread_mutex_unlock(&s->lock);
  return stops > 0;
}

/* What kept N+1 from starting may keep N from it, too: a database that somebody else holds, a disk that is full. Ending
 * the process over it would make a reload more dangerous than a restart, so N is tried again until it starts. 0: a stop
 * came. */
static int try_again(sl_supervisor *s, generation *old, int64_t *pause, sl_engine **ret, const sl_err *why) {
  sl_err err = *why;
  while (!stopping(s)) {
    say(s, SL_LOG_ERROR, "what ran before the reload cannot start either, and is tried again: %s", err.message);
    if (s->opts.phase) s->opts.phase(s->opts.user, SL_SUPER_RELOADING, err.message);
    int64_t until = sl_time_mono() + *pause;
    while (sl_time_mono() < until && !stopping(s)) usleep(20000);
    *pause = *pause * 2 < AGAIN_MAX_NS ? *pause * 2 : AGAIN_MAX_NS;
    if (!stopping(s) && make_engine(s, old, s->kept, ret, &err) == 0) return 1;
  }
  return 0;
}

/* What follows an engine that has run: 0 nothing, 1 *ret_gen and *ret. */
static int take_next(sl_supervisor *s, generation *ran, sl_engine *engine, generation **ret_gen, sl_engine **ret) {
  pthread_mutex_lock(&s->lock);
  *ret = s->next.engine;
  *ret_gen = s->next.gen;
  s->next.engine = NULL;
  s->next.gen = NULL;
  int stops = s->stops;
  pthread_mutex_unlock(&s->lock);
  if (*ret && stops) {
    sl_engine_free(*ret);
    release(*ret_gen);
    *ret = NULL;
    answer(s, SL_ECANCELED, "the pipeline stops");
  }
  if (!*ret) return 0;
  s->kept = sl_kept_of(engine);
  hold(ran);
  s->fallback = ran;
  return 1;
}

static int run_all(sl_supervisor *s, generation *g, sl_engine *engine, sl_err *err) {
  int64_t pause = AGAIN_NS;
  for (;;) {
    int started = 0;
    generation *next_gen = NULL;
    sl_engine *next = NULL;
    hold(g); /* the loop's own while it is looked at below */
    int rc = run_one(s, g, engine, &started, err);
    int more = started && take_next(s, g, engine, &next_gen, &next);
    if (rc && more) say(s, SL_LOG_ERROR, "%s", err->message);
    sl_engine_free(engine);
    if (!started && s->fallback) {
      rc = go_back(s, g->p, &next_gen, &next, err);
      more = !rc;
      pause = AGAIN_NS;
    } else if (!started && s->failure) {
      next_gen = g;
      more = try_again(s, g, &pause, &next, err);
      if (!more) rc = 0;
    } else if (more) {
      rename_stages(s, next_gen->p, g->p, 0);
    }
    release(g);
    if (!more) return rc;
    g = next_gen;
    engine = next;
  }
}

static void end_run(sl_supervisor *s) {
  pthread_mutex_lock(&s->lock);
  s->over = 1;
  pthread_mutex_unlock(&s->lock);
  uv_async_send(&s->poke);
  sl_thread_join(s->thread);
  s->thread = NULL;
  sl_thread_join(s->loader);
  s->loader = NULL;
  pthread_mutex_lock(&s->lock);
  request *asked = s->asked;
  s->asked = NULL;
  pthread_mutex_unlock(&s->lock);
  while (asked) {
    request *r = asked;
    asked = r->next;
    if (r->done) r->done(r->user, r->ticket, SL_ECANCELED, "the run is over");
    sl_mem_free(r);
  }
  if (s->failure) answer(s, SL_EPLUGIN, s->failure);
}

int sl_supervisor_run(sl_supervisor *s, sl_err *err) {
  sl_engine *engine = NULL;
  pthread_mutex_lock(&s->lock);
  generation *g = s->now;
  pthread_mutex_unlock(&s->lock);
  rename_stages(s, g->p, NULL, 0);
  int rc = make_engine(s, g, NULL, &engine, err);
  if (!rc) {
    s->made = 1;
    rc = run_all(s, g, engine, err);
  }
  end_run(s);
  forget_fallback(s);
  return rc;
}

int sl_supervisor_made(const sl_supervisor *s) { return s->made; }

/* ---- figures ---- */

static void on_progress(void *user, const sl_run_stats *now) {
  sl_supervisor *s = user;
  sl_run_stats all = *now;
  if (s->n_shown < now->n_stages) {
    sl_stage_stats *room = sl_mem_realloc(s->shown, now->n_stages * sizeof *room);
    if (!room) return;
    s->shown = room;
    s->n_shown = now->n_stages;
  }
  memcpy(s->shown, now->stages, now->n_stages * sizeof *s->shown);
  all.stages = s->shown;
  sl_totals_with(&s->totals, &all, s->shown);
  s->opts.run.progress(s->opts.run.progress_user, &all);
}

void sl_supervisor_stats(sl_supervisor *s, sl_run_stats *ret, const sl_pipeline **ret_pipeline) {
  *ret = s->totals.sum;
  ret->signal = s->signal;
  ret->live_bytes = (uint64_t)sl_mem_live();
  ret->n_stages = s->totals.n;
  ret->stages = s->totals.stages;
  if (ret_pipeline) *ret_pipeline = s->now->p;
}

/* ---- making ---- */

int sl_supervisor_new(const sl_supervisor_opts *opts, sl_pipeline *pipeline, const sl_strlist *files,
                      sl_supervisor **ret, sl_err *err) {
  sl_supervisor *s = sl_mem_calloc(1, sizeof *s);
  if (!s) return sl_err_set(err, SL_ENOMEM, "memory is out");
  int rc = 0;
  s->opts = *opts;
  s->tty = isatty(STDERR_FILENO);
  s->since = sl_time_mono();
  pthread_mutex_init(&s->lock, NULL);
  s->now = generation_new(pipeline, 1);
  s->listeners = sl_listeners_new();
  if (!s->now || !s->listeners) rc = sl_err_set(err, SL_ENOMEM, "memory is out");
  if (!rc) rc = open_loop(s, err);
  if (!rc) {
    sl_listeners_adopt(s->listeners);
    watch_files(s, pipeline, files);
    s->opts.run.handle_signals = 0;
    s->opts.run.exit_when_stuck = opts->run.handle_signals;
    s->opts.run.listen = sl_listeners_open;
    s->opts.run.listen_user = s->listeners;
    rc = sl_thread_start("supervisor", SL_ROLE_NONE, supervise, s, &s->thread);
    if (rc) sl_err_set(err, rc, "cannot start the supervising thread");
  }
  if (rc) {
    if (s->now) s->now->p = NULL; /* stays the caller's */
    sl_supervisor_free(s);
    return rc;
  }
  *ret = s;
  return 0;
}

void sl_supervisor_free(sl_supervisor *s) {
  if (!s) return;
  if (s->thread) end_run(s);
  if (s->is_open) {
    uv_walk(&s->loop, close_handle, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
  }
  forget_fallback(s);
  release(s->now);
  sl_listeners_free(s->listeners);
  sl_filewatch_done(&s->watch);
  sl_totals_done(&s->totals);
  sl_buf_done(&s->report);
  sl_mem_free(s->failure);
  sl_mem_free(s->shown);
  pthread_mutex_destroy(&s->lock);
  sl_mem_free(s);
}

/* ---- orders ---- */

void sl_supervisor_reload(sl_supervisor *s, void (*done)(void *user, uint64_t ticket, int rc, const char *text),
                          void *user, uint64_t ticket) {
  const char *refused = NULL;
  request *r = sl_mem_calloc(1, sizeof *r);
  if (!r) {
    if (done) done(user, ticket, SL_ENOMEM, "memory is out");
    return;
  }
  *r = (request){.done = done, .user = user, .ticket = ticket};
  pthread_mutex_lock(&s->lock);
  if (s->over || s->stops) refused = "the pipeline stops";
  if (!s->opts.load) refused = "this run cannot be reloaded";
  if (!refused) {
    r->next = s->asked;
    s->asked = r;
    s->wanted = 1;
  }
  pthread_mutex_unlock(&s->lock);
  if (refused) {
    if (done) done(user, ticket, SL_ESTATE, refused);
    sl_mem_free(r);
  } else {
    uv_async_send(&s->poke);
  }
}

void sl_supervisor_stop(sl_supervisor *s, int signum) {
  pthread_mutex_lock(&s->lock);
  int first = !s->stops++;
  s->signal = signum;
  if (s->engine) sl_engine_signal(s->engine, signum);
  pthread_mutex_unlock(&s->lock);
  if (first) sl_notify("STOPPING=1");
  if (first && s->opts.phase) s->opts.phase(s->opts.user, SL_SUPER_STOPPING, "a signal");
}

void sl_supervisor_log_level(sl_supervisor *s, int32_t level) {
  pthread_mutex_lock(&s->lock);
  s->log_level = level;
  if (s->engine) sl_engine_log_level(s->engine, level);
  pthread_mutex_unlock(&s->lock);
}

void sl_supervisor_look_at_queue(sl_supervisor *s) {
  pthread_mutex_lock(&s->lock);
  if (s->engine) sl_engine_look_at_queue(s->engine);
  pthread_mutex_unlock(&s->lock);
}
