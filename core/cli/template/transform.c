/* SPDX-License-Identifier: Apache-2.0 */
/* @NAME@: counts the words of /text. Put your own work in its place. */
#include <cjson/cJSON.h>
#include <sluice/plugin.h>

/* The parameters as the core parses them from `with:`. */
struct params {
  int64_t min;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, min, SL_T_INT, 0, "0", "0..", "Documents with fewer words are dropped."),
};

/* The contract: a pipeline in which nothing writes /text before this stage is refused before it starts. */
static const sl_field fields[] = {
    {"/text", SL_C_READS, SL_J_STRING, "the text"},
    {"/@NAME@", SL_C_WRITES, SL_J_NUMBER, "how many words it has"},
};

/* Plain C, apart from the plugin's glue: easy to test. */
static int64_t count_words(const char *text) {
  int64_t n = 0;
  for (int inside = 0; *text; text++) {
    int space = *text == ' ' || *text == '\n' || *text == '\t' || *text == '\r';
    if (!space && !inside) n++;
    inside = !space;
  }
  return n;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  (void)ctx;
  *ret_stage = (void *)(uintptr_t)params;
  return SL_OK;
}

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  const struct params *p = stage;
  (void)lane;
  const cJSON *before = sl_body(ctx, doc);
  if (!before) return SL_V_RETRY; /* memory is out; the host has said so */
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(before, "text");
  if (!cJSON_IsString(text)) {
    sl_fail(ctx, SL_EINVAL, "expected a string at /text, found none", NULL, NULL);
    return SL_V_REJECT;
  }
  int64_t n = count_words(text->valuestring);
  if (n < p->min) return SL_V_DROP;
  /* The body for writing: a copy if another branch of the pipeline shares it. */
  cJSON *body = sl_body_edit(ctx, doc);
  if (!body) return SL_V_RETRY;
  cJSON_DeleteItemFromObjectCaseSensitive(body, "@NAME@");
  if (cJSON_AddNumberToObject(body, "@NAME@", (double)n)) return SL_V_OK;
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_V_RETRY;
}

static const sl_stage_type stage_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "@NAME@",
    .summary = "Counts the words of a text",
    .flags = SL_F_PURE,
    .params = params_table,
    .n_params = sizeof params_table / sizeof params_table[0],
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .fields = fields,
    .n_fields = sizeof fields / sizeof fields[0],
    .field_size = sizeof(sl_field),
    .create = create,
    .process = process,
};

static const sl_stage_type *const types[] = {&stage_type};

static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .n_types = 1,
    .name = "@NAME@",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .description = "Counts the words of a text",
    .cjson_version = cJSON_Version,
    .types = types,
};

const sl_plugin *sluice_plugin(void) { return &plugin; }
