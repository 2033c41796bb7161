/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors and warnings about a pipeline file, collected, and shown with the source line and a caret.
 *
 *   news.yaml:7:5: error: unknown key `whith` in a stage
 *       whith: { language: vi }
 *       ^
 *     hint: did you mean `with`?
 *
 * The collection keeps the text of every source that it may have to show. Spans that hold secrets are masked. One
 * thread at a time.
 */
#ifndef SLUICE_CONF_DIAG_H
#define SLUICE_CONF_DIAG_H

#include "base/err.h"

struct cJSON;
struct sl_buf;

typedef struct sl_diags sl_diags;

#define SL_DIAG_ERROR 1
#define SL_DIAG_WARNING 2

typedef struct sl_diag {
  int severity; /* SL_DIAG_… */
  int code;     /* SL_E… */
  sl_pos pos;   /* line 0: the file as a whole; file NULL: no place */
  const char *message;
  const char *hint; /* or NULL */
} sl_diag;

/* [own]; NULL when memory is out. */
sl_diags *sl_diags_new(void);
void sl_diags_free(sl_diags *diags);

/* Keeps a copy of a source. Returns its name, by which positions refer to it [borrow until freed]; NULL when memory is
 * out. Two sources may have the same name: the pointers differ. */
const char *sl_diags_source(sl_diags *diags, const char *name, const char *text, size_t len);
/* The text of a source and its length; NULL if it is not known. [borrow] */
const char *sl_diags_source_text(const sl_diags *diags, const char *file, size_t *ret_len);
/* One line of a source, without its break; NULL if it is not there. [borrow until freed] */
const char *sl_diags_line(const sl_diags *diags, const char *file, uint32_t line, size_t *ret_len);
/* Masks the characters from pos up to (not including) end when lines are shown. */
void sl_diags_hide(sl_diags *diags, sl_pos pos, uint32_t end_line, uint32_t end_col);

/* Adds one. The same message at the same place is kept once. Memory out: remembered, and shown as an error of its own.
 */
void sl_diags_error(sl_diags *diags, sl_pos pos, int code, const char *fmt, ...) SL_PRINTF(4, 5);
void sl_diags_warn(sl_diags *diags, sl_pos pos, const char *fmt, ...) SL_PRINTF(3, 4);
/* Adds an error made elsewhere, with its hint; an error at no place gets pos. */
void sl_diags_add(sl_diags *diags, sl_pos pos, const sl_err *err);
/* The hint of the one that was added last. */
void sl_diags_hint(sl_diags *diags, const char *fmt, ...) SL_PRINTF(2, 3);
/* Notes that memory was out. Returns SL_ENOMEM. */
int sl_diags_nomem(sl_diags *diags);

uint32_t sl_diags_errors(const sl_diags *diags);
uint32_t sl_diags_warnings(const sl_diags *diags);
uint32_t sl_diags_count(const sl_diags *diags);
/* By place in the file. [borrow until one is added] */
const sl_diag *sl_diags_at(sl_diags *diags, uint32_t i);
/* The code of the first error, 0 if there is none. */
int sl_diags_code(const sl_diags *diags);

/* Appends all, for people; colour: with ANSI colours. */
int sl_diags_print(sl_diags *diags, struct sl_buf *buf, int colour);
/* [{severity, code, file, line, col, message, hint}]; *ret [own]. */
int sl_diags_json(sl_diags *diags, struct cJSON **ret, sl_err *err);

#endif
