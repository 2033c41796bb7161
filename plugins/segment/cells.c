/* SPDX-License-Identifier: Apache-2.0 */
/* Cells and features of a sentence, and the search for the best labels. */
#include "cells.h"

#include <stdbool.h>

#include "vi_text.h"

#define MAX_MATCH 9u /* syllables of a word that is looked for */

#define NOT_SYLLABLE 0x80000000u /* in a cell's note */
#define NOTE_POS (NOT_SYLLABLE | 15u)
#define NOTE_TWO_POS (NOT_SYLLABLE | 255u)

enum {
  SHAPE_LOWER,
  SHAPE_TITLE,
  SHAPE_CAPS,
  SHAPE_NUMBER,
  SHAPE_CODE,
  SHAPE_PUNCT,
  SHAPE_ABBR,
  SHAPE_FOREIGN,
  SHAPE_END
};

static uint32_t mix(uint64_t h) {
  h ^= h >> 29;
  h *= UINT64_C(0xBF58476D1CE4E5B9);
  return (uint32_t)(h ^ h >> 32);
}

static void describe(const seg_lexicon *lex, const seg_token *t, seg_cell *c) {
  switch (t->kind) {
  case SEG_WORD:
    c->id = mix(vi_key_i(t->key));
    c->classes = (uint8_t)(seg_class(lex, t->key) & (SEG_C_STARTER | SEG_C_HONOUR | SEG_C_SURNAME));
    c->shape = t->syllable ? SHAPE_LOWER : SHAPE_FOREIGN;
    if (t->flags & SEG_T_UPPER) c->shape = SHAPE_TITLE;
    if (t->flags & SEG_T_CAPS) c->shape = SHAPE_CAPS;
    if (t->flags & SEG_T_ABBR) c->shape = SHAPE_ABBR;
    break;
  case SEG_NUMBER:
    c->id = 1;
    c->shape = SHAPE_NUMBER;
    break;
  case SEG_CODE:
    c->id = 2;
    c->shape = SHAPE_CODE;
    break;
  default:
    c->id = 3 + (t->flags & (SEG_T_STOP | SEG_T_OPEN | SEG_T_CLOSE | SEG_T_QUOTE | SEG_T_DASH | SEG_T_COLON));
    c->shape = SHAPE_PUNCT;
  }
}

/* A hyphen between two words (Huế-thành phố) begins nothing. */
static bool gives_capital(const seg_token *t) {
  if ((t->flags & SEG_T_DASH) && (t->flags & SEG_T_GLUED)) return false;
  return t->kind == SEG_PUNCT && (t->flags & (SEG_T_OPEN | SEG_T_DASH | SEG_T_COLON | SEG_T_STOP)) != 0;
}

/* A word of len syllables starts at cell c. */
static void note_word(seg_cell *c, unsigned len, uint8_t class) {
  c->starts |= (uint16_t)(1u << len);
  c->from = (uint8_t)len;
  c->from_class = class;
  if (c[len - 1].to < len) {
    c[len - 1].to = (uint8_t)len;
    c[len - 1].to_class = class;
  }
  for (unsigned k = 1; k < len; k++) {
    seg_cell *b = c + k;
    if (b->over_len < len) {
      b->over_len = (uint8_t)len;
      b->over_at = (uint8_t)k;
      b->over_class = class;
    }
    if (b->short_len == 0 || b->short_len > len) {
      b->short_len = (uint8_t)len;
      b->short_at = (uint8_t)k;
      b->short_class = class;
    }
  }
}

/* A name of len syllables starts at cell c, but its capitals are missing. */
static void note_name(seg_cell *c, unsigned len) {
  for (unsigned k = 1; k < len; k++) {
    c[k].name_len = (uint8_t)len;
    c[k].name_at = (uint8_t)k;
  }
}

static void match(const seg_dict *d, const seg_token *t, seg_cell *c, size_t left) {
  uint32_t node = d->root[t[0].syllable];
  bool capitals = (t[0].flags & SEG_T_UPPER) != 0;
  for (unsigned k = 1; node && k < MAX_MATCH && k < left && c[k].joins && t[k].syllable; k++) {
    node = seg_dict_step(d, node, t[k].syllable);
    if (!node) break;
    capitals = capitals && (t[k].flags & SEG_T_UPPER);
    uint32_t flags = seg_dict_flags(d, node);
    if (!(flags & SEG_DICT_WORD)) continue;
    if (capitals || !(flags & SEG_DICT_PROPER)) {
      note_word(c, k + 1, (uint8_t)(seg_dict_class(d, node) + 1));
    } else {
      note_name(c, k + 1);
    }
  }
}

static void find_runs(seg_cell *c, size_t n) {
  for (size_t i = 0; i < n;) {
    size_t end = i + 1;
    if (c[i].shape == SHAPE_TITLE) {
      while (end < n && c[end].joins && c[end].shape == SHAPE_TITLE) end++;
      for (size_t k = i; k < end; k++) {
        c[k].run_at = (uint8_t)(k - i < 6 ? k - i + 1 : 7);
        c[k].run_len = (uint8_t)(end - i < 7 ? end - i : 7);
      }
    }
    i = end;
  }
}

static void find_greedy(seg_cell *c, size_t n) {
  for (size_t i = 0; i < n;) {
    c[i].greedy = 1;
    i += c[i].from ? c[i].from : 1;
  }
}

int seg_cells(lane_vec *scratch, const seg_lexicon *lex, const seg_token *t, size_t n, seg_cell **ret_cells) {
  if (lane_vec_reserve(&lex->mem, scratch, sizeof(seg_cell), n + 2 * SEG_PAD) != 0) return -1;
  seg_cell *all = scratch->items, *c = all + SEG_PAD;
  memset(all, 0, (n + 2 * SEG_PAD) * sizeof(seg_cell));
  for (size_t i = 0; i < SEG_PAD; i++) {
    all[i].shape = c[n + i].shape = SHAPE_END;
    all[i].note = c[n + i].note = NOT_SYLLABLE | SHAPE_END;
    all[i].greedy = c[n + i].greedy = 1;
  }
  for (size_t i = 0; i < n; i++) {
    describe(lex, &t[i], &c[i]);
    c[i].note = t[i].syllable ? lex->dict.notes[t[i].syllable] & ~NOT_SYLLABLE : NOT_SYLLABLE | c[i].shape;
    c[i].placed = i == 0 || gives_capital(&t[i - 1]);
    c[i].joins = i > 0 && t[i].kind == SEG_WORD && t[i - 1].kind == SEG_WORD && !(t[i].flags & SEG_T_GLUED);
  }
  for (size_t i = 0; i + 1 < n; i++) {
    if (t[i].syllable && c[i + 1].joins) match(&lex->dict, t + i, c + i, n - i);
  }
  find_runs(c, n);
  find_greedy(c, n);
  *ret_cells = c;
  return 0;
}

/* Whether [c, c + len) is one syllable (1), a word of the dictionary (2), or neither (0). */
static unsigned part(const seg_cell *c, unsigned len) { return len == 1 ? 1 : (c->starts >> len & 1u) * 2; }

static uint32_t starts(const seg_cell *c, unsigned len) { return (uint32_t)c->starts >> len & 1u; }

/* The bigrams and trigrams around the boundary that are words. */
static uint32_t neighbours(const seg_cell *c) {
  return starts(c, 2) | starts(c - 1, 2) << 1 | starts(c - 2, 2) << 2 | starts(c - 3, 3) << 3 | starts(c, 3) << 4;
}

/* Words that reach over the boundary from before the token before. */
static uint32_t reaching(const seg_cell *c) {
  return starts(c - 2, 3) | starts(c - 2, 2) << 1 | starts(c - 1, 2) << 2 | (uint32_t)c->from << 3 |
         starts(c - 1, 3) << 8 | starts(c - 3, 4) << 9 | starts(c - 3, 3) << 10;
}

/* Inlined into both users, so that only one of the two ways of add is left in each. */
#define ALWAYS static inline __attribute__((always_inline))
#define FIRST_SALT UINT64_C(0x8CB92BA72F3D8DD7)

typedef struct hasher {
  uint32_t *out;          /* where the features go, or NULL */
  const int16_t *weights; /* of which the sum is wanted instead */
  int32_t sum;
  uint32_t shift;
  uint64_t salt;
} hasher;

ALWAYS void add(hasher *h, uint64_t a, uint64_t b) {
  uint64_t x = a * UINT64_C(0x9E3779B97F4A7C15) + b * UINT64_C(0xC2B2AE3D27D4EB4F) + h->salt;
  x ^= x >> 31;
  x *= UINT64_C(0xD6E8FEB86659FD93);
  uint32_t feature = (uint32_t)(x >> h->shift);
  if (h->out) {
    *h->out++ = feature;
  } else {
    h->sum += h->weights[feature];
  }
  h->salt += UINT64_C(0xA24BAED4963EE407);
}

/* A boundary: the cells around it, and what several features are made of. */
typedef struct view {
  const seg_cell *pp, *p, *c, *n;
  uint64_t a, b; /* the syllables on either side */
  uint64_t dict; /* longest words that start or end beside it, or lie over it */
  uint64_t sides, pos;
  uint32_t shapes, wide, greedy, over, over1, brief, brief1, runs, near;
} view;

ALWAYS view look(const seg_cell *c) {
  const seg_cell *pp = c - 2, *p = c - 1, *n = c + 1;
  view v = {.pp = pp, .p = p, .c = c, .n = n, .a = p->id, .b = c->id, .near = neighbours(c)};
  v.shapes = p->shape | (uint32_t)c->shape << 4 | (uint32_t)p->placed << 8;
  v.wide = v.shapes | (uint32_t)pp->shape << 12 | (uint32_t)n->shape << 16;
  v.greedy = c->greedy | (uint32_t)p->greedy << 1 | (uint32_t)n->greedy << 2;
  v.over = c->over_len | (uint32_t)c->over_at << 4;
  v.over1 = v.over | (uint32_t)c->greedy << 8;
  v.brief = c->short_len | (uint32_t)c->short_at << 4;
  v.brief1 = v.brief | (uint32_t)c->greedy << 8;
  v.dict = p->from | (uint32_t)c->from << 4 | (uint32_t)p->to << 8 | (uint32_t)c->to << 12 | v.over << 16;
  v.runs = c->run_at | (uint32_t)c->run_len << 4 | (uint32_t)p->run_at << 8 | (uint32_t)p->run_len << 12 |
           (uint32_t)p->placed << 16;
  v.sides = p->to_class | (uint64_t)c->from_class << 8;
  v.pos = SEG_NOTE_POS(p->note) | (uint64_t)SEG_NOTE_POS(c->note) << 4 | (uint64_t)(p->note & NOT_SYLLABLE) << 8 |
          (uint64_t)(c->note & NOT_SYLLABLE) << 9;
  return v;
}

ALWAYS void add_syllables(hasher *h, const view *v) {
  uint64_t before = v->pp->id, behind = v->n->id;
  add(h, 0, 0);
  add(h, v->a, 0);
  add(h, v->b, 0);
  add(h, before, 0);
  add(h, behind, 0);
  add(h, v->a, v->b);
  add(h, before, v->a);
  add(h, v->b, behind);
  add(h, before, v->b);
  add(h, v->a, behind);
  add(h, v->a << 32 | v->b, behind);
  add(h, before << 32 | v->a, v->b);
}

ALWAYS void add_shapes(hasher *h, const view *v) {
  const seg_cell *p = v->p, *c = v->c;
  uint32_t names = c->name_len | (uint32_t)c->name_at << 4;
  if (v->over || c->from || p->to) names = 0; /* real words are more likely */
  add(h, v->shapes, 0);
  add(h, v->wide, 0);
  add(h, v->shapes, v->a);
  add(h, v->shapes, v->b);
  add(h, v->runs, p->classes | (uint32_t)c->classes << 8);
  add(h, v->runs, v->greedy | v->dict << 4);
  add(h, names, v->over);
  add(h, names, v->shapes);
}

/* Which words of the dictionary lie where. */
ALWAYS void add_words(hasher *h, const view *v) {
  const seg_cell *pp = v->pp, *p = v->p, *c = v->c, *n = v->n;
  uint64_t caps = (uint64_t)(p->shape == SHAPE_TITLE) | (uint64_t)(c->shape == SHAPE_TITLE) << 1;
  uint32_t parts = v->over ? part(c - c->over_at, c->over_at) | part(c, c->over_len - c->over_at) << 2 : 15;
  add(h, v->dict, 0);
  add(h, v->dict, v->greedy | caps << 8);
  add(h, v->greedy, v->a);
  add(h, v->greedy, v->b);
  add(h, v->over1, v->a);
  add(h, v->over1, v->b);
  add(h, p->from | v->over << 8 | (uint32_t)c->to << 16 | (uint32_t)pp->from << 20 | (uint32_t)n->to << 24, c->greedy);
  add(h, parts | v->over << 8, c->greedy);
  add(h, parts | v->over << 8 | v->brief << 16, c->greedy);
  add(h, v->brief, v->greedy);
  add(h, v->brief1, v->a);
  add(h, v->brief1, v->b);
  add(h, v->near, v->greedy);
  add(h, v->near | v->brief << 8, v->shapes);
  add(h, v->near, v->a);
}

/* What lists and treebank know of these words, and of the syllables beside the boundary. */
ALWAYS void add_notes(hasher *h, const view *v) {
  const seg_cell *pp = v->pp, *p = v->p, *c = v->c, *n = v->n;
  uint64_t classes = c->over_class | (uint64_t)c->short_class << 8;
  uint64_t left = p->note & NOTE_POS, right = c->note & NOTE_POS;
  uint64_t is_free = SEG_NOTE_FREE(p->note) | (uint64_t)SEG_NOTE_FREE(c->note) << 3 |
                     (uint64_t)(p->note & NOT_SYLLABLE) << 6 | (uint64_t)(c->note & NOT_SYLLABLE) << 7;
  uint64_t lists = SEG_NOTE_FIRSTS(p->note) | (uint64_t)SEG_NOTE_LASTS(c->note) << 3;
  add(h, c->over_class, v->over);
  add(h, c->over_class, v->brief1);
  add(h, c->over_class, v->sides);
  add(h, classes, v->greedy);
  add(h, v->sides, v->greedy);
  add(h, classes | v->sides << 16, v->over1);
  add(h, v->pos, 0);
  add(h, v->pos, v->over | (uint32_t)c->from << 8 | (uint32_t)p->to << 12);
  add(h, v->pos, pp->note & NOTE_POS);
  add(h, v->pos, n->note & NOTE_POS);
  add(h, (p->note & NOTE_TWO_POS) | (uint64_t)v->over1 << 32, c->note & NOTE_TWO_POS);
  add(h, left, v->b);
  add(h, right, v->a);
  add(h, is_free, v->over1);
  add(h, is_free, c->over_class | v->sides << 8);
  add(h, lists | is_free << 6, v->over1 | (uint32_t)c->from << 12 | (uint32_t)p->to << 16);
}

/* For a token behind one that is inside a word: whether that word goes on. */
ALWAYS void add_linked(hasher *h, const view *v) {
  uint32_t reach = reaching(v->c);
  add(h, reach, 0);
  add(h, reach, v->over1);
  add(h, reach, v->a);
  add(h, reach, v->b);
  add(h, v->wide, v->c->run_at);
  add(h, v->pp->id, v->a);
  add(h, reach, v->pos);
  add(h, v->a, v->b);
}

ALWAYS void add_plain(hasher *h, const view *v) {
  add_syllables(h, v);
  add_shapes(h, v);
  add_words(h, v);
  add_notes(h, v);
}

void seg_features(const seg_cell *c, uint32_t bits, uint32_t out[SEG_N_FEATURES]) {
  hasher h = {.out = out, .shift = 64 - bits, .salt = FIRST_SALT};
  view v = look(c);
  add_plain(&h, &v);
  add_linked(&h, &v);
}

void seg_weigh(seg_cell *c, uint32_t bits, const int16_t *weights) {
  hasher h = {.weights = weights, .shift = 64 - bits, .salt = FIRST_SALT};
  view v = look(c);
  add_plain(&h, &v);
  c->score = h.sum;
  h.sum = 0;
  add_linked(&h, &v);
  c->linked = h.sum;
}

/*
 * With two labels the search needs one number: how much better "inside" is than "begins" for the token before.
 * back: bit 0 is the label before if this token begins a word, bit 1 if it is inside one.
 */
void seg_best_labels(seg_cell *c, size_t n, int32_t after_begin, int32_t after_inside, uint8_t *begins) {
  int32_t ahead = -SEG_SCORE_FORCED;
  for (size_t i = 1; i < n; i++) {
    int32_t inside = ahead + after_inside + c[i].linked;
    c[i].back = (uint8_t)((ahead > 0 ? 1 : 0) + (inside > after_begin ? 2 : 0));
    int32_t best = (inside > after_begin ? inside : after_begin) - (ahead > 0 ? ahead : 0);
    ahead = c[i].score <= -SEG_SCORE_FORCED ? -SEG_SCORE_FORCED : c[i].score + best;
  }
  unsigned label = ahead > 0;
  for (size_t i = n; i-- > 1;) {
    begins[i] = (uint8_t)!label;
    label = (unsigned)c[i].back >> label & 1u;
  }
  if (n) begins[0] = 1;
}
