/* SPDX-License-Identifier: Apache-2.0 */
/* Writes articles as JSON inside script elements. */
#include "block.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "../common/directive.h"

#define ROWS "<script type=\"application/json\" class=\"a\">"
#define TEXT "<script type=\"application/json\" class=\"t\">"
#define END "</script>\n"
#define ROLES 2048 /* bytes of the roles of a speaker */
#define STEP 1024  /* bytes of text between two known positions */

void page_put(page_buf *b, const char *data, size_t len) {
  if (b->failed || len == 0) return;
  if (b->cap - b->len < len) {
    size_t cap = b->cap ? b->cap : 16384;
    while (cap - b->len < len) cap += cap / 2;
    char *grown = realloc(b->data, cap);
    if (!grown) {
      b->failed = 1;
      return;
    }
    b->data = grown;
    b->cap = cap;
  }
  memcpy(b->data + b->len, data, len);
  b->len += len;
}

void page_puts(page_buf *b, const char *text) { page_put(b, text, strlen(text)); }

/* Length of the UTF-8 sequence at s (NUL-terminated), 0 if it is not one. */
static size_t sequence(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
  size_t n = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
  for (size_t i = 1; i < n; i++)
    if ((s[i] & 0xC0) != 0x80) return 0;
  if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
  if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
  return n;
}

static void put_escaped(page_buf *b, unsigned code) {
  char out[8];
  int n = snprintf(out, sizeof out, "\\u%04x", code);
  page_put(b, out, (size_t)n);
}

void page_json(page_buf *b, const char *text) {
  if (!text) {
    page_puts(b, "null");
    return;
  }
  const unsigned char *s = (const unsigned char *)text, *from = s;
  page_puts(b, "\"");
  while (*s) {
    size_t n = sequence(s);
    int line_end = n == 3 && s[0] == 0xE2 && s[1] == 0x80 && (s[2] == 0xA8 || s[2] == 0xA9);
    if (n && !line_end && *s >= 0x20 && !strchr("\"\\<>&\x7f", *s)) {
      s += n;
      continue;
    }
    page_put(b, (const char *)from, (size_t)(s - from));
    put_escaped(b, n == 0 ? 0xFFFDu : line_end ? 0x2000u + (s[2] & 0x3Fu) : *s);
    from = s += n ? n : 1;
  }
  page_put(b, (const char *)from, (size_t)(s - from));
  page_puts(b, "\"");
}

static void put_member(page_buf *b, const char *name, const char *text) {
  if (!text || !*text) return;
  page_puts(b, ",\"");
  page_puts(b, name);
  page_puts(b, "\":");
  page_json(b, text);
}

/* ---- positions ----------------------------------------------------------------------------------------------------
 */

/* A text, and how many UTF-16 units come before every STEP bytes: JavaScript counts so. */
typedef struct ruler {
  const char *text;
  size_t len;
  uint32_t *units;
} ruler;

/* Every byte that begins a character is one unit, and one that begins a pair of surrogates two; broken bytes count one.
 */
static unsigned units_of(const char *text, size_t i) {
  size_t n = sequence((const unsigned char *)text + i);
  if (n) return n == 4 ? 2 : 1;
  for (size_t back = 1; back <= 3 && back <= i; back++) {
    size_t m = sequence((const unsigned char *)text + i - back);
    if (m) return m > back ? 0 : 1;
  }
  return 1;
}

static int ruler_make(ruler *r, const char *text) {
  r->text = text;
  r->len = strlen(text);
  r->units = malloc((r->len / STEP + 1) * sizeof *r->units);
  if (!r->units) return -1;
  uint32_t units = 0;
  for (size_t i = 0; i < r->len; i++) {
    if (i % STEP == 0) r->units[i / STEP] = units;
    units += units_of(text, i);
  }
  if (r->len % STEP == 0) r->units[r->len / STEP] = units;
  return 0;
}

static uint32_t units_before(const ruler *r, size_t at) {
  uint32_t units = r->units[at / STEP];
  for (size_t i = at - at % STEP; i < at; i++) units += units_of(r->text, i);
  return units;
}

/* A span of the text, as bytes under one name and as UTF-16 units under the other. One that does not lie in the text is
 * left out. */
static void put_span(page_buf *b, const ruler *r, const cJSON *span, const char *bytes, const char *units) {
  const cJSON *start = article_get(span, "start"), *end = article_get(span, "end");
  char out[160];
  if (!r->units || !cJSON_IsNumber(start) || !cJSON_IsNumber(end)) return;
  double from = start->valuedouble, to = end->valuedouble;
  if (!(from >= 0 && to >= from && to <= (double)r->len) || floor(from) != from || floor(to) != to) return;
  if (bytes) {
    snprintf(out, sizeof out, ",\"%s\":[%.0f,%.0f]", bytes, from, to);
    page_puts(b, out);
  }
  snprintf(out, sizeof out, ",\"%s\":[%u,%u]", units, units_before(r, (size_t)from), units_before(r, (size_t)to));
  page_puts(b, out);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------
 */

static void put_addressees(page_buf *b, const article_refs *refs, const cJSON *d) {
  const cJSON *list = article_get(d, "addressees");
  int any = 0;
  page_puts(b, ",\"t\":[");
  for (const cJSON *a = cJSON_IsArray(list) ? list->child : NULL; a; a = a->next) {
    const char *name = article_name(refs, a);
    if (!name) continue;
    if (any++) page_puts(b, ",");
    page_json(b, name);
  }
  page_puts(b, "]");
}

static void put_deadline(page_buf *b, const cJSON *deadline) {
  char day[11];
  const char *norm = article_string(deadline, "norm"), *words = article_words(deadline);
  put_member(b, "d", words);
  put_member(b, "n", norm ? norm : words);
  if (directive_last_day(norm ? norm : words, day) == 0) put_member(b, "due", day);
}

static void put_row(page_buf *b, const ruler *r, const article_refs *refs, const cJSON *entities, const cJSON *d) {
  char roles[ROLES];
  const char *verb = article_words(article_get(d, "verb")), *content = article_words(article_get(d, "content"));
  directive_roles(refs, entities, d, roles, sizeof roles);
  page_puts(b, "{\"v\":");
  page_json(b, verb ? verb : "");
  page_puts(b, ",\"c\":");
  page_json(b, content ? content : "");
  put_member(b, "w", directive_speaker(refs, d));
  put_member(b, "r", roles);
  put_member(b, "s", article_string(d, "strength"));
  put_addressees(b, refs, d);
  put_member(b, "p", article_words(article_get(d, "to")));
  put_deadline(b, article_get(d, "deadline"));
  put_span(b, r, article_get(d, "content"), "b", "u");
  put_span(b, r, article_get(article_get(d, "verb"), "start") ? article_get(d, "verb") : d, NULL, "y");
  if (cJSON_IsTrue(article_get(d, "inherited_speaker"))) page_puts(b, ",\"i\":1");
  page_puts(b, "}");
}

static void put_rows(page_buf *b, const page_source *from, const ruler *r, const article_refs *refs) {
  const cJSON *list = article_get(from->body, "directives"), *entities = article_get(from->body, "entities");
  page_puts(b, ROWS "{\"key\":");
  page_json(b, from->key);
  put_member(b, "id", article_string(from->body, "id"));
  put_member(b, "title", article_string(from->body, "title"));
  put_member(b, "date", article_string(from->body, "published"));
  put_member(b, "uri", from->uri);
  page_puts(b, ",\"rows\":[");
  for (const cJSON *d = cJSON_IsArray(list) ? list->child : NULL; d; d = d->next) {
    if (d != list->child) page_puts(b, ",");
    put_row(b, r, refs, cJSON_IsArray(entities) ? entities->child : NULL, d);
  }
  page_puts(b, "]}" END);
}

int page_block(page_buf *b, const page_source *from, article_refs *refs) {
  const char *text = article_string(from->body, "text");
  const cJSON *list = article_get(from->body, "directives");
  int any = cJSON_IsArray(list) && list->child;
  size_t before = b->len;
  ruler r = {0};
  b->failed = article_refs_build(refs, from->body) != 0 || (any && text && ruler_make(&r, text) != 0);
  put_rows(b, from, &r, refs);
  page_puts(b, TEXT);
  page_json(b, any && text ? text : "");
  page_puts(b, END);
  free(r.units);
  if (!b->failed) return 0;
  b->failed = 0;
  b->len = before;
  return -1;
}

/* ---- reading back -------------------------------------------------------------------------------------------------
 */

static int is_element(const char *line, size_t n, const char *begin) {
  size_t head = strlen(begin), tail = strlen(END);
  return n >= head + tail && memcmp(line, begin, head) == 0 && memcmp(line + n - tail, END, tail) == 0;
}

int page_is_rows(const char *line, size_t n) { return is_element(line, n, ROWS); }

int page_is_text(const char *line, size_t n) { return is_element(line, n, TEXT); }

char *page_key_of(const char *line, size_t n) {
  static const char begin[] = ROWS "{\"key\":";
  size_t head = sizeof begin - 1;
  if (n <= head || memcmp(line, begin, head) != 0) return NULL;
  const char *end = NULL;
  for (size_t i = head + 1; i < n; i++) { /* the string's closing quote */
    if (line[i] == '\\')
      i++;
    else if (line[i] == '"') {
      end = line + i + 1;
      break;
    }
  }
  cJSON *key = end ? cJSON_ParseWithLength(line + head, (size_t)(end - line) - head) : NULL;
  char *copy = cJSON_IsString(key) ? strdup(key->valuestring) : NULL;
  cJSON_Delete(key);
  return copy;
}
