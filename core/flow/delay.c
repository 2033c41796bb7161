/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of waiting retries. */
#include "flow/delay.h"

#include "base/mem.h"

int sl_delay_push(sl_delay *q, sl_doc *doc) {
  if (q->n == q->cap) {
    uint32_t cap = q->cap ? q->cap * 2 : 64;
    sl_doc **heap = sl_mem_realloc(q->heap, cap * sizeof(sl_doc *));
    if (!heap) return SL_ENOMEM;
    q->heap = heap;
    q->cap = cap;
  }
  uint32_t i = q->n++;
  while (i > 0 && q->heap[(i - 1) / 2]->due > doc->due) {
    q->heap[i] = q->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  q->heap[i] = doc;
  return 0;
}

sl_doc *sl_delay_pop(sl_delay *q, int64_t now) {
  if (!q->n || q->heap[0]->due > now) return NULL;
  sl_doc *first = q->heap[0], *last = q->heap[--q->n];
  uint32_t i = 0;
  for (;;) {
    uint32_t c = 2 * i + 1;
    if (c >= q->n) break;
    if (c + 1 < q->n && q->heap[c + 1]->due < q->heap[c]->due) c++;
    if (q->heap[c]->due >= last->due) break;
    q->heap[i] = q->heap[c];
    i = c;
  }
  if (q->n) q->heap[i] = last;
  return first;
}

int64_t sl_delay_next(const sl_delay *q) { return q->n ? q->heap[0]->due : INT64_MAX; }

void sl_delay_done(sl_delay *q) {
  sl_mem_free(q->heap);
  *q = (sl_delay){0};
}
