/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the sentences as numbers, with counts. One table per lane, emptied for each document. */
#ifndef SUMMARIZE_TERMS_H
#define SUMMARIZE_TERMS_H

#include <stdbool.h>

#include "lane_vec.h"

#define SUM_TERM_STOP 1u  /* a function word, a number, a sign: says nothing about the subject */
#define SUM_TERM_UPPER 2u /* has a capital where it does not begin a sentence */
#define SUM_TERM_LOWER 4u /* has a small letter somewhere */

typedef struct sum_term {
  uint64_t key;
  uint32_t count;     /* occurrences */
  uint32_t sentences; /* sentences that have it */
  uint32_t last;      /* the last sentence that has it, from 1 */
  uint32_t flags;
  uint32_t syllables;
  const char *form; /* the first occurrence, better one with a small letter: bytes of `words` or of the text */
  uint32_t form_len;
  uint32_t first; /* order of first occurrence */
} sum_term;

typedef struct sum_terms {
  const lane_mem *mem;
  lane_vec terms; /* sum_term */
  lane_vec slots; /* uint32_t: hash table, number of a term from 1; cap is a power of two in use */
  size_t n_slots;
  uint64_t stops[1024]; /* hash set of the keys of function words */
} sum_terms;

void sum_terms_init(sum_terms *t, const lane_mem *mem);
void sum_terms_done(sum_terms *t);
void sum_terms_clear(sum_terms *t);

/* The key of a word: case, tone placement, and _ or space between its syllables make no difference. *ret_syllables: 0
 * if it has no letter. */
uint64_t sum_word_key(const char *s, size_t n, uint32_t *ret_syllables);

/* The number of the word s[0, n), made if it is new and `add`; UINT32_MAX when memory is out, UINT32_MAX - 1 if it is
 * not there. */
uint32_t sum_terms_find(sum_terms *t, const char *s, size_t n, bool add);

/* Whether the word with this key is a function word. */
bool sum_terms_is_stop(const sum_terms *t, uint64_t key);

/* Names keep their capitals in whatever place they stand. */
bool sum_term_is_name(const sum_term *t);

#define SUM_NO_MEMORY UINT32_MAX
#define SUM_NOT_THERE (UINT32_MAX - 1)

/* The function words of Vietnamese and English, parted by spaces; syllables of a word joined by _. (stopwords.c) */
extern const char sum_stopwords[];

#endif
