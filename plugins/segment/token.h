/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens: the smallest pieces of text that a sentence boundary or a word boundary can stand between.
 *
 * Syllables, numbers with their separators and percent sign, codes (57-NQ/TW, COVID-19, TP.HCM, addresses, file names),
 * abbreviations with their stop (TS., v.v., N.V.A.), and punctuation: runs of one stop are one token. No byte of the
 * text but white space and invisible characters is outside every token.
 */
#ifndef SEGMENT_TOKEN_H
#define SEGMENT_TOKEN_H

#include <stdbool.h>

#include "dict.h"
#include "lane_vec.h"

#define SEG_WORD 1u   /* a run of letters */
#define SEG_NUMBER 2u /* digits, separators, percent sign */
#define SEG_CODE 3u   /* letters and digits mixed, or joined by - / & . @ */
#define SEG_PUNCT 4u

#define SEG_T_UPPER 0x1u       /* begins with a capital */
#define SEG_T_CAPS 0x2u        /* two letters or more, all capitals */
#define SEG_T_GLUED 0x4u       /* no white space before it */
#define SEG_T_MIXED 0x8u       /* begins with a small letter and has a capital: iPhone */
#define SEG_T_STOP 0x10u       /* . ! ? … and runs of them */
#define SEG_T_DOTS 0x20u       /* an ellipsis; STOP is set, too */
#define SEG_T_OPEN 0x40u       /* opening quote or bracket */
#define SEG_T_CLOSE 0x80u      /* closing quote or bracket */
#define SEG_T_QUOTE 0x100u     /* OPEN or CLOSE is of a quotation mark */
#define SEG_T_DASH 0x200u      /* hyphen, dash, bullet */
#define SEG_T_TITLE 0x400u     /* abbreviation before a name or number: TS. TP. tr. */
#define SEG_T_FINAL 0x800u     /* abbreviation that may end a sentence: v.v. T.Ư. */
#define SEG_T_INITIAL 0x1000u  /* one letter or several with stops: S. N.V.A. */
#define SEG_T_CASELESS 0x2000u /* a letter of a script without capitals */
#define SEG_T_COLON 0x4000u
#define SEG_T_ABBR (SEG_T_TITLE | SEG_T_FINAL | SEG_T_INITIAL)

typedef struct seg_token {
  uint64_t key; /* of a WORD; else 0 */
  uint32_t start, end;
  uint16_t syllable; /* number in the dictionary, 0 if it has none */
  uint16_t flags;
  uint32_t kind;
} seg_token;

/* Appends the tokens of s[start, end) to out (items: seg_token). 0, or -1 when memory is out. */
int seg_tokenize(lane_vec *out, const lane_mem *mem, const seg_dict *dict, const char *s, size_t start, size_t end);

/* The end of an address, mail address or file name that begins at i, or i if there is none. (address.c) */
size_t seg_address_end(const char *s, size_t n, size_t i);

/* Whether s[0, n) is the last part of a host or file name: vn, docx. */
bool seg_is_suffix(const char *s, size_t n);

/* The SEG_T_… flag of an abbreviation s[0, n) without its final stop, 0 if it is none. (abbrev.c) */
unsigned seg_abbreviation(const char *s, size_t n);

#endif
