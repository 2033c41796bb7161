/* SPDX-License-Identifier: Apache-2.0 */
/* URLs: "base\ninput" of any bytes. What is parsed parses to itself, a key is the key of itself, parts stand in order.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "weburl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const lane_mem mem = {malloc, free};

static void check_part(const weburl *u, weburl_part part, size_t *at) {
  if (part.at < *at || (size_t)part.at + part.len > u->len) abort();
  *at = part.at + part.len;
}

static void check(const weburl *u) {
  weburl again;
  size_t at = 0;
  if (strlen(u->href) != u->len) abort();
  check_part(u, u->scheme, &at);
  if (u->host_kind != WEBURL_HOST_NONE) {
    check_part(u, u->username, &at);
    check_part(u, u->password, &at);
    check_part(u, u->host, &at);
  }
  check_part(u, u->path, &at);
  if (u->has_query) check_part(u, u->query, &at);
  if (u->has_fragment) check_part(u, u->fragment, &at);
  if (weburl_is_web(u) && (u->host.len == 0 || u->href[u->path.at] != '/')) abort();
  if (weburl_parse(&again, &mem, u->href, u->len, NULL, NULL) != 0) abort();
  if (strcmp(again.href, u->href) != 0 || again.host_kind != u->host_kind || again.port != u->port) abort();
  weburl_free(&again);
}

static void check_key(const weburl *u) {
  weburl again;
  char *key = NULL, *twice = NULL;
  size_t len = 0;
  if (weburl_canonical(u, NULL, &key, &len) != 0) return;
  if (weburl_parse(&again, &mem, key, len, NULL, NULL) != 0) abort();
  if (weburl_canonical(&again, NULL, &twice, NULL) != 0 || strcmp(key, twice) != 0) abort();
  weburl_free(&again);
  free(key);
  free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const char *s = (const char *)data;
  const char *end = len ? memchr(s, '\n', len) : NULL;
  weburl base = {0}, u = {0};
  const char *why = NULL;
  size_t n = end ? (size_t)(end - s) : 0;
  int based = end && weburl_parse(&base, &mem, s, n, NULL, NULL) == 0;
  if (end) s += n + 1, len -= n + 1;
  if (weburl_parse(&u, &mem, s, len, based ? &base : NULL, &why) == 0) {
    check(&u);
    check_key(&u);
  } else if (!why) {
    abort();
  }
  weburl_free(&u);
  weburl_free(&base);
  return 0;
}
