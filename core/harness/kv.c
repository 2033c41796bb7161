/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "sluice.kv/1" for a transform under test, in the state that outlives the harness.
 *
 * As in the engine: a write is seen at once and hangs on its document. It becomes durable when the document ends, which
 * is a verdict of DROP or REJECT, or sl_harness_acknowledge; a crash forgets what had not.
 */
#include "harness/impl.h"

#include <stdlib.h>
#include <string.h>

typedef struct sl_harness_entry {
  struct sl_harness_entry *next; /* the latest first */
  uint64_t writer;               /* serial number of the document from 1; 0: durable */
  char *owner;
  char *value; /* NULL: removed */
  size_t len;
  int64_t expires;
  size_t key_len;
  char key[];
} entry;

static entry **entries_of(sl_ctx *ctx) { return sl_harness_state_kv(((sl_harness *)(void *)ctx)->state); }

static char *copy(const void *data, size_t len) {
  char *out = sl_harness_mem(len + 1, 1);
  if (len) memcpy(out, data, len);
  return out;
}

static int is_key(const entry *e, const char *key, size_t len) {
  return e->key_len == len && memcmp(e->key, key, len) == 0;
}

static void drop(entry **at) {
  entry *e = *at;
  *at = e->next;
  free(e->owner);
  free(e->value);
  free(e);
}

static const entry *find(sl_ctx *ctx, const sl_bytes *key) {
  const entry *e = *entries_of(ctx);
  while (e && !is_key(e, key->data, key->len)) e = e->next;
  if (!e || !e->value || (e->expires && e->expires <= ((sl_harness *)(void *)ctx)->wall)) return NULL;
  return e;
}

static int32_t kv_get(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, sl_bytes *ret, int32_t *ret_own) {
  const entry *e = find(ctx, key);
  if (!e) return SL_ENOTFOUND;
  *ret = (sl_bytes){e->value, e->len};
  if (ret_own) *ret_own = strcmp(e->owner, sl_doc_key(doc)) == 0;
  return 0;
}

static int32_t write(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, const sl_bytes *value, int64_t ttl_ns) {
  sl_harness *h = (sl_harness *)(void *)ctx;
  entry **list = entries_of(ctx);
  if (key->len > 1024 || (value && value->len > 1 << 20)) {
    sl_harness_problem(h, "kv: a key may have 1 KiB, a value 1 MiB at most");
    return SL_EINVAL;
  }
  if (h->crashed) return 0;
  entry *e = sl_harness_mem(1, sizeof *e + key->len);
  memcpy(e->key, key->data, key->len);
  e->key_len = key->len;
  e->writer = sl_harness_rec_of(h, doc, "kv")->serial + 1;
  e->owner = copy(sl_doc_key(doc), strlen(sl_doc_key(doc)));
  e->value = value ? copy(value->data, value->len) : NULL;
  e->len = value ? value->len : 0;
  e->expires = ttl_ns > 0 ? h->wall + ttl_ns : 0;
  e->next = *list;
  *list = e;
  return 0;
}

static int32_t kv_put(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, const sl_bytes *value, int64_t ttl_ns) {
  return write(ctx, doc, key, value, ttl_ns);
}

static int32_t kv_claim(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, const sl_bytes *value, int64_t ttl_ns,
                        sl_bytes *ret) {
  const entry *e = find(ctx, key);
  if (!e || strcmp(e->owner, sl_doc_key(doc)) == 0) return write(ctx, doc, key, value, ttl_ns);
  *ret = (sl_bytes){e->value, e->len};
  return SL_EEXIST;
}

static int32_t kv_remove(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key) { return write(ctx, doc, key, NULL, 0); }

const void *sl_harness_kv_table(const sl_harness *h) {
  static const sl_kv table = {sizeof(sl_kv), 0, kv_get, kv_put, kv_claim, kv_remove};
  return h->state && h->type->kind == SL_TRANSFORM ? &table : NULL;
}

/* Makes an entry durable: older ones of its key give way. */
static void settle(entry *e) {
  e->writer = 0;
  for (entry **at = &e->next; *at;) {
    if (!(*at)->writer && is_key(*at, e->key, e->key_len))
      drop(at);
    else
      at = &(*at)->next;
  }
}

void sl_harness_kv_ended(sl_harness *h, const rec *r) {
  if (!h->state || h->crashed) return;
  for (entry *e = *sl_harness_state_kv(h->state); e; e = e->next)
    if (e->writer && (!r || e->writer == r->serial + 1)) settle(e);
}

void sl_harness_kv_forget(entry **list, int all) {
  for (entry **at = list; *at;) {
    if (all || (*at)->writer)
      drop(at);
    else
      at = &(*at)->next;
  }
}
