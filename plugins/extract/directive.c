/* SPDX-License-Identifier: Apache-2.0 */
/* Directives: the verb is known; who is told, what is to be done, until when. */
#include "speech.h"

#define TARGETS_MAX 16u
#define CONTENT_MAX 600u /* tokens of what is ordered: longer sentences are cut */
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

/* One of those who are told at t: an entity or a noun like "các địa phương". Returns the end, 0 if there is none. */
static uint32_t target_at(const ex_doc *doc, uint32_t t, uint32_t stop, struct targets *to) {
  uint32_t at = t, group = ex_len(doc, t, C_GROUP), noun = ex_len(doc, t, C_ADDRESSEE);
  uint32_t i = ex_owner(doc, at);
  if (i == EX_NONE && group && ex_owner(doc, at + group) != EX_NONE) {
    at += group;
    i = ex_owner(doc, at);
  }
  if (i == EX_NONE && noun && t + noun <= stop) return t + noun;
  /* "ông A", "đồng chí B" */
  uint32_t honor = ex_len(doc, at, C_HONORIFIC);
  if (i == EX_NONE && honor) i = ex_owner(doc, at + honor);
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
    if (more && end + more <= stop) end += more;
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

/* The end of what is ordered: the sentence, or a semicolon with another directive behind it. */
static uint32_t content_end(const ex_doc *doc, uint32_t t, uint32_t stop) {
  uint32_t end = stop - t > CONTENT_MAX ? t + CONTENT_MAX : stop;
  *doc->steps += end - t;
  for (uint32_t k = t, last = end; k < last; k++)
    if (ex_is(doc, k, ';') &&
        (ex_len(doc, k + 1, C_DIRECTIVE) || ex_len(doc, k + 1 + ex_len(doc, k + 1, C_ADVERB), C_DIRECTIVE))) {
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

/* "trước ngày 20-6-2025", "trong quý 2": a date behind a word of deadline. */
static void find_deadline(ex_doc *doc, uint32_t t0, uint32_t t1, ex_directive *d) {
  d->deadline_date = EX_NONE;
  for (uint32_t t = t0; t < t1; t++) {
    uint32_t i = ex_owner(doc, t);
    if (i == EX_NONE || ex_ent_at(doc, i)->t0 != t || ex_ent_at(doc, i)->type != E_DATE) continue;
    if (ex_ent_at(doc, i)->precision == 'p' || ex_ent_at(doc, i)->precision == 'u') continue;
    uint32_t cue = ex_hit_before(doc, t0, t, C_DEADLINE);
    if (cue == EX_NONE) continue;
    d->deadline_date = i;
    d->deadline = span_of(doc, cue, ex_ent_at(doc, i)->t1);
    return;
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
    if (attrs & EXA_WEAK) return 0;
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
  int bare = !modal && at == o.to.t1 && t == clause->t0 && ex_len(doc, at, C_VERB) > 1;
  if ((!must && !bare) || at >= clause->t1) return 0;
  o.verb = span_of(doc, at, at + (must ? 1 : ex_len(doc, at, C_VERB)));
  return add(doc, &o, at, content_end(doc, at, clause->t1));
}
