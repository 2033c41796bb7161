/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of stages that have a thread of their own: a sorted list, run by that thread between its calls. */
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "run/runtime.h"

static void insert(sl_call *c, sl_timer *t) {
  sl_timer **at = &c->timers;
  while (*at && (*at)->due <= t->due) at = &(*at)->next;
  t->next = *at;
  *at = t;
}

uint64_t sl_timer_add(sl_call *c, int64_t delay, int64_t repeat, sl_timer_cb cb, void *user) {
  static atomic_ullong ids;
  sl_timer *t = sl_mem_calloc(1, sizeof(*t));
  if (!t) return 0;
  t->id = atomic_fetch_add(&ids, 1) + 1;
  t->due = sl_time_mono() + (delay > 0 ? delay : 0);
  t->repeat = repeat;
  t->cb = cb;
  t->user = user;
  t->call = c;
  insert(c, t);
  return t->id;
}

void sl_timer_remove(sl_call *c, uint64_t id) {
  for (sl_timer **at = &c->timers; *at; at = &(*at)->next) {
    if ((*at)->id != id) continue;
    sl_timer *t = *at;
    *at = t->next;
    sl_mem_free(t);
    return;
  }
}

int64_t sl_timer_next(const sl_call *c) { return c->timers ? c->timers->due : INT64_MAX; }

int sl_timer_run(sl_call *c) {
  int ran = 0;
  int64_t now = sl_time_mono();
  while (c->timers && c->timers->due <= now) {
    sl_timer *t = c->timers;
    sl_timer_cb cb = t->cb;
    void *user = t->user;
    c->timers = t->next;
    if (t->repeat > 0) {
      t->due = now + t->repeat;
      insert(c, t);
    } else {
      sl_mem_free(t);
    }
    sl_call_begin(c, NULL);
    cb(&c->pub, c->st->stage, user);
    ran = 1;
  }
  return ran;
}

void sl_timer_done(sl_call *c) {
  while (c->timers) sl_timer_remove(c, c->timers->id);
}

void sl_station_wait(sl_station *s, int64_t until) {
  s->waiting++;
  if (until == INT64_MAX) {
    pthread_cond_wait(&s->cond, &s->lock);
  } else {
    struct timespec ts = {.tv_sec = until / SL_TIME_S, .tv_nsec = until % SL_TIME_S};
    pthread_cond_timedwait(&s->cond, &s->lock, &ts);
  }
  s->waiting--;
}
