/* SPDX-License-Identifier: Apache-2.0 */
/* What a fetch says in a document: /http, the media type, the reason of a failure. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fetch.h"

void fetch_time(int64_t ns, char text[32]) {
  time_t seconds = (time_t)(ns / 1000000000);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

int fetch_put(cJSON *object, const char *name, cJSON *value) {
  cJSON_DeleteItemFromObjectCaseSensitive(object, name);
  if (value && cJSON_AddItemToObject(object, name, value)) return 0;
  cJSON_Delete(value);
  return -1;
}

/* A header is any bytes; a document is UTF-8. */
static int put_text(cJSON *object, const char *name, const char *value) {
  char text[2100];
  size_t n = 0;
  if (!value || !*value) return 0;
  for (; *value && n + 2 < sizeof text; value++) text[n++] = (unsigned char)*value < 0x80 ? *value : '?';
  text[n] = '\0';
  return fetch_put(object, name, cJSON_CreateString(text));
}

cJSON *fetch_describe(const web_result *r) {
  char when[32];
  cJSON *o = cJSON_CreateObject(), *chain = cJSON_CreateArray();
  int bad = !o || !chain;
  for (uint32_t i = 0; !bad && i < r->redirects; i++) {
    cJSON *one = cJSON_CreateString(r->chain[i]);
    bad = !one || !cJSON_AddItemToArray(chain, one);
    if (bad) cJSON_Delete(one);
  }
  fetch_time(r->fetched_at, when);
  bad = bad || fetch_put(o, "url", cJSON_CreateString(r->url)) ||
        fetch_put(o, "final_url", cJSON_CreateString(r->final_url)) ||
        fetch_put(o, "status", cJSON_CreateNumber(r->status)) || fetch_put(o, "fetched_at", cJSON_CreateString(when)) ||
        put_text(o, "etag", r->etag) || put_text(o, "last_modified", r->last_modified);
  if (!bad) {
    bad = fetch_put(o, "redirects", chain);
    chain = NULL;
  }
  cJSON_Delete(chain);
  if (!bad) return o;
  cJSON_Delete(o);
  return NULL;
}

void fetch_media_type(const web_result *r, char *type, size_t cap) {
  const unsigned char *p = r->body;
  size_t n = 0;
  for (const char *t = r->content_type; t && *t && n + 1 < cap; t++)
    if (*t >= 0x20 && *t < 0x7F) type[n++] = *t;
  type[n] = '\0';
  if (n) return;
  size_t at = 0;
  while (at < r->body_len && strchr(" \t\r\n\xEF\xBB\xBF", p[at]) && p[at]) at++;
  snprintf(type, cap, "%s", at < r->body_len && p[at] == '<' ? "text/html" : "application/octet-stream");
}

static int32_t code_of(const web_result *r) {
  static const struct {
    const char *reason;
    int32_t code;
  } codes[] = {{"robots", SL_EPERM},
               {"private_address", SL_EPERM},
               {"scheme", SL_EPERM},
               {"too_large", SL_ELIMIT},
               {"bomb", SL_ELIMIT},
               {"redirect_limit", SL_ELIMIT},
               {"timeout_connect", SL_ETIMEOUT},
               {"timeout_first_byte", SL_ETIMEOUT},
               {"timeout_stall", SL_ETIMEOUT},
               {"timeout_total", SL_ETIMEOUT},
               {"bad_url", SL_EINVAL},
               {"memory", SL_ENOMEM},
               {"not_recorded", SL_ENOTFOUND},
               {"encoding", SL_EENCODING}};
  if (r->status == 404 || r->status == 410) return SL_ENOTFOUND;
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (strcmp(codes[i].reason, r->reason) == 0) return codes[i].code;
  return SL_EIO;
}

void fetch_fail(sl_ctx *ctx, sl_doc *doc, const web_result *r) {
  char message[400], detail[1200];
  snprintf(message, sizeof message, "%s: %s", r->reason, r->message);
  if (r->redirects)
    snprintf(detail, sizeof detail, "%.560s, which redirects to %.560s", r->url, r->final_url);
  else
    snprintf(detail, sizeof detail, "%.1100s", r->url);
  if (doc)
    sl_fail_doc(ctx, doc, code_of(r), message, detail, r->hint);
  else
    sl_fail(ctx, code_of(r), message, detail, r->hint);
}

void fetch_count(sl_ctx *ctx, const web_result *r) {
  char name[80];
  if (r->outcome == WEB_FAILED)
    snprintf(name, sizeof name, "failed_%s", r->reason);
  else
    snprintf(name, sizeof name, "%s", r->outcome == WEB_OK ? "fetched" : "unchanged");
  sl_count(ctx, name, 1);
}

int32_t fetch_set_page(sl_ctx *ctx, sl_doc *doc, web_client *c, web_result *r) {
  char type[256];
  size_t len = r->body_len, n = strcspn(r->url, "#");
  fetch_media_type(r, type, sizeof type);
  char *uri = sl_alloc(ctx, n + 1);
  if (!uri) goto nomem;
  memcpy(uri, r->url, n);
  uri[n] = '\0';
  /* The page first: the origin is not changed if it cannot be set. */
  int32_t rc = len ? sl_set_payload(ctx, doc, web_take_body(r), len, type, web_release_body, web_release_user(c))
                   : sl_set_payload(ctx, doc, "", 0, type, NULL, NULL);
  const sl_origin origin = {.uri = uri, .revision = r->sha256};
  if (!rc) rc = sl_set_origin(ctx, doc, &origin);
  sl_free(ctx, uri);
  if (rc) goto nomem;
  return SL_OK;
nomem:
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
  return SL_ENOMEM;
}
