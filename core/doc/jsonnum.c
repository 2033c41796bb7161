/* SPDX-License-Identifier: Apache-2.0 */
/* JSON numbers. */
#include "doc/jsonnum.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

static int is_digit(char c) { return c >= '0' && c <= '9'; }

int sl_jsonnum_int(double value) {
  if (value >= INT_MAX) return INT_MAX;
  if (value <= (double)INT_MIN) return INT_MIN;
  return (int)value;
}

/* A number taken apart: its first significant digit, and the power of ten of
 * that digit. */
struct decimal {
  int negative;
  const char *digits; /* may hold a '.' in between */
  const char *end;    /* of the digits */
  int64_t power;      /* of the first significant digit; unused for zero */
  int zero;
};

static void take_apart(const char *p, const char *end, struct decimal *ret) {
  int64_t power = -1;
  int64_t exponent = 0;
  const char *dot = NULL;
  const char *first = NULL;
  memset(ret, 0, sizeof *ret);
  if (*p == '-') {
    ret->negative = 1;
    p++;
  }
  for (; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') {
      dot = p;
      continue;
    }
    if (first == NULL && *p != '0') first = p;
    if (dot == NULL && first != NULL) power++;
    if (dot != NULL && first == NULL) power--;
  }
  ret->digits = first;
  ret->end = p;
  ret->zero = first == NULL;
  if (p < end) {
    p++;
    int minus = *p == '-';
    if (*p == '-' || *p == '+') p++;
    /* Far beyond any double; saturating keeps the sum inside 64 bits. */
    for (; p < end; p++) exponent = exponent > INT64_MAX / 100 ? exponent : exponent * 10 + (*p - '0');
    if (minus) exponent = -exponent;
  }
  ret->power = power + exponent;
}

/* The next digit, 0 for ever behind the last. */
static char next_digit(const char **p, const char *end) {
  if (*p < end && **p == '.') (*p)++;
  return *p < end ? *(*p)++ : '0';
}

int sl_jsonnum_same(const char *a, size_t a_len, const char *b, size_t b_len) {
  struct decimal x;
  struct decimal y;
  take_apart(a, a + a_len, &x);
  take_apart(b, b + b_len, &y);
  if (x.zero || y.zero) return x.zero && y.zero && x.negative == y.negative;
  if (x.negative != y.negative || x.power != y.power) return 0;
  const char *p = x.digits;
  const char *q = y.digits;
  while (p < x.end || q < y.end) {
    if (next_digit(&p, x.end) != next_digit(&q, y.end)) return 0;
  }
  return 1;
}

/* Text that the quick way cannot decide: strtod, print, compare. */
static int read_slowly(const char *p, sl_jsonnum *ret) {
  size_t len = (size_t)(ret->end - p);
  char local[128];
  char *text = len < sizeof local ? local : sl_mem_alloc(len + 1);
  if (text == NULL) return SL_ENOMEM;
  memcpy(text, p, len);
  text[len] = '\0';
  int rc = sl_str_double(text, &ret->value, NULL);
  if (rc == SL_OK) {
    char shown[40];
    size_t n = sl_str_double_text(ret->value, shown, sizeof shown);
    ret->keep = !sl_jsonnum_same(text, len, shown, n);
  }
  if (text != local) sl_mem_free(text);
  return rc;
}

static const char *skip_digits(const char *p, const char *end, uint64_t *mantissa) {
  uint64_t m = *mantissa;
  while (p < end && is_digit(*p))
    m = m * 10 + (uint64_t)(*p++ - '0'); /* wraps; then the digits are counted as too many */
  *mantissa = m;
  return p;
}

/* Behind the digits of the fraction: the exponent. NULL-free: *ret->end is set
 * in any case. */
static int read_exponent(const char *p, const char *end, int *ret_exponent, sl_jsonnum *ret) {
  *ret_exponent = 0;
  ret->end = p;
  if (p == end || (*p != 'e' && *p != 'E')) return SL_OK;
  p++;
  int minus = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  ret->end = p;
  if (p == end || !is_digit(*p)) return SL_EPARSE;
  int exponent = 0;
  for (; p < end && is_digit(*p); p++) exponent = exponent > 100000 ? exponent : exponent * 10 + (*p - '0');
  ret->end = p;
  *ret_exponent = minus ? -exponent : exponent;
  return SL_OK;
}

int sl_jsonnum_read(const char *p, const char *end, sl_jsonnum *ret) {
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const char *start = p;
  uint64_t mantissa = 0;
  int exponent = 0;
  int negative = *p == '-';
  p += negative;
  ret->keep = 0;
  ret->end = p;
  if (p == end || !is_digit(*p)) return SL_EPARSE;
  const char *digits = p;
  p = *p == '0' ? p + 1 : skip_digits(p, end, &mantissa);
  ptrdiff_t n_digits = p - digits;
  ret->end = p;
  if (p < end && is_digit(*p)) return SL_EPARSE; /* a leading zero */
  int fraction = 0;
  if (p < end && *p == '.') {
    const char *first = ++p;
    p = skip_digits(p, end, &mantissa);
    ret->end = p;
    if (p == first) return SL_EPARSE;
    n_digits += p - first;
    fraction = p - first > 400 ? 400 : (int)(p - first);
  }
  int rc = read_exponent(p, end, &exponent, ret);
  if (rc != SL_OK) return rc;
  exponent -= fraction;
  /* Up to 15 digits and powers that a double holds: one correctly rounded step,
   * and printing gives the digits back (Clinger 1990). From 2^53 on whole
   * numbers are printed by their exact value, which may have other digits. */
  if (n_digits <= 15 && exponent >= -22 && exponent <= 22) {
    double v = exponent < 0 ? (double)mantissa / tens[-exponent] : (double)mantissa * tens[exponent];
    if (v < 9007199254740992.0) {
      ret->value = negative ? -v : v;
      return SL_OK;
    }
  }
  return read_slowly(start, ret);
}

/* The kept text of a number, if it still agrees with the value. */
static const char *kept_text(const cJSON *item) {
  const char *text = item->valuestring;
  if (text == NULL || (*text != '-' && !is_digit(*text))) return NULL;
  size_t len = strlen(text);
  sl_jsonnum n;
  if (sl_jsonnum_read(text, text + len, &n) != SL_OK || n.end != text + len) return NULL;
  return n.value == item->valuedouble ? text : NULL;
}

const char *sl_jsonnum_text(const cJSON *item, char *buf, size_t *ret_len) {
  const char *text = kept_text(item);
  if (text != NULL) {
    *ret_len = strlen(text);
    return text;
  }
  *ret_len = sl_str_double_text(item->valuedouble, buf, 32);
  return buf;
}

int sl_jsonnum_equal(const cJSON *a, const cJSON *b) {
  if (a->valuestring == NULL && b->valuestring == NULL) return a->valuedouble == b->valuedouble;
  if (a->valuedouble != b->valuedouble) return 0;
  char x[32];
  char y[32];
  size_t n;
  size_t m;
  const char *s = sl_jsonnum_text(a, x, &n);
  const char *t = sl_jsonnum_text(b, y, &m);
  return n > 0 && m > 0 && sl_jsonnum_same(s, n, t, m);
}
