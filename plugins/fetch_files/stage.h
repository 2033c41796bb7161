/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one fetch_files stage, and what its parts do with it.
 *
 * Functions that emit answer 0 to go on, or what `produce` is to return. They run on the source's thread.
 */
#ifndef SLUICE_FETCH_STAGE_H
#define SLUICE_FETCH_STAGE_H

#include <sluice/plugin.h>

#include "../common/jptr.h"
#include "book.h"
#include "records.h"
#include "walk.h"

#define FORMAT_AUTO 0
#define FORMAT_TEXT 1
#define FORMAT_HTML 2
#define FORMAT_JSON 3
#define FORMAT_NDJSON 4

#define DOC_COST 200 /* bytes that a document costs besides its text, about */

typedef struct fetch_params {
  sl_list paths, map;
  int32_t format, recursive, follow_links, sort, missing, watch;
  int64_t max_bytes, max_record, max_ratio, poll, settle;
} fetch_params;

/* One entry of `map`. */
typedef struct fetch_mapping {
  jptr *to, *from;
} fetch_mapping;

/* What a pass is about. */
#define PHASE_SURVEY 0 /* where are the files that are known? */
#define PHASE_OLD 1    /* files that an earlier run has not finished */
#define PHASE_WALK 2   /* all others */
#define PHASE_WAIT 3   /* watch: until the next pass */
#define PHASE_END 4

typedef struct fetch_stage {
  const fetch_params *p;
  int32_t bodies; /* the documents are JSON of the user's, not pages */
  fetch_mapping *map;
  fetch_memory memory;
  pthread_mutex_t lock; /* the book's */

  fetch_walk *walk, *finder;
  fetch_book book;
  uint32_t settings; /* a hash of the parameters that decide what fails */
  int32_t phase, told_resume;
  uint64_t round; /* of passes over all files */
  fetch_part **old;
  fetch_file **old_files;
  uint32_t n_old, at_old;
  uint32_t searches;        /* for old files that were not where they had been */
  uint64_t n_found, n_done; /* PHASE_SURVEY */
  unsigned char *missing;   /* for each of paths: FETCH_NOW and FETCH_TOLD */
  int32_t blind;            /* a folder could not be read in this pass */
  int64_t soon, due;        /* monotonic: when a file may have settled, and when the next pass begins */
  uint64_t timer;

  /* The file in work. */
  char *uri;
  char revision[40];                       /* of records, "" if none */
  fetch_file *file;                        /* NULL: cannot be resumed */
  fetch_part *part;                        /* NULL before its first document */
  uint64_t from;                           /* where reading begins */
  uint64_t base;                           /* cursor of `from`, once begun */
  uint64_t reached;                        /* the highest cursor so far */
  int32_t begun, again, in_lines, in_json; /* again: its part was begun in an earlier start */
  fetch_lines lines;                       /* in_lines */
  uint64_t lines_end;                      /* in_lines: behind the last record */
  fetch_chunk *json_chunk;                 /* in_json: the array being cut */
  fetch_json json;
  uint32_t json_index;
} fetch_stage;

#define FETCH_NOW 1  /* it matched nothing in this pass */
#define FETCH_TOLD 2 /* that was logged */

/* For sl_fail. */
typedef struct fetch_reason {
  int32_t code;
  const char *message, *detail, *hint;
} fetch_reason;

/* emit.c */

/* Forgets the file in work. */
void fetch_close_file(fetch_stage *s);
/* Says that memory is out; SL_ENOMEM. */
int32_t fetch_no_memory(sl_ctx *ctx);
/* The same as a result of produce. */
int32_t fetch_out_of_memory(sl_ctx *ctx);
/* What sl_emit and its kin answered, as a result of produce. */
int32_t fetch_after(int32_t rc);
/* A failure to keep what is known, as a result of produce. */
int32_t fetch_no_state(sl_ctx *ctx, int32_t rc);
/* The part of the file in work begins, if it has not yet, and is noted. single: it ends with one document, at `end`. 0,
 * or the result of produce. */
int32_t fetch_begin_part(sl_ctx *ctx, fetch_stage *s, int32_t single, uint64_t end);
/* The file in work was read to its end, `end` being behind its last record. 0, or the result of produce. */
int32_t fetch_end_part(sl_ctx *ctx, fetch_stage *s, uint64_t end);
/* Sends a document with the file's origin to the dead letters. locator may be NULL. position: in the file, behind it.
 */
int32_t fetch_reject(sl_ctx *ctx, fetch_stage *s, const char *locator, uint64_t position, const fetch_reason *why);
/* The same for the file as a whole: it is noted, and not told again before it changes. */
int32_t fetch_reject_file(sl_ctx *ctx, fetch_stage *s, const fetch_reason *why);
/* Emits a document [take] whose record ends at `position`, or gives it up if it was given before. */
int32_t fetch_emit(sl_ctx *ctx, fetch_stage *s, sl_doc *doc, uint64_t position);
/* Emits a document whose body is JSON text in a chunk; the reference of the chunk passes to it. */
int32_t fetch_emit_text(sl_ctx *ctx, fetch_stage *s, const sl_bytes *text, fetch_chunk *chunk, const sl_origin *origin,
                        uint64_t position);
void fetch_byte_locator(char out[56], uint64_t start, uint64_t end);

/* lines.c */

/* Begins to read the open file [take fd] at s->from. 0, or the result of produce. */
int32_t fetch_begin_lines(sl_ctx *ctx, fetch_stage *s, int fd);
/* Emits lines of the file in work until about *credit bytes are used. */
int32_t fetch_produce_lines(sl_ctx *ctx, fetch_stage *s, uint64_t *credit);
/* A hash of the first and the last block of the first `size` bytes. 0, or -1 if they cannot be read. */
int fetch_mark_blocks(int fd, uint64_t size, unsigned char mark[16]);

/* whole.c */

/* Reads a file [take f->fd] that becomes one document, or begins a JSON array. */
int32_t fetch_whole_file(sl_ctx *ctx, fetch_stage *s, const fetch_found *f, uint64_t *credit);
/* Emits elements of the array in work until about *credit bytes are used. */
int32_t fetch_produce_elements(sl_ctx *ctx, fetch_stage *s, uint64_t *credit);

/* pass.c */

/* Goes on to the next file. 0, or the result of produce. */
int32_t fetch_next_file(sl_ctx *ctx, fetch_stage *s, uint64_t *credit);
/* Before the first pass. 0 or an error. */
int32_t fetch_pass_start(sl_ctx *ctx, fetch_stage *s);
void fetch_pass_stop(fetch_stage *s);

/* fetch_files.c */

/* Walks over what `paths` name now; NULL when memory is out. */
fetch_walk *fetch_new_walk(const fetch_params *p);
const char *fetch_path_at(const fetch_params *p, uint32_t i);
void fetch_fail_missing(sl_ctx *ctx, const fetch_params *p, uint32_t group);

#endif
