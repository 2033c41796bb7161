/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the value of any parameter: the first byte picks the parameter, the rest is its value as after --set. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "../conf/fake_types.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "conf/diag.h"
#include "conf/param.h"
#include "doc/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_value(sl_param_ctx *ctx, const sl_param *row, const char *text, const char *file) {
  static const sl_param_table table = {
      FAKE_ROWS(fake_every_params), sizeof(sl_param), "parameter", "of `every`", NULL, NULL};
  sl_node *value = sl_params_value_node(ctx, row, (sl_pos){file, 1, 1}, text, SL_NODE_OUTSIDE);
  sl_node *key = sl_node_scalar(ctx->arena, (sl_pos){file, 1, 1}, row->name, 0);
  if (!value || !key) return;
  sl_pair pair = {key, value};
  sl_node map = {.kind = SL_NODE_MAP, .count = 1, .pairs = &pair, .pos = {file, 1, 1}};
  fake_every params = {0};
  cJSON *json = NULL;
  if (sl_params_read(ctx, &table, &map, map.pos, 0, &params, &json)) return;
  sl_buf buf = {0};
  sl_err err = {0};
  if (sl_json_print_to(json, &buf, &err)) abort();
  sl_buf_done(&buf);
  cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  sl_mem_install();
  uint32_t n = (uint32_t)(sizeof fake_every_params / sizeof *fake_every_params);
  if (!len || memchr(data, 0, len) || !sl_utf8_valid(data + 1, len - 1, NULL)) return 0;
  const sl_param *row = &fake_every_params[data[0] % n];
  sl_diags *diags = sl_diags_new();
  sl_arena *arena = sl_arena_new();
  char *text = diags && arena ? sl_mem_strndup((const char *)data + 1, len - 1) : NULL;
  const char *file = text ? sl_diags_source(diags, "--set", text, len - 1) : NULL;
  if (file) {
    sl_param_ctx ctx = {.arena = arena, .diags = diags, .base = "/base", .cwd = "/cwd"};
    read_value(&ctx, row, text, file);
    sl_buf buf = {0};
    (void)sl_diags_print(diags, &buf, 0);
    sl_buf_done(&buf);
  }
  sl_mem_free(text);
  sl_arena_free(arena);
  sl_diags_free(diags);
  return 0;
}
