/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be proved about two conditions.
 *
 * Both are taken apart: `all` excludes if one of its parts does, `any` if all of them do, and `not x` excludes whatever
 * implies x. What remains are two tests of one path. If one of them allows only listed values (equals, in), each value
 * is put to the other test by the very matcher that the run uses.
 */
#include "conf/exclude.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "doc/codec.h"
#include "doc/cond.h"
#include "doc/pointer.h"

#define MAX_STEPS 20000 /* a condition that needs more counts as not proved */

static int excludes(const cJSON *a, const cJSON *b, int *steps);
static int implies(const cJSON *a, const cJSON *b, int *steps);

static const cJSON *get(const cJSON *o, const char *key) { return cJSON_GetObjectItemCaseSensitive(o, key); }

static const char *path_of(const cJSON *c) { return cJSON_GetStringValue(get(c, "path")); }

static int same_path(const cJSON *a, const cJSON *b) {
  const char *pa = path_of(a), *pb = path_of(b);
  return pa && pb && strcmp(pa, pb) == 0;
}

/* A leaf that only a body with the path can match. */
static int is_presence(const cJSON *c) { return path_of(c) && !cJSON_IsFalse(get(c, "exists")); }

static int is_absence(const cJSON *c) { return path_of(c) && cJSON_IsFalse(get(c, "exists")); }

/* Does a body in which path has the value match the leaf? -1 if it cannot be told. */
static int try_value(const cJSON *leaf, const cJSON *value) {
  int result = -1;
  sl_cond *cond = NULL;
  sl_pointer *pointer = NULL;
  cJSON *body = cJSON_CreateObject(), *copy = sl_json_copy(value);
  if (body && copy && sl_cond_new(leaf, &cond, NULL) == 0 && sl_pointer_new(path_of(leaf), &pointer, NULL) == 0 &&
      sl_pointer_set(pointer, body, copy, NULL) == 0) {
    copy = NULL;
    result = sl_cond_match(cond, body);
  }
  cJSON_Delete(copy);
  cJSON_Delete(body);
  sl_pointer_free(pointer);
  sl_cond_free(cond);
  return result;
}

/* If the leaf allows only listed values: does every one give `want` on the other leaf? */
static int all_values(const cJSON *leaf, const cJSON *other, int want, int *steps) {
  const cJSON *one = get(leaf, "equals"), *list = get(leaf, "in");
  if (one) return --*steps > 0 && try_value(other, one) == want;
  if (!cJSON_IsArray(list)) return 0;
  const cJSON *v;
  cJSON_ArrayForEach(v, list) {
    if (--*steps <= 0 || try_value(other, v) != want) return 0;
  }
  return 1;
}

/* x < low and x > high cannot hold together if low <= high. */
static int ranges_apart(const cJSON *a, const cJSON *b) {
  const cJSON *lt = get(a, "lt"), *gt = get(b, "gt");
  if (!lt || !gt) return 0;
  if (cJSON_IsNumber(lt) && cJSON_IsNumber(gt)) return lt->valuedouble <= gt->valuedouble;
  if (cJSON_IsString(lt) && cJSON_IsString(gt)) return strcmp(lt->valuestring, gt->valuestring) <= 0;
  return (cJSON_IsNumber(lt) && cJSON_IsString(gt)) || (cJSON_IsString(lt) && cJSON_IsNumber(gt));
}

static int leaves_exclude(const cJSON *a, const cJSON *b, int *steps) {
  if (is_absence(a) && path_of(b)) return is_presence(b) && sl_pointer_covers(path_of(a), path_of(b));
  if (is_absence(b) && path_of(a)) return is_presence(a) && sl_pointer_covers(path_of(b), path_of(a));
  if (!same_path(a, b)) return 0;
  return all_values(a, b, 0, steps) || all_values(b, a, 0, steps) || ranges_apart(a, b) || ranges_apart(b, a);
}

/* 1 if some (every == 0) or every part of the list excludes other. */
static int parts_exclude(const cJSON *list, const cJSON *other, int every, int *steps) {
  const cJSON *part;
  cJSON_ArrayForEach(part, list) {
    int e = excludes(part, other, steps);
    if (every && !e) return 0;
    if (!every && e) return 1;
  }
  return every && cJSON_GetArraySize(list) > 0;
}

/* not (x or y) is not x and not y: does other imply x, or y? not (x and y): does it imply both? */
static int not_excludes(const cJSON *inner, const cJSON *other, int *steps) {
  const cJSON *any = get(inner, "any"), *part;
  if (implies(other, inner, steps)) return 1;
  cJSON_ArrayForEach(part, any) {
    if (not_excludes(part, other, steps)) return 1;
  }
  return get(inner, "not") ? excludes(get(inner, "not"), other, steps) : 0;
}

static int excludes(const cJSON *a, const cJSON *b, int *steps) {
  if (--*steps <= 0) return 0;
  const cJSON *x;
  if ((x = get(a, "not")) && not_excludes(x, b, steps)) return 1;
  if ((x = get(b, "not")) && not_excludes(x, a, steps)) return 1;
  if ((x = get(a, "all"))) return parts_exclude(x, b, 0, steps);
  if ((x = get(b, "all"))) return parts_exclude(x, a, 0, steps);
  if ((x = get(a, "any"))) return parts_exclude(x, b, 1, steps);
  if ((x = get(b, "any"))) return parts_exclude(x, a, 1, steps);
  return leaves_exclude(a, b, steps);
}

static int leaf_implies(const cJSON *a, const cJSON *b, int *steps) {
  if (!path_of(a) || !path_of(b)) return 0;
  if (cJSON_IsTrue(get(b, "exists"))) return is_presence(a) && sl_pointer_covers(path_of(b), path_of(a));
  return same_path(a, b) && all_values(a, b, 1, steps);
}

/* 1 if every body that matches a matches b, as far as it can be proved. */
static int implies(const cJSON *a, const cJSON *b, int *steps) {
  if (--*steps <= 0) return 0;
  if (sl_json_equal(a, b)) return 1;
  const cJSON *list, *part;
  if ((list = get(b, "all"))) {
    cJSON_ArrayForEach(part, list) {
      if (!implies(a, part, steps)) return 0;
    }
    return cJSON_GetArraySize(list) > 0;
  }
  if ((list = get(a, "any"))) {
    cJSON_ArrayForEach(part, list) {
      if (!implies(part, b, steps)) return 0;
    }
    return cJSON_GetArraySize(list) > 0;
  }
  if (get(b, "not")) return excludes(a, get(b, "not"), steps);
  list = get(b, "any");
  cJSON_ArrayForEach(part, list) {
    if (implies(a, part, steps)) return 1;
  }
  list = get(a, "all");
  cJSON_ArrayForEach(part, list) {
    if (implies(part, b, steps)) return 1;
  }
  return leaf_implies(a, b, steps);
}

int sl_exclude(const struct cJSON *a, const struct cJSON *b) {
  int steps = MAX_STEPS;
  return a && b ? excludes(a, b, &steps) : 0;
}

void sl_exclude_present(const struct cJSON *cond, void (*cb)(void *user, const char *pointer), void *user) {
  const cJSON *inner, *part;
  if (is_presence(cond)) cb(user, path_of(cond));
  inner = get(cond, "not");
  if (inner && is_absence(inner)) cb(user, path_of(inner));
  inner = get(cond, "all");
  cJSON_ArrayForEach(part, inner) sl_exclude_present(part, cb, user);
}
