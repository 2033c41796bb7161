/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way from a text node back to the page's bytes.
 *
 * libxml2 tells lines only. Text nodes come in the order of the page, though, so one cursor runs through the source
 * beside the tree: it steps over tags, takes a character reference as one unit, and where both differ (the parser
 * repaired something) looks ahead for the next words. Text that is not found is still right; it just leads nowhere.
 */
#include "html.h"

#include <libxml/HTMLparser.h>
#include <stdlib.h>
#include <strings.h>

#define LOOK_AHEAD 65536u
#define NEEDLE 24u

static int is_ws(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f'; }

static int is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* Behind the '>' of the tag at s[i] == '<'. */
static size_t behind_tag(const char *s, size_t n, size_t i) {
  char quote = 0;
  for (i++; i < n; i++) {
    if (quote) {
      if (s[i] == quote) quote = 0;
    } else if (s[i] == '>') {
      return i + 1;
    } else if ((s[i] == '"' || s[i] == '\'') && s[i - 1] == '=') {
      quote = s[i];
    }
  }
  return n;
}

/* Where the end tag of the raw element `name` begins. */
static size_t end_of_raw(const char *s, size_t n, size_t i, const char *name) {
  size_t len = strlen(name);
  for (; i < n; i++) {
    const char *lt = memchr(s + i, '<', n - i);
    if (!lt) return n;
    i = (size_t)(lt - s);
    if (n - i > len + 1 && s[i + 1] == '/' && strncasecmp(s + i + 2, name, len) == 0) return i;
  }
  return n;
}

size_t clean_skip_markup(const char *s, size_t n, size_t i) {
  static const char *const raw[] = {"script", "style"};
  if (i + 1 >= n) return i;
  if (n - i >= 4 && memcmp(s + i, "<!--", 4) == 0) {
    const char *end = memmem(s + i + 4, n - i - 4, "-->", 3);
    return end ? (size_t)(end - s) + 3 : n;
  }
  if (!is_name(s[i + 1]) && s[i + 1] != '/' && s[i + 1] != '!' && s[i + 1] != '?') return i;
  size_t end = behind_tag(s, n, i);
  for (size_t r = 0; r < sizeof raw / sizeof *raw; r++) {
    size_t len = strlen(raw[r]);
    if (n - i <= len + 1 || strncasecmp(s + i + 1, raw[r], len) != 0 || is_name(s[i + 1 + len])) continue;
    return end_of_raw(s, n, end, raw[r]);
  }
  return end;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* "#226;" or "#xE2;" from s[k] on: the number, and where it ends; 0 if it is none. */
static size_t number_reference(const char *s, size_t end, size_t k, uint32_t *ret_cp) {
  char digits[12], *stop;
  size_t len = 0;
  int hex = k + 1 < end && (s[k + 1] | 0x20) == 'x';
  for (k += hex ? 2 : 1; k < end && len < sizeof digits - 1 && (is_digit(s[k]) || (hex && is_name(s[k]))); k++) {
    digits[len++] = s[k];
  }
  digits[len] = '\0';
  unsigned long v = strtoul(digits, &stop, hex ? 16 : 10);
  if (!len || *stop || v > 0x10FFFF) return 0;
  *ret_cp = (uint32_t)v;
  return k;
}

/* Length of the character reference at s[i] == '&', and what it stands for; 0 if it is none. */
static size_t reference(const char *s, size_t n, size_t i, uint32_t *ret_cp) {
  size_t k = i + 1, end = n - i > 34 ? i + 34 : n;
  if (k < end && s[k] == '#') {
    k = number_reference(s, end, k, ret_cp);
    if (k == 0) return 0;
  } else {
    char name[36];
    size_t len = 0;
    for (; k < end && (is_name(s[k]) || is_digit(s[k])); k++) name[len++] = s[k];
    name[len] = '\0';
    const htmlEntityDesc *e = len ? htmlEntityLookup((const xmlChar *)name) : NULL;
    if (!e) return 0;
    *ret_cp = e->value;
  }
  if (k < n && s[k] == ';') k++;
  return k - i;
}

/* Where the text t goes on in the source, from pos on; SIZE_MAX if it is not near. */
static size_t look_ahead(clean_align *al, const char *t, size_t n) {
  size_t len = 0, span = al->in->n - al->pos;
  while (len < n && len < NEEDLE && t[len] != '&' && t[len] != '<' && !is_ws(t[len])) len++;
  if (span > LOOK_AHEAD) span = LOOK_AHEAD;
  if (len < 4 || span > al->budget) return SIZE_MAX;
  al->budget -= span;
  const char *hit = memmem(al->in->s + al->pos, span, t, len);
  return hit ? (size_t)(hit - al->in->s) : SIZE_MAX;
}

/* White space and line separators become spaces, so that a node never breaks a line. */
static void flatten(clean_buf *out, size_t from) {
  if (out->oom) return;
  char *s = out->s;
  for (size_t i = from; i < out->n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 0x20) s[i] = ' ';
    if (c == 0xC2 && i + 1 < out->n && (unsigned char)s[i + 1] == 0x85) s[i] = s[i + 1] = ' ';
    if (c == 0xE2 && i + 2 < out->n && (unsigned char)s[i + 1] == 0x80 && ((unsigned char)s[i + 2] & 0xFE) == 0xA8) {
      s[i] = s[i + 1] = s[i + 2] = ' ';
    }
  }
}

static size_t char_len(const char *t, size_t n, size_t i) {
  size_t k = i;
  vi_next(t, n, &k);
  return k - i;
}

/* Takes what is the same in both. Returns its bytes. */
static size_t take_same(clean_align *al, const char *t, size_t n, clean_buf *out) {
  const char *s = al->in->s + al->pos;
  size_t left = al->in->n - al->pos, k = 0;
  while (k < n && k < left && s[k] == t[k] && t[k] != '<' && t[k] != '&') k++;
  while (k < n && k > 0 && ((unsigned char)t[k] & 0xC0) == 0x80) k--;
  if (k > 0 && out) clean_copy(out, al->in, al->pos, k);
  al->pos += k;
  return k;
}

/* Takes a tag, a reference, or a lone '<' or '&' at the cursor. 1 if it was one; *ret_k: bytes of text taken. */
static int take_markup(clean_align *al, const char *t, size_t n, clean_buf *out, size_t *ret_k) {
  const char *s = al->in->s;
  size_t m = al->in->n, end, len;
  uint32_t cp;
  *ret_k = 0;
  if (s[al->pos] == '<' && (end = clean_skip_markup(s, m, al->pos)) > al->pos) {
    al->pos = end;
    return 1;
  }
  if (s[al->pos] == '&' && (len = reference(s, m, al->pos, &cp)) > 0 && (t[0] != '&' || cp == '&')) {
    *ret_k = char_len(t, n, 0);
    if (out) clean_unit(out, t, *ret_k, al->in, al->pos, len);
    al->pos += len;
    return 1;
  }
  if (s[al->pos] == t[0]) {
    if (out) clean_copy(out, al->in, al->pos, 1);
    al->pos++;
    *ret_k = 1;
    return 1;
  }
  return 0;
}

/* One step: takes some text of the node, or some markup or white space of the source. Returns the bytes of text. */
static size_t step(clean_align *al, const char *t, size_t n, clean_buf *out) {
  size_t k = take_same(al, t, n, out);
  if (k > 0) return k;
  if (al->pos < al->in->n) {
    if (take_markup(al, t, n, out, &k)) return k;
    if (is_ws(al->in->s[al->pos]) && !is_ws(t[0])) {
      al->pos++;
      return 0;
    }
  }
  size_t hit = is_ws(t[0]) ? SIZE_MAX : look_ahead(al, t, n);
  if (hit != SIZE_MAX) {
    al->pos = hit;
    return 0;
  }
  k = is_ws(t[0]) ? 1 : 0;
  while (k < n && !is_ws(t[k])) k++;
  if (out) clean_insert(out, t, k);
  return k;
}

void clean_align_text(clean_align *al, const char *text, size_t n, clean_buf *out) {
  size_t from = out ? out->n : 0, i = 0;
  while (i < n && !(out && out->oom)) {
    /* The parser may drop white space at the ends of a node; inside the page it is markup's neighbour anyway. */
    i += step(al, text + i, n - i, out);
  }
  if (out) flatten(out, from);
}
