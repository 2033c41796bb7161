/* SPDX-License-Identifier: Apache-2.0 */
/* Sitemaps in steps. */
#include "sitemap.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#include <sluice/plugin.h>

#include "webtext.h"
#include "xmltok.h"

#define STEP 16384u
#define FIELD_MAX 8192u /* of a URL or a text; a longer one is cut, a URL left out */

enum { LOC, LASTMOD, TITLE, DATE, LANGUAGE, PUBLICATION, KEYWORDS, N_FIELDS };

struct sitemap {
  const lane_mem *mem;
  sitemap_limits limits;
  sitemap_cb cb;
  void *user;
  sitemap_kind kind;
  const char *why;
  uint32_t count;
  bool truncated, opened, ended;

  const char *bytes, *content_type;
  size_t n, at;
  uint64_t made; /* bytes after decompression */
  bool zipped, inflating;
  z_stream z;
  unsigned char out[STEP];

  webtext_conv conv;
  lane_vec text; /* of one step, in UTF-8 */
  xmltok *tok;

  size_t entry_depth; /* of the open <url> or <sitemap>; 0: none */
  size_t field_depth; /* of the open field */
  int field;
  bool too_long[N_FIELDS];
  lane_vec fields[N_FIELDS];
};

sitemap *sitemap_new(const lane_mem *mem, const sitemap_limits *limits, sitemap_cb cb, void *user) {
  sitemap *s = mem->alloc(sizeof *s);
  if (!s) return NULL;
  memset(s, 0, sizeof *s);
  s->mem = mem;
  s->limits = *limits;
  s->cb = cb;
  s->user = user;
  s->why = "";
  return s;
}

void sitemap_open(sitemap *s, const char *bytes, size_t n, const char *content_type) {
  s->bytes = bytes;
  s->n = n;
  s->content_type = content_type;
  s->zipped = n >= 2 && (unsigned char)bytes[0] == 0x1f && (unsigned char)bytes[1] == 0x8b;
}

void sitemap_free(sitemap *s) {
  if (!s) return;
  if (s->inflating) inflateEnd(&s->z);
  webtext_close(&s->conv);
  xmltok_free(s->tok);
  lane_vec_done(s->mem, &s->text);
  for (int i = 0; i < N_FIELDS; i++) lane_vec_done(s->mem, &s->fields[i]);
  s->mem->free(s);
}

sitemap_kind sitemap_kind_of(const sitemap *s) { return s->kind; }
uint32_t sitemap_count(const sitemap *s) { return s->count; }
bool sitemap_truncated(const sitemap *s) { return s->truncated; }
const char *sitemap_why(const sitemap *s) { return s->why; }

bool sitemap_match(const char *pattern, const char *url) {
  const char *star = NULL, *from = url;
  while (*url) {
    if (*pattern == '*') {
      star = ++pattern;
      from = url;
    } else if (*pattern == *url || *pattern == '?') {
      pattern++;
      url++;
    } else if (star) {
      pattern = star;
      url = ++from;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* The text of a field without blanks around it; NULL if there is none. */
static const char *text_of(sitemap *s, int field) {
  lane_vec *v = &s->fields[field];
  char *text = v->items;
  size_t from = 0, n = v->n;
  while (n > 0 && (unsigned char)text[n - 1] <= ' ') n--;
  while (from < n && (unsigned char)text[from] <= ' ') from++;
  if (from == n) return NULL;
  text[n] = '\0';
  return text + from;
}

static int tell(sitemap *s, bool is_index) {
  sitemap_entry e = {.is_index = is_index,
                     .loc = text_of(s, LOC),
                     .lastmod = text_of(s, LASTMOD),
                     .title = text_of(s, TITLE),
                     .date = text_of(s, DATE),
                     .language = text_of(s, LANGUAGE),
                     .publication = text_of(s, PUBLICATION),
                     .keywords = text_of(s, KEYWORDS)};
  if (!e.loc || s->too_long[LOC]) return 0;
  if (s->count == s->limits.entries) {
    s->why = "it has more entries than are read";
    return SL_ELIMIT;
  }
  s->count++;
  return s->cb(s->user, &e);
}

static int append(sitemap *s, int field, const char *text, size_t n) {
  lane_vec *v = &s->fields[field];
  if (v->n + n > FIELD_MAX) {
    n = FIELD_MAX - v->n;
    s->too_long[field] = true;
  }
  if (lane_vec_reserve(s->mem, v, 1, v->n + n + 1) != 0) return SL_ENOMEM;
  if (n) memcpy((char *)v->items + v->n, text, n);
  v->n += n;
  return 0;
}

static int on_start(void *user, const char *name, const xmltok_attr *a, size_t n) {
  static const struct {
    const char *name;
    int field;
  } fields[] = {{"loc", LOC},
                {"lastmod", LASTMOD},
                {"news:title", TITLE},
                {"news:publication_date", DATE},
                {"news:name", PUBLICATION},
                {"news:language", LANGUAGE},
                {"news:keywords", KEYWORDS}};
  sitemap *s = user;
  (void)a;
  (void)n;
  if (s->field_depth) return 0;
  if (!s->entry_depth) {
    if (strcasecmp(name, "urlset") == 0 && s->kind == SITEMAP_NONE) s->kind = SITEMAP_URLS;
    if (strcasecmp(name, "sitemapindex") == 0 && s->kind == SITEMAP_NONE) s->kind = SITEMAP_INDEX;
    if (s->kind == SITEMAP_NONE) s->kind = SITEMAP_OTHER;
    if (s->kind == SITEMAP_OTHER) return SL_EPARSE;
    if (strcasecmp(name, "url") != 0 && strcasecmp(name, "sitemap") != 0) return 0;
    s->entry_depth = xmltok_depth(s->tok);
    memset(s->too_long, 0, sizeof s->too_long);
    for (int i = 0; i < N_FIELDS; i++) s->fields[i].n = 0;
    return 0;
  }
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    /* The loc of an image is another name: it has a prefix of its own. Of two the first counts. */
    if (strcasecmp(fields[i].name, name) != 0 || s->fields[fields[i].field].n > 0) continue;
    s->field_depth = xmltok_depth(s->tok);
    s->field = fields[i].field;
  }
  return 0;
}

static int on_end(void *user, const char *name) {
  sitemap *s = user;
  size_t depth = xmltok_depth(s->tok);
  if (depth == s->field_depth) s->field_depth = 0;
  if (depth != s->entry_depth) return 0;
  s->entry_depth = 0;
  /* Half an entry may have half a URL. */
  if (xmltok_unclosed(s->tok)) return 0;
  return tell(s, strcasecmp(name, "sitemap") == 0);
}

static int on_text(void *user, const char *text, size_t n) {
  sitemap *s = user;
  return s->field_depth ? append(s, s->field, text, n) : 0;
}

/* ---- plain lists --------------------------------------------------------------------------------------------------
 */

static int end_line(sitemap *s) {
  int rc = 0;
  const char *text = text_of(s, LOC);
  if (text && (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0))
    rc = tell(s, false);
  else if (text && s->count == 0)
    rc = SL_EPARSE;
  s->fields[LOC].n = 0;
  s->too_long[LOC] = false;
  return rc;
}

static int lines(sitemap *s, const char *text, size_t n, bool end) {
  int rc = 0;
  while (n > 0 && rc == 0) {
    const char *stop = memchr(text, '\n', n);
    size_t len = stop ? (size_t)(stop - text) : n;
    rc = append(s, LOC, text, len);
    if (rc == 0 && stop) rc = end_line(s);
    len += stop != NULL;
    text += len;
    n -= len;
  }
  return rc == 0 && end ? end_line(s) : rc;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* The next bytes after decompression. 1: there may be more; 0: these are the last; or an error. */
static int next_bytes(sitemap *s, const char **ret, size_t *ret_n) {
  if (!s->zipped) {
    *ret = s->bytes + s->at;
    *ret_n = s->n - s->at < STEP ? s->n - s->at : STEP;
    s->at += *ret_n;
    return s->at < s->n;
  }
  s->z.next_in = (Bytef *)(uintptr_t)(s->bytes + s->at);
  s->z.avail_in = (uInt)(s->n - s->at < (1u << 30) ? s->n - s->at : (1u << 30));
  s->z.next_out = s->out;
  s->z.avail_out = STEP;
  int rc = inflate(&s->z, Z_NO_FLUSH);
  s->at = (size_t)((const char *)s->z.next_in - s->bytes);
  *ret = (const char *)s->out;
  *ret_n = STEP - s->z.avail_out;
  if (rc == Z_STREAM_END) {
    /* Several members are one file; anything else behind the end is left. */
    bool more =
        s->n - s->at > 2 && (unsigned char)s->bytes[s->at] == 0x1f && (unsigned char)s->bytes[s->at + 1] == 0x8b;
    return more && inflateReset(&s->z) == Z_OK;
  }
  if (rc == Z_MEM_ERROR) return SL_ENOMEM;
  if (rc == Z_OK && (s->at < s->n || s->z.avail_out == 0)) return 1;
  s->truncated = true;
  s->why = rc == Z_OK || rc == Z_BUF_ERROR ? "its compression is cut off" : "its compression is broken";
  return 0;
}

static int begin(sitemap *s, const char *bytes, size_t n, bool whole) {
  static const xmltok_events events = {on_start, on_end, on_text};
  static const xmltok_ns table[] = {{"http://www.sitemaps.org/schemas/sitemap/0.9", ""},
                                    {"http://www.google.com/schemas/sitemap/0.9", ""},
                                    {"http://www.google.com/schemas/sitemap/0.84", ""},
                                    {"http://www.google.com/schemas/sitemap-news/0.9", "news"},
                                    {"http://www.google.com/schemas/sitemap-image/1.1", "image"},
                                    {"http://www.google.com/schemas/sitemap-video/1.1", "video"}};
  char charset[WEBTEXT_CHARSET];
  s->opened = true;
  webtext_charset(bytes, n, s->content_type, whole, charset);
  int rc = webtext_open(&s->conv, charset);
  if (rc != 0) return rc;
  s->tok = xmltok_new(s->mem, &events, s, table, sizeof table / sizeof *table);
  return s->tok ? 0 : SL_ENOMEM;
}

/* XML or a list: the first character that is no blank tells. */
static void find_kind(sitemap *s) {
  const unsigned char *t = s->text.items;
  size_t i = 0;
  while (i < s->text.n && (t[i] <= ' ' || t[i] == 0xef || t[i] == 0xbb || t[i] == 0xbf)) i++;
  if (i < s->text.n && t[i] != '<') {
    s->kind = SITEMAP_TEXT;
    s->text.n -= i;
    memmove(s->text.items, t + i, s->text.n);
  }
}

static int parse(sitemap *s, const char *bytes, size_t n, bool end) {
  s->text.n = 0;
  bool first = s->made == 0;
  int rc = first ? begin(s, bytes, n, end) : 0;
  s->made += n;
  if (rc == 0) rc = webtext_convert(&s->conv, s->mem, bytes, n, end, &s->text);
  if (rc != 0) return rc;
  if (first) find_kind(s);
  if (s->kind == SITEMAP_TEXT) return lines(s, s->text.items, s->text.n, end);
  rc = xmltok_push(s->tok, s->text.items, s->text.n);
  if (rc == 0 && end) rc = xmltok_finish(s->tok);
  if (end) s->truncated |= xmltok_truncated(s->tok);
  return rc;
}

static int no_sitemap(sitemap *s) {
  s->why = s->made == 0               ? "it is empty"
           : s->kind == SITEMAP_OTHER ? "it is XML or HTML, but no sitemap"
                                      : "it is no list of URLs";
  return SL_EPARSE;
}

int sitemap_step(sitemap *s) {
  const char *bytes;
  size_t n = 0;
  if (s->ended) return 0;
  if (s->zipped && !s->inflating) {
    if (inflateInit2(&s->z, 15 + 16) != Z_OK) return SL_ENOMEM;
    s->inflating = true;
  }
  int more = next_bytes(s, &bytes, &n);
  if (more < 0) return more;
  int rc = n > 0 || s->opened ? parse(s, bytes, n, more == 0) : 0;
  s->ended = more == 0 || rc != 0;
  if (rc == SL_EPARSE) return no_sitemap(s);
  if (rc == SL_ELIMIT && !*s->why) s->why = "its elements are nested too deeply";
  if (rc == 0 && s->made > s->limits.bytes) {
    s->why = "it is larger than is read";
    s->ended = true;
    return SL_ELIMIT;
  }
  if (rc == 0 && more == 0 && s->kind == SITEMAP_NONE) return no_sitemap(s);
  return rc != 0 ? rc : more;
}
