/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a plugin in a child process first, so that one that crashes or hangs takes nobody with it. [any] */
#ifndef SLUICE_PLUGIN_PROBE_H
#define SLUICE_PLUGIN_PROBE_H

#include "base/err.h"

/* The child's answer comes on this descriptor; a copy that has no name comes on the next one. */
#define SL_PROBE_FD 3
#define SL_PROBE_FILE_FD 4

/* Runs `program file path` and gives the plugin at most limit_ms, the start of the process a minute. fd >= 0: the file
 * is this descriptor. 0 when the plugin is sound; else its error. *ret_lasting is 1 when the same file would fail
 * again: a crash, a hang, a refused descriptor.
 */
int sl_probe_run(const char *program, const char *file, int fd, const char *path, int32_t limit_ms, int *ret_lasting,
                 sl_err *err);

/* What the child does: loads, checks, answers on SL_PROBE_FD. Returns the exit status. */
int sl_probe_child(const char *file, const char *path);

#endif
