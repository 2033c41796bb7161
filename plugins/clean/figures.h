/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures by which a block of a page is told to be of the article or not: each a byte, so that a model's thresholds
 * are bytes, and training and use agree to the bit.
 *
 * Own figures of the block, the elements around it (how far up the nearest figure, list, navigation, … stands; what the
 * names around it say), its place, how much of the page's plain text stands under its parents or under like paths,
 * likeness to title, description and the article's text in JSON-LD, and the same of its neighbours. Linear in the page.
 */
#ifndef CLEAN_FIGURES_H
#define CLEAN_FIGURES_H

#include "likeness.h"
#include "meta.h"
#include "vocabulary.h"
#include "weigh.h"

enum {
  CLEAN_F_CHARS,
  CLEAN_F_WORDS,
  CLEAN_F_LINKED, /* share of characters in links */
  CLEAN_F_LINKS,
  CLEAN_F_COMMAS,
  CLEAN_F_STOPS,
  CLEAN_F_ENDS,
  CLEAN_F_DIGITS,
  CLEAN_F_UPPERS,
  CLEAN_F_WORD_LENGTH,
  CLEAN_F_TYPE,
  CLEAN_F_LEVEL,
  CLEAN_F_TAG,
  CLEAN_F_HIDDEN,
  CLEAN_F_DEPTH,
  CLEAN_F_PLACE, /* share of the page's text before it */
  CLEAN_F_PLAIN_PLACE,
  CLEAN_F_BLOCKS,
  CLEAN_F_PLAIN, /* plain text of the page */
  CLEAN_F_TITLE_BLOCKS,
  CLEAN_F_TITLE_PLAIN,
  CLEAN_F_SHARE, /* of the page's plain text: under the parent, and three more up */
  CLEAN_F_SHARE_LAST = CLEAN_F_SHARE + 3,
  CLEAN_F_PARENT_LINKED,
  CLEAN_F_PARENT_PLAIN,
  CLEAN_F_PARENT_CHARS,
  CLEAN_F_ABOVE_LINKED,
  CLEAN_F_ABOVE_PLAIN,
  CLEAN_F_CENTER_UP,   /* steps up to an element that holds the deepest one with half of the plain text */
  CLEAN_F_CENTER_DOWN, /* and from there down to it */
  CLEAN_F_CENTER_BLOCKS,
  CLEAN_F_PATH,
  CLEAN_F_NAMES,
  CLEAN_F_NAMES_COUNT,
  CLEAN_F_NAMES_LINKED,
  CLEAN_F_TITLE_LIKE,
  CLEAN_F_TITLE_COVERS,
  CLEAN_F_DESCRIPTION_LIKE,
  CLEAN_F_WITNESS_LIKE,
  CLEAN_F_REPEATED,
  CLEAN_F_NEAR_PLAIN,
  CLEAN_F_NEAR_LINKED,
  CLEAN_F_NEAR_BEFORE,
  CLEAN_F_NEAR_AFTER,
  CLEAN_F_UP_TAG, /* how far up the nearest one stands; groups of tags as in figures.c */
  CLEAN_F_UP_TAG_LAST = CLEAN_F_UP_TAG + 11,
  CLEAN_F_UP_MARK, /* of CLEAN_W_… */
  CLEAN_F_UP_MARK_LAST = CLEAN_F_UP_MARK + 10,
  CLEAN_F_UP_WORD, /* of CLEAN_V_… */
  CLEAN_F_UP_WORD_LAST = CLEAN_F_UP_WORD + CLEAN_V_COUNT - 1,
  CLEAN_F_NEIGHBOURS, /* CLEAN_F_NEIGHBOUR_COUNT each of the blocks two and one before, one and two behind */
  CLEAN_F_NEIGHBOUR_COUNT = 9,
  CLEAN_F_COUNT = CLEAN_F_NEIGHBOURS + 4 * CLEAN_F_NEIGHBOUR_COUNT
};

/* What a block shares with the page's title and the like, and where its figures are counted. */
typedef struct clean_like {
  uint64_t text, path, names;
  uint32_t words, unique, title, description, witness;
  uint8_t plain;
} clean_like;

typedef struct clean_figures {
  const clean_mem *mem;
  uint8_t *f; /* CLEAN_F_COUNT of each block */
  size_t n, cap;
  uint32_t *plain; /* of each node: characters of plain blocks in it */
  size_t cap_plain;
  struct clean_tally *table; /* paths, names, texts by hash */
  size_t cap_table;
  clean_like *like; /* of each block */
  size_t cap_like;
  clean_set title, description, witness, own;
} clean_figures;

void clean_figures_init(clean_figures *f, const clean_mem *mem);
void clean_figures_done(clean_figures *f);
void clean_figures_clear(clean_figures *f, size_t keep);

/* Bytes for numbers: sizes in steps of a twelfth of a doubling, shares in 250 steps. */
uint8_t clean_size_byte(uint64_t x);
uint8_t clean_share_byte(uint64_t part, uint64_t all);

/* 0 or SL_ENOMEM. */
int clean_figures_read(clean_figures *f, const clean_dom *d, const clean_weights *w, const clean_meta *meta);

#endif
