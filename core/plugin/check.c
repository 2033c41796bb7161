/* SPDX-License-Identifier: Apache-2.0 */
/* Is this descriptor one that this host can use? Versions and sizes first, then what they make readable. */
#include "plugin/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/path.h"
#include "base/str.h"
#include "plugin/loader.h"

#define MAX_TYPES 256
#define ALL_FLAGS (SL_F_SERIAL | SL_F_ASYNC | SL_F_BLOCKING | SL_F_STREAMING | SL_F_COPY_FIRST | SL_F_PURE | SL_F_TEXT)

int sl_check_name(const char *name) {
  if (!name || name[0] < 'a' || name[0] > 'z') return 0;
  size_t len = strlen(name);
  return len <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static int refuse(sl_err *err, const char *path, const char *hint, const char *fmt, ...) SL_PRINTF(4, 5);
static int refuse(sl_err *err, const char *path, const char *hint, const char *fmt, ...) {
  char text[400];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  sl_err_set(err, SL_EPLUGIN, "plugin %s is refused: %s", path, text);
  if (hint) sl_err_hint(err, "%s", hint);
  return SL_EPLUGIN;
}

/* ---- versions ---- */

static int check_version(const sl_plugin *desc, const char *path, sl_err *err) {
  static const char rebuild[] = "rebuild the plugin against the plugin.h of this Sluice (" SLUICE_VERSION ")";
  if (desc->struct_size < offsetof(sl_plugin, n_types))
    return refuse(err, path, rebuild, "expected a descriptor of %zu bytes, found struct_size %u", sizeof *desc,
                  desc->struct_size);
  if (desc->abi_major != SL_ABI_MAJOR || (SL_ABI_MAJOR == 0 && desc->abi_minor != SL_ABI_MINOR))
    return refuse(err, path,
                  desc->abi_major > SL_ABI_MAJOR || desc->abi_minor > SL_ABI_MINOR
                      ? "install the Sluice that it was built for, or rebuild it against the plugin.h of this one"
                      : rebuild,
                  "expected plugin ABI %d.%d, found %u.%u", SL_ABI_MAJOR, SL_ABI_MINOR, desc->abi_major,
                  desc->abi_minor);
  if (desc->min_host_minor > SL_ABI_MINOR)
    return refuse(err, path, "install a newer Sluice", "expected to run on a host of ABI %d.%u or newer, found %d.%d",
                  SL_ABI_MAJOR, desc->min_host_minor, SL_ABI_MAJOR, SL_ABI_MINOR);
  if (desc->struct_size != sizeof *desc)
    return refuse(err, path, rebuild, "expected a descriptor of %zu bytes, found struct_size %u", sizeof *desc,
                  desc->struct_size);
  return 0;
}

static int check_cjson(const sl_plugin *desc, const char *path, sl_err *err) {
  if (!desc->cjson_version || desc->cjson_version == cJSON_Version) return 0;
  const char *theirs = desc->cjson_version();
  return refuse(err, path,
                "link the system's libcjson (pkg-config libcjson) instead of compiling cJSON.c into the plugin; "
                "set cjson_version to cJSON_Version",
                "expected the cJSON library of the host (%s), found a private copy (%s) whose memory does not mix",
                cJSON_Version(), theirs ? theirs : "no version");
}

static int check_types(const sl_plugin *desc, const char *path, sl_err *err) {
  static const char hint[] = "correct the descriptor that sluice_plugin() returns";
  if (!desc->n_types || desc->n_types > MAX_TYPES || !desc->types)
    return refuse(err, path, hint, "expected 1 to %d stage types, found %u%s", MAX_TYPES, desc->n_types,
                  desc->types ? "" : " at NULL");
  for (uint32_t i = 0; i < desc->n_types; i++) {
    const sl_stage_type *type = desc->types[i];
    if (!type) return refuse(err, path, hint, "expected a stage type at place %u, found NULL", i);
    int code = sl_check_type(type, path, err);
    if (code) return code;
    for (uint32_t k = 0; k < i; k++)
      if (!strcmp(desc->types[k]->name, type->name))
        return refuse(err, path, hint, "expected stage types of different names, found `%s` twice", type->name);
  }
  return 0;
}

/* The file's name without folder and .so, or NULL if it is not a plain plugin file. */
static int file_is_named(const char *path, const char *name) {
  const char *base = sl_path_base(path);
  size_t len = strlen(name);
  return !strncmp(base, name, len) && !strcmp(base + len, ".so");
}

int sl_plugin_check(const sl_plugin *desc, const char *path, sl_err *err) {
  if (!desc)
    return refuse(err, path, "return the address of a static const sl_plugin",
                  "expected a descriptor from sluice_plugin(), found NULL");
  int code = check_version(desc, path, err);
  if (code) return code;
  if (!sl_check_name(desc->name))
    return refuse(err, path, "a name is [a-z][a-z0-9_]*, at most 63 characters", "expected a name, found `%s`",
                  desc->name ? desc->name : "NULL");
  if (!file_is_named(path, desc->name))
    return refuse(err, path, "rename the file, or change `name` in the descriptor",
                  "expected a file called %s.so, as its descriptor says, found %s", desc->name, sl_path_base(path));
  if (!desc->version || !desc->license || !desc->description)
    return refuse(err, path, "fill version, license and description of the descriptor",
                  "expected version, license and description, found NULL in one of them");
  code = check_cjson(desc, path, err);
  return code ? code : check_types(desc, path, err);
}

/* ---- one stage type ---------------------------------------------------------------------------------------------- */

/* What does not go together, as text; NULL if all is well. */
static const char *bad_flags(const sl_stage_type *t) {
  uint64_t f = t->flags;
  if (f & ~(uint64_t)ALL_FLAGS) return "flags that this version does not know";
  if (f & SL_F_ASYNC && f & SL_F_BLOCKING) return "both ASYNC and BLOCKING";
  if (f & SL_F_ASYNC && f & SL_F_SERIAL) return "both ASYNC and SERIAL";
  if (f & SL_F_TEXT && t->kind != SL_SINK) return "TEXT, which is for sinks";
  if (f & SL_F_COPY_FIRST && t->kind != SL_TRANSFORM) return "COPY_FIRST, which is for transforms";
  if (f & SL_F_PURE && t->kind != SL_TRANSFORM) return "PURE, which is for transforms";
  if (f & SL_F_STREAMING && t->kind == SL_SINK) return "STREAMING, which sinks cannot be";
  return NULL;
}

static const char *bad_callbacks(const sl_stage_type *t) {
  if (t->kind == SL_SOURCE && !t->produce) return "a source without `produce`";
  if (t->kind == SL_TRANSFORM && !t->process) return "a transform without `process`";
  if (t->kind == SL_SINK && !t->write) return "a sink without `write`";
  if (t->kind != SL_SOURCE && t->produce) return "`produce`, which is for sources";
  if (t->kind != SL_TRANSFORM && t->process) return "`process`, which is for transforms";
  if (t->kind != SL_SINK && t->write) return "`write`, which is for sinks";
  if (t->kind != SL_SOURCE && t->acknowledged) return "`acknowledged`, which is for sources";
  if (t->cancel && !(t->flags & SL_F_ASYNC)) return "`cancel` without the flag ASYNC";
  return NULL;
}

static int check_fields(const sl_stage_type *t, const char *path, sl_err *err) {
  if (!t->n_fields) return 0;
  static const char hint[] = "correct the table `fields` of the stage type";
  if (!t->fields || t->field_size != sizeof(sl_field) || t->n_fields > 1000)
    return refuse(err, path, hint,
                  "stage type %s: expected at most 1000 contract fields of %zu bytes, found %u of %u%s", t->name,
                  sizeof(sl_field), t->n_fields, t->field_size, t->fields ? "" : " at NULL");
  for (uint32_t i = 0; i < t->n_fields; i++) {
    const sl_field *f = &t->fields[i];
    if (!f->pointer || (f->pointer[0] && f->pointer[0] != '/' && strcmp(f->pointer, "@payload") != 0))
      return refuse(err, path, hint, "stage type %s, field %u: expected a JSON pointer or @payload, found `%s`",
                    t->name, i, f->pointer ? f->pointer : "NULL");
    if (f->access < SL_C_READS || f->access > SL_C_REMOVES || f->types > 63)
      return refuse(err, path, hint,
                    "stage type %s, field %s: expected an access of 1 to 5 and types of 0 to 63, found %u and %u",
                    t->name, f->pointer, f->access, f->types);
  }
  return 0;
}

int sl_check_type(const sl_stage_type *t, const char *path, sl_err *err) {
  static const char rebuild[] = "rebuild the plugin against the plugin.h of this Sluice (" SLUICE_VERSION ")";
  static const char hint[] = "correct the stage type's descriptor";
  if (t->struct_size != sizeof *t)
    return refuse(err, path, rebuild, "expected a stage type of %zu bytes, found struct_size %u", sizeof *t,
                  t->struct_size);
  if (!sl_check_name(t->name))
    return refuse(err, path, "a name is [a-z][a-z0-9_]*, at most 63 characters",
                  "expected a stage type's name, found `%s`", t->name ? t->name : "NULL");
  if (t->kind < SL_SOURCE || t->kind > SL_SINK)
    return refuse(err, path, hint, "stage type %s: expected a kind of 1 (source), 2 (transform) or 3 (sink), found %u",
                  t->name, t->kind);
  if (!t->summary || !t->summary[0])
    return refuse(err, path, hint, "stage type %s: expected a summary of one line, found none", t->name);
  const char *bad = bad_flags(t);
  if (!bad) bad = bad_callbacks(t);
  if (bad) return refuse(err, path, hint, "stage type %s: found %s", t->name, bad);
  int code = check_fields(t, path, err);
  if (code || !t->n_params) return code;
  if (!t->params || t->param_size != sizeof(sl_param))
    return refuse(err, path, rebuild, "stage type %s: expected parameters of %zu bytes, found %u%s", t->name,
                  sizeof(sl_param), t->param_size, t->params ? "" : " at NULL");
  char where[80];
  sl_err inner = {0};
  snprintf(where, sizeof where, "stage type %s", t->name);
  if (sl_check_params(t->params, t->n_params, t->params_size, where, 0, &inner))
    return refuse(err, path, "correct the table `params`; SL_PARAM fills offset and size by itself", "%s",
                  inner.message);
  return 0;
}
