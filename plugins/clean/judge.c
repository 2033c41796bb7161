/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and trees together: see judge.h. */
#include "judge.h"

#include <string.h>

#include "lines.h"

/* Log odds. In a news article lists, tables and headings that the trees do not like are its boxes and key points; in
 * other pages, which the trees have not seen, they are as likely its text. */
#define ODDS(x) ((int32_t)((x)*CLEAN_SCORE_UNIT))
#define LIST_ODDS_NEWS ODDS(-2) /* in the container */
#define LIST_ODDS ODDS(-5)
#define HEAD_ODDS_NEWS ODDS(-1.5) /* right above text of the article */
#define HEAD_ODDS ODDS(-5.5)
#define LEAD_ODDS ODDS(-1.8) /* a paragraph between the title and the article */
#define CAPTION_ODDS ODDS(2) /* what marks call a caption */

#define TRUST_MIN 250u /* characters: less is too little to believe in */
#define LEAD_MIN 50u
#define LEAD_MAX 600u
#define LEAD_NEAR 12u   /* blocks below the title */
#define OTHERS_MIN 100u /* characters that are no comments, when comments do not count */

int clean_judge_is_text(uint8_t kind) {
  return kind == CLEAN_K_BODY || kind == CLEAN_K_HEADING || kind == CLEAN_K_LEAD;
}

int clean_judge_is_news(const clean_ld *ld) {
  for (size_t i = 0; i < ld->n; i++) {
    const clean_ld_value *v = &ld->values[i];
    if (v->type != CLEAN_LD_STRING) continue;
    uint32_t holder = v->key == CLEAN_LD_NONE && v->parent != CLEAN_LD_NONE ? v->parent : (uint32_t)i;
    if (strcmp(clean_ld_key(ld, holder), "@type") != 0) continue;
    const char *type = clean_ld_text(ld, (uint32_t)i);
    size_t n = strlen(type);
    if ((n >= 11 && strcmp(type + n - 11, "NewsArticle") == 0) || strcmp(type, "LiveBlogPosting") == 0) return 1;
  }
  return 0;
}

static uint8_t judged(const clean_case *c, size_t i) {
  const clean_block *b = &c->blocks[i];
  uint8_t kind = c->ruled[i];
  if (kind == CLEAN_K_TITLE || kind == CLEAN_K_PREFIX || (b->state & CLEAN_WS_HIDDEN)) return kind;
  if (kind == CLEAN_K_CAPTION && c->odds[i] < CAPTION_ODDS) return kind;
  int text = clean_judge_is_text(kind);
  int list = b->type == CLEAN_B_ITEM || b->type == CLEAN_B_ROW || b->type == CLEAN_B_QUOTE || b->type == CLEAN_B_PRE;
  int32_t limit = !list || !text ? 0 : c->news ? LIST_ODDS_NEWS : LIST_ODDS;
  if (c->odds[i] > limit) {
    if (text) return kind;
    return b->type == CLEAN_B_HEADING ? CLEAN_K_HEADING : CLEAN_K_BODY;
  }
  return text ? CLEAN_K_SITE : kind;
}

/* A heading in the container stays when text of the article follows, and some went before. */
static void keep_headings(const clean_case *c, uint8_t *kinds) {
  int before = 0;
  int32_t limit = c->news ? HEAD_ODDS_NEWS : HEAD_ODDS;
  for (size_t i = 0; i + 1 < c->n; i++) {
    int follows = clean_judge_is_text(kinds[i + 1]) && c->blocks[i + 1].type != CLEAN_B_HEADING;
    if (before && follows && kinds[i] == CLEAN_K_SITE && c->ruled[i] == CLEAN_K_HEADING && c->odds[i] > limit) {
      kinds[i] = CLEAN_K_HEADING;
    }
    before |= clean_judge_is_text(kinds[i]);
  }
}

/* The nearest likely paragraph between the title and the article's first block is its lead. */
static void keep_lead(const clean_case *c, uint8_t *kinds) {
  size_t title = 0, best = SIZE_MAX;
  while (title < c->n && kinds[title] != CLEAN_K_TITLE) title++;
  for (size_t i = title + 1; i < c->n && i <= title + LEAD_NEAR && !clean_judge_is_text(kinds[i]); i++) {
    const clean_block *b = &c->blocks[i];
    int fits = b->type == CLEAN_B_PARA && b->chars >= LEAD_MIN && b->chars <= LEAD_MAX &&
               b->link_chars * 4 < b->chars && !(b->state & CLEAN_WS_HIDDEN) && kinds[i] != CLEAN_K_CAPTION &&
               c->odds[i] > LEAD_ODDS;
    if (fits && (best == SIZE_MAX || c->odds[i] > c->odds[best])) best = i;
  }
  if (best != SIZE_MAX) kinds[best] = CLEAN_K_BODY;
}

/* Readers' comments are no part of the article, unless they are all there is (a forum). */
static void drop_comments(const clean_case *c, uint8_t *kinds) {
  uint64_t others = 0;
  for (size_t i = 0; i < c->n; i++) {
    if (clean_judge_is_text(kinds[i]) && !c->comments[i]) others += c->blocks[i].chars;
  }
  for (size_t i = 0; others >= OTHERS_MIN && i < c->n; i++) {
    if (clean_judge_is_text(kinds[i]) && c->comments[i]) kinds[i] = CLEAN_K_OUT;
  }
}

void clean_judge(const clean_case *c, uint8_t *kinds) {
  uint64_t liked = 0, found = 0;
  for (size_t i = 0; i < c->n; i++) {
    uint32_t chars = c->blocks[i].chars - c->blocks[i].link_chars;
    if (c->odds[i] > 0 && !(c->blocks[i].state & CLEAN_WS_HIDDEN)) liked += chars;
    if (clean_judge_is_text(c->ruled[i])) found += chars;
  }
  /* The trees learned from news: a page in which they find next to nothing is left to the rules. */
  int trust = liked >= TRUST_MIN && liked * 5 >= found;
  for (size_t i = 0; i < c->n; i++) kinds[i] = trust ? judged(c, i) : c->ruled[i];
  if (trust) {
    keep_headings(c, kinds);
    keep_lead(c, kinds);
  }
  drop_comments(c, kinds);
}
