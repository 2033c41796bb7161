/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as a tree in which every node knows its file, line and column.
 *
 * One document of maps, lists and scalars in UTF-8. Refused with their place: duplicate keys, keys that are not
 * scalars, tags other than the core ones, a second document, an alias inside its own anchor, and whatever is over the
 * limits below (an alias counts as often as it is used). An alias shares the node it names, so a tree is not written
 * after parsing but by sl_subst_tree, which treats each node once.
 */
#ifndef SLUICE_CONF_NODE_H
#define SLUICE_CONF_NODE_H

#include "base/err.h"
#include "conf/arena.h"
#include "conf/diag.h"

struct cJSON;

#define SL_NODE_MAX_BYTES ((size_t)4 << 20)
#define SL_NODE_MAX_DEPTH 64u
#define SL_NODE_MAX_COUNT 100000u

#define SL_NODE_SCALAR 1u
#define SL_NODE_LIST 2u
#define SL_NODE_MAP 3u

#define SL_NODE_QUOTED 1u  /* quoted, a block scalar, or tagged !!str: always a string */
#define SL_NODE_OUTSIDE 2u /* its first character came from the environment or from --set */
#define SL_NODE_SUBST 4u   /* something was substituted */
#define SL_NODE_WHOLE 16u  /* as written it was one ${NAME} or ${file:PATH} and nothing else */
#define SL_NODE_SEEN 8u    /* sl_subst_tree was here */

typedef struct sl_node sl_node;

typedef struct sl_pair {
  sl_node *key, *value;
} sl_pair;

struct sl_node {
  uint32_t kind, flags; /* SL_NODE_… */
  uint32_t count;       /* of items or pairs */
  uint32_t weight;      /* nodes below and itself, aliases counted as often as used */
  sl_pos pos;
  uint32_t end_line, end_col; /* just behind it */
  const char *text;           /* SCALAR; holds no NUL */
  sl_node **items;
  sl_pair *pairs;
};

/* Parses. file: from sl_diags_source, with the same text. NULL when diags holds the errors; an empty file gives an
 * empty map. [borrow until the arena is freed] */
sl_node *sl_node_parse(sl_arena *arena, sl_diags *diags, const char *file, const char *text, size_t len);
/* A scalar made by hand. NULL when memory is out. */
sl_node *sl_node_scalar(sl_arena *arena, sl_pos pos, const char *text, uint32_t flags);
/* The value of a key; NULL if it is not there or node is NULL or not a map. */
sl_node *sl_node_get(const sl_node *node, const char *key);
const sl_pair *sl_node_pair(const sl_node *node, const char *key);
/* 1 for a plain scalar that says nothing: empty, ~ or null. */
int sl_node_is_null(const sl_node *node);
/* The node that a JSON pointer leads to; the nearest one above if it leads nowhere. */
const sl_node *sl_node_at(const sl_node *node, const char *pointer);
/* The key that the last part of a JSON pointer names; NULL if it leads nowhere or into a list. */
const sl_node *sl_node_key_at(const sl_node *node, const char *pointer);
/* "a text", "a list", "a map", "nothing": for messages. */
const char *sl_node_kind_name(const sl_node *node);
/* As JSON: plain null, true, false and decimal numbers, as YAML 1.2 and JSON share them; all others are strings. *ret
 * [own].
 */
int sl_node_json(const sl_node *node, struct cJSON **ret, sl_err *err);

#endif
