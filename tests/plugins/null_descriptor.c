/* SPDX-License-Identifier: Apache-2.0 */
/* Returns NULL. */
#define ENTRY   \
  (void)plugin; \
  return NULL
#include "minimal.h"
