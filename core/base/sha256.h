/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), streaming. [any, one thread per context] */
#ifndef SLUICE_BASE_SHA256_H
#define SLUICE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct sl_sha256 {
  uint32_t h[8];
  uint64_t bytes;
  uint8_t block[64];
} sl_sha256;

void sl_sha256_init(sl_sha256 *s);
void sl_sha256_add(sl_sha256 *s, const void *data, size_t len);
void sl_sha256_end(sl_sha256 *s, uint8_t digest[32]);
/* 64 lower-case hexadecimal digits and a NUL. */
void sl_sha256_hex(const void *data, size_t len, char hex[65]);
void sl_sha256_to_hex(const uint8_t digest[32], char hex[65]);

#endif
