/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loop of the codec: finds the next byte of a JSON string that is not plain text.
 *
 * Private to core/doc. The first 16 bytes are looked at inline, since most keys and many values end there.
 */
#ifndef SLUICE_DOC_JSONSCAN_H
#define SLUICE_DOC_JSONSCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* First byte of [p, end) that is '"', '\\' or below 0x20; end if there is none. Reads nothing outside [begin, end). */
const char *sl_jsonscan_long(const char *begin, const char *p, const char *end);
/* Copies [p, end) to dst up to the first such byte, and returns where it stopped in the source; dst has room for end -
 * p. */
const char *sl_jsonscan_copy(char *dst, const char *p, const char *end);

static inline int sl_jsonscan_special(unsigned char c) { return c == '"' || c == '\\' || c < 0x20; }

#if defined(__SSE2__)
/* A bit for each special byte among 16. */
static inline uint32_t sl_jsonscan_mask(const char *p) {
  __m128i v = _mm_loadu_si128((const __m128i *)p);
  __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
  hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v));
  return (uint32_t)_mm_movemask_epi8(hit);
}
#endif

static inline const char *sl_jsonscan(const char *begin, const char *p, const char *end) {
#if defined(__SSE2__)
  if (end - p >= 16) {
    uint32_t mask = sl_jsonscan_mask(p);
    if (mask != 0) return p + __builtin_ctz(mask);
    p += 16;
  }
#endif
  return sl_jsonscan_long(begin, p, end);
}

#endif
