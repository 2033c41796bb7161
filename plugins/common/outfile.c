/* SPDX-License-Identifier: Apache-2.0 */
/* An output file that never holds half a record. */
#include "outfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/plugin.h>

struct outfile {
  outfile_opts opts;
  char *path;    /* what the user named */
  char *writing; /* what is open: path, or path.part in replace mode */
  int fd;
  int old_fd; /* replace mode: holds the lock of the file to be replaced, or -1 */
  int regular;
  int tail; /* a failed write left bytes behind that could not be cut off yet */
  int64_t length;
  uint64_t next; /* number of the next rotated file */
};

static int32_t say(outfile_error *err, int32_t code, const char *message, const char *path, const char *hint) {
  if (!err) return code;
  err->code = code;
  snprintf(err->message, sizeof err->message, "%s", message);
  snprintf(err->detail, sizeof err->detail, "%s", path);
  snprintf(err->hint, sizeof err->hint, "%s", hint ? hint : "");
  return code;
}

static const char *hint_of(int e) {
  switch (e) {
  case ENOSPC:
  case EDQUOT:
    return "free some space: the batch is written again on the next attempt";
  case EFBIG:
    return "raise the limit of the file size (ulimit -f), or rotate by size";
  case EACCES:
  case EPERM:
    return "check the owner and the mode of the file and its folder";
  case EROFS:
    return "the file system is read-only: choose another path";
  case EISDIR:
    return "the path is a folder: name a file in it";
  case ENOTDIR:
    return "a part of the path is a file, not a folder";
  default:
    return NULL;
  }
}

static int32_t say_errno(outfile_error *err, const char *what, const char *path) {
  int e = errno;
  char message[160];
  snprintf(message, sizeof message, "%s: %s", what, strerror(e));
  int32_t code = e == EACCES || e == EPERM || e == EROFS ? SL_EPERM : e == ENOMEM ? SL_ENOMEM : SL_EIO;
  return say(err, code, message, path, hint_of(e));
}

int outfile_make_parents(const char *path) {
  char *copy = strdup(path);
  if (!copy) return -1;
  int rc = 0;
  for (char *p = strchr(copy + 1, '/'); p && rc == 0; p = strchr(p + 1, '/')) {
    *p = '\0';
    if (mkdir(copy, 0777) < 0 && errno != EEXIST) {
      struct stat st;
      int e = errno; /* some file systems answer EROFS or EACCES for a folder that is there */
      if (stat(copy, &st) < 0 || !S_ISDIR(st.st_mode)) {
        errno = e;
        rc = -1;
      }
    }
    *p = '/';
  }
  int e = errno;
  free(copy);
  errno = e;
  return rc;
}

static void sync_folder(const char *path) {
  char *copy = strdup(path);
  char *slash = copy ? strrchr(copy, '/') : NULL;
  if (slash) {
    slash[slash == copy] = '\0';
    int fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
      fsync(fd);
      close(fd);
    }
  }
  free(copy);
}

static int same_file(int fd, const char *path) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Opens and locks path. The file may be renamed between the two: then it is the wrong one, and we look again. */
static int32_t open_locked(const char *path, int flags, int *ret_fd, outfile_error *err) {
  for (int round = 0; round < 8; round++) {
    struct stat st;
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0) return say_errno(err, "the output file cannot be opened", path);
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
      *ret_fd = fd;
      return SL_OK;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
      int busy = errno == EWOULDBLOCK;
      int32_t rc = busy ? say(err, SL_EEXIST, "another process or stage is writing this file", path,
                              "give each its own path, or stop the other one")
                        : say_errno(err, "the output file cannot be locked", path);
      close(fd);
      return rc;
    }
    if (same_file(fd, path)) {
      *ret_fd = fd;
      return SL_OK;
    }
    close(fd);
  }
  return say(err, SL_EEXIST, "the output file keeps being replaced by another process", path, "stop the other one");
}

/* Where the last whole line ends; -1 on a read error. */
static int64_t last_line_end(int fd, int64_t size) {
  char block[65536];
  int64_t end = size;
  while (end > 0) {
    int64_t want = end < (int64_t)sizeof block ? end : (int64_t)sizeof block;
    ssize_t got = pread(fd, block, (size_t)want, end - want);
    if (got != want) return -1;
    for (int64_t i = want; i > 0; i--)
      if (block[i - 1] == '\n') return end - want + i;
    end -= want;
  }
  return 0;
}

static int32_t check_tail(outfile *f, outfile_error *err) {
  char last = '\n';
  if (f->length == 0) return SL_OK;
  if (pread(f->fd, &last, 1, f->length - 1) != 1) return say_errno(err, "the output file cannot be read", f->writing);
  if (last == '\n') return SL_OK;
  if (f->opts.torn == OUTFILE_TORN_REFUSE)
    return say(err, SL_ESTATE, "the last line of the output file has no end: it may be torn", f->writing,
               "look at it; then say torn: cut (remove it) or torn: end (keep it and end the line)");
  if (f->opts.torn == OUTFILE_TORN_END) return outfile_append(f, "\n", 1, err);
  int64_t end = last_line_end(f->fd, f->length);
  if (end < 0 || ftruncate(f->fd, (off_t)end) < 0) return say_errno(err, "the torn line cannot be cut off", f->writing);
  f->length = end;
  return SL_OK;
}

/* Splits path at the ending of the file name: "a/news.jsonl" is "a/news" and ".jsonl". */
static size_t stem_length(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *dot = strrchr(slash ? slash : path, '.');
  if (!dot || dot == (slash ? slash + 1 : path)) return strlen(path);
  return (size_t)(dot - path);
}

/* Continues the numbering of the rotated files that lie there. */
static void find_next_number(outfile *f) {
  f->next = 1;
  const char *slash = strrchr(f->path, '/');
  size_t folder = slash ? (size_t)(slash - f->path) + 1 : 0, stem = stem_length(f->path);
  char *name = strndup(f->path, folder ? folder : 1);
  DIR *dir = name ? opendir(name) : NULL;
  free(name);
  if (!dir) return;
  for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
    char *end = NULL;
    size_t n = stem - folder;
    if (strncmp(e->d_name, f->path + folder, n) != 0 || e->d_name[n] != '.') continue;
    if (e->d_name[n + 1] < '0' || e->d_name[n + 1] > '9') continue;
    uint64_t number = strtoull(e->d_name + n + 1, &end, 10);
    if (strcmp(end, f->path + stem) == 0 && number >= f->next) f->next = number + 1;
  }
  closedir(dir);
}

static int32_t open_file(outfile *f, outfile_error *err) {
  struct stat st;
  int32_t rc = open_locked(f->writing, O_RDWR | O_CREAT, &f->fd, err);
  if (rc == SL_EIO && (errno == ENXIO || errno == EINVAL)) rc = open_locked(f->writing, O_WRONLY, &f->fd, err);
  if (rc != SL_OK) return rc;
  if (fstat(f->fd, &st) < 0) return say_errno(err, "the output file cannot be examined", f->writing);
  f->regular = S_ISREG(st.st_mode);
  f->length = f->regular ? (int64_t)st.st_size : 0;
  if (!f->regular) return SL_OK;
  if (!f->opts.replace) return check_tail(f, err);
  if (ftruncate(f->fd, 0) < 0) return say_errno(err, "the output file cannot be emptied", f->writing);
  f->length = 0;
  return SL_OK;
}

static int32_t open_replacing(outfile *f, outfile_error *err) {
  struct stat st;
  if (stat(f->path, &st) == 0 && !S_ISREG(st.st_mode))
    return say(err, SL_EINVAL, "expected a regular file to replace", f->path,
               "use mode: append for a pipe or a device");
  if (access(f->path, F_OK) == 0) {
    int32_t rc = open_locked(f->path, O_RDONLY, &f->old_fd, err);
    if (rc != SL_OK) return rc;
  }
  return open_file(f, err);
}

int32_t outfile_open(const outfile_opts *opts, outfile **ret, outfile_error *err) {
  outfile *f = calloc(1, sizeof *f);
  size_t len = strlen(opts->path);
  if (f) {
    f->opts = *opts;
    f->fd = f->old_fd = -1;
    f->path = strdup(opts->path);
    f->writing = malloc(len + sizeof ".part");
  }
  if (!f || !f->path || !f->writing) {
    outfile_close(f, 0, NULL);
    return say(err, SL_ENOMEM, "memory is out", opts->path, NULL);
  }
  snprintf(f->writing, len + sizeof ".part", "%s%s", opts->path, opts->replace ? ".part" : "");
  f->opts.path = f->path;
  int32_t rc;
  if (outfile_make_parents(f->path) < 0)
    rc = say_errno(err, "the folder of the output file cannot be made", f->path);
  else
    rc = opts->replace ? open_replacing(f, err) : open_file(f, err);
  if (rc != SL_OK) {
    if (f->opts.replace && f->fd >= 0) unlink(f->writing);
    f->opts.replace = 0;
    outfile_close(f, 0, NULL);
    return rc;
  }
  if (opts->rotate > 0 && f->regular) find_next_number(f);
  *ret = f;
  return SL_OK;
}

static int32_t rotate(outfile *f, outfile_error *err) {
  size_t room = strlen(f->path) + 32, stem = stem_length(f->path);
  char *name = malloc(room);
  if (!name) return say(err, SL_ENOMEM, "memory is out", f->path, NULL);
  do snprintf(name, room, "%.*s.%llu%s", (int)stem, f->path, (unsigned long long)f->next++, f->path + stem);
  while (access(name, F_OK) == 0);
  if (f->opts.sync != OUTFILE_SYNC_NEVER) fsync(f->fd);
  int rc = rename(f->path, name);
  free(name);
  if (rc < 0) return say_errno(err, "the full output file cannot be renamed", f->path);
  int fd = -1;
  int32_t opened = open_locked(f->path, O_RDWR | O_CREAT, &fd, err);
  if (opened != SL_OK) return opened;
  close(f->fd);
  f->fd = fd;
  f->length = 0;
  sync_folder(f->path);
  return SL_OK;
}

/* Somebody may have moved the file away (log rotation), emptied it, or put it back: what is there now counts. */
static int32_t settle(outfile *f, outfile_error *err) {
  struct stat st;
  if (!f->opts.replace && !same_file(f->fd, f->path)) {
    int fd = -1;
    if (outfile_make_parents(f->path) < 0)
      return say_errno(err, "the folder of the output file cannot be made", f->path);
    int32_t rc = open_locked(f->path, O_RDWR | O_CREAT, &fd, err);
    if (rc != SL_OK) return rc;
    close(f->fd);
    f->fd = fd;
    f->tail = 0;
    if (fstat(fd, &st) < 0) return say_errno(err, "the output file cannot be examined", f->writing);
    f->length = (int64_t)st.st_size;
    return check_tail(f, err);
  }
  if (fstat(f->fd, &st) < 0) return say_errno(err, "the output file cannot be examined", f->writing);
  if (f->tail && st.st_size > (off_t)f->length && ftruncate(f->fd, (off_t)f->length) < 0)
    return say_errno(err, "half a line cannot be cut off", f->writing);
  if (!f->tail || st.st_size < (off_t)f->length) f->length = (int64_t)st.st_size;
  f->tail = 0;
  return SL_OK;
}

static int32_t put(outfile *f, const char *data, size_t len, outfile_error *err) {
  size_t done = 0;
  while (done < len) {
    ssize_t n = f->regular ? pwrite(f->fd, data + done, len - done, (off_t)(f->length + (int64_t)done))
                           : write(f->fd, data + done, len - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (n == 0) errno = ENOSPC;
      int32_t rc = say_errno(err, "the output file cannot be written", f->writing);
      if (f->regular && done > 0) f->tail = ftruncate(f->fd, (off_t)f->length) < 0;
      return rc;
    }
    done += (size_t)n;
  }
  f->length += (int64_t)len;
  return SL_OK;
}

int32_t outfile_append(outfile *f, const void *data, size_t len, outfile_error *err) {
  int32_t rc = f->regular ? settle(f, err) : SL_OK;
  if (rc == SL_OK && f->regular && f->opts.rotate > 0 && f->length > 0 && f->length + (int64_t)len > f->opts.rotate)
    rc = rotate(f, err);
  if (rc == SL_OK) rc = put(f, data, len, err);
  if (rc == SL_OK && f->regular && f->opts.sync == OUTFILE_SYNC_BATCH && fdatasync(f->fd) < 0) {
    rc = say_errno(err, "the output file cannot be made durable", f->writing);
    f->length -= (int64_t)len;
    f->tail = ftruncate(f->fd, (off_t)f->length) < 0;
  }
  return rc;
}

int64_t outfile_length(const outfile *f) { return f->length; }

int32_t outfile_sync(outfile *f, outfile_error *err) {
  if (!f->regular || f->opts.sync == OUTFILE_SYNC_NEVER || fdatasync(f->fd) == 0) return SL_OK;
  return say_errno(err, "the output file cannot be made durable", f->writing);
}

static int32_t finish(outfile *f, int32_t commit, outfile_error *err) {
  if (f->fd < 0) return SL_OK;
  if (!f->opts.replace) return outfile_sync(f, err);
  if (!commit) {
    unlink(f->writing);
    return SL_OK;
  }
  int32_t rc = outfile_sync(f, err);
  if (rc != SL_OK) return rc;
  if (rename(f->writing, f->path) < 0) return say_errno(err, "the new file cannot be put in place", f->path);
  if (f->opts.sync != OUTFILE_SYNC_NEVER) sync_folder(f->path);
  return SL_OK;
}

int32_t outfile_close(outfile *f, int32_t commit, outfile_error *err) {
  if (!f) return SL_OK;
  int32_t rc = finish(f, commit, err);
  if (f->fd >= 0) close(f->fd);
  if (f->old_fd >= 0) close(f->old_fd);
  free(f->path);
  free(f->writing);
  free(f);
  return rc;
}
