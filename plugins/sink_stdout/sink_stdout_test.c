/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sink_stdout: the view as text, and the stage through a redirected descriptor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <sluice/harness.h>

#include "../common/testdir.h"
#include "view.h"

static const char article[] =
    "{\"id\":\"bai-1\",\"title\":\"Tổng Bí thư làm việc với Hà Nội\",\"published\":\"2025-08-21\",\"lang\":\"vi\","
    "\"source\":{\"name\":\"bai-1.txt\"},\"text\":\"Toàn văn.\","
    "\"summary\":{\"text\":\"Tổng Bí thư Tô Lâm làm việc với Ban Thường vụ Thành ủy.\"},"
    "\"entities\":[{\"id\":\"e1\",\"type\":\"PERSON\",\"text\":\"Tô Lâm\",\"norm\":\"Tô Lâm\"},"
    "{\"id\":\"e2\",\"type\":\"ROLE\",\"text\":\"Tổng Bí thư\",\"norm\":\"Tổng Bí thư\",\"person\":\"e1\"},"
    "{\"id\":\"e3\",\"type\":\"ROLE\",\"text\":\"tổng bí thư\",\"norm\":\"Tổng Bí thư\",\"person\":\"e1\"},"
    "{\"id\":\"e4\",\"type\":\"PERSON\",\"text\":\"Tô Lâm\",\"norm\":\"Tô Lâm\"},"
    "{\"id\":\"e5\",\"type\":\"ORG\",\"text\":\"Thành ủy Hà Nội\"}],"
    "\"directives\":[{\"speaker\":\"e1\",\"verb\":\"yêu cầu\",\"addressees\":[\"e5\"],\"content\":{\"text\":\"làm "
    "ngay\"},"
    "\"deadline\":\"2025-09-01\"}]}";

static char *view(const char *body, int width, int color) {
  cJSON *tree = cJSON_Parse(body);
  view_buf b = {0};
  assert_non_null(tree);
  view_document(&b, tree, "file:///x", width, color);
  view_put(&b, "", 1);
  assert_int_equal(b.failed, 0);
  cJSON_Delete(tree);
  return b.data;
}

static void shows(const char *body, const char *expected) {
  char *found = view(body, 60, 0);
  if (!strstr(found, expected)) print_message("no \"%s\" in:\n%s\n", expected, found);
  assert_non_null(strstr(found, expected));
  free(found);
}

static void shows_an_article(void **state) {
  (void)state;
  shows(article, "\nTổng Bí thư làm việc với Hà Nội\n2025-08-21 · vi · bai-1 · bai-1.txt\n");
  shows(article, "\nTổng Bí thư Tô Lâm làm việc với Ban Thường vụ Thành ủy.\n");
  shows(article, "\nPeople\n  • Tô Lâm – Tổng Bí thư\n");
  shows(article, "\nDirectives\n  1. Tô Lâm yêu cầu Thành ủy Hà Nội — làm ngay (2025-09-01)\n");
  shows("{\"text\":\"x\",\"entities\":[{\"id\":\"a\",\"type\":\"ORG\",\"text\":\"Sở "
        "X\"},{\"id\":\"b\",\"type\":\"ORG\",\"text\":\"Tỉnh Y\"}],"
        "\"directives\":[{\"speaker\":\"b\",\"verb\":\"phải\",\"addressees\":[\"a\"],\"content\":{\"text\":\"phải "
        "làm\"}}]}",
        "\n  1. Tỉnh Y → Sở X — phải làm\n");
}

static void shows_whatever_is_there(void **state) {
  (void)state;
  shows("{\"text\":\"Chỉ có nội dung.\"}", "\nChỉ có nội dung.\n");
  shows("{\"lead\":\"Sapo\",\"text\":\"x\"}", "\nSapo\n");
  shows("{\"name\":\"Vu\",\"age\":12,\"on\":true,\"list\":[1]}", "\nname: Vu\nage: 12\non: true\n");
  shows("{}", "file:///x\n");
  shows("{\"title\":1,\"text\":2,\"entities\":{\"a\":1},\"directives\":\"x\",\"summary\":[]}", "file:///x\n");
  shows("{\"text\":\"x\",\"entities\":[1,null,{\"type\":5},{\"type\":\"PERSON\"}],\"directives\":[1,{}]}",
        "2. (không rõ)");
}

static void wraps_by_characters(void **state) {
  (void)state;
  char *found = view(article, 40, 0);
  int column = 0;
  for (const char *p = found; *p; p++) {
    if (*p == '\n')
      column = 0;
    else if (((unsigned char)*p & 0xC0) != 0x80)
      column++;
    assert_true(column <= 40);
  }
  free(found);
}

static void a_page_cannot_drive_the_terminal(void **state) {
  (void)state;
  char *found = view(
      "{\"title\":\"a\\u001b[31mb\\u0007\\u009b2Jc\\u202ed\",\"text\":\"x\\u001b]0;t\\u0007\",\"id\":\"\\u001bc\"}", 60,
      0);
  for (const char *p = found; *p; p++) assert_true((unsigned char)*p >= 0x20 || *p == '\n');
  assert_null(strstr(found, "\xC2\x9B"));
  assert_null(strstr(found, "\xE2\x80\xAE"));
  assert_non_null(strstr(found, "a[31mb2Jcd"));
  free(found);
}

static void colours_only_when_asked(void **state) {
  (void)state;
  char *plain = view(article, 60, 0), *colored = view(article, 60, 1);
  assert_null(strchr(plain, '\033'));
  assert_non_null(strstr(colored, "\033[1m"));
  free(plain);
  free(colored);
}

/* What the stage writes to standard output for two documents. */
static char *output_of(const char *params, testdir *dir) {
  fflush(stdout);
  int saved = dup(STDOUT_FILENO), file = open(testdir_path(dir, "out"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  dup2(file, STDOUT_FILENO);
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params);
  int32_t rc = sl_harness_start(h), verdicts[2] = {-1, -1};
  sl_doc *docs[] = {sl_harness_doc(h, "{\"title\":\"một\"}"), sl_harness_doc(h, "{\"title\":\"hai\"}")};
  if (rc == 0) rc = sl_harness_write(h, docs, 2, verdicts);
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(file);
  assert_int_equal(rc, 0);
  assert_int_equal(verdicts[0], SL_V_OK);
  assert_int_equal(verdicts[1], SL_V_OK);
  sl_harness_free(h);
  return testdir_read(dir, "out", NULL);
}

static void prints_json_and_views(void **state) {
  (void)state;
  testdir dir = testdir_new();
  char *json = output_of("{}", &dir), *text = output_of("{ format: view, width: 50 }", &dir);
  assert_string_equal(json, "{\"title\":\"một\"}\n{\"title\":\"hai\"}\n");
  assert_non_null(strstr(text, "\nmột\n"));
  assert_null(strchr(text, '\033'));
  free(json);
  free(text);
  testdir_free(&dir);
}

static void a_reader_that_ends_stops_the_run(void **state) {
  (void)state;
  pid_t child = fork();
  if (child == 0) {
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    if (pipe(ends) < 0) _exit(2);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{}");
    _exit(sl_harness_start(h) == 0 && sl_harness_push_json(h, "{}") == SL_V_FATAL ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shows_an_article),
      cmocka_unit_test(shows_whatever_is_there),
      cmocka_unit_test(wraps_by_characters),
      cmocka_unit_test(a_page_cannot_drive_the_terminal),
      cmocka_unit_test(colours_only_when_asked),
      cmocka_unit_test(prints_json_and_views),
      cmocka_unit_test(a_reader_that_ends_stops_the_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
