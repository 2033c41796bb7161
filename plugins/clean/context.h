/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the first trees said about the blocks around a block, as further figures for the second trees.
 */
#ifndef CLEAN_CONTEXT_H
#define CLEAN_CONTEXT_H

#include "figures.h"

enum {
  CLEAN_G_OWN,  /* log odds, and those of three blocks before and behind */
  CLEAN_G_NEAR, /* -3, -2, -1, 1, 2, 3 */
  CLEAN_G_NEAR_LAST = CLEAN_G_NEAR + 5,
  CLEAN_G_UP, /* of the parent and three more up: how likely the rest of it is, and its share of all likely text */
  CLEAN_G_UP_LAST = CLEAN_G_UP + 7,
  CLEAN_G_NAMES, /* how likely other blocks with the same names are */
  CLEAN_G_CENTER_UP,
  CLEAN_G_CENTER_DOWN,
  CLEAN_G_BEFORE, /* share of the likely text */
  CLEAN_G_AFTER,
  CLEAN_G_BLOCKS_BEFORE, /* to the next likely block */
  CLEAN_G_BLOCKS_AFTER,
  CLEAN_G_CHARS_BEFORE,
  CLEAN_G_CHARS_AFTER,
  CLEAN_G_LOCAL,
  CLEAN_G_ALL, /* likely text of the page */
  CLEAN_G_COUNT
};

#define CLEAN_ROW (CLEAN_F_COUNT + CLEAN_G_COUNT)

typedef struct clean_context {
  const clean_mem *mem;
  uint64_t *likely, *weight; /* of each node; of likely CLEAN_CHANCE_ONE for each unit of weight */
  uint64_t *before;          /* of each block: likely text in front of it */
  struct clean_kin *kin;     /* by names */
  size_t cap_likely, cap_weight, cap_before, cap_kin;
} clean_context;

void clean_context_init(clean_context *c, const clean_mem *mem);
void clean_context_done(clean_context *c);
void clean_context_clear(clean_context *c, size_t keep);

/* odds: of each block, in units of CLEAN_SCORE_UNIT; rows: CLEAN_ROW bytes for each block, of which the last
 * CLEAN_G_COUNT are written and the others copied from the figures. 0 or SL_ENOMEM. */
int clean_context_read(clean_context *c, const clean_dom *d, const clean_block *blocks, const clean_figures *f,
                       const int32_t *odds, uint8_t *rows);

#endif
