/* SPDX-License-Identifier: Apache-2.0 */
/* What outfile.c (writing) and outledger.c (records, intents, recovery) share. */
#ifndef SLUICE_PLUGINS_OUTFILE_IMPL_H
#define SLUICE_PLUGINS_OUTFILE_IMPL_H

#include <sys/stat.h>

#include "outfile.h"

#define OUTFILE_STEPS 24 /* files that may be begun between two commits: what fits into an intent of 1 KiB */

/* A file that this output has written to since the last commit, or may have. */
typedef struct outstep {
  uint64_t inode;
  int64_t from; /* its length when it was begun: what lies behind is not committed, if the record names no later file */
  int64_t begun;   /* up to here it may have been written */
  int64_t foreign; /* bytes of somebody else end here; 0: none */
} outstep;

typedef struct outintent {
  uint32_t magic, count;
  int32_t placed; /* replace mode: the last file was put in place */
  int32_t reserved;
  outstep steps[OUTFILE_STEPS]; /* the last one is the file in work */
} outintent;

struct outfile {
  outfile_opts opts;
  outfile_ledger ledger;
  char *path;    /* what the user named */
  char *writing; /* what is open: path, or path.part in replace mode */
  int fd;
  int old_fd; /* replace mode: holds the lock of the file to be replaced, or -1 */
  int regular;
  int tail; /* a failed write left bytes behind that could not be cut off yet */
  int64_t length;
  uint64_t next; /* number of the next rotated file */

  int keeps;   /* there is a ledger, and the file is one that can have one */
  int changed; /* the record is not what was saved last */
  int placed;  /* an earlier run has put its file in place */
  outintent intent;
};

int32_t outfile_say(outfile_error *err, int32_t code, const char *message, const char *detail, const char *hint);
int32_t outfile_say_errno(outfile_error *err, const char *what, const char *path);
/* Opens and locks path; SL_ENOTFOUND if it is not there and flags lack O_CREAT. */
int32_t outfile_open_locked(const char *path, int flags, int *ret_fd, outfile_error *err);
/* Bytes of path before the ending of the file name: "a/news.jsonl" is "a/news" and ".jsonl". */
size_t outfile_stem(const char *path);
/* The number in the name of a rotated file of path (both without folder), 0 if it is none. */
uint64_t outfile_number(const char *path, const char *name);

/* Undoes what is not committed. *ret_fd: the file in work, open and locked, or -1: to be made. Sets placed, and the
 * first steps of the intent. */
int32_t outledger_recover(outfile *f, int *ret_fd, outfile_error *err);
/* The file that is open now is the one in work: notes that, and what it begins with. */
int32_t outledger_begin(outfile *f, outfile_error *err);
/* Forgets steps that a later record has made needless; 1 if there is room for another. */
int outledger_room(outfile *f);
int32_t outledger_add(outfile *f, const struct stat *st, outfile_error *err);
/* Notes that the file in work may be written up to `begun`. */
int32_t outledger_intend(outfile *f, int64_t begun, outfile_error *err);
/* The file in work has another length than this stage gave it. */
void outledger_disturbed(outfile *f, int64_t size);
/* The file was put in place. */
int32_t outledger_placed(outfile *f, outfile_error *err);
/* Saves the record; fd is made durable with it (not if sync is never). */
int32_t outledger_save(outfile *f, int fd, outfile_error *err);

#endif
