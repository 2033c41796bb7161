/* SPDX-License-Identifier: Apache-2.0 */
/* `--set STAGE.PARAM=VALUE` and `--set KEY=VALUE`: put into the tree, as if the file said so. */
#include <string.h>

#include "base/utf8.h"
#include "conf/draft.h"

/* One --set, taken apart. Texts in the arena. */
typedef struct set {
  const char *stage; /* NULL: a top-level key */
  const char *name, *value;
  sl_pos name_pos, value_pos;
} set;

static int is_for_stage(const char *text) {
  const char *eq = strchr(text, '=');
  return eq && memchr(text, '.', (size_t)(eq - text)) != NULL;
}

static uint32_t col_of(const char *text, const char *at) {
  return 1 + (uint32_t)sl_utf8_count(text, (size_t)(at - text));
}

/* 0, 1 if it is malformed, SL_ENOMEM. */
static int parse_set(const sl_draft *d, const char *text, set *ret) {
  const char *file = sl_diags_source(d->diags, "--set", text, strlen(text));
  if (!file) return SL_ENOMEM;
  const char *eq = strchr(text, '=');
  if (!eq || eq == text || !sl_utf8_valid(text, strlen(text), NULL)) {
    sl_diags_error(d->diags, (sl_pos){file, 1, 1}, SL_EINVAL, "expected STAGE.PARAM=VALUE or KEY=VALUE, found `%.100s`",
                   text);
    return 1;
  }
  const char *dot = memchr(text, '.', (size_t)(eq - text));
  const char *name = dot ? dot + 1 : text;
  *ret = (set){.stage = dot ? sl_arena_strndup(d->arena, text, (size_t)(dot - text)) : NULL,
               .name = sl_arena_strndup(d->arena, name, (size_t)(eq - name)),
               .value = sl_arena_strdup(d->arena, eq + 1),
               .name_pos = {file, 1, col_of(text, name)},
               .value_pos = {file, 1, col_of(text, eq + 1)}};
  return (dot && !ret->stage) || !ret->name || !ret->value ? sl_diags_nomem(d->diags) : 0;
}

/* A copy of the map (or a new one) in which name has the value: an aliased map must not change elsewhere. */
static sl_node *with_pair(const sl_draft *d, const sl_node *map, const set *s, sl_node *value) {
  sl_node *copy = sl_arena_alloc(d->arena, sizeof *copy);
  uint32_t n = map ? map->count : 0;
  sl_pair *pairs = sl_arena_array(d->arena, n + 1, sizeof *pairs);
  sl_node *key = sl_node_scalar(d->arena, s->name_pos, s->name, SL_NODE_QUOTED);
  if (!copy || !pairs || !key) return NULL;
  if (map)
    *copy = *map;
  else
    *copy = (sl_node){.kind = SL_NODE_MAP, .weight = 1, .pos = s->name_pos, .end_line = 1};
  for (uint32_t i = 0; i < n; i++) pairs[i] = map->pairs[i];
  uint32_t at = 0;
  while (at < n && strcmp(pairs[at].key->text, s->name) != 0) at++;
  pairs[at] = (sl_pair){.key = key, .value = value};
  copy->pairs = pairs;
  copy->count = at == n ? n + 1 : n;
  return copy;
}

int sl_override_top(sl_draft *d) {
  for (uint32_t i = 0; i < d->opts->n_sets; i++) {
    set s;
    if (is_for_stage(d->opts->sets[i])) continue;
    int rc = parse_set(d, d->opts->sets[i], &s);
    if (rc < 0) return rc;
    if (rc) continue;
    if (strcmp(s.name, "stages") == 0 || strcmp(s.name, "defaults") == 0) {
      sl_diags_error(d->diags, s.name_pos, SL_EINVAL, "`%s` cannot be set on the command line", s.name);
      continue;
    }
    sl_param_ctx ctx = sl_draft_ctx(d, NULL);
    sl_node *value = sl_params_value_node(&ctx, sl_params_find(&sl_keys_top, s.name), s.value_pos, s.value,
                                          SL_NODE_OUTSIDE | SL_NODE_SUBST);
    if (value && !(d->root = with_pair(d, d->root, &s, value))) return sl_diags_nomem(d->diags);
  }
  return 0;
}

static int set_param(sl_draft *d, const set *s) {
  sl_pos stage_pos = {s->name_pos.file, 1, 1};
  uint32_t at = sl_draft_find(d, s->stage);
  if (at == SL_DRAFT_NONE) {
    sl_diags_error(d->diags, stage_pos, SL_ENOTFOUND, "there is no stage `%.80s`", s->stage);
    const char *near = sl_draft_nearest(d, s->stage);
    if (near) sl_diags_hint(d->diags, "did you mean `%s`?", near);
    return 0;
  }
  sl_draft_stage *st = &d->stages[at];
  if (st->with && st->with->kind != SL_NODE_MAP) return 0; /* reported when the stage is read */
  const sl_param *row = NULL;
  if (st->conf.type) {
    sl_param_table table = {
        st->conf.type->params, st->conf.type->n_params, st->conf.type->param_size, NULL, NULL, NULL, NULL};
    row = sl_params_find(&table, s->name);
  }
  if (st->conf.type && !row && sl_keys_find(&sl_keys_stage, s->name)) {
    sl_diags_error(d->diags, s->name_pos, SL_EINVAL, "`%s` is a key of the stage; --set changes parameters only",
                   s->name);
    sl_diags_hint(d->diags, "change it in the file; `${NAME:-default}` leaves the value to the environment");
    return 0;
  }
  sl_param_ctx ctx = sl_draft_ctx(d, NULL);
  if (row && (row->flags & SL_PF_SECRET))
    sl_diags_hide(d->diags, s->value_pos, 1, s->value_pos.col + (uint32_t)sl_utf8_count(s->value, strlen(s->value)));
  sl_node *value = sl_params_value_node(&ctx, row, s->value_pos, s->value, SL_NODE_OUTSIDE | SL_NODE_SUBST);
  if (value && !(st->with = with_pair(d, st->with, s, value))) return sl_diags_nomem(d->diags);
  return 0;
}

int sl_override_stages(sl_draft *d) {
  for (uint32_t i = 0; i < d->opts->n_sets; i++) {
    set s;
    if (!is_for_stage(d->opts->sets[i])) continue;
    int rc = parse_set(d, d->opts->sets[i], &s);
    if (!rc) rc = set_param(d, &s);
    if (rc < 0) return rc;
  }
  return 0;
}
