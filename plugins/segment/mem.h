/* SPDX-License-Identifier: Apache-2.0 */
/* Where the memory of segment comes from, and arrays that grow. Arrays keep their room when they are emptied. */
#ifndef SEGMENT_MEM_H
#define SEGMENT_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct seg_mem {
  void *(*alloc)(size_t bytes); /* NULL when memory is out */
  void (*free)(void *p);
} seg_mem;

/* An array of items of one size. items is NULL as long as cap is 0. */
typedef struct seg_vec {
  void *items;
  size_t n, cap;
} seg_vec;

/* Room for n items in all. 0, or -1 when memory is out; the array is then as it was. */
static inline int seg_vec_reserve(const seg_mem *m, seg_vec *v, size_t item, size_t n) {
  if (n <= v->cap) return 0;
  size_t cap = v->cap < 64 ? 64 : v->cap;
  while (cap < n) {
    if (cap > SIZE_MAX / 4) return -1;
    cap += cap / 2;
  }
  if (cap > SIZE_MAX / item) return -1;
  void *p = m->alloc(cap * item);
  if (!p) return -1;
  if (v->n) memcpy(p, v->items, v->n * item);
  if (v->items) m->free(v->items);
  v->items = p;
  v->cap = cap;
  return 0;
}

static inline void seg_vec_done(const seg_mem *m, seg_vec *v) {
  if (v->items) m->free(v->items);
  v->items = NULL;
  v->n = v->cap = 0;
}

#endif
