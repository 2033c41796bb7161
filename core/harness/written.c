/* SPDX-License-Identifier: Apache-2.0 */
/* Collects the contract of a stage and compares documents before and after with it. */
#include "harness/written.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "doc/codec.h"
#include "doc/pointer.h"

typedef struct decl {
  char *pointer;
  uint32_t access, types;
} decl;

struct sl_written {
  sl_contract out; /* first: the stage's `contract` gets its address */
  decl *decls;
  uint32_t count, cap;
  int open, failed;
};

/* ---- collecting
 * ------------------------------------------------------------------------------------------------------ */

static void add(sl_contract *self, const char *pointer, uint32_t access, uint32_t types) {
  sl_written *w = (sl_written *)(void *)self;
  if (!pointer) return;
  if (w->count == w->cap) {
    uint32_t cap = w->cap ? w->cap * 2 : 16;
    decl *grown = realloc(w->decls, cap * sizeof *grown);
    if (!grown) {
      w->failed = 1;
      return;
    }
    w->decls = grown;
    w->cap = cap;
  }
  char *copy = strdup(pointer);
  if (!copy)
    w->failed = 1;
  else
    w->decls[w->count++] = (decl){copy, access, types};
}

static void set_open(sl_contract *self) { ((sl_written *)(void *)self)->open = 1; }

static void reset(sl_contract *self) {
  sl_written *w = (sl_written *)(void *)self;
  while (w->count) free(w->decls[--w->count].pointer);
}

static void add_flagged(sl_written *w, const char *pointer, uint32_t flags) {
  if (flags & SL_PF_WRITES) add(&w->out, pointer, SL_C_WRITES_MAYBE, 0);
  if (flags & SL_PF_REMOVES) add(&w->out, pointer, SL_C_REMOVES, 0);
}

static void add_params(sl_written *w, const sl_param *rows, uint32_t n, const char *block) {
  for (uint32_t i = 0; i < n; i++) {
    const sl_param *p = &rows[i];
    const char *field = block + p->offset;
    const sl_list *list = (const sl_list *)(const void *)field;
    if (p->type == SL_T_STRUCT) {
      for (uint32_t k = 0; k < list->count; k++)
        add_params(w, p->fields, p->n_fields, (const char *)list->items + (size_t)k * list->elem_size);
    } else if (p->flags & SL_PF_KEY_POINTER) {
      const sl_entry *entries = list->items;
      for (uint32_t k = 0; k < list->count; k++) add_flagged(w, entries[k].key, p->flags);
    } else if (p->type == SL_T_POINTER && p->flags & SL_PF_LIST) {
      const char *const *items = list->items;
      for (uint32_t k = 0; k < list->count; k++) add_flagged(w, items[k], p->flags);
    } else if (p->type == SL_T_POINTER) {
      add_flagged(w, *(const char *const *)(const void *)field, p->flags);
    }
  }
}

int sl_written_new(const sl_stage_type *type, const void *params, sl_written **ret, sl_err *err) {
  sl_written *w = calloc(1, sizeof *w);
  if (!w) return sl_err_set(err, SL_ENOMEM, "memory is out");
  w->out = (sl_contract){.struct_size = sizeof w->out, .add = add, .open = set_open, .reset = reset};
  for (uint32_t i = 0; i < type->n_fields; i++)
    add(&w->out, type->fields[i].pointer, type->fields[i].access, type->fields[i].types);
  if (params) add_params(w, type->params, type->n_params, params);
  int code = 0;
  if (type->contract) code = type->contract(params, &w->out);
  if (code) sl_err_set(err, code, "the stage's `contract` failed");
  if (!code && w->failed) code = sl_err_set(err, SL_ENOMEM, "memory is out");
  if (code)
    sl_written_free(w);
  else
    *ret = w;
  return code;
}

void sl_written_free(sl_written *w) {
  if (!w) return;
  reset(&w->out);
  free(w->decls);
  free(w);
}

/* ---- comparing
 * ------------------------------------------------------------------------------------------------------- */

typedef struct walk {
  const sl_written *w;
  int moved; /* sluice.edit/1 moved annotations along */
  char path[512];
  size_t len;
  sl_err *err;
} walk;

static int declared(const sl_written *w, const char *path, int removed) {
  for (uint32_t i = 0; i < w->count; i++) {
    const decl *d = &w->decls[i];
    int writes = d->access == SL_C_WRITES || d->access == SL_C_WRITES_MAYBE;
    if ((writes || (removed && d->access == SL_C_REMOVES)) && sl_pointer_covers(d->pointer, path)) return 1;
  }
  return 0;
}

/* Something that the stage may write lies below the path: its parents come into being with it. */
static int declared_below(const sl_written *w, const char *path) {
  for (uint32_t i = 0; i < w->count; i++)
    if (w->decls[i].access >= SL_C_WRITES && sl_pointer_covers(path, w->decls[i].pointer)) return 1;
  return 0;
}

static int moves_along(const walk *k) {
  static const char *const ends[] = {"/start", "/end", "/tokens"};
  if (!k->moved) return 0;
  if (!strncmp(k->path, "/paragraphs/", 12)) return 1;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    size_t n = strlen(ends[i]);
    if (k->len > n && !strcmp(k->path + k->len - n, ends[i])) return 1;
  }
  return strstr(k->path, "/tokens/") != NULL;
}

static int compare(walk *k, const cJSON *before, const cJSON *after);

/* Steps down to a key (escaped as in RFC 6901), compares, steps up. */
static int step(walk *k, const char *key, const cJSON *before, const cJSON *after) {
  size_t len = k->len;
  if (k->len + 1 < sizeof k->path) k->path[k->len++] = '/';
  for (; *key && k->len + 3 < sizeof k->path; key++) {
    if (*key == '~' || *key == '/') {
      k->path[k->len++] = '~';
      k->path[k->len++] = *key == '~' ? '0' : '1';
    } else {
      k->path[k->len++] = *key;
    }
  }
  k->path[k->len] = '\0';
  int code = compare(k, before, after);
  k->len = len;
  k->path[len] = '\0';
  return code;
}

static int compare_objects(walk *k, const cJSON *before, const cJSON *after) {
  for (const cJSON *a = after->child; a; a = a->next) {
    int code = step(k, a->string, before ? cJSON_GetObjectItemCaseSensitive(before, a->string) : NULL, a);
    if (code) return code;
  }
  for (const cJSON *b = before ? before->child : NULL; b; b = b->next) {
    if (cJSON_GetObjectItemCaseSensitive(after, b->string)) continue;
    int code = step(k, b->string, b, NULL);
    if (code) return code;
  }
  return 0;
}

static int compare_arrays(walk *k, const cJSON *before, const cJSON *after) {
  const cJSON *a = after->child, *b = before->child;
  for (int i = 0; a && b; a = a->next, b = b->next, i++) {
    char index[16];
    snprintf(index, sizeof index, "%d", i);
    int code = step(k, index, b, a);
    if (code) return code;
  }
  return 0;
}

static int compare(walk *k, const cJSON *before, const cJSON *after) {
  if (before == after || (before && after && sl_json_equal(before, after))) return 0;
  if (declared(k->w, k->path, !after) || moves_along(k)) return 0;
  if (cJSON_IsObject(after) && (cJSON_IsObject(before) || (!before && declared_below(k->w, k->path))))
    return compare_objects(k, before, after);
  if (cJSON_IsArray(after) && cJSON_IsArray(before) && cJSON_GetArraySize(after) == cJSON_GetArraySize(before))
    return compare_arrays(k, before, after);
  if (after)
    return sl_err_set(k->err, SL_EPLUGIN, "wrote %s, which its contract does not declare (SL_C_WRITES or SL_PF_WRITES)",
                      k->path[0] ? k->path : "the whole body");
  return sl_err_set(k->err, SL_EPLUGIN, "let %s go, which its contract does not declare (SL_C_REMOVES)", k->path);
}

static uint32_t type_bit(const cJSON *value) {
  if (cJSON_IsNull(value)) return SL_J_NULL;
  if (cJSON_IsBool(value)) return SL_J_BOOL;
  if (cJSON_IsNumber(value)) return SL_J_NUMBER;
  if (cJSON_IsString(value)) return SL_J_STRING;
  return cJSON_IsArray(value) ? SL_J_ARRAY : SL_J_OBJECT;
}

static int check_promises(const sl_written *w, const sl_doc *after, const cJSON *body, sl_err *err) {
  for (uint32_t i = 0; i < w->count; i++) {
    const decl *d = &w->decls[i];
    if (d->access != SL_C_WRITES && d->access != SL_C_WRITES_MAYBE) continue;
    if (d->pointer[0] == '@') {
      if (d->access == SL_C_WRITES && !after->payload)
        return sl_err_set(err, SL_EPLUGIN, "declares that it writes @payload, and the document that went on has none");
      continue;
    }
    sl_pointer *p = NULL;
    int code = sl_pointer_new(d->pointer, &p, err);
    if (code) return code;
    const cJSON *found = sl_pointer_get(p, body);
    sl_pointer_free(p);
    if (!found && d->access == SL_C_WRITES)
      return sl_err_set(err, SL_EPLUGIN, "declares that it writes %s, and the document that went on has none",
                        d->pointer);
    if (found && d->types && !(d->types & type_bit(found)))
      return sl_err_set(err, SL_EPLUGIN, "wrote a value of another type than its contract declares to %s", d->pointer);
  }
  return 0;
}

static int check_payload(const sl_written *w, const sl_doc *before, const sl_doc *after, sl_err *err) {
  const struct sl_paybuf *was = before ? before->payload : NULL;
  if (was == after->payload || declared(w, "@payload", !after->payload)) return 0;
  return sl_err_set(err, SL_EPLUGIN, "%s the payload, which its contract does not declare (\"@payload\")",
                    after->payload ? "changed" : "removed");
}

int sl_written_check(const sl_written *w, sl_doc *before, sl_doc *after, sl_err *err) {
  if (w->open) return 0;
  int code = check_payload(w, before, after, err);
  if (code) return code;
  const cJSON *body = sl_doc_body(after, err);
  if (!body) return SL_ENOMEM;
  code = check_promises(w, after, body, err);
  if (code || (before && before->body == after->body)) return code;
  walk k = {.w = w, .err = err};
  cJSON nothing = {.type = cJSON_Object};
  const cJSON *was = before ? sl_doc_body(before, err) : &nothing;
  if (!was) return SL_ENOMEM;
  k.moved = before && before->map && before->map != after->map;
  return compare(&k, was, body);
}
