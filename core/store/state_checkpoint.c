/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoint: what the collector gives, and what the last commit holds. */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/state_impl.h"

/* ---- given by the collector ---- */

void sl_checkpoint_put(sl_checkpoint *c, const char *key, const void *value, size_t len) {
  if (!c->values) c->values = sl_map_new(sl_mem_free);
  sl_bytes *v = c->values ? sl_mem_alloc(sizeof *v + len) : NULL;
  if (v) {
    *v = (sl_bytes){v + 1, len};
    if (len) memcpy(v + 1, value, len);
    if (sl_map_set(c->values, key, v) == 0) return;
  }
  sl_mem_free(v);
  c->failed = 1;
}

/* Room for one more. */
static int grow(void **list, size_t n, size_t *cap, size_t size) {
  if (n < *cap) return 0;
  size_t more = *cap ? *cap * 2 : 16;
  void *bigger = sl_mem_realloc(*list, more * size);
  if (!bigger) return SL_ENOMEM;
  *list = bigger;
  *cap = more;
  return 0;
}

void sl_checkpoint_sync_fd(sl_checkpoint *c, int fd) {
  void *list = c->fds;
  int rc = grow(&list, c->n_fds, &c->cap_fds, sizeof *c->fds);
  c->fds = list;
  if (rc == 0) {
    c->fds[c->n_fds++] = fd;
    return;
  }
  if (fdatasync(fd) != 0) c->failed = 1;
  (void)close(fd);
}

void sl_checkpoint_remove_queued(sl_checkpoint *c, uint64_t id) {
  void *list = c->removed;
  int rc = grow(&list, c->n_removed, &c->cap_removed, sizeof *c->removed);
  c->removed = list;
  if (rc == 0)
    c->removed[c->n_removed++] = id;
  else
    c->failed = 1;
}

/* ---- held by the last commit ---- */

int sl_state_recall(sl_state *s, const char *key, void **ret, size_t *ret_len, sl_err *err) {
  sl_bytes value = {0};
  void *copy = NULL;
  int rc = 0;
  sl_sdb_lock(s->reader);
  sqlite3_stmt *st = sl_sdb_kept(s->reader, SL_ST_CHECKPOINT_GET, err);
  if (st) {
    sl_sdb_text(st, 1, key);
    int step = sqlite3_step(st);
    if (step == SQLITE_ROW) {
      sl_sdb_column_blob(st, 0, &value);
      copy = sl_mem_memdup(value.data, value.len);
      if (!copy) rc = sl_err_set(err, SL_ENOMEM, "no memory to read the checkpoint");
    } else if (step != SQLITE_DONE) {
      rc = sl_sdb_err(s->reader, err, "read");
    }
    sqlite3_reset(st);
  } else {
    rc = SL_EIO;
  }
  sl_sdb_unlock(s->reader);
  if (rc) return rc;
  *ret = copy;
  *ret_len = value.len;
  return 0;
}

int sl_sdb_checkpoints(sl_sdb *db, const char *prefix, int (*cb)(void *user, const char *key, const sl_bytes *value),
                       void *user, sl_err *err) {
  sqlite3_stmt *st = NULL;
  size_t len = strlen(prefix);
  if (sqlite3_prepare_v2(db->db, "SELECT key, value FROM checkpoint WHERE key >= ?1 ORDER BY key", -1, &st, NULL))
    return sl_sdb_err(db, err, "read");
  sl_sdb_text(st, 1, prefix);
  int rc;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
    sl_bytes value;
    const char *key = sl_sdb_column_text(st, 0);
    if (strncmp(key, prefix, len) != 0) break;
    sl_sdb_column_blob(st, 1, &value);
    if (cb(user, key, &value)) break;
  }
  int bad = rc != SQLITE_ROW && rc != SQLITE_DONE ? sl_sdb_err(db, err, "read") : 0;
  sqlite3_finalize(st);
  return bad;
}

int sl_state_recall_each(sl_state *s, const char *prefix, int (*cb)(void *user, const char *key, const sl_bytes *value),
                         void *user, sl_err *err) {
  sl_state_read_begin(s);
  int rc = sl_sdb_checkpoints(s->reader, prefix, cb, user, err);
  sl_state_read_end(s);
  return rc;
}

int sl_state_forget(sl_state *s, const char *key, sl_err *err) {
  sl_bytes k = {key, strlen(key)};
  sl_sop *op = sl_sop_value(SL_SOP_FORGET, "", &k, NULL, "");
  if (!op) return sl_err_set(err, SL_ENOMEM, "no memory for the state");
  int rc = sl_state_put(s, op, 1, err);
  if (rc) sl_mem_free(op);
  return rc;
}

/* ---- a stage with another id ---- */

struct renamed {
  const char *from, *to;
};

/* key with each part behind the first that is `from` as `to`; NULL: there is none. [own: sqlite3_free] */
static char *renamed_key(const char *key, const struct renamed *r) {
  sqlite3_str *out = sqlite3_str_new(NULL);
  size_t len = strlen(r->from);
  int first = 1, found = 0;
  for (const char *at = key; *at;) {
    size_t n = strcspn(at, "/");
    int same = !first && n == len && strncmp(at, r->from, n) == 0;
    if (!first) sqlite3_str_appendall(out, "/");
    sqlite3_str_append(out, same ? r->to : at, same ? (int)strlen(r->to) : (int)n);
    found |= same;
    first = 0;
    at += n + (at[n] == '/');
  }
  char *text = sqlite3_str_finish(out);
  if (found) return text;
  sqlite3_free(text);
  return NULL;
}

static int rename_keys(sl_sdb *db, const struct renamed *r, sl_err *err) {
  sqlite3_stmt *all = NULL, *one = NULL;
  int rc = 0, step = SQLITE_DONE;
  if (sqlite3_prepare_v2(db->db, "SELECT key FROM checkpoint WHERE instr(key, ?1) > 0 ORDER BY key", -1, &all, NULL) ||
      sqlite3_prepare_v2(db->db, "UPDATE OR REPLACE checkpoint SET key = ?2 WHERE key = ?1", -1, &one, NULL)) {
    rc = sl_sdb_err(db, err, "read");
    goto out;
  }
  /* The keys are few; they are listed before any is changed. */
  sl_map *keys = sl_map_new(sqlite3_free);
  sl_sdb_text(all, 1, r->from);
  while (keys && !rc && (step = sqlite3_step(all)) == SQLITE_ROW) {
    const char *key = sl_sdb_column_text(all, 0);
    char *to = renamed_key(key, r);
    if (to && sl_map_set(keys, key, to) != 0) {
      sqlite3_free(to);
      rc = SL_ENOMEM;
    }
  }
  if (!keys || rc) rc = sl_err_set(err, SL_ENOMEM, "no memory to rename the stage %s", r->from);
  if (!rc && step != SQLITE_DONE) rc = sl_sdb_err(db, err, "read");
  size_t cursor = 0;
  const char *key;
  void *to;
  while (!rc && sl_map_next(keys, &cursor, &key, &to)) {
    sl_sdb_text(one, 1, key);
    sl_sdb_text(one, 2, to);
    rc = sl_sdb_run(db, one, err);
  }
  if (keys) sl_map_free(keys);
out:
  sqlite3_finalize(all);
  sqlite3_finalize(one);
  return rc;
}

static int rename_all(sl_sdb *db, void *user, sl_err *err) {
  static const char *const changes[] = {
      "UPDATE queue SET stage = ?2 WHERE stage = ?1",
      "UPDATE dead_letters SET stage = ?2 WHERE stage = ?1",
      /* What the new id has already counts. */
      "UPDATE OR IGNORE kv SET stage = ?2 WHERE stage = ?1",
      "DELETE FROM kv WHERE stage = ?1",
      "UPDATE OR IGNORE notes SET source = ?2 WHERE source = ?1",
      "DELETE FROM notes WHERE source = ?1",
  };
  const struct renamed *r = user;
  int rc = 0;
  for (size_t i = 0; !rc && i < sizeof changes / sizeof changes[0]; i++) {
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db->db, changes[i], -1, &st, NULL)) return sl_sdb_err(db, err, "write");
    sl_sdb_text(st, 1, r->from);
    if (sqlite3_bind_parameter_count(st) > 1) sl_sdb_text(st, 2, r->to);
    rc = sl_sdb_run(db, st, err);
    sqlite3_finalize(st);
  }
  return rc ? rc : rename_keys(db, r, err);
}

int sl_state_rename(sl_state *s, const char *old_id, const char *new_id, sl_err *err) {
  struct renamed r = {old_id, new_id};
  if (strcmp(old_id, new_id) == 0) return 0;
  /* What is pending under the old id is committed first. */
  int rc = sl_state_sync(s, 10000000000, err);
  return rc ? rc : sl_state_change(s, rename_all, &r, err);
}
