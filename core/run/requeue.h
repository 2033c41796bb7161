/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents that wait on disk: long retries, what was pushed to a source, what a sink with an open breaker cannot take,
 * dead letters that are tried again.
 *
 * They leave the engine by sl_requeue_put and come back on the loop thread, a bounded number at a time, at the stage
 * where they stopped. A row is removed in the commit in which its document ended, so that it comes again after a crash.
 * While the queue is open it counts as one document behind every source, so that no stage ends before it.
 */
#ifndef SLUICE_RUN_REQUEUE_H
#define SLUICE_RUN_REQUEUE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

struct sl_engine;
struct sl_actor;
struct sl_stage_rt;
struct sl_doc;

typedef struct sl_requeue {
  int open;               /* the loop's */
  atomic_int put_open;    /* rows may still be put: somebody will read them */
  atomic_uint poked;      /* rows were committed */
  uint64_t after;         /* id of the last row of this pass */
  int64_t next_pass;      /* wall clock */
  int64_t sources_ended;  /* monotonic; 0: not yet */
  atomic_int ending;      /* sources have ended: the loop wants to hear when something has left */
  atomic_uint committing; /* rows put, not committed yet */
  /* Under keep's lock: rows whose documents have ended, which a reader may still see until they are removed. */
  struct sl_leaving {
    uint64_t id, commits; /* commits that had succeeded then */
  } * leaving;
  uint32_t n_leaving, cap_leaving;
  int reading;
} sl_requeue;

void sl_requeue_start(struct sl_engine *e);
/* doc [take on ok] waits on disk, to enter st after due (wall clock, ns). Its token ends as waiting. */
int sl_requeue_put(struct sl_actor *a, struct sl_stage_rt *st, struct sl_doc *doc, int32_t kind, int64_t due,
                   const sl_err *why);
/* A row's document has ended; commits: how many commits have succeeded. [collector] */
void sl_requeue_leaves(sl_requeue *q, uint64_t id, uint64_t commits);
/* Rows that were removed by a commit are forgotten. [collector] */
void sl_requeue_forget(sl_requeue *q, uint64_t commits);
void sl_requeue_done(sl_requeue *q);
/* 0 closed, 1 open, 2 it works again and the spool is written first. */
int sl_breaker_now(struct sl_engine *e, struct sl_stage_rt *st);
/* The breaker of a sink: 1 if the document must go to the spool. [sink's thread] */
int sl_breaker_spills(struct sl_engine *e, struct sl_stage_rt *st, const struct sl_doc *doc);
/* A write of the sink failed as a whole, for this reason, or did something (NULL). */
void sl_breaker_note(struct sl_engine *e, struct sl_stage_rt *st, const sl_err *why);
/* Looks for rows that are due, and whether it is over. [loop] */
void sl_requeue_turn(struct sl_engine *e);
/* A stop or drain: what waits in memory for a retry goes to disk. [loop] */
void sl_requeue_save_retries(struct sl_engine *e);

#endif
