/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice state`: what a pipeline knows after a restart. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "base/utf8.h"
#include "cli/place.h"
#include "obs/table.h"
#include "obs/term.h"

typedef struct view {
  const sl_cli *cli;
  const char *where;
  sl_place place;
  int json;
} view;

/* ---- show ---- */

/* What one key of the checkpoint says. */
typedef struct entry {
  char *key, *text;
  size_t len;
  uint64_t position, head; /* of a source: all up to position has ended; head was given last */
  uint64_t ended, partly;  /* runs of documents above it: ended; stored by some of the sinks */
  uint64_t notes;
  int is_track;
} entry;

typedef struct checkpoint {
  entry *list;
  size_t n, cap;
  int failed;
} checkpoint;

static void free_checkpoint(checkpoint *c) {
  for (size_t i = 0; i < c->n; i++) {
    sl_mem_free(c->list[i].key);
    sl_mem_free(c->list[i].text);
  }
  sl_mem_free(c->list);
}

/* "track 1", then lines: w POSITION, h HEAD, e FROM TO for a run that has ended, m FROM TO SINKS for one on its way. */
static void read_track(entry *e) {
  if (!sl_str_starts(e->text, "track 1\n")) return;
  e->is_track = 1;
  for (const char *line = e->text; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (sl_str_starts(line, "w ")) e->position = strtoull(line + 2, NULL, 10);
    if (sl_str_starts(line, "h ")) e->head = strtoull(line + 2, NULL, 10);
    e->ended += sl_str_starts(line, "e ") != 0;
    e->partly += sl_str_starts(line, "m ") != 0;
  }
}

static entry *add_entry(checkpoint *c, const char *key) {
  if (c->n == c->cap) {
    size_t cap = c->cap ? c->cap * 2 : 16;
    entry *bigger = sl_mem_realloc(c->list, cap * sizeof *bigger);
    if (!bigger) return NULL;
    c->list = bigger;
    c->cap = cap;
  }
  entry *e = &c->list[c->n];
  *e = (entry){.key = sl_mem_strdup(key)};
  if (!e->key) return NULL;
  c->n++;
  return e;
}

static int keep_value(void *user, const char *key, const sl_bytes *value) {
  checkpoint *c = user;
  entry *e = add_entry(c, key);
  if (e) e->text = sl_mem_strndup(value->data, value->len);
  if (!e || !e->text) {
    c->failed = 1;
    return 1;
  }
  e->len = value->len;
  read_track(e);
  return 0;
}

/* A source that has notes and no position has a row, too. */
static int count_note(void *user, const char *source, const char *key, const sl_bytes *value) {
  checkpoint *c = user;
  (void)key;
  (void)value;
  entry *found = NULL;
  for (size_t i = 0; i < c->n && !found; i++)
    if (sl_str_starts(c->list[i].key, "source/") && strcmp(c->list[i].key + 7, source) == 0) found = &c->list[i];
  if (!found) {
    char name[300];
    (void)snprintf(name, sizeof name, "source/%s", source);
    found = add_entry(c, name);
  }
  if (!found) {
    c->failed = 1;
    return 1;
  }
  found->notes++;
  return 0;
}

static int is_text(const entry *e) {
  return e->text && strlen(e->text) == e->len && sl_utf8_valid(e->text, e->len, NULL);
}

static void show_sources(const checkpoint *c) {
  static const char *const header[] = {"source",        "done up to", "given up to", "runs above: ended",
                                       "partly stored", "notes"};
  sl_table *t = sl_table_new("lrrrrr", header);
  int some = 0;
  for (size_t i = 0; t && i < c->n; i++) {
    const entry *e = &c->list[i];
    if (!sl_str_starts(e->key, "source/")) continue;
    some = 1;
    sl_table_cell(t, "%s", e->key + 7);
    sl_table_cell(t, "%" PRIu64, e->position);
    sl_table_cell(t, "%" PRIu64, e->head);
    sl_table_cell(t, "%" PRIu64, e->ended);
    sl_table_cell(t, "%" PRIu64, e->partly);
    sl_table_cell(t, "%" PRIu64, e->notes);
  }
  if (some) printf("\n");
  if (some) sl_table_print(t, stdout, 0, sl_term_colors(stdout), 0);
  sl_table_free(t);
}

static void show_sinks(const checkpoint *c) {
  static const char *const header[] = {"sink", "what it stored last"};
  sl_table *t = sl_table_new("ll", header);
  int some = 0;
  for (size_t i = 0; t && i < c->n; i++) {
    const entry *e = &c->list[i];
    if (!sl_str_starts(e->key, "sink/")) continue;
    some = 1;
    sl_table_cell(t, "%s", e->key + 5);
    if (is_text(e))
      sl_table_cell(t, "%s", e->text);
    else
      sl_table_cell(t, "%zu bytes", e->len);
  }
  if (some) printf("\n");
  if (some) sl_table_print(t, stdout, 0, sl_term_colors(stdout), sl_term_is_tty(stdout) ? sl_term_width(stdout) : 0);
  sl_table_free(t);
}

static void show_amount(const char *name, uint64_t n, int64_t most, uint64_t bytes, int64_t most_bytes) {
  char count[40], all[40] = "", size[32], room[32] = "";
  sl_str_show_count(n, count, sizeof count);
  sl_str_show_size((int64_t)bytes, size, sizeof size);
  if (most > 0) sl_str_show_count((uint64_t)most, all, sizeof all);
  if (most_bytes > 0) sl_str_show_size(most_bytes, room, sizeof room);
  printf("%-13s %s%s%s, %s%s%s\n", name, count, *all ? " of " : "", all, size, *room ? " of " : "", room);
}

static void show_text(const view *v, const sl_state_stats *s, const checkpoint *c, const char *holder) {
  char time[40], ago[40], size[32];
  const sl_state_opts *b = &v->place.bounds;
  printf("%-13s %s%s%s%s\n", "state", v->place.state, v->place.name ? " (pipeline " : "",
         v->place.name ? v->place.name : "", v->place.name ? ")" : "");
  printf("%-13s %s\n", "in use by", *holder ? holder : "nobody");
  if (s->last_commit)
    printf("%-13s %s, %s ago\n", "last commit", sl_time_iso(s->last_commit, 0, time, sizeof time),
           sl_str_show_duration(sl_time_wall() - s->last_commit, ago, sizeof ago));
  else
    printf("%-13s none yet\n", "last commit");
  printf("%-13s %s\n", "on disk", sl_str_show_size((int64_t)s->file_bytes, size, sizeof size));
  show_amount("queue", s->queued, 0, s->queued_bytes, b->spool_bytes);
  show_amount("dead letters", s->dead, b->dead_max, s->dead_bytes, b->dead_bytes);
  show_amount("key-value", s->kv, 0, s->kv_bytes, b->kv_bytes);
  show_sources(c);
  show_sinks(c);
}

static void add_amount(cJSON *out, const char *name, uint64_t n, int64_t most, uint64_t bytes, int64_t most_bytes) {
  cJSON *o = cJSON_AddObjectToObject(out, name);
  cJSON_AddNumberToObject(o, "n", (double)n);
  if (most > 0) cJSON_AddNumberToObject(o, "max", (double)most);
  cJSON_AddNumberToObject(o, "bytes", (double)bytes);
  if (most_bytes > 0) cJSON_AddNumberToObject(o, "max_bytes", (double)most_bytes);
}

/* As text: a cursor may have more digits than a double. */
static void add_cursor(cJSON *o, const char *name, uint64_t cursor) {
  char number[24];
  (void)snprintf(number, sizeof number, "%" PRIu64, cursor);
  cJSON_AddStringToObject(o, name, number);
}

static void add_track(cJSON *o, const entry *e) {
  add_cursor(o, "position", e->position);
  add_cursor(o, "head", e->head);
  cJSON_AddNumberToObject(o, "ended_runs", (double)e->ended);
  cJSON_AddNumberToObject(o, "partial_runs", (double)e->partly);
}

static int show_json(const view *v, const sl_state_stats *s, const checkpoint *c, const char *holder) {
  char time[40];
  const sl_state_opts *b = &v->place.bounds;
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "state", v->place.state);
  if (v->place.name) cJSON_AddStringToObject(out, "pipeline", v->place.name);
  cJSON_AddStringToObject(out, "holder", holder);
  if (s->last_commit) cJSON_AddStringToObject(out, "last_commit", sl_time_iso(s->last_commit, 3, time, sizeof time));
  cJSON_AddNumberToObject(out, "file_bytes", (double)s->file_bytes);
  add_amount(out, "queue", s->queued, 0, s->queued_bytes, b->spool_bytes);
  add_amount(out, "dead_letters", s->dead, b->dead_max, s->dead_bytes, b->dead_bytes);
  add_amount(out, "kv", s->kv, 0, s->kv_bytes, b->kv_bytes);
  cJSON *sources = cJSON_AddObjectToObject(out, "sources"), *sinks = cJSON_AddObjectToObject(out, "sinks");
  for (size_t i = 0; i < c->n; i++) {
    const entry *e = &c->list[i];
    if (sl_str_starts(e->key, "source/")) {
      cJSON *o = cJSON_AddObjectToObject(sources, e->key + 7);
      if (e->is_track) add_track(o, e);
      cJSON_AddNumberToObject(o, "notes", (double)e->notes);
    } else if (sl_str_starts(e->key, "sink/") && is_text(e)) {
      cJSON_AddStringToObject(sinks, e->key + 5, e->text);
    } else if (sl_str_starts(e->key, "sink/")) {
      cJSON_AddNumberToObject(cJSON_AddObjectToObject(sinks, e->key + 5), "bytes", (double)e->len);
    }
  }
  return sl_cli_print_json(out, 1);
}

static int print_note(void *user, const char *source, const char *key, const sl_bytes *value) {
  (void)user;
  printf("%s\t%s\t", source, key);
  if (sl_utf8_valid(value->data, value->len, NULL) && !memchr(value->data, '\n', value->len))
    printf("%.*s\n", (int)value->len, (const char *)value->data);
  else
    printf("(%zu bytes)\n", value->len);
  return ferror(stdout);
}

static int show(view *v) {
  sl_state_stats stats;
  sl_err err = {0};
  char holder[512] = "";
  checkpoint c = {0};
  if (sl_cli_has(v->cli, "notes")) {
    int rc = sl_state_show_notes(v->place.state, print_note, NULL, &err);
    return rc ? sl_cli_fail(&err) : SL_EXIT_OK;
  }
  int rc = sl_state_show(v->place.state, &stats, keep_value, &c, &err);
  if (!rc) rc = sl_state_show_notes(v->place.state, count_note, &c, &err);
  if (!rc) (void)sl_state_holder(v->place.state, holder, sizeof holder);
  if (!rc && c.failed) rc = sl_err_set(&err, SL_ENOMEM, "memory is out");
  int code = rc ? sl_cli_fail(&err) : SL_EXIT_OK;
  if (!rc && v->json)
    code = show_json(v, &stats, &c, holder);
  else if (!rc)
    show_text(v, &stats, &c, holder);
  free_checkpoint(&c);
  return code;
}

/* ---- check ---- */

typedef struct findings {
  cJSON *list; /* --json */
  int colors;
} findings;

static void found(void *user, int bad, const char *text) {
  findings *f = user;
  if (!f->list) {
    printf("%s%-5s%s %s\n", sl_term_style(f->colors, bad ? SL_STYLE_RED : SL_STYLE_GREEN), bad ? "bad" : "ok",
           sl_term_style(f->colors, 0), text);
    return;
  }
  cJSON *o = cJSON_CreateObject();
  cJSON_AddBoolToObject(o, "bad", bad);
  cJSON_AddStringToObject(o, "text", text);
  cJSON_AddItemToArray(f->list, o);
}

static int check(view *v) {
  sl_err err;
  uint32_t bad = 0;
  cJSON *out = v->json ? cJSON_CreateObject() : NULL;
  findings f = {out ? cJSON_AddArrayToObject(out, "findings") : NULL, sl_term_colors(stdout)};
  int rc = sl_state_check(v->place.state, found, &f, &bad, &err);
  if (rc) {
    cJSON_Delete(out);
    return sl_cli_fail(&err);
  }
  if (out) {
    cJSON_AddNumberToObject(out, "bad", bad);
    (void)sl_cli_print_json(out, 1);
  } else if (bad) {
    printf("%u finding%s in %s\n", bad, bad == 1 ? "" : "s", v->place.state);
  } else {
    printf("the state in %s is sound\n", v->place.state);
  }
  return bad ? SL_EXIT_FAILED : SL_EXIT_OK;
}

/* ---- vacuum ---- */

static int vacuum(view *v) {
  sl_err err;
  uint64_t before = 0, after = 0;
  char a[32], b[32];
  int rc = sl_state_vacuum(v->place.state, &before, &after, &err);
  if (rc) return sl_cli_fail(&err);
  if (v->json) {
    cJSON *out = cJSON_CreateObject();
    cJSON_AddNumberToObject(out, "before", (double)before);
    cJSON_AddNumberToObject(out, "after", (double)after);
    return sl_cli_print_json(out, 0);
  }
  printf("%s before, %s now\n", sl_str_show_size((int64_t)before, a, sizeof a),
         sl_str_show_size((int64_t)after, b, sizeof b));
  return SL_EXIT_OK;
}

/* ---- the command ---- */

/* Only what has a state can be looked at. */
static int find_state(view *v) {
  sl_err err;
  int rc = sl_place_find(v->cli, v->where, &v->place);
  if (rc != SL_EXIT_OK) return rc;
  if (!v->place.state) {
    sl_err_set(&err, SL_ENOTFOUND, "%s keeps no state", v->where);
    sl_err_hint(&err, "state: FOLDER in the pipeline file, or $SLUICE_STATE where the file says so");
    return sl_cli_fail(&err);
  }
  if (v->place.there) return SL_EXIT_OK;
  sl_err_set(&err, SL_ENOTFOUND, "the pipeline has not run yet: there is no state in %s", v->place.state);
  sl_err_hint(&err, "is SLUICE_STATE the same as for the run?");
  return sl_cli_fail(&err);
}

static int run_state(const sl_cli *cli) {
  static const struct {
    const char *name;
    int (*run)(view *v);
  } verbs[] = {{"show", show}, {"check", check}, {"vacuum", vacuum}};
  view v = {.cli = cli, .where = cli->args[1], .json = sl_cli_has(cli, "json")};
  int rc = -1;
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
    if (strcmp(cli->args[0], verbs[i].name) != 0) continue;
    if (verbs[i].run != show && sl_cli_has(cli, "notes"))
      return sl_cli_usage(cli, "%s takes no --notes", verbs[i].name);
    rc = find_state(&v);
    if (rc == SL_EXIT_OK) rc = verbs[i].run(&v);
  }
  sl_place_done(&v.place);
  return rc < 0 ? sl_cli_usage(cli, "expected show, check or vacuum, found '%s'", cli->args[0]) : rc;
}

static const sl_cli_option options[] = {
    {"notes", 0, NULL, "show: the notes of the sources, one a line."},
    {"json", 0, NULL, "JSON for machines."},
    {"set", 's', "STAGE.PARAM=VALUE", NULL},
};

const sl_cli_command sl_cmd_state = {
    .name = "state",
    .args = "show|check|vacuum WHERE",
    .summary = "What a pipeline keeps between runs.",
    .more = "WHERE is the pipeline file or its state folder.\n"
            "  show WHERE    positions of the sources, queue, dead letters, sizes\n"
            "  check WHERE   whether the database and the outputs it knows are sound;\n"
            "                exit code 1 if not. Changes nothing, also while it runs.\n"
            "  vacuum WHERE  gives back the room of what is gone; not while it runs\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 2,
    .max_args = 2,
    .run = run_state,
};
