/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segmentation of one text: paragraphs, sentences, words, language. Offsets are bytes; the text is never changed.
 *
 * A segmenter belongs to one lane and keeps its room between texts; the lexicon is shared.
 */
#ifndef SEGMENT_SEGMENT_H
#define SEGMENT_SEGMENT_H

#include <stdbool.h>

#include "language.h"
#include "lexicon.h"
#include "lane_vec.h"

/* What a single line break means. */
#define SEG_BREAK_AUTO 0 /* a new paragraph, unless the text looks wrapped or the sentence goes on in small letters */
#define SEG_BREAK_PARAGRAPH 1 /* always a new paragraph */
#define SEG_BREAK_SPACE 2     /* white space; only an empty line parts paragraphs */

#define SEG_MAX_TEXT ((size_t)1 << 30)

typedef struct seg_range {
  uint32_t start, end;
} seg_range;

typedef struct seg_result_sentence {
  uint32_t start, end;
  uint32_t first_word, last_word; /* [first, last) in words */
  int language;                   /* SEG_LANG_…: that of the text, or its own if the language is not given */
} seg_result_sentence;

typedef struct segmenter {
  const seg_lexicon *lex;
  int breaks;          /* SEG_BREAK_… */
  int language;        /* SEG_LANG_… of the last text */
  bool mixed;          /* its sentences may differ from it */
  lane_vec paragraphs; /* seg_range */
  lane_vec sentences;  /* seg_result_sentence */
  lane_vec words;      /* seg_range */
  lane_vec tokens, bounds, begins, lattice;
} segmenter;

void segmenter_init(segmenter *sg, const seg_lexicon *lex, int breaks);
void segmenter_done(segmenter *sg);

/* Segments s[0, n). language: SEG_LANG_… or -1 to find out. 0; -1 when memory is out; -2 when n > SEG_MAX_TEXT. */
int segmenter_run(segmenter *sg, const char *s, size_t n, int language);

/* The words of sentence i as one string: words parted by spaces, their syllables joined by _. Appends to out (items:
 * char), without a final NUL. 0 or -1. */
int segmenter_words_text(const segmenter *sg, const char *s, size_t i, lane_vec *out);

/* Appends the paragraphs of s[0, n) to out (items: seg_range). 0 or -1. (paragraph.c) */
int seg_paragraphs(lane_vec *out, const lane_mem *mem, const char *s, size_t n, int breaks);

#endif
