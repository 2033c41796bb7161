/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sinks that write a file have in common: parameters, the ledger, and the calls start, write, flush and stop.
 *
 * A sink calls filesink_start in start, filesink_append for whole lines and filesink_saved once at the end of write,
 * filesink_flush in flush, filesink_stop in stop and filesink_drop in destroy. All on the sink's thread.
 */
#ifndef SLUICE_PLUGINS_FILESINK_H
#define SLUICE_PLUGINS_FILESINK_H

#include <sluice/plugin.h>

#include "outfile.h"

typedef struct filesink_params {
  const char *path;
  int32_t mode, fsync, on_foreign;
} filesink_params;

/* Rows of the parameter table; `st` has a member `filesink_params file`. */
#define FILESINK_PARAM_PATH(st)                                                                             \
  SL_PARAM_AS(st, file.path, "path", SL_T_PATH, SL_PF_REQUIRED | SL_PF_OUTPUT | SL_PF_NONEMPTY, NULL, NULL, \
              "The file to write. Its folders are made.")
#define FILESINK_PARAM_MODE(st)                                                                                      \
  SL_PARAM_AS(st, file.mode, "mode", SL_T_ENUM, 0, "append", "append|replace",                                       \
              "append adds to the file; replace writes a new one beside it, PATH.part, that takes its place at the " \
              "end of the input.")
#define FILESINK_PARAM_FSYNC(st)                                                                                       \
  SL_PARAM_AS(st, file.fsync, "fsync", SL_T_ENUM, SL_PF_ADVANCED, "end", "never|batch|end",                            \
              "When the file is forced to disk: never, after each batch, or at the end and when the pipeline drains. " \
              "With a state, batch and end also before each commit: what is acknowledged survives a loss of power.")
#define FILESINK_PARAM_FOREIGN(st)                                                                              \
  SL_PARAM_AS(                                                                                                  \
      st, file.on_foreign, "on_foreign", SL_T_ENUM, SL_PF_ADVANCED, "refuse", "refuse|append",                  \
      "With a state, a file that is not as the state knows it (shorter, longer, another one, gone): refuse to " \
      "start, or go on behind what is there.")

typedef struct filesink {
  outfile *file;
  sl_ctx *ctx; /* of the call that runs */
  const sl_ledger *table;
  int32_t replace;
  int32_t complete; /* flushed at the end of the input and nothing written or failed since */
  int32_t wrote;    /* a document was written since the start */
} filesink;

/* torn: OUTFILE_TORN_…; rotate: bytes, 0 never. 0, or an error after sl_fail. */
int32_t filesink_start(filesink *s, sl_ctx *ctx, const filesink_params *p, int32_t torn, int64_t rotate);
/* All of data[0..len) or nothing: 0, or an error after sl_fail. */
int32_t filesink_append(filesink *s, sl_ctx *ctx, const void *data, size_t len);
/* At the end of write: what was appended counts with the documents that have OK. If the state does not take it, they
 * get FATAL: nothing is lost, the next start cuts off what was written. */
void filesink_saved(filesink *s, sl_ctx *ctx, int32_t *verdicts, uint32_t n);
int32_t filesink_flush(filesink *s, sl_ctx *ctx, uint32_t why);
void filesink_stop(filesink *s, sl_ctx *ctx);
void filesink_drop(filesink *s);

#endif
