/* SPDX-License-Identifier: Apache-2.0 */
/* Splits text into syllable, number and punctuation tokens. */
#include "token.h"

#include <vi_text.h>

#define KEY_NUM (UINT64_C(6) << 60)
#define KEY_PUNCT (UINT64_C(7) << 60)

static const uint8_t plain_vowel[64] = {
    [VI_L_A] = 1, [VI_L_AW] = 1, [VI_L_AA] = 1, [VI_L_E] = 1, [VI_L_EE] = 1, [VI_L_I] = 1,
    [VI_L_O] = 1, [VI_L_OO] = 1, [VI_L_OW] = 1, [VI_L_U] = 1, [VI_L_UW] = 1, [VI_L_Y] = 1,
};

/* Letters behind the ones of vi_text.h, in the order of its alphabet. */
enum {
  L_B = 4,
  L_C,
  L_D,
  L_DD,
  L_G = 11,
  L_H,
  L_K = 15,
  L_L,
  L_M,
  L_N,
  L_P = 22,
  L_Q,
  L_R,
  L_S,
  L_T,
  L_V = 29,
  L_X = 31
};

/* Letters of the first consonant of letters[0, n); n + 1 if no syllable begins so. */
static unsigned onset(const unsigned char *l, unsigned n) {
  /* Consonants that stand before h, and those that no syllable begins with alone: f j w z, and p. */
  static const uint64_t before_h = UINT64_C(1) << L_C | UINT64_C(1) << L_G | UINT64_C(1) << L_K | UINT64_C(1) << L_N |
                                   UINT64_C(1) << L_P | UINT64_C(1) << L_T;
  static const uint64_t never =
      UINT64_C(1) << L_P | UINT64_C(1) << 10 | UINT64_C(1) << 14 | UINT64_C(1) << 30 | UINT64_C(1) << 33;
  unsigned k = 0;
  while (k < n && !plain_vowel[l[k]]) k++;
  int ng = k >= 2 && l[0] == L_N && l[1] == L_G;
  switch (k) {
  case 0:
    return 0;
  case 1:
    return never >> l[0] & 1u ? n + 1 : 1;
  case 2:
    return ng || (l[0] == L_T && l[1] == L_R) || (l[1] == L_H && (before_h >> l[0] & 1u)) ? 2 : n + 1;
  default:
    return k == 3 && ng && l[2] == L_H ? 3 : n + 1;
  }
}

/* May a syllable end with the consonants l[0, n)? */
static int coda(const unsigned char *l, unsigned n) {
  static const uint64_t single =
      UINT64_C(1) << L_C | UINT64_C(1) << L_M | UINT64_C(1) << L_N | UINT64_C(1) << L_P | UINT64_C(1) << L_T;
  if (n == 0) return 1;
  if (n == 1) return (int)(single >> l[0] & 1u);
  return n == 2 && ((l[0] == L_N && (l[1] == L_G || l[1] == L_H)) || (l[0] == L_C && l[1] == L_H));
}

int ex_is_syllable(uint64_t key) {
  if (key == 0 || key >> 60 > 5) return 0;
  unsigned char l[10];
  unsigned n = 0;
  for (unsigned i = 0; i < 10 && (key >> (6 * i) & 63u); i++) l[n++] = (unsigned char)(key >> (6 * i) & 63u);
  unsigned from = onset(l, n);
  if (from >= n) return 0;
  unsigned vowels = from;
  while (vowels < n && plain_vowel[l[vowels]]) vowels++;
  return vowels > from && vowels - from <= 3 && coda(l + vowels, n - vowels);
}

static void read_number(const char *s, size_t n, size_t *i, ex_tok *tok, uint64_t *ret_key) {
  uint64_t value = 0;
  unsigned digits = 0;
  while (*i < n) {
    size_t at = *i;
    uint32_t cp = vi_next(s, n, i);
    if (!(vi_entry(cp) & VI_DIGIT)) {
      *i = at;
      break;
    }
    if (cp >= '0' && cp <= '9' && digits < 9) value = value * 10 + (cp - '0');
    digits++;
  }
  tok->flags |= TK_NUM;
  tok->value = (uint32_t)value;
  tok->end = (uint32_t)*i;
  *ret_key = KEY_NUM | value;
}

static void read_word(const char *s, size_t n, size_t *i, ex_tok *tok, uint64_t *ret_key) {
  vi_fold f = VI_FOLD_INIT;
  unsigned letters = 0, uppers = 0;
  while (*i < n) {
    size_t at = *i;
    uint32_t cp = vi_next(s, n, i);
    unsigned e = vi_entry(cp);
    if (!(e & (VI_LETTER | VI_MARK))) {
      if (vi_is_ignorable(cp)) continue;
      *i = at;
      break;
    }
    if (letters == 0 && (e & VI_UPPER)) tok->flags |= TK_UPPER;
    letters += (e & VI_LETTER) != 0;
    uppers += (e & VI_UPPER) != 0;
    vi_fold_add(&f, cp, e);
    tok->end = (uint32_t)*i;
  }
  *ret_key = vi_key_i(vi_fold_key(&f));
  tok->flags |= TK_WORD;
  if (letters == 1) tok->flags |= TK_ONE;
  if (letters >= 2 && letters == uppers) tok->flags |= TK_CAPS;
}

int ex_tok_next(const char *s, size_t n, size_t *i, ex_tok *tok, uint64_t *ret_key) {
  uint32_t flags = *i == 0 ? TK_BOP : TK_GLUED;
  while (*i < n) {
    size_t at = *i;
    uint32_t cp = vi_next(s, n, i);
    unsigned e = vi_entry(cp);
    if (e & VI_SPACE) {
      flags &= ~TK_GLUED;
      if (cp == '\n') flags |= TK_BOP;
      continue;
    }
    if (vi_is_ignorable(cp)) continue;
    tok->start = (uint32_t)at;
    tok->end = (uint32_t)*i;
    tok->flags = flags;
    tok->value = 0;
    if (e & (VI_LETTER | VI_DIGIT)) {
      *i = at;
      if (e & VI_DIGIT) {
        read_number(s, n, i, tok, ret_key);
      } else {
        read_word(s, n, i, tok, ret_key);
      }
    } else {
      tok->flags |= TK_PUNCT;
      tok->value = cp;
      *ret_key = KEY_PUNCT | cp;
    }
    tok->key_low = (uint32_t)(*ret_key ^ *ret_key >> 30);
    return 1;
  }
  return 0;
}
