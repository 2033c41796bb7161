/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a text to know it again: a hash of its syllables, and a MinHash signature of their runs.
 *
 * The hash is equal if the syllables and their order are: letter case, punctuation, white space, composed or decomposed
 * letters and the place of tone marks do not count. The signature estimates what share of the runs of DD_RUN syllables
 * two texts have in common (Jaccard): one permutation with DD_SIG bins (Li, Owen, Zhang 2012), empty bins filled as by
 * Shrivastava (2017), eight bits of each (Li and König 2010). Time is linear in the text and needs no memory.
 *
 * A syllable is a run of letters and digits; a letter of a script without spaces (Han, kana, Thai, Lao, Khmer, Burmese)
 * stands for itself.
 */
#ifndef DEDUPE_SKETCH_H
#define DEDUPE_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DD_RUN 3u
#define DD_SIG 128u
#define DD_HASH 16u

typedef struct dd_sketch {
  unsigned char hash[DD_HASH];
  uint32_t words; /* syllables */
  bool has_sig;   /* at least DD_RUN syllables */
  unsigned char sig[DD_SIG];
} dd_sketch;

/* A sketch while it is made. */
typedef struct dd_sketcher {
  uint64_t a, b;         /* the hash so far */
  uint64_t ring[DD_RUN]; /* the last syllables */
  uint64_t bins[DD_SIG]; /* smallest value of each bin, UINT64_MAX: empty */
  uint32_t words;
} dd_sketcher;

void dd_sketch_begin(dd_sketcher *s);
void dd_sketch_add(dd_sketcher *s, const char *text, size_t n);
void dd_sketch_end(dd_sketcher *s, dd_sketch *ret);

/* 0..1: the estimated share of common runs. */
double dd_similarity(const unsigned char *a, const unsigned char *b);

/* The hash of any bytes: of record keys. */
void dd_hash(const char *s, size_t n, unsigned char ret[DD_HASH]);

#endif
