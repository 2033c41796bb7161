/* SPDX-License-Identifier: Apache-2.0 */
/* What both allocators (memfast.c, memplain.c) share. */
#include "base/mem.h"

#include <pthread.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/memheap.h"

void *sl_mem_calloc(size_t n, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
  void *p = sl_mem_alloc(bytes);
  if (p != NULL) memset(p, 0, bytes);
  return p;
}

char *sl_mem_strndup(const char *text, size_t len) {
  char *p = sl_mem_alloc(len + 1);
  if (p == NULL) return NULL;
  if (len > 0) memcpy(p, text, len);
  p[len] = '\0';
  return p;
}

char *sl_mem_strdup(const char *text) { return text == NULL ? NULL : sl_mem_strndup(text, strlen(text)); }

void *sl_mem_memdup(const void *data, size_t len) {
  void *p = sl_mem_alloc(len);
  if (p != NULL && len > 0) memcpy(p, data, len);
  return p;
}

int64_t sl_mem_live(void) { return sl_memheap_live(); }

void sl_mem_account(int64_t delta) { sl_memheap_count(sl_memheap_get(), delta); }

static void install(void) {
  cJSON_Hooks hooks = {sl_mem_alloc, sl_mem_free};
  cJSON_InitHooks(&hooks);
}

/* Before main, so that no tree is made by one allocator and freed by another; sl_mem_install makes sure of this file.
 */
__attribute__((constructor)) static void install_early(void) { install(); }

void sl_mem_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, install);
}

uint64_t sl_mem_fail_at(uint64_t nth) {
  sl_memheap *heap = sl_memheap_get();
  uint64_t rest = heap->fail_target > heap->n_allocs ? heap->fail_target - heap->n_allocs : 0;
  heap->fail_target = nth == 0 ? 0 : heap->n_allocs + nth;
  return rest;
}

uint64_t sl_mem_count(void) { return sl_memheap_get()->n_allocs; }
