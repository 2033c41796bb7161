/* SPDX-License-Identifier: Apache-2.0 */
/* Memory from Linux and macOS. */
#include "platform/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

#if defined(__APPLE__)
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

#if !defined(MAP_NORESERVE)
#define MAP_NORESERVE 0
#endif

void *sl_pages_reserve(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

void sl_pages_keep_small(void *p, size_t bytes) {
#if defined(MADV_NOHUGEPAGE)
  (void)madvise(p, bytes, MADV_NOHUGEPAGE);
#else
  (void)p;
  (void)bytes;
#endif
}

void sl_pages_drop(void *p, size_t bytes) {
#if defined(__APPLE__)
  /* Fresh pages in place of the old ones: advice alone does not lower what the system counts. */
  (void)mmap(p, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
#else
  (void)madvise(p, bytes, MADV_DONTNEED);
#endif
}

size_t sl_pages_malloc_size(void *p) {
#if defined(__APPLE__)
  return malloc_size(p);
#else
  return malloc_usable_size(p);
#endif
}
