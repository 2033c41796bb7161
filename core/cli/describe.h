/* SPDX-License-Identifier: Apache-2.0 */
/* How a stage type is shown, to people and as JSON. */
#ifndef SLUICE_CLI_DESCRIBE_H
#define SLUICE_CLI_DESCRIBE_H

#include <sluice/plugin.h>

struct cJSON;

const char *sl_describe_kind(uint32_t kind);
/* What a pipeline's file says under `uses:`: the plugin's name, with the type's behind a dot where it is another one.
 * desc may be NULL. Returns ret. */
const char *sl_describe_uses(const sl_plugin *desc, const sl_stage_type *t, char *ret, size_t size);
/* All about one type, to stdout. desc may be NULL. */
void sl_describe_print(const sl_plugin *desc, const sl_stage_type *t, const char *path, const char *build);
/* The same as JSON. [own] */
struct cJSON *sl_describe_json(const sl_plugin *desc, const sl_stage_type *t, const char *path, const char *build);

#endif
