/* SPDX-License-Identifier: Apache-2.0 */
/* A watchdog is fed while there is progress or nothing to do, and not while a lane hangs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/thread.h"
#include "pipes.h"
#include "run/pulse.h"
#include "run/runtime.h"

static struct pipe pipe_;
static atomic_int given, hangs, let_go, source_ends;

/* Hangs in the first document until it is let go. */
static int32_t hang(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)ctx;
  (void)stage;
  (void)lane;
  (void)doc;
  atomic_store(&hangs, 1);
  while (!atomic_load(&let_go)) sched_yield();
  return SL_V_OK;
}

static void alarm_(sl_ctx *ctx, void *stage, void *user) {
  (void)stage;
  (void)user;
  sl_wake(ctx);
}

/* One document, then nothing until the test ends it. */
static int32_t one(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  (void)stage;
  (void)lane;
  (void)credit;
  static const sl_origin origin = {.uri = "one:", .locator = "1"};
  if (atomic_load(&source_ends)) return SL_P_END;
  if (!atomic_exchange(&given, 1)) {
    sl_doc *d = sl_new(ctx, NULL);
    if (!d || sl_set_origin(ctx, d, &origin) || sl_emit(ctx, d)) return SL_V_FATAL;
  }
  sl_timer_start(ctx, 1000000, 0, alarm_, NULL);
  return SL_P_WAIT;
}

static void run(void *engine) {
  sl_err err;
  (void)sl_engine_run(engine, &err);
}

/* Looks after the loop has ticked twice since the last look. */
static int look(sl_engine *e, sl_pulse *p) {
  uint64_t before = atomic_load(&e->ticks);
  while (atomic_load(&e->ticks) < before + 2) sched_yield();
  return sl_engine_alive(e, p);
}

static void a_lane_that_hangs_is_no_progress(void **state) {
  (void)state;
  sl_stage_type source = test_gen, stage = test_work;
  source.create = NULL;
  source.start = NULL;
  source.stop = NULL;
  source.destroy = NULL;
  source.produce = one;
  stage.process = hang;
  pipe_init(&pipe_);
  uint32_t s = pipe_add(&pipe_, &source), w = pipe_add(&pipe_, &stage), k = pipe_add(&pipe_, &test_sink);
  pipe_edge(&pipe_, s, w);
  pipe_edge(&pipe_, w, k);
  tally_reset(0);
  sl_engine *e = NULL;
  sl_err err;
  sl_thread *thread = NULL;
  sl_pulse pulse = {0};
  assert_int_equal(sl_engine_new(&pipe_.p, NULL, &e, &err), 0);
  assert_int_equal(sl_thread_start("engine", SL_ROLE_NONE, run, e, &thread), 0);
  while (!atomic_load(&hangs)) sched_yield();
  (void)look(e, &pulse);
  assert_int_equal(look(e, &pulse), 0);
  assert_int_equal(look(e, &pulse), 0);
  atomic_store(&let_go, 1);
  sl_run_stats stats;
  sl_stage_stats stages[3];
  do {
    sched_yield();
    sl_engine_stats_into(e, &stats, stages);
  } while (!stats.stored);
  (void)look(e, &pulse);
  assert_int_equal(look(e, &pulse), 1); /* nothing to do */
  atomic_store(&source_ends, 1);
  sl_thread_join(thread);
  sl_engine_free(e);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_lane_that_hangs_is_no_progress)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
