/* SPDX-License-Identifier: Apache-2.0 */
/* The state: what is put is there after a restart, in the promised order, whatever happens in between. */
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

static int setup(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/sluice-state-XXXXXX");
  if (!mkdtemp(dir)) return -1;
  snprintf(folder, sizeof folder, "%s/news", dir);
  snprintf(file, sizeof file, "%s/state.db", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  char cmd[96];
  snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
  return system(cmd);
}

/* ---- help ---- */

static atomic_int log_lines;
static char last_line[1200];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep_line(void *user, int32_t level, const char *text) {
  (void)user;
  (void)level;
  pthread_mutex_lock(&log_lock);
  snprintf(last_line, sizeof last_line, "%s", text);
  pthread_mutex_unlock(&log_lock);
  atomic_fetch_add(&log_lines, 1);
}

static sl_state_opts options(const char *where) {
  return (sl_state_opts){.folder = where,
                         .pipeline = "news",
                         .commit_every = 5 * SL_TIME_MS,
                         .spool_bytes = 1 << 20,
                         .kv_bytes = 1 << 20,
                         .dead_max = 1000,
                         .dead_bytes = 1 << 20,
                         .log = keep_line};
}

static sl_state *open_with(const sl_state_opts *opts) {
  sl_state *s = NULL;
  sl_err err = {0};
  int rc = sl_state_open(opts, &s, &err);
  if (rc) fail_msg("cannot open: %s %s", err.message, err.hint);
  return s;
}

static sl_state *open_at(const char *where) {
  sl_state_opts o = options(where);
  return open_with(&o);
}

static void sync_now(sl_state *s) {
  sl_err err = {0};
  int rc = sl_state_sync(s, WAIT, &err);
  if (rc) fail_msg("not committed: %s", err.message);
}

static void note(sl_state *s, const char *key, const char *value) {
  sl_err err = {0};
  int rc = sl_state_note_put(s, "fetch", key, value, value ? strlen(value) : 0, &err);
  if (rc) fail_msg("%s", err.message);
}

static void has_note(sl_state *s, const char *source, const char *key, const char *want) {
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

static void has_checkpoint(sl_state *s, const char *key, const char *want) {
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

static sl_queue_entry row(int32_t kind, const char *stage, const char *body) {
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

static sl_dead_entry letter(const char *stage, const char *code, const char *key) {
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

static void put_dead(sl_state *s, const char *stage, const char *code, const char *key) {
  sl_dead_entry e = letter(stage, code, key);
  sl_err err = {0};
  int rc = sl_state_dead_put(s, &e, &err);
  if (rc) fail_msg("%s", err.message);
}

typedef struct seen {
  uint64_t n, last;
  char text[2000];
} seen;

static int see_row(void *user, const sl_queue_entry *e) {
  seen *x = user;
  assert_true(e->id > x->last);
  x->n++;
  x->last = e->id;
  size_t at = strlen(x->text);
  snprintf(x->text + at, sizeof x->text - at, "%d:%s:%.*s ", e->kind, e->stage, (int)e->body.len,
           (const char *)e->body.data);
  return 0;
}

static int see_letter(void *user, const sl_dead_entry *e) {
  seen *x = user;
  x->n++;
  x->last = e->id;
  size_t at = strlen(x->text);
  snprintf(x->text + at, sizeof x->text - at, "%s:%s ", e->stage, e->key);
  return 0;
}

static int see_value(void *user, const char *key, const sl_bytes *value) {
  seen *x = user;
  x->n++;
  size_t at = strlen(x->text);
  snprintf(x->text + at, sizeof x->text - at, "%s=%.*s ", key, (int)value->len, (const char *)value->data);
  return 0;
}

static seen rows(sl_state *s, int64_t now) {
  seen x = {0};
  sl_queue_filter f = {.now = now, .max = 1000};
  assert_int_equal(sl_state_queue_read(s, &f, see_row, &x, NULL), 0);
  return x;
}

static seen letters(sl_state *s, const sl_dead_filter *f) {
  seen x = {0};
  assert_int_equal(sl_state_dead_each(s, f, see_letter, &x, NULL), 0);
  return x;
}

static sl_state_stats stats(sl_state *s) {
  sl_state_stats st;
  sl_state_get_stats(s, &st);
  return st;
}

/* ---- notes, checkpoint ---- */

static void use_notes(const char *where) {
  seen x = {0};
  sl_state *s = open_at(where);
  note(s, "b/2", "two");
  note(s, "a", "outside");
  note(s, "b/1", "one");
  has_note(s, "fetch", "b/1", "one");
  has_note(s, "other", "b/1", NULL);
  sync_now(s);
  has_note(s, "fetch", "b/1", "one");
  /* What is pending stands over what is committed. */
  note(s, "b/1", "one again");
  note(s, "b/2", NULL);
  note(s, "b/3", "");
  has_note(s, "fetch", "b/2", NULL);
  assert_int_equal(sl_state_note_each(s, "fetch", "b/", see_value, &x, NULL), 0);
  assert_string_equal(x.text, "b/1=one again b/3= ");
  sync_now(s);
  x = (seen){0};
  assert_int_equal(sl_state_note_each(s, "fetch", "", see_value, &x, NULL), 0);
  assert_string_equal(x.text, "a=outside b/1=one again b/3= ");
  sl_state_close(s);
}

static void test_notes(void **state) {
  (void)state;
  use_notes(folder);
  sl_state *s = open_at(folder);
  has_note(s, "fetch", "b/1", "one again");
  has_note(s, "fetch", "b/2", NULL);
  has_note(s, "fetch", "b/3", "");
  sl_state_close(s);
  use_notes(NULL);
}

/* The collector stands for the engine: a counter that it gives as the checkpoint, and a row for every step. */
typedef struct engine {
  pthread_mutex_t lock;
  uint64_t count;
  int calls, fd;
} engine;

static void collect(void *user, sl_checkpoint *c) {
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

static void test_checkpoint(void **state) {
  (void)state;
  seen x = {0};
  char out[128];
  sl_state *s = open_at(folder);
  snprintf(out, sizeof out, "%s/out", dir);
  engine e = {PTHREAD_MUTEX_INITIALIZER, 7, 0, open(out, O_CREAT | O_WRONLY, 0644)};
  int fd = e.fd;
  sl_state_set_collector(s, collect, &e);
  has_checkpoint(s, "source/fetch", NULL);
  sl_state_touch(s);
  sync_now(s);
  has_checkpoint(s, "source/fetch", "7");
  assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was closed */
  assert_int_equal(sl_state_recall_each(s, "s", see_value, &x, NULL), 0);
  assert_string_equal(x.text, "sink/store/fetch=x source/fetch=7 ");
  sl_state_set_collector(s, NULL, NULL);
  assert_int_equal(sl_state_rename(s, "fetch", "news", NULL), 0);
  has_checkpoint(s, "source/fetch", NULL);
  has_checkpoint(s, "source/news", "7");
  has_checkpoint(s, "sink/store/news", "x");
  assert_int_equal(sl_state_forget(s, "source/news", NULL), 0);
  sl_state_close(s);
  s = open_at(folder);
  has_checkpoint(s, "source/news", NULL);
  has_checkpoint(s, "sink/store/news", "x");
  assert_true(stats(s).file_bytes > 0);
  sl_state_close(s);
}

/* ---- the queue ---- */

static atomic_int n_done, done_rc;
static void done(void *user, int rc) {
  (void)user;
  atomic_store(&done_rc, rc);
  atomic_fetch_add(&n_done, 1);
}

static void remove_first_two(void *user, sl_checkpoint *c) {
  (void)user;
  sl_checkpoint_remove_queued(c, 1);
  sl_checkpoint_remove_queued(c, 2);
}

static void use_queue(const char *where) {
  sl_state *s = open_at(where);
  sl_queue_entry e[3] = {row(SL_QUEUE_SPOOL, "in", "{\"n\":1}"), row(SL_QUEUE_RETRY, "clean", "{\"n\":2}"),
                         row(SL_QUEUE_SPILL, "store", "{\"n\":3}")};
  e[1].due = 5000;
  atomic_store(&n_done, 0);
  atomic_store(&done_rc, -99);
  assert_int_equal(sl_state_queue_put(s, e, 3, done, NULL, NULL), 0);
  assert_int_equal(sl_state_queue_count(s, NULL, 0), 3);
  sync_now(s);
  assert_int_equal(atomic_load(&n_done), 1);
  assert_int_equal(atomic_load(&done_rc), 0);
  assert_string_equal(rows(s, 4999).text, "2:in:{\"n\":1} 3:store:{\"n\":3} ");
  assert_string_equal(rows(s, 5000).text, "2:in:{\"n\":1} 1:clean:{\"n\":2} 3:store:{\"n\":3} ");
  const char *skip[] = {"other", "store"};
  seen x = {0};
  sl_queue_filter f = {.after = 1, .now = 5000, .max = 10, .n_skip = 2, .skip = skip};
  assert_int_equal(sl_state_queue_read(s, &f, see_row, &x, NULL), 0);
  assert_string_equal(x.text, "1:clean:{\"n\":2} ");
  assert_int_equal(sl_state_queue_next_due(s, 4999), 5000);
  assert_true(sl_state_queue_next_due(s, 5000) == INT64_MAX);
  assert_int_equal(sl_state_queue_count(s, "clean", SL_QUEUE_RETRY), 1);
  assert_int_equal(sl_state_queue_count(s, "clean", SL_QUEUE_SPILL), 0);
  assert_int_equal(sl_state_rename(s, "store", "keep", NULL), 0);
  assert_int_equal(sl_state_queue_count(s, "keep", 0), 1);
  sl_state_set_collector(s, remove_first_two, NULL);
  sl_state_touch(s);
  sync_now(s);
  sl_state_set_collector(s, NULL, NULL);
  assert_string_equal(rows(s, 5000).text, "3:keep:{\"n\":3} ");
  assert_int_equal(sl_state_queue_count(s, NULL, 0), 1);
  assert_int_equal(sl_state_queue_count(s, "in", 0), 0);
  assert_int_equal(sl_state_queue_count(s, NULL, SL_QUEUE_SPILL), 1);
  assert_int_equal(stats(s).queued, 1);
  sl_state_close(s);
}

static int same_row(void *user, const sl_queue_entry *e) {
  (void)user;
  assert_int_equal(e->attempts, 2);
  assert_string_equal(e->uri, "file:///a");
  assert_string_equal(e->locator, "byte=1-2");
  assert_string_equal(e->revision, "r");
  assert_string_equal(e->splits, "0/3");
  assert_string_equal(e->media_type, "text/html");
  assert_string_equal(e->why, "a reason");
  assert_int_equal(e->payload.len, 2);
  assert_memory_equal(e->payload.data, "\0\xff", 2);
  assert_int_equal(e->map.len, 3);
  assert_memory_equal(e->map.data, "map", 3);
  return 0;
}

static void test_queue(void **state) {
  (void)state;
  use_queue(folder);
  sl_state *s = open_at(folder);
  sl_queue_filter f = {.max = 10};
  assert_int_equal(sl_state_queue_read(s, &f, same_row, NULL, NULL), 0);
  /* Ids are not given twice. */
  sl_queue_entry e = row(SL_QUEUE_SPOOL, "in", "{}");
  assert_int_equal(sl_state_queue_put(s, &e, 1, NULL, NULL, NULL), 0);
  sync_now(s);
  assert_int_equal(rows(s, 0).last, 4);
  sl_state_close(s);
  use_queue(NULL);
}

static void test_queue_bound(void **state) {
  (void)state;
  sl_err err = {0};
  sl_state_opts o = options(folder);
  o.spool_bytes = 4000;
  sl_state *s = open_with(&o);
  char body[1000];
  memset(body, 'x', sizeof body - 1);
  body[sizeof body - 1] = '\0';
  sl_queue_entry e = row(SL_QUEUE_SPOOL, "in", body);
  int n = 0;
  while (n < 10 && sl_state_queue_put(s, &e, 1, done, NULL, &err) == 0) n++;
  assert_int_equal(n, 3);
  assert_int_equal(err.code, SL_ELIMIT);
  sync_now(s);
  assert_int_equal(sl_state_queue_put(s, &e, 1, done, NULL, &err), SL_ELIMIT);
  o.spool_bytes = 8000;
  sl_state_configure(s, &o);
  assert_int_equal(sl_state_queue_put(s, &e, 1, done, NULL, &err), 0);
  sl_state_close(s);
}

/* ---- key-value state ---- */

static void kv(sl_state *s, const char *key, const char *value, const char *owner, int64_t expires) {
  sl_bytes k = {key, strlen(key)}, v = {value, value ? strlen(value) : 0};
  assert_int_equal(sl_state_kv_put(s, "dedup", &k, value ? &v : NULL, owner, expires, NULL), 0);
}

static void has_kv(sl_state *s, const char *key, const char *value, const char *owner) {
  sl_bytes k = {key, strlen(key)};
  void *found = NULL;
  size_t len = 0;
  char *who = NULL;
  int rc = sl_state_kv_get(s, "dedup", &k, &found, &len, &who, NULL);
  if (!value) {
    assert_int_equal(rc, SL_ENOTFOUND);
    return;
  }
  assert_int_equal(rc, 0);
  assert_int_equal(len, strlen(value));
  assert_memory_equal(found, value, len);
  assert_string_equal(who, owner);
  sl_mem_free(found);
  sl_mem_free(who);
}

static void use_kv(const char *where) {
  sl_state *s = open_at(where);
  int64_t now = sl_time_wall();
  for (int committed = 0; committed < 2; committed++) {
    kv(s, "a", "1", "doc-1", 0);
    kv(s, "b", "2", "doc-2", now - 1);
    kv(s, "c", "3", "doc-3", now + 3600 * SL_TIME_S);
    kv(s, "d", "4", "doc-4", 0);
    kv(s, "d", NULL, "doc-4", 0);
    if (committed) sync_now(s);
    has_kv(s, "a", "1", "doc-1");
    has_kv(s, "b", NULL, NULL);
    has_kv(s, "c", "3", "doc-3");
    has_kv(s, "d", NULL, NULL);
    has_kv(s, "e", NULL, NULL);
  }
  kv(s, "a", "new", "doc-9", 0);
  has_kv(s, "a", "new", "doc-9");
  sl_state_close(s);
}

static void test_kv(void **state) {
  (void)state;
  use_kv(folder);
  sl_state *s = open_at(folder);
  has_kv(s, "a", "new", "doc-9");
  has_kv(s, "c", "3", "doc-3");
  sl_state_close(s);
  use_kv(NULL);
}

static void test_kv_bound(void **state) {
  (void)state;
  sl_state_opts o = options(folder);
  o.kv_bytes = 20000;
  sl_state *s = open_with(&o);
  char key[16];
  kv(s, "soon", "1", "x", sl_time_wall() + 3600 * SL_TIME_S);
  for (int i = 0; i < 400; i++) {
    snprintf(key, sizeof key, "k%03d", i);
    kv(s, key, "0123456789", "x", 0);
    if (i == 100) sync_now(s);
  }
  sync_now(s);
  assert_true(stats(s).kv_bytes <= 20000);
  assert_true(stats(s).kv > 100);
  has_kv(s, "soon", NULL, NULL); /* it expires first */
  has_kv(s, "k000", NULL, NULL); /* the oldest */
  has_kv(s, "k399", "0123456789", "x");
  assert_true(atomic_load(&log_lines) > 0);
  sl_state_close(s);
}

/* ---- dead letters ---- */

static int same_letter(void *user, const sl_dead_entry *e) {
  sl_dead_entry want = letter("clean", "encoding", "k1");
  const char *texts[][2] = {{e->pipeline, want.pipeline}, {e->stage, want.stage},
                            {e->uses, want.uses},         {e->build, want.build},
                            {e->code, want.code},         {e->message, want.message},
                            {e->detail, want.detail},     {e->hint, want.hint},
                            {e->uri, want.uri},           {e->locator, want.locator},
                            {e->revision, want.revision}, {e->key, want.key},
                            {e->splits, want.splits},     {e->media_type, want.media_type}};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) assert_string_equal(texts[i][0], texts[i][1]);
  assert_int_equal(e->attempts, 4);
  assert_int_equal(e->generation, 3);
  assert_int_equal(e->map.len, 3);
  assert_int_equal(e->body.len, 7);
  assert_int_equal(e->payload.len, 2);
  assert_memory_equal(e->payload.data, "\0\xff", 2);
  (*(int *)user)++;
  return 0;
}

static void use_dead(const char *where) {
  int n = 0;
  uint64_t moved = 99;
  sl_err err = {0};
  sl_state *s = open_at(where);
  put_dead(s, "clean", "encoding", "k1");
  put_dead(s, "clean", "encoding", "k1"); /* takes the place of the first */
  sync_now(s);
  assert_int_equal(sl_state_dead_each(s, NULL, same_letter, &n, NULL), 0);
  assert_int_equal(n, 1);
  put_dead(s, "clean", "limit", "k2");
  put_dead(s, "store", "io", "k3");
  put_dead(s, "store", "io", "");
  put_dead(s, "store", "io", "");
  sync_now(s);
  assert_string_equal(letters(s, NULL).text, "clean:k1 clean:k2 store:k3 store: store: ");
  assert_string_equal(letters(s, &(sl_dead_filter){.stage = "clean", .code = "limit"}).text, "clean:k2 ");
  assert_int_equal(letters(s, &(sl_dead_filter){.newer_than = 3600 * SL_TIME_S}).n, 5);
  assert_int_equal(letters(s, &(sl_dead_filter){.older_than = 3600 * SL_TIME_S}).n, 0);
  assert_int_equal(stats(s).dead, 5);
  uint64_t id = letters(s, &(sl_dead_filter){.code = "limit"}).last;
  sl_bytes body = {"{\"better\":1}", 12}, worse = {"{\"n\":7}", 7};
  assert_int_equal(sl_state_dead_edit(s, id, &worse, NULL), 0);
  assert_int_equal(sl_state_dead_edit(s, 4711, &body, &err), SL_ENOTFOUND);
  assert_int_equal(sl_state_dead_retry(s, &(sl_dead_filter){.stage = "clean"}, NULL, &body, &moved, &err), SL_EINVAL);
  assert_int_equal(sl_state_dead_retry(s, &(sl_dead_filter){.id = id}, NULL, NULL, &moved, NULL), 0);
  assert_int_equal(moved, 1);
  id = letters(s, &(sl_dead_filter){.stage = "clean"}).last;
  assert_int_equal(sl_state_dead_retry(s, &(sl_dead_filter){.id = id}, "clean2", &body, &moved, NULL), 0);
  assert_string_equal(rows(s, 0).text, "4:clean:{\"n\":7} 4:clean2:{\"better\":1} ");
  assert_int_equal(sl_state_dead_drop(s, &(sl_dead_filter){.stage = "none"}, &moved, NULL), 0);
  assert_int_equal(moved, 0);
  assert_int_equal(sl_state_dead_drop(s, &(sl_dead_filter){.stage = "store"}, &moved, NULL), 0);
  assert_int_equal(moved, 3);
  assert_int_equal(stats(s).dead, 0);
  assert_int_equal(stats(s).dead_bytes, 0);
  assert_int_equal(stats(s).queued, 2);
  sl_state_close(s);
}

static void test_dead(void **state) {
  (void)state;
  use_dead(folder);
  use_dead(NULL);
}

static void test_dead_bounds(void **state) {
  (void)state;
  char key[16];
  sl_state_opts o = options(folder);
  o.dead_max = 3;
  sl_state *s = open_with(&o);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(sl_state_dead_room(s), 1);
    snprintf(key, sizeof key, "k%d", i);
    put_dead(s, "clean", "io", key);
  }
  assert_int_equal(sl_state_dead_room(s), 0);
  sync_now(s);
  assert_int_equal(sl_state_dead_room(s), 0);
  o.dead_drop_oldest = 1;
  sl_state_configure(s, &o);
  assert_int_equal(sl_state_dead_room(s), 1);
  put_dead(s, "clean", "io", "k3");
  put_dead(s, "clean", "io", "k4");
  sync_now(s);
  assert_string_equal(letters(s, NULL).text, "clean:k2 clean:k3 clean:k4 ");
  assert_int_equal(stats(s).dead_dropped, 2);
  /* Bytes: the newest stays even if it is alone too large. */
  o.dead_bytes = 10;
  sl_state_configure(s, &o);
  put_dead(s, "clean", "io", "k5");
  sync_now(s);
  assert_string_equal(letters(s, NULL).text, "clean:k5 ");
  o.dead_age = 1;
  sl_state_configure(s, &o);
  sl_state_close(s);
  s = open_with(&o); /* what is old goes with the first commit */
  sl_state_touch(s);
  sync_now(s);
  assert_int_equal(letters(s, NULL).n, 0);
  sl_state_close(s);
}

/* ---- faults ---- */

/* Starts this program again to do one thing in the folder, with a pipe from it and one to it. */
static pid_t start(const char *what, int *ret_from, int *ret_to) {
  int from[2], to[2];
  assert_int_equal(pipe(from), 0);
  assert_int_equal(pipe(to), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (dup2(to[0], 0) != 0 || dup2(from[1], 1) != 1) _exit(1);
    for (int i = 0; i < 2; i++) {
      close(from[i]);
      close(to[i]);
    }
    execl("/proc/self/exe", "state_test", what, folder, (char *)NULL);
    _exit(1);
  }
  close(from[1]);
  close(to[0]);
  *ret_from = from[0];
  *ret_to = to[1];
  return pid;
}

/* Up to n bytes at a time; 0 at the end. */
static size_t some(int fd, char *buf, size_t cap) {
  ssize_t n = read(fd, buf, cap);
  assert_true(n >= 0);
  return (size_t)n;
}

/* A child counts, puts a note for each number, and is killed: the checkpoint is never ahead of the notes. */
static void count_until_killed(void) {
  engine e = {PTHREAD_MUTEX_INITIALIZER, 0, 0, -1};
  sl_state_opts o = options(folder);
  o.commit_every = SL_TIME_MS;
  sl_state *s = open_with(&o);
  void *was = NULL;
  size_t len = 0;
  if (sl_state_recall(s, "source/fetch", &was, &len, NULL) == 0 && was) e.count = (uint64_t)strtoull(was, NULL, 10);
  sl_state_set_collector(s, collect, &e);
  for (;;) {
    char key[32];
    snprintf(key, sizeof key, "%llu", (unsigned long long)e.count + 1);
    note(s, key, "here");
    pthread_mutex_lock(&e.lock);
    e.count++;
    pthread_mutex_unlock(&e.lock);
    sl_state_touch(s);
    if (write(1, "x", 1) != 1) _exit(1);
  }
}

static void test_killed_at_any_time(void **state) {
  (void)state;
  uint64_t before = 0, moved = 0;
  for (int round = 0; round < 25; round++) {
    int from, to;
    pid_t pid = start("count", &from, &to);
    char buf[512];
    for (size_t got = 0; got < (size_t)(4000 + round * 777);) {
      size_t n = some(from, buf, sizeof buf);
      assert_true(n > 0);
      got += n;
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(from);
    close(to);
    sl_state *s = open_at(folder);
    void *value = NULL;
    size_t len = 0;
    assert_int_equal(sl_state_recall(s, "source/fetch", &value, &len, NULL), 0);
    if (value) {
      char text[32] = "";
      memcpy(text, value, len);
      uint64_t now = (uint64_t)strtoull(text, NULL, 10);
      assert_true(now >= before);
      moved += now > before;
      before = now;
      has_note(s, "fetch", text, now ? "here" : NULL);
      seen x = {0};
      assert_int_equal(sl_state_note_each(s, "fetch", "", see_value, &x, NULL), 0);
      assert_true(x.n >= now);
    }
    sl_mem_free(value);
    sl_state_close(s);
  }
  assert_true(moved > 5);
}

/* The answer to a push is given after the commit, never before. */
static void answer(void *user, int rc) {
  (void)user;
  if (rc || write(1, "x", 1) != 1) _exit(1);
}

static void push_until_killed(void) {
  sl_state_opts o = options(folder);
  o.spool_bytes = 0;
  sl_state *s = open_with(&o);
  sl_queue_entry e = row(SL_QUEUE_SPOOL, "in", "{}");
  for (;;) {
    int rc = sl_state_queue_put(s, &e, 1, answer, NULL, NULL);
    if (rc == SL_ELIMIT) rc = sl_state_sync(s, WAIT, NULL);
    if (rc) _exit(1);
  }
}

static void test_answered_is_kept(void **state) {
  (void)state;
  uint64_t answered = 0;
  for (int round = 0; round < 10; round++) {
    int from, to;
    pid_t pid = start("push", &from, &to);
    char buf[64];
    size_t n;
    for (size_t got = 0; got < (size_t)(20 + round); got += n, answered += n) {
      n = some(from, buf, sizeof buf);
      assert_true(n > 0);
    }
    kill(pid, SIGKILL);
    while ((n = some(from, buf, sizeof buf)) > 0) answered += n;
    close(from);
    close(to);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    sl_state *s = open_at(folder);
    assert_true(sl_state_queue_count(s, NULL, 0) >= answered);
    sl_state_close(s);
  }
}

static void hold_until_told(void) {
  char c;
  sl_state *s = open_at(folder);
  if (!s || write(1, "x", 1) != 1 || read(0, &c, 1) < 0) _exit(1);
  _exit(0); /* the state is not closed */
}

static void test_lock_names_its_holder(void **state) {
  (void)state;
  sl_err err = {0};
  sl_state *s = NULL, *other = NULL;
  char holder[512], pid_text[32];
  sl_state_opts o = options(folder);
  assert_int_equal(sl_state_holder(folder, holder, sizeof holder), 0);
  assert_string_equal(holder, "");
  char c;
  int from, to;
  pid_t pid = start("hold", &from, &to);
  assert_int_equal(read(from, &c, 1), 1);
  snprintf(pid_text, sizeof pid_text, "pid %ld,", (long)pid);
  assert_int_equal(sl_state_open(&o, &other, &err), SL_ESTATE);
  assert_non_null(strstr(err.message, pid_text));
  assert_non_null(strstr(err.message, "pipeline news"));
  assert_int_equal(sl_state_holder(folder, holder, sizeof holder), 0);
  assert_non_null(strstr(holder, pid_text));
  close(to);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
  /* A holder that died holds nothing. */
  assert_int_equal(sl_state_holder(folder, holder, sizeof holder), 0);
  assert_string_equal(holder, "");
  s = open_with(&o);
  assert_int_equal(sl_state_open(&o, &other, &err), SL_ESTATE);
  sl_state_close(s);
  close(from);
}

/* ---- schema ---- */

static void sql(const char *path, const char *text) {
  sqlite3 *db = NULL;
  char *why = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", text, why);
  sqlite3_close(db);
}

static int number(const char *path, const char *query) {
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, query, -1, &st, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(st), SQLITE_ROW);
  int n = sqlite3_column_int(st, 0);
  sqlite3_finalize(st);
  sqlite3_close(db);
  return n;
}

static void test_schemas(void **state) {
  (void)state;
  sl_err err = {0};
  sl_state *s = open_at(folder);
  sl_state_opts o = options(folder);
  sl_state_close(s);
  sql(file, "PRAGMA user_version = 3");
  assert_int_equal(sl_state_open(&o, &s, &err), SL_ESTATE);
  assert_non_null(strstr(err.message, "schema version 3; this Sluice knows versions up to 2"));
  assert_int_equal(number(file, "PRAGMA user_version"), 3);
  /* A database that is not ours is left alone. */
  assert_int_equal(unlink(file), 0);
  sql(file, "CREATE TABLE people (name TEXT)");
  assert_int_equal(sl_state_open(&o, &s, &err), SL_ESTATE);
  assert_non_null(strstr(err.message, "found another database"));
  assert_int_equal(number(file, "SELECT count(*) FROM sqlite_schema"), 1);
  /* Nor is a file that is no database. */
  assert_int_equal(sl_path_write(file, "not a database, but long enough to be looked at", 47, 0644, NULL), 0);
  assert_int_equal(sl_state_open(&o, &s, &err), SL_ESTATE);
}

static const char version_1[] =
    "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL;"
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS dead_letters ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, stage TEXT NOT NULL, uses TEXT NOT NULL,"
    " build TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL, hint TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, time INTEGER NOT NULL, generation INTEGER NOT NULL, uri TEXT NOT NULL,"
    " locator TEXT NOT NULL, revision TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, raw BLOB NOT NULL,"
    " payload BLOB NOT NULL, media_type TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS dead_letters_stage ON dead_letters (stage, code);"
    "PRAGMA user_version = 1;"
    "INSERT INTO dead_letters VALUES (3,'news','clean','clean','b','io','m','d','h',2,1000,1,'u','l','r','k1',"
    "x'7b7d',x'',x'00ff','text/html'), (9,'news','clean','clean','b','io','m','d','h',2,1000,1,'u','l','r','k2',"
    "x'7b7d',x'',x'','');"
    "DELETE FROM dead_letters WHERE id = 9;";

static void test_migration(void **state) {
  (void)state;
  seen x = {0};
  char backup[160];
  assert_int_equal(sl_path_mkdirs(folder, NULL), 0);
  sql(file, version_1);
  /* The commands read it as it is. */
  assert_int_equal(sl_dead_read(folder, see_letter, &x, NULL), 0);
  assert_string_equal(x.text, "clean:k1 ");
  sl_state *s = open_at(folder);
  x = letters(s, NULL);
  assert_string_equal(x.text, "clean:k1 ");
  assert_int_equal(x.last, 3);
  assert_int_equal(stats(s).dead, 1);
  assert_true(stats(s).dead_bytes > 4);
  put_dead(s, "clean", "io", "k3");
  sync_now(s);
  assert_int_equal(letters(s, NULL).last, 10); /* 9 was given already */
  sl_state_close(s);
  snprintf(backup, sizeof backup, "%s.v1.bak", file);
  assert_int_equal(number(backup, "PRAGMA user_version"), 1);
  assert_int_equal(number(backup, "SELECT count(*) FROM dead_letters"), 1);
  assert_int_equal(number(file, "PRAGMA user_version"), 2);
  s = open_at(folder); /* once is enough */
  assert_int_equal(letters(s, NULL).n, 2);
  sl_state_close(s);
}

/* ---- a disk that is full ---- */

static void wait_stuck(sl_state *s, int want, sl_err *why) {
  int64_t end = sl_time_mono() + WAIT;
  uint64_t was = stats(s).failures;
  while (sl_state_stuck(s, why) != want) {
    if (sl_time_mono() > end) fail_msg("stuck is not %d; %llu failures", want, (unsigned long long)was);
    (void)sl_state_sync(s, 10 * SL_TIME_MS, NULL);
  }
}

static void fill_up(sl_state *s) {
  static char big[60000];
  memset(big, 'x', sizeof big - 1);
  for (int i = 0; i < 20; i++) {
    char key[16];
    snprintf(key, sizeof key, "big%d", i);
    note(s, key, big);
  }
}

static void after_the_fault(sl_state *s, engine *e) {
  sl_err err = {0};
  wait_stuck(s, 0, NULL);
  sync_now(s);
  assert_true(stats(s).failures > 0);
  has_note(s, "fetch", "small", "kept");
  has_checkpoint(s, "source/fetch", "42");
  assert_true(e->calls > 1);
  sl_state_set_collector(s, NULL, NULL);
  sl_state_close(s);
  s = open_at(folder);
  has_note(s, "fetch", "small", "kept");
  has_checkpoint(s, "source/fetch", "42");
  seen x = {0};
  assert_int_equal(sl_state_note_each(s, "fetch", "big1", see_value, &x, &err), 0);
  assert_int_equal(x.n, 11);
  sl_state_close(s);
}

static void make_stuck(sl_state *s, engine *e, const char *why) {
  sl_err err = {0};
  int before = atomic_load(&log_lines);
  fill_up(s);
  e->count = 42;
  note(s, "small", "kept");
  wait_stuck(s, 1, &err);
  assert_non_null(strstr(err.message, "cannot write the state"));
  if (!strstr(err.message, why) && !strstr(err.hint, why)) fail_msg("expected '%s', found %s", why, err.message);
  assert_int_equal(sl_state_sync(s, SL_TIME_MS, &err), SL_ETIMEOUT);
  assert_true(atomic_load(&log_lines) > before);
  has_note(s, "fetch", "small", "kept");
}

static void test_file_limit(void **state) {
  (void)state;
  struct rlimit was, low;
  engine e = {PTHREAD_MUTEX_INITIALIZER, 0, 0, -1};
  sl_state *s = open_at(folder);
  note(s, "first", "1");
  sync_now(s);
  sl_state_set_collector(s, collect, &e);
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
  low = was;
  low.rlim_cur = 400000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
  make_stuck(s, &e, "I/O error");
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
  after_the_fault(s, &e);
}

static void test_full_disk(void **state) {
  (void)state;
  assert_int_equal(sl_path_mkdirs(folder, NULL), 0);
  if (mount("tmpfs", folder, "tmpfs", 0, "size=700k") != 0) {
    printf("skipped: a small file system cannot be mounted\n");
    return;
  }
  engine e = {PTHREAD_MUTEX_INITIALIZER, 0, 0, -1};
  sl_state *s = open_at(folder);
  sl_state_set_collector(s, collect, &e);
  make_stuck(s, &e, "full");
  assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=20m"), 0);
  after_the_fault(s, &e);
  assert_int_equal(umount(folder), 0);
}

/* What could not be committed is given up at the end, and those who wait are told. */
static void test_closed_while_stuck(void **state) {
  (void)state;
  struct rlimit was, low;
  sl_state *s = open_at(folder);
  note(s, "first", "1");
  sync_now(s);
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
  low = was;
  low.rlim_cur = 1;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
  sl_queue_entry e = row(SL_QUEUE_SPOOL, "in", "{}");
  atomic_store(&done_rc, 99);
  assert_int_equal(sl_state_queue_put(s, &e, 1, done, NULL, NULL), 0);
  wait_stuck(s, 1, NULL);
  assert_int_equal(atomic_load(&done_rc), 99);
  sl_state_close(s);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
  assert_int_equal(atomic_load(&done_rc), SL_ESTATE);
  assert_non_null(strstr(last_line, "is lost"));
  s = open_at(folder);
  assert_int_equal(sl_state_queue_count(s, NULL, 0), 0);
  has_note(s, "fetch", "first", "1");
  sl_state_close(s);
}

/* ---- threads ---- */

static sl_state *shared;
static void *work(void *arg) {
  int me = *(int *)arg;
  for (int i = 0; i < 300; i++) {
    char key[32], value[32];
    snprintf(key, sizeof key, "%d/%d", me, i);
    snprintf(value, sizeof value, "v%d", i);
    note(shared, key, value);
    has_note(shared, "fetch", key, value);
    kv(shared, key, value, "o", 0);
    has_kv(shared, key, value, "o");
    sl_state_touch(shared);
    if (i % 50 == 0) {
      put_dead(shared, "clean", "io", key);
      sync_now(shared);
      (void)rows(shared, 0);
      (void)stats(shared);
      (void)sl_state_dead_room(shared);
    }
  }
  return NULL;
}

static void use_threads(const char *where) {
  pthread_t threads[4];
  int me[4];
  engine e = {PTHREAD_MUTEX_INITIALIZER, 1, 0, -1};
  shared = open_at(where);
  sl_state_set_collector(shared, collect, &e);
  for (int i = 0; i < 4; i++) {
    me[i] = i;
    assert_int_equal(pthread_create(&threads[i], NULL, work, &me[i]), 0);
  }
  uint64_t n = 0;
  assert_int_equal(sl_state_dead_retry(shared, NULL, NULL, NULL, &n, NULL), 0);
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  sl_state_set_collector(shared, NULL, NULL);
  sync_now(shared);
  assert_int_equal(letters(shared, NULL).n + n, 24);
  seen x = {0};
  assert_int_equal(sl_state_note_each(shared, "fetch", "", see_value, &x, NULL), 0);
  assert_int_equal(x.n, 1200);
  assert_int_equal(stats(shared).kv, 1200);
  sl_state_close(shared);
}

static void test_threads(void **state) {
  (void)state;
  use_threads(folder);
  use_threads(NULL);
}

static int do_one_thing(const char *what, const char *where) {
  snprintf(folder, sizeof folder, "%s", where);
  if (strcmp(what, "count") == 0) count_until_killed();
  if (strcmp(what, "push") == 0) push_until_killed();
  if (strcmp(what, "hold") == 0) hold_until_told();
  return 1;
}

int main(int argc, char **argv) {
  if (argc == 3) return do_one_thing(argv[1], argv[2]);
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      CASE(test_notes),
      CASE(test_checkpoint),
      CASE(test_queue),
      CASE(test_queue_bound),
      CASE(test_kv),
      CASE(test_kv_bound),
      CASE(test_dead),
      CASE(test_dead_bounds),
      CASE(test_killed_at_any_time),
      CASE(test_answered_is_kept),
      CASE(test_lock_names_its_holder),
      CASE(test_schemas),
      CASE(test_migration),
      CASE(test_file_limit),
      CASE(test_full_disk),
      CASE(test_closed_while_stuck),
      CASE(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
