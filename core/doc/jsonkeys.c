/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicate keys. */
#include "doc/jsonkeys.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

struct sl_jsontab {
  uint32_t mask, count;
  uint64_t seed;
  uint32_t slots[]; /* place in the object's keys + 1; 0: empty */
};

void sl_jsonkeys_init(sl_jsonkeys *keys) {
  keys->items = keys->inline_items;
  keys->signs = keys->inline_signs;
  keys->count = 0;
  keys->cap = SL_JSONKEYS_INLINE;
}

void sl_jsonkeys_done(sl_jsonkeys *keys) {
  if (keys->items != keys->inline_items) sl_mem_free(keys->items);
}

void sl_jsontab_free(sl_jsontab *tab) { sl_mem_free(tab); }

static uint32_t sign_of(const char *text, size_t len) {
  if (len == 0) return 0;
  const unsigned char *p = (const unsigned char *)text;
  return (uint32_t)len << 24 | (uint32_t)p[0] << 16 | (uint32_t)p[len / 2] << 8 | p[len - 1];
}

static int same(const sl_jsonkey *a, const sl_jsonkey *b) {
  return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* One seed for the process; it need not be secret for long, only unknown to who
 * wrote the input. */
static uint64_t process_seed(void) {
  static _Atomic uint64_t seed;
  uint64_t s = atomic_load_explicit(&seed, memory_order_relaxed);
  if (s == 0) {
    s = sl_rng_seed() | 1;
    atomic_store_explicit(&seed, s, memory_order_relaxed);
  }
  return s;
}

/* Finds the key among those of the table, or the empty slot for it. */
static uint32_t *slot_of(sl_jsontab *tab, const sl_jsonkey *keys, const sl_jsonkey *key) {
  uint32_t i = (uint32_t)sl_hash(key->text, key->len, tab->seed) & tab->mask;
  while (tab->slots[i] != 0 && !same(&keys[tab->slots[i] - 1], key)) i = (i + 1) & tab->mask;
  return &tab->slots[i];
}

/* A table with room for twice the keys, filled with the first n. */
static sl_jsontab *tab_new(const sl_jsonkey *keys, uint32_t n) {
  uint32_t size = 64;
  while (size < n * 4) size *= 2;
  sl_jsontab *tab = sl_mem_calloc(1, sizeof *tab + size * sizeof tab->slots[0]);
  if (tab == NULL) return NULL;
  tab->mask = size - 1;
  tab->seed = process_seed();
  for (uint32_t i = 0; i < n; i++) *slot_of(tab, keys, &keys[i]) = i + 1;
  tab->count = n;
  return tab;
}

/* Both arrays in one block, with room for four signs more. */
static int grow(sl_jsonkeys *keys) {
  size_t cap = keys->cap * 2;
  sl_jsonkey *items = sl_mem_alloc(cap * sizeof *items + (cap + 4) * sizeof keys->signs[0]);
  if (items == NULL) return SL_ENOMEM;
  uint32_t *signs = (uint32_t *)(void *)(items + cap);
  memcpy(items, keys->items, keys->count * sizeof *items);
  memcpy(signs, keys->signs, keys->count * sizeof *signs);
  sl_jsonkeys_done(keys);
  keys->items = items;
  keys->signs = signs;
  keys->cap = cap;
  return SL_OK;
}

/* 0 if none of the n signs is this one; else one may be. */
static inline int maybe_there(const uint32_t *signs, size_t n, uint32_t sign) {
#if defined(__SSE2__) && !defined(SLUICE_SANITIZED)
  __m128i want = _mm_set1_epi32((int)sign);
  __m128i hit = _mm_setzero_si128();
  for (size_t i = 0; i < n; i += 4) { /* up to three behind the last, of whatever value */
    hit = _mm_or_si128(hit, _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *)(signs + i)), want));
  }
  return _mm_movemask_epi8(hit) != 0;
#else
  for (size_t i = 0; i < n; i++) {
    if (signs[i] == sign) return 1;
  }
  return 0;
#endif
}

static int add_to_table(sl_jsontab **tab, const sl_jsonkey *mine, size_t n, const sl_jsonkey *key) {
  if (*tab == NULL || n * 2 > (*tab)->mask) {
    sl_jsontab *bigger = n < UINT32_MAX / 8 ? tab_new(mine, (uint32_t)n) : NULL;
    if (bigger == NULL) return SL_ENOMEM;
    sl_jsontab_free(*tab);
    *tab = bigger;
  }
  uint32_t *slot = slot_of(*tab, mine, key);
  if (*slot != 0) return SL_EEXIST;
  *slot = (uint32_t)n + 1;
  return SL_OK;
}

int sl_jsonkeys_add(sl_jsonkeys *keys, size_t first, sl_jsontab **tab, const char *text, size_t len) {
  sl_jsonkey key = {text, len};
  uint32_t sign = sign_of(text, len);
  size_t n = keys->count - first;
  if (keys->count == keys->cap && grow(keys) != SL_OK) return SL_ENOMEM;
  const sl_jsonkey *mine = keys->items + first;
  const uint32_t *signs = keys->signs + first;
  if (n >= SL_JSONKEYS_SMALL) {
    int rc = add_to_table(tab, mine, n, &key);
    if (rc != SL_OK) return rc;
  } else if (maybe_there(signs, n, sign)) {
    for (size_t i = 0; i < n; i++) {
      if (signs[i] == sign && same(&mine[i], &key)) return SL_EEXIST;
    }
  }
  keys->items[keys->count] = key;
  keys->signs[keys->count++] = sign;
  return SL_OK;
}
