/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints a document as one line of JSON with its stand-off offsets counted in code points or UTF-16 units instead of
 * bytes.
 *
 * Offsets into /text are: integer "start" and "end" of any object in which both are there, the pairs in /paragraphs,
 * and the flat arrays "tokens" of /sentences. Values outside the text stay as they are. The tree is not changed.
 */
#ifndef SLUICE_SINK_JSONL_OFFSETS_H
#define SLUICE_SINK_JSONL_OFFSETS_H

#include <stddef.h>

#include <cjson/cJSON.h>

#define OFFSETS_BYTES 0
#define OFFSETS_CODEPOINTS 1
#define OFFSETS_UTF16 2

/* A growing buffer: data is from malloc. */
typedef struct jsonl_buf {
  char *data;
  size_t len, cap;
} jsonl_buf;

/* 0, or -1 when memory is out. */
int jsonl_put(jsonl_buf *b, const void *data, size_t len);
/* Appends the document. 0; -1 when memory is out; then b->len is as it was. */
int jsonl_print_offsets(jsonl_buf *b, const cJSON *body, int unit);

#endif
