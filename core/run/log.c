/* SPDX-License-Identifier: Apache-2.0 */
/* Where the engine's messages go. */
#include <stdarg.h>
#include <stdio.h>

#include "run/runtime.h"

/* The key of the document that this thread's line is about; see sl_engine_log_key. */
static _Thread_local const char *about;

const char *sl_engine_log_key(void) { return about; }

static int wanted(const sl_engine *e, int32_t level) {
  return level >= SL_LOG_ERROR && level <= SL_LOG_DEBUG && !e->trace &&
         level <= atomic_load_explicit(&e->log_level, memory_order_relaxed);
}

static void write_line(sl_engine *e, int32_t level, const char *stage, const char *fmt, va_list args) {
  static const char *const names[] = {"", "error", "warn", "info", "debug"};
  char text[1200];
  vsnprintf(text, sizeof(text), fmt, args);
  if (e->opts.log) {
    e->opts.log(e->opts.log_user, level, stage, text);
    return;
  }
  fprintf(stderr, "level=%s%s%s msg=\"%s\"\n", names[level], stage ? " stage=" : "", stage ? stage : "", text);
}

void sl_run_log(sl_engine *e, int32_t level, const char *stage, const char *fmt, ...) {
  va_list args;
  if (!wanted(e, level)) return;
  va_start(args, fmt);
  write_line(e, level, stage, fmt, args);
  va_end(args);
}

void sl_run_log_doc(sl_engine *e, int32_t level, const char *stage, const sl_doc *doc, const char *fmt, ...) {
  va_list args;
  if (!wanted(e, level)) return;
  about = doc ? sl_doc_key(doc) : NULL;
  va_start(args, fmt);
  write_line(e, level, stage, fmt, args);
  va_end(args);
  about = NULL;
}
