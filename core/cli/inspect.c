/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice inspect`: the stage types that can be used, and all about one of them. */
#include <cjson/cJSON.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/describe.h"
#include "base/mem.h"
#include "conf/reference.h"
#include "conf/schema.h"
#include "obs/table.h"
#include "obs/term.h"

typedef struct listing {
  sl_table *table;
  cJSON *types, *refused;
  const sl_stage_type *wanted; /* fills found; NULL: all are listed */
  const sl_plugin *found;
  uint32_t n_refused;
} listing;

static void refuse(listing *l, const char *path, const sl_err *err) {
  l->n_refused++;
  if (l->refused) {
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "path", path);
    cJSON_AddStringToObject(one, "code", sl_err_name(err->code));
    cJSON_AddStringToObject(one, "message", err->message);
    if (err->hint[0]) cJSON_AddStringToObject(one, "hint", err->hint);
    cJSON_AddItemToArray(l->refused, one);
  } else {
    fprintf(stderr, "refused: %s: %s\n", path, err->message);
    if (err->hint[0]) fprintf(stderr, "  hint: %s\n", err->hint);
  }
}

static void add_row(listing *l, const sl_loaded *loaded, const sl_stage_type *t) {
  char uses[160];
  sl_table_cell(l->table, "%s", sl_describe_uses(loaded->desc, t, uses, sizeof uses));
  sl_table_cell(l->table, "%s", sl_describe_kind(t->kind));
  sl_table_cell(l->table, "%s", loaded->desc->version);
  sl_table_cell(l->table, "%s", t->summary ? t->summary : "");
}

static void on_plugin(void *user, const char *path, const sl_loaded *loaded, const sl_err *err) {
  listing *l = user;
  if (!loaded) {
    if (!l->wanted) refuse(l, path, err);
    return;
  }
  if (!l->wanted && loaded->shadowed)
    fprintf(stderr, "%s hides another file of that name: %s\n", loaded->path, loaded->shadowed);
  for (uint32_t i = 0; i < loaded->desc->n_types; i++) {
    const sl_stage_type *t = loaded->desc->types[i];
    if (l->wanted && t == l->wanted) l->found = loaded->desc;
    if (l->table) add_row(l, loaded, t);
    if (l->types) cJSON_AddItemToArray(l->types, sl_describe_json(loaded->desc, t, loaded->path, loaded->build_id));
  }
}

static int list_all(const sl_cli *cli, sl_registry *registry) {
  static const char *const header[] = {"uses", "kind", "version", "what it does"};
  listing l = {0};
  sl_err err = {0};
  int json = sl_cli_has(cli, "json");
  if (json) {
    l.types = cJSON_CreateArray();
    l.refused = cJSON_CreateArray();
  } else {
    l.table = sl_table_new("llll", header);
    if (!l.table) return SL_EXIT_FAILED;
  }
  int rc = sl_registry_scan(registry, on_plugin, &l, &err);
  if (rc != 0) {
    cJSON_Delete(l.types);
    cJSON_Delete(l.refused);
    sl_table_free(l.table);
    return sl_cli_fail(&err);
  }
  if (json) {
    cJSON *out = cJSON_CreateObject();
    cJSON_AddItemToObject(out, "stage_types", l.types);
    cJSON_AddItemToObject(out, "refused", l.refused);
    return sl_cli_print_json(out, 1);
  }
  sl_table_print(l.table, stdout, 0, sl_term_colors(stdout), sl_term_is_tty(stdout) ? sl_term_width(stdout) : 0);
  sl_table_free(l.table);
  return SL_EXIT_OK;
}

static int show_one(const sl_cli *cli, sl_registry *registry, const char *uses) {
  const sl_stage_type *type = NULL;
  const char *path = "", *build = "";
  sl_err err = {0};
  if (sl_registry_resolve(registry, uses, NULL, NULL, 0, &type, &path, &build, &err) != 0) return sl_cli_fail(&err);
  listing l = {.wanted = type};
  (void)sl_registry_scan(registry, on_plugin, &l, NULL);
  if (sl_cli_has(cli, "json")) return sl_cli_print_json(sl_describe_json(l.found, type, path, build), 1);
  sl_describe_print(l.found, type, path, build);
  return SL_EXIT_OK;
}

/* Every stage type under the name that a file would use. */
typedef struct collection {
  sl_schema_type *types;
  uint32_t n;
  int failed;
} collection;

static void collect_one(collection *c, const sl_plugin *desc, const sl_stage_type *t) {
  char name[160];
  sl_schema_type *more = sl_mem_realloc(c->types, (c->n + 1) * sizeof *more);
  char *uses = sl_mem_strdup(sl_describe_uses(desc, t, name, sizeof name));
  if (more) c->types = more;
  if (!more || !uses) {
    sl_mem_free(uses);
    c->failed = 1;
    return;
  }
  c->types[c->n++] = (sl_schema_type){uses, t, desc};
}

static void on_collect(void *user, const char *path, const sl_loaded *loaded, const sl_err *err) {
  (void)path, (void)err;
  for (uint32_t i = 0; loaded && i < loaded->desc->n_types; i++)
    collect_one(user, loaded->desc, loaded->desc->types[i]);
}

static int generate(const sl_cli *cli, sl_registry *registry) {
  collection c = {0};
  sl_err err = {0};
  cJSON *schema = NULL;
  const char *folder = sl_cli_value(cli, "reference", NULL);
  int rc = sl_registry_scan(registry, on_collect, &c, &err);
  if (rc == 0 && c.failed) rc = sl_err_set(&err, SL_ENOMEM, "memory is out");
  if (rc == 0 && folder)
    rc = sl_reference_write(folder, c.types, c.n, &err);
  else if (rc == 0)
    rc = sl_schema_make(c.types, c.n, &schema, &err);
  for (uint32_t i = 0; i < c.n; i++) sl_mem_free((void *)(uintptr_t)c.types[i].uses);
  sl_mem_free(c.types);
  if (rc != 0) return sl_cli_fail(&err);
  return schema ? sl_cli_print_json(schema, 1) : SL_EXIT_OK;
}

static int run_inspect(const sl_cli *cli) {
  sl_registry *registry = NULL;
  int rc = sl_cli_registry(cli, &registry);
  if (rc == SL_EXIT_OK && (sl_cli_has(cli, "schema") || sl_cli_has(cli, "reference")))
    rc = generate(cli, registry);
  else if (rc == SL_EXIT_OK)
    rc = cli->n_args ? show_one(cli, registry, cli->args[0]) : list_all(cli, registry);
  sl_registry_free(registry);
  return rc;
}

static const sl_cli_option options[] = {
    {"json", 0, NULL, "The same as JSON."},
    {"schema", 0, NULL, "The JSON Schema of pipeline files, for editors."},
    {"reference", 0, "FOLDER", "Writes the reference as Markdown into a folder."},
};

const sl_cli_command sl_cmd_inspect = {
    .name = "inspect",
    .args = "[NAME|FILE.so]",
    .summary = "Lists the stage types, or shows parameters and contract of one.",
    .more = "Without an argument: every plugin on the search path (SLUICE_PLUGIN_PATH, the\n"
            "user's folder, the installed folder), refused files with their reason.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 0,
    .max_args = 1,
    .run = run_inspect,
};
