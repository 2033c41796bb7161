/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: buffers that never overflow, prefixes, errno. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static void sets_and_clears(void **state) {
  (void)state;
  sl_err err = {.hint = "old", .detail = "old", .retryable = 1, .pos = {"f", 1, 2}};
  assert_int_equal(sl_err_set(&err, SL_EPARSE, "expected %d, found %s", 1, "x"), SL_EPARSE);
  assert_string_equal(err.message, "expected 1, found x");
  assert_string_equal(err.detail, "");
  assert_string_equal(err.hint, "");
  assert_int_equal(err.retryable, 0);
  assert_null(err.pos.file);
  sl_err_detail(&err, "at %d", 7);
  sl_err_hint(&err, "do %s", "it");
  assert_string_equal(err.detail, "at 7");
  assert_string_equal(err.hint, "do it");
  assert_int_equal(sl_err_prefix(&err, "stage %s", "clean"), SL_EPARSE);
  assert_string_equal(err.message, "stage clean: expected 1, found x");
  assert_string_equal(err.detail, "at 7");
  assert_int_equal(sl_err_set(&err, SL_EIO, "again: %s", err.message), SL_EIO); /* its own message as an argument */
  assert_string_equal(err.message, "again: stage clean: expected 1, found x");
  assert_int_equal(sl_err_set(NULL, SL_EIO, "x"), SL_EIO);
  sl_err_detail(NULL, "x");
  sl_err_hint(NULL, "x");
}

static void long_text_is_cut_between_characters(void **state) {
  (void)state;
  sl_err err = {0};
  for (int shift = 0; shift < 4; shift++) {
    char text[1200];
    size_t n = 0;
    while (n < (size_t)shift) text[n++] = 'a';
    while (n + 4 < sizeof text) {
      memcpy(text + n, "ệ", 3);
      n += 3;
    }
    text[n] = '\0';
    sl_err_set(&err, SL_EIO, "%s", text);
    sl_err_detail(&err, "%s", text);
    sl_err_hint(&err, "%s", text);
    sl_err_prefix(&err, "%s", text);
    assert_true(strlen(err.message) > sizeof err.message - 5);
    assert_true(sl_utf8_valid(err.message, strlen(err.message), NULL));
    assert_true(sl_utf8_valid(err.detail, strlen(err.detail), NULL));
    assert_true(sl_utf8_valid(err.hint, strlen(err.hint), NULL));
  }
}

static void from_errno(void **state) {
  (void)state;
  sl_err err = {0};
  assert_int_equal(sl_err_errno(&err, ENOENT, "cannot open %s", "/x"), SL_ENOTFOUND);
  assert_string_equal(err.message, "cannot open /x: No such file or directory");
  assert_int_equal(err.retryable, 0);
  assert_int_equal(sl_err_errno(&err, EACCES, "x"), SL_EPERM);
  assert_int_equal(sl_err_errno(&err, EEXIST, "x"), SL_EEXIST);
  assert_int_equal(sl_err_errno(&err, ENOMEM, "x"), SL_ENOMEM);
  assert_int_equal(sl_err_errno(&err, ENOSPC, "x"), SL_EIO);
  assert_int_equal(err.retryable, 1);
  assert_int_equal(sl_err_errno(NULL, EIO, "x"), SL_EIO);
}

static void names(void **state) {
  (void)state;
  assert_string_equal(sl_err_name(SL_OK), "ok");
  assert_string_equal(sl_err_name(SL_EPARSE), "parse");
  assert_string_equal(sl_err_name(SL_EBUG), "bug");
  assert_string_equal(sl_err_name(-99), "unknown");
  assert_string_equal(sl_err_name(5), "unknown");
  for (int code = SL_EBUG; code < 0; code++) assert_string_not_equal(sl_err_name(code), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sets_and_clears),
      cmocka_unit_test(long_text_is_cut_between_characters),
      cmocka_unit_test(from_errno),
      cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
