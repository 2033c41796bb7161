/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taps: copies of documents as they leave a stage, for somebody who looks.
 *
 * A hub belongs to the process, so that a tap survives a reload. While no tap is open it costs lanes one look at a
 * counter. An open one samples, prints the document, and puts the copy on a list that the reader empties; the list is
 * bounded, and what does not fit is counted and left out: a lane never waits.
 *
 * Safety: lanes use atomics only; open, take and close belong to one reader thread.
 */
#ifndef SLUICE_RUN_TAP_H
#define SLUICE_RUN_TAP_H

#include <stdatomic.h>

#include "doc/document.h"

#define SL_TAPS 8
#define SL_TAP_BYTES ((int64_t)4 << 20)

typedef struct sl_tap_item {
  struct sl_tap_item *next;
  uint64_t epoch;
  size_t len;
  char text[]; /* one line of JSON, with a newline */
} sl_tap_item;

typedef struct sl_tap_hub {
  atomic_uint active; /* open taps */
  struct sl_tap {
    atomic_ullong stage; /* hash of the stage's id; 0: closed */
    atomic_ullong epoch;
    atomic_ullong every, seen, lost;
    atomic_llong bytes; /* on the list */
    _Atomic(sl_tap_item *) list;
  } taps[SL_TAPS];
  void (*notify)(void *user); /* a list that was empty has something. [any] Set before the first tap is opened. */
  void *notify_user;
} sl_tap_hub;

/* A tap on a stage: each `every`-th document (from 1). Its number, or -1 when all are in use. [reader] */
int sl_tap_open(sl_tap_hub *hub, const char *stage, uint64_t every);
/* What came since, the oldest first. [own: sl_tap_free]; NULL if nothing. */
sl_tap_item *sl_tap_take(sl_tap_hub *hub, int tap);
/* Documents that passed, and copies that did not fit on the list. */
void sl_tap_counts(const sl_tap_hub *hub, int tap, uint64_t *ret_seen, uint64_t *ret_lost);
void sl_tap_free(sl_tap_item *items);
void sl_tap_close(sl_tap_hub *hub, int tap);
/* Closes all and frees what is on the lists. No lane runs any more. */
void sl_tap_done(sl_tap_hub *hub);

/* doc leaves the stage. [lane] */
void sl_tap_offer(sl_tap_hub *hub, const char *stage, sl_doc *doc);
static inline void sl_tap_pass(sl_tap_hub *hub, const char *stage, sl_doc *doc) {
  if (__builtin_expect(hub && atomic_load_explicit(&hub->active, memory_order_relaxed), 0))
    sl_tap_offer(hub, stage, doc);
}

#endif
