/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing parameter structs by their table. */
#include "conf/equal.h"

#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "base/hash.h"
#include "conf/param.h"
#include "conf/value.h"
#include "doc/cond.h"

static int equal_rows(const sl_param_table *table, const void *a, const void *b);

static int equal_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static int equal_json(const cJSON *a, const cJSON *b) { return a == b || (a && b && cJSON_Compare(a, b, 1)); }

static const cJSON *cond_json(const sl_cond *c) { return c ? sl_cond_json(c) : NULL; }

/* The C fields of one value. */
static int equal_value(const sl_param *row, const void *a, const void *b) {
  const void *x, *y;
  switch (row->type) {
  case SL_T_STRING:
  case SL_T_PATH:
  case SL_T_GLOB:
  case SL_T_POINTER:
  case SL_T_CONDITION:
  case SL_T_JSON:
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (row->type == SL_T_CONDITION) return equal_json(cond_json(x), cond_json(y));
    return row->type == SL_T_JSON ? equal_json(x, y) : equal_text(x, y);
  case SL_T_STRUCT: {
    sl_param_table table = {row->fields, row->n_fields, sizeof(sl_param), NULL, NULL, NULL, NULL};
    return equal_rows(&table, a, b);
  }
  default:
    return memcmp(a, b, sl_value_size(row->type)) == 0;
  }
}

static int equal_entry(const sl_entry *a, const sl_entry *b) {
  return equal_text(a->key, b->key) && equal_text(a->text, b->text) && equal_json(a->json, b->json);
}

static int equal_list(const sl_param *row, const sl_list *a, const sl_list *b) {
  if (a->count != b->count || (a->count && a->elem_size != b->elem_size)) return 0;
  for (uint32_t i = 0; i < a->count; i++) {
    const char *x = (const char *)a->items + (size_t)i * a->elem_size;
    const char *y = (const char *)b->items + (size_t)i * a->elem_size;
    int same = row->flags & SL_PF_MAP
                   ? equal_entry((const sl_entry *)(const void *)x, (const sl_entry *)(const void *)y)
                   : equal_value(row, x, y);
    if (!same) return 0;
  }
  return 1;
}

static int equal_rows(const sl_param_table *table, const void *a, const void *b) {
  for (uint32_t i = 0; i < table->n; i++) {
    const sl_param *row = sl_params_row(table, i);
    const char *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    if (row->flags & (SL_PF_LIST | SL_PF_MAP)) {
      sl_list p, q;
      memcpy(&p, x, sizeof p);
      memcpy(&q, y, sizeof q);
      if (!equal_list(row, &p, &q)) return 0;
    } else if (!equal_value(row, x, y)) {
      return 0;
    }
  }
  return 1;
}

int sl_params_equal(const sl_stage_type *type, const void *a, const void *b) {
  sl_param_table table = {type->params, type->n_params, type->param_size, NULL, NULL, NULL, NULL};
  return a == b || (a && b && equal_rows(&table, a, b));
}

static uint64_t identity(const char *path, uint64_t seed) {
  struct stat st;
  if (!path || stat(path, &st)) return sl_hash("", 0, seed);
  int64_t parts[] = {(int64_t)st.st_dev, (int64_t)st.st_ino, (int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec,
                     (int64_t)st.st_mtim.tv_nsec};
  return sl_hash(parts, sizeof parts, seed);
}

uint64_t sl_params_inputs(const sl_stage_type *type, const void *params) {
  sl_param_table table = {type->params, type->n_params, type->param_size, NULL, NULL, NULL, NULL};
  uint64_t all = 1;
  for (uint32_t i = 0; params && i < table.n; i++) {
    const sl_param *row = sl_params_row(&table, i);
    if (row->type != SL_T_PATH || (row->flags & (SL_PF_OUTPUT | SL_PF_MAP))) continue;
    const char *field = (const char *)params + row->offset, *path = NULL;
    sl_list list = {.items = &path, .count = 1};
    if (row->flags & SL_PF_LIST)
      memcpy(&list, field, sizeof list);
    else
      memcpy(&path, field, sizeof path);
    for (uint32_t k = 0; k < list.count; k++) all = identity(((const char *const *)list.items)[k], all);
  }
  return all;
}
