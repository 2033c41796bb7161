/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that run again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/cron.h"
#include "base/mem.h"
#include "base/time.h"
#include "pipes.h"
#include "run/runtime.h"

#define HOUR (3600 * SL_TIME_S)

static struct pipe pipe_;
static sl_engine *engine;
static int begins, ends, errors, firsts;
static int stop_at_end, fire; /* what the log's reader does */

static void on_log(void *user, int32_t level, const char *stage, const char *text) {
  (void)user;
  (void)stage;
  if (level == SL_LOG_ERROR) {
    errors++;
    assert_string_equal(text, "the scheduled run cannot start: no start on purpose");
  }
  if (strcmp(text, "a scheduled run begins") == 0) begins++;
  if (strncmp(text, "the first scheduled run: 2", 26) == 0) {
    firsts++;
    if (fire) engine->stages[0].times.due = 1; /* as if that moment had come */
    if (!fire) sl_engine_stop(engine);
  }
  if (strncmp(text, "a scheduled run is over: 10 documents in ", 41) != 0) return;
  assert_non_null(strstr(text, " s; next: 2"));
  if (++ends == stop_at_end) sl_engine_stop(engine);
}

/* One source of ten documents, a transform, a sink. */
static void run(const sl_stage_type *type, sl_schedule schedule, uint64_t limit, struct gen_params params) {
  sl_err err = {0};
  sl_run_stats stats;
  sl_run_opts opts = {.limit = limit, .log = on_log};
  begins = ends = errors = firsts = 0;
  gen_starts = gen_stops = 0;
  tally_reset(1);
  pipe_init(&pipe_);
  pipe_.p.log_level = SL_LOG_INFO;
  uint32_t s = pipe_add(&pipe_, type), w = pipe_add(&pipe_, &test_work), k = pipe_add(&pipe_, &test_sink);
  pipe_.params[s].gen = params;
  pipe_.params[s].gen.count = 10;
  pipe_.params[w].work = pipe_.params[k].work = (struct work_params){0};
  pipe_.stages[s].schedule = schedule;
  pipe_edge(&pipe_, s, w);
  pipe_edge(&pipe_, w, k);
  assert_int_equal(sl_engine_new(&pipe_.p, &opts, &engine, &err), 0);
  if (sl_engine_run(engine, &err)) fail_msg("%s", err.message);
  sl_engine_stats(engine, &stats);
  assert_int_equal(stats.in, stats.stored);
  assert_int_equal(tallies[0].docs, stats.stored);
  sl_engine_free(engine);
  engine = NULL;
}

static sl_stage_type on_loop(void) {
  sl_stage_type t = test_gen;
  t.flags |= SL_F_ASYNC;
  return t;
}

static void runs_until_the_limit(void **state) {
  (void)state;
  sl_stage_type async = on_loop();
  const sl_stage_type *types[] = {&test_gen, &async};
  for (int i = 0; i < 2; i++) {
    stop_at_end = 0;
    run(types[i], (sl_schedule){.every = SL_TIME_MS, .jitter = SL_TIME_MS}, 50, (struct gen_params){0});
    assert_int_equal(tallies[0].docs, 50);
    assert_int_equal(begins, 5);
    assert_int_equal(ends, 4); /* the fifth is ended by the limit */
    assert_int_equal(gen_starts, 5);
    assert_int_equal(gen_stops, 5);
  }
}

static void a_stop_ends_the_wait(void **state) {
  (void)state;
  sl_stage_type async = on_loop();
  const sl_stage_type *types[] = {&test_gen, &async};
  for (int i = 0; i < 2; i++) {
    stop_at_end = 1;
    run(types[i], (sl_schedule){.every = HOUR}, 0, (struct gen_params){.waits = 1, .turn = 3});
    assert_int_equal(tallies[0].docs, 10);
    assert_int_equal(gen_starts, gen_stops);
  }
}

static void a_failed_start_is_tried_at_the_next_time(void **state) {
  (void)state;
  stop_at_end = 0;
  run(&test_gen, (sl_schedule){.every = SL_TIME_MS}, 30, (struct gen_params){.fail_start = 2});
  assert_int_equal(tallies[0].docs, 30);
  assert_int_equal(errors, 1);
  assert_int_equal(begins, 3);
  assert_int_equal(gen_starts, 4);
  assert_int_equal(gen_stops, 3);
}

static void cron_waits_for_its_moment(void **state) {
  (void)state;
  sl_stage_type async = on_loop();
  const sl_stage_type *types[] = {&test_gen, &async};
  sl_cron *cron = NULL;
  assert_int_equal(sl_cron_new("0 0 1 1 *", "UTC", &cron, NULL), 0);
  for (int i = 0; i < 2; i++) {
    fire = 0;
    stop_at_end = 0;
    run(types[i], (sl_schedule){.cron = cron}, 0, (struct gen_params){0});
    assert_int_equal(firsts, 1);
    assert_int_equal(begins, 0);
    assert_int_equal(gen_starts, 0); /* not even started */
    assert_int_equal(tallies[0].docs, 0);
    fire = 1;
    stop_at_end = 1;
    run(types[i], (sl_schedule){.cron = cron}, 0, (struct gen_params){0});
    assert_int_equal(begins, 1);
    assert_int_equal(gen_starts, 1);
    assert_int_equal(gen_stops, 1);
    assert_int_equal(tallies[0].docs, 10);
  }
  sl_cron_free(cron);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_until_the_limit),
      cmocka_unit_test(a_stop_ends_the_wait),
      cmocka_unit_test(a_failed_start_is_tried_at_the_next_time),
      cmocka_unit_test(cron_waits_for_its_moment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
