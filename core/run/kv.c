/* SPDX-License-Identifier: Apache-2.0 */
/* Key-value writes on their way. */
#include "run/kv.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"

#define BUCKETS 1024

/* One write; strings and bytes behind it in the same block. */
typedef struct pending {
  struct pending *next_same;  /* bucket */
  struct pending *next_token; /* of the token, the latest first */
  uint64_t hash;
  const char *stage, *owner;
  sl_bytes key, value; /* value.data NULL: removed */
  int64_t expires;
  uint64_t number; /* the latest write of a key counts */
} pending;

struct sl_kv_table {
  sl_state *state;
  pthread_mutex_t lock;
  uint64_t number;
  pending *buckets[BUCKETS];
};

int sl_kv_new(sl_state *state, sl_kv_table **ret, sl_err *err) {
  sl_kv_table *t = sl_mem_calloc(1, sizeof(*t));
  if (!t) return sl_err_set(err, SL_ENOMEM, "no memory for key-value state");
  t->state = state;
  pthread_mutex_init(&t->lock, NULL);
  *ret = t;
  return 0;
}

void sl_kv_free(sl_kv_table *t) {
  if (!t) return;
  for (size_t i = 0; i < BUCKETS; i++)
    while (t->buckets[i]) {
      pending *next = t->buckets[i]->next_same;
      sl_mem_free(t->buckets[i]);
      t->buckets[i] = next;
    }
  pthread_mutex_destroy(&t->lock);
  sl_mem_free(t);
}

static uint64_t hash_of(const char *stage, const sl_bytes *key) {
  return sl_hash(key->data, key->len, sl_hash_str(stage, 11));
}

static pending *newest(sl_kv_table *t, uint64_t hash, const char *stage, const sl_bytes *key) {
  pending *best = NULL;
  for (pending *p = t->buckets[hash % BUCKETS]; p; p = p->next_same)
    if (p->hash == hash && p->key.len == key->len && !memcmp(p->key.data, key->data, key->len) &&
        !strcmp(p->stage, stage) && (!best || p->number > best->number))
      best = p;
  return best;
}

static int is_past(int64_t expires) { return expires && expires <= sl_time_wall(); }

/* Under the lock. */
static int get(sl_kv_table *t, const char *stage, const sl_bytes *key, void **ret, size_t *ret_len, char **ret_owner,
               sl_err *err) {
  const pending *p = newest(t, hash_of(stage, key), stage, key);
  if (!p) return sl_state_kv_get(t->state, stage, key, ret, ret_len, ret_owner, err);
  if (!p->value.data || is_past(p->expires)) return sl_err_set(err, SL_ENOTFOUND, "no such key");
  *ret = sl_mem_memdup(p->value.data, p->value.len);
  *ret_owner = sl_mem_strdup(p->owner);
  *ret_len = p->value.len;
  if (*ret && *ret_owner) return 0;
  sl_mem_free(*ret);
  sl_mem_free(*ret_owner);
  return sl_err_set(err, SL_ENOMEM, "no memory for a value");
}

int sl_kv_get(sl_kv_table *t, const char *stage, const sl_bytes *key, void **ret, size_t *ret_len, char **ret_owner,
              sl_err *err) {
  pthread_mutex_lock(&t->lock);
  int rc = get(t, stage, key, ret, ret_len, ret_owner, err);
  pthread_mutex_unlock(&t->lock);
  return rc;
}

static pending *make(const sl_kv_write *w) {
  size_t stage = strlen(w->stage) + 1, owner = strlen(w->owner) + 1, value = w->value ? w->value->len : 0;
  pending *p = sl_mem_alloc(sizeof(*p) + stage + owner + w->key->len + value);
  if (!p) return NULL;
  char *at = (char *)(p + 1);
  *p = (pending){.hash = hash_of(w->stage, w->key), .expires = w->expires};
  p->stage = memcpy(at, w->stage, stage);
  p->owner = memcpy(at + stage, w->owner, owner);
  p->key = (sl_bytes){at + stage + owner, w->key->len};
  memcpy(at + stage + owner, w->key->data, w->key->len);
  if (!w->value) return p;
  p->value = (sl_bytes){at + stage + owner + w->key->len, value};
  memcpy(at + stage + owner + w->key->len, w->value->data, value);
  return p;
}

int sl_kv_put(sl_kv_table *t, sl_token *token, const sl_kv_write *w, void **ret, size_t *ret_len, sl_err *err) {
  pending *p = make(w);
  int rc = 0;
  if (!p) return sl_err_set(err, SL_ENOMEM, "no memory for a value");
  pthread_mutex_lock(&t->lock);
  if (w->claim) {
    char *owner = NULL;
    void *value = NULL;
    size_t len = 0;
    rc = get(t, w->stage, w->key, &value, &len, &owner, err);
    if (rc == SL_ENOTFOUND || (!rc && !strcmp(owner, w->owner)))
      rc = 0;
    else if (!rc) {
      rc = sl_err_set(err, SL_EEXIST, "another document has the key");
      *ret = value;
      *ret_len = len;
      value = NULL;
    }
    sl_mem_free(owner);
    sl_mem_free(value);
  }
  if (!rc) {
    pending **bucket = &t->buckets[p->hash % BUCKETS];
    p->number = ++t->number;
    p->next_same = *bucket;
    *bucket = p;
    p->next_token = token->kv;
    token->kv = p;
    p = NULL;
  }
  pthread_mutex_unlock(&t->lock);
  sl_mem_free(p);
  return rc;
}

static void unlink_pending(sl_kv_table *t, pending *p) {
  pending **at = &t->buckets[p->hash % BUCKETS];
  while (*at != p) at = &(*at)->next_same;
  *at = p->next_same;
}

void sl_kv_settle(sl_kv_table *t, sl_token *token, int keep) {
  pending *list = NULL;
  /* In the order of the writes: of one key the last counts. */
  for (pending *p = token->kv, *next; p; p = next) {
    next = p->next_token;
    p->next_token = list;
    list = p;
  }
  token->kv = NULL;
  while (list) {
    pending *p = list;
    sl_err err;
    list = p->next_token;
    /* First into the state, then out of the table, so that a reader finds it in one of the two. A write that the state
     * cannot take (memory) is lost with its mark only: the document is stored. */
    if (keep)
      (void)sl_state_kv_put(t->state, p->stage, &p->key, p->value.data ? &p->value : NULL, p->owner, p->expires, &err);
    pthread_mutex_lock(&t->lock);
    unlink_pending(t, p);
    pthread_mutex_unlock(&t->lock);
    sl_mem_free(p);
  }
}
