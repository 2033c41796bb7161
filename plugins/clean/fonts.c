/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of TCVN3 and VNI, and how they are told from other text: see fonts.h. */
#include "fonts.h"

#include <string.h>
#include <strings.h>

#include "vi_text.h"

#define SAMPLE 65536u

/* TCVN 5712:1993 VN3 from A0 on; NULL where it has nothing. */
static const char *const tcvn3[96] = {
    "\xC2\xA0", "Ă",        "Â",        "Ê",        "Ô",        "Ơ",  "Ư",  "Đ",  "ă",  "â",  "ê",
    "ô",        "ơ",        "ư",        "đ",        NULL, /* A0 */
    "\xCC\x80", "\xCC\x89", "\xCC\x83", "\xCC\x81", "\xCC\xA3", "à",  "ả",  "ã",  "á",  "ạ",  NULL,
    "ằ",        "ẳ",        "ẵ",        "ắ",        NULL,       NULL, NULL, NULL, NULL, NULL, NULL,
    "ặ",        "ầ",        "ẩ",        "ẫ",        "ấ",        "ậ",  "è",  NULL, "ẻ",  "ẽ", /* C0 */
    "é",        "ẹ",        "ề",        "ể",        "ễ",        "ế",  "ệ",  "ì",  "ỉ",  NULL, NULL,
    NULL,       "ĩ",        "í",        "ị",        "ò", /* D0 */
    NULL,       "ỏ",        "õ",        "ó",        "ọ",        "ồ",  "ổ",  "ỗ",  "ố",  "ộ",  "ờ",
    "ở",        "ỡ",        "ớ",        "ợ",        "ù", /* E0 */
    NULL,       "ủ",        "ũ",        "ú",        "ụ",        "ừ",  "ử",  "ữ",  "ứ",  "ự",  "ỳ",
    "ỷ",        "ỹ",        "ý",        "ỵ",        NULL, /* F0 */
};

/* VNI: letters that are one byte, from E0 on; capitals stand 20h before. */
static const struct {
  unsigned char byte;
  const char *small, *capital;
} vni_letters[] = {
    {0xF4, "ơ", "Ơ"}, {0xF6, "ư", "Ư"}, {0xF1, "đ", "Đ"}, {0xED, "í", "Í"}, {0xEC, "ì", "Ì"},
    {0xE6, "ỉ", "Ỉ"}, {0xF3, "ĩ", "Ĩ"}, {0xF2, "ị", "Ị"}, {0xEE, "ỵ", "Ỵ"},
};

#define GRAVE "\xCC\x80"
#define ACUTE "\xCC\x81"
#define CIRCUMFLEX "\xCC\x82"
#define TILDE "\xCC\x83"
#define BREVE "\xCC\x86"
#define HOOK "\xCC\x89"
#define DOT "\xCC\xA3"

/* Marks behind a vowel, and which vowels take them. */
static const struct {
  unsigned char byte;
  const char *vowels, *marks;
} vni_marks[] = {
    {0xF9, "aeouy\xF4\xF6", ACUTE},  {0xF8, "aeouy\xF4\xF6", GRAVE},  {0xFB, "aeouy\xF4\xF6", HOOK},
    {0xF5, "aeouy\xF4\xF6", TILDE},  {0xEF, "aeouy\xF4\xF6", DOT},    {0xE2, "aeo", CIRCUMFLEX},
    {0xE1, "aeo", CIRCUMFLEX ACUTE}, {0xE0, "aeo", CIRCUMFLEX GRAVE}, {0xE5, "aeo", CIRCUMFLEX HOOK},
    {0xE3, "aeo", CIRCUMFLEX TILDE}, {0xE4, "aeo", CIRCUMFLEX DOT},   {0xEA, "a", BREVE},
    {0xE9, "a", BREVE ACUTE},        {0xE8, "a", BREVE GRAVE},        {0xFA, "a", BREVE HOOK},
    {0xFC, "a", BREVE TILDE},        {0xEB, "a", BREVE DOT},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int clean_font_named(const char *name) {
  if (strcasecmp(name, "TCVN3") == 0 || strcasecmp(name, "ABC") == 0) return CLEAN_FONT_TCVN3;
  if (strcasecmp(name, "VNI") == 0 || strcasecmp(name, "VNI-WINDOWS") == 0) return CLEAN_FONT_VNI;
  return CLEAN_FONT_NONE;
}

unsigned clean_font_byte(const char *s, size_t n, size_t at, int utf8, size_t *ret_len) {
  size_t i = at;
  uint32_t c = (unsigned char)s[at];
  if (utf8)
    c = vi_next(s, n, &i);
  else
    i++;
  *ret_len = i - at;
  return c < 256 ? c : 256;
}

/* The marks that c adds to the letter before it, NULL if it is none or does not fit. */
static const char *vni_mark(unsigned c, unsigned before) {
  unsigned low = c | 0x20u, vowel = before | 0x20u;
  if (c < 0xC0 || before == 0) return NULL;
  for (size_t i = 0; i < COUNT(vni_marks); i++)
    if (vni_marks[i].byte == low) return strchr(vni_marks[i].vowels, (int)(char)vowel) ? vni_marks[i].marks : NULL;
  return NULL;
}

static const char *vni_letter(unsigned c) {
  for (size_t i = 0; i < COUNT(vni_letters); i++) {
    if (vni_letters[i].byte == c) return vni_letters[i].small;
    if (vni_letters[i].byte == (c | 0x20u)) return vni_letters[i].capital;
  }
  return NULL;
}

/* Bytes that VNI has no letter for, as Latin-1 has them. */
static const char *latin(unsigned c) {
  static const char text[128][3] = {
#define L(c) {(char)(0xC0 | (c) >> 6), (char)(0x80 | ((c)&63)), 0}
#define L8(c) L(c), L((c) + 1), L((c) + 2), L((c) + 3), L((c) + 4), L((c) + 5), L((c) + 6), L((c) + 7)
      L8(0x80), L8(0x88), L8(0x90), L8(0x98), L8(0xA0), L8(0xA8), L8(0xB0), L8(0xB8),
      L8(0xC0), L8(0xC8), L8(0xD0), L8(0xD8), L8(0xE0), L8(0xE8), L8(0xF0), L8(0xF8)};
  return c >= 0x80 ? text[c - 0x80] : NULL;
}

const char *clean_font_text(int font, unsigned c, unsigned before) {
  if (font == CLEAN_FONT_TCVN3) return c >= 0xA0 && c < 0x100 ? tcvn3[c - 0xA0] : NULL;
  const char *text = vni_mark(c, before);
  if (!text) text = vni_letter(c);
  return text ? text : latin(c);
}

/* ---- telling them -------------------------------------------------------------------------------------------------
 */

/* Letters of ASCII, and what is beyond it. */
static int in_word(unsigned c) { return (c >= 0x80 && c < 0x100) || ((c | 0x20u) >= 'a' && (c | 0x20u) <= 'z'); }

typedef struct evidence {
  size_t high;       /* bytes beyond ASCII */
  size_t tcvn3;      /* of them those that TCVN3 has */
  size_t signs;      /* signs of Latin-1 that stand in words, as TCVN3 has its commonest letters */
  size_t vni;        /* of them letters and marks of VNI where they fit */
  size_t marks;      /* marks alone */
  uint32_t sign_set; /* which, so that one sign of another language is not enough */
  uint32_t mark_set;
} evidence;

/* ® ¬ ­ µ ¶ ¸ ¹ ¼ ½ ¾, not · and », which other languages put into words. */
static int sign_of(unsigned c) {
  static const unsigned char signs[] = {0xAE, 0xAC, 0xAD, 0xB5, 0xB6, 0xB8, 0xB9, 0xBC, 0xBD, 0xBE};
  const unsigned char *p = memchr(signs, (int)c, sizeof(signs));
  return p ? (int)(p - signs) : -1;
}

static int mark_number(unsigned c) {
  for (size_t i = 0; i < COUNT(vni_marks); i++)
    if (vni_marks[i].byte == (c | 0x20u)) return (int)i;
  return -1;
}

static void weigh(evidence *e, unsigned c, unsigned before, unsigned after) {
  int sign = sign_of(c), beside = in_word(before) || in_word(after);
  e->high++;
  e->tcvn3 += c >= 0xA0 && tcvn3[c - 0xA0] != NULL;
  if (sign >= 0 && beside) {
    e->signs++;
    e->sign_set |= 1u << sign;
  }
  if (vni_mark(c, before)) {
    e->vni++;
    e->marks++;
    e->mark_set |= 1u << mark_number(c);
  } else if (vni_letter(c)) {
    e->vni++;
  }
}

static int distinct(uint32_t set) { return __builtin_popcount(set); }

int clean_font_find(const char *s, size_t n, int utf8) {
  evidence e = {0};
  size_t end = n < SAMPLE ? n : SAMPLE, len = 0, foreign = 0;
  unsigned before = 0;
  for (size_t i = 0; i < end; i += len) {
    unsigned c = (unsigned char)s[i], after = 0;
    len = 1;
    if (c >= 0x80) c = clean_font_byte(s, n, i, utf8, &len);
    if (c == 256) { /* letters of another script, or of Vietnamese: quotation marks and dashes are in any text */
      size_t at = i;
      if (vi_is_letter(vi_next(s, n, &at)) && ++foreign > 2) return CLEAN_FONT_NONE;
    } else if (c >= 0x80) {
      if (i + len < end) after = (unsigned char)s[i + len];
      weigh(&e, c, before, after);
    }
    before = c;
  }
  if (e.high == 0) return CLEAN_FONT_NONE;
  if (e.tcvn3 == e.high && distinct(e.sign_set) >= 4 && e.signs * 12 >= e.high) return CLEAN_FONT_TCVN3;
  if (e.vni * 100 >= e.high * 97 && e.marks * 2 >= e.high && distinct(e.mark_set) >= 4) return CLEAN_FONT_VNI;
  return CLEAN_FONT_NONE;
}
