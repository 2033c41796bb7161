/* SPDX-License-Identifier: Apache-2.0 */
/* The database: opening it, and the schema with its version. */
#ifndef SLUICE_SINK_SQLITE_SCHEMA_H
#define SLUICE_SINK_SQLITE_SCHEMA_H

#include <stdint.h>

#include <sqlite3.h>

#define STORE_APPLICATION 0x534C4344 /* application_id: "SLCD" */
#define STORE_VERSION 2              /* user_version */

typedef struct store_error {
  int32_t code; /* SL_E… */
  char message[160];
  char detail[512];
  const char *hint;
} store_error;

/* The SL_E… code of an SQLite result, with message and hint; what: "the database cannot be …". Returns the code. */
int32_t store_sqlite_error(store_error *err, sqlite3 *db, int rc, const char *what);
/* Opens path, making folders, file and schema where they are missing, and checks the version. *ret [own:
 * sqlite3_close]. */
int32_t store_open(const char *path, int64_t busy_ms, int full_sync, sqlite3 **ret, store_error *err);

#endif
