/* SPDX-License-Identifier: Apache-2.0 */
/* The stage `extract`: reads /text, writes /entities, /directives, /quotes and /changes. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sluice/plugin.h>

#include "annot.h"
#include "output.h"

typedef struct params {
  sl_list types;    /* const char *, checked in create */
  sl_list lexicons; /* const char *, paths */
  int32_t directives;
  int32_t quotes;
  int32_t changes;
} params;

typedef struct stage {
  const params *p;
  ex_lex *lex;
  uint32_t types;
  void (*free)(void *); /* destroy has no context */
} stage;

typedef struct lane {
  ex_doc doc;
  ex_vec borders; /* ex_span */
} lane;

static const sl_param param_table[] = {
    SL_PARAM(
        params, types, SL_T_STRING, SL_PF_LIST | SL_PF_NONEMPTY, "[PERSON, ROLE, ORG, LOC, DATE, LEGAL_REF, QUANTITY]",
        NULL,
        "Entity types to write. What is left out is still used to find the rest, and is null where it is referred to."),
    SL_PARAM(params, directives, SL_T_BOOL, 0, "true", NULL,
             "Finds who orders whom to do what until when; false writes []."),
    SL_PARAM(params, quotes, SL_T_BOOL, 0, "true", NULL, "Finds quotations and reported speech; false writes []."),
    SL_PARAM(params, changes, SL_T_BOOL, 0, "true", NULL, "Writes /changes: from one quantity to another."),
    SL_PARAM(params, lexicons, SL_T_PATH, SL_PF_LIST, "[]", NULL,
             "Lexicon files, or folders of *.txt, read after the built-in ones; they add forms, change them, or take "
             "out with `!form`."),
};

static const sl_field fields[] = {
    {"/text", SL_C_READS, SL_J_STRING, "the text, UTF-8 NFC"},
    {"/sentences", SL_C_READS_MAYBE, SL_J_ARRAY, "start and end of each sentence; found here if they are not there"},
    {"/published", SL_C_READS_MAYBE, 0, "YYYY-MM-DD…: the year of dates that have none"},
    {"/entities", SL_C_WRITES, SL_J_ARRAY, "id, type, start, end, text, norm and what the type has"},
    {"/directives", SL_C_WRITES, SL_J_ARRAY, "speaker, verb, strength, addressees, content, deadline"},
    {"/quotes", SL_C_WRITES, SL_J_ARRAY, "start, end, text, speaker, verb, direct"},
    {"/changes", SL_C_WRITES_MAYBE, SL_J_ARRAY, "from and to: entities; what"},
};

/* ---- the shared part ----------------------------------------------------------------------------------------------
 */

static int32_t out_of_memory(sl_ctx *ctx, const char *what) {
  sl_fail(ctx, SL_ENOMEM, what, NULL, NULL);
  return SL_ENOMEM;
}

static int32_t read_types(sl_ctx *ctx, const params *p, uint32_t *ret) {
  static const char *const names[] = {"PERSON", "ROLE", "ORG", "LOC", "DATE", "LEGAL_REF", "QUANTITY"};
  const char *const *given = p->types.items;
  *ret = 0;
  for (uint32_t i = 0; i < p->types.count; i++) {
    uint32_t bit = 0;
    for (uint32_t k = 0; k < E_TYPES; k++)
      if (strcmp(given[i], names[k]) == 0) bit = 1u << k;
    if (!bit) {
      char text[256];
      snprintf(text, sizeof(text), "types: unknown entity type \"%.64s\"", given[i]);
      sl_fail(ctx, SL_EINVAL, text, NULL, "known are PERSON, ROLE, ORG, LOC, DATE, LEGAL_REF, QUANTITY");
      return SL_EINVAL;
    }
    *ret |= bit;
  }
  return 0;
}

static int32_t read_builtin(sl_ctx *ctx, ex_lex *lex) {
  char msg[2048];
  int rc = ex_lex_read_builtin(lex, msg, sizeof(msg));
  if (rc == SL_ENOMEM) return out_of_memory(ctx, "memory is out while the lexicons of extract are read");
  if (rc == 0) return 0;
  sl_fail(ctx, SL_EBUG, "a lexicon inside the plugin is damaged", msg, "build or install the plugin again");
  return SL_EBUG;
}

static int32_t read_own(sl_ctx *ctx, const params *p, ex_lex *lex) {
  char msg[4096];
  const char *const *paths = p->lexicons.items;
  for (uint32_t i = 0; i < p->lexicons.count; i++) {
    int rc = ex_lex_read_path(lex, paths[i], msg, sizeof(msg));
    if (rc == SL_ENOMEM) return out_of_memory(ctx, "memory is out while a lexicon is read");
    if (rc == 0) continue;
    sl_fail(ctx, rc, "a lexicon cannot be used", msg, "see data/README.md of the plugin extract for the format");
    return rc;
  }
  return 0;
}

static int32_t create(sl_ctx *ctx, const void *p, void **ret_stage) {
  stage *st = sl_alloc(ctx, sizeof(*st));
  if (!st) return out_of_memory(ctx, "memory is out while extract is created");
  *st = (stage){.p = p, .lex = ex_lex_new(), .free = ctx->host->free};
  *ret_stage = st;
  if (!st->lex) return out_of_memory(ctx, "memory is out while extract is created");
  int32_t rc = read_types(ctx, p, &st->types);
  if (rc == 0) rc = read_builtin(ctx, st->lex);
  return rc == 0 ? read_own(ctx, p, st->lex) : rc;
}

static void destroy(void *stage_) {
  stage *st = stage_;
  if (!st) return;
  ex_lex_free(st->lex);
  st->free(st);
}

static int32_t lane_open(sl_ctx *ctx, void *stage_, void **ret_lane) {
  const stage *st = stage_;
  lane *l = sl_alloc(ctx, sizeof(*l));
  if (!l) return out_of_memory(ctx, "memory is out while a lane of extract is opened");
  memset(l, 0, sizeof(*l));
  ex_doc_init(&l->doc, st->lex);
  *ret_lane = l;
  return 0;
}

static void lane_close(sl_ctx *ctx, void *stage_, void *lane_) {
  lane *l = lane_;
  (void)stage_;
  if (!l) return;
  cJSON_free(l->borders.items);
  ex_doc_done(&l->doc);
  sl_free(ctx, l);
}

/* ---- a document ---------------------------------------------------------------------------------------------------
 */

static int32_t reject(sl_ctx *ctx, int32_t code, const char *message, const char *hint) {
  sl_fail(ctx, code, message, NULL, hint);
  return SL_V_REJECT;
}

/* Memory that is out now may be there again later. */
static int32_t retry(sl_ctx *ctx, const char *message) {
  sl_fail(ctx, SL_ENOMEM, message, NULL, NULL);
  return SL_V_RETRY;
}

/* A byte offset of /sentences/k; -1 if it is none. */
static double offset_of(const cJSON *sentence, const char *key) {
  const cJSON *v = cJSON_GetObjectItemCaseSensitive(sentence, key);
  return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble == floor(v->valuedouble) ? v->valuedouble : -1;
}

/* Reads /sentences into l->borders. Returns SL_V_OK, or REJECT with the pointer of what is wrong. */
static int32_t read_sentences(sl_ctx *ctx, lane *l, const cJSON *list, size_t len) {
  char text[256];
  l->borders.n = 0;
  if (!list) return SL_V_OK;
  if (!cJSON_IsArray(list))
    return reject(ctx, SL_EINVAL, "/sentences: expected an array",
                  "take the field out or put `segment` before `extract`");
  const cJSON *item;
  double last = 0;
  cJSON_ArrayForEach(item, list) {
    double start = offset_of(item, "start"), end = offset_of(item, "end");
    if (start < last || end < start || end > (double)len) {
      snprintf(text, sizeof(text), "/sentences/%u: expected start <= end <= %zu, in order, found start %g, end %g",
               l->borders.n, len, start, end);
      return reject(ctx, SL_EINVAL, text,
                    "the offsets are bytes into /text: run `segment` again after /text was changed");
    }
    last = end;
    ex_span *s = ex_push(&l->doc, &l->borders, sizeof(*s));
    if (!s) return retry(ctx, "memory is out while sentences are read");
    *s = (ex_span){(uint32_t)start, (uint32_t)end};
  }
  return SL_V_OK;
}

static int32_t put(sl_ctx *ctx, cJSON *body, const char *key, cJSON *value) {
  cJSON_DeleteItemFromObjectCaseSensitive(body, key);
  if (cJSON_AddItemToObject(body, key, value)) return SL_V_OK;
  cJSON_Delete(value);
  return retry(ctx, "memory is out while annotations are written");
}

static int32_t write_body(sl_ctx *ctx, const stage *st, const lane *l, sl_doc *doc) {
  cJSON *list[4] = {NULL, NULL, NULL, NULL};
  static const char *const keys[] = {"entities", "directives", "quotes", "changes"};
  cJSON **changes = st->p->changes ? &list[3] : NULL;
  if (ex_output(&l->doc, st->types, &list[0], &list[1], &list[2], changes) != 0)
    return retry(ctx, "memory is out while annotations are written");
  cJSON *body = sl_body_edit(ctx, doc);
  int32_t verdict = body ? SL_V_OK : SL_V_RETRY;
  for (int i = 0; i < 4; i++) {
    if (!list[i]) continue;
    if (verdict == SL_V_OK) {
      verdict = put(ctx, body, keys[i], list[i]);
    } else {
      cJSON_Delete(list[i]);
    }
  }
  return verdict;
}

static int32_t process(sl_ctx *ctx, void *stage_, void *lane_, sl_doc *doc) {
  const stage *st = stage_;
  lane *l = lane_;
  const cJSON *body = sl_body(ctx, doc);
  if (!body) return SL_V_RETRY;
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(body, "text");
  if (!cJSON_IsString(text))
    return reject(ctx, SL_EINVAL, "/text: expected a string", "put `clean` before `extract`, or name the text `text`");
  size_t len = strlen(text->valuestring);
  int32_t verdict = read_sentences(ctx, l, cJSON_GetObjectItemCaseSensitive(body, "sentences"), len);
  if (verdict != SL_V_OK) return verdict;
  const cJSON *published = cJSON_GetObjectItemCaseSensitive(body, "published");
  uint32_t what = (st->p->directives ? EX_RUN_DIRECTIVES : 0) | (st->p->quotes ? EX_RUN_QUOTES : 0);
  int rc = ex_annotate(&l->doc, text->valuestring, len, l->borders.items, l->borders.n,
                       cJSON_IsString(published) ? published->valuestring : NULL, what);
  if (rc == SL_ELIMIT) return reject(ctx, SL_ELIMIT, "/text: expected less than 2 GiB", "split the text");
  if (rc != 0) return retry(ctx, "memory is out while a text is annotated");
  return write_body(ctx, st, l, doc);
}

static const sl_stage_type extract_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "extract",
    .summary =
        "People, roles, bodies, places, dates, documents, quantities, directives and quotations in Vietnamese news.",
    .flags = SL_F_PURE,
    .params = param_table,
    .n_params = sizeof(param_table) / sizeof(param_table[0]),
    .param_size = sizeof(sl_param),
    .params_size = sizeof(params),
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .field_size = sizeof(sl_field),
    .create = create,
    .lane_open = lane_open,
    .process = process,
    .lane_close = lane_close,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&extract_type};

static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .min_host_minor = SL_ABI_MINOR,
    .n_types = 1,
    .name = "extract",
    .version = "0.1.0",
    .license = "Apache-2.0 AND MIT",
    .description = "Facts in Vietnamese news: entities, directives, quotations",
    .cjson_version = cJSON_Version,
    .types = types,
};

SL_EXPORT const sl_plugin *sluice_plugin(void) { return &plugin; }
