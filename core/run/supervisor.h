/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a pipeline over its generations: start, reload, stop.
 *
 * sl_supervisor_run takes the calling thread as the loop thread of one engine after the other. A thread of its own has
 * a small loop for signals (INT and TERM stop, HUP reloads), requests, watched files and the service manager. A reload
 * loads and creates N+1 on a third thread while N runs, then drains N, and the loop thread goes on with N+1; if N+1
 * cannot be made N is not touched, if it cannot start N is made and started again. See docs/internals/reload.md.
 */
#ifndef SLUICE_RUN_SUPERVISOR_H
#define SLUICE_RUN_SUPERVISOR_H

#include "run/engine.h"
#include "run/listeners.h"

struct sl_buf;
struct sl_strlist;

typedef struct sl_supervisor sl_supervisor;

typedef struct sl_supervisor_opts {
  sl_run_opts run; /* for every generation; progress gets the counts over all of them */
  /* Loads the pipeline again. text gets errors and warnings for people; files the paths it depends on beside those of
   * plugins. 0 and *ret [own], or an error. NULL: there is no reload. [thread of the reload] */
  int (*load)(void *user, struct sl_pipeline **ret, struct sl_buf *text, struct sl_strlist *files);
  void *load_user;
  int watch; /* reload when a file that the pipeline was loaded from changed */
  /* An engine is about to run, has run. number: of the generation. Any may be NULL. */
  void (*attach)(void *user, sl_engine *engine, const sl_pipeline *pipeline, uint64_t number);
  void (*detach)(void *user);
  /* Runs, is about to change, stops; a reload ended. */
  void (*phase)(void *user, int phase, const char *why); /* SL_SUPER_… */
  void (*reloaded)(void *user, int rc, const char *text);
  void *user;
} sl_supervisor_opts;

#define SL_SUPER_RUNNING 1
#define SL_SUPER_RELOADING 2
#define SL_SUPER_STOPPING 3

/* pipeline [take on ok], files: what it was loaded from, or NULL. Starts the supervising thread. *ret [own]. */
int sl_supervisor_new(const sl_supervisor_opts *opts, sl_pipeline *pipeline, const struct sl_strlist *files,
                      sl_supervisor **ret, sl_err *err);
/* Blocks until the run is over. An error if it could not start or a stage was FATAL. */
int sl_supervisor_run(sl_supervisor *s, sl_err *err);
/* 1 once an engine could be made: the pipeline's stages accept their parameters. */
int sl_supervisor_made(const sl_supervisor *s);
/* Counts over all generations; the pipeline is that of the last one. After the run. [borrow until freed] */
void sl_supervisor_stats(sl_supervisor *s, sl_run_stats *ret, const sl_pipeline **ret_pipeline);
void sl_supervisor_free(sl_supervisor *s);

/* done (may be NULL) is called once, with 0 and what there is to say, or an error and its text; on any thread, also
 * before this returns. [any] */
void sl_supervisor_reload(sl_supervisor *s, void (*done)(void *user, uint64_t ticket, int rc, const char *text),
                          void *user, uint64_t ticket);
/* As a signal would. [any] */
void sl_supervisor_stop(sl_supervisor *s, int signum);
/* The most that is logged from now on, also by later generations. [any] */
void sl_supervisor_log_level(sl_supervisor *s, int32_t level);
/* The queue of the state has new rows. [any] */
void sl_supervisor_look_at_queue(sl_supervisor *s);

#endif
