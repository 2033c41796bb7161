/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice tap`: documents as they leave a stage of a pipeline that runs. */
#include <cjson/cJSON.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "doc/codec.h"
#include "obs/term.h"

static volatile int stopped;

static void on_signal(int signum) {
  (void)signum;
  stopped = 1;
}

typedef struct tap {
  int pretty, body, failed;
  uint64_t shown, left_out;
} tap;

static double number(const cJSON *of, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, name);
  return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *string(const cJSON *of, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, name);
  return cJSON_IsString(item) ? item->valuestring : "";
}

static void show(const tap *t, cJSON *tree) {
  cJSON *body = cJSON_DetachItemFromObjectCaseSensitive(tree, "body");
  int colors = sl_term_colors(stdout);
  if (!t->body) {
    printf("%s%s%s  %s · %.0f bytes", sl_term_style(colors, SL_STYLE_BOLD), string(tree, "key"),
           sl_term_style(colors, 0), string(tree, "time"), number(tree, "bytes"));
    if (*string(tree, "payload_type"))
      printf(" · %s, %.0f bytes", string(tree, "payload_type"), number(tree, "payload_bytes"));
    putchar('\n');
  }
  if (body && !cJSON_IsNull(body))
    (void)sl_cli_print_json(body, t->pretty);
  else
    cJSON_Delete(body);
}

static int on_line(void *user, const char *line, size_t len) {
  tap *t = user;
  cJSON *tree = NULL;
  if (!len || sl_json_parse(line, len, NULL, &tree, NULL, NULL) != 0) return 0;
  if (cJSON_GetObjectItemCaseSensitive(tree, "left_out")) {
    t->left_out += (uint64_t)number(tree, "left_out");
  } else {
    t->shown++;
    if (t->pretty || t->body)
      show(t, tree);
    else
      (void)printf("%.*s\n", (int)len, line);
    t->failed = fflush(stdout) != 0;
  }
  cJSON_Delete(tree);
  return t->failed;
}

static int run_tap(const sl_cli *cli) {
  sl_admin_where where;
  sl_err err;
  sl_buf path = {0};
  tap t = {.pretty = sl_cli_has(cli, "pretty") || (sl_term_is_tty(stdout) && !sl_cli_has(cli, "json")),
           .body = sl_cli_has(cli, "body")};
  uint64_t every = 1, count = 0;
  int rc = sl_cli_count(cli, "every", 1, &every);
  if (rc == SL_EXIT_OK) rc = sl_cli_count(cli, "count", 1, &count);
  if (rc == SL_EXIT_OK) rc = sl_admin_find(cli, cli->n_args > 1 ? cli->args[1] : NULL, &where);
  if (rc != SL_EXIT_OK) return rc;
  struct sigaction sa = {.sa_handler = on_signal};
  (void)sigemptyset(&sa.sa_mask);
  (void)sigaction(SIGINT, &sa, NULL);
  (void)sigaction(SIGTERM, &sa, NULL);
  (void)sl_buf_addstr(&path, "/api/tap");
  sl_admin_query(&path, "stage", cli->args[0]);
  (void)sl_buf_addf(&path, "&every=%llu", (unsigned long long)every);
  if (count) (void)sl_buf_addf(&path, "&max=%llu", (unsigned long long)count);
  if (path.failed)
    rc = sl_cli_fail(&(sl_err){.code = SL_ENOMEM, .message = "memory is out"});
  else if (sl_admin_lines(&where, path.data, on_line, &t, &stopped, &err) != 0)
    rc = sl_cli_fail(&err);
  if (t.left_out)
    fprintf(stderr, "%llu more passed faster than they could be shown; --every N shows fewer\n",
            (unsigned long long)t.left_out);
  if (rc == SL_EXIT_OK && count && t.shown < count && !stopped) {
    sl_err_set(&err, SL_EIO, "the pipeline ended after %llu of %llu documents", (unsigned long long)t.shown,
               (unsigned long long)count);
    rc = sl_cli_fail(&err);
  }
  sl_buf_done(&path);
  sl_admin_where_done(&where);
  return rc;
}

static const sl_cli_option options[] = {
    {"every", 0, "N", "Each Nth document. Default: 1, all."},
    {"count", 'n', "N", "Ends after N documents."},
    {"body", 0, NULL, "The bodies alone."},
    {"pretty", 0, NULL, "Indented; the default on a terminal."},
    {"json", 0, NULL, "One JSON object a line; the default elsewhere."},
    SL_ADMIN_OPTIONS,
    {"set", 's', "STAGE.PARAM=VALUE", NULL},
};

const sl_cli_command sl_cmd_tap = {
    .name = "tap",
    .args = "STAGE [FILE|FOLDER]",
    .summary = "Shows documents as they leave a stage of a pipeline that runs.",
    .more = "FILE is the pipeline file, FOLDER its state folder; without either, $SLUICE_STATE\n"
            "or the working directory. The documents are copies; the pipeline never waits for\n"
            "who looks. It goes on across reloads, until Ctrl-C or --count.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 1,
    .max_args = 2,
    .run = run_tap,
};
