/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which elements of a page are title, lead and article.
 *
 * Named containers come first (articleBody, the class names of the content systems that Vietnamese papers run on), then
 * <article>, then the element whose paragraphs carry most text outside links. Marks for what is not the article come
 * from whole words of class and id; if they would take away six sevenths of the container, they are not believed.
 */
#include "pick.h"

#include <string.h>

#define NONE CLEAN_DOM_NONE
#define BODY_MIN 90u /* characters of text without links that make a container */
#define PARA_MIN 30u /* of a paragraph that counts for its container */
#define LEAD_MIN 22u
#define LEAD_MAX 1200u
#define TITLE_MAX 300u
#define HEADING (1u << 11)
#define ARTICLE (1u << 12)
#define DROPPED (1u << 13) /* by the owner of the pipeline */
#define CHOSEN (1u << 14)
#define NOT_BODY (CLEAN_W_SITE | CLEAN_W_RELATED | CLEAN_W_CAPTION)
#define INHERITED                                                                                      \
  (CLEAN_W_SITE | CLEAN_W_RELATED | CLEAN_W_CAPTION | CLEAN_W_AUTHOR | CLEAN_W_STAMP | CLEAN_W_RIGHT | \
   CLEAN_W_COMMENT | HEADING)

void clean_pick_init(clean_pick *p, const clean_mem *mem) {
  memset(p, 0, sizeof *p);
  p->mem = mem;
  clean_score_init(&p->trees, mem);
}

void clean_pick_done(clean_pick *p) {
  clean_score_done(&p->trees);
  p->mem->free(p->marks);
  p->mem->free(p->score);
  p->mem->free(p->kinds);
  p->mem->free(p->ruled);
  p->mem->free(p->comments);
  clean_pick_init(p, p->mem);
}

void clean_pick_clear(clean_pick *p, size_t keep) {
  clean_score_clear(&p->trees, keep);
  if (p->cap_marks * sizeof *p->marks + p->cap_score * sizeof *p->score + p->cap_kinds > keep) clean_pick_done(p);
}

typedef struct picker {
  clean_pick *p;
  const clean_dom *d;
  const clean_weights *w;
  const clean_meta *meta;
} picker;

/* ---- marks ----------------------------------------------------------------------------------------------------------
 */

static unsigned tag_marks(unsigned tag) {
  switch (tag) {
  case CLEAN_T_NAV:
  case CLEAN_T_FOOTER:
  case CLEAN_T_ASIDE:
    return CLEAN_W_SITE;
  case CLEAN_T_FIGURE:
  case CLEAN_T_FIGCAPTION:
  case CLEAN_T_CAPTION:
    return CLEAN_W_CAPTION;
  case CLEAN_T_ARTICLE:
    return ARTICLE;
  case CLEAN_T_H2:
  case CLEAN_T_H3:
  case CLEAN_T_H4:
  case CLEAN_T_H5:
  case CLEAN_T_H6:
    return HEADING;
  default:
    return 0;
  }
}

static int may_lead(unsigned tag) {
  return tag == CLEAN_T_P || tag == CLEAN_T_DIV || tag == CLEAN_T_H2 || tag == CLEAN_T_H3 || tag == CLEAN_T_SECTION ||
         tag == CLEAN_T_STRONG;
}

/* What an element's names and tag say together. */
static unsigned own_marks(const picker *k, uint32_t i) {
  unsigned tag = k->d->nodes[i].tag, m = (unsigned)(k->w->w[i].marks & 0x7FF);
  int frame = tag == CLEAN_T_HTML || tag == CLEAN_T_BODY || tag == CLEAN_T_MAIN || tag == CLEAN_T_ARTICLE;
  if (m & CLEAN_W_CONTENT) {
    m &= ~(unsigned)(CLEAN_W_SITE | CLEAN_W_RELATED | CLEAN_W_CAPTION | CLEAN_W_DATE | CLEAN_W_TITLE);
  }
  if (frame) m &= ~(unsigned)(CLEAN_W_SITE | CLEAN_W_RELATED | CLEAN_W_CAPTION | CLEAN_W_AUTHOR | CLEAN_W_DATE);
  if (tag != CLEAN_T_H1 && tag != CLEAN_T_H2) m &= ~(unsigned)CLEAN_W_TITLE;
  if (!may_lead(tag)) m &= ~(unsigned)CLEAN_W_LEAD;
  return m | tag_marks(tag);
}

static int is_para(unsigned tag) {
  return tag == CLEAN_T_P || tag == CLEAN_T_BLOCKQUOTE || tag == CLEAN_T_PRE || tag == CLEAN_T_LI ||
         tag == CLEAN_T_DD || (clean_tag_flags[tag] & CLEAN_TF_HEADING);
}

static uint32_t plain(const picker *k, uint32_t i) { return k->w->w[i].chars - k->w->w[i].link_chars; }

static int is_element(const picker *k, uint32_t i) {
  return k->d->nodes[i].kind == CLEAN_N_ELEMENT && !k->w->w[i].state;
}

static void mark_nodes(picker *k) {
  const clean_dom *d = k->d;
  clean_pick *p = k->p;
  p->marks[0] = 0;
  p->score[0] = 0;
  for (uint32_t i = 1; i < d->n_nodes; i++) {
    const clean_node *e = &d->nodes[i];
    unsigned above = p->marks[e->parent] & INHERITED, own = e->kind == CLEAN_N_ELEMENT ? own_marks(k, i) : 0;
    /* A page's layout has odd names; a named container is what its name says, wherever it stands. */
    p->marks[i] = (uint16_t)(own & CLEAN_W_CONTENT ? own : own | above);
    p->score[i] = 0;
    if (!is_element(k, i) || !is_para(e->tag) || (p->marks[i] & (CLEAN_W_SITE | CLEAN_W_RELATED))) continue;
    uint32_t chars = plain(k, i), up = d->nodes[e->parent].parent;
    if (chars < PARA_MIN) continue;
    p->score[e->parent] += chars;
    if (up != NONE) p->score[up] += chars / 2;
  }
}

/* ---- picks ----------------------------------------------------------------------------------------------------------
 */

/* The container with the most text; an inner one that holds four fifths of it is closer to the article. */
static uint32_t largest(const picker *k, unsigned mark) {
  uint32_t best = NONE;
  for (uint32_t i = 1; i < k->d->n_nodes; i++) {
    if (!(k->p->marks[i] & mark) || !is_element(k, i) || (k->p->marks[i] & NOT_BODY) || plain(k, i) < BODY_MIN)
      continue;
    if (best == NONE) {
      best = i;
    } else if (i <= k->d->nodes[best].last) {
      if ((uint64_t)plain(k, i) * 5 >= (uint64_t)plain(k, best) * 4) best = i;
    } else if (plain(k, i) > plain(k, best)) {
      best = i;
    }
  }
  return best;
}

static uint32_t densest(const picker *k) {
  uint32_t best = 0, top = 0;
  for (uint32_t i = 0; i < k->d->n_nodes; i++) {
    const clean_weight *x = &k->w->w[i];
    if ((k->p->marks[i] & NOT_BODY) || x->state || x->chars == 0 || k->p->score[i] == 0) continue;
    uint32_t score = (uint32_t)((uint64_t)k->p->score[i] * plain(k, i) / x->chars);
    if (score > top) {
      top = score;
      best = i;
    }
  }
  return top >= BODY_MIN ? best : 0;
}

static void pick_body(picker *k) {
  clean_pick *p = k->p;
  p->body = largest(k, CLEAN_W_CONTENT);
  if (p->body == NONE) p->body = largest(k, ARTICLE);
  uint32_t dense = densest(k);
  /* A named container with a small part of the page's paragraphs is a teaser. */
  if (p->body == NONE || (dense && (uint64_t)plain(k, p->body) * 5 < plain(k, dense))) p->body = dense;
  uint64_t all = 0, dropped = 0;
  for (uint32_t i = p->body; i <= k->d->nodes[p->body].last; i++) {
    if (k->d->nodes[i].kind != CLEAN_N_TEXT) continue;
    all += k->w->w[i].chars;
    if (p->marks[i] & (CLEAN_W_SITE | CLEAN_W_RELATED | CLEAN_W_AUTHOR)) dropped += k->w->w[i].chars;
  }
  p->no_drop = dropped * 7 > all * 6;
}

static void pick_title(picker *k) {
  uint32_t rank = 0;
  k->p->title = NONE;
  for (uint32_t i = 1; i < k->d->n_nodes; i++) {
    const clean_weight *x = &k->w->w[i];
    uint32_t r = 0;
    if (!is_element(k, i) || (k->p->marks[i] & CLEAN_W_RELATED) || x->chars < 4 || x->chars > TITLE_MAX) continue;
    if (clean_dom_is(k->d, i, CLEAN_T_H1)) r = 2;
    if (k->p->marks[i] & CLEAN_W_TITLE) r += 2;
    if (r && i == k->meta->h1) r += 3;
    if ((k->p->marks[i] & CLEAN_W_SITE) && r) r = 1;
    if (r > rank) {
      rank = r;
      k->p->title = i;
    }
  }
}

/* The lead stands between the title and the end of the container. */
static void pick_lead(picker *k) {
  clean_pick *p = k->p;
  uint32_t end = k->d->nodes[p->body].last, start = p->title == NONE ? 0 : p->title;
  p->lead = NONE;
  for (uint32_t i = start; i <= end; i++) {
    int holds = i <= p->body && k->d->nodes[i].last >= p->body;
    if (!(p->marks[i] & CLEAN_W_LEAD) || (p->marks[i] & NOT_BODY) || !is_element(k, i) || holds) continue;
    if (plain(k, i) < LEAD_MIN || k->w->w[i].chars > LEAD_MAX) continue;
    p->lead = i;
    return;
  }
}

static int may_be_links(unsigned tag) {
  return tag == CLEAN_T_P || tag == CLEAN_T_UL || tag == CLEAN_T_OL || tag == CLEAN_T_LI || tag == CLEAN_T_DIV ||
         tag == CLEAN_T_H2 || tag == CLEAN_T_H3 || tag == CLEAN_T_H4;
}

/* Lists and paragraphs that are links lead elsewhere. */
static void mark_links(picker *k) {
  clean_pick *p = k->p;
  if (p->no_drop) return;
  for (uint32_t i = p->body + 1; i <= k->d->nodes[p->body].last; i++) {
    const clean_weight *x = &k->w->w[i];
    if (!is_element(k, i) || (p->marks[i] & NOT_BODY) || x->chars == 0 || x->chars > 1600) continue;
    if (!may_be_links(k->d->nodes[i].tag) || (uint64_t)x->link_chars * 10 < (uint64_t)x->chars * 9) continue;
    for (uint32_t m = i; m <= k->d->nodes[i].last; m++) p->marks[m] |= CLEAN_W_RELATED;
    i = k->d->nodes[i].last;
  }
}

/* ---- what the pipeline says about a site ----------------------------------------------------------------------------
 */

/* Sets a mark on the elements that match and all that stands in them. Returns the first, or NONE. */
static uint32_t mark_matches(picker *k, const clean_select *select, unsigned mark) {
  uint32_t first = NONE;
  for (uint32_t i = 1; select && i < k->d->n_nodes; i++) {
    if (!is_element(k, i) || !clean_select_match(select, k->d, i)) continue;
    if (first == NONE) first = i;
    for (uint32_t m = i; m <= k->d->nodes[i].last; m++) k->p->marks[m] |= (uint16_t)mark;
    i = k->d->nodes[i].last;
  }
  return first;
}

static void apply_site(picker *k, const clean_site *site) {
  clean_pick *p = k->p;
  uint32_t content = mark_matches(k, site->content, CHOSEN), title = mark_matches(k, site->title, 0),
           lead = mark_matches(k, site->lead, 0);
  if (content != NONE) {
    p->body = content;
    p->chosen = 1;
  }
  if (title != NONE) p->title = title;
  if (content != NONE && lead == NONE) pick_lead(k);
  if (lead != NONE) p->lead = lead;
  mark_matches(k, site->drop, DROPPED);
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------
 */

static int holds(const picker *k, uint32_t node, const clean_block *b) {
  return node != NONE && b->first >= node && b->first <= k->d->nodes[node].last;
}

/* The marks that all text of a block has. */
static unsigned block_marks(const picker *k, const clean_block *b) {
  unsigned m = 0xFFFF;
  for (uint32_t i = b->first; i <= b->last; i++) {
    if (k->d->nodes[i].kind == CLEAN_N_TEXT && k->w->w[i].chars) m &= k->p->marks[i];
  }
  return m;
}

static uint8_t kind_of(const picker *k, const clean_block *b) {
  if (b->state & CLEAN_WS_HIDDEN) return CLEAN_K_OUT;
  if (holds(k, k->p->title, b)) return CLEAN_K_TITLE;
  int lead = holds(k, k->p->lead, b);
  unsigned m = block_marks(k, b);
  int in_body = k->p->chosen ? (m & CHOSEN) != 0 : holds(k, k->p->body, b);
  if (!lead && !in_body) return CLEAN_K_OUT;
  if (m & DROPPED) return CLEAN_K_SITE;
  if (k->p->no_drop) m &= ~(unsigned)(CLEAN_W_SITE | CLEAN_W_RELATED | CLEAN_W_AUTHOR | CLEAN_W_RIGHT);
  if (m & CLEAN_W_STAMP) return CLEAN_K_PREFIX;
  if (lead) return CLEAN_K_LEAD;
  if (m & CLEAN_W_RELATED) return CLEAN_K_RELATED;
  if (m & CLEAN_W_SITE) return CLEAN_K_SITE;
  if ((m & CLEAN_W_CAPTION) || b->type == CLEAN_B_CAPTION) return CLEAN_K_CAPTION;
  if (m & (CLEAN_W_AUTHOR | CLEAN_W_RIGHT)) return CLEAN_K_BYLINE;
  return m & HEADING ? CLEAN_K_HEADING : CLEAN_K_BODY;
}

static int keep_ruled(clean_pick *p, size_t n) {
  void *ruled = p->ruled, *comments = p->comments;
  int rc = clean_grow(p->mem, &ruled, &p->cap_ruled, 0, n + 1, 1);
  p->ruled = ruled;
  if (!rc) rc = clean_grow(p->mem, &comments, &p->cap_comments, 0, n + 1, 1);
  p->comments = comments;
  if (!rc && n) memcpy(p->ruled, p->kinds, n);
  return rc;
}

int clean_pick_blocks(clean_pick *p, const clean_dom *d, const clean_weights *w, const clean_meta *meta,
                      const clean_site *site) {
  picker k = {p, d, w, meta};
  void *marks = p->marks, *score = p->score, *kinds = p->kinds;
  int rc = clean_grow(p->mem, &marks, &p->cap_marks, 0, d->n_nodes, sizeof *p->marks);
  p->marks = marks;
  if (!rc) rc = clean_grow(p->mem, &score, &p->cap_score, 0, d->n_nodes, sizeof *p->score);
  p->score = score;
  if (!rc) rc = clean_grow(p->mem, &kinds, &p->cap_kinds, 0, w->n_blocks, 1);
  p->kinds = kinds;
  if (rc) return rc;
  p->chosen = 0;
  mark_nodes(&k);
  pick_body(&k);
  pick_title(&k);
  pick_lead(&k);
  mark_links(&k);
  if (site) apply_site(&k, site);
  for (size_t i = 0; i < w->n_blocks; i++) p->kinds[i] = kind_of(&k, &w->blocks[i]);
  if (p->chosen) return SL_OK;
  rc = clean_score_blocks(&p->trees, d, w, meta);
  if (!rc) rc = keep_ruled(p, w->n_blocks);
  if (rc) return rc;
  for (size_t i = 0; i < w->n_blocks; i++) p->comments[i] = (block_marks(&k, &w->blocks[i]) & CLEAN_W_COMMENT) != 0;
  clean_case c = {w->blocks, w->n_blocks, p->trees.odds, p->ruled, p->comments, clean_judge_is_news(&meta->ld)};
  clean_judge(&c, p->kinds);
  return SL_OK;
}
