/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people write them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

static void ints(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t value;
  } good[] = {{"0", 0},
              {"-0", 0},
              {"42", 42},
              {"+7", 7},
              {"-13", -13},
              {"1_000_000", 1000000},
              {"0x1F", 31},
              {"9223372036854775807", INT64_MAX},
              {"-9223372036854775808", INT64_MIN}};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    int64_t v = -99;
    assert_int_equal(sl_str_int(good[i].text, &v, NULL), 0);
    assert_true(v == good[i].value);
  }
  static const char *const bad[] = {"",   "-",  "1.5",  "1e3", " 1",  "1 ",  "ten",
                                    "_1", "1_", "1__0", "0x",  "0xg", "--1", "٣"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t v = -99;
    sl_err err = {0};
    if (sl_str_int(bad[i], &v, &err) != SL_EINVAL) fail_msg("\"%s\" was taken for %lld", bad[i], (long long)v);
    assert_non_null(strstr(err.message, bad[i]));
  }
  int64_t v;
  assert_int_equal(sl_str_int("9223372036854775808", &v, NULL), SL_ELIMIT);
  assert_int_equal(sl_str_int("-9223372036854775809", &v, NULL), SL_ELIMIT);
  assert_int_equal(sl_str_int("99999999999999999999999999", &v, NULL), SL_ELIMIT);
}

static void doubles(void **state) {
  (void)state;
  double v = 0;
  assert_int_equal(sl_str_double("1.5", &v, NULL), 0);
  assert_true(v == 1.5);
  assert_int_equal(sl_str_double("-.25e1", &v, NULL), 0);
  assert_true(v == -2.5);
  static const char *const bad[] = {"", "x", "1,5", "nan", "inf", "0x10", "1.5s", " 1", "-", "."};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    if (sl_str_double(bad[i], &v, NULL) != SL_EINVAL) fail_msg("\"%s\" was taken for %g", bad[i], v);
  }
  assert_int_equal(sl_str_double("1e999", &v, NULL), SL_ELIMIT);
  int32_t b = 7;
  assert_int_equal(sl_str_bool("on", &b, NULL), 0);
  assert_int_equal(b, 1);
  assert_int_equal(sl_str_bool("false", &b, NULL), 0);
  assert_int_equal(b, 0);
  assert_int_equal(sl_str_bool("True", &b, NULL), SL_EINVAL);
}

static void double_texts(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0, "0"},
               {-0.0, "-0"},
               {1, "1"},
               {-1.5, "-1.5"},
               {0.1, "0.1"},
               {1e15, "1000000000000000"},
               {1e300, "1e+300"},
               {1e-5, "1e-05"},
               {0.0001, "0.0001"},
               {123.456, "123.456"},
               {1.0 / 3, "0.3333333333333333"},
               {100.25, "100.25"},
               {-99999.5, "-99999.5"},
               {4503599627370495.5, "4503599627370495.5"},
               {1e-300, "1e-300"},
               {0.000123, "0.000123"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char buf[40];
    size_t n = sl_str_double_text(cases[i].value, buf, sizeof buf);
    assert_string_equal(buf, cases[i].text);
    assert_int_equal(n, strlen(buf));
  }
  char buf[40];
  assert_int_equal(sl_str_double_text(NAN, buf, sizeof buf), 0);
  assert_int_equal(sl_str_double_text(INFINITY, buf, sizeof buf), 0);
  assert_int_equal(sl_str_int_text(INT64_MIN, buf), 20);
  assert_string_equal(buf, "-9223372036854775808");
}

static void durations(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ns;
  } good[] = {{"0", 0},
              {"10s", 10000000000},
              {"200ms", 200000000},
              {"1h", 3600000000000},
              {"1h30m", 5400000000000},
              {"1.5s", 1500000000},
              {"250us", 250000},
              {"5ns", 5},
              {"2d", 172800000000000},
              {"0.1s", 100000000},
              {"90min", 5400000000000}};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    int64_t v = -1;
    if (sl_str_duration(good[i].text, &v, NULL) != 0 || v != good[i].ns) {
      fail_msg("%s: expected %lld, found %lld", good[i].text, (long long)good[i].ns, (long long)v);
    }
  }
  static const char *const bad[] = {"", "10", "s", "10 s", "-1s", "1x", "1h 30m", "1.s", "1..5s", "1e3s", "10S"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t v;
    sl_err err = {0};
    if (sl_str_duration(bad[i], &v, &err) != SL_EINVAL) fail_msg("\"%s\" was taken", bad[i]);
    assert_non_null(strstr(err.message, "expected a duration"));
  }
  sl_err err = {0};
  int64_t v;
  assert_int_equal(sl_str_duration("10", &v, &err), SL_EINVAL);
  assert_non_null(strstr(err.hint, "10s"));
  assert_int_equal(sl_str_duration("99999999999d", &v, &err), SL_ELIMIT);
}

static void sizes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t bytes;
  } good[] = {{"0", 0},           {"512", 512},          {"4KB", 4000},
              {"4KiB", 4096},     {"10MiB", 10485760},   {"1.5GiB", 1610612736},
              {"1 MiB", 1048576}, {"2T", 2199023255552}, {"7B", 7},
              {"64k", -1},        {"16K", 16384}};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    int64_t v = -1;
    int rc = sl_str_size(good[i].text, &v, NULL);
    if ((rc == 0) != (good[i].bytes >= 0) || v != good[i].bytes) fail_msg("%s: found %lld", good[i].text, (long long)v);
  }
  static const char *const bad[] = {"", "MiB", "-1", "1.5", "10MB ", "10mib", "1e6", "1,000"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t v;
    if (sl_str_size(bad[i], &v, NULL) != SL_EINVAL) fail_msg("\"%s\" was taken", bad[i]);
  }
  int64_t v;
  assert_int_equal(sl_str_size("99999999TiB", &v, NULL), SL_ELIMIT);
}

static void ranges(void **state) {
  (void)state;
  int64_t five = 5;
  int64_t second = 1000000000;
  double half = 0.5;
  sl_err err = {0};
  assert_int_equal(sl_str_in_range(SL_T_INT, &five, NULL, &err), 0);
  assert_int_equal(sl_str_in_range(SL_T_INT, &five, "1..5", &err), 0);
  assert_int_equal(sl_str_in_range(SL_T_INT, &five, "5..", &err), 0);
  assert_int_equal(sl_str_in_range(SL_T_INT, &five, "6..", &err), SL_EINVAL);
  assert_string_equal(err.message, "expected at least 6");
  assert_int_equal(sl_str_in_range(SL_T_INT, &five, "..4", &err), SL_EINVAL);
  assert_string_equal(err.message, "expected at most 4");
  assert_int_equal(sl_str_in_range(SL_T_FLOAT, &half, "0..1", &err), 0);
  assert_int_equal(sl_str_in_range(SL_T_FLOAT, &half, "0.6..1", &err), SL_EINVAL);
  assert_int_equal(sl_str_in_range(SL_T_DURATION, &second, "100ms..1h", &err), 0);
  assert_int_equal(sl_str_in_range(SL_T_DURATION, &second, "2s..", &err), SL_EINVAL);
  assert_int_equal(sl_str_in_range(SL_T_SIZE, &five, "..1KiB", &err), 0);
  assert_int_equal(sl_str_in_range(SL_T_SIZE, &five, "1KiB..", &err), SL_EINVAL);
  assert_int_equal(sl_str_in_range(SL_T_INT, &five, "nonsense", &err), SL_EBUG);
}

static void shows(void **state) {
  (void)state;
  char buf[40];
  assert_string_equal(sl_str_show_size(0, buf, sizeof buf), "0 B");
  assert_string_equal(sl_str_show_size(1023, buf, sizeof buf), "1023 B");
  assert_string_equal(sl_str_show_size(1536, buf, sizeof buf), "1.5 KiB");
  assert_string_equal(sl_str_show_size(268435456, buf, sizeof buf), "256 MiB");
  assert_string_equal(sl_str_show_duration(0, buf, sizeof buf), "0 ns");
  assert_string_equal(sl_str_show_duration(1500, buf, sizeof buf), "1.5 us");
  assert_string_equal(sl_str_show_duration(15000000, buf, sizeof buf), "15 ms");
  assert_string_equal(sl_str_show_duration(3200000000, buf, sizeof buf), "3.20 s");
  assert_string_equal(sl_str_show_duration(3725000000000, buf, sizeof buf), "1h 2m");
  assert_string_equal(sl_str_show_duration(-90000000000, buf, sizeof buf), "-1m 30s");
  assert_string_equal(sl_str_show_count(0, buf, sizeof buf), "0");
  assert_string_equal(sl_str_show_count(999, buf, sizeof buf), "999");
  assert_string_equal(sl_str_show_count(1234567, buf, sizeof buf), "1,234,567");
}

static void nearest(void **state) {
  (void)state;
  static const char *const keys[] = {"paths", "format", "max_bytes", "recursive", "follow_links", "id", "câu"};
  static const struct {
    const char *word, *found;
  } cases[] = {{"path", "paths"},
               {"formt", "format"},
               {"fromat", "format"},
               {"max-bytes", "max_bytes"},
               {"recursiv", "recursive"},
               {"FORMAT", "format"},
               {"cau", "câu"},
               {"zzz", NULL},
               {"x", NULL},
               {"di", "id"},
               {"completely", NULL},
               {"", NULL},
               {"id", "id"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *found = sl_str_nearest(cases[i].word, keys, 7);
    if (cases[i].found == NULL ? found != NULL : found == NULL || strcmp(found, cases[i].found) != 0) {
      fail_msg("%s: expected %s, found %s", cases[i].word, cases[i].found, found);
    }
  }
  assert_int_equal(sl_str_distance("ca", "abc"), 3);
  assert_int_equal(sl_str_distance("kitten", "sitting"), 3);
  assert_int_equal(sl_str_distance("ab", "ba"), 1);
  assert_int_equal(sl_str_distance("", "abc"), 3);
  assert_int_equal(sl_str_distance("tiếng", "tiêng"), 1);
}

static void globs(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *text;
    int match;
  } cases[] = {{"*.txt", "a.txt", 1},
               {"*.txt", "dir/a.txt", 0},
               {"*.txt", ".txt", 1},
               {"a?c", "abc", 1},
               {"a?c", "aệc", 1},
               {"a?c", "a/c", 0},
               {"[a-c]x", "bx", 1},
               {"[!a-c]x", "bx", 0},
               {"[à-ỹ]x", "ệx", 1},
               {"[]]x", "]x", 1},
               {"[x", "[x", 1},
               {"\\*", "*", 1},
               {"\\*", "a", 0},
               {"a/**/b", "a/b", 1},
               {"a/**/b", "a/x/y/b", 1},
               {"a/**/b", "ab", 0},
               {"**/b.txt", "b.txt", 1},
               {"**/b.txt", "x/y/b.txt", 1},
               {"**/b.txt", "x/yb.txt", 0},
               {"a/**", "a/b/c", 1},
               {"a/**", "b/c", 0},
               {"**", "any/thing", 1},
               {"/data/*/2025-*.json", "/data/vn/2025-08.json", 1},
               {"/data/*/2025-*.json", "/data/vn/x/2025-08.json", 0},
               {"*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0},
               {"**/x/**/*.c", "a/x/b/c/d.c", 1},
               {"**/x/*.c", "x/x/x/d.c", 1},
               {"", "", 1},
               {"", "a", 0},
               {"a", "", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (sl_str_glob(cases[i].pattern, cases[i].text) != cases[i].match) {
      fail_msg("%s against %s: expected %d", cases[i].pattern, cases[i].text, cases[i].match);
    }
  }
  assert_true(sl_str_is_glob("a*"));
  assert_false(sl_str_is_glob("a.txt"));
  assert_true(sl_str_starts("abc", "ab"));
  assert_false(sl_str_starts("a", "ab"));
  assert_true(sl_str_ends("a.json", ".json"));
  assert_false(sl_str_ends("json", ".json"));
}

static void copies(void **state) {
  (void)state;
  char buf[4];
  assert_int_equal(sl_str_copy(buf, sizeof buf, "aệ"), 1); /* the character does not fit */
  assert_string_equal(buf, "a");
  assert_int_equal(sl_str_copy(buf, sizeof buf, "abcdef"), 3);
  assert_string_equal(buf, "abc");
  assert_int_equal(sl_str_copy(buf, 0, "abc"), 0);
}

static void other_locale(void **state) {
  if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) (void)setlocale(LC_ALL, "C.UTF-8");
  doubles(state);
  double_texts(state);
  (void)setlocale(LC_ALL, "C");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ints),  cmocka_unit_test(doubles), cmocka_unit_test(double_texts), cmocka_unit_test(durations),
      cmocka_unit_test(sizes), cmocka_unit_test(ranges),  cmocka_unit_test(shows),        cmocka_unit_test(nearest),
      cmocka_unit_test(globs), cmocka_unit_test(copies),  cmocka_unit_test(other_locale),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
