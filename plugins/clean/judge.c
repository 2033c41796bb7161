/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and trees together: see judge.h. */
#include "judge.h"

#include <string.h>

#include "lines.h"

#define TRUST_MIN 250u                        /* characters: less is too little to believe in */
#define LIST_ODDS (-5 * CLEAN_SCORE_UNIT / 2) /* of lists, tables, quotations and code in the container */
#define CAPTION_ODDS (2 * CLEAN_SCORE_UNIT)

int clean_judge_is_text(uint8_t kind) {
  return kind == CLEAN_K_BODY || kind == CLEAN_K_HEADING || kind == CLEAN_K_LEAD;
}

static uint8_t judged(const clean_block *b, uint8_t kind, int32_t odds) {
  if (kind == CLEAN_K_TITLE || kind == CLEAN_K_PREFIX || (b->state & CLEAN_WS_HIDDEN)) return kind;
  if (kind == CLEAN_K_CAPTION && odds < CAPTION_ODDS) return kind;
  int text = clean_judge_is_text(kind);
  int list = b->type == CLEAN_B_ITEM || b->type == CLEAN_B_ROW || b->type == CLEAN_B_QUOTE || b->type == CLEAN_B_PRE;
  if (odds > (list && text ? LIST_ODDS : 0)) {
    if (text) return kind;
    return b->type == CLEAN_B_HEADING ? CLEAN_K_HEADING : CLEAN_K_BODY;
  }
  return text ? CLEAN_K_SITE : kind;
}

void clean_judge(const clean_block *blocks, size_t n, const int32_t *odds, const uint8_t *ruled, uint8_t *kinds) {
  uint64_t liked = 0, found = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t chars = blocks[i].chars - blocks[i].link_chars;
    if (odds[i] > 0 && !(blocks[i].state & CLEAN_WS_HIDDEN)) liked += chars;
    if (clean_judge_is_text(ruled[i])) found += chars;
  }
  /* The trees learned from news: a page in which they find next to nothing is left to the rules. */
  int trust = liked >= TRUST_MIN && liked * 5 >= found;
  for (size_t i = 0; i < n; i++) kinds[i] = trust ? judged(&blocks[i], ruled[i], odds[i]) : ruled[i];
}
