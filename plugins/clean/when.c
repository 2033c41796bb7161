/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of publication: see when.h. */
#include "when.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vi_text.h"

typedef struct scan {
  const char *s;
  size_t n, i;
  int have_date, have_time;
  clean_when w;
} scan;

static int digit(const scan *c, size_t i) { return i < c->n && c->s[i] >= '0' && c->s[i] <= '9'; }

/* Reads min..max digits at *i. -1 if there are fewer or more. */
static int number(const scan *c, size_t *i, unsigned min, unsigned max) {
  int v = 0;
  unsigned k = 0;
  while (k < max && digit(c, *i + k)) v = v * 10 + (c->s[*i + k++] - '0');
  if (k < min || digit(c, *i + k)) return -1;
  *i += k;
  return v;
}

static int days_in(int month, int year) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}

static int real(int y, int m, int d) {
  return y >= 1900 && y <= 2199 && m >= 1 && m <= 12 && d >= 1 && d <= days_in(m, y);
}

static int take_date(scan *c) {
  size_t i = c->i, k = i;
  int a, b, y;
  char sep;
  if (c->have_date) return 0;
  y = number(c, &k, 4, 4);
  if (y >= 0 && k < c->n && (c->s[k] == '-' || c->s[k] == '/')) {
    sep = c->s[k++];
    a = number(c, &k, 1, 2);
    if (a < 0 || k >= c->n || c->s[k] != sep) return 0;
    k++;
    b = number(c, &k, 1, 2);
  } else {
    k = i;
    b = number(c, &k, 1, 2);
    if (b < 0 || k >= c->n || (c->s[k] != '/' && c->s[k] != '-' && c->s[k] != '.')) return 0;
    sep = c->s[k++];
    a = number(c, &k, 1, 2);
    if (a < 0 || k >= c->n || c->s[k] != sep) return 0;
    k++;
    y = number(c, &k, 4, 4);
  }
  if (!real(y, a, b)) return 0;
  c->w.year = y;
  c->w.month = a;
  c->w.day = b;
  c->have_date = 1;
  c->i = k;
  if (k < c->n && c->s[k] == 'T' && digit(c, k + 1)) c->i++;
  return 1;
}

/* "10:30", "10:30:05", "10h30", "10 giờ 30 phút", with AM, PM, SA, CH behind. */
static int take_time(scan *c) {
  static const char hours[] = "giờ", minutes[] = "phút";
  size_t k = c->i;
  int h = c->have_time ? -1 : number(c, &k, 1, 2), m, sec = 0;
  if (h < 0 || h > 24 || k >= c->n) return 0;
  if (c->s[k] == ':' || ((c->s[k] | 0x20) == 'h' && digit(c, k + 1))) {
    k++;
  } else {
    if (c->s[k] == ' ') k++;
    if (c->n - k < sizeof hours || memcmp(c->s + k, hours, sizeof hours - 1) != 0) return 0;
    k += sizeof hours - 1;
    if (k < c->n && c->s[k] == ' ') k++;
  }
  m = number(c, &k, 2, 2);
  if (m < 0 || m > 59) return 0;
  if (k < c->n && c->s[k] == ':') {
    k++;
    sec = number(c, &k, 2, 2);
    if (sec < 0 || sec > 60) return 0;
    if (k < c->n && c->s[k] == '.') {
      for (k++; digit(c, k);) k++;
    }
  }
  if (c->n - k > sizeof minutes && memcmp(c->s + k + 1, minutes, sizeof minutes - 1) == 0) k += sizeof minutes;
  size_t z = k < c->n && c->s[k] == ' ' ? k + 1 : k;
  if (c->n - z >= 2 && (strncasecmp(c->s + z, "AM", 2) == 0 || strncasecmp(c->s + z, "SA", 2) == 0)) {
    h %= 12;
    k = z + 2;
  } else if (c->n - z >= 2 && (strncasecmp(c->s + z, "PM", 2) == 0 || strncasecmp(c->s + z, "CH", 2) == 0)) {
    h = h % 12 + 12;
    k = z + 2;
  }
  if (h > 23) return 0;
  c->w.hour = h;
  c->w.minute = m;
  c->w.second = sec > 59 ? 59 : sec;
  c->have_time = 1;
  c->i = k;
  return 1;
}

int clean_zone_read(const char *s, size_t n, int *ret) {
  scan c = {.s = s, .n = n};
  size_t i = 1;
  if (n == 1 && (s[0] == 'Z' || s[0] == 'z')) return *ret = 0, 0;
  if (n < 2 || (s[0] != '+' && s[0] != '-')) return -1;
  int h = -1, m = 0;
  if (digit(&c, 1) && digit(&c, 2)) {
    h = (s[1] - '0') * 10 + (s[2] - '0');
    i = 3;
  } else if (digit(&c, 1)) {
    h = s[1] - '0';
    i = 2;
  }
  if (i < n && s[i] == ':') i++;
  if (i < n) m = number(&c, &i, 2, 2);
  if (h < 0 || h > 14 || m < 0 || m > 59 || i != n) return -1;
  *ret = (s[0] == '-' ? -1 : 1) * (h * 60 + m);
  return 0;
}

/* "(GMT+7)", "UTC+7", "+07:00", "Z" behind a time. */
static int take_zone(scan *c) {
  size_t k = c->i;
  if (!c->have_time || c->w.zone != CLEAN_NO_ZONE) return 0;
  int named = c->n - k >= 4 && (strncasecmp(c->s + k, "GMT", 3) == 0 || strncasecmp(c->s + k, "UTC", 3) == 0);
  if (named) k += 3;
  size_t end = k;
  if (end < c->n && (c->s[end] == '+' || c->s[end] == '-')) {
    for (end++; end < c->n && (digit(c, end) || c->s[end] == ':');) end++;
  } else if (end < c->n && c->s[end] == 'Z') {
    end++;
  }
  if (clean_zone_read(c->s + k, end - k, &c->w.zone)) return 0;
  c->i = end;
  return 1;
}

/* Words that stand around a date of publication. */
static int take_word(scan *c) {
  static const char *const words[] = {"chủ nhật",  "chúa nhật", "cập nhật",  "cập nhập",  "xuất bản",  "đăng ngày",
                                      "ngày đăng", "đăng lúc",  "thời gian", "hà nội",    "phát hành", "ngày",
                                      "lúc",       "đăng",      "date",      "published", "updated"};
  static const char *const days[] = {"hai", "ba", "tư", "năm", "sáu", "bảy", "2", "3", "4", "5", "6", "7"};
  char folded[64], want[64];
  size_t take = c->n - c->i < 24 ? c->n - c->i : 24;
  while (take && c->i + take < c->n && ((unsigned char)c->s[c->i + take] & 0xC0) == 0x80) take--;
  size_t len = vi_fold_text(c->s + c->i, take, folded, sizeof folded);
  if (len == (size_t)-1) return 0;
  for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
    size_t raw = strlen(words[k]), wn = vi_fold_text(words[k], raw, want, sizeof want);
    if (wn > len || memcmp(folded, want, wn) != 0) continue;
    size_t end = c->i + raw;
    if (end < c->n && vi_is_letter(vi_peek(c->s, c->n, end))) continue;
    if (k < 2) c->w.weekday = 1;
    c->i = end < c->n ? end : c->n;
    return 1;
  }
  for (size_t k = 0; k < sizeof days / sizeof *days; k++) {
    char phrase[16];
    size_t raw = (size_t)snprintf(phrase, sizeof phrase, "thứ %s", days[k]);
    size_t wn = vi_fold_text(phrase, raw, want, sizeof want), end = c->i + raw;
    if (wn > len || memcmp(folded, want, wn) != 0 || end > c->n) continue;
    if (end < c->n && (vi_is_letter(vi_peek(c->s, c->n, end)) || digit(c, end))) continue;
    c->w.weekday = 1;
    c->i = end;
    return 1;
  }
  return 0;
}

/* Whether a year can stand near the start: most lines are dismissed here. */
static int has_year(const scan *c) {
  unsigned run = 0;
  for (size_t i = 0; i < c->n; i++) {
    run = digit(c, i) ? run + 1 : 0;
    if (run == 4) return 1;
  }
  return 0;
}

size_t clean_when_read(const char *s, size_t n, clean_when *ret) {
  scan c = {.s = s, .n = n < 120 ? n : 120, .w = {.hour = -1, .zone = CLEAN_NO_ZONE}};
  size_t end = 0;
  if (!has_year(&c)) return 0;
  int stray = 0; /* words since the last piece of the date: they count only if another piece follows */
  while (c.i < c.n) {
    char b = s[c.i];
    if (b == ' ' || b == ',' || b == '|' || b == ':' || b == '(' || b == '-' || b == '.') {
      if ((b != '-') || !take_zone(&c)) c.i++;
      if (b == '(') continue;
      continue;
    }
    if (b == ')') {
      c.i++;
      if (!stray && end) end = c.i;
      continue;
    }
    if (take_zone(&c) || take_date(&c) || take_time(&c)) {
      end = c.i;
      stray = 0;
    } else if (take_word(&c)) {
      stray = 1;
    } else {
      break;
    }
  }
  if (!c.have_date) return 0;
  while (end < c.n && s[end] == ')') end++;
  *ret = c.w;
  return end;
}

void clean_when_print(const clean_when *w, int zone, char out[CLEAN_WHEN_MAX]) {
  int n = snprintf(out, CLEAN_WHEN_MAX, "%04d-%02d-%02d", w->year % 10000, w->month % 100, w->day % 100);
  if (w->hour < 0 || n != 10) return;
  int off = w->zone != CLEAN_NO_ZONE ? w->zone : zone;
  n += snprintf(out + n, CLEAN_WHEN_MAX - 10, "T%02d:%02d:%02d", w->hour % 100, w->minute % 100, w->second % 100);
  if (off == CLEAN_NO_ZONE) return;
  int a = off < 0 ? -off : off;
  snprintf(out + n, (size_t)(CLEAN_WHEN_MAX - n), "%c%02d:%02d", off < 0 ? '-' : '+', a / 60 % 100, a % 60);
}
