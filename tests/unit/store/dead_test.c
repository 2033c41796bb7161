/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters come back as they were written, from both kinds of file. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/mem.h"
#include "base/path.h"
#include "store/base64.h"
#include "store/dead.h"

static char dir[64], lines[96], db[96];

static int setup(void **state) {
  (void)state;
  snprintf(dir, sizeof(dir), "/tmp/sluice-dead-XXXXXX");
  if (!mkdtemp(dir)) return -1;
  snprintf(lines, sizeof(lines), "%s/sub/p.dead.jsonl", dir);
  snprintf(db, sizeof(db), "%s/state", dir);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  char cmd[96];
  snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
  return system(cmd);
}

static const char body[] = "{\"title\":\"H\xC3\xA0 N\xE1\xBB\x99i\",\"n\":1}",
                  raw[] = "{\"a\":", payload[] = "\0\xff<p>x</p>";

static sl_dead_entry entry(void) {
  return (sl_dead_entry){.pipeline = "news",
                         .stage = "clean",
                         .uses = "clean",
                         .build = "ab12",
                         .code = "encoding",
                         .message = "expected UTF-8, found \"0xff\" at byte 3",
                         .detail = "d",
                         .hint = "h",
                         .attempts = 4,
                         .time = 1700000000123000000,
                         .generation = 1,
                         .uri = "file:///a",
                         .locator = "byte=1-2",
                         .revision = "r1",
                         .key = "file:///a#byte=1-2",
                         .body = {body, sizeof(body) - 1},
                         .payload = {payload, sizeof(payload) - 1},
                         .media_type = "text/html"};
}

static int n_seen, n_torn;
static int same(void *user, const sl_dead_entry *e) {
  const sl_dead_entry *want = user;
  if (!e) {
    n_torn++;
    return 0;
  }
  n_seen++;
  assert_string_equal(e->pipeline, want->pipeline);
  assert_string_equal(e->stage, want->stage);
  assert_string_equal(e->build, want->build);
  assert_string_equal(e->code, want->code);
  assert_string_equal(e->message, want->message);
  assert_string_equal(e->hint, want->hint);
  assert_string_equal(e->locator, want->locator);
  assert_string_equal(e->key, want->key);
  assert_string_equal(e->media_type, want->media_type);
  assert_int_equal(e->attempts, want->attempts);
  assert_int_equal(e->time, want->time);
  assert_int_equal(e->body.len, want->body.len);
  if (want->body.len) assert_memory_equal(e->body.data, want->body.data, want->body.len);
  assert_int_equal(e->raw.len, want->raw.len);
  if (want->raw.len) assert_memory_equal(e->raw.data, want->raw.data, want->raw.len);
  assert_int_equal(e->payload.len, want->payload.len);
  if (want->payload.len) assert_memory_equal(e->payload.data, want->payload.data, want->payload.len);
  return 0;
}

static int count_one(void *user, const sl_dead_entry *e) {
  (void)user;
  assert_non_null(e);
  n_seen++;
  return 0;
}

static void round_trip(const char *state_dir, const char *path) {
  sl_err err;
  sl_dead *d = NULL;
  sl_dead_entry e = entry();
  const char *where = state_dir ? state_dir : path;
  assert_int_equal(sl_dead_new(state_dir, path, &d, &err), 0);
  assert_int_equal(sl_dead_read(where, same, &e, &err), SL_ENOTFOUND);
  assert_int_equal(sl_dead_put(d, &e, &err), 0);
  n_seen = 0;
  assert_int_equal(sl_dead_read(where, same, &e, &err), 0);
  assert_int_equal(n_seen, 1);
  sl_dead_free(d);
  /* Another process appends. Of the same document the database keeps the newest. */
  assert_int_equal(sl_dead_new(state_dir, path, &d, &err), 0);
  if (state_dir) assert_int_equal(sl_dead_put(d, &e, &err), 0);
  if (state_dir) e.key = "file:///b";
  assert_int_equal(sl_dead_put(d, &e, &err), 0);
  sl_dead_free(d);
  n_seen = 0;
  assert_int_equal(sl_dead_read(where, count_one, &e, &err), 0);
  assert_int_equal(n_seen, 2);
}

static void test_lines(void **state) {
  (void)state;
  sl_err err;
  round_trip(NULL, lines);
  /* A torn last line costs itself only. */
  int fd = open(lines, O_WRONLY | O_APPEND);
  assert_int_equal(write(fd, "{\"torn\":", 8), 8);
  close(fd);
  sl_dead *d = NULL;
  sl_dead_entry e = entry();
  assert_int_equal(sl_dead_new(NULL, lines, &d, &err), 0);
  assert_int_equal(sl_dead_put(d, &e, &err), 0);
  sl_dead_free(d);
  n_seen = n_torn = 0;
  assert_int_equal(sl_dead_read(lines, same, &e, &err), 0);
  assert_int_equal(n_seen, 3);
  assert_int_equal(n_torn, 1);
}

static void test_database(void **state) {
  (void)state;
  round_trip(db, NULL);
}

static void test_raw_bytes(void **state) {
  (void)state;
  sl_err err;
  sl_dead *d = NULL;
  sl_dead_entry e = entry();
  e.body = (sl_bytes){0};
  e.raw = (sl_bytes){raw, sizeof(raw) - 1};
  e.payload = (sl_bytes){0};
  char path[96];
  snprintf(path, sizeof(path), "%s/raw.dead.jsonl", dir);
  assert_int_equal(sl_dead_new(NULL, path, &d, &err), 0);
  assert_int_equal(sl_dead_put(d, &e, &err), 0);
  sl_dead_free(d);
  n_seen = 0;
  assert_int_equal(sl_dead_read(path, same, &e, &err), 0);
  assert_int_equal(n_seen, 1);
}

static void test_newer_schema_is_refused(void **state) {
  (void)state;
  sl_err err;
  char path[96];
  sqlite3 *s = NULL;
  snprintf(path, sizeof(path), "%s/new.db", dir);
  assert_int_equal(sqlite3_open(path, &s), SQLITE_OK);
  assert_int_equal(sqlite3_exec(s, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(s);
  assert_int_equal(sl_dead_read(path, same, NULL, &err), SL_ESTATE);
  assert_non_null(strstr(err.message, "99"));
}

static void test_full_disk_and_no_memory(void **state) {
  (void)state;
  sl_err err;
  sl_dead *d = NULL;
  sl_dead_entry e = entry();
  assert_int_equal(sl_dead_new(NULL, "/dev/full", &d, &err), 0);
  assert_int_not_equal(sl_dead_put(d, &e, &err), 0);
  assert_non_null(strstr(err.message, "cannot write a dead letter"));
  sl_dead_free(d);
  char path[96];
  snprintf(path, sizeof(path), "%s/mem.dead.jsonl", dir);
  int rc = SL_ENOMEM;
  for (uint64_t n = 1; rc && n < 500; n++) {
    assert_int_equal(sl_dead_new(NULL, path, &d, &err), 0);
    sl_mem_fail_at(n);
    rc = sl_dead_put(d, &e, &err);
    sl_mem_fail_at(0);
    sl_dead_free(d);
  }
  assert_int_equal(rc, 0);
  n_seen = n_torn = 0;
  assert_int_equal(sl_dead_read(path, same, &e, &err), 0);
  assert_int_equal(n_torn, 0);
  assert_true(n_seen >= 1);
}

static void test_base64(void **state) {
  (void)state;
  static const char *const vectors[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
  for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
    size_t len = 99;
    char *text = sl_base64(vectors[i][0], strlen(vectors[i][0]));
    assert_string_equal(text, vectors[i][1]);
    char *back = sl_base64_decode(text, strlen(text), &len);
    assert_non_null(back);
    assert_int_equal(len, strlen(vectors[i][0]));
    assert_memory_equal(back, vectors[i][0], len);
    sl_mem_free(text);
    sl_mem_free(back);
  }
  static const char *const bad[] = {"Zg=", "Z", "Zg=a", "====", "Zm9\x01", "=Zg="};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    size_t len;
    assert_null(sl_base64_decode(bad[i], strlen(bad[i]), &len));
  }
}

static int check(const char *state, const char *path, sl_err *err) {
  sl_dead *d = NULL;
  assert_int_equal(sl_dead_new(state, path, &d, err), 0);
  int rc = sl_dead_check(d, err);
  sl_dead_free(d);
  return rc;
}

static void test_check_before_anything_is_written(void **state) {
  (void)state;
  sl_err err = {0};
  assert_int_equal(check(NULL, lines, &err), 0);
  assert_int_equal(check(db, NULL, &err), 0);
  char *sub = sl_path_dir(lines);
  assert_false(sl_path_exists(sub));
  assert_int_not_equal(check(NULL, dir, &err), 0);
  assert_non_null(strstr(err.message, "is a folder"));
  assert_int_not_equal(check("/dev/null", NULL, &err), 0);
  assert_non_null(strstr(err.message, "Not a directory"));
  assert_non_null(strstr(err.hint, "state:"));
  assert_int_equal(sl_path_write(sub, "x", 1, 0600, &err), 0);
  assert_int_not_equal(check(NULL, lines, &err), 0);
  assert_non_null(strstr(err.message, "Not a directory"));
  sl_mem_free(sub);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
      cmocka_unit_test_setup_teardown(test_database, setup, teardown),
      cmocka_unit_test_setup_teardown(test_raw_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_newer_schema_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_full_disk_and_no_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(test_check_before_anything_is_written, setup, teardown),
      cmocka_unit_test(test_base64),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
