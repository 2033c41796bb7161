/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) of one block of memory. */
#ifndef SLUICE_PLUGINS_SHA256_H
#define SLUICE_PLUGINS_SHA256_H

#include <stddef.h>

/* Writes 64 lower-case hexadecimal digits and a NUL. */
void sha256_hex(const void *data, size_t len, char ret_hex[65]);
/* Its first 16 bytes. */
void sha256_short(const void *data, size_t len, unsigned char ret[16]);

#endif
