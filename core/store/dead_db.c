/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters in the state database. */
#include <sqlite3.h>
#include <string.h>

#include "base/mem.h"
#include "store/dead_file.h"

#define SCHEMA_VERSION 1

static const char *const schema =
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS dead_letters ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, stage TEXT NOT NULL, uses TEXT NOT NULL,"
    " build TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL, hint TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, time INTEGER NOT NULL, generation INTEGER NOT NULL, uri TEXT NOT NULL,"
    " locator TEXT NOT NULL, revision TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, raw BLOB NOT NULL,"
    " payload BLOB NOT NULL, media_type TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS dead_letters_stage ON dead_letters (stage, code);";

#define COLUMNS                                                                                                     \
  "pipeline, stage, uses, build, code, message, detail, hint, uri, locator, revision, key, media_type, body, raw, " \
  "payload, attempts, time, generation"

struct sl_dead_db {
  sqlite3 *db;
  sqlite3_stmt *put;
};

static int sql_err(sl_err *err, sqlite3 *db, const char *what) {
  int full = db && (sqlite3_errcode(db) & 0xFF) == SQLITE_FULL;
  sl_err_set(err, SL_EIO, "cannot %s the dead letters: %s", what, db ? sqlite3_errmsg(db) : "memory is out");
  if (full) sl_err_hint(err, "the disk of the state folder is full");
  return SL_EIO;
}

static int user_version(sqlite3 *db, int *ret) {
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);
  if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) *ret = sqlite3_column_int(st, 0);
  sqlite3_finalize(st);
  return rc == SQLITE_ROW ? 0 : -1;
}

static int prepare_write(struct sl_dead_db *d, sl_err *err) {
  if (sqlite3_exec(d->db, "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;", NULL,
                   NULL, NULL) ||
      sqlite3_exec(d->db, schema, NULL, NULL, NULL) ||
      sqlite3_exec(d->db, "PRAGMA user_version = 1", NULL, NULL, NULL) ||
      sqlite3_prepare_v3(d->db, "INSERT INTO dead_letters (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                         -1, SQLITE_PREPARE_PERSISTENT, &d->put, NULL))
    return sql_err(err, d->db, "open");
  return 0;
}

int sl_dead_db_open(const char *path, int write, struct sl_dead_db **ret, sl_err *err) {
  struct sl_dead_db *d = sl_mem_calloc(1, sizeof(*d));
  int version = 0, rc;
  if (!d) return sl_err_set(err, SL_ENOMEM, "no memory for the dead letters");
  int flags = SQLITE_OPEN_NOMUTEX | (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  if (sqlite3_open_v2(path, &d->db, flags, NULL) != SQLITE_OK) {
    rc = sql_err(err, d->db, "open");
    sl_err_detail(err, "file %s", path);
    goto fail;
  }
  sqlite3_busy_timeout(d->db, 5000);
  if (user_version(d->db, &version)) {
    rc = sql_err(err, d->db, "read");
    goto fail;
  }
  if (version > SCHEMA_VERSION) {
    rc = sl_err_set(err, SL_ESTATE, "%s has schema version %d; this Sluice knows versions up to %d", path, version,
                    SCHEMA_VERSION);
    sl_err_hint(err, "use the newer Sluice that wrote it, or another state folder");
    goto fail;
  }
  if (write && (rc = prepare_write(d, err))) goto fail;
  *ret = d;
  return 0;
fail:
  sl_dead_db_close(d);
  return rc;
}

void sl_dead_db_close(struct sl_dead_db *d) {
  if (!d) return;
  sqlite3_finalize(d->put);
  sqlite3_close(d->db);
  sl_mem_free(d);
}

static const char *text_or_empty(const char *s) { return s ? s : ""; }

int sl_dead_db_put(struct sl_dead_db *d, const sl_dead_entry *e, sl_err *err) {
  const char *texts[] = {e->pipeline, e->stage, e->uses,    e->build,    e->code, e->message,   e->detail,
                         e->hint,     e->uri,   e->locator, e->revision, e->key,  e->media_type};
  const sl_bytes *blobs[] = {&e->body, &e->raw, &e->payload};
  int at = 0, bad = 0;
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    bad |= sqlite3_bind_text(d->put, ++at, text_or_empty(texts[i]), -1, SQLITE_STATIC);
  for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++)
    bad |= sqlite3_bind_blob64(d->put, ++at, blobs[i]->len ? blobs[i]->data : "", blobs[i]->len, SQLITE_STATIC);
  bad |= sqlite3_bind_int64(d->put, ++at, e->attempts);
  bad |= sqlite3_bind_int64(d->put, ++at, e->time);
  bad |= sqlite3_bind_int64(d->put, ++at, (int64_t)e->generation);
  int rc = bad ? SQLITE_ERROR : sqlite3_step(d->put);
  if (rc != SQLITE_DONE) sql_err(err, d->db, "write");
  sqlite3_reset(d->put);
  sqlite3_clear_bindings(d->put);
  return rc == SQLITE_DONE ? 0 : SL_EIO;
}

static void load_row(sqlite3_stmt *st, sl_dead_entry *e) {
  const char **texts[] = {&e->pipeline, &e->stage, &e->uses,    &e->build,    &e->code, &e->message,   &e->detail,
                          &e->hint,     &e->uri,   &e->locator, &e->revision, &e->key,  &e->media_type};
  sl_bytes *blobs[] = {&e->body, &e->raw, &e->payload};
  int at = 0;
  *e = (sl_dead_entry){.id = (uint64_t)sqlite3_column_int64(st, at++)};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    *texts[i] = text_or_empty((const char *)sqlite3_column_text(st, at++));
  for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++, at++) {
    blobs[i]->data = sqlite3_column_blob(st, at);
    blobs[i]->len = (size_t)sqlite3_column_bytes(st, at);
  }
  e->attempts = (uint32_t)sqlite3_column_int64(st, at++);
  e->time = sqlite3_column_int64(st, at++);
  e->generation = (uint64_t)sqlite3_column_int64(st, at);
}

int sl_dead_db_read(struct sl_dead_db *d, int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err) {
  sqlite3_stmt *st = NULL;
  int version = 0;
  if (user_version(d->db, &version) == 0 && version == 0) return 0;
  if (sqlite3_prepare_v2(d->db, "SELECT id, " COLUMNS " FROM dead_letters ORDER BY id", -1, &st, NULL))
    return sql_err(err, d->db, "read");
  int rc;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
    sl_dead_entry e;
    load_row(st, &e);
    if (cb(user, &e)) break;
  }
  int bad = rc != SQLITE_ROW && rc != SQLITE_DONE;
  if (bad) sql_err(err, d->db, "read");
  sqlite3_finalize(st);
  return bad ? SL_EIO : 0;
}
