/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, compiled into a tree of nodes. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "doc/cond.h"

#include <string.h>

#include <cjson/cJSON.h>
#include <pcre2.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/codec.h"
#include "doc/jsontree.h"
#include "doc/pointer.h"

#define MAX_NESTING 64
#define MATCH_LIMIT 1000000
#define DEPTH_LIMIT 100000 /* in KiB for heap, in frames for depth */

enum op { OP_EQUALS, OP_IN, OP_EXISTS, OP_MATCHES, OP_LT, OP_GT, OP_ALL, OP_ANY, OP_NOT, N_OPS };
static const char *const op_names[N_OPS] = {"equals", "in", "exists", "matches", "lt", "gt", "all", "any", "not"};

struct node {
  enum op op;
  int exists;            /* EXISTS: what is wanted */
  sl_pointer *path;      /* leaves */
  const cJSON *value;    /* EQUALS, IN, LT, GT: in the copy of the JSON */
  pcre2_code *regex;     /* MATCHES */
  struct node *children; /* ALL, ANY, NOT */
  size_t n;
};

struct sl_cond {
  cJSON *json;
  struct node root;
  pcre2_general_context *memory;
  pcre2_compile_context *compile;
  pcre2_match_context *limits;
};

/* ---- compiling ---- */

struct compiler {
  sl_cond *cond;
  sl_buf where; /* JSON pointer of the place */
  sl_err *err;
};

static int fail(struct compiler *c, const char *below, int code, const char *message) {
  sl_err_set(c->err, code, "%s", message);
  sl_err_detail(c->err, "%s%s%s", c->where.data == NULL ? "" : c->where.data, below[0] == '\0' ? "" : "/", below);
  return code;
}

static int no_memory(struct compiler *c) {
  return sl_err_set(c->err, SL_ENOMEM, "cannot compile a condition: memory is out");
}

static int op_of(const char *key) {
  for (int i = 0; i < N_OPS; i++) {
    if (strcmp(key, op_names[i]) == 0) return i;
  }
  return -1;
}

static int unknown_key(struct compiler *c, const char *key) {
  const char *known[N_OPS + 1];
  memcpy(known, op_names, sizeof op_names);
  known[N_OPS] = "path";
  const char *near = sl_str_nearest(key, known, N_OPS + 1);
  fail(c, key, SL_EINVAL, "");
  sl_err_set(c->err, SL_EINVAL,
             "a condition has no key \"%s\"; expected path and one of equals, "
             "in, exists, matches, lt, gt; "
             "or all, any, not",
             key);
  sl_err_detail(c->err, "%s/%s", c->where.data == NULL ? "" : c->where.data, key);
  if (near != NULL) sl_err_hint(c->err, "did you mean \"%s\"?", near);
  return SL_EINVAL;
}

/* Finds path and the one operator. */
static int find_parts(struct compiler *c, const cJSON *json, const cJSON **ret_path, const cJSON **ret_op,
                      enum op *ret) {
  *ret_path = *ret_op = NULL;
  for (const cJSON *m = json->child; m != NULL; m = m->next) {
    if (strcmp(m->string, "path") == 0) {
      *ret_path = m;
      continue;
    }
    int op = op_of(m->string);
    if (op < 0) return unknown_key(c, m->string);
    if (*ret_op != NULL) {
      fail(c, m->string, SL_EINVAL, "a condition has one operator, found a second one");
      sl_err_hint(c->err, "combine conditions by all: [{path: …, gt: 1}, {path: …, lt: 5}]");
      return SL_EINVAL;
    }
    *ret_op = m;
    *ret = (enum op)op;
  }
  if (*ret_op == NULL) {
    return fail(c, "", SL_EINVAL,
                "a condition needs an operator: equals, in, exists, matches, "
                "lt, gt, all, any or not");
  }
  if (*ret >= OP_ALL && *ret_path != NULL)
    return fail(c, "path", SL_EINVAL, "all, any and not stand alone: path belongs inside them");
  if (*ret < OP_ALL && *ret_path == NULL)
    return fail(c, "", SL_EINVAL, "a condition needs a path, for example path: /lang");
  return SL_OK;
}

static int compile_regex(struct compiler *c, struct node *node, const cJSON *value) {
  int code = 0;
  PCRE2_SIZE offset = 0;
  if (!cJSON_IsString(value)) return fail(c, "matches", SL_EINVAL, "matches expects a regular expression as a string");
  node->regex = pcre2_compile((PCRE2_SPTR)value->valuestring, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &code,
                              &offset, c->cond->compile);
  if (node->regex == NULL) {
    if (code == PCRE2_ERROR_HEAP_FAILED) return no_memory(c);
    PCRE2_UCHAR text[160] = "";
    (void)pcre2_get_error_message(code, text, sizeof text);
    fail(c, "matches", SL_EINVAL, "");
    char detail[sizeof c->err->detail] = "";
    if (c->err != NULL) sl_str_copy(detail, sizeof detail, c->err->detail);
    sl_err_set(c->err, SL_EINVAL, "the regular expression is wrong at character %zu: %s", (size_t)offset + 1,
               (const char *)text);
    sl_err_detail(c->err, "%s", detail);
    return SL_EINVAL;
  }
  return SL_OK;
}

static int compile_leaf(struct compiler *c, struct node *node, const cJSON *path, const cJSON *value) {
  if (!cJSON_IsString(path)) return fail(c, "path", SL_EINVAL, "path expects a JSON pointer as a string");
  sl_err why = {0};
  int rc = sl_pointer_new(path->valuestring, &node->path, &why);
  if (rc != SL_OK) {
    if (rc == SL_ENOMEM) return no_memory(c);
    fail(c, "path", rc, why.message);
    sl_err_hint(c->err, "%s", why.hint);
    return rc;
  }
  node->value = value;
  switch (node->op) {
  case OP_IN:
    return cJSON_IsArray(value) ? SL_OK : fail(c, "in", SL_EINVAL, "in expects a list of values");
  case OP_EXISTS:
    node->exists = cJSON_IsTrue(value);
    return cJSON_IsBool(value) ? SL_OK : fail(c, "exists", SL_EINVAL, "exists expects true or false");
  case OP_MATCHES:
    return compile_regex(c, node, value);
  case OP_LT:
  case OP_GT:
    if (cJSON_IsNumber(value) || cJSON_IsString(value)) return SL_OK;
    return fail(c, op_names[node->op], SL_EINVAL, "lt and gt expect a number or a string");
  default:
    return SL_OK;
  }
}

static int compile(struct compiler *c, struct node *node, const cJSON *json, int depth);

/* Children of all, any (a list) and not (one condition). */
static int compile_children(struct compiler *c, struct node *node, const cJSON *value, int depth) {
  size_t len = c->where.len;
  int is_list = node->op != OP_NOT;
  if (is_list && !cJSON_IsArray(value))
    return fail(c, op_names[node->op], SL_EINVAL, "all and any expect a list of conditions");
  size_t n = is_list ? sl_jsontree_count(value) : 1;
  if (n == 0)
    return fail(c, op_names[node->op], SL_EINVAL, "all and any expect at least one condition, found an empty list");
  node->children = sl_mem_calloc(n, sizeof *node->children);
  if (node->children == NULL) return no_memory(c);
  node->n = n;
  const cJSON *item = is_list ? value->child : value;
  for (size_t i = 0; i < n; i++, item = item->next) {
    int rc = is_list ? sl_buf_addf(&c->where, "/%s/%zu", op_names[node->op], i) : sl_buf_addstr(&c->where, "/not");
    if (rc != SL_OK) return no_memory(c);
    rc = compile(c, &node->children[i], item, depth + 1);
    if (rc != SL_OK) return rc;
    c->where.len = len;
    c->where.data[len] = '\0';
  }
  return SL_OK;
}

static int compile(struct compiler *c, struct node *node, const cJSON *json, int depth) {
  const cJSON *path;
  const cJSON *value;
  if (depth > MAX_NESTING) return fail(c, "", SL_ELIMIT, "conditions nested more than 64 deep");
  if (!cJSON_IsObject(json)) return fail(c, "", SL_EINVAL, "expected a condition like {path: /lang, equals: vi}");
  int rc = find_parts(c, json, &path, &value, &node->op);
  if (rc != SL_OK) return rc;
  return node->op >= OP_ALL ? compile_children(c, node, value, depth) : compile_leaf(c, node, path, value);
}

static void *pcre_alloc(size_t size, void *user) {
  (void)user;
  return sl_mem_alloc(size);
}

static void pcre_free(void *p, void *user) {
  (void)user;
  sl_mem_free(p);
}

static int make_contexts(sl_cond *cond) {
  cond->memory = pcre2_general_context_create(pcre_alloc, pcre_free, NULL);
  if (cond->memory == NULL) return SL_ENOMEM;
  cond->compile = pcre2_compile_context_create(cond->memory);
  cond->limits = pcre2_match_context_create(cond->memory);
  if (cond->compile == NULL || cond->limits == NULL) return SL_ENOMEM;
  pcre2_set_match_limit(cond->limits, MATCH_LIMIT);
  pcre2_set_depth_limit(cond->limits, DEPTH_LIMIT);
  pcre2_set_heap_limit(cond->limits, DEPTH_LIMIT);
  return SL_OK;
}

int sl_cond_new(const cJSON *json, sl_cond **ret, sl_err *err) {
  sl_err local = {0};
  struct compiler c = {.err = err == NULL ? &local : err};
  c.cond = sl_mem_calloc(1, sizeof *c.cond);
  if (c.cond == NULL) return no_memory(&c);
  c.cond->json = sl_json_copy(json);
  int rc = c.cond->json == NULL || make_contexts(c.cond) != SL_OK ? no_memory(&c)
                                                                  : compile(&c, &c.cond->root, c.cond->json, 0);
  sl_buf_done(&c.where);
  if (rc == SL_OK) {
    *ret = c.cond;
  } else {
    sl_cond_free(c.cond);
  }
  return rc;
}

static void node_done(struct node *node) {
  sl_pointer_free(node->path);
  pcre2_code_free(node->regex);
  for (size_t i = 0; i < node->n; i++) node_done(&node->children[i]);
  sl_mem_free(node->children);
}

void sl_cond_free(sl_cond *cond) {
  if (cond == NULL) return;
  node_done(&cond->root);
  pcre2_match_context_free(cond->limits);
  pcre2_compile_context_free(cond->compile);
  pcre2_general_context_free(cond->memory);
  cJSON_Delete(cond->json);
  sl_mem_free(cond);
}

/* ---- matching ---- */

static int match_regex(const sl_cond *cond, const struct node *node, const cJSON *item) {
  if (!cJSON_IsString(item) || item->valuestring == NULL) return 0;
  pcre2_match_data *data = pcre2_match_data_create(1, cond->memory);
  if (data == NULL) return 0;
  /* A limit that is hit counts as no match, like any other failure: the text is
   * foreign. */
  int rc = pcre2_match(node->regex, (PCRE2_SPTR)item->valuestring, PCRE2_ZERO_TERMINATED, 0, 0, data, cond->limits);
  pcre2_match_data_free(data);
  return rc >= 0;
}

/* <0, 0, >0; both numbers or both strings, else *ret_ok is 0. */
static int compare(const cJSON *a, const cJSON *b, int *ret_ok) {
  *ret_ok = 1;
  if (cJSON_IsNumber(a) && cJSON_IsNumber(b)) {
    return a->valuedouble < b->valuedouble ? -1 : a->valuedouble > b->valuedouble;
  }
  if (cJSON_IsString(a) && cJSON_IsString(b)) return strcmp(a->valuestring, b->valuestring);
  *ret_ok = 0;
  return 0;
}

static int match_leaf(const sl_cond *cond, const struct node *node, const cJSON *body) {
  const cJSON *item = sl_pointer_get(node->path, body);
  int ok = 0;
  if (node->op == OP_EXISTS) return (item != NULL) == node->exists;
  if (item == NULL) return 0;
  switch (node->op) {
  case OP_EQUALS:
    return sl_json_equal(item, node->value);
  case OP_IN:
    for (const cJSON *v = node->value->child; v != NULL; v = v->next) {
      if (sl_json_equal(item, v)) return 1;
    }
    return 0;
  case OP_MATCHES:
    return match_regex(cond, node, item);
  case OP_LT:
    return compare(item, node->value, &ok) < 0 && ok;
  default:
    return compare(item, node->value, &ok) > 0 && ok;
  }
}

static int match(const sl_cond *cond, const struct node *node, const cJSON *body) {
  if (node->op < OP_ALL) return match_leaf(cond, node, body);
  if (node->op == OP_NOT) return !match(cond, &node->children[0], body);
  int stop_at = node->op == OP_ANY;
  for (size_t i = 0; i < node->n; i++) {
    if (match(cond, &node->children[i], body) == stop_at) return stop_at;
  }
  return !stop_at;
}

int sl_cond_match(const sl_cond *cond, const cJSON *body) { return cond == NULL || match(cond, &cond->root, body); }

static void paths(const struct node *node, int maybe, void (*cb)(void *user, const char *pointer, int maybe),
                  void *user) {
  if (node->op < OP_ALL) cb(user, sl_pointer_text(node->path), maybe || node->op == OP_EXISTS);
  for (size_t i = 0; i < node->n; i++) paths(&node->children[i], maybe || node->op == OP_NOT, cb, user);
}

void sl_cond_paths(const sl_cond *cond, void (*cb)(void *user, const char *pointer, int maybe), void *user) {
  if (cond != NULL) paths(&cond->root, 0, cb, user);
}

const cJSON *sl_cond_json(const sl_cond *cond) { return cond->json; }
