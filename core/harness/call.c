/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the stage with documents, and what their verdicts do to what was emitted. */
#include "harness/impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "doc/codec.h"
#include "plugin/written.h"

static const char *verdict_name(int32_t verdict) {
  static const char *const names[] = {"OK", "DROP", "RETRY", "REJECT", "HELD", "PENDING", "FATAL"};
  return verdict >= 0 && verdict <= SL_V_FATAL ? names[verdict] : "an unknown verdict";
}

static void need_started(sl_harness *h, const char *what, int has) {
  if (h->life != LIFE_STARTED) sl_harness_misuse("%s before sl_harness_start has succeeded", what);
  if (!has) sl_harness_misuse("%s: the stage type has no such function", what);
}

/* ---- what went on ------------------------------------------------------------------------------------------------ */

/* The document to compare with: what the input was before the call; for a child of others, its first parent. */
static sl_doc *origin_of(const rec *parent, const rec *r) {
  const rec *from = r == parent ? r : r->parents.count ? r->parents.items[0] : parent;
  return from ? (from->before ? from->before : from->doc) : NULL;
}

/* The harness's own looks at a document do not meet the failing allocation that is meant for the stage. */
static uint64_t disarm(const sl_harness *h) { return h->armed && h->fail_set ? sl_mem_fail_at(0) : 0; }
static void rearm(uint64_t rest) {
  if (rest) sl_mem_fail_at(rest);
}

void sl_harness_commit(sl_harness *h, rec *parent, rec *r) {
  sl_err err = {0};
  uint64_t rest = disarm(h);
  if (sl_doc_check(r->doc, &err)) {
    r->why = err;
    r->state = REC_REJECTED;
    sl_harness_list_add(&h->rejected, r);
  } else {
    if (sl_written_check(h->written, origin_of(parent, r), r->doc, &err)) sl_harness_problem(h, "%s", err.message);
    if (r != parent) r->state = REC_OUT;
    sl_harness_list_add(&h->out, r);
  }
  rearm(rest);
}

static void discard_staged(sl_harness *h, rec *r) {
  while (r->staged.count) {
    rec *child = r->staged.items[--r->staged.count];
    if (child != r) sl_harness_rec_drop(h, child);
  }
}

/* Out of memory in the middle of writing is nobody's fault: the next attempt writes the same fields again. */
static void check_untouched(sl_harness *h, const rec *r, int32_t verdict) {
  if (!r->before || r->before->body == r->doc->body || h->type->flags & SL_F_COPY_FIRST || r->why.code == SL_ENOMEM)
    return;
  uint64_t rest = disarm(h);
  const struct cJSON *was = sl_doc_body(r->before, NULL), *is = sl_doc_body(r->doc, NULL);
  int same = !was || !is || sl_json_equal(was, is);
  rearm(rest);
  if (same) return;
  sl_harness_problem(h,
                     "wrote the body and then answered %s: the next attempt or the dead letter would get a changed "
                     "document; write last, or set SL_F_COPY_FIRST",
                     verdict_name(verdict));
}

/* A verdict that ends the document. */
void sl_harness_finish(sl_harness *h, rec *r, int32_t verdict) {
  r->verdict = verdict;
  r->state = REC_DONE;
  if (verdict == SL_V_OK) {
    reclist staged = r->staged;
    r->staged = (reclist){0};
    for (uint32_t i = 0; i < staged.count; i++) sl_harness_commit(h, r, staged.items[i]);
    if (!staged.count && h->type->kind == SL_TRANSFORM) sl_harness_commit(h, r, r);
    free(staged.items);
    return;
  }
  discard_staged(h, r);
  if (verdict == SL_V_DROP || verdict == SL_V_REJECT) sl_harness_kv_ended(h, r);
  if (verdict == SL_V_DROP) return;
  if (!r->why.code && h->last.code) r->why = h->last;
  if (!r->why.code) sl_harness_problem(h, "answered %s without a reason (sl_fail)", verdict_name(verdict));
  check_untouched(h, r, verdict);
}

/* ---- process ---- */

static void check_verdict(sl_harness *h, const rec *r, int32_t verdict, uint32_t streamed) {
  uint64_t flags = h->type->flags;
  if (verdict < SL_V_OK || verdict > SL_V_FATAL)
    sl_harness_problem(h, "process returned %d, which is no verdict", verdict);
  else if (verdict == SL_V_HELD && !(flags & SL_F_SERIAL))
    sl_harness_problem(h, "answered HELD without the flag SL_F_SERIAL");
  else if (verdict == SL_V_PENDING && !(flags & SL_F_ASYNC))
    sl_harness_problem(h, "answered PENDING without the flag SL_F_ASYNC");
  else if (verdict == SL_V_PENDING && !r->ticket)
    sl_harness_problem(h, "answered PENDING without having asked for the ticket (sl_ticket)");
  else if (verdict == SL_V_RETRY && flags & SL_F_STREAMING && streamed)
    sl_harness_problem(h, "answered RETRY after it emitted, and is STREAMING");
}

static int32_t process(sl_harness *h, rec *r) {
  uint32_t problems = h->problems;
  r->state = REC_CALL;
  h->current = r;
  uint32_t out = h->out.count;
  sl_harness_enter(h);
  int32_t verdict = h->type->process(&h->ctx, h->stage, h->lane, r->doc);
  sl_harness_leave(h);
  h->current = NULL;
  check_verdict(h, r, verdict, h->out.count - out);
  if (r->state != REC_CALL) { /* ended during the call: by sl_complete, sl_settle or sl_emit_many */
    if (verdict != SL_V_PENDING && verdict != SL_V_HELD)
      sl_harness_problem(h, "ended the document itself and then answered %s: HELD or PENDING is due",
                         verdict_name(verdict));
  } else if (verdict == SL_V_HELD || verdict == SL_V_PENDING) {
    r->state = verdict == SL_V_HELD ? REC_HELD : REC_PENDING;
    r->verdict = verdict;
    if (verdict == SL_V_HELD) { /* what it emitted meanwhile is about others and goes on */
      reclist staged = r->staged;
      r->staged = (reclist){0};
      for (uint32_t i = 0; i < staged.count; i++) sl_harness_commit(h, NULL, staged.items[i]);
      free(staged.items);
    }
  } else {
    sl_harness_finish(h, r, h->problems == problems ? verdict : SL_V_FATAL);
  }
  return h->problems == problems ? verdict : SL_V_FATAL;
}

static rec *take_input(sl_harness *h, sl_doc *doc, const char *what) {
  rec *r = sl_harness_rec_of(h, doc, what);
  if (r->state != REC_TEST && r->state != REC_OUT && !(r->state == REC_DONE && r->verdict == SL_V_RETRY))
    sl_harness_misuse("%s: the document was given to the stage already", what);
  sl_doc_free(r->before);
  r->before = sl_doc_share(doc);
  if (!r->before) sl_harness_misuse("memory is out");
  memset(&r->why, 0, sizeof r->why);
  r->ticket = 0;
  return r;
}

int32_t sl_harness_push(sl_harness *h, sl_doc *doc) {
  if (h->type && h->type->kind == SL_SINK) {
    int32_t verdict = SL_V_OK;
    int32_t code = sl_harness_write(h, &doc, 1, &verdict);
    return code ? SL_V_RETRY : verdict;
  }
  need_started(h, "sl_harness_push", h->type && h->type->process != NULL);
  return process(h, take_input(h, doc, "sl_harness_push"));
}

int32_t sl_harness_push_json(sl_harness *h, const char *body) { return sl_harness_push(h, sl_harness_doc(h, body)); }

int32_t sl_harness_push_payload(sl_harness *h, const void *data, size_t len, const char *media_type, const char *uri) {
  sl_doc *doc = sl_harness_set_payload(h, sl_harness_doc(h, NULL), data, len, media_type);
  if (uri) sl_harness_set_origin(h, doc, uri, NULL, NULL);
  return sl_harness_push(h, doc);
}

/* ---- write, produce, flush ---- */

/* The verdict that counts for one document of a batch. */
static int32_t sink_verdict(sl_harness *h, const rec *r, int32_t code, int32_t verdict) {
  if (code) return SL_V_RETRY;
  if (verdict == SL_V_OK || verdict == SL_V_DROP || verdict == SL_V_RETRY || verdict == SL_V_REJECT ||
      verdict == SL_V_FATAL)
    return verdict;
  sl_harness_problem(h, "write gave the verdict %d for document %llu: a sink has OK, DROP, RETRY, REJECT and FATAL",
                     verdict, (unsigned long long)r->serial);
  return SL_V_FATAL;
}

int32_t sl_harness_write(sl_harness *h, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  need_started(h, "sl_harness_write", h->type && h->type->write != NULL);
  uint32_t problems = h->problems;
  int32_t *given = sl_harness_mem(n, sizeof *given);
  sl_doc **batch = sl_harness_mem(n, sizeof *batch);
  for (uint32_t i = 0; i < n; i++) {
    rec *r = take_input(h, docs[i], "sl_harness_write");
    r->state = REC_CALL;
    batch[i] = docs[i];
    sl_bytes line;
    if (h->type->flags & SL_F_TEXT) sl_doc_text(docs[i], &line, NULL);
  }
  sl_harness_enter(h);
  int32_t code = h->type->write(&h->ctx, h->stage, h->lane, batch, n, given);
  sl_harness_leave(h);
  if (code && !h->last.code) sl_harness_problem(h, "write returned %d without a reason (sl_fail)", code);
  for (uint32_t i = 0; i < n; i++) {
    rec *r = docs[i]->more;
    given[i] = sink_verdict(h, r, code, given[i]);
    sl_harness_finish(h, r, given[i]);
    if (verdicts) verdicts[i] = given[i];
  }
  free(given);
  free(batch);
  return !code && h->problems != problems ? SL_EPLUGIN : code;
}

int32_t sl_harness_produce(sl_harness *h, uint64_t credit) {
  need_started(h, "sl_harness_produce", h->type && h->type->produce != NULL);
  uint32_t problems = h->problems;
  sl_harness_enter(h);
  int32_t answer = h->type->produce(&h->ctx, h->stage, h->lane, credit);
  sl_harness_leave(h);
  if (answer != SL_P_MORE && answer != SL_P_WAIT && answer != SL_P_END && answer != SL_V_FATAL)
    sl_harness_problem(h, "produce returned %d: a source has SL_P_MORE, SL_P_WAIT, SL_P_END and SL_V_FATAL", answer);
  if (answer == SL_V_FATAL && !h->last.code) sl_harness_problem(h, "produce answered FATAL without a reason (sl_fail)");
  return h->problems == problems ? answer : SL_V_FATAL;
}

int32_t sl_harness_produce_all(sl_harness *h, uint32_t max) {
  int32_t answer = SL_P_MORE;
  for (uint32_t i = 0; i < max && answer == SL_P_MORE; i++) answer = sl_harness_produce(h, UINT64_C(1) << 20);
  return answer;
}

int32_t sl_harness_flush(sl_harness *h, uint32_t why) {
  need_started(h, "sl_harness_flush", 1);
  if (!h->type->flush) return 0;
  uint32_t problems = h->problems;
  sl_harness_enter(h);
  int32_t code = h->type->flush(&h->ctx, h->stage, h->lane, why);
  sl_harness_leave(h);
  if (code && !h->last.code) sl_harness_problem(h, "flush returned %d without a reason (sl_fail)", code);
  if (!code && why == SL_FLUSH_END && sl_harness_held(h))
    sl_harness_problem(h, "still holds %u documents after flush(SL_FLUSH_END)", sl_harness_held(h));
  return !code && h->problems != problems ? SL_EPLUGIN : code;
}

void sl_harness_acknowledge(sl_harness *h, sl_doc *doc) {
  rec *r = sl_harness_rec_of(h, doc, "sl_harness_acknowledge");
  if (h->crashed) return;
  r->acknowledged = 1;
  sl_harness_state_ended(h, r->doc->cursor);
  sl_harness_kv_ended(h, r);
  if (!h->type->acknowledged) return;
  sl_harness_enter(h);
  h->type->acknowledged(&h->ctx, h->stage, r->doc->cursor);
  sl_harness_leave(h);
}

void sl_harness_acknowledge_all(sl_harness *h) {
  for (rec *r = h->first; r; r = r->next)
    if (!r->acknowledged && (r->state == REC_OUT || r->state == REC_REJECTED)) sl_harness_acknowledge(h, r->doc);
}
