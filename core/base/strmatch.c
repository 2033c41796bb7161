/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest names and globs. Part of base/str.h. */
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

#define MAX_WORD 64

/* Characters of a word, ASCII folded; 0 if it is too long. */
static size_t letters(const char *word, uint32_t out[MAX_WORD]) {
  size_t len = strlen(word);
  size_t n = 0;
  for (size_t i = 0; i < len;) {
    if (n == MAX_WORD) return 0;
    uint32_t cp;
    i += sl_utf8_decode(word + i, len - i, &cp, NULL);
    out[n++] = cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
  }
  return n;
}

static size_t min3(size_t a, size_t b, size_t c) {
  size_t m = a < b ? a : b;
  return m < c ? m : c;
}

/* Damerau-Levenshtein distance, optimal string alignment: no part is edited twice. */
size_t sl_str_distance(const char *a, const char *b) {
  uint32_t x[MAX_WORD];
  uint32_t y[MAX_WORD];
  size_t n = letters(a, x);
  size_t m = letters(b, y);
  if (n == 0 || m == 0) {
    size_t la = sl_utf8_count(a, strlen(a));
    size_t lb = sl_utf8_count(b, strlen(b));
    return la > lb ? la : lb;
  }
  size_t rows[3][MAX_WORD + 1];
  for (size_t j = 0; j <= m; j++) rows[0][j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t *row = rows[i % 3];
    const size_t *up = rows[(i + 2) % 3];
    const size_t *up2 = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + (x[i - 1] != y[j - 1]));
      if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1] && up2[j - 2] + 1 < row[j])
        row[j] = up2[j - 2] + 1;
    }
  }
  return rows[n % 3][m];
}

const char *sl_str_nearest(const char *word, const char *const *candidates, size_t n) {
  const char *best = NULL;
  size_t best_distance = 0;
  for (size_t i = 0; i < n; i++) {
    size_t la = sl_utf8_count(word, strlen(word));
    size_t lb = sl_utf8_count(candidates[i], strlen(candidates[i]));
    size_t longer = la > lb ? la : lb;
    size_t d = sl_str_distance(word, candidates[i]);
    size_t allowed = longer <= 3 ? 1 : (longer + 2) / 3;
    if (d > allowed || d >= longer) continue;
    if (best == NULL || d < best_distance) {
      best = candidates[i];
      best_distance = d;
    }
  }
  return best;
}

/* A class "[a-z]" at p against the character c. Returns the byte behind it, NULL if it has no end. */
static const char *match_class(const char *p, uint32_t c, int *ret_hit) {
  int negate = p[1] == '!' || p[1] == '^';
  int hit = 0;
  const char *q = p + 1 + negate;
  const char *first = q;
  while (*q != '\0' && (*q != ']' || q == first)) {
    uint32_t lo;
    uint32_t hi;
    if (*q == '\\' && q[1] != '\0') q++;
    q += sl_utf8_decode(q, strlen(q), &lo, NULL);
    hi = lo;
    if (q[0] == '-' && q[1] != ']' && q[1] != '\0') q += 1 + sl_utf8_decode(q + 1, strlen(q + 1), &hi, NULL);
    hit |= c >= lo && c <= hi;
  }
  if (*q != ']') return NULL;
  *ret_hit = hit != negate && c != '/';
  return q + 1;
}

/* One element of the pattern other than * against the text. 1 and both moved, or 0. */
static int match_one(const char **pattern, const char **text) {
  const char *p = *pattern;
  uint32_t c;
  uint32_t want;
  if (**text == '\0' || *p == '\0') return 0;
  size_t n = sl_utf8_decode(*text, strlen(*text), &c, NULL);
  int hit = 0;
  const char *end = NULL;
  if (*p == '?') {
    hit = c != '/';
    end = p + 1;
  } else if (*p == '[' && (end = match_class(p, c, &hit)) != NULL) {
  } else {
    if (*p == '\\' && p[1] != '\0') p++;
    end = p + sl_utf8_decode(p, strlen(p), &want, NULL);
    hit = want == c && (c != 0xfffd || *p == **text);
  }
  if (!hit) return 0;
  *pattern = end;
  *text += n;
  return 1;
}

/* Goes back to the last star only: a later star makes every choice of an earlier one equally good, except that "*" may
 * not cross a slash, where the last "**" takes over. Linear in memory, at most quadratic in time. */
int sl_str_glob(const char *pattern, const char *text) {
  const char *star = NULL;      /* pattern behind the last "*" */
  const char *star_text = NULL; /* text where it may go on */
  const char *deep = NULL;      /* the same for "**" */
  const char *deep_text = NULL;
  for (;;) {
    if (pattern[0] == '*' && pattern[1] == '*') {
      pattern += 2;
      if (pattern[0] == '/') {
        pattern++; /* of a double star with slash: also no folder at all */
        deep = pattern;
        deep_text = text;
        star = NULL;
        continue;
      }
      deep = pattern;
      deep_text = text;
      star = NULL;
    } else if (pattern[0] == '*') {
      star = ++pattern;
      star_text = text;
    } else if (*pattern == '\0' && *text == '\0') {
      return 1;
    } else if (match_one(&pattern, &text)) {
    } else if (star != NULL && *star_text != '\0' && *star_text != '/') {
      star_text += sl_utf8_next(star_text, strlen(star_text), 0);
      pattern = star;
      text = star_text;
    } else if (deep != NULL && *deep_text != '\0') {
      int by_folder = deep[-1] == '/';
      if (by_folder) {
        deep_text = strchr(deep_text, '/');
        if (deep_text == NULL) return 0;
        deep_text++;
      } else {
        deep_text += sl_utf8_next(deep_text, strlen(deep_text), 0);
      }
      star = NULL;
      pattern = deep;
      text = deep_text;
    } else {
      return 0;
    }
  }
}

int sl_str_is_glob(const char *text) { return strpbrk(text, "*?[") != NULL; }
