/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens with their lexicon hits and sentences, and the small questions that all rules ask. */
#include "annot.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <sluice/plugin.h>

#include <vi_text.h>

void ex_doc_init(ex_doc *doc, const ex_lex *lex) {
  memset(doc, 0, sizeof(*doc));
  doc->lex = lex;
}

void ex_doc_done(ex_doc *doc) {
  ex_vec *all[] = {&doc->toks, &doc->hits,   &doc->hit_ats, &doc->masks,      &doc->owns,   &doc->sentences,
                   &doc->ents, &doc->shares, &doc->targets, &doc->directives, &doc->quotes, &doc->changes,
                   &doc->pool, &doc->names,  &doc->order,   &doc->links,      &doc->matches};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) cJSON_free(all[i]->items);
  memset(doc, 0, sizeof(*doc));
}

static int vec_grow(ex_doc *doc, ex_vec *v, uint32_t more, size_t size) {
  uint64_t cap = v->cap ? (uint64_t)v->cap * 2 : 64;
  while (cap < (uint64_t)v->n + more) cap *= 2;
  void *p = cap <= UINT32_MAX ? cJSON_malloc((size_t)cap * size) : NULL;
  if (!p) {
    doc->oom = true;
    return 0;
  }
  if (v->n) memcpy(p, v->items, (size_t)v->n * size);
  cJSON_free(v->items);
  v->items = p;
  v->cap = (uint32_t)cap;
  return 1;
}

static inline int vec_reserve(ex_doc *doc, ex_vec *v, uint32_t more, size_t size) {
  return v->cap - v->n >= more || vec_grow(doc, v, more, size);
}

void *ex_push(ex_doc *doc, ex_vec *v, size_t size) {
  void *item = ex_push_many(doc, v, 1, size);
  return item ? memset(item, 0, size) : NULL;
}

void *ex_push_many(ex_doc *doc, ex_vec *v, uint32_t n, size_t size) {
  if (!vec_reserve(doc, v, n, size)) return NULL;
  void *items = (char *)v->items + (size_t)v->n * size;
  v->n += n;
  return items;
}

uint32_t ex_keep(ex_doc *doc, const char *s, size_t n) {
  if (n > INT32_MAX || !vec_reserve(doc, &doc->pool, (uint32_t)n + 1, 1)) return 0;
  char *to = (char *)doc->pool.items + doc->pool.n;
  memcpy(to, s, n);
  to[n] = '\0';
  uint32_t at = doc->pool.n + 1;
  doc->pool.n += (uint32_t)n + 1;
  return at;
}

uint32_t ex_keepf(ex_doc *doc, const char *fmt, ...) {
  char text[256];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof(text), fmt, ap);
  va_end(ap);
  return n < 0 ? 0 : ex_keep(doc, text, strlen(text));
}

const char *ex_kept(const ex_doc *doc, uint32_t at) { return at ? (const char *)doc->pool.items + at - 1 : NULL; }

const ex_hit *ex_hit_find(const ex_doc *doc, uint32_t t, ex_class cls) {
  ++*doc->steps;
  const ex_hit *best = NULL;
  for (uint32_t i = doc->hit_at[t]; i < doc->hit_at[t + 1]; i++) {
    const ex_hit *h = &doc->hit[i];
    if (h->cls == cls && (!best || h->len > best->len || (h->len == best->len && h->capital))) best = h;
  }
  return best;
}

uint32_t ex_attrs(const ex_doc *doc, const ex_hit *hit) { return ex_lex_entry(doc->lex, hit->entry)->attrs; }

uint32_t ex_hit_before(const ex_doc *doc, uint32_t from, uint32_t end, ex_class cls) {
  ++*doc->steps;
  uint32_t most = end > from ? end - from : 0;
  for (uint32_t k = most < EX_FORM_MAX ? most : EX_FORM_MAX; k > 0; k--) {
    if (!(doc->classes[end - k] >> cls & 1u)) continue;
    uint32_t t = end - k;
    for (uint32_t i = doc->hit_at[t]; i < doc->hit_at[t + 1]; i++)
      if (doc->hit[i].cls == cls && doc->hit[i].len == k) return t;
  }
  return EX_NONE;
}

int ex_word_is(const ex_doc *doc, uint32_t t, const char *word, size_t n) {
  ++*doc->steps;
  if (memcmp(doc->s + doc->tok[t].start, word, n) == 0) return 1;
  uint64_t key = vi_key_i(vi_key(word, n));
  return doc->tok[t].key_low == (uint32_t)(key ^ key >> 30);
}

uint32_t ex_add(ex_doc *doc, ex_type type, uint32_t t0, uint32_t t1) {
  ex_ent *e = ex_push(doc, &doc->ents, sizeof(*e));
  if (!e) return EX_NONE;
  uint32_t i = doc->ents.n - 1;
  e->type = (uint8_t)type;
  e->t0 = t0;
  e->t1 = t1;
  e->start = doc->tok[t0].start;
  e->end = doc->tok[t1 - 1].end;
  e->person = e->link = e->issued = EX_NONE;
  for (uint32_t t = t0; t < t1; t++) doc->own[t] = i + 1;
  return i;
}

void ex_drop(ex_doc *doc, uint32_t ent) {
  ex_ent *e = ex_ent_at(doc, ent);
  for (uint32_t t = e->t0; t < e->t1; t++)
    if (doc->own[t] == ent + 1) doc->own[t] = 0;
  e->flags |= EF_HIDDEN;
}

void ex_core(ex_doc *doc, uint32_t ent, uint32_t t0, uint32_t t1) {
  if (ent == EX_NONE || t0 >= t1) return;
  ex_ent_at(doc, ent)->core0 = doc->tok[t0].start;
  ex_ent_at(doc, ent)->core1 = doc->tok[t1 - 1].end;
}

int ex_equal(const ex_doc *doc, uint32_t a, uint32_t b, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (doc->tok[a + i].key_low != doc->tok[b + i].key_low) return 0;
  return 1;
}

int ex_in_compound(const ex_doc *doc, uint32_t t) {
  return t > 0 && !(doc->tok[t].flags & TK_UPPER) && ex_same_line(doc, t) && ex_len(doc, t - 1, C_COMPOUND) == 2;
}

/* Do the capitals of a form stand in the text, too? */
static int caps_fit(const ex_doc *doc, uint32_t t, const ex_entry *e) {
  if (e->cls == C_NOT_VERB) {
    /* "giao Ban Tổ chức" is not "giao ban". */
    for (uint32_t i = 1; i < e->len; i++)
      if (!(e->caps >> i & 1) && (doc->tok[t + i].flags & (TK_UPPER | TK_CAPS)) == TK_UPPER) return 0;
  }
  if (!ex_class_strict((ex_class)e->cls)) return !(e->caps & 1) || (doc->tok[t].flags & TK_UPPER);
  for (uint32_t i = 0; i < e->len; i++)
    if ((e->caps >> i & 1) && !(doc->tok[t + i].flags & TK_UPPER)) return 0;
  return 1;
}

/* Adds the hits of a node; returns the bits of their classes. */
static uint64_t collect(ex_doc *doc, uint32_t t, uint32_t node, uint32_t len) {
  uint64_t mask = 0;
  for (uint32_t i = ex_lex_at(doc->lex, node); i;) {
    const ex_entry *e = ex_lex_entry(doc->lex, i);
    /* Most forms have no capital and fit anywhere. */
    int plain = e->caps == 0 && e->cls != C_NOT_VERB;
    if (!(e->attrs & EXA_OFF) && (plain || caps_fit(doc, t, e))) {
      if (!vec_reserve(doc, &doc->hits, 1, sizeof(ex_hit))) return mask;
      ex_hit *h = (ex_hit *)doc->hits.items + doc->hits.n++;
      mask |= UINT64_C(1) << e->cls;
      *h = (ex_hit){.entry = i, .len = (uint8_t)len, .cls = (uint8_t)e->cls, .capital = (e->caps & 1) != 0};
    }
    i = e->next;
  }
  return mask;
}

/* Walks the trie from each token. A form does not run over lines. */
static void find_hits(ex_doc *doc) {
  if (!vec_reserve(doc, &doc->hit_ats, doc->n_tok + 1, sizeof(uint32_t)) ||
      !vec_reserve(doc, &doc->masks, doc->n_tok + 1, sizeof(uint64_t)))
    return;
  uint32_t *at = doc->hit_ats.items, n_tok = doc->n_tok;
  uint64_t *mask = doc->masks.items;
  for (uint32_t t = 0; t < n_tok && !doc->oom; t++) {
    const ex_tok *tok = &doc->tok[t];
    uint32_t most = n_tok - t < EX_FORM_MAX ? n_tok - t : EX_FORM_MAX, len = 0;
    uint64_t classes = 0;
    at[t] = doc->hits.n;
    for (uint32_t node = ex_lex_first(doc->lex, tok->id); node; node = ex_lex_step(doc->lex, node, tok[len].id)) {
      if (ex_lex_at(doc->lex, node)) classes |= collect(doc, t, node, len + 1);
      if (++len == most || (tok[len].flags & TK_BOP) || !tok[len].id) break;
    }
    mask[t] = classes;
    doc->work += len + 1;
  }
  at[doc->n_tok] = doc->hits.n;
  doc->hit_at = doc->hit_ats.items;
  doc->hit = doc->hits.items;
  doc->classes = doc->masks.items;
}

/* A mark that belongs to the sentence before it. */
static int closes(uint32_t cp) {
  return cp == '"' || cp == ')' || cp == ']' || cp == '\'' || cp == 0x201D || cp == 0x2019;
}

/* May a sentence begin with token t? */
static int opens_sentence(const ex_doc *doc, uint32_t t) {
  return (ex_flags(doc, t) & (TK_UPPER | TK_NUM)) || ex_is(doc, t, 0x201C) || ex_is(doc, t, '"') || ex_is(doc, t, '-');
}

/* Does the full stop at t end the sentence although a capital follows at `next`? Not behind an initial or abbreviation.
 */
static int stop_ends(const ex_doc *doc, uint32_t t, uint32_t next) {
  uint32_t before = t > 0 ? doc->tok[t - 1].flags : 0, f = doc->tok[next].flags;
  if ((before & TK_ONE) && (before & TK_UPPER) && ex_glued(doc, t)) return 0;
  if (ex_hit_before(doc, t > 4 ? t - 4 : 0, t + 1, C_ABBREV) != EX_NONE) return 0;
  if (!(f & TK_GLUED)) return 1;
  /* No space behind the stop: a forgotten one if a lower-case word ends and a capitalised one begins. */
  return (before & (TK_WORD | TK_UPPER)) == TK_WORD && (f & (TK_UPPER | TK_CAPS)) == TK_UPPER;
}

/* Does the mark at t end a sentence? */
static int ends_sentence(const ex_doc *doc, uint32_t t) {
  uint32_t cp = doc->tok[t].value, next = t + 1;
  if (cp != '.' && cp != '!' && cp != '?' && cp != 0x2026) return 0;
  while (ex_glued(doc, next) && closes(ex_mark(doc, next))) next++;
  if (next >= doc->n_tok || (doc->tok[next].flags & TK_BOP)) return 1;
  if (ex_is(doc, next, '.') || ex_is(doc, next, ',') || !opens_sentence(doc, next)) return 0;
  return cp != '.' || stop_ends(doc, t, next);
}

static void mark_sentence(ex_doc *doc, uint32_t t0, uint32_t t1) {
  if (t0 >= t1) return;
  ex_sentence *s = ex_push(doc, &doc->sentences, sizeof(*s));
  if (!s) return;
  *s = (ex_sentence){t0, t1};
  ((ex_tok *)doc->toks.items)[t0].flags |= TK_BOS;
}

static void own_sentences(ex_doc *doc) {
  uint32_t from = 0;
  for (uint32_t t = 0; t < doc->n_tok; t++) {
    if (t > from && (doc->tok[t].flags & TK_BOP)) {
      mark_sentence(doc, from, t);
      from = t;
    }
    if (!(doc->tok[t].flags & TK_PUNCT) || !ends_sentence(doc, t)) continue;
    uint32_t end = t + 1;
    while (ex_glued(doc, end) && closes(ex_mark(doc, end))) end++;
    mark_sentence(doc, from, end);
    from = end;
    t = end - 1;
  }
  mark_sentence(doc, from, doc->n_tok);
}

static void given_sentences(ex_doc *doc, const ex_span *borders, uint32_t n) {
  uint32_t t = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t from = t;
    while (t < doc->n_tok && doc->tok[t].start < borders[i].end) t++;
    mark_sentence(doc, from, t);
  }
  mark_sentence(doc, t, doc->n_tok);
}

void ex_tokenise(ex_doc *doc, const ex_span *borders, uint32_t n_borders) {
  ex_tok tok;
  uint64_t key;
  /* News has a token in five bytes; what is missing grows. */
  if (!vec_reserve(doc, &doc->toks, doc->n / 5 + 16, sizeof(ex_tok))) return;
  for (size_t i = 0; ex_tok_next(doc->s, doc->n, &i, &tok, &key);) {
    if (!vec_reserve(doc, &doc->toks, 1, sizeof(tok))) return;
    tok.id = ex_lex_id(doc->lex, key);
    if ((tok.flags & TK_WORD) && (tok.id ? ex_lex_foreign(doc->lex, tok.id) : !ex_is_syllable(key)))
      tok.flags |= TK_FOREIGN;
    ((ex_tok *)doc->toks.items)[doc->toks.n++] = tok;
  }
  doc->tok = doc->toks.items;
  doc->n_tok = doc->toks.n;
  doc->work += doc->n_tok;
  if (!vec_reserve(doc, &doc->owns, doc->n_tok + 1, sizeof(uint32_t))) return;
  doc->own = memset(doc->owns.items, 0, (doc->n_tok + (size_t)1) * sizeof(uint32_t));
  find_hits(doc);
  if (doc->oom) return;
  if (n_borders) {
    given_sentences(doc, borders, n_borders);
  } else {
    own_sentences(doc);
  }
}

/* Reads "YYYY-MM-DD"; leaves 0 where there is none. */
static void read_published(ex_doc *doc, const char *published) {
  int y = 0, m = 0, d = 0;
  doc->year = doc->month = doc->day = 0;
  if (!published || strlen(published) < 10 || sscanf(published, "%4d-%2d-%2d", &y, &m, &d) != 3) return;
  if (y < 1000 || m < 1 || m > 12 || d < 1 || d > 31) return;
  doc->year = y;
  doc->month = m;
  doc->day = d;
}

int ex_annotate(ex_doc *doc, const char *text, size_t len, const ex_span *borders, uint32_t n_borders,
                const char *published, uint32_t what) {
  if (len >= INT32_MAX) return SL_ELIMIT;
  ex_vec *all[] = {&doc->toks, &doc->hits,   &doc->hit_ats, &doc->masks,      &doc->owns,   &doc->sentences,
                   &doc->ents, &doc->shares, &doc->targets, &doc->directives, &doc->quotes, &doc->changes,
                   &doc->pool, &doc->names,  &doc->order,   &doc->links,      &doc->matches};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) all[i]->n = 0;
  doc->s = text;
  doc->n = (uint32_t)len;
  doc->work = 0;
  doc->steps = &doc->work;
  doc->oom = false;
  read_published(doc, published);
  ex_tokenise(doc, borders, n_borders);
  void (*const rules[])(ex_doc *) = {ex_find_patterns,   ex_find_legal, ex_find_dates,
                                     ex_find_quantities, ex_find_names, ex_link};
  for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
    if (!doc->oom) rules[i](doc);
  if (!doc->oom && what) ex_find_speech(doc, what);
  if (!doc->oom) ex_find_changes(doc);
  if (!doc->oom) ex_find_measures(doc);
  return doc->oom ? SL_ENOMEM : 0;
}
