/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transform: the page of each document.
 *
 * A URL is claimed in the state when its request begins and noted as fetched when the page is there. Both belong to the
 * document: what never ends was never fetched. A claim that fails is taken back, so that the next document with the URL
 * has its turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/jptr.h"
#include "fetch.h"

#define BUCKETS 1024
/* How much longer than the window validators are kept. */
#define VALIDATORS_NS (INT64_C(30) * 86400 * 1000000000)

enum { MISSING_REJECT, MISSING_DROP };
enum { UNCHANGED_DROP, UNCHANGED_PASS };

typedef struct page_params {
  const char *url;
  int64_t window;
  int32_t missing, unchanged;
  web_params web;
} page_params;

static const sl_param params_table[] = {
    SL_PARAM(page_params, url, SL_T_POINTER, SL_PF_REQUIRED | SL_PF_READS, NULL, NULL,
             "Where the document has the URL of its page."),
    SL_PARAM(page_params, window, SL_T_DURATION, 0, "7d", "0..3660d",
             "A URL that was fetched less than this ago is not fetched again: its document is dropped. 0: always "
             "fetched, but asked for conditionally."),
    SL_PARAM(page_params, unchanged, SL_T_ENUM, 0, "drop", "drop|pass",
             "What becomes of a document whose page is the same as last time: dropped, or passed on without a page."),
    SL_PARAM(page_params, missing, SL_T_ENUM, 0, "reject", "reject|drop",
             "What becomes of a document whose page cannot be had for good (404, robots.txt, too large, a private "
             "address): a dead letter, or dropped."),
    WEB_PARAMS(page_params, web),
};

static const sl_field fields_table[] = {
    {"/http", SL_C_WRITES, SL_J_OBJECT, "url, final_url, status, fetched_at, etag, last_modified, redirects"},
};

static int32_t contract(const void *params, sl_contract *out) {
  const page_params *p = params;
  out->add(out, "@payload", p->unchanged == UNCHANGED_PASS ? SL_C_WRITES_MAYBE : SL_C_WRITES, 0);
  return SL_OK;
}

typedef struct page_stage page_stage;

/* One document that waits for its page. */
typedef struct page_item {
  struct page_item *next; /* bucket by ticket */
  page_stage *stage;
  uint64_t ticket, fetch;
  sl_doc *doc;
  int64_t known_at;
  char *old; /* the record that was there, NULL: none */
  size_t old_len;
  char key[FETCH_KEY_MAX];
} page_item;

struct page_stage {
  const page_params *p;
  jptr *url;
  web_client *client;
  const sl_kv *kv;
  fetch_memory *memory;
  page_item *items[BUCKETS];
};

/* ---- what was seen ----------------------------------------------------------------------------------------------- */

static void put_record(sl_ctx *ctx, const page_item *i, const char *data, size_t len) {
  const page_stage *s = i->stage;
  const sl_bytes key = {i->key, strlen(i->key)}, value = {data, len};
  /* A note that cannot be kept costs another request. */
  if (data)
    (void)s->kv->put(ctx, i->doc, &key, &value, s->p->window + VALIDATORS_NS);
  else
    (void)s->kv->remove(ctx, i->doc, &key);
}

static void note(sl_ctx *ctx, const page_item *i, const fetch_record *r) {
  char *data = NULL;
  size_t len = 0;
  if (!i->key[0]) return;
  if (!i->stage->kv) {
    if (i->stage->memory) fetch_memory_put(i->stage->memory, i->key, r->at ? r->at : sl_now(ctx));
    return;
  }
  if (fetch_record_write(r, &data, &len)) return;
  put_record(ctx, i, data, len);
  free(data);
}

static void take_back(sl_ctx *ctx, const page_item *i) {
  if (!i->key[0]) return;
  if (i->stage->kv)
    put_record(ctx, i, i->old, i->old_len);
  else if (i->stage->memory)
    fetch_memory_put(i->stage->memory, i->key, i->known_at);
}

/* What is known about the URL. 1: it is not to be fetched; 0: go on. */
static int look_up(sl_ctx *ctx, page_item *i, fetch_record *r, char **hold) {
  const page_stage *s = i->stage;
  int64_t now = sl_now(ctx);
  int32_t own = 0;
  if (!s->kv) {
    i->known_at = s->memory ? fetch_memory_get(s->memory, i->key) : 0;
    return i->known_at && s->p->window && now - i->known_at < s->p->window;
  }
  const sl_bytes key = {i->key, strlen(i->key)};
  sl_bytes value;
  if (s->kv->get(ctx, i->doc, &key, &value, &own)) return 0;
  if (fetch_record_read(value.data, value.len, r, hold)) return 0;
  /* A claim of its own is one of an earlier attempt. */
  if (r->cursor) return !own && s->p->window;
  if (s->p->window && r->at && now - r->at < s->p->window) return 1;
  i->old = malloc(value.len);
  if (i->old) memcpy(i->old, value.data, i->old_len = value.len);
  return 0;
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

static void item_free(page_item *i) {
  free(i->old);
  free(i);
}

static void unlink_item(page_item *i) {
  page_item **at = &i->stage->items[i->ticket % BUCKETS];
  while (*at && *at != i) at = &(*at)->next;
  if (*at) *at = i->next;
}

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_V_RETRY;
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static int32_t describe(sl_ctx *ctx, page_item *i, web_result *r) {
  cJSON *http = fetch_describe(r), *body = http ? sl_body_edit(ctx, i->doc) : NULL;
  if (!body) {
    cJSON_Delete(http);
    return no_memory(ctx);
  }
  return fetch_put(body, "http", http) ? no_memory(ctx) : SL_V_OK;
}

static int32_t arrived(sl_ctx *ctx, page_item *i, web_result *r) {
  int32_t verdict = describe(ctx, i, r);
  fetch_record record = fetch_record_of(r, 0);
  if (verdict != SL_V_OK) return verdict;
  note(ctx, i, &record); /* by the key that the document came with */
  return fetch_set_page(ctx, i->doc, i->stage->client, r) ? SL_V_RETRY : SL_V_OK;
}

static int32_t same(sl_ctx *ctx, page_item *i, web_result *r) {
  fetch_record record = {0};
  char *hold = NULL;
  if (i->old) (void)fetch_record_read(i->old, i->old_len, &record, &hold);
  record.at = r->fetched_at;
  if (r->etag) record.etag = r->etag;
  if (r->last_modified) record.last_modified = r->last_modified;
  note(ctx, i, &record);
  free(hold);
  if (i->stage->p->unchanged == UNCHANGED_DROP) return SL_V_DROP;
  int32_t verdict = describe(ctx, i, r);
  if (verdict == SL_V_OK) sl_set_payload(ctx, i->doc, NULL, 0, NULL, NULL, NULL);
  return verdict;
}

static int32_t failed(sl_ctx *ctx, page_item *i, const web_result *r) {
  if (!r->temporary) take_back(ctx, i);
  if (!r->temporary && i->stage->p->missing == MISSING_DROP) return SL_V_DROP;
  fetch_fail(ctx, NULL, r);
  return r->temporary ? SL_V_RETRY : SL_V_REJECT;
}

static void on_page(sl_ctx *ctx, void *user, web_result *r) {
  page_item *i = user;
  uint64_t ticket = i->ticket;
  int32_t verdict = SL_V_OK;
  unlink_item(i);
  fetch_count(ctx, r);
  if (r->outcome == WEB_OK)
    verdict = arrived(ctx, i, r);
  else if (r->outcome == WEB_UNCHANGED)
    verdict = same(ctx, i, r);
  else
    verdict = failed(ctx, i, r);
  if (verdict == SL_V_RETRY) take_back(ctx, i);
  item_free(i);
  sl_complete(ctx, ticket, verdict);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static int32_t begin(sl_ctx *ctx, page_item *i, const char *url, const fetch_record *known) {
  page_stage *s = i->stage;
  const fetch_record claim = {.at = known->at, .cursor = 1};
  web_request request = {.url = url, .doc = i->doc, .done = on_page, .user = i};
  if (i->old) {
    request.etag = known->etag;
    request.last_modified = known->last_modified;
    request.validated_url = known->final_url;
    request.sha256 = known->sha256;
  }
  i->fetch = web_fetch(s->client, &request);
  if (!i->fetch) return no_memory(ctx);
  note(ctx, i, &claim);
  i->ticket = sl_ticket(ctx);
  i->next = s->items[i->ticket % BUCKETS];
  s->items[i->ticket % BUCKETS] = i;
  return SL_V_PENDING;
}

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  page_stage *s = stage;
  (void)lane;
  const cJSON *body = sl_body(ctx, doc);
  if (!body) return no_memory(ctx);
  const cJSON *url = jptr_get(s->url, body);
  if (!cJSON_IsString(url)) {
    sl_fail(ctx, SL_EINVAL, "expected the URL of a page as a string", s->p->url,
            "a document without one can be kept "
            "out with `when: { path: …, exists: true }`");
    return SL_V_REJECT;
  }
  page_item *i = calloc(1, sizeof *i);
  if (!i) return no_memory(ctx);
  fetch_record known = {.etag = "", .last_modified = "", .sha256 = "", .final_url = ""};
  char *hold = NULL;
  i->stage = s;
  i->doc = doc;
  if (!fetch_key(ctx, "u:", url->valuestring, i->key)) i->key[0] = '\0';
  int32_t verdict = SL_V_DROP;
  if (i->key[0] && look_up(ctx, i, &known, &hold))
    sl_count(ctx, "seen", 1);
  else
    verdict = begin(ctx, i, url->valuestring, &known);
  free(hold);
  if (verdict != SL_V_PENDING) item_free(i);
  return verdict;
}

static void cancel(sl_ctx *ctx, void *stage, void *lane, uint64_t ticket) {
  page_stage *s = stage;
  page_item *i = s->items[ticket % BUCKETS];
  (void)ctx;
  (void)lane;
  while (i && i->ticket != ticket) i = i->next;
  if (!i) return;
  unlink_item(i);
  web_cancel(s->client, i->fetch);
  item_free(i);
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  page_stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (s) s->p = params;
  if (!s || !(s->url = jptr_new(s->p->url))) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  return web_client_new(ctx, &s->p->web, &s->client);
}

static int32_t start(sl_ctx *ctx, void *stage) {
  page_stage *s = stage;
  s->kv = sl_extension(ctx, SL_EXT_KV);
  if (!s->kv && s->p->window && !s->memory) s->memory = fetch_memory_new();
  return web_client_start(s->client, ctx);
}

static void stop(sl_ctx *ctx, void *stage) {
  page_stage *s = stage;
  (void)ctx;
  web_client_stop(s->client);
  for (size_t b = 0; b < BUCKETS; b++)
    while (s->items[b]) {
      page_item *i = s->items[b];
      s->items[b] = i->next;
      item_free(i);
    }
}

static void destroy(void *stage) {
  page_stage *s = stage;
  if (!s) return;
  web_client_free(s->client);
  fetch_memory_free(s->memory);
  free(s->url);
  free(s);
}

const sl_stage_type fetch_http_page_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "page",
    .summary = "Fetches the page that each document names",
    .help = "`url: /link` says where the URL stands. The page becomes the payload, `/http` says what was fetched; the "
            "other fields stay. Thousands may wait at a time (`in_flight:`), while each host is asked at its own pace.",
    .flags = SL_F_ASYNC,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(page_params),
    .fields = fields_table,
    .n_fields = sizeof fields_table / sizeof *fields_table,
    .field_size = sizeof(sl_field),
    .contract = contract,
    .create = create,
    .start = start,
    .process = process,
    .cancel = cancel,
    .stop = stop,
    .destroy = destroy,
};
