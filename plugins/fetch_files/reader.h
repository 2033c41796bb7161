/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a file as it is, or decompressed when its first bytes say gzip or zstd, guarding against bombs.
 *
 * Several gzip members or zstd frames in a row are one stream. A stream that is cut off or damaged is an error, after
 * the bytes before the damage were given.
 */
#ifndef SLUICE_FETCH_READER_H
#define SLUICE_FETCH_READER_H

#include <stddef.h>
#include <stdint.h>

typedef struct fetch_reader fetch_reader;

#define FETCH_READ_END 0
#define FETCH_READ_ERROR (-1) /* fetch_reader_why tells */
#define FETCH_READ_AGAIN (-2) /* a pipe has nothing now */

/* fd [take]. max_ratio: decompressed bytes per compressed byte, once 4 MiB came out; 0: no limit. step: most bytes per
 * read, 0 for no bound (tests). NULL when memory is out; fd is closed then. */
fetch_reader *fetch_reader_new(int fd, int64_t max_ratio, size_t step);
/* Bytes read into buf (cap >= 16), or FETCH_READ_…. */
int64_t fetch_reader_read(fetch_reader *r, void *buf, size_t cap);
/* Leaves out the first n bytes: before the first read. Seeks where that is possible. 0, or FETCH_READ_…; FETCH_READ_END
 * if there are fewer. */
int64_t fetch_reader_skip(fetch_reader *r, uint64_t n);
/* Bytes of the file that were read, compressed as they are; without those that were left out by seeking. */
uint64_t fetch_reader_taken(const fetch_reader *r);
int fetch_reader_fd(const fetch_reader *r);
/* "gzip", "zstd", or NULL: known after the first read. */
const char *fetch_reader_encoding(const fetch_reader *r);
/* What went wrong: a phrase, and the SL_E… code. */
const char *fetch_reader_why(const fetch_reader *r, int32_t *ret_code);
void fetch_reader_free(fetch_reader *r);

#endif
