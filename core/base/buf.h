/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer. Errors stick: after a failed call every further one does nothing, and `failed` says so at the
 * end.
 */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include <stdarg.h>
#include <sluice/plugin.h>

/* data[len] is a NUL once something was added, so data is a string. All zero is an empty buffer. */
typedef struct sl_buf {
  char *data;
  size_t len, cap;
  int failed; /* 1: memory was out, and what was added since is missing */
} sl_buf;

void sl_buf_init(sl_buf *buf);
/* Frees the memory; the buffer is empty and can be used again. */
void sl_buf_done(sl_buf *buf);
/* Empties it, keeps the memory, clears `failed`. */
void sl_buf_clear(sl_buf *buf);
/* Room for `more` bytes beyond len (and a NUL). 0 or SL_ENOMEM. */
int sl_buf_reserve(sl_buf *buf, size_t more);
int sl_buf_add(sl_buf *buf, const void *data, size_t len);
int sl_buf_addstr(sl_buf *buf, const char *text);
int sl_buf_addc(sl_buf *buf, char c);
int sl_buf_addf(sl_buf *buf, const char *fmt, ...) SL_PRINTF(2, 3);
int sl_buf_addv(sl_buf *buf, const char *fmt, va_list args) SL_PRINTF(2, 0);
/* Hands the bytes over, NUL-terminated, and empties the buffer. [own: sl_mem_free]; NULL when it has failed. */
char *sl_buf_take(sl_buf *buf, size_t *ret_len);

#endif
