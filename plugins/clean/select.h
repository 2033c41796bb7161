/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selectors over a page, a small part of CSS: `tag`, `*`, `.class`, `#id`, `[attr]`, `[attr=value]` (also ~= ^= $= *=),
 * joined without a space, by a space (somewhere inside) or by `>` (right inside); alternatives with commas. Tags and
 * attributes match in any case, values as they are written.
 */
#ifndef CLEAN_SELECT_H
#define CLEAN_SELECT_H

#include "dom.h"

typedef struct clean_select clean_select;

/* Compiles a selector. 0, SL_ENOMEM, or SL_EINVAL with why, whose message names the place. *ret [own]. */
int clean_select_new(const clean_mem *mem, const char *text, clean_select **ret, clean_why *why);
void clean_select_free(const clean_mem *mem, clean_select *s);

/* Whether the element matches. Cost: at most its depth times the parts of the selector. */
int clean_select_match(const clean_select *s, const clean_dom *d, uint32_t node);

/* What the owner of a pipeline says about the pages of a site. */
typedef struct clean_site {
  const char *host;                            /* this host and those below it */
  clean_select *content, *title, *lead, *drop; /* NULL: as usual */
} clean_site;

/* The site of a page that came from url (may be NULL); NULL if there is none. The longest host wins. */
const clean_site *clean_site_find(const clean_site *sites, size_t n, const char *url);

#endif
