/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's boot id (Linux: random(4)). */
#include "platform/boot.h"

#include <stdio.h>
#include <string.h>

void sl_platform_boot_id(char *buf, size_t cap) {
  buf[0] = 0;
  FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
  if (!f) return;
  if (!fgets(buf, (int)cap, f)) buf[0] = 0;
  buf[strcspn(buf, "\n")] = 0;
  fclose(f);
}
