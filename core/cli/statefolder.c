/* SPDX-License-Identifier: Apache-2.0 */
/* From the pipeline's keys to an open state. */
#include "cli/statefolder.h"

void sl_statefolder_options(const sl_pipeline *p, sl_state_opts *ret) {
  *ret = (sl_state_opts){.folder = p->state,
                         .pipeline = p->name,
                         .commit_every = p->keep.checkpoint,
                         .spool_bytes = p->keep.spool,
                         .kv_bytes = p->keep.kv,
                         .dead_max = p->keep.dead_max,
                         .dead_bytes = p->keep.dead_bytes,
                         .dead_age = p->keep.dead_age,
                         .dead_drop_oldest = p->keep.dead_when_full == SL_DEAD_FULL_DROP_OLDEST};
}

int sl_statefolder_open(const sl_pipeline *p, void (*log)(void *user, int32_t level, const char *text), void *user,
                        sl_state **ret, sl_err *err) {
  sl_state_opts opts;
  sl_statefolder_options(p, &opts);
  opts.log = log;
  opts.log_user = user;
  return sl_state_open(&opts, ret, err);
}
