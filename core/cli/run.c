/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice run`: a pipeline file to its end, with a table of what became of the documents. */
#include <cjson/cJSON.h>
#include <signal.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/exec.h"
#include "cli/load.h"
#include "cli/report.h"
#include "obs/term.h"

typedef struct run_state {
  const sl_cli *cli;
  const sl_exec *exec;
  sl_registry *registry;
  int dry;
} run_state;

/* Loads the file again while the pipeline runs: errors and warnings as text. */
static int reload(void *user, sl_pipeline **ret, sl_buf *text, sl_strlist *files) {
  const run_state *r = user;
  sl_diags *diags = sl_diags_new();
  if (!diags) return SL_ENOMEM;
  int rc = sl_cli_load_files(r->cli, r->cli->args[0], r->registry, diags, files, ret);
  (void)sl_diags_print(diags, text, 0);
  sl_diags_free(diags);
  if (rc == 0 && sl_cli_has(r->cli, "verbose")) (*ret)->log_level = SL_LOG_DEBUG;
  return rc;
}

static void finish(void *user, const sl_run_stats *stats) {
  run_state *r = user;
  if (sl_cli_has(r->cli, "json")) {
    cJSON *out = sl_report_json(r->exec->pipeline, stats, 0);
    cJSON_AddNumberToObject(out, "generation", (double)r->exec->generation);
    if (stats->signal) cJSON_AddNumberToObject(out, "signal", stats->signal);
    if (stats->dead && !r->dry)
      cJSON_AddStringToObject(out, "dead_letters",
                              r->exec->pipeline->state ? r->exec->pipeline->state : r->exec->pipeline->dead_path);
    (void)sl_cli_print_json(out, 0);
    return;
  }
  /* The error has been said; a table of zeros would hide it. */
  if (sl_cli_has(r->cli, "quiet") || (r->exec->failed && !stats->in)) return;
  fflush(stdout);
  sl_report_table(stats, stderr, sl_term_colors(stderr));
  fputc('\n', stderr);
  sl_report_summary(stats, stderr);
  if (stats->signal)
    fprintf(stderr, "stopped by a signal%s\n",
            stats->unfinished ? " before all was finished" : "; what was under way is finished");
  if (r->dry)
    fprintf(stderr, "dry run: nothing was stored\n");
  else if (!r->exec->failed)
    sl_report_outputs(r->exec->pipeline, stderr);
  if (stats->dead && !r->dry) sl_report_dead(r->exec->pipeline, stats, stderr);
}

static int run_run(const sl_cli *cli) {
  sl_pipeline *pipeline = NULL;
  sl_strlist files = {0};
  run_state state = {.cli = cli, .dry = sl_cli_has(cli, "dry-run")};
  sl_exec x = {.done = finish, .user = &state};
  uint64_t seed = 0;
  state.exec = &x;
  /* The file is about to be read: an order to read it again must not end the process before it is listened to. */
  if (signal(SIGHUP, SIG_IGN) == SIG_ERR) return SL_EXIT_FAILED;
  int rc = sl_cli_count(cli, "limit", 1, &x.opts.limit);
  if (rc == SL_EXIT_OK) rc = sl_cli_count(cli, "seed", 0, &seed);
  if (rc == SL_EXIT_OK) rc = sl_exec_options(cli, &x);
  if (rc == SL_EXIT_OK) rc = sl_cli_registry(cli, &state.registry);
  if (rc == SL_EXIT_OK) rc = sl_cli_load_first(cli, cli->args[0], state.registry, &files, &pipeline);
  if (rc == SL_EXIT_OK) {
    if (sl_cli_has(cli, "verbose")) pipeline->log_level = SL_LOG_DEBUG;
    x.pipeline = pipeline;
    x.files = &files;
    x.load = reload;
    x.load_user = &state;
    x.watch = sl_cli_has(cli, "reload-on-change");
    x.opts.dry_run = state.dry;
    x.reprocess = sl_cli_has(cli, "reprocess");
    x.opts.seed = seed;
    rc = sl_exec_options(cli, &x);
    if (rc != SL_EXIT_OK) sl_pipeline_free(pipeline);
  }
  if (rc == SL_EXIT_OK) rc = sl_exec_run(&x);
  sl_registry_free(state.registry);
  sl_strlist_done(&files);
  return rc;
}

static const sl_cli_option options[] = {
    {"set", 's', "STAGE.PARAM=VALUE", "Overrides a parameter, or lanes=N. Repeatable."},
    {"limit", 'n', "N", "Stops the sources after N documents."},
    {"dry-run", 0, NULL, "Runs everything but the sinks; stores nothing."},
    {"reprocess", 0, NULL, "Begins anew: forgets what the state says was read."},
    {"reload-on-change", 0, NULL, "Reloads when the file or a plugin changes."},
    {"json", 0, NULL, "The final counts as one JSON object on stdout."},
    {"quiet", 'q', NULL, "No table, no progress; errors only."},
    {"progress", 0, NULL, "A progress line each 5 s without a terminal, too."},
    {"verbose", 'v', NULL, "Logs debug lines."},
    {"log-format", 0, "FORMAT", "text, logfmt or json. Default: text on a terminal."},
    {"seed", 0, "N", "Seed of the host's random numbers."},
};

const sl_cli_command sl_cmd_run = {
    .name = "run",
    .args = "FILE",
    .summary = "Runs a pipeline file to the end of its input.",
    .more = "Log, progress and table go to stderr; documents of sink_stdout to stdout.\n"
            "SIGINT or SIGTERM stops the sources and finishes what is under way; a second\n"
            "one ends at once. SIGHUP loads the file again without losing a document.\n"
            "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, with dead letters;\n"
            "4 the pipeline file is wrong; 130, 143 stopped by SIGINT, SIGTERM.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 1,
    .max_args = 1,
    .run = run_run,
};
