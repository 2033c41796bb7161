/* SPDX-License-Identifier: Apache-2.0 */
/* Files that may change. */
#include "run/filewatch.h"

#include <string.h>
#include <sys/stat.h>

#include <sluice/plugin.h>

#include "base/hash.h"
#include "base/mem.h"

typedef struct sl_watched {
  char *path;
  uint64_t known, last; /* identity: acted upon; at the last look */
  int wanted;
} sl_watched;

static uint64_t identity(const char *path) {
  struct stat st;
  if (stat(path, &st)) return 0;
  int64_t parts[] = {(int64_t)st.st_dev, (int64_t)st.st_ino, (int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec,
                     (int64_t)st.st_mtim.tv_nsec};
  return sl_hash(parts, sizeof parts, 1) | 1;
}

void sl_filewatch_done(sl_filewatch *w) {
  for (size_t i = 0; i < w->n; i++) sl_mem_free(w->files[i].path);
  sl_mem_free(w->files);
  *w = (sl_filewatch){0};
}

int sl_filewatch_add(sl_filewatch *w, const char *path) {
  for (size_t i = 0; i < w->n; i++) {
    if (strcmp(w->files[i].path, path) != 0) continue;
    w->files[i].wanted = 1;
    return 0;
  }
  if (w->n == w->cap) {
    size_t cap = w->cap ? w->cap * 2 : 16;
    sl_watched *all = sl_mem_realloc(w->files, cap * sizeof *all);
    if (!all) return SL_ENOMEM;
    w->files = all;
    w->cap = cap;
  }
  char *copy = sl_mem_strdup(path);
  if (!copy) return SL_ENOMEM;
  uint64_t now = identity(path);
  w->files[w->n++] = (sl_watched){.path = copy, .known = now, .last = now, .wanted = 1};
  return 0;
}

void sl_filewatch_begin(sl_filewatch *w) {
  for (size_t i = 0; i < w->n; i++) w->files[i].wanted = 0;
}

void sl_filewatch_end(sl_filewatch *w) {
  size_t n = 0;
  for (size_t i = 0; i < w->n; i++) {
    if (w->files[i].wanted)
      w->files[n++] = w->files[i];
    else
      sl_mem_free(w->files[i].path);
  }
  w->n = n;
}

int sl_filewatch_look(sl_filewatch *w) {
  int changed = 0, settled = 1;
  for (size_t i = 0; i < w->n; i++) {
    sl_watched *f = &w->files[i];
    uint64_t now = identity(f->path);
    changed |= now != f->known;
    settled &= now == f->last;
    f->last = now;
  }
  if (!changed || !settled) return 0;
  for (size_t i = 0; i < w->n; i++) w->files[i].known = w->files[i].last;
  return 1;
}
