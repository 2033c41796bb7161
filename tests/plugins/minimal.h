/* SPDX-License-Identifier: Apache-2.0 */
/* A sound plugin in macros; a bad one defines one of them to something else before it includes this. */
#include <sluice/plugin.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)

#ifndef VERSION
#define VERSION "1"
#endif
#ifndef SUMMARY
#define SUMMARY "Lets everything through"
#endif
#ifndef MINOR
#define MINOR SL_ABI_MINOR
#endif
#ifndef MIN_HOST_MINOR
#define MIN_HOST_MINOR SL_ABI_MINOR
#endif
#ifndef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE sizeof(sl_plugin)
#endif
#ifndef CJSON_VERSION
#define CJSON_VERSION NULL
#endif
#ifndef ENTRY
#define ENTRY return &plugin
#endif

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)ctx;
  (void)stage;
  (void)lane;
  (void)doc;
  return SL_V_OK;
}

static const sl_stage_type type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = STRING(NAME),
    .summary = SUMMARY,
#ifdef PARAMS
    .params = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof *(PARAMS),
    .param_size = sizeof(sl_param),
    .params_size = PARAMS_SIZE,
#endif
    .process = process,
};
static const sl_stage_type *const types[] = {&type};
static const sl_plugin plugin = {
    .struct_size = DESCRIPTOR_SIZE,
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = MINOR,
    .min_host_minor = MIN_HOST_MINOR,
    .n_types = 1,
    .name = STRING(NAME),
    .version = VERSION,
    .license = "Apache-2.0",
    .description = "A plugin for tests",
    .cjson_version = CJSON_VERSION,
    .types = types,
};

SL_EXPORT const sl_plugin *sluice_plugin(void) { ENTRY; }
