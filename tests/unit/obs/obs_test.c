/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, widths, wrapping, and the log with its limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "obs/log.h"
#include "obs/table.h"
#include "obs/term.h"

#include <sluice/plugin.h>

static char *text;
static size_t length;

static FILE *open_text(void) {
  FILE *f = open_memstream(&text, &length);
  assert_non_null(f);
  return f;
}

static void close_text(FILE *f) { assert_int_equal(fclose(f), 0); }

static void columns_of_text(void **state) {
  (void)state;
  assert_int_equal(sl_term_columns(""), 0);
  assert_int_equal(sl_term_columns("Tổng Bí thư"), 11);
  assert_int_equal(sl_term_columns("To\xCC\x82\xCC\x89ng"), 4); /* decomposed: o, circumflex, hook above */
  assert_int_equal(sl_term_columns("新聞"), 4);
  assert_int_equal(sl_term_columns("\xFF\xFE"), 2);
  assert_int_equal(sl_term_fit("Tổng Bí thư", 4), 6);
  assert_int_equal(sl_term_fit("新聞", 3), 3);
  assert_int_equal(sl_term_fit("abc", 80), 3);
}

static void a_file_is_no_terminal(void **state) {
  (void)state;
  FILE *f = tmpfile();
  assert_non_null(f);
  assert_int_equal(sl_term_is_tty(f), 0);
  assert_int_equal(sl_term_colors(f), 0);
  assert_int_equal(sl_term_width(f), 80);
  fclose(f);
  assert_string_equal(sl_term_style(0, SL_STYLE_RED), "");
  assert_string_equal(sl_term_style(1, SL_STYLE_BOLD), "\033[1m");
}

static void wraps_at_spaces(void **state) {
  (void)state;
  FILE *f = open_text();
  sl_term_wrap(f, "một hai ba bốn\nnăm\tsáu", 2, 10);
  close_text(f);
  assert_string_equal(text, "một hai\n  ba bốn\n  năm sáu\n");
  free(text);
}

static void a_table_is_aligned(void **state) {
  (void)state;
  static const char *const header[] = {"stage", "in", "note"};
  sl_table *t = sl_table_new("lrl", header);
  assert_non_null(t);
  sl_table_cell(t, "%s", "lọc");
  sl_table_cell(t, "%d", 1234);
  sl_table_cell(t, "x");
  sl_table_cell(t, "a-long-name");
  sl_table_cell(t, "%d", 5);
  sl_table_cell(t, "%s", "");
  FILE *f = open_text();
  sl_table_print(t, f, 2, 0, 0);
  close_text(f);
  assert_string_equal(text, "  stage          in  note\n  lọc          1234  x\n  a-long-name     5\n");
  free(text);
  sl_table_free(t);
}

static void a_line_cannot_be_forged(void **state) {
  (void)state;
  FILE *f = open_text();
  sl_logger *log = sl_logger_new(f, SL_LOG_LOGFMT, SL_LOG_INFO);
  sl_logger_line(log, SL_LOG_WARN, "clean", "a \"b\"\nlevel=error msg=\\x");
  sl_logger_line(log, SL_LOG_DEBUG, "clean", "below the level");
  sl_logger_free(log);
  close_text(f);
  const char *msg = strstr(text, " level=warn ");
  assert_non_null(msg);
  assert_string_equal(msg, " level=warn stage=clean msg=\"a \\\"b\\\"\\u000alevel=error msg=\\\\x\"\n");
  free(text);
}

static void json_and_text_formats(void **state) {
  (void)state;
  FILE *f = open_text();
  sl_logger *log = sl_logger_new(f, SL_LOG_JSON, SL_LOG_INFO);
  sl_logger_line(log, SL_LOG_ERROR, NULL, "tab\there");
  sl_logger_free(log);
  log = sl_logger_new(f, SL_LOG_TEXT, SL_LOG_INFO);
  sl_logger_line(log, SL_LOG_INFO, "in", "one\ntwo");
  sl_logger_free(log);
  close_text(f);
  assert_non_null(strstr(text, "\"level\":\"error\",\"msg\":\"tab\\u0009here\"}\n"));
  assert_non_null(strstr(text, "\ninfo  in: one two\n"));
  free(text);
}

static size_t count_lines(const char *needle) {
  size_t n = 0;
  for (const char *p = text; (p = strstr(p, needle)) != NULL; p++) n++;
  return n;
}

static void a_flood_is_limited_and_counted(void **state) {
  (void)state;
  FILE *f = open_text();
  sl_logger *log = sl_logger_new(f, SL_LOG_TEXT, SL_LOG_INFO);
  for (int i = 0; i < 5000; i++) sl_logger_line(log, SL_LOG_WARN, "flood", "the same");
  sl_logger_line(log, SL_LOG_WARN, "other", "not limited by its neighbour");
  sl_logger_free(log);
  close_text(f);
  unsigned long long left_out = 0, written = count_lines("flood: the same\n");
  for (const char *p = text; (p = strstr(p, "flood: ")) != NULL; p++)
    if (strstr(p, "more lines") && p[7] >= '0' && p[7] <= '9') left_out += strtoull(p + 7, NULL, 10);
  assert_true(written >= 20 && written < 5000);
  assert_int_equal(written + left_out, 5000);
  assert_int_equal(count_lines("other: not limited"), 1);
  free(text);
}

static void lines_carry_where_they_come_from(void **state) {
  (void)state;
  for (int format = SL_LOG_LOGFMT; format <= SL_LOG_JSON; format++) {
    FILE *f = open_text();
    sl_logger *log = sl_logger_new(f, format, SL_LOG_INFO);
    sl_logger_about(log, "báo chí", 3);
    sl_logger_doc(log, SL_LOG_WARN, "clean", "file:///a b.html", "no text\xFF");
    sl_logger_level(log, SL_LOG_ERROR);
    sl_logger_line(log, SL_LOG_WARN, "clean", "below the level now");
    sl_logger_free(log);
    close_text(f);
    const char *rest = strstr(text, format == SL_LOG_JSON ? ",\"level\"" : " level=");
    assert_non_null(rest);
    assert_string_equal(rest,
                        format == SL_LOG_JSON
                            ? ",\"level\":\"warn\",\"pipeline\":\"báo chí\",\"generation\":3,\"stage\":\"clean\","
                              "\"doc\":\"file:///a b.html\",\"msg\":\"no text\uFFFD\"}\n"
                            : " level=warn pipeline=\"báo chí\" generation=3 stage=clean doc=\"file:///a b.html\" "
                              "msg=\"no text\uFFFD\"\n");
    free(text);
  }
  FILE *f = open_text();
  sl_logger *log = sl_logger_new(f, SL_LOG_TEXT, SL_LOG_INFO);
  sl_logger_doc(log, SL_LOG_WARN, "clean", "file:///a", "no text");
  sl_logger_doc(log, SL_LOG_WARN, "clean", "file:///a", "dead letter: file:///a: no text");
  sl_logger_free(log);
  close_text(f);
  assert_string_equal(text, "warn  clean: no text (file:///a)\nwarn  clean: dead letter: file:///a: no text\n");
  free(text);
}

static void each_kind_of_message_has_its_limit(void **state) {
  (void)state;
  char line[160], key[40];
  FILE *f = open_text();
  sl_logger *log = sl_logger_new(f, SL_LOG_TEXT, SL_LOG_INFO);
  for (int i = 0; i < 1000; i++) {
    (void)snprintf(key, sizeof key, "file:///%c%d", 'a' + i % 26, i);
    (void)snprintf(line, sizeof line, "dead letter: %s: %d bytes of '%s' are too many", key, i, key);
    sl_logger_doc(log, SL_LOG_WARN, "in", key, line);
  }
  sl_logger_line(log, SL_LOG_WARN, "in", "another kind of trouble");
  /* What is different each time is limited, too. */
  for (int i = 0; i < 26 * 26; i++) {
    (void)snprintf(line, sizeof line, "unlike %c%c", 'a' + i % 26, 'a' + i / 26);
    sl_logger_line(log, SL_LOG_WARN, "chatty", line);
  }
  sl_logger_free(log);
  close_text(f);
  size_t letters = count_lines("in: dead letter"), chatty = count_lines("chatty: unlike");
  assert_in_range(letters, 20, 100);
  assert_int_equal(count_lines("another kind of trouble"), 1);
  assert_in_range(chatty, 200, 400);
  assert_true(count_lines("more lines like these were left out") >= 2);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(columns_of_text),
      cmocka_unit_test(a_file_is_no_terminal),
      cmocka_unit_test(wraps_at_spaces),
      cmocka_unit_test(a_table_is_aligned),
      cmocka_unit_test(a_line_cannot_be_forged),
      cmocka_unit_test(json_and_text_formats),
      cmocka_unit_test(a_flood_is_limited_and_counted),
      cmocka_unit_test(lines_carry_where_they_come_from),
      cmocka_unit_test(each_kind_of_message_has_its_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
