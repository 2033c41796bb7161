/* SPDX-License-Identifier: Apache-2.0 */
/* Roles, and the one pass from left to right that finds people, roles, bodies and places. */
#include "annot.h"
#include "run.h"

#define CHAIN_MAX 12u
#define NAMES 256u
#define RUN_MARGIN 60 /* of learned weights, for names of two words or more; three times that for one */
#define ALIASES 16u   /* initials of bodies that are remembered */
#define FIELD_MAX 6u  /* words between a title and its body that no lexicon has */

/* Roles in a row: "Ủy viên Bộ Chính trị, Bí thư Trung ương Đảng, Trưởng ban Nội chính Trung ương". */
struct chain {
  struct {
    uint32_t t0, t1, org0, org1;
    int weak; /* counts only beside a name */
  } role[CHAIN_MAX];
  uint32_t n;
  uint32_t end;          /* behind the last role */
  uint32_t name0, name1; /* the holder behind them; equal: none */
};

/* The pass from left to right. */
struct pass {
  uint32_t person;                  /* the person named last in this sentence, EX_NONE */
  uint32_t person_end;              /* the token behind it and the roles that follow */
  uint32_t last[NAMES];             /* persons with a full name, by their last syllable */
  uint32_t alias[ALIASES], n_alias; /* bodies by their initials: entities of one token, the newest n of them */
};

static uint32_t mods_end(const ex_doc *doc, uint32_t t) {
  uint32_t len;
  while ((len = ex_len(doc, t, C_TITLE_MOD)) != 0 && ex_same_line(doc, t)) {
    t += len;
    /* "khóa XV" */
    if ((ex_flags(doc, t) & TK_CAPS || ex_flags(doc, t) & TK_ONE || ex_flags(doc, t) & TK_NUM) &&
        ex_word(doc, t - 1, "khóa"))
      t++;
  }
  return t;
}

/* "trưởng phòng nghiệp vụ y Sở Y tế", "giám đốc âm nhạc Nguyễn An": words in lower case that no lexicon has between a
 * title and its body or holder. Returns their end with the body, t if they lead nowhere. */
static uint32_t field_end(const ex_doc *doc, uint32_t t, uint32_t *ret_org0, uint32_t *ret_org1) {
  static const uint64_t ends = EX_BIT(C_STOP) | EX_BIT(C_SAY) | EX_BIT(C_DIRECTIVE) | EX_BIT(C_MODAL) |
                               EX_BIT(C_ADVERB) | EX_BIT(C_HONORIFIC) | EX_BIT(C_PREP) | EX_BIT(C_TITLE) |
                               EX_BIT(C_RANK) | EX_BIT(C_JOB) | EX_BIT(C_DATE_CUE) | EX_BIT(C_TITLE_PRE);
  for (uint32_t k = t; k - t < FIELD_MAX && k < doc->n_tok; k++) {
    ++*doc->steps;
    if (!ex_same_line(doc, k) || !ex_free(doc, k) || !(ex_flags(doc, k) & TK_WORD)) return t;
    if (k > t && (ex_flags(doc, k) & TK_UPPER)) {
      uint32_t end = ex_org_end(doc, k, EX_IN_ROLE);
      if (end) {
        *ret_org0 = k;
        *ret_org1 = end;
        return end;
      }
      return ex_len(doc, k, C_FAMILY) && ex_name_end(doc, k, 1) > k + 1 ? k : t;
    }
    if ((ex_flags(doc, k) & TK_UPPER) || (ex_any(doc, k, ends) && !ex_word(doc, k, "và"))) return t;
  }
  return t;
}

/* "Phó giám đốc HCDC": the initials of a body behind a title. */
static int is_initials(const ex_doc *doc, uint32_t t) {
  int name_behind = ex_len(doc, t + 1, C_FAMILY) && !(ex_flags(doc, t + 1) & TK_CAPS);
  return (ex_flags(doc, t) & TK_CAPS) && (!ex_upper(doc, t + 1) || name_behind) && !(ex_flags(doc, t - 1) & TK_CAPS) &&
         !ex_len(doc, t, C_GIVEN);
}

/* The complement of a title that lets places and fields follow at once. */
static uint32_t free_complement(const ex_doc *doc, uint32_t t, uint32_t *ret_org0, uint32_t *ret_org1) {
  uint32_t core;
  int weak = 0;
  if ((ex_flags(doc, t) & TK_UPPER) && ex_len(doc, t, C_ORG_WORD)) return ex_org_body(doc, t, 0, EX_IN_ROLE);
  /* "Tổng thống Mỹ Donald Trump": a country of one syllable before a name. */
  uint32_t country = ex_len(doc, t, C_PLACE);
  if (country == 1 && ex_name_end(doc, t + 1, 1)) return t + 1;
  uint32_t end = ex_unit_end(doc, t, &core, &weak);
  if (end > t && !weak) {
    if (ex_word(doc, end, "tại") && ex_len(doc, end + 1, C_PLACE)) end += 1 + ex_len(doc, end + 1, C_PLACE);
    return end;
  }
  const ex_hit *admin = ex_hit_at(doc, t, C_ADMIN);
  if (admin && (ex_attrs(doc, admin) & EXA_BARE) && !(ex_flags(doc, t) & TK_UPPER)) return t + admin->len;
  if (is_initials(doc, t)) {
    *ret_org1 = t + 1;
    return t + 1;
  }
  return field_end(doc, t, ret_org0, ret_org1);
}

/* The complement of a title at t: a body, fields of work with a place, a place. */
static uint32_t complement_end(const ex_doc *doc, uint32_t t, uint32_t attrs, uint32_t *ret_org0, uint32_t *ret_org1) {
  *ret_org0 = *ret_org1 = t;
  if (!ex_same_line(doc, t) || !ex_free(doc, t)) return t;
  uint32_t end = ex_org_end(doc, t, EX_IN_ROLE);
  if (end > t) {
    *ret_org1 = end;
    /* "Đại sứ quán Việt Nam tại Nhật Bản" has no end here; roles stop at the body. */
    return end;
  }
  /* "Giám đốc Trung tâm Hồ Viết Tịnh": a bare head before the name of its holder. */
  uint32_t head = (ex_flags(doc, t) & TK_UPPER) ? ex_len(doc, t, C_ORG_HEAD) : 0;
  if (head && ex_len(doc, t + head, C_FAMILY) && ex_name_end(doc, t + head, 1)) {
    *ret_org1 = t + head;
    return t + head;
  }
  return attrs & EXA_FREE ? free_complement(doc, t, ret_org0, ret_org1) : t;
}

/* "Phó Chủ nhiệm Ủy ban Văn hóa của Quốc hội", "giám đốc điều hành của VinFast": a body behind "của" at `end`. Returns
 * the end of the role. */
static uint32_t of_body(const ex_doc *doc, uint32_t end, uint32_t attrs, uint32_t *ret_org0, uint32_t *ret_org1) {
  int none = *ret_org1 == *ret_org0;
  if ((none && !(attrs & EXA_FREE)) || !ex_word(doc, end, "của")) return end;
  uint32_t of = ex_org_end(doc, end + 1, EX_IN_ROLE | EX_NESTED);
  if (!of) return end;
  if (none) {
    *ret_org0 = end + 1;
    *ret_org1 = of;
  }
  return of;
}

uint32_t ex_role_end(const ex_doc *doc, uint32_t t, uint32_t *ret_org0, uint32_t *ret_org1) {
  *ret_org0 = *ret_org1 = t;
  if (t >= doc->n_tok || !ex_free(doc, t)) return 0;
  uint32_t made = ex_pattern_end(doc, t, E_ROLE);
  if (made || !doc->tok[t].id) return made;
  const ex_hit *rank = ex_hit_at(doc, t, C_RANK), *title = ex_hit_at(doc, t, C_TITLE);
  uint32_t at = t;
  if (!title) {
    uint32_t pre = ex_len(doc, t, C_TITLE_PRE);
    title = pre && ex_same_line(doc, t + pre) ? ex_hit_at(doc, t + pre, C_TITLE) : NULL;
    if (title) at = t + pre;
  }
  if (rank && (!title || rank->len >= title->len)) {
    uint32_t end = t + rank->len;
    if (ex_is(doc, end, '.') && ex_glued(doc, end)) end++;
    return end;
  }
  if (!title) return 0;
  uint32_t attrs = ex_attrs(doc, title), from = mods_end(doc, at + title->len);
  uint32_t end = complement_end(doc, from, attrs, ret_org0, ret_org1);
  if (end == from && (attrs & EXA_NEEDS)) return 0;
  return of_body(doc, mods_end(doc, end), attrs, ret_org0, ret_org1);
}

/* A title in lower case without a complement is a role only beside a name. */
static int needs_name(const ex_doc *doc, uint32_t t0, uint32_t t1) {
  const ex_hit *title = ex_hit_at(doc, t0, C_TITLE);
  if (!title) return 1;
  if (ex_attrs(doc, title) & EXA_WEAK) return 1;
  if (t1 > t0 + title->len && (ex_flags(doc, t0) & TK_UPPER)) return 0;
  return !(ex_flags(doc, t0) & TK_UPPER) || !(ex_attrs(doc, title) & EXA_SOLO);
}

/* The name of the holder at t, an honorific before it allowed; sets name0, name1. */
static int holder_at(const ex_doc *doc, uint32_t t, struct chain *c) {
  uint32_t at = t, honor = ex_len(doc, at, C_HONORIFIC);
  if (ex_is(doc, at, ',')) honor = ex_len(doc, ++at, C_HONORIFIC);
  if (at > t && !honor) return 0;
  if (!ex_same_line(doc, at)) return 0;
  uint32_t end = ex_name_end(doc, at, 1);
  if (at > t) end = 0;
  if (!end && honor) end = ex_name_end(doc, at += honor, 2);
  if (!end) return 0;
  c->name0 = at;
  c->name1 = end;
  return 1;
}

/* Is there a person in front whom these roles follow: "ông Phan Đình Trạc, Ủy viên …", "(Giám đốc …)", "là Giám đốc …"?
 */
static int follows_person(const ex_doc *doc, const struct pass *p, uint32_t t) {
  if (p->person == EX_NONE || t == 0) return 0;
  uint32_t at = p->person_end;
  if (ex_owner(doc, at + 1) != EX_NONE && (ex_is(doc, at, ',') || ex_is(doc, at, '(')) &&
      ex_ent_at(doc, ex_owner(doc, at + 1))->type == E_QUANTITY)
    at = ex_ent_at(doc, ex_owner(doc, at + 1))->t1; /* "…, 45 tuổi, Giám đốc" */
  if (at + 1 != t) return 0;
  return ex_is(doc, at, ',') || ex_is(doc, at, '-') || ex_is(doc, at, 0x2013) || ex_is(doc, at, '(') ||
         ex_word(doc, at, "là");
}

/* What may stand between two roles of a chain; the token behind it, 0 if there is nothing of the kind. */
static uint32_t chain_joint(const ex_doc *doc, uint32_t t) {
  if (!ex_same_line(doc, t)) return 0;
  if (ex_is(doc, t, ',') || ex_word(doc, t, "kiêm") || ex_is(doc, t, '-') || ex_is(doc, t, 0x2013)) return t + 1;
  return 0;
}

static void read_chain(const ex_doc *doc, uint32_t t, int post, struct chain *c) {
  c->n = 0;
  c->end = t;
  c->name0 = c->name1 = 0;
  uint32_t at = t;
  while (c->n < CHAIN_MAX) {
    uint32_t org0, org1, end = ex_role_end(doc, at, &org0, &org1);
    uint32_t job = ex_len(doc, at, C_JOB);
    int only_job = !end && job;
    if (only_job) {
      end = at + job;
      org0 = org1 = at;
    }
    if (!end) return;
    int weak = only_job || needs_name(doc, at, end);
    if (only_job && c->n == 0 && !post && !holder_at(doc, end, c)) return;
    c->role[c->n].t0 = at;
    c->role[c->n].t1 = end;
    c->role[c->n].org0 = org0;
    c->role[c->n].org1 = org1;
    c->role[c->n++].weak = weak;
    c->end = end;
    if (holder_at(doc, end, c)) return;
    if (ex_len(doc, end, C_RANK) || ex_len(doc, end, C_JOB)) {
      at = end;
      continue;
    }
    at = chain_joint(doc, end);
    if (!at) return;
  }
}

static uint32_t add_role(ex_doc *doc, const struct chain *c, uint32_t k) {
  uint32_t i = ex_add(doc, E_ROLE, c->role[k].t0, c->role[k].t1);
  if (i == EX_NONE) return i;
  if (c->role[k].org1 > c->role[k].org0) {
    uint32_t org = ex_add(doc, E_ORG, c->role[k].org0, c->role[k].org1);
    if (org == EX_NONE) return i;
    ex_ent_at(doc, org)->flags |= EF_NESTED;
    ex_ent_at(doc, i)->link = org;
    /* The role owns its tokens, the body inside lends itself. */
    for (uint32_t t = c->role[k].org0; t < c->role[k].org1; t++) doc->own[t] = i + 1;
  }
  return i;
}

static uint32_t add_person(ex_doc *doc, struct pass *p, uint32_t t0, uint32_t t1, uint32_t flags) {
  uint32_t i = ex_add(doc, E_PERSON, t0, t1);
  if (i == EX_NONE) return i;
  p->person = i;
  p->person_end = t1;
  if (t1 - t0 > 2 || (t1 - t0 == 2 && (ex_flags(doc, t1 - 1) & TK_FOREIGN)))
    p->last[doc->tok[t1 - 1].key_low % NAMES] = i;
  ex_ent_at(doc, i)->flags |= flags | (ex_len(doc, t0, C_FAMILY) && t1 - t0 > 1 ? 0 : EF_GIVEN);
  return i;
}

/* The group word that ends before t ("các", "hai đồng chí"). */
static int behind_group(const ex_doc *doc, uint32_t t) {
  uint32_t at = ex_hit_before(doc, t > 4 ? t - 4 : 0, t, C_GROUP);
  if (at == EX_NONE) return 0;
  return !(t > 1 && ex_word(doc, t - 1, "một"));
}

/* Adds the roles of a chain for a holder (EX_NONE: nobody yet). Returns the end of the last one kept, 0 if none is. */
static uint32_t add_roles(ex_doc *doc, const struct chain *c, uint32_t holder, int post) {
  int group = behind_group(doc, c->role[0].t0), header = ex_is(doc, c->end, ':') && c->name1 == 0;
  uint32_t kept = 0;
  for (uint32_t k = 0; k < c->n; k++) {
    int several = group && c->role[k].t1 - c->role[k].t0 > 2;
    if (holder == EX_NONE && c->role[k].weak && !header && !several) continue;
    uint32_t i = add_role(doc, c, k);
    if (i == EX_NONE) return kept;
    ex_ent *e = ex_ent_at(doc, i);
    e->person = holder;
    kept = c->role[k].t1;
    if (post) e->flags |= EF_POST;
    if (group && (k == 0 || (c->name1 == 0 && !header))) e->flags |= EF_PLURAL;
    if (header && k + 1 == c->n) e->flags |= EF_SHARED;
  }
  return kept;
}

/* Adds the roles of a chain. Returns the token to go on with. */
static uint32_t add_chain(ex_doc *doc, struct pass *p, const struct chain *c) {
  int post = c->name1 == 0 && follows_person(doc, p, c->role[0].t0);
  uint32_t holder = post ? p->person : EX_NONE, end = c->name1;
  if (c->name1) holder = add_person(doc, p, c->name0, c->name1, EF_TITLED);
  uint32_t kept = add_roles(doc, c, holder, post), next;
  if (post) p->person_end = c->end;
  if (!c->name1) return post ? c->end : kept ? kept : c->role[0].t0;
  /* "các ca sĩ Hồ Ngọc Hà, Mỹ Tâm và Tùng Dương" */
  int group = behind_group(doc, c->role[0].t0);
  while (group && (ex_is(doc, end, ',') || ex_word(doc, end, "và")) && (next = ex_name_end(doc, end + 1, 1)) != 0) {
    add_person(doc, p, end + 1, next, EF_TITLED);
    end = next;
  }
  return end;
}

static uint32_t add_place(ex_doc *doc, uint32_t t, uint32_t end, uint32_t core, int weak) {
  /* "cao tốc Đồng Đăng-Trà Lĩnh": both ends of a road are places of their own. */
  int road = ex_len(doc, t, C_PLACE_HEAD) && (ex_is(doc, end, '-') || ex_is(doc, end, 0x2013)) &&
             (ex_flags(doc, end + 1) & TK_UPPER) && ex_same_line(doc, end + 1) && core > t;
  int only_name =
      core > t && !ex_len(doc, t, C_ADMIN) && ex_len(doc, t, C_PLACE_HEAD) && core - t > ex_len(doc, t, C_PLACE_HEAD);
  if (road || only_name) t = core;
  uint32_t i = ex_add(doc, E_LOC, t, end);
  if (i == EX_NONE) return end;
  if (weak) ex_ent_at(doc, i)->flags |= EF_WEAK;
  if (core > t) ex_core(doc, i, core, end);
  if (road) {
    uint32_t next, w2;
    int w;
    next = ex_unit_end(doc, end + 1, &w2, &w);
    if (!next) {
      next = end + 2;
      while (next - end < 4 && ex_upper(doc, next)) next++;
    }
    ex_add(doc, E_LOC, end + 1, next);
    return next;
  }
  return end;
}

/* The end of the capitals from t on that nothing explains, at most four. */
static uint32_t unknown_end(const ex_doc *doc, uint32_t t) {
  uint32_t end = t + 1;
  while (end - t < 4 && ex_upper(doc, end) && ex_len(doc, end, C_ORG) < 2 && !ex_len(doc, end, C_EVENT) &&
         !ex_len(doc, end, C_TITLE) && ex_len(doc, end, C_ORG_HEAD) < 2)
    end++;
  return end;
}

/* What the learned weights say of capitals with a foreign word in them. Returns the end, 0 if they say nothing. */
static uint32_t learned_run(ex_doc *doc, struct pass *p, uint32_t t, uint32_t end) {
  static const ex_type types[] = {E_TYPES, E_PERSON, E_LOC, E_ORG};
  static const uint64_t openings = EX_BIT(C_PREP) | EX_BIT(C_STOP) | EX_BIT(C_ADVERB) | EX_BIT(C_GROUP);
  /* "Ở Campuchia": a small word that begins the sentence. */
  if ((ex_flags(doc, t) & TK_BOS) && !(ex_flags(doc, t) & TK_FOREIGN) && ex_any(doc, t, openings)) return 0;
  int margin, need = end - t > 1 ? RUN_MARGIN : 3 * RUN_MARGIN;
  unsigned cls = ex_run_class(doc, t, end, &margin);
  if (cls == EX_RUN_OTHER || margin < need || (cls == EX_RUN_PERSON && end - t < 2)) return 0;
  if (cls == EX_RUN_PERSON) {
    add_person(doc, p, t, end, 0);
  } else {
    ex_add(doc, types[cls], t, end);
  }
  return end;
}

/* Capitals that nothing explains: foreign ones by the learned weights; two or three others perhaps a place, link.c
 * decides. */
static uint32_t unknown_capitals(ex_doc *doc, struct pass *p, uint32_t t) {
  if (!(ex_flags(doc, t) & TK_UPPER) || (ex_flags(doc, t) & TK_CAPS) || ex_len(doc, t, C_EVENT) ||
      ex_len(doc, t, C_ORG_HEAD) || ex_len(doc, t, C_TITLE) || ex_len(doc, t, C_RANK) || ex_len(doc, t, C_LEGAL))
    return 0;
  uint32_t end = unknown_end(doc, t), foreign = 0, caps = 0;
  for (uint32_t k = t; k < end; k++) {
    foreign += (ex_flags(doc, k) & TK_FOREIGN) != 0;
    caps += (ex_flags(doc, k) & TK_CAPS) != 0;
  }
  if (foreign && !ex_glued(doc, end)) return learned_run(doc, p, t, end);
  if (foreign || caps || (ex_flags(doc, t) & (TK_BOS | TK_BOP)) || end - t == 1 || end - t > 3) return 0;
  uint32_t i = ex_add(doc, E_LOC, t, end);
  if (i != EX_NONE) ex_ent_at(doc, i)->flags |= EF_WEAK;
  return end;
}

/* "Bình khai nhận" behind "Vũ Huy Bình": the given name by itself, before a word in lower case. */
static uint32_t known_given(const ex_doc *doc, const struct pass *p, uint32_t t) {
  static const uint64_t others = EX_BIT(C_HONORIFIC) | EX_BIT(C_EVENT) | EX_BIT(C_PLACE) | EX_BIT(C_TITLE) |
                                 EX_BIT(C_ORG_HEAD) | EX_BIT(C_ADMIN) | EX_BIT(C_PLACE_HEAD);
  uint32_t i = p->last[doc->tok[t].key_low % NAMES];
  int foreign = (ex_flags(doc, t) & TK_FOREIGN) != 0;
  if (i == EX_NONE || ex_ent_at(doc, i)->t1 - ex_ent_at(doc, i)->t0 < (foreign ? 2u : 3u) ||
      !ex_equal(doc, ex_ent_at(doc, i)->t1 - 1, t, 1))
    return 0;
  /* At the start of a sentence any word has a capital: "Bình minh". */
  static const uint64_t verbs = EX_BIT(C_SAY) | EX_BIT(C_ADVERB) | EX_BIT(C_DIRECTIVE) | EX_BIT(C_MODAL);
  if ((ex_flags(doc, t) & (TK_BOS | TK_BOP)) && !ex_any(doc, t + 1, verbs)) return 0;
  int before = t > 0 && ex_same_line(doc, t) && (ex_flags(doc, t - 1) & TK_UPPER);
  int after = ex_same_line(doc, t + 1) && (ex_flags(doc, t + 1) & (TK_WORD | TK_UPPER)) == TK_WORD;
  return !before && (after || foreign) && (foreign || ex_len(doc, t, C_GIVEN)) && !ex_any(doc, t, others) ? t + 1 : 0;
}

/* "Quang Hải" behind "Nguyễn Quang Hải": the end of a full name stands for it. Returns the end, 0 if it is none. */
static uint32_t known_suffix(const ex_doc *doc, const struct pass *p, uint32_t t) {
  if (!ex_free(doc, t) || !(ex_flags(doc, t) & TK_UPPER)) return 0;
  if (!ex_upper(doc, t + 1)) return known_given(doc, p, t);
  if (ex_upper(doc, t + 2)) return 0;
  uint32_t i = p->last[doc->tok[t + 1].key_low % NAMES];
  if (i == EX_NONE || ex_ent_at(doc, i)->t1 - ex_ent_at(doc, i)->t0 < 3) return 0;
  return ex_equal(doc, ex_ent_at(doc, i)->t1 - 2, t, 2) ? t + 2 : 0;
}

static int plain_honorific(const ex_doc *doc, uint32_t t, uint32_t *ret_name, uint32_t *ret_end) {
  const ex_hit *h = ex_hit_at(doc, t, C_HONORIFIC);
  if (!h || ex_len(doc, t, C_PLACE) > 1 || ex_len(doc, t, C_GAZ) > 1) return 0;
  *ret_name = t + h->len;
  *ret_end = ex_name_end(doc, *ret_name, 2);
  return *ret_end != 0;
}

/* "Trung tâm Kiểm soát bệnh tật (HCDC)": initials in brackets behind a body stand for it from then on. Returns the
 * token behind them, 0 if there are none. */
static uint32_t alias_at(ex_doc *doc, struct pass *p, uint32_t t) {
  if (!(ex_flags(doc, t) & TK_CAPS) || !ex_free(doc, t)) return 0;
  uint32_t body = EX_NONE, norm = 0;
  if (t > 1 && ex_is(doc, t - 1, '(') && ex_is(doc, t + 1, ')')) {
    body = ex_owner(doc, t - 2);
    if (body != EX_NONE && ex_ent_at(doc, body)->type == E_ROLE) body = ex_ent_at(doc, body)->link;
    if (body == EX_NONE || ex_ent_at(doc, body)->type != E_ORG) return 0;
    norm = ex_keep(doc, doc->s + ex_ent_at(doc, body)->start, ex_ent_at(doc, body)->end - ex_ent_at(doc, body)->start);
  }
  for (uint32_t back = 1; body == EX_NONE && back <= ALIASES && back <= p->n_alias; back++) {
    uint32_t known = p->alias[(p->n_alias - back) % ALIASES];
    if (ex_equal(doc, ex_ent_at(doc, known)->t0, t, 1)) norm = ex_ent_at(doc, known)->norm;
    if (norm) break;
  }
  if (!norm) return 0;
  uint32_t i = ex_add(doc, E_ORG, t, t + 1);
  if (i == EX_NONE) return 0;
  ex_ent_at(doc, i)->norm = norm;
  if (body != EX_NONE) p->alias[p->n_alias++ % ALIASES] = i;
  return t + 1;
}

/* A body at t, unless a place is longer. Returns the token to go on with, 0 if there is none. */
static uint32_t body_at(ex_doc *doc, uint32_t t, uint32_t place, int weak) {
  uint32_t org = ex_org_end(doc, t, 0);
  const ex_hit *whole = ex_hit_at(doc, t, C_ORG);
  if (!org || (whole && org == t + whole->len && (ex_attrs(doc, whole) & EXA_OPTIONAL))) return 0;
  /* "Đại hội Đảng bộ tỉnh" is an event. */
  if (t > 0 && ex_len(doc, org - 1, C_ADMIN) && (ex_word(doc, t - 1, "hội") || ex_word(doc, t - 1, "biểu"))) return org;
  if (org < place || (org == place && !whole && !weak)) return 0;
  const ex_hit *head = ex_hit_at(doc, t, C_ORG_HEAD);
  int out = head && (ex_attrs(doc, head) & EXA_OUT) && !(ex_flags(doc, t) & TK_UPPER) && t + head->len < org;
  ex_add(doc, E_ORG, out ? t + head->len : t, org);
  return org;
}

/* What begins at t. Returns the token to go on with, 0 if nothing does. */
static uint32_t name_at(ex_doc *doc, struct pass *p, uint32_t t) {
  struct chain c;
  uint32_t name0, end, core;
  int weak = 0;
  read_chain(doc, t, follows_person(doc, p, t), &c);
  if (c.n && (end = add_chain(doc, p, &c)) > t) return end;
  if (plain_honorific(doc, t, &name0, &end)) {
    add_person(doc, p, name0, end, EF_TITLED);
    return end;
  }
  if ((end = alias_at(doc, p, t)) != 0) return end;
  uint32_t place = ex_place_end(doc, t, &core, &weak);
  if ((end = body_at(doc, t, place, weak)) != 0) return end;
  if (place && !weak) return add_place(doc, t, place, core, 0);
  uint32_t suffix = known_suffix(doc, p, t);
  end = suffix ? suffix : ex_name_end(doc, t, 0);
  if (end && end >= place) {
    add_person(doc, p, t, end, suffix ? EF_GIVEN : 0);
    return end;
  }
  return place ? add_place(doc, t, place, core, 1) : unknown_capitals(doc, p, t);
}

void ex_find_names(ex_doc *doc) {
  static const uint64_t lower = EX_BIT(C_PATTERN) | EX_BIT(C_RANK) | EX_BIT(C_TITLE) | EX_BIT(C_TITLE_PRE) |
                                EX_BIT(C_JOB) | EX_BIT(C_HONORIFIC) | EX_BIT(C_PLACE) | EX_BIT(C_ADMIN) |
                                EX_BIT(C_PLACE_HEAD) | EX_BIT(C_GAZ) | EX_BIT(C_ORG) | EX_BIT(C_ORG_HEAD);
  struct pass p = {.person = EX_NONE};
  for (uint32_t k = 0; k < NAMES; k++) p.last[k] = EX_NONE;
  for (uint32_t t = 0; t < doc->n_tok && !doc->oom;) {
    doc->work++;
    if (doc->tok[t].flags & (TK_BOS | TK_BOP)) p.person = EX_NONE;
    uint32_t f = doc->tok[t].flags;
    /* Most words are in lower case and begin nothing. */
    int may = !doc->own[t] && (f & TK_WORD) && ((f & TK_UPPER) || (doc->classes[t] & lower) != 0);
    uint32_t end = may ? name_at(doc, &p, t) : 0;
    t = end > t ? end : t + 1;
  }
}
