/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs over paths: `*`, `?`, `[a-z]`, `[!x]`, `{a,b}`, `**` for any number of folders, `\` before a literal character.
 *
 * One character is one code point of UTF-8 (an invalid byte counts as one). A wildcard at the start of a name does not
 * match a leading dot. A path is split into a root (the folders before the first wildcard) and the components below it.
 */
#ifndef SLUICE_FETCH_GLOB_H
#define SLUICE_FETCH_GLOB_H

#include <stdint.h>

typedef struct fetch_glob {
  char *root;   /* folder to start from; absolute, no wildcard, "/" or without a final slash */
  char **parts; /* components below the root */
  uint32_t n;
  uint32_t group;  /* which of the user's globs it came from */
  int32_t literal; /* the user named one path, without wildcards: parts is its last component */
} fetch_glob;

/* Expands the braces of `path` (at most 1024 results) and appends to *list of *n. 0, or -1 when memory is out or there
 * are too many. A path that exists as it is written is taken literally. */
int fetch_glob_add(const char *path, uint32_t group, fetch_glob **list, uint32_t *n);
void fetch_glob_free(fetch_glob *list, uint32_t n);

/* The root of a folder: its whole tree, or only its own files. 0 or -1. */
int fetch_glob_folder(fetch_glob *g, int recursive);

/* 1 if the name matches one component. */
int fetch_glob_name(const char *pattern, const char *name);
/* 1 if the path relative to the root matches. */
int fetch_glob_match(const fetch_glob *g, const char *rel);
/* 1 if a path below the folder `rel` ("" is the root) could match. */
int fetch_glob_enter(const fetch_glob *g, const char *rel);
/* 1 if text holds a wildcard. */
int fetch_glob_wild(const char *text);

#endif
