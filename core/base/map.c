/* SPDX-License-Identifier: Apache-2.0 */
/* A map from strings: entries in order of insertion, and an index by open addressing. */
#include "base/map.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

#define EMPTY UINT32_MAX

struct entry {
  char *key; /* NULL: removed */
  size_t key_len;
  uint64_t hash;
  void *value;
};

struct sl_map {
  void (*free_value)(void *value);
  uint64_t seed;
  struct entry *entries;
  uint32_t used, cap; /* places of entries taken (with removed ones), and there */
  size_t count;       /* living entries */
  uint32_t *index;    /* places of entries; EMPTY: none */
  uint32_t mask;
};

sl_map *sl_map_new(void (*free_value)(void *value)) {
  sl_map *map = sl_mem_calloc(1, sizeof *map);
  if (map == NULL) return NULL;
  map->free_value = free_value;
  map->seed = sl_rng_seed();
  return map;
}

void sl_map_free(sl_map *map) {
  if (map == NULL) return;
  for (uint32_t i = 0; i < map->used; i++) {
    if (map->entries[i].key == NULL) continue;
    sl_mem_free(map->entries[i].key);
    if (map->free_value != NULL) map->free_value(map->entries[i].value);
  }
  sl_mem_free(map->entries);
  sl_mem_free(map->index);
  sl_mem_free(map);
}

size_t sl_map_count(const sl_map *map) { return map->count; }

static struct entry *find(const sl_map *map, const char *key, size_t len, uint64_t hash) {
  if (map->index == NULL) return NULL;
  for (uint32_t i = (uint32_t)hash & map->mask; map->index[i] != EMPTY; i = (i + 1) & map->mask) {
    struct entry *e = &map->entries[map->index[i]];
    if (e->key != NULL && e->hash == hash && e->key_len == len && memcmp(e->key, key, len) == 0) return e;
  }
  return NULL;
}

static void put_index(uint32_t *index, uint32_t mask, uint64_t hash, uint32_t place) {
  uint32_t i = (uint32_t)hash & mask;
  while (index[i] != EMPTY) i = (i + 1) & mask;
  index[i] = place;
}

/* Room for one more entry: closes the gaps of removed ones if there are many, else doubles. */
static int grow(sl_map *map) {
  if (map->used < map->cap) return SL_OK;
  if (map->cap > UINT32_MAX / 8) return SL_ENOMEM;
  uint32_t cap = map->count < map->cap / 2 && map->cap > 0 ? map->cap : (map->cap == 0 ? 8 : map->cap * 2);
  struct entry *entries = sl_mem_alloc(cap * sizeof *entries);
  uint32_t *index = sl_mem_alloc((size_t)cap * 2 * sizeof *index);
  if (entries == NULL || index == NULL) {
    sl_mem_free(entries);
    sl_mem_free(index);
    return SL_ENOMEM;
  }
  memset(index, 0xff, (size_t)cap * 2 * sizeof *index);
  uint32_t n = 0;
  for (uint32_t i = 0; i < map->used; i++) {
    if (map->entries[i].key == NULL) continue;
    entries[n] = map->entries[i];
    put_index(index, cap * 2 - 1, entries[n].hash, n);
    n++;
  }
  sl_mem_free(map->entries);
  sl_mem_free(map->index);
  map->entries = entries;
  map->index = index;
  map->cap = cap;
  map->mask = cap * 2 - 1;
  map->used = n;
  return SL_OK;
}

int sl_map_set(sl_map *map, const char *key, void *value) {
  size_t len = strlen(key);
  uint64_t hash = sl_hash(key, len, map->seed);
  struct entry *e = find(map, key, len, hash);
  if (e != NULL) {
    if (map->free_value != NULL && e->value != value) map->free_value(e->value);
    e->value = value;
    return SL_OK;
  }
  if (grow(map) != SL_OK) return SL_ENOMEM;
  char *copy = sl_mem_strndup(key, len);
  if (copy == NULL) return SL_ENOMEM;
  map->entries[map->used] = (struct entry){copy, len, hash, value};
  put_index(map->index, map->mask, hash, map->used);
  map->used++;
  map->count++;
  return SL_OK;
}

void *sl_map_get_n(const sl_map *map, const char *key, size_t key_len) {
  const struct entry *e = find(map, key, key_len, sl_hash(key, key_len, map->seed));
  return e == NULL ? NULL : e->value;
}

void *sl_map_get(const sl_map *map, const char *key) { return sl_map_get_n(map, key, strlen(key)); }

int sl_map_has(const sl_map *map, const char *key) {
  size_t len = strlen(key);
  return find(map, key, len, sl_hash(key, len, map->seed)) != NULL;
}

int sl_map_remove(sl_map *map, const char *key) {
  size_t len = strlen(key);
  struct entry *e = find(map, key, len, sl_hash(key, len, map->seed));
  if (e == NULL) return 0;
  sl_mem_free(e->key);
  e->key = NULL; /* the index keeps the place, so that chains over it stay whole */
  map->count--;
  if (map->free_value != NULL) map->free_value(e->value);
  e->value = NULL;
  return 1;
}

int sl_map_next(const sl_map *map, size_t *cursor, const char **ret_key, void **ret_value) {
  while (*cursor < map->used) {
    const struct entry *e = &map->entries[(*cursor)++];
    if (e->key == NULL) continue;
    if (ret_key != NULL) *ret_key = e->key;
    if (ret_value != NULL) *ret_value = e->value;
    return 1;
  }
  return 0;
}
