/* SPDX-License-Identifier: Apache-2.0 */
/* Is this parameter table sound? Every field inside its struct, of the size and alignment of its type, and on its own.
 */
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "plugin/check.h"

#define MAX_PARAMS 500
#define MAX_DEPTH 4
#define ALL_FLAGS                                                                                                 \
  (SL_PF_REQUIRED | SL_PF_SECRET | SL_PF_LIST | SL_PF_MAP | SL_PF_KEY_POINTER | SL_PF_READS | SL_PF_READS_MAYBE | \
   SL_PF_WRITES | SL_PF_REMOVES | SL_PF_ADVANCED | SL_PF_OUTPUT | SL_PF_NONEMPTY)
#define ACCESS_FLAGS (SL_PF_READS | SL_PF_READS_MAYBE | SL_PF_WRITES | SL_PF_REMOVES)

/* Size and alignment of the C field, by type. Index: SL_T_…. */
static const struct {
  uint32_t size, align;
} c_fields[] = {
    {0, 0},
    {sizeof(const char *), alignof(const char *)},
    {sizeof(int32_t), alignof(int32_t)},
    {sizeof(int64_t), alignof(int64_t)},
    {sizeof(double), alignof(double)},
    {sizeof(int64_t), alignof(int64_t)},
    {sizeof(int64_t), alignof(int64_t)},
    {sizeof(int32_t), alignof(int32_t)},
    {sizeof(const char *), alignof(const char *)},
    {sizeof(const char *), alignof(const char *)},
    {sizeof(const char *), alignof(const char *)},
    {sizeof(const sl_cond *), alignof(const sl_cond *)},
    {sizeof(const struct cJSON *), alignof(const struct cJSON *)},
    {sizeof(sl_list), alignof(sl_list)},
};

static const char *bad_flags(const sl_param *p) {
  if (p->flags & ~(uint32_t)ALL_FLAGS) return "flags that this version does not know";
  if (p->flags & SL_PF_LIST && p->flags & SL_PF_MAP) return "both LIST and MAP";
  if (p->flags & SL_PF_REQUIRED && p->def) return "both REQUIRED and a default";
  if (p->flags & SL_PF_KEY_POINTER && !(p->flags & SL_PF_MAP)) return "KEY_POINTER without MAP";
  if (p->flags & ACCESS_FLAGS && p->type != SL_T_POINTER && !(p->flags & SL_PF_KEY_POINTER) &&
      p->type != SL_T_CONDITION)
    return "READS, WRITES or REMOVES on what is no pointer";
  if (p->flags & SL_PF_OUTPUT && p->type != SL_T_PATH) return "OUTPUT on what is no PATH";
  if (p->type == SL_T_STRUCT && !(p->flags & SL_PF_LIST)) return "STRUCT without LIST";
  return NULL;
}

/* "a|b|c": at least one, none empty. */
static int good_enum(const char *range) {
  if (!range || !range[0] || range[0] == '|' || strstr(range, "||")) return 0;
  return range[strlen(range) - 1] != '|';
}

static int check_field(const sl_param *p, uint32_t struct_size, const char *where, sl_err *err) {
  int many = (p->flags & (SL_PF_LIST | SL_PF_MAP)) != 0;
  uint32_t size = many ? (uint32_t)sizeof(sl_list) : c_fields[p->type].size;
  uint32_t align = many ? (uint32_t)alignof(sl_list) : c_fields[p->type].align;
  if (p->size != size)
    return sl_err_set(err, SL_EPLUGIN, "%s, parameter %s: expected a field of %u bytes, found %u", where, p->name, size,
                      p->size);
  if ((uint64_t)p->offset + p->size > struct_size)
    return sl_err_set(err, SL_EPLUGIN,
                      "%s, parameter %s: expected a field inside the struct of %u bytes, found bytes %u to %llu", where,
                      p->name, struct_size, p->offset, (unsigned long long)p->offset + p->size);
  if (p->offset % align)
    return sl_err_set(err, SL_EPLUGIN, "%s, parameter %s: expected an offset that is a multiple of %u, found %u", where,
                      p->name, align, p->offset);
  return 0;
}

static int check_one(const sl_param *p, uint32_t i, uint32_t struct_size, const char *where, uint32_t depth,
                     sl_err *err) {
  if (!sl_check_name(p->name))
    return sl_err_set(err, SL_EPLUGIN, "%s, parameter %u: expected a name like [a-z][a-z0-9_]*, found `%s`", where, i,
                      p->name ? p->name : "NULL");
  if (p->type < SL_T_STRING || p->type > SL_T_STRUCT)
    return sl_err_set(err, SL_EPLUGIN, "%s, parameter %s: expected a type of %d to %d, found %u", where, p->name,
                      SL_T_STRING, SL_T_STRUCT, p->type);
  const char *bad = bad_flags(p);
  if (bad) return sl_err_set(err, SL_EPLUGIN, "%s, parameter %s: found %s", where, p->name, bad);
  if (!p->help || !p->help[0])
    return sl_err_set(err, SL_EPLUGIN, "%s, parameter %s: expected a help text, found none", where, p->name);
  if (p->type == SL_T_ENUM && !good_enum(p->range))
    return sl_err_set(err, SL_EPLUGIN, "%s, parameter %s: expected a range of names like \"a|b\", found `%s`", where,
                      p->name, p->range ? p->range : "NULL");
  int code = check_field(p, struct_size, where, err);
  if (code || p->type != SL_T_STRUCT) return code;
  if (!p->fields || !p->n_fields || !p->elem_size)
    return sl_err_set(err, SL_EPLUGIN, "%s, parameter %s: expected the parameters of its element, found none", where,
                      p->name);
  char inner[200];
  snprintf(inner, sizeof inner, "%.100s, parameter %.50s", where, p->name);
  return sl_check_params(p->fields, p->n_fields, p->elem_size, inner, depth + 1, err);
}

int sl_check_params(const sl_param *params, uint32_t n, uint32_t struct_size, const char *where, uint32_t depth,
                    sl_err *err) {
  if (n > MAX_PARAMS || depth > MAX_DEPTH)
    return sl_err_set(err, SL_EPLUGIN, "%s: expected at most %d parameters, %d levels deep, found %u at level %u",
                      where, MAX_PARAMS, MAX_DEPTH, n, depth);
  for (uint32_t i = 0; i < n; i++) {
    const sl_param *p = &params[i];
    int code = check_one(p, i, struct_size, where, depth, err);
    if (code) return code;
    for (uint32_t k = 0; k < i; k++) {
      const sl_param *q = &params[k];
      if (!strcmp(p->name, q->name))
        return sl_err_set(err, SL_EPLUGIN, "%s: expected parameters of different names, found `%s` twice", where,
                          p->name);
      if (p->offset < q->offset + q->size && q->offset < p->offset + p->size)
        return sl_err_set(err, SL_EPLUGIN,
                          "%s: expected a field of its own for each parameter, found that %s and %s overlap", where,
                          q->name, p->name);
    }
  }
  return 0;
}
