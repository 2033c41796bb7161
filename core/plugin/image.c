/* SPDX-License-Identifier: Apache-2.0 */
/* Private copies of plugins, what is known of them, and dlopen. */
#include "plugin/image.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "plugin/loader.h"
#include "plugin/probe.h"

/* ---- opening ----------------------------------------------------------------------------------------------------- */

int sl_image_load(const char *file, const char *path, const sl_plugin **ret_desc, int *ret_lasting, sl_err *err) {
  if (ret_lasting) *ret_lasting = 0;
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    /* The message names the copy first; the reader knows the original. */
    if (why && !strncmp(why, file, strlen(file)) && !strncmp(why + strlen(file), ": ", 2)) why += strlen(file) + 2;
    sl_err_set(err, SL_EPLUGIN, "plugin %s is refused: it cannot be opened: %s", path, why ? why : "no reason given");
    if (why && strstr(why, "undefined symbol"))
      sl_err_hint(
          err, "link the library that has the symbol (-Wl,-z,defs finds it when linking); a plugin may not use symbols "
               "of the host");
    else if (why && strstr(why, "cannot open shared object"))
      sl_err_hint(err, "install the library that it names (ldd shows all of them)");
    else
      sl_err_hint(err, "is it a shared object built for this machine?");
    return SL_EPLUGIN;
  }
  if (ret_lasting) *ret_lasting = 1;
  sl_plugin_fn entry = NULL;
  void *symbol = dlsym(handle, SL_PLUGIN_SYMBOL);
  memcpy(&entry, &symbol, sizeof entry);
  if (!entry) {
    sl_err_set(err, SL_EPLUGIN, "plugin %s is refused: expected the function " SL_PLUGIN_SYMBOL ", found none", path);
    sl_err_hint(err, "define `SL_EXPORT const sl_plugin *" SL_PLUGIN_SYMBOL "(void)`; it must not be static or hidden");
    return SL_EPLUGIN;
  }
  const sl_plugin *desc = entry();
  int code = sl_plugin_check(desc, path, err);
  if (!code) *ret_desc = desc;
  return code;
}

/* ---- the cache folder -------------------------------------------------------------------------------------------- */

/* A folder that is ours, that nobody else may write to, and from which code may run. */
static int is_ours(const char *dir) {
  struct stat st;
  struct statvfs fs;
  return !lstat(dir, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022) &&
         !statvfs(dir, &fs) && !(fs.f_flag & (ST_NOEXEC | ST_RDONLY));
}

char *sl_image_cache_dir(void) {
  const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  char *root = NULL;
  if (xdg && sl_path_is_abs(xdg))
    root = sl_path_join(xdg, "sluice");
  else if (home && sl_path_is_abs(home))
    root = sl_path_join(home, ".cache/sluice");
  char *dir = root ? sl_path_join(root, "plugins") : NULL;
  if (dir && !is_ours(dir)) {
    mode_t mask = umask(077);
    int code = sl_path_mkdirs(dir, NULL);
    umask(mask);
    if (code || !is_ours(dir)) {
      sl_mem_free(dir);
      dir = NULL;
    }
  }
  sl_mem_free(root);
  return dir;
}

/* "<name>-<place>-<identity>-<build>": the place is a hash of the path, so that an older copy of the same file is
 * found. */
static char *entry_name(const char *path, const sl_identity *id, const char *ending) {
  const char *base = sl_path_base(path);
  sl_buf b = {0};
  sl_buf_addf(&b, "%.*s-%08llx-%s-%.16s%s", (int)(strlen(base) - strlen(sl_path_ext(base))), base,
              (unsigned long long)(sl_hash_str(path, 7) & 0xffffffffu), id ? id->key : "", id ? id->build_id : "",
              ending);
  return sl_buf_take(&b, NULL);
}

/* A copy that another process is just making. */
static int is_in_the_making(int dir, const char *name) {
  struct stat st;
  return sl_str_ends(name, ".new") && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && st.st_mtime > time(NULL) - 3600;
}

/* Removes what is known of earlier builds of this file. They may still be mapped somewhere: that does no harm. */
static void forget_older(const char *cache, const char *path, const sl_identity *id) {
  char *all = entry_name(path, NULL, ""), *keep = entry_name(path, id, "");
  DIR *dir = all && keep ? opendir(cache) : NULL;
  size_t prefix = all ? strlen(all) - 1 : 0; /* without the last "-" of the empty parts */
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (strncmp(e->d_name, all, prefix) != 0 || sl_str_starts(e->d_name, keep)) continue;
    if (!is_in_the_making(dirfd(dir), e->d_name)) unlinkat(dirfd(dir), e->d_name, 0);
  }
  if (dir) closedir(dir);
  sl_mem_free(all);
  sl_mem_free(keep);
}

/* ---- what is known: a copy says "sound", a note says why not ----------------------------------------------------- */

static void note_refusal(const char *note, const sl_err *err) {
  sl_buf b = {0};
  sl_buf_addf(&b, "%d%c%s%c%s%c%s", err->code, 0, err->message, 0, err->detail, 0, err->hint);
  if (!b.failed) sl_path_write(note, b.data, b.len, 0600, NULL);
  sl_buf_done(&b);
}

/* 1 if there is a note; err then carries it. */
static int noted(const char *note, sl_err *err) {
  char *text = NULL;
  size_t len = 0;
  if (sl_path_read(note, 4096, &text, &len, NULL)) return 0;
  const char *part[4] = {text, "", "", ""};
  size_t n = 1;
  for (size_t i = 0; i < len && n < 4; i++)
    if (!text[i]) part[n++] = text + i + 1;
  int good = n == 4 && atoi(part[0]) < 0;
  if (good) {
    sl_err_set(err, atoi(part[0]), "%s", part[1]);
    if (part[2][0]) sl_err_detail(err, "%s", part[2]);
    if (part[3][0])
      sl_err_hint(err, "%s", part[3]);
    else
      sl_err_hint(err, "it is in quarantine until it is rebuilt; to try this very file again: rm %.180s", note);
  }
  sl_mem_free(text);
  return good;
}

/* ---- copying ----------------------------------------------------------------------------------------------------- */

static int copy_bytes(int from, int to, uint64_t size) {
  off_t at = 0;
  while ((uint64_t)at < size) {
    ssize_t n = sendfile(to, from, &at, size - (uint64_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n ? errno : EIO;
  }
  return 0;
}

/* The file must not have changed while it was copied. */
static int still_same(int fd, const char *path, const sl_identity *id, sl_err *err) {
  sl_identity now;
  int code = sl_identity_of(fd, path, &now, err);
  if (code || sl_identity_equal(&now, id)) return code;
  code = sl_err_set(err, SL_EPLUGIN, "plugin %s changed while it was read", path);
  if (err) err->retryable = 1;
  sl_err_hint(err, "try again when its build has finished");
  return code;
}

/* Copies into a new file of the cache. -1 if the cache does not take it. */
static int copy_to_cache(int fd, const sl_identity *id, const char *temp) {
  int to = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
  if (to < 0) return -1;
  /* Synced, for a copy that a power failure cut would be taken for sound. */
  int bad = copy_bytes(fd, to, id->size) || fsync(to);
  if (close(to)) bad = 1;
  if (bad) unlink(temp);
  return bad ? -1 : 0;
}

typedef struct job {
  const char *path;
  const sl_image_opts *opts;
  const sl_identity *id;
  char *copy, *temp, *note; /* in the cache; NULL without one */
  int fd;                   /* the original */
} job;

static int probe(const job *j, const char *file, int fd, sl_err *err) {
  int lasting = 0;
  sl_err why = {0};
  if (!j->opts->probe) return 0;
  int code = sl_probe_run(j->opts->probe, file, fd, j->path, j->opts->limit_ms, &lasting, &why);
  if (code && lasting && j->note) note_refusal(j->note, &why);
  if (code && lasting && j->note && !why.hint[0]) noted(j->note, &why);
  if (code && err) *err = why;
  return code;
}

/* Unknown, and no cache: a copy in memory. Its descriptor stays open, so that its name is never used again. */
static int open_in_memory(const job *j, const sl_plugin **ret_desc, sl_err *err) {
  char name[64], child[64];
  int fd = memfd_create(sl_path_base(j->path), MFD_CLOEXEC);
  if (fd < 0) return sl_err_errno(err, errno, "cannot make a private copy of plugin %s", j->path);
  int bad = copy_bytes(j->fd, fd, j->id->size);
  int code = bad ? sl_err_errno(err, bad, "cannot copy plugin %s", j->path) : still_same(j->fd, j->path, j->id, err);
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  snprintf(child, sizeof child, "/proc/self/fd/%d", SL_PROBE_FILE_FD);
  if (!code) code = probe(j, child, fd, err);
  if (code) {
    close(fd);
    return code;
  }
  return sl_image_load(name, j->path, ret_desc, NULL, err);
}

/* Unknown: copy, probe the copy, give it its lasting name, open it. 1 if the cache cannot be used after all. */
static int open_new(const job *j, const sl_plugin **ret_desc, sl_err *err) {
  if (copy_to_cache(j->fd, j->id, j->temp)) return 1;
  int code = still_same(j->fd, j->path, j->id, err);
  if (!code) code = probe(j, j->temp, -1, err);
  if (!code && rename(j->temp, j->copy)) code = 1;
  if (code) {
    unlink(j->temp);
    return code;
  }
  return sl_image_load(j->copy, j->path, ret_desc, NULL, err);
}

static int open_cached(const job *j, const sl_plugin **ret_desc, sl_err *err) {
  struct stat st;
  if (!lstat(j->copy, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() && (uint64_t)st.st_size == j->id->size)
    return sl_image_load(j->copy, j->path, ret_desc, NULL, err);
  sl_err why = {0};
  if (noted(j->note, &why)) {
    if (err) *err = why;
    return why.code;
  }
  forget_older(j->opts->cache, j->path, j->id);
  return open_new(j, ret_desc, err);
}

static char *in_cache(const job *j, const char *ending) {
  char *name = entry_name(j->path, j->id, ending);
  char *path = name ? sl_path_join(j->opts->cache, name) : NULL;
  sl_mem_free(name);
  return path;
}

int sl_image_open(const char *path, const sl_image_opts *opts, sl_identity *ret_id, const sl_plugin **ret_desc,
                  sl_err *err) {
  job j = {.path = path, .opts = opts, .id = ret_id};
  j.fd = open(path, O_RDONLY | O_CLOEXEC);
  if (j.fd < 0) return sl_err_errno(err, errno, "cannot open plugin %s", path);
  int code = sl_identity_of(j.fd, path, ret_id, err);
  if (code) goto out;
  code = 1;
  if (opts->cache) {
    char ending[48];
    snprintf(ending, sizeof ending, ".%ld.new", (long)getpid());
    j.copy = in_cache(&j, ".so");
    j.temp = in_cache(&j, ending);
    j.note = in_cache(&j, ".refused");
    if (!j.copy || !j.temp || !j.note) {
      code = sl_err_set(err, SL_ENOMEM, "memory is out");
      goto out;
    }
    code = open_cached(&j, ret_desc, err);
  }
  if (code == 1) code = open_in_memory(&j, ret_desc, err);
out:
  sl_mem_free(j.copy);
  sl_mem_free(j.temp);
  sl_mem_free(j.note);
  close(j.fd);
  return code;
}
