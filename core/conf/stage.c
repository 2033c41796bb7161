/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of a draft: ids, stage types, keys and parameters. */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/str.h"
#include "conf/draft.h"
#include "conf/value.h"

uint32_t sl_draft_find(const sl_draft *d, const char *id) {
  for (uint32_t i = 0; i < d->n_stages; i++)
    if (d->stages[i].conf.id && strcmp(d->stages[i].conf.id, id) == 0) return i;
  return SL_DRAFT_NONE;
}

const char *sl_draft_nearest(const sl_draft *d, const char *id) {
  const char *best = NULL;
  for (uint32_t i = 0; i < d->n_stages; i++) {
    if (!d->stages[i].conf.id) continue;
    const char *pair[2] = {d->stages[i].conf.id, best};
    const char *near = sl_str_nearest(id, pair, best ? 2 : 1);
    if (near) best = near;
  }
  return best;
}

uint32_t sl_draft_kind(const sl_draft *d, uint32_t i) {
  return d->stages[i].conf.type ? d->stages[i].conf.type->kind : 0;
}

sl_param_ctx sl_draft_ctx(const sl_draft *d, const char *where) {
  return (sl_param_ctx){.arena = d->arena, .diags = d->diags, .base = d->base, .cwd = d->cwd, .where = where};
}

/* ---- ids and stage types ---------------------------------------------------------------------- */

int sl_draft_is_id(const char *s) {
  for (const char *p = s; *p; p++) {
    int letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';
    int later = (*p >= '0' && *p <= '9') || *p == '-';
    if (!letter && (!later || p == s)) return 0;
  }
  return *s && strlen(s) <= 64;
}

/* The text of a key that must be one; NULL after a reported fault. */
static const sl_node *need_text(sl_draft *d, const sl_node *map, const char *key) {
  const sl_node *n = sl_node_get(map, key);
  if (!n) {
    sl_diags_error(d->diags, map->pos, SL_EINVAL, "a stage without `%s`", key);
    sl_diags_hint(d->diags, "every stage begins like this: { id: clean, uses: clean }");
    return NULL;
  }
  if (n->kind == SL_NODE_SCALAR && *n->text && !sl_node_is_null(n)) return n;
  sl_diags_error(d->diags, n->pos, SL_EINVAL, "`%s`: expected a text, found %s", key, sl_node_kind_name(n));
  if (sl_node_is_null(n) && *n->text) sl_diags_hint(d->diags, "quote it if that is the name: \"%s\"", n->text);
  return NULL;
}

static int read_id(sl_draft *d, sl_draft_stage *st) {
  const sl_node *n = need_text(d, st->node, "id");
  if (!n) return 0;
  if (!sl_draft_is_id(n->text)) {
    sl_diags_error(d->diags, n->pos, SL_EINVAL, "`id`: `%.80s` is not a name", n->text);
    sl_diags_hint(d->diags, "use at most 64 letters a-z A-Z, digits, `_` and `-`; begin with a letter or `_`");
    return 0;
  }
  uint32_t first = sl_draft_find(d, n->text);
  if (first != SL_DRAFT_NONE) {
    sl_diags_error(d->diags, n->pos, SL_EEXIST, "two stages have the id `%s`", n->text);
    sl_diags_hint(d->diags, "the first stands in line %u", d->stages[first].pos.line);
    return 0;
  }
  st->pos = n->pos;
  st->conf.id = n->text;
  return 0;
}

/* The values of an unknown stage type may be secrets: none of them is shown. */
static void hide_values(sl_draft *d, const sl_node *n) {
  if (n->kind == SL_NODE_SCALAR) sl_diags_hide(d->diags, n->pos, n->end_line, n->end_col);
  for (uint32_t i = 0; n->kind != SL_NODE_SCALAR && i < n->count; i++)
    hide_values(d, n->kind == SL_NODE_MAP ? n->pairs[i].value : n->items[i]);
}

static int read_uses(sl_draft *d, sl_draft_stage *st) {
  const sl_node *n = need_text(d, st->node, "uses");
  if (!n) return 0;
  st->conf.uses = n->text;
  if (strcmp(n->text, "exec") == 0) {
    sl_diags_error(d->diags, n->pos, SL_EUNSUP, "`uses: exec` is not supported by this version (%d.%d)", SL_ABI_MAJOR,
                   SL_ABI_MINOR);
    sl_diags_hint(d->diags, "write the stage as a plugin: `sluice new stage NAME` makes one that compiles");
    return 0;
  }
  const char *base = n->flags & SL_NODE_OUTSIDE ? d->cwd : d->base;
  const char *path = NULL, *build = NULL;
  sl_err err = {0};
  const sl_list *dirs = &d->top.plugin_path;
  int rc = d->opts->resolve(d->opts->resolve_user, n->text, base, dirs->items, dirs->count, &st->conf.type, &path,
                            &build, &err);
  if (rc) {
    st->conf.type = NULL;
    if (st->with) hide_values(d, st->with);
    sl_diags_add(d->diags, n->pos, &err);
    return rc == SL_ENOMEM ? sl_diags_nomem(d->diags) : 0;
  }
  st->conf.plugin_path = sl_arena_strdup(d->arena, path ? path : "");
  st->conf.plugin_build = sl_arena_strdup(d->arena, build ? build : "");
  return st->conf.plugin_path && st->conf.plugin_build ? 0 : sl_diags_nomem(d->diags);
}

static void begin_stage(sl_draft *d, sl_draft_stage *st, const sl_node *n) {
  st->pos = n->pos;
  if (n->kind != SL_NODE_MAP) {
    sl_diags_error(d->diags, n->pos, SL_EINVAL, "`stages`: expected a map for each stage, found %s",
                   sl_node_kind_name(n));
    sl_diags_hint(d->diags, "every stage begins like this: { id: clean, uses: clean }");
    return;
  }
  st->node = n;
  st->with = sl_node_get(n, "with");
  if (st->with && sl_node_is_null(st->with)) st->with = NULL;
}

int sl_stage_begin(sl_draft *d) {
  const sl_node *list = sl_node_get(d->root, "stages");
  if (!list || list->kind != SL_NODE_LIST || !list->count) {
    sl_diags_error(d->diags, list ? list->pos : d->pos, SL_EINVAL, "%s",
                   !list ? "`stages` is missing" : "`stages`: expected a list with at least one source and one sink");
    sl_diags_hint(
        d->diags,
        "stages: [ { id: in, uses: fetch_files, with: { paths: \"*.txt\" } }, { id: out, uses: sink_stdout } ]");
    return 0;
  }
  if (list->count > SL_DRAFT_MAX_STAGES) {
    sl_diags_error(d->diags, list->pos, SL_ELIMIT, "%u stages: a pipeline may have %u", list->count,
                   SL_DRAFT_MAX_STAGES);
    return 0;
  }
  d->stages = sl_arena_array(d->arena, list->count, sizeof *d->stages);
  if (!d->stages) return sl_diags_nomem(d->diags);
  for (uint32_t i = 0; i < list->count; i++) {
    sl_draft_stage *st = &d->stages[d->n_stages++];
    begin_stage(d, st, list->items[i]);
    if (!st->node) continue;
    int rc = read_id(d, st);
    if (!rc) rc = read_uses(d, st);
    if (rc) return rc;
  }
  return 0;
}

/* ---- keys ------------------------------------------------------------------------------------- */

static int read_defaults(sl_draft *d, sl_stage_keys *ret) {
  *ret = (sl_stage_keys){.order = -1};
  ret->on_error.route = -1;
  sl_keyrow rows[32];
  uint32_t n = 0;
  for (uint32_t i = 0; i < sl_keys_stage.n && n < 32; i++)
    if (sl_keys_row(&sl_keys_stage, i)->flags & SL_KEY_DEFAULTS) rows[n++] = *sl_keys_row(&sl_keys_stage, i);
  sl_param_table table = {
      &rows[0].param, n, sizeof *rows, "key", "under `defaults:`", &sl_keys_stage, "is a key of single stages only"};
  const sl_node *map = sl_node_get(d->root, "defaults");
  if (map && map->kind != SL_NODE_MAP) {
    if (!sl_node_is_null(map))
      sl_diags_error(d->diags, map->pos, SL_EINVAL, "`defaults`: expected a map, found %s", sl_node_kind_name(map));
    map = NULL;
  }
  sl_param_ctx ctx = sl_draft_ctx(d, NULL);
  return sl_params_read(&ctx, &table, map, d->pos, 0, ret, NULL);
}

/* `then:` of an on_error map; *ret_route is left alone unless it routes. */
static void read_then(sl_draft *d, const sl_node *on_error, sl_on_error *ret, const sl_node **ret_route) {
  static const char *const words[] = {"dead_letter", "drop", "stop"};
  const sl_node *n = sl_node_get(on_error, "then");
  if (!n) return;
  const sl_node *route = sl_node_get(n, "route");
  if (n->kind == SL_NODE_MAP && n->count == 1 && route && route->kind == SL_NODE_SCALAR) {
    ret->then = SL_THEN_ROUTE;
    *ret_route = route;
    return;
  }
  for (int32_t i = 0; n->kind == SL_NODE_SCALAR && i < 3; i++) {
    if (strcmp(n->text, words[i]) != 0) continue;
    ret->then = i;
    *ret_route = NULL;
    return;
  }
  sl_diags_error(d->diags, n->pos, SL_EINVAL,
                 "`then`: expected dead_letter, drop, stop or { route: ID }, found %s%.80s%s",
                 n->kind == SL_NODE_SCALAR ? "\"" : "", n->kind == SL_NODE_SCALAR ? n->text : sl_node_kind_name(n),
                 n->kind == SL_NODE_SCALAR ? "\"" : "");
  const char *near = n->kind == SL_NODE_SCALAR ? sl_str_nearest(n->text, words, 3) : NULL;
  if (near)
    sl_diags_hint(d->diags, "did you mean `%s`?", near);
  else if (n->kind == SL_NODE_SCALAR && sl_draft_find(d, n->text) != SL_DRAFT_NONE)
    sl_diags_hint(d->diags, "to hand the document to that stage write { route: %s }", n->text);
}

static int read_when(sl_draft *d, sl_draft_stage *st) {
  const sl_node *n = sl_node_get(st->node, "when");
  if (!n) return 0;
  st->when_node = n;
  if (n->kind == SL_NODE_SCALAR && strcmp(n->text, "else") == 0) {
    st->is_else = 1;
    return 0;
  }
  if (n->kind != SL_NODE_MAP) {
    sl_diags_error(d->diags, n->pos, SL_EINVAL, "`when`: expected a condition or `else`, found %s",
                   sl_node_kind_name(n));
    sl_diags_hint(d->diags, "write { path: /lang, equals: vi }");
    return 0;
  }
  static const sl_param row = {.name = "when", .type = SL_T_CONDITION};
  sl_param_ctx ctx = sl_draft_ctx(d, NULL);
  sl_value value = {0};
  int rc = sl_value_read(&ctx, &row, n, &value);
  st->when = rc ? NULL : value.p;
  return rc < 0 ? rc : 0;
}

/* Keys that this version does not have, and keys without meaning on this stage. */
static void check_keys(sl_draft *d, const sl_draft_stage *st) {
  static const char *const kinds[] = {"a stage", "a source", "a transform", "a sink"};
  for (uint32_t i = 0; i < st->node->count; i++) {
    const sl_node *name = st->node->pairs[i].key;
    const sl_keyrow *key = sl_keys_find(&sl_keys_stage, name->text);
    if (!key) continue;
    if (key->flags & SL_KEY_REFUSED) {
      sl_diags_error(d->diags, name->pos, SL_EUNSUP, "`%s` is not supported by this version (%d.%d)", name->text,
                     SL_ABI_MAJOR, SL_ABI_MINOR);
      sl_diags_hint(d->diags, "%s", key->instead);
      continue;
    }
    const sl_stage_type *type = st->conf.type;
    if (!type || sl_keys_apply(key, type)) continue;
    sl_diags_error(d->diags, name->pos, SL_EINVAL, "`%s` has no meaning here: `%s` is %s%s", name->text, type->name,
                   kinds[type->kind <= SL_SINK ? type->kind : 0],
                   strcmp(name->text, "threads") == 0 && (type->flags & SL_F_SERIAL) ? " that works on one thread only"
                                                                                     : "");
    sl_diags_hint(d->diags, "`%s` is a key of: %s", name->text, key->scope);
  }
}

static int read_params(sl_draft *d, sl_draft_stage *st) {
  const sl_stage_type *type = st->conf.type;
  if (st->with && st->with->kind != SL_NODE_MAP) {
    sl_diags_error(d->diags, st->with->pos, SL_EINVAL, "`with`: expected a map of parameters, found %s",
                   sl_node_kind_name(st->with));
    return 0;
  }
  if (!type) return 0;
  void *params = sl_arena_alloc(d->arena, type->params_size ? type->params_size : 1);
  char owner[128], where[128];
  snprintf(owner, sizeof owner, "of `%.64s`", type->name);
  snprintf(where, sizeof where, "stage `%.64s`", st->conf.id ? st->conf.id : "?");
  sl_param_table table = {type->params,
                          type->n_params,
                          type->param_size ? type->param_size : (uint32_t)sizeof(sl_param),
                          "parameter",
                          owner,
                          &sl_keys_stage,
                          "is a key of the stage: move it out of `with:`"};
  sl_param_ctx ctx = sl_draft_ctx(d, where);
  if (!params) return sl_diags_nomem(d->diags);
  int rc = sl_params_read(&ctx, &table, st->with, st->with ? st->with->pos : st->pos, 0, params, &st->conf.with);
  st->conf.params = params;
  return rc;
}

static void free_json(void *p) { cJSON_Delete(p); }

static void finish_conf(sl_draft_stage *st) {
  sl_stage_conf *c = &st->conf;
  const sl_stage_keys *k = &st->keys;
  uint64_t cap = c->type ? c->type->flags : 0;
  uint32_t kind = c->type ? c->type->kind : 0;
  c->on_error = k->on_error;
  c->batch = k->batch;
  c->timeout = k->timeout;
  c->pos = st->pos;
  c->in_flight = k->in_flight ? k->in_flight : 256;
  c->order = k->order >= 0 ? k->order : kind == SL_SOURCE && (cap & SL_F_ASYNC) ? SL_ORDER_NONE : SL_ORDER_SOURCE;
  /* A default from the top of the file must not give a serial stage several threads. */
  int may = c->type && sl_keys_apply(sl_keys_find(&sl_keys_stage, "threads"), c->type);
  c->threads = may && k->threads ? k->threads : may && kind == SL_TRANSFORM ? 4 : 1;
}

static int kind_is(const sl_draft_stage *st, uint32_t kind) { return st->conf.type && st->conf.type->kind == kind; }

static int read_keys(sl_draft *d, sl_draft_stage *st, const sl_stage_keys *defaults, const sl_node *default_route) {
  const sl_stage_type *type = st->conf.type;
  sl_param_table params = {0}, table = sl_keys_stage;
  if (type) {
    params = (sl_param_table){type->params, type->n_params, type->param_size, NULL, NULL, NULL, NULL};
    table.other = &params;
    table.other_hint = "is a parameter of the stage type: put it under `with:`";
  }
  check_keys(d, st);
  st->keys = *defaults;
  st->route_node = default_route;
  sl_param_ctx ctx = sl_draft_ctx(d, NULL);
  int rc = sl_params_read(&ctx, &table, st->node, st->pos, SL_PARAMS_KEEP, &st->keys, NULL);
  if (rc) return rc;
  const sl_node *on_error = sl_node_get(st->node, "on_error");
  if (on_error) read_then(d, on_error, &st->keys.on_error, &st->route_node);
  if (st->keys.on_error.backoff > st->keys.on_error.backoff_max) {
    const sl_node *at = sl_node_get(on_error, "backoff");
    if (!at) at = sl_node_get(on_error, "backoff_max");
    if (at) sl_diags_error(d->diags, at->pos, SL_EINVAL, "`backoff` is longer than `backoff_max`");
    if (at) sl_diags_hint(d->diags, "backoff_max is 30s unless it is set");
  }
  st->from_node = sl_node_get(st->node, "from");
  rc = read_when(d, st);
  if (!rc && kind_is(st, SL_SOURCE)) rc = sl_forms_schedule(d, st);
  if (!rc) rc = read_params(d, st);
  if (!rc && st->conf.with && sl_arena_defer(d->arena, free_json, st->conf.with)) {
    st->conf.with = NULL;
    rc = sl_diags_nomem(d->diags);
  }
  finish_conf(st);
  return rc;
}

/* ---- files that are written ------------------------------------------------------------------- */

static const char *output_of(const sl_draft_stage *st, uint32_t row, uint32_t i) {
  const sl_stage_type *type = st->conf.type;
  if (!type || !st->conf.params || row >= type->n_params) return NULL;
  sl_param_table table = {type->params, type->n_params, type->param_size, NULL, NULL, NULL, NULL};
  const sl_param *p = sl_params_row(&table, row);
  if (!(p->flags & SL_PF_OUTPUT) || p->type != SL_T_PATH || (p->flags & SL_PF_MAP)) return NULL;
  const char *field = (const char *)st->conf.params + p->offset;
  if (p->flags & SL_PF_LIST) {
    sl_list list;
    memcpy(&list, field, sizeof list);
    return i < list.count ? ((const char *const *)list.items)[i] : NULL;
  }
  const char *path = NULL;
  if (!i) memcpy(&path, field, sizeof path);
  return path;
}

typedef struct output {
  const char *path;
  uint32_t stage;
} output;

static int check_outputs(sl_draft *d) {
  uint32_t n = 0, cap = 1;
  for (uint32_t s = 0; s < d->n_stages; s++)
    for (uint32_t r = 0; d->stages[s].conf.type && r < d->stages[s].conf.type->n_params; r++)
      for (uint32_t i = 0; output_of(&d->stages[s], r, i); i++) cap++;
  output *all = sl_arena_array(d->arena, cap, sizeof *all);
  if (!all) return sl_diags_nomem(d->diags);
  if (d->top.dead_letters) all[n++] = (output){d->top.dead_letters, SL_DRAFT_NONE};
  for (uint32_t s = 0; s < d->n_stages; s++) {
    for (uint32_t r = 0; d->stages[s].conf.type && r < d->stages[s].conf.type->n_params; r++) {
      const char *path;
      for (uint32_t i = 0; n < cap && (path = output_of(&d->stages[s], r, i)) != NULL; i++) {
        uint32_t k = 0;
        while (k < n && strcmp(all[k].path, path) != 0) k++;
        all[n++] = (output){path, s};
        if (k == n - 1) continue;
        uint32_t other = all[k].stage;
        sl_diags_error(d->diags, d->stages[s].pos, SL_EEXIST, "`%s` and %s%s%s both write %s",
                       d->stages[s].conf.id ? d->stages[s].conf.id : "?", other == SL_DRAFT_NONE ? "" : "`",
                       other == SL_DRAFT_NONE     ? "the dead letters"
                       : d->stages[other].conf.id ? d->stages[other].conf.id
                                                  : "?",
                       other == SL_DRAFT_NONE ? "" : "`", path);
        sl_diags_hint(d->diags, "give one of them a file of its own");
      }
    }
  }
  return 0;
}

/* ---- all -------------------------------------------------------------------------------------- */

/* Which stages the on_error routes lead to. A route from `defaults:` does not concern its own target. */
static void find_route(sl_draft *d, sl_draft_stage *st, const sl_node *inherited) {
  if (st->keys.on_error.then != SL_THEN_ROUTE || !st->route_node) return;
  uint32_t to = sl_draft_find(d, st->route_node->text);
  if (to == SL_DRAFT_NONE) {
    sl_diags_error(d->diags, st->route_node->pos, SL_ENOTFOUND, "`route`: there is no stage `%.80s`",
                   st->route_node->text);
    const char *near = sl_draft_nearest(d, st->route_node->text);
    if (near) sl_diags_hint(d->diags, "did you mean `%s`?", near);
  } else if (sl_draft_kind(d, to) == SL_SOURCE) {
    sl_diags_error(d->diags, st->route_node->pos, SL_EINVAL, "`route`: `%s` is a source; no document can enter it",
                   st->route_node->text);
  } else if (&d->stages[to] == st && inherited == st->route_node) {
    st->conf.on_error.then = SL_THEN_DEAD_LETTER;
  } else {
    st->conf.on_error.route = (int32_t)to;
    d->stages[to].routed_to = 1;
  }
}

int sl_stage_read(sl_draft *d) {
  sl_stage_keys defaults;
  const sl_node *route = NULL;
  int rc = read_defaults(d, &defaults);
  if (rc) return rc;
  read_then(d, sl_node_get(sl_node_get(d->root, "defaults"), "on_error"), &defaults.on_error, &route);
  for (uint32_t i = 0; i < d->n_stages; i++)
    if (d->stages[i].node && (rc = read_keys(d, &d->stages[i], &defaults, route)) != 0) return rc;
  for (uint32_t i = 0; i < d->n_stages; i++)
    if (d->stages[i].node) find_route(d, &d->stages[i], route);
  sl_forms_was(d);
  return check_outputs(d);
}
