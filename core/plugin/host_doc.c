/* SPDX-License-Identifier: Apache-2.0 */
/* Document calls of a stage, passed on to doc/document; errors become the reason of the call's verdict. An sl_err is
 * not cleared before such a call: who fails sets it whole, and clearing 1.3 KB would cost more than most of these
 * calls. */
#include "plugin/host_doc.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "doc/cond.h"
#include "doc/document.h"
#include "doc/editmap.h"

/* Hands an error to the host and returns its code. */
static int32_t tell(sl_ctx *ctx, sl_doc *doc, const sl_err *err) {
  ctx->host->fail(ctx, doc, err->code, err->message, err->detail[0] ? err->detail : NULL,
                  err->hint[0] ? err->hint : NULL);
  return err->code;
}

static void *host_alloc(size_t bytes) { return sl_mem_alloc(bytes); }
static void host_free(void *p) { sl_mem_free(p); }

sl_doc *sl_host_doc_new(sl_ctx *ctx, sl_doc *parent) {
  sl_doc *doc = parent ? sl_doc_share(parent) : sl_doc_new();
  if (doc && parent) {
    cJSON *body = cJSON_CreateObject();
    if (!body || sl_doc_set_body(doc, body, NULL)) {
      sl_doc_free(doc);
      doc = NULL;
    } else {
      doc->attempt = 1;
      doc->cursor = 0;
      doc->due = 0;
      doc->flags = 0;
    }
  }
  if (!doc) ctx->host->fail(ctx, NULL, SL_ENOMEM, "memory is out: no room for a new document", NULL, NULL);
  return doc;
}

static void doc_free(sl_ctx *ctx, sl_doc *doc) {
  (void)ctx;
  sl_doc_free(doc);
}

static const struct cJSON *doc_body(sl_ctx *ctx, sl_doc *doc) {
  sl_err err;
  const struct cJSON *body = sl_doc_body(doc, &err);
  if (!body) tell(ctx, doc, &err);
  return body;
}

static struct cJSON *doc_edit(sl_ctx *ctx, sl_doc *doc) {
  sl_err err;
  struct cJSON *body = sl_doc_edit(doc, &err);
  if (!body) tell(ctx, doc, &err);
  return body;
}

static int32_t doc_set_body(sl_ctx *ctx, sl_doc *doc, struct cJSON *body) {
  sl_err err;
  return sl_doc_set_body(doc, body, &err) ? tell(ctx, doc, &err) : 0;
}

static int32_t doc_set_text(sl_ctx *ctx, sl_doc *doc, const void *json, size_t len, sl_release_cb release, void *user) {
  sl_err err;
  return sl_doc_set_text(doc, json, len, release, user, &err) ? tell(ctx, doc, &err) : 0;
}

static int32_t doc_text(sl_ctx *ctx, sl_doc *doc, sl_bytes *ret) {
  sl_err err;
  return sl_doc_text(doc, ret, &err) ? tell(ctx, doc, &err) : 0;
}

static void doc_payload(sl_ctx *ctx, sl_doc *doc, sl_bytes *ret_bytes, const char **ret_media_type) {
  (void)ctx;
  const char *type = NULL;
  sl_doc_payload(doc, ret_bytes, &type);
  if (ret_media_type) *ret_media_type = type;
}

static int32_t doc_set_payload(sl_ctx *ctx, sl_doc *doc, const void *data, size_t len, const char *media_type,
                               sl_release_cb release, void *user) {
  sl_err err;
  return sl_doc_set_payload(doc, data, len, media_type, release, user, &err) ? tell(ctx, doc, &err) : 0;
}

static void doc_origin(sl_ctx *ctx, sl_doc *doc, sl_origin *ret) {
  (void)ctx;
  sl_doc_origin(doc, ret);
}

static int32_t doc_set_origin(sl_ctx *ctx, sl_doc *doc, const sl_origin *origin) {
  sl_err err;
  return sl_doc_set_origin(doc, origin, &err) ? tell(ctx, doc, &err) : 0;
}

static const char *doc_key(sl_ctx *ctx, sl_doc *doc) {
  (void)ctx;
  return sl_doc_key(doc);
}

static uint32_t doc_attempt(sl_ctx *ctx, sl_doc *doc) {
  (void)ctx;
  return doc->attempt;
}

static int32_t match(sl_ctx *ctx, const sl_cond *cond, sl_doc *doc) {
  if (!cond) return 1;
  const struct cJSON *body = doc_body(ctx, doc);
  return body ? sl_cond_match(cond, body) : 0;
}

static int32_t edit_set_text(sl_ctx *ctx, sl_doc *doc, const char *text, size_t len, const sl_span *spans, uint32_t n) {
  sl_err err;
  return sl_doc_edit_text_set(doc, text, len, spans, n, &err) ? tell(ctx, doc, &err) : 0;
}

static int32_t edit_replace(sl_ctx *ctx, sl_doc *doc, uint64_t start, uint64_t end, const char *with, size_t len) {
  sl_err err;
  return sl_doc_edit_replace(doc, start, end, with, len, &err) ? tell(ctx, doc, &err) : 0;
}

/* SL_ENOTFOUND is an answer, not a failure of the call: it is returned without a reason. */
static int32_t edit_source_of(sl_ctx *ctx, sl_doc *doc, uint64_t start, uint64_t end, uint64_t *ret_start,
                              uint64_t *ret_end) {
  sl_err err;
  int code = sl_doc_edit_source_of(doc, start, end, ret_start, ret_end, &err);
  return code && code != SL_ENOTFOUND ? tell(ctx, doc, &err) : code;
}

static const sl_edit edit_table = {sizeof(sl_edit), 0, edit_set_text, edit_replace, edit_source_of};

const void *sl_host_doc_extension(sl_ctx *ctx, const char *id) {
  (void)ctx;
  return id && !strcmp(id, SL_EXT_EDIT) ? &edit_table : NULL;
}

void sl_host_doc_fill(sl_host *host) {
  host->struct_size = sizeof *host;
  host->abi_major = SL_ABI_MAJOR;
  host->abi_minor = SL_ABI_MINOR;
  if (!host->version) host->version = SLUICE_VERSION;
  host->alloc = host_alloc;
  host->free = host_free;
  host->doc_new = sl_host_doc_new;
  host->doc_free = doc_free;
  host->doc_body = doc_body;
  host->doc_edit = doc_edit;
  host->doc_set_body = doc_set_body;
  host->doc_set_text = doc_set_text;
  host->doc_text = doc_text;
  host->doc_payload = doc_payload;
  host->doc_set_payload = doc_set_payload;
  host->doc_origin = doc_origin;
  host->doc_set_origin = doc_set_origin;
  host->doc_key = doc_key;
  host->doc_attempt = doc_attempt;
  host->match = match;
  host->extension = sl_host_doc_extension;
}
