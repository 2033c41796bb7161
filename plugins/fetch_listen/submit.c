/* SPDX-License-Identifier: Apache-2.0 */
/* From the body of a request to documents on the spool. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/sha256.h"
#include "listen.h"

listen_body *listen_body_new(listen_stage *s, size_t cap) {
  listen_body *b = s->ctx->host->alloc(sizeof *b + cap + 1);
  if (!b) return NULL;
  b->release = s->ctx->host->free;
  b->refs = 1;
  b->len = 0;
  b->cap = cap;
  return b;
}

void listen_body_release(void *data, void *user) {
  listen_body *b = user;
  (void)data;
  if (b && __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) == 0) b->release(b);
}

/* ---- who the documents are --------------------------------------------------------------------------------------- */

typedef struct naming {
  char uri[LISTEN_URI_MAX + LISTEN_ID_MAX + 16];
  char base[LISTEN_ID_MAX + 8]; /* of the locator: "" or "id=…" */
  char id[LISTEN_ID_MAX + 1];
} naming;

/* The same X-Document-Id, or the same URI without one, is the same record in every request. */
static void name_request(listen_stage *s, const listen_request *r, naming *ret) {
  if (r->id[0])
    snprintf(ret->id, sizeof ret->id, "%s", r->id);
  else
    snprintf(ret->id, sizeof ret->id, "%016llx%016llx", (unsigned long long)sl_random(s->ctx),
             (unsigned long long)sl_random(s->ctx));
  ret->base[0] = '\0';
  if (!r->uri[0]) {
    snprintf(ret->uri, sizeof ret->uri, "push:%s", ret->id);
    return;
  }
  snprintf(ret->uri, sizeof ret->uri, "%s", r->uri);
  if (r->id[0]) snprintf(ret->base, sizeof ret->base, "id=%s", r->id);
}

static int32_t set_origin(listen_stage *s, sl_doc *doc, const naming *name, const char *suffix,
                          const sl_bytes *content) {
  char locator[LISTEN_ID_MAX + 48], revision[33];
  unsigned char hash[16];
  sha256_short(content->data, content->len, hash);
  for (int i = 0; i < 16; i++) snprintf(revision + 2 * i, 3, "%02x", hash[i]);
  snprintf(locator, sizeof locator, "%s%s%s", name->base, name->base[0] && suffix[0] ? "/" : "", suffix);
  sl_origin origin = {name->uri, locator[0] ? locator : NULL, revision};
  return sl_set_origin(s->ctx, doc, &origin);
}

static sl_doc *make_record(listen_stage *s, const listen_request *r, const naming *name, const listen_records *records,
                           const listen_record *one, listen_body *body) {
  char suffix[32] = "";
  if (records->batch)
    snprintf(suffix, sizeof suffix, r->kind == LISTEN_LINES ? "line=%llu" : "%llu", (unsigned long long)one->number);
  sl_bytes content = {body->data + one->start, one->len};
  sl_doc *doc = sl_new(s->ctx, NULL);
  if (!doc) return NULL;
  __atomic_add_fetch(&body->refs, 1, __ATOMIC_RELAXED);
  if (sl_set_text(s->ctx, doc, content.data, content.len, listen_body_release, body) == SL_OK &&
      set_origin(s, doc, name, suffix, &content) == SL_OK)
    return doc;
  sl_discard(s->ctx, doc);
  return NULL;
}

static int32_t describe(listen_stage *s, cJSON *o, const listen_request *r, const naming *name,
                        const sl_bytes *content) {
  char when[40], hash[65], type[LISTEN_TYPE_MAX + 1];
  struct tm tm;
  time_t now = (time_t)(sl_now(s->ctx) / 1000000000);
  gmtime_r(&now, &tm);
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
  sha256_hex(content->data, content->len, hash);
  snprintf(type, sizeof type, "%.*s", (int)strcspn(r->type, "; \t"), r->type);
  cJSON *source = cJSON_AddStringToObject(o, "id", name->id) ? cJSON_AddObjectToObject(o, "source") : NULL;
  return source && cJSON_AddStringToObject(source, "uri", name->uri) && cJSON_AddStringToObject(source, "type", type) &&
                 cJSON_AddNumberToObject(source, "bytes", (double)content->len) &&
                 cJSON_AddStringToObject(source, "fetched", when) && cJSON_AddStringToObject(source, "sha256", hash)
             ? SL_OK
             : SL_ENOMEM;
}

static sl_doc *make_page(listen_stage *s, const listen_request *r, const naming *name, listen_body *body) {
  sl_bytes content = {body->data, body->len};
  sl_doc *doc = sl_new(s->ctx, NULL);
  cJSON *o = doc ? sl_body_edit(s->ctx, doc) : NULL;
  int32_t rc = o ? describe(s, o, r, name, &content) : SL_ENOMEM;
  if (rc == SL_OK) rc = set_origin(s, doc, name, "", &content);
  if (rc == SL_OK) {
    __atomic_add_fetch(&body->refs, 1, __ATOMIC_RELAXED);
    rc = sl_set_payload(s->ctx, doc, content.data, content.len, r->type, listen_body_release, body);
  }
  if (rc == SL_OK) return doc;
  if (doc) sl_discard(s->ctx, doc);
  return NULL;
}

/* ---- handing over ------------------------------------------------------------------------------------------------ */

static void answer(listen_result *ret, int status, const char *why) {
  ret->status = status;
  ret->why = why;
}

static void no_memory(listen_result *ret) { answer(ret, 503, "memory is out: try again"); }

static void refused(int32_t rc, listen_result *ret) {
  if (rc == SL_ELIMIT)
    answer(ret, 429, "the spool is full: try again");
  else if (rc == SL_ENOMEM)
    no_memory(ret);
  else
    answer(ret, 503, "the state cannot be written now: try again");
}

static void not_found(const listen_rules *rules, int rc, const listen_records *records, const listen_error *error,
                      listen_result *ret) {
  if (rc == -500) {
    no_memory(ret);
    return;
  }
  answer(ret, -rc, rc == -413 ? rules->too_many : error->why);
  if (rc == -400)
    snprintf(ret->detail, sizeof ret->detail, ",\"line\":%llu,\"byte\":%zu", (unsigned long long)records->line,
             error->at);
}

/* docs[0..n) or NULL; all or none. */
static sl_doc **make_documents(listen_stage *s, const listen_request *r, const listen_records *records,
                               listen_body *body, uint32_t n) {
  naming *name = malloc(sizeof *name);
  sl_doc **docs = calloc(n, sizeof *docs);
  uint32_t made = 0;
  if (name && docs) {
    name_request(s, r, name);
    for (; made < n; made++) {
      docs[made] = r->kind == LISTEN_PAGE ? make_page(s, r, name, body)
                                          : make_record(s, r, name, records, &records->items[made], body);
      if (!docs[made]) break;
    }
  }
  free(name);
  if (made == n) return docs;
  while (made > 0) sl_discard(s->ctx, docs[--made]);
  free(docs);
  return NULL;
}

void listen_submit(listen_stage *s, const listen_request *r, listen_body *body, void (*done)(void *user, int32_t rc),
                   void *user, listen_result *ret) {
  listen_records records = {0};
  listen_error error = {0};
  sl_doc **docs = NULL;
  *ret = (listen_result){.n = 1};
  body->data[body->len] = '\0';
  if (r->kind == LISTEN_PAGE) {
    if (body->len == 0) answer(ret, 400, "the body is empty: expected the bytes of a page");
  } else {
    int rc = listen_find_records(r->kind, body->data, body->len, (size_t)s->p->max_documents, &records, &error);
    ret->n = records.n;
    if (rc != 0) not_found(&s->rules, rc, &records, &error, ret);
  }
  if (ret->status == 0 && ret->n > 0) {
    docs = make_documents(s, r, &records, body, (uint32_t)ret->n);
    if (!docs) no_memory(ret);
  }
  free(records.items);
  if (ret->status) return;
  if (ret->n == 0) { /* an empty array: nothing to keep */
    done(user, SL_OK);
    return;
  }
  int32_t rc = s->spool->put(s->ctx, docs, (uint32_t)ret->n, done, user);
  free(docs);
  if (rc != SL_OK) refused(rc, ret);
}
