/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler (pattern.c), the lists (pattern_index.c) and the matcher (pattern_match.c) of patterns share. */
#ifndef EXTRACT_PATTERN_IMPL_H
#define EXTRACT_PATTERN_IMPL_H

#include <stddef.h>

#include "pattern.h"

#define PROGRAM_MAX 160u   /* instructions of a pattern */
#define MATCH_MAX 40u      /* tokens of a match */
#define PATTERN_STEPS 300u /* steps of the matcher at one token */
#define ANCHOR_REACH 12u   /* tokens before a word of a pattern that begins with a shape */
#define REPEAT_MAX 8u      /* what + and * mean at most */
#define NEST_MAX 8u        /* brackets in brackets */
#define NAME_BYTES 48u

enum op {
  OP_WORD,
  OP_CLASS,
  OP_SHAPE,
  OP_NUMBER,
  OP_ENTITY,
  OP_MARK,
  OP_SPLIT,
  OP_JUMP,
  OP_SAVE,
  OP_GLUED,
  OP_START,
  OP_END
};

/* One instruction. SPLIT goes on at the next one first, at `to` if that fails. */
struct code {
  uint8_t op;
  uint8_t flag; /* WORD: a capital is asked for; SAVE: 2 * capture, + 1: its end */
  uint16_t to;  /* SPLIT, JUMP */
  uint32_t a,
      b; /* WORD: syllable; CLASS; SHAPE: flags wanted and unwanted; NUMBER: range; ENTITY: types; MARK: code point */
};

/* Lists of patterns besides those of words and classes: by the token with which a match may begin. */
enum { BY_CAPITAL, BY_LETTERS, BY_NUMBER, BY_ENTITY, BY_ANY, BY_KINDS };

/* Each the number of its first entry + 1. */
struct lists {
  uint32_t by_class[64], by[BY_KINDS];
};

/* What the second element of a match may be, so that most tries end before the matcher is asked. */
struct second {
  uint64_t classes;
  uint32_t words; /* ex_lex_bit of each */
  uint32_t types; /* of entities */
  uint32_t flags; /* TK_…: tokens that may fit a number, a shape, a mark */
  bool any;       /* anything, or nothing */
};

/* A pattern in a list; next is the number of an entry + 1. */
struct entry {
  uint32_t pattern, next;
  bool entity; /* the first element is an entity */
  struct second second;
};

struct pattern {
  char name[NAME_BYTES];
  char captures[EX_PAT_CAPTURES]; /* their letters */
  uint8_t type;
  bool off;
  uint16_t n;
  uint32_t code;  /* first instruction */
  uint32_t attrs; /* offset + 1 of what stands behind |, 0: nothing */
};

struct ex_patterns {
  struct ex_pat_open open; /* first, see ex_pat_open */
  struct pattern *items;
  struct code *code;
  char *strings;
  struct entry *entries;
  uint32_t (*by_word)[EX_PAT_KINDS]; /* lists by syllable */
  struct lists lists[EX_PAT_KINDS];
  uint32_t n, n_code, n_strings, n_entries;
  uint32_t cap, cap_code, cap_strings, cap_words, cap_lists, cap_entries;
};

/* Room for `need` elements; *items may move. Returns 0 or SL_ENOMEM. */
int ex_patterns_room(void **items, uint32_t need, uint32_t *cap, size_t size);
/* Enters pattern number `pattern` of n instructions into the lists of all tokens that may begin it. Returns 0 or
 * SL_ENOMEM. */
int ex_patterns_index(ex_patterns *ps, const struct code *code, unsigned n, uint32_t pattern);

#endif
