/* SPDX-License-Identifier: Apache-2.0 */
/* What follows an exchange: the page, the next hop, another try, or the end. */
#include "impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sha256.h"

/* ---- trying again ------------------------------------------------------------------------------------------------ */

/* Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): anything up to the limit. */
static int64_t pause_before(const web_job *j) {
  const web_params *p = j->c->p;
  int64_t limit = p->backoff;
  for (uint32_t i = 1; i < j->tries && limit < p->backoff_max; i++) limit *= 2;
  if (limit > p->backoff_max) limit = p->backoff_max;
  return limit > 0 ? (int64_t)(sl_random(j->c->ctx) % (uint64_t)limit) : 0;
}

/* What the server asks for, which holds for the whole host. */
static int64_t asked_pause(web_job *j) {
  web_client *c = j->c;
  const web_headers *h = &j->headers;
  int64_t wait = h->retry_after && (h->status == 429 || h->status == 503 || h->status == 408)
                     ? web_retry_after(h->retry_after, sl_now(c->ctx))
                     : -1;
  web_host *host = j->robots_of ? j->robots_of : j->host;
  if (wait <= 0) return 0;
  if (host && host->blocked_until < web_now(c) + wait) {
    host->blocked_until = web_now(c) + wait;
    web_host_settle(c, host);
  }
  return wait;
}

static void try_again(web_job *j, const char *reason, const char *why) {
  web_client *c = j->c;
  int64_t asked = c->p->replay ? 0 : asked_pause(j), pause = asked;
  if (why != j->message) snprintf(j->message, sizeof j->message, "%s", why);
  if (j->tries <= c->p->retries && asked <= c->p->max_wait && !c->p->replay) {
    if (!pause) pause = pause_before(j);
    if (!web_heap_add(c, &j->timed, web_now(c) + pause)) {
      j->place = WEB_TIMED;
      if (!j->robots_of) sl_count(c->ctx, "retried", 1);
      return;
    }
  }
  j->result.retry_after_ns = asked;
  web_end(j, WEB_FAILED, reason, true, j->message, NULL);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static bool is_temporary(int32_t status) {
  return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

static void bad_status(web_job *j) {
  int32_t status = j->headers.status;
  snprintf(j->message, sizeof j->message, "the server answered %d", (int)status);
  if (is_temporary(status))
    try_again(j, "http_status", j->message);
  else
    web_end(j, WEB_FAILED, "http_status", false, j->message, NULL);
}

static void good(web_job *j, web_answer *a) {
  sha256_hex(a->body ? a->body : "", a->len, j->sha);
  if (j->sha_before[0] && strcmp(j->sha_before, j->sha) == 0) {
    web_end(j, WEB_UNCHANGED, "", false, "", NULL);
    return;
  }
  j->result.body = a->body;
  j->result.body_len = a->len;
  a->body = NULL;
  web_end(j, WEB_OK, "", false, "", NULL);
}

static bool was_here(const web_job *j, const char *href) {
  for (uint32_t i = 0; i < j->redirects; i++)
    if (strcmp(j->chain[i], href) == 0) return true;
  return strcmp(j->url.href, href) == 0;
}

static bool same_host(const weburl *a, const weburl *b) {
  return a->scheme_id == b->scheme_id && a->host.len == b->host.len && weburl_port(a) == weburl_port(b) &&
         memcmp(weburl_at(a, a->host), weburl_at(b, b->host), a->host.len) == 0;
}

static void go_on(web_job *j) {
  j->tries = 0;
  if (!same_host(&j->first, &j->url)) j->plain = true;
  if (!j->robots_of)
    web_enqueue(j);
  else if (web_transfer_begin(j))
    web_end(j, WEB_FAILED, "memory", true, "memory is out", NULL);
}

static void redirect(web_job *j) {
  web_client *c = j->c;
  weburl to;
  const char *why = NULL, *location = j->headers.location;
  int64_t most = j->robots_of ? 5 : c->p->max_redirects;
  if (j->redirects >= most || j->redirects >= WEB_MAX_HOPS) {
    snprintf(j->message, sizeof j->message, "more than %" PRId64 " redirects", most);
    web_end(j, WEB_FAILED, "redirect_limit", false, j->message, "raise max_redirects if the site is sane");
    return;
  }
  int rc = weburl_parse(&to, &c->mem, location, strlen(location), &j->url, &why);
  if (rc || !weburl_is_web(&to)) {
    snprintf(j->message, sizeof j->message, "the redirect leads to a URL that %s",
             rc ? why ? why : "cannot be read" : "is neither http nor https");
    weburl_free(&to);
    web_end(j, WEB_FAILED, rc == SL_ENOMEM ? "memory" : "bad_redirect", rc == SL_ENOMEM, j->message, NULL);
    return;
  }
  if (was_here(j, to.href) && !c->p->cookies) {
    weburl_free(&to);
    web_end(j, WEB_FAILED, "redirect_loop", false, "the redirects lead in a circle", NULL);
    return;
  }
  char *from = web_dup(c, j->url.href);
  if (!from) {
    weburl_free(&to);
    web_end(j, WEB_FAILED, "memory", true, "memory is out", NULL);
    return;
  }
  j->chain[j->redirects++] = from;
  weburl_free(&j->url);
  j->url = to;
  go_on(j);
}

static void answered(web_job *j, web_answer *a) {
  int32_t status = j->headers.status;
  bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  if (j->headers.lost)
    try_again(j, "memory", "memory is out");
  else if (status >= 200 && status < 300)
    good(j, a);
  else if (status == 304 && j->conditional)
    web_end(j, WEB_UNCHANGED, "", false, "", NULL);
  else if (moved && j->headers.location)
    redirect(j);
  else
    bad_status(j);
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

typedef struct verdict {
  const char *reason, *message, *hint;
  bool temporary;
} verdict;

static const verdict cuts[] = {
    [WEB_CUT_SIZE] = {"too_large", "the page is larger than max_bytes", "raise max_bytes if such pages are wanted",
                      false},
    [WEB_CUT_BOMB] = {"bomb", "decompression makes the page more than max_ratio times larger", NULL, false},
    [WEB_CUT_ENCODING] = {"encoding", "the answer has more than one Content-Encoding", NULL, false},
    [WEB_CUT_BUSY] = {"busy", "too many bytes of pages are coming in at once", "raise max_buffer", true},
    [WEB_CUT_MEMORY] = {"memory", "memory is out", NULL, true},
    [WEB_CUT_HEADERS] = {"protocol", "the headers of the answer are larger than 256 KiB", NULL, true},
    [WEB_CUT_FIRST_BYTE] = {"timeout_first_byte", "no answer within first_byte_timeout", NULL, true},
    [WEB_CUT_STALL] = {"timeout_stall", "the answer stood still for longer than stall_timeout", NULL, true},
};

static verdict of_code(const web_answer *a) {
  const char *why = a->why;
  switch (a->code) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return (verdict){"dns", why, NULL, true};
  case CURLE_COULDNT_CONNECT:
    if (a->refused)
      return (verdict){"private_address", why, "name the range in allow_private if the address is meant", false};
    return (verdict){"connect", why, NULL, true};
  case CURLE_OPERATION_TIMEDOUT:
    if (!a->connected) return (verdict){"timeout_connect", "no connection within connect_timeout", NULL, true};
    return (verdict){"timeout_total", "the request took longer than total_timeout", NULL, true};
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CACERT_BADFILE:
    return (verdict){"tls", why, "name the host in insecure_hosts if you trust the way to it", false};
  case CURLE_SSL_CONNECT_ERROR:
    return (verdict){"tls_connect", why, NULL, true};
  case CURLE_BAD_CONTENT_ENCODING:
    return (verdict){"encoding", why, NULL, false};
  case CURLE_OUT_OF_MEMORY:
    /* So curl says that a header is larger than it takes. */
    if (a->connected) return (verdict){"protocol", "a header of the answer is too large", NULL, true};
    return (verdict){"memory", "memory is out", NULL, true};
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_WEIRD_SERVER_REPLY:
    return (verdict){"protocol", why, NULL, true};
  case CURLE_WRITE_ERROR:
    return (verdict){"encoding", why, NULL, false};
  default:
    return (verdict){a->headers.status ? "cut_body" : "protocol", why, NULL, true};
  }
}

static void failed(web_job *j, const web_answer *a) {
  verdict v = a->cut ? cuts[a->cut] : of_code(a);
  snprintf(j->message, sizeof j->message, "%s", v.message);
  /* The status of an answer that did not come whole says nothing. */
  if (v.temporary)
    try_again(j, v.reason, j->message);
  else
    web_end(j, WEB_FAILED, v.reason, false, j->message, v.hint);
}

void web_judge(web_job *j, web_answer *a) {
  web_client *c = j->c;
  web_headers_free(c, &j->headers);
  j->tries++;
  j->result.attempts++;
  j->result.wire_bytes = a->wire;
  j->result.first_byte_ns = a->first_byte_ns;
  j->result.total_ns = a->total_ns;
  bool whole = a->cut == WEB_CUT_ENOUGH || (a->code == CURLE_OK && !a->cut);
  if (!whole) {
    failed(j, a);
    web_headers_free(c, &a->headers);
  } else {
    j->headers = a->headers;
    answered(j, a);
  }
  sl_count(c->ctx, "bytes", (double)a->wire);
  if (a->body) c->mem.free(a->body);
}
