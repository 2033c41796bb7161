/* SPDX-License-Identifier: Apache-2.0 */
/* URLs in their order: of the list in the pipeline file, then of a file with one on each line. */
#ifndef SLUICE_FETCH_HTTP_LINES_H
#define SLUICE_FETCH_HTTP_LINES_H

#include <stdint.h>
#include <stdio.h>

#include <sluice/plugin.h>

#define FETCH_LINE_MAX 65536

typedef struct fetch_lines {
  const sl_list *urls;
  const char *path;
  FILE *file;
  uint64_t base; /* places of the list come before those of the file */
  uint64_t at;   /* place of the next */
  char *line;
  size_t cap;
} fetch_lines;

/* Opens at the place `at` (0: the beginning). 0, or SL_EIO with errno. urls and path [borrow until close]. */
int fetch_lines_open(fetch_lines *l, const sl_list *urls, const char *path, uint64_t at);
void fetch_lines_close(fetch_lines *l);
/* The next URL, trimmed, [borrow until the next call], and the place behind it, which is its number: larger than 0, and
 * growing. 1; 0 at the end; SL_EIO with errno. Empty lines and those that begin with # are left out; a line that is
 * longer than FETCH_LINE_MAX is given with its first bytes. */
int fetch_lines_next(fetch_lines *l, const char **ret_url, uint64_t *ret_place);
/* Back to a place where it was. 0 or SL_EIO. */
int fetch_lines_back(fetch_lines *l, uint64_t at);
/* What the list and the file are now: another text when they are not those of before. Lines that were added at the end
 * of the file leave it as it is. `of` (NULL: none) is an earlier text. */
void fetch_lines_mark(const sl_list *urls, const char *path, const char *of, char mark[128]);

#endif
