/* SPDX-License-Identifier: Apache-2.0 */
/* Who wrote a page, by its tags, its bylines and the signature below the text: see meta.h. */
#include <string.h>
#include <strings.h>

#include "meta.h"

#define BYLINE_MAX 240 /* bytes of a byline; longer ones are texts about authors */
#define SAID 260       /* nodes behind the heading in which a byline without mark-up is looked for */
#define BELOW 24       /* and a name beside a date */
#define FAR 1200       /* nodes from the heading; before it they count three times */
#define NEAR 120       /* nodes between elements of one byline */

/* "Deutsche Welle (www.dw.com)" is the site "Deutsche Welle". */
static int names_site(const char *site, const char *name) {
  size_t n = strlen(name);
  return n > 3 && strncasecmp(site, name, n) == 0 && (site[n] == ' ' || site[n] == '.' || site[n] == ',');
}

/* Whether a name is the site: its name, host, or publisher. */
static int is_site_name(const clean_meta *m, const char *name) {
  static const int ranks[] = {CLEAN_R_META, CLEAN_R_META + 2, CLEAN_R_META + 3, CLEAN_R_META + 7};
  const char *address = m->text[CLEAN_M_CANONICAL] ? m->text[CLEAN_M_CANONICAL] : m->url;
  for (size_t k = 0; k < sizeof ranks / sizeof *ranks; k++) {
    const char *site = m->found[CLEAN_M_SITE][ranks[k]].text;
    if (site && (clean_same_name(site, name) || names_site(site, name))) return 1;
  }
  if (m->text[CLEAN_M_SITE] && clean_same_name(m->text[CLEAN_M_SITE], name)) return 1;
  /* "stern.de", "mbl.is": an address is no person. */
  const char *dot = strrchr(name, '.');
  if (dot && dot > name + 2 && !strchr(name, ' ') && strlen(dot) >= 3 && strlen(dot) <= 5) return 1;
  return address && strlen(name) > 3 && strcasestr(address, name) != NULL;
}

static int is_group(const clean_meta *m, const char *name) {
  return is_site_name(m, name) || clean_name_kind(name, strlen(name)) == CLEAN_NAME_GROUP;
}

/* Takes the names of one place, persons or not; of JSON-LD those it calls organisations, too. Returns 1 if one is a
 * person or at least not the site. */
static int take_people(clean_meta *m, int rank, int *ret_any) {
  int strong = 0;
  for (size_t k = 0; k < m->n_people; k++) {
    int organisation = rank == CLEAN_R_LD && m->people[k].rank == CLEAN_R_LD_OTHER;
    if (m->people[k].rank != rank && !organisation) continue;
    size_t from = m->authors.n;
    clean_names_add(&m->authors, m->people[k].text, strlen(m->people[k].text), 0);
    for (size_t i = from; i < m->authors.n && !organisation; i++) strong |= !is_group(m, m->authors.items[i]);
    if (m->authors.n > from) m->source[CLEAN_M_AUTHORS] = m->people[k].source;
  }
  *ret_any = m->authors.n > 0;
  return strong;
}

/* Takes the site's name out from among persons: some systems write both into their tags. */
static void drop_site(clean_meta *m) {
  size_t k = 0;
  for (size_t i = 0; i < m->authors.n; i++) {
    if (is_site_name(m, m->authors.items[i])) continue;
    if (k != i) memmove(m->authors.items[k], m->authors.items[i], CLEAN_NAME_MAX);
    k++;
  }
  if (k) m->authors.n = k;
}

static void forget(clean_meta *m) {
  m->authors.n = 0;
  m->source[CLEAN_M_AUTHORS] = NULL;
}

/* ---- bylines --------------------------------------------------------------------------------------------------------
 */

/* Tags whose text runs on with what stands around them. */
static int runs_on(unsigned tag) {
  static const unsigned tags[] = {CLEAN_T_A,    CLEAN_T_ABBR, CLEAN_T_B,    CLEAN_T_EM,
                                  CLEAN_T_FONT, CLEAN_T_I,    CLEAN_T_SPAN, CLEAN_T_STRONG};
  for (size_t k = 0; k < sizeof tags / sizeof *tags; k++) {
    if (tag == tags[k]) return 1;
  }
  return 0;
}

static int is_white(char c) { return (unsigned char)c <= ' '; }

/* The text of a byline, pieces that do not run on divided by line feeds. 0 if it is longer than a byline. */
static size_t byline_text(const clean_dom *d, uint32_t node, char *out, size_t cap) {
  size_t n = 0;
  uint32_t block_end = 0; /* of the innermost block that was entered */
  char before = ' ';      /* the last character of the text before */
  int line = 0;
  for (uint32_t i = node; i <= d->nodes[node].last; i++) {
    const clean_node *e = &d->nodes[i];
    if (i > block_end && block_end) {
      line = 1;
      block_end = 0;
    }
    if (e->kind == CLEAN_N_ELEMENT && !runs_on(e->tag)) {
      line = 1;
      if (e->last > i) block_end = e->last;
    }
    if (e->kind != CLEAN_N_TEXT) continue;
    int touches = !is_white(before) && !is_white(d->s[e->start]);
    before = d->s[e->end - 1];
    char piece[BYLINE_MAX];
    size_t len = clean_dom_flat(d, i, piece, sizeof piece);
    if (len == 0) continue;
    if (n + len + 2 >= cap) return 0;
    if (n) out[n++] = line || touches ? '\n' : ' ';
    memcpy(out + n, piece, len);
    n += len;
    line = 0;
  }
  return n;
}

static size_t names_of(const clean_meta *m, uint32_t node, clean_names *names) {
  char text[BYLINE_MAX + 4];
  if (m->dom->nodes[node].last - node > 60) return 0;
  size_t n = byline_text(m->dom, node, text, sizeof text), before = names->n;
  if (n) clean_names_add(names, text, n, 1);
  return names->n - before;
}

static int same_class(const clean_dom *d, uint32_t a, uint32_t b) {
  const clean_attribute *x = clean_dom_attr(d, a, CLEAN_A_CLASS), *y = clean_dom_attr(d, b, CLEAN_A_CLASS);
  if (!x || !y) return !x && !y;
  return x->value_len == y->value_len && memcmp(d->s + x->value, d->s + y->value, x->value_len) == 0;
}

/* How likely the spot is the article's byline: its kind, and how near to the heading it stands. 0: it belongs to
 * something else. */
static int weigh_spot(const clean_meta *m, const clean_spot *spot) {
  int weight = spot->rank * 100;
  if (m->h1 == CLEAN_DOM_NONE) return weight;
  uint32_t behind = spot->node > m->h1, gap = behind ? spot->node - m->h1 : (m->h1 - spot->node) * 3;
  if (gap > FAR && spot->rank < 5) return 0;
  if (spot->rank == 6) return weight + 50 - (gap > 5000 ? 50 : (int)(gap / 100));
  return weight - (gap > 2000 ? 200 : (int)(gap / 10));
}

static void take_byline(clean_meta *m) {
  char one[4][CLEAN_NAME_MAX] = {""};
  const clean_spot *best = NULL;
  int top = 0;
  for (size_t k = 0; k < m->n_by; k++) {
    clean_names names = {one, 0, 4};
    int weight = weigh_spot(m, &m->by[k]);
    if (weight <= 0 || (best && weight <= top) || !names_of(m, m->by[k].node, &names)) continue;
    if (is_site_name(m, names.items[0])) continue;
    best = &m->by[k];
    top = weight;
  }
  if (!best) return;
  for (size_t k = 0; k < m->n_by; k++) {
    const clean_spot *s = &m->by[k];
    uint32_t gap = s->node > best->node ? s->node - best->node : best->node - s->node;
    int bare = !clean_dom_attr(m->dom, s->node, CLEAN_A_CLASS);
    if (s != best &&
        (s->rank != best->rank || gap > (bare ? NEAR / 4 : NEAR) || !same_class(m->dom, s->node, best->node)))
      continue;
    names_of(m, s->node, &m->authors);
  }
  if (m->authors.n)
    m->source[CLEAN_M_AUTHORS] = best->rank == 6 ? "microdata" : best->rank == 5 ? "a rel=author" : "byline";
}

/* The names in a line that begins with "By" or the like at text node i: in the node, else in the line around it. */
static size_t names_said(clean_meta *m, uint32_t i, const char *text, size_t n) {
  uint32_t up = m->dom->nodes[i].parent;
  size_t found = clean_names_add(&m->authors, text, n, 1);
  while (up != CLEAN_DOM_NONE && runs_on(m->dom->nodes[up].tag)) up = m->dom->nodes[up].parent;
  return found || up == CLEAN_DOM_NONE ? found : names_of(m, up, &m->authors);
}

/* "By Jane Doe", "Autor: …" in plain words behind the heading, or a name beside a date right below it. */
static void take_said(clean_meta *m) {
  const clean_dom *d = m->dom;
  clean_when when;
  if (m->h1 == CLEAN_DOM_NONE) return;
  for (uint32_t i = m->h1; i < d->n_nodes && i < m->h1 + SAID && !m->authors.n; i++) {
    const clean_node *e = &d->nodes[i];
    uint32_t zone = clean_meta_zone(m, i);
    if (zone) i = zone;
    char text[120];
    if (zone || e->kind != CLEAN_N_TEXT || e->end - e->start > BYLINE_MAX) continue;
    size_t n = clean_dom_flat(d, i, text, sizeof text);
    if (n < 2 || n >= sizeof text - 1) continue;
    if (clean_says_by(text, n)) {
      names_said(m, i, text, n);
    } else if (i > d->nodes[m->h1].last && i < m->h1 + BELOW && n < 80 && clean_when_find(text, n, 0, &when)) {
      clean_names_add(&m->authors, text, n, 1);
    }
  }
  if (m->authors.n) m->source[CLEAN_M_AUTHORS] = "byline";
}

static void take_signature(clean_meta *m) {
  char text[120];
  if (m->signature == CLEAN_DOM_NONE || (m->h1 != CLEAN_DOM_NONE && m->signature < m->h1)) return;
  size_t n = clean_dom_flat(m->dom, m->signature, text, sizeof text);
  if (n == 0 || n >= sizeof text - 1) return;
  if (clean_names_add(&m->authors, text, n, 1)) m->source[CLEAN_M_AUTHORS] = "signature";
}

void clean_meta_authors(clean_meta *m) {
  int any = 0, rank = CLEAN_R_LD;
  for (; rank < CLEAN_R_META_LAST; rank++) {
    if (rank == CLEAN_R_LD_OTHER) continue;
    if (take_people(m, rank, &any)) {
      if (rank != CLEAN_R_LD) drop_site(m);
      return;
    }
    forget(m);
  }
  take_byline(m);
  if (!m->authors.n) take_said(m);
  if (!m->authors.n) take_signature(m);
  if (m->authors.n) return;
  m->group_authors = 1;
  any = 0;
  take_people(m, CLEAN_R_LD, &any);
  for (rank = CLEAN_R_META; rank < CLEAN_R_META_LAST && !any; rank++) take_people(m, rank, &any);
}
