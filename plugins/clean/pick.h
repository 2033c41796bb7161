/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each block of a page is: title, lead, part of the article, or something else and what.
 */
#ifndef CLEAN_PICK_H
#define CLEAN_PICK_H

#include "judge.h"
#include "lines.h"
#include "meta.h"
#include "select.h"
#include "weigh.h"

typedef struct clean_pick {
  const clean_mem *mem;
  uint16_t *marks;   /* of each node, those of the elements around it included: low bits of CLEAN_W_… */
  uint32_t *score;   /* of each node: plain text of the paragraphs right in it */
  uint8_t *kinds;    /* of each block: CLEAN_K_… or CLEAN_K_OUT */
  uint8_t *ruled;    /* the kinds that marks and containers gave, before the trees were asked */
  uint8_t *comments; /* of each block: 1 among readers' comments */
  size_t cap_marks, cap_score, cap_kinds, cap_ruled, cap_comments;
  uint32_t body, title, lead; /* nodes, or CLEAN_DOM_NONE */
  int no_drop;                /* marks inside the container are not to be trusted */
  clean_score trees;
  int chosen; /* the container was named by the owner of the pipeline */
} clean_pick;

void clean_pick_init(clean_pick *p, const clean_mem *mem);
void clean_pick_done(clean_pick *p);
void clean_pick_clear(clean_pick *p, size_t keep);

/* Fills in p. site: what the pipeline says about this page's site, or NULL. 0 or SL_ENOMEM. */
int clean_pick_blocks(clean_pick *p, const clean_dom *d, const clean_weights *w, const clean_meta *meta,
                      const clean_site *site);

#endif
