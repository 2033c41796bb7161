/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a pipeline with log, progress line and signals, for the commands `run` and `bench`. */
#ifndef SLUICE_CLI_EXEC_H
#define SLUICE_CLI_EXEC_H

#include "cli/cli.h"
#include "run/engine.h"

struct sl_buf;
struct sl_strlist;

typedef struct sl_exec {
  sl_pipeline *pipeline; /* [taken by sl_exec_run]; for `done` that of the last generation */
  sl_run_opts opts;
  int quiet, progress; /* progress: 1 asked for, 0 only on a terminal */
  int log_format;      /* SL_LOG_TEXT … */
  int32_t log_level;
  int reprocess;       /* begin anew, whatever the state says */
  uint64_t generation; /* for `done`: the last that ran */
  int failed;          /* for `done`: it could not start, or a stage gave up */
  /* Loads the pipeline again, see run/supervisor.h; NULL: there is no reload. */
  int (*load)(void *user, sl_pipeline **ret, struct sl_buf *text, struct sl_strlist *files);
  void *load_user;
  const struct sl_strlist *files; /* that it was loaded from, beside the file itself; or NULL */
  int watch;                      /* reload when one of them changed */
  /* Called with the exact counts before the engine is freed. */
  void (*done)(void *user, const sl_run_stats *stats);
  void *user;
} sl_exec;

/* --log-format and --verbose; --quiet, --progress. Returns an exit code. */
int sl_exec_options(const sl_cli *cli, sl_exec *x);
/* daemon.c. Returns the exit code of the run. Errors are printed. */
int sl_exec_run(sl_exec *x);

#endif
