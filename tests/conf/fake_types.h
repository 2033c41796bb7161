/* SPDX-License-Identifier: Apache-2.0 */
/* Stage types without plugins: every parameter type, kind and capability, for tests of the loader. Nothing runs them.
 */
#ifndef SLUICE_TESTS_CONF_FAKE_TYPES_H
#define SLUICE_TESTS_CONF_FAKE_TYPES_H

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "conf/contract.h"
#include "conf/pipeline.h"

#define FAKE_ROWS(a) (a), (uint32_t)(sizeof(a) / sizeof((a)[0]))

typedef struct fake_in {
  sl_list paths;
  const char *charset;
} fake_in;
static const sl_param fake_in_params[] = {
    SL_PARAM(fake_in, paths, SL_T_GLOB, SL_PF_LIST | SL_PF_REQUIRED | SL_PF_NONEMPTY, NULL, NULL, "Files to read."),
    SL_PARAM(fake_in, charset, SL_T_STRING, 0, "utf-8", NULL, "Encoding of the files."),
};

typedef struct fake_sum {
  int64_t sentences;
  double ratio;
  int32_t method, title;
} fake_sum;
static const sl_param fake_sum_params[] = {
    SL_PARAM(fake_sum, sentences, SL_T_INT, 0, "3", "1..100", "Sentences in the summary."),
    SL_PARAM(fake_sum, ratio, SL_T_FLOAT, 0, "0.5", "0..1", "Share of the text."),
    SL_PARAM(fake_sum, method, SL_T_ENUM, 0, "centroid", "centroid|lead", "How sentences are chosen."),
    SL_PARAM(fake_sum, title, SL_T_BOOL, 0, "true", NULL, "Count words of the title twice."),
};

typedef struct fake_rule {
  const char *field, *pattern;
  int64_t weight;
} fake_rule;
static const sl_param fake_rule_params[] = {
    SL_PARAM(fake_rule, field, SL_T_POINTER, SL_PF_REQUIRED | SL_PF_READS_MAYBE, NULL, NULL, "Field to look at."),
    SL_PARAM(fake_rule, pattern, SL_T_STRING, SL_PF_NONEMPTY, "x", NULL, "What to look for."),
    SL_PARAM(fake_rule, weight, SL_T_INT, 0, "1", "..10", "Weight."),
};

typedef struct fake_every {
  const char *text, *token, *file, *glob, *pointer;
  int32_t flag, mode;
  int64_t number, wait, bytes;
  double share;
  const sl_cond *only;
  const struct cJSON *value;
  sl_list words, numbers, modes, pointers, labels, copies, rules, secrets;
} fake_every;
static const sl_param fake_every_params[] = {
    SL_PARAM(fake_every, text, SL_T_STRING, 0, "", NULL, "A text."),
    SL_PARAM(fake_every, token, SL_T_STRING, SL_PF_SECRET, NULL, NULL, "A secret."),
    SL_PARAM(fake_every, file, SL_T_PATH, 0, NULL, NULL, "A path."),
    SL_PARAM(fake_every, glob, SL_T_GLOB, 0, NULL, NULL, "A pattern."),
    SL_PARAM(fake_every, pointer, SL_T_POINTER, SL_PF_READS, NULL, NULL, "A field that is needed."),
    SL_PARAM(fake_every, flag, SL_T_BOOL, 0, "false", NULL, "A switch."),
    SL_PARAM(fake_every, mode, SL_T_ENUM, 0, "slow", "fast|slow|off", "A word."),
    SL_PARAM(fake_every, number, SL_T_INT, 0, "7", "-5..1000", "A number."),
    SL_PARAM(fake_every, wait, SL_T_DURATION, 0, "1500ms", "1ms..1h", "A time."),
    SL_PARAM(fake_every, bytes, SL_T_SIZE, 0, "64KiB", "1KiB..1GiB", "A size."),
    SL_PARAM(fake_every, share, SL_T_FLOAT, 0, "0.25", "0..1", "A share."),
    SL_PARAM(fake_every, only, SL_T_CONDITION, 0, NULL, NULL, "Which documents."),
    SL_PARAM(fake_every, value, SL_T_JSON, 0, NULL, NULL, "Any value."),
    SL_PARAM(fake_every, words, SL_T_STRING, SL_PF_LIST, "[a, b]", NULL, "Words."),
    SL_PARAM(fake_every, numbers, SL_T_INT, SL_PF_LIST, NULL, "0..9", "Numbers."),
    SL_PARAM(fake_every, modes, SL_T_ENUM, SL_PF_LIST, NULL, "fast|slow|off", "Several words."),
    SL_PARAM(fake_every, pointers, SL_T_POINTER, SL_PF_LIST | SL_PF_WRITES, NULL, NULL, "Fields that are written."),
    SL_PARAM(fake_every, labels, SL_T_STRING, SL_PF_MAP, NULL, NULL, "Texts by name."),
    SL_PARAM(fake_every, copies, SL_T_POINTER, SL_PF_MAP | SL_PF_KEY_POINTER | SL_PF_WRITES, NULL, NULL, "New fields."),
    SL_PARAM_STRUCTS(fake_every, rules, 0, fake_rule, fake_rule_params, "Rules."),
    SL_PARAM(fake_every, secrets, SL_T_STRING, SL_PF_MAP | SL_PF_SECRET, NULL, NULL, "Secrets by name."),
};

typedef struct fake_out {
  const char *path, *token;
} fake_out;
static const sl_param fake_out_params[] = {
    SL_PARAM(fake_out, path, SL_T_PATH, SL_PF_REQUIRED | SL_PF_OUTPUT, NULL, NULL, "File to write."),
    SL_PARAM(fake_out, token, SL_T_STRING, SL_PF_SECRET, NULL, NULL, "Password of the store."),
};

static const sl_field fake_files_fields[] = {{"/id", SL_C_WRITES, SL_J_STRING, NULL},
                                             {"/source", SL_C_WRITES, SL_J_OBJECT, NULL},
                                             {"@payload", SL_C_WRITES, 0, NULL}};
static const sl_field fake_clean_fields[] = {{"@payload", SL_C_READS, 0, NULL},
                                             {"/text", SL_C_WRITES, SL_J_STRING, NULL},
                                             {"/title", SL_C_WRITES_MAYBE, SL_J_STRING, NULL}};
static const sl_field fake_segment_fields[] = {{"/text", SL_C_READS, SL_J_STRING, NULL},
                                               {"/sentences", SL_C_WRITES, SL_J_ARRAY, NULL},
                                               {"/lang", SL_C_WRITES, SL_J_STRING, NULL}};
static const sl_field fake_sum_fields[] = {{"/text", SL_C_READS, SL_J_STRING, NULL},
                                           {"/sentences", SL_C_READS, SL_J_ARRAY, NULL},
                                           {"/title", SL_C_READS_MAYBE, SL_J_STRING, NULL},
                                           {"/summary", SL_C_WRITES, SL_J_OBJECT, NULL}};
static const sl_field fake_title_fields[] = {{"/title", SL_C_READS, 0, NULL}};
static const sl_field fake_count_fields[] = {{"/text", SL_C_WRITES, SL_J_NUMBER, NULL}};
static const sl_field fake_strip_fields[] = {{"/text", SL_C_REMOVES, 0, NULL}};
static const sl_field fake_uri_fields[] = {{"/source/uri", SL_C_READS, SL_J_STRING, NULL}};

static int32_t fake_open_contract(const void *params, sl_contract *out) {
  (void)params;
  out->open(out);
  return 0;
}

#define FAKE_TYPE(type_name, type_kind, type_flags)                                               \
  .struct_size = sizeof(sl_stage_type), .kind = (type_kind), .name = (type_name),                 \
  .summary = "A " type_name " for tests.", .flags = (type_flags), .param_size = sizeof(sl_param), \
  .field_size = sizeof(sl_field)
#define FAKE_PARAMS(st, table) \
  .params = (table), .n_params = sizeof(table) / sizeof((table)[0]), .params_size = sizeof(st)
#define FAKE_FIELDS(table) .fields = (table), .n_fields = sizeof(table) / sizeof((table)[0])

static const sl_stage_type fake_types[] = {
    {FAKE_TYPE("files", SL_SOURCE, 0), FAKE_PARAMS(fake_in, fake_in_params), FAKE_FIELDS(fake_files_fields)},
    {FAKE_TYPE("lines", SL_SOURCE, 0), FAKE_PARAMS(fake_in, fake_in_params), .contract = fake_open_contract},
    {FAKE_TYPE("poll", SL_SOURCE, SL_F_ASYNC)},
    {FAKE_TYPE("clean", SL_TRANSFORM, SL_F_PURE), FAKE_FIELDS(fake_clean_fields)},
    {FAKE_TYPE("segment", SL_TRANSFORM, SL_F_PURE), FAKE_FIELDS(fake_segment_fields)},
    {FAKE_TYPE("summarize", SL_TRANSFORM, 0), FAKE_PARAMS(fake_sum, fake_sum_params), FAKE_FIELDS(fake_sum_fields)},
    {FAKE_TYPE("every", SL_TRANSFORM, 0), FAKE_PARAMS(fake_every, fake_every_params)},
    {FAKE_TYPE("pass", SL_TRANSFORM, 0)},
    {FAKE_TYPE("headline", SL_TRANSFORM, 0), FAKE_FIELDS(fake_title_fields)},
    {FAKE_TYPE("count", SL_TRANSFORM, 0), FAKE_FIELDS(fake_count_fields)},
    {FAKE_TYPE("strip", SL_TRANSFORM, 0), FAKE_FIELDS(fake_strip_fields)},
    {FAKE_TYPE("by_uri", SL_TRANSFORM, 0), FAKE_FIELDS(fake_uri_fields)},
    {FAKE_TYPE("hold", SL_TRANSFORM, SL_F_SERIAL)},
    {FAKE_TYPE("slow", SL_TRANSFORM, SL_F_BLOCKING)},
    {FAKE_TYPE("remote", SL_TRANSFORM, SL_F_ASYNC)},
    {FAKE_TYPE("stream", SL_TRANSFORM, SL_F_STREAMING)},
    {FAKE_TYPE("store", SL_SINK, 0), FAKE_PARAMS(fake_out, fake_out_params)},
    {FAKE_TYPE("drain", SL_SINK, 0)},
    {FAKE_TYPE("ledger", SL_SINK, SL_F_SERIAL)},
};
#define FAKE_N (sizeof fake_types / sizeof fake_types[0])

static inline int fake_resolve(void *user, const char *uses, const char *base, const char *const *path, uint32_t n_path,
                               const sl_stage_type **ret_type, const char **ret_path, const char **ret_build,
                               sl_err *err) {
  (void)user;
  (void)base;
  (void)path;
  (void)n_path;
  const char *names[FAKE_N];
  for (size_t i = 0; i < FAKE_N; i++) {
    names[i] = fake_types[i].name;
    if (strcmp(uses, names[i]) != 0) continue;
    *ret_type = &fake_types[i];
    *ret_path = "/plugins/fake.so";
    *ret_build = "00ff";
    return 0;
  }
  sl_err_set(err, SL_ENOTFOUND, "there is no plugin `%.80s`", uses);
  const char *near = sl_str_nearest(uses, names, FAKE_N);
  if (near) sl_err_hint(err, "did you mean `%s`?", near);
  return SL_ENOTFOUND;
}

static inline int fake_supplier(void *user, const char *pointer, char *buf, size_t cap) {
  (void)user;
  for (size_t i = 0; i < FAKE_N; i++) {
    if (!sl_contract_supplies(&fake_types[i], pointer)) continue;
    snprintf(buf, cap, "%s", fake_types[i].name);
    return 1;
  }
  return 0;
}

#endif
