/* SPDX-License-Identifier: Apache-2.0 */
/* sink_sqlite: documents, entities, people and directives in an SQLite database with full-text search. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sluice/plugin.h>

#include "../common/jptr.h"
#include "store.h"

#define SECOND 1000000000LL

struct params {
  const char *path, *key;
  int32_t on_conflict, synchronous;
  int64_t busy_timeout;
};

struct stage {
  const struct params *p;
  jptr *key;
  store *store;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, path, SL_T_PATH, SL_PF_REQUIRED | SL_PF_OUTPUT | SL_PF_NONEMPTY, NULL, NULL,
             "The database. Its folders, the file and the tables are made."),
    SL_PARAM(struct params, key, SL_T_POINTER, SL_PF_READS, NULL, NULL,
             "Field (string or number) that tells documents apart. Without it: where the document came from."),
    SL_PARAM(struct params, on_conflict, SL_T_ENUM, 0, "replace", "replace|keep|error",
             "A document whose key is stored already: replace the old one, keep the old one, or reject the new one."),
    SL_PARAM(
        struct params, synchronous, SL_T_ENUM, SL_PF_ADVANCED, "full", "full|normal",
        "full: what is acknowledged survives a loss of power; normal: only a crash of the program, and is faster."),
    SL_PARAM(struct params, busy_timeout, SL_T_DURATION, SL_PF_ADVANCED, "5s", "0s..10m",
             "How long to wait for another program that writes to the database, before the batch is retried."),
};

static const sl_field fields[] = {
    {"/id", SL_C_READS_MAYBE, 0, "column id"},
    {"/title", SL_C_READS_MAYBE, 0, "column title"},
    {"/published", SL_C_READS_MAYBE, 0, "column published"},
    {"/lang", SL_C_READS_MAYBE, 0, "column lang"},
    {"/summary", SL_C_READS_MAYBE, 0, "column summary: the string, or its text"},
    {"/text", SL_C_READS_MAYBE, 0, "column text, and the search index"},
    {"/entities", SL_C_READS_MAYBE, SL_J_ARRAY, "tables entities and people"},
    {"/directives", SL_C_READS_MAYBE, SL_J_ARRAY, "table directives"},
};

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  struct stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (s) {
    s->p = params;
    s->key = s->p->key ? jptr_new(s->p->key) : NULL;
    if (!s->p->key || s->key) return SL_OK;
  }
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

static int32_t fail(sl_ctx *ctx, const store_error *e) {
  sl_fail(ctx, e->code, e->message, e->detail, e->hint);
  return e->code;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  store_error e = {0};
  sqlite3 *db;
  if (store_open(s->p->path, s->p->busy_timeout / (SECOND / 1000), s->p->synchronous == 0, &db, &e) != SL_OK)
    return fail(ctx, &e);
  s->store = store_new(db, s->p->on_conflict, &e);
  return s->store ? SL_OK : fail(ctx, &e);
}

/* The key of a document: its record key, or the field that the user named. NULL after sl_fail_doc. */
static const char *key_of(sl_ctx *ctx, struct stage *s, sl_doc *doc, const cJSON *body, char number[64]) {
  if (!s->key) {
    const char *key = sl_key(ctx, doc);
    if (*key) return key;
    sl_fail_doc(ctx, doc, SL_EINVAL, "the document has no origin to tell it by", NULL, "name a field of it: key: /id");
    return NULL;
  }
  const cJSON *v = jptr_get(s->key, body);
  if (cJSON_IsString(v) && *v->valuestring) return v->valuestring;
  if (cJSON_IsNumber(v)) {
    if (v->valuestring) return v->valuestring;
    snprintf(number, 64, "%.17g", v->valuedouble);
    return number;
  }
  sl_fail_doc(ctx, doc, SL_EINVAL, "expected a string or a number as the key", s->p->key,
              "give every document one, or leave key: out");
  return NULL;
}

/* Stores one document: a verdict, or SL_V_FATAL if the transaction has failed (with e set). */
static int32_t put(sl_ctx *ctx, struct stage *s, sl_doc *doc, const char *now, store_error *e) {
  char number[64];
  sl_bytes text;
  sl_origin origin;
  const cJSON *body = sl_body(ctx, doc);
  int32_t rc = body ? sl_text(ctx, doc, &text) : SL_ENOMEM;
  if (rc < 0) {
    sl_fail_doc(ctx, doc, rc, rc == SL_ENOMEM ? "memory is out" : "the document cannot be printed as JSON", NULL, NULL);
    return rc == SL_ENOMEM ? SL_V_RETRY : SL_V_REJECT;
  }
  const char *key = key_of(ctx, s, doc, body, number);
  if (!key) return SL_V_REJECT;
  sl_get_origin(ctx, doc, &origin);
  store_doc d = {body, text.data, text.len, key, origin.uri, origin.revision, now, s->key == NULL};
  int answer = store_put(s->store, &d, e);
  if (answer == STORE_OK) return SL_V_OK;
  if (answer == STORE_FAILED) return SL_V_FATAL;
  sl_fail_doc(ctx, doc, e->code, e->message, e->detail, e->hint);
  return SL_V_REJECT;
}

static void stop(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  (void)ctx;
  store_free(s->store);
  s->store = NULL;
}

static int32_t write_batch(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  struct stage *s = stage;
  store_error e = {0};
  char now[40];
  struct tm tm;
  time_t seconds = (time_t)(sl_now(ctx) / SECOND);
  (void)lane;
  gmtime_r(&seconds, &tm);
  strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &tm);
  if (s->store && store_moved(s->store)) {
    sl_log(ctx, SL_LOG_WARN, "the database was taken away from its path: a new one is begun there");
    stop(ctx, stage);
  }
  int32_t rc = s->store ? SL_OK : start(ctx, stage);
  if (rc != SL_OK) return rc;
  if (store_begin(s->store, &e) != STORE_OK) return fail(ctx, &e);
  for (uint32_t i = 0; i < n; i++) {
    verdicts[i] = put(ctx, s, docs[i], now, &e);
    if (verdicts[i] != SL_V_FATAL) continue;
    store_rollback(s->store);
    return fail(ctx, &e);
  }
  return store_commit(s->store, &e) == STORE_OK ? SL_OK : fail(ctx, &e);
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  store_free(s->store);
  free(s->key);
  free(s);
}

static const sl_stage_type sink_sqlite_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "sink_sqlite",
    .summary = "Stores documents, entities, people and directives in an SQLite database with full-text search",
    .help = "Tables documents, entities, people, directives; full-text search in `search`.\n"
            "Views v_documents, v_people, v_directives, v_mentions. Each batch is one transaction.",
    .flags = SL_F_SERIAL,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .n_fields = sizeof fields / sizeof *fields,
    .fields = fields,
    .field_size = sizeof(sl_field),
    .create = create,
    .start = start,
    .write = write_batch,
    .stop = stop,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&sink_sqlite_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "sink_sqlite",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Stores documents in an SQLite database",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
