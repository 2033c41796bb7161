/* SPDX-License-Identifier: Apache-2.0 */
/* Changing /text of a document with its map and annotations. Part of
 * doc/editmap.h. */
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "doc/codec.h"
#include "doc/editmap.h"
#include "doc/jsontree.h"

static int no_memory(sl_err *err) { return sl_err_set(err, SL_ENOMEM, "cannot change /text: memory is out"); }

static int check_text(const char *text, size_t len, sl_err *err) {
  size_t bad = 0;
  if (!sl_utf8_valid(text, len, &bad))
    return sl_err_set(err, SL_EENCODING, "expected UTF-8 for /text, byte %zu is not", bad);
  const char *nul = memchr(text, '\0', len);
  if (nul != NULL)
    return sl_err_set(err, SL_EINVAL, "byte %td of the new /text is NUL, which text must not hold", nul - text);
  return SL_OK;
}

/* Gives the string item a new text [take]. */
static void put_text(cJSON *item, char *text) {
  if ((item->type & cJSON_IsReference) == 0) sl_mem_free(item->valuestring);
  item->type &= ~cJSON_IsReference;
  item->valuestring = text;
}

/* The map from `spans` to the payload: through the map that is there. */
static int make_map(const sl_doc *doc, const sl_span *spans, uint32_t n, size_t len, sl_editmap **ret, sl_err *err) {
  sl_editmap *map = NULL;
  int rc = sl_editmap_new(spans, n, len, &map, err);
  if (rc == SL_OK && doc->map != NULL) {
    sl_editmap *later = map;
    rc = sl_editmap_compose(later, doc->map, &map, err);
    sl_editmap_unref(later);
  }
  if (rc == SL_OK) *ret = map;
  return rc;
}

int sl_doc_edit_text_set(sl_doc *doc, const char *text, size_t len, const sl_span *spans, uint32_t n, sl_err *err) {
  int rc = check_text(text, len, err);
  if (rc != SL_OK) return rc;
  sl_editmap *map = NULL;
  rc = make_map(doc, spans, n, len, &map, err);
  if (rc != SL_OK) return rc;
  char *copy = sl_mem_strndup(text, len);
  cJSON *body = copy == NULL ? NULL : sl_doc_edit(doc, err);
  if (body == NULL) {
    rc = copy == NULL ? no_memory(err) : (err != NULL ? err->code : SL_ENOMEM);
    goto out;
  }
  cJSON *item = sl_jsontree_member(body, "text");
  if (item == NULL || !cJSON_IsString(item)) {
    cJSON *fresh = cJSON_CreateString("");
    char *key = sl_mem_strdup("text");
    if (fresh == NULL || key == NULL) {
      cJSON_Delete(fresh);
      sl_mem_free(key);
      rc = no_memory(err);
      goto out;
    }
    fresh->string = key;
    if (item != NULL) {
      cJSON_ReplaceItemViaPointer(body, item, fresh);
    } else {
      cJSON_AddItemToArray(body, fresh);
    }
    item = fresh;
  }
  put_text(item, copy);
  copy = NULL;
  sl_editmap_unref(doc->map);
  doc->map = map;
  map = NULL;
out:
  sl_mem_free(copy);
  sl_editmap_unref(map);
  return rc;
}

/* ---- annotations ---- */

/* Text [start, end) becomes len bytes. */
struct change {
  double start, end, len;
};

static void set_number(cJSON *item, double value) {
  if (item->valuedouble != value) (void)cJSON_SetNumberHelper(item, value);
}

/* Moves a range: what begins or ends inside the replaced text goes to its
 * borders. */
static void move_range(const struct change *c, cJSON *from, cJSON *to) {
  double a = from->valuedouble;
  double b = to->valuedouble;
  double shift = c->len - (c->end - c->start);
  double new_a = a >= c->end ? a + shift : (a > c->start ? c->start : a);
  double new_b = b <= c->start ? b : (b >= c->end ? b + shift : c->start + c->len);
  if (a <= b && new_b < new_a) new_b = new_a; /* an empty range at an insertion */
  set_number(from, new_a);
  set_number(to, new_b);
}

/* [start, end, start, end, …] */
static void move_pairs(const struct change *c, cJSON *array) {
  for (cJSON *a = array->child; a != NULL && a->next != NULL; a = a->next->next) {
    if (cJSON_IsNumber(a) && cJSON_IsNumber(a->next)) move_range(c, a, a->next);
  }
}

static void move_annotations(const struct change *c, cJSON *item, uint32_t depth) {
  if (depth > SL_JSON_MAX_DEPTH) return;
  if (cJSON_IsObject(item)) {
    cJSON *start = sl_jsontree_member(item, "start");
    cJSON *end = sl_jsontree_member(item, "end");
    if (cJSON_IsNumber(start) && cJSON_IsNumber(end)) move_range(c, start, end);
  }
  for (cJSON *child = item->child; child != NULL; child = child->next) {
    if (child->child == NULL) continue;
    move_annotations(c, child, depth + 1);
  }
}

static void move_all(const struct change *c, cJSON *body) {
  move_annotations(c, body, 0);
  cJSON *paragraphs = sl_jsontree_member(body, "paragraphs");
  if (cJSON_IsArray(paragraphs)) {
    for (cJSON *p = paragraphs->child; p != NULL; p = p->next) {
      if (cJSON_IsArray(p)) move_pairs(c, p);
    }
  }
  cJSON *sentences = sl_jsontree_member(body, "sentences");
  if (!cJSON_IsArray(sentences)) return;
  for (cJSON *s = sentences->child; s != NULL; s = s->next) {
    cJSON *tokens = cJSON_IsObject(s) ? sl_jsontree_member(s, "tokens") : NULL;
    if (cJSON_IsArray(tokens)) move_pairs(c, tokens);
  }
}

/* ---- replacing ---- */

static int is_boundary(const char *text, size_t at) { return ((unsigned char)text[at] & 0xc0) != 0x80; }

/* The old text with [start, end) replaced. [own]; NULL when memory is out. */
static char *spliced(const char *old, size_t old_len, size_t start, size_t end, const char *with, size_t len) {
  char *text = sl_mem_alloc(old_len - (end - start) + len + 1);
  if (text == NULL) return NULL;
  memcpy(text, old, start);
  if (len > 0) memcpy(text + start, with, len);
  memcpy(text + start + len, old + end, old_len - end + 1);
  return text;
}

int sl_doc_edit_replace(sl_doc *doc, uint64_t start, uint64_t end, const char *with, size_t len, sl_err *err) {
  int rc = check_text(with, len, err);
  if (rc != SL_OK) return rc;
  sl_err why = {0};
  const cJSON *body = sl_doc_body(doc, &why);
  if (body == NULL) {
    if (err != NULL) *err = why;
    return why.code;
  }
  const cJSON *item = sl_jsontree_member(body, "text");
  if (!cJSON_IsString(item)) return sl_err_set(err, SL_ENOTFOUND, "the document has no /text to change");
  size_t old_len = strlen(item->valuestring);
  if (start > end || end > old_len || !is_boundary(item->valuestring, start) || !is_boundary(item->valuestring, end)) {
    return sl_err_set(err, SL_EINVAL,
                      "bytes %llu to %llu are no range of whole characters in "
                      "the %zu bytes of /text",
                      (unsigned long long)start, (unsigned long long)end, old_len);
  }
  sl_editmap *map = NULL;
  char *text = spliced(item->valuestring, old_len, start, end, with, len);
  if (text == NULL) return no_memory(err);
  if (doc->map != NULL && (rc = sl_editmap_splice(doc->map, start, end, len, &map, err)) != SL_OK) goto fail;
  cJSON *mine = sl_doc_edit(doc, err);
  if (mine == NULL) {
    rc = SL_ENOMEM;
    goto fail;
  }
  put_text(sl_jsontree_member(mine, "text"), text);
  struct change change = {(double)start, (double)end, (double)len};
  move_all(&change, mine);
  if (doc->map != NULL) {
    sl_editmap_unref(doc->map);
    doc->map = map;
  }
  return SL_OK;
fail:
  sl_mem_free(text);
  sl_editmap_unref(map);
  return rc;
}

int sl_doc_edit_source_of(const sl_doc *doc, uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end,
                          sl_err *err) {
  if (doc->map == NULL) return sl_err_set(err, SL_ENOTFOUND, "the document has no edit map");
  if (sl_editmap_lookup(doc->map, start, end, ret_start, ret_end) == SL_OK) return SL_OK;
  return sl_err_set(err, SL_ENOTFOUND, "text bytes %llu to %llu were inserted: they have no source",
                    (unsigned long long)start, (unsigned long long)end);
}
