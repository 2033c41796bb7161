/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from strings to pointers, with a seed of its own against chosen collisions. Walks in order of insertion (a
 * removed key's place is taken by nothing). Not locked: one thread at a time, or readers only.
 */
#ifndef SLUICE_BASE_MAP_H
#define SLUICE_BASE_MAP_H

#include <stddef.h>

typedef struct sl_map sl_map;

/* free_value (or NULL) is called for values that are replaced, removed or left at the end. [own]; NULL when memory is
 * out. */
sl_map *sl_map_new(void (*free_value)(void *value));
void sl_map_free(sl_map *map);
size_t sl_map_count(const sl_map *map);
/* key is copied; value [take on ok]. 0 or SL_ENOMEM. Replaces. */
int sl_map_set(sl_map *map, const char *key, void *value);
/* [borrow until changed]; NULL if it is not there (or was set to NULL: see sl_map_has). */
void *sl_map_get(const sl_map *map, const char *key);
void *sl_map_get_n(const sl_map *map, const char *key, size_t key_len);
int sl_map_has(const sl_map *map, const char *key);
/* 1 if it was there. */
int sl_map_remove(sl_map *map, const char *key);
/* Walks: start with *cursor 0; 1 and the entry, or 0 at the end. */
int sl_map_next(const sl_map *map, size_t *cursor, const char **ret_key, void **ret_value);

#endif
