/* SPDX-License-Identifier: Apache-2.0 */
/* What a run did: tables for people, JSON for machines. */
#ifndef SLUICE_CLI_REPORT_H
#define SLUICE_CLI_REPORT_H

#include <stdio.h>

#include "conf/pipeline.h"
#include "run/engine.h"

struct cJSON;

/* Bytes that the sources gave. */
uint64_t sl_report_bytes(const sl_run_stats *stats);
/* "12,345 in · 12,001 stored · 3 dead · 4,512/s". Returns buf. */
const char *sl_report_progress(const sl_run_stats *stats, char *buf, size_t cap);
/* The table of stages, and the summary below it. */
void sl_report_table(const sl_run_stats *stats, FILE *out, int colors);
void sl_report_summary(const sl_run_stats *stats, FILE *out);
/* "written to: …" for each file that a sink of the pipeline writes. */
void sl_report_outputs(const sl_pipeline *pipeline, FILE *out);
/* How many dead letters the run wrote, and the command that shows them. */
void sl_report_dead(const sl_pipeline *pipeline, const sl_run_stats *stats, FILE *out);
/* CPU per stage, of a profiled run. */
void sl_report_cpu(const sl_run_stats *stats, FILE *out, int colors);
/* [own] */
struct cJSON *sl_report_json(const sl_pipeline *pipeline, const sl_run_stats *stats, int profile);

#endif
