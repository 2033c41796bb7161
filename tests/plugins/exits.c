/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the process when it is loaded. */
#include <stdlib.h>
#define ENTRY exit(3)
#include "minimal.h"
