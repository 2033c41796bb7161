/* SPDX-License-Identifier: Apache-2.0 */
/* Word boundaries among the tokens of one sentence, by the model. */
#ifndef SEGMENT_WORDS_H
#define SEGMENT_WORDS_H

#include "lexicon.h"
#include "token.h"

/* Sets begins[i] for each token t[0, n) to 1 where a word begins, else 0. scratch: an array of its own that keeps its
 * room. 0, or -1 when memory is out. */
int seg_words_mark(lane_vec *scratch, const seg_lexicon *lex, const seg_token *t, size_t n, uint8_t *begins);

#endif
