/* SPDX-License-Identifier: Apache-2.0 */
/* A fast 64-bit hash for tables and identities inside one process or machine; not for secrets, not for files that move.
 * [any] */
#ifndef SLUICE_BASE_HASH_H
#define SLUICE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* The same on every little-endian machine; depends on every byte, the length and the seed. */
uint64_t sl_hash(const void *data, size_t len, uint64_t seed);
uint64_t sl_hash_str(const char *text, uint64_t seed);
/* Mixes one number. */
uint64_t sl_hash_u64(uint64_t value, uint64_t seed);

#endif
