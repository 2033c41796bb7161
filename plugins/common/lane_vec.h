/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a lane that is kept between documents: an allocator, and arrays that grow and keep their room. */
#ifndef SLUICE_LANE_VEC_H
#define SLUICE_LANE_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct lane_mem {
  void *(*alloc)(size_t bytes); /* NULL when memory is out */
  void (*free)(void *p);
} lane_mem;

/* An array of items of one size. items is NULL as long as cap is 0. */
typedef struct lane_vec {
  void *items;
  size_t n, cap;
} lane_vec;

/* Room for n items in all. 0, or -1 when memory is out; the array is then as it was. */
static inline int lane_vec_reserve(const lane_mem *m, lane_vec *v, size_t item, size_t n) {
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

static inline void lane_vec_done(const lane_mem *m, lane_vec *v) {
  if (v->items) m->free(v->items);
  v->items = NULL;
  v->n = v->cap = 0;
}

#endif
