/* SPDX-License-Identifier: Apache-2.0 */
/* The program `sluice`. */
#include <locale.h>
#include <signal.h>

#include "base/mem.h"
#include "cli/cli.h"

int main(int argc, char **argv) {
  sl_mem_install();
  /* A reader that goes away shows as a failed write, with a message and an exit code. */
  (void)signal(SIGPIPE, SIG_IGN);
  return sl_cli_main(argc, argv);
}
