/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the files that globs name, one at a time and in order, holding one listing per folder level.
 *
 * Folders are opened relative to their parent and never through a symbolic link, so that nothing outside a root is read
 * even if the tree changes meanwhile. A link to a file is followed when it ends inside the root, other links only when
 * told. A file that several globs name is found once. Finding examines a file and does not open it.
 */
#ifndef SLUICE_FETCH_WALK_H
#define SLUICE_FETCH_WALK_H

#include <sys/stat.h>

#include "glob.h"

typedef struct fetch_walk fetch_walk;

typedef struct fetch_walk_opts {
  int32_t recursive;    /* a folder means its whole tree */
  int32_t follow_links; /* also out of the root, and to folders */
  int32_t sorted;       /* by the bytes of the name within a folder */
} fetch_walk_opts;

#define FETCH_END 0
#define FETCH_FILE 1    /* there: fetch_walk_open opens it */
#define FETCH_BROKEN 2  /* something is there and cannot be read: why and error say it */
#define FETCH_SKIPPED 3 /* left out on purpose: why says it */
#define FETCH_MISSING 4 /* a glob (group) matched nothing; fetch_walk_find: it is not there any more */

typedef struct fetch_found {
  int32_t kind;
  int fd; /* -1 until it is opened; the caller's to close */
  uint32_t group;
  const char *path; /* absolute; [borrow until the next call] */
  const char *rel;  /* below the root */
  struct stat st;
  int error;  /* errno, or 0 */
  int folder; /* BROKEN: it is a folder, what is below it is not known */
  const char *why;
} fetch_found;

/* list [take]. NULL when memory is out. */
fetch_walk *fetch_walk_new(fetch_glob *list, uint32_t n, const fetch_walk_opts *opts);
/* The next finding. 0, or -1 when memory is out. */
int fetch_walk_next(fetch_walk *w, fetch_found *ret);
/* Opens the FETCH_FILE found last: fd and st are those of the open file. 0; or -1, and f is FETCH_BROKEN. */
int fetch_walk_open(fetch_walk *w, fetch_found *f);
/* Finds one file by its path as fetch_walk_next would: FETCH_FILE, FETCH_BROKEN, or FETCH_MISSING if it is gone or no
 * glob leads to it. For a walk of its own, which is not asked for the next. 0, or -1 when memory is out. */
int fetch_walk_find(fetch_walk *w, const char *path, fetch_found *ret);
void fetch_walk_free(fetch_walk *w);

#endif
