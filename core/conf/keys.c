/* SPDX-License-Identifier: Apache-2.0 */
/* The core's own keys as tables. */
#include "conf/keys.h"

#include <stdio.h>
#include <string.h>

#include "conf/value.h"

/* clang-format off */
#define FIELD(st, field) (uint32_t)offsetof(st, field), (uint32_t)sizeof(((st *)0)->field)
#define ROW(st, field, type, flags, def, range, help) \
  { #field, (type), (flags), FIELD(st, field), (def), (range), (help), NULL, 0, 0 }
#define INNER(st, field, table, help) \
  { #field, SL_T_STRUCT, 0, FIELD(st, field), NULL, NULL, (help), (table), \
    (uint32_t)(sizeof(table) / sizeof((table)[0])), (uint32_t)sizeof(((st *)0)->field) }
#define CUSTOM(name, help) { (name), SL_T_CUSTOM, 0, 0, 0, NULL, NULL, (help), NULL, 0, 0 }
/* A key inside a map: its type in words, its default. */
#define CUSTOM_IN(name, words, def, help) { (name), SL_T_CUSTOM, 0, 0, 0, (def), (words), (help), NULL, 0, 0 }
/* One that takes a map, too. */
#define FORM(name, table, help) \
  { (name), SL_T_CUSTOM, 0, 0, 0, NULL, NULL, (help), (table), (uint32_t)(sizeof(table) / sizeof((table)[0])), 0 }
/* clang-format on */

/* ---- the top level ---------------------------------------------------------------------------- */

static const sl_param state_rows[] = {
    CUSTOM_IN("path", "path or `none`", NULL, "The folder."),
    ROW(sl_state_keys, checkpoint, SL_T_DURATION, 0, "250ms", "0..1h",
        "How long what was done may stay uncommitted; what is not committed is done again after a crash."),
    ROW(sl_state_keys, spool, SL_T_SIZE, 0, "1GiB", "1KiB..",
        "Most bytes of documents that wait on disk: pushed to a source, before a sink that fails, for a late retry."),
    ROW(sl_state_keys, kv, SL_T_SIZE, 0, "1GiB", "1KiB..", "Most bytes of key-value state of the stages."),
};

static const sl_param dead_rows[] = {
    ROW(sl_dead_keys, path, SL_T_PATH, 0, NULL, NULL,
        "File when there is no state folder; `<name>.dead.jsonl` in the working directory."),
    ROW(sl_dead_keys, max, SL_T_INT, 0, "100000", "1..", "Most dead letters in the state folder."),
    ROW(sl_dead_keys, max_bytes, SL_T_SIZE, 0, "1GiB", "1KiB..", "Most bytes of them."),
    ROW(sl_dead_keys, max_age, SL_T_DURATION, 0, "0", "0..", "Older ones are removed; 0: none is."),
    ROW(sl_dead_keys, when_full, SL_T_ENUM, 0, "stop", "stop|drop_oldest",
        "What happens to the next one when they are at a bound: the run stops, or the oldest are dropped and counted."),
};

static const sl_param admin_rows[] = {
    ROW(sl_admin_keys, listen, SL_T_STRING, SL_PF_NONEMPTY, NULL, NULL,
        "HOST:PORT to listen on with TCP, beside the socket in the state folder."),
    ROW(sl_admin_keys, token, SL_T_STRING, SL_PF_SECRET | SL_PF_NONEMPTY, NULL, NULL,
        "What a client must show on TCP: `Authorization: Bearer TOKEN`."),
};

static const sl_keyrow top_rows[] = {
    {ROW(sl_top_keys, version, SL_T_INT, 0, "1", "1..1", "Version of the file's format."), 0, NULL, NULL, "file", NULL},
    {ROW(sl_top_keys, name, SL_T_STRING, SL_PF_NONEMPTY, NULL, NULL,
         "Name of the pipeline in logs, metrics and file names."),
     0, NULL, "the file's name without its ending", "file", NULL},
    {FORM("state", state_rows,
          "Folder for what is kept between runs: how far the sources came, what the sinks stored, dead letters, "
          "documents that wait. `none` keeps nothing."),
     0, "path, `none` or map", "none", "file", NULL},
    {CUSTOM("lanes", "Worker threads that carry documents through transforms; `auto` takes the number of cores."), 0,
     "`auto` or int (1..1024)", "auto", "process", NULL},
    {ROW(sl_top_keys, budget, SL_T_SIZE, 0, "256MiB", "1KiB..",
         "Memory for documents in flight; sources wait while it is used up."),
     0, NULL, NULL, "process", NULL},
    {ROW(sl_top_keys, grace, SL_T_DURATION, 0, "30s", "0..",
         "How long a stopping run may take to finish what is in flight."),
     0, NULL, NULL, "process", NULL},
    {ROW(sl_top_keys, unrouted, SL_T_ENUM, 0, "warn", "warn|error|ignore",
         "What to make of documents that took no edge after a stage: a warning at the end, exit code 3, or nothing."),
     0, NULL, NULL, "file", NULL},
    {FORM("dead_letters", dead_rows,
          "File for dead letters when there is no state folder; as a map also how many the state folder may hold."),
     0, "path or map", "`<name>.dead.jsonl` in the working directory", "file", NULL},
    {ROW(sl_top_keys, plugin_path, SL_T_PATH, SL_PF_LIST, NULL, NULL,
         "Folders that are searched for plugins before all others."),
     0, NULL, NULL, "file", NULL},
    {FORM("admin", admin_rows,
          "The admin interface: a socket in the state folder, and with `listen` a TCP port. `none`: neither."),
     0, "map or `none`", "the socket", "process", NULL},
    {ROW(sl_top_keys, log, SL_T_ENUM, 0, "info", "error|warn|info|debug",
         "The least important messages that are logged."),
     0, NULL, NULL, "process", NULL},
    {CUSTOM("defaults", "Values for stages that do not set the key themselves."), 0, "map of stage keys", NULL, "file",
     NULL},
    {CUSTOM("stages", "The stages, in the order in which documents flow unless `from:` says otherwise."), 0,
     "list of stages, required", NULL, "file", NULL},
};

const sl_param_table sl_keys_top = {
    &top_rows[0].param, sizeof top_rows / sizeof *top_rows, sizeof *top_rows, "key", "at the top level", NULL, NULL};

/* ---- a stage ---------------------------------------------------------------------------------- */

static const sl_param on_error_rows[] = {
    ROW(sl_on_error, retry, SL_T_INT, 0, "3", "-1..1000000", "Further attempts after a RETRY; -1: for ever."),
    ROW(sl_on_error, backoff, SL_T_DURATION, 0, "200ms", "0..24h",
        "Wait before the first further attempt; doubles each time, with full jitter."),
    ROW(sl_on_error, backoff_max, SL_T_DURATION, 0, "30s", "0..24h", "The longest wait."),
    ROW(sl_on_error, breaker, SL_T_INT, 0, "5", "0..1000000",
        "Sinks: after so many failed writes in a row documents go to the spool until it works again; 0: never."),
    CUSTOM_IN("then", "word or map", "dead_letter",
              "What follows the last attempt, and a REJECT: `dead_letter`, `drop`, `stop`, or `{ route: ID }` to hand "
              "the document, as it entered, to another stage."),
};

static const sl_param batch_rows[] = {
    ROW(sl_batch_opts, documents, SL_T_INT, 0, "1000", "1..1000000", "Most documents of a batch."),
    ROW(sl_batch_opts, bytes, SL_T_SIZE, 0, "4MiB", "1..1TiB", "Most bytes of a batch."),
    ROW(sl_batch_opts, age, SL_T_DURATION, 0, "0s", "0..1h",
        "How long a sink waits for a batch to fill while input is slow; 0: it takes what there is as soon as it is "
        "free."),
};

static const sl_param schedule_rows[] = {
    ROW(sl_schedule_keys, every, SL_T_DURATION, 0, NULL, "1ms..8760h",
        "From start to start; a run that takes longer is followed by the next at once."),
    ROW(sl_schedule_keys, cron, SL_T_STRING, SL_PF_NONEMPTY, NULL, NULL,
        "Minute, hour, day of the month, month, day of the week; `@hourly`, `@daily`, `@weekly`, `@monthly`, "
        "`@yearly`."),
    ROW(sl_schedule_keys, zone, SL_T_STRING, SL_PF_NONEMPTY, NULL, NULL,
        "Time zone of `cron`: `Asia/Ho_Chi_Minh`, `+07:00`; without it the system's."),
    ROW(sl_schedule_keys, jitter, SL_T_DURATION, 0, "0", "0..24h",
        "Each start is delayed at random by less than this."),
};

static const sl_keyrow stage_rows[] = {
    {ROW(sl_stage_keys, id, SL_T_STRING, SL_PF_REQUIRED, NULL, NULL,
         "Name of the stage: letters, digits, `_` and `-`, not beginning with a digit or `-`."),
     SL_KEY_ANY, NULL, NULL, "every stage", NULL},
    {ROW(sl_stage_keys, uses, SL_T_STRING, SL_PF_REQUIRED | SL_PF_NONEMPTY, NULL, NULL,
         "The stage type: `x` opens only `x.so`, `x.type` names one of several in it, `./x.so` is a path."),
     SL_KEY_ANY, NULL, NULL, "every stage", NULL},
    {ROW(sl_stage_keys, from, SL_T_STRING, SL_PF_LIST, NULL, NULL,
         "The stages that this one reads from. `[]` for a stage that only `on_error` routes lead to."),
     SL_KEY_TRANSFORM | SL_KEY_SINK, NULL, "the stage above", "transforms, sinks", NULL},
    {CUSTOM("when", "Documents that do not match do not enter: a condition, or `else` for those that no sibling took."),
     SL_KEY_TRANSFORM | SL_KEY_SINK, "condition or `else`", NULL, "transforms, sinks", NULL},
    {CUSTOM("with", "The parameters of the stage type."), SL_KEY_ANY, "map", NULL, "every stage", NULL},
    {INNER(sl_stage_keys, on_error, on_error_rows, "What happens when the stage fails on a document."),
     SL_KEY_ANY | SL_KEY_DEFAULTS, NULL, NULL, "every stage", NULL},
    {ROW(sl_stage_keys, threads, SL_T_INT, 0, NULL, "1..1024", "Threads of the stage's own."),
     SL_KEY_SINK | SL_KEY_BLOCKING | SL_KEY_DEFAULTS, NULL, "1; blocking transforms 4",
     "sinks and blocking transforms that are not serial", NULL},
    {INNER(sl_stage_keys, batch, batch_rows,
           "How many documents a sink gets at once; for a serial transform, how much it may hold and how long."),
     SL_KEY_SINK | SL_KEY_SERIAL | SL_KEY_DEFAULTS, NULL, NULL, "sinks, serial transforms", NULL},
    {ROW(sl_stage_keys, in_flight, SL_T_INT, 0, NULL, "1..1000000", "Most documents that the stage works on at once."),
     SL_KEY_ASYNC | SL_KEY_DEFAULTS, NULL, "256", "asynchronous stages", NULL},
    {ROW(sl_stage_keys, order, SL_T_ENUM, 0, NULL, "source|strict|none",
         "`source`: documents of one source stay in order, but a long retry gives up its place; `strict`: the others "
         "wait "
         "for it; `none`: as they come."),
     SL_KEY_SOURCE | SL_KEY_SINK | SL_KEY_SERIAL | SL_KEY_DEFAULTS, NULL, "source; asynchronous sources none",
     "sources, sinks, serial transforms", NULL},
    {ROW(sl_stage_keys, timeout, SL_T_DURATION, 0, "0", "0..24h",
         "A call that takes longer is reported with stage and document; 0: none."),
     SL_KEY_ANY | SL_KEY_DEFAULTS, NULL, NULL, "every stage", NULL},
    {ROW(sl_stage_keys, provides, SL_T_POINTER, SL_PF_LIST | SL_PF_PAYLOAD, NULL, NULL,
         "Fields that the documents of this stage have for certain, though the stage type cannot know it."),
     SL_KEY_SOURCE | SL_KEY_TRANSFORM, NULL, NULL, "sources, transforms", NULL},
    {CUSTOM("memory", "Limit of an isolated stage."), SL_KEY_REFUSED, "size", NULL, "isolated stages",
     "remove it; `budget:` bounds the documents in flight of the whole process"},
    {CUSTOM("isolate", "Runs the stage in a process of its own."), SL_KEY_REFUSED, "bool", NULL, "transforms",
     "remove it; the stage then runs inside the sluice process"},
    {CUSTOM("cache", "Keeps results of a pure stage."), SL_KEY_REFUSED, "bool", NULL, "pure transforms",
     "remove it; every document is then worked on afresh"},
    {FORM("schedule", schedule_rows,
          "When a source runs again after it came to its end: a duration from start to start, or a cron expression. "
          "The run then goes on until it is stopped."),
     SL_KEY_SOURCE, "duration, cron expression or map", NULL, "sources", NULL},
    {ROW(sl_stage_keys, was, SL_T_STRING, SL_PF_LIST, NULL, NULL,
         "Former ids of the stage: what the state keeps for them becomes this stage's."),
     SL_KEY_ANY, NULL, NULL, "every stage", NULL},
};

const sl_param_table sl_keys_stage = {
    &stage_rows[0].param, sizeof stage_rows / sizeof *stage_rows, sizeof *stage_rows, "key", "of a stage", NULL, NULL};

/* ---- reading ---------------------------------------------------------------------------------- */

const sl_keyrow *sl_keys_row(const sl_param_table *table, uint32_t i) {
  return (const sl_keyrow *)(const void *)sl_params_row(table, i);
}

const sl_keyrow *sl_keys_find(const sl_param_table *table, const char *name) {
  return (const sl_keyrow *)(const void *)sl_params_find(table, name);
}

int sl_keys_apply(const sl_keyrow *key, const sl_stage_type *type) {
  uint32_t f = key->flags;
  uint64_t cap = type->flags;
  if ((f & SL_KEY_ASYNC) && (cap & SL_F_ASYNC)) return 1;
  if (type->kind == SL_SOURCE) return (f & SL_KEY_SOURCE) != 0;
  /* Of the keys of sinks only `threads` is one of blocking stages, too, and a serial stage has one thread. */
  if (type->kind == SL_SINK) return (f & SL_KEY_SINK) && !((f & SL_KEY_BLOCKING) && (cap & SL_F_SERIAL));
  if (f & SL_KEY_TRANSFORM) return 1;
  if ((f & SL_KEY_SERIAL) && (cap & SL_F_SERIAL)) return 1;
  return (f & SL_KEY_BLOCKING) && (cap & SL_F_BLOCKING) && !(cap & SL_F_SERIAL);
}

const char *sl_keys_type_text(const sl_param *param, char *buf, size_t cap) {
  const char *word = sl_value_type_word(param->type);
  if (param->flags & SL_PF_MAP) {
    snprintf(buf, cap, "map of %s%s", param->flags & SL_PF_KEY_POINTER ? "pointer to " : "", word);
  } else {
    snprintf(buf, cap, "%s%s", param->flags & SL_PF_LIST ? "list of " : "", word);
  }
  return buf;
}
