/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures by which an article is found: what each element holds, what its names say, and the page cut into blocks.
 *
 * A block is a run of text between the starts and ends of block elements (two <br> in a row part blocks, too; a row of
 * a table whose cells hold no blocks is one block). Text that is never shown (script, template, controls) is in no
 * block and counts nowhere; hidden text is in blocks that say so. One pass over the page, memory by the number of
 * nodes.
 */
#ifndef CLEAN_WEIGH_H
#define CLEAN_WEIGH_H

#include "dom.h"

/* What class, id, role and the like of an element say (clean_weight.marks). */
#define CLEAN_W_CONTENT (1ull << 0) /* the article's container */
#define CLEAN_W_LEAD (1ull << 1)
#define CLEAN_W_CAPTION (1ull << 2)
#define CLEAN_W_AUTHOR (1ull << 3)
#define CLEAN_W_RELATED (1ull << 4)
#define CLEAN_W_SITE (1ull << 5) /* share, advertisement, tags, comments, menus */
#define CLEAN_W_DATE (1ull << 6)
#define CLEAN_W_TITLE (1ull << 7)
#define CLEAN_W_STAMP (1ull << 8) /* place before the lead */
#define CLEAN_W_RIGHT (1ull << 9) /* p or div whose text stands at the right */
#define CLEAN_W_COMMENT (1ull << 10)
/* Bits from 16 on belong to clean_score's vocabulary. */
#define CLEAN_W_FREE 16

/* clean_weight.state, inherited by what stands inside. */
#define CLEAN_WS_UNSEEN 1u /* never text of the page: script, template, controls */
#define CLEAN_WS_STAMP 4u  /* the place before a lead; a block that holds one says so, too */
#define CLEAN_WS_HIDDEN 2u /* hidden, display: none, aria-hidden, noscript */

typedef struct clean_weight {
  uint64_t marks;      /* of the element itself */
  uint32_t chars;      /* code points of text that are not white space, in the subtree */
  uint32_t link_chars; /* of those, inside links */
  uint32_t words;      /* runs of letters and digits; two ideographs count as a word */
  uint32_t commas, stops;
  uint32_t links, images;
  uint32_t paras;  /* p with 20 characters and more */
  uint32_t path;   /* hash of the tags from the root on */
  uint32_t blocks; /* index of the first block that begins in it; those of the subtree follow one another */
  uint32_t n_blocks;
  uint32_t link; /* the a element it stands in, or CLEAN_DOM_NONE */
  uint8_t state; /* CLEAN_WS_… */
} clean_weight;

enum { CLEAN_B_PARA, CLEAN_B_HEADING, CLEAN_B_ITEM, CLEAN_B_QUOTE, CLEAN_B_ROW, CLEAN_B_CAPTION, CLEAN_B_PRE };

typedef struct clean_block {
  uint32_t first, last; /* nodes: its text is that of the text nodes in [first, last] that are not unseen */
  uint32_t start, end;  /* bytes of the page, from its first character to behind its last; tags may stand between */
  uint32_t node;        /* the innermost block element around it */
  uint32_t chars, link_chars, words, commas, stops;
  uint32_t links;  /* a elements that begin in it, or the one it stands in */
  uint16_t uppers; /* words that begin with a capital */
  uint16_t digits;
  uint8_t type;  /* CLEAN_B_… */
  uint8_t level; /* of a heading: 1 to 6 */
  uint8_t state; /* CLEAN_WS_HIDDEN */
  uint8_t ends;  /* 1: ends like a sentence */
} clean_block;

#define CLEAN_MARK_CACHE 4096u

typedef struct clean_weights {
  const clean_mem *mem;
  clean_weight *w; /* of each node; texts have state and link only */
  size_t n, cap;
  clean_block *blocks;
  size_t n_blocks, cap_blocks;
  struct {
    uint64_t key, marks;
  } * cache; /* marks of names seen before, on this page or others */
} clean_weights;

void clean_weights_init(clean_weights *w, const clean_mem *mem);
void clean_weights_done(clean_weights *w);
void clean_weights_clear(clean_weights *w, size_t keep);

/* 0 or SL_ENOMEM. */
int clean_weigh(clean_weights *w, const clean_dom *d);

/* What one name of a class or id says (CLEAN_W_…), case not regarded. */
uint64_t clean_mark(const char *name, size_t n);

/* Appends the block's text to out, every byte with its way back; white space and line separators become spaces, <br>
 * and the line feeds of pre line feeds. part: CLEAN_WS_STAMP for nothing but the stamps in it, 0 for all the rest. in:
 * a view of the page. */
void clean_block_text(const clean_dom *d, const clean_weights *w, const clean_block *b, unsigned part, clean_view *in,
                      clean_buf *out);

#endif
