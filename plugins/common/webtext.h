/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of feeds and sitemaps: bytes to UTF-8, mark-up to plain text.
 *
 * What encoding a file has is decided by a byte order mark, then by its bytes if they are valid UTF-8 (a label is wrong
 * more often than that happens by chance), then by the XML declaration, then by the header's charset, else
 * windows-1252. Bytes that the encoding does not have become U+FFFD.
 */
#ifndef SLUICE_PLUGINS_WEBTEXT_H
#define SLUICE_PLUGINS_WEBTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lane_vec.h"

#define WEBTEXT_CHARSET 40

/* The encoding of a file that begins with these bytes, by its name for iconv. content_type: the header, or NULL. whole:
 * these are all of its bytes; else a character that is cut at the end does not count. */
void webtext_charset(const char *bytes, size_t n, const char *content_type, bool whole, char out[WEBTEXT_CHARSET]);

/* A converter to UTF-8 that is given bytes in pieces. Zeroed: closed. */
typedef struct webtext_conv {
  void *cd;
  char rest[8]; /* a character that was cut */
  size_t n_rest;
} webtext_conv;

/* 0, or SL_ENOMEM. An encoding that iconv does not know is read as windows-1252. */
int webtext_open(webtext_conv *c, const char *charset);
void webtext_close(webtext_conv *c);
/* Appends bytes[0, n) to out, which holds chars. end: no more will come. 0, or SL_ENOMEM. */
int webtext_convert(webtext_conv *c, const lane_mem *mem, const char *bytes, size_t n, bool end, lane_vec *out);

/* HTML or text with references to plain text in out (emptied first; NUL-terminated, its n without the NUL): tags are
 * dropped, those of blocks end a line, script and style go with what is in them; blanks become one, lines are trimmed;
 * NFC. What was escaped twice is decoded twice, also when it is wrapped in an escaped CDATA. 0, or SL_ENOMEM. */
int webtext_plain(const lane_mem *mem, const char *html, size_t n, lane_vec *out);

/* The first image of a piece of HTML: the value of src or data-src of its first <img> that is no data: URL, in out with
 * references decoded. false if there is none. */
bool webtext_image(const char *html, size_t n, char *out, size_t cap);

#endif
