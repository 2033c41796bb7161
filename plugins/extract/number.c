/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as Vietnamese writes them. */
#include "number.h"

#include <string.h>

/* Appends the digits of token t; 0 if there is no room or a digit is not ASCII. */
static int append(const ex_doc *doc, uint32_t t, ex_number *x) {
  uint32_t len = doc->tok[t].end - doc->tok[t].start;
  if (x->n + len > 40) return 0;
  for (uint32_t i = 0; i < len; i++) {
    char c = doc->s[doc->tok[t].start + i];
    if (c < '0' || c > '9') return 0;
    x->digits[x->n++] = c;
  }
  return 1;
}

/* 1 if a mark and a number follow without spaces. */
static int joined(const ex_doc *doc, uint32_t t, uint32_t cp) {
  return ex_is(doc, t, cp) && ex_glued(doc, t) && (ex_flags(doc, t + 1) & TK_NUM) && ex_glued(doc, t + 1);
}

static uint32_t width(const ex_doc *doc, uint32_t t) { return doc->tok[t].end - doc->tok[t].start; }

uint32_t ex_number_at(const ex_doc *doc, uint32_t t, ex_number *ret) {
  memset(ret, 0, sizeof(*ret));
  if (!(ex_flags(doc, t) & TK_NUM) || !append(doc, t, ret)) return 0;
  uint32_t at = t + 1;
  while (width(doc, t) <= 3 && joined(doc, at, '.') && width(doc, at + 1) == 3) {
    if (!append(doc, at + 1, ret)) return 0;
    at += 2;
  }
  int point = joined(doc, at, ',') || (at == t + 1 && joined(doc, at, '.'));
  if (point && !joined(doc, at + 2, '.') && !joined(doc, at + 2, ',')) {
    if (!append(doc, at + 1, ret)) return 0;
    ret->places = width(doc, at + 1);
    at += 2;
  }
  return at;
}

void ex_number_scale(ex_number *x, double factor) {
  unsigned zeros = 0;
  for (double f = 10; f <= factor * 1.0000001 && zeros < 18; f *= 10) zeros++;
  for (; zeros; zeros--) {
    if (x->places) {
      x->places--;
    } else if (x->n < sizeof(x->digits)) {
      x->digits[x->n++] = '0';
    }
  }
}

int ex_number_add(ex_number *x, const ex_number *more) {
  if (more->n > x->n || x->places || more->places) return 0;
  for (unsigned k = x->n - more->n; k < x->n; k++)
    if (x->digits[k] != '0') return 0;
  memcpy(x->digits + x->n - more->n, more->digits, more->n);
  return 1;
}

void ex_number_print(const ex_number *x, char *out) {
  unsigned whole = x->n - x->places, from = 0, end = x->n;
  while (from + 1 < whole && x->digits[from] == '0') from++;
  while (end > whole && x->digits[end - 1] == '0') end--;
  for (; from < whole; from++) *out++ = x->digits[from];
  if (end > whole) *out++ = '.';
  for (unsigned i = whole; i < end; i++) *out++ = x->digits[i];
  *out = '\0';
}
