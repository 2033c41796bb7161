/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice new stage NAME`: a folder with a stage that builds, tests and installs as it is. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/templates.h"

typedef struct answer {
  const char *name, *kind, *dir;
  char dashed[80]; /* the name as Debian packages are named */
} answer;

static int is_name(const char *name) {
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return name[n] == 0 && n >= 2 && n <= 40 && name[0] >= 'a' && name[0] <= 'z';
}

static const char *value_of(const answer *a, const char *key, size_t len) {
  static const struct {
    const char *kind, *row, *use;
  } texts[] = {
      {"transform", "| `min` | integer | 0 | documents with fewer words are dropped |", "with: { min: 1 }"},
      {"source", "| `count` | integer | 10 | how many documents it makes |", "with: { count: 3 }"},
      {"sink", "| `path` | path | required | the file; it is written anew |", "with: { path: out.ndjson }"},
  };
  size_t k = 0;
  while (k < 2 && strcmp(texts[k].kind, a->kind) != 0) k++;
  if (len == 4 && memcmp(key, "NAME", len) == 0) return a->name;
  if (len == 9 && memcmp(key, "NAME_DASH", len) == 0) return a->dashed;
  if (len == 4 && memcmp(key, "KIND", len) == 0) return a->kind;
  if (len == 9 && memcmp(key, "PARAM_ROW", len) == 0) return texts[k].row;
  if (len == 3 && memcmp(key, "USE", len) == 0) return texts[k].use;
  return NULL;
}

/* Copies the template with @KEY@ replaced. An @ that begins no known key stays. */
static void fill(const answer *a, const sl_template *t, sl_buf *out) {
  const char *p = t->data, *end = p + t->len;
  while (p < end) {
    const char *at = memchr(p, '@', (size_t)(end - p));
    const char *close = at ? memchr(at + 1, '@', (size_t)(end - at - 1)) : NULL;
    const char *value = close ? value_of(a, at + 1, (size_t)(close - at - 1)) : NULL;
    const char *upto = value ? at : at ? at + 1 : end;
    (void)sl_buf_add(out, p, (size_t)(upto - p));
    if (value) (void)sl_buf_addstr(out, value);
    p = value ? close + 1 : upto;
  }
}

/* The name in the new folder, or NULL if the template belongs to another kind. */
static const char *target_of(const answer *a, const char *file, char *buf, size_t cap) {
  size_t n = strlen(a->kind);
  if (strchr(file, '.') && strncmp(file, a->kind, n) == 0) {
    if (strcmp(file + n, ".yaml") == 0)
      (void)snprintf(buf, cap, "example.yaml");
    else
      (void)snprintf(buf, cap, "%s%s", a->name, file + n);
    return buf;
  }
  return strcmp(file, "README.md") == 0 || strcmp(file, "CMakeLists.txt") == 0 ? file : NULL;
}

static int write_one(const answer *a, const sl_template *t, const char *target, sl_err *err) {
  sl_buf out = {0};
  char *path = sl_path_join(a->dir, target);
  fill(a, t, &out);
  int rc = out.failed || !path ? sl_err_set(err, SL_ENOMEM, "memory is out")
                               : sl_path_write(path, out.data, out.len, 0644, err);
  if (rc == 0) printf("  %s/%s\n", a->dir, target);
  sl_buf_done(&out);
  sl_mem_free(path);
  return rc;
}

static int write_all(const answer *a) {
  sl_err err = {0};
  char name[128];
  if (sl_path_exists(a->dir)) {
    sl_err_set(&err, SL_EEXIST, "%s is there already", a->dir);
    sl_err_hint(&err, "choose another name, or --dir FOLDER");
    return sl_cli_fail(&err);
  }
  int rc = sl_path_mkdirs(a->dir, &err);
  for (size_t i = 0; rc == 0 && i < sl_n_templates; i++) {
    const char *target = target_of(a, sl_templates[i].name, name, sizeof name);
    if (target) rc = write_one(a, &sl_templates[i], target, &err);
  }
  if (rc != 0) return sl_cli_fail(&err);
  printf("\nA %s that builds and passes its tests as it is. Next:\n\n"
         "  cd %s\n  cmake -S . -B build && cmake --build build && ctest --test-dir build\n"
         "  SLUICE_PLUGIN_PATH=build sluice run example.yaml\n\nThen put your own work into %s.c.\n",
         a->kind, a->dir, a->name);
  return SL_EXIT_OK;
}

static int run_new(const sl_cli *cli) {
  answer a = {.name = cli->args[1], .kind = sl_cli_value(cli, "kind", "transform")};
  if (strcmp(cli->args[0], "stage") != 0) return sl_cli_usage(cli, "expected stage NAME, found '%s'", cli->args[0]);
  if (!is_name(a.name))
    return sl_cli_usage(cli, "expected a name of 2 to 40 of a-z, 0-9 and _ that begins with a letter, found '%s'",
                        a.name);
  if (strcmp(a.kind, "source") != 0 && strcmp(a.kind, "transform") != 0 && strcmp(a.kind, "sink") != 0)
    return sl_cli_usage(cli, "--kind: expected source, transform or sink, found '%s'", a.kind);
  a.dir = sl_cli_value(cli, "dir", a.name);
  (void)snprintf(a.dashed, sizeof a.dashed, "%s", a.name);
  for (char *p = a.dashed; *p; p++)
    if (*p == '_') *p = '-';
  return write_all(&a);
}

static const sl_cli_option options[] = {
    {"kind", 'k', "KIND", "source, transform or sink. Default: transform."},
    {"dir", 'd', "FOLDER", "Where to. Default: a folder of that name here."},
};

const sl_cli_command sl_cmd_new = {
    .name = "new",
    .args = "stage NAME",
    .summary = "Writes a stage of your own that builds and passes its tests.",
    .more = "The folder holds the source, its test, a README, an example pipeline, and a\n"
            "CMakeLists.txt that builds against an installed Sluice, installs the plugin and\n"
            "makes a Debian package of it.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 2,
    .max_args = 2,
    .run = run_new,
};
