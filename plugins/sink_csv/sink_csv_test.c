/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sink_csv. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <sluice/harness.h>

#include "../common/testdir.h"
#include "table.h"

#define BOM "\xEF\xBB\xBF"

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

static sl_harness *stage(const char *more) {
  return sl_harness_new(sluice_plugin()->types[0],
                        testdir_text("{ path: \"%s\", %s }", testdir_path(&dir, "t.csv"), more));
}

static sl_harness *begin(const char *more) {
  sl_harness *h = stage(more);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) print_message("%s: %s %s\n", more, sl_harness_last(h).message, sl_harness_last(h).detail);
  assert_int_equal(rc, 0);
  return h;
}

static void end(sl_harness *h) {
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  sl_harness_stop(h);
  sl_harness_free(h);
}

static void holds(const char *expected) {
  char *found = testdir_read(&dir, "t.csv", NULL);
  assert_non_null(found);
  assert_string_equal(found, expected);
  free(found);
}

/* The rows that one document becomes, without headings. */
static void check(const char *more, const char *body, const char *expected) {
  sl_harness *h = begin(testdir_text("header: false, bom: false, newline: lf, mode: replace, %s", more));
  sl_doc *doc = sl_harness_set_origin(h, sl_harness_doc(h, body), "file:///tin/b%C3%A0i.txt", "byte=0-9", NULL);
  int32_t verdict = sl_harness_push(h, doc);
  assert_int_equal(verdict, SL_V_OK);
  end(h);
  holds(expected);
}

static void writes_headings_and_rows(void **state) {
  (void)state;
  const char *columns = "columns: { \"Tiêu đề\": /title, ngày: /published }";
  for (int i = 0; i < 2; i++) {
    sl_harness *h = begin(columns);
    sl_doc *docs[] = {sl_harness_doc(h, "{\"title\":\"Một, hai\",\"published\":\"2025-08-21\"}"),
                      sl_harness_doc(h, "{}")};
    assert_int_equal(sl_harness_write(h, docs, 2, NULL), 0);
    end(h);
  }
  holds(BOM "Tiêu đề,ngày\r\n\"Một, hai\",2025-08-21\r\n,\r\n\"Một, hai\",2025-08-21\r\n,\r\n");
}

static void quotes_as_rfc_4180_wants(void **state) {
  (void)state;
  check("columns: { a: /a, b: /b }", "{\"a\":\"x\\\"y\\\"\",\"b\":\"dòng\\r\\nhai\"}",
        "\"x\"\"y\"\"\",\"dòng\r\nhai\"\n");
  check("columns: { a: /a, b: /b }", "{\"a\":\" lead\",\"b\":\"trail \"}", "\" lead\",\"trail \"\n");
  check("columns: { a: /a, b: /b }, separator: \";\"", "{\"a\":\"x;y\",\"b\":\"x,y\"}", "\"x;y\";x,y\n");
  check("columns: { a: /a, b: /b }, separator: \"\\t\"", "{\"a\":\"x\\ty\",\"b\":1}", "\"x\ty\"\t1\n");
}

static void defuses_formulas(void **state) {
  (void)state;
  check("columns: { a: /a }", "{\"a\":\"=HYPERLINK(\\\"x\\\")\"}", "\"'=HYPERLINK(\"\"x\"\")\"\n");
  check("columns: { a: /a, b: /b, c: /c }", "{\"a\":\"+1\",\"b\":\"-1\",\"c\":\"@x\"}", "'+1,'-1,'@x\n");
  check("columns: { a: /a, b: /b }", "{\"a\":\"\\tx\",\"b\":\"\\rx\"}", "'\tx,\"'\rx\"\n");
  check("columns: { a: /a, b: /b }", "{\"a\":-1,\"b\":[\"=a\",\"b\"]}", "-1,'=a; b\n");
  check("columns: { a: /a }, escape: false", "{\"a\":\"=1\"}", "=1\n");
}

static void writes_every_type(void **state) {
  (void)state;
  check("columns: { a: /a, b: /b, c: /c, d: /d, e: /e }",
        "{\"a\":9007199254740993,\"b\":0.1,\"c\":true,\"d\":null,\"e\":{\"x\":[1,\"y\"]}}",
        "9007199254740993,0.1,true,,\"{\"\"x\"\":[1,\"\"y\"\"]}\"\n");
  check("columns: { a: /a }, join: \"|\"", "{\"a\":[1,\"x\",null,[2,3]]}", "\"1|x||[2,3]\"\n");
  check("columns: { k: \"@key\", u: \"@uri\", i: \"@index\" }", "{}",
        "file:///tin/b%C3%A0i.txt#byte=0-9,file:///tin/b%C3%A0i.txt,1\n");
}

static void writes_a_row_for_each_item(void **state) {
  (void)state;
  static const char body[] =
      "{\"id\":\"bài\",\"entities\":[{\"id\":\"e1\",\"norm\":\"Tô Lâm\"},{\"id\":\"e2\",\"text\":\"Hà Nội\"}],"
      "\"directives\":[{\"speaker\":\"e1\",\"addressees\":[\"e2\",\"e9\"],\"content\":{\"text\":\"làm\"}},{\"speaker\":"
      "\"e9\"}]}";
  check("each: /directives, columns: { n: \"@index\", id: \"doc:/id\", ai: \"name:/speaker\", cho: "
        "\"name:/addressees\", gì: /content/text }",
        body, "1,bài,Tô Lâm,Hà Nội; e9,làm\n2,bài,e9,,\n");
  check("each: /nothing, columns: { a: /a }", body, "");
  check("each: /entities, columns: { d: \"doc:name:/directives/0/speaker\" }", body, "Tô Lâm\nTô Lâm\n");
}

static void a_wrong_list_rejects_one_document(void **state) {
  (void)state;
  sl_harness *h = begin("each: /list, columns: { a: /a }, header: false, bom: false, newline: lf");
  sl_doc *docs[] = {sl_harness_doc(h, "{\"list\":[{\"a\":1}]}"), sl_harness_doc(h, "{\"list\":{\"a\":2}}"),
                    sl_harness_doc(h, "{\"list\":[{\"a\":3}]}")};
  int32_t verdicts[3];
  assert_int_equal(sl_harness_write(h, docs, 3, verdicts), 0);
  assert_int_equal(verdicts[0], SL_V_OK);
  assert_int_equal(verdicts[1], SL_V_REJECT);
  assert_int_equal(verdicts[2], SL_V_OK);
  assert_non_null(strstr(sl_harness_error_of(h, docs[1]).message, "expected a list"));
  end(h);
  holds("1\n3\n");
}

static void other_headings_are_refused(void **state) {
  (void)state;
  end(begin("columns: { a: /a }"));
  sl_harness *h = stage("columns: { a: /a, b: /b }");
  assert_int_equal(sl_harness_start(h), SL_ESTATE);
  assert_non_null(strstr(sl_harness_last(h).message, "headings"));
  sl_harness_free(h);
  end(begin("columns: { a: /a, b: /b }, mode: replace"));
  holds(BOM "a,b\r\n");
}

static void a_torn_row_is_refused(void **state) {
  (void)state;
  testdir_write(&dir, "t.csv", "a\r\n\"half");
  sl_harness *h = stage("columns: { a: /a }");
  assert_int_equal(sl_harness_start(h), SL_ESTATE);
  sl_harness_free(h);
}

static void a_full_disk_tears_no_row(void **state) {
  (void)state;
  for (rlim_t limit = 10; limit < 200; limit += 17) {
    pid_t child = fork();
    if (child == 0) {
      struct rlimit r = {limit, limit};
      signal(SIGXFSZ, SIG_IGN);
      setrlimit(RLIMIT_FSIZE, &r);
      sl_harness *h = stage("columns: { a: /a }, bom: false");
      if (sl_harness_start(h) != 0) _exit(100);
      int stored = 0;
      for (int i = 0; i < 30; i++) stored += sl_harness_push_json(h, "{\"a\":\"hàng, một\"}") == SL_V_OK;
      _exit(stored);
    }
    int status = 0, rows = 0;
    size_t len = 0;
    waitpid(child, &status, 0);
    char *data = testdir_read(&dir, "t.csv", &len);
    for (size_t i = 0; i < len; i++) rows += data[i] == '\n';
    assert_true(WIFEXITED(status));
    assert_int_equal(rows - 1, WEXITSTATUS(status));
    assert_int_equal(data[len - 1], '\n');
    free(data);
    unlink(testdir_path(&dir, "t.csv"));
  }
}

static void refuses_bad_parameters(void **state) {
  (void)state;
  const char *const bad[] = {"columns: { a: title }",
                             "columns: { a: \"@nothing\" }",
                             "columns: { a: /a }, separator: \"ab\"",
                             "columns: { a: /a }, separator: \"\\\"\"",
                             "columns: {}",
                             "columns: { a: [1] }"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sl_harness *h = stage(bad[i]);
    int32_t rc = sl_harness_create(h);
    if (rc == 0) print_message("%s was accepted\n", bad[i]);
    assert_int_not_equal(rc, 0);
    sl_harness_free(h);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(writes_headings_and_rows),   TEST(quotes_as_rfc_4180_wants),   TEST(defuses_formulas),
      TEST(writes_every_type),          TEST(writes_a_row_for_each_item), TEST(a_wrong_list_rejects_one_document),
      TEST(other_headings_are_refused), TEST(a_torn_row_is_refused),      TEST(a_full_disk_tears_no_row),
      TEST(refuses_bad_parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
