/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "sluice.resume/1" for a stage under test: what has ended, and the notes, in memory that outlives the harness.
 *
 * The harshest reading of the contract: a note is durable only when a document that was emitted after it has ended, and
 * after a crash nothing is known of documents that had not.
 */
#include "harness/impl.h"

#include <stdlib.h>
#include <string.h>

typedef struct note {
  struct note *next; /* sorted by key */
  char *value;       /* NUL-terminated besides; NULL: removed */
  size_t len;
  char key[];
} note;

/* A change of a note that a crash would undo. */
typedef struct change {
  struct change *next;
  size_t emitted; /* documents that were emitted before it */
  char *key, *value;
  size_t len;
} change;

typedef struct given {
  uint64_t cursor;
  int ended;
} given;

struct sl_harness_state {
  note *live, *durable;
  change *changes; /* in order */
  uint64_t watermark;
  uint64_t *above; /* ended above the watermark in earlier processes; sorted */
  size_t n_above;
  given *run; /* of this process, in the order of emission */
  size_t n_run, cap_run;
  struct sl_harness_entry *kv;
};

struct sl_harness_entry **sl_harness_state_kv(sl_harness_state *s) {
  return &s->kv;
}

static sl_harness_state *state_of(sl_ctx *ctx) { return ((sl_harness *)(void *)ctx)->state; }

static char *copy(const void *value, size_t len) {
  char *out = sl_harness_mem(len + 1, 1);
  if (len) memcpy(out, value, len);
  return out;
}

/* ---- notes ---- */

static note **find(note **list, const char *key) {
  note **at = list;
  while (*at && strcmp((*at)->key, key) < 0) at = &(*at)->next;
  return at;
}

static void set(note **list, const char *key, const void *value, size_t len) {
  note **at = find(list, key), *n = *at;
  int here = n && strcmp(n->key, key) == 0;
  if (!value) {
    if (!here) return;
    *at = n->next;
    free(n->value);
    free(n);
    return;
  }
  if (!here) {
    n = sl_harness_mem(1, sizeof *n + strlen(key) + 1);
    memcpy(n->key, key, strlen(key) + 1);
    n->next = *at;
    *at = n;
  }
  char *fresh = copy(value, len);
  free(n->value);
  n->value = fresh;
  n->len = len;
}

static void clear(note **list) {
  while (*list) set(list, (*list)->key, NULL, 0);
}

static void copy_all(note **to, const note *from) {
  clear(to);
  for (; from; from = from->next) set(to, from->key, from->value, from->len);
}

/* Changes made before the emission of a document that has ended. */
static void make_durable(sl_harness_state *s, size_t emitted) {
  while (s->changes && s->changes->emitted <= emitted) {
    change *c = s->changes;
    s->changes = c->next;
    set(&s->durable, c->key, c->value, c->len);
    free(c->key);
    free(c->value);
    free(c);
  }
}

/* ---- cursors ---- */

static int by_cursor(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static uint64_t last_of(const sl_harness_state *s) {
  uint64_t last = s->n_run ? s->run[s->n_run - 1].cursor : 0;
  return last > s->watermark ? last : s->watermark;
}

static int is_given(const sl_harness_state *s, uint64_t cursor) {
  if (cursor <= s->watermark) return 1;
  if (s->n_above && bsearch(&cursor, s->above, s->n_above, sizeof *s->above, by_cursor)) return 1;
  for (size_t i = s->n_run; i > 0 && s->run[i - 1].cursor >= cursor; i--)
    if (s->run[i - 1].cursor == cursor) return 1;
  return 0;
}

/* The process ends: what had not ended is forgotten. */
static void end_run(sl_harness_state *s) {
  size_t whole = 0;
  uint64_t *above = sl_harness_mem(s->n_above + s->n_run, sizeof *above);
  size_t n = 0;
  while (whole < s->n_run && s->run[whole].ended) whole++;
  if (whole && s->run[whole - 1].cursor > s->watermark) s->watermark = s->run[whole - 1].cursor;
  for (size_t i = 0; i < s->n_above; i++)
    if (s->above[i] > s->watermark) above[n++] = s->above[i];
  for (size_t i = whole; i < s->n_run; i++)
    if (s->run[i].ended) above[n++] = s->run[i].cursor;
  qsort(above, n, sizeof *above, by_cursor);
  free(s->above);
  s->above = above;
  s->n_above = n;
  s->n_run = 0;
}

int sl_harness_given(sl_harness *h, const rec *r) {
  sl_harness_state *s = h->state;
  if (!s || h->type->kind != SL_SOURCE) return 0;
  uint64_t cursor = r->doc->cursor;
  if (!cursor) {
    sl_harness_problem(h, "a document was emitted without a cursor (sl_set_cursor), but the source can be resumed");
    return 0;
  }
  if (is_given(s, cursor)) {
    h->dropped++;
    return 1;
  }
  if (s->n_run && cursor < s->run[s->n_run - 1].cursor)
    sl_harness_problem(h, "a document was emitted with the cursor %llu after one with %llu: cursors grow",
                       (unsigned long long)cursor, (unsigned long long)s->run[s->n_run - 1].cursor);
  if (s->n_run == s->cap_run) {
    s->cap_run = s->cap_run * 2 + 64;
    given *grown = realloc(s->run, s->cap_run * sizeof *grown);
    if (!grown) sl_harness_misuse("memory is out");
    s->run = grown;
  }
  s->run[s->n_run++] = (given){cursor, 0};
  return 0;
}

void sl_harness_state_ended(sl_harness *h, uint64_t cursor) {
  sl_harness_state *s = h->state;
  if (!s || h->crashed) return;
  for (size_t i = 0; i < s->n_run; i++) {
    if (s->run[i].cursor != cursor) continue;
    s->run[i].ended = 1;
    make_durable(s, i);
    return;
  }
}

/* ---- the extension ---- */

static uint64_t resume_position(sl_ctx *ctx) { return last_of(state_of(ctx)); }
static int32_t resume_given(sl_ctx *ctx, uint64_t cursor) { return is_given(state_of(ctx), cursor); }

static int32_t resume_put(sl_ctx *ctx, const char *key, const void *value, size_t len) {
  sl_harness *h = (sl_harness *)(void *)ctx;
  sl_harness_state *s = h->state;
  if (len > 65536) {
    sl_harness_problem(h, "a note of %zu bytes: at most 65536 are kept", len);
    return SL_ELIMIT;
  }
  if (h->crashed) return 0;
  set(&s->live, key, value, len);
  change **end = &s->changes, *c = sl_harness_mem(1, sizeof *c);
  while (*end) end = &(*end)->next;
  *c = (change){NULL, s->n_run, copy(key, strlen(key)), value ? copy(value, len) : NULL, len};
  *end = c;
  return 0;
}

static int32_t resume_get(sl_ctx *ctx, const char *key, sl_bytes *ret) {
  sl_harness_state *s = state_of(ctx);
  const note *n = *find(&s->live, key);
  if (!n || strcmp(n->key, key) != 0) return SL_ENOTFOUND;
  *ret = (sl_bytes){n->value, n->len};
  return 0;
}

static int32_t resume_each(sl_ctx *ctx, const char *prefix,
                           int32_t (*cb)(void *user, const char *key, const sl_bytes *value), void *user) {
  for (const note *n = state_of(ctx)->live; n; n = n->next) {
    sl_bytes value = {n->value, n->len};
    if (strncmp(n->key, prefix, strlen(prefix)) == 0 && cb(user, n->key, &value)) break;
  }
  return 0;
}

const void *sl_harness_resume(const sl_harness *h) {
  static const sl_resume table = {sizeof(sl_resume), 0,          resume_position, resume_given,
                                  resume_put,        resume_get, resume_each};
  return h->state && h->type->kind == SL_SOURCE ? &table : NULL;
}

/* ---- for the test ---- */

sl_harness_state *sl_harness_state_new(void) { return sl_harness_mem(1, sizeof(sl_harness_state)); }

void sl_harness_state_free(sl_harness_state *s) {
  if (!s) return;
  make_durable(s, SIZE_MAX);
  clear(&s->live);
  clear(&s->durable);
  sl_harness_kv_forget(&s->kv, 1);
  free(s->above);
  free(s->run);
  free(s);
}

void sl_harness_use_state(sl_harness *h, sl_harness_state *s) {
  if (h->life == LIFE_STARTED) sl_harness_misuse("sl_harness_use_state after sl_harness_start");
  h->state = s;
}

void sl_harness_crash(sl_harness *h) {
  sl_harness_state *s = h->state;
  if (!s) {
    sl_harness_misuse("sl_harness_crash without sl_harness_use_state");
    return;
  }
  while (s->changes) { /* undone */
    change *c = s->changes;
    s->changes = c->next;
    free(c->key);
    free(c->value);
    free(c);
  }
  copy_all(&s->live, s->durable);
  sl_harness_kv_forget(&s->kv, 0);
  end_run(s);
  h->crashed = 1;
}

void sl_harness_state_leave(sl_harness *h) {
  if (!h->state || h->crashed) return;
  make_durable(h->state, SIZE_MAX);
  sl_harness_kv_ended(h, NULL);
  end_run(h->state);
}

uint32_t sl_harness_dropped(sl_harness *h) { return h->dropped; }

const char *sl_harness_note(sl_harness *h, const char *key) {
  if (!h->state) return NULL;
  const note *n = *find(&h->state->live, key);
  return n && strcmp(n->key, key) == 0 ? n->value : NULL;
}

uint32_t sl_harness_notes(sl_harness *h) {
  uint32_t count = 0;
  for (const note *n = h->state ? h->state->live : NULL; n; n = n->next) count++;
  return count;
}
