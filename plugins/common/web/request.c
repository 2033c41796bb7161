/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent: headers, proxy, TLS and time limits of one request. */
#include "impl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACCEPT "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"

/* Whether the name is `item`, or lies below it. */
static bool below(const char *name, size_t n, const char *item, size_t len) {
  if (len > 0 && item[0] == '.') {
    item++;
    len--;
  }
  if (len == 1 && item[0] == '*') return true;
  if (len == 0 || len > n || strncasecmp(name + n - len, item, len) != 0) return false;
  return len == n || name[n - len - 1] == '.';
}

bool web_host_in(const sl_list *list, const char *name, size_t n) {
  const char *const *items = list->items;
  for (uint32_t i = 0; i < list->count; i++)
    if (below(name, n, items[i], strlen(items[i]))) return true;
  return false;
}

/* no_proxy of the environment: names with commas or spaces between them. */
static bool in_words(const char *words, const char *name, size_t n) {
  while (words && *words) {
    words += strspn(words, ", ");
    size_t len = strcspn(words, ", ");
    if (len && below(name, n, words, len)) return true;
    words += len;
  }
  return false;
}

static const char *env(const char *small, const char *big) {
  const char *text = getenv(small);
  if ((!text || !*text) && big) text = getenv(big);
  return text && *text ? text : NULL;
}

const char *web_proxy_for(const web_client *c, const weburl *u) {
  const char *name = weburl_at(u, u->host);
  size_t n = u->host.len;
  if (web_host_in(&c->p->no_proxy, name, n)) return NULL;
  if (c->p->proxy) return c->p->proxy;
  if (in_words(env("no_proxy", "NO_PROXY"), name, n)) return NULL;
  /* HTTP_PROXY in capitals is what a CGI client can set: not read, as in curl. */
  const char *proxy = u->scheme_id == WEBURL_HTTPS ? env("https_proxy", "HTTPS_PROXY") : env("http_proxy", NULL);
  return proxy ? proxy : env("all_proxy", "ALL_PROXY");
}

bool web_target_allowed(const web_client *c, const weburl *u, const char **why) {
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  char text[64];
  bool is6 = u->host_kind == WEBURL_HOST_IPV6;
  if ((u->host_kind != WEBURL_HOST_IPV4 && !is6) || !web_proxy_for(c, u)) return true;
  snprintf(text, sizeof text, "%.*s", (int)(u->host.len - (is6 ? 2 : 0)), weburl_at(u, u->host) + (is6 ? 1 : 0));
  int read = is6 ? inet_pton(AF_INET6, text, &v6.sin6_addr) : inet_pton(AF_INET, text, &v4.sin_addr);
  return read == 1 &&
         webaddr_allowed(&c->allowed, is6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4, why);
}

static int add_header(web_transfer *t, const char *name, const char *value) {
  size_t n = strlen(name) + strlen(value) + 4;
  char *line = t->c->mem.alloc(n);
  if (!line) return -1;
  while (*value == ' ') value++;
  size_t len = strcspn(value, "\r\n");
  snprintf(line, n, len ? "%s: %.*s" : "%s;%.*s", name, (int)len, value);
  struct curl_slist *more = curl_slist_append(t->sent, line);
  t->c->mem.free(line);
  if (!more) return -1;
  t->sent = more;
  return 0;
}

static int add_own(web_transfer *t) {
  const web_client *c = t->c;
  const web_job *j = t->job;
  const sl_entry *e = c->p->headers.items;
  if (j->plain) return 0;
  if (c->p->header_hosts.count && !web_host_in(&c->p->header_hosts, weburl_at(&j->url, j->url.host), j->url.host.len))
    return 0;
  for (uint32_t i = 0; i < c->p->headers.count; i++)
    if (add_header(t, e[i].key, e[i].text)) return -1;
  return 0;
}

/* Is the page the one that the validators came with? */
static bool validates(const web_job *j) {
  return strcmp(j->url.href, j->validated ? j->validated : j->first.href) == 0;
}

static int set_headers(web_transfer *t) {
  web_job *j = t->job;
  const char *accept = j->accept ? j->accept : j->robots_of ? "text/plain,*/*;q=0.5" : ACCEPT;
  if (add_header(t, "Accept", accept) || add_own(t)) return -1;
  j->conditional = (j->etag || j->last_modified) && validates(j) && !t->c->p->record;
  if (j->conditional && j->etag && add_header(t, "If-None-Match", j->etag)) return -1;
  if (j->conditional && j->last_modified && add_header(t, "If-Modified-Since", j->last_modified)) return -1;
  return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->sent) ? -1 : 0;
}

static int set_proxy(web_transfer *t) {
  const char *proxy = web_proxy_for(t->c, &t->job->url);
  char text[512];
  t->proxied = proxy != NULL;
  snprintf(text, sizeof text, "%.*s", proxy ? (int)strcspn(proxy, "\r\n") : 0, proxy ? proxy : "");
  /* An empty text keeps curl from looking into the environment itself. */
  int bad = curl_easy_setopt(t->easy, CURLOPT_PROXY, text) || curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "") ||
            curl_easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  explicit_bzero(text, sizeof text);
  return bad ? -1 : 0;
}

static int set_tls(web_transfer *t) {
  const web_params *p = t->c->p;
  const weburl *u = &t->job->url;
  if (p->ca_file && curl_easy_setopt(t->easy, CURLOPT_CAINFO, p->ca_file)) return -1;
  if (!web_host_in(&p->insecure_hosts, weburl_at(u, u->host), u->host.len)) return 0;
  return curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 0L) || curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 0L)
             ? -1
             : 0;
}

static long ms_of(int64_t ns) { return (long)(ns / WEB_MS > 0 ? ns / WEB_MS : 1); }

static int set_limits(web_transfer *t) {
  const web_params *p = t->c->p;
  CURL *e = t->easy;
  /* QUICK_EXIT: a request that ends while its name is looked up does not wait for the thread that does it. */
  return curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) || curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) ||
                 curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) ||
                 curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, ms_of(p->connect_timeout)) ||
                 curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, ms_of(p->total_timeout)) ||
                 curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") ||
                 curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "") ||
                 curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                                  p->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1)
             ? -1
             : 0;
}

int web_request_set(web_transfer *t) {
  web_client *c = t->c;
  CURL *e = t->easy;
  const weburl *u = &t->job->url;
  char *url = web_dup_n(c, u->href, u->has_fragment ? u->fragment.at - 1 : u->len);
  if (!url) return -1;
  int bad = curl_easy_setopt(e, CURLOPT_URL, url) || curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L) ||
            curl_easy_setopt(e, CURLOPT_USERAGENT, c->agent);
  c->mem.free(url);
  if (bad || set_limits(t) || set_headers(t) || set_proxy(t) || set_tls(t)) return -1;
  if (c->resolve && curl_easy_setopt(e, CURLOPT_RESOLVE, c->resolve)) return -1;
  if (c->share && (curl_easy_setopt(e, CURLOPT_SHARE, c->share) || curl_easy_setopt(e, CURLOPT_COOKIEFILE, "")))
    return -1;
  return 0;
}
