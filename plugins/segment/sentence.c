/* SPDX-License-Identifier: Apache-2.0 */
/* Decides at each stop, with what stands before and behind it, whether a sentence ends. */
#include "sentence.h"

#include <stdbool.h>

/* A bracket that is not closed within so many tokens does not keep a sentence together. */
#define MAX_IN_BRACKETS 80u
/* How far runs of quotes, brackets and dashes are followed: more are no text, and the time stays linear. */
#define MAX_SIGNS 16u

typedef struct state {
  const seg_lexicon *lex;
  const seg_token *t;
  size_t n;
  size_t first;   /* of the current sentence */
  bool any_upper; /* the paragraph has capitals */
} state;

static bool is(const state *st, size_t i, unsigned flags) { return i < st->n && (st->t[i].flags & flags) != 0; }

static bool is_textual(const seg_token *t) { return t->kind != SEG_PUNCT; }

static bool is_upper_word(const state *st, size_t i) {
  return i < st->n && st->t[i].kind == SEG_WORD && (st->t[i].flags & SEG_T_UPPER);
}

static bool in_class(const state *st, size_t i, unsigned flag) {
  return i < st->n && st->t[i].kind == SEG_WORD && (seg_class(st->lex, st->t[i].key) & flag) != 0;
}

/* The first word or number at or behind i, past quotes, brackets and dashes that open a sentence. */
static size_t first_textual(const state *st, size_t i) {
  for (unsigned k = 0; k < MAX_SIGNS && is(st, i, SEG_T_OPEN | SEG_T_DASH) && !is_textual(&st->t[i]); k++) i++;
  return i;
}

/* Token i may begin a sentence by its looks. */
static bool may_begin(const state *st, size_t i) {
  if (i >= st->n) return true;
  const seg_token *t = &st->t[i];
  if (t->kind == SEG_NUMBER || t->kind == SEG_CODE) return true;
  if (t->kind != SEG_WORD) return false;
  return (t->flags & (SEG_T_UPPER | SEG_T_CASELESS | SEG_T_MIXED)) != 0;
}

/* A number, letter or roman numeral that numbers the sentence which it begins: "1.", "a.", "IV.". */
static bool is_enumerator(const state *st, size_t i) {
  if (i - st->first > MAX_SIGNS || first_textual(st, st->first) != i) return false;
  const seg_token *t = &st->t[i];
  uint32_t len = t->end - t->start;
  if (t->kind == SEG_NUMBER) return len <= 5;
  return t->kind == SEG_WORD && (len <= 2 || ((t->flags & SEG_T_CAPS) && len <= 5 && t->syllable == 0));
}

/* Whether tokens i and j share a pair of brackets that closes soon. */
static bool in_brackets(const state *st, size_t i, const uint32_t depth) {
  if (depth == 0) return false;
  size_t end = i + MAX_IN_BRACKETS < st->n ? i + MAX_IN_BRACKETS : st->n;
  unsigned open = depth;
  for (size_t k = i; k < end; k++) {
    unsigned flags = st->t[k].flags;
    if (flags & SEG_T_QUOTE) continue;
    if (flags & SEG_T_OPEN) open++;
    if ((flags & SEG_T_CLOSE) && --open == 0) return true;
  }
  return false;
}

/* After the letter of an anonymised or abbreviated name ("Trần Nhật S. Công an", but "George W. Bush"). */
static bool ends_after_initial(const state *st, size_t i, size_t next) {
  if (!is_upper_word(st, next) || is(st, next, SEG_T_GLUED)) return false;
  bool name_before = i > st->first && (is_upper_word(st, i - 1) || in_class(st, i - 1, SEG_C_HONOUR));
  if (!name_before) return false;
  if (in_class(st, next, SEG_C_STARTER | SEG_C_HONOUR)) return true;
  if (st->t[next].syllable == 0) return is(st, next, SEG_T_CAPS);
  return !is_upper_word(st, next + 1);
}

static bool ends_after_abbreviation(const state *st, size_t i, size_t next) {
  unsigned flags = st->t[i].flags;
  if (next >= st->n) return true;
  if (is(st, i + 1, SEG_T_CLOSE)) next = first_textual(st, i + 2);
  if (is_enumerator(st, i)) return false;
  if (flags & SEG_T_INITIAL) return ends_after_initial(st, i, next);
  if (flags & SEG_T_TITLE)
    return !is(st, next, SEG_T_GLUED) && is_upper_word(st, next) && in_class(st, next, SEG_C_STARTER);
  return is_upper_word(st, next) && !is(st, next, SEG_T_GLUED);
}

/* A plain stop without a space behind it: the space is missing, or the stop belongs to something unknown. */
static bool ends_glued(const state *st, size_t i, size_t next) {
  if (i == 0 || !is_textual(&st->t[i - 1])) return i > 0 && (st->t[i - 1].flags & SEG_T_CLOSE);
  const seg_token *before = &st->t[i - 1], *after = &st->t[next];
  if (after->kind == SEG_NUMBER) return before->kind == SEG_WORD && before->syllable && !(before->flags & SEG_T_CAPS);
  if (after->kind == SEG_CODE) return (after->flags & SEG_T_UPPER) && (before->syllable || before->kind == SEG_NUMBER);
  bool titled = (after->flags & SEG_T_UPPER) && (!(after->flags & SEG_T_CAPS) || after->syllable || before->syllable);
  return titled || (after->flags & SEG_T_CASELESS);
}

/* The stop at i behind a number or letter that numbers the sentence, or a section of the text (Điều 5. Phạm vi). */
static bool is_numbering(const state *st, size_t i, size_t j) {
  if (i == 0 || j != i + 1 || is(st, i, SEG_T_DOTS) || !is(st, i, SEG_T_GLUED)) return false;
  if (is_enumerator(st, i - 1)) return true;
  return i == st->first + 2 && st->t[i - 1].end - st->t[i - 1].start <= 5 && in_class(st, st->first, SEG_C_SECTION);
}

/* In a paragraph without any capitals a plain stop ends the sentence. */
static bool ends_without_capitals(const state *st, size_t i, size_t next) {
  if (st->any_upper || next >= st->n || i == st->first) return false;
  return !is(st, i, SEG_T_DOTS) && !is(st, next, SEG_T_GLUED);
}

/* Whether a sentence ends with the stop at i, when its closing quotes and brackets end before j. */
static bool ends_at_stop(const state *st, size_t i, size_t j) {
  if (j >= st->n) return true;
  size_t next = first_textual(st, j);
  if (next < st->n && !is_textual(&st->t[next])) return false; /* a comma or the like */
  if (i == st->first && is(st, i, SEG_T_DOTS)) return false;
  bool closed = j > i + 1 && is(st, j - 1, SEG_T_CLOSE);
  if (closed && is(st, j, SEG_T_DASH)) return false; /* “…!” - Ông Minh nói */
  if (is_numbering(st, i, j)) return false;
  bool quoted = j < next && is(st, j, SEG_T_QUOTE) && !is(st, j, SEG_T_GLUED); /* he went. "yes", she said */
  if (!may_begin(st, next)) return (quoted && !is(st, i, SEG_T_DOTS)) || ends_without_capitals(st, i, next);
  bool glued = j == i + 1 && is(st, j, SEG_T_GLUED) && !is(st, j, SEG_T_OPEN);
  return glued ? ends_glued(st, i, next) : true;
}

static int push(lane_vec *out, const lane_mem *mem, size_t first, size_t last) {
  if (lane_vec_reserve(mem, out, sizeof(seg_sentence), out->n + 1) != 0) return -1;
  ((seg_sentence *)out->items)[out->n++] = (seg_sentence){(uint32_t)first, (uint32_t)last};
  return 0;
}

/* Past closing quotes and brackets, and further stops, that belong to the stop before j. */
static size_t past_closers(const state *st, size_t j) {
  for (unsigned k = 0; k < MAX_SIGNS && is(st, j, SEG_T_CLOSE | SEG_T_STOP); k++) {
    bool near = is(st, j, SEG_T_GLUED) || is(st, j, SEG_T_CLOSE);
    if (!near) break;
    j++;
  }
  return j;
}

static bool is_bracket(unsigned flags, unsigned side) { return (flags & side) && !(flags & SEG_T_QUOTE); }

/* The end of the sentence that may end with token i; 0 if it does not. *depth: of brackets, before and after. */
static size_t sentence_end(const state *st, size_t i, uint32_t *depth) {
  size_t j = past_closers(st, i + 1);
  uint32_t open = *depth;
  bool stop = is(st, i, SEG_T_STOP);
  if (stop ? !ends_at_stop(st, i, j) : !ends_after_abbreviation(st, i, first_textual(st, j))) return 0;
  for (size_t k = i + 1; k < j; k++) open -= is_bracket(st->t[k].flags, SEG_T_CLOSE) && open > 0;
  if (in_brackets(st, j, open)) return 0;
  *depth = open;
  return j;
}

static bool has_capitals(const seg_token *t, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if ((t[i].flags & SEG_T_UPPER) && t[i].kind == SEG_WORD) return true;
  }
  return false;
}

int seg_sentences(lane_vec *out, const lane_mem *mem, const seg_lexicon *lex, const seg_token *t, size_t n) {
  state st = {lex, t, n, 0, has_capitals(t, n)};
  uint32_t depth = 0;
  bool textual = false;
  for (size_t i = 0; i < n; i++) {
    unsigned flags = t[i].flags;
    textual = textual || is_textual(&t[i]);
    depth += is_bracket(flags, SEG_T_OPEN);
    depth -= is_bracket(flags, SEG_T_CLOSE) && depth > 0;
    if (!(flags & (SEG_T_STOP | SEG_T_ABBR)) || !textual) continue;
    size_t end = sentence_end(&st, i, &depth);
    if (!end) continue;
    if (push(out, mem, st.first, end) != 0) return -1;
    st.first = end;
    textual = false;
    i = end - 1;
  }
  if (st.first == n) return 0;
  if (textual || st.first == 0) return push(out, mem, st.first, n);
  /* What is left is punctuation: it goes with the sentence before. */
  ((seg_sentence *)out->items)[out->n - 1].last = (uint32_t)n;
  return 0;
}
