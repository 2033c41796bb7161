/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people: columns as wide as their widest cell, numbers to the right. Not locked. */
#ifndef SLUICE_OBS_TABLE_H
#define SLUICE_OBS_TABLE_H

#include <stdio.h>

#include <sluice/plugin.h>

typedef struct sl_table sl_table;

/* format: one letter a column, 'l' left, 'r' right. *header: the n titles. [own]; NULL when memory is out. */
sl_table *sl_table_new(const char *format, const char *const *header);
/* The next cell, row by row. Memory that is out leaves the cell empty. */
void sl_table_cell(sl_table *t, const char *fmt, ...) SL_PRINTF(2, 3);
/* Prints with two spaces between columns, each line after `indent` spaces; the header in bold if colors. A last left
 * column is wrapped to the width, if width is not 0. */
void sl_table_print(const sl_table *t, FILE *out, int indent, int colors, int width);
void sl_table_free(sl_table *t);

#endif
