/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that run again. */
#include "run/schedule.h"

#include "base/cron.h"
#include "base/time.h"
#include "run/runtime.h"

/* How often a run that is over looks whether its documents are through. */
#define DRAIN_NS (20 * SL_TIME_MS)

int sl_schedule_has(const sl_stage_rt *st) { return st->conf->schedule.every > 0 || st->conf->schedule.cron; }

/* In the generation before, the source was between two runs: a reload is no reason for another one. */
static int goes_on(const sl_stage_rt *st) { return st->kept && st->made->ran_at && st->conf->schedule.every > 0; }

int sl_schedule_later(const sl_stage_rt *st) { return st->conf->schedule.cron || goes_on(st); }

static int64_t jitter(sl_call *c) {
  int64_t most = c->st->conf->schedule.jitter;
  return most > 0 ? (int64_t)sl_rng_below(&c->actor->rng, (uint64_t)most) : 0;
}

static void plan(sl_call *c) {
  sl_timetable *t = &c->st->times;
  const sl_schedule *s = &c->st->conf->schedule;
  t->seen = sl_time_wall();
  if (!s->cron) {
    t->due = t->began + s->every + jitter(c);
    return;
  }
  int64_t next = sl_cron_next(s->cron, t->seen);
  t->due = next < 0 ? INT64_MAX : next + jitter(c);
}

static uint64_t given(const sl_call *c) {
  return atomic_load_explicit(&c->actor->counts[c->st->index][SL_COUNT_IN], memory_order_relaxed);
}

/* The next start as a date. */
static const char *next_text(const sl_call *c, char *buf, size_t cap) {
  const sl_timetable *t = &c->st->times;
  if (t->due == INT64_MAX) return "never";
  int64_t at = c->st->conf->schedule.cron ? t->due : sl_time_wall() + t->due - sl_time_mono();
  return sl_time_iso(at, 0, buf, cap);
}

static void note_start(sl_call *c) {
  sl_timetable *t = &c->st->times;
  t->waits = 0;
  t->began = sl_time_mono();
  t->given = given(c);
  c->st->made->ran_at = 0;
  sl_run_log(c->actor->e, SL_LOG_INFO, c->st->conf->id, "a scheduled run begins");
}

void sl_schedule_begin(sl_call *c) {
  char buf[40];
  if (!sl_schedule_later(c->st)) {
    note_start(c);
    return;
  }
  c->st->times.waits = 1;
  if (goes_on(c->st)) c->st->times.began = c->st->made->ran_at;
  plan(c);
  sl_run_log(c->actor->e, SL_LOG_INFO, c->st->conf->id, "the %s scheduled run: %s", goes_on(c->st) ? "next" : "first",
             next_text(c, buf, sizeof buf));
}

void sl_schedule_ended(sl_call *c) {
  sl_timetable *t = &c->st->times;
  char buf[40];
  int64_t took = sl_time_mono() - t->began;
  uint64_t n = given(c) - t->given;
  t->waits = 1;
  c->st->made->ran_at = t->began;
  plan(c);
  sl_run_log(c->actor->e, SL_LOG_INFO, c->st->conf->id, "a scheduled run is over: %llu document%s in %.3g s; next: %s",
             (unsigned long long)n, n == 1 ? "" : "s", (double)took / 1e9, next_text(c, buf, sizeof buf));
}

/* Acknowledgements come on other threads: none beside these calls, and none while the stage is stopped. */
static void stop_stage(sl_call *c) {
  sl_stage_rt *st = c->st;
  if (!st->started) return;
  pthread_mutex_lock(&st->ack_lock);
  st->started = 0;
  sl_call_begin(c, NULL);
  if (st->type->stop) st->type->stop(&c->pub, st->stage);
  pthread_mutex_unlock(&st->ack_lock);
}

/* 0, or the error, which is logged: what could not start now may start at the next time. */
static int start_stage(sl_call *c) {
  sl_stage_rt *st = c->st;
  stop_stage(c);
  pthread_mutex_lock(&st->ack_lock);
  sl_call_begin(c, NULL);
  int32_t rc = st->type->start ? st->type->start(&c->pub, st->stage) : 0;
  if (!rc) st->started = 1;
  pthread_mutex_unlock(&st->ack_lock);
  if (rc)
    sl_run_log(c->actor->e, SL_LOG_ERROR, st->conf->id, "the scheduled run cannot start: %s",
               c->failed ? c->why.message : "it gave no reason");
  return rc;
}

/* Nanoseconds until the next start. A clock that was set back may make an earlier one due. */
static int64_t left(sl_call *c) {
  sl_timetable *t = &c->st->times;
  if (!c->st->conf->schedule.cron) return t->due - sl_time_mono();
  int64_t now = sl_time_wall();
  if (now < t->seen) plan(c);
  t->seen = now;
  return t->due == INT64_MAX ? SL_SCHEDULE_SLICE : t->due - now;
}

int64_t sl_schedule_look(sl_call *c) {
  sl_timetable *t = &c->st->times;
  if (!t->waits) return 0;
  int open = c->st->started && atomic_load(&t->open) > 0;
  if (!open) stop_stage(c);
  int64_t wait = left(c);
  if (wait <= 0) {
    t->began = sl_time_mono();
    if (start_stage(c) == 0) {
      note_start(c);
      return 0;
    }
    plan(c);
    wait = left(c);
    if (wait < DRAIN_NS) wait = DRAIN_NS;
  }
  if (open && wait > DRAIN_NS) wait = DRAIN_NS;
  return wait < SL_SCHEDULE_SLICE ? wait : SL_SCHEDULE_SLICE;
}
