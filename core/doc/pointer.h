/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Pointer (RFC 6901), compiled once and used many times. Keys are compared as bytes, case-sensitive. [any] */
#ifndef SLUICE_DOC_POINTER_H
#define SLUICE_DOC_POINTER_H

#include "base/err.h"

struct cJSON;
typedef struct sl_pointer sl_pointer; /* immutable */

/* "" (the whole) or "/a/0/b~1c"; *ret [own]. The error names the character. */
int sl_pointer_new(const char *text, sl_pointer **ret, sl_err *err);
void sl_pointer_free(sl_pointer *p);
const char *sl_pointer_text(const sl_pointer *p);
/* [borrow from root]; NULL if it is not there. */
const struct cJSON *sl_pointer_get(const sl_pointer *p, const struct cJSON *root);
struct cJSON *sl_pointer_get_mut(const sl_pointer *p, struct cJSON *root);
/* Sets the value [take on ok], making missing objects on the way; "-" appends to an array. SL_EINVAL if a parent is a
 * scalar. */
int sl_pointer_set(const sl_pointer *p, struct cJSON *root, struct cJSON *value, sl_err *err);
/* Takes the value out of the tree. [own]; NULL if it is not there. */
struct cJSON *sl_pointer_detach(const sl_pointer *p, struct cJSON *root);
/* The container that holds the last step, which is *ret_key, and as an array index *ret_index: -1 if it is none, -2 for
 * "-". [borrow]; NULL if the container is not there or the pointer is "". */
struct cJSON *sl_pointer_parent(const sl_pointer *p, struct cJSON *root, const char **ret_key, int64_t *ret_index);
/* 1 if a is b or an ancestor of it: "/a" covers "/a/b". */
int sl_pointer_covers(const char *a, const char *b);

#endif
