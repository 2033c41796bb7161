/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of authors out of what pages write where they mean them: "Von Anna Berg und Karl Maier, dpa", "By JANE DOE |
 * Staff Writer", "Bài và ảnh: Lê Phương".
 */
#ifndef CLEAN_AUTHOR_H
#define CLEAN_AUTHOR_H

#include "buf.h"

#define CLEAN_NAME_MAX 160 /* bytes of a name with its NUL */

/* What a name reads like. */
#define CLEAN_NAME_NONE 0   /* address, handle, page, phrase */
#define CLEAN_NAME_OTHER 1  /* may be anything: one word, many words, words without capitals */
#define CLEAN_NAME_GROUP 2  /* "Redaktion", "Staff", an agency */
#define CLEAN_NAME_PERSON 3 /* two to five words that begin with capitals, or Han or kana characters */

typedef struct clean_names {
  char (*items)[CLEAN_NAME_MAX];
  size_t n, cap; /* names beyond cap are left out */
} clean_names;

int clean_name_kind(const char *s, size_t n);

/* Cuts s into names and appends those that are new. `loose`: s is a line of the page that may hold other words, so only
 * what reads like a person or a known agency is taken; else s was given as name and is split only where that is sure.
 * Returns how many were appended. */
size_t clean_names_add(clean_names *names, const char *s, size_t n, int loose);

/* Whether the text begins with a word that says who wrote: "By", "Von", "Autor:". */
int clean_says_by(const char *s, size_t n);

/* Whether two names are the same but for case, spaces and marks. */
int clean_same_name(const char *a, const char *b);

#endif
