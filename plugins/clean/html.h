/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a page to lines of text with hints, on libxml2's tree.
 *
 * Three passes. The first looks at the bytes alone and refuses what would make the parser run away (tags nested too
 * deep, too many attributes). The second weighs the elements and picks title, lead and the container of the article
 * (html_pick.c). The third walks the tree in the order of the page and copies the text from the source, so that each
 * byte keeps its place (html_map.c). What is left out inside the container is a line of its own with a hint that says
 * why.
 */
#ifndef CLEAN_HTML_H
#define CLEAN_HTML_H

#include <libxml/tree.h>

#include "charset.h"
#include "lines.h"

#define CLEAN_META_MAX 1024

typedef struct clean_page {
  clean_buf text; /* lines end with \n */
  uint8_t *hints; /* CLEAN_K_… of each line */
  size_t n_hints, cap_hints;
  clean_when when; /* from the page's metadata */
  int has_when;
  char author[CLEAN_META_MAX]; /* from the metadata, or "" */
} clean_page;

void clean_page_init(clean_page *page, const clean_mem *mem);
void clean_page_done(clean_page *page);

/* 1 if the media type or the first bytes say that this is a page. */
int clean_is_html(const char *s, size_t n, const char *media_type);

/* in: valid UTF-8. page is empty. 0; SL_ELIMIT, SL_EPARSE or SL_ENOMEM with why. */
int clean_html(clean_view *in, clean_page *page, clean_why *why);

/* ---- between the passes ---------------------------------------------------------------------------------------------
 */

/* What an element is. */
#define CLEAN_H_SKIP 1u /* script, style, form …: never text of the article */
#define CLEAN_H_SITE 2u /* share buttons, advertisements, tags, comments, menus */
#define CLEAN_H_RELATED 4u
#define CLEAN_H_CAPTION 8u
#define CLEAN_H_AUTHOR 16u
#define CLEAN_H_LEAD 32u
#define CLEAN_H_TITLE 64u
#define CLEAN_H_DATE 128u
#define CLEAN_H_CONTENT 256u /* named as the article's container */
#define CLEAN_H_STAMP 512u   /* place before the lead */
#define CLEAN_H_HEADING 1024u
#define CLEAN_H_ARTICLE 2048u
#define CLEAN_H_BLOCK 4096u
#define CLEAN_H_PARA 8192u
/* Kinds of tags. */
#define CLEAN_H_LINK (1u << 14)   /* a */
#define CLEAN_H_META (1u << 15)   /* meta */
#define CLEAN_H_NAME (1u << 16)   /* title */
#define CLEAN_H_SCRIPT (1u << 17) /* script */
#define CLEAN_H_TOP (1u << 18)    /* h1 */
#define CLEAN_H_SECOND (1u << 19) /* h2 */
#define CLEAN_H_FRAME (1u << 20)  /* html, body, main, article */
#define CLEAN_H_SMALL (1u << 21)  /* p, ul, ol, li, h2, h3, h4, div: what may be all link */
#define CLEAN_H_PDIV (1u << 22)   /* p, div */
#define CLEAN_H_SAPO (1u << 23)   /* what may hold a lead */
#define CLEAN_H_ROOT (1u << 24)   /* body */

#define CLEAN_TAG_CACHE 128u
#define CLEAN_CLASS_WORDS 160

typedef struct clean_el {
  xmlNode *node;
  uint32_t parent, last; /* index; last: of the subtree */
  uint32_t text, link;   /* bytes of text that is not white space; of it inside links */
  uint32_t flags;        /* CLEAN_H_… */
  uint32_t score;
} clean_el;

typedef struct clean_tree {
  const clean_mem *mem;
  clean_el *el; /* in the order of the page; [0] is the root */
  size_t n, cap;
  uint32_t title, lead, body; /* index, or UINT32_MAX */
  int no_drop;                /* the hints of the container's elements are not to be trusted */
  const xmlNode *title_text;  /* <title> when there is no heading */
  const char *og_title, *og_description;
  struct {
    const xmlChar *name;
    uint32_t flags;
  } tags[CLEAN_TAG_CACHE];                    /* names stay where they are while the tree lives */
  uint8_t first[26], next[CLEAN_CLASS_WORDS]; /* class words by first letter: index + 1 */
} clean_tree;

/* Fills in the tree and the page's metadata. 0 or SL_ENOMEM. */
int clean_tree_weigh(clean_tree *t, xmlDoc *doc, clean_page *page);
/* The kind of line that text of an element inside the container becomes; CLEAN_H_SKIP as 255. */
uint8_t clean_el_hint(const clean_tree *t, uint32_t i);
/* The value of an attribute, or NULL. [borrow] */
const char *clean_attr(const xmlNode *node, const char *name);

/* End of the tag, comment, or script that starts at s[i] == '<'; i if it is text. */
size_t clean_skip_markup(const char *s, size_t n, size_t i);

/* Follows the source of a page while its text nodes go by. */
typedef struct clean_align {
  clean_view *in;
  size_t pos;      /* next byte of the source */
  uint64_t budget; /* bytes that may still be searched */
} clean_align;
/* Appends the text of a node to out (NULL: only moves on), copied from the source where it is found there. White space
 * and line separators become spaces. */
void clean_align_text(clean_align *al, const char *text, size_t n, clean_buf *out);

#endif
