/* SPDX-License-Identifier: Apache-2.0 */
/* The file of JSON lines that holds dead letters. Not locked: dead.c does that. */
#ifndef SLUICE_STORE_DEAD_FILE_H
#define SLUICE_STORE_DEAD_FILE_H

#include "store/dead.h"

struct sl_dead_lines;

/* JSON lines, appended; bodies as JSON, other bytes in base64. A line is written whole or not at all. */
int sl_dead_lines_open(const char *path, struct sl_dead_lines **ret, sl_err *err);
int sl_dead_lines_put(struct sl_dead_lines *l, const sl_dead_entry *entry, sl_err *err);
int sl_dead_lines_read(const char *path, int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err);
void sl_dead_lines_close(struct sl_dead_lines *l);

#endif
