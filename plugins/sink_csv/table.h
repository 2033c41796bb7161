/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of CSV (RFC 4180) out of cJSON documents.
 *
 * A column takes its value from the document, or from the item that the row stands for; text that a spreadsheet would
 * take for a formula is defused with an apostrophe. A row that does not fit in memory leaves the buffer as it was.
 */
#ifndef SLUICE_SINK_CSV_TABLE_H
#define SLUICE_SINK_CSV_TABLE_H

#include <stddef.h>

#include "../common/article.h"
#include "../common/jptr.h"

#define CSV_ITEM 0  /* a pointer into the item; into the document when there are no items */
#define CSV_DOC 1   /* doc:/… a pointer into the document */
#define CSV_KEY 2   /* @key, the record key */
#define CSV_URI 3   /* @uri, the source's URI */
#define CSV_INDEX 4 /* @index, the item's number from 1 */

typedef struct csv_column {
  const char *name;
  int kind;
  int by_name; /* name:/… the value is an entity's id, or a list of them: its name is written */
  jptr *path;  /* ITEM, DOC */
} csv_column;

typedef struct csv_buf {
  char *data; /* from malloc */
  size_t len, cap;
  int failed; /* memory was out */
} csv_buf;

typedef struct csv_format {
  char separator;
  int escape;       /* defuse formulas */
  const char *end;  /* of a line */
  const char *join; /* between the elements of a list */
} csv_format;

typedef struct csv_row {
  const cJSON *body, *item;
  const article_refs *refs; /* the document's entities, for name: */
  const char *key, *uri;
  size_t index;
} csv_row;

/* Parses "doc:name:/x" and the like. 0; -1 if it is not a column; -2 when memory is out. */
int csv_column_parse(const char *text, csv_column *ret);
void csv_put(csv_buf *b, const char *data, size_t len);
/* One field, quoted where it must be. text: the value was a string of the document (numbers need no defusing). */
void csv_field(csv_buf *b, const csv_format *f, const char *value, int text);
void csv_header(csv_buf *b, const csv_format *f, const csv_column *columns, size_t n);
/* One line. 0, or -1 when memory is out. */
int csv_line(csv_buf *b, const csv_format *f, const csv_column *columns, size_t n, const csv_row *row);

#endif
