/* SPDX-License-Identifier: Apache-2.0 */
/* Its descriptor says "sound", its file says "wrong_name". */
#undef NAME
#define NAME sound
#include "minimal.h"
