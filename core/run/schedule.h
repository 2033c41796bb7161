/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources that run again: when the next run is due, and stopping and starting the stage in between.
 *
 * All calls on the thread that calls the source (its own, or the loop). Between two runs the stage is stopped. It is
 * not stopped while documents of the run are on their way, unless the next start is due.
 */
#ifndef SLUICE_RUN_SCHEDULE_H
#define SLUICE_RUN_SCHEDULE_H

#include <stdatomic.h>
#include <stdint.h>

/* The clocks are looked at again after so long, in case somebody set them. */
#define SL_SCHEDULE_SLICE ((int64_t)30 * 1000000000)

typedef struct sl_timetable {
  int waits;         /* between two runs */
  int64_t began;     /* monotonic: of the last start; 0: not yet */
  int64_t due;       /* of the next: monotonic for `every`, wall clock for cron */
  int64_t seen;      /* wall clock when it was last looked at */
  uint64_t given;    /* documents before this run */
  atomic_llong open; /* documents on their way */
} sl_timetable;

struct sl_call;
struct sl_stage_rt;

/* 1 if the stage has a schedule. */
int sl_schedule_has(const struct sl_stage_rt *st);
/* 1 if its first run is not at once, so that it is not started with the others. */
int sl_schedule_later(const struct sl_stage_rt *st);
/* Before the first run. */
void sl_schedule_begin(struct sl_call *c);
/* The source answered END. */
void sl_schedule_ended(struct sl_call *c);
/* Stops what has nothing left on its way, starts what is due. 0: it runs; else how long to wait before the next look.
 */
int64_t sl_schedule_look(struct sl_call *c);

#endif
