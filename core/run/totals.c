/* SPDX-License-Identifier: Apache-2.0 */
/* Adding up the counts of generations. */
#include "run/totals.h"

#include <string.h>

#include "base/mem.h"

void sl_totals_done(sl_totals *t) {
  for (uint32_t i = 0; i < t->n; i++) {
    sl_mem_free((void *)(uintptr_t)t->stages[i].id);
    sl_mem_free((void *)(uintptr_t)t->stages[i].uses);
  }
  sl_mem_free(t->stages);
  *t = (sl_totals){0};
}

static void add_stage(sl_stage_stats *to, const sl_stage_stats *from) {
  to->in += from->in;
  to->out += from->out;
  to->dropped += from->dropped;
  to->filtered += from->filtered;
  to->unrouted += from->unrouted;
  to->retried += from->retried;
  to->dead += from->dead;
  to->bytes_in += from->bytes_in;
  to->cpu_ns += from->cpu_ns;
  to->wall_ns += from->wall_ns;
  if (to->last_out < from->last_out) to->last_out = from->last_out;
  sl_latency_add(&to->latency, &from->latency);
}

static void add_run(sl_run_stats *to, const sl_run_stats *from) {
  to->in += from->in;
  to->stored += from->stored;
  to->dropped += from->dropped;
  to->unrouted += from->unrouted;
  to->failed += from->failed;
  to->dead += from->dead;
  to->again += from->again;
  to->waiting += from->waiting;
  to->unfinished += from->unfinished;
  to->seconds_ns += from->seconds_ns;
  if (to->peak_bytes < from->peak_bytes) to->peak_bytes = from->peak_bytes;
  if (to->last_success < from->last_success) to->last_success = from->last_success;
}

static sl_stage_stats *find(sl_stage_stats *all, uint32_t n, const char *id) {
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(all[i].id, id) == 0) return &all[i];
  return NULL;
}

static sl_stage_stats *append(sl_totals *t, const sl_stage_stats *like) {
  if (t->n == t->cap) {
    uint32_t cap = t->cap ? t->cap * 2 : 16;
    sl_stage_stats *all = sl_mem_realloc(t->stages, cap * sizeof *all);
    if (!all) return NULL;
    t->stages = all;
    t->cap = cap;
  }
  sl_stage_stats *s = &t->stages[t->n];
  *s = (sl_stage_stats){.id = sl_mem_strdup(like->id), .uses = sl_mem_strdup(like->uses), .kind = like->kind};
  if (s->id && s->uses) {
    t->n++;
    return s;
  }
  sl_mem_free((void *)(uintptr_t)s->id);
  sl_mem_free((void *)(uintptr_t)s->uses);
  return NULL;
}

void sl_totals_add(sl_totals *t, const sl_run_stats *stats) {
  add_run(&t->sum, stats);
  for (uint32_t i = 0; i < stats->n_stages; i++) {
    sl_stage_stats *s = find(t->stages, t->n, stats->stages[i].id);
    if (!s) s = append(t, &stats->stages[i]);
    if (s) add_stage(s, &stats->stages[i]);
  }
}

const sl_stage_stats *sl_totals_stage(const sl_totals *t, const char *id) { return find(t->stages, t->n, id); }

void sl_totals_with(const sl_totals *t, sl_run_stats *now, sl_stage_stats *stages) {
  add_run(now, &t->sum);
  for (uint32_t i = 0; i < now->n_stages; i++) {
    const sl_stage_stats *s = find(t->stages, t->n, stages[i].id);
    if (s) add_stage(&stages[i], s);
  }
}
