/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the special bytes of JSON strings, 16 or 32 at a time. */
#include "doc/jsonscan.h"

#if defined(__x86_64__)
#define SCAN_AVX2 1
#include <immintrin.h>
#endif

static const char *scan_bytes(const char *p, const char *end) {
  while (p < end && !sl_jsonscan_special((unsigned char)*p)) p++;
  return p;
}

#if defined(__SSE2__)
/* The last bytes, fewer than 16: by a load that ends at the end and begins
 * before p, if the text is long enough. */
static const char *scan_tail(const char *begin, const char *p, const char *end) {
  size_t left = (size_t)(end - p);
  if (left == 0) return end;
  if (end - begin < 16) return scan_bytes(p, end);
  uint32_t mask = sl_jsonscan_mask(end - 16) >> (16 - left);
  return mask != 0 ? p + __builtin_ctz(mask) : end;
}

static const char *scan_sse2(const char *begin, const char *p, const char *end) {
  for (; end - p >= 16; p += 16) {
    uint32_t mask = sl_jsonscan_mask(p);
    if (mask != 0) return p + __builtin_ctz(mask);
  }
  return scan_tail(begin, p, end);
}

static const char *copy_bytes(char *dst, const char *p, const char *end) {
  for (; p < end && !sl_jsonscan_special((unsigned char)*p); p++) *dst++ = *p;
  return p;
}

/* A bit at the top of each byte of the word that is special; bytes behind the first such one may be marked wrongly. */
static inline uint64_t special_in_word(uint64_t w) {
  const uint64_t ones = 0x0101010101010101u;
  const uint64_t tops = 0x8080808080808080u;
  uint64_t quote = w ^ ones * '"';
  uint64_t slash = w ^ ones * '\\';
  return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * 0x20) & ~w)) & tops;
}

/* Fewer than 16 bytes: as two words that overlap, when none of them is special. */
static const char *copy_tail(char *dst, const char *p, const char *end) {
  size_t n = (size_t)(end - p);
  if (n >= 8) {
    uint64_t a;
    uint64_t b;
    memcpy(&a, p, 8);
    memcpy(&b, end - 8, 8);
    if ((special_in_word(a) | special_in_word(b)) != 0) return copy_bytes(dst, p, end);
    memcpy(dst, &a, 8);
    memcpy(dst + n - 8, &b, 8);
    return end;
  }
  if (n >= 4) {
    uint32_t a;
    uint32_t b;
    memcpy(&a, p, 4);
    memcpy(&b, end - 4, 4);
    if (special_in_word(a | (uint64_t)b << 32) != 0) return copy_bytes(dst, p, end);
    memcpy(dst, &a, 4);
    memcpy(dst + n - 4, &b, 4);
    return end;
  }
  return copy_bytes(dst, p, end);
}

static const char *copy_sse2(char *dst, const char *p, const char *end) {
  for (; end - p >= 16; p += 16, dst += 16) {
    _mm_storeu_si128((__m128i *)dst, _mm_loadu_si128((const __m128i *)p));
    uint32_t mask = sl_jsonscan_mask(p);
    if (mask != 0) return p + __builtin_ctz(mask);
  }
  return copy_tail(dst, p, end);
}
#endif

#if defined(SCAN_AVX2)
__attribute__((target("avx2"))) static inline uint32_t mask_avx2(__m256i v) {
  __m256i hit =
      _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')), _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
  hit = _mm256_or_si256(hit, _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v));
  return (uint32_t)_mm256_movemask_epi8(hit);
}

__attribute__((target("avx2"))) static const char *scan_avx2(const char *begin, const char *p, const char *end) {
  for (; end - p >= 32; p += 32) {
    uint32_t mask = mask_avx2(_mm256_loadu_si256((const __m256i *)p));
    if (mask != 0) return p + __builtin_ctz(mask);
  }
  return scan_sse2(begin, p, end);
}

__attribute__((target("avx2"))) static const char *copy_avx2(char *dst, const char *p, const char *end) {
  for (; end - p >= 32; p += 32, dst += 32) {
    __m256i v = _mm256_loadu_si256((const __m256i *)p);
    _mm256_storeu_si256((__m256i *)dst, v);
    uint32_t mask = mask_avx2(v);
    if (mask != 0) return p + __builtin_ctz(mask);
  }
  return copy_sse2(dst, p, end);
}
#endif

const char *sl_jsonscan_long(const char *begin, const char *p, const char *end) {
#if defined(SCAN_AVX2)
  if (end - p >= 64 && __builtin_cpu_supports("avx2")) return scan_avx2(begin, p, end);
#endif
#if defined(__SSE2__)
  return scan_sse2(begin, p, end);
#else
  (void)begin;
  return scan_bytes(p, end);
#endif
}

const char *sl_jsonscan_copy(char *dst, const char *p, const char *end) {
#if defined(SCAN_AVX2)
  if (end - p >= 64 && __builtin_cpu_supports("avx2")) return copy_avx2(dst, p, end);
#endif
#if defined(__SSE2__)
  return copy_sse2(dst, p, end);
#else
  const char *stop = scan_bytes(p, end);
  memcpy(dst, p, (size_t)(stop - p));
  return stop;
#endif
}
