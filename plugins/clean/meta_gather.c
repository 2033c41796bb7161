/* SPDX-License-Identifier: Apache-2.0 */
/* The pass over a page that collects what may be metadata: see meta.h. */
#include <string.h>
#include <strings.h>

#include "meta.h"

#define VALUE 1024 /* bytes of an attribute that are read */

/* What the words of class, id and the like say about an element. */
#define C_BY 1u     /* author, byline */
#define C_NAME 2u   /* author-name */
#define C_LINE 4u   /* byline rather than author */
#define C_NOT_BY 8u /* author-image, author-bio */
#define C_ZONE 16u  /* comments, teasers, related links: of other articles or people */
#define C_DATE 32u  /* date, time, published */
#define C_PUBLISHED 64u
#define C_CHANGED 128u
#define C_TITLE 256u
#define C_TEASER 512u /* of another article, or the head of this one */

typedef struct class_word {
  const char *word; /* what a word begins with; '.' at its end: nothing may follow */
  uint16_t flags;
} class_word;

static const class_word words_a[] = {{"auteur", C_BY}, {"author", C_BY},     {"autor", C_BY},
                                     {"autore", C_BY}, {"avatar", C_NOT_BY}, {NULL, 0}};
static const class_word words_b[] = {
    {"bild", C_NOT_BY}, {"bio", C_NOT_BY},         {"btn", C_NOT_BY}, {"button", C_NOT_BY},
    {"by.", C_LINE},    {"byline", C_BY | C_LINE}, {NULL, 0}};
static const class_word words_c[] = {{"caption", C_NOT_BY},
                                     {"carousel", C_ZONE},
                                     {"comment", C_ZONE | C_NOT_BY},
                                     {"contact", C_NOT_BY},
                                     {"contributor", C_BY},
                                     {"copyright", C_NOT_BY},
                                     {"count", C_NOT_BY},
                                     {NULL, 0}};
static const class_word words_d[] = {
    {"date", C_DATE | C_NOT_BY}, {"datum", C_DATE | C_NOT_BY}, {"desc", C_NOT_BY}, {"disqus", C_ZONE}, {NULL, 0}};
static const class_word words_f[] = {
    {"fecha", C_DATE | C_NOT_BY}, {"firma", C_BY}, {"follow", C_NOT_BY}, {"foto", C_NOT_BY}, {NULL, 0}};
static const class_word words_i[] = {{"icon", C_NOT_BY}, {"image", C_NOT_BY}, {"img.", C_NOT_BY}, {NULL, 0}};
static const class_word words_j[] = {{"job", C_NOT_BY}, {"journalist", C_BY}, {NULL, 0}};
static const class_word words_k[] = {{"keyword", C_NOT_BY}, {NULL, 0}};
static const class_word words_l[] = {{"latest", C_ZONE}, {"license", C_NOT_BY}, {NULL, 0}};
static const class_word words_m[] = {{"modified", C_CHANGED}, {"mostread", C_ZONE}, {NULL, 0}};
static const class_word words_n[] = {{"name.", C_NAME}, {"names.", C_NAME}, {"newsletter", C_ZONE}, {NULL, 0}};
static const class_word words_p[] = {{"photo", C_NOT_BY},
                                     {"picture", C_NOT_BY},
                                     {"popular", C_ZONE},
                                     {"position", C_NOT_BY},
                                     {"posted", C_PUBLISHED | C_DATE},
                                     {"promo", C_ZONE},
                                     {"publish", C_PUBLISHED | C_DATE},
                                     {NULL, 0}};
static const class_word words_q[] = {{"quote", C_NOT_BY}, {NULL, 0}};
static const class_word words_r[] = {{"recirc", C_ZONE},
                                     {"recommend", C_ZONE},
                                     {"redakteur", C_BY},
                                     {"related", C_ZONE},
                                     {"reporter", C_BY},
                                     {"role.", C_NOT_BY},
                                     {NULL, 0}};
static const class_word words_s[] = {{"share", C_NOT_BY},
                                     {"sharing", C_NOT_BY},
                                     {"sidebar", C_ZONE},
                                     {"signature", C_BY},
                                     {"social", C_NOT_BY},
                                     {"socmed", C_NOT_BY},
                                     {NULL, 0}};
static const class_word words_t[] = {{"tacgia", C_BY},
                                     {"tags.", C_NOT_BY},
                                     {"teaser", C_ZONE | C_TEASER},
                                     {"thumb", C_NOT_BY},
                                     {"time.", C_DATE | C_NOT_BY},
                                     {"timestamp", C_DATE | C_NOT_BY},
                                     {"title.", C_TITLE | C_NOT_BY},
                                     {"topic", C_NOT_BY},
                                     {"trending", C_ZONE},
                                     {"twitter", C_NOT_BY},
                                     {NULL, 0}};
static const class_word words_u[] = {{"updated", C_CHANGED}, {"upnext", C_ZONE}, {NULL, 0}};
static const class_word words_v[] = {{"verfasser", C_BY}, {NULL, 0}};
static const class_word words_w[] = {{"writer", C_BY}, {NULL, 0}};
static const class_word *const class_words[26] = {
    ['a' - 'a'] = words_a, ['b' - 'a'] = words_b, ['c' - 'a'] = words_c, ['d' - 'a'] = words_d, ['f' - 'a'] = words_f,
    ['i' - 'a'] = words_i, ['j' - 'a'] = words_j, ['k' - 'a'] = words_k, ['l' - 'a'] = words_l, ['m' - 'a'] = words_m,
    ['n' - 'a'] = words_n, ['p' - 'a'] = words_p, ['q' - 'a'] = words_q, ['r' - 'a'] = words_r, ['s' - 'a'] = words_s,
    ['t' - 'a'] = words_t, ['u' - 'a'] = words_u, ['v' - 'a'] = words_v, ['w' - 'a'] = words_w};

static uint32_t word_flags(const char *w, size_t n) {
  uint32_t flags = 0;
  for (const class_word *k = class_words[w[0] - 'a']; k && k->word; k++) {
    size_t len = 0;
    while (len < n && k->word[len] == w[len]) len++;
    if (!k->word[len] || (k->word[len] == '.' && len == n)) flags |= k->flags;
  }
  return flags;
}

/* The words of an attribute: runs of letters, also those of camelCase. */
static uint32_t scan_words(const char *s, size_t n) {
  uint32_t flags = 0;
  char word[24];
  size_t k = 0;
  int upper = 1;
  if (n > 256) n = 256;
  for (size_t i = 0; i <= n; i++) {
    char c = i < n ? s[i] : ' ';
    int up = c >= 'A' && c <= 'Z', letter = up || (c >= 'a' && c <= 'z');
    if (!letter || (up && !upper)) {
      word[k] = '\0';
      if (k > 1) flags |= word_flags(word, k);
      k = 0;
    }
    if (letter && k < sizeof word - 1) word[k++] = (char)(c | 0x20);
    upper = up;
  }
  return flags;
}

static uint32_t class_flags(const clean_dom *d, uint32_t i) {
  const clean_node *e = &d->nodes[i];
  uint32_t flags = 0;
  for (uint32_t a = e->attr; a < e->attr + e->n_attrs; a++) {
    const clean_attribute *at = &d->attrs[a];
    if (at->id == CLEAN_A_CLASS || at->id == CLEAN_A_ID || at->id == CLEAN_A_DATA_ROLE ||
        at->id == CLEAN_A_DATA_TESTID || at->id == CLEAN_A_DATA_COMPONENT || at->id == CLEAN_A_ITEMPROP ||
        at->id == CLEAN_A_DATA_QA)
      flags |= scan_words(d->s + at->value, at->value_len);
  }
  return flags;
}

/* ---- meta and link --------------------------------------------------------------------------------------------------
 */

static void lower_name(char *s) {
  int dc = 0;
  for (char *p = s; *p; p++) {
    if (*p >= 'A' && *p <= 'Z') *p = (char)(*p | 0x20);
  }
  dc = strncmp(s, "dc:", 3) == 0 || strncmp(s, "dcterms:", 8) == 0;
  for (char *p = s; dc && *p; p++) {
    if (*p == ':') *p = '.';
  }
}

/* "Written by" in the languages of a widespread blog system. */
static int means_author(const char *s) {
  static const char *const labels[] = {"by",    "von",  "par", "por", "bởi",     "author", "autor",    "auteur",
                                       "yazan", "door", "av",  "af",  "scritto", "автор",  "napisane", "napsal"};
  for (size_t k = 0; s && k < sizeof labels / sizeof *labels; k++) {
    const char *at = strcasestr(s, labels[k]);
    size_t n = strlen(labels[k]);
    if (at && (at == s || at[-1] == ' ') && (!at[n] || at[n] == ' ' || at[n] == ':')) return 1;
  }
  return 0;
}

static void read_meta_value(clean_meta *m, char *name, const char *value, size_t n) {
  const char *source;
  int rank;
  lower_name(name);
  if (strcmp(name, "twitter:label1") == 0) m->label = clean_meta_keep(m, value, n);
  int field = clean_meta_name(name, &rank, &source);
  if (field < 0) return;
  if (field == CLEAN_M_AUTHORS) {
    if (strcmp(source, "twitter:data1") == 0 && m->label && !means_author(m->label)) return;
    clean_meta_person(m, rank, source, value, n);
  } else if (field == CLEAN_M_TAGS) {
    clean_meta_tag(m, rank, source, value, n, strcmp(source, "article:tag") != 0 || memchr(value, ',', n) != NULL);
  } else {
    clean_meta_put(m, field, rank, source, value, n);
  }
}

/* Whether an element stands in a picture or video, or in somebody's comment: what it says is not about the page. */
static int of_another(const clean_dom *d, uint32_t i) {
  static const char *const kinds[] = {"ImageObject", "VideoObject", "Comment", "Review", "Rating"};
  for (int up = 0; up < 12 && i != CLEAN_DOM_NONE; up++, i = d->nodes[i].parent) {
    if (clean_dom_is(d, i, CLEAN_T_FIGURE)) return 1;
    const clean_attribute *a = clean_dom_attr(d, i, CLEAN_A_ITEMTYPE);
    for (size_t k = 0; a && k < sizeof kinds / sizeof *kinds; k++) {
      if (memmem(d->s + a->value, a->value_len, kinds[k], strlen(kinds[k]))) return 1;
    }
  }
  return 0;
}

static void read_meta(clean_meta *m, uint32_t i) {
  static const unsigned ids[] = {CLEAN_A_PROPERTY, CLEAN_A_NAME, CLEAN_A_ITEMPROP, CLEAN_A_HTTP_EQUIV};
  const clean_attribute *content = clean_dom_attr(m->dom, i, CLEAN_A_CONTENT);
  char name[80];
  if (!content || content->value_len == 0 || m->metas++ >= CLEAN_M_METAS) return;
  for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
    if (!clean_dom_value(m->dom, i, ids[k], name, sizeof name)) continue;
    if (ids[k] == CLEAN_A_ITEMPROP && of_another(m->dom, i)) continue;
    read_meta_value(m, name, m->dom->s + content->value, content->value_len);
  }
}

static int has_word(const clean_dom *d, uint32_t i, unsigned id, const char *word) {
  const clean_attribute *a = clean_dom_attr(d, i, id);
  size_t n = strlen(word);
  for (size_t k = 0; a && k + n <= a->value_len; k++) {
    const char *s = d->s + a->value + k;
    if ((k == 0 || s[-1] == ' ') && strncasecmp(s, word, n) == 0 && (k + n == a->value_len || s[n] == ' ')) return 1;
  }
  return 0;
}

static void put_attr(clean_meta *m, uint32_t i, unsigned id, int field, int rank, const char *source) {
  const clean_attribute *a = clean_dom_attr(m->dom, i, id);
  if (a) clean_meta_put(m, field, rank, source, m->dom->s + a->value, a->value_len);
}

static void read_link(clean_meta *m, uint32_t i) {
  if (has_word(m->dom, i, CLEAN_A_REL, "canonical"))
    put_attr(m, i, CLEAN_A_HREF, CLEAN_M_CANONICAL, CLEAN_R_LD, "link rel=canonical");
  if (has_word(m->dom, i, CLEAN_A_REL, "image_src"))
    put_attr(m, i, CLEAN_A_HREF, CLEAN_M_IMAGE, CLEAN_R_LINK, "link rel=image_src");
}

static void read_script(clean_meta *m, uint32_t i) {
  const clean_attribute *type = clean_dom_attr(m->dom, i, CLEAN_A_TYPE);
  const char *s;
  if (!type || type->value_len < 7 || !memmem(m->dom->s + type->value, type->value_len, "ld+json", 7)) return;
  size_t n = clean_dom_raw(m->dom, i, &s);
  if (n) clean_ld_read(&m->ld, s, n);
}

/* ---- elements that readers see --------------------------------------------------------------------------------------
 */

/* Flat text of an element as value of a field. */
static void put_text(clean_meta *m, uint32_t i, int field, int rank, const char *source) {
  char text[VALUE];
  size_t n = clean_dom_flat(m->dom, i, text, sizeof text);
  if (n && n < sizeof text - 1) clean_meta_put(m, field, rank, source, text, n);
}

static void put_either(clean_meta *m, uint32_t i, unsigned id, int field, int rank, const char *source) {
  if (clean_dom_attr(m->dom, i, id)) {
    put_attr(m, i, id, field, rank, source);
  } else {
    put_text(m, i, field, rank, source);
  }
}

static void add_spot(clean_spot *spots, size_t *n, uint32_t node, int rank) {
  if (*n < CLEAN_M_BYLINES) spots[(*n)++] = (clean_spot){node, (uint8_t)rank};
}

static void read_item(clean_meta *m, uint32_t i, const char *name) {
  unsigned from = clean_dom_attr(m->dom, i, CLEAN_A_DATETIME) ? CLEAN_A_DATETIME : CLEAN_A_CONTENT;
  if (of_another(m->dom, i)) return;
  const char *colon = strchr(name, ':'); /* schema:datePublished */
  if (colon) name = colon + 1;
  if (strcasecmp(name, "datePublished") == 0 || strcasecmp(name, "dateCreated") == 0) {
    put_either(m, i, from, CLEAN_M_PUBLISHED, CLEAN_R_ITEM, "microdata");
  } else if (strcasecmp(name, "dateModified") == 0) {
    put_either(m, i, from, CLEAN_M_MODIFIED, CLEAN_R_ITEM, "microdata");
  } else if (strcasecmp(name, "headline") == 0) {
    put_either(m, i, CLEAN_A_CONTENT, CLEAN_M_TITLE, CLEAN_R_ITEM, "microdata");
  } else if (strcasecmp(name, "articleSection") == 0) {
    put_either(m, i, CLEAN_A_CONTENT, CLEAN_M_SECTION, CLEAN_R_ITEM, "microdata");
  } else if (strcasecmp(name, "author") == 0 || strcasecmp(name, "creator") == 0) {
    add_spot(m->by, &m->n_by, i, 6);
  }
}

/* Paragraphs at the right: signatures below an article. */
static int at_right(const clean_dom *d, uint32_t i) {
  const clean_attribute *style = clean_dom_attr(d, i, CLEAN_A_STYLE);
  if (clean_dom_value_is(d, i, CLEAN_A_ALIGN, "right")) return 1;
  if (!style) return 0;
  const char *s = d->s + style->value, *at = memmem(s, style->value_len, "text-align", 10);
  if (!at) return 0;
  const char *end = s + style->value_len;
  for (at += 10; at < end && (*at == ' ' || *at == ':'); at++) continue;
  return end - at >= 5 && strncasecmp(at, "right", 5) == 0;
}

static void read_time(clean_meta *m, uint32_t i, uint32_t flags) {
  const clean_attribute *at = clean_dom_attr(m->dom, i, CLEAN_A_DATETIME);
  uint32_t up = m->dom->nodes[i].parent;
  if (up != CLEAN_DOM_NONE) flags |= class_flags(m->dom, up) & (C_PUBLISHED | C_CHANGED);
  int changed = (flags & C_CHANGED) && !(flags & C_PUBLISHED);
  int field = changed ? CLEAN_M_MODIFIED : CLEAN_M_PUBLISHED;
  if (at && (flags & (C_PUBLISHED | C_CHANGED)))
    clean_meta_put(m, field, CLEAN_R_TIME, "time", m->dom->s + at->value, at->value_len);
  if (!changed) add_spot(m->dates, &m->n_dates, i, at ? 2 : 1);
}

/* Links to pages about authors: "/author/jane-doe", "/autoren/…", "/tac-gia/…". */
static int leads_to_author(const clean_dom *d, uint32_t i) {
  static const char *const parts[] = {"author/",   "authors/",     "autor/",   "autoren/", "autores/", "auteur/",
                                      "autori/",   "people/",      "profile/", "person/",  "tac-gia/", "journalist",
                                      "reporter/", "contributor/", "by/",      "yazar/"};
  const clean_attribute *a = clean_dom_attr(d, i, CLEAN_A_HREF);
  if (!a) return 0;
  const char *s = d->s + a->value, *end = s + a->value_len;
  while ((s = memchr(s, '/', (size_t)(end - s))) && ++s < end) {
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
      size_t n = strlen(parts[k]);
      if (parts[k][0] == *s && (size_t)(end - s) > n && memcmp(s, parts[k], n) == 0) return 1;
    }
  }
  return 0;
}

/* One element outside of zones. */
static void read_visible(clean_meta *m, uint32_t i, uint32_t flags) {
  const clean_dom *d = m->dom;
  unsigned tag = d->nodes[i].tag;
  if (tag == CLEAN_T_TIME) read_time(m, i, flags);
  if (tag == CLEAN_T_A && has_word(d, i, CLEAN_A_REL, "author")) {
    add_spot(m->by, &m->n_by, i, 5);
  } else if ((flags & C_BY) && !((flags & C_NOT_BY) && !(flags & C_NAME))) {
    add_spot(m->by, &m->n_by, i, flags & C_NAME ? 4 : flags & C_LINE ? 3 : 2);
  } else if (tag == CLEAN_T_A && leads_to_author(d, i)) {
    add_spot(m->by, &m->n_by, i, 4);
  }
  if (tag == CLEAN_T_A && has_word(d, i, CLEAN_A_REL, "tag")) {
    char text[160];
    size_t n = clean_dom_flat(d, i, text, sizeof text);
    if (n) clean_meta_tag(m, CLEAN_R_META + 5, "a rel=tag", text, n, 0);
  }
  if (tag != CLEAN_T_TIME && (flags & C_DATE) && !(flags & C_CHANGED)) add_spot(m->dates, &m->n_dates, i, 0);
  if (tag == CLEAN_T_P && d->nodes[i].n_attrs && at_right(d, i)) m->signature = i;
}

static void read_heading(clean_meta *m, uint32_t i) {
  char text[VALUE];
  if (m->n_heads == CLEAN_M_HEADINGS) return;
  size_t n = clean_dom_flat(m->dom, i, text, sizeof text);
  if (n == 0 || n >= sizeof text - 1) return;
  while (n > 2 && (memcmp(text + n - 2, "¶", 2) == 0 || text[n - 1] == ' '))
    n -= text[n - 1] == ' ' ? 1 : 2; /* permalink */
  const char *kept = clean_meta_tidy(m, text, n, 1);
  if (!kept) return;
  m->heads[m->n_heads].text = kept;
  m->heads[m->n_heads++].node = i;
}

#define BESIDE 40 /* nodes from the heading within which a small teaser is the article's own */

/* Whether the zone that begins at i may be passed over: not half of the page, no heading of the page in it or right
 * beside it. */
static int is_zone(const clean_meta *m, uint32_t i, uint32_t flags) {
  const clean_dom *d = m->dom;
  uint32_t last = d->nodes[i].last;
  if ((size_t)(last - i) * 2 > d->n_nodes) return 0;
  for (size_t k = 0; k < m->n_heads; k++) {
    uint32_t head = m->heads[k].node;
    if (head > i && head <= last) return 0;
    uint32_t gap = head > last ? head - last : i - head;
    if ((flags & C_TEASER) && k == 0 && gap < BESIDE && last - i < BESIDE) return 0;
  }
  return 1;
}

/* A figure is a zone, but for those that systems wrap around a byline. */
static int is_picture(const clean_dom *d, uint32_t i) {
  for (uint32_t k = i + 1; k <= d->nodes[i].last && k < i + 60; k++) {
    if (clean_dom_is(d, k, CLEAN_T_TIME) || clean_dom_is(d, k, CLEAN_T_ADDRESS)) return 0;
  }
  return 1;
}

uint32_t clean_meta_zone(const clean_meta *m, uint32_t node) {
  for (size_t k = 0; k < m->n_zones; k++) {
    if (node >= m->zones[k].first && node <= m->zones[k].last) return m->zones[k].last;
  }
  return 0;
}

static void read_element(clean_meta *m, uint32_t i, uint32_t *zone) {
  const clean_dom *d = m->dom;
  const clean_node *e = &d->nodes[i];
  char name[80];
  if (!e->n_attrs && e->tag != CLEAN_T_FIGURE) return;
  for (int k = 0; k < 2; k++) {
    if (clean_dom_value(d, i, k ? CLEAN_A_PROPERTY : CLEAN_A_ITEMPROP, name, sizeof name) && i > *zone)
      read_item(m, i, name);
  }
  if (i <= *zone) return;
  uint32_t flags = class_flags(d, i);
  if (e->tag == CLEAN_T_FIGURE && is_picture(d, i)) flags |= C_ZONE;
  if ((flags & C_ZONE) && !(flags & C_DATE) && e->tag != CLEAN_T_HTML && e->tag != CLEAN_T_BODY &&
      is_zone(m, i, flags)) {
    *zone = e->last;
    if (m->n_zones < CLEAN_M_ZONES) {
      m->zones[m->n_zones].first = i;
      m->zones[m->n_zones++].last = e->last;
    }
    return;
  }
  read_visible(m, i, flags);
}

void clean_meta_gather(clean_meta *m) {
  const clean_dom *d = m->dom;
  uint32_t zone = 0;
  for (uint32_t i = 0; i < d->n_nodes && m->n_heads < CLEAN_M_HEADINGS && !m->oom; i++) {
    if (clean_dom_is(d, i, CLEAN_T_H1)) read_heading(m, i);
  }
  for (uint32_t i = 0; i < d->n_nodes && !m->oom; i++) {
    const clean_node *e = &d->nodes[i];
    if (e->kind != CLEAN_N_ELEMENT || (e->flags & (CLEAN_NF_SVG | CLEAN_NF_TEMPLATE))) continue;
    switch (e->tag) {
    case CLEAN_T_HTML:
      put_attr(m, i, CLEAN_A_LANG, CLEAN_M_LANGUAGE, CLEAN_R_LD, "html lang");
      put_attr(m, i, CLEAN_A_XML_LANG, CLEAN_M_LANGUAGE, CLEAN_R_LD, "html lang");
      break;
    case CLEAN_T_META:
      read_meta(m, i);
      break;
    case CLEAN_T_LINK:
      read_link(m, i);
      break;
    case CLEAN_T_SCRIPT:
      read_script(m, i);
      break;
    case CLEAN_T_TITLE: {
      const char *s;
      size_t n = clean_dom_raw(d, i, &s);
      if (n) clean_meta_put(m, CLEAN_M_TITLE, CLEAN_R_TITLE, "title", s, n);
      break;
    }
    default:
      read_element(m, i, &zone);
    }
  }
}
