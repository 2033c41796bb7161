/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator: contents, counting, threads, memory that goes back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/rng.h"

static void fill(unsigned char *p, size_t len, unsigned seed) {
  for (size_t i = 0; i < len; i++) p[i] = (unsigned char)(seed + i * 7);
}

static int holds(const unsigned char *p, size_t len, unsigned seed) {
  for (size_t i = 0; i < len; i++) {
    if (p[i] != (unsigned char)(seed + i * 7)) return 0;
  }
  return 1;
}

static void every_size(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  for (size_t size = 0; size < 70000; size = size < 1100 ? size + 1 : size + 97) {
    unsigned char *p = sl_mem_alloc(size);
    unsigned char *q = sl_mem_alloc(size);
    assert_non_null(p);
    assert_non_null(q);
    assert_int_equal((uintptr_t)p % 16, 0);
    fill(p, size, 1);
    fill(q, size, 2);
    assert_true(holds(p, size, 1));
    assert_true(sl_mem_live() - before >= (int64_t)(2 * size));
    sl_mem_free(p);
    assert_true(holds(q, size, 2));
    sl_mem_free(q);
  }
  assert_int_equal(sl_mem_live(), before);
  sl_mem_free(NULL);
}

static void realloc_keeps_contents(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  sl_rng rng;
  sl_rng_init(&rng, 11);
  unsigned char *p = NULL;
  size_t size = 0;
  for (int i = 0; i < 3000; i++) {
    size_t next = (size_t)sl_rng_below(&rng, (uint64_t)1 << (1 + sl_rng_below(&rng, 17)));
    p = sl_mem_realloc(p, next);
    assert_non_null(p);
    if (!holds(p, size < next ? size : next, 9)) fail_msg("contents lost from %zu to %zu bytes", size, next);
    fill(p, next, 9);
    size = next;
  }
  sl_mem_free(p);
  assert_int_equal(sl_mem_live(), before);
}

static void copies(void **state) {
  (void)state;
  char *a = sl_mem_strdup("Việt");
  char *b = sl_mem_strndup("Việt Nam", 6);
  char *c = sl_mem_memdup("ab", 2);
  unsigned char *z = sl_mem_calloc(100, 3);
  assert_string_equal(a, "Việt");
  assert_string_equal(b, "Việt");
  assert_memory_equal(c, "ab", 2);
  for (int i = 0; i < 300; i++) assert_int_equal(z[i], 0);
  assert_null(sl_mem_strdup(NULL));
  assert_null(sl_mem_calloc(SIZE_MAX / 2, 3));
  sl_mem_free(a);
  sl_mem_free(b);
  sl_mem_free(c);
  sl_mem_free(z);
}

static void nth_allocation_fails(void **state) {
  (void)state;
  uint64_t count = sl_mem_count();
  assert_int_equal(sl_mem_fail_at(3), 0);
  void *a = sl_mem_alloc(1);
  void *b = sl_mem_alloc(1);
  assert_non_null(a);
  assert_non_null(b);
  assert_null(sl_mem_alloc(1));
  void *c = sl_mem_alloc(1);
  assert_non_null(c);
  assert_int_equal(sl_mem_count() - count, 4);
  sl_mem_fail_at(1);
  assert_null(sl_mem_realloc(c, 100));
  sl_mem_fail_at(5);
  assert_int_equal(sl_mem_fail_at(0), 5);
  sl_mem_free(a);
  sl_mem_free(b);
  sl_mem_free(c);
}

static void cjson_is_counted(void **state) {
  (void)state;
  sl_mem_install();
  int64_t before = sl_mem_live();
  cJSON *tree = cJSON_Parse("{\"a\":[1,2,3]}");
  assert_true(sl_mem_live() > before);
  cJSON_Delete(tree);
  assert_int_equal(sl_mem_live(), before);
  sl_mem_account(1000);
  assert_int_equal(sl_mem_live(), before + 1000);
  sl_mem_account(-1000);
  assert_int_equal(sl_mem_live(), before);
}

/* ---- threads ---- */

#define SLOTS 512
#define THREADS 4

/* Blocks wander between threads through shared slots; each carries its size and seed. */
struct header {
  uint32_t size, seed;
};

static _Atomic(struct header *) slots[SLOTS];

static struct header *make(sl_rng *rng) {
  size_t size = sizeof(struct header) + (size_t)sl_rng_below(rng, (uint64_t)1 << (3 + sl_rng_below(rng, 14)));
  struct header *h = sl_mem_alloc(size);
  h->size = (uint32_t)size;
  h->seed = (uint32_t)sl_rng_next(rng);
  fill((unsigned char *)(h + 1), size - sizeof *h, h->seed);
  return h;
}

static int check_and_free(struct header *h) {
  int ok = h == NULL || holds((unsigned char *)(h + 1), h->size - sizeof *h, h->seed);
  sl_mem_free(h);
  return ok;
}

static void *wander(void *arg) {
  sl_rng rng;
  sl_rng_init(&rng, (uint64_t)(uintptr_t)arg);
  intptr_t bad = 0;
  for (int i = 0; i < 30000; i++) {
    struct header *mine = make(&rng);
    struct header *old =
        __atomic_exchange_n((struct header **)&slots[sl_rng_below(&rng, SLOTS)], mine, __ATOMIC_ACQ_REL);
    bad += !check_and_free(old);
  }
  return (void *)bad;
}

static void blocks_wander_between_threads(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  for (int round = 0; round < 3; round++) { /* later rounds take over the heaps of ended threads */
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++) {
      assert_int_equal(pthread_create(&threads[i], NULL, wander, (void *)(round * 100 + i + 1)), 0);
    }
    for (int i = 0; i < THREADS; i++) {
      void *bad = NULL;
      pthread_join(threads[i], &bad);
      assert_int_equal((intptr_t)bad, 0);
    }
  }
  for (int i = 0; i < SLOTS; i++) {
    assert_true(check_and_free(__atomic_exchange_n((struct header **)&slots[i], NULL, __ATOMIC_ACQ_REL)));
  }
  assert_int_equal(sl_mem_live(), before);
}

#if !defined(SLUICE_SANITIZED)
static size_t resident(void) {
  unsigned long total = 0;
  unsigned long pages = 0;
  FILE *f = fopen("/proc/self/statm", "re");
  if (f == NULL) return 0;
  if (fscanf(f, "%lu %lu", &total, &pages) != 2) pages = 0;
  fclose(f);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* One thread makes, another frees: the maker must find the blocks again. */
static void *free_all(void *arg) {
  void **blocks = arg;
  for (size_t i = 0; blocks[i] != NULL; i++) sl_mem_free(blocks[i]);
  return NULL;
}

static void memory_goes_back(void **state) {
  (void)state;
  enum { N = 200000 };
  static void *blocks[N + 1];
  size_t start = resident();
  if (start == 0 || getenv("SLUICE_MEM") != NULL) skip(); /* no /proc, or malloc was asked for */
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < N; i++) {
      blocks[i] = sl_mem_alloc((size_t)(64 + i % 5 * 100));
      memset(blocks[i], 1, 64 + (size_t)(i % 5) * 100);
    }
    assert_true(resident() > start + ((size_t)40 << 20));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_all, blocks), 0);
    pthread_join(thread, NULL);
  }
  /* What another thread freed is taken back when the owner needs memory. */
  for (size_t size = 16; size < 1000; size += 16) {
    for (int i = 0; i < 5000; i++) blocks[i] = sl_mem_alloc(size);
    for (int i = 0; i < 5000; i++) sl_mem_free(blocks[i]);
  }
  size_t end = resident();
  if (end > start + ((size_t)16 << 20)) fail_msg("resident: %zu KiB before, %zu KiB after", start >> 10, end >> 10);
}

/* Small pieces that stay do not hold the memory of those that went. */
static void holes_are_used_again(void **state) {
  (void)state;
  enum { N = 20000 };
  static void *kept[N];
  size_t start = resident();
  if (start == 0 || getenv("SLUICE_MEM") != NULL) skip();
  for (int i = 0; i < N; i++) {
    void *burst[16];
    for (int k = 0; k < 16; k++) {
      burst[k] = sl_mem_alloc(64);
      memset(burst[k], 1, 64);
    }
    kept[i] = burst[7];
    for (int k = 0; k < 16; k++) {
      if (k != 7) sl_mem_free(burst[k]);
    }
  }
  size_t end = resident();
  for (int i = 0; i < N; i++) sl_mem_free(kept[i]);
  if (end > start + (size_t)N * 64 * 2)
    fail_msg("%d KiB live, but %zu KiB resident", N * 64 / 1024, (end - start) >> 10);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_size),
    cmocka_unit_test(realloc_keeps_contents),
    cmocka_unit_test(copies),
    cmocka_unit_test(nth_allocation_fails),
    cmocka_unit_test(cjson_is_counted),
    cmocka_unit_test(blocks_wander_between_threads),
#if !defined(SLUICE_SANITIZED)
    cmocka_unit_test(holes_are_used_again),
    cmocka_unit_test(memory_goes_back),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
