/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine measures beside its counts: how long calls take, what waits, when something last succeeded.
 *
 * Two clock reads cost more than a quick stage, so of `process` and `produce` not every call is timed: one in 64 where
 * calls take less than 10 us, one in 8 up to 100 us, all above; which, is left to chance, and a timed call counts for
 * those that were not. Calls of `write` and those of ASYNC stages are timed all. What can be found by looking (bytes in
 * queues, the last success) is found by whoever asks or by the loop's tick, and costs the lanes nothing.
 */
#ifndef SLUICE_RUN_METRICS_H
#define SLUICE_RUN_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

struct sl_engine;
struct sl_actor;
struct sl_stage_rt;
struct sl_call;

/* Upper bounds 1, 2 and 5 times a power of ten, from 1 us to 50 s; the last bucket has none. */
#define SL_LATENCY_BUCKETS 25

/* One thread's, for one stage; one writer, read relaxed. */
typedef struct sl_latency_rt {
  atomic_ullong counts[SL_LATENCY_BUCKETS];
  atomic_ullong sum; /* nanoseconds */
} sl_latency_rt;

typedef struct sl_latency {
  uint64_t counts[SL_LATENCY_BUCKETS];
  uint64_t n, sum_ns;
} sl_latency;

/* Nanoseconds; INT64_MAX for the last bucket. */
int64_t sl_latency_bound(uint32_t bucket);
/* Nanoseconds below which the part q (0 … 1) of the calls lies, interpolated; 0 if there were none. */
int64_t sl_latency_quantile(const sl_latency *l, double q);
void sl_latency_add(sl_latency *to, const sl_latency *from);

/* A call of a stage that was timed. */
void sl_metrics_call(struct sl_actor *a, const struct sl_stage_rt *st, int64_t ns);
/* The same for one that sl_call_timed chose, which counts for `weight` calls; chooses the next one. */
void sl_metrics_chosen(struct sl_call *c, uint32_t weight, int64_t ns);
/* How a stage's calls were, over all threads. */
void sl_metrics_latency(const struct sl_engine *e, uint32_t stage, sl_latency *ret);
/* Bytes that wait before a station; of long queues the rest is reckoned from the first documents. */
uint64_t sl_metrics_queued_bytes(struct sl_engine *e, const struct sl_stage_rt *st);
/* Calls of the stage that have been running for longer than its timeout. */
uint32_t sl_metrics_slow_calls(const struct sl_engine *e, const struct sl_stage_rt *st);
/* Notes which stages have got something done. [loop] */
void sl_metrics_tick(struct sl_engine *e);

#endif
