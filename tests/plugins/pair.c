/* SPDX-License-Identifier: Apache-2.0 */
/* Two stage types in one plugin. */
#include <sluice/plugin.h>

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)ctx;
  (void)stage;
  (void)lane;
  (void)doc;
  return SL_V_OK;
}

static const sl_stage_type left = {
    .struct_size = sizeof(sl_stage_type), .kind = SL_TRANSFORM, .name = "left", .summary = "Left", .process = process};
static const sl_stage_type right = {.struct_size = sizeof(sl_stage_type),
                                    .kind = SL_TRANSFORM,
                                    .name = "right",
                                    .summary = "Right",
                                    .process = process};
static const sl_stage_type *const types[] = {&left, &right};
static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .n_types = 2,
    .name = "pair",
    .version = "1",
    .license = "Apache-2.0",
    .description = "Two types",
    .types = types,
};

SL_EXPORT const sl_plugin *sluice_plugin(void) { return &plugin; }
