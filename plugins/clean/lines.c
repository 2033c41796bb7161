/* SPDX-License-Identifier: Apache-2.0 */
/* What each line is: see lines.h. */
#include "lines.h"

#include <stdlib.h>
#include <strings.h>

#define SHORT_BYTES 700 /* longer lines are paragraphs */
#define HEAD_BYTES 120  /* a line's beginning, in which phrases are looked for */
#define TAIL_BYTES 160  /* its end, in which a caption's marker stands */
#define BARE_BYTES 300  /* a caption without marker is shorter */
#define TITLE_BYTES 300
#define TITLE_WORDS 34
#define LEAD_WORDS 90
#define TAIL_LINES 16 /* lines from the end in which credits are looked for */
#define SAME_BYTES 40 /* shorter lines may be repeated */
#define NONE SIZE_MAX

const char *clean_kind_name(unsigned kind) {
  static const char *const names[] = {"body",    "blank",  "title",  "lead", "heading",   "date",   "image",  "caption",
                                      "related", "byline", "credit", "site", "duplicate", "prefix", "invalid"};
  return kind < sizeof names / sizeof *names ? names[kind] : "other";
}

int clean_lines_cut(clean_lines *ls, const char *s, size_t n, const uint8_t *hints, size_t n_hints) {
  ls->n = 0;
  ls->has_when = 0;
  ls->n_authors = 0;
  ls->title = ls->lead = NONE;
  for (size_t i = 0; i < n;) {
    const char *nl = memchr(s + i, '\n', n - i);
    size_t end = nl ? (size_t)(nl - s) : n;
    void *p = ls->items;
    if (clean_grow(ls->mem, &p, &ls->cap, ls->n, ls->n + 1, sizeof(clean_line))) return SL_ENOMEM;
    ls->items = p;
    uint8_t hint = ls->n < n_hints ? hints[ls->n] : CLEAN_K_BODY;
    ls->items[ls->n++] = (clean_line){i, i, i, end, end == i ? CLEAN_K_BLANK : CLEAN_K_BODY, hint};
    i = end + 1;
  }
  return SL_OK;
}

uint32_t clean_last_char(const char *s, size_t n) {
  while (n > 0) {
    uint32_t c = vi_prev(s, &n);
    if (c != '"' && c != '\'' && c != 0x201D && c != 0x2019 && c != ')' && c != ']' && c != 0xBB && c != ' ') return c;
  }
  return 0;
}

int clean_ends_sentence(const char *s, size_t n) {
  uint32_t c = clean_last_char(s, n);
  return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == ':' || c == ';';
}

size_t clean_sentences(const char *s, size_t n) {
  size_t count = 1;
  for (size_t i = 0; i + 2 < n; i++) {
    if ((s[i] == '.' || s[i] == '!' || s[i] == '?') && s[i + 1] == ' ' && vi_is_upper(vi_peek(s, n, i + 2))) count++;
  }
  return count;
}

/* ---- one line -------------------------------------------------------------------------------------------------------
 */

typedef struct job {
  clean_lines *ls;
  const char *s;
  const clean_lexicon *lex;
  const clean_rules *rules;
  clean_line_words words; /* of the line that was cut last */
} job;

static const char *text_of(const job *j, size_t i, size_t *ret_n) {
  const clean_line *l = &j->ls->items[i];
  *ret_n = l->end - l->start;
  return j->s + l->start;
}

static int is_kept(const clean_line *l) { return l->kind < CLEAN_K_DATE && l->kind != CLEAN_K_BLANK; }

static size_t next_kept(const clean_lines *ls, size_t i) {
  while (i < ls->n && !is_kept(&ls->items[i])) i++;
  return i;
}

/* Cuts line i into words if it is short enough to be anything but a paragraph. */
static int cut_short(job *j, size_t i) {
  size_t n;
  const char *s = text_of(j, i, &n);
  if (n == 0 || n > SHORT_BYTES) return 0;
  clean_cut_words(s, n, &j->words);
  return 1;
}

static int is_image_name(const char *s, size_t n) {
  static const char *const ends[] = {".jpg",  ".jpeg", ".png", ".gif",  ".webp", ".bmp", ".tif",
                                     ".tiff", ".heic", ".svg", ".avif", ".mp4",  ".jfif"};
  if (n > 200) return 0;
  for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
    size_t m = strlen(ends[k]);
    if (n > m && strncasecmp(s + n - m, ends[k], m) == 0) return memmem(s, n, ". ", 2) == NULL;
  }
  return 0;
}

/* ">> Other article", "» …", "▶ …" */
static int has_link_mark(const char *s, size_t n) {
  if (n >= 2 && s[0] == '>' && s[1] == '>') return 1;
  uint32_t c = n ? vi_peek(s, n, 0) : 0;
  /* »Speech« of Danes and Germans begins like a pointer, but its words follow at once, and it is closed or a sentence.
   */
  if (c == 0xBB && n > 2 && s[2] != ' ' && (memmem(s, n, "\xC2\xAB", 2) || clean_ends_sentence(s, n))) return 0;
  return c == 0xBB || c == 0x25BA || c == 0x25B6 || c == 0x27A4 || c == 0x25B8 || c == 0x1F449;
}

static uint32_t behind_words(const char *s, size_t n, const clean_line_words *l, size_t k) {
  for (size_t i = l->w[k - 1].end; i < n;) {
    uint32_t c = vi_next(s, n, &i);
    if (!vi_is_space(c)) return c;
  }
  return 0;
}

/* The whole line is phrases of the kind, perhaps with a count: "Ý kiến (12)", "Chia sẻ Facebook". */
static int is_phrase(const job *j, uint32_t tags) {
  const clean_line_words *l = &j->words;
  size_t k = 0, found = 0, m;
  while (k < l->n && l->w[k].digits && !l->w[k].letters) k++;
  do {
    m = clean_match(j->lex, l, k, tags, NULL);
    found += m;
    k += m;
    while (k < l->n && l->w[k].digits && !l->w[k].letters) k++;
  } while (m && k < l->n);
  return found && k == l->n && !l->more;
}

static int is_link_line(const job *j, const char *s, size_t n) {
  size_t k = clean_match(j->lex, &j->words, 0, CLEAN_L_LINK, NULL);
  return k && j->words.n > k && behind_words(s, n, &j->words, k) == ':';
}

static int is_site_line(const job *j, const char *s, size_t n, int at_edge) {
  if (is_phrase(j, CLEAN_L_SITE)) return 1;
  size_t k = clean_match(j->lex, &j->words, 0, CLEAN_L_SITE_START, NULL);
  if (!k) return 0;
  if (behind_words(s, n, &j->words, k) == ':') return j->words.n <= 30;
  return at_edge && j->words.n <= 12 && clean_last_char(s, n) != '.';
}

/* A line that could be the headline of another article. */
static int reads_like_title(const job *j, const char *s, size_t n) {
  uint32_t c = clean_last_char(s, n);
  return n <= TITLE_BYTES && j->words.n <= TITLE_WORDS && !j->words.more && c != '.' && c != ':' && c != ';' &&
         c != ',';
}

/* ---- top: date, title, lead
 * ------------------------------------------------------------------------------------------ */

static void set_when(clean_lines *ls, const clean_when *w) {
  if (ls->has_when && (ls->when.hour >= 0 || w->hour < 0)) return;
  ls->when = *w;
  ls->has_when = 1;
}

/* A date that is glued to the first line of the text: " date 2025-08-21 Ngày …", "21/08/2025 10:30 Title". */
static void take_glued_date(job *j, clean_line *l, size_t seen) {
  size_t n = l->end - l->begin;
  clean_when w;
  size_t k = clean_when_read(j->s + l->begin, n, &w);
  if (!k || k >= n) return;
  int marked = n > 5 && strncasecmp(j->s + l->begin, "date ", 5) == 0;
  if (!(marked && seen == 0) && w.hour < 0) return;
  while (k < n && (j->s[l->begin + k] == ' ' || j->s[l->begin + k] == '|')) k++;
  set_when(j->ls, &w);
  if (j->rules->dates) l->mid = l->start = l->begin + k;
}

static void take_dates(job *j) {
  size_t seen = 0;
  for (size_t i = 0; i < j->ls->n; i++) {
    clean_line *l = &j->ls->items[i];
    size_t n = l->end - l->start;
    if (l->kind == CLEAN_K_BLANK) continue;
    if (l->hint == CLEAN_K_BODY || l->hint == CLEAN_K_DATE) {
      clean_when w;
      size_t k = n <= 120 ? clean_when_read(j->s + l->start, n, &w) : 0;
      if (k == n && (seen < 6 || w.hour >= 0 || w.weekday)) {
        set_when(j->ls, &w);
        if (j->rules->dates) l->kind = CLEAN_K_DATE;
        continue;
      }
      if (seen < 3) take_glued_date(j, l, seen);
    }
    seen++;
  }
}

/* Length of "(Dân trí)", "(VOV5)" at the start of s; not of "(Kỳ 2)", nor of anything long. */
static size_t bracket_len(const char *s, size_t n) {
  const char *close = s[0] == '(' ? memchr(s, ')', n < 64 ? n : 64) : NULL;
  size_t i = close ? (size_t)(close - s) + 1 : 0;
  if (i > 34 || i < 4) return 0;
  int spaced = memchr(s, ' ', i) != NULL;
  for (size_t k = 1; k < i; k++) {
    if (s[k] >= '0' && s[k] <= '9' && (spaced || k == 1)) return 0;
  }
  return i;
}

/* Length of "(Dân trí) - ", "TTO - " and the like at the start of s. */
static size_t prefix_len(const job *j, const char *s, size_t n) {
  size_t at = bracket_len(s, n);
  if (at == 0) {
    size_t k = s[0] == '(' ? 0 : clean_match(j->lex, &j->words, 0, CLEAN_L_AGENCY, NULL);
    if (!k || !j->words.w[0].first_upper) return 0;
    at = j->words.w[k - 1].end;
  }
  while (at < n && s[at] == ' ') at++;
  uint32_t c = at < n ? vi_next(s, n, &at) : 0;
  if (c != '-' && c != 0x2013 && c != 0x2014) return 0;
  while (at < n && s[at] == ' ') at++;
  return at < n ? at : 0;
}

/* Agency marks stand on the lead or on one of the first paragraphs. Returns the line that has one, or NONE. */
static size_t take_prefix(job *j) {
  size_t i = next_kept(j->ls, 0);
  for (unsigned k = 0; k < 3 && i < j->ls->n; k++, i = next_kept(j->ls, i + 1)) {
    clean_line *l = &j->ls->items[i];
    size_t n = l->end - l->start;
    if (n == 0) continue;
    size_t head = n < 200 ? n : 200;
    clean_cut_words(j->s + l->start, head, &j->words);
    size_t p = prefix_len(j, j->s + l->start, n);
    if (!p) continue;
    if (j->rules->prefixes) l->start += p;
    return i;
  }
  return NONE;
}

static int begins_with_time(job *j, size_t i) {
  size_t n;
  const char *s = text_of(j, i, &n);
  clean_cut_words(s, n < 200 ? n : 200, &j->words);
  return clean_match(j->lex, &j->words, 0, CLEAN_L_TIME, NULL) > 0;
}

static size_t count_words(const char *s, size_t n) {
  size_t count = 0, i = 0;
  vi_word w;
  while (count <= LEAD_WORDS && vi_next_word(s, n, &i, &w)) count++;
  return count;
}

static int is_title(job *j, size_t i) {
  size_t n, m;
  const char *s = text_of(j, i, &n);
  if (!cut_short(j, i) || n > TITLE_BYTES || j->words.n < 3 || !reads_like_title(j, s, n)) return 0;
  if (clean_last_char(s, n) == 0x2026) return 0;
  size_t next = next_kept(j->ls, i + 1);
  for (unsigned k = 0; k < 3 && next < j->ls->n; k++, next = next_kept(j->ls, next + 1)) {
    const char *t = text_of(j, next, &m);
    if (m > n / 2 && clean_ends_sentence(t, m)) return 1;
  }
  return 0;
}

static int is_lead(job *j, size_t i, int has_title, int has_prefix) {
  size_t n, words;
  const char *s = text_of(j, i, &n);
  size_t next = next_kept(j->ls, i + 1);
  if (next >= j->ls->n || n > 4096) return 0;
  words = count_words(s, n);
  if (words < 8 || words > LEAD_WORDS || clean_sentences(s, n) > 4) return 0;
  if (has_prefix) return 1;
  if (has_title) return n > 60 && (words <= 45 || !begins_with_time(j, i));
  return !begins_with_time(j, i) && begins_with_time(j, next) && clean_sentences(s, n) <= 2;
}

static void take_top(job *j) {
  clean_lines *ls = j->ls;
  size_t marked = take_prefix(j), i = next_kept(ls, 0);
  for (size_t k = 0; k < ls->n && k < 64; k++) {
    if (ls->items[k].hint == CLEAN_K_TITLE && ls->title == NONE) ls->title = k;
    if (ls->items[k].hint == CLEAN_K_LEAD && ls->lead == NONE) ls->lead = k;
  }
  int hinted = ls->title != NONE || ls->lead != NONE;
  if (i < ls->n && !hinted && j->rules->title && marked != i && is_title(j, i)) ls->title = i;
  if (ls->title != NONE) {
    ls->items[ls->title].kind = CLEAN_K_TITLE;
    i = next_kept(ls, ls->title + 1);
  }
  if (i < ls->n && ls->lead == NONE && !hinted && j->rules->lead && is_lead(j, i, ls->title != NONE, marked == i))
    ls->lead = i;
  if (ls->lead != NONE) ls->items[ls->lead].kind = CLEAN_K_LEAD;
}

/* ---- what stands between and behind the paragraphs
 * ------------------------------------------------------------------- */

static void take_images(job *j) {
  for (size_t i = 0; i < j->ls->n; i++) {
    clean_line *l = &j->ls->items[i];
    if (l->kind != CLEAN_K_BODY || !is_image_name(j->s + l->start, l->end - l->start)) continue;
    if (j->rules->images) l->kind = CLEAN_K_IMAGE;
    if (i + 1 >= j->ls->n || !j->rules->captions) continue;
    clean_line *below = &j->ls->items[i + 1];
    if (below->kind == CLEAN_K_BODY && cut_short(j, i + 1) && !j->words.more &&
        !is_image_name(j->s + below->start, below->end - below->start)) {
      below->kind = CLEAN_K_CAPTION;
    }
  }
}

/* Cuts the beginning of line i into words, if a phrase with one of the tags may stand there. */
static int cut_head(job *j, size_t i, uint32_t tags) {
  size_t n, k = 0;
  const char *s = text_of(j, i, &n);
  size_t head = n < HEAD_BYTES ? n : HEAD_BYTES;
  vi_word first;
  if (!vi_next_word(s, head, &k, &first)) return 0;
  if (first.letters && !clean_starts(j->lex, first.key, tags)) return 0;
  while (head < n && ((unsigned char)s[head] & 0xC0) == 0x80) head++;
  clean_cut_words(s, head, &j->words);
  j->words.more |= head < n;
  return 1;
}

static void take_related(job *j) {
  int in_list = 0;
  for (size_t i = 0; i < j->ls->n; i++) {
    clean_line *l = &j->ls->items[i];
    if (l->kind == CLEAN_K_BLANK) continue;
    if (l->kind != CLEAN_K_BODY) {
      if (l->kind < CLEAN_K_DATE) in_list = 0;
      continue;
    }
    size_t n;
    const char *s = text_of(j, i, &n);
    if (n > TITLE_BYTES && !has_link_mark(s, n)) {
      in_list = 0;
      continue;
    }
    int found = cut_head(j, i, CLEAN_L_RELATED | CLEAN_L_LINK);
    int link = (found && is_link_line(j, s, n)) || has_link_mark(s, n), head = found && is_phrase(j, CLEAN_L_RELATED);
    in_list = head || (in_list && n <= TITLE_BYTES && cut_short(j, i) && reads_like_title(j, s, n));
    if (in_list || link) l->kind = CLEAN_K_RELATED;
  }
}

static void take_site(job *j) {
  for (size_t i = 0; i < j->ls->n; i++) {
    clean_line *l = &j->ls->items[i];
    size_t n;
    const char *s = text_of(j, i, &n);
    if (l->kind != CLEAN_K_BODY || n > TITLE_BYTES) continue;
    if (!cut_head(j, i, CLEAN_L_SITE | CLEAN_L_SITE_START)) continue;
    if (is_site_line(j, s, n, i + TAIL_LINES >= j->ls->n)) l->kind = CLEAN_K_SITE;
  }
}

/* A glance at the bytes of a line's end: "Ảnh", "ảnh", a colon, "minh họa". */
static int may_be_marked(const char *s, size_t n) {
  return memchr(s, ':', n) || memmem(s, n, "\xE1\xBA\xA2", 3) || memmem(s, n, "\xE1\xBA\xA3", 3) ||
         memmem(s, n, "minh h", 6);
}

static void take_marked_captions(job *j) {
  for (size_t i = 0; i < j->ls->n; i++) {
    clean_line *l = &j->ls->items[i];
    size_t n;
    const char *s = text_of(j, i, &n);
    if (l->kind != CLEAN_K_BODY || n == 0 || n > SHORT_BYTES) continue;
    size_t from = n > TAIL_BYTES ? n - TAIL_BYTES : 0;
    while (from > 0 && from < n && s[from] != ' ') from++;
    if (!may_be_marked(s + from, n - from)) continue;
    clean_cut_words_from(s, n, from, &j->words);
    if (clean_caption_marked(j->lex, s, n, &j->words)) l->kind = CLEAN_K_CAPTION;
  }
}

static int is_word(const char *s, const vi_word *w, const char *word) {
  size_t n = strlen(word);
  return w->end - w->start == n && strncasecmp(s + w->start, word, n) == 0;
}

/* Names only: "Phương Nhi", "Văn Toàn - Thu Hà", "TUYẾN PHAN", "N.V.A.". */
static int is_names(const char *s, size_t n, const clean_line_words *l, size_t from) {
  size_t words = l->n - from;
  if (l->more || words == 0 || words > 10 || n > 120) return 0;
  for (size_t i = from; i < l->n; i++) {
    const vi_word *w = &l->w[i];
    int joins = i > from && is_word(s, w, "và");
    if ((!w->first_upper && !joins) || w->digits) return 0;
  }
  uint32_t last = clean_last_char(s, n);
  if (last == '.' && l->w[l->n - 1].letters > 2) return 0;
  return last != ':' && last != '?' && last != '!' && last != 0x2026;
}

static void add_author(clean_lines *ls, const char *s, size_t start, size_t end) {
  while (start < end && (s[start] == ' ' || s[start] == '(' || s[start] == ',')) start++;
  while (end > start && (s[end - 1] == ' ' || s[end - 1] == ')' || s[end - 1] == ',')) end--;
  if (end - start < 3 || ls->n_authors == CLEAN_AUTHORS_MAX) return;
  for (size_t k = 0; k < ls->n_authors; k++) {
    size_t len = ls->authors[k].end - ls->authors[k].start;
    if (len == end - start && memcmp(s + ls->authors[k].start, s + start, len) == 0) return;
  }
  ls->authors[ls->n_authors].start = start;
  ls->authors[ls->n_authors++].end = end;
}

/* Cuts [start, end) at " - ", commas, "&", "và" and the like. */
static void add_authors(clean_lines *ls, const char *s, size_t start, size_t end) {
  static const char *const cuts[] = {" - ", " – ", " — ", ",", ";", "&", "/", " và ", "|", "("};
  size_t from = start;
  for (size_t i = start; i < end;) {
    size_t k = 0, len = 0;
    for (; k < sizeof cuts / sizeof *cuts; k++) {
      len = strlen(cuts[k]);
      if (end - i >= len && memcmp(s + i, cuts[k], len) == 0) break;
    }
    if (k == sizeof cuts / sizeof *cuts) {
      i++;
      continue;
    }
    add_author(ls, s, from, i);
    from = i += len;
    if (cuts[k][0] == '(' || cuts[k][0] == '/') return; /* the agency follows */
  }
  add_author(ls, s, from, end);
}

/* A line that begins with the k words of a credit phrase: "Bài và ảnh: Quốc Hưng", "Theo TTXVN", "(Nguồn: …)". */
static uint8_t phrase_credit(job *j, size_t i, size_t k) {
  size_t n, start = j->ls->items[i].start;
  const char *s = text_of(j, i, &n);
  const clean_line_words *l = &j->words;
  if (k == l->n) return CLEAN_K_BYLINE;
  int colon = behind_words(s, n, l, k) == ':';
  if (l->n - k > 10 || l->more) return CLEAN_K_BODY;
  if (is_word(s, &l->w[0], "theo")) {
    int site = l->n - k <= 3 && memchr(s + l->w[k].start, ' ', n - l->w[k].start) == NULL; /* "Theo baochinhphu.vn" */
    int ends = s[n - 1] == '.' && l->n - k > 4;
    return ends || memchr(s, ',', n) || !(l->w[k].first_upper || site) ? CLEAN_K_BODY : CLEAN_K_CREDIT;
  }
  if (!colon) return CLEAN_K_BODY;
  if (is_word(s, &l->w[0], "nguồn")) return CLEAN_K_CREDIT;
  if (is_names(s, n, l, k)) add_authors(j->ls, j->s, start + l->w[k].start, start + n);
  return CLEAN_K_BYLINE;
}

/* BYLINE, CREDIT, or BODY when the line is neither. Names before a bracket count: "Minh Anh (theo Reuters)". */
static uint8_t credit_kind(job *j, size_t i) {
  size_t n, start = j->ls->items[i].start;
  const char *s = text_of(j, i, &n);
  const clean_line_words *l = &j->words;
  size_t k = clean_match(j->lex, l, 0, CLEAN_L_CREDIT, NULL);
  if (k) return phrase_credit(j, i, k);
  if (s[0] == '(' && s[n - 1] == ')' && is_names(s, n, l, 0)) return CLEAN_K_CREDIT;
  const char *open = memchr(s, '(', n), *slash = memchr(s, '/', n);
  if (slash && (!open || slash < open)) open = slash;
  size_t head = open && open > s ? (size_t)(open - s) : n;
  clean_line_words own;
  clean_cut_words(s, head, &own);
  if (own.n == 0 || own.n > 8 || !is_names(s, head, &own, 0) || (open && l->n - own.n > 6)) return CLEAN_K_BODY;
  add_authors(j->ls, j->s, start, start + head);
  return CLEAN_K_BYLINE;
}

/* What the page's markup says about a line. */
static void take_hints(job *j) {
  const clean_rules *r = j->rules;
  for (size_t i = 0; i < j->ls->n; i++) {
    clean_line *l = &j->ls->items[i];
    if (l->kind != CLEAN_K_BODY) continue;
    int on = (l->hint == CLEAN_K_CAPTION && r->captions) || (l->hint == CLEAN_K_RELATED && r->related) ||
             (l->hint == CLEAN_K_SITE && r->site) || (l->hint == CLEAN_K_PREFIX && r->prefixes) ||
             (l->hint == CLEAN_K_BYLINE && r->bylines) || l->hint == CLEAN_K_HEADING;
    if (!on) continue;
    l->kind = l->hint;
    if (l->kind != CLEAN_K_BYLINE || !cut_short(j, i)) continue;
    uint8_t kind = credit_kind(j, i);
    if (kind != CLEAN_K_BODY) l->kind = kind;
  }
}

/* Walks up from the end over credits until the last paragraph; then the line under the title. */
static void take_credits(job *j) {
  clean_lines *ls = j->ls;
  size_t body = 0;
  for (size_t i = 0; i < ls->n; i++) body += is_kept(&ls->items[i]) ? 1 : 0;
  unsigned looked = 0;
  for (size_t i = ls->n; i-- > 0 && looked < TAIL_LINES && body > 1;) {
    clean_line *l = &ls->items[i];
    if (!is_kept(l)) continue;
    if (l->kind != CLEAN_K_BODY || !cut_short(j, i)) break;
    uint8_t kind = credit_kind(j, i);
    if (kind == CLEAN_K_BODY) break;
    l->kind = kind;
    looked++;
    body--;
  }
  if (ls->title == NONE) return;
  size_t under = next_kept(ls, ls->title + 1), behind = next_kept(ls, under + 1);
  if (behind >= ls->n || ls->items[under].kind != CLEAN_K_BODY || !cut_short(j, under)) return;
  size_t n;
  const char *s = text_of(j, under, &n);
  if (j->words.n >= 2 && j->words.n <= 5 && is_names(s, n, &j->words, 0) && ls->n_authors == 0) {
    ls->items[under].kind = credit_kind(j, under);
  }
}

static int all_digits(const char *s, size_t n) {
  size_t k = 0;
  while (k < n && s[k] >= '0' && s[k] <= '9') k++;
  return k == n;
}

/* "The title - 1": the text that stood for a picture. */
static void take_numbered_titles(job *j) {
  if (j->ls->title == NONE) return;
  size_t m, n;
  const char *title = text_of(j, j->ls->title, &m);
  for (size_t i = 0; i < j->ls->n; i++) {
    clean_line *l = &j->ls->items[i];
    const char *s = text_of(j, i, &n);
    if (l->kind != CLEAN_K_BODY || n < m + 4 || n > m + 6 || memcmp(s, title, m) != 0) continue;
    if (memcmp(s + m, " - ", 3) != 0 || !all_digits(s + m + 3, n - m - 3)) continue;
    l->kind = CLEAN_K_IMAGE;
  }
}

/* Captions without a marker. When too many lines look like it, the text is of another sort and none is taken. */
static void take_bare_captions(job *j) {
  clean_lines *ls = j->ls;
  size_t found = 0, kept = 0, prev = NONE;
  for (int commit = 0; commit < 2; commit++) {
    for (size_t i = 0; i < ls->n; i++) {
      clean_line *l = &ls->items[i];
      if (!is_kept(l)) continue;
      size_t before = prev, n, nb, na, after;
      prev = i;
      if (!commit) kept++;
      const char *s = text_of(j, i, &n), *a, *b;
      if (l->kind != CLEAN_K_BODY || before == NONE || n > BARE_BYTES || !clean_caption_possible(s, n)) continue;
      after = next_kept(ls, i + 1);
      if (after >= ls->n || ls->items[before].kind == CLEAN_K_TITLE || !cut_short(j, i)) continue;
      b = text_of(j, before, &nb);
      a = text_of(j, after, &na);
      if (clean_caption_score(j->lex, s, n, &j->words, b, nb, a, na) < 5) continue;
      if (!commit) found++;
      if (commit) {
        l->kind = CLEAN_K_CAPTION;
        prev = before;
      }
    }
    if (found == 0 || found * 3 > kept) return;
    prev = NONE;
  }
}

static uint64_t hash_of(const char *s, size_t n) {
  uint64_t h = UINT64_C(0xCBF29CE484222325);
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001B3);
  return h ^ h >> 29;
}

/* Keeps the first of lines that are the same word for word. */
static int take_duplicates(job *j) {
  clean_lines *ls = j->ls;
  size_t slots = 64;
  while (slots < ls->n * 2) slots *= 2;
  uint32_t *table = ls->mem->alloc(slots * sizeof *table);
  if (!table) return SL_ENOMEM;
  memset(table, 0, slots * sizeof *table);
  for (size_t i = 0; i < ls->n; i++) {
    clean_line *l = &ls->items[i];
    size_t n, m;
    const char *s = text_of(j, i, &n), *t;
    int short_title = l->kind == CLEAN_K_TITLE || (ls->title != NONE && i > ls->title && i < ls->title + 4);
    if (!is_kept(l) || (n < SAME_BYTES && !short_title)) continue;
    size_t slot = hash_of(s, n) & (slots - 1);
    for (; table[slot]; slot = (slot + 1) & (slots - 1)) {
      t = text_of(j, table[slot] - 1, &m);
      if (m == n && memcmp(s, t, n) == 0) break;
    }
    if (table[slot]) {
      l->kind = CLEAN_K_DUPLICATE;
    } else if (i < UINT32_MAX - 1) {
      table[slot] = (uint32_t)i + 1;
    }
  }
  ls->mem->free(table);
  return SL_OK;
}

/* If nothing would be left, the lines were the article after all. */
static void keep_something(clean_lines *ls) {
  if (next_kept(ls, 0) < ls->n) return;
  for (size_t i = 0; i < ls->n; i++) {
    clean_line *l = &ls->items[i];
    if (l->kind > CLEAN_K_DATE && l->kind != CLEAN_K_IMAGE) l->kind = CLEAN_K_BODY;
  }
}

int clean_lines_classify(clean_lines *ls, const char *s, const clean_lexicon *lex, const clean_rules *rules) {
  job j = {.ls = ls, .s = s, .lex = lex, .rules = rules};
  take_dates(&j);
  take_hints(&j);
  take_images(&j);
  if (rules->related) take_related(&j);
  if (rules->captions) take_marked_captions(&j);
  if (rules->site) take_site(&j);
  take_top(&j);
  if (rules->images) take_numbered_titles(&j);
  if (rules->bylines) take_credits(&j);
  if (rules->captions && rules->bare_captions) take_bare_captions(&j);
  int rc = rules->duplicates ? take_duplicates(&j) : SL_OK;
  keep_something(ls);
  return rc;
}
