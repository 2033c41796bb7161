/* SPDX-License-Identifier: Apache-2.0 */
/* The counts of a run over all its generations. One thread at a time. */
#ifndef SLUICE_RUN_TOTALS_H
#define SLUICE_RUN_TOTALS_H

#include "run/engine.h"

typedef struct sl_totals {
  sl_run_stats sum; /* stages: of the generations before, by id; those that are gone keep their counts */
  sl_stage_stats *stages;
  uint32_t n, cap;
} sl_totals;

void sl_totals_done(sl_totals *t);
/* Adds what a generation did in the end. Without memory for a stage that is new, its own counts are left out. */
void sl_totals_add(sl_totals *t, const sl_run_stats *stats);
/* The sums of a stage; those that stand for the moment only (held, queued, breaker) are 0. NULL if there is none.
 * [borrow until the next sl_totals_add; id and uses until sl_totals_done] */
const sl_stage_stats *sl_totals_stage(const sl_totals *t, const char *id);
/* now, the counts of the generation that runs, with those of the generations before; its stages are changed in place.
 */
void sl_totals_with(const sl_totals *t, sl_run_stats *now, sl_stage_stats *stages);

#endif
