/* SPDX-License-Identifier: Apache-2.0 */
/* Text of feeds and sitemaps. */
#include "webtext.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include <sluice/plugin.h>

#include "xmltok.h"

/* ---- encodings --------------------------------------------------------------------------------------------------- */

/* Length of the character at s, 0 if it is not valid, -1 if it is cut. */
static int utf8_length(const unsigned char *s, size_t n) {
  if (s[0] < 0x80) return 1;
  int len = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
  if (len == 0) return 0;
  if (n > 1) {
    unsigned char low = s[0] == 0xe0   ? 0xa0
                        : s[0] == 0xf0 ? 0x90
                                       : 0x80,
                  high = s[0] == 0xed   ? 0x9f
                         : s[0] == 0xf4 ? 0x8f
                                        : 0xbf;
    if (s[1] < low || s[1] > high) return 0;
  }
  for (int i = 2; i < len && (size_t)i < n; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  return (size_t)len <= n ? len : -1;
}

static bool is_utf8(const char *bytes, size_t n, bool whole) {
  const unsigned char *s = (const unsigned char *)bytes;
  for (size_t i = 0; i < n;) {
    int len = utf8_length(s + i, n - i);
    if (len == 0) return false;
    if (len < 0) return !whole || n - i < 4; /* a file that was cut within a character */
    i += (size_t)len;
  }
  return true;
}

static bool is_label(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == ':' || c == '.';
}

/* The label behind `name` and an equals sign in s. */
static bool label_after(const char *s, size_t n, const char *name, char out[WEBTEXT_CHARSET]) {
  size_t len = strlen(name);
  for (size_t i = 0; i + len < n; i++) {
    if (strncasecmp(s + i, name, len) != 0) continue;
    size_t at = i + len, to = 0;
    while (at < n && (s[at] == ' ' || s[at] == '=' || s[at] == '"' || s[at] == '\'')) at++;
    while (at < n && is_label(s[at]) && to + 1 < WEBTEXT_CHARSET) out[to++] = s[at++];
    out[to] = '\0';
    return to > 0;
  }
  return false;
}

/* Labels mean on the web what browsers take them for. */
static void as_on_the_web(char label[WEBTEXT_CHARSET]) {
  static const char *const western[] = {"iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1",
                                        "l1",         "us-ascii",  "ascii",      "cp1252", "x-cp1252",
                                        "ansi",       "utf8x",     "x-user"};
  for (size_t i = 0; i < sizeof western / sizeof *western; i++)
    if (strcasecmp(label, western[i]) == 0) memcpy(label, "windows-1252", sizeof "windows-1252");
  if (strcasecmp(label, "utf8") == 0 || strcasecmp(label, "unicode") == 0) memcpy(label, "UTF-8", sizeof "UTF-8");
  /* What can be read as ASCII so far is not UTF-16, whatever it says. */
  if (strncasecmp(label, "utf-16", 6) == 0 || strncasecmp(label, "utf-32", 6) == 0)
    memcpy(label, "windows-1252", sizeof "windows-1252");
}

/* What the first bytes tell, or all of them; NULL if nothing. */
static const char *by_bytes(const char *bytes, size_t n, bool whole) {
  static const struct {
    const char *mark;
    size_t len, least;
    const char *charset;
  } marks[] = {{"\xef\xbb\xbf", 3, 3, "UTF-8"},
               {"\xff\xfe", 2, 2, "UTF-16LE"},
               {"\xfe\xff", 2, 2, "UTF-16BE"},
               {"<\0", 2, 4, "UTF-16LE"},
               {"\0<", 2, 4, "UTF-16BE"}};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (n >= marks[i].least && memcmp(bytes, marks[i].mark, marks[i].len) == 0) return marks[i].charset;
  return is_utf8(bytes, n, whole) ? "UTF-8" : NULL;
}

/* What the XML declaration says. */
static bool declared(const char *bytes, size_t n, char out[WEBTEXT_CHARSET]) {
  size_t head = n < 1024 ? n : 1024;
  const char *begin = memmem(bytes, head, "<?xml", 5);
  const char *close = begin ? memchr(begin, '>', head - (size_t)(begin - bytes)) : NULL;
  return close && label_after(begin, (size_t)(close - begin), "encoding", out);
}

void webtext_charset(const char *bytes, size_t n, const char *content_type, bool whole, char out[WEBTEXT_CHARSET]) {
  const char *sure = by_bytes(bytes, n, whole);
  if (sure) {
    memcpy(out, sure, strlen(sure) + 1);
    return;
  }
  char other[WEBTEXT_CHARSET];
  bool found = declared(bytes, n, out);
  bool said = content_type && label_after(content_type, strlen(content_type), "charset", other);
  /* It says UTF-8 and is not: another label may be right. Else single bytes that are wrong become U+FFFD. */
  if (said && (!found || strcasecmp(out, "utf-8") == 0)) memcpy(out, other, sizeof other);
  if (!found && !said) memcpy(out, "windows-1252", sizeof "windows-1252");
  as_on_the_web(out);
}

int webtext_open(webtext_conv *c, const char *charset) {
  *c = (webtext_conv){0};
  iconv_t cd = iconv_open("UTF-8", charset);
  if (cd == (iconv_t)-1) cd = iconv_open("UTF-8", "windows-1252");
  if (cd == (iconv_t)-1) return SL_ENOMEM;
  c->cd = cd;
  return 0;
}

void webtext_close(webtext_conv *c) {
  if (c->cd) iconv_close((iconv_t)c->cd);
  *c = (webtext_conv){0};
}

static int convert(webtext_conv *c, const lane_mem *mem, char **in, size_t *n, lane_vec *out) {
  static const char unknown[] = "\xef\xbf\xbd";
  while (*n > 0) {
    if (lane_vec_reserve(mem, out, 1, out->n + *n * 3 + 16) != 0) return SL_ENOMEM;
    char *to = (char *)out->items + out->n;
    size_t room = out->cap - out->n, before = room;
    size_t rc = iconv((iconv_t)c->cd, in, n, &to, &room);
    out->n += before - room;
    if (rc != (size_t)-1 || errno == EINVAL) return 0;
    if (errno == E2BIG) continue;
    memcpy((char *)out->items + out->n, unknown, 3);
    out->n += 3;
    (*in)++;
    (*n)--;
  }
  return 0;
}

int webtext_convert(webtext_conv *c, const lane_mem *mem, const char *bytes, size_t n, bool end, lane_vec *out) {
  int rc = 0;
  /* A character that was cut: bytes are added one by one until it is whole. */
  while (c->n_rest > 0 && n > 0 && rc == 0) {
    c->rest[c->n_rest++] = *bytes++;
    n--;
    char *in = c->rest;
    size_t left = c->n_rest;
    rc = convert(c, mem, &in, &left, out);
    memmove(c->rest, in, left);
    c->n_rest = left == sizeof c->rest ? 0 : left;
  }
  char *in = (char *)(uintptr_t)bytes;
  if (rc == 0 && n > 0) rc = convert(c, mem, &in, &n, out);
  if (rc == 0 && n > 0 && n < sizeof c->rest) {
    memcpy(c->rest, in, n);
    c->n_rest = n;
  }
  if (end && c->n_rest > 0 && rc == 0) {
    c->n_rest = 0;
    if (lane_vec_reserve(mem, out, 1, out->n + 3) != 0) return SL_ENOMEM;
    memcpy((char *)out->items + out->n, "\xef\xbf\xbd", 3);
    out->n += 3;
  }
  return rc;
}

/* ---- mark-up ----------------------------------------------------------------------------------------------------- */

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

static bool name_is(const char *s, size_t n, const char *name) {
  size_t len = strlen(name);
  return n > len && strncasecmp(s, name, len) == 0 && !is_letter(s[len]) && !(s[len] >= '0' && s[len] <= '9');
}

static bool is_block(const char *s, size_t n) {
  static const char *const names[] = {"p",  "br", "div", "li",         "ul",      "ol",      "tr",     "table",
                                      "h1", "h2", "h3",  "h4",         "h5",      "h6",      "hr",     "figure",
                                      "dl", "dt", "dd",  "blockquote", "section", "article", "header", "pre"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (name_is(s, n, names[i])) return true;
  return false;
}

/* The writer of plain text: blanks wait until something follows them. */
typedef struct plain {
  char *out;
  size_t n;
  bool blank, line;
} plain;

static void put(plain *p, const char *s, size_t n) {
  if (p->n > 0 && p->line)
    p->out[p->n++] = '\n';
  else if (p->n > 0 && p->blank)
    p->out[p->n++] = ' ';
  p->blank = p->line = false;
  memcpy(p->out + p->n, s, n);
  p->n += n;
}

/* Length of a blank of one or more bytes at s, and of what is not seen at all (*ret_nothing). */
static size_t blank_at(const char *s, size_t n, bool *ret_nothing) {
  static const char *const unseen[] = {"\xe2\x80\x8b", "\xef\xbb\xbf", "\xc2\xad", "\xe2\x81\xa0"};
  *ret_nothing = false;
  if ((unsigned char)s[0] <= ' ' || s[0] == 0x7f) return 1;
  if (n >= 2 && memcmp(s, "\xc2\xa0", 2) == 0) return 2;
  if (n >= 3 && (memcmp(s, "\xe3\x80\x80", 3) == 0 || memcmp(s, "\xe2\x80\xaf", 3) == 0)) return 3;
  for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
    size_t len = strlen(unseen[i]);
    if (n < len || memcmp(s, unseen[i], len) != 0) continue;
    *ret_nothing = true;
    return len;
  }
  return 0;
}

static void put_text(plain *p, const char *s, size_t n) {
  bool nothing;
  size_t blank = n ? blank_at(s, n, &nothing) : 0;
  if (blank && !nothing) p->blank = true;
  if (!blank && n) put(p, s, n);
}

/* Length of a script or style that begins with a tag of len bytes, up to its end tag; 0 if it is another tag. */
static size_t unread_length(const char *s, size_t n, size_t len) {
  const char *name = name_is(s + 1, len - 1, "script") ? "script" : name_is(s + 1, len - 1, "style") ? "style" : NULL;
  if (!name) return 0;
  for (size_t at = len; at + 2 < n; at++)
    if (s[at] == '<' && s[at + 1] == '/' && name_is(s + at + 2, n - at - 2, name)) return at;
  return n;
}

/* Where the tag, comment or CDATA marker at s ends; 0 if it is text. */
static size_t tag_length(const char *s, size_t n, plain *p) {
  const char *end = NULL;
  if (n >= 9 && memcmp(s, "<![CDATA[", 9) == 0) return 9;
  if (n >= 4 && memcmp(s, "<!--", 4) == 0) {
    end = memmem(s, n, "-->", 3);
    return end ? (size_t)(end - s) + 3 : n;
  }
  if (n < 2 || (!is_letter(s[1]) && s[1] != '/' && s[1] != '!')) return 0;
  /* A tag is looked for nearby only: text may hold any number of "<". */
  end = memchr(s, '>', n < 8192 ? n : 8192);
  if (!end) return 0;
  size_t len = (size_t)(end - s) + 1, with = unread_length(s, n, len);
  if (with > 0) return with;
  size_t name = s[1] == '/' ? 2 : 1;
  if (is_block(s + name, len - name)) p->line = true;
  return len;
}

/* One pass; *ret_tags: mark-up was found. out has room for n bytes and some. */
static void strip(const char *s, size_t n, plain *p, bool *ret_tags) {
  for (size_t i = 0; i < n;) {
    size_t len = 0;
    if (s[i] == '<' && (len = tag_length(s + i, n - i, p)) > 0) {
      *ret_tags = true;
      i += len;
      continue;
    }
    if (n - i >= 3 && memcmp(s + i, "]]>", 3) == 0) {
      i += 3;
      continue;
    }
    if (s[i] == '&') {
      char made[8];
      size_t n_made = 0;
      int used = xmltok_reference(s + i, n - i, made, &n_made);
      if (used > 0) {
        put_text(p, made, n_made);
        i += (size_t)used;
        continue;
      }
    }
    bool nothing;
    size_t blank = blank_at(s + i, n - i, &nothing);
    int one = utf8_length((const unsigned char *)s + i, n - i);
    len = blank ? blank : one > 0 ? (size_t)one : 1;
    put_text(p, s + i, len);
    i += len;
  }
}

/* Whether text still has tags of HTML or references in it: it was escaped twice. */
static bool still_marked(const char *s, size_t n) {
  for (size_t i = 0; i + 2 < n; i++) {
    char made[8];
    size_t n_made;
    if (s[i] == '&' && xmltok_reference(s + i, n - i, made, &n_made) > 0) return true;
    if (s[i] != '<') continue;
    size_t name = s[i + 1] == '/' ? i + 2 : i + 1;
    if (is_block(s + name, n - name) || name_is(s + name, n - name, "a") || name_is(s + name, n - name, "img") ||
        name_is(s + name, n - name, "b") || name_is(s + name, n - name, "i") || name_is(s + name, n - name, "span") ||
        name_is(s + name, n - name, "strong") || name_is(s + name, n - name, "em") ||
        strncmp(s + i, "<![CDATA[", 9) == 0)
      return true;
  }
  return false;
}

static int compose(const lane_mem *mem, lane_vec *out) {
  utf8proc_uint8_t *made = NULL;
  bool marks = false;
  const unsigned char *s = out->items;
  for (size_t i = 0; i < out->n && !marks; i++) marks = s[i] == 0xcc || s[i] == 0xcd;
  if (!marks) return 0;
  utf8proc_ssize_t n = utf8proc_map(out->items, (utf8proc_ssize_t)out->n, &made, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (n == UTF8PROC_ERROR_NOMEM) return SL_ENOMEM;
  if (n < 0) return 0;
  int rc = lane_vec_reserve(mem, out, 1, (size_t)n + 1) == 0 ? 0 : SL_ENOMEM;
  if (rc == 0) {
    memcpy(out->items, made, (size_t)n + 1);
    out->n = (size_t)n;
  }
  free(made);
  return rc;
}

int webtext_plain(const lane_mem *mem, const char *html, size_t n, lane_vec *out) {
  lane_vec other = {0};
  int rc = 0;
  out->n = 0;
  for (int pass = 0; pass < 3; pass++) {
    bool tags = false;
    /* A reference is never shorter than what it stands for; a blank or an end of line replaces at least one byte. */
    if (lane_vec_reserve(mem, out, 1, n + 2) != 0) {
      rc = SL_ENOMEM;
      break;
    }
    plain p = {.out = out->items};
    strip(html, n, &p, &tags);
    out->n = p.n;
    p.out[p.n] = '\0';
    if ((tags && pass > 0) || pass == 2 || !still_marked(p.out, p.n)) break;
    /* Mark-up beside real mark-up is a text about HTML. */
    if (tags && memmem(html, n, "<![CDATA[", 9) == NULL) break;
    lane_vec_done(mem, &other);
    other = *out;
    *out = (lane_vec){0};
    html = other.items;
    n = other.n;
  }
  lane_vec_done(mem, &other);
  return rc == 0 ? compose(mem, out) : rc;
}

/* Copies an attribute's value with references decoded. false if it does not fit. */
static bool copy_value(const char *s, size_t n, char *out, size_t cap) {
  size_t to = 0;
  for (size_t i = 0; i < n;) {
    size_t made = 0;
    if (to + 9 > cap) return false;
    int used = s[i] == '&' ? xmltok_reference(s + i, n - i, out + to, &made) : 0;
    if (used <= 0) out[to++] = s[i];
    to += made;
    i += used > 0 ? (size_t)used : 1;
  }
  out[to] = '\0';
  return to > 0;
}

/* The value of an attribute of the tag s[0, n), quoted or not; its length, 0 if there is none. */
static size_t attribute(const char *s, size_t n, const char *name, const char **ret) {
  size_t len = strlen(name);
  for (size_t at = 1; at + len + 2 < n; at++) {
    if (!is_blank(s[at - 1]) || strncasecmp(s + at, name, len) != 0 || s[at + len] != '=') continue;
    char quote = s[at + len + 1];
    bool quoted = quote == '"' || quote == '\'';
    size_t from = at + len + 1 + quoted, to = from;
    while (to < n && (quoted ? s[to] != quote : !is_blank(s[to]) && s[to] != '>')) to++;
    *ret = s + from;
    return to - from;
  }
  return 0;
}

bool webtext_image(const char *html, size_t n, char *out, size_t cap) {
  static const char *const names[] = {"data-src", "data-original", "src"};
  for (size_t i = 0; i + 5 < n; i++) {
    if (html[i] != '<' || !name_is(html + i + 1, n - i - 1, "img")) continue;
    const char *end = memchr(html + i, '>', n - i < 8192 ? n - i : 8192), *value;
    size_t tag = end ? (size_t)(end - html) - i + 1 : 0;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
      size_t len = attribute(html + i, tag, names[k], &value);
      if (len > 0 && strncasecmp(value, "data:", 5) != 0 && copy_value(value, len, out, cap)) return true;
    }
  }
  return false;
}
