/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that no stage should be surprised by: each field of the body in turn with each value. */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

const char hostile_sound[] =
    "{\"schema\":1,\"id\":\"a1\",\"source\":{\"uri\":\"file:///a.txt\",\"type\":\"text/plain\",\"bytes\":100},"
    "\"lang\":\"vi\",\"title\":\"Thủ tướng thăm Huế\",\"lead\":\"Sáng "
    "nay.\",\"published\":\"2025-08-21\",\"authors\":[],"
    "\"text\":\"Thủ tướng yêu cầu Bộ Y tế báo cáo trước 30/9. Ông nói: \\\"Tốt\\\".\",\"removed\":[],"
    "\"paragraphs\":[[0,86]],"
    "\"sentences\":[{\"start\":0,\"end\":60,\"words\":\"Thủ_tướng yêu_cầu Bộ Y_tế báo_cáo trước 30/9 .\"},"
    "{\"start\":61,\"end\":86,\"words\":\"Ông nói : \\\" Tốt \\\" .\"}],"
    "\"entities\":[{\"id\":\"e1\",\"type\":\"ORG\",\"start\":25,\"end\":34,\"text\":\"Bộ Y tế\",\"norm\":\"Bộ Y tế\"}],"
    "\"directives\":[{\"speaker\":null,\"verb\":\"yêu "
    "cầu\",\"addressees\":[\"e1\"],\"content\":{\"start\":0,\"end\":60,"
    "\"text\":\"…\"},\"deadline\":null}],\"quotes\":[],\"summary\":{\"text\":\"Tốt.\",\"sentences\":[0]}}";

static const char *const fields[] = {"schema",    "id",         "source", "lang",    "title",      "lead",
                                     "published", "authors",    "text",   "removed", "paragraphs", "sentences",
                                     "entities",  "directives", "quotes", "summary"};

static const char *const values[] = {
    "null",
    "true",
    "-1",
    "0.5",
    "1e308",
    "9007199254740993",
    "\"\"",
    "\"x\"",
    "\" \\n\\t \\r\\n \"",
    "\"\\u0001\\u001f\\u200b\\ufeff\"",
    "\"\\u0301\\u0301\\u0301\"",
    "\"\\ud83d\\ude00 \\u202e\"",
    "\"....!!!???\\\"\\\"\"",
    "\"<p>&amp;&#0;<script>\"",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "[[0]]",
    "[[-5,-1]]",
    "[[9,3]]",
    "[[0,1e18]]",
    "[[0.5,\"x\"]]",
    "[1,\"a\",{},[]]",
    "[{}]",
    "[{\"start\":-1,\"end\":1e9}]",
    "[{\"start\":5,\"end\":2,\"words\":\"a\"}]",
    "[{\"start\":0,\"end\":1e18,\"words\":7}]",
    "[{\"start\":\"0\",\"end\":null}]",
    "[{\"start\":1,\"end\":2,\"words\":\"\"}]",
    "[{\"start\":1,\"end\":3,\"words\":\"hủ\"}]",
    "{\"start\":0,\"end\":4294967297,\"text\":[]}",
    "{\"uri\":7,\"bytes\":\"x\"}",
    "{\"text\":null,\"sentences\":[-1,99,\"a\"]}",
    "[{\"id\":1,\"type\":[],\"start\":0,\"end\":5,\"text\":{}}]",
    "[{\"speaker\":\"e9\",\"addressees\":7,\"content\":null}]",
    "{\"\":{\"\":{\"a/b\":1,\"~\":2}}}",
    "\"../../etc/passwd\"",
    "\"=1+1\"",
    "\"',);--\"",
};

static char *with(const char *field, const char *value) {
  cJSON *doc = cJSON_Parse(hostile_sound), *json = cJSON_Parse(value);
  cJSON_DeleteItemFromObjectCaseSensitive(doc, field);
  if (json) cJSON_AddItemToObject(doc, field, json);
  char *text = cJSON_PrintUnformatted(doc);
  cJSON_Delete(doc);
  return text;
}

static char *repeated(const char *before, const char *unit, size_t n, const char *after) {
  size_t len = strlen(unit), head = strlen(before);
  char *text = malloc(head + len * n + strlen(after) + 1);
  if (!text) abort();
  memcpy(text, before, head);
  for (size_t i = 0; i < n; i++) memcpy(text + head + i * len, unit, len);
  strcpy(text + head + len * n, after);
  return text;
}

static void spoil(const char *field, void (*cb)(void *user, const char *name, const char *body), void *user) {
  char name[300];
  for (size_t k = 0; k <= sizeof values / sizeof *values; k++) {
    const char *value = k ? values[k - 1] : "(absent)";
    char *body = with(field, k ? value : "");
    snprintf(name, sizeof name, "/%s = %s", field, value);
    cb(user, name, body);
    cJSON_free(body);
  }
}

void hostile_each(const char *const *extra, void (*cb)(void *user, const char *name, const char *body), void *user) {
  static const struct {
    const char *name, *before, *unit, *after;
    size_t n;
  } large[] = {
      {"a long word", "{\"text\":\"", "a", "\"}", 300000},
      {"a long line of words", "{\"text\":\"", "Hà Nội mưa, ", "\"}", 20000},
      {"many sentences", "{\"text\":\"", "Ông A. nói. ", "\"}", 10000},
      {"many lines", "{\"text\":\"", "a\\n", "\"}", 50000},
      {"only spaces", "{\"text\":\"", " ", "\"}", 200000},
      {"only marks", "{\"text\":\"", "\xcc\x81", "\"}", 50000},
      {"many quotes", "{\"text\":\"", "\\\"“(", "\"}", 20000},
      {"many fields", "{\"x0\":[0", ",{\"k\":null}", "]}", 20000},
      {"deep arrays", "{\"x\":", "[", "", 200},
  };
  cb(user, "an empty object", "{}");
  cb(user, "a sound article", hostile_sound);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) spoil(fields[i], cb, user);
  for (; extra && *extra; extra++) spoil(*extra, cb, user);
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
    char *body = repeated(large[i].before, large[i].unit, large[i].n, large[i].after);
    if (!large[i].after[0]) {
      char *closed = repeated(body, "]", large[i].n, "}");
      free(body);
      body = closed;
    }
    cb(user, large[i].name, body);
    free(body);
  }
}

#define PAYLOAD(name, type, data) \
  { name, type, data, sizeof(data) - 1 }
const hostile_payload hostile_payloads[] = {
    PAYLOAD("an empty payload", "text/plain", ""),
    PAYLOAD("plain text", "text/plain", "Tiêu đề\n\nMột câu. Hai câu.\n"),
    PAYLOAD("NULs", "text/plain", "a\0b\0\0c"),
    PAYLOAD("invalid UTF-8", "text/plain; charset=utf-8", "ab\xff\xfe\xc3(\xed\xa0\x80"),
    PAYLOAD("half a UTF-16", "text/plain",
            "\xff\xfe"
            "a\0b"),
    PAYLOAD("a lone surrogate", "text/plain", "\xff\xfe\x00\xd8"),
    PAYLOAD("a BOM alone", "text/plain", "\xef\xbb\xbf"),
    PAYLOAD("broken HTML", "text/html", "<html><p>a<b>c</p><!-- <script>x</scr"),
    PAYLOAD("HTML of entities", "text/html", "<p>&#0;&#xD800;&#1114112;&nbsp;&bogus;&</p>"),
    PAYLOAD("binary", "application/octet-stream",
            "\x7f"
            "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\xde\xad\xbe\xef"),
    PAYLOAD("a wrong charset", "text/html; charset=bogus-9", "<p>xin chào</p>"),
    PAYLOAD("no type at all", "", "abc"),
};
const size_t hostile_n_payloads = sizeof hostile_payloads / sizeof *hostile_payloads;
