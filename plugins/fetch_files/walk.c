/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the files that globs name. */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 128

typedef struct {
  char *name;
  unsigned char type; /* DT_… */
} entry;

typedef struct {
  int fd;
  dev_t dev;
  ino_t ino;
  entry *entries;
  char *arena; /* the names */
  size_t n, at;
  size_t rel_len; /* of the folder's path below the root */
} frame;

struct fetch_walk {
  fetch_glob *globs;
  uint32_t n, at; /* at: the glob in work */
  fetch_walk_opts opts;
  frame frames[MAX_DEPTH];
  uint32_t depth;
  int32_t begun;
  uint64_t hits; /* findings of the group in work */
  char *root_real;
  char *path; /* root + "/" + relative path */
  size_t root_len, path_cap;
  /* How to open what was found last: `name` below the folder behind at_fd. */
  int at_fd, own_fd; /* own_fd: a folder that fetch_walk_find opened */
  int open_flags;
  const char *name;
  char *real; /* the target of a link */
};

fetch_walk *fetch_walk_new(fetch_glob *list, uint32_t n, const fetch_walk_opts *opts) {
  fetch_walk *w = calloc(1, sizeof *w);
  if (!w) {
    fetch_glob_free(list, n);
    return NULL;
  }
  w->globs = list;
  w->n = n;
  w->opts = *opts;
  w->own_fd = -1;
  return w;
}

static void pop(fetch_walk *w) {
  frame *f = &w->frames[--w->depth];
  close(f->fd);
  free(f->entries);
  free(f->arena);
}

void fetch_walk_free(fetch_walk *w) {
  if (!w) return;
  while (w->depth) pop(w);
  fetch_glob_free(w->globs, w->n);
  if (w->own_fd >= 0) close(w->own_fd);
  free(w->root_real);
  free(w->path);
  free(w->real);
  free(w);
}

/* Writes root/folder/name to w->path. rel_len is the length of the folder below the root. */
static int set_path(fetch_walk *w, size_t rel_len, const char *name) {
  size_t at = w->root_len + rel_len, len = strlen(name);
  if (w->path_cap < at + len + 2) {
    size_t cap = at + len + 256;
    char *grown = realloc(w->path, cap);
    if (!grown) return -1;
    w->path = grown;
    w->path_cap = cap;
  }
  if (rel_len) w->path[at++] = '/';
  memcpy(w->path + at, name, len + 1);
  return 0;
}

static const char *rel_of(const fetch_walk *w) { return w->path + w->root_len; }

static int by_name(const void *a, const void *b) { return strcmp(((const entry *)a)->name, ((const entry *)b)->name); }

/* Reads a folder's names into one arena. The descriptor in f stays open. 0, or an errno. */
static int list_folder(frame *f, int sorted) {
  size_t used = 0, cap = 0, slots = 0;
  int copy = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
  DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
  if (!dir) {
    int e = errno;
    if (copy >= 0) close(copy);
    return e;
  }
  rewinddir(dir);
  int rc = 0;
  errno = 0;
  for (struct dirent *e = readdir(dir); e && rc == 0; errno = 0, e = readdir(dir)) {
    size_t len = strlen(e->d_name) + 1;
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    if (used + len > cap) {
      cap = (cap + len) * 2 + 4096;
      char *grown = realloc(f->arena, cap);
      if (!grown)
        rc = ENOMEM;
      else
        f->arena = grown;
    }
    if (rc == 0 && f->n == slots) {
      slots = slots * 2 + 64;
      entry *grown = realloc(f->entries, slots * sizeof *grown);
      if (!grown)
        rc = ENOMEM;
      else
        f->entries = grown;
    }
    if (rc != 0) break;
    memcpy(f->arena + used, e->d_name, len);
    f->entries[f->n].type = e->d_type;
    f->entries[f->n++].name = NULL;
    used += len;
  }
  if (rc == 0) rc = errno;
  closedir(dir);
  if (rc != 0) return rc;
  char *name = f->arena;
  for (size_t i = 0; i < f->n; i++, name += strlen(name) + 1) f->entries[i].name = name;
  if (sorted && f->n > 1) qsort(f->entries, f->n, sizeof *f->entries, by_name);
  return 0;
}

static int broken(fetch_walk *w, fetch_found *ret, int error, const char *why) {
  ret->kind = FETCH_BROKEN;
  ret->fd = -1;
  ret->error = error;
  ret->why = why;
  ret->path = w->path;
  ret->rel = rel_of(w);
  w->hits++;
  return 0;
}

static int no_folder(fetch_walk *w, fetch_found *ret, int error, const char *why) {
  broken(w, ret, error, why);
  ret->folder = 1;
  return 0;
}

static int skipped(fetch_walk *w, fetch_found *ret, const char *why) {
  broken(w, ret, 0, why);
  ret->kind = FETCH_SKIPPED;
  w->hits--;
  return 0;
}

/* Enters the folder behind fd [take]; its path is in w->path. 1: entered, 0: ret tells why not. */
static int push(fetch_walk *w, int fd, fetch_found *ret) {
  struct stat st;
  if (w->depth == MAX_DEPTH) {
    close(fd);
    return no_folder(w, ret, 0, "the folders are nested more than 128 deep");
  }
  frame *f = &w->frames[w->depth];
  memset(f, 0, sizeof *f);
  f->fd = fd;
  f->rel_len = strlen(rel_of(w));
  int error = fstat(fd, &st) < 0 ? errno : 0;
  f->dev = st.st_dev;
  f->ino = st.st_ino;
  for (uint32_t i = 0; error == 0 && i < w->depth; i++)
    if (w->frames[i].dev == f->dev && w->frames[i].ino == f->ino) error = ELOOP;
  if (error == 0) error = list_folder(f, w->opts.sorted);
  w->depth++;
  if (error == 0) return 1;
  pop(w);
  return no_folder(w, ret, error, "the folder cannot be read");
}

static int inside(const fetch_walk *w, const char *real) {
  size_t n = strlen(w->root_real);
  return strncmp(real, w->root_real, n) == 0 && (n == 1 || real[n] == '/');
}

/* 1 if an earlier glob finds this file, too. */
static int seen(const fetch_walk *w) {
  for (uint32_t i = 0; i < w->at; i++) {
    const fetch_glob *g = &w->globs[i];
    size_t n = strlen(g->root);
    if (n == 1) n = 0;
    if (strncmp(w->path, g->root, n) == 0 && w->path[n] == '/' && fetch_glob_match(g, w->path + n + 1)) return 1;
  }
  return 0;
}

/* A file to read, `name` below the folder at_fd. 1: ret is set; 0: it is gone. */
static int file_found(fetch_walk *w, int at_fd, const char *name, int flags, fetch_found *ret) {
  if (fstatat(at_fd, name, &ret->st, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0) < 0) {
    if (errno == ENOENT) return 0; /* it was there when the folder was listed */
    broken(w, ret, errno, "the file cannot be examined");
    return 1;
  }
  w->at_fd = at_fd;
  w->name = name;
  w->open_flags = O_RDONLY | O_CLOEXEC | flags;
  ret->kind = FETCH_FILE;
  ret->path = w->path;
  ret->rel = rel_of(w);
  w->hits++;
  return 1;
}

int fetch_walk_open(fetch_walk *w, fetch_found *f) {
  f->fd = openat(w->at_fd, w->name, w->open_flags);
  if (f->fd >= 0 && fstat(f->fd, &f->st) == 0) return 0;
  f->error = errno;
  f->why = f->fd < 0 ? "the file cannot be opened" : "the file cannot be examined";
  f->kind = FETCH_BROKEN;
  if (f->fd >= 0) close(f->fd);
  f->fd = -1;
  return -1;
}

static int skip_one(fetch_walk *w, fetch_found *ret, const char *why) {
  skipped(w, ret, why);
  return 1;
}

/* 1: ret is set; 0: nothing to tell. */
static int through_link(fetch_walk *w, int matches, fetch_found *ret) {
  struct stat st;
  char *real = realpath(w->path, NULL);
  int result = 0;
  free(w->real);
  w->real = NULL;
  if (!real || stat(real, &st) < 0) {
    if (matches) broken(w, ret, errno, errno == ENOENT ? "the link leads nowhere" : "the link cannot be followed");
    result = matches;
  } else if (S_ISDIR(st.st_mode)) {
    int enter = fetch_glob_enter(&w->globs[w->at], rel_of(w));
    if (enter && w->opts.follow_links) {
      int fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
      result = fd < 0 ? (no_folder(w, ret, errno, "the folder cannot be opened"), 1) : !push(w, fd, ret);
    } else if (enter) {
      result = skip_one(w, ret, "a link to a folder is not followed: follow_links: true follows it");
    }
  } else if (matches && !S_ISREG(st.st_mode)) {
    result = skip_one(w, ret, "not a regular file");
  } else if (matches && !w->opts.follow_links && !inside(w, real)) {
    result = skip_one(w, ret, "the link leads out of the folder that was named: follow_links: true follows it");
  } else if (matches) {
    w->real = real;
    return file_found(w, AT_FDCWD, real, O_NOFOLLOW | O_NONBLOCK, ret);
  }
  free(real);
  return result;
}

/* Looks at the next entry of the innermost folder. 1: ret is set; 0: nothing to tell; -1: memory is out. */
static int step(fetch_walk *w, fetch_found *ret) {
  frame *f = &w->frames[w->depth - 1];
  if (f->at == f->n) {
    pop(w);
    return 0;
  }
  const entry *e = &f->entries[f->at++];
  const fetch_glob *g = &w->globs[w->at];
  if (set_path(w, f->rel_len, e->name) < 0) return -1;
  int matches = fetch_glob_match(g, rel_of(w)), type = e->type;
  int enter = fetch_glob_enter(g, rel_of(w));
  if (!matches && !enter) return 0;
  if (type == DT_UNKNOWN) {
    struct stat st;
    if (fstatat(f->fd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      return broken(w, ret, errno, "the file cannot be examined"), 1;
    type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : S_ISLNK(st.st_mode) ? DT_LNK : DT_FIFO;
  }
  if (type != DT_DIR && matches && seen(w)) {
    w->hits++;
    return 0;
  }
  if (type == DT_LNK) return through_link(w, matches, ret);
  if (type == DT_DIR) {
    if (!enter) return 0;
    int fd = openat(f->fd, e->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return no_folder(w, ret, errno, "the folder cannot be opened"), 1;
    return !push(w, fd, ret);
  }
  if (!matches) return 0;
  if (type != DT_REG) return skip_one(w, ret, "not a regular file");
  return file_found(w, f->fd, e->name, O_NOFOLLOW | O_NONBLOCK, ret);
}

/* The user named this very path, so a link here is followed; what it names decides. 1: ret is set; 0: go on; -1:
 * memory. */
static int begin_literal(fetch_walk *w, fetch_glob *g, fetch_found *ret) {
  struct stat st;
  w->root_len = 0;
  if (set_path(w, 0, g->root) < 0) return -1;
  size_t n = strlen(g->root);
  w->root_len = n == 1 ? 1 : n + 1;
  w->path[w->root_len - 1] = '/';
  for (uint32_t i = 0; i < g->n; i++)
    if (set_path(w, i ? strlen(rel_of(w)) : 0, g->parts[i]) < 0) return -1;
  if (g->n == 0) w->path[w->root_len] = '\0';
  if (stat(w->path, &st) < 0) {
    if (lstat(w->path, &st) == 0) return broken(w, ret, errno, "the link leads nowhere"), 1;
    return 0;
  }
  if (S_ISDIR(st.st_mode)) return fetch_glob_folder(g, w->opts.recursive);
  if (seen(w)) {
    w->hits++;
    return 0;
  }
  return file_found(w, AT_FDCWD, w->path, O_NOCTTY, ret);
}

static int begin(fetch_walk *w, fetch_found *ret) {
  fetch_glob *g = &w->globs[w->at];
  w->begun = 1;
  if (g->literal) {
    int rc = begin_literal(w, g, ret);
    if (rc != 0 || g->literal) return rc;
  }
  free(w->root_real);
  w->root_real = realpath(g->root, NULL);
  w->root_len = 0;
  if (set_path(w, 0, g->root) < 0) return -1;
  if (!w->root_real) {
    if (errno == ENOENT || errno == ENOTDIR) return 0;
    return no_folder(w, ret, errno, "the folder cannot be opened"), 1;
  }
  w->root_len = strlen(g->root);
  int fd = open(g->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return no_folder(w, ret, errno, "the folder cannot be opened"), 1;
  if (!push(w, fd, ret)) return 1;
  if (w->root_len > 1) w->path[w->root_len++] = '/';
  w->path[w->root_len] = '\0';
  return 0;
}

int fetch_walk_next(fetch_walk *w, fetch_found *ret) {
  for (;;) {
    memset(ret, 0, sizeof *ret);
    ret->fd = -1;
    if (w->at == w->n) return 0;
    uint32_t group = ret->group = w->globs[w->at].group;
    int rc = !w->begun ? begin(w, ret) : w->depth ? step(w, ret) : 0;
    if (rc < 0) return -1;
    if (rc > 0) return 0;
    if (w->depth) continue;
    w->begun = 0;
    w->at++;
    if (w->at < w->n && w->globs[w->at].group == group) continue;
    uint64_t hits = w->hits;
    w->hits = 0;
    if (hits == 0) {
      ret->kind = FETCH_MISSING;
      return 0;
    }
  }
}

/* ---- one file by its path ---------------------------------------------------------------------------------------- */

/* Opens the folder of `rel` below root without following links, into w->own_fd; *ret_name: the last component. 0, or an
 * errno. */
static int open_beneath(fetch_walk *w, const char *root, const char *rel, const char **ret_name) {
  char part[NAME_MAX + 1];
  int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (w->own_fd >= 0) close(w->own_fd);
  w->own_fd = fd;
  for (const char *slash; fd >= 0 && (slash = strchr(rel, '/')) != NULL; rel = slash + 1) {
    size_t n = (size_t)(slash - rel);
    if (n > NAME_MAX) return ENAMETOOLONG;
    memcpy(part, rel, n);
    part[n] = '\0';
    fd = openat(w->own_fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;
    close(w->own_fd);
    w->own_fd = fd;
    errno = error;
  }
  *ret_name = rel;
  return fd < 0 ? errno : 0;
}

/* path lies below the root of the glob in work. 1: ret is set; 0: not there; -1: memory is out. */
static int find_below(fetch_walk *w, const char *rel, fetch_found *ret) {
  const fetch_glob *g = &w->globs[w->at];
  struct stat st;
  const char *name = rel;
  free(w->root_real);
  w->root_real = realpath(g->root, NULL);
  if (!w->root_real) return 0;
  w->root_len = strlen(g->root);
  w->root_len = w->root_len > 1 ? w->root_len : 0;
  int error = open_beneath(w, g->root, rel, &name);
  if ((error == ELOOP || error == ENOTDIR) && w->opts.follow_links) /* through a link to a folder */
    return file_found(w, AT_FDCWD, w->path, O_NONBLOCK, ret);
  if (error || fstatat(w->own_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  if (S_ISLNK(st.st_mode)) {
    int linked = through_link(w, 1, ret);
    return linked && ret->kind == FETCH_SKIPPED ? 0 : linked;
  }
  return S_ISREG(st.st_mode) ? file_found(w, w->own_fd, name, O_NOFOLLOW | O_NONBLOCK, ret) : 0;
}

int fetch_walk_find(fetch_walk *w, const char *path, fetch_found *ret) {
  struct stat st;
  memset(ret, 0, sizeof *ret);
  ret->fd = -1;
  ret->kind = FETCH_MISSING;
  size_t len = strlen(path);
  if (w->path_cap < len + 1) {
    char *grown = realloc(w->path, len + 256);
    if (!grown) return -1;
    w->path = grown;
    w->path_cap = len + 256;
  }
  memcpy(w->path, path, len + 1);
  for (w->at = 0; w->at < w->n; w->at++) {
    fetch_glob *g = &w->globs[w->at];
    size_t root = strlen(g->root);
    if (root == 1) root = 0;
    if (strncmp(path, g->root, root) != 0 || path[root] != '/') continue;
    const char *rel = path + root + 1;
    ret->group = g->group;
    if (g->literal && g->n == 1 && strcmp(rel, g->parts[0]) == 0) {
      w->root_len = root + 1;
      if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) return file_found(w, AT_FDCWD, w->path, O_NOCTTY, ret), 0;
      continue;
    }
    if (g->literal && fetch_glob_folder(g, w->opts.recursive) < 0) return -1;
    root = strlen(g->root) > 1 ? strlen(g->root) : 0;
    if (strncmp(path, g->root, root) != 0 || path[root] != '/') continue;
    rel = path + root + 1;
    if (!fetch_glob_match(g, rel)) continue;
    if (find_below(w, rel, ret)) {
      ret->rel = rel;
      return 0;
    }
  }
  return 0;
}
