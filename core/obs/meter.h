/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures of one pipeline over all its generations: what the admin server, `top` and the metrics show.
 *
 * The engine that runs is attached and, before it is freed, detached: its counts are then added to those of the
 * generations before, by stage id, so that a reload never sets a counter back. Everything is written while the meter's
 * lock is held, and detach waits for it: what the engine lends stays alive meanwhile.
 *
 * Safety: one lock, taken before the engine's and the state's; the metrics of stages have a leaf lock. [any]
 */
#ifndef SLUICE_OBS_METER_H
#define SLUICE_OBS_METER_H

#include "run/engine.h"

struct cJSON;
struct sl_buf;
struct sl_state;

typedef struct sl_meter sl_meter;

#define SL_PHASE_STARTING 0
#define SL_PHASE_RUNNING 1
#define SL_PHASE_RELOADING 2
#define SL_PHASE_STOPPING 3

/* name of the pipeline [copied]. *ret [own]. */
int sl_meter_new(const char *name, sl_meter **ret, sl_err *err);
void sl_meter_free(sl_meter *m);
/* engine, pipeline, state [borrow until detach]; state may be NULL. Before sl_engine_run. */
void sl_meter_attach(sl_meter *m, sl_engine *engine, const sl_pipeline *pipeline, struct sl_state *state,
                     uint64_t generation);
/* After sl_engine_run, before sl_engine_free. Does nothing if none is attached. */
void sl_meter_detach(sl_meter *m);
/* why: shown by /readyz; NULL keeps nothing. RUNNING is set when the engine runs. */
void sl_meter_phase(sl_meter *m, int phase, const char *why);
/* A reload came to its end: counted by result. */
void sl_meter_reloaded(sl_meter *m, int ok);
/* For sl_run_opts.metric; user is the meter. */
void sl_meter_metric(void *user, const char *stage, int32_t kind, const char *name, double value);

/* Prometheus text format 0.0.4. 0 or SL_ENOMEM. */
int sl_meter_prometheus(sl_meter *m, struct sl_buf *out);
/* [own]; NULL when memory is out. */
struct cJSON *sl_meter_stages(sl_meter *m);
struct cJSON *sl_meter_pipeline(sl_meter *m);
/* {"ready":…,"phase":…,"reasons":[…]}; *ret_ready. */
struct cJSON *sl_meter_ready(sl_meter *m, int *ret_ready);
/* The state that is attached, which stays until sl_meter_give_state: detach waits for it. NULL (and nothing to give
 * back) if there is none. For calls that may take long: the meter is not locked meanwhile. */
struct sl_state *sl_meter_take_state(sl_meter *m);
void sl_meter_give_state(sl_meter *m);

#endif
