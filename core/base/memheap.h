/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one thread knows of memory: its counters, and in the fast allocator the slabs that it takes blocks from.
 *
 * Private to base. Heaps are never freed: when a thread ends, its heap waits for the next new thread, with what it
 * counted and the slabs that still hold living blocks.
 */
#ifndef SLUICE_BASE_MEMHEAP_H
#define SLUICE_BASE_MEMHEAP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SL_MEM_CLASSES 44

struct sl_memslab;

typedef struct sl_memheap {
  _Alignas(64) _Atomic int64_t live; /* bytes; written by its thread alone, except in the shared heap */
  uint64_t n_allocs;
  uint64_t fail_target; /* the allocation with this number fails; 0: none */
  struct sl_memslab *current[SL_MEM_CLASSES];
  struct sl_memslab *partial[SL_MEM_CLASSES]; /* further slabs with free blocks */
  struct sl_memheap *next;                    /* all heaps */
  _Atomic int in_use;
  int is_shared;                                     /* 1: for threads that could not get one of their own */
  _Alignas(64) _Atomic(struct sl_memslab *) pending; /* slabs to which other threads gave blocks back */
} sl_memheap;

/* The calling thread's, NULL before the first use. */
extern _Thread_local sl_memheap *sl_memheap_mine __attribute__((tls_model("initial-exec")));

/* Makes one for the calling thread. Never NULL: the shared heap when memory is out. */
sl_memheap *sl_memheap_open(void);
/* Of the allocator in use: makes a new heap ready. */
void sl_memheap_init(sl_memheap *heap);
/* Called when a thread ends, with its heap: gives back empty slabs. */
void sl_memheap_trim(sl_memheap *heap);
/* Sum over all threads. */
int64_t sl_memheap_live(void);

static inline sl_memheap *sl_memheap_get(void) {
  sl_memheap *heap = sl_memheap_mine;
  return __builtin_expect(heap != NULL, 1) ? heap : sl_memheap_open();
}

static inline void sl_memheap_count(sl_memheap *heap, int64_t delta) {
  if (__builtin_expect(heap->is_shared, 0)) {
    atomic_fetch_add_explicit(&heap->live, delta, memory_order_relaxed);
    return;
  }
  int64_t now = atomic_load_explicit(&heap->live, memory_order_relaxed);
  atomic_store_explicit(&heap->live, now + delta, memory_order_relaxed);
}

/* 1 if this allocation is the one that a test wants to fail. */
static inline int sl_memheap_must_fail(sl_memheap *heap) {
  if (__builtin_expect(++heap->n_allocs != heap->fail_target, 1)) return 0;
  heap->fail_target = 0;
  return 1;
}

#endif
