/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows a document for a person: title, date, summary, people with roles, directives.
 *
 * Control characters of the document never reach the output: a page cannot drive the reader's terminal.
 */
#ifndef SLUICE_SINK_STDOUT_VIEW_H
#define SLUICE_SINK_STDOUT_VIEW_H

#include <stddef.h>

#include <cjson/cJSON.h>

typedef struct view_buf {
  char *data; /* from malloc */
  size_t len, cap;
  int failed; /* memory was out: what was added since is missing */
} view_buf;

void view_put(view_buf *b, const char *data, size_t len);
/* uri may be NULL. width: columns, at least 40. color: 1 for ANSI colours. A document without the fields of an article
 * is shown by its scalars. */
void view_document(view_buf *b, const cJSON *body, const char *uri, int width, int color);

#endif
