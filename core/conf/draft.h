/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline while it is loaded: shared by the steps of loading, in this order.
 *
 *   parse, substitute (node, subst) -> --set (override) -> keys and stage types (stage) -> edges, cycles, merges, order
 *   (graph, merge) -> contracts (contract, prove) -> the finished sl_pipeline (pipeline)
 *
 * Every step reports faults to `diags` and goes on as far as it makes sense; its result is 0 or SL_ENOMEM.
 */
#ifndef SLUICE_CONF_DRAFT_H
#define SLUICE_CONF_DRAFT_H

#include "conf/keys.h"

#define SL_DRAFT_MAX_STAGES 1000u
#define SL_DRAFT_MAX_EDGES 10000u
#define SL_DRAFT_NONE UINT32_MAX

typedef struct sl_draft_edge {
  sl_edge e; /* from, to: places in the file */
  sl_pos pos;
  struct cJSON *guard; /* what a document on this edge matches; NULL: anything. `else`: that it matched no sibling */
} sl_draft_edge;

typedef struct sl_access {
  const char *pointer;
  uint32_t access, types; /* SL_C_…, SL_J_… */
} sl_access;

typedef struct sl_accesses {
  sl_access *items;
  uint32_t n, cap;
  int open;
} sl_accesses;

typedef struct sl_draft_stage {
  const sl_node *node; /* as written; NULL if it is no map */
  sl_node *with;       /* after --set; NULL: none */
  const sl_node *when_node, *from_node, *route_node;
  sl_pos pos; /* of the id, or of the stage */
  sl_stage_keys keys;
  sl_stage_conf conf;
  const sl_cond *when;
  int is_else;
  int routed_to; /* some stage's on_error leads here */
  sl_accesses contract;
} sl_draft_stage;

typedef struct sl_draft {
  sl_arena *arena;
  sl_diags *diags;
  const sl_load_opts *opts;
  const char *file, *base, *cwd; /* absolute */
  sl_pos pos;                    /* of the file as a whole */
  sl_node *root;
  sl_top_keys top;
  const char *state;
  sl_state_conf keep;
  sl_admin_conf admin;
  int64_t lanes;
  sl_draft_stage *stages;
  uint32_t n_stages;
  sl_draft_edge *edges;
  uint32_t n_edges, cap_edges;
  uint32_t *first; /* per stage and one more: its edges are [first[i], first[i + 1]), in the order of the file */
  uint32_t *order; /* topological: places in the file */
} sl_draft;

/* 0, 1, 2, … or SL_DRAFT_NONE. */
uint32_t sl_draft_find(const sl_draft *d, const char *id);
/* The stage id nearest to a wrong one, or NULL. */
const char *sl_draft_nearest(const sl_draft *d, const char *id);
/* The kind of a stage's type, 0 while it is not known. */
uint32_t sl_draft_kind(const sl_draft *d, uint32_t i);
/* 1 if it may be the id of a stage. */
int sl_draft_is_id(const char *text);
sl_param_ctx sl_draft_ctx(const sl_draft *d, const char *where);

/* forms.c: keys that take a single value or a map. After `name` is known; schedule and was: after all ids. */
int sl_forms_state(sl_draft *d);
int sl_forms_dead_letters(sl_draft *d);
int sl_forms_admin(sl_draft *d);
int sl_forms_schedule(sl_draft *d, sl_draft_stage *st);
void sl_forms_was(sl_draft *d);
/* override.c */
int sl_override_top(sl_draft *d);
int sl_override_stages(sl_draft *d);
/* stage.c: ids and types first, so that --set knows them; then keys and parameters. */
int sl_stage_begin(sl_draft *d);
int sl_stage_read(sl_draft *d);
/* graph.c; *ret_ok 1 if there is an order, so that the later steps make sense. */
int sl_graph_make(sl_draft *d, int *ret_ok);
/* merge.c: no document reaches one stage twice. */
int sl_merge_check(sl_draft *d);
/* contract.c: fills the contracts of all stages. */
int sl_contract_make(sl_draft *d);
/* prove.c: every read has a writer. */
int sl_prove_reads(sl_draft *d);

#endif
