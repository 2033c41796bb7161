/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the fields that the language stages write (entities, directives, summary) leniently: whatever is missing or of
 * another type is NULL, never an error. Header only; nothing is copied.
 */
#ifndef SLUICE_PLUGINS_ARTICLE_H
#define SLUICE_PLUGINS_ARTICLE_H

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

/* The entity with this id, NULL if there is none. */
static inline const cJSON *article_entity(const cJSON *body, const char *id) {
  const cJSON *list = article_get(body, "entities");
  if (!id || !cJSON_IsArray(list)) return NULL;
  for (const cJSON *e = list->child; e; e = e->next) {
    const char *its = article_string(e, "id");
    if (its && strcmp(its, id) == 0) return e;
  }
  return NULL;
}

/* What to call an entity: its norm, else its text. */
static inline const char *article_entity_name(const cJSON *entity) {
  const char *norm = article_string(entity, "norm");
  return norm && *norm ? norm : article_string(entity, "text");
}

/* What a reference stands for: the name of the entity with that id; a reference to nothing stands for itself. */
static inline const char *article_name(const cJSON *body, const cJSON *reference) {
  if (!cJSON_IsString(reference)) return article_words(reference);
  const char *name = article_entity_name(article_entity(body, reference->valuestring));
  return name ? name : reference->valuestring;
}

static inline int article_is(const cJSON *entity, const char *type) {
  const char *its = article_string(entity, "type");
  return its && strcmp(its, type) == 0;
}

/* The role's holder as a name, NULL if it has none. */
static inline const char *article_role_holder(const cJSON *body, const cJSON *role) {
  const cJSON *person = article_get(role, "person");
  return cJSON_IsString(person) ? article_name(body, person) : NULL;
}

static inline const char *article_summary(const cJSON *body) { return article_words(article_get(body, "summary")); }

#endif
