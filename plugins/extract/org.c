/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: a head with fields of work, places, eponyms and proper names behind it, as long as it goes. */
#include "annot.h"

/* A body while it grows. */
struct growth {
  uint32_t at;   /* next token */
  uint32_t sure; /* end of what surely belongs to it */
  uint32_t head; /* attributes of the head */
  int in_role;
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

/* tỉnh Hà Nam, TP Hà Nội; or the bare "tỉnh" that ends "Công an tỉnh". */
static int take_place(const ex_doc *doc, struct growth *g) {
  uint32_t core;
  int weak = 0;
  const ex_hit *admin = ex_hit_at(doc, g->at, C_ADMIN);
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
  /* "Quản lý nhà và thị trường bất động sản": lower case on both sides. */
  if (next && g->sure == g->at && (ex_attrs(doc, next) & EXA_SOLO) && ex_word(doc, g->at, "và") &&
      !(ex_flags(doc, at) & TK_UPPER)) {
    take(g, at + next->len, 1);
    return 1;
  }
  if (g->head & EXA_FREE) return 0;
  if (!next || !(ex_flags(doc, at) & TK_UPPER) || ex_len(doc, at, C_ORG_HEAD) >= next->len) return 0;
  if (ex_word(doc, g->at, "và") || ex_is(doc, g->at, '-') || ex_is(doc, g->at, 0x2013) || ex_is(doc, g->at, '&')) {
    take(g, at + next->len, 1);
    return 1;
  }
  if (!ex_is(doc, g->at, ',')) return 0;
  /* A comma inside a name: only if "và" and another field end the series. */
  uint32_t end = at + next->len;
  for (int k = 0; k < 3; k++) {
    const ex_hit *more = ex_hit_at(doc, end + 1, C_ORG_WORD);
    if (!more || !(ex_flags(doc, end + 1) & TK_UPPER) || ex_len(doc, end + 1, C_ORG_HEAD) >= more->len) return 0;
    if (ex_word(doc, end, "và")) {
      take(g, end + 1 + more->len, 1);
      return 1;
    }
    if (!ex_is(doc, end, ',')) return 0;
    end += 1 + more->len;
  }
  return 0;
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
  if (ex_len(doc, at + 1, C_NOUN) || ex_len(doc, at + 1, C_UNIT) || ex_len(doc, at + 1, C_SCALE) ||
      ex_is(doc, at + 1, '%') || ex_is(doc, at + 1, '/'))
    return 0;
  take(g, at + 1, 1);
  g->named = 1;
  return 1;
}

/* Capitals that the lexicon does not explain: an eponym, a person (the end), a proper name, a word with a lower-case
 * rest. */
static int take_capital(const ex_doc *doc, struct growth *g) {
  if (!ex_upper(doc, g->at) || ex_len(doc, g->at, C_EVENT) || ex_len(doc, g->at, C_TITLE) || ex_len(doc, g->at, C_RANK))
    return 0;
  uint32_t eponym = ex_len(doc, g->at, C_EPONYM);
  if (eponym) {
    take(g, g->at + eponym, 1);
    g->named = 1;
    return 1;
  }
  uint32_t name = ex_name_end(doc, g->at, 0);
  int family = ex_len(doc, g->at, C_FAMILY) && ex_upper(doc, g->at + 1);
  if (name || (family && (g->in_role & EX_IN_ROLE))) {
    if (g->named || !(g->head & EXA_EPONYM) || !name) return 0;
    take(g, name, 1);
    g->named = 1;
    return 1;
  }
  int first_proper = !g->named;
  uint32_t at = g->at;
  take(g, at + 1, 1);
  g->named = 1;
  if ((g->head & EXA_FREE) || !first_proper || (ex_flags(doc, at) & (TK_FOREIGN | TK_CAPS))) return 1;
  /* "Cục Trồng trọt": the second syllable of a word that the lexicon lacks. */
  if (lower_word(doc, at + 1) && !ex_len(doc, at + 1, C_STOP) && !(ex_flags(doc, at + 1) & TK_FOREIGN) &&
      !ex_len(doc, at + 1, C_SAY) && !ex_len(doc, at + 1, C_DIRECTIVE) && !ex_len(doc, at + 1, C_MODAL)) {
    take(g, at + 2, 1);
    g->named = 0;
  }
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
  struct growth g = {.at = t, .sure = t, .head = head_attrs, .in_role = in_role};
  while (g.at - t < 24 && step(doc, &g)) ++*doc->steps;
  return g.sure;
}

/* "công ty bất động sản" is no name. */
static int has_capital(const ex_doc *doc, uint32_t t0, uint32_t t1) {
  for (uint32_t t = t0; t < t1; t++)
    if (ex_flags(doc, t) & (TK_UPPER | TK_NUM)) return 1;
  return 0;
}

uint32_t ex_org_end(const ex_doc *doc, uint32_t t, int in_role) {
  if (t >= doc->n_tok || !ex_free(doc, t) || !doc->tok[t].id) return 0;
  const ex_hit *org = ex_hit_at(doc, t, C_ORG), *head = ex_hit_at(doc, t, C_ORG_HEAD);
  if (org && (ex_attrs(doc, org) & EXA_MID) && (ex_flags(doc, t) & TK_BOS)) org = NULL;
  if (head && head->len == 1 && ex_in_compound(doc, t)) head = NULL;
  uint32_t by_head = 0, by_org = 0;
  if (head) {
    by_head = ex_org_body(doc, t + head->len, ex_attrs(doc, head), in_role);
    if (!(ex_flags(doc, t) & TK_UPPER) && !has_capital(doc, t + head->len, by_head)) by_head = 0;
    if (by_head == t + head->len && !(ex_attrs(doc, head) & (EXA_SOLO | EXA_OPTIONAL))) by_head = 0;
    if (by_head == t + head->len && !(ex_attrs(doc, head) & EXA_SOLO) && !(in_role & EX_IN_ROLE)) by_head = 0;
  }
  if (org) {
    by_org = t + org->len;
    uint32_t more = ex_org_body(doc, by_org, ex_attrs(doc, org) & EXA_OPTIONAL ? EXA_OPTIONAL : 0, in_role);
    /* A complete name goes on only with a place or another body. */
    if (ex_len(doc, by_org, C_ORG_HEAD) || ex_len(doc, by_org, C_ORG) || ex_len(doc, by_org, C_ADMIN) ||
        ex_len(doc, by_org, C_PLACE) || ex_len(doc, by_org, C_GAZ))
      by_org = more;
  }
  /* "Đảng bộ" by itself is not "Đảng". */
  if (head && org && head->len > org->len && !by_head) by_org = 0;
  return by_head > by_org ? by_head : by_org;
}
