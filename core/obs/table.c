/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people: columns as wide as their widest cell, numbers to the right. */
#include "obs/table.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "obs/term.h"

struct sl_table {
  char *format;
  size_t columns;
  sl_strlist cells; /* the header first */
};

sl_table *sl_table_new(const char *format, const char *const *header) {
  sl_table *t = sl_mem_calloc(1, sizeof *t);
  if (!t) return NULL;
  t->format = sl_mem_strdup(format);
  if (!t->format) {
    sl_mem_free(t);
    return NULL;
  }
  t->columns = strlen(format);
  for (size_t i = 0; i < t->columns; i++) (void)sl_strlist_add(&t->cells, header[i]);
  return t;
}

void sl_table_free(sl_table *t) {
  if (!t) return;
  sl_strlist_done(&t->cells);
  sl_mem_free(t->format);
  sl_mem_free(t);
}

void sl_table_cell(sl_table *t, const char *fmt, ...) {
  sl_buf buf = {0};
  va_list args;
  va_start(args, fmt);
  (void)sl_buf_addv(&buf, fmt, args);
  va_end(args);
  (void)sl_strlist_add(&t->cells, buf.failed || !buf.data ? "" : buf.data);
  sl_buf_done(&buf);
}

static size_t column_width(const sl_table *t, size_t column) {
  size_t widest = 0;
  for (size_t i = column; i < t->cells.count; i += t->columns) {
    size_t w = sl_term_columns(t->cells.items[i]);
    if (w > widest) widest = w;
  }
  return widest;
}

static void print_row(const sl_table *t, FILE *out, const size_t *widths, size_t first_cell, size_t wrap) {
  size_t at = 0, pending = 0;
  for (size_t c = 0; c < t->columns && first_cell + c < t->cells.count; c++) {
    const char *text = t->cells.items[first_cell + c];
    size_t w = sl_term_columns(text), fill = widths[c] > w ? widths[c] - w : 0;
    if (t->format[c] == 'r') pending += fill;
    if (c + 1 == t->columns && t->format[c] == 'l' && wrap > at + 20) {
      fprintf(out, "%*s", (int)pending, "");
      sl_term_wrap(out, text, at, wrap);
      return;
    }
    if (*text) {
      fprintf(out, "%*s%s", (int)pending, "", text);
      pending = 0;
    } else {
      pending += w;
    }
    if (t->format[c] == 'l') pending += fill;
    pending += 2;
    at += widths[c] + 2;
  }
  fputc('\n', out);
}

void sl_table_print(const sl_table *t, FILE *out, int indent, int colors, int width) {
  size_t *widths = sl_mem_calloc(t->columns ? t->columns : 1, sizeof *widths);
  if (!widths) return;
  for (size_t c = 0; c < t->columns; c++) widths[c] = column_width(t, c);
  size_t wrap = width > indent ? (size_t)(width - indent) : 0;
  for (size_t i = 0; i < t->cells.count; i += t->columns) {
    fprintf(out, "%*s%s", indent, "", i == 0 ? sl_term_style(colors, SL_STYLE_BOLD) : "");
    print_row(t, out, widths, i, i == 0 || indent > 0 ? 0 : wrap);
    if (i == 0) fputs(sl_term_style(colors, SL_STYLE_NONE), out);
  }
  sl_mem_free(widths);
}
