/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocator: slabs of blocks of one size, each owned by one thread. Part of base/mem.h; see
 * docs/internals/memory.md.
 *
 * A slab is 64 KiB (256 KiB for large blocks) of a reserved range of addresses, whose halves hold the two kinds, so
 * that the slab of a block is found by arithmetic, and whether a block is ours at all by one comparison. The owner
 * takes and gives back blocks without atomics. Other threads push blocks on the slab's `remote` list; who makes that
 * list non-empty also puts the slab on the owner's `pending` list. The owner looks there before it asks for a new slab.
 * Blocks above 32 KiB, and all when there is no range, come from malloc.
 *
 * Invariants: a slab stands in `pending` at most once, because its `remote` list is emptied only after the slab was
 * taken from there; blocks in `remote` count as used, so a slab is not given back while another thread may touch it;
 * `free` and `used` are touched by the owner alone.
 */
#if !defined(SLUICE_SANITIZED)
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/memheap.h"
#include "platform/pages.h"

#define SLAB ((size_t)1 << 16)
#define BIG_SLAB ((size_t)1 << 18) /* of large blocks */
#define BIG_BLOCK ((size_t)8192)   /* blocks above are in such slabs */
#define MAX_BLOCK ((size_t)32768)
#define HEADER ((size_t)128)
#define RANGE ((size_t)64 << 30)
#define MIN_RANGE ((size_t)64 << 20)
#define KEEP_BYTES ((size_t)4 << 20) /* of empty slabs that are kept ready for use */

struct block {
  struct block *next;
};

struct sl_memslab {
  struct block *free;
  char *bump, *end; /* blocks that were never used yet */
  uint32_t size;    /* of a block */
  uint32_t used;
  uint16_t class_no;
  uint16_t full;                  /* 1: neither current nor in the list of partial ones */
  sl_memheap *heap;               /* owner */
  struct sl_memslab *next, *prev; /* partial list */
  _Alignas(64) _Atomic(struct block *) remote;
  struct sl_memslab *next_pending;
};

_Static_assert(sizeof(struct sl_memslab) <= HEADER, "the header of a slab has grown");

/* Slabs of one size, in one half of the range. Numbers count from 1; 0: none. */
struct kind {
  size_t start, slab;  /* offset in the range, bytes of a slab */
  uint32_t used, max;  /* handed out at least once, that there is room for */
  uint32_t warm, cold; /* lists of empty slabs; cold ones have no memory behind them */
  uint32_t *link;      /* the next one in such a list */
};

/* Safety: `lock` is a leaf. base, bytes and half do not change after the first use. */
static struct {
  pthread_mutex_t lock;
  char *base;
  size_t bytes; /* 0: there is no range */
  size_t half;
  size_t warm_bytes;
  struct kind small, big;
} range = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t range_once = PTHREAD_ONCE_INIT;
static struct sl_memslab nothing; /* a current slab without blocks */

/* ---- size classes: steps of 16 up to 128, then four for each doubling ---- */

static inline uint32_t class_of(size_t size) {
  if (size <= 128) return (uint32_t)((size - (size > 0)) >> 4);
  uint32_t log = 63 - (uint32_t)__builtin_clzll(size - 1); /* 7 for 129..256 */
  return 8 + (log - 7) * 4 + (uint32_t)((size - 1) >> (log - 2) & 3);
}

static size_t class_size(uint32_t c) {
  if (c < 8) return (size_t)(c + 1) * 16;
  uint32_t log = 7 + (c - 8) / 4;
  return ((size_t)1 << log) + (((size_t)(c - 8) % 4 + 1) << (log - 2));
}

/* ---- the range ---- */

static void fork_lock(void) { pthread_mutex_lock(&range.lock); }
static void fork_unlock(void) { pthread_mutex_unlock(&range.lock); }

static int kind_open(struct kind *kind, size_t start, size_t bytes, size_t slab) {
  *kind = (struct kind){.start = start, .slab = slab, .max = (uint32_t)(bytes / slab)};
  kind->link = sl_pages_reserve((kind->max + 1) * sizeof kind->link[0]);
  return kind->link != NULL;
}

static void range_open(void) {
  const char *choice = getenv("SLUICE_MEM"); /* "malloc" for tools that watch malloc */
  if (choice != NULL && strcmp(choice, "malloc") == 0) return;
  for (size_t bytes = RANGE; bytes >= MIN_RANGE && range.bytes == 0; bytes /= 4) {
    char *p = sl_pages_reserve(bytes + BIG_SLAB);
    if (p == NULL) continue;
    size_t half = bytes / 2;
    if (!kind_open(&range.small, 0, half, SLAB) || !kind_open(&range.big, half, half, BIG_SLAB)) return;
    range.base = p + (BIG_SLAB - ((uintptr_t)p & (BIG_SLAB - 1))) % BIG_SLAB;
    range.half = half;
    range.bytes = bytes;
    sl_pages_keep_small(range.base, bytes);
  }
  (void)pthread_atfork(fork_lock, fork_unlock, fork_unlock);
}

static inline int is_ours(const void *p) { return (size_t)((const char *)p - range.base) < range.bytes; }

static inline struct sl_memslab *slab_of(void *p) {
  size_t offset = (size_t)((char *)p - range.base);
  size_t mask = offset < range.half ? SLAB - 1 : BIG_SLAB - 1;
  return (struct sl_memslab *)(void *)(range.base + (offset & ~mask));
}

static uint32_t pop(struct kind *kind, uint32_t *list) {
  uint32_t first = *list;
  if (first != 0) *list = kind->link[first];
  return first;
}

static void push(struct kind *kind, uint32_t *list, uint32_t no) {
  kind->link[no] = *list;
  *list = no;
}

/* NULL when the range is used up. */
static struct sl_memslab *range_take(struct kind *kind) {
  pthread_mutex_lock(&range.lock);
  uint32_t no = pop(kind, &kind->warm);
  if (no != 0) {
    range.warm_bytes -= kind->slab;
  } else if ((no = pop(kind, &kind->cold)) == 0 && kind->used < kind->max) {
    no = ++kind->used;
  }
  pthread_mutex_unlock(&range.lock);
  return no == 0 ? NULL : (struct sl_memslab *)(void *)(range.base + kind->start + (no - 1) * kind->slab);
}

static void range_give(struct sl_memslab *slab) {
  struct kind *kind = slab->size > BIG_BLOCK ? &range.big : &range.small;
  size_t offset = (size_t)((char *)slab - range.base) - kind->start;
  uint32_t no = (uint32_t)(offset / kind->slab) + 1;
  pthread_mutex_lock(&range.lock);
  int keep = range.warm_bytes + kind->slab <= KEEP_BYTES;
  if (keep) {
    range.warm_bytes += kind->slab;
    push(kind, &kind->warm, no);
  }
  pthread_mutex_unlock(&range.lock);
  if (keep) return;
  sl_pages_drop(slab, kind->slab);
  pthread_mutex_lock(&range.lock);
  push(kind, &kind->cold, no);
  pthread_mutex_unlock(&range.lock);
}

/* ---- slabs of a heap ---- */

static struct sl_memslab *slab_new(sl_memheap *heap, uint32_t c) {
  size_t size = class_size(c);
  struct kind *kind = size > BIG_BLOCK ? &range.big : &range.small;
  struct sl_memslab *slab = range.bytes == 0 ? NULL : range_take(kind);
  if (slab == NULL) return NULL;
  memset(slab, 0, sizeof *slab);
  slab->bump = (char *)slab + HEADER;
  slab->end = slab->bump + (kind->slab - HEADER) / size * size;
  slab->size = (uint32_t)size;
  slab->class_no = (uint16_t)c;
  slab->heap = heap;
  return slab;
}

static void list_add(sl_memheap *heap, struct sl_memslab *slab) {
  struct sl_memslab **head = &heap->partial[slab->class_no];
  slab->prev = NULL;
  slab->next = *head;
  if (*head != NULL) (*head)->prev = slab;
  *head = slab;
  slab->full = 0;
}

static void list_remove(sl_memheap *heap, struct sl_memslab *slab) {
  if (slab->prev != NULL) {
    slab->prev->next = slab->next;
  } else {
    heap->partial[slab->class_no] = slab->next;
  }
  if (slab->next != NULL) slab->next->prev = slab->prev;
}

/* After blocks came back to a slab that is not the current one. */
static void settle(sl_memheap *heap, struct sl_memslab *slab) {
  if (slab->full) list_add(heap, slab);
  if (slab->used == 0) {
    list_remove(heap, slab);
    range_give(slab);
  }
}

/* Takes back what other threads freed. */
static void collect(sl_memheap *heap) {
  if (atomic_load_explicit(&heap->pending, memory_order_relaxed) == NULL) return;
  struct sl_memslab *slab = atomic_exchange_explicit(&heap->pending, NULL, memory_order_acquire);
  while (slab != NULL) {
    struct sl_memslab *next =
        slab->next_pending; /* before the exchange: from then on the slab may be put there again */
    struct block *b = atomic_exchange_explicit(&slab->remote, NULL, memory_order_acq_rel);
    while (b != NULL) {
      struct block *after = b->next;
      b->next = slab->free;
      slab->free = b;
      slab->used--;
      b = after;
    }
    if (slab != heap->current[slab->class_no]) settle(heap, slab);
    slab = next;
  }
}

static void *take(struct sl_memslab *slab) {
  struct block *b = slab->free;
  if (b != NULL) {
    slab->free = b->next;
  } else if (slab->bump < slab->end) {
    b = (struct block *)(void *)slab->bump;
    slab->bump += slab->size;
  } else {
    return NULL;
  }
  slab->used++;
  return b;
}

/* The current slab is used up. NULL when there is no range. */
static void *alloc_slab(sl_memheap *heap, uint32_t c) {
  (void)pthread_once(&range_once, range_open);
  if (heap->is_shared || range.bytes == 0) return NULL;
  collect(heap);
  void *p = take(heap->current[c]);
  if (p != NULL) return p;
  struct sl_memslab *slab = heap->partial[c];
  if (slab != NULL) {
    list_remove(heap, slab);
  } else if ((slab = slab_new(heap, c)) == NULL) {
    return NULL;
  }
  if (heap->current[c] != &nothing) heap->current[c]->full = 1;
  heap->current[c] = slab;
  return take(slab);
}

static void free_remote(struct sl_memslab *slab, struct block *b) {
  sl_memheap *owner = slab->heap;
  struct block *head = atomic_load_explicit(&slab->remote, memory_order_relaxed);
  do {
    b->next = head;
  } while (!atomic_compare_exchange_weak_explicit(&slab->remote, &head, b, memory_order_acq_rel, memory_order_relaxed));
  if (head != NULL) return;
  struct sl_memslab *top = atomic_load_explicit(&owner->pending, memory_order_relaxed);
  do {
    slab->next_pending = top;
  } while (
      !atomic_compare_exchange_weak_explicit(&owner->pending, &top, slab, memory_order_acq_rel, memory_order_relaxed));
}

void sl_memheap_init(sl_memheap *heap) {
  for (uint32_t c = 0; c < SL_MEM_CLASSES; c++) heap->current[c] = &nothing;
}

void sl_memheap_trim(sl_memheap *heap) {
  collect(heap);
  for (uint32_t c = 0; c < SL_MEM_CLASSES; c++) {
    struct sl_memslab *slab = heap->current[c];
    if (slab == &nothing || slab->used > 0) continue;
    heap->current[c] = &nothing;
    range_give(slab);
  }
}

/* ---- entries ---- */

static void *out_of_memory(void) {
  errno = ENOMEM;
  return NULL;
}

static void *alloc_malloc(sl_memheap *heap, size_t size) {
  void *p = malloc(size == 0 ? 1 : size);
  if (p != NULL) sl_memheap_count(heap, (int64_t)sl_pages_malloc_size(p));
  return p;
}

static __attribute__((noinline)) void *alloc_slowly(size_t size) {
  sl_memheap *heap = sl_memheap_get();
  if (sl_memheap_must_fail(heap)) return out_of_memory();
  if (size > MAX_BLOCK) return alloc_malloc(heap, size);
  uint32_t c = class_of(size);
  void *p = take(heap->current[c]);
  if (p == NULL) p = alloc_slab(heap, c);
  if (p == NULL) return alloc_malloc(heap, size);
  sl_memheap_count(heap, (int64_t)class_size(c));
  return p;
}

/* The counter of a heap that is not the shared one: its thread alone writes it. */
static inline void count(sl_memheap *heap, int64_t delta) {
  int64_t now = atomic_load_explicit(&heap->live, memory_order_relaxed);
  atomic_store_explicit(&heap->live, now + delta, memory_order_relaxed);
}

void *sl_mem_alloc(size_t size) {
  sl_memheap *heap = sl_memheap_mine; /* never the shared one */
  if (__builtin_expect(heap == NULL || size > MAX_BLOCK, 0)) return alloc_slowly(size);
  struct sl_memslab *slab = heap->current[class_of(size)];
  struct block *b = slab->free;
  if (__builtin_expect(b == NULL || heap->n_allocs + 1 == heap->fail_target, 0)) return alloc_slowly(size);
  heap->n_allocs++;
  slab->free = b->next;
  slab->used++;
  count(heap, slab->size);
  return b;
}

static __attribute__((noinline)) void free_slowly(void *p) {
  sl_memheap *heap = sl_memheap_get();
  if (!is_ours(p)) {
    sl_memheap_count(heap, -(int64_t)sl_pages_malloc_size(p));
    free(p);
    return;
  }
  struct sl_memslab *slab = slab_of(p);
  sl_memheap_count(heap, -(int64_t)slab->size);
  if (slab->heap != heap) {
    free_remote(slab, p);
    return;
  }
  struct block *b = p;
  b->next = slab->free;
  slab->free = b;
  slab->used--;
  if (slab != heap->current[slab->class_no]) settle(heap, slab);
}

void sl_mem_free(void *p) {
  sl_memheap *heap = sl_memheap_mine;
  if (p == NULL) return;
  if (__builtin_expect(!is_ours(p), 0)) {
    free_slowly(p);
    return;
  }
  struct sl_memslab *slab = slab_of(p);
  if (__builtin_expect(slab->heap != heap || slab->full || slab->used == 1, 0)) {
    free_slowly(p);
    return;
  }
  count(heap, -(int64_t)slab->size);
  struct block *b = p;
  b->next = slab->free;
  slab->free = b;
  slab->used--;
}

void *sl_mem_realloc(void *p, size_t size) {
  if (p == NULL) return sl_mem_alloc(size);
  int ours = is_ours(p);
  size_t have = ours ? slab_of(p)->size : sl_pages_malloc_size(p);
  if (!ours && size > MAX_BLOCK) {
    sl_memheap *heap = sl_memheap_get();
    if (sl_memheap_must_fail(heap)) return out_of_memory();
    void *q = realloc(p, size);
    if (q != NULL) sl_memheap_count(heap, (int64_t)sl_pages_malloc_size(q) - (int64_t)have);
    return q;
  }
  /* In place unless it grows, or a block of half the size would do. */
  if (ours && size <= have && size > have / 2) return sl_memheap_must_fail(sl_memheap_get()) ? out_of_memory() : p;
  void *q = sl_mem_alloc(size);
  if (q == NULL) return NULL;
  memcpy(q, p, have < size ? have : size);
  sl_mem_free(p);
  return q;
}
#else
typedef int sl_memfast_is_empty; /* ISO C wants something in a file */
#endif
