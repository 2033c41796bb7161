/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of pages whose articles were marked: pages/NAME.html.gz and ground-truth.json.gz ({"NAME": {"articleBody":
 * text}}, with paragraphs as lines). Each page as blocks with figures and labels, and its publisher as a group that
 * must not stand on both sides of a test.
 */
#ifndef CLEAN_CORPUS_H
#define CLEAN_CORPUS_H

#include "article.h"
#include "figures.h"

#define CORPUS_RUN 4 /* words of a run that is compared */

typedef struct corpus_page {
  char name[128];
  size_t n; /* blocks */
  clean_figures figures;
  clean_dom dom;    /* nodes only */
  uint8_t *label;   /* of the article */
  uint8_t *neutral; /* neither: lists and tables right among the article's paragraphs, which some call part of it */
  uint32_t *words;  /* of each block */
  size_t *first;    /* of each block: its first token; n + 1 of them */
  uint64_t *tokens, *gold;
  size_t n_gold;
  clean_block *blocks;
  uint8_t *ruled, *comments; /* what the rules say of each block */
  int news;
  uint64_t *names; /* of classes, sorted, to tell content systems apart */
  size_t n_names;
  unsigned group, fold;
} corpus_page;

typedef struct corpus {
  corpus_page *pages;
  size_t n;
} corpus;

/* 0, or -1 after a message. */
int corpus_read(corpus *c, const char *folder, unsigned folds);
void corpus_free(corpus *c);

typedef struct corpus_score {
  double precision, recall, f1;
} corpus_score;

/* F1 of one page when the blocks with keep[i] are taken. */
corpus_score corpus_page_score(const corpus_page *p, const uint8_t *keep);

#endif
