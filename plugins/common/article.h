/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the fields that the language stages write (entities, directives, summary) leniently: whatever is missing or of
 * another type is NULL, never an error. Header only; nothing is copied.
 */
#ifndef SLUICE_PLUGINS_ARTICLE_H
#define SLUICE_PLUGINS_ARTICLE_H

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* [borrow]; key compared as bytes. */
static inline const cJSON *article_get(const cJSON *object, const char *key) {
  if (!cJSON_IsObject(object)) return NULL;
  for (const cJSON *c = object->child; c; c = c->next)
    if (c->string && strcmp(c->string, key) == 0) return c;
  return NULL;
}

static inline const char *article_string(const cJSON *object, const char *key) {
  const cJSON *v = article_get(object, key);
  return cJSON_IsString(v) ? v->valuestring : NULL;
}

/* A string, or the "text" (or "norm") of an object: verbs, contents, deadlines and summaries come in both forms. */
static inline const char *article_words(const cJSON *v) {
  if (cJSON_IsString(v)) return v->valuestring;
  const char *text = article_string(v, "text");
  return text ? text : article_string(v, "norm");
}

/* What to call an entity: its norm, else its text. */
static inline const char *article_entity_name(const cJSON *entity) {
  const char *norm = article_string(entity, "norm");
  return norm && *norm ? norm : article_string(entity, "text");
}

/* The entities of a document by id. All zero is empty; the same struct may be built again for the next document. */
typedef struct article_ref {
  const char *id;
  const cJSON *entity;
  size_t at; /* place in the list: of two with one id the first counts */
} article_ref;

typedef struct article_refs {
  article_ref *items;
  size_t n, cap;
} article_refs;

static inline int article_refs_order(const void *a, const void *b) {
  const article_ref *x = (const article_ref *)a, *y = (const article_ref *)b;
  int order = strcmp(x->id, y->id);
  return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* [borrow body until the next build]. 0, or -1 when memory is out. */
static inline int article_refs_build(article_refs *refs, const cJSON *body) {
  const cJSON *list = article_get(body, "entities");
  refs->n = 0;
  if (!cJSON_IsArray(list)) return 0;
  for (const cJSON *e = list->child; e; e = e->next) {
    const char *id = article_string(e, "id");
    if (!id) continue;
    if (refs->n == refs->cap) {
      size_t cap = refs->cap ? refs->cap * 2 : 64;
      article_ref *grown = (article_ref *)realloc(refs->items, cap * sizeof *grown);
      if (!grown) return -1;
      refs->items = grown;
      refs->cap = cap;
    }
    refs->items[refs->n] = (article_ref){id, e, refs->n};
    refs->n++;
  }
  if (refs->n > 1) qsort(refs->items, refs->n, sizeof *refs->items, article_refs_order);
  return 0;
}

static inline void article_refs_free(article_refs *refs) {
  free(refs->items);
  memset(refs, 0, sizeof *refs);
}

/* The entity with this id, NULL if there is none. */
static inline const cJSON *article_entity(const article_refs *refs, const char *id) {
  size_t low = 0, high = refs->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(refs->items[middle].id, id) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low < refs->n && strcmp(refs->items[low].id, id) == 0 ? refs->items[low].entity : NULL;
}

/* What a reference stands for: the name of the entity with that id; a reference to nothing stands for itself. */
static inline const char *article_name(const article_refs *refs, const cJSON *reference) {
  if (!cJSON_IsString(reference)) return article_words(reference);
  const char *name = article_entity_name(article_entity(refs, reference->valuestring));
  return name ? name : reference->valuestring;
}

static inline int article_is(const cJSON *entity, const char *type) {
  const char *its = article_string(entity, "type");
  return its && strcmp(its, type) == 0;
}

/* The role's holder as a name, NULL if it has none. */
static inline const char *article_role_holder(const article_refs *refs, const cJSON *role) {
  const cJSON *person = article_get(role, "person");
  return cJSON_IsString(person) ? article_name(refs, person) : NULL;
}

static inline const char *article_summary(const cJSON *body) { return article_words(article_get(body, "summary")); }

#endif
