/* SPDX-License-Identifier: Apache-2.0 */
/* Admission by credit. */
#include "flow/credit.h"

#include <time.h>

#include "base/mem.h"
#include "base/time.h"

#define WINDOW_BYTES ((int64_t)16 << 20)

void sl_credit_init(sl_credit *c, int64_t budget, int64_t max_docs) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_mutex_init(&c->lock, NULL);
  pthread_cond_init(&c->cond, &attr);
  pthread_condattr_destroy(&attr);
  c->budget = budget;
  atomic_init(&c->max_docs, max_docs);
  c->max_bytes = budget < WINDOW_BYTES ? budget : WINDOW_BYTES;
}

void sl_credit_done(sl_credit *c) {
  pthread_mutex_destroy(&c->lock);
  pthread_cond_destroy(&c->cond);
}

void sl_credit_take(sl_credit *c, const sl_token *token) {
  atomic_fetch_add_explicit(&c->docs, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&c->bytes, token->bytes, memory_order_relaxed);
}

void sl_credit_give(sl_credit *c, sl_token *token) {
  if (atomic_exchange(&token->idle, 1)) return;
  long long bytes = atomic_fetch_sub(&c->bytes, token->bytes) - token->bytes;
  long long docs = atomic_fetch_sub(&c->docs, 1) - 1;
  if (!atomic_load(&c->waiting)) return;
  /* Sources are woken once a quarter of the window is free: a wake-up for each document would cost more than it gives.
   */
  long long most = atomic_load_explicit(&c->max_docs, memory_order_relaxed) * 3 / 4;
  if (docs == 0 || docs == most ||
      (bytes < c->max_bytes * 3 / 4 && docs < most && bytes + token->bytes >= c->max_bytes * 3 / 4))
    sl_credit_wake(c);
}

static void give_one(void *user, sl_token *token) { sl_credit_give(user, token); }

void sl_credit_give_doc(sl_credit *c, const sl_doc *doc) { sl_doc_each_token(doc, give_one, c); }

int64_t sl_credit_now(sl_credit *c) {
  int64_t live = sl_mem_live();
  if (live > atomic_load_explicit(&c->peak, memory_order_relaxed))
    atomic_store_explicit(&c->peak, live, memory_order_relaxed);
  int64_t docs = atomic_load(&c->docs), bytes = atomic_load(&c->bytes);
  if (live >= c->budget || docs >= c->max_docs || bytes >= c->max_bytes) return 0;
  int64_t a = c->budget - live, b = c->max_bytes - bytes;
  return a < b ? a : b;
}

int sl_credit_quiet(sl_credit *c) { return atomic_load(&c->docs) == 0; }

static void wait_unless(sl_credit *c, int64_t timeout_ns, int check) {
  int64_t until = sl_time_mono() + timeout_ns;
  struct timespec ts = {.tv_sec = until / SL_TIME_S, .tv_nsec = until % SL_TIME_S};
  pthread_mutex_lock(&c->lock);
  atomic_fetch_add(&c->waiting, 1);
  if (!check || (!sl_credit_now(c) && !sl_credit_quiet(c))) pthread_cond_timedwait(&c->cond, &c->lock, &ts);
  atomic_fetch_sub(&c->waiting, 1);
  pthread_mutex_unlock(&c->lock);
}

void sl_credit_wait(sl_credit *c, int64_t timeout_ns) { wait_unless(c, timeout_ns, 1); }

void sl_credit_pause(sl_credit *c, int64_t timeout_ns) { wait_unless(c, timeout_ns, 0); }

void sl_credit_wake(sl_credit *c) {
  pthread_mutex_lock(&c->lock);
  pthread_cond_broadcast(&c->cond);
  pthread_mutex_unlock(&c->lock);
}
