/* SPDX-License-Identifier: Apache-2.0 */
/* The notes of sources. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/state_impl.h"

int sl_state_note_put(sl_state *s, const char *source, const char *key, const void *value, size_t len, sl_err *err) {
  sl_bytes k = {key, strlen(key)}, v = {value, len};
  if (len > SL_STATE_VALUE_MAX) return sl_err_set(err, SL_ELIMIT, "a note of %zu bytes is too long", len);
  sl_sop *op = sl_sop_value(SL_SOP_NOTE, source, &k, value ? &v : NULL, "");
  if (!op) return sl_err_set(err, SL_ENOMEM, "no memory for a note of %s", source);
  int rc = sl_state_put(s, op, 1, err);
  if (rc) sl_mem_free(op);
  return rc;
}

static int read_note(sl_sdb *db, const char *source, const char *key, sl_bytes *ret, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_NOTE_GET, err);
  if (!st) return SL_EIO;
  sl_sdb_text(st, 1, source);
  sl_sdb_text(st, 2, key);
  int step = sqlite3_step(st), rc = 0;
  if (step == SQLITE_ROW) {
    sl_bytes value;
    sl_sdb_column_blob(st, 0, &value);
    *ret = (sl_bytes){sl_mem_memdup(value.data, value.len), value.len};
    if (!ret->data) rc = sl_err_set(err, SL_ENOMEM, "no memory to read a note of %s", source);
  } else if (step == SQLITE_DONE) {
    rc = SL_ENOTFOUND;
  } else {
    rc = sl_sdb_err(db, err, "read");
  }
  sqlite3_reset(st);
  return rc;
}

int sl_state_note_get(sl_state *s, const char *source, const char *key, void **ret, size_t *ret_len, sl_err *err) {
  sl_bytes k = {key, strlen(key)}, value = {0};
  int rc = 0;
  pthread_mutex_lock(&s->lock);
  const sl_sop *op = sl_state_pending(s, SL_SOP_NOTE, source, &k);
  int pending = op != NULL;
  if (op && op->remove)
    rc = SL_ENOTFOUND;
  else if (op && !(value = (sl_bytes){sl_mem_memdup(op->value.data, op->value.len), op->value.len}).data)
    rc = SL_ENOMEM;
  pthread_mutex_unlock(&s->lock);
  if (!pending) {
    sl_sdb_lock(s->reader);
    rc = read_note(s->reader, source, key, &value, err);
    sl_sdb_unlock(s->reader);
  }
  if (rc == SL_ENOTFOUND) return sl_err_set(err, SL_ENOTFOUND, "%s has no note %s", source, key);
  if (rc == SL_ENOMEM) return sl_err_set(err, SL_ENOMEM, "no memory to read a note of %s", source);
  if (rc) return rc;
  *ret = (void *)(uintptr_t)value.data;
  *ret_len = value.len;
  return 0;
}

/* ---- all of a prefix: what is committed, and over it what is pending ---- */

typedef struct note {
  const char *key; /* in one block with the value */
  sl_bytes value;
  size_t order;
  int remove;
} note;

typedef struct notes {
  note *list;
  size_t n, cap;
} notes;

static int add(notes *all, const char *key, const sl_bytes *value, int remove) {
  if (all->n == all->cap) {
    size_t cap = all->cap ? all->cap * 2 : 64;
    note *bigger = sl_mem_realloc(all->list, cap * sizeof *bigger);
    if (!bigger) return SL_ENOMEM;
    all->list = bigger;
    all->cap = cap;
  }
  size_t len = strlen(key) + 1;
  char *block = sl_mem_alloc(len + value->len + 1);
  if (!block) return SL_ENOMEM;
  memcpy(block, key, len);
  if (value->len) memcpy(block + len, value->data, value->len);
  all->list[all->n] = (note){block, {block + len, value->len}, all->n, remove};
  all->n++;
  return 0;
}

static int add_pending(notes *all, const sl_sops *ops, const char *source, const char *prefix, size_t len) {
  int rc = 0;
  for (const sl_sop *op = ops->first; op && !rc; op = op->next)
    if (op->kind == SL_SOP_NOTE && strcmp(op->place, source) == 0 && strncmp(op->key.data, prefix, len) == 0)
      rc = add(all, op->key.data, &op->value, op->remove);
  return rc;
}

static int add_committed(notes *all, sl_sdb *db, const char *source, const char *prefix, sl_err *err) {
  sqlite3_stmt *st = NULL;
  size_t len = strlen(prefix);
  if (sqlite3_prepare_v2(db->db, "SELECT key, value FROM notes WHERE source = ?1 AND key >= ?2 ORDER BY key", -1, &st,
                         NULL))
    return sl_sdb_err(db, err, "read");
  sl_sdb_text(st, 1, source);
  sl_sdb_text(st, 2, prefix);
  int rc = 0, step;
  while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW) {
    sl_bytes value;
    const char *key = sl_sdb_column_text(st, 0);
    if (strncmp(key, prefix, len) != 0) break;
    sl_sdb_column_blob(st, 1, &value);
    rc = add(all, key, &value, 0);
  }
  if (!rc && step != SQLITE_ROW && step != SQLITE_DONE) rc = sl_sdb_err(db, err, "read");
  sqlite3_finalize(st);
  return rc;
}

/* By key; of the same key the newest last. */
static int by_key(const void *a, const void *b) {
  const note *x = a, *y = b;
  int diff = strcmp(x->key, y->key);
  return diff ? diff : x->order < y->order ? -1 : 1;
}

int sl_state_note_each(sl_state *s, const char *source, const char *prefix,
                       int (*cb)(void *user, const char *key, const sl_bytes *value), void *user, sl_err *err) {
  notes pending = {0}, all = {0};
  int rc = 0;
  /* What is pending first: what is committed in between is then seen twice, not missed. */
  pthread_mutex_lock(&s->lock);
  rc = add_pending(&pending, &s->batch, source, prefix, strlen(prefix));
  if (!rc) rc = add_pending(&pending, &s->pending, source, prefix, strlen(prefix));
  pthread_mutex_unlock(&s->lock);
  if (!rc) {
    sl_sdb_lock(s->reader);
    rc = add_committed(&all, s->reader, source, prefix, err);
    sl_sdb_unlock(s->reader);
  }
  for (size_t i = 0; !rc && i < pending.n; i++)
    rc = add(&all, pending.list[i].key, &pending.list[i].value, pending.list[i].remove);
  if (rc == SL_ENOMEM) sl_err_set(err, SL_ENOMEM, "no memory to read the notes of %s", source);
  if (all.n) qsort(all.list, all.n, sizeof *all.list, by_key);
  int stop = 0;
  for (size_t i = 0; !rc && !stop && i < all.n; i++) {
    const note *x = &all.list[i];
    int newest = i + 1 == all.n || strcmp(x->key, x[1].key) != 0;
    if (newest && !x->remove) stop = cb(user, x->key, &x->value);
  }
  for (size_t i = 0; i < all.n; i++) sl_mem_free((void *)(uintptr_t)all.list[i].key);
  for (size_t i = 0; i < pending.n; i++) sl_mem_free((void *)(uintptr_t)pending.list[i].key);
  sl_mem_free(all.list);
  sl_mem_free(pending.list);
  return rc;
}
