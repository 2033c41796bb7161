/* SPDX-License-Identifier: Apache-2.0 */
/* The two kinds of file that hold dead letters. Not locked: dead.c does that. */
#ifndef SLUICE_STORE_DEAD_FILE_H
#define SLUICE_STORE_DEAD_FILE_H

#include "store/dead.h"

struct sl_dead_db;
struct sl_dead_lines;

/* SQLite. write 0: read only. *ret [own]. */
int sl_dead_db_open(const char *path, int write, struct sl_dead_db **ret, sl_err *err);
int sl_dead_db_put(struct sl_dead_db *db, const sl_dead_entry *entry, sl_err *err);
int sl_dead_db_read(struct sl_dead_db *db, int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err);
void sl_dead_db_close(struct sl_dead_db *db);

/* JSON lines, appended; bodies as JSON, other bytes in base64. A line is written whole or not at all. */
int sl_dead_lines_open(const char *path, struct sl_dead_lines **ret, sl_err *err);
int sl_dead_lines_put(struct sl_dead_lines *l, const sl_dead_entry *entry, sl_err *err);
int sl_dead_lines_read(const char *path, int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err);
void sl_dead_lines_close(struct sl_dead_lines *l);

#endif
