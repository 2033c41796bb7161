/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive list of envelopes: first in, first out. One holder at a time, no lock. */
#ifndef SLUICE_FLOW_DOCS_H
#define SLUICE_FLOW_DOCS_H

#include "doc/document.h"

typedef struct sl_docs {
  sl_doc *head, *tail;
  uint32_t n;
} sl_docs;

static inline void sl_docs_push(sl_docs *l, sl_doc *d) {
  d->next = NULL;
  if (l->tail)
    l->tail->next = d;
  else
    l->head = d;
  l->tail = d;
  l->n++;
}

static inline sl_doc *sl_docs_pop(sl_docs *l) {
  sl_doc *d = l->head;
  if (!d) return NULL;
  l->head = d->next;
  if (!l->head) l->tail = NULL;
  l->n--;
  d->next = NULL;
  return d;
}

/* Moves all of `from` to the end of `to`. */
static inline void sl_docs_append(sl_docs *to, sl_docs *from) {
  if (!from->head) return;
  if (to->tail)
    to->tail->next = from->head;
  else
    to->head = from->head;
  to->tail = from->tail;
  to->n += from->n;
  *from = (sl_docs){0};
}

/* Moves all of `from` before the first of `to`. */
static inline void sl_docs_prepend(sl_docs *to, sl_docs *from) {
  if (!from->head) return;
  from->tail->next = to->head;
  if (!to->tail) to->tail = from->tail;
  to->head = from->head;
  to->n += from->n;
  *from = (sl_docs){0};
}

/* Stable sort by sl_doc_order. */
void sl_docs_sort(sl_docs *l);

#endif
