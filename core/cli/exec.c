/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a pipeline with log, progress line and signals, for the commands `run` and `bench`. */
#include "cli/exec.h"

#include <string.h>

#include "base/time.h"
#include "cli/report.h"
#include "cli/statefolder.h"
#include "obs/admin.h"
#include "obs/log.h"
#include "obs/term.h"
#include "run/tap.h"

typedef struct watch {
  sl_logger *log;
  int draw, every_line; /* a status line; lines in the log */
  int64_t last;
  sl_engine *engine;
  sl_meter *meter;
  sl_admin *admin;
  sl_tap_hub taps;
} watch;

static void on_level(void *user, int32_t level) {
  watch *w = user;
  sl_logger_level(w->log, level);
  sl_engine_log_level(w->engine, level);
}

/* The admin server of a run that has a state folder or asks for TCP. */
static int open_admin(const sl_pipeline *p, watch *w, sl_err *err) {
  sl_admin_opts o = {.folder = p->state,
                     .listen = p->admin.listen,
                     .token = p->admin.token,
                     .meter = w->meter,
                     .taps = &w->taps,
                     .log_level = on_level,
                     .user = w};
  if (p->admin.off || (!o.folder && !o.listen)) return 0;
  int rc = sl_admin_start(&o, &w->admin, err);
  if (rc == 0 && sl_admin_address(w->admin)) {
    char text[200];
    (void)snprintf(text, sizeof text, "admin server on http://%s", sl_admin_address(w->admin));
    sl_logger_line(w->log, SL_LOG_INFO, NULL, text);
  }
  return rc;
}

static void on_log(void *user, int32_t level, const char *stage, const char *text) {
  sl_logger_doc(((watch *)user)->log, level, stage, sl_engine_log_key(), text);
}

static void on_state_log(void *user, int32_t level, const char *text) { on_log(user, level, NULL, text); }

static void on_progress(void *user, const sl_run_stats *stats) {
  watch *w = user;
  char text[256];
  int64_t now = sl_time_mono();
  sl_report_progress(stats, text, sizeof text);
  if (stats->stopped && w->draw) (void)snprintf(text + strlen(text), sizeof text - strlen(text), " · stopping");
  if (w->draw) {
    /* A run that is over at once needs no progress line. */
    if (stats->seconds_ns > SL_TIME_S / 2) sl_logger_status(w->log, text);
  } else if (w->every_line && now - w->last >= 5 * SL_TIME_S) {
    w->last = now;
    sl_logger_line(w->log, SL_LOG_INFO, NULL, text);
  }
}

int sl_exec_options(const sl_cli *cli, sl_exec *x) {
  const char *format = sl_cli_value(cli, "log-format", sl_term_is_tty(stderr) ? "text" : "json");
  static const char *const formats[] = {"text", "logfmt", "json"};
  x->quiet = sl_cli_has(cli, "quiet");
  x->progress = sl_cli_has(cli, "progress");
  x->log_level = sl_cli_has(cli, "verbose") ? SL_LOG_DEBUG
                 : x->quiet                 ? SL_LOG_ERROR
                 : x->pipeline              ? x->pipeline->log_level
                                            : SL_LOG_INFO;
  x->log_format = -1;
  for (int i = 0; i < 3; i++)
    if (strcmp(format, formats[i]) == 0) x->log_format = i;
  if (x->log_format < 0) return sl_cli_usage(cli, "--log-format: expected text, logfmt or json, found '%s'", format);
  return SL_EXIT_OK;
}

static int exit_code(const sl_exec *x, int rc, const sl_run_stats *stats) {
  if (rc != 0) return SL_EXIT_FAILED;
  if (stats->signal) return 128 + stats->signal;
  if (stats->dead) return SL_EXIT_DEAD;
  if (stats->unfinished) return SL_EXIT_FAILED;
  if (stats->unrouted && x->pipeline->unrouted == SL_UNROUTED_ERROR) return SL_EXIT_DEAD;
  return SL_EXIT_OK;
}

int sl_exec_run(sl_exec *x) {
  sl_err err = {0};
  sl_engine *engine = NULL;
  sl_run_stats stats;
  watch w = {
      .draw = !x->quiet && sl_term_is_tty(stderr), .every_line = x->progress && !x->quiet, .last = sl_time_mono()};
  memset(&stats, 0, sizeof stats);
  w.log = sl_logger_new(stderr, x->log_format, x->log_level);
  if (!w.log) {
    sl_err_set(&err, SL_ENOMEM, "memory is out");
    return sl_cli_fail(&err);
  }
  sl_logger_about(w.log, x->pipeline->name, 1);
  x->opts.handle_signals = 1;
  x->opts.log = on_log;
  x->opts.log_user = &w;
  x->opts.progress = w.draw || w.every_line ? on_progress : NULL;
  x->opts.progress_user = &w;
  x->opts.progress_every = 200 * SL_TIME_MS;
  sl_state *state = NULL;
  int rc = x->opts.dry_run ? 0 : sl_statefolder_open(x->pipeline, on_state_log, &w, &state, &err);
  if (!rc && state && x->reprocess) rc = sl_engine_reprocess(state, x->pipeline, &err);
  x->opts.state = state;
  if (rc == 0) rc = sl_meter_new(x->pipeline->name, &w.meter, &err);
  x->opts.metric = sl_meter_metric;
  x->opts.metric_user = w.meter;
  x->opts.taps = &w.taps;
  if (rc == 0) rc = sl_engine_new(x->pipeline, &x->opts, &engine, &err);
  if (rc == 0) {
    w.engine = engine;
    sl_meter_attach(w.meter, engine, x->pipeline, state, 1);
    rc = x->opts.dry_run ? 0 : open_admin(x->pipeline, &w, &err);
  }
  if (rc == 0) {
    sl_meter_phase(w.meter, SL_PHASE_RUNNING, NULL);
    rc = sl_engine_run(engine, &err);
    sl_engine_stats(engine, &stats);
  }
  sl_admin_stop(w.admin);
  if (w.meter) sl_meter_detach(w.meter);
  sl_meter_free(w.meter);
  sl_tap_done(&w.taps);
  sl_logger_free(w.log);
  if (rc != 0) (void)sl_cli_fail(&err);
  /* A stage that cannot be made from its parameters is what `validate` calls an error of the file. */
  int code = !engine && err.pos.file ? SL_EXIT_PIPELINE : exit_code(x, rc, &stats);
  x->failed = rc != 0;
  if (engine && x->done) x->done(x->user, &stats);
  sl_engine_free(engine);
  sl_state_close(state);
  return code;
}
