/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an engine makes progress. */
#include "run/pulse.h"

#include "run/runtime.h"

static uint64_t work_done(const sl_engine *e) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < e->n_actors; i++)
    for (uint32_t k = 0; k < e->n_stages; k++)
      for (int c = 0; c < SL_N_COUNTS; c++)
        n += atomic_load_explicit(&e->actors[i]->counts[k][c], memory_order_relaxed);
  return n;
}

/* Documents that lanes have in hand or that wait for one: a source and the queue count as one each in its zone. */
static int lanes_have_work(const sl_engine *e) {
  for (uint32_t t = 0; t < e->n_stations; t++) {
    const sl_stage_rt *st = &e->stages[e->station_stage[t]];
    long long places = 0;
    if (st->type->kind == SL_SOURCE)
      places = !atomic_load(&st->produced_end) + (atomic_load(&e->requeue.put_open) != 0);
    if (atomic_load(&e->flow.zones[sl_zone_l(t)].live) > places) return 1;
  }
  return 0;
}

int sl_engine_alive(const sl_engine *e, sl_pulse *last) {
  sl_pulse now = {.ticks = atomic_load_explicit(&e->ticks, memory_order_relaxed), .work = work_done(e)};
  sl_pulse before = *last;
  *last = now;
  return now.ticks != before.ticks && (now.work != before.work || !lanes_have_work(e));
}
