/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of words and runs of words by hash, to tell how much of a block stands in the title, the description or the
 * article's text of the JSON-LD.
 */
#ifndef CLEAN_LIKENESS_H
#define CLEAN_LIKENESS_H

#include "weigh.h"

#define CLEAN_RUN_MAX 3u

/* Words of a text as they go by; each gives the hash of the run of the last `run` words, and the text's own hash. */
typedef struct clean_runs {
  uint64_t word, last[CLEAN_RUN_MAX];
  uint64_t text; /* of all words */
  uint32_t n;    /* words so far */
  int ideograph;
} clean_runs;

/* Takes the next character. Returns 1 when a word has ended, which is then counted. */
int clean_runs_char(clean_runs *r, uint32_t c);
/* The hash of the last run words; 0 if there are not so many. */
uint64_t clean_runs_hash(const clean_runs *r, unsigned run);

typedef struct clean_set {
  uint64_t *slots; /* 0: free */
  size_t mask, cap, n;
} clean_set;

/* Empties the set and makes room for n members. 0 or SL_ENOMEM. */
int clean_set_start(clean_set *s, const clean_mem *mem, size_t n);
/* 1 if it was not there yet. */
int clean_set_add(clean_set *s, uint64_t hash);
int clean_set_has(const clean_set *s, uint64_t hash);
/* Fills in the set with the runs of a text. 0 or SL_ENOMEM. */
int clean_set_text(clean_set *s, const clean_mem *mem, const char *text, unsigned run);

#endif
