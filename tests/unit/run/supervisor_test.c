/* SPDX-License-Identifier: Apache-2.0 */
/* Reloads of a pipeline that runs: good ones, bad ones, renamed stages; nothing lost, nothing doubled. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/strlist.h"
#include "conf/diag.h"
#include "run/filewatch.h"
#include "run/supervisor.h"
#include "stages.h"
#include "store/state.h"

/* ---- a stage that counts what is made of it ---- */

static int creates, destroys;
static const sl_stage_type *counted_base = &test_work;

static int32_t counted_create(sl_ctx *ctx, const void *params, void **ret) {
  const struct work_params *p = params;
  creates++;
  if (p->seed == 13) {
    sl_fail(ctx, SL_EINVAL, "13 brings bad luck", NULL, NULL);
    return SL_EINVAL;
  }
  return counted_base->create(ctx, params, ret);
}

static void counted_destroy(void *stage) {
  destroys++;
  if (stage) counted_base->destroy(stage);
}

static sl_stage_type counted;

static int resolve(void *user, const char *uses, const char *base, const char *const *path, uint32_t n_path,
                   const sl_stage_type **ret_type, const char **ret_path, const char **ret_build, sl_err *err) {
  static const sl_stage_type *const types[] = {&test_gen, &test_sink};
  (void)user;
  (void)base;
  (void)path;
  (void)n_path;
  *ret_path = *ret_build = "";
  for (size_t i = 0; i < 2; i++) {
    if (strcmp(types[i]->name, uses) != 0) continue;
    *ret_type = types[i];
    return 0;
  }
  if (strcmp(uses, "counted") != 0) return sl_err_set(err, SL_ENOTFOUND, "no plugin %s", uses);
  *ret_type = &counted;
  return 0;
}

/* ---- a run that is reloaded step by step ---- */

#define GEN "  - { id: in, uses: test_gen, with: { count: 1000000000, turn: 50 } }\n"
#define WORK "  - { id: work, uses: counted, with: { seed: 1 } }\n"
#define SINK "  - { id: out, uses: test_sink }\n"
#define GOOD "stages:\n" GEN WORK SINK

/* One reload: the file then, what it must answer, and the stage objects made by then. */
typedef struct step {
  const char *text;
  int ok;
  const char *answer; /* is part of it */
  int creates, destroys;
} step;

static struct {
  sl_supervisor *s;
  const step *steps;
  int n, at;
  atomic_ullong docs; /* that must be stored before the next step; 0: of this generation; UINT64_MAX: it is asked for */
  uint64_t generations[64];
  int n_generations;
} plan;

static int load(void *user, sl_pipeline **ret, sl_buf *text, sl_strlist *files) {
  (void)user;
  (void)files;
  const char *yaml = plan.at < 0 ? GOOD : plan.steps[plan.at].text;
  sl_diags *diags = sl_diags_new();
  sl_load_opts opts = {.resolve = resolve, .cwd = "/tmp"};
  int rc = sl_pipeline_load_text(yaml, strlen(yaml), "test.yaml", &opts, diags, ret);
  if (rc) sl_diags_print(diags, text, 0);
  sl_diags_free(diags);
  return rc;
}

static void answered(void *user, uint64_t ticket, int rc, const char *text) {
  (void)user;
  const step *st = &plan.steps[plan.at];
  if ((int)ticket != plan.at || (rc == 0) != st->ok || !strstr(text, st->answer)) {
    print_error("step %d: expected %s with \"%s\", found %d \"%s\"\n", plan.at, st->ok ? "success" : "an error",
                st->answer, rc, text);
    exit(1);
  }
  if (st->creates && (creates != st->creates || destroys > st->destroys)) {
    print_error("step %d: expected %d made and at most %d destroyed, found %d and %d\n", plan.at, st->creates,
                st->destroys, creates, destroys);
    exit(1);
  }
  plan.docs = 0;
}

/* On the loop: the next step comes once documents flow in this generation. */
static void on_progress(void *user, const sl_run_stats *stats) {
  (void)user;
  if (stats->stopped) return;
  if (!plan.docs) {
    plan.docs = stats->stored + 200;
  } else if (plan.docs != UINT64_MAX && stats->stored >= plan.docs) {
    plan.docs = UINT64_MAX;
    if (++plan.at < plan.n)
      sl_supervisor_reload(plan.s, answered, NULL, (uint64_t)plan.at);
    else
      sl_supervisor_stop(plan.s, SIGTERM);
  }
}

static void attach(void *user, sl_engine *engine, const sl_pipeline *pipeline, uint64_t number) {
  (void)user;
  (void)engine;
  (void)pipeline;
  if (plan.n_generations < 64) plan.generations[plan.n_generations++] = number;
}

static void quiet(void *user, int32_t level, const char *stage, const char *text) {
  (void)user;
  (void)level;
  (void)stage;
  (void)text;
}

static void run(const step *steps, int n, int failed_starts) {
  sl_err err = {0};
  sl_run_stats stats;
  sl_state *state = NULL;
  sl_pipeline *p = NULL;
  sl_buf text = {0};
  sl_state_opts so = {.pipeline = "test",
                      .commit_every = 1000000,
                      .spool_bytes = 1 << 20,
                      .kv_bytes = 1 << 20,
                      .dead_max = 100,
                      .dead_bytes = 1 << 20};
  memset(&plan, 0, sizeof plan);
  plan.steps = steps;
  plan.n = n;
  plan.at = -1;
  creates = destroys = gen_starts = gen_stops = 0;
  tally_reset(0);
  assert_int_equal(load(NULL, &p, &text, NULL), 0);
  assert_int_equal(sl_state_open(&so, &state, &err), 0);
  sl_supervisor_opts opts = {.run = {.state = state, .log = quiet, .progress = on_progress, .progress_every = 1},
                             .load = load,
                             .attach = attach};
  if (sl_supervisor_new(&opts, p, NULL, &plan.s, &err)) fail_msg("%s", err.message);
  if (sl_supervisor_run(plan.s, &err)) fail_msg("%s", err.message);
  sl_supervisor_stats(plan.s, &stats, NULL);
  assert_int_equal(plan.at, n);
  assert_int_equal(stats.in, stats.stored);
  assert_int_equal(stats.signal, SIGTERM);
  /* Every number from 0 on once. */
  uint64_t sum = 0, docs = 0;
  for (int i = 0; i < MAX_SINKS; i++) {
    sum += tallies[i].sum;
    docs += tallies[i].docs;
  }
  for (uint64_t i = 0; i < stats.in; i++) {
    char id[32];
    snprintf(id, sizeof id, "%llu", (unsigned long long)i);
    sum -= id_hash(id);
  }
  assert_int_equal(docs, stats.in);
  assert_int_equal(sum, 0);
  assert_int_equal(gen_starts, gen_stops + failed_starts);
  sl_supervisor_free(plan.s);
  sl_state_close(state);
  assert_int_equal(creates, destroys);
}

static void what_stays_equal_is_kept(void **state) {
  (void)state;
  static const step steps[] = {
      {GOOD, 1, "reloaded: generation 2 runs", 1, 0},
      {GOOD, 1, "reloaded: generation 3 runs", 1, 0},
      {"stages:\n" GEN "  - { id: work, uses: counted, with: { seed: 2 } }\n" SINK, 1, "generation 4", 2, 1},
      {"stages:\n" GEN "  - { id: other, uses: counted, with: { seed: 2 } }\n" SINK, 1, "generation 5", 3, 2},
      {"stages:\n" GEN WORK SINK, 1, "generation 6", 4, 3},
  };
  run(steps, 5, 0);
  assert_int_equal(creates, 4);
  assert_int_equal(plan.n_generations, 6);
}

static void a_bad_file_changes_nothing(void **state) {
  (void)state;
  static const step steps[] = {
      {"stages: [", 0, "error", 1, 0},
      {"stages:\n" GEN "  - { id: work, uses: nothing }\n" SINK, 0, "no plugin nothing", 1, 0},
      {"stages:\n" GEN "  - { id: work, uses: counted, with: { seed: 13 } }\n" SINK, 0, "13 brings bad luck", 2, 1},
      {"state: elsewhere\n" GOOD, 0, "`state` cannot change while the pipeline runs", 2, 1},
      {GOOD, 1, "generation 2 runs", 2, 1},
  };
  run(steps, 5, 0);
  static const uint64_t numbers[] = {1, 2};
  assert_int_equal(plan.n_generations, 2);
  assert_memory_equal(plan.generations, numbers, sizeof numbers);
}

static void what_cannot_start_gives_way_to_what_ran(void **state) {
  (void)state;
  /* The third start of a source fails: that of generation 3. */
  static const step steps[] = {
      {GOOD, 1, "generation 2 runs", 1, 0},
      {"stages:\n  - { id: in, uses: test_gen, with: { count: 1000000000, turn: 50, fail_start: 3 } }\n"
       "  - { id: renamed, was: work, uses: counted, with: { seed: 4 } }\n" SINK,
       0, "no start on purpose", 2, 1},
      {GOOD, 1, "generation 3 runs", 2, 1},
  };
  run(steps, 3, 1);
  static const uint64_t numbers[] = {1, 2, 3, 2, 3};
  assert_int_equal(plan.n_generations, 5);
  assert_memory_equal(plan.generations, numbers, sizeof numbers);
}

static void renamed_stages_keep_what_they_had(void **state) {
  (void)state;
  static const step steps[] = {
      {"stages:\n  - { id: source, was: in, uses: test_gen, with: { count: 1000000000, turn: 50 } }\n" WORK
       "  - { id: store, was: [out, older], uses: test_sink }\n",
       1, "generation 2 runs", 1, 0},
      {"stages:\n  - { id: source, uses: test_gen, with: { count: 1000000000, turn: 50 } }\n" WORK
       "  - { id: store, uses: test_sink }\n",
       1, "generation 3 runs", 1, 0},
      {"stages:\n  - { id: in, was: source, uses: test_gen, with: { count: 1000000000, turn: 50 } }\n" SINK, 1,
       "generation 4 runs", 1, 1},
  };
  run(steps, 3, 0);
}

/* ---- files ---- */

static void files_are_acted_upon_once_they_have_settled(void **state) {
  (void)state;
  char dir[] = "/tmp/sluice-watch-XXXXXX", a[64], b[64];
  assert_non_null(mkdtemp(dir));
  snprintf(a, sizeof a, "%s/a", dir);
  snprintf(b, sizeof b, "%s/b", dir);
  assert_int_equal(sl_path_write(a, "1", 1, 0600, NULL), 0);
  sl_filewatch w = {0};
  assert_int_equal(sl_filewatch_add(&w, a), 0);
  assert_int_equal(sl_filewatch_add(&w, b), 0); /* is not there yet */
  assert_int_equal(sl_filewatch_look(&w), 0);
  assert_int_equal(sl_path_write(a, "22", 2, 0600, NULL), 0);
  assert_int_equal(sl_filewatch_look(&w), 0); /* other than at the last look */
  assert_int_equal(sl_path_write(b, "1", 1, 0600, NULL), 0);
  assert_int_equal(sl_filewatch_look(&w), 0);
  assert_int_equal(sl_filewatch_look(&w), 1);
  assert_int_equal(sl_filewatch_look(&w), 0);
  sl_filewatch_begin(&w);
  assert_int_equal(sl_filewatch_add(&w, a), 0);
  sl_filewatch_end(&w);
  assert_int_equal(w.n, 1);
  assert_int_equal(remove(b), 0);
  assert_int_equal(sl_filewatch_look(&w), 0);
  assert_int_equal(sl_filewatch_look(&w), 0);
  assert_int_equal(remove(a), 0);
  assert_int_equal(sl_filewatch_look(&w), 0);
  assert_int_equal(sl_filewatch_look(&w), 1);
  sl_filewatch_done(&w);
  assert_int_equal(remove(dir), 0);
}

int main(void) {
  sl_mem_install();
  counted = test_work;
  counted.name = "counted";
  counted.create = counted_create;
  counted.destroy = counted_destroy;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_stays_equal_is_kept),
      cmocka_unit_test(a_bad_file_changes_nothing),
      cmocka_unit_test(what_cannot_start_gives_way_to_what_ran),
      cmocka_unit_test(renamed_stages_keep_what_they_had),
      cmocka_unit_test(files_are_acted_upon_once_they_have_settled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
