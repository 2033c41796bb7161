/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server: its thread, and which request is what. */
#include "obs/admin.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/codec.h"
#include "obs/admin_impl.h"
#include "obs/listen.h"
#include "obs/log.h"

#define BODY_LIMIT ((size_t)64 << 20)

/* ---- answers ---- */

void sl_admin_json(sl_admin *a, uint64_t id, int status, cJSON *tree) {
  sl_buf buf = {0};
  if (!tree || sl_json_print_pretty(tree, &buf, NULL) != 0) {
    static const char text[] = "{\"error\":\"memory is out\"}\n";
    sl_http_answer(a->http, id, 503, "application/json", NULL, text, sizeof text - 1);
  } else {
    if (buf.data[buf.len - 1] != '\n') (void)sl_buf_addc(&buf, '\n');
    sl_http_answer(a->http, id, status, "application/json", NULL, buf.data, buf.len);
  }
  sl_buf_done(&buf);
  cJSON_Delete(tree);
}

void sl_admin_error(sl_admin *a, uint64_t id, int status, const char *text, const char *hint) {
  cJSON *out = cJSON_CreateObject();
  cJSON_AddStringToObject(out, "error", text);
  if (hint && *hint) cJSON_AddStringToObject(out, "hint", hint);
  sl_admin_json(a, id, status, out);
}

int sl_admin_status(int code) {
  switch (code) {
  case SL_EINVAL:
  case SL_EPARSE:
  case SL_EENCODING:
    return 400;
  case SL_ENOTFOUND:
    return 404;
  case SL_EEXIST:
  case SL_ESTATE:
    return 409;
  case SL_ELIMIT:
    return 413;
  case SL_ENOMEM:
  case SL_EIO:
  case SL_ETIMEOUT:
    return 503;
  default:
    return 500;
  }
}

int sl_admin_param(sl_admin *a, const sl_http_request *req, const char *name, char **ret) {
  char text[256];
  *ret = sl_mem_alloc(req->query.len + 1);
  int64_t n = *ret ? sl_http_query(req->query, name, *ret, req->query.len + 1) : -2;
  if (n >= 0) return 1;
  sl_mem_free(*ret);
  *ret = NULL;
  if (n == -1) return 0;
  (void)snprintf(text, sizeof text, "the parameter '%s' is not well-formed", name);
  sl_admin_error(a, req->id, 400, text, NULL);
  return -1;
}

int sl_admin_number(sl_admin *a, const sl_http_request *req, const char *name, uint64_t min, uint64_t *ret) {
  char *text = NULL, why[256];
  int64_t value = 0;
  int rc = sl_admin_param(a, req, name, &text);
  if (rc <= 0) return rc;
  if (sl_str_int(text, &value, NULL) == 0 && value >= 0 && (uint64_t)value >= min) {
    *ret = (uint64_t)value;
  } else {
    (void)snprintf(why, sizeof why, "%s: expected a whole number from %llu on, found '%.100s'", name,
                   (unsigned long long)min, text);
    sl_admin_error(a, req->id, 400, why, NULL);
    rc = -1;
  }
  sl_mem_free(text);
  return rc;
}

/* ---- routes ---- */

static void get_metrics(sl_admin *a, const sl_http_request *req) {
  sl_buf out = {0};
  if (sl_meter_prometheus(a->o.meter, &out) == 0)
    sl_http_answer(a->http, req->id, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, out.data, out.len);
  else
    sl_admin_error(a, req->id, 503, "memory is out", NULL);
  sl_buf_done(&out);
}

static void get_health(sl_admin *a, const sl_http_request *req) {
  static const char text[] = "{\"ok\":true}\n";
  sl_http_answer(a->http, req->id, 200, "application/json", NULL, text, sizeof text - 1);
}

static void get_ready(sl_admin *a, const sl_http_request *req) {
  int ready = 0;
  cJSON *out = sl_meter_ready(a->o.meter, &ready);
  sl_admin_json(a, req->id, ready ? 200 : 503, out);
}

static void get_pipeline(sl_admin *a, const sl_http_request *req) {
  sl_admin_json(a, req->id, 200, sl_meter_pipeline(a->o.meter));
}

static void get_stages(sl_admin *a, const sl_http_request *req) {
  sl_admin_json(a, req->id, 200, sl_meter_stages(a->o.meter));
}

static void post_reload(sl_admin *a, const sl_http_request *req) {
  if (a->o.reload)
    a->o.reload(a->o.user, req->id);
  else
    sl_admin_error(a, req->id, 409, "this run cannot be reloaded", NULL);
}

static void post_log(sl_admin *a, const sl_http_request *req) {
  char *level = NULL;
  int rc = sl_admin_param(a, req, "level", &level);
  if (rc < 0) return;
  for (int32_t i = SL_LOG_ERROR; level && a->o.log_level && i <= SL_LOG_DEBUG; i++) {
    if (strcmp(level, sl_log_level_name(i)) != 0) continue;
    a->o.log_level(a->o.user, i);
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "level", level);
    sl_mem_free(level);
    sl_admin_json(a, req->id, 200, out);
    return;
  }
  sl_mem_free(level);
  if (a->o.log_level)
    sl_admin_error(a, req->id, 400, "level: expected error, warn, info or debug", "POST /log?level=debug");
  else
    sl_admin_error(a, req->id, 409, "the level of this run's log cannot be changed", NULL);
}

static void get_routes(sl_admin *a, const sl_http_request *req) {
  static const char text[] = "GET  /metrics\nGET  /healthz\nGET  /readyz\nGET  /api/pipeline\nGET  /api/stages\n"
                             "GET  /api/dlq?stage=&code=&id=&older=&newer=&limit=\n"
                             "POST /api/dlq/retry?stage=&code=&id=&older=&newer=&at=\n"
                             "POST /api/dlq/edit?id=\nPOST /api/dlq/drop?stage=&code=&id=&older=&newer=\n"
                             "GET  /api/tap?stage=&every=&max=\nPOST /reload\nPOST /log?level=\n";
  sl_http_answer(a->http, req->id, 200, "text/plain; charset=utf-8", NULL, text, sizeof text - 1);
}

static const struct {
  const char *path;
  int post;
  void (*run)(sl_admin *a, const sl_http_request *req);
} routes[] = {
    {"/", 0, get_routes},
    {"/metrics", 0, get_metrics},
    {"/healthz", 0, get_health},
    {"/readyz", 0, get_ready},
    {"/api/pipeline", 0, get_pipeline},
    {"/api/stages", 0, get_stages},
    {"/api/tap", 0, sl_admin_tap_open},
    {"/reload", 1, post_reload},
    {"/log", 1, post_log},
};
#define N_ROUTES (sizeof routes / sizeof routes[0])

static void handle(void *user, const sl_http_request *req) {
  sl_admin *a = user;
  int get = sl_http_is(req->head->method, "GET") || sl_http_is(req->head->method, "HEAD");
  int post = sl_http_is(req->head->method, "POST");
  for (size_t i = 0; i < N_ROUTES; i++) {
    if (!sl_http_is(req->path, routes[i].path)) continue;
    if (routes[i].post ? post : get)
      routes[i].run(a, req);
    else
      sl_http_answer(a->http, req->id, 405, NULL, routes[i].post ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n", "", 0);
    return;
  }
  static const char *const dlq[] = {"/api/dlq", "/api/dlq/retry", "/api/dlq/edit", "/api/dlq/drop"};
  for (size_t i = 0; i < sizeof dlq / sizeof dlq[0]; i++) {
    if (!sl_http_is(req->path, dlq[i])) continue;
    if (i ? post : get)
      sl_admin_dlq(a, req, dlq[i] + strlen(dlq[0]));
    else
      sl_http_answer(a->http, req->id, 405, NULL, i ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n", "", 0);
    return;
  }
  sl_admin_error(a, req->id, 404, "there is nothing under this path", "GET / lists what there is");
}

/* ---- who may ---- */

/* Takes the same time whatever the texts are, so that the token cannot be found out byte by byte. */
static int same_secret(const char *given, size_t n, const char *secret) {
  size_t want = strlen(secret);
  unsigned differ = n != want;
  for (size_t i = 0; i < n; i++) differ |= (unsigned)(unsigned char)(given[i] ^ secret[want ? i % want : 0]);
  return differ == 0;
}

static int admit(void *user, int local, const sl_http_head *head) {
  const sl_admin *a = user;
  if (local) return 0;
  sl_http_text value = sl_http_header(head, "authorization");
  if (value.len < 7 || strncasecmp(value.data, "Bearer ", 7) != 0) return 401;
  return a->token && same_secret(value.data + 7, value.len - 7, a->token) ? 0 : 401;
}

/* ---- other threads ---- */

void sl_admin_reloaded(sl_admin *a, uint64_t ticket, int rc, const char *text) {
  size_t n = strlen(text);
  sl_admin_reply *r = sl_mem_alloc(sizeof *r + n + 1);
  if (!r) return;
  r->ticket = ticket;
  r->rc = rc;
  memcpy(r->text, text, n + 1);
  pthread_mutex_lock(&a->lock);
  r->next = a->replies;
  a->replies = r;
  pthread_mutex_unlock(&a->lock);
  uv_async_send(&a->wake);
}

static void answer_replies(sl_admin *a) {
  pthread_mutex_lock(&a->lock);
  sl_admin_reply *r = a->replies;
  a->replies = NULL;
  pthread_mutex_unlock(&a->lock);
  while (r) {
    sl_admin_reply *next = r->next;
    if (a->http && r->rc != 0) {
      sl_admin_error(a, r->ticket, 409, r->text, NULL);
    } else if (a->http) {
      cJSON *out = cJSON_CreateObject();
      cJSON_AddStringToObject(out, "result", r->text);
      sl_admin_json(a, r->ticket, 200, out);
    }
    sl_mem_free(r);
    r = next;
  }
}

static void on_wake(uv_async_t *handle) {
  sl_admin *a = handle->data;
  answer_replies(a);
  if (a->http) sl_admin_tap_pump(a);
  pthread_mutex_lock(&a->lock);
  int stop = a->stop;
  pthread_mutex_unlock(&a->lock);
  if (!stop || !a->http) return;
  sl_http_close(a->http);
  a->http = NULL;
  uv_close((uv_handle_t *)&a->wake, NULL);
}

static void gone(void *user, uint64_t id) { sl_admin_tap_gone(user, id); }

static void notify(void *user) { uv_async_send(&((sl_admin *)user)->wake); }

static void serve(void *arg) {
  sl_admin *a = arg;
  (void)uv_run(&a->loop, UV_RUN_DEFAULT);
}

/* ---- life ---- */

static void close_loop(sl_admin *a) {
  if (a->http) sl_http_close(a->http);
  a->http = NULL;
  if (!uv_is_closing((uv_handle_t *)&a->wake)) uv_close((uv_handle_t *)&a->wake, NULL);
  (void)uv_run(&a->loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&a->loop);
}

static void free_all(sl_admin *a) {
  while (a->replies) {
    sl_admin_reply *next = a->replies->next;
    sl_mem_free(a->replies);
    a->replies = next;
  }
  (void)pthread_mutex_destroy(&a->lock);
  sl_mem_free(a->path);
  if (a->token) memset(a->token, 0, strlen(a->token));
  sl_mem_free(a->token);
  sl_mem_free(a);
}

static int copy_opts(sl_admin *a, const sl_admin_opts *opts, sl_err *err) {
  a->o = *opts;
  if (opts->listen && !(opts->token && *opts->token)) {
    sl_err_set(err, SL_EINVAL, "the admin server does not listen on TCP without a token");
    sl_err_hint(err, "admin: { listen: \"%s\", token: \"${file:…}\" }", opts->listen);
    return SL_EINVAL;
  }
  sl_buf path = {0};
  if (opts->folder) (void)sl_buf_addf(&path, "%s/" SL_ADMIN_SOCKET, opts->folder);
  if (opts->folder) a->path = sl_buf_take(&path, NULL);
  a->token = sl_mem_strdup(opts->token);
  if ((opts->folder && !a->path) || (opts->token && !a->token))
    return sl_err_set(err, SL_ENOMEM, "no memory for the admin server");
  return 0;
}

static int listen_all(sl_admin *a, sl_err *err) {
  int rc = 0;
  if (a->path) rc = sl_http_listen_unix(a->http, a->path, err);
  if (rc == 0 && a->o.listen) rc = sl_http_listen_tcp(a->http, a->o.listen, a->address, sizeof a->address, err);
  return rc ? sl_err_prefix(err, "admin server") : 0;
}

int sl_admin_start(const sl_admin_opts *opts, sl_admin **ret, sl_err *err) {
  sl_admin *a = sl_mem_calloc(1, sizeof *a);
  if (!a) return sl_err_set(err, SL_ENOMEM, "no memory for the admin server");
  (void)pthread_mutex_init(&a->lock, NULL);
  int rc = copy_opts(a, opts, err);
  if (rc == 0 && uv_loop_init(&a->loop) != 0) rc = sl_err_set(err, SL_EIO, "cannot make the admin server's loop");
  if (rc != 0) {
    free_all(a);
    return rc;
  }
  (void)uv_async_init(&a->loop, &a->wake, on_wake);
  a->wake.data = a;
  sl_http_opts http = {.body = BODY_LIMIT, .admit = admit, .handle = handle, .gone = gone, .user = a};
  rc = sl_http_new(&a->loop, &http, &a->http, err);
  if (rc == 0) rc = listen_all(a, err);
  if (rc == 0 && opts->taps) {
    opts->taps->notify_user = a;
    opts->taps->notify = notify;
  }
  if (rc == 0) rc = sl_thread_start("admin", SL_ROLE_NONE, serve, a, &a->thread);
  if (rc != 0) {
    close_loop(a);
    free_all(a);
    return rc;
  }
  *ret = a;
  return 0;
}

const char *sl_admin_address(const sl_admin *a) { return a->address[0] ? a->address : NULL; }

void sl_admin_stop(sl_admin *a) {
  if (!a) return;
  pthread_mutex_lock(&a->lock);
  a->stop = 1;
  pthread_mutex_unlock(&a->lock);
  uv_async_send(&a->wake);
  sl_thread_join(a->thread);
  close_loop(a);
  if (a->path) sl_listen_unlink(a->path);
  if (a->o.taps) a->o.taps->notify = NULL;
  free_all(a);
}
