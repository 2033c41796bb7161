/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: a table of commands, each with a table of options, parsed in one place.
 *
 * Every command prints results to standard output and everything else to standard error, and returns an exit code.
 */
#ifndef SLUICE_CLI_CLI_H
#define SLUICE_CLI_CLI_H

#include <stdio.h>

#include "base/strlist.h"
#include "conf/pipeline.h"
#include "plugin/loader.h"

struct cJSON;

/* Exit codes, the same for every command. */
#define SL_EXIT_OK 0
#define SL_EXIT_FAILED 1   /* it could not be done, or not to the end */
#define SL_EXIT_USAGE 2    /* the command line is wrong */
#define SL_EXIT_DEAD 3     /* done, but dead letters were written, or documents unrouted against the file's will */
#define SL_EXIT_PIPELINE 4 /* the pipeline file is wrong: nothing was started */
/* 128 + the signal's number: stopped by SIGINT (130) or SIGTERM (143) */

typedef struct sl_cli_option {
  const char *name; /* without the dashes */
  char letter;      /* 0: none */
  const char *arg;  /* shown name of the value; NULL: a flag */
  const char *help; /* one line of at most 48 columns; NULL: not shown */
} sl_cli_option;

typedef struct sl_cli sl_cli;

typedef struct sl_cli_command {
  const char *name;
  const char *args;    /* "FILE DOC" */
  const char *summary; /* one line */
  const char *more;    /* shown below the options, lines of at most 80 columns; or NULL */
  const sl_cli_option *options;
  size_t n_options;
  size_t min_args, max_args;
  int (*run)(const sl_cli *cli); /* returns the exit code */
} sl_cli_command;

struct sl_cli {
  const char *self; /* argv[0] */
  const sl_cli_command *command;
  const char **args; /* positional */
  size_t n_args;
  const char **names, **values; /* of the options given, in order; value NULL for a flag */
  size_t n_given;
};

extern const sl_cli_command sl_cmd_run, sl_cmd_validate, sl_cmd_inspect, sl_cmd_graph, sl_cmd_trace, sl_cmd_dlq,
    sl_cmd_state, sl_cmd_new, sl_cmd_bench, sl_cmd_version, sl_cmd_top, sl_cmd_tap;

/* 1 if the option was given. */
int sl_cli_has(const sl_cli *cli, const char *name);
/* The last value given, or fallback. */
const char *sl_cli_value(const sl_cli *cli, const char *name, const char *fallback);
/* A count from an option; prints the error and returns SL_EXIT_USAGE if it is no number from min on. */
int sl_cli_count(const sl_cli *cli, const char *name, uint64_t min, uint64_t *ret);
/* Prints "sluice CMD: text" with a pointer to --help; returns SL_EXIT_USAGE. */
int sl_cli_usage(const sl_cli *cli, const char *fmt, ...) SL_PRINTF(2, 3);
/* Prints an error with its detail and hint; returns SL_EXIT_FAILED. */
int sl_cli_fail(const sl_err *err);
/* Prints JSON and a newline to stdout. tree [take]. Returns SL_EXIT_OK, or FAILED when memory or the write fails. */
int sl_cli_print_json(struct cJSON *tree, int pretty);

/* A registry for this process. Prints the error. */
int sl_cli_registry(const sl_cli *cli, sl_registry **ret);
/* Loads the pipeline file with the --set options given, prints errors and warnings to stderr. Returns an exit code. */
int sl_cli_load(const sl_cli *cli, const char *file, sl_registry *registry, sl_pipeline **ret);

/* Runs the command line. Returns the exit code. */
int sl_cli_main(int argc, char **argv);

#endif
