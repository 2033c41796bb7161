/* SPDX-License-Identifier: Apache-2.0 */
/* Retry-After (RFC 9110, 10.2.3): seconds, or a date in one of three forms. */
#include "impl.h"

#include <string.h>

static bool digits(const char **p, int min, int max, int *ret) {
  int n = 0, value = 0;
  while (n < max && **p >= '0' && **p <= '9') {
    value = value * 10 + (**p - '0');
    ++*p;
    n++;
  }
  *ret = value;
  return n >= min && !(**p >= '0' && **p <= '9');
}

static bool mark(const char **p, const char *text) {
  size_t n = strlen(text);
  if (strncmp(*p, text, n) != 0) return false;
  *p += n;
  return true;
}

static bool month(const char **p, int *ret) {
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (int i = 0; i < 12; i++) {
    if (strncmp(*p, names + i * 3, 3) != 0) continue;
    *p += 3;
    *ret = i + 1;
    return true;
  }
  return false;
}

static bool clock_time(const char **p, int *ret_seconds) {
  int h, m, s;
  if (!digits(p, 2, 2, &h) || !mark(p, ":") || !digits(p, 2, 2, &m) || !mark(p, ":") || !digits(p, 2, 2, &s))
    return false;
  *ret_seconds = h * 3600 + m * 60 + s;
  return h < 24 && m < 60 && s <= 60;
}

/* Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t days_of(int64_t y, int m, int d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
  int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

typedef struct moment {
  int year, month, day, seconds;
} moment;

/* "06 Nov 1994 08:49:37 GMT", "06-Nov-94 08:49:37 GMT" */
static bool http_date(const char **p, moment *t) {
  if (!digits(p, 1, 2, &t->day) || !(**p == ' ' || **p == '-')) return false;
  bool old = *(*p)++ == '-';
  if (!month(p, &t->month) || !mark(p, old ? "-" : " ") || !digits(p, old ? 2 : 4, 4, &t->year)) return false;
  if (t->year < 100) t->year += t->year < 70 ? 2000 : 1900;
  return mark(p, " ") && clock_time(p, &t->seconds) && (mark(p, " GMT") || mark(p, " UTC"));
}

/* "Nov  6 08:49:37 1994" */
static bool asctime_date(const char **p, moment *t) {
  if (!month(p, &t->month)) return false;
  while (**p == ' ') ++*p;
  return digits(p, 1, 2, &t->day) && mark(p, " ") && clock_time(p, &t->seconds) && mark(p, " ") &&
         digits(p, 4, 4, &t->year);
}

static bool date(const char *p, int64_t *ret_seconds) {
  moment t;
  while ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')) p++;
  bool good = mark(&p, ", ") ? http_date(&p, &t) : mark(&p, " ") && asctime_date(&p, &t);
  if (!good || *p || t.day < 1 || t.day > 31) return false;
  *ret_seconds = days_of(t.year, t.month, t.day) * 86400 + t.seconds;
  return true;
}

int64_t web_retry_after(const char *text, int64_t now) {
  /* A year stands for all that is longer. */
  const int64_t most = INT64_C(366) * 86400;
  int64_t seconds = 0;
  while (*text == ' ' || *text == '\t') text++;
  size_t n = strcspn(text, "\r\n");
  while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
  char copy[64];
  if (n == 0 || n >= sizeof copy) return -1;
  memcpy(copy, text, n);
  copy[n] = '\0';
  if (strspn(copy, "0123456789") == n) {
    for (const char *p = copy; *p && seconds < most; p++) seconds = seconds * 10 + (*p - '0');
    return (seconds < most ? seconds : most) * WEB_SECOND;
  }
  if (!date(copy, &seconds)) return -1;
  int64_t left = seconds - now / WEB_SECOND;
  return left <= 0 ? 0 : (left < most ? left : most) * WEB_SECOND;
}
