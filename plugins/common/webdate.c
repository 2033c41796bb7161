/* SPDX-License-Identifier: Apache-2.0 */
/* Dates as feeds and sitemaps write them. */
#include "webdate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sluice/plugin.h>

#define TEXT_MAX 120u

typedef struct parts {
  int year, month, day;
  int hour, minute, second;
  int half; /* 1: AM, 2: PM */
  bool has_time, has_zone, month_named;
  int32_t zone;
  int numbers[4]; /* that are not placed yet */
  int digits[4];
  int n_numbers;
  char separator; /* between them */
} parts;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80; }

/* A number of at most nine digits from *s; its digits in *ret_digits. */
static int take_number(const char **s, const char *end, int *ret_digits) {
  int v = 0, n = 0;
  while (*s < end && is_digit(**s)) {
    if (n < 9) v = v * 10 + (**s - '0');
    n++;
    (*s)++;
  }
  *ret_digits = n;
  return v;
}

/* ---- zones ------------------------------------------------------------------------------------------------------- */

static bool named_zone(const char *s, size_t n, int32_t *ret) {
  static const struct {
    const char *name;
    int16_t minutes;
  } zones[] = {{"z", 0},      {"gmt", 0},     {"ut", 0},      {"utc", 0},    {"wet", 0},    {"est", -300},
               {"edt", -240}, {"cst", -360},  {"cdt", -300},  {"mst", -420}, {"mdt", -360}, {"pst", -480},
               {"pdt", -420}, {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"ast", -240}, {"adt", -180},
               {"bst", 60},   {"cet", 60},    {"cest", 120},  {"eet", 120},  {"eest", 180}, {"west", 60},
               {"msk", 180},  {"ict", 420},   {"wib", 420},   {"hkt", 480},  {"sgt", 480},  {"jst", 540},
               {"kst", 540},  {"aest", 600},  {"aedt", 660},  {"nzst", 720}, {"nzdt", 780}};
  for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
    if (strlen(zones[i].name) == n && strncasecmp(zones[i].name, s, n) == 0) {
      *ret = zones[i].minutes;
      return true;
    }
  return false;
}

/* "+07:00", "+0700", "+7", "+07" at *s. */
static bool signed_zone(const char **s, const char *end, int32_t *ret) {
  const char *at = *s;
  int sign = *at == '-' ? -1 : 1, digits, minutes = 0;
  at++;
  int hours = take_number(&at, end, &digits);
  if (digits == 4) {
    minutes = hours % 100;
    hours /= 100;
  } else if (digits < 1 || digits > 2) {
    return false;
  } else if (at + 2 < end + 0 && *at == ':' && is_digit(at[1])) {
    at++;
    minutes = take_number(&at, end, &digits);
  }
  if (hours > 14 || minutes > 59) return false;
  *ret = sign * (hours * 60 + minutes);
  *s = at;
  return true;
}

int webdate_zone(const char *s, size_t n, int32_t *ret) {
  const char *end = s + n, *at = s;
  int32_t zone = 0;
  while (at < end && is_letter(*at)) at++;
  if (at > s && !named_zone(s, (size_t)(at - s), &zone)) return SL_EPARSE;
  if (at == s && at < end && is_digit(*at)) {
    char text[16] = "+";
    if (n > sizeof text - 2) return SL_EPARSE;
    memcpy(text + 1, s, n);
    return webdate_zone(text, n + 1, ret);
  }
  if (at < end && (*at == '+' || *at == '-') && !signed_zone(&at, end, &zone)) return SL_EPARSE;
  if (at != end || n == 0) return SL_EPARSE;
  *ret = zone;
  return 0;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static int month_of(const char *s, size_t n) {
  static const char names[12][4] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  for (int i = 0; i < 12 && n >= 3; i++)
    if (strncasecmp(names[i], s, 3) == 0) return i + 1;
  return 0;
}

static bool word_is(const char *s, size_t n, const char *word) {
  return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

/* A word at *s: month, half of the day, zone; anything else is passed over. */
static void take_word(const char **s, const char *end, parts *p) {
  const char *from = *s;
  while (*s < end && is_letter(**s)) (*s)++;
  size_t n = (size_t)(*s - from);
  if (word_is(from, n, "AM") || word_is(from, n, "SA")) {
    p->half = 1;
  } else if (word_is(from, n, "PM") || word_is(from, n, "CH")) {
    p->half = 2;
  } else if (word_is(from, n, "T") || word_is(from, n, "th")) {
    /* "T" of ISO 8601, "21th" */
  } else if (p->has_time && named_zone(from, n, &p->zone)) {
    p->has_zone = true;
  } else if (named_zone(from, n, &p->zone) && n == 3 && *s < end && (**s == '+' || **s == '-')) {
    p->has_zone = true;
  } else if (p->month == 0 && month_of(from, n)) {
    p->month = month_of(from, n);
    p->month_named = true;
  }
}

/* hh:mm[:ss[.f]] whose hour was read. */
static bool take_time(const char **s, const char *end, int hour, parts *p) {
  int digits;
  (*s)++;
  p->hour = hour;
  p->minute = take_number(s, end, &digits);
  if (digits < 1 || digits > 2) return false;
  if (*s + 1 < end && **s == ':' && is_digit((*s)[1])) {
    (*s)++;
    p->second = take_number(s, end, &digits);
    if (digits > 2) return false;
    if (*s + 1 < end && (**s == '.' || **s == ',') && is_digit((*s)[1])) {
      (*s)++;
      take_number(s, end, &digits);
    }
  }
  p->has_time = true;
  return true;
}

/* Eight digits are a date, six behind them a time: 20250821T103000. */
static bool compact(int value, int digits, parts *p) {
  if (digits == 8 && p->n_numbers == 0 && p->year == 0) {
    p->year = value / 10000;
    p->month = value / 100 % 100;
    p->day = value % 100;
    return true;
  }
  if (digits == 6 && p->year && p->day && !p->has_time) {
    p->hour = value / 10000;
    p->minute = value / 100 % 100;
    p->second = value % 100;
    p->has_time = true;
    return true;
  }
  return false;
}

static bool take_digits(const char **s, const char *end, parts *p) {
  int digits, value = take_number(s, end, &digits);
  if (*s + 1 < end && **s == ':' && digits <= 2 && is_digit((*s)[1]) && !p->has_time)
    return take_time(s, end, value, p);
  if (compact(value, digits, p)) return true;
  if (p->n_numbers == 4 || digits > 4) return false;
  p->numbers[p->n_numbers] = value;
  p->digits[p->n_numbers++] = digits;
  if (*s + 1 < end && (**s == '/' || **s == '-' || **s == '.') && is_digit((*s)[1]) && !p->separator)
    p->separator = **s;
  return true;
}

/* ---- putting it together ----------------------------------------------------------------------------------------- */

static int full_year(int value, int digits) { return digits > 2 ? value : value < 70 ? 2000 + value : 1900 + value; }

/* Which number is day, month, year. */
static bool place_numbers(parts *p) {
  const int *v = p->numbers, *d = p->digits;
  if (p->year) return p->n_numbers == 0;
  if (p->month_named) {
    if (p->n_numbers != 2) return false;
    int y = d[0] > 2 ? 0 : 1; /* "2025 Aug 21" */
    p->year = full_year(v[y], d[y]);
    p->day = v[1 - y];
    return true;
  }
  if (p->n_numbers > 0 && d[0] == 4) {
    p->year = v[0];
    p->month = p->n_numbers > 1 ? v[1] : 1;
    p->day = p->n_numbers > 2 ? v[2] : 1;
    return p->n_numbers <= 3;
  }
  if (p->n_numbers != 3 || d[2] == 3) return false;
  bool american =
      (v[1] > 12 && v[0] <= 12) || (p->half && p->separator == '/' && v[0] <= 12 && v[1] <= 12 && p->half < 3);
  p->day = american ? v[1] : v[0];
  p->month = american ? v[0] : v[1];
  p->year = full_year(v[2], d[2]);
  return true;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar (H. Hinnant, chrono-compatible date algorithms). */
static int64_t days_of(int y, int m, int d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_of(int64_t days, int *y, int *m, int *d) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  *d = (int)(doy - (153 * mp + 2) / 5 + 1);
  *m = (int)(mp < 10 ? mp + 3 : mp - 9);
  *y = (int)(yoe + era * 400 + (*m <= 2));
}

static bool in_range(const parts *p) {
  static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (p->year < 1900 || p->year > 2199 || p->month < 1 || p->month > 12 || p->day < 1 || p->day > lengths[p->month - 1])
    return false;
  return p->hour <= 24 && p->minute <= 59 && p->second <= 60;
}

static int finish(parts *p, int32_t zone_missing, webdate *ret) {
  if (!place_numbers(p)) return SL_EPARSE;
  if (p->half == 2 && p->hour < 12) p->hour += 12;
  if (p->half == 1 && p->hour == 12) p->hour = 0;
  if (!in_range(p)) return SL_EPARSE;
  int32_t zone = p->has_zone ? p->zone : zone_missing;
  *ret = (webdate){.offset = zone, .has_time = p->has_time, .has_zone = p->has_zone};
  ret->seconds =
      days_of(p->year, p->month, p->day) * 86400 + p->hour * 3600 + p->minute * 60 + p->second - (int64_t)zone * 60;
  return 0;
}

/* Ten digits alone are seconds, thirteen milliseconds. */
static bool since_1970(const char *s, const char *end, webdate *ret) {
  int64_t v = 0;
  size_t n = (size_t)(end - s);
  if (n != 10 && n != 13) return false;
  for (const char *at = s; at < end; at++) {
    if (!is_digit(*at)) return false;
    v = v * 10 + (*at - '0');
  }
  *ret = (webdate){.seconds = n == 13 ? v / 1000 : v, .has_time = true, .has_zone = true};
  return true;
}

/* A sign is one of a zone behind a time or behind "GMT". */
static bool zone_here(const char *s, const char *start, const char *end, const parts *p) {
  if (s + 1 >= end || !is_digit(s[1])) return false;
  return p->has_time || (p->has_zone && s > start && is_letter(s[-1]));
}

int webdate_parse(const char *s, size_t n, int32_t zone_missing, webdate *ret) {
  const char *end = s + n;
  parts p = {0};
  while (s < end && (unsigned char)*s <= ' ') s++;
  while (end > s && (unsigned char)end[-1] <= ' ') end--;
  if (s == end || (size_t)(end - s) > TEXT_MAX) return SL_EPARSE;
  if (since_1970(s, end, ret)) return 0;
  for (const char *start = s; s < end;) {
    if (is_digit(*s)) {
      if (!take_digits(&s, end, &p)) return SL_EPARSE;
    } else if ((*s == '+' || *s == '-') && zone_here(s, start, end, &p)) {
      /* "GMT+0700": the name says nothing beside the number. */
      if (!signed_zone(&s, end, &p.zone)) return SL_EPARSE;
      p.has_zone = true;
    } else if (is_letter(*s)) {
      take_word(&s, end, &p);
    } else {
      s++;
    }
  }
  return finish(&p, zone_missing, ret);
}

void webdate_text(const webdate *d, char out[WEBDATE_TEXT]) {
  int64_t local = d->seconds + (int64_t)d->offset * 60;
  int64_t days = local / 86400, rest = local % 86400;
  int y, m, day, zone = d->offset < 0 ? -d->offset : d->offset;
  if (rest < 0) {
    rest += 86400;
    days--;
  }
  date_of(days, &y, &m, &day);
  int at = snprintf(out, WEBDATE_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d", y % 10000, m % 100, day % 100,
                    (int)(rest / 3600) % 100, (int)(rest / 60 % 60), (int)(rest % 60));
  if (at > 0 && at < WEBDATE_TEXT - 8)
    (void)snprintf(out + at, WEBDATE_TEXT - (size_t)at, "%c%02d:%02d", d->offset < 0 ? '-' : '+', zone / 60 % 100,
                   zone % 60);
}
