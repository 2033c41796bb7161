/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice bench --quality [DIR]`: how good the language stages are.
 *
 * What is good only the plugins know. Each may bring a program that measures it, in the folder `quality`. It is run as
 * `PROGRAM SLUICE [DIR]`, with the path of this program, and prints a line a figure:
 *
 *   what TAB value TAB how it was measured       the value is a number, or empty: not measured
 */
#include "cli/quality.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/strlist.h"
#include "obs/term.h"
#include "plugin/search.h"

extern char **environ;

typedef struct measures {
  cJSON *json; /* an object a figure; NULL: printed as they come */
  size_t printed;
  int bad; /* lines that are no figures */
} measures;

static char *own_path(const sl_cli *cli) {
  char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return sl_path_abs(cli->self, NULL);
  path[n] = '\0';
  return sl_mem_strdup(path);
}

/* Splits "what TAB value TAB how" in place; 0 if it is none. */
static int split(char *line, char **value, char **how) {
  char *first = strchr(line, '\t'), *second = first ? strchr(first + 1, '\t') : NULL;
  if (!second || first == line) return 0;
  *first = *second = '\0';
  *value = first + 1;
  *how = second + 1;
  char *end = NULL;
  if (**value) (void)strtod(*value, &end);
  return !end || *end == '\0';
}

static void take_line(measures *m, const char *program, char *line) {
  char *value, *how;
  line[strcspn(line, "\n")] = '\0';
  if (!split(line, &value, &how)) {
    fprintf(stderr, "sluice bench: %s: expected \"what TAB value TAB how\", found \"%s\"\n", program, line);
    m->bad = 1;
    return;
  }
  if (!m->json) {
    if (m->printed++ == 0) printf("%-38s %9s  %s\n", "what", "figure", "how it was measured");
    printf("%-38s %9s  %s\n", line, *value ? value : "-", how);
    (void)fflush(stdout);
    return;
  }
  cJSON *one = cJSON_CreateObject();
  cJSON_AddStringToObject(one, "stage", program);
  cJSON_AddStringToObject(one, "what", line);
  if (*value)
    cJSON_AddNumberToObject(one, "value", strtod(value, NULL));
  else
    cJSON_AddNullToObject(one, "value");
  cJSON_AddStringToObject(one, "how", how);
  cJSON_AddItemToArray(m->json, one);
}

/* Starts the program with its output in the pipe *ret_out. */
static int start(const char *path, char *const argv[], pid_t *ret_pid, FILE **ret_out) {
  int ends[2];
  if (pipe(ends) != 0) return errno;
  posix_spawn_file_actions_t actions;
  int code = posix_spawn_file_actions_init(&actions);
  if (code == 0) {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    if (ends[1] != 1) posix_spawn_file_actions_addclose(&actions, ends[1]);
    code = posix_spawn(ret_pid, path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
  }
  close(ends[1]);
  *ret_out = code == 0 ? fdopen(ends[0], "r") : NULL;
  if (!*ret_out) close(ends[0]);
  return code;
}

static int run_program(const char *path, const char *self, const char *data, measures *m) {
  char *argv[] = {(char *)(uintptr_t)path, (char *)(uintptr_t)self, (char *)(uintptr_t)data, NULL};
  const char *name = sl_path_base(path);
  pid_t pid;
  FILE *out;
  int status = 0, code = start(path, argv, &pid, &out);
  sl_err err;
  if (code != 0) {
    sl_err_set(&err, SL_EIO, "cannot start %s: %s", path, strerror(code));
    return sl_cli_fail(&err);
  }
  char *line = NULL;
  size_t cap = 0;
  while (out && getline(&line, &cap, out) > 0) take_line(m, name, line);
  free(line);
  if (out) (void)fclose(out);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !m->bad) return SL_EXIT_OK;
  fprintf(stderr, "sluice bench: %s could not measure to the end\n", path);
  return SL_EXIT_FAILED;
}

/* The programs of the folder by name. */
static int programs_of(const char *folder, sl_strlist *ret) {
  struct dirent **names;
  int n = scandir(folder, &names, NULL, alphasort), code = n < 0 ? SL_EIO : 0;
  for (int i = 0; i < n; i++) {
    char *path = names[i]->d_name[0] == '.' ? NULL : sl_path_join(folder, names[i]->d_name);
    struct stat st;
    if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0 && code == 0)
      code = sl_strlist_add(ret, path);
    sl_mem_free(path);
    free(names[i]);
  }
  if (n >= 0) free(names);
  return code;
}

int sl_cli_quality(const sl_cli *cli) {
  const char *data = cli->n_args ? cli->args[0] : NULL;
  if (data && !sl_path_is_dir(data)) return sl_cli_usage(cli, "--quality %s: expected a folder", data);
  char *folder = sl_search_quality(cli->self), *self = own_path(cli);
  sl_strlist programs = {0};
  measures m = {.json = sl_cli_has(cli, "json") ? cJSON_CreateArray() : NULL};
  int rc = SL_EXIT_OK;
  if (!folder || !self || programs_of(folder, &programs) != 0 || programs.count == 0) {
    fprintf(stderr, "sluice bench: nothing here measures quality: expected programs in %s\n",
            folder ? folder : "libexec/sluice/quality");
    rc = SL_EXIT_FAILED;
  }
  for (size_t i = 0; i < programs.count; i++) {
    int one = run_program(programs.items[i], self, data, &m);
    if (one != SL_EXIT_OK) rc = one;
  }
  if (m.json) {
    int printed = sl_cli_print_json(m.json, 1);
    if (rc == SL_EXIT_OK) rc = printed;
  }
  sl_strlist_done(&programs);
  sl_mem_free(folder);
  sl_mem_free(self);
  return rc;
}
