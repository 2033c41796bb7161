/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_files: documents from files: pages and texts as payloads, JSON and NDJSON as bodies. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sluice/plugin.h>

#include "../common/jptr.h"
#include "names.h"
#include "reader.h"
#include "records.h"
#include "sha256.h"
#include "walk.h"

#define FORMAT_AUTO 0
#define FORMAT_TEXT 1
#define FORMAT_HTML 2
#define FORMAT_JSON 3
#define FORMAT_NDJSON 4

#define DOC_COST 200                   /* bytes that a document costs besides its text, about */
#define TURN_BYTES ((uint64_t)4 << 20) /* most that one call reads, so that a stop and --limit take effect soon */
#define CURSOR_BITS 44                 /* of a cursor: the position in a file; the file's number stands above */
#define LOOK_AHEAD 10000               /* findings that start looks at for missing: error */

struct params {
  sl_list paths, map;
  int32_t format, recursive, follow_links, sort, missing;
  int64_t max_bytes, max_record, max_ratio;
};

typedef struct {
  jptr *to, *from;
} mapping;

struct stage {
  const struct params *p;
  int32_t bodies; /* the documents are JSON of the user's, not pages */
  mapping *map;
  fetch_memory memory;
  fetch_walk *walk;
  uint64_t file_no; /* of the file in work, from 1 */
  char *uri;        /* of the file in work */
  fetch_lines lines;
  int32_t in_lines, in_json, finished;
  uint64_t files; /* found so far */
  fetch_chunk *json_chunk;
  fetch_json json;
  uint32_t json_index;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, paths, SL_T_GLOB, SL_PF_REQUIRED | SL_PF_LIST | SL_PF_NONEMPTY, NULL, NULL,
             "Files, folders and globs: * ? [a-z] {a,b}, and ** for any number of folders."),
    SL_PARAM(
        struct params, format, SL_T_ENUM, 0, "auto", "auto|text|html|json|ndjson",
        "What the files are. auto: globs that end in .json, .jsonl or .ndjson (also with .gz, .zst) hold documents, "
        "all others are pages or texts, one document a file."),
    SL_PARAM(struct params, recursive, SL_T_BOOL, 0, "true", NULL, "Whether a folder means everything below it."),
    SL_PARAM(struct params, follow_links, SL_T_BOOL, 0, "false", NULL,
             "Follow symbolic links to folders, and to files outside the folder that was named."),
    SL_PARAM(struct params, sort, SL_T_ENUM, 0, "name", "name|none",
             "Order of the files within a folder: by the bytes of the name, or as the file system lists them."),
    SL_PARAM(struct params, missing, SL_T_ENUM, 0, "warn", "warn|error",
             "What a path or glob that matches nothing is."),
    SL_PARAM(
        struct params, max_bytes, SL_T_SIZE, 0, "64MiB", "1..",
        "Largest file, after decompression, that is read as a whole: pages, texts and JSON. Larger ones are rejected."),
    SL_PARAM(struct params, max_record, SL_T_SIZE, 0, "16MiB", "16..1GiB",
             "Longest line of NDJSON and largest element of a JSON array. Longer ones are rejected; the next is read."),
    SL_PARAM(struct params, map, SL_T_POINTER, SL_PF_MAP | SL_PF_KEY_POINTER, NULL, NULL,
             "JSON and NDJSON: target: source. Moves fields to the names that later stages expect, e.g. /text: "
             "/content/body."),
    SL_PARAM(struct params, max_ratio, SL_T_INT, SL_PF_ADVANCED, "200", "0..1000000",
             "Most bytes that one compressed byte may become, once 4 MiB came out; 0 lifts the limit."),
};

static const sl_entry *entry_at(const sl_list *list, uint32_t i) {
  return (const sl_entry *)(const void *)((const char *)list->items + (size_t)i * list->elem_size);
}

static const char *path_at(const struct params *p, uint32_t i) {
  return *(const char *const *)(const void *)((const char *)p->paths.items + (size_t)i * p->paths.elem_size);
}

static int32_t find_globs(const struct params *p, fetch_glob **ret, uint32_t *ret_n) {
  *ret = NULL;
  *ret_n = 0;
  for (uint32_t i = 0; i < p->paths.count; i++)
    if (fetch_glob_add(path_at(p, i), i, ret, ret_n) < 0) return SL_EINVAL;
  return SL_OK;
}

/* 1: bodies, 0: pages, or an error when the globs disagree. */
static int32_t makes_bodies(const struct params *p) {
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
  const struct params *p = params;
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

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

static int32_t compile_map(sl_ctx *ctx, struct stage *s) {
  const sl_list *map = &s->p->map;
  if (map->count == 0) return SL_OK;
  if (!s->bodies) {
    sl_fail(ctx, SL_EINVAL, "map is for JSON and NDJSON, but these files are pages or texts", NULL,
            "leave map out, or say format: json or ndjson");
    return SL_EINVAL;
  }
  s->map = calloc(map->count, sizeof *s->map);
  if (!s->map) return no_memory(ctx);
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

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  struct stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (!s) return no_memory(ctx);
  s->p = params;
  s->memory = (fetch_memory){ctx->host->alloc, ctx->host->free};
  s->bodies = makes_bodies(s->p);
  if (s->bodies >= 0) return compile_map(ctx, s);
  sl_fail(ctx, SL_EINVAL,
          "the paths mix documents (.json, .jsonl, .ndjson) with pages or texts, or a glob is not valid",
          "one stage makes either JSON bodies or payloads", "use two fetch_files stages, or say format:");
  return SL_EINVAL;
}

static void close_file(struct stage *s) {
  if (s->in_lines) fetch_lines_done(&s->lines);
  if (s->in_json) fetch_chunk_done(s->json_chunk);
  s->in_lines = s->in_json = 0;
  s->json_chunk = NULL;
  free(s->uri);
  s->uri = NULL;
}

static void stop(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  (void)ctx;
  close_file(s);
  fetch_walk_free(s->walk);
  s->walk = NULL;
}

static fetch_walk *new_walk(const struct params *p) {
  fetch_glob *globs;
  uint32_t n;
  fetch_walk_opts opts = {p->recursive, p->follow_links, p->sort == 0};
  if (find_globs(p, &globs, &n) == SL_OK) return fetch_walk_new(globs, n, &opts);
  fetch_glob_free(globs, n);
  return NULL;
}

static void fail_missing(sl_ctx *ctx, const struct params *p, uint32_t group) {
  sl_fail(ctx, SL_ENOTFOUND, "no file matches", path_at(p, group), "check the path, or say missing: warn");
}

/* With missing: error a path that leads nowhere is told before anything runs, so that no sink replaces what it wrote in
 * an earlier run by nothing. Stops at the first file of the last path; of very many files the rest is looked at in the
 * run. */
static int32_t look_ahead(sl_ctx *ctx, const struct params *p) {
  fetch_found f;
  fetch_walk *walk = new_walk(p);
  int32_t rc = walk ? SL_OK : no_memory(ctx);
  for (uint32_t i = 0; rc == SL_OK && i < LOOK_AHEAD; i++) {
    if (fetch_walk_next(walk, &f) < 0) rc = no_memory(ctx);
    if (rc != SL_OK || f.kind == FETCH_END) break;
    if (f.kind == FETCH_FILE) close(f.fd);
    if (f.kind == FETCH_MISSING) {
      fail_missing(ctx, p, f.group);
      rc = SL_ENOTFOUND;
    } else if (f.group + 1 == p->paths.count) {
      break;
    }
  }
  fetch_walk_free(walk);
  return rc;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  stop(ctx, stage);
  s->file_no = s->files = 0;
  s->finished = 0;
  int32_t rc = s->p->missing ? look_ahead(ctx, s->p) : SL_OK;
  if (rc != SL_OK) return rc;
  s->walk = new_walk(s->p);
  return s->walk ? SL_OK : no_memory(ctx);
}

/* What emit and its kin answered, as a result of produce: 0 goes on. */
static int32_t after(int32_t rc) { return rc == SL_OK ? 0 : rc == SL_ECANCELED ? SL_P_END : SL_V_FATAL; }

static int32_t out_of_memory(sl_ctx *ctx) {
  no_memory(ctx);
  return SL_V_FATAL;
}

typedef struct {
  int32_t code;
  const char *message, *detail, *hint;
} reason;

/* Sends a document with this origin to the dead letters. */
static int32_t reject(sl_ctx *ctx, struct stage *s, const char *locator, uint64_t position, const reason *why) {
  sl_doc *doc = sl_new(ctx, NULL);
  sl_origin origin = {s->uri ? s->uri : "", locator, NULL};
  if (!doc) return out_of_memory(ctx);
  if (sl_set_origin(ctx, doc, &origin) != SL_OK) {
    sl_discard(ctx, doc);
    return out_of_memory(ctx);
  }
  sl_set_cursor(ctx, doc, s->file_no << CURSOR_BITS | position);
  sl_fail(ctx, why->code, why->message, why->detail, why->hint);
  return after(sl_reject(ctx, doc));
}

static char *put_digits(char *out, uint64_t v) {
  char digits[24];
  int n = 0;
  do digits[n++] = (char)('0' + v % 10);
  while ((v /= 10) > 0);
  while (n > 0) *out++ = digits[--n];
  return out;
}

static void byte_locator(char out[56], uint64_t start, uint64_t end) {
  memcpy(out, "byte=", 5);
  out = put_digits(out + 5, start);
  *out++ = '-';
  *put_digits(out, end) = '\0';
}

static int32_t move_fields(const struct stage *s, cJSON *body) {
  for (uint32_t i = 0; i < s->p->map.count; i++) {
    const mapping *m = &s->map[i];
    cJSON *parent = jptr_walk(m->from, body, m->from->n - 1);
    cJSON *value = parent ? jptr_step(parent, m->from->key[m->from->n - 1]) : NULL;
    if (!value) continue;
    cJSON *old = jptr_child(body, m->to->key[0]);
    if (old == value) continue;
    jptr_unlink(parent, value);
    if (jptr_name(value, m->to->key[0]) < 0) {
      cJSON_Delete(value);
      return SL_ENOMEM;
    }
    if (old) {
      jptr_unlink(body, old);
      cJSON_Delete(old);
    }
    jptr_append(body, value);
  }
  return SL_OK;
}

/* Emits a document whose body is JSON text in a chunk; the reference of the chunk passes to it. */
static int32_t emit_text(sl_ctx *ctx, struct stage *s, const sl_bytes *text, fetch_chunk *chunk,
                         const sl_origin *origin, uint64_t position) {
  sl_doc *doc = sl_new(ctx, NULL);
  if (!doc) {
    fetch_chunk_release(NULL, chunk);
    return out_of_memory(ctx);
  }
  if (sl_set_text(ctx, doc, text->data, text->len, fetch_chunk_release, chunk) != SL_OK ||
      sl_set_origin(ctx, doc, origin) != SL_OK) {
    sl_discard(ctx, doc);
    return out_of_memory(ctx);
  }
  sl_set_cursor(ctx, doc, s->file_no << CURSOR_BITS | position);
  if (s->map) {
    /* Text that is not JSON stays as it is: the core rejects it with the byte. */
    cJSON *body = sl_body_edit(ctx, doc);
    if (body && move_fields(s, body) != SL_OK) {
      sl_discard(ctx, doc);
      return out_of_memory(ctx);
    }
  }
  return after(sl_emit(ctx, doc));
}

static int32_t read_failed(sl_ctx *ctx, struct stage *s, fetch_reader *r, const char *locator, uint64_t position) {
  int32_t code;
  const char *why = fetch_reader_why(r, &code);
  if (code == SL_OK || code == SL_ENOMEM) return out_of_memory(ctx);
  const char *hint =
      code == SL_ELIMIT ? "raise max_ratio if the file is meant to be so" : "fetch or write the file again";
  reason because = {code, "the file cannot be read to its end", why, hint};
  return reject(ctx, s, locator, position, &because);
}

/* Emits lines until about `credit` bytes are used. */
static int32_t produce_lines(sl_ctx *ctx, struct stage *s, uint64_t *credit) {
  fetch_line line;
  char locator[56];
  sl_origin origin = {s->uri, locator, NULL};
  size_t want = *credit > 2 * FETCH_CHUNK ? FETCH_CHUNK : (size_t)(*credit / 2);
  s->lines.chunk_size = want < FETCH_CHUNK_MIN ? FETCH_CHUNK_MIN : want;
  for (;;) {
    int kind = fetch_lines_next(&s->lines, &line);
    int32_t rc = 0;
    if (kind == FETCH_LINE_AGAIN) return SL_P_MORE;
    if (kind == FETCH_LINE_END) {
      close_file(s);
      return 0;
    }
    if (kind == FETCH_LINE_ERROR) {
      uint64_t at = s->lines.base + s->lines.at;
      byte_locator(locator, at, s->lines.base + s->lines.end);
      rc = read_failed(ctx, s, s->lines.reader, locator, at);
      close_file(s);
      return rc;
    }
    byte_locator(locator, line.start, line.end);
    if (kind == FETCH_LINE) {
      sl_bytes text = {line.data, line.len};
      rc = emit_text(ctx, s, &text, line.chunk, &origin, line.next);
    } else {
      reason because = {SL_ELIMIT, "the line is longer than max_record", locator,
                        "raise max_record, or split the record"};
      rc = reject(ctx, s, locator, line.next, &because);
    }
    if (rc != 0) return rc;
    uint64_t cost = line.len + DOC_COST;
    *credit = *credit > cost ? *credit - cost : 0;
    if (*credit == 0) return 0;
  }
}

/* Reads a file to its end into one chunk. Returns NULL with *ret_why set, or NULL alone when memory is out. */
static fetch_chunk *read_whole(struct stage *s, fetch_reader *r, int64_t hint, size_t *ret_len, reason *ret_why) {
  size_t limit = (size_t)s->p->max_bytes, cap = hint > 0 && hint < s->p->max_bytes ? (size_t)hint + 1 : 16384, len = 0;
  fetch_chunk *c = fetch_chunk_new(&s->memory, cap < 64 ? 64 : cap);
  while (c) {
    if (c->cap - len < 16) {
      size_t more = c->cap < limit / 2 ? c->cap * 2 : limit + 64; /* one byte above the limit is enough to know */
      fetch_chunk *grown = fetch_chunk_new(&s->memory, more);
      if (grown) memcpy(grown->data, c->data, len);
      fetch_chunk_done(c);
      c = grown;
      if (!c) return NULL;
    }
    int64_t n = fetch_reader_read(r, c->data + len, c->cap - len);
    if (n == FETCH_READ_AGAIN) continue;
    if (n == 0) break;
    if (n < 0) {
      ret_why->detail = fetch_reader_why(r, &ret_why->code);
      ret_why->message = "the file cannot be read";
      ret_why->hint = ret_why->code == SL_ELIMIT ? "raise max_ratio if the file is meant to be so" : NULL;
    } else if ((len += (size_t)n) > limit) {
      *ret_why = (reason){SL_ELIMIT, "the file is larger than max_bytes", "after decompression, if it is compressed",
                          "raise max_bytes, or take the file out"};
    }
    if (ret_why->message) {
      fetch_chunk_done(c);
      if (ret_why->code == SL_ENOMEM) ret_why->message = NULL;
      return NULL;
    }
  }
  *ret_len = len;
  return c;
}

static int32_t produce_elements(sl_ctx *ctx, struct stage *s, uint64_t *credit) {
  size_t from, len;
  for (;;) {
    int kind = fetch_json_next(&s->json, &from, &len);
    char locator[24];
    int32_t rc;
    if (kind == FETCH_JSON_END) {
      close_file(s);
      return 0;
    }
    snprintf(locator, sizeof locator, "/%u", s->json_index++);
    if (kind == FETCH_JSON_ERROR) {
      char detail[128];
      snprintf(detail, sizeof detail, "at byte %zu: %s", s->json.at, s->json.why);
      reason because = {SL_EPARSE, "the array is not valid JSON", detail, "the elements before this one were read"};
      rc = reject(ctx, s, locator, s->json.at, &because);
      close_file(s);
      return rc;
    }
    const char *text = s->json.text + from;
    if (*text != '{') {
      reason because = {SL_EPARSE, "expected an object as the element of the array", locator,
                        "a document is a JSON object"};
      rc = reject(ctx, s, locator, s->json.at, &because);
    } else if (len > (size_t)s->p->max_record) {
      reason because = {SL_ELIMIT, "the element is larger than max_record", locator, "raise max_record"};
      rc = reject(ctx, s, locator, s->json.at, &because);
    } else {
      sl_origin origin = {s->uri, locator, NULL};
      sl_bytes bytes = {text, len};
      s->json_chunk->used++;
      rc = emit_text(ctx, s, &bytes, s->json_chunk, &origin, s->json.at);
    }
    if (rc != 0) return rc;
    *credit = *credit > len + DOC_COST ? *credit - len - DOC_COST : 0;
    if (*credit == 0) return 0;
  }
}

/* One object is a document; an array is begun and goes on in produce_elements. */
static int32_t begin_json(sl_ctx *ctx, struct stage *s, fetch_chunk *chunk, size_t len) {
  const char *text = chunk->data;
  size_t at = fetch_json_space(text, len, 0);
  reason because = {0};
  if (at < len && text[at] == '[') {
    s->json_chunk = chunk;
    s->json = (fetch_json){.text = text, .len = len, .at = at};
    s->json_index = 0;
    s->in_json = 1;
    return 0;
  }
  size_t end = fetch_json_skip(text, len, at), next = fetch_json_space(text, len, end);
  if (at == len)
    because = (reason){SL_EPARSE, "the file is empty: expected a JSON object or array", NULL, NULL};
  else if (text[at] != '{')
    because = (reason){SL_EPARSE, "expected a JSON object or an array of objects", NULL, NULL};
  else if (next < len && text[next] == '{')
    because = (reason){SL_EPARSE, "the file holds more than one JSON value", NULL,
                       "say format: ndjson if each is on its own line"};
  int32_t rc;
  if (because.message) {
    rc = reject(ctx, s, NULL, len, &because);
  } else {
    char revision[65];
    fetch_sha256(text, len, revision);
    sl_origin origin = {s->uri, NULL, revision};
    sl_bytes bytes = {text + at, len - at};
    chunk->used++;
    rc = emit_text(ctx, s, &bytes, chunk, &origin, len);
  }
  fetch_chunk_done(chunk);
  close_file(s);
  return rc;
}

/* The body of a page: /id and /source. */
static int32_t describe(cJSON *body, const struct stage *s, const fetch_found *f, const sl_bytes *bytes,
                        const char *const info[3]) {
  char modified[40];
  struct tm tm;
  const char *slash = strrchr(f->path, '/');
  char *id = fetch_identifier(f->rel), *name = fetch_valid_name(slash ? slash + 1 : f->path),
       *rel = fetch_valid_name(f->rel);
  cJSON *source = NULL;
  int ok = id && name && rel && cJSON_AddStringToObject(body, "id", id);
  if (ok) source = cJSON_AddObjectToObject(body, "source");
  gmtime_r(&f->st.st_mtime, &tm);
  strftime(modified, sizeof modified, "%Y-%m-%dT%H:%M:%SZ", &tm);
  ok = ok && source && cJSON_AddStringToObject(source, "uri", s->uri) &&
       cJSON_AddStringToObject(source, "name", name) && cJSON_AddStringToObject(source, "path", rel) &&
       cJSON_AddStringToObject(source, "type", info[0]) &&
       (!info[2] || cJSON_AddStringToObject(source, "encoding", info[2])) &&
       cJSON_AddNumberToObject(source, "bytes", (double)bytes->len) &&
       cJSON_AddStringToObject(source, "modified", modified) && cJSON_AddStringToObject(source, "sha256", info[1]);
  free(id);
  free(name);
  free(rel);
  return ok ? SL_OK : SL_ENOMEM;
}

/* chunk [take]: the payload. */
static int32_t emit_page(sl_ctx *ctx, struct stage *s, const fetch_found *f, fetch_chunk *chunk, const sl_bytes *bytes,
                         const char *encoding) {
  char hash[65];
  const char *type = s->p->format == FORMAT_HTML   ? "text/html"
                     : s->p->format == FORMAT_TEXT ? "text/plain"
                                                   : fetch_media_type(f->path, bytes->data, bytes->len);
  fetch_sha256(bytes->data, bytes->len, hash);
  sl_origin origin = {s->uri, NULL, hash};
  const char *const info[3] = {type, hash, encoding};
  sl_doc *doc = sl_new(ctx, NULL);
  cJSON *body = doc ? sl_body_edit(ctx, doc) : NULL;
  int32_t rc = body ? describe(body, s, f, bytes, info) : SL_ENOMEM;
  if (rc == SL_OK) rc = sl_set_origin(ctx, doc, &origin);
  if (rc == SL_OK) {
    chunk->used++;
    rc = sl_set_payload(ctx, doc, bytes->data, bytes->len, type, fetch_chunk_release, chunk);
  }
  fetch_chunk_done(chunk);
  if (rc != SL_OK) {
    if (doc) sl_discard(ctx, doc);
    return out_of_memory(ctx);
  }
  sl_set_cursor(ctx, doc, s->file_no << CURSOR_BITS | bytes->len);
  return after(sl_emit(ctx, doc));
}

/* Reads a file that becomes one document, or a JSON array. */
static int32_t whole_file(sl_ctx *ctx, struct stage *s, const fetch_found *f, uint64_t *credit) {
  reason why = {0};
  size_t len = 0;
  if (S_ISREG(f->st.st_mode) && f->st.st_size > s->p->max_bytes) {
    char detail[96];
    snprintf(detail, sizeof detail, "expected at most %lld bytes, found %lld", (long long)s->p->max_bytes,
             (long long)f->st.st_size);
    reason because = {SL_ELIMIT, "the file is larger than max_bytes", detail, "raise max_bytes, or take the file out"};
    close(f->fd);
    int32_t rc = reject(ctx, s, NULL, 0, &because);
    close_file(s);
    return rc;
  }
  fetch_reader *r = fetch_reader_new(f->fd, s->p->max_ratio, 0);
  fetch_chunk *chunk = r ? read_whole(s, r, (int64_t)f->st.st_size, &len, &why) : NULL;
  const char *encoding = r ? fetch_reader_encoding(r) : NULL;
  fetch_reader_free(r);
  *credit = *credit > len ? *credit - len : 0;
  int32_t rc;
  if (!chunk && !why.message) {
    rc = out_of_memory(ctx);
  } else if (!chunk) {
    rc = reject(ctx, s, NULL, 0, &why);
  } else if (s->bodies) {
    return begin_json(ctx, s, chunk, len);
  } else {
    sl_bytes bytes = {chunk->data, len};
    rc = emit_page(ctx, s, f, chunk, &bytes, encoding);
  }
  close_file(s);
  return rc;
}

static int32_t open_file(sl_ctx *ctx, struct stage *s, const fetch_found *f, uint64_t *credit) {
  int kind = fetch_kind_of(f->path);
  if (s->p->format == FORMAT_NDJSON || (s->p->format == FORMAT_AUTO && s->bodies && kind != FETCH_JSON)) {
    fetch_reader *r = fetch_reader_new(f->fd, s->p->max_ratio, 0);
    if (!r) return out_of_memory(ctx);
    fetch_lines_init(&s->lines, r, &s->memory, (size_t)s->p->max_record);
    s->in_lines = 1;
    return 0;
  }
  if (s->p->format == FORMAT_AUTO && !s->bodies && kind != FETCH_PAGE) {
    reason because = {
        SL_EUNSUP, "this file holds JSON documents, but the stage makes pages", f->path,
        "read it with a stage whose paths end in .json or .jsonl, or say format: text to take it as it is"};
    close(f->fd);
    int32_t rc = reject(ctx, s, NULL, 0, &because);
    close_file(s);
    return rc;
  }
  return whole_file(ctx, s, f, credit);
}

static int32_t tell_missing(sl_ctx *ctx, struct stage *s, uint32_t group) {
  char text[1200];
  const char *path = path_at(s->p, group);
  if (s->p->missing) {
    fail_missing(ctx, s->p, group);
    return SL_V_FATAL;
  }
  snprintf(text, sizeof text, "no file matches %s", path);
  sl_log(ctx, SL_LOG_WARN, text);
  return 0;
}

static int32_t tell_skipped(sl_ctx *ctx, const fetch_found *f) {
  char text[1400];
  snprintf(text, sizeof text, "%s is left out: %s", f->path, f->why);
  sl_log(ctx, SL_LOG_WARN, text);
  sl_count(ctx, "files_skipped", 1);
  return 0;
}

/* Goes to the next file. 0, or the result of produce. */
static int32_t next_file(sl_ctx *ctx, struct stage *s, uint64_t *credit) {
  fetch_found f;
  *credit = *credit > DOC_COST ? *credit - DOC_COST : 0;
  if (fetch_walk_next(s->walk, &f) < 0) return out_of_memory(ctx);
  if (f.kind == FETCH_END) {
    s->finished = 1;
    return SL_P_END;
  }
  if (f.kind == FETCH_MISSING) return tell_missing(ctx, s, f.group);
  if (f.kind == FETCH_SKIPPED) return tell_skipped(ctx, &f);
  s->file_no++;
  s->uri = fetch_uri(f.path);
  if (!s->uri) {
    if (f.fd >= 0) close(f.fd);
    return out_of_memory(ctx);
  }
  if (f.kind == FETCH_FILE) return open_file(ctx, s, &f, credit);
  reason because = {f.error == EACCES || f.error == EPERM ? SL_EPERM
                    : f.error == ENOENT                   ? SL_ENOTFOUND
                                                          : SL_EIO,
                    f.why, f.error ? strerror(f.error) : NULL,
                    "check the file and its rights; the other files are read"};
  int32_t rc = reject(ctx, s, NULL, 0, &because);
  close_file(s);
  return rc;
}

static int32_t produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  struct stage *s = stage;
  (void)lane;
  if (s->finished || !s->walk) return SL_P_END;
  if (credit > TURN_BYTES) credit = TURN_BYTES;
  do {
    int32_t rc = s->in_lines  ? produce_lines(ctx, s, &credit)
                 : s->in_json ? produce_elements(ctx, s, &credit)
                              : next_file(ctx, s, &credit);
    if (rc != 0) return rc;
  } while (credit > 0);
  return SL_P_MORE;
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  stop(NULL, s);
  for (uint32_t i = 0; s->map && i < s->p->map.count; i++) {
    free(s->map[i].to);
    free(s->map[i].from);
  }
  free(s->map);
  free(s);
}

static const sl_stage_type fetch_files_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "fetch_files",
    .summary = "Reads files: pages and texts, JSON and NDJSON, plain or compressed",
    .help = "A page or text becomes one document: its bytes are the payload, `/id` is its path without the ending.\n"
            "JSON and NDJSON documents keep their fields as they are.\n"
            "A file that cannot be read becomes a dead letter; the others are read.",
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .contract = contract,
    .create = create,
    .start = start,
    .produce = produce,
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
