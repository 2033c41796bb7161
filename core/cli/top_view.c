/* SPDX-License-Identifier: Apache-2.0 */
/* What `sluice top` shows. */
#include "cli/top_view.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "obs/table.h"
#include "obs/term.h"
#include "run/metrics.h"

/* A stage in two looks. */
typedef struct row {
  const cJSON *now, *was;
  uint32_t place;
  double seconds; /* between the looks; 0: there is one only */
  double key;     /* what it is sorted by */
  sl_latency latency;
} row;

static double number(const cJSON *of, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, name);
  return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *string(const cJSON *of, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, name);
  return cJSON_IsString(item) ? item->valuestring : "";
}

static int is_true(const cJSON *of, const char *name) {
  return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(of, name));
}

const char *sl_top_sort_name(int sort) {
  static const char *const names[] = {"order", "rate", "queue", "retried", "dead", "latency"};
  return names[sort >= 0 && sort < SL_TOP_SORTS ? sort : 0];
}

/* ---- figures ---- */

static void read_latency(const cJSON *stage, sl_latency *ret) {
  const cJSON *counts = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(stage, "latency"), "counts");
  const cJSON *one = NULL;
  uint32_t i = 0;
  *ret = (sl_latency){.n = 0};
  cJSON_ArrayForEach(one, counts) {
    if (i == SL_LATENCY_BUCKETS) break;
    ret->counts[i] = one->valuedouble > 0 ? (uint64_t)one->valuedouble : 0;
    ret->n += ret->counts[i++];
  }
}

/* What came since the look before. A reload may have begun anew: then all of it. */
static void subtract(sl_latency *now, const sl_latency *was) {
  for (uint32_t i = 0; i < SL_LATENCY_BUCKETS; i++)
    if (now->counts[i] < was->counts[i]) return;
  for (uint32_t i = 0; i < SL_LATENCY_BUCKETS; i++) now->counts[i] -= was->counts[i];
  now->n -= was->n;
}

static double rate(const row *r, const char *name) {
  double n = number(r->now, name) - number(r->was, name);
  return r->seconds > 0 && n > 0 ? n / r->seconds : 0;
}

static const char *source_name(const cJSON *stage) {
  return strcmp(string(stage, "kind"), "source") == 0 ? "out" : "in";
}

static double sort_key(const row *r, int sort) {
  switch (sort) {
  case SL_TOP_RATE:
    return rate(r, source_name(r->now));
  case SL_TOP_QUEUE:
    return number(r->now, "queued");
  case SL_TOP_RETRIED:
    return number(r->now, "retried");
  case SL_TOP_DEAD:
    return number(r->now, "dead");
  case SL_TOP_LATENCY:
    return (double)sl_latency_quantile(&r->latency, 0.99);
  default:
    return 0;
  }
}

static int by_key(const void *a, const void *b) {
  const row *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? 1 : -1;
  return x->place < y->place ? -1 : 1;
}

static const cJSON *same_stage(const cJSON *was, const char *id) {
  const cJSON *one = NULL;
  cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(was, "stages")) if (strcmp(string(one, "id"), id) ==
                                                                               0) return one;
  return NULL;
}

static double seconds_between(const cJSON *was, const cJSON *now) {
  double s = was ? number(now, "uptime_s") - number(was, "uptime_s") : 0;
  return s > 0 ? s : 0;
}

/* *ret_n rows [own]. */
static row *rows_of(const cJSON *was, const cJSON *now, int sort, uint32_t *ret_n) {
  const cJSON *stages = cJSON_GetObjectItemCaseSensitive(now, "stages"), *one = NULL;
  row *rows = sl_mem_calloc((size_t)cJSON_GetArraySize(stages) + 1, sizeof *rows);
  uint32_t n = 0;
  if (!rows) return NULL;
  cJSON_ArrayForEach(one, stages) {
    row *r = &rows[n];
    *r = (row){.now = one, .was = was ? same_stage(was, string(one, "id")) : NULL, .place = n++};
    read_latency(one, &r->latency);
    if (r->was) {
      sl_latency old;
      r->seconds = seconds_between(was, now);
      read_latency(r->was, &old);
      subtract(&r->latency, &old);
    }
    r->key = sort_key(r, sort);
  }
  qsort(rows, n, sizeof *rows, by_key);
  *ret_n = n;
  return rows;
}

/* ---- text ---- */

static const char *count(double n, char *buf, size_t cap) {
  return sl_str_show_count(n > 0 ? (uint64_t)(n + 0.5) : 0, buf, cap);
}

static void cell(sl_table *t, double n) {
  char text[32];
  sl_table_cell(t, "%s", n > 0 ? count(n, text, sizeof text) : "-");
}

static void cell_size(sl_table *t, double n) {
  char text[32];
  sl_table_cell(t, "%s", n > 0 ? sl_str_show_size((int64_t)n, text, sizeof text) : "-");
}

static void cell_rate(sl_table *t, const row *r, const char *name) {
  double n = rate(r, name);
  if (r->seconds <= 0)
    sl_table_cell(t, "-");
  else if (n > 0 && n < 10)
    sl_table_cell(t, "%.1f", n);
  else
    cell(t, n);
}

static void cell_time(sl_table *t, const sl_latency *l, double q) {
  char text[32];
  if (l->n)
    sl_table_cell(t, "%s", sl_str_show_duration(sl_latency_quantile(l, q), text, sizeof text));
  else
    sl_table_cell(t, "-");
}

/* The columns, and how wide a terminal must be for each: in a narrow one the less urgent ones give way. */
static const struct {
  const char *title;
  int from;
} columns_of_table[] = {{"stage", 0},   {"in/s", 0},   {"out/s", 0},    {"out", 60}, {"dropped", 90}, {"queue", 0},
                        {"bytes", 100}, {"held", 110}, {"retried", 80}, {"dead", 0}, {"p50", 70},     {"p99", 0}};
#define N_COLUMNS (sizeof columns_of_table / sizeof columns_of_table[0])

static void cell_of(sl_table *t, const row *r, size_t column) {
  int source = strcmp(string(r->now, "kind"), "source") == 0;
  switch (column) {
  case 0:
    sl_table_cell(t, "%s", string(r->now, "id"));
    break;
  case 1:
    if (source)
      sl_table_cell(t, "-");
    else
      cell_rate(t, r, "in");
    break;
  case 2:
    cell_rate(t, r, "out");
    break;
  case 4:
    cell(t, number(r->now, "dropped") + number(r->now, "unrouted"));
    break;
  case 5:
    cell(t, source ? 0 : number(r->now, "queued"));
    break;
  case 6:
    cell_size(t, number(r->now, "queued_bytes"));
    break;
  case 10:
    cell_time(t, &r->latency, 0.5);
    break;
  case 11:
    cell_time(t, &r->latency, 0.99);
    break;
  default:
    cell(t, number(r->now, columns_of_table[column].title));
    break;
  }
}

/* The table as text, through a stream in memory. */
static void add_table(sl_buf *out, const row *rows, uint32_t n, int colors, int width) {
  const char *header[N_COLUMNS];
  char format[N_COLUMNS + 1];
  size_t shown = 0, len = 0;
  char *text = NULL;
  for (size_t c = 0; c < N_COLUMNS; c++) {
    if (width && columns_of_table[c].from > width) continue;
    format[shown] = c ? 'r' : 'l';
    header[shown++] = columns_of_table[c].title;
  }
  format[shown] = 0;
  sl_table *t = sl_table_new(format, header);
  FILE *f = t ? open_memstream(&text, &len) : NULL;
  if (f) {
    for (uint32_t i = 0; i < n; i++)
      for (size_t c = 0; c < N_COLUMNS; c++)
        if (!width || columns_of_table[c].from <= width) cell_of(t, &rows[i], c);
    sl_table_print(t, f, 0, colors, 0);
    (void)fclose(f);
    (void)sl_buf_add(out, text, len);
  }
  free(text);
  sl_table_free(t);
}

static void add_total(sl_buf *out, const cJSON *was, const cJSON *now, const char *name, const char *title) {
  char text[32], per[32];
  double seconds = seconds_between(was, now), n = number(now, name) - number(was, name);
  (void)sl_buf_addf(out, "%s %s", title, count(number(now, name), text, sizeof text));
  if (seconds > 0) (void)sl_buf_addf(out, " (%s/s)", count(n > 0 ? n / seconds : 0, per, sizeof per));
}

static void add_plain(sl_buf *out, const cJSON *now, const char *name, const char *title) {
  char text[32];
  (void)sl_buf_addf(out, " · %s %s", title, count(number(now, name), text, sizeof text));
}

static void head_line(const cJSON *now, int colors, sl_buf *out) {
  char up[32];
  (void)sl_str_show_duration((int64_t)number(now, "uptime_s") * SL_TIME_S, up, sizeof up);
  (void)sl_buf_addf(out, "%s%s%s · %s · generation %.0f · up %s", sl_term_style(colors, SL_STYLE_BOLD),
                    string(now, "pipeline"), sl_term_style(colors, SL_STYLE_NONE), string(now, "phase"),
                    number(now, "generation"), up);
  if (number(now, "reloads") + number(now, "reloads_failed") > 0)
    (void)sl_buf_addf(out, " · reloads %.0f, failed %.0f", number(now, "reloads"), number(now, "reloads_failed"));
  (void)sl_buf_addc(out, '\n');
}

static void totals_line(const cJSON *was, const cJSON *now, sl_buf *out) {
  add_total(out, was, now, "in", "in");
  (void)sl_buf_addstr(out, " · ");
  add_total(out, was, now, "stored", "stored");
  add_plain(out, now, "dropped", "dropped");
  if (number(now, "unrouted") > 0) add_plain(out, now, "unrouted", "unrouted");
  add_plain(out, now, "failed", "failed");
  add_plain(out, now, "in_flight", "in flight");
  (void)sl_buf_addc(out, '\n');
}

static void memory_line(const cJSON *now, sl_buf *out) {
  char used[32], limit[32], rss[32];
  const cJSON *process = cJSON_GetObjectItemCaseSensitive(now, "process");
  (void)sl_buf_addf(out, "budget %s of %s · memory %s · descriptors %.0f · threads %.0f\n",
                    sl_str_show_size((int64_t)number(now, "budget_used_bytes"), used, sizeof used),
                    sl_str_show_size((int64_t)number(now, "budget_limit_bytes"), limit, sizeof limit),
                    sl_str_show_size((int64_t)number(process, "resident_bytes"), rss, sizeof rss),
                    number(process, "open_fds"), number(process, "threads"));
}

static const char *show_lag(const cJSON *state, char *buf, size_t cap) {
  int64_t lag = (int64_t)(number(state, "checkpoint_lag_s") * 1e3) * SL_TIME_MS;
  return lag ? sl_str_show_duration(lag, buf, cap) : "none";
}

static void state_line(const cJSON *now, sl_buf *out) {
  char spool[32], bytes[32], lag[32];
  const cJSON *s = cJSON_GetObjectItemCaseSensitive(now, "state");
  if (!s) return;
  if (!is_true(s, "durable")) (void)sl_buf_addstr(out, "no state folder · ");
  (void)sl_buf_addf(out, "checkpoint lag %s · state %s · spool %.0f (%s) · dead letters %.0f of %.0f\n",
                    show_lag(s, lag, sizeof lag), sl_str_show_size((int64_t)number(s, "bytes"), bytes, sizeof bytes),
                    number(s, "spool_documents"),
                    sl_str_show_size((int64_t)number(s, "spool_bytes"), spool, sizeof spool), number(s, "dead_letters"),
                    number(s, "dead_letters_limit"));
}

static void warnings(const cJSON *now, int colors, sl_buf *out) {
  const cJSON *one = NULL;
  cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(now, "reasons")) {
    const char *stage = string(one, "stage");
    (void)sl_buf_addf(out, "%s! %s%s%s%s\n", sl_term_style(colors, SL_STYLE_YELLOW), stage, *stage ? ": " : "",
                      string(one, "text"), sl_term_style(colors, SL_STYLE_NONE));
  }
}

void sl_top_draw(const cJSON *was, const cJSON *now, int sort, int colors, int width, sl_buf *out) {
  uint32_t n = 0;
  row *rows = rows_of(was, now, sort, &n);
  head_line(now, colors, out);
  totals_line(was, now, out);
  memory_line(now, out);
  state_line(now, out);
  warnings(now, colors, out);
  (void)sl_buf_addc(out, '\n');
  if (rows) add_table(out, rows, n, colors, width);
  sl_mem_free(rows);
}
