/* SPDX-License-Identifier: Apache-2.0 */
/* The program `sluice`. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"

/* Whoever started us may have closed standard streams. The next file to be opened would get their numbers, and
 * documents or messages would be written into it. /dev/null for reading takes their place: writing to it fails, with a
 * message. */
static void fill_standard_streams(void) {
  int fd = open("/dev/null", O_RDONLY);
  while (fd >= 0 && fd <= 2) fd = open("/dev/null", O_RDONLY);
  if (fd > 2) (void)close(fd);
}

int main(int argc, char **argv) {
  fill_standard_streams();
  sl_mem_install();
  /* A reader that goes away shows as a failed write, with a message and an exit code. */
  (void)signal(SIGPIPE, SIG_IGN);
  /* So does a file that reaches the limit of its size. */
  (void)signal(SIGXFSZ, SIG_IGN);
  return sl_cli_main(argc, argv);
}
