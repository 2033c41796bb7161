/* SPDX-License-Identifier: Apache-2.0 */
/* What speech.c (who speaks, in which verb) and directive.c (what is to be done, by whom) share. */
#ifndef EXTRACT_SPEECH_H
#define EXTRACT_SPEECH_H

#include "annot.h"

/* Who speaks. */
typedef struct ex_speaker {
  uint32_t ent;    /* PERSON, ORG or LOC; EX_NONE: only the text is known */
  uint32_t t0, t1; /* tokens of the mention; equal: none */
  bool inherited;  /* not named in this clause */
} ex_speaker;

/* The sentence being read. */
typedef struct ex_clause {
  uint32_t t0, t1;
  ex_speaker subject; /* of the last verb of speech in this sentence */
  bool has_subject;
  bool reported; /* a reported clause is open: other subjects in it are part of what is said */
} ex_clause;

/* The token behind a leading comma, colon or "rằng". */
uint32_t ex_skip_lead(const ex_doc *doc, uint32_t t);

/* 1 if somebody who can be told stands at t; named: by name. */
int ex_target_follows(const ex_doc *doc, uint32_t t, int named);

/* Tries to read a directive whose verb is the hit at t. Returns 1 if it is one (or memory is out). */
int ex_directive_at(ex_doc *doc, const ex_clause *clause, const ex_speaker *who, uint32_t t, const ex_hit *verb);
/* A directive that a pattern of ORDER found: captures w (who), t (to), v (the verb); what is ordered follows. Returns 1
 * if it is one. */
int ex_directive_found(ex_doc *doc, const ex_clause *clause, const ex_speaker *who, const ex_pat_match *m);
/* "Hà Nội cần …" of a speaker known from before, at the start of a clause at t. Returns 1 if it is one. */
int ex_implicit_at(ex_doc *doc, const ex_clause *clause, const ex_speaker *who, uint32_t t);

#endif
