/* SPDX-License-Identifier: Apache-2.0 */
/* sink_jsonl: one document a line, one write a batch, never a torn line. */
#include <stdlib.h>
#include <string.h>

#include <sluice/plugin.h>

#include "../common/filesink.h"
#include "offsets.h"

#define PIECE ((size_t)256 << 10) /* a batch above this is written in pieces, so that the buffer stays in the cache */

struct params {
  filesink_params file;
  int32_t torn, offsets;
  int64_t rotate;
};

struct stage {
  const struct params *p;
  filesink file;
  jsonl_buf buf;
};

static const sl_param params_table[] = {
    FILESINK_PARAM_PATH(struct params),
    FILESINK_PARAM_MODE(struct params),
    SL_PARAM(struct params, rotate, SL_T_SIZE, 0, "0", "0..",
             "Begin a new file before this many bytes are passed: news.jsonl becomes news.1.jsonl, news.2.jsonl, … "
             "0: never."),
    FILESINK_PARAM_FSYNC(struct params),
    SL_PARAM(
        struct params, offsets, SL_T_ENUM, 0, "bytes", "bytes|codepoints|utf16",
        "Unit of the offsets into /text: bytes as in the document, code points (Python) or UTF-16 units (JavaScript)."),
    SL_PARAM(struct params, torn, SL_T_ENUM, SL_PF_ADVANCED, "refuse", "refuse|cut|end",
             "What to do with a file whose last line has no end: refuse to start, cut that line off, or end it."),
    FILESINK_PARAM_FOREIGN(struct params),
};

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const struct params *p = params;
  if (p->file.mode && p->rotate > 0) {
    sl_fail(ctx, SL_EINVAL, "mode: replace and rotate cannot be used together", NULL, "leave out one of the two");
    return SL_EINVAL;
  }
  struct stage *s = calloc(1, sizeof *s);
  if (!s) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  s->p = p;
  *ret_stage = s;
  return SL_OK;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  return filesink_start(&s->file, ctx, &s->p->file, s->p->torn, s->p->rotate);
}

/* Appends one line to the buffer; a verdict. */
static int32_t print(sl_ctx *ctx, struct stage *s, sl_doc *doc) {
  sl_bytes text = {"", 0};
  size_t before = s->buf.len;
  int rc;
  if (s->p->offsets == OFFSETS_BYTES) {
    int32_t err = sl_text(ctx, doc, &text);
    if (err < 0) {
      sl_fail_doc(ctx, doc, err, "the document cannot be printed as JSON", NULL, NULL);
      return err == SL_ENOMEM ? SL_V_RETRY : SL_V_REJECT;
    }
    rc = jsonl_put(&s->buf, text.data, text.len);
  } else {
    const cJSON *body = sl_body(ctx, doc);
    rc = body ? jsonl_print_offsets(&s->buf, body, s->p->offsets) : -1;
  }
  if (rc == 0) rc = jsonl_put(&s->buf, "\n", 1);
  if (rc == 0) return SL_V_OK;
  s->buf.len = before;
  sl_fail_doc(ctx, doc, SL_ENOMEM, "memory is out", NULL, "lower budget: or batch:");
  return SL_V_RETRY;
}

/* Writes the first `len` bytes of the buffer, the lines of docs [from, to); those that were printed get RETRY if it
 * fails. */
static int32_t put_piece(sl_ctx *ctx, struct stage *s, size_t len, int32_t *verdicts, const uint32_t range[2]) {
  int32_t rc = len ? filesink_append(&s->file, ctx, s->buf.data, len) : SL_OK;
  memmove(s->buf.data, s->buf.data + len, s->buf.len - len);
  s->buf.len -= len;
  if (rc == SL_OK) return SL_OK;
  for (uint32_t i = range[0]; i < range[1]; i++)
    if (verdicts[i] == SL_V_OK) verdicts[i] = SL_V_RETRY;
  return rc;
}

static void put_batch(sl_ctx *ctx, struct stage *s, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  size_t limit = s->p->rotate > 0 && s->p->rotate < (int64_t)PIECE ? (size_t)s->p->rotate : PIECE;
  uint32_t range[2] = {0, 0}; /* documents whose lines are in the buffer */
  s->buf.len = 0;
  for (uint32_t i = 0; i < n; i++) {
    size_t before = s->buf.len;
    verdicts[i] = print(ctx, s, docs[i]);
    if (s->buf.len > limit && before > 0) {
      range[1] = i;
      if (put_piece(ctx, s, before, verdicts, range) != SL_OK) {
        for (uint32_t k = i; k < n; k++) verdicts[k] = SL_V_RETRY;
        return;
      }
      range[0] = i;
    }
  }
  range[1] = n;
  if (s->buf.len) put_piece(ctx, s, s->buf.len, verdicts, range);
}

static int32_t write_batch(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  struct stage *s = stage;
  (void)lane;
  put_batch(ctx, s, docs, n, verdicts);
  filesink_saved(&s->file, ctx, verdicts, n);
  return SL_OK;
}

static int32_t flush(sl_ctx *ctx, void *stage, void *lane, uint32_t why) {
  struct stage *s = stage;
  (void)lane;
  return filesink_flush(&s->file, ctx, why);
}

static void stop(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  filesink_stop(&s->file, ctx);
  free(s->buf.data);
  s->buf = (jsonl_buf){0};
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  filesink_drop(&s->file);
  free(s->buf.data);
  free(s);
}

static const sl_stage_type sink_jsonl_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "sink_jsonl",
    .summary = "Writes documents to a file, one JSON object a line",
    .flags = SL_F_TEXT | SL_F_SERIAL,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .create = create,
    .start = start,
    .write = write_batch,
    .flush = flush,
    .stop = stop,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&sink_jsonl_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "sink_jsonl",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Writes documents to a file, one JSON object a line",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
