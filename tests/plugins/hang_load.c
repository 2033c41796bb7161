/* SPDX-License-Identifier: Apache-2.0 */
/* Never returns from its constructor. */
#include <unistd.h>
#include "minimal.h"

__attribute__((constructor)) static void start(void) {
  for (;;) pause();
}
