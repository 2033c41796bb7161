/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting lists of envelopes. */
#include "flow/docs.h"

static sl_doc *merge(sl_doc *a, sl_doc *b) {
  sl_doc *head = NULL, **end = &head;
  while (a && b) {
    sl_doc **take = sl_doc_order(b, a) < 0 ? &b : &a;
    *end = *take;
    end = &(*end)->next;
    *take = (*take)->next;
  }
  *end = a ? a : b;
  return head;
}

/* Bottom-up merge sort: runs[i] is empty or a sorted run of 2^i. */
void sl_docs_sort(sl_docs *l) {
  sl_doc *runs[32] = {0};
  uint32_t used = 0;
  sl_doc *d = l->head;
  while (d) {
    sl_doc *run = d;
    d = d->next;
    run->next = NULL;
    uint32_t i = 0;
    for (; i < 31 && runs[i]; i++) {
      run = merge(runs[i], run);
      runs[i] = NULL;
    }
    runs[i] = runs[i] ? merge(runs[i], run) : run;
    if (i >= used) used = i + 1;
  }
  sl_doc *all = NULL;
  for (uint32_t i = 0; i < used; i++)
    if (runs[i]) all = all ? merge(runs[i], all) : runs[i];
  l->head = all;
  while (all && all->next) all = all->next;
  l->tail = all;
}
