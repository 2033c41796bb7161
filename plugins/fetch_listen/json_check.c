/* SPDX-License-Identifier: Apache-2.0 */
/* Checks JSON without building anything. */
#include "json_check.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 512

typedef struct scan {
  const char *text;
  size_t len, at;
  uint8_t is_object[MAX_DEPTH];
  size_t depth;
  listen_error *error;
} scan;

static int fail(scan *s, size_t at, const char *why) {
  *s->error = (listen_error){why, at};
  return -1;
}

size_t listen_json_space(const char *text, size_t len, size_t at) {
  while (at < len && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) at++;
  return at;
}

/* Bytes of the character at p (n are there), 0 if it is not UTF-8 (RFC 3629). */
static size_t utf8_length(const unsigned char *p, size_t n) {
  if (p[0] < 0x80) return 1;
  size_t want = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
                : p[0] >= 0xE0 && p[0] <= 0xEF ? 3
                : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                               : 0;
  if (!want || n < want) return 0;
  for (size_t i = 1; i < want; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
  if (p[0] == 0xED && p[1] > 0x9F) return 0;
  if (p[0] == 0xF0 && p[1] < 0x90) return 0;
  if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
  return want;
}

int listen_utf8_line(const char *text, size_t len) {
  for (size_t at = 0, n; at < len; at += n) {
    const unsigned char *p = (const unsigned char *)text + at;
    n = utf8_length(p, len - at);
    if (n == 0 || p[0] < 0x20 || p[0] == 0x7F) return 0;
  }
  return 1;
}

/* The four digits of \uXXXX; -1 if they are none. */
static int hex4(const scan *s, size_t at) {
  int v = 0;
  if (s->len - at < 4) return -1;
  for (size_t i = at; i < at + 4; i++) {
    char c = s->text[i];
    int d = c >= '0' && c <= '9'   ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                   : -1;
    if (d < 0) return -1;
    v = v * 16 + d;
  }
  return v;
}

/* Behind the backslash at s->at. */
static int escape(scan *s) {
  size_t from = s->at++;
  char c = s->at < s->len ? s->text[s->at++] : '\0';
  if (c && strchr("\"\\/bfnrt", c)) return 0;
  if (c != 'u') return fail(s, from, "not an escape of JSON");
  int v = hex4(s, s->at);
  if (v < 0) return fail(s, from, "\\u needs four hexadecimal digits");
  if (v == 0) return fail(s, from, "\\u0000 is not accepted");
  s->at += 4;
  if (v >= 0xDC00 && v <= 0xDFFF) return fail(s, from, "a surrogate without its other half");
  if (v < 0xD800 || v > 0xDBFF) return 0;
  int low = s->len - s->at >= 6 && s->text[s->at] == '\\' && s->text[s->at + 1] == 'u' ? hex4(s, s->at + 2) : -1;
  if (low < 0xDC00 || low > 0xDFFF) return fail(s, from, "a surrogate without its other half");
  s->at += 6;
  return 0;
}

static int string(scan *s) {
  size_t from = s->at++;
  while (s->at < s->len) {
    unsigned char c = (unsigned char)s->text[s->at];
    if (c == '"') {
      s->at++;
      return 0;
    }
    if (c == '\\') {
      if (escape(s) < 0) return -1;
    } else if (c < 0x20) {
      return fail(s, s->at, "a control character in a string: write it as an escape");
    } else {
      size_t n = utf8_length((const unsigned char *)s->text + s->at, s->len - s->at);
      if (n == 0) return fail(s, s->at, "not UTF-8");
      s->at += n;
    }
  }
  return fail(s, from, "the string has no end");
}

static int is_digit(const scan *s) { return s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9'; }

static int number(scan *s) {
  size_t from = s->at;
  if (s->text[s->at] == '-') s->at++;
  if (!is_digit(s)) return fail(s, from, "expected a value");
  if (s->text[s->at] == '0')
    s->at++;
  else
    while (is_digit(s)) s->at++;
  if (is_digit(s)) return fail(s, from, "a number may not begin with 0");
  if (s->at < s->len && s->text[s->at] == '.') {
    s->at++;
    if (!is_digit(s)) return fail(s, from, "a digit must follow the point of a number");
    while (is_digit(s)) s->at++;
  }
  if (s->at < s->len && (s->text[s->at] == 'e' || s->text[s->at] == 'E')) {
    s->at++;
    if (s->at < s->len && (s->text[s->at] == '+' || s->text[s->at] == '-')) s->at++;
    if (!is_digit(s)) return fail(s, from, "the exponent of a number has no digits");
    while (is_digit(s)) s->at++;
  }
  if (isinf(strtod(s->text + from, NULL))) return fail(s, from, "the number is too large");
  return 0;
}

static int word(scan *s, const char *expected) {
  size_t n = strlen(expected);
  if (s->len - s->at < n || memcmp(s->text + s->at, expected, n) != 0) return fail(s, s->at, "expected a value");
  s->at += n;
  return 0;
}

static void spaces(scan *s) { s->at = listen_json_space(s->text, s->len, s->at); }

/* The key and colon of a member. */
static int key(scan *s) {
  spaces(s);
  if (s->at == s->len || s->text[s->at] != '"') return fail(s, s->at, "expected a key in quotes");
  if (string(s) < 0) return -1;
  spaces(s);
  if (s->at == s->len || s->text[s->at] != ':') return fail(s, s->at, "expected : after a key");
  s->at++;
  return 0;
}

/* Opens an object or array. 1: it is empty and closed already; 0: a value follows. */
static int open_one(scan *s) {
  int object = s->text[s->at] == '{';
  if (s->depth == MAX_DEPTH) return fail(s, s->at, "nested more than 512 deep");
  s->at++;
  spaces(s);
  if (s->at < s->len && s->text[s->at] == (object ? '}' : ']')) {
    s->at++;
    return 1;
  }
  s->is_object[s->depth++] = (uint8_t)object;
  return object ? key(s) : 0;
}

/* One value up to its first member. 1: it is whole; 0: a value follows; -1: not valid. */
static int value(scan *s) {
  spaces(s);
  char c = s->at < s->len ? s->text[s->at] : '\0';
  int rc;
  switch (c) {
  case '{':
  case '[':
    return open_one(s);
  case '"':
    rc = string(s);
    break;
  case 't':
    rc = word(s, "true");
    break;
  case 'f':
    rc = word(s, "false");
    break;
  case 'n':
    rc = word(s, "null");
    break;
  default:
    rc = s->at < s->len ? number(s) : fail(s, s->at, "expected a value, found the end");
  }
  return rc < 0 ? -1 : 1;
}

/* Behind a whole value: closes what ends here. 1: all is closed; 0: a value follows. */
static int close_some(scan *s) {
  while (s->depth > 0) {
    int object = s->is_object[s->depth - 1];
    spaces(s);
    char c = s->at < s->len ? s->text[s->at] : '\0';
    if (c == ',') {
      s->at++;
      return object ? key(s) : 0;
    }
    if (c != (object ? '}' : ']'))
      return fail(s, s->at, object ? "expected , or } in an object" : "expected , or ] in an array");
    s->at++;
    s->depth--;
  }
  return 1;
}

size_t listen_json_value(const char *text, size_t len, size_t at, listen_error *ret) {
  scan s;
  s.text = text;
  s.len = len;
  s.at = at;
  s.depth = 0;
  s.error = ret;
  for (;;) {
    int rc = value(&s);
    if (rc == 1) rc = close_some(&s);
    if (rc < 0) return 0;
    if (rc == 1) return s.at;
  }
}
