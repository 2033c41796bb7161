/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Pointer: the examples of RFC 6901, setting, detaching. */
#include "torture.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "doc/codec.h"
#include "doc/pointer.h"

static cJSON *parse(const char *text) {
  cJSON *tree = NULL;
  sl_err err = {0};
  if (sl_json_parse(text, strlen(text), NULL, &tree, NULL, &err) != 0) fail_msg("%s: %s", text, err.message);
  return tree;
}

static void expect(const cJSON *tree, const char *text) {
  char *printed = NULL;
  size_t len = 0;
  assert_int_equal(sl_json_print(tree, &printed, &len, NULL), 0);
  assert_string_equal(printed, text);
  sl_mem_free(printed);
}

static sl_pointer *pointer(const char *text) {
  sl_pointer *p = NULL;
  sl_err err = {0};
  if (sl_pointer_new(text, &p, &err) != 0) fail_msg("%s: %s", text, err.message);
  return p;
}

static void finds(void **state) {
  (void)state;
  static const struct {
    const char *pointer, *found; /* NULL: not there */
  } cases[] = {{"/foo", "[\"bar\",\"baz\"]"},
               {"/foo/0", "\"bar\""},
               {"/foo/1", "\"baz\""},
               {"/foo/2", NULL},
               {"/foo/00", NULL},
               {"/foo/01", NULL},
               {"/foo/-", NULL},
               {"/foo/-1", NULL},
               {"/foo/+1", NULL},
               {"/foo/1e0", NULL},
               {"/foo/99999999999999999999", NULL},
               {"/foo/", NULL},
               {"/", "0"},
               {"/a~1b", "1"},
               {"/c%d", "2"},
               {"/e^f", "3"},
               {"/g|h", "4"},
               {"/i\\j", "5"},
               {"/k\"l", "6"},
               {"/ ", "7"},
               {"/m~0n", "8"},
               {"/m~01", NULL},
               {"/Foo", NULL},
               {"/việt/nam", "9"},
               {"/foo/0/x", NULL}};
  cJSON *tree =
      parse("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,"
            "\" \":7,\"m~n\":8,\"việt\":{\"nam\":9}}");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sl_pointer *p = pointer(cases[i].pointer);
    const cJSON *item = sl_pointer_get(p, tree);
    if ((item == NULL) != (cases[i].found == NULL))
      fail_msg("%s: found %s", cases[i].pointer, item == NULL ? "nothing" : "something");
    if (item != NULL) expect(item, cases[i].found);
    assert_ptr_equal(sl_pointer_get_mut(p, tree), item);
    assert_string_equal(sl_pointer_text(p), cases[i].pointer);
    sl_pointer_free(p);
  }
  sl_pointer *whole = pointer("");
  assert_ptr_equal(sl_pointer_get(whole, tree), tree);
  assert_null(sl_pointer_detach(whole, tree));
  sl_pointer_free(whole);
  cJSON_Delete(tree);
}

static void refuses(void **state) {
  (void)state;
  static const char *const bad[] = {"foo", "foo/bar", "/a~", "/a~2", "/~/b", "#/a"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sl_pointer *p = NULL;
    sl_err err = {0};
    assert_int_equal(sl_pointer_new(bad[i], &p, &err), SL_EINVAL);
    assert_non_null(strstr(err.message, bad[i]));
    assert_true(err.hint[0] != '\0');
  }
}

static void sets(void **state) {
  (void)state;
  static const struct {
    const char *before, *pointer, *after; /* after NULL: refused */
  } cases[] = {
      {"{}", "/a", "{\"a\":1}"},
      {"{\"a\":0}", "/a", "{\"a\":1}"},
      {"{\"a\":0,\"b\":2}", "/a", "{\"a\":1,\"b\":2}"},
      {"{\"b\":2,\"a\":0}", "/a", "{\"b\":2,\"a\":1}"},
      {"{}", "/a/b/c", "{\"a\":{\"b\":{\"c\":1}}}"},
      {"{\"a\":{\"x\":0}}", "/a/b/c", "{\"a\":{\"x\":0,\"b\":{\"c\":1}}}"},
      {"{\"a\":[]}", "/a/-", "{\"a\":[1]}"},
      {"{\"a\":[5]}", "/a/-", "{\"a\":[5,1]}"},
      {"{\"a\":[5]}", "/a/1", "{\"a\":[5,1]}"},
      {"{\"a\":[5,6]}", "/a/0", "{\"a\":[1,6]}"},
      {"{\"a\":[5,6]}", "/a/1", "{\"a\":[5,1]}"},
      {"{\"a\":[5]}", "/a/-/b", "{\"a\":[5,{\"b\":1}]}"},
      {"{\"a\":[{}]}", "/a/0/b", "{\"a\":[{\"b\":1}]}"},
      {"{}", "/a~1b/~0", "{\"a/b\":{\"~\":1}}"},
      {"{}", "/", "{\"\":1}"},
      {"{\"a\":[5]}", "/a/2", NULL},
      {"{\"a\":[5]}", "/a/x", NULL},
      {"{\"a\":5}", "/a/b", NULL},
      {"{\"a\":\"s\"}", "/a/b/c", NULL},
      {"{\"a\":null}", "/a/b", NULL},
      {"{}", "", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cJSON *tree = parse(cases[i].before);
    sl_pointer *p = pointer(cases[i].pointer);
    cJSON *value = cJSON_CreateNumber(1);
    sl_err err = {0};
    int rc = sl_pointer_set(p, tree, value, &err);
    if (cases[i].after != NULL) {
      if (rc != 0) fail_msg("%s in %s: %s", cases[i].pointer, cases[i].before, err.message);
      expect(tree, cases[i].after);
      assert_ptr_equal(sl_pointer_get(p, tree) == NULL ? value : sl_pointer_get(p, tree), value);
    } else {
      assert_int_equal(rc, SL_EINVAL);
      expect(tree, cases[i].before); /* nothing half-made */
      cJSON_Delete(value);
    }
    sl_pointer_free(p);
    cJSON_Delete(tree);
  }
}

static void detaches(void **state) {
  (void)state;
  cJSON *tree = parse("{\"a\":{\"b\":[1,2,3]}}");
  sl_pointer *p = pointer("/a/b/1");
  cJSON *item = sl_pointer_detach(p, tree);
  expect(item, "2");
  expect(tree, "{\"a\":{\"b\":[1,3]}}");
  cJSON_Delete(item);
  sl_pointer_free(p);
  p = pointer("/a/c");
  assert_null(sl_pointer_detach(p, tree));
  sl_pointer_free(p);
  p = pointer("/x/c");
  assert_null(sl_pointer_detach(p, tree));
  sl_pointer_free(p);
  p = pointer("/a");
  item = sl_pointer_detach(p, tree);
  expect(tree, "{}");
  assert_string_equal(item->string, "a");
  /* What was detached can be set elsewhere: its key is replaced. */
  sl_pointer *q = pointer("/new/place");
  assert_int_equal(sl_pointer_set(q, tree, item, NULL), 0);
  expect(tree, "{\"new\":{\"place\":{\"b\":[1,3]}}}");
  sl_pointer_free(p);
  sl_pointer_free(q);
  cJSON_Delete(tree);
}

static void covers(void **state) {
  (void)state;
  assert_true(sl_pointer_covers("", "/a"));
  assert_true(sl_pointer_covers("/a", "/a"));
  assert_true(sl_pointer_covers("/a", "/a/b"));
  assert_false(sl_pointer_covers("/a", "/ab"));
  assert_false(sl_pointer_covers("/a/b", "/a"));
}

static int set_deep(void *arg) {
  const char *before = arg;
  sl_pointer *p = NULL;
  cJSON *tree = NULL;
  cJSON *value = cJSON_CreateNumber(1);
  int rc = value == NULL ? SL_ENOMEM : sl_pointer_new("/a/b/c/d", &p, NULL);
  if (rc == 0) rc = sl_json_parse(before, strlen(before), NULL, &tree, NULL, NULL);
  if (rc == 0) {
    rc = sl_pointer_set(p, tree, value, NULL);
    if (rc == 0) {
      value = NULL;
    } else {
      sl_mem_fail_at(0);
      expect(tree, before);
    }
  }
  cJSON_Delete(value);
  cJSON_Delete(tree);
  sl_pointer_free(p);
  return rc;
}

static void survives_memory_out(void **state) {
  (void)state;
  assert_true(torture(set_deep, "{\"a\":{}}") > 8);
  assert_true(torture(set_deep, "{\"a\":{\"b\":{\"c\":{\"d\":[1,2]}}}}") > 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds),    cmocka_unit_test(refuses), cmocka_unit_test(sets),
      cmocka_unit_test(detaches), cmocka_unit_test(covers),  cmocka_unit_test(survives_memory_out),
  };
  sl_mem_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
