/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and whole files. */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

int sl_path_is_abs(const char *path) { return path[0] == '/'; }

char *sl_path_join(const char *dir, const char *name) {
  if (name[0] == '/' || dir[0] == '\0') return sl_mem_strdup(name);
  sl_buf buf = {0};
  (void)sl_buf_addstr(&buf, dir);
  if (dir[strlen(dir) - 1] != '/') (void)sl_buf_addc(&buf, '/');
  (void)sl_buf_addstr(&buf, name);
  return sl_buf_take(&buf, NULL);
}

char *sl_path_dir(const char *path) {
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') n--;
  while (n > 0 && path[n - 1] != '/') n--;
  if (n == 0) return sl_mem_strdup(".");
  while (n > 1 && path[n - 1] == '/') n--;
  return sl_mem_strndup(path, n);
}

const char *sl_path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

const char *sl_path_ext(const char *path) {
  const char *base = sl_path_base(path);
  const char *dot = strrchr(base, '.');
  return dot == NULL || dot == base ? base + strlen(base) : dot;
}

char *sl_path_cwd(void) {
  char *cwd = getcwd(NULL, 0);
  if (cwd == NULL) return NULL;
  char *copy = sl_mem_strdup(cwd);
  free(cwd);
  return copy;
}

/* Appends the parts of path to out, which holds an absolute path without a slash at its end. */
static void add_parts(sl_buf *out, const char *path) {
  for (const char *p = path; *p != '\0';) {
    size_t n = strcspn(p, "/");
    if (n == 2 && p[0] == '.' && p[1] == '.') {
      while (out->len > 0 && out->data[--out->len] != '/') {
      }
      if (out->data != NULL) out->data[out->len] = '\0';
    } else if (n > 0 && !(n == 1 && p[0] == '.')) {
      (void)sl_buf_addc(out, '/');
      (void)sl_buf_add(out, p, n);
    }
    p += n;
    while (*p == '/') p++;
  }
}

char *sl_path_abs(const char *path, const char *base) {
  sl_buf out = {0};
  if (strcmp(path, "~") == 0 || sl_str_starts(path, "~/")) {
    const char *home = getenv("HOME");
    if (home != NULL && home[0] == '/') {
      add_parts(&out, home);
      path++;
    }
  }
  if (path[0] != '/') {
    if (base == NULL || base[0] != '/') {
      char *cwd = sl_path_cwd();
      if (cwd == NULL) return NULL;
      add_parts(&out, cwd);
      sl_mem_free(cwd);
    }
    if (base != NULL) add_parts(&out, base);
  }
  add_parts(&out, path);
  if (out.len == 0) (void)sl_buf_addc(&out, '/');
  return sl_buf_take(&out, NULL);
}

int sl_path_exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0;
}

int sl_path_is_dir(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int sl_path_mkdirs(const char *path, sl_err *err) {
  if (sl_path_is_dir(path) || path[0] == '\0') return SL_OK;
  char *copy = sl_mem_strdup(path);
  if (copy == NULL) return sl_err_set(err, SL_ENOMEM, "cannot make the folder %s: memory is out", path);
  int rc = SL_OK;
  for (char *p = copy + 1; rc == SL_OK; p++) {
    if (*p != '/' && *p != '\0') continue;
    char end = *p;
    *p = '\0';
    if (mkdir(copy, 0777) != 0 && !sl_path_is_dir(copy)) {
      int e = errno; /* EEXIST: something else than a folder is in the way */
      rc = sl_err_errno(err, e == EEXIST ? ENOTDIR : e, "cannot make the folder %s", copy);
    }
    *p = end;
    if (end == '\0') break;
  }
  sl_mem_free(copy);
  return rc;
}

int sl_path_mkdirs_for(const char *file, sl_err *err) {
  char *dir = sl_path_dir(file);
  if (dir == NULL) return sl_err_set(err, SL_ENOMEM, "cannot make the folder of %s: memory is out", file);
  int rc = sl_path_mkdirs(dir, err);
  sl_mem_free(dir);
  return rc;
}

static int read_fd(int fd, const char *path, size_t limit, sl_buf *buf, sl_err *err) {
  struct stat st;
  if (fstat(fd, &st) != 0) return sl_err_errno(err, errno, "cannot read %s", path);
  if (S_ISDIR(st.st_mode)) return sl_err_set(err, SL_EINVAL, "%s is a folder, expected a file", path);
  size_t guess = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 4096;
  if (limit > 0 && guess > limit) guess = limit;
  for (;;) {
    /* One byte more than expected, so that the end is seen without another round. */
    if (sl_buf_reserve(buf, buf->len == 0 ? guess + 1 : 65536) != SL_OK) {
      return sl_err_set(err, SL_ENOMEM, "cannot read %s: memory is out", path);
    }
    ssize_t n = read(fd, buf->data + buf->len, buf->cap - buf->len - 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sl_err_errno(err, errno, "cannot read %s", path);
    if (n == 0) return SL_OK;
    buf->len += (size_t)n;
    if (limit > 0 && buf->len > limit) {
      return sl_err_set(err, SL_ELIMIT, "%s is larger than the limit of %zu bytes", path, limit);
    }
  }
}

int sl_path_read(const char *path, size_t limit, char **ret, size_t *ret_len, sl_err *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return sl_err_errno(err, errno, "cannot open %s", path);
  sl_buf buf = {0};
  int rc = read_fd(fd, path, limit, &buf, err);
  (void)close(fd);
  if (rc == SL_OK && (*ret = sl_buf_take(&buf, ret_len)) == NULL) {
    rc = sl_err_set(err, SL_ENOMEM, "cannot read %s: memory is out", path);
  }
  sl_buf_done(&buf);
  return rc;
}

int sl_path_write_fd(int fd, const void *data, size_t len) {
  const char *p = data;
  while (len > 0) {
    ssize_t n = write(fd, p, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SL_EIO;
    p += n;
    len -= (size_t)n;
  }
  return SL_OK;
}

int sl_path_write(const char *path, const void *data, size_t len, uint32_t mode, sl_err *err) {
  sl_buf name = {0};
  if (sl_buf_addf(&name, "%s.XXXXXX", path) != SL_OK) {
    return sl_err_set(err, SL_ENOMEM, "cannot write %s: memory is out", path);
  }
  int rc = SL_OK;
  int fd = mkostemp(name.data, O_CLOEXEC);
  if (fd < 0) {
    rc = sl_err_errno(err, errno, "cannot write beside %s", path);
    goto out;
  }
  if (fchmod(fd, (mode_t)mode) != 0 || sl_path_write_fd(fd, data, len) != SL_OK || fsync(fd) != 0) {
    rc = sl_err_errno(err, errno, "cannot write %s", path);
  }
  if (close(fd) != 0 && rc == SL_OK) rc = sl_err_errno(err, errno, "cannot write %s", path);
  if (rc == SL_OK && rename(name.data, path) != 0) rc = sl_err_errno(err, errno, "cannot replace %s", path);
  if (rc != SL_OK) (void)unlink(name.data);
out:
  sl_buf_done(&name);
  return rc;
}

char *sl_path_to_uri(const char *path) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/!$&'()*+,;=:@";
  sl_buf out = {0};
  (void)sl_buf_addstr(&out, "file://");
  for (const char *p = path; *p != '\0'; p++) {
    if (strchr(plain, *p) != NULL) {
      (void)sl_buf_addc(&out, *p);
    } else {
      (void)sl_buf_addf(&out, "%%%02X", (unsigned)(unsigned char)*p);
    }
  }
  return sl_buf_take(&out, NULL);
}
