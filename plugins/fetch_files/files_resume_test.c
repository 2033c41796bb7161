/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of fetch_files over restarts, kills and changing files: nothing is lost, nothing is given twice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/time.h>
#include <time.h>
#include <zlib.h>

#include <sluice/harness.h>

#include "../common/testdir.h"

#define SECOND INT64_C(1000000000)

static testdir dir;
static sl_harness_state *kept;
static sl_harness *h;
static char params[2048];

static int make_world(void **state) {
  (void)state;
  dir = testdir_new();
  kept = sl_harness_state_new();
  h = NULL;
  return 0;
}

static int drop_world(void **state) {
  (void)state;
  sl_harness_free(h);
  sl_harness_state_free(kept);
  testdir_free(&dir);
  return 0;
}

/* ---- helpers ---- */

static void start(void) {
  h = sl_harness_new(sluice_plugin()->types[0], params);
  sl_harness_use_state(h, kept);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) print_message("%s: %s %s\n", params, sl_harness_last(h).message, sl_harness_last(h).detail);
  assert_int_equal(rc, 0);
}

static void begin(const char *glob, const char *more) {
  snprintf(params, sizeof params, "{ paths: \"%s\"%s }", testdir_path(&dir, glob), more);
  start();
}

static void restart(void) {
  sl_harness_free(h);
  start();
}

static void kill_it(void) {
  sl_harness_crash(h);
  restart();
}

/* Produces until the source waits or ends; returns which. */
static int32_t produce(void) { return sl_harness_produce_all(h, 1000000); }

/* The ids (or payloads) of what was given since, each with a space behind it. */
static const char *given(void) {
  static char out[65536];
  size_t used = 0;
  sl_doc *doc;
  out[0] = '\0';
  while ((doc = sl_harness_pull(h))) {
    sl_bytes payload = sl_harness_payload(h, doc, NULL);
    if (payload.data)
      used += (size_t)snprintf(out + used, sizeof out - used, "%.*s ", (int)payload.len, (const char *)payload.data);
    else
      used += (size_t)snprintf(out + used, sizeof out - used, "%s ", sl_harness_string(h, doc, "/id"));
  }
  return out;
}

static void gives(const char *expected) {
  const char *found = given();
  if (strcmp(found, expected) != 0) print_message("log:\n%s", sl_harness_log(h));
  assert_string_equal(found, expected);
}

static void all_of_it(const char *expected, int32_t answer) {
  assert_int_equal(produce(), answer);
  gives(expected);
  sl_harness_acknowledge_all(h);
}

/* One pass of a watching source, as it comes when the poll time is over. */
static void look(const char *expected) {
  sl_harness_advance(h, 2 * SECOND);
  assert_true(sl_harness_woken(h));
  all_of_it(expected, SL_P_WAIT);
}

static void append(const char *name, const char *text) {
  int fd = open(testdir_path(&dir, name), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

static void set_mtime(const char *name, time_t sec) {
  struct timespec times[2] = {{sec, 0}, {sec, 0}};
  assert_int_equal(utimensat(AT_FDCWD, testdir_path(&dir, name), times, 0), 0);
}

static void move(const char *from, const char *to) {
  assert_int_equal(rename(testdir_path(&dir, from), testdir_path(&dir, to)), 0);
}

static void drop(const char *name) { assert_int_equal(unlink(testdir_path(&dir, name)), 0); }

/* n lines {"id":"PREFIXi"}; returned text is valid until the next call. */
static const char *lines(const char *prefix, int from, int to) {
  static char out[65536];
  size_t used = 0;
  out[0] = '\0';
  for (int i = from; i <= to; i++)
    used += (size_t)snprintf(out + used, sizeof out - used, "{\"id\":\"%s%d\"}\n", prefix, i);
  return out;
}

static void log_has(const char *text) {
  if (!strstr(sl_harness_log(h), text)) print_message("expected \"%s\" in:\n%s", text, sl_harness_log(h));
  assert_non_null(strstr(sl_harness_log(h), text));
}

/* The next dead letter's message holds `word`. */
static void rejects(const char *word) {
  sl_doc *doc = sl_harness_pull_rejected(h);
  if (!doc) print_message("expected a dead letter: %s\n", word);
  assert_non_null(doc);
  sl_harness_error e = sl_harness_error_of(h, doc);
  if (!strstr(e.message, word) && !strstr(e.detail, word)) print_message("found: %s; %s\n", e.message, e.detail);
  assert_true(strstr(e.message, word) || strstr(e.detail, word));
}

static void no_rejects(void) {
  sl_doc *doc = sl_harness_pull_rejected(h);
  if (doc)
    print_message("dead letter: %s %s: %s\n", sl_harness_origin(h, doc).uri, sl_harness_origin(h, doc).locator,
                  sl_harness_error_of(h, doc).message);
  assert_null(doc);
}

/* ---- runs that end ---- */

static void a_second_run_has_nothing_to_do(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 3));
  testdir_write(&dir, "b.jsonl", lines("b", 1, 2));
  begin("*.jsonl", "");
  all_of_it("a1 a2 a3 b1 b2 ", SL_P_END);
  assert_null(strstr(sl_harness_log(h), "resuming"));
  restart();
  all_of_it("", SL_P_END);
  log_has("resuming: 2 of 2 files done; --reprocess starts over");
  assert_int_equal(sl_harness_dropped(h), 0); /* they were not even read */
  testdir_write(&dir, "0.jsonl", lines("c", 1, 1));
  restart();
  all_of_it("c1 ", SL_P_END);
  log_has("resuming: 2 of 3 files done");
  testdir_write(&dir, "1.jsonl", "");
  restart();
  all_of_it("", SL_P_END);
  log_has("resuming: 4 of 4 files done");
}

static void a_killed_run_goes_on_at_the_byte(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 6));
  testdir_write(&dir, "b.jsonl", lines("b", 1, 2));
  begin("*.jsonl", "");
  assert_int_equal(produce(), SL_P_END);
  for (int i = 1; i <= 6; i++) {
    sl_doc *doc = sl_harness_pull(h);
    if (i != 4 && i != 3) sl_harness_acknowledge(h, doc);
  }
  kill_it();
  all_of_it("a3 a4 b1 b2 ", SL_P_END);
  assert_int_equal(sl_harness_dropped(h), 0); /* the source asks before it makes a document */
  log_has("resuming: 0 of 2 files done");
  kill_it();
  all_of_it("", SL_P_END);
}

static void pages_are_not_read_again(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "A");
  testdir_write(&dir, "b.txt", "B");
  testdir_write(&dir, "c.txt", "C");
  begin("*", "");
  assert_int_equal(produce(), SL_P_END);
  sl_harness_pull(h);
  sl_harness_acknowledge(h, sl_harness_pull(h));
  sl_harness_acknowledge(h, sl_harness_pull(h));
  kill_it();
  all_of_it("A ", SL_P_END);
  log_has("resuming: 2 of 3 files done");
  testdir_write(&dir, "b.txt", "B2");
  restart();
  all_of_it("B2 ", SL_P_END);
  set_mtime("c.txt", 1700000000); /* the same content */
  restart();
  all_of_it("", SL_P_END);
  restart();
  all_of_it("", SL_P_END);
  log_has("resuming: 3 of 3 files done");
}

static void arrays_go_on_at_the_element(void **state) {
  (void)state;
  testdir_write(&dir, "a.json", "[{\"id\":\"1\"},{\"id\":\"2\"}, 7,{\"id\":\"3\"},{\"id\":\"4\"}]");
  begin("a.json", "");
  assert_int_equal(produce(), SL_P_END);
  sl_harness_acknowledge(h, sl_harness_pull(h));
  sl_harness_pull(h);
  sl_harness_acknowledge(h, sl_harness_pull(h));
  rejects("expected an object");
  kill_it();
  assert_int_equal(produce(), SL_P_END);
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/id"), "2");
  assert_string_equal(sl_harness_origin(h, doc).locator, "/1");
  gives("4 ");
  rejects("expected an object");
  sl_harness_acknowledge_all(h);
  kill_it();
  all_of_it("", SL_P_END);
  no_rejects();
}

static void compressed_files_go_on(void **state) {
  (void)state;
  gzFile f = gzopen(testdir_path(&dir, "a.jsonl.gz"), "wb");
  gzputs(f, lines("a", 1, 500));
  gzclose(f);
  begin("*.gz", ", format: ndjson");
  assert_int_equal(produce(), SL_P_END);
  for (int i = 1; i <= 498; i++) sl_harness_acknowledge(h, sl_harness_pull(h));
  kill_it();
  all_of_it("a499 a500 ", SL_P_END);
  f = gzopen(testdir_path(&dir, "a.jsonl.gz"), "ab"); /* one more member */
  gzputs(f, lines("a", 501, 502));
  gzclose(f);
  restart();
  all_of_it("a501 a502 ", SL_P_END);
  no_rejects();
}

static void a_file_that_grew_is_read_on(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 2));
  testdir_write(&dir, "b.jsonl", lines("b", 1, 1));
  begin("*.jsonl", "");
  all_of_it("a1 a2 b1 ", SL_P_END);
  append("a.jsonl", lines("a", 3, 3));
  restart();
  all_of_it("a3 ", SL_P_END);
  append("a.jsonl", "{\"id\":\"a4\"}"); /* without an end of line, but whole */
  restart();
  all_of_it("a4 ", SL_P_END);
  append("a.jsonl", "\n{\"id\":\"a5\"}\n{\"id\":");
  restart();
  all_of_it("a5 ", SL_P_END);
  rejects("JSON");
  append("a.jsonl", "\"a6\"}\n");
  restart();
  all_of_it("a6 ", SL_P_END);
  no_rejects();
}

static void a_file_that_changed_is_read_again(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 2));
  begin("*.jsonl", "");
  assert_int_equal(produce(), SL_P_END);
  assert_null(sl_harness_origin(h, sl_harness_pull(h)).revision);
  sl_harness_acknowledge_all(h);
  testdir_write(&dir, "a.jsonl", lines("b", 1, 2));
  set_mtime("a.jsonl", 1700000000);
  restart();
  assert_int_equal(produce(), SL_P_END);
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/id"), "b1");
  assert_string_equal(sl_harness_origin(h, doc).revision, "mtime=1700000000.000000000");
  gives("b2 ");
  sl_harness_acknowledge_all(h);
  append("a.jsonl", lines("b", 3, 3)); /* what is appended belongs to that revision */
  restart();
  assert_int_equal(produce(), SL_P_END);
  doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_origin(h, doc).revision, "mtime=1700000000.000000000");
  sl_harness_acknowledge_all(h);
  testdir_write(&dir, "a.jsonl", ""); /* truncated, and grown again beyond what it was */
  restart();
  all_of_it("", SL_P_END);
  append("a.jsonl", lines("c", 1, 9));
  restart();
  all_of_it("c1 c2 c3 c4 c5 c6 c7 c8 c9 ", SL_P_END);
}

static void cursors_are_never_used_twice(void **state) {
  (void)state;
  uint64_t last = 0;
  testdir_write(&dir, "keep.jsonl", "");
  begin("*.jsonl", "");
  for (int round = 0; round < 6; round++) {
    testdir_write(&dir, "a.jsonl", lines("a", round, round));
    set_mtime("a.jsonl", 1700000000 + round);
    restart();
    assert_int_equal(produce(), SL_P_END);
    sl_doc *doc = sl_harness_pull(h);
    assert_non_null(doc);
    assert_true(sl_harness_cursor(h, doc) > last);
    last = sl_harness_cursor(h, doc);
    if (round % 2) sl_harness_acknowledge_all(h);
    drop("a.jsonl");
    restart();
    all_of_it("", SL_P_END); /* it is gone: forgotten, but not its cursors */
    if (round % 2) assert_int_equal(sl_harness_notes(h), 1);
  }
}

static void what_cannot_be_read_is_told_once(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "A");
  testdir_write(&dir, "big.txt", "0123456789");
  assert_int_equal(symlink("nowhere", testdir_path(&dir, "link.txt")), 0);
  begin("*.txt", ", max_bytes: 9");
  all_of_it("A ", SL_P_END);
  rejects("larger than max_bytes");
  rejects("leads nowhere");
  restart();
  all_of_it("", SL_P_END);
  no_rejects();
  testdir_write(&dir, "nowhere", "N");
  snprintf(params, sizeof params, "{ paths: \"%s\", max_bytes: 10 }", testdir_path(&dir, "*.txt"));
  restart(); /* the limit was raised, the link leads somewhere */
  all_of_it("0123456789 N ", SL_P_END);
  restart();
  all_of_it("", SL_P_END);
}

static void a_dead_letter_that_was_not_kept_comes_again(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "A");
  testdir_write(&dir, "big.txt", "0123456789");
  begin("*.txt", ", max_bytes: 9");
  assert_int_equal(produce(), SL_P_END);
  rejects("larger than max_bytes");
  sl_harness_acknowledge(h, sl_harness_pull(h));
  kill_it();
  all_of_it("", SL_P_END);
  rejects("larger than max_bytes");
}

/* A log that was rotated while nobody watched: what was not read yet is read under the new name. */
static void rotation_between_two_runs(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 2));
  testdir_write(&dir, "a.jsonl.1", lines("z", 1, 2));
  begin("a.jsonl*", ", format: ndjson");
  assert_int_equal(produce(), SL_P_END);
  sl_harness_acknowledge(h, sl_harness_pull(h)); /* a1 */
  sl_harness_crash(h);
  append("a.jsonl", lines("a", 3, 3));
  move("a.jsonl.1", "a.jsonl.2");
  move("a.jsonl", "a.jsonl.1");
  testdir_write(&dir, "a.jsonl", lines("b", 1, 1));
  restart();
  all_of_it("a2 a3 b1 z1 z2 ", SL_P_END);
  restart();
  all_of_it("", SL_P_END);
  log_has("resuming: 3 of 3 files done");
}

/* The same in one process: stop and start, as a reload does it. */
static void a_stopped_source_starts_where_it_stopped(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 50));
  begin("*.jsonl", "");
  assert_int_equal(sl_harness_produce(h, 1000), SL_P_MORE);
  uint32_t n = sl_harness_count(h);
  assert_true(n > 0 && n < 50);
  sl_harness_stop(h);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(produce(), SL_P_END);
  assert_int_equal(sl_harness_count(h), 50);
  assert_int_equal(sl_harness_dropped(h), 0);
}

static void notes_of_another_version_are_refused(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "A");
  begin("*.txt", "");
  const sl_resume *resume = sl_extension(sl_harness_ctx(h), SL_EXT_RESUME);
  resume->put(sl_harness_ctx(h), "part/zz", "2 what", 6);
  sl_harness_free(h);
  h = sl_harness_new(sluice_plugin()->types[0], params);
  sl_harness_use_state(h, kept);
  assert_int_equal(sl_harness_start(h), SL_EPARSE);
  assert_non_null(strstr(sl_harness_last(h).message, "note"));
}

/* ---- watching ---- */

static void sees_new_and_growing_files(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 2));
  begin("*.jsonl", ", watch: true");
  all_of_it("a1 a2 ", SL_P_WAIT);
  assert_int_equal(sl_harness_produce(h, 1000), SL_P_WAIT); /* asked too early */
  look("");
  append("a.jsonl", lines("a", 3, 3));
  testdir_write(&dir, "b.jsonl", lines("b", 1, 1));
  look("a3 b1 ");
  append("b.jsonl", "{\"id\":\"b2\"");
  look("");
  append("b.jsonl", "}");
  look("b2 ");
  append("b.jsonl", "\r\n{\"id\":\"b3\"}\n{\"id\":\"b4\",");
  look("b3 ");
  restart();
  all_of_it("", SL_P_WAIT);
  append("b.jsonl", "\"x\":1}\n");
  look("b4 ");
  no_rejects();
  append("a.jsonl", lines("a", 4, 4));
  look("a4 ");
  look("");
  assert_in_range(sl_harness_notes(h), 2, 4); /* parts that have ended leave no notes behind */
}

static void pages_are_read_when_they_have_settled(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "A");
  begin("*", ", watch: true, settle: 5s");
  all_of_it("", SL_P_WAIT); /* by the clock of the test it was written in the future */
  look("");
  append("a.txt", "B");
  look("");
  look("");
  look("");
  look("AB ");
  look("");
  set_mtime("a.txt", 1000000000); /* touched: the same content */
  look("");
  testdir_write(&dir, "a.txt", "C");
  set_mtime("a.txt", 1000000001); /* long ago */
  look("C ");
  sl_harness_free(h);
  start();
  all_of_it("", SL_P_WAIT);
}

static void edited_pages_get_a_new_revision(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "A");
  begin("*", ", watch: true, settle: 0s");
  assert_int_equal(produce(), SL_P_WAIT);
  sl_doc *one = sl_harness_pull(h);
  testdir_write(&dir, "new", "B");
  move("new", "a.txt");
  sl_harness_advance(h, 2 * SECOND);
  assert_int_equal(produce(), SL_P_WAIT);
  sl_doc *two = sl_harness_pull(h);
  assert_non_null(two);
  assert_string_equal(sl_harness_key(h, one), sl_harness_key(h, two));
  assert_string_not_equal(sl_harness_origin(h, one).revision, sl_harness_origin(h, two).revision);
}

/* Without a state nothing is known of earlier runs, but each file is read once. */
static void watches_without_a_state(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 2));
  snprintf(params, sizeof params, "{ paths: \"%s\", watch: true }", testdir_path(&dir, "*.jsonl"));
  h = sl_harness_new(sluice_plugin()->types[0], params);
  assert_int_equal(sl_harness_start(h), 0);
  all_of_it("a1 a2 ", SL_P_WAIT);
  look("");
  append("a.jsonl", lines("a", 3, 3));
  testdir_write(&dir, "b.jsonl", lines("b", 1, 1));
  look("a3 b1 ");
  look("");
  sl_harness_stop(h);
  assert_int_equal(sl_harness_start(h), 0);
  all_of_it("a1 a2 a3 b1 ", SL_P_WAIT);
}

static void removed_files_are_forgotten(void **state) {
  (void)state;
  testdir_mkdir(&dir, "in");
  testdir_write(&dir, "in/a.txt", "A");
  testdir_write(&dir, "in/b.txt", "B");
  begin("in/*", ", watch: true, settle: 0s");
  all_of_it("A B ", SL_P_WAIT);
  drop("in/a.txt");
  for (int i = 0; i < 10; i++) look("");
  assert_int_equal(sl_harness_notes(h), 2); /* b, and the highest cursor */
  testdir_write(&dir, "in/a.txt", "A");
  look("A ");
  /* An empty folder may be one that is not mounted. */
  drop("in/a.txt");
  drop("in/b.txt");
  for (int i = 0; i < 12; i++) look("");
  assert_int_equal(sl_harness_notes(h), 3);
  log_has("no file matches");
  assert_null(strstr(strstr(sl_harness_log(h), "no file matches") + 1, "no file matches")); /* told once */
}

static void a_log_that_is_rotated(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", lines("a", 1, 2));
  begin("a.jsonl*", ", format: ndjson, watch: true");
  all_of_it("a1 a2 ", SL_P_WAIT);
  append("a.jsonl", lines("a", 3, 3));
  move("a.jsonl", "a.jsonl.1");
  testdir_write(&dir, "a.jsonl", lines("b", 1, 2));
  look("b1 b2 a3 ");
  look("");
  testdir_write(&dir, "a.jsonl", lines("c", 1, 1)); /* truncated in place and written anew */
  look("c1 ");
  drop("a.jsonl.1");
  look("");
  append("a.jsonl", lines("c", 2, 2));
  look("c2 ");
}

static void what_cannot_be_read_may_come_back(void **state) {
  (void)state;
  testdir_write(&dir, "cut.txt", "\x1f\x8b\x08 bad");
  assert_int_equal(symlink("target", testdir_path(&dir, "a.txt")), 0);
  begin("*.txt", ", watch: true, settle: 0s");
  all_of_it("", SL_P_WAIT);
  rejects("leads nowhere");
  rejects("cannot be read");
  look("");
  look("");
  no_rejects(); /* once for each change, not for each look */
  restart();
  all_of_it("", SL_P_WAIT);
  no_rejects();
  testdir_write(&dir, "target", "T");
  testdir_write(&dir, "cut.txt", "whole");
  look("T whole ");
  drop("target");
  look("");
  rejects("leads nowhere");
  look("");
  no_rejects();
}

static void links_are_followed_inside(void **state) {
  (void)state;
  testdir_mkdir(&dir, "in");
  testdir_write(&dir, "outside", "O");
  testdir_write(&dir, "in/real.jsonl", lines("a", 1, 1));
  assert_int_equal(symlink("../outside", testdir_path(&dir, "in/out.jsonl")), 0);
  begin("in/*", ", format: ndjson, watch: true");
  all_of_it("a1 ", SL_P_WAIT);
  look("");
  look("");
  const char *told = strstr(sl_harness_log(h), "out.jsonl is left out");
  assert_non_null(told);
  assert_null(strstr(told + 1, "out.jsonl is left out"));
  append("in/real.jsonl", lines("a", 2, 2));
  look("a2 ");
}

/* ---- at random ---- */

static uint32_t seed;

static uint32_t chance(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % n;
}

#define MANY 4000
#define SLOTS 30 /* rotated logs that are kept: none is removed unread */

static unsigned char ended[MANY]; /* how often each line came to its end */
static int written;               /* lines so far */
static char halves[4][64];        /* what is missing of the last line of each log */

static void write_line(int log, int half) {
  char name[32], text[64];
  snprintf(name, sizeof name, "%c.jsonl", 'a' + log);
  if (halves[log][0]) {
    append(name, halves[log]);
    halves[log][0] = '\0';
    return;
  }
  snprintf(text, sizeof text, "{\"id\":\"%d\",\"log\":%d}\n", written++, log);
  if (half) {
    size_t at = 1 + chance(6);
    snprintf(halves[log], sizeof halves[log], "%s", text + at);
    text[at] = '\0';
  }
  append(name, text);
}

static void rotate(int log) {
  char name[SLOTS][32];
  for (int i = 0; i < SLOTS; i++) snprintf(name[i], sizeof name[i], i ? "%c.jsonl.%d" : "%c.jsonl", 'a' + log, i);
  if (halves[log][0]) write_line(log, 0);
  for (int i = SLOTS - 2; i >= 0; i--)
    if (testdir_has(&dir, name[i])) move(name[i], name[i + 1]);
}

/* Some of what is on its way comes to its end, in any order. */
static void settle_some(uint32_t percent, sl_doc **docs, uint32_t *n) {
  uint32_t left = 0;
  for (uint32_t i = 0; i < *n; i++) {
    if (chance(100) >= percent) {
      docs[left++] = docs[i];
      continue;
    }
    int id = atoi(sl_harness_string(h, docs[i], "/id"));
    assert_in_range(id, 0, MANY - 1);
    if (ended[id]++) print_message("seed %u: line %d came to its end twice\n", seed, id);
    assert_int_equal(ended[id], 1);
    sl_harness_acknowledge(h, docs[i]);
  }
  *n = left;
}

static void one_life(uint32_t first_seed, int steps) {
  sl_doc *docs[MANY];
  uint32_t n = 0;
  seed = first_seed;
  for (int step = 0; step < steps; step++) {
    uint32_t what = chance(100);
    int log = (int)chance(3);
    if (what < 45) {
      write_line(log, chance(3) == 0);
    } else if (what < 50) {
      rotate(log);
    } else if (what < 80) {
      sl_harness_advance(h, 2 * SECOND);
      if (chance(2)) {
        assert_int_equal(produce(), SL_P_WAIT);
      } else {
        sl_harness_produce(h, 300 + chance(2000));
      }
    } else if (what < 90) {
      settle_some(60, docs, &n);
    } else if (what < 94) {
      sl_harness_crash(h);
      n = 0;
      if (chance(3) == 0) rotate(log);
      if (chance(2) == 0) write_line(log, 0);
      restart();
    } else if (what < 96) {
      settle_some(100, docs, &n);
      restart();
    } else {
      settle_some(100, docs, &n);
      sl_harness_stop(h);
      assert_int_equal(sl_harness_start(h), 0);
    }
    for (sl_doc *doc; (doc = sl_harness_pull(h)) != NULL;) docs[n++] = doc;
    no_rejects();
  }
  for (int log = 0; log < 3; log++)
    if (halves[log][0]) write_line(log, 0);
  for (int i = 0; i < 3; i++) {
    sl_harness_advance(h, 2 * SECOND);
    assert_int_equal(produce(), SL_P_WAIT);
    for (sl_doc *doc; (doc = sl_harness_pull(h)) != NULL;) docs[n++] = doc;
    settle_some(100, docs, &n);
  }
}

static void logs_through_kills_and_rotations(void **state) {
  const char *many = getenv("SLUICE_TEST_LIVES"); /* a longer search */
  uint32_t lives = many ? (uint32_t)atoi(many) : 40;
  for (uint32_t life = 1; life <= lives; life++) {
    drop_world(state);
    make_world(state);
    memset(ended, 0, sizeof ended);
    memset(halves, 0, sizeof halves);
    written = 0;
    begin("*.jsonl*", ", format: ndjson, watch: true");
    one_life(life * 7919, 120);
    for (int i = 0; i < written; i++) {
      if (ended[i] != 1) print_message("life %u: line %d of %d came to its end %d times\n", life, i, written, ended[i]);
      assert_int_equal(ended[i], 1);
    }
  }
}

#define PAGES 6

static int versions;             /* of all pages so far */
static int newest[PAGES];        /* version that stands in each page; -1: it is not there */
static unsigned char came[MANY]; /* how often each version came to its end */

static void change_page(int page) {
  char name[32], text[32];
  uint32_t how = chance(10);
  snprintf(name, sizeof name, "%d.txt", page);
  if (how == 0 && newest[page] >= 0) {
    drop(name);
    newest[page] = -1;
    return;
  }
  if (how == 1 && newest[page] >= 0) {
    set_mtime(name, 1000000000 + (time_t)chance(1000000)); /* touched */
    return;
  }
  newest[page] = versions++;
  snprintf(text, sizeof text, "%d", newest[page]);
  if (how < 6) {
    testdir_write(&dir, name, text);
    set_mtime(name, 1500000000 + newest[page]); /* clocks of files tick too slowly for this */
  } else {
    testdir_write(&dir, ".new", text);
    set_mtime(".new", 1500000000 + newest[page]);
    move(".new", name);
  }
}

static void settle_pages(uint32_t percent, sl_doc **docs, uint32_t *n) {
  uint32_t left = 0;
  for (uint32_t i = 0; i < *n; i++) {
    if (chance(100) >= percent) {
      docs[left++] = docs[i];
      continue;
    }
    sl_bytes payload = sl_harness_payload(h, docs[i], NULL);
    char text[16] = "";
    memcpy(text, payload.data, payload.len < 15 ? payload.len : 15);
    came[atoi(text)]++;
    sl_harness_acknowledge(h, docs[i]);
  }
  *n = left;
}

static void pages_through_kills_and_edits(void **state) {
  const char *many = getenv("SLUICE_TEST_LIVES");
  uint32_t lives = many ? (uint32_t)atoi(many) : 40;
  for (uint32_t life = 1; life <= lives; life++) {
    sl_doc *docs[MANY];
    uint32_t n = 0;
    drop_world(state);
    make_world(state);
    memset(came, 0, sizeof came);
    memset(newest, -1, sizeof newest);
    versions = 0;
    testdir_write(&dir, "keep.txt", "3999");
    begin("*.txt", ", watch: true, settle: 0s");
    seed = life * 104729;
    for (int step = 0; step < 120; step++) {
      uint32_t what = chance(100);
      if (what < 45) {
        change_page((int)chance(PAGES));
      } else if (what < 75) {
        sl_harness_advance(h, 2 * SECOND);
        sl_harness_produce(h, 300 + chance(4000));
      } else if (what < 88) {
        settle_pages(60, docs, &n);
      } else if (what < 94) {
        sl_harness_crash(h);
        n = 0;
        if (chance(2)) change_page((int)chance(PAGES));
        restart();
      } else {
        settle_pages(100, docs, &n);
        restart();
      }
      for (sl_doc *doc; (doc = sl_harness_pull(h)) != NULL;) docs[n++] = doc;
    }
    for (int i = 0; i < 3; i++) {
      sl_harness_advance(h, 2 * SECOND);
      assert_int_equal(produce(), SL_P_WAIT);
      for (sl_doc *doc; (doc = sl_harness_pull(h)) != NULL;) docs[n++] = doc;
      settle_pages(100, docs, &n);
    }
    for (int i = 0; i < PAGES; i++) {
      int count = newest[i] < 0 ? 1 : came[newest[i]];
      if (count != 1) print_message("life %u: version %d of page %d came %d times\n", life, newest[i], i, count);
      assert_int_equal(count, 1);
    }
    for (int i = 0; i < versions; i++) {
      if (came[i] > 1) print_message("life %u: version %d came %d times\n", life, i, came[i]);
      assert_true(came[i] <= 1);
    }
  }
}

/* A look at many files costs a stat for each. */
static void many_files_cost_little(void **state) {
  (void)state;
  char name[64];
  struct timespec a, b;
  for (int i = 0; i < 2000; i++) {
    snprintf(name, sizeof name, "%04d.txt", i);
    testdir_write(&dir, name, "x");
    set_mtime(name, 1700000000);
  }
  begin("*", ", watch: true");
  assert_int_equal(produce(), SL_P_WAIT);
  assert_int_equal(sl_harness_count(h), 2000);
  sl_harness_acknowledge_all(h);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
  for (int i = 0; i < 10; i++) {
    sl_harness_advance(h, 2 * SECOND);
    assert_int_equal(produce(), SL_P_WAIT);
  }
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
  print_message("one look at 2000 files: %.2f ms\n",
                ((double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6) / 10);
  assert_int_equal(sl_harness_count(h), 2000);
}

static void memory_may_run_out_anywhere(void **state) {
  for (uint64_t nth = 1;; nth++) {
    testdir_write(&dir, "a.jsonl", lines("a", 1, 3));
    testdir_write(&dir, "b.jsonl", lines("b", 1, 3));
    begin("*.jsonl", ", watch: true");
    sl_harness_fail_alloc(h, nth);
    int32_t rc = produce();
    int failed = sl_harness_alloc_failed(h);
    const char *problem = sl_harness_take_problem(h);
    if (problem)
      assert_non_null(strstr(problem, "memory"));
    else if (rc == SL_V_FATAL)
      assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
    if (!failed) {
      assert_int_equal(rc, SL_P_WAIT);
      break;
    }
    drop_world(state);
    make_world(state);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_world, drop_world)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_second_run_has_nothing_to_do),
      TEST(a_killed_run_goes_on_at_the_byte),
      TEST(pages_are_not_read_again),
      TEST(arrays_go_on_at_the_element),
      TEST(compressed_files_go_on),
      TEST(a_file_that_grew_is_read_on),
      TEST(a_file_that_changed_is_read_again),
      TEST(cursors_are_never_used_twice),
      TEST(what_cannot_be_read_is_told_once),
      TEST(a_dead_letter_that_was_not_kept_comes_again),
      TEST(rotation_between_two_runs),
      TEST(a_stopped_source_starts_where_it_stopped),
      TEST(notes_of_another_version_are_refused),
      TEST(sees_new_and_growing_files),
      TEST(pages_are_read_when_they_have_settled),
      TEST(edited_pages_get_a_new_revision),
      TEST(watches_without_a_state),
      TEST(removed_files_are_forgotten),
      TEST(a_log_that_is_rotated),
      TEST(what_cannot_be_read_may_come_back),
      TEST(links_are_followed_inside),
      TEST(logs_through_kills_and_rotations),
      TEST(pages_through_kills_and_edits),
      TEST(many_files_cost_little),
      TEST(memory_may_run_out_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
