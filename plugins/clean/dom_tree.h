/* SPDX-License-Identifier: Apache-2.0 */
/* The open elements of a page while it is read, between dom.c (tokens) and dom_tree.c (which element closes which). */
#ifndef CLEAN_DOM_TREE_H
#define CLEAN_DOM_TREE_H

#include "dom.h"

typedef struct dom_tree {
  clean_dom *d;
  size_t max_nodes;
  size_t first_attr; /* of the tag at hand */
  int rc;            /* SL_OK, SL_ENOMEM, SL_ELIMIT */
  uint32_t depth;
  uint32_t foreign;            /* open svg and math elements */
  uint32_t noscript, template; /* open elements */
  uint32_t seen_head, seen_body;
  int script_runs_on;           /* a comment in a script has no end */
  uint32_t open[CLEAN_T_COUNT]; /* open elements by tag, those closed across others not counted */
  uint32_t cut[CLEAN_T_COUNT];  /* those that stood too deep and wait for their end tag */
  uint32_t stack[CLEAN_DOM_DEPTH];
} dom_tree;

/* A tag: bytes [start, inner), its name behind '<' or '</'. */
typedef struct dom_tag {
  size_t start, inner, name_len;
  unsigned tag;
  int closed; /* "/>" */
} dom_tag;

void clean_tree_open(dom_tree *t);
void clean_tree_close(dom_tree *t);
/* 1: the element stands in the tree; 0: the tag was passed over. */
int clean_tree_start(dom_tree *t, const dom_tag *el);
void clean_tree_end(dom_tree *t, const dom_tag *el);
/* Text, raw text or a comment, bytes [start, end). */
void clean_tree_leaf(dom_tree *t, unsigned kind, size_t start, size_t end);

#endif
