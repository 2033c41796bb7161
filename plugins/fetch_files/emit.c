/* SPDX-License-Identifier: Apache-2.0 */
/* Documents out of fetch_files: emitted, or rejected with their origin. */
#include "stage.h"

#include <stdlib.h>

int32_t fetch_no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

void fetch_close_file(fetch_stage *s) {
  if (s->in_lines) fetch_lines_done(&s->lines);
  if (s->in_json) fetch_chunk_done(s->json_chunk);
  s->in_lines = s->in_json = 0;
  s->json_chunk = NULL;
  free(s->uri);
  s->uri = NULL;
}

/* What emit and its kin answered, as a result of produce: 0 goes on. */
int32_t fetch_after(int32_t rc) { return rc == SL_OK ? 0 : rc == SL_ECANCELED ? SL_P_END : SL_V_FATAL; }

int32_t fetch_out_of_memory(sl_ctx *ctx) {
  fetch_no_memory(ctx);
  return SL_V_FATAL;
}

/* Sends a document with this origin to the dead letters. */
int32_t fetch_reject(sl_ctx *ctx, fetch_stage *s, const char *locator, uint64_t position, const fetch_reason *why) {
  sl_doc *doc = sl_new(ctx, NULL);
  sl_origin origin = {s->uri ? s->uri : "", locator, NULL};
  if (!doc) return fetch_out_of_memory(ctx);
  if (sl_set_origin(ctx, doc, &origin) != SL_OK) {
    sl_discard(ctx, doc);
    return fetch_out_of_memory(ctx);
  }
  sl_set_cursor(ctx, doc, s->file_no << CURSOR_BITS | position);
  sl_fail(ctx, why->code, why->message, why->detail, why->hint);
  return fetch_after(sl_reject(ctx, doc));
}

static char *put_digits(char *out, uint64_t v) {
  char digits[24];
  int n = 0;
  do digits[n++] = (char)('0' + v % 10);
  while ((v /= 10) > 0);
  while (n > 0) *out++ = digits[--n];
  return out;
}

void fetch_byte_locator(char out[56], uint64_t start, uint64_t end) {
  memcpy(out, "byte=", 5);
  out = put_digits(out + 5, start);
  *out++ = '-';
  *put_digits(out, end) = '\0';
}

static int32_t move_fields(const fetch_stage *s, cJSON *body) {
  for (uint32_t i = 0; i < s->p->map.count; i++) {
    const fetch_mapping *m = &s->map[i];
    cJSON *parent = jptr_walk(m->from, body, m->from->n - 1);
    cJSON *value = parent ? jptr_step(parent, m->from->key[m->from->n - 1]) : NULL;
    if (!value) continue;
    cJSON *old = jptr_child(body, m->to->key[0]);
    if (old == value) continue;
    jptr_unlink(parent, value);
    if (jptr_name(value, m->to->key[0]) < 0) {
      cJSON_Delete(value);
      return SL_ENOMEM;
    }
    if (old) {
      jptr_unlink(body, old);
      cJSON_Delete(old);
    }
    jptr_append(body, value);
  }
  return SL_OK;
}

/* Emits a document whose body is JSON text in a chunk; the reference of the chunk passes to it. */
int32_t fetch_emit_text(sl_ctx *ctx, fetch_stage *s, const sl_bytes *text, fetch_chunk *chunk, const sl_origin *origin,
                        uint64_t position) {
  sl_doc *doc = sl_new(ctx, NULL);
  if (!doc) {
    fetch_chunk_release(NULL, chunk);
    return fetch_out_of_memory(ctx);
  }
  if (sl_set_text(ctx, doc, text->data, text->len, fetch_chunk_release, chunk) != SL_OK ||
      sl_set_origin(ctx, doc, origin) != SL_OK) {
    sl_discard(ctx, doc);
    return fetch_out_of_memory(ctx);
  }
  sl_set_cursor(ctx, doc, s->file_no << CURSOR_BITS | position);
  if (s->map) {
    /* Text that is not JSON stays as it is: the core rejects it with the byte. */
    cJSON *body = sl_body_edit(ctx, doc);
    if (body && move_fields(s, body) != SL_OK) {
      sl_discard(ctx, doc);
      return fetch_out_of_memory(ctx);
    }
  }
  return fetch_after(sl_emit(ctx, doc));
}
