/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice trace`: one document through the stages, and what each of them changed. */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "doc/codec.h"
#include "doc/patch.h"
#include "obs/term.h"
#include "run/engine.h"

typedef struct trace {
  cJSON *steps; /* --json; else NULL */
  int colors, width, whole, failed, dead;
  sl_err err;
} trace;

static const char *verdict_name(int32_t verdict) {
  static const char *const names[] = {"ok", "drop", "retry", "reject", "held", "pending", "fatal"};
  return verdict >= 0 && verdict < 7 ? names[verdict] : "?";
}

/* A value as text of at most `columns`. */
static void print_value(const cJSON *value, size_t columns, int whole) {
  sl_buf buf = {0};
  if (!value || sl_json_print_to(value, &buf, NULL) != 0 || !buf.data) {
    sl_buf_done(&buf);
    return;
  }
  if (whole || sl_term_columns(buf.data) <= columns) {
    printf("%s", buf.data);
  } else {
    char more[48];
    int count = cJSON_IsArray(value) ? cJSON_GetArraySize(value) : 0;
    if (count)
      snprintf(more, sizeof more, "… %d items, %zu bytes", count, buf.len);
    else
      snprintf(more, sizeof more, "… %zu bytes", buf.len);
    size_t room = columns > strlen(more) ? columns - strlen(more) : 0;
    printf("%.*s%s", (int)sl_term_fit(buf.data, room), buf.data, more);
  }
  sl_buf_done(&buf);
}

static void print_operation(const trace *t, const cJSON *op) {
  const cJSON *kind = cJSON_GetObjectItemCaseSensitive(op, "op"), *path = cJSON_GetObjectItemCaseSensitive(op, "path");
  const cJSON *from = cJSON_GetObjectItemCaseSensitive(op, "from");
  const cJSON *value = cJSON_GetObjectItemCaseSensitive(op, "value");
  if (!cJSON_IsString(kind) || !cJSON_IsString(path)) return;
  int style = strcmp(kind->valuestring, "remove") == 0 ? SL_STYLE_RED : SL_STYLE_GREEN;
  size_t used = 14 + sl_term_columns(path->valuestring);
  printf("    %s%-8s%s %s", sl_term_style(t->colors, style), kind->valuestring, sl_term_style(t->colors, 0),
         path->valuestring);
  if (cJSON_IsString(from)) printf("  from %s", from->valuestring);
  if (value) {
    printf("  ");
    print_value(value, (size_t)t->width > used + 20 ? (size_t)t->width - used : 20, t->whole);
  }
  printf("\n");
}

static void print_step(trace *t, const sl_trace_step *s, const cJSON *patch) {
  char time[32], size[32];
  if (!*s->stage) {
    printf("%sinput%s\n", sl_term_style(t->colors, SL_STYLE_BOLD), sl_term_style(t->colors, 0));
    for (const cJSON *item = s->after ? s->after->child : NULL; item; item = item->next) {
      printf("    %-8s ", item->string);
      print_value(item, (size_t)t->width > 40 ? (size_t)t->width - 15 : 25, t->whole);
      printf("\n");
    }
    return;
  }
  printf("%s%s%s", sl_term_style(t->colors, SL_STYLE_BOLD), s->stage, sl_term_style(t->colors, 0));
  if (s->path) printf(" [%u]", s->path);
  printf("  %s%s%s  %s, %s\n", sl_term_style(t->colors, s->verdict == SL_V_OK ? SL_STYLE_GREEN : SL_STYLE_RED),
         verdict_name(s->verdict), sl_term_style(t->colors, 0), sl_str_show_duration(s->ns, time, sizeof time),
         sl_str_show_size((int64_t)s->bytes, size, sizeof size));
  if (s->why) {
    printf("    %s: %s\n", sl_err_name(s->why->code), s->why->message);
    if (s->why->hint[0]) printf("    hint: %s\n", s->why->hint);
  }
  for (const cJSON *op = patch ? patch->child : NULL; op; op = op->next) print_operation(t, op);
}

static void add_step(trace *t, const sl_trace_step *s, cJSON *patch) {
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "stage", s->stage);
  cJSON_AddNumberToObject(out, "path", s->path);
  cJSON_AddStringToObject(out, "verdict", verdict_name(s->verdict));
  cJSON_AddNumberToObject(out, "ns", (double)s->ns);
  cJSON_AddNumberToObject(out, "bytes", (double)s->bytes);
  if (s->why) {
    cJSON *error = cJSON_AddObjectToObject(out, "error");
    cJSON_AddStringToObject(error, "code", sl_err_name(s->why->code));
    cJSON_AddStringToObject(error, "message", s->why->message);
    if (s->why->hint[0]) cJSON_AddStringToObject(error, "hint", s->why->hint);
  }
  if (!*s->stage && s->after) cJSON_AddItemToObject(out, "document", sl_json_copy(s->after));
  if (patch) cJSON_AddItemToObject(out, "patch", patch);
  cJSON_AddItemToArray(t->steps, out);
}

static void on_step(void *user, const sl_trace_step *s) {
  trace *t = user;
  cJSON *patch = NULL;
  if (t->failed) return;
  if (s->verdict == SL_V_REJECT || s->verdict == SL_V_FATAL || s->verdict == SL_V_RETRY) t->dead = 1;
  if (*s->stage && s->before && s->after && sl_patch_make(s->before, s->after, &patch, &t->err) != 0) {
    t->failed = 1;
    return;
  }
  if (t->steps) {
    add_step(t, s, patch);
  } else {
    print_step(t, s, patch);
    cJSON_Delete(patch);
  }
}

static int run_trace(const sl_cli *cli) {
  sl_registry *registry = NULL;
  sl_pipeline *pipeline = NULL;
  sl_doc *doc = NULL;
  trace t = {.colors = sl_term_colors(stdout), .width = sl_term_width(stdout), .whole = sl_cli_has(cli, "whole")};
  uint64_t nth = 1;
  int rc = sl_cli_count(cli, "number", 1, &nth);
  if (rc == SL_EXIT_OK) rc = sl_cli_registry(cli, &registry);
  if (rc == SL_EXIT_OK) rc = sl_cli_load(cli, cli->args[0], registry, &pipeline);
  if (rc == SL_EXIT_OK && sl_input_read(pipeline, registry, cli->args[1], nth, &doc, &t.err) != 0)
    rc = sl_cli_fail(&t.err);
  if (rc == SL_EXIT_OK) {
    if (sl_cli_has(cli, "json")) t.steps = cJSON_CreateArray();
    /* The engine takes the document. */
    int failed = sl_engine_trace(pipeline, doc, on_step, &t, &t.err);
    doc = NULL;
    if (t.steps && !t.failed) {
      cJSON *out = cJSON_CreateObject();
      cJSON_AddStringToObject(out, "pipeline", pipeline->name);
      cJSON_AddStringToObject(out, "input", cli->args[1]);
      cJSON_AddItemToObject(out, "steps", t.steps);
      t.steps = NULL;
      rc = sl_cli_print_json(out, 1);
    }
    cJSON_Delete(t.steps);
    if (failed != 0 || t.failed)
      rc = sl_cli_fail(&t.err);
    else if (t.dead && rc == SL_EXIT_OK)
      rc = SL_EXIT_DEAD;
  }
  sl_doc_free(doc);
  sl_pipeline_free(pipeline);
  sl_registry_free(registry);
  return rc;
}

static const sl_cli_option options[] = {
    {"number", 'n', "N", "Which document of the file. Default: 1."},
    {"whole", 'w', NULL, "Shows long values in full."},
    {"set", 's', "STAGE.PARAM=VALUE", "Overrides a parameter. Repeatable."},
    {"json", 0, NULL, "One JSON object with a JSON Patch for each step."},
};

const sl_cli_command sl_cmd_trace = {
    .name = "trace",
    .args = "FILE DOC",
    .summary = "Shows what each stage does to one document.",
    .more = "DOC is a file, read as fetch_files reads it, with the parameters that it has in\n"
            "the pipeline; '-' reads a JSON body from standard input. Sinks store nothing,\n"
            "and no state is touched.\n"
            "Exit codes as for 'sluice run'; 3 if a stage rejected the document.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 2,
    .max_args = 2,
    .run = run_trace,
};
