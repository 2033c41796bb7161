/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extractive summaries: chooses sentences by how well they stand for the subject (the centroid of the first sentences),
 * where they stand, and what they share with the title, and takes none that repeats another (maximal marginal
 * relevance), within a budget of syllables.
 *
 * After Radev et al., "Centroid-based summarization of multiple documents" (2004), and Carbonell and Goldstein, "The
 * use of MMR" (1998). Deterministic; time is linear in the text, with a bound on the sentences that are compared with
 * each other. Stable: a sentence's score depends on the title, on itself, on how many stand before it, and on the first
 * fifteen sentences; so an end that is cut off behind those changes what is chosen only if something chosen was in it.
 */
#ifndef SUMMARIZE_SUMMARY_H
#define SUMMARIZE_SUMMARY_H

#include "terms.h"

#define SUM_CENTROID 0
#define SUM_LEAD 1

typedef struct sum_sentence {
  const char *words; /* parted by spaces, syllables joined by _; or a slice of the text */
  size_t words_len;
  uint32_t paragraph_start; /* 1: the first of its paragraph */
  /* Found out by sum_choose. */
  uint32_t first_term, n_terms; /* in `uses` */
  uint32_t syllables;
  uint32_t chosen;
  double norm, score, redundancy;
} sum_sentence;

typedef struct sum_options {
  int method;
  size_t sentences;
  size_t max_syllables; /* 0: no limit */
  double ratio;         /* of the text's syllables; 0: no limit */
  int title_is_lead;    /* what is given as the title is the lead: it may be chosen */
} sum_options;

#define SUM_OPENINGS 30

/* The first syllables of a sentence. */
typedef struct sum_opening {
  uint64_t keys[3];
  unsigned n;
} sum_opening;

typedef struct summarizer {
  lane_mem mem;
  sum_terms terms;
  lane_vec sentences; /* sum_sentence: filled by the caller */
  lane_vec uses;      /* sum_use */
  lane_vec weights;   /* double, by term; behind them as many zeros */
  double topic;       /* length of the subject as a vector */
  size_t headline;    /* found by sum_choose: a sentence, SIZE_MAX if there is none */
  lane_vec order;     /* candidates, then keywords, best first */
  sum_opening openings[SUM_OPENINGS];
} summarizer;

void summarizer_init(summarizer *s, const lane_mem *mem);
void summarizer_done(summarizer *s);
void summarizer_clear(summarizer *s);

/* Sets `chosen` of the sentences. title may be NULL. At least one is chosen if there is one with a word. 0, or -1 when
 * memory is out. */
int sum_choose(summarizer *s, const char *title, size_t title_len, const sum_options *o);

/* After sum_choose: ranks the best n words; *ret_n is how many there are. 0, or -1 when memory is out. */
int sum_keywords(summarizer *s, size_t n, size_t *ret_n);
/* The term of the i-th keyword, best first. */
uint32_t sum_keyword(const summarizer *s, size_t i);

#endif
