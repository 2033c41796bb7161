/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine measures beside its counts. */
#include "run/metrics.h"

#include "base/time.h"
#include "run/runtime.h"

/* A queue is looked at this far; a look at a document costs about 100 ns, under the station's lock. */
#define LOOK_DOCS 500

static const int64_t bounds[SL_LATENCY_BUCKETS] = {
    1000,       2000,       5000,       10000,       20000,       50000,       100000,    200000,    500000,
    1000000,    2000000,    5000000,    10000000,    20000000,    50000000,    100000000, 200000000, 500000000,
    1000000000, 2000000000, 5000000000, 10000000000, 20000000000, 50000000000, INT64_MAX};

int64_t sl_latency_bound(uint32_t bucket) { return bounds[bucket]; }

int64_t sl_latency_quantile(const sl_latency *l, double q) {
  double want = q * (double)l->n, below = 0;
  for (uint32_t i = 0; l->n && i < SL_LATENCY_BUCKETS; i++) {
    double here = (double)l->counts[i];
    if (below + here < want || here <= 0) {
      below += here;
      continue;
    }
    if (i + 1 == SL_LATENCY_BUCKETS) return bounds[i - 1];
    int64_t from = i ? bounds[i - 1] : 0;
    return from + (int64_t)((want - below) / here * (double)(bounds[i] - from));
  }
  return 0;
}

void sl_latency_add(sl_latency *to, const sl_latency *from) {
  for (uint32_t i = 0; i < SL_LATENCY_BUCKETS; i++) to->counts[i] += from->counts[i];
  to->n += from->n;
  to->sum_ns += from->sum_ns;
}

static void add(atomic_ullong *c, uint64_t n) {
  atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static void count(sl_actor *a, const sl_stage_rt *st, uint32_t weight, int64_t ns) {
  sl_latency_rt *l = &a->latency[st->index];
  uint32_t i = 0;
  while (ns > bounds[i]) i++;
  add(&l->counts[i], weight);
  add(&l->sum, ns > 0 ? (uint64_t)ns * weight : 0);
}

void sl_metrics_call(sl_actor *a, const sl_stage_rt *st, int64_t ns) { count(a, st, 1, ns); }

void sl_metrics_chosen(sl_call *c, uint32_t weight, int64_t ns) {
  count(c->actor, c->st, weight, ns);
  c->mean_ns = c->mean_ns ? (c->mean_ns * 7 + ns) / 8 : ns;
  uint32_t most = c->mean_ns < 10 * SL_TIME_US ? 127 : c->mean_ns < 100 * SL_TIME_US ? 15 : 1;
  c->untimed = c->gap = (uint32_t)sl_rng_below(&c->actor->rng, most);
}

void sl_metrics_latency(const sl_engine *e, uint32_t stage, sl_latency *ret) {
  *ret = (sl_latency){.n = 0};
  for (uint32_t i = 0; i < e->n_actors; i++) {
    const sl_latency_rt *l = &e->actors[i]->latency[stage];
    for (uint32_t k = 0; k < SL_LATENCY_BUCKETS; k++) {
      uint64_t n = atomic_load_explicit(&l->counts[k], memory_order_relaxed);
      ret->counts[k] += n;
      ret->n += n;
    }
    ret->sum_ns += atomic_load_explicit(&l->sum, memory_order_relaxed);
  }
}

struct look {
  uint64_t docs, bytes, all;
};

static void look_at(struct look *l, const sl_docs *docs) {
  l->all += docs->n;
  for (const sl_doc *d = docs->head; d && l->docs < LOOK_DOCS; d = d->next) {
    l->docs++;
    l->bytes += sl_doc_size(d);
  }
}

uint64_t sl_metrics_queued_bytes(sl_engine *e, const sl_stage_rt *st) {
  struct look l = {0};
  if (st->station == SL_NO_STATION) return 0;
  sl_station *s = &e->flow.stations[st->station];
  pthread_mutex_lock(&s->lock);
  look_at(&l, &s->ready);
  for (uint32_t i = 0; s->order != SL_NO_ORDER && i < s->ring_n; i++)
    look_at(&l, &s->ring[(s->ring_head + i) % s->ring_cap]->at[s->order]);
  pthread_mutex_unlock(&s->lock);
  return l.docs ? l.bytes * l.all / l.docs : 0;
}

uint32_t sl_metrics_slow_calls(const sl_engine *e, const sl_stage_rt *st) {
  uint32_t n = 0;
  int64_t now = sl_time_mono();
  if (!st->conf->timeout) return 0;
  for (uint32_t i = 0; i < e->n_actors; i++) {
    const sl_actor *a = e->actors[i];
    int64_t since = atomic_load_explicit(&a->busy_since, memory_order_acquire);
    n += since && atomic_load(&a->busy_stage) == st->index && now - since >= st->conf->timeout;
  }
  return n;
}

static uint64_t sum(const sl_engine *e, uint32_t stage, int what) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < e->n_actors; i++)
    n += atomic_load_explicit(&e->actors[i]->counts[stage][what], memory_order_relaxed);
  return n;
}

void sl_metrics_tick(sl_engine *e) {
  int64_t now = sl_time_wall();
  uint64_t ended = 0;
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    uint64_t done = sum(e, i, SL_COUNT_OUT) + sum(e, i, SL_COUNT_DROPPED);
    if (done == st->done_seen) continue;
    st->done_seen = done;
    atomic_store_explicit(&st->last_out, now, memory_order_relaxed);
  }
  for (uint32_t i = 0; i < e->n_actors; i++)
    ended += atomic_load(&e->actors[i]->stored) + atomic_load(&e->actors[i]->dropped);
  if (ended == e->ended_seen) return;
  e->ended_seen = ended;
  atomic_store_explicit(&e->last_success, now, memory_order_relaxed);
}
