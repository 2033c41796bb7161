/* SPDX-License-Identifier: Apache-2.0 */
/* Names of authors: see author.h. */
#include "author.h"

#include <string.h>

#include "vi_text.h"

/* All word lists are lower case and stand between spaces. */

/* "autorin/autor" is a word here. */
static const char prefixes[] =
    " and und et och og và by von vom por par di da door av af przez от автор авторы bởi text texte testo texto tekst "
    "redaktion:"
    " penulis oleh laporan reporter author authors autor autorin/autor autor/in autor:in autorin autoren autore autori "
    "auteur auteurs yazar yazan"
    " skrevet skriven written story words posted published reported bài thực hiện tác giả nhóm pv journalist"
    " szerző kirjoittaja toimittaja συντάκτης 文 記者 著者 글 from with de en ";

/* Words by which a part of a byline is known as something else than a name: roles, places of work. */
static const char roles[] =
    " editor editors reporter correspondent columnist writer journalist contributor contributing producer director "
    "chief "
    "analyst professor staff senior political business sports science health managing freelance assistant deputy "
    "photographer guest host specialist redakteur redakteurin korrespondent korrespondentin reporterin volontär "
    "volontärin chefredakteur chefredakteurin ressortleiter ressortleiterin autorin journalistin redactor redactora "
    "corresponsal periodista journaliste correspondant correspondante rédacteur rédactrice giornalista inviato "
    "journalistin korrespondenten redaktør journalistka redaktor redaktorka dziennikarz muhabir muhabiri корреспондент "
    "редактор updated published posted minutes min read ago share follow email comments comment photo video "
    "image images picture pictures getty credit copyright istock illustration graphic video videos podcast "
    "profile biography more aktualisiert lesezeit uhr stand foto bild quelle source subscribe view full about contact "
    "twitter facebook instagram linkedin whatsapp youtube tiktok telegram google rss print sign login mehr artikel "
    "folgen seguir partager suivre biografie lire leer "
    "phóng viên biên tập ";

static const char groups[] =
    " staff redaktion newsroom editorial team desk agency agencies agenturen agencias reuters dpa afp ap apa sda ansa "
    "efe "
    "tass lusa belga pap ntb ritzau tt stt mti upi ians pti ani kyodo xinhua bernama antara bloomberg redacción "
    "redacao redazione rédaction redakcja redakce toimitus redaksjonen redaktionen admin administrator online web news "
    "media press presse prensa ttxvn tntt ttx vov pv nhóm ban tòa soạn ";

static const char agencies[] =
    " reuters dpa afp ap apa sda sid ansa efe tass lusa belga pap ntb ritzau stt mti upi ians pti "
    "ani kna epd ttxvn ";

/* Small words inside names. */
static const char particles[] =
    " de del della di da dos das do du des la le los las van von der den zu zur zum af av bin ibn al el "
    "ter ten te y e i of the och og ben abu d' o' st. jr jr. sr. ii iii ";

static const char *const joints[] = {" and ",  " und ", " et ", " y ",    " og ", " och ", " và ",
                                     " и ",    " ve ",  " en ", " e ",    " ja ", " i ",   " dan ",
                                     " oraz ", " a ",   " & ",  " with ", " mit "};

/* Lower-cases s[0, n) into out and puts a space on both sides. 0 if it does not fit. */
static size_t lower(const char *s, size_t n, char *out, size_t cap) {
  size_t k = 0;
  out[k++] = ' ';
  for (size_t i = 0; i < n;) {
    if (k + 6 > cap) return 0;
    uint32_t c = vi_to_lower(vi_next(s, n, &i));
    k += (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)out + k);
  }
  out[k++] = ' ';
  return k;
}

static int listed(const char *list, const char *s, size_t n) {
  char word[64];
  size_t k = lower(s, n, word, sizeof word);
  return k > 2 && memmem(list, strlen(list), word, k) != NULL;
}

typedef struct part {
  const char *s;
  size_t n;
} part;

/* White space and marks off the ends. */
static part trim(const char *s, size_t n) {
  size_t i = 0;
  while (i < n) {
    size_t next = i;
    uint32_t c = vi_next(s, n, &next);
    if (vi_is_letter(c) || vi_is_digit(c) || c == '@') break;
    i = next;
  }
  while (n > i) {
    size_t at = n;
    uint32_t c = vi_prev(s, &at);
    if (vi_is_letter(c) || vi_is_digit(c) || vi_is_mark(c) || c == '.' || c == ')' || c == 0x201D) break;
    n = at;
  }
  return (part){s + i, n - i};
}

/* The next run of characters that are not white space from *i on; 0 at the end. */
static size_t next_word(part p, size_t *i, size_t *ret_start) {
  while (*i < p.n && p.s[*i] == ' ') (*i)++;
  *ret_start = *i;
  while (*i < p.n && p.s[*i] != ' ') (*i)++;
  return *i - *ret_start;
}

static size_t count_words(part p) {
  size_t n = 0;
  for (size_t i = 0, at; next_word(p, &i, &at);) n++;
  return n;
}

/* ---- kinds ----------------------------------------------------------------------------------------------------------
 */

static int is_east_asian(uint32_t c) { return (c >= 0x3040 && c < 0xA000) || (c >= 0xAC00 && c < 0xD7B0); }

/* Addresses, pages, handles. */
static int is_address(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if ((unsigned char)s[i] < ' ') return 1;
  }
  return memchr(s, '@', n) || memmem(s, n, "://", 3) || memmem(s, n, "www.", 4) || memchr(s, '{', n) ||
         memchr(s, '<', n) || memchr(s, '=', n) || memchr(s, '?', n);
}

/* "jane-doe", "10592": how a system calls its users. */
static int is_slug(part p) {
  int marks = 0, letters = 0;
  for (size_t i = 0; i < p.n; i++) {
    if (p.s[i] == '-' || p.s[i] == '_') {
      marks++;
    } else if (p.s[i] >= 'a' && p.s[i] <= 'z') {
      letters++;
    } else if (p.s[i] < '0' || p.s[i] > '9') {
      return 0;
    }
  }
  return marks || !letters;
}

static int has_case(uint32_t c) { return vi_is_upper(c) || vi_is_lower(c); }

typedef struct tally {
  size_t words, capital, small, group, digits;
  int asian;
} tally;

static void count_word(part p, size_t at, size_t len, tally *t) {
  uint32_t c = vi_peek(p.s, p.n, at);
  part w = trim(p.s + at, len);
  if (w.n == 0) return;
  t->words++;
  t->asian |= is_east_asian(c);
  t->group += (size_t)listed(groups, w.s, w.n);
  if (listed(particles, w.s, w.n)) return;
  int named = vi_is_upper(c) || !has_case(c) || (len > 2 && (w.s[1] == '\'' || c == 'd')); /* d'Angelo */
  *(named ? &t->capital : &t->small) += 1;
}

int clean_name_kind(const char *s, size_t n) {
  part p = trim(s, n);
  tally t = {0};
  if (p.n < 2 || p.n >= CLEAN_NAME_MAX || is_address(p.s, p.n) || is_slug(p)) return CLEAN_NAME_NONE;
  for (size_t k = 0; k < p.n; k++) t.digits += p.s[k] >= '0' && p.s[k] <= '9';
  for (size_t i = 0, at, len; (len = next_word(p, &i, &at)) > 0;) count_word(p, at, len, &t);
  if (t.words > 10) return CLEAN_NAME_NONE;
  if (t.group) return CLEAN_NAME_GROUP;
  if (t.digits) return CLEAN_NAME_OTHER;
  if (t.asian) return t.words <= 3 && p.n <= 30 ? CLEAN_NAME_PERSON : CLEAN_NAME_OTHER;
  return t.words >= 2 && t.words <= 6 && t.capital >= 2 && !t.small ? CLEAN_NAME_PERSON : CLEAN_NAME_OTHER;
}

/* In a line of the page a word of East Asia is a name only when it has the length of one, and no kana. */
static int is_short_asian(part p) {
  size_t han = 0, hangul = 0;
  for (size_t i = 0; i < p.n;) {
    uint32_t c = vi_next(p.s, p.n, &i);
    if (c >= 0x3040 && c < 0x3100) return 0;
    han += c >= 0x4E00 && c < 0xA000;
    hangul += c >= 0xAC00 && c < 0xD7B0;
  }
  return (han >= 3 && han <= 5) || hangul == 3;
}

static int has_role(part p) {
  for (size_t i = 0, at, len; (len = next_word(p, &i, &at)) > 0;) {
    part w = trim(p.s + at, len);
    if (w.n && listed(roles, w.s, w.n)) return 1;
  }
  return 0;
}

int clean_same_name(const char *a, const char *b) {
  size_t i = 0, k = 0, na = strlen(a), nb = strlen(b);
  for (;;) {
    uint32_t ca = 0, cb = 0;
    while (i < na && !vi_is_letter(ca) && !vi_is_digit(ca)) ca = vi_next(a, na, &i);
    while (k < nb && !vi_is_letter(cb) && !vi_is_digit(cb)) cb = vi_next(b, nb, &k);
    if (!vi_is_letter(ca) && !vi_is_digit(ca)) ca = 0;
    if (!vi_is_letter(cb) && !vi_is_digit(cb)) cb = 0;
    if (vi_to_lower(ca) != vi_to_lower(cb)) return 0;
    if (!ca) return 1;
  }
}

/* ---- cutting --------------------------------------------------------------------------------------------------------
 */

/* Takes "By", "Von", "Tác giả:" off the front. */
static part without_prefix(part p) {
  for (int round = 0; round < 4; round++) {
    size_t i = 0, at, len = next_word(p, &i, &at);
    size_t word = len;
    while (word && (p.s[at + word - 1] == ':' || p.s[at + word - 1] == '.')) word--;
    if (!len || i >= p.n || !listed(prefixes, p.s + at, word)) break;
    /* "Van", "De", "Di" also begin names: only with small letters, a colon, or before at least two words more. */
    part rest = trim(p.s + i, p.n - i);
    int small = vi_is_lower(vi_peek(p.s, p.n, at)) || word < len;
    if (!small && word <= 3 && count_words(rest) < 2 && !listed(" by von por par ", p.s + at, word)) break;
    p = rest;
  }
  return p;
}

/* Without "기자" or "記者" (reporter) behind a name. */
static part without_office(part p) {
  static const char *const offices[] = {" 기자", " 특파원", "記者", "记者"};
  for (size_t k = 0; k < sizeof offices / sizeof *offices; k++) {
    size_t n = strlen(offices[k]);
    if (p.n > n + 3 && memcmp(p.s + p.n - n, offices[k], n) == 0) return trim(p.s, p.n - n);
  }
  return p;
}

/* Without "(obe)" or what stands behind a name in brackets. */
static part without_brackets(part p) {
  const char *open = memchr(p.s, '(', p.n);
  return open && open > p.s ? trim(p.s, (size_t)(open - p.s)) : p;
}

/* "Ein Kommentar von Anna Berg", "Story by Jane Doe": the name alone. */
static part behind_by(part p) {
  static const char *const marks[] = {" von ", " by ", " par ", " por ", " di ", " door ", " bởi ", " av ", " af "};
  static const char kinds[] =
      " ein eine einen kommentar interview analyse kolumne essay gastbeitrag bericht reportage glosse "
      "analysis opinion story article words text un une analyse entretien entrevista texto review "
      "an a exclusive written posted published reported created last ";
  size_t i = 0, at, len = next_word(p, &i, &at);
  if (!len || !listed(kinds, p.s + at, len)) return p;
  for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
    size_t n = strlen(marks[k]);
    const char *hit = memmem(p.s, p.n, marks[k], n);
    if (hit) return trim(hit + n, p.n - (size_t)(hit + n - p.s));
  }
  return p;
}

static int know(const clean_names *names, const char *name) {
  for (size_t i = 0; i < names->n; i++) {
    if (clean_same_name(names->items[i], name)) return 1;
  }
  return 0;
}

static size_t push(clean_names *names, part p) {
  char name[CLEAN_NAME_MAX];
  if (p.n < 2 || p.n >= sizeof name || names->n == names->cap) return 0;
  memcpy(name, p.s, p.n);
  name[p.n] = '\0';
  if (know(names, name)) return 0;
  memcpy(names->items[names->n++], name, p.n + 1);
  return 1;
}

int clean_says_by(const char *s, size_t n) {
  static const char sure[] =
      " by von par por di door av af bởi author autor autorin autorin/autor auteur autore tác giả penulis oleh "
      "reporter yazan text tekst автор szerző ";
  size_t i = 0, at, len = next_word((part){s, n}, &i, &at);
  while (len && s[at + len - 1] == ':') len--;
  return len && n < 80 && listed(sure, s + at, len);
}

/* Full stops at the end of a line are no part of a name, but for "jr." and initials. */
static part without_stop(part p) {
  while (p.n > 3 && p.s[p.n - 1] == '.' && p.s[p.n - 3] != ' ' && !memchr(p.s, '.', p.n - 1) && count_words(p) > 1 &&
         !listed(particles, p.s + p.n - 3, 3))
    p.n--;
  return p;
}

/* A part of a line of the page: what stands around the name goes. */
static part of_line(part p) {
  p = without_prefix(behind_by(p));
  const char *place = memmem(p.s, p.n, " for ", 5); /* "Jane Doe for The Daily Paper" */
  if (place && place > p.s) p.n = (size_t)(place - p.s);
  return p;
}

/* Whether a part of a line reads like a person or is a known agency. */
static int is_sure(part p, int kind) {
  if (has_role(p)) return 0;
  if (is_east_asian(vi_peek(p.s, p.n, 0))) return is_short_asian(p);
  return kind == CLEAN_NAME_PERSON || listed(agencies, p.s, p.n);
}

/* One name, or none. first: nothing was taken from this text before it. */
static size_t take(clean_names *names, part p, int loose, int first) {
  p = without_office(without_brackets(without_prefix(trim(p.s, p.n))));
  if (loose) p = of_line(p);
  p = without_stop(p);
  int kind = clean_name_kind(p.s, p.n);
  if (kind == CLEAN_NAME_NONE || (loose && !is_sure(p, kind))) return 0;
  if (!first && (kind == CLEAN_NAME_OTHER || has_role(p))) return 0;
  return push(names, p);
}

/* Where the first joint word begins in p; p.n if there is none. */
static size_t find_joint(part p, size_t *ret_len) {
  char small[512];
  size_t best = p.n, n = lower(p.s, p.n, small, sizeof small);
  if (n != p.n + 2) n = 0; /* places would not be the same */
  for (size_t k = 0; k < sizeof joints / sizeof *joints; k++) {
    size_t len = strlen(joints[k]);
    const char *hit = memmem(n ? small + 1 : p.s, p.n, joints[k], len);
    size_t at = hit ? (size_t)(hit - (n ? small + 1 : p.s)) : p.n;
    if (at >= best) continue;
    /* Short joints are initials and particles as well: "María y Cajal", "Ortega e Costa". */
    size_t before = count_words((part){p.s, at}), after = count_words((part){p.s + at + len, p.n - at - len});
    if (len <= 4 && len != 3 && (before < 2 || after < 2) && !strchr("&v", joints[k][1])) continue;
    if (len == 3 && (before < 2 || after < 2) && joints[k][1] != '&') continue;
    best = at;
    *ret_len = len;
  }
  return best;
}

static size_t add_joined(clean_names *names, part p, int loose, int first) {
  size_t n = 0, len = 0;
  for (int round = 0; round < 8 && p.n; round++) {
    size_t at = find_joint(p, &len);
    n += take(names, (part){p.s, at}, loose, first && n == 0);
    if (at == p.n) break;
    p = (part){p.s + at + len, p.n - at - len};
  }
  return n;
}

/* Length of a mark that divides names at s[i]: , ; | / · • – and the like; 0 if it is none. */
static size_t divider(const char *s, size_t n, size_t i) {
  static const char *const wide[] = {"、", "，", "；", "·", "•", "–", "—", "｜"};
  char c = s[i];
  if (c == ',' || c == ';' || c == '|' || c == '\n' || c == '\t') return 1;
  if ((c == '/' || c == '-') && i > 0 && s[i - 1] == ' ') return 1;
  for (size_t k = 0; k < sizeof wide / sizeof *wide; k++) {
    size_t len = strlen(wide[k]);
    if (n - i >= len && memcmp(s + i, wide[k], len) == 0) return len;
  }
  return 0;
}

size_t clean_names_add(clean_names *names, const char *s, size_t n, int loose) {
  size_t from = 0, i = 0, added = 0;
  if (n > 2000) n = 2000;
  while (n && ((unsigned char)s[n - 1] & 0xC0) == 0x80 && n == 2000) n--;
  for (; i <= n; i++) {
    size_t len = i < n ? divider(s, n, i) : 1;
    if (!len) continue;
    added += add_joined(names, (part){s + from, i - from}, loose, added == 0);
    from = i + len;
    i = from - 1;
  }
  return added;
}
