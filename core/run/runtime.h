/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's own structures: shared by the files of core/run and nobody else.
 *
 * An actor is a thread that calls stages: a lane, the thread of a source, of a sink, of a SERIAL or BLOCKING stage, or
 * the loop. It alone touches its calls, outboxes and counters (counters are read by others, relaxed).
 */
#ifndef SLUICE_RUN_RUNTIME_H
#define SLUICE_RUN_RUNTIME_H

#include <uv.h>

#include "base/rng.h"
#include "base/thread.h"
#include "doc/pointer.h"
#include "flow/credit.h"
#include "flow/delay.h"
#include "flow/flow.h"
#include "flow/workq.h"
#include "run/engine.h"
#include "run/keep.h"
#include "run/kv.h"
#include "run/notes.h"
#include "run/made.h"
#include "run/requeue.h"
#include "run/schedule.h"
#include "run/tap.h"
#include "store/dead.h"

#define SL_NO_STATION UINT32_MAX
#define SL_MAX_EDGES 256
/* A retry that waits longer gives up its place in the order. */
#define SL_PARK_NS (5 * (int64_t)1000000000)
/* So does one that holds up so many units. */
#define SL_PARK_WINDOW 4096

/* How a stage is run. */
#define SL_MODE_INLINE 0 /* by lanes */
#define SL_MODE_SOURCE 1
#define SL_MODE_WORKER 2 /* SERIAL and BLOCKING transforms */
#define SL_MODE_SINK 3
#define SL_MODE_ASYNC 4 /* transforms and sinks on the loop */
#define SL_MODE_ASYNC_SOURCE 5

/* sl_doc.flags */
#define SL_DOC_FRESH 1u    /* made by doc_new, holds no reference to its parent's tokens yet */
#define SL_DOC_HELD 2u     /* kept by a holding stage */
#define SL_DOC_REJECTED 4u /* a source's: to the dead letters */
#define SL_DOC_OUT 8u      /* among the emitted documents of a call */

#define SL_COUNT_IN 0
#define SL_COUNT_OUT 1
#define SL_COUNT_DROPPED 2
#define SL_COUNT_FILTERED 3
#define SL_COUNT_UNROUTED 4
#define SL_COUNT_RETRIED 5
#define SL_COUNT_DEAD 6
#define SL_COUNT_BYTES 7
#define SL_COUNT_CPU 8
#define SL_COUNT_WALL 9
#define SL_N_COUNTS 10

typedef struct sl_actor sl_actor;

/* For sl_engine_trace: one document instead of the sources, and a report after each stage. */
typedef struct sl_trace_hook {
  pthread_mutex_t lock;
  void (*cb)(void *user, const sl_trace_step *step);
  void *user;
  sl_doc *doc;       /* [own until the source gave it] */
  atomic_uint paths; /* documents so far; doc->cursor is the number of each */
} sl_trace_hook;

typedef struct sl_stage_rt {
  uint32_t index;
  uint32_t mode;    /* SL_MODE_… */
  uint32_t station; /* SL_NO_STATION: inline */
  uint32_t n_edges;
  const sl_stage_conf *conf;
  const sl_stage_type *type;
  sl_edge *edges;  /* healthy ones [own] */
  int keeps_place; /* an ordered stage below insists on order */
  int unordered;   /* sources: documents have no place */
  void *stage;     /* made->stage */
  sl_made *made;
  int kept; /* made for an earlier generation: 1 its lanes are opened when that one has closed its own, 2 they are */
  int created, started;
  uint32_t n_actors;   /* threads of its own */
  atomic_int broken;   /* a FATAL verdict: nothing enters any more */
  atomic_uint threads; /* still running */
  uint32_t upstream;   /* inline: a station whose documents it gets */
  uint32_t sink_no;    /* sinks: number in the checkpoint; SL_NO_SINK */
  atomic_uint fails;   /* sinks: writes that failed in a row */
  atomic_int breaker_open, spilling;
  atomic_llong probe_at, probed_at; /* monotonic */
  atomic_llong held, held_bytes;
  atomic_llong last_out; /* wall clock; by the tick */
  uint64_t done_seen;    /* the tick's */
  int64_t held_since;    /* monotonic; of the oldest since nothing was held; its own thread's */
  atomic_int produced_end;
  sl_pointer **needs;         /* of conf->needs, compiled [own]; NULL for "@payload" */
  struct sl_written *written; /* debug builds: what it may write */
  pthread_mutex_t ack_lock;   /* sources: one acknowledged call at a time */
  sl_timetable times;         /* sources with a schedule */
} sl_stage_rt;

typedef struct sl_timer {
  uint64_t id;
  int64_t due, repeat;
  sl_timer_cb cb;
  void *user;
  struct sl_timer *next;
  struct sl_call *call;
  uv_timer_t uv; /* ASYNC stages */
} sl_timer;

typedef struct sl_watch_rt {
  uv_poll_t uv;
  int32_t fd;
  sl_watch_cb cb;
  void *user;
  struct sl_call *call;
  struct sl_watch_rt *next;
} sl_watch_rt;

/* A document that an ASYNC stage has in hand. */
typedef struct sl_pending {
  uint32_t generation;
  int used;
  sl_doc *doc;
  sl_docs out;
  struct cJSON *before; /* tracing: the body as it came */
  int64_t begin;
} sl_pending;

/* What a stage sees as its sl_ctx. */
typedef struct sl_call {
  sl_ctx pub; /* first */
  sl_actor *actor;
  sl_stage_rt *st;
  void *lane;
  int open;
  sl_doc *cur;      /* the call's document */
  sl_docs out;      /* emitted, waiting for the verdict */
  sl_docs final;    /* emitted with many parents or settled: goes on whatever the verdict */
  sl_docs held;     /* SERIAL: documents the stage keeps (linked by next and prev) */
  sl_unit *at_unit; /* SERIAL: unit of the last document, while it is still counted there; else NULL */
  uint32_t at_slot, subs;
  sl_unit *last; /* SERIAL: unit of the last document that was held, with a reference */
  sl_err why;
  int failed;            /* why is set */
  sl_saved *saved;       /* sinks: what the call saved for the checkpoint [own] */
  void *lent;            /* by a table of an extension, until its next call [own] */
  uint32_t untimed, gap; /* calls until the next one that is timed: still, and when it was chosen */
  int64_t mean_ns;       /* of timed calls, smoothed */
  sl_timer *timers;      /* by due; of thread actors */
  sl_watch_rt *watches;
  /* ASYNC */
  sl_pending *pending;
  uint32_t pending_cap, pending_n;
  uint64_t ticket; /* of the document in process */
  int early;       /* sl_complete came before PENDING: verdict + 1 */
  /* sources */
  sl_unit *unit;
  sl_docs unit_docs;
  int waiting; /* ASYNC source: answered WAIT */
} sl_call;

struct sl_actor {
  struct sl_engine *e;
  sl_thread *thread;
  sl_stage_rt *st;   /* of a stage's own thread; NULL: a lane or the loop */
  int walks;         /* lanes: inline stages are run at once */
  uint32_t zone;     /* L zone that documents leaving now are in */
  uint32_t nth;      /* among the actors of its stage */
  sl_call *calls;    /* per stage; open where this actor serves it */
  sl_docs *to;       /* outbox per station */
  uint32_t *touched; /* stations with something in the outbox */
  uint32_t n_touched;
  sl_docs inlined;                      /* outbox for inline stages, of actors that do not walk */
  atomic_ullong (*counts)[SL_N_COUNTS]; /* per stage */
  sl_latency_rt *latency;               /* per stage */
  sl_doc *retried;                      /* of a stage's own thread: goes back to the front of its queue */
  sl_rng rng;
  sl_note *note;                                                              /* what it works on; NULL: nobody asks */
  atomic_ullong stored, dropped, unrouted, waiting, failed, unfinished, dead; /* tokens by outcome; dead letters */
  int ended_any;           /* tokens that the state keeps ended since it was told */
  atomic_llong busy_since; /* monotonic; 0: not in a call with a time limit */
  atomic_uint busy_stage;
  pthread_mutex_t busy_lock;
  char busy_key[160]; /* of the document in that call; under busy_lock */
  int64_t reported;   /* the busy_since that the loop has reported */
};

struct sl_engine {
  const sl_pipeline *p;
  sl_run_opts opts;
  uint32_t n_stages, n_stations, n_lanes, n_actors;
  sl_stage_rt *stages;
  uint32_t *station_stage; /* stage of each station */
  sl_actor **actors;       /* [0] the loop, then lanes, then stage threads */
  sl_flow flow;
  sl_workq *work;
  sl_credit credit;
  sl_dead *dead;
  sl_keep *keep; /* NULL: nothing is kept */
  sl_kv_table *kv;
  sl_notes *notes;  /* NULL: no folder */
  int condemned;    /* there are documents that a stage must not see again */
  atomic_int alone; /* documents run alone, to find the one that crashes */
  int64_t window;   /* documents on their way, when none must run alone */
  sl_requeue requeue;
  uint32_t places; /* in zones, that stations and the queue hold while it is open */
  atomic_ullong again;
  pthread_mutex_t spool_lock;
  struct sl_spooled *spooled; /* puts that were committed, to be told on the loop */
  int draining;               /* the stop is a reload's */
  pthread_mutex_t delay_lock;
  sl_delay delay;
  uv_loop_t loop;
  uv_async_t poke; /* something for the loop */
  uv_timer_t retry, tick;
  atomic_ullong ticks;
  int64_t brisk_until; /* monotonic: until then the tick comes often, because the end is near; 0: not yet */
  uv_timer_cb on_retry;
  int64_t next_progress;
  int async_hungry;  /* an ASYNC source waits for credit */
  atomic_int signal; /* the last one that asked for a stop */
  uv_signal_t sigint, sigterm;
  int loop_open;
  atomic_int stop; /* 1 drain, 2 at once */
  atomic_int stop_seen;
  int64_t stop_at;      /* monotonic: end of grace */
  int64_t abort_at;     /* monotonic: when to give up on calls that do not return; 0: not stopping at once */
  atomic_uint running;  /* stage threads */
  atomic_ullong taken;  /* documents from all sources, for the limit */
  atomic_llong lane_ns; /* smoothed time a lane needs for one document */
  pthread_mutex_t err_lock;
  sl_err error; /* the first fatal one */
  atomic_int has_error;
  atomic_llong started, ended;
  atomic_llong last_success; /* wall clock; by the tick */
  uint64_t ended_seen;       /* the tick's */
  atomic_int log_level;
  sl_stage_stats *stats;
  sl_trace_hook *trace;
};

extern const sl_host *sl_run_host(void);

/* actor.c */
sl_actor *sl_actor_new(struct sl_engine *e, sl_stage_rt *st, sl_err *err);
void sl_actor_free(sl_actor *a);
void sl_tally(sl_actor *a, uint32_t stage, int what, uint64_t n);
/* One document [take] into a stage that is not a sink. */
void sl_actor_process(sl_actor *a, sl_stage_rt *st, sl_doc *doc);
/* Acts on the verdict for doc [take] and what the call emitted. */
void sl_actor_verdict(sl_actor *a, sl_call *call, sl_doc *doc, int32_t verdict);
/* After a call without a document (flush, timer): what it emitted goes on. */
void sl_actor_release(sl_actor *a, sl_call *call);
/* doc [take] leaves stage st by its edges. */
void sl_actor_route(sl_actor *a, sl_stage_rt *st, sl_doc *doc);
/* doc [take] enters stage `to`: at once, or by an outbox. */
void sl_actor_deliver(sl_actor *a, uint32_t to, sl_doc *doc);
/* Empties the outboxes. */
void sl_actor_flush(sl_actor *a);
/* doc [take] ends. */
void sl_actor_end(sl_actor *a, sl_doc *doc, int outcome);
/* doc [borrow] never comes to its end in this run: its tokens are settled, the envelope stays. */
void sl_actor_forget(sl_actor *a, sl_doc *doc);
/* Notes what a call with a time limit works on. */
void sl_actor_busy(sl_actor *a, const sl_stage_rt *st, const sl_doc *doc);
void sl_call_begin(sl_call *c, sl_doc *doc);
/* Whether this call of process or produce is timed: how many calls it counts for, or 0. */
static inline uint32_t sl_call_timed(sl_call *c) {
  if (__builtin_expect(c->untimed > 0, 1)) {
    c->untimed--;
    return 0;
  }
  return c->gap + 1;
}

/* verdict.c */
/* A dead letter with what happened where and when; st may be NULL. [borrow all] */
sl_dead_entry sl_dead_begin(const struct sl_engine *e, const char *stage, const sl_stage_rt *st, const sl_err *why);
void sl_give_up(sl_actor *a, sl_stage_rt *st, sl_doc *doc, const sl_err *why);
/* Nanoseconds until the next attempt, -1 when there is none left. Counts the attempt. */
int64_t sl_retry_delay(sl_actor *a, sl_stage_rt *st, sl_doc *doc);
/* doc [take] comes back to its stage after delay. zone: where it stays counted. */
void sl_retry_later(sl_actor *a, sl_stage_rt *st, sl_doc *doc, int64_t delay, uint32_t zone);
void sl_engine_fatal(struct sl_engine *e, const sl_stage_rt *st, const sl_err *why);

/* engine.c; hook NULL: a plain run. */
int sl_engine_new_traced(const sl_pipeline *p, const sl_run_opts *opts, sl_trace_hook *hook, sl_engine **ret,
                         sl_err *err);
/* trace.c: around a call of a stage; before [own] is given to after. */
struct cJSON *sl_trace_before(sl_doc *doc);
void sl_trace_after(sl_call *c, const sl_doc *doc, struct cJSON *before, int32_t verdict, int64_t ns);
/* A document that the engine refuses before the stage sees it. */
void sl_trace_refused(sl_engine *e, const sl_stage_rt *st, const sl_doc *doc, const sl_err *why);

/* threads */
void sl_lane_main(void *actor);
void sl_worker_main(void *actor);
/* 1 when an ordered stage takes doc back to wait for its retry. */
int sl_worker_keeps(sl_actor *a, sl_stage_rt *st, sl_doc *doc, int64_t delay);
void sl_sink_main(void *actor);
void sl_source_main(void *actor);
/* source.c, also for ASYNC sources */
int32_t sl_source_turn(sl_call *c, int64_t credit);
int sl_source_emit(sl_call *c, sl_doc *doc);
void sl_source_dispatch(sl_call *c);
void sl_source_end(sl_actor *a, sl_stage_rt *st);
/* loop.c */
int sl_loop_open(struct sl_engine *e, sl_err *err);
void sl_loop_run(struct sl_engine *e);
void sl_loop_close(struct sl_engine *e);
void sl_loop_poke(struct sl_engine *e);
/* doc [take] goes back to its stage, whatever its time. */
void sl_loop_retry_now(struct sl_engine *e, sl_doc *doc);
/* ext.c: calls the done functions of puts that were committed. [loop] */
void sl_spool_tell(struct sl_engine *e);
/* Tells the state that documents have ended. */
void sl_actor_touch(sl_actor *a);
/* The thread of the actor begins. */
void sl_actor_begin(sl_actor *a);
/* Notes the document (of `many`) that the next call works on. */
void sl_actor_note(sl_actor *a, const sl_stage_rt *st, const sl_doc *doc, uint32_t many);
/* 1: the document has crashed this stage too often; it is gone, to where `on_error` says. */
int sl_actor_condemned(sl_actor *a, sl_stage_rt *st, sl_doc *doc);
void sl_loop_complete(sl_call *c, uint64_t ticket, int32_t verdict);
uint64_t sl_loop_timer(sl_call *c, int64_t delay, int64_t repeat, sl_timer_cb cb, void *user);
void sl_loop_timer_stop(sl_call *c, uint64_t id);
int32_t sl_loop_watch(sl_call *c, int32_t fd, uint32_t events, sl_watch_cb cb, void *user);
/* timer.c: timers of thread actors. */
uint64_t sl_timer_add(sl_call *c, int64_t delay, int64_t repeat, sl_timer_cb cb, void *user);
void sl_timer_remove(sl_call *c, uint64_t id);
int64_t sl_timer_next(const sl_call *c);
/* Runs those that are due; 1 if any ran. */
int sl_timer_run(sl_call *c);
void sl_timer_done(sl_call *c);
/* Waits on a station's cond (its lock is held) until a moment or a change. INT64_MAX: no limit. */
void sl_station_wait(sl_station *s, int64_t until);
/* log.c */
void sl_run_log(struct sl_engine *e, int32_t level, const char *stage, const char *fmt, ...) SL_PRINTF(4, 5);
/* The same about a document [borrow]; NULL: about none. */
void sl_run_log_doc(struct sl_engine *e, int32_t level, const char *stage, const sl_doc *doc, const char *fmt, ...)
    SL_PRINTF(5, 6);

#endif
