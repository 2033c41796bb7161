/* SPDX-License-Identifier: Apache-2.0 */
/* The harness itself, over small stages of every kind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <sluice/harness.h>

#include "stages.h"

static sl_harness *started(const sl_stage_type *type, const char *params) {
  sl_harness *h = sl_harness_new(type, params);
  if (sl_harness_start(h)) fail_msg("start: %s", sl_harness_last(h).message);
  return h;
}

static void a_transform_answers(void **state) {
  (void)state;
  sl_harness *h = started(&stage_length, "plus: 2");
  sl_doc *in = sl_harness_doc(h, "{\"text\": \"một\", \"id\": 12345678901234567890}");
  assert_int_equal(sl_harness_verdict(h, in), -1);
  assert_int_equal(sl_harness_push(h, in), SL_V_OK);
  assert_int_equal(sl_harness_verdict(h, in), SL_V_OK);
  assert_int_equal(sl_harness_count(h), 1);
  sl_doc *out = sl_harness_pull(h);
  assert_ptr_equal(out, in);
  assert_null(sl_harness_pull(h));
  assert_int_equal((int)sl_harness_number(h, out, "/n", -1), 7);
  assert_string_equal(sl_harness_string(h, out, "/n"), "7");
  assert_string_equal(sl_harness_string(h, out, "/text"), "một");
  assert_string_equal(sl_harness_string(h, out, "/id"), "12345678901234567890");
  assert_null(sl_harness_string(h, out, "/none"));
  assert_true(sl_harness_equals(h, out, "{\"n\": 7.0, \"id\": 12345678901234567890, \"text\": \"m\\u1ed9t\"}"));
  assert_int_equal((int)sl_harness_metric(h, "measured"), 1);
  assert_int_equal((int)sl_harness_metric(h, "other"), 0);
  sl_harness_free(h);
}

static void a_rejection_carries_its_reason(void **state) {
  (void)state;
  sl_harness *h = started(&stage_length, NULL);
  sl_doc *in = sl_harness_doc(h, "{\"text\": 3}");
  assert_int_equal(sl_harness_push(h, in), SL_V_REJECT);
  assert_int_equal(sl_harness_last(h).code, SL_EINVAL);
  assert_string_equal(sl_harness_last(h).message, "/text: expected a string");
  assert_string_equal(sl_harness_error_of(h, in).message, "/text: expected a string");
  assert_string_equal(sl_harness_last(h).detail, "");
  assert_null(sl_harness_pull(h));
  assert_string_equal(sl_harness_text(h, in), "{\"text\": 3}");
  sl_harness_free(h);
}

static void parameters_are_checked(void **state) {
  (void)state;
  static const struct {
    const char *params, *says;
  } cases[] = {{"plus: 200", "100"}, {"pluss: 2", "pluss"}, {"[1, 2]", "map"}, {"{ plus: [", ""}, {"plus: x", "plus"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sl_harness *h = sl_harness_new(&stage_length, cases[i].params);
    assert_int_not_equal(sl_harness_start(h), 0);
    if (!strstr(sl_harness_last(h).message, cases[i].says))
      fail_msg("%s: %s", cases[i].params, sl_harness_last(h).message);
    assert_null(sl_harness_params(h));
    sl_harness_free(h);
  }
  sl_harness *h = sl_harness_new(&stage_length, "label: bad");
  assert_int_equal(sl_harness_create(h), SL_EINVAL);
  assert_string_equal(sl_harness_last(h).hint, "choose another");
  assert_non_null(sl_harness_stage(h));
  sl_harness_free(h);
}

static void a_broken_contract_is_a_problem(void **state) {
  (void)state;
  static const struct {
    const char *mode, *says;
  } cases[] = {
      {"undeclared", "wrote /surprise"},
      {"no_reason", "without a reason"},
      {"twice", "twice"},
      {"dirty", "wrote the body and then answered RETRY"},
      {"missing", "declares that it writes /n"},
      {"hold", "HELD without"},
      {"remove", "let /text go"},
      {"wrong_type", "another type than"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char params[64];
    snprintf(params, sizeof params, "mode: %s", cases[i].mode);
    sl_harness *h = started(&stage_length, params);
    int32_t verdict = sl_harness_push_json(h, "{\"text\": \"a\"}");
    if (verdict != SL_V_FATAL) fail_msg("%s: expected FATAL, found %d", params, verdict);
    assert_int_equal(sl_harness_last(h).code, SL_EPLUGIN);
    const char *problem = sl_harness_take_problem(h);
    if (!problem || !strstr(problem, cases[i].says)) fail_msg("%s: found %s", params, problem ? problem : "no problem");
    assert_null(sl_harness_take_problem(h));
    sl_harness_free(h);
  }
}

static void documents_hold_and_merge(void **state) {
  (void)state;
  sl_harness *h = started(&stage_gather, "{ n: 3 }");
  sl_doc *d[5];
  for (int i = 0; i < 5; i++) {
    d[i] = sl_harness_doc(h, "{\"x\": 1}");
    assert_int_equal(sl_harness_push(h, d[i]), SL_V_HELD);
  }
  assert_int_equal(sl_harness_held(h), 2);
  assert_int_equal(sl_harness_verdict(h, d[2]), SL_V_OK);
  assert_int_equal(sl_harness_verdict(h, d[3]), SL_V_HELD);
  sl_doc *out = sl_harness_pull(h);
  assert_string_equal(sl_harness_text(h, out), "{\"count\":3}");
  for (uint32_t i = 0; i < 3; i++) assert_ptr_equal(sl_harness_parent(h, out, i), d[i]);
  assert_null(sl_harness_parent(h, out, 3));
  assert_int_equal(sl_harness_push_json(h, "{\"skip\": 1}"), SL_V_DROP);
  assert_ptr_equal(sl_harness_pull(h), d[4]);
  assert_int_equal(sl_harness_advance(h, 999999999), 0);
  assert_int_equal(sl_harness_held(h), 1);
  assert_int_equal(sl_harness_advance(h, 1), 1);
  assert_int_equal(sl_harness_held(h), 0);
  assert_string_equal(sl_harness_text(h, sl_harness_pull(h)), "{\"count\":1}");
  sl_harness_push_json(h, "{}");
  assert_int_equal(sl_harness_timers(h), 1);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_CREDIT), 0);
  assert_int_equal(sl_harness_held(h), 1);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  assert_int_equal(sl_harness_held(h), 0);
  sl_harness_free(h);
}

static void an_asynchronous_stage_completes(void **state) {
  (void)state;
  sl_harness *h = started(&stage_later, NULL);
  sl_doc *timed = sl_harness_doc(h, NULL);
  assert_int_equal(sl_harness_push(h, timed), SL_V_PENDING);
  assert_int_equal(sl_harness_pending(h), 1);
  assert_null(sl_harness_pull(h));
  assert_int_equal(sl_harness_advance(h, 9999999), 0);
  assert_int_equal(sl_harness_advance(h, 1), 1);
  assert_int_equal(sl_harness_verdict(h, timed), SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/answer"), "in time");

  int ends[2];
  assert_int_equal(pipe(ends), 0);
  char body[32];
  snprintf(body, sizeof body, "{\"fd\": %d}", ends[0]);
  sl_doc *asked = sl_harness_doc(h, body);
  assert_int_equal(sl_harness_push(h, asked), SL_V_PENDING);
  assert_int_equal(sl_harness_watches(h), 1);
  assert_int_equal(sl_harness_pump(h, 0), 0);
  assert_int_equal(write(ends[1], "y", 1), 1);
  assert_int_equal(sl_harness_wait(h, asked, 5000), SL_V_OK);
  sl_doc *out = sl_harness_pull(h);
  assert_ptr_equal(sl_harness_parent(h, out, 0), asked);
  assert_string_equal(sl_harness_string(h, out, "/answer"), "yes");
  assert_int_equal(sl_harness_watches(h), 0);

  sl_doc *refused = sl_harness_doc(h, body);
  sl_harness_push(h, refused);
  assert_int_equal(write(ends[1], "n", 1), 1);
  assert_int_equal(sl_harness_wait(h, refused, 5000), SL_V_REJECT);
  assert_string_equal(sl_harness_error_of(h, refused).message, "the other side said no");
  assert_null(sl_harness_pull(h));

  sl_doc *given_up = sl_harness_doc(h, body);
  sl_harness_push(h, given_up);
  sl_harness_cancel(h, given_up);
  assert_int_equal(sl_harness_verdict(h, given_up), SL_V_DROP);
  assert_int_equal(sl_harness_watches(h), 0);
  sl_harness_push(h, sl_harness_doc(h, NULL)); /* pending when the harness stops */
  sl_harness_stop(h);
  assert_int_equal(sl_harness_pending(h), 0);
  assert_int_equal(sl_harness_start(h), 0);
  sl_harness_free(h);
  close(ends[0]);
  close(ends[1]);
}

static void a_splitter_emits_only_when_it_says_ok(void **state) {
  (void)state;
  sl_harness *h = started(&stage_split, NULL);
  sl_doc *in = sl_harness_set_origin(h, sl_harness_doc(h, "{\"items\": [1, \"hai\"]}"), "file:///a", NULL, NULL);
  assert_int_equal(sl_harness_push(h, in), SL_V_OK);
  assert_int_equal(sl_harness_count(h), 2);
  sl_doc *first = sl_harness_pull(h), *second = sl_harness_pull(h);
  assert_true(sl_harness_equals(h, first, "{\"item\": 1}"));
  assert_true(sl_harness_equals(h, second, "{\"item\": \"hai\"}"));
  assert_string_equal(sl_harness_origin(h, first).uri, "file:///a");
  assert_int_equal(sl_harness_push_json(h, "{\"items\": [1, null]}"), SL_V_REJECT);
  assert_int_equal(sl_harness_count(h), 0);
  assert_int_equal(sl_harness_push_json(h, "{\"items\": []}"), SL_V_DROP);
  sl_harness_free(h);
}

static void a_source_produces(void **state) {
  (void)state;
  sl_harness *h = started(&stage_numbers, NULL);
  assert_string_equal(sl_harness_log(h), "info: counting\n");
  assert_int_equal(sl_harness_produce(h, 100), SL_P_MORE);
  assert_int_equal(sl_harness_produce_all(h, 100), SL_P_END);
  assert_int_equal(sl_harness_count(h), 3);
  sl_doc *out = sl_harness_pull(h);
  assert_true(sl_harness_equals(h, out, "{\"n\": 0}"));
  assert_string_equal(sl_harness_origin(h, out).locator, "n=0");
  assert_int_equal(sl_harness_cursor(h, out), 100);
  sl_doc *bad = sl_harness_pull_rejected(h);
  if (!strstr(sl_harness_error_of(h, bad).message, "6"))
    fail_msg("expected the byte offset, found: %s", sl_harness_error_of(h, bad).message);
  sl_doc *unread = sl_harness_pull_rejected(h);
  assert_string_equal(sl_harness_error_of(h, unread).message, "cannot read number 4");
  assert_null(sl_harness_pull_rejected(h));
  assert_false(sl_harness_woken(h));
  sl_harness_acknowledge(h, out);
  assert_true(sl_harness_woken(h));
  assert_false(sl_harness_woken(h));
  sl_harness_stop(h);
  assert_int_equal(sl_harness_start(h), 0);
  sl_harness_clear(h);
  assert_int_equal(sl_harness_produce_all(h, 100), SL_P_END);
  assert_int_equal(sl_harness_count(h), 3);
  sl_harness_free(h);
}

static void a_state_outlives_its_harness(void **state) {
  (void)state;
  sl_harness_state *kept = sl_harness_state_new();
  sl_harness *h = sl_harness_new(&stage_numbers, NULL);
  sl_harness_use_state(h, kept);
  assert_int_equal(sl_harness_start(h), 0);
  const sl_resume *resume = sl_extension(sl_harness_ctx(h), SL_EXT_RESUME);
  sl_ctx *ctx = sl_harness_ctx(h);
  assert_int_equal(resume->position(ctx), 0);
  resume->put(ctx, "early", "1", 1);
  assert_int_equal(sl_harness_produce_all(h, 100), SL_P_END);
  resume->put(ctx, "late", "1", 1);
  assert_int_equal(resume->position(ctx), 104); /* all that is on its way */
  sl_harness_acknowledge(h, sl_harness_pull(h));
  sl_harness_pull(h);
  sl_harness_acknowledge(h, sl_harness_pull(h)); /* 103 */
  sl_harness_crash(h);
  sl_harness_free(h);
  h = sl_harness_new(&stage_numbers, NULL);
  sl_harness_use_state(h, kept);
  assert_int_equal(sl_harness_start(h), 0);
  ctx = sl_harness_ctx(h);
  assert_int_equal(resume->position(ctx), 100);
  assert_int_equal(resume->given(ctx, 101), 0);
  assert_int_equal(resume->given(ctx, 103), 1);
  assert_string_equal(sl_harness_note(h, "early"), "1");
  assert_null(sl_harness_note(h, "late"));
  assert_int_equal(sl_harness_produce_all(h, 100), SL_P_END);
  assert_int_equal(sl_harness_dropped(h), 2);
  assert_int_equal(sl_harness_count(h), 1);
  assert_int_equal(sl_harness_cursor(h, sl_harness_pull(h)), 101);
  sl_harness_acknowledge_all(h);
  assert_int_equal(resume->position(ctx), 104);
  sl_harness_free(h);
  sl_harness_state_free(kept);
}

static int32_t push_word(sl_harness *h, const char *uri, const char *body, sl_doc **ret) {
  sl_doc *doc = sl_harness_set_origin(h, sl_harness_doc(h, body), uri, NULL, NULL);
  if (ret) *ret = doc;
  return sl_harness_push(h, doc);
}

/* Key-value state: seen at once, kept with the end of its document, forgotten by a crash before. */
static void writes_live_and_die_with_their_document(void **state) {
  (void)state;
  static const char a[] = "{\"word\": \"a\"}", b[] = "{\"word\": \"b\"}", c[] = "{\"word\": \"c\"}";
  sl_doc *first;
  sl_harness *h = started(&stage_claim, NULL);
  assert_int_equal(push_word(h, "x:1", a, NULL), SL_V_REJECT); /* there is no state */
  sl_harness_free(h);
  sl_harness_state *s = sl_harness_state_new();
  h = sl_harness_new(&stage_claim, NULL);
  sl_harness_use_state(h, s);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(push_word(h, "x:1", a, &first), SL_V_OK);
  assert_int_equal(push_word(h, "x:1", a, NULL), SL_V_OK);
  assert_int_equal(push_word(h, "x:2", a, NULL), SL_V_DROP);
  assert_int_equal(push_word(h, "x:2", b, NULL), SL_V_OK);
  assert_int_equal(push_word(h, "x:4", c, NULL), SL_V_OK);
  assert_int_equal(push_word(h, "x:5", "{\"word\": \"c\", \"free\": 1}", NULL), SL_V_OK);
  assert_int_equal(push_word(h, "x:6", c, NULL), SL_V_OK);
  sl_harness_acknowledge(h, first);
  sl_harness_crash(h);
  sl_harness_free(h);
  h = sl_harness_new(&stage_claim, NULL);
  sl_harness_use_state(h, s);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(push_word(h, "x:3", a, NULL), SL_V_DROP);
  assert_int_equal(push_word(h, "x:1", a, NULL), SL_V_OK);
  assert_int_equal(push_word(h, "x:3", b, NULL), SL_V_OK);
  assert_int_equal(push_word(h, "x:3", c, NULL), SL_V_OK);
  sl_harness_advance(h, 1000); /* the time it was given */
  assert_int_equal(push_word(h, "x:7", a, NULL), SL_V_OK);
  sl_harness_free(h);
  sl_harness_state_free(s);
}

static void a_sink_judges_each_document(void **state) {
  (void)state;
  sl_harness *h = started(&stage_store, NULL);
  sl_doc *docs[3] = {sl_harness_doc(h, "{\"ok\": 1}"), sl_harness_doc(h, "{}"), sl_harness_doc(h, "{\"ok\": 2}")};
  sl_harness_set_origin(h, docs[1], "file:///b", "byte=0-3", NULL);
  int32_t verdicts[3] = {9, 9, 9};
  assert_int_equal(sl_harness_write(h, docs, 3, verdicts), 0);
  assert_int_equal(verdicts[0], SL_V_OK);
  assert_int_equal(verdicts[1], SL_V_REJECT);
  assert_int_equal(verdicts[2], SL_V_OK);
  assert_string_equal(sl_harness_error_of(h, docs[1]).detail, sl_harness_key(h, docs[1]));
  assert_int_equal(sl_harness_push_json(h, "{\"full\": 1}"), SL_V_RETRY);
  assert_string_equal(sl_harness_last(h).message, "the disk is full");
  assert_int_equal(sl_harness_push_json(h, "{\"ok\": 1}"), SL_V_OK);
  sl_harness_free(h);
}

static void payload_and_origin_travel(void **state) {
  (void)state;
  sl_harness *h = started(&stage_split, NULL);
  sl_doc *in = sl_harness_doc(h, "{\"items\": [1]}");
  sl_harness_set_payload(h, in, "abc", 3, "text/plain");
  sl_harness_set_origin(h, in, "https://example.org/x", "entry-1", "r2");
  assert_int_equal(sl_harness_push(h, in), SL_V_OK);
  sl_doc *out = sl_harness_pull(h);
  const char *type = NULL;
  sl_bytes bytes = sl_harness_payload(h, out, &type);
  assert_int_equal(bytes.len, 3);
  assert_memory_equal(bytes.data, "abc", 3);
  assert_string_equal(type, "text/plain");
  assert_string_equal(sl_harness_origin(h, out).revision, "r2");
  const sl_edit *edit = sl_extension(sl_harness_ctx(h), SL_EXT_EDIT);
  assert_non_null(edit);
  assert_null(sl_extension(sl_harness_ctx(h), "sluice.none/1"));
  uint64_t from = 0, to = 0;
  assert_int_equal(sl_harness_source_of(h, out, 0, 1, &from, &to), SL_ENOTFOUND);
  sl_doc *copy = sl_harness_copy(h, out);
  assert_int_equal(edit->set_text(sl_harness_ctx(h), copy, "c!", 2, &(sl_span){0, 1, 2, 1}, 1), 0);
  assert_int_equal(sl_harness_source_of(h, copy, 0, 1, &from, &to), 0);
  assert_int_equal(from, 2);
  assert_int_equal(to, 3);
  assert_null(sl_harness_string(h, out, "/text"));
  sl_harness_free(h);
}

static void clocks_and_chance_repeat(void **state) {
  (void)state;
  uint64_t first[2][3];
  for (int round = 0; round < 2; round++) {
    sl_harness *h = started(&stage_length, NULL);
    sl_ctx *ctx = sl_harness_ctx(h);
    sl_harness_seed(h, 42);
    for (int i = 0; i < 3; i++) first[round][i] = sl_random(ctx);
    assert_true(sl_now(ctx) == INT64_C(1755734400) * 1000000000);
    int64_t before = sl_monotonic(ctx);
    sl_harness_advance(h, 5000000000);
    assert_true(sl_monotonic(ctx) - before == 5000000000);
    assert_true(sl_now(ctx) == INT64_C(1755734405) * 1000000000);
    sl_harness_set_now(h, 7);
    assert_true(sl_now(ctx) == 7);
    sl_harness_free(h);
  }
  assert_memory_equal(first[0], first[1], sizeof first[0]);
}

static void every_allocation_can_fail(void **state) {
  (void)state;
  uint64_t n = 0;
  for (int over = 0; !over;) {
    sl_harness *h = started(&stage_length, NULL);
    sl_doc *in = sl_harness_doc(h, "{\"text\": \"abc\"}");
    sl_harness_fail_alloc(h, ++n);
    int32_t verdict = sl_harness_push(h, in);
    over = !sl_harness_alloc_failed(h);
    if (verdict != (over ? SL_V_OK : SL_V_RETRY)) fail_msg("allocation %u: verdict %d", (unsigned)n, verdict);
    if (!over) assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
    sl_harness_free(h);
    assert_true(n < 1000);
  }
  assert_true(n > 3);
  sl_harness *h = sl_harness_new(&stage_length, NULL);
  assert_int_equal(sl_harness_create(h), 0);
  sl_harness_fail_alloc(h, 1);
  assert_int_equal(sl_harness_start(h), SL_ENOMEM);
  assert_true(sl_harness_alloc_failed(h));
  assert_int_equal(sl_harness_start(h), 0);
  sl_harness_free(h);
}

/* Holding and splitting stages, too, end with every document accounted for. */
static void holding_survives_want_of_memory(void **state) {
  (void)state;
  for (uint64_t n = 1, over = 0; !over; n++) {
    sl_harness *h = started(&stage_gather, "n: 2");
    sl_harness_fail_alloc(h, n);
    uint32_t held = 0;
    for (int i = 0; i < 3; i++) held += sl_harness_push_json(h, "{\"x\": 1}") == SL_V_HELD;
    over = !sl_harness_alloc_failed(h);
    assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
    assert_int_equal(sl_harness_held(h), 0);
    uint32_t parents = 0;
    for (sl_doc *out; (out = sl_harness_pull(h));)
      for (uint32_t i = 0; sl_harness_parent(h, out, i); i++) parents++;
    if (parents != held) fail_msg("allocation %u: %u held, %u parents", (unsigned)n, held, parents);
    sl_harness_free(h);
    assert_true(n < 1000);
  }
  for (uint64_t n = 1, over = 0; !over; n++) {
    sl_harness *h = started(&stage_split, NULL);
    sl_doc *in = sl_harness_doc(h, "{\"items\": [1, 2, 3]}");
    sl_harness_fail_alloc(h, n);
    int32_t verdict = sl_harness_push(h, in);
    over = !sl_harness_alloc_failed(h);
    assert_int_equal(verdict, over ? SL_V_OK : SL_V_RETRY);
    assert_int_equal(sl_harness_count(h), over ? 3 : 0);
    sl_harness_free(h);
    assert_true(n < 1000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_transform_answers),
      cmocka_unit_test(a_rejection_carries_its_reason),
      cmocka_unit_test(parameters_are_checked),
      cmocka_unit_test(a_broken_contract_is_a_problem),
      cmocka_unit_test(documents_hold_and_merge),
      cmocka_unit_test(an_asynchronous_stage_completes),
      cmocka_unit_test(a_splitter_emits_only_when_it_says_ok),
      cmocka_unit_test(a_source_produces),
      cmocka_unit_test(a_state_outlives_its_harness),
      cmocka_unit_test(writes_live_and_die_with_their_document),
      cmocka_unit_test(a_sink_judges_each_document),
      cmocka_unit_test(payload_and_origin_travel),
      cmocka_unit_test(clocks_and_chance_repeat),
      cmocka_unit_test(every_allocation_can_fail),
      cmocka_unit_test(holding_survives_want_of_memory),
  };
  return cmocka_run_group_tests_name("harness", tests, NULL, NULL);
}
