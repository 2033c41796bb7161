/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters as JSON lines. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/time.h"
#include "doc/codec.h"
#include "store/base64.h"
#include "store/dead_file.h"

#define MAX_FILE ((size_t)4 << 30)

struct sl_dead_lines {
  int fd;
  uint64_t next;
};

int sl_dead_lines_open(const char *path, struct sl_dead_lines **ret, sl_err *err) {
  struct sl_dead_lines *l = sl_mem_calloc(1, sizeof(*l));
  if (!l) return sl_err_set(err, SL_ENOMEM, "no memory for the dead letters");
  l->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (l->fd < 0) {
    int rc = sl_err_errno(err, errno, "cannot open %s for the dead letters", path);
    sl_mem_free(l);
    return rc;
  }
  /* A torn last line of an earlier crash is ended, so that it spoils none but itself. */
  off_t end = lseek(l->fd, 0, SEEK_END);
  char last = '\n';
  if (end > 0 && pread(l->fd, &last, 1, end - 1) == 1 && last != '\n' && write(l->fd, "\n", 1) != 1) {
    int rc = sl_err_errno(err, errno, "cannot write to %s", path);
    sl_dead_lines_close(l);
    return rc;
  }
  *ret = l;
  return 0;
}

void sl_dead_lines_close(struct sl_dead_lines *l) {
  if (!l) return;
  if (l->fd >= 0) {
    fdatasync(l->fd);
    close(l->fd);
  }
  sl_mem_free(l);
}

static int add_text(cJSON *o, const char *key, const char *text) {
  return !text || !*text || cJSON_AddStringToObject(o, key, text) ? 0 : SL_ENOMEM;
}

static int add_base64(cJSON *o, const char *key, sl_bytes b) {
  if (!b.len) return 0;
  char *text = sl_base64(b.data, b.len);
  cJSON *item = text ? cJSON_AddStringToObject(o, key, text) : NULL;
  sl_mem_free(text);
  return item ? 0 : SL_ENOMEM;
}

/* Texts under their names; those that are empty are left out. */
static int add_texts(cJSON *o, const char *const texts[][2], size_t n) {
  int bad = !o;
  for (size_t i = 0; i < n && !bad; i++) bad = add_text(o, texts[i][0], texts[i][1]) != 0;
  return bad;
}

static int add_body(cJSON *o, sl_bytes text) {
  cJSON *body = NULL;
  if (!text.len) return 0;
  if (sl_json_parse(text.data, text.len, NULL, &body, NULL, NULL)) return 1;
  if (cJSON_AddItemToObject(o, "document", body)) return 0;
  cJSON_Delete(body);
  return 1;
}

static cJSON *to_json(const sl_dead_entry *e) {
  char iso[40];
  const char *const head[][2] = {{"time", sl_time_iso(e->time, 3, iso, sizeof(iso))},
                                 {"pipeline", e->pipeline},
                                 {"stage", e->stage},
                                 {"uses", e->uses},
                                 {"build", e->build},
                                 {"key", e->key},
                                 {"splits", e->splits},
                                 {"media_type", e->media_type}};
  const char *const error[][2] = {{"code", e->code}, {"message", e->message}, {"detail", e->detail}, {"hint", e->hint}};
  const char *const origin[][2] = {{"uri", e->uri}, {"locator", e->locator}, {"revision", e->revision}};
  cJSON *o = cJSON_CreateObject();
  int bad = add_texts(o, head, sizeof head / sizeof *head);
  bad = bad || add_texts(cJSON_AddObjectToObject(o, "error"), error, sizeof error / sizeof *error);
  bad = bad || add_texts(cJSON_AddObjectToObject(o, "origin"), origin, sizeof origin / sizeof *origin);
  bad = bad || !cJSON_AddNumberToObject(o, "generation", (double)e->generation) ||
        !cJSON_AddNumberToObject(o, "attempts", e->attempts);
  bad = bad || (e->first && e->first != e->time && add_text(o, "first", sl_time_iso(e->first, 3, iso, sizeof(iso))));
  bad = bad || (e->id && !cJSON_AddNumberToObject(o, "id", (double)e->id));
  bad = bad || add_base64(o, "payload", e->payload) || add_base64(o, "map", e->map) || add_base64(o, "raw", e->raw) ||
        add_body(o, e->body);
  if (!bad) return o;
  cJSON_Delete(o);
  return NULL;
}

int sl_dead_line(const sl_dead_entry *e, sl_buf *out, sl_err *err) {
  cJSON *o = to_json(e);
  int rc = o ? sl_json_print_to(o, out, err) : sl_err_set(err, SL_ENOMEM, "no memory to write a dead letter");
  cJSON_Delete(o);
  if (!rc && sl_buf_addc(out, '\n')) rc = sl_err_set(err, SL_ENOMEM, "no memory to write a dead letter");
  return rc;
}

int sl_dead_lines_put(struct sl_dead_lines *l, const sl_dead_entry *e, sl_err *err) {
  sl_buf buf = {0};
  sl_dead_entry unnumbered = *e; /* its id is its line */
  unnumbered.id = 0;
  int rc = sl_dead_line(&unnumbered, &buf, err);
  off_t start = lseek(l->fd, 0, SEEK_END);
  if (!rc && sl_path_write_fd(l->fd, buf.data, buf.len)) {
    rc = sl_err_errno(err, errno, "cannot write a dead letter");
    if (start < 0 || ftruncate(l->fd, start)) sl_err_detail(err, "its line is torn");
  }
  sl_buf_done(&buf);
  return rc;
}

static const char *text_of(const cJSON *o, const char *key) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
  return cJSON_IsString(item) ? item->valuestring : "";
}

static uint64_t number_of(const cJSON *o, const char *key) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
  return cJSON_IsNumber(item) && item->valuedouble >= 0 ? (uint64_t)item->valuedouble : 0;
}

static void bytes_of(const cJSON *o, const char *key, sl_bytes *ret) {
  const char *text = text_of(o, key);
  *ret = (sl_bytes){0};
  if (*text) ret->data = sl_base64_decode(text, strlen(text), &ret->len);
}

/* One line to cb. Returns what cb said. */
static int give(const cJSON *o, uint64_t id, int (*cb)(void *user, const sl_dead_entry *entry), void *user) {
  const cJSON *why = cJSON_GetObjectItemCaseSensitive(o, "error"),
              *origin = cJSON_GetObjectItemCaseSensitive(o, "origin");
  const cJSON *body = cJSON_GetObjectItemCaseSensitive(o, "document");
  uint64_t kept = number_of(o, "id");
  sl_dead_entry e = {.id = kept ? kept : id,
                     .pipeline = text_of(o, "pipeline"),
                     .stage = text_of(o, "stage"),
                     .uses = text_of(o, "uses"),
                     .build = text_of(o, "build"),
                     .code = text_of(why, "code"),
                     .message = text_of(why, "message"),
                     .detail = text_of(why, "detail"),
                     .hint = text_of(why, "hint"),
                     .attempts = (uint32_t)number_of(o, "attempts"),
                     .generation = number_of(o, "generation"),
                     .uri = text_of(origin, "uri"),
                     .locator = text_of(origin, "locator"),
                     .revision = text_of(origin, "revision"),
                     .key = text_of(o, "key"),
                     .splits = text_of(o, "splits"),
                     .media_type = text_of(o, "media_type")};
  char *text = NULL;
  sl_time_parse(text_of(o, "time"), &e.time);
  sl_time_parse(text_of(o, "first"), &e.first);
  if (body && sl_json_print(body, &text, &e.body.len, NULL) == 0) e.body.data = text;
  bytes_of(o, "raw", &e.raw);
  bytes_of(o, "payload", &e.payload);
  bytes_of(o, "map", &e.map);
  int rc = cb(user, &e);
  sl_mem_free(text);
  sl_mem_free((void *)(uintptr_t)e.raw.data);
  sl_mem_free((void *)(uintptr_t)e.payload.data);
  sl_mem_free((void *)(uintptr_t)e.map.data);
  return rc;
}

int sl_dead_lines_read(const char *path, int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err) {
  char *all = NULL;
  size_t len = 0;
  int rc = sl_path_read(path, MAX_FILE, &all, &len, err);
  uint64_t id = 0;
  for (size_t at = 0; !rc && at < len;) {
    const char *end = memchr(all + at, '\n', len - at);
    size_t n = end ? (size_t)(end - (all + at)) : len - at;
    cJSON *o = NULL;
    id++;
    int bad = sl_json_parse(all + at, n, NULL, &o, NULL, NULL);
    int done = bad ? cb(user, NULL) : give(o, id, cb, user);
    cJSON_Delete(o);
    if (done) break;
    at += n + 1;
  }
  sl_mem_free(all);
  return rc;
}
