/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for the tree of any page, for tests and the fuzz target. */
#ifndef CLEAN_TEST_DOM_H
#define CLEAN_TEST_DOM_H

#include <stdio.h>

#include "weigh.h"

static inline const char *attribute_fault(const clean_dom *d) {
  for (size_t i = 0; i < d->n_attrs; i++) {
    const clean_attribute *a = &d->attrs[i];
    if ((size_t)a->value + a->value_len > d->n || (size_t)a->name + a->name_len > d->n)
      return "an attribute outside the page";
  }
  return NULL;
}

static inline const char *node_fault(const clean_dom *d, uint32_t i) {
  const clean_node *e = &d->nodes[i], *last = &d->nodes[i - 1], *up;
  if (e->parent >= i) return "a parent behind its child";
  up = &d->nodes[e->parent];
  if (e->last < i || e->last > up->last) return "a subtree that reaches out of its parent";
  if (e->start > e->end || e->end > d->n || e->start < last->start) return "bytes out of order";
  if (e->depth != up->depth + 1 || e->depth > CLEAN_DOM_DEPTH) return "depth";
  if ((size_t)e->attr + e->n_attrs > d->n_attrs || e->n_attrs > CLEAN_DOM_ATTRS || e->tag >= CLEAN_T_COUNT)
    return "limits";
  if (e->kind == CLEAN_N_ELEMENT) return e->inner < e->start || e->inner > d->n ? "a start tag" : NULL;
  if (e->last != i) return "a leaf with children";
  return e->kind == CLEAN_N_TEXT && (e->start == e->end || e->start < last->inner) ? "empty or doubled text" : NULL;
}

/* NULL, or what is wrong with the tree. */
static inline const char *dom_fault(const clean_dom *d) {
  if (d->n_nodes == 0 || d->nodes[0].kind != CLEAN_N_ROOT || d->nodes[0].last != d->n_nodes - 1) return "root";
  if (d->n_nodes > d->n + 1) return "more nodes than bytes";
  const char *fault = attribute_fault(d);
  for (uint32_t i = 1; i < d->n_nodes && !fault; i++) fault = node_fault(d, i);
  return fault;
}

/* NULL, or what is wrong with the figures. */
static inline const char *weights_fault(const clean_dom *d, const clean_weights *w) {
  uint32_t behind = 0;
  uint64_t chars = 0;
  for (size_t i = 0; i < w->n_blocks; i++) {
    const clean_block *b = &w->blocks[i];
    if (b->first > b->last || b->last >= d->n_nodes || (i && b->first <= w->blocks[i - 1].last && b->start < behind)) {
      return "blocks out of order";
    }
    if (b->start >= b->end || b->end > d->n || b->chars == 0 || b->link_chars > b->chars) return "a block's figures";
    if (b->node >= d->n_nodes) return "a block's element";
    behind = b->end;
    chars += b->chars;
  }
  if (d->n_nodes && w->w[0].chars != chars) return "characters that are in no block";
  for (size_t i = 0; i < d->n_nodes; i++) {
    const clean_weight *x = &w->w[i];
    if (x->link_chars > x->chars || x->chars > d->n) return "an element's figures";
    if ((size_t)x->blocks + x->n_blocks > w->n_blocks) return "an element's blocks";
  }
  return NULL;
}

#endif
