/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline file as loaded: every key parsed, substituted, checked and resolved; nothing started.
 *
 * sl_pipeline_load collects all errors it can find into `sl_diags`; the result exists only if there is none. Stage
 * types come from a resolver that the layer above passes in (conf knows no plugin loader). Immutable after loading;
 * strings and parameter structs [borrow until sl_pipeline_free].
 */
#ifndef SLUICE_CONF_PIPELINE_H
#define SLUICE_CONF_PIPELINE_H

#include "base/err.h"

struct cJSON;
struct sl_diags; /* conf/diag.h */
struct sl_cron;  /* base/cron.h */

/* What follows the last retry. */
#define SL_THEN_DEAD_LETTER 0
#define SL_THEN_DROP 1
#define SL_THEN_STOP 2
#define SL_THEN_ROUTE 3

typedef struct sl_on_error {
  int64_t retry;       /* further attempts; -1: for ever. Default 3 */
  int64_t backoff;     /* nanoseconds before the first, doubled each time with full jitter. Default 200 ms */
  int64_t backoff_max; /* nanoseconds. Default 30 s */
  int32_t then;        /* SL_THEN_… */
  int32_t route;       /* index of the stage for SL_THEN_ROUTE, else -1 */
  int64_t breaker;     /* sinks: so many failed writes in a row, and documents go to the spool; 0 never. Default 5 */
} sl_on_error;

typedef struct sl_batch_opts {
  int64_t documents; /* default 1000 */
  int64_t bytes;     /* default 4 MiB */
  int64_t age; /* nanoseconds; default 0: a sink writes what there is as soon as it is free; else how long it waits for
                  a batch to fill. SERIAL transforms: the three bound what may be held */
} sl_batch_opts;

/* When a source runs again after it came to its end. every or cron is set, or neither: once. */
typedef struct sl_schedule {
  int64_t every;              /* nanoseconds from start to start; 0: none */
  int64_t jitter;             /* nanoseconds, up to which each start is delayed at random */
  const struct sl_cron *cron; /* base/cron.h; or NULL */
} sl_schedule;

#define SL_ORDER_SOURCE 0 /* documents of one source in order; a long retry gives up its place */
#define SL_ORDER_STRICT 1 /* waits for it */
#define SL_ORDER_NONE 2

/* An edge into a stage. */
typedef struct sl_edge {
  uint32_t from, to;
  const sl_cond *when; /* NULL: always */
  int32_t is_else;     /* `when: else`: takes what no sibling edge of `from` took */
  int32_t is_error;    /* on_error route: not walked by healthy documents */
} sl_edge;

typedef struct sl_stage_conf {
  const char *id;
  const char *uses;          /* as written */
  const sl_stage_type *type; /* [borrow: lives as long as the process] */
  const char *plugin_path;   /* the .so */
  const char *plugin_build;  /* build id, hexadecimal, or "" */
  const void *params;        /* parsed into the type's struct */
  struct cJSON *with; /* the effective parameters as JSON, secrets as "(secret)"; for inspect and the checkpoint */
  sl_on_error on_error;
  sl_batch_opts batch;
  int64_t threads;        /* BLOCKING stages and sinks; default 1 (BLOCKING transforms: 4) */
  int64_t in_flight;      /* ASYNC: default 256 */
  int64_t timeout;        /* nanoseconds per call; 0 none: in the process only reported */
  int32_t order;          /* SL_ORDER_… */
  sl_schedule schedule;   /* sources */
  const char *const *was; /* former ids of the stage: what the state keeps for them is this stage's */
  uint32_t n_was;
  sl_pos pos; /* of the stage in the file */
  /* Fields that the stage needs and that only the input can bring (an open stage stands upstream): JSON pointers or
   * "@payload". A document without one is a dead letter. */
  const char *const *needs;
  uint32_t n_needs;
} sl_stage_conf;

#define SL_DEAD_FULL_STOP 0
#define SL_DEAD_FULL_DROP_OLDEST 1

/* `state:` and `dead_letters:` as maps. */
typedef struct sl_state_conf {
  int64_t checkpoint;     /* nanoseconds between commits at most; default 250 ms */
  int64_t spool;          /* bytes of documents in the spool and waiting for retries; default 1 GiB */
  int64_t kv;             /* bytes of key-value state; default 1 GiB */
  int64_t dead_max;       /* dead letters; default 100,000 */
  int64_t dead_bytes;     /* default 1 GiB */
  int64_t dead_age;       /* nanoseconds; older ones are removed; 0 (default): never */
  int32_t dead_when_full; /* SL_DEAD_FULL_… */
} sl_state_conf;

/* `admin:`: with a state folder there is always its socket, unless off. */
typedef struct sl_admin_conf {
  int32_t off;
  const char *listen; /* "HOST:PORT" for TCP; NULL: the socket only */
  const char *token;  /* for TCP; secret */
} sl_admin_conf;

#define SL_UNROUTED_WARN 0
#define SL_UNROUTED_ERROR 1
#define SL_UNROUTED_IGNORE 2

typedef struct sl_pipeline {
  const char *name;
  const char *file;   /* absolute */
  const char *state;  /* folder, absolute; NULL: none */
  sl_state_conf keep; /* what the state keeps, and how much */
  sl_admin_conf admin;
  const char *dead_path; /* dead letters without a state folder: "<name>.dead.jsonl" in the working directory */
  int64_t lanes;         /* resolved: never 0 */
  int64_t budget;        /* bytes */
  int64_t grace;         /* nanoseconds; default 30 s */
  int32_t unrouted;      /* SL_UNROUTED_… */
  int32_t log_level;     /* SL_LOG_…; default INFO */
  uint32_t n_stages, n_edges;
  sl_stage_conf *stages; /* in topological order */
  sl_edge *edges;        /* grouped by `from`, in the order of the file */
} sl_pipeline;

/* Finds the stage type for `uses`. base: folder of the file; path: the file's plugin_path. 0, or an error with a hint.
 */
typedef int (*sl_resolve_fn)(void *user, const char *uses, const char *base, const char *const *path, uint32_t n_path,
                             const sl_stage_type **ret_type, const char **ret_path, const char **ret_build,
                             sl_err *err);

typedef struct sl_load_opts {
  sl_resolve_fn resolve;
  void *resolve_user;
  const char *const *sets; /* "STAGE.PARAM=VALUE", as given to --set; also "lanes=2" for top-level keys */
  uint32_t n_sets;
  const char *cwd; /* NULL: the process's */
  /* Names a stage type that writes a field, for the hint of a missing one: 1 and its name in buf, or 0. May be NULL. */
  int (*supplier)(void *user, const char *pointer, char *buf, size_t cap);
  void *supplier_user;
  struct sl_strlist *files; /* the paths that ${file:} names are added, also when loading fails; or NULL */
} sl_load_opts;

/* Loads `file`. Errors and warnings go to diags. 0 and *ret [own], or an error when diags holds at least one. */
int sl_pipeline_load(const char *file, const sl_load_opts *opts, struct sl_diags *diags, sl_pipeline **ret);
/* The same from memory; `file` is the name used in messages and for relative paths. */
int sl_pipeline_load_text(const char *text, size_t len, const char *file, const sl_load_opts *opts,
                          struct sl_diags *diags, sl_pipeline **ret);
void sl_pipeline_free(sl_pipeline *p);

#endif
