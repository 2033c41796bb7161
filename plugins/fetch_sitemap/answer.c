/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for sitemaps and for the robots.txt that names them. */
#include <stdio.h>
#include <string.h>

#include "robots.h"
#include "sha256.h"
#include "stage.h"

static void todo_free(const lane_mem *mem, sitemap_todo *t) {
  if (t->url) mem->free(t->url);
  if (t->lastmod) mem->free(t->lastmod);
  *t = (sitemap_todo){0};
}

void sitemap_job_clear(sitemap_job *j) {
  sitemap_stage *s = j->s;
  sitemap_waiting *w = j->waiting.items;
  for (size_t i = j->at; i < j->waiting.n; i++) sitemap_waiting_free(&s->mem, &w[i]);
  lane_vec_done(&s->mem, &j->waiting);
  sitemap_free(j->map);
  todo_free(&s->mem, &j->todo);
  if (j->body) s->mem.free(j->body);
  if (j->type) s->mem.free(j->type);
  if (j->detail) s->mem.free(j->detail);
  weburl_free(&j->url);
  cJSON_Delete(j->note);
  if (j->state != JOB_FREE) s->open--;
  *j = (sitemap_job){.s = s};
}

static void say(sl_ctx *ctx, int32_t level, const char *format, const char *url, const char *text) {
  char line[1024];
  (void)snprintf(line, sizeof line, format, url, text);
  sl_log(ctx, level, line);
}

static void fail_job(sitemap_job *j, int32_t code, const char *message, const char *detail, const char *hint) {
  j->detail = sitemap_copy(&j->s->mem, detail, strlen(detail));
  j->why = (webitems_reason){code, message, j->detail, hint};
}

/* ---- what is to be asked for ---------------------------------------------------------------------------------------
 */

static uint64_t hash_of(const char *s) {
  unsigned char sum[16];
  uint64_t v = 0;
  sha256_short(s, strlen(s), sum);
  for (int i = 0; i < 8; i++) v = v << 8 | sum[i];
  return v;
}

static bool is_known(const sitemap_stage *s, uint64_t hash) {
  const uint64_t *known = s->known.items;
  for (size_t i = 0; i < s->known.n; i++)
    if (known[i] == hash) return true;
  return false;
}

int sitemap_add_todo(sl_ctx *ctx, sitemap_stage *s, const weburl *url, const char *lastmod, uint32_t depth,
                     job_kind kind) {
  uint64_t hash = hash_of(url->href);
  if (is_known(s, hash)) return 0;
  if (s->todo.n >= (uint64_t)s->p->max_sitemaps || depth > (uint64_t)s->p->max_depth) {
    if (!s->told_many)
      say(ctx, SL_LOG_WARN, "%s and further sitemaps are left out: %s", url->href, "see max_sitemaps and max_depth");
    s->told_many = true;
    return 0;
  }
  sitemap_todo t = {sitemap_copy(&s->mem, url->href, url->len), NULL, depth, kind};
  if (lastmod) t.lastmod = sitemap_copy(&s->mem, lastmod, strlen(lastmod));
  if (!t.url || (lastmod && !t.lastmod) || lane_vec_reserve(&s->mem, &s->known, sizeof hash, s->known.n + 1) != 0 ||
      lane_vec_reserve(&s->mem, &s->todo, sizeof t, s->todo.n + 1) != 0) {
    todo_free(&s->mem, &t);
    return SL_ENOMEM;
  }
  ((uint64_t *)s->known.items)[s->known.n++] = hash;
  ((sitemap_todo *)s->todo.items)[s->todo.n++] = t;
  return 0;
}

static int add_relative(sl_ctx *ctx, sitemap_job *j, const char *text, const weburl *base, job_kind kind) {
  weburl url = {0};
  int rc = weburl_parse(&url, &j->s->mem, text, strlen(text), base, NULL);
  if (rc == 0 && weburl_is_web(&url)) rc = sitemap_add_todo(ctx, j->s, &url, NULL, 0, kind);
  weburl_free(&url);
  return rc == SL_ENOMEM ? rc : 0;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* The sitemaps that a robots.txt names; without any, and without a robots.txt, the usual place. */
static int take_robots(sl_ctx *ctx, sitemap_job *j, const web_result *r) {
  weburl base = {0};
  const char *at = r->outcome == WEB_OK ? r->final_url : j->todo.url;
  int rc = weburl_parse(&base, &j->s->mem, at, strlen(at), NULL, NULL);
  robots *rules =
      robots_parse(&j->s->mem, r->outcome == WEB_OK ? r->body : NULL, r->outcome == WEB_OK ? r->body_len : 0);
  if (rc == 0 && !rules) rc = SL_ENOMEM;
  size_t n = rc == 0 ? robots_sitemaps(rules) : 0;
  for (size_t i = 0; i < n && rc == 0; i++) rc = add_relative(ctx, j, robots_sitemap(rules, i), &base, JOB_SITEMAP);
  if (rc == 0 && n == 0) rc = add_relative(ctx, j, "/sitemap.xml", &base, JOB_GUESS);
  robots_free(rules);
  weburl_free(&base);
  return rc;
}

static bool add(cJSON *note, const char *name, const char *value) {
  return !value || !*value || cJSON_AddStringToObject(note, name, value);
}

static cJSON *note_of(const sitemap_job *j, const web_result *r) {
  cJSON *note = cJSON_CreateObject();
  if (note && add(note, "etag", r->etag) && add(note, "modified", r->last_modified) &&
      add(note, "final", r->final_url) && add(note, "sha256", r->sha256) && add(note, "lastmod", j->todo.lastmod) &&
      add(note, "settings", j->s->settings))
    return note;
  cJSON_Delete(note);
  return NULL;
}

static int open_map(sitemap_job *j, web_result *r) {
  sitemap_stage *s = j->s;
  const sitemap_limits limits = {(uint32_t)s->p->max_urls, (uint64_t)s->p->max_sitemap};
  size_t n = r->body_len;
  j->note = note_of(j, r);
  j->map = sitemap_new(&s->mem, &limits, sitemap_take, j);
  j->type =
      sitemap_copy(&s->mem, r->content_type ? r->content_type : "", r->content_type ? strlen(r->content_type) : 0);
  int rc = weburl_parse(&j->url, &s->mem, r->final_url, strlen(r->final_url), NULL, NULL);
  if (!j->map || !j->type || rc != 0) return SL_ENOMEM;
  j->body = web_take_body(r);
  sitemap_open(j->map, j->body ? j->body : "", j->body ? n : 0, j->type);
  j->step = 1;
  return 0;
}

static void failed(sl_ctx *ctx, sitemap_job *j, const web_result *r) {
  char text[512];
  sl_count(ctx, "sitemaps_failed", 1);
  if (r->temporary) {
    (void)snprintf(text, sizeof text, "%s (%s)", r->message, r->reason);
    say(ctx, SL_LOG_WARN, "%s cannot be fetched now and is left to the next run: %s", j->todo.url, text);
    return;
  }
  (void)snprintf(text, sizeof text, "%s: %s", r->reason, r->message);
  bool large = strcmp(r->reason, "too_large") == 0 || strcmp(r->reason, "bomb") == 0;
  fail_job(j, large ? SL_ELIMIT : SL_EIO, "the sitemap cannot be fetched", text,
           j->todo.kind == JOB_GUESS ? "robots.txt names no sitemap, and there is none in the usual place: give its URL"
                                     : r->hint);
}

static void on_answer(sl_ctx *ctx, void *user, web_result *r) {
  sitemap_job *j = user;
  int rc = 0;
  j->state = JOB_READY;
  bool missing = r->outcome == WEB_FAILED && r->status >= 400 && r->status < 500 && r->status != 429;
  if (j->todo.kind == JOB_ROBOTS && (r->outcome == WEB_OK || missing))
    rc = take_robots(ctx, j, r);
  else if (r->outcome == WEB_FAILED)
    failed(ctx, j, r);
  else if (r->outcome == WEB_UNCHANGED)
    sl_count(ctx, "sitemaps_unchanged", 1);
  else
    rc = open_map(j, r);
  if (rc < 0) j->s->failed = rc;
  sl_wake(ctx);
}

static const char *text_of(const cJSON *note, const char *name) {
  return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, name));
}

static bool equal(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

int32_t sitemap_ask(sl_ctx *ctx, sitemap_job *j) {
  sitemap_stage *s = j->s;
  bool is_robots = j->todo.kind == JOB_ROBOTS;
  cJSON *note = is_robots ? NULL : webitems_get(&s->items, ctx, j->todo.url);
  /* Other filters may want what was left out the last time. */
  if (note && !equal(text_of(note, "settings"), s->settings)) {
    cJSON_Delete(note);
    note = NULL;
  }
  if (note && equal(text_of(note, "lastmod"), j->todo.lastmod)) {
    cJSON_Delete(note);
    sl_count(ctx, "sitemaps_unchanged", 1);
    return 1;
  }
  const web_request request = {
      .url = j->todo.url,
      .accept = is_robots ? "text/plain, */*;q=0.5" : "application/xml, text/xml;q=0.9, */*;q=0.5",
      .etag = text_of(note, "etag"),
      .last_modified = text_of(note, "modified"),
      .validated_url = text_of(note, "final"),
      .sha256 = text_of(note, "sha256"),
      .max_bytes = is_robots ? 0 : s->p->max_sitemap,
      .no_robots = is_robots,
      .done = on_answer,
      .user = j,
  };
  uint64_t id = web_fetch(s->client, &request);
  cJSON_Delete(note);
  if (!id) return SL_ENOMEM;
  j->state = JOB_ASKED;
  return 0;
}
