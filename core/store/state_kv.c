/* SPDX-License-Identifier: Apache-2.0 */
/* Key-value state of stages. */
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/state_impl.h"

int sl_state_kv_put(sl_state *s, const char *stage, const sl_bytes *key, const sl_bytes *value, const char *owner,
                    int64_t expires, sl_err *err) {
  size_t len = key->len + (value ? value->len : 0);
  if (len > SL_STATE_VALUE_MAX) return sl_err_set(err, SL_ELIMIT, "an entry of %zu bytes is too long", len);
  sl_sop *op = sl_sop_value(SL_SOP_KV, stage, key, value, owner);
  if (!op) return sl_err_set(err, SL_ENOMEM, "no memory for an entry of %s", stage);
  op->expires = expires;
  int rc = sl_state_put(s, op, 1, err);
  if (rc) sl_mem_free(op);
  return rc;
}

typedef struct found {
  void *value;
  size_t len;
  char *owner;
} found;

static int keep(found *f, const sl_bytes *value, const char *owner) {
  *f = (found){sl_mem_memdup(value->data, value->len), value->len, sl_mem_strdup(owner)};
  if (f->value && f->owner) return 0;
  sl_mem_free(f->value);
  sl_mem_free(f->owner);
  return SL_ENOMEM;
}

static int is_over(int64_t expires) { return expires > 0 && expires != INT64_MAX && expires <= sl_time_wall(); }

static int read_kv(sl_sdb *db, const char *stage, const sl_bytes *key, found *ret, sl_err *err) {
  sqlite3_stmt *st = sl_sdb_kept(db, SL_ST_KV_GET, err);
  if (!st) return SL_EIO;
  sl_sdb_text(st, 1, stage);
  sl_sdb_blob(st, 2, key->data, key->len);
  int step = sqlite3_step(st), rc = SL_ENOTFOUND;
  if (step == SQLITE_ROW && !is_over(sqlite3_column_int64(st, 2))) {
    sl_bytes value;
    sl_sdb_column_blob(st, 0, &value);
    rc = keep(ret, &value, sl_sdb_column_text(st, 1));
  } else if (step != SQLITE_ROW && step != SQLITE_DONE) {
    rc = sl_sdb_err(db, err, "read");
  }
  sqlite3_reset(st);
  return rc;
}

int sl_state_kv_get(sl_state *s, const char *stage, const sl_bytes *key, void **ret_value, size_t *ret_len,
                    char **ret_owner, sl_err *err) {
  found f = {0};
  int rc = 0;
  pthread_mutex_lock(&s->lock);
  const sl_sop *op = sl_state_pending(s, SL_SOP_KV, stage, key);
  int pending = op != NULL;
  if (op) rc = op->remove || is_over(op->expires) ? SL_ENOTFOUND : keep(&f, &op->value, op->owner);
  pthread_mutex_unlock(&s->lock);
  if (!pending) {
    sl_sdb_lock(s->reader);
    rc = read_kv(s->reader, stage, key, &f, err);
    sl_sdb_unlock(s->reader);
  }
  if (rc == SL_ENOTFOUND) return sl_err_set(err, SL_ENOTFOUND, "%s has no such entry", stage);
  if (rc == SL_ENOMEM) return sl_err_set(err, SL_ENOMEM, "no memory to read an entry of %s", stage);
  if (rc) return rc;
  *ret_value = f.value;
  *ret_len = f.len;
  *ret_owner = f.owner;
  return 0;
}
