/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocator: slabs of blocks of one size, each owned by one thread. Part of base/mem.h; see
 * docs/internals/memory.md.
 *
 * A slab is 64 KiB (256 KiB for large blocks) of a reserved range of addresses, so that the slab of a block is found by
 * arithmetic, and whether a block is ours at all by one comparison. The owner takes and gives back blocks without
 * atomics. Other threads push blocks on the slab's `remote` list; who makes that list non-empty also puts the slab on
 * the owner's `pending` list. The owner looks there before it asks for a new slab. Blocks above 32 KiB, and all when
 * there is no range, come from malloc.
 *
 * Invariants: a slab stands in `pending` at most once, because its `remote` list is emptied only after the slab was
 * taken from there; blocks in `remote` count as used, so a slab is not given back while another thread may touch it;
 * `free` and `used` are touched by the owner alone.
 */
#if !defined(SLUICE_SANITIZED)
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/memheap.h"

#define UNIT_SHIFT 16
#define UNIT ((size_t)1 << UNIT_SHIFT)
#define BIG_UNITS 4              /* units of a slab of large blocks */
#define BIG_BLOCK ((size_t)8192) /* blocks above are in such slabs */
#define MAX_BLOCK ((size_t)32768)
#define HEADER ((size_t)128)
#define RANGE ((size_t)64 << 30)
#define MIN_RANGE ((size_t)64 << 20)
#define KEEP_UNITS 64 /* empty slabs kept ready for use: 4 MiB */

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

/* The range and its empty slabs. Safety: `lock` is a leaf. */
static struct {
  pthread_mutex_t lock;
  char *base;
  size_t bytes;              /* 0: there is no range */
  size_t used_units;         /* handed out at least once */
  uint8_t *back;             /* for each unit: how many units before it its slab begins */
  uint32_t *link;            /* for the first unit of each empty slab: the next one + 1 */
  uint32_t warm[2], cold[2]; /* empty slabs by size, first unit + 1; cold ones have no memory */
  size_t warm_units;
} range = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t range_once = PTHREAD_ONCE_INIT;
static struct sl_memslab nothing; /* a current slab without blocks */

/* ---- size classes: steps of 16 up to 128, then four for each doubling ---- */

static inline uint32_t class_of(size_t size) {
  if (size <= 128) return size <= 16 ? 0 : (uint32_t)((size - 1) >> 4);
  uint32_t log = 63 - (uint32_t)__builtin_clzll(size - 1); /* 7 for 129..256 */
  return 8 + (log - 7) * 4 + (uint32_t)((size - 1) >> (log - 2) & 3);
}

static size_t class_size(uint32_t c) {
  if (c < 8) return (size_t)(c + 1) * 16;
  uint32_t log = 7 + (c - 8) / 4;
  return ((size_t)1 << log) + (((size_t)(c - 8) % 4 + 1) << (log - 2));
}

static uint32_t units_for(size_t block) { return block > BIG_BLOCK ? BIG_UNITS : 1; }

/* ---- the range ---- */

static void fork_lock(void) { pthread_mutex_lock(&range.lock); }
static void fork_unlock(void) { pthread_mutex_unlock(&range.lock); }

static void *reserve(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

static void range_open(void) {
  const char *choice = getenv("SLUICE_MEM"); /* "malloc" for tools that watch malloc */
  if (choice != NULL && strcmp(choice, "malloc") == 0) return;
  for (size_t bytes = RANGE; bytes >= MIN_RANGE && range.base == NULL; bytes /= 4) {
    char *p = reserve(bytes + UNIT);
    if (p == NULL) continue;
    size_t units = bytes >> UNIT_SHIFT;
    range.back = reserve(units * sizeof range.back[0]);
    range.link = reserve(units * sizeof range.link[0]);
    if (range.back == NULL || range.link == NULL) return;
    range.base = p + (UNIT - ((uintptr_t)p & (UNIT - 1))) % UNIT;
    range.bytes = bytes;
    (void)madvise(range.base, bytes, MADV_NOHUGEPAGE); /* a huge page would make untouched slabs resident */
  }
  (void)pthread_atfork(fork_lock, fork_unlock, fork_unlock);
}

static int is_ours(const void *p) { return (size_t)((const char *)p - range.base) < range.bytes; }

static inline struct sl_memslab *slab_of(void *p) {
  size_t unit = (size_t)((char *)p - range.base) >> UNIT_SHIFT;
  return (struct sl_memslab *)(void *)(range.base + ((unit - range.back[unit]) << UNIT_SHIFT));
}

static uint32_t pop_unit(uint32_t *list) {
  uint32_t first = *list;
  if (first != 0) *list = range.link[first - 1];
  return first;
}

static void push_unit(uint32_t *list, uint32_t first) {
  range.link[first - 1] = *list;
  *list = first;
}

/* NULL when the range is used up. */
static struct sl_memslab *range_take(uint32_t units) {
  int kind = units > 1;
  pthread_mutex_lock(&range.lock);
  uint32_t first = pop_unit(&range.warm[kind]);
  if (first != 0) {
    range.warm_units -= units;
  } else if ((first = pop_unit(&range.cold[kind])) == 0 && ((range.used_units + units) << UNIT_SHIFT) <= range.bytes) {
    first = (uint32_t)range.used_units + 1;
    range.used_units += units;
    for (uint32_t i = 0; i < units; i++) range.back[first - 1 + i] = (uint8_t)i;
  }
  pthread_mutex_unlock(&range.lock);
  return first == 0 ? NULL : (struct sl_memslab *)(void *)(range.base + ((size_t)(first - 1) << UNIT_SHIFT));
}

static void range_give(struct sl_memslab *slab) {
  uint32_t units = units_for(slab->size);
  uint32_t first = (uint32_t)((size_t)((char *)slab - range.base) >> UNIT_SHIFT) + 1;
  pthread_mutex_lock(&range.lock);
  int keep = range.warm_units + units <= KEEP_UNITS;
  if (keep) {
    range.warm_units += units;
    push_unit(&range.warm[units > 1], first);
  }
  pthread_mutex_unlock(&range.lock);
  if (keep) return;
  (void)madvise(slab, (size_t)units << UNIT_SHIFT, MADV_DONTNEED);
  pthread_mutex_lock(&range.lock);
  push_unit(&range.cold[units > 1], first);
  pthread_mutex_unlock(&range.lock);
}

/* ---- slabs of a heap ---- */

static struct sl_memslab *slab_new(sl_memheap *heap, uint32_t c) {
  size_t size = class_size(c);
  uint32_t units = units_for(size);
  struct sl_memslab *slab = range.bytes == 0 ? NULL : range_take(units);
  if (slab == NULL) return NULL;
  memset(slab, 0, sizeof *slab);
  slab->bump = (char *)slab + HEADER;
  slab->end = slab->bump + (((size_t)units << UNIT_SHIFT) - HEADER) / size * size;
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

/* The current slab is used up. */
static void *alloc_slowly(sl_memheap *heap, uint32_t c) {
  (void)pthread_once(&range_once, range_open);
  if (heap->is_shared) return NULL;
  if (heap->current[c] == NULL) heap->current[c] = &nothing;
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

void sl_memheap_trim(sl_memheap *heap) {
  collect(heap);
  for (uint32_t c = 0; c < SL_MEM_CLASSES; c++) {
    struct sl_memslab *slab = heap->current[c];
    if (slab == NULL || slab == &nothing || slab->used > 0) continue;
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
  if (p != NULL) sl_memheap_count(heap, (int64_t)malloc_usable_size(p));
  return p;
}

void *sl_mem_alloc(size_t size) {
  sl_memheap *heap = sl_memheap_get();
  if (sl_memheap_must_fail(heap)) return out_of_memory();
  if (size > MAX_BLOCK) return alloc_malloc(heap, size);
  uint32_t c = class_of(size);
  struct sl_memslab *slab = heap->current[c];
  void *p = NULL;
  if (__builtin_expect(slab != NULL && slab->free != NULL, 1)) {
    struct block *b = slab->free;
    slab->free = b->next;
    slab->used++;
    sl_memheap_count(heap, slab->size);
    return b;
  }
  if (slab != NULL) p = take(slab);
  if (p == NULL) p = alloc_slowly(heap, c);
  if (p == NULL) return alloc_malloc(heap, size);
  sl_memheap_count(heap, (int64_t)class_size(c));
  return p;
}

void sl_mem_free(void *p) {
  if (p == NULL) return;
  sl_memheap *heap = sl_memheap_get();
  if (__builtin_expect(!is_ours(p), 0)) {
    sl_memheap_count(heap, -(int64_t)malloc_usable_size(p));
    free(p);
    return;
  }
  struct sl_memslab *slab = slab_of(p);
  sl_memheap_count(heap, -(int64_t)slab->size);
  if (__builtin_expect(slab->heap != heap, 0)) {
    free_remote(slab, p);
    return;
  }
  struct block *b = p;
  b->next = slab->free;
  slab->free = b;
  slab->used--;
  if (__builtin_expect(slab->full || slab->used == 0, 0) && slab != heap->current[slab->class_no]) settle(heap, slab);
}

void *sl_mem_realloc(void *p, size_t size) {
  if (p == NULL) return sl_mem_alloc(size);
  int ours = is_ours(p);
  size_t have = ours ? slab_of(p)->size : malloc_usable_size(p);
  if (!ours && size > MAX_BLOCK) {
    sl_memheap *heap = sl_memheap_get();
    if (sl_memheap_must_fail(heap)) return out_of_memory();
    void *q = realloc(p, size);
    if (q != NULL) sl_memheap_count(heap, (int64_t)malloc_usable_size(q) - (int64_t)have);
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
