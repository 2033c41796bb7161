/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: validating at memory speed, decoding, encoding, walking by characters. [any] */
#ifndef SLUICE_BASE_UTF8_H
#define SLUICE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* 1 if the bytes are well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates, at most U+10FFFF). NUL
 * is a character. ret_bad_offset (or NULL) gets the offset of the first byte that is not part of a well-formed
 * character; it is written only when the answer is 0. */
int sl_utf8_valid(const void *data, size_t len, size_t *ret_bad_offset);
/* Decodes one character of s[0..len). Returns its bytes (1-4) and the code point; 0 if len is 0; for an ill-formed
 * sequence the length of its maximal subpart (at least 1) with *ret_cp = 0xFFFD and *ret_bad (or NULL) = 1. */
size_t sl_utf8_decode(const char *s, size_t len, uint32_t *ret_cp, int *ret_bad);
/* Writes 1-4 bytes, no NUL. Returns how many; 0 for a surrogate or a number above U+10FFFF. */
size_t sl_utf8_encode(uint32_t cp, char out[4]);
/* Characters in well-formed text; in other text the bytes that begin one. */
size_t sl_utf8_count(const char *s, size_t len);
/* Offset of the next character's first byte after pos (len at the end), and of the previous one's before pos (0 at the
 * start). */
size_t sl_utf8_next(const char *s, size_t len, size_t pos);
size_t sl_utf8_prev(const char *s, size_t len, size_t pos);
/* Line and column, both from 1, columns in characters, of a byte offset. */
void sl_utf8_place(const char *s, size_t len, size_t offset, uint32_t *ret_line, uint32_t *ret_col);
/* Column from 1, in characters, of a byte offset within its line. */
uint32_t sl_utf8_col(const char *s, size_t len, size_t offset);
/* The longest prefix of at most max bytes that does not cut a character. */
size_t sl_utf8_clip(const char *s, size_t len, size_t max);
/* Which implementation sl_utf8_valid uses: "avx2", "ssse3", "scalar". */
const char *sl_utf8_kernel(void);
/* Test hook: one implementation by name. -1 if this machine does not have it. */
int sl_utf8_valid_by(const char *kernel, const void *data, size_t len, size_t *ret_bad_offset);

#endif
