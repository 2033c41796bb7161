/* SPDX-License-Identifier: Apache-2.0 */
/* One document from a file, as a source would make it. */
#include "cli/input.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/time.h"

#define MAX_BYTES ((size_t)256 << 20)

static const char *media_type(const char *path) {
  static const char *const types[][2] = {{".txt", "text/plain"},   {".html", "text/html"}, {".htm", "text/html"},
                                         {".md", "text/markdown"}, {".xml", "text/xml"},   {".csv", "text/csv"}};
  const char *ext = sl_path_ext(path);
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp(ext, types[i][0]) == 0) return types[i][1];
  return "application/octet-stream";
}

static int read_stdin(char **ret, size_t *ret_len, sl_err *err) {
  sl_buf buf = {0};
  char chunk[65536];
  size_t n;
  while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0 && buf.len <= MAX_BYTES) (void)sl_buf_add(&buf, chunk, n);
  if (ferror(stdin))
    sl_err_set(err, SL_EIO, "cannot read standard input");
  else if (buf.len > MAX_BYTES)
    sl_err_set(err, SL_ELIMIT, "expected at most %zu bytes on standard input", MAX_BYTES);
  else if (buf.failed)
    sl_err_set(err, SL_ENOMEM, "memory is out");
  if (ferror(stdin) || buf.len > MAX_BYTES || buf.failed) {
    sl_buf_done(&buf);
    return err->code;
  }
  (void)sl_buf_addc(&buf, 0);
  size_t len = buf.len - 1;
  *ret = sl_buf_take(&buf, NULL);
  *ret_len = len;
  return *ret ? 0 : sl_err_set(err, SL_ENOMEM, "memory is out");
}

/* The bytes of a line, from 1. */
static int find_line(const char *text, size_t len, uint64_t line, sl_bytes *ret, sl_err *err) {
  size_t pos = 0;
  for (uint64_t at = 1; pos < len; at++) {
    const char *end = memchr(text + pos, '\n', len - pos);
    size_t n = end ? (size_t)(end - text) - pos : len - pos;
    if (at == line) {
      *ret = (sl_bytes){text + pos, n};
      return 0;
    }
    pos += n + 1;
  }
  return sl_err_set(err, SL_ENOTFOUND, "there is no line %llu in it", (unsigned long long)line);
}

static void release(void *data, void *user) {
  (void)user;
  sl_mem_free(data);
}

static int fill_body(sl_doc *doc, const char *path, const char *uri, const char *data, size_t len, sl_err *err) {
  char hash[65], time[40];
  struct stat st;
  cJSON *body = sl_doc_edit(doc, err);
  cJSON *source =
      body && cJSON_AddStringToObject(body, "id", sl_path_base(path)) ? cJSON_AddObjectToObject(body, "source") : NULL;
  if (!source) return sl_err_set(err, SL_ENOMEM, "memory is out");
  sl_sha256_hex(data, len, hash);
  cJSON_AddStringToObject(source, "uri", uri);
  cJSON_AddStringToObject(source, "name", sl_path_base(path));
  cJSON_AddStringToObject(source, "path", path);
  cJSON_AddStringToObject(source, "fetched", sl_time_iso(sl_time_wall(), 0, time, sizeof time));
  if (stat(path, &st) == 0)
    cJSON_AddStringToObject(source, "modified",
                            sl_time_iso((int64_t)st.st_mtim.tv_sec * SL_TIME_S, 0, time, sizeof time));
  cJSON_AddStringToObject(source, "type", media_type(path));
  cJSON_AddNumberToObject(source, "bytes", (double)len);
  return cJSON_AddStringToObject(source, "sha256", hash) ? 0 : sl_err_set(err, SL_ENOMEM, "memory is out");
}

/* The document is the JSON text. */
static int fill_text(sl_doc *doc, const sl_origin *origin, sl_bytes bytes, sl_err *err) {
  int rc = sl_doc_set_origin(doc, origin, err);
  if (rc == 0) rc = sl_doc_set_text(doc, bytes.data, bytes.len, NULL, NULL, err);
  return rc == 0 ? sl_doc_check(doc, err) : rc;
}

/* The document has the file as its payload; *data is taken. */
static int fill_payload(sl_doc *doc, const sl_origin *origin, const char *path, char **data, size_t len, sl_err *err) {
  int rc = sl_doc_set_origin(doc, origin, err);
  if (rc == 0) rc = fill_body(doc, path, origin->uri, *data, len, err);
  if (rc == 0) rc = sl_doc_set_payload(doc, *data, len, media_type(path), release, NULL, err);
  if (rc == 0) *data = NULL;
  return rc;
}

static int fill_file(sl_doc *doc, const char *path, uint64_t line, char **data, size_t len, sl_err *err) {
  char locator[40];
  sl_bytes bytes = {*data, len};
  char *full = sl_path_abs(path, NULL), *uri = full ? sl_path_to_uri(full) : NULL;
  sl_origin origin = {uri, NULL, NULL};
  int rc;
  if (!uri) {
    rc = sl_err_set(err, SL_ENOMEM, "memory is out");
  } else if (sl_str_ends(path, ".jsonl") || sl_str_ends(path, ".ndjson")) {
    (void)snprintf(locator, sizeof locator, "line=%llu", (unsigned long long)line);
    origin.locator = locator;
    rc = find_line(*data, len, line, &bytes, err);
    if (rc == 0) rc = fill_text(doc, &origin, bytes, err);
  } else if (sl_str_ends(path, ".json")) {
    rc = fill_text(doc, &origin, bytes, err);
  } else {
    rc = fill_payload(doc, &origin, full, data, len, err);
  }
  sl_mem_free(full);
  sl_mem_free(uri);
  return rc;
}

int sl_input_read(const char *path, uint64_t line, sl_doc **ret, sl_err *err) {
  char *data = NULL;
  size_t len = 0;
  int rc = strcmp(path, "-") == 0 ? read_stdin(&data, &len, err) : sl_path_read(path, MAX_BYTES, &data, &len, err);
  if (rc != 0) return rc;
  sl_doc *doc = sl_doc_new();
  if (!doc)
    rc = sl_err_set(err, SL_ENOMEM, "memory is out");
  else if (strcmp(path, "-") == 0)
    rc = fill_text(doc, &(sl_origin){"stdin:", NULL, NULL}, (sl_bytes){data, len}, err);
  else
    rc = fill_file(doc, path, line, &data, len, err);
  sl_mem_free(data);
  if (rc != 0) {
    sl_doc_free(doc);
    return sl_err_prefix(err, "%s", path);
  }
  *ret = doc;
  return 0;
}
