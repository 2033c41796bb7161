/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every read has a writer.
 *
 * The stages are walked in order. At each edge it is known what the documents on it have; a `when` that only a document
 * with some field can match makes that field certain behind it. A stage's reads are held against each of its edges, so
 * that the message can name the branch on which something is missing.
 */
#include <stdio.h>
#include <string.h>

#include "conf/contract.h"
#include "conf/exclude.h"
#include "conf/fields.h"
#include "doc/cond.h"

typedef struct prover {
  sl_draft *d;
  sl_fields *in, *out; /* per stage */
  uint32_t at;         /* the stage that is looked at */
  int rc;
} prover;

static const char *id_of(const sl_draft *d, uint32_t i) {
  return i != SL_DRAFT_NONE && d->stages[i].conf.id ? d->stages[i].conf.id : "?";
}

/* ---- messages --------------------------------------------------------------------------------- */

/* Where a missing field could come from. */
static void hint_supplier(const sl_draft *d, uint32_t at, const char *pointer) {
  for (uint32_t i = 0; i < d->n_stages; i++) {
    for (uint32_t k = 0; i != at && k < d->stages[i].contract.n; k++) {
      const sl_access *a = &d->stages[i].contract.items[k];
      if (a->access != SL_C_WRITES || strcmp(a->pointer, pointer) != 0) continue;
      sl_diags_hint(d->diags, "the stage `%s` writes it: put it before `%s`", id_of(d, i), id_of(d, at));
      return;
    }
  }
  char type[128];
  if (d->opts->supplier && d->opts->supplier(d->opts->supplier_user, pointer, type, sizeof type)) {
    sl_diags_hint(d->diags, "the stage type `%s` writes it: put a stage that uses it before `%s`", type, id_of(d, at));
    return;
  }
  sl_diags_hint(d->diags, "put a stage that writes it before `%s`", id_of(d, at));
}

static void add_types(char *buf, size_t cap, uint32_t types) {
  static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
  size_t at = 0;
  buf[0] = 0;
  for (uint32_t i = 0; i < 6 && at < cap; i++) {
    if (!(types & (1u << i))) continue;
    int n = snprintf(buf + at, cap - at, "%s%s", at ? " or " : "", names[i]);
    at += n > 0 ? (size_t)n : 0;
  }
}

static void say_open(const prover *p, sl_pos pos, const char *pointer, uint32_t opener, const char *who) {
  sl_diags_warn(p->d->diags, pos, "%.100s must come with the input: %s it", pointer, who);
  sl_diags_hint(p->d->diags, "say `provides: [%.100s]` on stage `%s`", pointer, id_of(p->d, opener));
}

static void say_missing(const prover *p, const char *pointer, uint32_t from, int everywhere) {
  const sl_draft *d = p->d;
  const char *id = id_of(d, p->at);
  const char *name = strcmp(pointer, "@payload") == 0 ? "a payload" : pointer;
  if (everywhere)
    sl_diags_error(d->diags, d->stages[p->at].pos, SL_EINVAL, "`%s` needs %.100s, and no stage before it writes that",
                   id, name);
  else
    sl_diags_error(d->diags, d->stages[p->at].pos, SL_EINVAL,
                   "`%s` needs %.100s, and documents that come from `%s` do not have it", id, name, id_of(d, from));
  if (everywhere)
    hint_supplier(d, p->at, pointer);
  else
    sl_diags_hint(d->diags, "put a stage that writes it on that branch, or take `%s` out of `from:`", id_of(d, from));
}

static void say_possible(const prover *p, const char *pointer, const sl_fact *fact) {
  const sl_draft *d = p->d;
  sl_diags_error(d->diags, d->stages[p->at].pos, SL_EINVAL, "`%s` needs %.100s, and not every document has it: %s%s%s",
                 id_of(d, p->at), pointer, fact->writer == SL_DRAFT_NONE ? "" : "`",
                 fact->writer == SL_DRAFT_NONE ? "it is missing on one of the branches" : id_of(d, fact->writer),
                 fact->writer == SL_DRAFT_NONE ? "" : "` writes it only on some branches, or not always");
  sl_diags_hint(d->diags, "guard the stage with `when: { path: %.100s, exists: true }`", pointer);
}

/* ---- what an edge brings ---------------------------------------------------------------------- */

typedef struct narrow {
  sl_fields *f;
  int rc;
} narrow;

static void on_present(void *user, const char *pointer) {
  narrow *n = user;
  sl_fact now = sl_fields_get(n->f, pointer);
  if (n->rc || now.level == SL_HAVE_CERTAIN || now.level == SL_HAVE_ABSENT) return;
  n->rc = sl_fields_set(n->f, pointer, SL_HAVE_CERTAIN, now.types, now.writer);
}

static int bring(const prover *p, uint32_t edge, sl_fields *ret) {
  const sl_draft_edge *e = &p->d->edges[edge];
  int rc = sl_fields_copy(e->e.is_error ? &p->in[e->e.from] : &p->out[e->e.from], ret);
  if (rc || !e->guard) return rc;
  narrow n = {.f = ret};
  sl_exclude_present(e->guard, on_present, &n);
  if (n.rc) sl_fields_done(ret);
  return n.rc;
}

/* ---- reads ------------------------------------------------------------------------------------ */

/* What is known of a read, over all edges. */
typedef struct verdict {
  int worst, best;
  uint32_t from;  /* the stage that the worst edge comes from */
  sl_fact fact;   /* of the worst edge */
  uint32_t types; /* that a writer gives and the reader does not take; 0: none */
  uint32_t types_writer;
} verdict;

static void judge(verdict *v, const sl_fields *f, uint32_t from, const sl_access *a) {
  sl_fact fact = sl_fields_get(f, a->pointer);
  if (fact.types && a->types && !(fact.types & a->types)) {
    v->types = fact.types;
    v->types_writer = fact.writer;
  }
  if (fact.level > v->best) v->best = fact.level;
  if (fact.level >= v->worst) return;
  v->worst = fact.level;
  v->from = from;
  v->fact = fact;
}

static int add_need(prover *p, const char *pointer) {
  sl_stage_conf *c = &p->d->stages[p->at].conf;
  for (uint32_t i = 0; i < c->n_needs; i++)
    if (strcmp(c->needs[i], pointer) == 0) return 0;
  const char **needs = sl_arena_array(p->d->arena, c->n_needs + 1, sizeof *needs);
  if (!needs) return SL_ENOMEM;
  for (uint32_t i = 0; i < c->n_needs; i++) needs[i] = c->needs[i];
  needs[c->n_needs++] = pointer;
  c->needs = needs;
  return 0;
}

static int report_read(prover *p, const sl_access *a, const verdict *v) {
  const sl_draft_stage *st = &p->d->stages[p->at];
  char who[128], has[64], wants[64];
  snprintf(who, sizeof who, "stage `%.64s` %s", id_of(p->d, p->at), a->access == SL_C_READS ? "needs" : "tests");
  if (v->types && v->worst > SL_HAVE_ABSENT) {
    add_types(has, sizeof has, v->types);
    add_types(wants, sizeof wants, a->types);
    sl_diags_error(p->d->diags, st->pos, SL_EINVAL, "`%s` needs %.100s as %s, and `%s` writes it as %s",
                   id_of(p->d, p->at), a->pointer, wants, id_of(p->d, v->types_writer), has);
    return 0;
  }
  if (a->access == SL_C_READS_MAYBE) return 0;
  if (v->worst == SL_HAVE_ABSENT) {
    if (a->access == SL_C_READS || v->best == SL_HAVE_ABSENT)
      say_missing(p, a->pointer, v->from, v->best == SL_HAVE_ABSENT);
    return 0;
  }
  if (v->worst == SL_HAVE_OPEN) say_open(p, st->pos, a->pointer, v->fact.writer, who);
  if (a->access != SL_C_READS) return 0;
  if (v->worst == SL_HAVE_POSSIBLE) say_possible(p, a->pointer, &v->fact);
  return v->worst == SL_HAVE_OPEN ? add_need(p, a->pointer) : 0;
}

static int is_read(const sl_access *a) {
  return a->access == SL_C_READS || a->access == SL_C_READS_MAYBE || a->access == SL_C_TESTS;
}

/* edges[0..n): what each edge into the stage brings, and where it comes from. */
static int check_reads(prover *p, const sl_fields *edges, const uint32_t *from, uint32_t n) {
  const sl_accesses *c = &p->d->stages[p->at].contract;
  int rc = 0;
  for (uint32_t i = 0; !rc && n && i < c->n; i++) {
    if (!is_read(&c->items[i])) continue;
    verdict v = {.worst = SL_HAVE_CERTAIN + 1, .best = SL_HAVE_ABSENT};
    for (uint32_t k = 0; k < n; k++) judge(&v, &edges[k], from[k], &c->items[i]);
    rc = report_read(p, &c->items[i], &v);
  }
  return rc;
}

/* ---- `when` ----------------------------------------------------------------------------------- */

/* The place of `path: pointer` in a condition as written. */
static sl_pos find_path(const sl_node *n, const char *pointer, int *found) {
  sl_pos pos = n->pos;
  if (n->kind == SL_NODE_SCALAR) return pos;
  for (uint32_t i = 0; !*found && i < n->count; i++) {
    const sl_node *value = n->kind == SL_NODE_MAP ? n->pairs[i].value : n->items[i];
    if (n->kind == SL_NODE_MAP && value->kind == SL_NODE_SCALAR && strcmp(n->pairs[i].key->text, "path") == 0 &&
        strcmp(value->text, pointer) == 0) {
      *found = 1;
      return value->pos;
    }
    sl_pos inner = find_path(value, pointer, found);
    if (*found) return inner;
  }
  return pos;
}

typedef struct when_check {
  prover *p;
  uint32_t from;
} when_check;

static void on_when_path(void *user, const char *pointer, int maybe) {
  when_check *w = user;
  prover *p = w->p;
  if (maybe) return;
  sl_fact fact = sl_fields_get(&p->out[w->from], pointer);
  int found = 0;
  sl_pos pos = find_path(p->d->stages[p->at].when_node, pointer, &found);
  char who[128];
  if (fact.level == SL_HAVE_OPEN) {
    snprintf(who, sizeof who, "the `when` of stage `%.64s` tests", id_of(p->d, p->at));
    say_open(p, pos, pointer, fact.writer, who);
  } else if (fact.level == SL_HAVE_ABSENT) {
    sl_diags_error(p->d->diags, pos, SL_EINVAL,
                   "the `when` of `%s` tests %.100s, and documents that come from `%s` never have it",
                   id_of(p->d, p->at), pointer, id_of(p->d, w->from));
    hint_supplier(p->d, p->at, pointer);
  }
}

/* ---- all -------------------------------------------------------------------------------------- */

static int walk_stage(prover *p, sl_fields *edges, uint32_t *from) {
  sl_draft *d = p->d;
  uint32_t n = 0, s = p->at;
  int rc = 0;
  for (uint32_t k = 0; !rc && k < d->n_edges; k++) {
    const sl_draft_edge *e = &d->edges[k];
    if (e->e.to != s) continue;
    when_check w = {.p = p, .from = e->e.from};
    if (e->e.when) sl_cond_paths(e->e.when, on_when_path, &w);
    from[n] = e->e.from;
    rc = bring(p, k, &edges[n++]);
  }
  if (!rc) rc = check_reads(p, edges, from, n);
  if (!rc && n) rc = sl_fields_copy(&edges[0], &p->in[s]);
  for (uint32_t k = 1; !rc && k < n; k++) rc = sl_fields_join(&p->in[s], &edges[k]);
  if (!rc) rc = sl_fields_copy(&p->in[s], &p->out[s]);
  /* A document that lacks what the stage needs ends here as a dead letter: behind it the field is certain. */
  for (uint32_t k = 0; !rc && k < d->stages[s].conf.n_needs; k++) {
    sl_fact fact = sl_fields_get(&p->out[s], d->stages[s].conf.needs[k]);
    rc = sl_fields_set(&p->out[s], fact.pointer, SL_HAVE_CERTAIN, fact.types, fact.writer);
  }
  if (!rc) rc = sl_fields_apply(&p->out[s], &d->stages[s].contract, s);
  for (uint32_t k = 0; k < n; k++) sl_fields_done(&edges[k]);
  return rc;
}

int sl_prove_reads(sl_draft *d) {
  prover p = {.d = d};
  uint32_t most = 1;
  uint32_t *in = sl_arena_array(d->arena, d->n_stages, sizeof *in);
  for (uint32_t k = 0; in && k < d->n_edges; k++)
    if (++in[d->edges[k].e.to] > most) most = in[d->edges[k].e.to];
  p.in = sl_arena_array(d->arena, d->n_stages, sizeof *p.in);
  p.out = sl_arena_array(d->arena, d->n_stages, sizeof *p.out);
  sl_fields *edges = sl_arena_array(d->arena, most, sizeof *edges);
  uint32_t *from = sl_arena_array(d->arena, most, sizeof *from);
  int rc = in && p.in && p.out && edges && from ? 0 : SL_ENOMEM;
  for (uint32_t i = 0; !rc && i < d->n_stages; i++) {
    p.at = d->order[i];
    rc = walk_stage(&p, edges, from);
  }
  for (uint32_t i = 0; p.in && p.out && i < d->n_stages; i++) {
    sl_fields_done(&p.in[i]);
    sl_fields_done(&p.out[i]);
  }
  return rc ? sl_diags_nomem(d->diags) : 0;
}
