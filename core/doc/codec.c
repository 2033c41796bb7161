/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON: one loop that validates and, if asked, builds the tree.
 *
 * No recursion: open containers stand on a stack of frames. UTF-8 is checked
 * for the whole text at once before the loop, so that the loop looks at ASCII
 * only. A string is scanned twice: the first pass validates and measures, the
 * second copies into a block of the right size. See docs/internals/codec.md.
 */
#include "doc/codec.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "doc/jsonkeys.h"
#include "doc/jsonnum.h"
#include "doc/jsonscan.h"

#define INLINE_FRAMES 32
#define ERR_AT_END "the text ends too early"

/* An open container. */
struct frame {
  cJSON *item; /* NULL when nothing is built */
  cJSON *tail; /* its last child */
  sl_jsonobj keys;
  int is_object, repeats; /* repeats: a key came twice */
};

struct reader {
  const char *text, *p, *end;
  struct frame *frames;
  uint32_t depth, cap, max_depth;
  int build;
  cJSON *root;
  char *key; /* of the member to come; owned until it is attached */
  int code;  /* first error */
  const char *at;
  const char *expected;
  sl_jsonkeys keys;
  struct frame inline_frames[INLINE_FRAMES];
};

static int fail(struct reader *r, int code, const char *at, const char *expected) {
  r->code = code;
  r->at = at;
  r->expected = expected;
  return code;
}

static int no_memory(struct reader *r) { return fail(r, SL_ENOMEM, r->p, "memory is out"); }

static inline void skip_space(struct reader *r) {
  const char *p = r->p;
  while (p < r->end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) p++;
  r->p = p;
}

/* ---- strings ---- */

static int hex4(const char *p) {
  static const unsigned char value[256] = {
      ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
      ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
      ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};
  int v = 0;
  for (int i = 0; i < 4; i++) {
    int d = value[(unsigned char)p[i]];
    if (d == 0) return -1;
    v = v << 4 | (d - 1);
  }
  return v;
}

static size_t utf8_size(uint32_t cp) { return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4; }

/* A \u escape at p (on the backslash), checked. Returns the bytes it takes, 0
 * after an error. */
static size_t read_unicode(struct reader *r, const char *p, uint32_t *ret_cp) {
  int unit = r->end - p >= 6 ? hex4(p + 2) : -1;
  if (unit < 0) {
    fail(r, SL_EPARSE, p, "expected four hexadecimal digits after \\u");
    return 0;
  }
  if (unit == 0) {
    fail(r, SL_EPARSE, p, "\\u0000 is not accepted: C strings would be cut there");
    return 0;
  }
  *ret_cp = (uint32_t)unit;
  if (unit < 0xd800 || unit > 0xdfff) return 6;
  int low = unit <= 0xdbff && r->end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
  if (low < 0xdc00 || low > 0xdfff) {
    fail(r, SL_EPARSE, p, "a surrogate without its other half");
    return 0;
  }
  *ret_cp = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
  return 12;
}

/* The character that a simple escape stands for, 0 if there is no such escape.
 */
static char simple_escape(char c) {
  switch (c) {
  case '"':
  case '\\':
  case '/':
    return c;
  case 'b':
    return '\b';
  case 'f':
    return '\f';
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  default:
    return 0;
  }
}

/* r->p is behind the opening quote. Finds the closing one, checks, measures.
 * *ret_len: decoded bytes. */
static int measure_string(struct reader *r, const char **ret_close, size_t *ret_len) {
  size_t saved = 0;
  const char *p = r->p;
  for (;;) {
    p = sl_jsonscan(r->text, p, r->end);
    if (p == r->end) return fail(r, SL_EPARSE, p, "the text ends inside a string");
    if (*p == '"') break;
    if (*p != '\\') return fail(r, SL_EPARSE, p, "a raw control character in a string");
    do {
      if (r->end - p < 2) return fail(r, SL_EPARSE, p, "the text ends inside a string");
      if (p[1] == 'u') {
        uint32_t cp;
        size_t n = read_unicode(r, p, &cp);
        if (n == 0) return r->code;
        saved += n - utf8_size(cp);
        p += n;
      } else if (simple_escape(p[1]) != 0) {
        saved++;
        p += 2;
      } else {
        return fail(r, SL_EPARSE, p, "an escape that JSON does not have");
      }
    } while (p < r->end && *p == '\\');
  }
  *ret_close = p;
  *ret_len = (size_t)(p - r->p) - saved;
  return SL_OK;
}

/* Decodes [p, close), which measure_string has seen, into dst. */
static void decode_string(struct reader *r, const char *p, const char *close, char *dst, size_t len) {
  if ((size_t)(close - p) == len) {
    memcpy(dst, p, len);
    dst[len] = '\0';
    return;
  }
  char *d = dst;
  char *d_end = dst + len;
  while (p < close) {
    /* As far as the rest of dst allows: it is shorter than the rest of the text
     * when escapes are to come. */
    size_t room = (size_t)(d_end - d);
    const char *stop = (size_t)(close - p) > room ? p + room : close;
    const char *q = sl_jsonscan_copy(d, p, stop);
    d += q - p;
    p = q;
    while (p < close && *p == '\\') {
      if (p[1] == 'u') {
        uint32_t cp;
        char out[4];
        p += read_unicode(r, p, &cp);
        size_t n = sl_utf8_encode(cp, out);
        memcpy(d, out, n);
        d += n;
      } else {
        *d++ = simple_escape(p[1]);
        p += 2;
      }
    }
  }
  *d = '\0';
}

/* r->p is on the opening quote. *ret [own] only when building. */
static int read_string(struct reader *r, char **ret) {
  const char *close;
  size_t len;
  r->p++;
  int rc = measure_string(r, &close, &len);
  if (rc != SL_OK) return rc;
  if (r->build) {
    char *text = sl_mem_alloc(len + 1);
    if (text == NULL) return no_memory(r);
    decode_string(r, r->p, close, text, len);
    *ret = text;
  }
  r->p = close + 1;
  return SL_OK;
}

/* ---- keys ---- */

/* r->p is where a key should begin. Leaves it where the value should. */
static int read_key(struct reader *r) {
  if (r->p == r->end) return fail(r, SL_EPARSE, r->p, ERR_AT_END);
  if (*r->p != '"') return fail(r, SL_EPARSE, r->p, "expected a key in double quotes");
  const char *open = r->p++;
  const char *close;
  size_t len;
  int rc = measure_string(r, &close, &len);
  if (rc != SL_OK) return rc;
  if (len > UINT32_MAX) return fail(r, SL_ELIMIT, open, "a key of more than 4 GiB");
  if (r->build) {
    r->key = sl_mem_alloc(len + 1);
    if (r->key == NULL) return no_memory(r);
    decode_string(r, r->p, close, r->key, len);
    struct frame *f = &r->frames[r->depth - 1];
    rc = sl_jsonkeys_add(&r->keys, &f->keys, r->key, len);
    if (rc == SL_EEXIST)
      f->repeats = 1;
    else if (rc != SL_OK)
      return no_memory(r);
  }
  r->p = close + 1;
  skip_space(r);
  if (r->p == r->end) return fail(r, SL_EPARSE, r->p, ERR_AT_END);
  if (*r->p != ':') return fail(r, SL_EPARSE, r->p, "expected ':' after a key");
  r->p++;
  skip_space(r);
  return SL_OK;
}

/* ---- values ---- */

/* A node, attached to the open container under the pending key. */
static cJSON *add_item(struct reader *r, int type) {
  cJSON *item = sl_mem_alloc(sizeof *item);
  if (item == NULL) return NULL;
  *item = (cJSON){.type = type, .string = r->key};
  r->key = NULL;
  if (r->depth == 0) {
    r->root = item;
    return item;
  }
  struct frame *f = &r->frames[r->depth - 1];
  if (f->tail == NULL) {
    f->item->child = item;
  } else {
    f->tail->next = item;
    item->prev = f->tail;
  }
  /* The first child's prev leads to the last one: kept right at each step, so
   * that a half-built tree can be deleted. */
  f->item->child->prev = item;
  f->tail = item;
  return item;
}

static int grow_frames(struct reader *r) {
  uint32_t cap = r->cap * 2;
  struct frame *frames = sl_mem_alloc(cap * sizeof *frames);
  if (frames == NULL) return no_memory(r);
  memcpy(frames, r->frames, r->depth * sizeof *frames);
  if (r->frames != r->inline_frames) sl_mem_free(r->frames);
  r->frames = frames;
  r->cap = cap;
  return SL_OK;
}

static int open_container(struct reader *r, int is_object) {
  if (r->depth >= r->max_depth) return fail(r, SL_ELIMIT, r->p, "nested too deeply");
  if (r->depth == r->cap && grow_frames(r) != SL_OK) return r->code;
  cJSON *item = NULL;
  if (r->build && (item = add_item(r, is_object ? cJSON_Object : cJSON_Array)) == NULL) return no_memory(r);
  r->frames[r->depth++] = (struct frame){item, NULL, sl_jsonkeys_open(&r->keys), is_object, 0};
  r->p++;
  return SL_OK;
}

/* Of members with the same key the last one counts, as in most readers: RFC 8259, section 4, leaves it open. */
static int keep_last(struct reader *r, cJSON *object) {
  sl_map *seen = sl_map_new(NULL);
  int rc = seen ? SL_OK : no_memory(r);
  cJSON *item = object->child->prev;
  while (rc == SL_OK && item != NULL) {
    cJSON *before = item == object->child ? NULL : item->prev;
    if (sl_map_has(seen, item->string))
      cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
    else if (sl_map_set(seen, item->string, item) != SL_OK)
      rc = no_memory(r);
    item = before;
  }
  sl_map_free(seen);
  return rc;
}

static int close_container(struct reader *r) {
  struct frame *f = &r->frames[--r->depth];
  sl_jsonkeys_close(&r->keys, &f->keys);
  r->p++;
  return f->repeats ? keep_last(r, f->item) : SL_OK;
}

static int read_number(struct reader *r) {
  sl_jsonnum n;
  const char *start = r->p;
  int rc = sl_jsonnum_read(start, r->end, &n);
  if (rc == SL_ENOMEM) return no_memory(r);
  if (rc == SL_ELIMIT) return fail(r, SL_EPARSE, start, "a number too large for a double");
  if (rc != SL_OK) return fail(r, SL_EPARSE, n.end, n.end == r->end ? ERR_AT_END : "a number that is not well-formed");
  r->p = n.end;
  if (!r->build) return SL_OK;
  cJSON *item = add_item(r, cJSON_Number);
  if (item == NULL) return no_memory(r);
  item->valuedouble = n.value;
  item->valueint = sl_jsonnum_int(n.value);
  if (n.keep && (item->valuestring = sl_mem_strndup(start, (size_t)(n.end - start))) == NULL) return no_memory(r);
  return SL_OK;
}

static int read_word(struct reader *r, const char *word, size_t len, int type) {
  size_t left = (size_t)(r->end - r->p);
  for (size_t i = 0; i < len; i++) {
    if (i == left) return fail(r, SL_EPARSE, r->end, ERR_AT_END);
    if (r->p[i] != word[i]) return fail(r, SL_EPARSE, r->p, "expected a value");
  }
  r->p += len;
  if (!r->build) return SL_OK;
  cJSON *item = add_item(r, type);
  if (item == NULL) return no_memory(r);
  item->valueint = type == cJSON_True;
  return SL_OK;
}

static int read_text(struct reader *r) {
  char *text = NULL;
  int rc = read_string(r, &text);
  if (rc != SL_OK || !r->build) return rc;
  cJSON *item = add_item(r, cJSON_String);
  if (item == NULL) {
    sl_mem_free(text);
    return no_memory(r);
  }
  item->valuestring = text;
  return SL_OK;
}

/* One value that begins at r->p; a container is only opened. */
static int read_value(struct reader *r) {
  if (r->p == r->end) return fail(r, SL_EPARSE, r->p, ERR_AT_END);
  switch (*r->p) {
  case '"':
    return read_text(r);
  case '{':
    return open_container(r, 1);
  case '[':
    return open_container(r, 0);
  case 't':
    return read_word(r, "true", 4, cJSON_True);
  case 'f':
    return read_word(r, "false", 5, cJSON_False);
  case 'n':
    return read_word(r, "null", 4, cJSON_NULL);
  default:
    if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9')) return read_number(r);
    return fail(r, SL_EPARSE, r->p, "expected a value");
  }
}

/* After a container was opened: 1 if it was closed at once, 0 if a value comes
 * (its key read), or an error. */
static int begin_container(struct reader *r) {
  int is_object = r->frames[r->depth - 1].is_object;
  skip_space(r);
  if (r->p < r->end && *r->p == (is_object ? '}' : ']')) {
    return close_container(r) == SL_OK ? 1 : r->code;
  }
  return is_object ? read_key(r) : SL_OK;
}

/* After a value: closes containers up to the next value. 1 at the end of the
 * outermost, 0 if a value comes, or an error. */
static int after_value(struct reader *r) {
  while (r->depth > 0) {
    int is_object = r->frames[r->depth - 1].is_object;
    skip_space(r);
    if (r->p == r->end) return fail(r, SL_EPARSE, r->p, ERR_AT_END);
    if (*r->p == ',') {
      r->p++;
      skip_space(r);
      return is_object ? read_key(r) : SL_OK;
    }
    if (*r->p != (is_object ? '}' : ']')) {
      return fail(r, SL_EPARSE, r->p,
                  is_object ? "expected ',' or '}' after a member" : "expected ',' or ']' after an element");
    }
    if (close_container(r) != SL_OK) return r->code;
  }
  return 1;
}

static int run(struct reader *r) {
  skip_space(r);
  for (;;) {
    uint32_t depth = r->depth;
    int rc = read_value(r);
    if (rc != SL_OK) return rc;
    if (r->depth > depth) {
      rc = begin_container(r);
      if (rc < 0) return rc;
      if (rc == 0) continue;
    }
    rc = after_value(r);
    if (rc < 0) return rc;
    if (rc == 1) break;
  }
  skip_space(r);
  if (r->p != r->end) return fail(r, SL_EPARSE, r->p, "expected the end of the text");
  return SL_OK;
}

static void reader_init(struct reader *r, const char *text, size_t len, const sl_json_limits *limits) {
  r->text = r->p = text;
  r->end = text + len;
  r->frames = r->inline_frames;
  r->depth = 0;
  r->cap = INLINE_FRAMES;
  r->max_depth = limits == NULL || limits->max_depth == 0 ? SL_JSON_MAX_DEPTH : limits->max_depth;
  r->build = 0;
  r->root = NULL;
  r->key = NULL;
  r->code = SL_OK;
  sl_jsonkeys_init(&r->keys);
}

static void reader_done(struct reader *r) {
  while (r->depth > 0) sl_jsonkeys_close(&r->keys, &r->frames[--r->depth].keys);
  if (r->frames != r->inline_frames) sl_mem_free(r->frames);
  sl_jsonkeys_done(&r->keys);
  sl_mem_free(r->key);
  if (r->code != SL_OK) {
    cJSON_Delete(r->root);
    r->root = NULL;
  }
}

/* "byte 12 (line 1, column 13): expected …, found "x"". */
static int report(const struct reader *r, size_t *ret_offset, sl_err *err) {
  size_t len = (size_t)(r->end - r->text);
  size_t offset = (size_t)(r->at - r->text);
  if (ret_offset != NULL) *ret_offset = offset;
  if (r->code == SL_ENOMEM) return sl_err_set(err, SL_ENOMEM, "cannot read JSON: memory is out");
  char found[32] = "";
  unsigned char c = offset < len ? (unsigned char)r->text[offset] : 0;
  if (offset < len && c >= 0x20 && c < 0x7f) {
    snprintf(found, sizeof found, ", found '%c'", c);
  } else if (offset < len) {
    snprintf(found, sizeof found, ", found byte 0x%02x", c);
  }
  sl_err_set(err, r->code, "not valid JSON at byte %zu: %s%s", offset, r->expected, found);
  uint32_t line;
  uint32_t col;
  sl_utf8_place(r->text, len, offset, &line, &col);
  size_t from = offset > 40 ? offset - 40 : 0;
  while (from < offset && ((unsigned char)r->text[from] & 0xc0) == 0x80) from++;
  sl_err_detail(err, "line %u, column %u, behind: %.*s", line, col, (int)(offset - from), r->text + from);
  return r->code;
}

static int check_limits(const char *text, size_t len, const sl_json_limits *limits, size_t *ret_offset, sl_err *err) {
  size_t max = limits == NULL || limits->max_bytes == 0 ? SL_JSON_MAX_BYTES : limits->max_bytes;
  if (len <= max) return SL_OK;
  if (ret_offset != NULL) *ret_offset = max;
  (void)text;
  return sl_err_set(err, SL_ELIMIT, "JSON text of %zu bytes: expected at most %zu", len, max);
}

/* Reads with UTF-8 known to be good up to `good`: what stands before it may be
 * wrong in another way. */
static int read_all(struct reader *r, size_t good, size_t *ret_offset, sl_err *err) {
  const char *end = r->end;
  int build = r->build;
  if (good < (size_t)(end - r->text)) {
    r->end = r->text + good;
    r->build = 0;
  }
  int rc = run(r);
  if (good < (size_t)(end - r->text) && (rc == SL_OK || (rc != SL_ENOMEM && r->at == r->end))) {
    rc = fail(r, SL_EENCODING, r->text + good, "expected UTF-8");
  }
  r->end = end;
  r->build = build;
  return rc == SL_OK ? SL_OK : report(r, ret_offset, err);
}

int sl_json_check(const char *text, size_t len, const sl_json_limits *limits, size_t *ret_offset, sl_err *err) {
  int rc = check_limits(text, len, limits, ret_offset, err);
  if (rc != SL_OK) return rc;
  struct reader r;
  reader_init(&r, text, len, limits);
  size_t good = len;
  (void)sl_utf8_valid(text, len, &good);
  rc = read_all(&r, good, ret_offset, err);
  reader_done(&r);
  return rc;
}

int sl_json_parse(const char *text, size_t len, const sl_json_limits *limits, cJSON **ret, size_t *ret_offset,
                  sl_err *err) {
  int rc = check_limits(text, len, limits, ret_offset, err);
  if (rc != SL_OK) return rc;
  struct reader r;
  reader_init(&r, text, len, limits);
  r.build = 1;
  size_t good = len;
  (void)sl_utf8_valid(text, len, &good);
  rc = read_all(&r, good, ret_offset, err);
  reader_done(&r);
  if (rc == SL_OK) *ret = r.root;
  return rc;
}

int sl_json_parse_trusted(const char *text, size_t len, cJSON **ret, sl_err *err) {
  struct reader r;
  sl_json_limits limits = {UINT32_MAX, SIZE_MAX};
  reader_init(&r, text, len, &limits);
  r.build = 1;
  int rc = run(&r);
  if (rc != SL_OK) rc = report(&r, NULL, err);
  reader_done(&r);
  if (rc == SL_OK) *ret = r.root;
  return rc;
}
