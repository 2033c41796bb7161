/* SPDX-License-Identifier: Apache-2.0 */
/* Treebanks in CoNLL-U: the text of each sentence and where its words end. Part of the training tool. */
#ifndef SEGMENT_CONLLU_H
#define SEGMENT_CONLLU_H

#include <stdbool.h>

#include "lane_vec.h"

#define SEG_MAX_SENTENCE ((size_t)1 << 16) /* bytes of one sentence */

/* A sentence: text[at, at + n), words parted by spaces unless SpaceAfter=No stands behind the first. */
typedef struct seg_tb_sentence {
  size_t at, n;
} seg_tb_sentence;

/* Parts of speech that are told apart: 1 is any other or none, then those of Universal Dependencies as conllu.c has
 * them. */
#define SEG_POS_OTHER 1
#define SEG_POS_COUNT 16

typedef struct seg_treebank {
  lane_mem mem;
  lane_vec text;      /* char */
  lane_vec ends;      /* char, as long as text: on the last byte of a word its part of speech, else 0 */
  lane_vec sentences; /* seg_tb_sentence */
} seg_treebank;

void seg_treebank_init(seg_treebank *tb, const lane_mem *mem);
void seg_treebank_done(seg_treebank *tb);

/* Adds the sentences of a file's bytes; LBKT and RBKT are brackets. 0; -1 when memory is out; a line number > 0 when
 * that line is broken, and *ret_why says how. */
long seg_treebank_add(seg_treebank *tb, const char *data, size_t n, const char **ret_why);

/* Whether a word ends with the last byte before `at` that is no space; text and ends are those of a sentence. */
bool seg_tb_word_ends(const char *text, const char *ends, size_t at);

#endif
