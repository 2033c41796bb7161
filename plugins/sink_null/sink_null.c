/* SPDX-License-Identifier: Apache-2.0 */
/* sink_null: takes every document and keeps none, to measure or to try the stages before it. */
#include <sluice/plugin.h>

#define READ_NONE 0
#define READ_BODY 1
#define READ_TEXT 2

struct params {
  int32_t read;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, read, SL_T_ENUM, 0, "none", "none|body|text",
             "What a document costs before it is forgotten: none, body (parsed JSON) or text (printed JSON)."),
};

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  (void)ctx;
  *ret_stage = (void *)(uintptr_t)params;
  return SL_OK;
}

static int32_t look(sl_ctx *ctx, sl_doc *doc, int32_t read) {
  sl_bytes text;
  if (read == READ_BODY && !sl_body(ctx, doc)) {
    sl_fail_doc(ctx, doc, SL_ENOMEM, "the body could not be parsed: memory is out", NULL, "lower budget: or batch:");
    return SL_V_RETRY;
  }
  int32_t rc = read == READ_TEXT ? sl_text(ctx, doc, &text) : SL_OK;
  if (rc < 0) {
    int out = rc == SL_ENOMEM;
    sl_fail_doc(ctx, doc, rc, out ? "memory is out" : "the body could not be printed as JSON", NULL, NULL);
    return out ? SL_V_RETRY : SL_V_REJECT;
  }
  return SL_V_OK;
}

static int32_t write_batch(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  const struct params *p = stage;
  (void)lane;
  if (p->read == READ_NONE) return SL_OK;
  for (uint32_t i = 0; i < n; i++) verdicts[i] = look(ctx, docs[i], p->read);
  return SL_OK;
}

static const sl_stage_type sink_null_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "sink_null",
    .summary = "Takes every document and keeps none",
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .create = create,
    .write = write_batch,
};

static const sl_stage_type *const types[] = {&sink_null_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "sink_null",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "A sink that keeps nothing",
      .types = types,
  };
  return &plugin;
}
