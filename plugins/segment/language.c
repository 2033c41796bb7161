/* SPDX-License-Identifier: Apache-2.0 */
/* Counts words with Vietnamese marks, and function words of either language. */
#include "language.h"

#include <stdbool.h>

#include "vi_text.h"

#define STRETCH 16384u

/* Fewer words say nothing of a sentence. */
#define MIN_WORDS 4u

typedef struct counts {
  size_t words;     /* runs of letters */
  size_t marked;    /* Vietnamese syllables with marks */
  size_t syllables; /* Vietnamese syllables, marked or not */
  size_t vi, plain, en;
} counts;

/* A tone, or one of ă â đ ê ô ơ ư. */
static bool has_marks(uint64_t key) { return key != vi_key_plain(vi_key_toneless(key)); }

static void count_word(const seg_lexicon *lex, uint64_t key, uint32_t syllable, counts *c) {
  unsigned cls = seg_class(lex, key);
  c->words++;
  c->marked += syllable != 0 && has_marks(key);
  c->syllables += syllable != 0;
  c->vi += (cls & SEG_C_VI) != 0;
  c->plain += (cls & SEG_C_VI_PLAIN) != 0;
  c->en += (cls & SEG_C_EN) != 0;
}

static void count(const seg_lexicon *lex, const char *s, size_t n, counts *c) {
  vi_word w;
  for (size_t i = 0; i < n && vi_next_word(s, n, &i, &w);) {
    if (!w.digits) count_word(lex, w.key, seg_dict_syllable(&lex->dict, w.key), c);
  }
}

static bool looks_vietnamese(const counts *c) {
  return c->marked * 4 >= c->words || (c->vi * 8 >= c->words && c->marked * 8 >= c->words);
}

static bool looks_english(const counts *c) { return c->en * 7 >= c->words && c->en > c->plain; }

/* The start of a character at or behind i. */
static size_t align(const char *s, size_t n, size_t i) {
  while (i < n && ((unsigned char)s[i] & 0xC0) == 0x80) i++;
  return i;
}

int seg_language(const seg_lexicon *lex, const char *s, size_t n) {
  counts c = {0};
  if (n <= 3 * STRETCH) {
    count(lex, s, n, &c);
  } else {
    for (unsigned k = 0; k < 3; k++) {
      size_t at = align(s, n, (n - STRETCH) / 2 * k);
      count(lex, s + at, STRETCH, &c);
    }
  }
  if (c.words == 0) return SEG_LANG_UND;
  if (looks_vietnamese(&c)) return SEG_LANG_VI;
  if (looks_english(&c)) return SEG_LANG_EN;
  if (c.words >= 5 && c.plain * 8 >= c.words && c.plain > c.en) return SEG_LANG_VI;
  return SEG_LANG_UND;
}

int seg_sentence_language(const seg_lexicon *lex, const seg_token *t, size_t n, int text_language) {
  counts c = {0};
  for (size_t i = 0; i < n; i++) {
    if (t[i].kind == SEG_WORD) count_word(lex, t[i].key, t[i].syllable, &c);
  }
  if (c.words < MIN_WORDS) return text_language;
  if (looks_vietnamese(&c)) return SEG_LANG_VI;
  if (c.marked > 0) return text_language;
  if (text_language == SEG_LANG_VI && c.syllables * 2 > c.words && c.en * 4 < c.words) return SEG_LANG_VI;
  return looks_english(&c) ? SEG_LANG_EN : text_language == SEG_LANG_VI ? SEG_LANG_UND : text_language;
}
