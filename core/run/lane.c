/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes: worker threads that carry a document through consecutive transforms, run to completion. */
#include "base/mem.h"
#include "base/time.h"
#include "run/runtime.h"

/* Checks the body; and builds its tree in the same pass if the next stage will look at it. */
static int sound(const sl_engine *e, const sl_stage_rt *st, sl_doc *doc, sl_err *err) {
  for (uint32_t i = 0; i < st->n_edges; i++) {
    const sl_edge *edge = &st->edges[i];
    if (edge->when || e->stages[edge->to].type->kind == SL_TRANSFORM) return sl_doc_body(doc, err) ? 0 : err->code;
  }
  return sl_doc_check(doc, err);
}

/* What came straight from a source: checked, then on its way. */
static void from_source(sl_actor *a, sl_stage_rt *st, sl_doc *doc) {
  sl_err err;
  if (atomic_load_explicit(&a->e->stop, memory_order_relaxed) > 1) {
    sl_actor_end(a, doc, SL_OUT_UNFINISHED);
    return;
  }
  if (doc->flags & SL_DOC_REJECTED) {
    doc->flags &= ~(uint32_t)SL_DOC_REJECTED;
    if (doc->why)
      err = *doc->why;
    else
      sl_err_set(&err, SL_ENOMEM, "rejected by the source; no memory for the reason");
    sl_give_up(a, st, doc, &err);
    return;
  }
  if (sound(a->e, st, doc, &err)) {
    sl_give_up(a, st, doc, &err);
    return;
  }
  sl_tally(a, st->index, SL_COUNT_OUT, 1);
  sl_actor_route(a, st, doc);
}

/* The sources size their units by this: about 300 us of a lane's time each. */
static void measure(sl_engine *e, int64_t ns, uint32_t n) {
  int64_t one = ns / (n ? n : 1), old = atomic_load_explicit(&e->lane_ns, memory_order_relaxed);
  atomic_store_explicit(&e->lane_ns, old ? (old * 7 + one) / 8 : one + 1, memory_order_relaxed);
}

static void run_work(sl_actor *a, sl_work *w) {
  sl_engine *e = a->e;
  uint32_t n = w->docs.n;
  int64_t begin = sl_time_mono();
  a->zone = w->zone;
  sl_doc *doc;
  while ((doc = sl_docs_pop(&w->docs))) {
    sl_stage_rt *st = &e->stages[doc->stage];
    if (st->type->kind == SL_SOURCE)
      from_source(a, st, doc);
    else
      sl_actor_process(a, st, doc);
  }
  sl_actor_flush(a);
  measure(e, sl_time_mono() - begin, n);
  sl_flow_leave(&e->flow, w->zone, w->unit, n);
  sl_mem_free(w);
  if (!atomic_load(&e->running) || atomic_load(&e->requeue.ending)) sl_loop_poke(e);
}

void sl_lane_main(void *arg) {
  sl_actor *a = arg;
  sl_work *w;
  sl_actor_begin(a);
  while ((w = sl_workq_pop(a->e->work))) run_work(a, w);
}
