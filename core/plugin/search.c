/* SPDX-License-Identifier: Apache-2.0 */
/* Folders by the place of the running program: an installation may be moved as a whole. */
#include "plugin/search.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/plugin.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

/* Defined by the build: SLUICE_BUILD_DIR, SLUICE_PLUGIN_DIR (absolute, installed), SLUICE_LIBDIR and SLUICE_LIBEXECDIR
 * (below the prefix), SLUICE_PROBE_DIR (absolute, installed). */

/* The folder of the running program. [own] */
static char *exe_dir(const char *self) {
  char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  char *whole = NULL;
  if (n > 0) {
    path[n] = '\0';
    whole = sl_mem_strdup(path);
  } else if (self && strchr(self, '/')) {
    whole = sl_path_abs(self, NULL);
  }
  char *dir = whole ? sl_path_dir(whole) : NULL;
  sl_mem_free(whole);
  return dir;
}

/* "<dir>/../<below>/sluice", the layout of an installation. [own] */
static char *beside(const char *dir, const char *below) {
  char *prefix = sl_path_dir(dir);
  char *folder = prefix ? sl_path_join(prefix, below) : NULL;
  char *path = folder ? sl_path_join(folder, "sluice") : NULL;
  sl_mem_free(prefix);
  sl_mem_free(folder);
  return path;
}

/* Below the build folder, and not installed there (a package is staged below it, too). */
static int in_build_tree(const char *dir) {
  size_t n = strlen(SLUICE_BUILD_DIR);
  if (strncmp(dir, SLUICE_BUILD_DIR, n) != 0 || (dir[n] && dir[n] != '/')) return 0;
  char *installed = beside(dir, SLUICE_LIBDIR);
  int staged = installed && sl_path_is_dir(installed);
  sl_mem_free(installed);
  return !staged;
}

static int add_env(sl_strlist *path) {
  const char *list = getenv("SLUICE_PLUGIN_PATH");
  while (list && *list) {
    size_t n = strcspn(list, ":");
    if (n) {
      char *one = sl_mem_strndup(list, n);
      char *abs = one ? sl_path_abs(one, NULL) : NULL;
      int code = abs ? sl_strlist_add(path, abs) : SL_ENOMEM;
      sl_mem_free(one);
      sl_mem_free(abs);
      if (code) return code;
    }
    list += n + (list[n] == ':');
  }
  return 0;
}

/* dir [take]; NULL is memory that is out. */
static int add_owned(sl_strlist *path, char *dir) {
  int code = !dir ? SL_ENOMEM : sl_strlist_has(path, dir) ? 0 : sl_strlist_add(path, dir);
  sl_mem_free(dir);
  return code;
}

int sl_search_default(const char *self, sl_strlist *path) {
  const char *home = getenv("HOME");
  int code = add_env(path);
  if (!code && home && sl_path_is_abs(home)) code = add_owned(path, sl_path_join(home, ".local/lib/sluice"));
  if (code) return code;
  char *dir = exe_dir(self);
  if (dir && in_build_tree(dir)) code = add_owned(path, sl_path_join(SLUICE_BUILD_DIR, "plugins-bin"));
  if (!code && dir && !strcmp(sl_path_base(dir), "bin")) code = add_owned(path, beside(dir, SLUICE_LIBDIR));
  if (!code) code = add_owned(path, sl_mem_strdup(SLUICE_PLUGIN_DIR));
  sl_mem_free(dir);
  return code;
}

static char *if_runnable(char *path) {
  if (path && !access(path, X_OK)) return path;
  sl_mem_free(path);
  return NULL;
}

char *sl_search_probe(const char *self) {
  char *dir = exe_dir(self), *found = NULL;
  if (dir && in_build_tree(dir)) found = if_runnable(sl_path_join(SLUICE_BUILD_DIR, "sluice-probe"));
  if (dir && !found) {
    char *folder = beside(dir, SLUICE_LIBEXECDIR);
    if (folder) found = if_runnable(sl_path_join(folder, "sluice-probe"));
    sl_mem_free(folder);
  }
  if (!found) found = if_runnable(sl_path_join(SLUICE_PROBE_DIR, "sluice-probe"));
  sl_mem_free(dir);
  return found;
}

static char *if_folder(char *path) {
  if (path && sl_path_is_dir(path)) return path;
  sl_mem_free(path);
  return NULL;
}

char *sl_search_quality(const char *self) {
  const char *named = getenv("SLUICE_QUALITY_PATH");
  if (named && *named) return sl_path_abs(named, NULL);
  char *dir = exe_dir(self), *found = NULL;
  if (dir && in_build_tree(dir)) found = if_folder(sl_path_join(SLUICE_BUILD_DIR, "quality"));
  char *folder = dir && !found ? beside(dir, SLUICE_LIBEXECDIR) : NULL;
  if (folder) found = if_folder(sl_path_join(folder, "quality"));
  sl_mem_free(folder);
  if (!found) found = if_folder(sl_path_join(SLUICE_PROBE_DIR, "quality"));
  sl_mem_free(dir);
  return found;
}
