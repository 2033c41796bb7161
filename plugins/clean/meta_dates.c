/* SPDX-License-Identifier: Apache-2.0 */
/* When a page was published and changed: see meta.h. */
#include <string.h>
#include <strings.h>

#include "meta.h"

#define LINE_MAX_BYTES 160 /* of an element that holds a date */
#define SCAN_NODES 600     /* around the heading, for date lines without any mark-up */

/* Whether 08/09/2025 is August 9 here: English that is not of a country known to write the day first. */
static int month_first(const clean_meta *m) {
  static const char *const day_first[] = {"en-GB", "en-AU", "en-NZ", "en-IE", "en-ZA",
                                          "en-IN", "en-SG", "en-MY", "en-NG", "en-KE"};
  const char *lang = m->text[CLEAN_M_LANGUAGE];
  if (!lang || strncasecmp(lang, "en", 2) != 0 || (lang[2] && lang[2] != '-')) return 0;
  for (size_t k = 0; k < sizeof day_first / sizeof *day_first; k++) {
    if (strcasecmp(lang, day_first[k]) == 0) return 0;
  }
  return 1;
}

/* Years of the web; anything else is a mistake or the time 0. */
static int plausible(const clean_when *w) { return w->year >= 1994 && w->year <= 2100; }

static int read_value(const clean_meta *m, const char *s, clean_when *ret) {
  return s && clean_when_value(s, strlen(s), month_first(m), ret) && plausible(ret);
}

static int first_of(clean_meta *m, int field, int from, int to, clean_when *ret) {
  for (int r = from; r <= to; r++) {
    const clean_found *f = &m->found[field][r];
    if (!read_value(m, f->text, ret)) continue;
    m->source[field] = f->source;
    return 1;
  }
  return 0;
}

static int same_day(const clean_when *a, const clean_when *b) {
  return a->year == b->year && a->month == b->month && a->day == b->day;
}

/* A time of the same day, or a zone of the same time, from a place of less trust. */
static void refine(clean_when *w, const clean_when *other) {
  if (!same_day(w, other) || other->hour < 0) return;
  if (w->hour < 0) {
    *w = *other;
  } else if (w->zone == CLEAN_NO_ZONE && w->hour == other->hour && w->minute == other->minute) {
    w->zone = other->zone;
  }
}

static void refine_from_all(const clean_meta *m, int field, clean_when *w) {
  clean_when other;
  for (int r = 0; r < CLEAN_M_RANKS && (w->hour < 0 || w->zone == CLEAN_NO_ZONE); r++) {
    if (read_value(m, m->found[field][r].text, &other)) refine(w, &other);
  }
}

/* ---- what readers see -----------------------------------------------------------------------------------------------
 */

static int read_spot(const clean_meta *m, const clean_spot *spot, clean_when *ret) {
  char text[LINE_MAX_BYTES];
  if (spot->rank == 2 && clean_dom_value(m->dom, spot->node, CLEAN_A_DATETIME, text, sizeof text) &&
      read_value(m, text, ret))
    return 1;
  size_t n = clean_dom_flat(m->dom, spot->node, text, sizeof text);
  return n && n < sizeof text - 1 && clean_when_find(text, n, month_first(m), ret) && plausible(ret);
}

/* The dated element nearest to the heading; what stands before it counts double. */
static int from_spots(const clean_meta *m, clean_when *ret) {
  clean_when w;
  uint32_t best = UINT32_MAX;
  for (size_t k = 0; k < m->n_dates; k++) {
    uint32_t node = m->dates[k].node, far = node;
    if (m->h1 != CLEAN_DOM_NONE) far = node > m->h1 ? node - m->h1 : (m->h1 - node) * 2;
    if (far >= best || !read_spot(m, &m->dates[k], &w)) continue;
    best = far;
    *ret = w;
  }
  return best != UINT32_MAX;
}

/* Whether a line speaks of a change, or the date is a stamp in data rather than written for readers. */
static int not_published(const char *text) {
  static const char *const words[] = {"edited", "last updated", "last modified", "last change", "zuletzt",
                                      "©",      "copyright"};
  for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
    if (strcasestr(text, words[k])) return 1;
  }
  return strpbrk(text, " ./-") == NULL && !strstr(text, "年") && !strstr(text, "년");
}

/* A line that is a date, without any mark-up: short text near the heading. */
static int from_text(const clean_meta *m, clean_when *ret) {
  const clean_dom *d = m->dom;
  char text[LINE_MAX_BYTES];
  uint32_t start = m->h1 != CLEAN_DOM_NONE ? m->h1 : 0, from = start > SCAN_NODES / 4 ? start - SCAN_NODES / 4 : 0;
  for (int round = 0; round < 2; round++) { /* behind the heading first */
    uint32_t i = round ? from : start, end = round ? start : start + SCAN_NODES;
    for (; i < end && i < d->n_nodes; i++) {
      const clean_node *e = &d->nodes[i];
      uint32_t zone = clean_meta_zone(m, i);
      if (zone) i = zone;
      if (zone || e->kind != CLEAN_N_TEXT || e->end - e->start < 8 || e->end - e->start > sizeof text) continue;
      size_t n = clean_dom_flat(d, i, text, sizeof text);
      if (n && n < sizeof text - 1 && !not_published(text) && clean_when_find(text, n, month_first(m), ret) &&
          plausible(ret))
        return 1;
    }
  }
  return 0;
}

/* "datePublished": "…" in any script: pages that are made in the browser carry their data so. */
static int from_scripts(const clean_meta *m, clean_when *ret) {
  static const char *const keys[] = {"\"datePublished\"", "\"publishedAt\"",    "\"published_at\"",
                                     "\"publishDate\"",   "\"published_time\"", "\"publicationDate\"",
                                     "\"pubDate\"",       "\"firstPublished\""};
  const clean_dom *d = m->dom;
  for (uint32_t i = 0; i < d->n_nodes; i++) {
    const char *s;
    if (!clean_dom_is(d, i, CLEAN_T_SCRIPT)) continue;
    size_t n = clean_dom_raw(d, i, &s);
    for (size_t k = 0; n && k < sizeof keys / sizeof *keys; k++) {
      const char *at = memmem(s, n, keys[k], strlen(keys[k])), *end = s + n;
      if (!at) continue;
      for (at += strlen(keys[k]); at < end && strchr(" :\"\n", *at); at++) continue;
      size_t len = 0;
      while (at + len < end && len < 60 && at[len] != '"' && at[len] != ',' && at[len] != '}') len++;
      if (clean_when_value(at, len, 0, ret) && plausible(ret)) return 1;
    }
  }
  return 0;
}

/* 2025/08/21, 2025-08-21 or 20250821 at p. */
static int day_at(const char *p, clean_when *ret) {
  char part[12];
  size_t n = strnlen(p, 10);
  memcpy(part, p, n);
  part[n] = '\0';
  if (n == 10 && (part[4] == '/' || part[4] == '-') && part[4] == part[7])
    return clean_when_value(part, 10, 0, ret) && plausible(ret);
  if (strspn(part, "0123456789") != 8) return 0;
  part[8] = '\0';
  return clean_when_value(part, 8, 0, ret) && plausible(ret);
}

/* A day in the path of the address. */
static int from_address(const clean_meta *m, clean_when *ret) {
  const char *s = m->text[CLEAN_M_CANONICAL] ? m->text[CLEAN_M_CANONICAL] : m->url;
  if (!s) return 0;
  for (const char *p = strchr(s + (strlen(s) > 8 ? 8 : 0), '/'); p && *p; p++) {
    int fresh = p[-1] < '0' || p[-1] > '9';
    if (fresh && (*p == '1' || *p == '2') && day_at(p, ret)) return 1;
  }
  return 0;
}

static int published(clean_meta *m, clean_when *w) {
  clean_when other;
  const char **source = &m->source[CLEAN_M_PUBLISHED];
  if (first_of(m, CLEAN_M_PUBLISHED, CLEAN_R_LD, CLEAN_R_TIME, w)) {
    if (w->hour < 0 || w->zone == CLEAN_NO_ZONE) refine_from_all(m, CLEAN_M_PUBLISHED, w);
  } else if (from_address(m, w)) {
    *source = "url";
  } else if (from_spots(m, w)) {
    *source = "time";
  } else if (from_scripts(m, w)) {
    *source = "script";
  } else if (from_text(m, w)) {
    *source = "text";
  } else {
    return 0;
  }
  if ((w->hour < 0 || w->zone == CLEAN_NO_ZONE) && from_spots(m, &other)) refine(w, &other);
  return 1;
}

void clean_meta_dates(clean_meta *m) {
  m->has_published = published(m, &m->published);
  m->has_modified = first_of(m, CLEAN_M_MODIFIED, CLEAN_R_LD, CLEAN_R_TIME, &m->modified);
  if (m->has_modified) refine_from_all(m, CLEAN_M_MODIFIED, &m->modified);
}
