/* SPDX-License-Identifier: Apache-2.0 */
/* One value of the file as a parameter's C field. */
#include "conf/value.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "doc/codec.h"
#include "doc/cond.h"
#include "doc/pointer.h"

typedef struct type_info {
  const char *word, *name;
  size_t size;
} type_info;

static const type_info types[] = {
    [SL_T_STRING] = {"string", "a text", sizeof(char *)},
    [SL_T_BOOL] = {"bool", "true or false", sizeof(int32_t)},
    [SL_T_INT] = {"int", "a whole number", sizeof(int64_t)},
    [SL_T_FLOAT] = {"float", "a number", sizeof(double)},
    [SL_T_DURATION] = {"duration", "a duration like 10s or 200ms", sizeof(int64_t)},
    [SL_T_SIZE] = {"size", "a size like 512 or 10MiB", sizeof(int64_t)},
    [SL_T_ENUM] = {"enum", "a word", sizeof(int32_t)},
    [SL_T_PATH] = {"path", "a path", sizeof(char *)},
    [SL_T_GLOB] = {"glob", "a path or pattern", sizeof(char *)},
    [SL_T_POINTER] = {"pointer", "a JSON pointer like /title", sizeof(char *)},
    [SL_T_CONDITION] = {"condition", "a condition", sizeof(void *)},
    [SL_T_JSON] = {"json", "any value", sizeof(void *)},
};

static const type_info *info(uint32_t type) {
  return type < sizeof types / sizeof *types && types[type].word ? &types[type] : NULL;
}

size_t sl_value_size(uint32_t type) { return info(type) ? info(type)->size : 0; }
const char *sl_value_type_word(uint32_t type) { return info(type) ? info(type)->word : "struct"; }
const char *sl_value_type_name(uint32_t type) { return info(type) ? info(type)->name : "a map"; }

/* ---- texts ---- */

typedef struct unit {
  int64_t factor;
  const char *name;
} unit;

static const char *unit_text(int64_t n, const unit *units, size_t n_units, char *buf, size_t cap) {
  for (size_t i = 0; i < n_units; i++) {
    if (!n || n % units[i].factor) continue;
    snprintf(buf, cap, "%lld%s", (long long)(n / units[i].factor), units[i].name);
    return buf;
  }
  snprintf(buf, cap, "%lld", (long long)n);
  return buf;
}

const char *sl_value_duration_text(int64_t ns, char *buf, size_t cap) {
  static const unit units[] = {{86400000000000, "d"}, {3600000000000, "h"}, {60000000000, "m"}, {1000000000, "s"},
                               {1000000, "ms"},       {1000, "us"},         {1, "ns"}};
  return unit_text(ns, units, sizeof units / sizeof *units, buf, cap);
}

const char *sl_value_size_text(int64_t bytes, char *buf, size_t cap) {
  static const unit units[] = {{(int64_t)1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}};
  return unit_text(bytes, units, sizeof units / sizeof *units, buf, cap);
}

const char *sl_value_enum_word(const char *range, uint32_t n, size_t *ret_len) {
  const char *p = range ? range : "";
  while (n && (p = strchr(p, '|')) != NULL) {
    n--;
    p++;
  }
  if (!p || !*p) return NULL;
  *ret_len = strcspn(p, "|");
  return p;
}

/* ---- scalars ---- */

static int read_enum(const sl_param *row, const char *text, sl_value *ret, sl_err *err) {
  char words[64][32];
  const char *names[64];
  size_t n = 0, len;
  for (const char *w; n < 64 && (w = sl_value_enum_word(row->range, (uint32_t)n, &len)) != NULL; n++) {
    snprintf(words[n], sizeof words[n], "%.*s", (int)len, w);
    names[n] = words[n];
    if (strcmp(words[n], text) != 0) continue;
    ret->e = (int32_t)n;
    return 0;
  }
  char all[256] = "";
  for (size_t i = 0, at = 0; i < n && at < sizeof all; i++) {
    int w = snprintf(all + at, sizeof all - at, "%s%s", i ? (i + 1 == n ? " or " : ", ") : "", names[i]);
    at += w > 0 ? (size_t)w : 0;
  }
  sl_err_set(err, SL_EINVAL, "expected %s, found \"%.80s\"", all, text);
  const char *near = sl_str_nearest(text, names, n);
  if (near) sl_err_hint(err, "did you mean `%s`?", near);
  return SL_EINVAL;
}

static int check_range(const sl_param *row, const char *text, const sl_value *value, sl_err *err) {
  int rc = sl_str_in_range(row->type, value, row->range, err);
  if (rc == SL_EINVAL) {
    char message[sizeof err->message];
    snprintf(message, sizeof message, "%.200s", err->message);
    sl_err_set(err, rc, "%s, found %.80s", message, text);
  }
  return rc;
}

static int read_scalar(const sl_param *row, const char *text, sl_value *ret, sl_err *err) {
  int rc = 0;
  switch (row->type) {
  case SL_T_BOOL:
    return sl_str_bool(text, &ret->e, err);
  case SL_T_ENUM:
    return read_enum(row, text, ret, err);
  case SL_T_INT:
    rc = sl_str_int(text, &ret->i, err);
    break;
  case SL_T_FLOAT:
    rc = sl_str_double(text, &ret->d, err);
    break;
  case SL_T_DURATION:
    rc = sl_str_duration(text, &ret->i, err);
    break;
  case SL_T_SIZE:
    rc = sl_str_size(text, &ret->i, err);
    break;
  default:
    return sl_err_set(err, SL_EBUG, "unknown parameter type %u", row->type);
  }
  return rc ? rc : check_range(row, text, ret, err);
}

static cJSON *scalar_json(const sl_param *row, const sl_value *value) {
  char buf[64];
  cJSON *number = NULL;
  size_t len;
  switch (row->type) {
  case SL_T_BOOL:
    return cJSON_CreateBool(value->e);
  case SL_T_FLOAT:
    return cJSON_CreateNumber(value->d);
  case SL_T_DURATION:
    return cJSON_CreateString(sl_value_duration_text(value->i, buf, sizeof buf));
  case SL_T_SIZE:
    return cJSON_CreateString(sl_value_size_text(value->i, buf, sizeof buf));
  case SL_T_ENUM: {
    const char *word = sl_value_enum_word(row->range, (uint32_t)value->e, &len);
    snprintf(buf, sizeof buf, "%.*s", word ? (int)len : 0, word ? word : "");
    return cJSON_CreateString(buf);
  }
  default: /* INT: through its text, which keeps what a double cannot */
    len = sl_str_int_text(value->i, buf);
    return sl_json_parse(buf, len, NULL, &number, NULL, NULL) ? NULL : number;
  }
}

/* ---- texts that name things ------------------------------------------------------------------- */

static int read_pointer(const char *text, sl_err *err) {
  sl_pointer *p = NULL;
  int rc = sl_pointer_new(text, &p, err);
  sl_pointer_free(p);
  if (rc && rc != SL_ENOMEM && err && !err->hint[0])
    sl_err_hint(err, "a JSON pointer begins with a slash: /title, /source/uri");
  return rc;
}

static int read_text(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, sl_value *ret, sl_err *err) {
  const char *text = node->text;
  if (row->type == SL_T_PATH || row->type == SL_T_GLOB) {
    if (!*text) return sl_err_set(err, SL_EINVAL, "expected %s, found an empty text", sl_value_type_name(row->type));
    char *full = sl_path_abs(text, node->flags & SL_NODE_OUTSIDE ? ctx->cwd : ctx->base);
    if (!full) return sl_err_set(err, SL_ENOMEM, "memory is out");
    text = sl_arena_strdup(ctx->arena, full);
    sl_mem_free(full);
  } else {
    int is_payload = (row->flags & SL_PF_PAYLOAD) && strcmp(text, "@payload") == 0;
    int rc = row->type == SL_T_POINTER && !is_payload ? read_pointer(text, err) : 0;
    if (rc) return rc;
    if (!*text && (row->flags & SL_PF_NONEMPTY)) return sl_err_set(err, SL_EINVAL, "the text must not be empty");
    text = sl_arena_strdup(ctx->arena, text);
  }
  if (!text) return sl_err_set(err, SL_ENOMEM, "memory is out");
  ret->p = text;
  return 0;
}

/* ---- trees ------------------------------------------------------------------------------------ */

static void free_cond(void *p) { sl_cond_free(p); }
static void free_json(void *p) { cJSON_Delete(p); }

/* An unknown key is shown itself, anything else by its value. */
static sl_pos place_in(const sl_node *node, const char *pointer) {
  static const char *const known[] = {"path", "equals", "in", "exists", "matches", "lt", "gt", "all", "any", "not"};
  const sl_node *key = sl_node_key_at(node, pointer);
  for (size_t i = 0; key && i < sizeof known / sizeof *known; i++)
    if (strcmp(key->text, known[i]) == 0) key = NULL;
  return key ? key->pos : sl_node_at(node, pointer)->pos;
}

/* json [take]. An error carries the place of the wrong part. */
static int read_condition(const sl_param_ctx *ctx, const sl_node *node, cJSON *json, sl_value *ret, sl_err *err) {
  sl_cond *cond = NULL;
  int rc = sl_cond_new(json, &cond, err);
  cJSON_Delete(json);
  if (rc) {
    if (!ctx->def_row) err->pos = place_in(node, err->detail);
    return rc;
  }
  ret->p = cond;
  return sl_arena_defer(ctx->arena, free_cond, cond) ? sl_err_set(err, SL_ENOMEM, "memory is out") : 0;
}

static int read_tree(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, sl_value *ret, sl_err *err) {
  cJSON *json = NULL;
  int rc = sl_node_json(node, &json, err);
  if (rc) return rc;
  if (row->type == SL_T_CONDITION) return read_condition(ctx, node, json, ret, err);
  ret->p = json;
  return sl_arena_defer(ctx->arena, free_json, json) ? sl_err_set(err, SL_ENOMEM, "memory is out") : 0;
}

/* ---- all -------------------------------------------------------------------------------------- */

static int is_tree(uint32_t type) { return type == SL_T_JSON || type == SL_T_CONDITION; }
static int is_text(uint32_t type) {
  return type == SL_T_STRING || type == SL_T_PATH || type == SL_T_GLOB || type == SL_T_POINTER;
}

static int convert(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, sl_value *ret, sl_err *err) {
  if (row->type == SL_T_JSON) return read_tree(ctx, row, node, ret, err);
  if (row->type == SL_T_CONDITION && node->kind == SL_NODE_MAP) return read_tree(ctx, row, node, ret, err);
  if (node->kind != SL_NODE_SCALAR || sl_node_is_null(node) || row->type == SL_T_CONDITION) {
    sl_err_set(err, SL_EINVAL, "expected %s, found %s", sl_value_type_name(row->type), sl_node_kind_name(node));
    if (row->type == SL_T_CONDITION)
      sl_err_hint(err, "write { path: /lang, equals: vi }");
    else if (sl_node_is_null(node))
      sl_err_hint(err, is_text(row->type) ? "quote it if it is meant as a text, or leave the key out"
                                          : "give it a value, or leave the key out");
    return SL_EINVAL;
  }
  if (is_text(row->type)) return read_text(ctx, row, node, ret, err);
  return read_scalar(row, node->text, ret, err);
}

cJSON *sl_value_json(const sl_param *row, const sl_value *value) {
  if (row->flags & SL_PF_SECRET) return cJSON_CreateString("(secret)");
  if (row->type == SL_T_CONDITION) return sl_json_copy(sl_cond_json(value->p));
  if (is_tree(row->type)) return sl_json_copy(value->p);
  if (is_text(row->type)) return cJSON_CreateString(value->p);
  return scalar_json(row, value);
}

int sl_value_read(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, sl_value *ret) {
  sl_err err = {0};
  sl_value value = {0};
  int rc = convert(ctx, row, node, &value, &err);
  if (rc == SL_ENOMEM) return sl_diags_nomem(ctx->diags);
  if (rc) {
    if (row->flags & SL_PF_SECRET) {
      sl_err_set(&err, rc, "expected %s (what was found is secret)", sl_value_type_name(row->type));
    }
    sl_params_error(ctx, row, node->pos, &err);
    return 1;
  }
  *ret = value;
  return 0;
}
