/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodings that are fonts: TCVN3 (ABC, .VnTime) and VNI for Windows (VNI-Times). iconv knows neither.
 *
 * They come as bytes, or as those bytes taken for Latin-1 and written as UTF-8 ("C¸c ®¬n vÞ", "Caùc ñôn vò"). TCVN3 has
 * one byte for each letter; its capitals with tones stand in fonts of their own and come out small. VNI writes most
 * marks as a byte of its own behind the vowel, which is what comes out: a letter and combining marks, for clean_normal
 * to join.
 */
#ifndef CLEAN_FONTS_H
#define CLEAN_FONTS_H

#include "charset.h"

#define CLEAN_FONT_NONE 0
#define CLEAN_FONT_TCVN3 1
#define CLEAN_FONT_VNI 2

/* The font by name ("TCVN3", "ABC", "VNI", "VNI-WINDOWS", in any case), or CLEAN_FONT_NONE. */
int clean_font_named(const char *name);

/* Which font the text is in, judged by its first 64 KiB; utf8: the bytes stand as characters of UTF-8. Text that has
 * letters of its own beyond Latin-1 is in none. */
int clean_font_find(const char *s, size_t n, int utf8);

/* The character at s[at]: the byte that it stands for, and its length; 256 for a character that is no byte. */
unsigned clean_font_byte(const char *s, size_t n, size_t at, int utf8, size_t *ret_len);

/* What byte c becomes (UTF-8, at most 8 bytes, NUL-terminated), NULL if the font does not have it. before: the byte
 * before it, 0 if that is no letter. */
const char *clean_font_text(int font, unsigned c, unsigned before);

#endif
