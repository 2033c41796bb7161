/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores documents: the row, its child rows and the search index change together or not at all.
 *
 * The caller brackets calls with a transaction (store_begin, store_commit, store_rollback); store_put works in a
 * savepoint of its own, so that a document that cannot be stored leaves no trace. One thread at a time.
 */
#ifndef SLUICE_SINK_SQLITE_STORE_H
#define SLUICE_SINK_SQLITE_STORE_H

#include <cjson/cJSON.h>

#include "schema.h"

#define STORE_REPLACE 0
#define STORE_KEEP 1
#define STORE_ERROR 2

typedef struct store store;

/* A document to store. Strings may be NULL where that makes sense. */
typedef struct store_doc {
  const cJSON *body;
  const char *json; /* the body printed */
  size_t json_len;
  const char *key, *uri, *revision, *stored;
  int by_record; /* the key is the record key: with the same revision it is the same document */
} store_doc;

#define STORE_OK 0
#define STORE_REJECTED 1 /* this document cannot be stored, err tells why; the transaction goes on */
#define STORE_FAILED 2   /* the transaction must be rolled back, err tells why; trying again may help */

/* db [take]: closed by store_free, or on error. on_conflict: STORE_REPLACE, …. NULL with err set. */
store *store_new(sqlite3 *db, int on_conflict, store_error *err);
void store_free(store *s);
/* 1 if the file that is open does not stand at its path any more: what is written to it would be lost. */
int store_moved(const store *s);
int store_begin(store *s, store_error *err);
int store_put(store *s, const store_doc *doc, store_error *err);
int store_commit(store *s, store_error *err);
void store_rollback(store *s);

#endif
