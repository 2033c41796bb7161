/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery tokens, and the units that group them.
 *
 * A token stands for one document that a source gave. Every envelope that comes of it holds one reference; when the
 * last is settled, the worst outcome among them is the document's, and the source hears of it. A unit is a run of
 * neighbouring documents of one source: the grain of hand-offs and of reordering. Tokens live inside their unit.
 *
 * Safety: counts are atomic; a unit is freed by whoever drops its last reference (one for all its tokens, one for each
 * ordered station that still waits for it). [any]
 */
#ifndef SLUICE_FLOW_UNIT_H
#define SLUICE_FLOW_UNIT_H

#include "flow/docs.h"

/* Outcomes, the worse the greater. */
#define SL_OUT_DROPPED 0
#define SL_OUT_STORED 1
#define SL_OUT_UNROUTED 2
#define SL_OUT_WAITS 3 /* part of it waits on disk, as a row of the queue */
#define SL_OUT_DEAD 4
#define SL_OUT_UNFINISHED 5

typedef struct sl_unit sl_unit;

typedef struct sl_token {
  atomic_int refs;
  atomic_int outcome;
  sl_unit *unit;
  struct sl_slot *slot; /* flow/track.h; NULL: nobody keeps what becomes of it */
  void *kv;             /* run/kv.h: writes that become durable with its end */
  uint64_t cursor;
  uint32_t bytes;   /* size of the document when it came in, for the credit */
  atomic_uint idle; /* 1: does not count against the credit any more (held, parked or ended) */
} sl_token;

/* More tokens of a document with many parents. */
typedef struct sl_tokens {
  uint32_t n;
  sl_token *tokens[];
} sl_tokens;

struct sl_unit {
  atomic_uint refs;
  atomic_uint tokens_left;
  atomic_int unsorted; /* 1: documents may arrive at an ordered station out of order */
  uint32_t source;     /* index of the source's stage */
  uint32_t n, cap;     /* tokens used, room */
  size_t bytes;        /* of the documents as they came in */
  atomic_int *live;    /* per zone: documents of this unit there */
  sl_docs *at;         /* per ordered station: documents that arrived and wait for their turn; under its lock */
  sl_token *tokens;
};

/* One allocation. NULL when memory is out. Starts with one reference, for its tokens; a unit without tokens (cap 0)
 * keeps it until sl_unit_unref. */
sl_unit *sl_unit_new(uint32_t source, uint32_t cap, uint32_t n_zones, uint32_t n_ordered);
void sl_unit_unref(sl_unit *unit);
/* The next free token, with one reference; NULL when the unit is full. */
sl_token *sl_unit_token(sl_unit *unit, uint64_t cursor, size_t bytes);

/* Called with each token that ended: outcome is final. */
typedef void (*sl_token_fn)(void *user, sl_token *token, int outcome);

/* One more envelope holds the tokens of doc. */
void sl_doc_hold_tokens(const sl_doc *doc);
/* doc gives up its tokens with this outcome; cb is called for each that ended. Afterwards doc has none. */
void sl_doc_settle(sl_doc *doc, int outcome, sl_token_fn cb, void *user);
/* The tokens of the parents pass to doc (which has none); parents have none afterwards. 0 or SL_ENOMEM: nothing moved.
 */
int sl_doc_adopt(sl_doc *doc, sl_doc *const *parents, uint32_t n);
/* Calls cb for each token of doc. */
void sl_doc_each_token(const sl_doc *doc, void (*cb)(void *user, sl_token *token), void *user);

#endif
