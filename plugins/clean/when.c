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

int clean_when_real(int y, int m, int d) {
  return y >= 1900 && y <= 2199 && m >= 1 && m <= 12 && d >= 1 && d <= days_in(m, y);
}

/* A separator at *i that is `want`, or any of the usual ones when want is 0. Returns it, 0 if it is none. */
static char separator(const scan *c, size_t *i, char want) {
  if (*i >= c->n) return 0;
  char s = c->s[*i];
  if (want ? s != want : s != '/' && s != '-' && s != '.') return 0;
  (*i)++;
  return s;
}

/* Three numbers with one separator between them: first and last of 1 to 2 or 4 digits. 1 if they are there. */
static int triple(const scan *c, size_t *i, const unsigned width[3], int v[3]) {
  char sep = 0;
  for (int k = 0; k < 3; k++) {
    if (k > 0 && !(sep = separator(c, i, sep))) return 0;
    v[k] = number(c, i, width[k] == 4 ? 4 : 1, width[k]);
    if (v[k] < 0) return 0;
  }
  return 1;
}

/* Behind the word at s[k], with a space before it or not; k if it does not stand there. */
static size_t behind(const scan *c, size_t k, const char *word) {
  size_t n = strlen(word), at = k < c->n && c->s[k] == ' ' ? k + 1 : k;
  return c->n - at >= n && strncasecmp(c->s + at, word, n) == 0 ? at + n : k;
}

/* "15 tháng 9 năm 2025" */
static int in_words(const scan *c, size_t *i, int v[3]) {
  static const char *const before[] = {NULL, "tháng", "năm"};
  for (int k = 0; k < 3; k++) {
    if (before[k]) {
      size_t end = behind(c, *i, before[k]);
      if (end == *i || end >= c->n || c->s[end] != ' ') return 0;
      *i = end + 1;
    }
    v[k] = number(c, i, k == 2 ? 4 : 1, k == 2 ? 4 : 2);
    if (v[k] < 0) return 0;
  }
  return 1;
}

static int take_date(scan *c) {
  static const unsigned iso[3] = {4, 2, 2}, ours[3] = {2, 2, 4};
  size_t k = c->i;
  int v[3];
  if (c->have_date) return 0;
  if (triple(c, &k, iso, v)) {
    c->w.year = v[0];
    c->w.day = v[2];
  } else {
    k = c->i;
    if (!triple(c, &k, ours, v)) {
      k = c->i;
      if (!in_words(c, &k, v)) return 0;
    }
    c->w.year = v[2];
    c->w.day = v[0];
  }
  c->w.month = v[1];
  if (!clean_when_real(c->w.year, c->w.month, c->w.day)) return 0;
  c->have_date = 1;
  c->i = k;
  if (k < c->n && c->s[k] == 'T' && digit(c, k + 1)) c->i++;
  return 1;
}

/* What stands between hours and minutes: ":", "h", "giờ". */
static size_t behind_hours(const scan *c, size_t k) {
  if (k < c->n && (c->s[k] == ':' || ((c->s[k] | 0x20) == 'h' && digit(c, k + 1)))) return k + 1;
  size_t end = behind(c, k, "giờ");
  return end > k && end < c->n && c->s[end] == ' ' ? end + 1 : end;
}

/* ":05" or ":05.123" behind the minutes. */
static size_t behind_seconds(const scan *c, size_t k, int *ret_seconds) {
  if (k >= c->n || c->s[k] != ':') return k;
  size_t at = k + 1;
  int v = number(c, &at, 2, 2);
  if (v < 0 || v > 60) return k;
  *ret_seconds = v > 59 ? 59 : v;
  if (at < c->n && c->s[at] == '.') {
    for (at++; digit(c, at);) at++;
  }
  return at;
}

/* "AM", "SA" (morning), "PM", "CH" (afternoon) behind a time. */
static size_t behind_half(const scan *c, size_t k, int *hour) {
  size_t am = behind(c, k, "AM"), pm = behind(c, k, "PM");
  if (am == k) am = behind(c, k, "SA");
  if (pm == k) pm = behind(c, k, "CH");
  if (am > k) {
    *hour %= 12;
    return am;
  }
  if (pm > k) *hour = *hour % 12 + 12;
  return pm;
}

/* "10:30", "10:30:05", "10h30", "10 giờ 30 phút", with AM, PM, SA, CH behind. */
static int take_time(scan *c) {
  size_t k = c->i;
  int hour = c->have_time ? -1 : number(c, &k, 1, 2), minute, second = 0;
  if (hour < 0 || hour > 24) return 0;
  size_t at = behind_hours(c, k);
  if (at == k) return 0;
  k = at;
  minute = number(c, &k, 2, 2);
  if (minute < 0 || minute > 59) return 0;
  k = behind(c, behind_seconds(c, k, &second), "phút");
  k = behind_half(c, k, &hour);
  if (hour > 23) return 0;
  c->w.hour = hour;
  c->w.minute = minute;
  c->w.second = second;
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
  if (named) k += c->s[k + 3] == ' ' && c->n - k > 4 ? 4 : 3;
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

static int is_filler(char b) { return strchr(" ,|:-.()[]", b) != NULL && b != '\0'; }

size_t clean_when_read(const char *s, size_t n, clean_when *ret) {
  scan c = {.s = s, .n = n < 120 ? n : 120, .w = {.hour = -1, .zone = CLEAN_NO_ZONE}};
  size_t end = 0;
  if (!has_year(&c)) return 0;
  while (c.i < c.n) {
    if (take_zone(&c) || take_date(&c) || take_time(&c)) {
      end = c.i;
    } else if (is_filler(s[c.i])) {
      c.i++;
    } else if (!take_word(&c)) {
      break;
    }
  }
  if (!c.have_date) return 0;
  while (end < c.n && (s[end] == ')' || s[end] == ']')) end++;
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
