/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes in a constructor. */
#include "minimal.h"

__attribute__((constructor)) static void start(void) {
  volatile int *nowhere = NULL;
  *nowhere = 1;
}
