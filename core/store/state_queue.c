/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that wait on disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/state_impl.h"

/* A row's own weight beside its texts. */
#define ROW 256

static size_t len_of(const char *text) { return text ? strlen(text) : 0; }

uint64_t sl_queue_entry_bytes(const sl_queue_entry *e) {
  return ROW + e->body.len + e->payload.len + e->map.len + len_of(e->uri) + len_of(e->locator) + len_of(e->revision) +
         len_of(e->why);
}

int sl_queue_insert(sl_sdb *db, const sl_queue_entry *e, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_QUEUE_PUT, err);
  if (!st) return SL_EIO;
  const int64_t numbers[] = {e->kind, 0, e->attempts, e->due, (int64_t)sl_queue_entry_bytes(e)};
  const char *const texts[] = {e->uri, e->locator, e->revision, e->splits, e->media_type, e->why};
  const sl_bytes *const blobs[] = {&e->map, &e->body, &e->payload};
  int at = 1;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++, at++)
    if (at != 2) sqlite3_bind_int64(st, at, numbers[i]);
  sl_sdb_text(st, 2, e->stage);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) sl_sdb_text(st, at++, texts[i]);
  for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) sl_sdb_blob(st, at++, blobs[i]->data, blobs[i]->len);
  return sl_sdb_run(db, st, err);
}

int sl_state_queue_put(sl_state *s, const sl_queue_entry *entries, uint32_t n, void (*done)(void *user, int rc),
                       void *user, sl_err *err) {
  uint64_t bytes = 0;
  int pushed = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint64_t one = sl_queue_entry_bytes(&entries[i]);
    if (one > SL_STATE_VALUE_MAX)
      return sl_err_set(err, SL_ELIMIT, "a document of %llu bytes is too long", (unsigned long long)one);
    bytes += one;
    pushed |= entries[i].kind == SL_QUEUE_SPOOL;
  }
  pthread_mutex_lock(&s->lock);
  uint64_t held = s->totals.queued_bytes + s->queue_bytes;
  uint64_t most = s->opts.spool_bytes > 0 ? (uint64_t)s->opts.spool_bytes : UINT64_MAX;
  /* Who pushes can be told to come again; it may be the loop, which must not wait. */
  int busy = pushed && s->pending_bytes > 0 && s->pending_bytes + bytes > SL_STATE_PENDING_MAX;
  pthread_mutex_unlock(&s->lock);
  if (held + bytes > most) {
    sl_err_set(err, SL_ELIMIT, "the spool is full: %llu of %llu bytes", (unsigned long long)held,
               (unsigned long long)most);
    sl_err_hint(err, "spool: under state: sets its bound");
    return SL_ELIMIT;
  }
  if (busy) return sl_err_set(err, SL_ELIMIT, "documents come faster than the state is written");
  sl_sop *op = sl_sop_queue(entries, n);
  if (!op) return sl_err_set(err, SL_ENOMEM, "no memory for the queue");
  op->done = done;
  op->user = user;
  int rc = sl_state_put(s, op, !pushed, err);
  if (rc) sl_mem_free(op);
  return rc;
}

static void load(sqlite3_stmt *st, sl_queue_entry *e) {
  const char **texts[] = {&e->uri, &e->locator, &e->revision, &e->splits, &e->media_type, &e->why};
  sl_bytes *blobs[] = {&e->map, &e->body, &e->payload};
  int at = 5;
  *e = (sl_queue_entry){.id = (uint64_t)sqlite3_column_int64(st, 0),
                        .kind = sqlite3_column_int(st, 1),
                        .stage = sl_sdb_column_text(st, 2),
                        .attempts = (uint32_t)sqlite3_column_int64(st, 3),
                        .due = sqlite3_column_int64(st, 4)};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) *texts[i] = sl_sdb_column_text(st, at++);
  for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) sl_sdb_column_blob(st, at++, blobs[i]);
}

/* The ids come from the index alone; those that are due at once need no sorting, and the plus keeps SQLite from walking
 * through the rows for the others. */
static int find_due(sl_sdb *db, const sl_queue_filter *f, int64_t **ret, size_t *ret_n, sl_err *err) {
  sqlite3_stmt *st = NULL;
  sqlite3_str *skip = sqlite3_str_new(db->db), *all = sqlite3_str_new(db->db);
  for (uint32_t i = 0; i < f->n_skip; i++) sqlite3_str_appendf(skip, "%s%Q", i ? ", " : "", f->skip[i]);
  char *list = sqlite3_str_finish(skip);
  const char *names = list ? list : "";
  sqlite3_str_appendf(all,
                      "SELECT id FROM queue WHERE due = 0 AND id > ?1 AND NOT (kind = %d AND stage IN (%s)) UNION ALL"
                      " SELECT id FROM queue WHERE due > 0 AND due <= ?2 AND +id > ?1 AND NOT (kind = %d AND stage IN"
                      " (%s)) ORDER BY id LIMIT ?3",
                      SL_QUEUE_SPILL, names, SL_QUEUE_SPILL, names);
  char *query = sqlite3_str_finish(all);
  int rc = 0;
  if (!query || (f->n_skip && !list))
    rc = sl_err_set(err, SL_ENOMEM, "no memory to read the queue");
  else if (sqlite3_prepare_v2(db->db, query, -1, &st, NULL))
    rc = sl_sdb_err(db, err, "read");
  if (!rc) {
    sqlite3_bind_int64(st, 1, (int64_t)f->after);
    sqlite3_bind_int64(st, 2, f->now);
    sqlite3_bind_int64(st, 3, f->max);
    rc = sl_sdb_ids(db, st, ret, ret_n, err);
  }
  sqlite3_finalize(st);
  sqlite3_free(query);
  sqlite3_free(list);
  return rc;
}

/* One row, unless it has left in between. *ret_stop: what cb returned. */
static int give(sl_sdb *db, int64_t id, int (*cb)(void *user, const sl_queue_entry *entry), void *user, int *ret_stop,
                sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_QUEUE_GET, err);
  if (!st) return SL_EIO;
  sqlite3_bind_int64(st, 1, id);
  int step = sqlite3_step(st), rc = 0;
  if (step == SQLITE_ROW) {
    sl_queue_entry e;
    load(st, &e);
    *ret_stop = cb(user, &e);
  } else if (step != SQLITE_DONE) {
    rc = sl_sdb_err(db, err, "read");
  }
  sqlite3_reset(st);
  return rc;
}

int sl_state_queue_read(sl_state *s, const sl_queue_filter *filter, int (*cb)(void *user, const sl_queue_entry *entry),
                        void *user, sl_err *err) {
  int64_t *ids = NULL;
  size_t n = 0;
  int stop = 0;
  sl_state_read_begin(s);
  int rc = find_due(s->reader, filter, &ids, &n, err);
  for (size_t i = 0; !rc && !stop && i < n; i++) rc = give(s->reader, ids[i], cb, user, &stop, err);
  sl_state_read_end(s);
  sl_mem_free(ids);
  return rc;
}

int64_t sl_state_queue_next_due(sl_state *s, int64_t now) {
  int64_t due = INT64_MAX;
  sl_sdb_lock(s->reader);
  sqlite3_stmt *st = sl_sdb_kept(s->reader, SL_ST_QUEUE_NEXT, NULL);
  if (st) {
    sqlite3_bind_int64(st, 1, now);
    if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL) due = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
  }
  sl_sdb_unlock(s->reader);
  return due;
}

/* ---- counts ---- */

static void count_key(char *buf, size_t cap, int32_t kind, const char *stage) {
  snprintf(buf, cap, "%d %s", kind, stage);
}

int sl_queue_count_add(sl_map *counts, int32_t kind, const char *stage, int64_t n) {
  char key[300];
  count_key(key, sizeof key, kind, stage);
  uint64_t *count = sl_map_get(counts, key);
  if (!count) {
    count = sl_mem_calloc(1, sizeof *count);
    if (!count || sl_map_set(counts, key, count) != 0) {
      sl_mem_free(count);
      return SL_ENOMEM;
    }
  }
  *count = (uint64_t)((int64_t)*count + n);
  return 0;
}

static int count_pending(sl_map *counts, const sl_sops *ops) {
  int rc = 0;
  for (const sl_sop *op = ops->first; op && !rc; op = op->next)
    for (uint32_t i = 0; op->kind == SL_SOP_QUEUE && i < op->n && !rc; i++)
      rc = sl_queue_count_add(counts, op->entries[i].kind, op->entries[i].stage, 1);
  return rc;
}

int sl_queue_recount(sl_state *s, sl_sdb *db, sl_err *err) {
  sqlite3_stmt *st = NULL;
  sl_map *counts = sl_map_new(sl_mem_free);
  int rc = counts ? 0 : SL_ENOMEM, step = SQLITE_DONE;
  if (!rc && sqlite3_prepare_v2(db->db, "SELECT kind, stage, count(*) FROM queue GROUP BY stage, kind", -1, &st, NULL))
    rc = sl_sdb_err(db, err, "read");
  while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW)
    rc = sl_queue_count_add(counts, sqlite3_column_int(st, 0), sl_sdb_column_text(st, 1), sqlite3_column_int64(st, 2));
  if (!rc && step != SQLITE_DONE) rc = sl_sdb_err(db, err, "read");
  sqlite3_finalize(st);
  if (!rc) rc = count_pending(counts, &s->batch);
  if (!rc) rc = count_pending(counts, &s->pending);
  if (rc == SL_ENOMEM) sl_err_set(err, SL_ENOMEM, "no memory to count the queue");
  sl_map *old = rc ? counts : s->counts;
  if (!rc) s->counts = counts;
  if (old) sl_map_free(old);
  return rc;
}

uint64_t sl_state_queue_count(sl_state *s, const char *stage, int32_t kind) {
  size_t cursor = 0;
  const char *key;
  void *value;
  uint64_t n = 0;
  char want[300];
  pthread_mutex_lock(&s->lock);
  if (stage && kind) {
    count_key(want, sizeof want, kind, stage);
    const uint64_t *one = sl_map_get(s->counts, want);
    n = one ? *one : 0;
  } else {
    while (sl_map_next(s->counts, &cursor, &key, &value)) {
      const char *of = strchr(key, ' ') + 1;
      if ((!kind || kind == atoi(key)) && (!stage || strcmp(stage, of) == 0)) n += *(uint64_t *)value;
    }
  }
  pthread_mutex_unlock(&s->lock);
  return n;
}
