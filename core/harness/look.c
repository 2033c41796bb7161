/* SPDX-License-Identifier: Apache-2.0 */
/* What a test sees: documents that went on, reasons, logs, metrics. */
#include "harness/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "doc/codec.h"
#include "doc/editmap.h"
#include "doc/pointer.h"

sl_doc *sl_harness_pull(sl_harness *h) { return h->out_at < h->out.count ? h->out.items[h->out_at++]->doc : NULL; }

sl_doc *sl_harness_pull_rejected(sl_harness *h) {
  return h->rejected_at < h->rejected.count ? h->rejected.items[h->rejected_at++]->doc : NULL;
}

uint32_t sl_harness_count(sl_harness *h) { return h->out.count - h->out_at; }

int32_t sl_harness_verdict(sl_harness *h, sl_doc *doc) {
  return sl_harness_rec_of(h, doc, "sl_harness_verdict")->verdict;
}

static uint32_t count_state(const sl_harness *h, rec_state state) {
  uint32_t n = 0;
  for (const rec *r = h->first; r; r = r->next) n += r->state == state;
  return n;
}

uint32_t sl_harness_held(sl_harness *h) { return count_state(h, REC_HELD); }
uint32_t sl_harness_pending(sl_harness *h) { return count_state(h, REC_PENDING); }

sl_doc *sl_harness_parent(sl_harness *h, sl_doc *doc, uint32_t i) {
  const rec *r = sl_harness_rec_of(h, doc, "sl_harness_parent");
  return i < r->parents.count ? r->parents.items[i]->doc : NULL;
}

int32_t sl_harness_woken(sl_harness *h) { return atomic_exchange(&h->woken, 0); }

static sl_harness_error as_error(const sl_err *err) {
  return (sl_harness_error){err->code, err->message, err->detail, err->hint};
}

sl_harness_error sl_harness_last(sl_harness *h) { return as_error(&h->last); }

sl_harness_error sl_harness_error_of(sl_harness *h, sl_doc *doc) {
  return as_error(&sl_harness_rec_of(h, doc, "sl_harness_error_of")->why);
}

const char *sl_harness_take_problem(sl_harness *h) {
  if (!h->problem[0]) return NULL;
  memcpy(h->taken, h->problem, sizeof h->taken);
  h->problem[0] = '\0';
  return h->taken;
}

/* ---- a document -------------------------------------------------------------------------------------------------- */

const struct cJSON *sl_harness_body(sl_harness *h, sl_doc *doc) {
  sl_err err = {0};
  sl_harness_rec_of(h, doc, "sl_harness_body");
  const struct cJSON *body = sl_doc_body(doc, &err);
  if (!body) sl_harness_misuse("sl_harness_body: %s", err.message);
  return body;
}

const struct cJSON *sl_harness_at(sl_harness *h, sl_doc *doc, const char *pointer) {
  sl_err err = {0};
  sl_pointer *p = NULL;
  if (sl_pointer_new(pointer, &p, &err)) sl_harness_misuse("sl_harness_at(\"%s\"): %s", pointer, err.message);
  const cJSON *found = sl_pointer_get(p, sl_harness_body(h, doc));
  sl_pointer_free(p);
  return found;
}

static const char *lend_printed(sl_harness *h, const cJSON *value) {
  sl_err err = {0};
  char *line = NULL;
  size_t len = 0;
  if (sl_json_print(value, &line, &len, &err)) sl_harness_misuse("a body cannot be printed: %s", err.message);
  const char *lent = sl_harness_lend(h, line, len);
  sl_mem_free(line);
  return lent;
}

const char *sl_harness_string(sl_harness *h, sl_doc *doc, const char *pointer) {
  const cJSON *value = sl_harness_at(h, doc, pointer);
  if (!value) return NULL;
  if (cJSON_IsString(value)) return sl_harness_lend(h, value->valuestring, strlen(value->valuestring));
  return lend_printed(h, value);
}

double sl_harness_number(sl_harness *h, sl_doc *doc, const char *pointer, double otherwise) {
  const cJSON *value = sl_harness_at(h, doc, pointer);
  return cJSON_IsNumber(value) ? value->valuedouble : otherwise;
}

const char *sl_harness_text(sl_harness *h, sl_doc *doc) {
  sl_err err = {0};
  sl_bytes line = {0};
  sl_harness_rec_of(h, doc, "sl_harness_text");
  if (sl_doc_text(doc, &line, &err)) sl_harness_misuse("sl_harness_text: %s", err.message);
  return sl_harness_lend(h, line.data, line.len);
}

int32_t sl_harness_equals(sl_harness *h, sl_doc *doc, const char *body) {
  sl_err err = {0};
  cJSON *want = NULL;
  if (sl_json_parse(body, strlen(body), NULL, &want, NULL, &err))
    sl_harness_misuse("sl_harness_equals: %s", err.message);
  int same = sl_json_equal(want, sl_harness_body(h, doc));
  if (!same) fprintf(stderr, "harness: expected %s\n         found    %s\n", body, sl_harness_text(h, doc));
  cJSON_Delete(want);
  return same;
}

sl_bytes sl_harness_payload(sl_harness *h, sl_doc *doc, const char **ret_media_type) {
  sl_bytes bytes = {0};
  const char *type = NULL;
  sl_harness_rec_of(h, doc, "sl_harness_payload");
  sl_doc_payload(doc, &bytes, &type);
  if (ret_media_type) *ret_media_type = type;
  return bytes;
}

sl_origin sl_harness_origin(sl_harness *h, sl_doc *doc) {
  sl_origin origin = {0};
  sl_harness_rec_of(h, doc, "sl_harness_origin");
  sl_doc_origin(doc, &origin);
  return origin;
}

const char *sl_harness_key(sl_harness *h, sl_doc *doc) {
  sl_harness_rec_of(h, doc, "sl_harness_key");
  return sl_doc_key(doc);
}

uint64_t sl_harness_cursor(sl_harness *h, sl_doc *doc) {
  return sl_harness_rec_of(h, doc, "sl_harness_cursor")->doc->cursor;
}

int32_t sl_harness_source_of(sl_harness *h, sl_doc *doc, uint64_t start, uint64_t end, uint64_t *ret_start,
                             uint64_t *ret_end) {
  sl_harness_rec_of(h, doc, "sl_harness_source_of");
  return sl_doc_edit_source_of(doc, start, end, ret_start, ret_end, NULL);
}

/* ---- messages, memory -------------------------------------------------------------------------------------------- */

double sl_harness_metric(sl_harness *h, const char *name) {
  double value = 0;
  pthread_mutex_lock(&h->lock);
  for (const metric *m = h->metrics; m; m = m->next)
    if (!strcmp(m->name, name)) value = m->value;
  pthread_mutex_unlock(&h->lock);
  return value;
}

const char *sl_harness_log(sl_harness *h) {
  pthread_mutex_lock(&h->lock);
  const char *lent = sl_harness_lend(h, h->log, h->log_len);
  pthread_mutex_unlock(&h->lock);
  return lent;
}

void sl_harness_fail_alloc(sl_harness *h, uint64_t nth) {
  h->fail_rest = nth;
  h->fail_set = nth > 0;
}

int32_t sl_harness_alloc_failed(sl_harness *h) {
  int failed = h->fail_set && !h->fail_rest;
  h->fail_set = 0;
  h->fail_rest = 0;
  return failed;
}
