/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of one pipeline over all its generations. */
#include "obs/meter.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "obs/view.h"
#include "run/totals.h"

/* Metrics of the stages' own: a stage that makes a name of a value would fill the memory of whoever reads them. */
#define OWN_PER_STAGE 64
#define OWN_ALL 1024

/* A metric that a stage reports. Lives as long as the meter; value is added to without the lock. */
typedef struct own {
  char *stage, *given, *name; /* given: as the stage says it; name: as it is exposed */
  int32_t kind;
  _Atomic double value;
} own;

/* What a thread found last under a pair of names: a stage reports the same few again and again. */
typedef struct found {
  uint64_t meter;
  own *own;
} found;
#define FOUND 16
static _Thread_local found founds[FOUND];
static atomic_ullong meters;

struct sl_meter {
  uint64_t id; /* no other meter has or had it */
  pthread_mutex_t lock;
  char *name;
  sl_totals totals; /* of the generations before */
  sl_engine *engine;
  const sl_pipeline *pipeline;
  sl_state *state;
  uint32_t state_users; /* who works on it outside of the lock */
  pthread_cond_t state_free;
  uint64_t generation;
  /* Of the pipeline that is attached or was last: figures do not vanish between two generations. */
  char *file;
  sl_state_conf keep;
  int64_t budget;
  int had_state, durable;
  sl_state_stats state_stats;
  sl_stage_stats *last; /* between two generations: as the former one ended */
  uint32_t n_last;
  int phase;
  char why[512];
  int64_t started, started_wall;
  uint64_t reloads, reloads_failed;

  pthread_mutex_t own_lock; /* a leaf */
  own **own;                /* by name, stage */
  uint32_t n_own, own_cap;
  uint64_t own_refused;
};

static void free_own(own *o) {
  if (!o) return;
  sl_mem_free(o->stage);
  sl_mem_free(o->given);
  sl_mem_free(o->name);
  sl_mem_free(o);
}

int sl_meter_new(const char *name, sl_meter **ret, sl_err *err) {
  sl_meter *m = sl_mem_calloc(1, sizeof *m);
  if (!m) return sl_err_set(err, SL_ENOMEM, "no memory for the pipeline's figures");
  (void)pthread_mutex_init(&m->lock, NULL);
  (void)pthread_mutex_init(&m->own_lock, NULL);
  (void)pthread_cond_init(&m->state_free, NULL);
  m->id = atomic_fetch_add(&meters, 1) + 1;
  m->started = sl_time_mono();
  m->started_wall = sl_time_wall();
  m->name = sl_mem_strdup(name);
  if (!m->name) {
    sl_meter_free(m);
    return sl_err_set(err, SL_ENOMEM, "no memory for the pipeline's figures");
  }
  *ret = m;
  return 0;
}

void sl_meter_free(sl_meter *m) {
  if (!m) return;
  for (uint32_t i = 0; i < m->n_own; i++) free_own(m->own[i]);
  sl_mem_free(m->own);
  sl_mem_free(m->last);
  sl_totals_done(&m->totals);
  sl_mem_free(m->name);
  sl_mem_free(m->file);
  (void)pthread_mutex_destroy(&m->lock);
  (void)pthread_mutex_destroy(&m->own_lock);
  (void)pthread_cond_destroy(&m->state_free);
  sl_mem_free(m);
}

/* ---- sums ---- */

/* What the engine says now, without the former generations. *ret_stages [own]; NULL when memory is out. */
static sl_stage_stats *ask(const sl_meter *m, sl_run_stats *run) {
  sl_stage_stats *stages = sl_mem_calloc(m->pipeline->n_stages + 1, sizeof *stages);
  if (stages) sl_engine_stats_into(m->engine, run, stages);
  return stages;
}

void sl_meter_attach(sl_meter *m, sl_engine *engine, const sl_pipeline *pipeline, sl_state *state,
                     uint64_t generation) {
  pthread_mutex_lock(&m->lock);
  m->engine = engine;
  m->pipeline = pipeline;
  m->state = state;
  m->generation = generation;
  m->keep = pipeline->keep;
  m->budget = pipeline->budget;
  char *file = sl_mem_strdup(pipeline->file);
  if (file) {
    sl_mem_free(m->file);
    m->file = file;
  }
  pthread_mutex_unlock(&m->lock);
}

/* Without memory the counts of this generation are lost to the sums, and nothing else. */
static void keep(sl_meter *m) {
  sl_run_stats run;
  sl_stage_stats *stages = ask(m, &run);
  if (!stages) return;
  sl_totals_add(&m->totals, &run);
  uint32_t n = 0;
  for (uint32_t i = 0; i < run.n_stages; i++) {
    const sl_stage_stats *sum = sl_totals_stage(&m->totals, stages[i].id);
    if (!sum) continue;
    stages[n] = *sum;
    stages[n++].kind = stages[i].kind;
  }
  sl_mem_free(m->last);
  m->last = stages;
  m->n_last = n;
}

void sl_meter_detach(sl_meter *m) {
  pthread_mutex_lock(&m->lock);
  if (m->engine) keep(m);
  m->had_state = m->state != NULL;
  if (m->state) {
    m->durable = sl_state_durable(m->state);
    sl_state_get_stats(m->state, &m->state_stats);
    m->state_stats.oldest_pending = 0;
  }
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
    int order = strcmp(m->own[mid]->name, name);
    if (!order) order = strcmp(m->own[mid]->stage, stage);
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
  for (uint32_t i = 0; i < m->n_own; i++) n += strcmp(m->own[i]->stage, stage) == 0;
  return n >= OWN_PER_STAGE || m->n_own >= OWN_ALL;
}

/* One name has one type, whoever reports it. */
static int other_kind(const sl_meter *m, uint32_t at, const char *name, int32_t kind) {
  return at < m->n_own && strcmp(m->own[at]->name, name) == 0 && m->own[at]->kind != kind;
}

/* A new one at its place; NULL if there is no room for it. */
static own *own_add(sl_meter *m, uint32_t at, const char *stage, const char *given, const char *name, int32_t kind) {
  if (own_full(m, stage) || other_kind(m, at, name, kind) || (at > 0 && other_kind(m, at - 1, name, kind))) return NULL;
  if (m->n_own == m->own_cap) {
    uint32_t cap = m->own_cap ? m->own_cap * 2 : 16;
    own **all = sl_mem_realloc(m->own, cap * sizeof(own *));
    if (!all) return NULL;
    m->own = all;
    m->own_cap = cap;
  }
  own *o = sl_mem_calloc(1, sizeof *o);
  if (!o) return NULL;
  o->stage = sl_mem_strdup(stage);
  o->given = sl_mem_strdup(given);
  o->name = sl_mem_strdup(name);
  o->kind = kind;
  if (!o->stage || !o->given || !o->name) {
    free_own(o);
    return NULL;
  }
  memmove(&m->own[at + 1], &m->own[at], (m->n_own - at) * sizeof(own *));
  m->own[at] = o;
  m->n_own++;
  return o;
}

/* NULL, and counted as refused, if it is not to be kept. */
static own *own_find(sl_meter *m, const char *stage, int32_t kind, const char *given) {
  char *name = exposed_name(kind, given);
  if (!name) return NULL;
  int there = 0;
  pthread_mutex_lock(&m->own_lock);
  uint32_t at = own_place(m, stage, name, &there);
  own *o = there ? m->own[at] : own_add(m, at, stage, given, name, kind);
  if (o && o->kind != kind) o = NULL;
  m->own_refused += o == NULL;
  pthread_mutex_unlock(&m->own_lock);
  sl_mem_free(name);
  return o;
}

void sl_meter_metric(void *user, const char *stage, int32_t kind, const char *name, double value) {
  sl_meter *m = user;
  if ((kind != SL_METRIC_COUNTER && kind != SL_METRIC_GAUGE) || !name || !*name) return;
  if (kind == SL_METRIC_COUNTER && !(value >= 0)) return;
  size_t n = strlen(name);
  if (n > 128) return;
  found *f = &founds[((uintptr_t)stage / 8 + (uintptr_t)name + n) % FOUND];
  own *o = f->own;
  if (f->meter != m->id || o->kind != kind || strcmp(o->given, name) != 0 || strcmp(o->stage, stage) != 0) {
    o = own_find(m, stage, kind, name);
    if (!o) return;
    /* Two spellings may come to one name: only the first is remembered. */
    if (strcmp(o->given, name) == 0) *f = (found){m->id, o};
  }
  if (kind == SL_METRIC_GAUGE) {
    atomic_store_explicit(&o->value, value, memory_order_relaxed);
    return;
  }
  double was = atomic_load_explicit(&o->value, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&o->value, &was, was + value, memory_order_relaxed,
                                                memory_order_relaxed)) {
  }
}

/* Without memory a view has none of them. */
static sl_own_metric *copy_own(sl_meter *m, uint32_t *ret_n, uint64_t *ret_refused) {
  pthread_mutex_lock(&m->own_lock);
  sl_own_metric *all = sl_mem_calloc((size_t)m->n_own + 1, sizeof *all);
  for (uint32_t i = 0; all && i < m->n_own; i++)
    all[i] = (sl_own_metric){.stage = m->own[i]->stage,
                             .name = m->own[i]->name,
                             .kind = m->own[i]->kind,
                             .value = atomic_load_explicit(&m->own[i]->value, memory_order_relaxed)};
  *ret_n = all ? m->n_own : 0;
  *ret_refused = m->own_refused;
  pthread_mutex_unlock(&m->own_lock);
  return all;
}

/* ---- views ---- */

/* The meter stays locked until close_view. 0 or SL_ENOMEM. */
static int open_view(sl_meter *m, sl_view *v) {
  pthread_mutex_lock(&m->lock);
  *v = (sl_view){.name = m->name,
                 .pipeline = m->pipeline,
                 .generation = m->generation,
                 .file = m->file ? m->file : "",
                 .keep = m->keep,
                 .budget = m->budget,
                 .phase = m->phase,
                 .phase_why = m->why,
                 .started = m->started_wall,
                 .uptime_ns = sl_time_mono() - m->started,
                 .reloads = m->reloads,
                 .reloads_failed = m->reloads_failed};
  sl_process_look(&v->process);
  if (m->engine) {
    v->stages = ask(m, &v->run);
    if (v->stages) sl_totals_with(&m->totals, &v->run, v->stages);
  } else {
    v->run = m->totals.sum;
    v->run.n_stages = m->n_last;
    v->stages = sl_mem_memdup(m->last, m->n_last * sizeof *m->last);
  }
  if (!v->stages) {
    pthread_mutex_unlock(&m->lock);
    return SL_ENOMEM;
  }
  v->run.stages = v->stages;
  if (m->state) {
    v->has_state = 1;
    v->durable = sl_state_durable(m->state);
    sl_state_get_stats(m->state, &v->state);
    v->stuck = sl_state_stuck(m->state, &v->stuck_why);
  } else if (m->had_state) {
    v->has_state = 1;
    v->durable = m->durable;
    v->state = m->state_stats;
  }
  v->own = copy_own(m, &v->n_own, &v->own_refused);
  return 0;
}

static void close_view(sl_meter *m, sl_view *v) {
  pthread_mutex_unlock(&m->lock);
  sl_mem_free(v->own);
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
