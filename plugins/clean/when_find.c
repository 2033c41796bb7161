/* SPDX-License-Identifier: Apache-2.0 */
/* Dates in the midst of other text, in many languages: see when.h. */
#include <string.h>
#include <strings.h>

#include "vi_text.h"
#include "when.h"

#define LOOK 400u  /* bytes that are looked at */
#define TOKENS 120 /* and tokens */
#define NEAR 8     /* tokens between a date and its time */

enum { NUMBER, MONTH, HALF, ZONE, UNIT, WORD, MARK };
/* What a UNIT stands for. */
enum { YEARS = 1, MONTHS, DAYS, HOURS, MINUTES, SECONDS };

typedef struct token {
  uint8_t kind, digits, gap; /* gap: white space before it */
  int v;                     /* number, month, 0 am or 1 pm, minutes of a zone, unit, the character of a mark */
  size_t start, end;
} token;

typedef struct text {
  const char *s;
  size_t n;
  token t[TOKENS];
  int count;
} text;

/* ---- tokens ---------------------------------------------------------------------------------------------------------
 */

static const struct {
  const char *word;
  int minutes;
} zones[] = {{"z", 0},      {"gmt", 0},    {"utc", 0},    {"est", -300}, {"edt", -240}, {"cst", -360}, {"cdt", -300},
             {"mst", -420}, {"mdt", -360}, {"pst", -480}, {"pdt", -420}, {"bst", 60},   {"cet", 60},   {"cest", 120},
             {"mez", 60},   {"mesz", 120}, {"eet", 120},  {"eest", 180}, {"msk", 180},  {"мск", 180},  {"МСК", 180},
             {"ist", 330},  {"jst", 540},  {"kst", 540},  {"ict", 420},  {"wib", 420},  {"wita", 480}, {"wit", 540},
             {"sast", 120}, {"aest", 600}, {"aedt", 660}, {"awst", 480}, {"nzst", 720}, {"nzdt", 780}, {"hkt", 480},
             {"sgt", 480},  {"et", -300},  {"trt", 180}};

static const struct {
  const char *word;
  uint8_t kind, v;
} words[] = {{"am", HALF, 0},         {"pm", HALF, 1},         {"sa", HALF, 0},       {"ch", HALF, 1},
             {"오전", HALF, 0},       {"오후", HALF, 1},       {"午前", HALF, 0},     {"午後", HALF, 1},
             {"上午", HALF, 0},       {"下午", HALF, 1},       {"年", UNIT, YEARS},   {"년", UNIT, YEARS},
             {"月", UNIT, MONTHS},    {"월", UNIT, MONTHS},    {"日", UNIT, DAYS},    {"일", UNIT, DAYS},
             {"時", UNIT, HOURS},     {"时", UNIT, HOURS},     {"시", UNIT, HOURS},   {"点", UNIT, HOURS},
             {"h", UNIT, HOURS},      {"giờ", UNIT, HOURS},    {"uhr", UNIT, HOURS},  {"分", UNIT, MINUTES},
             {"분", UNIT, MINUTES},   {"phút", UNIT, MINUTES}, {"秒", UNIT, SECONDS}, {"초", UNIT, SECONDS},
             {"tháng", UNIT, MONTHS}, {"năm", UNIT, YEARS}};

static int same(const char *s, size_t n, const char *word) { return strlen(word) == n && strncasecmp(s, word, n) == 0; }

static void name_word(const char *s, token *t) {
  size_t n = t->end - t->start;
  s += t->start;
  for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
    if (!same(s, n, words[k].word)) continue;
    t->kind = words[k].kind;
    t->v = words[k].v;
    return;
  }
  for (size_t k = 0; k < sizeof zones / sizeof *zones; k++) {
    if (!same(s, n, zones[k].word)) continue;
    t->kind = ZONE;
    t->v = zones[k].minutes;
    return;
  }
  int m = clean_when_month(s, n);
  t->kind = m ? MONTH : WORD;
  t->v = m;
}

static int is_han(uint32_t c) { return c >= 0x2E80 && c < 0xA000; }

/* Ends a word: Han characters stand alone but for the halves of the day. */
static size_t word_end(const text *x, size_t i) {
  size_t at = i, next;
  uint32_t c = vi_next(x->s, x->n, &at);
  if (is_han(c)) {
    next = at;
    uint32_t second = vi_peek(x->s, x->n, next);
    int half =
        ((c == 0x5348 || c == 0x4E0A || c == 0x4E0B) && (second == 0x524D || second == 0x5F8C || second == 0x5348));
    if (half) vi_next(x->s, x->n, &at);
    return at;
  }
  while (at < x->n) {
    next = at;
    c = vi_next(x->s, x->n, &next);
    if ((!vi_is_letter(c) && !vi_is_mark(c)) || is_han(c)) break;
    at = next;
  }
  return at;
}

static size_t read_number(const text *x, size_t i, token *t) {
  t->kind = NUMBER;
  while (i < x->n && x->s[i] >= '0' && x->s[i] <= '9') {
    if (t->digits < 9) t->v = t->v * 10 + (x->s[i] - '0');
    if (t->digits < 255) t->digits++;
    i++;
  }
  return i;
}

/* Cuts the text into tokens; 0 if it can hold no date. */
static int cut(text *x) {
  int gap = 0, digits = 0;
  for (size_t i = 0; i < x->n && x->count < TOKENS;) {
    size_t next = i;
    uint32_t c = vi_next(x->s, x->n, &next);
    if (vi_is_space(c) || vi_is_ignorable(c)) {
      gap |= vi_is_space(c);
      i = next;
      continue;
    }
    token *t = &x->t[x->count++];
    *t = (token){.start = i, .gap = (uint8_t)gap, .kind = MARK, .v = (int)c};
    if (c >= '0' && c <= '9') {
      t->v = 0;
      next = read_number(x, i, t);
      digits++;
    } else if (vi_is_letter(c)) {
      next = word_end(x, i);
    }
    t->end = next;
    if (vi_is_letter(c)) t->kind = WORD;
    gap = 0;
    i = next;
  }
  if (!digits) return 0;
  /* Only words near numbers matter. */
  for (int i = 0, seen = -9, k; i < x->count; i++) {
    if (x->t[i].kind == NUMBER) seen = i;
    if (x->t[i].kind != WORD) continue;
    for (k = i + 1; k <= i + 3 && k < x->count && x->t[k].kind != NUMBER; k++) continue;
    if (i - seen <= 6 || (k <= i + 3 && k < x->count)) name_word(x->s, &x->t[i]);
  }
  return 1;
}

/* ---- the date -------------------------------------------------------------------------------------------------------
 */

static const token *tok(const text *x, int i) {
  static const token none = {.kind = MARK};
  return i >= 0 && i < x->count ? &x->t[i] : &none;
}
static int is_number(const text *x, int i, int min, int max) {
  const token *t = tok(x, i);
  return t->kind == NUMBER && t->digits >= min && t->digits <= max;
}
static int is_mark(const text *x, int i, int c) { return tok(x, i)->kind == MARK && tok(x, i)->v == c; }
static int is_unit(const text *x, int i, int unit) { return tok(x, i)->kind == UNIT && tok(x, i)->v == unit; }

static int set(clean_when *w, int y, int m, int d) {
  if (!clean_when_real(y, m, d)) return 0;
  w->year = y;
  w->month = m;
  w->day = d;
  return 1;
}

static int full_year(const token *t) { return t->digits == 4 ? t->v : t->digits == 2 ? 2000 + t->v : 0; }

/* The mark that stands between three numbers from i on; 0 if there is none. */
static int numbers_mark(const text *x, int i) {
  const token *mark = tok(x, i + 1);
  if (mark->kind != MARK || (mark->v != '/' && mark->v != '-' && mark->v != '.')) return 0;
  return is_mark(x, i + 3, mark->v) && is_number(x, i + 2, 1, 2) && tok(x, i + 4)->kind == NUMBER ? mark->v : 0;
}

/* Three numbers with the same mark between them. Returns the tokens taken. */
static int numeric(const text *x, int i, int month_first, clean_when *w) {
  int mark = numbers_mark(x, i), a = tok(x, i)->v, b = tok(x, i + 2)->v;
  const token *last = tok(x, i + 4);
  if (!mark) return 0;
  if (tok(x, i)->digits == 4) return last->digits <= 2 && set(w, a, b, last->v) ? 5 : 0;
  if (tok(x, i)->digits > 2 || (last->digits != 4 && (last->digits != 2 || mark == '-'))) return 0;
  int y = full_year(last);
  if (month_first && mark == '/' && set(w, y, a, b)) return 5;
  return set(w, y, b, a) || (mark == '/' && set(w, y, a, b)) ? 5 : 0;
}

/* 20250821 */
static int compact(const text *x, int i, clean_when *w) {
  int v = tok(x, i)->v;
  return is_number(x, i, 8, 8) && v / 10000 >= 1990 && v / 10000 < 2100 && set(w, v / 10000, v / 100 % 100, v % 100);
}

/* 2025年8月21日, 21 tháng 8 năm 2025, 21 tháng 8, 2025 */
static int with_units(const text *x, int i, clean_when *w) {
  if (is_number(x, i, 4, 4) && is_unit(x, i + 1, YEARS) && is_number(x, i + 2, 1, 2) && is_unit(x, i + 3, MONTHS) &&
      is_number(x, i + 4, 1, 2))
    return set(w, tok(x, i)->v, tok(x, i + 2)->v, tok(x, i + 4)->v) ? 5 + is_unit(x, i + 5, DAYS) : 0;
  if (!is_number(x, i, 1, 2) || !is_unit(x, i + 1, MONTHS) || !is_number(x, i + 2, 1, 2)) return 0;
  int k = i + 3;
  if (is_mark(x, k, ',') || is_mark(x, k, '/')) k++;
  if (is_unit(x, k, YEARS)) k++;
  return is_number(x, k, 4, 4) && set(w, tok(x, k)->v, tok(x, i + 2)->v, tok(x, i)->v) ? k - i + 1 : 0;
}

/* Whether a token may stand between the parts of a date with a month's name: marks, "de", "st", "th", "of". */
static int joins(const text *x, int i) {
  static const char *const between[] = {"de", "del", "of", "st", "nd", "rd", "th", "er",
                                        "da", "ng",  "г",  "m",  "d",  "o",  "nd", "a"};
  const token *t = tok(x, i);
  if (t->kind == MARK)
    return t->v && t->v < 0x2100 && (strchr(".,-/'", t->v < 0x80 ? t->v : ' ') || t->v == 0xBA || t->v == 0x2019);
  if (t->kind != WORD) return 0;
  for (size_t k = 0; k < sizeof between / sizeof *between; k++) {
    if (same(x->s + t->start, t->end - t->start, between[k])) return 1;
  }
  return 0;
}

static int over_joins(const text *x, int i) {
  int k = i;
  while (k < i + 3 && joins(x, k)) k++;
  return k;
}

/* Where a clock time at i ends, or i: "Mon Jan 07 12:20:00 EST 2024" has its year behind it. */
static int over_time(const text *x, int i) {
  if (!is_number(x, i, 1, 2) || !is_mark(x, i + 1, ':') || !is_number(x, i + 2, 2, 2)) return i;
  int k = i + 3;
  if (is_mark(x, k, ':') && is_number(x, k + 1, 2, 2)) k += 2;
  return k + (tok(x, k)->kind == ZONE || tok(x, k)->kind == HALF);
}

/* A date with the name of its month. Returns the tokens taken. */
static int named(const text *x, int i, clean_when *w) {
  if (is_number(x, i, 4, 4)) { /* 2024 m. kovo 31 */
    int m = over_joins(x, i + 1), d = over_joins(x, m + 1);
    if (tok(x, m)->kind != MONTH || !is_number(x, d, 1, 2)) return 0;
    return set(w, tok(x, i)->v, tok(x, m)->v, tok(x, d)->v) ? d - i + 1 : 0;
  }
  if (is_number(x, i, 1, 2)) { /* 21. srpna 2025 */
    int m = over_joins(x, i + 1), y = over_joins(x, m + 1);
    if (tok(x, m)->kind != MONTH) return 0;
    int short_year = is_number(x, y, 2, 2) && !is_mark(x, y + 1, ':') && tok(x, y)->v >= 10;
    if (!is_number(x, y, 4, 4) && !short_year) return 0;
    return set(w, full_year(tok(x, y)), tok(x, m)->v, tok(x, i)->v) ? y - i + 1 : 0;
  }
  if (tok(x, i)->kind != MONTH) return 0;
  int d = over_joins(x, i + 1), y = over_joins(x, d + 1); /* August 21st, 2025 */
  if (!is_number(x, d, 1, 2)) return 0;
  if (!is_number(x, y, 4, 4)) y = over_time(x, y);
  return is_number(x, y, 4, 4) && set(w, tok(x, y)->v, tok(x, i)->v, tok(x, d)->v) ? y - i + 1 : 0;
}

static int date_at(const text *x, int i, int month_first, clean_when *w) {
  const token *t = tok(x, i);
  if (t->kind == MONTH) return named(x, i, w);
  if (t->kind != NUMBER) return 0;
  if (compact(x, i, w)) return 1;
  int n = numeric(x, i, month_first, w);
  if (!n) n = with_units(x, i, w);
  return n ? n : named(x, i, w);
}

/* ---- the time -------------------------------------------------------------------------------------------------------
 */

/* "a.m.", "PM" at i: 0, 1, or -1; *ret_end behind it. */
static int half_at(const text *x, int i, int *ret_end) {
  const token *t = tok(x, i);
  *ret_end = i + 1;
  if (t->kind == HALF) return t->v;
  if (t->kind == WORD && t->end - t->start == 1 && is_mark(x, i + 1, '.') &&
      tok(x, i + 2)->end - tok(x, i + 2)->start == 1 && (x->s[tok(x, i + 2)->start] | 0x20) == 'm') {
    char c = (char)(x->s[t->start] | 0x20);
    *ret_end = i + 3 + is_mark(x, i + 3, '.');
    if (c == 'a' || c == 'p') return c == 'p';
  }
  *ret_end = i;
  return -1;
}

/* A zone at i: "Z", "+07:00", "GMT+7", "(UTC +7)", "EST". Returns where it ends, i if there is none. */
static int zone_at(const text *x, int i, clean_when *w) {
  int k = i + is_mark(x, i, '('), named_zone = tok(x, k)->kind == ZONE, base = 0, minutes;
  if (named_zone) base = tok(x, k++)->v;
  int sign = is_mark(x, k, '+') ? 1 : is_mark(x, k, '-') || is_mark(x, k, 0x2212) ? -1 : 0;
  if (sign && is_number(x, k + 1, 1, 4) && (named_zone || !tok(x, k + 1)->gap)) {
    const token *h = tok(x, k + 1);
    minutes = h->digits > 2 ? h->v / 100 * 60 + h->v % 100 : h->v * 60;
    k += 2;
    if (h->digits <= 2 && is_mark(x, k, ':') && is_number(x, k + 1, 2, 2)) {
      minutes += tok(x, k + 1)->v;
      k += 2;
    }
    if (minutes > 14 * 60) return i;
    w->zone = base + sign * minutes;
    return k;
  }
  if (!named_zone) return i;
  w->zone = base;
  return k;
}

static int set_time(clean_when *w, int h, int m, int s) {
  if (h > 23 || m > 59 || s > 60) return 0;
  w->hour = h;
  w->minute = m;
  w->second = s == 60 ? 59 : s;
  return 1;
}

/* 103005 or 1030 behind the T of a compact date. */
static int compact_time(const text *x, int i, clean_when *w) {
  const token *t = tok(x, i);
  if (!is_number(x, i, 4, 4) && !is_number(x, i, 6, 6)) return i;
  int v = t->digits == 4 ? t->v * 100 : t->v;
  return set_time(w, v / 10000, v / 100 % 100, v % 100) ? i + 1 : i;
}

/* Seconds and their fraction behind minutes that end at i. */
static int seconds_at(const text *x, int i, int *ret) {
  if (is_unit(x, i, MINUTES)) i++;
  if (!is_mark(x, i, ':') && !is_unit(x, i - 1, MINUTES)) return i;
  int k = i + is_mark(x, i, ':');
  if (!is_number(x, k, 2, 2)) return i;
  *ret = tok(x, k++)->v;
  if (is_unit(x, k, SECONDS)) k++;
  if ((is_mark(x, k, '.') || is_mark(x, k, ',')) && tok(x, k + 1)->kind == NUMBER && !tok(x, k + 1)->gap) k += 2;
  return k;
}

/* Hour and minutes at k: "10:30", "10h30", "10.30". Returns where they end, k if there are none; *ret_sure: no date or
 * number looks like this. */
static int clock_at(const text *x, int k, int *minute, int *seconds, int *ret_sure) {
  const token *mark = tok(x, k + 1);
  int colon = is_mark(x, k + 1, ':') || is_unit(x, k + 1, HOURS);
  int dot = is_mark(x, k + 1, '.') && is_number(x, k + 2, 2, 2) && !mark->gap && !tok(x, k + 2)->gap;
  if ((!colon && !dot) || !is_number(x, k + 2, 1, 2)) return k;
  *minute = tok(x, k + 2)->v;
  int end = seconds_at(x, k + 3, seconds);
  if (is_unit(x, end, HOURS)) end++; /* 10.30 Uhr */
  *ret_sure = colon || is_unit(x, end - 1, HOURS) || tok(x, end)->kind == ZONE;
  return end;
}

/* A time at i: "10:30:05.123", "10h30", "10.30 Uhr", "3pm", "오후 3:05". Returns where it ends, i if there is none. */
static int time_at(const text *x, int i, clean_when *w) {
  int k = i, minute = 0, seconds = 0, half = -1, sure = 0;
  if (tok(x, i)->end - tok(x, i)->start > 2)
    half = half_at(x, i, &k); /* before the hour only in East Asia: Sa is a day, too */
  if (!is_number(x, k, 1, 2)) return i;
  int hour = tok(x, k)->v, end = clock_at(x, k, &minute, &seconds, &sure), behind;
  int alone = end == k;
  if (alone) end = k + 1 + (sure = is_unit(x, k + 1, HOURS));
  int later = half_at(x, end, &behind);
  if (later >= 0) {
    half = later;
    end = behind;
  } else if (!sure && (alone || i == 0 || tok(x, i - 1)->kind != WORD)) {
    return i;
  }
  if (half >= 0 && hour <= 12) hour = hour % 12 + (half ? 12 : 0);
  if (!set_time(w, hour, minute, seconds)) return i;
  return zone_at(x, end, w);
}

/* The time that belongs to the date in tokens [from, to): close behind it, or before it. Returns the last token's end.
 */
static int find_time(const text *x, int from, int to, clean_when *w) {
  int end;
  if (tok(x, from)->digits == 8 && tok(x, to)->end - tok(x, to)->start == 1 && !tok(x, to)->gap &&
      (end = compact_time(x, to + 1, w)) > to + 1)
    return zone_at(x, end, w);
  for (int i = from + 2; tok(x, from)->kind == MONTH && i < to - 1; i++) {
    if (time_at(x, i, w) > i) return to;
  }
  clean_when other;
  for (int i = to; i < to + NEAR && i < x->count; i++) {
    if ((end = time_at(x, i, w)) > i) return end;
    if (date_at(x, i, 0, &other)) break; /* what follows belongs to another date */
    if (is_mark(x, i, '|')) break;
  }
  for (int i = from > NEAR ? from - NEAR : 0; i < from; i++) {
    clean_when before = *w;
    if ((end = time_at(x, i, &before)) == i || end > from) continue;
    *w = before;
    return to;
  }
  return to;
}

size_t clean_when_find(const char *s, size_t n, int month_first, clean_when *ret) {
  text x;
  x.s = s;
  x.n = n < LOOK ? n : LOOK;
  x.count = 0;
  if (!cut(&x)) return 0;
  for (int i = 0; i < x.count; i++) {
    clean_when w = {.hour = -1, .zone = CLEAN_NO_ZONE};
    /* A number that goes on from another with a mark between is no day: 1.2.3.2024 */
    if (i > 1 && tok(&x, i)->kind == NUMBER && !tok(&x, i)->gap && tok(&x, i - 1)->kind == MARK &&
        !tok(&x, i - 1)->gap && tok(&x, i - 2)->kind == NUMBER && tok(&x, i - 1)->v == '.')
      continue;
    int len = date_at(&x, i, month_first, &w);
    if (!len) continue;
    int end = find_time(&x, i, i + len, &w);
    *ret = w;
    return tok(&x, (end > i + len ? end : i + len) - 1)->end;
  }
  return 0;
}

/* The day that lies `days` after 1970-01-01. Howard Hinnant's civil_from_days. */
static void from_days(int64_t days, clean_when *w) {
  int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  w->day = (int)(doy - (153 * mp + 2) / 5 + 1);
  w->month = (int)(mp < 10 ? mp + 3 : mp - 9);
  w->year = (int)(yoe + era * 400 + (w->month <= 2));
}

/* Seconds or milliseconds since 1970, between 1990 and 2100. */
static size_t epoch(const char *s, size_t n, clean_when *ret) {
  int64_t v = 0;
  size_t i = 0;
  for (; i < n && s[i] >= '0' && s[i] <= '9' && i < 14; i++) v = v * 10 + (s[i] - '0');
  if (i < 9 || (i < n && s[i] != '.')) return 0;
  if (i >= 12) v /= 1000;
  if (v < INT64_C(631152000) || v > INT64_C(4102444800)) return 0;
  *ret = (clean_when){.hour = (int)(v / 3600 % 24), .minute = (int)(v / 60 % 60), .second = (int)(v % 60)};
  from_days(v / 86400, ret);
  return n;
}

size_t clean_when_value(const char *s, size_t n, int month_first, clean_when *ret) {
  while (n && (unsigned char)s[n - 1] <= ' ') n--;
  while (n && (unsigned char)*s <= ' ') {
    s++;
    n--;
  }
  if (n < 6 || n > 120) return 0;
  size_t end = epoch(s, n, ret);
  return end ? end : clean_when_find(s, n, month_first, ret);
}
