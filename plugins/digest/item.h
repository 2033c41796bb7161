/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a held document beside itself: the words that tell its subject, a MinHash signature of its shingles,
 * and its best sentences. Less than 4 KiB, however long the document is.
 *
 * MinHash after Broder, "On the resemblance and containment of documents" (1997): the share of equal places in two
 * signatures estimates the share of common shingles.
 */
#ifndef DIGEST_ITEM_H
#define DIGEST_ITEM_H

#include "../common/summary.h"

#define DG_SIGNATURE 128u
#define DG_TERMS 96u  /* words of a document */
#define DG_FORMS 8u   /* of the first of them also how they are written */
#define DG_FORM 40u   /* bytes of such a word */
#define DG_PICKS 5u   /* sentences of a document */
#define DG_KEYS 32u   /* words of a sentence */
#define DG_SHINGLE 3u /* syllables */

typedef struct dg_term {
  uint64_t key;
  double weight;
} dg_term;

typedef struct dg_form {
  uint64_t key;
  char text[DG_FORM];
} dg_form;

typedef struct dg_pick {
  size_t start, end; /* bytes of the document's text */
  double score;
  uint32_t n_keys;
  uint64_t keys[DG_KEYS]; /* ascending */
} dg_pick;

typedef struct dg_item {
  void *doc;           /* the document: nothing here looks into it */
  uint32_t n_shingles; /* 0: the signature says nothing */
  uint32_t n_terms, n_forms, n_picks;
  dg_term terms[DG_TERMS]; /* by key, ascending */
  dg_form forms[DG_FORMS];
  dg_pick picks[DG_PICKS];
  uint32_t signature[DG_SIGNATURE];
} dg_item;

typedef struct dg_range {
  size_t start, end;
} dg_range;

/* Fills an item but for doc. s holds the sentences of the text, and ranges where they stand. 0, or -1 when memory is
 * out. */
int dg_item_read(dg_item *item, summarizer *s, const dg_range *ranges, const char *text, size_t len, const char *title);

/* Estimated share of common shingles, 0 to 1. */
double dg_alike(const dg_item *a, const dg_item *b);

#endif
