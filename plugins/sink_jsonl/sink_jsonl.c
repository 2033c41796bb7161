/* SPDX-License-Identifier: Apache-2.0 */
/* sink_jsonl: one document a line, one write a batch, never a torn line. */
#include <stdlib.h>
#include <string.h>

#include <sluice/plugin.h>

#include "../common/outfile.h"
#include "offsets.h"

#define PIECE ((size_t)256 << 10) /* a batch above this is written in pieces, so that the buffer stays in the cache */

struct params {
  const char *path;
  int32_t mode, torn, fsync, offsets;
  int64_t rotate;
};

struct stage {
  const struct params *p;
  outfile *file;
  jsonl_buf buf;
  int32_t complete; /* flushed at the end of the input and nothing written or failed since */
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, path, SL_T_PATH, SL_PF_REQUIRED | SL_PF_OUTPUT | SL_PF_NONEMPTY, NULL, NULL,
             "The file to write. Its folders are made."),
    SL_PARAM(struct params, mode, SL_T_ENUM, 0, "append", "append|replace",
             "append adds to the file; replace writes a new one beside it that takes its place at the end of the run."),
    SL_PARAM(struct params, rotate, SL_T_SIZE, 0, "0", "0..",
             "Begin a new file before this many bytes are passed: news.jsonl becomes news.1.jsonl, news.2.jsonl, … "
             "0: never."),
    SL_PARAM(struct params, fsync, SL_T_ENUM, 0, "end", "never|batch|end",
             "When the file is forced to disk: never, after each batch, or at the end and when the pipeline drains."),
    SL_PARAM(
        struct params, offsets, SL_T_ENUM, 0, "bytes", "bytes|codepoints|utf16",
        "Unit of the offsets into /text: bytes as in the document, code points (Python) or UTF-16 units (JavaScript)."),
    SL_PARAM(struct params, torn, SL_T_ENUM, SL_PF_ADVANCED, "refuse", "refuse|cut|end",
             "What to do with a file whose last line has no end: refuse to start, cut that line off, or end it."),
};

static int32_t fail(sl_ctx *ctx, const outfile_error *e) {
  sl_fail(ctx, e->code, e->message, e->detail, *e->hint ? e->hint : NULL);
  return e->code;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const struct params *p = params;
  if (p->mode && p->rotate > 0) {
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
  const struct params *p = s->p;
  outfile_opts opts = {.path = p->path, .replace = p->mode, .torn = p->torn, .sync = p->fsync, .rotate = p->rotate};
  outfile_error e = {0};
  s->complete = 0;
  return outfile_open(&opts, &s->file, &e) == SL_OK ? SL_OK : fail(ctx, &e);
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
  outfile_error e = {0};
  int32_t rc = len ? outfile_append(s->file, s->buf.data, len, &e) : SL_OK;
  memmove(s->buf.data, s->buf.data + len, s->buf.len - len);
  s->buf.len -= len;
  if (rc == SL_OK) return SL_OK;
  fail(ctx, &e);
  for (uint32_t i = range[0]; i < range[1]; i++)
    if (verdicts[i] == SL_V_OK) verdicts[i] = SL_V_RETRY;
  return rc;
}

static int32_t write_batch(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  struct stage *s = stage;
  (void)lane;
  size_t limit = s->p->rotate > 0 && s->p->rotate < (int64_t)PIECE ? (size_t)s->p->rotate : PIECE;
  uint32_t range[2] = {0, 0}; /* documents whose lines are in the buffer */
  s->complete = 0;
  s->buf.len = 0;
  for (uint32_t i = 0; i < n; i++) {
    size_t before = s->buf.len;
    verdicts[i] = print(ctx, s, docs[i]);
    if (s->buf.len > limit && before > 0) {
      range[1] = i;
      if (put_piece(ctx, s, before, verdicts, range) != SL_OK) {
        for (uint32_t k = i; k < n; k++) verdicts[k] = SL_V_RETRY;
        return SL_OK;
      }
      range[0] = i;
    }
  }
  range[1] = n;
  if (s->buf.len) put_piece(ctx, s, s->buf.len, verdicts, range);
  return SL_OK;
}

static int32_t flush(sl_ctx *ctx, void *stage, void *lane, uint32_t why) {
  struct stage *s = stage;
  outfile_error e = {0};
  (void)lane;
  if (why == SL_FLUSH_END) s->complete = 1;
  if (!s->file || outfile_sync(s->file, &e) == SL_OK) return SL_OK;
  s->complete = 0;
  return fail(ctx, &e);
}

static void stop(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  outfile_error e = {0};
  if (!s->complete && s->file && s->p->mode)
    sl_log(ctx, SL_LOG_WARN, "the run did not come to its end: the file to be replaced is left as it was");
  if (outfile_close(s->file, s->complete, &e) != SL_OK) {
    fail(ctx, &e);
    sl_log(ctx, SL_LOG_ERROR, e.message);
  }
  s->file = NULL;
  free(s->buf.data);
  s->buf = (jsonl_buf){0};
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  outfile_close(s->file, 0, NULL);
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
