/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON: check and parse agree; what was parsed is printed, read again, and is the same; all of it without
 * leaks. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "doc/codec.h"
#include "doc/patch.h"

#define MUST(condition)                                                       \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                \
    }                                                                         \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_after_printing(const cJSON *tree) {
  char *text = NULL;
  size_t len = 0;
  cJSON *again = NULL;
  cJSON *trusted = NULL;
  MUST(sl_json_print(tree, &text, &len, NULL) == 0);
  MUST(strlen(text) == len && memchr(text, '\n', len) == NULL);
  MUST(sl_json_parse(text, len, NULL, &again, NULL, NULL) == 0);
  MUST(sl_json_parse_trusted(text, len, &trusted, NULL) == 0);
  MUST(sl_json_equal(tree, again) && sl_json_equal(trusted, again));
  char *twice = NULL;
  MUST(sl_json_print(again, &twice, &len, NULL) == 0);
  MUST(strcmp(text, twice) == 0);
  sl_buf pretty = {0};
  MUST(sl_json_print_pretty(tree, &pretty, NULL) == 0);
  cJSON_Delete(again);
  MUST(sl_json_parse(pretty.data, pretty.len, NULL, &again, NULL, NULL) == 0);
  MUST(sl_json_equal(tree, again));
  sl_buf_done(&pretty);
  sl_mem_free(text);
  sl_mem_free(twice);
  cJSON_Delete(again);
  cJSON_Delete(trusted);
}

static void same_after_copying(const cJSON *tree) {
  cJSON *copy = sl_json_copy(tree);
  cJSON *patch = NULL;
  MUST(copy != NULL && sl_json_equal(copy, tree));
  MUST(sl_patch_make(tree, copy, &patch, NULL) == 0);
  MUST(cJSON_GetArraySize(patch) == 0);
  cJSON_Delete(copy);
  cJSON_Delete(patch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  cJSON *tree = NULL;
  size_t check_at = 0;
  size_t parse_at = 0;
  sl_err err = {0};
  int64_t before = sl_mem_live();
  int check = sl_json_check(text, size, NULL, &check_at, &err);
  int parse = sl_json_parse(text, size, NULL, &tree, &parse_at, &err);
  MUST(check == parse);
  if (check == 0) {
    MUST(sl_utf8_valid(text, size, NULL));
    same_after_printing(tree);
    same_after_copying(tree);
    cJSON_Delete(tree);
  } else {
    MUST(check_at == parse_at && check_at <= size && tree == NULL);
    MUST(sl_utf8_valid(err.message, strlen(err.message), NULL));
  }
  MUST(sl_mem_live() == before);
  return 0;
}
