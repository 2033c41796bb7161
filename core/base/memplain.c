/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator of sanitized builds: malloc, counted, so that the sanitizer sees each block. Part of base/mem.h. */
#if defined(SLUICE_SANITIZED)
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/memheap.h"
#include "platform/pages.h"

void *sl_mem_alloc(size_t size) {
  sl_memheap *heap = sl_memheap_get();
  if (sl_memheap_must_fail(heap)) {
    errno = ENOMEM;
    return NULL;
  }
  void *p = malloc(size == 0 ? 1 : size);
  if (p != NULL) sl_memheap_count(heap, (int64_t)sl_pages_malloc_size(p));
  return p;
}

void *sl_mem_realloc(void *p, size_t size) {
  if (p == NULL) return sl_mem_alloc(size);
  sl_memheap *heap = sl_memheap_get();
  if (sl_memheap_must_fail(heap)) {
    errno = ENOMEM;
    return NULL;
  }
  int64_t before = (int64_t)sl_pages_malloc_size(p);
  void *q = realloc(p, size == 0 ? 1 : size);
  if (q != NULL) sl_memheap_count(heap, (int64_t)sl_pages_malloc_size(q) - before);
  return q;
}

void sl_mem_free(void *p) {
  if (p == NULL) return;
  sl_memheap_count(sl_memheap_get(), -(int64_t)sl_pages_malloc_size(p));
  free(p);
}

void sl_memheap_init(sl_memheap *heap) { (void)heap; }

void sl_memheap_trim(sl_memheap *heap) { (void)heap; }
#else
typedef int sl_memplain_is_empty; /* ISO C wants something in a file */
#endif
