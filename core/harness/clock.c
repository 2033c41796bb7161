/* SPDX-License-Identifier: Apache-2.0 */
/* Timers on a clock that the test turns, and descriptor watches. */
#include "harness/impl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/time.h"

static sl_harness *self(sl_ctx *ctx) { return (sl_harness *)(void *)ctx; }

static uint64_t timer_start(sl_ctx *ctx, int64_t delay_ns, int64_t repeat_ns, sl_timer_cb cb, void *user) {
  sl_harness *h = self(ctx);
  if (h->type->kind != SL_SOURCE && !(h->type->flags & (SL_F_ASYNC | SL_F_SERIAL))) {
    sl_harness_problem(h, "sl_timer_start is for sources and for SERIAL and ASYNC stages");
    return 0;
  }
  timer *t = sl_harness_mem(1, sizeof *t);
  t->id = ++h->next_timer;
  t->due = h->mono + (delay_ns > 0 ? delay_ns : 0);
  t->repeat = repeat_ns > 0 ? repeat_ns : 0;
  t->cb = cb;
  t->user = user;
  timer **at = &h->timers; /* sorted by due; equal ones in the order they were started */
  while (*at && (*at)->due <= t->due) at = &(*at)->next;
  t->next = *at;
  *at = t;
  return t->id;
}

static void timer_stop(sl_ctx *ctx, uint64_t id) {
  sl_harness *h = self(ctx);
  for (timer **at = &h->timers; *at; at = &(*at)->next) {
    timer *t = *at;
    if (t->id != id) continue;
    *at = t->next;
    free(t);
    return;
  }
}

void sl_harness_timers_drop(sl_harness *h) {
  while (h->timers) {
    timer *t = h->timers;
    h->timers = t->next;
    free(t);
  }
  if (h->watches) sl_harness_problem(h, "descriptor %d is still watched after stop", h->watches->fd);
  while (h->watches) {
    watch *w = h->watches;
    h->watches = w->next;
    free(w);
  }
}

/* Runs the first timer. It is out of the list while it runs, and back before, if it repeats, so that it can be stopped.
 */
static void run_timer(sl_harness *h) {
  timer *t = h->timers;
  sl_timer_cb cb = t->cb;
  void *user = t->user;
  h->timers = t->next;
  if (t->due > h->mono) {
    h->wall += t->due - h->mono;
    h->mono = t->due;
  }
  if (t->repeat) {
    t->due += t->repeat;
    timer **at = &h->timers;
    while (*at && (*at)->due <= t->due) at = &(*at)->next;
    t->next = *at;
    *at = t;
  } else {
    free(t);
  }
  sl_harness_enter(h);
  cb(&h->ctx, h->stage, user);
  sl_harness_leave(h);
}

uint32_t sl_harness_advance(sl_harness *h, int64_t ns) {
  int64_t until = h->mono + (ns > 0 ? ns : 0);
  uint32_t n = sl_harness_spool_commit(h);
  for (; h->timers && h->timers->due <= until; n++) run_timer(h);
  h->wall += until - h->mono;
  h->mono = until;
  return n;
}

void sl_harness_set_now(sl_harness *h, int64_t wall_ns) { h->wall = wall_ns; }
void sl_harness_seed(sl_harness *h, uint64_t seed) { sl_rng_init(&h->rng, seed); }

static int32_t host_watch(sl_ctx *ctx, int32_t fd, uint32_t events, sl_watch_cb cb, void *user) {
  sl_harness *h = self(ctx);
  if (!(h->type->flags & SL_F_ASYNC)) {
    sl_harness_problem(h, "sl_watch is for ASYNC stages");
    return SL_EINVAL;
  }
  watch **at = &h->watches;
  while (*at && (*at)->fd != fd) at = &(*at)->next;
  watch *w = *at;
  if (!events) {
    if (!w) return 0;
    *at = w->next;
    free(w);
    return 0;
  }
  if (!w) {
    w = sl_harness_mem(1, sizeof *w);
    w->fd = fd;
    *at = w;
  }
  w->events = events;
  w->cb = cb;
  w->user = user;
  return 0;
}

static uint32_t ready_events(short revents) {
  uint32_t events = 0;
  if (revents & (POLLIN | POLLHUP | POLLERR)) events |= SL_WATCH_READ;
  if (revents & (POLLOUT | POLLERR)) events |= SL_WATCH_WRITE;
  return events;
}

uint32_t sl_harness_pump(sl_harness *h, int32_t timeout_ms) {
  nfds_t n = 0;
  uint32_t called = sl_harness_spool_commit(h);
  for (const watch *w = h->watches; w; w = w->next) n++;
  if (!n) return called;
  struct pollfd *fds = sl_harness_mem(n, sizeof *fds);
  n = 0;
  for (const watch *w = h->watches; w; w = w->next, n++) {
    short want = (short)((w->events & SL_WATCH_READ ? POLLIN : 0) | (w->events & SL_WATCH_WRITE ? POLLOUT : 0));
    fds[n] = (struct pollfd){w->fd, want, 0};
  }
  int ready = poll(fds, n, called ? 0 : timeout_ms);
  for (nfds_t i = 0; ready > 0 && i < n; i++) {
    const watch *w = h->watches; /* a callback before may have ended this watch */
    while (w && w->fd != fds[i].fd) w = w->next;
    if (!w || !fds[i].revents) continue;
    uint32_t events = ready_events(fds[i].revents) & w->events;
    int32_t error = fds[i].revents & POLLNVAL ? EBADF : 0;
    if (!events && !error) continue;
    sl_harness_enter(h);
    w->cb(&h->ctx, h->stage, w->user, events, error);
    sl_harness_leave(h);
    called++;
  }
  free(fds);
  return called;
}

int32_t sl_harness_wait(sl_harness *h, sl_doc *doc, int32_t timeout_ms) {
  const rec *r = sl_harness_rec_of(h, doc, "sl_harness_wait");
  int64_t began = sl_time_mono(), last = began, end = began + timeout_ms * SL_TIME_MS;
  while (r->state == REC_PENDING && last < end) {
    if (h->watches) {
      sl_harness_pump(h, 20);
      int64_t now = sl_time_mono();
      sl_harness_advance(h, now - last);
      last = now;
    } else if (h->timers) {
      sl_harness_advance(h, h->timers->due - h->mono);
      last = sl_time_mono();
    } else {
      break; /* nothing can complete it any more */
    }
  }
  return r->verdict;
}

void sl_harness_cancel(sl_harness *h, sl_doc *doc) {
  rec *r = sl_harness_rec_of(h, doc, "sl_harness_cancel");
  if (r->state != REC_PENDING) return;
  uint64_t ticket = r->ticket;
  r->ticket = 0; /* a completion inside cancel is late already */
  if (h->type->cancel) {
    sl_harness_enter(h);
    h->type->cancel(&h->ctx, h->stage, h->lane, ticket);
    sl_harness_leave(h);
  }
  sl_harness_finish(h, r, SL_V_DROP);
}

uint32_t sl_harness_timers(sl_harness *h) {
  uint32_t n = 0;
  for (const timer *t = h->timers; t; t = t->next) n++;
  return n;
}

uint32_t sl_harness_watches(sl_harness *h) {
  uint32_t n = 0;
  for (const watch *w = h->watches; w; w = w->next) n++;
  return n;
}

void sl_harness_fill_clock(sl_host *host) {
  host->timer_start = timer_start;
  host->timer_stop = timer_stop;
  host->watch = host_watch;
}
