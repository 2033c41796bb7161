/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 requests, strictly: the head in one piece, the body as it comes. Nothing but the C library is used, so that
 * a plugin may compile this file as it is.
 *
 * The caller collects bytes until sl_http_head takes them; nothing is copied and nothing allocated. Strict (RFC 9112):
 * lines end with CR LF, no white space before a colon, no folded lines, no control characters, one Host, one
 * Content-Length or `chunked` but never both; everything else is refused, because what two readers understand
 * differently can be smuggled past one of them. [any]
 */
#ifndef SLUICE_BASE_HTTP_PARSE_H
#define SLUICE_BASE_HTTP_PARSE_H

#include <stddef.h>
#include <stdint.h>

#define SL_HTTP_HEADERS 64

/* Bytes of the caller's buffer. */
typedef struct sl_http_text {
  const char *data;
  size_t len;
} sl_http_text;

typedef struct sl_http_head {
  sl_http_text method, target; /* target: in origin form, "/path?query" */
  int32_t minor;               /* of HTTP/1.x: 0 or 1 */
  int32_t keep_alive;
  int32_t chunked;
  int32_t expects; /* "Expect: 100-continue" */
  int64_t length;  /* of the body; -1 if there is no Content-Length */
  uint32_t n_headers;
  struct {
    sl_http_text name, value;
  } headers[SL_HTTP_HEADERS];
} sl_http_head;

/* Bytes of the head, empty line included; 0 if it is not complete; or minus the status to answer (400, 414, 431, 501,
 * 505), with *ret_why set to a fixed text. limit: most bytes that a head may have. */
int64_t sl_http_head_parse(const char *data, size_t len, size_t limit, sl_http_head *ret, const char **ret_why);
/* The value of a header, name in any case; data NULL if it is not there. */
sl_http_text sl_http_header(const sl_http_head *head, const char *name);
/* 1 if the two are equal; for methods and paths. */
int sl_http_is(sl_http_text text, const char *word);

/* What follows the head. */
typedef struct sl_http_body {
  uint64_t left;  /* of the body or of a chunk */
  int32_t state;  /* private */
  int32_t digits; /* private */
  uint32_t trailer;
} sl_http_body;

void sl_http_body_init(sl_http_body *body, const sl_http_head *head);
/* Looks at data[0..len): *ret_used bytes are done with, *ret_piece of them belong to the body. 1 when the body has
 * ended, 0 for more (call again with what is left), -400 if it is not well-formed. */
int sl_http_body_next(sl_http_body *body, const char *data, size_t len, size_t *ret_used, sl_http_text *ret_piece);

/* Decodes a parameter of a query ("a=1&b=x%20y") into buf (NUL-terminated). Length; -1 if it is not there, -2 if it
 * does not fit or holds a bad escape or a NUL. */
int64_t sl_http_query(sl_http_text query, const char *name, char *buf, size_t cap);
/* The standard words for a status: "Not Found". */
const char *sl_http_reason(int status);

#endif
