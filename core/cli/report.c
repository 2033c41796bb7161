/* SPDX-License-Identifier: Apache-2.0 */
/* What a run did: tables for people, JSON for machines. */
#include "cli/report.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "obs/table.h"

static const char *kind_name(uint32_t kind) {
  return kind == SL_SOURCE ? "source" : kind == SL_TRANSFORM ? "transform" : kind == SL_SINK ? "sink" : "";
}

static double seconds_of(const sl_run_stats *s) { return (double)s->seconds_ns / 1e9; }

static double per_second(const sl_run_stats *s, uint64_t n) {
  return s->seconds_ns > 0 ? (double)n / seconds_of(s) : 0;
}

uint64_t sl_report_bytes(const sl_run_stats *stats) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < stats->n_stages; i++)
    if (stats->stages[i].kind == SL_SOURCE) bytes += stats->stages[i].bytes_in;
  return bytes;
}

const char *sl_report_progress(const sl_run_stats *stats, char *buf, size_t cap) {
  char in[32], stored[32], dead[32], rate[32];
  sl_str_show_count(stats->in, in, sizeof in);
  sl_str_show_count(stats->stored, stored, sizeof stored);
  sl_str_show_count(stats->dead, dead, sizeof dead);
  sl_str_show_count((uint64_t)per_second(stats, stats->in), rate, sizeof rate);
  (void)snprintf(buf, cap, "%s in · %s stored · %s dead-lettered · %s/s · %.0f s", in, stored, dead, rate,
                 seconds_of(stats));
  return buf;
}

static void cell_count(sl_table *t, uint64_t n) {
  char text[32];
  if (n == 0)
    sl_table_cell(t, "-");
  else
    sl_table_cell(t, "%s", sl_str_show_count(n, text, sizeof text));
}

static void cell_number(sl_table *t, uint64_t n) {
  char text[32];
  sl_table_cell(t, "%s", sl_str_show_count(n, text, sizeof text));
}

void sl_report_table(const sl_run_stats *stats, FILE *out, int colors) {
  static const char *const header[] = {"stage", "in", "out", "dropped", "filtered", "unrouted", "retried", "dead"};
  sl_table *t = sl_table_new("lrrrrrrr", header);
  if (!t) return;
  for (uint32_t i = 0; i < stats->n_stages; i++) {
    const sl_stage_stats *s = &stats->stages[i];
    sl_table_cell(t, "%s", s->id);
    if (s->kind == SL_SOURCE)
      sl_table_cell(t, "-");
    else
      cell_number(t, s->in);
    cell_number(t, s->out);
    cell_count(t, s->dropped);
    cell_count(t, s->filtered);
    cell_count(t, s->unrouted);
    cell_count(t, s->retried);
    cell_count(t, s->dead);
  }
  sl_table_print(t, out, 0, colors, 0);
  sl_table_free(t);
}

void sl_report_summary(const sl_run_stats *stats, FILE *out) {
  char in[32], stored[32], dropped[32], unrouted[32], dead[32], rate[32];
  double mb = per_second(stats, sl_report_bytes(stats)) / 1e6;
  fprintf(out, "in %s, stored %s, dropped %s, unrouted %s, dead-lettered %s",
          sl_str_show_count(stats->in, in, sizeof in), sl_str_show_count(stats->stored, stored, sizeof stored),
          sl_str_show_count(stats->dropped, dropped, sizeof dropped),
          sl_str_show_count(stats->unrouted, unrouted, sizeof unrouted),
          sl_str_show_count(stats->dead, dead, sizeof dead));
  if (stats->again) fprintf(out, ", from the queue %llu", (unsigned long long)stats->again);
  if (stats->waiting) fprintf(out, ", to the queue %llu", (unsigned long long)stats->waiting);
  if (stats->unfinished) fprintf(out, ", unfinished %llu", (unsigned long long)stats->unfinished);
  fprintf(out, "\n%.2f s, %s documents/s, %.*f MB/s\n", seconds_of(stats),
          sl_str_show_count((uint64_t)(per_second(stats, stats->in) + 0.5), rate, sizeof rate), mb < 10 ? 2 : 0, mb);
}

/* The path as a person in the working directory would write it. */
static const char *shown_path(const char *path, const char *cwd) {
  size_t n = strlen(cwd);
  if (n > 1 && strncmp(path, cwd, n) == 0 && path[n] == '/') return path + n + 1;
  return path;
}

void sl_report_outputs(const sl_pipeline *pipeline, FILE *out) {
  char *cwd = sl_path_cwd();
  int any = 0;
  for (uint32_t i = 0; i < pipeline->n_stages; i++) {
    const sl_stage_conf *s = &pipeline->stages[i];
    for (uint32_t k = 0; k < s->type->n_params; k++) {
      const sl_param *p = &s->type->params[k];
      if (p->type != SL_T_PATH || !(p->flags & SL_PF_OUTPUT)) continue;
      const cJSON *value = cJSON_GetObjectItemCaseSensitive(s->with, p->name);
      if (!cJSON_IsString(value) || !value->valuestring[0]) continue;
      fprintf(out, "%s %s", any++ ? "," : "written:", shown_path(value->valuestring, cwd ? cwd : ""));
    }
  }
  if (any) fputc('\n', out);
  sl_mem_free(cwd);
}

void sl_report_dead(const sl_pipeline *pipeline, const sl_run_stats *stats, FILE *out) {
  char *cwd = sl_path_cwd();
  const char *where = pipeline->state ? pipeline->state : pipeline->dead_path;
  fprintf(out, "%llu dead letter%s: sluice dlq list %s\n", (unsigned long long)stats->dead, stats->dead == 1 ? "" : "s",
          shown_path(where, cwd ? cwd : ""));
  sl_mem_free(cwd);
}

void sl_report_cpu(const sl_run_stats *stats, FILE *out, int colors) {
  static const char *const header[] = {"stage", "documents", "CPU ms", "us/document", "share", "MB/s"};
  sl_table *t = sl_table_new("lrrrrr", header);
  int64_t total = 0;
  if (!t) return;
  for (uint32_t i = 0; i < stats->n_stages; i++) total += stats->stages[i].cpu_ns;
  for (uint32_t i = 0; i < stats->n_stages; i++) {
    const sl_stage_stats *s = &stats->stages[i];
    uint64_t n = s->kind == SL_SOURCE ? s->out + s->dead : s->in;
    double cpu = (double)s->cpu_ns;
    sl_table_cell(t, "%s", s->id);
    cell_number(t, n);
    sl_table_cell(t, "%.1f", cpu / 1e6);
    sl_table_cell(t, "%.1f", n ? cpu / 1e3 / (double)n : 0.0);
    sl_table_cell(t, "%.1f%%", total ? cpu * 100 / (double)total : 0.0);
    if (s->cpu_ns > 0 && s->bytes_in)
      sl_table_cell(t, "%.1f", (double)s->bytes_in / 1e6 / (cpu / 1e9));
    else
      sl_table_cell(t, "-");
  }
  sl_table_print(t, out, 0, colors, 0);
  sl_table_free(t);
}

static cJSON *stage_json(const sl_stage_stats *s, int profile) {
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "id", s->id);
  cJSON_AddStringToObject(out, "uses", s->uses);
  cJSON_AddStringToObject(out, "kind", kind_name(s->kind));
  cJSON_AddNumberToObject(out, "in", (double)s->in);
  cJSON_AddNumberToObject(out, "out", (double)s->out);
  cJSON_AddNumberToObject(out, "dropped", (double)s->dropped);
  cJSON_AddNumberToObject(out, "filtered", (double)s->filtered);
  cJSON_AddNumberToObject(out, "unrouted", (double)s->unrouted);
  cJSON_AddNumberToObject(out, "retried", (double)s->retried);
  cJSON_AddNumberToObject(out, "dead", (double)s->dead);
  cJSON_AddNumberToObject(out, "bytes_in", (double)s->bytes_in);
  if (profile) {
    cJSON_AddNumberToObject(out, "cpu_us", (double)s->cpu_ns / 1e3);
    cJSON_AddNumberToObject(out, "wall_us", (double)s->wall_ns / 1e3);
  }
  return out;
}

cJSON *sl_report_json(const sl_pipeline *pipeline, const sl_run_stats *stats, int profile) {
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "pipeline", pipeline->name);
  cJSON_AddStringToObject(out, "file", pipeline->file);
  cJSON_AddNumberToObject(out, "in", (double)stats->in);
  cJSON_AddNumberToObject(out, "stored", (double)stats->stored);
  cJSON_AddNumberToObject(out, "dropped", (double)stats->dropped);
  cJSON_AddNumberToObject(out, "unrouted", (double)stats->unrouted);
  cJSON_AddNumberToObject(out, "dead", (double)stats->dead);
  cJSON_AddNumberToObject(out, "from_queue", (double)stats->again);
  cJSON_AddNumberToObject(out, "to_queue", (double)stats->waiting);
  cJSON_AddNumberToObject(out, "unfinished", (double)stats->unfinished);
  cJSON_AddNumberToObject(out, "seconds", round((double)stats->seconds_ns / 1e3) / 1e6);
  cJSON_AddNumberToObject(out, "documents_per_second", round(per_second(stats, stats->in) * 10) / 10);
  cJSON_AddNumberToObject(out, "bytes", (double)sl_report_bytes(stats));
  cJSON_AddNumberToObject(out, "peak_live_bytes", (double)stats->peak_bytes);
  cJSON *stages = cJSON_AddArrayToObject(out, "stages");
  for (uint32_t i = 0; i < stats->n_stages; i++) cJSON_AddItemToArray(stages, stage_json(&stats->stages[i], profile));
  return out;
}
