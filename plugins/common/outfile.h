/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output file that never holds half a record, and with a ledger no record twice.
 *
 * What outfile_append is given (whole lines) is in the file after it returned 0, and nothing of it after an error: a
 * short write is cut off again before anything else is written. The file is locked (flock), also while it rotates, so a
 * second process on the same path is an error at open, not a mix of two outputs. Replace mode writes PATH.part and
 * renames it at the end. One thread at a time. Pipes and devices are written as they come: they can be neither locked
 * nor cut, and have no ledger.
 *
 * The ledger is the memory of a crash: an *intent* is noted before bytes are written, names the files begun since the
 * last commit and how far each may have been written, and survives the process; the *record* (file, inode, length) is
 * committed with the documents that it holds. outfile_open cuts what lies behind the record and inside the intent, and
 * refuses whatever it cannot explain by the two.
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

#define OUTFILE_FOREIGN_REFUSE 0
#define OUTFILE_FOREIGN_APPEND 1

/* Bytes borrowed until the next call of the ledger. */
typedef struct outfile_bytes {
  const void *data;
  size_t len;
} outfile_bytes;

/* Where records and intents are kept. Functions return 0 or a negative SL_E…. */
typedef struct outfile_ledger {
  void *user;
  int32_t (*recall)(void *user, outfile_bytes *ret_saved, outfile_bytes *ret_intent, int32_t *ret_rebooted);
  int32_t (*intend)(void *user, const void *data, size_t len);
  int32_t (*save)(void *user, const void *data, size_t len, int32_t fd);
  void (*log)(void *user, int32_t level, const char *text);
} outfile_ledger;

typedef struct outfile_opts {
  const char *path;             /* absolute */
  int32_t replace;              /* 1: a new file that takes the place of PATH when outfile_close commits; 0: append */
  int32_t torn;                 /* append to a file whose last line has no end: OUTFILE_TORN_… */
  int32_t sync;                 /* OUTFILE_SYNC_… */
  int64_t rotate;               /* bytes after which a new file is begun, 0: never; not with replace */
  int32_t foreign;              /* a file that is not what the ledger says: OUTFILE_FOREIGN_… */
  const outfile_ledger *ledger; /* copied; NULL: none */
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

/* Makes the folders, recovers what the ledger tells, opens, locks and checks. *ret [own: outfile_close]. 0 or a
 * negative SL_E…. */
int32_t outfile_open(const outfile_opts *opts, outfile **ret, outfile_error *err);
/* All of data[0..len) or nothing. */
int32_t outfile_append(outfile *f, const void *data, size_t len, outfile_error *err);
/* Gives the ledger the record as it is now. After an error what was appended since the last time must not count as
 * stored, and the file must be closed: outfile_open cuts it. Nothing to do without a ledger or without a change. */
int32_t outfile_save(outfile *f, outfile_error *err);
/* Bytes in the current file. */
int64_t outfile_length(const outfile *f);
/* The first bytes of the current file: how many were read. */
size_t outfile_peek(const outfile *f, void *buf, size_t len);
/* Makes what was appended durable, unless sync is never. */
int32_t outfile_sync(outfile *f, outfile_error *err);

#define OUTFILE_DROP 0  /* nothing is made durable or saved; replace mode: the new file is removed */
#define OUTFILE_PLACE 1 /* replace mode: the new file is put in place */
#define OUTFILE_KEEP 2  /* replace mode: the new file stays beside the old one, and grows on if there is a ledger */

/* end: OUTFILE_…. Frees f, whatever it returns; NULL is fine. */
int32_t outfile_close(outfile *f, int32_t end, outfile_error *err);
/* Replace mode: 1 if an earlier run of this state has put its file in place. */
int32_t outfile_placed_before(const outfile *f);

#endif
