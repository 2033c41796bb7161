/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phrases by which lines that are not the article are told apart, and lines cut into words.
 *
 * A phrase is matched by the keys of its syllables (vi_key): case, composition and the place of the tone do not matter.
 */
#ifndef CLEAN_LEXICON_H
#define CLEAN_LEXICON_H

#include "buf.h"
#include "vi_text.h"

/* What a phrase speaks for. */
#define CLEAN_L_RELATED 1u     /* heads a list of other articles */
#define CLEAN_L_LINK 2u        /* begins a line that leads to another article */
#define CLEAN_L_SITE 4u        /* a line of the site: share, comment, advertisement */
#define CLEAN_L_SITE_START 8u  /* begins such a line */
#define CLEAN_L_CREDIT 16u     /* begins a line that names who wrote, photographed or gave the text */
#define CLEAN_L_PHOTO 32u      /* marks a caption when it begins the tail of a line */
#define CLEAN_L_VIEW 64u       /* begins a caption: "Quang cảnh …" */
#define CLEAN_L_AGENT 128u     /* whom pictures show */
#define CLEAN_L_SCENE 256u     /* what people in pictures do */
#define CLEAN_L_PLACE 512u     /* where, in captions */
#define CLEAN_L_REPORT 1024u   /* somebody says something */
#define CLEAN_L_STORY 2048u    /* tense, modality, negation, cause: narration, not a picture */
#define CLEAN_L_CONNECT 4096u  /* begins a sentence that continues another */
#define CLEAN_L_TIME 8192u     /* begins a paragraph with the time of the event */
#define CLEAN_L_AGENCY 16384u  /* stands before the lead: "TTO -" */
#define CLEAN_L_NEUTRAL 32768u /* words that hold another tag's syllable by chance: "thiết bị", "Cần Thơ" */

#define CLEAN_WORDS_MAX 80 /* words that are looked at in a line */

typedef struct clean_line_words {
  vi_word w[CLEAN_WORDS_MAX];
  size_t n;
  int more; /* the line has more words */
} clean_line_words;

typedef struct clean_lexicon clean_lexicon;

/* [own]; NULL when memory is out. */
clean_lexicon *clean_lexicon_new(const clean_mem *mem);
void clean_lexicon_free(clean_lexicon *lex, const clean_mem *mem);

/* Whether any phrase with one of the tags begins with this word. */
int clean_starts(const clean_lexicon *lex, uint64_t key, uint32_t tags);

void clean_cut_words(const char *s, size_t n, clean_line_words *ret);
/* The same from byte `from` (a character's first) on; places still count from s. */
void clean_cut_words_from(const char *s, size_t n, size_t from, clean_line_words *ret);

/* The longest phrase that begins at word i and has one of the tags: its words; 0 if there is none. *ret_tags may be
 * NULL. */
size_t clean_match(const clean_lexicon *lex, const clean_line_words *l, size_t i, uint32_t tags, uint32_t *ret_tags);

#endif
