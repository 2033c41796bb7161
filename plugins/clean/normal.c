/* SPDX-License-Identifier: Apache-2.0 */
/* Normal form of the text: see normal.h. */
#include "normal.h"

#include <string.h>
#include <utf8proc.h>

#include "vi_text.h"

/* Marks behind one letter that are put in order together; more than that is not language. */
#define MARKS_MAX 32
#define CPS_MAX ((MARKS_MAX + 1) * 4)

/* What letters with marks became: texts consist of few, again and again. */
#define SEEN 256u
typedef struct seen {
  char from[8], to[8];
  uint8_t from_len, to_len; /* 0: free */
} seen;

typedef struct state {
  clean_view *in;
  clean_buf *out;
  size_t i;       /* next byte */
  size_t seg;     /* start of what is copied unchanged */
  int line_start; /* nothing stands on the output line yet */
  int eth;        /* -1: not known yet; 1: Ð is Đ here */
  seen *seen;     /* SEEN entries */
} state;

static void flush(state *st, size_t upto) {
  if (upto > st->seg) {
    clean_copy(st->out, st->in, st->seg, upto - st->seg);
    st->line_start = st->in->s[upto - 1] == '\n';
  }
}

/* Whether the text has letters that only Vietnamese has, and none that only Icelandic and Old English have. */
static int vietnamese(const clean_view *v) {
  size_t ours = 0, theirs = 0, n = v->n < 65536 ? v->n : 65536;
  for (size_t i = 0; i < n && ours < 1000;) {
    uint32_t c = vi_next(v->s, v->n, &i);
    ours += (c >= 0x1EA0 && c <= 0x1EF9) || c == 0x1A0 || c == 0x1A1 || c == 0x1AF || c == 0x1B0 || c == 0x309 ||
            c == 0x323;
    theirs += c == 0xDE || c == 0xFE || c == 0xC6 || c == 0xE6;
  }
  return ours > 0 && theirs * 4 < ours;
}

/* White space of any kind, and what is dropped without a trace. */
#define W_NOT 0
#define W_SPACE 1
#define W_LINE 2
#define W_NOTHING 3

static int white_near(uint32_t c) {
  if (c == '\n' || c == '\r' || c == '\v' || c == '\f' || c == 0x85) return W_LINE;
  if (c <= ' ' || (c >= 0x7F && c <= 0xA0)) return W_SPACE;
  return c == 0xAD ? W_NOTHING : W_NOT;
}

static int white(uint32_t c) {
  if (c < 0x1000) return white_near(c);
  if (c < 0x2000) return c == 0x1680 || c == 0x180E ? W_SPACE : W_NOT;
  if (c <= 0x200A || c == 0x202F || c == 0x205F || c == 0x3000) return W_SPACE;
  if (c == 0x2028 || c == 0x2029) return W_LINE;
  if (c <= 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF) return W_NOTHING;
  return W_NOT;
}

static int joiner(uint32_t c) { return c == 0x200C || c == 0x200D; }

/* Zero-width joiners mean something behind other scripts and emoji; behind Latin letters they are litter. */
static int joins(const char *s, size_t at) {
  uint32_t before = at ? vi_prev(s, &at) : 0;
  return before >= 0x370 && !(before >= 0x1E00 && before < 0x2000) && !white(before);
}

/* Takes the white space and invisible characters at i; what they become is one space, line ends, or nothing. */
static void take_white(state *st) {
  const char *s = st->in->s;
  size_t n = st->in->n, start = st->i, from = start;
  int space = 0;
  while (st->i < n) {
    size_t at = st->i;
    uint32_t c = vi_next(s, n, &st->i);
    int kind = white(c);
    if (kind == W_NOT || (joiner(c) && joins(s, at))) {
      st->i = at;
      break;
    }
    if (kind == W_SPACE) space = 1;
    if (kind != W_LINE) continue;
    if (s[at] == '\r' && st->i < n && s[st->i] == '\n') st->i++;
    if (st->i - at == 1 && s[at] == '\n') {
      clean_copy(st->out, st->in, at, 1);
    } else {
      clean_unit(st->out, "\n", 1, st->in, at, st->i - at);
    }
    st->line_start = 1;
    space = 0;
    from = st->i;
  }
  st->seg = st->i;
  if (!space || st->line_start || st->i == n) return;
  if (st->i - from == 1 && s[from] == ' ') {
    clean_copy(st->out, st->in, from, 1);
  } else {
    clean_unit(st->out, " ", 1, st->in, from, st->i - from);
  }
}

/* Whether a code point may change what stands before it: marks, and the vowels and finals of Hangul. */
static int extends(uint32_t c) {
  if (c < 0x300) return 0;
  if (c < 0x370) return 1;
  if (c >= 0x1E00 && c < 0x2000) return 0;
  if (c >= 0x1160 && c < 0x1200) return 1;
  const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
  return p->combining_class != 0 || p->category == UTF8PROC_CATEGORY_MN || p->category == UTF8PROC_CATEGORY_MC;
}

/* Whether NFC writes the code point differently even alone. */
static int decomposes(uint32_t c) {
  if (c < 0x340 || (c >= 0x1E00 && c < 0x1F00)) return 0;
  const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
  return p->decomp_seqindex != UINT16_MAX && p->decomp_type == 0;
}

static unsigned ccc(utf8proc_int32_t c) { return (unsigned)utf8proc_get_property(c)->combining_class; }

/* Canonical order, then circumflex and breve before the tone: old editors store e + acute + circumflex for ế. A cluster
 * at the start of a line may be marks alone. */
static void order_marks(utf8proc_int32_t *c, size_t n) {
  size_t first = n && ccc(c[0]) ? 0 : 1;
  for (size_t i = first + 1; i < n; i++) {
    utf8proc_int32_t x = c[i];
    unsigned k = ccc(x);
    size_t j = i;
    while (k && j > first && ccc(c[j - 1]) > k) {
      c[j] = c[j - 1];
      j--;
    }
    c[j] = x;
  }
  utf8proc_int32_t base = n ? c[0] | 0x20 : 0;
  for (size_t i = 2; i < n; i++) {
    int fits = (c[i] == 0x302 && (base == 'a' || base == 'e' || base == 'o')) || (c[i] == 0x306 && base == 'a');
    if (fits && vi_tone_mark((uint32_t)c[i - 1]) && c[i - 1] != 0x323) {
      utf8proc_int32_t tone = c[i - 1];
      c[i - 1] = c[i];
      c[i] = tone;
    }
  }
}

/* Writes what the letter at [start, end) became. */
static void put_cluster(state *st, size_t start, size_t end, const char *text, size_t len) {
  flush(st, start);
  if (len == end - start && memcmp(text, st->in->s + start, len) == 0) {
    clean_copy(st->out, st->in, start, len);
  } else {
    clean_unit(st->out, text, len, st->in, start, end - start);
  }
  st->line_start = 0;
  st->i = st->seg = end;
}

/* Behind the invisible characters at i. */
static size_t behind_invisible(const char *s, size_t n, size_t i) {
  while (i < n) {
    size_t at = i;
    uint32_t c = vi_next(s, n, &i);
    if (white(c) != W_NOTHING || (joiner(c) && joins(s, at))) return at;
  }
  return i;
}

/* Whether a mark goes on behind the invisible characters at i, which then stand inside a letter. */
static int goes_on(const state *st, size_t i) {
  size_t k = behind_invisible(st->in->s, st->in->n, i);
  return k > i && k < st->in->n && extends(vi_peek(st->in->s, st->in->n, k));
}

/* The same letter has the same form: looks it up by its bytes, which end before a character that is no mark. */
static seen *slot_of(const state *st, size_t start, size_t end) {
  uint64_t key = 0;
  memcpy(&key, st->in->s + start, end - start);
  return &st->seen[(key * UINT64_C(0x9E3779B97F4A7C15)) >> 56];
}

/* End of a short cluster of a Latin letter and marks below U+0370, by its lead bytes alone; 0 if it is anything else.
 */
static size_t short_end(const state *st, size_t start) {
  const unsigned char *s = (const unsigned char *)st->in->s;
  size_t n = st->in->n, i = start + 1;
  while (i < n && (s[i] & 0xC0) == 0x80) i++;
  while (i + 1 < n && i - start <= 8 && (s[i] == 0xCC || (s[i] == 0xCD && s[i + 1] < 0xB0))) i += 2;
  if (i - start > 8) return 0;
  /* Behind it may stand marks of other scripts or for symbols (E2 83), or something invisible and then more marks. */
  if (i >= n || s[i] < 0xC2) return i;
  if (s[i] == 0xC2) return s[i + 1] == 0xAD ? 0 : i;
  return s[i] < 0xCD || (s[i] == 0xE2 && s[i + 1] > 0x83) ? i : 0;
}

/* The letter that starts at `start` with the marks behind it, in NFC. Moves i behind them. */
static void take_cluster(state *st, size_t start) {
  const char *s = st->in->s;
  size_t n = st->in->n, marks = 0, count = 0, i = start, quick = short_end(st, start);
  seen *known = quick ? slot_of(st, start, quick) : NULL;
  if (known && known->from_len == quick - start && memcmp(known->from, s + start, quick - start) == 0) {
    put_cluster(st, start, quick, known->to, known->to_len);
    return;
  }
  utf8proc_int32_t c[CPS_MAX];
  while (i < n && marks <= MARKS_MAX) {
    if (i > start && goes_on(st, i)) i = behind_invisible(s, n, i);
    size_t at = i;
    uint32_t cp = vi_next(s, n, &i);
    if (at > start && !extends(cp)) {
      i = at;
      break;
    }
    int boundary = 0;
    utf8proc_ssize_t space = (utf8proc_ssize_t)(CPS_MAX - count);
    utf8proc_ssize_t k = utf8proc_decompose_char((utf8proc_int32_t)cp, c + count, space, UTF8PROC_DECOMPOSE, &boundary);
    if (k > 0 && k <= space) count += (size_t)k;
    marks++;
  }
  order_marks(c, count);
  utf8proc_ssize_t m = utf8proc_normalize_utf32(c, (utf8proc_ssize_t)count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  char text[CPS_MAX * 4] = "";
  size_t len = 0;
  for (utf8proc_ssize_t k = 0; k < m; k++) len += (size_t)utf8proc_encode_char(c[k], (utf8proc_uint8_t *)text + len);
  if (known && quick == i && len <= sizeof known->to) {
    known->from_len = (uint8_t)(i - start);
    known->to_len = (uint8_t)len;
    memcpy(known->from, s + start, i - start);
    memcpy(known->to, text, len);
  }
  put_cluster(st, start, i, text, len);
}

/* Ð and ð at i. */
static void take_eth(state *st) {
  if (st->eth < 0) st->eth = vietnamese(st->in);
  size_t at = st->i;
  st->i += 2;
  if (!st->eth) return;
  flush(st, at);
  clean_unit(st->out, st->in->s[at + 1] == '\x90' ? "\xC4\x90" : "\xC4\x91", 2, st->in, at, 2);
  st->line_start = 0;
  st->seg = st->i;
}

static void white_at(state *st) {
  flush(st, st->i);
  take_white(st);
}

/* A character beyond ASCII at i that the fast scan does not know. */
static void take_other(state *st) {
  const char *s = st->in->s;
  size_t n = st->in->n, at = st->i, behind = at;
  uint32_t c = vi_next(s, n, &behind);
  if (c == 0xD0 || c == 0xF0) {
    take_eth(st);
  } else if (extends(c) || (at > st->seg && white(c) == W_NOTHING && goes_on(st, at))) {
    size_t start = at;
    if (at > st->seg) vi_prev(s, &start);
    take_cluster(st, start);
  } else if (white(c) != W_NOT && !(joiner(c) && joins(s, at))) {
    white_at(st);
  } else if (decomposes(c)) {
    take_cluster(st, at);
  } else {
    st->i = behind;
  }
}

/* Whether a blank at i is plain: one space between two words, or a line end. */
static int plain_blank(const state *st) {
  const char *s = st->in->s;
  size_t i = st->i;
  if (i + 1 >= st->in->n) return s[i] == '\n';
  unsigned char next = (unsigned char)s[i + 1], before = i > 0 ? (unsigned char)s[i - 1] : '\n';
  if (s[i] == '\n') return 1;
  int starts = i == st->seg ? st->line_start : before == '\n';
  if (starts || next <= ' ' || next == 0x7F) return 0;
  return next < 0x80 || (next != 0xC2 && next != 0xE2 && next != 0xE3 && next != 0xEF);
}

void clean_normal(clean_view *in, clean_buf *out) {
  seen cache[SEEN];
  memset(cache, 0, sizeof cache);
  state st = {in, out, 0, 0, 1, -1, cache};
  const unsigned char *s = (const unsigned char *)in->s;
  while (st.i < in->n && !out->oom) {
    unsigned char b = s[st.i];
    if (b > ' ' && b < 0x7F) {
      st.i++;
    } else if (b == ' ' || b == '\n') {
      if (plain_blank(&st)) {
        st.i++;
      } else {
        white_at(&st);
      }
    } else if (b < 0x80) {
      white_at(&st);
    } else if (b >= 0xC4 && b <= 0xCB) {
      st.i += 2;
    } else if (b == 0xC3 && s[st.i + 1] != 0x90 && s[st.i + 1] != 0xB0) {
      st.i += 2;
    } else if (b == 0xE1 && s[st.i + 1] >= 0xB8 && s[st.i + 1] <= 0xBB) {
      st.i += 3;
    } else {
      take_other(&st);
    }
  }
  flush(&st, in->n);
}
