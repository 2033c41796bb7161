/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice top`: the stages of a pipeline that runs, as they are now. */
#include <cjson/cJSON.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/time.h"
#include "cli/admin_client.h"
#include "cli/screen.h"
#include "cli/top_view.h"
#include "doc/codec.h"
#include "obs/term.h"

typedef struct top {
  sl_admin_where where;
  int64_t every;
  int sort, paused;
  cJSON *was, *now;
} top;

/* The figures as they are now; the ones before stay for the rates. */
static int look(top *t, sl_err *err) {
  sl_buf body = {0};
  cJSON *tree = NULL;
  int status = 0;
  int rc = sl_admin_call(&t->where, "GET", "/api/stages", NULL, 0, &status, &body, err);
  if (rc == 0 && status != 200) rc = sl_admin_refused(status, &body, err);
  if (rc == 0) rc = sl_json_parse(body.data ? body.data : "", body.len, NULL, &tree, NULL, err);
  sl_buf_done(&body);
  if (rc != 0) return rc;
  cJSON_Delete(t->was);
  t->was = t->now;
  t->now = tree;
  return 0;
}

static void pause_for(int64_t ns) {
  struct timespec left = {.tv_sec = ns / SL_TIME_S, .tv_nsec = ns % SL_TIME_S};
  while (nanosleep(&left, &left) != 0) {
  }
}

static int once(const sl_cli *cli, top *t) {
  sl_err err;
  sl_buf out = {0};
  int json = sl_cli_has(cli, "json");
  int rc = look(t, &err);
  if (rc == 0 && json) {
    cJSON *tree = t->now;
    t->now = NULL;
    return sl_cli_print_json(tree, 0);
  }
  if (rc == 0) {
    /* Rates need two looks. */
    pause_for(t->every);
    rc = look(t, &err);
  }
  if (rc != 0) return sl_cli_fail(&err);
  sl_top_draw(t->was, t->now, t->sort, sl_term_colors(stdout), 0, &out);
  (void)fwrite(out.data, 1, out.len, stdout);
  sl_buf_done(&out);
  return SL_EXIT_OK;
}

static int json_lines(top *t) {
  sl_err err;
  int rc;
  while ((rc = look(t, &err)) == 0) {
    sl_buf line = {0};
    if (sl_json_print_to(t->now, &line, NULL) == 0) (void)printf("%s\n", line.data);
    sl_buf_done(&line);
    if (fflush(stdout) != 0) return SL_EXIT_FAILED;
    pause_for(t->every);
  }
  return sl_cli_fail(&err);
}

static void draw(const top *t, const sl_err *err, int colors) {
  char every[32];
  sl_buf out = {0};
  int columns, rows;
  sl_screen_size(&columns, &rows);
  if (t->now) sl_top_draw(t->was, t->now, t->sort, colors, columns, &out);
  if (err)
    (void)sl_buf_addf(&out, "\n%s! %s%s\n", sl_term_style(colors, SL_STYLE_RED), err->message,
                      sl_term_style(colors, 0));
  (void)sl_buf_addf(&out, "\n%sby %s · each %s%s · q quit, space pause, + - interval, sort: o r u t d l%s",
                    sl_term_style(colors, SL_STYLE_DIM), sl_top_sort_name(t->sort),
                    sl_str_show_duration(t->every, every, sizeof every), t->paused ? " · paused" : "",
                    sl_term_style(colors, SL_STYLE_NONE));
  sl_screen_draw(&out);
  sl_buf_done(&out);
}

/* 0: quit. */
static int on_key(top *t, int key) {
  static const char keys[] = "orutdl";
  const char *at = key > 0 && key < 128 ? strchr(keys, key) : NULL;
  if (key == 'q' || key == 'Q') return 0;
  if (at && *at) t->sort = (int)(at - keys);
  if (key == 's') t->sort = (t->sort + 1) % SL_TOP_SORTS;
  if (key == ' ' || key == 'p') t->paused = !t->paused;
  if (key == '+' && t->every < 60 * SL_TIME_S) t->every *= 2;
  if (key == '-' && t->every > SL_TIME_S / 4) t->every /= 2;
  return 1;
}

/* The pipeline may be gone for a moment, or for good: the last figures stay, with the reason. */
static int live(top *t) {
  int colors = sl_term_colors(stdout), going = 1;
  int64_t next = 0;
  sl_err err = {0};
  int rc = look(t, &err);
  if (rc != 0) return sl_cli_fail(&err);
  if (!sl_screen_open()) return SL_EXIT_FAILED;
  next = sl_time_mono() + t->every;
  while (going) {
    draw(t, rc ? &err : NULL, colors);
    int64_t left = next - sl_time_mono();
    going = on_key(t, sl_screen_key(left > 0 ? left : 0));
    if (!going || sl_time_mono() < next) continue;
    next = sl_time_mono() + t->every;
    if (!t->paused) rc = look(t, &err);
  }
  sl_screen_close();
  return SL_EXIT_OK;
}

static int run_top(const sl_cli *cli) {
  top t = {.every = SL_TIME_S};
  sl_err err;
  const char *every = sl_cli_value(cli, "interval", "1s"), *sort = sl_cli_value(cli, "sort", "order");
  if (sl_str_duration(every, &t.every, &err) != 0 || t.every < 100 * SL_TIME_MS)
    return sl_cli_usage(cli, "--interval: expected a time from 100ms on, found '%s'", every);
  for (t.sort = 0; t.sort < SL_TOP_SORTS && strcmp(sort, sl_top_sort_name(t.sort)) != 0;) t.sort++;
  if (t.sort == SL_TOP_SORTS)
    return sl_cli_usage(cli, "--sort: expected order, rate, queue, retried, dead or latency, found '%s'", sort);
  int rc = sl_admin_find(cli, cli->n_args ? cli->args[0] : NULL, &t.where);
  if (rc != SL_EXIT_OK) return rc;
  if (sl_cli_has(cli, "once"))
    rc = once(cli, &t);
  else if (sl_cli_has(cli, "json"))
    rc = json_lines(&t);
  else
    rc = sl_term_is_tty(stdout) ? live(&t) : once(cli, &t);
  cJSON_Delete(t.was);
  cJSON_Delete(t.now);
  sl_admin_where_done(&t.where);
  return rc;
}

static const sl_cli_option options[] = {
    {"once", '1', NULL, "One look, without the screen."},
    {"json", 0, NULL, "One JSON object a look; with --once one."},
    {"interval", 'i', "TIME", "Between two looks. Default: 1s."},
    {"sort", 0, "BY", "order, rate, queue, retried, dead, latency."},
    SL_ADMIN_OPTIONS,
    {"set", 's', "STAGE.PARAM=VALUE", NULL},
};

const sl_cli_command sl_cmd_top = {
    .name = "top",
    .args = "[FILE|FOLDER]",
    .summary = "Shows the stages of a pipeline that runs, live.",
    .more = "FILE is the pipeline file, FOLDER its state folder; without either, $SLUICE_STATE\n"
            "or the working directory. Rates and latencies are those of the last interval;\n"
            "latency is that of one call, sampled. Keys: q quit, space pause, + and - interval,\n"
            "s next way to sort, or o order, r rate, u queue, t retried, d dead, l latency.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 0,
    .max_args = 1,
    .run = run_top,
};
