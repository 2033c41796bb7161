/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last word on what each block is, from what the rules found and what the trees hold likely.
 */
#ifndef CLEAN_JUDGE_H
#define CLEAN_JUDGE_H

#include "score.h"

#define CLEAN_K_OUT 255 /* not of the article, nor in its container: not even listed */

/* odds: see score.h; ruled: CLEAN_K_… by pick.c. Writes kinds, of n blocks each. */
void clean_judge(const clean_block *blocks, size_t n, const int32_t *odds, const uint8_t *ruled, uint8_t *kinds);

/* Whether a block of this kind is text of the article: body, heading or lead. */
int clean_judge_is_text(uint8_t kind);

#endif
