/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lanes do next: work items by depth in the graph; the most downstream first.
 *
 * Safety: one mutex, a leaf (nothing is called and no other lock taken under it). [any]
 */
#ifndef SLUICE_FLOW_WORKQ_H
#define SLUICE_FLOW_WORKQ_H

#include "flow/unit.h"

/* Documents of one unit (or none) in one zone, each about to enter the stage doc->stage. */
typedef struct sl_work {
  struct sl_work *next;
  sl_unit *unit;
  uint32_t zone;
  uint32_t depth;
  sl_docs docs;
} sl_work;

typedef struct sl_workq sl_workq;

/* depths: number of priorities. *ret [own]. */
int sl_workq_new(uint32_t depths, sl_workq **ret, sl_err *err);
void sl_workq_free(sl_workq *q);
/* work [take]. Wakes an idle lane. */
void sl_workq_push(sl_workq *q, sl_work *work);
/* Waits for work; NULL after close when none is left. [own] */
sl_work *sl_workq_pop(sl_workq *q);
/* Items that wait at this depth. */
uint32_t sl_workq_waiting(sl_workq *q, uint32_t depth);
/* Lanes end when the queue is empty. */
void sl_workq_close(sl_workq *q);

#endif
