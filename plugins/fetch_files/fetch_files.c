/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_files: documents from files: pages and texts as payloads, JSON and NDJSON as bodies. */
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "stage.h"

#define TURN_BYTES ((uint64_t)4 << 20) /* most that one call reads, so that a stop and --limit take effect soon */
#define LOOK_AHEAD 10000               /* findings that start looks at for missing: error */

static const sl_param params_table[] = {
    SL_PARAM(fetch_params, paths, SL_T_GLOB, SL_PF_REQUIRED | SL_PF_LIST | SL_PF_NONEMPTY, NULL, NULL,
             "Files, folders and globs: * ? [a-z] {a,b}, and ** for any number of folders."),
    SL_PARAM(
        fetch_params, format, SL_T_ENUM, 0, "auto", "auto|text|html|json|ndjson",
        "What the files are. auto: globs that end in .json, .jsonl or .ndjson (also with .gz, .zst) hold documents, "
        "all others are pages or texts, one document a file."),
    SL_PARAM(fetch_params, recursive, SL_T_BOOL, 0, "true", NULL, "Whether a folder means everything below it."),
    SL_PARAM(fetch_params, follow_links, SL_T_BOOL, 0, "false", NULL,
             "Follow symbolic links to folders, and to files outside the folder that was named."),
    SL_PARAM(fetch_params, sort, SL_T_ENUM, 0, "name", "name|none",
             "Order of the files within a folder: by the bytes of the name, or as the file system lists them."),
    SL_PARAM(fetch_params, missing, SL_T_ENUM, 0, "warn", "warn|error", "What a path or glob that matches nothing is."),
    SL_PARAM(
        fetch_params, max_bytes, SL_T_SIZE, 0, "64MiB", "1..",
        "Largest file, after decompression, that is read as a whole: pages, texts and JSON. Larger ones are rejected."),
    SL_PARAM(fetch_params, max_record, SL_T_SIZE, 0, "16MiB", "16..1GiB",
             "Longest line of NDJSON and largest element of a JSON array. Longer ones are rejected; the next is read."),
    SL_PARAM(fetch_params, map, SL_T_POINTER, SL_PF_MAP | SL_PF_KEY_POINTER, NULL, NULL,
             "JSON and NDJSON: target: source. Moves fields to the names that later stages expect, e.g. /text: "
             "/content/body."),
    SL_PARAM(fetch_params, max_ratio, SL_T_INT, SL_PF_ADVANCED, "200", "0..1000000",
             "Most bytes that one compressed byte may become, once 4 MiB came out; 0 lifts the limit."),
    SL_PARAM(fetch_params, watch, SL_T_BOOL, 0, "false", NULL,
             "Stay, and read new files, changed files and what is appended to NDJSON."),
    SL_PARAM(fetch_params, poll, SL_T_DURATION, 0, "1s", "10ms..", "watch: pause between two looks at the files."),
    SL_PARAM(
        fetch_params, settle, SL_T_DURATION, 0, "1s", "0s..",
        "watch: a file is read once size and time of change have stayed for so long. Lines of plain NDJSON are taken "
        "as they come."),
};

static const sl_entry *entry_at(const sl_list *list, uint32_t i) {
  return (const sl_entry *)(const void *)((const char *)list->items + (size_t)i * list->elem_size);
}

const char *fetch_path_at(const fetch_params *p, uint32_t i) {
  return *(const char *const *)(const void *)((const char *)p->paths.items + (size_t)i * p->paths.elem_size);
}

static int32_t find_globs(const fetch_params *p, fetch_glob **ret, uint32_t *ret_n) {
  *ret = NULL;
  *ret_n = 0;
  for (uint32_t i = 0; i < p->paths.count; i++)
    if (fetch_glob_add(fetch_path_at(p, i), i, ret, ret_n) < 0) return SL_EINVAL;
  return SL_OK;
}

/* 1: bodies, 0: pages, or an error when the globs disagree. */
static int32_t makes_bodies(const fetch_params *p) {
  if (p->format != FORMAT_AUTO) return p->format >= FORMAT_JSON;
  fetch_glob *globs;
  uint32_t n, records = 0;
  int32_t rc = find_globs(p, &globs, &n);
  for (uint32_t i = 0; i < n; i++)
    records += fetch_kind_of(globs[i].n ? globs[i].parts[globs[i].n - 1] : "") != FETCH_PAGE;
  fetch_glob_free(globs, n);
  if (rc != SL_OK) return rc;
  return records == 0 ? 0 : records == n ? 1 : SL_EINVAL;
}

static int32_t contract(const void *params, sl_contract *out) {
  static const char *const strings[] = {"/id",          "/source/uri",      "/source/name",
                                        "/source/type", "/source/modified", "/source/sha256"};
  const fetch_params *p = params;
  int32_t bodies = makes_bodies(p);
  /* Globs that disagree are create's to refuse: it can say why. */
  if (bodies) {
    out->open(out);
    for (uint32_t i = 0; i < p->map.count; i++) {
      const sl_entry *e = entry_at(&p->map, i);
      out->add(out, e->key, SL_C_WRITES_MAYBE, 0);
      if (e->text) out->add(out, e->text, SL_C_REMOVES, 0);
    }
    return SL_OK;
  }
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) out->add(out, strings[i], SL_C_WRITES, SL_J_STRING);
  out->add(out, "/source", SL_C_WRITES, SL_J_OBJECT);
  out->add(out, "/source/bytes", SL_C_WRITES, SL_J_NUMBER);
  out->add(out, "/source/encoding", SL_C_WRITES_MAYBE, SL_J_STRING);
  out->add(out, "@payload", SL_C_WRITES, 0);
  return SL_OK;
}

static int32_t compile_map(sl_ctx *ctx, fetch_stage *s) {
  const sl_list *map = &s->p->map;
  if (map->count == 0) return SL_OK;
  if (!s->bodies) {
    sl_fail(ctx, SL_EINVAL, "map is for JSON and NDJSON, but these files are pages or texts", NULL,
            "leave map out, or say format: json or ndjson");
    return SL_EINVAL;
  }
  s->map = calloc(map->count, sizeof *s->map);
  if (!s->map) return fetch_no_memory(ctx);
  for (uint32_t i = 0; i < map->count; i++) {
    const sl_entry *e = entry_at(map, i);
    s->map[i].to = jptr_new(e->key);
    s->map[i].from = e->text ? jptr_new(e->text) : NULL;
    if (s->map[i].to && s->map[i].from && s->map[i].to->n == 1 && s->map[i].from->n > 0) continue;
    sl_fail(ctx, SL_EINVAL, "expected a map of top-level fields to JSON pointers", e->key,
            "write e.g. map: { /text: /content/body }");
    return SL_EINVAL;
  }
  return SL_OK;
}

static uint32_t hash_settings(const fetch_params *p) {
  const int64_t values[] = {p->format, p->max_bytes, p->max_record, p->max_ratio};
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    for (int k = 0; k < 8; k++) h = (h ^ (uint32_t)((uint64_t)values[i] >> (8 * k) & 0xFF)) * 16777619u;
  return h;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  fetch_stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (!s) return fetch_no_memory(ctx);
  s->p = params;
  s->memory = (fetch_memory){ctx->host->alloc, ctx->host->free};
  pthread_mutex_init(&s->lock, NULL);
  s->book.lock = &s->lock;
  s->settings = hash_settings(s->p);
  s->bodies = makes_bodies(s->p);
  if (s->bodies >= 0) return compile_map(ctx, s);
  sl_fail(ctx, SL_EINVAL,
          "the paths mix documents (.json, .jsonl, .ndjson) with pages or texts, or a glob is not valid",
          "one stage makes either JSON bodies or payloads", "use two fetch_files stages, or say format:");
  return SL_EINVAL;
}

static void stop(sl_ctx *ctx, void *stage) {
  fetch_stage *s = stage;
  if (s->timer) sl_timer_stop(ctx, s->timer);
  s->timer = 0;
  fetch_pass_stop(s);
}

fetch_walk *fetch_new_walk(const fetch_params *p) {
  fetch_glob *globs;
  uint32_t n;
  fetch_walk_opts opts = {p->recursive, p->follow_links, p->sort == 0};
  if (find_globs(p, &globs, &n) == SL_OK) return fetch_walk_new(globs, n, &opts);
  fetch_glob_free(globs, n);
  return NULL;
}

void fetch_fail_missing(sl_ctx *ctx, const fetch_params *p, uint32_t group) {
  sl_fail(ctx, SL_ENOTFOUND, "no file matches", fetch_path_at(p, group), "check the path, or say missing: warn");
}

/* With missing: error a path that leads nowhere is told before anything runs, so that no sink replaces what it wrote in
 * an earlier run by nothing. Stops at the first file of the last path; of very many files the rest is looked at in the
 * run. */
static int32_t look_ahead(sl_ctx *ctx, const fetch_params *p) {
  fetch_found f;
  fetch_walk *walk = fetch_new_walk(p);
  int32_t rc = walk ? SL_OK : fetch_no_memory(ctx);
  for (uint32_t i = 0; rc == SL_OK && i < LOOK_AHEAD; i++) {
    if (fetch_walk_next(walk, &f) < 0) rc = fetch_no_memory(ctx);
    if (rc != SL_OK || f.kind == FETCH_END) break;
    if (f.kind == FETCH_MISSING) {
      fetch_fail_missing(ctx, p, f.group);
      rc = SL_ENOTFOUND;
    } else if (f.group + 1 == p->paths.count) {
      break;
    }
  }
  fetch_walk_free(walk);
  return rc;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  fetch_stage *s = stage;
  stop(ctx, stage);
  int32_t rc = s->p->missing ? look_ahead(ctx, s->p) : SL_OK;
  return rc == SL_OK ? fetch_pass_start(ctx, s) : rc;
}

static int32_t produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  fetch_stage *s = stage;
  (void)lane;
  if (s->phase == PHASE_END || !s->walk) return SL_P_END;
  if (credit > TURN_BYTES) credit = TURN_BYTES;
  do {
    int32_t rc = s->in_lines  ? fetch_produce_lines(ctx, s, &credit)
                 : s->in_json ? fetch_produce_elements(ctx, s, &credit)
                              : fetch_next_file(ctx, s, &credit);
    if (rc != 0) return rc;
  } while (credit > 0);
  return SL_P_MORE;
}

static void destroy(void *stage) {
  fetch_stage *s = stage;
  if (!s) return;
  fetch_pass_stop(s);
  for (uint32_t i = 0; s->map && i < s->p->map.count; i++) {
    free(s->map[i].to);
    free(s->map[i].from);
  }
  free(s->map);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static void acknowledged(sl_ctx *ctx, void *stage, uint64_t cursor) {
  (void)ctx;
  fetch_book_ended(&((fetch_stage *)stage)->book, cursor);
}

static const sl_stage_type fetch_files_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "fetch_files",
    .summary = "Reads files: pages and texts, JSON and NDJSON, plain or compressed",
    .help =
        "A page or text becomes one document: its bytes are the payload, `/id` is its path without the ending.\n"
        "JSON and NDJSON documents keep their fields as they are.\n"
        "A file that cannot be read becomes a dead letter; the others are read.\n"
        "With a state a run goes on where the last one stopped; with `watch` the source stays and reads what is new.",
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(fetch_params),
    .contract = contract,
    .create = create,
    .start = start,
    .produce = produce,
    .acknowledged = acknowledged,
    .stop = stop,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&fetch_files_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "fetch_files",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Documents from files",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
