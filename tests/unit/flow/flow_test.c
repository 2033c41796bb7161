/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, units, order, retries and credit, without threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "flow/credit.h"
#include "flow/delay.h"
#include "flow/flow.h"
#include "flow/workq.h"

static int ended[8], n_ended;
static void on_end(void *user, sl_token *t, int outcome) {
  (void)user;
  (void)t;
  ended[n_ended++ % 8] = outcome;
}

static sl_doc *doc_of(sl_unit *u, size_t bytes) {
  sl_doc *d = sl_doc_new();
  d->token = sl_unit_token(u, 0, bytes);
  d->unit = u;
  d->slot = u->n - 1;
  return d;
}

static void end(sl_doc *d, int outcome) {
  sl_doc_settle(d, outcome, on_end, NULL);
  sl_doc_free(d);
}

static void test_worst_outcome(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  n_ended = 0;
  sl_unit *u = sl_unit_new(0, 2, 2, 0);
  sl_doc *a = doc_of(u, 10), *b = doc_of(u, 10);
  assert_null(sl_unit_token(u, 0, 1));
  sl_doc *c = sl_doc_share(a);
  c->token = a->token;
  sl_doc_hold_tokens(c);
  end(a, SL_OUT_DEAD);
  assert_int_equal(n_ended, 0);
  end(c, SL_OUT_STORED);
  assert_int_equal(n_ended, 1);
  assert_int_equal(ended[0], SL_OUT_DEAD);
  end(b, SL_OUT_DROPPED);
  assert_int_equal(ended[1], SL_OUT_DROPPED);
  assert_int_equal(sl_mem_live(), before);
}

static void test_many_parents(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  n_ended = 0;
  sl_unit *u = sl_unit_new(0, 4, 2, 0);
  sl_doc *p[4], *one = sl_doc_new(), *all = sl_doc_new();
  for (int i = 0; i < 4; i++) p[i] = doc_of(u, 10);
  assert_int_equal(sl_doc_adopt(one, p, 3), 0);
  sl_doc *both[2] = {one, p[3]};
  assert_int_equal(sl_doc_adopt(all, both, 2), 0);
  for (int i = 0; i < 4; i++) {
    assert_null(p[i]->token);
    sl_doc_free(p[i]);
  }
  sl_doc_free(one);
  end(all, SL_OUT_STORED);
  assert_int_equal(n_ended, 4);
  assert_int_equal(sl_mem_live(), before);
}

static void test_adopt_without_memory(void **state) {
  (void)state;
  n_ended = 0;
  sl_unit *u = sl_unit_new(0, 2, 2, 0);
  sl_doc *p[2] = {doc_of(u, 1), doc_of(u, 1)}, *d = sl_doc_new();
  sl_mem_fail_at(1);
  assert_int_equal(sl_doc_adopt(d, p, 2), SL_ENOMEM);
  sl_mem_fail_at(0);
  assert_non_null(p[0]->token);
  assert_null(d->token);
  sl_doc_free(d);
  end(p[0], SL_OUT_STORED);
  end(p[1], SL_OUT_STORED);
}

/* 0 source -> 1 serial -> 2 sink, and 0 -> 2. */
static const uint8_t next_[9] = {0, 1, 1, 0, 0, 1, 0, 0, 0}, ordered_[3] = {0, 1, 1};

static void arrive(sl_flow *f, uint32_t t, uint32_t from_zone, sl_doc *d) {
  sl_docs one = {0};
  sl_unit *u = d->unit;
  sl_docs_push(&one, d);
  sl_flow_arrive(f, t, u, &one);
  sl_flow_leave(f, from_zone, u, 1);
}

static sl_unit *set_off(sl_flow *f, sl_doc **docs, uint32_t n) {
  sl_unit *u = sl_unit_new(0, n, f->n_zones, f->n_ordered);
  for (uint32_t i = 0; i < n; i++) docs[i] = doc_of(u, 1);
  sl_flow_enter(f, sl_zone_l(0), u, n);
  assert_int_equal(sl_flow_register(f, u, 0), 0);
  return u;
}

static sl_doc *take(sl_flow *f, uint32_t t) { return sl_docs_pop(&f->stations[t].ready); }

static void test_order_across_units(void **state) {
  (void)state;
  sl_flow f;
  sl_doc *a[2], *b[1];
  assert_int_equal(sl_flow_init(&f, 3, next_, ordered_, NULL), 0);
  sl_flow_enter(&f, sl_zone_l(0), NULL, 1); /* the source itself */
  set_off(&f, a, 2);
  set_off(&f, b, 1);
  arrive(&f, 2, sl_zone_l(0), b[0]);
  arrive(&f, 2, sl_zone_l(0), a[1]);
  assert_null(take(&f, 2));
  atomic_store(&a[0]->unit->unsorted, 1);
  arrive(&f, 2, sl_zone_l(0), a[0]);
  assert_ptr_equal(take(&f, 2), a[0]);
  assert_ptr_equal(take(&f, 2), a[1]);
  assert_ptr_equal(take(&f, 2), b[0]);
  assert_false(sl_flow_ended(&f, 2));
  sl_flow_leave(&f, sl_zone_l(0), NULL, 1);
  assert_true(sl_flow_ended(&f, 1));
  end(a[0], SL_OUT_STORED);
  end(a[1], SL_OUT_STORED);
  end(b[0], SL_OUT_STORED);
  sl_flow_done(&f);
}

static void test_waits_for_the_long_way(void **state) {
  (void)state;
  sl_flow f;
  sl_doc *a[2], *b[1];
  assert_int_equal(sl_flow_init(&f, 3, next_, ordered_, NULL), 0);
  set_off(&f, a, 2);
  set_off(&f, b, 1);
  arrive(&f, 1, sl_zone_l(0), a[0]);
  arrive(&f, 2, sl_zone_l(0), a[1]);
  arrive(&f, 2, sl_zone_l(0), b[0]);
  /* a[0] is ready at the serial stage, and holds up both units at the sink. */
  assert_ptr_equal(take(&f, 1), a[0]);
  assert_null(take(&f, 2));
  a[0]->zone = sl_zone_q(1);
  sl_flow_park(&f, a[0]);
  assert_null(a[0]->unit);
  assert_ptr_equal(take(&f, 2), a[1]);
  assert_ptr_equal(take(&f, 2), b[0]);
  assert_int_equal(atomic_load(&f.zones[sl_zone_q(1)].live), 1);
  sl_docs late = {0};
  sl_docs_push(&late, a[0]);
  sl_flow_arrive(&f, 2, NULL, &late);
  sl_flow_leave(&f, sl_zone_q(1), NULL, 1);
  assert_ptr_equal(take(&f, 2), a[0]);
  end(a[0], SL_OUT_STORED);
  end(a[1], SL_OUT_STORED);
  end(b[0], SL_OUT_STORED);
  sl_flow_done(&f);
}

static void test_register_after(void **state) {
  (void)state;
  sl_flow f;
  sl_doc *a[1], *b[1];
  assert_int_equal(sl_flow_init(&f, 3, next_, ordered_, NULL), 0);
  sl_unit *first = set_off(&f, a, 1);
  set_off(&f, b, 1);
  sl_unit *between = sl_unit_new(1, 0, f.n_zones, f.n_ordered);
  sl_flow_enter(&f, sl_zone_l(1), between, 1);
  assert_int_equal(sl_flow_register_after(&f, between, 1, first), 0);
  sl_doc *m = sl_doc_new();
  m->unit = between;
  arrive(&f, 2, sl_zone_l(0), a[0]);
  arrive(&f, 2, sl_zone_l(0), b[0]);
  assert_ptr_equal(take(&f, 2), a[0]);
  assert_null(take(&f, 2));
  arrive(&f, 2, sl_zone_l(1), m);
  assert_ptr_equal(take(&f, 2), m);
  assert_ptr_equal(take(&f, 2), b[0]);
  sl_unit_unref(between);
  sl_doc_free(m);
  end(a[0], SL_OUT_STORED);
  end(b[0], SL_OUT_STORED);
  sl_flow_done(&f);
}

static void test_init_without_memory(void **state) {
  (void)state;
  int64_t before = sl_mem_live();
  int rc = SL_ENOMEM;
  for (uint64_t n = 1; rc && n < 100; n++) {
    sl_flow f;
    sl_err err;
    sl_mem_fail_at(n);
    rc = sl_flow_init(&f, 3, next_, ordered_, &err);
    sl_mem_fail_at(0);
    if (rc == 0)
      sl_flow_done(&f);
    else
      assert_int_equal(rc, SL_ENOMEM);
    assert_int_equal(sl_mem_live(), before);
  }
  assert_int_equal(rc, 0);
}

static void test_register_without_memory(void **state) {
  (void)state;
  int rc = SL_ENOMEM;
  for (uint64_t n = 1; rc && n < 10; n++) {
    sl_flow f;
    assert_int_equal(sl_flow_init(&f, 3, next_, ordered_, NULL), 0);
    sl_unit *u = sl_unit_new(0, 1, f.n_zones, f.n_ordered);
    sl_flow_enter(&f, sl_zone_l(0), u, 1);
    sl_mem_fail_at(n);
    rc = sl_flow_register(&f, u, 0);
    sl_mem_fail_at(0);
    assert_int_equal(f.stations[1].ring_n, rc ? 0 : 1);
    assert_int_equal(f.stations[2].ring_n, rc ? 0 : 1);
    assert_int_equal(atomic_load(&u->refs), rc ? 1 : 3);
    sl_flow_done(&f);
    sl_unit_unref(u);
  }
  assert_int_equal(rc, 0);
}

static void test_delay_heap(void **state) {
  (void)state;
  sl_delay q = {0};
  sl_doc docs[200];
  uint64_t x = 1;
  for (int i = 0; i < 200; i++) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    docs[i].due = (int64_t)(x >> 40) % 50;
    assert_int_equal(sl_delay_push(&q, &docs[i]), 0);
  }
  assert_null(sl_delay_pop(&q, -1));
  int64_t last = 0;
  for (int i = 0; i < 200; i++) {
    assert_true(sl_delay_next(&q) >= last);
    sl_doc *d = sl_delay_pop(&q, INT64_MAX);
    assert_non_null(d);
    assert_true(d->due >= last);
    last = d->due;
  }
  assert_int_equal(sl_delay_next(&q), INT64_MAX);
  sl_delay_done(&q);
}

static void test_sort_is_stable(void **state) {
  (void)state;
  sl_docs l = {0};
  sl_doc docs[100];
  memset(docs, 0, sizeof(docs));
  for (uint32_t i = 0; i < 100; i++) {
    docs[i].slot = (i * 37) % 10;
    docs[i].cursor = i;
    sl_docs_push(&l, &docs[i]);
  }
  sl_docs_sort(&l);
  assert_int_equal(l.n, 100);
  uint32_t n = 0;
  for (sl_doc *d = l.head; d; d = d->next) {
    n++;
    if (!d->next) {
      assert_ptr_equal(l.tail, d);
      break;
    }
    assert_true(d->slot < d->next->slot || (d->slot == d->next->slot && d->cursor < d->next->cursor));
  }
  assert_int_equal(n, 100);
}

static void test_credit(void **state) {
  (void)state;
  sl_credit c = {0};
  int64_t live = sl_mem_live();
  sl_credit_init(&c, live + 1000000, 2);
  assert_true(sl_credit_now(&c) > 0);
  assert_true(sl_credit_quiet(&c));
  sl_unit *u = sl_unit_new(0, 2, 2, 0);
  sl_doc *a = doc_of(u, 400), *b = doc_of(u, 400);
  sl_credit_take(&c, a->token);
  sl_credit_take(&c, b->token);
  assert_int_equal(sl_credit_now(&c), 0); /* the window of two documents is full */
  assert_false(sl_credit_quiet(&c));
  sl_credit_give(&c, a->token);
  sl_credit_give(&c, a->token); /* held, then ended: counts once */
  assert_true(sl_credit_now(&c) > 0);
  sl_credit_give(&c, b->token);
  assert_true(sl_credit_quiet(&c));
  assert_int_equal(atomic_load(&c.bytes), 0);
  end(a, SL_OUT_STORED);
  end(b, SL_OUT_STORED);
  sl_credit_done(&c);
  sl_credit_init(&c, sl_mem_live(), 10); /* a budget that is used up already */
  assert_int_equal(sl_credit_now(&c), 0);
  sl_credit_done(&c);
}

static void test_deepest_work_first(void **state) {
  (void)state;
  sl_workq *q = NULL;
  sl_work w[3] = {{.depth = 0}, {.depth = 2}, {.depth = 1}};
  assert_int_equal(sl_workq_new(3, &q, NULL), 0);
  for (int i = 0; i < 3; i++) sl_workq_push(q, &w[i]);
  assert_int_equal(sl_workq_waiting(q, 2), 1);
  assert_ptr_equal(sl_workq_pop(q), &w[1]);
  assert_ptr_equal(sl_workq_pop(q), &w[2]);
  assert_ptr_equal(sl_workq_pop(q), &w[0]);
  sl_workq_close(q);
  assert_null(sl_workq_pop(q));
  sl_workq_free(q);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_worst_outcome),
      cmocka_unit_test(test_many_parents),
      cmocka_unit_test(test_adopt_without_memory),
      cmocka_unit_test(test_order_across_units),
      cmocka_unit_test(test_waits_for_the_long_way),
      cmocka_unit_test(test_register_after),
      cmocka_unit_test(test_init_without_memory),
      cmocka_unit_test(test_register_without_memory),
      cmocka_unit_test(test_delay_heap),
      cmocka_unit_test(test_sort_is_stable),
      cmocka_unit_test(test_credit),
      cmocka_unit_test(test_deepest_work_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
