/* SPDX-License-Identifier: Apache-2.0 */
/* Tracing: the same engine with one document instead of the sources, no sinks, and a report after each call. */
#include <cjson/cJSON.h>

#include "base/mem.h"
#include "doc/codec.h"
#include "run/runtime.h"

cJSON *sl_trace_before(sl_doc *doc) {
  const cJSON *body = sl_doc_body(doc, NULL);
  return body ? sl_json_copy(body) : NULL;
}

static void report(sl_trace_hook *t, sl_trace_step *step, const sl_doc *doc) {
  sl_bytes text = {0};
  sl_doc *look = doc ? sl_doc_share(doc) : NULL;
  if (look) {
    step->after = sl_doc_body(look, NULL);
    if (sl_doc_text(look, &text, NULL) == 0) step->bytes = text.len;
  }
  pthread_mutex_lock(&t->lock);
  t->cb(t->user, step);
  pthread_mutex_unlock(&t->lock);
  sl_doc_free(look);
}

void sl_trace_after(sl_call *c, const sl_doc *doc, cJSON *before, int32_t verdict, int64_t ns) {
  sl_trace_hook *t = c->actor->e->trace;
  sl_trace_step step = {
      .stage = c->st->conf->id, .path = (uint32_t)doc->cursor, .verdict = verdict, .before = before, .ns = ns};
  if (verdict == SL_V_RETRY || verdict == SL_V_REJECT || verdict == SL_V_FATAL) {
    if (!c->failed) sl_err_set(&c->why, SL_EPLUGIN, "stage '%s' gave no reason", c->st->conf->id);
    step.why = &c->why;
  }
  if (verdict != SL_V_OK) {
    report(t, &step, NULL);
  } else if (!c->out.n) {
    report(t, &step, doc);
  } else {
    uint32_t i = 0;
    for (sl_doc *d = c->out.head; d; d = d->next, i++) {
      d->cursor = i ? atomic_fetch_add(&t->paths, 1) : doc->cursor;
      sl_trace_step one = step;
      one.path = (uint32_t)d->cursor;
      report(t, &one, d);
    }
  }
  cJSON_Delete(before);
}

void sl_trace_refused(sl_engine *e, const sl_stage_rt *st, const sl_doc *doc, const sl_err *why) {
  sl_trace_step step = {.stage = st->conf->id, .path = (uint32_t)doc->cursor, .verdict = SL_V_REJECT, .why = why};
  report(e->trace, &step, NULL);
}

/* The engine runs with the hook in its options; the first source stands for whoever made the document. */
int sl_engine_trace(const sl_pipeline *pipeline, sl_doc *doc, void (*cb)(void *user, const sl_trace_step *step),
                    void *user, sl_err *err) {
  sl_trace_hook hook = {.lock = PTHREAD_MUTEX_INITIALIZER, .cb = cb, .user = user, .doc = doc, .paths = 1};
  sl_run_opts opts = {.dry_run = 1, .seed = 1};
  sl_engine *e = NULL;
  sl_trace_step first = {.stage = "", .verdict = SL_V_OK};
  int rc = sl_doc_check(doc, err);
  if (rc) {
    sl_doc_free(doc);
    return rc;
  }
  report(&hook, &first, doc);
  rc = sl_engine_new_traced(pipeline, &opts, &hook, &e, err);
  if (!rc) rc = sl_engine_run(e, err);
  sl_doc_free(hook.doc);
  sl_engine_free(e);
  return rc;
}
