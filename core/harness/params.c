/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of the stage under test, read as the pipeline file's `with:` is. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "conf/param.h"
#include "harness/impl.h"

/* The first error with its place and hint. */
static int first_error(sl_diags *diags, sl_err *err) {
  for (uint32_t i = 0; i < sl_diags_count(diags); i++) {
    const sl_diag *d = sl_diags_at(diags, i);
    if (d->severity != SL_DIAG_ERROR) continue;
    int code = sl_err_set(err, d->code, "%s", d->message);
    if (d->hint) sl_err_hint(err, "%s", d->hint);
    if (err) err->pos = (sl_pos){NULL, d->pos.line, d->pos.col};
    return code;
  }
  return sl_err_set(err, SL_ENOMEM, "memory is out");
}

static int read_params(sl_harness *h, sl_arena *arena, sl_diags *diags, const char *cwd) {
  const sl_stage_type *t = h->type;
  size_t len = strlen(h->params_text);
  const char *file = sl_diags_source(diags, "parameters", h->params_text, len);
  if (!file) return SL_ENOMEM;
  sl_node *map = sl_node_parse(arena, diags, file, h->params_text, len);
  if (sl_diags_errors(diags)) return sl_diags_code(diags);
  if (map && map->kind != SL_NODE_MAP) {
    sl_diags_error(diags, map->pos, SL_EINVAL, "expected the parameters as a map, found %s", sl_node_kind_name(map));
    return SL_EINVAL;
  }
  void *out = sl_arena_alloc(arena, t->params_size ? t->params_size : 16);
  if (!out) return SL_ENOMEM;
  sl_buf owner = {0};
  sl_buf_addf(&owner, "of `%s`", t->name);
  sl_param_ctx ctx = {.arena = arena, .diags = diags, .base = cwd, .cwd = cwd, .where = NULL};
  sl_param_table table = {.rows = t->params,
                          .n = t->n_params,
                          .row_size = (uint32_t)sizeof(sl_param),
                          .what = "parameter",
                          .owner = owner.data ? owner.data : ""};
  int code = sl_params_read(&ctx, &table, map, (sl_pos){file, 1, 1}, 0, out, NULL);
  sl_buf_done(&owner);
  if (!code && sl_diags_errors(diags)) code = sl_diags_code(diags);
  if (!code) h->params = out;
  return code;
}

int sl_harness_read_params(sl_harness *h, sl_err *err) {
  sl_arena *arena = sl_arena_new();
  sl_diags *diags = sl_diags_new();
  char *cwd = sl_path_cwd();
  int code = arena && diags && cwd ? read_params(h, arena, diags, cwd) : SL_ENOMEM;
  if (code) {
    code = diags ? first_error(diags, err) : sl_err_set(err, SL_ENOMEM, "memory is out");
    sl_arena_free(arena);
  } else {
    h->arena = arena;
  }
  sl_diags_free(diags);
  sl_mem_free(cwd);
  return code;
}
