/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: each kernel against a plain decoder, and the walkers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/utf8.h"

static const char *const kernels[] = {"scalar", "ssse3", "avx2"};

/* By code points and their shortest form, as the definition has it; not by byte ranges, as the code under test does it.
 */
static int plain_valid(const unsigned char *s, size_t len, size_t *ret_bad) {
  for (size_t i = 0; i < len;) {
    size_t n = s[i] < 0x80 ? 1 : (s[i] & 0xe0) == 0xc0 ? 2 : (s[i] & 0xf0) == 0xe0 ? 3 : (s[i] & 0xf8) == 0xf0 ? 4 : 0;
    uint32_t cp = n == 1 ? s[i] : n == 0 ? 0 : s[i] & (0xffu >> (n + 1));
    int ok = n > 0 && i + n <= len;
    for (size_t k = 1; ok && k < n; k++) {
      ok = (s[i + k] & 0xc0) == 0x80;
      cp = cp << 6 | (s[i + k] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!ok || cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
      *ret_bad = i;
      return 0;
    }
    i += n;
  }
  return 1;
}

static void agree(const void *data, size_t len) {
  size_t expected_bad = 0;
  int expected = plain_valid(data, len, &expected_bad);
  for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
    size_t bad = SIZE_MAX;
    int found = sl_utf8_valid_by(kernels[k], data, len, &bad);
    if (found == -1) continue;
    if (found != expected)
      fail_msg("%s: expected %d, found %d (bad byte %zu of %zu)", kernels[k], expected, found, expected_bad, len);
    if (!found) assert_int_equal(bad, expected_bad);
  }
  size_t bad = SIZE_MAX;
  assert_int_equal(sl_utf8_valid(data, len, &bad), expected);
  if (!expected) assert_int_equal(bad, expected_bad);
}

/* All sequences of two bytes, and all of three and four that begin with a lead byte and hold a border value in each
 * place, at several offsets within a block. */
static void sequences(void **state) {
  (void)state;
  static const unsigned char edge[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                       0xbf, 0xc0, 0xc2, 0xe0, 0xf0, 0xf4, 0xff};
  static const size_t offsets[] = {0, 13, 15, 29, 30, 31, 61, 62, 63};
  unsigned char text[96];
  for (size_t o = 0; o < sizeof offsets / sizeof offsets[0]; o++) {
    unsigned char *p = text + offsets[o];
    memset(text, 'a', sizeof text);
    for (int a = 0; a < 256; a++) {
      for (int b = 0; b < 256; b++) {
        p[0] = (unsigned char)a;
        p[1] = (unsigned char)b;
        agree(text, sizeof text);
      }
    }
    for (int a = 0xc0; a < 256; a++) {
      for (size_t i = 0; i < sizeof edge * sizeof edge * sizeof edge; i++) {
        p[0] = (unsigned char)a;
        p[1] = edge[i % sizeof edge];
        p[2] = edge[i / sizeof edge % sizeof edge];
        p[3] = edge[i / sizeof edge / sizeof edge];
        agree(text, sizeof text);
      }
    }
  }
}

/* Every length, so that each tail is met; exact blocks, so that a sanitizer sees reads behind the end. */
static void cut_texts(void **state) {
  (void)state;
  static const char text[] =
      "Chủ tịch nước 国家主席 \xf0\x9f\x87\xbb\xf0\x9f\x87\xb3 Tổng Bí thư: điều tra vụ án, khởi tố bị can. "
      "plain ASCII of more than sixty-four bytes follows here, to take the quick way; đến đây là hết.";
  for (size_t from = 0; from < 40; from++) {
    for (size_t len = 0; from + len < sizeof text; len++) {
      char *copy = malloc(len + 1);
      memcpy(copy, text + from, len);
      copy = realloc(copy, len > 0 ? len : 1);
      agree(copy, len);
      free(copy);
    }
  }
}

static void random_texts(void **state) {
  (void)state;
  sl_rng rng;
  sl_rng_init(&rng, 5);
  for (int round = 0; round < 20000; round++) {
    char text[300];
    size_t len = 0;
    size_t want = (size_t)sl_rng_below(&rng, 260);
    while (len < want) {
      uint32_t cp = (uint32_t)sl_rng_below(
          &rng, sl_rng_below(&rng, 4) == 0 ? 0x110000 : (uint64_t)1 << (7 + sl_rng_below(&rng, 8)));
      len += sl_utf8_encode(cp, text + len);
    }
    agree(text, len);
    if (len == 0) continue;
    text[sl_rng_below(&rng, len)] ^= (char)(1 << sl_rng_below(&rng, 8)); /* one bit wrong */
    agree(text, len);
  }
}

static void decodes_and_encodes(void **state) {
  (void)state;
  for (uint32_t cp = 0; cp < 0x110000 + 10; cp++) {
    char out[4];
    size_t n = sl_utf8_encode(cp, out);
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) {
      assert_int_equal(n, 0);
      continue;
    }
    uint32_t back = 0;
    int bad = 1;
    assert_int_equal(sl_utf8_decode(out, n, &back, &bad), n);
    assert_int_equal(back, cp);
    assert_int_equal(bad, 0);
  }
  uint32_t cp = 0;
  int bad = 0;
  assert_int_equal(sl_utf8_decode("", 0, &cp, &bad), 0);
  static const struct {
    const char *text;
    size_t n;
  } ill[] = {{"\x80", 1},         {"\xc0\x80", 1},     {"\xe1\xbb", 2},         {"\xe1\xbb!", 2},
             {"\xed\xa0\x80", 1}, {"\xf0\x9f\x87", 3}, {"\xf4\x90\x80\x80", 1}, {"\xff", 1}};
  for (size_t i = 0; i < sizeof ill / sizeof ill[0]; i++) {
    assert_int_equal(sl_utf8_decode(ill[i].text, strlen(ill[i].text), &cp, &bad), ill[i].n);
    assert_int_equal(cp, 0xfffd);
    assert_int_equal(bad, 1);
  }
}

static void walks(void **state) {
  (void)state;
  static const char text[] = "Đi\xf0\x9f\x9a\xb2ệ!";
  static const size_t starts[] = {0, 2, 3, 7, 10, 11};
  size_t len = sizeof text - 1;
  assert_int_equal(sl_utf8_count(text, len), 5);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(sl_utf8_next(text, len, starts[i]), starts[i + 1]);
    assert_int_equal(sl_utf8_prev(text, len, starts[i + 1]), starts[i]);
  }
  assert_int_equal(sl_utf8_next(text, len, len), len);
  assert_int_equal(sl_utf8_prev(text, len, 0), 0);
  assert_int_equal(sl_utf8_prev("a\x80\x80", 3, 3), 2); /* stray bytes, one by one */
  assert_int_equal(sl_utf8_prev("\x80", 1, 1), 0);
}

static void clips(void **state) {
  (void)state;
  static const char text[] = "aệb";
  static const size_t expected[] = {0, 1, 1, 1, 4, 5, 5};
  for (size_t max = 0; max < 7; max++) assert_int_equal(sl_utf8_clip(text, 5, max), expected[max]);
  assert_int_equal(sl_utf8_clip("\xff\xff", 2, 1), 1); /* what is no character is not cut by this */
  assert_int_equal(sl_utf8_clip("\x80\x80\x80\x80\x80", 5, 5), 5);
}

static void places(void **state) {
  (void)state;
  static const char text[] = "ab\nđi\nx";
  uint32_t line = 0;
  uint32_t col = 0;
  sl_utf8_place(text, sizeof text - 1, 0, &line, &col);
  assert_int_equal(line, 1);
  assert_int_equal(col, 1);
  sl_utf8_place(text, sizeof text - 1, 5, &line, &col);
  assert_int_equal(line, 2);
  assert_int_equal(col, 2);
  sl_utf8_place(text, sizeof text - 1, 99, &line, &col);
  assert_int_equal(line, 3);
  assert_int_equal(col, 2);
  assert_int_equal(sl_utf8_col(text, sizeof text - 1, 6), 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sequences),    cmocka_unit_test(cut_texts),
      cmocka_unit_test(random_texts), cmocka_unit_test(decodes_and_encodes),
      cmocka_unit_test(walks),        cmocka_unit_test(clips),
      cmocka_unit_test(places),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
