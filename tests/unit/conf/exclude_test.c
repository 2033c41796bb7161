/* SPDX-License-Identifier: Apache-2.0 */
/* Which pairs of conditions are proved to exclude each other; what is proved is checked against the matcher. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/rng.h"
#include "conf/exclude.h"
#include "doc/codec.h"
#include "doc/cond.h"

static cJSON *json(const char *text) {
  cJSON *tree = NULL;
  sl_err err = {0};
  if (sl_json_parse(text, strlen(text), NULL, &tree, NULL, &err)) fail_msg("%s: %s", text, err.message);
  return tree;
}

typedef struct pair {
  int excluded;
  const char *a, *b;
} pair;

static const pair pairs[] = {
    {1, "{\"path\":\"/l\",\"equals\":\"vi\"}", "{\"path\":\"/l\",\"equals\":\"en\"}"},
    {0, "{\"path\":\"/l\",\"equals\":\"vi\"}", "{\"path\":\"/l\",\"equals\":\"vi\"}"},
    {0, "{\"path\":\"/l\",\"equals\":\"vi\"}", "{\"path\":\"/m\",\"equals\":\"en\"}"},
    {1, "{\"path\":\"/l\",\"in\":[\"a\",\"b\"]}", "{\"path\":\"/l\",\"in\":[\"c\",1]}"},
    {0, "{\"path\":\"/l\",\"in\":[\"a\",\"b\"]}", "{\"path\":\"/l\",\"in\":[\"b\",1]}"},
    {1, "{\"path\":\"/l\",\"equals\":\"vi\"}", "{\"path\":\"/l\",\"in\":[\"en\"]}"},
    {1, "{\"path\":\"/l\",\"exists\":true}", "{\"path\":\"/l\",\"exists\":false}"},
    {1, "{\"path\":\"/l/m\",\"exists\":true}", "{\"path\":\"/l\",\"exists\":false}"},
    {0, "{\"path\":\"/l\",\"exists\":true}", "{\"path\":\"/l/m\",\"exists\":false}"},
    {1, "{\"path\":\"/l\",\"equals\":1}", "{\"path\":\"/l\",\"exists\":false}"},
    {1, "{\"path\":\"/n\",\"lt\":3}", "{\"path\":\"/n\",\"gt\":3}"},
    {0, "{\"path\":\"/n\",\"lt\":4}", "{\"path\":\"/n\",\"gt\":3}"},
    {1, "{\"path\":\"/n\",\"lt\":3}", "{\"path\":\"/n\",\"equals\":3}"},
    {0, "{\"path\":\"/n\",\"lt\":3}", "{\"path\":\"/n\",\"equals\":2}"},
    {1, "{\"path\":\"/n\",\"lt\":\"b\"}", "{\"path\":\"/n\",\"gt\":\"b\"}"},
    {1, "{\"path\":\"/t\",\"matches\":\"^a\"}", "{\"path\":\"/t\",\"equals\":\"bc\"}"},
    {0, "{\"path\":\"/t\",\"matches\":\"^a\"}", "{\"path\":\"/t\",\"matches\":\"^b\"}"},
    {1, "{\"not\":{\"path\":\"/l\",\"equals\":\"vi\"}}", "{\"path\":\"/l\",\"equals\":\"vi\"}"},
    {1, "{\"not\":{\"path\":\"/t\",\"matches\":\"x\"}}", "{\"path\":\"/t\",\"matches\":\"x\"}"},
    {0, "{\"not\":{\"path\":\"/l\",\"equals\":\"vi\"}}", "{\"path\":\"/l\",\"equals\":\"en\"}"},
    {1, "{\"not\":{\"path\":\"/l\",\"in\":[\"vi\",\"en\"]}}", "{\"path\":\"/l\",\"equals\":\"vi\"}"},
    {1, "{\"not\":{\"path\":\"/l\",\"exists\":true}}", "{\"path\":\"/l\",\"gt\":3}"},
    {1, "{\"not\":{\"any\":[{\"path\":\"/l\",\"equals\":1},{\"path\":\"/m\",\"equals\":2}]}}",
     "{\"path\":\"/m\",\"equals\":2}"},
    {0, "{\"not\":{\"all\":[{\"path\":\"/l\",\"equals\":1},{\"path\":\"/m\",\"equals\":2}]}}",
     "{\"path\":\"/m\",\"equals\":2}"},
    {1, "{\"not\":{\"all\":[{\"path\":\"/l\",\"equals\":1},{\"path\":\"/m\",\"equals\":2}]}}",
     "{\"all\":[{\"path\":\"/m\",\"equals\":2},{\"path\":\"/l\",\"equals\":1}]}"},
    {1, "{\"not\":{\"not\":{\"path\":\"/l\",\"equals\":1}}}", "{\"path\":\"/l\",\"equals\":2}"},
    {1, "{\"all\":[{\"path\":\"/a\",\"exists\":true},{\"path\":\"/l\",\"equals\":1}]}",
     "{\"path\":\"/l\",\"equals\":2}"},
    {1, "{\"any\":[{\"path\":\"/l\",\"equals\":3},{\"path\":\"/l\",\"equals\":1}]}", "{\"path\":\"/l\",\"equals\":2}"},
    {0, "{\"any\":[{\"path\":\"/l\",\"equals\":2},{\"path\":\"/l\",\"equals\":1}]}", "{\"path\":\"/l\",\"equals\":2}"},
};

static void pairs_are_told_apart(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    cJSON *a = json(pairs[i].a), *b = json(pairs[i].b);
    if (sl_exclude(a, b) != pairs[i].excluded || sl_exclude(b, a) != pairs[i].excluded)
      fail_msg("%s and %s: expected %d, found %d and %d", pairs[i].a, pairs[i].b, pairs[i].excluded, sl_exclude(a, b),
               sl_exclude(b, a));
    cJSON_Delete(a);
    cJSON_Delete(b);
  }
  assert_int_equal(sl_exclude(NULL, NULL), 0);
}

/* ---- against the matcher ---- */

static const char *const values[] = {"1", "2", "3", "\"a\"", "\"b\"", "true", "null"};

static cJSON *random_value(sl_rng *rng) { return json(values[sl_rng_below(rng, sizeof values / sizeof *values)]); }

static cJSON *random_condition(sl_rng *rng, int depth) {
  static const char *const ops[] = {"equals", "lt", "gt", "in", "exists"};
  cJSON *o = cJSON_CreateObject();
  uint64_t kind = depth > 2 ? 0 : sl_rng_below(rng, 6);
  if (kind >= 3) {
    static const char *const names[] = {"all", "any", "not"};
    cJSON *list = kind == 5 ? random_condition(rng, depth + 1) : cJSON_CreateArray();
    for (int i = 0; kind != 5 && i < 2; i++) cJSON_AddItemToArray(list, random_condition(rng, depth + 1));
    cJSON_AddItemToObject(o, names[kind - 3], list);
    return o;
  }
  cJSON_AddStringToObject(o, "path", sl_rng_below(rng, 2) ? "/x" : "/y");
  uint64_t op = sl_rng_below(rng, 5);
  cJSON *value = op == 4 ? cJSON_CreateBool((int)sl_rng_below(rng, 2)) : op == 3 ? cJSON_CreateArray() : NULL;
  for (int i = 0; op == 3 && i < 2; i++) cJSON_AddItemToArray(value, random_value(rng));
  if (op == 1 || op == 2) value = json(values[sl_rng_below(rng, 5)]);
  cJSON_AddItemToObject(o, ops[op], value ? value : random_value(rng));
  return o;
}

static void add_random(sl_rng *rng, cJSON *body, const char *key) {
  if (sl_rng_below(rng, 3)) cJSON_AddItemToObject(body, key, random_value(rng));
}

static void what_is_proved_holds_for_random_bodies(void **state) {
  (void)state;
  sl_rng rng;
  sl_rng_init(&rng, 7);
  unsigned proved = 0;
  for (int i = 0; i < 4000; i++) {
    cJSON *a = random_condition(&rng, 0), *b = random_condition(&rng, 0);
    sl_cond *ca = NULL, *cb = NULL;
    assert_int_equal(sl_cond_new(a, &ca, NULL), 0);
    assert_int_equal(sl_cond_new(b, &cb, NULL), 0);
    int excluded = sl_exclude(a, b);
    proved += (unsigned)excluded;
    for (int k = 0; excluded && k < 60; k++) {
      cJSON *body = cJSON_CreateObject();
      add_random(&rng, body, "x");
      add_random(&rng, body, "y");
      if (sl_cond_match(ca, body) && sl_cond_match(cb, body)) {
        char *ta = cJSON_PrintUnformatted(a), *tb = cJSON_PrintUnformatted(b), *t = cJSON_PrintUnformatted(body);
        fail_msg("%s and %s were said to exclude each other; both match %s", ta, tb, t);
      }
      cJSON_Delete(body);
    }
    sl_cond_free(ca);
    sl_cond_free(cb);
    cJSON_Delete(a);
    cJSON_Delete(b);
  }
  assert_true(proved > 200);
}

static void a_huge_condition_is_given_up(void **state) {
  (void)state;
  cJSON *a = cJSON_CreateObject(), *b = cJSON_CreateObject(), *x = cJSON_AddArrayToObject(a, "any"),
        *y = cJSON_AddArrayToObject(b, "any");
  for (int i = 0; i < 2000; i++) {
    char text[64];
    snprintf(text, sizeof text, "{\"path\":\"/n\",\"equals\":%d}", i);
    cJSON_AddItemToArray(x, json(text));
    snprintf(text, sizeof text, "{\"path\":\"/n\",\"equals\":%d}", i + 5000);
    cJSON_AddItemToArray(y, json(text));
  }
  assert_int_equal(sl_exclude(a, b), 0);
  cJSON_Delete(a);
  cJSON_Delete(b);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pairs_are_told_apart),
      cmocka_unit_test(what_is_proved_holds_for_random_bodies),
      cmocka_unit_test(a_huge_condition_is_given_up),
  };
  return cmocka_run_group_tests_name("conf/exclude", tests, NULL, NULL);
}
