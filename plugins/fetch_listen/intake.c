/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: their heads, and the documents in their bodies. */
#include "intake.h"

#include <stdlib.h>
#include <string.h>

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static void refuse(listen_request *r, int status, const char *why, const char *headers) {
  r->status = status;
  r->why = why;
  r->headers = headers;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static int is_name(sl_http_text name, const char *word) {
  size_t n = strlen(word);
  if (name.len != n) return 0;
  for (size_t i = 0; i < n; i++)
    if (lower(name.data[i]) != word[i]) return 0;
  return 1;
}

/* How often a header (name in lower case) is there; *ret is its last value. */
static int find_header(const sl_http_head *head, const char *name, sl_http_text *ret) {
  int n = 0;
  *ret = (sl_http_text){NULL, 0};
  for (uint32_t i = 0; i < head->n_headers; i++) {
    if (!is_name(head->headers[i].name, name)) continue;
    *ret = head->headers[i].value;
    n++;
  }
  return n;
}

/* Takes as long for every wrong token of one length. */
static int same_secret(sl_http_text given, const char *secret) {
  size_t n = strlen(secret);
  unsigned diff = given.len != n;
  for (size_t i = 0; i < n; i++) {
    char c = given.len ? given.data[i % given.len] : '\0';
    diff |= (unsigned)(unsigned char)c ^ (unsigned char)secret[i];
  }
  return diff == 0;
}

static int is_authorized(const sl_http_head *head, const char *token) {
  sl_http_text value;
  if (find_header(head, "authorization", &value) != 1 || value.len < 7) return 0;
  if (!is_name((sl_http_text){value.data, 6}, "bearer") || value.data[6] != ' ') return 0;
  size_t at = 7;
  while (at < value.len && value.data[at] == ' ') at++;
  return same_secret((sl_http_text){value.data + at, value.len - at}, token);
}

/* Copies a header's value that must be one line of UTF-8. 0: it is not there, 1, or -1. */
static int copy_text(const sl_http_head *head, const char *name, char *out, size_t cap) {
  sl_http_text value;
  int n = find_header(head, name, &value);
  if (n == 0) return 0;
  if (n == 1 && value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"') {
    value.data++;
    value.len -= 2;
  }
  if (n > 1 || value.len == 0 || value.len >= cap || !listen_utf8_line(value.data, value.len)) return -1;
  memcpy(out, value.data, value.len);
  out[value.len] = '\0';
  return 1;
}

static void identity(const sl_http_head *head, sl_http_text query, listen_request *r) {
  int id = copy_text(head, "x-document-id", r->id, sizeof r->id);
  if (id == 0) id = copy_text(head, "idempotency-key", r->id, sizeof r->id);
  if (id < 0) {
    refuse(r, 400, "X-Document-Id or Idempotency-Key is not one line of UTF-8 of at most 512 bytes, once", NULL);
    return;
  }
  int64_t n = sl_http_query(query, "uri", r->uri, sizeof r->uri);
  if (n == -1) {
    r->uri[0] = '\0';
    if (copy_text(head, "content-location", r->uri, sizeof r->uri) < 0) n = -2;
  }
  if (n == 0 || n == -2 || !listen_utf8_line(r->uri, strlen(r->uri)))
    refuse(r, 400, "uri or Content-Location is not one line of UTF-8 of at most 4096 bytes, once", NULL);
}

/* The kind of a media type in lower case, without its parameters; 0 for others. */
static int kind_of(const char *type) {
  static const struct {
    const char *type;
    int kind;
  } known[] = {
      {"application/json", LISTEN_JSON},
      {"application/x-ndjson", LISTEN_LINES},
      {"application/ndjson", LISTEN_LINES},
      {"application/jsonl", LISTEN_LINES},
      {"application/x-jsonlines", LISTEN_LINES},
      {"application/jsonlines", LISTEN_LINES},
      {"text/plain", LISTEN_PAGE},
      {"text/html", LISTEN_PAGE},
      {"application/xhtml+xml", LISTEN_PAGE},
  };
  size_t n = strcspn(type, "; \t");
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strlen(known[i].type) == n && memcmp(type, known[i].type, n) == 0) return known[i].kind;
  return 0;
}

static int names_other_charset(const char *type) {
  const char *at = strstr(type, "charset=");
  if (!at) return 0;
  at += 8;
  if (*at == '"') at++;
  return strncmp(at, "utf-8", 5) != 0 && strncmp(at, "utf8", 4) != 0 && strncmp(at, "us-ascii", 8) != 0;
}

static void media_type(const sl_http_head *head, const listen_rules *rules, listen_request *r) {
  sl_http_text encoding;
  int n = copy_text(head, "content-type", r->type, sizeof r->type);
  for (char *p = r->type; n == 1 && *p; p++) *p = lower(*p);
  r->kind = n == 1 ? kind_of(r->type) : 0;
  if (rules->accept == LISTEN_ACCEPT_JSON && r->kind == LISTEN_PAGE) r->kind = 0;
  if (rules->accept == LISTEN_ACCEPT_PAGES && r->kind != LISTEN_PAGE) r->kind = 0;
  if (!r->kind) {
    refuse(r, 415,
           rules->accept == LISTEN_ACCEPT_JSON    ? "expected Content-Type application/json or application/x-ndjson"
           : rules->accept == LISTEN_ACCEPT_PAGES ? "expected Content-Type text/plain or text/html"
                                                  : "expected Content-Type application/json, application/x-ndjson, "
                                                    "text/plain or text/html",
           NULL);
  } else if (r->kind != LISTEN_PAGE && names_other_charset(r->type)) {
    refuse(r, 415, "JSON is UTF-8: send it so, or leave charset out", NULL);
  } else if (find_header(head, "content-encoding", &encoding) && !is_name(encoding, "identity")) {
    refuse(r, 415, "Content-Encoding is not taken: send the bytes as they are", NULL);
  }
}

static void judge_post(const sl_http_head *head, sl_http_text query, const listen_rules *rules, listen_request *r) {
  sl_http_text origin;
  if (!rules->token && find_header(head, "origin", &origin)) {
    /* Any page that is open in a browser on this machine could send this. */
    refuse(r, 403, "requests of browsers are taken only with a token: set token: and send Authorization: Bearer", NULL);
    return;
  }
  media_type(head, rules, r);
  if (!r->status) identity(head, query, r);
  if (r->status) return;
  if (!head->chunked && head->length < 0)
    refuse(r, 411, "expected Content-Length, or Transfer-Encoding: chunked", NULL);
  else if (head->length > rules->max_bytes)
    refuse(r, 413, rules->too_large, NULL);
}

void listen_judge(const sl_http_head *head, const listen_rules *rules, listen_request *ret) {
  memset(ret, 0, sizeof *ret);
  const char *mark = memchr(head->target.data, '?', head->target.len);
  sl_http_text path = head->target, query = {NULL, 0};
  if (mark) {
    path.len = (size_t)(mark - path.data);
    query = (sl_http_text){mark + 1, head->target.len - path.len - 1};
  }
  int is_get = sl_http_is(head->method, "GET"), is_head = sl_http_is(head->method, "HEAD");
  ret->without_body = is_head;
  if (sl_http_is(path, "/healthz")) {
    ret->healthz = is_get || is_head;
    if (ret->healthz)
      ret->status = 200;
    else
      refuse(ret, 405, "/healthz knows GET and HEAD", "Allow: GET, HEAD\r\n");
  } else if (rules->token && !is_authorized(head, rules->token)) {
    refuse(ret, 401, "expected Authorization: Bearer with the token of this pipeline", "WWW-Authenticate: Bearer\r\n");
  } else if (!sl_http_is(path, rules->path)) {
    refuse(ret, 404, "there is nothing here: documents are posted to the path of the pipeline file", NULL);
  } else if (!sl_http_is(head->method, "POST")) {
    refuse(ret, 405, "documents are posted", "Allow: POST\r\n");
  } else {
    judge_post(head, query, rules, ret);
  }
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

static int add(listen_records *r, size_t start, size_t end, uint64_t number, size_t max) {
  if (r->n == max) return -413;
  if (r->n == r->cap) {
    size_t cap = r->cap ? r->cap * 2 : 16;
    listen_record *grown = realloc(r->items, cap * sizeof *grown);
    if (!grown) return -500;
    r->items = grown;
    r->cap = cap;
  }
  r->items[r->n++] = (listen_record){start, end - start, number};
  return 0;
}

static int bad(listen_error *error, size_t at, const char *why) {
  *error = (listen_error){why, at};
  return -400;
}

static int find_elements(const char *text, size_t len, size_t at, size_t max, listen_records *r, listen_error *error) {
  r->batch = 1;
  at = listen_json_space(text, len, at + 1);
  for (uint64_t i = 0; at < len && text[at] != ']'; i++) {
    if (text[at] != '{') return bad(error, at, "expected an object as the element of the array");
    size_t end = listen_json_value(text, len, at, error);
    int rc = end ? add(r, at, end, i, max) : -400;
    if (rc) return rc;
    at = listen_json_space(text, len, end);
    if (at < len && text[at] == ',') {
      at = listen_json_space(text, len, at + 1);
      if (at < len && text[at] == ']') return bad(error, at, "expected a value");
    } else if (at < len && text[at] != ']') {
      return bad(error, at, "expected , or ] in an array");
    }
  }
  if (at == len) return bad(error, at, "the array has no end");
  at = listen_json_space(text, len, at + 1);
  return at == len ? 0 : bad(error, at, "there are bytes after the end of the array");
}

static int find_json(const char *text, size_t len, size_t max, listen_records *r, listen_error *error) {
  size_t at = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  at = listen_json_space(text, len, at);
  if (at == len) return bad(error, at, "the body is empty: expected an object or an array of objects");
  if (text[at] == '[') return find_elements(text, len, at, max, r, error);
  if (text[at] != '{') return bad(error, at, "expected an object or an array of objects");
  size_t end = listen_json_value(text, len, at, error);
  if (!end) return -400;
  size_t rest = listen_json_space(text, len, end);
  if (rest < len)
    return bad(error, rest, "there are bytes after the object: several, one a line, are application/x-ndjson");
  return add(r, at, end, 0, max);
}

static int find_lines(const char *text, size_t len, size_t max, listen_records *r, listen_error *error) {
  size_t at = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  r->batch = 1;
  for (r->line = 1; at < len; r->line++) {
    const char *lf = memchr(text + at, '\n', len - at);
    size_t stop = lf ? (size_t)(lf - text) : len;
    at = listen_json_space(text, stop, at);
    if (at < stop) {
      if (text[at] != '{') return bad(error, at, "expected an object on each line");
      size_t end = listen_json_value(text, stop, at, error);
      if (!end) return -400;
      size_t rest = listen_json_space(text, stop, end);
      if (rest < stop) return bad(error, rest, "there are bytes after the object of the line");
      int rc = add(r, at, end, r->line, max);
      if (rc) return rc;
    }
    at = stop + 1;
  }
  r->line = 0;
  return r->n ? 0 : bad(error, 0, "the body is empty: expected an object on each line");
}

int listen_find_records(int kind, const char *text, size_t len, size_t max, listen_records *ret, listen_error *error) {
  memset(ret, 0, sizeof *ret);
  if (kind == LISTEN_LINES) return find_lines(text, len, max, ret, error);
  int rc = find_json(text, len, max, ret, error);
  if (rc == -400) {
    ret->line = 1;
    for (size_t i = 0; i < error->at && i < len; i++) ret->line += text[i] == '\n';
  }
  return rc;
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

static int is_port(const char *text) {
  long v = 0;
  if (!*text || strlen(text) > 5) return 0;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return 0;
    v = v * 10 + (*text - '0');
  }
  return v <= 65535;
}

int listen_is_local(const char *address) {
  if (strncmp(address, "unix:/", 6) == 0) return address[6] ? 1 : -1;
  const char *colon = strrchr(address, ':');
  if (!colon || !is_port(colon + 1)) return -1;
  size_t n = (size_t)(colon - address);
  if (address[0] == '[') {
    if (n < 4 || address[n - 1] != ']') return -1;
    return n == 5 && memcmp(address, "[::1]", 5) == 0;
  }
  if (n == 0 || memchr(address, ':', n)) return -1;
  if (n == 9 && memcmp(address, "localhost", 9) == 0) return 1;
  return n > 4 && memcmp(address, "127.", 4) == 0 && strspn(address, "0123456789.") == n;
}
