/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of sl_plugin_check (plugin/loader.h): header, one stage type, one parameter table. [any] */
#ifndef SLUICE_PLUGIN_CHECK_H
#define SLUICE_PLUGIN_CHECK_H

#include "base/err.h"

/* [a-z][a-z0-9_]*, at most 63 bytes. */
int sl_check_name(const char *name);
/* One stage type of the plugin in `path`. */
int sl_check_type(const sl_stage_type *type, const char *path, sl_err *err);
/* A parameter table over a struct of struct_size bytes. where: "stage type x" for messages. depth: 0 for the outermost.
 */
int sl_check_params(const sl_param *params, uint32_t n, uint32_t struct_size, const char *where, uint32_t depth,
                    sl_err *err);

#endif
