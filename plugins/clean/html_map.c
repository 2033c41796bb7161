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

size_t clean_skip_markup(const char *s, size_t n, size_t i) {
  static const char *const raw[] = {"script", "style"};
  if (i + 1 >= n) return i;
  if (n - i >= 4 && memcmp(s + i, "<!--", 4) == 0) {
    const char *end = memmem(s + i + 4, n - i - 4, "-->", 3);
    return end ? (size_t)(end - s) + 3 : n;
  }
  if (!is_name(s[i + 1]) && s[i + 1] != '/' && s[i + 1] != '!' && s[i + 1] != '?') return i;
  size_t k = i + 1;
  char quote = 0;
  for (; k < n; k++) {
    if (quote) {
      if (s[k] == quote) quote = 0;
    } else if (s[k] == '>') {
      break;
    } else if ((s[k] == '"' || s[k] == '\'') && s[k - 1] == '=') {
      quote = s[k];
    }
  }
  if (k < n) k++;
  for (size_t r = 0; r < sizeof raw / sizeof *raw; r++) {
    size_t len = strlen(raw[r]);
    if (n - i <= len + 1 || strncasecmp(s + i + 1, raw[r], len) != 0 || is_name(s[i + 1 + len])) continue;
    for (; k < n; k++) {
      const char *lt = memchr(s + k, '<', n - k);
      if (!lt) return n;
      k = (size_t)(lt - s);
      if (n - k > len + 1 && s[k + 1] == '/' && strncasecmp(s + k + 2, raw[r], len) == 0) return k;
    }
  }
  return k;
}

/* Length of the character reference at s[i] == '&', and what it stands for; 0 if it is none. */
static size_t reference(const char *s, size_t n, size_t i, uint32_t *ret_cp) {
  size_t k = i + 1, end = n - i > 34 ? i + 34 : n;
  char name[33];
  if (k < n && s[k] == '#') {
    char *stop;
    size_t len = 0;
    int hex = k + 1 < n && (s[k + 1] | 0x20) == 'x';
    for (k += hex ? 2 : 1; k < end && len < 10 && ((s[k] >= '0' && s[k] <= '9') || (hex && is_name(s[k]))); k++)
      name[len++] = s[k];
    name[len] = '\0';
    unsigned long v = len ? strtoul(name, &stop, hex ? 16 : 10) : 0;
    if (!len || *stop || v > 0x10FFFF) return 0;
    *ret_cp = (uint32_t)v;
  } else {
    size_t len = 0;
    for (; k < end && (is_name(s[k]) || (s[k] >= '0' && s[k] <= '9')); k++) name[len++] = s[k];
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

/* One step: takes some text of the node, or some markup or white space of the source. Returns the bytes of text. */
static size_t step(clean_align *al, const char *t, size_t n, clean_buf *out) {
  const char *s = al->in->s;
  size_t m = al->in->n, k = 0;
  while (k < n && al->pos + k < m && s[al->pos + k] == t[k] && t[k] != '<' && t[k] != '&') k++;
  while (k < n && k > 0 && ((unsigned char)t[k] & 0xC0) == 0x80) k--;
  if (k > 0) {
    if (out) clean_copy(out, al->in, al->pos, k);
    al->pos += k;
    return k;
  }
  uint32_t cp;
  size_t len;
  if (al->pos < m && s[al->pos] == '<' && (len = clean_skip_markup(s, m, al->pos)) > al->pos) {
    al->pos = len;
    return 0;
  }
  if (al->pos < m && s[al->pos] == '&' && (len = reference(s, m, al->pos, &cp)) > 0 && (t[0] != '&' || cp == '&')) {
    k = char_len(t, n, 0);
    if (out) clean_unit(out, t, k, al->in, al->pos, len);
    al->pos += len;
    return k;
  }
  if (al->pos < m && s[al->pos] == t[0]) { /* a lone '<' or '&' */
    if (out) clean_copy(out, al->in, al->pos, 1);
    al->pos++;
    return 1;
  }
  if (al->pos < m && is_ws(s[al->pos]) && !is_ws(t[0])) {
    al->pos++;
    return 0;
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
