/* SPDX-License-Identifier: Apache-2.0 */
/* sink_page: a register of directives as one HTML page that needs nothing but itself. */
#include <stdio.h>

#include <sluice/plugin.h>

#include "../common/jptr.h"
#include "book.h"

#define MARK "@DATA@\n"
#define OPEN "open" /* what the state knows: documents are in the journal or on the page, the input has not ended */
#define DONE "done"

extern const char embed_page_html[], embed_page_html_end[];

struct params {
  const char *path, *title, *key;
  int32_t language, mode;
  int64_t refresh, max_size;
};

struct stage {
  const struct params *p;
  jptr *key;
  const sl_ledger *ledger;
  book book;
  int open;
  int64_t shown; /* when the page was last written, monotonic */
  page_buf buf, head, tail;
  article_refs refs;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, path, SL_T_PATH, SL_PF_REQUIRED | SL_PF_OUTPUT | SL_PF_NONEMPTY, NULL, NULL,
             "The page to write. Its folders are made."),
    SL_PARAM(struct params, title, SL_T_STRING, 0, "Register of directives", NULL, "Heading of the page."),
    SL_PARAM(struct params, key, SL_T_POINTER, SL_PF_READS, NULL, NULL,
             "Field (string or number) that tells documents apart. Without it: where the document came from."),
    SL_PARAM(struct params, language, SL_T_ENUM, 0, "en", "en|vi",
             "Language of the labels; a reader can change it on the page."),
    SL_PARAM(struct params, mode, SL_T_ENUM, 0, "update", "update|replace",
             "update keeps the articles of the page that is there and puts newer revisions in the place of older ones; "
             "replace begins with an empty page, which takes the place of the old one at the end of the input."),
    SL_PARAM(struct params, refresh, SL_T_DURATION, 0, "10s", "0s..24h",
             "With mode update: how often the page is written while documents come in; 0s: at the end only."),
    SL_PARAM(struct params, max_size, SL_T_SIZE, SL_PF_ADVANCED, "256MiB", "64KiB..4GiB",
             "Articles that would make the page larger are rejected. The page is kept in memory."),
};

static const sl_field fields[] = {
    {"/text", SL_C_READS_MAYBE, SL_J_STRING, "shown when a row is opened"},
    {"/directives", SL_C_READS_MAYBE, SL_J_ARRAY, "one row for each"},
    {"/entities", SL_C_READS_MAYBE, SL_J_ARRAY, "names and roles of speakers and addressees"},
    {"/id", SL_C_READS_MAYBE, 0, "shown where there is no title"},
    {"/title", SL_C_READS_MAYBE, 0, "title of the article"},
    {"/published", SL_C_READS_MAYBE, 0, "date of the article"},
};

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out for the page", NULL, "write fewer articles to one page");
  return SL_ENOMEM;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  struct stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (!s) return no_memory(ctx);
  s->p = params;
  s->key = s->p->key ? jptr_new(s->p->key) : NULL;
  if (s->p->key && !s->key) return no_memory(ctx);
  const char *mark = strstr(embed_page_html, MARK);
  page_put(&s->head, embed_page_html, (size_t)(mark - embed_page_html));
  page_puts(&s->head, "<script type=\"application/json\" id=\"meta\">{\"title\":");
  page_json(&s->head, s->p->title ? s->p->title : "");
  page_puts(&s->head, s->p->language == 0 ? ",\"language\":\"en\"}</script>\n" : ",\"language\":\"vi\"}</script>\n");
  page_puts(&s->tail, mark + sizeof MARK - 1);
  return s->head.failed || s->tail.failed ? no_memory(ctx) : SL_OK;
}

static int32_t fail(sl_ctx *ctx, const book_error *e) {
  sl_fail(ctx, e->code, e->message, e->detail, e->hint);
  return e->code;
}

/* Notes in the state what the page holds; `what` is OPEN or DONE. */
static int32_t save(sl_ctx *ctx, struct stage *s, const char *what) {
  if (!s->ledger) return SL_OK;
  int32_t rc = s->ledger->save(ctx, what, strlen(what), s->book.fd);
  if (rc != SL_OK) sl_fail(ctx, rc, "the state does not take the record of the page", s->p->path, NULL);
  return rc;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  sl_bytes saved = {0}, intent = {0};
  int32_t rebooted = 0, rc = SL_OK;
  book_error e = {0};
  s->ledger = sl_extension(ctx, SL_EXT_LEDGER);
  if (s->ledger) rc = s->ledger->recall(ctx, &saved, &intent, &rebooted);
  if (rc != SL_OK) {
    sl_fail(ctx, rc, "the state does not give the record of the page", s->p->path, NULL);
    return rc;
  }
  int going_on = saved.len == sizeof OPEN - 1 && memcmp(saved.data, OPEN, saved.len) == 0;
  int known = saved.len > 0;
  rc = book_open(&s->book, s->p->path, s->p->mode != 0 && !going_on, &e);
  if (rc != SL_OK) {
    book_close(&s->book);
    return fail(ctx, &e);
  }
  s->open = 1;
  s->shown = sl_monotonic(ctx);
  if (known && s->book.n == 0 && s->p->mode == 0)
    sl_log(ctx, SL_LOG_WARN, "the page was taken away: articles of earlier runs come back with --reprocess only");
  return SL_OK;
}

/* The key of a document, NULL after sl_fail_doc. */
static const char *key_of(sl_ctx *ctx, const struct stage *s, sl_doc *doc, const cJSON *body, char number[64]) {
  const cJSON *v = s->key ? jptr_get(s->key, body) : NULL;
  const char *key = cJSON_IsString(v) ? v->valuestring : s->key ? "" : sl_key(ctx, doc);
  if (cJSON_IsNumber(v)) {
    snprintf(number, 64, "%.17g", v->valuedouble);
    key = v->valuestring ? v->valuestring : number;
  }
  if (*key) return key;
  sl_fail_doc(ctx, doc, SL_EINVAL,
              s->key ? "expected a string or a number as the key" : "the document has no origin to tell it by",
              s->p->key, s->key ? "give every document one, or leave key: out" : "name a field of it: key: /id");
  return NULL;
}

/* Appends the block of one document to s->buf; a verdict. */
static int32_t print(sl_ctx *ctx, struct stage *s, sl_doc *doc) {
  sl_origin origin;
  size_t before = s->buf.len;
  char number[64];
  sl_get_origin(ctx, doc, &origin);
  page_source from = {.body = sl_body(ctx, doc), .uri = origin.uri};
  if (from.body && !(from.key = key_of(ctx, s, doc, from.body, number))) return SL_V_REJECT;
  if (!from.body || page_block(&s->buf, &from, &s->refs) != 0) {
    sl_fail_doc(ctx, doc, SL_ENOMEM, "memory is out for the page", NULL, "write fewer articles to one page");
    return SL_V_RETRY;
  }
  size_t size = book_size_with(&s->book, from.key, s->buf.len);
  if (size + s->head.len + s->tail.len <= (size_t)s->p->max_size) return SL_V_OK;
  s->buf.len = before;
  sl_fail_doc(ctx, doc, SL_ELIMIT, "the page would become larger than max_size", s->p->path,
              "raise max_size, or write a page for each month with stages of their own");
  return SL_V_REJECT;
}

static int32_t render(sl_ctx *ctx, struct stage *s, book_error *e) {
  s->shown = sl_monotonic(ctx);
  return s->book.dirty ? book_render(&s->book, &s->head, &s->tail, e) : SL_OK;
}

static int32_t write_batch(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  struct stage *s = stage;
  book_error e = {0};
  (void)lane;
  s->buf.len = 0;
  for (uint32_t i = 0; i < n; i++) verdicts[i] = print(ctx, s, docs[i]);
  if (book_add(&s->book, s->buf.data, s->buf.len, &e) != SL_OK) return fail(ctx, &e);
  int32_t rc = save(ctx, s, OPEN);
  if (rc != SL_OK) return rc;
  /* The documents are safe in the journal: a page that cannot be written now is written later. */
  int64_t age = sl_monotonic(ctx) - s->shown;
  if (s->p->mode == 0 && s->p->refresh > 0 && age >= s->p->refresh && render(ctx, s, &e) != SL_OK)
    sl_log(ctx, SL_LOG_WARN, e.message);
  return SL_OK;
}

static int32_t flush(sl_ctx *ctx, void *stage, void *lane, uint32_t why) {
  struct stage *s = stage;
  book_error e = {0};
  (void)lane;
  if (!s->open || (why != SL_FLUSH_END && why != SL_FLUSH_DRAIN)) return SL_OK;
  /* A new page that goes on in the next run does not show itself half done. */
  if (why == SL_FLUSH_DRAIN && s->p->mode != 0 && s->ledger) return SL_OK;
  if (render(ctx, s, &e) != SL_OK) return fail(ctx, &e);
  return why == SL_FLUSH_END ? save(ctx, s, DONE) : SL_OK;
}

static void stop(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  (void)ctx;
  if (s->open) book_close(&s->book);
  s->open = 0;
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  if (s->open) book_close(&s->book);
  page_buf *all[] = {&s->buf, &s->head, &s->tail};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->data);
  article_refs_free(&s->refs);
  free(s->key);
  free(s);
}

static const sl_stage_type sink_page_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "sink_page",
    .summary = "Writes a register of directives as one HTML page that needs nothing but itself",
    .help = "A table of who tells whom to do what by when, with search, filters and order; a row opens its article "
            "with the\n"
            "place marked. One file, no network, no server.",
    .flags = SL_F_SERIAL,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .n_fields = sizeof fields / sizeof *fields,
    .fields = fields,
    .field_size = sizeof(sl_field),
    .create = create,
    .start = start,
    .write = write_batch,
    .flush = flush,
    .stop = stop,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&sink_page_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "sink_page",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Writes a register of directives as one HTML page",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
