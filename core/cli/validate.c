/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice validate`: every error and warning of a pipeline file, by the code that `run` runs. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/load.h"
#include "run/engine.h"

static int print_json(sl_diags *diags, const char *file, const sl_pipeline *pipeline) {
  sl_err err = {0};
  cJSON *list = NULL, *out = cJSON_CreateObject();
  if (sl_diags_json(diags, &list, &err) != 0) {
    cJSON_Delete(out);
    return sl_cli_fail(&err);
  }
  cJSON_AddStringToObject(out, "file", file);
  cJSON_AddBoolToObject(out, "valid", pipeline != NULL);
  cJSON_AddNumberToObject(out, "errors", sl_diags_errors(diags));
  cJSON_AddNumberToObject(out, "warnings", sl_diags_warnings(diags));
  cJSON_AddItemToObject(out, "diagnostics", list);
  return sl_cli_print_json(out, 1);
}

static void say_nothing(void *user, int32_t level, const char *stage, const char *text) {
  (void)user;
  (void)level;
  (void)stage;
  (void)text;
}

/* Makes the stages without starting them: what a stage finds wrong with its parameters is an error of the file, too. */
static int make_stages(const sl_pipeline *pipeline, const char *file, sl_diags *diags) {
  sl_run_opts opts = {.log = say_nothing, .seed = 1};
  sl_engine *engine = NULL;
  sl_err err;
  int rc = sl_engine_new(pipeline, &opts, &engine, &err);
  if (rc != 0) {
    if (err.pos.file) err.pos.file = file; /* as the other messages name it */
    size_t n = strlen(err.message);
    if (err.detail[0]) (void)snprintf(err.message + n, sizeof err.message - n, ": %s", err.detail);
    sl_diags_add(diags, err.pos, &err);
  }
  sl_engine_free(engine);
  return rc;
}

static int check_one(const sl_cli *cli, const char *file, sl_registry *registry) {
  sl_pipeline *pipeline = NULL;
  sl_diags *diags = sl_diags_new();
  if (!diags) {
    sl_err err;
    sl_err_set(&err, SL_ENOMEM, "memory is out");
    return sl_cli_fail(&err);
  }
  int rc = sl_cli_load_diags(cli, file, registry, diags, &pipeline);
  if (rc == 0) rc = make_stages(pipeline, file, diags);
  int code = rc == 0 ? SL_EXIT_OK : SL_EXIT_PIPELINE;
  uint32_t errors = sl_diags_errors(diags), warnings = sl_diags_warnings(diags);
  if (sl_cli_has(cli, "json")) {
    int printed = print_json(diags, file, rc == 0 ? pipeline : NULL);
    if (printed != SL_EXIT_OK) code = printed;
  } else {
    sl_cli_print_diags(diags);
    if (rc != 0) {
      fprintf(stderr, "%s: %u error%s, %u warning%s\n", file, errors, errors == 1 ? "" : "s", warnings,
              warnings == 1 ? "" : "s");
    } else if (!sl_cli_has(cli, "quiet")) {
      printf("%s: valid: %u stages", file, pipeline->n_stages);
      if (warnings) printf(", %u warning%s", warnings, warnings == 1 ? "" : "s");
      printf("\n");
    }
    if (rc == 0 && warnings && sl_cli_has(cli, "strict")) code = SL_EXIT_PIPELINE;
  }
  sl_pipeline_free(pipeline);
  sl_diags_free(diags);
  return code;
}

static int run_validate(const sl_cli *cli) {
  sl_registry *registry = NULL;
  int rc = sl_cli_registry(cli, &registry);
  for (size_t i = 0; rc != SL_EXIT_FAILED && i < cli->n_args; i++) {
    int one = check_one(cli, cli->args[i], registry);
    if (one != SL_EXIT_OK) rc = one;
  }
  sl_registry_free(registry);
  return rc;
}

static const sl_cli_option options[] = {
    {"set", 's', "STAGE.PARAM=VALUE", "Overrides a parameter. May be repeated."},
    {"strict", 0, NULL, "Warnings make the file invalid, too."},
    {"quiet", 'q', NULL, "Prints nothing when the file is valid."},
    {"json", 0, NULL, "All errors and warnings as one JSON object."},
};

const sl_cli_command sl_cmd_validate = {
    .name = "validate",
    .args = "FILE...",
    .summary = "Checks pipeline files without starting anything.",
    .more = "Each message is FILE:LINE:COL with the source line; all are shown at once.\n"
            "Exit codes: 0 valid; 4 not valid.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 1,
    .max_args = 1000,
    .run = run_validate,
};
