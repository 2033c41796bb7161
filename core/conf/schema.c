/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of pipeline files. */
#include "conf/schema.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/str.h"
#include "conf/keys.h"
#include "conf/value.h"
#include "doc/codec.h"

#define REF(name) "#/definitions/" name

/* What could not be made for want of memory is missed at the end. */
typedef struct maker {
  int failed;
} maker;

static cJSON *own(maker *m, cJSON *item) {
  if (!item) m->failed = 1;
  return item;
}

static cJSON *object(maker *m) { return own(m, cJSON_CreateObject()); }
static cJSON *array(maker *m) { return own(m, cJSON_CreateArray()); }
static cJSON *text(maker *m, const char *s) { return own(m, cJSON_CreateString(s)); }

/* item [take]. Returns it, NULL if it could not be put there. */
static cJSON *put(maker *m, cJSON *to, const char *key, cJSON *item) {
  int ok = to && item && (cJSON_IsArray(to) ? cJSON_AddItemToArray(to, item) : cJSON_AddItemToObject(to, key, item));
  if (ok) return item;
  cJSON_Delete(item);
  m->failed = 1;
  return NULL;
}

static cJSON *typed(maker *m, const char *type) {
  cJSON *o = object(m);
  put(m, o, "type", text(m, type));
  return o;
}

static cJSON *ref(maker *m, const char *to) {
  cJSON *o = object(m);
  put(m, o, "$ref", text(m, to));
  return o;
}

static cJSON *pattern(maker *m, const char *regex) {
  cJSON *o = typed(m, "string");
  put(m, o, "pattern", text(m, regex));
  return o;
}

/* {anyOf: [a, b]}; both [take]. */
static cJSON *either(maker *m, cJSON *a, cJSON *b) {
  cJSON *o = object(m), *list = put(m, o, "anyOf", array(m));
  put(m, list, NULL, a);
  put(m, list, NULL, b);
  return o;
}

static cJSON *words(maker *m, const char *const *list, size_t n) {
  cJSON *o = object(m), *all = put(m, o, "enum", array(m));
  for (size_t i = 0; i < n; i++) put(m, all, NULL, text(m, list[i]));
  return o;
}

/* ---- values ---- */

/* One border of "1..100" as JSON, NULL if there is none. */
static cJSON *border(maker *m, const sl_param *row, int upper) {
  char buf[64];
  const char *dots = row->range ? strstr(row->range, "..") : NULL;
  if (!dots) return NULL;
  snprintf(buf, sizeof buf, "%.*s", upper ? 60 : (int)(dots - row->range), upper ? dots + 2 : row->range);
  double d = 0;
  if (!*buf || sl_str_double(buf, &d, NULL)) return NULL;
  return own(m, cJSON_CreateNumber(d));
}

static cJSON *number(maker *m, const sl_param *row) {
  cJSON *o = typed(m, row->type == SL_T_INT ? "integer" : "number");
  cJSON *low = border(m, row, 0), *high = border(m, row, 1);
  if (low) put(m, o, "minimum", low);
  if (high) put(m, o, "maximum", high);
  return either(m, o, ref(m, REF("substitution")));
}

static cJSON *enumeration(maker *m, const sl_param *row) {
  cJSON *o = object(m), *all = put(m, o, "enum", array(m));
  size_t len = 0;
  const char *w;
  for (uint32_t i = 0; (w = sl_value_enum_word(row->range, i, &len)) != NULL; i++) {
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)len, w);
    put(m, all, NULL, text(m, word));
    /* Editors read these as booleans. */
    if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0)
      put(m, all, NULL, own(m, cJSON_CreateBool(word[1] == 'n')));
  }
  return either(m, o, ref(m, REF("substitution")));
}

static cJSON *properties(maker *m, const sl_param_table *table);

static cJSON *element(maker *m, const sl_param *row) {
  switch (row->type) {
  case SL_T_STRING:
    return ref(m, REF("text"));
  case SL_T_BOOL:
    return ref(m, REF("bool"));
  case SL_T_INT:
  case SL_T_FLOAT:
    return number(m, row);
  case SL_T_DURATION:
    return ref(m, REF("duration"));
  case SL_T_SIZE:
    return ref(m, REF("size"));
  case SL_T_ENUM:
    return enumeration(m, row);
  case SL_T_PATH:
  case SL_T_GLOB:
    return typed(m, "string");
  case SL_T_POINTER:
    return ref(m, REF("pointer"));
  case SL_T_CONDITION:
    return ref(m, REF("condition"));
  case SL_T_STRUCT: {
    sl_param_table table = {row->fields, row->n_fields, sizeof(sl_param), NULL, NULL, NULL, NULL};
    return properties(m, &table);
  }
  default:
    return object(m);
  }
}

static void add_default(maker *m, cJSON *o, const sl_param *row) {
  int many = (row->flags & (SL_PF_LIST | SL_PF_MAP)) != 0;
  if (!row->def) return;
  cJSON *value = NULL;
  if (!many && (row->type == SL_T_INT || row->type == SL_T_FLOAT)) {
    int rc = sl_json_parse(row->def, strlen(row->def), NULL, &value, NULL, NULL);
    if (rc) value = rc == SL_ENOMEM ? own(m, NULL) : text(m, row->def);
  } else if (!many && row->type == SL_T_BOOL) {
    int32_t flag = 0;
    (void)sl_str_bool(row->def, &flag, NULL);
    value = own(m, cJSON_CreateBool(flag));
  } else {
    value = text(m, row->def);
  }
  put(m, o, "default", value);
}

static void add_help(maker *m, cJSON *o, const sl_param *row) {
  char buf[1024];
  int ranged = row->range && *row->range && row->type != SL_T_ENUM && row->type != SL_T_CUSTOM;
  snprintf(buf, sizeof buf, "%s%s%s%s", row->help ? row->help : "", ranged ? " Range: " : "", ranged ? row->range : "",
           ranged ? "." : "");
  if (*buf) put(m, o, "description", text(m, buf));
}

/* ---- keys with a form of their own ---- */

static cJSON *custom(maker *m, const char *name) {
  if (strcmp(name, "stages") == 0) {
    cJSON *o = typed(m, "array");
    put(m, o, "minItems", own(m, cJSON_CreateNumber(2)));
    put(m, o, "items", ref(m, REF("stage")));
    return o;
  }
  if (strcmp(name, "defaults") == 0) return ref(m, REF("defaults"));
  if (strcmp(name, "lanes") == 0) {
    static const sl_param lanes = {.name = "lanes", .type = SL_T_INT, .range = "1..1024"};
    static const char *const automatic[] = {"auto"};
    return either(m, words(m, automatic, 1), number(m, &lanes));
  }
  if (strcmp(name, "when") == 0) {
    static const char *const other[] = {"else"};
    return either(m, words(m, other, 1), ref(m, REF("condition")));
  }
  if (strcmp(name, "then") == 0) {
    static const char *const after[] = {"dead_letter", "drop", "stop"};
    cJSON *route = typed(m, "object");
    put(m, put(m, route, "properties", object(m)), "route", typed(m, "string"));
    put(m, put(m, route, "required", array(m)), NULL, text(m, "route"));
    put(m, route, "additionalProperties", own(m, cJSON_CreateFalse()));
    return either(m, words(m, after, 3), route);
  }
  return typed(m, strcmp(name, "with") == 0 ? "object" : "string");
}

/* A key that takes a single value or a map. */
static cJSON *form(maker *m, const sl_param *row) {
  sl_param_table table = {row->fields, row->n_fields, sizeof(sl_param), NULL, NULL, NULL, NULL};
  return either(m, typed(m, "string"), properties(m, &table));
}

/* ---- tables ---- */

static cJSON *property(maker *m, const sl_param *row) {
  cJSON *o;
  if (row->type == SL_T_CUSTOM) {
    o = row->fields ? form(m, row) : custom(m, row->name);
  } else if (row->flags & SL_PF_MAP) {
    o = typed(m, "object");
    put(m, o, "additionalProperties", element(m, row));
    if (row->flags & SL_PF_KEY_POINTER) put(m, o, "propertyNames", ref(m, REF("pointer")));
  } else if (row->flags & SL_PF_LIST) {
    cJSON *list = typed(m, "array");
    put(m, list, "items", element(m, row));
    if (row->flags & SL_PF_NONEMPTY) put(m, list, "minItems", own(m, cJSON_CreateNumber(1)));
    o = either(m, element(m, row), list);
  } else {
    o = element(m, row);
  }
  if (o && cJSON_GetObjectItemCaseSensitive(o, "$ref")) { /* draft 7 ignores what stands beside a $ref */
    cJSON *outer = object(m);
    put(m, put(m, outer, "allOf", array(m)), NULL, o);
    o = outer;
  }
  if (!o) return NULL;
  add_help(m, o, row);
  add_default(m, o, row);
  return o;
}

static cJSON *properties(maker *m, const sl_param_table *table) {
  cJSON *o = typed(m, "object"), *all = put(m, o, "properties", object(m)), *required = array(m);
  for (uint32_t i = 0; i < table->n; i++) {
    const sl_param *row = sl_params_row(table, i);
    put(m, all, row->name, property(m, row));
    if (row->flags & SL_PF_REQUIRED) put(m, required, NULL, text(m, row->name));
  }
  if (cJSON_GetArraySize(required))
    put(m, o, "required", required);
  else
    cJSON_Delete(required);
  put(m, o, "additionalProperties", own(m, cJSON_CreateFalse()));
  return o;
}

/* The rows of the core's own table that this version has, and that carry all of `flags`. */
static cJSON *key_properties(maker *m, const sl_param_table *table, uint32_t flags, int with_required) {
  sl_keyrow rows[32];
  uint32_t n = 0;
  for (uint32_t i = 0; i < table->n && n < 32; i++) {
    const sl_keyrow *key = sl_keys_row(table, i);
    if ((key->flags & SL_KEY_REFUSED) || (key->flags & flags) != flags) continue;
    rows[n] = *key;
    if (!with_required) rows[n].param.flags &= ~SL_PF_REQUIRED;
    n++;
  }
  sl_param_table some = {&rows[0].param, n, sizeof *rows, NULL, NULL, NULL, NULL};
  return properties(m, &some);
}

/* ---- stage types ---- */

static int has_required(const sl_stage_type *type) {
  sl_param_table table = {type->params, type->n_params, type->param_size, NULL, NULL, NULL, NULL};
  for (uint32_t i = 0; i < table.n; i++)
    if (sl_params_row(&table, i)->flags & SL_PF_REQUIRED) return 1;
  return 0;
}

/* if uses is x, then with is as x wants it. */
static cJSON *rule(maker *m, const sl_schema_type *t) {
  char name[160];
  snprintf(name, sizeof name, REF("with %s"), t->uses);
  cJSON *o = object(m), *uses = object(m);
  cJSON *cond = put(m, o, "if", object(m));
  put(m, uses, "const", text(m, t->uses));
  put(m, put(m, cond, "properties", object(m)), "uses", uses);
  cJSON *then = put(m, o, "then", object(m));
  put(m, put(m, then, "properties", object(m)), "with", ref(m, name));
  if (has_required(t->type)) put(m, put(m, then, "required", array(m)), NULL, text(m, "with"));
  return o;
}

static void add_types(maker *m, cJSON *definitions, cJSON *stage, const sl_schema_type *types, uint32_t n) {
  if (!n) return;
  cJSON *rules = put(m, stage, "allOf", array(m));
  cJSON *uses = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(stage, "properties"), "uses");
  cJSON *known = put(m, uses, "examples", array(m));
  for (uint32_t i = 0; i < n; i++) {
    const sl_stage_type *type = types[i].type;
    sl_param_table table = {
        type->params, type->n_params, type->param_size ? type->param_size : (uint32_t)sizeof(sl_param),
        NULL,         NULL,           NULL,
        NULL};
    char name[160];
    snprintf(name, sizeof name, "with %s", types[i].uses);
    cJSON *with = put(m, definitions, name, properties(m, &table));
    if (type->summary) put(m, with, "description", text(m, type->summary));
    put(m, known, NULL, text(m, types[i].uses));
    put(m, rules, NULL, rule(m, &types[i]));
  }
}

/* ---- conditions ---- */

static cJSON *condition(maker *m) {
  static const char *const leaf_ops[] = {"equals", "in", "exists", "matches", "lt", "gt"};
  cJSON *o = typed(m, "object"), *all = put(m, o, "properties", object(m));
  put(m, all, "path", ref(m, REF("pointer")));
  for (size_t i = 0; i < sizeof leaf_ops / sizeof *leaf_ops; i++)
    put(m, all, leaf_ops[i], i == 1 ? typed(m, "array") : object(m));
  cJSON *list = put(m, all, "all", typed(m, "array"));
  put(m, list, "items", ref(m, REF("condition")));
  list = put(m, all, "any", typed(m, "array"));
  put(m, list, "items", ref(m, REF("condition")));
  put(m, all, "not", ref(m, REF("condition")));
  put(m, o, "additionalProperties", own(m, cJSON_CreateFalse()));
  return o;
}

static cJSON *any_scalar(maker *m) {
  static const char *const kinds[] = {"string", "number", "boolean"};
  cJSON *o = object(m), *list = put(m, o, "type", array(m));
  for (size_t i = 0; i < 3; i++) put(m, list, NULL, text(m, kinds[i]));
  return o;
}

static cJSON *definitions(maker *m) {
  static const char *const bools[] = {"yes", "no", "on", "off"};
  cJSON *o = object(m);
  put(m, o, "substitution", pattern(m, "\\$\\{"));
  put(m, o, "text", any_scalar(m));
  put(m, o, "bool", either(m, typed(m, "boolean"), either(m, words(m, bools, 4), ref(m, REF("substitution")))));
  static const char duration[] = "^(0|([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d))+)$|\\$\\{";
  cJSON *zero = object(m);
  put(m, zero, "const", own(m, cJSON_CreateNumber(0)));
  put(m, o, "duration", either(m, pattern(m, duration), zero));
  static const char size[] = "^[0-9]+(\\.[0-9]+)?([KMGT]i?B?|B|kB)?$|\\$\\{";
  put(m, o, "size", either(m, pattern(m, size), typed(m, "integer")));
  put(m, o, "pointer", pattern(m, "^$|^/|^@payload$|\\$\\{"));
  put(m, o, "condition", condition(m));
  return o;
}

int sl_schema_make(const sl_schema_type *types, uint32_t n, struct cJSON **ret, sl_err *err) {
  maker m = {0};
  cJSON *root = key_properties(&m, &sl_keys_top, 0, 1);
  put(&m, root, "$schema", text(&m, "http://json-schema.org/draft-07/schema#"));
  put(&m, root, "title", text(&m, "Sluice pipeline file"));
  cJSON *defs = put(&m, root, "definitions", definitions(&m));
  cJSON *required = put(&m, root, "required", array(&m));
  put(&m, required, NULL, text(&m, "stages"));
  put(&m, defs, "defaults", key_properties(&m, &sl_keys_stage, SL_KEY_DEFAULTS, 0));
  cJSON *stage = put(&m, defs, "stage", key_properties(&m, &sl_keys_stage, 0, 1));
  cJSON *id = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(stage, "properties"), "id");
  put(&m, id, "pattern", text(&m, "^[A-Za-z_][A-Za-z0-9_-]{0,63}$|\\$\\{"));
  add_types(&m, defs, stage, types, n);
  if (m.failed) {
    cJSON_Delete(root);
    return sl_err_set(err, SL_ENOMEM, "memory is out");
  }
  *ret = root;
  return 0;
}
