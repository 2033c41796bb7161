/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions on a document's body: `{path: /lang, equals: vi}`.
 *
 * As JSON: an object with `path` and exactly one of equals, in (list), exists (bool), matches (PCRE2, UTF, with match
 * and depth limits), lt, gt (numbers, or strings by bytes); or one of {all: [...]}, {any: [...]}, {not: {...}}. A
 * missing path makes every operator but `exists: false` and `not` false. Immutable and shared by all threads. [any]
 */
#ifndef SLUICE_DOC_COND_H
#define SLUICE_DOC_COND_H

#include "base/err.h"

struct cJSON;

/* Compiles. The error's detail carries the JSON pointer of the place inside `json`. *ret [own]. */
int sl_cond_new(const struct cJSON *json, sl_cond **ret, sl_err *err);
void sl_cond_free(sl_cond *cond);
/* 1 or 0; cond NULL: 1. */
int sl_cond_match(const sl_cond *cond, const struct cJSON *body);
/* Calls cb with each path that the condition reads; exists: false and not are marked maybe. */
void sl_cond_paths(const sl_cond *cond, void (*cb)(void *user, const char *pointer, int maybe), void *user);
/* The JSON it was made from. [borrow] */
const struct cJSON *sl_cond_json(const sl_cond *cond);

#endif
