/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Longest match, seen as a way through the sentence: the fewest words, then the fewest lone syllables, then the longer
 * word last. Each run of capitalised syllables is one step of the way, as a name, unless a dictionary word says
 * otherwise.
 */
#include "words.h"

#include <stdbool.h>

/* A place between tokens: the best way to it. */
typedef struct place {
  uint32_t words, lone;
  uint32_t from;
  uint32_t run_end; /* a run of capitals begins here and ends there; 0: none */
} place;

#define NOT_REACHED UINT32_MAX

typedef struct lattice {
  const seg_lexicon *lex;
  const seg_token *t;
  place *p; /* n + 1 */
  size_t n;
} lattice;

static bool in_class(const lattice *l, size_t i, unsigned flag) { return (seg_class(l->lex, l->t[i].key) & flag) != 0; }

/* A syllable that can stand in a name: capitalised, but neither an acronym nor an abbreviation other than an initial.
 */
static bool is_name_part(const seg_token *t) {
  if (t->kind != SEG_WORD || !(t->flags & SEG_T_UPPER)) return false;
  return !(t->flags & (SEG_T_CAPS | SEG_T_TITLE | SEG_T_FINAL));
}

/* Tokens i and i + 1 stand in one piece of text with only white space between them. */
static bool follows(const lattice *l, size_t i) {
  return i + 1 < l->n && l->t[i + 1].kind == SEG_WORD && !(l->t[i + 1].flags & SEG_T_GLUED);
}

/* Whether tokens [a, b) are a word of the dictionary. */
static bool is_word(const lattice *l, size_t a, size_t b) {
  uint32_t node = 0;
  for (size_t i = a; i < b; i++) {
    if (!l->t[i].syllable) return false;
    node = seg_dict_step(&l->lex->dict, node, l->t[i].syllable);
    if (!node) return false;
  }
  return node && (seg_dict_flags(&l->lex->dict, node) & SEG_DICT_WORD);
}

/* The first token of a sentence or quotation has a capital anyway. */
static bool capital_by_place(const lattice *l, size_t i) {
  if (i == 0) return true;
  unsigned flags = l->t[i - 1].flags;
  return l->t[i - 1].kind == SEG_PUNCT && (flags & (SEG_T_OPEN | SEG_T_DASH | SEG_T_COLON | SEG_T_STOP)) != 0;
}

/* Where the name in the run [a, b) of capitals begins: behind a function word or an honorific. */
static size_t name_begin(const lattice *l, size_t a, size_t b) {
  if (b - a < 2) return a;
  if (in_class(l, a, SEG_C_HONOUR) && !is_word(l, a, b)) return a + 1;
  if (!capital_by_place(l, a)) return a;
  if (in_class(l, a, SEG_C_STARTER) && !is_word(l, a, b)) return a + 1;
  if (b - a > 2 && is_word(l, a + 1, b) && !in_class(l, a, SEG_C_SURNAME)) return a + 1;
  return a;
}

/* Behind an initial a name goes on with foreign syllables only: George W. Bush. */
static bool goes_on(const lattice *l, size_t i) { return !(l->t[i].flags & SEG_T_ABBR) || !l->t[i + 1].syllable; }

static void find_runs(lattice *l) {
  for (size_t i = 0; i < l->n; i++) l->p[i] = (place){NOT_REACHED, 0, 0, 0};
  l->p[l->n] = (place){NOT_REACHED, 0, 0, 0};
  l->p[0].words = 0;
  for (size_t i = 0; i < l->n;) {
    if (!is_name_part(&l->t[i])) {
      i++;
      continue;
    }
    size_t end = i + 1;
    while (end < l->n && follows(l, end - 1) && is_name_part(&l->t[end]) && goes_on(l, end - 1)) end++;
    size_t begin = name_begin(l, i, end);
    if (end - begin >= 2) l->p[begin].run_end = (uint32_t)end;
    i = end;
  }
}

static void relax(lattice *l, size_t from, size_t to, uint32_t cost) {
  place *a = &l->p[from], *b = &l->p[to];
  uint32_t words = a->words + cost, lone = a->lone + (cost && to - from == 1);
  if (words > b->words || (words == b->words && lone >= b->lone)) return;
  b->words = words;
  b->lone = lone;
  b->from = (uint32_t)from;
}

/* Steps by all dictionary words that begin at token i and end at or behind min_end. A word must not end inside a run of
 * capitals. from < i: the tokens between are a word of their own. */
static void match(lattice *l, size_t from, size_t i, size_t min_end) {
  const seg_dict *d = &l->lex->dict;
  uint32_t node = 0;
  size_t run_end = 0;
  bool capitals = true;
  for (size_t k = i; k < l->n; k++) {
    const seg_token *t = &l->t[k];
    if (!t->syllable || (t->flags & SEG_T_ABBR) || (k > i && (t->flags & SEG_T_GLUED))) break;
    if (k > i && l->p[k].run_end) run_end = l->p[k].run_end;
    node = seg_dict_step(d, node, t->syllable);
    if (!node) break;
    capitals = capitals && (t->flags & SEG_T_UPPER);
    uint32_t flags = seg_dict_flags(d, node);
    if (!(flags & SEG_DICT_WORD) || k == i || k + 1 < min_end) continue;
    if (((flags & SEG_DICT_PROPER) && !capitals) || run_end > k + 1) continue;
    if (from < i) relax(l, from, i, 1);
    relax(l, i, k + 1, 1);
  }
}

/* The ways through a run of capitals: whole; a longer word that begins with it (Tổng Bí thư); without its last syllable
 * when that begins a word (Bộ Công an); a place and a name behind it (Hà Nội Trần Sỹ Thanh). */
static void run_steps(lattice *l, size_t i) {
  size_t end = l->p[i].run_end;
  for (size_t k = i + 1; k + 2 <= end && k <= i + 4; k++) {
    if (!in_class(l, k, SEG_C_SURNAME) || !is_word(l, i, k)) continue;
    relax(l, i, k, 0); /* two names for the price of one, and the first comer wins */
    relax(l, k, end, 1);
  }
  relax(l, i, end, 1);
  match(l, i, i, end + 1);
  match(l, i, end - 1, end + 1);
}

int seg_words_mark(lane_vec *scratch, const seg_lexicon *lex, const seg_token *t, size_t n, uint8_t *begins) {
  if (n >= UINT32_MAX - 1 || lane_vec_reserve(&lex->mem, scratch, sizeof(place), n + 1) != 0) return -1;
  lattice l = {lex, t, scratch->items, n};
  find_runs(&l);
  for (size_t i = 0; i < n; i++) {
    if (l.p[i].words == NOT_REACHED) continue;
    if (l.p[i].run_end) {
      run_steps(&l, i);
    } else {
      relax(&l, i, i + 1, 1);
      if (t[i].syllable) match(&l, i, i, i + 2);
    }
  }
  memset(begins, 0, n);
  for (size_t at = n; at > 0; at = l.p[at].from) begins[l.p[at].from] = 1;
  return 0;
}
