/* SPDX-License-Identifier: Apache-2.0 */
/* Cells and features of a sentence, and the search for the best labels. */
#include "cells.h"

#include <stdbool.h>

#include "vi_text.h"

#define MAX_MATCH 9u /* syllables of a word that is looked for */

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
static void note_word(seg_cell *c, unsigned len) {
  c->starts |= (uint16_t)(1u << len);
  c->from = (uint8_t)len;
  if (c[len - 1].to < len) c[len - 1].to = (uint8_t)len;
  for (unsigned k = 1; k < len; k++) {
    seg_cell *b = c + k;
    if (b->over_len < len) {
      b->over_len = (uint8_t)len;
      b->over_at = (uint8_t)k;
    }
    if (b->short_len == 0 || b->short_len > len) {
      b->short_len = (uint8_t)len;
      b->short_at = (uint8_t)k;
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
      note_word(c, k + 1);
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
    all[i].greedy = c[n + i].greedy = 1;
  }
  for (size_t i = 0; i < n; i++) {
    describe(lex, &t[i], &c[i]);
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

/* The bigrams and trigrams around the boundary that are words. */
static uint32_t neighbours(const seg_cell *c) {
  uint32_t before = (uint32_t)(c[-2].starts >> 2 & 1), long_before = (uint32_t)(c[-3].starts >> 3 & 1);
  uint32_t over = (uint32_t)(c[-1].starts >> 2 & 1), behind = (uint32_t)(c->starts >> 2 & 1);
  return behind | over << 1 | before << 2 | long_before << 3 | (uint32_t)(c->starts >> 3 & 1) << 4;
}

typedef struct hasher {
  uint32_t *out;
  uint32_t shift;
  uint64_t salt;
} hasher;

static inline void add(hasher *h, uint64_t a, uint64_t b) {
  uint64_t x = a * UINT64_C(0x9E3779B97F4A7C15) + b * UINT64_C(0xC2B2AE3D27D4EB4F) + h->salt;
  x ^= x >> 31;
  x *= UINT64_C(0xD6E8FEB86659FD93);
  *h->out++ = (uint32_t)(x >> h->shift);
  h->salt += UINT64_C(0xA24BAED4963EE407);
}

void seg_features(const seg_cell *c, uint32_t bits, uint32_t out[SEG_N_FEATURES]) {
  hasher h = {out, 64 - bits, UINT64_C(0x8CB92BA72F3D8DD7)};
  const seg_cell *p = c - 1, *pp = c - 2, *n = c + 1;
  uint32_t a = p->id, b = c->id;
  uint32_t shapes = p->shape | (uint32_t)c->shape << 4 | (uint32_t)p->placed << 8;
  uint32_t wide = shapes | (uint32_t)pp->shape << 12 | (uint32_t)n->shape << 16;
  uint32_t greedy = c->greedy | (uint32_t)p->greedy << 1 | (uint32_t)n->greedy << 2;
  uint32_t over = c->over_len | (uint32_t)c->over_at << 4;
  uint32_t over1 = over | (uint32_t)c->greedy << 8, brief = c->short_len | (uint32_t)c->short_at << 4;
  uint32_t brief1 = brief | (uint32_t)c->greedy << 8;
  uint64_t dict = p->from | (uint32_t)c->from << 4 | (uint32_t)p->to << 8 | (uint32_t)c->to << 12 | over << 16;
  uint32_t runs = c->run_at | (uint32_t)c->run_len << 4 | (uint32_t)p->run_at << 8 | (uint32_t)p->run_len << 12 |
                  (uint32_t)p->placed << 16;
  uint32_t parts = over ? part(c - c->over_at, c->over_at) | part(c, c->over_len - c->over_at) << 2 : 15;
  uint32_t near = neighbours(c), names = c->name_len | (uint32_t)c->name_at << 4;
  if (over || c->from || p->to) names = 0; /* real words are more likely */
  uint64_t caps = (uint64_t)(p->shape == SHAPE_TITLE) | (uint64_t)(c->shape == SHAPE_TITLE) << 1;

  add(&h, 0, 0);
  add(&h, a, 0);
  add(&h, b, 0);
  add(&h, pp->id, 0);
  add(&h, n->id, 0);
  add(&h, a, b);
  add(&h, pp->id, a);
  add(&h, b, n->id);
  add(&h, pp->id, b);
  add(&h, a, n->id);
  add(&h, (uint64_t)a << 32 | b, n->id);
  add(&h, (uint64_t)pp->id << 32 | a, b);
  add(&h, shapes, 0);
  add(&h, wide, 0);
  add(&h, dict, 0);
  add(&h, dict, greedy | caps << 8);
  add(&h, greedy, a);
  add(&h, greedy, b);
  add(&h, over1, a);
  add(&h, over1, b);
  add(&h, runs, p->classes | (uint32_t)c->classes << 8);
  add(&h, runs, greedy | dict << 4);
  add(&h, p->from | over << 8 | (uint32_t)c->to << 16 | (uint32_t)pp->from << 20 | (uint32_t)n->to << 24, c->greedy);
  add(&h, shapes, a);
  add(&h, shapes, b);
  add(&h, parts | over << 8, c->greedy);
  add(&h, parts | over << 8 | brief << 16, c->greedy);
  add(&h, brief, greedy);
  add(&h, brief1, a);
  add(&h, brief1, b);
  add(&h, near, greedy);
  add(&h, near | brief << 8, shapes);
  add(&h, near, a);
  add(&h, names, over);
  add(&h, names, shapes);
}

/*
 * With two labels the search needs one number: how much better "inside" is than "begins" for the token before.
 * back: bit 0 is the label before if this token begins a word, bit 1 if it is inside one.
 */
void seg_best_labels(seg_cell *c, size_t n, int32_t after_begin, int32_t after_inside, uint8_t *begins) {
  int32_t ahead = -SEG_SCORE_FORCED;
  for (size_t i = 1; i < n; i++) {
    int32_t inside = ahead + after_inside;
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
