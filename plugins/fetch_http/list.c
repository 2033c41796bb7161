/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source: the pages of a list or file of URLs.
 *
 * A document's cursor is its pass over the list and its place in it, so that documents are given in the order of the
 * list while their pages come in any order: a bounded number of URLs is under way ahead of the next that is given. A
 * run that stopped goes on in its pass; a pass that was completed is followed by another one.
 *
 * The note of a URL is written before its document is given, with the cursor: a note of the very cursor that is read
 * again belongs to a document that did not end, and the URL is fetched again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/fnv.h"
#include "fetch.h"
#include "lines.h"

#define PLACE_BITS 42
#define BUCKETS 4096
#define DOC_COST 400
/* Pages that wait for those before them in the list. */
#define READY_MAX ((size_t)32 << 20)
/* URLs that are looked at in one call: the loop has others to serve. */
#define TURN_URLS 256

enum { MISSING_REJECT, MISSING_DROP };

typedef struct list_params {
  sl_list urls;
  const char *file;
  int64_t window, ahead;
  int32_t missing;
  web_params web;
} list_params;

static const sl_param params_table[] = {
    SL_PARAM(list_params, urls, SL_T_STRING, SL_PF_LIST, "[]", NULL, "The URLs to fetch."),
    SL_PARAM(list_params, file, SL_T_PATH, 0, NULL, NULL,
             "A file with one URL on each line. Empty lines and lines that begin with # do not count."),
    SL_PARAM(list_params, window, SL_T_DURATION, 0, "1h", "0..3660d",
             "A URL that was fetched less than this ago is not fetched again. 0: always fetched, but asked for "
             "conditionally. A page that is the same as last time gives no document."),
    SL_PARAM(list_params, missing, SL_T_ENUM, 0, "reject", "reject|drop",
             "What becomes of a URL whose page cannot be had for good (404, robots.txt, too large, a private address): "
             "a dead letter, or nothing."),
    SL_PARAM(list_params, ahead, SL_T_INT, SL_PF_ADVANCED, "1024", "1..100000",
             "URLs that are under way at most. Pages are given in the order of the list, so that a slow one holds up "
             "those behind it; a list with its hosts mixed needs fewer."),
    WEB_PARAMS(list_params, web),
};

static const sl_field fields_table[] = {
    {"/id", SL_C_WRITES, SL_J_STRING, "The URL."},
    {"/source", SL_C_WRITES, SL_J_OBJECT, "uri, fetched, type, bytes, sha256"},
    {"/source/uri", SL_C_WRITES, SL_J_STRING, NULL},
    {"/source/fetched", SL_C_WRITES, SL_J_STRING, NULL},
    {"/source/type", SL_C_WRITES, SL_J_STRING, NULL},
    {"/source/bytes", SL_C_WRITES, SL_J_NUMBER, NULL},
    {"/source/sha256", SL_C_WRITES, SL_J_STRING, NULL},
    {"/http", SL_C_WRITES, SL_J_OBJECT, "url, final_url, status, fetched_at, etag, last_modified, redirects"},
    {"@payload", SL_C_WRITES, 0, "The page as it came, after decompression."},
};

typedef struct list_stage list_stage;

/* A URL that is under way, or whose document waits to be given. */
typedef struct list_item {
  struct list_item *next, *same; /* same: bucket by key */
  list_stage *stage;
  uint64_t cursor, fetch; /* fetch 0: nothing comes any more */
  sl_doc *doc;            /* to be given; NULL: nothing */
  size_t bytes;
  bool rejected, again; /* again: there was no memory for its document */
  char *note;           /* for the state */
  size_t note_len;
  char *url;
  char key[FETCH_KEY_MAX];
} list_item;

struct list_stage {
  const list_params *p;
  web_client *client;
  const sl_resume *resume;
  fetch_memory *memory;
  fetch_lines lines;
  bool ended;
  uint64_t pass, began, last; /* began: the position when the run began; last: the last cursor given */
  list_item *head, *tail;
  list_item *by_key[BUCKETS];
  int64_t n_items;
  size_t ready_bytes;
};

static uint64_t cursor_of(const list_stage *s, uint64_t place) { return s->pass << PLACE_BITS | place; }

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

/* ---- the document of a page -------------------------------------------------------------------------------------- */

static int describe(cJSON *body, const web_result *r) {
  char when[32], type[256];
  cJSON *source = cJSON_CreateObject(), *http = fetch_describe(r);
  fetch_time(r->fetched_at, when);
  fetch_media_type(r, type, sizeof type);
  int bad = !source || !http || fetch_put(source, "uri", cJSON_CreateString(r->url)) ||
            fetch_put(source, "fetched", cJSON_CreateString(when)) ||
            fetch_put(source, "type", cJSON_CreateString(type)) ||
            fetch_put(source, "bytes", cJSON_CreateNumber((double)r->body_len)) ||
            fetch_put(source, "sha256", cJSON_CreateString(r->sha256));
  bad = bad || fetch_put(body, "id", cJSON_CreateString(r->url));
  if (bad) {
    cJSON_Delete(source);
    cJSON_Delete(http);
    return -1;
  }
  /* Both are taken in any case. */
  bad = fetch_put(body, "source", source);
  return fetch_put(body, "http", http) || bad ? -1 : 0;
}

/* A document with its origin. NULL after sl_fail. */
static sl_doc *document(sl_ctx *ctx, list_item *i, web_result *r) {
  sl_doc *doc = sl_new(ctx, NULL);
  cJSON *body = doc && r->outcome == WEB_OK ? cJSON_CreateObject() : NULL;
  int32_t rc = doc ? SL_OK : SL_ENOMEM;
  if (!rc && r->outcome == WEB_OK) {
    if (!body || describe(body, r)) {
      cJSON_Delete(body);
      rc = SL_ENOMEM;
    }
    if (!rc) rc = sl_set_body(ctx, doc, body);
    i->bytes = r->body_len;
    if (!rc) rc = fetch_set_page(ctx, doc, i->stage->client, r);
  } else if (!rc) {
    const sl_origin origin = {.uri = r->url};
    rc = sl_set_origin(ctx, doc, &origin);
    fetch_fail(ctx, doc, r);
    i->rejected = true;
  }
  if (!rc) {
    sl_set_cursor(ctx, doc, i->cursor);
    return doc;
  }
  if (doc) sl_discard(ctx, doc);
  return NULL;
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

/* Before the document is given. */
static void write_note(sl_ctx *ctx, const list_item *i) {
  const list_stage *s = i->stage;
  if (!i->key[0] || !i->note) return;
  if (s->resume)
    (void)s->resume->put(ctx, i->key, i->note, i->note_len);
  else if (s->memory)
    fetch_memory_put(s->memory, i->key, sl_now(ctx));
}

/* Notes that say nothing any more: past the window, and without a page for so long that it is not asked for again. */
typedef struct purge {
  char *keys[512];
  uint32_t n;
  int64_t now, window;
} purge;

#define KEPT_NS (INT64_C(30) * 86400 * 1000000000)

static int32_t find_old(void *user, const char *key, const sl_bytes *value) {
  purge *p = user;
  fetch_record r;
  char *hold = NULL;
  int rc = fetch_record_read(value->data, value->len, &r, &hold);
  bool old = rc == SL_EPARSE || (!rc && p->now - r.at > p->window + KEPT_NS);
  free(hold);
  if (old && !(p->keys[p->n] = strdup(key))) return 1;
  if (old) p->n++;
  return p->n == sizeof p->keys / sizeof *p->keys;
}

static void purge_notes(sl_ctx *ctx, const list_stage *s) {
  purge p = {.now = sl_now(ctx), .window = s->p->window};
  do {
    p.n = 0;
    (void)s->resume->each(ctx, "u:", find_old, &p);
    for (uint32_t i = 0; i < p.n; i++) {
      (void)s->resume->put(ctx, p.keys[i], NULL, 0);
      free(p.keys[i]);
    }
  } while (p.n == sizeof p.keys / sizeof *p.keys);
}

/* What is known of the URL. 1: it is not fetched now. */
static int look_up(sl_ctx *ctx, list_item *i, fetch_record *r, char **hold) {
  list_stage *s = i->stage;
  int64_t now = sl_now(ctx);
  sl_bytes value;
  if (!s->resume) {
    int64_t at = s->memory ? fetch_memory_get(s->memory, i->key) : 0;
    return at && now - at < s->p->window;
  }
  if (s->resume->get(ctx, i->key, &value) || fetch_record_read(value.data, value.len, r, hold)) return 0;
  /* Of a document that was given and did not end, be it here or in a list that is not the same any more. */
  bool unfinished = r->cursor == i->cursor || (r->cursor > s->began && r->cursor >> PLACE_BITS != s->pass);
  if (unfinished) {
    *r = (fetch_record){.etag = "", .last_modified = "", .sha256 = "", .final_url = ""};
    return 0;
  }
  return s->p->window && r->at && now - r->at < s->p->window;
}

/* ---- pages that come --------------------------------------------------------------------------------------------- */

static void keep_note(list_item *i, const fetch_record *r) {
  char *fresh = NULL;
  if (fetch_record_write(r, &fresh, &i->note_len)) fresh = NULL;
  free(i->note);
  i->note = fresh;
}

static void on_page(sl_ctx *ctx, void *user, web_result *r) {
  list_item *i = user;
  list_stage *s = i->stage;
  fetch_record record = fetch_record_of(r, i->cursor);
  i->fetch = 0;
  fetch_count(ctx, r);
  if (r->outcome == WEB_OK) keep_note(i, &record);
  if (r->outcome == WEB_UNCHANGED && i->note) {
    /* What was known stays, with a new time; no document stands for it. */
    fetch_record old;
    char *hold = NULL;
    if (!fetch_record_read(i->note, i->note_len, &old, &hold)) {
      old.at = r->fetched_at;
      old.cursor = 0;
      keep_note(i, &old);
      write_note(ctx, i);
    }
    free(hold);
  }
  bool wanted = r->outcome == WEB_OK || (r->outcome == WEB_FAILED && (r->temporary || s->p->missing == MISSING_REJECT));
  if (wanted) {
    i->doc = document(ctx, i, r);
    i->again = !i->doc;
    if (i->doc) s->ready_bytes += i->bytes;
  }
  sl_wake(ctx);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static void item_free(sl_ctx *ctx, list_item *i) {
  if (i->doc) sl_discard(ctx, i->doc);
  free(i->note);
  free(i->url);
  free(i);
}

static bool ask(list_item *i, const fetch_record *known) {
  const web_request request = {.url = i->url,
                               .etag = known->etag,
                               .last_modified = known->last_modified,
                               .validated_url = known->final_url,
                               .sha256 = known->sha256,
                               .done = on_page,
                               .user = i};
  i->again = false;
  i->fetch = web_fetch(i->stage->client, &request);
  return i->fetch != 0;
}

/* Where the items with this key are. */
static list_item **bucket_of(list_stage *s, const char *key) { return &s->by_key[fnv_text(key) % BUCKETS]; }

static bool is_under_way(list_stage *s, const char *key) {
  for (const list_item *i = *bucket_of(s, key); i; i = i->same)
    if (strcmp(i->key, key) == 0) return true;
  return false;
}

static void add_item(list_stage *s, list_item *i) {
  list_item **bucket = bucket_of(s, i->key);
  i->same = *bucket;
  *bucket = i;
  *(s->tail ? &s->tail->next : &s->head) = i;
  s->tail = i;
  s->n_items++;
}

/* The first of all. */
static list_item *take_item(list_stage *s) {
  list_item *i = s->head, **at = bucket_of(s, i->key);
  s->head = i->next;
  if (!s->head) s->tail = NULL;
  s->n_items--;
  while (*at != i) at = &(*at)->same;
  *at = i->same;
  return i;
}

/* Begins with the next URL. 1: it is under way, or needs nothing; 0: the list has ended; or an error. */
static int32_t begin_one(sl_ctx *ctx, list_stage *s) {
  const char *url;
  uint64_t place;
  fetch_record known = {.etag = "", .last_modified = "", .sha256 = "", .final_url = ""};
  char *hold = NULL;
  int rc = fetch_lines_next(&s->lines, &url, &place);
  if (rc <= 0) return rc;
  if (s->resume && s->resume->given(ctx, cursor_of(s, place))) return 1;
  list_item *i = calloc(1, sizeof *i);
  if (!i) return SL_ENOMEM;
  i->stage = s;
  i->cursor = cursor_of(s, place);
  if (!fetch_key(ctx, "u:", url, i->key)) i->key[0] = '\0';
  if (i->key[0] && ((s->p->window && is_under_way(s, i->key)) || look_up(ctx, i, &known, &hold))) {
    sl_count(ctx, "seen", 1);
    free(hold);
    free(i);
    return 1;
  }
  if (known.at) keep_note(i, &known);
  i->url = strdup(url);
  bool good = i->url && ask(i, &known);
  free(hold);
  if (!good) {
    item_free(ctx, i);
    return SL_ENOMEM;
  }
  add_item(s, i);
  return 1;
}

static int32_t open_lines(sl_ctx *ctx, list_stage *s, uint64_t at) {
  fetch_lines_close(&s->lines);
  if (fetch_lines_open(&s->lines, &s->p->urls, s->p->file, at) == 0) return SL_OK;
  sl_fail(ctx, SL_EIO, "the file of URLs cannot be read", strerror(errno), s->p->file);
  return SL_EIO;
}

/* All documents of the pass were given; it is complete when the last of them has ended. */
static void note_end(sl_ctx *ctx, const list_stage *s) {
  char text[64];
  int n = snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, s->pass, s->last);
  if (s->resume) (void)s->resume->put(ctx, "end", text, (size_t)n);
}

static bool has_room(const list_stage *s) {
  return !s->ended && s->n_items < s->p->ahead && s->ready_bytes < READY_MAX;
}

static int32_t refill(sl_ctx *ctx, list_stage *s) {
  for (int n = 0; n < TURN_URLS && has_room(s); n++) {
    uint64_t at = s->lines.at;
    int32_t rc = begin_one(ctx, s);
    /* What is under way will free some. */
    if (rc == SL_ENOMEM && s->head && fetch_lines_back(&s->lines, at) == 0) return SL_OK;
    if (rc == SL_ENOMEM) return no_memory(ctx);
    if (rc < 0) {
      sl_fail(ctx, SL_EIO, "the file of URLs cannot be read", strerror(errno), s->p->file);
      return rc;
    }
    s->ended = rc == 0;
  }
  return SL_OK;
}

static int32_t give(sl_ctx *ctx, list_stage *s, list_item *i) {
  sl_doc *doc = i->doc;
  i->doc = NULL;
  s->ready_bytes -= i->bytes;
  s->last = i->cursor;
  if (i->rejected) return sl_reject(ctx, doc);
  write_note(ctx, i);
  return sl_emit(ctx, doc);
}

static int32_t produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  list_stage *s = stage;
  (void)lane;
  if (refill(ctx, s)) return SL_V_FATAL;
  while (s->head && !s->head->fetch && credit > 0) {
    list_item *i = s->head;
    const fetch_record nothing = {0};
    if (i->again && ask(i, &nothing)) break;
    if (i->again) return no_memory(ctx), SL_V_FATAL;
    uint64_t cost = i->bytes + DOC_COST;
    take_item(s);
    int32_t rc = i->doc ? give(ctx, s, i) : SL_OK;
    item_free(ctx, i);
    if (rc) return SL_V_FATAL;
    credit = credit > cost ? credit - cost : 0;
  }
  if (refill(ctx, s)) return SL_V_FATAL;
  if (!s->head && s->ended) {
    note_end(ctx, s);
    return SL_P_END;
  }
  if (!s->head) return SL_P_MORE;
  return s->head->fetch && !has_room(s) ? SL_P_WAIT : SL_P_MORE;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  list_stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (!s) return no_memory(ctx);
  s->p = params;
  if (!s->p->urls.count && !s->p->file) {
    sl_fail(ctx, SL_EINVAL, "there is nothing to fetch", NULL, "give `urls: [https://…]` or `file: urls.txt`");
    return SL_EINVAL;
  }
  return web_client_new(ctx, &s->p->web, &s->client);
}

/* A note of the state as text, "" if there is none. */
static void note_text(sl_ctx *ctx, const list_stage *s, const char *key, char *text, size_t cap) {
  sl_bytes value;
  size_t n = s->resume->get(ctx, key, &value) == SL_OK && value.len < cap ? value.len : 0;
  if (n) memcpy(text, value.data, n);
  text[n] = '\0';
}

/* Where the run goes on: in a pass that is not complete, or in a new one. */
static uint64_t place_to_begin(sl_ctx *ctx, list_stage *s) {
  char mark[128], old[128], end[64];
  uint64_t ended = 0, last = 0;
  s->last = 0;
  s->pass++;
  if (!s->resume) return 0;
  s->began = s->resume->position(ctx);
  note_text(ctx, s, "list", old, sizeof old);
  note_text(ctx, s, "end", end, sizeof end);
  fetch_lines_mark(&s->p->urls, s->p->file, old[0] ? old : NULL, mark);
  if (sscanf(end, "%" SCNu64 " %" SCNu64, &ended, &last) != 2) ended = last = 0;
  uint64_t pass = s->began >> PLACE_BITS;
  s->pass = pass > ended ? pass : ended;
  if (s->pass == 0) s->pass = 1;
  bool complete = ended == s->pass && s->began >= last, same = strcmp(old, mark) == 0;
  if (!same) (void)s->resume->put(ctx, "list", mark, strlen(mark));
  if (same && !complete) return pass == s->pass ? s->began & (((uint64_t)1 << PLACE_BITS) - 1) : 0;
  if (old[0]) s->pass++;
  return 0;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  list_stage *s = stage;
  s->resume = sl_extension(ctx, SL_EXT_RESUME);
  if (!s->resume && s->p->window && !s->memory && !(s->memory = fetch_memory_new())) return no_memory(ctx);
  if (s->resume) purge_notes(ctx, s);
  s->ended = false;
  int32_t rc = open_lines(ctx, s, place_to_begin(ctx, s));
  return rc ? rc : web_client_start(s->client, ctx);
}

static void stop(sl_ctx *ctx, void *stage) {
  list_stage *s = stage;
  web_client_stop(s->client);
  while (s->head) item_free(ctx, take_item(s));
  s->ready_bytes = 0;
  fetch_lines_close(&s->lines);
}

static void destroy(void *stage) {
  list_stage *s = stage;
  if (!s) return;
  fetch_lines_close(&s->lines);
  web_client_free(s->client);
  fetch_memory_free(s->memory);
  free(s);
}

const sl_stage_type fetch_http_list_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "fetch_http",
    .summary = "Fetches the pages of a list or file of URLs",
    .help = "`urls:` names pages, `file:` a file with one URL on each line. As a transform, for the pages of documents "
            "that come from elsewhere, it is `uses: fetch_http.page`.",
    .flags = SL_F_ASYNC,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(list_params),
    .fields = fields_table,
    .n_fields = sizeof fields_table / sizeof *fields_table,
    .field_size = sizeof(sl_field),
    .create = create,
    .start = start,
    .produce = produce,
    .stop = stop,
    .destroy = destroy,
};
