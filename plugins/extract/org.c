/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: a head with fields of work, places, eponyms and proper names behind it, as long as it goes. */
#include "annot.h"

/* A body while it grows. */
struct growth {
  uint32_t from; /* first token behind the head */
  uint32_t at;   /* next token */
  uint32_t sure; /* end of what surely belongs to it */
  uint32_t head; /* attributes of the head */
  int in_role;
  int proper; /* it had a name before its last word */
  int named;  /* it has a name of its own: a place, an eponym, a proper name */
  int closed; /* nothing may follow */
  int event;  /* an event was taken in: only "của" and its body may follow */
};

static int lower_word(const ex_doc *doc, uint32_t t) {
  return ex_same_line(doc, t) && (ex_flags(doc, t) & (TK_WORD | TK_UPPER)) == TK_WORD && ex_free(doc, t);
}

static void take(struct growth *g, uint32_t end, int sure) {
  g->at = end;
  if (sure) g->sure = end;
}

/* Syllables of the province or country at t, two or more; 0. */
static uint32_t known_high(const ex_doc *doc, uint32_t t) {
  uint32_t place = ex_len(doc, t, C_PLACE), gaz = ex_is_province(doc, t) ? ex_len(doc, t, C_GAZ) : 0;
  uint32_t len = place > gaz ? place : gaz;
  return len > 1 && (ex_flags(doc, t) & TK_UPPER) && ex_len(doc, t, C_ORG_WORD) < len ? len : 0;
}

/* tỉnh Hà Nam, TP Hà Nội; or the bare "tỉnh" that ends "Công an tỉnh". */
static int take_place(const ex_doc *doc, struct growth *g) {
  uint32_t core;
  int weak = 0;
  const ex_hit *admin = ex_hit_at(doc, g->at, C_ADMIN);
  uint32_t country = known_high(doc, g->at);
  if (country && g->at > g->from) {
    take(g, g->at + country, 1);
    g->named = g->closed = 1;
    return 1;
  }
  if (admin || ex_len(doc, g->at, C_PLACE) || ex_len(doc, g->at, C_GAZ)) {
    uint32_t end = ex_unit_end(doc, g->at, &core, &weak);
    int word = ex_len(doc, g->at, C_ORG_WORD) >= end - g->at;
    if (end && !(weak && !g->head) && !(word && !admin)) {
      take(g, end, 1);
      g->named = g->closed = 1;
      return 1;
    }
  }
  if (admin && (ex_attrs(doc, admin) & EXA_BARE) && !(g->head & (EXA_FREE | EXA_EPONYM))) {
    take(g, g->at + admin->len, 1);
    g->closed = 1;
    return 1;
  }
  return 0;
}

/* Fields of work: "Giáo dục và Đào tạo", "Văn hóa, Thể thao và Du lịch", "Than - Khoáng sản". */
/* A field of work with a capital at t that is not a body by itself; NULL if there is none. */
static const ex_hit *field_at(const ex_doc *doc, uint32_t t) {
  const ex_hit *word = ex_hit_at(doc, t, C_ORG_WORD);
  return word && (ex_flags(doc, t) & TK_UPPER) && ex_len(doc, t, C_ORG_HEAD) < word->len ? word : NULL;
}

/* ", Thể thao và Du lịch": a comma inside a name, only if "và" and another field end the series. */
static int take_series(const ex_doc *doc, struct growth *g, uint32_t end) {
  for (int k = 0; k < 3; k++) {
    const ex_hit *more = field_at(doc, end + 1);
    if (!more) return 0;
    if (ex_word(doc, end, "và")) {
      take(g, end + 1 + more->len, 1);
      return 1;
    }
    if (!ex_is(doc, end, ',')) return 0;
    end += 1 + more->len;
  }
  return 0;
}

static int take_words(const ex_doc *doc, struct growth *g) {
  const ex_hit *word = ex_hit_at(doc, g->at, C_ORG_WORD);
  if (word) {
    uint32_t attrs = ex_attrs(doc, word);
    int upper = (ex_flags(doc, g->at) & TK_UPPER) != 0;
    if (!upper && !(attrs & EXA_LOW)) return 0;
    take(g, g->at + word->len, upper || (attrs & EXA_SOLO));
    return 1;
  }
  uint32_t at = g->at + 1;
  const ex_hit *next = ex_hit_at(doc, at, C_ORG_WORD);
  if (!next) return 0;
  /* "Quản lý nhà và thị trường bất động sản": lower case on both sides. */
  int low = g->sure == g->at && (ex_attrs(doc, next) & EXA_SOLO) && ex_word(doc, g->at, "và") &&
            !(ex_flags(doc, at) & TK_UPPER);
  if (!low && ((g->head & EXA_FREE) || !field_at(doc, at))) return 0;
  uint32_t mark = ex_mark(doc, g->at);
  if (low || ex_word(doc, g->at, "và") || mark == '-' || mark == 0x2013 || mark == '&') {
    take(g, at + next->len, 1);
    return 1;
  }
  return mark == ',' && take_series(doc, g, at + next->len);
}

/* "của Trung ương" behind a delegation; "Đại hội XIV của Đảng" behind a subcommittee. */
static int take_of(const ex_doc *doc, struct growth *g) {
  if (!(g->head & EXA_OF) || (g->in_role & EX_NESTED)) return 0;
  uint32_t event = ex_len(doc, g->at, C_EVENT);
  if (event && !g->event && (ex_flags(doc, g->at) & TK_UPPER)) {
    uint32_t end = g->at + event;
    while (ex_upper(doc, end) && !ex_len(doc, end, C_ORG) && !ex_len(doc, end, C_ORG_HEAD)) end++;
    take(g, end, 1);
    g->event = 1;
    return 1;
  }
  if (!ex_word(doc, g->at, "của")) return 0;
  uint32_t end = ex_org_end(doc, g->at + 1, g->in_role | EX_NESTED);
  if (!end) return 0;
  take(g, end, 1);
  g->closed = 1;
  return 1;
}

/* Numbers of units and schools: "Quân khu 7", "Trường Tiểu học số 2". */
static int take_number(const ex_doc *doc, struct growth *g) {
  uint32_t at = ex_word(doc, g->at, "số") ? g->at + 1 : g->at;
  if (!(ex_flags(doc, at) & TK_NUM) || !ex_free(doc, at) || !ex_same_line(doc, at) ||
      doc->tok[at].end - doc->tok[at].start > 4)
    return 0;
  int lower = !(ex_flags(doc, at + 1) & TK_UPPER);
  if ((lower && ex_len(doc, at + 1, C_NOUN)) || ex_len(doc, at + 1, C_UNIT) || ex_len(doc, at + 1, C_SCALE) ||
      ex_is(doc, at + 1, '%') || ex_is(doc, at + 1, '/'))
    return 0;
  take(g, at + 1, 1);
  g->named = 1;
  return 1;
}

/* Capitals that the lexicon does not explain: an eponym, a person (the end), a proper name, a word with a lower-case
 * rest. */
/* "Cục Trồng trọt": the second syllable of a word that the lexicon lacks. */
static int completes_word(const ex_doc *doc, uint32_t t) {
  return lower_word(doc, t) && ex_pair(doc, t - 1) && !ex_any(doc, t, EX_BIT(C_SAY) | EX_BIT(C_DIRECTIVE));
}

/* Takes tokens up to end as the body's own name. */
static int take_name(struct growth *g, uint32_t end) {
  take(g, end, 1);
  g->named = 1;
  return 1;
}

/* Does the lower-case syllable behind the capital at t belong to its word ("Trồng trọt")? Behind a proper name it does
 * only if the word list has the word. */
static int word_goes_on(const ex_doc *doc, const struct growth *g, uint32_t t) {
  int whole = (g->head & EXA_FREE) || g->proper || (ex_flags(doc, t) & (TK_FOREIGN | TK_CAPS));
  if (!whole) return completes_word(doc, t + 1);
  return lower_word(doc, t + 1) && ex_pair(doc, t) && !ex_any(doc, t + 1, EX_BIT(C_SAY));
}

static int take_capital(const ex_doc *doc, struct growth *g) {
  if (!ex_upper(doc, g->at) || ex_any(doc, g->at, EX_BIT(C_EVENT) | EX_BIT(C_TITLE) | EX_BIT(C_RANK))) return 0;
  uint32_t eponym = ex_len(doc, g->at, C_EPONYM), at = g->at, name = ex_name_end(doc, at, 0);
  if (eponym) return take_name(g, at + eponym);
  if (name && !g->named && (g->head & EXA_EPONYM)) return take_name(g, name);
  int firm = (g->head & EXA_FREE) && !(g->in_role & EX_IN_ROLE);
  if (firm && name && !ex_len(doc, at, C_HONORIFIC)) return take_name(g, name);
  if (name || ((g->in_role & EX_IN_ROLE) && ex_len(doc, at, C_FAMILY) && ex_upper(doc, at + 1))) return 0;
  g->proper = g->named;
  take_name(g, at + 1);
  if (!word_goes_on(doc, g, at)) return 1;
  take(g, at + 2, 1);
  g->named = 0;
  return 1;
}

/* Another head or a complete name: "Ban Thường vụ" + "Thành ủy" + "Hà Nội". */
static int take_head(const ex_doc *doc, struct growth *g) {
  if (!(ex_flags(doc, g->at) & TK_UPPER)) return 0;
  const ex_hit *org = ex_hit_at(doc, g->at, C_ORG), *head = ex_hit_at(doc, g->at, C_ORG_HEAD);
  const ex_hit *word = ex_hit_at(doc, g->at, C_ORG_WORD);
  const ex_hit *best = org && (!head || org->len >= head->len) ? org : head;
  if (!best || (word && word->len > best->len)) return 0;
  take(g, g->at + best->len, 1);
  if (best == head) {
    g->head |= ex_attrs(doc, head) & (EXA_EPONYM | EXA_OF);
  } else if (!(ex_attrs(doc, org) & EXA_OPTIONAL)) {
    g->named = 1;
  }
  return 1;
}

static int step(const ex_doc *doc, struct growth *g) {
  if (g->closed || !ex_same_line(doc, g->at) || !ex_free(doc, g->at)) return 0;
  if (g->event) return take_of(doc, g);
  return take_head(doc, g) || take_place(doc, g) || take_words(doc, g) || take_of(doc, g) || take_number(doc, g) ||
         take_capital(doc, g);
}

uint32_t ex_org_body(const ex_doc *doc, uint32_t t, uint32_t head_attrs, int in_role) {
  struct growth g = {.from = t, .at = t, .sure = t, .head = head_attrs, .in_role = in_role};
  while (g.at - t < 24 && step(doc, &g)) ++*doc->steps;
  return g.sure;
}

/* "công ty bất động sản" and "các trường ĐH" are no names. */
static int has_capital(const ex_doc *doc, uint32_t t0, uint32_t t1) {
  for (uint32_t t = t0; t < t1; t++)
    if ((ex_flags(doc, t) & (TK_UPPER | TK_NUM)) && !ex_len(doc, t, C_ORG_HEAD)) return 1;
  return 0;
}

/* "Văn phòng Tỉnh ủy", "Chi cục Thủy lợi": a head that has its field in it is a body by itself. */
static int says_field(const ex_doc *doc, uint32_t t, const ex_hit *head) {
  for (uint32_t k = 1; k < head->len; k++)
    if ((ex_lex_entry(doc->lex, head->entry)->caps >> k & 1) && (ex_flags(doc, t + k) & TK_UPPER)) return 1;
  return 0;
}

/* The end of a body that begins with a head at t; 0 if the head alone is none. */
static uint32_t headed_end(const ex_doc *doc, uint32_t t, const ex_hit *head, int in_role) {
  uint32_t attrs = ex_attrs(doc, head), from = t + head->len, end = ex_org_body(doc, from, attrs, in_role);
  if (((attrs & EXA_FREE) || !(ex_flags(doc, t) & TK_UPPER)) && !has_capital(doc, from, end)) return 0;
  if (end > from || (attrs & EXA_SOLO) || (!attrs && says_field(doc, t, head))) return end;
  return (attrs & EXA_OPTIONAL) && (in_role & EX_IN_ROLE) ? end : 0;
}

/* The end of a complete name at t: it goes on only with a place or another body. */
static uint32_t complete_end(const ex_doc *doc, uint32_t t, const ex_hit *org, int in_role) {
  static const uint64_t more = EX_BIT(C_ORG_HEAD) | EX_BIT(C_ORG) | EX_BIT(C_ADMIN) | EX_BIT(C_PLACE) | EX_BIT(C_GAZ);
  uint32_t end = t + org->len;
  return ex_any(doc, end, more) ? ex_org_body(doc, end, ex_attrs(doc, org) & EXA_OPTIONAL, in_role) : end;
}

/* "chi nhánh Sông Hàn", "Chi nhánh Khu vực 9" behind the name of a body. Returns its end, `end` if there is none. */
static uint32_t branch_end(const ex_doc *doc, uint32_t end) {
  uint32_t core, at = end + 2;
  int weak;
  if (!ex_word(doc, end, "chi") || !ex_word(doc, end + 1, "nhánh") || !ex_same_line(doc, end)) return end;
  uint32_t place = ex_unit_end(doc, at, &core, &weak), run = at;
  while (run - at < 4 && ex_upper(doc, run) && !ex_len(doc, run, C_TITLE)) run++;
  /* "Khu vực 9" */
  if (run > at && (ex_flags(doc, run) & (TK_WORD | TK_UPPER)) == TK_WORD && (ex_flags(doc, run + 1) & TK_NUM))
    return run + 2;
  if (place > run) run = place;
  return run > at ? run : end;
}

static uint32_t plain_org_end(const ex_doc *doc, uint32_t t, int in_role) {
  if (!ex_free(doc, t) || !ex_any(doc, t, EX_BIT(C_ORG) | EX_BIT(C_ORG_HEAD))) return 0;
  const ex_hit *org = ex_hit_at(doc, t, C_ORG), *head = ex_hit_at(doc, t, C_ORG_HEAD);
  if (org && (ex_attrs(doc, org) & EXA_MID) && (ex_flags(doc, t) & TK_BOS)) org = NULL;
  if (head && head->len == 1 && ex_in_compound(doc, t)) head = NULL;
  uint32_t by_head = head ? headed_end(doc, t, head, in_role) : 0;
  /* "Đảng bộ" by itself is not "Đảng". */
  if (!org || (head && head->len > org->len && !by_head)) return by_head;
  uint32_t by_org = complete_end(doc, t, org, in_role);
  return by_head > by_org ? by_head : by_org;
}

uint32_t ex_org_end(const ex_doc *doc, uint32_t t, int in_role) {
  uint32_t end = ex_free(doc, t) ? ex_pattern_end(doc, t, E_ORG) : 0;
  if (!end) end = plain_org_end(doc, t, in_role);
  return end ? branch_end(doc, end) : 0;
}
