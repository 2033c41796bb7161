/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests: any bytes, whole and cut in two; the two must come to the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define LIMIT 4096

/* What becomes of the body behind a head: its bytes summed up, and how it ended. */
static uint64_t read_body(const sl_http_head *head, const char *data, size_t len, size_t cut) {
  sl_http_body b;
  uint64_t sum = 0;
  size_t from = 0, have = cut < len ? cut : len;
  sl_http_body_init(&b, head);
  for (;;) {
    size_t used = 0;
    sl_http_text piece;
    int rc = sl_http_body_next(&b, data + from, have - from, &used, &piece);
    if (rc < 0) return UINT64_MAX;
    if (used > have - from || piece.len > used) abort();
    for (size_t i = 0; i < piece.len; i++) sum = sum * 31 + (unsigned char)piece.data[i];
    from += used;
    if (rc == 1) return sum * 2 + 1;
    if (used && from < have) continue;
    if (from < have) abort();
    if (have == len) return sum * 2;
    have = len;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
  const char *data = (const char *)bytes, *why = NULL;
  sl_http_head head, again;
  char value[64];
  size_t cut = len ? bytes[0] : 0;
  int64_t n = sl_http_head_parse(data, len, LIMIT, &head, &why);
  if (n < 0 && !why) abort();
  if (n <= 0) return 0;
  if ((size_t)n > len || (size_t)n > LIMIT) abort();
  /* More bytes behind it change nothing, and fewer make it incomplete. */
  if (sl_http_head_parse(data, (size_t)n, LIMIT, &again, &why) != n) abort();
  if (sl_http_head_parse(data, (size_t)n - 1, LIMIT, &again, &why) != 0) abort();
  (void)sl_http_query(head.target, "a", value, sizeof value);
  const char *body = data + n;
  size_t rest = len - (size_t)n;
  if (read_body(&head, body, rest, rest) != read_body(&head, body, rest, cut)) abort();
  return 0;
}
