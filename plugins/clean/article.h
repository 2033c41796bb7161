/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole way from a payload to an article, as a plain function: encoding, page, normal form, lines.
 *
 * The work space belongs to one thread and is used again for each document.
 */
#ifndef CLEAN_ARTICLE_H
#define CLEAN_ARTICLE_H

#include "charset.h"
#include "html.h"
#include "lines.h"

#define CLEAN_FORMAT_AUTO 0
#define CLEAN_FORMAT_TEXT 1
#define CLEAN_FORMAT_HTML 2
#define CLEAN_CAPTIONS_REMOVE 0
#define CLEAN_CAPTIONS_MARKED 1
#define CLEAN_CAPTIONS_KEEP 2
#define CLEAN_BREAK_LINE 0
#define CLEAN_BREAK_BLANK 1

typedef struct clean_options {
  int32_t format;     /* CLEAN_FORMAT_… */
  int32_t replace;    /* 1: invalid bytes become U+FFFD; 0: they are an error */
  int32_t blank_line; /* 1: paragraphs are separated by a blank line */
  size_t max_nodes;   /* of a page; 0: no limit */
  const clean_site *sites;
  size_t n_sites;
  const char *charset;
  clean_rules rules;
} clean_options;

/* What was taken out. Source bytes [start, end) are those of the input; start == end: unknown. */
typedef struct clean_removed {
  const char *text; /* in the work space */
  size_t n;
  uint64_t start, end;
  uint8_t kind;
} clean_removed;

typedef struct clean_work {
  const clean_mem *mem;
  clean_buf decoded, normal, out;
  clean_page page;
  clean_lines lines;
  clean_removed *removed;
  size_t n_removed, cap_removed;
  clean_bads bads;
  char charset[32];
  int is_html;
  size_t title_start, title_end, lead_start, lead_end; /* in out; equal: none */
  clean_when when;
  int has_when;
  int when_of_page; /* when is from the page's metadata, not from a line */
} clean_work;

void clean_work_init(clean_work *w, const clean_mem *mem);
void clean_work_done(clean_work *w);

typedef struct clean_input {
  const char *s;
  size_t n;
  const char *media_type; /* or NULL */
  int utf8;               /* s is a text in UTF-8 already, not a payload */
  const char *url;        /* where a page came from, or NULL */
} clean_input;

/* The result stands in w until the next call: w->out is the text with its map, the rest as named above. Returns 0,
 * SL_EENCODING, SL_ELIMIT, SL_EPARSE or SL_ENOMEM with why. */
int clean_article(clean_work *w, const clean_input *in, const clean_lexicon *lex, const clean_options *opt,
                  clean_why *why);

#endif
