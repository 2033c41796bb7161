/* SPDX-License-Identifier: Apache-2.0 */
/* Directives: the verb is known; who is told, what is to be done, until when. */
#include <string.h>

#include "speech.h"

#define TARGETS_MAX 16u
#define CONTENT_MAX 600u /* tokens of what is ordered: longer sentences are cut */
#define PHRASE_MAX 12u   /* tokens of a phrase of those who are told */
#define KNOWN_MORE 6u    /* tokens that may go on with a phrase of the lexicon */
#define MODAL_REACH 48u  /* tokens between a weak verb and the cần or phải that makes it an order */

/* Those who are told: entities, and the tokens of the whole phrase. */
struct targets {
  uint32_t ent[TARGETS_MAX];
  uint32_t n, t0, t1;
};

/* A directive without its content. */
struct order {
  ex_speaker who;
  ex_span verb;
  uint32_t strength; /* EXA_DEMAND …, 0: implicit */
  struct targets to;
};

uint32_t ex_skip_lead(const ex_doc *doc, uint32_t t) {
  for (;;) {
    if (ex_is(doc, t, ',') || ex_is(doc, t, ':') || ex_word(doc, t, "rằng") || ex_word(doc, t, "là")) {
      t++;
    } else {
      return t;
    }
  }
}

static int lower_at(const ex_doc *doc, uint32_t t) {
  return ex_same_line(doc, t) && ex_free(doc, t) && (ex_flags(doc, t) & (TK_WORD | TK_UPPER)) == TK_WORD;
}

/* Does somebody's action begin at t: a verb, cần or phải, with words like "tiếp tục" before it? */
static int acts_at(const ex_doc *doc, uint32_t t) {
  static const uint64_t acts = EX_BIT(C_VERB) | EX_BIT(C_MODAL) | EX_BIT(C_ADVERB);
  return ex_any(doc, t, acts) && ex_same_line(doc, t) && !ex_in_compound(doc, t);
}

/* Does the comma at k go on with a list of those who are told? */
static int list_comma(const ex_doc *doc, uint32_t k) {
  static const uint64_t more = EX_BIT(C_NOUN) | EX_BIT(C_ADDRESSEE) | EX_BIT(C_ADMIN);
  return ex_is(doc, k, ',') && (ex_any(doc, k + 1, more) || ex_owner(doc, k + 1) != EX_NONE);
}

/* "các trạm y tế phường, xã hoàn thành": a phrase of those who are told that no lexicon has, from t up to their verb;
 * from is behind the words that are known. Returns its end, 0 if it is none. */
static uint32_t phrase_end(const ex_doc *doc, uint32_t from, uint32_t stop) {
  static const uint64_t ends = EX_BIT(C_SAY) | EX_BIT(C_DIRECTIVE) | EX_BIT(C_BECOMES);
  for (uint32_t k = from; k < stop && k - from < PHRASE_MAX; k++) {
    ++*doc->steps;
    uint32_t mark = ex_mark(doc, k);
    if ((mark && !list_comma(doc, k)) || !ex_same_line(doc, k)) return 0;
    if (mark || ex_owner(doc, k) != EX_NONE) continue;
    if (k > from && acts_at(doc, k) && !ex_len(doc, k, C_NOUN)) return k;
    if (ex_any(doc, k, ends) || ex_word(doc, k, "để") || ex_word(doc, k, "khi") || ex_word(doc, k, "được")) return 0;
    uint32_t noun = ex_len(doc, k, C_NOUN), known = ex_len(doc, k, C_ADDRESSEE);
    uint32_t len = noun > known ? noun : known;
    if (len > 1) k += len - 1;
  }
  return 0;
}

/* What goes on with a phrase of the lexicon at t: "các tỉnh | nêu trên tổ chức". Returns its end, t if nothing does. */
static uint32_t more_of_phrase(const ex_doc *doc, uint32_t t, uint32_t stop) {
  if (!lower_at(doc, t) || acts_at(doc, t)) return t;
  uint32_t end = phrase_end(doc, t, t + KNOWN_MORE < stop ? t + KNOWN_MORE : stop);
  return end ? end : t;
}

/* The noun of `len` tokens at t that the lexicon has as one who is told. */
static uint32_t known_target(const ex_doc *doc, uint32_t t, uint32_t len, uint32_t stop, struct targets *to) {
  uint32_t next = t + len, of = ex_owner(doc, next);
  /* "các nước G7", "UBND các tỉnh Sơn La" */
  if (of != EX_NONE && ex_ent_at(doc, of)->t0 == next && ex_ent_at(doc, of)->t1 <= stop && to->n < TARGETS_MAX &&
      (ex_ent_at(doc, of)->type == E_ORG || ex_ent_at(doc, of)->type == E_LOC)) {
    to->ent[to->n++] = of;
    return ex_ent_at(doc, of)->t1;
  }
  return more_of_phrase(doc, next, stop);
}

/* The entity at t, a group word or honorific before it: "ông A", "hai đồng chí B". */
static uint32_t entity_target(const ex_doc *doc, uint32_t t, uint32_t stop, struct targets *to) {
  uint32_t i = ex_owner(doc, t), group = ex_len(doc, t, C_GROUP), honor = ex_len(doc, t, C_HONORIFIC);
  if (i == EX_NONE && group) i = ex_owner(doc, t + group);
  if (i == EX_NONE && honor) i = ex_owner(doc, t + honor);
  if (i == EX_NONE) return 0;
  const ex_ent *e = ex_ent_at(doc, i);
  if (e->t1 > stop || (e->type != E_ORG && e->type != E_LOC && e->type != E_PERSON && e->type != E_ROLE)) return 0;
  if (to->n < TARGETS_MAX) to->ent[to->n++] = i;
  uint32_t next = ex_owner(doc, e->t1);
  if (e->type == E_ROLE && next != EX_NONE && ex_ent_at(doc, next)->type == E_PERSON && next == e->person) {
    to->ent[to->n - 1] = next;
    return ex_ent_at(doc, next)->t1;
  }
  return e->t1;
}

/* One of those who are told at t: an entity or a noun like "các địa phương". Returns the end, 0 if there is none. */
static uint32_t target_at(const ex_doc *doc, uint32_t t, uint32_t stop, struct targets *to) {
  uint32_t group = ex_len(doc, t, C_GROUP), noun = ex_len(doc, t, C_ADDRESSEE), counted = ex_len(doc, t, C_NOUN);
  if (ex_owner(doc, t) != EX_NONE || (group && ex_owner(doc, t + group) != EX_NONE))
    return entity_target(doc, t, stop, to);
  if (noun && t + noun <= stop) return known_target(doc, t, noun, stop, to);
  if (group || (counted && !ex_len(doc, t, C_VERB))) {
    uint32_t end = phrase_end(doc, t + (group ? group : counted), stop);
    if (end) return end;
  }
  return entity_target(doc, t, stop, to);
}

int ex_target_follows(const ex_doc *doc, uint32_t t, int named) {
  struct targets to = {.n = 0};
  return target_at(doc, t, doc->n_tok, &to) != 0 && (!named || to.n > 0);
}

static void targets_at(const ex_doc *doc, uint32_t t, uint32_t stop, struct targets *to) {
  to->n = 0;
  to->t0 = to->t1 = t;
  uint32_t end = target_at(doc, t, stop, to);
  while (end) {
    ++*doc->steps;
    /* "UBND các xã, phường" */
    uint32_t more = ex_word(doc, end, "các") ? ex_len(doc, end, C_ADDRESSEE) : 0;
    if (more && end + more <= stop) end = more_of_phrase(doc, end + more, stop);
    /* "Đảng bộ Thành phố của Đại hội XVIII sẽ là" */
    uint32_t of = ex_word(doc, end, "của") ? phrase_end(doc, end + 1, stop) : 0;
    if (of) end = of;
    to->t1 = end;
    uint32_t joint = end;
    if (ex_is(doc, joint, ',') || ex_word(doc, joint, "và") || ex_word(doc, joint, "cùng")) {
      joint++;
      if (ex_word(doc, joint, "và") || ex_word(doc, joint, "cùng") || ex_word(doc, joint, "với")) joint++;
    } else {
      return;
    }
    if (joint >= stop) return;
    end = target_at(doc, joint, stop, to);
  }
}

/* The first cần or phải in [t, stop) with its subject directly before it. Returns its token, EX_NONE if there is none.
 */
static uint32_t modal_with_subject(const ex_doc *doc, uint32_t t, uint32_t stop, struct targets *to) {
  for (uint32_t k = t; k < stop && k - t < MODAL_REACH; k++) {
    ++*doc->steps;
    const ex_hit *modal = ex_hit_at(doc, k, C_MODAL);
    if (!modal || (ex_attrs(doc, modal) & EXA_WEAK)) continue;
    uint32_t before = k, adverb;
    while (before > t && (adverb = ex_hit_before(doc, t, before, C_ADVERB)) != EX_NONE) before = adverb;
    if (before == t) return k;
    uint32_t i = ex_owner(doc, before - 1);
    if (i != EX_NONE && ex_ent_at(doc, i)->t0 >= t) {
      targets_at(doc, ex_ent_at(doc, i)->t0, k, to);
      return k;
    }
    uint32_t noun = ex_hit_before(doc, t, before, C_ADDRESSEE);
    if (noun != EX_NONE) {
      targets_at(doc, noun, k, to);
      return k;
    }
  }
  return EX_NONE;
}

/* Does another order begin behind the mark or "và" at k: ", đồng thời giao Sở Y tế …", "; đề nghị …"? */
static int other_order(const ex_doc *doc, uint32_t k, uint32_t stop) {
  int semicolon = ex_is(doc, k, ';');
  if (!semicolon && !ex_is(doc, k, ',') && !ex_word(doc, k, "và") && !ex_word(doc, k, "đồng")) return 0;
  uint32_t at = ex_word(doc, k, "đồng") ? k : k + 1, adverb;
  while ((adverb = ex_len(doc, at, C_ADVERB)) != 0 && at - k < 6) at += adverb;
  const ex_hit *verb = at < stop ? ex_hit_at(doc, at, C_DIRECTIVE) : NULL;
  if (!verb || ex_len(doc, at, C_NOT_VERB) > verb->len) return 0;
  if (semicolon) return 1;
  return !(ex_attrs(doc, verb) & (EXA_WEAK | EXA_NOTE)) && !ex_word(doc, k, "và") &&
         ex_target_follows(doc, at + verb->len, 0);
}

/* What is ordered inside a quotation ends with it. */
static uint32_t quote_border(const ex_doc *doc, uint32_t t, uint32_t end) {
  for (uint32_t k = t, open = 0; k < end; k++) {
    uint32_t mark = ex_mark(doc, k);
    if (mark == 0x201C) open++;
    if (mark == 0x201D && open-- == 0) return k;
  }
  return end;
}

/* The end of what is ordered: the sentence, the quotation, or a mark with another directive behind it. */
static uint32_t content_end(const ex_doc *doc, uint32_t t, uint32_t stop) {
  uint32_t end = stop - t > CONTENT_MAX ? t + CONTENT_MAX : stop;
  *doc->steps += end - t;
  end = quote_border(doc, t, end);
  for (uint32_t k = t + 1, last = end; k < last; k++)
    if (other_order(doc, k, last)) {
      end = k;
      break;
    }
  while (end > t && (ex_is(doc, end - 1, '.') || ex_is(doc, end - 1, ';') || ex_is(doc, end - 1, 0x2026) ||
                     ex_is(doc, end - 1, ',')))
    end--;
  return end;
}

static ex_span span_of(const ex_doc *doc, uint32_t t0, uint32_t t1) {
  if (t0 >= t1) return (ex_span){0, 0};
  return (ex_span){doc->tok[t0].start, doc->tok[t1 - 1].end};
}

/* The first token of a time of day that ends before t ("17 giờ", "17h30"); t if there is none. */
static uint32_t before_clock(const ex_doc *doc, uint32_t t) {
  for (uint32_t k = t; k > 0 && t - k < 5; k--) {
    if (!ex_word(doc, k - 1, "giờ") && !ex_word(doc, k - 1, "h")) continue;
    return k > 1 && (ex_flags(doc, k - 2) & TK_NUM) ? k - 2 : t;
  }
  return t;
}

/* "48 giờ", "30 ngày" as ISO 8601; 0 if the quantity is no time. */
static uint32_t duration_norm(ex_doc *doc, const ex_ent *e) {
  static const struct {
    const char *unit, *before, *letter;
  } units[] = {{"giờ", "PT", "H"}, {"phút", "PT", "M"}, {"ngày", "P", "D"},
               {"tuần", "P", "W"}, {"tháng", "P", "M"}, {"năm", "P", "Y"}};
  const char *unit = ex_kept(doc, e->unit), *value = ex_kept(doc, e->kind);
  for (size_t k = 0; unit && value && k < sizeof(units) / sizeof(units[0]); k++)
    if (strcmp(unit, units[k].unit) == 0) return ex_keepf(doc, "%s%s%s", units[k].before, value, units[k].letter);
  return 0;
}

/* The date or span of time at t as a deadline: "trước 17 giờ ngày 20-6-2025", "trong quý 2", "trong vòng 48 giờ".
 * Returns 1 if it is one. */
static int deadline_at(ex_doc *doc, uint32_t t0, uint32_t t, uint32_t i, int date, ex_directive *d) {
  const ex_ent *e = ex_ent_at(doc, i);
  if (date ? e->type != E_DATE || e->precision == 'p' || e->precision == 'u' : e->type != E_QUANTITY || !e->unit)
    return 0;
  uint32_t cue = ex_hit_before(doc, t0, t, C_DEADLINE);
  if (cue == EX_NONE && date) cue = ex_hit_before(doc, t0, before_clock(doc, t), C_DEADLINE);
  if (cue == EX_NONE) return 0;
  /* "trong" by itself bounds only with a word of haste: "hoàn thành trong 3 ngày". */
  if (!date && !ex_word(doc, cue + 1, "vòng") && !ex_word(doc, cue + 1, "thời") && !ex_word(doc, cue, "nội") &&
      !(cue > 0 && ex_word(doc, cue, "trong") && ex_word(doc, cue - 1, "thành")))
    return 0;
  uint32_t norm = date ? e->norm : duration_norm(doc, e);
  if (!date && !norm) return 0;
  d->deadline_date = i;
  d->deadline_norm = norm;
  d->deadline = span_of(doc, cue, ex_ent_at(doc, i)->t1);
  return 1;
}

static void find_deadline(ex_doc *doc, uint32_t t0, uint32_t t1, ex_directive *d) {
  d->deadline_date = EX_NONE;
  /* A date is wanted before a span of time. */
  for (int date = 1; date >= 0; date--)
    for (uint32_t t = t0; t < t1; t++) {
      uint32_t i = ex_owner(doc, t);
      if (i == EX_NONE || ex_ent_at(doc, i)->t0 != t) continue;
      if (deadline_at(doc, t0, t, i, date, d)) return;
    }
}

static int add(ex_doc *doc, const struct order *o, uint32_t c0, uint32_t c1) {
  if (c0 >= c1) return 0;
  ex_directive *d = ex_push(doc, &doc->directives, sizeof(*d));
  if (!d) return 1;
  d->speaker = o->who.ent;
  d->speaker_text = span_of(doc, o->who.t0, o->who.t1);
  d->verb = o->verb;
  d->strength = o->strength;
  d->inherited = o->who.inherited;
  d->content = span_of(doc, c0, c1);
  d->to = span_of(doc, o->to.t0, o->to.t1);
  d->first_to = doc->targets.n;
  find_deadline(doc, c0, c1, d);
  for (uint32_t k = 0; k < o->to.n; k++) {
    uint32_t *t = ex_push(doc, &doc->targets, sizeof(*t));
    if (!t) return 1;
    *t = o->to.ent[k];
    d->n_to++;
  }
  return 1;
}

/* The verb itself without "đưa ra", "nêu" before it: what norm= says. */
static ex_span verb_span(const ex_doc *doc, uint32_t t, const ex_hit *verb) {
  uint32_t from = t;
  const ex_entry *e = ex_lex_entry(doc->lex, verb->entry);
  if (e->norm && verb->len > 1)
    for (uint32_t k = t + 1; k < t + verb->len; k++) {
      const ex_hit *inner = ex_hit_at(doc, k, C_DIRECTIVE);
      if (inner && k + inner->len == t + verb->len) from = k;
    }
  return span_of(doc, from, t + verb->len);
}

/* "chỉ đạo tại hội nghị là rà soát …" of a passive: what is ordered comes behind "là". */
static uint32_t behind_la(const ex_doc *doc, const struct order *o, uint32_t from, uint32_t end) {
  if (o->to.t1 > o->to.t0 || o->who.t0 == 0 || !ex_word(doc, o->who.t0 - 1, "được")) return from;
  for (uint32_t k = from; k < from + 6 && k < end; k++)
    if (ex_word(doc, k, "là")) return k + 1;
  return from;
}

int ex_directive_at(ex_doc *doc, const ex_clause *clause, const ex_speaker *who, uint32_t t, const ex_hit *verb) {
  uint32_t attrs = ex_attrs(doc, verb), at = ex_skip_lead(doc, t + verb->len), end;
  if (at >= clause->t1) return 0;
  struct order o = {*who, verb_span(doc, t, verb), attrs & ~EXA_WEAK, {.n = 0, .t0 = at, .t1 = at}};
  end = content_end(doc, at, clause->t1);
  targets_at(doc, at, end, &o.to);
  int nobody = o.to.t1 == o.to.t0;
  int opening = nobody && (ex_any(doc, at, EX_BIT(C_CONTINUE)) || ex_word(doc, at, "với") || ex_word(doc, at, "trong"));
  if ((attrs & EXA_WEAK) || opening) {
    uint32_t modal = modal_with_subject(doc, at, end, &o.to);
    if (modal != EX_NONE) return add(doc, &o, modal, end);
    /* "mong Giáo hội tiếp tục", "dặn các em giữ": somebody and what he is to do. */
    int told = !nobody && !(attrs & EXA_NOTE) && ex_any(doc, o.to.t1, EX_BIT(C_VERB)) && ex_same_line(doc, o.to.t1);
    if ((attrs & EXA_WEAK) && !told) return 0;
  }
  /* Assigning needs somebody to assign to. */
  if ((attrs & EXA_ASSIGN) && nobody && !ex_len(doc, at, C_GROUP)) return 0;
  return add(doc, &o, ex_skip_lead(doc, behind_la(doc, &o, o.to.t1, end)), end);
}

int ex_implicit_at(ex_doc *doc, const ex_clause *clause, const ex_speaker *who, uint32_t t) {
  struct order o = {.who = {who->ent, 0, 0, true}};
  targets_at(doc, t, clause->t1, &o.to);
  if (o.to.t1 == o.to.t0) return 0;
  uint32_t at = o.to.t1, adverb;
  while ((adverb = ex_len(doc, at, C_ADVERB)) != 0 && at + adverb < clause->t1) at += adverb;
  const ex_hit *modal = ex_hit_at(doc, at, C_MODAL);
  int must = modal && !(ex_attrs(doc, modal) & EXA_WEAK);
  int bare = !modal && at == o.to.t1 && t == clause->t0 && ex_len(doc, at, C_VERB) > 1 &&
             !(ex_attrs(doc, ex_hit_at(doc, at, C_VERB)) & EXA_WEAK);
  if ((!must && !bare) || at >= clause->t1) return 0;
  uint32_t len = !must ? ex_len(doc, at, C_VERB) : ex_word(doc, at, "có") ? modal->len : 1;
  o.verb = span_of(doc, at, at + len);
  return add(doc, &o, at, content_end(doc, at, clause->t1));
}

int ex_directive_found(ex_doc *doc, const ex_clause *clause, const ex_speaker *who, const ex_pat_match *m) {
  const ex_patterns *ps = ex_lex_patterns(doc->lex);
  unsigned verb = ex_pattern_capture(ps, m, 'v'), to = ex_pattern_capture(ps, m, 't');
  if (verb == EX_PAT_CAPTURES) return 0;
  struct order o = {.who = *who, .verb = span_of(doc, m->cap0[verb], m->cap1[verb])};
  const ex_hit *hit = ex_hit_at(doc, m->cap0[verb], C_DIRECTIVE);
  o.strength = hit ? ex_attrs(doc, hit) & ~EXA_WEAK : 0;
  o.to.t0 = o.to.t1 = m->t1;
  uint32_t end = content_end(doc, m->t1, clause->t1);
  if (to != EX_PAT_CAPTURES) {
    targets_at(doc, m->cap0[to], m->cap1[to], &o.to);
    o.to.t0 = m->cap0[to];
    o.to.t1 = m->cap1[to];
    return add(doc, &o, ex_skip_lead(doc, m->t1), end);
  }
  targets_at(doc, m->t1, end, &o.to);
  return add(doc, &o, ex_skip_lead(doc, o.to.t1), end);
}
