/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a URL: see weburl.h for what it leaves out and what it keeps. */
#include <sluice/plugin.h>

#include "weburl_impl.h"

/* Parameters that tell where a reader came from; the list in weburl.h is this one. */
static const char *const trackers[] = {
    "utm_*",         "itm_*",
    "mtm_*",         "pk_*",
    "piwik_*",       "matomo_*",
    "hsa_*",         "_hs*",
    "__hs*",         "mc_cid",
    "mc_eid",        "fbclid",
    "fb_action_ids", "fb_action_types",
    "fb_source",     "fb_ref",
    "gclid",         "gclsrc",
    "gbraid",        "wbraid",
    "dclid",         "msclkid",
    "yclid",         "ymclid",
    "_openstat",     "ysclid",
    "twclid",        "ttclid",
    "li_fat_id",     "igshid",
    "igsh",          "zarsrc",
    "vero_id",       "vero_conv",
    "mkt_tok",       "oly_anon_id",
    "oly_enc_id",    "wickedid",
    "rb_clickid",    "s_cid",
    "s_kwcid",       "ef_id",
    "epik",          "irclickid",
    "dicbo",         "cmpid",
    "_ga",           "_gl",
    "_gac",          "spm",
    "ml_subscriber", "ml_subscriber_hash",
    "xtor",          "at_campaign",
    "at_medium",     "__twitter_impression",
    "guccounter",    "guce_referrer*",
};
static const char *const session_names[] = {"jsessionid", "phpsessid", "aspsessionid*", "cfid", "cftoken"};
/* These are sessions only with a value that looks random. */
static const char *const session_perhaps[] = {"sid", "sessid", "sessionid", "session_id", "session"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A parameter "name=value" or "name": bytes of the buffer. */
typedef struct parameter {
  size_t at, len;
  size_t name_len;
} parameter;

static bool unreserved(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/* Percent-encoding in its one spelling. */
static void put_normal(weburl_buf *b, const char *s, size_t n) {
  size_t from = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] != '%') continue;
    weburl_put(b, s + from, i - from);
    int c = weburl_escape(s + i, n - i);
    if (c < 0)
      weburl_put_escape(b, '%');
    else if (unreserved(c))
      weburl_put_char(b, (char)c);
    else
      weburl_put_escape(b, (unsigned char)c);
    if (c >= 0) i += 2;
    from = i + 1;
  }
  weburl_put(b, s + from, n - from);
}

static bool same_name(const char *pattern, const char *s, size_t n) {
  size_t i = 0;
  for (; pattern[i] && pattern[i] != '*'; i++)
    if (i == n || weburl_lower(pattern[i]) != weburl_lower(s[i])) return false;
  return pattern[i] == '*' || i == n;
}

static bool in_list(const char *const *list, size_t count, const char *s, size_t n) {
  char first = n ? weburl_lower(s[0]) : '\0';
  for (size_t i = 0; i < count; i++)
    if ((weburl_lower(list[i][0]) == first || list[i][0] == '*') && same_name(list[i], s, n)) return true;
  return false;
}

static bool looks_random(const char *s, size_t n) {
  bool digit = false, letter = false;
  if (n < 16) return false;
  for (size_t i = 0; i < n; i++) {
    char c = weburl_lower(s[i]);
    if (c >= '0' && c <= '9')
      digit = true;
    else if (c >= 'a' && c <= 'z')
      letter = true;
    else if (c != '-' && c != '_' && c != '.')
      return false;
  }
  return digit && letter;
}

static bool dropped(const weburl_rules *r, const char *s, const parameter *p) {
  const char *name = s + p->at, *value = name + p->name_len;
  size_t n = p->name_len, value_len = p->len - n;
  if (p->len == 0) return true;
  if (in_list(r->keep, r->n_keep, name, n)) return false;
  if (in_list(r->strip, r->n_strip, name, n)) return true;
  if (!r->keep_trackers && in_list(trackers, COUNT(trackers), name, n)) return true;
  if (r->keep_sessions) return false;
  if (in_list(session_names, COUNT(session_names), name, n)) return true;
  return value_len > 1 && in_list(session_perhaps, COUNT(session_perhaps), name, n) &&
         looks_random(value + 1, value_len - 1);
}

static int by_name(const char *s, const parameter *a, const parameter *b) {
  size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
  int c = n ? memcmp(s + a->at, s + b->at, n) : 0;
  return c ? c : a->name_len < b->name_len ? -1 : a->name_len > b->name_len;
}

/* Merge sort, bottom up: stable. The result is in `list`; spare has the same room. */
static void sort_parameters(const char *s, parameter *list, parameter *spare, size_t n) {
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t low = 0; low < n; low += 2 * width) {
      size_t i = low, mid = low + width < n ? low + width : n, end = low + 2 * width < n ? low + 2 * width : n;
      size_t j = mid;
      for (size_t k = low; k < end; k++) {
        bool left = i < mid && (j >= end || by_name(s, &list[i], &list[j]) <= 0);
        spare[k] = list[left ? i++ : j++];
      }
    }
    memcpy(list, spare, n * sizeof *list);
  }
}

/* The parameters of the query s[0, n) that stay, in list. */
static size_t find_parameters(const weburl_rules *r, const char *s, size_t n, parameter *list) {
  size_t count = 0;
  for (size_t at = 0; at <= n;) {
    const char *end = memchr(s + at, '&', n - at);
    parameter p = {.at = at, .len = end ? (size_t)(end - s) - at : n - at};
    const char *equals = memchr(s + at, '=', p.len);
    p.name_len = equals ? (size_t)(equals - s) - at : p.len;
    if (!dropped(r, s, &p)) list[count++] = p;
    at += p.len + 1;
  }
  return count;
}

static void put_query(weburl_buf *b, const weburl *u, const weburl_rules *r) {
  weburl_buf query = {.mem = b->mem};
  size_t most = 1;
  put_normal(&query, weburl_at(u, u->query), u->query.len);
  for (size_t i = 0; i < query.n; i++) most += query.p[i] == '&';
  parameter *list = query.failed || query.n == 0 ? NULL : b->mem->alloc(2 * most * sizeof *list);
  if (!list) {
    if (query.failed || query.n) b->failed = true;
    weburl_buf_free(&query);
    return;
  }
  size_t count = find_parameters(r, query.p, query.n, list);
  if (!r->keep_order) sort_parameters(query.p, list, list + most, count);
  for (size_t i = 0; i < count; i++) {
    weburl_put_char(b, i ? '&' : '?');
    weburl_put(b, query.p + list[i].at, list[i].len);
  }
  b->mem->free(list);
  weburl_buf_free(&query);
}

/* Bytes of the session id that s[0, n) begins with; 0: none. */
static size_t session_len(const char *s, size_t n) {
  static const char name[] = ";jsessionid=";
  size_t i = sizeof name - 1;
  if (n < i || s[0] != ';' || !same_name(name, s, i)) return 0;
  while (i < n && s[i] != ';') i++;
  return i;
}

/* The path without ";jsessionid=…" in its segments. */
static void put_path(weburl_buf *b, const weburl *u, const weburl_rules *r) {
  size_t to = b->n, end;
  put_normal(b, weburl_at(u, u->path), u->path.len);
  if (r->keep_sessions || b->failed) return;
  for (size_t at = to; at < b->n; at = end) {
    size_t from = to;
    b->p[to++] = '/';
    for (end = at + 1; end < b->n && b->p[end] != '/';) end++;
    for (size_t i = at + 1; i < end;) {
      size_t skip = session_len(b->p + i, end - i);
      if (skip == 0) b->p[to++] = b->p[i++];
      i += skip;
    }
    /* What is left may not read as "here" or "up": then the segment stays. */
    if (end - at == to - from || to - from > 3 || to - from < 2 || b->p[to - 1] != '.' || b->p[from + 1] != '.')
      continue;
    memmove(b->p + from, b->p + at, end - at);
    to = from + (end - at);
  }
  b->n = to;
}

int weburl_canonical(const weburl *u, const weburl_rules *rules, char **ret, size_t *ret_len) {
  static const weburl_rules defaults;
  weburl_buf b = {.mem = u->mem};
  if (!rules) rules = &defaults;
  if (!weburl_is_web(u)) return SL_EINVAL;
  (void)weburl_buf_room(&b, u->len + 1);
  weburl_put(&b, u->href, u->scheme.len);
  weburl_put(&b, "://", 3);
  size_t host = u->host.len;
  /* One dot; with more of them what is left could read as another host. */
  if (host > 1 && weburl_at(u, u->host)[host - 1] == '.' && weburl_at(u, u->host)[host - 2] != '.') host--;
  weburl_put(&b, weburl_at(u, u->host), host);
  weburl_put(&b, u->href + u->host.at + u->host.len, u->path.at - u->host.at - u->host.len);
  put_path(&b, u, rules);
  if (u->has_query) put_query(&b, u, rules);
  weburl_put_char(&b, '\0');
  if (b.failed) {
    weburl_buf_free(&b);
    return SL_ENOMEM;
  }
  *ret = b.p;
  if (ret_len) *ret_len = b.n - 1;
  return 0;
}
