/* SPDX-License-Identifier: Apache-2.0 */
/* Collects the contract of a stage and compares documents before and after with it. */
#include "plugin/written.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "conf/contract.h"
#include "doc/codec.h"
#include "doc/pointer.h"

struct sl_written {
  sl_arena *arena;
  sl_accesses list;
};

int sl_written_new(const sl_stage_type *type, const void *params, sl_written **ret, sl_err *err) {
  sl_arena *arena = sl_arena_new();
  sl_written *w = arena ? sl_arena_alloc(arena, sizeof *w) : NULL;
  int code = w ? sl_contract_collect(arena, type, params, &w->list) : SL_ENOMEM;
  if (code) {
    sl_arena_free(arena);
    return sl_err_set(err, code, code == SL_ENOMEM ? "memory is out" : "the stage's `contract` failed");
  }
  w->arena = arena;
  *ret = w;
  return 0;
}

void sl_written_free(sl_written *w) {
  if (w) sl_arena_free(w->arena);
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

typedef struct walk {
  const sl_written *w;
  int moved; /* sluice.edit/1 moved annotations along */
  char path[512];
  size_t len;
  sl_err *err;
} walk;

static int may_write(const sl_access *a) { return a->access == SL_C_WRITES || a->access == SL_C_WRITES_MAYBE; }

static int declared(const sl_written *w, const char *path, int removed) {
  for (uint32_t i = 0; i < w->list.n; i++) {
    const sl_access *d = &w->list.items[i];
    if ((may_write(d) || (removed && d->access == SL_C_REMOVES)) && sl_pointer_covers(d->pointer, path)) return 1;
  }
  return 0;
}

/* Something that the stage may write lies below the path: its parents come into being with it. */
static int declared_below(const sl_written *w, const char *path) {
  for (uint32_t i = 0; i < w->list.n; i++)
    if (may_write(&w->list.items[i]) && sl_pointer_covers(path, w->list.items[i].pointer)) return 1;
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

/* Does a field keep what was declared of it? What may be written and was left as it came is not the stage's. */
static int check_promise(const sl_access *d, const cJSON *was, const cJSON *body, sl_err *err) {
  sl_pointer *p = NULL;
  int code = sl_pointer_new(d->pointer, &p, err);
  if (code) return code;
  const cJSON *found = sl_pointer_get(p, body), *before = was ? sl_pointer_get(p, was) : NULL;
  sl_pointer_free(p);
  if (!found && d->access == SL_C_WRITES)
    return sl_err_set(err, SL_EPLUGIN, "declares that it writes %s, and the document that went on has none",
                      d->pointer);
  if (!found || !d->types || d->types & type_bit(found)) return 0;
  if (d->access == SL_C_WRITES_MAYBE && before && sl_json_equal(before, found)) return 0;
  return sl_err_set(err, SL_EPLUGIN, "let %s go on with a value of another type than its contract declares",
                    d->pointer);
}

static int check_promises(const sl_written *w, const sl_doc *after, const cJSON *was, const cJSON *body, sl_err *err) {
  int code = 0;
  for (uint32_t i = 0; i < w->list.n && !code; i++) {
    const sl_access *d = &w->list.items[i];
    if (!may_write(d)) continue;
    if (d->pointer[0] != '@')
      code = check_promise(d, was, body, err);
    else if (d->access == SL_C_WRITES && !after->payload)
      code = sl_err_set(err, SL_EPLUGIN, "declares that it writes @payload, and the document that went on has none");
  }
  return code;
}

static int check_payload(const sl_written *w, const sl_doc *before, const sl_doc *after, sl_err *err) {
  const struct sl_paybuf *was = before ? before->payload : NULL;
  if (was == after->payload || declared(w, "@payload", !after->payload)) return 0;
  return sl_err_set(err, SL_EPLUGIN, "%s the payload, which its contract does not declare (\"@payload\")",
                    after->payload ? "changed" : "removed");
}

int sl_written_check(const sl_written *w, sl_doc *before, sl_doc *after, sl_err *err) {
  if (w->list.open) return 0;
  int code = check_payload(w, before, after, err);
  if (code) return code;
  cJSON nothing = {.type = cJSON_Object};
  const cJSON *body = sl_doc_body(after, err), *was = before ? sl_doc_body(before, err) : &nothing;
  if (!body || !was) return SL_ENOMEM;
  code = check_promises(w, after, was, body, err);
  if (code || (before && before->body == after->body)) return code;
  walk k = {.w = w, .err = err};
  k.moved = before && before->map && before->map != after->map;
  return compare(&k, was, body);
}
