/* SPDX-License-Identifier: Apache-2.0 */
/* keywords: the most frequent words of a segmented text, in /keywords. */
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <sluice/plugin.h>

#include "count.h"

/* What stands under `with:`, as the core parses it. */
struct params {
  int64_t top, min_count;
  sl_list stop;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, top, SL_T_INT, 0, "10", "1..1000", "Keywords per document."),
    SL_PARAM(struct params, min_count, SL_T_INT, 0, "2", "1..", "Words that are rarer are no keywords."),
    SL_PARAM(struct params, stop, SL_T_STRING, SL_PF_LIST, NULL, NULL, "Words that are never keywords, in any case."),
};

/* The contract: the core proves before the run that something upstream writes /sentences. */
static const sl_field fields[] = {
    {"/sentences", SL_C_READS, SL_J_ARRAY, "objects with `words`, as `segment` writes them"},
    {"/keywords", SL_C_WRITES, SL_J_ARRAY, "objects with `text` and `count`, the most frequent first"},
};

/* A lane has its own counter, so nothing needs a lock. */
typedef struct lane {
  counter *words;
  counted *best;
} lane;

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  (void)ctx;
  *ret_stage = (void *)(uintptr_t)params;
  return SL_OK;
}

static void lane_close(sl_ctx *ctx, void *stage, void *self) {
  lane *l = self;
  (void)ctx;
  (void)stage;
  if (!l) return;
  counter_free(l->words);
  free(l->best);
  free(l);
}

static int32_t lane_open(sl_ctx *ctx, void *stage, void **ret_lane) {
  const struct params *p = stage;
  const char *const *stop = p->stop.items;
  lane *l = calloc(1, sizeof *l);
  int good = l && (l->words = counter_new()) && (l->best = calloc((size_t)p->top, sizeof *l->best));
  for (uint32_t i = 0; good && i < p->stop.count; i++) good = !counter_stop(l->words, stop[i]);
  if (good) {
    *ret_lane = l;
    return SL_OK;
  }
  lane_close(ctx, stage, l);
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

static int count(sl_ctx *ctx, lane *l, const cJSON *sentences) {
  const cJSON *sentence;
  counter_clear(l->words);
  cJSON_ArrayForEach(sentence, sentences) {
    const cJSON *words = cJSON_GetObjectItemCaseSensitive(sentence, "words");
    if (!cJSON_IsString(words)) {
      sl_fail(ctx, SL_EINVAL, "expected an object with `words` in each of /sentences, found none", NULL,
              "run `segment` before this stage");
      return SL_V_REJECT;
    }
    if (counter_add(l->words, words->valuestring)) {
      sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
      return SL_V_RETRY;
    }
  }
  return SL_V_OK;
}

/* NULL when memory is out. */
static cJSON *as_json(const counted *best, size_t n) {
  cJSON *list = cJSON_CreateArray();
  for (size_t i = 0; list && i < n; i++) {
    cJSON *item = cJSON_CreateObject();
    if (!item || !cJSON_AddStringToObject(item, "text", best[i].text) ||
        !cJSON_AddNumberToObject(item, "count", best[i].count)) {
      cJSON_Delete(item);
      cJSON_Delete(list);
      return NULL;
    }
    cJSON_AddItemToArray(list, item);
  }
  return list;
}

static int32_t process(sl_ctx *ctx, void *stage, void *self, sl_doc *doc) {
  const struct params *p = stage;
  lane *l = self;
  const cJSON *before = sl_body(ctx, doc);
  if (!before) return SL_V_RETRY; /* memory is out; the host has said so */
  const cJSON *sentences = cJSON_GetObjectItemCaseSensitive(before, "sentences");
  if (!cJSON_IsArray(sentences)) {
    sl_fail(ctx, SL_EINVAL, "expected a list at /sentences, found none", NULL, "run `segment` before this stage");
    return SL_V_REJECT;
  }
  int32_t verdict = count(ctx, l, sentences);
  if (verdict != SL_V_OK) return verdict;
  size_t n = counter_best(l->words, (uint32_t)p->min_count, l->best, (size_t)p->top);
  cJSON *list = as_json(l->best, n);
  /* From here on nothing fails but for want of memory: the body is written last. */
  cJSON *body = list ? sl_body_edit(ctx, doc) : NULL;
  if (body) cJSON_DeleteItemFromObjectCaseSensitive(body, "keywords");
  if (body && cJSON_AddItemToObject(body, "keywords", list)) return SL_V_OK;
  cJSON_Delete(list);
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_V_RETRY;
}

static const sl_stage_type stage_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "keywords",
    .summary = "The most frequent words of a segmented text",
    .help =
        "Counts the words that `segment` found, whatever their case, and writes the most frequent ones to /keywords.",
    .flags = SL_F_PURE,
    .params = params_table,
    .n_params = sizeof params_table / sizeof params_table[0],
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .fields = fields,
    .n_fields = sizeof fields / sizeof fields[0],
    .field_size = sizeof(sl_field),
    .create = create,
    .lane_open = lane_open,
    .process = process,
    .lane_close = lane_close,
};

static const sl_stage_type *const types[] = {&stage_type};

static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .n_types = 1,
    .name = "keywords",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .description = "Keywords of a text",
    .cjson_version = cJSON_Version,
    .types = types,
};

SL_EXPORT const sl_plugin *sluice_plugin(void) { return &plugin; }
