/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of set. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sluice/harness.h>

#include "edit.h"

static const sl_stage_type *type(void) { return sluice_plugin()->types[0]; }

static sl_harness *begin(const char *params) {
  sl_harness *h = sl_harness_new(type(), params);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) print_message("%s: %s %s\n", params, sl_harness_last(h).message, sl_harness_last(h).detail);
  assert_int_equal(rc, 0);
  return h;
}

/* One document through the stage: the body that goes on. */
static void check(const char *params, const char *in, const char *out) {
  sl_harness *h = begin(params);
  int32_t verdict = sl_harness_push_json(h, in);
  if (verdict != SL_V_OK) print_message("%s on %s: %s\n", params, in, sl_harness_last(h).message);
  assert_int_equal(verdict, SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_non_null(doc);
  assert_string_equal(sl_harness_text(h, doc), out);
  sl_harness_free(h);
}

static void refused(const char *params, const char *word) {
  sl_harness *h = sl_harness_new(type(), params);
  assert_int_not_equal(sl_harness_create(h), 0);
  sl_harness_error e = sl_harness_last(h);
  if (!strstr(e.message, word)) print_message("%s: expected \"%s\" in \"%s\"\n", params, word, e.message);
  assert_non_null(strstr(e.message, word));
  sl_harness_free(h);
}

static void sets_and_adds(void **state) {
  (void)state;
  check("{ set: { /a: 1 } }", "{}", "{\"a\":1}");
  check("{ set: { /a: 1 } }", "{\"a\":\"old\",\"b\":2}", "{\"a\":1,\"b\":2}");
  check("{ set: { /a/b/c: [1, {x: null}] } }", "{}", "{\"a\":{\"b\":{\"c\":[1,{\"x\":null}]}}}");
  check("{ set: { /a/1: x } }", "{\"a\":[1,2,3]}", "{\"a\":[1,\"x\",3]}");
  check("{ set: { /a/-: x } }", "{\"a\":[1]}", "{\"a\":[1,\"x\"]}");
  check("{ set: { \"/a~1b\": 1, \"/c~0d\": 2 } }", "{}", "{\"a/b\":1,\"c~d\":2}");
  check("{ set: { /đường: \"phố\" } }", "{}", "{\"đường\":\"phố\"}");
  check("{ add: { /a: 1, /b: 2 } }", "{\"a\":0}", "{\"a\":0,\"b\":2}");
  check("{ add: { /a: 1 } }", "{\"a\":null}", "{\"a\":null}");
}

static void copies_renames_removes(void **state) {
  (void)state;
  check("{ copy: { /b: /a } }", "{\"a\":{\"x\":[1]}}", "{\"a\":{\"x\":[1]},\"b\":{\"x\":[1]}}");
  check("{ copy: { /b: /missing } }", "{\"a\":1}", "{\"a\":1}");
  check("{ copy: { /all: \"\" } }", "{\"a\":1}", "{\"a\":1,\"all\":{\"a\":1}}");
  check("{ rename: { /new: /old } }", "{\"x\":0,\"old\":1,\"y\":2}", "{\"x\":0,\"new\":1,\"y\":2}");
  check("{ rename: { /b: /a } }", "{\"a\":1,\"b\":2}", "{\"b\":1}");
  check("{ rename: { /b: /a } }", "{\"b\":2,\"a\":1}", "{\"b\":1}");
  check("{ rename: { /a: /a } }", "{\"a\":1}", "{\"a\":1}");
  check("{ rename: { /a: /c, /b: /a } }", "{\"c\":1}", "{\"b\":1}");
  check("{ rename: { /text: /content/body } }", "{\"content\":{\"body\":\"t\",\"x\":1}}",
        "{\"content\":{\"x\":1},\"text\":\"t\"}");
  check("{ rename: { /a: /a/b } }", "{\"a\":{\"b\":7}}", "{\"a\":7}");
  check("{ remove: /a }", "{\"a\":1,\"b\":2}", "{\"b\":2}");
  check("{ remove: [/a/0, /b, /c] }", "{\"a\":[1,2],\"b\":1,\"d\":1}", "{\"a\":[2],\"d\":1}");
}

static void operations_run_in_order(void **state) {
  (void)state;
  check("{ set: { /a: 9 }, rename: { /b: /a } }", "{\"a\":1}", "{\"b\":1,\"a\":9}");
  check("{ remove: [/a], add: { /a: 2 }, copy: { /c: /a } }", "{\"a\":1}", "{\"c\":1,\"a\":2}");
}

static void big_numbers_survive(void **state) {
  (void)state;
  check("{ set: { /x: 1 } }", "{\"n\":9007199254740993}", "{\"n\":9007199254740993,\"x\":1}");
  check("{ copy: { /m: /n } }", "{\"n\":9007199254740993}", "{\"n\":9007199254740993,\"m\":9007199254740993}");
}

static void a_failure_changes_nothing(void **state) {
  (void)state;
  static const char in[] = "{\"a\":1,\"b\":{\"c\":[1,2]},\"d\":\"x\",\"e\":[]}";
  sl_harness *h = begin("{ rename: { /z: /a, /y: /b/c }, remove: [/e], set: { /d: new, /f/g/h: 1, /z/deep: 1 } }");
  sl_doc *doc = sl_harness_doc(h, in);
  assert_int_equal(sl_harness_push(h, doc), SL_V_REJECT);
  assert_string_equal(sl_harness_text(h, doc), in);
  sl_harness_error e = sl_harness_last(h);
  assert_int_equal(e.code, SL_EINVAL);
  assert_non_null(strstr(e.detail, "/z/deep"));
  sl_harness_free(h);
}

static void a_missing_source_may_reject(void **state) {
  (void)state;
  sl_harness *h = begin("{ rename: { /b: /a }, missing: reject }");
  assert_int_equal(sl_harness_push_json(h, "{}"), SL_V_REJECT);
  assert_int_equal(sl_harness_last(h).code, SL_ENOTFOUND);
  assert_int_equal(sl_harness_push_json(h, "{\"a\":1}"), SL_V_OK);
  sl_harness_free(h);
}

static void memory_may_run_out_anywhere(void **state) {
  (void)state;
  static const char in[] = "{\"a\":{\"k\":\"v\"},\"b\":[1,2],\"c\":\"s\"}";
  uint64_t nth = 1;
  for (;; nth++) {
    sl_harness *h = begin("{ rename: { /x/y: /a, /z: /c }, remove: [/b/0], add: { /n/m: [1] }, set: { /c: {q: w} } }");
    sl_doc *doc = sl_harness_doc(h, in);
    sl_harness_fail_alloc(h, nth);
    int32_t verdict = sl_harness_push(h, doc);
    int failed = sl_harness_alloc_failed(h);
    assert_int_equal(verdict, failed ? SL_V_RETRY : SL_V_OK);
    if (failed) assert_string_equal(sl_harness_text(h, doc), in);
    sl_harness_free(h);
    if (!failed) break;
  }
  assert_true(nth > 8);
}

static void refuses_bad_parameters(void **state) {
  (void)state;
  refused("{}", "nothing to do");
  refused("{ remove: \"\" }", "whole document");
  refused("{ rename: { /a/b: /a } }", "into itself");
}

/* Lists stay sound: next and prev agree, and the first child's prev is the last. */
static void sound(const cJSON *node) {
  const cJSON *last = NULL;
  for (const cJSON *c = node->child; c; c = c->next) {
    if (last) assert_ptr_equal(c->prev, last);
    last = c;
    sound(c);
  }
  if (node->child) assert_ptr_equal(node->child->prev, last);
}

static void links_stay_sound(void **state) {
  (void)state;
  cJSON *root = cJSON_Parse("{\"a\":1,\"b\":2,\"c\":[1,2,3],\"d\":{\"e\":5}}");
  cJSON *one = cJSON_CreateNumber(1);
  struct {
    int kind;
    const char *to, *from;
  } steps[] = {{SET_REMOVE, "/a", NULL},   {SET_SET, "/a", NULL},    {SET_RENAME, "/q", "/d"},
               {SET_REMOVE, "/c/2", NULL}, {SET_SET, "/c/-", NULL},  {SET_RENAME, "/c/0", "/q/e"},
               {SET_COPY, "/q/r", "/c"},   {SET_REMOVE, "/c", NULL}, {SET_REMOVE, "/b", NULL},
               {SET_SET, "/k/l/m", NULL},  {SET_REMOVE, "/q", NULL}, {SET_REMOVE, "/k", NULL},
               {SET_REMOVE, "/a", NULL}};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    set_undo log[2];
    uint32_t bad;
    set_op op = {.kind = steps[i].kind, .to = jptr_new(steps[i].to), .value = one};
    op.from = steps[i].from ? jptr_new(steps[i].from) : NULL;
    assert_int_equal(set_apply(&op, 1, root, log, &bad), SET_OK);
    sound(root);
    free(op.to);
    free(op.from);
  }
  assert_null(root->child);
  cJSON_Delete(one);
  cJSON_Delete(root);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sets_and_adds),
      cmocka_unit_test(copies_renames_removes),
      cmocka_unit_test(operations_run_in_order),
      cmocka_unit_test(big_numbers_survive),
      cmocka_unit_test(a_failure_changes_nothing),
      cmocka_unit_test(a_missing_source_may_reject),
      cmocka_unit_test(memory_may_run_out_anywhere),
      cmocka_unit_test(refuses_bad_parameters),
      cmocka_unit_test(links_stay_sound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
