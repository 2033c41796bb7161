/* SPDX-License-Identifier: Apache-2.0 */
/* Which language a text is in: Vietnamese, English, or another that segment does not know. */
#ifndef SEGMENT_LANGUAGE_H
#define SEGMENT_LANGUAGE_H

#include "lexicon.h"

#define SEG_LANG_UND 0
#define SEG_LANG_VI 1
#define SEG_LANG_EN 2

/* Looks at three stretches of the text at most, so that long texts cost no more. */
int seg_language(const seg_lexicon *lex, const char *s, size_t n);

#endif
