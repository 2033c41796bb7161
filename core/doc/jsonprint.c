/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing trees. Part of doc/codec.h.
 *
 * What was printed is checked to be UTF-8 once, as a whole: the quotes around
 * strings are ASCII, so the whole is well-formed if and only if each string is.
 */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "doc/codec.h"
#include "doc/jsonkeys.h"
#include "doc/jsonnum.h"
#include "doc/jsonscan.h"

#define STACK_BYTES 16384

/* Writes to memory on the stack first, then to a block; or into a caller's
 * buffer. */
struct writer {
  char *data;
  size_t len, cap;
  char *local; /* the stack's memory, or NULL */
  sl_buf *buf; /* the caller's, or NULL */
  int pretty;
  int code; /* of the first error */
  const cJSON *bad;
  const char *why;
};

static int fail(struct writer *w, int code, const cJSON *bad, const char *why) {
  w->code = code;
  w->bad = bad;
  w->why = why;
  return code;
}

static int grow(struct writer *w, size_t more) {
  if (w->buf != NULL) {
    w->buf->len = w->len;
    if (sl_buf_reserve(w->buf, more + w->len / 2) != SL_OK) return fail(w, SL_ENOMEM, NULL, NULL);
    w->data = w->buf->data;
    w->cap = w->buf->cap;
    return SL_OK;
  }
  size_t cap = w->cap + w->cap / 2 + more;
  int moved = w->data == w->local;
  char *data = sl_mem_realloc(moved ? NULL : w->data, cap);
  if (data == NULL) return fail(w, SL_ENOMEM, NULL, NULL);
  if (moved) memcpy(data, w->data, w->len);
  w->data = data;
  w->cap = cap;
  return SL_OK;
}

/* Room for n bytes and a NUL. */
static inline int reserve(struct writer *w, size_t n) { return w->cap - w->len > n ? SL_OK : grow(w, n + 1); }

static int put(struct writer *w, const char *text, size_t len) {
  if (reserve(w, len) != SL_OK) return w->code;
  memcpy(w->data + w->len, text, len);
  w->len += len;
  return SL_OK;
}

static size_t escape(char *dst, unsigned char c) {
  static const char digits[] = "0123456789abcdef";
  dst[0] = '\\';
  switch (c) {
  case '"':
  case '\\':
    dst[1] = (char)c;
    return 2;
  case '\b':
    dst[1] = 'b';
    return 2;
  case '\f':
    dst[1] = 'f';
    return 2;
  case '\n':
    dst[1] = 'n';
    return 2;
  case '\r':
    dst[1] = 'r';
    return 2;
  case '\t':
    dst[1] = 't';
    return 2;
  default:
    memcpy(dst + 1, "u00", 3);
    dst[4] = digits[c >> 4];
    dst[5] = digits[c & 15];
    return 6;
  }
}

static int put_string(struct writer *w, const char *text, size_t len) {
  const char *p = text;
  const char *end = p + len;
  if (reserve(w, (size_t)(end - p) + 2) != SL_OK) return w->code;
  w->data[w->len++] = '"';
  while (p < end) {
    /* Each turn has room for the rest as plain text and the closing quote; an
     * escape needs up to five bytes more. */
    const char *stop = sl_jsonscan_copy(w->data + w->len, p, end);
    w->len += (size_t)(stop - p);
    p = stop;
    while (p < end && sl_jsonscan_special((unsigned char)*p)) {
      if (reserve(w, (size_t)(end - p) + 8) != SL_OK) return w->code;
      w->len += escape(w->data + w->len, (unsigned char)*p++);
    }
  }
  w->data[w->len++] = '"';
  return SL_OK;
}

#if defined(__SSE2__) && !defined(SLUICE_SANITIZED)
#define SHORT 32
#define PAGE ((uintptr_t)4096)

/* Most strings are short and plain: they are copied, searched for special bytes and for their end in one go, without
 * asking for their length first. Reads up to SHORT bytes from text on, which may lie behind the string but not behind
 * its page, so that the memory is there; a sanitizer would object nevertheless. 1 if it was such a string. */
static inline int put_short(struct writer *w, const char *text, size_t *ret_len) {
  if (((uintptr_t)text & (PAGE - 1)) > PAGE - SHORT || w->cap - w->len < SHORT + 4) return 0;
  char *dst = w->data + w->len;
  uint32_t low = sl_jsonscan_mask(text);
  uint32_t mask = low != 0 ? low : sl_jsonscan_mask(text + 16) << 16;
  if (mask == 0) return 0;
  size_t n = (size_t)__builtin_ctz(mask);
  if (text[n] != '\0') return 0;
  *dst = '"';
  memcpy(dst + 1, text, 16);
  if (n > 16) memcpy(dst + 17, text + 16, 16);
  dst[n + 1] = '"';
  w->len += n + 2;
  *ret_len = n;
  return 1;
}
#else
static inline int put_short(struct writer *w, const char *text, size_t *ret_len) {
  (void)w;
  (void)text;
  (void)ret_len;
  return 0;
}
#endif

static int put_text(struct writer *w, const char *text, size_t *ret_len) {
  if (put_short(w, text, ret_len)) return SL_OK;
  *ret_len = strlen(text);
  return put_string(w, text, *ret_len);
}

static int put_number(struct writer *w, const cJSON *item) {
  char buf[40];
  size_t n;
  const char *text = sl_jsonnum_text(item, buf, &n);
  if (n == 0) return fail(w, SL_EINVAL, item, "a number that is not finite");
  return put(w, text, n);
}

/* Raw text comes from a plugin: it must be JSON, and must not bring line breaks
 * into a line. */
static int put_raw(struct writer *w, const cJSON *item) {
  cJSON *tree = NULL;
  char *text = NULL;
  size_t len = 0;
  const char *raw = item->valuestring == NULL ? "" : item->valuestring;
  int rc = sl_json_parse(raw, strlen(raw), NULL, &tree, NULL, NULL);
  if (rc == SL_OK) rc = sl_json_print(tree, &text, &len, NULL);
  cJSON_Delete(tree);
  if (rc == SL_ENOMEM) return fail(w, SL_ENOMEM, NULL, NULL);
  if (rc != SL_OK) return fail(w, SL_EINVAL, item, "raw text that is not JSON");
  rc = put(w, text, len);
  sl_mem_free(text);
  return rc;
}

static int put_leaf(struct writer *w, const cJSON *item) {
  size_t len;
  switch (item->type & 0xff) {
  case cJSON_String:
    return item->valuestring == NULL ? put(w, "\"\"", 2) : put_text(w, item->valuestring, &len);
  case cJSON_Number:
    return put_number(w, item);
  case cJSON_NULL:
    return put(w, "null", 4);
  case cJSON_True:
    return put(w, "true", 4);
  case cJSON_False:
    return put(w, "false", 5);
  case cJSON_Raw:
    return put_raw(w, item);
  default:
    return fail(w, SL_EINVAL, item, "an item without a type");
  }
}

static int put_indent(struct writer *w, uint32_t depth) {
  if (!w->pretty) return SL_OK;
  if (reserve(w, (size_t)depth * 2 + 1) != SL_OK) return w->code;
  w->data[w->len++] = '\n';
  memset(w->data + w->len, ' ', (size_t)depth * 2);
  w->len += (size_t)depth * 2;
  return SL_OK;
}

/* A container that is being printed. */
struct level {
  const cJSON *item;
  sl_jsonobj keys;
};

struct walk {
  uint32_t depth;
  sl_jsonkeys keys;
  struct level open[SL_JSON_MAX_DEPTH];
};

static int put_key(struct writer *w, struct walk *walk, const cJSON *item) {
  struct level *level = &walk->open[walk->depth - 1];
  if (item->string == NULL) return fail(w, SL_EINVAL, item, "a member without a key");
  size_t len;
  if (put_text(w, item->string, &len) != SL_OK) return w->code;
  int rc = sl_jsonkeys_add(&walk->keys, &level->keys, item->string, len);
  if (rc == SL_EEXIST) return fail(w, SL_EINVAL, item, "a second member with the same key");
  if (rc != SL_OK) return fail(w, rc, NULL, NULL);
  return w->pretty ? put(w, ": ", 2) : put(w, ":", 1);
}

/* Opens a container, or prints it whole if it is empty. */
static int put_open(struct writer *w, const cJSON *item) {
  int is_object = (item->type & 0xff) == cJSON_Object;
  if (item->child == NULL) return put(w, is_object ? "{}" : "[]", 2);
  return put(w, is_object ? "{" : "[", 1);
}

/* item's text is out. Goes to the next one: closes what has ended. NULL at the end or after an error. */
static const cJSON *advance(struct writer *w, struct walk *walk, const cJSON *item) {
  while (walk->depth > 0) {
    if (item->next != NULL) {
      if (put(w, ",", 1) != SL_OK || put_indent(w, walk->depth) != SL_OK) return NULL;
      return item->next;
    }
    struct level *level = &walk->open[--walk->depth];
    item = level->item;
    sl_jsonkeys_close(&walk->keys, &level->keys);
    const char *end = (item->type & 0xff) == cJSON_Object ? "}" : "]";
    if (put_indent(w, walk->depth) != SL_OK || put(w, end, 1) != SL_OK) return NULL;
  }
  return NULL;
}

/* An item without its key; a container is only opened. Returns the item to go on with. */
static const cJSON *put_item(struct writer *w, struct walk *walk, const cJSON *item) {
  int type = item->type & 0xff;
  if (type != cJSON_Object && type != cJSON_Array) return put_leaf(w, item) == SL_OK ? advance(w, walk, item) : NULL;
  if (walk->depth == SL_JSON_MAX_DEPTH) {
    fail(w, SL_ELIMIT, item, "a tree nested too deeply");
    return NULL;
  }
  if (put_open(w, item) != SL_OK) return NULL;
  if (item->child == NULL) return advance(w, walk, item);
  walk->open[walk->depth++] = (struct level){item, sl_jsonkeys_open(&walk->keys)};
  return put_indent(w, walk->depth) == SL_OK ? item->child : NULL;
}

static int write_tree(struct writer *w, const cJSON *tree) {
  struct walk walk;
  walk.depth = 0;
  sl_jsonkeys_init(&walk.keys);
  for (const cJSON *item = tree; item != NULL;) {
    int is_member = walk.depth > 0 && (walk.open[walk.depth - 1].item->type & 0xff) == cJSON_Object;
    if (is_member && put_key(w, &walk, item) != SL_OK) break;
    item = put_item(w, &walk, item);
  }
  while (walk.depth > 0) sl_jsonkeys_close(&walk.keys, &walk.open[--walk.depth].keys);
  sl_jsonkeys_done(&walk.keys);
  return w->code;
}

/* ---- errors ---- */

static int bad_text(const char *s) { return s != NULL && !sl_utf8_valid(s, strlen(s), NULL); }

/* Finds `want` (NULL: the first item with ill-formed text) and writes its JSON
 * pointer. 1 if found. Depth is what write_tree allows, and each level keeps
 * little. */
static int find_path(const cJSON *item, const cJSON *want, sl_buf *path, uint32_t depth) {
  if (want != NULL ? item == want : bad_text(item->valuestring) || bad_text(item->string)) return 1;
  size_t index = 0;
  if (depth == SL_JSON_MAX_DEPTH) return 0;
  for (const cJSON *c = item->child; c != NULL; c = c->next, index++) {
    size_t len = path->len;
    (void)sl_buf_addc(path, '/');
    if ((item->type & 0xff) == cJSON_Array) (void)sl_buf_addf(path, "%zu", index);
    for (const char *k = (item->type & 0xff) == cJSON_Array || c->string == NULL ? "" : c->string; *k != '\0'; k++) {
      if (*k == '~' || *k == '/') {
        (void)sl_buf_addstr(path, *k == '~' ? "~0" : "~1");
      } else {
        (void)sl_buf_addc(path, *k);
      }
    }
    if (find_path(c, want, path, depth + 1)) return 1;
    path->len = len;
  }
  return 0;
}

static int report(const struct writer *w, const cJSON *tree, sl_err *err) {
  if (w->code == SL_ENOMEM) return sl_err_set(err, SL_ENOMEM, "cannot print JSON: memory is out");
  sl_buf path = {0};
  int found = w->code != SL_ELIMIT && find_path(tree, w->bad, &path, 0);
  const char *where = found && path.len > 0 && !path.failed ? path.data : "";
  if (path.data != NULL) path.data[path.len] = '\0';
  int rc = sl_err_set(err, w->code, "cannot print JSON: %s at \"%s\"", w->why, where);
  if (err != NULL && bad_text(err->message)) { /* the key itself is what is wrong */
    for (char *p = err->message; *p != '\0'; p++) *p = (unsigned char)*p < 0x80 ? *p : '?';
  }
  sl_err_hint(err,
              "a stage made this value: text must be UTF-8, numbers finite, at "
              "most %d levels",
              SL_JSON_MAX_DEPTH);
  sl_buf_done(&path);
  return rc;
}

/* ---- entries ---- */

static int print_checked(struct writer *w, const cJSON *tree, size_t from, sl_err *err) {
  if (tree == NULL) return sl_err_set(err, SL_EINVAL, "cannot print JSON: there is no tree");
  if (write_tree(w, tree) == SL_OK && !sl_utf8_valid(w->data + from, w->len - from, NULL)) {
    fail(w, SL_EENCODING, NULL, "text that is not UTF-8");
  }
  return w->code == SL_OK ? SL_OK : report(w, tree, err);
}

int sl_json_print(const cJSON *tree, char **ret, size_t *ret_len, sl_err *err) {
  char local[STACK_BYTES];
  struct writer w = {.data = local, .local = local, .cap = sizeof local};
  int rc = print_checked(&w, tree, 0, err);
  char *out = NULL;
  if (rc == SL_OK) {
    w.data[w.len] = '\0';
    /* A block with much room to spare is made smaller; when that fails it is
     * still good. */
    out = w.data == local ? sl_mem_memdup(local, w.len + 1) : w.data;
    if (out != local && out == w.data && w.cap - w.len > w.len / 8) {
      char *fit = sl_mem_realloc(out, w.len + 1);
      if (fit != NULL) out = fit;
    }
    if (out == NULL) rc = sl_err_set(err, SL_ENOMEM, "cannot print JSON: memory is out");
  } else if (w.data != local) {
    sl_mem_free(w.data);
  }
  if (rc != SL_OK) return rc;
  *ret = out;
  *ret_len = w.len;
  return SL_OK;
}

static int print_into(const cJSON *tree, sl_buf *buf, int pretty, sl_err *err) {
  size_t from = buf->len;
  if (sl_buf_reserve(buf, 256) != SL_OK) return sl_err_set(err, SL_ENOMEM, "cannot print JSON: memory is out");
  struct writer w = {.data = buf->data, .len = from, .cap = buf->cap, .buf = buf, .pretty = pretty};
  int rc = print_checked(&w, tree, from, err);
  buf->len = rc == SL_OK ? w.len : from;
  if (buf->data != NULL) buf->data[buf->len] = '\0';
  return rc;
}

int sl_json_print_to(const cJSON *tree, sl_buf *buf, sl_err *err) { return print_into(tree, buf, 0, err); }

int sl_json_print_pretty(const cJSON *tree, sl_buf *buf, sl_err *err) { return print_into(tree, buf, 1, err); }
