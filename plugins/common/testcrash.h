/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kills a sink that writes a file at each of its steps in turn, and starts it again. For tests only; included by the
 * one file of a test program, whose system calls it counts: the definitions here take the place of libc's.
 *
 * A run is a child process that gives the stage documents {"n":0}, {"n":1}, … from the first that is not committed, in
 * batches, and commits after every few. A step is a system call that changes a file; at step `at` the child dies before
 * the call or, for a write, in the middle of it. Runs follow each other until one comes to its end.
 */
#ifndef SLUICE_PLUGINS_TESTCRASH_H
#define SLUICE_PLUGINS_TESTCRASH_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/harness.h>

#include "testdir.h"

#define CRASH_DOCS 24
#define CRASH_BATCH 3
#define CRASH_DIED 77
/* A fork costs a sanitizer a hundred times as much: there not every step. */
#ifdef SLUICE_SANITIZED
#define CRASH_STRIDE 7
#else
#define CRASH_STRIDE 1
#endif

/* Shared with the children. */
typedef struct crash_world {
  int committed, before, done; /* documents of the last commit, of the one before */
} crash_world;

typedef struct crash_plan {
  const sl_stage_type *type;
  const char *params;
  int commit_every; /* batches */
  int machine;      /* SL_HARNESS_…: what goes down */
  int no_links;     /* 1: the file system has no hard links */
} crash_plan;

static struct { int on, at, step, no_links; } crash;

/* 1 if this call is the one to die in. */
static int crash_now(void) {
  if (!crash.on) return 0;
  return ++crash.step == crash.at;
}

static void crash_point(void) {
  if (crash_now()) _exit(CRASH_DIED);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at) {
  if (crash_now()) {
    syscall(SYS_pwrite64, fd, data, len / 2, at);
    _exit(CRASH_DIED);
  }
  return syscall(SYS_pwrite64, fd, data, len, at);
}

int ftruncate(int fd, off_t len) {
  crash_point();
  return (int)syscall(SYS_ftruncate, fd, len);
}

int link(const char *from, const char *to) {
  crash_point();
  if (crash.no_links) {
    errno = EPERM;
    return -1;
  }
  return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int rename(const char *from, const char *to) {
  crash_point();
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path) {
  crash_point();
  return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int dir, const char *path, int flags) {
  crash_point();
  return (int)syscall(SYS_unlinkat, dir, path, flags);
}

/* What a dead process has written stays written: nothing need reach the disk. */
int fsync(int fd) {
  (void)fd;
  crash_point();
  return 0;
}

int fdatasync(int fd) {
  (void)fd;
  crash_point();
  return 0;
}

/* One run, dying at step `at`, 0: never. In the child. */
static void crash_child(const crash_plan *plan, crash_world *w, sl_harness_ledger *l, int at) {
  sl_harness *h = sl_harness_new(plan->type, plan->params);
  sl_harness_use_ledger(h, l);
  crash.at = at;
  crash.no_links = plan->no_links;
  crash.on = 1;
  if (sl_harness_start(h) != SL_OK) {
    fprintf(stderr, "start: %s (%s)\n", sl_harness_last(h).message, sl_harness_last(h).detail);
    _exit(1);
  }
  /* The first commit of a run carries what start saved; a machine that goes down before it is another story. */
  if (plan->machine) sl_harness_ledger_commit(l);
  w->before = w->committed;
  int batches = 0;
  for (int n = w->committed; n < CRASH_DOCS; n += CRASH_BATCH) {
    sl_doc *docs[CRASH_BATCH];
    int32_t verdicts[CRASH_BATCH];
    for (int i = 0; i < CRASH_BATCH; i++) docs[i] = sl_harness_doc(h, testdir_text("{\"n\":%d}", n + i));
    if (sl_harness_write(h, docs, CRASH_BATCH, verdicts) != SL_OK || verdicts[0] != SL_V_OK) _exit(2);
    if (++batches % plan->commit_every != 0) continue;
    sl_harness_ledger_commit(l);
    w->before = w->committed;
    w->committed = n + CRASH_BATCH;
  }
  if (sl_harness_flush(h, SL_FLUSH_END) != SL_OK) _exit(3);
  sl_harness_ledger_commit(l);
  if (w->committed < CRASH_DOCS) w->before = w->committed;
  w->committed = CRASH_DOCS;
  sl_harness_stop(h);
  sl_harness_ledger_commit(l);
  w->done = 1;
  _exit(0);
}

/* 1 if the run came to its end, 0 if it died at `at`, -1 if the stage failed. */
static int crash_run(const crash_plan *plan, crash_world *w, sl_harness_ledger *l, int at) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) crash_child(plan, w, l, at);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != CRASH_DIED) {
    fprintf(stderr, "the run with a crash at step %d ended with status %x\n", at, (unsigned)status);
    return -1;
  }
  sl_harness_ledger_crash(l, plan->machine);
  if (plan->machine == SL_HARNESS_POWER) w->committed = w->before;
  return 0;
}

/* Dies at step `at`, then at step `again` of the next run (0: not), then runs to the end. 1 if the first run died, 0 if
 * it had fewer steps, -1 on failure. */
static int crash_twice(const crash_plan *plan, int at, int again) {
  crash_world *w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  sl_harness_ledger *l = sl_harness_ledger_new();
  int died = crash_run(plan, w, l, at);
  int rc = died;
  if (rc == 0 && again) rc = crash_run(plan, w, l, again);
  if (rc == 0) rc = crash_run(plan, w, l, 0);
  sl_harness_ledger_free(l);
  munmap(w, sizeof *w);
  return rc < 0 ? -1 : died == 0;
}

#endif
