/* SPDX-License-Identifier: Apache-2.0 */
/* A hash of a text for tables in memory. */
#ifndef SLUICE_PLUGINS_FNV_H
#define SLUICE_PLUGINS_FNV_H

#include <stdint.h>

/* FNV-1a, 64 bits (Fowler, Noll, Vo), its halves folded so that the low bits depend on all. [any] */
static inline uint64_t fnv_text(const char *s) {
  uint64_t h = UINT64_C(0xCBF29CE484222325);
  for (; *s; s++) h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001B3);
  return h ^ h >> 32;
}

#endif
