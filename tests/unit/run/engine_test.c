/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's rules, one by one, over stages for tests. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "doc/cond.h"
#include "doc/document.h"
#include "pipes.h"

static struct pipe pipe_;
static sl_run_stats stats;
static sl_err err;

static void run_ok(const sl_run_opts *opts) {
  int rc = pipe_run(&pipe_, opts, &stats, &err);
  if (rc) printf("error: %s\n", err.message);
  assert_int_equal(rc, 0);
  assert_int_equal(stats.in, stats.stored + stats.dropped + stats.unrouted + stats.failed + stats.unfinished);
  assert_int_equal(stats.in_flight, 0);
}

static uint32_t source(int64_t count) {
  tally_reset(1);
  pipe_init(&pipe_);
  uint32_t s = pipe_add(&pipe_, &test_gen);
  pipe_.params[s].gen = (struct gen_params){.count = count};
  return s;
}

static uint32_t after(uint32_t from, const sl_stage_type *type, struct work_params w) {
  uint32_t s = pipe_add(&pipe_, type);
  pipe_.params[s].work = w;
  pipe_edge(&pipe_, from, s);
  return s;
}

static void expect_all(int sink, uint64_t n) {
  uint64_t sum = 0;
  char id[32];
  for (uint64_t i = 0; i < n; i++) {
    snprintf(id, sizeof(id), "%llu", (unsigned long long)i);
    sum += id_hash(id);
  }
  if (tallies[sink].docs != n) tally_dump(sink, 20);
  assert_int_equal(tallies[sink].docs, n);
  assert_int_equal(tallies[sink].sum, sum);
}

static void test_straight(void **state) {
  (void)state;
  uint32_t s = source(5000);
  s = after(s, &test_work, (struct work_params){0});
  s = after(s, &test_work, (struct work_params){0});
  after(s, &test_sink, (struct work_params){0});
  run_ok(NULL);
  expect_all(0, 5000);
  assert_int_equal(stats.stored, 5000);
  assert_int_equal(tallies[0].out_of_order, 0);
}

static void test_empty_source(void **state) {
  (void)state;
  uint32_t s = source(0);
  after(s, &test_sink, (struct work_params){0});
  run_ok(NULL);
  assert_int_equal(stats.in, 0);
}

static void test_fan_out_shares(void **state) {
  (void)state;
  uint32_t s = source(3000);
  uint32_t w = after(s, &test_work, (struct work_params){0});
  after(w, &test_sink, (struct work_params){.sink = 0});
  uint32_t w2 = after(w, &test_work, (struct work_params){.split = 1000, .seed = 3});
  after(w2, &test_sink, (struct work_params){.sink = 1});
  after(w, &test_text_sink, (struct work_params){.sink = 2});
  run_ok(NULL);
  expect_all(0, 3000);
  expect_all(2, 3000);
  assert_true(tallies[1].docs > 2000);
  assert_int_equal(tallies[0].out_of_order + tallies[1].out_of_order + tallies[2].out_of_order, 0);
}

static void test_worst_outcome_wins(void **state) {
  (void)state;
  uint32_t s = source(1000);
  after(s, &test_sink, (struct work_params){.sink = 0});
  after(s, &test_sink, (struct work_params){.sink = 1, .reject = 1000});
  run_ok(NULL);
  assert_int_equal(stats.failed, 1000);
  assert_int_equal(stats.dead, 1000);
  assert_int_equal(stats.stored, 0);
  expect_all(0, 1000);
}

static void test_order_survives_retries_and_threads(void **state) {
  (void)state;
  uint32_t s = source(4000);
  s = after(s, &test_work, (struct work_params){.retry = 30, .retries = 2, .seed = 5});
  s = after(s, &test_blocking, (struct work_params){.retry = 30, .retries = 2, .seed = 6});
  pipe_.stages[s].threads = 3;
  s = after(s, &test_async, (struct work_params){.delay = 200000, .seed = 7});
  s = after(s, &test_serial, (struct work_params){.retry = 5, .retries = 1, .seed = 8});
  after(s, &test_sink, (struct work_params){0});
  run_ok(NULL);
  expect_all(0, 4000);
  assert_int_equal(tallies[0].out_of_order, 0);
  assert_true(stats.stages[1].retried > 0);
}

static void test_every_outcome_is_counted(void **state) {
  (void)state;
  uint32_t s = source(5000);
  s = after(s, &test_work, (struct work_params){.drop = 100, .reject = 100, .retry = 100, .retries = 5, .seed = 9});
  after(s, &test_sink, (struct work_params){0});
  run_ok(NULL);
  assert_true(stats.dropped > 100 && stats.failed > 100 && stats.stored > 1000);
  assert_int_equal(stats.stored, tallies[0].docs);
  assert_int_equal(stats.stages[1].in, 5000);
  assert_int_equal(stats.stages[1].in, stats.stages[1].out + stats.stages[1].dropped + stats.stages[1].dead);
}

static void test_then_drop_route_stop(void **state) {
  (void)state;
  uint32_t s = source(500);
  s = after(s, &test_work, (struct work_params){.reject = 1000});
  uint32_t good = after(s, &test_sink, (struct work_params){.sink = 0});
  (void)good;
  uint32_t bad = pipe_add(&pipe_, &test_sink);
  pipe_.params[bad].work.sink = 1;
  pipe_.stages[s].on_error.then = SL_THEN_ROUTE;
  pipe_.stages[s].on_error.route = (int32_t)bad;
  sl_edge *edge = pipe_edge(&pipe_, s, bad);
  edge->is_error = 1;
  run_ok(NULL);
  expect_all(1, 500);
  assert_int_equal(tallies[0].docs, 0);
  assert_int_equal(stats.stored, 500);

  s = source(500);
  s = after(s, &test_work, (struct work_params){.reject = 1000});
  after(s, &test_sink, (struct work_params){.sink = 0});
  pipe_.stages[s].on_error.then = SL_THEN_DROP;
  run_ok(NULL);
  assert_int_equal(stats.dropped, 500);
  assert_int_equal(stats.dead, 0);

  s = source(500);
  s = after(s, &test_work, (struct work_params){.reject = 1000});
  after(s, &test_sink, (struct work_params){.sink = 0});
  pipe_.stages[s].on_error.then = SL_THEN_STOP;
  assert_int_equal(pipe_run(&pipe_, NULL, &stats, &err), SL_EINVAL);
  assert_non_null(strstr(err.message, "rejected on purpose"));
  assert_non_null(strstr(err.message, "s1"));
}

static void test_fatal_stops(void **state) {
  (void)state;
  uint32_t s = source(100000);
  s = after(s, &test_work, (struct work_params){.fail_at = 500});
  after(s, &test_sink, (struct work_params){0});
  assert_int_equal(pipe_run(&pipe_, NULL, &stats, &err), SL_EIO);
  assert_non_null(strstr(err.message, "broken on purpose"));
  assert_true(stats.unfinished > 0);
  assert_int_equal(stats.in, stats.stored + stats.unfinished);
}

static void test_hold_merges(void **state) {
  (void)state;
  for (int settle = 0; settle < 2; settle++) {
    uint32_t s = source(1003);
    uint32_t h = pipe_add(&pipe_, &test_hold);
    pipe_.params[h].hold = (struct hold_params){.window = 10, .settle = settle};
    pipe_edge(&pipe_, s, h);
    uint32_t w = after(h, &test_work, (struct work_params){0});
    after(w, &test_sink, (struct work_params){0});
    run_ok(NULL);
    if (settle) {
      assert_int_equal(tallies[0].docs, 1003 - 1003 / 3);
      assert_int_equal(stats.dropped, 1003 / 3);
    } else {
      expect_all(0, 1003);
      assert_int_equal(stats.stages[2].in, 101);
    }
    assert_int_equal(tallies[0].out_of_order, 0);
    assert_int_equal(stats.stored + stats.dropped, 1003);
  }
}

static void test_hold_gives_way_to_credit(void **state) {
  (void)state;
  uint32_t s = source(3000);
  pipe_.params[s].gen.size = 2000;
  uint32_t h = pipe_add(&pipe_, &test_hold);
  pipe_.params[h].hold = (struct hold_params){.window = 4096};
  pipe_edge(&pipe_, s, h);
  after(h, &test_sink, (struct work_params){0});
  pipe_.p.budget = (int64_t)sl_mem_live() + 300000;
  pipe_.stages[h].batch = (sl_batch_opts){.documents = 100000, .bytes = 1 << 30};
  run_ok(NULL);
  expect_all(0, 3000);
  assert_int_equal(tallies[0].out_of_order, 0);
}

static void test_hold_bounds(void **state) {
  (void)state;
  uint32_t s = source(1000);
  uint32_t h = pipe_add(&pipe_, &test_hold);
  pipe_.params[h].hold = (struct hold_params){.window = 4096};
  pipe_edge(&pipe_, s, h);
  uint32_t w = after(h, &test_work, (struct work_params){0});
  after(w, &test_sink, (struct work_params){0});
  pipe_.stages[h].batch = (sl_batch_opts){.documents = 50, .bytes = 1 << 30};
  run_ok(NULL);
  expect_all(0, 1000);
  assert_int_equal(stats.stages[w].in, 20);
  assert_int_equal(tallies[0].out_of_order, 0);
}

static void test_raw_and_bad_text(void **state) {
  (void)state;
  uint32_t s = source(1000);
  pipe_.params[s].gen.raw = 1;
  pipe_.params[s].gen.bad_every = 10;
  after(s, &test_text_sink, (struct work_params){0});
  run_ok(NULL);
  assert_int_equal(tallies[0].docs, 900);
  assert_int_equal(stats.dead, 100);
  assert_int_equal(stats.stages[0].dead, 100);
}

static void test_waiting_source(void **state) {
  (void)state;
  uint32_t s = source(200);
  pipe_.params[s].gen.waits = 1;
  pipe_.params[s].gen.turn = 7;
  after(s, &test_sink, (struct work_params){0});
  run_ok(NULL);
  expect_all(0, 200);
}

static void test_limit(void **state) {
  (void)state;
  sl_run_opts opts = {.limit = 123};
  uint32_t s = source(100000);
  after(s, &test_sink, (struct work_params){0});
  run_ok(&opts);
  assert_int_equal(stats.in, 123);
  expect_all(0, 123);
}

static void test_dry_run(void **state) {
  (void)state;
  sl_run_opts opts = {.dry_run = 1};
  uint32_t s = source(1000);
  s = after(s, &test_work, (struct work_params){.retry = 100, .retries = 1});
  after(s, &test_sink, (struct work_params){0});
  run_ok(&opts);
  assert_int_equal(stats.stored, 1000);
  assert_int_equal(tallies[0].docs, 0);
}

static sl_cond *cond(const char *json) {
  cJSON *j = cJSON_Parse(json);
  sl_cond *c = NULL;
  assert_int_equal(sl_cond_new(j, &c, &err), 0);
  cJSON_Delete(j);
  return c;
}

static void test_when_else_unrouted(void **state) {
  (void)state;
  sl_cond *one = cond("{\"path\":\"/ids/0\",\"matches\":\"^1\"}");
  uint32_t s = source(1000);
  uint32_t a = pipe_add(&pipe_, &test_sink), b = pipe_add(&pipe_, &test_sink);
  pipe_.params[b].work.sink = 1;
  pipe_edge(&pipe_, s, a)->when = one;
  pipe_edge(&pipe_, s, b)->is_else = 1;
  run_ok(NULL);
  assert_int_equal(tallies[0].docs, 111);
  assert_int_equal(tallies[1].docs, 889);
  assert_int_equal(stats.stages[a].filtered, 889);

  s = source(1000);
  a = pipe_add(&pipe_, &test_sink);
  pipe_edge(&pipe_, s, a)->when = one;
  run_ok(NULL);
  assert_int_equal(stats.unrouted, 889);
  assert_int_equal(stats.stages[s].unrouted, 889);

  pipe_.p.unrouted = SL_UNROUTED_ERROR;
  tally_reset(1);
  run_ok(NULL);
  assert_int_equal(stats.dead, 889);
  sl_cond_free(one);
}

static void test_streaming(void **state) {
  (void)state;
  uint32_t s = source(500);
  s = after(s, &test_stream, (struct work_params){.split = 500, .seed = 4});
  after(s, &test_sink, (struct work_params){0});
  run_ok(NULL);
  uint64_t want = 0;
  for (int i = 0; i < 500; i++) {
    char id[32];
    int parts, retries;
    snprintf(id, sizeof(id), "%d", i);
    struct work_params w = {.split = 500, .seed = 4};
    want += work_plan(&w, id, &parts, &retries) == WORK_SPLIT ? (uint64_t)parts : 1;
  }
  assert_int_equal(tallies[0].docs, want);
}

static void test_larger_than_the_budget(void **state) {
  (void)state;
  uint32_t s = source(20);
  pipe_.params[s].gen.size = 500000;
  s = after(s, &test_work, (struct work_params){0});
  after(s, &test_sink, (struct work_params){0});
  pipe_.p.budget = 1024;
  run_ok(NULL);
  expect_all(0, 20);
}

static sl_engine *to_stop;
static void stop_it(void *user, const sl_run_stats *s) {
  int *times = user;
  if (s->in && *times > 0) {
    --*times;
    sl_engine_stop(to_stop);
  }
}

static void stop_after(int times) {
  int left = times;
  sl_run_opts opts = {.progress = stop_it, .progress_user = &left, .progress_every = 1};
  uint32_t s = source(1LL << 40);
  s = after(s, &test_work, (struct work_params){0});
  after(s, &test_sink, (struct work_params){.pause = 1000000});
  assert_int_equal(sl_engine_new(&pipe_.p, &opts, &to_stop, &err), 0);
  assert_int_equal(sl_engine_run(to_stop, &err), 0);
  sl_engine_stats(to_stop, &stats);
  assert_int_equal(stats.in, stats.stored + stats.unfinished);
  assert_true(stats.in > 0);
  assert_int_equal(stats.stopped, times);
  if (times == 1) assert_int_equal(stats.unfinished, 0);
  assert_int_equal(stats.stored, tallies[0].docs);
  sl_engine_free(to_stop);
}

static void test_stop_drains(void **state) {
  (void)state;
  stop_after(1);
}
static void test_stop_at_once(void **state) {
  (void)state;
  stop_after(2);
}

static void test_memory_comes_back(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  test_every_outcome_is_counted(state);
  test_order_survives_retries_and_threads(state);
  assert_int_equal(sl_mem_live(), before);
}

static void test_needed_field(void **state) {
  (void)state;
  static const char *const needs[] = {"/ids/0", "/pad", "@payload"};
  for (uint32_t n = 1; n <= 3; n++) {
    uint32_t s = source(100);
    pipe_.params[s].gen.size = 10;
    s = after(s, &test_work, (struct work_params){0});
    uint32_t k = after(s, &test_sink, (struct work_params){0});
    pipe_.stages[k].needs = needs;
    pipe_.stages[k].n_needs = n;
    run_ok(NULL);
    assert_int_equal(stats.stages[k].dead, n == 3 ? 100 : 0);
    assert_int_equal(tallies[0].docs, n == 3 ? 0 : 100);
  }
}

static void test_new_without_memory(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  int rc = SL_ENOMEM;
  for (uint64_t n = 1; rc && n < 1000; n++) {
    sl_engine *e = NULL;
    uint32_t s = source(10);
    s = after(s, &test_serial, (struct work_params){0});
    s = after(s, &test_async, (struct work_params){0});
    after(s, &test_sink, (struct work_params){0});
    sl_mem_fail_at(n);
    rc = sl_engine_new(&pipe_.p, NULL, &e, &err);
    sl_mem_fail_at(0);
    if (rc)
      assert_int_equal(rc, SL_ENOMEM);
    else
      assert_int_equal(sl_engine_run(e, &err), 0);
    sl_engine_free(e);
    assert_int_equal(sl_mem_live(), before);
  }
  assert_int_equal(rc, 0);
  expect_all(0, 10);
}

static int steps;
static void on_step(void *user, const sl_trace_step *step) {
  (void)user;
  static const char *const want[] = {"", "s1", "s2", "s2"};
  assert_true(steps < 4);
  assert_string_equal(step->stage, want[steps]);
  assert_non_null(step->after);
  if (steps == 3) assert_int_equal(step->path, 1);
  steps++;
}

static void test_trace(void **state) {
  (void)state;
  uint32_t s = source(10);
  s = after(s, &test_work, (struct work_params){0});
  s = after(s, &test_work, (struct work_params){.split = 1000, .seed = 1});
  after(s, &test_sink, (struct work_params){0});
  const char *id = NULL;
  char text[64], name[16];
  for (int i = 0; i < 100 && !id; i++) {
    int parts, retries;
    snprintf(name, sizeof(name), "%d", i);
    if (work_plan(&pipe_.params[2].work, name, &parts, &retries) == WORK_SPLIT && parts == 2) id = name;
  }
  assert_non_null(id);
  snprintf(text, sizeof(text), "{\"ids\":[\"%s\"]}", id);
  sl_doc *d = sl_doc_new();
  assert_int_equal(sl_doc_set_text(d, text, strlen(text), NULL, NULL, &err), 0);
  steps = 0;
  assert_int_equal(sl_engine_trace(&pipe_.p, d, on_step, NULL, &err), 0);
  assert_int_equal(steps, 4);
  assert_int_equal(tallies[0].docs, 0);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_straight),
      cmocka_unit_test(test_empty_source),
      cmocka_unit_test(test_fan_out_shares),
      cmocka_unit_test(test_worst_outcome_wins),
      cmocka_unit_test(test_order_survives_retries_and_threads),
      cmocka_unit_test(test_every_outcome_is_counted),
      cmocka_unit_test(test_then_drop_route_stop),
      cmocka_unit_test(test_fatal_stops),
      cmocka_unit_test(test_hold_merges),
      cmocka_unit_test(test_hold_gives_way_to_credit),
      cmocka_unit_test(test_hold_bounds),
      cmocka_unit_test(test_raw_and_bad_text),
      cmocka_unit_test(test_waiting_source),
      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_dry_run),
      cmocka_unit_test(test_when_else_unrouted),
      cmocka_unit_test(test_streaming),
      cmocka_unit_test(test_larger_than_the_budget),
      cmocka_unit_test(test_stop_drains),
      cmocka_unit_test(test_stop_at_once),
      cmocka_unit_test(test_memory_comes_back),
      cmocka_unit_test(test_needed_field),
      cmocka_unit_test(test_new_without_memory),
      cmocka_unit_test(test_trace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
