/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, the quick hash, random numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "base/sha256.h"

/* FIPS 180-4 and NIST's CAVP examples. */
static void sha256_known(void **state) {
  (void)state;
  char hex[65];
  sl_sha256_hex("", 0, hex);
  assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sl_sha256_hex("abc", 3, hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  sl_sha256_hex(two, sizeof two - 1, hex);
  assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  char *million = malloc(1000000);
  memset(million, 'a', 1000000);
  sl_sha256_hex(million, 1000000, hex);
  assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  free(million);
}

static void sha256_in_parts(void **state) {
  (void)state;
  unsigned char data[300];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 31);
  for (size_t len = 0; len <= sizeof data; len++) {
    char whole[65];
    char parts[65];
    uint8_t digest[32];
    sl_sha256 s;
    sl_sha256_hex(data, len, whole);
    sl_sha256_init(&s);
    for (size_t at = 0, step = 1; at < len; at += step, step = step * 3 % 67 + 1) {
      sl_sha256_add(&s, data + at, at + step <= len ? step : len - at);
    }
    sl_sha256_end(&s, digest);
    sl_sha256_to_hex(digest, parts);
    assert_string_equal(whole, parts);
  }
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a;
  uint64_t y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* Texts that differ in one bit or in length have different hashes. */
static void hash_differs(void **state) {
  (void)state;
  enum { MAX = 90 };
  static uint64_t seen[MAX * (MAX + 1) * 4 + MAX + 1];
  size_t n = 0;
  unsigned char data[MAX] = {0};
  for (size_t len = 0; len <= MAX; len++) {
    seen[n++] = sl_hash(data, len, 1);
    for (size_t bit = 0; bit < len * 8; bit++) {
      data[bit / 8] ^= (unsigned char)(1u << bit % 8);
      seen[n++] = sl_hash(data, len, 1);
      data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
  }
  qsort(seen, n, sizeof seen[0], by_value);
  for (size_t i = 1; i < n; i++) assert_true(seen[i] != seen[i - 1]);
  assert_true(sl_hash("a", 1, 1) != sl_hash("a", 1, 2));
  assert_true(sl_hash_str("abc", 5) == sl_hash("abc", 3, 5));
  assert_true(sl_hash_u64(1, 0) != sl_hash_u64(2, 0));
}

/* Keys that count up spread over a table like random ones. */
static void hash_spreads(void **state) {
  (void)state;
  enum { BUCKETS = 256, KEYS = 256 * 64 };
  int count[BUCKETS] = {0};
  for (uint32_t i = 0; i < KEYS; i++) count[sl_hash(&i, sizeof i, 3) % BUCKETS]++;
  for (int i = 0; i < BUCKETS; i++) {
    if (count[i] < 20 || count[i] > 130) fail_msg("bucket %d holds %d keys, expected about 64", i, count[i]);
  }
}

static void rng_repeats(void **state) {
  (void)state;
  sl_rng a;
  sl_rng b;
  sl_rng_init(&a, 1);
  sl_rng_init(&b, 1);
  for (int i = 0; i < 100; i++) assert_true(sl_rng_next(&a) == sl_rng_next(&b));
  sl_rng_init(&b, 2);
  assert_true(sl_rng_next(&a) != sl_rng_next(&b));
  assert_int_equal(sl_rng_below(&a, 0), 0);
  assert_int_equal(sl_rng_below(&a, 1), 0);
  int count[7] = {0};
  for (int i = 0; i < 70000; i++) count[sl_rng_below(&a, 7)]++;
  for (int i = 0; i < 7; i++) assert_in_range(count[i], 9500, 10500);
  for (int i = 0; i < 1000; i++) {
    double d = sl_rng_double(&a);
    assert_true(d >= 0 && d < 1);
  }
  assert_true(sl_rng_seed() != sl_rng_seed());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sha256_known), cmocka_unit_test(sha256_in_parts), cmocka_unit_test(hash_differs),
      cmocka_unit_test(hash_spreads), cmocka_unit_test(rng_repeats),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
