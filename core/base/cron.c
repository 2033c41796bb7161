/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions: five sets of numbers, and the search for the next minute that is in all of them. */
#include "base/cron.h"

#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/zone.h"

#define DAY 86400
#define MOST_DAYS 3653 /* ten years */

typedef struct field {
  const char *name;
  int low, high;
  const char *words; /* three letters each, from `low` on */
} field;

static const field fields[] = {{"minute", 0, 59, NULL},
                               {"hour", 0, 23, NULL},
                               {"day of the month", 1, 31, NULL},
                               {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                               {"day of the week", 0, 7, "sunmontuewedthufrisat"}};
#define N_FIELDS 5

struct sl_cron {
  uint64_t sets[N_FIELDS]; /* bit n: the number n is in it */
  int star_day, star_weekday;
  sl_zone *zone;
};

/* ---- reading ---------------------------------------------------------------------------------- */

static int bad(const field *f, const char *text, size_t len, sl_err *err) {
  sl_err_set(err, SL_EINVAL, "%s: expected %d to %d%s, a range, a list, a step or *, found \"%.*s\"", f->name, f->low,
             f->high, f->words ? " or a name" : "", (int)(len > 80 ? 80 : len), text);
  if (f->words) sl_err_hint(err, "names are the first three letters in English: %.3s, %.3s", f->words, f->words + 3);
  return SL_EINVAL;
}

/* A number or a name at text[0..len). */
static int value(const field *f, const char *text, size_t len, int *ret) {
  if (f->words && len == 3) {
    for (int i = 0; f->words[(size_t)i * 3]; i++) {
      const char *w = f->words + (size_t)i * 3;
      if ((text[0] | 0x20) != w[0] || (text[1] | 0x20) != w[1] || (text[2] | 0x20) != w[2]) continue;
      *ret = f->low + i;
      return 0;
    }
  }
  if (len < 1 || len > 3 || strspn(text, "0123456789") < len) return SL_EINVAL;
  int n = 0;
  for (size_t i = 0; i < len; i++) n = n * 10 + (text[i] - '0');
  if (n < f->low || n > f->high) return SL_EINVAL;
  *ret = n;
  return 0;
}

/* a or a-b. *ret_single: 1 for a. */
static int range(const field *f, const char *text, size_t head, int bounds[2], int *ret_single, sl_err *err) {
  const char *dash = memchr(text, '-', head);
  size_t first = dash ? (size_t)(dash - text) : head;
  if (value(f, text, first, &bounds[0])) return bad(f, text, head, err);
  bounds[1] = bounds[0];
  *ret_single = !dash;
  if (dash && value(f, dash + 1, head - first - 1, &bounds[1])) return bad(f, text, head, err);
  if (dash && bounds[1] == 0 && f->high == 7) bounds[1] = 7; /* fri-sun */
  if (bounds[1] >= bounds[0]) return 0;
  sl_err_set(err, SL_EINVAL, "%s: the range \"%.*s\" runs backwards", f->name, (int)head, text);
  sl_err_hint(err, "write two ranges: %d-%d,%d-%d", bounds[0], f->high == 7 ? 6 : f->high, f->low, bounds[1]);
  return SL_EINVAL;
}

/* One item of a list: *, n, a-b, with a step. */
static int item(const field *f, const char *text, size_t len, uint64_t *set, sl_err *err) {
  const char *slash = memchr(text, '/', len);
  size_t head = slash ? (size_t)(slash - text) : len;
  int bounds[2] = {f->low, f->high}, step = 1, single = 0;
  int all = head == 1 && *text == '*';
  int rc = all ? 0 : range(f, text, head, bounds, &single, err);
  if (rc) return rc;
  if (slash) {
    static const field steps = {"step", 1, 999, NULL};
    if (value(&steps, slash + 1, len - head - 1, &step) || step > f->high) return bad(f, text, len, err);
    if (single) {
      sl_err_set(err, SL_EINVAL, "%s: a step needs a range, found \"%.*s\"", f->name, (int)len, text);
      sl_err_hint(err, "write %d-%d/%d", bounds[0], f->high == 7 ? 6 : f->high, step);
      return SL_EINVAL;
    }
  }
  if (f->high == 7 && all) bounds[1] = 6;
  for (int n = bounds[0]; n <= bounds[1]; n += step) *set |= (uint64_t)1 << (f->high == 7 ? n % 7 : n);
  return 0;
}

static int read_field(const field *f, const char *text, size_t len, uint64_t *set, sl_err *err) {
  const char *at = text;
  size_t left = len;
  for (;;) {
    const char *comma = memchr(at, ',', left);
    size_t n = comma ? (size_t)(comma - at) : left;
    int rc = n ? item(f, at, n, set, err) : bad(f, text, len, err);
    if (rc || !comma) return rc;
    left -= n + 1;
    at = comma + 1;
  }
}

static int macro(const char **expression, sl_err *err) {
  static const char *const names[][2] = {
      {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
      {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(*expression, names[i][0]) != 0) continue;
    *expression = names[i][1];
    return 0;
  }
  return sl_err_set(err, SL_EINVAL, "expected @hourly, @daily, @weekly, @monthly or @yearly, found \"%.80s\"",
                    *expression);
}

static int read_all(const char *expression, sl_cron *c, sl_err *err) {
  if (*expression == '@') {
    int rc = macro(&expression, err);
    if (rc) return rc;
  }
  const char *p = expression + strspn(expression, " \t");
  for (int i = 0; i < N_FIELDS; i++) {
    size_t len = strcspn(p, " \t");
    if (!len) {
      sl_err_set(err, SL_EINVAL, "expected five fields, found %d in \"%.80s\"", i, expression);
      sl_err_hint(err, "minute, hour, day of the month, month, day of the week: 30 6 * * mon-fri");
      return SL_EINVAL;
    }
    if (i == 2) c->star_day = *p == '*';
    if (i == 4) c->star_weekday = *p == '*';
    int rc = read_field(&fields[i], p, len, &c->sets[i], err);
    if (rc) return rc;
    p += len + strspn(p + len, " \t");
  }
  if (!*p) return 0;
  sl_err_set(err, SL_EINVAL, "expected five fields, found more: \"%.80s\"", p);
  sl_err_hint(err, "minute, hour, day of the month, month, day of the week: there are no seconds and no years");
  return SL_EINVAL;
}

int sl_cron_new(const char *expression, const char *zone, sl_cron **ret, sl_err *err) {
  sl_cron *c = sl_mem_calloc(1, sizeof *c);
  if (!c) return sl_err_set(err, SL_ENOMEM, "memory is out");
  int rc = read_all(expression, c, err);
  if (!rc) rc = sl_zone_new(zone, &c->zone, err);
  if (rc) {
    sl_cron_free(c);
    return rc;
  }
  *ret = c;
  return 0;
}

void sl_cron_free(sl_cron *c) {
  if (!c) return;
  sl_zone_free(c->zone);
  sl_mem_free(c);
}

/* ---- the next moment -------------------------------------------------------------------------- */

static int has(uint64_t set, int n) { return (set >> n & 1) != 0; }

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int is_day(const sl_cron *c, int64_t days) {
  int64_t year;
  int month, day;
  sl_time_date(days, &year, &month, &day);
  if (!has(c->sets[3], month)) return 0;
  int by_day = has(c->sets[2], day);
  int by_weekday = has(c->sets[4], (int)(((days + 4) % 7 + 7) % 7)); /* 1970-01-01 was a Thursday */
  return c->star_day || c->star_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* The first minute of the day from `minute` on whose moment is after now, or -1. Moments never fall as local times
 * grow. */
static int64_t in_day(const sl_cron *c, int64_t days, int minute, int64_t now) {
  for (; minute < DAY / 60; minute++) {
    if (!has(c->sets[1], minute / 60)) {
      minute = minute / 60 * 60 + 59;
      continue;
    }
    if (!has(c->sets[0], minute % 60)) continue;
    int64_t t = sl_zone_moment(c->zone, days * DAY + minute * 60);
    if (t > now) return t;
  }
  return -1;
}

int64_t sl_cron_next(const sl_cron *c, int64_t now) {
  int64_t s = floor_div(now, SL_TIME_S), until;
  int64_t local = s + sl_zone_offset(c->zone, s, &until);
  int64_t today = floor_div(local, DAY);
  int minute = (int)((local - today * DAY) / 60);
  for (int64_t d = today; d <= today + MOST_DAYS; d++) {
    int64_t t = is_day(c, d) ? in_day(c, d, d == today ? minute : 0, s) : -1;
    if (t >= 0) return t * SL_TIME_S;
  }
  return -1;
}
