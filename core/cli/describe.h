/* SPDX-License-Identifier: Apache-2.0 */
/* How a stage type is shown, to people and as JSON. */
#ifndef SLUICE_CLI_DESCRIBE_H
#define SLUICE_CLI_DESCRIBE_H

#include <sluice/plugin.h>

struct cJSON;

const char *sl_describe_kind(uint32_t kind);
/* All about one type, to stdout. desc may be NULL. */
void sl_describe_print(const sl_plugin *desc, const sl_stage_type *t, const char *path, const char *build);
/* The same as JSON. [own] */
struct cJSON *sl_describe_json(const sl_plugin *desc, const sl_stage_type *t, const char *path, const char *build);

#endif
