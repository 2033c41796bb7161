/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch. */
#include "doc/patch.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/mem.h"
#include "doc/codec.h"
#include "doc/jsontree.h"
#include "doc/pointer.h"

#define MAX_DEPTH (2 * SL_JSON_MAX_DEPTH)

/* ---- making ---- */

struct maker {
  cJSON *ops;
  sl_buf path;
  int rc;
};

static int type_of(const cJSON *item) { return item->type & 0xff; }

static void out_of_memory(struct maker *m) { m->rc = SL_ENOMEM; }

/* Appends a step; returns the length to go back to. */
static size_t push_key(struct maker *m, const char *key) {
  size_t len = m->path.len;
  (void)sl_buf_addc(&m->path, '/');
  for (const char *p = key; *p != '\0'; p++) {
    if (*p == '~' || *p == '/') {
      (void)sl_buf_addstr(&m->path, *p == '~' ? "~0" : "~1");
    } else {
      (void)sl_buf_addc(&m->path, *p);
    }
  }
  if (m->path.failed) out_of_memory(m);
  return len;
}

static size_t push_index(struct maker *m, size_t index) {
  size_t len = m->path.len;
  if (sl_buf_addf(&m->path, "/%zu", index) != SL_OK) out_of_memory(m);
  return len;
}

static void pop(struct maker *m, size_t len) {
  m->path.len = len;
  if (m->path.data != NULL) m->path.data[len] = '\0';
}

static int add_string(cJSON *object, const char *key, const char *text) {
  return cJSON_AddStringToObject(object, key, text) == NULL ? SL_ENOMEM : SL_OK;
}

/* One operation at the path; value (or NULL) is copied; from for "move". */
static void emit(struct maker *m, const char *op, const char *from, const cJSON *value) {
  if (m->rc != SL_OK) return;
  cJSON *o = cJSON_CreateObject();
  const char *path = m->path.data == NULL ? "" : m->path.data;
  cJSON *copy = value == NULL ? NULL : sl_json_copy(value);
  int rc = o == NULL || (value != NULL && copy == NULL) ? SL_ENOMEM : add_string(o, "op", op);
  if (rc == SL_OK && from != NULL) rc = add_string(o, "from", from);
  if (rc == SL_OK) rc = add_string(o, "path", path);
  if (rc == SL_OK && copy != NULL) {
    if (cJSON_AddItemToObject(o, "value", copy)) {
      copy = NULL;
    } else {
      rc = SL_ENOMEM;
    }
  }
  if (rc == SL_OK) {
    cJSON_AddItemToArray(m->ops, o);
  } else {
    cJSON_Delete(copy);
    cJSON_Delete(o);
    out_of_memory(m);
  }
}

static void diff(struct maker *m, const cJSON *a, const cJSON *b, uint32_t depth);

/* A member of `a` that b no longer has and that equals `value`: a rename. Small
 * objects only. */
static const cJSON *renamed_from(const cJSON *a, const cJSON *b, const cJSON *value, uint32_t used) {
  uint32_t i = 0;
  for (const cJSON *c = a->child; c != NULL && i < 32; c = c->next, i++) {
    if ((used >> i & 1) == 0 && sl_jsontree_member(b, c->string) == NULL && type_of(c) == type_of(value) &&
        sl_json_equal(c, value)) {
      return c;
    }
  }
  return NULL;
}

static uint32_t place_of(const cJSON *container, const cJSON *item) {
  uint32_t i = 0;
  for (const cJSON *c = container->child; c != item; c = c->next) i++;
  return i;
}

/* Members that only b has: by a move from one that only a has, else by an
 * addition. Returns the places in a that moved. */
static uint32_t diff_added(struct maker *m, const cJSON *a, const cJSON *b, sl_jsonindex *in_a) {
  uint32_t moved = 0;
  int small = sl_jsontree_count(a) <= 32 && sl_jsontree_count(b) <= 32;
  for (const cJSON *d = b->child; d != NULL && m->rc == SL_OK; d = d->next) {
    if (sl_jsonindex_get(in_a, d->string) != NULL) continue;
    const cJSON *from = small ? renamed_from(a, b, d, moved) : NULL;
    if (from == NULL) {
      size_t len = push_key(m, d->string);
      emit(m, "add", NULL, d);
      pop(m, len);
      continue;
    }
    moved |= 1u << place_of(a, from);
    size_t len = push_key(m, from->string);
    char *text = sl_mem_strdup(m->path.data);
    pop(m, len);
    if (text == NULL) {
      out_of_memory(m);
      return moved;
    }
    len = push_key(m, d->string);
    emit(m, "move", text, NULL);
    pop(m, len);
    sl_mem_free(text);
  }
  return moved;
}

static void diff_objects(struct maker *m, const cJSON *a, const cJSON *b, uint32_t depth) {
  sl_jsonindex in_a;
  sl_jsonindex in_b;
  if (sl_jsonindex_init(&in_a, a) != SL_OK) {
    out_of_memory(m);
    return;
  }
  if (sl_jsonindex_init(&in_b, b) != SL_OK) {
    sl_jsonindex_done(&in_a);
    out_of_memory(m);
    return;
  }
  uint32_t moved = diff_added(m, a, b, &in_a);
  uint32_t i = 0;
  for (const cJSON *c = a->child; c != NULL && m->rc == SL_OK; c = c->next, i++) {
    const cJSON *d = sl_jsonindex_get(&in_b, c->string);
    if (d == NULL && i < 32 && (moved >> i & 1) != 0) continue;
    size_t len = push_key(m, c->string);
    if (d == NULL) {
      emit(m, "remove", NULL, NULL);
    } else {
      diff(m, c, d, depth + 1);
    }
    pop(m, len);
  }
  sl_jsonindex_done(&in_a);
  sl_jsonindex_done(&in_b);
}

/* Equal elements at both ends stay; of the middle, pairs are compared, and the
 * rest is removed or added. */
static void diff_arrays(struct maker *m, const cJSON *a, const cJSON *b, uint32_t depth) {
  size_t n = sl_jsontree_count(a);
  size_t k = sl_jsontree_count(b);
  const cJSON *x = a->child;
  const cJSON *y = b->child;
  size_t at = 0;
  for (; x != NULL && y != NULL && sl_json_equal(x, y); x = x->next, y = y->next) at++;
  const cJSON *x_last = a->child == NULL ? NULL : a->child->prev;
  const cJSON *y_last = b->child == NULL ? NULL : b->child->prev;
  while (n > at && k > at && sl_json_equal(x_last, y_last)) {
    n--;
    k--;
    x_last = x_last->prev;
    y_last = y_last->prev;
  }
  for (; at < n && at < k && m->rc == SL_OK; at++, x = x->next, y = y->next) {
    size_t len = push_index(m, at);
    diff(m, x, y, depth + 1);
    pop(m, len);
  }
  for (; n > at && n > k && m->rc == SL_OK; n--) { /* from the end, so that indices stay right */
    size_t len = push_index(m, n - 1);
    emit(m, "remove", NULL, NULL);
    pop(m, len);
  }
  for (; at < k && m->rc == SL_OK; at++, y = y->next) {
    size_t len = push_index(m, at);
    emit(m, "add", NULL, y);
    pop(m, len);
  }
}

static void diff(struct maker *m, const cJSON *a, const cJSON *b, uint32_t depth) {
  if (m->rc != SL_OK) return;
  if (depth > MAX_DEPTH) {
    m->rc = SL_ELIMIT;
  } else if (type_of(a) != type_of(b)) {
    emit(m, "replace", NULL, b);
  } else if (type_of(a) == cJSON_Object) {
    diff_objects(m, a, b, depth);
  } else if (type_of(a) == cJSON_Array) {
    diff_arrays(m, a, b, depth);
  } else {
    int same = sl_jsontree_equal(a, b);
    if (same == 0) emit(m, "replace", NULL, b);
  }
}

int sl_patch_make(const cJSON *a, const cJSON *b, cJSON **ret, sl_err *err) {
  struct maker m = {.ops = cJSON_CreateArray()};
  if (m.ops == NULL) {
    out_of_memory(&m);
  } else {
    diff(&m, a, b, 0);
  }
  sl_buf_done(&m.path);
  if (m.rc == SL_OK) {
    *ret = m.ops;
    return SL_OK;
  }
  cJSON_Delete(m.ops);
  if (m.rc == SL_ELIMIT) return sl_err_set(err, m.rc, "cannot compare trees nested more than %d deep", MAX_DEPTH);
  return sl_err_set(err, m.rc, "cannot make a patch: memory is out");
}

/* ---- applying ---- */

struct operation {
  size_t index;
  const char *op, *path_text;
  sl_pointer *path, *from;
  const cJSON *value;
};

static int fail(const struct operation *o, sl_err *err, int code, const char *why) {
  if (code == SL_ENOMEM) return sl_err_set(err, code, "cannot apply a patch: memory is out");
  return sl_err_set(err, code, "operation %zu of the patch (%s \"%s\"): %s", o->index, o->op, o->path_text, why);
}

/* By hand: what cJSON_InsertItemInArray returns differs between versions. index is below the number of elements. */
static void insert_before(cJSON *array, size_t index, cJSON *value) {
  cJSON *at = array->child;
  for (size_t i = 0; i < index; i++) at = at->next;
  value->next = at;
  value->prev = at->prev;
  at->prev = value;
  if (at == array->child) {
    array->child = value;
  } else {
    value->prev->next = value;
  }
}

/* Puts value [take] where the pointer leads, by the rules of "add". */
static int put(const struct operation *o, cJSON **root, cJSON *value, sl_err *err) {
  const char *key;
  int64_t index;
  int rc = SL_ENOTFOUND;
  const char *why = "the place to add to is not there";
  if (o->path_text[0] == '\0') {
    cJSON_Delete(*root);
    *root = value;
    return SL_OK;
  }
  cJSON *parent = sl_pointer_parent(o->path, *root, &key, &index);
  if (cJSON_IsObject(parent)) {
    rc = sl_pointer_set(o->path, *root, value, NULL);
    why = "memory is out";
  } else if (cJSON_IsArray(parent)) {
    int64_t count = (int64_t)sl_jsontree_count(parent);
    why = "the index is behind the end of the array";
    if (index == -2 || index == count) {
      rc = cJSON_AddItemToArray(parent, value) ? SL_OK : SL_EBUG;
    } else if (index >= 0 && index < count) {
      insert_before(parent, (size_t)index, value);
      rc = SL_OK;
    }
  }
  if (rc == SL_OK) return SL_OK;
  cJSON_Delete(value);
  return fail(o, err, rc, why);
}

/* A key of its former place would be wrong in the new one. */
static void drop_key(cJSON *item) {
  if ((item->type & cJSON_StringIsConst) == 0) sl_mem_free(item->string);
  item->type &= ~cJSON_StringIsConst;
  item->string = NULL;
}

static int apply_add(const struct operation *o, cJSON **root, sl_err *err) {
  cJSON *copy = sl_json_copy(o->value);
  return copy == NULL ? fail(o, err, SL_ENOMEM, "") : put(o, root, copy, err);
}

static int apply_remove(const struct operation *o, cJSON **root, sl_err *err) {
  if (o->path_text[0] == '\0') return fail(o, err, SL_EINVAL, "the whole document cannot be removed");
  cJSON *item = sl_pointer_detach(o->path, *root);
  if (item == NULL) return fail(o, err, SL_ENOTFOUND, "there is nothing to remove");
  cJSON_Delete(item);
  return SL_OK;
}

static int apply_replace(const struct operation *o, cJSON **root, sl_err *err) {
  if (sl_pointer_get(o->path, *root) == NULL) return fail(o, err, SL_ENOTFOUND, "there is nothing to replace");
  cJSON *copy = sl_json_copy(o->value);
  if (copy == NULL) return fail(o, err, SL_ENOMEM, "");
  if (o->path_text[0] == '\0') return put(o, root, copy, err);
  if (sl_pointer_set(o->path, *root, copy, NULL) == SL_OK) return SL_OK;
  cJSON_Delete(copy);
  return fail(o, err, SL_ENOMEM, "");
}

static int apply_move(const struct operation *o, cJSON **root, sl_err *err) {
  const char *from = sl_pointer_text(o->from);
  if (strcmp(from, o->path_text) == 0) {
    return sl_pointer_get(o->from, *root) != NULL ? SL_OK : fail(o, err, SL_ENOTFOUND, "there is nothing to move");
  }
  if (sl_pointer_covers(from, o->path_text)) return fail(o, err, SL_EINVAL, "a value cannot be moved into itself");
  cJSON *item = sl_pointer_detach(o->from, *root);
  if (item == NULL) return fail(o, err, SL_ENOTFOUND, "there is nothing to move");
  drop_key(item);
  return put(o, root, item, err);
}

static int apply_copy(const struct operation *o, cJSON **root, sl_err *err) {
  const cJSON *item = sl_pointer_get(o->from, *root);
  if (item == NULL) return fail(o, err, SL_ENOTFOUND, "there is nothing to copy");
  cJSON *copy = sl_json_copy(item);
  return copy == NULL ? fail(o, err, SL_ENOMEM, "") : put(o, root, copy, err);
}

static int apply_test(const struct operation *o, cJSON **root, sl_err *err) {
  const cJSON *item = sl_pointer_get(o->path, *root);
  if (item == NULL) return fail(o, err, SL_ENOTFOUND, "there is nothing to test");
  int same = sl_jsontree_equal(item, o->value);
  if (same < 0) return fail(o, err, same, "");
  return same ? SL_OK : fail(o, err, SL_EINVAL, "the value is another one");
}

static const struct {
  const char *name;
  int needs_value, needs_from;
  int (*apply)(const struct operation *o, cJSON **root, sl_err *err);
} kinds[] = {{"add", 1, 0, apply_add},   {"remove", 0, 0, apply_remove}, {"replace", 1, 0, apply_replace},
             {"move", 0, 1, apply_move}, {"copy", 0, 1, apply_copy},     {"test", 1, 0, apply_test}};

static const char *text_of(const cJSON *op, const char *key) {
  const cJSON *item = sl_jsontree_member(op, key);
  return cJSON_IsString(item) ? item->valuestring : NULL;
}

static int apply_one(const cJSON *op, size_t index, cJSON **root, sl_err *err) {
  struct operation o = {.index = index};
  size_t kind = 0;
  if (!cJSON_IsObject(op)) return sl_err_set(err, SL_EINVAL, "operation %zu of the patch is not an object", index);
  o.op = text_of(op, "op");
  o.path_text = text_of(op, "path");
  if (o.op == NULL || o.path_text == NULL) {
    return sl_err_set(err, SL_EINVAL, "operation %zu of the patch needs the strings op and path", index);
  }
  while (kind < sizeof kinds / sizeof kinds[0] && strcmp(o.op, kinds[kind].name) != 0) kind++;
  if (kind == sizeof kinds / sizeof kinds[0])
    return fail(&o, err, SL_EINVAL, "expected add, remove, replace, move, copy or test");
  o.value = sl_jsontree_member(op, "value");
  const char *from = text_of(op, "from");
  if (kinds[kind].needs_value && o.value == NULL) return fail(&o, err, SL_EINVAL, "value is missing");
  if (kinds[kind].needs_from && from == NULL) return fail(&o, err, SL_EINVAL, "from is missing");
  int rc = sl_pointer_new(o.path_text, &o.path, err);
  if (rc == SL_OK && kinds[kind].needs_from) rc = sl_pointer_new(from, &o.from, err);
  if (rc != SL_OK) {
    if (rc != SL_ENOMEM) sl_err_prefix(err, "operation %zu of the patch", index);
  } else {
    rc = kinds[kind].apply(&o, root, err);
  }
  sl_pointer_free(o.path);
  sl_pointer_free(o.from);
  return rc;
}

int sl_patch_apply(const cJSON *doc, const cJSON *patch, cJSON **ret, sl_err *err) {
  if (!cJSON_IsArray(patch)) return sl_err_set(err, SL_EINVAL, "a JSON Patch is an array of operations");
  cJSON *root = sl_json_copy(doc);
  if (root == NULL) return sl_err_set(err, SL_ENOMEM, "cannot apply a patch: memory is out");
  int rc = SL_OK;
  size_t index = 0;
  for (const cJSON *op = patch->child; op != NULL && rc == SL_OK; op = op->next)
    rc = apply_one(op, index++, &root, err);
  if (rc == SL_OK) {
    *ret = root;
  } else {
    cJSON_Delete(root);
  }
  return rc;
}
