/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the state database. */
#include "store/sdb.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUSY_MS 5000

/* Those of one noun stand together, and the order is that of the enum. */
static const char *const sql[SL_ST_N] = {
    [SL_ST_CHECKPOINT_PUT] = "INSERT INTO checkpoint (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE"
                             " SET value = excluded.value WHERE value IS NOT excluded.value",
    [SL_ST_CHECKPOINT_REMOVE] = "DELETE FROM checkpoint WHERE key = ?1",
    [SL_ST_CHECKPOINT_GET] = "SELECT value FROM checkpoint WHERE key = ?1",
    [SL_ST_NOTE_PUT] = "INSERT INTO notes (source, key, value) VALUES (?1, ?2, ?3) ON CONFLICT (source, key) DO UPDATE"
                       " SET value = excluded.value WHERE value IS NOT excluded.value",
    [SL_ST_NOTE_REMOVE] = "DELETE FROM notes WHERE source = ?1 AND key = ?2",
    [SL_ST_NOTE_GET] = "SELECT value FROM notes WHERE source = ?1 AND key = ?2",
    /* The id tells which was written first: a new one for what is written again. */
    [SL_ST_KV_PUT] =
        "INSERT INTO kv (stage, key, owner, expires, bytes, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        " ON CONFLICT (stage, key) DO UPDATE SET id = (SELECT max(id) + 1 FROM kv), owner = excluded.owner,"
        " expires = excluded.expires, bytes = excluded.bytes, value = excluded.value",
    [SL_ST_KV_REMOVE] = "DELETE FROM kv WHERE stage = ?1 AND key = ?2",
    [SL_ST_KV_GET] = "SELECT value, owner, expires FROM kv WHERE stage = ?1 AND key = ?2",
    [SL_ST_KV_EXPIRE] = "DELETE FROM kv WHERE id IN (SELECT id FROM kv WHERE expires <= ?1 LIMIT 2000)",
    [SL_ST_KV_EVICT] = "DELETE FROM kv WHERE id IN (SELECT id FROM kv ORDER BY expires, id LIMIT ?1)",
    [SL_ST_QUEUE_PUT] = "INSERT INTO queue (kind, stage, attempts, due, bytes, uri, locator, revision, splits,"
                        " media_type, why, map, body, payload) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
    [SL_ST_QUEUE_REMOVE] = "DELETE FROM queue WHERE id = ?1 RETURNING kind, stage",
    [SL_ST_QUEUE_GET] = "SELECT id, kind, stage, attempts, due, uri, locator, revision, splits, media_type, why, map,"
                        " body, payload FROM queue WHERE id = ?1",
    [SL_ST_QUEUE_NEXT] = "SELECT min(due) FROM queue WHERE due > ?1",
    [SL_ST_DEAD_PUT] =
        "INSERT INTO dead_letters (pipeline, stage, uses, build, code, message, detail, hint, uri, locator, revision,"
        " splits, key, media_type, attempts, first, time, generation, bytes, map, raw, body, payload)"
        " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23)",
    [SL_ST_DEAD_REPLACE] = "DELETE FROM dead_letters WHERE key = ?1 AND stage = ?2 AND revision = ?3 AND pipeline = ?4",
    [SL_ST_DEAD_AGE] = "DELETE FROM dead_letters WHERE time < ?1",
    [SL_ST_DEAD_EVICT] = "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters ORDER BY id LIMIT ?1)",
    [SL_ST_META_PUT] = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE"
                       " SET value = excluded.value",
    [SL_ST_TOTALS] = "SELECT name, n, bytes FROM totals",
};

int sl_sdb_err(sl_sdb *db, sl_err *err, const char *what) {
  int rc = db->db ? sqlite3_errcode(db->db) & 0xFF : SQLITE_NOMEM;
  int code = rc == SQLITE_NOMEM ? SL_ENOMEM : rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? SL_ESTATE : SL_EIO;
  sl_err_set(err, code, "cannot %s the state: %s", what, db->db ? sqlite3_errmsg(db->db) : "memory is out");
  if (rc == SQLITE_FULL) sl_err_hint(err, "the disk of the state folder is full");
  if (rc == SQLITE_READONLY || rc == SQLITE_PERM || rc == SQLITE_CANTOPEN)
    sl_err_hint(err, "the state folder and its files must be writable for the user of the pipeline");
  if (code == SL_ESTATE) sl_err_hint(err, "`sluice state check` says what is damaged");
  if (err) err->retryable = code == SL_EIO;
  return code;
}

/* Counting its memory would make every allocation of SQLite take a lock. Too late when a stage was first: no harm. */
static void set_up(void) { (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

static int open_db(sl_sdb *db, const char *path, int how, sl_err *err) {
  int flags =
      SQLITE_OPEN_NOMUTEX | (how == SL_SDB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (sqlite3_open_v2(how == SL_SDB_MEMORY ? ":memory:" : path, &db->db, flags, NULL) != SQLITE_OK) {
    int rc = sl_sdb_err(db, err, "open");
    sl_err_detail(err, "file %s", path ? path : ":memory:");
    return rc;
  }
  sqlite3_busy_timeout(db->db, BUSY_MS);
  if (how == SL_SDB_READ) return 0;
  int rc = sl_sdb_exec(
      db,
      "PRAGMA page_size = 16384; PRAGMA foreign_keys = OFF; PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY;"
      " PRAGMA cache_size = -8192;",
      err);
  if (!rc && how == SL_SDB_WRITE)
    rc = sl_sdb_exec(db,
                     "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000;"
                     " PRAGMA journal_size_limit = 67108864;",
                     err);
  return rc;
}

int sl_sdb_open(sl_sdb *db, const char *path, int how, sl_err *err) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_mutexattr_t attr;
  (void)pthread_once(&once, set_up);
  *db = (sl_sdb){0};
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&db->lock, &attr);
  pthread_mutexattr_destroy(&attr);
  db->has_lock = 1;
  int rc = open_db(db, path, how, err);
  if (rc) sl_sdb_close(db);
  return rc;
}

void sl_sdb_close(sl_sdb *db) {
  for (int i = 0; i < SL_ST_N; i++) sqlite3_finalize(db->kept[i]);
  sqlite3_close(db->db);
  if (db->has_lock) pthread_mutex_destroy(&db->lock);
  *db = (sl_sdb){0};
}

int sl_sdb_exec(sl_sdb *db, const char *statements, sl_err *err) {
  return sqlite3_exec(db->db, statements, NULL, NULL, NULL) == SQLITE_OK ? 0 : sl_sdb_err(db, err, "write");
}

sqlite3_stmt *sl_sdb_kept(sl_sdb *db, int which, sl_err *err) {
  sqlite3_stmt *st = db->kept[which];
  if (!st && sqlite3_prepare_v3(db->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, &db->kept[which], NULL)) {
    sl_sdb_err(db, err, "read");
    return NULL;
  }
  if (st) {
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
  }
  return db->kept[which];
}

int sl_sdb_run(sl_sdb *db, sqlite3_stmt *st, sl_err *err) {
  int rc;
  do rc = sqlite3_step(st);
  while (rc == SQLITE_ROW);
  if (rc != SQLITE_DONE) sl_sdb_err(db, err, "write");
  sqlite3_reset(st);
  sqlite3_clear_bindings(st);
  return rc == SQLITE_DONE ? 0 : SL_EIO;
}

int64_t sl_sdb_number(sl_sdb *db, const char *query, int64_t fallback) {
  sqlite3_stmt *st = NULL;
  if (sqlite3_prepare_v2(db->db, query, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW &&
      sqlite3_column_type(st, 0) != SQLITE_NULL)
    fallback = sqlite3_column_int64(st, 0);
  sqlite3_finalize(st);
  return fallback;
}

int sl_sdb_begin(sl_sdb *db, int full, sl_err *err) {
  int want = full ? 2 : 1;
  if (db->sync != want) {
    int rc = sl_sdb_exec(db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
    if (rc) return rc;
    db->sync = want;
  }
  return sl_sdb_exec(db, "BEGIN IMMEDIATE", err);
}

int sl_sdb_commit(sl_sdb *db, sl_err *err) { return sl_sdb_exec(db, "COMMIT", err); }

void sl_sdb_rollback(sl_sdb *db) {
  if (!sqlite3_get_autocommit(db->db)) (void)sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
}

int sl_sdb_totals(sl_sdb *db, sl_totals *ret, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_TOTALS, err);
  sl_totals t = {0};
  int rc;
  if (!st) return SL_EIO;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
    const char *name = sl_sdb_column_text(st, 0);
    uint64_t n = (uint64_t)sqlite3_column_int64(st, 1), bytes = (uint64_t)sqlite3_column_int64(st, 2);
    if (strcmp(name, "dead") == 0) {
      t.dead = n;
      t.dead_bytes = bytes;
    } else if (strcmp(name, "queue") == 0) {
      t.queued = n;
      t.queued_bytes = bytes;
    } else {
      t.kv = n;
      t.kv_bytes = bytes;
    }
  }
  if (rc != SQLITE_DONE) sl_sdb_err(db, err, "read");
  sqlite3_reset(st);
  if (rc != SQLITE_DONE) return SL_EIO;
  *ret = t;
  return 0;
}

int sl_sdb_meta(sl_sdb *db, const char *key, char **ret, sl_err *err) {
  sqlite3_stmt *st = NULL;
  char *value = NULL;
  if (sqlite3_prepare_v2(db->db, "SELECT value FROM meta WHERE key = ?1", -1, &st, NULL))
    return sl_sdb_err(db, err, "read");
  sl_sdb_text(st, 1, key);
  int step = sqlite3_step(st), rc = 0;
  if (step == SQLITE_ROW && !(value = sl_mem_strdup(sl_sdb_column_text(st, 0))))
    rc = sl_err_set(err, SL_ENOMEM, "no memory to read the state");
  if (step != SQLITE_ROW && step != SQLITE_DONE) rc = sl_sdb_err(db, err, "read");
  sqlite3_finalize(st);
  if (!rc) *ret = value;
  return rc;
}

int sl_sdb_meta_put(sl_sdb *db, const char *key, const char *value, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_META_PUT, err);
  if (!st) return SL_EIO;
  sl_sdb_text(st, 1, key);
  sl_sdb_text(st, 2, value);
  return sl_sdb_run(db, st, err);
}

void sl_sdb_lock(sl_sdb *db) { pthread_mutex_lock(&db->lock); }
void sl_sdb_unlock(sl_sdb *db) { pthread_mutex_unlock(&db->lock); }

int sl_sdb_ids(sl_sdb *db, sqlite3_stmt *st, int64_t **ret, size_t *ret_n, sl_err *err) {
  int64_t *ids = NULL;
  size_t n = 0, cap = 0;
  int step;
  while ((step = sqlite3_step(st)) == SQLITE_ROW) {
    if (n == cap) {
      size_t more = cap ? cap * 2 : 64;
      int64_t *bigger = sl_mem_realloc(ids, more * sizeof *ids);
      if (!bigger) {
        sl_mem_free(ids);
        return sl_err_set(err, SL_ENOMEM, "no memory to read the state");
      }
      ids = bigger;
      cap = more;
    }
    ids[n++] = sqlite3_column_int64(st, 0);
  }
  if (step != SQLITE_DONE) {
    sl_mem_free(ids);
    return sl_sdb_err(db, err, "read");
  }
  *ret = ids;
  *ret_n = n;
  return 0;
}

int sl_sdb_text(sqlite3_stmt *st, int at, const char *text) {
  return sqlite3_bind_text(st, at, text ? text : "", -1, SQLITE_STATIC);
}

int sl_sdb_blob(sqlite3_stmt *st, int at, const void *data, size_t len) {
  return sqlite3_bind_blob64(st, at, len ? data : "", len, SQLITE_STATIC);
}

const char *sl_sdb_column_text(sqlite3_stmt *st, int at) {
  const char *text = (const char *)sqlite3_column_text(st, at);
  return text ? text : "";
}

void sl_sdb_column_blob(sqlite3_stmt *st, int at, sl_bytes *ret) {
  ret->data = sqlite3_column_blob(st, at);
  ret->len = (size_t)sqlite3_column_bytes(st, at);
  if (!ret->data) *ret = (sl_bytes){"", 0};
}
