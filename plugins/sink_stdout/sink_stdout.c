/* SPDX-License-Identifier: Apache-2.0 */
/* sink_stdout: documents on standard output, as JSON lines or as a view for a person. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sluice/plugin.h>

#include "view.h"

#define FORMAT_JSON 0
#define COLOR_AUTO 0
#define COLOR_ALWAYS 1

struct params {
  int32_t format, color;
  int64_t width;
};

struct stage {
  const struct params *p;
  view_buf buf;
  int color, width;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, format, SL_T_ENUM, 0, "json", "json|view",
             "json: one object a line. view: title, date, summary, people with roles and directives, for a person."),
    SL_PARAM(struct params, color, SL_T_ENUM, 0, "auto", "auto|always|never",
             "Colours of the view; auto: on a terminal, unless NO_COLOR is set."),
    SL_PARAM(struct params, width, SL_T_INT, 0, "0", "0..500",
             "Columns of the view; 0: those of the terminal, at most 100, or 80 where there is none."),
};

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  struct stage *s = calloc(1, sizeof *s);
  if (!s) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  s->p = params;
  *ret_stage = s;
  return SL_OK;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  struct winsize size;
  const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
  int terminal = isatty(STDOUT_FILENO);
  (void)ctx;
  s->color = s->p->color == COLOR_ALWAYS;
  if (s->p->color == COLOR_AUTO) s->color = terminal && !(none && *none) && !(term && strcmp(term, "dumb") == 0);
  s->width = (int)s->p->width;
  if (s->width == 0) {
    s->width = 80;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
      s->width = size.ws_col > 100 ? 100 : size.ws_col;
  }
  return SL_OK;
}

/* Appends one document; a verdict. */
static int32_t print(sl_ctx *ctx, struct stage *s, sl_doc *doc) {
  size_t before = s->buf.len;
  s->buf.failed = 0;
  if (s->p->format == FORMAT_JSON) {
    sl_bytes text;
    int32_t rc = sl_text(ctx, doc, &text);
    if (rc < 0) {
      sl_fail_doc(ctx, doc, rc, "the document cannot be printed as JSON", NULL, NULL);
      return rc == SL_ENOMEM ? SL_V_RETRY : SL_V_REJECT;
    }
    view_put(&s->buf, text.data, text.len);
    view_put(&s->buf, "\n", 1);
  } else {
    sl_origin origin;
    const cJSON *body = sl_body(ctx, doc);
    sl_get_origin(ctx, doc, &origin);
    if (body)
      view_document(&s->buf, body, origin.uri, s->width, s->color);
    else
      s->buf.failed = 1;
  }
  if (!s->buf.failed) return SL_V_OK;
  s->buf.len = before;
  sl_fail_doc(ctx, doc, SL_ENOMEM, "memory is out", NULL, "lower budget: or batch:");
  return SL_V_RETRY;
}

/* Writes all, or returns how far it came; errno tells why. */
static size_t put_all(const char *data, size_t len) {
  size_t done = 0;
  while (done < len) {
    ssize_t n = write(STDOUT_FILENO, data + done, len - done);
    if (n > 0)
      done += (size_t)n;
    else if (n < 0 && errno == EAGAIN) {
      struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
      poll(&p, 1, -1);
    } else if (n < 0 && errno != EINTR) {
      break;
    }
  }
  return done;
}

static int32_t write_batch(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  struct stage *s = stage;
  (void)lane;
  size_t *ends = malloc((n ? n : 1) * sizeof *ends);
  if (!ends) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  s->buf.len = 0;
  for (uint32_t i = 0; i < n; i++) {
    verdicts[i] = print(ctx, s, docs[i]);
    ends[i] = s->buf.len;
  }
  size_t done = put_all(s->buf.data, s->buf.len);
  if (done < s->buf.len) {
    int gone = errno == EPIPE;
    sl_fail(ctx, SL_EIO, "standard output cannot be written", strerror(errno),
            gone ? "the reader of the pipe has ended" : "check where it is redirected to");
    for (uint32_t i = 0; i < n; i++)
      if (verdicts[i] == SL_V_OK && ends[i] > done) verdicts[i] = gone ? SL_V_FATAL : SL_V_RETRY;
  }
  free(ends);
  return SL_OK;
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  free(s->buf.data);
  free(s);
}

static const sl_stage_type sink_stdout_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "sink_stdout",
    .summary = "Prints documents on standard output",
    .flags = SL_F_SERIAL,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .create = create,
    .start = start,
    .write = write_batch,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&sink_stdout_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "sink_stdout",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Prints documents on standard output",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
