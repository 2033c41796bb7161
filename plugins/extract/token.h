/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: syllables, numbers and single marks of punctuation, with what rules ask about them. */
#ifndef EXTRACT_TOKEN_H
#define EXTRACT_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "lexicon.h"

#define TK_WORD 1u      /* letters */
#define TK_NUM 2u       /* digits */
#define TK_PUNCT 4u     /* one mark */
#define TK_UPPER 8u     /* begins with a capital */
#define TK_CAPS 16u     /* two or more letters, all capitals */
#define TK_GLUED 32u    /* no space before it */
#define TK_BOS 64u      /* first of a sentence */
#define TK_BOP 128u     /* first of a line */
#define TK_FOREIGN 256u /* not a Vietnamese syllable */
#define TK_ONE 512u     /* a single letter */

typedef struct ex_tok {
  uint32_t start, end; /* bytes */
  uint32_t id;         /* of the lexicon, 0: unknown to it */
  uint32_t value;      /* TK_NUM: up to nine digits; TK_PUNCT: code point */
  uint32_t flags;
  uint32_t key_low; /* low bits of the folded key: equal words have equal ones */
} ex_tok;

/* Reads the token at *i, skipping white space and ignorable characters; 0 at the end. Of the flags TK_BOS and
 * TK_FOREIGN are left to the caller. */
int ex_tok_next(const char *s, size_t n, size_t *i, ex_tok *tok, uint64_t *ret_key);

/* 1 if the folded key has the shape of a Vietnamese syllable. */
int ex_is_syllable(uint64_t key);

#endif
