/* SPDX-License-Identifier: Apache-2.0 */
/* A web of files, for tests of stages that use the HTTP client: exchanges as `record` writes them, played by `replay`.
 * A plugin that includes it compiles sha256.c. For tests only. */
#ifndef SLUICE_PLUGINS_TESTREPLAY_H
#define SLUICE_PLUGINS_TESTREPLAY_H

#include <sluice/harness.h>

#include "sha256.h"
#include "testdir.h"

#define REPLAY_OK "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n"
#define REPLAY_GONE "HTTP/1.1 410 Gone\r\n\r\n"
#define REPLAY_BUSY "HTTP/1.1 503 Busy\r\n\r\n"

static inline void replay_put(const testdir *d, const char *url, int status, const char *headers, const char *body) {
  char hex[65], name[100];
  size_t cap = strlen(body) + strlen(headers) + strlen(url) + 200;
  char *text = malloc(cap);
  sha256_hex(url, strlen(url), hex);
  snprintf(name, sizeof name, "%.40s.exchange", hex);
  int n = text ? snprintf(text, cap, "sluice-exchange 1\nurl: %s\nstatus: %d\nheaders: %zu\nbody: %zu\n\n%s%s", url,
                          status, strlen(headers), strlen(body), headers, body)
               : -1;
  if (n < 0) testdir_fail("no memory for", url);
  testdir_put(d, name, text, (size_t)n);
  free(text);
}

/* Produces until the source has come to its end, or fails; the last answer. */
static inline int32_t replay_run(sl_harness *h, uint64_t credit) {
  int32_t answer = SL_P_MORE;
  for (int i = 0; i < 3000 && answer != SL_P_END && answer != SL_V_FATAL; i++) {
    answer = sl_harness_produce(h, credit);
    if (answer == SL_P_WAIT) sl_harness_advance(h, INT64_C(100000000));
  }
  return answer;
}

#endif
