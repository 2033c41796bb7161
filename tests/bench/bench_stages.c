/* SPDX-License-Identifier: Apache-2.0 */
/* Stages that do nothing, to measure what the core itself costs: a source of empty documents, a transform, a sink. */
#include <sluice/plugin.h>
#include <stdlib.h>

struct source_params {
  int64_t documents;
};

typedef struct source {
  const struct source_params *params;
  int64_t given;
} source;

static int32_t source_create(sl_ctx *ctx, const void *params, void **ret) {
  source *s = malloc(sizeof *s);
  (void)ctx;
  if (!s) return SL_ENOMEM;
  s->params = params;
  s->given = 0;
  *ret = s;
  return 0;
}

static int32_t source_start(sl_ctx *ctx, void *stage) {
  (void)ctx;
  ((source *)stage)->given = 0;
  return 0;
}

static int32_t source_produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  source *s = stage;
  static const sl_origin origin = {.uri = "bench:"};
  (void)lane;
  for (uint64_t used = 0; used < credit && s->given < s->params->documents; used += 256, s->given++) {
    sl_doc *doc = sl_new(ctx, NULL);
    if (!doc) return SL_V_FATAL;
    sl_set_origin(ctx, doc, &origin);
    if (sl_emit(ctx, doc) != 0) return SL_V_FATAL;
  }
  return s->given < s->params->documents ? SL_P_MORE : SL_P_END;
}

static const sl_param source_table[] = {
    SL_PARAM(struct source_params, documents, SL_T_INT, SL_PF_REQUIRED, NULL, "0..", "How many documents."),
};

static const sl_stage_type source_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "source",
    .summary = "Makes empty documents.",
    .params = source_table,
    .n_params = 1,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct source_params),
    .field_size = sizeof(sl_field),
    .create = source_create,
    .start = source_start,
    .produce = source_produce,
    .destroy = free,
};

static int32_t noop_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)ctx, (void)stage, (void)lane, (void)doc;
  return SL_V_OK;
}

static const sl_stage_type noop_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "noop",
    .summary = "Lets every document through.",
    .param_size = sizeof(sl_param),
    .field_size = sizeof(sl_field),
    .process = noop_process,
};

static int32_t null_write(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  (void)ctx, (void)stage, (void)lane, (void)docs, (void)n, (void)verdicts;
  return 0;
}

static const sl_stage_type null_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "null",
    .summary = "Takes every document.",
    .param_size = sizeof(sl_param),
    .field_size = sizeof(sl_field),
    .write = null_write,
};

static const sl_stage_type *const types[] = {&source_type, &noop_type, &null_type};
static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .n_types = 3,
    .name = "bench_stages",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .description = "Stages that do nothing.",
    .types = types,
};

SL_EXPORT const sl_plugin *sluice_plugin(void) { return &plugin; }
