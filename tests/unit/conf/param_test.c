/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of every type, read into the plugin's own struct. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../../conf/fake_types.h"
#include "base/mem.h"
#include "conf/diag.h"
#include "conf/param.h"
#include "conf/value.h"
#include "doc/codec.h"
#include "doc/cond.h"

typedef struct fixture {
  sl_arena *arena;
  sl_diags *diags;
  sl_param_ctx ctx;
  cJSON *json;
} fixture;

static int setup(void **state) {
  static fixture f;
  f = (fixture){.arena = sl_arena_new(), .diags = sl_diags_new()};
  f.ctx = (sl_param_ctx){.arena = f.arena, .diags = f.diags, .base = "/base", .cwd = "/cwd"};
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  cJSON_Delete(f->json);
  sl_diags_free(f->diags);
  sl_arena_free(f->arena);
  return 0;
}

static fake_every read_every(fixture *f, const char *yaml) {
  static const sl_param_table table = {
      FAKE_ROWS(fake_every_params), sizeof(sl_param), "parameter", "of `every`", NULL, NULL};
  fake_every p;
  memset(&p, 0xee, sizeof p);
  const char *file = sl_diags_source(f->diags, "p.yaml", yaml, strlen(yaml));
  sl_node *n = sl_node_parse(f->arena, f->diags, file, yaml, strlen(yaml));
  assert_non_null(n);
  assert_int_equal(sl_params_read(&f->ctx, &table, n, n->pos, 0, &p, &f->json), 0);
  return p;
}

static void is_json(const cJSON *tree, const char *want) {
  char *text = NULL;
  size_t len;
  assert_int_equal(sl_json_print(tree, &text, &len, NULL), 0);
  assert_string_equal(text, want);
  sl_mem_free(text);
}

static const char *str_at(const sl_list *list, uint32_t i) { return ((const char *const *)list->items)[i]; }

static void defaults_fill_the_struct(void **state) {
  fixture *f = *state;
  fake_every p = read_every(f, "{}");
  assert_int_equal(sl_diags_errors(f->diags), 0);
  assert_string_equal(p.text, "");
  assert_int_equal(p.number, 7);
  assert_int_equal(p.wait, 1500000000);
  assert_int_equal(p.bytes, 65536);
  assert_true(p.share == 0.25);
  assert_int_equal(p.mode, 1);
  assert_int_equal(p.flag, 0);
  assert_int_equal(p.words.count, 2);
  assert_string_equal(str_at(&p.words, 1), "b");
  assert_int_equal(p.numbers.count, 0);
  assert_int_equal(p.numbers.elem_size, sizeof(int64_t));
  assert_int_equal(p.rules.elem_size, sizeof(fake_rule));
  assert_int_equal(p.labels.elem_size, sizeof(sl_entry));
  is_json(f->json,
          "{\"text\":\"\",\"flag\":false,\"mode\":\"slow\",\"number\":7,\"wait\":\"1500ms\",\"bytes\":\"64KiB\","
          "\"share\":0.25,\"words\":[\"a\",\"b\"]}");
}

static void scalars(void **state) {
  fixture *f = *state;
  fake_every p = read_every(f, "{text: 1.50, flag: on, mode: off, number: -5, wait: 1m30s, bytes: 1.5KiB, share: 1e-1,"
                               " file: x/../y, glob: '**/*.txt', pointer: /a~1b}");
  assert_int_equal(sl_diags_errors(f->diags), 0);
  assert_string_equal(p.text, "1.50"); /* as written */
  assert_int_equal(p.flag, 1);
  assert_int_equal(p.mode, 2);
  assert_int_equal(p.number, -5);
  assert_int_equal(p.wait, 90000000000);
  assert_int_equal(p.bytes, 1536);
  assert_true(p.share == 0.1);
  assert_string_equal(p.file, "/base/y");
  assert_string_equal(p.glob, "/base/**/*.txt");
  assert_string_equal(p.pointer, "/a~1b");
}

static void lists_and_maps(void **state) {
  fixture *f = *state;
  fake_every p = read_every(f, "{words: one, numbers: [3, 1], modes: [off, fast], pointers: /x, labels: {b: 1, a: yes},"
                               " copies: {/x: /y}}");
  assert_int_equal(sl_diags_errors(f->diags), 0);
  assert_int_equal(p.words.count, 1);
  assert_string_equal(str_at(&p.words, 0), "one");
  assert_int_equal(((const int64_t *)p.numbers.items)[0], 3);
  assert_int_equal(((const int32_t *)p.modes.items)[0], 2);
  assert_string_equal(str_at(&p.pointers, 0), "/x");
  const sl_entry *labels = p.labels.items;
  assert_int_equal(p.labels.count, 2);
  assert_string_equal(labels[0].key, "b"); /* in the order of the file */
  assert_string_equal(labels[0].text, "1");
  is_json(labels[1].json, "\"yes\"");
  const sl_entry *copies = p.copies.items;
  assert_string_equal(copies[0].key, "/x");
  assert_string_equal(copies[0].text, "/y");
}

static void structs_conditions_and_json(void **state) {
  fixture *f = *state;
  fake_every p =
      read_every(f, "{rules: [{field: /a}, {field: /b, weight: 10, pattern: q}], only: {path: /a, in: [1, x]},"
                    " value: [1, {a: null}]}");
  assert_int_equal(sl_diags_errors(f->diags), 0);
  const fake_rule *rules = p.rules.items;
  assert_int_equal(p.rules.count, 2);
  assert_string_equal(rules[0].field, "/a");
  assert_string_equal(rules[0].pattern, "x");
  assert_int_equal(rules[0].weight, 1);
  assert_int_equal(rules[1].weight, 10);
  is_json(p.value, "[1,{\"a\":null}]");
  cJSON *body = cJSON_Parse("{\"a\":\"x\"}");
  assert_int_equal(sl_cond_match(p.only, body), 1);
  cJSON_Delete(body);
  is_json(cJSON_GetObjectItem(f->json, "only"), "{\"path\":\"/a\",\"in\":[1,\"x\"]}");
}

static void secrets_stay_out_of_the_effective_values(void **state) {
  fixture *f = *state;
  fake_every p = read_every(f, "{token: abc, secrets: {a: xyz}}");
  assert_string_equal(p.token, "abc");
  assert_string_equal(((const sl_entry *)p.secrets.items)[0].text, "xyz");
  is_json(((const sl_entry *)p.secrets.items)[0].json, "\"xyz\"");
  is_json(cJSON_GetObjectItem(f->json, "token"), "\"(secret)\"");
  is_json(cJSON_GetObjectItem(f->json, "secrets"), "\"(secret)\"");
}

static void numbers_keep_their_digits(void **state) {
  fixture *f = *state;
  typedef struct big {
    int64_t n;
  } big;
  static const sl_param rows[] = {SL_PARAM(big, n, SL_T_INT, 0, NULL, NULL, "")};
  static const sl_param_table table = {FAKE_ROWS(rows), sizeof(sl_param), "parameter", "", NULL, NULL};
  static const char yaml[] = "{n: 9007199254740993}";
  sl_node *n =
      sl_node_parse(f->arena, f->diags, sl_diags_source(f->diags, "f", yaml, strlen(yaml)), yaml, strlen(yaml));
  big p = {0};
  assert_int_equal(sl_params_read(&f->ctx, &table, n, n->pos, 0, &p, &f->json), 0);
  assert_int_equal(p.n, 9007199254740993);
  is_json(f->json, "{\"n\":9007199254740993}");
}

static void a_wrong_default_is_the_plugins_fault(void **state) {
  fixture *f = *state;
  typedef struct one {
    int64_t n;
  } one;
  static const sl_param rows[] = {SL_PARAM(one, n, SL_T_INT, 0, "many", NULL, "")};
  static const sl_param_table table = {FAKE_ROWS(rows), sizeof(sl_param), "parameter", "", NULL, NULL};
  one p = {0};
  assert_int_equal(sl_params_read(&f->ctx, &table, NULL, (sl_pos){0}, 0, &p, &f->json), 0);
  assert_string_equal(sl_diags_at(f->diags, 0)->message,
                      "the plugin's own default of `n` (many) is wrong: expected a whole number, found \"many\"");
  assert_int_equal(sl_diags_at(f->diags, 0)->code, SL_EPLUGIN);
}

static void a_field_of_the_wrong_size_is_refused(void **state) {
  fixture *f = *state;
  typedef struct one {
    int32_t n;
  } one;
  static const sl_param rows[] = {SL_PARAM(one, n, SL_T_INT, 0, "3", NULL, "")};
  static const sl_param_table table = {FAKE_ROWS(rows), sizeof(sl_param), "parameter", "", NULL, NULL};
  struct {
    one p;
    int32_t guard;
  } s = {{0}, 77};
  assert_int_equal(sl_params_read(&f->ctx, &table, NULL, (sl_pos){0}, 0, &s.p, &f->json), 0);
  assert_int_equal(sl_diags_errors(f->diags), 1);
  assert_int_equal(s.guard, 77);
}

static void texts_of_durations_and_sizes(void **state) {
  (void)state;
  char buf[64];
  assert_string_equal(sl_value_duration_text(0, buf, sizeof buf), "0");
  assert_string_equal(sl_value_duration_text(200000000, buf, sizeof buf), "200ms");
  assert_string_equal(sl_value_duration_text(7200000000000, buf, sizeof buf), "2h");
  assert_string_equal(sl_value_duration_text(1500000001, buf, sizeof buf), "1500000001ns");
  assert_string_equal(sl_value_size_text(4 << 20, buf, sizeof buf), "4MiB");
  assert_string_equal(sl_value_size_text(1500, buf, sizeof buf), "1500");
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(defaults_fill_the_struct, setup, teardown),
      cmocka_unit_test_setup_teardown(scalars, setup, teardown),
      cmocka_unit_test_setup_teardown(lists_and_maps, setup, teardown),
      cmocka_unit_test_setup_teardown(structs_conditions_and_json, setup, teardown),
      cmocka_unit_test_setup_teardown(secrets_stay_out_of_the_effective_values, setup, teardown),
      cmocka_unit_test_setup_teardown(numbers_keep_their_digits, setup, teardown),
      cmocka_unit_test_setup_teardown(a_wrong_default_is_the_plugins_fault, setup, teardown),
      cmocka_unit_test_setup_teardown(a_field_of_the_wrong_size_is_refused, setup, teardown),
      cmocka_unit_test(texts_of_durations_and_sizes),
  };
  return cmocka_run_group_tests_name("conf/param", tests, NULL, NULL);
}
