/* SPDX-License-Identifier: Apache-2.0 */
/* Where the engine's messages go. */
#include <stdarg.h>
#include <stdio.h>

#include "run/runtime.h"

void sl_run_log(sl_engine *e, int32_t level, const char *stage, const char *fmt, ...) {
  static const char *const names[] = {"", "error", "warn", "info", "debug"};
  if (level < SL_LOG_ERROR || level > SL_LOG_DEBUG ||
      level > atomic_load_explicit(&e->log_level, memory_order_relaxed) || e->trace)
    return;
  char text[1200];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof(text), fmt, args);
  va_end(args);
  if (e->opts.log) {
    e->opts.log(e->opts.log_user, level, stage, text);
    return;
  }
  fprintf(stderr, "level=%s%s%s msg=\"%s\"\n", names[level], stage ? " stage=" : "", stage ? stage : "", text);
}
