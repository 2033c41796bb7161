/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that remembers where each byte came from: the steps of clean hand it to one another.
 *
 * A buffer owns bytes and runs (sl_span: sorted, disjoint; equal lengths mean position by position, anything else is
 * one unit). A view lends the same without owning it; `runs` NULL means that byte i is source byte base + i. Memory
 * that is out is remembered in `oom`: appending does nothing from then on, and the caller asks once at the end.
 */
#ifndef CLEAN_BUF_H
#define CLEAN_BUF_H

#include <sluice/plugin.h>

typedef struct clean_mem {
  void *(*alloc)(size_t bytes);
  void (*free)(void *p);
} clean_mem;

typedef struct clean_buf {
  const clean_mem *mem;
  char *s;
  size_t n, cap;
  sl_span *runs;
  size_t n_runs, cap_runs;
  int oom;
} clean_buf;

typedef struct clean_view {
  const char *s;
  size_t n;
  const sl_span *runs; /* NULL: identity behind base */
  size_t n_runs;
  size_t cursor; /* where the last look-up ended: look-ups usually move forward */
  uint64_t base;
} clean_view;

void clean_buf_init(clean_buf *b, const clean_mem *mem);
void clean_buf_done(clean_buf *b);
/* Forgets the content and keeps the memory, unless it is more than keep bytes. */
void clean_buf_clear(clean_buf *b, size_t keep);
/* [borrow until the buffer changes] */
clean_view clean_buf_view(const clean_buf *b);

/* Appends v->s[off, off + len) together with its runs. */
void clean_copy(clean_buf *b, clean_view *v, size_t off, size_t len);
/* Appends s[0, n) as what became of v->s[off, off + len). */
void clean_unit(clean_buf *b, const char *s, size_t n, clean_view *v, size_t off, size_t len);
/* Appends s[0, n) as what became of source bytes [src, src + src_len). */
void clean_raw(clean_buf *b, const char *s, size_t n, uint64_t src, uint64_t src_len);
/* Appends s[0, n), which came from nowhere. */
void clean_insert(clean_buf *b, const char *s, size_t n);

/* The source bytes of v->s[off, off + len); 0 if there are none. */
int clean_source(clean_view *v, size_t off, size_t len, uint64_t *ret_start, uint64_t *ret_end);

/* Grows an array of `size`-byte elements to hold `need`; keeps the first `used`. 0, or SL_ENOMEM and *p is as before.
 */
int clean_grow(const clean_mem *mem, void **p, size_t *cap, size_t used, size_t need, size_t size);

#endif
