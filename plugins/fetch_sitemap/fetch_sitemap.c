/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_sitemap: the pages that the sitemaps of a site name. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sha256.h"
#include "stage.h"
#include "webdate.h"

static const sl_param params_table[] = {
    SL_PARAM(sitemap_params, urls, SL_T_STRING, SL_PF_LIST | SL_PF_REQUIRED | SL_PF_NONEMPTY, NULL, NULL,
             "Sitemaps (XML, index, plain list, also gzipped), or sites: for https://example.com/ those that its "
             "robots.txt names, else "
             "/sitemap.xml."),
    SL_PARAM(sitemap_params, include, SL_T_STRING, SL_PF_LIST, "[]", NULL,
             "Patterns of the URLs that are wanted, * for anything: \"*/thoi-su/*\". None: all."),
    SL_PARAM(sitemap_params, exclude, SL_T_STRING, SL_PF_LIST, "[]", NULL, "Patterns of URLs that are left out."),
    SL_PARAM(sitemap_params, since, SL_T_STRING, SL_PF_NONEMPTY, NULL, NULL,
             "Pages changed before this date are left out: 2025-08-01. A page without date is taken."),
    SL_PARAM(sitemap_params, max_age, SL_T_DURATION, 0, "0", "0..", "Pages changed longer ago are left out; 0: none."),
    SL_PARAM(sitemap_params, updates, SL_T_BOOL, 0, "true", NULL,
             "Whether a page that was given goes on again, as a newer revision, when its lastmod is newer."),
    SL_PARAM(sitemap_params, zone, SL_T_STRING, SL_PF_ADVANCED | SL_PF_NONEMPTY, "UTC", NULL,
             "Zone of dates without one: +07:00."),
    SL_PARAM(sitemap_params, max_sitemap, SL_T_SIZE, SL_PF_ADVANCED, "50MiB", "1KiB..1GiB",
             "Largest sitemap, also after decompression. What comes before the limit counts."),
    SL_PARAM(sitemap_params, max_urls, SL_T_INT, SL_PF_ADVANCED, "50000", "1..10000000",
             "Most entries that are read of one sitemap."),
    SL_PARAM(sitemap_params, max_sitemaps, SL_T_INT, SL_PF_ADVANCED, "10000", "1..100000",
             "Most sitemaps that are read in one run."),
    SL_PARAM(sitemap_params, max_depth, SL_T_INT, SL_PF_ADVANCED, "3", "0..10",
             "How deep an index may lead to another."),
    SL_PARAM(sitemap_params, remember, SL_T_DURATION, SL_PF_ADVANCED, "365d", "1h..",
             "How long a page that stands in no sitemap any more is known as given."),
    SL_PARAM(sitemap_params, max_seen, SL_T_INT, SL_PF_ADVANCED, "1000000", "1000..100000000",
             "Most pages that are known as given. The oldest give way, but none that was in a sitemap within a day."),
    WEB_PARAMS(sitemap_params, web),
};

static const sl_field fields[] = {
    {"/id", SL_C_WRITES, SL_J_STRING, "Canonical URL"},
    {"/url", SL_C_WRITES, SL_J_STRING, "URL of the page"},
    {"/title", SL_C_WRITES_MAYBE, SL_J_STRING, "By the tags of Google News"},
    {"/published", SL_C_WRITES_MAYBE, SL_J_STRING, "By the tags of Google News: ISO 8601 with zone"},
    {"/updated", SL_C_WRITES_MAYBE, SL_J_STRING, "lastmod: ISO 8601 with zone"},
    {"/language", SL_C_WRITES_MAYBE, SL_J_STRING, "By the tags of Google News"},
    {"/categories", SL_C_WRITES, SL_J_ARRAY, "Keywords of Google News"},
    {"/feed", SL_C_WRITES, SL_J_OBJECT, "url of the sitemap, title: the name of the publication"},
};

/* ---- life -------------------------------------------------------------------------------------------------------- */

int32_t sitemap_no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}

static int32_t refuse(sl_ctx *ctx, const char *message, const char *detail, const char *hint) {
  sl_fail(ctx, SL_EINVAL, message, detail, hint);
  return SL_EINVAL;
}

/* Sites and robots.txt files lead to sitemaps; everything else is one. */
static int32_t begin_with(sl_ctx *ctx, sitemap_stage *s, const char *text) {
  weburl u = {0}, robots = {0};
  int rc = weburl_parse(&u, &s->mem, text, strlen(text), NULL, NULL);
  bool web = rc == 0 && weburl_is_web(&u);
  if (web) {
    bool site = u.path.len <= 1 && !u.has_query;
    bool file = u.path.len == 11 && memcmp(weburl_at(&u, u.path), "/robots.txt", 11) == 0;
    if (site) rc = weburl_parse(&robots, &s->mem, "/robots.txt", 11, &u, NULL);
    if (rc == 0) rc = sitemap_add_todo(ctx, s, site ? &robots : &u, NULL, 0, site || file ? JOB_ROBOTS : JOB_SITEMAP);
  }
  weburl_free(&u);
  weburl_free(&robots);
  if (rc == SL_ENOMEM) return sitemap_no_memory(ctx);
  if (web) return SL_OK;
  return refuse(ctx, "expected http:// or https:// URLs of sitemaps or sites", text,
                "write e.g. urls: [\"https://example.com/\"]");
}

static void clear_todo(sitemap_stage *s) {
  sitemap_todo *t = s->todo.items;
  for (size_t i = s->at_todo; i < s->todo.n; i++) {
    if (t[i].url) s->mem.free(t[i].url);
    if (t[i].lastmod) s->mem.free(t[i].lastmod);
  }
  lane_vec_done(&s->mem, &s->todo);
  lane_vec_done(&s->mem, &s->known);
  s->at_todo = 0;
}

static int32_t begin_all(sl_ctx *ctx, sitemap_stage *s) {
  const char *const *urls = s->p->urls.items;
  int32_t rc = SL_OK;
  clear_todo(s);
  s->told_many = false;
  for (uint32_t i = 0; i < s->p->urls.count && rc == SL_OK; i++) rc = begin_with(ctx, s, urls[i]);
  return rc;
}

static int32_t read_dates(sl_ctx *ctx, sitemap_stage *s) {
  webdate d;
  s->since = INT64_MIN;
  if (webdate_zone(s->p->zone, strlen(s->p->zone), &s->zone) != 0)
    return refuse(ctx, "expected a zone", s->p->zone, "write UTC, or an offset like +07:00");
  if (!s->p->since) return SL_OK;
  if (webdate_parse(s->p->since, strlen(s->p->since), s->zone, &d) != 0)
    return refuse(ctx, "expected a date in since", s->p->since, "write e.g. since: \"2025-08-01\"");
  s->since = d.seconds;
  return SL_OK;
}

/* A hash of what decides which entries are wanted. */
static int32_t hash_settings(sl_ctx *ctx, sitemap_stage *s) {
  char sum[65];
  lane_vec all = {0};
  const sl_list *lists[] = {&s->p->include, &s->p->exclude};
  const int64_t numbers[] = {s->since, s->p->max_age, s->p->max_urls, s->p->max_sitemap, s->p->updates};
  int rc = lane_vec_reserve(&s->mem, &all, 1, sizeof numbers);
  if (rc == 0) memcpy(all.items, numbers, all.n = sizeof numbers);
  for (size_t l = 0; l < 2 && rc == 0; l++) {
    const char *const *p = lists[l]->items;
    for (uint32_t i = 0; i <= lists[l]->count && rc == 0; i++) {
      const char *text = i < lists[l]->count ? p[i] : "";
      rc = lane_vec_reserve(&s->mem, &all, 1, all.n + strlen(text) + 1);
      if (rc == 0) memcpy((char *)all.items + all.n, text, strlen(text) + 1);
      if (rc == 0) all.n += strlen(text) + 1;
    }
  }
  if (rc == 0) sha256_hex(all.items, all.n, sum);
  lane_vec_done(&s->mem, &all);
  if (rc != 0) return sitemap_no_memory(ctx);
  memcpy(s->settings, sum, 16);
  return SL_OK;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const sitemap_params *p = params;
  sitemap_stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (!s) return sitemap_no_memory(ctx);
  s->p = p;
  s->mem = (lane_mem){ctx->host->alloc, ctx->host->free};
  for (uint32_t i = 0; i < SITEMAP_JOBS; i++) s->jobs[i].s = s;
  if (webitems_init(&s->items, p->remember, p->max_seen) != 0) return sitemap_no_memory(ctx);
  s->locked = true;
  int32_t rc = read_dates(ctx, s);
  if (rc == SL_OK) rc = hash_settings(ctx, s);
  if (rc == SL_OK) rc = begin_all(ctx, s);
  return rc == SL_OK ? web_client_new(ctx, &p->web, &s->client) : rc;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  sitemap_stage *s = stage;
  s->failed = 0;
  int32_t rc = begin_all(ctx, s);
  if (rc == SL_OK) rc = webitems_open(&s->items, ctx);
  return rc == SL_OK ? web_client_start(s->client, ctx) : rc;
}

static void stop(sl_ctx *ctx, void *stage) {
  sitemap_stage *s = stage;
  (void)ctx;
  web_client_stop(s->client);
  for (uint32_t i = 0; i < SITEMAP_JOBS; i++) sitemap_job_clear(&s->jobs[i]);
}

static void destroy(void *stage) {
  sitemap_stage *s = stage;
  if (!s) return;
  for (uint32_t i = 0; i < SITEMAP_JOBS; i++) sitemap_job_clear(&s->jobs[i]);
  clear_todo(s);
  web_client_free(s->client);
  if (s->locked) webitems_done(&s->items);
  free(s);
}

/* ---- giving ------------------------------------------------------------------------------------------------------ */

static int32_t ended(int32_t rc) { return rc == SL_ECANCELED ? SL_P_END : SL_V_FATAL; }

static int32_t begin_jobs(sl_ctx *ctx, sitemap_stage *s) {
  for (uint32_t i = 0; i < SITEMAP_JOBS && s->at_todo < s->todo.n;) {
    sitemap_job *j = &s->jobs[i];
    if (j->state != JOB_FREE) {
      i++;
      continue;
    }
    sitemap_todo *t = &((sitemap_todo *)s->todo.items)[s->at_todo++];
    j->todo = *t;
    *t = (sitemap_todo){0};
    j->state = JOB_READY;
    s->open++;
    int32_t rc = sitemap_ask(ctx, j);
    if (rc < 0) return sitemap_no_memory(ctx);
    if (rc == 1) sitemap_job_clear(j);
  }
  return 0;
}

/* Emits what waits of a job. 0; 1: the credit is used up; or an error. */
static int32_t give_waiting(sl_ctx *ctx, sitemap_stage *s, sitemap_job *j, uint64_t credit, uint64_t *given) {
  sitemap_waiting *all = j->waiting.items;
  int32_t rc = 0;
  while (j->at < j->waiting.n && rc == 0) {
    sitemap_waiting *w = &all[j->at++];
    const webitem item = {w->key, w->mark, w->key, NULL, w->revision};
    rc = webitems_look(&s->items, ctx, &item);
    /* An older lastmod than the last one is no news. */
    if (rc == WEBITEMS_NEW || (rc == WEBITEMS_CHANGED && s->p->updates && w->mark > s->items.mark)) {
      cJSON *body = w->body;
      w->body = NULL;
      rc = webitems_emit(&s->items, ctx, &item, body);
      *given += s->items.bytes;
      if (rc == 0) sl_count(ctx, "pages_new", 1);
    } else if (rc >= 0) {
      sl_count(ctx, "pages_known", 1);
      rc = 0;
    }
    sitemap_waiting_free(&s->mem, w);
    if (rc == 0 && *given >= credit) return 1;
  }
  if (rc == 0) j->waiting.n = j->at = 0;
  return rc;
}

/* Reads a step further. */
static int32_t step(sl_ctx *ctx, sitemap_job *j) {
  j->ctx = ctx;
  j->now = sl_now(ctx) / 1000000000;
  j->step = sitemap_step(j->map);
  if (j->step == SL_EPARSE)
    j->why = (webitems_reason){SL_EPARSE, "expected a sitemap", sitemap_why(j->map),
                               "open the URL in a browser: it may have moved or be an error page"};
  return j->step == SL_ENOMEM ? sitemap_no_memory(ctx) : 0;
}

static int32_t end_job(sl_ctx *ctx, sitemap_stage *s, sitemap_job *j) {
  int32_t rc = 0;
  char text[512];
  bool whole = j->map && j->step == 0 && !sitemap_truncated(j->map);
  if (j->map && !j->why.code && !whole) {
    (void)snprintf(text, sizeof text, "%.300s is not read to its end: %s; the %u entries before that are taken",
                   j->todo.url, *sitemap_why(j->map) ? sitemap_why(j->map) : "it is cut off", sitemap_count(j->map));
    sl_log(ctx, SL_LOG_WARN, text);
  }
  if (j->why.code) rc = webitems_reject(&s->items, ctx, j->todo.url, &j->why);
  /* An index is read each time: what it names may not have been read to its end. */
  bool index = j->map && sitemap_kind_of(j->map) == SITEMAP_INDEX;
  if (rc == 0 && whole && !index && j->note) rc = webitems_put(&s->items, ctx, j->todo.url, j->note);
  sitemap_job_clear(j);
  return rc;
}

static int32_t give_job(sl_ctx *ctx, sitemap_stage *s, sitemap_job *j, uint64_t credit, uint64_t *given) {
  /* Parsing is work, too: so many steps, then the loop gets its turn. */
  for (int turns = 0; turns < 16; turns++) {
    int32_t rc = give_waiting(ctx, s, j, credit, given);
    if (rc != 0) return rc;
    if (j->step != 1) return end_job(ctx, s, j);
    rc = step(ctx, j);
    if (rc != 0) return rc;
  }
  return 1;
}

static int32_t give(sl_ctx *ctx, sitemap_stage *s, uint64_t credit) {
  uint64_t given = 0;
  int32_t rc;
  while ((rc = webitems_again(&s->items, ctx)) == 1) {
    given += s->items.bytes;
    if (given >= credit) return 1;
  }
  for (uint32_t i = 0; i < SITEMAP_JOBS && rc == 0; i++)
    if (s->jobs[i].state == JOB_READY) rc = give_job(ctx, s, &s->jobs[i], credit, &given);
  return rc;
}

static int32_t produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  sitemap_stage *s = stage;
  (void)lane;
  if (s->failed) {
    sitemap_no_memory(ctx);
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
  sitemap_stage *s = stage;
  (void)ctx;
  webitems_ended(&s->items, cursor);
}

static const sl_stage_type fetch_sitemap_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "fetch_sitemap",
    .summary = "The pages that the sitemaps of a site name",
    .help = "Reads sitemaps, indexes of them and plain lists, also gzipped, and gives a document with `/url` for each "
            "page that\n"
            "is new or has a newer lastmod than the last time. `fetch_http.page` with `url: /url` gets the pages.",
    .flags = SL_F_ASYNC,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(sitemap_params),
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
    .field_size = sizeof(sl_field),
    .create = create,
    .start = start,
    .produce = produce,
    .acknowledged = acknowledged,
    .stop = stop,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&fetch_sitemap_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "fetch_sitemap",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Pages of sitemaps",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
