/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice dlq list`, `show` and `export`: nothing is changed. */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/dlq.h"
#include "doc/codec.h"
#include "obs/dead_json.h"
#include "obs/table.h"
#include "obs/term.h"

/* ---- list ---- */

typedef struct list {
  const sl_dlq *q;
  uint64_t seen, shown;
  sl_table *table;
  int clip, torn, failed; /* clip: long names are cut */
} list;

/* The end of a name says more than its beginning: on a terminal the beginning gives way. */
static void cell_document(const list *l, const char *name) {
  size_t columns = sl_term_columns(name), room = 32;
  if (strncmp(name, "file://", 7) == 0) {
    name += 7;
    columns -= 7;
  }
  if (!l->clip || columns <= room) {
    sl_table_cell(l->table, "%s", name);
    return;
  }
  sl_table_cell(l->table, "…%s", name + sl_term_fit(name, columns - room + 1));
}

static int list_one(void *user, const sl_dead_entry *e) {
  list *l = user;
  char time[40];
  if (!e) {
    l->torn = 1;
    return 0;
  }
  l->shown++;
  if (l->q->json) {
    if (sl_cli_print_json(sl_dead_json(e, 0), 0) != SL_EXIT_OK) l->failed = 1;
    return l->failed;
  }
  sl_table_cell(l->table, "%llu", (unsigned long long)e->id);
  sl_table_cell(l->table, "%.19s", sl_time_iso(e->time, 0, time, sizeof time));
  sl_table_cell(l->table, "%s", e->stage);
  sl_table_cell(l->table, "%s", e->code);
  sl_table_cell(l->table, "%u", e->attempts);
  cell_document(l, *e->key ? e->key : e->uri);
  sl_table_cell(l->table, "%s", e->message);
  return 0;
}

static int nearly(uint64_t n, int64_t most) { return most > 0 && (double)n >= 0.9 * (double)most; }

/* At nine tenths of a bound: what happens when it is reached. */
static void warn_of_bounds(const sl_dlq *q) {
  sl_state_stats stats;
  char n[40], most[40];
  const sl_state_opts *b = &q->place.bounds;
  if (!q->place.state || !q->place.there || sl_state_show(q->place.state, &stats, NULL, NULL, NULL) != 0) return;
  const char *what = "documents";
  sl_str_show_count(stats.dead, n, sizeof n);
  sl_str_show_count((uint64_t)b->dead_max, most, sizeof most);
  if (!nearly(stats.dead, b->dead_max)) {
    if (!nearly(stats.dead_bytes, b->dead_bytes)) return;
    what = "of space";
    sl_str_show_size((int64_t)stats.dead_bytes, n, sizeof n);
    sl_str_show_size(b->dead_bytes, most, sizeof most);
  }
  fprintf(stderr, "warning: the dead letters have %s of %s %s; when they are full, %s\n", n, most, what,
          b->dead_drop_oldest ? "the oldest are dropped" : "the pipeline stops");
}

static void end_list(const list *l) {
  const sl_dlq *q = l->q;
  if (l->torn) fprintf(stderr, "the last line of %s is incomplete and was left out\n", q->where);
  if (q->json) return;
  if (l->seen > l->shown)
    fprintf(stderr, "the newest %llu of %llu; --limit shows more\n", (unsigned long long)l->shown,
            (unsigned long long)l->seen);
  if (l->seen == 0) {
    int some = q->filter.stage || q->filter.code || q->filter.older_than || q->filter.newer_than;
    printf("no %sdead letters in %s\n", some ? "such " : "", q->where);
  }
}

int sl_dlq_list(sl_dlq *q) {
  static const char *const header[] = {"id", "time", "stage", "code", "tries", "document", "reason"};
  sl_err err = {0};
  list l = {.q = q, .clip = sl_term_is_tty(stdout), .table = sl_table_new("rlllrll", header)};
  if (!l.table) return SL_EXIT_FAILED;
  int rc = sl_dlq_read(q, q->limit, list_one, &l, &l.seen, &err);
  if (rc == 0 || rc == SL_ENOTFOUND) {
    if (!q->json && l.shown)
      sl_table_print(l.table, stdout, 0, sl_term_colors(stdout), l.clip ? sl_term_width(stdout) : 0);
    end_list(&l);
    warn_of_bounds(q);
    rc = l.failed ? SL_EXIT_FAILED : SL_EXIT_OK;
  } else {
    rc = sl_cli_fail(&err);
  }
  sl_table_free(l.table);
  return rc;
}

/* ---- show ---- */

typedef struct show {
  const sl_dlq *q;
  int shown, failed;
} show;

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
  printf("attempts  %u", e->attempts);
  if (e->first && e->first != e->time) printf(", the first at %s", sl_time_iso(e->first, 3, time, sizeof time));
  printf("\nerror     %s: ", e->code);
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
  show *s = user;
  if (!e) return 0;
  s->shown = 1;
  if (s->q->payload)
    s->failed = fwrite(e->payload.data, 1, e->payload.len, stdout) != e->payload.len;
  else if (s->q->json)
    s->failed = sl_cli_print_json(sl_dead_json(e, 1), 1) != SL_EXIT_OK;
  else
    show_text(e);
  return 1;
}

int sl_dlq_show(sl_dlq *q) {
  sl_err err = {0};
  show s = {.q = q};
  int rc = sl_dlq_read(q, 0, show_one, &s, NULL, &err);
  if (rc != 0) return sl_cli_fail(&err);
  if (!s.shown) return sl_dlq_missing(q, q->ids[0]);
  return s.failed ? SL_EXIT_FAILED : SL_EXIT_OK;
}

/* ---- export ---- */

static int export_one(void *user, const sl_dead_entry *e) {
  sl_err *err = user;
  sl_buf line = {0};
  if (!e) return 0;
  int rc = sl_dead_line(e, &line, err);
  if (rc == 0 && fwrite(line.data, 1, line.len, stdout) != line.len)
    rc = sl_err_set(err, SL_EIO, "cannot write to standard output");
  sl_buf_done(&line);
  return rc != 0;
}

int sl_dlq_export(sl_dlq *q) {
  sl_err err = {0}, failed = {0};
  int rc = sl_dlq_read(q, 0, export_one, &failed, NULL, &err);
  if (failed.code) return sl_cli_fail(&failed);
  return rc == 0 || rc == SL_ENOTFOUND ? SL_EXIT_OK : sl_cli_fail(&err);
}
