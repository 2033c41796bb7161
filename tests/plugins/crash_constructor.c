/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes in a constructor. */
#include "minimal.h"

__attribute__((constructor)) static void start(void) {
  volatile int *volatile nowhere = NULL;
  *nowhere = 1;
}
