/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: a code, what was expected and found, a hint, and a place in the configuration.
 *
 * Fallible functions return 0 or a negative SL_E…; `sl_err *err` comes last and may be NULL; outputs are `ret_x`,
 * written only on success. Buffers are fixed, so that reporting works when memory is out. All of it is [any].
 */
#ifndef SLUICE_BASE_ERR_H
#define SLUICE_BASE_ERR_H

#include <sluice/plugin.h>

/* A place in a file; line and col count from 1, in characters; file NULL: none. file [borrow: interned or static]. */
typedef struct sl_pos {
  const char *file;
  uint32_t line, col;
} sl_pos;

typedef struct sl_err {
  int code;      /* SL_E… */
  int retryable; /* 1 if the same call may succeed later */
  sl_pos pos;
  char message[512]; /* what was expected, what was found */
  char detail[512];  /* longer context, or "" */
  char hint[256];    /* what to do, or "" */
} sl_err;

/* Sets code and message (printf form), clears the rest. err may be NULL. Returns code, so that `return sl_err_set(…)`.
 */
int sl_err_set(sl_err *err, int code, const char *fmt, ...) SL_PRINTF(3, 4);
/* Sets detail or hint of an error that is set. */
void sl_err_detail(sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3);
void sl_err_hint(sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3);
/* Puts "prefix: " before the message. Returns the code. */
int sl_err_prefix(sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3);
/* From errno: "cannot open /x: No such file or directory". Returns SL_EIO, SL_ENOMEM, SL_ENOTFOUND, SL_EPERM or
 * SL_EEXIST. */
int sl_err_errno(sl_err *err, int errnum, const char *fmt, ...) SL_PRINTF(3, 4);
/* "parse" for SL_EPARSE, …: the lower-case word used in logs, JSON and the dead letters. Never NULL. */
const char *sl_err_name(int code);

#endif
