/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a page to lines of text with hints.
 *
 * The page becomes a tree of flat arrays (dom.h), whose elements are weighed and cut into blocks (weigh.h); what the
 * page says about itself is read (meta.h), and each block gets its kind (pick.h). Then the blocks are copied from the
 * page, so that each byte keeps its place. What is left out inside the article is a line of its own with a hint that
 * says why.
 */
#ifndef CLEAN_HTML_H
#define CLEAN_HTML_H

#include "charset.h"
#include "pick.h"

typedef struct clean_page {
  clean_buf text; /* lines end with \n: the title, the lead, and what follows */
  uint8_t *hints; /* CLEAN_K_… of each line */
  uint8_t *types; /* CLEAN_B_… of each line */
  size_t n_lines, cap_hints, cap_types;
  clean_dom dom;
  clean_weights weights;
  clean_pick pick;
  clean_meta meta;
} clean_page;

void clean_page_init(clean_page *page, const clean_mem *mem);
void clean_page_done(clean_page *page);
/* Forgets the page; gives memory back where a part of it is more than keep bytes. */
void clean_page_clear(clean_page *page, size_t keep);

/* 1 if the media type or the first bytes say that this is a page. */
int clean_is_html(const char *s, size_t n, const char *media_type);

typedef struct clean_page_options {
  const char *url;  /* where the page came from, or NULL */
  size_t max_nodes; /* 0: no limit */
  const clean_site *sites;
  size_t n_sites;
} clean_page_options;

/* in: valid UTF-8. page is clear. 0; SL_ELIMIT or SL_ENOMEM with why. */
int clean_html(clean_view *in, const clean_page_options *opt, clean_page *page, clean_why *why);

#endif
