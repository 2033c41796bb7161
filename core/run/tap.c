/* SPDX-License-Identifier: Apache-2.0 */
/* Taps: copies of documents as they leave a stage, for somebody who looks. */
#include "run/tap.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/time.h"
#include "doc/codec.h"

/* A larger document is shown by its size only. */
#define LARGEST ((size_t)1 << 20)

static uint64_t hash_of(const char *stage) {
  uint64_t h = sl_hash_str(stage, 0);
  return h ? h : 1;
}

int sl_tap_open(sl_tap_hub *hub, const char *stage, uint64_t every) {
  for (int i = 0; i < SL_TAPS; i++) {
    struct sl_tap *t = &hub->taps[i];
    if (atomic_load(&t->stage)) continue;
    atomic_fetch_add(&t->epoch, 1);
    sl_tap_free(atomic_exchange(&t->list, NULL));
    atomic_store(&t->every, every ? every : 1);
    atomic_store(&t->seen, 0);
    atomic_store(&t->lost, 0);
    atomic_store(&t->bytes, 0);
    atomic_store(&t->stage, hash_of(stage));
    atomic_fetch_add(&hub->active, 1);
    return i;
  }
  return -1;
}

sl_tap_item *sl_tap_take(sl_tap_hub *hub, int tap) {
  struct sl_tap *t = &hub->taps[tap];
  sl_tap_item *from = atomic_exchange(&t->list, NULL), *to = NULL;
  uint64_t epoch = atomic_load(&t->epoch);
  while (from) {
    sl_tap_item *next = from->next;
    atomic_fetch_sub(&t->bytes, (long long)from->len);
    if (from->epoch != epoch) {
      free(from);
    } else {
      from->next = to;
      to = from;
    }
    from = next;
  }
  return to;
}

void sl_tap_counts(const sl_tap_hub *hub, int tap, uint64_t *ret_seen, uint64_t *ret_lost) {
  *ret_seen = atomic_load(&hub->taps[tap].seen);
  *ret_lost = atomic_load(&hub->taps[tap].lost);
}

void sl_tap_free(sl_tap_item *items) {
  while (items) {
    sl_tap_item *next = items->next;
    free(items);
    items = next;
  }
}

void sl_tap_close(sl_tap_hub *hub, int tap) {
  atomic_store(&hub->taps[tap].stage, 0);
  atomic_fetch_sub(&hub->active, 1);
  sl_tap_free(sl_tap_take(hub, tap));
}

void sl_tap_done(sl_tap_hub *hub) {
  for (int i = 0; i < SL_TAPS; i++) {
    if (atomic_load(&hub->taps[i].stage)) sl_tap_close(hub, i);
    sl_tap_free(atomic_exchange(&hub->taps[i].list, NULL));
  }
}

/* ---- lanes ---- */

static void add_string(sl_buf *buf, const char *name, const char *text) {
  cJSON *s = cJSON_CreateStringReference(text);
  size_t was = buf->len;
  (void)sl_buf_addf(buf, ",\"%s\":", name);
  if (!s || sl_json_print_to(s, buf, NULL) != 0) {
    buf->len = was;
    buf->data[was] = 0;
  }
  cJSON_Delete(s);
}

/* The body as it is, without changing what the document holds. */
static void add_body(sl_buf *buf, sl_doc *doc, size_t payload) {
  sl_bytes given;
  sl_doc_given(doc, &given);
  size_t was = buf->len;
  (void)sl_buf_addstr(buf, ",\"body\":");
  if (sl_doc_size(doc) - payload <= LARGEST * 4) {
    if (given.len && given.len <= LARGEST && sl_doc_is_raw(doc)) {
      if (sl_json_check(given.data, given.len, NULL, NULL, NULL) == 0) {
        for (size_t i = 0; i < given.len; i++) {
          char c = ((const char *)given.data)[i];
          (void)sl_buf_addc(buf, c == '\n' || c == '\r' ? ' ' : c);
        }
        return;
      }
    } else {
      const cJSON *body = sl_doc_body(doc, NULL);
      if (body && sl_json_print_to(body, buf, NULL) == 0 && buf->len - was <= LARGEST) return;
    }
  }
  buf->len = was;
  (void)sl_buf_addstr(buf, ",\"body\":null");
}

static sl_tap_item *copy_of(const char *stage, sl_doc *doc) {
  char time[40];
  const char *media_type = NULL;
  sl_bytes payload;
  sl_buf buf = {0};
  (void)sl_buf_addf(&buf, "{\"time\":\"%s\"", sl_time_iso(sl_time_wall(), 3, time, sizeof time));
  add_string(&buf, "stage", stage);
  add_string(&buf, "key", sl_doc_key(doc));
  (void)sl_buf_addf(&buf, ",\"bytes\":%zu", sl_doc_size(doc));
  sl_doc_payload(doc, &payload, &media_type);
  if (media_type) {
    add_string(&buf, "payload_type", media_type);
    (void)sl_buf_addf(&buf, ",\"payload_bytes\":%zu", payload.len);
  }
  add_body(&buf, doc, payload.len);
  (void)sl_buf_addstr(&buf, "}\n");
  /* Not from the counted memory: looking must not take from the budget of the documents. */
  sl_tap_item *item = buf.failed ? NULL : malloc(sizeof *item + buf.len);
  if (item) {
    item->len = buf.len;
    memcpy(item->text, buf.data, buf.len);
  }
  sl_buf_done(&buf);
  return item;
}

static void offer_one(sl_tap_hub *hub, struct sl_tap *t, uint64_t epoch, const char *stage, sl_doc *doc) {
  uint64_t nth = atomic_fetch_add(&t->seen, 1);
  if (nth % atomic_load(&t->every)) return;
  if (atomic_load(&t->bytes) >= SL_TAP_BYTES) {
    atomic_fetch_add(&t->lost, 1);
    return;
  }
  sl_tap_item *item = copy_of(stage, doc);
  if (!item) {
    atomic_fetch_add(&t->lost, 1);
    return;
  }
  item->epoch = epoch;
  atomic_fetch_add(&t->bytes, (long long)item->len);
  sl_tap_item *head = atomic_load(&t->list);
  do item->next = head;
  while (!atomic_compare_exchange_weak(&t->list, &head, item));
  if (!head && hub->notify) hub->notify(hub->notify_user);
}

void sl_tap_offer(sl_tap_hub *hub, const char *stage, sl_doc *doc) {
  uint64_t hash = hash_of(stage);
  for (int i = 0; i < SL_TAPS; i++) {
    /* The epoch first: a copy for a tap that was closed meanwhile must not reach the next one in its place. */
    uint64_t epoch = atomic_load(&hub->taps[i].epoch);
    if (atomic_load(&hub->taps[i].stage) == hash) offer_one(hub, &hub->taps[i], epoch, stage, doc);
  }
}
