/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 requests, strictly: the head in one piece, the body as it comes. */
#include "base/http_parse.h"

#include <string.h>

#define MAX_TARGET 8192
#define MAX_TRAILER 4096

/* sl_http_body.state */
enum { PLAIN, SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LINE, TRAILER_LF, LAST_LF, END };

/* tchar of RFC 9110, 5.6.2 */
static int is_token(unsigned char c) {
  if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return 1;
  return c && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static int is_text(unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7F); }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static int equal_fold(sl_http_text a, const char *b) {
  size_t i = 0;
  for (; i < a.len && b[i]; i++)
    if (lower(a.data[i]) != lower(b[i])) return 0;
  return i == a.len && !b[i];
}

int sl_http_is(sl_http_text text, const char *word) {
  return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

sl_http_text sl_http_header(const sl_http_head *head, const char *name) {
  for (uint32_t i = 0; i < head->n_headers; i++)
    if (equal_fold(head->headers[i].name, name)) return head->headers[i].value;
  return (sl_http_text){NULL, 0};
}

static int fail(const char **why, int status, const char *text) {
  *why = text;
  return -status;
}

/* ---- the request line ---- */

/* "HTTP/1.1" and nothing else. */
static int version(const char *at, size_t len, sl_http_head *h, const char **why) {
  if (len != 8 || memcmp(at, "HTTP/", 5) != 0 || at[6] != '.')
    return fail(why, 400, "the request line does not end with HTTP/1.1");
  if (at[5] != '1' || (at[7] != '0' && at[7] != '1'))
    return fail(why, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  h->minor = at[7] - '0';
  h->keep_alive = h->minor == 1;
  return 0;
}

static int request_line(const char *at, size_t len, sl_http_head *h, const char **why) {
  size_t i = 0;
  while (i < len && is_token((unsigned char)at[i])) i++;
  if (i == 0 || i > 32 || i == len || at[i] != ' ')
    return fail(why, 400, "the request line does not begin with a method and one space");
  h->method = (sl_http_text){at, i};
  size_t from = ++i;
  while (i < len && (unsigned char)at[i] > 0x20 && (unsigned char)at[i] < 0x7F) i++;
  h->target = (sl_http_text){at + from, i - from};
  if (h->target.len > MAX_TARGET) return fail(why, 414, "the target is too long");
  if (h->target.len == 0 || h->target.data[0] != '/') return fail(why, 400, "the target does not begin with a slash");
  if (i == len || at[i] != ' ') return fail(why, 400, "one space and the version must follow the target");
  return version(at + i + 1, len - i - 1, h, why);
}

/* ---- headers ---- */

static int content_length(sl_http_head *h, sl_http_text value, const char **why) {
  int64_t n = 0;
  if (h->length >= 0) return fail(why, 400, "there are two Content-Length");
  if (value.len == 0 || value.len > 18) return fail(why, 400, "Content-Length is no number");
  for (size_t i = 0; i < value.len; i++) {
    if (value.data[i] < '0' || value.data[i] > '9') return fail(why, 400, "Content-Length is no number");
    n = n * 10 + (value.data[i] - '0');
  }
  h->length = n;
  return 0;
}

/* 1 if the comma-separated list holds the word. */
static int lists(sl_http_text value, const char *word) {
  size_t i = 0;
  while (i < value.len) {
    while (i < value.len && (value.data[i] == ' ' || value.data[i] == ',' || value.data[i] == '\t')) i++;
    size_t from = i;
    while (i < value.len && value.data[i] != ',') i++;
    size_t to = i;
    while (to > from && (value.data[to - 1] == ' ' || value.data[to - 1] == '\t')) to--;
    if (equal_fold((sl_http_text){value.data + from, to - from}, word)) return 1;
  }
  return 0;
}

static int meaning(sl_http_head *h, sl_http_text name, sl_http_text value, int *hosts, const char **why) {
  if (equal_fold(name, "content-length")) return content_length(h, value, why);
  if (equal_fold(name, "host")) {
    if ((*hosts)++) return fail(why, 400, "there are two Host");
  } else if (equal_fold(name, "transfer-encoding")) {
    if (h->chunked) return fail(why, 400, "there are two Transfer-Encoding");
    if (!equal_fold(value, "chunked")) return fail(why, 501, "the only transfer encoding known here is chunked");
    h->chunked = 1;
  } else if (equal_fold(name, "connection")) {
    if (lists(value, "close")) h->keep_alive = 0;
  } else if (equal_fold(name, "expect")) {
    if (!equal_fold(value, "100-continue")) return fail(why, 400, "the only expectation known here is 100-continue");
    h->expects = h->minor == 1;
  }
  return 0;
}

static int header_line(const char *at, size_t len, sl_http_head *h, int *hosts, const char **why) {
  size_t i = 0;
  while (i < len && is_token((unsigned char)at[i])) i++;
  if (i == 0 || i == len || at[i] != ':')
    return fail(why, 400, "a header is not a name, a colon and a value on one line");
  if (h->n_headers == SL_HTTP_HEADERS) return fail(why, 431, "there are too many headers");
  sl_http_text name = {at, i++};
  while (i < len && (at[i] == ' ' || at[i] == '\t')) i++;
  while (len > i && (at[len - 1] == ' ' || at[len - 1] == '\t')) len--;
  for (size_t k = i; k < len; k++)
    if (!is_text((unsigned char)at[k])) return fail(why, 400, "a header holds a control character");
  sl_http_text value = {at + i, len - i};
  h->headers[h->n_headers].name = name;
  h->headers[h->n_headers++].value = value;
  return meaning(h, name, value, hosts, why);
}

/* Length of the line without its end; -1 if no end was found, -2 if it ends with a bare LF or holds a bare CR. */
static int64_t line_length(const char *at, size_t len) {
  const char *lf = memchr(at, '\n', len);
  if (!lf) return -1;
  size_t n = (size_t)(lf - at);
  if (n == 0 || at[n - 1] != '\r' || memchr(at, '\r', n - 1)) return -2;
  return (int64_t)n - 1;
}

int64_t sl_http_head_parse(const char *data, size_t len, size_t limit, sl_http_head *ret, const char **ret_why) {
  sl_http_head h = {.length = -1};
  size_t pos = 0;
  int hosts = 0, first = 1;
  size_t seen = len < limit ? len : limit;
  for (;;) {
    int64_t n = line_length(data + pos, seen - pos);
    if (n == -2) return fail(ret_why, 400, "a line does not end with CR LF");
    if (n < 0) {
      if (len >= limit) return fail(ret_why, 431, "the head of the request is too long");
      return 0;
    }
    if (n == 0 && !first) break;
    int rc = first ? request_line(data + pos, (size_t)n, &h, ret_why)
                   : header_line(data + pos, (size_t)n, &h, &hosts, ret_why);
    if (rc) return rc;
    first = 0;
    pos += (size_t)n + 2;
  }
  if (h.minor == 1 && !hosts) return fail(ret_why, 400, "there is no Host");
  if (h.chunked && (h.length >= 0 || h.minor == 0))
    return fail(ret_why, 400, "chunked goes neither with Content-Length nor with HTTP/1.0");
  *ret = h;
  return (int64_t)pos + 2;
}

/* ---- the body ---- */

void sl_http_body_init(sl_http_body *body, const sl_http_head *head) {
  *body = (sl_http_body){.state = head->chunked ? SIZE : PLAIN};
  if (!head->chunked && head->length > 0) body->left = (uint64_t)head->length;
  if (!head->chunked && head->length <= 0) body->state = END;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A digit of a chunk's size, or what ends it. */
static int size_byte(sl_http_body *b, char c) {
  int v = hex_value(c);
  if (v >= 0) {
    if (++b->digits > 15) return -400;
    b->left = b->left * 16 + (uint64_t)v;
    return 0;
  }
  if (!b->digits || (c != '\r' && c != ';')) return -400;
  b->state = c == ';' ? EXTENSION : SIZE_LF;
  return 0;
}

/* One byte between the pieces of a chunked body. */
static int frame_byte(sl_http_body *b, char c) {
  switch (b->state) {
  case SIZE:
    return size_byte(b, c);
  case EXTENSION:
    if (c == '\r')
      b->state = SIZE_LF;
    else if (!is_text((unsigned char)c) || ++b->trailer > MAX_TRAILER)
      return -400;
    return 0;
  case SIZE_LF:
    if (c != '\n') return -400;
    b->state = b->left ? DATA : TRAILER;
    return 0;
  case DATA_CR:
    b->state = DATA_LF;
    return c == '\r' ? 0 : -400;
  case DATA_LF:
    b->state = SIZE;
    b->digits = 0;
    return c == '\n' ? 0 : -400;
  case TRAILER:
    b->state = c == '\r' ? LAST_LF : TRAILER_LINE;
    return c == '\r' || is_token((unsigned char)c) ? 0 : -400;
  case TRAILER_LINE:
    if (c == '\r')
      b->state = TRAILER_LF;
    else if (!is_text((unsigned char)c) || ++b->trailer > MAX_TRAILER)
      return -400;
    return 0;
  case TRAILER_LF:
    b->state = TRAILER;
    return c == '\n' ? 0 : -400;
  default: /* LAST_LF */
    b->state = END;
    return c == '\n' ? 0 : -400;
  }
}

int sl_http_body_next(sl_http_body *b, const char *data, size_t len, size_t *ret_used, sl_http_text *ret_piece) {
  size_t i = 0;
  *ret_piece = (sl_http_text){data, 0};
  *ret_used = 0;
  while (i < len && b->state != END) {
    if (b->state == PLAIN || b->state == DATA) {
      size_t n = b->left < len - i ? (size_t)b->left : len - i;
      *ret_piece = (sl_http_text){data + i, n};
      b->left -= n;
      if (!b->left) b->state = b->state == PLAIN ? END : DATA_CR;
      *ret_used = i + n;
      return b->state == END;
    }
    if (frame_byte(b, data[i]) != 0) return -400;
    i++;
  }
  *ret_used = i;
  return b->state == END;
}

/* ---- queries ---- */

/* Decodes up to '&' or the end. Bytes written, -2 as sl_http_query. */
static int64_t decode(const char *at, size_t len, char *buf, size_t cap) {
  size_t n = 0;
  for (size_t i = 0; i < len && at[i] != '&'; i++) {
    char c = at[i] == '+' ? ' ' : at[i];
    if (c == '%') {
      int hi = i + 2 < len ? hex_value(at[i + 1]) : -1, lo = i + 2 < len ? hex_value(at[i + 2]) : -1;
      if (hi < 0 || lo < 0) return -2;
      c = (char)(hi * 16 + lo);
      i += 2;
    }
    if (!c || n + 1 >= cap) return -2;
    buf[n++] = c;
  }
  buf[n] = 0;
  return (int64_t)n;
}

int64_t sl_http_query(sl_http_text query, const char *name, char *buf, size_t cap) {
  size_t want = strlen(name), i = 0;
  while (i < query.len) {
    const char *end = memchr(query.data + i, '&', query.len - i);
    size_t n = end ? (size_t)(end - query.data) - i : query.len - i;
    const char *at = query.data + i;
    if (n >= want && memcmp(at, name, want) == 0 && (n == want || at[want] == '=')) {
      size_t skip = n == want ? want : want + 1;
      return decode(at + skip, n - skip, buf, cap);
    }
    i += n + 1;
  }
  return -1;
}

const char *sl_http_reason(int status) {
  static const struct {
    int status;
    const char *text;
  } known[] = {{100, "Continue"},
               {200, "OK"},
               {202, "Accepted"},
               {204, "No Content"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {408, "Request Timeout"},
               {409, "Conflict"},
               {411, "Length Required"},
               {413, "Content Too Large"},
               {414, "URI Too Long"},
               {415, "Unsupported Media Type"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {501, "Not Implemented"},
               {503, "Service Unavailable"},
               {505, "HTTP Version Not Supported"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (known[i].status == status) return known[i].text;
  return "Unknown";
}
