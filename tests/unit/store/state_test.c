/* SPDX-License-Identifier: Apache-2.0 */
/* The state: what is put is seen, committed, bounded, and there after a restart. */
#include "state_help.h"

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

static void test_checkpoint(void **state) {
  (void)state;
  seen x = {0};
  char out[128];
  sl_state *s = open_at(folder);
  snprintf(out, sizeof out, "%s/out", dir);
  engine e = {PTHREAD_MUTEX_INITIALIZER, 7, 0, open(out, O_CREAT | O_WRONLY, 0644)};
  int fd = e.fd;
  /* The writer begins with a commit of its own, which would ask the collector. */
  sl_state_touch(s);
  sync_now(s);
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
  assert_string_equal(letters(s, &(sl_dead_filter){.limit = 2}).text, "clean:k1 clean:k2 ");
  assert_string_equal(letters(s, &(sl_dead_filter){.limit = 3, .newest = 1}).text, "store:k3 store: store: ");
  assert_string_equal(letters(s, &(sl_dead_filter){.stage = "clean", .limit = 1, .newest = 1}).text, "clean:k2 ");
  uint64_t count = 0;
  assert_int_equal(sl_state_dead_count(s, &(sl_dead_filter){.stage = "store", .limit = 1}, &count, NULL), 0);
  assert_int_equal(count, 3);
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

/* A stage with another id keeps what it had; what the new id has already counts. */
static void test_rename(void **state) {
  (void)state;
  seen x = {0};
  sl_state *s = open_at(folder);
  sl_bytes a = {"a", 1}, b = {"b", 1}, old = {"old", 3}, newer = {"new", 3};
  note(s, "a", "old");
  note(s, "b", "old");
  assert_int_equal(sl_state_note_put(s, "news", "b", "new", 3, NULL), 0);
  assert_int_equal(sl_state_kv_put(s, "fetch", &a, &old, "o", 0, NULL), 0);
  assert_int_equal(sl_state_kv_put(s, "fetch", &b, &old, "o", 0, NULL), 0);
  assert_int_equal(sl_state_kv_put(s, "news", &b, &newer, "o", 0, NULL), 0);
  put_dead(s, "fetch", "io", "k");
  assert_int_equal(sl_state_rename(s, "fetch", "news", NULL), 0);
  assert_int_equal(sl_state_note_each(s, "news", "", see_value, &x, NULL), 0);
  assert_string_equal(x.text, "a=old b=new ");
  has_note(s, "fetch", "a", NULL);
  assert_string_equal(letters(s, NULL).text, "news:k ");
  void *value = NULL;
  char *owner = NULL;
  size_t len = 0;
  assert_int_equal(sl_state_kv_get(s, "news", &b, &value, &len, &owner, NULL), 0);
  assert_int_equal(len, 3);
  assert_memory_equal(value, "new", 3);
  sl_mem_free(value);
  sl_mem_free(owner);
  assert_int_equal(sl_state_kv_get(s, "fetch", &a, &value, &len, &owner, NULL), SL_ENOTFOUND);
  assert_int_equal(stats(s).kv, 2);
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

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      CASE(test_notes),    CASE(test_checkpoint), CASE(test_queue),       CASE(test_queue_bound), CASE(test_kv),
      CASE(test_kv_bound), CASE(test_dead),       CASE(test_dead_bounds), CASE(test_rename),      CASE(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
