/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The articles of a page by key, and their files.
 *
 * The page at PATH is written whole beside it (PATH.tmp) and renamed, so that a reader sees the old page or the new
 * one. What was added since stands in PATH.part, a journal of whole blocks: book_open reads both, a block of the
 * journal takes the place of the one in the page, and a block that a crash cut off is dropped. The journal is locked as
 * long as the book is open, so one process writes a page. One thread at a time.
 */
#ifndef SINK_PAGE_BOOK_H
#define SINK_PAGE_BOOK_H

#include <stdint.h>

#include "block.h"

typedef struct book_error {
  int32_t code; /* SL_E… */
  char message[192], detail[512];
  const char *hint;
} book_error;

typedef struct book_entry {
  char *key;
  char *block; /* two lines; NULL once another entry took the place */
  size_t len;
} book_entry;

typedef struct book {
  char *path, *part, *tmp;
  int fd; /* the journal; -1: not open */
  int64_t journal;
  book_entry *entries;
  size_t n, cap;
  uint32_t *slots; /* hash table: number of an entry from 1 */
  size_t n_slots;
  size_t bytes; /* of all blocks */
  int dirty;    /* the page does not show all of it */
} book;

/* b is all zero but path [borrow until book_close]. fresh: the old page and journal do not count. 0 or a negative
 * SL_E…. */
int32_t book_open(book *b, const char *path, int fresh, book_error *err);
/* Takes blocks, in the order of keys, that stand one behind the other in data: written to the journal in one piece, all
 * or none. */
int32_t book_add(book *b, const char *data, size_t len, book_error *err);
/* Writes the page: head, the articles, tail. */
int32_t book_render(book *b, const page_buf *head, const page_buf *tail, book_error *err);
/* Bytes that the page would have after a block of that key and length. */
size_t book_size_with(const book *b, const char *key, size_t len);
/* Frees everything and removes an empty journal. b may be half open, or all zero. */
void book_close(book *b);

#endif
