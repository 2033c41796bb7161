/* SPDX-License-Identifier: Apache-2.0 */
/* NDJSON: a document a line, without copying. */
#include <errno.h>
#include <unistd.h>

#include "../common/sha256.h"
#include "stage.h"

#define MARK_BLOCK 4096

static int32_t read_failed(sl_ctx *ctx, fetch_stage *s, const char *locator, uint64_t position) {
  int32_t code;
  const char *why = fetch_reader_why(s->lines.reader, &code);
  if (code == SL_OK || code == SL_ENOMEM) return fetch_out_of_memory(ctx);
  const char *hint =
      code == SL_ELIMIT ? "raise max_ratio if the file is meant to be so" : "fetch or write the file again";
  fetch_reason because = {code, "the file cannot be read to its end", why, hint};
  return fetch_reject(ctx, s, locator, position, &because);
}

/* Reads [at, at + len) into out. 0 or -1. */
static int read_at(int fd, uint64_t at, unsigned char *out, size_t len) {
  while (len > 0) {
    ssize_t n = pread(fd, out, len, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    out += n;
    at += (uint64_t)n;
    len -= (size_t)n;
  }
  return 0;
}

int fetch_mark_blocks(int fd, uint64_t size, unsigned char mark[16]) {
  unsigned char blocks[2 * MARK_BLOCK];
  size_t head = size < MARK_BLOCK ? (size_t)size : MARK_BLOCK;
  uint64_t rest = size - head;
  size_t tail = rest < MARK_BLOCK ? (size_t)rest : MARK_BLOCK;
  if (read_at(fd, 0, blocks, head) < 0 || read_at(fd, size - tail, blocks + head, tail) < 0) return -1;
  sha256_short(blocks, head + tail, mark);
  return 0;
}

int32_t fetch_begin_lines(sl_ctx *ctx, fetch_stage *s, int fd) {
  fetch_reader *r = fetch_reader_new(fd, s->p->max_ratio, 0);
  if (!r) return fetch_out_of_memory(ctx);
  fetch_lines_init(&s->lines, r, &s->memory, (size_t)s->p->max_record);
  s->in_lines = 1;
  s->lines_end = s->from;
  if (s->from == 0) return 0;
  int64_t rc = fetch_reader_skip(r, s->from);
  fetch_lines_from(&s->lines, s->from);
  if (rc == FETCH_READ_ERROR) {
    int32_t answer = read_failed(ctx, s, NULL, s->from + 1);
    if (answer == 0) answer = fetch_end_part(ctx, s, s->from);
    fetch_close_file(s);
    return answer;
  }
  return 0;
}

/* The file as it was read: what tells later whether it grew or changed. */
static void identify(fetch_stage *s) {
  struct stat st;
  int fd = fetch_reader_fd(s->lines.reader);
  if (!s->file || fstat(fd, &st) < 0) return;
  st.st_size = fetch_reader_encoding(s->lines.reader) ? (off_t)fetch_reader_taken(s->lines.reader)
                                                      : (off_t)(s->lines.base + s->lines.end);
  fetch_book_identify(&s->book, s->file, &st);
  if (fetch_mark_blocks(fd, s->file->size, s->file->mark) < 0) memset(s->file->mark, 0, sizeof s->file->mark);
}

static int32_t end_file(sl_ctx *ctx, fetch_stage *s) {
  identify(s);
  int32_t rc = fetch_end_part(ctx, s, s->lines_end);
  fetch_close_file(s);
  return rc;
}

static int32_t damaged(sl_ctx *ctx, fetch_stage *s) {
  char locator[56];
  uint64_t at = s->lines.base + s->lines.at;
  fetch_byte_locator(locator, at, s->lines.base + s->lines.end);
  int32_t rc = read_failed(ctx, s, locator, at + 1), code;
  if (rc != 0) {
    fetch_close_file(s);
    return rc;
  }
  fetch_reader_why(s->lines.reader, &code);
  fetch_file *file = s->file;
  identify(s);
  rc = fetch_end_part(ctx, s, s->lines_end);
  if (file) file->failed = code;
  if (file && rc == 0 && s->part) {
    int32_t noted = fetch_book_note(&s->book, ctx, file, s->part);
    if (noted != SL_OK) rc = fetch_no_state(ctx, noted);
  }
  fetch_close_file(s);
  return rc;
}

/* A last line without an end may be half of one. */
static int may_grow(const fetch_line *line) {
  return !line->ended && !(line->data && fetch_json_closed(line->data, line->len));
}

/* The part was read to its end before; what follows belongs to later ones. */
static int belongs_to_later(const fetch_stage *s, const fetch_line *line) {
  return s->again && s->part->done && s->base + (line->end - s->from) > s->part->last;
}

static int32_t end_again(sl_ctx *ctx, fetch_stage *s) {
  int32_t rc = fetch_end_part(ctx, s, s->part->end);
  fetch_close_file(s);
  return rc;
}

/* Emits lines until about `credit` bytes are used. */
int32_t fetch_produce_lines(sl_ctx *ctx, fetch_stage *s, uint64_t *credit) {
  fetch_line line;
  char locator[56];
  sl_origin origin = {s->uri, locator, s->revision[0] ? s->revision : NULL};
  size_t want = *credit > 2 * FETCH_CHUNK ? FETCH_CHUNK : (size_t)(*credit / 2);
  s->lines.chunk_size = want < FETCH_CHUNK_MIN ? FETCH_CHUNK_MIN : want;
  for (;;) {
    int kind = fetch_lines_next(&s->lines, &line);
    int32_t rc = 0;
    if (kind == FETCH_LINE_AGAIN) return SL_P_MORE;
    if (kind == FETCH_LINE_END) return end_file(ctx, s);
    if (kind == FETCH_LINE_ERROR) return damaged(ctx, s);
    int half = s->file && may_grow(&line);
    int later = belongs_to_later(s, &line);
    if (later || (half && s->p->watch)) { /* half a line waits for its end */
      if (line.chunk) fetch_chunk_release(NULL, line.chunk);
      return later ? end_again(ctx, s) : end_file(ctx, s);
    }
    fetch_byte_locator(locator, line.start, line.end);
    if (kind == FETCH_LINE) {
      sl_bytes text = {line.data, line.len};
      rc = fetch_emit_text(ctx, s, &text, line.chunk, &origin, line.end);
    } else {
      fetch_reason because = {SL_ELIMIT, "the line is longer than max_record", locator,
                              "raise max_record, or split the record"};
      rc = fetch_reject(ctx, s, locator, line.end, &because);
    }
    if (rc != 0) return rc;
    s->lines_end = half ? line.start : line.end;
    uint64_t cost = line.len + DOC_COST;
    *credit = *credit > cost ? *credit - cost : 0;
    if (*credit == 0) return 0;
  }
}
