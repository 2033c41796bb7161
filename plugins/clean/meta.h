/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a page says about itself: title, authors, dates, description, site, language, address, image, section, tags.
 *
 * Values come from JSON-LD, meta tags, microdata, `time`, links, the address, and from bylines and date lines that
 * readers see; each field keeps the name of the place it was taken from. Order of trust, field by field, in
 * meta_pick.c. Nothing is taken from comments, teasers and related links where the mark-up names them. Linear in the
 * page; what is kept is bounded by the constants below.
 */
#ifndef CLEAN_META_H
#define CLEAN_META_H

#include "author.h"
#include "dom.h"
#include "jsonld.h"
#include "when.h"

enum {
  CLEAN_M_TITLE,
  CLEAN_M_AUTHORS,
  CLEAN_M_PUBLISHED,
  CLEAN_M_MODIFIED,
  CLEAN_M_DESCRIPTION,
  CLEAN_M_SITE,
  CLEAN_M_LANGUAGE,
  CLEAN_M_CANONICAL,
  CLEAN_M_IMAGE,
  CLEAN_M_SECTION,
  CLEAN_M_TAGS,
  CLEAN_M_COUNT
};

#define CLEAN_M_RANKS 48 /* places that a field may come from */
#define CLEAN_M_AUTHORS_MAX 24
#define CLEAN_M_TAGS_MAX 48
#define CLEAN_M_HEADINGS 12 /* h1 that are looked at */
#define CLEAN_M_BYLINES 160 /* elements that look like bylines or dates */
#define CLEAN_M_ZONES 64    /* and of parts of the page that are about something else */
#define CLEAN_M_TEXT 4000   /* bytes of a value */
#define CLEAN_M_METAS 2000  /* meta tags that are read */

/* A value where it was found. */
typedef struct clean_found {
  const char *text; /* NULL: none */
  const char *source;
} clean_found;

/* An element that may hold an author or a date. */
typedef struct clean_spot {
  uint32_t node;
  uint8_t rank;
} clean_spot;

typedef struct clean_chunk clean_chunk;

typedef struct clean_meta {
  const clean_mem *mem;
  clean_ld ld;
  clean_chunk *chunks; /* where the strings stand */
  int oom;

  /* Result; strings live until the next page. */
  const char *text[CLEAN_M_COUNT];   /* of the fields that are one text; NULL: none */
  const char *source[CLEAN_M_COUNT]; /* of every field that was found, else NULL */
  clean_when published, modified;
  int has_published, has_modified;
  clean_names authors;
  int group_authors; /* the authors are only the site or an editorial office: a signature in the text is better */
  const char *tags[CLEAN_M_TAGS_MAX];
  size_t n_tags;
  const char *article_body; /* of the JSON-LD, white space not touched, or NULL */
  const char *headline;     /* of the JSON-LD, or NULL */
  uint32_t h1;              /* the heading that is the title, or CLEAN_DOM_NONE */

  /* While a page is read. */
  const clean_dom *dom;
  clean_found found[CLEAN_M_COUNT][CLEAN_M_RANKS];
  struct {
    const char *text, *source;
    uint8_t rank;
  } people[64]; /* authors as given by tags */
  size_t n_people;
  struct {
    const char *text;
    uint32_t node;
  } heads[CLEAN_M_HEADINGS];
  size_t n_heads;
  clean_spot by[CLEAN_M_BYLINES], dates[CLEAN_M_BYLINES];
  size_t n_by, n_dates;
  struct {
    uint32_t first, last;
  } zones[CLEAN_M_ZONES]; /* comments, teasers, related links */
  size_t n_zones;
  uint32_t signature; /* the last short paragraph at the right, or CLEAN_DOM_NONE */
  const char *url;
  const char *tag_source;
  int tag_rank;
  const char *label; /* of twitter:label1 */
  uint32_t article;  /* the main object of the JSON-LD */
  size_t metas;
} clean_meta;

void clean_meta_init(clean_meta *m, const clean_mem *mem);
void clean_meta_done(clean_meta *m);

/* Reads the page; url (may be NULL) is where it came from. The result stands in m until the next call and points into
 * neither page nor url. 0 or SL_ENOMEM. */
int clean_meta_read(clean_meta *m, const clean_dom *dom, const char *url);

/* ---- between the files of meta --------------------------------------------------------------------------------------
 */

/* Places of a value by trust; the first that holds one wins. Ranks between are those of meta tags (meta_names.c). */
#define CLEAN_R_LD 0
#define CLEAN_R_LD_OTHER 1 /* of an object that need not be the article */
#define CLEAN_R_META 2
#define CLEAN_R_META_LAST 30
#define CLEAN_R_ITEM 31  /* microdata */
#define CLEAN_R_LINK 32  /* link and a with rel */
#define CLEAN_R_HTML 33  /* html@lang */
#define CLEAN_R_TITLE 34 /* title */
#define CLEAN_R_TIME 35  /* time that is named as the date of publication */
#define CLEAN_R_ANY_TIME 36

/* What a meta tag of this name (small letters, "dc.…" with dots) holds: CLEAN_M_… and its rank, and the name as it is
 * written in /sources; -1 if it is of no use. */
int clean_meta_name(const char *name, int *ret_rank, const char **ret_source);

/* Keeps s[0, n) without references and with white space made single as the field's value at this rank, unless there is
 * one. */
void clean_meta_put(clean_meta *m, int field, int rank, const char *source, const char *s, size_t n);
/* A copy of s[0, n) for as long as the page; NULL when memory is out. */
char *clean_meta_keep(clean_meta *m, const char *s, size_t n);
/* The same, references decoded `rounds` times and white space made single; cut at CLEAN_M_TEXT. NULL when it is empty.
 */
char *clean_meta_tidy(clean_meta *m, const char *s, size_t n, int rounds);
void clean_meta_person(clean_meta *m, int rank, const char *source, const char *s, size_t n);
/* rank: tags of the best rank alone are kept. list: s is cut at commas. */
void clean_meta_tag(clean_meta *m, int rank, const char *source, const char *s, size_t n, int list);

/* The last node of the zone that holds `node`; 0 if it is in none. */
uint32_t clean_meta_zone(const clean_meta *m, uint32_t node);

void clean_meta_gather(clean_meta *m); /* tags and elements of the page */
void clean_meta_linked(clean_meta *m); /* JSON-LD */
void clean_meta_pick(clean_meta *m);   /* one value for each field */
void clean_meta_authors(clean_meta *m);
void clean_meta_dates(clean_meta *m);

#endif
