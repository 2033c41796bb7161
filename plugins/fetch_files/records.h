/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts bytes into records: lines of NDJSON as they stream in, and the elements of a JSON array in memory.
 *
 * Nothing is copied: a record lies in a chunk, and the chunk lives until its last record is released. Chunks are
 * counted in two steps, so that a line costs no atomic operation when it is cut: a chunk starts with more references
 * than it can have records, and gives back the unused ones when the reader is through with it.
 */
#ifndef SLUICE_FETCH_RECORDS_H
#define SLUICE_FETCH_RECORDS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "reader.h"

#define FETCH_CHUNK ((size_t)256 << 10)
#define FETCH_CHUNK_MIN ((size_t)64 << 10)

typedef struct fetch_chunk {
  atomic_uint refs;
  unsigned used;                /* records cut so far; the reader's own */
  void (*release)(void *chunk); /* the allocator's free */
  size_t cap;
  char data[];
} fetch_chunk;

typedef struct fetch_memory {
  void *(*alloc)(size_t bytes);
  void (*free)(void *p);
} fetch_memory;

/* One reference, held by the maker. NULL when memory is out. */
fetch_chunk *fetch_chunk_new(const fetch_memory *memory, size_t cap);
/* The maker is through: gives back what was not used. NULL is fine. */
void fetch_chunk_done(fetch_chunk *chunk);
/* sl_release_cb of a record: user is the chunk. [any] */
void fetch_chunk_release(void *data, void *user);

#define FETCH_LINE 1
#define FETCH_LINE_LONG 2 /* longer than max_line: data is NULL, start and end tell where it was */
#define FETCH_LINE_END 3
#define FETCH_LINE_ERROR 4 /* the reader failed (fetch_reader_why), or memory is out when the reader has no reason */
#define FETCH_LINE_AGAIN 5 /* a pipe has nothing now */

typedef struct fetch_line {
  const char *data;    /* in `chunk`; a reference of the chunk is the caller's, to give back by fetch_chunk_release */
  size_t len;          /* without the end of line */
  uint64_t start, end; /* bytes in the (decompressed) file, half-open, without the end of line */
  uint64_t next;       /* where the next line begins */
  int ended;           /* by an end of line, not by the end of the file */
  fetch_chunk *chunk;
} fetch_line;

typedef struct fetch_lines {
  fetch_reader *reader; /* [take] */
  fetch_memory memory;
  size_t max_line;
  size_t chunk_size; /* of the next chunk; may be set between calls */
  fetch_chunk *chunk;
  size_t at, end, seen; /* in the chunk: start of the line, end of the bytes, bytes searched for the end of line */
  uint64_t base;        /* position in the file of the chunk's first byte */
  uint64_t skip_from;   /* start of an over-long line */
  int skipping, eof, begun;
} fetch_lines;

void fetch_lines_init(fetch_lines *l, fetch_reader *reader, const fetch_memory *memory, size_t max_line);
/* Begins at byte `at` of the file, which the reader has left behind: the start or the end of a line. Before the first
 * line.
 */
void fetch_lines_from(fetch_lines *l, uint64_t at);
/* The next line that is not blank. Returns FETCH_LINE…. */
int fetch_lines_next(fetch_lines *l, fetch_line *ret);
void fetch_lines_done(fetch_lines *l);

#define FETCH_JSON_VALUE 1
#define FETCH_JSON_END 2   /* the array has ended and nothing follows */
#define FETCH_JSON_ERROR 3 /* why tells; at is the byte */

typedef struct fetch_json {
  const char *text;
  size_t len, at;
  int begun;
  const char *why;
} fetch_json;

/* Bytes that a byte order mark and white space take at `at`. */
size_t fetch_json_space(const char *text, size_t len, size_t at);
/* 1 if the text is an object and nothing else, by brackets and strings alone: more bytes cannot belong to it. */
int fetch_json_closed(const char *text, size_t len);
/* Where the value that begins at `at` ends, by brackets and strings alone; len if it does not end. */
size_t fetch_json_skip(const char *text, size_t len, size_t at);
/* The next element of the array that begins at j->at ('[' the first time). Returns FETCH_JSON_…. */
int fetch_json_next(fetch_json *j, size_t *ret_start, size_t *ret_len);

#endif
