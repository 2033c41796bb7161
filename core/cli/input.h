/* SPDX-License-Identifier: Apache-2.0 */
/* One document from a file, as a source would make it. */
#ifndef SLUICE_CLI_INPUT_H
#define SLUICE_CLI_INPUT_H

#include "doc/document.h"

/* path: .json is the body; .jsonl, .ndjson: line `line` (from 1) is; every other file becomes the payload, with /id and
 * /source in the body as fetch_files writes them. "-" reads a JSON body from standard input. *ret [own]. */
int sl_input_read(const char *path, uint64_t line, sl_doc **ret, sl_err *err);

#endif
