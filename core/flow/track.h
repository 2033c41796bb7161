/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has become of the documents of one source: the watermark, and what is known above it.
 *
 * The source names each document by a cursor that grows and stands for the same record in every run. Each document that
 * is on its way has a slot, in the order of emission; a slot carries one bit for each sink that has stored the document
 * and one for its end. The watermark is the cursor of the last slot before which all have ended; above it neighbours
 * with the same bits are written as one run. A document that was split reaches a sink in parts: these are kept one by
 * one, by a hash of the path of splits, until the document has ended.
 *
 * After a restart the same records get the same cursors: those up to the watermark and in ended runs are not let in
 * again, and a sink that has a document already is not given it again.
 *
 * Safety: emission by one thread at a time; scan by one thread; ending a slot [any], once. Setting a sink's bit and
 * parts are serialised with the scan by the caller's lock (run/keep).
 */
#ifndef SLUICE_FLOW_TRACK_H
#define SLUICE_FLOW_TRACK_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"

#define SL_TRACK_SINKS 62
#define SL_SLOT_ENDED ((uint64_t)1 << 63)

typedef struct sl_track sl_track;

typedef struct sl_slot {
  uint64_t cursor;
  _Atomic uint64_t bits; /* of the sinks, and SL_SLOT_ENDED */
} sl_slot;

/* *ret [own]. */
int sl_track_new(sl_track **ret, sl_err *err);
void sl_track_free(sl_track *t);

/* The state as text, as sl_track_scan wrote it. number(user, id) gives the present number of a sink, or -1 if it is
 * gone. Before the first emission. SL_EPARSE if the text is not in order. */
int sl_track_load(sl_track *t, const sl_bytes *text, int (*number)(void *user, const char *id), void *user,
                  sl_err *err);

/* Where the source goes on: the watermark, or the last emitted cursor. */
uint64_t sl_track_position(const sl_track *t);
/* 1 if the document has ended in an earlier run or was emitted in this one. */
int sl_track_given(const sl_track *t, uint64_t cursor);
/* A slot for the next document; cursor above all emitted ones. NULL when memory is out. */
sl_slot *sl_track_emit(sl_track *t, uint64_t cursor);
static inline void sl_slot_end(sl_slot *s) { atomic_fetch_or_explicit(&s->bits, SL_SLOT_ENDED, memory_order_release); }

/* The same for a source without order (the queue): any cursor, each once at a time. Under the lock of the scan. */
sl_slot *sl_track_emit_loose(sl_track *t, uint64_t cursor);
/* Gives a loose slot back whose document has not ended. Under the lock of the scan. */
void sl_track_return(sl_track *t, sl_slot *s);
/* Loose slots that are not given back. */
uint32_t sl_track_loose(const sl_track *t);
/* 1 if a loose slot of this cursor is not given back. */
int sl_track_flies(const sl_track *t, uint64_t cursor);

/* A sink has stored the document: whole (part 0), or a part of it. 0 or SL_ENOMEM. */
int sl_track_stored(sl_track *t, sl_slot *s, uint32_t sink, uint64_t part);
/* 1 if the sink has it from an earlier run. */
int sl_track_has(const sl_track *t, const sl_slot *s, uint32_t sink, uint64_t part);

/* Moves the watermark, gives back the slots below it (passing each cursor to ended, if not NULL) and writes the state
 * to out. */
int sl_track_scan(sl_track *t, const char *const *sinks, uint32_t n_sinks, void (*ended)(void *user, uint64_t cursor),
                  void *user, sl_buf *out);
/* Slots between the watermark and the last emission, and the watermark itself; exact between scans. */
uint64_t sl_track_open(const sl_track *t);
uint64_t sl_track_watermark(const sl_track *t);
/* The highest cursor of an earlier run that may have been on its way when that run ended. */
uint64_t sl_track_old_head(const sl_track *t);

#endif
