/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of a draft: who reads from whom, dead ends, cycles, and the order of the stages. */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/draft.h"
#include "doc/codec.h"
#include "doc/cond.h"

/* ---- edges ------------------------------------------------------------------------------------ */

static int add_edge(sl_draft *d, uint32_t from, uint32_t to, sl_pos pos, int is_error) {
  if (d->n_edges >= SL_DRAFT_MAX_EDGES) {
    sl_diags_error(d->diags, pos, SL_ELIMIT, "too many edges: a pipeline may have %u", SL_DRAFT_MAX_EDGES);
    return 0;
  }
  if (d->n_edges == d->cap_edges) {
    uint32_t cap = d->cap_edges ? d->cap_edges * 2 : 32;
    sl_draft_edge *edges = sl_arena_array(d->arena, cap, sizeof *edges);
    if (!edges) return sl_diags_nomem(d->diags);
    if (d->n_edges) memcpy(edges, d->edges, d->n_edges * sizeof *edges);
    d->edges = edges;
    d->cap_edges = cap;
  }
  const sl_draft_stage *st = &d->stages[to];
  d->edges[d->n_edges++] = (sl_draft_edge){.e = {.from = from,
                                                 .to = to,
                                                 .when = is_error ? NULL : st->when,
                                                 .is_else = is_error ? 0 : st->is_else,
                                                 .is_error = is_error},
                                           .pos = pos};
  return 0;
}

static int add_named(sl_draft *d, uint32_t to, const sl_node *name) {
  sl_draft_stage *st = &d->stages[to];
  if (name->kind != SL_NODE_SCALAR) return 0; /* reported when the keys were read */
  uint32_t from = sl_draft_find(d, name->text);
  if (from == SL_DRAFT_NONE) {
    sl_diags_error(d->diags, name->pos, SL_ENOTFOUND, "`from`: there is no stage `%.80s`", name->text);
    const char *near = sl_draft_nearest(d, name->text);
    if (near) sl_diags_hint(d->diags, "did you mean `%s`?", near);
    return 0;
  }
  if (from == to) {
    sl_diags_error(d->diags, name->pos, SL_EINVAL, "`%s` reads from itself", name->text);
    return 0;
  }
  if (sl_draft_kind(d, from) == SL_SINK) {
    sl_diags_error(d->diags, name->pos, SL_EINVAL, "`from`: `%s` is a sink; nothing comes out of it", name->text);
    sl_diags_hint(d->diags, "read from the stage that `%s` reads from", name->text);
    return 0;
  }
  for (uint32_t i = 0; i < d->n_edges; i++) {
    if (d->edges[i].e.from != from || d->edges[i].e.to != to || d->edges[i].e.is_error) continue;
    sl_diags_error(d->diags, name->pos, SL_EEXIST, "`from` names `%s` twice", name->text);
    return 0;
  }
  return st->node ? add_edge(d, from, to, name->pos, 0) : 0;
}

static int add_from(sl_draft *d, uint32_t to) {
  const sl_node *from = d->stages[to].from_node;
  if (from->kind == SL_NODE_SCALAR) return sl_node_is_null(from) ? 0 : add_named(d, to, from);
  if (from->kind != SL_NODE_LIST) return 0;
  if (!from->count && !d->stages[to].routed_to) {
    sl_diags_error(d->diags, from->pos, SL_EINVAL,
                   "nothing leads to `%s`: `from` is empty, and no `on_error` routes here",
                   d->stages[to].conf.id ? d->stages[to].conf.id : "?");
    sl_diags_hint(d->diags, "name the stages it reads from");
  }
  if (!from->count && d->stages[to].when_node) {
    sl_diags_error(d->diags, d->stages[to].when_node->pos, SL_EINVAL,
                   "`when` guards the edges into a stage; `from` names none");
  }
  int rc = 0;
  for (uint32_t i = 0; !rc && i < from->count; i++) rc = add_named(d, to, from->items[i]);
  return rc;
}

static int add_above(sl_draft *d, uint32_t to) {
  sl_draft_stage *st = &d->stages[to];
  const char *id = st->conf.id ? st->conf.id : "?";
  if (to == 0 && !d->stages[0].conf.type) return 0; /* it may be a source: its type is what is wrong */
  if (to == 0) {
    sl_diags_error(d->diags, st->pos, SL_EINVAL,
                   "`%s` has nothing to read from: it is the first stage, and not a source", id);
    sl_diags_hint(d->diags, "begin with a source, or say `from:`");
    return 0;
  }
  if (sl_draft_kind(d, to - 1) == SL_SINK) {
    const char *sink = d->stages[to - 1].conf.id;
    sl_diags_error(d->diags, st->pos, SL_EINVAL, "`%s` stands below the sink `%s`, so it must say `from:`", id,
                   sink ? sink : "?");
    sl_diags_hint(d->diags, "from: the stage whose documents it shall get");
    return 0;
  }
  return add_edge(d, to - 1, to, st->pos, 0);
}

static int make_edges(sl_draft *d) {
  int rc = 0;
  for (uint32_t i = 0; !rc && i < d->n_stages; i++) {
    const sl_draft_stage *st = &d->stages[i];
    if (!st->node || sl_draft_kind(d, i) == SL_SOURCE) continue;
    rc = st->from_node ? add_from(d, i) : add_above(d, i);
  }
  for (uint32_t i = 0; !rc && i < d->n_stages; i++) {
    const sl_draft_stage *st = &d->stages[i];
    if (st->conf.on_error.then != SL_THEN_ROUTE || st->conf.on_error.route < 0) continue;
    rc = add_edge(d, i, (uint32_t)st->conf.on_error.route, st->route_node->pos, 1);
  }
  return rc;
}

/* Groups the edges by the stage they leave. */
static int sort_edges(sl_draft *d) {
  sl_draft_edge *sorted = sl_arena_array(d->arena, d->n_edges ? d->n_edges : 1, sizeof *sorted);
  uint32_t *at = sl_arena_array(d->arena, d->n_stages + 1, sizeof *at);
  d->first = sl_arena_array(d->arena, d->n_stages + 1, sizeof *d->first);
  if (!sorted || !at || !d->first) return sl_diags_nomem(d->diags);
  for (uint32_t k = 0; k < d->n_edges; k++) d->first[d->edges[k].e.from + 1]++;
  for (uint32_t i = 0; i < d->n_stages; i++) at[i + 1] = d->first[i + 1] += d->first[i];
  for (uint32_t k = 0; k < d->n_edges; k++) sorted[at[d->edges[k].e.from]++] = d->edges[k];
  d->edges = sorted;
  return 0;
}

/* ---- guards ----------------------------------------------------------------------------------- */

static void free_json(void *p) { cJSON_Delete(p); }

/* {not: {any: [conditions of the siblings]}}; *ret NULL if no sibling has a condition. */
static int else_guard(sl_draft *d, const sl_draft_edge *edge, cJSON **ret) {
  cJSON *none = cJSON_CreateObject(), *any = cJSON_CreateObject(), *list = cJSON_CreateArray();
  int ok = none && any && list;
  int n = 0;
  for (uint32_t i = d->first[edge->e.from]; ok && i < d->first[edge->e.from + 1]; i++) {
    const sl_draft_edge *s = &d->edges[i];
    if (s->e.is_error || !s->e.when) continue;
    cJSON *copy = sl_json_copy(sl_cond_json(s->e.when));
    if (!(ok = copy && cJSON_AddItemToArray(list, copy))) cJSON_Delete(copy);
    n++;
  }
  if (ok && (ok = cJSON_AddItemToObject(any, "any", list))) list = NULL;
  if (ok && (ok = cJSON_AddItemToObject(none, "not", any))) any = NULL;
  cJSON_Delete(list);
  cJSON_Delete(any);
  if (!ok || !n) {
    cJSON_Delete(none);
    return ok ? 0 : sl_diags_nomem(d->diags);
  }
  *ret = none;
  return sl_arena_defer(d->arena, free_json, none) ? sl_diags_nomem(d->diags) : 0;
}

static int check_else(sl_draft *d, sl_draft_edge *edge) {
  const char *from = d->stages[edge->e.from].conf.id;
  uint32_t siblings = 0;
  for (uint32_t i = d->first[edge->e.from]; i < d->first[edge->e.from + 1]; i++) {
    const sl_draft_edge *s = &d->edges[i];
    if (s == edge || s->e.is_error || s->e.is_else) continue;
    siblings++;
    if (s->e.when || d->stages[s->e.to].when_node) continue;
    sl_diags_error(d->diags, d->stages[edge->e.to].when_node->pos, SL_EINVAL,
                   "`when: else` leaves nothing here: `%s` takes every document of `%s`",
                   d->stages[s->e.to].conf.id ? d->stages[s->e.to].conf.id : "?", from ? from : "?");
    sl_diags_hint(d->diags, "give `%s` a `when`, or remove the `else`",
                  d->stages[s->e.to].conf.id ? d->stages[s->e.to].conf.id : "?");
    return 0;
  }
  if (siblings) return else_guard(d, edge, &edge->guard);
  sl_diags_error(d->diags, d->stages[edge->e.to].when_node->pos, SL_EINVAL,
                 "`when: else` without a sibling: nothing else reads from `%s` under a condition", from ? from : "?");
  sl_diags_hint(d->diags, "remove it, or give another reader of `%s` a `when`", from ? from : "?");
  return 0;
}

static int make_guards(sl_draft *d) {
  int rc = 0;
  for (uint32_t i = 0; !rc && i < d->n_edges; i++) {
    sl_draft_edge *edge = &d->edges[i];
    if (edge->e.is_else) {
      rc = check_else(d, edge);
    } else if (edge->e.when) {
      edge->guard = sl_json_copy(sl_cond_json(edge->e.when));
      if (!edge->guard || sl_arena_defer(d->arena, free_json, edge->guard)) rc = sl_diags_nomem(d->diags);
    }
  }
  return rc;
}

/* ---- dead ends -------------------------------------------------------------------------------- */

/* broken: edges or stages are missing that the file does mean, so that a dead end may be none. */
static void check_ends(sl_draft *d, int broken) {
  uint32_t kinds[4] = {0};
  for (uint32_t i = 0; i < d->n_stages; i++) kinds[sl_draft_kind(d, i) & 3u]++;
  if (!kinds[0] && !kinds[SL_SOURCE]) {
    sl_diags_error(d->diags, sl_node_get(d->root, "stages")->pos, SL_EINVAL,
                   "a pipeline needs a source, and this has none");
    sl_diags_hint(d->diags, "begin with one: { id: in, uses: fetch_files, with: { paths: \"*.txt\" } }");
  }
  if (!kinds[0] && !kinds[SL_SINK]) {
    sl_diags_error(d->diags, sl_node_get(d->root, "stages")->pos, SL_EINVAL,
                   "a pipeline needs a sink, and this has none");
    sl_diags_hint(d->diags, "end with one: { id: out, uses: sink_stdout }");
    return; /* that nobody reads the last stage follows from it */
  }
  if (broken || kinds[0]) return;
  for (uint32_t i = 0; i < d->n_stages; i++) {
    uint32_t kind = sl_draft_kind(d, i), readers = 0;
    if (!kind || kind == SL_SINK || !d->stages[i].conf.id) continue;
    for (uint32_t k = d->first[i]; k < d->first[i + 1]; k++) readers += !d->edges[k].e.is_error;
    if (readers) continue;
    sl_diags_error(d->diags, d->stages[i].pos, SL_EINVAL, "dead end: no stage reads from the %s `%s`",
                   kind == SL_SOURCE ? "source" : "transform", d->stages[i].conf.id);
    sl_diags_hint(d->diags, "name it in the `from:` of a stage, or remove it");
  }
}

/* ---- cycles and order ------------------------------------------------------------------------- */

typedef struct walk {
  const sl_draft *d;
  uint8_t *colour;   /* 0 new, 1 on the path, 2 done */
  uint32_t *path, n; /* edges */
  uint32_t *next;    /* per stage: which of its edges to look at */
} walk;

static void report_cycle(const walk *w, uint32_t to, uint32_t closing) {
  const sl_draft *d = w->d;
  sl_buf text = {0};
  uint32_t first = w->n;
  while (first && d->edges[w->path[first - 1]].e.to != to) first--;
  /* path[first..n) leads from `to` to the stage where the closing edge begins. */
  sl_buf_addstr(&text, d->stages[to].conf.id ? d->stages[to].conf.id : "?");
  for (uint32_t i = first; i <= w->n; i++) {
    const sl_draft_edge *e = &d->edges[i < w->n ? w->path[i] : closing];
    sl_buf_addf(&text, " -> %s%s", d->stages[e->e.to].conf.id ? d->stages[e->e.to].conf.id : "?",
                e->e.is_error ? " (on_error)" : "");
  }
  if (text.failed)
    sl_diags_nomem(d->diags);
  else
    sl_diags_error(d->diags, d->edges[closing].pos, SL_EINVAL, "a cycle: %.400s", text.data);
  sl_diags_hint(d->diags, "documents may only flow forward; break the cycle at one of these stages");
  sl_buf_done(&text);
}

/* Depth first from one stage, without recursion. Returns the number of cycles found. */
static uint32_t visit(walk *w, uint32_t start) {
  const sl_draft *d = w->d;
  uint32_t cycles = 0, at = start;
  w->n = 0;
  w->colour[at] = 1;
  for (;;) {
    uint32_t e = d->first[at] + w->next[at]++;
    if (e >= d->first[at + 1]) {
      w->colour[at] = 2;
      if (!w->n) return cycles;
      at = d->edges[w->path[--w->n]].e.from;
      continue;
    }
    uint32_t to = d->edges[e].e.to;
    if (w->colour[to] == 1) {
      report_cycle(w, to, e);
      cycles++;
    } else if (!w->colour[to]) {
      w->path[w->n++] = e;
      w->colour[to] = 1;
      at = to;
    }
  }
}

static int find_cycles(sl_draft *d, uint32_t *ret_cycles) {
  walk w = {.d = d};
  w.colour = sl_arena_array(d->arena, d->n_stages, 1);
  w.path = sl_arena_array(d->arena, d->n_stages + 1, sizeof *w.path);
  w.next = sl_arena_array(d->arena, d->n_stages, sizeof *w.next);
  if (!w.colour || !w.path || !w.next) return sl_diags_nomem(d->diags);
  *ret_cycles = 0;
  for (uint32_t i = 0; i < d->n_stages && *ret_cycles < 20; i++)
    if (!w.colour[i]) *ret_cycles += visit(&w, i);
  return 0;
}

/* Kahn's algorithm; of several stages that could come next, the first in the file. */
static int make_order(sl_draft *d) {
  uint32_t *waits = sl_arena_array(d->arena, d->n_stages, sizeof *waits);
  d->order = sl_arena_array(d->arena, d->n_stages, sizeof *d->order);
  if (!waits || !d->order) return sl_diags_nomem(d->diags);
  for (uint32_t k = 0; k < d->n_edges; k++) waits[d->edges[k].e.to]++;
  for (uint32_t n = 0; n < d->n_stages; n++) {
    uint32_t at = 0;
    while (waits[at]) at++;
    waits[at] = UINT32_MAX;
    d->order[n] = at;
    for (uint32_t k = d->first[at]; k < d->first[at + 1]; k++) waits[d->edges[k].e.to]--;
  }
  return 0;
}

int sl_graph_make(sl_draft *d, int *ret_ok) {
  *ret_ok = 0;
  if (!d->n_stages) return 0;
  uint32_t cycles = 0, errors = sl_diags_errors(d->diags);
  int rc = make_edges(d);
  int broken = sl_diags_errors(d->diags) > errors;
  if (!rc) rc = sort_edges(d);
  if (!rc) rc = find_cycles(d, &cycles);
  if (!rc) rc = make_guards(d);
  if (rc) return rc;
  check_ends(d, broken);
  if (cycles) return 0;
  *ret_ok = 1;
  return make_order(d);
}
