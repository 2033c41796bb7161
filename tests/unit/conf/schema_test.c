/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema and the reference name what the tables say, and nothing that is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../../conf/fake_types.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "conf/reference.h"
#include "conf/schema.h"
#include "doc/codec.h"
#include "doc/pointer.h"

static uint32_t all_types(sl_schema_type *types) {
  for (uint32_t i = 0; i < FAKE_N; i++) types[i] = (sl_schema_type){.uses = fake_types[i].name, .type = &fake_types[i]};
  return FAKE_N;
}

static const cJSON *at(const cJSON *root, const char *pointer) {
  sl_pointer *p = NULL;
  assert_int_equal(sl_pointer_new(pointer, &p, NULL), 0);
  const cJSON *found = sl_pointer_get(p, root);
  sl_pointer_free(p);
  return found;
}

static void the_schema_has_keys_and_parameters(void **state) {
  (void)state;
  sl_schema_type types[FAKE_N];
  cJSON *schema = NULL;
  assert_int_equal(sl_schema_make(types, all_types(types), &schema, NULL), 0);
  assert_string_equal(cJSON_GetStringValue(at(schema, "/$schema")), "http://json-schema.org/draft-07/schema#");
  assert_string_equal(cJSON_GetStringValue(at(schema, "/required/0")), "stages");
  assert_non_null(at(schema, "/properties/budget"));
  assert_non_null(at(schema, "/properties/admin/anyOf/1/properties/listen"));
  assert_string_equal(cJSON_GetStringValue(at(schema, "/properties/state/anyOf/0/type")), "string");
  assert_non_null(at(schema, "/definitions/stage/properties/schedule/anyOf/1/properties/cron"));
  assert_non_null(at(schema, "/definitions/stage/properties/on_error/properties/backoff"));
  assert_null(at(schema, "/definitions/stage/properties/isolate"));
  assert_true(cJSON_IsFalse(at(schema, "/definitions/stage/additionalProperties")));
  assert_string_equal(cJSON_GetStringValue(at(schema, "/definitions/stage/required/1")), "uses");
  assert_null(at(schema, "/definitions/defaults/properties/with"));
  const char *number = "/definitions/with every/properties/number/anyOf/0";
  char p[128];
  snprintf(p, sizeof p, "%s/minimum", number);
  assert_true(at(schema, p)->valuedouble == -5);
  snprintf(p, sizeof p, "%s/maximum", number);
  assert_true(at(schema, p)->valuedouble == 1000);
  assert_string_equal(cJSON_GetStringValue(at(schema, "/definitions/with every/properties/mode/anyOf/0/enum/0")),
                      "fast");
  assert_string_equal(cJSON_GetStringValue(at(schema, "/definitions/with every/properties/mode/default")), "slow");
  assert_string_equal(cJSON_GetStringValue(at(schema, "/definitions/with store/required/0")), "path");
  assert_string_equal(cJSON_GetStringValue(at(schema, "/definitions/stage/allOf/0/if/properties/uses/const")), "files");
  assert_string_equal(cJSON_GetStringValue(at(schema, "/definitions/stage/allOf/0/then/required/0")), "with");
  cJSON_Delete(schema);
}

static void the_schema_survives_any_failed_allocation(void **state) {
  (void)state;
  sl_schema_type types[FAKE_N];
  uint32_t n = all_types(types);
  uint64_t before = sl_mem_count();
  cJSON *schema = NULL;
  assert_int_equal(sl_schema_make(types, n, &schema, NULL), 0);
  uint64_t total = sl_mem_count() - before;
  cJSON_Delete(schema);
  int64_t live = sl_mem_live();
  for (uint64_t i = 1; i <= total; i++) {
    schema = NULL;
    sl_mem_fail_at(i);
    int rc = sl_schema_make(types, n, &schema, NULL);
    sl_mem_fail_at(0);
    assert_int_equal(rc, SL_ENOMEM);
    assert_null(schema);
  }
  assert_int_equal(sl_mem_live(), live);
}

static void contains(const char *page, const char *what) {
  if (!strstr(page, what)) fail_msg("expected the page to hold \"%s\", found:\n%s", what, page);
}

static void the_reference_names_every_key(void **state) {
  (void)state;
  sl_buf buf = {0};
  assert_int_equal(sl_reference_keys(&buf), 0);
  contains(buf.data, "| `budget` | size (1KiB..) | `256MiB` | process |");
  contains(buf.data, "| `on_error.backoff` | duration (0..24h) | `200ms` |");
  contains(buf.data, "| `id` | string | required | every stage |");
  contains(buf.data, "- `isolate`: ");
  contains(buf.data, "| `lanes` | `auto` or int (1..1024) | auto | process |");
  sl_buf_done(&buf);
}

static void the_reference_shows_a_stage_type(void **state) {
  (void)state;
  sl_buf buf = {0};
  sl_schema_type every = {.uses = "every", .type = &fake_types[6]}, sum = {.uses = "summarize", .type = &fake_types[5]};
  assert_int_equal(sl_reference_stage(&every, &buf), 0);
  contains(buf.data, "# every\n");
  contains(buf.data, "| `number` | int (-5..1000) | `7` | A number. |");
  contains(buf.data, "| `mode` | `fast`, `slow`, `off` | `slow` | A word. |");
  contains(buf.data, "| `token` | string | – | A secret. Secret: never shown. |");
  contains(buf.data, "| `rules[].weight` | int (..10) | `1` | Weight. |");
  contains(buf.data, "| `copies` | map of pointer to pointer | – | New fields. The field is written. |");
  sl_buf_clear(&buf);
  assert_int_equal(sl_reference_stage(&sum, &buf), 0);
  contains(buf.data, "| `/sentences` | reads | array |  |");
  sl_buf_done(&buf);
}

static void the_reference_is_a_folder_of_pages(void **state) {
  (void)state;
  sl_schema_type types[FAKE_N];
  uint32_t n = all_types(types);
  char dir[] = "/tmp/sluice-reference-XXXXXX", path[256], *text = NULL;
  size_t len = 0;
  assert_non_null(mkdtemp(dir));
  assert_int_equal(sl_reference_write(dir, types, n, NULL), 0);
  snprintf(path, sizeof path, "%s/README.md", dir);
  assert_int_equal(sl_path_read(path, 0, &text, &len, NULL), 0);
  contains(text, "- [summarize](summarize.md): A summarize for tests.");
  sl_mem_free(text);
  for (uint32_t i = 0; i < n; i++) {
    snprintf(path, sizeof path, "%s/%s.md", dir, types[i].uses);
    assert_int_equal(remove(path), 0);
  }
  snprintf(path, sizeof path, "%s/README.md", dir);
  assert_int_equal(remove(path), 0);
  snprintf(path, sizeof path, "%s/pipeline.md", dir);
  assert_int_equal(remove(path), 0);
  assert_int_equal(remove(dir), 0);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_schema_has_keys_and_parameters), cmocka_unit_test(the_schema_survives_any_failed_allocation),
      cmocka_unit_test(the_reference_names_every_key),      cmocka_unit_test(the_reference_shows_a_stage_type),
      cmocka_unit_test(the_reference_is_a_folder_of_pages),
  };
  return cmocka_run_group_tests_name("conf/schema", tests, NULL, NULL);
}
