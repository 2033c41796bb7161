/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output file that never holds half a record.
 *
 * What outfile_append is given (whole lines) is in the file after it returned 0, and nothing of it after an error: a
 * short write is cut off again before anything else is written. The file is locked (flock), so a second process on the
 * same path is an error at open, not a mix of two outputs. Replace mode writes PATH.part and renames it at the end. One
 * thread at a time. Pipes and devices are written as they come: they can be neither locked nor cut.
 */
#ifndef SLUICE_PLUGINS_OUTFILE_H
#define SLUICE_PLUGINS_OUTFILE_H

#include <stddef.h>
#include <stdint.h>

typedef struct outfile outfile;

#define OUTFILE_TORN_REFUSE 0
#define OUTFILE_TORN_CUT 1
#define OUTFILE_TORN_END 2

#define OUTFILE_SYNC_NEVER 0
#define OUTFILE_SYNC_BATCH 1
#define OUTFILE_SYNC_END 2

typedef struct outfile_opts {
  const char *path; /* absolute */
  int32_t replace;  /* 1: a new file that takes the place of PATH when outfile_close commits; 0: append */
  int32_t torn;     /* append to a file whose last line has no end: OUTFILE_TORN_… */
  int32_t sync;     /* OUTFILE_SYNC_… */
  int64_t rotate;   /* bytes after which a new file is begun, 0: never; not with replace */
} outfile_opts;

/* What went wrong, for sl_fail: code SL_E…, message, detail and hint. */
typedef struct outfile_error {
  int32_t code;
  char message[160];
  char detail[512];
  char hint[192];
} outfile_error;

/* Makes the folders above path, like mkdir -p. 0, or -1 with errno. */
int outfile_make_parents(const char *path);

/* Makes the folders, opens, locks and checks. *ret [own: outfile_close]. 0 or a negative SL_E…. */
int32_t outfile_open(const outfile_opts *opts, outfile **ret, outfile_error *err);
/* All of data[0..len) or nothing. */
int32_t outfile_append(outfile *f, const void *data, size_t len, outfile_error *err);
/* Bytes in the current file. */
int64_t outfile_length(const outfile *f);
/* Makes what was appended durable, unless sync is never. */
int32_t outfile_sync(outfile *f, outfile_error *err);
/* Replace mode: commit 1 puts the new file in place, 0 removes it. Frees f, whatever it returns; NULL is fine. */
int32_t outfile_close(outfile *f, int32_t commit, outfile_error *err);

#endif
