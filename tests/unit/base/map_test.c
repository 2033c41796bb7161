/* SPDX-License-Identifier: Apache-2.0 */
/* Maps, string lists, buffers; each with failing memory, too. */
#include "../doc/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/strlist.h"

static void set_get_remove(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  sl_map *map = sl_map_new(sl_mem_free);
  assert_int_equal(sl_map_count(map), 0);
  assert_null(sl_map_get(map, "x"));
  assert_int_equal(sl_map_set(map, "Đà Nẵng", sl_mem_strdup("1")), 0);
  assert_int_equal(sl_map_set(map, "", sl_mem_strdup("empty")), 0);
  assert_int_equal(sl_map_set(map, "Đà Nẵng", sl_mem_strdup("2")), 0);
  assert_int_equal(sl_map_count(map), 2);
  assert_string_equal(sl_map_get(map, "Đà Nẵng"), "2");
  assert_string_equal(sl_map_get_n(map, "Đà Nẵng và", strlen("Đà Nẵng")), "2");
  assert_string_equal(sl_map_get(map, ""), "empty");
  assert_null(sl_map_get(map, "Da Nang"));
  assert_true(sl_map_has(map, ""));
  assert_int_equal(sl_map_remove(map, ""), 1);
  assert_int_equal(sl_map_remove(map, ""), 0);
  assert_false(sl_map_has(map, ""));
  sl_map_free(map);
  sl_map_free(NULL);
  assert_int_equal(sl_mem_live(), before);
}

/* Against an array, with many removals. */
static void like_a_model(void **state) {
  (void)state;
  enum { KEYS = 300 };
  static int model[KEYS];
  sl_rng rng;
  sl_rng_init(&rng, 9);
  sl_map *map = sl_map_new(NULL);
  for (int i = 0; i < 40000; i++) {
    int k = (int)sl_rng_below(&rng, KEYS);
    char key[16];
    snprintf(key, sizeof key, "key %d", k);
    if (sl_rng_below(&rng, 2) == 0) {
      model[k] = i + 1;
      assert_int_equal(sl_map_set(map, key, &model[k]), 0);
    } else {
      assert_int_equal(sl_map_remove(map, key), model[k] != 0);
      model[k] = 0;
    }
    k = (int)sl_rng_below(&rng, KEYS);
    snprintf(key, sizeof key, "key %d", k);
    assert_ptr_equal(sl_map_get(map, key), model[k] != 0 ? &model[k] : NULL);
  }
  size_t living = 0;
  size_t cursor = 0;
  const char *key;
  void *value;
  for (int i = 0; i < KEYS; i++) living += model[i] != 0;
  assert_int_equal(sl_map_count(map), living);
  while (sl_map_next(map, &cursor, &key, &value)) {
    assert_ptr_equal(value, &model[atoi(key + 4)]);
    living--;
  }
  assert_int_equal(living, 0);
  sl_map_free(map);
}

static void walks_in_order(void **state) {
  (void)state;
  sl_map *map = sl_map_new(NULL);
  char key[16];
  for (int i = 0; i < 100; i++) {
    snprintf(key, sizeof key, "%d", i * 7919 % 100);
    assert_int_equal(sl_map_set(map, key, map), 0);
  }
  size_t cursor = 0;
  const char *got;
  for (int i = 0; i < 100; i++) {
    snprintf(key, sizeof key, "%d", i * 7919 % 100);
    assert_true(sl_map_next(map, &cursor, &got, NULL));
    assert_string_equal(got, key);
  }
  assert_false(sl_map_next(map, &cursor, &got, NULL));
  sl_map_free(map);
}

static void lists(void **state) {
  (void)state;
  sl_strlist list = {0};
  char *joined = sl_strlist_join(&list, ", ");
  assert_string_equal(joined, "");
  sl_mem_free(joined);
  for (int i = 0; i < 20; i++) assert_int_equal(sl_strlist_add(&list, i % 2 == 0 ? "b" : "a"), 0);
  assert_int_equal(sl_strlist_add_n(&list, "cde", 1), 0);
  assert_int_equal(list.count, 21);
  assert_true(sl_strlist_has(&list, "c"));
  assert_false(sl_strlist_has(&list, "cde"));
  sl_strlist_sort(&list);
  assert_string_equal(list.items[0], "a");
  assert_string_equal(list.items[20], "c");
  sl_strlist_done(&list);
  assert_int_equal(sl_strlist_add(&list, "x"), 0);
  assert_int_equal(sl_strlist_add(&list, "y"), 0);
  joined = sl_strlist_join(&list, ", ");
  assert_string_equal(joined, "x, y");
  sl_mem_free(joined);
  sl_strlist_done(&list);
}

static void buffers(void **state) {
  (void)state;
  sl_buf buf = {0};
  size_t len = 0;
  for (int i = 0; i < 1000; i++) sl_buf_addf(&buf, "%d,", i);
  assert_int_equal(buf.failed, 0);
  assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 900 * 4);
  assert_int_equal(strlen(buf.data), buf.len);
  char *taken = sl_buf_take(&buf, &len);
  assert_int_equal(strlen(taken), len);
  assert_null(buf.data);
  sl_mem_free(taken);
  taken = sl_buf_take(&buf, &len);
  assert_string_equal(taken, "");
  sl_mem_free(taken);
  /* Errors stick, and what was there stays whole. */
  sl_buf_addstr(&buf, "ab");
  sl_mem_fail_at(1);
  assert_int_equal(sl_buf_addf(&buf, "%0200d", 1), SL_ENOMEM);
  assert_int_equal(sl_buf_addc(&buf, 'c'), SL_ENOMEM);
  assert_string_equal(buf.data, "ab");
  assert_true(buf.failed);
  sl_buf_clear(&buf);
  assert_int_equal(sl_buf_addc(&buf, 'c'), 0);
  assert_string_equal(buf.data, "c");
  sl_mem_fail_at(1);
  assert_int_equal(sl_buf_reserve(&buf, SIZE_MAX - 1), SL_ENOMEM);
  sl_mem_fail_at(0);
  assert_null(sl_buf_take(&buf, &len));
}

static int use_all(void *arg) {
  (void)arg;
  sl_strlist list = {0};
  sl_buf buf = {0};
  sl_map *map = sl_map_new(NULL);
  int rc = map == NULL ? SL_ENOMEM : SL_OK;
  char key[16];
  for (int i = 0; i < 40 && rc == SL_OK; i++) {
    snprintf(key, sizeof key, "%d", i);
    rc = sl_map_set(map, key, map);
    if (rc == SL_OK) rc = sl_strlist_add(&list, key);
    if (rc == SL_OK) rc = sl_buf_addf(&buf, "%s and much more text, ", key);
    if (rc == SL_OK) assert_int_equal(sl_map_count(map), i + 1);
  }
  if (rc == SL_OK) {
    char *joined = sl_strlist_join(&list, ",");
    if (joined == NULL) rc = SL_ENOMEM;
    sl_mem_free(joined);
  }
  sl_map_free(map);
  sl_strlist_done(&list);
  sl_buf_done(&buf);
  return rc;
}

static void survives_memory_out(void **state) {
  (void)state;
  assert_true(torture(use_all, NULL) > 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(set_get_remove), cmocka_unit_test(like_a_model), cmocka_unit_test(walks_in_order),
      cmocka_unit_test(lists),          cmocka_unit_test(buffers),      cmocka_unit_test(survives_memory_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
