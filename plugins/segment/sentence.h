/* SPDX-License-Identifier: Apache-2.0 */
/* Sentence boundaries among the tokens of one paragraph. */
#ifndef SEGMENT_SENTENCE_H
#define SEGMENT_SENTENCE_H

#include "lexicon.h"
#include "token.h"

/* Tokens [first, last) of a paragraph. */
typedef struct seg_sentence {
  uint32_t first, last;
} seg_sentence;

/* Appends the sentences of tokens t[0, n) to out (items: seg_sentence). Every token is in one. 0, or -1 when memory is
 * out. */
int seg_sentences(lane_vec *out, const lane_mem *mem, const seg_lexicon *lex, const seg_token *t, size_t n);

#endif
