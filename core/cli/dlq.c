/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice dlq`: the dead letters of a pipeline. */
#include "cli/dlq.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

/* ---- reading ---- */

/* A file is read as a whole, and filtered here as sl_state_dead_each does it. */
typedef struct reader {
  const sl_dlq *q;
  int (*cb)(void *user, const sl_dead_entry *entry); /* NULL: they are counted */
  void *user;
  int64_t now;
  uint64_t n, skip;
} reader;

static int wanted(const reader *r, const sl_dead_entry *e) {
  const sl_dlq *q = r->q;
  const sl_dead_filter *f = &q->filter;
  int named = q->n_ids == 0;
  for (size_t i = 0; i < q->n_ids && !named; i++) named = q->ids[i] == e->id;
  return named && (!f->stage || strcmp(f->stage, e->stage) == 0) && (!f->code || strcmp(f->code, e->code) == 0) &&
         (!f->older_than || e->time <= r->now - f->older_than) && (!f->newer_than || e->time >= r->now - f->newer_than);
}

static int pass_on(void *user, const sl_dead_entry *e) {
  reader *r = user;
  if (!e) return r->cb ? r->cb(r->user, NULL) : 0;
  if (!wanted(r, e)) return 0;
  return r->n++ >= r->skip && r->cb ? r->cb(r->user, e) : 0;
}

static int read_lines(const sl_dlq *q, uint64_t limit, int (*cb)(void *user, const sl_dead_entry *entry), void *user,
                      uint64_t *ret_n, sl_err *err) {
  reader count = {.q = q, .now = sl_time_wall()}, r = {.q = q, .cb = cb, .user = user, .now = count.now};
  int rc = sl_dead_read(q->place.file, pass_on, &count, err);
  if (rc) return rc;
  if (ret_n) *ret_n = count.n;
  r.skip = limit && count.n > limit ? count.n - limit : 0;
  return sl_dead_read(q->place.file, pass_on, &r, err);
}

static int read_state(const sl_dlq *q, uint64_t limit, int (*cb)(void *user, const sl_dead_entry *entry), void *user,
                      uint64_t *ret_n, sl_err *err) {
  uint64_t all = 0;
  int rc = 0;
  for (size_t i = 0; !rc && i < (q->n_ids ? q->n_ids : 1); i++) {
    sl_dead_filter f = q->filter;
    uint64_t n = 0;
    f.id = q->n_ids ? q->ids[i] : 0;
    f.limit = limit;
    f.newest = limit > 0;
    rc = sl_state_show_dead(q->place.state, &f, cb, user, &n, err);
    all += n;
  }
  if (!rc && ret_n) *ret_n = all;
  return rc;
}

int sl_dlq_read(const sl_dlq *q, uint64_t limit, int (*cb)(void *user, const sl_dead_entry *entry), void *user,
                uint64_t *ret_n, sl_err *err) {
  if (!q->place.there) return sl_err_set(err, SL_ENOTFOUND, "there are no dead letters in %s", q->where);
  return q->place.state ? read_state(q, limit, cb, user, ret_n, err) : read_lines(q, limit, cb, user, ret_n, err);
}

int sl_dlq_missing(const sl_dlq *q, uint64_t id) {
  sl_err err;
  sl_err_set(&err, SL_ENOTFOUND, "there is no dead letter %llu in %s", (unsigned long long)id, q->where);
  sl_err_hint(&err, "sluice dlq list %s shows their ids", q->where);
  return sl_cli_fail(&err);
}

/* ---- the command ---- */

static const struct verb {
  const char *name, *args;
  size_t min_ids, max_ids;
  int (*run)(sl_dlq *q);
  const char *options; /* those that make sense */
} verbs[] = {
    {"list", "WHERE", 0, 0, sl_dlq_list, " stage code older newer limit json set "},
    {"show", "WHERE ID", 1, 1, sl_dlq_show, " payload json set "},
    {"retry", "WHERE [ID…]", 0, 1000, sl_dlq_retry, " stage code older newer all at json set "},
    {"edit", "WHERE ID", 1, 1, sl_dlq_edit, " body set "},
    {"drop", "WHERE [ID…]", 0, 1000, sl_dlq_drop, " stage code older newer all json set "},
    {"export", "WHERE [ID…]", 0, 1000, sl_dlq_export, " stage code older newer set "},
};

static const struct verb *find_verb(const char *name) {
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
    if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
  return NULL;
}

static int unknown_verb(const sl_cli *cli) {
  const char *names[sizeof verbs / sizeof verbs[0]];
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) names[i] = verbs[i].name;
  const char *near = sl_str_nearest(cli->args[0], names, sizeof verbs / sizeof verbs[0]);
  return sl_cli_usage(cli, "expected list, show, retry, edit, drop or export, found '%s'%s%s%s", cli->args[0],
                      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static int check_options(const sl_cli *cli, const struct verb *v) {
  for (size_t i = 0; i < cli->n_given; i++) {
    char name[40];
    (void)snprintf(name, sizeof name, " %.30s ", cli->names[i]);
    if (!strstr(v->options, name)) return sl_cli_usage(cli, "%s takes no --%s", v->name, cli->names[i]);
  }
  return SL_EXIT_OK;
}

static int read_age(const sl_cli *cli, const char *name, int64_t *ret) {
  const char *text = sl_cli_value(cli, name, NULL);
  sl_err err;
  if (!text) return SL_EXIT_OK;
  if (sl_str_duration(text, ret, &err) != 0 || *ret <= 0)
    return sl_cli_usage(cli, "--%s: expected an age such as 2h or 7d, found '%s'", name, text);
  return SL_EXIT_OK;
}

static int read_options(sl_dlq *q) {
  const sl_cli *cli = q->cli;
  q->filter.stage = sl_cli_value(cli, "stage", NULL);
  q->filter.code = sl_cli_value(cli, "code", NULL);
  q->at = sl_cli_value(cli, "at", NULL);
  q->body = sl_cli_value(cli, "body", NULL);
  q->json = sl_cli_has(cli, "json");
  q->payload = sl_cli_has(cli, "payload");
  q->all = sl_cli_has(cli, "all");
  int rc = sl_cli_count(cli, "limit", 0, &q->limit);
  if (rc == SL_EXIT_OK) rc = read_age(cli, "older", &q->filter.older_than);
  if (rc == SL_EXIT_OK) rc = read_age(cli, "newer", &q->filter.newer_than);
  return rc;
}

static int read_ids(sl_dlq *q) {
  q->ids = sl_mem_calloc(q->cli->n_args, sizeof *q->ids);
  if (!q->ids) return SL_EXIT_FAILED;
  for (size_t i = 2; i < q->cli->n_args; i++) {
    int64_t id = 0;
    if (sl_str_int(q->cli->args[i], &id, NULL) != 0 || id < 1)
      return sl_cli_usage(q->cli, "expected the number of a dead letter, found '%s'", q->cli->args[i]);
    q->ids[q->n_ids++] = (uint64_t)id;
  }
  return SL_EXIT_OK;
}

static int run_dlq(const sl_cli *cli) {
  const struct verb *v = find_verb(cli->args[0]);
  sl_dlq q = {.cli = cli, .limit = 50};
  if (!v) return unknown_verb(cli);
  if (cli->n_args < 2 + v->min_ids || cli->n_args > 2 + v->max_ids)
    return sl_cli_usage(cli, "expected: dlq %s %s", v->name, v->args);
  q.where = cli->args[1];
  int rc = check_options(cli, v);
  if (rc == SL_EXIT_OK) rc = read_options(&q);
  if (rc == SL_EXIT_OK) rc = read_ids(&q);
  if (rc == SL_EXIT_OK) rc = sl_place_find(cli, q.where, &q.place);
  if (rc == SL_EXIT_OK) rc = v->run(&q);
  sl_place_done(&q.place);
  sl_mem_free(q.ids);
  return rc;
}

static const sl_cli_option options[] = {
    {"stage", 0, "ID", "Only those of this stage."},
    {"code", 0, "CODE", "Only those with this error code: parse, io, …"},
    {"older", 0, "AGE", "Only those older than 2h, 7d, …"},
    {"newer", 0, "AGE", "Only those newer than that."},
    {"all", 0, NULL, "retry, drop: all of them."},
    {"at", 0, "STAGE", "retry: at this stage, not at the one that failed."},
    {"body", 0, "FILE", "edit: the new body; -: from standard input."},
    {"limit", 'n', "N", "list: the newest N; 0: all. Default: 50."},
    {"payload", 0, NULL, "show: the payload's bytes and nothing else."},
    {"json", 0, NULL, "JSON for machines; list: one object a line."},
    {"set", 's', "STAGE.PARAM=VALUE", NULL},
};

const sl_cli_command sl_cmd_dlq = {
    .name = "dlq",
    .args = "list|show|retry|edit|drop|export WHERE [ID…]",
    .summary = "Dead letters: documents that failed for good, and why.",
    .more = "WHERE is the pipeline file, its state folder, or a .dead.jsonl file.\n"
            "  list WHERE           the oldest first\n"
            "  show WHERE ID        the error, and the document as it entered the stage\n"
            "  retry WHERE [ID…]    lets them in again at the stage that failed\n"
            "  edit WHERE ID        opens the body in $EDITOR; retry it afterwards\n"
            "  drop WHERE [ID…]     removes them\n"
            "  export WHERE [ID…]   as JSON lines, with payloads\n"
            "A pipeline that runs does it at once; else its next run takes them up.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 2,
    .max_args = 1002,
    .run = run_dlq,
};
