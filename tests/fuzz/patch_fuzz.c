/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a JSON array [a, b, patch, condition, pointer]; what is missing is null. The patch made from a to b leads to
 * b; a foreign patch, condition or pointer is refused or works, and alters no input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "doc/codec.h"
#include "doc/cond.h"
#include "doc/patch.h"
#include "doc/pointer.h"

#define MUST(condition)                                                       \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                \
    }                                                                         \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_and_apply(const cJSON *a, const cJSON *b) {
  cJSON *patch = NULL;
  cJSON *after = NULL;
  MUST(sl_patch_make(a, b, &patch, NULL) == 0);
  MUST(sl_patch_apply(a, patch, &after, NULL) == 0);
  MUST(sl_json_equal(after, b));
  cJSON_Delete(patch);
  cJSON_Delete(after);
}

static void apply(const cJSON *a, const cJSON *patch) {
  sl_err err = {0};
  cJSON *after = NULL;
  if (sl_patch_apply(a, patch, &after, &err) != 0) {
    MUST(err.code < 0 && err.message[0] != '\0');
    return;
  }
  char *text = NULL;
  size_t len = 0;
  MUST(sl_json_print(after, &text, &len, &err) == 0 || err.code == SL_ELIMIT);
  sl_mem_free(text);
  cJSON_Delete(after);
}

static void no_path(void *user, const char *pointer, int maybe) {
  (void)maybe;
  MUST(pointer[0] == '\0' || pointer[0] == '/');
  ++*(int *)user;
}

static void match(const cJSON *a, const cJSON *json) {
  sl_cond *cond = NULL;
  sl_err err = {0};
  int paths = 0;
  if (sl_cond_new(json, &cond, &err) != 0) {
    MUST(err.message[0] != '\0' && (err.detail[0] == '\0' || err.detail[0] == '/'));
    return;
  }
  int holds = sl_cond_match(cond, a);
  MUST(holds == 0 || holds == 1);
  sl_cond_paths(cond, no_path, &paths);
  MUST(paths > 0);
  sl_cond_free(cond);
}

/* Whether a step of the pointer is "-", the place behind an array's end, where nothing is found afterwards. */
static int appends(const char *pointer) {
  for (const char *p = pointer; (p = strstr(p, "/-")) != NULL; p += 2) {
    if (p[2] == '\0' || p[2] == '/') return 1;
  }
  return 0;
}

/* What was set is found there, and what was detached is not. */
static void point(cJSON *a, const cJSON *text) {
  sl_pointer *p = NULL;
  if (!cJSON_IsString(text) || sl_pointer_new(text->valuestring, &p, NULL) != 0) return;
  cJSON *copy = sl_json_copy(a);
  cJSON *value = cJSON_CreateString("value");
  if (sl_pointer_set(p, copy, value, NULL) == 0) {
    MUST(appends(text->valuestring) || sl_pointer_get(p, copy) == value);
  } else {
    MUST(sl_json_equal(copy, a));
    cJSON_Delete(value);
  }
  cJSON *out = sl_pointer_detach(p, copy);
  MUST(out == NULL || sl_pointer_get(p, copy) != out);
  cJSON_Delete(out);
  cJSON_Delete(copy);
  sl_pointer_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cJSON *input = NULL;
  int64_t before = sl_mem_live();
  if (sl_json_parse((const char *)data, size, NULL, &input, NULL, NULL) != 0) return 0;
  cJSON *copy = sl_json_copy(input);
  MUST(copy != NULL);
  if (cJSON_IsArray(input) && cJSON_GetArraySize(input) >= 5) {
    cJSON *a = input->child;
    make_and_apply(a, a->next);
    apply(a, a->next->next);
    match(a, a->next->next->next);
    point(a, a->next->next->next->next);
  }
  MUST(sl_json_equal(copy, input));
  cJSON_Delete(copy);
  cJSON_Delete(input);
  MUST(sl_mem_live() == before);
  return 0;
}
