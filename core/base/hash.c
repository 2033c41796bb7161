/* SPDX-License-Identifier: Apache-2.0 */
/* A 64-bit hash by multiply-and-fold (the idea of wyhash by Wang Yi, public domain; our own code and constants' use).
 */
#include "base/hash.h"

#include <string.h>

#define K0 0xa0761d6478bd642fu
#define K1 0xe7037ed1a0b428dbu
#define K2 0x8ebc6af09c88c6e3u
#define K3 0x589965cc75374cc3u

__extension__ typedef unsigned __int128 u128;

static inline uint64_t fold(uint64_t a, uint64_t b) {
  u128 p = (u128)a * b;
  return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t read64(const unsigned char *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

static inline uint64_t read32(const unsigned char *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}

uint64_t sl_hash(const void *data, size_t len, uint64_t seed) {
  const unsigned char *p = data;
  size_t left = len;
  uint64_t a = 0;
  uint64_t b = 0;
  seed ^= fold(seed ^ K0, K1);
  if (len > 16) {
    for (; left > 32; left -= 32, p += 32) {
      seed = fold(read64(p) ^ K1, read64(p + 8) ^ seed) ^ fold(read64(p + 16) ^ K2, read64(p + 24) ^ seed);
    }
    if (left > 16) {
      seed = fold(read64(p) ^ K3, read64(p + 8) ^ seed);
      p += 16;
      left -= 16;
    }
    a = read64(p + left - 16);
    b = read64(p + left - 8);
  } else if (len >= 8) {
    a = read64(p);
    b = read64(p + len - 8);
  } else if (len >= 4) {
    a = read32(p);
    b = read32(p + len - 4);
  } else if (len > 0) {
    a = (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
  }
  return fold(K1 ^ len, fold(a ^ K1, b ^ seed) ^ K3);
}

uint64_t sl_hash_str(const char *text, uint64_t seed) { return sl_hash(text, strlen(text), seed); }

uint64_t sl_hash_u64(uint64_t value, uint64_t seed) { return fold(value ^ K0 ^ seed, fold(seed ^ K2, K1) ^ K3); }
