/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the block of a dictionary from lists of words, for the tool and for a user's own list. */
#ifndef SEGMENT_DICT_BUILD_H
#define SEGMENT_DICT_BUILD_H

#include <stdbool.h>

#include "dict.h"

typedef struct seg_build {
  lane_mem mem;
  lane_vec syllables;       /* uint64_t: the keys of all words behind each other; after sealing unique and sorted */
  lane_vec words;           /* struct seg_build_word */
  bool listed;              /* what is added gets SEG_DICT_LISTED */
  bool own;                 /* what is added is the user's: it is always a word, and with a ! never */
  const seg_dict *notes_of; /* where the notes of syllables come from; NULL: there are none */
  size_t skipped;           /* lines that are not words: more than letters, or too many syllables */
} seg_build;

typedef struct seg_build_word {
  uint32_t at; /* first syllable in `syllables` */
  uint32_t n;
  uint32_t flags;
} seg_build_word;

void seg_build_init(seg_build *b, const lane_mem *mem);
void seg_build_done(seg_build *b);

/* Adds a list: one word a line, its syllables parted by spaces, hyphens or underscores; what follows a # is a remark. A
 * word whose first letter is a capital is a name and matches only where text has capitals. A ! before a word leaves it
 * out, from whichever list it comes. The user's list is the last word, whatever the others say. 0, or -1 when memory is
 * out. */
int seg_build_list(seg_build *b, const char *text, size_t n);

/* Adds every word of a dictionary [borrow until the block is made], and what it knows of words and syllables. 0, or -1
 * when memory is out. */
int seg_build_dict(seg_build *b, const seg_dict *d);

/* The block, from the allocator of b [own], and its size. 0; -1 when memory is out; -2 when there are more than 65535
 * different syllables or 2^24 nodes. */
int seg_build_block(seg_build *b, void **ret_block, size_t *ret_size);

/* Writes what is known into a block of size bytes: seen[i] is the SEG_SEEN_… of node i, notes[i] of syllable i. */
void seg_build_note(void *block, size_t size, const uint8_t *seen, const uint32_t *notes);

#endif
