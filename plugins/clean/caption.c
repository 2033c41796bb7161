/* SPDX-License-Identifier: Apache-2.0 */
/* Captions of photos that stand between the paragraphs: by their marker, or by what they say. */
#include "lines.h"

#define MARKER_TAIL 12   /* words behind "Ảnh:" at most */
#define CAPTION_WORDS 32 /* words of a caption without marker at most */
#define NEAR_BYTES 8192  /* of a neighbouring paragraph that are searched for names */

/* The last character before i that is not a space; 0 at the start of the line. */
static uint32_t char_before(const char *s, size_t i) {
  while (i > 0) {
    uint32_t c = vi_prev(s, &i);
    if (!vi_is_space(c)) return c;
  }
  return 0;
}

static uint32_t char_after(const char *s, size_t n, size_t i) {
  while (i < n) {
    uint32_t c = vi_next(s, n, &i);
    if (!vi_is_space(c)) return c;
  }
  return 0;
}

/* Whether a marker may begin behind this character. */
static int opens_tail(uint32_t c) {
  return c == 0 || c == '.' || c == '(' || c == '[' || c == '-' || c == 0x2013 || c == 0x2014 || c == '|' || c == '/' ||
         c == 0x2026 || c == '"' || c == 0x201D || c == '!' || c == '?' || c == ')' || c == ';';
}

static int all_upper(const clean_line_words *l, size_t from) {
  for (size_t i = from; i < l->n; i++) {
    if (!l->w[i].first_upper) return 0;
  }
  return from < l->n;
}

/* Whether the k words from word i on, a phrase, mark the rest of the line as a photo's credit. */
static int marks_tail(const clean_lexicon *lex, const char *s, size_t n, const clean_line_words *l, size_t i,
                      size_t k) {
  size_t tail = l->n - i - k;
  int first = l->w[i].start <= 1, source = clean_match(lex, l, i, CLEAN_L_CREDIT, NULL) > 0;
  if (char_after(s, n, l->w[i + k - 1].end) == ':' && tail > 0 && tail <= MARKER_TAIL) return !first || !source;
  if (k >= 2 && tail == 0) return 1;
  return k == 1 && !first && !source && l->w[i].first_upper && tail >= 1 && tail <= 5 && all_upper(l, i + 1);
}

int clean_caption_marked(const clean_lexicon *lex, const char *s, size_t n, const clean_line_words *l) {
  if (l->more) return 0;
  for (size_t i = 0; i < l->n; i++) {
    size_t k = clean_match(lex, l, i, CLEAN_L_PHOTO, NULL);
    if (k && opens_tail(char_before(s, l->w[i].start)) && marks_tail(lex, s, n, l, i, k)) return 1;
  }
  return 0;
}

/* Whether two or more capitalised words in a row, which are likely a name, stand in a neighbour, too. */
static int shares_name(const char *s, const clean_line_words *l, const char *t, size_t n) {
  if (n > NEAR_BYTES) n = NEAR_BYTES;
  for (size_t i = 1; i + 1 < l->n; i++) {
    if (!l->w[i].first_upper || !l->w[i + 1].first_upper) continue;
    size_t k = i + 1;
    while (k + 1 < l->n && l->w[k + 1].first_upper && l->w[k + 1].start - l->w[k].end == 1) k++;
    if (memmem(t, n, s + l->w[i].start, l->w[k].end - l->w[i].start)) return 1;
    i = k;
  }
  return 0;
}

/* What speaks against a picture: figures, quotations, reported speech, narration. */
static int against(const clean_lexicon *lex, const char *s, size_t n, const clean_line_words *l) {
  int points = 0, commas = 0;
  if (clean_match(lex, l, 0, CLEAN_L_CONNECT, NULL)) points += 3;
  for (size_t i = 0; i < l->n; i++) {
    size_t skip = clean_match(lex, l, i, CLEAN_L_NEUTRAL | CLEAN_L_SCENE, NULL);
    if (skip > 1) {
      i += skip - 1;
      continue;
    }
    if (clean_match(lex, l, i, CLEAN_L_REPORT, NULL)) points += 3;
    if (clean_match(lex, l, i, CLEAN_L_STORY, NULL)) points += 2;
    if (l->w[i].digits) points++;
  }
  for (size_t i = 0; i < n;) {
    uint32_t c = vi_next(s, n, &i);
    commas += c == ',';
    if (c == '"' || c == 0x201C || c == 0x201D || c == '%' || c == '?' || c == '!' || c == 0x2026) points += 3;
    if (c == ':' || c == ';') points += 2;
  }
  return points + (commas > 2 ? commas - 2 : 0);
}

/* What speaks for one: people shown, doing what people in pictures do, at a place. */
static int in_favour(const clean_lexicon *lex, const clean_line_words *l) {
  int points = 0, scenes = 0, places = 0;
  if (clean_match(lex, l, 0, CLEAN_L_VIEW, NULL) && !clean_match(lex, l, 0, CLEAN_L_AGENT, NULL)) points += 2;
  if (clean_match(lex, l, 0, CLEAN_L_AGENT | CLEAN_L_VIEW, NULL)) {
    points++;
  } else if (l->n > 2 && l->w[0].first_upper && l->w[1].first_upper) {
    points++;
  } else {
    return 0;
  }
  for (size_t i = 1; i < l->n;) {
    size_t scene = clean_match(lex, l, i, CLEAN_L_SCENE, NULL), place = clean_match(lex, l, i, CLEAN_L_PLACE, NULL);
    scenes += scene > 0;
    places += place > 0;
    i += scene > place ? scene : place ? place : 1;
  }
  if (scenes) points += 2;
  if (scenes > 1) points++;
  if (places && (scenes || points > 1)) points++;
  return scenes || points > 2 ? points : 0;
}

int clean_caption_possible(const char *s, size_t n) {
  uint32_t last = clean_last_char(s, n);
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '"' || s[i] == '%' || s[i] == ';' || s[i] == ':' || s[i] == '?' || s[i] == '!') return 0;
  }
  return last != ',' && last != 0x2026 && clean_sentences(s, n) == 1;
}

int clean_caption_score(const clean_lexicon *lex, const char *s, size_t n, const clean_line_words *l,
                        const char *before, size_t n_before, const char *after, size_t n_after) {
  if (l->n < 3 || l->n > CAPTION_WORDS || l->more || clean_sentences(s, n) > 1) return 0;
  int points = in_favour(lex, l);
  if (points == 0) return 0;
  if (n_before > 120 && n_after > 120 && n_before * 2 >= n * 3 && n_after * 2 >= n * 3) points++;
  if (shares_name(s, l, before, n_before) || shares_name(s, l, after, n_after)) points++;
  if (l->n <= 8) points++;
  return points - against(lex, s, n, l);
}
