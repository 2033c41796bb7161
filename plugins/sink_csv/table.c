/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of CSV out of cJSON documents. */
#include "table.h"

#include <math.h>
#include <stdio.h>

static int skip_prefix(const char **text, const char *prefix) {
  size_t n = strlen(prefix);
  if (strncmp(*text, prefix, n) != 0) return 0;
  *text += n;
  return 1;
}

int csv_column_parse(const char *text, csv_column *ret) {
  static const char *const names[] = {"@key", "@uri", "@index"};
  memset(ret, 0, sizeof *ret);
  for (int i = 0; i < 3; i++) {
    if (strcmp(text, names[i]) != 0) continue;
    ret->kind = CSV_KEY + i;
    return 0;
  }
  for (;;) {
    if (skip_prefix(&text, "doc:"))
      ret->kind = CSV_DOC;
    else if (skip_prefix(&text, "name:"))
      ret->by_name = 1;
    else
      break;
  }
  if (*text && *text != '/') return -1;
  for (const char *p = text; *p; p++)
    if (*p == '~' && p[1] != '0' && p[1] != '1') return -1;
  ret->path = jptr_new(text);
  return ret->path ? 0 : -2;
}

void csv_put(csv_buf *b, const char *data, size_t len) {
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

static void put_string(csv_buf *b, const char *s) { csv_put(b, s, strlen(s)); }

/* A spreadsheet takes a cell that begins so for a formula, even in quotes. */
static int is_formula(const char *s) { return *s && strchr("=+-@\t\r", *s); }

static int needs_quotes(const csv_format *f, const char *s) {
  size_t len = strlen(s);
  if (len && (s[0] == ' ' || s[len - 1] == ' ')) return 1;
  for (; *s; s++)
    if (*s == f->separator || *s == '"' || *s == '\n' || *s == '\r') return 1;
  return 0;
}

void csv_field(csv_buf *b, const csv_format *f, const char *value, int text) {
  int defuse = text && f->escape && is_formula(value);
  if (!needs_quotes(f, value)) {
    if (defuse) put_string(b, "'");
    put_string(b, value);
    return;
  }
  put_string(b, defuse ? "\"'" : "\"");
  for (const char *quote; (quote = strchr(value, '"')); value = quote + 1) {
    csv_put(b, value, (size_t)(quote - value) + 1);
    put_string(b, "\"");
  }
  put_string(b, value);
  put_string(b, "\"");
}

/* The shortest digits that read back the same, or the text that the reader kept. */
static void number_text(const cJSON *v, char *out, size_t room) {
  double d = v->valuedouble;
  if (v->valuestring && strlen(v->valuestring) < room && strtod(v->valuestring, NULL) == d) {
    snprintf(out, room, "%s", v->valuestring);
    return;
  }
  if (d == floor(d) && fabs(d) < 9e15) {
    snprintf(out, room, "%lld", (long long)d);
    return;
  }
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(out, room, "%.*g", digits, d);
    if (strtod(out, NULL) == d) return;
  }
}

typedef struct {
  csv_buf *to; /* the plain value, before quoting */
  const csv_format *format;
  const article_refs *refs;
  int by_name, text;
} value;

static void add_value(value *v, const cJSON *node, int depth) {
  char number[512];
  if (v->by_name && cJSON_IsString(node)) {
    put_string(v->to, article_name(v->refs, node));
  } else if (cJSON_IsString(node)) {
    put_string(v->to, node->valuestring);
  } else if (cJSON_IsNumber(node)) {
    number_text(node, number, sizeof number);
    put_string(v->to, number);
    return;
  } else if (cJSON_IsBool(node)) {
    put_string(v->to, cJSON_IsTrue(node) ? "true" : "false");
  } else if (cJSON_IsArray(node) && depth == 0) {
    for (const cJSON *c = node->child; c; c = c->next) {
      if (c != node->child) put_string(v->to, v->format->join);
      add_value(v, c, 1);
    }
  } else if (node && !cJSON_IsNull(node)) {
    char *json = cJSON_PrintUnformatted(node);
    if (json)
      put_string(v->to, json);
    else
      v->to->failed = 1;
    cJSON_free(json);
  }
  v->text = 1;
}

static void add_column(csv_buf *b, const csv_format *f, const csv_column *c, const csv_row *row) {
  csv_buf plain = {0};
  value v = {.to = &plain, .format = f, .refs = row->refs, .by_name = c->by_name};
  char number[24];
  switch (c->kind) {
  case CSV_KEY:
  case CSV_URI:
    put_string(&plain, c->kind == CSV_KEY ? row->key : row->uri);
    v.text = 1;
    break;
  case CSV_INDEX:
    snprintf(number, sizeof number, "%zu", row->index);
    put_string(&plain, number);
    break;
  default:
    add_value(&v, jptr_get(c->path, c->kind == CSV_DOC || !row->item ? row->body : row->item), 0);
  }
  csv_put(&plain, "", 1);
  if (plain.failed)
    b->failed = 1;
  else
    csv_field(b, f, plain.data, v.text);
  free(plain.data);
}

void csv_header(csv_buf *b, const csv_format *f, const csv_column *columns, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (i) csv_put(b, &f->separator, 1);
    csv_field(b, f, columns[i].name, 0);
  }
  put_string(b, f->end);
}

int csv_line(csv_buf *b, const csv_format *f, const csv_column *columns, size_t n, const csv_row *row) {
  size_t before = b->len;
  for (size_t i = 0; i < n; i++) {
    if (i) csv_put(b, &f->separator, 1);
    add_column(b, f, &columns[i], row);
  }
  put_string(b, f->end);
  if (!b->failed) return 0;
  b->failed = 0;
  b->len = before;
  return -1;
}
