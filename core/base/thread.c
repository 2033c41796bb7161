/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: names, roles, assertions. */
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

struct sl_thread {
  pthread_t id;
  char name[16];
  uint32_t role;
  void (*fn)(void *arg);
  void *arg;
};

static _Thread_local uint32_t role_of;
static _Thread_local uint32_t id_of;
static atomic_uint next_id;

static void *run(void *p) {
  sl_thread *t = p;
  sl_thread_set_name(t->name);
  role_of = t->role;
  t->fn(t->arg);
  return NULL;
}

int sl_thread_start(const char *name, uint32_t role, void (*fn)(void *arg), void *arg, sl_thread **ret) {
  sl_thread *t = sl_mem_calloc(1, sizeof *t);
  if (t == NULL) return SL_ENOMEM;
  snprintf(t->name, sizeof t->name, "%s", name);
  t->role = role;
  t->fn = fn;
  t->arg = arg;
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  /* A fault must still kill the thread that caused it. */
  sigdelset(&all, SIGSEGV);
  sigdelset(&all, SIGBUS);
  sigdelset(&all, SIGFPE);
  sigdelset(&all, SIGILL);
  sigdelset(&all, SIGABRT);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int rc = pthread_create(&t->id, NULL, run, t);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (rc != 0) {
    sl_mem_free(t);
    return rc == ENOMEM ? SL_ENOMEM : SL_EIO;
  }
  *ret = t;
  return SL_OK;
}

void sl_thread_join(sl_thread *thread) {
  if (thread == NULL) return;
  (void)pthread_join(thread->id, NULL);
  sl_mem_free(thread);
}

void sl_thread_set_name(const char *name) {
  char cut[16];
  snprintf(cut, sizeof cut, "%s", name);
#if defined(__APPLE__)
  (void)pthread_setname_np(cut);
#else
  (void)pthread_setname_np(pthread_self(), cut);
#endif
}

void sl_thread_set_role(uint32_t role) { role_of = role; }
uint32_t sl_thread_role(void) { return role_of; }

uint32_t sl_thread_id(void) {
  if (id_of == 0) id_of = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed) + 1;
  return id_of;
}

uint32_t sl_thread_cpus(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    int n = CPU_COUNT(&set);
    if (n > 0) return (uint32_t)n;
  }
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (uint32_t)n : 1;
}

void sl_thread_assert(uint32_t roles, const char *file, int line, const char *func) {
  if (role_of == SL_ROLE_NONE || (roles & 1u << role_of) != 0) return;
  static const char *const names[] = {"none", "loop", "lane", "stage"};
  fprintf(stderr, "%s:%d: %s was called on a %s thread, which it must not be\n", file, line, func,
          role_of < 4 ? names[role_of] : "strange");
  abort();
}
