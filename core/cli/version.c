/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice version`: what this binary is made of. */
#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <uv.h>
#include <yaml.h>

#include "cli/cli.h"

#ifndef SLUICE_VERSION
#error "SLUICE_VERSION comes from the build"
#endif

static int run_version(const sl_cli *cli) {
  char abi[16];
  snprintf(abi, sizeof abi, "%d.%d", SL_ABI_MAJOR, SL_ABI_MINOR);
  if (!sl_cli_has(cli, "json")) {
    printf("sluice %s (plugin contract %s; cJSON %s, libuv %s, libyaml %s, SQLite %s)\n", SLUICE_VERSION, abi,
           cJSON_Version(), uv_version_string(), yaml_get_version_string(), sqlite3_libversion());
    return SL_EXIT_OK;
  }
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "version", SLUICE_VERSION);
  cJSON_AddStringToObject(out, "abi", abi);
  cJSON_AddStringToObject(out, "cjson", cJSON_Version());
  cJSON_AddStringToObject(out, "libuv", uv_version_string());
  cJSON_AddStringToObject(out, "libyaml", yaml_get_version_string());
  cJSON_AddStringToObject(out, "sqlite", sqlite3_libversion());
  return sl_cli_print_json(out, 0);
}

static const sl_cli_option options[] = {
    {"json", 0, NULL, "One JSON object."},
};

const sl_cli_command sl_cmd_version = {
    .name = "version",
    .args = "",
    .summary = "Shows the versions of Sluice, its contract and its libraries.",
    .options = options,
    .n_options = 1,
    .run = run_version,
};
