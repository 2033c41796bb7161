/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: TZif files and the rules of POSIX that they end with. */
#include "base/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/time.h"

#define DAY 86400
/* No offset of RFC 8536 is as large. */
#define MOST_OFFSET (26 * 3600)
#define MOST_FILE ((size_t)1 << 20)
/* Some files begin with the Big Bang. */
#define MOST_TIME ((int64_t)1 << 60)

/* A day of the year on which the clock changes, and the second of that day. */
typedef struct change {
  char kind; /* 'J': 1..365, never counting 29 February; 'N': 0..365; 'M' */
  int month, week, day;
  int32_t time;
} change;

typedef struct rule {
  int32_t std, dst;
  int has_dst;
  change begin, end; /* of summer time */
} rule;

struct sl_zone {
  uint32_t n;
  int64_t *at; /* offset[i] holds from at[i]; before at[0]: first */
  int32_t *offset;
  int32_t first;
  int has_rule; /* what holds after the last change */
  rule rule;
};

/* ---- rules ------------------------------------------------------------------------------------ */

static int number(const char **p, int most, int *ret) {
  int n = 0;
  const char *at = *p;
  if (*at < '0' || *at > '9') return SL_EPARSE;
  for (; *at >= '0' && *at <= '9'; at++)
    if ((n = n * 10 + (*at - '0')) > most) return SL_EPARSE;
  *p = at;
  *ret = n;
  return 0;
}

/* hh[:mm[:ss]] with a sign. */
static int clock_time(const char **p, int most_hours, int32_t *ret) {
  int sign = 1, h = 0, m = 0, s = 0;
  if (**p == '+' || **p == '-') sign = *(*p)++ == '-' ? -1 : 1;
  if (number(p, most_hours, &h)) return SL_EPARSE;
  if (**p == ':') {
    ++*p;
    if (number(p, 59, &m)) return SL_EPARSE;
    if (**p == ':') {
      ++*p;
      if (number(p, 59, &s)) return SL_EPARSE;
    }
  }
  *ret = sign * (h * 3600 + m * 60 + s);
  return 0;
}

static int zone_name(const char **p) {
  const char *at = *p;
  if (*at == '<') {
    const char *end = strchr(at, '>');
    if (!end) return SL_EPARSE;
    *p = end + 1;
    return 0;
  }
  while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')) at++;
  if (at - *p < 3) return SL_EPARSE;
  *p = at;
  return 0;
}

static int read_change(const char **p, change *ret) {
  ret->time = 2 * 3600;
  ret->kind = 'N';
  if (**p == 'M') {
    ret->kind = 'M';
    ++*p;
    if (number(p, 12, &ret->month) || ret->month < 1 || *(*p)++ != '.') return SL_EPARSE;
    if (number(p, 5, &ret->week) || ret->week < 1 || *(*p)++ != '.') return SL_EPARSE;
    if (number(p, 6, &ret->day)) return SL_EPARSE;
  } else {
    if (**p == 'J') {
      ret->kind = 'J';
      ++*p;
    }
    if (number(p, 365, &ret->day) || (ret->kind == 'J' && ret->day < 1)) return SL_EPARSE;
  }
  if (**p != '/') return 0;
  ++*p;
  return clock_time(p, 167, &ret->time);
}

static int read_rule(const char *text, rule *ret) {
  const char *p = text;
  *ret = (rule){0};
  if (zone_name(&p) || clock_time(&p, 24, &ret->std)) return SL_EPARSE;
  ret->std = -ret->std; /* POSIX counts westwards */
  if (!*p) return 0;
  if (zone_name(&p)) return SL_EPARSE;
  ret->has_dst = 1;
  ret->dst = ret->std + 3600;
  if (*p && *p != ',') {
    if (clock_time(&p, 24, &ret->dst)) return SL_EPARSE;
    ret->dst = -ret->dst;
  }
  if (!*p) p = ",M3.2.0,M11.1.0"; /* what the C library takes */
  if (*p++ != ',' || read_change(&p, &ret->begin)) return SL_EPARSE;
  if (*p++ != ',' || read_change(&p, &ret->end)) return SL_EPARSE;
  return *p ? SL_EPARSE : 0;
}

static int is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* The local second at which it happens in a year. */
static int64_t change_in(const change *c, int64_t year) {
  int64_t day;
  if (c->kind == 'M') {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t first = sl_time_days(year, c->month, 1);
    int weekday = (int)(((first + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    int nth = (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
    int length = lengths[c->month - 1] + (c->month == 2 && is_leap(year));
    day = first + (nth >= length ? nth - 7 : nth);
  } else {
    day = sl_time_days(year, 1, 1) + c->day - (c->kind == 'J');
    if (c->kind == 'J' && is_leap(year) && c->day >= 60) day++;
  }
  return day * DAY + c->time;
}

static int32_t rule_offset(const rule *r, int64_t t, int64_t *ret_until) {
  *ret_until = INT64_MAX;
  if (!r->has_dst || r->std == r->dst) return r->std;
  int64_t year;
  int month, day;
  int64_t local = t + r->std;
  sl_time_date(local >= 0 ? local / DAY : -((DAY - 1 - local) / DAY), &year, &month, &day);
  int64_t last = INT64_MIN;
  int32_t offset = r->std;
  for (int64_t y = year - 1; y <= year + 1; y++) {
    int64_t begin = change_in(&r->begin, y) - r->std, end = change_in(&r->end, y) - r->dst;
    /* At the same moment (summer time all the year) summer time wins. */
    if (end <= t && end > last) {
      last = end;
      offset = r->std;
    }
    if (begin <= t && begin >= last) {
      last = begin;
      offset = r->dst;
    }
    if (begin > t && begin < *ret_until) *ret_until = begin;
    if (end > t && end < *ret_until) *ret_until = end;
  }
  return offset;
}

int sl_zone_rule(const char *text, sl_zone **ret, sl_err *err) {
  sl_zone *z = sl_mem_calloc(1, sizeof *z);
  if (!z) return sl_err_set(err, SL_ENOMEM, "memory is out");
  if (read_rule(text, &z->rule)) {
    sl_mem_free(z);
    return sl_err_set(err, SL_EPARSE, "expected a rule like CET-1CEST,M3.5.0,M10.5.0/3, found \"%.80s\"", text);
  }
  z->has_rule = 1;
  z->first = z->rule.std;
  *ret = z;
  return 0;
}

/* ---- TZif ------------------------------------------------------------------------------------- */

typedef struct head {
  uint32_t utc, std, leap, time, type, chars;
} head;

static uint32_t be32(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static int64_t be64(const unsigned char *p) { return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4)); }

/* Bytes of a block with its header, 0 if it does not fit. */
static size_t block(const unsigned char *p, size_t len, size_t wide, head *ret) {
  if (len < 44 || memcmp(p, "TZif", 4) != 0) return 0;
  *ret = (head){be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40)};
  if (ret->utc > len || ret->std > len || ret->leap > len || ret->time > len || ret->type > len || ret->chars > len)
    return 0;
  size_t size =
      44 + ret->time * (wide + 1) + (size_t)ret->type * 6 + ret->chars + ret->leap * (wide + 4) + ret->std + ret->utc;
  return size <= len ? size : 0;
}

static int read_block(const unsigned char *p, const head *h, size_t wide, sl_zone *z) {
  const unsigned char *times = p + 44, *index = times + h->time * wide, *types = index + h->time;
  if (!h->type || h->type > 256) return SL_EPARSE;
  z->at = sl_mem_calloc(h->time + 1, sizeof *z->at);
  z->offset = sl_mem_calloc(h->time + 1, sizeof *z->offset);
  if (!z->at || !z->offset) return SL_ENOMEM;
  z->first = (int32_t)be32(types);
  for (uint32_t i = 0; i < h->type; i++) {
    int32_t offset = (int32_t)be32(types + (size_t)i * 6);
    if (offset < -MOST_OFFSET || offset > MOST_OFFSET) return SL_EPARSE;
  }
  for (uint32_t i = 0; i < h->time; i++) {
    int64_t at = wide == 8 ? be64(times + (size_t)i * 8) : (int32_t)be32(times + (size_t)i * 4);
    if (index[i] >= h->type || at < -MOST_TIME || at > MOST_TIME || (z->n && at <= z->at[z->n - 1])) return SL_EPARSE;
    z->at[z->n] = at;
    z->offset[z->n++] = (int32_t)be32(types + (size_t)index[i] * 6);
  }
  return 0;
}

/* The text between the two line breaks at the end. */
static int read_footer(const unsigned char *p, size_t len, sl_zone *z) {
  char text[128];
  const unsigned char *end = len > 1 && *p == '\n' ? memchr(p + 1, '\n', len - 1) : NULL;
  if (!end || (size_t)(end - p) > sizeof text || memchr(p + 1, 0, (size_t)(end - p) - 1)) return SL_EPARSE;
  size_t n = (size_t)(end - p) - 1;
  if (!n) return 0;
  memcpy(text, p + 1, n);
  text[n] = 0;
  z->has_rule = 1;
  return read_rule(text, &z->rule);
}

static int read_file(const unsigned char *p, size_t len, sl_zone *z) {
  head h;
  size_t size = block(p, len, 4, &h);
  if (!size) return SL_EPARSE;
  if (p[4] < '2') return h.leap ? SL_EUNSUP : read_block(p, &h, 4, z);
  p += size;
  len -= size;
  size = block(p, len, 8, &h);
  if (!size) return SL_EPARSE;
  if (h.leap) return SL_EUNSUP;
  int rc = read_block(p, &h, 8, z);
  return rc ? rc : read_footer(p + size, len - size, z);
}

int sl_zone_parse(const void *data, size_t len, sl_zone **ret, sl_err *err) {
  sl_zone *z = sl_mem_calloc(1, sizeof *z);
  int rc = z ? read_file(data, len, z) : SL_ENOMEM;
  if (!rc) {
    *ret = z;
    return 0;
  }
  sl_zone_free(z);
  if (rc == SL_ENOMEM) return sl_err_set(err, rc, "memory is out");
  if (rc == SL_EUNSUP) return sl_err_set(err, rc, "time zones that count leap seconds are not supported");
  return sl_err_set(err, rc, "not a time zone file (TZif), or a damaged one");
}

/* ---- names ------------------------------------------------------------------------------------ */

static int fixed(int32_t offset, sl_zone **ret, sl_err *err) {
  sl_zone *z = sl_mem_calloc(1, sizeof *z);
  if (!z) return sl_err_set(err, SL_ENOMEM, "memory is out");
  z->first = offset;
  *ret = z;
  return 0;
}

/* "+07:00", "-0330", "+7": 0 if it is an offset. */
static int read_offset(const char *text, int32_t *ret) {
  if (*text != '+' && *text != '-') return SL_EINVAL;
  const char *p = text + 1;
  int h = 0, m = 0;
  size_t digits = strspn(p, "0123456789");
  if (digits == 4 && !p[4]) {
    h = (p[0] - '0') * 10 + p[1] - '0';
    m = (p[2] - '0') * 10 + p[3] - '0';
  } else {
    if (digits < 1 || digits > 2 || number(&p, 99, &h)) return SL_EINVAL;
    if (*p && (*p++ != ':' || strspn(p, "0123456789") != 2 || number(&p, 99, &m) || *p)) return SL_EINVAL;
  }
  if (h > 14 || m > 59 || (h == 14 && m)) return SL_EINVAL;
  *ret = (*text == '-' ? -1 : 1) * (h * 3600 + m * 60);
  return 0;
}

static int load(const char *path, sl_zone **ret, sl_err *err) {
  char *data = NULL;
  size_t len = 0;
  int rc = sl_path_read(path, MOST_FILE, &data, &len, err);
  if (rc) return rc;
  rc = sl_zone_parse(data, len, ret, err);
  sl_mem_free(data);
  return rc ? sl_err_prefix(err, "%s", path) : 0;
}

static int is_zone_name(const char *name) {
  if (!*name || *name == '/' || *name == '.' || strlen(name) > 100 || strstr(name, "..")) return 0;
  for (const char *p = name; *p; p++) {
    int letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
    if (!letter && !strchr("/_+-", *p)) return 0;
  }
  return 1;
}

static int named(const char *name, sl_zone **ret, sl_err *err) {
  const char *dir = getenv("TZDIR");
  char *path = sl_path_join(dir && *dir ? dir : "/usr/share/zoneinfo", name);
  if (!path) return sl_err_set(err, SL_ENOMEM, "memory is out");
  int rc = sl_path_is_dir(path) ? SL_ENOTFOUND : load(path, ret, err);
  sl_mem_free(path);
  if (rc != SL_ENOTFOUND) return rc;
  int none = !sl_path_is_dir(dir && *dir ? dir : "/usr/share/zoneinfo");
  sl_err_set(err, SL_ENOTFOUND, "there is no time zone \"%s\"%s", name, none ? ": this system has none at all" : "");
  sl_err_hint(err, none ? "install the package tzdata, or write an offset as in +07:00"
                        : "write a name as in Asia/Ho_Chi_Minh, or an offset as in +07:00");
  return SL_ENOTFOUND;
}

/* As the C library does: TZ may be a name, a path or a rule. */
static int own(sl_zone **ret, sl_err *err) {
  const char *tz = getenv("TZ");
  if (!tz) {
    int rc = load("/etc/localtime", ret, err);
    return rc == SL_ENOTFOUND ? fixed(0, ret, err) : rc;
  }
  if (*tz == ':') tz++;
  if (!*tz) return fixed(0, ret, err);
  if (*tz == '/') return load(tz, ret, err);
  if (sl_zone_rule(tz, ret, NULL) == 0) return 0;
  return sl_zone_new(tz, ret, err) ? sl_err_prefix(err, "TZ") : 0;
}

int sl_zone_new(const char *name, sl_zone **ret, sl_err *err) {
  int32_t offset = 0;
  if (!name) return own(ret, err);
  if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0) return fixed(0, ret, err);
  if (read_offset(name, &offset) == 0) return fixed(offset, ret, err);
  if (is_zone_name(name)) return named(name, ret, err);
  sl_err_set(err, SL_EINVAL, "expected a time zone, found \"%.80s\"", name);
  sl_err_hint(err, "write a name as in Asia/Ho_Chi_Minh, or an offset as in +07:00");
  return SL_EINVAL;
}

void sl_zone_free(sl_zone *z) {
  if (!z) return;
  sl_mem_free(z->at);
  sl_mem_free(z->offset);
  sl_mem_free(z);
}

/* ---- looking ---------------------------------------------------------------------------------- */

int32_t sl_zone_offset(const sl_zone *z, int64_t t, int64_t *ret_until) {
  uint32_t low = 0, high = z->n;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    if (z->at[mid] <= t)
      low = mid + 1;
    else
      high = mid;
  }
  if (low == z->n && z->has_rule) return rule_offset(&z->rule, t, ret_until);
  *ret_until = low < z->n ? z->at[low] : INT64_MAX;
  return low ? z->offset[low - 1] : z->first;
}

int64_t sl_zone_moment(const sl_zone *z, int64_t local) {
  int64_t t = local - MOST_OFFSET, until;
  for (;;) {
    int64_t u = local - sl_zone_offset(z, t, &until);
    if (u < t) return t; /* the clock went over it */
    if (u < until) return u;
    t = until;
  }
}
