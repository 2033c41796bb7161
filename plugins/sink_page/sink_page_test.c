/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sink_page: what the page holds, that nothing in an article gets out of its element, and the files under
 * kills. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../common/directive.h"
#include "../common/testcrash.h"
#include "block.h"

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
                        testdir_text("{ path: \"%s\"%s }", testdir_path(&dir, "out/register.html"), more));
}

static sl_harness *begin(const char *more) {
  sl_harness *h = stage(more);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) print_message("%s: %s %s\n", more, sl_harness_last(h).message, sl_harness_last(h).detail);
  assert_int_equal(rc, 0);
  return h;
}

static int32_t put(sl_harness *h, const char *uri, const char *body) {
  return sl_harness_push(h, sl_harness_set_origin(h, sl_harness_doc(h, body), uri, NULL, NULL));
}

static void end(sl_harness *h) {
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  sl_harness_free(h);
}

static char *page(void) { return testdir_read(&dir, "out/register.html", NULL); }

static size_t count(const char *text, const char *word) {
  size_t n = 0;
  for (const char *p = text; p && (p = strstr(p, word)); p += strlen(word)) n++;
  return n;
}

static void has(const char *text, const char *word, size_t times) {
  size_t n = count(text, word);
  if (n != times) print_message("expected %zu times, found %zu times: %s\n", times, n, word);
  assert_int_equal(n, times);
}

static const char article[] =
    "{\"id\":\"bai-1\",\"title\":\"Chỉ đạo\",\"published\":\"2025-08-21\",\"text\":\"😀 Ông Chiến giao Sở Y tế báo "
    "cáo.\","
    "\"entities\":[{\"id\":\"e1\",\"type\":\"PERSON\",\"text\":\"Chiến\",\"norm\":\"Hà Văn Chiến\"},"
    "{\"id\":\"e2\",\"type\":\"ROLE\",\"text\":\"Bí thư\",\"person\":\"e1\"},"
    "{\"id\":\"e3\",\"type\":\"ORG\",\"text\":\"Sở Y tế\"}],"
    "\"directives\":[{\"speaker\":\"e1\",\"verb\":\"giao\",\"start\":18,\"end\":22,\"strength\":\"assign\","
    "\"addressees\":[\"e3\"],"
    "\"content\":{\"text\":\"báo cáo\",\"start\":35,\"end\":44},"
    "\"deadline\":{\"text\":\"trong tháng 9\",\"norm\":\"2025-09\"},\"inherited_speaker\":true}]}";

static void shows_directives_with_their_places(void **state) {
  (void)state;
  sl_harness *h = begin(", title: 'Sổ <chỉ đạo>'");
  assert_int_equal(put(h, "file:///a.txt", article), SL_V_OK);
  end(h);
  char *p = page();
  assert_non_null(p);
  has(p, "{\"title\":\"Sổ \\u003cchỉ đạo\\u003e\",\"language\":\"en\"}", 1);
  has(p, "\"key\":\"file:///a.txt\",\"id\":\"bai-1\",\"title\":\"Chỉ đạo\",\"date\":\"2025-08-21\"", 1);
  has(p,
      "\"v\":\"giao\",\"c\":\"báo cáo\",\"w\":\"Hà Văn Chiến\",\"r\":\"Bí thư\",\"s\":\"assign\",\"t\":[\"Sở Y tế\"]",
      1);
  has(p, "\"d\":\"trong tháng 9\",\"n\":\"2025-09\",\"due\":\"2025-09-30\"", 1);
  /* The pair of surrogates of 😀 counts two, each letter one. */
  has(p, "\"b\":[35,44],\"u\":[26,33],\"y\":[13,17],\"i\":1", 1);
  has(p, "class=\"t\">\"😀 Ông Chiến giao Sở Y tế báo cáo.\"</script>", 1);
  free(p);
  assert_false(testdir_has(&dir, "out/register.html.part"));
  assert_false(testdir_has(&dir, "out/register.html.tmp"));
}

static void nothing_gets_out_of_its_element(void **state) {
  (void)state;
  static const char *const evil[] = {"</script><script>alert(1)</script>", "<!--<script>",
                                     "]]>&lt;img src=x onerror=alert(1)>", "\\u2028\\u2029",
                                     "<!-- sluice-page end -->\\n",        "\\\"</SCRIPT >\\u0001\\u007f"};
  sl_harness *h = begin("");
  char *blank = page();
  assert_null(blank);
  for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
    const char *e = evil[i];
    const char *body = testdir_text(
        "{\"id\":\"%s\",\"title\":\"%s\",\"text\":\"%s\",\"directives\":[{\"speaker\":\"%s\",\"verb\":\"%s\","
        "\"addressees\":[\"%s\"],\"content\":{\"text\":\"%s\"},\"deadline\":{\"text\":\"%s\"}}]}",
        e, e, e, e, e, e, e, e);
    assert_int_equal(put(h, testdir_text("file:///%zu%s", i, e), body), SL_V_OK);
  }
  end(h);
  char *p = page();
  has(p, "alert", 11 * 2);
  has(p, "<script>", 1);
  has(p, "</script>", 2 + 2 * 6);
  has(p, "<img", 0);
  has(p, "\xE2\x80\xA8", 0);
  has(p, "<!-- sluice-page end -->", 1);
  free(p);
  /* It is still a page that this stage reads. */
  h = begin("");
  end(h);
}

static void keeps_earlier_articles_and_replaces_revisions(void **state) {
  (void)state;
  sl_harness *h = begin("");
  assert_int_equal(put(h, "file:///a.txt", article), SL_V_OK);
  assert_int_equal(put(h, "file:///b.txt", "{\"id\":\"b\",\"text\":\"không có chỉ đạo\"}"), SL_V_OK);
  end(h);
  h = begin("");
  assert_int_equal(put(h, "file:///a.txt", "{\"id\":\"a2\"}"), SL_V_OK);
  end(h);
  char *p = page();
  has(p, "class=\"a\">", 2);
  has(p, "\"id\":\"a2\"", 1);
  has(p, "bai-1", 0);
  has(p, "không có chỉ đạo", 0);
  free(p);
  h = begin(", mode: replace");
  assert_int_equal(put(h, "file:///c.txt", "{\"id\":\"c\"}"), SL_V_OK);
  p = page();
  has(p, "\"id\":\"a2\"", 1);
  free(p);
  end(h);
  p = page();
  has(p, "class=\"a\">", 1);
  has(p, "\"id\":\"c\"", 1);
  free(p);
}

static void is_written_while_documents_come_in(void **state) {
  (void)state;
  sl_harness *h = begin(", refresh: 10s");
  assert_int_equal(put(h, "file:///a", "{}"), SL_V_OK);
  assert_false(testdir_has(&dir, "out/register.html"));
  sl_harness_advance(h, 10000000000);
  assert_int_equal(put(h, "file:///b", "{}"), SL_V_OK);
  char *p = page();
  has(p, "class=\"a\">", 2);
  free(p);
  assert_int_equal(put(h, "file:///c", "{}"), SL_V_OK);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_DRAIN), 0);
  p = page();
  has(p, "class=\"a\">", 3);
  free(p);
  sl_harness_free(h);
}

static void refused(const char *more, int32_t code, const char *word) {
  sl_harness *h = stage(more);
  assert_int_equal(sl_harness_start(h), code);
  sl_harness_error e = sl_harness_last(h);
  if (!strstr(e.message, word)) print_message("no \"%s\" in: %s\n", word, e.message);
  assert_non_null(strstr(e.message, word));
  assert_true(*e.hint);
  sl_harness_free(h);
}

static void refuses_what_is_not_its_own(void **state) {
  (void)state;
  testdir_mkdir(&dir, "out");
  testdir_write(&dir, "out/register.html", "<html>my diary</html>");
  refused("", SL_EEXIST, "something else");
  char *p = page();
  assert_string_equal(p, "<html>my diary</html>");
  free(p);
  unlink(testdir_path(&dir, "out/register.html"));
  sl_harness *h = begin("");
  refused("", SL_EEXIST, "another process");
  end(h);
}

static void bounds_the_page(void **state) {
  (void)state;
  char *body = malloc(80000);
  memset(body, 'a', 80000);
  memcpy(body, "{\"directives\":[{}],\"text\":\"", 27);
  memcpy(body + 79990, "\"}", 3);
  sl_harness *h = begin(", max_size: 64KiB");
  assert_int_equal(put(h, "file:///a", "{}"), SL_V_OK);
  assert_int_equal(put(h, "file:///b", body), SL_V_REJECT);
  assert_non_null(strstr(sl_harness_last(h).message, "max_size"));
  assert_int_equal(put(h, NULL, "{}"), SL_V_REJECT);
  end(h);
  char *p = page();
  has(p, "class=\"a\">", 1);
  free(p);
  free(body);
}

static void tells_the_last_day(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"2025-08-21", "2025-08-21"},
                                         {"2025-09", "2025-09-30"},
                                         {"2024-02", "2024-02-29"},
                                         {"2100-02", "2100-02-28"},
                                         {"2025-Q2", "2025-06-30"},
                                         {"2025", "2025-12-31"},
                                         {"2025/2030", "2030-12-31"},
                                         {"2025-06-20/2025-06-26", "2025-06-26"},
                                         {"2025-08-21T14:00", "2025-08-21"},
                                         {"XXXX-06-16", NULL},
                                         {"P6M", NULL},
                                         {"2025-13", NULL},
                                         {"2025-02-30", NULL},
                                         {"2025-Q5", NULL},
                                         {"", NULL},
                                         {"1/2/2025", NULL},
                                         {"0000", NULL},
                                         {"trước ngày 5", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char day[11] = "";
    int rc = directive_last_day(cases[i][0], day);
    if (rc != (cases[i][1] ? 0 : -1) || (rc == 0 && strcmp(day, cases[i][1]) != 0))
      print_message("%s: %d %s\n", cases[i][0], rc, day);
    assert_int_equal(rc, cases[i][1] ? 0 : -1);
    if (rc == 0) assert_string_equal(day, cases[i][1]);
  }
  char day[11];
  assert_int_equal(directive_last_day(NULL, day), -1);
}

static void broken_bytes_become_marks(void **state) {
  (void)state;
  page_buf b = {0};
  page_json(&b, "a\xC3(\xED\xA0\x80\xF5z\xE1\xBA");
  page_put(&b, "", 1);
  assert_string_equal(b.data, "\"a\\ufffd(\\ufffd\\ufffd\\ufffd\\ufffdz\\ufffd\\ufffd\"");
  free(b.data);
}

/* Killed at each of its steps, and at one more of the next run, the page ends with every document once. */
static void survives_kills(void **state) {
  (void)state;
  char params[1024];
  crash_plan plan = {sluice_plugin()->types[0], params, 2, 0, 0};
  for (int mode = 0; mode < 2; mode++)
    for (int at = 1, died = 1; died; at++)
      for (int again = 0; again < 6; again += 1 + at % 5) {
        testdir here = testdir_new();
        snprintf(params, sizeof params, "{ path: \"%s\", key: /n, mode: %s, refresh: 0s }",
                 testdir_path(&here, "p.html"), mode ? "replace" : "update");
        died = crash_twice(&plan, at, again);
        if (died < 0) print_message("mode %d, killed at step %d and %d\n", mode, at, again);
        assert_int_not_equal(died, -1);
        char *p = testdir_read(&here, "p.html", NULL);
        assert_non_null(p);
        for (int n = 0; n < CRASH_DOCS; n++) has(p, testdir_text("{\"key\":\"%d\"", n), 1);
        has(p, "class=\"a\">", CRASH_DOCS);
        free(p);
        testdir_free(&here);
      }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(shows_directives_with_their_places),
      TEST(nothing_gets_out_of_its_element),
      TEST(keeps_earlier_articles_and_replaces_revisions),
      TEST(is_written_while_documents_come_in),
      TEST(refuses_what_is_not_its_own),
      TEST(bounds_the_page),
      cmocka_unit_test(tells_the_last_day),
      cmocka_unit_test(broken_bytes_become_marks),
      cmocka_unit_test(survives_kills),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
