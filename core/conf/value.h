/* SPDX-License-Identifier: Apache-2.0 */
/* One value of the file as a parameter's C field. Part of reading parameters: see conf/param.h. */
#ifndef SLUICE_CONF_VALUE_H
#define SLUICE_CONF_VALUE_H

#include "conf/param.h"

/* Room for any single C field. */
typedef union sl_value {
  int64_t i;
  int32_t e;
  double d;
  const void *p;
} sl_value;

/* Bytes of the C field of a type; 0 for an unknown type. */
size_t sl_value_size(uint32_t type);
/* "a whole number", "a list of durations": what the type asks for, in words. */
const char *sl_value_type_name(uint32_t type);
/* "int", "duration": as the reference names it. */
const char *sl_value_type_word(uint32_t type);

/* Converts one node. 0, 1 after a fault reported to ctx->diags, or SL_ENOMEM. */
int sl_value_read(const sl_param_ctx *ctx, const sl_param *row, const sl_node *node, sl_value *ret);
/* The value as JSON, "(secret)" for a secret. [own]; NULL when memory is out. */
struct cJSON *sl_value_json(const sl_param *row, const sl_value *value);

/* The largest unit that divides: "200ms", "1h", "10MiB", "1500". */
const char *sl_value_duration_text(int64_t ns, char *buf, size_t cap);
const char *sl_value_size_text(int64_t bytes, char *buf, size_t cap);
/* The nth word of "a|b|c" and its length; NULL past the end. */
const char *sl_value_enum_word(const char *range, uint32_t n, size_t *ret_len);

#endif
