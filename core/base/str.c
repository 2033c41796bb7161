/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people write them. */
#include "base/str.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int sl_str_int(const char *text, int64_t *ret, sl_err *err) {
  const char *p = text;
  int negative = *p == '-';
  if (*p == '-' || *p == '+') p++;
  unsigned base = 10;
  if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
    base = 16;
    p += 2;
  }
  uint64_t v = 0;
  int digits = 0;
  int over = 0;
  for (; *p != '\0'; p++) {
    int d = hex_value(*p);
    if (*p == '_' && digits > 0 && hex_value(p[1]) >= 0) continue;
    if (d < 0 || (unsigned)d >= base) break;
    digits++;
    over |= __builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)d, &v);
  }
  if (*p != '\0' || digits == 0) return sl_err_set(err, SL_EINVAL, "expected a whole number, found \"%s\"", text);
  if (over || v > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
    return sl_err_set(err, SL_ELIMIT, "the number %s does not fit into 64 bits", text);
  }
  *ret = (int64_t)(negative ? 0 - v : v);
  return SL_OK;
}

/* strtod without the locale: "," would else stand for "." in some. */
static double parse_double(const char *text, char **end) {
#if defined(__GLIBC__)
  static locale_t c_locale;
  locale_t loc = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
  if (loc == (locale_t)0) {
    locale_t fresh = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (fresh == (locale_t)0) return strtod(text, end);
    if (__atomic_compare_exchange_n(&c_locale, &loc, fresh, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      loc = fresh;
    } else {
      freelocale(fresh);
    }
  }
  return strtod_l(text, end, loc);
#else
  return strtod(text, end);
#endif
}

int sl_str_double(const char *text, double *ret, sl_err *err) {
  char *end = NULL;
  const char *p = text + (*text == '-' || *text == '+');
  double v = is_digit(*p) || (*p == '.' && is_digit(p[1])) ? parse_double(text, &end) : 0;
  if (end == NULL || *end != '\0' || p[1] == 'x' || p[1] == 'X') {
    return sl_err_set(err, SL_EINVAL, "expected a number, found \"%s\"", text);
  }
  if (!isfinite(v)) return sl_err_set(err, SL_ELIMIT, "the number %s is too large", text);
  *ret = v;
  return SL_OK;
}

int sl_str_bool(const char *text, int32_t *ret, sl_err *err) {
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
  for (int32_t i = 0; i < 6; i++) {
    if (strcmp(text, words[i]) == 0) {
      *ret = i & 1;
      return SL_OK;
    }
  }
  return sl_err_set(err, SL_EINVAL, "expected true or false, found \"%s\"", text);
}

struct unit {
  const char *name;
  int64_t factor;
};

static const struct unit time_units[] = {
    {"ns", 1},          {"us", 1000},         {"µs", 1000},         {"ms", 1000000},       {"s", 1000000000},
    {"m", 60000000000}, {"min", 60000000000}, {"h", 3600000000000}, {"d", 86400000000000}, {NULL, 0}};

static const struct unit size_units[] = {{"B", 1},
                                         {"KB", 1000},
                                         {"kB", 1000},
                                         {"MB", 1000000},
                                         {"GB", 1000000000},
                                         {"TB", 1000000000000},
                                         {"KiB", 1024},
                                         {"MiB", 1048576},
                                         {"GiB", 1073741824},
                                         {"TiB", 1099511627776},
                                         {"K", 1024},
                                         {"M", 1048576},
                                         {"G", 1073741824},
                                         {"T", 1099511627776},
                                         {NULL, 0}};

static int64_t factor_of(const struct unit *units, const char *name, size_t len) {
  for (; units->name != NULL; units++) {
    if (strlen(units->name) == len && memcmp(units->name, name, len) == 0) return units->factor;
  }
  return 0;
}

/* Digits with at most one fraction, times factor, added to *sum; exact for what a person writes. */
static int add_scaled(const char *digits, size_t len, int64_t factor, int64_t *sum) {
  int64_t whole = 0;
  size_t i = 0;
  for (; i < len && digits[i] != '.'; i++) {
    if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, digits[i] - '0', &whole))
      return SL_ELIMIT;
  }
  if (__builtin_mul_overflow(whole, factor, &whole) || __builtin_add_overflow(*sum, whole, sum)) return SL_ELIMIT;
  double fraction = 0;
  double scale = 0.1;
  for (i++; i < len; i++, scale /= 10) fraction += (digits[i] - '0') * scale;
  return __builtin_add_overflow(*sum, (int64_t)llround(fraction * (double)factor), sum) ? SL_ELIMIT : SL_OK;
}

/* The digits at p: how many bytes; 0 if there is no number. */
static size_t digits_at(const char *p) {
  size_t n = strspn(p, "0123456789");
  if (n > 0 && p[n] == '.' && is_digit(p[n + 1])) n += 1 + strspn(p + n + 1, "0123456789");
  return n;
}

int sl_str_duration(const char *text, int64_t *ret, sl_err *err) {
  int64_t sum = 0;
  int rc = SL_EINVAL;
  const char *p = text;
  if (strcmp(text, "0") == 0) {
    *ret = 0;
    return SL_OK;
  }
  while (*p != '\0') {
    size_t n = digits_at(p);
    size_t unit = n == 0 ? 0 : strcspn(p + n, "0123456789 .");
    int64_t factor = factor_of(time_units, p + n, unit);
    rc = factor == 0 ? SL_EINVAL : add_scaled(p, n, factor, &sum);
    if (rc != SL_OK) break;
    p += n + unit;
  }
  if (rc == SL_ELIMIT) return sl_err_set(err, rc, "the duration %s is too long", text);
  if (rc != SL_OK) {
    sl_err_set(err, rc, "expected a duration like 10s, 200ms or 1h30m, found \"%s\"", text);
    size_t n = digits_at(text);
    if (n > 0 && text[n] == '\0') sl_err_hint(err, "a number needs a unit: %ss or %sms", text, text);
    return rc;
  }
  *ret = sum;
  return SL_OK;
}

int sl_str_size(const char *text, int64_t *ret, sl_err *err) {
  size_t n = digits_at(text);
  size_t at = n;
  while (text[at] == ' ') at++;
  int64_t factor = text[n] == '\0' ? 1 : factor_of(size_units, text + at, strlen(text + at));
  int64_t sum = 0;
  int rc = n == 0 || factor == 0 ? SL_EINVAL : add_scaled(text, n, factor, &sum);
  if (rc == SL_OK && text[n] == '\0' && strchr(text, '.') != NULL) rc = SL_EINVAL; /* half a byte */
  if (rc == SL_ELIMIT) return sl_err_set(err, rc, "the size %s is too large", text);
  if (rc != SL_OK) return sl_err_set(err, rc, "expected a size like 512, 4KB or 10MiB, found \"%s\"", text);
  *ret = sum;
  return SL_OK;
}

/* One border of a range, as double and as integer. */
static int border(uint32_t type, const char *text, int64_t *ret_int, double *ret_double) {
  switch (type) {
  case SL_T_FLOAT:
    return sl_str_double(text, ret_double, NULL);
  case SL_T_DURATION:
    return sl_str_duration(text, ret_int, NULL);
  case SL_T_SIZE:
    return sl_str_size(text, ret_int, NULL);
  default:
    return sl_str_int(text, ret_int, NULL);
  }
}

/* <0, 0, >0 as value is below, at or above the border. */
static int compare(uint32_t type, const void *value, int64_t i, double d) {
  if (type == SL_T_FLOAT) {
    double v = *(const double *)value;
    return v < d ? -1 : v > d;
  }
  int64_t v = *(const int64_t *)value;
  return v < i ? -1 : v > i;
}

int sl_str_in_range(uint32_t type, const void *value, const char *range, sl_err *err) {
  if (range == NULL || range[0] == '\0') return SL_OK;
  const char *dots = strstr(range, "..");
  char low[64];
  char high[64];
  int64_t i = 0;
  double d = 0;
  if (dots == NULL || (size_t)(dots - range) >= sizeof low || strlen(dots + 2) >= sizeof high) {
    return sl_err_set(err, SL_EBUG, "a range is written 1..100, 1.. or ..100, found \"%s\"", range);
  }
  memcpy(low, range, (size_t)(dots - range));
  low[dots - range] = '\0';
  sl_str_copy(high, sizeof high, dots + 2);
  if (low[0] != '\0') {
    if (border(type, low, &i, &d) != SL_OK)
      return sl_err_set(err, SL_EBUG, "bad lower border in the range \"%s\"", range);
    if (compare(type, value, i, d) < 0) return sl_err_set(err, SL_EINVAL, "expected at least %s", low);
  }
  if (high[0] != '\0') {
    if (border(type, high, &i, &d) != SL_OK)
      return sl_err_set(err, SL_EBUG, "bad upper border in the range \"%s\"", range);
    if (compare(type, value, i, d) > 0) return sl_err_set(err, SL_EINVAL, "expected at most %s", high);
  }
  return SL_OK;
}

int sl_str_starts(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

int sl_str_ends(const char *text, const char *suffix) {
  size_t n = strlen(text);
  size_t m = strlen(suffix);
  return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

size_t sl_str_copy(char *dst, size_t cap, const char *src) {
  if (cap == 0) return 0;
  size_t n = sl_utf8_clip(src, strlen(src), cap - 1);
  memcpy(dst, src, n);
  dst[n] = '\0';
  return n;
}
