/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicate keys. */
#include "doc/jsonkeys.h"

#include <stdatomic.h>
#include <string.h>

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

void sl_jsonkeys_close(sl_jsonkeys *keys, sl_jsonobj *object) {
  keys->count = object->first;
  sl_mem_free(object->tab);
  object->tab = NULL;
}

static uint32_t sign_of(const char *text, size_t len) {
  if (len == 0) return 0;
  const unsigned char *p = (const unsigned char *)text;
  return (uint32_t)len << 24 | (uint32_t)p[0] << 16 | (uint32_t)p[len / 2] << 8 | p[len - 1];
}

static int same(const sl_jsonkey *a, const char *text, size_t len) {
  return a->len == len && memcmp(a->text, text, len) == 0;
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
static uint32_t *slot_of(sl_jsontab *tab, const sl_jsonkey *keys, const char *text, size_t len) {
  uint32_t i = (uint32_t)sl_hash(text, len, tab->seed) & tab->mask;
  while (tab->slots[i] != 0 && !same(&keys[tab->slots[i] - 1], text, len)) i = (i + 1) & tab->mask;
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
  for (uint32_t i = 0; i < n; i++) *slot_of(tab, keys, keys[i].text, keys[i].len) = i + 1;
  tab->count = n;
  return tab;
}

/* Both arrays in one block. */
static int grow(sl_jsonkeys *keys) {
  size_t cap = keys->cap * 2;
  sl_jsonkey *items = sl_mem_alloc(cap * sizeof *items + cap * sizeof keys->signs[0]);
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

static __attribute__((noinline)) int add_to_table(sl_jsonobj *object, const sl_jsonkey *mine, size_t n,
                                                  const char *text, size_t len) {
  if (object->tab == NULL || n * 2 > object->tab->mask) {
    sl_jsontab *bigger = n < UINT32_MAX / 8 ? tab_new(mine, (uint32_t)n) : NULL;
    if (bigger == NULL) return SL_ENOMEM;
    sl_mem_free(object->tab);
    object->tab = bigger;
  }
  uint32_t *slot = slot_of(object->tab, mine, text, len);
  if (*slot != 0) return SL_EEXIST;
  *slot = (uint32_t)n + 1;
  return SL_OK;
}

static __attribute__((noinline)) int is_there(const sl_jsonkeys *keys, size_t first, uint32_t sign, const char *text,
                                              size_t len) {
  for (size_t i = first; i < keys->count; i++) {
    if (keys->signs[i] == sign && same(&keys->items[i], text, len)) return 1;
  }
  return 0;
}

int sl_jsonkeys_add(sl_jsonkeys *keys, sl_jsonobj *object, const char *text, size_t len) {
  uint32_t sign = sign_of(text, len);
  uint64_t bit = (uint64_t)1 << (sign * 0x9e3779b1u >> 26);
  size_t n = keys->count - object->first;
  if (keys->count == keys->cap && grow(keys) != SL_OK) return SL_ENOMEM;
  if (n >= SL_JSONKEYS_SMALL) {
    int rc = add_to_table(object, keys->items + object->first, n, text, len);
    if (rc != SL_OK) return rc;
  } else if ((object->seen & bit) != 0 && is_there(keys, object->first, sign, text, len)) {
    return SL_EEXIST;
  }
  object->seen |= bit;
  keys->items[keys->count].text = text;
  keys->items[keys->count].len = len;
  keys->signs[keys->count++] = sign;
  return SL_OK;
}
