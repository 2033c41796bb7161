/* SPDX-License-Identifier: Apache-2.0 */
/* filter: lets documents through, or drops them on purpose, by a condition. */
#include <sluice/plugin.h>

struct params {
  const sl_cond *keep;
  const sl_cond *drop;
};

/* NOLINTBEGIN(bugprone-sizeof-expression): the fields are pointers, and it is their size that the core checks. */
static const sl_param params_table[] = {
    SL_PARAM(struct params, keep, SL_T_CONDITION, SL_PF_READS, NULL, NULL,
             "Documents that match go on, all others are dropped. Give keep or drop, not both."),
    SL_PARAM(struct params, drop, SL_T_CONDITION, SL_PF_READS, NULL, NULL,
             "Documents that match are dropped, all others go on."),
};
/* NOLINTEND(bugprone-sizeof-expression) */

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const struct params *p = params;
  if (!p->keep == !p->drop) {
    sl_fail(ctx, SL_EINVAL, p->keep ? "filter has both keep and drop" : "filter has no condition",
            "expected exactly one of keep and drop", "write e.g. with: { keep: { path: /lang, equals: vi } }");
    return SL_EINVAL;
  }
  *ret_stage = (void *)(uintptr_t)p;
  return SL_OK;
}

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  const struct params *p = stage;
  (void)lane;
  if (p->keep) return sl_match(ctx, p->keep, doc) ? SL_V_OK : SL_V_DROP;
  return sl_match(ctx, p->drop, doc) ? SL_V_DROP : SL_V_OK;
}

static const sl_stage_type filter_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "filter",
    .summary = "Keeps or drops documents by a condition",
    .flags = SL_F_PURE,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .create = create,
    .process = process,
};

static const sl_stage_type *const types[] = {&filter_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "filter",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Keeps or drops documents by a condition",
      .types = types,
  };
  return &plugin;
}
