/* SPDX-License-Identifier: Apache-2.0 */
/* Counted memory over malloc. */
#include "base/mem.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* One counter a thread, written by it alone, so that counting needs no contended atomic. Counters outlive their thread.
 */
struct counter {
  _Alignas(64) _Atomic int64_t live;
  struct counter *next;
  int in_use;
};

static struct counter shared_counter; /* for threads whose own counter could not be made */
static struct counter *counters = &shared_counter;
static pthread_mutex_t counters_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static _Thread_local struct counter *mine;
static _Thread_local uint64_t n_allocs, fail_at;
static _Atomic int64_t accounted;

static void thread_ends(void *p) {
  struct counter *c = p;
  pthread_mutex_lock(&counters_lock);
  c->in_use = 0; /* what it counted stays; the next new thread goes on with it */
  pthread_mutex_unlock(&counters_lock);
  mine = NULL;
}

static void make_key(void) { (void)pthread_key_create(&exit_key, thread_ends); }

static struct counter *counter_new(void) {
  (void)pthread_once(&exit_once, make_key);
  struct counter *c;
  pthread_mutex_lock(&counters_lock);
  for (c = counters; c != NULL && (c->in_use || c == &shared_counter); c = c->next) {
  }
  if (c == NULL && (c = aligned_alloc(64, sizeof *c)) != NULL) {
    memset(c, 0, sizeof *c);
    c->next = shared_counter.next;
    shared_counter.next = c;
  }
  if (c != NULL) c->in_use = 1;
  pthread_mutex_unlock(&counters_lock);
  if (c == NULL) return &shared_counter;
  (void)pthread_setspecific(exit_key, c);
  return c;
}

static void count(int64_t delta) {
  if (mine == NULL) mine = counter_new();
  if (mine == &shared_counter) {
    atomic_fetch_add_explicit(&mine->live, delta, memory_order_relaxed);
  } else {
    int64_t now = atomic_load_explicit(&mine->live, memory_order_relaxed);
    atomic_store_explicit(&mine->live, now + delta, memory_order_relaxed);
  }
}

static int must_fail(void) {
  n_allocs++;
  if (fail_at == 0 || --fail_at != 0) return 0;
  errno = ENOMEM;
  return 1;
}

void *sl_mem_alloc(size_t size) {
  if (must_fail()) return NULL;
  void *p = malloc(size == 0 ? 1 : size);
  if (p != NULL) count((int64_t)malloc_usable_size(p));
  return p;
}

void *sl_mem_realloc(void *p, size_t size) {
  if (p == NULL) return sl_mem_alloc(size);
  if (must_fail()) return NULL;
  int64_t before = (int64_t)malloc_usable_size(p);
  void *q = realloc(p, size == 0 ? 1 : size);
  if (q != NULL) count((int64_t)malloc_usable_size(q) - before);
  return q;
}

void sl_mem_free(void *p) {
  if (p == NULL) return;
  count(-(int64_t)malloc_usable_size(p));
  free(p);
}

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

int64_t sl_mem_live(void) {
  int64_t sum = atomic_load_explicit(&accounted, memory_order_relaxed);
  pthread_mutex_lock(&counters_lock);
  for (struct counter *c = counters; c != NULL; c = c->next)
    sum += atomic_load_explicit(&c->live, memory_order_relaxed);
  pthread_mutex_unlock(&counters_lock);
  return sum;
}

void sl_mem_account(int64_t delta) { atomic_fetch_add_explicit(&accounted, delta, memory_order_relaxed); }

static void install(void) {
  cJSON_Hooks hooks = {sl_mem_alloc, sl_mem_free};
  cJSON_InitHooks(&hooks);
}

void sl_mem_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, install);
}

uint64_t sl_mem_fail_at(uint64_t nth) {
  uint64_t rest = fail_at;
  fail_at = nth;
  return rest;
}

uint64_t sl_mem_count(void) { return n_allocs; }
