/* SPDX-License-Identifier: Apache-2.0 */
/* Both sides of the probe: the parent that waits with a time limit, and the child that loads. */
#include "plugin/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/time.h"
#include "plugin/image.h"

#define START_LIMIT (60 * SL_TIME_S) /* for the child to come up */

extern char **environ;

/* Answer of the child: 'S' when it has come up; 'K' when the plugin is sound; 'E' and an sl_err when it is not, 'M' and
 * an sl_err when something else is missing. Between them the plugin's own code ran. */
typedef struct answer {
  char mark;
  sl_err err;
} answer;

/* What the parent saw of the child. */
typedef struct outcome {
  answer last;
  size_t whole; /* answers */
  int late;     /* the time was over */
  int status;   /* of waitpid */
} outcome;

/* ---- parent ------------------------------------------------------------------------------------------------------ */

static int spawn(const char *program, const char *file, int fd, const char *path, int out, pid_t *ret) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t none, defaults;
  int code = posix_spawn_file_actions_init(&actions);
  if (code) return code;
  code = posix_spawnattr_init(&attr);
  if (code) {
    posix_spawn_file_actions_destroy(&actions);
    return code;
  }
  /* The child starts with a clean signal state whatever this process blocks, in a group of its own against a Ctrl-C. */
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setsigdefault(&attr, &defaults);
  posix_spawnattr_setpgroup(&attr, 0);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, SL_PROBE_FD);
  if (fd >= 0) posix_spawn_file_actions_adddup2(&actions, fd, SL_PROBE_FILE_FD);
  char *const argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)file, (char *)(uintptr_t)path, NULL};
  code = posix_spawn(ret, program, &actions, &attr, argv, environ);
  posix_spawnattr_destroy(&attr);
  posix_spawn_file_actions_destroy(&actions);
  return code;
}

/* Reads the answers. 0 when the child closed the pipe, 1 when the time was over. The plugin's time begins when the
 * child has come up: on a machine that is busy or slow to start a process, the wait for that says nothing of the
 * plugin. */
static int collect(int in, int32_t limit_ms, answer *ret_last, size_t *ret_whole) {
  int64_t end = sl_time_mono() + START_LIMIT;
  size_t have = 0;
  answer buf;
  memset(&buf, 0, sizeof buf);
  for (;;) {
    int64_t left = (end - sl_time_mono()) / SL_TIME_MS;
    if (left <= 0) return 1;
    struct pollfd p = {in, POLLIN, 0};
    int ready = poll(&p, 1, (int)left);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return 1;
    ssize_t n = read(in, (char *)&buf + have, sizeof buf - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    have += (size_t)n;
    if (have == sizeof buf) {
      *ret_last = buf;
      if (++*ret_whole == 1) end = sl_time_mono() + (int64_t)limit_ms * SL_TIME_MS;
      have = 0;
    }
  }
}

static int reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return status;
}

static int judge(const outcome *o, const char *path, int32_t limit_ms, int *ret_lasting, sl_err *err) {
  if (!o->late && o->whole == 2 && o->last.mark == 'K') return 0;
  if (!o->late && o->whole == 2) {
    *ret_lasting = o->last.mark == 'E';
    if (err) {
      *err = o->last.err;
      err->message[sizeof err->message - 1] = err->detail[sizeof err->detail - 1] = err->hint[sizeof err->hint - 1] =
          '\0';
      err->pos = (sl_pos){0};
    }
    return o->last.err.code;
  }
  *ret_lasting = o->whole > 0; /* the child came up: it was the plugin */
  if (!o->whole) {
    sl_err_set(err, SL_EPLUGIN, "plugin %s could not be probed: the probe did not start%s", path,
               o->late ? " in time" : "");
    sl_err_hint(err, "%s",
                o->late ? "the machine may be overloaded: try again"
                        : "is the installation complete? sluice-probe must run");
    return SL_EPLUGIN;
  }
  if (o->late) {
    sl_err_set(err, SL_EPLUGIN, "plugin %s is refused: it did not finish loading within %d ms", path, limit_ms);
    sl_err_detail(err, "a constructor or sluice_plugin() waits or loops; it was ended");
  } else if (WIFSIGNALED(o->status)) {
    int sig = WTERMSIG(o->status);
    sl_err_set(err, SL_EPLUGIN, "plugin %s is refused: it crashed while it was loaded (SIG%s, %s)", path,
               sigabbrev_np(sig) ? sigabbrev_np(sig) : "?", sigdescr_np(sig) ? sigdescr_np(sig) : "unknown signal");
    sl_err_detail(err, "in a constructor, in sluice_plugin() or in the reading of its descriptor");
  } else {
    sl_err_set(err, SL_EPLUGIN, "plugin %s is refused: it ended the process while it was loaded (exit status %d)", path,
               WIFEXITED(o->status) ? WEXITSTATUS(o->status) : -1);
  }
  return SL_EPLUGIN;
}

int sl_probe_run(const char *program, const char *file, int fd, const char *path, int32_t limit_ms, int *ret_lasting,
                 sl_err *err) {
  int ends[2];
  pid_t pid = 0;
  *ret_lasting = 0;
  if (pipe2(ends, O_CLOEXEC)) return sl_err_errno(err, errno, "cannot make a pipe for the probe of %s", path);
  /* The numbers of the child's descriptors must not be those of the originals, or the one would overwrite the other. */
  int out = fcntl(ends[1], F_DUPFD_CLOEXEC, 10), from = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);
  close(ends[1]);
  int code = out < 0 || (fd >= 0 && from < 0) ? errno : spawn(program, file, from, path, out, &pid);
  if (out >= 0) close(out);
  if (from >= 0) close(from);
  if (code) {
    close(ends[0]);
    sl_err_errno(err, code, "cannot run %s to probe plugin %s", program, path);
    sl_err_hint(err, "is the installation complete?");
    return SL_EPLUGIN;
  }
  outcome o;
  memset(&o, 0, sizeof o);
  o.late = collect(ends[0], limit_ms, &o.last, &o.whole);
  close(ends[0]);
  /* Also after an answer: a thread of the plugin may still run. */
  kill(-pid, SIGKILL);
  if (o.late || o.whole == 2) kill(pid, SIGKILL);
  o.status = reap(pid);
  return judge(&o, path, limit_ms, ret_lasting, err);
}

/* ---- child ------------------------------------------------------------------------------------------------------- */

static void say(char mark, const sl_err *err) {
  answer a;
  memset(&a, 0, sizeof a);
  a.mark = mark;
  if (err) a.err = *err;
  sl_path_write_fd(SL_PROBE_FD, &a, sizeof a);
}

int sl_probe_child(const char *file, const char *path) {
  sl_err err = {0};
  const sl_plugin *desc = NULL;
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  alarm(60); /* should the parent die meanwhile */
  fcntl(SL_PROBE_FD, F_SETFD, FD_CLOEXEC);
  /* A crash must look like one, whatever a sanitizer or a preloaded library does with these signals. */
  static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], SIG_DFL);
  say('S', NULL);
  int lasting = 0;
  int code = sl_image_load(file, path, &desc, &lasting, &err);
  say(!code ? 'K' : lasting ? 'E' : 'M', &err);
  /* No destructors: what the plugin does at exit is of no interest here. */
  _exit(0);
}
