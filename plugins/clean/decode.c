/* SPDX-License-Identifier: Apache-2.0 */
/* From any encoding to UTF-8, with the way back to each byte: see charset.h. */
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fonts.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* Notes bytes that are not in the encoding: replaces them, or refuses the document. */
static int spoiled(const char *s, size_t at, size_t len, const clean_charset *cs, clean_buf *out, clean_bads *bad,
                   clean_why *why) {
  char bytes[64];
  size_t k = 0;
  for (size_t i = 0; i < len && i < 8; i++)
    k += (size_t)snprintf(bytes + k, sizeof bytes - k, " %02X", (unsigned char)s[at + i]);
  if (!bad) {
    char detail[128];
    snprintf(detail, sizeof detail, "the bytes there are%s", bytes);
    return clean_refuse(why, SL_EENCODING, detail,
                        "repair the file, name its encoding (charset:), or set invalid: replace",
                        "expected %s text, found an invalid sequence at byte %zu", cs->name, at);
  }
  if (bad->n < bad->cap) bad->items[bad->n] = (clean_bad){at, len};
  bad->n++;
  clean_raw(out, REPLACEMENT, 3, at, len);
  return SL_OK;
}

/* Length of what a decoder would replace by one U+FFFD: the longest beginning of a sequence, at least one byte. */
static size_t bad_len(const unsigned char *s, size_t n) {
  size_t want = s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : 1;
  size_t k = 1;
  while (k < want && k < n && (s[k] & 0xC0) == 0x80) k++;
  if (k == want && want > 1) return 1; /* overlong or surrogate */
  return k;
}

static int decode_utf8(const char *s, size_t n, const clean_charset *cs, clean_buf *out, clean_bads *bad,
                       clean_view *ret, clean_why *why) {
  size_t i = cs->bom, ok = cs->checked ? n - i : clean_utf8_valid(s + i, n - i);
  if (i + ok == n) {
    *ret = (clean_view){s + i, n - i, NULL, 0, 0, i};
    return SL_OK;
  }
  while (i < n) {
    clean_raw(out, s + i, ok, i, ok);
    i += ok;
    if (i == n) break;
    size_t len = bad_len((const unsigned char *)s + i, n - i);
    int rc = spoiled(s, i, len, cs, out, bad, why);
    if (rc) return rc;
    i += len;
    ok = clean_utf8_valid(s + i, n - i);
  }
  *ret = clean_buf_view(out);
  return SL_OK;
}

static size_t put(uint32_t cp, char *o) {
  unsigned char *u = (unsigned char *)o;
  if (cp < 0x80) return u[0] = (unsigned char)cp, 1;
  if (cp < 0x800) return u[0] = (unsigned char)(0xC0 | cp >> 6), u[1] = (unsigned char)(0x80 | (cp & 63)), 2;
  if (cp < 0x10000) {
    u[0] = (unsigned char)(0xE0 | cp >> 12);
    u[1] = (unsigned char)(0x80 | ((cp >> 6) & 63));
    u[2] = (unsigned char)(0x80 | (cp & 63));
    return 3;
  }
  u[0] = (unsigned char)(0xF0 | cp >> 18);
  u[1] = (unsigned char)(0x80 | ((cp >> 12) & 63));
  u[2] = (unsigned char)(0x80 | ((cp >> 6) & 63));
  u[3] = (unsigned char)(0x80 | (cp & 63));
  return 4;
}

static int decode_utf16(const char *s, size_t n, const clean_charset *cs, clean_buf *out, clean_bads *bad,
                        clean_why *why) {
  const unsigned char *p = (const unsigned char *)s;
  unsigned hi = strcasecmp(cs->name, "UTF-16BE") == 0 ? 0 : 1, lo = 1 - hi;
  for (size_t i = cs->bom; i < n;) {
    uint32_t c = 0;
    size_t len = n - i < 2 ? 1 : 2;
    int ok = len == 2;
    if (ok) c = (uint32_t)p[i + hi] << 8 | p[i + lo];
    if (ok && c >= 0xD800 && c < 0xE000) {
      uint32_t d = n - i >= 4 ? (uint32_t)p[i + 2 + hi] << 8 | p[i + 2 + lo] : 0;
      ok = c < 0xDC00 && d >= 0xDC00 && d < 0xE000;
      if (ok) c = 0x10000 + ((c - 0xD800) << 10) + (d - 0xDC00);
      if (ok) len = 4;
    }
    if (ok) {
      char u[4];
      clean_raw(out, u, put(c, u), i, len);
    } else {
      int rc = spoiled(s, i, len, cs, out, bad, why);
      if (rc) return rc;
    }
    i += len;
  }
  return SL_OK;
}

/* One byte each: a table from iconv. Combining marks stay behind their letter; normalisation joins them. */
typedef struct byte_table {
  char text[256][8];
  uint8_t len[256];
} byte_table;

static int make_table(iconv_t cd, byte_table *t) {
  int single = 1;
  memset(t, 0, sizeof *t);
  for (unsigned c = 0; c < 256; c++) {
    char in = (char)c, *ip = &in, *op = t->text[c];
    size_t il = 1, ol = sizeof t->text[c];
    iconv(cd, NULL, NULL, NULL, NULL);
    size_t rc = iconv(cd, &ip, &il, &op, &ol);
    if (rc == (size_t)-1 && errno == EINVAL) single = 0;
    if (rc != (size_t)-1) iconv(cd, NULL, NULL, &op, &ol);
    t->len[c] = rc == (size_t)-1 ? 0 : (uint8_t)(sizeof t->text[c] - ol);
  }
  iconv(cd, NULL, NULL, NULL, NULL);
  return single;
}

static int decode_bytes(const char *s, size_t n, const clean_charset *cs, const byte_table *t, clean_buf *out,
                        clean_bads *bad, clean_why *why) {
  for (size_t i = cs->bom; i < n;) {
    size_t k = i;
    while (k < n && (unsigned char)s[k] < 0x80 && t->len[(unsigned char)s[k]] == 1 &&
           t->text[(unsigned char)s[k]][0] == s[k])
      k++;
    clean_raw(out, s + i, k - i, i, k - i);
    i = k;
    if (i == n) break;
    unsigned c = (unsigned char)s[i];
    if (t->len[c]) {
      clean_raw(out, t->text[c], t->len[c], i, 1);
    } else {
      int rc = spoiled(s, i, 1, cs, out, bad, why);
      if (rc) return rc;
    }
    i++;
  }
  return SL_OK;
}

/* Encodings of several bytes: one character at a time, because the output has room for no more. */
static int decode_iconv(const char *s, size_t n, const clean_charset *cs, iconv_t cd, clean_buf *out, clean_bads *bad,
                        clean_why *why) {
  for (size_t i = cs->bom; i < n;) {
    char u[4], *op = u, *ip = (char *)(uintptr_t)(s + i);
    size_t il = n - i < 16 ? n - i : 16, ol = sizeof u, had = il;
    size_t rc = iconv(cd, &ip, &il, &op, &ol);
    size_t used = had - il;
    clean_raw(out, u, sizeof u - ol, i, used);
    i += used;
    if (rc != (size_t)-1 || used) continue;
    int fault = spoiled(s, i, 1, cs, out, bad, why);
    if (fault) return fault;
    i++;
  }
  return SL_OK;
}

/* The letter that marks behind it belong to. */
static unsigned letter(unsigned c) {
  unsigned low = c | 0x20u;
  return (low >= 'a' && low <= 'z') || low == 0xF4 || low == 0xF6 ? c : 0;
}

static int decode_font(const char *s, size_t n, const clean_charset *cs, clean_buf *out, clean_bads *bad,
                       clean_why *why) {
  int font = clean_font_named(cs->name), rc;
  unsigned before = 0;
  size_t len;
  for (size_t i = cs->bom; i < n; i += len) {
    unsigned c = clean_font_byte(s, n, i, cs->wrapped, &len);
    const char *text = c >= 0x80 && c < 256 ? clean_font_text(font, c, before) : NULL;
    before = c < 256 ? letter(c) : 0;
    if (text) {
      clean_raw(out, text, strlen(text), i, len);
    } else if (c < 0x80 || c == 256) {
      clean_raw(out, s + i, len, i, len);
    } else if ((rc = spoiled(s, i, len, cs, out, bad, why)) != SL_OK) {
      return rc;
    }
  }
  return SL_OK;
}

int clean_decode(const char *s, size_t n, const clean_charset *cs, clean_buf *out, clean_bads *bad, clean_view *ret,
                 clean_why *why) {
  int rc;
  if (strcasecmp(cs->name, "UTF-8") == 0) return decode_utf8(s, n, cs, out, bad, ret, why);
  if (strncasecmp(cs->name, "UTF-16", 6) == 0) {
    rc = decode_utf16(s, n, cs, out, bad, why);
  } else if (clean_font_named(cs->name)) {
    rc = decode_font(s, n, cs, out, bad, why);
  } else {
    iconv_t cd = iconv_open("UTF-8", cs->name);
    byte_table t;
    if (cd == (iconv_t)-1) {
      return clean_refuse(why, SL_EENCODING, NULL, "see iconv --list for the names", "the encoding %s is unknown",
                          cs->name);
    }
    rc = make_table(cd, &t) ? decode_bytes(s, n, cs, &t, out, bad, why) : decode_iconv(s, n, cs, cd, out, bad, why);
    iconv_close(cd);
  }
  *ret = clean_buf_view(out);
  return rc;
}
