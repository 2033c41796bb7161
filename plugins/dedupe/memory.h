/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window in the state: each entry of the index stands under the number of its slot in the key-value state, written
 * by the document it is of. So it becomes durable with that document's end, and if that never comes it never was.
 *
 * Everything is read once, with the first document. Without the extension the names stand in the index.
 */
#ifndef DEDUPE_MEMORY_H
#define DEDUPE_MEMORY_H

#include <sluice/plugin.h>

#include "index.h"

typedef struct dd_memory {
  dd_index index;
  const sl_kv *kv; /* NULL: only in memory */
  bool loaded;
  uint64_t next; /* seq of the next document that is taken */
  int64_t age;   /* ns after which an entry is forgotten, 0: never */
} dd_memory;

/* Record key and URI of the first of two copies: NUL-terminated, [borrow until the next call]. */
typedef struct dd_name {
  const char *key, *uri;
} dd_name;

void dd_memory_init(dd_memory *m, sl_ctx *ctx, uint32_t window, int64_t age);
void dd_memory_done(dd_memory *m);

/* Reads the state, once. 0 or the error. */
int32_t dd_memory_load(dd_memory *m, sl_ctx *ctx, sl_doc *doc);

/* Takes the document into the window: into `slot` if that is its own, into a new one if it is DD_NONE. *ret_evicted: 1
 * if another entry had to go. 0, or the error: then nothing was changed in memory. */
int32_t dd_memory_take(dd_memory *m, sl_ctx *ctx, sl_doc *doc, const dd_sketch *s, uint32_t slot, int32_t *ret_evicted);

/* The name of a slot's document; SL_ENOTFOUND if the state has forgotten it: then the entry is gone. */
int32_t dd_memory_name(dd_memory *m, sl_ctx *ctx, sl_doc *doc, uint32_t slot, dd_name *ret);

#endif
