/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each thread is working on, in a small mapped file of the state folder, so that the document that crashed the
 * process is known after it.
 *
 * A thread writes cursor and stage before it calls a stage and clears them after; a handler of fatal signals marks the
 * slot of the thread that crashed with the signal. An engine that ends in order leaves no file. The next start finds
 * who was at work: the document of a marked slot has crashed the process; without a mark (SIGKILL, power) each is
 * suspect. Suspects run alone (one document on its way) until all are past; one that crashed twice goes to the dead
 * letters at the stage that crashed, untried. A kill while a document runs alone counts as a third of its crashes only:
 * an operator's kill -9 must not condemn it.
 *
 * Safety: a slot belongs to its thread. open, start and close: one thread.
 */
#ifndef SLUICE_RUN_NOTES_H
#define SLUICE_RUN_NOTES_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

struct sl_engine;
struct sl_actor;
struct sl_stage_rt;

typedef struct sl_note {
  atomic_ullong cursor;
  atomic_uint source; /* stage index + 1 of the source; UINT32_MAX: the queue; 0: idle */
  atomic_uint stage;
  atomic_int signal;
  uint32_t many; /* documents of the call: a sink's batch */
} sl_note;

typedef struct sl_notes sl_notes;

/* The state keeps the crashes as notes of this "source": "source/stage/cursor" -> "thirds of a crash, signal". */
#define SL_NOTES_CRASHES "@crashes"

/* Reads what an earlier process left, counts its crashes in the state, and makes a new file. Only for a state with a
 * folder. *ret [own]. */
int sl_notes_open(struct sl_engine *e, sl_notes **ret, sl_err *err);
/* In order: the file goes. */
void sl_notes_close(sl_notes *n);
/* The slot of a thread of the engine; the handler of fatal signals then knows it as the calling thread's. */
sl_note *sl_notes_slot(sl_notes *n, uint32_t actor);

/* 1 while documents must run alone; looks whether the last suspect is past. [any] */
int sl_notes_alone(sl_notes *n);
/* The signal if a document crashed this stage too often: 0 no, -1 killed without a signal of its own. */
int sl_notes_condemned(const sl_notes *n, uint32_t source, uint64_t cursor, uint32_t stage, uint32_t *ret_crashes);
/* A source has emitted up to here; UINT64_MAX: all that it has, so that no suspect is to come. */
void sl_notes_emitted(sl_notes *n, uint32_t source, uint64_t cursor);

static inline void sl_note_begin(sl_note *n, uint32_t source, uint64_t cursor, uint32_t stage) {
  atomic_store_explicit(&n->cursor, cursor, memory_order_relaxed);
  atomic_store_explicit(&n->stage, stage, memory_order_relaxed);
  atomic_store_explicit(&n->source, source + 1 ? source + 1 : UINT32_MAX, memory_order_release);
}
static inline void sl_note_end(sl_note *n) { atomic_store_explicit(&n->source, 0, memory_order_release); }

#endif
