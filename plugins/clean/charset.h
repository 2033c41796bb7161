/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which encoding the bytes are in, and the way from there to UTF-8.
 *
 * Order of trust: byte order mark, the stage's `charset`, UTF-16 by its pattern of zeros, valid UTF-8 with letters
 * beyond ASCII, what the media type or the page declares, damaged UTF-8, Windows-1258 when its tone marks stand behind
 * vowels, the fonts TCVN3 and VNI by their letters (also where these stand as UTF-8), uchardet on the text without
 * tags.
 */
#ifndef CLEAN_CHARSET_H
#define CLEAN_CHARSET_H

#include "buf.h"

#define CLEAN_REASON 256

/* Why a document was refused. */
typedef struct clean_why {
  int32_t code; /* SL_E… */
  char message[CLEAN_REASON], detail[CLEAN_REASON], hint[CLEAN_REASON];
} clean_why;

/* Fills in why (printf form for the message) and returns code. detail and hint may be NULL. */
int clean_refuse(clean_why *why, int code, const char *detail, const char *hint, const char *fmt, ...) SL_PRINTF(5, 6);

/* Bytes that are not in the encoding, as found when they are replaced. */
typedef struct clean_bad {
  uint64_t start, len;
} clean_bad;

typedef struct clean_charset {
  char name[32]; /* as iconv calls it; "UTF-8" */
  size_t bom;    /* bytes of mark to skip */
  int checked;   /* 1: known to be valid from there on */
  int wrapped;   /* a font (fonts.h) whose bytes stand as characters of UTF-8 */
} clean_charset;

/* media_type and forced may be NULL; forced "auto" is the same. html: look for declarations in tags, too. Returns 0, or
 * SL_EENCODING with why when nothing fits. */
int clean_detect(const char *s, size_t n, const char *media_type, const char *forced, int html, clean_charset *ret,
                 clean_why *why);

/* Whether iconv or fonts.h knows the name. */
int clean_charset_known(const char *name);

/* Decodes s into out, which is empty. When it is UTF-8 already and valid, out stays empty and *ret_view lends s itself.
 * Invalid input: with bad NULL SL_EENCODING and why (byte offset); else U+FFFD, and its place is appended to
 * bad[*n_bad] up to cap_bad (the count goes on). */
typedef struct clean_bads {
  clean_bad *items;
  size_t n, cap;
} clean_bads;
int clean_decode(const char *s, size_t n, const clean_charset *cs, clean_buf *out, clean_bads *bad,
                 clean_view *ret_view, clean_why *why);

/* Length of the valid UTF-8 prefix of s. */
size_t clean_utf8_valid(const char *s, size_t n);

#endif
