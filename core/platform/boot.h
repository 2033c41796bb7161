/* SPDX-License-Identifier: Apache-2.0 */
/* A text that changes when the machine is started anew. */
#ifndef SLUICE_PLATFORM_BOOT_H
#define SLUICE_PLATFORM_BOOT_H

#include <stddef.h>

/* "" where the system does not tell. [any] */
void sl_platform_boot_id(char *buf, size_t cap);

#endif
