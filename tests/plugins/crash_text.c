/* SPDX-License-Identifier: Apache-2.0 */
/* A name in its descriptor points to nowhere. */
#define SUMMARY ((const char *)8)
#include "minimal.h"
