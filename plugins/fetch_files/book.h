/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of files from earlier passes and runs: who they are, how far they were read, under which cursors.
 *
 * A file is read in parts: one when it is first read, one more whenever it has grown, a new one when it has changed.
 * The documents of a part have the cursors base + (position - start); parts follow each other without overlap, so that
 * cursors grow from document to document through all files and runs and are never used twice.
 *
 * Each part has a note in the state, "part/<base>", that holds the part and the file's identity as it was then. A note
 * is put before the first document of its part, so that no document can end without it. The book does nothing with
 * files itself.
 *
 * Safety: the source's thread; fetch_book_ended may be called by any other.
 */
#ifndef SLUICE_FETCH_BOOK_H
#define SLUICE_FETCH_BOOK_H

#include <pthread.h>
#include <sys/stat.h>

#include <sluice/plugin.h>

typedef struct fetch_part {
  struct fetch_part *next; /* the same file's next one */
  uint64_t base, start;    /* the cursor of byte `start` */
  uint64_t end;            /* done: the byte behind what was read */
  uint64_t last;           /* cursor of the last document; 0: none yet */
  uint64_t first, top;     /* cursors of its documents in this process; under the book's lock, as the next two */
  uint64_t emitted, ended; /* documents of this process */
  int32_t done;            /* read to `end` */
  int32_t single;          /* one document at most */
  int32_t old;             /* from an earlier start: some of its documents may have been given */
  int32_t closed;          /* all of its documents have ended */
} fetch_part;

typedef struct fetch_file {
  struct fetch_file *by_path, *by_inode; /* chains of the tables */
  fetch_part *first, *last;
  uint64_t id;             /* base of its very first part; 0: it has had none */
  uint64_t dev, ino, size; /* when it was read last */
  int64_t mtime;           /* ns */
  unsigned char mark[16];  /* hash of the content, or of its first and last block */
  int64_t revision;        /* mtime of the reading that replaced an older one; 0: the first */
  int32_t lines;           /* NDJSON: recognised by its inode, too */
  int32_t open;            /* not read to its end, and not in work */
  int32_t failed;          /* SL_E… when it gave a dead letter in place of documents; 0 */
  int32_t stuck;           /* failed: it could not be opened */
  uint32_t settings;       /* of the parameters that matter for a failure */
  int32_t known;           /* the fields above are filled */
  int32_t orphan;          /* another file has its path now */
  int32_t replaced;        /* it came in the place of another file that had its path */
  int32_t told;            /* it was logged that it is left out */
  int32_t group;           /* of the glob that found it in this process, -1 */
  uint64_t round;          /* the pass that found it last */
  uint64_t cand_size;      /* not settled: as it was found at cand_since (monotonic) */
  int64_t cand_mtime, cand_since;
  char *path;
} fetch_file;

typedef struct fetch_book {
  const sl_resume *resume;
  uint64_t next;       /* first cursor that no part has */
  uint64_t next_noted; /* what the note "next" says */
  fetch_file **paths, **inodes;
  uint32_t n_slots, n_files;
  int32_t keeps; /* files are remembered at all: with a state, or to watch */
  int32_t track; /* count what has ended: to give up notes while running */
  pthread_mutex_t *lock;
  fetch_part **live; /* parts of this process by base; under the lock */
  uint32_t n_live, cap_live;
} fetch_book;

/* An unfinished part takes this much of the cursors when it cannot be gone on with. */
#define FETCH_LEAP ((uint64_t)1 << 40)

/* Reads all notes. 0, SL_ENOMEM, or SL_EPARSE for a note that is not one. */
int32_t fetch_book_open(fetch_book *b, sl_ctx *ctx, const sl_resume *resume, int32_t track);
/* (resume NULL: nothing is noted, what is known ends with the process. lock [borrow] must be set before and outlive the
 * book. Closed, and ready to be opened, is all zero but for the lock.) */
void fetch_book_close(fetch_book *b);

fetch_file *fetch_book_by_path(const fetch_book *b, const char *path);
fetch_file *fetch_book_by_inode(const fetch_book *b, const struct stat *st);
/* A new one without parts; NULL when memory is out. */
fetch_file *fetch_book_add(fetch_book *b, const char *path);
/* Its path belongs to another file from now on. */
void fetch_book_orphan(fetch_book *b, fetch_file *f);
/* Gives it a path that no other has; its notes change with it. 0 or an error. */
int32_t fetch_book_move(fetch_book *b, sl_ctx *ctx, fetch_file *f, const char *path);
/* Sets the identity and files it under its inode. */
void fetch_book_identify(fetch_book *b, fetch_file *f, const struct stat *st);
/* Forgets the file and removes its notes. */
int32_t fetch_book_forget(fetch_book *b, sl_ctx *ctx, fetch_file *f);
/* Gives up the memory alone. */
void fetch_book_release(fetch_book *b, fetch_file *f);

/* A new part of the file at the next cursor. It is not noted yet. NULL when memory is out. */
fetch_part *fetch_book_part(fetch_book *b, fetch_file *f, uint64_t start);
/* Cursors for what cannot be read again, from *ret on. 0 or an error. */
int32_t fetch_book_stream(fetch_book *b, sl_ctx *ctx, uint64_t *ret);
/* Gets what has ended counted for a part from an earlier start. 0, or -1 when memory is out. */
int32_t fetch_book_again(fetch_book *b, fetch_part *p);
/* Puts the note of a part. 0 or an error. */
int32_t fetch_book_note(fetch_book *b, sl_ctx *ctx, const fetch_file *f, const fetch_part *p);
/* 1 if every document of the part was given: it need not be read again. */
int32_t fetch_book_given(const fetch_book *b, sl_ctx *ctx, const fetch_part *p);
/* The byte behind what was given of the part. */
uint64_t fetch_book_reached(const fetch_book *b, sl_ctx *ctx, const fetch_part *p);

/* Counts a document on its way. [the source's thread] */
void fetch_book_emitted(fetch_book *b, fetch_part *p, uint64_t cursor);
/* Counts one that has ended. [any] */
void fetch_book_ended(fetch_book *b, uint64_t cursor);
/* Removes the parts that have ended and that a newer part of the file follows. 0 or an error. */
int32_t fetch_book_tidy(fetch_book *b, sl_ctx *ctx);

/* Calls f for each file; it may forget that file. */
int32_t fetch_book_each(fetch_book *b, int32_t (*f)(void *user, fetch_file *file), void *user);

int64_t fetch_mtime(const struct stat *st);

#endif
