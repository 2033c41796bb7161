/* SPDX-License-Identifier: Apache-2.0 */
/* What a stage declares to write, and whether a document that it let go keeps to that. [one thread at a time] */
#ifndef SLUICE_PLUGIN_WRITTEN_H
#define SLUICE_PLUGIN_WRITTEN_H

#include "doc/document.h"

typedef struct sl_written sl_written;

/* The declared accesses of a type with these parameters: table, parameter flags, `contract`. *ret [own]. */
int sl_written_new(const sl_stage_type *type, const void *params, sl_written **ret, sl_err *err);
void sl_written_free(sl_written *w);
/* after went on and came of before (NULL: a source made it). 0, or SL_EPLUGIN with what was not declared. */
int sl_written_check(const sl_written *w, sl_doc *before, sl_doc *after, sl_err *err);

#endif
