/* SPDX-License-Identifier: Apache-2.0 */
/* sluice-probe: the child in which an unknown plugin is opened first. Called by the loader: sluice-probe FILE NAME. */
#include <stdio.h>

#include "base/mem.h"
#include "plugin/probe.h"

int main(int argc, char **argv) {
  if (argc != 3) {
    fputs("sluice-probe is run by sluice to open an unknown plugin; it is of no use by itself\n", stderr);
    return 2;
  }
  sl_mem_install();
  return sl_probe_child(argv[1], argv[2]);
}
