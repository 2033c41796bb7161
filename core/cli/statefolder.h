/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the state of a pipeline for a run. */
#ifndef SLUICE_CLI_STATEFOLDER_H
#define SLUICE_CLI_STATEFOLDER_H

#include "conf/pipeline.h"
#include "store/state.h"

/* The options of the pipeline's state; log and log_user are the caller's to set. */
void sl_statefolder_options(const sl_pipeline *p, sl_state_opts *ret);
/* The folder `state:`, or memory for `state: none`. *ret [own: sl_state_close]. */
int sl_statefolder_open(const sl_pipeline *p, void (*log)(void *user, int32_t level, const char *text), void *user,
                        sl_state **ret, sl_err *err);

#endif
