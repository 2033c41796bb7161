/* SPDX-License-Identifier: Apache-2.0 */
/* @NAME@: a source of numbered documents. Put your own work in its place. */
#include <cjson/cJSON.h>
#include <sluice/plugin.h>
#include <stdio.h>
#include <stdlib.h>

/* The parameters as the core parses them from `with:`. */
struct params {
  int64_t count;
};

typedef struct stage {
  const struct params *params;
  int64_t next;
} stage;

static const sl_param params_table[] = {
    SL_PARAM(struct params, count, SL_T_INT, 0, "10", "0..", "How many documents it makes."),
};

/* The contract: what every document has. */
static const sl_field fields[] = {
    {"/id", SL_C_WRITES, SL_J_NUMBER, "the number of the document"},
};

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  stage *s = calloc(1, sizeof *s);
  (void)ctx;
  if (!s) return SL_ENOMEM;
  s->params = params;
  *ret_stage = s;
  return SL_OK;
}

/* Connections and the like are opened here: start may be called again after stop. */
static int32_t start(sl_ctx *ctx, void *self) {
  (void)ctx;
  ((stage *)self)->next = 0;
  return SL_OK;
}

static int32_t emit_one(sl_ctx *ctx, int64_t number) {
  char locator[32];
  (void)snprintf(locator, sizeof locator, "n=%lld", (long long)number);
  sl_doc *doc = sl_new(ctx, NULL);
  if (!doc) return SL_ENOMEM;
  /* The origin makes the record key: the same record has the same one in every run. */
  sl_origin origin = {.uri = "@NAME@:", .locator = locator};
  cJSON *body = sl_body_edit(ctx, doc);
  if (sl_set_origin(ctx, doc, &origin) != 0 || !body || !cJSON_AddNumberToObject(body, "id", (double)number)) {
    sl_discard(ctx, doc);
    return SL_ENOMEM;
  }
  return sl_emit(ctx, doc);
}

/* Called while there is credit: emit about that many bytes and return. */
static int32_t produce(sl_ctx *ctx, void *self, void *lane, uint64_t credit) {
  stage *s = self;
  (void)lane;
  for (uint64_t used = 0; used < credit && s->next < s->params->count; used += 64) {
    if (emit_one(ctx, s->next) != 0) {
      sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
      return SL_V_FATAL;
    }
    s->next++;
  }
  return s->next < s->params->count ? SL_P_MORE : SL_P_END;
}

static const sl_stage_type stage_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "@NAME@",
    .summary = "Makes numbered documents",
    .params = params_table,
    .n_params = sizeof params_table / sizeof params_table[0],
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .fields = fields,
    .n_fields = sizeof fields / sizeof fields[0],
    .field_size = sizeof(sl_field),
    .create = create,
    .start = start,
    .produce = produce,
    .destroy = free,
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
    .description = "Makes numbered documents",
    .cjson_version = cJSON_Version,
    .types = types,
};

const sl_plugin *sluice_plugin(void) { return &plugin; }
