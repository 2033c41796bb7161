/* SPDX-License-Identifier: Apache-2.0 */
/* Aborts in sluice_plugin(). */
#include <stdlib.h>
#define ENTRY abort()
#include "minimal.h"
