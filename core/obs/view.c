/* SPDX-License-Identifier: Apache-2.0 */
/* One look at a pipeline: whether it is ready, and as JSON. */
#include "obs/view.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "doc/codec.h"
#include "doc/cond.h"
#include "obs/meter.h"

/* Documents are under way, and none has come to its end for so long. */
#define STALLED (2 * 60 * SL_TIME_S)

const char *sl_view_phase_name(int phase) {
  static const char *const names[] = {"starting", "running", "reloading", "stopping"};
  return phase >= 0 && phase <= SL_PHASE_STOPPING ? names[phase] : "?";
}

double sl_view_lag(const sl_view *v) {
  if (!v->state.oldest_pending) return 0;
  int64_t lag = sl_time_mono() - v->state.oldest_pending;
  return lag > 0 ? (double)lag / 1e9 : 0;
}

/* item [take]; without memory, or without the parent, it is left out. */
static void add_to_list(cJSON *list, cJSON *item) {
  if (!cJSON_AddItemToArray(list, item)) cJSON_Delete(item);
}

static void add_member(cJSON *object, const char *name, cJSON *item) {
  if (!cJSON_AddItemToObject(object, name, item)) cJSON_Delete(item);
}

/* ---- reasons ---- */

typedef struct reasons {
  sl_reason_fn fn;
  void *user;
  int n;
} reasons;

static void because(reasons *r, const char *reason, const char *stage, const char *fmt, ...) SL_PRINTF(4, 5);
static void because(reasons *r, const char *reason, const char *stage, const char *fmt, ...) {
  char text[640];
  va_list args;
  r->n++;
  if (!r->fn) return;
  va_start(args, fmt);
  (void)vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  r->fn(r->user, reason, stage, text);
}

static void why_phase(const sl_view *v, reasons *r) {
  if (v->phase == SL_PHASE_RUNNING && v->run.stopped == 0) return;
  int phase = v->phase == SL_PHASE_RUNNING ? SL_PHASE_STOPPING : v->phase;
  const char *name = sl_view_phase_name(phase);
  because(r, name, NULL, "the pipeline is %s%s%s", name, *v->phase_why ? ": " : "", v->phase_why);
}

/* Percent of a bound; 0 without one. */
static double part(uint64_t used, int64_t bound) { return bound > 0 ? (double)used * 100 / (double)bound : 0; }

static void why_state(const sl_view *v, reasons *r) {
  if (!v->has_state) return;
  const sl_state_stats *s = &v->state;
  if (v->stuck)
    because(r, "state_stuck", NULL, "the state cannot be committed; the sources wait: %s", v->stuck_why.message);
  const sl_state_conf *k = &v->keep;
  double spool = part(s->queued_bytes, k->spool);
  if (spool >= 99)
    because(r, "spool_full", NULL, "the spool is full: %llu documents, %.0f %% of `spool:`",
            (unsigned long long)s->queued, spool);
  double by_count = part(s->dead, k->dead_max), by_bytes = part(s->dead_bytes, k->dead_bytes);
  double dead = by_count > by_bytes ? by_count : by_bytes;
  if (dead >= 100)
    because(r, "dead_letters_full", NULL, "the dead letters are full: %llu; see sluice dlq",
            (unsigned long long)s->dead);
  else if (dead >= 90)
    because(r, "dead_letters_nearly_full", NULL, "the dead letters are %.0f %% full: %llu; see sluice dlq", dead,
            (unsigned long long)s->dead);
}

static void why_stages(const sl_view *v, reasons *r) {
  for (uint32_t i = 0; i < v->run.n_stages; i++) {
    const sl_stage_stats *s = &v->stages[i];
    if (s->breaker)
      because(r, "breaker_open", s->id,
              s->breaker == 2 ? "the sink works again; what waits in the spool is written first"
                              : "the sink keeps failing; its documents wait in the spool");
    if (s->slow_calls)
      because(r, "slow_call", s->id, "%u call%s running for longer than the stage's timeout", s->slow_calls,
              s->slow_calls == 1 ? " is" : "s are");
  }
}

static void why_stalled(const sl_view *v, reasons *r) {
  uint64_t held = 0;
  int64_t since = v->run.last_success > v->started ? v->run.last_success : v->started;
  int64_t quiet = sl_time_wall() - since;
  for (uint32_t i = 0; i < v->run.n_stages; i++) held += v->stages[i].held;
  if (v->phase != SL_PHASE_RUNNING || v->run.in_flight <= held || quiet < STALLED) return;
  because(r, "no_success", NULL, "%llu documents are under way, and none has come to its end for %.0f s",
          (unsigned long long)(v->run.in_flight - held), (double)quiet / 1e9);
}

int sl_view_reasons(const sl_view *v, sl_reason_fn fn, void *user) {
  reasons r = {.fn = fn, .user = user};
  why_phase(v, &r);
  why_state(v, &r);
  why_stages(v, &r);
  why_stalled(v, &r);
  return r.n;
}

static void reason_json(void *user, const char *reason, const char *stage, const char *text) {
  cJSON *one = cJSON_CreateObject();
  cJSON_AddStringToObject(one, "reason", reason);
  if (stage) cJSON_AddStringToObject(one, "stage", stage);
  cJSON_AddStringToObject(one, "text", text);
  add_to_list(user, one);
}

cJSON *sl_view_ready(const sl_view *v, int *ret_ready) {
  cJSON *out = cJSON_CreateObject();
  *ret_ready = sl_view_reasons(v, NULL, NULL) == 0;
  cJSON_AddBoolToObject(out, "ready", *ret_ready);
  cJSON_AddStringToObject(out, "pipeline", v->name);
  cJSON_AddStringToObject(out, "phase", sl_view_phase_name(v->phase));
  cJSON *list = cJSON_AddArrayToObject(out, "reasons");
  (void)sl_view_reasons(v, reason_json, list);
  return out;
}

/* ---- figures ---- */

static const char *kind_name(uint32_t kind) {
  static const char *const kinds[] = {"", "source", "transform", "sink"};
  return kinds[kind <= SL_SINK ? kind : 0];
}

static void number(cJSON *to, const char *name, uint64_t n) { cJSON_AddNumberToObject(to, name, (double)n); }

static void stamp(cJSON *to, const char *name, int64_t wall) {
  char text[40];
  if (wall)
    cJSON_AddStringToObject(to, name, sl_time_iso(wall, 3, text, sizeof text));
  else
    cJSON_AddNullToObject(to, name);
}

static void micros(cJSON *to, const char *name, int64_t ns) {
  cJSON_AddNumberToObject(to, name, round((double)ns / 100) / 10);
}

static cJSON *stage_json(const sl_stage_stats *s) {
  static const char *const breakers[] = {"closed", "open", "half-open"};
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "id", s->id);
  cJSON_AddStringToObject(out, "uses", s->uses);
  cJSON_AddStringToObject(out, "kind", kind_name(s->kind));
  number(out, "in", s->in);
  number(out, "out", s->out);
  number(out, "dropped", s->dropped);
  number(out, "filtered", s->filtered);
  number(out, "unrouted", s->unrouted);
  number(out, "retried", s->retried);
  number(out, "dead", s->dead);
  number(out, "bytes_in", s->bytes_in);
  number(out, "queued", s->queued);
  number(out, "queued_bytes", s->queued_bytes);
  number(out, "held", s->held);
  number(out, "slow_calls", s->slow_calls);
  if (s->kind == SL_SINK)
    cJSON_AddStringToObject(out, "breaker", breakers[s->breaker >= 0 && s->breaker <= 2 ? s->breaker : 0]);
  stamp(out, "last_out", s->last_out);
  cJSON *latency = cJSON_AddObjectToObject(out, "latency");
  number(latency, "calls", s->latency.n);
  micros(latency, "p50_us", sl_latency_quantile(&s->latency, 0.5));
  micros(latency, "p90_us", sl_latency_quantile(&s->latency, 0.9));
  micros(latency, "p99_us", sl_latency_quantile(&s->latency, 0.99));
  cJSON *counts = cJSON_AddArrayToObject(latency, "counts"); /* per bucket of run/metrics.h */
  for (uint32_t i = 0; i < SL_LATENCY_BUCKETS; i++)
    add_to_list(counts, cJSON_CreateNumber((double)s->latency.counts[i]));
  return out;
}

static void state_json(const sl_view *v, cJSON *out) {
  const sl_state_stats *s = &v->state;
  cJSON *state = cJSON_AddObjectToObject(out, "state");
  cJSON_AddBoolToObject(state, "durable", v->durable);
  cJSON_AddBoolToObject(state, "stuck", v->stuck);
  if (v->stuck) cJSON_AddStringToObject(state, "stuck_why", v->stuck_why.message);
  number(state, "commits", s->commits);
  number(state, "commit_failures", s->failures);
  stamp(state, "last_commit", s->last_commit);
  cJSON_AddNumberToObject(state, "checkpoint_lag_s", sl_view_lag(v));
  number(state, "bytes", s->file_bytes);
  number(state, "dead_letters", s->dead);
  number(state, "dead_letters_bytes", s->dead_bytes);
  number(state, "dead_letters_discarded", s->dead_dropped);
  number(state, "spool_documents", s->queued);
  number(state, "spool_bytes", s->queued_bytes);
  number(state, "kv_entries", s->kv);
  number(state, "kv_bytes", s->kv_bytes);
  number(state, "dead_letters_limit", (uint64_t)v->keep.dead_max);
  number(state, "spool_limit_bytes", (uint64_t)v->keep.spool);
}

static void run_json(const sl_view *v, cJSON *out) {
  const sl_run_stats *r = &v->run;
  number(out, "in", r->in);
  number(out, "stored", r->stored);
  number(out, "dropped", r->dropped);
  number(out, "unrouted", r->unrouted);
  number(out, "failed", r->failed);
  number(out, "dead", r->dead);
  number(out, "unfinished", r->unfinished);
  number(out, "waiting", r->waiting);
  number(out, "again", r->again);
  number(out, "in_flight", r->in_flight);
  number(out, "budget_used_bytes", r->live_bytes);
  number(out, "budget_limit_bytes", (uint64_t)v->budget);
  stamp(out, "last_success", r->last_success);
}

static void head_json(const sl_view *v, cJSON *out) {
  cJSON_AddStringToObject(out, "pipeline", v->name);
  cJSON_AddStringToObject(out, "file", v->file);
  number(out, "generation", v->generation);
  cJSON_AddStringToObject(out, "phase", sl_view_phase_name(v->phase));
  cJSON_AddNumberToObject(out, "uptime_s", round((double)v->uptime_ns / 1e6) / 1e3);
}

cJSON *sl_view_stages(const sl_view *v) {
  cJSON *out = cJSON_CreateObject();
  head_json(v, out);
  number(out, "reloads", v->reloads);
  number(out, "reloads_failed", v->reloads_failed);
  run_json(v, out);
  cJSON *process = cJSON_AddObjectToObject(out, "process");
  number(process, "resident_bytes", v->process.resident_bytes);
  number(process, "open_fds", v->process.open_fds);
  number(process, "threads", v->process.threads);
  cJSON_AddNumberToObject(process, "cpu_s", round((double)v->process.cpu_ns / 1e6) / 1e3);
  if (v->has_state) state_json(v, out);
  cJSON *why = cJSON_AddArrayToObject(out, "reasons");
  (void)sl_view_reasons(v, reason_json, why);
  cJSON *stages = cJSON_AddArrayToObject(out, "stages");
  for (uint32_t i = 0; i < v->run.n_stages; i++) add_to_list(stages, stage_json(&v->stages[i]));
  return out;
}

/* ---- the graph ---- */

static cJSON *edge_json(const sl_pipeline *p, const sl_edge *e) {
  cJSON *edge = cJSON_CreateObject();
  cJSON_AddStringToObject(edge, "from", p->stages[e->from].id);
  cJSON_AddStringToObject(edge, "to", p->stages[e->to].id);
  if (e->is_else)
    cJSON_AddStringToObject(edge, "when", "else");
  else if (e->when)
    add_member(edge, "when", sl_json_copy(sl_cond_json(e->when)));
  if (e->is_error) cJSON_AddBoolToObject(edge, "on_error", 1);
  return edge;
}

cJSON *sl_view_pipeline(const sl_view *v) {
  const sl_pipeline *p = v->pipeline;
  cJSON *out = cJSON_CreateObject();
  head_json(v, out);
  cJSON *stages = cJSON_AddArrayToObject(out, "stages"), *edges = cJSON_AddArrayToObject(out, "edges");
  if (!p) return out;
  cJSON_AddStringToObject(out, "state", p->state ? p->state : "none");
  number(out, "lanes", (uint64_t)p->lanes);
  number(out, "budget", (uint64_t)p->budget);
  for (uint32_t i = 0; i < p->n_stages; i++) {
    const sl_stage_conf *s = &p->stages[i];
    cJSON *stage = cJSON_CreateObject();
    cJSON_AddStringToObject(stage, "id", s->id);
    cJSON_AddStringToObject(stage, "uses", s->uses);
    cJSON_AddStringToObject(stage, "kind", kind_name(s->type->kind));
    cJSON_AddStringToObject(stage, "plugin", s->plugin_path ? s->plugin_path : "");
    cJSON_AddStringToObject(stage, "build", s->plugin_build ? s->plugin_build : "");
    /* Secrets stand as "(secret)" in it. */
    if (s->with) add_member(stage, "with", sl_json_copy(s->with));
    add_to_list(stages, stage);
  }
  for (uint32_t i = 0; i < p->n_edges; i++) add_to_list(edges, edge_json(p, &p->edges[i]));
  return out;
}
