/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a group of documents as one: which sentences, in what order, with their sources. */
#ifndef DIGEST_COMPOSE_H
#define DIGEST_COMPOSE_H

#include <cjson/cJSON.h>

#include "group.h"

typedef struct dg_member {
  const dg_item *item;
  const cJSON *body;
  const char *key, *uri; /* record key, source */
  uint32_t twin;         /* the member that it nearly repeats, or itself */
  double likeness;
} dg_member;

typedef struct dg_choice {
  uint32_t member;
  const dg_pick *pick;
  double value, redundancy;
  int chosen;
} dg_choice;

/* The sentences of a group: marks the best `most`, none that repeats another. choices has room for DG_PICKS of each
 * member. Returns how many choices there are. */
size_t dg_choose(const dg_member *members, size_t n, const dg_cluster *cluster, size_t most, dg_choice *choices);

/* Whether two sentences say the same, by their words. */
int dg_repeats(const dg_pick *a, const dg_pick *b);

/* The body of the digest [own]; NULL when memory is out. choices as dg_choose left them. */
cJSON *dg_compose(const dg_member *members, size_t n, const dg_cluster *cluster, const dg_choice *choices,
                  size_t n_choices);

/* A name for the group that stays the same as long as its first document does: 16 hex digits. */
void dg_name(const dg_member *members, size_t n, char ret[17]);
/* Another one for what is in it. */
void dg_revision(const dg_member *members, size_t n, char ret[17]);

#endif
