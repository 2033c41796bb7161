/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One article as two lines of a page: a script element with its rows, and one with its text, which the page reads when
 * a row is opened. Both hold JSON in which no < > & stands, so that nothing in an article can end the element or begin
 * another one.
 */
#ifndef SINK_PAGE_BLOCK_H
#define SINK_PAGE_BLOCK_H

#include <stddef.h>

#include "../common/article.h"

typedef struct page_buf {
  char *data;
  size_t len, cap;
  int failed; /* memory was out: what was put since is not there */
} page_buf;

void page_put(page_buf *b, const char *data, size_t len);
void page_puts(page_buf *b, const char *text);
/* As a JSON string in quotes, safe inside a script element; NULL is null. Bytes that are not UTF-8 become U+FFFD. */
void page_json(page_buf *b, const char *text);

typedef struct page_source {
  const cJSON *body;
  const char *key, *uri;
} page_source;

/* Appends the two lines of an article. refs is scratch that is kept between calls. An article without directives has no
 * text. 0, or -1 when memory is out: nothing was appended. */
int page_block(page_buf *b, const page_source *from, article_refs *refs);

/* Whether line[0, n) begins as the first, or as the second, line of an article. */
int page_is_rows(const char *line, size_t n);
int page_is_text(const char *line, size_t n);
/* The key in the first line of an article. [own: free]; NULL if there is none. */
char *page_key_of(const char *line, size_t n);

#endif
