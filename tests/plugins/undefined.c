/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a function that nobody offers. */
int sl_host_secret(void);
#define ENTRY return sl_host_secret() ? &plugin : NULL
#include "minimal.h"
