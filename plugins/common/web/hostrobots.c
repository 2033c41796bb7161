/* SPDX-License-Identifier: Apache-2.0 */
/* robots.txt of a host: fetched before the first page, kept for a day (RFC 9309, 2.3 and 2.4). */
#include "impl.h"

#include <stdio.h>
#include <string.h>

#define KEPT (INT64_C(24) * 3600 * WEB_SECOND)
/* How long a robots.txt that could not be had forbids everything. */
#define UNREACHABLE (60 * WEB_SECOND)

/* Takes over rules (NULL: memory is out, as if there were no answer). */
static void set_rules(web_client *c, web_host *h, robots *rules, int64_t for_ns) {
  robots_free(h->rules);
  h->rules = rules;
  h->unreachable = !rules;
  h->reason = "memory";
  h->passing = true;
  snprintf(h->why, sizeof h->why, "memory is out");
  h->robots = WEB_ROBOTS_KNOWN;
  h->rules_until = web_now(c) + (rules ? for_ns : UNREACHABLE);
  int64_t ms = rules ? robots_delay_ms(rules, c->product) : -1;
  h->crawl_delay = ms > 0 ? ms * WEB_MS : 0;
  if (h->crawl_delay > c->p->max_crawl_delay) h->crawl_delay = c->p->max_crawl_delay;
}

/* There is no robots.txt to be had. A host that cannot be spoken to at all is refused for that reason. */
static void set_unreachable(web_client *c, web_host *h, const web_job *j) {
  const web_result *r = &j->result;
  set_rules(c, h, NULL, UNREACHABLE);
  h->passing = r->temporary;
  if (j->headers.status) {
    h->reason = "robots_unreachable";
    snprintf(h->why, sizeof h->why, "robots.txt cannot be had, so that nothing may be fetched: %.80s", j->message);
  } else {
    h->reason = r->reason;
    snprintf(h->why, sizeof h->why, "%.150s", j->message);
  }
}

static bool load(web_client *c, web_host *h, sl_doc *doc) {
  char *text = NULL;
  size_t len = 0;
  int64_t until = 0;
  if (web_load_robots(c, h, doc, &until, &text, &len)) return false;
  int64_t left = until - sl_now(c->ctx);
  if (left > 0 && left <= KEPT) set_rules(c, h, robots_parse(&c->mem, text, len), left);
  if (text) c->mem.free(text);
  return left > 0 && left <= KEPT;
}

/* The request for a robots.txt of the host that j waits for. 0 or -1. */
static int begin(web_client *c, web_host *h, const web_job *j) {
  web_job *r = web_alloc0(c, sizeof *r);
  if (!r) return -1;
  r->c = c;
  r->id = ++c->last_id;
  r->older = c->jobs[r->id % WEB_BUCKETS];
  c->jobs[r->id % WEB_BUCKETS] = r;
  c->n_jobs++;
  r->headers.length = -1;
  r->no_robots = r->plain = true;
  r->robots_of = h;
  r->max_bytes = ROBOTS_MAX;
  if (weburl_parse(&r->first, &c->mem, "/robots.txt", 11, &j->url, NULL) || weburl_copy(&r->url, &r->first) ||
      web_transfer_begin(r)) {
    web_job_free(r);
    return -1;
  }
  return 0;
}

bool web_robots_ready(web_client *c, web_host *h, web_job *j) {
  if (h->robots == WEB_ROBOTS_KNOWN && web_now(c) < h->rules_until) return true;
  if (h->robots == WEB_ROBOTS_COMING) return false;
  if (h->robots == WEB_ROBOTS_UNKNOWN && load(c, h, j->doc)) return true;
  h->robots = WEB_ROBOTS_COMING;
  if (begin(c, h, j)) {
    h->robots = WEB_ROBOTS_UNKNOWN;
    web_end(j, WEB_FAILED, "memory", true, "memory is out", NULL);
  }
  return false;
}

bool web_robots_allow(web_client *c, const web_host *h, const weburl *url) {
  if (h->unreachable) return false;
  weburl_part at = weburl_request(url);
  return robots_allows(h->rules, c->product, weburl_at(url, at), at.len);
}

void web_robots_done(web_job *j) {
  web_client *c = j->c;
  web_host *h = j->robots_of;
  int32_t status = j->headers.status;
  const web_result *r = &j->result;
  bool absent = r->outcome == WEB_FAILED &&
                ((status >= 400 && status < 500 && status != 429) || strncmp(r->reason, "redirect_", 9) == 0 ||
                 strcmp(r->reason, "bad_redirect") == 0 || strcmp(r->reason, "not_recorded") == 0);
  /* The document of the job that waited may be gone by now: what is kept is named by the next one. */
  sl_doc *doc = h->head ? h->head->doc : NULL;
  if (r->outcome == WEB_OK || absent) {
    const char *text = r->outcome == WEB_OK ? r->body : "";
    size_t len = r->outcome == WEB_OK ? r->body_len : 0;
    set_rules(c, h, robots_parse(&c->mem, text, len), KEPT);
    web_store_robots(c, h, doc, sl_now(c->ctx) + KEPT, text, len);
  } else {
    set_unreachable(c, h, j);
  }
  if (!c->p->replay) {
    int64_t pause = h->crawl_delay > c->p->delay ? h->crawl_delay : c->p->delay;
    h->next_at = web_now(c) + pause;
  }
  web_job_free(j);
  web_host_settle(c, h);
}
