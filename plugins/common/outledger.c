/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records and intents of an output file, and what is done with them after a crash.
 *
 * The record is text: "v1 inode=7 length=900 next=3 part=0 placed=0 path=/out/news.jsonl". It counts with the documents
 * that were committed with it. Every file begun after the one that it names holds nothing that is committed: it is
 * removed, or cut to where it was begun.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/plugin.h>

#include "outfile_impl.h"

#define MAGIC 0x31544e4fu /* "ONT1": bumped when outintent changes */
#define PATH_KEPT 3500    /* bytes of the path in a record: it must stay under 4 KiB */

#define PLACED_THIS 1    /* replace mode: the file of the record is in place */
#define PLACED_EARLIER 2 /* one of an earlier run is */

typedef struct {
  uint64_t inode, next;
  int64_t length;
  int known, part, placed;
  char path[PATH_KEPT + 1];
} record;

/* What the ledger said at the start. */
typedef struct {
  record saved;
  outintent intent;
  int32_t rebooted;
  uint32_t at; /* step of the saved file, or count */
} memory;

/* A file found by its inode. */
typedef struct {
  int fd; /* -1: it is not there */
  int own;
  int64_t size;
  char *path;
  uint64_t number; /* of a rotated file */
} spot;

__attribute__((format(printf, 3, 4))) static void note(outfile *f, int32_t level, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (f->ledger.log) f->ledger.log(f->ledger.user, level, text);
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static int read_record(const void *data, size_t len, record *ret) {
  char text[4200];
  int at = 0;
  memset(ret, 0, sizeof *ret);
  if (len == 0) return 0;
  if (len >= sizeof text) return -1;
  memcpy(text, data, len);
  text[len] = '\0';
  int n = sscanf(text, "v1 inode=%" SCNu64 " length=%" SCNd64 " next=%" SCNu64 " part=%d placed=%d path=%n",
                 &ret->inode, &ret->length, &ret->next, &ret->part, &ret->placed, &at);
  if (n != 5 || at == 0 || ret->length < 0) return -1;
  snprintf(ret->path, sizeof ret->path, "%s", text + at);
  ret->known = 1;
  return 0;
}

static int32_t recall(outfile *f, memory *ret, outfile_error *err) {
  outfile_bytes saved = {NULL, 0}, intent = {NULL, 0};
  memset(ret, 0, sizeof *ret);
  int32_t rc = f->ledger.recall(f->ledger.user, &saved, &intent, &ret->rebooted);
  if (rc != SL_OK)
    return outfile_say(err, rc, "the state does not say how far the output file was written", f->path, NULL);
  int bad = read_record(saved.data, saved.len, &ret->saved) != 0;
  if (intent.len > 0 && intent.len <= sizeof ret->intent) memcpy(&ret->intent, intent.data, intent.len);
  if (intent.len > 0 &&
      (intent.len > sizeof ret->intent || ret->intent.magic != MAGIC || ret->intent.count > OUTFILE_STEPS))
    bad = 1;
  if (bad)
    return outfile_say(err, SL_ESTATE, "what the state keeps of the output file was written by another version",
                       f->path, "use that version until its run has ended, or begin with a new state folder");
  while (ret->at < ret->intent.count && ret->intent.steps[ret->at].inode != ret->saved.inode) ret->at++;
  return SL_OK;
}

static outstep *current(outfile *f) { return &f->intent.steps[f->intent.count - 1]; }

int32_t outledger_save(outfile *f, int fd, outfile_error *err) {
  char text[PATH_KEPT + 200];
  int len = snprintf(text, sizeof text,
                     "v1 inode=%" PRIu64 " length=%" PRId64 " next=%" PRIu64 " part=%d placed=%d path=%.*s",
                     current(f)->inode, f->length, f->next, f->opts.replace != 0,
                     f->intent.placed ? PLACED_THIS
                     : f->placed      ? PLACED_EARLIER
                                      : 0,
                     PATH_KEPT, f->path);
  int32_t rc = f->ledger.save(f->ledger.user, text, (size_t)len, f->opts.sync == OUTFILE_SYNC_NEVER ? -1 : fd);
  if (rc == SL_OK) return rc;
  return outfile_say(err, rc, "the state cannot keep how far the output file was written", f->path, NULL);
}

/* ---- intents ----------------------------------------------------------------------------------------------------- */

static int32_t intend(outfile *f, outfile_error *err) {
  f->intent.magic = MAGIC;
  size_t len = offsetof(outintent, steps) + f->intent.count * sizeof *f->intent.steps;
  int32_t rc = f->ledger.intend(f->ledger.user, &f->intent, len);
  return rc == SL_OK ? rc : outfile_say(err, rc, "the state cannot note what will be written", f->path, NULL);
}

int32_t outledger_intend(outfile *f, int64_t begun, outfile_error *err) {
  if (current(f)->begun < begun) current(f)->begun = begun;
  return intend(f, err);
}

int outledger_room(outfile *f) {
  memory m;
  if (recall(f, &m, NULL) == SL_OK && m.saved.known) {
    uint32_t keep = 0;
    while (keep < f->intent.count && f->intent.steps[keep].inode != m.saved.inode) keep++;
    if (keep > 0 && keep < f->intent.count) {
      f->intent.count -= keep;
      memmove(f->intent.steps, f->intent.steps + keep, f->intent.count * sizeof *f->intent.steps);
    }
  }
  return f->intent.count < OUTFILE_STEPS;
}

int32_t outledger_add(outfile *f, const struct stat *st, outfile_error *err) {
  if (f->intent.count == OUTFILE_STEPS)
    return outfile_say(err, SL_ELIMIT, "too many output files were begun since the last commit of the state", f->path,
                       "it goes on when the state can be written again");
  f->intent.steps[f->intent.count++] =
      (outstep){.inode = (uint64_t)st->st_ino, .from = (int64_t)st->st_size, .begun = (int64_t)st->st_size};
  return intend(f, err);
}

void outledger_disturbed(outfile *f, int64_t size) {
  if (size > f->length) current(f)->foreign = size;
  note(f, SL_LOG_WARN, "%s: another program has changed the file: %" PRId64 " bytes instead of %" PRId64, f->writing,
       size, f->length);
}

int32_t outledger_placed(outfile *f, outfile_error *err) {
  f->intent.placed = 1;
  int32_t rc = intend(f, err);
  return rc == SL_OK ? outledger_save(f, -1, err) : rc;
}

int32_t outledger_begin(outfile *f, outfile_error *err) {
  struct stat st;
  if (!f->keeps) return SL_OK;
  if (fstat(f->fd, &st) < 0) return outfile_say_errno(err, "the output file cannot be examined", f->writing);
  f->intent.placed = 0;
  int32_t rc = f->intent.count > 0 && current(f)->inode == (uint64_t)st.st_ino ? outledger_intend(f, f->length, err)
                                                                               : outledger_add(f, &st, err);
  return rc == SL_OK ? outledger_save(f, f->fd, err) : rc;
}

/* ---- recovery ---------------------------------------------------------------------------------------------------- */

static void leave(spot *s) {
  if (s->fd >= 0 && s->own) close(s->fd);
  free(s->path);
  *s = (spot){.fd = -1};
}

static int look_at(int fd, uint64_t inode, spot *ret) {
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_ino != inode) return 0;
  ret->fd = fd;
  ret->size = (int64_t)st.st_size;
  return 1;
}

/* Looks for an inode behind fd (the file in work, or -1) and then in the folder. An entry's own inode number may differ
 * from the file's on stacked file systems: names of rotated files are looked at in any case. */
static void find(const outfile *f, int fd, uint64_t inode, spot *ret) {
  *ret = (spot){.fd = -1};
  if (look_at(fd, inode, ret)) {
    ret->path = strdup(f->writing);
    return;
  }
  const char *slash = strrchr(f->path, '/');
  size_t folder = slash ? (size_t)(slash - f->path) + 1 : 0;
  char *name = strndup(f->path, folder);
  DIR *dir = name ? opendir(folder ? name : ".") : NULL;
  for (struct dirent *e = dir ? readdir(dir) : NULL; e && ret->fd < 0; e = readdir(dir)) {
    uint64_t number = outfile_number(f->path + folder, e->d_name);
    if (!number && (uint64_t)e->d_ino != inode) continue;
    int other = openat(dirfd(dir), e->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    size_t room = folder + strlen(e->d_name) + 1;
    ret->path = look_at(other, inode, ret) ? malloc(room) : NULL;
    if (ret->path) {
      snprintf(ret->path, room, "%s%s", name, e->d_name);
      ret->own = 1;
      ret->number = number;
    } else if (other >= 0) {
      close(other);
      ret->fd = -1;
    }
  }
  if (dir) closedir(dir);
  free(name);
}

__attribute__((format(printf, 3, 4))) static int32_t refuse(outfile_error *err, const char *message, const char *format,
                                                            ...) {
  char detail[sizeof err->detail];
  va_list args;
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  return outfile_say(err, SL_ESTATE, message, detail,
                     "put the right file back, or go on behind what is there with on_foreign: append");
}

/* Cuts what is not committed of one file. */
static int32_t cut(outfile *f, const spot *s, int64_t to, const memory *m, outfile_error *err) {
  if (s->size <= to) return SL_OK;
  if (ftruncate(s->fd, (off_t)to) < 0)
    return outfile_say_errno(err, "what was not committed of the output file cannot be cut off", s->path);
  note(f, m->rebooted ? SL_LOG_WARN : SL_LOG_INFO,
       "%s: %" PRId64 " bytes behind byte %" PRId64 " were not committed and are cut off, their documents come again%s",
       s->path, s->size - to, to, m->rebooted ? " (the machine went down: all of them are taken for ours)" : "");
  return SL_OK;
}

/* Whether s may be cut to `to`: only bytes that the step says were begun may stand behind it. */
static int32_t check_bytes(const spot *s, const outstep *step, int64_t to, const memory *m, outfile_error *err) {
  int64_t most = m->rebooted ? INT64_MAX : step && step->begun > to ? step->begun : to;
  if (s->size < to)
    return refuse(err, "the output file is shorter than what was stored in it",
                  "%s: found %" PRId64 " bytes, the state knows of %" PRId64, s->path, s->size, to);
  if (s->size > most || (step && step->foreign > to))
    return refuse(err, "the output file holds bytes that this stage did not write",
                  "%s: found %" PRId64 " bytes, expected %" PRId64 " to %" PRId64, s->path, s->size, to,
                  most == INT64_MAX ? s->size : most);
  return SL_OK;
}

static int32_t remove_rotated(outfile *f, const spot *s, outfile_error *err) {
  if (unlink(s->path) < 0)
    return outfile_say_errno(err, "an output file that was not committed cannot be removed", s->path);
  note(f, SL_LOG_INFO, "%s: %" PRId64 " bytes that were not committed are removed, their documents come again", s->path,
       s->size);
  return SL_OK;
}

/* The file that the record names. It stays also when nothing in it is committed: were it removed, one that is begun
 * later might get its inode. */
static int32_t recover_saved(outfile *f, const memory *m, const spot *s, int there, outfile_error *err) {
  const record *r = &m->saved;
  const outstep *step = m->at < m->intent.count ? &m->intent.steps[m->at] : NULL;
  if (s->fd < 0 && r->length == 0) return SL_OK;
  if (s->fd < 0 && m->at + 1 < m->intent.count) {
    note(f, SL_LOG_WARN,
         "%s: the finished file before it was taken away; %" PRId64 " of its bytes were not committed: their documents "
         "come again",
         f->path, step->begun - r->length);
    return SL_OK;
  }
  if (s->fd < 0 && !there)
    return refuse(err, "the output file is gone", "%s: expected inode %" PRIu64 " with %" PRId64 " bytes", f->writing,
                  r->inode, r->length);
  if (s->fd < 0)
    return refuse(err, "another file stands in the place of the output file",
                  "%s: expected inode %" PRIu64 " with %" PRId64 " bytes", f->writing, r->inode, r->length);
  int32_t rc = check_bytes(s, step, r->length, m, err);
  if (rc == SL_OK) rc = cut(f, s, r->length, m, err);
  if (rc != SL_OK) return rc;
  f->intent.steps[f->intent.count++] =
      (outstep){.inode = r->inode, .from = step ? step->from : r->length, .begun = r->length};
  return SL_OK;
}

/* A file that was begun after the one that the record names. */
static int32_t recover_later(outfile *f, const memory *m, const outstep *step, int fd, outfile_error *err) {
  spot s;
  find(f, fd, step->inode, &s);
  if (s.fd < 0) return SL_OK;
  int32_t rc = check_bytes(&s, step, step->from, m, err);
  if (rc == SL_OK && s.number && step->from == 0)
    rc = remove_rotated(f, &s, err);
  else if (rc == SL_OK)
    rc = cut(f, &s, step->from, m, err);
  if (rc == SL_OK && s.fd == fd) f->intent.steps[f->intent.count++] = (outstep){step->inode, step->from, step->from, 0};
  leave(&s);
  return rc;
}

/* The intent may be older than a rotation when the machine went down: what was begun after rotated file `number` is not
 * committed. */
static int32_t recover_unnoted(outfile *f, const memory *m, uint64_t number, int fd, outfile_error *err) {
  const char *slash = strrchr(f->path, '/');
  size_t folder = slash ? (size_t)(slash - f->path) + 1 : 0;
  char *name = strndup(f->path, folder);
  DIR *dir = name ? opendir(folder ? name : ".") : NULL;
  free(name);
  for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
    if (outfile_number(f->path + folder, e->d_name) <= number) continue;
    if (unlinkat(dirfd(dir), e->d_name, 0) == 0)
      note(f, SL_LOG_WARN, "%s: begun before the machine went down and not committed: it is removed", e->d_name);
  }
  if (dir) closedir(dir);
  spot s = {.fd = fd, .path = f->writing};
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) return SL_OK;
  s.size = (int64_t)st.st_size;
  return cut(f, &s, 0, m, err);
}

/* The file at the path must be one that the ledger knows of. */
static int32_t check_stranger(outfile *f, const memory *m, const spot *saved, int fd, outfile_error *err) {
  struct stat st;
  if (m->rebooted && saved->fd >= 0 && saved->number) return recover_unnoted(f, m, saved->number, fd, err);
  if (fd < 0 || fstat(fd, &st) < 0) return SL_OK;
  if (f->intent.count > 0 && current(f)->inode == (uint64_t)st.st_ino) return SL_OK;
  if (!m->saved.known || st.st_size == 0) return SL_OK;
  return refuse(err, "another file stands in the place of the output file",
                "%s: expected inode %" PRIu64 ", found %" PRIu64 " with %" PRId64 " bytes", f->writing, m->saved.inode,
                (uint64_t)st.st_ino, (int64_t)st.st_size);
}

/* The files that were begun after the one that the record names. */
static int32_t recover_rest(outfile *f, const memory *m, int fd, outfile_error *err) {
  int32_t rc = SL_OK;
  uint32_t from = m->saved.known && m->at < m->intent.count ? m->at + 1 : 0;
  for (uint32_t i = from; i < m->intent.count; i++) {
    int32_t one = recover_later(f, m, &m->intent.steps[i], fd, rc == SL_OK ? err : NULL);
    if (rc == SL_OK) rc = one;
  }
  return rc;
}

static int32_t recover(outfile *f, const memory *m, int fd, outfile_error *err) {
  spot saved = {.fd = -1};
  int32_t rc = SL_OK;
  if (m->saved.known) {
    find(f, fd, m->saved.inode, &saved);
    rc = recover_saved(f, m, &saved, fd >= 0, err);
  }
  if (rc == SL_OK) rc = recover_rest(f, m, fd, err);
  if (rc == SL_OK) rc = check_stranger(f, m, &saved, fd, err);
  leave(&saved);
  if (rc != SL_ESTATE || f->opts.foreign != OUTFILE_FOREIGN_APPEND) return rc;
  note(f, SL_LOG_WARN, "%s (%s): on_foreign: append goes on with what is there", err->message, err->detail);
  f->intent.count = 0;
  recover_rest(f, m, fd, NULL);
  return SL_OK;
}

/* The path was changed since: what is not committed of the old file is cut off, and the new one is begun. */
static void recover_elsewhere(outfile *f, const memory *m) {
  char path[PATH_KEPT + 8];
  const outstep *step = m->at < m->intent.count ? &m->intent.steps[m->at] : NULL;
  snprintf(path, sizeof path, "%s%s", m->saved.path, m->saved.part ? ".part" : "");
  int fd = -1;
  outfile_error ignored;
  spot s = {.fd = -1, .path = path};
  if (outfile_open_locked(path, O_RDWR, &fd, &ignored) == SL_OK && look_at(fd, m->saved.inode, &s) &&
      check_bytes(&s, step, m->saved.length, m, &ignored) == SL_OK)
    cut(f, &s, m->saved.length, m, &ignored);
  note(f, SL_LOG_WARN, "the output was %s before: what it holds stays there, %s is begun", path, f->path);
  if (fd >= 0) close(fd);
}

/* Replace mode, PATH.part is not there: 1 if it was put in place, and everything in it is committed. If not all of it
 * is, it goes back. */
static int32_t recover_placed(outfile *f, const memory *m, int *ret_fd, int *ret_done, outfile_error *err) {
  const outstep *step = m->at < m->intent.count ? &m->intent.steps[m->at] : NULL;
  struct stat st;
  int there = stat(f->path, &st) == 0 && (uint64_t)st.st_ino == m->saved.inode;
  int taken = !there && m->intent.placed && step && m->at + 1 == m->intent.count && step->begun <= m->saved.length;
  if (!there && !taken) return SL_OK;
  if (*ret_fd >= 0) close(*ret_fd); /* begun after it, and nothing of it committed */
  *ret_fd = -1;
  if (taken || (int64_t)st.st_size == m->saved.length) {
    f->placed = *ret_done = 1;
    return SL_OK;
  }
  spot s = {.fd = -1, .size = (int64_t)st.st_size, .path = f->path};
  int32_t rc = check_bytes(&s, step, m->saved.length, m, err);
  if (rc != SL_OK && f->opts.foreign == OUTFILE_FOREIGN_APPEND) return SL_OK;
  if (rc != SL_OK) return rc;
  if (f->old_fd >= 0) close(f->old_fd);
  f->old_fd = -1;
  if (rename(f->path, f->writing) < 0)
    return outfile_say_errno(err, "a file that was put in place too early cannot be taken back", f->path);
  note(f, SL_LOG_WARN, "%s was put in place before its last documents were committed: it grows on as %s", f->path,
       f->writing);
  return outfile_open_locked(f->writing, O_RDWR, ret_fd, err);
}

/* The record is of another output: another path, or another mode. */
static int is_elsewhere(const outfile *f, const memory *m) {
  return m->saved.known && (m->saved.part != f->opts.replace || strncmp(m->saved.path, f->path, PATH_KEPT) != 0);
}

/* The file in work is not the one of the record, or there is none. */
static int32_t recover_other(outfile *f, const memory *m, int *ret_fd, int *ret_done, outfile_error *err) {
  if (!is_elsewhere(f, m)) return f->opts.replace ? recover_placed(f, m, ret_fd, ret_done, err) : SL_OK;
  recover_elsewhere(f, m);
  if (f->opts.replace && *ret_fd >= 0) close(*ret_fd); /* left by somebody: it is begun anew */
  if (f->opts.replace) *ret_fd = -1;
  *ret_done = 1;
  return SL_OK;
}

int32_t outledger_recover(outfile *f, int *ret_fd, outfile_error *err) {
  memory m;
  *ret_fd = -1;
  int32_t rc = recall(f, &m, err);
  if (rc != SL_OK) return rc;
  f->placed = f->opts.replace && m.saved.placed;
  if (f->placed && m.saved.placed == PLACED_THIS) return SL_OK;
  if (!m.saved.known && (m.intent.count == 0 || f->opts.replace)) return SL_OK;
  rc = outfile_open_locked(f->writing, O_RDWR, ret_fd, err);
  if (rc != SL_OK && rc != SL_ENOTFOUND) return rc;
  struct stat st = {0};
  int same = *ret_fd >= 0 && fstat(*ret_fd, &st) == 0 && (uint64_t)st.st_ino == m.saved.inode;
  if (*ret_fd >= 0 && !S_ISREG(st.st_mode)) return SL_OK;
  int done = 0;
  rc = same ? SL_OK : recover_other(f, &m, ret_fd, &done, err);
  return rc == SL_OK && !done ? recover(f, &m, *ret_fd, err) : rc;
}
