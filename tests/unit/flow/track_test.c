/* SPDX-License-Identifier: Apache-2.0 */
/* Watermark, runs and parts: what a restart finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "flow/track.h"

static const char *const sinks[] = {"a", "b"};

static int number(void *user, const char *id) {
  (void)user;
  return !strcmp(id, "a") ? 0 : !strcmp(id, "b") ? 1 : -1;
}

static int load(sl_track *t, const char *text, size_t len) {
  sl_err err;
  return sl_track_load(t, &(sl_bytes){text, len}, number, NULL, &err);
}

static sl_track *fresh(const char *text) {
  sl_track *t = NULL;
  sl_err err;
  assert_int_equal(sl_track_new(&t, &err), 0);
  if (text) assert_int_equal(load(t, text, strlen(text)), 0);
  return t;
}

static void expect(sl_track *t, const char *text) {
  sl_buf out = {0};
  assert_int_equal(sl_track_scan(t, sinks, 2, NULL, NULL, &out), 0);
  assert_string_equal(out.data, text);
  sl_buf_done(&out);
}

static void test_watermark(void **state) {
  (void)state;
  sl_track *t = fresh(NULL);
  sl_slot *s[5];
  assert_int_equal(sl_track_position(t), 0);
  for (uint64_t i = 0; i < 5; i++) s[i] = sl_track_emit(t, 10 * (i + 1));
  assert_int_equal(sl_track_position(t), 50);
  sl_slot_end(s[1]);
  sl_slot_end(s[2]);
  sl_track_stored(t, s[3], 1, 0);
  sl_track_stored(t, s[4], 1, 0);
  expect(t, "track 1\nw 0\nh 50\ns a b\ne 20 30\nm 40 50 2\n");
  sl_slot_end(s[0]);
  expect(t, "track 1\nw 30\nh 50\ns a b\nm 40 50 2\n");
  assert_int_equal(sl_track_open(t), 2);
  sl_slot_end(s[3]);
  sl_slot_end(s[4]);
  expect(t, "track 1\nw 50\nh 50\ns a b\n");
  sl_track_free(t);
}

static void test_restart(void **state) {
  (void)state;
  sl_track *t = fresh("track 1\nw 30\nh 90\ns b x a\ne 50 60\nm 40 40 3\nm 70 80 6\np 90 0 ff\np 90 1 aa\n");
  assert_int_equal(sl_track_position(t), 30);
  assert_int_equal(sl_track_old_head(t), 90);
  assert_true(sl_track_given(t, 30));
  assert_false(sl_track_given(t, 40));
  assert_true(sl_track_given(t, 55));
  sl_slot *s = sl_track_emit(t, 40);
  /* b was number 0 and is 1 now; x is gone; a was 2 and is 0. */
  assert_false(sl_track_has(t, s, 0, 0));
  assert_true(sl_track_has(t, s, 1, 0));
  /* What was not given again yet is kept. */
  expect(t, "track 1\nw 30\nh 90\ns a b\ne 50 60\nm 40 40 2\nm 70 80 1\np 90 1 ff\n");
  sl_slot_end(s);
  sl_slot *s70 = sl_track_emit(t, 70), *s90 = sl_track_emit(t, 90);
  assert_true(sl_track_has(t, s70, 0, 0));
  assert_false(sl_track_has(t, s70, 1, 0));
  assert_true(sl_track_has(t, s90, 1, 0xff));
  assert_false(sl_track_has(t, s90, 1, 0xfe));
  assert_false(sl_track_has(t, s90, 1, 0));
  sl_track_stored(t, s90, 1, 0xfe);
  expect(t, "track 1\nw 40\nh 90\ns a b\ne 50 60\nm 70 70 1\np 90 1 ff\np 90 1 fe\n");
  sl_slot_end(s70);
  sl_slot_end(s90);
  expect(t, "track 1\nw 90\nh 90\ns a b\n");
  sl_track_free(t);
}

static void test_damaged(void **state) {
  (void)state;
  static const char *const bad[] = {"track 2\n", "track 1\nw x\n", "track 1\ne 5 4\n", "track 1\nz\n",
                                    "track 1\nm 1 2\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sl_track *t = NULL;
    sl_err err;
    assert_int_equal(sl_track_new(&t, &err), 0);
    assert_int_equal(load(t, bad[i], strlen(bad[i])), SL_EPARSE);
    sl_track_free(t);
  }
}

/* A source of records 1..N, some crashes: each record ends once, each sink stores it once. */
static void test_random(void **state) {
  (void)state;
  enum { N = 3000 };
  static unsigned char ended[N + 1], stored[2][N + 1];
  sl_rng rng;
  char *text = NULL;
  size_t len = 0;
  memset(ended, 0, sizeof ended);
  memset(stored, 0, sizeof stored);
  sl_rng_init(&rng, 7);
  for (int life = 0; life < 200; life++) {
    static unsigned char now_ended[N + 1], now_stored[2][N + 1];
    memcpy(now_ended, ended, sizeof ended);
    memcpy(now_stored, stored, sizeof stored);
    sl_track *t = fresh(NULL);
    if (text) assert_int_equal(load(t, text, len), 0);
    sl_slot *flying[64];
    uint64_t cursor = sl_track_position(t);
    uint32_t n = 0, steps = 20 + (uint32_t)sl_rng_below(&rng, 200);
    for (uint32_t k = 0; k < steps || life == 199; k++) {
      if (n < 64 && cursor < N && sl_rng_below(&rng, 2)) {
        cursor++;
        if (sl_track_given(t, cursor)) {
          assert_true(now_ended[cursor]);
          continue;
        }
        assert_false(now_ended[cursor]);
        flying[n++] = sl_track_emit(t, cursor);
      } else if (n) {
        uint32_t i = (uint32_t)sl_rng_below(&rng, n), sink = (uint32_t)sl_rng_below(&rng, 2);
        sl_slot *s = flying[i];
        if (!sl_track_has(t, s, sink, 0)) {
          assert_int_equal(now_stored[sink][s->cursor]++, 0);
          sl_track_stored(t, s, sink, 0);
        }
        if (now_stored[0][s->cursor] && now_stored[1][s->cursor]) {
          assert_int_equal(now_ended[s->cursor]++, 0);
          sl_slot_end(s);
          flying[i] = flying[--n];
        }
      } else if (cursor == N) {
        break;
      }
      if (sl_rng_below(&rng, 10) == 0) {
        sl_buf out = {0};
        assert_int_equal(sl_track_scan(t, sinks, 2, NULL, NULL, &out), 0);
        sl_mem_free(text);
        text = sl_buf_take(&out, &len);
        memcpy(ended, now_ended, sizeof ended);
        memcpy(stored, now_stored, sizeof stored);
      }
    }
    if (life == 199) memcpy(ended, now_ended, sizeof ended);
    sl_track_free(t);
  }
  for (int i = 1; i <= N; i++) assert_int_equal(ended[i], 1);
  sl_mem_free(text);
}

/* One document that stays: what has ended behind it takes no slots. */
static void test_one_stays(void **state) {
  (void)state;
  sl_track *t = fresh(NULL);
  sl_slot *first = sl_track_emit(t, 1), *other = NULL;
  sl_buf out = {0};
  for (uint64_t i = 2; i <= 100000; i++) {
    sl_slot *s = sl_track_emit(t, i);
    if (i == 50000)
      other = s;
    else
      sl_slot_end(s);
    if (i % 700 == 0) assert_int_equal(sl_track_scan(t, sinks, 2, NULL, NULL, &out), 0);
  }
  sl_buf_done(&out);
  expect(t, "track 1\nw 0\nh 100000\ns a b\ne 2 49999\ne 50001 100000\n");
  assert_true(sl_track_open(t) <= 3 * 512);
  sl_slot_end(other);
  sl_slot_end(first);
  expect(t, "track 1\nw 100000\nh 100000\ns a b\n");
  assert_int_equal(sl_track_open(t), 0);
  sl_track_free(t);
}

static uint64_t gone;
static void on_gone(void *user, uint64_t cursor) {
  (void)user;
  gone += cursor;
}

static void test_loose(void **state) {
  (void)state;
  sl_track *t = fresh("track 1\nw 0\nh 0\ns a b\nm 9 9 2\n");
  sl_slot *s9 = sl_track_emit_loose(t, 9), *s4 = sl_track_emit_loose(t, 4);
  assert_true(sl_track_has(t, s9, 1, 0));
  assert_false(sl_track_has(t, s4, 1, 0));
  assert_true(sl_track_flies(t, 4));
  sl_track_stored(t, s4, 0, 0);
  sl_track_stored(t, s4, 1, 77);
  sl_slot_end(s9);
  sl_buf out = {0};
  assert_int_equal(sl_track_scan(t, sinks, 2, on_gone, NULL, &out), 0);
  assert_int_equal(gone, 9);
  assert_int_equal(sl_track_loose(t), 1);
  assert_non_null(strstr(out.data, "m 4 4 1\np 4 1 4d\n"));
  sl_buf_done(&out);
  sl_track_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_watermark), cmocka_unit_test(test_restart),   cmocka_unit_test(test_damaged),
      cmocka_unit_test(test_random),    cmocka_unit_test(test_one_stays), cmocka_unit_test(test_loose),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
