/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: documents that failed for good, as they entered the failing stage, with payload and the whole error.
 *
 * They live in the pipeline's state folder (SQLite, state.db) or, without one, in a file of JSON lines. Who has the
 * state open writes them with sl_state_dead_put (store/state.h), because a folder has one holder; this writer is for
 * the file, and for a folder that nobody has open. It opens at the first entry. [any]: it may be shared by threads.
 */
#ifndef SLUICE_STORE_DEAD_H
#define SLUICE_STORE_DEAD_H

#include "base/buf.h"
#include "base/err.h"

typedef struct sl_dead_entry {
  uint64_t id; /* given by the store; 1 is the first */
  const char *pipeline;
  const char *stage;                   /* id of the stage that failed */
  const char *uses;                    /* its type */
  const char *build;                   /* build id of its plugin, or "" */
  const char *code;                    /* sl_err_name */
  const char *message, *detail, *hint; /* "" if none */
  uint32_t attempts;
  int64_t time;                               /* wall clock, nanoseconds */
  uint64_t generation;                        /* of the pipeline; 1 */
  const char *uri, *locator, *revision, *key; /* origin; "" if none */
  sl_bytes body;                              /* JSON text; len 0: the body could not be read, see raw */
  sl_bytes raw;           /* bytes that were meant to be the body, when they are not valid JSON; else len 0 */
  sl_bytes payload;       /* len 0: none */
  const char *media_type; /* of the payload, or "" */
  sl_bytes map;           /* the edit map, serialized as in the queue; len 0: none */
  const char *splits;     /* path of splits, "0/3"; "" or NULL: none */
  int64_t first;          /* when the first attempt failed, wall clock; 0: not known */
} sl_dead_entry;

typedef struct sl_dead sl_dead;

/* state: the folder, made if it is missing; NULL: the file at `path`. Opens nothing yet. *ret [own]. */
int sl_dead_new(const char *state, const char *path, sl_dead **ret, sl_err *err);
/* Whether an entry could be written: the file, or the nearest folder above it that is there, is of the right kind and
 * may be written. Makes nothing, so that a run without dead letters leaves no file. */
int sl_dead_check(const sl_dead *d, sl_err *err);
/* Writes and keeps: durable when it returns. */
int sl_dead_put(sl_dead *d, const sl_dead_entry *entry, sl_err *err);
/* Where they are: the file's path. [borrow] */
const char *sl_dead_path(const sl_dead *d);
void sl_dead_free(sl_dead *d);

/* Reads all entries of a state folder, a state.db or a .jsonl file, oldest first, until cb returns non-zero. An entry
 * [borrow during the call]. A torn last line of a file is reported to cb as entry NULL. SL_ENOTFOUND if there is none.
 */
int sl_dead_read(const char *where, int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err);

/* Appends an entry as a line of JSON, as in a .dead.jsonl file; with its id, unless it is 0. */
int sl_dead_line(const sl_dead_entry *entry, sl_buf *out, sl_err *err);

#endif
