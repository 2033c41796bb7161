/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about the fields of the documents at one place of the graph. */
#include "conf/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "doc/pointer.h"

void sl_fields_done(sl_fields *f) {
  sl_mem_free(f->facts);
  *f = (sl_fields){0};
}

int sl_fields_copy(const sl_fields *from, sl_fields *ret) {
  *ret = *from;
  ret->facts = NULL;
  ret->cap = ret->n;
  if (!from->n) return 0;
  ret->facts = sl_mem_memdup(from->facts, from->n * sizeof *from->facts);
  if (ret->facts) return 0;
  *ret = (sl_fields){0};
  return SL_ENOMEM;
}

/* "@payload" stands apart from the body: it covers nothing and is covered by nothing. */
static int covers(const char *a, const char *b) {
  return *a == '@' || *b == '@' ? strcmp(a, b) == 0 : sl_pointer_covers(a, b);
}

sl_fact sl_fields_get(const sl_fields *f, const char *pointer) {
  const sl_fact *exact = NULL, *above = NULL, *below = NULL;
  for (uint32_t i = 0; i < f->n; i++) {
    const sl_fact *k = &f->facts[i];
    if (strcmp(k->pointer, pointer) == 0)
      exact = k;
    else if (covers(k->pointer, pointer) && (!above || strlen(k->pointer) > strlen(above->pointer)))
      above = k;
    else if (k->level == SL_HAVE_CERTAIN && covers(pointer, k->pointer))
      below = k;
  }
  sl_fact ret = {.pointer = pointer, .level = SL_HAVE_ABSENT, .writer = SL_DRAFT_NONE};
  if (exact && (exact->level == SL_HAVE_CERTAIN || !below)) return *exact;
  if (below || !*pointer) {
    ret.level = SL_HAVE_CERTAIN;
    ret.writer = below ? below->writer : SL_DRAFT_NONE;
  } else if (above) {
    ret.level = above->level == SL_HAVE_CERTAIN ? SL_HAVE_COVERED : above->level;
    ret.writer = above->writer;
  } else if (*pointer != '@') {
    ret.level = f->base;
    ret.writer = f->base ? f->opener : SL_DRAFT_NONE;
  }
  return ret;
}

int sl_fields_set(sl_fields *f, const char *pointer, int level, uint32_t types, uint32_t writer) {
  uint32_t at = 0;
  while (at < f->n && strcmp(f->facts[at].pointer, pointer) != 0) at++;
  if (at == f->cap) {
    uint32_t cap = f->cap < 8 ? 16 : f->cap * 2;
    sl_fact *facts = sl_mem_realloc(f->facts, cap * sizeof *facts);
    if (!facts) return SL_ENOMEM;
    f->facts = facts;
    f->cap = cap;
  }
  if (at == f->n) f->n++;
  f->facts[at] = (sl_fact){.pointer = pointer, .level = level, .types = types, .writer = writer};
  return 0;
}

static int meet(int a, int b) {
  int low = a < b ? a : b;
  return low || a == b ? low : SL_HAVE_POSSIBLE;
}

int sl_fields_join(sl_fields *into, const sl_fields *other) {
  sl_fields both = {.base = meet(into->base, other->base), .opener = into->base ? into->opener : other->opener};
  int rc = 0;
  for (uint32_t i = 0; !rc && i < into->n + other->n; i++) {
    const char *pointer = i < into->n ? into->facts[i].pointer : other->facts[i - into->n].pointer;
    sl_fact a = sl_fields_get(into, pointer), b = sl_fields_get(other, pointer);
    uint32_t types = a.types && b.types ? a.types | b.types : 0;
    uint32_t writer = a.writer != SL_DRAFT_NONE ? a.writer : b.writer;
    rc = sl_fields_set(&both, pointer, meet(a.level, b.level), types, writer);
  }
  if (rc) {
    sl_fields_done(&both);
    return rc;
  }
  sl_fields_done(into);
  *into = both;
  return 0;
}

static void drop_below(sl_fields *f, const char *pointer, int only_absent) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < f->n; i++) {
    const sl_fact *k = &f->facts[i];
    int below = strcmp(k->pointer, pointer) != 0 && covers(pointer, k->pointer);
    if (below && (!only_absent || k->level == SL_HAVE_ABSENT)) continue;
    f->facts[n++] = *k;
  }
  f->n = n;
}

/* A longer pointer is applied after a shorter one, so that a stage may write /a and /a/b. */
static int apply_access(sl_fields *f, const sl_access *a, uint32_t stage) {
  if (a->access == SL_C_REMOVES) {
    drop_below(f, a->pointer, 0);
    if (!*a->pointer) {
      f->base = SL_HAVE_ABSENT;
      return 0;
    }
    return sl_fields_set(f, a->pointer, SL_HAVE_ABSENT, 0, SL_DRAFT_NONE);
  }
  if (a->access == SL_C_WRITES) {
    drop_below(f, a->pointer, 0);
    return sl_fields_set(f, a->pointer, SL_HAVE_CERTAIN, a->types, stage);
  }
  drop_below(f, a->pointer, 1);
  sl_fact now = sl_fields_get(f, a->pointer);
  if (now.level > SL_HAVE_POSSIBLE) {
    uint32_t types = now.types && a->types ? now.types | a->types : 0;
    return now.types == types ? 0 : sl_fields_set(f, a->pointer, now.level, types, now.writer);
  }
  return sl_fields_set(f, a->pointer, SL_HAVE_POSSIBLE, a->types, stage);
}

/* Removals first, then what may be written, then what is; of each a shorter pointer before a longer one. */
static int compare(const void *pa, const void *pb) {
  static const int rank[] = {[SL_C_REMOVES] = 0, [SL_C_WRITES_MAYBE] = 1, [SL_C_WRITES] = 2};
  const sl_access *a = pa, *b = pb;
  if (rank[a->access] != rank[b->access]) return rank[a->access] - rank[b->access];
  size_t la = strlen(a->pointer), lb = strlen(b->pointer);
  return la < lb ? -1 : la > lb ? 1 : strcmp(a->pointer, b->pointer);
}

int sl_fields_apply(sl_fields *f, const sl_accesses *contract, uint32_t stage) {
  if (contract->open && f->base != SL_HAVE_OPEN) {
    f->base = SL_HAVE_OPEN;
    f->opener = stage;
  }
  sl_access *changes = sl_mem_alloc(contract->n * sizeof *changes);
  if (!changes) return SL_ENOMEM;
  uint32_t n = 0;
  for (uint32_t i = 0; i < contract->n; i++) {
    uint32_t access = contract->items[i].access;
    if (access == SL_C_REMOVES || access == SL_C_WRITES_MAYBE || access == SL_C_WRITES)
      changes[n++] = contract->items[i];
  }
  qsort(changes, n, sizeof *changes, compare);
  int rc = 0;
  for (uint32_t i = 0; !rc && i < n; i++) rc = apply_access(f, &changes[i], stage);
  sl_mem_free(changes);
  return rc;
}
