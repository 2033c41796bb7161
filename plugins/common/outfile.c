/* SPDX-License-Identifier: Apache-2.0 */
/* An output file that never holds half a record: opening, writing, rotating, putting in place. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/plugin.h>

#include "outfile_impl.h"

#define NEXT ".rotating" /* the file that will follow a full one, until it takes its name */

int32_t outfile_say(outfile_error *err, int32_t code, const char *message, const char *detail, const char *hint) {
  if (!err) return code;
  err->code = code;
  snprintf(err->message, sizeof err->message, "%s", message);
  snprintf(err->detail, sizeof err->detail, "%s", detail);
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

int32_t outfile_say_errno(outfile_error *err, const char *what, const char *path) {
  int e = errno;
  char message[160];
  snprintf(message, sizeof message, "%s: %s", what, strerror(e));
  int32_t code = e == EACCES || e == EPERM || e == EROFS ? SL_EPERM : e == ENOMEM ? SL_ENOMEM : SL_EIO;
  return outfile_say(err, code, message, path, hint_of(e));
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

/* The file may be renamed between open and lock: then it is the wrong one, and we look again. */
int32_t outfile_open_locked(const char *path, int flags, int *ret_fd, outfile_error *err) {
  for (int round = 0; round < 8; round++) {
    struct stat st;
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0 && errno == ENOENT && !(flags & O_CREAT)) return SL_ENOTFOUND;
    if (fd < 0) return outfile_say_errno(err, "the output file cannot be opened", path);
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
      *ret_fd = fd;
      return SL_OK;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
      int busy = errno == EWOULDBLOCK;
      int32_t rc = busy ? outfile_say(err, SL_EEXIST, "another process or stage is writing this file", path,
                                      "give each its own path, or stop the other one")
                        : outfile_say_errno(err, "the output file cannot be locked", path);
      close(fd);
      return rc;
    }
    if (same_file(fd, path)) {
      *ret_fd = fd;
      return SL_OK;
    }
    close(fd);
  }
  return outfile_say(err, SL_EEXIST, "the output file keeps being replaced by another process", path,
                     "stop the other one");
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
  if (f->length == 0 || f->opts.replace) return SL_OK;
  if (pread(f->fd, &last, 1, f->length - 1) != 1)
    return outfile_say_errno(err, "the output file cannot be read", f->writing);
  if (last == '\n') return SL_OK;
  if (f->opts.torn == OUTFILE_TORN_REFUSE)
    return outfile_say(err, SL_ESTATE, "the last line of the output file has no end: it may be torn", f->writing,
                       "look at it; then say torn: cut (remove it) or torn: end (keep it and end the line)");
  if (f->opts.torn == OUTFILE_TORN_END) return outfile_append(f, "\n", 1, err);
  int64_t end = last_line_end(f->fd, f->length);
  if (end < 0 || ftruncate(f->fd, (off_t)end) < 0)
    return outfile_say_errno(err, "the torn line cannot be cut off", f->writing);
  f->length = end;
  return SL_OK;
}

size_t outfile_stem(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *dot = strrchr(slash ? slash : path, '.');
  if (!dot || dot == (slash ? slash + 1 : path)) return strlen(path);
  return (size_t)(dot - path);
}

uint64_t outfile_number(const char *path, const char *name) {
  char *end = NULL;
  size_t n = outfile_stem(path);
  if (strncmp(name, path, n) != 0 || name[n] != '.' || name[n + 1] < '1' || name[n + 1] > '9') return 0;
  uint64_t number = strtoull(name + n + 1, &end, 10);
  return strcmp(end, path + n) == 0 ? number : 0;
}

/* Continues the numbering of the rotated files that lie there. One that is the file in work itself is a rotation that
 * was broken off. */
static void find_next_number(outfile *f) {
  struct stat own = {0}, st;
  f->next = 1;
  fstat(f->fd, &own);
  const char *slash = strrchr(f->path, '/');
  size_t folder = slash ? (size_t)(slash - f->path) + 1 : 0;
  char *name = strndup(f->path, folder);
  DIR *dir = name ? opendir(folder ? name : ".") : NULL;
  free(name);
  if (!dir) return;
  for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
    uint64_t number = outfile_number(f->path + folder, e->d_name);
    if (number == 0) continue;
    if (own.st_nlink > 1 && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == own.st_ino &&
        st.st_dev == own.st_dev && unlinkat(dirfd(dir), e->d_name, 0) == 0)
      continue;
    if (number >= f->next) f->next = number + 1;
  }
  closedir(dir);
}

/* [own: free] path with an ending; NULL when memory is out. */
static char *with(const char *path, const char *ending) {
  size_t room = strlen(path) + strlen(ending) + 1;
  char *name = malloc(room);
  if (name) snprintf(name, room, "%s%s", path, ending);
  return name;
}

/* *ret_grown: 1 if the ledger says that the file is to grow on. */
static int32_t get_file(outfile *f, int *ret_grown, outfile_error *err) {
  *ret_grown = 0;
  if (f->opts.ledger) {
    int32_t rc = outledger_recover(f, &f->fd, err);
    *ret_grown = f->fd >= 0;
    if (rc != SL_OK || f->fd >= 0) return rc;
  }
  int32_t rc = outfile_open_locked(f->writing, O_RDWR | O_CREAT, &f->fd, err);
  if (rc == SL_EIO && (errno == ENXIO || errno == EINVAL)) rc = outfile_open_locked(f->writing, O_WRONLY, &f->fd, err);
  return rc;
}

/* What a rotation that was broken off has left, and the number of the next one. */
static void ready_to_rotate(outfile *f) {
  char *next = f->opts.rotate > 0 ? with(f->path, NEXT) : NULL;
  if (next) unlink(next);
  free(next);
  find_next_number(f);
}

static int32_t open_file(outfile *f, outfile_error *err) {
  struct stat st;
  int grown = 0;
  int32_t rc = get_file(f, &grown, err);
  if (rc != SL_OK) return rc;
  if (fstat(f->fd, &st) < 0) return outfile_say_errno(err, "the output file cannot be examined", f->writing);
  f->regular = S_ISREG(st.st_mode);
  f->length = f->regular ? (int64_t)st.st_size : 0;
  if (!f->regular) return SL_OK;
  f->keeps = f->opts.ledger != NULL;
  if (f->opts.replace && !grown) {
    if (ftruncate(f->fd, 0) < 0) return outfile_say_errno(err, "the output file cannot be emptied", f->writing);
    f->length = 0;
  }
  rc = check_tail(f, err);
  if (rc != SL_OK) return rc;
  if (f->opts.rotate > 0 || st.st_nlink > 1) ready_to_rotate(f);
  if (f->keeps && f->opts.sync != OUTFILE_SYNC_NEVER) sync_folder(f->writing);
  return outledger_begin(f, err);
}

static int32_t open_replacing(outfile *f, outfile_error *err) {
  struct stat st;
  if (stat(f->path, &st) == 0 && !S_ISREG(st.st_mode))
    return outfile_say(err, SL_EINVAL, "expected a regular file to replace", f->path,
                       "use mode: append for a pipe or a device");
  if (access(f->path, F_OK) == 0) {
    int32_t rc = outfile_open_locked(f->path, O_RDONLY, &f->old_fd, err);
    if (rc != SL_OK) return rc;
  }
  return open_file(f, err);
}

int32_t outfile_open(const outfile_opts *opts, outfile **ret, outfile_error *err) {
  outfile *f = calloc(1, sizeof *f);
  if (f) {
    f->opts = *opts;
    if (opts->ledger) f->ledger = *opts->ledger;
    f->fd = f->old_fd = -1;
    f->path = strdup(opts->path);
    f->writing = with(opts->path, opts->replace ? ".part" : "");
  }
  if (!f || !f->path || !f->writing) {
    outfile_close(f, OUTFILE_KEEP, NULL);
    return outfile_say(err, SL_ENOMEM, "memory is out", opts->path, NULL);
  }
  f->opts.path = f->path;
  int32_t rc;
  if (outfile_make_parents(f->path) < 0)
    rc = outfile_say_errno(err, "the folder of the output file cannot be made", f->path);
  else
    rc = opts->replace ? open_replacing(f, err) : open_file(f, err);
  if (rc != SL_OK) {
    if (f->opts.replace && !f->opts.ledger && f->fd >= 0) unlink(f->writing);
    f->keeps = f->regular = 0; /* nothing was written: there is nothing to save */
    outfile_close(f, OUTFILE_KEEP, NULL);
    return rc;
  }
  *ret = f;
  return SL_OK;
}

/* Gives the full file its number and the next one its name: by a second name for the full one, so that the path is
 * never without a file; where there are no hard links, by two renames. */
static int exchange(const outfile *f, const char *next, const char *numbered) {
  if (link(f->path, numbered) == 0) {
    if (rename(next, f->path) == 0) return 0;
    int e = errno;
    unlink(numbered);
    errno = e;
    return -1;
  }
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) return -1;
  if (rename(f->path, numbered) < 0) return -1;
  return rename(next, f->path);
}

/* The next file is made and locked under another name first: the lock of the path has no gap. */
static int32_t make_next(outfile *f, const char *next, int *ret_fd, outfile_error *err) {
  struct stat st;
  int32_t rc = outfile_open_locked(next, O_RDWR | O_CREAT, ret_fd, err);
  if (rc != SL_OK) return rc;
  if (fstat(*ret_fd, &st) < 0 || (st.st_size > 0 && ftruncate(*ret_fd, 0) < 0))
    return outfile_say_errno(err, "the next output file cannot be emptied", next);
  st.st_size = 0;
  if (!f->keeps) {
    if (f->opts.sync != OUTFILE_SYNC_NEVER) fsync(f->fd);
    return SL_OK;
  }
  rc = outledger_save(f, f->fd, err);
  return rc == SL_OK ? outledger_add(f, &st, err) : rc;
}

static int32_t rotate(outfile *f, outfile_error *err) {
  if (f->keeps && !outledger_room(f)) return SL_OK; /* the file grows on until the state is committed */
  char *next = with(f->path, NEXT), *numbered = with(f->path, ".18446744073709551615");
  int fd = -1;
  int32_t rc = SL_OK;
  if (!next || !numbered) rc = outfile_say(err, SL_ENOMEM, "memory is out", f->path, NULL);
  if (rc == SL_OK) rc = make_next(f, next, &fd, err);
  if (rc == SL_OK) {
    size_t stem = outfile_stem(f->path), room = strlen(numbered) + 1;
    do snprintf(numbered, room, "%.*s.%" PRIu64 "%s", (int)stem, f->path, f->next++, f->path + stem);
    while (access(numbered, F_OK) == 0);
    if (exchange(f, next, numbered) < 0) {
      rc = outfile_say_errno(err, "the full output file cannot be renamed", f->path);
      if (f->keeps) f->intent.count--;
      unlink(next);
    }
  }
  if (rc == SL_OK) {
    close(f->fd);
    f->fd = fd;
    f->length = 0;
    f->changed = 1;
    if (f->opts.sync != OUTFILE_SYNC_NEVER) sync_folder(f->path);
  } else if (fd >= 0) {
    close(fd);
  }
  free(next);
  free(numbered);
  return rc;
}

/* Somebody has moved the file away (log rotation): a new one is begun. */
static int32_t follow(outfile *f, outfile_error *err) {
  struct stat st;
  int fd = -1;
  if (outfile_make_parents(f->path) < 0)
    return outfile_say_errno(err, "the folder of the output file cannot be made", f->path);
  int32_t rc = outfile_open_locked(f->path, O_RDWR | O_CREAT, &fd, err);
  if (rc != SL_OK) return rc;
  if (fstat(fd, &st) < 0) {
    rc = outfile_say_errno(err, "the output file cannot be examined", f->writing);
  } else if (f->keeps) {
    rc = outledger_save(f, f->fd, err);
    if (rc == SL_OK) {
      outledger_room(f);
      rc = outledger_add(f, &st, err);
    }
  }
  if (rc != SL_OK) {
    close(fd);
    return rc;
  }
  close(f->fd);
  f->fd = fd;
  f->tail = 0;
  f->changed = 1;
  f->length = (int64_t)st.st_size;
  return check_tail(f, err);
}

/* Somebody may have moved the file away, emptied it, written to it, or put it back: what is there now counts. */
static int32_t settle(outfile *f, outfile_error *err) {
  struct stat st;
  if (!f->opts.replace && !same_file(f->fd, f->path)) return follow(f, err);
  if (fstat(f->fd, &st) < 0) return outfile_say_errno(err, "the output file cannot be examined", f->writing);
  if (f->tail && st.st_size > (off_t)f->length && ftruncate(f->fd, (off_t)f->length) < 0)
    return outfile_say_errno(err, "half a line cannot be cut off", f->writing);
  if (!f->tail || st.st_size < (off_t)f->length) {
    if (f->keeps && f->length != (int64_t)st.st_size) outledger_disturbed(f, (int64_t)st.st_size);
    f->length = (int64_t)st.st_size;
  }
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
      int32_t rc = outfile_say_errno(err, "the output file cannot be written", f->writing);
      /* Also when nothing was said to be written: an error may come after some bytes. */
      struct stat st;
      if (f->regular && (fstat(f->fd, &st) < 0 || st.st_size > (off_t)f->length))
        f->tail = ftruncate(f->fd, (off_t)f->length) < 0;
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
  if (rc == SL_OK && f->keeps && f->intent.count > 0) rc = outledger_intend(f, f->length + (int64_t)len, err);
  if (rc == SL_OK) rc = put(f, data, len, err);
  if (rc == SL_OK && f->regular && f->opts.sync == OUTFILE_SYNC_BATCH && fdatasync(f->fd) < 0) {
    rc = outfile_say_errno(err, "the output file cannot be made durable", f->writing);
    f->length -= (int64_t)len;
    f->tail = ftruncate(f->fd, (off_t)f->length) < 0;
  }
  if (rc == SL_OK) f->changed = 1;
  return rc;
}

int64_t outfile_length(const outfile *f) { return f->length; }

size_t outfile_peek(const outfile *f, void *buf, size_t len) {
  ssize_t n = f->regular ? pread(f->fd, buf, len, 0) : 0;
  return n > 0 ? (size_t)n : 0;
}

int32_t outfile_placed_before(const outfile *f) { return f->placed; }

int32_t outfile_save(outfile *f, outfile_error *err) {
  if (!f->keeps || !f->changed) return SL_OK;
  int32_t rc = outledger_save(f, f->fd, err);
  if (rc == SL_OK) f->changed = 0;
  return rc;
}

int32_t outfile_sync(outfile *f, outfile_error *err) {
  if (!f->regular || f->opts.sync == OUTFILE_SYNC_NEVER || fdatasync(f->fd) == 0) return SL_OK;
  return outfile_say_errno(err, "the output file cannot be made durable", f->writing);
}

static int32_t finish(outfile *f, int32_t end, outfile_error *err) {
  if (f->fd < 0 || !f->regular) return SL_OK;
  if (end == OUTFILE_DROP) {
    if (f->opts.replace) unlink(f->writing);
    return SL_OK;
  }
  int32_t rc = outfile_sync(f, err);
  f->changed = 1; /* the last word counts, whatever was saved before */
  if (rc == SL_OK) rc = outfile_save(f, err);
  if (rc != SL_OK || !f->opts.replace || end != OUTFILE_PLACE) return rc;
  if (rename(f->writing, f->path) < 0) return outfile_say_errno(err, "the new file cannot be put in place", f->path);
  if (f->opts.sync != OUTFILE_SYNC_NEVER) sync_folder(f->path);
  return f->keeps ? outledger_placed(f, err) : SL_OK;
}

int32_t outfile_close(outfile *f, int32_t end, outfile_error *err) {
  if (!f) return SL_OK;
  int32_t rc = finish(f, end, err);
  if (f->fd >= 0) close(f->fd);
  if (f->old_fd >= 0) close(f->old_fd);
  free(f->path);
  free(f->writing);
  free(f);
  return rc;
}
