/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_feed: the new items of RSS, Atom and JSON feeds. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"
#include "webdate.h"

static const sl_param params_table[] = {
    SL_PARAM(feed_params, urls, SL_T_STRING, SL_PF_LIST | SL_PF_REQUIRED | SL_PF_NONEMPTY, NULL, NULL,
             "Feeds: RSS, Atom or JSON Feed, http or https. A web page stands for the first feed that it names."),
    SL_PARAM(feed_params, updates, SL_T_BOOL, 0, "false", NULL,
             "Whether an item that was given goes on again, as a newer revision, when its date of change is another."),
    SL_PARAM(feed_params, max_age, SL_T_DURATION, 0, "0", "0..", "Items published longer ago are left out; 0: none."),
    SL_PARAM(
        feed_params, links, SL_T_ENUM, 0, "required", "required|optional",
        "required: items without a page of their own are left out, and /url is always there. optional: they go on."),
    SL_PARAM(feed_params, html, SL_T_BOOL, 0, "true", NULL,
             "Whether what the feed has of the article goes into /content_html."),
    SL_PARAM(feed_params, zone, SL_T_STRING, SL_PF_NONEMPTY, "auto", NULL,
             "Zone of dates without one: +07:00, UTC. auto: +07:00 in feeds in Vietnamese and on hosts under .vn, else "
             "UTC."),
    SL_PARAM(feed_params, discover, SL_T_BOOL, SL_PF_ADVANCED, "true", NULL,
             "Whether the feed that a web page names is read in its place. Else the page is a dead letter that tells "
             "its URL."),
    SL_PARAM(feed_params, max_items, SL_T_INT, SL_PF_ADVANCED, "10000", "1..1000000",
             "Most items that are read of one feed."),
    SL_PARAM(feed_params, remember, SL_T_DURATION, SL_PF_ADVANCED, "90d", "1h..",
             "How long an item that stands in no feed any more is known as given."),
    SL_PARAM(feed_params, max_seen, SL_T_INT, SL_PF_ADVANCED, "200000", "1000..100000000",
             "Most items that are known as given. The oldest give way, but none that was in a feed within a day."),
    WEB_PARAMS(feed_params, web),
};

static const sl_field fields[] = {
    {"/id", SL_C_WRITES, SL_J_STRING, "Canonical URL, or what else the item is known by"},
    {"/guid", SL_C_WRITES_MAYBE, SL_J_STRING, "As the feed has it"},
    {"/title", SL_C_WRITES_MAYBE, SL_J_STRING, "Text"},
    {"/summary", SL_C_WRITES_MAYBE, SL_J_STRING, "Text, of the content if there is no summary"},
    {"/content_html", SL_C_WRITES_MAYBE, SL_J_STRING, "What the feed has of the article, as HTML"},
    {"/published", SL_C_WRITES_MAYBE, SL_J_STRING, "ISO 8601 with zone"},
    {"/updated", SL_C_WRITES_MAYBE, SL_J_STRING, "ISO 8601 with zone"},
    {"/authors", SL_C_WRITES, SL_J_ARRAY, "Names"},
    {"/categories", SL_C_WRITES, SL_J_ARRAY, "Texts"},
    {"/language", SL_C_WRITES_MAYBE, SL_J_STRING, "Of the item or the feed, as written"},
    {"/image", SL_C_WRITES_MAYBE, SL_J_STRING, "URL of its picture"},
    {"/enclosures", SL_C_WRITES_MAYBE, SL_J_ARRAY, "Objects of url, type, length"},
    {"/comments", SL_C_WRITES_MAYBE, SL_J_STRING, "URL"},
    {"/feed", SL_C_WRITES, SL_J_OBJECT, "title, url and site of the feed"},
};

static int32_t contract(const void *params, sl_contract *out) {
  const feed_params *p = params;
  out->add(out, "/url", p->links == LINKS_REQUIRED ? SL_C_WRITES : SL_C_WRITES_MAYBE, SL_J_STRING);
  return SL_OK;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

static int32_t check_urls(sl_ctx *ctx, const feed_stage *s) {
  const char *const *urls = s->p->urls.items;
  for (uint32_t i = 0; i < s->p->urls.count; i++) {
    weburl u = {0};
    const char *why = NULL;
    int rc = weburl_parse(&u, &s->mem, urls[i], strlen(urls[i]), NULL, &why);
    bool web = rc == 0 && weburl_is_web(&u);
    weburl_free(&u);
    if (rc == SL_ENOMEM) return no_memory(ctx);
    if (web) continue;
    sl_fail(ctx, SL_EINVAL, "expected http:// or https:// URLs of feeds", urls[i],
            "write e.g. urls: [\"https://example.com/rss\"]");
    return SL_EINVAL;
  }
  return SL_OK;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const feed_params *p = params;
  feed_stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (!s) return no_memory(ctx);
  s->p = p;
  s->mem = (lane_mem){ctx->host->alloc, ctx->host->free};
  for (uint32_t i = 0; i < FEED_JOBS; i++) s->jobs[i].s = s;
  if (webitems_init(&s->items, p->remember, p->max_seen) != 0) return no_memory(ctx);
  s->locked = true;
  s->zone_given = strcmp(p->zone, "auto") != 0;
  if (s->zone_given && webdate_zone(p->zone, strlen(p->zone), &s->zone) != 0) {
    sl_fail(ctx, SL_EINVAL, "expected a zone", p->zone, "write auto, UTC, or an offset like +07:00");
    return SL_EINVAL;
  }
  int32_t rc = check_urls(ctx, s);
  return rc == SL_OK ? web_client_new(ctx, &p->web, &s->client) : rc;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  feed_stage *s = stage;
  s->at_url = 0;
  s->failed = 0;
  int32_t rc = webitems_open(&s->items, ctx);
  return rc == SL_OK ? web_client_start(s->client, ctx) : rc;
}

static void stop(sl_ctx *ctx, void *stage) {
  feed_stage *s = stage;
  (void)ctx;
  web_client_stop(s->client);
  for (uint32_t i = 0; i < FEED_JOBS; i++) feed_job_clear(&s->jobs[i]);
}

static void destroy(void *stage) {
  feed_stage *s = stage;
  if (!s) return;
  for (uint32_t i = 0; i < FEED_JOBS; i++) feed_job_clear(&s->jobs[i]);
  web_client_free(s->client);
  if (s->locked) webitems_done(&s->items);
  free(s);
}

/* ---- giving ------------------------------------------------------------------------------------------------------ */

/* What an error of emission means for produce. */
static int32_t ended(int32_t rc) { return rc == SL_ECANCELED ? SL_P_END : SL_V_FATAL; }

/* Begins as many feeds as there are free jobs. 0 or an error. */
static int32_t begin_jobs(sl_ctx *ctx, feed_stage *s) {
  const char *const *urls = s->p->urls.items;
  for (uint32_t i = 0; i < FEED_JOBS && s->at_url < s->p->urls.count; i++) {
    feed_job *j = &s->jobs[i];
    if (j->state != JOB_FREE) continue;
    j->url = urls[s->at_url++];
    j->state = JOB_READY;
    s->open++;
    if (feed_ask(ctx, j) != 0) return no_memory(ctx);
  }
  return 0;
}

/* The next item of a job that is ready. 0, or an error. */
static int32_t give_one(sl_ctx *ctx, feed_stage *s, feed_job *j) {
  feed_doc *d = &j->docs[j->at++];
  const webitem item = {d->key, d->mark, d->uri, d->locator, d->revision};
  int32_t rc = webitems_look(&s->items, ctx, &item);
  s->items.bytes = 0;
  if (rc == WEBITEMS_NEW || (rc == WEBITEMS_CHANGED && s->p->updates)) {
    cJSON *body = d->body;
    d->body = NULL;
    rc = webitems_emit(&s->items, ctx, &item, body);
    if (rc == 0) sl_count(ctx, "items_new", 1);
  } else if (rc >= 0) {
    sl_count(ctx, "items_known", 1);
    rc = 0;
  }
  feed_doc_free(&s->mem, d);
  return rc;
}

/* All of its items are given, so what it said of itself may be noted. */
static int32_t end_job(sl_ctx *ctx, feed_stage *s, feed_job *j) {
  int32_t rc = 0;
  if (j->why.code) rc = webitems_reject(&s->items, ctx, j->url, &j->why);
  if (rc == 0 && j->note) rc = webitems_put(&s->items, ctx, j->url, j->note);
  /* What a page named is no feed any more: the next run looks at the page again. */
  if (rc == 0 && j->why.code && j->asked) rc = webitems_put(&s->items, ctx, j->url, NULL);
  if (j->left_out) {
    char text[512];
    (void)snprintf(text, sizeof text, "%.300s: %u item%s without a page of %s own left out; links: optional takes them",
                   j->url, j->left_out, j->left_out == 1 ? " is" : "s are", j->left_out == 1 ? "its" : "their");
    sl_log(ctx, SL_LOG_INFO, text);
  }
  feed_job_clear(j);
  return rc;
}

/* Gives what is ready, up to credit bytes. 0: nothing is left; 1: more is; or an error. */
static int32_t give(sl_ctx *ctx, feed_stage *s, uint64_t credit) {
  uint64_t given = 0;
  int32_t rc;
  while ((rc = webitems_again(&s->items, ctx)) == 1) {
    given += s->items.bytes;
    if (given >= credit) return 1;
  }
  for (uint32_t i = 0; i < FEED_JOBS && rc == 0; i++) {
    feed_job *j = &s->jobs[i];
    if (j->state != JOB_READY) continue;
    while (j->at < j->n && rc == 0) {
      rc = give_one(ctx, s, j);
      given += s->items.bytes;
      if (rc == 0 && given >= credit) return 1;
    }
    if (rc == 0) rc = end_job(ctx, s, j);
  }
  return rc;
}

static int32_t produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  feed_stage *s = stage;
  (void)lane;
  if (s->failed) {
    no_memory(ctx);
    return SL_V_FATAL;
  }
  int32_t rc = webitems_tidy(&s->items, ctx);
  if (rc == 0) rc = give(ctx, s, credit);
  if (rc == 1) return SL_P_MORE;
  if (rc == 0) rc = begin_jobs(ctx, s);
  if (rc != 0) return ended(rc);
  if (s->open) return SL_P_WAIT;
  rc = webitems_sweep(&s->items, ctx);
  return rc == 0 ? SL_P_END : ended(rc);
}

static void acknowledged(sl_ctx *ctx, void *stage, uint64_t cursor) {
  feed_stage *s = stage;
  (void)ctx;
  webitems_ended(&s->items, cursor);
}

static const sl_stage_type fetch_feed_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "fetch_feed",
    .summary = "The new items of RSS, Atom and JSON feeds",
    .help = "Each item becomes a document with `/url`, `/title`, `/summary`, `/published` and what else the feed has "
            "of it.\n"
            "An item is given once, also over restarts. With a `schedule:` the feeds are asked again and again; one "
            "that has\n"
            "not changed costs a small request. `fetch_http.page` with `url: /url` gets the pages.",
    .flags = SL_F_ASYNC,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(feed_params),
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
    .field_size = sizeof(sl_field),
    .contract = contract,
    .create = create,
    .start = start,
    .produce = produce,
    .acknowledged = acknowledged,
    .stop = stop,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&fetch_feed_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "fetch_feed",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Items of feeds",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
