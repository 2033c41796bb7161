/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON pointers for plugins: split once, then walked over plain cJSON trees.
 *
 * Header only, so that a plugin stays one shared object without symbols of others. A pointer owns one block from
 * malloc; jptr_free accepts NULL. Nothing here changes a tree but jptr_put, which the caller may undo by the node it
 * returns.
 */
#ifndef SLUICE_PLUGINS_JPTR_H
#define SLUICE_PLUGINS_JPTR_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

typedef struct jptr {
  uint32_t n;        /* tokens; 0 is the whole document */
  const char *key[]; /* unescaped tokens, NUL-terminated, in the same block */
} jptr;

/* Compiles "" or "/a/b~1c". [own: free]; NULL when memory is out or the text is no pointer: the host has checked it. */
static inline jptr *jptr_new(const char *text) {
  size_t len = strlen(text);
  uint32_t n = 0;
  for (size_t i = 0; i < len; i++) n += text[i] == '/';
  if (len > 0 && text[0] != '/') return NULL;
  jptr *p = malloc(sizeof *p + n * sizeof(char *) + len + 1);
  if (!p) return NULL;
  p->n = n;
  char *out = (char *)(p->key + n);
  for (uint32_t k = 0; k < n; k++) {
    text++;
    p->key[k] = out;
    for (; *text && *text != '/'; text++) {
      if (*text == '~' && (text[1] == '0' || text[1] == '1'))
        *out++ = *++text == '0' ? '~' : '/';
      else
        *out++ = *text;
    }
    *out++ = '\0';
  }
  return p;
}

/* [borrow from object]; keys are compared as bytes. */
static inline cJSON *jptr_child(const cJSON *object, const char *key) {
  for (cJSON *c = object->child; c; c = c->next)
    if (c->string && c->string[0] == key[0] && strcmp(c->string, key) == 0) return c;
  return NULL;
}

/* Index of an array token, or -1: digits only, no leading zero. */
static inline int64_t jptr_index(const char *token) {
  if (token[0] == '0' && token[1]) return -1;
  int64_t v = 0;
  size_t i = 0;
  for (; token[i] >= '0' && token[i] <= '9' && i < 10; i++) v = v * 10 + (token[i] - '0');
  return i == 0 || token[i] ? -1 : v;
}

static inline cJSON *jptr_step(const cJSON *node, const char *token) {
  if (!node) return NULL;
  if (cJSON_IsObject(node)) return jptr_child(node, token);
  if (!cJSON_IsArray(node)) return NULL;
  int64_t at = jptr_index(token);
  if (at < 0) return NULL;
  cJSON *c = node->child;
  while (c && at-- > 0) c = c->next;
  return c;
}

/* The first `depth` tokens. [borrow from root]; NULL if it is not there. */
static inline cJSON *jptr_walk(const jptr *p, const cJSON *root, uint32_t depth) {
  const cJSON *node = root;
  for (uint32_t i = 0; i < depth && node; i++) node = jptr_step(node, p->key[i]);
  return (cJSON *)(uintptr_t)node;
}

static inline cJSON *jptr_get(const jptr *p, const cJSON *root) { return jptr_walk(p, root, p->n); }

/* Links a node at the end of an object or array. */
static inline void jptr_append(cJSON *parent, cJSON *item) {
  cJSON *tail = parent->child;
  item->next = NULL;
  if (!tail) {
    parent->child = item;
    item->prev = item;
    return;
  }
  if (tail->prev) tail = tail->prev;
  while (tail->next) tail = tail->next;
  tail->next = item;
  item->prev = tail;
  parent->child->prev = item;
}

/* Takes a node out of its parent's list. [own] */
static inline void jptr_unlink(cJSON *parent, cJSON *item) {
  if (item == parent->child) {
    parent->child = item->next;
    if (item->next) item->next->prev = item->prev;
  } else {
    item->prev->next = item->next;
    if (item->next)
      item->next->prev = item->prev;
    else
      parent->child->prev = item->prev;
  }
  item->next = item->prev = NULL;
}

/* Takes the key from a node. */
static inline void jptr_unname(cJSON *item) {
  if (item->string && !(item->type & cJSON_StringIsConst)) cJSON_free(item->string);
  item->string = NULL;
  item->type &= ~cJSON_StringIsConst;
}

/* Gives a node a key of its own; 0, or -1 when memory is out. */
static inline int jptr_name(cJSON *item, const char *key) {
  size_t len = strlen(key) + 1;
  char *copy = cJSON_malloc(len);
  if (!copy) return -1;
  memcpy(copy, key, len);
  jptr_unname(item);
  item->string = copy;
  return 0;
}

#endif
