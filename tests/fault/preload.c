/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults on demand, for LD_PRELOAD: counts the calls that change files, and at the n-th one kills the process with
 * SIGKILL or makes the call fail.
 *
 *   SLUICE_FAULT="ACTION,CALL,PATTERN,N[,TIMES][;…]"
 *
 * ACTION
 *   kill    before the call
 *   half    a write of half the bytes, then kill
 *   after   the call, then kill
 *   count   only counts
 *   slow    TIMES microseconds of sleep before the call, from the n-th on
 *   mark    adds a line "mark" to the note before the call, so that somebody outside may kill from then on
 *   ENOSPC, EIO, EROFS, EACCES
 *           the call fails TIMES times (default 1; 0: for ever). As on a disk that fills up, the first write with
 * ENOSPC is short; with EIO half the bytes are written before the error.
 *
 * CALL
 *   write (write, pwrite, writev, pwritev), sync (fsync, fdatasync), truncate, rename (rename, link), unlink,
 *   open (for writing), or any of these
 *
 * PATTERN is for fnmatch, of the whole path; the path of a descriptor is the one it has now.
 *
 * SLUICE_FAULT_NOTE names a file: a line is added when the process is killed ("kill write /path 7") and, for each rule,
 * when it ends by itself ("count RULE CALLS"). Children of the process meet no faults.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RULES 16
#define SHOWN __attribute__((visibility("default")))

enum { KILL, HALF, AFTER, COUNT, SLOW, MARK, FAIL };
enum { WRITE = 1, SYNC = 2, TRUNCATE = 4, RENAME = 8, UNLINK = 16, OPEN = 32, ANY = 63 };

typedef struct {
  int action, calls, error;
  char pattern[256];
  long n, times;
  atomic_long seen;
} rule;

static rule rules[RULES];
static int n_rules, wanted;
static pid_t owner;
static char note_path[512];

/* What a rule wants of a call. */
typedef struct {
  const rule *why; /* the rule that acts, or NULL */
  long at;
} fate;

static void say(const char *text) {
  if (!*note_path || getpid() != owner) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, note_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  syscall(SYS_write, fd, text, strlen(text));
  syscall(SYS_close, fd);
}

static int word(const char *const *names, const char *text) {
  for (int i = 0; names[i]; i++)
    if (strcmp(names[i], text) == 0) return i;
  return -1;
}

static void bad(const char *text) {
  fprintf(stderr, "SLUICE_FAULT: cannot read the rule \"%s\"\n", text);
  _exit(99);
}

static void read_rule(const char *text) {
  static const char *const actions[] = {"kill", "half", "after", "count", "slow", "mark", NULL};
  static const char *const calls[] = {"write", "sync", "truncate", "rename", "unlink", "open", "any", NULL};
  static const int bits[] = {WRITE, SYNC, TRUNCATE, RENAME, UNLINK, OPEN, ANY};
  static const char *const errors[] = {"ENOSPC", "EIO", "EROFS", "EACCES", NULL};
  static const int numbers[] = {ENOSPC, EIO, EROFS, EACCES};
  rule *r = &rules[n_rules];
  char action[16], call[16];
  r->times = 1;
  int got = sscanf(text, "%15[^,],%15[^,],%255[^,],%ld,%ld", action, call, r->pattern, &r->n, &r->times);
  if (n_rules == RULES || got < 4) bad(text);
  int a = word(actions, action), e = word(errors, action), c = word(calls, call);
  if (c < 0 || (a < 0 && e < 0)) bad(text);
  r->action = a >= 0 ? a : FAIL;
  r->error = e >= 0 ? numbers[e] : 0;
  r->calls = bits[c];
  wanted |= r->calls;
  n_rules++;
}

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("SLUICE_FAULT"), *note = getenv("SLUICE_FAULT_NOTE");
  owner = getpid();
  snprintf(note_path, sizeof note_path, "%s", note ? note : "");
  char *copy = text ? strdup(text) : NULL, *save = NULL;
  for (char *one = copy ? strtok_r(copy, ";", &save) : NULL; one; one = strtok_r(NULL, ";", &save)) read_rule(one);
  free(copy);
  unsetenv("SLUICE_FAULT"); /* children have no faults */
}

__attribute__((destructor)) static void end(void) {
  for (int i = 0; i < n_rules; i++) {
    char line[64];
    snprintf(line, sizeof line, "count %d %ld\n", i, atomic_load(&rules[i].seen));
    say(line);
  }
}

static _Noreturn void die(const char *call, const char *path, long at) {
  char line[768];
  snprintf(line, sizeof line, "kill %s %.600s %ld\n", call, path, at);
  say(line);
  for (;;) kill(getpid(), SIGKILL);
}

static fate look(int call, const char *name, const char *path) {
  fate f = {NULL, 0};
  if (getpid() != owner) return f;
  for (int i = 0; i < n_rules; i++) {
    rule *r = &rules[i];
    if (!(r->calls & call) || fnmatch(r->pattern, path, 0) != 0) continue;
    long at = atomic_fetch_add(&r->seen, 1) + 1;
    if (r->action == SLOW && at >= r->n) {
      struct timespec t = {r->times / 1000000, r->times % 1000000 * 1000};
      nanosleep(&t, NULL);
    }
    if (r->action == MARK && at == r->n) say("mark\n");
    if (r->action == KILL && at == r->n) die(name, path, at);
    int now = r->action == FAIL ? at >= r->n && (r->times == 0 || at < r->n + r->times)
                                : (r->action == HALF || r->action == AFTER) && at == r->n;
    if (now && !f.why) f = (fate){r, at};
  }
  return f;
}

static const char *path_of(int fd, char out[512]) {
  char link_name[64];
  snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", fd);
  long n = syscall(SYS_readlinkat, AT_FDCWD, link_name, out, 511);
  out[n > 0 ? n : 0] = '\0';
  return out;
}

static fate look_fd(int call, const char *name, int fd, char path[512]) {
  if (!(wanted & call)) return (fate){NULL, 0};
  return look(call, name, path_of(fd, path));
}

/* Ends a call that a rule has met: by death, or with its error. */
static int meet(const fate *f, const char *call, const char *path) {
  if (f->why->action != FAIL) die(call, path, f->at);
  errno = f->why->error;
  return -1;
}

/* ---- writes ------------------------------------------------------------------------------------------------------ */

static ssize_t write_at(int fd, const void *data, size_t len, off_t at) {
  return at < 0 ? syscall(SYS_write, fd, data, len) : syscall(SYS_pwrite64, fd, data, len, at);
}

/* at -1: where the descriptor stands. */
static ssize_t do_write(const char *name, int fd, const void *data, size_t len, off_t at) {
  char path[512];
  fate f = look_fd(WRITE, name, fd, path);
  if (!f.why) return write_at(fd, data, len, at);
  int full = f.why->action == FAIL && f.why->error == ENOSPC;
  int none = f.why->action == FAIL && (f.why->error == EROFS || f.why->error == EACCES || (full && f.at > f.why->n));
  size_t part = f.why->action == AFTER ? len : none ? 0 : len / 2;
  ssize_t n = part ? write_at(fd, data, part, at) : 0;
  return full && n > 0 ? n : meet(&f, name, path);
}

SHOWN ssize_t write(int fd, const void *data, size_t len) { return do_write("write", fd, data, len, -1); }
SHOWN ssize_t pwrite(int fd, const void *data, size_t len, off_t at) { return do_write("write", fd, data, len, at); }
SHOWN ssize_t pwrite64(int fd, const void *data, size_t len, off_t at) { return do_write("write", fd, data, len, at); }

static ssize_t do_writev(int fd, const struct iovec *v, int n, off_t at) {
  char path[512];
  fate f = look_fd(WRITE, "write", fd, path);
  if (f.why && f.why->action != AFTER) return meet(&f, "write", path);
  ssize_t done = at < 0 ? syscall(SYS_writev, fd, v, n) : syscall(SYS_pwritev, fd, v, n, at, 0);
  return f.why ? meet(&f, "write", path) : done;
}

SHOWN ssize_t writev(int fd, const struct iovec *v, int n) { return do_writev(fd, v, n, -1); }
SHOWN ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { return do_writev(fd, v, n, at); }

/* ---- everything else --------------------------------------------------------------------------------------------- */

/* Does `work` unless a rule says otherwise. */
#define GUARDED(kind, name, path, work)                                      \
  do {                                                                       \
    fate f_ = look((kind), (name), (path));                                  \
    if (f_.why && f_.why->action != AFTER) return meet(&f_, (name), (path)); \
    int rc_ = (int)(work);                                                   \
    if (f_.why) return meet(&f_, (name), (path));                            \
    return rc_;                                                              \
  } while (0)

static int do_fd(int kind, const char *name, long number, int fd, off_t len) {
  char path[512];
  if (!(wanted & kind)) return (int)syscall(number, fd, len);
  GUARDED(kind, name, path_of(fd, path), syscall(number, fd, len));
}

SHOWN int fsync(int fd) { return do_fd(SYNC, "sync", SYS_fsync, fd, 0); }
SHOWN int fdatasync(int fd) { return do_fd(SYNC, "sync", SYS_fdatasync, fd, 0); }
SHOWN int ftruncate(int fd, off_t len) { return do_fd(TRUNCATE, "truncate", SYS_ftruncate, fd, len); }
SHOWN int ftruncate64(int fd, off_t len) { return do_fd(TRUNCATE, "truncate", SYS_ftruncate, fd, len); }

SHOWN int rename(const char *from, const char *to) {
  GUARDED(RENAME, "rename", from, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
SHOWN int link(const char *from, const char *to) {
  GUARDED(RENAME, "rename", from, syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}
SHOWN int unlink(const char *path) { GUARDED(UNLINK, "unlink", path, syscall(SYS_unlinkat, AT_FDCWD, path, 0)); }
SHOWN int unlinkat(int dir, const char *path, int flags) {
  GUARDED(UNLINK, "unlink", path, syscall(SYS_unlinkat, dir, path, flags));
}

static int do_open(int dir, const char *path, int flags, mode_t mode) {
  if (!(wanted & OPEN) || (flags & O_ACCMODE) == O_RDONLY) return (int)syscall(SYS_openat, dir, path, flags, mode);
  GUARDED(OPEN, "open", path, syscall(SYS_openat, dir, path, flags, mode));
}

static mode_t mode_of(int flags, va_list args) {
  return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? va_arg(args, mode_t) : 0;
}

#define OPENS(dir)                    \
  va_list args;                       \
  va_start(args, flags);              \
  mode_t mode = mode_of(flags, args); \
  va_end(args);                       \
  return do_open(dir, path, flags, mode)

SHOWN int open(const char *path, int flags, ...) { OPENS(AT_FDCWD); }
SHOWN int open64(const char *path, int flags, ...) { OPENS(AT_FDCWD); }
SHOWN int openat(int dir, const char *path, int flags, ...) { OPENS(dir); }
SHOWN int openat64(int dir, const char *path, int flags, ...) { OPENS(dir); }
