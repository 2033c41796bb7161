/* SPDX-License-Identifier: Apache-2.0 */
/* What the HTTP client reads by itself: recorded exchanges, header lines, Retry-After, and notes about URLs. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/common/web/impl.h"
#include "fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void exchange(const web_client *c, const char *text, size_t len) {
  web_recorded r;
  const char *why = NULL;
  if (web_record_parse(text, len, &r, &why)) {
    if (!why) abort();
    return;
  }
  if (r.body + r.body_len != text + len || r.headers + r.headers_len != r.body || r.url < text) abort();
  web_headers h = {.length = -1};
  for (const char *p = r.headers, *end = r.body, *eol; p < end; p = eol + 1) {
    eol = memchr(p, '\n', (size_t)(end - p));
    if (!eol) break;
    web_header_line(c, &h, p, (size_t)(eol - p));
    if (h.length < -1) abort();
  }
  web_headers_free(c, &h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const web_client c = {.mem = {malloc, free}};
  char *text = malloc(len + 1), *hold = NULL;
  fetch_record record;
  if (!text) return 0;
  if (len) memcpy(text, data, len);
  text[len] = '\0';
  exchange(&c, text, len);
  int64_t wait = web_retry_after(text, INT64_C(1755734400000000000));
  if (wait < -1 || wait > INT64_C(366) * 86400 * WEB_SECOND) abort();
  if (!fetch_record_read(text, len, &record, &hold) && !(record.etag && record.final_url)) abort();
  free(hold);
  free(text);
  return 0;
}
