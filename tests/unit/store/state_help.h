/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the state share. */
#ifndef TESTS_STATE_HELP_H
#define TESTS_STATE_HELP_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/time.h"
#include "store/state.h"

#define WAIT (60 * SL_TIME_S)

static char dir[64], folder[96], file[128];

static inline int setup(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/sluice-state-XXXXXX");
  if (!mkdtemp(dir)) return -1;
  snprintf(folder, sizeof folder, "%s/news", dir);
  snprintf(file, sizeof file, "%s/state.db", folder);
  return 0;
}

static inline int teardown(void **state) {
  (void)state;
  char cmd[96];
  snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
  return system(cmd);
}

static atomic_int log_lines;
static char last_line[1200];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void keep_line(void *user, int32_t level, const char *text) {
  (void)user;
  (void)level;
  pthread_mutex_lock(&log_lock);
  snprintf(last_line, sizeof last_line, "%s", text);
  pthread_mutex_unlock(&log_lock);
  atomic_fetch_add(&log_lines, 1);
}

static inline sl_state_opts options(const char *where) {
  return (sl_state_opts){.folder = where,
                         .pipeline = "news",
                         .commit_every = 5 * SL_TIME_MS,
                         .spool_bytes = 1 << 20,
                         .kv_bytes = 1 << 20,
                         .dead_max = 1000,
                         .dead_bytes = 1 << 20,
                         .log = keep_line};
}

static inline sl_state *open_with(const sl_state_opts *opts) {
  sl_state *s = NULL;
  sl_err err = {0};
  int rc = sl_state_open(opts, &s, &err);
  if (rc) fail_msg("cannot open: %s %s", err.message, err.hint);
  return s;
}

static inline sl_state *open_at(const char *where) {
  sl_state_opts o = options(where);
  return open_with(&o);
}

static inline void sync_now(sl_state *s) {
  sl_err err = {0};
  int rc = sl_state_sync(s, WAIT, &err);
  if (rc) fail_msg("not committed: %s", err.message);
}

static inline void note(sl_state *s, const char *key, const char *value) {
  sl_err err = {0};
  int rc = sl_state_note_put(s, "fetch", key, value, value ? strlen(value) : 0, &err);
  if (rc) fail_msg("%s", err.message);
}

static inline void has_note(sl_state *s, const char *source, const char *key, const char *want) {
  void *found = NULL;
  size_t len = 0;
  int rc = sl_state_note_get(s, source, key, &found, &len, NULL);
  if (!want) {
    assert_int_equal(rc, SL_ENOTFOUND);
    return;
  }
  assert_int_equal(rc, 0);
  assert_int_equal(len, strlen(want));
  assert_memory_equal(found, want, len);
  sl_mem_free(found);
}

static inline void has_checkpoint(sl_state *s, const char *key, const char *want) {
  void *found = NULL;
  size_t len = 0;
  assert_int_equal(sl_state_recall(s, key, &found, &len, NULL), 0);
  if (!want) {
    assert_null(found);
    return;
  }
  assert_non_null(found);
  assert_int_equal(len, strlen(want));
  assert_memory_equal(found, want, len);
  sl_mem_free(found);
}

static inline sl_queue_entry row(int32_t kind, const char *stage, const char *body) {
  return (sl_queue_entry){.kind = kind,
                          .stage = stage,
                          .attempts = 2,
                          .uri = "file:///a",
                          .locator = "byte=1-2",
                          .revision = "r",
                          .splits = "0/3",
                          .body = {body, strlen(body)},
                          .payload = {"\0\xff", 2},
                          .media_type = "text/html",
                          .map = {"map", 3},
                          .why = "a reason"};
}

static inline sl_dead_entry letter(const char *stage, const char *code, const char *key) {
  return (sl_dead_entry){.pipeline = "news",
                         .stage = stage,
                         .uses = "clean",
                         .build = "ab12",
                         .code = code,
                         .message = "expected UTF-8",
                         .detail = "d",
                         .hint = "h",
                         .attempts = 4,
                         .time = sl_time_wall(),
                         .generation = 3,
                         .uri = "file:///a",
                         .locator = "byte=1-2",
                         .revision = "r1",
                         .key = key,
                         .splits = "1",
                         .map = {"map", 3},
                         .body = {"{\"n\":1}", 7},
                         .payload = {"\0\xff", 2},
                         .media_type = "text/html"};
}

static inline void put_dead(sl_state *s, const char *stage, const char *code, const char *key) {
  sl_dead_entry e = letter(stage, code, key);
  sl_err err = {0};
  int rc = sl_state_dead_put(s, &e, &err);
  if (rc) fail_msg("%s", err.message);
}

typedef struct seen {
  uint64_t n, last;
  char text[2000];
} seen;

static inline int see_row(void *user, const sl_queue_entry *e) {
  seen *x = user;
  assert_true(e->id > x->last);
  x->n++;
  x->last = e->id;
  size_t at = strlen(x->text);
  snprintf(x->text + at, sizeof x->text - at, "%d:%s:%.*s ", e->kind, e->stage, (int)e->body.len,
           (const char *)e->body.data);
  return 0;
}

static inline int see_letter(void *user, const sl_dead_entry *e) {
  seen *x = user;
  x->n++;
  x->last = e->id;
  size_t at = strlen(x->text);
  snprintf(x->text + at, sizeof x->text - at, "%s:%s ", e->stage, e->key);
  return 0;
}

static inline int see_value(void *user, const char *key, const sl_bytes *value) {
  seen *x = user;
  x->n++;
  size_t at = strlen(x->text);
  snprintf(x->text + at, sizeof x->text - at, "%s=%.*s ", key, (int)value->len, (const char *)value->data);
  return 0;
}

static inline int count_value(void *user, const char *key, const sl_bytes *value) {
  (void)key;
  (void)value;
  ((seen *)user)->n++;
  return 0;
}

static inline seen rows(sl_state *s, int64_t now) {
  seen x = {0};
  sl_queue_filter f = {.now = now, .max = 1000};
  assert_int_equal(sl_state_queue_read(s, &f, see_row, &x, NULL), 0);
  return x;
}

static inline seen letters(sl_state *s, const sl_dead_filter *f) {
  seen x = {0};
  assert_int_equal(sl_state_dead_each(s, f, see_letter, &x, NULL), 0);
  return x;
}

static inline sl_state_stats stats(sl_state *s) {
  sl_state_stats st;
  sl_state_get_stats(s, &st);
  return st;
}

/* The collector stands for the engine: a counter that it gives as the checkpoint, and a row for every step. */
typedef struct engine {
  pthread_mutex_t lock;
  uint64_t count;
  int calls, fd;
} engine;

static inline void collect(void *user, sl_checkpoint *c) {
  engine *e = user;
  char text[32];
  pthread_mutex_lock(&e->lock);
  snprintf(text, sizeof text, "%llu", (unsigned long long)e->count);
  e->calls++;
  sl_checkpoint_put(c, "source/fetch", "older", 5);
  sl_checkpoint_put(c, "source/fetch", text, strlen(text));
  sl_checkpoint_put(c, "sink/store/fetch", "x", 1);
  if (e->fd >= 0) sl_checkpoint_sync_fd(c, e->fd);
  e->fd = -1;
  pthread_mutex_unlock(&e->lock);
}

static atomic_int n_done, done_rc;
static inline void done(void *user, int rc) {
  (void)user;
  atomic_store(&done_rc, rc);
  atomic_fetch_add(&n_done, 1);
}

#endif
