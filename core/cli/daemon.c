/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a pipeline with state, log, progress line, admin server and reloads. */
#include <string.h>

#include "base/str.h"
#include "base/hash.h"
#include "base/time.h"
#include "cli/exec.h"
#include "cli/report.h"
#include "cli/statefolder.h"
#include "obs/admin.h"
#include "obs/log.h"
#include "obs/term.h"
#include "run/supervisor.h"
#include "run/tap.h"

typedef struct sl_daemon {
  sl_exec *x;
  sl_logger *log;
  int draw, every_line; /* a status line; lines in the log */
  int64_t last;
  uint64_t admin_as; /* hash of `admin:` when the process started */
  int32_t level;     /* as the admin server was told; 0: as the pipeline says */
  sl_state *state;
  sl_supervisor *supervisor;
  sl_meter *meter;
  sl_admin *admin;
  sl_tap_hub taps;
} sl_daemon;

/* ---- what the engine says ---- */

static void on_log(void *user, int32_t level, const char *stage, const char *text) {
  sl_logger_doc(((sl_daemon *)user)->log, level, stage, sl_engine_log_key(), text);
}

static void on_state_log(void *user, int32_t level, const char *text) {
  sl_logger_line(((sl_daemon *)user)->log, level, NULL, text);
}

static void on_progress(void *user, const sl_run_stats *stats) {
  sl_daemon *d = user;
  char text[256];
  int64_t now = sl_time_mono();
  sl_report_progress(stats, text, sizeof text);
  if (stats->stopped && d->draw) (void)snprintf(text + strlen(text), sizeof text - strlen(text), " · stopping");
  if (d->draw) {
    /* A run that is over at once needs no progress line. */
    if (stats->seconds_ns > SL_TIME_S / 2) sl_logger_status(d->log, text);
  } else if (d->every_line && now - d->last >= 5 * SL_TIME_S) {
    d->last = now;
    sl_logger_line(d->log, SL_LOG_INFO, NULL, text);
  }
}

/* ---- what the supervisor says ---- */

static uint64_t hash_of(const sl_admin_conf *a) {
  uint64_t h = sl_hash_str(a->listen ? a->listen : "", a->off ? 2 : 1);
  return sl_hash_str(a->token ? a->token : "", h);
}

static void on_attach(void *user, sl_engine *engine, const sl_pipeline *p, uint64_t number) {
  sl_daemon *d = user;
  sl_logger_about(d->log, p->name, number);
  d->x->generation = number;
  if (number > 1) {
    sl_state_opts opts;
    sl_statefolder_options(p, &opts);
    opts.log = on_state_log;
    opts.log_user = d;
    if (d->state) sl_state_configure(d->state, &opts);
    if (hash_of(&p->admin) != d->admin_as)
      sl_logger_line(d->log, SL_LOG_WARN, NULL, "`admin` has changed: it takes effect when the process starts again");
    if (!d->level && !d->x->quiet) sl_logger_level(d->log, p->log_level);
  }
  sl_meter_attach(d->meter, engine, p, d->state, number);
}

static void on_detach(void *user) { sl_meter_detach(((sl_daemon *)user)->meter); }

_Static_assert(SL_SUPER_RUNNING == SL_PHASE_RUNNING && SL_SUPER_RELOADING == SL_PHASE_RELOADING &&
                   SL_SUPER_STOPPING == SL_PHASE_STOPPING,
               "the phases of the supervisor are those of the meter");

static void on_phase(void *user, int phase, const char *why) { sl_meter_phase(((sl_daemon *)user)->meter, phase, why); }

static void on_reloaded(void *user, int rc, const char *text) {
  (void)text;
  sl_meter_reloaded(((sl_daemon *)user)->meter, rc == 0);
}

/* ---- orders of the admin server ---- */

static void answer_reload(void *user, uint64_t ticket, int rc, const char *text) {
  sl_admin_reloaded(((sl_daemon *)user)->admin, ticket, rc, text);
}

static void on_reload(void *user, uint64_t ticket) {
  sl_daemon *d = user;
  sl_supervisor_reload(d->supervisor, answer_reload, d, ticket);
}

static void on_level(void *user, int32_t level) {
  sl_daemon *d = user;
  d->level = level;
  sl_logger_level(d->log, level);
  sl_supervisor_log_level(d->supervisor, level);
}

/* The admin server of a run that has a state folder or asks for TCP. */
static int open_admin(sl_daemon *d, sl_err *err) {
  const sl_pipeline *p = d->x->pipeline;
  sl_admin_opts o = {.folder = p->state,
                     .listen = p->admin.listen,
                     .token = p->admin.token,
                     .meter = d->meter,
                     .taps = &d->taps,
                     .reload = d->x->load ? on_reload : NULL,
                     .log_level = on_level,
                     .user = d};
  d->admin_as = hash_of(&p->admin);
  if (d->x->opts.dry_run || p->admin.off || (!o.folder && !o.listen)) return 0;
  int rc = sl_admin_start(&o, &d->admin, err);
  if (rc == 0 && sl_admin_address(d->admin)) {
    char text[200];
    (void)snprintf(text, sizeof text, "admin server on http://%s", sl_admin_address(d->admin));
    sl_logger_line(d->log, SL_LOG_INFO, NULL, text);
    if (!sl_str_starts(sl_admin_address(d->admin), "127.") && !sl_str_starts(sl_admin_address(d->admin), "[::1]"))
      sl_logger_line(d->log, SL_LOG_WARN, NULL,
                     "the admin server is open to other hosts, and its token goes over the wire as it is");
  }
  return rc;
}

/* ---- the run ---- */

static int exit_code(const sl_exec *x, int rc, const sl_run_stats *stats) {
  if (rc != 0) return SL_EXIT_FAILED;
  if (stats->signal) return 128 + stats->signal;
  if (stats->dead) return SL_EXIT_DEAD;
  if (stats->unfinished) return SL_EXIT_FAILED;
  if (stats->unrouted && x->pipeline->unrouted == SL_UNROUTED_ERROR) return SL_EXIT_DEAD;
  return SL_EXIT_OK;
}

static int open_all(sl_daemon *d, sl_err *err) {
  sl_exec *x = d->x;
  x->opts.handle_signals = 1;
  x->opts.log = on_log;
  x->opts.log_user = d;
  x->opts.progress = d->draw || d->every_line ? on_progress : NULL;
  x->opts.progress_user = d;
  x->opts.progress_every = 200 * SL_TIME_MS;
  int rc = x->opts.dry_run ? 0 : sl_statefolder_open(x->pipeline, on_state_log, d, &d->state, err);
  if (!rc && d->state && x->reprocess) rc = sl_engine_reprocess(d->state, x->pipeline, err);
  if (!rc) rc = sl_meter_new(x->pipeline->name, &d->meter, err);
  x->opts.state = d->state;
  x->opts.metric = sl_meter_metric;
  x->opts.metric_user = d->meter;
  x->opts.taps = &d->taps;
  sl_supervisor_opts opts = {.run = x->opts,
                             .load = x->load,
                             .load_user = x->load_user,
                             .watch = x->watch,
                             .attach = on_attach,
                             .detach = on_detach,
                             .phase = on_phase,
                             .reloaded = on_reloaded,
                             .user = d};
  if (!rc) rc = sl_supervisor_new(&opts, x->pipeline, x->files, &d->supervisor, err);
  return rc ? rc : open_admin(d, err);
}

static void close_all(sl_daemon *d) {
  sl_admin_stop(d->admin);
  sl_meter_free(d->meter);
  sl_tap_done(&d->taps);
  sl_logger_free(d->log);
}

int sl_exec_run(sl_exec *x) {
  sl_err err = {0};
  sl_run_stats stats = {0};
  sl_daemon d = {.x = x,
                 .draw = !x->quiet && sl_term_is_tty(stderr),
                 .every_line = x->progress && !x->quiet,
                 .last = sl_time_mono()};
  d.log = sl_logger_new(stderr, x->log_format, x->log_level);
  if (!d.log) {
    sl_err_set(&err, SL_ENOMEM, "memory is out");
    return sl_cli_fail(&err);
  }
  sl_logger_about(d.log, x->pipeline->name, 1);
  int rc = open_all(&d, &err);
  int supervised = d.supervisor != NULL;
  if (rc == 0) rc = sl_supervisor_run(d.supervisor, &err);
  int made = supervised && sl_supervisor_made(d.supervisor);
  const sl_pipeline *last = NULL;
  if (supervised) sl_supervisor_stats(d.supervisor, &stats, &last);
  close_all(&d);
  if (rc != 0) (void)sl_cli_fail(&err);
  /* A stage that cannot be made from its parameters is what `validate` calls an error of the file. */
  int code = !made && err.pos.file ? SL_EXIT_PIPELINE : SL_EXIT_OK;
  x->failed = rc != 0;
  sl_pipeline *first = x->pipeline;
  if (supervised) x->pipeline = (sl_pipeline *)(uintptr_t)last;
  if (code == SL_EXIT_OK) code = exit_code(x, rc, &stats);
  if (made && x->done) x->done(x->user, &stats);
  if (supervised)
    sl_supervisor_free(d.supervisor);
  else
    sl_pipeline_free(first);
  x->pipeline = NULL;
  sl_state_close(d.state);
  return code;
}
