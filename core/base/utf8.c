/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8. The vector kernels of sl_utf8_valid use the lookup algorithm of Keiser and Lemire, "Validating UTF-8 In Less
 * Than One Instruction Per Byte" (2021): three table lookups over the nibbles of each pair of neighbouring bytes give,
 * by their AND, the errors of that pair; written here from the paper.
 */
#include "base/utf8.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#define SIMD_X86 1
#include <immintrin.h>
#endif

/* Length of the well-formed character at s[0..len), 0 if it is ill-formed; *ret_part gets the length of the maximal
 * subpart. */
static size_t char_len(const unsigned char *s, size_t len, size_t *ret_part) {
  unsigned char c = s[0];
  size_t need = 0;
  unsigned char lo = 0x80;
  unsigned char hi = 0xbf;
  *ret_part = 1;
  if (c < 0x80) return 1;
  if (c < 0xc2 || c > 0xf4) return 0;
  if (c < 0xe0) {
    need = 2;
  } else if (c < 0xf0) {
    need = 3;
    if (c == 0xe0) lo = 0xa0;
    if (c == 0xed) hi = 0x9f;
  } else {
    need = 4;
    if (c == 0xf0) lo = 0x90;
    if (c == 0xf4) hi = 0x8f;
  }
  for (size_t i = 1; i < need; i++) {
    if (i >= len || s[i] < lo || s[i] > hi) {
      *ret_part = i;
      return 0;
    }
    lo = 0x80;
    hi = 0xbf;
  }
  return need;
}

static int valid_scalar(const unsigned char *s, size_t len, size_t from, size_t *ret_bad) {
  size_t i = from;
  while (i < len) {
    uint64_t word;
    if (len - i >= 8 && (memcpy(&word, s + i, 8), (word & 0x8080808080808080u) == 0)) {
      i += 8;
      continue;
    }
    size_t part;
    size_t n = char_len(s + i, len - i, &part);
    if (n == 0) {
      if (ret_bad != NULL) *ret_bad = i;
      return 0;
    }
    i += n;
  }
  return 1;
}

#if defined(SIMD_X86)

/* Error bits of a pair of bytes. */
#define TOO_SHORT (1 << 0)      /* lead followed by something that is no continuation */
#define TOO_LONG (1 << 1)       /* ASCII followed by a continuation */
#define OVERLONG_3 (1 << 2)     /* e0 80..9f */
#define TOO_LARGE (1 << 3)      /* f4 90.. and above */
#define SURROGATE (1 << 4)      /* ed a0.. */
#define OVERLONG_2 (1 << 5)     /* c0, c1 */
#define TOO_LARGE_1000 (1 << 6) /* f5.. 80..8f */
#define OVERLONG_4 (1 << 6)     /* f0 80..8f: cannot meet TOO_LARGE_1000 */
#define TWO_CONTS (1 << 7)      /* two continuations: fine only as bytes 2-3 or 3-4 of a character */
#define CARRY (TOO_SHORT | TOO_LONG | TWO_CONTS)

/* clang-format off */
#define TABLE_1_HIGH \
  TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, \
  (char)TWO_CONTS, (char)TWO_CONTS, (char)TWO_CONTS, (char)TWO_CONTS, \
  TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE, \
  TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4
#define TABLE_1_LOW \
  (char)(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), (char)(CARRY | OVERLONG_2), (char)CARRY, (char)CARRY, \
  (char)(CARRY | TOO_LARGE), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), \
  (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), \
  (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), \
  (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), \
  (char)(CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), \
  (char)(CARRY | TOO_LARGE | TOO_LARGE_1000)
#define TABLE_2_HIGH \
  TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, \
  (char)(TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4), \
  (char)(TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE), \
  (char)(TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE), \
  (char)(TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE), \
  TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT
/* clang-format on */

static const char table_1_high[16] = {TABLE_1_HIGH};
static const char table_1_low[16] = {TABLE_1_LOW};
static const char table_2_high[16] = {TABLE_2_HIGH};

/* A last byte above these begins a character that the block does not end: c0 one before the end, e0 two, f0 three. */
static const unsigned char incomplete_max[32] = {255, 255, 255, 255, 255, 255, 255, 255,  255,  255, 255,
                                                 255, 255, 255, 255, 255, 255, 255, 255,  255,  255, 255,
                                                 255, 255, 255, 255, 255, 255, 255, 0xef, 0xdf, 0xbf};

struct avx2_state {
  __m256i prev, error, incomplete;
};

__attribute__((target("avx2"))) static inline void avx2_block(__m256i in, struct avx2_state *st) {
  const __m256i nibble = _mm256_set1_epi8(0x0f);
  __m256i t1h = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table_1_high));
  __m256i t1l = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table_1_low));
  __m256i t2h = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table_2_high));
  __m256i across = _mm256_permute2x128_si256(st->prev, in, 0x21);
  __m256i prev1 = _mm256_alignr_epi8(in, across, 15);
  __m256i prev2 = _mm256_alignr_epi8(in, across, 14);
  __m256i prev3 = _mm256_alignr_epi8(in, across, 13);
  __m256i a = _mm256_shuffle_epi8(t1h, _mm256_and_si256(_mm256_srli_epi16(prev1, 4), nibble));
  __m256i b = _mm256_shuffle_epi8(t1l, _mm256_and_si256(prev1, nibble));
  __m256i c = _mm256_shuffle_epi8(t2h, _mm256_and_si256(_mm256_srli_epi16(in, 4), nibble));
  __m256i special = _mm256_and_si256(_mm256_and_si256(a, b), c);
  /* Bytes 3 and 4 of a character must be, and alone may be, a second continuation. */
  __m256i third = _mm256_subs_epu8(prev2, _mm256_set1_epi8((char)(0xe0 - 0x80)));
  __m256i fourth = _mm256_subs_epu8(prev3, _mm256_set1_epi8((char)(0xf0 - 0x80)));
  __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
  st->error = _mm256_or_si256(st->error, _mm256_xor_si256(must, special));
  st->incomplete = _mm256_subs_epu8(in, _mm256_loadu_si256((const __m256i *)incomplete_max));
  st->prev = in;
}

/* The last 32 bytes at once, wherever the blocks before ended: bytes seen twice do no harm. len is at least 32. */
__attribute__((target("avx2"))) static void avx2_last(const unsigned char *s, size_t len, struct avx2_state *st) {
  if (len >= 64) {
    st->prev = _mm256_loadu_si256((const __m256i *)(s + len - 64));
  } else {
    unsigned char before[64] = {0}; /* nothing stands before the text */
    _mm256_storeu_si256((__m256i *)(before + 32), _mm256_loadu_si256((const __m256i *)s));
    st->prev = _mm256_loadu_si256((const __m256i *)(before + (len - 32)));
  }
  avx2_block(_mm256_loadu_si256((const __m256i *)(s + len - 32)), st);
}

__attribute__((target("avx2"))) static int valid_avx2(const unsigned char *s, size_t len) {
  struct avx2_state st = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
  size_t i = 0;
  for (; i + 64 <= len; i += 64) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(s + i));
    __m256i b = _mm256_loadu_si256((const __m256i *)(s + i + 32));
    if (_mm256_movemask_epi8(_mm256_or_si256(a, b)) == 0) {
      st.error = _mm256_or_si256(st.error, st.incomplete);
      st.incomplete = _mm256_setzero_si256();
      st.prev = b;
      continue;
    }
    avx2_block(a, &st);
    avx2_block(b, &st);
  }
  if (len - i >= 32) {
    avx2_block(_mm256_loadu_si256((const __m256i *)(s + i)), &st);
    i += 32;
  }
  if (i < len && len >= 32) {
    avx2_last(s, len, &st);
  } else if (i < len) {
    unsigned char tail[32] = {0};
    memcpy(tail, s, len);
    avx2_block(_mm256_loadu_si256((const __m256i *)tail), &st);
  }
  st.error = _mm256_or_si256(st.error, st.incomplete);
  return _mm256_testz_si256(st.error, st.error);
}

struct ssse3_state {
  __m128i prev, error, incomplete;
};

__attribute__((target("ssse3"))) static inline void ssse3_block(__m128i in, struct ssse3_state *st) {
  const __m128i nibble = _mm_set1_epi8(0x0f);
  __m128i prev1 = _mm_alignr_epi8(in, st->prev, 15);
  __m128i prev2 = _mm_alignr_epi8(in, st->prev, 14);
  __m128i prev3 = _mm_alignr_epi8(in, st->prev, 13);
  __m128i a =
      _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)table_1_high), _mm_and_si128(_mm_srli_epi16(prev1, 4), nibble));
  __m128i b = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)table_1_low), _mm_and_si128(prev1, nibble));
  __m128i c =
      _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)table_2_high), _mm_and_si128(_mm_srli_epi16(in, 4), nibble));
  __m128i special = _mm_and_si128(_mm_and_si128(a, b), c);
  __m128i third = _mm_subs_epu8(prev2, _mm_set1_epi8((char)(0xe0 - 0x80)));
  __m128i fourth = _mm_subs_epu8(prev3, _mm_set1_epi8((char)(0xf0 - 0x80)));
  __m128i must = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)0x80));
  st->error = _mm_or_si128(st->error, _mm_xor_si128(must, special));
  st->incomplete = _mm_subs_epu8(in, _mm_loadu_si128((const __m128i *)(incomplete_max + 16)));
  st->prev = in;
}

__attribute__((target("ssse3"))) static int valid_ssse3(const unsigned char *s, size_t len) {
  struct ssse3_state st = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
  size_t i = 0;
  for (; i + 16 <= len; i += 16) {
    __m128i a = _mm_loadu_si128((const __m128i *)(s + i));
    if (_mm_movemask_epi8(a) == 0) {
      st.error = _mm_or_si128(st.error, st.incomplete);
      st.incomplete = _mm_setzero_si128();
      st.prev = a;
      continue;
    }
    ssse3_block(a, &st);
  }
  if (i < len) {
    unsigned char tail[16] = {0};
    memcpy(tail, s + i, len - i);
    ssse3_block(_mm_loadu_si128((const __m128i *)tail), &st);
  }
  st.error = _mm_or_si128(st.error, st.incomplete);
  return _mm_movemask_epi8(_mm_cmpeq_epi8(st.error, _mm_setzero_si128())) == 0xffff;
}
#endif

/* Short texts are not worth the set-up of the kernels. */
#define SMALL 24

int sl_utf8_valid(const void *data, size_t len, size_t *ret_bad_offset) {
  const unsigned char *s = data;
#if defined(SIMD_X86)
  if (len >= SMALL) {
    if (__builtin_cpu_supports("avx2")) {
      if (valid_avx2(s, len)) return 1;
    } else if (__builtin_cpu_supports("ssse3") && valid_ssse3(s, len)) {
      return 1;
    }
  }
#endif
  return valid_scalar(s, len, 0, ret_bad_offset);
}

const char *sl_utf8_kernel(void) {
#if defined(SIMD_X86)
  if (__builtin_cpu_supports("avx2")) return "avx2";
  if (__builtin_cpu_supports("ssse3")) return "ssse3";
#endif
  return "scalar";
}

int sl_utf8_valid_by(const char *kernel, const void *data, size_t len, size_t *ret_bad_offset) {
  const unsigned char *s = data;
  if (strcmp(kernel, "scalar") == 0) return valid_scalar(s, len, 0, ret_bad_offset);
  int ok = -1;
#if defined(SIMD_X86)
  if (strcmp(kernel, "avx2") == 0 && __builtin_cpu_supports("avx2")) ok = valid_avx2(s, len);
  if (strcmp(kernel, "ssse3") == 0 && __builtin_cpu_supports("ssse3")) ok = valid_ssse3(s, len);
#endif
  if (ok == 0) (void)valid_scalar(s, len, 0, ret_bad_offset);
  return ok;
}

size_t sl_utf8_decode(const char *s, size_t len, uint32_t *ret_cp, int *ret_bad) {
  const unsigned char *p = (const unsigned char *)s;
  *ret_cp = 0xfffd;
  if (len == 0) return 0;
  size_t part;
  size_t n = char_len(p, len, &part);
  if (ret_bad != NULL) *ret_bad = n == 0;
  switch (n) {
  case 1:
    *ret_cp = p[0];
    return 1;
  case 2:
    *ret_cp = (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    return 2;
  case 3:
    *ret_cp = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    return 3;
  case 4:
    *ret_cp =
        (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
    return 4;
  default:
    return part;
  }
}

size_t sl_utf8_encode(uint32_t cp, char out[4]) {
  if (cp < 0x80) {
    out[0] = (char)cp;
    return 1;
  }
  if (cp < 0x800) {
    out[0] = (char)(0xc0 | cp >> 6);
    out[1] = (char)(0x80 | (cp & 0x3f));
    return 2;
  }
  if (cp < 0x10000) {
    if (cp >= 0xd800 && cp < 0xe000) return 0;
    out[0] = (char)(0xe0 | cp >> 12);
    out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[2] = (char)(0x80 | (cp & 0x3f));
    return 3;
  }
  if (cp > 0x10ffff) return 0;
  out[0] = (char)(0xf0 | cp >> 18);
  out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
  out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
  out[3] = (char)(0x80 | (cp & 0x3f));
  return 4;
}

static int is_cont(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

size_t sl_utf8_count(const char *s, size_t len) {
  size_t n = 0;
  for (size_t i = 0; i < len; i++) n += !is_cont(s[i]);
  return n;
}

size_t sl_utf8_next(const char *s, size_t len, size_t pos) {
  if (pos >= len) return len;
  uint32_t cp;
  return pos + sl_utf8_decode(s + pos, len - pos, &cp, NULL);
}

size_t sl_utf8_prev(const char *s, size_t len, size_t pos) {
  if (pos > len) pos = len;
  if (pos == 0) return 0;
  size_t at = pos - 1;
  while (at > 0 && pos - at < 4 && is_cont(s[at])) at--;
  size_t part;
  /* A stray continuation byte is a character of its own. */
  return char_len((const unsigned char *)s + at, pos - at, &part) == pos - at ? at : pos - 1;
}

void sl_utf8_place(const char *s, size_t len, size_t offset, uint32_t *ret_line, uint32_t *ret_col) {
  if (offset > len) offset = len;
  uint32_t line = 1;
  for (size_t i = 0; i < offset; i++) line += s[i] == '\n';
  *ret_line = line;
  *ret_col = sl_utf8_col(s, len, offset);
}

uint32_t sl_utf8_col(const char *s, size_t len, size_t offset) {
  if (offset > len) offset = len;
  size_t start = offset;
  while (start > 0 && s[start - 1] != '\n') start--;
  return (uint32_t)sl_utf8_count(s + start, offset - start) + 1;
}

size_t sl_utf8_clip(const char *s, size_t len, size_t max) {
  size_t n = len < max ? len : max;
  size_t start = n;
  while (start > 0 && n - start < 4 && is_cont(s[start - 1])) start--;
  if (start == 0 || !((unsigned char)s[start - 1] & 0x80)) return n;
  size_t part;
  size_t lead = start - 1;
  size_t whole = char_len((const unsigned char *)s + lead, n - lead, &part);
  unsigned char first = (unsigned char)s[lead];
  int begins = first >= 0xc2 && first <= 0xf4; /* other bytes begin no character that could be cut */
  return begins && whole == 0 && part == n - lead ? lead : n;
}
