/* SPDX-License-Identifier: Apache-2.0 */
/* The meter over engines that run: sums over generations, the exposition format, reasons, metrics of stages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../../support/pipes.h"
#include "base/buf.h"
#include "base/mem.h"
#include "doc/document.h"
#include "obs/meter.h"
#include "obs/view.h"
#include "run/tap.h"

static struct pipe p;

/* gen -> work -> sink */
static void build(int64_t count) {
  tally_reset(1);
  pipe_init(&p);
  uint32_t gen = pipe_add(&p, &test_gen), work = pipe_add(&p, &test_work), sink = pipe_add(&p, &test_sink);
  p.params[gen].gen = (struct gen_params){.count = count};
  p.params[work].work = (struct work_params){.seed = 1, .drop = 100};
  p.params[sink].work = (struct work_params){0};
  pipe_edge(&p, gen, work);
  pipe_edge(&p, work, sink);
}

static void one_generation(sl_meter *m, uint64_t generation, sl_tap_hub *taps) {
  sl_engine *e = NULL;
  sl_err err;
  sl_run_opts opts = {.seed = 1, .taps = taps, .metric = sl_meter_metric, .metric_user = m};
  if (sl_engine_new(&p.p, &opts, &e, &err) != 0) fail_msg("%s", err.message);
  sl_meter_attach(m, e, &p.p, NULL, generation);
  sl_meter_phase(m, SL_PHASE_RUNNING, NULL);
  assert_int_equal(sl_engine_run(e, &err), 0);
  sl_meter_detach(m);
  sl_engine_free(e);
}

/* The value of a sample, NaN if it is not there. */
static double value_of(const char *text, const char *sample) {
  size_t n = strlen(sample);
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, sample, n) == 0 && line[n] == ' ') return strtod(line + n + 1, NULL);
  }
  return (double)NAN;
}

static char *exposition(sl_meter *m) {
  sl_buf buf = {0};
  assert_int_equal(sl_meter_prometheus(m, &buf), 0);
  return sl_buf_take(&buf, NULL);
}

/* ---- a reader of the format: https://prometheus.io/docs/instrumenting/exposition_formats/ ---- */

static const char *name_end(const char *at) {
  assert_true(isalpha((unsigned char)*at) || *at == '_');
  while (isalnum((unsigned char)*at) || *at == '_') at++;
  return at;
}

/* Behind the closing brace of labels that begin at `at`. */
static const char *labels_end(const char *at) {
  for (;;) {
    at = name_end(at);
    assert_int_equal(at[0], '=');
    assert_int_equal(at[1], '"');
    for (at += 2; *at != '"'; at++) {
      assert_int_not_equal(*at, '\n');
      if (*at == '\\') {
        at++;
        assert_non_null(strchr("\\\"n", *at));
      }
    }
    if (*++at == '}') return at + 1;
    assert_int_equal(*at++, ',');
  }
}

/* Reads the whole text; every family has help and type before its samples, comes once, and every sample belongs to it.
 * Returns how many samples there were. */
static size_t check_format(const char *text) {
  char family[128] = "", seen[20000] = "\n";
  size_t samples = 0;
  assert_true(text[strlen(text) - 1] == '\n');
  for (const char *line = text, *next; *line; line = next) {
    next = strchr(line, '\n') + 1;
    if (strncmp(line, "# HELP ", 7) == 0) {
      (void)snprintf(family, sizeof family, "%.*s", (int)(name_end(line + 7) - line - 7), line + 7);
      char mark[140];
      (void)snprintf(mark, sizeof mark, "\n%s\n", family);
      if (strstr(seen, mark)) fail_msg("family %s comes twice", family);
      (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s\n", family);
      char type[160];
      (void)snprintf(type, sizeof type, "# TYPE %s ", family);
      assert_memory_equal(next, type, strlen(type));
      continue;
    }
    if (strncmp(line, "# TYPE ", 7) == 0) continue;
    const char *end = name_end(line);
    assert_memory_equal(line, family, strlen(family));
    const char *suffix = line + strlen(family);
    assert_true(suffix == end || strncmp(suffix, "_bucket{", 8) == 0 || strncmp(suffix, "_sum{", 5) == 0 ||
                strncmp(suffix, "_count{", 7) == 0);
    if (*end == '{') end = labels_end(end + 1);
    assert_int_equal(*end, ' ');
    char *stop = NULL;
    (void)strtod(end + 1, &stop);
    if (stop + 1 != next) fail_msg("no number: %.*s", (int)(next - line), line);
    samples++;
  }
  return samples;
}

/* ---- tests ---- */

static void counters_go_on_over_generations(void **state) {
  (void)state;
  sl_meter *m = NULL;
  assert_int_equal(sl_meter_new("tên \"lạ\"\\", &m, NULL), 0);
  build(1000);
  one_generation(m, 1, NULL);
  one_generation(m, 2, NULL);
  char *text = exposition(m);
  assert_true(check_format(text) > 80);
#define LABEL "{pipeline=\"tên \\\"lạ\\\"\\\\\""
  assert_int_equal((int)value_of(text, "sluice_documents_in_total" LABEL "}"), 2000);
  assert_int_equal((int)value_of(text, "sluice_generation" LABEL "}"), 2);
  assert_int_equal((int)value_of(text, "sluice_stage_in_total" LABEL ",stage=\"s1\"}"), 2000);
  int dropped = (int)value_of(text, "sluice_stage_dropped_total" LABEL ",stage=\"s1\"}");
  int stored = (int)value_of(text, "sluice_stage_out_total" LABEL ",stage=\"s2\"}");
  assert_true(dropped > 0);
  assert_int_equal(dropped + stored, 2000);
  assert_int_equal((int)value_of(text, "sluice_documents_dropped_total" LABEL "}"), dropped);
  double calls = value_of(text, "sluice_stage_call_seconds_count" LABEL ",stage=\"s1\"}");
  /* A sample counts for the calls around it; at the end of each thread up to 126 calls are not counted. */
  assert_true(calls > 1400 && calls <= 2000);
  assert_true(value_of(text, "sluice_stage_call_seconds_bucket" LABEL ",stage=\"s1\",le=\"+Inf\"}") == calls);
  assert_true(value_of(text, "sluice_process_resident_bytes" LABEL "}") > 1e6);
  sl_mem_free(text);
  sl_meter_free(m);
}

static void metrics_of_stages_are_bounded(void **state) {
  (void)state;
  sl_meter *m = NULL;
  char name[32];
  assert_int_equal(sl_meter_new("p", &m, NULL), 0);
  sl_meter_metric(m, "a", SL_METRIC_COUNTER, "Files skipped", 2);
  sl_meter_metric(m, "a", SL_METRIC_COUNTER, "Files skipped", 3);
  sl_meter_metric(m, "b", SL_METRIC_COUNTER, "files_skipped", 1);
  sl_meter_metric(m, "b", SL_METRIC_GAUGE, "depth", 7);
  sl_meter_metric(m, "b", SL_METRIC_GAUGE, "depth", -2.5);
  sl_meter_metric(m, "c", SL_METRIC_GAUGE, "files_skipped_total", 1); /* another type under the same name */
  sl_meter_metric(m, "c", SL_METRIC_COUNTER, "negative", -1);
  for (int i = 0; i < 500; i++) {
    (void)snprintf(name, sizeof name, "user_%d", i);
    sl_meter_metric(m, "flood", SL_METRIC_COUNTER, name, 1);
  }
  char *text = exposition(m);
  assert_true(check_format(text) > 60);
  assert_int_equal((int)value_of(text, "sluice_stage_own_files_skipped_total{pipeline=\"p\",stage=\"a\"}"), 5);
  assert_int_equal((int)value_of(text, "sluice_stage_own_files_skipped_total{pipeline=\"p\",stage=\"b\"}"), 1);
  assert_true(value_of(text, "sluice_stage_own_depth{pipeline=\"p\",stage=\"b\"}") == -2.5);
  assert_int_equal((int)value_of(text, "sluice_own_metrics_refused_total{pipeline=\"p\"}"), 500 - 64 + 1);
  assert_null(strstr(text, "negative"));
  sl_mem_free(text);
  sl_meter_free(m);
}

static void *count_up(void *meter) {
  static const char *const names[] = {"empty", "short", "long"};
  for (int i = 0; i < 30000; i++) sl_meter_metric(meter, i % 2 ? "a" : "b", SL_METRIC_COUNTER, names[i % 3], 1);
  return NULL;
}

static void counts_of_many_threads_add_up(void **state) {
  (void)state;
  for (int round = 0; round < 2; round++) { /* the second meter must not get what threads remember of the first */
    sl_meter *m = NULL;
    pthread_t threads[4];
    assert_int_equal(sl_meter_new("p", &m, NULL), 0);
    (void)count_up(m);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, count_up, m), 0);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    char *text = exposition(m);
    assert_int_equal((int)value_of(text, "sluice_stage_own_empty_total{pipeline=\"p\",stage=\"a\"}"), 25000);
    assert_int_equal((int)value_of(text, "sluice_stage_own_long_total{pipeline=\"p\",stage=\"b\"}"), 25000);
    sl_mem_free(text);
    sl_meter_free(m);
  }
}

static const char *text_of(const cJSON *of, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, name);
  return cJSON_IsString(item) ? item->valuestring : "";
}

static void readiness_has_reasons(void **state) {
  (void)state;
  sl_meter *m = NULL;
  int ready = 1;
  assert_int_equal(sl_meter_new("p", &m, NULL), 0);
  cJSON *tree = sl_meter_ready(m, &ready);
  assert_int_equal(ready, 0);
  assert_string_equal(text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(tree, "reasons"), 0), "reason"), "starting");
  cJSON_Delete(tree);
  sl_meter_phase(m, SL_PHASE_RELOADING, "draining");
  tree = sl_meter_ready(m, &ready);
  assert_int_equal(ready, 0);
  assert_non_null(strstr(text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(tree, "reasons"), 0), "text"), "draining"));
  cJSON_Delete(tree);
  sl_meter_phase(m, SL_PHASE_RUNNING, NULL);
  cJSON_Delete(sl_meter_ready(m, &ready));
  assert_int_equal(ready, 1);
  sl_meter_free(m);
}

typedef struct reasons {
  char text[512];
} reasons;

static void note(void *user, const char *reason, const char *stage, const char *text) {
  reasons *r = user;
  assert_true(*text);
  (void)snprintf(r->text + strlen(r->text), sizeof r->text - strlen(r->text), "%s%s%s ", reason, stage ? ":" : "",
                 stage ? stage : "");
}

static void every_trouble_is_a_reason(void **state) {
  (void)state;
  sl_stage_stats stages[2] = {{.id = "a", .uses = "x", .kind = SL_TRANSFORM, .slow_calls = 1},
                              {.id = "b", .uses = "y", .kind = SL_SINK, .breaker = 1}};
  sl_view v = {.name = "p",
               .file = "",
               .keep = {.spool = 1000, .dead_max = 100, .dead_bytes = 1 << 20},
               .phase = SL_PHASE_RUNNING,
               .phase_why = "",
               .stages = stages,
               .has_state = 1,
               .stuck = 1,
               .started = 1};
  v.run = (sl_run_stats){.n_stages = 2, .stages = stages, .in_flight = 3};
  v.state = (sl_state_stats){.dead = 90, .queued_bytes = 1000};
  reasons r = {""};
  assert_int_equal(sl_view_reasons(&v, note, &r), 6);
  assert_string_equal(r.text, "state_stuck spool_full dead_letters_nearly_full slow_call:a breaker_open:b no_success ");
  v.state.dead = 100;
  stages[0].held = 3; /* what a stage holds is no trouble */
  v.stuck = 0;
  r = (reasons){""};
  (void)sl_view_reasons(&v, note, &r);
  assert_string_equal(r.text, "spool_full dead_letters_full slow_call:a breaker_open:b ");
}

/* Each allocation of an answer fails in turn: it is an answer without something, or none. */
static void answers_without_memory(void **state) {
  (void)state;
  sl_meter *m = NULL;
  int ready;
  assert_int_equal(sl_meter_new("p", &m, NULL), 0);
  build(100);
  one_generation(m, 1, NULL);
  sl_meter_metric(m, "s1", SL_METRIC_COUNTER, "files", 1);
  for (int what = 0; what < 5; what++) {
    uint64_t left = 0;
    for (uint64_t n = 1; left == 0; n++) {
      sl_buf buf = {0};
      cJSON *tree = NULL;
      (void)sl_mem_fail_at(n);
      if (what == 0) (void)sl_meter_prometheus(m, &buf);
      if (what == 1) tree = sl_meter_stages(m);
      if (what == 2) tree = sl_meter_pipeline(m);
      if (what == 3) tree = sl_meter_ready(m, &ready);
      if (what == 4) sl_meter_metric(m, "s1", SL_METRIC_GAUGE, "depth", 1);
      left = sl_mem_fail_at(0);
      sl_buf_done(&buf);
      cJSON_Delete(tree);
      assert_true(n < 100000);
    }
  }
  char *text = exposition(m);
  assert_true(check_format(text) > 80);
  sl_mem_free(text);
  sl_meter_free(m);
}

static void a_tap_sees_what_passes(void **state) {
  (void)state;
  sl_tap_hub hub = {0};
  sl_meter *m = NULL;
  uint64_t seen = 0, lost = 0, n = 0;
  assert_int_equal(sl_meter_new("p", &m, NULL), 0);
  build(1000);
  p.params[1].work.drop = 0;
  int all = sl_tap_open(&hub, "s1", 1), some = sl_tap_open(&hub, "s2", 100), none = sl_tap_open(&hub, "nobody", 1);
  assert_true(all >= 0 && some >= 0 && none >= 0);
  one_generation(m, 1, &hub);
  sl_tap_item *items = sl_tap_take(&hub, some);
  for (const sl_tap_item *i = items; i; i = i->next) {
    cJSON *tree = cJSON_ParseWithLength(i->text, i->len);
    assert_non_null(tree);
    assert_string_equal(text_of(tree, "stage"), "s2");
    assert_true(cJSON_IsObject(cJSON_GetObjectItem(tree, "body")));
    cJSON_Delete(tree);
    n++;
  }
  assert_int_equal(n, 10);
  sl_tap_free(items);
  sl_tap_counts(&hub, all, &seen, &lost);
  assert_int_equal(seen, 1000);
  assert_int_equal(lost, 0);
  sl_tap_counts(&hub, none, &seen, &lost);
  assert_int_equal(seen, 0);
  /* A tap that nobody empties is bounded, and its place can be used again. */
  sl_tap_close(&hub, some);
  some = sl_tap_open(&hub, "s2", 1);
  assert_null(sl_tap_take(&hub, some));
  sl_tap_done(&hub);
  assert_int_equal(hub.active, 0);
  sl_meter_free(m);
}

static void a_tap_that_is_full_counts_what_it_leaves_out(void **state) {
  (void)state;
  sl_tap_hub hub = {0};
  sl_meter *m = NULL;
  uint64_t seen = 0, lost = 0, n = 0, bytes = 0;
  assert_int_equal(sl_meter_new("p", &m, NULL), 0);
  build(300);
  p.params[0].gen.size = 50000;
  int tap = sl_tap_open(&hub, "s0", 1);
  one_generation(m, 1, &hub);
  sl_tap_item *items = sl_tap_take(&hub, tap);
  for (const sl_tap_item *i = items; i; i = i->next) {
    n++;
    bytes += i->len;
  }
  sl_tap_counts(&hub, tap, &seen, &lost);
  assert_int_equal(seen, 300);
  assert_int_equal(n + lost, 300);
  assert_true(lost > 0);
  assert_true(bytes <= (uint64_t)SL_TAP_BYTES + 400000);
  sl_tap_free(items);
  sl_tap_done(&hub);
  sl_meter_free(m);
}

static void a_document_is_shown_whole_or_by_its_size(void **state) {
  (void)state;
  static const char body[] = "{\n \"a\": 1}";
  sl_tap_hub hub = {0};
  sl_err err;
  char *payload = calloc(1, 6 << 20), *large = malloc(3 << 20);
  assert_non_null(payload);
  assert_non_null(large);
  memset(large, 'x', 3 << 20);
  memcpy(large, "{\"a\":\"", 6);
  memcpy(large + (3 << 20) - 2, "\"}", 2);
  int tap = sl_tap_open(&hub, "s", 1);
  sl_doc *doc = sl_doc_new();
  assert_non_null(doc);
  assert_int_equal(sl_doc_set_origin(doc, &(sl_origin){.uri = "x:\"y", .locator = "1"}, &err), 0);
  assert_int_equal(sl_doc_set_text(doc, body, sizeof body - 1, NULL, NULL, &err), 0);
  assert_int_equal(sl_doc_set_payload(doc, payload, 6 << 20, "text/html", NULL, NULL, &err), 0);
  sl_tap_offer(&hub, "s", doc);
  assert_int_equal(sl_doc_set_text(doc, large, 3 << 20, NULL, NULL, &err), 0);
  sl_tap_offer(&hub, "s", doc);
  assert_int_equal(sl_doc_set_text(doc, "not JSON", 8, NULL, NULL, &err), 0);
  sl_tap_offer(&hub, "s", doc);
  sl_tap_item *items = sl_tap_take(&hub, tap);
  int n = 0;
  for (const sl_tap_item *i = items; i; i = i->next, n++) {
    assert_int_equal(i->text[i->len - 1], '\n');
    assert_ptr_equal(memchr(i->text, '\n', i->len), i->text + i->len - 1);
    cJSON *tree = cJSON_ParseWithLength(i->text, i->len);
    assert_non_null(tree);
    assert_string_equal(text_of(tree, "key"), "x:\"y#1");
    assert_string_equal(text_of(tree, "payload_type"), "text/html");
    assert_int_equal(cJSON_GetObjectItem(tree, "payload_bytes")->valueint, 6 << 20);
    const cJSON *shown = cJSON_GetObjectItem(tree, "body");
    assert_true(n == 0 ? cJSON_GetObjectItem(shown, "a")->valueint == 1 : cJSON_IsNull(shown));
    cJSON_Delete(tree);
  }
  assert_int_equal(n, 3);
  sl_tap_free(items);
  sl_doc_free(doc);
  sl_tap_done(&hub);
  free(payload);
  free(large);
}

static void quantiles_lie_in_their_bucket(void **state) {
  (void)state;
  sl_latency l = {.n = 0};
  assert_int_equal(sl_latency_quantile(&l, 0.5), 0);
  l.counts[3] = 90; /* 5 to 10 us */
  l.counts[9] = 10; /* 500 us to 1 ms */
  l.n = 100;
  assert_in_range(sl_latency_quantile(&l, 0.5), 5000, 10000);
  assert_in_range(sl_latency_quantile(&l, 0.9), 5000, 10000);
  assert_in_range(sl_latency_quantile(&l, 0.99), 500000, 1000000);
  l.counts[SL_LATENCY_BUCKETS - 1] = 100;
  l.n = 200;
  assert_int_equal(sl_latency_quantile(&l, 0.99), sl_latency_bound(SL_LATENCY_BUCKETS - 2));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counters_go_on_over_generations),
      cmocka_unit_test(metrics_of_stages_are_bounded),
      cmocka_unit_test(counts_of_many_threads_add_up),
      cmocka_unit_test(readiness_has_reasons),
      cmocka_unit_test(every_trouble_is_a_reason),
      cmocka_unit_test(answers_without_memory),
      cmocka_unit_test(a_tap_sees_what_passes),
      cmocka_unit_test(a_tap_that_is_full_counts_what_it_leaves_out),
      cmocka_unit_test(a_document_is_shown_whole_or_by_its_size),
      cmocka_unit_test(quantiles_lie_in_their_bucket),
  };
  sl_mem_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
