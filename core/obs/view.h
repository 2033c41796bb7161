/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at a pipeline: every figure there is, taken at once, and what it is written as.
 *
 * Counts are sums over all generations. The meter makes it and holds its lock as long as it lives; strings belong to
 * the meter or to what it has attached.
 */
#ifndef SLUICE_OBS_VIEW_H
#define SLUICE_OBS_VIEW_H

#include "platform/process.h"
#include "run/engine.h"
#include "store/state.h"

struct cJSON;
struct sl_buf;

/* What a stage reports of itself. */
typedef struct sl_own_metric {
  const char *stage, *name; /* name: as in the exposition, "sluice_stage_own_files_skipped_total" */
  int32_t kind;             /* SL_METRIC_… */
  double value;
} sl_own_metric;

typedef struct sl_view {
  const char *name;
  const sl_pipeline *pipeline; /* NULL between two generations */
  const char *file;            /* of the pipeline that runs or ran last; "" */
  sl_state_conf keep;          /* its bounds */
  int64_t budget;
  uint64_t generation;
  int phase;             /* SL_PHASE_… of obs/meter.h */
  const char *phase_why; /* "" if nothing */
  int64_t started;       /* wall clock, ns, of the process's pipeline */
  int64_t uptime_ns;
  uint64_t reloads, reloads_failed;
  sl_run_stats run;
  sl_stage_stats *stages; /* run.n_stages */
  int has_state, durable, stuck;
  sl_state_stats state;
  sl_err stuck_why;
  sl_process process;
  sl_own_metric *own; /* sorted by name, stage */
  uint32_t n_own;
  uint64_t own_refused; /* reports of further metrics than are kept */
} sl_view;

/* Why it is not ready: called for each reason; stage may be NULL. Returns how many there were. */
typedef void (*sl_reason_fn)(void *user, const char *reason, const char *stage, const char *text);
int sl_view_reasons(const sl_view *v, sl_reason_fn fn, void *user);

/* Seconds that the oldest thing that is not committed has waited. */
double sl_view_lag(const sl_view *v);

void sl_view_prometheus(const sl_view *v, struct sl_buf *out);
/* [own]; NULL when memory is out. */
struct cJSON *sl_view_stages(const sl_view *v);
struct cJSON *sl_view_pipeline(const sl_view *v);
struct cJSON *sl_view_ready(const sl_view *v, int *ret_ready);
const char *sl_view_phase_name(int phase);

#endif
