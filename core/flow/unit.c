/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery tokens and units. */
#include "flow/unit.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

sl_unit *sl_unit_new(uint32_t source, uint32_t cap, uint32_t n_zones, uint32_t n_ordered) {
  size_t head = (sizeof(sl_unit) + 15) & ~(size_t)15;
  size_t tokens = cap * sizeof(sl_token), at = n_ordered * sizeof(sl_docs), live = n_zones * sizeof(atomic_int);
  char *block = sl_mem_alloc(head + tokens + at + live);
  if (!block) return NULL;
  memset(block, 0, head);
  memset(block + head + tokens, 0, at + live);
  sl_unit *u = (sl_unit *)(void *)block;
  u->tokens = (sl_token *)(void *)(block + head);
  u->at = (sl_docs *)(void *)(block + head + tokens);
  u->live = (atomic_int *)(void *)(block + head + tokens + at);
  u->source = source;
  u->cap = cap;
  atomic_init(&u->refs, 1);
  return u;
}

void sl_unit_unref(sl_unit *u) {
  if (!u) return;
  if (atomic_fetch_sub_explicit(&u->refs, 1, memory_order_acq_rel) == 1) sl_mem_free(u);
}

sl_token *sl_unit_token(sl_unit *u, uint64_t cursor, size_t bytes) {
  if (u->n == u->cap) return NULL;
  sl_token *t = &u->tokens[u->n++];
  atomic_init(&t->refs, 1);
  atomic_init(&t->outcome, SL_OUT_DROPPED);
  atomic_init(&t->idle, 0);
  t->unit = u;
  t->slot = NULL;
  t->kv = NULL;
  t->cursor = cursor;
  t->bytes = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
  atomic_store_explicit(&u->tokens_left, u->n, memory_order_relaxed);
  u->bytes += bytes;
  return t;
}

void sl_doc_each_token(const sl_doc *doc, void (*cb)(void *user, sl_token *token), void *user) {
  if (doc->token) cb(user, doc->token);
  const sl_tokens *more = doc->more;
  for (uint32_t i = 0; more && i < more->n; i++) cb(user, more->tokens[i]);
}

static void hold_one(void *user, sl_token *t) {
  (void)user;
  atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
}

void sl_doc_hold_tokens(const sl_doc *doc) { sl_doc_each_token(doc, hold_one, NULL); }

static void settle_one(sl_token *t, int outcome, sl_token_fn cb, void *user) {
  int seen = atomic_load_explicit(&t->outcome, memory_order_relaxed);
  while (seen < outcome && !atomic_compare_exchange_weak_explicit(&t->outcome, &seen, outcome, memory_order_relaxed,
                                                                  memory_order_relaxed)) {
  }
  /* The only holder needs no read-modify-write. */
  if (atomic_load_explicit(&t->refs, memory_order_acquire) != 1 &&
      atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
    return;
  sl_unit *u = t->unit;
  cb(user, t, atomic_load_explicit(&t->outcome, memory_order_relaxed));
  if (atomic_fetch_sub_explicit(&u->tokens_left, 1, memory_order_acq_rel) == 1) sl_unit_unref(u);
}

void sl_doc_settle(sl_doc *doc, int outcome, sl_token_fn cb, void *user) {
  sl_token *first = doc->token;
  sl_tokens *more = doc->more;
  doc->token = NULL;
  doc->more = NULL;
  if (first) settle_one(first, outcome, cb, user);
  for (uint32_t i = 0; more && i < more->n; i++) settle_one(more->tokens[i], outcome, cb, user);
  sl_mem_free(more);
}

int sl_doc_adopt(sl_doc *doc, sl_doc *const *parents, uint32_t n) {
  assert(!doc->token && !doc->more);
  uint32_t total = 0;
  for (uint32_t i = 0; i < n; i++) {
    const sl_tokens *more = parents[i]->more;
    total += (parents[i]->token ? 1 : 0) + (more ? more->n : 0);
  }
  if (total > 1) {
    sl_tokens *all = sl_mem_alloc(sizeof(*all) + (total - 1) * sizeof(sl_token *));
    if (!all) return SL_ENOMEM;
    all->n = 0;
    doc->more = all;
  }
  for (uint32_t i = 0; i < n; i++) {
    sl_tokens *all = doc->more, *more = parents[i]->more;
    sl_token *first = parents[i]->token;
    if (first && !doc->token)
      doc->token = first;
    else if (first && all)
      all->tokens[all->n++] = first;
    for (uint32_t k = 0; more && k < more->n; k++) {
      if (!doc->token)
        doc->token = more->tokens[k];
      else if (all)
        all->tokens[all->n++] = more->tokens[k];
    }
    sl_mem_free(more);
    parents[i]->token = NULL;
    parents[i]->more = NULL;
  }
  return 0;
}
