/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates, normalised to ISO 8601 and EDTF. The year comes from the expression or from /published, never from a guess:
 * without either it is XXXX.
 */
#include "annot.h"

#include <stdio.h>

/* A date as read: parts that are missing are 0. */
struct ymd {
  int y, m, d;
};

static int is_year(const ex_doc *doc, uint32_t t) {
  return (ex_flags(doc, t) & TK_NUM) && doc->tok[t].end - doc->tok[t].start == 4 && doc->tok[t].value >= 1000 &&
         doc->tok[t].value <= 2200;
}

static int number_in(const ex_doc *doc, uint32_t t, int low, int high) {
  if (!(ex_flags(doc, t) & TK_NUM) || !ex_free(doc, t) || doc->tok[t].end - doc->tok[t].start > 2) return 0;
  int v = (int)doc->tok[t].value;
  return v >= low && v <= high ? v : 0;
}

static int is_dash(uint32_t cp) { return cp == '-' || cp == 0x2013 || cp == 0x2014; }

/* 1 if token t is a mark between the parts of a date and a number follows without space. */
static int is_joint(const ex_doc *doc, uint32_t t) {
  uint32_t cp = ex_mark(doc, t);
  return (cp == '/' || cp == '-' || cp == '.') && ex_glued(doc, t) && ex_glued(doc, t + 1) &&
         (ex_flags(doc, t + 1) & TK_NUM);
}

/* d/m, d/m/y, "d tháng m", "d tháng m năm y" at t. Returns the end, 0 if there is none. */
static uint32_t read_day(const ex_doc *doc, uint32_t t, struct ymd *ret) {
  *ret = (struct ymd){0, 0, number_in(doc, t, 1, 31)};
  if (!ret->d) return 0;
  if (is_joint(doc, t + 1)) {
    uint32_t joint = ex_mark(doc, t + 1);
    ret->m = number_in(doc, t + 2, 1, 12);
    if (!ret->m) return 0;
    if (!is_joint(doc, t + 3)) return t + 3;
    if (ex_mark(doc, t + 3) != joint || !is_year(doc, t + 4)) return 0;
    ret->y = (int)doc->tok[t + 4].value;
    return t + 5;
  }
  if (!ex_word(doc, t + 1, "tháng")) return 0;
  ret->m = number_in(doc, t + 2, 1, 12);
  if (!ret->m) return 0;
  if (ex_word(doc, t + 3, "năm") && is_year(doc, t + 4)) {
    ret->y = (int)doc->tok[t + 4].value;
    return t + 5;
  }
  if (is_joint(doc, t + 3) && is_year(doc, t + 4)) {
    ret->y = (int)doc->tok[t + 4].value;
    return t + 5;
  }
  return t + 3;
}

/* "yyyy-mm-dd". */
static uint32_t read_iso(const ex_doc *doc, uint32_t t, struct ymd *ret) {
  if (!is_year(doc, t) || !is_joint(doc, t + 1) || !is_joint(doc, t + 3)) return 0;
  *ret = (struct ymd){(int)doc->tok[t].value, number_in(doc, t + 2, 1, 12), number_in(doc, t + 4, 1, 31)};
  return ret->m && ret->d ? t + 5 : 0;
}

/* The year of a day or month without one: of /published, or the one next to it at the turn of the year. */
static int header_year(const ex_doc *doc, int month) {
  if (!doc->year) return 0;
  if (month - doc->month > 6 && month >= 11 && doc->month <= 2) return doc->year - 1;
  if (doc->month - month > 6 && month <= 2 && doc->month >= 11) return doc->year + 1;
  return doc->year;
}

static void print_date(char *out, size_t cap, const struct ymd *x) {
  char year[16] = "XXXX";
  if (x->y) snprintf(year, sizeof(year), "%04d", x->y);
  if (x->d) {
    snprintf(out, cap, "%s-%02d-%02d", year, x->m, x->d);
  } else if (x->m) {
    snprintf(out, cap, "%s-%02d", year, x->m);
  } else {
    snprintf(out, cap, "%s", year);
  }
}

static uint32_t add_date(ex_doc *doc, uint32_t t0, uint32_t t1, char precision, uint32_t flags) {
  uint32_t i = ex_add(doc, E_DATE, t0, t1);
  if (i == EX_NONE) return i;
  ex_ent_at(doc, i)->precision = precision;
  ex_ent_at(doc, i)->flags |= flags;
  return i;
}

/* Adds a day, month or year; core tokens are [c0, t1). */
static void add_point(ex_doc *doc, uint32_t t0, uint32_t c0, uint32_t t1, struct ymd x) {
  char text[32];
  uint32_t flags = x.y ? EF_TEXT_YEAR : 0;
  int lunar = ex_word(doc, t1, "âm") && ex_word(doc, t1 + 1, "lịch");
  if (lunar) t1 += 2;
  if (!x.y && !lunar && (x.y = header_year(doc, x.m)) != 0) flags = EF_HEADER_YEAR;
  if (lunar) flags |= EF_WEAK;
  uint32_t i = add_date(doc, t0, t1, x.d ? 'd' : x.m ? 'm' : 'y', flags);
  if (i == EX_NONE) return;
  if (c0 > t0) ex_core(doc, i, c0, t1);
  print_date(text, sizeof(text), &x);
  ex_ent_at(doc, i)->norm = ex_keepf(doc, "%s", text);
}

static void add_interval(ex_doc *doc, uint32_t t0, uint32_t t1, struct ymd a, struct ymd b) {
  char from[32], to[32];
  uint32_t flags = b.y ? EF_TEXT_YEAR : 0;
  if (!a.m) a.m = b.m;
  if (!b.y && (b.y = header_year(doc, b.m)) != 0) flags = EF_HEADER_YEAR;
  if (!a.y) a.y = b.y && a.m > b.m ? b.y - 1 : b.y;
  uint32_t i = add_date(doc, t0, t1, 'i', flags);
  if (i == EX_NONE) return;
  print_date(from, sizeof(from), &a);
  print_date(to, sizeof(to), &b);
  ex_ent_at(doc, i)->norm = ex_keepf(doc, "%s/%s", from, to);
}

/* "đến", "tới" or a dash at t; the token behind it, and behind a second "ngày"; 0 if there is none. */
static uint32_t range_mark(const ex_doc *doc, uint32_t t) {
  if (!is_dash(ex_mark(doc, t)) && !ex_word(doc, t, "đến") && !ex_word(doc, t, "tới")) return 0;
  t++;
  return ex_word(doc, t, "ngày") ? t + 1 : t;
}

/* A day, an interval of days or a list "3, 4 và 5/9" behind the cue [t0, t). Returns the end, 0 if there is none. */
static uint32_t day_at(ex_doc *doc, uint32_t t0, uint32_t t) {
  struct ymd a, b;
  uint32_t end = read_day(doc, t, &a);
  if (!end) {
    /* A lone day: of an interval whose month follows. */
    int d = number_in(doc, t, 1, 31);
    uint32_t next = d ? range_mark(doc, t + 1) : 0;
    if (!next && d && (ex_word(doc, t + 1, "và") || ex_is(doc, t + 1, ','))) next = t + 2;
    if (!next || !(end = read_day(doc, next, &b)) || b.d <= d) return 0;
    a = (struct ymd){0, 0, d};
    add_interval(doc, t0, end, a, b);
    return end;
  }
  uint32_t next = range_mark(doc, end), last = next ? read_day(doc, next, &b) : 0;
  if (last) {
    add_interval(doc, t0, last, a, b);
    return last;
  }
  add_point(doc, t0, t, end, a);
  return end;
}

/* Does what stands before a bare pair of numbers say that it is a date? `24/7` and `1/3` are none. */
static int pair_is_date(const ex_doc *doc, uint32_t t, uint32_t end) {
  if (ex_is(doc, t - 1, '(') && t > 0 && (ex_is(doc, end, ')') || ex_is(doc, end, ','))) return 1;
  uint32_t before = t;
  if (t > 0 &&
      (ex_is(doc, t - 1, ',') || ex_is(doc, t - 1, ';') || is_dash(ex_mark(doc, t - 1)) || ex_word(doc, t - 1, "và")))
    before = t - 1;
  uint32_t owner = before > 0 ? ex_owner(doc, before - 1) : EX_NONE;
  return before < t && owner != EX_NONE && ex_ent_at(doc, owner)->type == E_DATE &&
         ex_ent_at(doc, owner)->precision == 'd';
}

/* Behind a cue word at t. Returns the end or 0. */
static uint32_t cued(ex_doc *doc, uint32_t t, const ex_hit *cue) {
  uint32_t attrs = ex_attrs(doc, cue), at = t + cue->len;
  struct ymd x;
  if (!(attrs & EXA_WEAK)) return day_at(doc, attrs & EXA_SOLO ? t : at, at);
  uint32_t end = read_day(doc, at, &x);
  if (!end || ex_is(doc, end, '%') || ex_len(doc, end, C_NOUN)) return 0;
  if ((ex_word(doc, t, "và") || ex_word(doc, t, "đến") || ex_word(doc, t, "tới")) && !x.y) {
    uint32_t owner = t > 0 ? ex_owner(doc, t - 1) : EX_NONE;
    if (owner == EX_NONE || ex_ent_at(doc, owner)->type != E_DATE) return 0;
  }
  return day_at(doc, at, at);
}

/* "tháng 6", "tháng 6/2025", "tháng 6 năm 2025", with a part before it; t is the word, t0 the part. */
static uint32_t month_at(ex_doc *doc, uint32_t t0, uint32_t t) {
  struct ymd x = {0, number_in(doc, t + 1, 1, 12), 0};
  if (!x.m) return 0;
  uint32_t end = t + 2;
  if (is_joint(doc, end) && is_year(doc, end + 1)) {
    x.y = (int)doc->tok[end + 1].value;
    end += 2;
  } else if ((ex_word(doc, end, "năm") || is_dash(ex_mark(doc, end))) && is_year(doc, end + 1)) {
    x.y = (int)doc->tok[end + 1].value;
    end += 2;
  } else if (is_joint(doc, end)) {
    return 0;
  }
  /* "Tháng 1 và 2-2025": the year of the second serves the first. */
  if (!x.y && (ex_word(doc, end, "và") || ex_is(doc, end, ',')) && number_in(doc, end + 1, 1, 12) &&
      is_joint(doc, end + 2) && is_year(doc, end + 3))
    x.y = (int)doc->tok[end + 3].value;
  if (t0 == t && (ex_len(doc, end, C_SCALE) || ex_is(doc, end, '%'))) return 0;
  add_point(doc, t0, t, end, x);
  return end;
}

static int roman(const ex_doc *doc, uint32_t t) {
  static const char *const names[] = {"I", "II", "III", "IV"};
  for (int i = 0; i < 4; i++) {
    uint32_t n = (uint32_t)(i == 3 ? 2 : i + 1);
    if (t < doc->n_tok && doc->tok[t].end - doc->tok[t].start == n && ex_word(doc, t, names[i])) return i + 1;
  }
  return 0;
}

/* "quý 2", "quý III/2025". */
static uint32_t quarter_at(ex_doc *doc, uint32_t t) {
  int q = number_in(doc, t + 1, 1, 4), year = 0;
  if (!q && (ex_flags(doc, t + 1) & TK_UPPER)) q = roman(doc, t + 1);
  if (!q) return 0;
  uint32_t end = t + 2, flags = 0;
  if ((is_joint(doc, end) || ex_word(doc, end, "năm")) && is_year(doc, end + 1)) {
    year = (int)doc->tok[end + 1].value;
    end += 2;
    flags = EF_TEXT_YEAR;
  } else if (doc->year) {
    year = doc->year;
    flags = EF_HEADER_YEAR;
  }
  uint32_t i = add_date(doc, t, end, 'q', flags);
  if (i == EX_NONE) return end;
  ex_ent_at(doc, i)->norm = year ? ex_keepf(doc, "%04d-Q%d", year, q) : ex_keepf(doc, "XXXX-Q%d", q);
  return end;
}

/* "2025 - 2030" at t; the years and the end, 0 if there are none. */
static uint32_t years_at(const ex_doc *doc, uint32_t t, int *ret_a, int *ret_b) {
  if (!is_year(doc, t)) return 0;
  uint32_t cp = ex_mark(doc, t + 1);
  if (!is_dash(cp) && cp != '/' && !ex_word(doc, t + 1, "đến")) return 0;
  uint32_t second = ex_word(doc, t + 2, "năm") ? t + 3 : t + 2;
  if (!is_year(doc, second) || doc->tok[second].value <= doc->tok[t].value) return 0;
  *ret_a = (int)doc->tok[t].value;
  *ret_b = (int)doc->tok[second].value;
  return second + 1;
}

static uint32_t years_add(ex_doc *doc, uint32_t t0, uint32_t t, uint32_t end, int a, int b) {
  uint32_t i = add_date(doc, t0, end, 'p', EF_TEXT_YEAR);
  if (i == EX_NONE) return end;
  if (t > t0) ex_core(doc, i, t, end);
  ex_ent_at(doc, i)->norm = ex_keepf(doc, "%04d/%04d", a, b);
  return end;
}

/* "năm 2025", "năm 2030, 2045". t0: the first token of a part before it ("cuối năm 2025"). */
static uint32_t year_at(ex_doc *doc, uint32_t t0, uint32_t t) {
  int a, b;
  uint32_t end = years_at(doc, t + 1, &a, &b);
  if (end) return years_add(doc, t0, t + 1, end, a, b);
  if (!is_year(doc, t + 1)) return 0;
  add_point(doc, t0, t + 1, t + 2, (struct ymd){(int)doc->tok[t + 1].value, 0, 0});
  end = t + 2;
  while ((ex_is(doc, end, ',') || ex_word(doc, end, "và")) && is_year(doc, end + 1) && !is_joint(doc, end + 2) &&
         !ex_len(doc, end + 2, C_NOUN) && !ex_len(doc, end + 2, C_UNIT)) {
    add_point(doc, end + 1, end + 1, end + 2, (struct ymd){(int)doc->tok[end + 1].value, 0, 0});
    end += 2;
  }
  return end;
}

/* "6 tháng đầu năm", "5 năm qua", and the bare "6 tháng", "9 tháng" of statistics. */
static uint32_t duration_at(ex_doc *doc, uint32_t t) {
  static const struct {
    const char *word;
    char letter;
  } units[] = {{"tháng", 'M'}, {"năm", 'Y'}, {"tuần", 'W'}, {"ngày", 'D'}};
  if (doc->tok[t].end - doc->tok[t].start > 3 ||
      (ex_glued(doc, t) && (ex_is(doc, t - 1, '-') || ex_is(doc, t - 1, ','))))
    return 0;
  for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
    if (!ex_word(doc, t + 1, units[k].word)) continue;
    uint32_t end = t + 2, value = doc->tok[t].value;
    if (ex_word(doc, end, "qua") || ex_word(doc, end, "tới")) {
      end++;
    } else if ((ex_word(doc, end, "đầu") || ex_word(doc, end, "cuối")) && ex_word(doc, end + 1, "năm")) {
      end += is_year(doc, end + 2) ? 3 : 2;
    } else if (units[k].letter != 'M' || value % 3 != 0 || value > 9 || value == 0 || ex_word(doc, end, "tù") ||
               ex_word(doc, end, "tuổi")) {
      return 0;
    }
    uint32_t i = add_date(doc, t, end, 'u', 0);
    if (i != EX_NONE) ex_ent_at(doc, i)->norm = ex_keepf(doc, "P%u%c", value, units[k].letter);
    return end;
  }
  return 0;
}

/* "sáng nay", "tối qua": the day of /published or the one before. */
static uint32_t relative_at(ex_doc *doc, uint32_t t, const ex_hit *cue) {
  uint32_t at = t + cue->len;
  int today = ex_word(doc, at, "nay"), yesterday = ex_word(doc, at, "qua");
  if ((!today && !yesterday) || !(ex_attrs(doc, cue) & EXA_SOLO) || ex_word(doc, t, "ngày") || !doc->year) return 0;
  if (yesterday && doc->day == 1) return 0;
  add_point(doc, t, t, at + 1, (struct ymd){0, doc->month, yesterday ? doc->day - 1 : doc->day});
  return at + 1;
}

/* Numbers without a word before them. */
static uint32_t bare_at(ex_doc *doc, uint32_t t) {
  struct ymd x;
  int a, b;
  if (t > 0 && ex_glued(doc, t) && !ex_is(doc, t - 1, '(') && !is_dash(ex_mark(doc, t - 1)) && !ex_is(doc, t - 1, ','))
    return 0;
  uint32_t end = read_iso(doc, t, &x);
  if (end) {
    add_point(doc, t, t, end, x);
    return end;
  }
  end = read_day(doc, t, &x);
  if (end &&
      (x.y || ex_word(doc, t + 1, "tháng") || (t > 0 && ex_mark(doc, t + 1) != '.' && pair_is_date(doc, t, end)))) {
    add_point(doc, t, t, end, x);
    return end;
  }
  int m = number_in(doc, t, 1, 12);
  if (m && is_joint(doc, t + 1) && ex_mark(doc, t + 1) != '.' && is_year(doc, t + 2) && !is_joint(doc, t + 3)) {
    add_point(doc, t, t, t + 3, (struct ymd){(int)doc->tok[t + 2].value, m, 0});
    return t + 3;
  }
  end = years_at(doc, t, &a, &b);
  if (end && b - a <= 100) return years_add(doc, t, t, end, a, b);
  return duration_at(doc, t);
}

static uint32_t worded_at(ex_doc *doc, uint32_t t) {
  const ex_hit *cue = ex_hit_at(doc, t, C_DATE_CUE);
  uint32_t end = cue ? cued(doc, t, cue) : 0;
  if (!end && cue) end = relative_at(doc, t, cue);
  if (end) return end;
  uint32_t len = ex_len(doc, t, C_PERIOD);
  if (len) {
    int a, b;
    uint32_t from = ex_word(doc, t + len, "từ") ? t + len + 1 : t + len;
    if (ex_word(doc, from, "năm")) from++;
    end = years_at(doc, from, &a, &b);
    if (end) return years_add(doc, t, from, end, a, b);
  }
  uint32_t part = ex_len(doc, t, C_DATE_PART), at = t + part;
  if (ex_word(doc, at, "tháng")) return month_at(doc, t, at);
  if (ex_word(doc, at, "năm")) return year_at(doc, t, at);
  if (ex_word(doc, at, "quý")) return quarter_at(doc, at);
  return 0;
}

/* Is there a cue at t, or a word with the first letter of tháng, năm, quý? */
static inline int may_begin(const ex_doc *doc, uint32_t t) {
  static const uint64_t cues = EX_BIT(C_DATE_CUE) | EX_BIT(C_PERIOD) | EX_BIT(C_DATE_PART);
  int c = doc->s[doc->tok[t].start] | 0x20;
  return (doc->classes[t] & cues) || c == 't' || c == 'n' || c == 'q';
}

void ex_find_dates(ex_doc *doc) {
  for (uint32_t t = 0; t < doc->n_tok && !doc->oom;) {
    uint32_t end = 0;
    doc->work++;
    if (ex_free(doc, t)) {
      uint32_t f = ex_flags(doc, t);
      if (f & TK_NUM) {
        end = bare_at(doc, t);
      } else if ((f & TK_WORD) && doc->tok[t].id && may_begin(doc, t)) {
        end = worded_at(doc, t);
      }
    }
    t = end ? end : t + 1;
  }
}
