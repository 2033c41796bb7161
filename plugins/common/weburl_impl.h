/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the URL parser share: a growing buffer, percent-encoding, hosts. */
#ifndef SLUICE_PLUGINS_WEBURL_IMPL_H
#define SLUICE_PLUGINS_WEBURL_IMPL_H

#include <string.h>

#include "weburl.h"

/* A buffer that remembers that memory ran out: writes are then ignored. */
typedef struct weburl_buf {
  const lane_mem *mem;
  char *p;
  size_t n, cap;
  bool failed;
} weburl_buf;

/* Room for `more` bytes behind the n that are there. */
bool weburl_buf_room(weburl_buf *b, size_t more);
void weburl_buf_free(weburl_buf *b);

static inline void weburl_put(weburl_buf *b, const char *s, size_t n) {
  if (!weburl_buf_room(b, n)) return;
  if (n) memcpy(b->p + b->n, s, n);
  b->n += n;
}

static inline void weburl_put_char(weburl_buf *b, char c) {
  if (weburl_buf_room(b, 1)) b->p[b->n++] = c;
}

/* Percent-encode sets of the URL standard; all contain the controls, DEL and what is not ASCII. */
#define WEBURL_SET_C0 0u
#define WEBURL_SET_FRAGMENT 1u
#define WEBURL_SET_QUERY 2u
#define WEBURL_SET_SPECIAL_QUERY 4u
#define WEBURL_SET_PATH 8u
#define WEBURL_SET_USER 16u

void weburl_put_encoded(weburl_buf *b, const char *s, size_t n, unsigned set);
/* %XX. */
void weburl_put_escape(weburl_buf *b, unsigned char c);

static inline int weburl_hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that s[0, n) begins with if it is an escape, -1 otherwise. */
static inline int weburl_escape(const char *s, size_t n) {
  if (n < 3 || s[0] != '%') return -1;
  int high = weburl_hex(s[1]), low = weburl_hex(s[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static inline char weburl_lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

/* Writes the host that the text s[0, n) stands for. NULL and *ret_kind, or why not; memory failure stays in the buffer.
 */
const char *weburl_put_host(weburl_buf *b, const char *s, size_t n, bool special, weburl_host *ret_kind);

#endif
