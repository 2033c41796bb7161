/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that take a single value or a map: state, dead_letters, admin; and schedule and was of stages. */
#include <stdio.h>
#include <string.h>

#include "base/cron.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/time.h"
#include "base/zone.h"
#include "conf/draft.h"
#include "conf/value.h"

/* What was found, as a message shows it: a text in quotes, or its kind. */
static const char *found(const sl_node *n, char *buf, size_t cap) {
  if (n->kind != SL_NODE_SCALAR || sl_node_is_null(n))
    snprintf(buf, cap, "%s", sl_node_kind_name(n));
  else if (!*n->text)
    snprintf(buf, cap, "an empty text");
  else
    snprintf(buf, cap, "\"%.80s\"", n->text);
  return buf;
}

/* Reads the map form of a key into its struct; what is no map gives the defaults. */
static int read_form(sl_draft *d, const char *key, const sl_param_table *keys, const sl_node *node, void *out) {
  const sl_param *row = &sl_keys_find(keys, key)->param;
  char owner[64];
  snprintf(owner, sizeof owner, "in `%s`", key);
  sl_param_table table = {row->fields, row->n_fields, sizeof(sl_param), "key", owner, NULL, NULL};
  const sl_node *map = node && node->kind == SL_NODE_MAP ? node : NULL;
  sl_param_ctx ctx = sl_draft_ctx(d, NULL);
  return sl_params_read(&ctx, &table, map, map ? map->pos : d->pos, 0, out, NULL);
}

/* ---- state ------------------------------------------------------------------------------------ */

int sl_forms_state(sl_draft *d) {
  const sl_node *n = sl_node_get(d->root, "state"), *at = n;
  sl_state_keys keys = {0};
  char text[128];
  int rc = read_form(d, "state", &sl_keys_top, n, &keys);
  d->keep.checkpoint = keys.checkpoint;
  d->keep.spool = keys.spool;
  d->keep.kv = keys.kv;
  if (rc || !n) return rc;
  if (n->kind == SL_NODE_MAP && !(at = sl_node_get(n, "path"))) {
    sl_diags_error(d->diags, n->pos, SL_EINVAL, "the key `path` in `state` is missing");
    sl_diags_hint(d->diags, "write { path: state } with the folder, or `none`");
    return 0;
  }
  if (at->kind == SL_NODE_SCALAR && strcmp(at->text, "none") == 0) return 0;
  if (at->kind != SL_NODE_SCALAR || !*at->text || sl_node_is_null(at)) {
    sl_diags_error(d->diags, at->pos, SL_EINVAL, "`%s`: expected a folder%s `none`, found %s",
                   at == n ? "state" : "path", at == n ? ", a map or" : " or", found(at, text, sizeof text));
    return 0;
  }
  char *full = sl_path_abs(at->text, at->flags & SL_NODE_OUTSIDE ? d->cwd : d->base);
  d->state = full ? sl_arena_strdup(d->arena, full) : NULL;
  sl_mem_free(full);
  return d->state ? 0 : sl_diags_nomem(d->diags);
}

/* ---- dead letters ----------------------------------------------------------------------------- */

static int dead_path(sl_draft *d, const char *given) {
  d->top.dead_letters = given;
  if (given) return 0;
  size_t cap = strlen(d->cwd) + strlen(d->top.name) + 16;
  char *path = sl_arena_alloc(d->arena, cap);
  if (!path) return sl_diags_nomem(d->diags);
  snprintf(path, cap, "%s%s%s.dead.jsonl", d->cwd, d->cwd[1] ? "/" : "", d->top.name);
  d->top.dead_letters = path;
  return 0;
}

int sl_forms_dead_letters(sl_draft *d) {
  const sl_node *n = sl_node_get(d->root, "dead_letters");
  sl_dead_keys keys = {0};
  int rc = read_form(d, "dead_letters", &sl_keys_top, n, &keys);
  if (rc) return rc;
  d->keep.dead_max = keys.max;
  d->keep.dead_bytes = keys.max_bytes;
  d->keep.dead_age = keys.max_age;
  d->keep.dead_when_full = keys.when_full;
  if (n && n->kind == SL_NODE_LIST) {
    sl_diags_error(d->diags, n->pos, SL_EINVAL, "`dead_letters`: expected a path or a map, found a list");
  } else if (n && n->kind == SL_NODE_SCALAR) {
    static const sl_param row = {.name = "dead_letters", .type = SL_T_PATH};
    sl_param_ctx ctx = sl_draft_ctx(d, NULL);
    sl_value value = {0};
    if ((rc = sl_value_read(&ctx, &row, n, &value)) < 0) return rc;
    keys.path = rc ? NULL : value.p;
  }
  return dead_path(d, keys.path);
}

/* ---- admin ------------------------------------------------------------------------------------ */

static int is_address(const char *text) {
  const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
  int64_t n = 0;
  if (!*port || strspn(port, "0123456789") != strlen(port) || strlen(port) > 5) return 0;
  if (sl_str_int(port, &n, NULL) || n > 65535) return 0;
  size_t host = colon ? (size_t)(colon - text) : 0;
  if (memchr(text, '[', host) || memchr(text, ':', host)) return host > 2 && *text == '[' && text[host - 1] == ']';
  return !memchr(text, ' ', host) && !memchr(text, '/', host);
}

static void check_listen(sl_draft *d, const sl_node *at) {
  char text[128];
  if (is_address(at->text)) return;
  sl_diags_error(d->diags, at->pos, SL_EINVAL, "`%s`: expected HOST:PORT, found %s",
                 sl_node_get(d->root, "admin") == at ? "admin" : "listen", found(at, text, sizeof text));
  sl_diags_hint(d->diags, "write 127.0.0.1:9600, or [::1]:9600");
}

static void check_token(sl_draft *d, const sl_node *at, const char *token) {
  for (const unsigned char *p = (const unsigned char *)token; *p; p++) {
    if (*p > ' ' && *p < 0x7f) continue;
    sl_diags_error(d->diags, at->pos, SL_EINVAL,
                   "`token`: expected visible ASCII characters without spaces (what was found is secret)");
    return;
  }
}

int sl_forms_admin(sl_draft *d) {
  const sl_node *n = sl_node_get(d->root, "admin");
  sl_admin_keys keys = {0};
  char text[128];
  int rc = read_form(d, "admin", &sl_keys_top, n, &keys);
  if (rc || !n) return rc;
  if (n->kind == SL_NODE_SCALAR && strcmp(n->text, "none") == 0) {
    d->admin.off = 1;
  } else if (n->kind == SL_NODE_MAP) {
    d->admin = (sl_admin_conf){.listen = keys.listen, .token = keys.token};
    if (keys.listen) check_listen(d, sl_node_get(n, "listen"));
    if (keys.token) check_token(d, sl_node_get(n, "token"), keys.token);
    if (keys.listen && !sl_node_get(n, "token")) {
      sl_diags_error(d->diags, sl_node_get(n, "listen")->pos, SL_EINVAL, "`listen` needs a `token`");
      sl_diags_hint(d->diags, "add token: \"${file:admin.token}\"; whoever reaches the port must show it");
    }
  } else if (n->kind == SL_NODE_SCALAR && !sl_node_is_null(n) && *n->text) {
    check_listen(d, n);
    if (!is_address(n->text)) return 0;
    sl_diags_error(d->diags, n->pos, SL_EINVAL, "`admin`: an address needs a token");
    sl_diags_hint(d->diags, "write admin: { listen: \"%.80s\", token: \"${file:admin.token}\" }", n->text);
  } else {
    sl_diags_error(d->diags, n->pos, SL_EINVAL, "`admin`: expected a map or `none`, found %s",
                   found(n, text, sizeof text));
    sl_diags_hint(d->diags, "write { listen: \"127.0.0.1:9600\", token: \"${file:admin.token}\" }");
  }
  return 0;
}

/* ---- schedule --------------------------------------------------------------------------------- */

static void free_cron(void *p) { sl_cron_free(p); }

static int make_cron(sl_draft *d, const sl_node *at, const char *name, const sl_node *zone_node, const char *zone,
                     sl_schedule *ret) {
  sl_cron *cron = NULL;
  sl_zone *z = NULL;
  sl_err err = {0};
  int rc = sl_zone_new(zone, &z, &err);
  sl_zone_free(z);
  if (rc) {
    name = zone_node ? "zone" : name;
    at = zone_node ? zone_node : at;
  } else {
    rc = sl_cron_new(at->text, zone, &cron, &err);
  }
  if (rc == SL_ENOMEM) return sl_diags_nomem(d->diags);
  if (rc) {
    sl_diags_error(d->diags, at->pos, err.code, "`%s`: %s", name, err.message);
    if (err.hint[0]) sl_diags_hint(d->diags, "%s", err.hint);
    return 0;
  }
  ret->cron = cron;
  if (sl_arena_defer(d->arena, free_cron, cron)) return sl_diags_nomem(d->diags);
  if (sl_cron_next(cron, sl_time_wall()) < 0) {
    sl_diags_error(d->diags, at->pos, SL_EINVAL, "`%s`: \"%.80s\" never comes", name, at->text);
    sl_diags_hint(d->diags, "none of its months has such a day");
  }
  return 0;
}

static int schedule_map(sl_draft *d, const sl_node *map, const sl_schedule_keys *keys, sl_schedule *ret) {
  const sl_node *every = sl_node_get(map, "every"), *cron = sl_node_get(map, "cron"), *zone = sl_node_get(map, "zone");
  if (!every == !cron) {
    sl_diags_error(d->diags, every ? cron->pos : map->pos, SL_EINVAL, "`schedule`: expected either `every` or `cron`%s",
                   every ? ", found both" : "");
    sl_diags_hint(d->diags, "write { every: 10m }, or { cron: \"30 6 * * *\", zone: Asia/Ho_Chi_Minh }");
    return 0;
  }
  if (zone && every) sl_diags_error(d->diags, zone->pos, SL_EINVAL, "`zone` has no meaning beside `every`");
  ret->every = keys->every;
  ret->jitter = keys->jitter;
  return keys->cron ? make_cron(d, cron, "cron", zone, keys->zone, ret) : 0;
}

int sl_forms_schedule(sl_draft *d, sl_draft_stage *st) {
  const sl_node *n = sl_node_get(st->node, "schedule");
  sl_schedule_keys keys = {0};
  char text[128];
  if (!n) return 0;
  sl_schedule *to = &st->conf.schedule;
  int rc = read_form(d, "schedule", &sl_keys_stage, n, &keys);
  if (rc) return rc;
  if (n->kind == SL_NODE_MAP) return schedule_map(d, n, &keys, to);
  if (n->kind == SL_NODE_SCALAR && !sl_node_is_null(n) && *n->text) {
    if (*n->text == '@' || strchr(n->text, ' ')) return make_cron(d, n, "schedule", NULL, NULL, to);
    if (sl_str_duration(n->text, &to->every, NULL) == 0 && to->every >= SL_TIME_MS) return 0;
  }
  sl_diags_error(d->diags, n->pos, SL_EINVAL, "`schedule`: expected a duration, a cron expression or a map, found %s",
                 found(n, text, sizeof text));
  sl_diags_hint(d->diags, "write 10m, or \"30 6 * * mon-fri\", or { every: 10m, jitter: 30s }");
  return 0;
}

/* ---- was -------------------------------------------------------------------------------------- */

static void check_was(sl_draft *d, uint32_t stage, uint32_t nth, const sl_node *at) {
  const sl_stage_conf *c = &d->stages[stage].conf;
  const char *old = c->was[nth];
  uint32_t now = sl_draft_find(d, old);
  if (!sl_draft_is_id(old)) {
    sl_diags_error(d->diags, at->pos, SL_EINVAL, "`was`: `%.80s` is not the id of a stage", old);
    return;
  }
  if (now != SL_DRAFT_NONE) {
    sl_diags_error(d->diags, at->pos, SL_EEXIST, "`was`: `%s` is the id of a stage in this file", old);
    sl_diags_hint(d->diags,
                  now == stage ? "leave it out: an id that stays needs no `was`"
                               : "what is kept for `%s` stays with it: leave the `was` out",
                  old);
    return;
  }
  for (uint32_t i = 0; i <= stage; i++) {
    const sl_stage_conf *other = &d->stages[i].conf;
    for (uint32_t k = 0; k < (i == stage ? nth : other->n_was); k++) {
      if (strcmp(other->was[k], old) != 0) continue;
      sl_diags_error(d->diags, at->pos, SL_EEXIST, "`was`: `%s` stands there twice", old);
      sl_diags_hint(d->diags, "what was kept for it can go to one stage only: the first is `%s`",
                    other->id ? other->id : "?");
      return;
    }
  }
}

void sl_forms_was(sl_draft *d) {
  for (uint32_t i = 0; i < d->n_stages; i++) {
    sl_draft_stage *st = &d->stages[i];
    const sl_node *n = sl_node_get(st->node, "was");
    st->conf.was = st->keys.was.items;
    st->conf.n_was = n ? st->keys.was.count : 0;
    for (uint32_t k = 0; k < st->conf.n_was; k++) check_was(d, i, k, n->kind == SL_NODE_LIST ? n->items[k] : n);
  }
}
