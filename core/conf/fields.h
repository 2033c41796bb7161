/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about the fields of the documents at one place of the graph.
 *
 * Levels, from nothing to certain. A writer of /a covers /a/b; a writer of /a/b makes /a certain, too. Where branches
 * meet, what is absent on one of them is no more than possible.
 */
#ifndef SLUICE_CONF_FIELDS_H
#define SLUICE_CONF_FIELDS_H

#include "conf/draft.h"

#define SL_HAVE_ABSENT 0   /* nobody writes it, or it was removed */
#define SL_HAVE_POSSIBLE 1 /* written sometimes, or not on every branch */
#define SL_HAVE_OPEN 2     /* the input may bring it */
#define SL_HAVE_COVERED 3  /* something above it is certain */
#define SL_HAVE_CERTAIN 4

typedef struct sl_fact {
  const char *pointer; /* [borrow: lives in the draft] */
  int level;
  uint32_t types;  /* SL_J_…, 0: any */
  uint32_t writer; /* a stage that writes it, or SL_DRAFT_NONE */
} sl_fact;

/* All zero: an empty object without payload. */
typedef struct sl_fields {
  sl_fact *facts; /* [own] */
  uint32_t n, cap;
  int base;        /* level of fields that no fact speaks of: ABSENT, POSSIBLE or OPEN */
  uint32_t opener; /* the stage that may bring them with the input */
} sl_fields;

void sl_fields_done(sl_fields *f);
int sl_fields_copy(const sl_fields *from, sl_fields *ret);
/* What is known of a pointer. ret->pointer is the one asked for. */
sl_fact sl_fields_get(const sl_fields *f, const char *pointer);
/* 0 or SL_ENOMEM, all of them. */
int sl_fields_set(sl_fields *f, const char *pointer, int level, uint32_t types, uint32_t writer);
/* Where two branches meet: into gets what holds on both. */
int sl_fields_join(sl_fields *into, const sl_fields *other);
/* What a stage makes of it. */
int sl_fields_apply(sl_fields *f, const sl_accesses *contract, uint32_t stage);

#endif
