/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are looked at from time to time, and whether they changed and have settled since. By device, inode, size
 * and time; a file that is missing is one of its states. One thread at a time.
 */
#ifndef SLUICE_RUN_FILEWATCH_H
#define SLUICE_RUN_FILEWATCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct sl_filewatch {
  struct sl_watched *files; /* [own] */
  size_t n, cap;
} sl_filewatch;

void sl_filewatch_done(sl_filewatch *w);
/* Also watches path; as it is now, if it is new. 0 or SL_ENOMEM. */
int sl_filewatch_add(sl_filewatch *w, const char *path);
/* From here on only what is added again is kept … */
void sl_filewatch_begin(sl_filewatch *w);
/* … until here. */
void sl_filewatch_end(sl_filewatch *w);
/* 1 if something is other than it was when this last answered 1 (or was added), and the same as at the last look. */
int sl_filewatch_look(sl_filewatch *w);

#endif
