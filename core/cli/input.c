/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One document from a file, made by the pipeline's own source.
 *
 * So that `trace` sees what `run` sees, a small pipeline is run: the source, with `paths` replaced, and a stage of our
 * own that keeps the document.
 */
#include "cli/input.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "conf/diag.h"
#include "doc/codec.h"
#include "run/engine.h"

#define MAX_BYTES ((size_t)256 << 20)
#define COLLECT "trace.collect"
#define NOWHERE "trace.nowhere"

typedef struct catcher {
  sl_registry *registry;
  uint64_t nth, seen;
  sl_doc *doc;      /* [own] */
  char reason[512]; /* of a document that the source rejected */
} catcher;

/* The stage has no parameters to pass it in; one trace at a time. */
static catcher *catching;

static int32_t collect(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)ctx, (void)stage, (void)lane;
  if (++catching->seen == catching->nth) catching->doc = sl_doc_share(doc);
  return SL_V_DROP;
}

static int32_t take_nothing(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  (void)ctx, (void)stage, (void)lane, (void)docs, (void)n, (void)verdicts;
  return 0;
}

static const sl_stage_type collect_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "collect",
    .summary = "Keeps one document",
    .flags = SL_F_SERIAL,
    .param_size = sizeof(sl_param),
    .field_size = sizeof(sl_field),
    .process = collect,
};

static const sl_stage_type nowhere_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "nowhere",
    .summary = "Takes nothing",
    .param_size = sizeof(sl_param),
    .field_size = sizeof(sl_field),
    .write = take_nothing,
};

static int resolve(void *user, const char *uses, const char *base, const char *const *path, uint32_t n_path,
                   const sl_stage_type **ret_type, const char **ret_path, const char **ret_build, sl_err *err) {
  int ours = strcmp(uses, COLLECT) == 0 || strcmp(uses, NOWHERE) == 0;
  if (!ours)
    return sl_registry_resolve(((catcher *)user)->registry, uses, base, path, n_path, ret_type, ret_path, ret_build,
                               err);
  *ret_type = strcmp(uses, COLLECT) == 0 ? &collect_type : &nowhere_type;
  *ret_path = *ret_build = "";
  return 0;
}

static void on_log(void *user, int32_t level, const char *stage, const char *text) {
  catcher *c = user;
  (void)stage;
  if (level <= SL_LOG_WARN && !c->reason[0]) (void)snprintf(c->reason, sizeof c->reason, "%s", text);
}

static cJSON *stage_json(const char *id, const char *uses) {
  cJSON *stage = cJSON_CreateObject();
  cJSON_AddStringToObject(stage, "id", id);
  cJSON_AddStringToObject(stage, "uses", uses);
  return stage;
}

/* The small pipeline as JSON, which is YAML. */
static int compose(const sl_pipeline *pipeline, const char *path, sl_buf *out, sl_err *err) {
  const sl_stage_conf *from = NULL;
  for (uint32_t i = 0; i < pipeline->n_stages && !from; i++)
    if (strcmp(pipeline->stages[i].type->name, "fetch_files") == 0) from = &pipeline->stages[i];
  cJSON *file = cJSON_CreateObject(), *stages = cJSON_AddArrayToObject(file, "stages");
  cJSON *source = stage_json("source", from ? from->uses : "fetch_files");
  cJSON *with = from && from->with ? sl_json_copy(from->with) : cJSON_CreateObject();
  cJSON_DeleteItemFromObjectCaseSensitive(with, "paths");
  cJSON_DeleteItemFromObjectCaseSensitive(with, "missing");
  cJSON_AddStringToObject(with, "paths", path);
  cJSON_AddItemToObject(source, "with", with);
  cJSON_AddItemToArray(stages, source);
  cJSON_AddItemToArray(stages, stage_json("collect", COLLECT));
  cJSON_AddItemToArray(stages, stage_json("nowhere", NOWHERE));
  cJSON_AddNumberToObject(file, "lanes", 1);
  int rc = sl_json_print_to(file, out, err);
  cJSON_Delete(file);
  return rc;
}

static int run_source(const sl_pipeline *small, catcher *c, sl_err *err) {
  sl_engine *engine = NULL;
  sl_run_opts opts = {.dry_run = 1, .limit = c->nth, .log = on_log, .log_user = c};
  catching = c;
  int rc = sl_engine_new(small, &opts, &engine, err);
  if (rc == 0) rc = sl_engine_run(engine, err);
  sl_engine_free(engine);
  catching = NULL;
  if (rc == 0 && !c->doc) {
    rc = sl_err_set(err, SL_ENOTFOUND, "expected document %llu of it, found %llu", (unsigned long long)c->nth,
                    (unsigned long long)c->seen);
    if (c->reason[0]) sl_err_detail(err, "%s", c->reason);
  }
  return rc;
}

static int read_file(const sl_pipeline *pipeline, const char *path, catcher *c, sl_err *err) {
  sl_buf text = {0};
  sl_pipeline *small = NULL;
  sl_load_opts opts = {.resolve = resolve, .resolve_user = c};
  char *full = sl_path_abs(path, NULL);
  sl_diags *diags = sl_diags_new();
  int rc = full && diags ? compose(pipeline, full, &text, err) : sl_err_set(err, SL_ENOMEM, "memory is out");
  if (rc == 0 && sl_pipeline_load_text(text.data, text.len, pipeline->file, &opts, diags, &small) != 0) {
    const sl_diag *first = sl_diags_count(diags) ? sl_diags_at(diags, 0) : NULL;
    rc = sl_err_set(err, SL_EINVAL, "cannot set up fetch_files: %s", first ? first->message : "unknown reason");
  }
  if (rc == 0) rc = run_source(small, c, err);
  sl_pipeline_free(small);
  sl_diags_free(diags);
  sl_mem_free(full);
  sl_buf_done(&text);
  return rc;
}

static int read_stdin(sl_doc *doc, sl_err *err) {
  static const sl_origin origin = {"stdin:", NULL, NULL};
  sl_buf buf = {0};
  char chunk[65536];
  size_t n;
  int rc = 0;
  while (buf.len <= MAX_BYTES && (n = fread(chunk, 1, sizeof chunk, stdin)) > 0) (void)sl_buf_add(&buf, chunk, n);
  if (ferror(stdin))
    rc = sl_err_set(err, SL_EIO, "cannot read standard input");
  else if (buf.len > MAX_BYTES)
    rc = sl_err_set(err, SL_ELIMIT, "expected at most %zu bytes", MAX_BYTES);
  else if (buf.failed)
    rc = sl_err_set(err, SL_ENOMEM, "memory is out");
  if (rc == 0) rc = sl_doc_set_origin(doc, &origin, err);
  if (rc == 0) rc = sl_doc_set_text(doc, buf.data ? buf.data : "", buf.len, NULL, NULL, err);
  sl_buf_done(&buf);
  return rc == 0 ? sl_doc_check(doc, err) : rc;
}

int sl_input_read(const sl_pipeline *pipeline, sl_registry *registry, const char *path, uint64_t nth, sl_doc **ret,
                  sl_err *err) {
  catcher c = {.registry = registry, .nth = nth};
  int rc;
  if (strcmp(path, "-") == 0) {
    c.doc = sl_doc_new();
    rc = c.doc ? read_stdin(c.doc, err) : sl_err_set(err, SL_ENOMEM, "memory is out");
  } else {
    rc = read_file(pipeline, path, &c, err);
  }
  if (rc != 0) {
    sl_doc_free(c.doc);
    return sl_err_prefix(err, "%s", path);
  }
  *ret = c.doc;
  return 0;
}
