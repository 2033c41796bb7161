/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to the state database: pragmas, prepared statements that are kept, errors in words.
 *
 * Safety: a connection serves one thread at a time; `lock` (recursive) is held by whoever uses it.
 */
#ifndef SLUICE_STORE_SDB_H
#define SLUICE_STORE_SDB_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/err.h"

#define SL_SCHEMA_VERSION 2
#define SL_SCHEMA_APP 0x534C5543 /* "SLUC": application_id of the database */

enum {
  SL_ST_CHECKPOINT_PUT,
  SL_ST_CHECKPOINT_REMOVE,
  SL_ST_CHECKPOINT_GET,
  SL_ST_NOTE_PUT,
  SL_ST_NOTE_REMOVE,
  SL_ST_NOTE_GET,
  SL_ST_KV_PUT,
  SL_ST_KV_REMOVE,
  SL_ST_KV_GET,
  SL_ST_KV_EXPIRE,
  SL_ST_KV_EVICT,
  SL_ST_QUEUE_PUT,
  SL_ST_QUEUE_REMOVE,
  SL_ST_QUEUE_NEXT,
  SL_ST_QUEUE_GET,
  SL_ST_DEAD_PUT,
  SL_ST_DEAD_REPLACE,
  SL_ST_DEAD_AGE,
  SL_ST_DEAD_EVICT,
  SL_ST_META_PUT,
  SL_ST_TOTALS,
  SL_ST_N
};

typedef struct sl_sdb {
  sqlite3 *db;
  pthread_mutex_t lock;
  sqlite3_stmt *kept[SL_ST_N];
  int has_lock, sync; /* sync: what PRAGMA synchronous is set to; 0: not known */
} sl_sdb;

typedef struct sl_totals {
  uint64_t dead, dead_bytes, queued, queued_bytes, kv, kv_bytes;
} sl_totals;

#define SL_SDB_READ 0   /* nothing is written, nothing is made */
#define SL_SDB_WRITE 1  /* made if missing */
#define SL_SDB_MEMORY 2 /* path is not used */

/* Opens and sets the pragmas; looks at no table. On failure nothing is left open. */
int sl_sdb_open(sl_sdb *db, const char *path, int how, sl_err *err);
/* An sl_sdb that is all zero is fine. */
void sl_sdb_close(sl_sdb *db);
/* Runs statements that give no rows. */
int sl_sdb_exec(sl_sdb *db, const char *sql, sl_err *err);
/* "cannot WHAT the state: …" with a hint when the disk is full. Returns SL_EIO, SL_ENOMEM or SL_ESTATE. */
int sl_sdb_err(sl_sdb *db, sl_err *err, const char *what);
/* The statement, reset and without values; NULL and an error. [borrow] */
sqlite3_stmt *sl_sdb_kept(sl_sdb *db, int which, sl_err *err);
/* Runs a statement that gives no rows, resets it. */
int sl_sdb_run(sl_sdb *db, sqlite3_stmt *st, sl_err *err);
/* The number that a query gives; fallback if it gives none or fails. */
int64_t sl_sdb_number(sl_sdb *db, const char *sql, int64_t fallback);
/* "BEGIN IMMEDIATE"; full: what is committed survives the machine, else the process only. */
int sl_sdb_begin(sl_sdb *db, int full, sl_err *err);
int sl_sdb_commit(sl_sdb *db, sl_err *err);
void sl_sdb_rollback(sl_sdb *db);
int sl_sdb_totals(sl_sdb *db, sl_totals *ret, sl_err *err);
/* The keys of the checkpoint with a prefix, sorted. */
int sl_sdb_checkpoints(sl_sdb *db, const char *prefix, int (*cb)(void *user, const char *key, const sl_bytes *value),
                       void *user, sl_err *err);

void sl_sdb_lock(sl_sdb *db);
void sl_sdb_unlock(sl_sdb *db);

/* Runs a query of ids to its end. *ret [own: sl_mem_free], NULL if there is none. */
int sl_sdb_ids(sl_sdb *db, sqlite3_stmt *st, int64_t **ret, size_t *ret_n, sl_err *err);

/* Bind NULL as ''; values are borrowed until the statement was run. */
int sl_sdb_text(sqlite3_stmt *st, int at, const char *text);
int sl_sdb_blob(sqlite3_stmt *st, int at, const void *data, size_t len);
/* Columns: [borrow until the next step], never NULL. */
const char *sl_sdb_column_text(sqlite3_stmt *st, int at);
void sl_sdb_column_blob(sqlite3_stmt *st, int at, sl_bytes *ret);

/* A value of the table meta as *ret [own: sl_mem_free]; NULL: none. */
int sl_sdb_meta(sl_sdb *db, const char *key, char **ret, sl_err *err);
int sl_sdb_meta_put(sl_sdb *db, const char *key, const char *value, sl_err *err);

/* ---- the schema (state_schema.c) ---- */

/* 0: an empty database; SL_ESTATE for one that is newer or not of Sluice. */
int sl_schema_version(sl_sdb *db, const char *path, int *ret, sl_err *err);
/* Makes the tables, or brings those of an older version up to date after a copy beside the database (path NULL: in
 * memory). */
int sl_schema_prepare(sl_sdb *db, const char *path, sl_err *err);

#endif
