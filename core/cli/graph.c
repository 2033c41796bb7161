/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice graph`: the stages and edges of a pipeline file as a drawing. */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "doc/codec.h"
#include "doc/cond.h"

/* Writes text for inside of double quotes. Both languages take \" only in part, so quotes become apostrophes. */
static void add_label(sl_buf *buf, const char *text) {
  for (const char *p = text; *p; p++) {
    if (*p == '"')
      (void)sl_buf_addc(buf, '\'');
    else if (*p == '\\')
      (void)sl_buf_addstr(buf, "\\\\");
    else if ((unsigned char)*p < 0x20)
      (void)sl_buf_addc(buf, ' ');
    else
      (void)sl_buf_addc(buf, *p);
  }
}

static void add_when(sl_buf *buf, const sl_edge *edge) {
  if (edge->is_error) {
    (void)sl_buf_addstr(buf, "on error");
  } else if (edge->is_else) {
    (void)sl_buf_addstr(buf, "else");
  } else if (edge->when) {
    char *text = NULL;
    size_t len = 0;
    if (sl_json_print(sl_cond_json(edge->when), &text, &len, NULL) == 0) add_label(buf, text);
    sl_mem_free(text);
  }
}

static void draw_dot(const sl_pipeline *p, sl_buf *out) {
  static const char *const shapes[] = {"box", "cds", "box", "cylinder"};
  (void)sl_buf_addstr(out, "digraph \"");
  add_label(out, p->name);
  (void)sl_buf_addstr(out,
                      "\" {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n");
  for (uint32_t i = 0; i < p->n_stages; i++) {
    const sl_stage_conf *s = &p->stages[i];
    (void)sl_buf_addf(out, "  s%u [label=\"", i);
    add_label(out, s->id);
    if (strcmp(s->id, s->type->name) != 0) (void)sl_buf_addf(out, "\\n%s", s->type->name);
    (void)sl_buf_addf(out, "\", shape=%s];\n", shapes[s->type->kind <= SL_SINK ? s->type->kind : 0]);
  }
  for (uint32_t i = 0; i < p->n_edges; i++) {
    const sl_edge *e = &p->edges[i];
    sl_buf when = {0};
    add_when(&when, e);
    (void)sl_buf_addf(out, "  s%u -> s%u", e->from, e->to);
    if (when.len) (void)sl_buf_addf(out, " [label=\"%s\"%s]", when.data, e->is_error ? ", style=dashed" : "");
    (void)sl_buf_addstr(out, ";\n");
    sl_buf_done(&when);
  }
  (void)sl_buf_addstr(out, "}\n");
}

static void draw_mermaid(const sl_pipeline *p, sl_buf *out) {
  static const char *const left[] = {"[", "([", "[", "[("}, *const right[] = {"]", "])", "]", ")]"};
  (void)sl_buf_addstr(out, "flowchart LR\n");
  for (uint32_t i = 0; i < p->n_stages; i++) {
    const sl_stage_conf *s = &p->stages[i];
    uint32_t kind = s->type->kind <= SL_SINK ? s->type->kind : 0;
    (void)sl_buf_addf(out, "  s%u%s\"", i, left[kind]);
    add_label(out, s->id);
    if (strcmp(s->id, s->type->name) != 0) (void)sl_buf_addf(out, "<br/>%s", s->type->name);
    (void)sl_buf_addf(out, "\"%s\n", right[kind]);
  }
  for (uint32_t i = 0; i < p->n_edges; i++) {
    const sl_edge *e = &p->edges[i];
    sl_buf when = {0};
    add_when(&when, e);
    (void)sl_buf_addf(out, "  s%u %s", e->from, e->is_error ? "-.->" : "-->");
    if (when.len) (void)sl_buf_addf(out, "|\"%s\"|", when.data);
    (void)sl_buf_addf(out, " s%u\n", e->to);
    sl_buf_done(&when);
  }
}

static int draw_json(const sl_pipeline *p) {
  static const char *const kinds[] = {"", "source", "transform", "sink"};
  cJSON *out = cJSON_CreateObject(), *stages = cJSON_AddArrayToObject(out, "stages");
  cJSON_AddStringToObject(out, "name", p->name);
  for (uint32_t i = 0; i < p->n_stages; i++) {
    const sl_stage_conf *s = &p->stages[i];
    cJSON *stage = cJSON_CreateObject();
    cJSON_AddStringToObject(stage, "id", s->id);
    cJSON_AddStringToObject(stage, "uses", s->uses);
    cJSON_AddStringToObject(stage, "kind", kinds[s->type->kind <= SL_SINK ? s->type->kind : 0]);
    cJSON_AddStringToObject(stage, "plugin", s->plugin_path ? s->plugin_path : "");
    if (s->with) cJSON_AddItemToObject(stage, "with", sl_json_copy(s->with));
    cJSON_AddItemToArray(stages, stage);
  }
  cJSON *edges = cJSON_AddArrayToObject(out, "edges");
  for (uint32_t i = 0; i < p->n_edges; i++) {
    const sl_edge *e = &p->edges[i];
    cJSON *edge = cJSON_CreateObject();
    cJSON_AddStringToObject(edge, "from", p->stages[e->from].id);
    cJSON_AddStringToObject(edge, "to", p->stages[e->to].id);
    if (e->is_else)
      cJSON_AddStringToObject(edge, "when", "else");
    else if (e->when)
      cJSON_AddItemToObject(edge, "when", sl_json_copy(sl_cond_json(e->when)));
    if (e->is_error) cJSON_AddBoolToObject(edge, "on_error", 1);
    cJSON_AddItemToArray(edges, edge);
  }
  return sl_cli_print_json(out, 1);
}

static int run_graph(const sl_cli *cli) {
  const char *format = sl_cli_value(cli, "format", sl_cli_has(cli, "json") ? "json" : "dot");
  sl_registry *registry = NULL;
  sl_pipeline *pipeline = NULL;
  sl_buf out = {0};
  if (strcmp(format, "dot") != 0 && strcmp(format, "mermaid") != 0 && strcmp(format, "json") != 0)
    return sl_cli_usage(cli, "--format: expected dot, mermaid or json, found '%s'", format);
  int rc = sl_cli_registry(cli, &registry);
  if (rc == SL_EXIT_OK) rc = sl_cli_load(cli, cli->args[0], registry, &pipeline);
  if (rc == SL_EXIT_OK && strcmp(format, "json") == 0) {
    rc = draw_json(pipeline);
  } else if (rc == SL_EXIT_OK) {
    if (strcmp(format, "dot") == 0)
      draw_dot(pipeline, &out);
    else
      draw_mermaid(pipeline, &out);
    if (out.failed || fwrite(out.data, 1, out.len, stdout) != out.len) rc = SL_EXIT_FAILED;
  }
  sl_buf_done(&out);
  sl_pipeline_free(pipeline);
  sl_registry_free(registry);
  return rc;
}

static const sl_cli_option options[] = {
    {"format", 'f', "dot|mermaid|json", "What to print. Default: dot."},
    {"set", 's', "STAGE.PARAM=VALUE", "Overrides a parameter. May be repeated."},
    {"json", 0, NULL, "The same as --format json."},
};

const sl_cli_command sl_cmd_graph = {
    .name = "graph",
    .args = "FILE",
    .summary = "Draws the stages of a pipeline file.",
    .more = "Example: sluice graph configs/news.yaml | dot -Tsvg >news.svg\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 1,
    .max_args = 1,
    .run = run_graph,
};
