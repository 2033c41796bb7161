/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_listen: documents that are sent to the pipeline over HTTP. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

#define BACKLOG 512
#define TICK_NS INT64_C(250000000)
#define PAUSE_NS INT64_C(1000000000) /* after an accept that failed for want of descriptors or memory */
#define ACCEPTS 64                   /* in one turn of the loop */

static const sl_param params_table[] = {
    SL_PARAM_AS(
        listen_params, address, "listen", SL_T_STRING, SL_PF_NONEMPTY, "127.0.0.1:8080", NULL,
        "HOST:PORT, [::1]:PORT or unix:/path. Port 0 is any free one, which the log tells. An address that other "
        "machines can reach needs a token."),
    SL_PARAM(listen_params, path, SL_T_STRING, SL_PF_NONEMPTY, "/documents", NULL, "Where documents are posted."),
    SL_PARAM(listen_params, token, SL_T_STRING, SL_PF_SECRET | SL_PF_NONEMPTY, NULL, NULL,
             "Required of each request as Authorization: Bearer. Write it as ${NAME} or ${file:PATH}."),
    SL_PARAM(listen_params, accept, SL_T_ENUM, 0, "any", "any|json|pages",
             "json: objects, arrays and NDJSON, which become bodies. pages: text and HTML, which become payloads. any: "
             "both."),
    SL_PARAM(listen_params, max_bytes, SL_T_SIZE, 0, "16MiB", "1..1GiB", "Largest body of a request."),
    SL_PARAM(listen_params, max_documents, SL_T_INT, 0, "10000", "1..1000000", "Most documents of one request."),
    SL_PARAM(
        listen_params, max_connections, SL_T_INT, 0, "256", "1..65535",
        "Connections at a time. Beyond it the one that is idle for longest gives way, or the new one is answered 503."),
    SL_PARAM(listen_params, max_buffer, SL_T_SIZE, SL_PF_ADVANCED, "64MiB", "1..",
             "Bytes of bodies that are coming in at a time; requests beyond it are answered 503."),
    SL_PARAM(listen_params, head_time, SL_T_DURATION, SL_PF_ADVANCED, "10s", "100ms..",
             "Time for the head of a request, and longest pause within a body."),
    SL_PARAM(listen_params, idle_time, SL_T_DURATION, SL_PF_ADVANCED, "60s", "100ms..",
             "How long a connection without a request is kept."),
    SL_PARAM(listen_params, min_rate, SL_T_SIZE, SL_PF_ADVANCED, "1KiB", "0..",
             "Bytes a second that a body must come with after its first 5 seconds."),
};

static int32_t contract(const void *params, sl_contract *out) {
  static const char *const strings[] = {"/id", "/source/uri", "/source/type", "/source/fetched", "/source/sha256"};
  const listen_params *p = params;
  if (p->accept != LISTEN_ACCEPT_PAGES) {
    out->open(out);
    return SL_OK;
  }
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) out->add(out, strings[i], SL_C_WRITES, SL_J_STRING);
  out->add(out, "/source", SL_C_WRITES, SL_J_OBJECT);
  out->add(out, "/source/bytes", SL_C_WRITES, SL_J_NUMBER);
  out->add(out, "@payload", SL_C_WRITES, 0);
  return SL_OK;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int32_t refuse_params(sl_ctx *ctx, const char *message, const char *detail, const char *hint) {
  sl_fail(ctx, SL_EINVAL, message, detail, hint);
  return SL_EINVAL;
}

/* The token without the end of line that a file may have. */
static char *trimmed(const char *token) {
  size_t n = strlen(token);
  while (n > 0 && (token[n - 1] == '\n' || token[n - 1] == '\r')) n--;
  return strndup(token, n);
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const listen_params *p = params;
  listen_stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (s) s->fd = -1;
  if (s && p->token) s->token = trimmed(p->token);
  if (!s || (p->token && !s->token)) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  s->p = p;
  s->rules = (listen_rules){.path = p->path, .token = s->token, .accept = p->accept, .max_bytes = p->max_bytes};
  snprintf(s->rules.too_large, sizeof s->rules.too_large, "the body is larger than max_bytes, %lld",
           (long long)p->max_bytes);
  snprintf(s->rules.too_many, sizeof s->rules.too_many, "the request has more than max_documents, %lld",
           (long long)p->max_documents);
  int local = listen_is_local(p->address);
  if (local < 0)
    return refuse_params(ctx, "expected HOST:PORT, [::1]:PORT or unix:/path to listen on", p->address,
                         "write e.g. listen: 127.0.0.1:8080");
  if (!local && !p->token)
    return refuse_params(ctx, "an address that other machines can reach needs a token", p->address,
                         "set token: ${SLUICE_LISTEN_TOKEN}, or listen on 127.0.0.1");
  if (p->path[0] != '/' || strpbrk(p->path, "?# ") || strcmp(p->path, "/healthz") == 0)
    return refuse_params(ctx, "expected a path that begins with a slash and is not /healthz", p->path,
                         "write e.g. path: /documents");
  if (s->token && (!s->token[0] || !listen_utf8_line(s->token, strlen(s->token)) || strchr(s->token, ' ')))
    return refuse_params(ctx, "the token is empty, or holds spaces or control characters", NULL,
                         "make one with: head -c 24 /dev/urandom | base64");
  return SL_OK;
}

static void on_connection(sl_ctx *ctx, void *stage, void *user, uint32_t events, int32_t error);

static void resume_accept(sl_ctx *ctx, void *stage, void *user) {
  listen_stage *s = stage;
  (void)user;
  s->paused = 0;
  sl_watch(ctx, s->fd, SL_WATCH_READ, on_connection, NULL);
}

static void pause_accept(sl_ctx *ctx, listen_stage *s, int error) {
  char text[160];
  snprintf(text, sizeof text, "cannot take a connection: %s; trying again in a second", strerror(error));
  sl_log(ctx, SL_LOG_WARN, text);
  s->paused = sl_timer_start(ctx, PAUSE_NS, 0, resume_accept, NULL);
  if (s->paused) sl_watch(ctx, s->fd, 0, NULL, NULL);
}

static void on_connection(sl_ctx *ctx, void *stage, void *user, uint32_t events, int32_t error) {
  listen_stage *s = stage;
  (void)user;
  (void)events;
  (void)error;
  for (int i = 0; i < ACCEPTS; i++) {
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      listen_accept(s, fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause_accept(ctx, s, errno);
    return;
  }
}

static int32_t fail_start(sl_ctx *ctx, int32_t code, const char *message) {
  sl_fail(ctx, code, message, NULL,
          code == SL_EUNSUP ? "a dry run cannot take requests: use another source for it" : NULL);
  return code;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  listen_stage *s = stage;
  const sl_listen *listen_table = sl_extension(ctx, SL_EXT_LISTEN);
  char address[160] = "", text[512];
  s->spool = sl_extension(ctx, SL_EXT_SPOOL);
  s->ctx = ctx;
  if (!listen_table || !s->spool)
    return fail_start(ctx, SL_EUNSUP, "this host offers neither sockets nor a spool for sources");
  int32_t fd, rc = listen_table->open(ctx, s->p->address, BACKLOG, &fd, address, sizeof address);
  if (rc != SL_OK) return rc;
  s->fd = fd;
  s->tick = sl_timer_start(ctx, TICK_NS, TICK_NS, listen_tick, NULL);
  if (!s->tick) return fail_start(ctx, SL_ENOMEM, "memory is out");
  if (sl_watch(ctx, fd, SL_WATCH_READ, on_connection, NULL) != SL_OK) {
    sl_timer_stop(ctx, s->tick);
    s->tick = 0;
    s->fd = -1;
    return fail_start(ctx, SL_EIO, "the socket cannot be watched");
  }
  snprintf(text, sizeof text, "listening on %s, documents are posted to %s", address, s->p->path);
  sl_log(ctx, SL_LOG_INFO, text);
  if (!s->spool->durable(ctx))
    sl_log(ctx, SL_LOG_WARN,
           "without state: what is accepted is lost if the process dies before it is stored; set state: to a folder");
  return SL_OK;
}

static int32_t produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  (void)ctx;
  (void)stage;
  (void)lane;
  (void)credit;
  return SL_P_WAIT; /* documents come by the spool */
}

static void stop(sl_ctx *ctx, void *stage) {
  listen_stage *s = stage;
  if (s->tick) sl_timer_stop(ctx, s->tick);
  if (s->paused)
    sl_timer_stop(ctx, s->paused);
  else if (s->fd >= 0)
    sl_watch(ctx, s->fd, 0, NULL, NULL);
  s->tick = s->paused = 0;
  s->fd = -1;
  s->ctx = ctx;
  listen_stop_all(s);
}

static void destroy(void *stage) {
  listen_stage *s = stage;
  if (!s) return;
  if (s->token) explicit_bzero(s->token, strlen(s->token));
  free(s->token);
  free(s);
}

static const sl_stage_type fetch_listen_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "fetch_listen",
    .summary = "Takes documents over HTTP: JSON, NDJSON, pages and texts",
    .help = "POST one object, an array, lines of NDJSON, a text or a page to `/documents`. The answer 202 means that "
            "all of "
            "it is on disk;\n"
            "any other answer means that nothing of it was taken. Loopback by default; a token opens it to others.",
    .flags = SL_F_ASYNC,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(listen_params),
    .contract = contract,
    .create = create,
    .start = start,
    .produce = produce,
    .stop = stop,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&fetch_listen_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "fetch_listen",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Documents over HTTP",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
