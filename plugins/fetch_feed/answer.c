/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of asking for a feed: items, nothing new, or a reason. */
#include <stdio.h>
#include <string.h>

#include "stage.h"

#define ITEM_BYTES (4u << 20)
#define ACCEPT \
  "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"

static char *copy(const lane_mem *mem, const char *s) {
  size_t n = strlen(s) + 1;
  char *to = mem->alloc(n);
  if (to) memcpy(to, s, n);
  return to;
}

void feed_job_clear(feed_job *j) {
  const lane_mem *mem = &j->s->mem;
  for (size_t i = j->at; i < j->n; i++) feed_doc_free(mem, &j->docs[i]);
  if (j->docs) mem->free(j->docs);
  if (j->asked) mem->free(j->asked);
  if (j->detail) mem->free(j->detail);
  cJSON_Delete(j->note);
  if (j->state != JOB_FREE) j->s->open--;
  *j = (feed_job){.s = j->s};
}

static void say(sl_ctx *ctx, int32_t level, const char *format, const char *url, const char *text) {
  char line[1024];
  (void)snprintf(line, sizeof line, format, url, text);
  sl_log(ctx, level, line);
}

/* The job ends with a dead letter. */
static void fail_job(feed_job *j, int32_t code, const char *message, const char *detail, const char *hint) {
  j->detail = copy(&j->s->mem, detail);
  j->why = (webitems_reason){code, message, j->detail, hint};
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */

typedef struct taker {
  feed_job *job;
  feed_place place;
} taker;

static bool is_old(const feed_stage *s, const feed_place *place, const feed_doc *d) {
  return s->p->max_age > 0 && d->published != INT64_MIN &&
         place->now / 1000000000 - d->published > s->p->max_age / 1000000000;
}

static int take_item(void *user, const feed_head *head, const feed_item *item) {
  taker *t = user;
  feed_job *j = t->job;
  feed_doc d;
  int rc = feed_doc_make(&t->place, head, item, &d);
  if (rc != 0) return rc;
  if (j->s->p->links == LINKS_REQUIRED && !cJSON_GetObjectItemCaseSensitive(d.body, "url")) {
    j->left_out++;
    feed_doc_free(&j->s->mem, &d);
    return 0;
  }
  if (is_old(j->s, &t->place, &d)) {
    feed_doc_free(&j->s->mem, &d);
    return 0;
  }
  lane_vec docs = {j->docs, j->n, j->cap};
  if (lane_vec_reserve(&j->s->mem, &docs, sizeof d, j->n + 1) != 0) {
    feed_doc_free(&j->s->mem, &d);
    return SL_ENOMEM;
  }
  j->docs = docs.items;
  j->cap = docs.cap;
  j->docs[j->n++] = d;
  return 0;
}

static bool add(cJSON *note, const char *name, const char *value) {
  return !value || !*value || cJSON_AddStringToObject(note, name, value);
}

/* What decides which items of a feed are wanted: when it is another, an unchanged feed is read again. */
static void settings_of(const feed_stage *s, char out[64]) {
  (void)snprintf(out, 64, "%d %lld %lld", (int)s->p->links, (long long)s->p->max_age, (long long)s->p->max_items);
}

/* What to ask with the next time. */
static cJSON *note_of(const feed_job *j, const web_result *r) {
  cJSON *note = cJSON_CreateObject();
  char settings[64];
  settings_of(j->s, settings);
  if (note && add(note, "etag", r->etag) && add(note, "modified", r->last_modified) &&
      add(note, "final", r->final_url) && add(note, "sha256", r->sha256) && add(note, "asked", j->asked) &&
      add(note, "settings", settings))
    return note;
  cJSON_Delete(note);
  return NULL;
}

/* A page in place of a feed: the feed that it names is asked for. 1 if so. */
static int hop(sl_ctx *ctx, feed_job *j, const feed_head *head, const weburl *page) {
  weburl u = {0};
  if (head->kind != FEED_PAGE || !head->alternate || j->hopped) return 0;
  int rc = weburl_parse(&u, &j->s->mem, head->alternate, strlen(head->alternate), page, NULL);
  if (rc != 0 || !weburl_is_web(&u)) {
    weburl_free(&u);
    return rc == SL_ENOMEM ? SL_ENOMEM : 0;
  }
  if (!j->s->p->discover) {
    fail_job(j, SL_EPARSE, "expected a feed, found a web page that names one", u.href,
             "put that URL in its place, or say discover: true");
    weburl_free(&u);
    return 0;
  }
  say(ctx, SL_LOG_WARN, "%s is a web page; the feed that it names is read: %s", j->url, u.href);
  if (j->asked) j->s->mem.free(j->asked);
  j->asked = copy(&j->s->mem, u.href);
  j->hopped = true;
  weburl_free(&u);
  return j->asked ? 1 : SL_ENOMEM;
}

/* 0; 1: another URL is to be asked; SL_ENOMEM. */
static int parse(sl_ctx *ctx, feed_job *j, const web_result *r) {
  feed_stage *s = j->s;
  weburl url = {0};
  const char *why = "";
  const feed_limits limits = {(uint32_t)s->p->max_items, ITEM_BYTES};
  int rc = weburl_parse(&url, &s->mem, r->final_url, strlen(r->final_url), NULL, NULL);
  if (rc != 0) return SL_ENOMEM;
  taker t = {j, {&s->mem, &url, s->zone_given, s->zone, s->p->html, sl_now(ctx)}};
  feed_parser *f = feed_new(&s->mem, &limits, take_item, &t);
  rc = f ? feed_parse(f, r->body ? r->body : "", r->body_len, r->content_type, &why) : SL_ENOMEM;
  if (rc == SL_EPARSE || rc == SL_ELIMIT) {
    int hopped = hop(ctx, j, feed_head_of(f), &url);
    if (hopped == 0 && !j->why.code)
      fail_job(j, rc, "expected a feed (RSS, Atom or JSON Feed)", why,
               "open the URL in a browser: it may have moved or be an error page");
    rc = hopped;
  } else if (rc == 0) {
    const feed_head *head = feed_head_of(f);
    if (head->truncated) say(ctx, SL_LOG_WARN, "%s ends in the middle; %s", j->url, "the items before that are taken");
    if (*why) say(ctx, SL_LOG_WARN, "%s is not read to its end: %s", j->url, why);
    j->note = head->truncated ? NULL : note_of(j, r);
  }
  feed_free(f);
  weburl_free(&url);
  return rc;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void failed(sl_ctx *ctx, feed_job *j, const web_result *r) {
  char text[512];
  sl_count(ctx, "feeds_failed", 1);
  if (!r->temporary) {
    (void)snprintf(text, sizeof text, "%s: %s", r->reason, r->message);
    fail_job(j, strcmp(r->reason, "too_large") == 0 || strcmp(r->reason, "bomb") == 0 ? SL_ELIMIT : SL_EIO,
             "the feed cannot be fetched", text, r->hint);
    return;
  }
  (void)snprintf(text, sizeof text, "%s (%s)", r->message, r->reason);
  say(ctx, SL_LOG_WARN, "%s cannot be fetched now and is left to the next run: %s", j->url, text);
}

static void on_answer(sl_ctx *ctx, void *user, web_result *r) {
  feed_job *j = user;
  int rc = 0;
  j->state = JOB_READY;
  if (r->outcome == WEB_FAILED)
    failed(ctx, j, r);
  else if (r->outcome == WEB_UNCHANGED)
    sl_count(ctx, "feeds_unchanged", 1);
  else
    rc = parse(ctx, j, r);
  if (rc == 1) rc = feed_ask(ctx, j);
  if (rc < 0) j->s->failed = rc;
  sl_wake(ctx);
}

static const char *text_of(const cJSON *note, const char *name) {
  return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, name));
}

int32_t feed_ask(sl_ctx *ctx, feed_job *j) {
  feed_stage *s = j->s;
  cJSON *note = j->hopped ? NULL : webitems_get(&s->items, ctx, j->url);
  const char *asked = text_of(note, "asked"), *before = text_of(note, "settings");
  char settings[64];
  settings_of(s, settings);
  bool same = before && strcmp(before, settings) == 0;
  if (asked && s->p->discover && !j->asked) {
    j->asked = copy(&s->mem, asked);
    j->hopped = true;
  }
  const web_request request = {
      .url = j->asked ? j->asked : j->url,
      .accept = ACCEPT,
      .etag = same ? text_of(note, "etag") : NULL,
      .last_modified = same ? text_of(note, "modified") : NULL,
      .validated_url = text_of(note, "final"),
      .sha256 = same ? text_of(note, "sha256") : NULL,
      .done = on_answer,
      .user = j,
  };
  uint64_t id = (asked && s->p->discover && !j->asked) ? 0 : web_fetch(s->client, &request);
  cJSON_Delete(note);
  if (!id) return SL_ENOMEM;
  j->state = JOB_ASKED;
  return 0;
}
