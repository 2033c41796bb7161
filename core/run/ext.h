/* SPDX-License-Identifier: Apache-2.0 */
/* The extensions that need a running engine: resume, ledger, kv, spool, listen. */
#ifndef SLUICE_RUN_EXT_H
#define SLUICE_RUN_EXT_H

#include <sluice/plugin.h>

/* The table for that id, NULL if this engine has none. [any] */
const void *sl_run_extension(sl_ctx *ctx, const char *id);

#endif
