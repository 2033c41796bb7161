/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of pipeline files, for editors: made from the tables that the loader itself reads by. [any] */
#ifndef SLUICE_CONF_SCHEMA_H
#define SLUICE_CONF_SCHEMA_H

#include "base/err.h"

struct cJSON;

/* A stage type as a file would name it. */
typedef struct sl_schema_type {
  const char *uses; /* "clean", "kafka.in" */
  const sl_stage_type *type;
  const sl_plugin *plugin; /* NULL if it is not known */
} sl_schema_type;

/* Draft 7, which YAML language servers understand. With the parameters of the given stage types; n may be 0. *ret
 * [own]. */
int sl_schema_make(const sl_schema_type *types, uint32_t n, struct cJSON **ret, sl_err *err);

#endif
