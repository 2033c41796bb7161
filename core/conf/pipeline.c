/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a pipeline file: the steps in their order, the top-level keys, and the finished pipeline. */
#include "conf/pipeline.h"

#include <stdio.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "conf/draft.h"
#include "conf/subst.h"

/* The pipeline with the memory it stands on. */
typedef struct owned {
  sl_pipeline p; /* first */
  sl_arena *arena;
} owned;

/* ---- top-level keys with a form of their own -------------------------------------------------- */

static void read_lanes(sl_draft *d) {
  const sl_node *n = sl_node_get(d->root, "lanes");
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  d->lanes = cores < 1 ? 1 : cores > 1024 ? 1024 : cores;
  if (!n || (n->kind == SL_NODE_SCALAR && strcmp(n->text, "auto") == 0)) return;
  int is_text = n->kind == SL_NODE_SCALAR && !sl_node_is_null(n);
  int rc = is_text ? sl_str_int(n->text, &d->lanes, NULL) : SL_EINVAL;
  if (!rc && d->lanes >= 1 && d->lanes <= 1024) return;
  sl_diags_error(d->diags, n->pos, SL_EINVAL, "`lanes`: expected auto or a number from 1 to 1024, found %s%.80s%s",
                 is_text ? "\"" : "", is_text ? n->text : sl_node_kind_name(n), is_text ? "\"" : "");
  d->lanes = 1;
}

static int is_name(const char *s) {
  for (const unsigned char *p = (const unsigned char *)s; *p; p++)
    if (*p < 0x20 || *p == '/' || *p == 0x7f) return 0;
  return *s && *s != '.' && strlen(s) <= 100;
}

/* The file's name without its ending. */
static int default_name(sl_draft *d) {
  const char *base = sl_path_base(d->file), *ext = sl_path_ext(base);
  size_t len = strlen(base) - strlen(ext);
  char *name = sl_arena_strndup(d->arena, base, len);
  if (!name) return sl_diags_nomem(d->diags);
  d->top.name = is_name(name) ? name : "pipeline";
  return 0;
}

static int read_name(sl_draft *d) {
  if (!d->top.name) return default_name(d);
  if (is_name(d->top.name)) return 0;
  sl_diags_error(d->diags, sl_node_get(d->root, "name")->pos, SL_EINVAL,
                 "`name`: \"%.80s\" cannot be part of a file name", d->top.name);
  sl_diags_hint(d->diags, "use at most 100 bytes without slashes, and do not begin with a dot");
  return 0;
}

static int read_top(sl_draft *d) {
  for (uint32_t i = 0; i < d->root->count; i++) {
    const sl_node *name = d->root->pairs[i].key;
    const sl_keyrow *key = sl_keys_find(&sl_keys_top, name->text);
    if (!key || !(key->flags & SL_KEY_REFUSED)) continue;
    sl_diags_error(d->diags, name->pos, SL_EUNSUP, "`%s` is not supported by this version (%d.%d)", name->text,
                   SL_ABI_MAJOR, SL_ABI_MINOR);
    sl_diags_hint(d->diags, "%s", key->instead);
  }
  sl_param_table table = sl_keys_top;
  table.other = &sl_keys_stage;
  table.other_hint = "is a key of a stage, or belongs under `defaults:`";
  sl_param_ctx ctx = sl_draft_ctx(d, NULL);
  int rc = sl_params_read(&ctx, &table, d->root, d->pos, 0, &d->top, NULL);
  if (!rc) rc = read_name(d);
  if (!rc) rc = sl_forms_state(d);
  if (!rc) rc = sl_forms_dead_letters(d);
  if (!rc) rc = sl_forms_admin(d);
  if (!rc) read_lanes(d);
  return rc;
}

/* ---- steps ------------------------------------------------------------------------------------ */

/* 0, 1 when there is nothing to go on with, or SL_ENOMEM. */
static int read_draft(sl_draft *d, const char *source, const char *text, size_t len) {
  d->root = sl_node_parse(d->arena, d->diags, source, text, len);
  if (!d->root) return 1;
  if (d->root->kind != SL_NODE_MAP) {
    if (sl_node_is_null(d->root))
      sl_diags_error(d->diags, d->pos, SL_EPARSE, "the file is empty");
    else
      sl_diags_error(d->diags, d->root->pos, SL_EPARSE, "expected a map with `stages:`, found %s",
                     sl_node_kind_name(d->root));
    return 1;
  }
  if (!d->root->count) {
    sl_diags_error(d->diags, d->pos, SL_EPARSE, "the file is empty");
    sl_diags_hint(d->diags, "docs/pipeline-file.md shows a whole pipeline");
    return 1;
  }
  int rc = sl_subst_tree(d->arena, d->diags, d->base, d->opts->files, d->root);
  if (!rc) rc = sl_override_top(d);
  if (!rc) rc = read_top(d);
  if (!rc) rc = sl_stage_begin(d);
  if (!rc) rc = sl_override_stages(d);
  if (!rc) rc = sl_stage_read(d);
  if (rc) return rc;
  int ordered = 0;
  rc = sl_graph_make(d, &ordered);
  /* What follows from a missing stage or parameter is not worth showing beside it. */
  if (rc || !ordered || sl_diags_errors(d->diags)) return rc;
  rc = sl_contract_make(d);
  if (!rc) rc = sl_merge_check(d);
  if (!rc && !sl_diags_errors(d->diags)) rc = sl_prove_reads(d);
  return rc;
}

/* ---- the result ------------------------------------------------------------------------------- */

static int fill_edges(const sl_draft *d, const uint32_t *place, sl_pipeline *p) {
  sl_edge *edges = sl_arena_array(d->arena, d->n_edges ? d->n_edges : 1, sizeof *edges);
  if (!edges) return SL_ENOMEM;
  for (uint32_t i = 0; i < d->n_stages; i++) {
    for (uint32_t k = d->first[d->order[i]]; k < d->first[d->order[i] + 1]; k++) {
      sl_edge *e = &edges[p->n_edges++];
      *e = d->edges[k].e;
      e->from = i;
      e->to = place[e->to];
    }
  }
  p->edges = edges;
  return 0;
}

static int fill_stages(const sl_draft *d, const uint32_t *place, sl_pipeline *p) {
  p->stages = sl_arena_array(d->arena, d->n_stages, sizeof *p->stages);
  if (!p->stages) return SL_ENOMEM;
  for (uint32_t i = 0; i < d->n_stages; i++) {
    sl_stage_conf *c = &p->stages[i];
    *c = d->stages[d->order[i]].conf;
    c->pos.file = d->file; /* the diags, which own the other name, may go first */
    if (c->on_error.route >= 0) c->on_error.route = (int32_t)place[c->on_error.route];
  }
  p->n_stages = d->n_stages;
  return 0;
}

static int finish(const sl_draft *d, sl_pipeline **ret) {
  owned *o = sl_mem_calloc(1, sizeof *o);
  uint32_t *place = sl_arena_array(d->arena, d->n_stages, sizeof *place);
  if (!o || !place) {
    sl_mem_free(o);
    return SL_ENOMEM;
  }
  for (uint32_t i = 0; i < d->n_stages; i++) place[d->order[i]] = i;
  sl_pipeline *p = &o->p;
  p->name = d->top.name;
  p->file = d->file;
  p->state = d->state;
  p->keep = d->keep;
  p->admin = d->admin;
  p->dead_path = d->top.dead_letters;
  p->lanes = d->lanes;
  p->budget = d->top.budget;
  p->grace = d->top.grace;
  p->unrouted = d->top.unrouted;
  p->log_level = d->top.log + SL_LOG_ERROR;
  int rc = fill_stages(d, place, p);
  if (!rc) rc = fill_edges(d, place, p);
  if (rc) {
    sl_mem_free(o);
    return rc;
  }
  o->arena = d->arena;
  *ret = p;
  return 0;
}

/* What a path is relative to cannot be found: the working directory was removed, or memory is out. */
static int no_folder(sl_diags *diags) {
  if (errno != ENOENT && errno != EACCES) return sl_diags_nomem(diags);
  sl_diags_error(diags, (sl_pos){0}, SL_EIO, "the working directory cannot be found: %s", strerror(errno));
  return SL_EIO;
}

static int set_paths(sl_draft *d, const char *file) {
  errno = 0;
  char *cwd = d->opts->cwd ? sl_path_abs(d->opts->cwd, NULL) : sl_path_cwd();
  if (!cwd) return no_folder(d->diags);
  char *full = cwd ? sl_path_abs(file, cwd) : NULL;
  char *dir = full ? sl_path_dir(full) : NULL;
  if (dir) {
    d->cwd = sl_arena_strdup(d->arena, cwd);
    d->file = sl_arena_strdup(d->arena, full);
    d->base = sl_arena_strdup(d->arena, dir);
  }
  sl_mem_free(dir);
  sl_mem_free(full);
  sl_mem_free(cwd);
  return d->cwd && d->file && d->base ? 0 : sl_diags_nomem(d->diags);
}

int sl_pipeline_load_text(const char *text, size_t len, const char *file, const sl_load_opts *opts,
                          struct sl_diags *diags, sl_pipeline **ret) {
  sl_draft d = {.arena = sl_arena_new(), .diags = diags, .opts = opts};
  uint32_t before = sl_diags_errors(diags);
  if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
    text += 3;
    len -= 3;
  }
  const char *source = sl_diags_source(diags, file, text, len);
  if (!d.arena || !source) {
    sl_arena_free(d.arena);
    return sl_diags_nomem(diags);
  }
  d.pos = (sl_pos){.file = source};
  int rc = set_paths(&d, file);
  if (!rc) rc = read_draft(&d, source, text, len);
  if (!rc && sl_diags_errors(diags) == before) {
    rc = finish(&d, ret);
    if (!rc) return 0;
  }
  if (rc == SL_ENOMEM) sl_diags_nomem(diags);
  sl_arena_free(d.arena);
  return sl_diags_code(diags) ? sl_diags_code(diags) : SL_EBUG;
}

int sl_pipeline_load(const char *file, const sl_load_opts *opts, struct sl_diags *diags, sl_pipeline **ret) {
  errno = 0;
  char *text = NULL, *full = sl_path_abs(file, opts->cwd);
  if (!full) return no_folder(diags);
  size_t len = 0;
  sl_err err = {0};
  int rc = sl_path_read(full, SL_NODE_MAX_BYTES, &text, &len, &err);
  if (rc == SL_ENOMEM) {
    sl_diags_nomem(diags);
  } else if (rc) {
    sl_diags_add(diags, (sl_pos){0}, &err);
    if (rc == SL_ENOTFOUND) sl_diags_hint(diags, "give the path of a pipeline file");
  } else {
    rc = sl_pipeline_load_text(text, len, file, opts, diags, ret);
  }
  sl_mem_free(text);
  sl_mem_free(full);
  return rc;
}

void sl_pipeline_free(sl_pipeline *p) {
  if (!p) return;
  owned *o = (owned *)(void *)p;
  sl_arena *arena = o->arena;
  sl_mem_free(o);
  sl_arena_free(arena);
}
