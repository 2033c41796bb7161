/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who said what: finds the verbs of speech and order in each sentence and the subject of each, and hands orders to
 * directive.c; the rest is reported speech. Quotations need a speaker and a verb beside them: other quotation marks are
 * scare quotes.
 */
#include "speech.h"

#define QUOTE_WORDS 4u  /* a quotation has at least so many tokens */
#define QUOTE_REACH 24u /* tokens between a quotation and its verb */
#define APPOSITION 40u  /* tokens of what stands between a name and its verb */
#define ROLES 32u       /* roles looked back for the leader of a body */
#define SAID_MAX 600u   /* tokens of what is said: longer sentences are cut */
#define CARRY 12u       /* sentences for which a speaker goes on without being named */

/* What goes on from sentence to sentence. */
struct talk {
  ex_speaker speaker; /* of the last order or report by a person */
  uint32_t age;       /* sentences since then */
  bool active;
  uint32_t last_person; /* entity: what "ông" and "bà" stand for */
  uint32_t what;        /* EX_RUN_… */
  uint32_t quoted;      /* tokens below this one stand inside a quotation */
  uint32_t quote_verb;  /* token of the verb of the last quotation */
  uint32_t open_line; /* first token of the line behind a mark that is never closed: no more are looked for before it */
  uint32_t roles[ROLES], n_roles; /* roles with holder and body, the newest n of them */
};

static ex_span span_of(const ex_doc *doc, uint32_t t0, uint32_t t1) {
  if (t0 >= t1) return (ex_span){0, 0};
  return (ex_span){doc->tok[t0].start, doc->tok[t1 - 1].end};
}

/* The person behind an entity that speaks: of a role its holder, if one is known. */
static uint32_t speaker_of(const ex_doc *doc, uint32_t i) {
  const ex_ent *e = ex_ent_at(doc, i);
  return e->type == E_ROLE && e->person != EX_NONE ? e->person : i;
}

/* The first token of the mention that ends with entity i: roles and honorific before a name belong to it. */
static uint32_t mention_start(const ex_doc *doc, uint32_t i, uint32_t from) {
  uint32_t t = ex_ent_at(doc, i)->t0;
  while (t > from) {
    uint32_t before = ex_owner(doc, t - 1);
    if (before == EX_NONE || ex_ent_at(doc, before)->type != E_ROLE || ex_ent_at(doc, before)->t0 < from) break;
    t = ex_ent_at(doc, before)->t0;
  }
  return t;
}

/* "Lãnh đạo Thành ủy TPHCM": the person who was named last as holding a role there. */
static uint32_t leader_of(const ex_doc *doc, const struct talk *talk, uint32_t org) {
  const ex_ent *o = ex_ent_at(doc, org);
  for (uint32_t back = 1; back <= ROLES && back <= talk->n_roles; back++) {
    const ex_ent *r = ex_ent_at(doc, talk->roles[(talk->n_roles - back) % ROLES]);
    const ex_ent *body = ex_ent_at(doc, r->link);
    uint32_t n = body->t1 - body->t0, m = o->t1 - o->t0;
    if (ex_equal(doc, body->t0, o->t0, n < m ? n : m)) return r->person;
  }
  return EX_NONE;
}

static int lead_word(const ex_doc *doc, uint32_t t, uint32_t from, uint32_t *ret_start) {
  if (t >= from + 2 && ex_word(doc, t - 2, "lãnh") && ex_word(doc, t - 1, "đạo")) {
    *ret_start = t - 2;
    return 1;
  }
  if (t >= from + 3 && ex_word(doc, t - 3, "người") && ex_word(doc, t - 2, "đứng") && ex_word(doc, t - 1, "đầu")) {
    *ret_start = t - 3;
    return 1;
  }
  return 0;
}

/* "Nhiều hộ dân", "các nhà khoa học" from the start of the clause to t: nobody by name. EX_NONE or the first token. */
static uint32_t plain_subject(const ex_doc *doc, uint32_t from, uint32_t t) {
  uint32_t start = t;
  while (start > from && t - start < 7 && ex_free(doc, start - 1) && (ex_flags(doc, start - 1) & TK_WORD)) start--;
  for (; start < t; start++) {
    uint32_t group = ex_len(doc, start, C_GROUP);
    int opens = start == from || ex_mark(doc, start - 1);
    if (group && opens && start + group < t) return start;
  }
  return EX_NONE;
}

/* The entity i as subject. */
static int entity_subject(const ex_doc *doc, const struct talk *talk, uint32_t from, uint32_t i, ex_speaker *ret) {
  const ex_ent *e = ex_ent_at(doc, i);
  uint32_t start;
  if (e->type == E_LEGAL) {
    *ret = (ex_speaker){e->link, e->t0, e->t1, false};
    return 1;
  }
  if (e->type != E_PERSON && e->type != E_ROLE && e->type != E_ORG && e->type != E_LOC) return 0;
  /* "HLV Velizar Popov của Thể Công thừa nhận": the person speaks. */
  int of = e->type != E_PERSON && e->t0 > from + 1 && ex_word(doc, e->t0 - 1, "của");
  uint32_t owner = of ? ex_owner(doc, e->t0 - 2) : EX_NONE;
  if (owner != EX_NONE && ex_ent_at(doc, owner)->type == E_PERSON) i = owner;
  /* "TS. Phạm Thanh Hà, Trưởng phòng Đào tạo, Trường Đại học Y cho rằng": so does the one with the role. */
  uint32_t role =
      e->type == E_ORG && e->t0 > from + 1 && ex_is(doc, e->t0 - 1, ',') ? ex_owner(doc, e->t0 - 2) : EX_NONE;
  if (role != EX_NONE && (ex_ent_at(doc, role)->flags & EF_POST)) i = role;
  *ret = (ex_speaker){speaker_of(doc, i), mention_start(doc, i, from), e->t1, false};
  if (e->type == E_ORG && ex_ent_at(doc, i) == e && lead_word(doc, e->t0, from, &start)) {
    ret->ent = leader_of(doc, talk, i);
    ret->t0 = start;
  }
  return 1;
}

/* "ông", "bà", "đồng chí" by itself directly before t: the person named last. */
static int is_pronoun(const ex_doc *doc, uint32_t t) {
  return ex_word(doc, t - 1, "ông") || ex_word(doc, t - 1, "bà") || ex_word(doc, t - 1, "anh") ||
         ex_word(doc, t - 1, "chị") || (t > 1 && ex_word(doc, t - 1, "chí") && ex_word(doc, t - 2, "đồng"));
}

/* "HCDC ngày 12/6 cho biết", "Giáo hoàng từ Vatican kêu gọi": when and where stand between subject and verb. Returns
 * the token behind the subject. */
static uint32_t before_circumstance(const ex_doc *doc, uint32_t from, uint32_t t) {
  for (int k = 0; k < 3 && t > from; k++) {
    uint32_t i = ex_owner(doc, t - 1);
    if (i == EX_NONE || ex_ent_at(doc, i)->t0 <= from) return t;
    const ex_ent *e = ex_ent_at(doc, i);
    uint32_t prep = ex_hit_before(doc, e->t0 > from + 1 ? e->t0 - 2 : from, e->t0, C_PREP);
    if (e->type == E_LOC && prep != EX_NONE && prep > from) {
      t = prep;
    } else if (e->type == E_DATE && (e->precision == 'd' || e->precision == 'm')) {
      t = prep != EX_NONE && prep > from ? prep : ex_word(doc, e->t0 - 1, "hôm") ? e->t0 - 1 : e->t0;
    } else {
      return t;
    }
  }
  return t;
}

/* The subject that ends directly before t. */
static int subject_before(const ex_doc *doc, const struct talk *talk, uint32_t from, uint32_t t, ex_speaker *ret) {
  if (t <= from) return 0;
  uint32_t plain = before_circumstance(doc, from, t);
  if (plain > from && plain < t && (ex_owner(doc, plain - 1) != EX_NONE || is_pronoun(doc, plain))) t = plain;
  /* "Trần T. khai" */
  if (t > from + 1 && ex_is(doc, t - 1, '.') && ex_glued(doc, t - 1) && (ex_flags(doc, t - 2) & TK_ONE)) t--;
  uint32_t i = ex_owner(doc, t - 1);
  if (i != EX_NONE) return entity_subject(doc, talk, from, i, ret);
  *ret = (ex_speaker){EX_NONE, t, t, false};
  if (is_pronoun(doc, t) && talk->last_person != EX_NONE) {
    ret->t0 = t - (ex_word(doc, t - 1, "chí") ? 2 : 1);
    ret->ent = talk->last_person;
    return 1;
  }
  uint32_t noun = ex_hit_before(doc, from, t, C_ADDRESSEE);
  if (noun == EX_NONE) noun = ex_hit_before(doc, from, t, C_VOICE);
  if (noun == EX_NONE) noun = plain_subject(doc, from, t);
  if (noun == EX_NONE) return 0;
  ret->t0 = noun;
  return 1;
}

/* The first of the adverbs that end before t; t if there are none. */
static uint32_t before_adverbs(const ex_doc *doc, uint32_t from, uint32_t t) {
  uint32_t adverb;
  while (t > from && (adverb = ex_hit_before(doc, from, t, C_ADVERB)) != EX_NONE && ex_free(doc, t - 1)) t = adverb;
  return t;
}

/* "Bà Lâm Thị Ú., một bị hại ở Vĩnh Long, nói": the person before the comma that opens what stands between. */
static int in_apposition(const ex_doc *doc, const struct talk *talk, uint32_t from, uint32_t comma, ex_speaker *ret) {
  for (uint32_t k = comma; k > from && comma - k < APPOSITION; k--) {
    if (ex_mark(doc, k - 1) == ';' || ex_mark(doc, k - 1) == ':') return 0;
    if (k == comma || (!ex_is(doc, k, ',') && !ex_is(doc, k, '('))) continue;
    uint32_t at = ex_is(doc, k - 1, '.') ? k - 1 : k, i = at > from ? ex_owner(doc, at - 1) : EX_NONE;
    if (i == EX_NONE || (ex_ent_at(doc, i)->type != E_PERSON && !(ex_ent_at(doc, i)->flags & EF_POST))) continue;
    return subject_before(doc, talk, from, at, ret);
  }
  return 0;
}

/* The first of the clause who may speak: "Thành phố đặt mục tiêu …, và đề nghị …", "Cùng ngày, Phó Thủ tướng … ký …,
 * yêu cầu …". */
static int leading_subject(const ex_doc *doc, uint32_t from, uint32_t before, ex_speaker *ret) {
  uint32_t noun = ex_len(doc, from, C_ADDRESSEE);
  for (uint32_t t = from; t < before && t - from < APPOSITION; t++) {
    ++*doc->steps;
    uint32_t i = ex_owner(doc, t);
    if (i == EX_NONE || ex_ent_at(doc, i)->t0 != t || (t > from && !ex_is(doc, t - 1, ','))) continue;
    const ex_ent *e = ex_ent_at(doc, i);
    if (e->type == E_DATE || e->type == E_LOC || e->t1 >= before) continue;
    uint32_t next = ex_owner(doc, e->t1);
    if (e->type == E_ROLE && next != EX_NONE && next == e->person) e = ex_ent_at(doc, next);
    if (e->type != E_PERSON && e->type != E_ROLE && e->type != E_ORG) return 0;
    *ret = (ex_speaker){speaker_of(doc, ex_owner(doc, e->t0)), t, e->t1, false};
    return 1;
  }
  if (!noun || from + noun >= before) return 0;
  *ret = (ex_speaker){EX_NONE, from, from + noun, false};
  return 1;
}

/* "…, Tổng Bí thư Tô Lâm, Chủ tịch …, yêu cầu": a role behind the name, closed by the mark at t. */
static int role_before(const ex_doc *doc, uint32_t from, uint32_t t, ex_speaker *ret) {
  uint32_t i = t > from ? ex_owner(doc, t - 1) : EX_NONE;
  if (i == EX_NONE || !(ex_ent_at(doc, i)->flags & EF_POST)) return 0;
  *ret = (ex_speaker){speaker_of(doc, i), ex_ent_at(doc, i)->t0, ex_ent_at(doc, i)->t1, false};
  return 1;
}

/* The subject of a verb at t that has none directly before `at`, where its adverbs begin: see subject_of. */
static int shared_subject(const ex_doc *doc, const ex_clause *c, const struct talk *talk, uint32_t at, uint32_t t,
                          ex_speaker *ret) {
  uint32_t mark = at > c->t0 ? ex_mark(doc, at - 1) : 0;
  int joined = mark == ',' || mark == ';', close = at < t ? 1 : mark == ';' ? 2 : 3;
  for (uint32_t k = at; k < t; k++) joined |= ex_word(doc, k, "và") || ex_word(doc, k, "đồng");
  if (c->has_subject) {
    if (joined) *ret = c->subject;
    return joined ? close : 0;
  }
  if (mark && role_before(doc, c->t0, at - 1, ret)) return 1;
  if ((mark == ',' || mark == ';' || mark == ')') && in_apposition(doc, talk, c->t0, at - 1, ret)) return 1;
  return joined && leading_subject(doc, c->t0, at, ret) ? (close > 2 ? 2 : close) : 0;
}

/* The subject of the verb at t: adverbs are skipped, a second verb shares the subject of the first. Returns 0 if there
 * is none, 2 or 3 if it is shared by a mere semicolon or comma: then the verb may as well belong to what is ordered. */
static int subject_of(const ex_doc *doc, const ex_clause *c, const struct talk *talk, uint32_t t, ex_speaker *ret) {
  uint32_t at = before_adverbs(doc, c->t0, t);
  if (!subject_before(doc, talk, c->t0, at, ret)) return shared_subject(doc, c, talk, at, t, ret);
  return !c->reported || (ret->ent != EX_NONE && ret->ent == c->subject.ent);
}

static void carry(struct talk *talk, const ex_doc *doc, const ex_speaker *who) {
  if (who->ent == EX_NONE || ex_ent_at(doc, who->ent)->type == E_LOC) return;
  talk->speaker = *who;
  talk->age = 0;
  talk->active = true;
}

static void add_quote(ex_doc *doc, const ex_speaker *who, ex_span verb, ex_span content, bool direct) {
  ex_quote *q = ex_push(doc, &doc->quotes, sizeof(*q));
  if (!q) return;
  *q = (ex_quote){who->ent, span_of(doc, who->t0, who->t1), verb, content, direct};
}

/* -- quotations -- */

static int opens_quote(const ex_doc *doc, uint32_t t) { return ex_is(doc, t, 0x201C) || ex_is(doc, t, '"'); }

/* The token of the closing mark, EX_NONE if the line ends first. `"` inside “ ” does not count. */
static uint32_t quote_end(const ex_doc *doc, struct talk *talk, uint32_t t) {
  uint32_t close = ex_is(doc, t, 0x201C) ? 0x201D : '"', k = t + 1;
  *doc->steps += 1;
  for (; k < doc->n_tok && !(doc->tok[k].flags & TK_BOP); k++)
    if (ex_is(doc, k, close)) return k;
  talk->open_line = k;
  return EX_NONE;
}

/* A verb of speech at t, and not a longer word that begins or ends like it (khai báo, triển khai). */
static const ex_hit *say_at(const ex_doc *doc, uint32_t t) {
  const ex_hit *say = ex_free(doc, t) ? ex_hit_at(doc, t, C_SAY) : NULL;
  if (!say || ex_len(doc, t, C_NOT_VERB) > say->len || (say->len == 1 && ex_in_compound(doc, t))) return NULL;
  return say;
}

/* Behind the quotation: `”, Bí thư … khẳng định`. */
static int verb_behind(const ex_doc *doc, struct talk *talk, uint32_t close, ex_speaker *who, ex_span *verb) {
  uint32_t from = close + 1;
  if (ex_flags(doc, from) & TK_BOS) return 0;
  while (ex_is(doc, from, ',') || ex_is(doc, from, '-') || ex_is(doc, from, 0x2013)) from++;
  for (uint32_t k = from; k < from + QUOTE_REACH && k < doc->n_tok; k++) {
    if (doc->tok[k].flags & TK_BOP || (ex_is(doc, k, '.') && !ex_glued(doc, k + 1))) return 0;
    const ex_hit *say = say_at(doc, k);
    if (!say) continue;
    uint32_t at = before_adverbs(doc, from, k);
    if (ex_is(doc, at - 1, ',')) at--;
    if (!subject_before(doc, talk, from, at, who)) continue;
    *verb = span_of(doc, k, k + say->len);
    talk->quote_verb = k;
    return 1;
  }
  return 0;
}

/* The subject of a verb of speech at k that leads to a quotation. */
static int leading_speaker(const ex_doc *doc, const struct talk *talk, uint32_t k, int colon, ex_speaker *who) {
  uint32_t from = k > QUOTE_REACH ? k - QUOTE_REACH : 0, at = before_adverbs(doc, from, k);
  if (subject_before(doc, talk, from, at, who)) return 1;
  int closed = at > 0 && (ex_is(doc, at - 1, ',') || ex_is(doc, at - 1, ')'));
  if (closed && in_apposition(doc, talk, at > APPOSITION ? at - APPOSITION : 0, at - 1, who)) return 1;
  if (!colon || !talk->active || talk->age >= 2 || !(ex_flags(doc, at) & TK_BOS)) return 0;
  *who = talk->speaker;
  who->inherited = true;
  return 1;
}

/* In front: `Thủ tướng nhấn mạnh: “`. */
static int verb_before(const ex_doc *doc, const struct talk *talk, uint32_t open, ex_speaker *who, ex_span *verb) {
  if (open == 0 || (doc->tok[open].flags & TK_BOP)) return 0;
  int colon = ex_is(doc, open - 1, ':');
  uint32_t to = colon || ex_is(doc, open - 1, ',') || ex_word(doc, open - 1, "rằng") ? open - 1 : open;
  for (uint32_t k = to; k > 0 && to - k < (colon ? QUOTE_REACH : 4u); k--) {
    const ex_hit *say = say_at(doc, k - 1);
    if ((doc->tok[k].flags & TK_BOP) || ex_is(doc, k - 1, '.')) return 0;
    if (!say || k - 1 + say->len > to) continue;
    *verb = span_of(doc, k - 1, k - 1 + say->len);
    if (leading_speaker(doc, talk, k - 1, colon, who)) return 1;
  }
  return 0;
}

static void quote_at(ex_doc *doc, struct talk *talk, uint32_t t) {
  if (t < talk->open_line) return;
  uint32_t close = quote_end(doc, talk, t);
  if (close == EX_NONE) return;
  doc->work += close - t;
  talk->quoted = close + 1;
  if (close - t - 1 < QUOTE_WORDS) return;
  ex_speaker who;
  ex_span verb;
  int colon = t > 0 && ex_is(doc, t - 1, ':') && ex_same_line(doc, t);
  int found = colon && verb_before(doc, talk, t, &who, &verb);
  if (!found) found = verb_behind(doc, talk, close, &who, &verb) || (!colon && verb_before(doc, talk, t, &who, &verb));
  if (!found) return;
  carry(talk, doc, &who);
  if (talk->what & EX_RUN_QUOTES) add_quote(doc, &who, verb, span_of(doc, t + 1, close), true);
}

/* -- sentences -- */

static int is_noun(const ex_doc *doc, uint32_t from, uint32_t t, uint32_t len) {
  if (ex_len(doc, t, C_NOT_VERB) > len) return 1;
  for (uint32_t back = 1; back <= 3 && t >= from + back; back++) {
    uint32_t not_verb = ex_free(doc, t - back) ? ex_len(doc, t - back, C_NOT_VERB) : 0;
    if (not_verb > back) return 1;
  }
  /* "Công điện yêu cầu": a document that begins the clause is its subject. */
  if (ex_hit_before(doc, from, t, C_VOICE) == from) return 0;
  return t > from && ex_free(doc, t - 1) && ex_hit_before(doc, from, t, C_NOUN_MARK) != EX_NONE;
}

/* What is reported: from behind the verb to the end of the sentence. */
static void report(ex_doc *doc, const ex_clause *c, const struct talk *talk, const ex_speaker *who, uint32_t t,
                   uint32_t len) {
  uint32_t from = ex_skip_lead(doc, t + len), end = c->t1 - t > SAID_MAX ? t + SAID_MAX : c->t1;
  if (!(talk->what & EX_RUN_QUOTES) || from >= end || opens_quote(doc, from) || t == talk->quote_verb) return;
  /* "nói trong nước mắt: “…”" is a quotation. */
  for (uint32_t k = t + len; k + 1 < end && k - t < QUOTE_REACH; k++)
    if (ex_is(doc, k, ':') && opens_quote(doc, k + 1)) return;
  while (end > from && (ex_is(doc, end - 1, '.') || ex_is(doc, end - 1, 0x2026))) end--;
  if (end - from >= 3) add_quote(doc, who, span_of(doc, t, t + len), span_of(doc, from, end), false);
}

/* The subject of an order: also, at the start of a sentence, the speaker of the ones before. See subject_of. */
static int order_subject(const ex_doc *doc, const ex_clause *c, const struct talk *talk, uint32_t t,
                         const ex_hit *order, ex_speaker *who) {
  int found = subject_of(doc, c, talk, t, who);
  if (found || !order || t != c->t0 || !talk->active || (ex_attrs(doc, order) & EXA_WEAK)) return found;
  if (!ex_target_follows(doc, t + order->len, 0)) return 0;
  *who = talk->speaker;
  who->inherited = true;
  return 1;
}

/* Is the verb of speech too vague to report by itself? */
static int is_vague(const ex_doc *doc, const ex_hit *say, uint32_t end) {
  return !say || ((ex_attrs(doc, say) & EXA_WEAK) && !ex_is(doc, end, ':') && !ex_is(doc, end, ','));
}

/* A verb of order or speech at t. Returns the token behind it, 0 if there is none. */
static uint32_t verb_at(ex_doc *doc, ex_clause *c, struct talk *talk, uint32_t t) {
  const ex_hit *order = ex_hit_at(doc, t, C_DIRECTIVE), *say = say_at(doc, t);
  if (!order && !say) return 0;
  uint32_t a = order ? order->len : 0, b = say ? say->len : 0, end = t + (a > b ? a : b);
  ex_speaker who;
  if (order && is_noun(doc, c->t0, t, order->len)) order = NULL;
  if (!order && !say) return t + 1;
  int found = order_subject(doc, c, talk, t, order, &who);
  if (!found) return end;
  if (found > 1 && order && !ex_target_follows(doc, t + order->len, found == 3)) order = NULL;
  int told = order && (talk->what & EX_RUN_DIRECTIVES) && ex_directive_at(doc, c, &who, t, order);
  if (!told && is_vague(doc, say, end)) return end;
  if (!told) report(doc, c, talk, &who, t, say->len);
  c->subject = who;
  c->has_subject = c->reported = true;
  carry(talk, doc, &who);
  return end;
}

/* "Theo Bí thư …, …": reported speech without a verb. */
static void according_to(ex_doc *doc, ex_clause *c, struct talk *talk) {
  if (!ex_word(doc, c->t0, "theo")) return;
  uint32_t t = c->t0 + 1, honor = ex_len(doc, t, C_HONORIFIC);
  uint32_t i = ex_owner(doc, t);
  if (i == EX_NONE && honor) i = ex_owner(doc, t + honor);
  while (i != EX_NONE && ex_ent_at(doc, i)->t1 < c->t1) {
    const ex_ent *e = ex_ent_at(doc, i);
    uint32_t next = ex_owner(doc, e->t1);
    uint32_t post = ex_is(doc, e->t1, ',') ? ex_owner(doc, e->t1 + 1) : EX_NONE;
    if (post != EX_NONE && (ex_ent_at(doc, post)->flags & EF_POST)) {
      i = post;
      continue;
    }
    if (ex_is(doc, e->t1, ',') && (e->type == E_PERSON || e->type == E_ROLE || e->type == E_ORG)) {
      ex_speaker who = {speaker_of(doc, i), t, e->t1, false};
      uint32_t end = c->t1 - c->t0 > SAID_MAX ? c->t0 + SAID_MAX : c->t1;
      while (end > e->t1 + 1 && ex_is(doc, end - 1, '.')) end--;
      if ((talk->what & EX_RUN_QUOTES) && end > e->t1 + 1)
        add_quote(doc, &who, span_of(doc, c->t0, c->t0 + 1), span_of(doc, e->t1 + 1, end), false);
      c->subject = who;
      c->has_subject = c->reported = true;
      carry(talk, doc, &who);
      return;
    }
    i = next;
  }
}

/* Where a clause may begin with the one who is told: the start of the sentence, and behind "Đồng thời,", "Đối với". */
static void implicit(ex_doc *doc, const ex_clause *c, const struct talk *talk) {
  if (!talk->active || talk->age > CARRY || !(talk->what & EX_RUN_DIRECTIVES)) return;
  uint32_t t = c->t0, len = ex_len(doc, t, C_CONTINUE);
  if (len) {
    t += len;
    if (ex_is(doc, t, ',')) t++;
  }
  if (ex_implicit_at(doc, c, &talk->speaker, t)) return;
  /* Behind an opening phrase: "Trong vai trò là trung tâm vùng, Hà Nội cần …". */
  for (uint32_t k = c->t0; k < c->t1 && k - c->t0 < 24; k++)
    if (ex_is(doc, k, ',') && ex_owner(doc, k + 1) != EX_NONE && ex_implicit_at(doc, c, &talk->speaker, k + 1)) return;
}

/* Remembers who was named, and who leads what. */
static void note_entity(const ex_doc *doc, struct talk *talk, uint32_t i, uint32_t t) {
  const ex_ent *e = ex_ent_at(doc, i);
  if (e->type == E_PERSON) talk->last_person = e->person;
  if (e->type == E_ROLE && e->t0 == t && e->person != EX_NONE && e->link != EX_NONE)
    talk->roles[talk->n_roles++ % ROLES] = i;
}

/* An order that a pattern finds at t. Returns the token behind it, 0 if there is none. */
static uint32_t found_at(ex_doc *doc, ex_clause *c, struct talk *talk, uint32_t t) {
  ex_pat_match m;
  if (!(talk->what & EX_RUN_DIRECTIVES) || !ex_pattern_may(doc, ex_lex_patterns(doc->lex), t, EX_PAT_ORDERS)) return 0;
  if (!ex_order_pattern_at(doc, t, &m) || m.t1 >= c->t1) return 0;
  unsigned w = ex_pattern_capture(ex_lex_patterns(doc->lex), &m, 'w');
  ex_speaker who = talk->speaker;
  who.inherited = true;
  if (w != EX_PAT_CAPTURES) {
    uint32_t i = ex_owner(doc, m.cap1[w] - 1);
    who = (ex_speaker){i == EX_NONE ? i : speaker_of(doc, i), m.cap0[w], m.cap1[w], false};
  } else if (!talk->active || talk->age > CARRY) {
    who = (ex_speaker){EX_NONE, t, t, false};
  }
  if (!ex_directive_found(doc, c, &who, &m)) return 0;
  c->subject = who;
  c->has_subject = c->reported = true;
  if (w != EX_PAT_CAPTURES) carry(talk, doc, &who);
  return m.t1;
}

/* An order or report at t: by pattern, then by verb. Returns the token behind it, 0 if there is none. */
static uint32_t said_at(ex_doc *doc, ex_clause *c, struct talk *talk, uint32_t t) {
  if (t < talk->quoted) return 0;
  uint32_t end = c->has_subject ? 0 : found_at(doc, c, talk, t);
  return end || ex_owner(doc, t) != EX_NONE || !doc->tok[t].id ? end : verb_at(doc, c, talk, t);
}

/* Most words are no part of an entity, no mark, and begin neither an order nor a report. */
static inline int is_silent(const ex_doc *doc, uint32_t t) {
  static const uint64_t verbs = EX_BIT(C_DIRECTIVE) | EX_BIT(C_SAY);
  return !doc->own[t] && !(doc->tok[t].flags & TK_PUNCT) && !(doc->classes[t] & verbs) &&
         !ex_pattern_may(doc, ex_lex_patterns(doc->lex), t, EX_PAT_ORDERS);
}

static void read_sentence(ex_doc *doc, struct talk *talk, const ex_sentence *s) {
  ex_clause c = {.t0 = s->t0, .t1 = s->t1};
  uint32_t before = doc->directives.n;
  talk->age++;
  /* A sentence may begin with the closing mark of the quotation before it. */
  while (c.t0 < c.t1 && (ex_is(doc, c.t0, '-') || ex_is(doc, c.t0, 0x2013) || ex_is(doc, c.t0, '+'))) c.t0++;
  according_to(doc, &c, talk);
  for (uint32_t t = c.t0; t < c.t1 && !doc->oom;) {
    doc->work++;
    if (is_silent(doc, t)) {
      t++;
      continue;
    }
    uint32_t i = ex_owner(doc, t);
    if (t >= talk->quoted && opens_quote(doc, t)) quote_at(doc, talk, t);
    if (i != EX_NONE) note_entity(doc, talk, i, t);
    if (ex_is(doc, t, ';')) c.reported = false;
    uint32_t end = said_at(doc, &c, talk, t);
    t = end > t ? end : t + 1;
  }
  /* Somebody who is told something is not the speaker of the next sentence. */
  if (doc->directives.n == before && !c.has_subject && !doc->oom && c.t0 >= talk->quoted) implicit(doc, &c, talk);
}

void ex_find_speech(ex_doc *doc, uint32_t what) {
  struct talk talk = {.last_person = EX_NONE, .what = what, .quote_verb = EX_NONE};
  talk.speaker.ent = EX_NONE;
  const ex_sentence *s = doc->sentences.items;
  for (uint32_t k = 0; k < doc->sentences.n && !doc->oom; k++) read_sentence(doc, &talk, &s[k]);
}
