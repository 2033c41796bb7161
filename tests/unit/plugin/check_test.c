/* SPDX-License-Identifier: Apache-2.0 */
/* sl_plugin_check: each rule of the descriptor, broken alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "plugin/loader.h"

typedef struct params {
  int64_t n;
  const char *s;
  sl_list list;
  int32_t mode;
  int32_t flag;
} params;

/* A sound plugin that each case changes in one place. */
typedef struct kit {
  sl_param fields[2], rows[4];
  sl_field contract[2];
  sl_stage_type type, second;
  const sl_stage_type *types[2];
  sl_plugin plugin;
} kit;

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)ctx;
  (void)stage;
  (void)lane;
  (void)doc;
  return SL_V_OK;
}
static int32_t produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  (void)ctx;
  (void)stage;
  (void)lane;
  (void)credit;
  return SL_P_END;
}
static int32_t write_batch(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  (void)ctx;
  (void)stage;
  (void)lane;
  (void)docs;
  (void)n;
  (void)verdicts;
  return 0;
}
static void cancel(sl_ctx *ctx, void *stage, void *lane, uint64_t ticket) {
  (void)ctx;
  (void)stage;
  (void)lane;
  (void)ticket;
}
static const char *own_version(void) { return "0.0.1"; }

static void make(kit *k) {
  memset(k, 0, sizeof *k);
  k->fields[0] = (sl_param)SL_PARAM(params, n, SL_T_INT, 0, "1", NULL, "A number.");
  k->fields[1] = (sl_param)SL_PARAM(params, s, SL_T_STRING, 0, NULL, NULL, "A text.");
  k->rows[0] = k->fields[0];
  k->rows[1] = k->fields[1];
  k->rows[2] = (sl_param)SL_PARAM(params, list, SL_T_STRUCT, SL_PF_LIST, NULL, NULL, "A list of structs.");
  k->rows[2].fields = k->fields;
  k->rows[2].n_fields = 2;
  k->rows[2].elem_size = sizeof(params);
  k->rows[3] = (sl_param)SL_PARAM(params, mode, SL_T_ENUM, 0, "a", "a|b", "A mode.");
  k->contract[0] = (sl_field){"/text", SL_C_READS, SL_J_STRING, "The text."};
  k->contract[1] = (sl_field){"@payload", SL_C_READS_MAYBE, 0, "The payload."};
  k->type = (sl_stage_type){.struct_size = sizeof(sl_stage_type),
                            .kind = SL_TRANSFORM,
                            .name = "kit",
                            .summary = "For tests",
                            .params = k->rows,
                            .n_params = 4,
                            .param_size = sizeof(sl_param),
                            .params_size = sizeof(params),
                            .n_fields = 2,
                            .fields = k->contract,
                            .field_size = sizeof(sl_field),
                            .process = process};
  k->second = k->type;
  k->second.name = "second";
  k->types[0] = &k->type;
  k->types[1] = &k->second;
  k->plugin = (sl_plugin){.struct_size = sizeof(sl_plugin),
                          .abi_major = SL_ABI_MAJOR,
                          .abi_minor = SL_ABI_MINOR,
                          .n_types = 2,
                          .name = "kit",
                          .version = "1",
                          .license = "Apache-2.0",
                          .description = "For tests",
                          .cjson_version = cJSON_Version,
                          .types = k->types};
}

/* The check must refuse and say both things; hint may be NULL. */
static void refused(const kit *k, const char *expected, const char *hint) {
  sl_err err = {0};
  if (!sl_plugin_check(&k->plugin, "/p/kit.so", &err)) fail_msg("expected a refusal with \"%s\", found none", expected);
  if (err.code != SL_EPLUGIN) fail_msg("expected SL_EPLUGIN, found %d", err.code);
  if (!strstr(err.message, expected)) fail_msg("expected \"%s\" in: %s", expected, err.message);
  if (!strstr(err.message, "/p/kit.so")) fail_msg("expected the file in: %s", err.message);
  if (!err.hint[0] || (hint && !strstr(err.hint, hint)))
    fail_msg("expected \"%s\" in the hint: %s", hint ? hint : "", err.hint);
}

/* CASE(change, part of the message, part of the hint): on a fresh kit k. */
#define CASE(change, expected, hint) \
  do {                               \
    kit k;                           \
    make(&k);                        \
    change;                          \
    refused(&k, expected, hint);     \
  } while (0)

static void the_kit_is_sound(void **state) {
  (void)state;
  sl_err err = {0};
  kit k;
  make(&k);
  if (sl_plugin_check(&k.plugin, "/p/kit.so", &err)) fail_msg("%s", err.message);
  k.plugin.cjson_version = NULL;
  assert_int_equal(sl_plugin_check(&k.plugin, "/p/kit.so", &err), 0);
  assert_int_equal(sl_plugin_check(NULL, "/p/kit.so", &err), SL_EPLUGIN);
}

static void versions(void **state) {
  (void)state;
  CASE(k.plugin.struct_size = 4, "found struct_size 4", "rebuild");
  CASE(k.plugin.struct_size += 8, "expected a descriptor of 64 bytes, found struct_size 72", "rebuild");
  CASE(k.plugin.abi_major = 1, "expected plugin ABI 0.1, found 1.1", "install the Sluice");
  CASE(k.plugin.abi_minor = 0, "expected plugin ABI 0.1, found 0.0", "rebuild");
  CASE(k.plugin.min_host_minor = 2, "ABI 0.2 or newer", "newer Sluice");
  CASE(k.plugin.name = "Kit", "expected a name, found `Kit`", "[a-z]");
  CASE(k.plugin.name = NULL, "expected a name, found `NULL`", "[a-z]");
  CASE(k.plugin.name = "kitten", "expected a file called kitten.so", "rename");
  CASE(k.plugin.license = NULL, "expected version, license and description", "fill");
  CASE(k.plugin.cjson_version = own_version, "private copy (0.0.1)", "libcjson");
  CASE(k.plugin.n_types = 0, "expected 1 to 256 stage types, found 0", NULL);
  CASE(k.plugin.n_types = 1000, "found 1000", NULL);
  CASE(k.plugin.types = NULL, "at NULL", NULL);
  CASE(k.types[1] = NULL, "at place 1, found NULL", NULL);
  CASE(k.second.name = "kit", "found `kit` twice", NULL);
}

static void stage_types(void **state) {
  (void)state;
  CASE(k.type.struct_size -= 8, "expected a stage type of", "rebuild");
  CASE(k.type.name = "1kit", "found `1kit`", NULL);
  CASE(k.type.kind = 4, "found 4", NULL);
  CASE(k.type.summary = "", "expected a summary", NULL);
  CASE(k.type.flags = 1u << 20, "flags that this version does not know", NULL);
  CASE(k.type.flags = SL_F_ASYNC | SL_F_BLOCKING, "both ASYNC and BLOCKING", NULL);
  CASE(k.type.flags = SL_F_ASYNC | SL_F_SERIAL, "both ASYNC and SERIAL", NULL);
  CASE(k.type.flags = SL_F_TEXT, "TEXT, which is for sinks", NULL);
  CASE(k.type.process = NULL, "a transform without `process`", NULL);
  CASE(k.type.produce = produce, "`produce`, which is for sources", NULL);
  CASE(k.type.write = write_batch, "`write`, which is for sinks", NULL);
  CASE(k.type.cancel = cancel, "`cancel` without the flag ASYNC", NULL);
  CASE(k.type.kind = SL_SOURCE, "a source without `produce`", NULL);
  CASE(k.type.kind = SL_SINK, "a sink without `write`", NULL);
  CASE((k.type.kind = SL_SOURCE, k.type.produce = produce), "`process`, which is for transforms", NULL);
  CASE((k.type.kind = SL_SINK, k.type.process = NULL, k.type.write = write_batch, k.type.flags = SL_F_PURE),
       "PURE, which", NULL);
  CASE(k.type.field_size = 8, "contract fields of", NULL);
  CASE(k.type.fields = NULL, "at NULL", NULL);
  CASE(k.contract[0].pointer = "text", "expected a JSON pointer or @payload, found `text`", NULL);
  CASE(k.contract[0].pointer = "@else", "found `@else`", NULL);
  CASE(k.contract[0].access = 9, "found 9 and", NULL);
  CASE(k.contract[1].types = 64, "and 64", NULL);
  CASE(k.type.param_size = 56, "expected parameters of", "rebuild");
  CASE(k.type.params = NULL, "at NULL", NULL);
}

static void parameters(void **state) {
  (void)state;
  CASE(k.rows[0].name = "n-n", "found `n-n`", "SL_PARAM");
  CASE(k.rows[0].type = 0, "expected a type of 1 to 13, found 0", NULL);
  CASE(k.rows[0].type = 99, "found 99", NULL);
  CASE(k.rows[0].flags = 1u << 30, "flags that this version does not know", NULL);
  CASE(k.rows[2].flags = SL_PF_LIST | SL_PF_MAP, "both LIST and MAP", NULL);
  CASE(k.rows[0].flags = SL_PF_REQUIRED, "both REQUIRED and a default", NULL);
  CASE(k.rows[0].flags = SL_PF_KEY_POINTER, "KEY_POINTER without MAP", NULL);
  CASE(k.rows[0].flags = SL_PF_WRITES, "on what is no pointer", NULL);
  CASE(k.rows[0].flags = SL_PF_OUTPUT, "OUTPUT on what is no PATH", NULL);
  CASE(k.rows[2].flags = 0, "STRUCT without LIST", NULL);
  CASE(k.rows[0].help = NULL, "parameter n: expected a help text", NULL);
  CASE(k.rows[3].range = NULL, "expected a range of names", NULL);
  CASE(k.rows[3].range = "a||b", "found `a||b`", NULL);
  CASE(k.rows[3].range = "a|", "found `a|`", NULL);
  CASE(k.rows[0].size = 4, "parameter n: expected a field of 8 bytes, found 4", NULL);
  CASE(k.rows[1].offset = sizeof(params), "expected a field inside the struct of 40 bytes, found bytes 40 to 48", NULL);
  CASE(k.rows[1].offset = 0xfffffff8u, "found bytes 4294967288 to 4294967296", NULL);
  CASE(k.rows[1].offset = 33, "found bytes 33 to 41", NULL);
  CASE(k.rows[3].offset = 34, "multiple of 4, found 34", NULL);
  CASE(k.rows[1].offset = 0, "n and s overlap", NULL);
  CASE(k.rows[1].name = "n", "found `n` twice", NULL);
  CASE(k.rows[2].fields = NULL, "expected the parameters of its element", NULL);
  CASE(k.rows[2].elem_size = 8, "parameter list, parameter s: expected a field inside the struct of 8 bytes", NULL);
  CASE((k.rows[2].fields = k.rows, k.rows[2].n_fields = 4), "levels deep", NULL);
  CASE(k.type.n_params = 501, "expected at most 500 parameters", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_kit_is_sound),
      cmocka_unit_test(versions),
      cmocka_unit_test(stage_types),
      cmocka_unit_test(parameters),
  };
  return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
