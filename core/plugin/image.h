/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private copy of a plugin's file, probed in a child before this process opens it. See docs/internals/loader.md.
 *
 * The copy stands in the user's cache under a name that holds the identity of the original, so that it is never written
 * again and a known plugin is neither copied nor probed; without a cache it lives in memory (memfd) for this process.
 * [any, one thread at a time]
 */
#ifndef SLUICE_PLUGIN_IMAGE_H
#define SLUICE_PLUGIN_IMAGE_H

#include "plugin/identity.h"

typedef struct sl_image_opts {
  const char *probe; /* the program sluice-probe; NULL: open without a probe */
  const char *cache; /* folder; NULL: keep nothing */
  int32_t limit_ms;  /* for the probe */
} sl_image_opts;

/* Opens the plugin in path: identity, known verdict or probe, private copy, dlopen (RTLD_NOW | RTLD_LOCAL, never
 * closed), sl_plugin_check. *ret_desc lives as long as the process. */
int sl_image_open(const char *path, const sl_image_opts *opts, sl_identity *ret_id, const sl_plugin **ret_desc,
                  sl_err *err);
/* dlopen of file and the checks; path is the original's name, for messages. *ret_lasting (or NULL) is 1 when the plugin
 * itself is at fault, 0 when something around it is: a library that is missing. */
int sl_image_load(const char *file, const char *path, const sl_plugin **ret_desc, int *ret_lasting, sl_err *err);
/* $XDG_CACHE_HOME/sluice or ~/.cache/sluice, made if needed; NULL if it is not ours to write. [own: sl_mem_free] */
char *sl_image_cache_dir(void);

#endif
