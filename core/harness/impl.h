/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the harness share. Its own bookkeeping uses libc's memory, so that injected failures meet the stage
 * and the host's calls alone. */
#ifndef SLUICE_HARNESS_IMPL_H
#define SLUICE_HARNESS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include <sluice/harness.h>

#include "base/err.h"
#include "base/rng.h"
#include "doc/document.h"

struct sl_arena;
struct sl_written;

typedef enum rec_state {
  REC_TEST, /* made by the test, not given to the stage */
  REC_CALL, /* in the call that is running */
  REC_HELD,
  REC_PENDING,
  REC_MADE,    /* made by the stage, not emitted */
  REC_STAGED,  /* emitted, waits for the verdict */
  REC_DONE,    /* an input that has ended */
  REC_OUT,     /* went on */
  REC_REJECTED /* by a source, or with a body that is not valid */
} rec_state;

typedef struct rec rec;

typedef struct reclist {
  rec **items;
  uint32_t count, cap;
} reclist;

/* What the harness knows of a document; doc->more points here. */
struct rec {
  rec *prev, *next;
  sl_doc *doc;
  sl_doc *before; /* inputs: as it was given; shares the body */
  rec_state state;
  int32_t verdict; /* inputs: SL_V_…, -1 before */
  uint64_t ticket;
  uint64_t serial; /* counts up with each document made */
  int acknowledged;
  reclist parents;
  reclist staged; /* inputs: emitted, waiting for the verdict */
  sl_err why;
};

typedef struct timer {
  struct timer *next;
  uint64_t id;
  int64_t due, repeat;
  sl_timer_cb cb;
  void *user;
} timer;

typedef struct watch {
  struct watch *next;
  int32_t fd;
  uint32_t events;
  sl_watch_cb cb;
  void *user;
} watch;

/* A put of the spool that is not durable yet. */
typedef struct spooled {
  struct spooled *next;
  reclist docs;
  void (*done)(void *user, int32_t rc);
  void *user;
} spooled;

/* A listening socket of the host. */
typedef struct listener {
  struct listener *next;
  int fd;
  char bound[128];
  char address[];
} listener;

typedef struct metric {
  struct metric *next;
  double value;
  char name[];
} metric;

typedef struct text {
  struct text *next;
  char data[];
} text;

#define LIFE_NEW 0
#define LIFE_CREATED 1
#define LIFE_OPEN 2
#define LIFE_STARTED 3

struct sl_harness {
  sl_ctx ctx; /* first: the host's functions get its address */
  sl_host host;
  const sl_stage_type *type;
  char *params_text;
  struct sl_arena *arena; /* owns params */
  const void *params;
  struct sl_written *written;
  sl_err open_err; /* why the type could not be had */
  int life;
  int created; /* create was called: destroy is owed */
  int opened;  /* lane_open succeeded */
  void *stage, *lane;

  rec *first, *last_rec;
  uint64_t serial;
  reclist out, rejected;
  uint32_t out_at, rejected_at; /* pulled so far */
  rec *current;                 /* the document in process */
  uint32_t depth;               /* stage calls on the stack */
  uint32_t armed;               /* failing allocations are switched on */

  int64_t wall, mono;
  sl_rng rng;
  uint64_t next_ticket, next_timer;
  timer *timers;
  watch *watches;

  pthread_mutex_t lock; /* metrics, log: a plugin's own threads may call. Innermost. */
  metric *metrics;
  char *log;
  size_t log_len, log_cap;
  atomic_int woken;

  sl_harness_ledger *ledger; /* [borrow], or NULL */

  sl_err last;
  text *texts; /* strings lent to the test */
  uint64_t fail_rest;
  int fail_set;

  struct sl_harness_state *state; /* NULL: no "sluice.resume/1" */
  uint32_t dropped;
  int crashed;
  spooled *spool; /* in order */
  int32_t spool_mode, spool_volatile;
  listener *listeners;
  char problem[1024];
  char taken[1024];
  uint32_t problems;
};

/* memory of the harness itself: aborts when it is out */
void *sl_harness_mem(size_t n, size_t size);
_Noreturn void sl_harness_misuse(const char *fmt, ...) SL_PRINTF(1, 2);
void sl_harness_problem(sl_harness *h, const char *fmt, ...) SL_PRINTF(2, 3);

void sl_harness_list_add(reclist *list, rec *r);
int sl_harness_list_remove(reclist *list, const rec *r);
rec *sl_harness_rec_add(sl_harness *h, sl_doc *doc, rec_state state);
void sl_harness_rec_drop(sl_harness *h, rec *r);
rec *sl_harness_rec_of(sl_harness *h, sl_doc *doc, const char *what);

/* Around every call of the stage: arms the failing allocation, and settles whether the call broke the contract. */
void sl_harness_enter(sl_harness *h);
void sl_harness_leave(sl_harness *h);

void sl_harness_fill_host(sl_harness *h);
void sl_harness_fill_clock(sl_host *host);
/* Lets staged documents go on, or checks and lets go one document. parent NULL: a source, or from flush or a timer. */
void sl_harness_commit(sl_harness *h, rec *parent, rec *r);
void sl_harness_finish(sl_harness *h, rec *r, int32_t verdict);
void sl_harness_timers_drop(sl_harness *h);
const char *sl_harness_lend(sl_harness *h, const char *data, size_t len);

/* resume.c: the extension, or NULL without a state; what an emission means for the state (1: goes on, 0: was given). */
const void *sl_harness_resume(const sl_harness *h);
int sl_harness_given(sl_harness *h, const rec *r);
void sl_harness_state_ended(sl_harness *h, uint64_t cursor);
void sl_harness_state_leave(sl_harness *h);

/* push.c */
const void *sl_harness_push_extension(const char *id);
/* Makes durable what waits, calls back, and returns how many callbacks ran. */
uint32_t sl_harness_spool_commit(sl_harness *h);
void sl_harness_push_drop(sl_harness *h);

/* kv.c: "sluice.kv/1", or NULL without a state. What r wrote is durable (NULL: what everybody wrote); entries that are
 * not durable are forgotten, or all. */
struct sl_harness_entry;
struct sl_harness_entry **sl_harness_state_kv(struct sl_harness_state *s);
const void *sl_harness_kv_table(const sl_harness *h);
void sl_harness_kv_ended(sl_harness *h, const rec *r);
void sl_harness_kv_forget(struct sl_harness_entry **list, int all);

/* The table of "sluice.ledger/1", or NULL. */
const void *sl_harness_ledger_table(const sl_harness *h);
/* Fills params and arena. */
int sl_harness_read_params(sl_harness *h, sl_err *err);

#endif
