/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key-value writes of documents that are on their way.
 *
 * A write hangs on its document's token and stands in a table that all lanes read; when the token ends it goes into the
 * state, before the end counts, and leaves the table; when the document does not finish in this run it is forgotten.
 *
 * Safety: one lock, a leaf. [any]
 */
#ifndef SLUICE_RUN_KV_H
#define SLUICE_RUN_KV_H

#include "flow/unit.h"
#include "store/state.h"

typedef struct sl_kv_table sl_kv_table;

/* *ret [own]. */
int sl_kv_new(sl_state *state, sl_kv_table **ret, sl_err *err);
void sl_kv_free(sl_kv_table *t);
/* A write of a document with this token and record key. value NULL removes. claim: not if a document with another
 * record key wrote it: SL_EEXIST, and its value in *ret [own: sl_mem_free]. */
typedef struct sl_kv_write {
  const char *stage;
  const sl_bytes *key, *value;
  const char *owner;
  int64_t expires; /* wall clock, ns; 0: never */
  int claim;
} sl_kv_write;
int sl_kv_put(sl_kv_table *t, sl_token *token, const sl_kv_write *w, void **ret, size_t *ret_len, sl_err *err);
/* SL_ENOTFOUND; *ret, *ret_owner [own: sl_mem_free]. */
int sl_kv_get(sl_kv_table *t, const char *stage, const sl_bytes *key, void **ret, size_t *ret_len, char **ret_owner,
              sl_err *err);
/* The token has ended (keep 1) or will not in this run (0). */
void sl_kv_settle(sl_kv_table *t, sl_token *token, int keep);

#endif
