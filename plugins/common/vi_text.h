/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unicode and Vietnamese basics for language plugins: decoding, character classes, folding, syllables. Header-only.
 *
 * Every function takes bytes with a length and accepts any bytes: what is not UTF-8 reads as VI_BAD, one byte at a
 * time, and belongs to no class. Latin letters come from own tables; everything else asks utf8proc, to which the plugin
 * must be linked
 * (`PKG libutf8proc` in its sluice_plugin call).
 *
 * Folding: a syllable becomes one 64-bit key in which case, tone placement (hòa = hoà, ủy = uỷ) and composed or
 * decomposed spelling make no difference, while every letter and the tone do. The tone is a number of its own, so
 * moving its mark inside the syllable cannot change the key. Keys are exact up to ten letters of the Vietnamese
 * alphabet (with f, j, w, z); longer or foreign strings get a 63-bit hash.
 */
#ifndef SLUICE_VI_TEXT_H
#define SLUICE_VI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include "vi_tables.h"

#define VI_BAD 0xFFFDu

#define VI_UPPER (1u << 9)
#define VI_LOWER (1u << 10)
#define VI_LETTER (1u << 11)
#define VI_DIGIT (1u << 12)
#define VI_SPACE (1u << 13) /* any white space, line ends included */
#define VI_PUNCT (1u << 14) /* punctuation and symbols */
#define VI_MARK (1u << 15)  /* combining mark */

/* Tones, as they stand in keys. */
#define VI_TONE_LEVEL 0u /* a */
#define VI_TONE_GRAVE 1u /* à */
#define VI_TONE_ACUTE 2u /* á */
#define VI_TONE_HOOK 3u  /* ả */
#define VI_TONE_TILDE 4u /* ã */
#define VI_TONE_DOT 5u   /* ạ */

/* Letters of the alphabet as numbers from 1; "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz". */
#define VI_L_A 1u
#define VI_L_AW 2u /* ă */
#define VI_L_AA 3u /* â */
#define VI_L_DD 7u /* đ */
#define VI_L_E 8u
#define VI_L_EE 9u /* ê */
#define VI_L_I 13u
#define VI_L_O 19u
#define VI_L_OO 20u /* ô */
#define VI_L_OW 21u /* ơ */
#define VI_L_U 27u
#define VI_L_UW 28u /* ư */
#define VI_L_Y 32u

/* Bits that a table entry has below the class bits. */
static inline unsigned vi_letter_of(unsigned entry) { return entry & 63u; }
static inline unsigned vi_tone_of(unsigned entry) { return (entry >> 6) & 7u; }

/* Whether p[1 .. n) are continuation bytes. */
static inline bool vi_tail(const unsigned char *p, size_t n) {
  return (p[1] & 0xC0) == 0x80 && (n < 3 || (p[2] & 0xC0) == 0x80) && (n < 4 || (p[3] & 0xC0) == 0x80);
}

/* Decodes the code point at *i (< n) and moves *i behind it. Broken bytes give VI_BAD and move by one. */
static inline uint32_t vi_next(const char *s, size_t n, size_t *i) {
  const unsigned char *p = (const unsigned char *)s + *i;
  uint32_t a = p[0], c = VI_BAD;
  size_t len = 1;
  if (a < 0x80) {
    *i += 1;
    return a;
  }
  if (a >= 0xC2 && a < 0xF5) len = a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;
  if (len == 1 || n - *i < len || !vi_tail(p, len)) {
    *i += 1;
    return VI_BAD;
  }
  if (len == 2) c = (a & 0x1Fu) << 6 | (p[1] & 0x3Fu);
  if (len == 3) c = (a & 0x0Fu) << 12 | (uint32_t)(p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
  if (len == 4) c = (a & 7u) << 18 | (uint32_t)(p[1] & 0x3Fu) << 12 | (uint32_t)(p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
  static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < least[len] || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) {
    *i += 1;
    return VI_BAD;
  }
  *i += len;
  return c;
}

/* The code point at i, 0 at the end. */
static inline uint32_t vi_peek(const char *s, size_t n, size_t i) { return i < n ? vi_next(s, n, &i) : 0; }

/* The code point that ends at *i (> 0); moves *i to its start. */
static inline uint32_t vi_prev(const char *s, size_t *i) {
  size_t end = *i, start = end - 1;
  while (start > 0 && end - start < 4 && ((unsigned char)s[start] & 0xC0) == 0x80) start--;
  size_t k = start;
  uint32_t c = vi_next(s, end, &k);
  if (k != end) {
    start = end - 1;
    c = VI_BAD;
  }
  *i = start;
  return c;
}

/* Table entry of a code point outside the tables: class bits from utf8proc. */
static inline unsigned vi_entry_far(uint32_t cp) {
  if (cp == VI_BAD) return 0;
  switch (utf8proc_category((utf8proc_int32_t)cp)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LT:
    return VI_LETTER | VI_UPPER;
  case UTF8PROC_CATEGORY_LL:
    return VI_LETTER | VI_LOWER;
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
    return VI_LETTER;
  case UTF8PROC_CATEGORY_ND:
    return VI_DIGIT;
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
    return VI_MARK;
  case UTF8PROC_CATEGORY_ZS:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP:
    return VI_SPACE;
  case UTF8PROC_CATEGORY_PC:
  case UTF8PROC_CATEGORY_PD:
  case UTF8PROC_CATEGORY_PS:
  case UTF8PROC_CATEGORY_PE:
  case UTF8PROC_CATEGORY_PI:
  case UTF8PROC_CATEGORY_PF:
  case UTF8PROC_CATEGORY_PO:
  case UTF8PROC_CATEGORY_SM:
  case UTF8PROC_CATEGORY_SC:
  case UTF8PROC_CATEGORY_SK:
  case UTF8PROC_CATEGORY_SO:
    return VI_PUNCT;
  default:
    return 0;
  }
}

/* Letter, tone and class bits of a code point. */
static inline unsigned vi_entry(uint32_t cp) {
  if (cp < 0x250) return vi_low[cp];
  if (cp >= 0x1E00 && cp < 0x1F00) return vi_ext[cp - 0x1E00];
  return vi_entry_far(cp);
}

static inline bool vi_is_upper(uint32_t cp) { return (vi_entry(cp) & VI_UPPER) != 0; }
static inline bool vi_is_lower(uint32_t cp) { return (vi_entry(cp) & VI_LOWER) != 0; }
static inline bool vi_is_letter(uint32_t cp) { return (vi_entry(cp) & VI_LETTER) != 0; }
static inline bool vi_is_digit(uint32_t cp) { return (vi_entry(cp) & VI_DIGIT) != 0; }
static inline bool vi_is_space(uint32_t cp) { return (vi_entry(cp) & VI_SPACE) != 0; }
static inline bool vi_is_punct(uint32_t cp) { return (vi_entry(cp) & VI_PUNCT) != 0; }
static inline bool vi_is_mark(uint32_t cp) { return (vi_entry(cp) & VI_MARK) != 0; }

/* Invisible characters that stand inside words without meaning: soft hyphen, zero-width space and joiners, BOM. */
static inline bool vi_is_ignorable(uint32_t cp) {
  return cp == 0xAD || (cp >= 0x200B && cp <= 0x200F) || cp == 0x2060 || cp == 0xFEFF;
}

static inline uint32_t vi_to_lower(uint32_t cp) {
  if (cp < 0x80) return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
  if (!(vi_entry(cp) & VI_UPPER)) return cp;
  return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

/* A syllable while it is being folded. */
typedef struct vi_fold {
  uint64_t letters; /* six bits each */
  uint64_t hash;    /* over letters and foreign code points */
  unsigned n;       /* letters */
  unsigned tone;    /* 0..5 */
  unsigned last;    /* the last letter, for combining marks */
  bool foreign;     /* more than ten letters, two tones, or a letter of another alphabet */
} vi_fold;

#define VI_FOLD_INIT \
  { 0, 0x9E3779B97F4A7C15u, 0, 0, 0, false }
#define VI_KEY_HASHED (UINT64_C(1) << 63)

/* The letter that a combining circumflex, breve or horn makes of `letter`, or 0. */
static inline unsigned vi_compose(unsigned letter, uint32_t mark) {
  switch (mark) {
  case 0x302:
    return letter == VI_L_A ? VI_L_AA : letter == VI_L_E ? VI_L_EE : letter == VI_L_O ? VI_L_OO : 0;
  case 0x306:
    return letter == VI_L_A ? VI_L_AW : 0;
  case 0x31B:
    return letter == VI_L_O ? VI_L_OW : letter == VI_L_U ? VI_L_UW : 0;
  default:
    return 0;
  }
}

static inline unsigned vi_tone_mark(uint32_t cp) {
  switch (cp) {
  case 0x300:
    return VI_TONE_GRAVE;
  case 0x301:
    return VI_TONE_ACUTE;
  case 0x309:
    return VI_TONE_HOOK;
  case 0x303:
    return VI_TONE_TILDE;
  case 0x323:
    return VI_TONE_DOT;
  default:
    return 0;
  }
}

static inline void vi_fold_letter(vi_fold *f, unsigned letter) {
  if (f->n < 10) f->letters |= (uint64_t)letter << (6 * f->n);
  f->n++;
  f->last = letter;
}

static inline void vi_fold_mark(vi_fold *f, uint32_t cp) {
  unsigned tone = vi_tone_mark(cp), made = vi_compose(f->last, cp);
  if (tone && !f->tone) {
    f->tone = tone;
  } else if (made && f->n > 0 && f->n <= 10) {
    f->letters &= ~(UINT64_C(63) << (6 * (f->n - 1)));
    f->letters |= (uint64_t)made << (6 * (f->n - 1));
    f->last = made;
  } else {
    f->foreign = true;
  }
}

/* Adds a code point with its vi_entry. Letters and digits count; marks join; anything else must not be passed. */
static inline void vi_fold_add(vi_fold *f, uint32_t cp, unsigned entry) {
  unsigned letter = vi_letter_of(entry), tone = vi_tone_of(entry);
  uint32_t unit;
  if (letter) {
    unit = letter;
    vi_fold_letter(f, letter);
    if (tone && f->tone) f->foreign = true;
    if (tone) f->tone = tone;
  } else if (entry & VI_MARK) {
    vi_fold_mark(f, cp);
    return;
  } else {
    f->foreign = true;
    unit = vi_to_lower(cp);
    f->n++;
    f->last = 0;
  }
  f->hash = (f->hash ^ unit) * UINT64_C(0x100000001B3);
  f->hash ^= f->hash >> 29;
}

/* The key; 0 when nothing was added. */
static inline uint64_t vi_fold_key(const vi_fold *f) {
  if (f->n == 0) return 0;
  if (f->foreign || f->n > 10) return VI_KEY_HASHED | (f->hash + f->tone) >> 1;
  return f->letters | (uint64_t)f->tone << 60;
}

/* The key of s[0, n): a syllable. Characters that are neither letters, digits nor marks are skipped. */
static inline uint64_t vi_key(const char *s, size_t n) {
  vi_fold f = VI_FOLD_INIT;
  for (size_t i = 0; i < n;) {
    uint32_t cp = vi_next(s, n, &i);
    unsigned e = vi_entry(cp);
    if (e & (VI_LETTER | VI_DIGIT | VI_MARK)) vi_fold_add(&f, cp, e);
  }
  return vi_fold_key(&f);
}

/* The tone of an exact key; VI_TONE_LEVEL for a hashed one. */
static inline unsigned vi_key_tone(uint64_t key) { return key & VI_KEY_HASHED ? VI_TONE_LEVEL : (unsigned)(key >> 60); }

/* A key without its tone, and one with ASCII letters only (ă â → a, đ → d, …): for matching text written without marks.
 * Hashed keys stay as they are. */
static inline uint64_t vi_key_toneless(uint64_t key) { return key & VI_KEY_HASHED ? key : key & ~(UINT64_C(7) << 60); }
static inline uint64_t vi_key_plain(uint64_t key) {
  static const uint8_t plain[64] = {0,  1,  1,  1,  4,  5,  6,  6,  8,  8,  10, 11, 12, 13, 14, 15, 16,
                                    17, 18, 19, 19, 19, 22, 23, 24, 25, 26, 27, 27, 29, 30, 31, 32, 33};
  if (key & VI_KEY_HASHED) return key;
  uint64_t out = 0;
  for (unsigned i = 0; i < 10; i++) out |= (uint64_t)plain[(key >> (6 * i)) & 63] << (6 * i);
  return out;
}

/* The key with a final -y after h, k, l, m, s, t (as in kỹ, tỷ, sỹ, lý) written -i, as the other spelling has it. */
static inline uint64_t vi_key_i(uint64_t key) {
  if (key & VI_KEY_HASHED) return key;
  uint64_t letters = key & ((UINT64_C(1) << 60) - 1), first = letters & 63;
  bool can = first == 12 || first == 15 || first == 16 || first == 17 || first == 25 || first == 26;
  if (can && letters >> 6 == VI_L_Y) return key - ((uint64_t)(VI_L_Y - VI_L_I) << 6);
  return key;
}

/* Folds s[0, n) into out for matching of longer strings: lower case, the tone of each run of letters as a digit 1-5
 * behind it (none for the level tone), letters decomposed or not become one composed toneless letter, white space
 * becomes one space. Digits and punctuation stay. Returns the length, or (size_t)-1 if cap is too small; 2 * n + 1 is
 * always enough. */
static inline size_t vi_fold_text(const char *s, size_t n, char *out, size_t cap) {
  static const uint16_t letters[64] = {0,   'a', 0x103, 0xE2, 'b',   'c', 'd', 0x111, 'e',  0xEA,  'f', 'g',
                                       'h', 'i', 'j',   'k',  'l',   'm', 'n', 'o',   0xF4, 0x1A1, 'p', 'q',
                                       'r', 's', 't',   'u',  0x1B0, 'v', 'w', 'x',   'y',  'z'};
  size_t o = 0, at = 0; /* at: where the last letter starts in out */
  unsigned tone = 0, last = 0;
  for (size_t i = 0; i < n || tone;) {
    uint32_t cp = i < n ? vi_peek(s, n, i) : ' ';
    unsigned e = vi_entry(cp), letter = vi_letter_of(e);
    if (tone && !(e & (VI_LETTER | VI_MARK))) {
      if (o + 1 > cap) return (size_t)-1;
      out[o++] = (char)('0' + tone);
      tone = 0;
      last = 0;
      continue;
    }
    vi_next(s, n, &i);
    if (vi_is_ignorable(cp)) continue;
    if (e & VI_MARK) {
      unsigned made = vi_compose(last, cp), t = vi_tone_mark(cp);
      if (t) tone = t;
      if (!made) continue;
      o = at;
      letter = made;
    }
    if (letter) {
      cp = letters[letter];
      last = letter;
      if (vi_tone_of(e)) tone = vi_tone_of(e);
    } else {
      cp = e & VI_SPACE ? ' ' : vi_to_lower(cp);
      last = 0;
    }
    if (cp == ' ' && o > 0 && out[o - 1] == ' ') continue;
    unsigned char u[4];
    utf8proc_ssize_t k = cp == VI_BAD ? 1 : utf8proc_encode_char((utf8proc_int32_t)cp, u);
    if (cp == VI_BAD) u[0] = '?';
    if (o + (size_t)k > cap) return (size_t)-1;
    at = o;
    memcpy(out + o, u, (size_t)k);
    o += (size_t)k;
  }
  return o;
}

/* A run of letters, marks and digits in text. */
typedef struct vi_word {
  size_t start, end; /* bytes */
  uint64_t key;
  unsigned letters, digits, uppers, lowers; /* counts */
  bool first_upper;
} vi_word;

/* Finds the next run at or after *i; false at the end of the text. *i ends behind the run. */
static inline bool vi_next_word(const char *s, size_t n, size_t *i, vi_word *w) {
  vi_fold f = VI_FOLD_INIT;
  memset(w, 0, sizeof(*w));
  bool in = false;
  while (*i < n) {
    size_t at = *i;
    uint32_t cp = vi_next(s, n, i);
    unsigned e = vi_entry(cp);
    bool part = (e & (VI_LETTER | VI_DIGIT)) || (in && (e & VI_MARK));
    if (in && !part && !vi_is_ignorable(cp)) {
      *i = at;
      break;
    }
    if (!part) continue;
    if (!in) {
      in = true;
      w->start = at;
      w->first_upper = (e & VI_UPPER) != 0;
    }
    w->letters += (e & VI_LETTER) != 0;
    w->digits += (e & VI_DIGIT) != 0;
    w->uppers += (e & VI_UPPER) != 0;
    w->lowers += (e & VI_LOWER) != 0;
    vi_fold_add(&f, cp, e);
    w->end = *i;
  }
  w->key = vi_fold_key(&f);
  return in;
}

#endif
