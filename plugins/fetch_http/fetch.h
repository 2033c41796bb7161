/* SPDX-License-Identifier: Apache-2.0 */
/* Inside fetch_http: what its two stage types share. Everything runs on the loop. */
#ifndef SLUICE_FETCH_HTTP_H
#define SLUICE_FETCH_HTTP_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "../common/webclient.h"
#include "../common/weburl.h"

#define FETCH_KEY_MAX 900

extern const sl_stage_type fetch_http_list_type;
extern const sl_stage_type fetch_http_page_type;

/* ---- seen.c: what is known about a URL --------------------------------------------------------------------------- */

/* Strings may be "". */
typedef struct fetch_record {
  int64_t at;      /* when it was fetched or found unchanged, wall clock, ns; 0: never */
  uint64_t cursor; /* list: of the document that it was fetched for; page: 1 while it is being fetched, else 0 */
  const char *etag, *last_modified, *sha256, *final_url;
} fetch_record;

/* Its form in the state. *ret [own: free]. 0 or SL_ENOMEM. */
int fetch_record_write(const fetch_record *r, char **ret, size_t *ret_len);
/* Reads it; strings go into a copy, *ret_hold [own: free]. 0, SL_EPARSE or SL_ENOMEM. */
int fetch_record_read(const void *data, size_t len, fetch_record *ret, char **ret_hold);
/* Of a result, fetched now. */
fetch_record fetch_record_of(const web_result *r, uint64_t cursor);

/* The key of a URL in the state: prefix and canonical form, or its hash where it is long. false: no URL to fetch, or
 * memory is out. */
bool fetch_key(sl_ctx *ctx, const char *prefix, const char *url, char key[FETCH_KEY_MAX]);

/* Where there is no state: what was fetched in this run, bounded; the oldest give way. */
typedef struct fetch_memory fetch_memory;
fetch_memory *fetch_memory_new(void);
void fetch_memory_free(fetch_memory *m);
/* Wall clock when it was noted; 0: not there. */
int64_t fetch_memory_get(const fetch_memory *m, const char *key);
void fetch_memory_put(fetch_memory *m, const char *key, int64_t at); /* at 0: forgets */

/* ---- describe.c: what goes into a document ----------------------------------------------------------------------- */

/* The object for /http. [own]; NULL when memory is out. */
cJSON *fetch_describe(const web_result *r);
/* The media type of a page. */
void fetch_media_type(const web_result *r, char *type, size_t cap);
/* 2025-08-21T00:00:00Z */
void fetch_time(int64_t ns, char text[32]);
/* Replaces a member. 0 or -1; value [take]. */
int fetch_put(cJSON *object, const char *name, cJSON *value);
/* Says why there is no page. */
void fetch_fail(sl_ctx *ctx, sl_doc *doc, const web_result *r);
/* Counts an outcome. */
void fetch_count(sl_ctx *ctx, const web_result *r);
/* Sets page, origin and revision. 0 or SL_ENOMEM after sl_fail. Takes the body out of the result. */
int32_t fetch_set_page(sl_ctx *ctx, sl_doc *doc, web_client *c, web_result *r);

#endif
