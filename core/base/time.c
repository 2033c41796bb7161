/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and ISO 8601; days from dates after Howard Hinnant's chrono algorithms. */
#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

static int64_t clock_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * SL_TIME_S + t.tv_nsec;
}

int64_t sl_time_mono(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t sl_time_wall(void) { return clock_ns(CLOCK_REALTIME); }
int64_t sl_time_cpu(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

int64_t sl_time_days(int64_t year, int month, int day) {
  int64_t y = month <= 2 ? year - 1 : year;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t yoe = y - era * 400;
  int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void sl_time_date(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day) {
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  int month = (int)(mp < 10 ? mp + 3 : mp - 9);
  *ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
  *ret_month = month;
  *ret_year = yoe + era * 400 + (month <= 2);
}

const char *sl_time_iso(int64_t wall_ns, int digits, char *buf, size_t cap) {
  const int64_t day = 86400 * SL_TIME_S;
  int64_t days = wall_ns / day;
  int64_t rest = wall_ns % day;
  if (rest < 0) {
    rest += day;
    days--;
  }
  int64_t year;
  int month;
  int mday;
  sl_time_date(days, &year, &month, &mday);
  int64_t s = rest / SL_TIME_S;
  char fraction[12] = "";
  if (digits > 0) {
    if (digits > 9) digits = 9;
    snprintf(fraction, sizeof fraction, ".%09d", (int)(rest % SL_TIME_S));
    fraction[1 + digits] = '\0';
  }
  snprintf(buf, cap, "%04lld-%02d-%02dT%02d:%02d:%02d%sZ", (long long)year, month, mday, (int)(s / 3600),
           (int)(s / 60 % 60), (int)(s % 60), fraction);
  return buf;
}

/* Exactly n digits; moves *p. -1 if they are not there. */
static int number(const char **p, int n) {
  int v = 0;
  for (int i = 0; i < n; i++) {
    if ((*p)[i] < '0' || (*p)[i] > '9') return -1;
    v = v * 10 + ((*p)[i] - '0');
  }
  *p += n;
  return v;
}

static int month_days(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}

/* "[T ]07:05[:09[.123]]" */
static int time_of_day(const char **p, int64_t *ret_ns) {
  (*p)++;
  int h = number(p, 2);
  if (h < 0 || h > 23 || *(*p)++ != ':') return SL_EPARSE;
  int m = number(p, 2);
  if (m < 0 || m > 59) return SL_EPARSE;
  int64_t ns = ((int64_t)h * 3600 + m * 60) * SL_TIME_S;
  if (**p == ':') {
    (*p)++;
    int s = number(p, 2);
    if (s < 0 || s > 60) return SL_EPARSE;
    ns += s * SL_TIME_S;
    if (**p == '.' || **p == ',') {
      (*p)++;
      if (**p < '0' || **p > '9') return SL_EPARSE;
      for (int64_t unit = SL_TIME_S / 10; **p >= '0' && **p <= '9'; (*p)++, unit /= 10) ns += (**p - '0') * unit;
    }
  }
  *ret_ns = ns;
  return SL_OK;
}

/* "", "Z", "+07:00", "+0700", "+07" */
static int zone(const char **p, int64_t *ret_ns) {
  *ret_ns = 0;
  if (**p == 'Z' || **p == 'z') {
    (*p)++;
    return SL_OK;
  }
  if (**p != '+' && **p != '-') return SL_OK;
  int sign = *(*p)++ == '-' ? -1 : 1;
  int h = number(p, 2);
  if (**p == ':') (*p)++;
  int m = **p == '\0' ? 0 : number(p, 2);
  if (h < 0 || h > 23 || m < 0 || m > 59) return SL_EPARSE;
  *ret_ns = sign * ((int64_t)h * 3600 + m * 60) * SL_TIME_S;
  return SL_OK;
}

int sl_time_parse(const char *text, int64_t *ret_wall_ns) {
  const char *p = text;
  int year = number(&p, 4);
  if (year < 1678 || year > 2261 || *p++ != '-') return SL_EPARSE; /* what nanoseconds in 64 bits hold */
  int month = number(&p, 2);
  if (month < 1 || month > 12 || *p++ != '-') return SL_EPARSE;
  int day = number(&p, 2);
  if (day < 1 || day > month_days(year, month)) return SL_EPARSE;
  int64_t ns = 0;
  int64_t offset = 0;
  if (*p == 'T' || *p == 't' || *p == ' ') {
    if (time_of_day(&p, &ns) != SL_OK || zone(&p, &offset) != SL_OK) return SL_EPARSE;
  }
  if (*p != '\0') return SL_EPARSE;
  *ret_wall_ns = sl_time_days(year, month, day) * 86400 * SL_TIME_S + ns - offset;
  return SL_OK;
}
