/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin as it was written for version 0.1, against the frozen header of that version: never changed, always loaded.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/plugin.h>

typedef struct params {
  const char *word;
  int64_t times;
  int32_t mode;
  sl_list tags;
} params;

static const sl_param table[] = {
    SL_PARAM(params, word, SL_T_STRING, SL_PF_NONEMPTY, "xin", NULL, "What to write."),
    SL_PARAM(params, times, SL_T_INT, 0, "2", "1..9", "How often."),
    SL_PARAM(params, mode, SL_T_ENUM, 0, "plain", "plain|copy", "Copy makes a second document."),
    SL_PARAM(params, tags, SL_T_STRING, SL_PF_LIST, NULL, NULL, "Tags."),
};
static const sl_field fields[] = {
    {"/greeting", SL_C_WRITES, SL_J_STRING, "The word, repeated."},
    {"/tags", SL_C_WRITES_MAYBE, SL_J_NUMBER, "How many tags there are."},
};

typedef struct stage {
  const sl_host *host;
  const params *p;
} stage;

static int32_t create(sl_ctx *ctx, const void *p, void **ret_stage) {
  stage *s = sl_alloc(ctx, sizeof *s);
  if (!s) return sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL), SL_ENOMEM;
  *s = (stage){ctx->host, p};
  *ret_stage = s;
  return SL_OK;
}

static int fill(cJSON *body, const params *p) {
  char text[256] = "";
  for (int64_t i = 0; i < p->times; i++) strncat(text, p->word, sizeof text - strlen(text) - 1);
  return cJSON_AddStringToObject(body, "greeting", text) && cJSON_AddNumberToObject(body, "tags", p->tags.count);
}

static int32_t process(sl_ctx *ctx, void *self, void *lane, sl_doc *doc) {
  const stage *s = self;
  (void)lane;
  sl_doc *out = s->p->mode ? sl_new(ctx, doc) : doc;
  cJSON *body = out ? sl_body_edit(ctx, out) : NULL;
  if (!body || !fill(body, s->p)) return sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL), SL_V_RETRY;
  sl_count(ctx, "greeted", 1);
  sl_log(ctx, SL_LOG_INFO, sl_key(ctx, doc));
  return out == doc || !sl_emit(ctx, out) ? SL_V_OK : SL_V_RETRY;
}

static void destroy(void *self) {
  stage *s = self;
  if (s) s->host->free(s);
}

static const sl_stage_type type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "frozen",
    .summary = "Writes a greeting",
    .params = table,
    .n_params = sizeof table / sizeof *table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(params),
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
    .field_size = sizeof(sl_field),
    .create = create,
    .process = process,
    .destroy = destroy,
};
static const sl_stage_type *const types[] = {&type};
static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .n_types = 1,
    .name = "frozen",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .description = "Built against plugin.h 0.1",
    .cjson_version = cJSON_Version,
    .types = types,
};

SL_EXPORT const sl_plugin *sluice_plugin(void) { return &plugin; }
