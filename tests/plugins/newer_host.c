/* SPDX-License-Identifier: Apache-2.0 */
/* Asks for a host that does not exist yet. */
#define MIN_HOST_MINOR 9
#include "minimal.h"
