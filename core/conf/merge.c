/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No document may reach one stage twice.
 *
 * That can happen only where two paths part at a stage F and meet again at a stage M. It is enough to look at pairs
 * that share no stage in between: if they met earlier, that place is looked at itself. Such a pair is harmless if a
 * guard on the one excludes a guard on the other. A guard behind F counts only if no stage between F and it can change
 * what it tests.
 */
#include <string.h>

#include "base/buf.h"
#include "conf/draft.h"
#include "conf/exclude.h"
#include "doc/cond.h"
#include "doc/pointer.h"

#define MAX_STEPS 100000u

typedef struct path {
  uint32_t *edges, n;
} path;

typedef struct merge {
  sl_draft *d;
  uint8_t *reach; /* reach[a * n + b]: b can be reached from a, or is a */
  uint8_t *used;  /* stages between F and M on the first path */
  path a, b;
  uint32_t fork, at;
  uint32_t steps;
} merge;

static const sl_draft_edge *edge(const merge *m, uint32_t i) { return &m->d->edges[i]; }

static int reaches(const merge *m, uint32_t from, uint32_t to) { return m->reach[from * m->d->n_stages + to]; }

static int make_reach(merge *m) {
  const sl_draft *d = m->d;
  m->reach = sl_arena_array(d->arena, d->n_stages, d->n_stages);
  if (!m->reach) return sl_diags_nomem(d->diags);
  for (uint32_t i = d->n_stages; i-- > 0;) {
    uint32_t s = d->order[i];
    uint8_t *row = m->reach + (size_t)s * d->n_stages;
    row[s] = 1;
    for (uint32_t k = d->first[s]; k < d->first[s + 1]; k++) {
      const uint8_t *other = m->reach + (size_t)d->edges[k].e.to * d->n_stages;
      for (uint32_t t = 0; t < d->n_stages; t++) row[t] |= other[t];
    }
  }
  return 0;
}

/* ---- guards that count ------------------------------------------------------------------------ */

typedef struct touched {
  const sl_accesses *contract;
  int hit;
} touched;

static void check_path(void *user, const char *pointer, int maybe) {
  (void)maybe;
  touched *t = user;
  for (uint32_t i = 0; !t->hit && i < t->contract->n; i++) {
    const sl_access *a = &t->contract->items[i];
    if (a->access < SL_C_WRITES || a->access > SL_C_REMOVES || a->pointer[0] == '@') continue;
    t->hit = sl_pointer_covers(a->pointer, pointer) || sl_pointer_covers(pointer, a->pointer);
  }
}

static void guard_touched(const merge *m, uint32_t e, touched *t) {
  const sl_draft_edge *g = edge(m, e);
  if (g->e.when) sl_cond_paths(g->e.when, check_path, t);
  for (uint32_t k = m->d->first[g->e.from]; g->e.is_else && k < m->d->first[g->e.from + 1]; k++) {
    const sl_draft_edge *s = &m->d->edges[k];
    if (s->e.when) sl_cond_paths(s->e.when, check_path, t);
  }
}

/* Does the ith guard of the path test what the document had when it left the fork? */
static int guard_counts(const merge *m, const path *p, uint32_t i) {
  if (!edge(m, p->edges[i])->guard) return 0;
  for (uint32_t k = 0; k < i; k++) {
    const sl_draft_stage *st = &m->d->stages[edge(m, p->edges[k])->e.to];
    touched t = {.contract = &st->contract, .hit = st->contract.open};
    if (!t.hit) guard_touched(m, p->edges[i], &t);
    if (t.hit) return 0;
  }
  return 1;
}

static int edges_exclude(const merge *m, uint32_t a, uint32_t b) {
  const sl_draft_edge *x = edge(m, a), *y = edge(m, b);
  if (x->e.from == y->e.from && x->e.is_error != y->e.is_error) {
    const sl_stage_type *type = m->d->stages[x->e.from].conf.type;
    /* A stage's failure discards what it emitted; a streaming one has let it go already. */
    return type && !(type->flags & SL_F_STREAMING);
  }
  return sl_exclude(x->guard, y->guard);
}

static int paths_exclude(merge *m) {
  if (edges_exclude(m, m->a.edges[0], m->b.edges[0])) return 1;
  for (uint32_t i = 0; i < m->a.n; i++) {
    if (!guard_counts(m, &m->a, i)) continue;
    for (uint32_t k = 0; k < m->b.n && m->steps < MAX_STEPS; k++) {
      m->steps++;
      if (guard_counts(m, &m->b, k) && sl_exclude(edge(m, m->a.edges[i])->guard, edge(m, m->b.edges[k])->guard))
        return 1;
    }
  }
  return 0;
}

/* ---- pairs of paths --------------------------------------------------------------------------- */

static void add_path(sl_buf *buf, const merge *m, const path *p) {
  const char *id = m->d->stages[m->fork].conf.id;
  sl_buf_addstr(buf, id ? id : "?");
  for (uint32_t i = 0; i < p->n; i++) {
    id = m->d->stages[edge(m, p->edges[i])->e.to].conf.id;
    sl_buf_addf(buf, " -> %s%s", id ? id : "?", edge(m, p->edges[i])->e.is_error ? " (on_error)" : "");
  }
}

static void report(merge *m) {
  const sl_draft_stage *st = &m->d->stages[m->at];
  sl_buf a = {0}, b = {0};
  add_path(&a, m, &m->a);
  add_path(&b, m, &m->b);
  if (a.failed || b.failed) {
    sl_diags_nomem(m->d->diags);
  } else if (m->steps >= MAX_STEPS) {
    sl_diags_error(m->d->diags, st->pos, SL_ELIMIT,
                   "too many paths lead from `%s` to `%s` to prove that no document arrives twice",
                   m->d->stages[m->fork].conf.id ? m->d->stages[m->fork].conf.id : "?",
                   st->conf.id ? st->conf.id : "?");
    sl_diags_hint(m->d->diags, "guard the branches behind the fork with conditions that exclude each other");
  } else {
    sl_diags_error(m->d->diags, st->pos, SL_EINVAL, "one document can reach `%s` twice: %.200s, and %.200s",
                   st->conf.id ? st->conf.id : "?", a.data, b.data);
    sl_diags_hint(m->d->diags, "give the two branches `when`s that exclude each other, such as a condition and `else`");
  }
  sl_buf_done(&a);
  sl_buf_done(&b);
}

/* Lengthens path b from stage s to the meeting place. 1 when a pair was reported. */
static int walk_b(merge *m, uint32_t s) {
  if (m->steps >= MAX_STEPS || (s == m->at && !paths_exclude(m))) {
    report(m);
    return 1;
  }
  if (s == m->at) return 0;
  if (m->used[s]) return 0;
  for (uint32_t k = m->d->first[s]; k < m->d->first[s + 1]; k++) {
    const sl_draft_edge *e = edge(m, k);
    if (!reaches(m, e->e.to, m->at)) continue;
    m->steps++;
    m->b.edges[m->b.n++] = k;
    int hit = walk_b(m, e->e.to);
    m->b.n--;
    if (hit) return 1;
  }
  return 0;
}

/* Lengthens path a, and at its end tries every path b that begins with `second`. */
static int walk_a(merge *m, uint32_t s, uint32_t second) {
  if (s == m->at) {
    m->b.edges[0] = second;
    m->b.n = 1;
    return walk_b(m, edge(m, second)->e.to);
  }
  m->used[s] = 1;
  int hit = 0;
  for (uint32_t k = m->d->first[s]; !hit && k < m->d->first[s + 1]; k++) {
    const sl_draft_edge *e = edge(m, k);
    if (!reaches(m, e->e.to, m->at)) continue;
    m->steps++;
    m->a.edges[m->a.n++] = k;
    hit = walk_a(m, e->e.to, second);
    m->a.n--;
  }
  m->used[s] = 0;
  return hit;
}

/* All pairs of edges out of the fork that lead to m->at. 1 when a pair was reported. */
static int check_fork(merge *m) {
  const sl_draft *d = m->d;
  for (uint32_t i = d->first[m->fork]; i < d->first[m->fork + 1]; i++) {
    if (!reaches(m, d->edges[i].e.to, m->at)) continue;
    for (uint32_t k = i + 1; k < d->first[m->fork + 1]; k++) {
      m->steps++;
      if (!reaches(m, d->edges[k].e.to, m->at)) continue;
      if (edges_exclude(m, i, k)) continue;
      m->a.edges[0] = i;
      m->a.n = 1;
      if (walk_a(m, d->edges[i].e.to, k)) return 1;
    }
  }
  return 0;
}

int sl_merge_check(sl_draft *d) {
  merge m = {.d = d};
  uint32_t *in = sl_arena_array(d->arena, d->n_stages, sizeof *in);
  uint32_t *out = sl_arena_array(d->arena, d->n_stages, sizeof *out);
  m.used = sl_arena_array(d->arena, d->n_stages, 1);
  m.a.edges = sl_arena_array(d->arena, d->n_stages + 1, sizeof *m.a.edges);
  m.b.edges = sl_arena_array(d->arena, d->n_stages + 1, sizeof *m.b.edges);
  if (!in || !out || !m.used || !m.a.edges || !m.b.edges) return sl_diags_nomem(d->diags);
  uint32_t merges = 0;
  for (uint32_t k = 0; k < d->n_edges; k++) {
    out[d->edges[k].e.from]++;
    merges += ++in[d->edges[k].e.to] == 2;
  }
  if (!merges) return 0;
  if (make_reach(&m)) return SL_ENOMEM;
  for (uint32_t i = 0; i < d->n_stages; i++) {
    m.at = d->order[i];
    int hit = 0;
    for (uint32_t f = 0; !hit && f < d->n_stages && in[m.at] > 1; f++) {
      m.fork = f;
      if (f != m.at && out[f] > 1 && reaches(&m, f, m.at)) hit = check_fork(&m);
    }
    if (m.steps >= MAX_STEPS) return 0;
  }
  return 0;
}
