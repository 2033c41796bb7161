/* SPDX-License-Identifier: Apache-2.0 */
/* Heaps of threads, kept in a list that only grows. */
#include "base/memheap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

_Thread_local sl_memheap *sl_memheap_mine __attribute__((tls_model("initial-exec")));

static sl_memheap shared = {.is_shared = 1};
static _Atomic(sl_memheap *) heaps = &shared;
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;

static void thread_ends(void *p) {
  sl_memheap *heap = p;
  sl_memheap_trim(heap);
  sl_memheap_mine = NULL; /* a later destructor of this thread opens another one */
  atomic_store_explicit(&heap->in_use, 0, memory_order_release);
}

static void make_key(void) { (void)pthread_key_create(&exit_key, thread_ends); }

static sl_memheap *adopt(void) {
  for (sl_memheap *h = atomic_load_explicit(&heaps, memory_order_acquire); h != NULL; h = h->next) {
    int idle = 0;
    if (!h->is_shared &&
        atomic_compare_exchange_strong_explicit(&h->in_use, &idle, 1, memory_order_acquire, memory_order_relaxed)) {
      return h;
    }
  }
  return NULL;
}

static void init_shared(void) { sl_memheap_init(&shared); }

sl_memheap *sl_memheap_open(void) {
  (void)pthread_once(&exit_once, make_key);
  sl_memheap *heap = adopt();
  if (heap == NULL && (heap = aligned_alloc(64, sizeof *heap)) != NULL) {
    memset(heap, 0, sizeof *heap);
    atomic_init(&heap->in_use, 1);
    sl_memheap_init(heap);
    sl_memheap *head = atomic_load_explicit(&heaps, memory_order_relaxed);
    do {
      heap->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&heaps, &head, heap, memory_order_release, memory_order_relaxed));
  }
  if (heap == NULL) {
    (void)pthread_once(&shared_once, init_shared);
    return &shared;
  }
  heap->fail_target = 0;
  sl_memheap_mine = heap;
  (void)pthread_setspecific(exit_key, heap);
  return heap;
}

int64_t sl_memheap_live(void) {
  int64_t sum = 0;
  for (sl_memheap *h = atomic_load_explicit(&heaps, memory_order_acquire); h != NULL; h = h->next) {
    sum += atomic_load_explicit(&h->live, memory_order_relaxed);
  }
  return sum;
}
