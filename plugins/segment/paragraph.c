/* SPDX-License-Identifier: Apache-2.0 */
/* Paragraphs: parted by empty lines, and by single line breaks unless the text was wrapped at a width. */
#include <stdbool.h>

#include "segment.h"
#include "vi_text.h"

/* Lines of wrapped text are about this long, in characters. */
#define WRAP_MIN 40u
#define WRAP_MAX 120u

/* A paragraph longer than this is cut at white space, so that a text without line breaks needs no more memory. */
#define MAX_PARAGRAPH ((size_t)1 << 18)

/* One line without its white space at both ends. */
typedef struct line {
  size_t start, end; /* empty: equal */
  size_t next;       /* where the next line begins */
  size_t chars;
  uint32_t first, last; /* first and last character, 0 if empty */
} line;

static bool is_line_end(uint32_t cp) {
  return cp == '\n' || cp == '\r' || cp == '\v' || cp == '\f' || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

static line read_line(const char *s, size_t n, size_t i) {
  line l = {i, i, n, 0, 0, 0};
  while (i < n) {
    size_t at = i;
    uint32_t cp = vi_next(s, n, &i);
    if (is_line_end(cp)) {
      if (cp == '\r' && i < n && s[i] == '\n') i++;
      l.next = i;
      break;
    }
    if (vi_is_space(cp) || vi_is_ignorable(cp)) continue;
    if (!l.first) {
      l.first = cp ? cp : VI_BAD; /* never 0, which means empty */
      l.start = at;
    }
    l.chars++;
    l.last = cp;
    l.end = i;
  }
  if (!l.first) l.start = l.end;
  return l;
}

static bool ends_sentence(uint32_t cp) {
  return cp == '.' || cp == '!' || cp == '?' || cp == 0x2026 || cp == ':' || cp == ';' || cp == '"' || cp == 0x201D ||
         cp == ')' || cp == 0x3002;
}

/* a) or b. or ii) at the start of a line. */
static bool is_list_item(const char *s, const line *l) {
  size_t i = l->start;
  for (unsigned k = 0; k < 3 && i < l->end; k++) {
    uint32_t cp = vi_next(s, l->end, &i);
    if (k > 0 && (cp == ')' || cp == '.')) return true;
    if (!vi_is_letter(cp)) return false;
  }
  return false;
}

/* The sentence at the end of line a goes on in line b. */
static bool goes_on(const char *s, const line *a, const line *b) {
  if (ends_sentence(a->last) || is_list_item(s, b)) return false;
  return vi_is_lower(b->first) || b->first == ',' || b->first == ')';
}

/* Text wrapped at a width: neighbouring lines of like length, many of which break in mid-sentence. */
static bool looks_wrapped(const char *s, size_t n) {
  size_t pairs = 0, on = 0, wide = 0;
  line a = read_line(s, n, 0);
  while (a.next < n && pairs < 400) {
    line b = read_line(s, n, a.next);
    if (a.first && b.first) {
      pairs++;
      on += goes_on(s, &a, &b);
      wide += a.chars >= WRAP_MIN && a.chars <= WRAP_MAX;
    }
    a = b;
  }
  return pairs >= 3 && on * 3 >= pairs && wide * 3 >= pairs * 2;
}

/* Adds [start, end), cut into pieces of bearable length. */
static int push(lane_vec *out, const lane_mem *mem, const char *s, size_t start, size_t end) {
  while (start < end) {
    size_t cut = end;
    if (end - start > MAX_PARAGRAPH) {
      cut = start + MAX_PARAGRAPH;
      while (cut > start + MAX_PARAGRAPH / 2 && s[cut] != ' ' && s[cut] != '\n') cut--;
      if (s[cut] != ' ' && s[cut] != '\n') {
        cut = start + MAX_PARAGRAPH;
        while (((unsigned char)s[cut] & 0xC0) == 0x80 && cut > start + MAX_PARAGRAPH - 4) cut--;
      }
    }
    if (lane_vec_reserve(mem, out, sizeof(seg_range), out->n + 1) != 0) return -1;
    ((seg_range *)out->items)[out->n++] = (seg_range){(uint32_t)start, (uint32_t)cut};
    start = cut;
    while (start < end && (s[start] == ' ' || s[start] == '\n')) start++;
  }
  return 0;
}

int seg_paragraphs(lane_vec *out, const lane_mem *mem, const char *s, size_t n, int breaks) {
  bool join_all = breaks == SEG_BREAK_SPACE || (breaks == SEG_BREAK_AUTO && looks_wrapped(s, n));
  line before = {0};
  size_t start = 0;
  bool open = false;
  for (size_t i = 0; i < n;) {
    line l = read_line(s, n, i);
    i = l.next;
    bool join = open && l.first && breaks != SEG_BREAK_PARAGRAPH;
    if (join && !join_all) join = goes_on(s, &before, &l);
    if (join && join_all && breaks == SEG_BREAK_AUTO) join = before.chars * 2 > WRAP_MIN || !ends_sentence(before.last);
    if (open && !join) {
      if (push(out, mem, s, start, before.end) != 0) return -1;
      open = false;
    }
    if (l.first && !open) {
      start = l.start;
      open = true;
    }
    if (l.first) before = l;
  }
  return open ? push(out, mem, s, start, before.end) : 0;
}
