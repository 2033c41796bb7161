/* SPDX-License-Identifier: Apache-2.0 */
/* @NAME@: writes documents to a file, one a line. Put your own work in its place. */
#include <errno.h>
#include <sluice/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parameters as the core parses them from `with:`. */
struct params {
  const char *path;
};

typedef struct stage {
  const struct params *params;
  FILE *file;
} stage;

static const sl_param params_table[] = {
    SL_PARAM(struct params, path, SL_T_PATH, SL_PF_REQUIRED | SL_PF_OUTPUT, NULL, NULL, "The file; written anew."),
};

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  stage *s = calloc(1, sizeof *s);
  (void)ctx;
  if (!s) return SL_ENOMEM;
  s->params = params;
  *ret_stage = s;
  return SL_OK;
}

/* What is exclusive, such as a file to write, is opened here and not in create. */
static int32_t start(sl_ctx *ctx, void *self) {
  stage *s = self;
  s->file = fopen(s->params->path, "wb");
  if (s->file) return SL_OK;
  sl_fail(ctx, SL_EIO, "cannot open the file for writing", s->params->path, strerror(errno));
  return SL_EIO;
}

/* A batch: one verdict for each document, so that a bad one does not fail its neighbours. They come in as OK. */
static int32_t write_batch(sl_ctx *ctx, void *self, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  stage *s = self;
  (void)lane;
  for (uint32_t i = 0; i < n; i++) {
    sl_bytes text;
    if (ctx->host->doc_text(ctx, docs[i], &text) != 0) {
      verdicts[i] = SL_V_RETRY;
      continue;
    }
    if (fwrite(text.data, 1, text.len, s->file) == text.len && fputc('\n', s->file) != EOF) continue;
    sl_fail_doc(ctx, docs[i], SL_EIO, "cannot write", s->params->path, strerror(errno));
    verdicts[i] = SL_V_RETRY;
  }
  return fflush(s->file) == 0 ? SL_OK : SL_EIO;
}

static void stop(sl_ctx *ctx, void *self) {
  stage *s = self;
  (void)ctx;
  if (s->file) fclose(s->file);
  s->file = NULL;
}

static const sl_stage_type stage_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "@NAME@",
    .summary = "Writes documents to a file, one a line",
    .flags = SL_F_TEXT,
    .params = params_table,
    .n_params = sizeof params_table / sizeof params_table[0],
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .field_size = sizeof(sl_field),
    .create = create,
    .start = start,
    .write = write_batch,
    .stop = stop,
    .destroy = free,
};

static const sl_stage_type *const types[] = {&stage_type};

static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .n_types = 1,
    .name = "@NAME@",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .description = "Writes documents to a file, one a line",
    .types = types,
};

const sl_plugin *sluice_plugin(void) { return &plugin; }
