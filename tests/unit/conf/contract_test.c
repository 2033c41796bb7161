/* SPDX-License-Identifier: Apache-2.0 */
/* What stages read and write, and what is known of fields along the graph. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../conf/fake_types.h"
#include "base/mem.h"
#include "conf/fields.h"

static sl_accesses accesses(sl_arena *arena, const sl_field *fields, uint32_t n) {
  sl_accesses list = {0};
  for (uint32_t i = 0; i < n; i++)
    assert_int_equal(sl_contract_add(arena, &list, fields[i].pointer, fields[i].access, fields[i].types), 0);
  return list;
}

#define APPLY(fields, ...)                                                             \
  do {                                                                                 \
    static const sl_field rows[] = {__VA_ARGS__};                                      \
    sl_accesses list_ = accesses(arena, rows, (uint32_t)(sizeof rows / sizeof *rows)); \
    assert_int_equal(sl_fields_apply((fields), &list_, 0), 0);                         \
  } while (0)

static int level(const sl_fields *f, const char *pointer) { return sl_fields_get(f, pointer).level; }

static void writers_cover_what_is_below(void **state) {
  (void)state;
  sl_arena *arena = sl_arena_new();
  sl_fields f = {0};
  assert_int_equal(level(&f, "/a"), SL_HAVE_ABSENT);
  assert_int_equal(level(&f, ""), SL_HAVE_CERTAIN);
  APPLY(&f, {"/a", SL_C_WRITES, 0, NULL}, {"/b/c", SL_C_WRITES, 0, NULL}, {"/d", SL_C_WRITES_MAYBE, 0, NULL});
  assert_int_equal(level(&f, "/a"), SL_HAVE_CERTAIN);
  assert_int_equal(level(&f, "/a/x/y"), SL_HAVE_COVERED);
  assert_int_equal(level(&f, "/ab"), SL_HAVE_ABSENT);
  assert_int_equal(level(&f, "/b"), SL_HAVE_CERTAIN); /* something is in it */
  assert_int_equal(level(&f, "/b/d"), SL_HAVE_ABSENT);
  assert_int_equal(level(&f, "/d"), SL_HAVE_POSSIBLE);
  assert_int_equal(level(&f, "/d/e"), SL_HAVE_POSSIBLE);
  assert_int_equal(level(&f, "@payload"), SL_HAVE_ABSENT);
  APPLY(&f, {"/a/x", SL_C_REMOVES, 0, NULL});
  assert_int_equal(level(&f, "/a"), SL_HAVE_CERTAIN);
  assert_int_equal(level(&f, "/a/x/y"), SL_HAVE_ABSENT);
  APPLY(&f, {"/a", SL_C_WRITES, 0, NULL}); /* a new /a may hold /a/x again */
  assert_int_equal(level(&f, "/a/x"), SL_HAVE_COVERED);
  APPLY(&f, {"", SL_C_REMOVES, 0, NULL}, {"/n", SL_C_WRITES, 0, NULL}, {"@payload", SL_C_WRITES, 0, NULL});
  assert_int_equal(level(&f, "/a"), SL_HAVE_ABSENT);
  assert_int_equal(level(&f, "/n"), SL_HAVE_CERTAIN);
  assert_int_equal(level(&f, "@payload"), SL_HAVE_CERTAIN);
  sl_fields_done(&f);
  sl_arena_free(arena);
}

static void a_stage_may_write_a_field_and_one_below_it(void **state) {
  (void)state;
  sl_arena *arena = sl_arena_new();
  sl_fields f = {0};
  APPLY(&f, {"/a/b", SL_C_WRITES, SL_J_STRING, NULL}, {"/a", SL_C_WRITES, SL_J_OBJECT, NULL});
  assert_int_equal(level(&f, "/a/b"), SL_HAVE_CERTAIN);
  assert_int_equal(sl_fields_get(&f, "/a/b").types, SL_J_STRING);
  sl_fields_done(&f);
  sl_arena_free(arena);
}

static void branches_meet_at_what_both_have(void **state) {
  (void)state;
  sl_arena *arena = sl_arena_new();
  sl_fields a = {0}, b = {0};
  APPLY(&a, {"/both", SL_C_WRITES, SL_J_STRING, NULL}, {"/a", SL_C_WRITES, 0, NULL});
  APPLY(&b, {"/both", SL_C_WRITES, SL_J_NULL, NULL}, {"/b", SL_C_WRITES_MAYBE, 0, NULL});
  assert_int_equal(sl_fields_join(&a, &b), 0);
  assert_int_equal(level(&a, "/both"), SL_HAVE_CERTAIN);
  assert_int_equal(sl_fields_get(&a, "/both").types, SL_J_STRING | SL_J_NULL);
  assert_int_equal(level(&a, "/a"), SL_HAVE_POSSIBLE);
  assert_int_equal(level(&a, "/b"), SL_HAVE_POSSIBLE);
  assert_int_equal(level(&a, "/c"), SL_HAVE_ABSENT);
  sl_fields open = {.base = SL_HAVE_OPEN};
  assert_int_equal(sl_fields_join(&a, &open), 0);
  assert_int_equal(level(&a, "/both"), SL_HAVE_OPEN);
  assert_int_equal(level(&a, "/c"), SL_HAVE_POSSIBLE); /* the closed branch never has it */
  sl_fields_done(&a);
  sl_fields_done(&b);
  sl_arena_free(arena);
}

static int count(const sl_accesses *list, const char *pointer, uint32_t access) {
  int n = 0;
  for (uint32_t i = 0; i < list->n; i++)
    n += list->items[i].access == access && strcmp(list->items[i].pointer, pointer) == 0;
  return n;
}

static void pointer_parameters_are_accesses(void **state) {
  (void)state;
  static const char text[] =
      "stages:\n  - { id: in, uses: lines, with: { paths: a } }\n"
      "  - { id: e, uses: every, with: { pointer: /p, pointers: [/w, /x], copies: { /k: /v }, rules: { field: /r },"
      " only: { any: [ { path: /c, gt: 1 }, { not: { path: /n, gt: 1 } } ] } } }\n"
      "  - { id: out, uses: drain }\n";
  sl_load_opts opts = {.resolve = fake_resolve, .cwd = "/cwd"};
  sl_diags *diags = sl_diags_new();
  sl_pipeline *p = NULL;
  assert_int_equal(sl_pipeline_load_text(text, strlen(text), "x.yaml", &opts, diags, &p), 0);
  sl_arena *arena = sl_arena_new();
  sl_accesses list = {0};
  assert_int_equal(sl_contract_collect(arena, p->stages[1].type, p->stages[1].params, &list), 0);
  assert_int_equal(count(&list, "/p", SL_C_READS), 1);
  assert_int_equal(count(&list, "/w", SL_C_WRITES), 1);
  assert_int_equal(count(&list, "/x", SL_C_WRITES), 1);
  assert_int_equal(count(&list, "/k", SL_C_WRITES), 1);
  assert_int_equal(count(&list, "/v", SL_C_WRITES), 0);
  assert_int_equal(count(&list, "/r", SL_C_READS_MAYBE), 1);
  assert_int_equal(count(&list, "/c", SL_C_TESTS), 1);
  assert_int_equal(count(&list, "/n", SL_C_READS_MAYBE), 1);
  assert_int_equal(list.open, 0);
  sl_accesses source = {0};
  assert_int_equal(sl_contract_collect(arena, p->stages[0].type, p->stages[0].params, &source), 0);
  assert_int_equal(source.open, 1);
  assert_int_equal(source.n, 0);
  sl_arena_free(arena);
  sl_pipeline_free(p);
  sl_diags_free(diags);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writers_cover_what_is_below),
      cmocka_unit_test(a_stage_may_write_a_field_and_one_below_it),
      cmocka_unit_test(branches_meet_at_what_both_have),
      cmocka_unit_test(pointer_parameters_are_accesses),
  };
  return cmocka_run_group_tests_name("conf/contract", tests, NULL, NULL);
}
