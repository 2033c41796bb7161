/* SPDX-License-Identifier: Apache-2.0 */
/* What is put and not committed: copies in one block each, and the newest of a key to be found at once. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "store/state_impl.h"

/* Copies into a block, or counts while `at` is NULL. */
typedef struct packer {
  char *at;
  size_t need;
} packer;

static const void *pack(packer *p, const void *data, size_t len, size_t more) {
  size_t whole = (len + more + 7) & ~(size_t)7;
  p->need += whole;
  if (!p->at) return NULL;
  char *place = p->at;
  if (len) memcpy(place, data, len);
  memset(place + len, 0, whole - len);
  p->at += whole;
  return place;
}

static const char *pack_text(packer *p, const char *text) {
  if (!text || !*text) return "";
  return pack(p, text, strlen(text), 1);
}

static sl_bytes pack_bytes(packer *p, const sl_bytes *b) {
  if (!b || !b->len) return (sl_bytes){"", 0};
  return (sl_bytes){pack(p, b->data, b->len, 1), b->len};
}

static void fill_value(packer *p, sl_sop *op, const sl_sop *from) {
  op->place = pack_text(p, from->place);
  op->owner = pack_text(p, from->owner);
  op->key = pack_bytes(p, &from->key);
  op->value = pack_bytes(p, &from->value);
}

static void fill_queue_entry(packer *p, sl_queue_entry *to, const sl_queue_entry *from) {
  *to = *from;
  to->stage = pack_text(p, from->stage);
  to->uri = pack_text(p, from->uri);
  to->locator = pack_text(p, from->locator);
  to->revision = pack_text(p, from->revision);
  to->splits = pack_text(p, from->splits);
  to->media_type = pack_text(p, from->media_type);
  to->why = pack_text(p, from->why);
  to->body = pack_bytes(p, &from->body);
  to->payload = pack_bytes(p, &from->payload);
  to->map = pack_bytes(p, &from->map);
}

static void fill_queue(packer *p, sl_sop *op, const sl_sop *from) {
  sl_queue_entry one, *to = (sl_queue_entry *)(uintptr_t)pack(p, from->entries, from->n * sizeof one, 0);
  for (uint32_t i = 0; i < from->n; i++) fill_queue_entry(p, to ? &to[i] : &one, &from->entries[i]);
  op->entries = to;
}

static void fill_dead(packer *p, sl_sop *op, const sl_sop *from) {
  const sl_dead_entry *e = from->dead;
  sl_dead_entry one, *to = (sl_dead_entry *)(uintptr_t)pack(p, e, sizeof *e, 0);
  op->dead = to;
  if (!to) to = &one;
  *to = *e;
  const char **texts[] = {&to->pipeline, &to->stage,  &to->uses, &to->build,     &to->code,
                          &to->message,  &to->detail, &to->hint, &to->uri,       &to->locator,
                          &to->revision, &to->splits, &to->key,  &to->media_type};
  sl_bytes *blobs[] = {&to->body, &to->raw, &to->payload, &to->map};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) *texts[i] = pack_text(p, *texts[i]);
  for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) *blobs[i] = pack_bytes(p, blobs[i]);
}

static sl_sop *build(const sl_sop *from, void (*fill)(packer *p, sl_sop *op, const sl_sop *from)) {
  packer p = {0};
  sl_sop scratch;
  fill(&p, &scratch, from);
  size_t size = sizeof(sl_sop) + p.need;
  sl_sop *op = sl_mem_alloc(size);
  if (!op) return NULL;
  *op = *from;
  op->size = size;
  p = (packer){(char *)(op + 1), 0};
  fill(&p, op, from);
  return op;
}

sl_sop *sl_sop_value(int32_t kind, const char *place, const sl_bytes *key, const sl_bytes *value, const char *owner) {
  sl_sop from = {.kind = kind, .place = place, .owner = owner, .key = *key, .remove = value == NULL};
  if (value) from.value = *value;
  return build(&from, fill_value);
}

sl_sop *sl_sop_queue(const sl_queue_entry *entries, uint32_t n) {
  sl_sop from = {.kind = SL_SOP_QUEUE, .n = n, .entries = (sl_queue_entry *)(uintptr_t)entries};
  for (uint32_t i = 0; i < n; i++) from.bytes += sl_queue_entry_bytes(&entries[i]);
  return build(&from, fill_queue);
}

sl_sop *sl_sop_dead(const sl_dead_entry *entry) {
  sl_sop from = {.kind = SL_SOP_DEAD, .n = 1, .dead = (sl_dead_entry *)(uintptr_t)entry};
  from.bytes = sl_dead_entry_bytes(entry);
  return build(&from, fill_dead);
}

/* ---- the newest of a key ---- */

static uint64_t key_hash(int32_t kind, const char *place, const sl_bytes *key) {
  return sl_hash(key->data, key->len, sl_hash_str(place, (uint64_t)kind));
}

const sl_sop *sl_state_pending(const sl_state *s, int32_t kind, const char *place, const sl_bytes *key) {
  uint64_t hash = key_hash(kind, place, key);
  const sl_sop *op = s->buckets[hash % SL_SOP_BUCKETS];
  while (op && (op->hash != hash || op->kind != kind || op->key.len != key->len || strcmp(op->place, place) != 0 ||
                (key->len && memcmp(op->key.data, key->data, key->len) != 0)))
    op = op->chain;
  return op;
}

static int is_listed(const sl_sop *op) { return op->kind == SL_SOP_NOTE || op->kind == SL_SOP_KV; }

void sl_state_unlist(sl_state *s, const sl_sops *ops) {
  for (const sl_sop *op = ops->first; op; op = op->next) {
    if (!is_listed(op)) continue;
    sl_sop **at = &s->buckets[op->hash % SL_SOP_BUCKETS];
    while (*at != op) at = &(*at)->chain;
    *at = op->chain;
  }
}

static _Thread_local int reading;

void sl_state_read_begin(sl_state *s) {
  sl_sdb_lock(s->reader);
  reading++;
}

void sl_state_read_end(sl_state *s) {
  reading--;
  sl_sdb_unlock(s->reader);
}

static int count(sl_state *s, const sl_sop *op) {
  for (uint32_t i = 0; op->kind == SL_SOP_QUEUE && i < op->n; i++) {
    const sl_queue_entry *e = &op->entries[i];
    if (sl_queue_count_add(s->counts, e->kind, e->stage, 1) == 0) continue;
    while (i-- > 0) (void)sl_queue_count_add(s->counts, op->entries[i].kind, op->entries[i].stage, -1);
    return SL_ENOMEM;
  }
  s->pending_bytes += op->size;
  if (op->kind == SL_SOP_QUEUE) {
    s->queue_rows += op->n;
    s->queue_bytes += op->bytes;
  } else if (op->kind == SL_SOP_DEAD) {
    s->dead_rows++;
    s->dead_bytes += op->bytes;
  }
  return 0;
}

int sl_state_put(sl_state *s, sl_sop *op, int wait, sl_err *err) {
  op->next = NULL;
  op->hash = is_listed(op) ? key_hash(op->kind, op->place, &op->key) : 0;
  pthread_mutex_lock(&s->lock);
  while (wait && !reading && !s->stop && s->pending_bytes > 0 && s->pending_bytes + op->size > SL_STATE_PENDING_MAX)
    pthread_cond_wait(&s->changed, &s->lock);
  if (s->stop) {
    pthread_mutex_unlock(&s->lock);
    return sl_err_set(err, SL_ESTATE, "the state is being closed");
  }
  if (count(s, op) != 0) {
    pthread_mutex_unlock(&s->lock);
    return sl_err_set(err, SL_ENOMEM, "no memory for the queue");
  }
  if (is_listed(op)) {
    op->chain = s->buckets[op->hash % SL_SOP_BUCKETS];
    s->buckets[op->hash % SL_SOP_BUCKETS] = op;
  }
  /* The writer knows of the others that are pending, and sleeps until their time. */
  int wake = !s->pending.first || (op->done && !s->urgent);
  *s->pending.last = op;
  s->pending.last = &op->next;
  if (!s->since) s->since = sl_time_mono();
  if (op->done) s->urgent = 1;
  if (wake) pthread_cond_signal(&s->work);
  pthread_mutex_unlock(&s->lock);
  return 0;
}
