/* SPDX-License-Identifier: Apache-2.0 */
/* Treebanks in CoNLL-U: the text of each sentence and where its words end. Part of the training tool. */
#ifndef SEGMENT_CONLLU_H
#define SEGMENT_CONLLU_H

#include "lane_vec.h"

#define SEG_MAX_SENTENCE ((size_t)1 << 16) /* bytes of one sentence */

/* A sentence: text[at, at + n), words parted by spaces unless SpaceAfter=No stands behind the first. */
typedef struct seg_tb_sentence {
  size_t at, n;
} seg_tb_sentence;

typedef struct seg_treebank {
  lane_mem mem;
  lane_vec text;      /* char */
  lane_vec ends;      /* char, as long as text: 1 on the last byte of a word */
  lane_vec sentences; /* seg_tb_sentence */
} seg_treebank;

void seg_treebank_init(seg_treebank *tb, const lane_mem *mem);
void seg_treebank_done(seg_treebank *tb);

/* Adds the sentences of a file's bytes; LBKT and RBKT are brackets. 0; -1 when memory is out; a line number > 0 when
 * that line is broken, and *ret_why says how. */
long seg_treebank_add(seg_treebank *tb, const char *data, size_t n, const char **ret_why);

#endif
