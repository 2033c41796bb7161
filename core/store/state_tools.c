/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a pipeline from outside: what it holds, whether it is sound, making it smaller. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "store/state_impl.h"

/* ---- opening without writing ---- */

typedef struct look {
  char *file;
  sl_sdb db;
  int version;
} look;

static void look_done(look *l) {
  sl_sdb_close(&l->db);
  sl_mem_free(l->file);
}

static int look_at(const char *folder, look *ret, sl_err *err) {
  *ret = (look){.file = sl_path_join(folder, "state.db")};
  int rc = 0;
  if (!ret->file) return sl_err_set(err, SL_ENOMEM, "no memory to read the state");
  if (!sl_path_exists(ret->file)) {
    int there = sl_path_is_dir(folder);
    rc = sl_err_set(err, SL_ENOTFOUND,
                    there ? "%s is a folder without a state: it has no state.db" : "there is no state folder %s",
                    folder);
    sl_err_hint(err, "name the folder that `state:` names, or the pipeline file");
  }
  if (!rc) rc = sl_sdb_open(&ret->db, ret->file, SL_SDB_READ, err);
  if (!rc) rc = sl_schema_version(&ret->db, ret->file, &ret->version, err);
  /* One view of everything, while a pipeline may go on writing. */
  if (!rc) rc = sl_sdb_exec(&ret->db, "BEGIN", err);
  if (rc) look_done(ret);
  return rc;
}

static uint64_t size_of(const char *path, const char *ending) {
  char name[4200];
  struct stat st;
  snprintf(name, sizeof name, "%s%s", path, ending);
  return stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- show ---- */

static int64_t meta_number(sl_sdb *db, const char *key) {
  char *text = NULL;
  int64_t n = 0;
  if (sl_sdb_meta(db, key, &text, NULL) == 0 && text) n = strtoll(text, NULL, 10);
  sl_mem_free(text);
  return n;
}

int sl_state_show(const char *folder, sl_state_stats *ret,
                  int (*cb)(void *user, const char *key, const sl_bytes *value), void *user, sl_err *err) {
  look l;
  sl_totals t = {0};
  int rc = look_at(folder, &l, err);
  if (rc) return rc;
  if (l.version == SL_SCHEMA_VERSION)
    rc = sl_sdb_totals(&l.db, &t, err);
  else if (l.version == 1)
    t.dead = (uint64_t)sl_sdb_number(&l.db, "SELECT count(*) FROM dead_letters", 0);
  if (!rc)
    *ret = (sl_state_stats){.last_commit = l.version == SL_SCHEMA_VERSION ? meta_number(&l.db, "last_commit") : 0,
                            .dead = t.dead,
                            .dead_bytes = t.dead_bytes,
                            .queued = t.queued,
                            .queued_bytes = t.queued_bytes,
                            .kv = t.kv,
                            .kv_bytes = t.kv_bytes,
                            .file_bytes = size_of(l.file, "") + size_of(l.file, "-wal")};
  if (!rc && l.version == SL_SCHEMA_VERSION && cb) rc = sl_sdb_checkpoints(&l.db, "", cb, user, err);
  look_done(&l);
  return rc;
}

int sl_state_show_dead(const char *folder, const sl_dead_filter *filter,
                       int (*cb)(void *user, const sl_dead_entry *entry), void *user, uint64_t *ret_n, sl_err *err) {
  look l;
  int rc = look_at(folder, &l, err);
  if (rc) return rc;
  rc = sl_dead_select(&l.db, l.version, filter, cb, user, err);
  if (!rc && ret_n) rc = sl_dead_count(&l.db, l.version, filter, ret_n, err);
  look_done(&l);
  return rc;
}

int sl_state_show_notes(const char *folder,
                        int (*cb)(void *user, const char *source, const char *key, const sl_bytes *value), void *user,
                        sl_err *err) {
  look l;
  sqlite3_stmt *st = NULL;
  int rc = look_at(folder, &l, err), step = SQLITE_DONE;
  if (rc) return rc;
  if (l.version == SL_SCHEMA_VERSION &&
      sqlite3_prepare_v2(l.db.db, "SELECT source, key, value FROM notes ORDER BY source, key", -1, &st, NULL))
    rc = sl_sdb_err(&l.db, err, "read");
  while (st && (step = sqlite3_step(st)) == SQLITE_ROW) {
    sl_bytes value;
    sl_sdb_column_blob(st, 2, &value);
    if (cb(user, sl_sdb_column_text(st, 0), sl_sdb_column_text(st, 1), &value)) break;
  }
  if (!rc && step != SQLITE_ROW && step != SQLITE_DONE) rc = sl_sdb_err(&l.db, err, "read");
  sqlite3_finalize(st);
  look_done(&l);
  return rc;
}

int sl_state_bounds(const char *folder, sl_state_opts *ret, sl_err *err) {
  look l;
  char *text = NULL, *name = NULL;
  long long n[6] = {0};
  int rc = look_at(folder, &l, err);
  if (rc) return rc;
  if (l.version == SL_SCHEMA_VERSION) rc = sl_sdb_meta(&l.db, "bounds", &text, err);
  if (!rc && l.version == SL_SCHEMA_VERSION) rc = sl_sdb_meta(&l.db, "name", &name, err);
  char *at = text;
  for (int i = 0; at && i < 6; i++) n[i] = strtoll(at, &at, 10);
  if (!rc)
    *ret = (sl_state_opts){.pipeline = name,
                           .spool_bytes = n[0],
                           .kv_bytes = n[1],
                           .dead_max = n[2],
                           .dead_bytes = n[3],
                           .dead_age = n[4],
                           .dead_drop_oldest = n[5] != 0};
  else
    sl_mem_free(name);
  sl_mem_free(text);
  look_done(&l);
  return rc;
}

/* ---- check ---- */

typedef struct check {
  sl_sdb *db;
  void (*cb)(void *user, int bad, const char *text);
  void *user;
  uint32_t bad;
} check;

static void SL_PRINTF(3, 4) tell(check *c, int bad, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  c->bad += bad != 0;
  c->cb(c->user, bad, text);
}

static void check_pages(check *c) {
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(c->db->db, "PRAGMA integrity_check(20)", -1, &st, NULL);
  uint32_t before = c->bad;
  while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    const char *text = sl_sdb_column_text(st, 0);
    if (strcmp(text, "ok") != 0) tell(c, 1, "the database is damaged: %s", text);
    rc = SQLITE_OK;
  }
  if (rc != SQLITE_OK && rc != SQLITE_DONE) tell(c, 1, "the database cannot be read: %s", sqlite3_errmsg(c->db->db));
  sqlite3_finalize(st);
  if (c->bad == before) tell(c, 0, "the pages of the database are sound");
}

static void check_totals(check *c) {
  static const struct {
    const char *name, *what, *query;
  } all[] = {
      {"dead", "dead letters", "SELECT count(*), coalesce(sum(bytes), 0) FROM dead_letters"},
      {"queue", "rows of the queue", "SELECT count(*), coalesce(sum(bytes), 0) FROM queue"},
      {"kv", "key-value entries", "SELECT count(*), coalesce(sum(bytes), 0) FROM kv"},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    char *query = sqlite3_mprintf("SELECT t.n, t.bytes, x.* FROM totals AS t, (%s) AS x WHERE t.name = '%s'",
                                  all[i].query, all[i].name);
    sqlite3_stmt *st = NULL;
    if (query && sqlite3_prepare_v2(c->db->db, query, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
      int64_t n = sqlite3_column_int64(st, 0), bytes = sqlite3_column_int64(st, 1);
      int64_t real = sqlite3_column_int64(st, 2), real_bytes = sqlite3_column_int64(st, 3);
      int bad = n != real || bytes != real_bytes;
      if (bad)
        tell(c, 1, "%s: %" PRId64 " with %" PRId64 " bytes are noted, %" PRId64 " with %" PRId64 " are there",
             all[i].what, n, bytes, real, real_bytes);
      else
        tell(c, 0, "%s: %" PRId64 ", %" PRId64 " bytes", all[i].what, n, bytes);
    } else {
      tell(c, 1, "%s cannot be counted: %s", all[i].what, sqlite3_errmsg(c->db->db));
    }
    sqlite3_finalize(st);
    sqlite3_free(query);
  }
}

/* Each row of a query of one text is a finding. */
static void check_rows(check *c, int bad, const char *query) {
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(c->db->db, query, -1, &st, NULL);
  while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) tell(c, bad, "%s", sl_sdb_column_text(st, 0));
  if (rc != SQLITE_OK) tell(c, 1, "the database cannot be read: %s", sqlite3_errmsg(c->db->db));
  sqlite3_finalize(st);
}

/* The stages of the last run stand line by line in the checkpoint's key `pipeline`, each before a tab. */
static void check_stages(check *c) {
#define STAGES                                                                                                     \
  "WITH RECURSIVE p (rest) AS (SELECT CAST(value AS TEXT) FROM checkpoint WHERE key = 'pipeline'),"                \
  " s (id, rest) AS (SELECT NULL, rest FROM p UNION ALL SELECT substr(rest, 1, instr(rest, char(9)) - 1),"         \
  " substr(rest, instr(rest, char(10)) + 1) FROM s WHERE instr(rest, char(9)) > 0 AND instr(rest, char(10)) > 0)," \
  " known AS (SELECT id FROM s WHERE id IS NOT NULL) "
  check_rows(c, 1,
             STAGES "SELECT count(*) || ' documents wait on disk for the stage ' || stage || ', which the last run did"
                    " not have' FROM queue WHERE (SELECT count(*) FROM known) > 0 AND stage NOT IN known"
                    " GROUP BY stage");
  check_rows(c, 0,
             STAGES "SELECT count(*) || ' dead letters are of the stage ' || stage || ', which the last run did not"
                    " have: retry them with --at' FROM dead_letters WHERE (SELECT count(*) FROM known) > 0"
                    " AND stage NOT IN known GROUP BY stage");
  check_rows(c, 0,
             STAGES "SELECT count(*) || ' key-value entries are of the stage ' || stage || ', which the last run did"
                    " not have' FROM kv WHERE (SELECT count(*) FROM known) > 0 AND stage NOT IN known GROUP BY stage");
#undef STAGES
  check_rows(
      c, 1,
      "SELECT 'row ' || id || ' of the queue is of an unknown kind: ' || kind FROM queue WHERE kind NOT BETWEEN 1"
      " AND 4 LIMIT 20");
  check_rows(c, 1,
             "SELECT 'dead letter ' || id || ' has a body that is no JSON' FROM dead_letters WHERE length(body) > 0"
             " AND NOT json_valid(CAST(body AS TEXT)) LIMIT 20");
}

/* Looks through the file's folder for the inode: it may have been rotated. 1 if it is there. */
static int find_inode(const char *path, uint64_t inode, char *name, size_t cap, uint64_t *ret_size) {
  char *folder = sl_path_dir(path);
  DIR *dir = folder ? opendir(folder) : NULL;
  struct stat st;
  int found = 0;
  for (struct dirent *e = dir ? readdir(dir) : NULL; e && !found; e = readdir(dir)) {
    if (fstatat(dirfd(dir), e->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode) || st.st_ino != inode) continue;
    found = 1;
    *ret_size = (uint64_t)st.st_size;
    snprintf(name, cap, "%s/%s", folder, e->d_name);
  }
  if (dir) closedir(dir);
  sl_mem_free(folder);
  return found;
}

/* Sinks that write files keep "v1 inode=7 length=900 … path=/out/news.jsonl". */
static int check_ledger(void *user, const char *key, const sl_bytes *value) {
  check *c = user;
  char text[4200], name[4600];
  uint64_t size = 0;
  snprintf(text, sizeof text, "%.*s", (int)(value->len < sizeof text ? value->len : sizeof text - 1),
           (const char *)value->data);
  const char *inode = strstr(text, " inode="), *length = strstr(text, " length="), *path = strstr(text, " path=");
  if (strncmp(text, "v1 ", 3) != 0 || !inode || !length || !path) return 0;
  uint64_t number = strtoull(inode + 7, NULL, 10), want = strtoull(length + 8, NULL, 10);
  path += 6;
  if (want == 0) return 0;
  if (!find_inode(path, number, name, sizeof name, &size))
    tell(c, 1, "%s: its output file is not there: %s (inode %" PRIu64 ", %" PRIu64 " bytes)", key, path, number, want);
  else if (size < want)
    tell(c, 1, "%s: its output file is shorter than what was stored: %s has %" PRIu64 " of %" PRIu64 " bytes", key,
         name, size, want);
  else if (size > want)
    tell(c, 0,
         "%s: %s holds the %" PRIu64 " bytes that were stored, and %" PRIu64
         " behind them: the next run cuts them off if"
         " they are its own and not committed, else it refuses the file unless it says on_foreign: append",
         key, name, want, size - want);
  else
    tell(c, 0, "%s: %s holds the %" PRIu64 " bytes that were stored", key, name, want);
  return 0;
}

int sl_state_check(const char *folder, void (*cb)(void *user, int bad, const char *text), void *user, uint32_t *ret_bad,
                   sl_err *err) {
  look l;
  char holder[512];
  int rc = look_at(folder, &l, err);
  if (rc) return rc;
  check c = {&l.db, cb, user, 0};
  if (sl_state_holder(folder, holder, sizeof holder) == 0 && *holder)
    tell(&c, 0, "in use by %s", holder);
  else if (size_of(l.file, "-wal"))
    tell(&c, 0, "the last process did not come to its end; the next one goes on from the last commit");
  if (l.version < SL_SCHEMA_VERSION)
    tell(&c, 0, "schema version %d: the next run makes it %d and keeps a copy", l.version, SL_SCHEMA_VERSION);
  else
    tell(&c, 0, "schema version %d", l.version);
  check_pages(&c);
  if (l.version == SL_SCHEMA_VERSION) {
    check_totals(&c);
    check_stages(&c);
    rc = sl_sdb_checkpoints(&l.db, "sink/", check_ledger, &c, err);
  }
  look_done(&l);
  if (!rc) *ret_bad = c.bad;
  return rc;
}

/* ---- vacuum ---- */

static uint64_t bytes_of(const char *file) { return size_of(file, "") + size_of(file, "-wal"); }

int sl_state_vacuum(const char *folder, uint64_t *ret_before, uint64_t *ret_after, sl_err *err) {
  look l;
  sl_sdb db = {0};
  int fd = -1, rc = look_at(folder, &l, err);
  if (rc) return rc;
  sl_sdb_close(&l.db);
  uint64_t before = bytes_of(l.file);
  rc = sl_state_lock(folder, "sluice state vacuum", &fd, err);
  if (!rc) rc = sl_sdb_open(&db, l.file, SL_SDB_WRITE, err);
  if (!rc) rc = sl_sdb_exec(&db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);", err);
  sl_sdb_close(&db);
  sl_state_unlock(folder, fd);
  if (!rc) {
    *ret_before = before;
    *ret_after = bytes_of(l.file);
  }
  look_done(&l);
  return rc;
}
