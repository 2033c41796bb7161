/* SPDX-License-Identifier: Apache-2.0 */
/* The state under faults: kills at any time, a second process, foreign and older databases, disks that are full. */
#include "state_help.h"

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
    execl("/proc/self/exe", "state_fault_test", what, folder, (char *)NULL);
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

/* ---- more than may be pending ---- */

#define MANY 100
static atomic_int n_put;
static void *put_many(void *arg) {
  static char big[1 << 20];
  memset(big, 'x', sizeof big - 1);
  for (int i = 0; i < MANY; i++) {
    char key[16];
    snprintf(key, sizeof key, "many%03d", i);
    note(arg, key, big);
    atomic_fetch_add(&n_put, 1);
  }
  return NULL;
}

/* While commits fail at most 64 MiB are held: who puts more waits, who pushes is refused, and nothing is lost. */
static void test_pending_is_bounded(void **state) {
  (void)state;
  struct rlimit was, low;
  pthread_t thread;
  sl_err err = {0};
  sl_state_opts o = options(folder);
  o.spool_bytes = (int64_t)1 << 30;
  sl_state *s = open_with(&o);
  note(s, "first", "1");
  sync_now(s);
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
  low = was;
  low.rlim_cur = 1;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
  note(s, "small", "kept");
  wait_stuck(s, 1, NULL);
  atomic_store(&n_put, 0);
  assert_int_equal(pthread_create(&thread, NULL, put_many, s), 0);
  /* When it is full a push is refused, so the other thread has come to its limit. */
  static char body[2 << 20];
  memset(body, 'x', sizeof body - 1);
  sl_queue_entry e = row(SL_QUEUE_SPOOL, "in", body);
  int64_t end = sl_time_mono() + WAIT;
  int pushed = 0, rc;
  while ((rc = sl_state_queue_put(s, &e, 1, NULL, NULL, &err)) == 0 && sl_time_mono() < end) pushed++;
  assert_int_equal(rc, SL_ELIMIT);
  assert_non_null(strstr(err.message, "faster than the state is written"));
  assert_true(atomic_load(&n_put) < MANY);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  sync_now(s);
  sl_state_close(s);
  s = open_with(&o);
  seen x = {0};
  assert_int_equal(sl_state_note_each(s, "fetch", "many", count_value, &x, NULL), 0);
  assert_int_equal(x.n, MANY);
  assert_int_equal(sl_state_queue_count(s, "in", 0), pushed);
  sl_state_close(s);
}

static void test_taken_away(void **state) {
  (void)state;
  char aside[160];
  sl_err err = {0};
  uint64_t n = 0;
  snprintf(aside, sizeof aside, "%s.aside", file);
  sl_state *s = open_at(folder);
  note(s, "small", "kept");
  sync_now(s);
  assert_int_equal(rename(file, aside), 0);
  note(s, "later", "kept, too");
  wait_stuck(s, 1, &err);
  assert_non_null(strstr(err.message, "was taken away"));
  assert_int_equal(sl_state_dead_drop(s, NULL, &n, &err), SL_EIO);
  assert_int_equal(rename(aside, file), 0);
  wait_stuck(s, 0, NULL);
  sl_state_close(s);
  s = open_at(folder);
  has_note(s, "fetch", "later", "kept, too");
  sl_state_close(s);
}

/* The n-th allocation fails, for each n: every call fails or succeeds, and what it said is so. */
static int without_memory(uint64_t nth, int *ret_kept) {
  sl_state_opts o = options(folder);
  sl_state *s = NULL;
  sl_err err = {0};
  *ret_kept = 0;
  (void)sl_mem_fail_at(nth);
  int rc = sl_state_open(&o, &s, &err);
  if (rc) {
    (void)sl_mem_fail_at(0);
    assert_int_equal(rc, SL_ENOMEM);
    return 1;
  }
  sl_queue_entry q = row(SL_QUEUE_RETRY, "clean", "{}");
  sl_dead_entry d = letter("clean", "io", "key");
  sl_bytes k = {"k", 1}, v = {"v", 1};
  void *value = NULL;
  char *owner = NULL;
  size_t len = 0;
  seen x = {0};
  int bad = sl_state_queue_put(s, &q, 1, NULL, NULL, &err) != 0;
  int kept = sl_state_note_put(s, "fetch", "n", "v", 1, &err) == 0;
  bad |= !kept;
  bad |= sl_state_kv_put(s, "dedup", &k, &v, "o", 0, &err) != 0;
  bad |= sl_state_dead_put(s, &d, &err) != 0;
  bad |= sl_state_forget(s, "x", &err) != 0;
  bad |= sl_state_note_each(s, "fetch", "", see_value, &x, &err) != 0;
  int rc_kv = sl_state_kv_get(s, "dedup", &k, &value, &len, &owner, &err);
  bad |= rc_kv != 0;
  if (rc_kv == 0) {
    sl_mem_free(value);
    sl_mem_free(owner);
  }
  if (sl_state_sync(s, WAIT, &err) != 0) bad = 1;
  int rc_note = sl_state_note_get(s, "fetch", "n", &value, &len, &err);
  if (rc_note == 0) sl_mem_free(value);
  bad |= rc_note != 0;
  bad |= sl_mem_fail_at(0) == 0 && nth > 0;
  sl_state_close(s);
  *ret_kept = kept;
  return bad;
}

static void test_without_memory(void **state) {
  (void)state;
  int bad = 1, kept = 0;
  uint64_t n = 1;
  for (; bad && n < 500; n++) {
    bad = without_memory(n, &kept);
    if (!kept) continue;
    sl_state *s = open_at(folder);
    has_note(s, "fetch", "n", "v");
    sl_state_close(s);
  }
  assert_true(n > 10);
  assert_int_equal(bad, 0);
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
      CASE(test_killed_at_any_time),
      CASE(test_answered_is_kept),
      CASE(test_lock_names_its_holder),
      CASE(test_schemas),
      CASE(test_migration),
      CASE(test_file_limit),
      CASE(test_full_disk),
      CASE(test_pending_is_bounded),
      CASE(test_taken_away),
      CASE(test_without_memory),
      CASE(test_closed_while_stuck),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
