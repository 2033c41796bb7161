/* SPDX-License-Identifier: Apache-2.0 */
/* Items that a source gives once. */
#include "webitems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sha256.h"

#define BLOCK 4096u       /* cursors that are noted at a time */
#define PIECE 60000u      /* bytes of an item in one note */
#define PIECES_MAX 1024u  /* of an item */
#define SWEEP_KEYS 65536u /* notes that are given up in one go */
#define DAY INT64_C(86400000000000)
#define HASH_BYTES 16u

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void hash_key(char prefix, const char *text, char out[40]) {
  static const char hex[] = "0123456789abcdef";
  unsigned char sum[HASH_BYTES];
  sha256_short(text, strlen(text), sum);
  out[0] = prefix;
  out[1] = '/';
  for (size_t i = 0; i < HASH_BYTES; i++) {
    out[2 + 2 * i] = hex[sum[i] >> 4];
    out[3 + 2 * i] = hex[sum[i] & 15];
  }
  out[2 + 2 * HASH_BYTES] = '\0';
}

static void piece_key(uint64_t cursor, uint32_t piece, char out[40]) {
  (void)snprintf(out, 40, "p/%016llx/%04x", (unsigned long long)cursor, piece & 0xffffu);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

int webitems_init(webitems *w, int64_t remember, int64_t most) {
  memset(w, 0, sizeof *w);
  w->remember = remember;
  w->most = most > 0 ? (uint64_t)most : 0;
  w->first_here = UINT64_MAX;
  return pthread_mutex_init(&w->lock, NULL) == 0 ? 0 : -1;
}

void webitems_done(webitems *w) {
  if (w->mem.free) {
    lane_vec_done(&w->mem, &w->again);
    lane_vec_done(&w->mem, &w->ended);
  }
  pthread_mutex_destroy(&w->lock);
}

static int add_cursor(const lane_mem *mem, lane_vec *v, uint64_t cursor) {
  if (lane_vec_reserve(mem, v, sizeof cursor, v->n + 1) != 0) return -1;
  ((uint64_t *)v->items)[v->n++] = cursor;
  return 0;
}

typedef struct found {
  webitems *w;
  lane_vec cursors;
  int failed;
} found;

static int32_t find_piece(void *user, const char *key, const sl_bytes *value) {
  found *f = user;
  unsigned long long cursor = strtoull(key + 2, NULL, 16);
  (void)value;
  size_t n = f->cursors.n;
  if (cursor == 0 || (n > 0 && ((uint64_t *)f->cursors.items)[n - 1] == cursor)) return 0;
  f->failed = add_cursor(&f->w->mem, &f->cursors, cursor);
  return f->failed;
}

static int32_t forget_item(webitems *w, sl_ctx *ctx, uint64_t cursor) {
  char key[40];
  for (uint32_t i = 0; i < PIECES_MAX; i++) {
    sl_bytes value;
    piece_key(cursor, i, key);
    int32_t rc = w->resume->get(ctx, key, &value);
    if (rc == SL_ENOTFOUND) return 0;
    if (rc == 0) rc = w->resume->put(ctx, key, NULL, 0);
    if (rc != 0) return rc;
  }
  return 0;
}

/* Sorts what an earlier run left: what ended is removed, the rest is to be given again. */
static int32_t sort_left(webitems *w, sl_ctx *ctx, const lane_vec *cursors) {
  const uint64_t *c = cursors->items;
  for (size_t i = 0; i < cursors->n; i++) {
    if (c[i] >= w->next) w->next = c[i] + 1;
    if (!w->resume->given(ctx, c[i])) {
      if (add_cursor(&w->mem, &w->again, c[i]) != 0) return no_memory(ctx);
    } else if (c[i] < w->first_here) {
      int32_t rc = forget_item(w, ctx, c[i]);
      if (rc != 0) return rc;
    }
  }
  return 0;
}

/* The number in a note; 0 if there is none. An error is told by the host. */
static int32_t get_number(webitems *w, sl_ctx *ctx, const char *key, uint64_t *ret) {
  char text[24] = "";
  sl_bytes noted;
  int32_t rc = w->resume->get(ctx, key, &noted);
  *ret = 0;
  if (rc == SL_ENOTFOUND) return 0;
  if (rc != 0) return rc;
  memcpy(text, noted.data, noted.len < sizeof text - 1 ? noted.len : sizeof text - 1);
  *ret = strtoull(text, NULL, 10);
  return 0;
}

static int32_t put_number(webitems *w, sl_ctx *ctx, const char *key, uint64_t v) {
  char text[24];
  int n = snprintf(text, sizeof text, "%llu", (unsigned long long)v);
  return w->resume->put(ctx, key, text, (size_t)n);
}

int32_t webitems_open(webitems *w, sl_ctx *ctx) {
  w->mem = (lane_mem){ctx->host->alloc, ctx->host->free};
  w->resume = sl_extension(ctx, SL_EXT_RESUME);
  w->again.n = w->at_again = 0;
  if (w->next == 0) w->next = 1;
  if (!w->resume) return 0;
  uint64_t next, swept;
  int32_t rc = get_number(w, ctx, "next", &next);
  if (rc == 0) rc = get_number(w, ctx, "swept", &swept);
  if (rc != 0) return rc;
  if (w->first_here == UINT64_MAX && next > w->next) w->next = next;
  w->swept = (int64_t)(swept % (uint64_t)(INT64_MAX / 1000000000)) * 1000000000;
  uint64_t position = w->resume->position(ctx);
  if (position >= w->next) w->next = position + 1;
  found f = {.w = w};
  rc = w->resume->each(ctx, "p/", find_piece, &f);
  if (f.failed) rc = no_memory(ctx);
  if (rc == 0) rc = sort_left(w, ctx, &f.cursors);
  lane_vec_done(&w->mem, &f.cursors);
  return rc;
}

/* ---- what was seen ----------------------------------------------------------------------------------------------- */

static int32_t put_seen(webitems *w, sl_ctx *ctx, const char *key, uint64_t mark) {
  char text[48];
  int n = snprintf(text, sizeof text, "%016llx %lld", (unsigned long long)mark, (long long)(sl_now(ctx) / 1000000000));
  return w->resume->put(ctx, key, text, (size_t)n);
}

/* "mark seconds" of a note. */
static void read_seen(const sl_bytes *value, uint64_t *ret_mark, int64_t *ret_seen) {
  char text[48] = "", *end;
  memcpy(text, value->data, value->len < sizeof text - 1 ? value->len : sizeof text - 1);
  *ret_mark = strtoull(text, &end, 16);
  *ret_seen = (int64_t)strtoll(end, NULL, 10) * 1000000000;
}

int32_t webitems_look(webitems *w, sl_ctx *ctx, const webitem *item) {
  char key[40];
  sl_bytes value;
  if (!w->resume) return WEBITEMS_NEW;
  hash_key('s', item->key, key);
  int32_t rc = w->resume->get(ctx, key, &value);
  if (rc == SL_ENOTFOUND) return WEBITEMS_NEW;
  if (rc != 0) return rc;
  uint64_t mark;
  int64_t seen, fresh = w->remember / 4 < DAY ? w->remember / 4 : DAY;
  read_seen(&value, &mark, &seen);
  w->mark = mark;
  /* What had no date before and has one now is no news. */
  bool dated = mark == 0 && item->mark != 0;
  if (dated || sl_now(ctx) - seen > fresh / 2) {
    rc = put_seen(w, ctx, key, dated ? item->mark : mark);
    if (rc != 0) return rc;
  }
  return !dated && item->mark && mark != item->mark ? WEBITEMS_CHANGED : WEBITEMS_SEEN;
}

/* ---- emission ---------------------------------------------------------------------------------------------------- */

static int32_t take_cursor(webitems *w, sl_ctx *ctx, uint64_t *ret) {
  *ret = w->next++;
  if (!w->resume || w->next <= w->next_noted) return 0;
  w->next_noted = w->next + BLOCK;
  return put_number(w, ctx, "next", w->next_noted);
}

static int32_t put_item(webitems *w, sl_ctx *ctx, uint64_t cursor, const char *text) {
  char key[40];
  size_t n = strlen(text);
  int32_t rc = 0;
  if (n > (size_t)PIECE * PIECES_MAX) {
    sl_fail(ctx, SL_ELIMIT, "an item is too large to be kept", NULL, "lower max_bytes");
    return SL_ELIMIT;
  }
  /* From the last to the first, so that a first piece means a whole item. */
  for (uint32_t i = (uint32_t)((n + PIECE - 1) / PIECE); i > 0 && rc == 0; i--) {
    size_t from = (size_t)(i - 1) * PIECE;
    piece_key(cursor, i - 1, key);
    rc = w->resume->put(ctx, key, text + from, n - from < PIECE ? n - from : PIECE);
  }
  return rc;
}

/* The item as it is kept: its origin, its key and its body. */
static char *print_item(const webitem *item, const cJSON *body) {
  cJSON *all = cJSON_CreateObject();
  char *text = NULL, *inner = cJSON_PrintUnformatted(body);
  if (all && inner && cJSON_AddStringToObject(all, "key", item->key) &&
      cJSON_AddStringToObject(all, "uri", item->uri) &&
      (!item->locator || cJSON_AddStringToObject(all, "locator", item->locator)) &&
      (!item->revision || cJSON_AddStringToObject(all, "revision", item->revision)) &&
      cJSON_AddNumberToObject(all, "mark_high", (double)(item->mark >> 32)) &&
      cJSON_AddNumberToObject(all, "mark_low", (double)(item->mark & 0xffffffffu)) &&
      cJSON_AddRawToObject(all, "body", inner))
    text = cJSON_PrintUnformatted(all);
  cJSON_free(inner);
  cJSON_Delete(all);
  return text;
}

static int32_t give(webitems *w, sl_ctx *ctx, const webitem *item, cJSON *body, uint64_t cursor) {
  sl_doc *doc = sl_new(ctx, NULL);
  const sl_origin origin = {item->uri, item->locator, item->revision};
  if (!doc) {
    cJSON_Delete(body);
    return no_memory(ctx);
  }
  int32_t rc = sl_set_body(ctx, doc, body);
  if (rc == 0) rc = sl_set_origin(ctx, doc, &origin);
  if (rc != 0) {
    sl_discard(ctx, doc);
    return rc == SL_ENOMEM ? no_memory(ctx) : rc;
  }
  if (w->resume) sl_set_cursor(ctx, doc, cursor);
  if (cursor < w->first_here) w->first_here = cursor;
  return sl_emit(ctx, doc);
}

int32_t webitems_emit(webitems *w, sl_ctx *ctx, const webitem *item, cJSON *body) {
  uint64_t cursor;
  int32_t rc = take_cursor(w, ctx, &cursor);
  w->bytes = 1024;
  if (rc == 0 && w->resume) {
    char key[40];
    char *text = print_item(item, body);
    if (text) w->bytes = strlen(text);
    rc = text ? put_item(w, ctx, cursor, text) : no_memory(ctx);
    cJSON_free(text);
    hash_key('s', item->key, key);
    if (rc == 0) rc = put_seen(w, ctx, key, item->mark);
    w->added++;
  }
  if (rc != 0) {
    cJSON_Delete(body);
    return rc;
  }
  return give(w, ctx, item, body, cursor);
}

/* The text of a kept item [own: mem.free]; NULL when memory is out or it is not there. */
static char *join_item(webitems *w, sl_ctx *ctx, uint64_t cursor) {
  lane_vec text = {0};
  for (uint32_t i = 0; i < PIECES_MAX; i++) {
    char key[40];
    sl_bytes value;
    piece_key(cursor, i, key);
    if (w->resume->get(ctx, key, &value) != 0) break;
    if (lane_vec_reserve(&w->mem, &text, 1, text.n + value.len + 1) != 0) {
      lane_vec_done(&w->mem, &text);
      return NULL;
    }
    memcpy((char *)text.items + text.n, value.data, value.len);
    text.n += value.len;
  }
  if (text.items) ((char *)text.items)[text.n] = '\0';
  return text.items;
}

static const char *string_of(const cJSON *all, const char *name) {
  return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(all, name));
}

static uint64_t half_of(const cJSON *all, const char *name) {
  const cJSON *v = cJSON_GetObjectItemCaseSensitive(all, name);
  return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble <= 4294967295.0 ? (uint64_t)v->valuedouble : 0;
}

static int32_t give_kept(webitems *w, sl_ctx *ctx, cJSON *all, uint64_t cursor) {
  const webitem item = {string_of(all, "key"), half_of(all, "mark_high") << 32 | half_of(all, "mark_low"),
                        string_of(all, "uri"), string_of(all, "locator"), string_of(all, "revision")};
  cJSON *body = cJSON_DetachItemFromObjectCaseSensitive(all, "body");
  char key[40];
  if (!item.key || !item.uri || !cJSON_IsObject(body)) {
    cJSON_Delete(body);
    sl_log(ctx, SL_LOG_WARN, "the state holds an item that cannot be read; it is left out");
    return forget_item(w, ctx, cursor);
  }
  /* The crash may have come between the two notes. */
  hash_key('s', item.key, key);
  int32_t rc = put_seen(w, ctx, key, item.mark);
  if (rc == 0) return give(w, ctx, &item, body, cursor);
  cJSON_Delete(body);
  return rc;
}

int32_t webitems_again(webitems *w, sl_ctx *ctx) {
  if (!w->resume || w->at_again == w->again.n) return 0;
  uint64_t cursor = ((const uint64_t *)w->again.items)[w->at_again];
  char *text = join_item(w, ctx, cursor);
  if (!text) return no_memory(ctx);
  w->bytes = strlen(text);
  cJSON *all = cJSON_Parse(text);
  w->mem.free(text);
  int32_t rc = give_kept(w, ctx, all, cursor);
  cJSON_Delete(all);
  w->at_again++;
  return rc == 0 ? 1 : rc;
}

int32_t webitems_reject(webitems *w, sl_ctx *ctx, const char *uri, const webitems_reason *why) {
  uint64_t cursor;
  int32_t rc = take_cursor(w, ctx, &cursor);
  if (rc != 0) return rc;
  sl_doc *doc = sl_new(ctx, NULL);
  const sl_origin origin = {uri, NULL, NULL};
  if (!doc) return no_memory(ctx);
  if (sl_set_origin(ctx, doc, &origin) != 0) {
    sl_discard(ctx, doc);
    return no_memory(ctx);
  }
  if (w->resume) sl_set_cursor(ctx, doc, cursor);
  if (cursor < w->first_here) w->first_here = cursor;
  sl_fail(ctx, why->code, why->message, why->detail, why->hint);
  return sl_reject(ctx, doc);
}

/* ---- giving up --------------------------------------------------------------------------------------------------- */

void webitems_ended(webitems *w, uint64_t cursor) {
  pthread_mutex_lock(&w->lock);
  /* One that is not kept for want of memory is removed by the next start. */
  (void)add_cursor(&w->mem, &w->ended, cursor);
  pthread_mutex_unlock(&w->lock);
}

int32_t webitems_tidy(webitems *w, sl_ctx *ctx) {
  if (!w->resume) return 0;
  pthread_mutex_lock(&w->lock);
  lane_vec ended = w->ended;
  w->ended = (lane_vec){0};
  pthread_mutex_unlock(&w->lock);
  int32_t rc = 0;
  for (size_t i = 0; i < ended.n && rc == 0; i++) rc = forget_item(w, ctx, ((const uint64_t *)ended.items)[i]);
  lane_vec_done(&w->mem, &ended);
  return rc;
}

typedef struct sweep {
  webitems *w;
  lane_vec times; /* int64_t of each note */
  lane_vec keys;  /* 40 bytes each */
  int64_t before; /* notes last seen before it go; 0: the times are collected */
  size_t limit;   /* so many of them */
  int failed;
} sweep;

static int32_t sweep_one(void *user, const char *key, const sl_bytes *value) {
  sweep *s = user;
  uint64_t mark;
  int64_t seen;
  read_seen(value, &mark, &seen);
  if (s->before == 0) {
    if (lane_vec_reserve(&s->w->mem, &s->times, sizeof seen, s->times.n + 1) != 0) return s->failed = 1;
    ((int64_t *)s->times.items)[s->times.n++] = seen;
    return 0;
  }
  if (seen >= s->before || strlen(key) >= 40) return 0;
  if (lane_vec_reserve(&s->w->mem, &s->keys, 40, s->keys.n + 1) != 0) return s->failed = 1;
  memcpy((char *)s->keys.items + 40 * s->keys.n++, key, strlen(key) + 1);
  return s->keys.n == s->limit;
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

/* Notes last seen before this time are given up. */
static int64_t cut_of(const webitems *w, sweep *s, int64_t now) {
  int64_t old = now - w->remember > 1 ? now - w->remember : 1, *times = s->times.items;
  s->limit = SWEEP_KEYS;
  if (s->times.n <= w->most || w->most == 0) return old;
  qsort(times, s->times.n, sizeof *times, by_time);
  /* Many may have been seen in the same second: of these only as many as need be. */
  int64_t cut = times[s->times.n - w->most - 1] + 1, spared = now - DAY;
  if (cut > spared) cut = spared;
  if (cut <= old) return old;
  if (s->times.n - w->most < s->limit) s->limit = s->times.n - w->most;
  return cut;
}

int32_t webitems_sweep(webitems *w, sl_ctx *ctx) {
  int64_t now = sl_now(ctx);
  if (!w->resume || (w->swept && now - w->swept < DAY && w->added < w->most / 8 + 1)) return 0;
  sweep s = {.w = w};
  w->swept = now;
  w->added = 0;
  int32_t rc = put_number(w, ctx, "swept", (uint64_t)(now / 1000000000));
  if (rc == 0) rc = w->resume->each(ctx, "s/", sweep_one, &s);
  if (rc == 0 && !s.failed) {
    s.before = cut_of(w, &s, now);
    rc = w->resume->each(ctx, "s/", sweep_one, &s);
  }
  for (size_t i = 0; i < s.keys.n && rc == 0; i++)
    rc = w->resume->put(ctx, (const char *)s.keys.items + 40 * i, NULL, 0);
  if (s.failed) rc = no_memory(ctx);
  lane_vec_done(&w->mem, &s.times);
  lane_vec_done(&w->mem, &s.keys);
  return rc;
}

/* ---- notes about URLs -------------------------------------------------------------------------------------------- */

int32_t webitems_put(webitems *w, sl_ctx *ctx, const char *url, const cJSON *value) {
  char key[40];
  if (!w->resume) return 0;
  hash_key('f', url, key);
  char *text = value ? cJSON_PrintUnformatted(value) : NULL;
  if (value && !text) return no_memory(ctx);
  int32_t rc = w->resume->put(ctx, key, text, text ? strlen(text) : 0);
  cJSON_free(text);
  return rc;
}

cJSON *webitems_get(webitems *w, sl_ctx *ctx, const char *url) {
  char key[40];
  sl_bytes value;
  if (!w->resume) return NULL;
  hash_key('f', url, key);
  return w->resume->get(ctx, key, &value) == 0 ? cJSON_ParseWithLength(value.data, value.len) : NULL;
}
