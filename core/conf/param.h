/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameter tables: from a map in the file to a plugin's own struct.
 *
 * The core's own keys are tables of the same kind (conf/keys.h), with additions that no plugin may use: SL_T_CUSTOM for
 * a key that is known here and read elsewhere, SL_T_STRUCT without SL_PF_LIST for a struct inside the struct,
 * SL_PF_PAYLOAD.
 */
#ifndef SLUICE_CONF_PARAM_H
#define SLUICE_CONF_PARAM_H

#include "conf/node.h"

#define SL_T_CUSTOM 100u
#define SL_PF_PAYLOAD (1u << 31) /* POINTER: "@payload" is one, too */

typedef struct sl_param_ctx {
  sl_arena *arena; /* owns what the struct points to */
  sl_diags *diags;
  const char *base;  /* folder of the file, absolute: for literal relative paths */
  const char *cwd;   /* working directory, absolute: for paths from outside */
  const char *where; /* "stage `clean`", for messages; or NULL */
  /* While a default is read: its row, and where its faults are reported. */
  const sl_param *def_row;
  sl_pos def_pos;
} sl_param_ctx;

typedef struct sl_param_table {
  const sl_param *rows;
  uint32_t n, row_size;               /* row_size: stride in bytes */
  const char *what;                   /* "parameter", "key": for messages */
  const char *owner;                  /* "of `summarize`", "of a stage" */
  const struct sl_param_table *other; /* where a key that is not here may belong, or NULL … */
  const char *other_hint;             /* … and what to say then: "is a key of the stage: move it out of `with:`" */
} sl_param_table;

#define SL_PARAMS_KEEP 1u /* what the map does not set stays as it is, instead of the default; nothing is required */

const sl_param *sl_params_row(const sl_param_table *table, uint32_t i);
const sl_param *sl_params_find(const sl_param_table *table, const char *name);
/* The name in the table nearest to a wrong one, or NULL. */
const char *sl_params_nearest(const sl_param_table *table, const char *name);

/* Reads map (NULL or empty: all defaults) into the struct at out. where: for what is missing. how: SL_PARAMS_….
 * ret_json (or NULL): the effective values, secrets as "(secret)" [own]. All faults go to ctx->diags; the result is 0
 * or SL_ENOMEM. */
int sl_params_read(const sl_param_ctx *ctx, const sl_param_table *table, const sl_node *map, sl_pos where, uint32_t how,
                   void *out, struct cJSON **ret_json);
/* A value given as text (a default, --set): as it is; for a list, map, JSON value or condition (row says so) it may be
 * a flow list, a flow map or a quoted text. row may be NULL. flags: SL_NODE_… of a scalar. NULL after an error in
 * ctx->diags. */
sl_node *sl_params_value_node(const sl_param_ctx *ctx, const sl_param *row, sl_pos pos, const char *text,
                              uint32_t flags);
/* Adds an error at node about the row, or about the default. */
void sl_params_error(const sl_param_ctx *ctx, const sl_param *row, sl_pos pos, const sl_err *err);

#endif
