/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the HTTP client: jobs (what a stage asked for), hosts (whose turn it is), transfers (libcurl).
 *
 * A job is in one place at a time: in the queue of its host, in the heap of what waits for a time, on a transfer, or in
 * the list of those that are done. Everything runs on the loop. curl's callbacks only note what happened; curl is
 * called, and jobs end, from callbacks of the host alone.
 */
#ifndef SLUICE_PLUGINS_WEB_IMPL_H
#define SLUICE_PLUGINS_WEB_IMPL_H

#include <curl/curl.h>
#include <stdbool.h>

#include "robots.h"
#include "webaddr.h"
#include "webclient.h"
#include "weburl.h"

#define WEB_SECOND INT64_C(1000000000)
#define WEB_MS INT64_C(1000000)
#define WEB_MAX_HOPS 20

/* Something that waits for a time (monotonic): the first member of a job and of a host. */
typedef struct web_timed {
  int64_t due;
  uint32_t at; /* in the heap, from 1; 0: not in it */
  bool is_host;
} web_timed;

typedef struct web_host web_host;
typedef struct web_job web_job;
typedef struct web_transfer web_transfer;
typedef struct web_answer web_answer;

/* Headers of an answer that somebody asks for later. */
typedef struct web_headers {
  int32_t status;
  char *content_type, *etag, *last_modified, *link, *location, *retry_after, *encoding;
  int64_t length; /* -1: not given */
  bool lost;      /* there was no memory for one of them */
} web_headers;

typedef enum web_place { WEB_NOWHERE, WEB_QUEUED, WEB_TIMED, WEB_ACTIVE, WEB_DONE } web_place;

struct web_job {
  web_timed timed;
  web_job *prev, *next; /* of the queue of its host, or of those that are done */
  web_job *older;       /* bucket by id */
  uint64_t id;
  web_client *c;
  web_place place;
  web_host *host;   /* whose turn it takes; NULL: none (a robots.txt takes that of `robots_of`) */
  web_transfer *on; /* WEB_ACTIVE */
  weburl first, url;
  char *bad_url; /* what was asked for if it cannot be parsed */
  char *accept, *etag, *last_modified, *validated;
  char sha_before[65], sha[65];
  sl_doc *doc;
  int64_t max_bytes;
  bool no_robots, plain; /* plain: the extra headers are not sent any more */
  bool conditional;      /* the last request was */
  web_host *robots_of;   /* the client's own request for the robots.txt of a host */
  web_done_cb done;
  void *user;
  uint32_t redirects, tries; /* tries: of this URL */
  char *chain[WEB_MAX_HOPS + 1];
  web_headers headers; /* of the last answer */
  web_result result;
  char message[256];
};

typedef enum web_robots { WEB_ROBOTS_UNKNOWN, WEB_ROBOTS_COMING, WEB_ROBOTS_KNOWN } web_robots;
typedef enum web_turn { WEB_IDLE, WEB_READY, WEB_WAITS, WEB_BUSY } web_turn;

struct web_host {
  web_timed timed;
  web_host *bucket;      /* next of the same hash */
  web_host *prev, *next; /* of the idle or the ready ones */
  web_job *head, *tail;
  uint32_t n_queued, active;
  web_turn turn;
  int64_t next_at, blocked_until;
  web_robots robots;
  int64_t rules_until, crawl_delay;
  robots *rules;
  bool unreachable; /* the rules stand for a robots.txt that could not be had: why */
  bool passing;
  const char *reason;
  char why[160];
  char key[]; /* scheme://host:port */
};

typedef enum web_cut {
  WEB_CUT_NONE,
  WEB_CUT_SIZE,
  WEB_CUT_BOMB,
  WEB_CUT_ENCODING,
  WEB_CUT_BUSY,
  WEB_CUT_MEMORY,
  WEB_CUT_HEADERS,
  WEB_CUT_ENOUGH, /* a robots.txt: what is there is used */
  WEB_CUT_FIRST_BYTE,
  WEB_CUT_STALL
} web_cut;

struct web_transfer {
  web_transfer *prev, *next; /* of the active ones, or next of the free ones */
  web_client *c;
  CURL *easy;
  struct curl_slist *sent;
  web_job *job;
  web_headers headers;
  unsigned char *body;
  size_t len, cap, header_bytes, wire; /* wire: at the last tick */
  int64_t limit, begun, heard;         /* heard: the last byte of an answer, 0: none yet */
  web_cut cut;
  bool proxied, refused; /* refused: an address was not connected to */
  char why[200];         /* of refused */
  char *raw;             /* headers of request and answer, for a record */
  size_t raw_len, raw_cap;
  char error[CURL_ERROR_SIZE];
};

typedef struct web_sock {
  web_client *c;
  curl_socket_t fd;
} web_sock;

#define WEB_BUCKETS 4096

struct web_client {
  const web_params *p;
  sl_ctx *ctx; /* NULL: stopped */
  const sl_kv *kv;
  const sl_resume *notes;
  lane_mem mem;
  webaddr_list allowed;
  char *agent, *product; /* what is sent; what robots.txt is asked about */
  char *proxy_http, *proxy_https, *no_proxy;
  struct curl_slist *resolve;
  CURLM *multi;
  CURLSH *share;
  web_sock **socks;
  uint32_t n_socks;
  web_transfer *active, *spare;
  uint32_t n_active, n_spare;
  size_t buffered;
  web_job *jobs[WEB_BUCKETS];
  uint32_t n_jobs;
  uint64_t last_id;
  web_job *done_head, *done_tail;
  web_host *hosts[WEB_BUCKETS];
  uint32_t n_hosts, n_idle;
  web_host *ready_head, *ready_tail, *idle_head, *idle_tail;
  web_timed **heap; /* from 1 */
  uint32_t n_heap, cap_heap;
  uint64_t wake_timer, curl_timer, tick_timer;
  int64_t wake_due;
  int working;     /* inside web_work: nothing is begun below it */
  int64_t written; /* by record */
  bool record_full;
};

/* ---- client.c ---- */
int64_t web_now(const web_client *c); /* monotonic */
void *web_alloc0(const web_client *c, size_t n);
char *web_dup(const web_client *c, const char *text); /* NULL stays NULL */
char *web_dup_n(const web_client *c, const char *text, size_t n);
void web_headers_free(const web_client *c, web_headers *h);
/* The job is over; its callback comes later. why: NULL if it went well. */
void web_end(web_job *j, int32_t outcome, const char *reason, bool temporary, const char *why, const char *hint);
void web_job_free(web_job *j);
/* Works through all that is due; later, if it is under way already. */
void web_work(web_client *c);
/* Sees to it that web_work runs at this time at the latest. */
void web_wake(web_client *c, int64_t due);

/* ---- host.c ---- */
/* The host of the job's present URL, and the job at the end of its queue. */
void web_enqueue(web_job *j);
void web_unqueue(web_job *j);
/* A request to the host has ended: others may have their turn. */
void web_host_done(web_client *c, web_host *h);
void web_host_settle(web_client *c, web_host *h);
/* Begins what may begin. */
void web_hosts_run(web_client *c);
/* All requests were given up: what is known of the hosts, and their pauses, stay. */
void web_hosts_rest(web_client *c);
void web_hosts_free(web_client *c);
int web_heap_add(web_client *c, web_timed *t, int64_t due); /* 0 or -1 */
void web_heap_remove(web_client *c, web_timed *t);

/* ---- hostrobots.c ---- */
/* Whether the rules are known; if not they are being fetched now, or the job has ended. */
bool web_robots_ready(web_client *c, web_host *h, web_job *j);
bool web_robots_allow(web_client *c, const web_host *h, const weburl *url);
/* The end of a request for a robots.txt: takes the job. */
void web_robots_done(web_job *j);

/* ---- transfer.c ---- */
int32_t web_curl_start(web_client *c);
void web_curl_stop(web_client *c);
/* The job goes on a transfer, or is answered from a record. 0, or -1 when memory is out. */
int web_transfer_begin(web_job *j);
/* Takes the job off its transfer. */
void web_transfer_end(web_transfer *t);
/* The exchange of a job is over: gives its turn back and judges. */
void web_exchange_over(web_job *j, web_answer *a);

/* ---- request.c ---- */
/* Sets what this request needs. 0 or -1. */
int web_request_set(web_transfer *t);
/* Whether a URL that names an address may be asked for: behind a proxy nobody else looks at it. *why as webaddr_allowed
 * says it. */
bool web_target_allowed(const web_client *c, const weburl *u, const char **why);
/* NULL: direct. */
const char *web_proxy_for(const web_client *c, const weburl *u);
/* Whether name is host, or lies below it, for one of the items (const char *). */
bool web_host_in(const sl_list *list, const char *name, size_t n);

/* ---- judge.c ---- */
/* What an exchange came to. */
struct web_answer {
  CURLcode code;
  web_cut cut;
  bool refused, connected;
  web_headers headers;
  void *body; /* [own] */
  size_t len;
  uint64_t wire;
  int64_t first_byte_ns, total_ns;
  char why[CURL_ERROR_SIZE]; /* of a failure */
};

/* The exchange is over, its transfer and its turn were given back: what follows. Takes what the answer owns. */
void web_judge(web_job *j, web_answer *a);

/* ---- record.c ---- */
typedef struct web_recorded {
  int32_t status;
  const char *url, *headers, *body;
  size_t url_len, headers_len, body_len;
} web_recorded;

/* Reads one exchange. 0 or SL_EPARSE with *why. Pointers go into data. */
int web_record_parse(const char *data, size_t len, web_recorded *ret, const char **why);
int32_t web_record_check(web_client *c, sl_ctx *ctx);
void web_record(web_client *c, const web_transfer *t);
/* Answers the job from the record. */
void web_replay(web_job *j);
/* A header line ("Name: value", no end of line) into h. */
void web_header_line(const web_client *c, web_headers *h, const char *line, size_t n);

/* ---- store.c ---- */
/* Keeps and finds a robots.txt: status and bytes. get: 0 and *ret [own], or not 0. */
void web_store_robots(web_client *c, const web_host *h, sl_doc *doc, int64_t until, const void *text, size_t len);
/* Forgets those of a source that are past. */
void web_purge_robots(web_client *c);
int web_load_robots(web_client *c, const web_host *h, sl_doc *doc, int64_t *ret_until, char **ret, size_t *ret_len);

#endif
