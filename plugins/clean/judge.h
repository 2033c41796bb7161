/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last word on what each block is, from what the rules found and what the trees hold likely.
 */
#ifndef CLEAN_JUDGE_H
#define CLEAN_JUDGE_H

#include "score.h"

#define CLEAN_K_OUT 255 /* not of the article, nor in its container: not even listed */

/* A page on trial; arrays of n, one for each block. */
typedef struct clean_case {
  const clean_block *blocks;
  size_t n;
  const int32_t *odds;     /* see score.h */
  const uint8_t *ruled;    /* CLEAN_K_… by pick.c */
  const uint8_t *comments; /* 1: it stands among readers' comments */
  int news;                /* the page declares itself a news article */
} clean_case;

/* Writes kinds. */
void clean_judge(const clean_case *c, uint8_t *kinds);

/* Whether a block of this kind is text of the article: body, heading or lead. */
int clean_judge_is_text(uint8_t kind);

/* Whether the page's JSON-LD says that it is a news article. */
int clean_judge_is_news(const clean_ld *ld);

#endif
