/* SPDX-License-Identifier: Apache-2.0 */
/* Where a pipeline keeps its state and its dead letters. */
#include "cli/place.h"

#include <dirent.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/load.h"
#include "cli/statefolder.h"

void sl_place_done(sl_place *p) {
  sl_mem_free(p->state);
  sl_mem_free(p->file);
  sl_mem_free(p->name);
  sl_strlist_done(&p->stages);
  sl_strlist_done(&p->sources);
  *p = (sl_place){0};
}

static int out_of_memory(void) {
  sl_err err;
  sl_err_set(&err, SL_ENOMEM, "memory is out");
  return sl_cli_fail(&err);
}

static int is_pipeline(const char *where) { return sl_str_ends(where, ".yaml") || sl_str_ends(where, ".yml"); }

static int has_database(const char *folder) {
  char *file = sl_path_join(folder, "state.db");
  int there = file && sl_path_exists(file);
  sl_mem_free(file);
  return there;
}

/* Its warnings were said where it was run: here they would stand in the way. */
static int load(const sl_cli *cli, const char *file, sl_registry *registry, sl_pipeline **ret) {
  sl_diags *diags = sl_diags_new();
  if (!diags) return out_of_memory();
  int rc = sl_cli_load_diags(cli, file, registry, diags, ret);
  if (rc) sl_cli_print_diags(diags);
  sl_diags_free(diags);
  return rc ? SL_EXIT_PIPELINE : SL_EXIT_OK;
}

static int from_pipeline(const sl_cli *cli, const char *file, sl_place *ret) {
  sl_registry *registry = NULL;
  sl_pipeline *p = NULL;
  int rc = sl_cli_registry(cli, &registry);
  if (rc == SL_EXIT_OK) rc = load(cli, file, registry, &p);
  if (rc == SL_EXIT_OK) {
    sl_statefolder_options(p, &ret->bounds);
    ret->bounds.folder = ret->bounds.pipeline = NULL;
    ret->name = sl_mem_strdup(p->name);
    ret->state = sl_mem_strdup(p->state);
    ret->file = p->state ? NULL : sl_mem_strdup(p->dead_path);
    for (uint32_t i = 0; i < p->n_stages; i++) {
      if (sl_strlist_add(&ret->stages, p->stages[i].id) != 0) rc = out_of_memory();
      if (p->stages[i].type->kind == SL_SOURCE && sl_strlist_add(&ret->sources, p->stages[i].id) != 0)
        rc = out_of_memory();
    }
    ret->there = ret->state ? has_database(ret->state) : ret->file && sl_path_exists(ret->file);
  }
  sl_pipeline_free(p);
  sl_registry_free(registry);
  return rc;
}

/* The checkpoint's key `pipeline` names the stages of the last run, each at the beginning of a line. */
static int note_stages(void *user, const char *key, const sl_bytes *value) {
  sl_place *p = user;
  if (strcmp(key, "pipeline") != 0) return 0;
  const char *text = value->data;
  for (size_t at = 0; at < value->len;) {
    const char *end = memchr(text + at, '\n', value->len - at);
    size_t len = end ? (size_t)(end - text) - at : value->len - at;
    const char *tab = memchr(text + at, '\t', len);
    if (tab) (void)sl_strlist_add_n(&p->stages, text + at, (size_t)(tab - text) - at);
    at += len + 1;
  }
  return 1;
}

static int from_folder(const char *folder, sl_place *ret) {
  sl_err err;
  sl_state_stats stats;
  ret->state = sl_mem_strdup(folder);
  if (!ret->state) return out_of_memory();
  int rc = sl_state_show(folder, &stats, note_stages, ret, &err);
  if (!rc) rc = sl_state_bounds(folder, &ret->bounds, &err);
  if (rc) return sl_cli_fail(&err);
  ret->name = (char *)(uintptr_t)ret->bounds.pipeline;
  ret->bounds.pipeline = NULL;
  ret->there = 1;
  return SL_EXIT_OK;
}

/* The name in path's folder that is most like its last part, as a path; NULL: none. Endings that both have do not
 * count. [own] */
static char *nearest(const char *path) {
  static const char ending[] = ".dead.jsonl";
  char *folder = sl_path_dir(path), *found = NULL;
  char *base = sl_mem_strdup(sl_path_base(path));
  int lines = base && sl_str_ends(base, ending);
  sl_strlist names = {0};
  DIR *dir = folder && base ? opendir(folder) : NULL;
  for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
    if (e->d_name[0] == '.' || (lines && !sl_str_ends(e->d_name, ending))) continue;
    (void)sl_strlist_add_n(&names, e->d_name, strlen(e->d_name) - (lines ? strlen(ending) : 0));
  }
  if (dir) closedir(dir);
  if (lines) base[strlen(base) - strlen(ending)] = '\0';
  sl_strlist_sort(&names);
  const char *near = base ? sl_str_nearest(base, (const char *const *)names.items, names.count) : NULL;
  sl_buf name = {0};
  if (near) (void)sl_buf_addf(&name, "%s%s", near, lines ? ending : "");
  if (near && name.data) found = strchr(path, '/') ? sl_path_join(folder, name.data) : sl_mem_strdup(name.data);
  sl_buf_done(&name);
  sl_strlist_done(&names);
  sl_mem_free(base);
  sl_mem_free(folder);
  return found;
}

static int missing(const char *where, sl_place *ret) {
  sl_err err;
  char *near = nearest(where);
  /* The file is made with the first dead letter: that there is none is an answer, unless the name is mistyped. */
  if (!near && sl_str_ends(where, ".jsonl")) {
    char *folder = sl_path_dir(where);
    int could_be = folder && sl_path_is_dir(folder);
    sl_mem_free(folder);
    ret->file = could_be ? sl_mem_strdup(where) : NULL;
    if (ret->file) return SL_EXIT_OK;
  }
  sl_err_set(&err, SL_ENOTFOUND, "expected a state folder, a .dead.jsonl file or a pipeline file; there is no %s",
             where);
  if (near)
    sl_err_hint(&err, "did you mean %s?", near);
  else
    sl_err_hint(&err, "name the pipeline file: it leads to its state");
  sl_mem_free(near);
  return sl_cli_fail(&err);
}

static int find(const sl_cli *cli, const char *where, sl_place *ret) {
  sl_err err;
  if (is_pipeline(where)) return from_pipeline(cli, where, ret);
  if (!sl_path_exists(where)) return missing(where, ret);
  if (sl_path_is_dir(where)) return from_folder(where, ret);
  if (strcmp(sl_path_base(where), "state.db") == 0) {
    char *folder = sl_path_dir(where);
    int rc = folder ? from_folder(folder, ret) : out_of_memory();
    sl_mem_free(folder);
    return rc;
  }
  if (sl_str_ends(where, ".jsonl") || sl_str_ends(where, ".ndjson")) {
    ret->file = sl_mem_strdup(where);
    ret->there = 1;
    return ret->file ? SL_EXIT_OK : out_of_memory();
  }
  sl_err_set(&err, SL_EINVAL, "expected a state folder, a .dead.jsonl file or a pipeline file, found %s", where);
  sl_err_hint(&err, "a pipeline file ends in .yaml or .yml");
  return sl_cli_fail(&err);
}

int sl_place_find(const sl_cli *cli, const char *where, sl_place *ret) {
  *ret = (sl_place){0};
  int rc = find(cli, where, ret);
  if (rc != SL_EXIT_OK) sl_place_done(ret);
  return rc;
}
