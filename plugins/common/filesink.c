/* SPDX-License-Identifier: Apache-2.0 */
/* What the sinks that write a file have in common. */
#include "filesink.h"

#include <string.h>

/* ---- the host's ledger as the file sees it ----------------------------------------------------------------------- */

static int32_t recall(void *user, outfile_bytes *ret_saved, outfile_bytes *ret_intent, int32_t *ret_rebooted) {
  filesink *s = user;
  sl_bytes saved = {NULL, 0}, intent = {NULL, 0};
  int32_t rc = s->table->recall(s->ctx, &saved, &intent, ret_rebooted);
  *ret_saved = (outfile_bytes){saved.data, saved.len};
  *ret_intent = (outfile_bytes){intent.data, intent.len};
  return rc;
}

static int32_t intend(void *user, const void *data, size_t len) {
  filesink *s = user;
  return s->table->intend(s->ctx, data, len);
}

static int32_t save(void *user, const void *data, size_t len, int32_t fd) {
  filesink *s = user;
  return s->table->save(s->ctx, data, len, fd);
}

static void say(void *user, int32_t level, const char *text) {
  filesink *s = user;
  sl_log(s->ctx, level, text);
}

static int32_t fail(sl_ctx *ctx, const outfile_error *e) {
  sl_fail(ctx, e->code, e->message, e->detail, *e->hint ? e->hint : NULL);
  return e->code;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

int32_t filesink_start(filesink *s, sl_ctx *ctx, const filesink_params *p, int32_t torn, int64_t rotate) {
  outfile_error e = {0};
  outfile_ledger ledger = {s, recall, intend, save, say};
  *s = (filesink){.ctx = ctx, .replace = p->mode, .table = sl_extension(ctx, SL_EXT_LEDGER)};
  outfile_opts opts = {.path = p->path,
                       .replace = p->mode,
                       .torn = torn,
                       .sync = p->fsync,
                       .rotate = rotate,
                       .foreign = p->on_foreign,
                       .ledger = s->table ? &ledger : NULL};
  return outfile_open(&opts, &s->file, &e) == SL_OK ? SL_OK : fail(ctx, &e);
}

int32_t filesink_append(filesink *s, sl_ctx *ctx, const void *data, size_t len) {
  outfile_error e = {0};
  s->ctx = ctx;
  s->complete = 0;
  return outfile_append(s->file, data, len, &e) == SL_OK ? SL_OK : fail(ctx, &e);
}

void filesink_saved(filesink *s, sl_ctx *ctx, int32_t *verdicts, uint32_t n) {
  outfile_error e = {0};
  s->ctx = ctx;
  s->complete = 0;
  for (uint32_t i = 0; i < n && !s->wrote; i++) s->wrote = verdicts[i] == SL_V_OK;
  if (outfile_save(s->file, &e) == SL_OK) return;
  fail(ctx, &e);
  for (uint32_t i = 0; i < n; i++)
    if (verdicts[i] == SL_V_OK) verdicts[i] = SL_V_FATAL;
}

int32_t filesink_flush(filesink *s, sl_ctx *ctx, uint32_t why) {
  outfile_error e = {0};
  s->ctx = ctx;
  if (why == SL_FLUSH_END) s->complete = 1;
  if (!s->file || (outfile_sync(s->file, &e) == SL_OK && outfile_save(s->file, &e) == SL_OK)) return SL_OK;
  s->complete = 0;
  return fail(ctx, &e);
}

/* What becomes of the new file of mode: replace. With a state it grows on until the input ends; once one is in place, a
 * run that stored nothing puts no empty file over it. */
static int32_t outcome(filesink *s) {
  if (!s->file || !s->replace) return OUTFILE_KEEP;
  if (s->complete && outfile_placed_before(s->file) && !s->wrote) return OUTFILE_DROP;
  if (s->complete) return OUTFILE_PLACE;
  if (s->table) return OUTFILE_KEEP;
  sl_log(s->ctx, SL_LOG_WARN, "the run did not come to its end: the file to be replaced is left as it was");
  return OUTFILE_DROP;
}

void filesink_stop(filesink *s, sl_ctx *ctx) {
  outfile_error e = {0};
  s->ctx = ctx;
  if (outfile_close(s->file, outcome(s), &e) != SL_OK) {
    fail(ctx, &e);
    sl_log(ctx, SL_LOG_ERROR, e.message);
  }
  s->file = NULL;
}

void filesink_drop(filesink *s) {
  outfile_close(s->file, OUTFILE_DROP, NULL);
  s->file = NULL;
}
