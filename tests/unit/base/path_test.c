/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, files, times, threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/thread.h"
#include "base/time.h"

static void expect(char *got, const char *expected) {
  assert_non_null(got);
  assert_string_equal(got, expected);
  sl_mem_free(got);
}

static void parts(void **state) {
  (void)state;
  expect(sl_path_join("/a", "b"), "/a/b");
  expect(sl_path_join("/a/", "b"), "/a/b");
  expect(sl_path_join("/a", "/b"), "/b");
  expect(sl_path_join("", "b"), "b");
  expect(sl_path_dir("/a/b/c"), "/a/b");
  expect(sl_path_dir("/a"), "/");
  expect(sl_path_dir("/"), "/");
  expect(sl_path_dir("a"), ".");
  expect(sl_path_dir("a/b/"), "a");
  expect(sl_path_dir("a//b"), "a");
  assert_string_equal(sl_path_base("/a/b.txt"), "b.txt");
  assert_string_equal(sl_path_base("b.txt"), "b.txt");
  assert_string_equal(sl_path_ext("/a.b/c"), "");
  assert_string_equal(sl_path_ext("x.tar.gz"), ".gz");
  assert_string_equal(sl_path_ext(".hidden"), "");
  expect(sl_path_to_uri("/tin tức/a#1.txt"), "file:///tin%20t%E1%BB%A9c/a%231.txt");
}

static void absolute(void **state) {
  (void)state;
  expect(sl_path_abs("b", "/a"), "/a/b");
  expect(sl_path_abs("./b/../c", "/a"), "/a/c");
  expect(sl_path_abs("../../../c", "/a"), "/c");
  expect(sl_path_abs("/x//y/./z/", "/a"), "/x/y/z");
  expect(sl_path_abs("/", NULL), "/");
  expect(sl_path_abs("..", "/"), "/");
  expect(sl_path_abs("", "/a/b"), "/a/b");
  expect(sl_path_abs("...", "/a"), "/a/...");
  setenv("HOME", "/home/người", 1);
  expect(sl_path_abs("~/x", "/a"), "/home/người/x");
  expect(sl_path_abs("~x", "/a"), "/a/~x");
  char *cwd = sl_path_cwd();
  char *joined = sl_path_join(cwd, "q");
  expect(sl_path_abs("q", NULL), joined);
  expect(sl_path_abs("q", "."), joined);
  sl_mem_free(cwd);
  sl_mem_free(joined);
}

static void files(void **state) {
  (void)state;
  char dir[] = "/tmp/sluice-path-XXXXXX";
  sl_err err = {0};
  char *text = NULL;
  size_t len = 0;
  assert_non_null(mkdtemp(dir));
  char *deep = sl_path_join(dir, "a/b/c");
  char *file = sl_path_join(deep, "f.txt");
  assert_int_equal(sl_path_mkdirs_for(file, &err), 0);
  assert_true(sl_path_is_dir(deep));
  assert_int_equal(sl_path_mkdirs(deep, &err), 0);
  assert_int_equal(sl_path_write(file, "Việt", 6, 0640, &err), 0);
  struct stat st;
  assert_int_equal(stat(file, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0640);
  assert_int_equal(sl_path_write(file, "Nam", 3, 0644, &err), 0);
  assert_int_equal(sl_path_read(file, 3, &text, &len, &err), 0);
  assert_int_equal(len, 3);
  assert_string_equal(text, "Nam");
  sl_mem_free(text);
  assert_int_equal(sl_path_read(file, 2, &text, &len, &err), SL_ELIMIT);
  assert_int_equal(sl_path_read(deep, 0, &text, &len, &err), SL_EINVAL);
  assert_int_equal(sl_path_mkdirs(file, &err), SL_ENOTFOUND); /* a file stands where a folder should */
  char *below = sl_path_join(file, "x");
  assert_int_equal(sl_path_mkdirs(below, &err), SL_ENOTFOUND);
  assert_int_equal(sl_path_write(below, "x", 1, 0644, &err), SL_ENOTFOUND);
  assert_int_equal(sl_path_read(below, 0, &text, &len, &err), SL_ENOTFOUND);
  assert_non_null(strstr(err.message, below));
  char *huge = sl_mem_calloc(1, 300000);
  memset(huge, 'x', 300000);
  assert_int_equal(sl_path_write(file, huge, 300000, 0644, &err), 0);
  assert_int_equal(sl_path_read(file, 0, &text, &len, &err), 0);
  assert_int_equal(len, 300000);
  assert_memory_equal(text, huge, 300000);
  sl_mem_free(text);
  sl_mem_free(huge);
  assert_int_equal(sl_path_read("/proc/self/status", 0, &text, &len, &err), 0); /* no size beforehand */
  assert_true(len > 100);
  sl_mem_free(text);
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", dir);
  assert_int_equal(system(command), 0);
  assert_false(sl_path_exists(file));
  sl_mem_free(below);
  sl_mem_free(file);
  sl_mem_free(deep);
}

static void times(void **state) {
  (void)state;
  char buf[40];
  int64_t t = 0;
  assert_string_equal(sl_time_iso(0, 0, buf, sizeof buf), "1970-01-01T00:00:00Z");
  assert_string_equal(sl_time_iso(-1, 9, buf, sizeof buf), "1969-12-31T23:59:59.999999999Z");
  assert_int_equal(sl_time_parse("2025-08-21T07:05:09.5+07:00", &t), 0);
  assert_string_equal(sl_time_iso(t, 3, buf, sizeof buf), "2025-08-21T00:05:09.500Z");
  assert_int_equal(sl_time_parse("2025-08-21", &t), 0);
  assert_string_equal(sl_time_iso(t, 0, buf, sizeof buf), "2025-08-21T00:00:00Z");
  assert_int_equal(sl_time_parse("2024-02-29 23:59", &t), 0);
  assert_string_equal(sl_time_iso(t, 0, buf, sizeof buf), "2024-02-29T23:59:00Z");
  static const char *const bad[] = {"",
                                    "2025",
                                    "2025-13-01",
                                    "2025-02-29",
                                    "2025-08-21T",
                                    "2025-08-21T24:00",
                                    "2025-08-21x",
                                    "2025-08-21T07:05:09+7",
                                    "21/08/2025",
                                    "2025-08-21T07:05:09.Z",
                                    "0001-01-01"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    if (sl_time_parse(bad[i], &t) != SL_EPARSE) fail_msg("%s was taken", bad[i]);
  }
  int month_now = 0;
  for (int64_t day = -200000; day < 200000; day += 17) {
    int64_t year;
    int mday;
    sl_time_date(day, &year, &month_now, &mday);
    assert_int_equal(sl_time_days(year, month_now, mday), day);
  }
  int64_t a = sl_time_mono();
  assert_true(sl_time_mono() >= a);
  assert_true(sl_time_wall() > 1700000000 * SL_TIME_S);
  assert_true(sl_time_cpu() > 0);
}

static atomic_int ran;

static void in_thread(void *arg) {
  assert_int_equal(sl_thread_role(), SL_ROLE_LANE);
  assert_true(sl_thread_id() != *(uint32_t *)arg);
  sl_thread_assert(1u << SL_ROLE_LANE, __FILE__, __LINE__, __func__);
  atomic_fetch_add(&ran, 1);
}

static void threads(void **state) {
  (void)state;
  sl_thread *t = NULL;
  uint32_t id = sl_thread_id();
  assert_int_equal(sl_thread_id(), id);
  assert_int_equal(sl_thread_role(), SL_ROLE_NONE);
  SL_ASSERT_LOOP(); /* a thread without a role may do everything */
  SL_ASSERT_LANE();
  assert_int_equal(sl_thread_start("a name longer than the kernel takes", SL_ROLE_LANE, in_thread, &id, &t), 0);
  sl_thread_join(t);
  sl_thread_join(NULL);
  assert_int_equal(atomic_load(&ran), 1);
  assert_true(sl_thread_cpus() >= 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parts), cmocka_unit_test(absolute), cmocka_unit_test(files),
      cmocka_unit_test(times), cmocka_unit_test(threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
