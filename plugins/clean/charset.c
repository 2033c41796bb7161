/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding detection: see charset.h. */
#include "charset.h"

#include <iconv.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uchardet/uchardet.h>

#include "fonts.h"
#include "vi_text.h"

#define SAMPLE 65536u /* bytes that statistics look at */

int clean_refuse(clean_why *why, int code, const char *detail, const char *hint, const char *fmt, ...) {
  va_list ap;
  why->code = code;
  va_start(ap, fmt);
  vsnprintf(why->message, sizeof why->message, fmt, ap);
  va_end(ap);
  snprintf(why->detail, sizeof why->detail, "%s", detail ? detail : "");
  snprintf(why->hint, sizeof why->hint, "%s", hint ? hint : "");
  return code;
}

/* Length of the well-formed sequence at s (n > 0), 0 if it is not one. */
static size_t utf8_len(const unsigned char *s, size_t n) {
  unsigned a = s[0], lo = 0x80, hi = 0xBF;
  if (a < 0x80) return 1;
  if (a < 0xC2 || a > 0xF4) return 0;
  size_t k = a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;
  if (n < k) return 0;
  if (a == 0xE0) lo = 0xA0;
  if (a == 0xED) hi = 0x9F;
  if (a == 0xF0) lo = 0x90;
  if (a == 0xF4) hi = 0x8F;
  if (s[1] < lo || s[1] > hi) return 0;
  for (size_t i = 2; i < k; i++) {
    if ((s[i] & 0xC0) != 0x80) return 0;
  }
  return k;
}

size_t clean_utf8_valid(const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s;
  size_t i = 0;
  while (i < n) {
    if (i + 8 <= n) {
      uint64_t w;
      memcpy(&w, p + i, 8);
      if (!(w & UINT64_C(0x8080808080808080))) {
        i += 8;
        continue;
      }
    }
    size_t k = utf8_len(p + i, n - i);
    if (!k) return i;
    i += k;
  }
  return n;
}

static int name_set(clean_charset *cs, const char *name, size_t n, size_t bom) {
  if (n >= sizeof cs->name) n = sizeof cs->name - 1;
  memcpy(cs->name, name, n);
  cs->name[n] = '\0';
  cs->bom = bom;
  cs->checked = 0;
  cs->wrapped = 0;
  return SL_OK;
}

static int name_is(clean_charset *cs, const char *name, size_t bom) { return name_set(cs, name, strlen(name), bom); }

int clean_charset_known(const char *name) {
  if (clean_font_named(name)) return 1;
  iconv_t cd = iconv_open("UTF-8", name);
  if (cd == (iconv_t)-1) return 0;
  iconv_close(cd);
  return 1;
}

static int by_mark(const char *s, size_t n, clean_charset *ret) {
  static const struct {
    const char *mark, *name;
    size_t n;
  } marks[] = {{"\xEF\xBB\xBF", "UTF-8", 3},
               {"\xFF\xFE\0\0", "UTF-32LE", 4},
               {"\0\0\xFE\xFF", "UTF-32BE", 4},
               {"\xFF\xFE", "UTF-16LE", 2},
               {"\xFE\xFF", "UTF-16BE", 2}};
  for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
    if (n < marks[k].n || memcmp(s, marks[k].mark, marks[k].n) != 0) continue;
    name_is(ret, marks[k].name, marks[k].n);
    return 1;
  }
  return 0;
}

/* UTF-16 without a mark: the high bytes of ASCII characters are zeros on one side only. */
static int by_zeros(const unsigned char *p, size_t n, clean_charset *ret) {
  size_t even = 0, odd = 0, m = (n < SAMPLE ? n : SAMPLE) & ~(size_t)1;
  if (m < 4 || n % 2 || !memchr(p, 0, m)) return 0;
  for (size_t i = 0; i < m; i += 2) {
    even += p[i] == 0;
    odd += p[i + 1] == 0;
  }
  if (odd * 10 >= m && even * 20 <= odd) return name_is(ret, "UTF-16LE", 0) == 0;
  if (even * 10 >= m && odd * 20 <= even) return name_is(ret, "UTF-16BE", 0) == 0;
  return 0;
}

static const char *find_word(const char *s, size_t n, const char *word) {
  size_t k = strlen(word);
  for (size_t i = 0; i + k <= n; i++) {
    if (strncasecmp(s + i, word, k) == 0) return s + i;
  }
  return NULL;
}

/* The value behind "charset=" or "encoding=" in s[0, n). */
static int after_word(const char *s, size_t n, const char *word, clean_charset *ret) {
  const char *end = s + n, *p = find_word(s, n, word);
  if (!p) return 0;
  p += strlen(word);
  while (p < end && (*p == ' ' || *p == '=' || *p == '"' || *p == '\'')) p++;
  const char *q = p;
  while (q < end && *q != '"' && *q != '\'' && *q != ' ' && *q != ';' && *q != '>' && *q != '/' && *q != '?') q++;
  if (q == p || (size_t)(q - p) >= sizeof ret->name) return 0;
  name_set(ret, p, (size_t)(q - p), 0);
  return clean_charset_known(ret->name);
}

static int declared(const char *s, size_t n, const char *media_type, int html, clean_charset *ret) {
  if (media_type && after_word(media_type, strlen(media_type), "charset", ret)) return 1;
  if (!html) return 0;
  size_t head = n < 4096 ? n : 4096;
  if (head > 5 && memcmp(s, "<?xml", 5) == 0) {
    const char *close = memchr(s, '>', head);
    if (close && after_word(s, (size_t)(close - s), "encoding", ret)) return 1;
  }
  for (size_t i = 0; i < head;) {
    const char *meta = find_word(s + i, head - i, "<meta");
    if (!meta) return 0;
    size_t at = (size_t)(meta - s);
    const char *close = memchr(meta, '>', n - at);
    if (!close) return 0;
    if (after_word(meta, (size_t)(close - meta), "charset", ret)) return 1;
    i = at + 5;
  }
  return 0;
}

/* Counts sequences of more than one byte that are well formed, and places where none is. */
static void utf8_count(const unsigned char *p, size_t n, size_t *ret_multi, size_t *ret_bad) {
  size_t multi = 0, bad = 0, broken = 0;
  for (size_t i = 0; i < n;) {
    size_t k = utf8_len(p + i, n - i);
    multi += k > 1;
    bad += k == 0 && !broken;
    broken = k == 0;
    i += k ? k : 1;
  }
  *ret_multi = multi;
  *ret_bad = bad;
}

static int vowel_1258(unsigned c) {
  unsigned low = c | 0x20u;
  if (low == 'a' || low == 'e' || low == 'i' || low == 'o' || low == 'u' || low == 'y') return 1;
  /* circumflex, breve and horn: Â Ă Ê Ô Ơ Ư and their small letters */
  return low == 0xE2 || low == 0xE3 || low == 0xEA || low == 0xF4 || low == 0xF5 || low == 0xFD;
}

static int tone_1258(unsigned c) { return c == 0xCC || c == 0xD2 || c == 0xDE || c == 0xEC || c == 0xF2; }

/* Windows-1258 writes tones as bytes of their own behind the vowel; no other code page puts those bytes there so often.
 */
static int looks_1258(const unsigned char *p, size_t n) {
  size_t high = 0, tones = 0, behind = 0;
  for (size_t i = 0; i < n; i++) {
    if (p[i] < 0x80) continue;
    high++;
    if (!tone_1258(p[i])) continue;
    tones++;
    behind += i > 0 && vowel_1258(p[i - 1]);
  }
  return behind >= 2 && behind * 10 >= tones * 9 && tones * 8 >= high;
}

/* uchardet's opinion on the text between tags. */
static int by_witness(const char *s, size_t n, clean_charset *ret) {
  uchardet_t u = uchardet_new();
  if (!u) return 0;
  size_t end = n < SAMPLE * 4 ? n : SAMPLE * 4;
  for (size_t i = 0; i < end;) {
    const char *tag = memchr(s + i, '<', end - i);
    size_t stop = tag ? (size_t)(tag - s) : end;
    if (stop > i) uchardet_handle_data(u, s + i, stop - i);
    if (!tag) break;
    const char *close = memchr(tag, '>', end - stop);
    i = close ? (size_t)(close - s) + 1 : stop + 1;
  }
  uchardet_data_end(u);
  const char *name = uchardet_get_charset(u);
  int ok = name && name[0] && strcasecmp(name, "ASCII") != 0 && strcasecmp(name, "UTF-8") != 0;
  if (ok) name_set(ret, name, strlen(name), 0);
  uchardet_delete(u);
  return ok && clean_charset_known(ret->name);
}

/* Marks of a text read in the wrong encoding, in the part that fits the sample: capitals behind small letters,
 * controls. */
static size_t faults_as(const char *name, const char *s, size_t n) {
  char out[16384];
  char *ip = (char *)(uintptr_t)s, *op = out;
  size_t il = n < 4096 ? n : 4096, ol = sizeof out, faults = 0, i = 0;
  iconv_t cd = iconv_open("UTF-8", name);
  if (cd == (iconv_t)-1) return SIZE_MAX;
  iconv(cd, &ip, &il, &op, &ol);
  iconv_close(cd);
  faults = il * 2; /* what could not be read */
  uint32_t before = 0;
  for (size_t len = sizeof out - ol; i < len;) {
    uint32_t c = vi_next(out, len, &i);
    faults += c < 0x20 ? c != '\n' && c != '\r' && c != '\t' : c >= 0x7F && c < 0xA0;
    faults += c > 0x7F && ((vi_is_upper(c) && vi_is_lower(before)) || (vi_is_punct(c) && vi_is_letter(before)));
    before = c;
  }
  return faults;
}

/* uchardet takes old Vietnamese encodings for one another or for Latin ones: the one with far fewer faults is right. */
static void by_faults(const char *s, size_t n, clean_charset *ret) {
  static const char *const names[] = {"VISCII", "TCVN5712-1", "WINDOWS-1258"};
  size_t best = faults_as(ret->name, s, n) / 2;
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    size_t faults = faults_as(names[k], s, n);
    if (faults >= best) continue;
    best = faults;
    name_is(ret, names[k], 0);
  }
}

/* Where statistics have no opinion: an old Vietnamese encoding in which the text has next to no faults. */
static int by_few_faults(const char *s, size_t n, clean_charset *ret) {
  size_t high = 0, m = n < 4096 ? n : 4096;
  for (size_t i = 0; i < m; i++) high += (unsigned char)s[i] >= 0x80;
  name_is(ret, "VISCII", 0);
  by_faults(s, n, ret);
  return high >= 16 && faults_as(ret->name, s, n) * 50 <= high;
}

/* The font TCVN3 is TCVN 5712 without its capitals with tones: they stand where the font has signs or nothing. */
static int has_capitals_5712(const unsigned char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if ((p[i] >= 0x80 && p[i] < 0xA0) || (p[i] >= 1 && p[i] <= 6 && p[i] != 3) || (p[i] >= 0x11 && p[i] <= 0x17))
      return 1;
  return 0;
}

/* Formats that are not text at all. */
static const char *known_format(const unsigned char *p, size_t n) {
  static const struct {
    const char *magic, *name;
    size_t n;
  } known[] = {{"%PDF-", "a PDF file", 5},
               {"PK\003\004", "a ZIP archive (also .docx, .xlsx, .odt)", 4},
               {"\x89PNG", "a PNG image", 4},
               {"\xFF\xD8\xFF", "a JPEG image", 3},
               {"GIF8", "a GIF image", 4},
               {"\x1F\x8B", "gzip data", 2},
               {"\x28\xB5\x2F\xFD", "Zstandard data", 4},
               {"\xD0\xCF\x11\xE0", "an old Office document (.doc)", 4},
               {"\x7F"
                "ELF",
                "a program", 4},
               {"SQLite format 3", "an SQLite database", 15},
               {"{\\rtf", "an RTF document", 5}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (n >= known[i].n && memcmp(p, known[i].magic, known[i].n) == 0) return known[i].name;
  }
  return NULL;
}

static int is_binary(const unsigned char *p, size_t n) {
  const uint64_t each = UINT64_C(0x0101010101010101);
  size_t m = n < SAMPLE ? n : SAMPLE, controls = 0;
  for (size_t i = 0; i < m; i++) {
    uint64_t w;
    if (i + 8 <= m) {
      memcpy(&w, p + i, 8);
      if (!((w - 0x20 * each) & ~w & 0x80 * each)) { /* no byte below 0x20 */
        i += 7;
        continue;
      }
    }
    controls += p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r' && p[i] != '\f';
  }
  return controls * 20 > m;
}

static int utf8_name(const char *name) { return strcasecmp(name, "UTF-8") == 0 || strcasecmp(name, "UTF8") == 0; }

static int is_latin(const char *name) {
  return strcasecmp(name, "windows-1252") == 0 || strncasecmp(name, "iso-8859-1", 10) == 0;
}

/* 1 if the text is in a font. */
static int by_font(const char *s, size_t n, int utf8, clean_charset *ret) {
  int font = clean_font_find(s, n, utf8);
  if (font == CLEAN_FONT_NONE) return 0;
  name_is(ret, font == CLEAN_FONT_TCVN3 ? "TCVN3" : "VNI", 0);
  if (font == CLEAN_FONT_TCVN3 && !utf8 && has_capitals_5712((const unsigned char *)s, n) &&
      faults_as("TCVN5712-1", s, n) == 0)
    name_is(ret, "TCVN5712-1", 0);
  ret->wrapped = utf8;
  return 1;
}

static int by_force(const char *s, size_t n, const char *forced, clean_charset *ret) {
  name_is(ret, utf8_name(forced) ? "UTF-8" : forced, 0);
  ret->wrapped = clean_font_named(forced) && clean_utf8_valid(s, n) == n;
  return SL_OK;
}

/* 1 if the bytes are in Windows-1258 or a font. */
static int old_vietnamese(const char *s, size_t n, clean_charset *ret) {
  if (looks_1258((const unsigned char *)s, n < SAMPLE ? n : SAMPLE)) return name_is(ret, "WINDOWS-1258", 0) == SL_OK;
  return by_font(s, n, 0, ret);
}

/* Bytes that are not text: what they are; NULL if they may be text. */
static const char *not_text(const unsigned char *p, size_t n) {
  const char *what = known_format(p, n);
  return !what && is_binary(p, n) ? "binary data" : what;
}

int clean_detect(const char *s, size_t n, const char *media_type, const char *forced, int html, clean_charset *ret,
                 clean_why *why) {
  const unsigned char *p = (const unsigned char *)s;
  size_t m = n < SAMPLE ? n : SAMPLE, multi, bad;
  if (by_mark(s, n, ret)) return SL_OK;
  if (forced && strcasecmp(forced, "auto") != 0) return by_force(s, n, forced, ret);
  if (!known_format(p, n) && by_zeros(p, n, ret)) return SL_OK;
  const char *what = not_text(p, n);
  if (what) {
    return clean_refuse(why, SL_EENCODING, NULL,
                        "keep such files out with the source's patterns, or a filter on /source",
                        "expected text or HTML, found %s", what);
  }
  if (clean_utf8_valid(s, n) == n) {
    if (by_font(s, n, 1, ret)) return SL_OK;
    name_is(ret, "UTF-8", 0);
    ret->checked = 1;
    return SL_OK;
  }
  utf8_count(p, m, &multi, &bad);
  if (multi >= 2 * bad && multi > 0) return name_is(ret, "UTF-8", 0);
  int says = declared(s, n, media_type, html, ret) && !utf8_name(ret->name);
  /* Servers label Vietnamese pages windows-1252 or iso-8859-1 out of habit. */
  if ((!says || is_latin(ret->name)) && old_vietnamese(s, n, ret)) return SL_OK;
  if (says) return SL_OK;
  if (by_witness(s, n, ret)) {
    by_faults(s, n, ret);
    return SL_OK;
  }
  if (by_few_faults(s, n, ret)) return SL_OK;
  return clean_refuse(why, SL_EENCODING, "not UTF-8, UTF-16, Windows-1258 or another encoding that can be told",
                      "name it: with: { charset: windows-1252 }", "the encoding of the document is unknown");
}
