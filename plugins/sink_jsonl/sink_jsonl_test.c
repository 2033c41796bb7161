/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sink_jsonl: whole lines whatever happens, locks, rotation, replacing, offsets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <sluice/harness.h>

#include "../common/testdir.h"
#include "offsets.h"

static testdir dir;

static int make_dir(void **state) {
  (void)state;
  dir = testdir_new();
  return 0;
}

static int drop_dir(void **state) {
  (void)state;
  testdir_free(&dir);
  return 0;
}

/* A stage that writes to `name` in the test's folder; more: further parameters, each with a comma before it. */
static sl_harness *stage(const char *name, const char *more) {
  return sl_harness_new(sluice_plugin()->types[0], testdir_text("{ path: \"%s\"%s }", testdir_path(&dir, name), more));
}

static sl_harness *begin(const char *name, const char *more) {
  sl_harness *h = stage(name, more);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) print_message("%s %s\n", sl_harness_last(h).message, sl_harness_last(h).detail);
  assert_int_equal(rc, 0);
  return h;
}

static void end(sl_harness *h) {
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  sl_harness_stop(h);
  sl_harness_free(h);
}

static void holds(const char *name, const char *expected) {
  char *found = testdir_read(&dir, name, NULL);
  assert_non_null(found);
  assert_string_equal(found, expected);
  free(found);
}

static void appends_lines(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    sl_harness *h = begin("a/b/out.jsonl", "");
    sl_doc *docs[] = {sl_harness_doc(h, "{\"n\":1,\"t\":\"dòng\\nmới\"}"),
                      sl_harness_doc(h, "{\"n\":12345678901234567890}")};
    assert_int_equal(sl_harness_write(h, docs, 2, NULL), 0);
    end(h);
  }
  holds("a/b/out.jsonl", "{\"n\":1,\"t\":\"dòng\\nmới\"}\n{\"n\":12345678901234567890}\n"
                         "{\"n\":1,\"t\":\"dòng\\nmới\"}\n{\"n\":12345678901234567890}\n");
}

static void replaces_at_the_end_only(void **state) {
  (void)state;
  testdir_write(&dir, "out.jsonl", "old\n");
  sl_harness *h = begin("out.jsonl", ", mode: replace");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  holds("out.jsonl", "old\n");
  end(h);
  holds("out.jsonl", "{\"n\":1}\n");
  assert_false(testdir_has(&dir, "out.jsonl.part"));
}

static void a_broken_run_replaces_nothing(void **state) {
  (void)state;
  testdir_write(&dir, "out.jsonl", "old\n");
  sl_harness *h = begin("out.jsonl", ", mode: replace");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  sl_harness_stop(h);
  assert_non_null(strstr(sl_harness_log(h), "left as it was"));
  sl_harness_free(h);
  holds("out.jsonl", "old\n");
  assert_false(testdir_has(&dir, "out.jsonl.part"));
}

static void starts_again_after_stop(void **state) {
  (void)state;
  sl_harness *h = begin("out.jsonl", "");
  sl_harness_push_json(h, "{\"n\":1}");
  sl_harness_stop(h);
  assert_int_equal(sl_harness_start(h), 0);
  sl_harness_push_json(h, "{\"n\":2}");
  end(h);
  holds("out.jsonl", "{\"n\":1}\n{\"n\":2}\n");
}

static void two_writers_are_an_error(void **state) {
  (void)state;
  const char *const modes[] = {"", ", mode: replace"};
  testdir_write(&dir, "out.jsonl", "");
  for (int i = 0; i < 4; i++) {
    sl_harness *first = begin("out.jsonl", modes[i & 1]), *second = stage("out.jsonl", modes[i >> 1]);
    assert_int_equal(sl_harness_start(second), SL_EEXIST);
    assert_non_null(strstr(sl_harness_last(second).message, "another process"));
    sl_harness_free(second);
    sl_harness_free(first);
  }
}

static void a_torn_line_is_refused_cut_or_ended(void **state) {
  (void)state;
  testdir_write(&dir, "out.jsonl", "{\"n\":1}\n{\"n\":");
  sl_harness *h = stage("out.jsonl", "");
  assert_int_equal(sl_harness_start(h), SL_ESTATE);
  assert_non_null(strstr(sl_harness_last(h).hint, "torn: cut"));
  sl_harness_free(h);
  holds("out.jsonl", "{\"n\":1}\n{\"n\":");
  h = begin("out.jsonl", ", torn: end");
  sl_harness_push_json(h, "{\"n\":2}");
  end(h);
  holds("out.jsonl", "{\"n\":1}\n{\"n\":\n{\"n\":2}\n");
  testdir_write(&dir, "out.jsonl", "{\"n\":1}\n{\"n\":");
  h = begin("out.jsonl", ", torn: cut");
  sl_harness_push_json(h, "{\"n\":2}");
  end(h);
  holds("out.jsonl", "{\"n\":1}\n{\"n\":2}\n");
  testdir_write(&dir, "out.jsonl", "torn from the start");
  end(begin("out.jsonl", ", torn: cut"));
  holds("out.jsonl", "");
}

/* The file may grow to `limit` bytes in a child process: what is there afterwards must be whole lines. */
static int with_file_limit(rlim_t limit, const char *name) {
  pid_t child = fork();
  if (child == 0) {
    struct rlimit r = {limit, limit};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &r);
    sl_harness *h = stage(name, "");
    if (sl_harness_start(h) != 0) _exit(100);
    int stored = 0;
    for (int i = 0; i < 50; i++) {
      int32_t verdicts[3];
      sl_doc *docs[3];
      for (int k = 0; k < 3; k++) docs[k] = sl_harness_doc(h, testdir_text("{\"batch\":%d,\"line\":%d}", i, k));
      if (sl_harness_write(h, docs, 3, verdicts) != 0) _exit(101);
      for (int k = 0; k < 3; k++) {
        if (verdicts[k] != verdicts[0] || (verdicts[k] != SL_V_OK && verdicts[k] != SL_V_RETRY)) _exit(102);
        stored += verdicts[k] == SL_V_OK;
      }
      if (verdicts[0] == SL_V_RETRY && sl_harness_last(h).code != SL_EIO) _exit(103);
    }
    _exit(stored);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_full_disk_tears_no_line(void **state) {
  (void)state;
  for (rlim_t limit = 1; limit < 400; limit += 13) {
    size_t len = 0;
    int lines = 0, stored = with_file_limit(limit, "out.jsonl");
    char *data = testdir_read(&dir, "out.jsonl", &len);
    assert_non_null(data);
    for (size_t i = 0; i < len; i++) lines += data[i] == '\n';
    assert_int_equal(lines, stored);
    assert_true(len == 0 || data[len - 1] == '\n');
    assert_true(len <= limit);
    free(data);
    unlink(testdir_path(&dir, "out.jsonl"));
  }
}

static void a_full_device_is_retried(void **state) {
  (void)state;
  if (access("/dev/full", W_OK) != 0) skip();
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ path: /dev/full }");
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_push_json(h, "{}"), SL_V_RETRY);
  assert_non_null(strstr(sl_harness_last(h).hint, "free some space"));
  sl_harness_free(h);
}

static void rotates_by_size(void **state) {
  (void)state;
  testdir_write(&dir, "out.4.jsonl", "older\n");
  sl_harness *h = begin("out.jsonl", ", rotate: 40");
  for (int i = 0; i < 9; i++) assert_int_equal(sl_harness_push_json(h, testdir_text("{\"number\":%d}", i)), SL_V_OK);
  end(h);
  holds("out.4.jsonl", "older\n");
  holds("out.5.jsonl", "{\"number\":0}\n{\"number\":1}\n{\"number\":2}\n");
  holds("out.6.jsonl", "{\"number\":3}\n{\"number\":4}\n{\"number\":5}\n");
  holds("out.jsonl", "{\"number\":6}\n{\"number\":7}\n{\"number\":8}\n");
  h = begin("big.jsonl", ", rotate: 30");
  sl_doc *docs[6];
  for (int i = 0; i < 6; i++) docs[i] = sl_harness_doc(h, testdir_text("{\"number\":%d}", i));
  assert_int_equal(sl_harness_write(h, docs, 6, NULL), 0);
  end(h);
  holds("big.1.jsonl", "{\"number\":0}\n{\"number\":1}\n");
  holds("big.2.jsonl", "{\"number\":2}\n{\"number\":3}\n");
  holds("big.jsonl", "{\"number\":4}\n{\"number\":5}\n");
}

static void a_line_above_the_rotation_stands_alone(void **state) {
  (void)state;
  sl_harness *h = begin("out.jsonl", ", rotate: 10");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"longer than that\"}"), SL_V_OK);
  assert_int_equal(sl_harness_push_json(h, "{}"), SL_V_OK);
  end(h);
  holds("out.1.jsonl", "{\"text\":\"longer than that\"}\n");
  holds("out.jsonl", "{}\n");
}

static void survives_log_rotation_by_others(void **state) {
  (void)state;
  sl_harness *h = begin("out.jsonl", "");
  sl_harness_push_json(h, "{\"n\":1}");
  char moved[512];
  snprintf(moved, sizeof moved, "%s", testdir_path(&dir, "moved"));
  assert_int_equal(rename(testdir_path(&dir, "out.jsonl"), moved), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  assert_int_equal(truncate(testdir_path(&dir, "out.jsonl"), 0), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":3}"), SL_V_OK);
  end(h);
  holds("moved", "{\"n\":1}\n");
  holds("out.jsonl", "{\"n\":3}\n");
}

static void a_large_batch_is_written_in_pieces(void **state) {
  (void)state;
  sl_harness *h = begin("out.jsonl", "");
  char *text = malloc(1 << 20);
  memset(text, 'x', 1 << 20);
  memcpy(text, "{\"t\":\"", 6);
  memcpy(text + (1 << 20) - 3, "\"}", 3);
  sl_doc *docs[10];
  int32_t verdicts[10];
  for (int i = 0; i < 10; i++) docs[i] = sl_harness_doc(h, text);
  assert_int_equal(sl_harness_write(h, docs, 10, verdicts), 0);
  end(h);
  size_t len = 0;
  char *data = testdir_read(&dir, "out.jsonl", &len);
  assert_int_equal(len, 10 << 20);
  for (size_t i = 1; i <= 10; i++) assert_int_equal(data[i * (1 << 20) - 1], '\n');
  free(data);
  free(text);
}

static void refuses_what_cannot_be(void **state) {
  (void)state;
  sl_harness *h = stage("out.jsonl", ", mode: replace, rotate: 10");
  assert_int_equal(sl_harness_create(h), SL_EINVAL);
  sl_harness_free(h);
  testdir_write(&dir, "file", "x\n");
  h = stage("file/out.jsonl", "");
  assert_int_equal(sl_harness_start(h), SL_EIO);
  sl_harness_free(h);
  testdir_mkdir(&dir, "folder");
  h = stage("folder", "");
  assert_int_not_equal(sl_harness_start(h), 0);
  assert_non_null(strstr(sl_harness_last(h).hint, "folder"));
  sl_harness_free(h);
}

static void converts(const char *body, int unit, const char *expected) {
  cJSON *tree = cJSON_Parse(body);
  jsonl_buf b = {0};
  assert_non_null(tree);
  assert_int_equal(jsonl_print_offsets(&b, tree, unit), 0);
  assert_int_equal(jsonl_put(&b, "", 1), 0);
  assert_string_equal(b.data, expected);
  free(b.data);
  cJSON_Delete(tree);
}

static void converts_offsets(void **state) {
  (void)state;
  /* "Tô Lâm 😀 nói" takes 4+1+4... bytes: T1 ô2 sp1 L1 â2 m1 sp1 😀4 sp1 n1 ó2 i1 */
  converts("{\"text\":\"Tô Lâm 😀 nói\",\"entities\":[{\"start\":0,\"end\":8},{\"start\":14,\"end\":18}]}",
           OFFSETS_CODEPOINTS,
           "{\"text\":\"Tô Lâm 😀 nói\",\"entities\":[{\"start\":0,\"end\":6},{\"start\":9,\"end\":12}]}");
  converts("{\"text\":\"Tô Lâm 😀 nói\",\"entities\":[{\"start\":0,\"end\":8},{\"start\":14,\"end\":18}]}",
           OFFSETS_UTF16,
           "{\"text\":\"Tô Lâm 😀 nói\",\"entities\":[{\"start\":0,\"end\":6},{\"start\":10,\"end\":13}]}");
  converts(
      "{\"text\":\"ôôôô\",\"paragraphs\":[[0,4],[4,8]],\"sentences\":[{\"start\":2,\"end\":8,\"tokens\":[2,4,6,8]}],"
      "\"summary\":{\"sentences\":[0,4,7]}}",
      OFFSETS_CODEPOINTS,
      "{\"text\":\"ôôôô\",\"paragraphs\":[[0,2],[2,4]],\"sentences\":[{\"start\":1,\"end\":4,\"tokens\":[1,2,3,4]}],"
      "\"summary\":{\"sentences\":[0,4,7]}}");
  converts("{\"text\":\"ôô\",\"start\":2,\"end\":4,\"x\":{\"start\":2020,\"end\":2021},\"y\":{\"start\":2},\"z\":1e3,"
           "\"w\":0.1}",
           OFFSETS_CODEPOINTS,
           "{\"text\":\"ôô\",\"start\":2,\"end\":4,\"x\":{\"start\":2020,\"end\":2021},\"y\":{\"start\":2},\"z\":1000,"
           "\"w\":0.1}");
  converts("{\"a\":\"\\u0001\\\"\\\\\\n\",\"b\":[],\"c\":{},\"d\":null,\"e\":true}", OFFSETS_UTF16,
           "{\"a\":\"\\u0001\\\"\\\\\\n\",\"b\":[],\"c\":{},\"d\":null,\"e\":true}");
}

static void long_texts_convert(void **state) {
  (void)state;
  char *text = calloc(1, 3000);
  for (int i = 0; i < 999; i++) memcpy(text + 3 * i, "ế", 3);
  for (int i = 0; i <= 999; i += 37) {
    const char *format = "{\"text\":\"%s\",\"e\":[{\"start\":%d,\"end\":%d}]}";
    char *in = malloc(4096), *out = malloc(4096);
    snprintf(in, 4096, format, text, 3 * i, 3 * 999);
    snprintf(out, 4096, format, text, i, 999);
    converts(in, OFFSETS_CODEPOINTS, out);
    free(in);
    free(out);
  }
  free(text);
}

static void writes_offsets_of_the_unit(void **state) {
  (void)state;
  sl_harness *h = begin("out.jsonl", ", offsets: codepoints");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"ôô\",\"e\":{\"start\":2,\"end\":4},\"n\":9007199254740993}"),
                   SL_V_OK);
  end(h);
  holds("out.jsonl", "{\"text\":\"ôô\",\"e\":{\"start\":1,\"end\":2},\"n\":9007199254740993}\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(appends_lines),
      TEST(replaces_at_the_end_only),
      TEST(a_broken_run_replaces_nothing),
      TEST(starts_again_after_stop),
      TEST(two_writers_are_an_error),
      TEST(a_torn_line_is_refused_cut_or_ended),
      TEST(a_full_disk_tears_no_line),
      TEST(a_full_device_is_retried),
      TEST(rotates_by_size),
      TEST(a_line_above_the_rotation_stands_alone),
      TEST(survives_log_rotation_by_others),
      TEST(a_large_batch_is_written_in_pieces),
      TEST(refuses_what_cannot_be),
      TEST(converts_offsets),
      TEST(long_texts_convert),
      TEST(writes_offsets_of_the_unit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
