/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Pointer. */
#include "doc/pointer.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "doc/jsontree.h"

struct step {
  const char *key;
  int64_t index; /* as an array index, -1 if it is none; -2: "-" */
};

/* One block: struct, steps, text, decoded keys. */
struct sl_pointer {
  char *text;
  size_t n;
  struct step steps[];
};

static int64_t index_of(const char *key) {
  if (strcmp(key, "-") == 0) return -2;
  if (key[0] == '\0' || (key[0] == '0' && key[1] != '\0')) return -1;
  int64_t v = 0;
  for (const char *p = key; *p != '\0'; p++) {
    if (*p < '0' || *p > '9' || v > 100000000) return -1;
    v = v * 10 + (*p - '0');
  }
  return v;
}

static int check(const char *text, size_t *ret_steps, sl_err *err) {
  size_t steps = 0;
  if (text[0] != '\0' && text[0] != '/') {
    sl_err_set(err, SL_EINVAL, "a JSON pointer begins with '/', found \"%s\"", text);
    sl_err_hint(err, "write \"/%s\"", text);
    return SL_EINVAL;
  }
  for (const char *p = text; *p != '\0'; p++) {
    steps += *p == '/';
    if (*p == '~' && p[1] != '0' && p[1] != '1') {
      sl_err_set(err, SL_EINVAL,
                 "'~' in the JSON pointer \"%s\" (character %td) must be "
                 "followed by 0 or 1",
                 text, p - text + 1);
      sl_err_hint(err, "\"~0\" stands for '~', \"~1\" for '/'");
      return SL_EINVAL;
    }
  }
  *ret_steps = steps;
  return SL_OK;
}

int sl_pointer_new(const char *text, sl_pointer **ret, sl_err *err) {
  size_t n = 0;
  int rc = check(text, &n, err);
  if (rc != SL_OK) return rc;
  size_t len = strlen(text);
  sl_pointer *p = sl_mem_alloc(sizeof *p + n * sizeof p->steps[0] + 2 * (len + 1));
  if (p == NULL) return sl_err_set(err, SL_ENOMEM, "cannot compile a JSON pointer: memory is out");
  p->n = n;
  p->text = (char *)&p->steps[n];
  memcpy(p->text, text, len + 1);
  char *out = p->text + len + 1;
  const char *s = text;
  for (size_t i = 0; i < n; i++) {
    p->steps[i].key = out;
    for (s++; *s != '\0' && *s != '/'; s++) {
      if (*s == '~') {
        *out++ = *++s == '0' ? '~' : '/';
      } else {
        *out++ = *s;
      }
    }
    *out++ = '\0';
    p->steps[i].index = index_of(p->steps[i].key);
  }
  *ret = p;
  return SL_OK;
}

void sl_pointer_free(sl_pointer *p) { sl_mem_free(p); }

const char *sl_pointer_text(const sl_pointer *p) { return p->text; }

static cJSON *child(const cJSON *parent, const struct step *step) {
  int type = parent->type & 0xff;
  if (type == cJSON_Object) return sl_jsontree_member(parent, step->key);
  if (type != cJSON_Array || step->index < 0) return NULL;
  cJSON *c = parent->child;
  for (int64_t i = 0; c != NULL && i < step->index; i++) c = c->next;
  return c;
}

const cJSON *sl_pointer_get(const sl_pointer *p, const cJSON *root) {
  const cJSON *item = root;
  for (size_t i = 0; i < p->n && item != NULL; i++) item = child(item, &p->steps[i]);
  return item;
}

cJSON *sl_pointer_get_mut(const sl_pointer *p, cJSON *root) {
  cJSON *item = root;
  for (size_t i = 0; i < p->n && item != NULL; i++) item = child(item, &p->steps[i]);
  return item;
}

/* The part of the pointer up to and with step n, for messages. */
static int prefix_len(const sl_pointer *p, size_t n) {
  const char *s = p->text;
  for (size_t i = 0; i < n; i++) s += 1 + strcspn(s + 1, "/");
  return (int)(s - p->text);
}

static const char *type_name(const cJSON *item) {
  switch (item->type & 0xff) {
  case cJSON_NULL:
    return "null";
  case cJSON_True:
  case cJSON_False:
    return "a boolean";
  case cJSON_Number:
    return "a number";
  case cJSON_String:
    return "a string";
  case cJSON_Array:
    return "an array";
  default:
    return "an object";
  }
}

/* Puts value at the step of parent, which is an object or array; takes it on
 * ok. */
static int put(const sl_pointer *p, size_t i, cJSON *parent, cJSON *value, sl_err *err) {
  const struct step *step = &p->steps[i];
  cJSON *old = child(parent, step);
  if ((parent->type & 0xff) == cJSON_Object) {
    char *key = sl_mem_strdup(step->key);
    if (key == NULL) return sl_err_set(err, SL_ENOMEM, "cannot set \"%s\": memory is out", p->text);
    if ((value->type & cJSON_StringIsConst) == 0) sl_mem_free(value->string);
    value->type &= ~cJSON_StringIsConst;
    value->string = key;
    if (old == NULL) {
      cJSON_AddItemToArray(parent, value); /* appends to objects as well; the key is in place */
      return SL_OK;
    }
  } else if (old == NULL) {
    int64_t count = (int64_t)sl_jsontree_count(parent);
    if (step->index != -2 && step->index != count) {
      return sl_err_set(err, SL_EINVAL, "cannot set \"%s\": the array %.*s has %lld elements", p->text,
                        prefix_len(p, i), p->text, (long long)count);
    }
    cJSON_AddItemToArray(parent, value);
    return SL_OK;
  }
  cJSON_ReplaceItemViaPointer(parent, old, value);
  return SL_OK;
}

/* Whether value may be set, without changing anything: a failure must leave no
 * half-made parents. Returns the deepest item that is there, and its step. */
static int walk(const sl_pointer *p, cJSON *root, cJSON **ret_item, size_t *ret_step, sl_err *err) {
  cJSON *item = root;
  size_t i = 0;
  for (; i + 1 < p->n; i++) {
    cJSON *next = child(item, &p->steps[i]);
    if (next == NULL) break;
    item = next;
  }
  int type = item->type & 0xff;
  if (type != cJSON_Object && type != cJSON_Array) {
    return sl_err_set(err, SL_EINVAL, "cannot set \"%s\": \"%.*s\" is %s, expected an object or array", p->text,
                      prefix_len(p, i), p->text, type_name(item));
  }
  *ret_item = item;
  *ret_step = i;
  return SL_OK;
}

int sl_pointer_set(const sl_pointer *p, cJSON *root, cJSON *value, sl_err *err) {
  if (p->n == 0) return sl_err_set(err, SL_EINVAL, "the pointer \"\" is the whole document, which cannot be set");
  cJSON *parent = NULL;
  size_t at = 0;
  int rc = walk(p, root, &parent, &at, err);
  if (rc != SL_OK) return rc;
  /* Missing parents are made from the inside out, around the value, so that one
   * step at the end changes the tree. */
  cJSON *made = value;
  for (size_t i = p->n - 1; i > at; i--) {
    cJSON *object = cJSON_CreateObject();
    char *key = object == NULL ? NULL : sl_mem_strdup(p->steps[i].key);
    if (key == NULL) {
      cJSON_Delete(object);
      rc = sl_err_set(err, SL_ENOMEM, "cannot set \"%s\": memory is out", p->text);
      goto undo;
    }
    if ((made->type & cJSON_StringIsConst) == 0) sl_mem_free(made->string);
    made->type &= ~cJSON_StringIsConst;
    made->string = key;
    cJSON_AddItemToArray(object, made);
    made = object;
  }
  rc = put(p, at, parent, made, err);
  if (rc == SL_OK) return SL_OK;
undo:
  if (made != value) {
    cJSON *outer = made;
    while (made->child != value) made = made->child;
    (void)cJSON_DetachItemViaPointer(made, value);
    cJSON_Delete(outer);
  }
  return rc;
}

cJSON *sl_pointer_detach(const sl_pointer *p, cJSON *root) {
  if (p->n == 0) return NULL;
  cJSON *parent = root;
  for (size_t i = 0; i + 1 < p->n && parent != NULL; i++) parent = child(parent, &p->steps[i]);
  cJSON *item = parent == NULL ? NULL : child(parent, &p->steps[p->n - 1]);
  return item == NULL ? NULL : cJSON_DetachItemViaPointer(parent, item);
}

cJSON *sl_pointer_parent(const sl_pointer *p, cJSON *root, const char **ret_key, int64_t *ret_index) {
  if (p->n == 0) return NULL;
  cJSON *parent = root;
  for (size_t i = 0; i + 1 < p->n && parent != NULL; i++) parent = child(parent, &p->steps[i]);
  if (parent == NULL) return NULL;
  int type = parent->type & 0xff;
  if (type != cJSON_Object && type != cJSON_Array) return NULL;
  *ret_key = p->steps[p->n - 1].key;
  *ret_index = p->steps[p->n - 1].index;
  return parent;
}

int sl_pointer_covers(const char *a, const char *b) {
  size_t n = strlen(a);
  return strncmp(a, b, n) == 0 && (b[n] == '\0' || b[n] == '/');
}
