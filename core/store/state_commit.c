/* SPDX-License-Identifier: Apache-2.0 */
/* One commit: what was put, the checkpoint, what must give way. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/state_impl.h"

#define HOUSEKEEP_EVERY SL_TIME_S
#define EVICT_STEP 16

/* ---- the operations ---- */

static int put_note(sl_sdb *db, const sl_sop *op, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, op->remove ? SL_ST_NOTE_REMOVE : SL_ST_NOTE_PUT, err);
  if (!st) return SL_EIO;
  sl_sdb_text(st, 1, op->place);
  sl_sdb_text(st, 2, op->key.data);
  if (!op->remove) sl_sdb_blob(st, 3, op->value.data, op->value.len);
  return sl_sdb_run(db, st, err);
}

static int put_kv(sl_sdb *db, const sl_sop *op, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, op->remove ? SL_ST_KV_REMOVE : SL_ST_KV_PUT, err);
  if (!st) return SL_EIO;
  sl_sdb_text(st, 1, op->place);
  sl_sdb_blob(st, 2, op->key.data, op->key.len);
  if (op->remove) return sl_sdb_run(db, st, err);
  sl_sdb_text(st, 3, op->owner);
  sqlite3_bind_int64(st, 4, op->expires > 0 ? op->expires : INT64_MAX);
  sqlite3_bind_int64(st, 5, (int64_t)(op->key.len + op->value.len + strlen(op->place) + strlen(op->owner) + 64));
  sl_sdb_blob(st, 6, op->value.data, op->value.len);
  return sl_sdb_run(db, st, err);
}

static int forget(sl_sdb *db, const sl_sop *op, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_CHECKPOINT_REMOVE, err);
  if (!st) return SL_EIO;
  sl_sdb_text(st, 1, op->key.data);
  return sl_sdb_run(db, st, err);
}

static int put_queue(sl_sdb *db, const sl_sop *op, sl_err *err) {
  int rc = 0;
  for (uint32_t i = 0; !rc && i < op->n; i++) rc = sl_queue_insert(db, &op->entries[i], err);
  return rc;
}

static int apply(sl_sdb *db, const sl_sop *op, sl_err *err) {
  switch (op->kind) {
  case SL_SOP_NOTE:
    return put_note(db, op, err);
  case SL_SOP_KV:
    return put_kv(db, op, err);
  case SL_SOP_FORGET:
    return forget(db, op, err);
  case SL_SOP_QUEUE:
    return put_queue(db, op, err);
  default:
    return sl_dead_insert(db, op->dead, err);
  }
}

/* ---- the checkpoint ---- */

static int put_values(sl_sdb *db, const sl_checkpoint *c, sl_err *err) {
  size_t cursor = 0;
  const char *key;
  void *value;
  int rc = 0;
  while (!rc && c->values && sl_map_next(c->values, &cursor, &key, &value)) {
    const sl_bytes *v = value;
    sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_CHECKPOINT_PUT, err);
    if (!st) return SL_EIO;
    sl_sdb_text(st, 1, key);
    sl_sdb_blob(st, 2, v->data, v->len);
    rc = sl_sdb_run(db, st, err);
  }
  return rc;
}

static int remove_queued(sl_state *s, sl_err *err) {
  const sl_checkpoint *c = &s->checkpoint;
  int rc = 0;
  for (size_t i = 0; !rc && i < c->n_removed; i++) {
    sqlite3_stmt *st = sl_sdb_kept(&s->wdb, SL_ST_QUEUE_REMOVE, err);
    if (!st) return SL_EIO;
    sqlite3_bind_int64(st, 1, (int64_t)c->removed[i]);
    if (sqlite3_step(st) == SQLITE_ROW &&
        sl_queue_count_add(s->gone, sqlite3_column_int(st, 0), sl_sdb_column_text(st, 1), 1) != 0)
      rc = sl_err_set(err, SL_ENOMEM, "no memory to write the state");
    int end = rc ? 0 : sl_sdb_run(&s->wdb, st, err);
    if (rc) sqlite3_reset(st);
    if (!rc) rc = end;
  }
  return rc;
}

/* Output goes to the disk before the checkpoint says that it is there. */
static int sync_fds(sl_checkpoint *c, sl_err *err) {
  while (c->n_fds) {
    int fd = c->fds[c->n_fds - 1];
    if (c->durable && fdatasync(fd) != 0 && errno != EINVAL && errno != EROFS) {
      int rc = sl_err_errno(err, errno, "cannot write the output of a sink to the disk");
      if (err) err->retryable = 1;
      return rc;
    }
    c->n_fds--;
    (void)close(fd);
  }
  return 0;
}

void sl_checkpoint_clear(sl_checkpoint *c) {
  while (c->n_fds) (void)close(c->fds[--c->n_fds]);
  c->n_removed = 0;
  c->failed = 0;
  sl_map_free(c->values);
  c->values = NULL;
}

/* ---- what gives way ---- */

static int run_with(sl_sdb *db, int which, int64_t value, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, which, err);
  if (!st) return SL_EIO;
  sqlite3_bind_int64(st, 1, value);
  return sl_sdb_run(db, st, err);
}

static int expire(sl_state *s, const sl_state_opts *o, uint64_t *ret_dead, sl_err *err) {
  int64_t now = sl_time_wall();
  int rc = run_with(&s->wdb, SL_ST_KV_EXPIRE, now, err);
  if (rc || o->dead_age <= 0) return rc;
  rc = run_with(&s->wdb, SL_ST_DEAD_AGE, now - o->dead_age, err);
  *ret_dead += (uint64_t)sqlite3_changes64(s->wdb.db);
  return rc;
}

static int bound_dead(sl_state *s, const sl_state_opts *o, sl_totals *t, uint64_t *ret_dead, sl_err *err) {
  int rc = 0;
  while (!rc && o->dead_drop_oldest && t->dead > 1 &&
         ((o->dead_max > 0 && t->dead > (uint64_t)o->dead_max) ||
          (o->dead_bytes > 0 && t->dead_bytes > (uint64_t)o->dead_bytes))) {
    uint64_t over = o->dead_max > 0 && t->dead > (uint64_t)o->dead_max ? t->dead - (uint64_t)o->dead_max : 1;
    rc = run_with(&s->wdb, SL_ST_DEAD_EVICT, (int64_t)over, err);
    *ret_dead += over;
    if (!rc) rc = sl_sdb_totals(&s->wdb, t, err);
  }
  return rc;
}

static int bound_kv(sl_state *s, const sl_state_opts *o, sl_totals *t, uint64_t *ret_kv, sl_err *err) {
  int rc = 0;
  while (!rc && o->kv_bytes > 0 && t->kv_bytes > (uint64_t)o->kv_bytes && t->kv > 0) {
    uint64_t before = t->kv;
    rc = run_with(&s->wdb, SL_ST_KV_EVICT, EVICT_STEP, err);
    if (!rc) rc = sl_sdb_totals(&s->wdb, t, err);
    if (!rc) *ret_kv += before - t->kv;
  }
  return rc;
}

/* ---- the commit ---- */

struct outcome {
  uint64_t dead, kv;
  uint32_t config; /* whose bounds the database has then */
};

static int put_time(sl_sdb *db, sl_err *err) {
  char now[32];
  snprintf(now, sizeof now, "%lld", (long long)sl_time_wall());
  return sl_sdb_meta_put(db, "last_commit", now, err);
}

/* For the commands, which know the folder and not the pipeline's file. */
static int put_bounds(sl_state *s, const sl_state_opts *o, sl_err *err) {
  char text[160];
  snprintf(text, sizeof text, "%lld %lld %lld %lld %lld %d", (long long)o->spool_bytes, (long long)o->kv_bytes,
           (long long)o->dead_max, (long long)o->dead_bytes, (long long)o->dead_age, (int)o->dead_drop_oldest);
  int rc = sl_sdb_meta_put(&s->wdb, "bounds", text, err);
  return rc ? rc : sl_sdb_meta_put(&s->wdb, "name", s->pipeline, err);
}

/* A commit that changes nothing writes nothing, and makes nothing durable either. */
static int put_meta(sl_state *s, const sl_state_opts *o, struct outcome *ret, sl_err *err) {
  int bounds = s->config != s->written && (o->spool_bytes > 0 || o->dead_max > 0);
  ret->config = bounds ? s->config : s->written;
  int rc = put_time(&s->wdb, err);
  return !rc && bounds ? put_bounds(s, o, err) : rc;
}

static int fill(sl_state *s, const sl_state_opts *o, int full, struct outcome *ret, sl_totals *totals, sl_err *err) {
  sl_sdb *db = &s->wdb;
  int64_t before = sqlite3_total_changes64(db->db), now = sl_time_mono();
  int rc = 0;
  for (const sl_sop *op = s->batch.first; op && !rc; op = op->next) rc = apply(db, op, err);
  if (!rc) rc = put_values(db, &s->checkpoint, err);
  if (!rc) rc = remove_queued(s, err);
  if (!rc && (!s->housekept || now - s->housekept >= HOUSEKEEP_EVERY)) {
    rc = expire(s, o, &ret->dead, err);
    if (!rc) s->housekept = now;
  }
  if (!rc) rc = sl_sdb_totals(db, totals, err);
  if (!rc) rc = bound_dead(s, o, totals, &ret->dead, err);
  if (!rc) rc = bound_kv(s, o, totals, &ret->kv, err);
  if (!rc && (full || sqlite3_total_changes64(db->db) != before)) return put_meta(s, o, ret, err);
  ret->config = s->written;
  return rc;
}

static void tell_dropped(sl_state *s, const struct outcome *d) {
  if (d->dead)
    sl_state_say(s, SL_LOG_WARN,
                 "%llu of the oldest dead letters were dropped: their bound of number, bytes or age is reached",
                 (unsigned long long)d->dead);
  if (d->kv)
    sl_state_say(s, SL_LOG_WARN, "%llu entries of the key-value state were dropped: its bound is reached",
                 (unsigned long long)d->kv);
}

/* What was committed is no longer pending: in one step for whoever counts. The connection's lock is held. */
static void settle(sl_state *s, const sl_totals *totals, const struct outcome *d, sl_sops *ret_done) {
  size_t cursor = 0;
  const char *key;
  void *value;
  pthread_mutex_lock(&s->lock);
  sl_state_unlist(s, &s->batch);
  for (const sl_sop *op = s->batch.first; op; op = op->next) {
    s->pending_bytes -= op->size;
    if (op->kind == SL_SOP_QUEUE) {
      s->queue_rows -= op->n;
      s->queue_bytes -= op->bytes;
    } else if (op->kind == SL_SOP_DEAD) {
      s->dead_rows--;
      s->dead_bytes -= op->bytes;
    }
  }
  while (sl_map_next(s->gone, &cursor, &key, &value)) {
    uint64_t *n = sl_map_get(s->counts, key);
    if (n) *n -= *n < *(uint64_t *)value ? *n : *(uint64_t *)value;
  }
  *ret_done = s->batch;
  s->batch = (sl_sops){NULL, &s->batch.first};
  s->totals = *totals;
  s->written = d->config;
  s->stats.commits++;
  s->stats.last_commit = sl_time_wall();
  s->stats.dead_dropped += d->dead;
  pthread_mutex_unlock(&s->lock);
}

static int commit(sl_state *s, const sl_state_opts *o, int full, struct outcome *d, sl_sops *ret_done, sl_err *err) {
  sl_totals totals;
  if (s->gone) sl_map_free(s->gone);
  s->gone = sl_map_new(sl_mem_free);
  if (!s->gone) return sl_err_set(err, SL_ENOMEM, "no memory to write the state");
  int rc = sl_sdb_begin(&s->wdb, full, err);
  if (!rc) rc = fill(s, o, full, d, &totals, err);
  if (!rc) rc = sl_sdb_commit(&s->wdb, err);
  if (rc)
    sl_sdb_rollback(&s->wdb);
  else
    settle(s, &totals, d, ret_done);
  return rc;
}

/* SQLite would go on writing to files that have no name any more. */
static int check_file(const sl_state *s, sl_err *err) {
  struct stat st;
  if (!s->file || (stat(s->file, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->inode)) return 0;
  sl_err_set(err, SL_EIO, "cannot write the state: %s was taken away or replaced", s->file);
  sl_err_hint(err, "put it back, or start the pipeline anew");
  return SL_EIO;
}

int sl_state_commit(sl_state *s, int full, sl_sops *ret_done, sl_err *err) {
  struct outcome dropped = {0};
  pthread_mutex_lock(&s->lock);
  sl_state_opts o = s->opts;
  s->config = s->configured;
  pthread_mutex_unlock(&s->lock);
  if (s->checkpoint.failed) {
    s->checkpoint.failed = 0;
    return sl_err_set(err, SL_ENOMEM, "no memory for the checkpoint");
  }
  int rc = check_file(s, err);
  if (!rc) rc = sync_fds(&s->checkpoint, err);
  if (rc) return rc;
  sl_sdb_lock(&s->wdb);
  rc = commit(s, &o, full, &dropped, ret_done, err);
  sl_sdb_unlock(&s->wdb);
  if (rc) return rc;
  sl_checkpoint_clear(&s->checkpoint);
  tell_dropped(s, &dropped);
  return 0;
}

int sl_state_change(sl_state *s, int (*change)(sl_sdb *db, void *user, sl_err *err), void *user, sl_err *err) {
  sl_totals totals;
  int rc = check_file(s, err);
  if (rc) return rc;
  sl_sdb_lock(&s->wdb);
  rc = sl_sdb_begin(&s->wdb, 1, err);
  if (!rc) rc = change(&s->wdb, user, err);
  if (!rc) rc = put_time(&s->wdb, err);
  if (!rc) rc = sl_sdb_totals(&s->wdb, &totals, err);
  if (!rc) rc = sl_sdb_commit(&s->wdb, err);
  if (rc) {
    sl_sdb_rollback(&s->wdb);
  } else {
    pthread_mutex_lock(&s->lock);
    s->totals = totals;
    /* What cannot be counted now keeps its count: the change itself is made. */
    (void)sl_queue_recount(s, &s->wdb, NULL);
    pthread_mutex_unlock(&s->lock);
  }
  sl_sdb_unlock(&s->wdb);
  return rc;
}
