/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a pipeline file as every command does it. */
#ifndef SLUICE_CLI_LOAD_H
#define SLUICE_CLI_LOAD_H

#include "cli/cli.h"
#include "conf/diag.h"

/* Loads with the --set options given; nothing is printed. 0 or an error, as sl_pipeline_load. */
int sl_cli_load_diags(const sl_cli *cli, const char *file, sl_registry *registry, sl_diags *diags, sl_pipeline **ret);
/* The same; files (or NULL) gets the paths that ${file:} names. */
int sl_cli_load_files(const sl_cli *cli, const char *file, sl_registry *registry, sl_diags *diags,
                      struct sl_strlist *files, sl_pipeline **ret);
/* As sl_cli_load. */
int sl_cli_load_first(const sl_cli *cli, const char *file, sl_registry *registry, struct sl_strlist *files,
                      sl_pipeline **ret);
/* To stderr, for people. */
void sl_cli_print_diags(sl_diags *diags);

#endif
