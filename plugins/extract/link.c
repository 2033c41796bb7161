/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What joins entities: whose full name a given name stands for, who holds a role that is mentioned alone, which persons
 * share the role at the head of a list, which capitals are places after all, who issued a document.
 */
#include "annot.h"

#include <string.h>

#define SLOTS 1024u   /* direct-mapped tables: the newest of equal slots wins */
#define RECENT 32u    /* roles looked back for a holder */
#define ROLES_MAX 12u /* roles kept of one person */

/* A role of a person; next is index + 1 in doc->links. */
struct role_link {
  uint32_t role, next;
};

static uint32_t hash_words(const ex_doc *doc, uint32_t t0, uint32_t t1) {
  uint32_t h = 2166136261u;
  for (uint32_t t = t0; t < t1; t++) h = (h ^ doc->tok[t].key_low) * 16777619u;
  return h ^ h >> 15;
}

/* Entities in the order of the text; a body inside a role comes behind it. */
static void sort_entities(ex_doc *doc) {
  doc->order.n = 0;
  for (uint32_t t = 0; t < doc->n_tok; t++) {
    uint32_t i = ex_owner(doc, t);
    if (i == EX_NONE || ex_ent_at(doc, i)->t0 != t) continue;
    uint32_t *to = ex_push(doc, &doc->order, sizeof(*to));
    if (!to) return;
    *to = i;
    uint32_t org = ex_ent_at(doc, i)->type == E_ROLE ? ex_ent_at(doc, i)->link : EX_NONE;
    if (org != EX_NONE) {
      to = ex_push(doc, &doc->order, sizeof(*to));
      if (!to) return;
      *to = org;
    }
  }
}

static uint32_t in_order(const ex_doc *doc, uint32_t k) { return ((const uint32_t *)doc->order.items)[k]; }

static uint32_t *table(ex_doc *doc, ex_vec *v, uint32_t slots) {
  v->n = 0;
  uint32_t *items = ex_push_many(doc, v, slots, sizeof(*items));
  /* All ones: EX_NONE in each slot. */
  return items ? memset(items, 0xFF, slots * sizeof(*items)) : NULL;
}

/* A person: the first mention of the same name, or the full name that ends with these syllables. */
static void link_person(ex_doc *doc, uint32_t i, uint32_t *full, uint32_t *last) {
  ex_ent *e = ex_ent_at(doc, i);
  uint32_t n = e->t1 - e->t0, h = hash_words(doc, e->t0, e->t1) % SLOTS, end = doc->tok[e->t1 - 1].key_low % SLOTS;
  uint32_t same = full[h];
  e->person = i;
  if (same != EX_NONE && ex_ent_at(doc, same)->t1 - ex_ent_at(doc, same)->t0 == n &&
      ex_equal(doc, ex_ent_at(doc, same)->t0, e->t0, n)) {
    e->person = ex_ent_at(doc, same)->person;
    last[end] = e->person;
    return;
  }
  uint32_t longer = last[end];
  if ((e->flags & EF_GIVEN) && longer != EX_NONE) {
    const ex_ent *f = ex_ent_at(doc, longer);
    if (f->t1 - f->t0 > n && ex_equal(doc, f->t1 - n, e->t0, n)) {
      e->person = longer;
      e->norm = ex_keep(doc, doc->s + f->start, f->end - f->start);
      return;
    }
  }
  full[h] = i;
  if (n > 1 || longer == EX_NONE) last[end] = i;
}

static void link_persons(ex_doc *doc) {
  uint32_t *slots = table(doc, &doc->names, 2 * SLOTS);
  for (uint32_t k = 0; slots && k < doc->order.n; k++) {
    uint32_t i = in_order(doc, k);
    if (ex_ent_at(doc, i)->type == E_PERSON) link_person(doc, i, slots, slots + SLOTS);
  }
}

/* -- places -- */

static uint32_t core_first(const ex_doc *doc, const ex_ent *e) {
  uint32_t t = e->t0;
  while (e->core1 && t + 1 < e->t1 && doc->tok[t].start < e->core0) t++;
  return t;
}

/* Does a sure place stand beside this one in a list? */
static int listed_beside(const ex_doc *doc, uint32_t joint, uint32_t other) {
  if (!ex_is(doc, joint, ',') && !ex_word(doc, joint, "và") && !ex_is(doc, joint, '-') && !ex_is(doc, joint, 0x2013))
    return 0;
  uint32_t i = ex_owner(doc, other);
  return i != EX_NONE && ex_ent_at(doc, i)->type == E_LOC && !(ex_ent_at(doc, i)->flags & EF_WEAK);
}

static int supported(const ex_doc *doc, const ex_ent *e, const uint32_t *seen) {
  uint32_t known = ex_len(doc, e->t0, C_GAZ), h = hash_words(doc, e->t0, e->t1) % SLOTS, same = seen[h];
  if (same != EX_NONE) {
    const ex_ent *s = ex_ent_at(doc, same);
    uint32_t from = core_first(doc, s);
    if (s->t1 - from == e->t1 - e->t0 && ex_equal(doc, from, e->t0, e->t1 - e->t0)) return 1;
  }
  if (e->t0 > 1 && ex_same_line(doc, e->t0) && listed_beside(doc, e->t0 - 1, e->t0 - 2)) return 1;
  if (ex_same_line(doc, e->t1) && listed_beside(doc, e->t1, e->t1 + 1)) return 1;
  uint32_t prep = ex_same_line(doc, e->t0) ? ex_hit_before(doc, e->t0 > 2 ? e->t0 - 2 : 0, e->t0, C_PREP) : EX_NONE;
  if (prep == EX_NONE) return 0;
  return known == e->t1 - e->t0 || ex_word(doc, prep, "tại") || ex_word(doc, prep, "ở");
}

/* Weak places are kept when something speaks for them. Backwards once and forwards once: lists carry support both ways.
 */
static void settle_places(ex_doc *doc) {
  uint32_t *seen = table(doc, &doc->names, SLOTS);
  if (!seen) return;
  for (uint32_t k = 0; k < doc->order.n; k++) {
    const ex_ent *e = ex_ent_at(doc, in_order(doc, k));
    if (e->type == E_LOC && !(e->flags & EF_WEAK))
      seen[hash_words(doc, core_first(doc, e), e->t1) % SLOTS] = in_order(doc, k);
  }
  for (uint32_t k = doc->order.n; k-- > 0;) {
    ex_ent *e = ex_ent_at(doc, in_order(doc, k));
    if (e->type == E_LOC && (e->flags & EF_WEAK) && supported(doc, e, seen)) e->flags &= ~EF_WEAK;
  }
  for (uint32_t k = 0; k < doc->order.n; k++) {
    ex_ent *e = ex_ent_at(doc, in_order(doc, k));
    if (e->type != E_LOC || !(e->flags & EF_WEAK)) continue;
    if (supported(doc, e, seen)) {
      e->flags &= ~EF_WEAK;
    } else {
      ex_drop(doc, in_order(doc, k));
    }
  }
}

/* -- roles -- */

static uint32_t title_len(const ex_doc *doc, const ex_ent *e) {
  uint32_t title = ex_len(doc, e->t0, C_TITLE);
  return title && title < e->t1 - e->t0 ? title : e->t1 - e->t0;
}

/* May the short role stand for the long one? Equal, or the beginning of it that has the whole title. */
static int stands_for(const ex_doc *doc, const ex_ent *a, const ex_ent *b) {
  uint32_t na = a->t1 - a->t0, nb = b->t1 - b->t0;
  const ex_ent *longer = na > nb ? a : b;
  uint32_t n = na < nb ? na : nb;
  if (!ex_equal(doc, a->t0, b->t0, n)) return 0;
  return na == nb || n >= title_len(doc, longer);
}

/* A role that nobody stands beside: the person who held it last. */
static void link_lonely_roles(ex_doc *doc) {
  uint32_t recent[RECENT], n = 0;
  for (uint32_t k = 0; k < doc->order.n; k++) {
    uint32_t i = in_order(doc, k);
    ex_ent *e = ex_ent_at(doc, i);
    if (e->type != E_ROLE) continue;
    if (e->person == EX_NONE && !(e->flags & (EF_PLURAL | EF_SHARED))) {
      for (uint32_t back = 1; back <= RECENT && back <= n; back++) {
        const ex_ent *r = ex_ent_at(doc, recent[(n - back) % RECENT]);
        if (!stands_for(doc, e, r)) continue;
        e->person = r->person;
        e->flags |= EF_COREF;
        break;
      }
    }
    if (e->person != EX_NONE && !(e->flags & EF_COREF)) recent[n++ % RECENT] = i;
  }
}

/* A full role in a headline, whose holder is named further on with its title alone: "Bộ trưởng Bộ Xây dựng trả lời … Bộ
 * trưởng Trần Hồng Khang". */
static void link_early_roles(ex_doc *doc) {
  uint32_t recent[RECENT], n = 0;
  for (uint32_t k = doc->order.n; k-- > 0;) {
    uint32_t i = in_order(doc, k);
    ex_ent *e = ex_ent_at(doc, i);
    if (e->type != E_ROLE) continue;
    if (e->person != EX_NONE) {
      if (!(e->flags & (EF_COREF | EF_SHARED | EF_PLURAL))) recent[n++ % RECENT] = i;
      continue;
    }
    if (e->flags & (EF_PLURAL | EF_SHARED)) continue;
    for (uint32_t back = 1; back <= RECENT && back <= n; back++) {
      const ex_ent *r = ex_ent_at(doc, recent[(n - back) % RECENT]);
      if (!stands_for(doc, e, r)) continue;
      e->person = r->person;
      e->flags |= EF_COREF;
      break;
    }
  }
}

static void add_share(ex_doc *doc, uint32_t role, uint32_t person) {
  if (ex_ent_at(doc, role)->person == EX_NONE) {
    ex_ent_at(doc, role)->person = person;
    return;
  }
  uint32_t *to = ex_push(doc, &doc->shares, sizeof(*to));
  if (!to) return;
  *to = person;
  ex_ent *e = ex_ent_at(doc, role);
  if (!e->share) e->first_share = doc->shares.n - 1;
  if (e->share < UINT16_MAX) e->share++;
}

/* "các Ủy viên Bộ Chính trị: A; B; C": the role holds for all until the sentence ends or another such head comes. */
static void share_header(ex_doc *doc, uint32_t role) {
  uint32_t t = ex_ent_at(doc, role)->t1 + 1;
  int plural = (ex_ent_at(doc, role)->flags & EF_PLURAL) != 0;
  for (; t < doc->n_tok && !(doc->tok[t].flags & (TK_BOS | TK_BOP)); t++) {
    doc->work++;
    uint32_t i = ex_owner(doc, t);
    if (i == EX_NONE || ex_ent_at(doc, i)->t0 != t) continue;
    if (ex_ent_at(doc, i)->type == E_ROLE && (ex_ent_at(doc, i)->flags & EF_SHARED)) return;
    if (ex_ent_at(doc, i)->type != E_PERSON) continue;
    add_share(doc, role, i);
    if (!plural) return;
  }
}

/* "các ca sĩ A, B và C": names without roles of their own share it. */
static void share_list(ex_doc *doc, uint32_t role) {
  uint32_t at = ex_ent_at(doc, ex_ent_at(doc, role)->person)->t1;
  while (ex_is(doc, at, ',') || ex_word(doc, at, "và") || ex_is(doc, at, ';')) {
    uint32_t i = ex_owner(doc, at + 1);
    if (i == EX_NONE || ex_ent_at(doc, i)->type != E_PERSON || ex_ent_at(doc, i)->t0 != at + 1) return;
    add_share(doc, role, i);
    ex_ent_at(doc, role)->flags |= EF_SHARED;
    at = ex_ent_at(doc, i)->t1;
    doc->work++;
  }
}

static void share_roles(ex_doc *doc) {
  for (uint32_t k = 0; k < doc->order.n && !doc->oom; k++) {
    uint32_t i = in_order(doc, k);
    const ex_ent *e = ex_ent_at(doc, i);
    if (e->type != E_ROLE) continue;
    if ((e->flags & EF_SHARED) && e->person == EX_NONE) {
      share_header(doc, i);
    } else if ((e->flags & EF_PLURAL) && e->person != EX_NONE && e->t1 == ex_ent_at(doc, e->person)->t0) {
      share_list(doc, i);
    }
  }
}

static uint32_t full_person(const ex_doc *doc, uint32_t person) {
  return person == EX_NONE ? EX_NONE : ex_ent_at(doc, person)->person;
}

static void keep_role(ex_doc *doc, uint32_t person, uint32_t role) {
  if (person == EX_NONE) return;
  uint32_t n = 0;
  const ex_ent *e = ex_ent_at(doc, role);
  for (uint32_t at = ex_ent_at(doc, person)->extra; at; n++) {
    const struct role_link *l = (const struct role_link *)doc->links.items + at - 1;
    const ex_ent *r = ex_ent_at(doc, l->role);
    if (n >= ROLES_MAX || (r->t1 - r->t0 == e->t1 - e->t0 && ex_equal(doc, r->t0, e->t0, e->t1 - e->t0))) return;
    at = l->next;
  }
  struct role_link *to = ex_push(doc, &doc->links, sizeof(*to));
  if (!to) return;
  *to = (struct role_link){role, ex_ent_at(doc, person)->extra};
  ex_ent_at(doc, person)->extra = doc->links.n;
}

/* "Bí thư" of somebody who is elsewhere "Bí thư Thành ủy Hà Nội" is normalised to the longer form. */
static void norm_roles(ex_doc *doc) {
  for (uint32_t k = 0; k < doc->order.n && !doc->oom; k++) {
    uint32_t i = in_order(doc, k);
    if (ex_ent_at(doc, i)->type == E_ROLE) keep_role(doc, full_person(doc, ex_ent_at(doc, i)->person), i);
  }
  for (uint32_t k = 0; k < doc->order.n && !doc->oom; k++) {
    ex_ent *e = ex_ent_at(doc, in_order(doc, k));
    uint32_t person = e->type == E_ROLE ? full_person(doc, e->person) : EX_NONE;
    if (person == EX_NONE) continue;
    const ex_ent *best = e;
    for (uint32_t at = ex_ent_at(doc, person)->extra; at;) {
      const struct role_link *l = (const struct role_link *)doc->links.items + at - 1;
      const ex_ent *r = ex_ent_at(doc, l->role);
      if (r->t1 - r->t0 > best->t1 - best->t0 && stands_for(doc, e, r)) best = r;
      at = l->next;
    }
    if (best != e) e->norm = ex_keep(doc, doc->s + best->start, best->end - best->start);
  }
}

/* -- documents -- */

/* "Bộ Chính trị đã ban hành Nghị quyết 57": who stands before the verb of issuing. EX_NONE if nobody does. */
static uint32_t issuer_before(const ex_doc *doc, uint32_t t) {
  static const char *const words[] = {"ban", "hành", "ký",    "thông", "qua", "đã",
                                      "vừa", "mới",  "chính", "thức",  "có",  "các"};
  uint32_t at = t, issued = 0, k;
  for (; at > 0 && t - at < 6 && ex_same_line(doc, at) && ex_free(doc, at - 1); at--) {
    for (k = 0; k < sizeof(words) / sizeof(words[0]) && !ex_word(doc, at - 1, words[k]); k++) continue;
    if (k == sizeof(words) / sizeof(words[0])) return EX_NONE;
    issued |= k >= 1 && k <= 4;
  }
  uint32_t who = issued && at > 0 && ex_same_line(doc, at) ? ex_owner(doc, at - 1) : EX_NONE;
  if (who == EX_NONE) return who;
  return ex_ent_at(doc, who)->type == E_ORG || ex_ent_at(doc, who)->type == E_ROLE ||
                 ex_ent_at(doc, who)->type == E_PERSON
             ? who
             : EX_NONE;
}

/* "Kết luận số 187-KL/TW ngày 29/8, Bộ Chính trị …": the body behind a document of the party. */
static uint32_t party_behind(const ex_doc *doc, uint32_t i, uint32_t at) {
  const char *sym = ex_kept(doc, ex_ent_at(doc, i)->extra);
  uint32_t body = sym && strstr(sym, "TW") && ex_is(doc, at, ',') ? ex_owner(doc, at + 1) : EX_NONE;
  return body != EX_NONE && ex_ent_at(doc, body)->type == E_ORG ? body : EX_NONE;
}

static void link_legal(ex_doc *doc, uint32_t i) {
  uint32_t at = ex_ent_at(doc, i)->t1;
  int paren = ex_is(doc, at, '(');
  uint32_t date = ex_owner(doc, at + (paren ? 1 : 0));
  if (date != EX_NONE && ex_ent_at(doc, date)->type == E_DATE && ex_ent_at(doc, date)->precision == 'd') {
    ex_ent_at(doc, i)->issued = date;
    at = ex_ent_at(doc, date)->t1 + (paren ? 1 : 0);
  }
  if (ex_word(doc, at, "của")) {
    uint32_t body = ex_owner(doc, at + 1);
    if (body != EX_NONE && (ex_ent_at(doc, body)->type == E_ORG || ex_ent_at(doc, body)->type == E_ROLE))
      ex_ent_at(doc, i)->link = body;
    return;
  }
  uint32_t who = issuer_before(doc, ex_ent_at(doc, i)->t0);
  if (who == EX_NONE) who = party_behind(doc, i, at);
  if (who != EX_NONE) {
    ex_ent_at(doc, i)->link = who;
    return;
  }
  /* "Nghị quyết 60 và Kết luận 150 của Bộ Chính trị": the issuer of the next one; entities are linked backwards. */
  uint32_t next = ex_word(doc, at, "và") && ex_ent_at(doc, i)->unit ? ex_owner(doc, at + 1) : EX_NONE;
  if (next != EX_NONE && ex_ent_at(doc, next)->type == E_LEGAL) ex_ent_at(doc, i)->link = ex_ent_at(doc, next)->link;
}

void ex_link(ex_doc *doc) {
  sort_entities(doc);
  if (!doc->oom) settle_places(doc);
  if (!doc->oom) sort_entities(doc);
  if (!doc->oom) link_persons(doc);
  if (!doc->oom) link_lonely_roles(doc);
  if (!doc->oom) link_early_roles(doc);
  if (!doc->oom) share_roles(doc);
  doc->links.n = 0;
  if (!doc->oom) norm_roles(doc);
  for (uint32_t k = doc->order.n; k-- > 0 && !doc->oom;) {
    doc->work++;
    if (ex_ent_at(doc, in_order(doc, k))->type == E_LEGAL) link_legal(doc, in_order(doc, k));
  }
}
