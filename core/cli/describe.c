/* SPDX-License-Identifier: Apache-2.0 */
/* How a stage type is shown, to people and as JSON. */
#include "cli/describe.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "base/buf.h"
#include "obs/term.h"

const char *sl_describe_uses(const sl_plugin *desc, const sl_stage_type *t, char *ret, size_t size) {
  int same = !desc || strcmp(desc->name, t->name) == 0;
  (void)snprintf(ret, size, "%s%s%s", same ? "" : desc->name, same ? "" : ".", t->name);
  return ret;
}

const char *sl_describe_kind(uint32_t kind) {
  return kind == SL_SOURCE ? "source" : kind == SL_TRANSFORM ? "transform" : kind == SL_SINK ? "sink" : "?";
}

static const struct {
  uint64_t bit;
  const char *name, *meaning;
} flag_names[] = {
    {SL_F_SERIAL, "serial", "one thread, documents in order"},
    {SL_F_ASYNC, "async", "waits on the loop"},
    {SL_F_BLOCKING, "blocking", "threads of its own"},
    {SL_F_STREAMING, "streaming", "what it emits goes on at once"},
    {SL_F_COPY_FIRST, "copy-first", "the core keeps the original"},
    {SL_F_PURE, "pure", "same input, same output"},
    {SL_F_TEXT, "text", "takes printed JSON"},
};
#define N_FLAGS (sizeof flag_names / sizeof flag_names[0])

static cJSON *flags_json(uint64_t flags) {
  cJSON *list = cJSON_CreateArray();
  for (size_t i = 0; i < N_FLAGS; i++)
    if (flags & flag_names[i].bit) cJSON_AddItemToArray(list, cJSON_CreateString(flag_names[i].name));
  return list;
}

static const char *type_name(const sl_param *p) {
  static const char *const names[] = {"?",    "string", "bool", "integer", "number",    "duration", "size",
                                      "enum", "path",   "glob", "pointer", "condition", "json",     "struct"};
  return p->type < sizeof names / sizeof names[0] ? names[p->type] : "?";
}

/* "list of path", "map", "enum: a|b", "integer 1..100". */
static void add_type(sl_buf *out, const sl_param *p) {
  if (p->flags & SL_PF_LIST) (void)sl_buf_addstr(out, "list of ");
  if (p->flags & SL_PF_MAP)
    (void)sl_buf_addstr(out, p->flags & SL_PF_KEY_POINTER ? "map by pointer" : "map");
  else if (p->type == SL_T_ENUM)
    (void)sl_buf_addstr(out, p->range ? p->range : "enum");
  else
    (void)sl_buf_addstr(out, type_name(p));
  if (p->range && *p->range && p->type != SL_T_ENUM) (void)sl_buf_addf(out, " %s", p->range);
}

static void list_flags(uint64_t flags, sl_buf *out) {
  for (size_t i = 0; i < N_FLAGS; i++)
    if (flags & flag_names[i].bit) (void)sl_buf_addf(out, "%s%s", out->len ? ", " : "", flag_names[i].name);
}

static void print_param(const sl_param *p, int indent, int colors, int width) {
  sl_buf type = {0};
  add_type(&type, p);
  printf("%*s%s%s%s  %s", indent, "", sl_term_style(colors, SL_STYLE_BOLD), p->name, sl_term_style(colors, 0),
         type.data ? type.data : "");
  if (p->flags & SL_PF_REQUIRED)
    printf(", required");
  else if (p->def && *p->def)
    printf(", default %s", p->def);
  if (p->flags & SL_PF_SECRET) printf(", secret");
  printf("\n%*s", indent + 6, "");
  sl_term_wrap(stdout, p->help ? p->help : "", (size_t)indent + 6, (size_t)width);
  for (uint32_t i = 0; i < p->n_fields; i++) print_param(&p->fields[i], indent + 6, colors, width);
  sl_buf_done(&type);
}

static void print_params(const sl_stage_type *t, int colors, int width) {
  if (!t->n_params) {
    printf("\nIt takes no parameters.\n");
    return;
  }
  printf("\nParameters, under `with:`\n");
  for (int advanced = 0; advanced < 2; advanced++)
    for (uint32_t i = 0; i < t->n_params; i++)
      if (((t->params[i].flags & SL_PF_ADVANCED) != 0) == advanced) print_param(&t->params[i], 2, colors, width);
}

static const char *access_name(uint32_t access) {
  static const char *const names[] = {"?", "reads", "may read", "writes", "may write", "removes"};
  return access < sizeof names / sizeof names[0] ? names[access] : "?";
}

static cJSON *json_types(uint32_t types) {
  static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};
  cJSON *list = cJSON_CreateArray();
  for (uint32_t i = 0; i < 6; i++)
    if (types & (1u << i)) cJSON_AddItemToArray(list, cJSON_CreateString(names[i]));
  return list;
}

static void print_contract(const sl_stage_type *t, int colors) {
  static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};
  if (!t->n_fields && !t->contract) return;
  printf("\nContract: what it does with the fields of a document\n");
  if (t->contract) printf("  Part of it follows from the parameters.\n");
  for (uint32_t i = 0; i < t->n_fields; i++) {
    const sl_field *f = &t->fields[i];
    sl_buf types = {0};
    for (uint32_t k = 0; k < 6; k++)
      if (f->types & (1u << k)) (void)sl_buf_addf(&types, "%s%s", types.len ? " or " : "", names[k]);
    printf("  %-9s  %s%-14s%s  %-16s  %s\n", access_name(f->access), sl_term_style(colors, SL_STYLE_BOLD),
           strcmp(f->pointer, "@payload") == 0 ? "the payload" : f->pointer, sl_term_style(colors, 0),
           types.data ? types.data : "", f->help ? f->help : "");
    sl_buf_done(&types);
  }
}

void sl_describe_print(const sl_plugin *desc, const sl_stage_type *t, const char *path, const char *build) {
  int colors = sl_term_colors(stdout), width = sl_term_width(stdout);
  sl_buf flags = {0};
  char uses[160];
  if (width > 100) width = 100;
  list_flags(t->flags, &flags);
  printf("%s%s%s  %s", sl_term_style(colors, SL_STYLE_BOLD), sl_describe_uses(desc, t, uses, sizeof uses),
         sl_term_style(colors, 0), sl_describe_kind(t->kind));
  if (flags.len) printf(" (%s)", flags.data);
  printf("\n");
  sl_term_wrap(stdout, t->summary ? t->summary : "", 0, (size_t)width);
  if (t->help && *t->help) {
    printf("\n");
    sl_term_wrap(stdout, t->help, 0, (size_t)width);
  }
  print_params(t, colors, width);
  print_contract(t, colors);
  printf("\n");
  if (desc) printf("Plugin %s %s, %s. ", desc->name, desc->version, desc->license);
  printf("File %s%s%.16s\n", path, *build ? ", build " : "", build);
  sl_buf_done(&flags);
}

static cJSON *param_json(const sl_param *p) {
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "name", p->name);
  cJSON_AddStringToObject(out, "type", type_name(p));
  if (p->flags & SL_PF_LIST) cJSON_AddTrueToObject(out, "list");
  if (p->flags & SL_PF_MAP) cJSON_AddTrueToObject(out, "map");
  if (p->flags & SL_PF_REQUIRED) cJSON_AddTrueToObject(out, "required");
  if (p->flags & SL_PF_SECRET) cJSON_AddTrueToObject(out, "secret");
  if (p->flags & SL_PF_OUTPUT) cJSON_AddTrueToObject(out, "output");
  if (p->flags & SL_PF_ADVANCED) cJSON_AddTrueToObject(out, "advanced");
  if (p->def) cJSON_AddStringToObject(out, "default", p->def);
  if (p->range) cJSON_AddStringToObject(out, "range", p->range);
  cJSON_AddStringToObject(out, "help", p->help ? p->help : "");
  if (p->n_fields) {
    cJSON *fields = cJSON_AddArrayToObject(out, "fields");
    for (uint32_t i = 0; i < p->n_fields; i++) cJSON_AddItemToArray(fields, param_json(&p->fields[i]));
  }
  return out;
}

cJSON *sl_describe_json(const sl_plugin *desc, const sl_stage_type *t, const char *path, const char *build) {
  static const char *const access[] = {"?", "reads", "reads_maybe", "writes", "writes_maybe", "removes"};
  char uses[160];
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "uses", sl_describe_uses(desc, t, uses, sizeof uses));
  cJSON_AddStringToObject(out, "name", t->name);
  cJSON_AddStringToObject(out, "kind", sl_describe_kind(t->kind));
  cJSON_AddItemToObject(out, "flags", flags_json(t->flags));
  cJSON_AddStringToObject(out, "summary", t->summary ? t->summary : "");
  if (t->help) cJSON_AddStringToObject(out, "help", t->help);
  cJSON *params = cJSON_AddArrayToObject(out, "parameters"), *fields = cJSON_AddArrayToObject(out, "contract");
  for (uint32_t i = 0; i < t->n_params; i++) cJSON_AddItemToArray(params, param_json(&t->params[i]));
  for (uint32_t i = 0; i < t->n_fields; i++) {
    const sl_field *f = &t->fields[i];
    cJSON *field = cJSON_CreateObject();
    cJSON_AddStringToObject(field, "pointer", f->pointer);
    cJSON_AddStringToObject(field, "access", f->access <= SL_C_REMOVES ? access[f->access] : "?");
    cJSON_AddItemToObject(field, "types", json_types(f->types));
    if (f->help) cJSON_AddStringToObject(field, "help", f->help);
    cJSON_AddItemToArray(fields, field);
  }
  cJSON_AddBoolToObject(out, "contract_depends_on_parameters", t->contract != NULL);
  cJSON *plugin = cJSON_AddObjectToObject(out, "plugin");
  if (desc) {
    cJSON_AddStringToObject(plugin, "name", desc->name);
    cJSON_AddStringToObject(plugin, "version", desc->version);
    cJSON_AddStringToObject(plugin, "license", desc->license);
    cJSON_AddStringToObject(plugin, "description", desc->description);
  }
  cJSON_AddStringToObject(plugin, "path", path);
  cJSON_AddStringToObject(plugin, "build", build);
  return out;
}
