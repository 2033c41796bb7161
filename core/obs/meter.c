/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of one pipeline over all its generations. */
#include "obs/meter.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "obs/view.h"

/* Metrics of the stages' own: a stage that makes a name of a value would fill the memory of whoever reads them. */
#define OWN_PER_STAGE 64
#define OWN_ALL 1024

/* A stage as far as it has been counted in former generations. */
typedef struct base {
  char *id, *uses;
  sl_stage_stats sum;
} base;

struct sl_meter {
  pthread_mutex_t lock;
  char *name;
  sl_map *bases; /* by stage id */
  sl_run_stats sum;
  sl_engine *engine;
  const sl_pipeline *pipeline;
  sl_state *state;
  uint32_t state_users; /* who works on it outside of the lock */
  pthread_cond_t state_free;
  uint64_t generation;
  sl_stage_stats *last; /* between two generations: as the former one ended */
  uint32_t n_last;
  int phase;
  char why[512];
  int64_t started, started_wall;
  uint64_t reloads, reloads_failed;

  pthread_mutex_t own_lock; /* a leaf */
  sl_own_metric *own;
  uint32_t n_own, own_cap;
  uint64_t own_refused;
};

static void free_base(void *value) {
  base *b = value;
  sl_mem_free(b->id);
  sl_mem_free(b->uses);
  sl_mem_free(b);
}

int sl_meter_new(const char *name, sl_meter **ret, sl_err *err) {
  sl_meter *m = sl_mem_calloc(1, sizeof *m);
  if (!m) return sl_err_set(err, SL_ENOMEM, "no memory for the pipeline's figures");
  (void)pthread_mutex_init(&m->lock, NULL);
  (void)pthread_mutex_init(&m->own_lock, NULL);
  (void)pthread_cond_init(&m->state_free, NULL);
  m->started = sl_time_mono();
  m->started_wall = sl_time_wall();
  m->name = sl_mem_strdup(name);
  m->bases = sl_map_new(free_base);
  if (!m->name || !m->bases) {
    sl_meter_free(m);
    return sl_err_set(err, SL_ENOMEM, "no memory for the pipeline's figures");
  }
  *ret = m;
  return 0;
}

void sl_meter_free(sl_meter *m) {
  if (!m) return;
  for (uint32_t i = 0; i < m->n_own; i++) {
    sl_mem_free((void *)(uintptr_t)m->own[i].stage);
    sl_mem_free((void *)(uintptr_t)m->own[i].name);
  }
  sl_mem_free(m->own);
  sl_mem_free(m->last);
  sl_map_free(m->bases);
  sl_mem_free(m->name);
  (void)pthread_mutex_destroy(&m->lock);
  (void)pthread_mutex_destroy(&m->own_lock);
  (void)pthread_cond_destroy(&m->state_free);
  sl_mem_free(m);
}

/* ---- sums ---- */

static void add_stage(sl_stage_stats *to, const sl_stage_stats *from) {
  to->in += from->in;
  to->out += from->out;
  to->dropped += from->dropped;
  to->filtered += from->filtered;
  to->unrouted += from->unrouted;
  to->retried += from->retried;
  to->dead += from->dead;
  to->bytes_in += from->bytes_in;
  to->cpu_ns += from->cpu_ns;
  to->wall_ns += from->wall_ns;
  if (to->last_out < from->last_out) to->last_out = from->last_out;
  sl_latency_add(&to->latency, &from->latency);
}

static void add_run(sl_run_stats *to, const sl_run_stats *from) {
  to->in += from->in;
  to->stored += from->stored;
  to->dropped += from->dropped;
  to->unrouted += from->unrouted;
  to->failed += from->failed;
  to->dead += from->dead;
  to->unfinished += from->unfinished;
  to->again += from->again;
  to->waiting += from->waiting;
  if (to->last_success < from->last_success) to->last_success = from->last_success;
}

static base *base_of(sl_meter *m, const sl_stage_stats *s) {
  base *b = sl_map_get(m->bases, s->id);
  if (b) return b;
  b = sl_mem_calloc(1, sizeof *b);
  if (!b) return NULL;
  b->id = sl_mem_strdup(s->id);
  b->uses = sl_mem_strdup(s->uses);
  if (!b->id || !b->uses || sl_map_set(m->bases, s->id, b) != 0) {
    free_base(b);
    return NULL;
  }
  return b;
}

/* What the engine says now, without the former generations. *ret_stages [own]; NULL when memory is out. */
static sl_stage_stats *ask(const sl_meter *m, sl_run_stats *run) {
  sl_stage_stats *stages = sl_mem_calloc(m->pipeline->n_stages + 1, sizeof *stages);
  if (stages) sl_engine_stats_into(m->engine, run, stages);
  return stages;
}

/* What was now is no more. */
static void at_rest(sl_stage_stats *s) {
  s->held = s->queued = s->queued_bytes = 0;
  s->breaker = 0;
  s->slow_calls = 0;
}

void sl_meter_attach(sl_meter *m, sl_engine *engine, const sl_pipeline *pipeline, sl_state *state,
                     uint64_t generation) {
  pthread_mutex_lock(&m->lock);
  m->engine = engine;
  m->pipeline = pipeline;
  m->state = state;
  m->generation = generation;
  pthread_mutex_unlock(&m->lock);
}

/* Without memory the counts of this generation are lost to the sums, and nothing else. */
static void keep(sl_meter *m) {
  sl_run_stats run;
  sl_stage_stats *stages = ask(m, &run);
  if (!stages) return;
  add_run(&m->sum, &run);
  for (uint32_t i = 0; i < run.n_stages; i++) {
    base *b = base_of(m, &stages[i]);
    if (!b) continue;
    add_stage(&b->sum, &stages[i]);
    uint32_t kind = stages[i].kind;
    stages[i] = b->sum;
    stages[i].id = b->id;
    stages[i].uses = b->uses;
    stages[i].kind = kind;
    at_rest(&stages[i]);
  }
  sl_mem_free(m->last);
  m->last = stages;
  m->n_last = run.n_stages;
}

void sl_meter_detach(sl_meter *m) {
  pthread_mutex_lock(&m->lock);
  if (m->engine) keep(m);
  m->engine = NULL;
  m->pipeline = NULL;
  m->state = NULL;
  while (m->state_users) pthread_cond_wait(&m->state_free, &m->lock);
  pthread_mutex_unlock(&m->lock);
}

void sl_meter_phase(sl_meter *m, int phase, const char *why) {
  pthread_mutex_lock(&m->lock);
  m->phase = phase;
  (void)sl_str_copy(m->why, sizeof m->why, why ? why : "");
  pthread_mutex_unlock(&m->lock);
}

void sl_meter_reloaded(sl_meter *m, int ok) {
  pthread_mutex_lock(&m->lock);
  if (ok)
    m->reloads++;
  else
    m->reloads_failed++;
  pthread_mutex_unlock(&m->lock);
}

/* ---- the stages' own ---- */

/* "files skipped" as a counter: "sluice_stage_own_files_skipped_total". [own] */
static char *exposed_name(int32_t kind, const char *name) {
  sl_buf buf = {0};
  (void)sl_buf_addstr(&buf, "sluice_stage_own_");
  for (const char *p = name; *p; p++) {
    char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    (void)sl_buf_addc(&buf, (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_');
  }
  if (kind == SL_METRIC_COUNTER && !sl_str_ends(name, "_total")) (void)sl_buf_addstr(&buf, "_total");
  return sl_buf_take(&buf, NULL);
}

/* Where it is or belongs; *ret_found. */
static uint32_t own_place(const sl_meter *m, const char *stage, const char *name, int *ret_found) {
  uint32_t low = 0, high = m->n_own;
  *ret_found = 0;
  while (low < high) {
    uint32_t mid = (low + high) / 2;
    int order = strcmp(m->own[mid].name, name);
    if (!order) order = strcmp(m->own[mid].stage, stage);
    if (!order) *ret_found = 1;
    if (!order) return mid;
    if (order < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static int own_full(const sl_meter *m, const char *stage) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < m->n_own; i++) n += strcmp(m->own[i].stage, stage) == 0;
  return n >= OWN_PER_STAGE || m->n_own >= OWN_ALL;
}

/* A new one at its place; NULL if there is no room for it. */
static sl_own_metric *own_add(sl_meter *m, uint32_t at, const char *stage, const char *name, int32_t kind) {
  if (own_full(m, stage)) return NULL;
  /* One name has one type, whoever reports it. */
  if ((at > 0 && strcmp(m->own[at - 1].name, name) == 0 && m->own[at - 1].kind != kind) ||
      (at < m->n_own && strcmp(m->own[at].name, name) == 0 && m->own[at].kind != kind))
    return NULL;
  if (m->n_own == m->own_cap) {
    uint32_t cap = m->own_cap ? m->own_cap * 2 : 16;
    sl_own_metric *own = sl_mem_realloc(m->own, cap * sizeof *own);
    if (!own) return NULL;
    m->own = own;
    m->own_cap = cap;
  }
  char *s = sl_mem_strdup(stage), *n = sl_mem_strdup(name);
  if (!s || !n) {
    sl_mem_free(s);
    sl_mem_free(n);
    return NULL;
  }
  memmove(&m->own[at + 1], &m->own[at], (m->n_own - at) * sizeof *m->own);
  m->own[at] = (sl_own_metric){.stage = s, .name = n, .kind = kind};
  m->n_own++;
  return &m->own[at];
}

void sl_meter_metric(void *user, const char *stage, int32_t kind, const char *name, double value) {
  sl_meter *m = user;
  if ((kind != SL_METRIC_COUNTER && kind != SL_METRIC_GAUGE) || !name || !*name || strlen(name) > 128) return;
  if (kind == SL_METRIC_COUNTER && !(value >= 0)) return;
  char *exposed = exposed_name(kind, name);
  if (!exposed) return;
  int found = 0;
  pthread_mutex_lock(&m->own_lock);
  uint32_t at = own_place(m, stage, exposed, &found);
  sl_own_metric *own = found ? &m->own[at] : own_add(m, at, stage, exposed, kind);
  if (!own || own->kind != kind)
    m->own_refused++;
  else if (kind == SL_METRIC_COUNTER)
    own->value += value;
  else
    own->value = value;
  pthread_mutex_unlock(&m->own_lock);
  sl_mem_free(exposed);
}

/* ---- views ---- */

/* Locks both locks until close_view. 0 or SL_ENOMEM. */
static int open_view(sl_meter *m, sl_view *v) {
  pthread_mutex_lock(&m->lock);
  *v = (sl_view){.name = m->name,
                 .pipeline = m->pipeline,
                 .generation = m->generation,
                 .phase = m->phase,
                 .phase_why = m->why,
                 .started = m->started_wall,
                 .uptime_ns = sl_time_mono() - m->started,
                 .reloads = m->reloads,
                 .reloads_failed = m->reloads_failed};
  sl_process_look(&v->process);
  if (m->engine) {
    v->stages = ask(m, &v->run);
    for (uint32_t i = 0; v->stages && i < v->run.n_stages; i++) {
      const base *b = sl_map_get(m->bases, v->stages[i].id);
      if (b) add_stage(&v->stages[i], &b->sum);
    }
  } else {
    v->run.n_stages = m->n_last;
    v->stages = sl_mem_memdup(m->last, m->n_last * sizeof *m->last);
  }
  if (!v->stages) {
    pthread_mutex_unlock(&m->lock);
    return SL_ENOMEM;
  }
  add_run(&v->run, &m->sum);
  v->run.stages = v->stages;
  if (m->state) {
    v->has_state = 1;
    v->durable = sl_state_durable(m->state);
    sl_state_get_stats(m->state, &v->state);
    v->stuck = sl_state_stuck(m->state, &v->stuck_why);
  }
  pthread_mutex_lock(&m->own_lock);
  v->own = m->own;
  v->n_own = m->n_own;
  v->own_refused = m->own_refused;
  return 0;
}

static void close_view(sl_meter *m, sl_view *v) {
  pthread_mutex_unlock(&m->own_lock);
  pthread_mutex_unlock(&m->lock);
  sl_mem_free(v->stages);
}

int sl_meter_prometheus(sl_meter *m, struct sl_buf *out) {
  sl_view v;
  if (open_view(m, &v) != 0) return SL_ENOMEM;
  sl_view_prometheus(&v, out);
  close_view(m, &v);
  return out->failed ? SL_ENOMEM : 0;
}

cJSON *sl_meter_stages(sl_meter *m) {
  sl_view v;
  if (open_view(m, &v) != 0) return NULL;
  cJSON *out = sl_view_stages(&v);
  close_view(m, &v);
  return out;
}

cJSON *sl_meter_pipeline(sl_meter *m) {
  sl_view v;
  if (open_view(m, &v) != 0) return NULL;
  cJSON *out = sl_view_pipeline(&v);
  close_view(m, &v);
  return out;
}

cJSON *sl_meter_ready(sl_meter *m, int *ret_ready) {
  sl_view v;
  if (open_view(m, &v) != 0) return NULL;
  cJSON *out = sl_view_ready(&v, ret_ready);
  close_view(m, &v);
  return out;
}

sl_state *sl_meter_take_state(sl_meter *m) {
  pthread_mutex_lock(&m->lock);
  sl_state *state = m->state;
  m->state_users += state != NULL;
  pthread_mutex_unlock(&m->lock);
  return state;
}

void sl_meter_give_state(sl_meter *m) {
  pthread_mutex_lock(&m->lock);
  if (--m->state_users == 0) pthread_cond_broadcast(&m->state_free);
  pthread_mutex_unlock(&m->lock);
}
