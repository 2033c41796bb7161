/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are read as a whole: pages and texts, JSON objects and arrays. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "names.h"
#include "../common/sha256.h"
#include "stage.h"

/* Reads a file to its end into one chunk. Returns NULL with *ret_why set, or NULL alone when memory is out. */
static fetch_chunk *read_whole(fetch_stage *s, fetch_reader *r, int64_t hint, size_t *ret_len, fetch_reason *ret_why) {
  size_t limit = (size_t)s->p->max_bytes, cap = hint > 0 && hint < s->p->max_bytes ? (size_t)hint + 1 : 16384, len = 0;
  fetch_chunk *c = fetch_chunk_new(&s->memory, cap < 64 ? 64 : cap);
  while (c) {
    if (c->cap - len < 16) {
      size_t more = c->cap < limit / 2 ? c->cap * 2 : limit + 64; /* one byte above the limit is enough to know */
      fetch_chunk *grown = fetch_chunk_new(&s->memory, more);
      if (grown) memcpy(grown->data, c->data, len);
      fetch_chunk_done(c);
      c = grown;
      if (!c) return NULL;
    }
    int64_t n = fetch_reader_read(r, c->data + len, c->cap - len);
    if (n == FETCH_READ_AGAIN) continue;
    if (n == 0) break;
    if (n < 0) {
      ret_why->detail = fetch_reader_why(r, &ret_why->code);
      ret_why->message = "the file cannot be read";
      ret_why->hint = ret_why->code == SL_ELIMIT ? "raise max_ratio if the file is meant to be so" : NULL;
    } else if ((len += (size_t)n) > limit) {
      *ret_why = (fetch_reason){SL_ELIMIT, "the file is larger than max_bytes",
                                "after decompression, if it is compressed", "raise max_bytes, or take the file out"};
    }
    if (ret_why->message) {
      fetch_chunk_done(c);
      if (ret_why->code == SL_ENOMEM) ret_why->message = NULL;
      return NULL;
    }
  }
  *ret_len = len;
  return c;
}

static int32_t end_array(sl_ctx *ctx, fetch_stage *s) {
  int32_t rc = fetch_end_part(ctx, s, s->json.at);
  fetch_close_file(s);
  return rc;
}

int32_t fetch_produce_elements(sl_ctx *ctx, fetch_stage *s, uint64_t *credit) {
  size_t from, len;
  for (;;) {
    int kind = fetch_json_next(&s->json, &from, &len);
    char locator[24];
    int32_t rc;
    if (kind == FETCH_JSON_END) return end_array(ctx, s);
    snprintf(locator, sizeof locator, "/%u", s->json_index++);
    if (kind == FETCH_JSON_ERROR) {
      char detail[128];
      snprintf(detail, sizeof detail, "at byte %zu: %s", s->json.at, s->json.why);
      fetch_reason because = {SL_EPARSE, "the array is not valid JSON", detail,
                              "the elements before this one were read"};
      rc = fetch_reject(ctx, s, locator, s->json.at + 1, &because);
      if (rc == 0) return end_array(ctx, s);
      fetch_close_file(s);
      return rc;
    }
    if (s->json.at <= s->from) continue; /* given in an earlier run */
    const char *text = s->json.text + from;
    if (*text != '{') {
      fetch_reason because = {SL_EPARSE, "expected an object as the element of the array", locator,
                              "a document is a JSON object"};
      rc = fetch_reject(ctx, s, locator, s->json.at, &because);
    } else if (len > (size_t)s->p->max_record) {
      fetch_reason because = {SL_ELIMIT, "the element is larger than max_record", locator, "raise max_record"};
      rc = fetch_reject(ctx, s, locator, s->json.at, &because);
    } else {
      sl_origin origin = {s->uri, locator, s->revision[0] ? s->revision : NULL};
      sl_bytes bytes = {text, len};
      s->json_chunk->used++;
      rc = fetch_emit_text(ctx, s, &bytes, s->json_chunk, &origin, s->json.at);
    }
    if (rc != 0) return rc;
    *credit = *credit > len + DOC_COST ? *credit - len - DOC_COST : 0;
    if (*credit == 0) return 0;
  }
}

/* One object is a document; an array is begun and goes on in produce_elements. */
static int32_t begin_json(sl_ctx *ctx, fetch_stage *s, fetch_chunk *chunk, size_t len) {
  const char *text = chunk->data;
  size_t at = fetch_json_space(text, len, 0);
  fetch_reason because = {0};
  if (at < len && text[at] == '[') {
    s->json_chunk = chunk;
    s->json = (fetch_json){.text = text, .len = len, .at = at};
    s->json_index = 0;
    s->in_json = 1;
    return 0;
  }
  size_t end = fetch_json_skip(text, len, at), next = fetch_json_space(text, len, end);
  if (at == len)
    because = (fetch_reason){SL_EPARSE, "the file is empty: expected a JSON object or array", NULL, NULL};
  else if (text[at] != '{')
    because = (fetch_reason){SL_EPARSE, "expected a JSON object or an array of objects", NULL, NULL};
  else if (next < len && text[next] == '{')
    because = (fetch_reason){SL_EPARSE, "the file holds more than one JSON value", NULL,
                             "say format: ndjson if each is on its own line"};
  int32_t rc;
  if (because.message) {
    fetch_chunk_done(chunk);
    return fetch_reject_file(ctx, s, &because);
  }
  rc = fetch_begin_part(ctx, s, 1, len);
  if (rc == 0) {
    char revision[65];
    sha256_hex(text, len, revision);
    sl_origin origin = {s->uri, NULL, revision};
    sl_bytes bytes = {text + at, len - at};
    chunk->used++;
    rc = fetch_emit_text(ctx, s, &bytes, chunk, &origin, len);
  }
  fetch_chunk_done(chunk);
  fetch_close_file(s);
  return rc;
}

/* The body of a page: /id and /source. */
static int32_t describe(cJSON *body, const fetch_stage *s, const fetch_found *f, const sl_bytes *bytes,
                        const char *const info[3]) {
  char modified[40];
  struct tm tm;
  const char *slash = strrchr(f->path, '/');
  char *id = fetch_identifier(f->rel), *name = fetch_valid_name(slash ? slash + 1 : f->path),
       *rel = fetch_valid_name(f->rel);
  cJSON *source = NULL;
  int ok = id && name && rel && cJSON_AddStringToObject(body, "id", id);
  if (ok) source = cJSON_AddObjectToObject(body, "source");
  gmtime_r(&f->st.st_mtime, &tm);
  strftime(modified, sizeof modified, "%Y-%m-%dT%H:%M:%SZ", &tm);
  ok = ok && source && cJSON_AddStringToObject(source, "uri", s->uri) &&
       cJSON_AddStringToObject(source, "name", name) && cJSON_AddStringToObject(source, "path", rel) &&
       cJSON_AddStringToObject(source, "type", info[0]) &&
       (!info[2] || cJSON_AddStringToObject(source, "encoding", info[2])) &&
       cJSON_AddNumberToObject(source, "bytes", (double)bytes->len) &&
       cJSON_AddStringToObject(source, "modified", modified) && cJSON_AddStringToObject(source, "sha256", info[1]);
  free(id);
  free(name);
  free(rel);
  return ok ? SL_OK : SL_ENOMEM;
}

/* chunk [take]: the payload. */
static int32_t emit_page(sl_ctx *ctx, fetch_stage *s, const fetch_found *f, fetch_chunk *chunk, const sl_bytes *bytes,
                         const char *encoding) {
  char hash[65];
  const char *type = s->p->format == FORMAT_HTML   ? "text/html"
                     : s->p->format == FORMAT_TEXT ? "text/plain"
                                                   : fetch_media_type(f->path, bytes->data, bytes->len);
  sha256_hex(bytes->data, bytes->len, hash);
  sl_origin origin = {s->uri, NULL, hash};
  const char *const info[3] = {type, hash, encoding};
  sl_doc *doc = sl_new(ctx, NULL);
  cJSON *body = doc ? sl_body_edit(ctx, doc) : NULL;
  int32_t rc = body ? describe(body, s, f, bytes, info) : SL_ENOMEM;
  if (rc == SL_OK) rc = sl_set_origin(ctx, doc, &origin);
  if (rc == SL_OK) {
    chunk->used++;
    rc = sl_set_payload(ctx, doc, bytes->data, bytes->len, type, fetch_chunk_release, chunk);
  }
  fetch_chunk_done(chunk);
  if (rc != SL_OK) {
    if (doc) sl_discard(ctx, doc);
    return fetch_out_of_memory(ctx);
  }
  rc = fetch_begin_part(ctx, s, 1, bytes->len);
  if (rc == 0) return fetch_emit(ctx, s, doc, bytes->len);
  sl_discard(ctx, doc);
  return rc;
}

/* What was read is what the note says from now on. 1: it was given before; else 0. */
static int identify(fetch_stage *s, const fetch_found *f, const sl_bytes *content) {
  unsigned char mark[16];
  if (!s->file) return 0;
  sha256_short(content->data, content->len, mark);
  int same = s->file->last && !s->file->failed && !s->file->open && memcmp(mark, s->file->mark, sizeof mark) == 0;
  fetch_book_identify(&s->book, s->file, &f->st);
  memcpy(s->file->mark, mark, sizeof mark);
  s->file->failed = s->file->stuck = 0;
  return same && !s->again;
}

/* 1 if somebody wrote to the file while it was read: it is looked at again when it has settled. */
static int still_written(const fetch_stage *s, int fd, const struct stat *before) {
  struct stat st;
  return s->p->watch && s->file &&
         (fstat(fd, &st) < 0 || st.st_size != before->st_size || fetch_mtime(&st) != fetch_mtime(before));
}

static int32_t too_large(sl_ctx *ctx, fetch_stage *s, const fetch_found *f) {
  char detail[96];
  snprintf(detail, sizeof detail, "expected at most %lld bytes, found %lld", (long long)s->p->max_bytes,
           (long long)f->st.st_size);
  fetch_reason because = {SL_ELIMIT, "the file is larger than max_bytes", detail,
                          "raise max_bytes, or take the file out"};
  close(f->fd);
  if (s->file) fetch_book_identify(&s->book, s->file, &f->st);
  return fetch_reject_file(ctx, s, &because);
}

/* The file was given already with this content: only its note changes. */
static int32_t unchanged(sl_ctx *ctx, fetch_stage *s) {
  int32_t rc = fetch_book_note(&s->book, ctx, s->file, s->file->last);
  fetch_close_file(s);
  return rc == SL_OK ? 0 : fetch_no_state(ctx, rc);
}

/* Reads a file that becomes one document, or a JSON array. */
int32_t fetch_whole_file(sl_ctx *ctx, fetch_stage *s, const fetch_found *f, uint64_t *credit) {
  fetch_reason why = {0};
  size_t len = 0;
  if (S_ISREG(f->st.st_mode) && f->st.st_size > s->p->max_bytes) return too_large(ctx, s, f);
  fetch_reader *r = fetch_reader_new(f->fd, s->p->max_ratio, 0);
  fetch_chunk *chunk = r ? read_whole(s, r, (int64_t)f->st.st_size, &len, &why) : NULL;
  const char *encoding = r ? fetch_reader_encoding(r) : NULL;
  int written = r && still_written(s, fetch_reader_fd(r), &f->st);
  fetch_reader_free(r);
  *credit = *credit > len ? *credit - len : 0;
  if (written) {
    fetch_chunk_done(chunk);
    fetch_close_file(s);
    return 0;
  }
  if (!chunk && why.message) {
    if (s->file) fetch_book_identify(&s->book, s->file, &f->st);
    return fetch_reject_file(ctx, s, &why);
  }
  int32_t rc = chunk ? 0 : fetch_out_of_memory(ctx);
  if (chunk) {
    sl_bytes bytes = {chunk->data, len};
    if (identify(s, f, &bytes)) {
      fetch_chunk_done(chunk);
      return unchanged(ctx, s);
    }
    if (s->bodies) return begin_json(ctx, s, chunk, len);
    rc = emit_page(ctx, s, f, chunk, &bytes, encoding);
  }
  fetch_close_file(s);
  return rc;
}
