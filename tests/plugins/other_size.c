/* SPDX-License-Identifier: Apache-2.0 */
/* The version is right, the size of the descriptor is not. */
#define DESCRIPTOR_SIZE sizeof(sl_plugin) - 8
#include "minimal.h"
