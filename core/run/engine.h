/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a loaded pipeline to its end.
 *
 * sl_engine_run takes over the calling thread as the loop thread, starts lanes and stage threads, and returns when
 * every source has ended and everything was settled, or after a stop. See docs/internals/lane.md and
 * docs/internals/queue.md.
 */
#ifndef SLUICE_RUN_ENGINE_H
#define SLUICE_RUN_ENGINE_H

#include "conf/pipeline.h"
#include "run/metrics.h"

typedef struct sl_engine sl_engine;

typedef struct sl_stage_stats {
  const char *id, *uses;
  uint32_t kind;         /* SL_SOURCE … */
  uint64_t in, out;      /* documents that entered, that went on (a sink: stored) */
  uint64_t dropped;      /* on purpose */
  uint64_t filtered;     /* did not match `when` of this stage */
  uint64_t unrouted;     /* took no edge after this stage */
  uint64_t retried;      /* attempts after the first */
  uint64_t dead;         /* dead letters of this stage */
  uint64_t held, queued; /* now */
  uint64_t queued_bytes; /* now; reckoned from the first documents of a long queue */
  int64_t last_out;      /* wall clock, ns: when something last went on, was stored or dropped; 0: never */
  int32_t breaker;       /* sinks: 0 closed, 1 open, 2 it works again and the spool is written first */
  uint32_t slow_calls;   /* now running for longer than `timeout` */
  sl_latency latency;    /* of calls, sampled; see run/metrics.h */
  uint64_t bytes_in;
  int64_t cpu_ns; /* CPU time in the stage's own calls; only with opts.profile, else 0 */
  int64_t wall_ns;
} sl_stage_stats;

typedef struct sl_run_stats {
  uint64_t in;       /* documents that the sources gave */
  uint64_t stored;   /* documents of `in` all of whose descendants were stored or dropped, at least one stored */
  uint64_t dropped;  /* … all dropped on purpose */
  uint64_t unrouted; /* … at least one took no edge */
  uint64_t failed; /* … at least one went to the dead letters; in = stored + dropped + unrouted + failed + unfinished */
  uint64_t dead;   /* dead letters written */
  uint64_t again;                  /* documents of the queue that went on; in + again = all outcomes */
  uint64_t waiting;                /* … at least one part went to the queue, to wait on disk */
  uint64_t unfinished;             /* given up at a stop */
  uint64_t in_flight;              /* now */
  uint64_t live_bytes, peak_bytes; /* of the budget */
  int64_t seconds_ns;
  int32_t stopped;      /* 1: by a signal or sl_engine_stop; 2: by a second one, or at the end of `grace` */
  int32_t signal;       /* that asked for it, or 0 */
  int64_t last_success; /* wall clock, ns: when a document last came to its end stored or dropped; 0: never */
  uint32_t n_stages;
  const sl_stage_stats *stages; /* in the pipeline's order; [borrow until the next call] */
} sl_run_stats;

typedef struct sl_run_opts {
  uint64_t limit;          /* stop the sources after so many documents; 0: no limit */
  int32_t dry_run;         /* sinks are not created: documents that reach one count as stored; no state is touched */
  int32_t profile;         /* measure CPU time per stage */
  int32_t handle_signals;  /* SIGINT, SIGTERM */
  int32_t exit_when_stuck; /* after a stop at once a call that does not return ends the process */
  uint64_t seed;           /* for the host's random; 0: from the system */
  /* Called on the loop about each `progress_every` nanoseconds and once at the end; or NULL. */
  void (*progress)(void *user, const sl_run_stats *stats);
  void *progress_user;
  int64_t progress_every;
  /* A line to log; NULL: to standard error as logfmt. [any] */
  void (*log)(void *user, int32_t level, const char *stage, const char *text);
  void *log_user;
  /* A stage's metric (SL_METRIC_…); or NULL. [any] */
  void (*metric)(void *user, const char *stage, int32_t kind, const char *name, double value);
  void *metric_user;
  struct sl_tap_hub *taps; /* run/tap.h [borrow]; or NULL */
  /* What is kept between runs [borrow until the engine is freed]; NULL: nothing. Not used by dry runs and traces. */
  struct sl_state *state;
  uint64_t generation; /* of the pipeline in this process; 0 stands for 1 */
  /* Gives the listening socket for an address, see sl_listen; NULL: there are none. [loop] */
  int (*listen)(void *user, const char *address, int backlog, int *ret_fd, char *ret_address, size_t cap, sl_err *err);
  void *listen_user;
  /* Called once all stages and threads run. [loop] */
  void (*ready)(void *user);
  void *ready_user;
  /* For a reload: stage objects of the generation before [borrow during sl_engine_new], and what keeps the pipeline
   * alive while one of its own is in use; see run/made.h. */
  const struct sl_kept *kept;
  void (*hold)(void *owner), (*release)(void *owner);
  void *owner;
} sl_run_opts;

/* pipeline [borrow until sl_engine_free]. Creates every stage (create, lane_open), starts none. *ret [own]. */
int sl_engine_new(const sl_pipeline *pipeline, const sl_run_opts *opts, sl_engine **ret, sl_err *err);
/* Blocks. 0 when the run came to its end or was stopped; an error when it could not start or a stage was FATAL. [loop]
 */
int sl_engine_run(sl_engine *e, sl_err *err);
/* Stop: the first call drains within `grace`, the second ends at once. Async-signal-safe. [any] */
void sl_engine_stop(sl_engine *e);
/* The same because of a signal, which the figures then name. [any] */
void sl_engine_signal(sl_engine *e, int signum);
/* For a reload: like the first stop, without the words; retries that wait go to the state. [any] */
void sl_engine_drain(sl_engine *e);
/* The state's queue has new rows (dead letters that are tried again). [any] */
void sl_engine_look_at_queue(sl_engine *e);
/* Forgets what the sources of the pipeline have given: the next run begins anew. */
int sl_engine_reprocess(struct sl_state *state, const sl_pipeline *pipeline, sl_err *err);
/* [any]; exact after sl_engine_run. */
void sl_engine_stats(sl_engine *e, sl_run_stats *ret);
/* The same into the caller's own array of n_stages. [any], several threads at once. */
void sl_engine_stats_into(sl_engine *e, sl_run_stats *ret, sl_stage_stats *stages);
/* Inside opts.log: the record key of the document that the line is about, or NULL. [borrow during the call] */
const char *sl_engine_log_key(void);
/* The most that is logged from now on, SL_LOG_…. [any] */
void sl_engine_log_level(sl_engine *e, int32_t level);
void sl_engine_free(sl_engine *e);

/* One document through the stages on the calling thread, without queues and sinks' side effects: for `trace` and
 * `test`. cb is called before the first stage (stage "") and after each stage for each document that left it. */
typedef struct sl_trace_step {
  const char *stage;
  uint32_t path;                      /* number of the document among those that the input became */
  int32_t verdict;                    /* SL_V_… */
  const sl_err *why;                  /* for RETRY, REJECT, FATAL; else NULL */
  const struct cJSON *before, *after; /* bodies; after NULL if the document ended here */
  int64_t ns;
  size_t bytes; /* of the printed body after the stage */
} sl_trace_step;
int sl_engine_trace(const sl_pipeline *pipeline, sl_doc *doc, void (*cb)(void *user, const sl_trace_step *step),
                    void *user, sl_err *err);

#endif
