/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds, probes, opens and checks plugins. See docs/internals/loader.md.
 *
 * A registry lives as long as the process; plugins are never unloaded. [any, one thread at a time]
 */
#ifndef SLUICE_PLUGIN_LOADER_H
#define SLUICE_PLUGIN_LOADER_H

#include "base/err.h"

typedef struct sl_registry sl_registry;

typedef struct sl_loaded {
  const sl_plugin *desc;
  const char *path;     /* absolute, of the original file */
  const char *build_id; /* hexadecimal; content hash if the linker wrote none */
  const char *shadowed; /* path of another file of that name further down the search path, or NULL */
} sl_loaded;

/* self: argv[0] or NULL, to find the build tree and the installed folder. *ret [own]. */
int sl_registry_new(const char *self, sl_registry **ret, sl_err *err);
void sl_registry_free(sl_registry *r);
/* Folders of the file's `plugin_path:`, searched first. */
int sl_registry_add_path(sl_registry *r, const char *dir, sl_err *err);
/* `uses`: "x", "x.type" or "./x.so". Probes in a child if the file is not known, opens a private copy, checks the
 * descriptor. ret_loaded may be NULL. The signature fits sl_resolve_fn with the registry as user. */
int sl_registry_resolve(void *registry, const char *uses, const char *base, const char *const *path, uint32_t n_path,
                        const sl_stage_type **ret_type, const char **ret_path, const char **ret_build, sl_err *err);
/* Every plugin on the search path, for `inspect` without an argument: cb gets either loaded or the error of a refused
 * file. */
int sl_registry_scan(sl_registry *r,
                     void (*cb)(void *user, const char *path, const sl_loaded *loaded, const sl_err *err), void *user,
                     sl_err *err);
/* What has been opened so far, in that order: for a report of shadowed files. */
void sl_registry_each(sl_registry *r, void (*cb)(void *user, const sl_loaded *loaded), void *user);
/* Time that a plugin may take to load in the probe; default 10 s. */
void sl_registry_set_limit(sl_registry *r, int32_t limit_ms);
/* The search path as it stands, in order. [borrow until the next call] */
const char *const *sl_registry_path(sl_registry *r, uint32_t *ret_n);

/* Opens one file without a probe and without a private copy: for tests of a plugin (harness.h). */
int sl_plugin_open_file(const char *path, const sl_plugin **ret_desc, sl_err *err);
/* Checks a descriptor against the contract (sizes, versions, tables, offsets). [any] */
int sl_plugin_check(const sl_plugin *desc, const char *path, sl_err *err);

#endif
