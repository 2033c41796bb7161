/* SPDX-License-Identifier: Apache-2.0 */
/* A sound one: the others are refused while this one runs. */
#include "minimal.h"
