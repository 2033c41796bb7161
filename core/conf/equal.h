/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two uses of a stage type have the same parameters: secrets are compared, too. [any] */
#ifndef SLUICE_CONF_EQUAL_H
#define SLUICE_CONF_EQUAL_H

#include "base/err.h"

/* a and b: structs that were read by the type's table. 1 or 0. */
int sl_params_equal(const sl_stage_type *type, const void *a, const void *b);
/* Identity of the files and folders that the parameters name for reading, as they are now: a stage that read them may
 * have to read them again when it changes. */
uint64_t sl_params_inputs(const sl_stage_type *type, const void *params);

#endif
