/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where documents are, when a station's input has ended, and in which order documents reach an ordered station.
 *
 * A station is a stage with a queue before it (a source, a SERIAL, BLOCKING or ASYNC stage, a sink); what lies between
 * is walked by lanes. Each station k has two zones: Q(k), documents that wait for it or are inside, and L(k), documents
 * that came out of it and have not reached the next station. Zones are numbered so that documents only ever move to a
 * higher number. Two counts are kept per zone: of all documents, and of the documents of each unit.
 *
 * Ending. A station's input has ended when all zones above it are empty. Zones are read in ascending order, and a
 * document is counted in its new zone before it is taken out of the old one: a zone found empty with all above it empty
 * can never fill again, so the scan needs no lock. A source counts as one document in its L zone until it ends, every
 * other station as one in its Q zone until it has flushed.
 *
 * Order. A unit is registered at every ordered station below its source before it sets off. Its documents wait at the
 * station until the unit is complete there (its zones above are empty) and all earlier units are; then they become
 * ready.
 *
 * A document's unit pointer is set only while an ordered station lies ahead: its place in that ring keeps the unit
 * alive.
 *
 * Safety: a station's lock is a leaf. Counts are atomic, sequentially consistent. [any]
 */
#ifndef SLUICE_FLOW_FLOW_H
#define SLUICE_FLOW_FLOW_H

#include <pthread.h>

#include "flow/unit.h"

#define SL_NO_ORDER UINT32_MAX

typedef struct sl_station {
  pthread_mutex_t lock;
  pthread_cond_t cond; /* ready changed, woken, flush or end */
  sl_docs ready;       /* under lock */
  uint32_t order;      /* index into sl_unit.at, SL_NO_ORDER: none */
  sl_unit **ring;      /* units in order; under lock */
  uint32_t ring_head, ring_n, ring_cap;
  uint32_t waiting;           /* threads in cond wait; under lock */
  int woken;                  /* sl_wake was called; under lock */
  uint32_t flush;             /* SL_FLUSH_… that is asked for, or 0; under lock */
  void (*notify)(void *user); /* instead of cond, for stations on the loop; or NULL */
  void *notify_user;
} sl_station;

typedef struct sl_zone {
  atomic_llong live;
  uint32_t n_ordered, n_below;
  uint32_t *ordered; /* ordered stations below */
  uint32_t *below;   /* all stations below */
} sl_zone;

typedef struct sl_flow {
  uint32_t n_stations, n_zones, n_ordered;
  sl_station *stations;
  sl_zone *zones;
  uint8_t *reach; /* [k * n_stations + t]: t is below k */
} sl_flow;

static inline uint32_t sl_zone_q(uint32_t station) { return station * 2; }
static inline uint32_t sl_zone_l(uint32_t station) { return station * 2 + 1; }

/* n stations in topological order; next[k * n + t] is 1 if a document can go from k to t by lanes alone; ordered[t]. */
int sl_flow_init(sl_flow *f, uint32_t n, const uint8_t *next, const uint8_t *ordered, sl_err *err);
void sl_flow_done(sl_flow *f);

/* Announces a unit that sets off from station k; its documents are counted in L(k) already, so that it cannot look
 * complete too early. 0 or SL_ENOMEM (the unit then is not registered anywhere). */
int sl_flow_register(sl_flow *f, sl_unit *unit, uint32_t k);
/* The same for a unit that comes behind `last` (NULL, or one that has had its turn: it comes first). */
int sl_flow_register_after(sl_flow *f, sl_unit *unit, uint32_t k, const sl_unit *last);
/* n documents of the unit (or none) are now in the zone / have left it. */
void sl_flow_enter(sl_flow *f, uint32_t zone, sl_unit *unit, uint32_t n);
void sl_flow_leave(sl_flow *f, uint32_t zone, sl_unit *unit, uint32_t n);
/* A document gives up its place: its unit no longer waits for it. doc->unit becomes NULL; the zone's own count stays.
 */
void sl_flow_park(sl_flow *f, sl_doc *doc);
/* Documents of one unit (or none) arrive at station t: counted in Q(t), queued. The list is emptied. */
void sl_flow_arrive(sl_flow *f, uint32_t t, sl_unit *unit, sl_docs *docs);
/* Documents that are counted in Q(t) already become ready again, before the others. The list is emptied. */
void sl_flow_again(sl_flow *f, uint32_t t, sl_docs *docs);
/* 1 when nothing can arrive any more. */
int sl_flow_ended(sl_flow *f, uint32_t t);
/* Wakes whoever serves the station. */
void sl_flow_poke(sl_flow *f, uint32_t t);
/* Units that wait for their turn at t. */
uint32_t sl_flow_window(sl_flow *f, uint32_t t);

#endif
