/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch: the examples of RFC 6902, and a patch made and applied gives the other tree. */
#include "torture.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/rng.h"
#include "doc/codec.h"
#include "doc/patch.h"

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

static void applies(void **state) {
  (void)state;
  static const struct {
    const char *doc, *patch, *after; /* after NULL: refused */
  } cases[] = {
      {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
       "{\"foo\":\"bar\",\"baz\":\"qux\"}"},
      {"{\"foo\":[\"bar\",\"baz\"]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
       "{\"foo\":[\"bar\",\"qux\",\"baz\"]}"},
      {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/0\",\"value\":0}]", "{\"foo\":[0,1]}"},
      {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":2}]", "{\"foo\":[1,2]}"},
      {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[2]}]", "{\"foo\":[1,[2]]}"},
      {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/2\",\"value\":2}]", NULL},
      {"{\"foo\":1}", "[{\"op\":\"add\",\"path\":\"/foo\",\"value\":2}]", "{\"foo\":2}"},
      {"{\"foo\":1}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":2}]", NULL},
      {"{\"foo\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":{\"x\":1}}]", "{\"x\":1}"},
      {"{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]", "{\"foo\":\"bar\"}"},
      {"{\"foo\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]", "{\"foo\":[1,3]}"},
      {"{}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]", NULL},
      {"{}", "[{\"op\":\"remove\",\"path\":\"\"}]", NULL},
      {"{\"baz\":\"qux\"}", "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]", "{\"baz\":\"boo\"}"},
      {"{}", "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]", NULL},
      {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{}}]", "{}"},
      {"{\"foo\":{\"bar\":\"baz\",\"waldo\":\"fred\"},\"qux\":{\"corge\":\"grault\"}}",
       "[{\"op\":\"move\",\"from\":\"/foo/waldo\",\"path\":\"/qux/thud\"}]",
       "{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"corge\":\"grault\",\"thud\":\"fred\"}}"},
      {"{\"foo\":[\"all\",\"grass\",\"cows\",\"eat\"]}", "[{\"op\":\"move\",\"from\":\"/foo/1\",\"path\":\"/foo/3\"}]",
       "{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}"},
      {"{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a\"}]", "{\"a\":1}"},
      {"{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL},
      {"{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/x\",\"path\":\"/b\"}]", NULL},
      {"{\"a\":[1]}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]", "{\"a\":[1],\"b\":[1]}"},
      {"{\"a\":[1]}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL},
      {"{\"a\":[1]}", "[{\"op\":\"copy\",\"from\":\"/x\",\"path\":\"/b\"}]", NULL},
      {"{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}",
       "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"qux\"},{\"op\":\"test\",\"path\":\"/foo/1\",\"value\":2}]",
       "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}"},
      {"{\"baz\":\"qux\"}", "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"bar\"}]", NULL},
      {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":\"1\"}]", NULL},
      {"{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]", "{\"/\":9,\"~1\":10}"},
      {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\",\"xyz\":123}]",
       "{\"foo\":\"bar\",\"baz\":\"qux\"}"},
      {"{}", "[{\"op\":\"frob\",\"path\":\"/a\"}]", NULL},
      {"{}", "[{\"path\":\"/a\"}]", NULL},
      {"{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", NULL},
      {"{}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", NULL},
      {"{\"a\":1}", "[{\"op\":\"move\",\"path\":\"/b\"}]", NULL},
      {"{}", "[5]", NULL},
      {"{}", "{}", NULL},
      {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a\"},{\"op\":\"remove\",\"path\":\"/a\"}]", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cJSON *doc = parse(cases[i].doc);
    cJSON *patch = parse(cases[i].patch);
    cJSON *after = NULL;
    sl_err err = {0};
    int rc = sl_patch_apply(doc, patch, &after, &err);
    if ((rc == 0) != (cases[i].after != NULL))
      fail_msg("%s with %s: %d %s", cases[i].doc, cases[i].patch, rc, err.message);
    if (rc == 0) expect(after, cases[i].after);
    expect(doc, cases[i].doc);
    expect(patch, cases[i].patch);
    cJSON_Delete(doc);
    cJSON_Delete(patch);
    cJSON_Delete(after);
  }
  cJSON *doc = parse("{\"a\":1}");
  cJSON *patch = parse("[{\"op\":\"add\",\"path\":\"/b\",\"value\":1},{\"op\":\"remove\",\"path\":\"/c\"}]");
  cJSON *after = NULL;
  sl_err err = {0};
  assert_int_equal(sl_patch_apply(doc, patch, &after, &err), SL_ENOTFOUND);
  assert_non_null(strstr(err.message, "operation 1 of the patch (remove \"/c\")"));
  cJSON_Delete(doc);
  cJSON_Delete(patch);
}

static void makes(void **state) {
  (void)state;
  static const struct {
    const char *a, *b, *patch;
  } cases[] = {
      {"{\"a\":1}", "{\"a\":1}", "[]"},
      {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "[]"},
      {"{\"a\":1}", "{\"a\":2}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2}]"},
      {"{\"a\":1}", "{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]"},
      {"{}", "{\"a/b\":1}", "[{\"op\":\"add\",\"path\":\"/a~1b\",\"value\":1}]"},
      {"{\"a\":{\"b\":[1,2,3]}}", "{\"a\":{\"b\":[1,9,3]}}", "[{\"op\":\"replace\",\"path\":\"/a/b/1\",\"value\":9}]"},
      {"{\"a\":[1,2,3]}", "{\"a\":[1,3]}", "[{\"op\":\"remove\",\"path\":\"/a/1\"}]"},
      {"{\"a\":[1,3]}", "{\"a\":[1,2,3]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]"},
      {"{\"a\":[1]}", "{\"a\":{}}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":{}}]"},
      {"{\"old\":\"x\",\"k\":1}", "{\"k\":1,\"new\":\"x\"}", "[{\"op\":\"move\",\"from\":\"/old\",\"path\":\"/new\"}]"},
      {"{\"old\":\"x\"}", "{\"p\":\"x\",\"q\":\"x\"}",
       "[{\"op\":\"move\",\"from\":\"/old\",\"path\":\"/p\"},{\"op\":\"add\",\"path\":\"/q\",\"value\":\"x\"}]"},
      {"1", "2", "[{\"op\":\"replace\",\"path\":\"\",\"value\":2}]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cJSON *a = parse(cases[i].a);
    cJSON *b = parse(cases[i].b);
    cJSON *patch = NULL;
    assert_int_equal(sl_patch_make(a, b, &patch, NULL), 0);
    expect(patch, cases[i].patch);
    cJSON_Delete(a);
    cJSON_Delete(b);
    cJSON_Delete(patch);
  }
}

/* A random tree over few keys and values, so that two of them have much in common. */
static cJSON *random_tree(sl_rng *rng, int depth) {
  uint64_t kind = sl_rng_below(rng, depth > 0 ? 7 : 4);
  char text[16];
  if (kind < 2) return cJSON_CreateNumber((double)sl_rng_below(rng, 4));
  if (kind == 2) return cJSON_CreateBool(sl_rng_below(rng, 2) == 1);
  if (kind == 3) {
    snprintf(text, sizeof text, "s%d", (int)sl_rng_below(rng, 3));
    return cJSON_CreateString(text);
  }
  cJSON *tree = kind == 4 ? cJSON_CreateArray() : cJSON_CreateObject();
  uint64_t n = sl_rng_below(rng, 7);
  for (uint64_t i = 0; i < n; i++) {
    snprintf(text, sizeof text, "%c~/%d", (char)('a' + sl_rng_below(rng, 6)), (int)sl_rng_below(rng, 2));
    if (kind == 4) {
      cJSON_AddItemToArray(tree, random_tree(rng, depth - 1));
    } else if (cJSON_GetObjectItemCaseSensitive(tree, text) == NULL) {
      cJSON_AddItemToObject(tree, text, random_tree(rng, depth - 1));
    }
  }
  return tree;
}

static void made_patches_lead_there(void **state) {
  (void)state;
  sl_rng rng;
  sl_rng_init(&rng, 7);
  for (int i = 0; i < 3000; i++) {
    cJSON *a = random_tree(&rng, 4);
    cJSON *b = random_tree(&rng, 4);
    cJSON *patch = NULL;
    cJSON *after = NULL;
    sl_err err = {0};
    assert_int_equal(sl_patch_make(a, b, &patch, &err), 0);
    int rc = sl_patch_apply(a, patch, &after, &err);
    if (rc != 0 || !sl_json_equal(after, b)) {
      char *p = NULL;
      size_t len;
      sl_json_print(patch, &p, &len, NULL);
      fail_msg("round %d: %s: %s", i, err.message, p);
    }
    cJSON_Delete(a);
    cJSON_Delete(b);
    cJSON_Delete(patch);
    cJSON_Delete(after);
  }
}

struct pair {
  cJSON *a, *b;
};

static int there_and_back(void *arg) {
  struct pair *pair = arg;
  cJSON *patch = NULL;
  cJSON *after = NULL;
  int rc = sl_patch_make(pair->a, pair->b, &patch, NULL);
  if (rc == 0) rc = sl_patch_apply(pair->a, patch, &after, NULL);
  cJSON_Delete(patch);
  cJSON_Delete(after);
  return rc;
}

static void survives_memory_out(void **state) {
  (void)state;
  struct pair pair = {parse("{\"a\":{\"b\":[1,2,3]},\"old\":\"x\",\"gone\":{\"k\":1}}"),
                      parse("{\"a\":{\"b\":[1,9,3,4],\"c\":{}},\"new\":\"x\"}")};
  assert_true(torture(there_and_back, &pair) > 20);
  cJSON_Delete(pair.a);
  cJSON_Delete(pair.b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(applies),
      cmocka_unit_test(makes),
      cmocka_unit_test(made_patches_lead_there),
      cmocka_unit_test(survives_memory_out),
  };
  sl_mem_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
