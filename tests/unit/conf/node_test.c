/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML tree: places, kinds, limits, JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "conf/node.h"
#include "doc/codec.h"

typedef struct fixture {
  sl_arena *arena;
  sl_diags *diags;
} fixture;

static int setup(void **state) {
  static fixture f;
  f = (fixture){sl_arena_new(), sl_diags_new()};
  *state = &f;
  return f.arena && f.diags ? 0 : -1;
}

static int teardown(void **state) {
  fixture *f = *state;
  sl_diags_free(f->diags);
  sl_arena_free(f->arena);
  return 0;
}

static sl_node *parse(fixture *f, const char *text) {
  const char *file = sl_diags_source(f->diags, "t.yaml", text, strlen(text));
  return sl_node_parse(f->arena, f->diags, file, text, strlen(text));
}

static void at(const sl_node *n, uint32_t line, uint32_t col) {
  assert_non_null(n);
  assert_int_equal(n->pos.line, line);
  assert_int_equal(n->pos.col, col);
}

static void every_node_knows_its_place(void **state) {
  sl_node *n = parse(*state, "a: 1\nb:\n  - Tổng: {c: d}\n  - [x, 'đ', y]\n");
  at(n, 1, 1);
  at(sl_node_get(n, "a"), 1, 4);
  at(sl_node_at(n, "/b/0"), 3, 5);
  at(sl_node_at(n, "/b/0/Tổng/c"), 3, 15);
  at(sl_node_at(n, "/b/1/2"), 4, 14); /* columns count characters */
  at(sl_node_key_at(n, "/b/0/Tổng"), 3, 5);
  assert_null(sl_node_key_at(n, "/b/0"));
  at(sl_node_at(n, "/b/7/zz"), 3, 3); /* the nearest above */
  assert_int_equal(sl_node_at(n, "/b/1/1")->end_col, 12);
}

static void line_breaks_are_counted_as_they_are_read(void **state) {
  sl_node *n = parse(*state, "a: 1\r\nb: 2\rc: 3\n\nd: 4\n");
  at(sl_node_get(n, "c"), 3, 4);
  at(sl_node_get(n, "d"), 5, 4);
  size_t len = 0;
  fixture *f = *state;
  const char *line = sl_diags_line(f->diags, n->pos.file, 5, &len);
  assert_int_equal(len, 4);
  assert_memory_equal(line, "d: 4", 4);
}

static void json_follows_the_core_schema(void **state) {
  sl_node *n = parse(*state, "[1, -2.5e3, +7, 007, 1., .5, 0x1f, true, True, yes, null, ~, 'null', \"1\", "
                             "12345678901234567890, 1e999, !!str 5, {a: b}]");
  cJSON *tree = NULL;
  char *text = NULL;
  size_t len;
  assert_non_null(n);
  assert_int_equal(sl_node_json(n, &tree, NULL), 0);
  assert_int_equal(sl_json_print(tree, &text, &len, NULL), 0);
  assert_string_equal(text, "[1,-2500,7,\"007\",\"1.\",\".5\",\"0x1f\",true,\"True\",\"yes\",null,null,\"null\",\"1\","
                            "12345678901234567890,\"1e999\",\"5\",{\"a\":\"b\"}]");
  sl_mem_free(text);
  cJSON_Delete(tree);
}

static void an_alias_shares_its_node(void **state) {
  sl_node *n = parse(*state, "a: &x {k: 1}\nb: *x\nc: &x 2\nd: *x\n");
  assert_ptr_equal(sl_node_get(n, "a"), sl_node_get(n, "b"));
  assert_string_equal(sl_node_get(n, "d")->text, "2");
}

static void limits_hold(void **state) {
  fixture *f = *state;
  char *text = sl_mem_alloc(SL_NODE_MAX_BYTES + 1);
  assert_non_null(text);
  memset(text, '#', SL_NODE_MAX_BYTES + 1);
  const char *file = sl_diags_source(f->diags, "big.yaml", "", 0);
  assert_null(sl_node_parse(f->arena, f->diags, file, text, SL_NODE_MAX_BYTES + 1));
  assert_int_equal(sl_diags_errors(f->diags), 1);
  /* One value more than allowed, as a flat list. */
  size_t n = 0;
  text[n++] = '[';
  for (uint32_t i = 0; i < SL_NODE_MAX_COUNT; i++) {
    text[n++] = 'x';
    text[n++] = ',';
  }
  text[n++] = ']';
  assert_null(sl_node_parse(f->arena, f->diags, file, text, n));
  assert_non_null(strstr(sl_diags_at(f->diags, 1)->message, "too many values"));
  sl_mem_free(text);
}

static void several_duplicates_are_all_reported(void **state) {
  fixture *f = *state;
  assert_null(parse(f, "a: 1\na: 2\nb: {c: 1, c: 2}\na: 3\n"));
  assert_int_equal(sl_diags_errors(f->diags), 3);
}

static void texts_without_a_value(void **state) {
  sl_node *n = parse(*state, "{a: , b: ~, c: null, d: '', e: \"null\", f: Null}");
  static const int want[] = {1, 1, 1, 0, 0, 0};
  for (uint32_t i = 0; i < 6; i++) assert_int_equal(sl_node_is_null(n->pairs[i].value), want[i]);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_node_knows_its_place, setup, teardown),
      cmocka_unit_test_setup_teardown(line_breaks_are_counted_as_they_are_read, setup, teardown),
      cmocka_unit_test_setup_teardown(json_follows_the_core_schema, setup, teardown),
      cmocka_unit_test_setup_teardown(an_alias_shares_its_node, setup, teardown),
      cmocka_unit_test_setup_teardown(limits_hold, setup, teardown),
      cmocka_unit_test_setup_teardown(several_duplicates_are_all_reported, setup, teardown),
      cmocka_unit_test_setup_teardown(texts_without_a_value, setup, teardown),
  };
  return cmocka_run_group_tests_name("conf/node", tests, NULL, NULL);
}
