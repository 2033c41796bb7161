/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_feed on foreign bytes: encodings, the tolerant reader of XML, feeds of all kinds, dates, plain text. The first
 * byte chooses the pieces that the reader gets; whatever they are, it must see the same.
 */
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "feed_doc.h"
#include "webdate.h"
#include "webtext.h"
#include "xmltok.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const lane_mem memory = {malloc, free};

static int is_utf8(const char *s) {
  for (const unsigned char *p = (const unsigned char *)s; *p;) {
    int n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
    if (n == 0) return 0;
    for (int i = 1; i < n; i++)
      if ((p[i] & 0xc0) != 0x80) return 0;
    p += n;
  }
  return 1;
}

static int take(void *user, const feed_head *head, const feed_item *item) {
  const feed_place *place = user;
  feed_doc d;
  int rc = feed_doc_make(place, head, item, &d);
  if (rc != 0) return rc;
  const cJSON *one;
  if (!d.key || !d.uri || !is_utf8(d.key) || !is_utf8(d.uri)) abort();
  cJSON_ArrayForEach(one, d.body) if (cJSON_IsString(one) && !is_utf8(one->valuestring)) abort();
  feed_doc_free(&memory, &d);
  return 0;
}

typedef struct trace {
  uint64_t hash;
  size_t depth;
} trace;

static void mix(trace *t, const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) t->hash = (t->hash ^ (unsigned char)s[i]) * 1099511628211u;
}

static int on_start(void *user, const char *name, const xmltok_attr *a, size_t n) {
  trace *t = user;
  mix(t, "<", 1);
  mix(t, name, strlen(name));
  for (size_t i = 0; i < n; i++) {
    mix(t, a[i].name, strlen(a[i].name) + 1);
    mix(t, a[i].value, strlen(a[i].value) + 1);
  }
  t->depth++;
  return 0;
}

static int on_end(void *user, const char *name) {
  trace *t = user;
  mix(t, ">", 1);
  mix(t, name, strlen(name));
  if (t->depth-- == 0) abort();
  return 0;
}

static int on_text(void *user, const char *s, size_t n) {
  mix(user, s, n);
  return 0;
}

static uint64_t tokens(const char *s, size_t n, size_t step) {
  static const xmltok_events events = {on_start, on_end, on_text};
  static const xmltok_ns table[] = {{"urn:a", "p"}, {"urn:b", ""}};
  trace t = {14695981039346656037u, 0};
  xmltok *x = xmltok_new(&memory, &events, &t, table, 2);
  int rc = 0;
  for (size_t at = 0; at < n && rc == 0; at += step) rc = xmltok_push(x, s + at, n - at < step ? n - at : step);
  if (rc == 0) rc = xmltok_finish(x);
  if (rc == 0 && t.depth != 0) abort();
  xmltok_free(x);
  return t.hash;
}

static void text(const char *s, size_t n) {
  lane_vec out = {0};
  char image[64];
  webdate d;
  if (webtext_plain(&memory, s, n, &out) == 0 && strlen(out.items) > out.n) abort();
  lane_vec_done(&memory, &out);
  (void)webtext_image(s, n, image, sizeof image);
  if (webdate_parse(s, n, 420, &d) == 0) {
    char written[WEBDATE_TEXT];
    webdate again;
    webdate_text(&d, written);
    if (webdate_parse(written, strlen(written), 0, &again) != 0 || again.seconds != d.seconds ||
        again.offset != d.offset)
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char url[] = "https://bao.example/rss";
  if (size < 1) return 0;
  const char *s = (const char *)data + 1, *why;
  size_t n = size - 1;
  weburl at = {0};
  const feed_limits limits = {100, 4096};
  if (weburl_parse(&at, &memory, url, sizeof url - 1, NULL, NULL) != 0) abort();
  feed_place place = {&memory, &at, false, 0, true, INT64_C(1760000000000000000)};
  feed_parser *p = feed_new(&memory, &limits, take, &place);
  if (p) (void)feed_parse(p, s, n, data[0] & 0x40 ? "text/xml; charset=windows-1258" : NULL, &why);
  feed_free(p);
  weburl_free(&at);
  if (n < 100000 && tokens(s, n, n ? n : 1) != tokens(s, n, 1 + data[0] % 16)) abort();
  text(s, n);
  return 0;
}
