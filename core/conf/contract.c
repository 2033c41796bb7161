/* SPDX-License-Identifier: Apache-2.0 */
/* What a configured stage reads and writes. */
#include "conf/contract.h"

#include <string.h>

#include "doc/cond.h"

int sl_contract_add(sl_arena *arena, sl_accesses *list, const char *pointer, uint32_t access, uint32_t types) {
  if (list->n == list->cap) {
    uint32_t cap = list->cap ? list->cap * 2 : 16;
    sl_access *items = sl_arena_array(arena, cap, sizeof *items);
    if (!items) return SL_ENOMEM;
    if (list->n) memcpy(items, list->items, list->n * sizeof *items);
    list->items = items;
    list->cap = cap;
  }
  char *copy = sl_arena_strdup(arena, pointer);
  if (!copy) return SL_ENOMEM;
  list->items[list->n++] = (sl_access){.pointer = copy, .access = access, .types = types};
  return 0;
}

/* ---- the type's table and function ------------------------------------------------------------ */

static const sl_field *field_at(const sl_stage_type *type, uint32_t i) {
  size_t stride = type->field_size ? type->field_size : sizeof(sl_field);
  return (const sl_field *)(const void *)((const char *)(const void *)type->fields + i * stride);
}

static int add_table(sl_arena *arena, const sl_stage_type *type, sl_accesses *ret) {
  int rc = 0;
  for (uint32_t i = 0; !rc && i < type->n_fields; i++) {
    const sl_field *f = field_at(type, i);
    rc = sl_contract_add(arena, ret, f->pointer, f->access, f->types);
  }
  return rc;
}

int sl_contract_supplies(const sl_stage_type *type, const char *pointer) {
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (field_at(type, i)->access == SL_C_WRITES && strcmp(field_at(type, i)->pointer, pointer) == 0) return 1;
  return 0;
}

typedef struct collector {
  sl_contract c; /* first: what the plugin sees */
  sl_arena *arena;
  sl_accesses *list;
  int rc;
} collector;

static void on_add(sl_contract *self, const char *pointer, uint32_t access, uint32_t types) {
  collector *k = (collector *)(void *)self;
  if (!k->rc) k->rc = sl_contract_add(k->arena, k->list, pointer, access, types);
}

static void on_open(sl_contract *self) { ((collector *)(void *)self)->list->open = 1; }

static void on_reset(sl_contract *self) {
  collector *k = (collector *)(void *)self;
  k->list->n = 0;
  k->list->open = 0;
}

/* ---- pointer parameters ----------------------------------------------------------------------- */

static int add_flagged(sl_arena *arena, uint32_t flags, const char *pointer, sl_accesses *ret) {
  static const struct {
    uint32_t flag, access;
  } map[] = {{SL_PF_READS, SL_C_READS},
             {SL_PF_READS_MAYBE, SL_C_READS_MAYBE},
             {SL_PF_REMOVES, SL_C_REMOVES},
             {SL_PF_WRITES, SL_C_WRITES}};
  int rc = 0;
  for (size_t i = 0; !rc && pointer && i < sizeof map / sizeof *map; i++)
    if (flags & map[i].flag) rc = sl_contract_add(arena, ret, pointer, map[i].access, 0);
  return rc;
}

typedef struct tests {
  sl_arena *arena;
  sl_accesses *list;
  int rc;
} tests;

static void on_path(void *user, const char *pointer, int maybe) {
  tests *t = user;
  if (!t->rc) t->rc = sl_contract_add(t->arena, t->list, pointer, maybe ? SL_C_READS_MAYBE : SL_C_TESTS, 0);
}

static int add_condition(sl_arena *arena, const sl_cond *cond, sl_accesses *ret) {
  tests t = {.arena = arena, .list = ret};
  if (cond) sl_cond_paths(cond, on_path, &t);
  return t.rc;
}

static int add_params(sl_arena *arena, const sl_param *rows, uint32_t n, uint32_t stride, const void *params,
                      sl_accesses *ret);

static int add_list(sl_arena *arena, const sl_param *row, const char *field, sl_accesses *ret) {
  sl_list list;
  memcpy(&list, field, sizeof list);
  int rc = 0;
  for (uint32_t i = 0; !rc && i < list.count; i++) {
    const char *item = (const char *)list.items + (size_t)i * list.elem_size;
    if (row->flags & SL_PF_MAP) {
      const sl_entry *entry = (const sl_entry *)(const void *)item;
      rc = add_flagged(arena, row->flags, row->flags & SL_PF_KEY_POINTER ? entry->key : entry->text, ret);
    } else if (row->type == SL_T_STRUCT) {
      rc = add_params(arena, row->fields, row->n_fields, sizeof(sl_param), item, ret);
    } else if (row->type == SL_T_CONDITION) {
      rc = add_condition(arena, *(const sl_cond *const *)(const void *)item, ret);
    } else {
      const char *pointer;
      memcpy(&pointer, item, sizeof pointer);
      rc = add_flagged(arena, row->flags, pointer, ret);
    }
  }
  return rc;
}

static int add_params(sl_arena *arena, const sl_param *rows, uint32_t n, uint32_t stride, const void *params,
                      sl_accesses *ret) {
  sl_param_table table = {rows, n, stride, NULL, NULL, NULL, NULL};
  int rc = 0;
  for (uint32_t i = 0; !rc && i < n; i++) {
    const sl_param *row = sl_params_row(&table, i);
    const char *field = (const char *)params + row->offset;
    int is_condition = row->type == SL_T_CONDITION && !(row->flags & SL_PF_MAP);
    int pointers = row->type == SL_T_POINTER || (row->flags & SL_PF_KEY_POINTER);
    int many = (row->flags & (SL_PF_LIST | SL_PF_MAP)) != 0;
    if (row->type == SL_T_STRUCT || (many && (pointers || is_condition))) {
      rc = add_list(arena, row, field, ret);
    } else if (is_condition) {
      rc = add_condition(arena, *(const sl_cond *const *)(const void *)field, ret);
    } else if (pointers) {
      const char *pointer;
      memcpy(&pointer, field, sizeof pointer);
      rc = add_flagged(arena, row->flags, pointer, ret);
    }
  }
  return rc;
}

/* ---- all -------------------------------------------------------------------------------------- */

int sl_contract_collect(sl_arena *arena, const sl_stage_type *type, const void *params, sl_accesses *ret) {
  int rc = add_table(arena, type, ret);
  if (!rc && type->contract) {
    collector k = {.c = {.struct_size = sizeof(sl_contract), .add = on_add, .open = on_open, .reset = on_reset},
                   .arena = arena,
                   .list = ret};
    int32_t failed = type->contract(params, &k.c);
    rc = k.rc ? k.rc : failed < 0 ? failed : failed ? SL_EPLUGIN : 0;
  }
  if (!rc) rc = add_params(arena, type->params, type->n_params, type->param_size, params, ret);
  return rc;
}

static void check_pointers(sl_draft *d, const sl_draft_stage *st) {
  for (uint32_t i = 0; i < st->contract.n; i++) {
    const char *p = st->contract.items[i].pointer;
    if (!*p || *p == '/' || strcmp(p, "@payload") == 0) continue;
    sl_diags_error(d->diags, st->pos, SL_EPLUGIN, "the contract of `%s` names `%.80s`, which is no JSON pointer",
                   st->conf.type->name, p);
    sl_diags_hint(d->diags, "a fault of the plugin: a pointer begins with a slash, or is @payload");
  }
}

int sl_contract_make(sl_draft *d) {
  for (uint32_t i = 0; i < d->n_stages; i++) {
    sl_draft_stage *st = &d->stages[i];
    if (!st->conf.type || !st->conf.params) continue;
    int rc = sl_contract_collect(d->arena, st->conf.type, st->conf.params, &st->contract);
    for (uint32_t k = 0; !rc && k < st->keys.provides.count; k++)
      rc = sl_contract_add(d->arena, &st->contract, ((const char *const *)st->keys.provides.items)[k], SL_C_WRITES, 0);
    if (rc == SL_ENOMEM) return sl_diags_nomem(d->diags);
    if (rc) {
      sl_diags_error(d->diags, st->pos, SL_EPLUGIN,
                     "`%s` cannot tell what it reads and writes with these parameters (%s)", st->conf.type->name,
                     sl_err_name(rc));
      continue;
    }
    check_pointers(d, st);
  }
  return 0;
}
