/* SPDX-License-Identifier: Apache-2.0 */
/* How errors are shown: carets, widths, colours, masks, JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/diag.h"
#include "doc/codec.h"

static void shows(sl_diags *d, int colour, const char *want) {
  sl_buf buf = {0};
  assert_int_equal(sl_diags_print(d, &buf, colour), 0);
  assert_string_equal(buf.data, want);
  sl_buf_done(&buf);
  sl_diags_free(d);
}

static const char *source(sl_diags *d, const char *text) { return sl_diags_source(d, "f.yaml", text, strlen(text)); }

static void the_caret_stands_under_the_character(void **state) {
  (void)state;
  sl_diags *d = sl_diags_new();
  const char *f = source(d, "\ta: b\nĐường: x\nĐươ\xcc\x80ng: x\n漢字: x\n");
  sl_diags_error(d, (sl_pos){f, 1, 5}, SL_EINVAL, "tab");
  sl_diags_error(d, (sl_pos){f, 2, 8}, SL_EINVAL, "composed");
  sl_diags_error(d, (sl_pos){f, 3, 9}, SL_EINVAL, "combining mark");
  sl_diags_error(d, (sl_pos){f, 4, 5}, SL_EINVAL, "wide");
  shows(d, 0,
        "f.yaml:1:5: error: tab\n    \ta: b\n    \t   ^\n"
        "f.yaml:2:8: error: composed\n    Đường: x\n           ^\n"
        "f.yaml:3:9: error: combining mark\n    Đươ\xcc\x80ng: x\n           ^\n"
        "f.yaml:4:5: error: wide\n    漢字: x\n          ^\n");
}

static void they_come_in_the_order_of_the_file(void **state) {
  (void)state;
  sl_diags *d = sl_diags_new();
  const char *f = source(d, "a\nb\n");
  sl_diags_error(d, (sl_pos){0}, SL_EIO, "no place");
  sl_diags_error(d, (sl_pos){f, 2, 1}, SL_EINVAL, "second");
  sl_diags_hint(d, "hint of the %s", "second");
  sl_diags_warn(d, (sl_pos){f, 1, 1}, "first");
  sl_diags_error(d, (sl_pos){f, 2, 1}, SL_EINVAL, "second");
  sl_diags_hint(d, "a hint to nothing: the message is there already");
  sl_diags_error(d, (sl_pos){f, 0, 0}, SL_EINVAL, "the file");
  assert_int_equal(sl_diags_errors(d), 3);
  assert_int_equal(sl_diags_warnings(d), 1);
  assert_int_equal(sl_diags_code(d), SL_EIO);
  shows(d, 0,
        "f.yaml: error: the file\n"
        "f.yaml:1:1: warning: first\n    a\n    ^\n"
        "f.yaml:2:1: error: second\n    b\n    ^\n  hint: hint of the second\n"
        "error: no place\n");
}

static void colours(void **state) {
  (void)state;
  sl_diags *d = sl_diags_new();
  const char *f = source(d, "ab");
  sl_diags_error(d, (sl_pos){f, 1, 2}, SL_EINVAL, "m");
  sl_diags_hint(d, "h");
  shows(d, 1,
        "\x1b[1mf.yaml:1:2: \x1b[31merror: \x1b[0mm\n    ab\n     \x1b[1;32m^\x1b[0m\n"
        "  \x1b[1;36mhint:\x1b[0m h\n");
}

static void what_is_hidden_stays_hidden(void **state) {
  (void)state;
  sl_diags *d = sl_diags_new();
  const char *f = source(d, "k: sécret, l: x\nm: |\n  line one\n  two\nn: y\n");
  sl_diags_hide(d, (sl_pos){f, 1, 4}, 1, 10);
  sl_diags_hide(d, (sl_pos){f, 2, 4}, 5, 1);
  sl_diags_error(d, (sl_pos){f, 1, 15}, SL_EINVAL, "a");
  sl_diags_error(d, (sl_pos){f, 3, 3}, SL_EINVAL, "b");
  sl_diags_error(d, (sl_pos){f, 5, 1}, SL_EINVAL, "c");
  shows(d, 0,
        "f.yaml:1:15: error: a\n    k: ******, l: x\n                  ^\n"
        "f.yaml:3:3: error: b\n    **********\n      ^\n"
        "f.yaml:5:1: error: c\n    n: y\n    ^\n");
}

static void nothing_moves_the_cursor(void **state) {
  (void)state;
  sl_diags *d = sl_diags_new();
  const char *f = source(d, "a\x1b[2J\xff\xe2\x80\xae z");
  sl_diags_error(d, (sl_pos){f, 1, 9}, SL_EINVAL, "found \x1b[31m");
  shows(d, 0,
        "f.yaml:1:9: error: found \xef\xbf\xbd[31m\n    a\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd z\n            ^\n");
}

static void a_long_line_is_shown_around_the_caret(void **state) {
  (void)state;
  char text[1001];
  memset(text, 'x', 1000);
  text[1000] = 0;
  text[499] = '!';
  sl_diags *d = sl_diags_new();
  const char *f = source(d, text);
  sl_diags_error(d, (sl_pos){f, 1, 500}, SL_EINVAL, "m");
  sl_buf buf = {0};
  assert_int_equal(sl_diags_print(d, &buf, 0), 0);
  const char *line = strchr(buf.data, '\n') + 1, *caret = strchr(line, '\n') + 1;
  const char *mark = strchr(line, '!');
  assert_true(strlen(buf.data) < 400);
  /* The line begins with an ellipsis: one column, three bytes. */
  assert_int_equal(mark - line - 2, strchr(caret, '^') - caret);
  sl_buf_done(&buf);
  sl_diags_free(d);
}

static void many_are_counted_and_some_shown(void **state) {
  (void)state;
  sl_diags *d = sl_diags_new();
  for (int i = 0; i < 1200; i++) sl_diags_error(d, (sl_pos){0}, SL_EINVAL, "error %d", i);
  assert_int_equal(sl_diags_errors(d), 1200);
  sl_buf buf = {0};
  assert_int_equal(sl_diags_print(d, &buf, 0), 0);
  assert_non_null(strstr(buf.data, "200 more are not shown\n"));
  sl_buf_done(&buf);
  sl_diags_free(d);
}

static void as_json(void **state) {
  (void)state;
  sl_diags *d = sl_diags_new();
  const char *f = source(d, "ab");
  sl_err err;
  sl_err_set(&err, SL_ENOTFOUND, "gone");
  sl_err_hint(&err, "look");
  sl_diags_add(d, (sl_pos){f, 1, 2}, &err);
  sl_diags_warn(d, (sl_pos){0}, "w");
  cJSON *tree = NULL;
  char *text = NULL;
  size_t len;
  assert_int_equal(sl_diags_json(d, &tree, NULL), 0);
  assert_int_equal(sl_json_print(tree, &text, &len, NULL), 0);
  assert_string_equal(text, "[{\"severity\":\"error\",\"code\":\"not_found\",\"file\":\"f.yaml\",\"line\":1,\"col\":2,"
                            "\"message\":\"gone\",\"hint\":\"look\"},{\"severity\":\"warning\",\"message\":\"w\"}]");
  sl_mem_free(text);
  cJSON_Delete(tree);
  sl_diags_free(d);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_caret_stands_under_the_character),
      cmocka_unit_test(they_come_in_the_order_of_the_file),
      cmocka_unit_test(colours),
      cmocka_unit_test(what_is_hidden_stays_hidden),
      cmocka_unit_test(nothing_moves_the_cursor),
      cmocka_unit_test(a_long_line_is_shown_around_the_caret),
      cmocka_unit_test(many_are_counted_and_some_shown),
      cmocka_unit_test(as_json),
  };
  return cmocka_run_group_tests_name("conf/diag", tests, NULL, NULL);
}
