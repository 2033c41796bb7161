/* SPDX-License-Identifier: Apache-2.0 */
/* What the codec accepts, refuses, builds and prints. */
#include "torture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "doc/codec.h"
#include "doc/jsontree.h"

#define LIT(s) (s), sizeof(s) - 1

/* ---- accepted ---- */

struct good {
  const char *name, *text;
  size_t len;
  const char *printed; /* NULL: as text */
};

static const struct good good[] = {
    {"array_empty", LIT("[]"), NULL},
    {"array_with_spaces", LIT("[[]   ]"), "[[]]"},
    {"array_null", LIT("[null]"), NULL},
    {"array_several", LIT("[1,null,null,null,2]"), NULL},
    {"array_heterogeneous", LIT("[null, 1, \"1\", {}]"), "[null,1,\"1\",{}]"},
    {"array_leading_space", LIT(" [1]"), "[1]"},
    {"array_newline", LIT("[1\n]\n"), "[1]"},
    {"array_trailing_space", LIT("[2] \t\r\n"), "[2]"},
    {"object_empty", LIT("{}"), NULL},
    {"object_basic", LIT("{\"asd\":\"sdf\"}"), NULL},
    {"object_empty_key", LIT("{\"\":0}"), NULL},
    {"object_case_differs", LIT("{\"a\":1,\"A\":2}"), NULL},
    {"object_newlines", LIT("{\n\"a\" :\t\"b\"\r\n}"), "{\"a\":\"b\"}"},
    {"object_unicode_key", LIT("{\"T\\u1ed5ng\":1}"), "{\"Tổng\":1}"},
    {"object_order", LIT("{\"z\":1,\"a\":2,\"m\":3}"), NULL},
    {"number_0", LIT("0"), NULL},
    {"number_minus_0", LIT("-0"), NULL},
    {"number_0e1", LIT("[0e1]"), "[0]"},
    {"number_0eplus1", LIT("[0E+1]"), "[0]"},
    {"number_negative", LIT("[-123]"), NULL},
    {"number_simple_real", LIT("[123.456789]"), NULL},
    {"number_trailing_zeros", LIT("[1.10]"), "[1.1]"},
    {"number_exp", LIT("[1E22]"), "[1e+22]"},
    {"number_exp_neg", LIT("[1e-2]"), "[0.01]"},
    {"number_exp_plus", LIT("[1.5E+2]"), "[150]"},
    {"number_2pow53", LIT("[9007199254740992]"), NULL},
    {"number_2pow53_1", LIT("[9007199254740993]"), NULL},
    {"number_int64_max", LIT("[9223372036854775807]"), NULL},
    {"number_int64_min", LIT("[-9223372036854775808]"), NULL},
    {"number_uint64_max", LIT("[18446744073709551615]"), NULL},
    {"number_long", LIT("[3.14159265358979323846264338327950288]"), NULL},
    {"number_huge_digits", LIT("[123456789012345678901234567890123456789012345678901234567890]"), NULL},
    {"number_tiny", LIT("[1e-400]"), NULL},
    {"number_denormal", LIT("[5e-324]"), NULL},
    {"number_double_max", LIT("[1.7976931348623157e+308]"), NULL},
    {"number_zero_big_exp", LIT("[0e99999]"), "[0]"},
    {"number_0_1", LIT("[0.1,0.2,0.3]"), NULL},
    {"number_0_30000000000000004", LIT("[0.30000000000000004]"), NULL},
    {"number_17_digits", LIT("[0.10000000000000001]"), NULL},
    {"string_empty", LIT("\"\""), NULL},
    {"string_simple_escapes", LIT("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]"},
    {"string_u_ascii", LIT("[\"\\u0041\"]"), "[\"A\"]"},
    {"string_u_control", LIT("[\"\\u0012\\u001f\"]"), NULL},
    {"string_u_viet", LIT("[\"Ti\\u1EBFng Vi\\u1ec7t\"]"), "[\"Tiếng Việt\"]"},
    {"string_u_2byte", LIT("[\"\\u0110\\u00e0\"]"), "[\"Đà\"]"},
    {"string_surrogates", LIT("[\"\\uD834\\uDD1E\"]"), "[\"\xf0\x9d\x84\x9e\"]"},
    {"string_last_surrogates", LIT("[\"\\uDBFF\\uDFFF\"]"), "[\"\xf4\x8f\xbf\xbf\"]"},
    {"string_nonchar", LIT("[\"\\uFFFF\"]"), "[\"\xef\xbf\xbf\"]"},
    {"string_utf8", LIT("[\"Việt Nam \xf0\x9f\x87\xbb\xf0\x9f\x87\xb3\"]"), NULL},
    {"string_del", LIT("[\"\x7f\"]"), NULL},
    {"string_bom_inside", LIT("[\"\xef\xbb\xbf\"]"), NULL},
    {"string_u2028", LIT("[\"\xe2\x80\xa8\"]"), NULL},
    {"string_slash", LIT("[\"a/b\"]"), NULL},
    {"string_long",
     LIT("[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef!"
         "\"]"),
     NULL},
    {"string_long_escape_late",
     LIT("[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\\n"
         "\"]"),
     NULL},
    {"lonely_true", LIT("true"), NULL},
    {"lonely_false", LIT("false"), NULL},
    {"lonely_null", LIT(" null "), "null"},
    {"lonely_string", LIT("\"asd\""), NULL},
    {"lonely_negative", LIT("-1"), NULL},
    {"nested", LIT("{\"a\":[{\"b\":[[],{}]},[1,[2,[3]]]],\"c\":{\"d\":{\"e\":null}}}"), NULL},
};

static void accepts(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    const struct good *g = &good[i];
    sl_err err = {0};
    cJSON *tree = NULL;
    char *text = NULL;
    size_t len = 0;
    if (sl_json_check(g->text, g->len, NULL, NULL, &err) != 0) fail_msg("%s: check refuses: %s", g->name, err.message);
    if (sl_json_parse(g->text, g->len, NULL, &tree, NULL, &err) != 0)
      fail_msg("%s: parse refuses: %s", g->name, err.message);
    if (sl_json_print(tree, &text, &len, &err) != 0) fail_msg("%s: print refuses: %s", g->name, err.message);
    assert_int_equal(len, strlen(text));
    assert_string_equal(text, g->printed == NULL ? g->text : g->printed);
    cJSON *again = NULL;
    assert_int_equal(sl_json_parse_trusted(text, len, &again, &err), 0);
    if (!sl_json_equal(tree, again)) fail_msg("%s: printed and read again it is another value: %s", g->name, text);
    cJSON_Delete(again);
    cJSON_Delete(tree);
    sl_mem_free(text);
  }
}

/* ---- refused ---- */

struct bad {
  const char *name, *text;
  size_t len, offset;
  int code;
};

#define P SL_EPARSE
#define E SL_EENCODING
static const struct bad bad[] = {
    {"nothing", LIT(""), 0, P},
    {"only_space", LIT("  "), 2, P},
    {"array_1_true", LIT("[1 true]"), 3, P},
    {"array_invalid_utf8", LIT("[\xe5]"), 1, E},
    {"array_colon", LIT("[\"\": 1]"), 3, P},
    {"array_comma_after_close", LIT("[\"\"],"), 4, P},
    {"array_comma_and_number", LIT("[,1]"), 1, P},
    {"array_double_comma", LIT("[1,,2]"), 3, P},
    {"array_extra_close", LIT("[\"x\"]]"), 5, P},
    {"array_extra_comma", LIT("[\"\",]"), 4, P},
    {"array_unclosed", LIT("[\"\""), 3, P},
    {"array_unclosed_comma", LIT("[1,"), 3, P},
    {"array_just_comma", LIT("[,]"), 1, P},
    {"array_just_minus", LIT("[-]"), 2, P},
    {"array_closed_by_brace", LIT("[1}"), 2, P},
    {"array_star", LIT("[*]"), 1, P},
    {"array_form_feed", LIT("[\f]"), 1, P},
    {"array_nbsp", LIT("[\xc2\xa0]"), 1, P},
    {"incomplete_false", LIT("[fals]"), 1, P},
    {"incomplete_null", LIT("[nul]"), 1, P},
    {"incomplete_true", LIT("tru"), 3, P},
    {"word_too_long", LIT("nullx"), 4, P},
    {"capital_True", LIT("[True]"), 1, P},
    {"number_plus", LIT("[+1]"), 1, P},
    {"number_leading_zero", LIT("[012]"), 2, P},
    {"number_minus_leading_zero", LIT("[-012]"), 3, P},
    {"number_double_zero", LIT("[00]"), 2, P},
    {"number_dot_first", LIT("[.5]"), 1, P},
    {"number_minus_dot", LIT("[-.5]"), 2, P},
    {"number_dot_last", LIT("[1.]"), 3, P},
    {"number_dot_exp", LIT("[0.e1]"), 3, P},
    {"number_exp_empty", LIT("[1e]"), 3, P},
    {"number_exp_plus_empty", LIT("[1E+]"), 4, P},
    {"number_exp_twice", LIT("[1e1e1]"), 4, P},
    {"number_two_dots", LIT("[1.2.3]"), 4, P},
    {"number_hex", LIT("[0x1]"), 2, P},
    {"number_inf", LIT("[Infinity]"), 1, P},
    {"number_minus_inf", LIT("[-Infinity]"), 2, P},
    {"number_nan", LIT("[NaN]"), 1, P},
    {"number_letter_behind", LIT("[1a]"), 2, P},
    {"number_space_inside", LIT("[1 000]"), 3, P},
    {"number_minus_minus", LIT("[--1]"), 2, P},
    {"number_full_width", LIT("[\xef\xbc\x91]"), 1, P},
    {"number_1e400", LIT("[1e400]"), 1, P},
    {"number_minus_1e400", LIT("[-1e400]"), 1, P},
    {"number_digits_behind", LIT("-"), 1, P},
    {"object_bad_value", LIT("{\"a\":tru}"), 5, P},
    {"object_bracket_key", LIT("{[: \"x\"}"), 1, P},
    {"object_comma_for_colon", LIT("{\"x\",null}"), 4, P},
    {"object_double_colon", LIT("{\"x\"::1}"), 5, P},
    {"object_no_colon", LIT("{\"a\" 1}"), 5, P},
    {"object_no_value", LIT("{\"a\":}"), 5, P},
    {"object_trailing_comma", LIT("{\"a\":1,}"), 7, P},
    {"object_two_commas", LIT("{\"a\":1,,\"b\":2}"), 7, P},
    {"object_single_quotes", LIT("{'a':0}"), 1, P},
    {"object_unquoted_key", LIT("{a:1}"), 1, P},
    {"object_number_key", LIT("{1:1}"), 1, P},
    {"object_closed_by_bracket", LIT("{\"a\":1]"), 6, P},
    {"object_unclosed", LIT("{\"a\":1"), 6, P},
    {"object_unclosed_key", LIT("{\"a"), 3, P},
    {"object_only_key", LIT("{\"a\""), 4, P},
    {"object_only_colon", LIT("{\"a\":"), 5, P},
    {"object_open", LIT("{"), 1, P},
    {"object_comment", LIT("{\"a\":1}/**/"), 7, P},
    {"object_line_comment", LIT("{\"a\":1}//"), 7, P},
    {"object_trailing_garbage", LIT("{\"a\":true}x"), 10, P},
    {"two_values", LIT("{}{}"), 2, P},
    {"string_unclosed", LIT("\"abc"), 4, P},
    {"string_quote_only", LIT("\""), 1, P},
    {"string_escape_at_end", LIT("\"\\"), 1, P},
    {"string_escaped_quote_at_end", LIT("\"\\\""), 3, P},
    {"string_bad_escape", LIT("[\"\\a\"]"), 2, P},
    {"string_hex_escape", LIT("[\"\\x00\"]"), 2, P},
    {"string_escaped_emoji", LIT("[\"\\\xf0\x9f\x8c\x80\"]"), 2, P},
    {"string_u_short", LIT("[\"\\u00A\"]"), 2, P},
    {"string_u_not_hex", LIT("[\"\\u00G0\"]"), 2, P},
    {"string_u_at_end", LIT("\"\\u12"), 1, P},
    {"string_u0000", LIT("[\"a\\u0000b\"]"), 3, P},
    {"string_lone_high", LIT("[\"\\uD800\"]"), 2, P},
    {"string_lone_high_then_text", LIT("[\"\\uD800abcdef\"]"), 2, P},
    {"string_high_high", LIT("[\"\\uD800\\uD800\"]"), 2, P},
    {"string_lone_low", LIT("[\"\\uDC00\"]"), 2, P},
    {"string_high_then_ascii_u", LIT("[\"\\uD834\\u0041\"]"), 2, P},
    {"string_raw_nul", LIT("[\"a\0b\"]"), 3, P},
    {"string_raw_newline", LIT("[\"new\nline\"]"), 5, P},
    {"string_raw_tab", LIT("[\"\t\"]"), 2, P},
    {"string_raw_1f", LIT("[\"\x1f\"]"), 2, P},
    {"string_late_control", LIT("[\"0123456789abcdef0123456789abcdef0123456789abcdef\n\"]"), 50, P},
    {"string_invalid_utf8", LIT("[\"\xff\"]"), 2, E},
    {"string_overlong", LIT("[\"\xc0\xaf\"]"), 2, E},
    {"string_overlong_3", LIT("[\"\xe0\x80\xaf\"]"), 2, E},
    {"string_cut_utf8", LIT("[\"\xe1\xbb\"]"), 2, E},
    {"string_surrogate_utf8", LIT("[\"\xed\xa0\x80\"]"), 2, E},
    {"string_beyond_unicode", LIT("[\"\xf4\x90\x80\x80\"]"), 2, E},
    {"string_lone_continuation", LIT("[\"\x81\"]"), 2, E},
    {"string_latin1", LIT("[\"\xe9t\xe9\"]"), 2, E},
    {"utf8_error_behind_syntax_error", LIT("[1 \"\xff\"]"), 3, P},
    {"utf8_error_before_syntax_error", LIT("[\"\xff\" 1]"), 2, E},
    {"bom", LIT("\xef\xbb\xbf{}"), 0, P},
    {"bom_only", LIT("\xef\xbb\xbf"), 0, P},
    {"utf16", LIT("{\0}\0"), 1, P},
    {"nul_behind", LIT("{}\0"), 2, P},
    {"nul_alone", LIT("\0"), 0, P},
    {"angle", LIT("<.>"), 0, P},
    {"open_array_hash", LIT("[#"), 1, P},
    {"single_quote", LIT("[']"), 1, P},
    {"ampersand", LIT("&"), 0, P},
};

static void refuses(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const struct bad *b = &bad[i];
    /* A block of the exact size: a sanitizer sees each byte read behind it. */
    char *text = sl_mem_memdup(b->text, b->len);
    for (int build = 0; build < 2; build++) {
      sl_err err = {0};
      cJSON *tree = NULL;
      size_t offset = 12345;
      int rc = build ? sl_json_parse(text, b->len, NULL, &tree, &offset, &err)
                     : sl_json_check(text, b->len, NULL, &offset, &err);
      if (rc != b->code || offset != b->offset) {
        fail_msg("%s: expected code %d at byte %zu, found %d at %zu: %s", b->name, b->code, b->offset, rc, offset,
                 err.message);
      }
      assert_int_equal(err.code, rc);
      assert_non_null(strstr(err.message, "byte"));
      assert_null(tree);
    }
    sl_mem_free(text);
  }
  assert_int_equal(sl_mem_live(), before);
}

/* ---- limits ---- */

static char *nested(size_t depth, size_t *ret_len) {
  sl_buf b = {0};
  for (size_t i = 0; i < depth; i++) sl_buf_addstr(&b, i % 2 == 0 ? "[" : "{\"a\":");
  sl_buf_addstr(&b, "1");
  for (size_t i = depth; i-- > 0;) sl_buf_addstr(&b, i % 2 == 0 ? "]" : "}");
  return sl_buf_take(&b, ret_len);
}

static void limits(void **state) {
  (void)state;
  sl_err err = {0};
  size_t len;
  size_t offset = 0;
  cJSON *tree = NULL;
  char *text = nested(SL_JSON_MAX_DEPTH, &len);
  assert_int_equal(sl_json_check(text, len, NULL, NULL, &err), 0);
  assert_int_equal(sl_json_parse(text, len, NULL, &tree, NULL, &err), 0);
  char *printed = NULL;
  size_t printed_len = 0;
  assert_int_equal(sl_json_print(tree, &printed, &printed_len, &err), 0);
  assert_string_equal(printed, text);
  cJSON_Delete(tree);
  sl_mem_free(printed);
  sl_mem_free(text);

  text = nested(SL_JSON_MAX_DEPTH + 1, &len);
  assert_int_equal(sl_json_check(text, len, NULL, &offset, &err), SL_ELIMIT);
  assert_int_equal(sl_json_parse(text, len, NULL, &tree, &offset, &err), SL_ELIMIT);
  assert_int_equal(offset, 256 * 1 + 256 * 5);
  sl_json_limits deeper = {.max_depth = SL_JSON_MAX_DEPTH + 1};
  assert_int_equal(sl_json_parse(text, len, &deeper, &tree, NULL, &err), 0);
  assert_int_equal(sl_json_print(tree, &printed, &printed_len, &err), SL_ELIMIT); /* nobody could read it again */
  cJSON_Delete(tree);
  sl_mem_free(text);

  text = nested(100000, &len);
  assert_int_equal(sl_json_check(text, len, NULL, &offset, &err), SL_ELIMIT);
  sl_mem_free(text);

  sl_json_limits small = {.max_bytes = 10};
  assert_int_equal(sl_json_check(LIT("[1,2,3,4,5]"), &small, &offset, &err), SL_ELIMIT);
  assert_int_equal(sl_json_parse(LIT("[1,2,3,4,5]"), &small, &tree, &offset, &err), SL_ELIMIT);
  assert_int_equal(sl_json_check(LIT("[1,2,3,45]"), &small, &offset, &err), 0);
}

/* Of members with the same key the last one counts, however the key is written. */
static void repeated_keys(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
      {"{\"a\":1,\"\\u0061\":2}", "{\"a\":2}"},
      {"{\"x\":{\"a\":1,\"b\":{},\"a\":2},\"y\":0}", "{\"x\":{\"b\":{},\"a\":2},\"y\":0}"},
      {"{\"\":1,\"\":2,\"\":{\"k\":[]}}", "{\"\":{\"k\":[]}}"},
      {"{\"a\":{\"b\":1},\"c\":3,\"a\":null}", "{\"c\":3,\"a\":null}"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *text = cases[i][0];
    for (int trusted = 0; trusted < 2; trusted++) {
      sl_err err = {0};
      cJSON *tree = NULL;
      char *out = NULL;
      size_t len = 0;
      assert_int_equal(sl_json_check(text, strlen(text), NULL, NULL, &err), 0);
      if (trusted)
        assert_int_equal(sl_json_parse_trusted(text, strlen(text), &tree, &err), 0);
      else
        assert_int_equal(sl_json_parse(text, strlen(text), NULL, &tree, NULL, &err), 0);
      assert_int_equal(sl_json_print(tree, &out, &len, &err), 0);
      assert_string_equal(out, cases[i][1]);
      sl_mem_free(out);
      cJSON_Delete(tree);
    }
  }
}

/* Many keys: repeats are found early and late, in time that does not grow with the square. */
static void many_keys(void **state) {
  (void)state;
  for (size_t n = 1; n <= 20000; n = n < 100 ? n + 1 : n * 3) {
    sl_buf b = {0};
    sl_buf_addc(&b, '{');
    for (size_t i = 0; i < n; i++) sl_buf_addf(&b, "\"key%zu\":{\"key%zu\":%zu},", i, i, i);
    size_t at = b.len;
    sl_buf_addstr(&b, "\"last\":1}");
    sl_err err = {0};
    cJSON *tree = NULL;
    assert_int_equal(sl_json_check(b.data, b.len, NULL, NULL, &err), 0);
    assert_int_equal(sl_json_parse(b.data, b.len, NULL, &tree, NULL, &err), 0);
    assert_int_equal(cJSON_GetArraySize(tree), n + 1);
    cJSON_Delete(tree);
    b.len = at;
    char key[32];
    snprintf(key, sizeof key, "key%zu", n / 2);
    for (size_t i = 0; i < n; i++) sl_buf_addf(&b, "\"%s\":%zu,", key, i);
    sl_buf_addf(&b, "\"%s\":\"end\"}", key);
    assert_int_equal(sl_json_parse(b.data, b.len, NULL, &tree, NULL, &err), 0);
    assert_int_equal(cJSON_GetArraySize(tree), n);
    assert_string_equal(tree->child->prev->string, key);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(tree, key)->valuestring, "end");
    cJSON_Delete(tree);
    sl_buf_done(&b);
  }
}

/* ---- trees ---- */

static void builds_plain_cjson(void **state) {
  (void)state;
  cJSON *tree = NULL;
  sl_err err = {0};
  static const char text[] = "{\"n\":12,\"big\":3000000000,\"f\":-1.5,\"s\":"
                             "\"x\",\"t\":true,\"a\":[1,2,3],\"z\":null}";
  assert_int_equal(sl_json_parse(LIT(text), NULL, &tree, NULL, &err), 0);
  assert_true(cJSON_IsObject(tree));
  assert_int_equal(cJSON_GetObjectItem(tree, "n")->valueint, 12);
  assert_int_equal(cJSON_GetObjectItem(tree, "big")->valueint, 2147483647);
  assert_true(cJSON_GetObjectItem(tree, "big")->valuedouble == 3000000000.0);
  assert_true(cJSON_GetObjectItem(tree, "f")->valuedouble == -1.5);
  assert_string_equal(cJSON_GetObjectItem(tree, "s")->valuestring, "x");
  assert_true(cJSON_IsTrue(cJSON_GetObjectItem(tree, "t")));
  assert_true(cJSON_IsNull(cJSON_GetObjectItem(tree, "z")));
  cJSON *array = cJSON_GetObjectItem(tree, "a");
  assert_int_equal(cJSON_GetArraySize(array), 3);
  assert_ptr_equal(array->child->prev, cJSON_GetArrayItem(array, 2)); /* cJSON's way to the last element */
  assert_ptr_equal(tree->child->prev, cJSON_GetObjectItem(tree, "z"));
  cJSON *theirs = cJSON_Parse(text);
  assert_true(cJSON_Compare(tree, theirs, 1));
  cJSON_Delete(theirs);
  /* cJSON changes it as it would its own. */
  assert_true(cJSON_AddItemToArray(array, cJSON_CreateNumber(4)));
  cJSON_DeleteItemFromObject(tree, "n");
  assert_true(cJSON_ReplaceItemInObject(tree, "s", cJSON_CreateString("y")));
  char *printed = NULL;
  size_t len = 0;
  assert_int_equal(sl_json_print(tree, &printed, &len, &err), 0);
  assert_string_equal(printed, "{\"big\":3000000000,\"f\":-1.5,\"s\":\"y\","
                               "\"t\":true,\"a\":[1,2,3,4],\"z\":null}");
  sl_mem_free(printed);
  cJSON_Delete(tree);
}

static void expect_print(const cJSON *tree, const char *expected) {
  char *text = NULL;
  size_t len = 0;
  sl_err err = {0};
  if (sl_json_print(tree, &text, &len, &err) != 0) fail_msg("expected %s, found the error %s", expected, err.message);
  assert_string_equal(text, expected);
  sl_mem_free(text);
}

static void keeps_number_text(void **state) {
  (void)state;
  cJSON *tree = NULL;
  sl_err err = {0};
  assert_int_equal(sl_json_parse(LIT("[12345678901234567890,0.1,1.25]"), NULL, &tree, NULL, &err), 0);
  assert_string_equal(tree->child->valuestring, "12345678901234567890");
  assert_null(tree->child->next->valuestring);
  cJSON *copy = sl_json_copy(tree);
  cJSON *theirs = cJSON_Duplicate(tree, 1);
  expect_print(copy, "[12345678901234567890,0.1,1.25]");
  expect_print(theirs, "[12345678901234567890,0.1,1.25]");
  assert_true(sl_json_equal(tree, copy));
  cJSON_SetNumberValue(tree->child, 7); /* the text does not agree any more */
  expect_print(tree, "[7,0.1,1.25]");
  assert_false(sl_json_equal(tree, copy));
  cJSON_Delete(tree);
  cJSON_Delete(copy);
  cJSON_Delete(theirs);
}

static void prints_numbers(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0, "0"},
               {-0.0, "-0"},
               {1, "1"},
               {-17, "-17"},
               {0.5, "0.5"},
               {1e15, "1000000000000000"},
               {9007199254740991, "9007199254740991"},
               {9007199254740992, "9007199254740992"},
               {1152921504606846976.0, "1152921504606846976"},
               {1e20, "1e+20"},
               {1.0 / 3, "0.3333333333333333"},
               {2.0 / 3, "0.6666666666666666"},
               {1e-7, "1e-07"},
               {123456.789, "123456.789"},
               {1.7976931348623157e308, "1.7976931348623157e+308"},
               {5e-324, "4.94065645841247e-324"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cJSON *item = cJSON_CreateNumber(cases[i].value);
    expect_print(item, cases[i].text);
    cJSON_Delete(item);
  }
}

/* Every double survives printing and reading. */
static void numbers_round_trip(void **state) {
  (void)state;
  sl_rng rng;
  sl_rng_init(&rng, 42);
  for (int i = 0; i < 20000; i++) {
    uint64_t bits = sl_rng_next(&rng);
    double v;
    if (i % 4 == 1) bits &= ~(uint64_t)0 << 30; /* fewer digits */
    memcpy(&v, &bits, sizeof v);
    if (i % 4 == 2) v = (double)(int64_t)(bits >> (bits & 63));
    if (i % 4 == 3) v = (double)(int64_t)(bits >> 40) / 1000;
    if (!isfinite(v)) continue;
    cJSON *item = cJSON_CreateNumber(v);
    char *text = NULL;
    size_t len = 0;
    cJSON *back = NULL;
    assert_int_equal(sl_json_print(item, &text, &len, NULL), 0);
    assert_int_equal(sl_json_parse(text, len, NULL, &back, NULL, NULL), 0);
    if (back->valuedouble != v) fail_msg("%.17g was printed as %s and read as %.17g", v, text, back->valuedouble);
    assert_null(back->valuestring);
    cJSON_Delete(item);
    cJSON_Delete(back);
    sl_mem_free(text);
  }
}

static void expect_printable(const cJSON *tree) {
  char *text = NULL;
  size_t len = 0;
  assert_int_equal(sl_json_print(tree, &text, &len, NULL), 0);
  assert_int_equal(sl_json_check(text, len, NULL, NULL, NULL), 0);
  sl_mem_free(text);
}

static void refuses_to_print(void **state) {
  (void)state;
  char *text = NULL;
  size_t len = 0;
  sl_err err = {0};
  cJSON *tree = cJSON_CreateObject();
  cJSON *list = cJSON_AddArrayToObject(tree, "a/b");
  cJSON_AddItemToArray(list, cJSON_CreateString("good"));
  cJSON_AddItemToArray(list, cJSON_CreateString("bad \xff"));
  assert_int_equal(sl_json_print(tree, &text, &len, &err), SL_EENCODING);
  assert_non_null(strstr(err.message, "\"/a~1b/1\""));
  cJSON_Delete(tree);

  tree = cJSON_CreateObject();
  cJSON_AddNumberToObject(tree, "x", NAN);
  assert_int_equal(sl_json_print(tree, &text, &len, &err), SL_EINVAL);
  assert_non_null(strstr(err.message, "\"/x\""));
  cJSON_Delete(tree);

  tree = cJSON_CreateArray();
  cJSON_AddItemToArray(tree, cJSON_CreateNumber(INFINITY));
  assert_int_equal(sl_json_print(tree, &text, &len, &err), SL_EINVAL);
  cJSON_Delete(tree);

  tree = cJSON_CreateObject();
  cJSON_AddItemToObject(tree, "k\xff", cJSON_CreateTrue());
  assert_int_equal(sl_json_print(tree, &text, &len, &err), SL_EENCODING);
  assert_true(sl_utf8_valid(err.message, strlen(err.message), NULL));
  cJSON_Delete(tree);

  /* A stage that adds a member which is there already: no reader could tell which one is meant. */
  for (int n = 1; n < 100; n += 33) {
    tree = cJSON_CreateObject();
    cJSON *inner = cJSON_AddObjectToObject(tree, "o");
    for (int i = 0; i < n; i++) {
      char key[16];
      snprintf(key, sizeof key, "k%d", i);
      cJSON_AddObjectToObject(cJSON_AddObjectToObject(inner, key), "k0");
    }
    expect_printable(tree);
    cJSON_AddNullToObject(inner, "k0");
    assert_int_equal(sl_json_print(tree, &text, &len, &err), SL_EINVAL);
    assert_non_null(strstr(err.message, "\"/o/k0\""));
    cJSON_Delete(tree);
  }

  tree = cJSON_CreateRaw("{\"a\": \n [1]}");
  expect_print(tree, "{\"a\":[1]}");
  cJSON_Delete(tree);
  tree = cJSON_CreateRaw("{\"a\": ");
  assert_int_equal(sl_json_print(tree, &text, &len, &err), SL_EINVAL);
  cJSON_Delete(tree);
  assert_int_equal(sl_json_print(NULL, &text, &len, &err), SL_EINVAL);
}

static void prints_into_buffers(void **state) {
  (void)state;
  cJSON *tree = NULL;
  assert_int_equal(sl_json_parse(LIT("{\"a\":[1,{\"b\":\"Việt\"}],\"c\":{},\"d\":[]}"), NULL, &tree, NULL, NULL), 0);
  sl_buf buf = {0};
  sl_buf_addstr(&buf, "x ");
  assert_int_equal(sl_json_print_to(tree, &buf, NULL), 0);
  assert_string_equal(buf.data, "x {\"a\":[1,{\"b\":\"Việt\"}],\"c\":{},\"d\":[]}");
  sl_buf_clear(&buf);
  assert_int_equal(sl_json_print_pretty(tree, &buf, NULL), 0);
  assert_string_equal(buf.data, "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"Việt\"\n   "
                                " }\n  ],\n  \"c\": {},\n  \"d\": []\n}");
  cJSON_AddNumberToObject(tree, "bad", NAN);
  size_t len = buf.len;
  assert_int_equal(sl_json_print_to(tree, &buf, NULL), SL_EINVAL);
  assert_int_equal(buf.len, len); /* nothing half-printed stays */
  sl_buf_done(&buf);
  cJSON_Delete(tree);
}

/* Strings of every length around the widths of the vector loops, with an odd
 * byte at every place. */
static void every_alignment(void **state) {
  (void)state;
  for (size_t n = 0; n <= 100; n++) {
    for (size_t at = 0; at <= n; at++) {
      char *text = sl_mem_alloc(n + 6);
      size_t len = 0;
      text[len++] = '"';
      for (size_t i = 0; i < n; i++) {
        if (i == at) {
          text[len++] = '\\';
          text[len++] = i % 2 == 0 ? '"' : 'n';
        } else {
          text[len++] = (char)('a' + i % 26);
        }
      }
      text[len++] = '"';
      char *exact = sl_mem_memdup(text, len);
      cJSON *tree = NULL;
      assert_int_equal(sl_json_parse(exact, len, NULL, &tree, NULL, NULL), 0);
      assert_int_equal(strlen(tree->valuestring), n);
      if (at < n) assert_int_equal(tree->valuestring[at], at % 2 == 0 ? '"' : '\n');
      char *printed = NULL;
      size_t printed_len = 0;
      assert_int_equal(sl_json_print(tree, &printed, &printed_len, NULL), 0);
      assert_int_equal(printed_len, len);
      assert_memory_equal(printed, text, len);
      cJSON_Delete(tree);
      sl_mem_free(printed);
      sl_mem_free(exact);
      sl_mem_free(text);
    }
  }
}

/* Strings that end with the last byte of a page, with nothing behind it. */
static void strings_at_the_end_of_memory(void **state) {
  (void)state;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(memory != MAP_FAILED);
  assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
  for (size_t n = 0; n < 80; n++) {
    char *text = memory + page - n - 1;
    char expected[100];
    memset(text, 'x', n);
    text[n] = '\0';
    snprintf(expected, sizeof expected, "\"%s\"", text);
    cJSON *item = cJSON_CreateStringReference(text);
    expect_print(item, expected);
    cJSON_Delete(item);
  }
  munmap(memory, 2 * page);
}

static void compares(void **state) {
  (void)state;
  static const struct {
    const char *a, *b;
    int equal;
  } cases[] = {{"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", 1},
               {"{\"a\":1}", "{\"a\":1,\"b\":2}", 0},
               {"{\"a\":1}", "{\"A\":1}", 0},
               {"[1,2]", "[2,1]", 0},
               {"[1,2]", "[1,2,3]", 0},
               {"1", "1.0", 1},
               {"100", "1e2", 1},
               {"12345678901234567890", "12345678901234567891", 0},
               {"12345678901234567890", "1234567890123456789.0e1", 1},
               {"\"1\"", "1", 0},
               {"null", "false", 0},
               {"true", "true", 1},
               {"{\"a\":{\"b\":[1,{\"c\":null}]}}", "{\"a\":{\"b\":[1,{\"c\":null}]}}", 1},
               {"{\"a\":{\"b\":[1,{\"c\":null}]}}", "{\"a\":{\"b\":[1,{\"c\":0}]}}", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cJSON *a = NULL;
    cJSON *b = NULL;
    assert_int_equal(sl_json_parse(cases[i].a, strlen(cases[i].a), NULL, &a, NULL, NULL), 0);
    assert_int_equal(sl_json_parse(cases[i].b, strlen(cases[i].b), NULL, &b, NULL, NULL), 0);
    if (sl_json_equal(a, b) != cases[i].equal || sl_json_equal(b, a) != cases[i].equal) {
      fail_msg("%s and %s: expected equal = %d", cases[i].a, cases[i].b, cases[i].equal);
    }
    cJSON_Delete(a);
    cJSON_Delete(b);
  }
}

static void compares_large_objects(void **state) {
  (void)state;
  cJSON *a = cJSON_CreateObject();
  cJSON *b = cJSON_CreateObject();
  char key[16];
  for (int i = 0; i < 500; i++) {
    snprintf(key, sizeof key, "k%d", i);
    cJSON_AddNumberToObject(a, key, i);
    snprintf(key, sizeof key, "k%d", 499 - i);
    cJSON_AddNumberToObject(b, key, 499 - i);
  }
  assert_true(sl_json_equal(a, b));
  cJSON_SetNumberValue(cJSON_GetObjectItem(b, "k250"), 1);
  assert_false(sl_json_equal(a, b));
  cJSON_Delete(a);
  cJSON_Delete(b);
}

/* ---- out of memory ---- */

static const char torture_text[] = "{\"a\":[1,2.5,\"Vi\\u1ec7t "
                                   "Nam\",{\"b\":12345678901234567890,\"\\u0061\":true}],\"c\":{\"d\":{}},"
                                   "\"k0\":0,\"k1\":0,\"k2\":0,\"k3\":0,\"k4\":0,\"k5\":0,\"k6\":0,\"k7\":0,"
                                   "\"k8\":0,\"k9\":0,"
                                   "\"l0\":0,\"l1\":0,\"l2\":0,\"l3\":0,\"l4\":0,\"l5\":0,\"l6\":0,\"l7\":0,"
                                   "\"l8\":0,\"l9\":0,"
                                   "\"m0\":0,\"m1\":0,\"m2\":0,\"m3\":0,\"m4\":0,\"m5\":0,\"m6\":0,\"m7\":0,"
                                   "\"m8\":0,\"m9\":0}";

static int torture_check(void *arg) {
  (void)arg;
  return sl_json_check(LIT(torture_text), NULL, NULL, NULL);
}

static int torture_parse(void *arg) {
  (void)arg;
  cJSON *tree = NULL;
  int rc = sl_json_parse(LIT(torture_text), NULL, &tree, NULL, NULL);
  cJSON_Delete(tree);
  return rc;
}

static int torture_deep(void *arg) {
  cJSON *tree = NULL;
  const char *text = arg;
  int rc = sl_json_parse(text, strlen(text), NULL, &tree, NULL, NULL);
  cJSON_Delete(tree);
  return rc;
}

static int torture_print(void *arg) {
  char *text = NULL;
  size_t len = 0;
  int rc = sl_json_print(arg, &text, &len, NULL);
  sl_mem_free(text);
  sl_buf buf = {0};
  if (rc == 0) rc = sl_json_print_pretty(arg, &buf, NULL);
  sl_buf_done(&buf);
  return rc;
}

static int torture_copy(void *arg) {
  cJSON *copy = sl_json_copy(arg);
  if (copy == NULL) return SL_ENOMEM;
  int same = sl_jsontree_equal(copy, arg);
  cJSON_Delete(copy);
  return same == 1 ? 0 : same;
}

static void survives_memory_out(void **state) {
  (void)state;
  cJSON *tree = NULL;
  assert_int_equal(torture(torture_check, NULL), 1); /* checking alone needs none */
  assert_true(torture(torture_parse, NULL) > 10);
  size_t len;
  char *deep = nested(100, &len);
  assert_true(torture(torture_deep, deep) > 10);
  sl_mem_free(deep);
  assert_int_equal(sl_json_parse(LIT(torture_text), NULL, &tree, NULL, NULL), 0);
  char *big = sl_mem_calloc(1, 40001);
  memset(big, 'x', 40000);
  cJSON_AddStringToObject(tree, "big", big);
  sl_mem_free(big);
  assert_true(torture(torture_print, tree) > 1);
  assert_true(torture(torture_copy, tree) > 10);
  cJSON_Delete(tree);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts),
      cmocka_unit_test(refuses),
      cmocka_unit_test(limits),
      cmocka_unit_test(repeated_keys),
      cmocka_unit_test(many_keys),
      cmocka_unit_test(builds_plain_cjson),
      cmocka_unit_test(keeps_number_text),
      cmocka_unit_test(prints_numbers),
      cmocka_unit_test(numbers_round_trip),
      cmocka_unit_test(refuses_to_print),
      cmocka_unit_test(prints_into_buffers),
      cmocka_unit_test(every_alignment),
      cmocka_unit_test(strings_at_the_end_of_memory),
      cmocka_unit_test(compares),
      cmocka_unit_test(compares_large_objects),
      cmocka_unit_test(survives_memory_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
