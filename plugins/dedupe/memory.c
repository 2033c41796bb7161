/* SPDX-License-Identifier: Apache-2.0 */
/* The window in the state. */
#include "memory.h"

#include <stdio.h>
#include <string.h>

/* The layout of a value, and the way sketches are made: values with another number are not read. */
#define VERSION 1
#define URI_MAX 4096

/* In front of the signature (if there is one) and the two strings. */
typedef struct header {
  uint8_t version, has_sig, unused[2];
  uint32_t words;
  uint64_t seq;
  int64_t time;
  unsigned char hash[DD_HASH], who[DD_HASH];
} header;

void dd_memory_init(dd_memory *m, sl_ctx *ctx, uint32_t window, int64_t age) {
  lane_mem mem = {ctx->host->alloc, ctx->host->free};
  memset(m, 0, sizeof *m);
  m->age = age;
  dd_index_init(&m->index, &mem, window);
}

void dd_memory_done(dd_memory *m) { dd_index_done(&m->index); }

/* "e" and the slot. */
static sl_bytes slot_key(char buf[16], uint32_t slot) {
  int n = snprintf(buf, 16, "e%08x", slot);
  return (sl_bytes){buf, (size_t)n};
}

static const sl_bytes size_key = {"window", 6};

/* ---- names ---- */

/* Two strings in one block: key, NUL, uri, NUL. */
static char *make_name(dd_memory *m, const char *key, const char *uri, size_t *ret_len) {
  size_t k = strlen(key) + 1, u = strlen(uri);
  if (u > URI_MAX) u = URI_MAX;
  char *name = m->index.mem.alloc(k + u + 1);
  if (!name) return NULL;
  memcpy(name, key, k);
  memcpy(name + k, uri, u);
  name[k + u] = '\0';
  *ret_len = k + u + 1;
  return name;
}

/* Whether s[0, n) is two strings. */
static bool read_name(const char *s, size_t n, dd_name *ret) {
  const char *end = n ? memchr(s, '\0', n) : NULL;
  if (!end || s[n - 1] != '\0' || end == s + n - 1) return false;
  *ret = (dd_name){s, end + 1};
  return true;
}

/* ---- values ---- */

/* Reads a value; false if it is none of ours. */
static bool read_value(const sl_bytes *v, header *h, const unsigned char **ret_sig, dd_name *ret_name) {
  const char *data = v->data;
  if (v->len < sizeof *h) return false;
  memcpy(h, data, sizeof *h);
  size_t at = sizeof *h + (h->has_sig ? DD_SIG : 0);
  *ret_sig = h->has_sig ? (const unsigned char *)data + sizeof *h : NULL;
  return h->version == VERSION && h->has_sig <= 1 && v->len > at && read_name(data + at, v->len - at, ret_name);
}

/* What is written of a document that is taken. */
typedef struct taken {
  uint32_t slot;
  dd_entry entry;
  const dd_sketch *sketch;
  char *name;
  size_t name_len;
} taken;

static int32_t put_value(dd_memory *m, sl_ctx *ctx, sl_doc *doc, const taken *t) {
  const dd_entry *e = &t->entry;
  header h = {.version = VERSION, .has_sig = e->has_sig, .words = t->sketch->words, .seq = e->seq, .time = e->time};
  size_t sig = e->has_sig ? DD_SIG : 0, len = sizeof h + sig + t->name_len;
  char buf[16], *value = m->index.mem.alloc(len);
  if (!value) return SL_ENOMEM;
  memcpy(h.hash, e->hash, DD_HASH);
  memcpy(h.who, e->who, DD_HASH);
  memcpy(value, &h, sizeof h);
  memcpy(value + sizeof h, t->sketch->sig, sig);
  memcpy(value + sizeof h + sig, t->name, t->name_len);
  sl_bytes key = slot_key(buf, t->slot), bytes = {value, len};
  int32_t rc = m->kv->put(ctx, doc, &key, &bytes, m->age);
  m->index.mem.free(value);
  return rc;
}

/* ---- loading ---- */

static int32_t load_slot(dd_memory *m, sl_ctx *ctx, sl_doc *doc, uint32_t slot) {
  char buf[16];
  sl_bytes key = slot_key(buf, slot), value;
  header h;
  dd_name name;
  const unsigned char *sig;
  int32_t rc = m->kv->get(ctx, doc, &key, &value, NULL);
  if (rc == SL_ENOTFOUND) return 0;
  if (rc) return rc;
  if (!read_value(&value, &h, &sig, &name)) return 0;
  dd_entry e = {.time = h.time, .seq = h.seq, .has_sig = sig != NULL};
  memcpy(e.hash, h.hash, DD_HASH);
  memcpy(e.who, h.who, DD_HASH);
  if (dd_index_put(&m->index, slot, &e, sig) != 0) return SL_ENOMEM;
  if (h.seq >= m->next) m->next = h.seq + 1;
  return 0;
}

/* Slots behind a window that has become smaller are given up; the size is noted for the next time. */
static int32_t note_size(dd_memory *m, sl_ctx *ctx, sl_doc *doc) {
  uint32_t size = m->index.window, before = 0;
  char buf[16];
  sl_bytes value;
  int32_t rc = m->kv->get(ctx, doc, &size_key, &value, NULL);
  if (rc && rc != SL_ENOTFOUND) return rc;
  if (!rc && value.len == sizeof before) memcpy(&before, value.data, sizeof before);
  if (before == size) return 0;
  for (uint32_t slot = size; slot < before; slot++) {
    sl_bytes key = slot_key(buf, slot);
    rc = m->kv->remove(ctx, doc, &key);
    if (rc && rc != SL_ENOTFOUND) return rc;
  }
  value = (sl_bytes){&size, sizeof size};
  return m->kv->put(ctx, doc, &size_key, &value, 0);
}

int32_t dd_memory_load(dd_memory *m, sl_ctx *ctx, sl_doc *doc) {
  int32_t rc = 0;
  if (m->loaded) return 0;
  m->kv = sl_extension(ctx, SL_EXT_KV); /* the host may not have it before the first document */
  if (m->kv) {
    dd_index_done(&m->index);
    m->next = 0;
    for (uint32_t slot = 0; slot < m->index.window && !rc; slot++) rc = load_slot(m, ctx, doc, slot);
    if (!rc) rc = note_size(m, ctx, doc);
    if (rc) return rc;
  }
  m->loaded = true;
  return 0;
}

/* ---- taking and naming ---- */

int32_t dd_memory_take(dd_memory *m, sl_ctx *ctx, sl_doc *doc, const dd_sketch *s, uint32_t slot,
                       int32_t *ret_evicted) {
  const char *record = sl_key(ctx, doc);
  bool own = slot != DD_NONE;
  sl_origin origin;
  taken t = {.slot = own ? slot : (uint32_t)(m->next % m->index.window), .sketch = s};
  dd_entry *e = &t.entry;
  *e = (dd_entry){.time = sl_now(ctx), .has_sig = s->has_sig, .seq = own ? m->index.entries[slot].seq : m->next};
  memcpy(e->hash, s->hash, DD_HASH);
  dd_hash(record, strlen(record), e->who);
  sl_get_origin(ctx, doc, &origin);
  t.name = make_name(m, record, origin.uri ? origin.uri : "", &t.name_len);
  if (!t.name) return SL_ENOMEM;
  int32_t rc = m->kv ? put_value(m, ctx, doc, &t) : 0;
  e->name = m->kv ? NULL : t.name;
  *ret_evicted = !own && t.slot < m->index.cap && m->index.entries[t.slot].used;
  if (!rc && dd_index_put(&m->index, t.slot, e, s->sig) != 0) rc = SL_ENOMEM;
  if (rc || m->kv) m->index.mem.free(t.name);
  if (rc) return rc;
  if (!own) m->next++;
  return 0;
}

int32_t dd_memory_name(dd_memory *m, sl_ctx *ctx, sl_doc *doc, uint32_t slot, dd_name *ret) {
  const dd_entry *e = &m->index.entries[slot];
  char buf[16];
  sl_bytes key = slot_key(buf, slot), value;
  header h;
  const unsigned char *sig;
  if (!m->kv) {
    *ret = (dd_name){e->name, e->name + strlen(e->name) + 1};
    return 0;
  }
  int32_t rc = m->kv->get(ctx, doc, &key, &value, NULL);
  if (rc && rc != SL_ENOTFOUND) return rc;
  if (!rc && read_value(&value, &h, &sig, ret) && memcmp(h.who, e->who, DD_HASH) == 0) return 0;
  dd_index_remove(&m->index, slot);
  return SL_ENOTFOUND;
}
