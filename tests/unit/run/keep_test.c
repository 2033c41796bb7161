/* SPDX-License-Identifier: Apache-2.0 */
/* Engine and state together: what comes again in the next run, and what does not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/mem.h"
#include "base/time.h"
#include "pipes.h"
#include "store/state.h"

static struct pipe pipe_;
static sl_run_stats stats;
static sl_err err;
static char folder[64];

static int make_folder(void **state) {
  (void)state;
  snprintf(folder, sizeof(folder), "/tmp/sluice-keep-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  char command[128];
  (void)state;
  snprintf(command, sizeof(command), "rm -rf %s", folder);
  return system(command) ? -1 : 0;
}

static void to_stdout(void *user, int32_t level, const char *text) {
  (void)user;
  if (level <= SL_LOG_WARN) print_message("%s\n", text);
}

static sl_state *open_state(void) {
  sl_state *s = NULL;
  sl_state_opts opts = {.folder = folder,
                        .pipeline = "test",
                        .commit_every = 5 * SL_TIME_MS,
                        .spool_bytes = 64 << 20,
                        .kv_bytes = 1 << 20,
                        .dead_max = 10000,
                        .dead_bytes = 64 << 20,
                        .log = to_stdout};
  if (sl_state_open(&opts, &s, &err)) fail_msg("%s", err.message);
  return s;
}

/* One life of the pipeline. */
static void live(sl_run_opts opts) {
  sl_state *s = open_state();
  opts.state = s;
  int rc = pipe_run(&pipe_, &opts, &stats, &err);
  if (rc) fail_msg("%s", err.message);
  assert_int_equal(stats.in + stats.again,
                   stats.stored + stats.dropped + stats.unrouted + stats.failed + stats.waiting + stats.unfinished);
  sl_state_close(s);
}

static uint32_t source(int64_t count) {
  tally_reset(1);
  pipe_init(&pipe_);
  uint32_t s = pipe_add(&pipe_, &test_gen);
  pipe_.params[s].gen = (struct gen_params){.count = count, .raw = 1};
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
  if (tallies[sink].docs != n || tallies[sink].sum != sum) tally_dump(sink, 20);
  assert_int_equal(tallies[sink].docs, n);
  assert_int_equal(tallies[sink].sum, sum);
}

/* A source that begins at the first document each time: the core lets nothing in twice. */
static void test_goes_on(void **state) {
  (void)state;
  uint32_t s = source(3000);
  s = after(s, &test_work, (struct work_params){0});
  after(s, &test_sink, (struct work_params){.sink = 0});
  after(s, &test_sink, (struct work_params){.sink = 1});
  live((sl_run_opts){.limit = 1000});
  expect_all(0, 1000);
  live((sl_run_opts){.limit = 500});
  expect_all(0, 1500);
  live((sl_run_opts){0});
  expect_all(0, 3000);
  expect_all(1, 3000);
  live((sl_run_opts){0});
  assert_int_equal(stats.in, 0);
  expect_all(0, 3000);
}

/* With splits, drops and rejects: the same documents as one run would give. */
static void test_same_as_one_run(void **state) {
  (void)state;
  struct work_params w = {.seed = 3, .drop = 100, .split = 300, .retry = 100, .retries = 2};
  uint32_t s = source(2000);
  s = after(s, &test_work, w);
  s = after(s, &test_serial, (struct work_params){.seed = 5, .split = 100});
  after(s, &test_sink, (struct work_params){.sink = 0});
  sl_run_opts none = {0};
  assert_int_equal(pipe_run(&pipe_, &none, &stats, &err), 0);
  struct tally whole = tallies[0];
  tally_reset(1);
  for (int i = 0; i < 20; i++) live((sl_run_opts){.limit = 130});
  assert_int_equal(tallies[0].docs, whole.docs);
  assert_int_equal(tallies[0].sum, whole.sum);
}

static int see_dead(void *user, const sl_dead_entry *e) {
  int *n = user;
  ++*n;
  assert_string_equal(e->stage, "s1");
  assert_true(e->body.len > 0);
  return 0;
}

static void test_dead_letters(void **state) {
  (void)state;
  uint32_t s = source(100);
  s = after(s, &test_work, (struct work_params){.seed = 9, .reject = 300});
  after(s, &test_sink, (struct work_params){.sink = 0});
  live((sl_run_opts){0});
  uint64_t dead = stats.dead, n = 0;
  int seen = 0;
  assert_true(dead > 10);
  sl_state *st = open_state();
  sl_dead_filter all = {0};
  assert_int_equal(sl_state_dead_each(st, &all, see_dead, &seen, &err), 0);
  assert_int_equal(seen, dead);
  assert_int_equal(sl_state_dead_retry(st, &all, NULL, NULL, &n, &err), 0);
  assert_int_equal(n, dead);
  sl_state_close(st);
  pipe_.params[1].work = (struct work_params){0}; /* mended */
  live((sl_run_opts){0});
  assert_int_equal(stats.again, dead);
  assert_int_equal(stats.stored, dead);
  expect_all(0, 100);
  live((sl_run_opts){0});
  assert_int_equal(stats.again, 0);
}

/* Retries that wait when the pipeline stops come again in the next run. */
static void *stopper(void *arg) {
  sl_engine *e = arg;
  sl_run_stats now;
  for (int i = 0; i < 2000; i++) {
    sl_engine_stats(e, &now);
    if (now.stages[1].retried > 20) break;
    usleep(1000);
  }
  sl_engine_stop(e);
  return NULL;
}

static void test_retries_survive_a_stop(void **state) {
  (void)state;
  uint32_t s = source(200);
  s = after(s, &test_work, (struct work_params){.seed = 4, .retry = 500, .retries = 1});
  after(s, &test_sink, (struct work_params){.sink = 0});
  pipe_.stages[1].on_error =
      (sl_on_error){.retry = 3, .backoff = 3 * SL_TIME_S, .backoff_max = 3 * SL_TIME_S, .route = -1};
  pipe_.params[0].gen.waits = 1;
  pipe_.params[0].gen.turn = 10;
  sl_state *st = open_state();
  sl_run_opts opts = {.state = st};
  sl_engine *e = NULL;
  pthread_t t;
  assert_int_equal(sl_engine_new(&pipe_.p, &opts, &e, &err), 0);
  pthread_create(&t, NULL, stopper, e);
  assert_int_equal(sl_engine_run(e, &err), 0);
  pthread_join(t, NULL);
  sl_engine_stats(e, &stats);
  assert_int_equal(stats.unfinished, 0);
  assert_true(stats.waiting > 0);
  sl_engine_free(e);
  sl_state_close(st);
  live((sl_run_opts){0});
  expect_all(0, 200);
}

/* A sink that is down for a while: its documents wait on disk and are written once. */
static void test_breaker(void **state) {
  (void)state;
  uint32_t s = source(2000);
  s = after(s, &test_work, (struct work_params){0});
  after(s, &test_sink, (struct work_params){.sink = 0});
  after(s, &test_text_sink, (struct work_params){.sink = 1});
  pipe_.stages[2].on_error.breaker = 3;
  pipe_.stages[2].batch.documents = 50;
  atomic_store(&sink_broken, 12);
  live((sl_run_opts){0});
  assert_int_equal(atomic_load(&sink_broken), 0);
  assert_int_equal(stats.dead, 0);
  assert_true(stats.again > 0);
  expect_all(0, 2000);
  expect_all(1, 2000);
}

/* A sink that stays down: the other branch goes on, the run ends, the next one with a working sink completes it. */
static void test_breaker_over_runs(void **state) {
  (void)state;
  uint32_t s = source(500);
  after(s, &test_sink, (struct work_params){.sink = 0});
  after(s, &test_text_sink, (struct work_params){.sink = 1});
  pipe_.stages[1].on_error.breaker = 3;
  pipe_.p.grace = 20 * SL_TIME_MS;
  atomic_store(&sink_broken, 1 << 30);
  live((sl_run_opts){0});
  sl_state *st = open_state();
  assert_int_equal(sl_state_queue_count(st, NULL, 0), 500);
  sl_state_close(st);
  assert_int_equal(stats.dead, 0);
  assert_int_equal(tallies[0].docs, 0);
  expect_all(1, 500);
  atomic_store(&sink_broken, 0);
  live((sl_run_opts){0});
  expect_all(0, 500);
  expect_all(1, 500);
}

/* A document that crashes the process: two crashes, then a dead letter, and all others are stored. */
static int one_life(void) {
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGSEGV, SIG_DFL); /* the test library has a handler of its own */
    sl_state *s = open_state();
    sl_run_opts opts = {.state = s};
    int rc = pipe_run(&pipe_, &opts, &stats, &err);
    sl_state_close(s);
    _exit(rc ? 1 : stats.dead ? 3 : 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

static int crashed_at(void *user, const sl_dead_entry *e) {
  ++*(int *)user;
  assert_string_equal(e->stage, "s1");
  if (!strstr(e->message, "crashed the process 2 times")) fail_msg("%s", e->message);
  return 0;
}

static void test_poison(void **state) {
  (void)state;
  uint32_t s = source(400);
  s = after(s, &test_work, (struct work_params){.seed = 8, .crash = 10});
  after(s, &test_sink, (struct work_params){.sink = 0});
  int lives = 0, status, dead = 0;
  while ((status = one_life()) && WIFSIGNALED(status)) assert_true(++lives < 60);
  assert_true(WIFEXITED(status));
  sl_state *st = open_state();
  sl_dead_filter all = {0};
  assert_int_equal(sl_state_dead_each(st, &all, crashed_at, &dead, &err), 0);
  print_message("%d crashing documents, %d crashes\n", dead, lives);
  assert_true(dead > 0);
  assert_int_equal(lives, 2 * dead);
  sl_state_close(st);
}

/* A stage that lets one document of each hundred through: the first that claims its key. */
static int32_t once_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)stage;
  (void)lane;
  const sl_kv *kv = sl_extension(ctx, SL_EXT_KV);
  sl_origin o;
  char text[32];
  sl_bytes other;
  sl_get_origin(ctx, doc, &o);
  snprintf(text, sizeof(text), "%lld", atoll(o.locator) % 100);
  sl_bytes key = {text, strlen(text)}, value = {o.locator, strlen(o.locator)};
  int32_t own = 0, rc = kv->claim(ctx, doc, &key, &value, 0, &other);
  if (rc == SL_EEXIST) return SL_V_DROP;
  if (rc || kv->get(ctx, doc, &key, &other, &own) || !own || other.len != value.len) return SL_V_FATAL;
  return SL_V_OK;
}

static const sl_stage_type once_type = {.struct_size = sizeof(sl_stage_type),
                                        .kind = SL_TRANSFORM,
                                        .name = "once",
                                        .summary = "One of each hundred",
                                        .process = once_process};

static void test_key_value(void **state) {
  (void)state;
  uint32_t s = source(3000);
  s = after(s, &once_type, (struct work_params){0});
  after(s, &test_sink, (struct work_params){.sink = 0});
  live((sl_run_opts){.limit = 57});
  assert_int_equal(tallies[0].docs, 57);
  live((sl_run_opts){.limit = 1000});
  live((sl_run_opts){0});
  /* Which of each hundred comes first is the lanes' affair. */
  assert_int_equal(tallies[0].docs, 100);
  sl_state *st = open_state();
  void *value = NULL;
  char *owner = NULL;
  size_t len;
  sl_bytes key = {"42", 2};
  assert_int_equal(sl_state_kv_get(st, "s1", &key, &value, &len, &owner, &err), 0);
  assert_int_equal(atoi(owner + strlen("gen:#")) % 100, 42);
  assert_int_equal(len, strlen(owner) - strlen("gen:#"));
  sl_mem_free(value);
  sl_mem_free(owner);
  sl_state_close(st);
}

/* A mark of a document that a crash took away in the middle is no mark: the document comes again and finds none, or its
 * own. */
static void test_key_value_and_crashes(void **state) {
  (void)state;
  uint32_t s = source(300);
  s = after(s, &once_type, (struct work_params){0});
  s = after(s, &test_work, (struct work_params){.seed = 8, .crash = 30});
  after(s, &test_sink, (struct work_params){.sink = 0});
  pipe_.stages[2].on_error.then = SL_THEN_DROP;
  int lives = 0, status;
  while ((status = one_life()) && WIFSIGNALED(status)) assert_true(++lives < 60);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  assert_true(lives > 0);
  sl_state *st = open_state();
  for (int i = 0; i < 100; i++) {
    char text[16];
    void *value = NULL;
    char *owner = NULL;
    size_t len;
    sl_bytes key = {text, (size_t)snprintf(text, sizeof(text), "%d", i)};
    assert_int_equal(sl_state_kv_get(st, "s1", &key, &value, &len, &owner, &err), 0);
    sl_mem_free(value);
    sl_mem_free(owner);
  }
  sl_state_close(st);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_goes_on, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_same_as_one_run, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_dead_letters, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_retries_survive_a_stop, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_breaker, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_breaker_over_runs, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_poison, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_key_value, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_key_value_and_crashes, make_folder, remove_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
