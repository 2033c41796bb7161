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
  s->in_lines = s->in_json = s->begun = s->again = 0;
  if (s->book.next <= s->reached) s->book.next = s->reached + 1;
  s->json_chunk = NULL;
  s->file = NULL;
  s->part = NULL;
  s->from = s->reached = 0;
  s->revision[0] = '\0';
  free(s->uri);
  s->uri = NULL;
}

/* What emit and its kin answered, as a result of produce: 0 goes on. */
int32_t fetch_after(int32_t rc) { return rc == SL_OK ? 0 : rc == SL_ECANCELED ? SL_P_END : SL_V_FATAL; }

int32_t fetch_out_of_memory(sl_ctx *ctx) {
  fetch_no_memory(ctx);
  return SL_V_FATAL;
}

int32_t fetch_no_state(sl_ctx *ctx, int32_t rc) {
  if (rc == SL_ENOMEM) return fetch_out_of_memory(ctx);
  if (rc == SL_EPARSE)
    sl_fail(ctx, rc, "the state holds a note about a file that cannot be read", NULL,
            "it was written by another version, or is damaged: sluice state check; --reprocess starts over");
  else if (rc == SL_ELIMIT)
    sl_fail(ctx, rc, "the path of a file is too long to be noted in the state", NULL, "move the file, or leave it out");
  /* Anything else the host has told. */
  return SL_V_FATAL;
}

/* ---- cursors ----------------------------------------------------------------------------------------------------- */

int32_t fetch_begin_part(sl_ctx *ctx, fetch_stage *s, int32_t single, uint64_t end) {
  if (s->begun) return 0;
  s->begun = 1;
  if (!s->file) {
    s->base = s->book.next++;
    return 0;
  }
  fetch_part *p = fetch_book_part(&s->book, s->file, s->from);
  if (!p) return fetch_out_of_memory(ctx);
  s->part = p;
  s->base = p->base;
  s->file->open = !single;
  if (single) {
    p->single = p->done = 1;
    p->end = end;
    p->last = s->base + (end - s->from);
  }
  int32_t rc = fetch_book_note(&s->book, ctx, s->file, p);
  return rc == SL_OK ? 0 : fetch_no_state(ctx, rc);
}

/* The cursor of the record that ends at `position`. 1: it was given before; 0; or the result of produce. */
static int32_t take_cursor(sl_ctx *ctx, fetch_stage *s, uint64_t position, uint64_t *ret) {
  int32_t rc = fetch_begin_part(ctx, s, 0, 0);
  if (rc != 0) return rc;
  uint64_t cursor = s->base + (position - s->from);
  if (s->again && s->part->done && cursor > s->part->last) return 1; /* a later part has it */
  if (cursor > s->reached) s->reached = cursor;
  if (s->again && s->book.resume->given(ctx, cursor)) return 1;
  if (s->part) {
    if (s->part->last < cursor) s->part->last = cursor;
    fetch_book_emitted(&s->book, s->part, cursor);
  }
  *ret = cursor;
  return 0;
}

int32_t fetch_end_part(sl_ctx *ctx, fetch_stage *s, uint64_t end) {
  if (!s->file) return 0;
  s->file->open = s->file->failed = s->file->stuck = s->file->replaced = 0;
  s->file->settings = s->settings;
  if (!s->part) return 0;
  if (!s->part->done || !s->again) {
    s->part->done = 1;
    s->part->end = end;
  }
  uint64_t behind = s->part->base + (s->part->end > s->part->start ? s->part->end - s->part->start : 0);
  if (s->book.next <= behind) s->book.next = behind + 1;
  int32_t rc = fetch_book_note(&s->book, ctx, s->file, s->part);
  return rc == SL_OK ? 0 : fetch_no_state(ctx, rc);
}

/* ---- documents --------------------------------------------------------------------------------------------------- */

int32_t fetch_emit(sl_ctx *ctx, fetch_stage *s, sl_doc *doc, uint64_t position) {
  uint64_t cursor;
  int32_t rc = take_cursor(ctx, s, position, &cursor);
  if (rc != 0) {
    sl_discard(ctx, doc);
    return rc == 1 ? 0 : rc;
  }
  sl_set_cursor(ctx, doc, cursor);
  return fetch_after(sl_emit(ctx, doc));
}

/* Sends a document with this origin to the dead letters. */
int32_t fetch_reject(sl_ctx *ctx, fetch_stage *s, const char *locator, uint64_t position, const fetch_reason *why) {
  uint64_t cursor;
  int32_t rc = take_cursor(ctx, s, position, &cursor);
  if (rc != 0) return rc == 1 ? 0 : rc;
  sl_doc *doc = sl_new(ctx, NULL);
  sl_origin origin = {s->uri ? s->uri : "", locator, s->revision[0] ? s->revision : NULL};
  if (!doc) return fetch_out_of_memory(ctx);
  if (sl_set_origin(ctx, doc, &origin) != SL_OK) {
    sl_discard(ctx, doc);
    return fetch_out_of_memory(ctx);
  }
  sl_set_cursor(ctx, doc, cursor);
  sl_fail(ctx, why->code, why->message, why->detail, why->hint);
  return fetch_after(sl_reject(ctx, doc));
}

int32_t fetch_reject_file(sl_ctx *ctx, fetch_stage *s, const fetch_reason *why) {
  if (s->file) {
    s->file->failed = why->code;
    s->file->settings = s->settings;
  }
  if (!s->begun) {
    int32_t rc = fetch_begin_part(ctx, s, 1, s->from);
    if (rc != 0) return rc;
  }
  int32_t rc = fetch_reject(ctx, s, NULL, s->from, why);
  fetch_close_file(s);
  return rc;
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
  if (s->map) {
    /* Text that is not JSON stays as it is: the core rejects it with the byte. */
    cJSON *body = sl_body_edit(ctx, doc);
    if (body && move_fields(s, body) != SL_OK) {
      sl_discard(ctx, doc);
      return fetch_out_of_memory(ctx);
    }
  }
  return fetch_emit(ctx, s, doc, position);
}
