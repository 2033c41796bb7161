/* SPDX-License-Identifier: Apache-2.0 */
/* Where plugins and the probe are looked for. [any] */
#ifndef SLUICE_PLUGIN_SEARCH_H
#define SLUICE_PLUGIN_SEARCH_H

#include "base/strlist.h"

/* Appends, in order: SLUICE_PLUGIN_PATH, the user's folder, then for a binary of the build tree its plugins-bin, and
 * the installed folders. self: argv[0] or NULL where /proc is missing. 0 or SL_ENOMEM. */
int sl_search_default(const char *self, sl_strlist *path);
/* The program sluice-probe. [own: sl_mem_free]; NULL if it is nowhere. */
char *sl_search_probe(const char *self);
/* The folder of the programs that measure how good plugins are: SLUICE_QUALITY_PATH, then as above. [own: sl_mem_free];
 * NULL if it is nowhere. */
char *sl_search_quality(const char *self);

#endif
