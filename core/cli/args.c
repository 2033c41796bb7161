/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of the command line, help texts, and what the commands share. */
#include "cli/cli.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/codec.h"
#include "obs/term.h"

static const sl_cli_command *const commands[] = {
    &sl_cmd_run, &sl_cmd_validate, &sl_cmd_inspect, &sl_cmd_graph, &sl_cmd_trace, &sl_cmd_top,
    &sl_cmd_tap, &sl_cmd_bench,    &sl_cmd_dlq,     &sl_cmd_state, &sl_cmd_new,   &sl_cmd_version,
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

int sl_cli_has(const sl_cli *cli, const char *name) {
  for (size_t i = 0; i < cli->n_given; i++)
    if (strcmp(cli->names[i], name) == 0) return 1;
  return 0;
}

const char *sl_cli_value(const sl_cli *cli, const char *name, const char *fallback) {
  for (size_t i = cli->n_given; i > 0; i--)
    if (strcmp(cli->names[i - 1], name) == 0) return cli->values[i - 1];
  return fallback;
}

int sl_cli_usage(const sl_cli *cli, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fprintf(stderr, "sluice%s%s: ", cli->command ? " " : "", cli->command ? cli->command->name : "");
  vfprintf(stderr, fmt, args);
  va_end(args);
  fprintf(stderr, "\nTry 'sluice%s%s --help'.\n", cli->command ? " " : "", cli->command ? cli->command->name : "");
  return SL_EXIT_USAGE;
}

int sl_cli_count(const sl_cli *cli, const char *name, uint64_t min, uint64_t *ret) {
  const char *text = sl_cli_value(cli, name, NULL);
  int64_t value = 0;
  if (!text) return SL_EXIT_OK;
  if (sl_str_int(text, &value, NULL) != 0 || value < 0 || (uint64_t)value < min)
    return sl_cli_usage(cli, "--%s: expected a whole number from %llu on, found '%s'", name, (unsigned long long)min,
                        text);
  *ret = (uint64_t)value;
  return SL_EXIT_OK;
}

int sl_cli_fail(const sl_err *err) {
  int colors = sl_term_colors(stderr);
  fflush(stdout);
  if (err->pos.file) fprintf(stderr, "%s:%u:%u: ", err->pos.file, err->pos.line, err->pos.col);
  fprintf(stderr, "%serror:%s %s\n", sl_term_style(colors, SL_STYLE_RED), sl_term_style(colors, 0), err->message);
  if (err->detail[0]) fprintf(stderr, "  %s\n", err->detail);
  if (err->hint[0]) fprintf(stderr, "  hint: %s\n", err->hint);
  return SL_EXIT_FAILED;
}

int sl_cli_print_json(struct cJSON *tree, int pretty) {
  sl_buf buf = {0};
  sl_err err = {0};
  int rc = pretty ? sl_json_print_pretty(tree, &buf, &err) : sl_json_print_to(tree, &buf, &err);
  cJSON_Delete(tree);
  if (rc == 0) {
    while (buf.len > 0 && buf.data[buf.len - 1] == '\n') buf.len--;
    (void)fwrite(buf.data, 1, buf.len, stdout);
    fputc('\n', stdout);
  }
  sl_buf_done(&buf);
  return rc == 0 ? SL_EXIT_OK : sl_cli_fail(&err);
}

static void print_option(const sl_cli_option *o) {
  char left[64];
  if (o->letter)
    snprintf(left, sizeof left, "-%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
  else
    snprintf(left, sizeof left, "    --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
  printf("  %-27s %s\n", left, o->help);
}

static void print_help(const sl_cli_command *c) {
  printf("Usage: sluice %s%s%s [options]\n%s\n\nOptions:\n", c->name, *c->args ? " " : "", c->args, c->summary);
  for (size_t i = 0; i < c->n_options; i++)
    if (c->options[i].help) print_option(&c->options[i]);
  printf("  -h, --help                  Shows this text.\n");
  if (c->more) printf("\n%s", c->more);
}

static void print_overview(FILE *out) {
  fprintf(out, "Usage: sluice COMMAND [arguments] [options]\n\n"
               "Moves documents through the stages that a pipeline file names.\n\nCommands:\n");
  for (size_t i = 0; i < N_COMMANDS; i++) fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
  fprintf(out, "\n'sluice COMMAND --help' explains a command.\n"
               "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, with dead letters;\n"
               "4 the pipeline file is wrong; 130, 143 stopped by SIGINT, SIGTERM.\n");
}

static const sl_cli_option *find_option(const sl_cli_command *c, const char *name, size_t len) {
  for (size_t i = 0; i < c->n_options; i++)
    if (strlen(c->options[i].name) == len && memcmp(c->options[i].name, name, len) == 0) return &c->options[i];
  return NULL;
}

static int unknown_option(const sl_cli *cli, const char *given) {
  const char *names[32];
  size_t n = 0;
  char word[64];
  for (size_t i = 0; i < cli->command->n_options && n + 1 < 32; i++)
    if (cli->command->options[i].help) names[n++] = cli->command->options[i].name;
  names[n++] = "help";
  (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(given, "="), given);
  while (word[0] == '-') memmove(word, word + 1, strlen(word));
  const char *near = sl_str_nearest(word, names, n);
  if (near) return sl_cli_usage(cli, "there is no option '%s'; did you mean --%s?", given, near);
  return sl_cli_usage(cli, "there is no option '%s'", given);
}

static void note(sl_cli *cli, const sl_cli_option *o, const char *value) {
  cli->names[cli->n_given] = o->name;
  cli->values[cli->n_given++] = value;
}

/* An option at argv[*at]; moves *at past its value. Returns an exit code. */
static int take_option(sl_cli *cli, char **argv, int argc, int *at) {
  const char *given = argv[*at], *value = NULL;
  const sl_cli_option *o = NULL;
  if (given[1] == '-') {
    size_t len = strcspn(given + 2, "=");
    o = find_option(cli->command, given + 2, len);
    if (o && given[2 + len] == '=') value = given + 3 + len;
  } else {
    for (size_t i = 0; i < cli->command->n_options; i++)
      if (cli->command->options[i].letter == given[1]) o = &cli->command->options[i];
    if (o && given[2] && !o->arg) return sl_cli_usage(cli, "expected one letter after '-', found '%s'", given);
    if (o && given[2]) value = given + 2;
  }
  if (!o) return unknown_option(cli, given);
  if (!o->arg && value) return sl_cli_usage(cli, "--%s takes no value, found '%s'", o->name, value);
  if (o->arg && !value) {
    if (*at + 1 >= argc) return sl_cli_usage(cli, "--%s needs a value: %s", o->name, o->arg);
    value = argv[++*at];
  }
  note(cli, o, value);
  return SL_EXIT_OK;
}

static int parse(sl_cli *cli, int argc, char **argv) {
  int only_args = 0;
  for (int i = 2; i < argc; i++) {
    if (!only_args && strcmp(argv[i], "--") == 0) {
      only_args = 1;
    } else if (!only_args && argv[i][0] == '-' && argv[i][1]) {
      int rc = take_option(cli, argv, argc, &i);
      if (rc != SL_EXIT_OK) return rc;
    } else {
      cli->args[cli->n_args++] = argv[i];
    }
  }
  if (cli->n_args < cli->command->min_args)
    return sl_cli_usage(cli, "expected %s, found %zu argument%s", cli->command->args, cli->n_args,
                        cli->n_args == 1 ? "" : "s");
  if (cli->n_args > cli->command->max_args)
    return sl_cli_usage(cli, "one argument too many: '%s'", cli->args[cli->command->max_args]);
  return SL_EXIT_OK;
}

static const sl_cli_command *find_command(const char *name) {
  for (size_t i = 0; i < N_COMMANDS; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

static int unknown_command(const sl_cli *cli, const char *given) {
  const char *names[N_COMMANDS];
  for (size_t i = 0; i < N_COMMANDS; i++) names[i] = commands[i]->name;
  const char *near = sl_str_nearest(given, names, N_COMMANDS);
  static const char *const later[] = {"test"};
  for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
    if (strcmp(given, later[i]) == 0) return sl_cli_usage(cli, "the command '%s' is not part of this version", given);
  if (near) return sl_cli_usage(cli, "there is no command '%s'; did you mean '%s'?", given, near);
  return sl_cli_usage(cli, "there is no command '%s'", given);
}

/* 1 if --help or -h stands before a "--". */
static int wants_help(int argc, char **argv, int from) {
  for (int i = from; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return 1;
  return 0;
}

/* What was printed for whoever asked must have arrived; a full disk is a failure even of --help. */
static int printed(int rc) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return rc;
  if (errno != EPIPE) fprintf(stderr, "error: cannot write to standard output\n");
  return rc == SL_EXIT_OK ? SL_EXIT_FAILED : rc;
}

int sl_cli_main(int argc, char **argv) {
  sl_cli cli = {.self = argc > 0 ? argv[0] : NULL};
  if (argc < 2) {
    print_overview(stderr);
    return SL_EXIT_USAGE;
  }
  if (strcmp(argv[1], "help") == 0 && argc == 3 && find_command(argv[2])) {
    print_help(find_command(argv[2]));
    return printed(SL_EXIT_OK);
  }
  if (strcmp(argv[1], "help") == 0 || wants_help(2, argv, 1)) {
    print_overview(stdout);
    return printed(SL_EXIT_OK);
  }
  cli.command = strcmp(argv[1], "--version") == 0 ? &sl_cmd_version : find_command(argv[1]);
  if (!cli.command) return unknown_command(&cli, argv[1]);
  if (wants_help(argc, argv, 2)) {
    print_help(cli.command);
    return printed(SL_EXIT_OK);
  }
  cli.args = sl_mem_calloc((size_t)argc * 3, sizeof *cli.args);
  if (!cli.args) return SL_EXIT_FAILED;
  cli.names = cli.args + argc;
  cli.values = cli.names + argc;
  int rc = parse(&cli, argc, argv);
  if (rc == SL_EXIT_OK) rc = cli.command->run(&cli);
  sl_mem_free(cli.args);
  return printed(rc);
}
