/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server as the commands reach it. */
#include "cli/admin_client.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/http_parse.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/codec.h"
#include "obs/admin.h"
#include "obs/listen.h"

#define HEAD_LIMIT ((size_t)64 << 10)

void sl_admin_where_done(sl_admin_where *w) {
  sl_mem_free(w->socket);
  sl_mem_free(w->host);
  sl_mem_free(w->port);
  if (w->token) memset(w->token, 0, strlen(w->token));
  sl_mem_free(w->token);
  *w = (sl_admin_where){0};
}

/* ---- where ---- */

static int out_of_memory(void) {
  sl_err err;
  sl_err_set(&err, SL_ENOMEM, "memory is out");
  return sl_cli_fail(&err);
}

static int read_token(const sl_cli *cli, sl_admin_where *ret) {
  const char *path = sl_cli_value(cli, "token-file", NULL), *env = getenv("SLUICE_ADMIN_TOKEN");
  char text[1024];
  sl_err err;
  if (!path) {
    ret->token = sl_mem_strdup(env && *env ? env : NULL);
    return SL_EXIT_OK;
  }
  FILE *f = fopen(path, "re");
  if (!f) {
    sl_err_errno(&err, errno, "cannot open the token's file %s", path);
    return sl_cli_fail(&err);
  }
  size_t n = fread(text, 1, sizeof text - 1, f);
  (void)fclose(f);
  text[n] = 0;
  text[strcspn(text, "\r\n")] = 0;
  ret->token = sl_mem_strdup(text);
  return ret->token ? SL_EXIT_OK : out_of_memory();
}

static int from_url(const sl_cli *cli, const char *url, sl_admin_where *ret) {
  const char *rest = sl_str_starts(url, "http://") ? url + 7 : url;
  size_t n = strcspn(rest, "/");
  const char *colon = NULL, *end = rest + n;
  for (size_t i = 0; i < n; i++)
    if (rest[i] == ':') colon = rest + i;
  if (strstr(url, "://") && rest == url) return sl_cli_usage(cli, "--url: expected http://HOST:PORT, found '%s'", url);
  if (!colon || colon == rest || colon + 1 == end || strspn(end, "/") != strlen(end))
    return sl_cli_usage(cli, "--url: expected http://HOST:PORT, found '%s'", url);
  size_t host = (size_t)(colon - rest);
  if (*rest == '[' && rest[host - 1] == ']') {
    rest++;
    host -= 2;
  }
  ret->host = sl_mem_strndup(rest, host);
  ret->port = sl_mem_strndup(colon + 1, (size_t)(end - colon - 1));
  if (!ret->host || !ret->port) return out_of_memory();
  return read_token(cli, ret);
}

static int socket_in(const char *folder, sl_admin_where *ret) {
  struct stat st;
  sl_buf path = {0};
  int is_socket = stat(folder, &st) == 0 && S_ISSOCK(st.st_mode);
  (void)sl_buf_addf(&path, is_socket ? "%s" : "%s/" SL_ADMIN_SOCKET, folder);
  ret->socket = sl_buf_take(&path, NULL);
  return ret->socket ? SL_EXIT_OK : out_of_memory();
}

static int from_file(const sl_cli *cli, const char *file, sl_admin_where *ret) {
  sl_registry *registry = NULL;
  sl_pipeline *pipeline = NULL;
  int rc = sl_cli_registry(cli, &registry);
  if (rc == SL_EXIT_OK) rc = sl_cli_load(cli, file, registry, &pipeline);
  if (rc == SL_EXIT_OK && pipeline->state) {
    rc = socket_in(pipeline->state, ret);
  } else if (rc == SL_EXIT_OK) {
    sl_err err;
    sl_err_set(&err, SL_ENOTFOUND, "the pipeline in %s has no state folder, and so no socket to reach it by", file);
    sl_err_hint(&err, "set `state:`, or `admin: { listen: …, token: … }` and use --url");
    rc = sl_cli_fail(&err);
  }
  sl_pipeline_free(pipeline);
  sl_registry_free(registry);
  return rc;
}

int sl_admin_find(const sl_cli *cli, const char *where, sl_admin_where *ret) {
  const char *url = sl_cli_value(cli, "url", NULL), *env = getenv("SLUICE_STATE");
  int rc;
  *ret = (sl_admin_where){0};
  if (url)
    rc = from_url(cli, url, ret);
  else if (where && (sl_str_ends(where, ".yaml") || sl_str_ends(where, ".yml")))
    rc = from_file(cli, where, ret);
  else
    rc = socket_in(where ? where : env && *env && strcmp(env, "none") != 0 ? env : ".", ret);
  if (rc != SL_EXIT_OK) sl_admin_where_done(ret);
  return rc;
}

/* ---- talking ---- */

static int connect_to(const sl_admin_where *w, int *ret_fd, sl_err *err) {
  if (!w->socket) return sl_connect_tcp(w->host, w->port, ret_fd, err);
  int rc = sl_connect_unix(w->socket, ret_fd, err);
  if (rc == 0 || rc == SL_ENOMEM) return rc;
  if (rc == SL_EPERM) {
    sl_err_hint(err, "only the user that the pipeline runs as may use its socket");
    return rc;
  }
  sl_err_set(err, SL_ENOTFOUND, "nothing runs there: nobody answers on %s", w->socket);
  sl_err_hint(err, "a pipeline with `state:` has its socket in that folder while it runs");
  return SL_ENOTFOUND;
}

int sl_admin_answers(const sl_admin_where *w) {
  int fd = -1;
  if (connect_to(w, &fd, NULL) != 0) return 0;
  (void)close(fd);
  return 1;
}

static int send_all(int fd, const void *data, size_t len, sl_err *err) {
  const char *at = data;
  while (len > 0) {
    ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return sl_err_errno(err, errno, "cannot send to the pipeline's admin server");
    at += n;
    len -= (size_t)n;
  }
  return 0;
}

/* An answer as it comes in. */
typedef struct answer {
  int fd, status;
  const volatile int *stop;
  sl_buf in;
  sl_http_head head; /* chunked and length alone */
  sl_http_body body;
  int ended, until_close;
} answer;

/* 1 if something came, 0 at the end, or an error. */
static int receive(answer *a, sl_err *err) {
  for (;;) {
    if (a->stop && *a->stop) return 0;
    if (sl_buf_reserve(&a->in, 16384) != 0) return sl_err_set(err, SL_ENOMEM, "memory is out");
    ssize_t n = recv(a->fd, a->in.data + a->in.len, 16384, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return sl_err_set(err, SL_ETIMEOUT, "the pipeline's admin server does not answer");
    if (n < 0) return sl_err_errno(err, errno, "cannot read from the pipeline's admin server");
    if (n == 0) return 0;
    a->in.len += (size_t)n;
    a->in.data[a->in.len] = 0;
    return 1;
  }
}

/* The value behind "\nname:" in the head, or NULL. */
static const char *header(const char *head, const char *name) {
  for (const char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n'))
    if (strncasecmp(line + 1, name, strlen(name)) == 0 && line[1 + strlen(name)] == ':')
      return line + 2 + strlen(name) + strspn(line + 2 + strlen(name), " ");
  return NULL;
}

static int read_head(answer *a, sl_err *err) {
  char *end = NULL;
  while (!(end = a->in.data ? strstr(a->in.data, "\r\n\r\n") : NULL)) {
    int rc = a->in.len > HEAD_LIMIT ? 0 : receive(a, err);
    if (rc < 0) return rc;
    if (rc == 0) return sl_err_set(err, SL_EIO, "the pipeline's admin server hung up before it answered");
  }
  end[2] = 0;
  const char *length = header(a->in.data, "content-length"), *coding = header(a->in.data, "transfer-encoding");
  if (sscanf(a->in.data, "HTTP/1.%*1[01] %3d", &a->status) != 1)
    return sl_err_set(err, SL_EPARSE, "what answers there does not speak HTTP");
  a->head = (sl_http_head){.length = length ? strtoll(length, NULL, 10) : -1, .chunked = coding != NULL};
  a->until_close = !length && !coding;
  sl_http_body_init(&a->body, &a->head);
  size_t used = (size_t)(end - a->in.data) + 4;
  a->in.len -= used;
  memmove(a->in.data, a->in.data + used, a->in.len + 1);
  return 0;
}

/* Hands what there is of the body to cb. 0, or what cb returned. */
static int deliver(answer *a, int (*cb)(void *user, const char *data, size_t len), void *user, sl_err *err) {
  int rc = 0;
  while (a->in.len && !a->ended && !rc) {
    size_t used = a->in.len;
    sl_http_text piece = {a->in.data, a->in.len};
    int end = a->until_close ? 0 : sl_http_body_next(&a->body, a->in.data, a->in.len, &used, &piece);
    if (end < 0) return sl_err_set(err, SL_EPARSE, "the answer is not well-formed");
    if (piece.len) rc = cb(user, piece.data, piece.len);
    a->ended = end == 1;
    a->in.len -= used;
    memmove(a->in.data, a->in.data + used, a->in.len);
  }
  return rc;
}

static int ask(const sl_admin_where *w, const char *method, const char *path, const void *body, size_t len, answer *a,
               sl_err *err) {
  sl_buf req = {0};
  (void)sl_buf_addf(&req, "%s %s HTTP/1.1\r\nHost: sluice\r\nConnection: close\r\n", method, path);
  if (w->token) (void)sl_buf_addf(&req, "Authorization: Bearer %s\r\n", w->token);
  if (body || strcmp(method, "POST") == 0) (void)sl_buf_addf(&req, "Content-Length: %zu\r\n", len);
  (void)sl_buf_addstr(&req, "\r\n");
  (void)sl_buf_add(&req, body, body ? len : 0);
  int rc = req.failed ? sl_err_set(err, SL_ENOMEM, "memory is out") : connect_to(w, &a->fd, err);
  if (rc == 0) rc = send_all(a->fd, req.data, req.len, err);
  if (rc == 0) rc = read_head(a, err);
  sl_buf_done(&req);
  return rc;
}

static int into_buf(void *user, const char *data, size_t len) { return sl_buf_add(user, data, len); }

static int whole_body(answer *a, sl_buf *ret, sl_err *err) {
  for (;;) {
    int rc = deliver(a, into_buf, ret, err);
    if (rc != 0) return rc == SL_ENOMEM ? sl_err_set(err, SL_ENOMEM, "memory is out") : rc;
    if (a->ended || (a->head.length == 0 && !a->head.chunked)) return 0;
    rc = receive(a, err);
    if (rc < 0) return rc;
    if (rc == 0 && a->until_close) return 0;
    if (rc == 0) return sl_err_set(err, SL_EIO, "the pipeline's admin server hung up in the middle of its answer");
  }
}

static void hang_up(answer *a) {
  if (a->fd >= 0) (void)close(a->fd);
  sl_buf_done(&a->in);
}

int sl_admin_call(const sl_admin_where *w, const char *method, const char *path, const void *body, size_t len,
                  int *ret_status, sl_buf *ret, sl_err *err) {
  answer a = {.fd = -1};
  int rc = ask(w, method, path, body, len, &a, err);
  if (rc == 0) rc = whole_body(&a, ret, err);
  if (rc == 0) *ret_status = a.status;
  hang_up(&a);
  return rc;
}

int sl_admin_refused(int status, const sl_buf *body, sl_err *err) {
  cJSON *tree = NULL;
  if (body->len) (void)sl_json_parse(body->data, body->len, NULL, &tree, NULL, NULL);
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(tree, "error"),
              *hint = cJSON_GetObjectItemCaseSensitive(tree, "hint");
  int code = status == 401 ? SL_EPERM : status == 404 ? SL_ENOTFOUND : status >= 500 ? SL_EIO : SL_EINVAL;
  sl_err_set(err, code, "%s", cJSON_IsString(text) ? text->valuestring : sl_http_reason(status));
  if (cJSON_IsString(hint)) sl_err_hint(err, "%s", hint->valuestring);
  if (status == 401) sl_err_hint(err, "--token-file FILE, or $SLUICE_ADMIN_TOKEN");
  cJSON_Delete(tree);
  return code;
}

/* ---- lines ---- */

typedef struct lines {
  sl_buf part;
  int (*cb)(void *user, const char *line, size_t len);
  void *user;
} lines;

static int split_lines(void *user, const char *data, size_t len) {
  lines *l = user;
  while (len > 0) {
    const char *lf = memchr(data, '\n', len);
    size_t n = lf ? (size_t)(lf - data) : len;
    if (sl_buf_add(&l->part, data, n) != 0) return SL_ENOMEM;
    if (!lf) return 0;
    int rc = l->cb(l->user, l->part.data, l->part.len);
    sl_buf_clear(&l->part);
    if (rc != 0) return 1;
    data += n + 1;
    len -= n + 1;
  }
  return 0;
}

static int stream(answer *a, lines *l, sl_err *err) {
  for (;;) {
    int rc = deliver(a, split_lines, l, err);
    if (rc == SL_ENOMEM) return sl_err_set(err, SL_ENOMEM, "memory is out");
    if (rc != 0 || a->ended) return rc < 0 ? rc : 0;
    rc = receive(a, err);
    /* Nothing passing for a long time is no error here. */
    if (rc == SL_ETIMEOUT) continue;
    if (rc <= 0) return rc;
  }
}

int sl_admin_lines(const sl_admin_where *w, const char *path, int (*cb)(void *user, const char *line, size_t len),
                   void *user, const volatile int *stop, sl_err *err) {
  answer a = {.fd = -1, .stop = stop};
  lines l = {.cb = cb, .user = user};
  sl_buf body = {0};
  int rc = ask(w, "GET", path, NULL, 0, &a, err);
  if (rc == 0 && a.status != 200) {
    rc = whole_body(&a, &body, err);
    if (rc == 0) rc = sl_admin_refused(a.status, &body, err);
  } else if (rc == 0) {
    rc = stream(&a, &l, err);
  }
  sl_buf_done(&body);
  sl_buf_done(&l.part);
  hang_up(&a);
  return rc;
}

void sl_admin_query(sl_buf *path, const char *name, const char *value) {
  static const char hex[] = "0123456789ABCDEF";
  (void)sl_buf_addf(path, "%c%s=", path->data && strchr(path->data, '?') ? '&' : '?', name);
  for (const char *p = value; *p; p++) {
    unsigned char c = (unsigned char)*p;
    int plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._~", c);
    if (plain)
      (void)sl_buf_addc(path, *p);
    else
      (void)sl_buf_addf(path, "%%%c%c", hex[c >> 4], hex[c & 15]);
  }
}
