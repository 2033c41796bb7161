/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that goes back all at once. */
#include "conf/arena.h"

#include <stdint.h>
#include <string.h>

#include <sluice/plugin.h>

#include "base/mem.h"

#define CHUNK_BYTES ((size_t)8 << 10)
#define ALIGN ((size_t)16)

typedef struct chunk {
  struct chunk *next;
  size_t used, cap;
  _Alignas(16) unsigned char data[];
} chunk;

typedef struct deferred {
  struct deferred *next;
  void (*release)(void *p);
  void *p;
} deferred;

struct sl_arena {
  chunk *chunks;
  deferred *deferred;
};

sl_arena *sl_arena_new(void) { return sl_mem_calloc(1, sizeof(sl_arena)); }

void sl_arena_free(sl_arena *arena) {
  if (!arena) return;
  for (deferred *d = arena->deferred; d; d = d->next) d->release(d->p);
  for (chunk *c = arena->chunks, *next; c; c = next) {
    next = c->next;
    sl_mem_free(c);
  }
  sl_mem_free(arena);
}

void *sl_arena_alloc(sl_arena *arena, size_t size) {
  if (size > SIZE_MAX / 2) return NULL;
  size = (size + ALIGN - 1) & ~(ALIGN - 1);
  chunk *c = arena->chunks;
  if (!c || c->cap - c->used < size) {
    size_t cap = size > CHUNK_BYTES / 4 ? size : CHUNK_BYTES;
    chunk *fresh = sl_mem_alloc(sizeof(chunk) + cap);
    if (!fresh) return NULL;
    fresh->used = 0;
    fresh->cap = cap;
    if (c && cap == size) { /* a large block must not waste the rest of the current chunk */
      fresh->next = c->next;
      c->next = fresh;
    } else {
      fresh->next = c;
      arena->chunks = fresh;
    }
    c = fresh;
  }
  void *p = c->data + c->used;
  c->used += size;
  return memset(p, 0, size);
}

void *sl_arena_array(sl_arena *arena, size_t n, size_t size) {
  if (size && n > SIZE_MAX / size) return NULL;
  return sl_arena_alloc(arena, n * size);
}

char *sl_arena_strdup(sl_arena *arena, const char *text) { return sl_arena_strndup(arena, text, strlen(text)); }

char *sl_arena_strndup(sl_arena *arena, const char *text, size_t len) {
  char *copy = sl_arena_alloc(arena, len + 1);
  if (copy && len) memcpy(copy, text, len);
  return copy;
}

int sl_arena_defer(sl_arena *arena, void (*release)(void *p), void *p) {
  deferred *d = sl_arena_alloc(arena, sizeof *d);
  if (!d) {
    release(p);
    return SL_ENOMEM;
  }
  d->next = arena->deferred;
  d->release = release;
  d->p = p;
  arena->deferred = d;
  return 0;
}
