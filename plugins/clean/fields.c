/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that clean adds to a document: see fields.h. */
#include "fields.h"

#include <stdlib.h>
#include <strings.h>
#include <utf8proc.h>

cJSON *clean_json_string(const clean_mem *mem, const char *s, size_t n) {
  char small[512], *z = n < sizeof small ? small : mem->alloc(n + 1);
  if (!z) return NULL;
  memcpy(z, s, n);
  z[n] = '\0';
  cJSON *item = cJSON_CreateString(z);
  if (z != small) mem->free(z);
  return item;
}

int clean_json_push(cJSON *array, cJSON *item) {
  if (item && cJSON_AddItemToArray(array, item)) return 1;
  cJSON_Delete(item);
  return 0;
}

int clean_json_put(cJSON *object, const char *key, cJSON *item) {
  if (item && cJSON_AddItemToObjectCS(object, key, item)) return 1;
  cJSON_Delete(item);
  return 0;
}

typedef struct maker {
  const clean_mem *mem;
  const cJSON *body;
  cJSON *o, *sources; /* sources NULL: not a page */
} maker;

/* Whether the text may be other than NFC: marks that stand alone. */
static int has_marks(const char *s) {
  for (; *s; s++) {
    if ((unsigned char)*s == 0xCC || (unsigned char)*s == 0xCD) return 1;
  }
  return 0;
}

static cJSON *text_of(const char *s) {
  if (!has_marks(s)) return cJSON_CreateString(s);
  utf8proc_uint8_t *made = utf8proc_NFC((const utf8proc_uint8_t *)s);
  cJSON *item = cJSON_CreateString(made ? (const char *)made : s);
  free(made);
  return item;
}

static int is_new(const maker *k, const char *key) { return !cJSON_GetObjectItemCaseSensitive(k->body, key); }

static int add(maker *k, const char *key, cJSON *item, const char *source) {
  if (k->sources && source && !clean_json_put(k->sources, key, cJSON_CreateStringReference(source))) {
    cJSON_Delete(item);
    return 0;
  }
  return clean_json_put(k->o, key, item);
}

static int add_text(maker *k, const char *key, const char *s, size_t n, const char *source) {
  return n == 0 || !is_new(k, key) || add(k, key, clean_json_string(k->mem, s, n), source);
}

static int add_meta(maker *k, const char *key, const clean_meta *m, int field) {
  return !m->text[field] || !is_new(k, key) || add(k, key, text_of(m->text[field]), m->source[field]);
}

static int add_when(maker *k, const char *key, const clean_when *w, int zone, const char *source) {
  char when[CLEAN_WHEN_MAX];
  if (!is_new(k, key)) return 1;
  clean_when_print(w, zone, when);
  return add(k, key, cJSON_CreateString(when), source);
}

static int is_vietnamese(const clean_meta *m) {
  const char *lang = m->text[CLEAN_M_LANGUAGE];
  return !lang || strncasecmp(lang, "vi", 2) == 0;
}

/* Names: of tags and bylines when they are persons, else of the signature below the text (the rules for lines are made
 * for Vietnamese), else whatever the page says. */
static int add_authors(maker *k, const clean_work *w) {
  const clean_meta *m = w->is_html ? &w->page.meta : NULL;
  int signature = w->lines.n_authors && (!m || ((!m->authors.n || m->group_authors) && is_vietnamese(m)));
  if (!is_new(k, "authors") || (!signature && (!m || !m->authors.n))) return 1;
  cJSON *a = cJSON_CreateArray();
  int ok = a != NULL;
  for (size_t i = 0; ok && signature && i < w->lines.n_authors; i++) {
    size_t start = w->lines.authors[i].start;
    ok = clean_json_push(a, clean_json_string(k->mem, w->normal.s + start, w->lines.authors[i].end - start));
  }
  for (size_t i = 0; ok && !signature && i < m->authors.n; i++) ok = clean_json_push(a, text_of(m->authors.items[i]));
  if (ok) return add(k, "authors", a, signature || !m ? "signature" : m->source[CLEAN_M_AUTHORS]);
  cJSON_Delete(a);
  return 0;
}

static int add_tags(maker *k, const clean_meta *m) {
  if (!m->n_tags || !is_new(k, "tags")) return 1;
  cJSON *a = cJSON_CreateArray();
  int ok = a != NULL;
  for (size_t i = 0; ok && i < m->n_tags; i++) ok = clean_json_push(a, text_of(m->tags[i]));
  if (ok) return add(k, "tags", a, m->source[CLEAN_M_TAGS]);
  cJSON_Delete(a);
  return 0;
}

static int add_page(maker *k, const clean_meta *m, int zone) {
  return (!m->has_modified || add_when(k, "modified", &m->modified, zone, m->source[CLEAN_M_MODIFIED])) &&
         add_meta(k, "description", m, CLEAN_M_DESCRIPTION) && add_meta(k, "site", m, CLEAN_M_SITE) &&
         add_meta(k, "language", m, CLEAN_M_LANGUAGE) && add_meta(k, "canonical", m, CLEAN_M_CANONICAL) &&
         add_meta(k, "image", m, CLEAN_M_IMAGE) && add_meta(k, "section", m, CLEAN_M_SECTION) && add_tags(k, m);
}

static int add_title(maker *k, const clean_work *w) {
  const clean_meta *m = w->is_html ? &w->page.meta : NULL;
  const char *s = w->out.s ? w->out.s : "";
  if (m && m->text[CLEAN_M_TITLE]) return add_meta(k, "title", m, CLEAN_M_TITLE);
  return add_text(k, "title", s + w->title_start, w->title_end - w->title_start, "text");
}

int clean_fields(const clean_mem *mem, const clean_work *w, const cJSON *body, int zone, cJSON *o) {
  const clean_meta *m = w->is_html ? &w->page.meta : NULL;
  const char *s = w->out.s ? w->out.s : "";
  maker k = {mem, body, o, m ? cJSON_CreateObject() : NULL};
  if (m && !k.sources) return 0;
  if (m && !is_vietnamese(m)) zone = CLEAN_NO_ZONE;
  const char *dated = m && w->when_of_page ? m->source[CLEAN_M_PUBLISHED] : "text";
  int ok = add_title(&k, w) && add_text(&k, "lead", s + w->lead_start, w->lead_end - w->lead_start, "text");
  if (ok && w->has_when) ok = add_when(&k, "published", &w->when, zone, dated);
  ok = ok && add_authors(&k, w) && (!m || add_page(&k, m, zone));
  if (ok && k.sources && k.sources->child && is_new(&k, "sources")) return clean_json_put(o, "sources", k.sources);
  cJSON_Delete(k.sources);
  return ok;
}
