/* SPDX-License-Identifier: Apache-2.0 */
/* NDJSON: a document a line, without copying. */
#include "stage.h"

static int32_t read_failed(sl_ctx *ctx, fetch_stage *s, fetch_reader *r, const char *locator, uint64_t position) {
  int32_t code;
  const char *why = fetch_reader_why(r, &code);
  if (code == SL_OK || code == SL_ENOMEM) return fetch_out_of_memory(ctx);
  const char *hint =
      code == SL_ELIMIT ? "raise max_ratio if the file is meant to be so" : "fetch or write the file again";
  fetch_reason because = {code, "the file cannot be read to its end", why, hint};
  return fetch_reject(ctx, s, locator, position, &because);
}

/* Emits lines until about `credit` bytes are used. */
int32_t fetch_produce_lines(sl_ctx *ctx, fetch_stage *s, uint64_t *credit) {
  fetch_line line;
  char locator[56];
  sl_origin origin = {s->uri, locator, NULL};
  size_t want = *credit > 2 * FETCH_CHUNK ? FETCH_CHUNK : (size_t)(*credit / 2);
  s->lines.chunk_size = want < FETCH_CHUNK_MIN ? FETCH_CHUNK_MIN : want;
  for (;;) {
    int kind = fetch_lines_next(&s->lines, &line);
    int32_t rc = 0;
    if (kind == FETCH_LINE_AGAIN) return SL_P_MORE;
    if (kind == FETCH_LINE_END) {
      fetch_close_file(s);
      return 0;
    }
    if (kind == FETCH_LINE_ERROR) {
      uint64_t at = s->lines.base + s->lines.at;
      fetch_byte_locator(locator, at, s->lines.base + s->lines.end);
      rc = read_failed(ctx, s, s->lines.reader, locator, at);
      fetch_close_file(s);
      return rc;
    }
    fetch_byte_locator(locator, line.start, line.end);
    if (kind == FETCH_LINE) {
      sl_bytes text = {line.data, line.len};
      rc = fetch_emit_text(ctx, s, &text, line.chunk, &origin, line.next);
    } else {
      fetch_reason because = {SL_ELIMIT, "the line is longer than max_record", locator,
                              "raise max_record, or split the record"};
      rc = fetch_reject(ctx, s, locator, line.next, &because);
    }
    if (rc != 0) return rc;
    uint64_t cost = line.len + DOC_COST;
    *credit = *credit > cost ? *credit - cost : 0;
    if (*credit == 0) return 0;
  }
}
