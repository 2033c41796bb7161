/* SPDX-License-Identifier: Apache-2.0 */
/* The stage clean: from the bytes of a file or page to the text of an article, with the way back. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <strings.h>

#include "fields.h"

#define EMPTY_DROP 0
#define EMPTY_REJECT 1

struct params {
  int32_t format, invalid, empty, paragraphs, captions;
  int32_t dates, images, related, bylines, site, prefixes, duplicates;
  int32_t title, lead, list_removed, drop_payload;
  const char *charset, *utc_offset;
  int64_t max_bytes, max_nodes;
  sl_list sites;
};

struct site {
  const char *host, *content, *title, *lead;
  sl_list drop;
};

static const sl_param site_table[] = {
    SL_PARAM(struct site, host, SL_T_STRING, SL_PF_REQUIRED | SL_PF_NONEMPTY, NULL, NULL,
             "Host of the pages; those below it count, too."),
    SL_PARAM(struct site, content, SL_T_STRING, 0, NULL, NULL, "Selector of what holds the article."),
    SL_PARAM(struct site, title, SL_T_STRING, 0, NULL, NULL, "Selector of the title; the first match counts."),
    SL_PARAM(struct site, lead, SL_T_STRING, 0, NULL, NULL, "Selector of the lead; the first match counts."),
    SL_PARAM(struct site, drop, SL_T_STRING, SL_PF_LIST, NULL, NULL, "Selectors of what is taken out of the article."),
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, format, SL_T_ENUM, 0, "auto", "auto|text|html",
             "What the payload is. auto: by its media type and first bytes."),
    SL_PARAM(
        struct params, charset, SL_T_STRING, 0, "auto", NULL,
        "Encoding of the payload, as iconv calls it, or TCVN3 or VNI. auto: UTF-8, UTF-16, Windows-1258, TCVN3 and VNI "
        "are told by their bytes, others by what is declared and by statistics. A byte order mark always wins."),
    SL_PARAM(struct params, invalid, SL_T_ENUM, 0, "reject", "reject|replace",
             "Bytes that are not in the encoding: the document goes to the dead letters with the byte offset, or each "
             "sequence becomes "
             "U+FFFD and is listed in /removed."),
    SL_PARAM(struct params, empty, SL_T_ENUM, 0, "drop", "drop|reject|keep",
             "What happens to a document without any text."),
    SL_PARAM(struct params, paragraphs, SL_T_ENUM, 0, "line", "line|blank",
             "line: one paragraph per line of /text. blank: a blank line between paragraphs."),
    SL_PARAM(struct params, captions, SL_T_ENUM, 0, "remove", "remove|marked|keep",
             "Captions of photos. marked: only those that say so (\"Ảnh: …\"), not those known by what they say."),
    SL_PARAM(struct params, dates, SL_T_BOOL, 0, "true", NULL,
             "Remove lines that are the date of publication. It is read in any case."),
    SL_PARAM(struct params, images, SL_T_BOOL, 0, "true", NULL, "Remove lines that are the name of an image file."),
    SL_PARAM(struct params, related, SL_T_BOOL, 0, "true", NULL,
             "Remove links to other articles and the lists they stand in."),
    SL_PARAM(struct params, bylines, SL_T_BOOL, 0, "true", NULL,
             "Remove lines that name author or source; authors are read only then."),
    SL_PARAM(struct params, site, SL_T_BOOL, 0, "true", NULL,
             "Remove lines of the site itself: share, comment, advertisement, tags."),
    SL_PARAM(struct params, prefixes, SL_T_BOOL, 0, "true", NULL,
             "Remove the agency's mark before the lead: \"(Dân trí) -\", \"TTO -\"."),
    SL_PARAM(struct params, duplicates, SL_T_BOOL, 0, "true", NULL,
             "Keep only the first of paragraphs that are the same word for word."),
    SL_PARAM(struct params, title, SL_T_BOOL, 0, "true", NULL,
             "Look for the title among the first lines of plain text."),
    SL_PARAM(struct params, lead, SL_T_BOOL, 0, "true", NULL, "Look for the lead paragraph of plain text."),
    SL_PARAM(struct params, utc_offset, SL_T_STRING, 0, "+07:00", NULL,
             "Offset from UTC of times that name none; \"none\" leaves them without."),
    SL_PARAM(struct params, list_removed, SL_T_BOOL, 0, "true", NULL, "Write /removed."),
    SL_PARAM(struct params, drop_payload, SL_T_BOOL, 0, "false", NULL,
             "Give up the payload once the text is taken from it: saves memory, but the edit map then leads nowhere."),
    SL_PARAM_STRUCTS(
        struct params, sites, 0, struct site, site_table,
        "Sites whose pages need a word: selectors (tag, .class, #id, [attr=value], inside, >) in place of what "
        "the stage finds out by itself. The address is /url, or the document's origin."),
    SL_PARAM(struct params, max_bytes, SL_T_SIZE, 0, "16MiB", "1..", "A larger payload or text is rejected."),
    SL_PARAM(struct params, max_nodes, SL_T_INT, SL_PF_ADVANCED, "1000000", "1..",
             "A page with more tags and pieces of text is rejected; each takes some 100 bytes of memory."),
};

struct stage {
  clean_lexicon *lex;
  clean_mem mem;
  clean_options opt;
  const struct params *p;
  int zone;
  clean_site *sites;
};

static int32_t contract(const void *params, sl_contract *out) {
  const struct params *p = params;
  if (p->drop_payload) out->add(out, "@payload", SL_C_REMOVES, 0);
  return SL_OK;
}

/* The selector `text` (NULL: none) of the site's field; also drop lists, joined with commas. */
static int compile(sl_ctx *ctx, const struct stage *st, const char *text, clean_select **ret) {
  clean_why why = {0};
  if (!text || clean_select_new(&st->mem, text, ret, &why) == SL_OK) return SL_OK;
  sl_fail(ctx, why.code, why.message, why.detail, why.hint);
  return why.code;
}

static int compile_drop(sl_ctx *ctx, const struct stage *st, const sl_list *drop, clean_select **ret) {
  const char *const *items = drop->items;
  size_t n = 1;
  for (uint32_t i = 0; i < drop->count; i++) n += strlen(items[i]) + 2;
  if (drop->count == 0) return SL_OK;
  char *all = sl_alloc(ctx, n), *p = all;
  if (!all) return sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL), SL_ENOMEM;
  for (uint32_t i = 0; i < drop->count; i++) p += sprintf(p, "%s%s", i ? ", " : "", items[i]);
  int rc = compile(ctx, st, all, ret);
  sl_free(ctx, all);
  return rc;
}

static int compile_sites(sl_ctx *ctx, struct stage *st) {
  const struct site *from = st->p->sites.items;
  uint32_t n = st->p->sites.count;
  if (n == 0) return SL_OK;
  st->sites = sl_alloc(ctx, n * sizeof *st->sites);
  if (!st->sites) return sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL), SL_ENOMEM;
  memset(st->sites, 0, n * sizeof *st->sites);
  for (uint32_t i = 0; i < n; i++) {
    clean_site *to = &st->sites[i];
    to->host = from[i].host;
    int rc = compile(ctx, st, from[i].content, &to->content);
    if (!rc) rc = compile(ctx, st, from[i].title, &to->title);
    if (!rc) rc = compile(ctx, st, from[i].lead, &to->lead);
    if (!rc) rc = compile_drop(ctx, st, &from[i].drop, &to->drop);
    if (rc) return rc;
  }
  st->opt.sites = st->sites;
  st->opt.n_sites = n;
  return SL_OK;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const struct params *p = params;
  int zone = CLEAN_NO_ZONE;
  if (strcasecmp(p->charset, "auto") != 0 && !clean_charset_known(p->charset)) {
    sl_fail(ctx, SL_EINVAL, "charset is not an encoding that iconv or this stage knows", p->charset,
            "see iconv --list, or write TCVN3, VNI or auto");
    return SL_EINVAL;
  }
  if (strcasecmp(p->utc_offset, "none") != 0 && clean_zone_read(p->utc_offset, strlen(p->utc_offset), &zone)) {
    sl_fail(ctx, SL_EINVAL, "utc_offset is not an offset from UTC", p->utc_offset, "write it like +07:00, Z or none");
    return SL_EINVAL;
  }
  struct stage *st = sl_alloc(ctx, sizeof *st);
  if (!st) return sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL), SL_ENOMEM;
  *st = (struct stage){.mem = {ctx->host->alloc, ctx->host->free}, .p = p, .zone = zone};
  *ret_stage = st;
  st->opt = (clean_options){
      .format = p->format,
      .replace = p->invalid,
      .blank_line = p->paragraphs == CLEAN_BREAK_BLANK,
      .max_nodes = (size_t)p->max_nodes,
      .charset = p->charset,
      .rules = {.dates = p->dates,
                .images = p->images,
                .captions = p->captions != CLEAN_CAPTIONS_KEEP,
                .bare_captions = p->captions == CLEAN_CAPTIONS_REMOVE,
                .related = p->related,
                .bylines = p->bylines,
                .site = p->site,
                .duplicates = p->duplicates,
                .prefixes = p->prefixes,
                .title = p->title,
                .lead = p->lead},
  };
  st->lex = clean_lexicon_new(&st->mem);
  if (!st->lex) return sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL), SL_ENOMEM;
  return compile_sites(ctx, st);
}

static void destroy(void *stage) {
  struct stage *st = stage;
  if (!st) return;
  clean_mem mem = st->mem;
  for (uint32_t i = 0; st->sites && i < st->p->sites.count; i++) {
    clean_select_free(&mem, st->sites[i].content);
    clean_select_free(&mem, st->sites[i].title);
    clean_select_free(&mem, st->sites[i].lead);
    clean_select_free(&mem, st->sites[i].drop);
  }
  mem.free(st->sites);
  clean_lexicon_free(st->lex, &mem);
  mem.free(st);
}

static int32_t lane_open(sl_ctx *ctx, void *stage, void **ret_lane) {
  struct stage *st = stage;
  clean_work *w = sl_alloc(ctx, sizeof *w);
  if (!w) return sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL), SL_ENOMEM;
  clean_work_init(w, &st->mem);
  *ret_lane = w;
  return SL_OK;
}

static void lane_close(sl_ctx *ctx, void *stage, void *lane) {
  (void)stage;
  if (!lane) return;
  clean_work_done(lane);
  sl_free(ctx, lane);
}

/* ---- the result as JSON
 * ------------------------------------------------------------------------------------------------ */

/* {"kind": "caption", "text": "…", "bytes": [120, 180]}; bytes are the payload's. */
static cJSON *removed_item(const clean_mem *mem, const clean_removed *r, int has_payload) {
  cJSON *o = cJSON_CreateObject();
  if (!o) return NULL;
  int ok = clean_json_put(o, "kind", cJSON_CreateString(clean_kind_name(r->kind))) &&
           clean_json_put(o, "text", clean_json_string(mem, r->text, r->n));
  if (ok && has_payload && r->end > r->start) {
    cJSON *b = cJSON_CreateArray();
    ok = b && clean_json_push(b, cJSON_CreateNumber((double)r->start)) &&
         clean_json_push(b, cJSON_CreateNumber((double)r->end));
    ok = clean_json_put(o, "bytes", b) && ok;
  }
  if (ok) return o;
  cJSON_Delete(o);
  return NULL;
}

static int put_removed(const clean_mem *mem, const clean_work *w, int has_payload, cJSON *o) {
  cJSON *a = cJSON_CreateArray();
  int ok = a != NULL;
  for (size_t i = 0; ok && i < w->n_removed; i++)
    ok = clean_json_push(a, removed_item(mem, &w->removed[i], has_payload));
  return clean_json_put(o, "removed", a) && ok;
}

/* Captions of a page, apart from its text. */
static int put_captions(const clean_mem *mem, const clean_work *w, cJSON *o) {
  cJSON *a = cJSON_CreateArray();
  int ok = a != NULL;
  for (size_t i = 0; ok && i < w->n_removed; i++) {
    const clean_removed *r = &w->removed[i];
    if (r->kind == CLEAN_K_CAPTION) ok = clean_json_push(a, clean_json_string(mem, r->text, r->n));
  }
  if (ok && cJSON_GetArraySize(a) == 0) return cJSON_Delete(a), 1;
  return clean_json_put(o, "captions", a) && ok;
}

/* The new fields as an object of their own: nothing of the document changes before all of them are made. */
static int make_fields(struct stage *st, const clean_work *w, const cJSON *body, int has_payload, cJSON *o) {
  return clean_json_put(o, "schema", cJSON_CreateNumber(1)) && clean_fields(&st->mem, w, body, st->zone, o) &&
         (!w->is_html || put_captions(&st->mem, w, o)) &&
         (!st->p->list_removed || put_removed(&st->mem, w, has_payload, o));
}

/* Sets /text with its map; the plain way where the host has no edit map. */
static int32_t set_text(sl_ctx *ctx, sl_doc *doc, const clean_work *w, int has_payload) {
  const sl_edit *edit = sl_extension(ctx, SL_EXT_EDIT);
  const char *s = w->out.s ? w->out.s : "";
  if (edit) return edit->set_text(ctx, doc, s, w->out.n, w->out.runs, has_payload ? (uint32_t)w->out.n_runs : 0);
  cJSON *body = sl_body_edit(ctx, doc), *item = body ? clean_json_string(w->mem, s, w->out.n) : NULL;
  if (!item) return SL_ENOMEM;
  cJSON_DeleteItemFromObjectCaseSensitive(body, "text");
  cJSON_AddItemToObjectCS(body, "text", item);
  return SL_OK;
}

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_V_RETRY;
}

static int32_t store(sl_ctx *ctx, struct stage *st, clean_work *w, sl_doc *doc, const cJSON *body, int has_payload) {
  cJSON *fields = cJSON_CreateObject(), *o;
  if (!fields || !make_fields(st, w, body, has_payload, fields) || !sl_body_edit(ctx, doc) ||
      set_text(ctx, doc, w, has_payload) || !(o = sl_body_edit(ctx, doc))) {
    cJSON_Delete(fields);
    return no_memory(ctx);
  }
  /* Nothing below takes memory. The text goes where a reader looks for it: behind title and lead. */
  cJSON *text = has_payload ? cJSON_DetachItemFromObjectCaseSensitive(o, "text") : NULL;
  while (fields->child) {
    cJSON *item = cJSON_DetachItemViaPointer(fields, fields->child);
    const char *key = item->string;
    if (text && strcmp(key, "removed") == 0) {
      cJSON_AddItemToObjectCS(o, "text", text);
      text = NULL;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(o, key);
    cJSON_AddItemToObjectCS(o, key, item);
  }
  if (text) cJSON_AddItemToObjectCS(o, "text", text);
  cJSON_Delete(fields);
  if (st->p->drop_payload && has_payload) ctx->host->doc_set_payload(ctx, doc, NULL, 0, NULL, NULL, NULL);
  return SL_V_OK;
}

static int32_t refuse(sl_ctx *ctx, const clean_why *why) {
  sl_fail(ctx, why->code, why->message, why->detail[0] ? why->detail : NULL, why->hint[0] ? why->hint : NULL);
  return SL_V_REJECT;
}

static int32_t on_empty(sl_ctx *ctx, const struct stage *st) {
  sl_count(ctx, "empty", 1);
  if (st->p->empty == EMPTY_DROP) return SL_V_DROP;
  sl_fail(ctx, SL_EPARSE, "the document has no text", NULL,
          "such documents are dropped with empty: drop, or go on with empty: keep");
  return SL_V_REJECT;
}

/* Where the page came from: /url, or the origin when it is an address of the web. */
static const char *page_url(sl_ctx *ctx, sl_doc *doc, const cJSON *body) {
  const cJSON *url = cJSON_GetObjectItemCaseSensitive(body, "url");
  sl_origin origin;
  if (cJSON_IsString(url)) return url->valuestring;
  sl_get_origin(ctx, doc, &origin);
  return origin.uri && strncasecmp(origin.uri, "http", 4) == 0 ? origin.uri : NULL;
}

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  struct stage *st = stage;
  clean_work *w = lane;
  clean_why why;
  sl_bytes in;
  const char *type;
  sl_payload(ctx, doc, &in, &type);
  const cJSON *body = sl_body(ctx, doc), *text = NULL;
  if (!body) return no_memory(ctx);
  int has_payload = type != NULL || in.data != NULL;
  if (!has_payload) {
    text = cJSON_GetObjectItemCaseSensitive(body, "text");
    if (!cJSON_IsString(text)) {
      clean_refuse(&why, SL_ENOTFOUND, NULL,
                   "put a source that reads files, or a stage that sets /text, above this one",
                   "expected a payload or a string at /text, found %s", text ? "a /text that is no string" : "neither");
      return refuse(ctx, &why);
    }
    in = (sl_bytes){text->valuestring, strlen(text->valuestring)};
  }
  if (in.len > (uint64_t)st->p->max_bytes) {
    clean_refuse(&why, SL_ELIMIT, NULL, "raise max_bytes, or split the file", "expected at most %lld bytes, found %zu",
                 (long long)st->p->max_bytes, in.len);
    return refuse(ctx, &why);
  }
  if (in.len == 0 && st->p->empty <= EMPTY_REJECT) return on_empty(ctx, st);
  clean_input input = {in.data ? in.data : "", in.len, type, !has_payload, page_url(ctx, doc, body)};
  int rc = clean_article(w, &input, st->lex, &st->opt, &why);
  if (rc == SL_ENOMEM) return no_memory(ctx);
  if (rc) return refuse(ctx, &why);
  if (w->out.n == 0 && st->p->empty <= EMPTY_REJECT) return on_empty(ctx, st);
  return store(ctx, st, w, doc, body, has_payload);
}

static const sl_field fields[] = {
    {"@payload", SL_C_READS_MAYBE, 0, "bytes of a file or page"},
    {"/text", SL_C_READS_MAYBE, SL_J_STRING, "used when there is no payload"},
    {"/url", SL_C_READS_MAYBE, 0, "where the page came from; else the origin"},
    {"/title", SL_C_READS_MAYBE, 0, "kept as it is"},
    {"/lead", SL_C_READS_MAYBE, 0, "kept as it is"},
    {"/published", SL_C_READS_MAYBE, 0, "kept as it is"},
    {"/authors", SL_C_READS_MAYBE, 0, "kept as it is"},
    {"/schema", SL_C_WRITES, SL_J_NUMBER, "1"},
    {"/text", SL_C_WRITES, SL_J_STRING, "UTF-8, NFC, one paragraph per line"},
    {"/title", SL_C_WRITES_MAYBE, SL_J_STRING, NULL},
    {"/lead", SL_C_WRITES_MAYBE, SL_J_STRING, NULL},
    {"/published", SL_C_WRITES_MAYBE, SL_J_STRING, "ISO 8601"},
    {"/authors", SL_C_WRITES_MAYBE, SL_J_ARRAY, "names"},
    {"/modified", SL_C_WRITES_MAYBE, SL_J_STRING, "ISO 8601; this and the rest of pages alone"},
    {"/description", SL_C_WRITES_MAYBE, SL_J_STRING, NULL},
    {"/site", SL_C_WRITES_MAYBE, SL_J_STRING, "name of the site, or its host"},
    {"/language", SL_C_WRITES_MAYBE, SL_J_STRING, "BCP 47"},
    {"/canonical", SL_C_WRITES_MAYBE, SL_J_STRING, "address of the page"},
    {"/image", SL_C_WRITES_MAYBE, SL_J_STRING, "address of the main picture"},
    {"/section", SL_C_WRITES_MAYBE, SL_J_STRING, NULL},
    {"/tags", SL_C_WRITES_MAYBE, SL_J_ARRAY, NULL},
    {"/sources", SL_C_WRITES_MAYBE, SL_J_OBJECT, "where each field was taken from"},
    {"/captions", SL_C_WRITES_MAYBE, SL_J_ARRAY, "captions that were taken out of a page"},
    {"/removed", SL_C_WRITES_MAYBE, SL_J_ARRAY, "what was taken out: kind, text, bytes of the payload"},
};

static const sl_stage_type clean_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "clean",
    .summary = "Takes the text of an article out of a file or page",
    .help = "Finds the encoding, brings the text into NFC, takes captions, dates, links to other articles and the like "
            "out of it "
            "(they stand in /removed), and keeps a map from each byte of /text to the payload.",
    .flags = SL_F_PURE,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
    .field_size = sizeof(sl_field),
    .contract = contract,
    .create = create,
    .lane_open = lane_open,
    .process = process,
    .lane_close = lane_close,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&clean_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = SL_ABI_MINOR,
      .n_types = 1,
      .name = "clean",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Text of articles from files and pages, Vietnamese first",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
