/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the state database, and how those of an older version become them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "store/sdb.h"

/* Small columns stand before large ones: SQLite reads a row from its beginning. */
static const char tables[] =
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE checkpoint (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE notes (source TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (source, key))"
    " WITHOUT ROWID;"
    "CREATE TABLE kv (id INTEGER PRIMARY KEY, stage TEXT NOT NULL, key BLOB NOT NULL, owner TEXT NOT NULL,"
    " expires INTEGER NOT NULL, bytes INTEGER NOT NULL, value BLOB NOT NULL, UNIQUE (stage, key));"
    "CREATE INDEX kv_expires ON kv (expires, id);"
    "CREATE TABLE queue (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, stage TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, due INTEGER NOT NULL, bytes INTEGER NOT NULL, uri TEXT NOT NULL,"
    " locator TEXT NOT NULL, revision TEXT NOT NULL, splits TEXT NOT NULL, media_type TEXT NOT NULL,"
    " why TEXT NOT NULL, map BLOB NOT NULL, body BLOB NOT NULL, payload BLOB NOT NULL);"
    "CREATE INDEX queue_due ON queue (due, id, kind, stage);"
    "CREATE INDEX queue_stage ON queue (stage, kind);"
    "CREATE TABLE dead_letters (id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, stage TEXT NOT NULL,"
    " uses TEXT NOT NULL, build TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL,"
    " hint TEXT NOT NULL, uri TEXT NOT NULL, locator TEXT NOT NULL, revision TEXT NOT NULL, splits TEXT NOT NULL,"
    " key TEXT NOT NULL, media_type TEXT NOT NULL, attempts INTEGER NOT NULL, first INTEGER NOT NULL,"
    " time INTEGER NOT NULL, generation INTEGER NOT NULL, bytes INTEGER NOT NULL, map BLOB NOT NULL,"
    " raw BLOB NOT NULL, body BLOB NOT NULL, payload BLOB NOT NULL);"
    "CREATE INDEX dead_letters_stage ON dead_letters (stage, code, time);"
    "CREATE INDEX dead_letters_key ON dead_letters (key, stage);"
    "CREATE INDEX dead_letters_time ON dead_letters (time);"
    "CREATE TABLE totals (name TEXT PRIMARY KEY, n INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO totals VALUES ('dead', 0, 0), ('queue', 0, 0), ('kv', 0, 0);";

/* The totals are right whoever changes a table. */
#define COUNTED(table, name)                                                                                     \
  "CREATE TRIGGER " table "_in AFTER INSERT ON " table " BEGIN UPDATE totals SET n = n + 1, bytes = bytes + "    \
  "new.bytes WHERE name = '" name "'; END;"                                                                      \
  "CREATE TRIGGER " table "_out AFTER DELETE ON " table " BEGIN UPDATE totals SET n = n - 1, bytes = bytes - "   \
  "old.bytes WHERE name = '" name "'; END;"                                                                      \
  "CREATE TRIGGER " table "_changed AFTER UPDATE OF bytes ON " table " BEGIN UPDATE totals SET bytes = bytes + " \
  "new.bytes - old.bytes WHERE name = '" name "'; END;"

static const char triggers[] = COUNTED("dead_letters", "dead") COUNTED("queue", "queue") COUNTED("kv", "kv");

/* Version 1 had dead letters alone. */
static const char from_1_aside[] = "ALTER TABLE dead_letters RENAME TO dead_letters_1;"
                                   "DROP INDEX IF EXISTS dead_letters_stage;";
static const char from_1_copy[] =
    "INSERT INTO dead_letters (id, pipeline, stage, uses, build, code, message, detail, hint, uri, locator, revision,"
    " splits, key, media_type, attempts, first, time, generation, bytes, map, raw, body, payload)"
    " SELECT id, pipeline, stage, uses, build, code, message, detail, hint, uri, locator, revision, '', key, "
    "media_type,"
    " attempts, time, time, generation, length(body) + length(raw) + length(payload) + 512, x'', raw, body, payload"
    " FROM dead_letters_1 ORDER BY id;"
    "DELETE FROM sqlite_sequence WHERE name = 'dead_letters';"
    "INSERT INTO sqlite_sequence SELECT 'dead_letters', seq FROM sqlite_sequence WHERE name = 'dead_letters_1';"
    "DROP TABLE dead_letters_1;";

int sl_schema_version(sl_sdb *db, const char *path, int *ret, sl_err *err) {
  int64_t version = sl_sdb_number(db, "PRAGMA user_version", -1);
  if (version < 0) {
    int rc = sl_sdb_err(db, err, "read");
    sl_err_detail(err, "file %s", path);
    return rc;
  }
  if (version > SL_SCHEMA_VERSION) {
    sl_err_set(err, SL_ESTATE, "%s has schema version %lld; this Sluice knows versions up to %d", path,
               (long long)version, SL_SCHEMA_VERSION);
    sl_err_hint(err, "use the newer Sluice that wrote it, or another state folder");
    return SL_ESTATE;
  }
  int64_t app = sl_sdb_number(db, "PRAGMA application_id", 0);
  int64_t n = sl_sdb_number(db, "SELECT count(*) FROM sqlite_schema", -1);
  int64_t dead = sl_sdb_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'dead_letters'", 0);
  if (n < 0) return sl_sdb_err(db, err, "read");
  if ((version == 0 && n > 0) || (version == 1 && !dead) || (version > 1 && app != SL_SCHEMA_APP)) {
    sl_err_set(err, SL_ESTATE, "expected the state of a pipeline, found another database: %s", path);
    sl_err_hint(err, "name another folder as state:");
    return SL_ESTATE;
  }
  *ret = (int)version;
  return 0;
}

/* A whole copy, or none: it is made under another name first. */
static int back_up(sl_sdb *db, const char *path, int version, sl_err *err) {
  size_t cap = strlen(path) + 32;
  char *part = sl_mem_alloc(cap), *name = sl_mem_alloc(cap), *sql = NULL;
  int rc = 0;
  if (part && name) {
    snprintf(name, cap, "%s.v%d.bak", path, version);
    snprintf(part, cap, "%s.v%d.part", path, version);
    sql = sqlite3_mprintf("VACUUM INTO %Q", part);
  }
  if (!sql) rc = sl_err_set(err, SL_ENOMEM, "no memory to copy the state");
  if (!rc && unlink(part) != 0 && errno != ENOENT) rc = sl_err_errno(err, errno, "cannot remove %s", part);
  if (!rc && (rc = sl_sdb_exec(db, sql, err)) != 0) sl_err_prefix(err, "before its tables are changed, a copy is made");
  if (!rc && rename(part, name) != 0) rc = sl_err_errno(err, errno, "cannot rename %s", part);
  if (rc && part) (void)unlink(part);
  sqlite3_free(sql);
  sl_mem_free(part);
  sl_mem_free(name);
  return rc;
}

static int make(sl_sdb *db, int version, sl_err *err) {
  char last[96];
  int rc = sl_sdb_begin(db, 1, err);
  if (rc) return rc;
  snprintf(last, sizeof last, "PRAGMA application_id = %d; PRAGMA user_version = %d;", SL_SCHEMA_APP,
           SL_SCHEMA_VERSION);
  if (version == 1) rc = sl_sdb_exec(db, from_1_aside, err);
  if (!rc) rc = sl_sdb_exec(db, tables, err);
  if (!rc) rc = sl_sdb_exec(db, triggers, err);
  if (!rc && version == 1) rc = sl_sdb_exec(db, from_1_copy, err);
  if (!rc) rc = sl_sdb_exec(db, last, err);
  if (!rc) rc = sl_sdb_commit(db, err);
  if (rc) sl_sdb_rollback(db);
  return rc;
}

int sl_schema_prepare(sl_sdb *db, const char *path, sl_err *err) {
  int version = 0;
  int rc = sl_schema_version(db, path ? path : ":memory:", &version, err);
  if (rc || version == SL_SCHEMA_VERSION) return rc;
  if (version > 0 && path && (rc = back_up(db, path, version, err)) != 0) return rc;
  return make(db, version, err);
}
