/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line an event to a stream, in words for a terminal, as logfmt or as JSON for machines. */
#include "obs/log.h"

#include <pthread.h>
#include <string.h>

#include <sluice/plugin.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "obs/term.h"

#define SLOTS 64
#define BURST 20
#define EVERY (SL_TIME_S / 10)

/* A token bucket in time form: `full` is when the bucket will be full again. */
typedef struct bucket {
  uint64_t key;
  int64_t full;
  uint64_t left_out;
  int32_t level;
  char stage[64];
} bucket;

struct sl_logger {
  pthread_mutex_t lock;
  FILE *out;
  int format, tty, colors;
  int32_t level;
  char status[512];
  bucket buckets[SLOTS];
};

const char *sl_log_level_name(int32_t level) {
  static const char *const names[] = {"error", "error", "warn", "info", "debug"};
  return level >= 0 && level <= SL_LOG_DEBUG ? names[level] : "debug";
}

sl_logger *sl_logger_new(FILE *out, int format, int32_t level) {
  sl_logger *log = sl_mem_calloc(1, sizeof *log);
  if (!log) return NULL;
  (void)pthread_mutex_init(&log->lock, NULL);
  log->out = out;
  log->format = format;
  log->tty = sl_term_is_tty(out);
  log->colors = sl_term_colors(out);
  log->level = level;
  return log;
}

void sl_logger_level(sl_logger *log, int32_t level) {
  pthread_mutex_lock(&log->lock);
  log->level = level;
  pthread_mutex_unlock(&log->lock);
}

/* Writes text between quotes; what would break a line or the quotes is escaped as JSON does. */
static void add_quoted(sl_buf *buf, const char *text) {
  (void)sl_buf_addc(buf, '"');
  for (const char *p = text; *p; p++) {
    unsigned char c = (unsigned char)*p;
    if (c == '"' || c == '\\') {
      (void)sl_buf_addc(buf, '\\');
      (void)sl_buf_addc(buf, *p);
    } else if (c < 0x20 || c == 0x7F) {
      (void)sl_buf_addf(buf, "\\u%04x", c);
    } else {
      (void)sl_buf_addc(buf, *p);
    }
  }
  (void)sl_buf_addc(buf, '"');
}

static void add_plain(sl_buf *buf, const char *text) {
  for (const char *p = text; *p; p++) {
    unsigned char c = (unsigned char)*p;
    (void)sl_buf_addc(buf, c < 0x20 || c == 0x7F ? ' ' : *p);
  }
}

static void format_line(const sl_logger *log, sl_buf *buf, int32_t level, const char *stage, const char *text) {
  char time[40];
  const char *name = sl_log_level_name(level);
  if (log->format == SL_LOG_TEXT) {
    int style = level <= SL_LOG_ERROR ? SL_STYLE_RED : level == SL_LOG_WARN ? SL_STYLE_YELLOW : SL_STYLE_DIM;
    (void)sl_buf_addf(buf, "%s%-5s%s ", sl_term_style(log->colors, style), name, sl_term_style(log->colors, 0));
    if (*stage) (void)sl_buf_addf(buf, "%s: ", stage);
    add_plain(buf, text);
  } else if (log->format == SL_LOG_LOGFMT) {
    (void)sl_buf_addf(buf, "time=%s level=%s ", sl_time_iso(sl_time_wall(), 3, time, sizeof time), name);
    if (*stage) (void)sl_buf_addf(buf, "stage=%s ", stage);
    (void)sl_buf_addstr(buf, "msg=");
    add_quoted(buf, text);
  } else {
    (void)sl_buf_addf(buf, "{\"time\":\"%s\",\"level\":\"%s\",", sl_time_iso(sl_time_wall(), 3, time, sizeof time),
                      name);
    if (*stage) {
      (void)sl_buf_addstr(buf, "\"stage\":");
      add_quoted(buf, stage);
      (void)sl_buf_addc(buf, ',');
    }
    (void)sl_buf_addstr(buf, "\"msg\":");
    add_quoted(buf, text);
    (void)sl_buf_addc(buf, '}');
  }
  (void)sl_buf_addc(buf, '\n');
}

static void write_line(sl_logger *log, int32_t level, const char *stage, const char *text) {
  sl_buf buf = {0};
  format_line(log, &buf, level, stage, text);
  if (!buf.failed) (void)fwrite(buf.data, 1, buf.len, log->out);
  sl_buf_done(&buf);
}

static void say_left_out(sl_logger *log, bucket *b) {
  char text[96];
  if (!b->left_out) return;
  (void)snprintf(text, sizeof text, "%llu more lines like these were left out", (unsigned long long)b->left_out);
  b->left_out = 0;
  write_line(log, b->level, b->stage, text);
}

/* 1 if a line of this stage and level may be written now. */
static int admit(sl_logger *log, int32_t level, const char *stage) {
  uint64_t key = sl_hash_str(stage, (uint64_t)level);
  bucket *b = &log->buckets[key % SLOTS];
  int64_t now = sl_time_mono();
  if (b->key != key) {
    say_left_out(log, b);
    *b = (bucket){.key = key, .level = level};
    (void)snprintf(b->stage, sizeof b->stage, "%s", stage);
  }
  if (b->full < now) b->full = now;
  if (b->full - now >= BURST * EVERY) {
    b->left_out++;
    return 0;
  }
  b->full += EVERY;
  say_left_out(log, b);
  return 1;
}

static void clear_status(sl_logger *log) {
  if (log->status[0]) (void)fputs("\r\033[K", log->out);
}

static void draw_status(sl_logger *log) {
  if (!log->status[0]) return;
  size_t fit = sl_term_fit(log->status, (size_t)sl_term_width(log->out) - 1);
  (void)fprintf(log->out, "\r%.*s\033[K", (int)fit, log->status);
  (void)fflush(log->out);
}

void sl_logger_line(sl_logger *log, int32_t level, const char *stage, const char *text) {
  pthread_mutex_lock(&log->lock);
  if (level <= log->level) {
    clear_status(log);
    if (admit(log, level, stage ? stage : "")) write_line(log, level, stage ? stage : "", text);
    draw_status(log);
    (void)fflush(log->out);
  }
  pthread_mutex_unlock(&log->lock);
}

void sl_logger_status(sl_logger *log, const char *text) {
  if (!log->tty) return;
  pthread_mutex_lock(&log->lock);
  if (!text) {
    clear_status(log);
    log->status[0] = 0;
    (void)fflush(log->out);
  } else {
    (void)snprintf(log->status, sizeof log->status, "%s", text);
    draw_status(log);
  }
  pthread_mutex_unlock(&log->lock);
}

void sl_logger_free(sl_logger *log) {
  if (!log) return;
  sl_logger_status(log, NULL);
  for (size_t i = 0; i < SLOTS; i++) say_left_out(log, &log->buckets[i]);
  (void)fflush(log->out);
  (void)pthread_mutex_destroy(&log->lock);
  sl_mem_free(log);
}
