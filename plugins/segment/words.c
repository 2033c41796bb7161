/* SPDX-License-Identifier: Apache-2.0 */
/* Scores each boundary with the model's weights and keeps to the user's own words. */
#include "words.h"

#include "cells.h"

static void score(const seg_model *m, seg_cell *c, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && c[i].joins) {
      seg_weigh(&c[i], m->head->bits, m->weights);
    } else {
      c[i].score = -SEG_SCORE_FORCED;
    }
  }
}

/* The longest place of the dictionary that starts at i and ends before `end`; its end, i if there is none. */
static size_t place_end(const seg_lexicon *lex, const seg_token *t, size_t i, size_t end) {
  uint32_t node = 0;
  size_t found = i;
  for (size_t k = i; k < end && t[k].syllable; k++) {
    node = seg_dict_step(&lex->dict, node, t[k].syllable);
    if (!node) break;
    uint32_t flags = seg_dict_flags(&lex->dict, node);
    if ((flags & SEG_DICT_WORD) && (flags & SEG_DICT_PROPER)) found = k + 1;
  }
  return found;
}

/* A place and a name behind it are two words (Hà Nội Trần Sỹ Thanh): treebanks have too few of them to learn it. */
static void part_names(const seg_lexicon *lex, const seg_token *t, seg_cell *c, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (c[i].run_at != 1 || c[i].run_len < 3) continue;
    size_t end = i + 1;
    while (end < n && c[end].run_at > 1) end++;
    size_t k = place_end(lex, t, i, end);
    if (k > i && k + 2 <= end && (c[k].classes & SEG_C_SURNAME)) c[k].score = -SEG_SCORE_FORCED;
    i = end - 1;
  }
}

/* A word of the dictionary with one capital begins behind other capitals (Đoàn Thanh niên): names have no small
 * letters. */
static void part_titles(const seg_token *t, seg_cell *c, size_t n) {
  for (size_t i = 1; i + 1 < n; i++) {
    bool capitals = c[i].run_at == 2 && c[i].run_len == 2 && !(t[i + 1].flags & SEG_T_UPPER);
    if (capitals && c[i].from > 1 && c[i].over_len == 0) c[i].score = -SEG_SCORE_FORCED;
  }
}

/* A family name and another capital behind it are a name, also where the first stands at the start of a sentence. */
static void join_names(seg_cell *c, size_t n) {
  for (size_t i = 0; i + 1 < n; i++) {
    bool family = c[i].placed && c[i].run_at == 1 && (c[i].classes & SEG_C_SURNAME);
    if (family && c[i + 1].run_at == 2) c[i + 1].score = SEG_SCORE_FORCED;
  }
}

/* Initials inside a foreign name: George W. Bush. Behind a Vietnamese syllable a sentence may begin. */
static void join_initials(const seg_token *t, seg_cell *c, size_t n) {
  for (size_t i = 1; i + 1 < n; i++) {
    bool inside = (t[i].flags & SEG_T_INITIAL) && c[i].joins && c[i + 1].joins && !t[i + 1].syllable;
    if (!inside || !(t[i - 1].flags & t[i + 1].flags & SEG_T_UPPER) || (t[i - 1].flags & SEG_T_ABBR)) continue;
    c[i].score = c[i + 1].score = SEG_SCORE_FORCED;
  }
}

/* The end of the longest word of the user's that starts at i; i if there is none. */
static size_t own_end(const seg_lexicon *lex, const seg_token *t, const seg_cell *c, size_t n, size_t i) {
  size_t end = i;
  uint32_t node = 0;
  bool capitals = true;
  for (size_t k = i; k < n && t[k].syllable && (k == i || c[k].joins); k++) {
    node = seg_dict_step(&lex->dict, node, t[k].syllable);
    if (!node) break;
    capitals = capitals && (t[k].flags & SEG_T_UPPER);
    uint32_t flags = seg_dict_flags(&lex->dict, node);
    if (!(flags & SEG_DICT_OWN) || !(flags & SEG_DICT_WORD)) continue;
    if (!(flags & SEG_DICT_PROPER) || capitals) end = k + 1;
  }
  return end;
}

static void force_own(const seg_lexicon *lex, const seg_token *t, seg_cell *c, size_t n) {
  for (size_t i = 0; i < n;) {
    size_t end = own_end(lex, t, c, n, i);
    if (end == i) {
      i++;
      continue;
    }
    c[i].score = -SEG_SCORE_FORCED;
    for (size_t k = i + 1; k < end; k++) c[k].score = SEG_SCORE_FORCED;
    if (end < n) c[end].score = -SEG_SCORE_FORCED;
    i = end;
  }
}

/* Words that the user has left out fall into their syllables. */
static void part_omitted(const seg_lexicon *lex, const seg_token *t, size_t n, uint8_t *begins) {
  for (size_t i = 0, end; i < n; i = end) {
    uint32_t node = t[i].syllable ? seg_dict_step(&lex->dict, 0, t[i].syllable) : 0;
    for (end = i + 1; end < n && !begins[end]; end++) {
      if (node) node = t[end].syllable ? seg_dict_step(&lex->dict, node, t[end].syllable) : 0;
    }
    uint32_t flags = node ? seg_dict_flags(&lex->dict, node) : 0;
    if ((flags & SEG_DICT_OWN) && !(flags & SEG_DICT_WORD)) memset(begins + i, 1, end - i);
  }
}

int seg_words_mark(lane_vec *scratch, const seg_lexicon *lex, const seg_token *t, size_t n, uint8_t *begins) {
  seg_cell *c;
  if (n == 0) return 0;
  if (seg_cells(scratch, lex, t, n, &c) != 0) return -1;
  score(lex->model, c, n);
  join_names(c, n);
  part_titles(t, c, n);
  part_names(lex, t, c, n);
  join_initials(t, c, n);
  if (lex->block) force_own(lex, t, c, n);
  seg_best_labels(c, n, lex->model->head->after_begin, lex->model->head->after_inside, begins);
  if (lex->block) part_omitted(lex, t, n, begins);
  return 0;
}
