/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about URLs: the record of the last fetch, its key, and a table in memory for runs without a state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/sha256.h"
#include "fetch.h"

/* A record is lines: "1 AT CURSOR", ETag, Last-Modified, sha256, final URL. */

static const char *text_of(const char *s) { return s && !strchr(s, '\n') ? s : ""; }

int fetch_record_write(const fetch_record *r, char **ret, size_t *ret_len) {
  int n = asprintf(ret, "1 %" PRId64 " %" PRIu64 "\n%s\n%s\n%s\n%s\n", r->at, r->cursor, text_of(r->etag),
                   text_of(r->last_modified), text_of(r->sha256), text_of(r->final_url));
  if (n < 0) return SL_ENOMEM;
  *ret_len = (size_t)n;
  return 0;
}

int fetch_record_read(const void *data, size_t len, fetch_record *ret, char **ret_hold) {
  const char **const to[] = {&ret->etag, &ret->last_modified, &ret->sha256, &ret->final_url};
  char *copy = malloc(len + 1);
  *ret_hold = copy;
  if (!copy) return SL_ENOMEM;
  memcpy(copy, data, len);
  copy[len] = '\0';
  *ret = (fetch_record){.etag = "", .last_modified = "", .sha256 = "", .final_url = ""};
  char *at = strchr(copy, '\n');
  if (!at || sscanf(copy, "1 %" SCNd64 " %" SCNu64, &ret->at, &ret->cursor) != 2) return SL_EPARSE;
  for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
    char *line = at + 1;
    at = strchr(line, '\n');
    if (!at) return SL_EPARSE;
    *at = '\0';
    *to[i] = line;
  }
  return 0;
}

fetch_record fetch_record_of(const web_result *r, uint64_t cursor) {
  return (fetch_record){.at = r->fetched_at,
                        .cursor = cursor,
                        .etag = r->etag,
                        .last_modified = r->last_modified,
                        .sha256 = r->sha256,
                        .final_url = r->final_url};
}

bool fetch_key(sl_ctx *ctx, const char *prefix, const char *url, char key[FETCH_KEY_MAX]) {
  const lane_mem mem = {ctx->host->alloc, ctx->host->free};
  weburl u;
  char *canonical = NULL;
  size_t len = 0;
  int rc = weburl_parse(&u, &mem, url, strlen(url), NULL, NULL);
  if (!rc) rc = weburl_canonical(&u, NULL, &canonical, &len);
  weburl_free(&u);
  if (rc) return false;
  int n = snprintf(key, FETCH_KEY_MAX, "%s%s", prefix, canonical);
  if (n >= FETCH_KEY_MAX) {
    char hex[65];
    sha256_hex(canonical, len, hex);
    snprintf(key, FETCH_KEY_MAX, "%s#%s", prefix, hex);
  }
  mem.free(canonical);
  return true;
}

/* ---- in memory --------------------------------------------------------------------------------------------------- */

#define SLOTS ((size_t)1 << 20)
#define PROBES 16

typedef struct slot {
  uint64_t hash; /* 0: free */
  int64_t at;
} slot;

struct fetch_memory {
  slot slots[SLOTS];
};

fetch_memory *fetch_memory_new(void) { return calloc(1, sizeof(fetch_memory)); }
void fetch_memory_free(fetch_memory *m) { free(m); }

static uint64_t hash_of(const char *key) {
  unsigned char hash[16];
  uint64_t h;
  sha256_short(key, strlen(key), hash);
  memcpy(&h, hash, sizeof h);
  return h ? h : 1;
}

int64_t fetch_memory_get(const fetch_memory *m, const char *key) {
  uint64_t h = hash_of(key);
  for (size_t i = 0; i < PROBES; i++)
    if (m->slots[(h + i) % SLOTS].hash == h) return m->slots[(h + i) % SLOTS].at;
  return 0;
}

void fetch_memory_put(fetch_memory *m, const char *key, int64_t at) {
  uint64_t h = hash_of(key);
  slot *best = NULL;
  for (size_t i = 0; i < PROBES; i++) {
    slot *s = &m->slots[(h + i) % SLOTS];
    if (s->hash == h) {
      best = s;
      break;
    }
    if (!best || s->at < best->at) best = s;
  }
  *best = (slot){h, at};
}
