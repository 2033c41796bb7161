/* SPDX-License-Identifier: Apache-2.0 */
/* Shows a document for a person. */
#include "view.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/article.h"

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define CYAN "\033[36m"
#define RESET "\033[0m"

#define MOST_ENTITIES 500 /* looked at for people: a view is for reading */
#define LEAD_CHARS 400    /* of the text, where there is neither summary nor lead */

typedef struct {
  view_buf *out;
  const cJSON *body;
  article_refs refs;
  int width, color;
  int column, indent; /* of the paragraph being wrapped */
  int fresh;          /* the line holds no word yet */
} view;

void view_put(view_buf *b, const char *data, size_t len) {
  if (len == 0) return;
  if (b->cap - b->len < len) {
    size_t cap = b->cap ? b->cap * 2 : 16384;
    while (cap - b->len < len) cap *= 2;
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

static void raw(view *v, const char *s) { view_put(v->out, s, strlen(s)); }

static void style(view *v, const char *code) {
  if (v->color) raw(v, code);
}

/* Control characters, and the marks that turn the direction of what follows. */
static int is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

/* Bytes of the character at s, and the columns that it takes: 0 for combining marks, 2 for East Asian ones, -1 for what
 * must not reach a terminal. A byte that is no UTF-8 is one character. */
static size_t character(const char *s, int *ret_columns) {
  const unsigned char *u = (const unsigned char *)s;
  size_t most = u[0] < 0xC0 ? 1 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4, n = 1;
  uint32_t c = most == 1 ? u[0] : u[0] & (0x7Fu >> most);
  for (; n < most && (u[n] & 0xC0) == 0x80; n++) c = c << 6 | (u[n] & 0x3Fu);
  int combining = c >= 0x300 && c < 0x370, wide = (c >= 0x3000 && c < 0xD7B0) || c >= 0x1F300;
  *ret_columns = is_control(c) ? -1 : combining ? 0 : wide ? 2 : 1;
  return n;
}

static void line_break(view *v) {
  raw(v, "\n");
  for (int i = 0; i < v->indent; i++) raw(v, " ");
  v->column = v->indent;
  v->fresh = 1;
}

/* Adds text to the paragraph, word by word. */
static void words(view *v, const char *text) {
  while (*text) {
    while (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t') text++;
    int columns = 0, w;
    size_t len = 0;
    while (text[len] && !strchr(" \n\r\t", text[len])) {
      len += character(text + len, &w);
      columns += w > 0 ? w : 0;
    }
    if (len == 0) return;
    if (v->column > v->indent && v->column + 1 + columns > v->width)
      line_break(v);
    else if (!v->fresh) {
      raw(v, " ");
      v->column++;
    }
    for (size_t i = 0; i < len;) {
      size_t n = character(text + i, &w);
      if (w >= 0) view_put(v->out, text + i, n);
      i += n;
    }
    v->column += columns;
    v->fresh = 0;
    text += len;
  }
}

/* Adds a mark behind the last word, without a space. */
static void glue(view *v, const char *mark) {
  raw(v, mark);
  v->column += (int)strlen(mark);
}

/* Begins a paragraph that hangs at `indent`. */
static void begin(view *v, int indent, const char *mark) {
  v->indent = indent;
  raw(v, mark);
  v->column = indent;
  v->fresh = 1;
}

static void heading(view *v, const char *text) {
  raw(v, "\n");
  style(v, CYAN);
  raw(v, text);
  style(v, RESET);
  raw(v, "\n");
}

static void meta(view *v) {
  const cJSON *source = article_get(v->body, "source");
  const char *parts[] = {article_string(v->body, "published"), article_string(v->body, "lang"),
                         article_string(v->body, "id"), article_string(source, "name")};
  int n = 0;
  style(v, DIM);
  begin(v, 0, "");
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (!parts[i] || !*parts[i]) continue;
    if (n++) words(v, "·");
    words(v, parts[i]);
  }
  style(v, RESET);
  if (n) raw(v, "\n");
}

static void summary(view *v) {
  const char *text = article_summary(v->body);
  char start[LEAD_CHARS + 8];
  if (!text) text = article_string(v->body, "lead");
  if (!text) {
    const char *all = article_string(v->body, "text");
    if (!all) return;
    size_t len = strlen(all) > LEAD_CHARS ? LEAD_CHARS : strlen(all);
    while (len > 0 && ((unsigned char)all[len] & 0xC0) == 0x80) len--;
    snprintf(start, sizeof start, "%.*s%s", (int)len, all, all[len] ? " …" : "");
    text = start;
  }
  raw(v, "\n");
  begin(v, 0, "");
  words(v, text);
  raw(v, "\n");
}

/* 1 if an earlier entity of this type has the same name. */
static int repeated(const cJSON *list, const cJSON *entity, const char *type, const char *name) {
  for (const cJSON *e = list->child; e && e != entity; e = e->next) {
    const char *other = article_is(e, type) ? article_entity_name(e) : NULL;
    if (other && strcmp(other, name) == 0) return 1;
  }
  return 0;
}

/* The roles of a person, each once. */
static void roles(view *v, const cJSON *list, const char *person) {
  int n = 0, looked = 0;
  for (const cJSON *e = list->child; e && looked < MOST_ENTITIES; e = e->next, looked++) {
    const char *holder = article_is(e, "ROLE") ? article_role_holder(&v->refs, e) : NULL;
    const char *role = holder && strcmp(holder, person) == 0 ? article_entity_name(e) : NULL;
    if (!role) continue;
    int again = 0;
    for (const cJSON *o = list->child; o != e && !again; o = o->next) {
      const char *h = article_is(o, "ROLE") ? article_role_holder(&v->refs, o) : NULL;
      const char *r = h && strcmp(h, person) == 0 ? article_entity_name(o) : NULL;
      again = r && strcmp(r, role) == 0;
    }
    if (again) continue;
    if (n++)
      glue(v, ";");
    else
      words(v, "–");
    words(v, role);
  }
}

static void people(view *v) {
  const cJSON *list = article_get(v->body, "entities");
  int n = 0, looked = 0;
  if (!cJSON_IsArray(list)) return;
  for (const cJSON *e = list->child; e && looked < MOST_ENTITIES; e = e->next, looked++) {
    const char *name = article_is(e, "PERSON") ? article_entity_name(e) : NULL;
    if (!name || repeated(list, e, "PERSON", name)) continue;
    if (n++ == 0) heading(v, "People");
    begin(v, 4, "  • ");
    style(v, BOLD);
    words(v, name);
    style(v, RESET);
    roles(v, list, name);
    raw(v, "\n");
  }
}

static void directive(view *v, const cJSON *d, int number) {
  char mark[16];
  const cJSON *addressees = article_get(d, "addressees");
  const char *speaker = article_name(&v->refs, article_get(d, "speaker")),
             *verb = article_words(article_get(d, "verb"));
  const char *content = article_words(article_get(d, "content")), *deadline = article_words(article_get(d, "deadline"));
  int width = snprintf(mark, sizeof mark, "%3d. ", number);
  begin(v, width, mark);
  style(v, BOLD);
  words(v, speaker ? speaker : "(không rõ)");
  style(v, RESET);
  /* "Sở X có trách nhiệm làm": the verb is the addressee's, and stands in the content. */
  if (verb && content && strncmp(content, verb, strlen(verb)) == 0) verb = "→";
  if (verb) words(v, verb);
  if (cJSON_IsArray(addressees)) {
    int n = 0;
    for (const cJSON *a = addressees->child; a; a = a->next) {
      const char *name = article_name(&v->refs, a);
      if (name && n++) glue(v, ";");
      if (name) words(v, name);
    }
  }
  if (content) {
    words(v, "—");
    words(v, content);
  }
  if (deadline) {
    char when[128];
    snprintf(when, sizeof when, "(%.*s)", (int)strnlen(deadline, 100), deadline);
    words(v, when);
  }
  raw(v, "\n");
}

static void directives(view *v) {
  const cJSON *list = article_get(v->body, "directives");
  int n = 0;
  if (!cJSON_IsArray(list)) return;
  for (const cJSON *d = list->child; d; d = d->next) {
    if (n == 0) heading(v, "Directives");
    directive(v, d, ++n);
  }
}

/* A document that is no article: its top-level scalars, a line each. */
static void scalars(view *v) {
  for (const cJSON *c = v->body->child; c; c = c->next) {
    char number[64];
    const char *text = cJSON_IsString(c) ? c->valuestring
                       : cJSON_IsBool(c) ? (cJSON_IsTrue(c) ? "true" : "false")
                                         : NULL;
    if (cJSON_IsNumber(c)) {
      snprintf(number, sizeof number, "%.17g", c->valuedouble);
      text = number;
    }
    if (!text) continue;
    begin(v, 0, "");
    style(v, BOLD);
    words(v, c->string);
    style(v, RESET);
    glue(v, ":");
    v->indent = 4;
    words(v, text);
    raw(v, "\n");
  }
}

/* What to call a document: its title, else its id, file name or URI. */
static const char *heading_of(const cJSON *body, const char *uri) {
  const char *title = article_string(body, "title"), *id = article_string(body, "id");
  const char *name = article_string(article_get(body, "source"), "name");
  return title && *title ? title : id ? id : name ? name : uri;
}

void view_document(view_buf *b, const cJSON *body, const char *uri, int width, int color) {
  view v = {.out = b, .body = body, .width = width < 40 ? 40 : width, .color = color};
  const char *title = heading_of(body, uri);
  if (article_refs_build(&v.refs, body) < 0) b->failed = 1;
  style(&v, DIM);
  for (int i = 0; i < v.width; i++) raw(&v, "─");
  style(&v, RESET);
  raw(&v, "\n");
  if (title && *title) {
    begin(&v, 0, "");
    style(&v, BOLD);
    words(&v, title);
    style(&v, RESET);
    raw(&v, "\n");
  }
  meta(&v);
  if (article_string(body, "title") || article_string(body, "text")) {
    summary(&v);
    people(&v);
    directives(&v);
  } else {
    scalars(&v);
  }
  raw(&v, "\n");
  article_refs_free(&v.refs);
}
