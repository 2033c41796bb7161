/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts bytes into records. */
#include "records.h"

#include <string.h>

#define REFS_FULL (1u << 31)

fetch_chunk *fetch_chunk_new(const fetch_memory *memory, size_t cap) {
  if (cap > SIZE_MAX - sizeof(fetch_chunk)) return NULL;
  fetch_chunk *c = memory->alloc(sizeof *c + cap);
  if (!c) return NULL;
  atomic_init(&c->refs, REFS_FULL);
  c->used = 0;
  c->release = memory->free;
  c->cap = cap;
  return c;
}

static void give_back(fetch_chunk *c, unsigned n) {
  if (atomic_fetch_sub_explicit(&c->refs, n, memory_order_acq_rel) == n) c->release(c);
}

void fetch_chunk_done(fetch_chunk *c) {
  if (c) give_back(c, REFS_FULL - c->used);
}

void fetch_chunk_release(void *data, void *user) {
  (void)data;
  give_back(user, 1);
}

void fetch_lines_init(fetch_lines *l, fetch_reader *reader, const fetch_memory *memory, size_t max_line) {
  memset(l, 0, sizeof *l);
  l->reader = reader;
  l->memory = *memory;
  l->max_line = max_line;
  l->chunk_size = FETCH_CHUNK;
}

void fetch_lines_from(fetch_lines *l, uint64_t at) {
  l->base = at;
  l->begun = at > 0;
}

void fetch_lines_done(fetch_lines *l) {
  fetch_chunk_done(l->chunk);
  fetch_reader_free(l->reader);
  memset(l, 0, sizeof *l);
}

/* Moves the unfinished line to a new chunk with room behind it. */
static int renew(fetch_lines *l) {
  size_t part = l->chunk && !l->skipping ? l->end - l->at : 0;
  size_t cap = l->chunk_size > 2 * part ? l->chunk_size : 2 * part;
  fetch_chunk *c = fetch_chunk_new(&l->memory, cap);
  if (!c) return -1;
  if (part) memcpy(c->data, l->chunk->data + l->at, part);
  l->base += l->skipping ? l->end : l->at;
  l->seen = l->seen > l->at && part ? l->seen - l->at : 0;
  fetch_chunk_done(l->chunk);
  l->chunk = c;
  l->at = 0;
  l->end = part;
  return 0;
}

/* Reads more bytes behind those in the chunk. 0: there are some; else FETCH_LINE_…. */
static int fill(fetch_lines *l) {
  size_t slack = 4096 < l->chunk_size / 4 ? 4096 : l->chunk_size / 4 + 16;
  if (!l->chunk || l->chunk->cap - l->end < slack) {
    if (renew(l) < 0) return FETCH_LINE_ERROR;
  } else if (l->skipping && l->chunk->used == 0) {
    l->base += l->end;
    l->at = l->end = l->seen = 0;
  }
  int64_t n = fetch_reader_read(l->reader, l->chunk->data + l->end, l->chunk->cap - l->end);
  if (n == FETCH_READ_AGAIN) return FETCH_LINE_AGAIN;
  if (n < 0) return FETCH_LINE_ERROR;
  if (n == 0) l->eof = 1;
  l->end += (size_t)n;
  return 0;
}

static int is_blank(const char *s, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r') return 0;
  return 1;
}

/* The line [l->at, stop) of the chunk; after it the next line begins at l->at. Returns 0 if it is blank. */
static int take(fetch_lines *l, size_t stop, fetch_line *ret) {
  size_t from = l->at, to = stop;
  ret->ended = stop < l->end;
  l->at = l->seen = stop < l->end ? stop + 1 : stop;
  ret->next = l->base + l->at;
  if (l->skipping) {
    l->skipping = 0;
    ret->data = NULL;
    ret->len = 0;
    ret->start = l->skip_from;
    ret->end = l->base + to;
    ret->chunk = NULL;
    return FETCH_LINE_LONG;
  }
  const char *s = l->chunk->data;
  if (!l->begun && l->base == 0 && from == 0 && to >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0) from = 3;
  l->begun = 1;
  if (to > from && s[to - 1] == '\r') to--;
  if (is_blank(s + from, to - from)) return 0;
  ret->start = l->base + from;
  ret->end = l->base + to;
  if (to - from > l->max_line) {
    ret->data = NULL;
    ret->len = 0;
    ret->chunk = NULL;
    return FETCH_LINE_LONG;
  }
  ret->data = s + from;
  ret->len = to - from;
  ret->chunk = l->chunk;
  l->chunk->used++;
  return FETCH_LINE;
}

int fetch_lines_next(fetch_lines *l, fetch_line *ret) {
  for (;;) {
    const char *hit = l->end > l->seen ? memchr(l->chunk->data + l->seen, '\n', l->end - l->seen) : NULL;
    if (hit) {
      int kind = take(l, (size_t)(hit - l->chunk->data), ret);
      if (kind) return kind;
      continue;
    }
    l->seen = l->end;
    if (l->eof) {
      if (l->at == l->end && !l->skipping) return FETCH_LINE_END;
      int kind = take(l, l->end, ret);
      return kind ? kind : FETCH_LINE_END;
    }
    if (!l->skipping && l->end - l->at > l->max_line + 4) {
      l->skipping = 1;
      l->skip_from = l->base + l->at;
    }
    if (l->skipping) l->at = l->end;
    int rc = fill(l);
    if (rc != 0) return rc;
  }
}

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static size_t blanks(const char *text, size_t len, size_t at) {
  while (at < len && is_space(text[at])) at++;
  return at;
}

size_t fetch_json_space(const char *text, size_t len, size_t at) {
  if (at == 0 && len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) at = 3;
  return blanks(text, len, at);
}

static size_t skip_string(const char *text, size_t len, size_t at) {
  for (at++; at < len; at++) {
    if (text[at] == '\\')
      at++;
    else if (text[at] == '"')
      return at + 1;
  }
  return len;
}

/* *ret_depth: brackets that are still open where it stopped. */
static size_t skip_value(const char *text, size_t len, size_t at, size_t *ret_depth) {
  size_t depth = 0;
  *ret_depth = 0;
  while (at < len) {
    char c = text[at];
    if (c == '"') {
      at = skip_string(text, len, at);
      if (depth == 0) return at;
      continue;
    }
    if (depth == 0 && (c == ',' || c == ']' || c == '}')) return at;
    at++;
    if (c == '[' || c == '{')
      depth++;
    else if ((c == ']' || c == '}') && --depth == 0)
      return at;
  }
  *ret_depth = depth;
  return len;
}

size_t fetch_json_skip(const char *text, size_t len, size_t at) {
  size_t depth;
  return skip_value(text, len, at, &depth);
}

int fetch_json_closed(const char *text, size_t len) {
  size_t depth, at = blanks(text, len, 0);
  if (at == len || text[at] != '{') return 0;
  size_t stop = skip_value(text, len, at, &depth);
  return depth == 0 && blanks(text, len, stop) == len;
}

static int json_error(fetch_json *j, const char *why) {
  j->why = why;
  return FETCH_JSON_ERROR;
}

int fetch_json_next(fetch_json *j, size_t *ret_start, size_t *ret_len) {
  int first = !j->begun;
  if (first) {
    j->begun = 1;
    j->at++;
  }
  j->at = blanks(j->text, j->len, j->at);
  if (j->at == j->len) return json_error(j, "the array is cut off: expected , or ]");
  if (j->text[j->at] == ']') {
    j->at = blanks(j->text, j->len, j->at + 1);
    return j->at == j->len ? FETCH_JSON_END : json_error(j, "there are bytes after the end of the array");
  }
  if (!first) {
    if (j->text[j->at] != ',') return json_error(j, "expected , or ] after an element");
    j->at = blanks(j->text, j->len, j->at + 1);
  }
  size_t from = j->at, to = fetch_json_skip(j->text, j->len, from);
  if (to == j->len) return json_error(j, "the element is cut off: the array has no end");
  if (to == from) return json_error(j, "expected a value");
  j->at = to;
  while (to > from && is_space(j->text[to - 1])) to--;
  *ret_start = from;
  *ret_len = to - from;
  return FETCH_JSON_VALUE;
}
