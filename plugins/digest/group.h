/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups items: near-duplicates by their signatures, then subjects by the cosine of their words.
 *
 * Near-duplicates: signatures are cut into bands; items with an equal band are compared with the first item of that
 * band only. Subjects: one pass in the order of the items; each joins the group it is most like, or begins one. A group
 * is found through an index of its words, of which each leads to a bounded number of groups. So the work grows with the
 * number of items, not with its square. Deterministic.
 */
#ifndef DIGEST_GROUP_H
#define DIGEST_GROUP_H

#include "item.h"

#define DG_VECTOR 64u /* words by which a document is compared */
#define DG_GROUP_VECTOR 192u

typedef struct dg_cluster {
  dg_term vector[DG_GROUP_VECTOR]; /* sum of the members' vectors, by key */
  uint32_t n_terms;
  uint32_t members; /* near-duplicates included */
  double norm;
} dg_cluster;

typedef struct dg_groups {
  uint32_t *twin;    /* for each item: the item that it nearly repeats, or itself */
  double *likeness;  /* to the twin; 1 for itself */
  uint32_t *cluster; /* for each item */
  dg_cluster *clusters;
  uint32_t n_clusters;
} dg_groups;

typedef struct dg_limits {
  double duplicate;  /* share of common shingles from which items repeat each other */
  double similarity; /* cosine from which an item belongs to a group */
} dg_limits;

/* 0, or -1 when memory is out: *ret is then empty. */
int dg_group(const lane_mem *mem, dg_item *const *items, size_t n, const dg_limits *limits, dg_groups *ret);
void dg_groups_done(const lane_mem *mem, dg_groups *g);

#endif
