/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each line of a text is: title, lead, paragraph, or something that is not the article.
 *
 * Rules need evidence: a line that fits none stays. Whatever is taken out is known by its kind and place, so that
 * nothing gets lost. A caption without a marker is told by what it says (see caption.c); the other kinds by form and
 * phrase.
 */
#ifndef CLEAN_LINES_H
#define CLEAN_LINES_H

#include "lexicon.h"
#include "when.h"

/* Kinds of lines; the order is that of clean_kind_name. */
#define CLEAN_K_BODY 0
#define CLEAN_K_BLANK 1
#define CLEAN_K_TITLE 2
#define CLEAN_K_LEAD 3
#define CLEAN_K_HEADING 4
/* From here on: not part of the article. */
#define CLEAN_K_DATE 5
#define CLEAN_K_IMAGE 6
#define CLEAN_K_CAPTION 7
#define CLEAN_K_RELATED 8
#define CLEAN_K_BYLINE 9
#define CLEAN_K_CREDIT 10
#define CLEAN_K_SITE 11
#define CLEAN_K_DUPLICATE 12
#define CLEAN_K_PREFIX 13
#define CLEAN_K_INVALID 14

/* The word used in /removed. */
const char *clean_kind_name(unsigned kind);

/* One line: [begin, mid) is a date header, [mid, start) an agency's mark, [start, end) the text. */
typedef struct clean_line {
  size_t begin, mid, start, end;
  uint8_t kind;
  uint8_t hint; /* a kind that the page's markup gave, or BODY */
} clean_line;

/* Which steps are taken; 1 or 0. */
typedef struct clean_rules {
  int32_t dates, images, captions, bare_captions, related, bylines, site, duplicates, prefixes, title, lead;
} clean_rules;

#define CLEAN_AUTHORS_MAX 8

typedef struct clean_lines {
  const clean_mem *mem;
  clean_line *items;
  size_t n, cap;
  clean_when when;
  int has_when;
  size_t title, lead; /* index, or SIZE_MAX */
  struct {
    size_t start, end;
  } authors[CLEAN_AUTHORS_MAX];
  size_t n_authors;
} clean_lines;

/* Cuts s into lines. hints[i] is the hint of line i for i < n_hints. 0, or SL_ENOMEM. */
int clean_lines_cut(clean_lines *ls, const char *s, size_t n, const uint8_t *hints, size_t n_hints);
/* Fills in kinds, when, title, lead and authors. 0, or SL_ENOMEM. */
int clean_lines_classify(clean_lines *ls, const char *s, const clean_lexicon *lex, const clean_rules *rules);

/* How much the line s[0, n) with its words reads like a photo's caption between two paragraphs: 5 and more is one. */
int clean_caption_score(const clean_lexicon *lex, const char *s, size_t n, const clean_line_words *words,
                        const char *before, size_t n_before, const char *after, size_t n_after);
/* 0 if a look at the line's characters rules that out. */
int clean_caption_possible(const char *s, size_t n);
/* 1 if the line is a caption by its marker ("… Ảnh: …"). words: of the line's end at least, with their places in s. */
int clean_caption_marked(const clean_lexicon *lex, const char *s, size_t n, const clean_line_words *words);

/* The last character of s[0, n) that is not a closing quote or bracket; 0 if there is none. */
uint32_t clean_last_char(const char *s, size_t n);
/* Whether the line ends like a sentence: . ! ? … : ; */
int clean_ends_sentence(const char *s, size_t n);
/* Sentences in a line, roughly: stops with a space and a capital behind them, and one. */
size_t clean_sentences(const char *s, size_t n);

#endif
