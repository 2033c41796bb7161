/* SPDX-License-Identifier: Apache-2.0 */
/* One document from a file, made by the pipeline's own source. */
#ifndef SLUICE_CLI_INPUT_H
#define SLUICE_CLI_INPUT_H

#include "conf/pipeline.h"
#include "doc/document.h"
#include "plugin/loader.h"

/* Lets fetch_files, with the parameters it has in the pipeline if it is its source, read `path` alone, and takes the
 * nth document (from 1) of it. "-" reads a JSON body from standard input. *ret [own]. */
int sl_input_read(const sl_pipeline *pipeline, sl_registry *registry, const char *path, uint64_t nth, sl_doc **ret,
                  sl_err *err);

#endif
