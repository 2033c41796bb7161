/* SPDX-License-Identifier: Apache-2.0 */
/* Counts words, whatever their case, in the order in which they were first seen. */
#ifndef KEYWORDS_COUNT_H
#define KEYWORDS_COUNT_H

#include <stddef.h>
#include <stdint.h>

typedef struct counter counter;

typedef struct counted {
  const char *text; /* as first seen, with spaces for "_"; [borrow until the counter is cleared] */
  uint32_t count;
} counted;

/* NULL when memory is out. */
counter *counter_new(void);
void counter_free(counter *c);
/* Forgets the words, keeps the memory. */
void counter_clear(counter *c);
/* A word that is never counted. Lasts as long as the counter. 0, or -1 when memory is out. */
int counter_stop(counter *c, const char *word);
/* Counts the words of one segmented sentence: "Tổng_Bí_thư Tô_Lâm nhấn_mạnh :". What does not begin with a letter is no
 * word. 0, or -1 when memory is out. */
int counter_add(counter *c, const char *words);
/* Fills best with at most n words of at least min occurrences, the most frequent first. Returns how many. */
size_t counter_best(const counter *c, uint32_t min, counted *best, size_t n);

#endif
