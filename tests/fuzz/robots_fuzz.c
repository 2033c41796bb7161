/* SPDX-License-Identifier: Apache-2.0 */
/* robots.txt: "path\nfile" of any bytes. The decision is that of a plain matcher that tries everything. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "robots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const lane_mem mem = {malloc, free};

/* Whether the pattern matches, by the positions that can be reached, as the reference does it. */
static bool plain_match(const char *pattern, size_t n, const char *path, size_t len) {
  bool *at = calloc(len + 2, 1);
  bool any = false;
  if (!at) abort();
  at[0] = true;
  for (size_t i = 0; i < n; i++) {
    if (pattern[i] == '$' && i + 1 == n) {
      any = at[len];
      free(at);
      return any;
    }
    if (pattern[i] == '*') {
      for (size_t k = 1; k <= len; k++) at[k] = at[k] || at[k - 1];
    } else {
      for (size_t k = len + 1; k-- > 0;) at[k] = k > 0 && at[k - 1] && path[k - 1] == pattern[i];
    }
  }
  for (size_t k = 0; k <= len; k++) any = any || at[k];
  free(at);
  return any;
}

/* One rule for all, against the plain matcher. */
static void check_pattern(const char *pattern, size_t n, const char *path, size_t len) {
  static const char head[] = "user-agent: *\ndisallow: ";
  char file[600];
  for (size_t i = 0; i < n; i++)
    if (pattern[i] <= ' ' || pattern[i] == '%' || pattern[i] == '#' || pattern[i] > 126) return;
  if (n == 0 || n > 500 || len == 0) return;
  memcpy(file, head, sizeof head - 1);
  memcpy(file + sizeof head - 1, pattern, n);
  robots *r = robots_parse(&mem, file, sizeof head - 1 + n);
  if (!r || robots_allows(r, "x", path, len) == plain_match(pattern, n, path, len)) abort();
  robots_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const char *s = (const char *)data, *path = s;
  const char *end = len ? memchr(s, '\n', len) : NULL;
  size_t n = end ? (size_t)(end - s) : len;
  if (end) s += n + 1, len -= n + 1;
  check_pattern(s, len, path, n);
  robots *r = robots_parse(&mem, s, len);
  if (!r) abort();
  bool all = robots_allows(r, "nobody-names-this", path, n);
  if (!robots_names(r, "a") && robots_allows(r, "a", path, n) != all) abort();
  if (robots_delay_ms(r, "a") < -1) abort();
  for (size_t i = 0; i < robots_sitemaps(r); i++)
    if (strlen(robots_sitemap(r, i)) == 0 && len && !memchr(s, 0, len)) abort();
  robots_free(r);
  return 0;
}
