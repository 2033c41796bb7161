/* SPDX-License-Identifier: Apache-2.0 */
/* Who wrote a page, by its tags, its bylines and the signature below the text: see meta.h. */
#include <string.h>

#include "meta.h"

#define BYLINE_MAX 240 /* bytes of a byline; longer ones are texts about authors */
#define NEAR 400       /* nodes between elements of one byline */

/* Whether a name is the site: its name, host, or publisher. */
static int is_site_name(const clean_meta *m, const char *name) {
  static const int ranks[] = {CLEAN_R_META, CLEAN_R_META + 2, CLEAN_R_META + 3, CLEAN_R_META + 7};
  const char *address = m->text[CLEAN_M_CANONICAL] ? m->text[CLEAN_M_CANONICAL] : m->url;
  for (size_t k = 0; k < sizeof ranks / sizeof *ranks; k++) {
    const char *site = m->found[CLEAN_M_SITE][ranks[k]].text;
    if (site && clean_same_name(site, name)) return 1;
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

/* Takes the names of one place, persons or not. Returns 1 if one is a person or at least no site. */
static int take_people(clean_meta *m, int rank, int *ret_any) {
  int strong = 0;
  for (size_t k = 0; k < m->n_people; k++) {
    if (m->people[k].rank != rank) continue;
    size_t from = m->authors.n;
    clean_names_add(&m->authors, m->people[k].text, strlen(m->people[k].text), 0);
    for (size_t i = from; i < m->authors.n; i++) strong |= !is_group(m, m->authors.items[i]);
    if (m->authors.n > from) m->source[CLEAN_M_AUTHORS] = m->people[k].source;
  }
  *ret_any = m->authors.n > 0;
  return strong;
}

static void forget(clean_meta *m) {
  m->authors.n = 0;
  m->source[CLEAN_M_AUTHORS] = NULL;
}

/* ---- bylines --------------------------------------------------------------------------------------------------------
 */

static size_t names_of(const clean_meta *m, uint32_t node, clean_names *names) {
  char text[BYLINE_MAX + 4];
  size_t n = clean_dom_flat(m->dom, node, text, sizeof text);
  if (n == 0 || n >= BYLINE_MAX) return 0;
  size_t before = names->n;
  clean_names_add(names, text, n, 1);
  return names->n - before;
}

static int same_class(const clean_dom *d, uint32_t a, uint32_t b) {
  const clean_attribute *x = clean_dom_attr(d, a, CLEAN_A_CLASS), *y = clean_dom_attr(d, b, CLEAN_A_CLASS);
  if (!x || !y) return !x && !y;
  return x->value_len == y->value_len && memcmp(d->s + x->value, d->s + y->value, x->value_len) == 0;
}

/* How likely the spot is the article's byline: its kind, and how near to the heading it stands. */
static int weigh_spot(const clean_meta *m, const clean_spot *spot) {
  int weight = spot->rank * 100;
  if (m->h1 == CLEAN_DOM_NONE) return weight;
  uint32_t gap = spot->node > m->h1 ? spot->node - m->h1 : (m->h1 - spot->node) * 3;
  uint32_t far = gap > 2000 ? 200 : gap / 10;
  return weight - (int)far;
}

static void take_byline(clean_meta *m) {
  char one[4][CLEAN_NAME_MAX];
  const clean_spot *best = NULL;
  int top = 0;
  for (size_t k = 0; k < m->n_by; k++) {
    clean_names names = {one, 0, 4};
    int weight = weigh_spot(m, &m->by[k]);
    if ((best && weight <= top) || !names_of(m, m->by[k].node, &names)) continue;
    if (is_site_name(m, names.items[0])) continue;
    best = &m->by[k];
    top = weight;
  }
  if (!best) return;
  for (size_t k = 0; k < m->n_by; k++) {
    const clean_spot *s = &m->by[k];
    uint32_t gap = s->node > best->node ? s->node - best->node : best->node - s->node;
    if (s != best && (s->rank != best->rank || gap > NEAR || !same_class(m->dom, s->node, best->node))) continue;
    names_of(m, s->node, &m->authors);
  }
  if (m->authors.n)
    m->source[CLEAN_M_AUTHORS] = best->rank == 6 ? "microdata" : best->rank == 5 ? "a rel=author" : "byline";
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
    if (take_people(m, rank, &any)) return;
    forget(m);
  }
  take_byline(m);
  if (!m->authors.n) take_signature(m);
  if (m->authors.n) return;
  m->group_authors = 1;
  static const int weak[] = {CLEAN_R_LD, CLEAN_R_LD_OTHER};
  for (size_t k = 0; k < 2 && !any; k++) take_people(m, weak[k], &any);
  for (rank = CLEAN_R_META; rank < CLEAN_R_META_LAST && !any; rank++) take_people(m, rank, &any);
}
