/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as people write them: numbers, durations, sizes; nearest names; shown sizes and durations.
 *
 * The parsers take the whole text (len bytes, no white space around), or fail with a message that says what was
 * expected and what was found. None depends on the locale. [any]
 */
#ifndef SLUICE_BASE_STR_H
#define SLUICE_BASE_STR_H

#include "base/err.h"

/* Decimal, optional sign, "_" between digits allowed; 0x… hexadecimal. SL_EINVAL, or SL_ELIMIT beyond 64 bits. */
int sl_str_int(const char *text, int64_t *ret, sl_err *err);
/* Finite. */
int sl_str_double(const char *text, double *ret, sl_err *err);
/* true, false, yes, no, on, off. */
int sl_str_bool(const char *text, int32_t *ret, sl_err *err);
/* Nanoseconds: "10s", "200ms", "1h30m", "1.5s", "0"; units ns us ms s m h d. A bare number other than 0 is an error. */
int sl_str_duration(const char *text, int64_t *ret, sl_err *err);
/* Bytes: "512", "4KB", "10MiB", "1.5GiB"; units B, KB MB GB TB (1000), KiB MiB GiB TiB (1024), K M G T (1024). */
int sl_str_size(const char *text, int64_t *ret, sl_err *err);
/* A range as in sl_param: "1..100", "1..", "..100"; NULL or "" is no limit. unit: SL_T_INT, SL_T_FLOAT, SL_T_DURATION,
 * SL_T_SIZE says how the borders are read. 0 if the value (an int64_t, for FLOAT a double) is inside; SL_EINVAL with a
 * message. */
int sl_str_in_range(uint32_t type, const void *value, const char *range, sl_err *err);

/* "1.5 GiB", "512 B"; "1h 2m", "3.20 s", "15 ms". Returns buf. */
const char *sl_str_show_size(int64_t bytes, char *buf, size_t cap);
const char *sl_str_show_duration(int64_t ns, char *buf, size_t cap);
/* "1,234,567" */
const char *sl_str_show_count(uint64_t n, char *buf, size_t cap);
/* The shortest decimal that reads back as the same double; "-0" for negative zero. buf of 32 bytes is enough. Returns
 * its length; 0 for NaN and infinities. */
size_t sl_str_double_text(double value, char *buf, size_t cap);
/* Writes an int64. buf of 24 bytes is enough. Returns the length. */
size_t sl_str_int_text(int64_t value, char *buf);

/* The candidate nearest to word (Damerau-Levenshtein over characters, case folded for ASCII), NULL if none is near
 * enough to be meant: at most a third of the longer word. */
const char *sl_str_nearest(const char *word, const char *const *candidates, size_t n);
/* Edits (insert, delete, replace, swap of neighbours) between two words of at most 64 characters; longer: their length.
 */
size_t sl_str_distance(const char *a, const char *b);
/* Shell glob over a whole path: * and ? do not cross "/", ** does; [a-z], \ escapes. 1 or 0. */
int sl_str_glob(const char *pattern, const char *text);
/* 1 if it holds one of * ? [. */
int sl_str_is_glob(const char *text);
int sl_str_starts(const char *text, const char *prefix);
int sl_str_ends(const char *text, const char *suffix);
/* Copies at most cap - 1 bytes without cutting a character, and terminates. Returns the length copied. */
size_t sl_str_copy(char *dst, size_t cap, const char *src);

#endif
