/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts text into tokens: letters, then what may be joined to them, decides. */
#include "token.h"

#include "vi_text.h"

#define MAX_PARTS 8u

/* A cursor over s[0, n), n the end of the stretch. */
typedef struct scan {
  const char *s;
  size_t n, i;
  const seg_dict *dict;
  const lane_mem *mem;
  lane_vec *out;
  bool space_before;
  bool quote_open; /* a straight " stands open */
} scan;

/* A run of letters and marks. */
typedef struct run {
  size_t start, end;
  uint64_t key;
  uint32_t syllable;
  unsigned letters, uppers;
  bool first_upper, caseless;
} run;

static bool is_apostrophe(uint32_t cp) { return cp == '\'' || cp == 0x2019 || cp == 0x2BC; }

static bool is_alnum(uint32_t cp) { return (vi_entry(cp) & (VI_LETTER | VI_DIGIT)) != 0; }

/* Scripts without spaces: each character is a token. */
static bool is_ideograph(uint32_t cp) {
  return (cp >= 0x2E80 && cp <= 0x9FFF && cp != 0x3000 && !(cp >= 0x3001 && cp <= 0x301F)) ||
         (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x20000 && cp <= 0x3FFFF);
}

/* Reads a run at i; false if there is no letter. The apostrophe of don't and M'Nông is part of it. */
static bool read_run(const scan *sc, size_t i, run *r) {
  vi_fold f = VI_FOLD_INIT;
  memset(r, 0, sizeof(*r));
  r->start = r->end = i;
  while (i < sc->n) {
    size_t next = i;
    uint32_t cp = vi_next(sc->s, sc->n, &next);
    unsigned e = vi_entry(cp);
    if (is_ideograph(cp) && r->letters) break;
    if (!(e & (VI_LETTER | VI_MARK))) {
      bool inside = r->letters && (vi_is_ignorable(cp) || is_apostrophe(cp)) && next < sc->n;
      if (!inside || !vi_is_letter(vi_peek(sc->s, sc->n, next))) break;
      if (is_apostrophe(cp)) f.foreign = true;
      i = next;
      continue;
    }
    if (e & VI_LETTER) {
      if (!r->letters) {
        r->first_upper = (e & VI_UPPER) != 0;
        r->caseless = (e & (VI_UPPER | VI_LOWER)) == 0;
      }
      r->letters++;
      r->uppers += (e & VI_UPPER) != 0;
    } else if (!r->letters) {
      break;
    }
    vi_fold_add(&f, cp, cp == 0xD0 || cp == 0xF0 ? vi_entry(0x111) : e); /* eth is taken for đ */
    i = r->end = next;
    if (is_ideograph(cp)) break;
  }
  r->key = vi_fold_key(&f);
  if (r->letters) r->syllable = seg_dict_syllable(sc->dict, r->key);
  return r->letters > 0;
}

static bool all_upper(const run *r) { return r->uppers == r->letters; }

static int push(scan *sc, size_t start, size_t end, uint32_t kind, unsigned flags) {
  if (sc->out->n == sc->out->cap && lane_vec_reserve(sc->mem, sc->out, sizeof(seg_token), sc->out->n + 1) != 0)
    return -1;
  seg_token *t = (seg_token *)sc->out->items + sc->out->n++;
  if (!sc->space_before) flags |= SEG_T_GLUED;
  *t = (seg_token){0, (uint32_t)start, (uint32_t)end, 0, (uint16_t)flags, kind};
  sc->i = end;
  sc->space_before = false;
  return 0;
}

static unsigned run_flags(const run *r) {
  unsigned flags = r->first_upper ? SEG_T_UPPER : 0;
  if (r->caseless) flags |= SEG_T_CASELESS;
  if (r->letters > 1 && all_upper(r)) flags |= SEG_T_CAPS;
  if (!r->first_upper && r->uppers > 0) flags |= SEG_T_MIXED;
  return flags;
}

static int push_run(scan *sc, const run *r, size_t end, unsigned flags) {
  if (push(sc, r->start, end, SEG_WORD, run_flags(r) | flags) != 0) return -1;
  seg_token *t = (seg_token *)sc->out->items + sc->out->n - 1;
  t->key = r->key;
  t->syllable = (uint16_t)r->syllable;
  return 0;
}

static int push_code(scan *sc, size_t start, size_t end) {
  uint32_t cp = vi_peek(sc->s, sc->n, start);
  return push(sc, start, end, SEG_CODE, vi_is_upper(cp) ? SEG_T_UPPER : 0);
}

/* ---- codes and numbers ------------------------------------------------------------------------------------------- */

/* The end of the letters and digits at i; *ret_upper: at least one, and no small letter. */
static size_t alnum_end(const scan *sc, size_t i, bool *ret_upper) {
  bool upper = false, lower = false;
  while (i < sc->n) {
    size_t next = i;
    uint32_t cp = vi_next(sc->s, sc->n, &next);
    unsigned e = vi_entry(cp);
    bool power = cp == 0xB2 || cp == 0xB3; /* m², m³ */
    if (!(e & (VI_LETTER | VI_DIGIT | VI_MARK)) && !power) break;
    upper = upper || (e & (VI_UPPER | VI_DIGIT));
    lower = lower || (e & VI_LOWER);
    i = next;
  }
  *ret_upper = upper && !lower;
  return i;
}

static bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

/* Goes on over -XX, /XX, &XX where XX is capitals or digits, and over stops between digits: 57-NQ/TW, 27/2024/NĐ-CP,
 * 51F-123.45. */
static size_t code_end(const scan *sc, size_t i) {
  while (i + 1 < sc->n) {
    char c = sc->s[i];
    bool joint = c == '-' || c == '/' || c == '&';
    if (c == '.') joint = i > 0 && is_ascii_digit(sc->s[i - 1]) && is_ascii_digit(sc->s[i + 1]);
    bool upper;
    size_t end = joint ? alnum_end(sc, i + 1, &upper) : i;
    if (end == i || !upper) break;
    i = end;
  }
  return i;
}

/* Length of a separator that may stand between two digits, 0 if there is none. */
static size_t separator(const scan *sc, size_t i) {
  char c = sc->s[i];
  if (c == '.' || c == ',' || c == '/' || c == '-' || c == ':') return 1;
  if (i + 3 < sc->n && memcmp(sc->s + i, "\xE2\x80\x93", 3) == 0) return 3; /* en dash */
  return 0;
}

static size_t percent(const scan *sc, size_t i) {
  if (i < sc->n && sc->s[i] == '%') return 1;
  return i + 2 < sc->n && memcmp(sc->s + i, "\xE2\x80\xB0", 3) == 0 ? 3 : 0;
}

static size_t digits_end(const scan *sc, size_t i) {
  while (i < sc->n) {
    size_t next = i;
    if (!vi_is_digit(vi_next(sc->s, sc->n, &next))) break;
    i = next;
  }
  return i;
}

/* The end of thousands whose stop stands apart (25 . 000), i if there are none. */
static size_t spaced_thousands(const scan *sc, size_t start, size_t i) {
  while (i - start <= 3 && i + 6 <= sc->n && memcmp(sc->s + i, " . ", 3) == 0 && digits_end(sc, i + 3) == i + 6) {
    start = i + 3;
    i += 6;
  }
  return i;
}

/* The end of -Jan, -Feb, … behind a number, as spreadsheets make of 6-1; i if there is none. */
static size_t month_end(const scan *sc, size_t i) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (i + 4 > sc->n || sc->s[i] != '-' || is_alnum(vi_peek(sc->s, sc->n, i + 4))) return i;
  for (size_t k = 0; k < 12; k++) {
    if (memcmp(sc->s + i + 1, months + 3 * k, 3) == 0) return i + 4;
  }
  return i;
}

static int number(scan *sc) {
  size_t start = sc->i, i = digits_end(sc, start);
  i = spaced_thousands(sc, start, i);
  for (;;) {
    i += percent(sc, i);
    size_t sep = i < sc->n ? separator(sc, i) : 0;
    if (!sep || i + sep >= sc->n || !vi_is_digit(vi_peek(sc->s, sc->n, i + sep))) break;
    i = digits_end(sc, i + sep);
  }
  bool upper;
  size_t end = month_end(sc, i);
  if (end == i) end = alnum_end(sc, i, &upper); /* 5G, 11h30, 50km, 30m² */
  end = code_end(sc, end);
  return end > i ? push_code(sc, start, end) : push(sc, start, i, SEG_NUMBER, 0);
}

/* ---- words and what is joined to them -----------------------------------------------------------------------------
 */

/* Whether the syllable before or behind belongs to the hyphened parts' first or last one: văn hóa-công nghệ. */
static bool has_neighbour(const scan *sc, uint32_t first, uint32_t last, size_t end) {
  const seg_token *t = sc->out->n ? (const seg_token *)sc->out->items + sc->out->n - 1 : NULL;
  uint32_t node = t && t->syllable && sc->space_before ? seg_dict_step(sc->dict, 0, t->syllable) : 0;
  node = node ? seg_dict_step(sc->dict, node, first) : 0;
  if (node && (seg_dict_flags(sc->dict, node) & SEG_DICT_WORD)) return true;
  run r;
  if (end + 1 >= sc->n || sc->s[end] != ' ' || !read_run(sc, end + 1, &r) || !r.syllable) return false;
  node = seg_dict_step(sc->dict, 0, last);
  node = node ? seg_dict_step(sc->dict, node, r.syllable) : 0;
  return node && (seg_dict_flags(sc->dict, node) & SEG_DICT_WORD);
}

/* The end of parts joined by hyphens that are one word: a dictionary word (cà-rem), or a foreign name (Mát-xcơ-va). The
 * hyphen between Vietnamese words (kinh tế-xã hội, Huế-thành phố) joins nothing. */
static size_t hyphen_end(const scan *sc, const run *first) {
  uint32_t node = first->syllable ? seg_dict_step(sc->dict, 0, first->syllable) : 0;
  size_t end = first->end;
  unsigned parts = 1, unknown = first->syllable == 0, titles = 0;
  bool caps = first->letters > 1 && all_upper(first);
  run r = *first;
  while (parts < MAX_PARTS && end + 1 < sc->n && sc->s[end] == '-' && read_run(sc, end + 1, &r)) {
    node = node && r.syllable ? seg_dict_step(sc->dict, node, r.syllable) : 0;
    unknown += r.syllable == 0;
    titles += r.first_upper;
    caps = caps || (r.letters > 1 && all_upper(&r));
    end = r.end;
    parts++;
  }
  if (parts == 1) return first->end;
  if (node && (seg_dict_flags(sc->dict, node) & SEG_DICT_WORD)) {
    return has_neighbour(sc, first->syllable, r.syllable, end) ? first->end : end;
  }
  if (unknown == parts) return end; /* Jean-Paul, VN-Index */
  return caps || unknown == 0 || titles > 0 ? first->end : end;
}

/* The end of units and codes with a slash: km/h, NQ/TW, TW/HĐND. */
static size_t slash_end(const scan *sc, const run *first) {
  run r;
  if (first->end + 1 >= sc->n || !read_run(sc, first->end + 1, &r)) return first->end;
  bool unit = !first->syllable && !r.syllable && first->letters <= 3 && r.letters <= 3;
  return unit ? r.end : first->end;
}

/* A run of letters with stops between them, as far as it has been read. */
typedef struct dotted {
  size_t end;
  unsigned known; /* SEG_T_… of it as an abbreviation */
  bool initials;  /* single letters only */
} abbreviated;

/* Whether the letters r behind the next stop belong to it: TP.HCM, T.Ư, v.v, Ph.D. */
static bool joins(const scan *sc, const run *first, const abbreviated *d, const run *r) {
  if (seg_abbreviation(sc->s + first->start, r->end - first->start)) return true;
  if (!all_upper(r) || !all_upper(first) || r->letters > 5) return false;
  return d->known || d->initials || r->letters == 1;
}

/* The end of the token, with its last stop if it is an abbreviation; 0 if it is the plain word `first`. */
static size_t close_dotted(const scan *sc, const run *first, const abbreviated *d, unsigned *ret_flags) {
  bool stop = d->end < sc->n && sc->s[d->end] == '.';
  bool dots = stop && d->end + 1 < sc->n && sc->s[d->end + 1] == '.'; /* an ellipsis */
  if (stop && !dots && (d->known || (d->initials && all_upper(first)))) {
    *ret_flags = d->known ? d->known : SEG_T_INITIAL;
    return d->end + 1;
  }
  return d->end > first->end ? d->end : 0;
}

/* Whether the one small letter is a consonant that stands for a name or a word (q.1; h. hút thuốc) and no unit. */
static bool small_initial(const scan *sc, const run *r) {
  if (r->end - r->start != 1 || !strchr("bcdghklmnpqrstvx", sc->s[r->start])) return false;
  const seg_token *t = sc->out->n ? (const seg_token *)sc->out->items + sc->out->n - 1 : NULL;
  if (t && t->kind == SEG_NUMBER) return false;
  size_t i = r->end + 1;
  if (i < sc->n && is_ascii_digit(sc->s[i])) return true;
  if (i >= sc->n || sc->s[i] != ' ') return false;
  uint32_t cp = vi_peek(sc->s, sc->n, i + 1);
  return vi_is_lower(cp) || vi_is_digit(cp);
}

/* After letters with a stop: the end of TP.HCM, T.Ư, N.V.A., U.S., Q.1, v.v. and of plain abbreviations; 0 if the stop
 * ends the word. *ret_flags: of the abbreviation. */
static size_t dotted_end(const scan *sc, const run *first, unsigned *ret_flags) {
  abbreviated d = {first->end, seg_abbreviation(sc->s + first->start, first->end - first->start), first->letters == 1};
  run r;
  /* A letter with a tone is a word: châu Á. */
  if (vi_key_tone(first->key)) d.initials = false;
  bool small = d.initials && !first->first_upper && small_initial(sc, first);
  *ret_flags = 0;
  while (d.end + 1 < sc->n && sc->s[d.end] == '.') {
    bool digit = vi_is_digit(vi_peek(sc->s, sc->n, d.end + 1));
    bool upper;
    if (digit && (all_upper(first) || small) && (d.known || d.initials))
      return alnum_end(sc, d.end + 1, &upper); /* Q.1, QL.1A */
    if (!read_run(sc, d.end + 1, &r) || !joins(sc, first, &d, &r)) break;
    unsigned part = seg_abbreviation(sc->s + r.start, r.end - r.start), both = d.known & part; /* GS.TSKH. */
    d.initials = d.initials && r.letters == 1;
    d.known = seg_abbreviation(sc->s + first->start, r.end - first->start);
    if (!d.known) d.known = both;
    d.end = r.end;
  }
  if (small && d.end == first->end) {
    *ret_flags = SEG_T_INITIAL;
    return first->end + 1;
  }
  return close_dotted(sc, first, &d, ret_flags);
}

/* The end of letters with digits behind them: A380, QH15, COVID-19. Vietnamese words keep out (ngày20). */
static size_t mixed_end(const scan *sc, const run *first) {
  size_t i = first->end;
  bool dash = sc->s[i] == '-';
  if (!vi_is_digit(vi_peek(sc->s, sc->n, i + (dash ? 1 : 0)))) return first->end;
  if (first->syllable && !all_upper(first) && first->letters > 1) return first->end;
  bool upper;
  return code_end(sc, alnum_end(sc, i + (dash ? 1 : 0), &upper));
}

/* A word before a stop: báo cáo.docx is a file name, anything else the end of a sentence. */
static int push_named(scan *sc, const run *r) {
  size_t end = r->end + 1;
  while (end < sc->n && ((sc->s[end] >= 'a' && sc->s[end] <= 'z') || is_ascii_digit(sc->s[end]))) end++;
  bool name = end - r->end > 2 && end - r->end < 8 && seg_is_suffix(sc->s + r->end + 1, end - r->end - 1);
  if (name && !is_alnum(vi_peek(sc->s, sc->n, end))) return push_code(sc, r->start, end);
  return push_run(sc, r, r->end, 0);
}

static int word(scan *sc) {
  run r;
  if (!read_run(sc, sc->i, &r)) return push(sc, sc->i, sc->i + 1, SEG_PUNCT, 0);
  if (r.end >= sc->n) return push_run(sc, &r, r.end, 0);
  char c = sc->s[r.end];
  unsigned flags = 0;
  size_t end = r.end;
  if (c == '.') {
    end = dotted_end(sc, &r, &flags);
    if (end == 0) return push_named(sc, &r);
    if (flags) return push_run(sc, &r, end, flags);
    return push_code(sc, r.start, code_end(sc, end));
  }
  if ((c == '-' || c == '/' || c == '&') && all_upper(&r)) end = code_end(sc, r.end);
  if (end == r.end && (c == '-' || (c >= '0' && c <= '9'))) end = mixed_end(sc, &r);
  if (end == r.end && c == '-') end = hyphen_end(sc, &r);
  if (end == r.end && c == '/') end = slash_end(sc, &r);
  if (end == r.end) return push_run(sc, &r, end, 0);
  return push_code(sc, r.start, end);
}

/* ---- punctuation ---------------------------------------------------------------------------------------------------
 */

/* Full stops, and marks of questions and exclamations, of the scripts that have their own. */
static bool is_stop(uint32_t cp) {
  if (cp < 0x250) return cp == '.' || cp == '!' || cp == '?';
  static const uint16_t stops[] = {0x61F,  0x6D4,  0x964,  0x965,  0x104A, 0x104B, 0x1362, 0x17D4, 0x2026,
                                   0x203C, 0x2047, 0x2048, 0x2049, 0x3002, 0xFF01, 0xFF0E, 0xFF1F, 0xFF61};
  for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
    if (cp == stops[i]) return true;
  }
  return false;
}

/* In text whose stops stand apart (TP . HCM): the stop at i belongs to what is before and behind it. */
static bool is_spaced_joint(const scan *sc, size_t i) {
  static const char *const titles[] = {"TP", "Tp", "tp", "TS", "GS", "PGS", "ThS"};
  if (!sc->space_before || sc->out->n == 0 || i + 2 >= sc->n || sc->s[i] != '.' || sc->s[i + 1] != ' ') return false;
  const seg_token *t = (const seg_token *)sc->out->items + sc->out->n - 1;
  size_t len = t->end - t->start, next = i + 2;
  for (size_t k = 0; t->kind == SEG_WORD && k < sizeof(titles) / sizeof(titles[0]); k++) {
    if (strlen(titles[k]) == len && memcmp(titles[k], sc->s + t->start, len) == 0)
      return vi_is_letter(vi_peek(sc->s, sc->n, next));
  }
  return false;
}

/* A run of stops: . ... … ?! and so on. */
static int stop_run(scan *sc) {
  size_t i = sc->i, dots = 0;
  bool other = false, dotted = false;
  if (is_spaced_joint(sc, i)) return push(sc, i, i + 1, SEG_PUNCT, 0);
  while (i < sc->n) {
    size_t next = i;
    uint32_t cp = vi_next(sc->s, sc->n, &next);
    if (!is_stop(cp)) break;
    dots += cp == '.';
    dotted = dotted || cp == 0x2026;
    other = other || (cp != '.' && cp != 0x2026);
    i = next;
  }
  bool ellipsis = !other && (dotted || dots > 1);
  return push(sc, sc->i, i, SEG_PUNCT, SEG_T_STOP | (ellipsis ? SEG_T_DOTS : 0u));
}

/* How far the next quotation mark is looked for, bytes. */
#define QUOTE_AHEAD 400u

/* Whether a straight quotation mark behind a stop, with white space at either side, opens: it does if the next one
 * closes, and that one does if a dash, a comma or a stop is behind it, or a small letter. */
static bool opens_behind_stop(const scan *sc, size_t from) {
  size_t room = sc->n - from;
  const char *quote = memchr(sc->s + from, '"', room < QUOTE_AHEAD ? room : QUOTE_AHEAD);
  if (!quote) return !sc->quote_open;
  size_t i = (size_t)(quote - sc->s) + 1;
  while (i < sc->n && sc->s[i] == ' ') i++;
  uint32_t cp = vi_peek(sc->s, sc->n, i);
  return cp == 0 || cp == '"' ? false : vi_is_punct(cp) || vi_is_lower(cp);
}

/* A straight quotation mark opens or closes by its neighbours, and by what stands open where they do not tell. */
static unsigned straight_quote(scan *sc, size_t next) {
  uint32_t after = vi_peek(sc->s, sc->n, next);
  bool room_before = sc->space_before || sc->out->n == 0, room_after = next >= sc->n || vi_is_space(after);
  bool behind_stop = false;
  if (sc->out->n) {
    const seg_token *t = (const seg_token *)sc->out->items + sc->out->n - 1;
    behind_stop = (t->flags & SEG_T_STOP) != 0;
    if (!room_before) room_before = t->end != sc->i || (t->flags & SEG_T_OPEN) != 0;
  }
  if (!room_after) room_after = vi_is_punct(after) && !is_apostrophe(after) && after != '(' && after != 0x201C;
  bool opens = room_before != room_after ? room_before : !sc->quote_open;
  if (room_before && room_after && behind_stop && next < sc->n) opens = opens_behind_stop(sc, next);
  sc->quote_open = opens;
  return SEG_T_QUOTE | (opens ? SEG_T_OPEN : SEG_T_CLOSE);
}

static unsigned punct_flags(scan *sc, uint32_t cp, size_t next) {
  switch (cp) {
  case '"':
    return straight_quote(sc, next);
  case 0x201C: /* “ */
  case 0x2018: /* ‘ */
  case 0xAB:   /* « */
  case 0x300C:
    return SEG_T_OPEN | SEG_T_QUOTE;
  case 0x201D: /* ” */
  case 0x2019: /* ’ */
  case 0xBB:   /* » */
  case 0x300D:
    return SEG_T_CLOSE | SEG_T_QUOTE;
  case '(':
  case '[':
  case '{':
    return SEG_T_OPEN;
  case ')':
  case ']':
  case '}':
    return SEG_T_CLOSE;
  case '-':
  case '*':
  case '+':
  case 0x2013:
  case 0x2014:
  case 0x2022:
  case 0x2212:
    return SEG_T_DASH;
  case ':':
    return SEG_T_COLON;
  default:
    return 0;
  }
}

/* One punctuation mark, or a run of the same (---, ***); other signs with what joins them (emoji). */
static int punctuation(scan *sc) {
  size_t i = sc->i;
  uint32_t cp = vi_next(sc->s, sc->n, &i);
  if (is_stop(cp)) return stop_run(sc);
  unsigned flags = punct_flags(sc, cp, i);
  if (!(flags & (SEG_T_OPEN | SEG_T_CLOSE))) {
    size_t next = i;
    while (i < sc->n) {
      uint32_t c = vi_next(sc->s, sc->n, &next);
      bool more = c == cp || c == 0x200D || c == 0xFE0F || (vi_is_mark(c) && cp > 0x7F);
      if (!more) break;
      i = next;
    }
  }
  return push(sc, sc->i, i, SEG_PUNCT, flags);
}

/* Addresses stand behind white space, an opening quote or bracket, a colon or a stop. */
static bool may_begin_address(const scan *sc, uint32_t cp) {
  if (!is_alnum(cp)) return false;
  if (sc->space_before || sc->out->n == 0) return true;
  const seg_token *t = (const seg_token *)sc->out->items + sc->out->n - 1;
  return (t->flags & (SEG_T_OPEN | SEG_T_COLON | SEG_T_STOP)) != 0;
}

int seg_tokenize(lane_vec *out, const lane_mem *mem, const seg_dict *dict, const char *s, size_t start, size_t end) {
  scan sc = {s, end, start, dict, mem, out, true, false};
  while (sc.i < sc.n) {
    size_t next = sc.i;
    uint32_t cp = vi_next(s, sc.n, &next);
    unsigned e = vi_entry(cp);
    if ((e & VI_SPACE) || vi_is_ignorable(cp)) {
      sc.space_before = sc.space_before || (e & VI_SPACE);
      sc.i = next;
      continue;
    }
    int rc;
    size_t address = cp < 0x80 && may_begin_address(&sc, cp) ? seg_address_end(s, sc.n, sc.i) : sc.i;
    if (address > sc.i) {
      rc = push_code(&sc, sc.i, address);
    } else if (e & VI_DIGIT) {
      rc = number(&sc);
    } else if (e & VI_LETTER) {
      rc = word(&sc);
    } else {
      rc = punctuation(&sc);
    }
    if (rc != 0) return rc;
  }
  return 0;
}
