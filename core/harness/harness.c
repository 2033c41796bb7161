/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a harness: making the stage, its documents, the calls, the end. */
#include "harness/impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/path.h"
#include "conf/arena.h"
#include "plugin/written.h"
#include "plugin/host_doc.h"
#include "plugin/loader.h"

/* Trees that a test makes before its first harness must come from the same allocator as those made later. */
__attribute__((constructor)) static void install_allocator(void) { sl_mem_install(); }

void sl_harness_misuse(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fputs("harness: misused: ", stderr);
  vfprintf(stderr, fmt, args);
  fputc('\n', stderr);
  va_end(args);
  abort();
}

void *sl_harness_mem(size_t n, size_t size) {
  void *p = calloc(n ? n : 1, size ? size : 1);
  if (!p) sl_harness_misuse("memory is out");
  return p;
}

void sl_harness_problem(sl_harness *h, const char *fmt, ...) {
  char line[sizeof h->problem];
  va_list args;
  va_start(args, fmt);
  vsnprintf(line, sizeof line, fmt, args);
  va_end(args);
  fprintf(stderr, "harness: stage %s: %s\n", h->type ? h->type->name : "?", line);
  if (!h->problem[0]) memcpy(h->problem, line, sizeof line);
  h->problems++;
  sl_err_set(&h->last, SL_EPLUGIN, "%s", line);
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

void sl_harness_list_add(reclist *list, rec *r) {
  if (list->count == list->cap) {
    list->cap = list->cap ? list->cap * 2 : 8;
    rec **items = realloc(list->items, list->cap * sizeof *items);
    if (!items) sl_harness_misuse("memory is out");
    list->items = items;
  }
  list->items[list->count++] = r;
}

int sl_harness_list_remove(reclist *list, const rec *r) {
  for (uint32_t i = 0; i < list->count; i++) {
    if (list->items[i] != r) continue;
    memmove(list->items + i, list->items + i + 1, (list->count - i - 1) * sizeof(rec *));
    list->count--;
    return 1;
  }
  return 0;
}

rec *sl_harness_rec_add(sl_harness *h, sl_doc *doc, rec_state state) {
  rec *r = sl_harness_mem(1, sizeof *r);
  r->doc = doc;
  r->state = state;
  r->verdict = -1;
  r->serial = ++h->serial;
  r->prev = h->last_rec;
  if (h->last_rec)
    h->last_rec->next = r;
  else
    h->first = r;
  h->last_rec = r;
  doc->more = r;
  return r;
}

void sl_harness_rec_drop(sl_harness *h, rec *r) {
  if (r->prev)
    r->prev->next = r->next;
  else
    h->first = r->next;
  if (r->next)
    r->next->prev = r->prev;
  else
    h->last_rec = r->prev;
  for (rec *other = h->first; other; other = other->next)
    while (sl_harness_list_remove(&other->parents, r)) continue;
  r->doc->more = NULL;
  sl_doc_free(r->before);
  sl_doc_free(r->doc);
  free(r->parents.items);
  free(r->staged.items);
  free(r);
}

rec *sl_harness_rec_of(sl_harness *h, sl_doc *doc, const char *what) {
  if (!doc) sl_harness_misuse("%s: the document is NULL", what);
  for (rec *r = h->last_rec; r; r = r->prev)
    if (r == doc->more && r->doc == doc) return r;
  sl_harness_misuse("%s: the document is not one of this harness, or was cleared", what);
}

void sl_harness_enter(sl_harness *h) {
  if (h->depth++ == 0) {
    memset(&h->last, 0, sizeof h->last);
    h->armed = 1;
    if (h->fail_set) sl_mem_fail_at(h->fail_rest);
  }
}

void sl_harness_leave(sl_harness *h) {
  if (--h->depth == 0) {
    h->armed = 0;
    if (h->fail_set) h->fail_rest = sl_mem_fail_at(0);
  }
}

const char *sl_harness_lend(sl_harness *h, const char *data, size_t len) {
  text *t = sl_harness_mem(1, sizeof *t + len + 1);
  if (len) memcpy(t->data, data, len);
  t->next = h->texts;
  h->texts = t;
  return t->data;
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

sl_harness *sl_harness_new(const sl_stage_type *type, const char *params) {
  sl_harness *h = sl_harness_mem(1, sizeof *h);
  h->type = type;
  pthread_mutex_init(&h->lock, NULL);
  sl_harness_fill_host(h);
  h->ctx.host = &h->host;
  h->wall = INT64_C(1755734400) * 1000000000; /* 2025-08-21T00:00:00Z */
  h->mono = 1000000000;
  sl_rng_init(&h->rng, 1);
  h->params_text = strdup(params ? params : "");
  if (!h->params_text) sl_harness_misuse("memory is out");
  return h;
}

sl_harness *sl_harness_open(const char *so_path, const char *type_name, const char *params) {
  sl_err err = {0};
  const sl_plugin *desc = NULL;
  const sl_stage_type *type = NULL;
  if (!sl_plugin_open_file(so_path, &desc, &err)) {
    for (uint32_t i = 0; i < desc->n_types; i++)
      if (!type && (!type_name || !strcmp(desc->types[i]->name, type_name))) type = desc->types[i];
    if (!type) sl_err_set(&err, SL_ENOTFOUND, "%s has no stage type `%s`", so_path, type_name ? type_name : "");
  }
  sl_harness *h = sl_harness_new(type, params);
  h->open_err = err;
  return h;
}

/* Parameters and contract. */
static int prepare(sl_harness *h) {
  if (h->params) return 0;
  int code = sl_harness_read_params(h, &h->last);
  return code ? code : sl_written_new(h->type, h->params, &h->written, &h->last);
}

int32_t sl_harness_create(sl_harness *h) {
  if (h->open_err.code) {
    h->last = h->open_err;
    return h->open_err.code;
  }
  if (h->life >= LIFE_CREATED) return 0;
  memset(&h->last, 0, sizeof h->last);
  int32_t code = prepare(h);
  if (code) return code;
  if (h->type->create && !h->created) {
    h->created = 1;
    sl_harness_enter(h);
    code = h->type->create(&h->ctx, h->params, &h->stage);
    sl_harness_leave(h);
    if (code && !h->last.code) sl_harness_problem(h, "create returned %d without a reason (sl_fail)", code);
    if (code) return code;
  }
  h->created = 1;
  h->life = LIFE_CREATED;
  return 0;
}

int32_t sl_harness_start(sl_harness *h) {
  int32_t code = sl_harness_create(h);
  if (code) return code;
  if (h->life == LIFE_CREATED) {
    if (h->type->lane_open) {
      sl_harness_enter(h);
      code = h->type->lane_open(&h->ctx, h->stage, &h->lane);
      sl_harness_leave(h);
      if (code && !h->last.code) sl_harness_problem(h, "lane_open returned %d without a reason (sl_fail)", code);
      if (code) return code;
    }
    h->opened = 1;
    h->life = LIFE_OPEN;
  }
  if (h->life == LIFE_OPEN) {
    if (h->type->start) {
      sl_harness_enter(h);
      code = h->type->start(&h->ctx, h->stage);
      sl_harness_leave(h);
      if (code && !h->last.code) sl_harness_problem(h, "start returned %d without a reason (sl_fail)", code);
      if (code) return code;
    }
    h->life = LIFE_STARTED;
  }
  return 0;
}

void sl_harness_stop(sl_harness *h) {
  if (h->life != LIFE_STARTED) return;
  for (rec *r = h->first; r; r = r->next)
    if (r->state == REC_PENDING) sl_harness_cancel(h, r->doc);
  sl_harness_spool_fail(h, h->spool_mode == SL_HARNESS_SPOOL_HOLD ? SL_ECANCELED : 0); /* each put has an answer */
  if (h->type->stop) {
    sl_harness_enter(h);
    h->type->stop(&h->ctx, h->stage);
    sl_harness_leave(h);
  }
  h->life = LIFE_OPEN;
  sl_harness_timers_drop(h);
  for (rec *r = h->first; r; r = r->next)
    if (r->state == REC_HELD) sl_harness_finish(h, r, SL_V_DROP);
}

/* What the stage made and neither emitted nor gave up. */
static void find_leaks(sl_harness *h) {
  uint32_t n = 0;
  for (const rec *r = h->first; r; r = r->next) n += r->state == REC_MADE;
  if (n) sl_harness_problem(h, "%u document%s of sl_new never emitted or released", n, n == 1 ? " was" : "s were");
}

static void free_lists(sl_harness *h) {
  for (metric *m = h->metrics, *next; m; m = next) {
    next = m->next;
    free(m);
  }
  for (text *t = h->texts, *next; t; t = next) {
    next = t->next;
    free(t);
  }
  h->metrics = NULL;
  h->texts = NULL;
  free(h->log);
  free(h->out.items);
  free(h->rejected.items);
}

void sl_harness_free(sl_harness *h) {
  if (!h) return;
  sl_harness_stop(h);
  if (h->opened && h->type->lane_close) {
    sl_harness_enter(h);
    h->type->lane_close(&h->ctx, h->stage, h->lane);
    sl_harness_leave(h);
  }
  if (h->created && h->type->destroy) {
    sl_harness_enter(h);
    h->type->destroy(h->stage);
    sl_harness_leave(h);
  }
  sl_harness_state_leave(h);
  sl_harness_push_drop(h);
  if (h->type) find_leaks(h);
  while (h->first) sl_harness_rec_drop(h, h->first);
  free_lists(h);
  sl_written_free(h->written);
  sl_arena_free(h->arena);
  free(h->params_text);
  pthread_mutex_destroy(&h->lock);
  if (h->problem[0]) {
    fprintf(stderr, "harness: stage %s broke the contract: %s\n", h->type ? h->type->name : "?", h->problem);
    abort();
  }
  free(h);
}

sl_ctx *sl_harness_ctx(sl_harness *h) { return &h->ctx; }
const void *sl_harness_params(sl_harness *h) { return h->params; }
void *sl_harness_stage(sl_harness *h) { return h->stage; }
void *sl_harness_lane(sl_harness *h) { return h->lane; }

/* ---- documents in ------------------------------------------------------------------------------------------------ */

/* The harness's own failure over a document: a test that cannot go on. */
static void must(int code, const sl_err *err, const char *what) {
  if (code) sl_harness_misuse("%s: %s", what, err->message);
}

sl_doc *sl_harness_doc(sl_harness *h, const char *body) {
  sl_err err = {0};
  sl_doc *doc = sl_doc_new();
  if (!doc) sl_harness_misuse("memory is out");
  if (body) {
    must(sl_doc_set_text(doc, body, strlen(body), NULL, NULL, &err), &err, "sl_harness_doc");
    must(sl_doc_check(doc, &err), &err, "sl_harness_doc");
  }
  sl_harness_rec_add(h, doc, REC_TEST);
  return doc;
}

sl_doc *sl_harness_copy(sl_harness *h, sl_doc *doc) {
  sl_doc *copy = doc ? sl_doc_share(doc) : NULL;
  if (!copy) sl_harness_misuse("sl_harness_copy: %s", doc ? "memory is out" : "the document is NULL");
  copy->attempt = 1;
  sl_harness_rec_add(h, copy, REC_TEST);
  return copy;
}

sl_doc *sl_harness_set_payload(sl_harness *h, sl_doc *doc, const void *data, size_t len, const char *media_type) {
  sl_err err = {0};
  sl_harness_rec_of(h, doc, "sl_harness_set_payload");
  if (!media_type) media_type = "application/octet-stream";
  must(sl_doc_set_payload(doc, len ? data : "", len, media_type, NULL, NULL, &err), &err, "sl_harness_set_payload");
  return doc;
}

sl_doc *sl_harness_set_payload_file(sl_harness *h, sl_doc *doc, const char *path, const char *media_type) {
  sl_err err = {0};
  char *data = NULL;
  size_t len = 0;
  must(sl_path_read(path, 0, &data, &len, &err), &err, "sl_harness_set_payload_file");
  sl_harness_set_payload(h, doc, data, len, media_type);
  sl_mem_free(data);
  return doc;
}

sl_doc *sl_harness_set_origin(sl_harness *h, sl_doc *doc, const char *uri, const char *locator, const char *revision) {
  sl_err err = {0};
  sl_harness_rec_of(h, doc, "sl_harness_set_origin");
  must(sl_doc_set_origin(doc, &(sl_origin){uri ? uri : "", locator, revision}, &err), &err, "sl_harness_set_origin");
  return doc;
}

sl_doc *sl_harness_set_attempt(sl_harness *h, sl_doc *doc, uint32_t attempt) {
  sl_harness_rec_of(h, doc, "sl_harness_set_attempt");
  doc->attempt = attempt;
  return doc;
}

void sl_harness_clear(sl_harness *h) {
  for (rec *r = h->first, *next; r; r = next) {
    next = r->next;
    if (r->state != REC_HELD && r->state != REC_PENDING && r->state != REC_MADE && r->state != REC_STAGED)
      sl_harness_rec_drop(h, r);
  }
  h->out.count = h->out_at = 0;
  h->rejected.count = h->rejected_at = 0;
  for (text *t = h->texts, *next; t; t = next) {
    next = t->next;
    free(t);
  }
  h->texts = NULL;
}
