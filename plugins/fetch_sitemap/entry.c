/* SPDX-License-Identifier: Apache-2.0 */
/* From an entry of a sitemap to a document that waits, or to a sitemap that is to be asked for. */
#include <stdio.h>
#include <string.h>

#include "stage.h"
#include "webdate.h"
#include "webtext.h"

#define DATE_FUTURE INT64_C(172800) /* seconds by which a date may lie ahead */

char *sitemap_copy(const lane_mem *mem, const char *s, size_t n) {
  char *to = mem->alloc(n + 1);
  if (!to) return NULL;
  if (n) memcpy(to, s, n);
  to[n] = '\0';
  return to;
}

void sitemap_waiting_free(const lane_mem *mem, sitemap_waiting *w) {
  char *strings[] = {w->key, w->url, w->revision};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
    if (strings[i]) mem->free(strings[i]);
  cJSON_Delete(w->body);
  *w = (sitemap_waiting){0};
}

static bool matches_any(const sl_list *patterns, const char *url) {
  const char *const *p = patterns->items;
  for (uint32_t i = 0; i < patterns->count; i++)
    if (sitemap_match(p[i], url)) return true;
  return false;
}

typedef struct maker {
  const sitemap_stage *s;
  cJSON *body;
  lane_vec text;
  int rc;
} maker;

static void add(maker *m, cJSON *to, const char *name, const char *value) {
  if (m->rc == 0 && value && *value && !cJSON_AddStringToObject(to, name, value)) m->rc = SL_ENOMEM;
}

static const char *plain(maker *m, const char *s) {
  if (m->rc == 0 && s) m->rc = webtext_plain(&m->s->mem, s, strlen(s), &m->text);
  return m->rc == 0 && s ? m->text.items : NULL;
}

/* The date's seconds, or INT64_MIN; `now` in seconds. One far ahead is a mistake. */
static int64_t read_date(const sitemap_stage *s, const char *text, int64_t now, webdate *ret) {
  if (!text || webdate_parse(text, strlen(text), s->zone, ret) != 0 || ret->seconds > now + DATE_FUTURE)
    return INT64_MIN;
  return ret->seconds;
}

static void add_date(maker *m, const char *name, const webdate *d) {
  char text[WEBDATE_TEXT];
  webdate_text(d, text);
  add(m, m->body, name, text);
}

static void add_keywords(maker *m, const char *s) {
  cJSON *array = m->rc == 0 ? cJSON_AddArrayToObject(m->body, "categories") : NULL;
  if (!array) m->rc = SL_ENOMEM;
  while (s && *s && m->rc == 0) {
    size_t n = strcspn(s, ",;");
    m->rc = webtext_plain(&m->s->mem, s, n, &m->text);
    s += n + (s[n] != '\0');
    if (m->rc != 0 || m->text.n == 0) continue;
    cJSON *one = cJSON_CreateString(m->text.items);
    if (!one || !cJSON_AddItemToArray(array, one)) {
      cJSON_Delete(one);
      m->rc = SL_ENOMEM;
    }
  }
}

static void add_source(maker *m, const sitemap_job *j, const char *publication) {
  cJSON *feed = m->rc == 0 ? cJSON_AddObjectToObject(m->body, "feed") : NULL;
  if (!feed) {
    m->rc = SL_ENOMEM;
    return;
  }
  add(m, feed, "title", plain(m, publication));
  add(m, feed, "url", j->url.href);
}

static size_t without_fragment(const weburl *u) {
  return u->has_fragment && u->fragment.at > 0 ? u->fragment.at - 1 : u->len;
}

static int make(const sitemap_job *j, const sitemap_entry *e, sitemap_waiting *w) {
  const sitemap_stage *s = j->s;
  webdate modified, published;
  maker m = {.s = s, .body = w->body = cJSON_CreateObject()};
  if (!m.body) return SL_ENOMEM;
  int64_t changed = read_date(s, e->lastmod, j->now, &modified), date = read_date(s, e->date, j->now, &published);
  add(&m, m.body, "id", w->key);
  add(&m, m.body, "url", w->url);
  add(&m, m.body, "title", plain(&m, e->title));
  if (date != INT64_MIN) add_date(&m, "published", &published);
  if (changed != INT64_MIN) add_date(&m, "updated", &modified);
  add(&m, m.body, "language", e->language);
  add_keywords(&m, e->keywords);
  add_source(&m, j, e->publication);
  if (changed > 0) w->mark = (uint64_t)changed;
  if (changed != INT64_MIN && m.rc == 0) {
    w->revision = sitemap_copy(&s->mem, e->lastmod, strlen(e->lastmod));
    if (!w->revision) m.rc = SL_ENOMEM;
  }
  lane_vec_done(&s->mem, &m.text);
  return m.rc;
}

/* Whether an entry is older than what is wanted. Without a date it is not. */
static bool is_old(const sitemap_stage *s, const sitemap_entry *e, int64_t now) {
  webdate d;
  int64_t at = read_date(s, e->lastmod ? e->lastmod : e->date, now, &d);
  if (at == INT64_MIN) return false;
  return (s->since != INT64_MIN && at < s->since) || (s->p->max_age > 0 && now - at > s->p->max_age / 1000000000);
}

static int take_page(sitemap_job *j, const sitemap_entry *e, const weburl *page) {
  sitemap_stage *s = j->s;
  sitemap_waiting w = {0};
  w.url = sitemap_copy(&s->mem, page->href, without_fragment(page));
  int rc = w.url ? 0 : SL_ENOMEM;
  bool wanted = rc == 0 && (s->p->include.count == 0 || matches_any(&s->p->include, w.url)) &&
                !matches_any(&s->p->exclude, w.url) && !is_old(s, e, j->now);
  if (wanted) rc = weburl_canonical(page, NULL, &w.key, NULL);
  if (wanted && rc == 0) rc = make(j, e, &w);
  if (wanted && rc == 0 && lane_vec_reserve(&s->mem, &j->waiting, sizeof w, j->waiting.n + 1) != 0) rc = SL_ENOMEM;
  if (!wanted || rc != 0) {
    sitemap_waiting_free(&s->mem, &w);
    return rc;
  }
  ((sitemap_waiting *)j->waiting.items)[j->waiting.n++] = w;
  return 0;
}

int sitemap_take(void *job, const sitemap_entry *e) {
  sitemap_job *j = job;
  sitemap_stage *s = j->s;
  weburl url = {0};
  int rc = weburl_parse(&url, &s->mem, e->loc, strlen(e->loc), &j->url, NULL);
  if (rc == 0 && weburl_is_web(&url)) {
    rc = e->is_index ? sitemap_add_todo(j->ctx, s, &url, e->lastmod, j->todo.depth + 1, JOB_SITEMAP)
                     : take_page(j, e, &url);
  } else if (rc != SL_ENOMEM) {
    rc = 0; /* no page: mailto, a broken URL */
  }
  weburl_free(&url);
  return rc;
}
