/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a pipeline file as every command does it. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/load.h"
#include "conf/contract.h"
#include "obs/term.h"

int sl_cli_registry(const sl_cli *cli, sl_registry **ret) {
  sl_err err = {0};
  if (sl_registry_new(cli->self, ret, &err) != 0) return sl_cli_fail(&err);
  return SL_EXIT_OK;
}

typedef struct supply {
  const char *pointer;
  char *buf;
  size_t cap;
  int found;
} supply;

static void on_plugin(void *user, const char *path, const sl_loaded *loaded, const sl_err *err) {
  supply *s = user;
  (void)path;
  (void)err;
  for (uint32_t i = 0; loaded && !s->found && i < loaded->desc->n_types; i++) {
    const sl_stage_type *t = loaded->desc->types[i];
    if (!sl_contract_supplies(t, s->pointer)) continue;
    int same = strcmp(loaded->desc->name, t->name) == 0;
    snprintf(s->buf, s->cap, "%s%s%s", loaded->desc->name, same ? "" : ".", same ? "" : t->name);
    s->found = 1;
  }
}

/* Looks through all plugins, but only when a field is missing. */
static int find_supplier(void *registry, const char *pointer, char *buf, size_t cap) {
  supply s = {.pointer = pointer, .buf = buf, .cap = cap};
  (void)sl_registry_scan(registry, on_plugin, &s, NULL);
  return s.found;
}

typedef struct shadows {
  const sl_pipeline *pipeline;
  sl_diags *diags;
} shadows;

/* Two files of one name: the reader should know which of them runs. */
static void warn_shadowed(void *user, const sl_loaded *loaded) {
  const shadows *s = user;
  for (uint32_t i = 0; loaded->shadowed && i < s->pipeline->n_stages; i++) {
    const char *used = s->pipeline->stages[i].plugin_path;
    if (!used || strcmp(used, loaded->path) != 0) continue;
    sl_diags_warn(s->diags, (sl_pos){0}, "%s is used, and hides another plugin of that name: %s", loaded->path,
                  loaded->shadowed);
    break;
  }
}

int sl_cli_load_files(const sl_cli *cli, const char *file, sl_registry *registry, sl_diags *diags,
                      struct sl_strlist *files, sl_pipeline **ret) {
  const char **sets = sl_mem_calloc(cli->n_given + 1, sizeof *sets);
  if (!sets) return sl_diags_nomem(diags);
  sl_load_opts opts = {.resolve = sl_registry_resolve,
                       .resolve_user = registry,
                       .sets = sets,
                       .supplier = find_supplier,
                       .supplier_user = registry,
                       .files = files};
  for (size_t i = 0; i < cli->n_given; i++)
    if (strcmp(cli->names[i], "set") == 0) sets[opts.n_sets++] = cli->values[i];
  int rc = sl_pipeline_load(file, &opts, diags, ret);
  if (rc == 0) sl_registry_each(registry, warn_shadowed, &(shadows){*ret, diags});
  sl_mem_free(sets);
  return rc;
}

int sl_cli_load_diags(const sl_cli *cli, const char *file, sl_registry *registry, sl_diags *diags, sl_pipeline **ret) {
  return sl_cli_load_files(cli, file, registry, diags, NULL, ret);
}

void sl_cli_print_diags(sl_diags *diags) {
  sl_buf buf = {0};
  if (sl_diags_print(diags, &buf, sl_term_colors(stderr)) == 0 && buf.len > 0)
    (void)fwrite(buf.data, 1, buf.len, stderr);
  sl_buf_done(&buf);
}

int sl_cli_load(const sl_cli *cli, const char *file, sl_registry *registry, sl_pipeline **ret) {
  return sl_cli_load_first(cli, file, registry, NULL, ret);
}

int sl_cli_load_first(const sl_cli *cli, const char *file, sl_registry *registry, struct sl_strlist *files,
                      sl_pipeline **ret) {
  sl_diags *diags = sl_diags_new();
  if (!diags) {
    sl_err err;
    sl_err_set(&err, SL_ENOMEM, "memory is out");
    return sl_cli_fail(&err);
  }
  int rc = sl_cli_load_files(cli, file, registry, diags, files, ret);
  sl_cli_print_diags(diags);
  if (rc != 0) {
    uint32_t n = sl_diags_errors(diags);
    fprintf(stderr, "%s: %u error%s; nothing was started\n", file, n, n == 1 ? "" : "s");
  }
  sl_diags_free(diags);
  return rc == 0 ? SL_EXIT_OK : SL_EXIT_PIPELINE;
}
