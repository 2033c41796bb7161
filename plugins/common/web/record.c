/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges on disk: one file each, named by the URL, for runs without a network.
 *
 *   sluice-exchange 1
 *   url: https://news.example/a
 *   status: 200
 *   headers: 512        bytes of what follows the empty line: request and answer, as sent
 *   body: 6176          bytes behind them: the page after decompression
 *
 * A later exchange with the same URL takes the place of the earlier one. Values of `headers:` and cookies are left out.
 */
#include "impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sha256.h"

#define MAGIC "sluice-exchange 1\n"
#define FILE_MAX ((size_t)1200 << 20)

/* ---- headers ----------------------------------------------------------------------------------------------------- */

static void set(const web_client *c, web_headers *h, char **to, const char *value, size_t n) {
  if (*to || n > 8192) return;
  *to = web_dup_n(c, value, n);
  h->lost |= !*to;
}

static int32_t status_of(const char *line, size_t n) {
  const char *space = memchr(line, ' ', n);
  int32_t status = 0;
  if (!space) return 0;
  for (const char *p = space + 1; p < line + n && p < space + 4 && *p >= '0' && *p <= '9'; p++)
    status = status * 10 + (*p - '0');
  return status;
}

static int64_t length_of(const char *value, size_t n) {
  int64_t length = 0;
  if (n == 0 || n > 18) return -1;
  for (size_t i = 0; i < n; i++) {
    if (value[i] < '0' || value[i] > '9') return -1;
    length = length * 10 + (value[i] - '0');
  }
  return length;
}

void web_header_line(const web_client *c, web_headers *h, const char *line, size_t n) {
  if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
    web_headers_free(c, h);
    h->status = status_of(line, n);
    return;
  }
  const char *colon = memchr(line, ':', n);
  if (!colon) return;
  size_t name = (size_t)(colon - line), at = name + 1;
  while (at < n && (line[at] == ' ' || line[at] == '\t')) at++;
  while (n > at && (line[n - 1] == ' ' || line[n - 1] == '\t')) n--;
  const struct {
    const char *name;
    char **to;
  } known[] = {{"content-type", &h->content_type},
               {"etag", &h->etag},
               {"last-modified", &h->last_modified},
               {"location", &h->location},
               {"retry-after", &h->retry_after},
               {"content-encoding", &h->encoding},
               {"link", &h->link}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strlen(known[i].name) == name && strncasecmp(known[i].name, line, name) == 0)
      set(c, h, known[i].to, line + at, n - at);
  if (name == 14 && strncasecmp(line, "content-length", name) == 0) h->length = length_of(line + at, n - at);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* "name: value\n" at *at. */
static bool field(const char *data, size_t len, size_t *at, const char *name, const char **ret, size_t *ret_len) {
  size_t n = strlen(name);
  const char *end = *at < len ? memchr(data + *at, '\n', len - *at) : NULL;
  if (!end || (size_t)(end - data) - *at < n || memcmp(data + *at, name, n) != 0) return false;
  *ret = data + *at + n;
  *ret_len = (size_t)(end - *ret);
  *at = (size_t)(end - data) + 1;
  return true;
}

static bool number(const char *data, size_t len, size_t *at, const char *name, int64_t *ret) {
  const char *text;
  size_t n;
  if (!field(data, len, at, name, &text, &n)) return false;
  *ret = length_of(text, n);
  return *ret >= 0;
}

int web_record_parse(const char *data, size_t len, web_recorded *ret, const char **why) {
  size_t at = strlen(MAGIC);
  int64_t status = 0, headers = 0, body = 0;
  *ret = (web_recorded){0};
  *why = "it does not begin as a record does";
  if (len < at || memcmp(data, MAGIC, at) != 0) return SL_EPARSE;
  *why = "its head is damaged";
  if (!field(data, len, &at, "url: ", &ret->url, &ret->url_len) || !number(data, len, &at, "status: ", &status) ||
      !number(data, len, &at, "headers: ", &headers) || !number(data, len, &at, "body: ", &body) || at >= len ||
      data[at++] != '\n' || status > 999)
    return SL_EPARSE;
  *why = "its length is not as its head says";
  size_t left = len - at;
  if ((uint64_t)headers > left || (uint64_t)body != left - (uint64_t)headers) return SL_EPARSE;
  ret->status = (int32_t)status;
  ret->headers = data + at;
  ret->headers_len = (size_t)headers;
  ret->body = data + at + headers;
  ret->body_len = (size_t)body;
  return 0;
}

static void path_of(const char *folder, const char *url, size_t n, char *path, size_t cap) {
  char hex[65];
  sha256_hex(url, n, hex);
  snprintf(path, cap, "%s/%.40s.exchange", folder, hex);
}

/* The whole file. [own]; NULL with errno. */
static char *slurp(const web_client *c, const char *path, size_t *ret_len) {
  int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
  struct stat st;
  char *data = NULL;
  size_t at = 0, size = 0;
  if (fd < 0) return NULL;
  if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size > FILE_MAX)
    error = EINVAL;
  else if (!(data = c->mem.alloc((size = (size_t)st.st_size) + 1)))
    error = ENOMEM;
  while (!error && at < size) {
    ssize_t n = read(fd, data + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) error = n < 0 ? errno : EIO;
    if (n > 0) at += (size_t)n;
  }
  close(fd);
  if (error && data) c->mem.free(data);
  errno = error;
  *ret_len = at;
  return error ? NULL : data;
}

static size_t url_length(const weburl *u) { return u->has_fragment ? u->fragment.at - 1 : u->len; }

static void headers_of(const web_client *c, const web_recorded *r, web_headers *h) {
  const char *p = r->headers, *end = r->headers + r->headers_len;
  while (p < end) {
    const char *eol = memchr(p, '\n', (size_t)(end - p));
    size_t n = (size_t)((eol ? eol : end) - p);
    web_header_line(c, h, p, n > 0 && p[n - 1] == '\r' ? n - 1 : n);
    p += n + 1;
  }
  h->status = r->status;
}

static int replay_file(web_job *j, const char *data, size_t len, web_answer *a) {
  web_client *c = j->c;
  web_recorded r;
  const char *why;
  if (web_record_parse(data, len, &r, &why)) {
    snprintf(j->message, sizeof j->message, "the record of this URL cannot be read: %s", why);
    return -1;
  }
  if (r.url_len != url_length(&j->url) || memcmp(r.url, j->url.href, r.url_len) != 0) {
    snprintf(j->message, sizeof j->message, "the record is that of another URL");
    return -1;
  }
  headers_of(c, &r, &a->headers);
  if (r.body_len > (uint64_t)j->max_bytes) {
    a->cut = j->robots_of ? WEB_CUT_ENOUGH : WEB_CUT_SIZE;
    r.body_len = (size_t)j->max_bytes;
  }
  a->body = web_dup_n(c, r.body, r.body_len);
  a->len = r.body_len;
  a->wire = r.body_len;
  if (!a->body) a->cut = WEB_CUT_MEMORY;
  return 0;
}

void web_replay(web_job *j) {
  web_client *c = j->c;
  web_answer a = {.code = CURLE_OK, .headers = {.length = -1}};
  char path[4096];
  size_t len = 0;
  path_of(c->p->replay, j->url.href, url_length(&j->url), path, sizeof path);
  char *data = slurp(c, path, &len);
  if (data && !replay_file(j, data, len, &a)) {
    c->mem.free(data);
    web_exchange_over(j, &a);
    return;
  }
  int error = data ? 0 : errno;
  if (data) c->mem.free(data);
  if (error && error != ENOENT)
    snprintf(j->message, sizeof j->message, "the record of this URL cannot be read: %s", strerror(error));
  if (j->host && !j->robots_of) web_host_done(c, j->host);
  if (error == ENOENT)
    web_end(j, WEB_FAILED, "not_recorded", false, "the folder of `replay` has no record of this URL",
            "record it with the same pipeline, or take it out of the list");
  else if (error == ENOMEM)
    web_end(j, WEB_FAILED, "memory", true, "memory is out", NULL);
  else
    web_end(j, WEB_FAILED, "record", false, j->message, NULL);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

int32_t web_record_check(web_client *c, sl_ctx *ctx) {
  const char *folder = c->p->record ? c->p->record : c->p->replay;
  struct stat st;
  if (!folder) return SL_OK;
  if (c->p->record && mkdir(folder, 0755) && errno != EEXIST) {
    sl_fail(ctx, SL_EIO, "the folder of `record` cannot be made", strerror(errno), folder);
    return SL_EIO;
  }
  if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode) && (!c->p->record || access(folder, W_OK) == 0)) return SL_OK;
  sl_fail(ctx, SL_EIO, c->p->record ? "expected a folder to write to as `record`" : "expected a folder as `replay`",
          folder, c->p->record ? NULL : "make one by a run with record: FOLDER");
  return SL_EIO;
}

static bool is_secret(const web_client *c, const char *line, size_t n) {
  static const char *const names[] = {"cookie", "set-cookie", "authorization", "proxy-authorization"};
  const sl_entry *e = c->p->headers.items;
  const char *colon = memchr(line, ':', n);
  size_t name = colon ? (size_t)(colon - line) : 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == name && strncasecmp(names[i], line, name) == 0) return true;
  for (uint32_t i = 0; i < c->p->headers.count; i++)
    if (strlen(e[i].key) == name && strncasecmp(e[i].key, line, name) == 0) return true;
  return false;
}

/* Takes the secrets out, in place. */
static size_t redact(const web_client *c, char *raw, size_t len) {
  size_t out = 0;
  for (size_t at = 0; at < len;) {
    const char *eol = memchr(raw + at, '\n', len - at);
    size_t n = eol ? (size_t)(eol - raw) - at + 1 : len - at;
    if (!is_secret(c, raw + at, n)) {
      memmove(raw + out, raw + at, n);
      out += n;
    }
    at += n;
  }
  return out;
}

static bool write_all(int fd, const void *data, size_t n) {
  const char *p = data;
  while (n > 0) {
    ssize_t k = write(fd, p, n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) return false;
    p += k;
    n -= (size_t)k;
  }
  return true;
}

static bool write_file(const web_transfer *t, const char *path, const char *head, size_t head_len, size_t raw_len) {
  char part[4200];
  snprintf(part, sizeof part, "%s.part", path);
  int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  bool good = write_all(fd, head, head_len) && write_all(fd, t->raw, raw_len) && write_all(fd, t->body, t->len);
  int error = errno;
  good = close(fd) == 0 && good && rename(part, path) == 0;
  if (!good) {
    unlink(part);
    errno = error;
  }
  return good;
}

void web_record(web_client *c, const web_transfer *t) {
  const weburl *u = &t->job->url;
  size_t n = url_length(u), raw = t->raw ? redact(c, t->raw, t->raw_len) : 0, cap = n + 200;
  char path[4096], *head = c->mem.alloc(cap);
  if (!head || c->record_full) {
    if (head) c->mem.free(head);
    return;
  }
  int len = snprintf(head, cap, MAGIC "url: %.*s\nstatus: %d\nheaders: %zu\nbody: %zu\n\n", (int)n, u->href,
                     (int)t->headers.status, raw, t->len);
  path_of(c->p->record, u->href, n, path, sizeof path);
  c->written += (int64_t)((size_t)len + raw + t->len);
  if (c->written > c->p->record_max) {
    c->record_full = true;
    sl_log(c->ctx, SL_LOG_WARN, "record_max is reached: what follows is not recorded");
  } else if (!write_file(t, path, head, (size_t)len, raw)) {
    char text[300];
    snprintf(text, sizeof text, "an exchange cannot be recorded: %s; what follows is not recorded", strerror(errno));
    c->record_full = true;
    sl_log(c->ctx, SL_LOG_ERROR, text);
  }
  c->mem.free(head);
}
