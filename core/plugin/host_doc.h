/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The half of the host's table that works on documents alone: the same for the engine, the harness and an isolated
 * stage.
 *
 * Every function reports its error through ctx->host->fail with the document it failed on; `fail` of the host takes a
 * document that is none of the call's own (one from doc_new, say) as NULL. No state of its own. [any]
 */
#ifndef SLUICE_PLUGIN_HOST_DOC_H
#define SLUICE_PLUGIN_HOST_DOC_H

#include "base/err.h"

/* Fills alloc, free, doc_new … doc_attempt, match and extension; sets sizes and versions. The rest stays as it is. */
void sl_host_doc_fill(sl_host *host);

/* doc_new without delivery fields: unit, slot, token, more, cursor are zero, the attempt is 1. With a parent: its
 * origin, splits, payload and edit map, and an empty body. [own]; NULL after fail. */
sl_doc *sl_host_doc_new(sl_ctx *ctx, sl_doc *parent);

/* The table of "sluice.edit/1" for that id, else NULL. */
const void *sl_host_doc_extension(sl_ctx *ctx, const char *id);

#endif
