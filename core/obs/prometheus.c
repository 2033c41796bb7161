/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view in Prometheus's text format 0.0.4: every name once with help and type, then its samples.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/time.h"
#include "obs/meter.h"
#include "obs/view.h"

static void add_label(sl_buf *out, const char *text) {
  for (const char *p = text; *p; p++) {
    if (*p == '\\' || *p == '"') (void)sl_buf_addc(out, '\\');
    if (*p == '\n')
      (void)sl_buf_addstr(out, "\\n");
    else
      (void)sl_buf_addc(out, *p);
  }
}

static void add_value(sl_buf *out, double value) {
  char text[40];
  if (isnan(value)) {
    (void)sl_buf_addstr(out, "NaN");
  } else if (isinf(value)) {
    (void)sl_buf_addstr(out, value > 0 ? "+Inf" : "-Inf");
  } else {
    (void)sl_str_double_text(value, text, sizeof text);
    (void)sl_buf_addstr(out, text);
  }
}

static void family(sl_buf *out, const char *name, const char *type, const char *help) {
  (void)sl_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name{pipeline="…",stage="…" — without the closing brace */
static void open_sample(sl_buf *out, const sl_view *v, const char *name, const char *stage) {
  (void)sl_buf_addf(out, "%s{pipeline=\"", name);
  add_label(out, v->name);
  (void)sl_buf_addc(out, '"');
  if (!stage) return;
  (void)sl_buf_addstr(out, ",stage=\"");
  add_label(out, stage);
  (void)sl_buf_addc(out, '"');
}

static void close_sample(sl_buf *out, double value) {
  (void)sl_buf_addstr(out, "} ");
  add_value(out, value);
  (void)sl_buf_addc(out, '\n');
}

static void sample(sl_buf *out, const sl_view *v, const char *name, const char *stage, double value) {
  open_sample(out, v, name, stage);
  close_sample(out, value);
}

static void single(sl_buf *out, const sl_view *v, const char *name, const char *type, const char *help, double value) {
  family(out, name, type, help);
  sample(out, v, name, NULL, value);
}

static void counter(sl_buf *out, const sl_view *v, const char *name, const char *help, uint64_t value) {
  single(out, v, name, "counter", help, (double)value);
}

static void gauge(sl_buf *out, const sl_view *v, const char *name, const char *help, double value) {
  single(out, v, name, "gauge", help, value);
}

static double seconds(int64_t ns) { return (double)ns / 1e9; }

/* ---- the pipeline ---- */

static void add_info(sl_buf *out, const sl_view *v) {
  family(out, "sluice_info", "gauge", "Always 1; the pipeline file and the build of the host as labels.");
  open_sample(out, v, "sluice_info", NULL);
  (void)sl_buf_addstr(out, ",file=\"");
  add_label(out, v->file);
  (void)sl_buf_addstr(out, "\"");
  close_sample(out, 1);
}

static int count_reason(const sl_view *v) { return sl_view_reasons(v, NULL, NULL); }

static void add_run(sl_buf *out, const sl_view *v) {
  const sl_run_stats *r = &v->run;
  counter(out, v, "sluice_documents_in_total", "Documents that the sources gave.", r->in);
  counter(out, v, "sluice_documents_stored_total", "Of them: ended well, something was stored.", r->stored);
  counter(out, v, "sluice_documents_dropped_total", "Of them: all that came of them was dropped on purpose.",
          r->dropped);
  counter(out, v, "sluice_documents_unrouted_total", "Of them: something took no edge.", r->unrouted);
  counter(out, v, "sluice_documents_failed_total", "Of them: something went to the dead letters.", r->failed);
  counter(out, v, "sluice_documents_unfinished_total", "Of them: given up at a stop or reload, to come again.",
          r->unfinished);
  counter(out, v, "sluice_documents_waiting_total", "Of them: something went to the disk, to wait for its turn.",
          r->waiting);
  counter(out, v, "sluice_documents_again_total", "Documents that went on after they had waited on disk.", r->again);
  gauge(out, v, "sluice_documents_in_flight", "Documents under way now.", (double)r->in_flight);
  gauge(out, v, "sluice_last_success_timestamp_seconds",
        "When a document last came to its end stored or dropped on purpose; 0: never.", seconds(r->last_success));
  gauge(out, v, "sluice_budget_used_bytes", "Live bytes of documents and of what the stages keep for them.",
        (double)r->live_bytes);
  gauge(out, v, "sluice_budget_peak_bytes", "The most there has been.", (double)r->peak_bytes);
  gauge(out, v, "sluice_budget_limit_bytes", "`budget:` of the pipeline file.", (double)v->budget);
  gauge(out, v, "sluice_generation", "Number of the generation that runs; each reload makes the next.",
        (double)v->generation);
  family(out, "sluice_reloads_total", "counter", "Reloads by result.");
  open_sample(out, v, "sluice_reloads_total", NULL);
  (void)sl_buf_addstr(out, ",result=\"ok\"");
  close_sample(out, (double)v->reloads);
  open_sample(out, v, "sluice_reloads_total", NULL);
  (void)sl_buf_addstr(out, ",result=\"failed\"");
  close_sample(out, (double)v->reloads_failed);
  gauge(out, v, "sluice_ready", "1 if /readyz answers 200.", count_reason(v) == 0);
  gauge(out, v, "sluice_uptime_seconds", "Since the pipeline was first started in this process.",
        seconds(v->uptime_ns));
}

static void add_state(sl_buf *out, const sl_view *v) {
  const sl_state_stats *s = &v->state;
  counter(out, v, "sluice_state_commits_total", "Commits of the state.", s->commits);
  counter(out, v, "sluice_state_commit_failures_total", "Commits that failed and are tried again.", s->failures);
  gauge(out, v, "sluice_state_stuck", "1 while commits fail: the disk is full or gives errors.", v->stuck);
  gauge(out, v, "sluice_state_last_commit_timestamp_seconds", "When the state was last committed; 0: never.",
        seconds(s->last_commit));
  gauge(out, v, "sluice_state_commit_seconds", "Time that the last commit took.", seconds(s->last_ns));
  gauge(out, v, "sluice_state_commit_max_seconds", "The longest commit.", seconds(s->max_ns));
  gauge(out, v, "sluice_checkpoint_lag_seconds", "How long the oldest thing that is not committed has waited.",
        sl_view_lag(v));
  gauge(out, v, "sluice_state_bytes", "Size of the database and its write-ahead log.", (double)s->file_bytes);
  gauge(out, v, "sluice_dead_letters", "Dead letters there are now.", (double)s->dead);
  gauge(out, v, "sluice_dead_letters_bytes", "What they take.", (double)s->dead_bytes);
  counter(out, v, "sluice_dead_letters_discarded_total", "Dead letters that gave way because of the bound.",
          s->dead_dropped);
  gauge(out, v, "sluice_spool_documents", "Documents in the spool or waiting on disk for a retry.", (double)s->queued);
  gauge(out, v, "sluice_spool_bytes", "What they take.", (double)s->queued_bytes);
  gauge(out, v, "sluice_kv_entries", "Entries of key-value state.", (double)s->kv);
  gauge(out, v, "sluice_kv_bytes", "What they take.", (double)s->kv_bytes);
  const sl_state_conf *k = &v->keep;
  gauge(out, v, "sluice_dead_letters_limit", "The bound on their number.", (double)k->dead_max);
  gauge(out, v, "sluice_dead_letters_limit_bytes", "The bound on their size.", (double)k->dead_bytes);
  gauge(out, v, "sluice_spool_limit_bytes", "The bound on the spool.", (double)k->spool);
  gauge(out, v, "sluice_kv_limit_bytes", "The bound on key-value state.", (double)k->kv);
}

static void add_process(sl_buf *out, const sl_view *v) {
  const sl_process *p = &v->process;
  gauge(out, v, "sluice_process_resident_bytes", "Resident memory of the process.", (double)p->resident_bytes);
  gauge(out, v, "sluice_process_open_fds", "Open descriptors.", (double)p->open_fds);
  gauge(out, v, "sluice_process_max_fds", "How many there may be.", (double)p->max_fds);
  gauge(out, v, "sluice_process_threads", "Threads.", (double)p->threads);
  single(out, v, "sluice_process_cpu_seconds_total", "counter", "CPU time of the process.", seconds(p->cpu_ns));
}

/* ---- the stages ---- */

#define COUNT(field) offsetof(sl_stage_stats, field)

static const struct {
  const char *name, *type, *help;
  size_t offset;
} stage_figures[] = {
    {"sluice_stage_in_total", "counter", "Documents that entered the stage.", COUNT(in)},
    {"sluice_stage_out_total", "counter", "Documents that went on; for a sink: stored.", COUNT(out)},
    {"sluice_stage_dropped_total", "counter", "Documents that ended here on purpose.", COUNT(dropped)},
    {"sluice_stage_filtered_total", "counter", "Documents that did not match the stage's `when`.", COUNT(filtered)},
    {"sluice_stage_unrouted_total", "counter", "Documents that took no edge behind the stage.", COUNT(unrouted)},
    {"sluice_stage_retried_total", "counter", "Attempts after the first.", COUNT(retried)},
    {"sluice_stage_dead_letters_total", "counter", "Dead letters of the stage.", COUNT(dead)},
    {"sluice_stage_bytes_total", "counter", "Bytes that a source gave.", COUNT(bytes_in)},
    {"sluice_stage_queue_documents", "gauge", "Documents that wait before the stage or are inside.", COUNT(queued)},
    {"sluice_stage_queue_bytes", "gauge", "Bytes of the documents that wait; reckoned for long queues.",
     COUNT(queued_bytes)},
    {"sluice_stage_held_documents", "gauge", "Documents that the stage holds.", COUNT(held)},
};
#define N_FIGURES (sizeof stage_figures / sizeof stage_figures[0])

static uint64_t figure(const sl_stage_stats *s, size_t offset) {
  uint64_t n;
  memcpy(&n, (const char *)s + offset, sizeof n);
  return n;
}

static void add_latency(sl_buf *out, const sl_view *v) {
  const char *name = "sluice_stage_call_seconds";
  char text[40];
  family(out, name, "histogram", "Time of calls; of quick ones a sample is timed, and counts for all.");
  for (uint32_t i = 0; i < v->run.n_stages; i++) {
    const sl_stage_stats *s = &v->stages[i];
    uint64_t below = 0;
    for (uint32_t k = 0; k < SL_LATENCY_BUCKETS; k++) {
      int64_t bound = sl_latency_bound(k);
      below += s->latency.counts[k];
      open_sample(out, v, "sluice_stage_call_seconds_bucket", s->id);
      if (bound == INT64_MAX)
        (void)sl_str_copy(text, sizeof text, "+Inf");
      else
        (void)sl_str_double_text(seconds(bound), text, sizeof text);
      (void)sl_buf_addf(out, ",le=\"%s\"", text);
      close_sample(out, (double)below);
    }
    sample(out, v, "sluice_stage_call_seconds_sum", s->id, seconds((int64_t)s->latency.sum_ns));
    sample(out, v, "sluice_stage_call_seconds_count", s->id, (double)below);
  }
}

static void add_stages(sl_buf *out, const sl_view *v) {
  for (size_t f = 0; f < N_FIGURES; f++) {
    family(out, stage_figures[f].name, stage_figures[f].type, stage_figures[f].help);
    for (uint32_t i = 0; i < v->run.n_stages; i++)
      sample(out, v, stage_figures[f].name, v->stages[i].id, (double)figure(&v->stages[i], stage_figures[f].offset));
  }
  family(out, "sluice_stage_last_out_timestamp_seconds", "gauge",
         "When something last left the stage or was dropped or stored there; 0: never.");
  for (uint32_t i = 0; i < v->run.n_stages; i++)
    sample(out, v, "sluice_stage_last_out_timestamp_seconds", v->stages[i].id, seconds(v->stages[i].last_out));
  family(out, "sluice_stage_breaker", "gauge", "Of a sink: 0 closed, 1 open, 2 half-open.");
  for (uint32_t i = 0; i < v->run.n_stages; i++)
    if (v->stages[i].kind == SL_SINK)
      sample(out, v, "sluice_stage_breaker", v->stages[i].id, (double)v->stages[i].breaker);
  family(out, "sluice_stage_slow_calls", "gauge", "Calls that run for longer than the stage's `timeout`.");
  for (uint32_t i = 0; i < v->run.n_stages; i++)
    sample(out, v, "sluice_stage_slow_calls", v->stages[i].id, (double)v->stages[i].slow_calls);
  add_latency(out, v);
}

static void add_own(sl_buf *out, const sl_view *v) {
  const char *last = "";
  for (uint32_t i = 0; i < v->n_own; i++) {
    const sl_own_metric *m = &v->own[i];
    if (strcmp(m->name, last) != 0)
      family(out, m->name, m->kind == SL_METRIC_COUNTER ? "counter" : "gauge", "Reported by the stage itself.");
    last = m->name;
    sample(out, v, m->name, m->stage, m->value);
  }
  counter(out, v, "sluice_own_metrics_refused_total",
          "Reports of stages under more names than are kept: 64 a stage, 1024 in all.", v->own_refused);
}

void sl_view_prometheus(const sl_view *v, sl_buf *out) {
  add_info(out, v);
  add_run(out, v);
  if (v->has_state) add_state(out, v);
  add_process(out, v);
  add_stages(out, v);
  add_own(out, v);
}
