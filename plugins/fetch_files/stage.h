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
#include "records.h"
#include "walk.h"

#define FORMAT_AUTO 0
#define FORMAT_TEXT 1
#define FORMAT_HTML 2
#define FORMAT_JSON 3
#define FORMAT_NDJSON 4

#define DOC_COST 200   /* bytes that a document costs besides its text, about */
#define CURSOR_BITS 44 /* of a cursor: the position in a file; the file's number stands above */

typedef struct fetch_params {
  sl_list paths, map;
  int32_t format, recursive, follow_links, sort, missing;
  int64_t max_bytes, max_record, max_ratio;
} fetch_params;

/* One entry of `map`. */
typedef struct fetch_mapping {
  jptr *to, *from;
} fetch_mapping;

typedef struct fetch_stage {
  const fetch_params *p;
  int32_t bodies; /* the documents are JSON of the user's, not pages */
  fetch_mapping *map;
  fetch_memory memory;
  fetch_walk *walk;
  uint64_t file_no; /* of the file in work, from 1 */
  char *uri;        /* of the file in work */
  int32_t in_lines, in_json, finished;
  fetch_lines lines;       /* in_lines */
  fetch_chunk *json_chunk; /* in_json: the array being cut */
  fetch_json json;
  uint32_t json_index;
} fetch_stage;

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
/* Sends a document with the file's origin to the dead letters. locator may be NULL. position: in the file, behind it.
 */
int32_t fetch_reject(sl_ctx *ctx, fetch_stage *s, const char *locator, uint64_t position, const fetch_reason *why);
/* Emits a document whose body is JSON text in a chunk; the reference of the chunk passes to it. */
int32_t fetch_emit_text(sl_ctx *ctx, fetch_stage *s, const sl_bytes *text, fetch_chunk *chunk, const sl_origin *origin,
                        uint64_t position);
void fetch_byte_locator(char out[56], uint64_t start, uint64_t end);

/* lines.c */

/* Emits lines of the file in work until about *credit bytes are used. */
int32_t fetch_produce_lines(sl_ctx *ctx, fetch_stage *s, uint64_t *credit);

/* whole.c */

/* Reads a file [take f->fd] that becomes one document, or begins a JSON array. */
int32_t fetch_whole_file(sl_ctx *ctx, fetch_stage *s, const fetch_found *f, uint64_t *credit);
/* Emits elements of the array in work until about *credit bytes are used. */
int32_t fetch_produce_elements(sl_ctx *ctx, fetch_stage *s, uint64_t *credit);

#endif
