/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's checkpoint: what each source gave and each sink has, collected for the state's next commit.
 *
 * A sink publishes what it stored (bits of its documents, its own record) under one lock, before the documents end; the
 * collector takes all of it under the same lock. So a document that the checkpoint calls ended has every sink's bit and
 * record in the same checkpoint or an earlier one, and what was put into the state before the end (dead letters, queue,
 * key-value writes) is in the same commit, because the state empties its queue after the collector.
 *
 * Exists while an engine with a state runs, from start to the last commit.
 */
#ifndef SLUICE_RUN_KEEP_H
#define SLUICE_RUN_KEEP_H

#include <pthread.h>

#include "flow/track.h"
#include "flow/unit.h"
#include "conf/pipeline.h"
#include "run/intent.h"
#include "store/state.h"

struct sl_engine;
struct sl_call;
struct sl_stage_rt;

/* sl_unit.source of documents that come from the queue. */
#define SL_SOURCE_QUEUE UINT32_MAX
#define SL_NO_SINK UINT32_MAX
#define SL_SAVE_BYTES 4096
#define SL_SAVE_FDS 8

/* What a sink saved in a call, before it is published. */
typedef struct sl_saved {
  size_t len;
  int dirty;
  int n_fds;
  int fds[SL_SAVE_FDS]; /* [own] */
  unsigned char data[SL_SAVE_BYTES];
} sl_saved;

typedef struct sl_keep {
  struct sl_engine *e;
  sl_state *state;
  pthread_mutex_t lock;
  sl_track **tracks; /* of each stage; NULL: no source */
  sl_track *queue;
  uint32_t n_sinks;
  const char **sink_ids;
  sl_saved *sinks; /* published, waiting for a commit */
  sl_intents *intents;
  int running; /* the collector is set */
} sl_keep;

/* Reads what the last run left. *ret [own]. */
int sl_keep_open(struct sl_engine *e, sl_keep **ret, sl_err *err);
/* From now on commits carry the checkpoint. */
void sl_keep_start(sl_keep *k);
/* Waits for a commit of what has happened so far, not for ever. */
int sl_keep_commit(sl_keep *k, sl_err *err);
/* The last commit; how it went is logged. */
void sl_keep_stop(sl_keep *k);
void sl_keep_close(sl_keep *k);

/* 1: the document with this cursor was given before and is not wanted. */
int sl_keep_known(const sl_keep *k, const struct sl_stage_rt *st, uint64_t cursor);
/* The slot of a source's next document. */
int sl_keep_emit(sl_keep *k, const struct sl_stage_rt *st, uint64_t cursor, sl_slot **ret, sl_err *err);
/* 1 if the sink has the document from an earlier run. */
int sl_keep_has(const sl_keep *k, const struct sl_stage_rt *sink, const sl_doc *doc);
/* A sink has done with docs[i] where verdicts[i] is OK or DROP, and what it saved in the call counts. */
void sl_keep_publish(sl_keep *k, struct sl_call *c, sl_doc *const *docs, uint32_t n, const int32_t *verdicts);
/* The same for one document that a sink will not see again. */
void sl_keep_done(sl_keep *k, const struct sl_stage_rt *sink, const sl_doc *doc);
/* Forgets positions and notes of all sources of the pipeline: the next run begins anew. */
int sl_keep_forget(sl_state *s, const sl_pipeline *p, sl_err *err);
void sl_saved_drop(sl_saved *s); /* closes what it holds */

#endif
