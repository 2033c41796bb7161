/* SPDX-License-Identifier: Apache-2.0 */
/* What the system says about this process. [any] */
#ifndef SLUICE_PLATFORM_PROCESS_H
#define SLUICE_PLATFORM_PROCESS_H

#include <stdint.h>

/* What is not known is 0. */
typedef struct sl_process {
  uint64_t resident_bytes;
  uint64_t open_fds, max_fds;
  uint64_t threads;
  int64_t cpu_ns;
} sl_process;

void sl_process_look(sl_process *ret);

#endif
