/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_http: pages over HTTP, as a source and as a transform. */
#include "fetch.h"

static const sl_stage_type *const types[] = {&fetch_http_list_type, &fetch_http_page_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = sizeof types / sizeof *types,
      .name = "fetch_http",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Pages over HTTP",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
