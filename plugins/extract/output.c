/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations as JSON. */
#include "output.h"

#include <string.h>

#include <cjson/cJSON.h>
#include <sluice/plugin.h>

/* Where things are put; failed once is failed for good. */
struct out {
  const ex_doc *doc;
  uint32_t types;
  uint32_t *number; /* of the entity in the output, 0: not written */
  char *buf;        /* scratch for strings */
  size_t cap;
  int failed;
};

static int reserve(struct out *o, size_t n) {
  if (n <= o->cap) return 1;
  char *p = cJSON_malloc(n * 2);
  if (p && o->buf) memcpy(p, o->buf, o->cap);
  if (p) cJSON_free(o->buf);
  if (!p) {
    o->failed = 1;
    return 0;
  }
  o->buf = p;
  o->cap = n * 2;
  return 1;
}

static void put(struct out *o, cJSON *to, const char *key, cJSON *item) {
  /* Keys are literals, and a plugin is never unloaded: they need no copies. */
  if (item && cJSON_AddItemToObjectCS(to, key, item)) return;
  cJSON_Delete(item);
  o->failed = 1;
}

/* A string item over a copy of s[0, n): one copy less than cJSON_CreateString, which measures what it copies. */
static cJSON *new_string(const char *s, size_t n) {
  char *copy = cJSON_malloc(n + 1);
  cJSON *item = copy ? cJSON_CreateStringReference(copy) : NULL;
  if (!item) {
    cJSON_free(copy);
    return NULL;
  }
  memcpy(copy, s, n);
  copy[n] = '\0';
  item->type = cJSON_String;
  return item;
}

static void put_bytes(struct out *o, cJSON *to, const char *key, const char *s, size_t n) {
  put(o, to, key, new_string(s, n));
}

/* A literal: it needs no copy either. */
static void put_literal(struct out *o, cJSON *to, const char *key, const char *s) {
  put(o, to, key, cJSON_CreateStringReference(s));
}

/* s may be NULL: the key is left out. */
static void put_string(struct out *o, cJSON *to, const char *key, const char *s) {
  if (s) put_bytes(o, to, key, s, strlen(s));
}

static void put_slice(struct out *o, cJSON *to, const char *key, uint32_t start, uint32_t end) {
  put_bytes(o, to, key, o->doc->s + start, end - start);
}

static void put_number(struct out *o, cJSON *to, const char *key, double v) { put(o, to, key, cJSON_CreateNumber(v)); }

/* {"start":, "end":, "text":} */
static void put_span(struct out *o, cJSON *to, const char *key, ex_span span) {
  cJSON *s = cJSON_CreateObject();
  if (!s) {
    o->failed = 1;
    return;
  }
  put_number(o, s, "start", span.start);
  put_number(o, s, "end", span.end);
  put_slice(o, s, "text", span.start, span.end);
  put(o, to, key, s);
}

static cJSON *ref(struct out *o, uint32_t ent) {
  char id[16];
  size_t at = sizeof(id);
  uint32_t number = ent == EX_NONE ? 0 : o->number[ent];
  if (!number) return cJSON_CreateNull();
  for (; number; number /= 10) id[--at] = (char)('0' + number % 10);
  id[--at] = 'e';
  return new_string(id + at, sizeof(id) - at);
}

static void add_ref(struct out *o, cJSON *list, uint32_t ent) {
  cJSON *item = ref(o, ent);
  if (item && cJSON_AddItemToArray(list, item)) return;
  cJSON_Delete(item);
  o->failed = 1;
}

/* The slice with abbreviations written out ("Bộ GTVT" → "Bộ Giao thông vận tải"). */
static void put_expanded(struct out *o, cJSON *to, const char *key, uint32_t t0, uint32_t t1) {
  const ex_doc *doc = o->doc;
  static const ex_class classes[] = {C_ORG, C_ORG_HEAD, C_ORG_WORD, C_PLACE};
  size_t n = 0;
  for (uint32_t t = t0; t < t1;) {
    const char *norm = NULL;
    uint32_t len = 1;
    for (size_t c = 0; c < 4; c++) {
      const ex_hit *h = ex_hit_at(doc, t, classes[c]);
      if (!h || t + h->len > t1 || h->len < len || (norm && h->len == len)) continue;
      uint32_t at = ex_lex_entry(doc->lex, h->entry)->norm;
      norm = at ? ex_lex_string(doc->lex, at) : NULL;
      len = h->len;
    }
    const char *from = norm ? norm : doc->s + doc->tok[t].start;
    size_t k = norm ? strlen(norm) : doc->tok[t + len - 1].end - doc->tok[t].start;
    size_t gap = t + len < t1 ? doc->tok[t + len].start - doc->tok[t + len - 1].end : 0;
    if (!reserve(o, n + k + gap + 1)) return;
    memcpy(o->buf + n, from, k);
    memcpy(o->buf + n + k, doc->s + doc->tok[t + len - 1].end, gap);
    n += k + gap;
    t += len;
  }
  put_bytes(o, to, key, o->buf, n);
}

static void put_norm(struct out *o, cJSON *to, const ex_ent *e) {
  const char *norm = ex_kept(o->doc, e->norm);
  if (norm) {
    put_string(o, to, "norm", norm);
  } else {
    put_slice(o, to, "norm", e->start, e->end);
  }
}

static void write_role(struct out *o, cJSON *to, const ex_ent *e) {
  put_norm(o, to, e);
  put(o, to, "person", ref(o, e->person));
  const char *attach = e->flags & EF_SHARED  ? "distributed"
                       : e->flags & EF_COREF ? "coref"
                       : e->flags & EF_POST  ? "post"
                                             : "pre";
  if (e->person != EX_NONE) put_literal(o, to, "attach", attach);
  if (e->link != EX_NONE) put(o, to, "org", ref(o, e->link));
  if (!e->share) return;
  cJSON *all = cJSON_CreateArray();
  if (!all) {
    o->failed = 1;
    return;
  }
  const uint32_t *shares = (const uint32_t *)o->doc->shares.items + e->first_share;
  add_ref(o, all, e->person);
  for (uint32_t k = 0; k < e->share; k++) add_ref(o, all, shares[k]);
  put(o, to, "persons", all);
}

static void write_loc(struct out *o, cJSON *to, const ex_ent *e) {
  const ex_doc *doc = o->doc;
  uint32_t core = e->t0;
  if (e->core1) {
    put_slice(o, to, "core", e->core0, e->core1);
    while (core + 1 < e->t1 && doc->tok[core].start < e->core0) core++;
    /* Of a unit the name alone is the norm; "sông Hồng" stays whole. */
    if (!ex_len(doc, e->t0, C_ADMIN) || (ex_flags(doc, core) & TK_NUM)) core = e->t0;
  }
  put_expanded(o, to, "norm", core, e->t1);
  uint32_t unit = ex_unit_of(doc, e);
  if (!unit) return;
  const ex_unit *u = ex_lex_unit(doc->lex, unit);
  put_string(o, to, "gaz", u->code);
  put_literal(o, to, "level", u->level == 'P' ? "province" : u->level == 'D' ? "district" : "ward");
  if (u->validity == '<') put_literal(o, to, "until", "2025-06-30");
  if (u->validity == '>') put_literal(o, to, "since", "2025-07-01");
}

static void write_date(struct out *o, cJSON *to, const ex_ent *e) {
  static const struct {
    char letter;
    const char *name;
  } names[] = {{'d', "day"},    {'m', "month"},    {'q', "quarter"}, {'y', "year"},
               {'p', "period"}, {'i', "interval"}, {'u', "duration"}};
  put_norm(o, to, e);
  if (e->core1) put_slice(o, to, "core", e->core0, e->core1);
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (names[i].letter == e->precision) put_literal(o, to, "precision", names[i].name);
  put_literal(o, to, "year_from", e->flags & EF_HEADER_YEAR ? "header" : e->flags & EF_TEXT_YEAR ? "text" : "none");
  if (e->flags & EF_WEAK) put_literal(o, to, "calendar", "lunar");
}

/* Bodies that a symbol names beyond doubt. */
static const char *issuer_of_symbol(const char *sym) {
  static const struct {
    const char *end, *issuer;
  } known[] = {
      {"NĐ-CP", "Chính phủ"}, {"NQ-CP", "Chính phủ"}, {"TTg", "Thủ tướng Chính phủ"}, {"CTN", "Chủ tịch nước"}};
  size_t n = sym ? strlen(sym) : 0;
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    size_t k = strlen(known[i].end);
    if (n >= k && memcmp(sym + n - k, known[i].end, k) == 0) return known[i].issuer;
  }
  if (sym && strstr(sym, "UBTVQH")) return "Ủy ban Thường vụ Quốc hội";
  return sym && strncmp(sym, "QH", 2) == 0 ? "Quốc hội" : NULL;
}

static void write_legal(struct out *o, cJSON *to, const ex_ent *e) {
  const ex_doc *doc = o->doc;
  put_norm(o, to, e);
  put_string(o, to, "kind", ex_kept(doc, e->kind));
  if (e->unit) put_string(o, to, "no", ex_kept(doc, e->unit));
  if (e->extra) put_string(o, to, "sym", ex_kept(doc, e->extra));
  const char *issuer = issuer_of_symbol(ex_kept(doc, e->extra));
  if (issuer) {
    put_literal(o, to, "issuer", issuer);
  } else if (e->link != EX_NONE) {
    const ex_ent *body = ex_ent_at(doc, e->link);
    put_slice(o, to, "issuer", body->start, body->end);
  } else {
    put(o, to, "issuer", cJSON_CreateNull());
  }
  const char *issued = e->issued != EX_NONE ? ex_kept(doc, ex_ent_at(doc, e->issued)->norm) : NULL;
  if (issued) put_string(o, to, "issued", issued);
}

static void write_quantity(struct out *o, cJSON *to, const ex_ent *e) {
  put_norm(o, to, e);
  put_string(o, to, "value", ex_kept(o->doc, e->kind));
  if (e->extra) put_string(o, to, "value_to", ex_kept(o->doc, e->extra));
  if (e->unit) put_string(o, to, "unit", ex_kept(o->doc, e->unit));
  if (e->measure1 > e->measure0) put_slice(o, to, "measure", e->measure0, e->measure1);
  if (e->issued == EX_NONE) return;
  const ex_ent *period = ex_ent_at(o->doc, e->issued);
  put_slice(o, to, "period", period->start, period->end);
}

static cJSON *write_entity(struct out *o, uint32_t i) {
  static const char *const names[] = {"PERSON", "ROLE", "ORG", "LOC", "DATE", "LEGAL_REF", "QUANTITY"};
  const ex_ent *e = ex_ent_at(o->doc, i);
  cJSON *to = cJSON_CreateObject();
  if (!to) return NULL;
  put(o, to, "id", ref(o, i));
  put_literal(o, to, "type", names[e->type]);
  put_number(o, to, "start", e->start);
  put_number(o, to, "end", e->end);
  put_slice(o, to, "text", e->start, e->end);
  switch ((ex_type)e->type) {
  case E_ROLE:
    write_role(o, to, e);
    break;
  case E_ORG:
    if (e->norm) {
      put_norm(o, to, e);
    } else {
      put_expanded(o, to, "norm", e->t0, e->t1);
    }
    if (e->flags & EF_NESTED) put(o, to, "nested", cJSON_CreateTrue());
    break;
  case E_LOC:
    write_loc(o, to, e);
    break;
  case E_DATE:
    write_date(o, to, e);
    break;
  case E_LEGAL:
    write_legal(o, to, e);
    break;
  case E_QUANTITY:
    write_quantity(o, to, e);
    break;
  default:
    put_norm(o, to, e);
  }
  return to;
}

static int wanted(const struct out *o, uint32_t i) {
  const ex_ent *e = ex_ent_at(o->doc, i);
  return !(e->flags & EF_HIDDEN) && (o->types >> e->type & 1u);
}

static uint32_t in_order(const ex_doc *doc, uint32_t k) { return ((const uint32_t *)doc->order.items)[k]; }

static cJSON *write_entities(struct out *o) {
  cJSON *all = cJSON_CreateArray();
  uint32_t n = 0;
  for (uint32_t k = 0; k < o->doc->order.n; k++)
    if (wanted(o, in_order(o->doc, k))) o->number[in_order(o->doc, k)] = ++n;
  for (uint32_t k = 0; all && k < o->doc->order.n && !o->failed; k++) {
    if (!wanted(o, in_order(o->doc, k))) continue;
    cJSON *e = write_entity(o, in_order(o->doc, k));
    if (e && cJSON_AddItemToArray(all, e)) continue;
    cJSON_Delete(e);
    o->failed = 1;
  }
  if (!all) o->failed = 1;
  return all;
}

static const char *strength_name(uint32_t strength) {
  switch (strength) {
  case EXA_DEMAND:
    return "demand";
  case EXA_REQUEST:
    return "request";
  case EXA_ASSIGN:
    return "assign";
  case EXA_URGE:
    return "urge";
  case EXA_NOTE:
    return "note";
  default:
    return "implicit";
  }
}

static void put_speaker(struct out *o, cJSON *to, uint32_t speaker, ex_span text) {
  put(o, to, "speaker", ref(o, speaker));
  const ex_ent *e = speaker == EX_NONE ? NULL : ex_ent_at(o->doc, speaker);
  if (e && e->type == E_PERSON) {
    cJSON *norm = cJSON_CreateObject();
    if (norm) put_norm(o, norm, e);
    cJSON *name = norm ? cJSON_DetachItemFromObject(norm, "norm") : NULL;
    cJSON_Delete(norm);
    put(o, to, "speaker_norm", name);
  } else if (e) {
    put_expanded(o, to, "speaker_norm", e->t0, e->t1);
  }
  if (text.end > text.start) put_span(o, to, "speaker_text", text);
}

static cJSON *write_directive(struct out *o, const ex_directive *d) {
  cJSON *to = cJSON_CreateObject(), *list = cJSON_CreateArray();
  if (!to || !list) {
    cJSON_Delete(to);
    cJSON_Delete(list);
    return NULL;
  }
  put_speaker(o, to, d->speaker, d->speaker_text);
  put_slice(o, to, "verb", d->verb.start, d->verb.end);
  put_number(o, to, "start", d->verb.start);
  put_number(o, to, "end", d->verb.end);
  put_literal(o, to, "strength", strength_name(d->strength));
  for (uint32_t k = 0; k < d->n_to; k++) {
    uint32_t ent = ((const uint32_t *)o->doc->targets.items)[d->first_to + k];
    if (o->number[ent]) add_ref(o, list, ent);
  }
  put(o, to, "addressees", list);
  if (d->to.end > d->to.start) put_span(o, to, "to", d->to);
  put_span(o, to, "content", d->content);
  if (d->deadline_date == EX_NONE) {
    put(o, to, "deadline", cJSON_CreateNull());
  } else {
    put_span(o, to, "deadline", d->deadline);
    cJSON *deadline = cJSON_GetObjectItemCaseSensitive(to, "deadline");
    const char *norm = ex_kept(o->doc, d->deadline_norm);
    if (deadline && norm) put_string(o, deadline, "norm", norm);
    if (deadline) put(o, deadline, "date", ref(o, d->deadline_date));
  }
  put(o, to, "inherited_speaker", cJSON_CreateBool(d->inherited));
  return to;
}

static cJSON *write_quote(struct out *o, const ex_quote *q) {
  cJSON *to = cJSON_CreateObject();
  if (!to) return NULL;
  put_number(o, to, "start", q->content.start);
  put_number(o, to, "end", q->content.end);
  put_slice(o, to, "text", q->content.start, q->content.end);
  put_speaker(o, to, q->speaker, q->speaker_text);
  put_slice(o, to, "verb", q->verb.start, q->verb.end);
  put(o, to, "direct", cJSON_CreateBool(q->direct));
  return to;
}

static cJSON *write_change(struct out *o, const ex_change *c) {
  cJSON *to = cJSON_CreateObject();
  if (!to) return NULL;
  put(o, to, "from", ref(o, c->from));
  put(o, to, "to", ref(o, c->to));
  const char *what = ex_kept(o->doc, ex_ent_at(o->doc, c->from)->unit);
  if (what) put_string(o, to, "what", what);
  return to;
}

static cJSON *write_list(struct out *o, const ex_vec *v, size_t size, cJSON *(*write)(struct out *, const void *)) {
  cJSON *all = cJSON_CreateArray();
  for (uint32_t k = 0; all && k < v->n && !o->failed; k++) {
    cJSON *item = write(o, (const char *)v->items + k * size);
    if (item && cJSON_AddItemToArray(all, item)) continue;
    cJSON_Delete(item);
    o->failed = 1;
  }
  if (!all) o->failed = 1;
  return all;
}

static cJSON *directive_item(struct out *o, const void *item) { return write_directive(o, item); }
static cJSON *quote_item(struct out *o, const void *item) { return write_quote(o, item); }
static cJSON *change_item(struct out *o, const void *item) { return write_change(o, item); }

int ex_output(const ex_doc *doc, uint32_t types, cJSON **ret_entities, cJSON **ret_directives, cJSON **ret_quotes,
              cJSON **ret_changes) {
  struct out o = {.doc = doc, .types = types, .number = cJSON_malloc(((size_t)doc->ents.n + 1) * sizeof(uint32_t))};
  if (!o.number) return SL_ENOMEM;
  memset(o.number, 0, ((size_t)doc->ents.n + 1) * sizeof(uint32_t));
  cJSON *list[4] = {0};
  list[0] = write_entities(&o);
  if (!o.failed) list[1] = write_list(&o, &doc->directives, sizeof(ex_directive), directive_item);
  if (!o.failed) list[2] = write_list(&o, &doc->quotes, sizeof(ex_quote), quote_item);
  if (!o.failed && ret_changes) list[3] = write_list(&o, &doc->changes, sizeof(ex_change), change_item);
  cJSON_free(o.number);
  cJSON_free(o.buf);
  if (o.failed) {
    for (int i = 0; i < 4; i++) cJSON_Delete(list[i]);
    return SL_ENOMEM;
  }
  *ret_entities = list[0];
  *ret_directives = list[1];
  *ret_quotes = list[2];
  if (ret_changes) *ret_changes = list[3];
  return 0;
}
