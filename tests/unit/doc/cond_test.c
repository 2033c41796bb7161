/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: operators, missing paths, errors with their place. */
#include "torture.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "doc/codec.h"
#include "doc/cond.h"

static cJSON *parse(const char *text) {
  cJSON *tree = NULL;
  sl_err err = {0};
  if (sl_json_parse(text, strlen(text), NULL, &tree, NULL, &err) != 0) fail_msg("%s: %s", text, err.message);
  return tree;
}

static const char body_text[] = "{\"lang\":\"vi\",\"n\":5,\"big\":12345678901234567890,\"t\":true,\"z\":null,"
                                "\"list\":[1,2],\"o\":{\"k\":\"Tổng Bí thư Tô Lâm\"}}";

static void matches(void **state) {
  (void)state;
  static const struct {
    const char *cond;
    int holds;
  } cases[] = {
      {"{\"path\":\"/lang\",\"equals\":\"vi\"}", 1},
      {"{\"path\":\"/lang\",\"equals\":\"VI\"}", 0},
      {"{\"path\":\"/n\",\"equals\":5}", 1},
      {"{\"path\":\"/n\",\"equals\":5.0}", 1},
      {"{\"path\":\"/n\",\"equals\":\"5\"}", 0},
      {"{\"path\":\"/big\",\"equals\":12345678901234567890}", 1},
      {"{\"path\":\"/big\",\"equals\":12345678901234567891}", 0},
      {"{\"path\":\"/z\",\"equals\":null}", 1},
      {"{\"path\":\"/missing\",\"equals\":null}", 0},
      {"{\"path\":\"/list\",\"equals\":[1,2]}", 1},
      {"{\"path\":\"/list\",\"equals\":[2,1]}", 0},
      {"{\"path\":\"/lang\",\"in\":[\"en\",\"vi\"]}", 1},
      {"{\"path\":\"/lang\",\"in\":[\"en\"]}", 0},
      {"{\"path\":\"/lang\",\"in\":[]}", 0},
      {"{\"path\":\"/missing\",\"in\":[null]}", 0},
      {"{\"path\":\"/z\",\"exists\":true}", 1},
      {"{\"path\":\"/z\",\"exists\":false}", 0},
      {"{\"path\":\"/missing\",\"exists\":true}", 0},
      {"{\"path\":\"/missing\",\"exists\":false}", 1},
      {"{\"path\":\"/o/k\",\"matches\":\"^Tổng\"}", 1},
      {"{\"path\":\"/o/k\",\"matches\":\"^tổng\"}", 0},
      {"{\"path\":\"/o/k\",\"matches\":\"(?i)^TỔNG BÍ\"}", 1},
      {"{\"path\":\"/o/k\",\"matches\":\"^.{18}$\"}", 1},
      {"{\"path\":\"/o/k\",\"matches\":\"\\\\bLâm$\"}", 1},
      {"{\"path\":\"/n\",\"matches\":\"5\"}", 0},
      {"{\"path\":\"/missing\",\"matches\":\"\"}", 0},
      {"{\"path\":\"/n\",\"gt\":4}", 1},
      {"{\"path\":\"/n\",\"gt\":5}", 0},
      {"{\"path\":\"/n\",\"lt\":5.5}", 1},
      {"{\"path\":\"/n\",\"lt\":5}", 0},
      {"{\"path\":\"/n\",\"lt\":\"9\"}", 0},
      {"{\"path\":\"/lang\",\"gt\":\"en\"}", 1},
      {"{\"path\":\"/lang\",\"lt\":\"en\"}", 0},
      {"{\"path\":\"/lang\",\"gt\":1}", 0},
      {"{\"path\":\"/missing\",\"lt\":1}", 0},
      {"{\"path\":\"/missing\",\"gt\":1}", 0},
      {"{\"not\":{\"path\":\"/missing\",\"gt\":1}}", 1},
      {"{\"not\":{\"path\":\"/n\",\"gt\":1}}", 0},
      {"{\"all\":[{\"path\":\"/n\",\"gt\":1},{\"path\":\"/n\",\"lt\":9}]}", 1},
      {"{\"all\":[{\"path\":\"/n\",\"gt\":1},{\"path\":\"/n\",\"lt\":2}]}", 0},
      {"{\"any\":[{\"path\":\"/n\",\"lt\":1},{\"path\":\"/t\",\"equals\":true}]}", 1},
      {"{\"any\":[{\"path\":\"/n\",\"lt\":1},{\"path\":\"/t\",\"equals\":false}]}", 0},
      {"{\"path\":\"\",\"exists\":true}", 1},
  };
  cJSON *body = parse(body_text);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cJSON *json = parse(cases[i].cond);
    sl_cond *cond = NULL;
    sl_err err = {0};
    if (sl_cond_new(json, &cond, &err) != 0) fail_msg("%s: %s", cases[i].cond, err.message);
    if (sl_cond_match(cond, body) != cases[i].holds) fail_msg("%s: expected %d", cases[i].cond, cases[i].holds);
    assert_true(sl_json_equal(sl_cond_json(cond), json));
    cJSON_Delete(json);
    sl_cond_free(cond);
  }
  assert_int_equal(sl_cond_match(NULL, body), 1);
  sl_cond_free(NULL);
  cJSON_Delete(body);
}

static void refuses(void **state) {
  (void)state;
  static const struct {
    const char *cond, *place, *message;
  } cases[] = {
      {"5", "", "expected a condition"},
      {"[]", "", "expected a condition"},
      {"{}", "", "needs an operator"},
      {"{\"path\":\"/a\"}", "", "needs an operator"},
      {"{\"equals\":1}", "", "needs a path"},
      {"{\"path\":\"a\",\"equals\":1}", "/path", "begins with '/'"},
      {"{\"path\":5,\"equals\":1}", "/path", "path expects"},
      {"{\"path\":\"/a\",\"equal\":1}", "/equal", "no key \"equal\""},
      {"{\"path\":\"/a\",\"gt\":1,\"lt\":5}", "/lt", "one operator"},
      {"{\"path\":\"/a\",\"in\":5}", "/in", "expects a list"},
      {"{\"path\":\"/a\",\"exists\":1}", "/exists", "true or false"},
      {"{\"path\":\"/a\",\"lt\":[]}", "/lt", "number or a string"},
      {"{\"path\":\"/a\",\"matches\":5}", "/matches", "regular expression"},
      {"{\"path\":\"/a\",\"matches\":\"a(b\"}", "/matches", "wrong at character 4"},
      {"{\"path\":\"/a\",\"all\":[]}", "/path", "stand alone"},
      {"{\"all\":[]}", "/all", "at least one"},
      {"{\"all\":{}}", "/all", "list of conditions"},
      {"{\"not\":5}", "/not", "expected a condition"},
      {"{\"any\":[{\"path\":\"/a\",\"equals\":1},{\"not\":{\"path\":\"/a\",\"gt\":null}}]}", "/any/1/not/gt",
       "number or a string"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cJSON *json = parse(cases[i].cond);
    sl_cond *cond = NULL;
    sl_err err = {0};
    int rc = sl_cond_new(json, &cond, &err);
    if (rc != SL_EINVAL) fail_msg("%s: expected SL_EINVAL, found %d", cases[i].cond, rc);
    assert_string_equal(err.detail, cases[i].place);
    if (strstr(err.message, cases[i].message) == NULL) {
      fail_msg("%s: expected \"%s\", found \"%s\"", cases[i].cond, cases[i].message, err.message);
    }
    cJSON_Delete(json);
  }
  cJSON *json = parse("{\"path\":\"/a\",\"equal\":1}");
  sl_cond *cond = NULL;
  sl_err err = {0};
  assert_int_equal(sl_cond_new(json, &cond, &err), SL_EINVAL);
  assert_non_null(strstr(err.hint, "\"equals\""));
  cJSON_Delete(json);
}

/* A pattern that would take for ever ends at the limit, as no match. */
static void bad_pattern_ends(void **state) {
  (void)state;
  cJSON *json = parse("{\"path\":\"/a\",\"matches\":\"^(?:(?:a+)+)+$\"}");
  cJSON *body = parse("{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"}");
  sl_cond *cond = NULL;
  assert_int_equal(sl_cond_new(json, &cond, NULL), 0);
  assert_int_equal(sl_cond_match(cond, body), 0);
  sl_cond_free(cond);
  cJSON_Delete(json);
  cJSON_Delete(body);
}

static char seen[256];

static void note(void *user, const char *pointer, int maybe) {
  assert_string_equal(user, "user");
  strcat(seen, pointer);
  strcat(seen, maybe ? "? " : " ");
}

static void tells_paths(void **state) {
  (void)state;
  cJSON *json =
      parse("{\"all\":[{\"path\":\"/a\",\"gt\":1},{\"not\":{\"path\":\"/b\",\"gt\":1}},{\"any\":[{\"path\":\"/c/d\","
            "\"equals\":1},{\"path\":\"/e\",\"exists\":false}]}]}");
  sl_cond *cond = NULL;
  assert_int_equal(sl_cond_new(json, &cond, NULL), 0);
  seen[0] = '\0';
  sl_cond_paths(cond, note, "user");
  assert_string_equal(seen, "/a /b? /c/d /e? ");
  sl_cond_free(cond);
  cJSON_Delete(json);
}

static int compile(void *arg) {
  sl_cond *cond = NULL;
  int rc = sl_cond_new(arg, &cond, NULL);
  sl_cond_free(cond);
  return rc;
}

static void survives_memory_out(void **state) {
  (void)state;
  cJSON *json =
      parse("{\"all\":[{\"path\":\"/a\",\"matches\":\"^x+[Đđ]\"},{\"not\":{\"path\":\"/b\",\"in\":[1,\"x\"]}}]}");
  assert_true(torture(compile, json) > 10);
  cJSON_Delete(json);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matches),
      cmocka_unit_test(refuses),
      cmocka_unit_test(tells_paths),
      cmocka_unit_test(bad_pattern_ends),
      cmocka_unit_test(survives_memory_out),
  };
  sl_mem_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
