/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void sl_buf_init(sl_buf *buf) { *buf = (sl_buf){0}; }

void sl_buf_done(sl_buf *buf) {
  if (buf == NULL) return;
  sl_mem_free(buf->data);
  *buf = (sl_buf){0};
}

void sl_buf_clear(sl_buf *buf) {
  buf->len = 0;
  buf->failed = 0;
  if (buf->data != NULL) buf->data[0] = '\0';
}

int sl_buf_reserve(sl_buf *buf, size_t more) {
  if (buf->failed) return SL_ENOMEM;
  if (buf->cap > buf->len && buf->cap - buf->len > more) return SL_OK;
  size_t need = 0;
  size_t cap = buf->cap < 32 ? 64 : buf->cap + buf->cap / 2;
  if (__builtin_add_overflow(buf->len, more, &need) || need > SIZE_MAX / 2) {
    buf->failed = 1;
    return SL_ENOMEM;
  }
  if (cap < need + 1) cap = need + 1;
  char *data = sl_mem_realloc(buf->data, cap);
  if (data == NULL) {
    buf->failed = 1;
    return SL_ENOMEM;
  }
  buf->data = data;
  buf->cap = cap;
  return SL_OK;
}

int sl_buf_add(sl_buf *buf, const void *data, size_t len) {
  int rc = sl_buf_reserve(buf, len);
  if (rc != SL_OK) return rc;
  if (len > 0) memcpy(buf->data + buf->len, data, len);
  buf->len += len;
  buf->data[buf->len] = '\0';
  return SL_OK;
}

int sl_buf_addstr(sl_buf *buf, const char *text) { return sl_buf_add(buf, text, strlen(text)); }

int sl_buf_addc(sl_buf *buf, char c) { return sl_buf_add(buf, &c, 1); }

int sl_buf_addv(sl_buf *buf, const char *fmt, va_list args) {
  va_list again;
  va_copy(again, args);
  char *at = buf->data == NULL ? NULL : buf->data + buf->len;
  int n = vsnprintf(at, at == NULL ? 0 : buf->cap - buf->len, fmt, args);
  int rc = n < 0 ? SL_EINVAL : sl_buf_reserve(buf, (size_t)n);
  if (rc == SL_OK) {
    (void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
    buf->len += (size_t)n;
  } else if (at != NULL) {
    *at = '\0';
  }
  va_end(again);
  return rc;
}

int sl_buf_addf(sl_buf *buf, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int rc = sl_buf_addv(buf, fmt, args);
  va_end(args);
  return rc;
}

char *sl_buf_take(sl_buf *buf, size_t *ret_len) {
  if (sl_buf_reserve(buf, 0) != SL_OK) {
    sl_buf_done(buf);
    return NULL;
  }
  char *data = buf->data;
  data[buf->len] = '\0';
  if (ret_len != NULL) *ret_len = buf->len;
  *buf = (sl_buf){0};
  return data;
}
