/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines built by hand for tests of the engine: stages must be added in topological order. Header-only. */
#ifndef SLUICE_TESTS_PIPES_H
#define SLUICE_TESTS_PIPES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/pipeline.h"
#include "run/engine.h"
#include "stages.h"

#define MAX_STAGES 32
#define MAX_EDGES 128

struct pipe {
  sl_pipeline p;
  sl_stage_conf stages[MAX_STAGES];
  sl_edge edges[MAX_EDGES];
  char ids[MAX_STAGES][16];
  union {
    struct gen_params gen;
    struct work_params work;
    struct hold_params hold;
  } params[MAX_STAGES];
};

static inline void pipe_init(struct pipe *p) {
  memset(p, 0, sizeof(*p));
  p->p = (sl_pipeline){.name = "test",
                       .file = "/test.yaml",
                       .dead_path = "/dev/null",
                       .lanes = 2,
                       .budget = 64 << 20,
                       .grace = 5000000000,
                       .log_level = 0,
                       .unrouted = SL_UNROUTED_IGNORE,
                       .stages = p->stages,
                       .edges = p->edges};
}

static inline uint32_t pipe_add(struct pipe *p, const sl_stage_type *type) {
  uint32_t i = p->p.n_stages++;
  snprintf(p->ids[i], sizeof(p->ids[i]), "s%u", i);
  p->stages[i] = (sl_stage_conf){.id = p->ids[i],
                                 .uses = type->name,
                                 .type = type,
                                 .plugin_path = "",
                                 .plugin_build = "",
                                 .params = &p->params[i],
                                 .on_error = {.retry = 3, .backoff = 100000, .backoff_max = 2000000, .route = -1},
                                 .batch = {.documents = 1000, .bytes = 4 << 20},
                                 .threads = 1,
                                 .in_flight = 16};
  return i;
}

/* Keeps the edges grouped by `from`. */
static inline sl_edge *pipe_edge(struct pipe *p, uint32_t from, uint32_t to) {
  uint32_t at = p->p.n_edges++;
  while (at > 0 && p->edges[at - 1].from > from) {
    p->edges[at] = p->edges[at - 1];
    at--;
  }
  p->edges[at] = (sl_edge){.from = from, .to = to};
  return &p->edges[at];
}

static inline int pipe_run(struct pipe *p, const sl_run_opts *opts, sl_run_stats *stats, sl_err *err) {
  static sl_stage_stats kept[MAX_STAGES];
  sl_engine *e = NULL;
  int rc = sl_engine_new(&p->p, opts, &e, err);
  if (rc) return rc;
  rc = sl_engine_run(e, err);
  sl_engine_stats(e, stats);
  memcpy(kept, stats->stages, stats->n_stages * sizeof(kept[0]));
  stats->stages = kept;
  sl_engine_free(e);
  return rc;
}

#endif
