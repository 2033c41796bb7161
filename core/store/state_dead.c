/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters in the state database. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/state_impl.h"

/* A row's own weight beside its bytes. */
#define ROW 512

#define WHERE                                                                                                       \
  " WHERE (?1 = '' OR stage = ?1) AND (?2 = '' OR code = ?2) AND (?3 = 0 OR time <= ?3) AND (?4 = 0 OR time >= ?4)" \
  " AND (?5 = 0 OR id = ?5)"

uint64_t sl_dead_entry_bytes(const sl_dead_entry *e) {
  return ROW + e->body.len + e->raw.len + e->payload.len + e->map.len;
}

/* ---- writing ---- */

static int replace_older(sl_sdb *db, const sl_dead_entry *e, sl_err *err) {
  if (!e->key || !*e->key) return 0;
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_DEAD_REPLACE, err);
  if (!st) return SL_EIO;
  sl_sdb_text(st, 1, e->key);
  sl_sdb_text(st, 2, e->stage);
  sl_sdb_text(st, 3, e->revision);
  sl_sdb_text(st, 4, e->pipeline);
  return sl_sdb_run(db, st, err);
}

int sl_dead_insert(sl_sdb *db, const sl_dead_entry *e, sl_err *err) {
  const char *const texts[] = {e->pipeline, e->stage, e->uses,    e->build,    e->code,   e->message, e->detail,
                               e->hint,     e->uri,   e->locator, e->revision, e->splits, e->key,     e->media_type};
  const sl_bytes *const blobs[] = {&e->map, &e->raw, &e->body, &e->payload};
  const int64_t numbers[] = {e->attempts, e->first ? e->first : e->time, e->time, (int64_t)e->generation,
                             (int64_t)sl_dead_entry_bytes(e)};
  int rc = replace_older(db, e, err), at = 1;
  if (rc) return rc;
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_DEAD_PUT, err);
  if (!st) return SL_EIO;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) sl_sdb_text(st, at++, texts[i]);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) sqlite3_bind_int64(st, at++, numbers[i]);
  for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) sl_sdb_blob(st, at++, blobs[i]->data, blobs[i]->len);
  return sl_sdb_run(db, st, err);
}

int sl_state_dead_put(sl_state *s, const sl_dead_entry *entry, sl_err *err) {
  uint64_t bytes = sl_dead_entry_bytes(entry);
  if (bytes > SL_STATE_VALUE_MAX)
    return sl_err_set(err, SL_ELIMIT, "a dead letter of %llu bytes is too long", (unsigned long long)bytes);
  sl_sop *op = sl_sop_dead(entry);
  if (!op) return sl_err_set(err, SL_ENOMEM, "no memory for a dead letter");
  int rc = sl_state_put(s, op, 1, err);
  if (rc) sl_mem_free(op);
  return rc;
}

int sl_state_dead_room(sl_state *s) {
  pthread_mutex_lock(&s->lock);
  const sl_state_opts *o = &s->opts;
  int room =
      o->dead_drop_oldest || ((o->dead_max <= 0 || s->totals.dead + s->dead_rows < (uint64_t)o->dead_max) &&
                              (o->dead_bytes <= 0 || s->totals.dead_bytes + s->dead_bytes < (uint64_t)o->dead_bytes));
  pthread_mutex_unlock(&s->lock);
  return room;
}

/* ---- reading ---- */

static void bind_filter(sqlite3_stmt *st, const sl_dead_filter *f) {
  static const sl_dead_filter any = {0};
  int64_t now = sl_time_wall();
  if (!f) f = &any;
  sl_sdb_text(st, 1, f->stage);
  sl_sdb_text(st, 2, f->code);
  sqlite3_bind_int64(st, 3, f->older_than ? now - f->older_than : 0);
  sqlite3_bind_int64(st, 4, f->newer_than ? now - f->newer_than : 0);
  sqlite3_bind_int64(st, 5, (int64_t)f->id);
}

static void load(sqlite3_stmt *st, sl_dead_entry *e) {
  const char **texts[] = {&e->pipeline, &e->stage, &e->uses,    &e->build,    &e->code,   &e->message, &e->detail,
                          &e->hint,     &e->uri,   &e->locator, &e->revision, &e->splits, &e->key,     &e->media_type};
  sl_bytes *blobs[] = {&e->map, &e->raw, &e->body, &e->payload};
  int at = 0;
  *e = (sl_dead_entry){.id = (uint64_t)sqlite3_column_int64(st, at++)};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) *texts[i] = sl_sdb_column_text(st, at++);
  e->attempts = (uint32_t)sqlite3_column_int64(st, at++);
  e->first = sqlite3_column_int64(st, at++);
  e->time = sqlite3_column_int64(st, at++);
  e->generation = (uint64_t)sqlite3_column_int64(st, at++);
  for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) sl_sdb_column_blob(st, at++, blobs[i]);
}

/* A row takes a page or more: which rows it is to be is found in the index, which has all that a filter asks for. The
 * plus keeps SQLite from walking through the rows instead. */
static int find(sl_sdb *db, const sl_dead_filter *f, int64_t **ret, size_t *ret_n, sl_err *err) {
  static const char *const queries[] = {"SELECT id FROM dead_letters" WHERE " ORDER BY +id LIMIT ?6",
                                        "SELECT id FROM dead_letters" WHERE " ORDER BY +id DESC LIMIT ?6"};
  sqlite3_stmt *st = NULL;
  int newest = f && f->newest != 0;
  if (sqlite3_prepare_v2(db->db, queries[newest], -1, &st, NULL)) return sl_sdb_err(db, err, "read");
  bind_filter(st, f);
  sqlite3_bind_int64(st, 6, f && f->limit ? (int64_t)f->limit : -1);
  int rc = sl_sdb_ids(db, st, ret, ret_n, err);
  sqlite3_finalize(st);
  for (size_t i = 0; !rc && newest && i < *ret_n / 2; i++) {
    int64_t id = (*ret)[i];
    (*ret)[i] = (*ret)[*ret_n - 1 - i];
    (*ret)[*ret_n - 1 - i] = id;
  }
  return rc;
}

int sl_dead_select(sl_sdb *db, int version, const sl_dead_filter *filter,
                   int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err) {
  static const char *const queries[] = {
      "SELECT id, pipeline, stage, uses, build, code, message, detail, hint, uri, locator, revision, '', key,"
      " media_type, attempts, time, time, generation, x'', raw, body, payload FROM dead_letters WHERE id = ?1",
      "SELECT id, pipeline, stage, uses, build, code, message, detail, hint, uri, locator, revision, splits, key,"
      " media_type, attempts, first, time, generation, map, raw, body, payload FROM dead_letters WHERE id = ?1"};
  sqlite3_stmt *st = NULL;
  int64_t *ids = NULL;
  size_t n = 0;
  int stop = 0;
  if (version == 0) return 0;
  int rc = find(db, filter, &ids, &n, err);
  if (!rc && sqlite3_prepare_v2(db->db, queries[version > 1], -1, &st, NULL)) rc = sl_sdb_err(db, err, "read");
  for (size_t i = 0; !rc && !stop && i < n; i++) {
    sqlite3_bind_int64(st, 1, ids[i]);
    int step = sqlite3_step(st);
    sl_dead_entry e;
    if (step == SQLITE_ROW) {
      load(st, &e);
      stop = cb(user, &e);
    } else if (step != SQLITE_DONE) {
      rc = sl_sdb_err(db, err, "read");
    }
    sqlite3_reset(st);
  }
  sqlite3_finalize(st);
  sl_mem_free(ids);
  return rc;
}

int sl_dead_count(sl_sdb *db, int version, const sl_dead_filter *filter, uint64_t *ret_n, sl_err *err) {
  sqlite3_stmt *st = NULL;
  *ret_n = 0;
  if (version == 0) return 0;
  if (sqlite3_prepare_v2(db->db, "SELECT count(*) FROM dead_letters" WHERE, -1, &st, NULL))
    return sl_sdb_err(db, err, "read");
  bind_filter(st, filter);
  int rc = sqlite3_step(st) == SQLITE_ROW ? 0 : sl_sdb_err(db, err, "read");
  if (!rc) *ret_n = (uint64_t)sqlite3_column_int64(st, 0);
  sqlite3_finalize(st);
  return rc;
}

int sl_state_dead_count(sl_state *s, const sl_dead_filter *filter, uint64_t *ret_n, sl_err *err) {
  sl_sdb_lock(s->reader);
  int rc = sl_dead_count(s->reader, SL_SCHEMA_VERSION, filter, ret_n, err);
  sl_sdb_unlock(s->reader);
  return rc;
}

int sl_state_dead_each(sl_state *s, const sl_dead_filter *filter, int (*cb)(void *user, const sl_dead_entry *entry),
                       void *user, sl_err *err) {
  sl_state_read_begin(s);
  int rc = sl_dead_select(s->reader, SL_SCHEMA_VERSION, filter, cb, user, err);
  sl_state_read_end(s);
  return rc;
}

/* ---- changing ---- */

typedef struct change {
  const sl_dead_filter *filter;
  const char *at;
  const sl_bytes *body;
  uint64_t n;
} change;

/* Runs a statement over those of the filter; ?6 and ?7 are `at` and `body`, where they occur. */
static int run_filtered(sl_sdb *db, const char *sql, change *c, sl_err *err) {
  sqlite3_stmt *st = NULL;
  if (sqlite3_prepare_v2(db->db, sql, -1, &st, NULL)) return sl_sdb_err(db, err, "write");
  bind_filter(st, c->filter);
  int n = sqlite3_bind_parameter_count(st);
  if (n >= 6) sl_sdb_text(st, 6, c->at);
  if (n >= 7 && c->body) sl_sdb_blob(st, 7, c->body->data, c->body->len);
  int rc = sl_sdb_run(db, st, err);
  if (!rc) c->n = (uint64_t)sqlite3_changes64(db->db);
  sqlite3_finalize(st);
  return rc;
}

/* The filter's ages are against the clock, which goes on: what moves is fixed before. */
static int choose(sl_sdb *db, change *c, sl_err *err) {
  int rc =
      sl_sdb_exec(db, "CREATE TEMP TABLE IF NOT EXISTS chosen (id INTEGER PRIMARY KEY); DELETE FROM temp.chosen;", err);
  return rc ? rc : run_filtered(db, "INSERT INTO temp.chosen SELECT id FROM dead_letters" WHERE, c, err);
}

static int retry(sl_sdb *db, void *user, sl_err *err) {
  /* Kind 4 is SL_QUEUE_AGAIN. Bytes that were no JSON go as they came, unless the body is given. */
  static const char move[] =
      "INSERT INTO queue (kind, stage, attempts, due, bytes, uri, locator, revision, splits, media_type, why, map, "
      "body,"
      " payload) SELECT 4, CASE ?6 WHEN '' THEN stage ELSE ?6 END, 0, 0,"
      " bytes - length(body) - length(raw) + length(coalesce(?7, iif(length(body), body, raw))),"
      " uri, locator, revision, splits, media_type, message, map, coalesce(?7, iif(length(body), body, raw)), payload"
      " FROM dead_letters WHERE id IN (SELECT id FROM temp.chosen) ORDER BY id";
  change *c = user;
  int rc = choose(db, c, err);
  if (!rc) rc = run_filtered(db, move, c, err);
  if (!rc) rc = sl_sdb_exec(db, "DELETE FROM dead_letters WHERE id IN (SELECT id FROM temp.chosen)", err);
  return rc;
}

static int edit(sl_sdb *db, void *user, sl_err *err) {
  static const char update[] =
      "UPDATE dead_letters SET body = ?7, raw = x'', bytes = bytes - length(body) - length(raw)"
      " + length(?7) WHERE id = ?5";
  return run_filtered(db, update, user, err);
}

static int drop(sl_sdb *db, void *user, sl_err *err) {
  return run_filtered(db, "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters" WHERE ")", user, err);
}

static int run_change(sl_state *s, int (*what)(sl_sdb *db, void *user, sl_err *err), change *c, uint64_t *ret_n,
                      sl_err *err) {
  int rc = sl_state_change(s, what, c, err);
  if (!rc && ret_n) *ret_n = c->n;
  return rc;
}

int sl_state_dead_retry(sl_state *s, const sl_dead_filter *filter, const char *at, const sl_bytes *body,
                        uint64_t *ret_n, sl_err *err) {
  if (body && (!filter || !filter->id))
    return sl_err_set(err, SL_EINVAL, "a new body is for one dead letter: expected its id");
  change c = {.filter = filter, .at = at, .body = body};
  return run_change(s, retry, &c, ret_n, err);
}

int sl_state_dead_edit(sl_state *s, uint64_t id, const sl_bytes *body, sl_err *err) {
  sl_dead_filter one = {.id = id};
  change c = {.filter = &one, .body = body};
  if (!id) return sl_err_set(err, SL_EINVAL, "expected the id of a dead letter, found 0");
  int rc = sl_state_change(s, edit, &c, err);
  if (!rc && !c.n) rc = sl_err_set(err, SL_ENOTFOUND, "there is no dead letter %llu", (unsigned long long)id);
  return rc;
}

int sl_state_dead_drop(sl_state *s, const sl_dead_filter *filter, uint64_t *ret_n, sl_err *err) {
  change c = {.filter = filter};
  return run_change(s, drop, &c, ret_n, err);
}
