/* SPDX-License-Identifier: Apache-2.0 */
/* Which file is this? A plugin is known again by device, inode, size, modification time and build id; a rebuilt file is
 * another one. [any] */
#ifndef SLUICE_PLUGIN_IDENTITY_H
#define SLUICE_PLUGIN_IDENTITY_H

#include "base/err.h"

typedef struct sl_identity {
  uint64_t dev, ino, size;
  int64_t mtime_ns;
  char build_id[65]; /* lower-case hexadecimal; SHA-256 of the content (cut to 40 digits) if the linker wrote none */
  char key[17];      /* hash of all of it and of this host's version: the name in the probe cache */
} sl_identity;

/* Of an open file. Reads the headers and the note only; the whole file where there is no build id. */
int sl_identity_of(int fd, const char *path, sl_identity *ret, sl_err *err);
int sl_identity_equal(const sl_identity *a, const sl_identity *b);

#endif
