/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission: how much the sources may bring in. Only sources wait, and here is where.
 *
 * Two bounds: the budget on the live bytes of all documents, and a window on what is on its way (documents and bytes as
 * they came in), which keeps queues short when a sink is slow: more in flight would only add latency. Documents that a
 * stage holds or that were parked leave the window. When nothing is on its way a source may always bring in one more,
 * so that a document larger than the budget runs alone.
 *
 * Safety: counts are atomic; the lock is a leaf. [any]
 */
#ifndef SLUICE_FLOW_CREDIT_H
#define SLUICE_FLOW_CREDIT_H

#include <pthread.h>

#include "flow/unit.h"

typedef struct sl_credit {
  pthread_mutex_t lock;
  pthread_cond_t cond;
  atomic_llong docs, bytes; /* on their way */
  atomic_int waiting;       /* sources that wait */
  int64_t budget;           /* bytes */
  atomic_llong max_docs;    /* may be changed at any time */
  int64_t max_bytes;
  atomic_llong peak; /* of live bytes, as seen at admission */
} sl_credit;

/* max_docs at least 1. The window in bytes is the budget or 16 MiB, whichever is less. */
void sl_credit_init(sl_credit *c, int64_t budget, int64_t max_docs);
void sl_credit_done(sl_credit *c);
/* A document came in. */
void sl_credit_take(sl_credit *c, const sl_token *token);
/* A token ended, or its document is held or parked: once per token, further calls do nothing. */
void sl_credit_give(sl_credit *c, sl_token *token);
/* The same for each token of a document that is held or parked. */
void sl_credit_give_doc(sl_credit *c, const sl_doc *doc);
/* Bytes that may come in now; 0: wait. */
int64_t sl_credit_now(sl_credit *c);
/* 1 if nothing is on its way. */
int sl_credit_quiet(sl_credit *c);
/* Waits until something changed, at most timeout_ns. */
void sl_credit_wait(sl_credit *c, int64_t timeout_ns);
/* Waits for sl_credit_wake or the time, whatever the counts say. */
void sl_credit_pause(sl_credit *c, int64_t timeout_ns);
/* Wakes all that wait. */
void sl_credit_wake(sl_credit *c);

#endif
