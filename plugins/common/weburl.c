/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The URL parser of the WHATWG URL standard (https://url.spec.whatwg.org/, "URL parsing" and "URL serializing").
 *
 * Not the standard's state machine byte by byte: each part is found first (all delimiters are ASCII) and then written
 * to the serialisation as a whole, in order. The names of the functions are those of the standard's states.
 */
#include "weburl.h"

#include <stdio.h>
#include <sluice/plugin.h>

#include "weburl_impl.h"

static const char no_memory[] = "";
static const char no_host[] = "has no host";
static const char bad_port[] = "has a port that is no number from 0 to 65535";
static const char relative[] = "is relative, and there is nothing that it is relative to";

typedef struct parser {
  const char *s; /* without tabs and line ends, valid UTF-8 */
  size_t n, i;
  const weburl *base;
  weburl *u;
  weburl_buf out;
  bool special;
  bool path_copied; /* path with its "/." taken from the base as it is */
} parser;

static const struct {
  const char *name;
  int32_t port;
} schemes[] = {{"", -1}, {"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}, {"ftp", 21}, {"file", -1}};

/* ---- buffer and percent-encoding ---- */

bool weburl_buf_room(weburl_buf *b, size_t more) {
  if (b->failed) return false;
  if (more <= b->cap - b->n) return true;
  size_t cap = b->cap < 64 ? 64 : b->cap;
  while (cap < b->n + more) cap *= 2;
  char *p = cap > UINT32_MAX / 2 ? NULL : b->mem->alloc(cap);
  if (!p) {
    b->failed = true;
    return false;
  }
  if (b->n) memcpy(p, b->p, b->n);
  if (b->p) b->mem->free(b->p);
  b->p = p;
  b->cap = cap;
  return true;
}

void weburl_buf_free(weburl_buf *b) {
  if (b->p) b->mem->free(b->p);
  memset(b, 0, sizeof *b);
}

#define ALL_SETS 31u
#define F WEBURL_SET_FRAGMENT
#define Q (WEBURL_SET_QUERY | WEBURL_SET_SPECIAL_QUERY)
#define P WEBURL_SET_PATH
#define U WEBURL_SET_USER
static const unsigned char sets[128] = {
    [' '] = F | Q | P | U,
    ['"'] = F | Q | P | U,
    ['<'] = F | Q | P | U,
    ['>'] = F | Q | P | U,
    ['`'] = F | P | U,
    ['#'] = Q | P | U,
    ['?'] = P | U,
    ['^'] = P | U,
    ['{'] = P | U,
    ['}'] = P | U,
    ['/'] = U,
    [':'] = U,
    [';'] = U,
    ['='] = U,
    ['@'] = U,
    ['['] = U,
    ['\\'] = U,
    [']'] = U,
    ['|'] = U,
    ['\''] = WEBURL_SET_SPECIAL_QUERY,
};
#undef F
#undef Q
#undef P
#undef U

void weburl_put_escape(weburl_buf *b, unsigned char c) {
  static const char hex[] = "0123456789ABCDEF";
  char text[3] = {'%', hex[c >> 4], hex[c & 15]};
  weburl_put(b, text, 3);
}

void weburl_put_encoded(weburl_buf *b, const char *s, size_t n, unsigned set) {
  size_t from = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c >= 0x20 && c < 0x7F && !(sets[c] & set)) continue;
    weburl_put(b, s + from, i - from);
    weburl_put_escape(b, c);
    from = i + 1;
  }
  weburl_put(b, s + from, n - from);
}

/* ---- input ---- */

/* Bytes of the UTF-8 character at s[0, n), 0 if there is none. */
static size_t utf8_len(const unsigned char *s, size_t n) {
  size_t len = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
  if (len == 0 || len > n) return 0;
  for (size_t i = 1; i < len; i++)
    if ((s[i] & 0xC0) != 0x80) return 0;
  if (len == 3 && ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))) return 0;
  if (len == 4 && ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))) return 0;
  return len;
}

/* How many of the first bytes need no cleaning. */
static size_t clean_len(const char *s, size_t n) {
  size_t i = 0;
  while (i < n) {
    if (s[i] == '\t' || s[i] == '\n' || s[i] == '\r') break;
    size_t len = utf8_len((const unsigned char *)s + i, n - i);
    if (len == 0) break;
    i += len;
  }
  return i;
}

/* Writes s[0, n) without tabs and line ends, broken bytes as U+FFFD. */
static void put_clean(weburl_buf *b, const char *s, size_t n) {
  size_t i = 0;
  while (i < n && !b->failed) {
    size_t len = clean_len(s + i, n - i);
    weburl_put(b, s + i, len);
    i += len;
    if (i == n) break;
    if (s[i] != '\t' && s[i] != '\n' && s[i] != '\r') weburl_put(b, "\xEF\xBF\xBD", 3);
    i++;
  }
}

/* ---- parts ---- */

static weburl_part part_from(const parser *p, size_t at) {
  return (weburl_part){(uint32_t)at, (uint32_t)(p->out.n - at)};
}

static bool slash(const parser *p, size_t i) { return i < p->n && (p->s[i] == '/' || (p->special && p->s[i] == '\\')); }

/* Where the path, or the authority, ends. */
static size_t part_end(const parser *p, size_t i) {
  while (i < p->n && p->s[i] != '?' && p->s[i] != '#') i++;
  return i;
}

static void fragment(parser *p) {
  weburl_put_char(&p->out, '#');
  size_t at = p->out.n;
  weburl_put_encoded(&p->out, p->s + p->i, p->n - p->i, WEBURL_SET_FRAGMENT);
  p->u->has_fragment = true;
  p->u->fragment = part_from(p, at);
  p->i = p->n;
}

/* At '?', '#' or the end. */
static void query_and_fragment(parser *p) {
  if (p->i < p->n && p->s[p->i] == '?') {
    size_t end = ++p->i;
    while (end < p->n && p->s[end] != '#') end++;
    weburl_put_char(&p->out, '?');
    size_t at = p->out.n;
    weburl_put_encoded(&p->out, p->s + p->i, end - p->i, p->special ? WEBURL_SET_SPECIAL_QUERY : WEBURL_SET_QUERY);
    p->u->has_query = true;
    p->u->query = part_from(p, at);
    p->i = end;
  }
  if (p->i < p->n && p->s[p->i] == '#') {
    p->i++;
    fragment(p);
  }
}

/* 1 for ".", 2 for "..", in whatever spelling; else 0. */
static unsigned dots(const char *s, size_t n) {
  unsigned count = 0;
  for (size_t i = 0; i < n; count++) {
    if (count == 2) return 0;
    if (s[i] == '.')
      i++;
    else if (n - i >= 3 && s[i] == '%' && s[i + 1] == '2' && weburl_lower(s[i + 2]) == 'e')
      i += 3;
    else
      return 0;
  }
  return count;
}

static bool drive_letter(const char *s, size_t n) {
  return n == 2 && weburl_lower(s[0]) >= 'a' && weburl_lower(s[0]) <= 'z' && (s[1] == ':' || s[1] == '|');
}

/* "C:" and what may follow a drive letter at position i. */
static bool starts_with_drive(const parser *p, size_t i) {
  if (p->n - i < 2 || !drive_letter(p->s + i, 2)) return false;
  return p->n - i == 2 || memchr("/\\?#", p->s[i + 2], 4) != NULL;
}

/* Takes the last segment off the path that begins at `from`. */
static void shorten(parser *p, size_t from) {
  weburl_buf *b = &p->out;
  if (b->failed || b->n == from) return;
  if (p->u->scheme_id == WEBURL_FILE && b->n - from == 3 && drive_letter(b->p + from + 1, 2) && b->p[from + 2] == ':')
    return;
  while (b->n > from && b->p[b->n - 1] != '/') b->n--;
  if (b->n > from) b->n--;
}

/* The segments from p->i on, behind those that stand in the output from `from` on; what follows the path. */
static void path(parser *p, size_t from) {
  weburl_buf *b = &p->out;
  for (;;) {
    size_t at = p->i, end = at;
    while (end < p->n && !slash(p, end) && p->s[end] != '?' && p->s[end] != '#') end++;
    bool last = !slash(p, end);
    unsigned dot = dots(p->s + at, end - at);
    if (dot == 2) shorten(p, from);
    if (dot) {
      if (last) weburl_put_char(b, '/');
    } else {
      bool drive = p->u->scheme_id == WEBURL_FILE && b->n == from && drive_letter(p->s + at, end - at);
      weburl_put_char(b, '/');
      weburl_put_encoded(b, p->s + at, end - at, WEBURL_SET_PATH);
      if (drive && !b->failed) b->p[b->n - 1] = ':';
    }
    p->i = end;
    if (last) break;
    p->i++;
  }
}

/* A path of two slashes without a host would read as a host. */
static void guard_path(parser *p, size_t from) {
  weburl_buf *b = &p->out;
  bool needed = p->u->host_kind == WEBURL_HOST_NONE && !p->u->opaque_path && !b->failed && b->n - from > 1 &&
                b->p[from] == '/' && b->p[from + 1] == '/';
  p->u->path = part_from(p, from);
  if (!needed || !weburl_buf_room(b, 2)) return;
  memmove(b->p + from + 2, b->p + from, b->n - from);
  memcpy(b->p + from, "/.", 2);
  b->n += 2;
  p->u->path.at += 2;
}

/* The rest, from the path on; `from` is where the path begins in the output. */
static void path_and_rest(parser *p, size_t from) {
  path(p, from);
  guard_path(p, from);
  query_and_fragment(p);
}

/* A special URL has a path even if none is written. */
static void path_start(parser *p) {
  size_t from = p->out.n;
  if (slash(p, p->i))
    p->i++;
  else if (!p->special) {
    p->u->path = part_from(p, from);
    query_and_fragment(p);
    return;
  }
  path_and_rest(p, from);
}

static void opaque_path(parser *p) {
  size_t from = p->out.n, end = part_end(p, p->i), spaces = 0;
  p->u->opaque_path = true;
  if (end < p->n && end > p->i && p->s[end - 1] == ' ') spaces = 1;
  weburl_put_encoded(&p->out, p->s + p->i, end - p->i - spaces, WEBURL_SET_C0);
  if (spaces) weburl_put(&p->out, "%20", 3);
  p->u->path = part_from(p, from);
  p->i = end;
  query_and_fragment(p);
}

/* ---- authority ---- */

static void credentials(parser *p, const char *s, size_t n) {
  const char *colon = memchr(s, ':', n);
  size_t user = colon ? (size_t)(colon - s) : n, pass = colon ? n - user - 1 : 0;
  size_t at = p->out.n;
  weburl_put_encoded(&p->out, s, user, WEBURL_SET_USER);
  p->u->username = part_from(p, at);
  if (pass) {
    weburl_put_char(&p->out, ':');
    at = p->out.n;
    weburl_put_encoded(&p->out, colon + 1, pass, WEBURL_SET_USER);
  } else {
    at = p->out.n;
  }
  p->u->password = part_from(p, at);
  if (user || pass) weburl_put_char(&p->out, '@');
}

static const char *port(parser *p, const char *s, size_t n) {
  int32_t v = 0;
  char text[8];
  if (n == 0) return NULL;
  for (size_t i = 0; i < n; i++) {
    if (s[i] < '0' || s[i] > '9') return bad_port;
    v = v * 10 + (s[i] - '0');
    if (v > 65535) return bad_port;
  }
  if (v == schemes[p->u->scheme_id].port) return NULL;
  p->u->port = v;
  int len = snprintf(text, sizeof text, ":%d", v);
  weburl_put(&p->out, text, (size_t)len);
  return NULL;
}

/* "user:pass@host:port", p->i behind the slashes; then the path. */
static const char *authority(parser *p) {
  size_t end = p->i, at = 0;
  bool user = false, brackets = false;
  weburl_put(&p->out, "//", 2);
  for (; end < p->n && !slash(p, end) && p->s[end] != '?' && p->s[end] != '#'; end++)
    if (p->s[end] == '@') {
      user = true;
      at = end;
    }
  if (user) {
    credentials(p, p->s + p->i, at - p->i);
    p->i = at + 1;
    if (p->i == end) return no_host;
  } else {
    p->u->username = p->u->password = part_from(p, p->out.n);
  }
  size_t host_end = p->i;
  for (; host_end < end && (brackets || p->s[host_end] != ':'); host_end++) {
    if (p->s[host_end] == '[') brackets = true;
    if (p->s[host_end] == ']') brackets = false;
  }
  if (host_end == p->i && (p->special || host_end < end)) return no_host;
  size_t from = p->out.n;
  const char *why = weburl_put_host(&p->out, p->s + p->i, host_end - p->i, p->special, &p->u->host_kind);
  if (why) return why;
  p->u->host = part_from(p, from);
  if (host_end < end && (why = port(p, p->s + host_end + 1, end - host_end - 1)) != NULL) return why;
  p->i = end;
  path_start(p);
  return NULL;
}

static const char *special_authority(parser *p) {
  while (slash(p, p->i)) p->i++;
  return authority(p);
}

/* ---- relative to a base ---- */

/* Takes everything in front of the path from the base: the schemes are the same. */
static void copy_authority(parser *p) {
  const weburl *b = p->base;
  size_t len = b->host_kind == WEBURL_HOST_NONE ? b->scheme.len + 1 : b->path.at;
  p->out.n = 0;
  weburl_put(&p->out, b->href, len);
  p->u->host_kind = b->host_kind;
  p->u->port = b->port;
  p->u->username = b->username;
  p->u->password = b->password;
  p->u->host = b->host;
}

/* Everything up to the end of the path, or of the query. */
static void copy_path(parser *p, bool with_query) {
  const weburl *b = p->base;
  weburl_part end = with_query && b->has_query ? b->query : b->path;
  p->out.n = 0;
  weburl_put(&p->out, b->href, end.at + end.len);
  p->u->path = b->path;
  p->u->opaque_path = b->opaque_path;
  p->u->has_query = with_query && b->has_query;
  if (p->u->has_query) p->u->query = b->query;
}

/* A path that is relative to the base's, at p->i; or none. */
static void relative_path(parser *p) {
  const weburl *b = p->base;
  bool none = p->i == p->n || p->s[p->i] == '?' || p->s[p->i] == '#';
  copy_authority(p);
  if (none) {
    copy_path(p, p->i == p->n || p->s[p->i] == '#');
    query_and_fragment(p);
    return;
  }
  size_t from = p->out.n;
  if (p->u->scheme_id != WEBURL_FILE || !starts_with_drive(p, p->i)) {
    weburl_put(&p->out, weburl_at(b, b->path), b->path.len);
    shorten(p, from);
  }
  path_and_rest(p, from);
}

static const char *relative_url(parser *p) {
  if (!slash(p, p->i)) {
    relative_path(p);
    return NULL;
  }
  if (slash(p, p->i + 1)) {
    p->i += 2;
    return p->special ? special_authority(p) : authority(p);
  }
  copy_authority(p);
  path_start(p);
  return NULL;
}

/* ---- file ---- */

static const char *file_host(parser *p) {
  size_t end = p->i;
  while (end < p->n && !slash(p, end) && p->s[end] != '?' && p->s[end] != '#') end++;
  weburl_put(&p->out, "//", 2);
  p->u->username = p->u->password = part_from(p, p->out.n);
  p->u->host_kind = WEBURL_HOST_EMPTY;
  size_t from = p->out.n;
  if (end > p->i && drive_letter(p->s + p->i, end - p->i)) {
    p->u->host = part_from(p, from);
    path_and_rest(p, from);
    return NULL;
  }
  if (end > p->i) {
    const char *why = weburl_put_host(&p->out, p->s + p->i, end - p->i, true, &p->u->host_kind);
    if (why) return why;
    if (!p->out.failed && p->out.n - from == 9 && memcmp(p->out.p + from, "localhost", 9) == 0) {
      p->out.n = from;
      p->u->host_kind = WEBURL_HOST_EMPTY;
    }
  }
  p->u->host = part_from(p, from);
  p->i = end;
  path_start(p);
  return NULL;
}

static const char *file_url(parser *p) {
  bool based = p->base && p->base->scheme_id == WEBURL_FILE;
  if (slash(p, p->i) && slash(p, p->i + 1)) {
    p->i += 2;
    return file_host(p);
  }
  if (based && !slash(p, p->i)) {
    relative_path(p);
    return NULL;
  }
  if (based) {
    copy_authority(p);
  } else {
    weburl_put(&p->out, "//", 2);
    p->u->username = p->u->password = p->u->host = part_from(p, p->out.n);
    p->u->host_kind = WEBURL_HOST_EMPTY;
  }
  size_t from = p->out.n;
  if (slash(p, p->i)) {
    const weburl *b = p->base;
    p->i++;
    /* The drive of the base stays. */
    if (based && !starts_with_drive(p, p->i) && b->path.len >= 3 && drive_letter(weburl_at(b, b->path) + 1, 2) &&
        weburl_at(b, b->path)[2] == ':' && (b->path.len == 3 || weburl_at(b, b->path)[3] == '/'))
      weburl_put(&p->out, weburl_at(b, b->path), 3);
  }
  path_and_rest(p, from);
  return NULL;
}

/* ---- the whole ---- */

/* Reads "scheme:" and writes it; whether there is one. */
static bool scheme(parser *p) {
  size_t n = 0;
  char first = p->n ? weburl_lower(p->s[0]) : '0';
  if (first < 'a' || first > 'z') return false;
  for (; n < p->n && p->s[n] != ':'; n++) {
    char c = weburl_lower(p->s[n]);
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return false;
  }
  if (n == p->n) return false;
  for (size_t i = 0; i <= n; i++) weburl_put_char(&p->out, weburl_lower(p->s[i]));
  p->u->scheme.len = (uint32_t)n;
  p->i = n + 1;
  for (unsigned k = 1; k < sizeof schemes / sizeof schemes[0] && !p->out.failed; k++)
    if (strlen(schemes[k].name) == n && memcmp(schemes[k].name, p->out.p, n) == 0) p->u->scheme_id = (weburl_scheme)k;
  p->special = p->u->scheme_id != WEBURL_OTHER;
  return true;
}

static const char *without_scheme(parser *p) {
  const weburl *b = p->base;
  if (!b || (b->opaque_path && (p->n == 0 || p->s[0] != '#'))) return relative;
  p->u->scheme_id = b->scheme_id;
  p->u->scheme = b->scheme;
  p->special = b->scheme_id != WEBURL_OTHER;
  if (b->opaque_path) {
    copy_path(p, true);
    query_and_fragment(p);
    return NULL;
  }
  weburl_put(&p->out, b->href, b->scheme.len + 1);
  return b->scheme_id == WEBURL_FILE ? file_url(p) : relative_url(p);
}

static const char *parse(parser *p) {
  bool two = false;
  if (!scheme(p)) return without_scheme(p);
  if (p->out.failed) return no_memory;
  two = p->n - p->i >= 2 && p->s[p->i] == '/' && p->s[p->i + 1] == '/';
  if (p->u->scheme_id == WEBURL_FILE) return file_url(p);
  if (p->special) {
    if (p->base && p->base->scheme_id == p->u->scheme_id && !two) return relative_url(p);
    return special_authority(p);
  }
  if (two) {
    p->i += 2;
    return authority(p);
  }
  if (slash(p, p->i))
    path_start(p);
  else
    opaque_path(p);
  return NULL;
}

int weburl_parse(weburl *out, const lane_mem *mem, const char *s, size_t n, const weburl *base, const char **ret_why) {
  const char *ignored;
  weburl_buf cleaned = {.mem = mem};
  memset(out, 0, sizeof *out);
  if (!ret_why) ret_why = &ignored;
  *ret_why = "is too long";
  if (n > WEBURL_MAX) return SL_ELIMIT;
  while (n > 0 && (unsigned char)s[0] <= ' ') s++, n--;
  while (n > 0 && (unsigned char)s[n - 1] <= ' ') n--;
  if (clean_len(s, n) < n) {
    put_clean(&cleaned, s, n);
    if (cleaned.failed) {
      weburl_buf_free(&cleaned);
      return SL_ENOMEM;
    }
    s = cleaned.p;
    n = cleaned.n;
  }
  out->port = -1;
  out->mem = mem;
  parser p = {.s = s, .n = n, .base = base, .u = out, .out = {.mem = mem}};
  const char *why = NULL;
  if (weburl_buf_room(&p.out, n + 16)) why = parse(&p);
  weburl_put_char(&p.out, '\0');
  weburl_buf_free(&cleaned);
  if (p.out.failed || why) {
    bool failed = p.out.failed;
    weburl_buf_free(&p.out);
    memset(out, 0, sizeof *out);
    *ret_why = failed ? no_memory : why;
    return failed ? SL_ENOMEM : SL_EPARSE;
  }
  out->href = p.out.p;
  out->len = (uint32_t)(p.out.n - 1);
  *ret_why = NULL;
  return 0;
}

int weburl_copy(weburl *out, const weburl *u) {
  char *href = u->mem->alloc(u->len + 1);
  if (!href) return SL_ENOMEM;
  memcpy(href, u->href, u->len + 1);
  *out = *u;
  out->href = href;
  return 0;
}

void weburl_free(weburl *u) {
  if (u->href) u->mem->free(u->href);
  memset(u, 0, sizeof *u);
}

int32_t weburl_port(const weburl *u) { return u->port >= 0 ? u->port : schemes[u->scheme_id].port; }

weburl_part weburl_request(const weburl *u) {
  weburl_part part = u->path;
  if (u->has_query) part.len = u->query.at + u->query.len - part.at;
  return part;
}

size_t weburl_origin(const weburl *u, char *buf, size_t cap) {
  int n = -1;
  if (u->host.len == 0) return 0;
  if (u->port >= 0)
    n = snprintf(buf, cap, "%.*s://%.*s:%d", (int)u->scheme.len, u->href, (int)u->host.len, weburl_at(u, u->host),
                 u->port);
  else
    n = snprintf(buf, cap, "%.*s://%.*s", (int)u->scheme.len, u->href, (int)u->host.len, weburl_at(u, u->host));
  return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}
