/* SPDX-License-Identifier: Apache-2.0 */
/* Trees compared and copied. */
#include "doc/jsontree.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "base/map.h"
#include "base/mem.h"
#include "doc/codec.h"
#include "doc/jsonnum.h"

#define SMALL_OBJECT 16
/* Trees of plugins may be deeper than what can be printed; those deeper than
 * this are refused. */
#define MAX_TREE_DEPTH (4 * SL_JSON_MAX_DEPTH)

size_t sl_jsontree_count(const cJSON *container) {
  size_t n = 0;
  for (const cJSON *c = container->child; c != NULL; c = c->next) n++;
  return n;
}

cJSON *sl_jsontree_member(const cJSON *object, const char *key) {
  for (cJSON *c = object->child; c != NULL; c = c->next) {
    if (c->string != NULL && strcmp(c->string, key) == 0) return c;
  }
  return NULL;
}

int sl_jsonindex_init(sl_jsonindex *index, const cJSON *object) {
  *index = (sl_jsonindex){object, object->child, NULL};
  if (sl_jsontree_count(object) <= SMALL_OBJECT) return SL_OK;
  index->map = sl_map_new(NULL);
  if (index->map == NULL) return SL_ENOMEM;
  for (cJSON *c = object->child; c != NULL; c = c->next) {
    if (c->string == NULL || sl_map_has(index->map, c->string)) continue;
    if (sl_map_set(index->map, c->string, c) != SL_OK) {
      sl_jsonindex_done(index);
      return SL_ENOMEM;
    }
  }
  return SL_OK;
}

void sl_jsonindex_done(sl_jsonindex *index) {
  sl_map_free(index->map);
  index->map = NULL;
}

const cJSON *sl_jsonindex_get(sl_jsonindex *index, const char *key) {
  const cJSON *c = index->hint;
  if (c == NULL || c->string == NULL || strcmp(c->string, key) != 0) {
    c = index->map != NULL ? sl_map_get(index->map, key) : sl_jsontree_member(index->object, key);
  }
  if (c != NULL) index->hint = c->next;
  return c;
}

static int equal(const cJSON *a, const cJSON *b, uint32_t depth);

static int equal_objects(const cJSON *a, const cJSON *b, uint32_t depth) {
  if (sl_jsontree_count(a) != sl_jsontree_count(b)) return 0;
  sl_jsonindex index;
  if (sl_jsonindex_init(&index, b) != SL_OK) return SL_ENOMEM;
  int same = 1;
  for (const cJSON *c = a->child; c != NULL && same == 1; c = c->next) {
    const cJSON *d = c->string == NULL ? NULL : sl_jsonindex_get(&index, c->string);
    same = d == NULL ? 0 : equal(c, d, depth + 1);
  }
  sl_jsonindex_done(&index);
  return same;
}

static int equal_arrays(const cJSON *a, const cJSON *b, uint32_t depth) {
  const cJSON *c = a->child;
  const cJSON *d = b->child;
  int same = 1;
  for (; c != NULL && d != NULL && same == 1; c = c->next, d = d->next) same = equal(c, d, depth + 1);
  return same == 1 ? c == NULL && d == NULL : same;
}

static int equal(const cJSON *a, const cJSON *b, uint32_t depth) {
  if (a == b) return 1;
  int type = a->type & 0xff;
  if (type != (b->type & 0xff) || depth > MAX_TREE_DEPTH) return 0;
  switch (type) {
  case cJSON_Object:
    return equal_objects(a, b, depth);
  case cJSON_Array:
    return equal_arrays(a, b, depth);
  case cJSON_Number:
    return sl_jsonnum_equal(a, b);
  case cJSON_String:
  case cJSON_Raw:
    return strcmp(a->valuestring == NULL ? "" : a->valuestring, b->valuestring == NULL ? "" : b->valuestring) == 0;
  default:
    return 1;
  }
}

int sl_jsontree_equal(const cJSON *a, const cJSON *b) {
  if (a == NULL || b == NULL) return a == b;
  return equal(a, b, 0);
}

int sl_json_equal(const cJSON *a, const cJSON *b) { return sl_jsontree_equal(a, b) == 1; }

/* One node without its children and key. */
static cJSON *copy_node(const cJSON *item) {
  cJSON *copy = sl_mem_alloc(sizeof *copy);
  if (copy == NULL) return NULL;
  *copy = (cJSON){.type = item->type & 0xff, .valueint = item->valueint, .valuedouble = item->valuedouble};
  if (item->valuestring != NULL && (copy->valuestring = sl_mem_strdup(item->valuestring)) == NULL) {
    sl_mem_free(copy);
    return NULL;
  }
  return copy;
}

static cJSON *copy_tree(const cJSON *item, uint32_t depth) {
  if (depth > MAX_TREE_DEPTH) return NULL;
  cJSON *copy = copy_node(item);
  if (copy == NULL) return NULL;
  cJSON *tail = NULL;
  for (const cJSON *c = item->child; c != NULL; c = c->next) {
    cJSON *child = copy_tree(c, depth + 1);
    if (child != NULL && c->string != NULL && (child->string = sl_mem_strdup(c->string)) == NULL) {
      cJSON_Delete(child);
      child = NULL;
    }
    if (child == NULL) {
      cJSON_Delete(copy);
      return NULL;
    }
    if (tail == NULL) {
      copy->child = child;
    } else {
      tail->next = child;
      child->prev = tail;
    }
    copy->child->prev = child;
    tail = child;
  }
  return copy;
}

cJSON *sl_json_copy(const cJSON *tree) { return tree == NULL ? NULL : copy_tree(tree, 0); }
