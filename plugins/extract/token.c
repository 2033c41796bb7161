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

/* The entry of the letter of the Vietnamese alphabet at s[*i], of two or three bytes; moves *i behind it. 0 if there is
 * none. */
static inline unsigned marked_letter(const char *s, size_t n, size_t *i) {
  const unsigned char *p = (const unsigned char *)s + *i;
  unsigned e = 0, len = 2;
  if (p[0] >= 0xC3 && p[0] <= 0xC6 && n - *i >= 2 && (p[1] & 0xC0) == 0x80) {
    e = vi_low[(p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu)];
  } else if (p[0] == 0xE1 && n - *i >= 3 && (p[1] & 0xFC) == 0xB8 && (p[2] & 0xC0) == 0x80) {
    e = vi_ext[(p[1] & 3u) << 6 | (p[2] & 0x3Fu)];
    len = 3;
  }
  if (!vi_letter_of(e)) return 0;
  *i += len;
  return e;
}

/* Does a word end at s[i]? Not before marks, invisible characters and foreign letters. */
static inline int word_ends(const char *s, size_t n, size_t i) {
  if (i >= n) return 1;
  if ((unsigned char)s[i] < 0x80) return !vi_letter_of(vi_low[(unsigned char)s[i]]);
  uint32_t cp = vi_next(s, n, &i);
  return !(vi_entry(cp) & (VI_LETTER | VI_MARK)) && !vi_is_ignorable(cp);
}

/* What read_word does, for a composed syllable of at most ten letters; 0 if the word at *i is none, with nothing
 * changed. */
static inline int read_syllable(const char *s, size_t n, size_t *i, ex_tok *tok, uint64_t *ret_key) {
  uint64_t key = 0;
  unsigned shift = 0, tones = 0, tone = 0, all = VI_UPPER, first = 0;
  size_t at = *i;
  for (; at < n && shift < 60; shift += 6) {
    unsigned char a = (unsigned char)s[at];
    unsigned e = vi_low[a & 0x7Fu];
    if (a >= 0x80) {
      if (!(e = marked_letter(s, n, &at))) break;
      tones += (e & (7u << 6)) != 0;
      tone |= e;
    } else if (vi_letter_of(e)) {
      at++;
    } else {
      break;
    }
    if (!shift) first = e;
    all &= e;
    key |= (uint64_t)vi_letter_of(e) << shift;
  }
  if (!shift || tones > 1 || !word_ends(s, n, at)) return 0;
  *i = at;
  *ret_key = vi_key_i(key | (uint64_t)vi_tone_of(tone) << 60);
  tok->end = (uint32_t)at;
  tok->flags |= TK_WORD | (first & VI_UPPER ? TK_UPPER : 0) | (shift == 6 ? TK_ONE : all ? TK_CAPS : 0);
  return 1;
}

/* Reads what begins with the code point cp at `at`; *i stands behind it. */
static void read_token(const char *s, size_t n, size_t *i, size_t at, uint32_t cp, ex_tok *tok, uint64_t *ret_key) {
  unsigned e = vi_entry(cp);
  if (!(e & (VI_LETTER | VI_DIGIT))) {
    tok->flags |= TK_PUNCT;
    tok->value = cp;
    *ret_key = KEY_PUNCT | cp;
    return;
  }
  *i = at;
  if (e & VI_DIGIT) {
    read_number(s, n, i, tok, ret_key);
  } else {
    read_word(s, n, i, tok, ret_key);
  }
}

int ex_tok_next(const char *s, size_t n, size_t *i, ex_tok *tok, uint64_t *ret_key) {
  uint32_t flags = *i == 0 ? TK_BOP : TK_GLUED;
  while (*i < n) {
    size_t at = *i;
    if (s[at] == ' ') {
      flags &= ~TK_GLUED;
      ++*i;
      continue;
    }
    *tok = (ex_tok){.start = (uint32_t)at, .flags = flags};
    if (read_syllable(s, n, i, tok, ret_key)) {
      tok->key_low = (uint32_t)(*ret_key ^ *ret_key >> 30);
      return 1;
    }
    uint32_t cp = vi_next(s, n, i);
    if (vi_entry(cp) & VI_SPACE) {
      flags &= ~TK_GLUED;
      if (cp == '\n') flags |= TK_BOP;
      continue;
    }
    if (vi_is_ignorable(cp)) continue;
    tok->end = (uint32_t)*i;
    read_token(s, n, i, at, cp, tok, ret_key);
    tok->key_low = (uint32_t)(*ret_key ^ *ret_key >> 30);
    return 1;
  }
  return 0;
}
