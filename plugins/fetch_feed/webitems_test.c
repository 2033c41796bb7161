/* SPDX-License-Identifier: Apache-2.0 */
/* Items that are given once, whatever happens in between: over a source of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sluice/harness.h>

#include "webitems.h"

#define DAY INT64_C(86400000000000)

/* What the source finds in each run. */
typedef struct offer {
  const char *key;
  uint64_t mark;
  size_t bytes; /* of its body, about */
} offer;

static const offer *offers;
static size_t n_offers;

typedef struct source {
  webitems items;
  size_t at;
  int updates;
} source;

typedef struct source_params {
  int32_t updates;
  int64_t most;
} source_params;

static const sl_param params_table[] = {
    SL_PARAM(source_params, updates, SL_T_BOOL, 0, "false", NULL, "Whether a changed item goes on again."),
    SL_PARAM(source_params, most, SL_T_INT, 0, "1000", NULL, "Most that is known."),
};

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const source_params *p = params;
  source *s = calloc(1, sizeof *s);
  (void)ctx;
  *ret_stage = s;
  if (!s || webitems_init(&s->items, 30 * DAY, p->most) != 0) return SL_ENOMEM;
  s->updates = p->updates;
  return SL_OK;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  source *s = stage;
  s->at = 0;
  return webitems_open(&s->items, ctx);
}

static int32_t give(sl_ctx *ctx, source *s, const offer *o) {
  const webitem item = {o->key, o->mark, "https://bao.example/", o->key, NULL};
  int32_t rc = webitems_look(&s->items, ctx, &item);
  if (rc == WEBITEMS_SEEN || (rc == WEBITEMS_CHANGED && !s->updates)) return 0;
  if (rc < 0) return rc;
  char *filler = malloc(o->bytes + 1);
  cJSON *body = cJSON_CreateObject();
  if (filler) memset(filler, 'x', o->bytes);
  if (filler) filler[o->bytes] = '\0';
  int made = filler && body && cJSON_AddStringToObject(body, "key", o->key) &&
             cJSON_AddNumberToObject(body, "mark", (double)o->mark) && cJSON_AddStringToObject(body, "filler", filler);
  free(filler);
  if (made) return webitems_emit(&s->items, ctx, &item, body);
  cJSON_Delete(body);
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

static int32_t produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  source *s = stage;
  (void)lane;
  (void)credit;
  int32_t rc = webitems_tidy(&s->items, ctx);
  while (rc == 0 && (rc = webitems_again(&s->items, ctx)) == 1) rc = 0;
  if (rc == 0 && s->at < n_offers) {
    rc = give(ctx, s, &offers[s->at++]);
    return rc == 0 ? SL_P_MORE : SL_V_FATAL;
  }
  if (rc == 0) rc = webitems_sweep(&s->items, ctx);
  return rc == 0 ? SL_P_END : SL_V_FATAL;
}

static void acknowledged(sl_ctx *ctx, void *stage, uint64_t cursor) {
  source *s = stage;
  (void)ctx;
  webitems_ended(&s->items, cursor);
}

static void destroy(void *stage) {
  source *s = stage;
  if (!s) return;
  webitems_done(&s->items);
  free(s);
}

static const sl_field fields[] = {
    {"/key", SL_C_WRITES, SL_J_STRING, NULL},
    {"/mark", SL_C_WRITES, SL_J_NUMBER, NULL},
    {"/filler", SL_C_WRITES, SL_J_STRING, NULL},
};

static const sl_stage_type source_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "items",
    .summary = "Items",
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(source_params),
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
    .field_size = sizeof(sl_field),
    .create = create,
    .start = start,
    .produce = produce,
    .acknowledged = acknowledged,
    .destroy = destroy,
};

/* ---- runs ----------------------------------------------------------------------------------------------------------
 */

typedef struct run {
  sl_harness *h;
  char given[400]; /* "a1 b2": key and mark of what was emitted */
} run;

static run begin_at(sl_harness_state *state, const char *params, int64_t after) {
  run r = {.h = sl_harness_new(&source_type, params)};
  sl_harness_use_state(r.h, state);
  sl_harness_set_now(r.h, INT64_C(1755734400000000000) + after);
  assert_int_equal(sl_harness_start(r.h), 0);
  return r;
}

static run begin(sl_harness_state *state) { return begin_at(state, NULL, 0); }

static const char *all(run *r) {
  size_t n = 0;
  assert_int_equal(sl_harness_produce_all(r->h, 10000), SL_P_END);
  r->given[0] = '\0';
  for (sl_doc *d; (d = sl_harness_pull(r->h)) && n + 40 < sizeof r->given;)
    n += (size_t)snprintf(r->given + n, sizeof r->given - n, "%s%s%d", n ? " " : "", sl_harness_string(r->h, d, "/key"),
                          (int)sl_harness_number(r->h, d, "/mark", 0));
  return r->given;
}

static void end(run *r) {
  sl_harness_acknowledge_all(r->h);
  sl_harness_free(r->h);
}

static void crash(run *r) {
  sl_harness_crash(r->h);
  sl_harness_free(r->h);
}

#define OFFER(...)                             \
  do {                                         \
    static const offer list[] = {__VA_ARGS__}; \
    offers = list;                             \
    n_offers = sizeof list / sizeof *list;     \
  } while (0)

static void test_once(void **unused) {
  sl_harness_state *state = sl_harness_state_new();
  (void)unused;
  OFFER({"a", 1, 10}, {"b", 0, 10}, {"a", 1, 10});
  run r = begin(state);
  assert_string_equal(all(&r), "a1 b0");
  end(&r);
  r = begin(state);
  assert_string_equal(all(&r), "");
  end(&r);
  {
    OFFER({"c", 3, 10}, {"b", 2, 10}, {"a", 2, 10});
    r = begin(state);
    assert_string_equal(all(&r), "c3");
    end(&r);
  }
  {
    /* A date where there was none is no change; another date is one. */
    OFFER({"b", 2, 10}, {"a", 2, 10}, {"c", 0, 10});
    r = begin_at(state, "{ updates: true }", 0);
    assert_string_equal(all(&r), "a2");
    end(&r);
  }
  sl_harness_state_free(state);
}

/* What was emitted and did not come to its end is given again with the content of then, under the same cursor. */
static void test_crash(void **unused) {
  sl_harness_state *state = sl_harness_state_new();
  (void)unused;
  OFFER({"a", 1, 10}, {"b", 2, 150000}, {"c", 3, 10});
  run r = begin(state);
  assert_int_equal(sl_harness_produce_all(r.h, 100), SL_P_END);
  sl_doc *a = sl_harness_pull(r.h), *b = sl_harness_pull(r.h), *c = sl_harness_pull(r.h);
  uint64_t of_a = sl_harness_cursor(r.h, a), of_b = sl_harness_cursor(r.h, b);
  assert_true(of_a < of_b);
  sl_harness_acknowledge(r.h, c); /* out of order */
  crash(&r);
  {
    OFFER({"b", 9, 10}, {"d", 4, 10});
    r = begin(state);
    assert_int_equal(sl_harness_produce_all(r.h, 100), SL_P_END);
    a = sl_harness_pull(r.h);
    b = sl_harness_pull(r.h);
    sl_doc *d = sl_harness_pull(r.h);
    assert_int_equal(sl_harness_cursor(r.h, a), of_a);
    assert_int_equal(sl_harness_cursor(r.h, b), of_b);
    assert_string_equal(sl_harness_key(r.h, b), "https://bao.example/#b");
    assert_int_equal(strlen(sl_harness_string(r.h, b, "/filler")), 150000);
    assert_int_equal((int)sl_harness_number(r.h, b, "/mark", 0), 2);
    assert_string_equal(sl_harness_string(r.h, d, "/key"), "d");
    assert_true(sl_harness_cursor(r.h, d) > of_b + 1);
    assert_null(sl_harness_pull(r.h));
    end(&r);
    r = begin(state);
    assert_string_equal(all(&r), "");
    end(&r);
  }
  sl_harness_state_free(state);
}

/* A crash before anything is durable loses nothing: all of it is new. */
static void test_crash_at_once(void **unused) {
  sl_harness_state *state = sl_harness_state_new();
  (void)unused;
  OFFER({"a", 1, 10}, {"b", 2, 10});
  run r = begin(state);
  assert_string_equal(all(&r), "a1 b2");
  crash(&r);
  r = begin(state);
  assert_string_equal(all(&r), "a1 b2");
  end(&r);
  r = begin(state);
  assert_string_equal(all(&r), "");
  end(&r);
  sl_harness_state_free(state);
}

/* A schedule: stopped and started in one process, with documents on their way. */
static void test_again_in_one_process(void **unused) {
  sl_harness_state *state = sl_harness_state_new();
  (void)unused;
  OFFER({"a", 1, 10}, {"b", 2, 10});
  run r = begin(state);
  assert_int_equal(sl_harness_produce_all(r.h, 100), SL_P_END);
  sl_doc *a = sl_harness_pull(r.h), *b = sl_harness_pull(r.h);
  sl_harness_stop(r.h);
  assert_int_equal(sl_harness_start(r.h), 0);
  assert_int_equal(sl_harness_produce_all(r.h, 100), SL_P_END);
  assert_null(sl_harness_pull(r.h));
  sl_harness_acknowledge(r.h, a);
  crash(&r);
  r = begin(state);
  assert_string_equal(all(&r), "b2");
  end(&r);
  (void)b;
  sl_harness_state_free(state);
}

static int32_t count_note(void *user, const char *key, const sl_bytes *value) {
  (void)key;
  (void)value;
  ++*(int *)user;
  return 0;
}

static int notes(sl_harness *h, const char *prefix) {
  int n = 0;
  sl_ctx *ctx = sl_harness_ctx(h);
  const sl_resume *resume = sl_extension(ctx, SL_EXT_RESUME);
  assert_int_equal(resume->each(ctx, prefix, count_note, &n), 0);
  return n;
}

/* The contents go when their items have ended; what is no longer seen goes after its time, or when there is too much.
 */
static void test_bounds(void **unused) {
  static offer many[60];
  static char keys[60][8];
  sl_harness_state *state = sl_harness_state_new();
  (void)unused;
  for (int i = 0; i < 60; i++) {
    (void)snprintf(keys[i], sizeof keys[i], "k%d", i);
    many[i] = (offer){keys[i], 1, 10};
  }
  offers = many;
  n_offers = 60;
  run r = begin_at(state, "{ most: 20 }", 0);
  assert_int_equal(sl_harness_produce_all(r.h, 1000), SL_P_END);
  assert_int_equal(notes(r.h, "s/"), 60); /* seen within a day: all are kept */
  assert_int_equal(notes(r.h, "p/"), 60);
  end(&r);
  n_offers = 10;
  r = begin_at(state, "{ most: 20 }", 2 * DAY);
  assert_int_equal(notes(r.h, "p/"), 0);
  assert_string_equal(all(&r), "");
  assert_true(notes(r.h, "s/") <= 20);
  assert_true(notes(r.h, "s/") >= 10);
  end(&r);
  r = begin_at(state, "{ most: 20 }", 2 * DAY);
  assert_string_equal(all(&r), "");
  end(&r);
  n_offers = 1;
  r = begin_at(state, "{ most: 20 }", 29 * DAY);
  assert_string_equal(all(&r), "");
  end(&r);
  r = begin_at(state, "{ most: 20 }", 40 * DAY);
  assert_string_equal(all(&r), "");
  assert_int_equal(notes(r.h, "s/"), 1);
  end(&r);
  sl_harness_state_free(state);
}

static void test_without_state(void **unused) {
  (void)unused;
  OFFER({"a", 1, 10}, {"b", 2, 10});
  run r = {.h = sl_harness_new(&source_type, NULL)};
  assert_int_equal(sl_harness_start(r.h), 0);
  assert_string_equal(all(&r), "a1 b2");
  sl_harness_free(r.h);
}

static void test_allocation(void **unused) {
  (void)unused;
  OFFER({"a", 1, 10}, {"b", 2, 130000}, {"c", 3, 10});
  int failed = 1;
  for (uint64_t nth = 1; failed; nth++) {
    sl_harness_state *state = sl_harness_state_new();
    run r = begin(state);
    sl_harness_fail_alloc(r.h, nth);
    int32_t rc = sl_harness_produce_all(r.h, 100);
    failed = sl_harness_alloc_failed(r.h);
    if (rc != SL_P_END) assert_int_equal(sl_harness_last(r.h).code, SL_ENOMEM);
    end(&r);
    /* Whatever failed, the next run gives what is missing and nothing twice. */
    r = begin(state);
    assert_int_equal(sl_harness_produce_all(r.h, 100), SL_P_END);
    end(&r);
    r = begin(state);
    assert_string_equal(all(&r), "");
    assert_int_equal(notes(r.h, "s/"), 3);
    assert_int_equal(notes(r.h, "p/"), 0);
    end(&r);
    sl_harness_state_free(state);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_once),          cmocka_unit_test(test_crash),
      cmocka_unit_test(test_crash_at_once), cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_without_state), cmocka_unit_test(test_again_in_one_process),
      cmocka_unit_test(test_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
