/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers shown: exactly for machines, roundly for people. Part of base/str.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/time.h"

const char *sl_str_show_size(int64_t bytes, char *buf, size_t cap) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double v = (double)bytes;
  size_t u = 0;
  for (; fabs(v) >= 1024 && u < 6; u++) v /= 1024;
  if (u == 0) {
    snprintf(buf, cap, "%lld B", (long long)bytes);
  } else {
    snprintf(buf, cap, fabs(v) < 100 ? "%.1f %s" : "%.0f %s", v, units[u]);
  }
  return buf;
}

const char *sl_str_show_duration(int64_t ns, char *buf, size_t cap) {
  const char *sign = ns < 0 ? "-" : "";
  uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
  uint64_t s = n / (uint64_t)SL_TIME_S;
  if (n < 1000) {
    snprintf(buf, cap, "%s%llu ns", sign, (unsigned long long)n);
  } else if (n < 1000000) {
    snprintf(buf, cap, "%s%.3g us", sign, (double)n / 1e3);
  } else if (n < 1000000000) {
    snprintf(buf, cap, "%s%.3g ms", sign, (double)n / 1e6);
  } else if (s < 60) {
    snprintf(buf, cap, "%s%.2f s", sign, (double)n / 1e9);
  } else if (s < 3600) {
    snprintf(buf, cap, "%s%llum %llus", sign, (unsigned long long)(s / 60), (unsigned long long)(s % 60));
  } else if (s < 86400) {
    snprintf(buf, cap, "%s%lluh %llum", sign, (unsigned long long)(s / 3600), (unsigned long long)(s / 60 % 60));
  } else {
    snprintf(buf, cap, "%s%llud %lluh", sign, (unsigned long long)(s / 86400), (unsigned long long)(s / 3600 % 24));
  }
  return buf;
}

const char *sl_str_show_count(uint64_t n, char *buf, size_t cap) {
  char plain[24];
  int len = snprintf(plain, sizeof plain, "%llu", (unsigned long long)n);
  size_t out = 0;
  for (int i = 0; i < len && out + 2 < cap; i++) {
    if (i > 0 && (len - i) % 3 == 0) buf[out++] = ',';
    buf[out++] = plain[i];
  }
  if (cap > 0) buf[out] = '\0';
  return buf;
}

size_t sl_str_int_text(int64_t value, char *buf) {
  char tmp[24];
  size_t n = 0;
  uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    tmp[n++] = (char)('0' + v % 10);
    v /= 10;
  } while (v > 0);
  if (value < 0) tmp[n++] = '-';
  for (size_t i = 0; i < n; i++) buf[i] = tmp[n - 1 - i];
  buf[n] = '\0';
  return n;
}

/* Decimals of few digits, which most are: v * 10^k is near a whole number r below 10^15, and r / 10^k, one correctly
 * rounded division, is v again. Then r and k are the shortest decimal. 0 if there is none. */
static size_t few_digits(double value, char *buf) {
  double v = fabs(value);
  double ten = 10;
  if (v < 1e-4 || v >= 1e15) return 0;
  for (int k = 1; k <= 15 && v * ten < 1e15; k++, ten *= 10) {
    uint64_t r = (uint64_t)(v * ten + 0.5);
    if ((double)r / ten != v) continue;
    uint64_t scale = (uint64_t)ten;
    size_t n = 0;
    if (value < 0) buf[n++] = '-';
    n += sl_str_int_text((int64_t)(r / scale), buf + n);
    buf[n++] = '.';
    uint64_t rest = r % scale;
    for (int i = k - 1; i >= 0; i--, rest /= 10) buf[n + (size_t)i] = (char)('0' + rest % 10);
    n += (size_t)k;
    buf[n] = '\0';
    return n;
  }
  return 0;
}

size_t sl_str_double_text(double value, char *buf, size_t cap) {
  if (!isfinite(value) || cap < 26) {
    if (cap > 0) buf[0] = '\0';
    return 0;
  }
  if (fabs(value) < 9223372036854775808.0 && value == (double)(int64_t)value) {
    if (value == 0 && signbit(value)) {
      memcpy(buf, "-0", 3);
      return 2;
    }
    return sl_str_int_text((int64_t)value, buf);
  }
  size_t few = few_digits(value, buf);
  if (few > 0) return few;
  int n = 0;
  for (int digits = 15; digits <= 17; digits++) {
    n = snprintf(buf, cap, "%.*g", digits, value);
    /* A locale with a comma: the number itself is the same. */
    char *comma = strchr(buf, ',');
    if (comma != NULL) *comma = '.';
    double back = 0;
    if (sl_str_double(buf, &back, NULL) == SL_OK && back == value) break;
  }
  return (size_t)n;
}
