/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sink_jsonl's ledger: killed at each step of writing, rotating and replacing, it holds every document once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../common/testcrash.h"

static testdir dir;

static int make_dir(void **state) {
  (void)state;
  dir = testdir_new();
  return 0;
}

static int drop_dir(void **state) {
  (void)state;
  testdir_free(&dir);
  return 0;
}

/* Appends the file's lines to what was read so far; 0 if it is not there. */
static int gather(const char *name, char *all, size_t cap) {
  char *data = testdir_read(&dir, name, NULL);
  if (!data) return 0;
  size_t used = strlen(all);
  snprintf(all + used, cap - used, "%s", data);
  free(data);
  return 1;
}

/* The rotated files and the last one, one after the other, are the documents in order. */
static void check_all(const char *what, int at, int again) {
  char all[4096] = "", expected[4096] = "";
  for (int number = 1; number < 64; number++) gather(testdir_text("out.%d.jsonl", number), all, sizeof all);
  gather("out.jsonl", all, sizeof all);
  for (int n = 0; n < CRASH_DOCS; n++) {
    size_t used = strlen(expected);
    snprintf(expected + used, sizeof expected - used, "{\"n\":%d}\n", n);
  }
  if (strcmp(all, expected) != 0) print_message("%s, killed at step %d and %d:\n%s", what, at, again, all);
  assert_string_equal(all, expected);
  assert_false(testdir_has(&dir, "out.jsonl.part"));
  assert_false(testdir_has(&dir, "out.jsonl.rotating"));
}

static void clear(void) {
  testdir_free(&dir);
  testdir_mkdir(&dir, "");
}

/* Kills at each step, then at one of the first steps of the next run. Returns how many steps a run has. */
static int kill_everywhere(const char *more, int commit_every, int machine, int no_links) {
  crash_plan plan = {sluice_plugin()->types[0], NULL, commit_every, machine, no_links};
  char params[1024];
  snprintf(params, sizeof params, "{ path: \"%s\"%s }", testdir_path(&dir, "out.jsonl"), more);
  plan.params = params;
  for (int at = 1;; at += CRASH_STRIDE)
    for (int again = 0; again < 8; again += again ? 8 : 1 + at % 6) {
      clear();
      int died = crash_twice(&plan, at, again);
      if (died < 0) print_message("%s, killed at step %d and %d\n", more, at, again);
      assert_int_not_equal(died, -1);
      check_all(more, at, again);
      if (!died) return at;
    }
}

static void appending(void **state) {
  (void)state;
  assert_true(kill_everywhere("", 2, 0, 0) > CRASH_DOCS / CRASH_BATCH);
  assert_true(kill_everywhere("", 100, 0, 0) > CRASH_DOCS / CRASH_BATCH);
  assert_true(kill_everywhere(", fsync: batch", 3, 0, 0) > 2 * CRASH_DOCS / CRASH_BATCH);
}

static void rotating(void **state) {
  (void)state;
  int plain = kill_everywhere(", rotate: 30", 2, 0, 0);
  assert_true(plain > 30);
  assert_true(kill_everywhere(", rotate: 20", 3, 0, 0) > plain);
  assert_true(kill_everywhere(", rotate: 9", 1, 0, 0) > plain);
  assert_true(kill_everywhere(", rotate: 30", 100, 0, 0) > 30);
}

static void rotating_without_links(void **state) {
  (void)state;
  assert_true(kill_everywhere(", rotate: 30", 2, 0, 1) > 30);
  assert_true(kill_everywhere(", rotate: 20", 100, 0, 1) > 30);
}

static void replacing(void **state) {
  (void)state;
  assert_true(kill_everywhere(", mode: replace", 2, 0, 0) > CRASH_DOCS / CRASH_BATCH);
  assert_true(kill_everywhere(", mode: replace", 100, 0, 0) > CRASH_DOCS / CRASH_BATCH);
}

static void the_machine_goes_down(void **state) {
  (void)state;
  kill_everywhere("", 2, SL_HARNESS_MACHINE, 0);
  kill_everywhere(", rotate: 30", 2, SL_HARNESS_MACHINE, 0);
  kill_everywhere(", rotate: 20", 3, SL_HARNESS_MACHINE, 1);
  kill_everywhere(", mode: replace", 2, SL_HARNESS_MACHINE, 0);
}

static void the_power_fails(void **state) {
  (void)state;
  kill_everywhere("", 2, SL_HARNESS_POWER, 0);
  kill_everywhere(", rotate: 30", 2, SL_HARNESS_POWER, 0);
  kill_everywhere(", rotate: 20", 1, SL_HARNESS_POWER, 1);
}

/* ---- what is not ours -------------------------------------------------------------------------------------------- */

static sl_harness_ledger *ledger;

static int make_ledger(void **state) {
  ledger = sl_harness_ledger_new();
  return make_dir(state);
}

static int drop_ledger(void **state) {
  sl_harness_ledger_free(ledger);
  return drop_dir(state);
}

static sl_harness *stage(const char *more) {
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0],
                                 testdir_text("{ path: \"%s\"%s }", testdir_path(&dir, "out.jsonl"), more));
  sl_harness_use_ledger(h, ledger);
  return h;
}

static sl_harness *begin(const char *more) {
  sl_harness *h = stage(more);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) print_message("%s %s\n", sl_harness_last(h).message, sl_harness_last(h).detail);
  assert_int_equal(rc, 0);
  return h;
}

/* Stops at once, as a kill does: what was saved is not committed. */
static void drop(sl_harness *h) {
  sl_harness_free(h);
  sl_harness_ledger_crash(ledger, 0);
}

static void holds(const char *name, const char *expected) {
  char *found = testdir_read(&dir, name, NULL);
  assert_non_null(found);
  assert_string_equal(found, expected);
  free(found);
}

static void refuses(const char *more, const char *message) {
  sl_harness *h = stage(more);
  assert_int_equal(sl_harness_start(h), SL_ESTATE);
  if (!strstr(sl_harness_last(h).message, message)) print_message("%s\n", sl_harness_last(h).message);
  assert_non_null(strstr(sl_harness_last(h).message, message));
  assert_non_null(strstr(sl_harness_last(h).detail, testdir_path(&dir, "out.jsonl")));
  assert_non_null(strstr(sl_harness_last(h).hint, "on_foreign: append"));
  sl_harness_free(h);
}

/* {"n":1} is committed, {"n":2} is not. */
static void write_two(const char *more) {
  sl_harness *h = begin(more);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  sl_harness_ledger_commit(ledger);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  drop(h);
}

static void cuts_what_was_not_committed(void **state) {
  (void)state;
  write_two("");
  holds("out.jsonl", "{\"n\":1}\n{\"n\":2}\n");
  sl_harness *h = begin("");
  holds("out.jsonl", "{\"n\":1}\n");
  assert_non_null(strstr(sl_harness_log(h), "8 bytes behind byte 8 were not committed"));
  sl_harness_free(h);
}

static void append_to(const char *name, const char *text) {
  FILE *f = fopen(testdir_path(&dir, name), "a");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void refuses_foreign_bytes(void **state) {
  (void)state;
  write_two("");
  append_to("out.jsonl", "foreign\n");
  refuses("", "did not write");
  holds("out.jsonl", "{\"n\":1}\n{\"n\":2}\nforeign\n");
  sl_harness *h = begin(", on_foreign: append");
  assert_non_null(strstr(sl_harness_log(h), "goes on with what is there"));
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  sl_harness_ledger_commit(ledger);
  drop(h);
  drop(begin(""));
  holds("out.jsonl", "{\"n\":1}\n{\"n\":2}\nforeign\n{\"n\":2}\n");
}

static void refuses_foreign_bytes_between_its_own(void **state) {
  (void)state;
  sl_harness *h = begin("");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  sl_harness_ledger_commit(ledger);
  append_to("out.jsonl", "foreign\n");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  assert_non_null(strstr(sl_harness_log(h), "another program has changed the file"));
  drop(h);
  refuses("", "did not write");
}

static void refuses_another_file(void **state) {
  (void)state;
  write_two("");
  char moved[512];
  snprintf(moved, sizeof moved, "%s", testdir_path(&dir, "out.jsonl"));
  testdir_write(&dir, "other", "{\"n\":1}\n{\"n\":2}\n");
  assert_int_equal(rename(testdir_path(&dir, "other"), moved), 0);
  refuses("", "another file");
  sl_harness *h = begin(", on_foreign: append");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":3}"), SL_V_OK);
  drop(h);
  /* Nothing was committed since: what was written behind the other file is cut, the other file is not touched. */
  h = begin(", on_foreign: append");
  holds("out.jsonl", "{\"n\":1}\n{\"n\":2}\n");
  sl_harness_free(h);
}

static void refuses_a_shorter_and_a_missing_file(void **state) {
  (void)state;
  write_two("");
  assert_int_equal(truncate(testdir_path(&dir, "out.jsonl"), 4), 0);
  refuses("", "shorter");
  assert_int_equal(unlink(testdir_path(&dir, "out.jsonl")), 0);
  refuses("", "gone");
  refuses("", "gone"); /* and made none meanwhile */
  sl_harness *h = begin(", on_foreign: append");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":3}"), SL_V_OK);
  sl_harness_ledger_commit(ledger);
  drop(h);
  drop(begin(""));
  holds("out.jsonl", "{\"n\":3}\n");
}

static void a_file_moved_away_is_cut_where_it_lies(void **state) {
  (void)state;
  sl_harness *h = begin("");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  sl_harness_ledger_commit(ledger);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  char moved[512];
  snprintf(moved, sizeof moved, "%s", testdir_path(&dir, "out.jsonl.1"));
  assert_int_equal(rename(testdir_path(&dir, "out.jsonl"), moved), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":3}"), SL_V_OK);
  drop(h);
  h = begin("");
  holds("out.jsonl.1", "{\"n\":1}\n");
  holds("out.jsonl", "");
  sl_harness_free(h);
}

static void another_path_is_begun(void **state) {
  (void)state;
  write_two("");
  sl_harness *h =
      sl_harness_new(sluice_plugin()->types[0], testdir_text("{ path: \"%s\" }", testdir_path(&dir, "new.jsonl")));
  sl_harness_use_ledger(h, ledger);
  assert_int_equal(sl_harness_start(h), 0);
  assert_non_null(strstr(sl_harness_log(h), "what it holds stays there"));
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  sl_harness_free(h);
  holds("out.jsonl", "{\"n\":1}\n");
  holds("new.jsonl", "{\"n\":2}\n");
}

static void a_moved_folder_is_the_same_file(void **state) {
  (void)state;
  write_two("");
  testdir_mkdir(&dir, "moved");
  char moved[512];
  snprintf(moved, sizeof moved, "%s", testdir_path(&dir, "moved/out.jsonl"));
  assert_int_equal(rename(testdir_path(&dir, "out.jsonl"), moved), 0);
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], testdir_text("{ path: \"%s\" }", moved));
  sl_harness_use_ledger(h, ledger);
  assert_int_equal(sl_harness_start(h), 0);
  sl_harness_free(h);
  holds("moved/out.jsonl", "{\"n\":1}\n");
}

static void a_file_that_was_there_is_kept(void **state) {
  (void)state;
  testdir_write(&dir, "out.jsonl", "{\"old\":1}\n");
  sl_harness *h = begin("");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  drop(h); /* before the first commit */
  h = begin("");
  holds("out.jsonl", "{\"old\":1}\n");
  sl_harness_free(h);
}

/* ---- replace ----------------------------------------------------------------------------------------------------- */

static void a_drain_keeps_the_new_file_beside(void **state) {
  (void)state;
  testdir_write(&dir, "out.jsonl", "old\n");
  sl_harness *h = begin(", mode: replace");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_DRAIN), 0);
  sl_harness_stop(h);
  sl_harness_ledger_commit(ledger);
  sl_harness_free(h);
  holds("out.jsonl", "old\n");
  holds("out.jsonl.part", "{\"n\":1}\n");
  h = begin(", mode: replace");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  sl_harness_stop(h);
  sl_harness_ledger_commit(ledger);
  sl_harness_free(h);
  holds("out.jsonl", "{\"n\":1}\n{\"n\":2}\n");
  assert_false(testdir_has(&dir, "out.jsonl.part"));
  /* A run that stores nothing leaves it there; the next that does begins a new one, though the old one was taken away.
   */
  h = begin(", mode: replace");
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  sl_harness_stop(h);
  sl_harness_ledger_commit(ledger);
  sl_harness_free(h);
  holds("out.jsonl", "{\"n\":1}\n{\"n\":2}\n");
  assert_int_equal(unlink(testdir_path(&dir, "out.jsonl")), 0);
  h = begin(", mode: replace");
  assert_int_equal(sl_harness_push_json(h, "{\"n\":3}"), SL_V_OK);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  sl_harness_free(h);
  holds("out.jsonl", "{\"n\":3}\n");
}

/* ---- the state --------------------------------------------------------------------------------------------------- */

static void a_state_that_cannot_note_stops_the_write(void **state) {
  (void)state;
  sl_harness *h = begin("");
  sl_harness_ledger_fail(ledger, SL_ENOMEM);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_RETRY);
  sl_harness_ledger_fail(ledger, 0);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  drop(h);
  holds("out.jsonl", "{\"n\":2}\n");
}

static void durable_unless_never(void **state) {
  (void)state;
  uint64_t before = sl_harness_ledger_syncs(ledger);
  sl_harness *h = begin("");
  sl_harness_push_json(h, "{\"n\":1}");
  drop(h);
  uint64_t with = sl_harness_ledger_syncs(ledger);
  assert_true(with > before);
  h = begin(", fsync: never");
  sl_harness_push_json(h, "{\"n\":1}");
  drop(h);
  assert_int_equal(sl_harness_ledger_syncs(ledger), with);
}

static void many_files_wait_for_the_commit(void **state) {
  (void)state;
  sl_harness *h = begin(", rotate: 8");
  for (int i = 0; i < 60; i++) assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
  assert_true(testdir_has(&dir, "out.22.jsonl"));
  assert_false(testdir_has(&dir, "out.24.jsonl"));
  sl_harness_ledger_commit(ledger);
  assert_int_equal(sl_harness_push_json(h, "{\"n\":2}"), SL_V_OK);
  assert_true(testdir_has(&dir, "out.24.jsonl") || testdir_has(&dir, "out.23.jsonl"));
  drop(h);
  h = begin(", rotate: 8");
  holds("out.jsonl", "");
  sl_harness_free(h);
}

static void the_lock_has_no_gap_at_a_rotation(void **state) {
  (void)state;
  sl_harness *h = begin(", rotate: 8");
  for (int i = 0; i < 5; i++) {
    sl_harness_ledger *other = sl_harness_ledger_new();
    assert_int_equal(sl_harness_push_json(h, "{\"n\":1}"), SL_V_OK);
    sl_harness *second = stage("");
    sl_harness_use_ledger(second, other);
    assert_int_equal(sl_harness_start(second), SL_EEXIST);
    sl_harness_free(second);
    sl_harness_ledger_free(other);
  }
  sl_harness_free(h);
}

#define KILL(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_ledger, drop_ledger)

int main(void) {
  const struct CMUnitTest tests[] = {
      KILL(appending),
      KILL(rotating),
      KILL(rotating_without_links),
      KILL(replacing),
      KILL(the_machine_goes_down),
      KILL(the_power_fails),
      TEST(cuts_what_was_not_committed),
      TEST(refuses_foreign_bytes),
      TEST(refuses_foreign_bytes_between_its_own),
      TEST(refuses_another_file),
      TEST(refuses_a_shorter_and_a_missing_file),
      TEST(a_file_moved_away_is_cut_where_it_lies),
      TEST(another_path_is_begun),
      TEST(a_moved_folder_is_the_same_file),
      TEST(a_file_that_was_there_is_kept),
      TEST(a_drain_keeps_the_new_file_beside),
      TEST(a_state_that_cannot_note_stops_the_write),
      TEST(durable_unless_never),
      TEST(many_files_wait_for_the_commit),
      TEST(the_lock_has_no_gap_at_a_rotation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
