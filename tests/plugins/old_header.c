/* SPDX-License-Identifier: Apache-2.0 */
/* Built against an older plugin.h. */
#include <sluice/plugin.h>

const sl_plugin *sluice_plugin(void);

static const sl_stage_type type = {sizeof(sl_stage_type), SL_TRANSFORM, "old_header", "Old", NULL};
static const sl_plugin plugin = {sizeof(sl_plugin), SL_ABI_MAJOR, SL_ABI_MINOR, 0, 0, 1, "old_header", &type};

SL_EXPORT const sl_plugin *sluice_plugin(void) { return &plugin; }
