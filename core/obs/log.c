/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line an event to a stream, in words for a terminal, as logfmt or as JSON for machines. */
#include "obs/log.h"

#include <pthread.h>
#include <string.h>

#include <sluice/plugin.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "base/utf8.h"
#include "obs/term.h"

#define SLOTS 256
#define BURST 20
#define EVERY (SL_TIME_S / 10)
/* Of all lines of a stage and level: a message that is different each time is limited, too. */
#define BURST_ALL 200
#define EVERY_ALL (SL_TIME_S / 100)
/* What was left out is said at the latest so long after. */
#define SAY_AFTER (5 * SL_TIME_S)

/* A token bucket in time form: `full` is when the bucket will be full again. */
typedef struct bucket {
  uint64_t key;
  int64_t full;
  uint64_t left_out;
  int64_t since; /* when the first of them was left out */
  int32_t level;
  char stage[64];
} bucket;

struct sl_logger {
  pthread_mutex_t lock;
  FILE *out;
  int format, tty, colors;
  int32_t level;
  char status[512];
  char pipeline[128];
  uint64_t generation;
  int64_t swept;
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

/* Writes text between quotes; what would break a line or the quotes is escaped as JSON does, and what is no UTF-8
 * becomes U+FFFD. */
static void add_quoted(sl_buf *buf, const char *text) {
  size_t len = strlen(text), pos = 0;
  (void)sl_buf_addc(buf, '"');
  while (pos < len) {
    uint32_t cp = 0;
    int bad = 0;
    size_t n = sl_utf8_decode(text + pos, len - pos, &cp, &bad);
    if (bad)
      (void)sl_buf_addstr(buf, "\uFFFD");
    else if (cp == '"' || cp == '\\')
      (void)sl_buf_addf(buf, "\\%c", (int)cp);
    else if (cp < 0x20 || cp == 0x7F)
      (void)sl_buf_addf(buf, "\\u%04x", (unsigned)cp);
    else
      (void)sl_buf_add(buf, text + pos, n);
    pos += n;
  }
  (void)sl_buf_addc(buf, '"');
}

static void add_plain(sl_buf *buf, const char *text) {
  for (const char *p = text; *p; p++) {
    unsigned char c = (unsigned char)*p;
    (void)sl_buf_addc(buf, c < 0x20 || c == 0x7F ? ' ' : *p);
  }
}

/* A line as it is written. */
typedef struct line {
  int32_t level;
  const char *stage, *key, *text; /* "" if none */
} line;

static void format_text(const sl_logger *log, sl_buf *buf, const line *l) {
  int style = l->level <= SL_LOG_ERROR ? SL_STYLE_RED : l->level == SL_LOG_WARN ? SL_STYLE_YELLOW : SL_STYLE_DIM;
  (void)sl_buf_addf(buf, "%s%-5s%s ", sl_term_style(log->colors, style), sl_log_level_name(l->level),
                    sl_term_style(log->colors, 0));
  if (*l->stage) (void)sl_buf_addf(buf, "%s: ", l->stage);
  add_plain(buf, l->text);
  if (!*l->key || strstr(l->text, l->key)) return;
  (void)sl_buf_addstr(buf, " (");
  add_plain(buf, l->key);
  (void)sl_buf_addc(buf, ')');
}

static int needs_quotes(const char *text) {
  for (const char *p = text; *p; p++)
    if ((unsigned char)*p <= ' ' || *p == '=' || *p == '"' || *p == '\\' || *p == 0x7F) return 1;
  return !sl_utf8_valid(text, strlen(text), NULL);
}

static void add_field(sl_buf *buf, const char *name, const char *text) {
  if (!*text) return;
  (void)sl_buf_addf(buf, " %s=", name);
  if (needs_quotes(text))
    add_quoted(buf, text);
  else
    (void)sl_buf_addstr(buf, text);
}

static void format_logfmt(const sl_logger *log, sl_buf *buf, const line *l) {
  char time[40];
  (void)sl_buf_addf(buf, "time=%s level=%s", sl_time_iso(sl_time_wall(), 3, time, sizeof time),
                    sl_log_level_name(l->level));
  add_field(buf, "pipeline", log->pipeline);
  if (log->generation) (void)sl_buf_addf(buf, " generation=%llu", (unsigned long long)log->generation);
  add_field(buf, "stage", l->stage);
  add_field(buf, "doc", l->key);
  (void)sl_buf_addstr(buf, " msg=");
  add_quoted(buf, l->text);
}

static void add_member(sl_buf *buf, const char *name, const char *text) {
  if (!*text) return;
  (void)sl_buf_addf(buf, ",\"%s\":", name);
  add_quoted(buf, text);
}

static void format_json(const sl_logger *log, sl_buf *buf, const line *l) {
  char time[40];
  (void)sl_buf_addf(buf, "{\"time\":\"%s\",\"level\":\"%s\"", sl_time_iso(sl_time_wall(), 3, time, sizeof time),
                    sl_log_level_name(l->level));
  add_member(buf, "pipeline", log->pipeline);
  if (log->generation) (void)sl_buf_addf(buf, ",\"generation\":%llu", (unsigned long long)log->generation);
  add_member(buf, "stage", l->stage);
  add_member(buf, "doc", l->key);
  (void)sl_buf_addstr(buf, ",\"msg\":");
  add_quoted(buf, l->text);
  (void)sl_buf_addc(buf, '}');
}

static void write_line(sl_logger *log, const line *l) {
  sl_buf buf = {0};
  if (log->format == SL_LOG_TEXT)
    format_text(log, &buf, l);
  else if (log->format == SL_LOG_LOGFMT)
    format_logfmt(log, &buf, l);
  else
    format_json(log, &buf, l);
  (void)sl_buf_addc(&buf, '\n');
  if (!buf.failed) (void)fwrite(buf.data, 1, buf.len, log->out);
  sl_buf_done(&buf);
}

static void say_left_out(sl_logger *log, bucket *b) {
  char text[96];
  if (!b->left_out) return;
  (void)snprintf(text, sizeof text, "%llu more lines like these were left out", (unsigned long long)b->left_out);
  b->left_out = 0;
  write_line(log, &(line){.level = b->level, .stage = b->stage, .key = "", .text = text});
}

/* Lines that differ in numbers, in what stands between quotes and in the document's key are of one kind. */
static uint64_t kind_of(const line *l) {
  char shape[256];
  size_t n = 0, key = strlen(l->key);
  for (const char *p = l->text; *p && n < sizeof shape; p++) {
    if (key && strncmp(p, l->key, key) == 0) {
      p += key - 1;
      continue;
    }
    if (*p == '\'' || *p == '"') {
      const char *end = strchr(p + 1, *p);
      if (end) p = end;
      continue;
    }
    if (*p < '0' || *p > '9') shape[n++] = *p;
  }
  return sl_hash(shape, n, sl_hash_str(l->stage, (uint64_t)l->level));
}

static bucket *bucket_of(sl_logger *log, uint64_t key, const line *l) {
  bucket *b = &log->buckets[key % SLOTS];
  if (b->key != key) {
    say_left_out(log, b);
    *b = (bucket){.key = key, .level = l->level};
    (void)snprintf(b->stage, sizeof b->stage, "%s", l->stage);
  }
  return b;
}

/* Takes one from the bucket; 0 if it is empty. */
static int take(bucket *b, int64_t now, int64_t burst, int64_t every) {
  if (b->full < now) b->full = now;
  if (b->full - now >= burst * every) {
    if (!b->left_out++) b->since = now;
    return 0;
  }
  b->full += every;
  return 1;
}

/* 1 if this line may be written now. */
static int admit(sl_logger *log, const line *l) {
  int64_t now = sl_time_mono();
  bucket *kind = bucket_of(log, kind_of(l), l);
  if (!take(kind, now, BURST, EVERY)) return 0;
  say_left_out(log, kind);
  bucket *all = bucket_of(log, sl_hash_str(l->stage, (uint64_t)l->level + 16), l);
  if (!take(all, now, BURST_ALL, EVERY_ALL)) return 0;
  say_left_out(log, all);
  return 1;
}

/* A flood that has ended is told of by whatever is logged next. */
static void sweep(sl_logger *log) {
  int64_t now = sl_time_mono();
  if (now - log->swept < SL_TIME_S) return;
  log->swept = now;
  for (size_t i = 0; i < SLOTS; i++)
    if (log->buckets[i].left_out && now - log->buckets[i].since > SAY_AFTER) say_left_out(log, &log->buckets[i]);
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

void sl_logger_about(sl_logger *log, const char *pipeline, uint64_t generation) {
  pthread_mutex_lock(&log->lock);
  (void)sl_str_copy(log->pipeline, sizeof log->pipeline, pipeline ? pipeline : "");
  log->generation = generation;
  pthread_mutex_unlock(&log->lock);
}

void sl_logger_line(sl_logger *log, int32_t level, const char *stage, const char *text) {
  sl_logger_doc(log, level, stage, NULL, text);
}

void sl_logger_doc(sl_logger *log, int32_t level, const char *stage, const char *key, const char *text) {
  line l = {.level = level, .stage = stage ? stage : "", .key = key ? key : "", .text = text};
  pthread_mutex_lock(&log->lock);
  if (level <= log->level) {
    clear_status(log);
    sweep(log);
    if (admit(log, &l)) write_line(log, &l);
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
