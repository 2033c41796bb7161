/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `create` of a stage made, counted, so that the next generation of a pipeline can go on with it.
 *
 * Its parameters belong to the pipeline it was made for, which its owner keeps alive. Two engines may hold one, but
 * only one of them has lanes open on it at a time. [any]
 */
#ifndef SLUICE_RUN_MADE_H
#define SLUICE_RUN_MADE_H

#include <stdatomic.h>

#include "conf/pipeline.h"

typedef struct sl_made {
  atomic_uint refs;
  void *stage;
  const sl_stage_conf *conf; /* of the pipeline it was made for */
  uint64_t inputs;           /* sl_params_inputs before create */
  int64_t ran_at;            /* a source between two scheduled runs: monotonic, when the last began; else 0 */
  void (*release)(void *owner);
  void *owner;
} sl_made;

/* Objects that may be used again, each with a reference. */
typedef struct sl_kept {
  uint32_t n;
  sl_made *items[];
} sl_kept;

/* Empty, with one reference; hold(owner) was called if there is one. NULL when memory is out. */
sl_made *sl_made_new(const sl_stage_conf *conf, void (*hold)(void *owner), void (*release)(void *owner), void *owner);
sl_made *sl_made_ref(sl_made *m);
/* The last one destroys the object and releases the owner. NULL is fine. */
void sl_made_unref(sl_made *m);
/* One that was made for a stage of the same id, type, build, parameters and input files, with a reference; or NULL. */
sl_made *sl_made_find(const sl_kept *kept, const sl_stage_conf *conf);

struct sl_engine;
/* The objects of an engine. NULL when memory is out. */
sl_kept *sl_kept_of(const struct sl_engine *e);
void sl_kept_free(sl_kept *kept);

#endif
