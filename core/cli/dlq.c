/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice dlq`: the dead letters of a pipeline. */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "doc/codec.h"
#include "obs/table.h"
#include "obs/term.h"
#include "store/dead.h"

typedef struct dlq {
  const sl_cli *cli;
  const char *stage; /* of --stage, or NULL */
  uint64_t limit, id, seen, shown;
  sl_table *table;
  int json, payload, clip, torn, failed; /* clip: long names are cut */
} dlq;

static cJSON *text_of(const void *data, size_t len) {
  char *text = sl_mem_strndup(data, len);
  cJSON *item = text ? cJSON_CreateString(text) : NULL;
  sl_mem_free(text);
  return item;
}

static cJSON *entry_json(const sl_dead_entry *e, int whole) {
  char time[40];
  cJSON *out = cJSON_CreateObject(), *error = cJSON_CreateObject(), *origin = cJSON_CreateObject(), *body = NULL;
  cJSON_AddNumberToObject(out, "id", (double)e->id);
  cJSON_AddStringToObject(out, "time", sl_time_iso(e->time, 3, time, sizeof time));
  cJSON_AddStringToObject(out, "pipeline", e->pipeline);
  cJSON_AddStringToObject(out, "stage", e->stage);
  cJSON_AddStringToObject(out, "uses", e->uses);
  cJSON_AddStringToObject(out, "build", e->build);
  cJSON_AddNumberToObject(out, "attempts", e->attempts);
  cJSON_AddStringToObject(error, "code", e->code);
  cJSON_AddStringToObject(error, "message", e->message);
  if (*e->detail) cJSON_AddStringToObject(error, "detail", e->detail);
  if (*e->hint) cJSON_AddStringToObject(error, "hint", e->hint);
  cJSON_AddItemToObject(out, "error", error);
  cJSON_AddStringToObject(origin, "uri", e->uri);
  if (*e->locator) cJSON_AddStringToObject(origin, "locator", e->locator);
  if (*e->revision) cJSON_AddStringToObject(origin, "revision", e->revision);
  cJSON_AddItemToObject(out, "origin", origin);
  cJSON_AddStringToObject(out, "key", e->key);
  cJSON_AddStringToObject(out, "media_type", e->media_type);
  cJSON_AddNumberToObject(out, "payload_bytes", (double)e->payload.len);
  if (whole && e->body.len && sl_json_parse(e->body.data, e->body.len, NULL, &body, NULL, NULL) == 0)
    cJSON_AddItemToObject(out, "body", body);
  if (whole && e->raw.len) cJSON_AddItemToObject(out, "raw", text_of(e->raw.data, e->raw.len));
  return out;
}

static int wanted(const dlq *q, const sl_dead_entry *e) {
  return (!q->stage || strcmp(q->stage, e->stage) == 0) && (!q->id || q->id == e->id);
}

/* The end of a name says more than its beginning: on a terminal the beginning gives way. */
static void cell_document(const dlq *q, const char *name) {
  size_t columns = sl_term_columns(name), room = 32;
  if (strncmp(name, "file://", 7) == 0) {
    name += 7;
    columns -= 7;
  }
  if (!q->clip || columns <= room) {
    sl_table_cell(q->table, "%s", name);
    return;
  }
  sl_table_cell(q->table, "…%s", name + sl_term_fit(name, columns - room + 1));
}

static int list_one(void *user, const sl_dead_entry *e) {
  dlq *q = user;
  char time[40];
  if (!e) {
    q->torn = 1;
    return 0;
  }
  if (!wanted(q, e)) return 0;
  q->seen++;
  if (q->limit && q->shown >= q->limit) return 0;
  q->shown++;
  if (q->json) {
    if (sl_cli_print_json(entry_json(e, 0), 0) != SL_EXIT_OK) q->failed = 1;
    return q->failed;
  }
  sl_table_cell(q->table, "%llu", (unsigned long long)e->id);
  sl_table_cell(q->table, "%.19s", sl_time_iso(e->time, 0, time, sizeof time));
  sl_table_cell(q->table, "%s", e->stage);
  sl_table_cell(q->table, "%u", e->attempts);
  cell_document(q, *e->key ? e->key : e->uri);
  sl_table_cell(q->table, "%s", e->message);
  return 0;
}

static void show_bytes(const char *title, const void *data, size_t len, const char *type) {
  printf("\n%s (%zu bytes%s%s)\n", title, len, *type ? ", " : "", type);
  const char *text = data;
  size_t some = len < 2000 ? len : 2000;
  for (size_t i = 0; i < some; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x20 || c == '\n' || c == '\t')
      putchar(c);
    else
      printf("\\x%02x", c);
  }
  printf("%s\n", some < len ? "\n… (--payload prints all of it)" : "");
}

static void show_text(const sl_dead_entry *e) {
  char time[40];
  printf("id        %llu\n", (unsigned long long)e->id);
  printf("time      %s\n", sl_time_iso(e->time, 3, time, sizeof time));
  printf("pipeline  %s, generation %llu\n", e->pipeline, (unsigned long long)e->generation);
  printf("stage     %s (uses %s%s%s)\n", e->stage, e->uses, *e->build ? ", build " : "", e->build);
  printf("attempts  %u\n", e->attempts);
  printf("error     %s: ", e->code);
  sl_term_wrap(stdout, e->message, 10, (size_t)sl_term_width(stdout));
  if (*e->detail) printf("          %s\n", e->detail);
  if (*e->hint) printf("hint      %s\n", e->hint);
  printf("origin    %s%s%s\n", e->uri, *e->locator ? " " : "", e->locator);
  if (*e->revision) printf("revision  %s\n", e->revision);
  if (e->body.len) {
    cJSON *body = NULL;
    printf("\nbody (%zu bytes)\n", e->body.len);
    if (sl_json_parse(e->body.data, e->body.len, NULL, &body, NULL, NULL) == 0) (void)sl_cli_print_json(body, 1);
  }
  if (e->raw.len) show_bytes("the body as it came", e->raw.data, e->raw.len, "");
  if (e->payload.len) show_bytes("payload", e->payload.data, e->payload.len, e->media_type);
}

static int show_one(void *user, const sl_dead_entry *e) {
  dlq *q = user;
  if (!e || e->id != q->id) return 0;
  q->shown++;
  if (q->payload)
    q->failed = fwrite(e->payload.data, 1, e->payload.len, stdout) != e->payload.len;
  else if (q->json)
    q->failed = sl_cli_print_json(entry_json(e, 1), 1) != SL_EXIT_OK;
  else
    show_text(e);
  return 1;
}

/* Where the dead letters of WHERE are: a pipeline file leads to its state folder or its file. [own] */
static int find_where(const sl_cli *cli, const char *where, char **ret) {
  if (!sl_str_ends(where, ".yaml") && !sl_str_ends(where, ".yml")) {
    *ret = sl_mem_strdup(where);
    return *ret ? SL_EXIT_OK : SL_EXIT_FAILED;
  }
  sl_registry *registry = NULL;
  sl_pipeline *pipeline = NULL;
  int rc = sl_cli_registry(cli, &registry);
  if (rc == SL_EXIT_OK) rc = sl_cli_load(cli, where, registry, &pipeline);
  if (rc == SL_EXIT_OK) *ret = sl_mem_strdup(pipeline->state ? pipeline->state : pipeline->dead_path);
  sl_pipeline_free(pipeline);
  sl_registry_free(registry);
  return rc;
}

static int do_list(dlq *q, const char *where) {
  static const char *const header[] = {"id", "time", "stage", "tries", "document", "reason"};
  sl_err err = {0};
  q->clip = sl_term_is_tty(stdout);
  q->table = sl_table_new("rllrll", header);
  if (!q->table) return SL_EXIT_FAILED;
  int rc = sl_dead_read(where, list_one, q, &err);
  if (rc == SL_ENOTFOUND) {
    if (!q->json) printf("no dead letters in %s\n", where);
    sl_table_free(q->table);
    return SL_EXIT_OK;
  }
  if (!q->json && q->shown)
    sl_table_print(q->table, stdout, 0, sl_term_colors(stdout), sl_term_is_tty(stdout) ? sl_term_width(stdout) : 0);
  sl_table_free(q->table);
  if (rc != 0) return sl_cli_fail(&err);
  if (!q->json && q->seen > q->shown)
    fprintf(stderr, "%llu of %llu shown; --limit shows more\n", (unsigned long long)q->shown,
            (unsigned long long)q->seen);
  if (!q->json && q->seen == 0) printf("no dead letters in %s\n", where);
  if (q->torn) fprintf(stderr, "the last line of %s is incomplete and was left out\n", where);
  return q->failed ? SL_EXIT_FAILED : SL_EXIT_OK;
}

static int do_show(dlq *q, const char *where) {
  sl_err err = {0};
  int rc = sl_dead_read(where, show_one, q, &err);
  if (rc != 0) return sl_cli_fail(&err);
  if (!q->shown) {
    sl_err_set(&err, SL_ENOTFOUND, "there is no dead letter %llu in %s", (unsigned long long)q->id, where);
    sl_err_hint(&err, "sluice dlq list %s shows their ids", where);
    return sl_cli_fail(&err);
  }
  return q->failed ? SL_EXIT_FAILED : SL_EXIT_OK;
}

static int run_dlq(const sl_cli *cli) {
  dlq q = {.cli = cli, .json = sl_cli_has(cli, "json"), .payload = sl_cli_has(cli, "payload"), .limit = 50};
  char *where = NULL;
  int64_t id = 0;
  int show = strcmp(cli->args[0], "show") == 0;
  if (!show && strcmp(cli->args[0], "list") != 0)
    return sl_cli_usage(cli, "expected list or show, found '%s'", cli->args[0]);
  if (show && cli->n_args != 3) return sl_cli_usage(cli, "expected: dlq show WHERE ID");
  if (!show && cli->n_args != 2) return sl_cli_usage(cli, "expected: dlq list WHERE");
  if (show && (sl_str_int(cli->args[2], &id, NULL) != 0 || id < 1))
    return sl_cli_usage(cli, "expected the number of a dead letter, found '%s'", cli->args[2]);
  q.id = (uint64_t)id;
  q.stage = sl_cli_value(cli, "stage", NULL);
  int rc = sl_cli_count(cli, "limit", 0, &q.limit);
  if (rc == SL_EXIT_OK) rc = find_where(cli, cli->args[1], &where);
  if (rc == SL_EXIT_OK) rc = show ? do_show(&q, where) : do_list(&q, where);
  sl_mem_free(where);
  return rc;
}

static const sl_cli_option options[] = {
    {"stage", 0, "ID", "list: only those of this stage."},
    {"limit", 'n', "N", "list: at most N; 0: all. Default: 50."},
    {"payload", 0, NULL, "show: the payload's bytes and nothing else."},
    {"json", 0, NULL, "list: one JSON object a line; show: one object."},
    {"set", 's', "STAGE.PARAM=VALUE", NULL},
};

const sl_cli_command sl_cmd_dlq = {
    .name = "dlq",
    .args = "list WHERE | show WHERE ID",
    .summary = "Shows dead letters: documents that failed for good, and why.",
    .more = "WHERE is a state folder, a .dead.jsonl file, or the pipeline file itself.\n"
            "Each is the document as it entered the failing stage, with its payload.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 2,
    .max_args = 3,
    .run = run_dlq,
};
