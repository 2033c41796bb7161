/* SPDX-License-Identifier: Apache-2.0 */
/* The reference as Markdown: made from the tables that the loader itself reads by. [any] */
#ifndef SLUICE_CONF_REFERENCE_H
#define SLUICE_CONF_REFERENCE_H

#include "conf/schema.h"

struct sl_buf;

/* The page of the keys of a pipeline file. 0 or SL_ENOMEM, these two. */
int sl_reference_keys(struct sl_buf *buf);
/* The page of one stage type. */
int sl_reference_stage(const sl_schema_type *t, struct sl_buf *buf);
/* Writes README.md, pipeline.md and a page for each stage type into the folder, which is made. */
int sl_reference_write(const char *dir, const sl_schema_type *types, uint32_t n, sl_err *err);

#endif
