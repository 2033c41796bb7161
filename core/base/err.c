/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in fixed buffers. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* vsnprintf may cut inside a character; what is shown to people stays UTF-8. */
static void format(char *dst, size_t cap, const char *fmt, va_list args) {
  int n = vsnprintf(dst, cap, fmt, args);
  if (n < 0) {
    dst[0] = '\0';
  } else if ((size_t)n >= cap) {
    dst[sl_utf8_clip(dst, cap - 1, cap - 1)] = '\0';
  }
}

int sl_err_set(sl_err *err, int code, const char *fmt, ...) {
  if (err == NULL) return code;
  char message[sizeof err->message]; /* an argument may be the error's own message */
  va_list args;
  va_start(args, fmt);
  format(message, sizeof message, fmt, args);
  va_end(args);
  memcpy(err->message, message, sizeof message);
  err->code = code;
  err->retryable = 0;
  err->pos = (sl_pos){0};
  err->detail[0] = '\0';
  err->hint[0] = '\0';
  return code;
}

void sl_err_detail(sl_err *err, const char *fmt, ...) {
  if (err == NULL) return;
  va_list args;
  va_start(args, fmt);
  format(err->detail, sizeof err->detail, fmt, args);
  va_end(args);
}

void sl_err_hint(sl_err *err, const char *fmt, ...) {
  if (err == NULL) return;
  va_list args;
  va_start(args, fmt);
  format(err->hint, sizeof err->hint, fmt, args);
  va_end(args);
}

int sl_err_prefix(sl_err *err, const char *fmt, ...) {
  if (err == NULL) return SL_EBUG;
  char joined[2 * sizeof err->message];
  va_list args;
  va_start(args, fmt);
  format(joined, sizeof err->message, fmt, args);
  va_end(args);
  size_t n = strlen(joined);
  snprintf(joined + n, sizeof joined - n, ": %s", err->message);
  size_t keep = sl_utf8_clip(joined, strlen(joined), sizeof err->message - 1);
  memcpy(err->message, joined, keep);
  err->message[keep] = '\0';
  return err->code;
}

static int code_of_errno(int errnum) {
  switch (errnum) {
  case ENOMEM:
    return SL_ENOMEM;
  case ENOENT:
  case ENOTDIR:
    return SL_ENOTFOUND;
  case EACCES:
  case EPERM:
  case EROFS:
    return SL_EPERM;
  case EEXIST:
    return SL_EEXIST;
  default:
    return SL_EIO;
  }
}

int sl_err_errno(sl_err *err, int errnum, const char *fmt, ...) {
  int code = code_of_errno(errnum);
  if (err == NULL) return code;
  char text[sizeof err->message];
  va_list args;
  va_start(args, fmt);
  format(text, sizeof text, fmt, args);
  va_end(args);
  char name[128];
#if defined(__GLIBC__)
  const char *reason = strerror_r(errnum, name, sizeof name);
#else
  const char *reason = strerror_r(errnum, name, sizeof name) == 0 ? name : "unknown error";
#endif
  sl_err_set(err, code, "%s: %s", text, reason);
  err->retryable = errnum == EAGAIN || errnum == EINTR || errnum == ENOMEM || errnum == ENOSPC || errnum == EMFILE ||
                   errnum == ENFILE || errnum == EBUSY || errnum == ETIMEDOUT;
  return code;
}

const char *sl_err_name(int code) {
  static const char *const names[] = {"ok",          "memory", "io",         "invalid", "parse",   "limit",
                                      "not_found",   "exists", "permission", "plugin",  "timeout", "canceled",
                                      "unsupported", "state",  "encoding",   "bug"};
  if (code > 0 || -code >= (int)(sizeof names / sizeof names[0])) return "unknown";
  return names[-code];
}
