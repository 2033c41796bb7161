/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's memory: fast for bursts of small blocks, and counted for the byte budget.
 *
 * JSON trees are made and freed in bursts by lanes, so small blocks come from thread-local chunks that go back whole. A
 * block may be freed on any thread. Blocks are aligned to 16 bytes. All of it is [any]; NULL when memory is out.
 */
#ifndef SLUICE_BASE_MEM_H
#define SLUICE_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* size 0 gives a block that can be freed. [own: sl_mem_free] */
void *sl_mem_alloc(size_t size);
/* Zeroed; NULL also when n * size overflows. [own] */
void *sl_mem_calloc(size_t n, size_t size);
/* p NULL: alloc. On failure the old block stays as it is. [own] */
void *sl_mem_realloc(void *p, size_t size);
/* NULL is fine. */
void sl_mem_free(void *p);
/* [own]; text NULL gives NULL. */
char *sl_mem_strdup(const char *text);
/* The first len bytes and a NUL; text need not be terminated. [own] */
char *sl_mem_strndup(const char *text, size_t len);
/* A copy of len bytes, without a NUL. [own] */
void *sl_mem_memdup(const void *data, size_t len);

/* Live bytes of the process: blocks of this allocator plus what sl_mem_account added. Cheap; exact when no thread
 * allocates. */
int64_t sl_mem_live(void);
/* Counts bytes that are held elsewhere for documents: read chunks, payload buffers. */
void sl_mem_account(int64_t delta);
/* Makes cJSON use this allocator. Once, before any thread starts; later calls do nothing. */
void sl_mem_install(void);

/* Test hooks. The nth allocation of this thread from now on fails, once; 0: none. Returns the previous setting's rest.
 */
uint64_t sl_mem_fail_at(uint64_t nth);
/* Allocations of this thread so far. */
uint64_t sl_mem_count(void);

#endif
