/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that goes back all at once, with a list of things to free with it. One thread at a time. */
#ifndef SLUICE_CONF_ARENA_H
#define SLUICE_CONF_ARENA_H

#include <stddef.h>

typedef struct sl_arena sl_arena;

/* [own]; NULL when memory is out. */
sl_arena *sl_arena_new(void);
/* Runs what was deferred, last first, then frees the blocks. NULL is fine. */
void sl_arena_free(sl_arena *arena);
/* Zeroed, aligned to 16 bytes. [borrow until the arena is freed]; NULL when memory is out. */
void *sl_arena_alloc(sl_arena *arena, size_t size);
/* Zeroed; NULL also when n * size overflows. */
void *sl_arena_array(sl_arena *arena, size_t n, size_t size);
char *sl_arena_strdup(sl_arena *arena, const char *text);
/* The first len bytes and a NUL. */
char *sl_arena_strndup(sl_arena *arena, const char *text, size_t len);
/* Calls release(p) when the arena is freed. p [take]: released at once when memory is out. 0 or SL_ENOMEM. */
int sl_arena_defer(sl_arena *arena, void (*release)(void *p), void *p);

#endif
