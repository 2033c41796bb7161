/* SPDX-License-Identifier: Apache-2.0 */
/* Parameter tables: from a map in the file to a plugin's own struct. */
#include "conf/param.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/subst.h"
#include "conf/value.h"
#include "doc/codec.h"

#define MAX_NAMES 128

/* ---- tables ----------------------------------------------------------------------------------- */

const sl_param *sl_params_row(const sl_param_table *table, uint32_t i) {
  return (const sl_param *)(const void *)((const char *)(const void *)table->rows + (size_t)i * table->row_size);
}

const sl_param *sl_params_find(const sl_param_table *table, const char *name) {
  for (uint32_t i = 0; i < table->n; i++)
    if (strcmp(sl_params_row(table, i)->name, name) == 0) return sl_params_row(table, i);
  return NULL;
}

const char *sl_params_nearest(const sl_param_table *table, const char *name) {
  const char *names[MAX_NAMES];
  size_t n = 0;
  for (uint32_t i = 0; i < table->n && n < MAX_NAMES; i++) names[n++] = sl_params_row(table, i)->name;
  return sl_str_nearest(name, names, n);
}

void sl_params_error(const sl_param_ctx *ctx, const sl_param *row, sl_pos pos, const sl_err *err) {
  if (ctx->def_row) {
    sl_diags_error(ctx->diags, ctx->def_pos, SL_EPLUGIN, "the plugin's own default of `%s` (%s) is wrong: %s",
                   ctx->def_row->name, ctx->def_row->def, err->message);
    return;
  }
  sl_pos at = err->pos.file ? err->pos : pos;
  sl_diags_error(ctx->diags, at, err->code, "`%s`: %s", row->name, err->message);
  if (err->hint[0]) sl_diags_hint(ctx->diags, "%s", err->hint);
}

static int fault(const sl_param_ctx *ctx, const sl_param *row, sl_pos pos, const char *message, const char *hint) {
  sl_err err;
  sl_err_set(&err, SL_EINVAL, "%s", message);
  if (hint) sl_err_hint(&err, "%s", hint);
  sl_params_error(ctx, row, pos, &err);
  return 1;
}

/* Masks the value when lines are shown, unless the file only says where the secret is. */
static void hide_secret(const sl_param_ctx *ctx, const sl_node *node) {
  if (!(node->flags & SL_NODE_WHOLE)) sl_diags_hide(ctx->diags, node->pos, node->end_line, node->end_col);
}

/* What stands under a misspelt key may be the secret of the key that was meant, or a whole misspelt `with:`. */
static void hide_unknown(const sl_param_ctx *ctx, const sl_param_table *table, const sl_node *node) {
  if (node->kind == SL_NODE_MAP) {
    for (uint32_t i = 0; i < node->count; i++) hide_unknown(ctx, NULL, node->pairs[i].value);
    return;
  }
  int secret = !table;
  for (uint32_t i = 0; table && i < table->n; i++) secret |= (sl_params_row(table, i)->flags & SL_PF_SECRET) != 0;
  if (secret) hide_secret(ctx, node);
}

static void unknown_key(const sl_param_ctx *ctx, const sl_param_table *table, const sl_pair *pair) {
  const sl_node *key = pair->key;
  hide_unknown(ctx, table, pair->value);
  if (table->other) hide_unknown(ctx, table->other, pair->value);
  sl_diags_error(ctx->diags, key->pos, SL_EINVAL, "unknown %s `%.80s` %s", table->what, key->text, table->owner);
  if (table->other && sl_params_find(table->other, key->text)) {
    sl_diags_hint(ctx->diags, "`%s` %s", key->text, table->other_hint);
    return;
  }
  const char *near = sl_params_nearest(table, key->text);
  if (near) {
    sl_diags_hint(ctx->diags, "did you mean `%s`?", near);
    return;
  }
  char all[400] = "";
  size_t at = 0;
  for (uint32_t i = 0; i < table->n && at < sizeof all; i++) {
    int w = snprintf(all + at, sizeof all - at, "%s%s", i ? ", " : "", sl_params_row(table, i)->name);
    at += w > 0 ? (size_t)w : 0;
  }
  if (table->n)
    sl_diags_hint(ctx->diags, "known: %s%s", all, at >= sizeof all ? "…" : "");
  else
    sl_diags_hint(ctx->diags, "it has none");
}

sl_node *sl_params_value_node(const sl_param_ctx *ctx, const sl_param *row, sl_pos pos, const char *text,
                              uint32_t flags) {
  int structured = row && ((row->flags & (SL_PF_LIST | SL_PF_MAP)) || row->type >= SL_T_CONDITION);
  if (!structured || !*text || !strchr("[{\"'", *text)) {
    sl_node *n = sl_node_scalar(ctx->arena, pos, text, flags);
    if (!n) sl_diags_nomem(ctx->diags);
    return n;
  }
  sl_diags *inner = sl_diags_new();
  if (!inner) {
    sl_diags_nomem(ctx->diags);
    return NULL;
  }
  sl_node *n = sl_node_parse(ctx->arena, inner, pos.file, text, strlen(text));
  const sl_diag *first = n ? NULL : sl_diags_at(inner, 0);
  if (first) {
    sl_diags_error(ctx->diags, pos, first->code, "%s", first->message);
  } else if (!n) {
    sl_diags_nomem(ctx->diags);
  }
  sl_diags_free(inner);
  return n;
}

/* ---- one parameter ---------------------------------------------------------------------------- */

static void store(const sl_param *row, void *out, const void *value, size_t size) {
  memcpy((char *)out + row->offset, value, size);
}

/* Adds to an object or array, or gives it up. */
static int attach(const sl_param_ctx *ctx, cJSON *to, const char *key, cJSON *item) {
  int ok = item && (cJSON_IsArray(to) ? cJSON_AddItemToArray(to, item) : cJSON_AddItemToObject(to, key, item));
  if (ok) return 0;
  cJSON_Delete(item);
  return sl_diags_nomem(ctx->diags);
}

/* One element of a list: node into the C field at `at`, its JSON behind `list`. */
static int read_element(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, void *at, cJSON *list) {
  cJSON *json = NULL;
  int rc;
  if (row->type == SL_T_STRUCT) {
    if (node->kind != SL_NODE_MAP) {
      char message[128];
      snprintf(message, sizeof message, "expected a map, found %s", sl_node_kind_name(node));
      return fault(ctx, row, node->pos, message, NULL);
    }
    char owner[128];
    snprintf(owner, sizeof owner, "in `%s`", row->name);
    sl_param_table table = {row->fields, row->n_fields, sizeof(sl_param), "key", owner, NULL, NULL};
    rc = sl_params_read(ctx, &table, node, node->pos, 0, at, &json);
  } else {
    sl_value value = {0};
    rc = sl_value_read(ctx, row, node, &value);
    if (!rc) {
      memcpy(at, &value, sl_value_size(row->type));
      json = sl_value_json(row, &value);
    }
  }
  if (rc) {
    cJSON_Delete(json);
    return rc;
  }
  return attach(ctx, list, NULL, json);
}

static int read_list(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, void *out, cJSON *json) {
  int is_list = node->kind == SL_NODE_LIST;
  uint32_t n = is_list ? node->count : 1;
  size_t size = row->type == SL_T_STRUCT ? row->elem_size : sl_value_size(row->type);
  if (!n && (row->flags & SL_PF_NONEMPTY)) return fault(ctx, row, node->pos, "the list must not be empty", NULL);
  int fits = node->kind == SL_NODE_MAP ? row->type >= SL_T_CONDITION : row->type == SL_T_JSON || !sl_node_is_null(node);
  if (!is_list && !fits) {
    char message[128];
    snprintf(message, sizeof message, "expected a list, found %s", sl_node_kind_name(node));
    return fault(ctx, row, node->pos, message, NULL);
  }
  char *items = sl_arena_array(ctx->arena, n ? n : 1, size);
  if (!items) return sl_diags_nomem(ctx->diags);
  int bad = 0;
  for (uint32_t i = 0; i < n; i++) {
    int rc = read_element(ctx, row, is_list ? node->items[i] : node, items + i * size, json);
    if (rc < 0) return rc;
    bad |= rc;
  }
  sl_list list = {.items = items, .count = n, .elem_size = (uint32_t)size};
  store(row, out, &list, sizeof list);
  return bad;
}

static void free_json(void *p) { cJSON_Delete(p); }

static int read_entry(const sl_param_ctx *ctx, const sl_param *row, const sl_pair *pair, sl_entry *entry, cJSON *json) {
  sl_param one = *row, key = *row;
  key.type = SL_T_POINTER;
  sl_value value = {0};
  int bad = row->flags & SL_PF_KEY_POINTER ? sl_value_read(ctx, &key, pair->key, &value) : 0;
  int rc = bad < 0 ? bad : sl_value_read(ctx, &one, pair->value, &value);
  if (rc) return rc;
  one.flags &= ~SL_PF_SECRET; /* what the stage gets is the value itself */
  cJSON *tree = sl_value_json(&one, &value);
  cJSON *copy = tree ? sl_json_copy(tree) : NULL;
  if (attach(ctx, json, pair->key->text, copy)) {
    cJSON_Delete(tree);
    return SL_ENOMEM;
  }
  entry->json = tree;
  if (sl_arena_defer(ctx->arena, free_json, tree)) return sl_diags_nomem(ctx->diags);
  entry->key = sl_arena_strdup(ctx->arena, pair->key->text);
  const sl_node *v = pair->value;
  if (v->kind == SL_NODE_SCALAR)
    entry->text = row->type == SL_T_PATH || row->type == SL_T_GLOB ? value.p : sl_arena_strdup(ctx->arena, v->text);
  if (!entry->key || (v->kind == SL_NODE_SCALAR && !entry->text)) return sl_diags_nomem(ctx->diags);
  return bad;
}

static int read_map(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, void *out, cJSON *json) {
  char message[128];
  if (node->kind != SL_NODE_MAP) {
    snprintf(message, sizeof message, "expected a map, found %s", sl_node_kind_name(node));
    return fault(ctx, row, node->pos, message, NULL);
  }
  if (!node->count && (row->flags & SL_PF_NONEMPTY))
    return fault(ctx, row, node->pos, "the map must not be empty", NULL);
  sl_entry *items = sl_arena_array(ctx->arena, node->count ? node->count : 1, sizeof *items);
  if (!items) return sl_diags_nomem(ctx->diags);
  int bad = 0;
  for (uint32_t i = 0; i < node->count; i++) {
    int rc = read_entry(ctx, row, &node->pairs[i], &items[i], json);
    if (rc < 0) return rc;
    bad |= rc;
  }
  sl_list list = {.items = items, .count = node->count, .elem_size = sizeof *items};
  store(row, out, &list, sizeof list);
  return bad;
}

static int read_inner(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, uint32_t how, void *out,
                      cJSON **ret_json) {
  char owner[128], message[128];
  if (node && node->kind != SL_NODE_MAP) {
    snprintf(message, sizeof message, "expected a map, found %s", sl_node_kind_name(node));
    return fault(ctx, row, node->pos, message, NULL);
  }
  snprintf(owner, sizeof owner, "in `%s`", row->name);
  sl_param_table table = {row->fields, row->n_fields, sizeof(sl_param), "key", owner, NULL, NULL};
  return sl_params_read(ctx, &table, node, node ? node->pos : (sl_pos){0}, how, (char *)out + row->offset, ret_json);
}

/* 0, 1 after a reported fault, or SL_ENOMEM. */
static int read_one(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, void *out, cJSON **ret_json) {
  if (row->flags & SL_PF_SECRET) hide_secret(ctx, node);
  int many = (row->flags & (SL_PF_LIST | SL_PF_MAP)) != 0;
  if (!many && row->type == SL_T_STRUCT) return read_inner(ctx, row, node, 0, out, ret_json);
  if (!many) {
    sl_value value = {0};
    int rc = sl_value_read(ctx, row, node, &value);
    if (rc) return rc;
    store(row, out, &value, sl_value_size(row->type));
    return (*ret_json = sl_value_json(row, &value)) ? 0 : sl_diags_nomem(ctx->diags);
  }
  int is_map = (row->flags & SL_PF_MAP) != 0;
  cJSON *json = is_map ? cJSON_CreateObject() : cJSON_CreateArray();
  if (!json) return sl_diags_nomem(ctx->diags);
  int rc = is_map ? read_map(ctx, row, node, out, json) : read_list(ctx, row, node, out, json);
  if (!rc && (row->flags & SL_PF_SECRET)) {
    cJSON_Delete(json);
    json = cJSON_CreateString("(secret)");
    if (!json) return sl_diags_nomem(ctx->diags);
  }
  if (rc)
    cJSON_Delete(json);
  else
    *ret_json = json;
  return rc;
}

/* ---- a whole table ---------------------------------------------------------------------------- */

static int check_row(const sl_param_ctx *ctx, const sl_param *row, sl_pos where) {
  size_t size = sl_value_size(row->type);
  if (row->flags & (SL_PF_LIST | SL_PF_MAP))
    size = sizeof(sl_list);
  else if (row->type == SL_T_STRUCT || row->type == SL_T_CUSTOM)
    size = row->size;
  if (size && row->size == size) return 0;
  if (row->type == SL_T_CUSTOM) return 0;
  sl_diags_error(ctx->diags, where, SL_EPLUGIN,
                 "the plugin's parameter `%s` has a field of %u bytes; its type needs %zu", row->name, row->size, size);
  sl_diags_hint(ctx->diags, "rebuild the plugin against this version's plugin.h");
  return 1;
}

static int read_default(const sl_param_ctx *ctx, const sl_param *row, sl_pos where, void *out, cJSON **ret_json) {
  sl_param_ctx inner = *ctx;
  inner.def_row = row;
  inner.def_pos = where;
  if (!row->def) {
    /* An unset list or map must still say how large its elements are. */
    sl_list list = {.elem_size = (uint32_t)(row->flags & SL_PF_MAP     ? sizeof(sl_entry)
                                            : row->type == SL_T_STRUCT ? row->elem_size
                                                                       : sl_value_size(row->type))};
    if (row->flags & (SL_PF_LIST | SL_PF_MAP)) store(row, out, &list, sizeof list);
    return 0;
  }
  sl_pos pos = {.file = "(default)", .line = 1, .col = 1};
  sl_node *node = sl_params_value_node(&inner, row, pos, row->def, 0);
  if (!node) return 1;
  if (row->type == SL_T_STRING && node->kind == SL_NODE_SCALAR) node->flags |= SL_NODE_QUOTED; /* "" is a text, too */
  if (sl_subst_tree(ctx->arena, ctx->diags, ctx->base, NULL, node)) return SL_ENOMEM;
  return read_one(&inner, row, node, out, ret_json);
}

static int read_row(const sl_param_ctx *ctx, const sl_param_table *table, const sl_param *row, const sl_node *map,
                    sl_pos where, void *out, cJSON **ret_json) {
  const sl_node *node = sl_node_get(map, row->name);
  if (node) return read_one(ctx, row, node, out, ret_json);
  if (row->type == SL_T_STRUCT && !(row->flags & SL_PF_LIST)) return read_inner(ctx, row, NULL, 0, out, ret_json);
  if (!(row->flags & SL_PF_REQUIRED)) return read_default(ctx, row, where, out, ret_json);
  sl_diags_error(ctx->diags, where, SL_EINVAL, "the %s `%s` %s is missing", table->what, row->name, table->owner);
  if (row->help) sl_diags_hint(ctx->diags, "%s: %s", row->name, row->help);
  return 1;
}

/* With SL_PARAMS_KEEP: only what is there. */
static int read_kept(const sl_param_ctx *ctx, const sl_param *row, const sl_node *map, void *out, cJSON **ret_json) {
  const sl_node *node = sl_node_get(map, row->name);
  if (!node) return 0;
  if (row->type == SL_T_STRUCT && !(row->flags & SL_PF_LIST))
    return read_inner(ctx, row, node, SL_PARAMS_KEEP, out, ret_json);
  return read_one(ctx, row, node, out, ret_json);
}

int sl_params_read(const sl_param_ctx *ctx, const sl_param_table *table, const sl_node *map, sl_pos where, uint32_t how,
                   void *out, struct cJSON **ret_json) {
  cJSON *all = cJSON_CreateObject();
  if (!all) return sl_diags_nomem(ctx->diags);
  int rc = 0;
  for (uint32_t i = 0; map && i < map->count; i++)
    if (!sl_params_find(table, map->pairs[i].key->text)) unknown_key(ctx, table, &map->pairs[i]);
  for (uint32_t i = 0; i < table->n; i++) {
    const sl_param *row = sl_params_row(table, i);
    cJSON *json = NULL;
    if (check_row(ctx, row, where) || row->type == SL_T_CUSTOM) continue;
    rc =
        how & SL_PARAMS_KEEP ? read_kept(ctx, row, map, out, &json) : read_row(ctx, table, row, map, where, out, &json);
    if (rc == SL_ENOMEM) break;
    if (!json) continue;
    if ((rc = attach(ctx, all, row->name, json)) != 0) break;
  }
  if (rc == SL_ENOMEM || !ret_json)
    cJSON_Delete(all);
  else
    *ret_json = all;
  return rc == SL_ENOMEM ? rc : 0;
}
