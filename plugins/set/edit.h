/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An edit list over a cJSON tree: all of it is applied, or the tree is as it was.
 *
 * Each change is noted in an undo log that needs no memory to be rolled back; what a change replaces is freed only when
 * the whole list went through. So a stage may edit the body in place and still fail.
 */
#ifndef SLUICE_SET_EDIT_H
#define SLUICE_SET_EDIT_H

#include "../common/jptr.h"

#define SET_RENAME 1 /* moves `from` to `to` */
#define SET_COPY 2   /* copies `from` to `to` */
#define SET_REMOVE 3 /* removes `to` */
#define SET_ADD 4    /* sets `to` unless it is there */
#define SET_SET 5    /* sets `to` */

#define SET_OK 0
#define SET_ENOMEM (-1)
#define SET_EPARENT (-2)  /* something on the way to `to` is neither object nor array, or the index is past the end */
#define SET_EMISSING (-3) /* `from` is not there, and the operation is strict */

typedef struct set_op {
  int32_t kind;
  int32_t strict; /* `from` must be there */
  jptr *to, *from;
  cJSON *value;                    /* without a key, so that a copy costs no string for it */
  const char *to_text, *from_text; /* as written, for messages */
} set_op;

/* One change that can be taken back. */
typedef struct set_undo {
  cJSON *parent;
  cJSON *added;   /* linked by the change, or NULL */
  cJSON *removed; /* unlinked by the change, or NULL; freed on success */
  cJSON *before;  /* the node in front of `removed`, NULL if it was the first */
  char *old_key;  /* a rename in place: the key that `added` had */
  int32_t old_type;
} set_undo;

/* 1 if applying the list would change anything. */
int set_needed(const set_op *ops, uint32_t n, const cJSON *root);
/* Applies ops[0..n); log has room for 2 * n entries. 0, or an error with *ret_bad the operation that failed. */
int set_apply(const set_op *ops, uint32_t n, cJSON *root, set_undo *log, uint32_t *ret_bad);

#endif
