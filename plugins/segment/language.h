/* SPDX-License-Identifier: Apache-2.0 */
/* Which language a text is in: Vietnamese, English, or another that segment does not know. */
#ifndef SEGMENT_LANGUAGE_H
#define SEGMENT_LANGUAGE_H

#include "lexicon.h"
#include "token.h"

#define SEG_LANG_UND 0
#define SEG_LANG_VI 1
#define SEG_LANG_EN 2

/* Looks at three stretches of the text at most, so that long texts cost no more. */
int seg_language(const seg_lexicon *lex, const char *s, size_t n);

/* The language of a sentence, its tokens t[0, n), in a text of that language: another one only where the sentence says
 * so itself, so that neither quotations nor names change it. */
int seg_sentence_language(const seg_lexicon *lex, const seg_token *t, size_t n, int text_language);

#endif
