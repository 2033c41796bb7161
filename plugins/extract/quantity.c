/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities: a number with its unit or the noun that is counted; and changes from one quantity to another. */
#include <stdlib.h>
#include <string.h>

#include "annot.h"
#include "number.h"

/* What stands behind a number. */
struct unit {
  uint32_t t0, t1;
  const ex_hit *hit; /* unit of measure of the lexicon; NULL: a counted noun, or several units */
  bool measure;      /* several units: "tấn/năm" */
};

static int is_dash(uint32_t cp) { return cp == '-' || cp == 0x2013 || cp == 0x2014; }

/* nghìn, triệu, tỷ at t; applies it and returns the end. */
static uint32_t scale_at(const ex_doc *doc, uint32_t t, ex_number *x, int *ret_found) {
  const ex_hit *h = t < doc->n_tok && !(doc->tok[t].flags & TK_BOP) ? ex_hit_at(doc, t, C_SCALE) : NULL;
  *ret_found = h != NULL;
  if (!h) return t;
  ex_number_scale(x, ex_lex_entry(doc->lex, h->entry)->value);
  return t + h->len;
}

/* Lower-case syllables that name what is counted although the lexicon does not have the noun. */
static uint32_t unknown_noun(const ex_doc *doc, uint32_t t) {
  uint32_t end = t;
  ++*doc->steps;
  while (end < t + 2 && end < doc->n_tok && ex_free(doc, end) && !(doc->tok[end].flags & (TK_BOS | TK_BOP))) {
    uint32_t f = doc->tok[end].flags;
    if (!(f & TK_WORD) || (f & (TK_UPPER | TK_FOREIGN)) || ex_len(doc, end, C_STOP) || ex_len(doc, end, C_ADVERB) ||
        ex_len(doc, end, C_MODAL) || ex_len(doc, end, C_DATE_CUE) || ex_len(doc, end, C_PREP))
      break;
    end++;
  }
  return end;
}

/* The counted noun at t with what goes on with it: "xã, phường mới". */
static uint32_t noun_end(const ex_doc *doc, uint32_t t) {
  uint32_t len = ex_len(doc, t, C_NOUN);
  if (!len) return t;
  uint32_t end = t + len, tail;
  ++*doc->steps;
  while ((tail = ex_len(doc, end, C_NOUN_TAIL)) != 0) end += tail;
  int admin = ex_len(doc, end - 1, C_ADMIN) != 0;
  while (ex_is(doc, end, ',') &&
         (ex_len(doc, end + 1, C_ADMIN) == 0 ? ex_hit_before(doc, t, end, C_NOUN) == t : admin)) {
    len = ex_len(doc, end + 1, C_NOUN);
    /* A list of nouns under one number only among units and party bodies; elsewhere the comma begins a new clause. */
    if (!len || !(ex_len(doc, end + 1, C_ADMIN) || (ex_word(doc, t, "ban") && ex_word(doc, end + 1, "đảng")))) break;
    end += 1 + len;
    while ((tail = ex_len(doc, end, C_NOUN_TAIL)) != 0) end += tail;
  }
  if (!admin && ex_word(doc, end - 1, "ủy") && ex_len(doc, end, C_ADMIN)) {
    /* "168 đảng ủy phường, xã, đặc khu" */
    end += ex_len(doc, end, C_ADMIN);
    while (ex_is(doc, end, ',') && ex_len(doc, end + 1, C_ADMIN)) end += 1 + ex_len(doc, end + 1, C_ADMIN);
  }
  return end;
}

/* "My Điền 2 họp": the number before t belongs to a name. */
static int behind_name(const ex_doc *doc, uint32_t t) {
  return t > 1 && ex_same_line(doc, t - 1) && !ex_glued(doc, t - 1) &&
         (ex_flags(doc, t - 2) & (TK_UPPER | TK_BOS)) == TK_UPPER;
}

static int unit_at(const ex_doc *doc, uint32_t t, int scaled, struct unit *ret) {
  *ret = (struct unit){t, t, NULL, false};
  if (t < doc->n_tok && (doc->tok[t].flags & TK_BOP)) return 0;
  const ex_hit *unit = ex_hit_at(doc, t, C_UNIT);
  uint32_t noun = noun_end(doc, t);
  /* "4G" are no grams. */
  if (unit && !unit->capital && (ex_flags(doc, t) & (TK_ONE | TK_UPPER)) == (TK_ONE | TK_UPPER)) unit = NULL;
  if (unit && (ex_attrs(doc, unit) & EXA_WEAK) && !ex_glued(doc, t) && !scaled) unit = NULL;
  if (unit && t + unit->len >= noun) {
    *ret = (struct unit){t, t + unit->len, unit, true};
    /* "20.000 tấn/năm", "120.000 đồng/người/tháng" */
    for (int k = 0; k < 2 && ex_is(doc, ret->t1, '/') && ex_glued(doc, ret->t1) && ex_glued(doc, ret->t1 + 1); k++) {
      uint32_t per = ex_len(doc, ret->t1 + 1, C_UNIT), noun_per = ex_len(doc, ret->t1 + 1, C_NOUN);
      if (noun_per > per) per = noun_per;
      if (!per) break;
      *ret = (struct unit){t, ret->t1 + 1 + per, NULL, true};
    }
    return 1;
  }
  if (noun == t && !behind_name(doc, t)) noun = unknown_noun(doc, t);
  *ret = (struct unit){t, noun, NULL, false};
  return noun > t;
}

/* May a number follow the mark at t without a space? */
static int opens_number(const ex_doc *doc, uint32_t t) {
  uint32_t cp = ex_mark(doc, t);
  int sign = cp == '+' && !(t > 0 && (ex_flags(doc, t - 1) & TK_NUM));
  return cp == '(' || cp == '"' || cp == 0x201C || cp == '$' || cp == '~' || sign;
}

/* Is the number at t a name, an address or a part of a word? */
static int not_counting(const ex_doc *doc, uint32_t t) {
  if (t == 0) return 0;
  if (doc->s[doc->tok[t].start] == '0' && doc->tok[t].end - doc->tok[t].start > 1) return 1;
  if (ex_glued(doc, t) && !opens_number(doc, t - 1)) return 1;
  /* "mỗi phần 500.000 đồng": thousands are no name. */
  int thousands =
      ex_is(doc, t + 1, '.') && ex_glued(doc, t + 1) && ex_glued(doc, t + 2) && (ex_flags(doc, t + 2) & TK_NUM);
  int within = t > 1 && ex_word(doc, t - 1, "vòng") && ex_word(doc, t - 2, "trong");
  return !thousands && !within && ex_hit_before(doc, t > 3 ? t - 3 : 0, t, C_NOT_COUNT) != EX_NONE;
}

/* "đến 15 giờ", "trước 19 giờ ngày 24/8": a time of day. */
static int is_clock(const ex_doc *doc, uint32_t t, const struct unit *u) {
  if (!u->hit || !ex_word(doc, u->t0, "giờ") || doc->tok[t].value > 24) return 0;
  if ((ex_flags(doc, u->t1) & TK_NUM) || ex_len(doc, u->t1, C_DATE_CUE) || ex_owner(doc, u->t1) != EX_NONE) return 1;
  return t > 0 && (ex_word(doc, t - 1, "đến") || ex_word(doc, t - 1, "từ") || ex_word(doc, t - 1, "trước") ||
                   ex_word(doc, t - 1, "vào"));
}

/* The second number of "5 - 7%", "10.000-15.000 đồng", "3 đến 5 triệu". Returns the end, 0 if there is none. */
static uint32_t upper_bound(const ex_doc *doc, uint32_t t, ex_number *x) {
  if (!is_dash(ex_mark(doc, t)) && !ex_word(doc, t, "đến") && !ex_word(doc, t, "tới")) return 0;
  return ex_number_at(doc, t + 1, x);
}

/* "3-1" is a score. */
static int below(const ex_number *a, const ex_number *b) {
  char text[96];
  ex_number_print(a, text);
  double low = strtod(text, NULL);
  ex_number_print(b, text);
  return low < strtod(text, NULL);
}

static int add_quantity(ex_doc *doc, uint32_t t0, uint32_t t1, const struct unit *u, const ex_number *low,
                        const ex_number *high) {
  char value[96];
  uint32_t i = ex_add(doc, E_QUANTITY, t0, t1);
  if (i == EX_NONE) return 0;
  ex_number_print(low, value);
  uint32_t kind = ex_keepf(doc, "%s", value), extra = 0, unit = 0;
  if (high) {
    ex_number_print(high, value);
    extra = ex_keepf(doc, "%s", value);
  }
  uint32_t norm = u->hit ? ex_lex_entry(doc->lex, u->hit->entry)->norm : 0;
  if (norm) {
    unit = ex_keepf(doc, "%s", ex_lex_string(doc->lex, norm));
  } else if (u->t1 > u->t0) {
    unit = ex_keep(doc, doc->s + doc->tok[u->t0].start, doc->tok[u->t1 - 1].end - doc->tok[u->t0].start);
  }
  ex_ent *e = ex_ent_at(doc, i);
  e->kind = kind;
  e->extra = extra;
  e->unit = unit;
  if (u->measure) e->flags |= EF_WEAK;
  return 1;
}

/* Returns the end of the quantity at t, 0 if there is none. */
/* "5 - 7 triệu đồng" whose lower bound is read: [t, at) with its scale. Returns the end, 0 if it is no range of
 * quantities. */
static uint32_t range_at(ex_doc *doc, uint32_t t, uint32_t second, ex_number *low, ex_number *high, int scaled) {
  struct unit u;
  int high_scaled;
  uint32_t after = scale_at(doc, second, high, &high_scaled);
  /* The scale of the second serves both. */
  if (high_scaled && !scaled)
    ex_number_scale(low, ex_lex_entry(doc->lex, ex_hit_at(doc, second, C_SCALE)->entry)->value);
  int known = unit_at(doc, after, high_scaled, &u) && (u.measure || ex_len(doc, after, C_NOUN));
  int goes_on = is_dash(ex_mark(doc, after)) && ex_glued(doc, after);
  if (!known || goes_on || (!high_scaled && !below(low, high))) return 0;
  return add_quantity(doc, t, u.t1, &u, low, high) ? u.t1 : 0;
}

/* "1 tỷ 200 triệu đồng": what stands behind the first scale, of a smaller one. Adds it to x and returns the end, `at`
 * if there is nothing. */
static uint32_t smaller_scale(const ex_doc *doc, uint32_t at, double scale, ex_number *x) {
  ex_number more;
  uint32_t end =
      ex_free(doc, at) && (ex_flags(doc, at) & (TK_NUM | TK_BOP)) == TK_NUM ? ex_number_at(doc, at, &more) : 0;
  const ex_hit *h = end ? ex_hit_at(doc, end, C_SCALE) : NULL;
  if (!h || x->places || more.places || ex_lex_entry(doc->lex, h->entry)->value >= scale) return at;
  ex_number_scale(&more, ex_lex_entry(doc->lex, h->entry)->value);
  return ex_number_add(x, &more) ? end + h->len : at;
}

static uint32_t quantity_at(ex_doc *doc, uint32_t t) {
  ex_number low, high;
  struct unit u = {0, 0, NULL, false};
  uint32_t end = ex_number_at(doc, t, &low);
  if (!end || not_counting(doc, t)) return 0;
  int scaled;
  uint32_t at = scale_at(doc, end, &low, &scaled);
  if (scaled) at = smaller_scale(doc, at, ex_lex_entry(doc->lex, ex_hit_at(doc, end, C_SCALE)->entry)->value, &low);
  int found = unit_at(doc, at, scaled, &u);
  uint32_t second = upper_bound(doc, found && u.hit && ex_word(doc, u.t1, "đến") ? u.t1 : at, &high);
  if (second) return range_at(doc, t, second, &low, &high, scaled);
  if (!found && !scaled) return 0;
  if (!found) u = (struct unit){at, at, NULL, false};
  if (is_clock(doc, t, &u)) return 0;
  return add_quantity(doc, t, u.t1, &u, &low, NULL) ? u.t1 : 0;
}

/* "hai tỷ đồng": a spelled number counts before a scale. */
static uint32_t spelled_at(ex_doc *doc, uint32_t t) {
  const ex_hit *word = ex_hit_at(doc, t, C_NUMWORD);
  if (!word) return 0;
  ex_number x = {.digits = "1", .n = 1};
  double value = ex_lex_entry(doc->lex, word->entry)->value;
  uint32_t at = t + word->len;
  int scaled;
  struct unit u;
  if (value >= 10) {
    x.digits[0] = (char)('0' + (int)value / 10 % 10 + (value >= 100 ? (int)value / 100 : 0));
    x.digits[1] = '0';
    x.n = 2;
    if (value >= 100) x.digits[x.n++] = '0';
  } else {
    x.digits[0] = (char)('0' + (int)value);
  }
  at = scale_at(doc, at, &x, &scaled);
  if (!scaled || !unit_at(doc, at, 1, &u)) return 0;
  return add_quantity(doc, t, u.t1, &u, &x, NULL) ? u.t1 : 0;
}

void ex_find_quantities(ex_doc *doc) {
  for (uint32_t t = 0; t < doc->n_tok && !doc->oom;) {
    uint32_t end = 0, f = ex_flags(doc, t);
    doc->work++;
    if (ex_free(doc, t)) {
      if (f & TK_NUM) end = quantity_at(doc, t);
      if ((f & TK_WORD) && doc->tok[t].id) end = spelled_at(doc, t);
    }
    t = end ? end : t + 1;
  }
}

/* Quantities of one measure; counted nouns may be called differently before and after. */
static int same_measure(const ex_doc *doc, uint32_t a, uint32_t b) {
  const ex_ent *x = ex_ent_at(doc, a), *y = ex_ent_at(doc, b);
  if (!((x->flags | y->flags) & EF_WEAK)) return 1;
  return x->unit && y->unit && strcmp(ex_kept(doc, x->unit), ex_kept(doc, y->unit)) == 0;
}

/* "sắp xếp 526 đơn vị hành chính còn 126 xã, phường": two quantities of one sentence with a word of becoming between.
 */
void ex_find_changes(ex_doc *doc) {
  uint32_t from = EX_NONE;
  for (uint32_t t = 0; t < doc->n_tok && !doc->oom; t++) {
    doc->work++;
    if (doc->tok[t].flags & TK_BOS) from = EX_NONE;
    uint32_t owner = ex_owner(doc, t);
    if (owner == EX_NONE || ex_ent_at(doc, owner)->type != E_QUANTITY || ex_ent_at(doc, owner)->t0 != t) continue;
    const ex_ent *e = ex_ent_at(doc, owner);
    uint32_t becomes = ex_hit_before(doc, t > 3 ? t - 3 : 0, t, C_BECOMES);
    if (from != EX_NONE && becomes != EX_NONE && same_measure(doc, from, owner) &&
        becomes >= ex_ent_at(doc, from)->t1 && becomes - ex_ent_at(doc, from)->t1 <= 3) {
      ex_change *c = ex_push(doc, &doc->changes, sizeof(*c));
      if (!c) return;
      *c = (ex_change){from, owner};
      from = EX_NONE;
      continue;
    }
    int verb = 0;
    for (uint32_t k = t; k > 0 && t - k < 8 && !(doc->tok[k].flags & TK_BOS); k--)
      if (ex_len(doc, k - 1, C_CHANGE)) verb = 1;
    from = verb ? owner : EX_NONE;
    t = e->t1 - 1;
  }
}

/* Words that end the measure before them: "tăng trưởng GRDP | đạt 7,59%". */
static int measure_ends(const ex_doc *doc, uint32_t t) {
  static const char *const words[] = {"đạt", "là", "ước", "còn", "bằng", "khoảng", "hơn", "gần", "chiếm", "gồm", "có"};
  if (ex_any(doc, t, EX_BIT(C_CHANGE) | EX_BIT(C_BECOMES) | EX_BIT(C_ADVERB))) return 1;
  for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
    if (ex_word(doc, t, words[k])) return 1;
  return 0;
}

/* Is the token before t no part of a measure that begins with t? */
static int measure_begins(const ex_doc *doc, uint32_t t) {
  static const char *const words[] = {"và", "có", "với", "rằng", "đó", "ước"};
  uint32_t owner = ex_owner(doc, t - 1), from = t > 4 ? t - 4 : 0;
  if (ex_mark(doc, t - 1) || (owner != EX_NONE && ex_ent_at(doc, owner)->type == E_DATE)) return 1;
  if (ex_hit_before(doc, from, t, C_SAY) != EX_NONE || ex_hit_before(doc, from, t, C_PREP) != EX_NONE) return 1;
  /* "bảo đảm tăng trưởng 8%": verbs of order; the weak ones are nouns as often. */
  uint32_t verb = ex_hit_before(doc, from, t, C_VERB);
  if (verb != EX_NONE && !(ex_attrs(doc, ex_hit_at(doc, verb, C_VERB)) & EXA_WEAK)) return 1;
  for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
    if (ex_word(doc, t - 1, words[k])) return 1;
  return 0;
}

/* The token behind the measure of a quantity: before its verb, and before a period in front of that ("GRDP 6 tháng đầu
 * năm đạt"). 0 if there is none. */
static uint32_t measure_end(const ex_doc *doc, ex_ent *e) {
  uint32_t end = e->t0;
  if (!(e->flags & EF_WEAK)) return 0;
  while (end > 0 && e->t0 - end < 4 && ex_same_line(doc, end) && ex_free(doc, end - 1) && measure_ends(doc, end - 1))
    end--;
  uint32_t date = end > 0 && ex_same_line(doc, end) ? ex_owner(doc, end - 1) : EX_NONE;
  if (date == EX_NONE || ex_ent_at(doc, date)->type != E_DATE) return end < e->t0 ? end : 0;
  e->issued = date;
  end = ex_ent_at(doc, date)->t0;
  if (end > 1 && ex_hit_before(doc, end - 1, end, C_PREP) != EX_NONE) end--;
  return end > 1 && ex_word(doc, end - 1, "trong") ? end - 1 : end;
}

/* What a quantity of a unit of measure measures: the words of its clause before the verb of measuring. */
static void find_measure(ex_doc *doc, uint32_t i) {
  ex_ent *e = ex_ent_at(doc, i);
  uint32_t end = measure_end(doc, e), from = end;
  if (!end) return;
  while (from > 0 && end - from < 8 && ex_same_line(doc, from) && !measure_begins(doc, from)) from--;
  uint32_t whole = ex_owner(doc, from);
  if (end - from < 2 || (whole != EX_NONE && ex_ent_at(doc, whole)->t1 >= end)) return;
  e->measure0 = doc->tok[from].start;
  e->measure1 = doc->tok[end - 1].end;
}

/* The last date of the sentence before each quantity of measure, or the first directly behind it, is its period. */
void ex_find_measures(ex_doc *doc) {
  uint32_t date = EX_NONE;
  for (uint32_t t = 0; t < doc->n_tok && !doc->oom; t++) {
    doc->work++;
    if (doc->tok[t].flags & (TK_BOS | TK_BOP)) date = EX_NONE;
    uint32_t i = ex_owner(doc, t);
    if (i == EX_NONE || ex_ent_at(doc, i)->t0 != t) continue;
    ex_ent *e = ex_ent_at(doc, i);
    if (e->type == E_DATE && !(e->flags & EF_HIDDEN)) date = i;
    if (e->type != E_QUANTITY) continue;
    find_measure(doc, i);
    uint32_t next = ex_owner(doc, ex_word(doc, e->t1, "trong") ? e->t1 + 1 : e->t1);
    int behind = next != EX_NONE && ex_ent_at(doc, next)->type == E_DATE && ex_same_line(doc, e->t1);
    if (e->measure1 && (behind || e->issued == EX_NONE)) e->issued = behind ? next : date;
  }
}
