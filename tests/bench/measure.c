/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure CMD ARG…: runs a program and prints one JSON line to file descriptor 3: exit code, wall, user and system
 * seconds, peak resident bytes, and the seconds to the first byte on its standard output (which is thrown away).
 *
 * A small program of its own because the peak that the kernel reports for a child begins with that of its parent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

int main(int argc, char **argv) {
  int fds[2], status = 0;
  struct rusage use;
  char chunk[65536];
  double first = -1;
  if (argc < 2 || pipe(fds) != 0) return 2;
  double start = now();
  pid_t pid = fork();
  if (pid == 0) {
    dup2(fds[1], 1);
    close(fds[0]);
    close(fds[1]);
    close(3);
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    _exit(127);
  }
  close(fds[1]);
  for (ssize_t n; (n = read(fds[0], chunk, sizeof chunk)) > 0;)
    if (first < 0) first = now() - start;
  if (pid < 0 || wait4(pid, &status, 0, &use) < 0) return 1;
  double wall = now() - start;
  FILE *out = fdopen(3, "w");
  if (!out) return 2;
  fprintf(out, "{\"exit\":%d,\"wall\":%.6f,\"user\":%.6f,\"sys\":%.6f,\"rss\":%ld,\"first\":%.6f}\n",
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), wall, seconds(use.ru_utime),
          seconds(use.ru_stime), use.ru_maxrss * 1024, first);
  return fclose(out) == 0 ? 0 : 1;
}
