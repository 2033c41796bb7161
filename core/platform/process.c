/* SPDX-License-Identifier: Apache-2.0 */
/* What the system says about this process: Linux's /proc. */
#include "platform/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t entries(const char *path) {
  uint64_t n = 0;
  DIR *dir = opendir(path);
  if (!dir) return 0;
  for (const struct dirent *d; (d = readdir(dir));) n += d->d_name[0] != '.';
  (void)closedir(dir);
  return n;
}

static uint64_t resident(void) {
  unsigned long long size = 0, pages = 0;
  FILE *f = fopen("/proc/self/statm", "re");
  if (!f) return 0;
  if (fscanf(f, "%llu %llu", &size, &pages) != 2) pages = 0;
  (void)fclose(f);
  long page = sysconf(_SC_PAGESIZE);
  return page > 0 ? pages * (unsigned long long)page : 0;
}

void sl_process_look(sl_process *ret) {
  struct rlimit limit;
  struct timespec cpu;
  *ret = (sl_process){.resident_bytes = resident(), .threads = entries("/proc/self/task")};
  uint64_t fds = entries("/proc/self/fd");
  ret->open_fds = fds ? fds - 1 : 0; /* without the one that the look itself takes */
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) ret->max_fds = limit.rlim_cur;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) ret->cpu_ns = (int64_t)cpu.tv_sec * 1000000000 + cpu.tv_nsec;
}
