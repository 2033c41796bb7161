/* SPDX-License-Identifier: Apache-2.0 */
/* Built against a plugin.h of a later version. */
#define MINOR 2
#include "minimal.h"
