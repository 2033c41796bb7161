/* SPDX-License-Identifier: Apache-2.0 */
/* What a file's name says. */
#include "names.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
  const char *ending;
  const char *type;
} media_types[] = {
    {".txt", "text/plain"},
    {".text", "text/plain"},
    {".html", "text/html"},
    {".htm", "text/html"},
    {".xhtml", "application/xhtml+xml"},
    {".md", "text/markdown"},
    {".xml", "application/xml"},
    {".json", "application/json"},
    {".jsonl", "application/x-ndjson"},
    {".ndjson", "application/x-ndjson"},
    {".csv", "text/csv"},
    {".tsv", "text/tab-separated-values"},
    {".pdf", "application/pdf"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".png", "image/png"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".zip", "application/zip"},
    {".tar", "application/x-tar"},
    {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {".doc", "application/msword"},
    {".rtf", "application/rtf"},
    {".epub", "application/epub+zip"},
};

static int ends_with(const char *name, size_t len, const char *ending) {
  size_t n = strlen(ending);
  return len > n && strncasecmp(name + len - n, ending, n) == 0;
}

/* Length without the ending of a compressor. */
static size_t plain_length(const char *name) {
  static const char *const packed[] = {".gz", ".zst", ".zstd"};
  size_t len = strlen(name);
  for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
    if (ends_with(name, len, packed[i])) return len - strlen(packed[i]);
  return len;
}

int fetch_kind_of(const char *name) {
  size_t len = plain_length(name);
  if (ends_with(name, len, ".json")) return FETCH_JSON;
  if (ends_with(name, len, ".jsonl") || ends_with(name, len, ".ndjson")) return FETCH_LINES;
  return FETCH_PAGE;
}

static int begins_markup(const char *s, size_t len) {
  static const char *const tags[] = {"<!doctype html", "<html", "<head", "<body"};
  size_t at = len >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  while (at < len && strchr(" \t\r\n", s[at]) && s[at]) at++;
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
    if (len - at >= strlen(tags[i]) && strncasecmp(s + at, tags[i], strlen(tags[i])) == 0) return 1;
  return 0;
}

const char *fetch_media_type(const char *name, const char *data, size_t len) {
  size_t n = plain_length(name);
  for (size_t i = 0; i < sizeof media_types / sizeof *media_types; i++)
    if (ends_with(name, n, media_types[i].ending)) return media_types[i].type;
  if (len >= 5 && memcmp(data, "%PDF-", 5) == 0) return "application/pdf";
  return begins_markup(data, len) ? "text/html" : "text/plain";
}

char *fetch_uri(const char *path) {
  static const char hex[] = "0123456789ABCDEF";
  char *uri = malloc(strlen(path) * 3 + sizeof "file://");
  if (!uri) return NULL;
  char *out = stpcpy(uri, "file://");
  for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
    int plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
    if (plain || strchr("-._~/", *p)) {
      *out++ = (char)*p;
      continue;
    }
    *out++ = '%';
    *out++ = hex[*p >> 4];
    *out++ = hex[*p & 15];
  }
  *out = '\0';
  return uri;
}

/* Length of the UTF-8 character at s, 0 if it is not one. */
static size_t utf8_length(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  size_t n = s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;
  for (size_t i = 1; i < n; i++)
    if ((s[i] & 0xC0) != 0x80) return 0;
  if (s[0] == 0xE0 && s[1] < 0xA0) return 0;
  if (s[0] == 0xED && s[1] > 0x9F) return 0;
  if (s[0] == 0xF0 && s[1] < 0x90) return 0;
  if (s[0] == 0xF4 && s[1] > 0x8F) return 0;
  return n;
}

static char *valid(const char *name, size_t len) {
  char *copy = malloc(len * 3 + 1), *out = copy;
  if (!copy) return NULL;
  for (size_t i = 0; i < len;) {
    size_t n = utf8_length((const unsigned char *)name + i);
    if (n == 0 || i + n > len) {
      memcpy(out, "\xEF\xBF\xBD", 3);
      out += 3;
      i++;
    } else {
      memcpy(out, name + i, n);
      out += n;
      i += n;
    }
  }
  *out = '\0';
  return copy;
}

char *fetch_valid_name(const char *name) { return valid(name, strlen(name)); }

char *fetch_identifier(const char *rel) {
  size_t len = plain_length(rel);
  for (size_t i = len; i > 1 && rel[i - 1] != '/'; i--) {
    if (rel[i - 1] != '.' || rel[i - 2] == '/') continue;
    len = i - 1;
    break;
  }
  return valid(rel, len);
}
