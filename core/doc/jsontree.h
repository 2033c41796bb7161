/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up members of an object, also of a large one. Private to core/doc. */
#ifndef SLUICE_DOC_JSONTREE_H
#define SLUICE_DOC_JSONTREE_H

#include <stddef.h>

struct cJSON;
struct sl_map;

/* Lookup into one object that does not change meanwhile; small objects are walked. */
typedef struct sl_jsonindex {
  const struct cJSON *object;
  const struct cJSON *hint; /* the next member in order: trees that are alike are walked side by side */
  struct sl_map *map;       /* large objects */
} sl_jsonindex;

/* 0 or SL_ENOMEM. */
int sl_jsonindex_init(sl_jsonindex *index, const struct cJSON *object);
void sl_jsonindex_done(sl_jsonindex *index);
/* [borrow from the object]; NULL if it is not there. */
const struct cJSON *sl_jsonindex_get(sl_jsonindex *index, const char *key);
/* The member of an object, by bytes; the first one. */
struct cJSON *sl_jsontree_member(const struct cJSON *object, const char *key);
size_t sl_jsontree_count(const struct cJSON *container);
/* 1, 0, or SL_ENOMEM. */
int sl_jsontree_equal(const struct cJSON *a, const struct cJSON *b);

#endif
