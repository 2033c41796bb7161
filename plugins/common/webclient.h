/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP client for ASYNC stages: libcurl's multi interface on the core's loop, with the manners of a crawler.
 *
 * It bounds transfers in all and per host, waits between them, keeps to robots.txt (RFC 9309), follows redirects by
 * itself so that each hop is checked, tries again with back-off and Retry-After, cuts what is too large or too slow,
 * and refuses addresses that are not public at the moment of connecting. `record:` keeps every exchange, `replay:`
 * answers from there without a network.
 *
 *   create   web_client_new(ctx, &params->web, &s->client)
 *   start    web_client_start(s->client, ctx)
 *   later    web_fetch(s->client, &(web_request){.url = …, .done = on_page, .user = job})
 *   stop     web_client_stop(s->client)      gives up what is not done: no callback comes for it
 *   destroy  web_client_free(s->client)
 *
 * A plugin compiles ${SLUICE_WEB_SOURCES} (see plugins/common/web/sources.cmake), says `PKG libcjson libcurl icu-uc`,
 * has `web_params web` in its parameter struct and WEB_PARAMS(struct, web) in its table. All functions run on the loop;
 * `done` is called on the loop, never from inside web_fetch or web_cancel.
 */
#ifndef SLUICE_PLUGINS_WEBCLIENT_H
#define SLUICE_PLUGINS_WEBCLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <sluice/plugin.h>

typedef struct web_params {
  const char *user_agent, *contact;
  sl_list headers, header_hosts; /* sl_entry; const char * */
  int64_t max_connections, per_host, delay;
  int32_t robots;
  int64_t max_crawl_delay;
  int64_t retries, backoff, backoff_max, max_wait, max_redirects;
  int64_t connect_timeout, first_byte_timeout, stall_timeout, total_timeout;
  int64_t max_bytes, max_ratio, max_buffer;
  int32_t http2, cookies;
  const char *proxy, *ca_file;
  sl_list no_proxy, insecure_hosts, allow_private, resolve; /* const char * */
  const char *record, *replay;
  int64_t record_max;
} web_params;

/* clang-format off */
/* The rows of a parameter table for the member `w` (a web_params) of struct `st`. */
#define WEB_PARAMS(st, w) \
  SL_PARAM_AS(st, w.user_agent, "user_agent", SL_T_STRING, SL_PF_NONEMPTY, "Sluice/0.1", NULL, \
    "How the client names itself. What stands before the slash is the name that robots.txt is asked about."), \
  SL_PARAM_AS(st, w.contact, "contact", SL_T_STRING, SL_PF_NONEMPTY, NULL, NULL, \
    "A URL or mail address, sent behind the user agent, for those who want to complain."), \
  SL_PARAM_AS(st, w.delay, "delay", SL_T_DURATION, 0, "1s", "0..1h", \
    "Pause between two requests to one host (name and port). With a pause there is one request at a time."), \
  SL_PARAM_AS(st, w.per_host, "per_host", SL_T_INT, 0, "2", "1..256", \
    "Most requests at a time to one host where there is no pause."), \
  SL_PARAM_AS(st, w.max_connections, "max_connections", SL_T_INT, 0, "256", "1..16384", \
    "Most requests at a time in all."), \
  SL_PARAM_AS(st, w.robots, "robots", SL_T_BOOL, 0, "true", NULL, \
    "Whether robots.txt is kept to. Switch it off for your own sites only."), \
  SL_PARAM_AS(st, w.retries, "retries", SL_T_INT, 0, "2", "0..20", \
    "How often a request that failed for a passing reason is sent again."), \
  SL_PARAM_AS(st, w.max_bytes, "max_bytes", SL_T_SIZE, 0, "16MiB", "1KiB..1GiB", \
    "Largest page, both as sent and after decompression."), \
  SL_PARAM_AS(st, w.headers, "headers", SL_T_STRING, SL_PF_MAP | SL_PF_SECRET, NULL, NULL, \
    "Further request headers. They do not follow a redirect to another host. Write secrets as ${file:PATH}."), \
  SL_PARAM_AS(st, w.header_hosts, "header_hosts", SL_T_STRING, SL_PF_LIST, "[]", NULL, \
    "Hosts that `headers` are sent to; none: all that are asked for."), \
  SL_PARAM_AS(st, w.allow_private, "allow_private", SL_T_STRING, SL_PF_LIST, "[]", NULL, \
    "Addresses that may be connected to though they are not public: ranges like 10.0.0.0/8, or loopback, private, " \
    "link-local, all."), \
  SL_PARAM_AS(st, w.proxy, "proxy", SL_T_STRING, SL_PF_NONEMPTY | SL_PF_SECRET, NULL, NULL, \
    "URL of a proxy. Unset: http_proxy, https_proxy, all_proxy and no_proxy of the environment. Behind a proxy the " \
    "addresses of names are the proxy's to check."), \
  SL_PARAM_AS(st, w.no_proxy, "no_proxy", SL_T_STRING, SL_PF_LIST, "[]", NULL, \
    "Hosts that are asked without the proxy: names with all below them, addresses, or *."), \
  SL_PARAM_AS(st, w.record, "record", SL_T_PATH, 0, NULL, NULL, \
    "Folder in which every exchange is kept, a file each, for `replay`."), \
  SL_PARAM_AS(st, w.replay, "replay", SL_T_PATH, 0, NULL, NULL, \
    "Folder with what `record` kept: all answers come from there, nothing is sent."), \
  SL_PARAM_AS(st, w.max_redirects, "max_redirects", SL_T_INT, SL_PF_ADVANCED, "5", "0..20", \
    "Longest chain of redirects."), \
  SL_PARAM_AS(st, w.max_crawl_delay, "max_crawl_delay", SL_T_DURATION, SL_PF_ADVANCED, "30s", "0..1h", \
    "Most that the Crawl-delay of a robots.txt is waited for; 0 pays no heed to it."), \
  SL_PARAM_AS(st, w.backoff, "backoff", SL_T_DURATION, SL_PF_ADVANCED, "1s", "1ms..1h", \
    "Longest pause before the first retry; doubled for each further one. The pause itself is drawn by lot."), \
  SL_PARAM_AS(st, w.backoff_max, "backoff_max", SL_T_DURATION, SL_PF_ADVANCED, "60s", "1ms..1d", \
    "Longest pause before a retry."), \
  SL_PARAM_AS(st, w.max_wait, "max_wait", SL_T_DURATION, SL_PF_ADVANCED, "2m", "0..1d", \
    "Longest Retry-After that is waited for in place. A longer one fails the request, as a passing failure."), \
  SL_PARAM_AS(st, w.connect_timeout, "connect_timeout", SL_T_DURATION, SL_PF_ADVANCED, "10s", "10ms..10m", \
    "Time to resolve the name and to connect, TLS included."), \
  SL_PARAM_AS(st, w.first_byte_timeout, "first_byte_timeout", SL_T_DURATION, SL_PF_ADVANCED, "30s", "10ms..1h", \
    "Time from the request to the first byte of the answer."), \
  SL_PARAM_AS(st, w.stall_timeout, "stall_timeout", SL_T_DURATION, SL_PF_ADVANCED, "20s", "10ms..1h", \
    "How long an answer may stand still."), \
  SL_PARAM_AS(st, w.total_timeout, "total_timeout", SL_T_DURATION, SL_PF_ADVANCED, "2m", "10ms..1d", \
    "Time of one request as a whole; a redirect or retry is another request."), \
  SL_PARAM_AS(st, w.max_ratio, "max_ratio", SL_T_INT, SL_PF_ADVANCED, "200", "2..100000", \
    "How many times larger decompression may make a page, beyond its first MiB."), \
  SL_PARAM_AS(st, w.max_buffer, "max_buffer", SL_T_SIZE, SL_PF_ADVANCED, "128MiB", "64KiB..", \
    "Bytes of pages that are coming in at a time; beyond it no further request begins."), \
  SL_PARAM_AS(st, w.http2, "http2", SL_T_BOOL, SL_PF_ADVANCED, "true", NULL, \
    "Whether HTTP/2 is offered over TLS."), \
  SL_PARAM_AS(st, w.cookies, "cookies", SL_T_BOOL, SL_PF_ADVANCED, "false", NULL, \
    "Whether cookies are kept, in memory, as long as the pipeline runs."), \
  SL_PARAM_AS(st, w.insecure_hosts, "insecure_hosts", SL_T_STRING, SL_PF_LIST | SL_PF_ADVANCED, "[]", NULL, \
    "Hosts whose TLS certificates are not verified. All others are."), \
  SL_PARAM_AS(st, w.ca_file, "ca_file", SL_T_PATH, SL_PF_ADVANCED, NULL, NULL, \
    "PEM file of the authorities that are trusted, instead of the system's."), \
  SL_PARAM_AS(st, w.resolve, "resolve", SL_T_STRING, SL_PF_LIST | SL_PF_ADVANCED, "[]", NULL, \
    "Addresses of names that are not looked up: HOST:PORT:ADDRESS. HOST may be *."), \
  SL_PARAM_AS(st, w.record_max, "record_max", SL_T_SIZE, SL_PF_ADVANCED, "1GiB", "1MiB..", \
    "Bytes that `record` writes in one run; then it stops recording and says so.")
/* clang-format on */

typedef struct web_client web_client;

/* What became of a request. */
enum {
  WEB_OK = 0,        /* a page: status 2xx */
  WEB_UNCHANGED = 1, /* 304, or the page has the sha256 of the request */
  WEB_FAILED = 2     /* see reason */
};

/*
 * Reasons, stable words. Passing (temporary = 1): dns, connect, tls_connect, timeout_connect, timeout_first_byte,
 * timeout_stall, timeout_total, cut_body, protocol, busy, robots_unreachable, memory, and http_status for 408, 425,
 * 429 and 5xx but 501 and 505. Lasting: bad_url, scheme, tls, robots, private_address, redirect_limit, redirect_loop,
 * bad_redirect, http_status, too_large, bomb, encoding, not_recorded, record.
 */
typedef struct web_result {
  int32_t outcome;   /* WEB_… */
  int32_t temporary; /* WEB_FAILED: it may succeed later */
  int32_t status;    /* of the last answer; 0: none */
  uint32_t redirects, attempts;
  const char *const *chain;    /* the URLs that redirected, `redirects` of them */
  const char *reason;          /* word from the list above, "" otherwise */
  const char *message;         /* one sentence for people; "" if it went well */
  const char *hint;            /* what to do; may be NULL */
  const char *url, *final_url; /* as asked for (parsed), as answered */
  const char *content_type;    /* these: NULL if there was no such header */
  const char *etag, *last_modified;
  const char *link;       /* Link header, the first */
  int64_t retry_after_ns; /* what is left of a wait that the server asked for; 0: none */
  const void *body;       /* [borrow until done returns], see web_take_body; NULL if empty */
  size_t body_len;
  const char *sha256;              /* of the body, hexadecimal; "" if there is none */
  uint64_t wire_bytes;             /* of the last answer's body, as sent */
  int64_t fetched_at;              /* wall clock when the answer was complete, ns */
  int64_t first_byte_ns, total_ns; /* of the last request */
} web_result;

/* result [borrow until it returns]. May call web_fetch and web_cancel. */
typedef void (*web_done_cb)(sl_ctx *ctx, void *user, web_result *result);

typedef struct web_request {
  const char *url;                  /* all strings: [borrow until web_fetch returns] */
  const char *accept;               /* Accept header; NULL: pages first, then anything */
  const char *etag, *last_modified; /* of an earlier answer: makes the request conditional; NULL or "" */
  const char *validated_url;        /* final_url of that answer: it alone is asked conditionally; NULL: url */
  const char *sha256;               /* of an earlier answer: an equal page is WEB_UNCHANGED; NULL or "" */
  sl_doc *doc;                      /* transforms: the document that it is for, valid until done; names state writes */
  int64_t max_bytes;                /* 0: as the parameter says */
  int32_t no_robots;                /* 1: not a page that robots.txt is asked about (a robots.txt itself) */
  web_done_cb done;
  void *user;
} web_request;

/* Checks params [borrow until web_client_free]; no network, no file is written. 0, or an error after sl_fail; *ret
 * [own] is then NULL. */
int32_t web_client_new(sl_ctx *ctx, const web_params *params, web_client **ret);
/* May be called again after stop. 0, or an error after sl_fail. ctx [borrow until stop]. */
int32_t web_client_start(web_client *c, sl_ctx *ctx);
void web_client_stop(web_client *c);
void web_client_free(web_client *c); /* NULL is fine */

/* Takes a request. Its id, or 0 when memory is out. */
uint64_t web_fetch(web_client *c, const web_request *request);
/* Gives a request up: no callback comes for it. An id that is not known is ignored. */
void web_cancel(web_client *c, uint64_t id);
/* Requests that are not done. */
uint32_t web_pending(const web_client *c);

/* Takes the body out of a result: [own], from sl_alloc; sl_set_payload may take it with web_release_body as release
 * function and the return value of web_release_user as its user. */
void *web_take_body(web_result *result);
void web_release_body(void *data, void *user);
void *web_release_user(web_client *c);

/* Nanoseconds that a Retry-After header asks for: seconds, or a date in one of the three forms of RFC 9110, seen from
 * `now` (wall clock, ns). 0 if it lies in the past; -1 if it is neither. */
int64_t web_retry_after(const char *text, int64_t now);

#endif
