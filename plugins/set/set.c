/* SPDX-License-Identifier: Apache-2.0 */
/* set: adds, sets, copies, renames and removes fields of the body, by JSON pointer. */
#include <stdio.h>

#include <sluice/plugin.h>

#include "edit.h"

#define MISSING_SKIP 0
#define MISSING_REJECT 1

struct params {
  sl_list rename, copy, remove, add, set;
  int32_t missing;
};

struct stage {
  set_op *ops;
  uint32_t n;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, rename, SL_T_POINTER, SL_PF_MAP | SL_PF_KEY_POINTER, NULL, NULL,
             "New name: old name. Moves a field; done first, in the order written."),
    SL_PARAM(struct params, copy, SL_T_POINTER, SL_PF_MAP | SL_PF_KEY_POINTER, NULL, NULL,
             "Target: source. Copies a field, replacing what the target held; done second."),
    SL_PARAM(struct params, remove, SL_T_POINTER, SL_PF_LIST, NULL, NULL,
             "Fields to remove, if they are there; done third."),
    SL_PARAM(struct params, add, SL_T_JSON, SL_PF_MAP | SL_PF_KEY_POINTER, NULL, NULL,
             "Field: value. Sets fields that are missing and leaves the others alone; done fourth."),
    SL_PARAM(struct params, set, SL_T_JSON, SL_PF_MAP | SL_PF_KEY_POINTER, NULL, NULL,
             "Field: value. Sets fields whatever they held; done last."),
    SL_PARAM(
        struct params, missing, SL_T_ENUM, 0, "skip", "skip|reject",
        "What rename and copy do with a document that lacks the source: skip the operation, or reject the document."),
};

static uint32_t json_types(const cJSON *v) {
  if (cJSON_IsNull(v)) return SL_J_NULL;
  if (cJSON_IsBool(v)) return SL_J_BOOL;
  if (cJSON_IsNumber(v)) return SL_J_NUMBER;
  if (cJSON_IsString(v)) return SL_J_STRING;
  return cJSON_IsArray(v) ? SL_J_ARRAY : SL_J_OBJECT;
}

static const sl_entry *entry_at(const sl_list *list, uint32_t i) {
  return (const sl_entry *)(const void *)((const char *)list->items + (size_t)i * list->elem_size);
}

static const char *string_at(const sl_list *list, uint32_t i) {
  return *(const char *const *)(const void *)((const char *)list->items + (size_t)i * list->elem_size);
}

/* Length of the pointer before its first token that could be the index of an array; 0 if there is none. What changes
 * inside an array changes the array. */
static size_t array_prefix(const char *pointer) {
  for (const char *p = strchr(pointer, '/'); p; p = strchr(p + 1, '/')) {
    size_t digits = strspn(p + 1, "0123456789"), len = strcspn(p + 1, "/");
    if (p > pointer && ((len && digits == len) || (len == 1 && p[1] == '-'))) return (size_t)(p - pointer);
  }
  return 0;
}

static int32_t declare(sl_contract *out, const char *pointer, uint32_t access, uint32_t types) {
  size_t n = array_prefix(pointer);
  if (n == 0 || access == SL_C_READS || access == SL_C_READS_MAYBE) {
    out->add(out, pointer, access, types);
    return SL_OK;
  }
  char *array = strndup(pointer, n);
  if (!array) return SL_ENOMEM;
  out->add(out, array, access == SL_C_WRITES ? SL_C_WRITES : SL_C_WRITES_MAYBE, 0);
  free(array);
  return SL_OK;
}

static int32_t declare_moves(sl_contract *out, const sl_list *moves, int removes, int strict) {
  int32_t rc = SL_OK;
  for (uint32_t i = 0; i < moves->count && rc == SL_OK; i++) {
    const sl_entry *e = entry_at(moves, i);
    if (!e->text) continue; /* create says what is wrong */
    rc = declare(out, e->text, strict ? SL_C_READS : SL_C_READS_MAYBE, 0);
    if (rc == SL_OK && removes) rc = declare(out, e->text, SL_C_REMOVES, 0);
    if (rc == SL_OK) rc = declare(out, e->key, strict ? SL_C_WRITES : SL_C_WRITES_MAYBE, 0);
  }
  return rc;
}

static int32_t contract(const void *params, sl_contract *out) {
  const struct params *p = params;
  int strict = p->missing == MISSING_REJECT;
  int32_t rc = declare_moves(out, &p->rename, 1, strict);
  if (rc == SL_OK) rc = declare_moves(out, &p->copy, 0, strict);
  for (uint32_t i = 0; i < p->remove.count && rc == SL_OK; i++)
    rc = declare(out, string_at(&p->remove, i), SL_C_REMOVES, 0);
  for (uint32_t i = 0; i < p->add.count && rc == SL_OK; i++)
    rc = declare(out, entry_at(&p->add, i)->key, SL_C_WRITES, 0);
  for (uint32_t i = 0; i < p->set.count && rc == SL_OK; i++) {
    const sl_entry *e = entry_at(&p->set, i);
    rc = declare(out, e->key, SL_C_WRITES, json_types(e->json));
  }
  return rc;
}

static int32_t refuse(sl_ctx *ctx, const char *message, const char *pointer, const char *hint) {
  char detail[256];
  snprintf(detail, sizeof detail, "pointer %s", pointer && *pointer ? pointer : "\"\" (the whole document)");
  sl_fail(ctx, SL_EINVAL, message, detail, hint);
  return SL_EINVAL;
}

/* 1 if a is b or an ancestor of it. */
static int covers(const jptr *a, const jptr *b) {
  if (a->n > b->n) return 0;
  for (uint32_t i = 0; i < a->n; i++)
    if (strcmp(a->key[i], b->key[i]) != 0) return 0;
  return 1;
}

static int32_t add_op(sl_ctx *ctx, struct stage *s, set_op op) {
  op.to = jptr_new(op.to_text);
  op.from = op.from_text ? jptr_new(op.from_text) : NULL;
  s->ops[s->n++] = op;
  int valued = op.kind == SET_ADD || op.kind == SET_SET;
  if (!op.to || (op.from_text && !op.from) || (valued && !op.value)) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  if (op.to->n == 0)
    return refuse(ctx, "the whole document cannot be replaced or removed", op.to_text, "name a field: /x");
  if (op.kind == SET_RENAME && covers(op.from, op.to) && op.from->n < op.to->n)
    return refuse(ctx, "a field cannot be moved into itself", op.to_text, "copy it instead");
  return SL_OK;
}

static int32_t add_moves(sl_ctx *ctx, struct stage *s, const sl_list *list, int32_t kind, int32_t strict) {
  for (uint32_t i = 0; i < list->count; i++) {
    const sl_entry *e = entry_at(list, i);
    if (!e->text) return refuse(ctx, "expected a JSON pointer as the source", e->key, "write target: /source");
    set_op op = {.kind = kind, .strict = strict, .to_text = e->key, .from_text = e->text};
    int32_t rc = add_op(ctx, s, op);
    if (rc != SL_OK) return rc;
  }
  return SL_OK;
}

static int32_t add_values(sl_ctx *ctx, struct stage *s, const sl_list *list, int32_t kind) {
  for (uint32_t i = 0; i < list->count; i++) {
    const sl_entry *e = entry_at(list, i);
    set_op op = {.kind = kind, .to_text = e->key, .value = cJSON_Duplicate(e->json, 1)};
    if (op.value) jptr_unname(op.value);
    int32_t rc = add_op(ctx, s, op);
    if (rc != SL_OK) return rc;
  }
  return SL_OK;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const struct params *p = params;
  uint32_t n = p->rename.count + p->copy.count + p->remove.count + p->add.count + p->set.count;
  if (n == 0) {
    sl_fail(ctx, SL_EINVAL, "set has nothing to do", "expected at least one of rename, copy, remove, add, set",
            "write e.g. with: { set: { /lang: vi } }");
    return SL_EINVAL;
  }
  struct stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (s) s->ops = calloc(n, sizeof *s->ops);
  if (!s || !s->ops) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  int32_t strict = p->missing == MISSING_REJECT;
  int32_t rc = add_moves(ctx, s, &p->rename, SET_RENAME, strict);
  if (rc == SL_OK) rc = add_moves(ctx, s, &p->copy, SET_COPY, strict);
  for (uint32_t i = 0; i < p->remove.count && rc == SL_OK; i++) {
    set_op op = {.kind = SET_REMOVE, .to_text = string_at(&p->remove, i)};
    rc = add_op(ctx, s, op);
  }
  if (rc == SL_OK) rc = add_values(ctx, s, &p->add, SET_ADD);
  if (rc == SL_OK) rc = add_values(ctx, s, &p->set, SET_SET);
  return rc;
}

static int32_t lane_open(sl_ctx *ctx, void *stage, void **ret_lane) {
  const struct stage *s = stage;
  *ret_lane = calloc((size_t)s->n * 2, sizeof(set_undo));
  if (*ret_lane) return SL_OK;
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

static int32_t failed(sl_ctx *ctx, const set_op *op, int rc) {
  char detail[512];
  if (rc == SET_ENOMEM) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, "lower budget: or lanes:");
    return SL_V_RETRY;
  }
  if (rc == SET_EMISSING) {
    snprintf(detail, sizeof detail, "%s of %s to %s", op->kind == SET_RENAME ? "rename" : "copy", op->from_text,
             op->to_text);
    sl_fail(ctx, SL_ENOTFOUND, "the field to take from is not in the document", detail,
            "missing: skip leaves such documents alone");
    return SL_V_REJECT;
  }
  snprintf(detail, sizeof detail,
           "%s cannot be set: a part of the path is a scalar, or an index that the array does not have", op->to_text);
  sl_fail(ctx, SL_EINVAL, "expected objects on the way to the field", detail,
          "remove the scalar first, or write - to append");
  return SL_V_REJECT;
}

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  const struct stage *s = stage;
  const cJSON *body = sl_body(ctx, doc);
  if (body && !set_needed(s->ops, s->n, body)) return SL_V_OK;
  cJSON *root = body ? sl_body_edit(ctx, doc) : NULL;
  if (!root) return failed(ctx, s->ops, SET_ENOMEM);
  uint32_t bad = 0;
  int rc = set_apply(s->ops, s->n, root, lane, &bad);
  return rc == SET_OK ? SL_V_OK : failed(ctx, &s->ops[bad], rc);
}

static void lane_close(sl_ctx *ctx, void *stage, void *lane) {
  (void)ctx;
  (void)stage;
  free(lane);
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  for (uint32_t i = 0; s->ops && i < s->n; i++) {
    free(s->ops[i].to);
    free(s->ops[i].from);
    cJSON_Delete(s->ops[i].value);
  }
  free(s->ops);
  free(s);
}

static const sl_stage_type set_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "set",
    .summary = "Adds, sets, copies, renames and removes fields",
    .help = "The operations run in the order rename, copy, remove, add, set: all of them, or none when one fails.\n"
            "Set `/text` before sentences and entities are made, never after: they hold offsets into it.",
    .flags = SL_F_PURE,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .contract = contract,
    .create = create,
    .lane_open = lane_open,
    .process = process,
    .lane_close = lane_close,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&set_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "set",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Adds, sets, copies, renames and removes fields",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
