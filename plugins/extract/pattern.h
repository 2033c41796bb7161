/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns: classes of expressions in a small language, read from the section [pattern] of lexicon files, see
 * data/README.md:
 *
 *   club: ORG = Aa{1,3} (FC | United | City)
 *
 * A pattern is compiled into a program for a backtracking matcher. A match is bounded in tokens and in steps
 * (PATTERN_STEPS), whatever the pattern, so the work stays linear in the text. Patterns are tried only at tokens that
 * may begin them: by word, by class of the lexicon, by shape.
 */
#ifndef EXTRACT_PATTERN_H
#define EXTRACT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ex_lex;
struct ex_doc;

#define EX_PAT_CAPTURES 8u

/* What a pattern makes: ex_type, or one of these. */
enum { EX_PAT_NONE = 16, EX_PAT_ORDER };

typedef struct ex_pat_match {
  uint32_t t0, t1;  /* tokens of the whole match */
  uint32_t e0, e1;  /* tokens of the entity: those in [ ] if the pattern has them */
  uint32_t pattern; /* number of the pattern */
  uint32_t cap0[EX_PAT_CAPTURES], cap1[EX_PAT_CAPTURES]; /* tokens; equal: not captured */
} ex_pat_match;

typedef struct ex_patterns ex_patterns;

/* Names and orders have lists of their own. */
enum { EX_PAT_NAMES, EX_PAT_ORDERS, EX_PAT_KINDS };
#define EX_PAT_ANCHOR 4u /* a pattern that begins with any capital has this word in it */

/* What is asked about each token of a text lies open, so that the questions are inline; nobody writes here but
 * pattern_index.c. */
struct ex_pat_open {
  uint8_t *words; /* by syllable: 1 << EX_PAT_NAMES, 1 << EX_PAT_ORDERS: a pattern begins with it; EX_PAT_ANCHOR */
  uint32_t n_words;
  uint64_t classes[EX_PAT_KINDS]; /* that begin a pattern */
  uint32_t flags[EX_PAT_KINDS];   /* TK_…: shapes that do */
  bool entities[EX_PAT_KINDS];    /* entities do */
};
static inline const struct ex_pat_open *ex_pat_open(const ex_patterns *ps) { return (const struct ex_pat_open *)ps; }
static inline unsigned ex_pat_word(const ex_patterns *ps, uint32_t id) {
  return id < ex_pat_open(ps)->n_words ? ex_pat_open(ps)->words[id] : 0;
}

ex_patterns *ex_patterns_new(void);
void ex_patterns_free(ex_patterns *ps);

/* Reads the line "name: TYPE = elements | attributes", or "!name". lex gets the words that patterns ask for. Returns 0,
 * SL_EPARSE with a message in msg, SL_ENOMEM. */
int ex_pattern_read(ex_patterns *ps, struct ex_lex *lex, const char *line, size_t n, char *msg, size_t cap);

/* Takes out all that were read. */
void ex_patterns_clear(ex_patterns *ps);

/* Does a pattern that is no order begin at t? The longest match, of equals the one read last. anchor: the next token, t
 * or behind it, whose word has EX_PAT_ANCHOR. */
int ex_pattern_at(const struct ex_doc *doc, uint32_t t, uint32_t anchor, ex_pat_match *ret);
/* The same for orders, whose patterns may ask for entities. */
int ex_order_pattern_at(const struct ex_doc *doc, uint32_t t, ex_pat_match *ret);

/* The kind of entity that a match makes: ex_type, EX_PAT_NONE, EX_PAT_ORDER. */
unsigned ex_pattern_type(const ex_patterns *ps, const ex_pat_match *m);
/* The number of the capture named by this letter; EX_PAT_CAPTURES if the pattern has none. */
unsigned ex_pattern_capture(const ex_patterns *ps, const ex_pat_match *m, char name);
/* Writes norm= of the pattern with the captures put in; 0 if it has none. */
int ex_pattern_norm(const struct ex_doc *doc, const ex_pat_match *m, char *out, size_t cap);
/* What stands behind `key=` in the attributes ("precision"); NULL. */
const char *ex_pattern_attr(const ex_patterns *ps, const ex_pat_match *m, const char *key);

#endif
