/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: which file a name means, and what was opened already. */
#include "plugin/loader.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strlist.h"
#include "plugin/image.h"
#include "plugin/search.h"

typedef struct entry {
  struct entry *next;
  sl_loaded loaded; /* strings owned by the entry */
  sl_identity id;
} entry;

struct sl_registry {
  sl_strlist added, path; /* path: the defaults */
  char *self, *probe, *cache;
  const char **shown; /* for sl_registry_path */
  int32_t limit_ms;
  entry *first, *last;
};

int sl_registry_new(const char *self, sl_registry **ret, sl_err *err) {
  sl_registry *r = sl_mem_calloc(1, sizeof *r);
  if (!r) return sl_err_set(err, SL_ENOMEM, "memory is out");
  r->limit_ms = 10000;
  r->cache = sl_image_cache_dir();
  r->probe = sl_search_probe(self);
  r->self = sl_mem_strdup(self);
  int code = sl_search_default(self, &r->path);
  if (code) {
    sl_registry_free(r);
    return sl_err_set(err, code, "memory is out");
  }
  *ret = r;
  return 0;
}

static void entry_free(entry *e) {
  sl_mem_free((void *)(uintptr_t)e->loaded.path);
  sl_mem_free((void *)(uintptr_t)e->loaded.build_id);
  sl_mem_free((void *)(uintptr_t)e->loaded.shadowed);
  sl_mem_free(e);
}

void sl_registry_free(sl_registry *r) {
  if (!r) return;
  while (r->first) {
    entry *e = r->first;
    r->first = e->next;
    entry_free(e);
  }
  sl_strlist_done(&r->added);
  sl_strlist_done(&r->path);
  sl_mem_free(r->self);
  sl_mem_free(r->probe);
  sl_mem_free(r->cache);
  sl_mem_free(r->shown);
  sl_mem_free(r);
}

void sl_registry_set_limit(sl_registry *r, int32_t limit_ms) { r->limit_ms = limit_ms; }

int sl_registry_add_path(sl_registry *r, const char *dir, sl_err *err) {
  char *abs = sl_path_abs(dir, NULL);
  int code = !abs ? SL_ENOMEM : sl_strlist_has(&r->added, abs) ? 0 : sl_strlist_add(&r->added, abs);
  sl_mem_free(abs);
  return code ? sl_err_set(err, code, "memory is out") : 0;
}

const char *const *sl_registry_path(sl_registry *r, uint32_t *ret_n) {
  size_t n = r->added.count + r->path.count;
  sl_mem_free(r->shown);
  r->shown = sl_mem_calloc(n + 1, sizeof *r->shown);
  *ret_n = r->shown ? (uint32_t)n : 0;
  for (size_t i = 0; i < *ret_n; i++)
    r->shown[i] = i < r->added.count ? r->added.items[i] : r->path.items[i - r->added.count];
  return r->shown;
}

void sl_registry_each(sl_registry *r, void (*cb)(void *user, const sl_loaded *loaded), void *user) {
  for (const entry *e = r->first; e; e = e->next) cb(user, &e->loaded);
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

int sl_plugin_open_file(const char *path, const sl_plugin **ret_desc, sl_err *err) {
  char *abs = sl_path_abs(path, NULL);
  if (!abs) return sl_err_set(err, SL_ENOMEM, "memory is out");
  int code = sl_image_load(abs, abs, ret_desc, NULL, err);
  sl_mem_free(abs);
  return code;
}

static entry *remember(sl_registry *r, const char *path, const char *shadowed, const sl_identity *id,
                       const sl_plugin *desc) {
  entry *e = sl_mem_calloc(1, sizeof *e);
  if (!e) return NULL;
  e->id = *id;
  e->loaded.desc = desc;
  e->loaded.path = sl_mem_strdup(path);
  e->loaded.build_id = sl_mem_strdup(id->build_id);
  e->loaded.shadowed = sl_mem_strdup(shadowed);
  if (!e->loaded.path || !e->loaded.build_id || (shadowed && !e->loaded.shadowed)) {
    entry_free(e);
    return NULL;
  }
  if (r->last)
    r->last->next = e;
  else
    r->first = e;
  r->last = e;
  return e;
}

/* The entry of a file as it is now, if it was opened already. Size and time tell without reading it. */
static entry *known(sl_registry *r, const char *path, const struct stat *st) {
  for (entry *e = r->first; e; e = e->next)
    if (!strcmp(e->loaded.path, path) && e->id.dev == (uint64_t)st->st_dev && e->id.ino == (uint64_t)st->st_ino &&
        e->id.size == (uint64_t)st->st_size &&
        e->id.mtime_ns == (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec)
      return e;
  return NULL;
}

static int open_path(sl_registry *r, const char *path, const char *shadowed, const sl_loaded **ret, sl_err *err) {
  struct stat st;
  if (stat(path, &st)) return sl_err_errno(err, errno, "cannot open plugin %s", path);
  entry *e = known(r, path, &st);
  if (!e) {
    if (!r->probe) {
      sl_err_set(err, SL_EPLUGIN, "plugin %s cannot be probed: the program sluice-probe is not there", path);
      sl_err_hint(err, "install Sluice as a whole: it belongs into libexec/sluice beside bin");
      return SL_EPLUGIN;
    }
    sl_image_opts opts = {r->probe, r->cache, r->limit_ms};
    sl_identity id;
    const sl_plugin *desc = NULL;
    int code = sl_image_open(path, &opts, &id, &desc, err);
    if (code) return code;
    e = remember(r, path, shadowed, &id, desc);
    if (!e) return sl_err_set(err, SL_ENOMEM, "memory is out");
  }
  *ret = &e->loaded;
  return 0;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

typedef struct search {
  sl_strlist dirs;
  char *found, *shadowed;
} search;

static void search_done(search *s) {
  sl_strlist_done(&s->dirs);
  sl_mem_free(s->found);
  sl_mem_free(s->shadowed);
}

static int same_file(const char *a, const char *b) {
  struct stat x, y;
  return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int collect_dirs(const sl_registry *r, const char *base, const char *const *path, uint32_t n, sl_strlist *dirs) {
  int code = 0;
  for (uint32_t i = 0; i < n && !code; i++) {
    char *abs = sl_path_abs(path[i], base);
    code = !abs ? SL_ENOMEM : sl_strlist_has(dirs, abs) ? 0 : sl_strlist_add(dirs, abs);
    sl_mem_free(abs);
  }
  const sl_strlist *lists[] = {&r->added, &r->path};
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < lists[k]->count && !code; i++)
      if (!sl_strlist_has(dirs, lists[k]->items[i])) code = sl_strlist_add(dirs, lists[k]->items[i]);
  return code;
}

static int look_up(search *s, const char *name) {
  sl_buf file = {0};
  int code = sl_buf_addf(&file, "%s.so", name);
  for (size_t i = 0; i < s->dirs.count && !code; i++) {
    char *path = sl_path_join(s->dirs.items[i], file.data);
    if (!path) {
      code = SL_ENOMEM;
    } else if (!sl_path_exists(path) || sl_path_is_dir(path)) {
      sl_mem_free(path);
    } else if (!s->found) {
      s->found = path;
    } else if (!s->shadowed && !same_file(s->found, path)) {
      s->shadowed = path;
    } else {
      sl_mem_free(path);
    }
  }
  sl_buf_done(&file);
  return code;
}

/* Names of all plugin files in the folders, sorted, each once. */
static int list_names(const sl_strlist *dirs, sl_strlist *names) {
  int code = 0;
  for (size_t i = 0; i < dirs->count && !code; i++) {
    DIR *dir = opendir(dirs->items[i]);
    for (struct dirent *e; dir && !code && (e = readdir(dir));) {
      size_t len = strlen(e->d_name);
      if (len <= 3 || e->d_name[0] == '.' || strcmp(e->d_name + len - 3, ".so") != 0) continue;
      char *name = sl_mem_strndup(e->d_name, len - 3);
      code = !name ? SL_ENOMEM : sl_strlist_has(names, name) ? 0 : sl_strlist_add(names, name);
      sl_mem_free(name);
    }
    if (dir) closedir(dir);
  }
  sl_strlist_sort(names);
  return code;
}

static int not_found(const search *s, const char *name, sl_err *err) {
  sl_strlist names = {0};
  char *where = sl_strlist_join(&s->dirs, ", ");
  list_names(&s->dirs, &names);
  const char *near = sl_str_nearest(name, (const char *const *)names.items, names.count);
  sl_err_set(err, SL_ENOTFOUND, "no plugin `%s`: expected a file %s.so on the search path, found none", name, name);
  sl_err_detail(err, "searched: %s", where ? where : "");
  if (near)
    sl_err_hint(err, "did you mean `%s`?", near);
  else
    sl_err_hint(err, "install it, or name its folder in `plugin_path:` or SLUICE_PLUGIN_PATH");
  sl_strlist_done(&names);
  sl_mem_free(where);
  return SL_ENOTFOUND;
}

/* The type that `uses` means: the named one, the one of the plugin's name, or the only one. */
static int pick_type(const sl_loaded *p, const char *uses, const char *wanted, const sl_stage_type **ret, sl_err *err) {
  const sl_plugin *d = p->desc;
  const char *const name = wanted ? wanted : d->name;
  for (uint32_t i = 0; i < d->n_types; i++) {
    if (strcmp(d->types[i]->name, name) != 0) continue;
    *ret = d->types[i];
    return 0;
  }
  if (!wanted && d->n_types == 1) {
    *ret = d->types[0];
    return 0;
  }
  sl_strlist types = {0};
  for (uint32_t i = 0; i < d->n_types; i++) sl_strlist_add(&types, d->types[i]->name);
  char *all = sl_strlist_join(&types, ", ");
  if (wanted) {
    const char *near = sl_str_nearest(wanted, (const char *const *)types.items, types.count);
    sl_err_set(err, SL_ENOTFOUND, "plugin %s has no stage type `%s`: it has %s", p->path, wanted, all ? all : "others");
    if (near) sl_err_hint(err, "did you mean `%s`?", near);
  } else {
    sl_err_set(err, SL_ENOTFOUND, "plugin %s has several stage types: %s", p->path, all ? all : "");
    sl_err_hint(err, "say which one: `%s%s%s`", uses, strchr(uses, '/') ? ":" : ".",
                types.count ? types.items[0] : "type");
  }
  sl_mem_free(all);
  sl_strlist_done(&types);
  return SL_ENOTFOUND;
}

/* Splits "x.type", or "./x.so:type", at its mark. *ret_type NULL if there is no type. [own] */
static char *split(const char *uses, const char **ret_type) {
  const char *mark = strchr(uses, '/') ? strrchr(uses, ':') : strchr(uses, '.');
  if (mark && strchr(mark, '/')) mark = NULL;
  *ret_type = mark ? mark + 1 : NULL;
  return mark ? sl_mem_strndup(uses, (size_t)(mark - uses)) : sl_mem_strdup(uses);
}

static int resolve_file(sl_registry *r, const char *name, const char *base, const char *const *path, uint32_t n_path,
                        const sl_loaded **ret, sl_err *err) {
  if (strchr(name, '/')) {
    char *abs = sl_path_abs(name, base);
    int code = abs ? open_path(r, abs, NULL, ret, err) : sl_err_set(err, SL_ENOMEM, "memory is out");
    sl_mem_free(abs);
    return code;
  }
  search s = {0};
  int code = collect_dirs(r, base, path, n_path, &s.dirs);
  if (!code) code = look_up(&s, name);
  if (code)
    sl_err_set(err, code, "memory is out");
  else
    code = s.found ? open_path(r, s.found, s.shadowed, ret, err) : not_found(&s, name, err);
  search_done(&s);
  return code;
}

int sl_registry_resolve(void *registry, const char *uses, const char *base, const char *const *path, uint32_t n_path,
                        const sl_stage_type **ret_type, const char **ret_path, const char **ret_build, sl_err *err) {
  sl_registry *r = registry;
  const char *wanted = NULL;
  const sl_loaded *loaded = NULL;
  char *name = split(uses, &wanted);
  if (!name) return sl_err_set(err, SL_ENOMEM, "memory is out");
  int code = resolve_file(r, name, base, path, n_path, &loaded, err);
  if (!code) code = pick_type(loaded, uses, wanted, ret_type, err);
  if (!code) {
    if (ret_path) *ret_path = loaded->path;
    if (ret_build) *ret_build = loaded->build_id;
  }
  sl_mem_free(name);
  return code;
}

int sl_registry_scan(sl_registry *r,
                     void (*cb)(void *user, const char *path, const sl_loaded *loaded, const sl_err *err), void *user,
                     sl_err *err) {
  search all = {0};
  sl_strlist names = {0};
  int code = collect_dirs(r, NULL, NULL, 0, &all.dirs);
  if (!code) code = list_names(&all.dirs, &names);
  for (size_t i = 0; i < names.count && !code; i++) {
    search one = {.dirs = all.dirs};
    sl_err why = {0};
    const sl_loaded *loaded = NULL;
    code = look_up(&one, names.items[i]);
    if (!code && one.found) {
      int bad = open_path(r, one.found, one.shadowed, &loaded, &why);
      cb(user, one.found, bad ? NULL : loaded, bad ? &why : NULL);
    }
    one.dirs = (sl_strlist){0};
    search_done(&one);
  }
  sl_strlist_done(&names);
  search_done(&all);
  return code ? sl_err_set(err, code, "memory is out") : 0;
}
